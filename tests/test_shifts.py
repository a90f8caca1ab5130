"""Tasks and shifts as members meet them: making, taking, giving back, doing, and what becomes of it."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from bot.domain import retention
from bot.domain.rostering import plan
from bot.domain.rotation import Instance, Member, Terms
from storage import people, privacy, shifts
from storage.database import Reader, Transaction
from storage.shifts import Shift
from tests.conftest import Town

CLEANING = "/task cleaning every 2 weeks sat 10:00 2h crew 2-3"
TAKE = "I'll take it: Cleaning, Sat, Jan 10 10:00"


async def ahead(town: Town, days: int = 60) -> list[Shift]:
    """The shifts that are not over."""
    now = town.practice.clock()
    return await town.practice.app.database.read(lambda tx: shifts.within(tx, 1, now, now + timedelta(days=days)))


async def crews(town: Town) -> list[tuple[str, list[str]]]:
    """When shifts are by the clock on the wall, and who has a seat on them."""
    return [(f"{one.local:%m-%d %H:%M}", [holder.name for holder in one.holders]) for one in await ahead(town)]


async def states(town: Town) -> list[str]:
    """What has become of every seat that somebody had."""

    async def ask(tx: Reader) -> list[str]:
        return [
            f"{name} {state}"
            for name, state in await tx.all(
                "SELECT m.called, a.state FROM assignments a JOIN members m ON m.id = a.member_id ORDER BY a.id"
            )
        ]

    return await town.practice.app.database.read(ask)


async def done_by(town: Town, *names: str) -> None:
    """Saturday's cleaning, and these have done it."""
    await town.says("ana", CLEANING)
    await town.says("ana", "/shifts")
    for name in names:
        await town.presses(name, TAKE)
    await town.skip("5d")
    for name in names:
        await town.whispers(name, "/shifts")
        await town.presses(name, "Done: Cleaning, Sat, Jan 10 10:00")


# --- tasks -------------------------------------------------------------------------------------------------------


async def test_a_task_is_made_in_one_line_without_a_vote_and_has_shifts_for_eight_weeks(town: Town) -> None:
    said = await town.says("ana", CLEANING)
    assert "Cleaning: every 2 weeks on Saturday, 10:00, 2 h, 2 to 3 people" in said
    assert [when for when, _ in await crews(town)] == ["01-10 10:00", "01-24 10:00", "02-07 10:00", "02-21 10:00"]
    seats = (await ahead(town))[0].seats
    assert [(seat.needed, seat.trainee) for seat in seats] == [(True, False), (True, False), (False, False)]
    assert "Ana made a task: Cleaning." in await town.whispers("chi", "/log")


async def test_what_is_missing_is_asked_and_a_usual_task_brings_its_own_figures(town: Town) -> None:
    await town.whispers("ben", "/task")
    await town.presses("ben", "Food distribution")
    assert "When is it?" in town.heard("ben")[-1]
    await town.whispers("ben", "every friday 17:00")
    await town.presses("ben", "No skill")
    assert (
        "Food distribution: every Friday, 17:00, 3 h, 3 to 6 people / Shall I make this task?" in town.heard("ben")[-1]
    )
    assert await ahead(town) == []
    await town.presses("ben", "Yes")
    assert len(await ahead(town)) == 8
    # The committee hears of it, though it was made in private.
    assert "Food distribution: every Friday" in town.sees()[-1]


async def test_an_assembly_is_three_tasks_each_in_the_readers_language(town: Town) -> None:
    said = await town.says("ana", "/template assembly first monday 19:00")
    assert "Assembly: chair: on the first Monday of the month, 19:00, 2 h, 1 person" in said
    assert [(when, len(names)) for when, names in await crews(town)] == [
        *[("01-05 19:00", 0)] * 3,
        *[("02-02 19:00", 0)] * 3,
    ]
    await town.whispers("chi", "/language de")
    assert "Versammlung: Protokoll: am ersten Montag im Monat" in await town.whispers("chi", "/tasks")
    assert "There is such a task already." in await town.says("ana", "/task Asamblea: acta first tuesday 19:00")


