"""How fairly the work is shared, as members meet it: their own dials, the group's spread, understudies and rest."""

from __future__ import annotations

import functools
import random
import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Literal

import pytest

from bot import delivery
from bot.chat import Bars, Chart
from bot.domain import fairness
from storage import people, rotas, shifts
from storage.database import Reader, Transaction
from storage.shifts import Shift
from tests.conftest import Town

OUTCOMES: tuple[Literal["done", "problem", "missed"], ...] = ("done", "problem", "missed")
NAMES = ("Ana", "Ben", "Chi", "Eli", "Fay")
CHAIR = "/task Assembly: chair every thursday 18:00 3h crew 1"
TAKE = "I'll take it: Assembly: chair, Thu, Jan {day} 18:00"
VAN = "/task van every friday 17:00 2h crew 1 skill van"


async def taken(town: Town, *who: str) -> None:
    """A cleaning on Saturday, on which these have a seat."""
    await town.says("ana", "/task cleaning every sat 10:00 2h crew 3-4")
    await town.says("ana", "/shifts")
    for name in who:
        await town.presses(name, "I'll take it: Cleaning, Sat, Jan 10 10:00")


async def crews(town: Town, task: str) -> list[tuple[str, list[str], list[str]]]:
    """Shifts of a task that are not over: when, who does it, who learns it (`-`: a free seat to learn it)."""

    async def ask(tx: Reader) -> list[Shift]:
        now = town.practice.clock()
        return await shifts.within(tx, 1, now, now + timedelta(days=60))

    return [
        (
            f"{one.local:%m-%d}",
            [seat.holder.name for seat in one.seats if seat.holder is not None and not seat.trainee],
            ["-" if seat.holder is None else seat.holder.name for seat in one.seats if seat.trainee],
        )
        for one in await town.practice.app.database.read(ask)
        if one.task.name is not None and one.task.name.text == task
    ]


# --- dials -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_dials_are_what_was_signed_off_and_what_is_held_ahead_whatever_happened(town: Town, seed: int) -> None:
    """Against a ledger of its own: every shift of which somebody said that it was done, and every seat held ahead."""
    chance = random.Random(seed)
    database = town.practice.app.database
    await town.says("ana", "/task cleaning daily 10:00 2h crew 4")
    await town.says("ana", "/task flyers any time this week 1h crew 4")
    ledger: Counter[str] = Counter()

    async def act(tx: Transaction, now: datetime) -> None:
        for shift in await shifts.within(tx, 1, now - timedelta(days=1), now + timedelta(days=10)):
            for seat in shift.seats:
                member = await people.member(tx, 1, chance.randint(1, 4))
                assert member is not None
                if seat.holder is None and shift.of(member.id) is None and chance.random() < 0.5:
                    await shifts.assign(tx, seat, member, stage="firm", agreed=True, now=now)
                elif seat.holder is not None and shift.at <= now and chance.random() < 0.7:
                    state: Literal["done", "problem", "missed"] = chance.choice(OUTCOMES)
                    if await shifts.over(tx, seat.holder, shift, state, now=now) and state != "missed":
                        ledger[str(seat.holder.member_id)] += shift.minutes * shift.task.onerousness
                elif seat.holder is not None and chance.random() < 0.2:
                    await shifts.give_back(tx, seat.holder, shift, now=now)

    # It ends within the week: some have done what has time till Sunday.
    for _ in range(5):
        await database.transact(functools.partial(act, now=town.practice.clock()))
        await town.skip("24h")

    async def found(tx: Reader) -> tuple[dict[str, tuple[int, int]], dict[str, int]]:
        committee = await people.committee(tx, 1)
        instance = await rotas.instance(tx, committee, now=town.practice.clock())
        fair = fairness.fairness(instance, {one.seat: one.member for one in instance.held})
        held = await tx.all(
            """SELECT a.member_id, sum(s.minutes * k.onerousness) FROM assignments a JOIN seats e ON e.id = a.seat_id
               JOIN shifts s ON s.id = e.shift_id JOIN rota_tasks k ON k.id = s.task_id
               WHERE a.state IN ('held', 'here') AND s.end_us > ? GROUP BY a.member_id""",
            int(town.practice.clock().timestamp() * 1_000_000),
        )
        dials = {one.member: (one.carried, one.coming) for one in fair.burden.dials}
        return dials, {str(member): points for member, points in held}

    dials, coming = await database.read(found)
    assert sum(ledger.values()) > 0
    assert {who: carried for who, (carried, _) in dials.items() if carried} == dict(ledger)
    assert {who: ahead for who, (_, ahead) in dials.items() if ahead} == coming


