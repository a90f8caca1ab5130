"""Earlier work from a table, as organizers and those for whom it is noted meet it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bot.chat import Document
from bot.domain import history, retention
from bot.domain.roll import split
from storage import history as stored
from storage import people, rotas, shifts
from storage.database import Reader
from tests.conftest import Town

TABLE = """date;task;who;hours;phone
2025-12-06;cleaning;Chi;2;0171 1234567
2025-12-06;cleaning;Ben;2h;
2025-12-12;cooking;Chi;3.5;
2025-12-20;cleaning;Eli;1h30;
2025-12-20;cleaning;Sam;1h30;
30.2.2025;cooking;Eli;2;"""
LET = "Let 4 rows count"


async def carried(town: Town) -> dict[str, tuple[int, int, int]]:
    """By name: minutes, burden and empowerment, as the rota counts them."""

    async def ask(tx: Reader) -> dict[str, tuple[int, int, int]]:
        found = await shifts.carried(tx, 1, town.practice.clock() - retention.SHIFTS)
        names = {id_: await people.member(tx, 1, id_) for id_ in found}
        return {one.name: found[id_] for id_, one in names.items() if one is not None}

    return await town.practice.app.database.read(ask)


async def rows(town: Town, table: str) -> int:
    return int(await town.practice.app.database.read(lambda tx: tx.value(f"SELECT count(*) FROM {table}")))


async def counts(town: Town, table: str = TABLE, label: str = LET) -> None:
    """A table comes in, and both organizers say yes to it."""
    await town.whispers("ana", f"/import_shifts\n{table}")
    await town.presses("ana", label)
    await town.presses("ben", "Agree")


async def test_what_would_be_taken_in_is_shown_and_nothing_counts_before_the_committees_yes(town: Town) -> None:
    shown = await town.whispers("ana", f"/import_shifts\n{TABLE}")
    assert shown == (
        "I can take in 4 rows of 3 people, 9 h in all: / Chi 5 h 30, Ben 2 h, and Eli 1 h 30. / Left out, 2 lines: / "
        "Line 6: nobody here is called Sam. / Line 7: “30.2.2025” is no date. Write it like 2026-01-31. / "
        "Nothing counts yet: the committee decides."
    )
    assert await carried(town) == {}
    await town.presses("ana", LET)
    assert "4 rows of earlier work count in the rota: 3 people, 9 h in all." in town.sees()[-1]
    assert await carried(town) == {}
    # Who is to agree can look first.
    assert "Not counted yet: Chi 5 h 30, Ben 2 h, and Eli 1 h 30." in await town.whispers("ben", "/import_shifts")
    await town.presses("ben", "Agree")
    assert await carried(town) == {"Ben": (120, 360, 360), "Chi": (330, 990, 990), "Eli": (90, 270, 270)}
    assert await town.balance("chi") == 0, "no hours are paid for it"
    assert "4 rows of earlier work count in the rota" in await town.whispers("chi", "/log")


async def test_it_changes_whose_turn_it_is_as_the_planner_sees_it(town: Town) -> None:
    await town.says("ana", "/task cleaning every sat 10:00 2h crew 1")
    # What the table says of a task goes before what the committee says: cleaning is 4 of 5 unpleasant, 1 empowering.
    await counts(
        town,
        "fecha;tarea;quién;horas;pesada;enriquecedora\n6/12/2025;cleaning;Chi;1,5;5;1\n13/12/2025;cleaning;Chi;1;;",
        "Let 2 rows count",
    )
    assert await carried(town) == {"Chi": (150, 90 * 5 + 60 * 4, 90 * 1 + 60 * 1)}

    async def burdens(tx: Reader) -> set[int]:
        instance = await rotas.instance(tx, await people.committee(tx, 1), now=town.practice.clock())
        return {one.burden for one in instance.members}

    assert await town.practice.app.database.read(burdens) == {0, 690}


async def test_whom_it_concerns_sees_it_in_private_and_can_say_that_it_is_wrong(town: Town) -> None:
    await counts(town)
    assert town.heard("chi")[-1].startswith("Noted for you in the rota: 5 h 30 of earlier work.")
    await town.practice.press("chi", "What is noted?", within=town.private("chi"))
    assert town.heard("chi")[-1] == "Earlier work: 5 h 30 / Dec 12, 2025: cooking, 3 h 30 / Dec 6, 2025: cleaning, 2 h"
    await town.practice.press("chi", "That is wrong", within=town.private("chi"))
    assert town.heard("ben")[-1].startswith("Chi says that the earlier work noted for them, 5 h 30, is wrong.")
    heard = len(town.heard("ben"))
    await town.practice.press("chi", "That is wrong", within=town.private("chi"))
    assert len(town.heard("ben")) == heard
    assert not [one for one in town.sees() if "5 h 30" in one], "whose hours they are is nothing for the group"


async def test_the_same_table_does_nothing_twice_and_a_longer_one_only_brings_what_is_new(town: Town) -> None:
    # Both are read before one of them counts.
    await town.whispers("ana", f"/import_shifts\n{TABLE}")
    await town.whispers("ana", f"/import_shifts\n{TABLE}")
    await town.presses("ana", LET)
    await town.presses("ben", "Agree")
    once = await carried(town)
    await town.practice.press("ana", LET, within=town.private("ana"))
    await town.whispers("ben", "/import_shifts")
    assert await town.whispers("ana", f"/import_shifts\n{TABLE}") == (
        "4 rows count already. / Left out, 2 lines: / Line 6: nobody here is called Sam. / "
        "Line 7: “30.2.2025” is no date. Write it like 2026-01-31. / Nothing is taken in."
    )
    assert await carried(town) == once
    shown = await town.whispers(
        "ana", f"/import_shifts\n{TABLE}\n2025-12-21;cleaning;Ana;1h;\n2025-12-06;cleaning;Chi;2;"
    )
    assert shown.startswith("I can take in 2 rows of 2 people, 3 h in all:"), "two equal rows are two pieces of work"


async def test_two_proposals_of_one_table_count_it_once(town: Town) -> None:
    for _ in range(2):
        await town.whispers("ana", f"/import_shifts\n{TABLE}")
        await town.presses("ana", LET)
    await town.says("ben", "/agree 1")
    once = await carried(town)
    assert once["Chi"][0] == 330
    assert "All of that list counts already." in await town.says("ben", "/agree 2")
    assert await carried(town) == once
    assert await rows(town, "history_tables") == 1


async def test_a_table_is_taken_back_as_a_whole_by_the_committee(town: Town) -> None:
    await counts(town)
    await counts(town, "2025-12-21;cleaning;Ana;1h", "Let 1 row count")
    await town.whispers("ana", "/import_shifts")
    await town.practice.press("ana", "Take back: Jan 5, 2026, 9 h", within=town.private("ana"))
    await town.practice.press("ana", "Yes", within=town.private("ana"))
    assert set(await carried(town)) == {"Ana", "Ben", "Chi", "Eli"}
    await town.presses("ben", "Agree")
    assert await carried(town) == {"Ana": (60, 180, 180)}
    assert await rows(town, "history_works") == 1
    assert await rows(town, "notes WHERE thing LIKE 'history_task:%'") == 1
    assert "4 rows of earlier work, 9 h in all, no longer count in the rota." in await town.whispers("chi", "/log")
    assert await town.whispers("ana", f"/import_shifts\n{TABLE}") != "", "it can be mended and sent again"
    await town.presses("ana", LET)
    await town.presses("ben", "Agree")
    assert (await carried(town))["Chi"][0] == 330


async def test_a_file_is_taken_and_nothing_is_kept_of_it_but_what_is_read(town: Town) -> None:
    chat = town.private("ana")
    await town.practice.console.say("ana", "/import_shifts", chat, document=Document(name="a.csv", text=TABLE))
    await town.practice.settle()
    assert town.heard("ana")[-1].startswith("I can take in 4 rows")
    kept = await town.practice.app.database.read(
        lambda tx: tx.all("SELECT arguments FROM buttons UNION SELECT text FROM notes LIMIT 1000")
    )
    assert not [one for one in kept if "0171" in str(one)]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("date;who;phone\n2025-12-06;Chi;1", "The first line has no column for this: task and hours."),
        ("2025-12-06;cleaning;Nobody;2", "Line 1: nobody here is called Nobody. / Nothing is taken in."),
        ("3/4/2025;cleaning;Chi;2", "Line 1: “3/4/2025” can be two days. Write it like 2026-01-31."),
        ("2025-12-06,cleaning,Chi,1,5,3,3", "Line 1: there is more on it than columns."),
        (
            "2025-12-06;cleaning;Chi;\n2023-01-01;cleaning;Chi;1",
            "From line 2 on, 1 line: older than a year, that counts nowhere.",
        ),
    ],
)
async def test_what_cannot_be_read_is_told_with_its_line(town: Town, table: str, words: str) -> None:
    assert words in await town.whispers("ana", f"/import_shifts\n{table}")
    assert await rows(town, "history_tables") == 0


async def test_only_organizers_send_tables_and_without_one_they_learn_how(town: Town) -> None:
    assert await town.whispers("chi", f"/import_shifts\n{TABLE}") == "Only an organizer can do that. Ask one of them."
    assert "date;task;who;hours" in await town.whispers("ana", "/import_shifts")


async def test_who_has_no_account_stands_there_like_everybody_and_a_child_does_not(town: Town) -> None:
    await town.says("chi", "/add Rosa Gil")
    await town.says("chi", "/add child Mia")
    shown = await town.whispers("ana", "/import_shifts\n2025-12-06;cleaning;Rosa;2\n2025-12-06;cleaning;Mia;2")
    assert "Rosa Gil 2 h." in shown
    assert "Line 2: Mia is a child." in shown
    await town.presses("ana", "Let 1 row count")
    await town.presses("ben", "Agree")
    assert town.heard("chi")[-1].startswith("For Rosa Gil: / Noted for you in the rota: 2 h of earlier work.")


@pytest.mark.parametrize("language", ["en", "es", "de"])
async def test_what_was_done_goes_out_as_a_table_that_another_committee_takes_in(town: Town, language: str) -> None:
    await town.whispers("ana", f"/language {language}")
    await counts_in(town, language)
    before = await carried(town)
    await town.says("ana", "/export_shifts")
    assert town.practice.console.documents == []
    await town.presses("ben", "Agree")
    text = town.practice.console.documents[-1].text
    sheet = history.sheet(text)
    assert not sheet.missing
    assert len(sheet.lines) == len(split(text)) - 1 == 4
    read = history.read(sheet, language=language, today=town.practice.clock().date())
    assert sum(one.minutes * (one.onerousness or 0) for one in read.rows) == sum(one[1] for one in before.values())
    # Here all of it counts already.
    assert "4" in (await town.whispers("ana", f"/import_shifts\n{text}")).partition("/")[0]
    assert await rows(town, "history_tables") == 1


async def counts_in(town: Town, language: str) -> None:
    """A table counts; the organizer who sent it reads this language."""
    await town.whispers("ben", f"/import_shifts\n{TABLE}")
    await town.presses("ben", LET)
    await town.practice.press("ana", "Agree", within=town.group())


async def test_it_is_in_what_is_handed_out_to_a_member_and_goes_when_it_counts_nowhere(town: Town) -> None:
    await counts(town)
    await town.whispers("chi", "/export me")
    own = json.loads(town.practice.console.documents[-1].text)
    assert [(one["task"], one["minutes"]) for one in own["work_of_before"]] == [("cooking", 210), ("cleaning", 120)]
    # Another table, to which nobody says yes.
    await town.whispers("ana", "/import_shifts\n2025-12-30;flyers;Eli;2")
    await town.wait(timedelta(days=31))
    assert await rows(town, "history_tables") == 1
    later = town.practice.clock() + timedelta(days=330)
    await town.practice.app.database.transact(lambda tx: stored.purge(tx, now=later))
    assert await rows(town, "history_works") == 0
    assert await rows(town, "history_tables") == 0
    assert await rows(town, "notes WHERE thing LIKE 'history_task:%'") == 0
