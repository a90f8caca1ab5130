"""Gifts as members meet them: told by either side, counted by nobody, hidden, taken back; and hours where none are."""

from __future__ import annotations

import json

import pytest

from bot.domain.policies import Scheme
from storage import gifts, people, schemes
from storage.database import Reader, Transaction
from tests.conftest import Town


async def gifts_only(town: Town) -> None:
    """The committee has decided that nobody counts hours."""

    async def decide(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        by = (await people.members_named(tx, 1, "ana"))[0]
        await schemes.decide(tx, committee, Scheme(base="gift"), by, now=town.practice.app.now())

    await town.practice.app.database.transact(decide)


async def entries_of(town: Town, kind: str) -> list[dict[str, object]]:
    """The bodies of all chained entries of a kind."""

    async def ask(tx: Reader) -> list[dict[str, object]]:
        rows = await tx.all("SELECT body FROM entries WHERE kind = ? ORDER BY number LIMIT 100", kind)
        return [json.loads(body) for (body,) in rows]

    return await town.practice.app.database.read(ask)


async def test_whoever_got_something_tells_of_it_and_no_hours_move(town: Town) -> None:
    assert await town.says("ben", "/gift @ana repaired the bike") == "A gift from Ana to Ben: repaired the bike (no. 1)"
    assert town.heard("ana")[-1] == "A gift from Ana to Ben: repaired the bike (no. 1)"
    assert await town.balance("ana") == await town.balance("ben") == 0
    assert await entries_of(town, "transfer") == []


async def test_whoever_gave_something_tells_of_it_and_the_other_can_take_it_back(town: Town) -> None:
    await town.says("ana", "/gift_to @ben a loaf of bread")
    assert town.heard("ben")[-1] == "A gift from Ana to Ben: a loaf of bread (no. 1)"
    await town.practice.press("ben", "Take back", within=town.private("ben"))
    assert town.heard("ana")[-1] == "Ben took back gift no. 1."
    assert "You gave something 0 times." in await town.whispers("ana", "/gifts")
    assert "bread" not in town.sees()[-1]

    async def words(tx: Reader) -> object:
        return await tx.value("SELECT text FROM notes WHERE thing = 'gift:1'")

    assert await town.practice.app.database.read(words) is None, "its words go with it"
    assert town.sees()[-1].startswith("Taken back: A gift from Ana to Ben")


@pytest.mark.parametrize(
    "line",
    [
        "/gift_to all cooked lunch",
        "/gift_to for all cooked lunch",
        "/gift_to para todos: cooked lunch",
        "/gift_to für alle cooked lunch",
    ],
)
async def test_a_gift_can_be_for_everybody(town: Town, line: str) -> None:
    assert await town.says("ana", line) == "A gift from Ana to everybody: cooked lunch (no. 1)"
    assert "That was with 0 different people." in await town.whispers("ana", "/gifts")
    assert "You got something 0 times." in await town.whispers("ben", "/gifts")


async def test_anybody_tells_of_what_others_gave_to_all(town: Town) -> None:
    assert (
        await town.says("ben", "/gift @ana and @chi for all cooked lunch")
        == "A gift from Ana and Chi to everybody: cooked lunch (no. 1) / Told by Ben."
    )
    assert await town.says("ben", "/gift @ana all the apples") == "A gift from Ana to Ben: all the apples (no. 2)"


async def test_both_counters_are_for_ones_own_eyes_and_others_see_only_what_somebody_gave(town: Town) -> None:
    await town.says("ben", "/gift @ana a chair")
    await town.says("chi", "/gift @ana a table")
    await town.says("ana", "/gift @ben 2h a lift")
    own = await town.whispers("ana", "/gifts")
    assert "You gave something 2 times. / You got something 1 time. / That was with 2 different people." in own
    assert await town.whispers("eli", "/gifts @ana") == "Ana gave something 2 times. / To 2 different people."
    assert "Nobody else can see how often you gave." in await town.whispers("ana", "/gifts hide")
    assert await town.whispers("eli", "/gifts @ana") == "Ana keeps that private."
    assert "You gave something 2 times." in await town.whispers("ana", "/gifts show")
    assert "Ana gave something 2 times." in await town.whispers("eli", "/gifts @ana")


async def test_counters_asked_for_in_the_group_are_answered_in_private(town: Town) -> None:
    await town.says("ben", "/gift @ana a chair")
    before = len(town.sees())
    await town.says("ana", "/gifts")
    await town.says("ana", "/gifts @ben")
    assert not [one for one in town.sees()[before:] if "time" in one]
    assert town.heard("ana")[-2].startswith("Your gifts in Riverside / You gave something 1 time.")


REFUSED = (
    ("ana", "/gift @ana a cake", "Name whoever gave you something."),
    ("ana", "/gift_to @ana a cake", "You cannot give to yourself."),
    ("ana", "/gift_to a cake", "To whom? Write it like this: /gift_to @ben cooked lunch"),
    ("ana", "/gift_to @zoe a cake", "Nobody in Riverside is called @zoe"),
    ("ana", "/ungift 9", "There is no gift 9 here."),
    ("eli", "/ungift 1", "Only those in gift no. 1 can take it back"),
)
"""Who says what, and what they hear."""


async def test_what_cannot_be_gets_a_sentence_and_changes_nothing(town: Town) -> None:
    await town.says("ben", "/gift @ana a chair")
    before = await entries_of(town, "gift")
    for who, line, answer in REFUSED:
        assert answer in await town.whispers(who, line), line
    assert await entries_of(town, "gift") == before


async def test_one_of_several_takes_only_themselves_out_and_nobody_does_it_twice(town: Town) -> None:
    await town.says("ana", "/gift_to @ben @chi a basket")
    assert await town.whispers("ben", "/ungift 1") == "You are not in gift no. 1 any more."
    assert town.sees()[-1] == "A gift from Ana to Chi: a basket (no. 1)"
    assert "Only those in gift no. 1" in await town.whispers("ben", "/ungift 1")
    assert await town.whispers("chi", "/ungift 1") == "Gift no. 1 is taken back."
    assert await town.whispers("ana", "/ungift 1") == "Gift no. 1 is taken back already."
    assert [body.get("left") for body in await entries_of(town, "gift")] == [None, True, False]


async def test_undo_takes_back_what_one_told_last_be_it_hours_or_a_gift(town: Town) -> None:
    await town.says("ana", "/thank @ben 1h")
    await town.skip("1m")
    await town.says("ana", "/gift @chi a chair")
    assert await town.says("ana", "/undo") == "Gift no. 1 is taken back."
    assert await town.says("ana", "/undo") == "No. 1 is undone. (No. 2)"
    await town.says("ana", "/gift @chi a chair")
    await town.skip("1m")
    await town.says("ana", "/thank @ben 1h")
    assert await town.says("ana", "/undo") == "No. 3 is undone. (No. 4)"


async def test_where_help_is_a_gift_thanking_and_telling_of_work_lead_to_gifts(town: Town) -> None:
    await gifts_only(town)
    assert await town.says("ben", "/thank @ana 2h mended my bike") == "A gift from Ana to Ben: mended my bike (no. 1)"
    assert await town.says("ana", "/worked 1h @chi cut the hedge") == "A gift from Ana to Chi: cut the hedge (no. 2)"
    assert await town.says("ana", "/worked 1h committee swept") == "A gift from Ana to everybody: swept (no. 3)"
    assert await town.balance("ana") == 0
    assert [body.get("minutes") for body in await entries_of(town, "gift")] == [120, 60, 60]
    assert "You gave something 3 times." in await town.whispers("ana", "/gifts")


async def test_by_buttons_alone_thanking_asks_for_a_gift_before_it_is_told(town: Town) -> None:
    await gifts_only(town)
    await town.whispers("ben", "/thank")
    await town.presses("ben", "Ana")
    await town.presses("ben", "1 h")
    asked = await town.presses("ben", "Skip") or town.heard("ben")[-1]
    assert "Here help is a gift, and nobody counts hours." in town.heard("ben")[-1], asked
    await town.presses("ben", "Yes")
    assert town.heard("ben")[-1] == "A gift from Ana to Ben (no. 1)"


async def test_what_is_done_on_the_board_is_a_gift_and_nobody_is_asked_how_long_it_took(town: Town) -> None:
    await gifts_only(town)
    await town.says("ana", "/need a bike repaired")
    await town.whispers("ben", "/take 1")
    await town.practice.press("ana", "It is done", within=town.private("ana"))
    assert town.heard("ana")[-1].startswith("A gift from Ben to Ana: ")
    assert "You have not agreed on anything" not in await town.whispers("ben", "/board")
    await town.says("chi", "/offer bread on sundays")
    await town.whispers("eli", "/take 2")
    assert "A gift from Chi to Eli: " in await town.whispers("chi", "/done 2 1h")


async def test_what_was_claimed_before_the_change_is_still_answered_and_counted(town: Town) -> None:
    await town.says("ben", "/worked 1h @ana")
    await gifts_only(town)
    await town.practice.press("ana", "That is right", within=town.private("ana"))
    assert await town.balance("ben") == 60
    told = await town.whispers("ben", "/balance")
    assert told.startswith("Here help is a gift, and nobody counts hours.")
    assert "From before, you have 1 h. Nothing of it is lost." in told
    assert "From before" not in await town.whispers("chi", "/balance")
    assert await town.says("ana", "/undo 1") != ""


async def test_hours_do_not_settle_a_barter_where_nobody_counts_them(town: Town) -> None:
    await town.says("ana", "/offer bread")
    await town.says("ben", "/offer bike repair")
    await gifts_only(town)
    assert "Here nobody counts hours." in await town.whispers("ana", "/settle 1 1h")


async def test_the_group_hears_a_sum_where_it_tells_of_nobody(town: Town) -> None:
    await gifts_only(town)
    assert "There are no figures" in await town.says("ana", "/stats")
    await town.says("fay", "/join")
    await town.says("ben", "/thank @ana 2h")
    await town.says("chi", "/gift @ben 1h a lift")
    told = await town.says("ana", "/stats")
    assert "2 gifts." in told
    assert "They took about" not in told, "two people gave: one of them would know the other's time"
    await town.says("eli", "/gift @chi 30min a lift")
    assert "3 gifts. / They took about 3 h 30, as far as somebody said it." in await town.says("ana", "/stats")


async def test_the_log_tells_a_gift_to_those_who_are_in_it(town: Town) -> None:
    await town.says("ben", "/gift @ana a chair")
    assert "A gift from Ana to Ben (no. 1)" in await town.whispers("ana", "/log")
    assert "a gift, no. 1." in await town.whispers("eli", "/log")
    assert "chair" not in json.dumps(await entries_of(town, "gift"))


async def test_a_gift_is_handed_out_and_its_words_go_when_somebody_is_forgotten(town: Town) -> None:
    await town.says("ben", "/gift @chi 1h a chair")

    async def words(tx: Reader) -> object:
        return await tx.value("SELECT text FROM notes WHERE thing = 'gift:1'")

    assert await town.practice.app.database.read(words) == "a chair"
    await town.whispers("chi", "/forget me")
    await town.presses("chi", "Yes, forget me for good")
    assert await town.practice.app.database.read(words) is None
    assert "A gift from Former member 3 to Ben (no. 1)" in await town.whispers("ben", "/log")


async def test_two_memberships_of_one_person_become_one(town: Town) -> None:
    await town.says("ben", "/gift @chi a chair")
    await town.says("ben", "/gift @ana and @chi a table")

    async def join(tx: Transaction) -> None:
        chi, ana = [(await people.members_named(tx, 1, name))[0] for name in ("chi", "ana")]
        await gifts.join(tx, chi.id, ana.id)

    await town.practice.app.database.transact(join)
    assert "You gave something 2 times." in await town.whispers("ana", "/gifts")
    assert "That was with 1 other person." in await town.whispers("ben", "/gifts")
