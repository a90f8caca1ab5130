"""Seats that change hands as members meet it: who is asked, in which order and when, and swaps that all agree to."""

from __future__ import annotations

import random
import re
from datetime import timedelta

import pytest

from bot.domain import asking
from storage import availability, shifts
from storage.database import Reader, Transaction
from tests.conftest import Town
from tests.test_shifts import ahead, crews

CLEANING = "Cleaning, Sat, Jan 17 10:00"
COOKING = "cooking, Sun, Jan 18 18:00"
EARLIER = "Cleaning, Sat, Jan 10 10:00"
NEEDED = "Somebody is needed: Sat, Jan 17 10:00, 2 h: Cleaning"


async def rota(town: Town, **seats: str) -> None:
    """Cleaning every Saturday, cooking every Sunday; and who takes which seat."""
    await town.says("ana", "/task cleaning every sat 10:00 2h crew 1")
    await town.says("ana", "/task cooking every sun 18:00 2h crew 1")
    await town.says("ana", "/shifts")
    for who, shift in seats.items():
        await town.presses(who, f"I'll take it: {shift}")


async def gives_back(town: Town, who: str, shift: str = CLEANING) -> None:
    await town.whispers(who, "/shifts")
    await town.presses(who, f"Can't: {shift}")


async def holders(town: Town) -> dict[str, list[str]]:
    """Who has a seat on which shift."""
    return {when: names for when, names in await crews(town) if names}


async def asked(town: Town) -> list[tuple[str, str | None]]:
    """Who was asked for a seat in private, in which order, and what they said."""

    async def ask(tx: Reader) -> list[tuple[str, str | None]]:
        return [
            (name, answer)
            for name, answer in await tx.all(
                "SELECT m.called, a.answer FROM seat_asked a JOIN members m ON m.id = a.member_id ORDER BY a.id"
            )
        ]

    return await town.practice.app.database.read(ask)


async def can_do(town: Town, skill: str, *names: str) -> None:
    """These have a skill."""

    async def work(tx: Transaction) -> None:
        found, _ = await availability.add_skill(tx, 1, skill)
        for name in names:
            id_ = await tx.value("SELECT id FROM members WHERE called = ?", name)
            await availability.hold(tx, found.id, id_, "granted", now=town.practice.clock())

    await town.practice.app.database.transact(work)


# --- the next in line ------------------------------------------------------------------------------------------------


async def test_who_cannot_gives_no_reason_and_one_after_the_other_is_asked_in_private(town: Town) -> None:
    await rota(town, chi=CLEANING)
    group = len(town.sees())
    await gives_back(town, "chi")
    assert "I ask in private who is next" in town.heard("chi")[-1]
    assert [who for who, _ in await asked(town)] == ["Eli"]
    assert town.heard("eli")[-1].startswith(NEEDED)
    await town.presses("eli", "No")
    # The next is asked at once, and of Eli's no nobody hears.
    [_, (second, _)] = await asked(town)
    other = second.lower()
    assert town.heard(other)[-1].startswith(NEEDED)
    await town.presses(other, "Yes, I'll take it")
    assert (await holders(town))["01-17 10:00"] == [second]
    assert town.heard("chi")[-1] == f"{second} takes it: {CLEANING}"
    assert town.heard(other)[-1] == f"You have said yes: {CLEANING}"
    assert not any("Eli" in line for who in ("ana", "ben", "chi") for line in town.heard(who))
    # The group's card is brought up to date; no message more.
    assert not [line for line in town.sees()[group:] if "free again" in line]


async def test_silence_is_no_answer_the_next_is_asked_too_and_nobody_twice(town: Town) -> None:
    await rota(town, chi=CLEANING)
    await gives_back(town, "chi")
    await town.skip("4d")
    assert [answer for _, answer in await asked(town)] == [None, None, None]
    assert {name for name, _ in await asked(town)} == {"Ana", "Ben", "Eli"}
    await town.skip("4d")
    assert len(await asked(town)) == 3
    # Whoever was asked first can say yes still; the others see that it is taken, and a late yes takes nothing.
    first, second, _ = [name.lower() for name, _ in await asked(town)]
    yes = {"Eli": "Yes, I'll take it"}
    for who in (first, second):
        await town.whispers(who, "/todo")
    await town.presses(first, yes.get(first.capitalize(), "1. Yes, I'll take it"))
    assert town.heard(second)[-1] == f"It is taken, thank you: {CLEANING}"
    await town.presses(second, yes.get(second.capitalize(), "1. Yes, I'll take it"))
    assert town.heard(second)[-1] == f"It is taken, thank you: {CLEANING}"
    assert (await holders(town))["01-17 10:00"] == [first.capitalize()]


