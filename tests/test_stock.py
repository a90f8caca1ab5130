"""Stock as members meet it: counting, taking, being told when it runs low, and what is scarce."""

from __future__ import annotations

from storage.database import Reader
from tests.conftest import Town


async def rice(town: Town, *lines: str) -> None:
    """There are twelve kilos of rice, and the committee has decided these things about it."""
    await town.says("ana", "/stock rice 12 kg")
    for line in lines:
        await town.says("ana", line)
        await town.presses("ben", "Agree")


async def test_it_is_counted_and_put_in_and_taken_out(town: Town) -> None:
    assert await town.says("ana", "/stock rice 12 kg") == "rice: 12 kg."
    await town.says("ana", "/stock masks 40")
    assert await town.says("chi", "/stock rice -3") == "rice: 9 kg."
    assert await town.says("chi", "/stock Rice +1,5 kg") == "rice: 10.5 kg."
    assert await town.says("chi", "/stock ric 8 kg") == "rice: 8 kg."
    assert await town.whispers("eli", "/stock") == "Stock / rice: 8 kg / masks: 40"


REFUSED = (
    ("chi", "/stock beans 3 kg", "Organizers put new things on the list"),
    ("ana", "/stock beans -3", "That is not in stock."),
    ("chi", "/stock beans", "That is not in stock."),
    ("chi", "/stock rice -13", "That is more than there is. Of rice you can take 12 kg."),
    ("chi", "/stock rice -3 g", "rice is counted like this: 12 kg."),
    ("chi", "/stock rice -0", "How much?"),
    ("chi", "/stock rice +9999999", "That is too much to be right."),
    ("chi", "/lowest rice 5", "organizer"),
    ("ana", "/lowest rice", "Write an amount or the word off"),
    ("ana", "/weekly rice 0", "Write an amount or the word off"),
    ("chi", "/unstock rice", "organizer"),
)
"""Who says what, and what they hear."""


async def test_what_cannot_be_gets_a_sentence_and_changes_nothing(town: Town) -> None:
    await rice(town)
    for who, line, answer in REFUSED:
        assert answer in await town.whispers(who, line), line
        assert await town.whispers("eli", "/stock") == "Stock / rice: 12 kg"


async def test_by_buttons_alone(town: Town) -> None:
    await rice(town)
    await town.whispers("chi", "/stock")
    await town.presses("chi", "rice")
    await town.presses("chi", "Take out")
    await town.presses("chi", "2")
    assert await town.whispers("eli", "/stock") == "Stock / rice: 10 kg"
    await town.presses("chi", "Undo")
    assert await town.whispers("eli", "/stock") == "Stock / rice: 12 kg"


async def test_a_slip_is_undone_by_whoever_made_it_once_and_only_while_nothing_else_has_changed(town: Town) -> None:
    await rice(town)
    await town.says("chi", "/stock rice -3")
    assert await town.presses("eli", "Undo") == "This is for somebody else."
    await town.says("eli", "/stock rice 8 kg")
    assert "Something has changed since." in await town.presses("chi", "Undo")
    assert await town.whispers("eli", "/stock") == "Stock / rice: 8 kg"


async def test_where_several_things_are_called_so_it_is_asked_which(town: Town) -> None:
    await town.says("ana", "/stock brown rice 3 kg")
    await town.says("ana", "/stock white rice 5 kg")
    assert await town.whispers("chi", "/stock rice -1") == "Which one?"
    await town.presses("chi", "white rice")
    assert await town.whispers("eli", "/stock") == "Stock / brown rice: 3 kg / white rice: 4 kg"


async def test_who_changed_what_is_told_in_private_and_kept_for_a_while(town: Town) -> None:
    await rice(town)
    await town.says("chi", "/stock rice -3")
    await town.says("eli", "/stock rice")
    group = len(town.sees())
    await town.presses("eli", "What was changed")
    assert len(town.sees()) == group
    assert any("Chi took out 3 kg / Mon, Jan 5 18:00: Ana counted 12 kg" in what for _, what in town.transcript)
    assert "Chi" not in "".join(town.sees())

    async def ask(tx: Reader) -> int:
        return int(await tx.value("SELECT count(*) FROM stock_moves"))

    await town.skip("95d")
    assert await town.practice.app.database.read(ask) == 0


async def test_organizers_hear_once_when_it_runs_low_and_again_when_it_was_filled_up(town: Town) -> None:
    await rice(town)
    assert "less than 5 kg" in await town.says("ana", "/lowest rice 5 kg")
    for line in ("-7", "-1", "-1", "+9", "-9"):
        await town.says("chi", f"/stock rice {line}")
        await town.skip("1d")
    told = [one for one in town.heard("ana") if "rice runs low" in one]
    assert told == ["rice runs low: 4 kg, less than 5 kg.", "rice runs low: 3 kg, less than 5 kg."]
    assert not any("runs low" in one for one in town.heard("chi"))
    assert "rice runs low" in await town.whispers("ben", "/todo")
    assert "rice runs low" not in await town.whispers("chi", "/todo")


async def test_where_it_is_scarce_nobody_takes_more_than_the_committee_decided(town: Town) -> None:
    await rice(town, "/weekly rice 3")
    assert await town.says("chi", "/stock rice -2") == "rice: 10 kg."
    await town.skip("1d")
    said = await town.whispers("chi", "/stock rice -2")
    assert said == (
        "rice is scarce: the committee decided on 3 kg a week for one person. / You can take 1 kg now. / "
        "More from Mon, Jan 12 18:00 on."
    )
    assert "organizers count it" in await town.whispers("chi", "/stock rice 5 kg"), "counting is no way around it"
    assert await town.says("chi", "/stock rice -1") == "rice: 9 kg."
    assert await town.says("eli", "/stock rice -3") == "rice: 6 kg."
    await town.skip("6d")
    assert await town.says("chi", "/stock rice -2") == "rice: 4 kg."
    await town.says("ana", "/weekly rice off")
    await town.presses("ben", "Agree")
    assert await town.says("chi", "/stock rice -4") == "rice: 0 kg."
    assert await town.whispers("chi", "/stock rice -1") == "There is nothing left of rice."


async def test_what_was_undone_is_not_counted_as_taken(town: Town) -> None:
    await rice(town, "/weekly rice 3")
    await town.says("chi", "/stock rice -3")
    await town.presses("chi", "Undo")
    assert await town.says("chi", "/stock rice -3") == "rice: 9 kg."


async def test_what_is_not_counted_any_more_leaves_no_words(town: Town) -> None:
    await rice(town)
    assert await town.says("ana", "/unstock rice") == "rice is not counted any more."
    assert "Nothing is counted yet." in await town.whispers("chi", "/stock")

    async def ask(tx: Reader) -> int:
        return int(await tx.value("SELECT count(*) FROM notes WHERE text IS NOT NULL"))

    assert await town.practice.app.database.read(ask) == 0


async def test_the_log_tells_what_is_counted_and_decided_and_not_who_took_what(town: Town) -> None:
    await rice(town, "/weekly rice 3")
    await town.says("chi", "/stock rice -3")
    said = await town.whispers("eli", "/log")
    assert "Ana began to count in stock: rice." in said
    assert "rice: one person may take 3 kg a week." in said
    assert "Chi" not in said.replace("Chi joined.", "")


async def test_everybody_reads_amounts_as_their_language_writes_them(town: Town) -> None:
    await rice(town)
    await town.whispers("eli", "/language de")
    assert "rice: 10,5 kg" in await town.whispers("eli", "/stock rice -1.5")