async def test_each_sees_their_own_dials_in_private_in_plain_hours(town: Town) -> None:
    await taken(town, "ana", "ben", "chi")
    told = await town.whispers("chi", "/fair")
    assert "Burden: you have 2 h 40; the level for your share is 2 h (133%). / Done 0 min, planned 2 h 40." in told
    assert "An hour of middling work (3 of 5) counts 1 h" in told
    assert "you have 0 min; the level for your share is 2 h (0%)" in await town.whispers("eli", "/fair")
    await town.whispers("eli", "/capacity 0h")
    told = await town.whispers("eli", "/fair")
    assert "Burden: you have 0 min." in told
    assert "You have agreed to no hours: nothing is asked of you." in told
    # What is done stays, in another place of the sentence.
    await town.skip("5d")
    await town.whispers("chi", "/shifts")
    await town.presses("chi", "Done: Cleaning, Sat, Jan 10 10:00")
    assert "you have 2 h 40" in (told := await town.whispers("chi", "/fair"))
    assert "Done 2 h 40, planned 0 min." in told


# --- the group -------------------------------------------------------------------------------------------------------


async def test_the_group_hears_the_same_whoever_asks_without_a_name_and_no_change_shows_before_next_week(
    town: Town,
) -> None:
    await taken(town, "ana", "ben", "chi")
    first = await town.says("chi", "/fair")
    assert "Burden (how unpleasant it is): from 0% to 130%, 130% apart." in first
    assert "Whoever is worst off carries 30% more than would be even." in first
    assert "Whoever is worst off has 100% less than would be even." in first
    assert not [name for name in NAMES if name in first]
    # Somebody asks twice, around a change of one of them that only that one knows.
    await town.whispers("chi", "/capacity 1h")
    await town.whispers("ben", "/away 6 jan to 30 jan")
    await town.skip("1h")
    assert await town.says("ana", "/fair") == first
    await town.presses("eli", "My own part")
    await town.whispers("eli", "/fair")
    await town.presses("eli", "All of you")
    assert town.heard("eli")[-1] == first.removesuffix(" / This names nobody. Your own part you see in private.")
    await town.skip("1w")
    await town.skip("1d")
    assert await town.says("ana", "/fair") != first
    for _ in range(3):
        await town.skip("1w")
    assert "Nothing has been done yet, and nobody has a seat ahead." in await town.says("ana", "/fair")
    await town.says("ana", "/shifts")
    await town.presses("eli", "I'll take it: Cleaning, Sat, Feb 7 10:00")
    await town.skip("1h")
    assert "4 weeks before: burden 130% apart, empowerment 130%." in await town.says("ana", "/fair")


async def test_so_few_hear_no_figure_and_two_hear_no_level(town: Town) -> None:
    await taken(town, "ana", "ben", "chi")
    for who, level in (("eli", True), ("chi", False)):
        await town.whispers(who, "/capacity 0h")
        await town.skip("1h")
        said = await town.says("ana", "/fair")
        assert "there are some once 4 of you share work" in said
        assert "apart" not in said
        assert ("the level for your share" in await town.whispers("ana", "/fair")) is level


async def test_the_pictures_numbers_are_those_of_the_words(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Chart] = []

    async def keep(chart: Chart) -> None:
        drawn.append(chart)

    monkeypatch.setattr(delivery, "drawn", keep)
    await taken(town, "ana", "ben", "chi")
    for speak in (town.says, town.whispers):
        words = await speak("chi", "/fair picture")
        chart = drawn.pop()
        parts = [part for part in chart.parts if isinstance(part, Bars)]
        bars = [bar for part in parts for bar in part.bars]
        assert len(bars) >= 4
        assert {bar.told for bar in bars} <= set(re.findall(r"\d+%|\d+ h \d+|\d+ h|\d+ min", words))
        assert all(
            bar.value == (int(bar.told[:-1]) if bar.told.endswith("%") else fairness.hours(bar.value * 3))
            for bar in bars
        )
        # The longest fits, and what is longer is drawn longer.
        assert all(part.whole is not None and max(bar.value for bar in part.bars) <= part.whole for part in parts)
        assert not [name for name in NAMES if name in str(chart)]