async def test_when_time_gets_short_the_group_is_asked_once_and_then_those_who_organize(town: Town) -> None:
    await rota(town, chi=CLEANING)
    await gives_back(town, "chi")
    await town.skip("9d")
    assert not any("A seat is free again" in line for line in town.sees())
    await town.skip("25h")
    wanted = [line for line in town.sees() if line.startswith("A seat is free again: Sat, Jan 17 10:00")]
    assert len(wanted) == 1
    assert not any("Nobody has been found" in line for line in town.heard("ana"))
    await town.skip("38h")
    for who in ("ana", "ben"):
        assert len([line for line in town.heard(who) if "Nobody has been found yet" in line]) == 1
    await town.presses("ben", "I'll take it")
    assert "It is taken, thank you: Sat, Jan 17 10:00, 2 h: Cleaning (Ben)" in town.sees()
    assert len([line for line in town.sees() if line.startswith("A seat is free again")]) == 1
    assert (await holders(town))["01-17 10:00"] == ["Ben"]


async def test_a_seat_that_somebody_takes_meanwhile_is_asked_for_no_more(town: Town) -> None:
    await rota(town, chi=CLEANING)
    await gives_back(town, "chi")
    await town.presses("ben", f"I'll take it: {CLEANING}")
    assert town.heard("eli")[-1] == f"It is taken, thank you: {CLEANING}"
    assert town.heard("chi")[-1] == f"Ben takes it: {CLEANING}"
    await town.skip("13d")
    assert len(await asked(town)) == 1
    assert not any("free again" in line for line in town.sees())


async def test_nobody_is_asked_who_is_away_cannot_do_it_or_does_not_want_it(town: Town) -> None:
    await town.says("ana", "/task first aid post sat 17 jan 10:00 2h crew 1 skill first aid")
    await can_do(town, "first aid", "Ben", "Chi", "Eli")
    await town.whispers("eli", "/away 16 jan to 20 jan")
    await town.skip("4d")
    await town.says("chi", "/shifts")
    await town.presses("chi", "I'll take it: first aid post, Sat, Jan 17 10:00")
    await gives_back(town, "chi", "first aid post, Sat, Jan 17 10:00")
    await town.skip("7d")
    assert [who for who, _ in await asked(town)] == ["Ben"]


async def test_a_decline_is_followed_up_after_a_night_and_after_a_downtime(town: Town) -> None:
    await rota(town, chi=CLEANING)
    await town.skip("4h")
    await gives_back(town, "chi")
    # It is ten in the evening: nobody is woken for it.
    assert await asked(town) == []
    await town.skip("11h")
    assert len(await asked(town)) == 1


async def test_where_nobody_can_two_are_asked_to_change_and_both_must_agree(town: Town) -> None:
    await rota(town, chi=CLEANING)
    await town.says("ana", "/task shopping sat 17 jan 11:00 2h crew 1")

    async def plan(tx: Transaction) -> None:
        """Eli has the shopping by the rota's plan: no yes by hand."""
        found = await shifts.within(tx, 1, town.practice.clock(), town.practice.clock() + timedelta(days=20))
        [seat] = next(one for one in found if one.task.name is not None and one.task.name.text == "shopping").seats
        await tx.execute(
            """INSERT INTO assignments (seat_id, member_id, stage, agreed, state, since_us)
               SELECT ?, id, 'frozen', 0, 'held', 1 FROM members WHERE called = 'Eli'""",
            seat.id,
        )

    await town.practice.app.database.transact(plan)
    # Ana does not clean; Ben is no member of the rota: only Eli could clean, if Ana did the shopping.
    await town.whispers("ana", "/veto cleaning")
    await town.whispers("ben", "/capacity 0h")
    await gives_back(town, "chi")
    assert await asked(town) == []
    assert f"Ana takes your shopping, Sat, Jan 17 11:00; you take {CLEANING}" in town.heard("eli")[-1]
    assert "you take shopping, Sat, Jan 17 11:00" in town.heard("ana")[-1]
    await town.presses("ana", "Agree")
    assert (await holders(town)) == {"01-17 11:00": ["Eli"]}
    await town.presses("eli", "Agree")
    assert (await holders(town)) == {"01-17 10:00": ["Eli"], "01-17 11:00": ["Ana"]}
    assert town.heard("chi")[-1] == f"Eli takes it: {CLEANING}"
    await town.skip("13d")
    assert not any("free again" in line for line in town.sees())


async def test_in_a_large_committee_it_is_worked_out_beside_the_chat(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "INLINE_MAX", 3)
    await rota(town, chi=CLEANING, eli=COOKING)
    assert "I look for swaps" in await town.whispers("eli", "/swap")
    assert "1. Chi takes your cooking" in town.heard("eli")[-1]
    await gives_back(town, "chi")
    assert len(await asked(town)) == 1


# --- swaps -----------------------------------------------------------------------------------------------------------