async def test_a_task_at_any_time_of_the_week_goes_on_till_its_end(town: Town) -> None:
    await town.says("ana", "/task flyers any time this week 1h crew 1")
    await town.skip("3d")
    await town.whispers("chi", "/shifts")
    await town.presses("chi", "I'll take it: flyers, until Jan 11, 2026")
    await town.whispers("chi", "/shifts")
    await town.presses("chi", "Done: flyers, until Jan 11, 2026")
    assert await town.balance("chi") == 60
    await town.skip("5d")
    assert await ahead(town) == []


REFUSED = (
    ("chi", CLEANING, "Only an organizer can do that."),
    ("ana", "/task cleaning every fortnight-ish 2h", "I do not understand when “every fortnight-ish” is"),
    (
        "ana",
        "/task cleaning sat 30 feb 10:00 2h",
        "or there is no such day. / Write it like one of these: every 2 weeks",
    ),
    ("ana", "/task cleaning fri 14 feb 10:00 2h crew 2", "I do not understand when “fri 14 feb 10:00” is"),
    ("ana", "/task cleaning daily 10:00 2h crew 3-2", "“crew 3-2” cannot be: write the least, then the most"),
    ("ana", "/task cleaning daily 10:00 2h crew 21", "“crew 21” cannot be"),
    ("ana", "/task cleaning daily 10:00 2h crew 5-6", "it needs 5 people, and there are 4 of you"),
    ("ana", "/task cleaning daily 10:00 25h crew 2", "A shift can be up to 24 h long."),
    ("ana", "/task cleaning daily 10:00 2h crew 2 trainee", "A seat to learn it needs a skill"),
    ("ana", f"/task {'x' * 61} daily 10:00 2h crew 2", "That is too long: 60 characters at most."),
    ("ana", "/task cleaning daily 10:00 2h crew 2 blah", "I read “blah” where I expected"),
    ("ana", "/task_end cleaning", "I read “cleaning” where I expected a task"),
    ("ana", "/template picnic daily", "I read “picnic” where I expected"),
)


async def test_what_cannot_be_gets_a_sentence_with_an_example_and_nothing_is_half_saved(town: Town) -> None:
    for who, line, answer in REFUSED:
        assert answer in await town.whispers(who, line), line
    assert await ahead(town) == []
    assert "There are no tasks yet." in await town.whispers("chi", "/tasks")


async def test_a_change_keeps_who_has_a_seat_where_the_time_stays_and_tells_the_others(town: Town) -> None:
    await town.says("ana", "/task cleaning every sat 10:00 2h crew 2-3")
    await town.says("ana", "/shifts")
    await town.presses("chi", TAKE)
    await town.presses("eli", "I'll take it: Cleaning, Sat, Jan 17 10:00")
    # As often, but longer and with more people: everybody keeps their seat.
    await town.says("ana", "/task_change cleaning 3h crew 3-4")
    first, second = (await ahead(town))[:2]
    assert (first.minutes, len(first.seats), first.lacking) == (180, 4, 2)
    assert ([one.name for one in first.holders], [one.name for one in second.holders]) == (["Chi"], ["Eli"])
    # Every other week: the seventeenth is gone, and only whoever had it hears so.
    heard = len(town.heard("chi"))
    said = await town.says("ana", "/task_change cleaning every 2 weeks sat 10:00")
    assert "I have told 1 person whose shift is gone." in said
    assert "Your shift is gone: Sat, Jan 17 10:00." in town.heard("eli")[-1]
    assert len(town.heard("chi")) == heard
    assert (await crews(town))[:2] == [("01-10 10:00", ["Chi"]), ("01-24 10:00", [])]
    # Fewer seats never put anybody out.
    await town.says("ana", "/task_change cleaning crew 1")
    assert [len(one.seats) for one in (await ahead(town))[:2]] == [1, 1]
    assert (await crews(town))[0] == ("01-10 10:00", ["Chi"])