# --- much of the organizing ------------------------------------------------------------------------------------------


async def chaired(town: Town) -> None:
    """Five share the work, and Ana has the chair twice, and so all of the organizing; now it is Monday the twelfth."""
    await town.says("fay", "/join")
    await town.whispers("fay", "/start")
    await town.says("ana", CHAIR)
    await town.says("ana", "/shifts")
    for day in (8, 15):
        await town.presses("ana", TAKE.format(day=day))
    await town.skip("4d")
    await town.whispers("ana", "/shifts")
    await town.presses("ana", "Done: Assembly: chair, Thu, Jan 8 18:00")
    await town.skip("3d")


def asked(town: Town, about: str) -> list[str]:
    """Who was asked to learn something, in this order."""
    return [
        where.removesuffix(" (dm)")
        for where, what in town.transcript
        if what.startswith("bot: Would you like to learn it, beside Ana: " + about)
    ]


async def test_whoever_organizes_much_hears_it_in_private_every_fourth_week_and_can_rest(town: Town) -> None:
    await chaired(town)
    told = [words for words in town.heard("ana") if "much of the organizing" in words]
    assert len(told) == 1
    assert told[0].startswith("You carry much of the organizing: 6 h of 6 h, that is 100%.")
    await town.practice.press("ana", "Rest", within=town.private("ana"))
    assert town.heard("ana")[-1].startswith("Rest: nobody asks why.")
    await town.practice.press("ana", "Fewer hours a month", within=town.private("ana"))
    assert "How many hours a month?" in town.heard("ana")[-1]
    # Where she asks herself, she sees it at any time; pushed it is only after four weeks.
    assert "much of the organizing" in await town.whispers("ana", "/fair")
    before = len(town.heard("ana"))
    await town.skip("4d")
    await town.whispers("ana", "/shifts")
    await town.presses("ana", "Done: Assembly: chair, Thu, Jan 15 18:00")
    await town.skip("10d")
    assert not [words for words in town.heard("ana")[before:] if "much of the organizing" in words]
    everybody = [words for who in ("ben", "chi", "eli", "fay") for words in town.heard(who)]
    assert not [words for words in [*everybody, *town.sees()] if "organizing" in words]


async def test_an_understudy_is_asked_for_one_after_another_and_quietly_until_somebody_says_yes(town: Town) -> None:
    await chaired(town)
    await town.whispers("eli", "/veto assembly")
    await town.whispers("fay", "/not_with @ana")
    await town.skip("1h")
    group = len(town.sees())
    await town.practice.press("ana", "Find an understudy", within=town.private("ana"))
    assert "I ask one after another" in town.heard("ana")[-1]
    assert len(asked(town, "Assembly: chair")) == 1
    await town.practice.press("ana", "Find an understudy", within=town.private("ana"))
    assert town.heard("ana")[-1].startswith("I am asking already.")
    assert asked(town, "Assembly: chair") == ["ben"]
    # Nobody else can answer for Ben.
    assert "would you like" not in (await town.whispers("chi", "/todo")).lower()
    await town.practice.press("ben", "No", within=town.private("ben"))
    assert town.heard("ben")[-1] == "All right. Nobody is told of that."
    # Chi is asked now, and waits too long.
    assert asked(town, "Assembly: chair") == ["ben", "chi"]
    assert "Would you like to learn it, beside Ana: Assembly: chair?" in await town.whispers("chi", "/todo")
    heard = len(town.heard("ana"))
    await town.skip("4d")
    await town.practice.press("chi", "Yes, I'd like to", within=town.private("chi"))
    assert town.heard("chi")[-1].startswith("That is settled already.")
    # Neither Eli, who never does it, nor Fay, who keeps apart from Ana, is asked; and nobody learns why.
    assert asked(town, "Assembly: chair") == ["ben", "chi"]
    assert any("I have found nobody just now" in words for words in town.heard("ana")[heard:])
    assert town.sees()[group:] == [] or not [words for words in town.sees()[group:] if "learn it, beside" in words]
    assert {tuple(learns) for _, _, learns in (await crews(town, "Assembly: chair"))[1:]} == {("-",)}


# --- what only one can do --------------------------------------------------------------------------------------------