async def swaps_with(town: Town, who: str, other: str) -> None:
    """Somebody asks somebody else for the first swap that there is."""
    await town.whispers(who, f"/swap @{other}")
    await town.presses(who, "Ask about 1")


async def test_a_swap_happens_when_both_have_agreed(town: Town) -> None:
    await rota(town, chi=CLEANING, eli=COOKING)
    await swaps_with(town, "chi", "eli")
    assert "Chi asks you for a swap:" in town.heard("eli")[-1]
    assert f"Chi takes your {COOKING}; you take {CLEANING}" in town.heard("eli")[-1]
    await town.whispers("eli", "/todo")
    await town.presses("eli", "Agree")
    assert await holders(town) == {"01-17 10:00": ["Eli"], "01-18 18:00": ["Chi"]}
    assert town.heard("chi")[-1] == f"It is done: Eli takes your {CLEANING}; you take {COOKING}"
    await town.presses("eli", "Agree")
    assert "It is done already." in town.heard("eli")[-1]


async def test_one_no_or_time_that_runs_out_changes_nothing_and_gives_no_reason(town: Town) -> None:
    await rota(town, chi=CLEANING, eli=COOKING)
    await swaps_with(town, "chi", "eli")
    await town.presses("eli", "No")
    nothing = f"Nothing came of it, and all stays as it was: Eli takes your {CLEANING}; you take {COOKING}"
    assert town.heard("chi")[-1] == nothing
    await swaps_with(town, "chi", "eli")
    await town.whispers("eli", "/todo")
    await town.skip("12d")
    assert town.heard("chi").count(nothing) == 2
    await town.presses("eli", "Agree")
    assert "That is off already" in town.heard("eli")[-1]
    assert await holders(town) == {"01-18 18:00": ["Eli"]}


async def test_of_two_swaps_of_one_seat_the_first_that_all_agree_to_wins(town: Town) -> None:
    await rota(town, chi=CLEANING, eli=COOKING, ben=EARLIER)
    await swaps_with(town, "chi", "eli")
    await swaps_with(town, "chi", "ben")
    await town.whispers("eli", "/todo")
    await town.presses("ben", "Agree")
    assert await holders(town) == {"01-10 10:00": ["Chi"], "01-17 10:00": ["Ben"], "01-18 18:00": ["Eli"]}
    # Eli's question is off before Eli has said anything.
    assert "Nothing came of it" in "\n".join(town.heard("eli"))
    await town.presses("eli", "Agree")
    assert "That is off already" in town.heard("eli")[-1]
    assert await holders(town) == {"01-10 10:00": ["Chi"], "01-17 10:00": ["Ben"], "01-18 18:00": ["Eli"]}


async def test_who_has_given_the_seat_back_meanwhile_cannot_swap_it(town: Town) -> None:
    await rota(town, chi=CLEANING, eli=COOKING)
    await swaps_with(town, "chi", "eli")
    await gives_back(town, "eli", COOKING)
    assert "Nothing came of it" in "\n".join(town.heard("chi")[-2:])
    assert await holders(town) == {"01-17 10:00": ["Chi"]}


async def test_three_swap_when_all_three_agree(town: Town) -> None:
    await rota(town, chi=CLEANING, eli=COOKING, ben=EARLIER)
    # Ben does not cook, and Eli is away when Chi cleans: two cannot swap, three can.
    await town.whispers("ben", "/veto cooking")
    await town.whispers("eli", "/away 16 jan to 17 jan")
    await town.whispers("eli", "/swap")
    said = town.heard("eli")[-1]
    line = next(one for one in said.split(" / ") if one.count(" takes ") == 2)
    assert re.match(r"\d\. Chi takes your cooking.*; Ben takes", line), said
    await town.presses("eli", f"Ask about {line[0]}")
    await town.presses("chi", "Agree")
    assert await holders(town) == {"01-10 10:00": ["Ben"], "01-17 10:00": ["Chi"], "01-18 18:00": ["Eli"]}
    await town.presses("ben", "Agree")
    assert sorted((await holders(town)).values()) == [["Ben"], ["Chi"], ["Eli"]]
    assert (await holders(town))["01-18 18:00"] == ["Chi"]


async def test_the_group_is_asked_by_one_card_and_the_first_who_answers_has_it(town: Town) -> None:
    await rota(town, chi=CLEANING, eli=COOKING)
    await town.whispers("chi", "/swap")
    await town.presses("chi", "Ask in the group")
    assert "Chi would like to swap: Sat, Jan 17 10:00, 2 h: Cleaning (Chi). Who would?" in town.sees()[-1]
    assert "That is your own shift." in await town.presses("chi", "I'd swap")
    await town.presses("eli", "I'd swap")
    assert "Which one do you offer?" in town.heard("eli")[-1]
    await town.presses("eli", "Ask about 1")
    await town.whispers("chi", "/todo")
    # Meanwhile Ben takes it for nothing: it is Ben's, and Eli's offer is off.
    assert f"It is yours: {CLEANING}" in await town.presses("ben", "I'll take it")
    assert f"Ben takes it: {CLEANING}" in town.heard("chi")
    assert f"It is over, thank you: {CLEANING}" in town.sees()
    assert await holders(town) == {"01-17 10:00": ["Ben"], "01-18 18:00": ["Eli"]}
    await town.presses("chi", "Agree")
    assert "That is off already" in town.heard("chi")[-1]


