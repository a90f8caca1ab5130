"""Roles go round: chair, minutes, delegate, organizer. Whose turn it is is asked; nobody gets authority by it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

import pytest

from bot.adapters.console import NoSuchButton
from bot.domain import rostering, snapshots
from bot.domain.rotation import rested
from storage import entries, people, roles, rotas, rounds, shifts
from storage.database import Reader, Transaction
from tests.conftest import Town

CHAIR = "/task chair every week mon 19:00 2h crew 1"
LOT = "/role_task chair every 4 weeks lot, at most 1 in a row, pause 1"
YES, NO = "I'll do it", "Not me this time"
NAMES = ("ana", "ben", "chi", "eli")


async def decide(town: Town, line: str) -> str:
    """Ana proposes and Ben agrees."""
    await town.says("ana", line)
    return await town.presses("ben", "Agree")


async def asked(town: Town) -> list[str]:
    """Who is asked now, by name in small letters, in the order of the searches."""

    async def ask(tx: Reader) -> list[str]:
        found = [await people.member(tx, 1, one.asked or 0) for one in await roles.rotations(tx, 1)]
        return [one.name.lower() for one in found if one is not None]

    return await town.practice.app.database.read(ask)


async def chairs(town: Town) -> list[str]:
    """Who has the coming shifts of the chair; a dash: nobody."""
    now = town.practice.clock()

    async def ask(tx: Reader) -> list[str]:
        found = await shifts.within(tx, 1, now, now + timedelta(days=60))
        return [one.holders[0].name.lower() if one.holders else "-" for one in found if "chair" in one.task.names[0]]

    return await town.practice.app.database.read(ask)


async def held(town: Town) -> list[str]:
    """Roles that are held, with whoever holds them."""

    async def ask(tx: Reader) -> list[str]:
        return [f"{one.role} {one.member.name}" for one in await roles.held(tx, 1)]

    return await town.practice.app.database.read(ask)


# --- terms of a task -----------------------------------------------------------------------------------------------


async def test_the_committee_decides_and_the_one_whose_turn_it_is_gets_the_whole_term_with_their_yes(
    town: Town,
) -> None:
    await town.says("ana", CHAIR)
    assert "1 more organizer must agree" in await town.says("ana", LOT)
    assert await asked(town) == []
    await town.presses("ben", "Agree")
    assert "chair goes round: by lot. For 4 weeks at a time, not twice in a row." in town.sees()[-1]
    (name,) = await asked(town)
    assert "chair, Mon, Jan 26 19:00" in town.heard(name)[-1]
    assert await chairs(town) == ["-"] * 8
    await town.presses(name, YES)
    assert await chairs(town) == [name] * 4 + ["-"] * 4
    assert f"{name.title()}, by lot." in town.sees()[-1]
    shown = await town.whispers(name, "/roles")
    assert f"chair: until Feb 1, 2026 {name.title()} (term 1 of at most 1)." in shown
    # The next term is looked for four weeks before: from three people, as whoever has it rests.
    assert "Next: by lot, from 3 people." in shown
    assert "You have a pause from it until Mar 2, 2026, and are not asked: chair" in shown
    await town.skip("1d")
    (following,) = await asked(town)
    assert following != name
    # Done and credited like other shifts.
    await town.whispers(name, "/shifts")
    await town.presses(name, "Done: chair, Mon, Jan 5 19:00")
    assert await town.balance(name) == 120


async def test_pass_takes_no_reason_and_when_all_have_passed_the_seat_is_open_for_whoever_can(town: Town) -> None:
    await town.says("ana", CHAIR)
    await decide(town, LOT)
    seen = []
    while await asked(town):
        (name,) = await asked(town)
        seen.append(name)
        if len(seen) == 1:
            assert "Thank you for saying so. Somebody else is asked." in await town.whispers(name, "/pass")
            # The button above is still there; it is too late for it.
            await town.presses(name, YES)
            assert await chairs(town) == ["-"] * 8
        else:
            await town.presses(name, NO)
    assert sorted(seen) == sorted(NAMES)
    assert "I have asked everybody I could: chair, Jan 5, 2026 to Feb 1, 2026" in town.sees()[-1]
    assert "I have not asked you for anything just now." in await town.whispers("ana", "/pass")
    # Nobody is asked twice for the same term; shortly before, whoever wants takes it.
    await town.says("ana", "/shifts")
    await town.presses("chi", "I'll take it: chair, Mon, Jan 5 19:00")
    assert (await chairs(town))[0] == "chi"
    await town.skip("1d")
    assert not any("Jan 5, 2026 to Feb 1" in town.heard(name)[-1] for name in await asked(town))


async def test_only_one_can_so_they_are_asked_and_then_they_have_their_pause(town: Town) -> None:
    await town.says("ana", CHAIR)
    for name in ("ana", "ben", "eli"):
        await town.whispers(name, "/veto chair")
    await decide(town, LOT)
    assert await asked(town) == ["chi"]
    await town.presses("chi", YES)
    await town.skip("1d")
    # Nobody could have the second term: Chi rests from it.
    assert await asked(town) == []
    assert "Next: nobody can just now." in await town.says("chi", "/roles")
    await town.skip("29d")
    await town.says("ana", "/shifts")
    refused = await town.presses("chi", "I'll take it: chair, Mon, Feb 9 19:00")
    assert "You have had it as often in a row as you have all decided. From Mar 2, 2026 it can be you again." in refused


async def test_early_nobody_takes_a_role_out_of_turn(town: Town) -> None:
    await town.says("ana", "/task chair every week thu 19:00 2h crew 1")
    await decide(town, "/role_task chair 2 weeks deficit at most 1 in a row pause 0")
    await town.says("ana", "/shifts")
    assert "This goes round: I ask whose turn it is in time." in await town.presses(
        "chi", "I'll take it: chair, Thu, Jan 15 19:00"
    )


async def test_whoever_leaves_in_the_middle_is_followed_by_the_next_for_the_rest(town: Town) -> None:
    await town.says("ana", CHAIR)
    for name in ("ana", "ben"):
        await town.whispers(name, "/veto chair")
    await decide(town, LOT)
    (name,) = await asked(town)
    await town.presses(name, YES)
    await town.skip("8d")
    await town.whispers(name, "/leave")
    assert f"{name.title()} has left" in town.sees()[-1]
    await town.skip("1d")
    (other,) = await asked(town)
    assert {name, other} == {"chi", "eli"}
    await town.presses(other, YES)
    assert (await chairs(town))[:3] == [other, other, "-"]


async def test_over_a_year_nobody_has_it_longer_in_a_row_than_decided_and_everybody_has_it_about_as_often(
    town: Town,
) -> None:
    # A year of terms in two weeks: each evening is one.
    await town.says("ana", "/task chair daily 20:00 2h crew 1")
    await decide(town, "/role_task chair each time deficit at most 1 in a row pause 2")
    had: list[str] = []
    while len(had) < 13:
        (name,) = await asked(town)
        await town.presses(name, YES)
        had.append(name)
        await town.skip("1d")
    assert all(len(set(had[at : at + 3])) == 3 for at in range(len(had) - 2))
    counts = Counter(had)
    assert max(counts.values()) - min(counts.values()) <= 1

    async def ask(tx: Reader) -> None:
        (one,) = await rounds.of_committee(tx, 1)
        served = await rounds.served(tx, [one], before=town.practice.clock() + timedelta(days=60))
        instance = await rotas.instance(tx, await people.committee(tx, 1), now=town.practice.clock())
        assert all(rested([turn for _, turn in terms], instance.roles[0]) for terms in served.values())
        assert len({turn for terms in served.values() for _, turn in terms}) == 13

    await town.practice.app.database.read(ask)


# --- lots --------------------------------------------------------------------------------------------------------


async def test_a_draw_is_in_the_log_and_comes_out_the_same_for_search_plan_and_check(town: Town) -> None:
    assert "No lots have been drawn yet." in await town.says("chi", "/draw_check")
    await town.says("ana", CHAIR)
    await decide(town, LOT)
    (name,) = await asked(town)
    assert "I have drawn 1 lot again, and the same came out." in await town.says("chi", "/draw_check")
    assert "A lot was drawn among 4 people: chair." in await town.whispers("chi", "/log")
    told = next(line for line in town.heard("chi")[-1].split(" / ") if "lot was drawn" in line)
    assert name.title() not in told
    now = town.practice.clock()

    async def ask(tx: Reader) -> None:
        instance = await rotas.instance(tx, await people.committee(tx, 1), now=now)
        plan = rostering.plan(instance)
        first = next(one.id for one in sorted(instance.seats, key=lambda one: one.at))
        who = await people.member(tx, 1, int(plan.holders[first]))
        assert who is not None
        assert who.name.lower() == name
        read = snapshots.read(json.loads(json.dumps(snapshots.snapshot(instance))))
        assert snapshots.verify(read, snapshots.plan_hash(instance, plan.holders))

    await town.practice.app.database.read(ask)

    async def forge(tx: Transaction) -> None:
        (_, body), *_ = await rounds.drawn(tx, 1)
        body["first"] = next(one for one in body["of"] if one != body["first"])
        await entries.append(tx, await people.committee(tx, 1), "draw", body, now=now)

    await town.practice.app.database.transact(forge)
    assert "This draw does not follow from the log: /log" in await town.says("chi", "/draw_check")


# --- roles that the committee gives ----------------------------------------------------------------------------------


async def test_nobody_gains_authority_by_it_without_the_committee(town: Town) -> None:
    before = await held(town)
    # A member's rule is only a proposal, and a member cannot agree to it alone.
    await town.says("chi", "/role_task treasurer 6 months lot at most 2 pause 1")
    assert "This is for the organizers to agree to." in await town.presses("chi", "Agree")
    assert await asked(town) == []
    # The committee decides that it goes round: still nobody has the role; whose turn it is is asked.
    await decide(town, "/role_task treasurer 6 months lot at most 2 pause 1")
    (name,) = await asked(town)
    assert await held(town) == before
    # Nobody else can say yes in their place, by their button or by hand.
    other = next(one for one in ("chi", "eli") if one != name)
    with pytest.raises(NoSuchButton):
        await town.presses(other, YES)
    for line in ("/will 1", "/term_wanted 1", "/rounds_day", "/not_now 1"):
        await town.whispers(other, line)
    assert await asked(town) == [name]
    assert await held(town) == before
    # Their yes proposes it, and no more: whoever may agree to a role agrees.
    await town.presses(name, YES)
    assert await held(town) == before
    assert any(f"{name.title()} gets the role “treasurer” for 6 months." in line for line in town.sees())
    await town.presses("chi" if name != "chi" else "eli", "Agree")
    assert await held(town) == before
    for organizer in ("ana", "ben"):
        if organizer != name:
            await town.presses(organizer, "Agree")
    assert await held(town) == [*before, f"treasurer {name.title()}"]


async def test_the_next_delegate_is_looked_for_in_time_and_who_has_been_it_rests(town: Town) -> None:
    await decide(town, "/role_task delegate 4 weeks deficit at most 1 in a row pause 1")
    # Of all who have had nothing, those who hold no other role come first.
    assert await asked(town) == ["chi"]
    await town.presses("chi", YES)
    await town.says("ana", "/agree")
    await town.presses("ana", "Agree")
    await town.presses("ben", "Agree")
    assert "delegate Chi" in await held(town)
    assert "delegate: Chi (term 1 of at most 1)." in await town.says("eli", "/roles")
    assert "You have a pause from it" not in await town.whispers("chi", "/roles")
    await town.skip("10d")
    assert await asked(town) == []
    # Two weeks before the end, and only once.
    await town.skip("5d")
    assert await asked(town) == ["eli"]
    refused = await town.says("ana", "/role delegate @chi 4 weeks")
    assert "Chi has had the role “delegate” as often in a row as you have decided" in refused
    await town.presses("eli", YES)
    await town.presses("ana", "Agree")
    await town.presses("ben", "Agree")
    assert "delegate Eli" in await held(town)
    await town.skip("14d")
    assert "delegate Chi" not in await held(town)
    assert await asked(town) == []


async def test_organizing_goes_round_with_the_terms_that_there_are(town: Town) -> None:
    await decide(town, "/role_task organizer 4 weeks lot at most 1 in a row pause 1")
    assert "organizer: Ana (until Feb 2, 2026) and Ben (until Feb 2, 2026)" in await town.says("chi", "/roles")
    assert await asked(town) == []
    await town.skip("15d")
    # One search for both seats, as ever; drawn among those who do not organize now.
    (name,) = await asked(town)
    assert name in ("chi", "eli")
    await town.presses(name, YES)
    assert await asked(town) == [next(one for one in ("chi", "eli") if one != name)]
    assert "the same came out." in await town.says("chi", "/draw_check")
    assert "as often in a row as you have decided" in await town.says("ana", "/organizer @ben")


REFUSED = (
    ("/role_task chair every fortnight-ish lot", "I read “every” where I expected"),
    (
        "/role_task flag every 4 weeks lot at most 1 pause 1",
        "I read “flag” where I expected a task of the rota or a role",
    ),
    ("/role_task chair every 4 weeks lot at most 0 in a row pause 1", "From 1 to 12, like at most 2 in a row."),
    ("/role_task chair 2 days lot at most 1 pause 1", "A term cannot be shorter than the time from one to the next"),
    ("/role_task once every 4 weeks lot at most 1 pause 1", "once is only once: it cannot go round."),
    ("/role_task delegate 1 week lot at most 1 pause 1", "Such a role is held for four weeks at least"),
    ("/role_task delegate each time lot at most 1 pause 1", "Say how long a term is, like 6 months."),
    ("/role_task delegate 9 years lot at most 1 pause 1", "That is too long: three years at most."),
)


async def test_what_cannot_go_round_gets_a_sentence_and_nothing_is_half_saved(town: Town) -> None:
    await town.says("ana", CHAIR)
    await town.says("ana", "/task once sat 14 feb 10:00 2h crew 1")
    for line, answer in REFUSED:
        assert answer in await town.whispers("ana", line), line

    async def ask(tx: Reader) -> list[rounds.Round]:
        return await rounds.of_committee(tx, 1)

    assert await town.practice.app.database.read(ask) == []


async def _leafed(town: Town, label: str) -> None:
    """Ana turns the pages of the menu until she sees a button, and presses it."""
    for _ in range(12):
        try:
            await town.presses("ana", label)
        except NoSuchButton:
            await town.presses("ana", "More")
        else:
            return
    raise NoSuchButton(label)


async def test_it_is_decided_by_buttons_too_and_ends_again(town: Town) -> None:
    await town.says("ana", CHAIR)
    await town.whispers("ana", "/role_task")
    for label in ("chair", "4 weeks", "By lot", "1"):
        await town.presses("ana", label)
    await town.whispers("ana", "2")
    assert "After that, a pause of 2 terms. / Shall I propose that?" in town.heard("ana")[-1]
    await town.presses("ana", "Yes")
    await town.presses("ben", "Agree")
    assert "After that, a pause of 2 terms." in await town.says("chi", "/roles")
    (name,) = await asked(town)
    await town.whispers("ana", "/menu")
    for label in ("Rota", "A role goes round no more"):
        await _leafed(town, label)
    for label in ("chair", "Yes"):
        await town.presses("ana", label)
    await town.presses("ben", "Agree")
    assert "chair goes round no more." in town.sees()[-1]
    assert "What goes round" not in await town.says("chi", "/roles")
    # Who was asked may still press: nothing comes of it.
    await town.presses(name, YES)
    assert await chairs(town) == ["-"] * 8
    await town.says("ana", "/shifts")
    assert "It is yours" in await town.presses("chi", "I'll take it: chair, Mon, Jan 12 19:00")
