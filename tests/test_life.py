"""The life of a shift as members meet it: who may take it, what counts when, and one time that does not take place."""

from __future__ import annotations

from datetime import timedelta

from storage import shifts
from storage.database import Reader
from tests.conftest import Town
from tests.test_shifts import CLEANING, TAKE, ahead, crews, states
from tests.test_swaps import can_do

SATURDAY = "Cleaning, Sat, Jan 10 10:00"
POST = "first aid post, Sat, Jan 10 10:00"


async def carried(town: Town) -> int:
    """Minutes that count as done, of everybody."""

    async def ask(tx: Reader) -> int:
        found = await shifts.carried(tx, 1, town.practice.clock() - timedelta(days=60))
        return sum(minutes for minutes, _, _ in found.values())

    return await town.practice.app.database.read(ask)


async def signed_off(town: Town, *crew: str) -> None:
    """The committee wants a second person; these were there, and the first says that it is done."""
    await town.says("ana", "/sign_off on")
    await town.presses("ben", "Agree")
    await town.says("ana", CLEANING)
    await town.says("ana", "/shifts")
    for who in crew:
        await town.presses(who, TAKE)
    await town.skip("5d")
    await town.whispers(crew[0], "/shifts")
    await town.presses(crew[0], f"Done: {SATURDAY}")


async def test_by_default_a_shift_counts_as_soon_as_whoever_did_it_says_so(town: Town) -> None:
    await town.says("ana", CLEANING)
    await town.says("ana", "/shifts")
    await town.presses("chi", TAKE)
    await town.skip("5d")
    await town.whispers("chi", "/shifts")
    await town.presses("chi", f"Done: {SATURDAY}")
    assert (await town.balance("chi"), await carried(town)) == (120, 120)


async def test_where_the_committee_wants_it_somebody_else_of_the_crew_signs_off(town: Town) -> None:
    await signed_off(town, "chi", "eli")
    assert "It counts once somebody else says that it was done. I ask: Eli" in town.heard("chi")[-1]
    assert (await town.balance("chi"), await carried(town)) == (0, 0)
    assert town.heard("eli")[-1] == f"Chi says that it is done: {SATURDAY}. Was it?"
    await town.whispers("eli", "/todo")
    await town.presses("eli", "2. Yes, it was done")
    assert (await town.balance("chi"), await carried(town)) == (120, 120)
    assert f"Eli has signed it off: {SATURDAY} / 2 h from the committee's account are yours." in town.heard("chi")[-1]
    await town.presses("eli", "2. Yes, it was done")
    assert "It counts already" in town.heard("eli")[-1]
    assert await town.balance("chi") == 120
    await town.skip("8d")
    assert "Nobody has signed off" not in await town.whispers("chi", "/log")


async def test_who_was_alone_asks_those_who_organize_and_nobody_signs_off_their_own(town: Town) -> None:
    await signed_off(town, "ana")
    assert "I ask: Ben" in town.heard("ana")[-1]
    assert not any("Was it?" in line for line in (*town.heard("ana"), *town.heard("chi")))
    await town.presses("ben", "Yes, it was done")
    assert await town.balance("ana") == 120


async def test_silence_takes_nobodys_hours_away_and_the_log_says_that_nobody_signed_off(town: Town) -> None:
    await signed_off(town, "chi", "eli")
    await town.skip("7d")
    assert (await town.balance("chi"), await carried(town)) == (120, 120)
    assert "Nobody has signed it off in time, so it counts" in "\n".join(town.heard("chi"))
    assert "Nobody has signed off a shift of Chi's, so it counts: Cleaning." in await town.whispers("ana", "/log")


# --- one time that does not take place -------------------------------------------------------------------------------


async def test_one_time_is_called_off_alone_and_does_not_come_back_at_night(town: Town) -> None:
    await town.says("ana", "/task cleaning every sat 10:00 2h crew 2-3")
    await town.says("ana", "/shifts")
    await town.presses("chi", TAKE)
    assert "Only an organizer can do that." in await town.whispers("chi", "/shift_off")
    await town.whispers("ben", "/shift_off")
    await town.presses("ben", SATURDAY)
    assert (
        town.heard("ben")[-1]
        == f"Shall it not take place: {SATURDAY}? The task goes on. / I tell the 1 person who has a seat."
    )
    await town.presses("ben", "Yes")
    gone = f"It does not take place: {SATURDAY}. Nobody owes anything for it."
    assert town.heard("chi")[-1] == gone
    assert gone in town.sees()
    await town.skip("2d")
    assert [when for when, _ in await crews(town)][:2] == ["01-17 10:00", "01-24 10:00"]
    assert "Ben called off a shift: Cleaning, Jan 10, 2026." in await town.whispers("eli", "/log")
    # Nor with a change of the task; but if an organizer wants it so.
    await town.says("ana", "/task_change cleaning 3h")
    assert (await crews(town))[0][0] == "01-17 10:00"
    await town.presses("ben", "It takes place after all")
    assert (await crews(town))[0] == ("01-10 10:00", [])
    assert await states(town) == []