async def test_a_seat_is_handed_over_to_somebody_who_says_yes_also_while_it_goes_on(town: Town) -> None:
    await rota(town, chi=EARLIER)
    await town.skip("113h")
    assert "I ask Eli in private." in await town.whispers("chi", "/hand_over @eli")
    assert "They are asked already." in await town.whispers("chi", "/hand_over @eli")
    assert "Chi asks whether you take over a shift:" in town.heard("eli")[-1]
    assert await holders(town) == {"01-10 10:00": ["Chi"]}
    await town.presses("eli", "Agree")
    assert await holders(town) == {"01-10 10:00": ["Eli"]}
    await town.skip("2h")
    await town.whispers("eli", "/shifts")
    await town.presses("eli", f"Done: {EARLIER}")
    assert (await town.balance("chi"), await town.balance("eli")) == (0, 120)


REFUSED = (
    ("chi", "/swap", "You have no shift ahead."),
    ("eli", "/swap @eli", "With whom else?"),
    ("eli", "/swap @rosa", "Rosa has no account here."),
    ("eli", "/hand_over @eli", "To whom else?"),
    ("chi", "/hand_over @eli", "You have no shift ahead."),
    ("eli", "/swap tomorrow", "I read “tomorrow” where I expected"),
)


async def test_what_cannot_be_swapped_gets_a_sentence_that_says_what_to_do(town: Town) -> None:
    await rota(town, eli=COOKING)
    await town.says("chi", "/add Rosa")
    for who, line, answer in REFUSED:
        assert answer in await town.whispers(who, line), line
    assert "has no shift that works for a swap" in await town.whispers("eli", "/swap @chi")


async def test_no_seat_is_ever_lost_or_held_twice_whatever_is_pressed(town: Town) -> None:
    assert await walk(town, seed=7, steps=60) >= 1


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
async def test_no_seat_is_ever_lost_in_long_walks(town: Town, seed: int) -> None:
    await walk(town, seed=seed, steps=300)


async def walk(town: Town, *, seed: int, steps: int) -> int:
    """Members press at random what they see: after each press every seat is there and has at most one holder.

    How often two seats or more changed hands at once.
    """
    chance = random.Random(seed)
    await rota(town, chi=CLEANING, eli=COOKING, ben=EARLIER)
    seats = sum(len(one.seats) for one in await ahead(town))
    people = ("ana", "ben", "chi", "eli")
    trades = 0
    for _ in range(steps):
        who = chance.choice(people)
        before = await _seats(town)
        line = chance.choice(
            ("/shifts", "/swap", "/todo", f"/swap @{chance.choice(people)}", "press", "press", "press")
        )
        if line == "press":
            await _press_any(town, who, chance)
        else:
            await town.whispers(who, line)
        after = await _seats(town)
        assert sum(len(one.seats) for one in await ahead(town)) == seats
        on = [(shift, name) for shift, name in after.values()]
        assert len(on) == len(set(on)), "nobody has two seats of one shift"
        # A decline, a claim or a swap changes at most three seats at once.
        changed = {seat for seat in before.keys() | after.keys() if before.get(seat) != after.get(seat)}
        assert len(changed) <= 3
        lost = before.keys() - after.keys()
        assert len(lost) <= 1
        trades += len(changed) > 1
    return trades


async def _seats(town: Town) -> dict[int, tuple[int, str]]:
    return {
        seat.id: (shift.id, seat.holder.name)
        for shift in await ahead(town)
        for seat in shift.seats
        if seat.holder is not None
    }


_LABELS = re.compile(r"\[([^\[\]]+)\]")


async def _press_any(town: Town, who: str, chance: random.Random) -> None:
    """One of the buttons that somebody can see, in private or in the group."""
    titles = {town._title(town.private(who)), town._title(town.group())}
    seen = [what for where, what in town.transcript[-40:] if where in titles and what.startswith("bot")]
    wanted = ("I'll take it", "Can't", "Agree", "No", "Yes, I", "Ask about", "Ask in the group", "I'd swap", "1. ")
    labels = [label for line in seen for label in _LABELS.findall(line) if label.startswith(wanted)]
    if labels:
        try:
            await town.presses(who, chance.choice(labels))
        except LookupError:
            return  # The message shows other buttons by now.
