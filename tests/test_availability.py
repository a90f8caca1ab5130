"""One's part in the rota as members meet it: hours, times, days away, wishes and skills; and what a planner gets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import availability as rule
from bot.domain import retention, rotation
from bot.domain.availability import Task
from bot.domain.rotation import ALWAYS, Instance, Seat
from bot.practice import MATRIX
from bot.text import LANGUAGES, Reader, shown
from handlers.availability import slots_told
from storage import availability, people
from storage.database import Reader as Reads
from storage.database import Transaction
from tests.conftest import Town
from tests.test_connect import connect_accounts, connect_groups
from tests.test_forgetting import Folder, folder

__all__ = ["folder"]

WINDOW = (date(2025, 11, 10), date(2026, 3, 1))
HALL = Task(id="7", names=("Clean the hall",))
SOUP = Task(id="8", names=("Soup kitchen",))


async def _id(town: Town, who: str) -> int:
    async def look(tx: Reads) -> int:
        user = town.practice.console.somebody(who).sender.user
        found = await people.member_with_account(tx, 1, user)
        assert found is not None
        return found.id

    return await town.practice.app.database.read(look)


async def _members(town: Town, tasks: Sequence[Task] = ()) -> dict[str, rotation.Member]:
    """What a planner gets, by names."""

    async def look(tx: Reads) -> dict[str, rotation.Member]:
        committee = await people.committee(tx, 1)
        found = await availability.members_of(tx, committee, WINDOW, now=town.practice.app.now(), tasks=tasks)
        named = {}
        for one in found:
            member = await people.member(tx, 1, int(one.id))
            assert member is not None
            named[member.name] = one
        return named

    return await town.practice.app.database.read(look)


async def _rows(town: Town, table: str) -> int:
    return int(await town.practice.app.database.read(lambda tx: tx.value(f"SELECT count(*) FROM {table}")))


async def _skilled(town: Town) -> None:
    """Ben and Eli can do first aid: the committee says so."""
    for who in ("ben", "eli"):
        await town.says("ana", f"/skill first_aid @{who}")
        await town.presses("ben", "Agree")


# --- hours -----------------------------------------------------------------------------------------------------------


async def test_hours_a_month_are_chosen_and_none_is_fine(town: Town) -> None:
    assert (await town.whispers("chi", "/capacity 6h")) == "Hours: 6 h a month."
    assert (await town.whispers("chi", "/capacity 5")) == "Hours: 5 h a month."
    assert (await town.whispers("chi", "/capacity 2h30 a month")) == "Hours: 2 h 30 a month."
    assert (await _members(town))["Chi"].share_minutes == 150
    for none in ("0", "0h", "none"):
        answer = await town.whispers("chi", f"/capacity {none}")
        assert answer == "Hours: none. Nothing is planned for you, and nobody asks why."
    assert (await _members(town))["Chi"].share_minutes == 0
    assert (await town.whispers("chi", "/capacity off")) == "Hours: 4 h a month, as is usual here."


@pytest.mark.parametrize("line", ["/capacity lots", "/capacity 900", "/capacity 101h", "/capacity -1h"])
async def test_hours_that_are_none_are_asked_back_and_change_nothing(town: Town, line: str) -> None:
    await town.whispers("chi", "/capacity 6h")
    assert "a month." not in (await town.whispers("chi", line)).replace("At most 100 h a month.", "")
    assert (await _members(town))["Chi"].share_minutes == 360


async def test_the_committee_says_what_is_usual_and_joiners_start_with_it(town: Town) -> None:
    await town.whispers("chi", "/capacity 6h")
    await town.says("ana", "/usual_capacity 3h")
    assert {one.share_minutes for name, one in (await _members(town)).items() if name != "Chi"} == {240}
    await town.presses("ben", "Agree")
    await town.says("fay", "/join")
    shares = {name: one.share_minutes for name, one in (await _members(town)).items()}
    assert shares == {"Ana": 180, "Ben": 180, "Chi": 360, "Eli": 180, "Fay": 180}
    assert "Usual here: 3 h a month for the rota." in await town.whispers("eli", "/log")
    fay = (await _members(town))["Fay"]
    assert (fay.joined, fay.burden, fay.empowerment) == (date(2026, 1, 5), 0, 0)


async def test_what_is_said_in_the_group_is_answered_in_private(town: Town) -> None:
    before = len(town.sees())
    await town.says("chi", "/capacity 0h")
    await town.says("chi", "/my_rota")
    await town.says("chi", "/available never")
    await town.says("chi", "/away 1 feb to 14 feb")
    await town.says("chi", "/veto soup")
    assert town.sees()[before:] == []
    assert "Nothing is planned for you" in town.heard("chi")[-5]


# --- when ------------------------------------------------------------------------------------------------------------


@given(st.frozensets(st.sampled_from(sorted(ALWAYS))), st.sampled_from(sorted(LANGUAGES)))
def test_what_is_shown_can_be_written_as_it_stands_there(slots: frozenset[rotation.Slot], language: str) -> None:
    assert rule.read_slots(shown(slots_told(slots), Reader(language))) == slots


async def test_times_are_written_in_one_line_and_read_back(town: Town) -> None:
    assert (await _members(town))["Chi"].available == rule.USUAL, "nobody is planned for the night unasked"
    answer = await town.whispers("chi", "/available mon evening, sat")
    assert answer.startswith("You can: Mon evening, Sat. / A day alone means from 6 to 24.")
    can = (await _members(town))["Chi"].available
    assert can == {(0, "evening"), (5, "morning"), (5, "afternoon"), (5, "evening")}
    assert (await town.whispers("chi", "/available every other day")).startswith("I did not understand when you can.")
    assert (await _members(town))["Chi"].available == can


async def test_times_are_pressed_day_by_day_and_pressing_twice_changes_nothing_twice(town: Town) -> None:
    await town.whispers("chi", "/available mon")
    dm = town.private("chi")
    await town.practice.press("chi", "✓ Mon", within=dm)
    assert town.heard("chi")[-1] == "Monday: from 6 to 24."
    await town.practice.press("chi", "✓ Morning 6–12", within=dm)
    assert town.heard("chi")[-1] == "Monday: afternoon and evening."
    for label in ("✓ Afternoon 12–18", "✓ Evening 18–24"):
        await town.practice.press("chi", label, within=dm)
    assert town.heard("chi")[-1] == "Monday: not at all."
    await town.practice.press("chi", "Tuesday", within=dm)
    await town.practice.press("chi", "Night 0–6", within=dm)
    await town.practice.press("chi", "The whole week", within=dm)
    assert town.heard("chi")[-1].startswith("You can: Tue night.")
    assert (await _members(town))["Chi"].available == {(1, "night")}


async def test_the_grid_fits_a_phone(town: Town) -> None:
    await town.whispers("chi", "/available")
    await town.practice.press("chi", "✓ Wed", within=town.private("chi"))
    shown_ = [one for one in town.practice.console.posted.values() if one.chat == town.private("chi").id]
    for row in shown_[-1].keys:
        assert sum(len(key.label) for key in row) <= 36, "two labels stand beside each other on a small screen"


# --- away ------------------------------------------------------------------------------------------------------------


async def test_days_away_are_said_shown_and_taken_back(town: Town) -> None:
    answer = await town.whispers("chi", "/away 1 feb to 14 feb")
    assert answer.startswith("Away: Feb 1, 2026 to Feb 14, 2026.")
    await town.whispers("chi", "/away 10-20 feb")
    await town.whispers("chi", "/away mar 1")
    assert (await town.whispers("chi", "/away")).startswith("Away: Feb 1, 2026 to Feb 20, 2026 and Mar 1, 2026.")
    assert (await _members(town))["Chi"].away == (
        (date(2026, 2, 1), date(2026, 2, 20)),
        (date(2026, 3, 1), date(2026, 3, 1)),
    )
    label = "Not away: Feb 1, 2026 to Feb 20, 2026"
    await town.practice.press("chi", label, within=town.private("chi"))
    assert town.heard("chi")[-1].startswith("Away: Mar 1, 2026.")
    await town.whispers("chi", "/away mar 1")
    await town.practice.press("chi", "Not away: Mar 1, 2026", within=town.private("chi"))
    assert town.heard("chi")[-1].startswith("You are not away.")


async def test_whoever_is_back_early_was_away_until_yesterday(town: Town) -> None:
    await town.whispers("chi", "/away until 14 feb")
    await town.skip("10d")
    assert (await town.whispers("chi", "/away off")).startswith("You are not away.")
    assert (await _members(town))["Chi"].away == ((date(2026, 1, 5), date(2026, 1, 14)),)


async def test_absences_end_by_themselves_and_are_forgotten_in_time(town: Town) -> None:
    await town.whispers("chi", "/away 6-8 jan")
    await town.skip("5d")
    assert (await town.whispers("chi", "/away")).startswith("You are not away.")
    assert await _rows(town, "absences") == 1, "it still makes no debt"
    await town.wait(retention.ABSENCES + timedelta(days=1))
    assert await _rows(town, "absences") == 0


@pytest.mark.parametrize("line", ["soon", "30 feb to 2 mar", "14 feb to 1 feb", "1 dec to 3 dec 2024"])
async def test_days_that_do_not_exist_are_asked_back(town: Town, line: str) -> None:
    answer = await town.whispers("chi", f"/away {line}")
    assert answer.startswith("I did not understand from when to when.")
    assert await _rows(town, "absences") == 0


# --- wishes ----------------------------------------------------------------------------------------------------------


async def test_wishes_reach_the_planner_by_name_and_are_taken_back(town: Town) -> None:
    await town.whispers("chi", "/like soup")
    told = await town.whispers("chi", "/veto clean the hall")
    assert told == "You like: soup. / Never: clean the hall. / Only you see that."
    chi = (await _members(town, [HALL, SOUP]))["Chi"]
    assert [sorted(one) for one in (chi.likes, chi.dislikes, chi.vetoes)] == [["8"], [], ["7"]]
    await town.whispers("chi", "/dislike Soup")
    chi = (await _members(town, [HALL, SOUP]))["Chi"]
    assert [sorted(one) for one in (chi.likes, chi.dislikes)] == [[], ["8"]], "what is said last of one task holds"
    await town.practice.press("chi", "Take back: clean the hall", within=town.private("chi"))
    assert (await town.whispers("chi", "/unlike soup")).startswith("You wish nothing of any task.")
    chi = (await _members(town, [HALL, SOUP]))["Chi"]
    assert not chi.dislikes | chi.vetoes


async def test_a_wish_for_a_kind_of_task_holds_for_the_tasks_of_that_kind(town: Town) -> None:
    await town.says("ana", "/class unpleasant cleaning")
    await town.presses("ben", "Agree")
    assert await _rows(town, "task_kinds") == 1
    await town.whispers("chi", "/veto cleaning")
    tasks = [Task(id="1", names=("Cleaning after the meal",)), Task(id="2", kind=1), Task(id="3", names=("Chair",))]
    assert (await _members(town, tasks))["Chi"].vetoes == {"1", "2"}


async def test_a_wish_needs_words(town: Town) -> None:
    assert (await town.whispers("chi", "/like 12")).startswith("Name one task in a few words")
    assert (await town.whispers("chi", f"/like {'x' * 80}")).startswith("Name one task in a few words")
    for at in range(rule.WISHES_MAX):
        await town.whispers("chi", f"/like task{chr(97 + at % 26)}{at // 26}x")
    assert (await town.whispers("chi", "/like another")).startswith("That would be more than 30 wishes.")


# --- not with --------------------------------------------------------------------------------------------------------


async def test_nobody_but_oneself_learns_with_whom_somebody_does_not_want_to_be(town: Town) -> None:
    before = len(town.transcript)
    answer = await town.whispers("chi", "/not_with @eli")
    assert answer.startswith("You are not put together with Eli.")
    assert {where for where, _ in town.transcript[before:]} == {"chi (dm)"}
    assert "Not together with: Eli. I tell nobody." in await town.whispers("chi", "/my_rota")
    eli, chi = await _id(town, "eli"), await _id(town, "chi")
    assert (await _members(town))["Chi"].not_with == {str(eli)}
    assert (await _members(town))["Eli"].not_with == set()
    for who in ("eli", "ana"):
        for line in ("/my_rota", "/log", "/members", "/todo", "/skills", "/stats"):
            assert "together" not in await town.whispers(who, line)
        await town.whispers(who, "/export me")
        file = town.practice.console.documents[-1]
        assert json.loads(file.text)["not_put_together_with"] == []
        assert 'together_with": [\n' not in file.text
    await town.says("ana", "/export_books")
    assert "not_with" not in "".join(one.text for one in town.practice.console.documents)
    await town.whispers("chi", "/export me")
    own = json.loads(town.practice.console.documents[-1].text)
    assert own["not_put_together_with"] == [{"committee": "Riverside", "who": "Eli"}]
    bodies = await town.practice.app.database.read(lambda tx: tx.all("SELECT kind, body FROM entries LIMIT 1000"))
    assert not [one for one in bodies if "not_with" in str(one)], f"{chi} and {eli} are in no entry for it"


async def test_it_is_said_in_private_alone(town: Town) -> None:
    assert await town.says("chi", "/not_with @eli") == "Say this to me in private, not here."
    assert await _rows(town, "not_with") == 0
    assert (await town.whispers("chi", "/not_with @chi")).startswith("That is you.")


async def test_they_may_be_put_together_again(town: Town) -> None:
    await town.whispers("chi", "/not_with @eli")
    await town.practice.press("chi", "Together again", within=town.private("chi"))
    assert town.heard("chi")[-1] == "You may be put together with Eli again."
    assert await _rows(town, "not_with") == 0


async def test_whoever_speaks_for_somebody_says_their_part_but_is_not_told_with_whom_not(town: Town) -> None:
    await town.says("ana", "/add Olga")
    assert (await town.whispers("ana", "/for Olga /capacity 2h")).endswith("Hours: 2 h a month.")
    assert (await _members(town))["Olga"].share_minutes == 120

    async def apart(tx: Transaction) -> None:
        [(olga,)] = await tx.all("SELECT id FROM members WHERE name = 'Olga'")
        await availability.set_apart(tx, olga, 1, on=True)

    await town.practice.app.database.transact(apart)
    told = await town.whispers("ana", "/for Olga /my_rota")
    assert "Hours: 2 h a month." in told
    assert "together" not in told


# --- skills ----------------------------------------------------------------------------------------------------------


async def test_the_committee_names_the_first_two_who_can_and_they_say_who_else_can(town: Town) -> None:
    assert (await town.says("ana", "/skill first_aid @ben")).startswith("Proposal 1 by Ana: Ben has this skill")
    await town.presses("ben", "Agree")
    assert (await _members(town))["Ben"].skills == {"first aid"}
    assert (await town.says("ben", "/skill First Aid @eli")).startswith("Proposal 2 by Ben"), "one alone does not do"
    await town.presses("ana", "Agree")
    answer = await town.says("chi", "/skill first_aid @chi")
    assert answer == "Two who can do it say whether Chi can: first aid. / I ask Ben and Eli."
    await town.practice.press("ben", "Yes", within=town.private("ben"))
    assert (await _members(town))["Chi"].skills == set()
    await town.practice.press("ben", "Yes", within=town.private("ben"))
    assert (await _members(town))["Chi"].skills == set(), "one who says it twice is one"
    assert "Can Chi do this too" in await town.whispers("eli", "/todo")
    await town.practice.press("eli", "Yes", within=town.private("eli"))
    assert (await _members(town))["Chi"].skills == {"first aid"}
    assert "Two who can do it say that you can: first aid." in town.heard("chi")
    assert await town.whispers("ana", "/skills") == "Who can do what / first aid: Ben, Chi, and Eli"
    assert "Chi has this skill: first aid." in await town.whispers("ana", "/log")
    assert await town.whispers("eli", "/todo") == "Nothing waits for you."


async def test_nobody_hears_of_a_not_yet_and_only_those_who_can_answer(town: Town) -> None:
    await _skilled(town)
    await town.says("chi", "/skill first_aid @chi")
    heard = len(town.heard("chi"))
    await town.practice.press("ben", "Not yet", within=town.private("ben"))
    assert "Nobody is told of that." in town.heard("ben")[-1]
    assert len(town.heard("chi")) == heard
    assert "Can Chi" not in await town.whispers("ben", "/todo")
    await town.whispers("ben", "/unskill first_aid")
    await town.practice.press("ben", "Yes", within=town.private("ben"))
    assert town.heard("ben")[-1].startswith("Only those who can do it say who else can")
    await town.whispers("chi", "/export me")
    file = json.loads(town.practice.console.documents[-1].text)
    assert file["said_who_can"] == [], "what others said of them is theirs"


async def test_one_who_can_says_it_at_once_by_the_line(town: Town) -> None:
    await _skilled(town)
    assert (await town.says("ben", "/skill first_aid @chi")).startswith("Noted. One more who can do it must say so")
    assert await town.says("eli", "/skill first_aid @chi") == "Chi has this skill now: first aid."
    assert await town.says("eli", "/skill first_aid @chi") == "Chi has this skill already: first aid."


async def test_a_skill_is_learnt_in_a_trainee_seat(town: Town) -> None:
    await _skilled(town)
    assert (await town.whispers("chi", "/learn first_aid")).startswith("You want to learn: first aid.")
    assert (await _members(town))["Chi"].learning == {"first aid"}
    chi = await _id(town, "chi")

    async def learns(tx: Transaction) -> list[bool]:
        committee = await people.committee(tx, 1)
        return [
            await availability.learnt(tx, committee, chi, "First aid", now=town.practice.app.now()) for _ in range(2)
        ]

    assert await town.practice.app.database.transact(learns) == [True, False]
    found = (await _members(town))["Chi"]
    assert [sorted(one) for one in (found.skills, found.learning)] == [["first aid"], []]
    assert "Chi has learnt this skill: first aid." in await town.whispers("ana", "/log")
    assert (await town.whispers("chi", "/learn first_aid")).startswith("You have this skill already")


async def test_the_committee_takes_a_skill_back_and_nobody_has_a_say_about_themselves(town: Town) -> None:
    await _skilled(town)
    await town.says("ana", "/skill_off first_aid @eli")
    await town.presses("ben", "Agree")
    assert (await _members(town))["Eli"].skills == set()
    assert "Eli does not have this skill any more: first aid." in town.heard("eli")[-1]
    assert (await town.whispers("chi", "/learn welding")).startswith("There is no skill “welding” here yet.")


# --- who is there ----------------------------------------------------------------------------------------------------


async def test_leavers_children_and_the_suspended_take_no_turns(town: Town) -> None:
    await town.whispers("chi", "/not_with @eli")
    await town.says("eli", "/leave")
    there = await _members(town)
    assert "Eli" not in there
    assert there["Chi"].not_with == set()

    async def suspend(tx: Transaction) -> None:
        until = town.practice.app.now() + timedelta(days=3)
        await tx.execute(
            "UPDATE members SET suspended_until_us = ? WHERE name = 'Chi'", int(until.timestamp()) * 1_000_000
        )
        await tx.execute("UPDATE members SET child = 1 WHERE name = 'Ben'")

    await town.practice.app.database.transact(suspend)
    there = await _members(town)
    assert there["Chi"].away == ((date(2026, 1, 5), date(2026, 1, 8)),)
    assert "Ben" not in there


async def test_what_a_planner_gets_bars_from_seats_as_it_was_said(town: Town) -> None:
    await _skilled(town)
    await town.whispers("ben", "/available sat")
    await town.whispers("eli", "/away 1 feb to 14 feb")
    await town.whispers("chi", "/veto clean the hall")
    there = await _members(town, [HALL])
    now = town.practice.app.now()
    saturday = (now + timedelta(days=33)).replace(hour=10, minute=0)
    local = saturday.replace(tzinfo=None)
    plain = Seat(id="s", shift="s", task="7", local=local, at=saturday, minutes=120, onerousness=3, empowerment=1)
    skilled = Seat(
        id="k", shift="k", task="8", local=local, at=saturday, minutes=60, onerousness=1, empowerment=1,
        skill="first aid",
    )  # fmt: skip
    assert local.weekday() == 5
    assert {name: rotation.barred(one, plain) for name, one in there.items()} == {
        "Ana": None,
        "Ben": None,
        "Chi": "veto",
        "Eli": "away",
    }
    assert [name for name, one in there.items() if rotation.barred(one, skilled) is None] == ["Ben"]
    Instance(start=local.date(), days=7, members=tuple(there.values()), seats=(plain, skilled))


async def test_one_who_is_in_two_committees_has_a_part_in_each(town: Town) -> None:
    await town.whispers("chi", "/capacity 6h")
    elsewhere = town.practice.console.group("Hillside")
    await town.practice.console.say("chi", "/setup", elsewhere, manages_chat=True)
    await town.practice.settle()

    async def look(tx: Reads) -> list[int]:
        committee = await people.committee(tx, 2)
        found = await availability.members_of(tx, committee, WINDOW, now=town.practice.app.now())
        return [one.share_minutes for one in found]

    assert await town.practice.app.database.read(look) == [240]
    assert (await _members(town))["Chi"].share_minutes == 360


# --- one membership out of two; forgetting ---------------------------------------------------------------------------


async def test_two_memberships_that_become_one_keep_what_either_said(town: Town) -> None:
    await _skilled(town)
    await connect_groups(town)
    await town.says("fay", "/join", on=MATRIX)
    await town.whispers("fay", "/capacity 9h", on=MATRIX)
    await town.whispers("fay", "/available sun", on=MATRIX)
    await town.whispers("fay", "/away 10-20 feb", on=MATRIX)
    await town.whispers("fay", "/not_with @chi", on=MATRIX)
    await town.whispers("fay", "/not_with @eli", on=MATRIX)
    await town.whispers("fay", "/like soup", on=MATRIX)
    await town.whispers("fay", "/learn first_aid", on=MATRIX)
    await town.whispers("ben", "/not_with @fay")
    await town.whispers("chi", "/capacity 2h")
    await town.whispers("chi", "/away 15-25 feb")
    await connect_accounts(town, "chi", of="fay")
    chi = (await _members(town, [SOUP]))["Chi"]
    assert chi.share_minutes in (120, 540)
    assert chi.available == {(6, part) for part in rule.AT_DAY}
    assert chi.away == ((date(2026, 2, 10), date(2026, 2, 25)),)
    assert chi.not_with == {str(await _id(town, "eli"))}, "nobody is kept apart from themselves"
    assert [sorted(one) for one in (chi.likes, chi.learning)] == [["8"], ["first aid"]]
    assert (await _members(town))["Ben"].not_with == {chi.id}


async def test_forgetting_takes_all_of_it_at_once(folder: Folder) -> None:
    practice = folder.practice
    for line in ("/capacity 9h", "/available sun", "/away 10-20 feb", "/not_with @eli", "/veto Xylophonquatsch"):
        await practice.say("chi", line, folder.dm("chi"))
    await practice.say("eli", "/not_with @chi", folder.dm("eli"))
    await practice.say("eli", "/dislike cooking with chi", folder.dm("eli"))
    assert folder.words_in("Xylophonquatsch")
    await practice.say("chi", "/forget me", folder.dm("chi"))
    await practice.press("chi", "Yes, forget me for good", within=folder.dm("chi"))
    assert folder.words_in("Xylophonquatsch") == []

    async def count(tx: Reads) -> dict[str, int]:
        tables = ("rota_members", "absences", "not_with", "task_wishes")
        return {table: int(await tx.value(f"SELECT count(*) FROM {table}")) for table in tables}

    assert await practice.app.database.read(count) == {
        "rota_members": 0,
        "absences": 0,
        "not_with": 0,
        "task_wishes": 1,
    }
    task = await practice.app.database.read(lambda tx: tx.value("SELECT task FROM task_wishes"))
    assert task == "words:cooking with Former member 3", "of others' words only the name goes"


async def test_joining_two_rows_about_each_other_leaves_none(town: Town) -> None:
    await _skilled(town)
    await town.says("ben", "/skill first_aid @chi")
    await town.whispers("ben", "/not_with @chi")
    await town.whispers("chi", "/not_with @ben")
    ben, chi = await _id(town, "ben"), await _id(town, "chi")

    async def joins(tx: Transaction) -> list[int]:
        await availability.join(tx, ben, chi)
        tables = ("not_with", "skill_answers")
        return [int(await tx.value(f"SELECT count(*) FROM {table}")) for table in tables]

    assert await town.practice.app.database.transact(joins) == [0, 0]
    assert (await _members(town))["Chi"].skills == {"first aid"}


async def test_whoever_is_away_is_told_which_shifts_they_have_then_and_gives_them_back_by_a_button(town: Town) -> None:
    await town.says("ana", "/task cleaning every week sat 10:00 2h crew 1")
    await town.says("ana", "/shifts")
    await town.presses("chi", "I'll take it: Cleaning, Sat, Jan 10 10:00")
    await town.presses("chi", "I'll take it: Cleaning, Sat, Jan 17 10:00")
    told = await town.whispers("chi", "/away 8 jan to 12 jan")
    assert "Shifts that you have then: Cleaning, Sat, Jan 10 10:00. Give them back, and others are asked." in told
    await town.presses("chi", "Can't: Cleaning, Sat, Jan 10 10:00")
    assert "Shifts that you have then" not in await town.whispers("chi", "/away")
    assert "Sat, Jan 17" in await town.whispers("chi", "/shifts")