async def test_when_a_task_ends_its_shifts_ahead_vanish_and_its_past_stays(town: Town) -> None:
    await done_by(town, "chi")
    await town.whispers("eli", "/shifts")
    await town.skip("5d")
    await town.whispers("eli", "/shifts")
    await town.presses("eli", "I'll take it: Cleaning, Sat, Jan 24 10:00")
    await town.whispers("ana", "/task_end")
    await town.presses("ana", "Cleaning")
    assert "Shall Cleaning end? Its shifts ahead vanish. / I tell the 1 person who has a seat." in town.heard("ana")[-1]
    await town.presses("ana", "Yes")
    assert "A task has ended: Cleaning / Your shift is gone: Sat, Jan 24 10:00." in town.heard("eli")[-1]
    assert await ahead(town) == []
    assert await states(town) == ["Chi done"]
    assert "Ana ended a task: Cleaning." in await town.whispers("chi", "/log")
    # A button that is still there does nothing.
    await town.presses("eli", "Can't")
    assert "That shift is gone." in town.heard("eli")[-1]


async def test_over_eight_weeks_each_night_there_are_shifts_for_eight_weeks_more(town: Town) -> None:
    await town.says("ana", "/task cooking daily 18:00 1h crew 1")
    assert len(await ahead(town)) == 56
    for _ in range(4):
        await town.skip("2w")
        found = await ahead(town)
        assert len(found) == 56
        assert {after.local - one.local for one, after in pairwise(found)} == {timedelta(days=1)}


async def test_when_clocks_change_a_shift_stays_at_its_time_on_the_wall(town: Town) -> None:
    await town.says("ana", "/timezone Europe/Berlin")
    await town.presses("ben", "Agree")
    await town.skip("70d")
    await town.says("ana", "/task cooking every sunday 18:00 1h crew 1")
    found = [one for one in await ahead(town) if one.local.month == 3 and one.local.day in (22, 29)]
    assert [f"{one.local:%d %H:%M} {one.at:%H:%M}" for one in found] == ["22 18:00 17:00", "29 18:00 16:00"]
    assert {one.task.zone for one in found} == {ZoneInfo("Europe/Berlin")}


# --- seats -------------------------------------------------------------------------------------------------------


async def test_an_open_seat_is_taken_by_whoever_presses_first_and_the_card_shows_it(town: Town) -> None:
    await town.says("ana", CLEANING)
    card = await town.says("ana", "/shifts")
    assert card == "This week / Sat, Jan 10 10:00, 2 h: Cleaning (nobody yet, 2 needed)"
    assert "It is yours: Cleaning, Sat, Jan 10 10:00" in await town.presses("chi", TAKE)
    assert "Cleaning (Chi; 1 more needed)" in town.sees()[-1]
    assert "You have a seat there already." in await town.presses("chi", TAKE)
    await town.presses("eli", TAKE)
    assert "Cleaning (Chi and Eli; 1 more can join)" in town.sees()[-1]
    await town.whispers("ana", "/shifts")
    await town.presses("ben", TAKE)
    assert town.sees()[-1].endswith("Cleaning (Chi, Eli, and Ben)")
    # Ana's list is older than Ben's press.
    await town.presses("ana", TAKE)
    assert "All seats are taken." in town.heard("ana")[-1]
    assert await states(town) == ["Chi held", "Eli held", "Ben held"]


async def test_nobody_is_in_two_places_at_one_time(town: Town) -> None:
    await town.says("ana", CLEANING)
    await town.says("ana", "/task cooking sat 10 jan 11:00 2h crew 1")
    await town.says("ana", "/task shopping any time this week 1h crew 1")
    await town.says("ana", "/shifts")
    await town.presses("chi", TAKE)
    said = await town.presses("chi", "I'll take it: cooking, Sat, Jan 10 11:00")
    assert said == "At that time you are elsewhere: Cleaning, Sat, Jan 10 10:00"
    # What is done at any time keeps nobody from another seat.
    assert "It is yours" in await town.presses("chi", "I'll take it: shopping, until Jan 11, 2026")
    assert await states(town) == ["Chi held", "Chi held"]