async def test_who_was_asked_for_a_shift_that_is_called_off_sees_that_it_is_over(town: Town) -> None:
    await town.says("ana", "/task cleaning every sat 10:00 2h crew 1")
    await town.says("ana", "/shifts")
    await town.presses("chi", TAKE)
    await town.whispers("chi", "/shifts")
    await town.presses("chi", f"Can't: {SATURDAY}")
    assert town.heard("eli")[-1].startswith("Somebody is needed")
    await town.whispers("ben", "/shift_off")
    await town.presses("ben", SATURDAY)
    await town.presses("ben", "Yes")
    assert town.heard("eli")[-1] == "It is over; nobody is needed any more."


# --- who can do it ---------------------------------------------------------------------------------------------------


async def test_a_task_that_needs_a_skill_is_for_those_who_have_it_and_others_hear_how_to_get_it(town: Town) -> None:
    await town.says("ana", "/task first aid post sat 10:00 2h crew 1 skill first aid trainee")
    await can_do(town, "first aid", "Chi")
    await town.whispers("eli", "/shifts")
    await town.presses("eli", f"I'll take it: {POST}")
    assert (
        town.heard("eli")[-1] == f"For {POST} one must be able to do this: first aid / "
        "Chi can say that you can: write /skill first_aid"
    )
    await town.presses("eli", f"I'd like to learn it: {POST}")
    assert "Whoever can do it must be there too; so far nobody is." in town.heard("eli")[-1]
    await town.whispers("chi", "/shifts")
    await town.presses("chi", f"I'll take it: {POST}")
    assert sorted((await crews(town))[0][1]) == ["Chi", "Eli"]


async def test_after_a_seat_to_learn_whoever_was_beside_says_whether_they_can(town: Town) -> None:
    await town.says("ana", "/task first aid post every sat 10:00 2h crew 1 skill first aid trainee")
    await can_do(town, "first aid", "Chi")
    await town.whispers("eli", "/shifts")
    await town.presses("eli", f"I'd like to learn it: {POST}")
    await town.whispers("chi", "/shifts")
    await town.presses("chi", f"I'll take it: {POST}")
    await town.skip("5d")
    await town.whispers("eli", "/shifts")
    await town.presses("eli", f"Done: {POST}")
    assert f"Eli was there to learn: {POST}. Can they do it alone now: first aid?" in town.heard("chi")[-1]
    heard = len(town.heard("eli"))
    await town.presses("chi", "Not yet")
    assert len(town.heard("eli")) == heard
    await town.presses("chi", "Yes, they can")
    assert town.heard("eli")[-1] == "Chi says that you can do it alone now: first aid"
    assert "Eli" in await town.whispers("ana", "/skills")
    # Now the ordinary seat is for Eli, and the one to learn it is not.
    later = "first aid post, Sat, Jan 17 10:00"
    await town.whispers("eli", "/shifts")
    await town.presses("eli", f"I'd like to learn it: {later}")
    assert "You can do it already" in town.heard("eli")[-1]
    await town.presses("eli", f"I'll take it: {later}")
    assert (await ahead(town))[0].holders[0].name == "Eli"


# --- without an account ----------------------------------------------------------------------------------------------


async def test_who_speaks_for_somebody_takes_gives_back_and_says_done_for_them(town: Town) -> None:
    await town.says("ana", "/task cleaning every sat 10:00 2h crew 1")
    await town.says("chi", "/add Rosa")
    assert "Open seats" in await town.whispers("chi", "/for Rosa /shifts")
    assert "For Rosa: / It is yours" in await town.whispers("chi", "/for Rosa /shift take cleaning")
    assert "The seat is open again" in await town.whispers("chi", "/for Rosa /shift back cleaning")
    await town.whispers("chi", "/for Rosa /shift take cleaning")
    assert "Nobody" not in await town.whispers("chi", "/for Rosa /shifts")
    assert "There is no shift of that task" in await town.whispers("chi", "/for Rosa /shift done cleaning")
    await town.skip("5d")
    assert "Thank you!" in await town.whispers("chi", "/for Rosa /shift done cleaning")
    assert await states(town) == ["Rosa back", "Rosa done"]
    assert "2 h" in await town.whispers("chi", "/for Rosa /balance")


async def test_who_speaks_for_somebody_is_asked_when_it_is_their_turn(town: Town) -> None:
    await town.says("ana", "/task cleaning every sat 10:00 2h crew 1")
    await town.says("chi", "/add Rosa")
    for who in ("ana", "ben", "eli"):
        await town.whispers(who, "/capacity 0h")
    await town.says("ana", "/shifts")
    await town.presses("chi", TAKE)
    await town.whispers("chi", "/shifts")
    await town.presses("chi", f"Can't: {SATURDAY}")
    told = town.heard("chi")[-1]
    assert told.startswith("For Rosa: / Somebody is needed")
    assert told.endswith("If they can, write: /for Rosa /shift take Cleaning")
    await town.whispers("chi", "/for Rosa /shift take Cleaning")
    assert (await crews(town))[0] == ("01-10 10:00", ["Rosa"])