async def only_ana(town: Town) -> None:
    """Only Ana has the skill for the van; Chi would like to learn it. Next Monday the bot looks."""
    await town.says("ana", "/skill van @ana")
    await town.presses("ben", "Agree")
    await town.says("ana", VAN)
    await town.whispers("chi", "/learn van")
    await town.says("ana", "/shifts")
    await town.presses("ana", "I'll take it: van, Fri, Jan 16 17:00")


async def test_what_only_one_can_do_gets_a_seat_to_learn_it_until_two_can(town: Town) -> None:
    await only_ana(town)
    assert "Only one of you can do: van." in await town.says("eli", "/fair")
    assert "van: only Ana." in await town.whispers("ben", "/fair")
    assert "only Ana" not in await town.whispers("eli", "/fair")
    await town.skip("7d")
    told = [words for words in town.sees() if "seat to learn it" in words]
    assert len(told) == 1
    assert told[0].startswith("Only one of you can do: van. That is much for one")
    assert not [name for name in NAMES if name in told[0]]
    assert any(words.startswith("Only you can do: van.") for words in town.heard("ana"))
    assert {tuple(learns) for _, _, learns in await crews(town, "van")} == {("-",)}
    # Whoever wants to learn it is asked first.
    assert asked(town, "van") == ["chi"]
    await town.practice.press("chi", "Yes, I'd like to", within=town.private("chi"))
    assert (
        "Good! You learn it beside Ana: van. / Your times to learn it: van, Fri, Jan 16 17:00." in town.heard("chi")[-1]
    )
    assert "Chi wants to learn it beside you: van. / The first times: van, Fri, Jan 16 17:00." in town.heard("ana")[-1]
    await town.practice.press("chi", "Yes, I'd like to", within=town.private("chi"))
    assert (await crews(town, "van"))[:2] == [("01-16", ["Ana"], ["Chi"]), ("01-23", [], ["-"])]
    # As long as Chi has it to learn, the seats stay; once two have the skill, they go.
    await town.skip("14d")
    assert {tuple(learns) for _, _, learns in await crews(town, "van")} == {("-",)}
    await town.says("ana", "/skill van @chi")
    await town.presses("ben", "Agree")
    assert "Only one of you" not in await town.says("eli", "/fair")
    await town.skip("7d")
    assert "More than one of you can do it now: van." in town.sees()[-1]
    assert {tuple(learns) for _, _, learns in await crews(town, "van")} == {()}


async def test_with_a_digest_a_seat_to_learn_it_is_told_there_once(town: Town) -> None:
    await only_ana(town)
    await town.says("ana", "/digest tue 18:00")
    await town.presses("ben", "Agree")
    await town.skip("9d")
    assert [("seat to learn it" in words) for words in town.sees()].count(True) == 1
    await town.skip("7d")
    assert [("seat to learn it" in words) for words in town.sees()].count(True) == 1


async def test_what_needs_no_skill_is_learnt_too_once_one_alone_has_done_it_three_times(town: Town) -> None:
    await town.says("ana", "/task keys daily 9:00 1h crew 1")
    for day in (6, 7, 8):
        await town.whispers("ana", "/shifts")
        assert "Only one of you" not in await town.says("eli", "/fair")
        await town.says("ana", "/shifts")
        [label] = {f"I'll take it: keys, {name}, Jan {day} 09:00" for name in [("Tue", "Wed", "Thu")[day - 6]]}
        await town.presses("ana", label)
        await town.skip("24h")
        await town.whispers("ana", "/shifts")
        await town.presses("ana", label.replace("I'll take it", "Done"))
    assert "Only one of you can do: keys." in await town.says("eli", "/fair")
    await town.skip("5d")
    assert {tuple(learns) for _, _, learns in await crews(town, "keys")} == {("-",)}
    await town.practice.press("ben", "Yes, I'd like to", within=town.private("ben"))
    assert "Your times to learn it: keys" in town.heard("ben")[-1]
    # A seat that is held to learn what needs no skill counts in the dial, and an empty one is not planned for anybody.
    assert "planned 2 h" in await town.whispers("ben", "/fair")

    async def planned(tx: Reader) -> tuple[int, int]:
        instance = await rotas.instance(tx, await people.committee(tx, 1), now=town.practice.clock())
        return len(instance.seats), len({seat.shift for seat in instance.seats})

    seats, times = await town.practice.app.database.read(planned)
    assert seats == times + 2