async def test_a_seat_is_given_back_with_one_tap_and_shortly_before_the_group_hears_it(town: Town) -> None:
    await town.says("ana", CLEANING)
    await town.says("ana", "/shifts")
    for who in ("chi", "eli"):
        await town.presses(who, TAKE)
    await town.whispers("chi", "/shifts")
    await town.presses("chi", "Can't: Cleaning, Sat, Jan 10 10:00")
    assert "The seat is open again" in town.heard("chi")[-1]
    assert not any("A seat is free again" in line for line in town.sees())
    await town.skip("3d")
    await town.whispers("eli", "/shifts")
    await town.presses("eli", "Can't: Cleaning, Sat, Jan 10 10:00")
    assert "A seat is free again: Sat, Jan 10 10:00, 2 h: Cleaning (nobody yet, 2 needed)" in town.sees()[-1]
    await town.presses("ben", "I'll take it")
    await town.presses("eli", "Can't: Cleaning, Sat, Jan 10 10:00")
    assert "You have no seat there." in town.heard("eli")[-1]
    assert await states(town) == ["Chi back", "Eli back", "Ben held"]


async def test_a_seat_to_learn_is_beside_the_crew(town: Town) -> None:
    await town.says("ana", "/task first aid post sat 10:00 2h crew 1 skill first aid trainee")
    [shift] = await ahead(town)
    assert shift.task.skill_key == "first aid"
    await town.whispers("eli", "/shifts")
    await town.presses("eli", "I'd like to learn it: first aid post, Sat, Jan 10 10:00")
    [shift] = await ahead(town)
    assert (shift.lacking, [one.name for one in shift.holders]) == (1, ["Eli"])
    card = await town.says("ana", "/shifts")
    assert "first aid post (Eli (learning); 1 more needed)" in card


async def test_what_is_over_cannot_be_taken(town: Town) -> None:
    await town.says("ana", CLEANING)
    await town.says("ana", "/shifts")
    await town.skip("5d")
    assert "That shift is over." in await town.presses("eli", TAKE)
    assert await states(town) == []


# --- doing it ----------------------------------------------------------------------------------------------------


async def test_what_is_done_becomes_hours_from_the_committee_once(town: Town) -> None:
    await done_by(town, "chi", "eli")
    assert (await town.balance("chi"), await town.balance("eli")) == (120, 120)
    await town.presses("chi", "Done: Cleaning, Sat, Jan 10 10:00")
    assert "You have said already how it went." in town.heard("chi")[-1]
    assert await town.balance("chi") == 120
    await town.books_are_sound()

    async def ask(tx: Reader) -> object:
        return await shifts.carried(tx, 1, town.practice.clock() - timedelta(days=30))

    # 120 minutes, as unpleasant and as empowering as the usual cleaning is guessed to be.
    assert set((await town.practice.app.database.read(ask)).values()) == {(120, 480, 120)}  # type: ignore[attr-defined]


async def test_the_committee_can_decide_that_shifts_are_done_without_hours(town: Town) -> None:
    await town.says("ana", "/shift_hours off")
    await town.presses("ben", "Agree")
    assert town.sees()[-1] == "Shifts are done without hours."
    await done_by(town, "chi")
    assert await town.balance("chi") == 0
    assert await states(town) == ["Chi done"]


async def test_where_help_is_a_gift_a_shift_is_one_too(town: Town) -> None:
    await town.says("ana", "/policy gift")
    await town.presses("ben", "Agree")
    await done_by(town, "chi")
    assert await states(town) == ["Chi done"]
    assert await town.balance("chi") == 0


async def test_the_middle_of_what_members_say_counts_and_nobody_is_asked_twice(town: Town) -> None:
    await done_by(town, "chi", "eli")
    await town.presses("chi", "5")
    assert "And how much does one learn" in town.heard("chi")[-1]
    await town.presses("chi", "1")
    assert "Unpleasant: 5 of 5, empowering: 1 of 5" in await town.whispers("ben", "/tasks")
    await town.presses("eli", "2")
    await town.presses("eli", "4")
    assert "Unpleasant: 4 of 5, empowering: 3 of 5" in await town.whispers("ben", "/tasks")
    await town.skip("6d")
    await town.whispers("chi", "/shifts")
    await town.presses("chi", "I'll take it: Cleaning, Sat, Jan 24 10:00")
    await town.skip("9d")
    await town.whispers("chi", "/shifts")
    await town.presses("chi", "Done: Cleaning, Sat, Jan 24 10:00")
    assert "How unpleasant" not in town.heard("chi")[-1]


async def test_what_somebody_carried_does_not_change_when_others_rate_the_task_later(town: Town) -> None:
    await done_by(town, "chi", "eli")
    await town.presses("chi", "5")

    async def ask(tx: Reader) -> dict[int, tuple[int, int, int]]:
        return await shifts.carried(tx, 1, town.practice.clock() - timedelta(days=30))

    assert set((await town.practice.app.database.read(ask)).values()) == {(120, 480, 120)}


async def test_a_note_and_a_problem_reach_the_next_crew_and_the_problem_the_organizers(town: Town) -> None:
    await town.says("ana", CLEANING)
    await town.says("ana", "/shifts")
    for who in ("chi", "eli"):
        await town.presses(who, TAKE)
    await town.skip("5d")
    await town.whispers("chi", "/shifts")
    await town.presses("chi", "Done: Cleaning, Sat, Jan 10 10:00")
    await town.presses("chi", "A note for the next crew")
    await town.whispers("chi", "The key hangs behind the door.")
    await town.whispers("eli", "/shifts")
    await town.presses("eli", "Problem: Cleaning, Sat, Jan 10 10:00")
    await town.whispers("eli", "The mop is broken.")
    assert "Eli tells of a problem: Cleaning, Sat, Jan 10 10:00 / “The mop is broken.”" in town.heard("ana")[-1]
    assert await town.balance("eli") == 120
    await town.skip("5d")
    await town.whispers("ben", "/shifts")
    await town.presses("ben", "I'll take it: Cleaning, Sat, Jan 24 10:00")
    assert "From the last crew: “The key hangs behind the door.”" in town.heard("ben")[-1]
    assert "From the last crew: “The mop is broken.”" in await town.whispers("ben", "/shifts")


async def test_whoever_is_there_says_so_and_whoever_was_not_has_no_harm(town: Town) -> None:
    await town.says("ana", CLEANING)
    await town.says("ana", "/shifts")
    for who in ("chi", "eli", "ben"):
        await town.presses(who, TAKE)
    await town.skip("4d")
    assert "Your shift: Cleaning, Sat, Jan 10 10:00" in await town.whispers("chi", "/todo")
    await town.skip("15h")
    await town.skip("30m")
    await town.whispers("chi", "/shifts")
    await town.presses("chi", "I'm here")
    assert (await states(town))[0] == "Chi here"
    await town.skip("3h")
    assert "Is it done? Cleaning, Sat, Jan 10 10:00" in await town.whispers("eli", "/todo")
    await town.presses("eli", "I was not there")
    assert await states(town) == ["Chi here", "Eli missed", "Ben held"]
    # Nobody has said it for two weeks: that is noted, and nothing more.
    await town.skip("16d")
    assert await states(town) == ["Chi missed", "Eli missed", "Ben missed"]
    assert [await town.balance(who) for who in ("chi", "eli", "ben")] == [0, 0, 0]


async def test_seats_that_are_needed_stand_in_the_digest(town: Town) -> None:
    await town.says("ana", "/digest mon 9:00")
    await town.presses("ben", "Agree")
    await town.says("ana", CLEANING)
    await town.skip("15d")
    assert any("Somebody is needed for 1 shift: Cleaning, Sat, Jan 24 10:00." in line for line in town.sees())


# --- people come and go ------------------------------------------------------------------------------------------


async def test_whoever_leaves_opens_the_seats_ahead(town: Town) -> None:
    await town.says("ana", CLEANING)
    await town.says("ana", "/shifts")
    await town.presses("eli", TAKE)
    await town.says("eli", "/leave")
    await town.skip("1m")
    assert (await crews(town))[0] == ("01-10 10:00", [])
    assert await states(town) == ["Eli back"]


async def test_two_memberships_that_become_one_have_one_past(town: Town) -> None:
    await done_by(town, "chi", "eli")
    await town.presses("chi", "5")
    await town.presses("eli", "2")

    async def merge(tx: Transaction) -> list[object]:
        ids = [id_ for (id_,) in await tx.all("SELECT DISTINCT member_id FROM assignments ORDER BY member_id")]
        await shifts.join(tx, ids[1], ids[0])
        return [
            await tx.all("SELECT DISTINCT member_id FROM assignments"),
            await tx.all("SELECT onerousness FROM task_ratings"),
        ]

    held, rated = await town.practice.app.database.transact(merge)
    assert len(held) == 1  # type: ignore[arg-type]
    assert rated == [(5,)]


async def test_what_somebody_did_is_handed_out_and_forgotten_in_time(town: Town) -> None:
    await done_by(town, "chi")
    await town.presses("chi", "4")
    await town.presses("chi", "A note for the next crew")
    await town.whispers("chi", "The key hangs behind the door.")

    async def ask(tx: Reader) -> dict[str, list[dict[str, object]]]:
        member = await people.member_with_account(tx, 1, town.practice.console.somebody("chi").sender.user)
        assert member is not None
        found = await privacy.hand_out(tx, member.person_id, now=town.practice.clock(), characters_max=100_000)
        handed: dict[str, list[dict[str, object]]] = json.loads(found.text)
        return handed

    handed = await town.practice.app.database.read(ask)
    assert handed["shifts"][0]["told_the_next_crew"] == "The key hangs behind the door."
    assert handed["how_hard_you_say_tasks_are"][0]["onerousness"] == 4
    await town.says("ana", "/task_end cleaning")

    async def words(tx: Reader) -> list[str]:
        rows = await tx.all(
            "SELECT thing FROM notes WHERE text IS NOT NULL AND (thing LIKE 'handover:%' OR thing LIKE 'rota_task:%')"
        )
        return [thing for (thing,) in rows]

    assert await town.practice.app.database.read(words) == ["handover:1", "rota_task:1"]
    later = town.practice.clock() + retention.SHIFTS
    await town.practice.app.database.transact(lambda tx: shifts.purge(tx, now=later))
    assert await town.practice.app.database.read(words) == []
    assert await states(town) == []


# --- for the planner ---------------------------------------------------------------------------------------------


async def test_the_planner_finds_seats_and_holders_and_what_it_plans_can_be_assigned(town: Town) -> None:
    await town.says("ana", CLEANING)
    await town.says("ana", "/task first aid post every sun 12:00 3h crew 1 skill first aid trainee")
    await town.says("ana", "/shifts")
    await town.presses("chi", TAKE)
    seats, held = shifts.as_instance(await ahead(town))
    assert [(one.member, one.stage, one.agreed) for one in held] == [("3", "frozen", True)]
    assert {seat.minutes for seat in seats} == {120, 180}
    assert {(seat.onerousness, seat.empowerment) for seat in seats} == {(4, 1), (3, 3)}
    start = min(seat.local for seat in seats).date()
    instance = Instance(
        start=start,
        days=70,
        members=tuple(Member(id=str(n), share_minutes=1200, skills=frozenset({"first aid"})) for n in range(1, 5)),
        seats=tuple(seats),
        held=tuple(held),
        terms=Terms(moves_max=100),
    )
    planned = plan(instance)
    assert planned.holders[held[0].seat] == "3"
    now = town.practice.clock()

    async def put(tx: Transaction) -> list[object]:
        ana = await people.member_now(tx, 1, 1)
        [first] = [one for one in await shifts.within(tx, 1, now, now + timedelta(days=6)) if one.minutes == 120]
        assert ana is not None
        made = await shifts.assign(tx, first.open()[0], ana, stage="draft", agreed=False, now=now)
        again = await shifts.assign(tx, first.open()[0], ana, stage="draft", agreed=False, now=now)
        assert made is not None
        await shifts.settle_stage(tx, made, stage="firm", agreed=False)
        return [made.stage, again]

    assert await town.practice.app.database.transact(put) == ["draft", None]
    _, held = shifts.as_instance(await ahead(town))
    assert [(one.member, one.stage) for one in held] == [("3", "frozen"), ("1", "firm")]
