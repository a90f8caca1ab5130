"""When it goes wrong between people: leaving, suspending, excluding, appeals and care."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.console import NoSuchButton
from bot.app import commands
from bot.router import Authority
from bot.text import T
from storage import conduct, outbox, people
from storage.database import Reader, Transaction
from storage.instants import to_us
from tests.conftest import Riverside, Town

REASON = "kept shouting at people"


async def dan_joins(town: Town) -> None:
    await town.says("dan", "/join")
    await town.whispers("dan", "/balance")


async def dan_is_suspended(town: Town) -> None:
    await dan_joins(town)
    await town.whispers("ana", f"/suspend @dan {REASON}")
    await town.presses("ben", "Agree")


async def everybody_opens_a_private_chat(town: Town) -> None:
    for who in ("ana", "ben", "chi", "eli"):
        await town.whispers(who, "/balance")


# --- leaving ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["leave", "gone"])
async def test_who_leaves_is_told_nothing_more_in_private(town: Town, how: str) -> None:
    await town.says("ana", "/thank @chi 2h")
    await town.whispers("chi", "/menu")
    await town.whispers("chi", "/thank @ana 30m")
    if how == "leave":
        await town.says("chi", "/leave")
    else:
        await town.practice.console.depart("chi", town.practice.group)
        await town.practice.settle()
    before = len(town.heard("chi"))
    for line in ("/balance", "/history", "/settings", "/todo", "/agree 1"):
        answer = await town.whispers("chi", line)
        assert "1 h 30" not in answer
        assert "Riverside" not in answer
    # The buttons that were shown before, and the card of the exchange that somebody else now changes.
    await town.practice.press("chi", "Undo", within=town.private("chi"))
    assert "1 h 30" not in "".join(town.heard("chi")[before:])
    before = len(town.heard("chi"))
    await town.says("ana", "/undo 1")
    assert town.heard("chi")[before:] == []
    assert await town.balance("ana") in (0, 30)
    await town.says("chi", "/join")
    assert (await town.whispers("chi", "/balance")).startswith("You have")


async def test_what_was_still_to_be_told_in_private_is_withdrawn(town: Town) -> None:
    await everybody_opens_a_private_chat(town)

    async def owe(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        for who in ("chi", "eli"):
            user = town.practice.networks["console"].somebody(who).sender.user
            member = await people.member_with_account(tx, 1, user)
            assert member is not None
            now = town.practice.app.now()
            assert await outbox.tell(tx, member, T("You have 2 h."), committee=committee, now=now)
            if who == "chi":
                # In the same work, so that nothing of it is sent before.
                await tx.execute("UPDATE members SET active = 0, left_us = ? WHERE id = ?", to_us(now), member.id)
                await conduct.quieten(tx, member)

    await town.practice.app.database.transact(owe)
    await town.practice.settle()
    assert town.heard("eli")[-1] == "You have 2 h."
    assert town.heard("chi")[-1] != "You have 2 h."


# --- suspending ------------------------------------------------------------------------------------------------


async def test_two_organizers_suspend_for_seven_days(town: Town) -> None:
    await everybody_opens_a_private_chat(town)
    await dan_joins(town)
    assert await town.says("ana", f"/suspend @dan {REASON}") == "Say this to me in private, not here."
    assert "asked in the group" in await town.whispers("ana", f"/suspend @dan {REASON}")
    assert town.heard("ben")[-1].startswith(f"Ana asks you to suspend Dan for 7 days: “{REASON}”")
    assert await town.presses("dan", "Agree") == "This is about you, so the others decide it."
    assert await town.presses("chi", "Agree") == "This is for the organizers to agree to. Talk to one of them."
    assert "Dan is suspended until Mon, Jan 12 18:00. It ends by itself." in await town.presses("ben", "Agree")
    assert REASON in town.heard("dan")[-1]
    assert REASON not in "".join(town.sees()), "the group does not hear why"
    assert "You are suspended in Riverside until Mon, Jan 12 18:00" in await town.whispers("dan", "/balance")
    assert "You are suspended" in await town.whispers("dan", "/thank @ana 1h")
    assert REASON in await town.whispers("dan", "/case 1")
    assert "for the organizers and the person concerned" in await town.whispers("chi", "/case 1")
    await town.skip("7d")
    assert "Dan is not suspended any more." in town.sees()[-1]
    assert await town.whispers("dan", "/balance") == "You have 0 min."


async def test_the_second_time_within_a_month_takes_the_majority(town: Town) -> None:
    await dan_is_suspended(town)
    assert "is suspended already" in await town.whispers("ben", "/suspend @dan again")
    await town.skip("8d")
    await town.whispers("ana", "/suspend @dan again")
    assert await town.presses("ben", "Agree") == "Thank you, noted."
    assert await town.whispers("dan", "/balance") == "You have 0 min."
    assert "Dan is suspended until" in await town.presses("chi", "Agree")


async def test_nobody_suspends_themselves_or_alone_in_two_voices(town: Town) -> None:
    await dan_joins(town)
    assert "cannot do that to yourself" in await town.whispers("ana", "/suspend @ana tired")
    await town.whispers("ana", f"/suspend @dan {REASON}")
    assert "You have agreed already" in await town.whispers("ana", f"/suspend @dan {REASON}")
    assert await town.whispers("dan", "/balance") == "You have 0 min."


async def test_with_one_other_organizer_the_majority_decides_about_an_organizer(town: Town) -> None:
    await town.whispers("ana", f"/suspend @ben {REASON}")
    assert "1 more member must agree" in town.sees()[-1], "two of Ana, Chi and Eli"
    await town.presses("chi", "Agree")
    assert "You are suspended" in await town.whispers("ben", "/stepdown")
    # Without his say, what two organizers decide has to wait.
    assert (await town.says("ana", "/limit 3h")).startswith("Two organizers must agree to this")


async def test_a_suspended_organizer_agrees_to_nothing(town: Town) -> None:
    await town.says("ana", "/organizer @chi")
    await town.presses("ben", "Agree")
    await town.says("ana", "/limit 20h")
    await town.whispers("ana", f"/suspend @chi {REASON}")
    await town.says("ben", "/agree 3")
    assert (await town.says("chi", "/agree 2")) == ""
    assert "You are suspended" in town.heard("chi")[-1]
    assert "The lowest balance is -20 h now." in await town.says("ben", "/agree 2")


async def test_coming_back_does_not_end_a_suspension(town: Town) -> None:
    await dan_is_suspended(town)
    assert "Dan has left Riverside." in await town.says("dan", "/leave")
    await town.says("dan", "/join")
    assert "You are suspended" in await town.whispers("dan", "/balance")


async def test_whoever_asked_for_it_ends_it_and_others_need_two(town: Town) -> None:
    await dan_is_suspended(town)
    assert "You are suspended" in await town.whispers("dan", "/unsuspend @dan")
    assert (await town.says("ben", "/unsuspend @dan")).startswith("Proposal 2 by Ben: The suspension of Dan ends now.")
    assert await town.says("ana", "/unsuspend @dan") == "Dan is not suspended any more."
    assert town.heard("dan")[-1] == "Your suspension in Riverside is over. All is as before."
    assert await town.says("ana", "/unsuspend @dan") == "Dan is not suspended."


async def test_a_suspension_can_be_appealed_to_everybody(town: Town) -> None:
    await dan_is_suspended(town)
    assert "asked everybody in Riverside once more" in await town.whispers("dan", "/appeal it was not me")
    assert "Dan says that the decision was wrong: “it was not me”" in "".join(town.sees())
    await town.presses("ana", "Agree")
    await town.presses("chi", "Agree")
    assert "Dan is not suspended any more." in await town.presses("eli", "Agree")
    assert "no decision about you that you can appeal" in await town.whispers("dan", "/appeal again")


# --- excluding -------------------------------------------------------------------------------------------------


async def test_excluding_takes_a_notice_a_reply_and_the_majority(town: Town) -> None:
    await everybody_opens_a_private_chat(town)
    await dan_joins(town)
    await town.says("ana", "/thank @dan 2h")
    assert "Dan and the group have been told." in await town.whispers("ana", f"/exclude @dan {REASON}")
    assert REASON in town.heard("dan")[-1]
    assert "First Dan can say something to it, until Thu, Jan 8 18:00." in town.sees()[-1]
    assert REASON not in "".join(town.sees())
    assert REASON in await town.whispers("eli", "/case 1")
    assert "Everybody reads it" in await town.whispers("dan", "/reply it was the other one")
    assert "replied already" in await town.whispers("dan", "/reply once more")
    assert await town.whispers("dan", "/balance") == "You have 2 h.", "a member until it is decided"
    await town.skip("3d")
    assert "Dan says to it: “it was the other one”" in "".join(town.sees())
    assert "2 more members must agree" in town.sees()[-2], "three of Ana, Ben, Chi and Eli"
    assert await town.presses("dan", "Agree") == "This is about you, so the others decide it."
    await town.presses("ben", "Agree")
    assert "Dan is not a member any more." in await town.presses("chi", "Agree")
    assert town.heard("dan")[-2].startswith("Riverside has decided that you are not a member any more.")
    assert town.heard("dan")[-1].startswith("You leave Riverside with 2 h.")
    # Pressing the old button changes nothing.
    assert (await town.says("dan", "/join")) == ""
    assert "/appeal" in town.heard("dan")[-1]
    assert "not in a committee" in await town.whispers("dan", "/balance")
    # The appeal: a new decision, in which nobody has agreed beforehand.
    assert "once more" in await town.whispers("dan", "/appeal it really was the other one")
    assert "3 more members must agree" in town.sees()[-2]
    for who in ("ben", "chi"):
        await town.presses(who, "Agree")
    assert "Dan is in the committee again." in await town.presses("eli", "Agree")
    assert await town.whispers("dan", "/balance") == "You have 2 h."


async def test_whoever_comes_in_after_a_case_was_opened_has_no_vote_in_it(town: Town) -> None:
    await dan_joins(town)
    await town.whispers("ana", f"/exclude @dan {REASON}")
    await town.skip("1h")
    # Dan comes in once more, with accounts that nobody has connected with his.
    for who in ("fay", "gus"):
        await town.says(who, "/join")
    await town.skip("3d")
    assert "2 more members must agree" in town.sees()[-2], "three of Ana, Ben, Chi and Eli, as before"
    assert await town.presses("fay", "Agree") == "You have no vote yet, so you cannot agree to this."
    assert "Decide whether Dan" not in await town.whispers("gus", "/todo")
    assert "Decide whether Dan" in await town.whispers("eli", "/todo")
    await town.presses("ben", "Agree")
    assert "Dan is not a member any more." in await town.presses("chi", "Agree")


async def test_two_members_open_a_case_and_one_does_not(town: Town) -> None:
    await dan_joins(town)
    assert "one more member who asks the same" in await town.whispers("chi", f"/exclude @dan {REASON}")
    assert "Chi" not in town.sees()[-1]
    assert "You have asked it already." in await town.whispers("chi", f"/exclude @dan {REASON}")
    assert await town.presses("dan", "I ask it too") == "This is about you, so the others decide it."
    await town.presses("eli", "I ask it too")
    assert "First Dan can say something to it" in town.sees()[-1]


async def test_when_too_few_agree_nobody_is_excluded(town: Town) -> None:
    await dan_joins(town)
    await town.whispers("ana", f"/exclude @dan {REASON}")
    await town.skip("3d")
    assert "Dan has not said anything to it." in "".join(town.sees())
    await town.skip("8d")
    assert town.sees()[-1] == "It is closed: Dan stays in the committee."
    assert await town.whispers("dan", "/balance") == "You have 0 min."


async def test_whoever_opened_a_case_takes_it_back(town: Town) -> None:
    await dan_joins(town)
    await town.whispers("ana", f"/exclude @dan {REASON}")
    await town.skip("3d")
    assert await town.whispers("ben", "/drop 1") == "Only whoever asked it can take it back."
    assert await town.whispers("ana", "/drop 1") == "Taken back."
    assert await town.says("ben", "/agree 1") == "Proposal 1 is not open any more."
    assert town.heard("dan")[-1] == "It is closed: you stay in Riverside."


async def test_a_case_goes_on_when_whoever_opened_it_and_all_organizers_are_gone(town: Town) -> None:
    await dan_joins(town)
    await town.whispers("ana", f"/exclude @dan {REASON}")
    await town.says("ana", "/leave")
    await town.says("ben", "/stepdown")
    await town.skip("3d")
    assert "2 more members must agree" in town.sees()[-2], "two of Ben, Chi and Eli"
    await town.presses("chi", "Agree")
    assert "Dan is not a member any more." in await town.presses("eli", "Agree")


async def test_whoever_has_left_meanwhile_is_not_excluded(town: Town) -> None:
    await dan_joins(town)
    await town.whispers("ana", f"/exclude @dan {REASON}")
    await town.skip("3d")
    await town.says("dan", "/leave")
    await town.presses("ben", "Agree")
    assert "Dan has left the committee already." in await town.presses("chi", "Agree")
    await town.says("dan", "/join")
    assert await town.whispers("dan", "/balance") == "You have 0 min."


async def test_an_appeal_comes_in_time_or_not_at_all(town: Town) -> None:
    await dan_joins(town)
    await town.whispers("ana", f"/exclude @dan {REASON}")
    await town.skip("3d")
    await town.presses("ben", "Agree")
    await town.presses("chi", "Agree")
    await town.skip("31d")
    assert "within 30 days" in await town.whispers("dan", "/appeal it was not me")
    assert "no decision about you" in await town.whispers("eli", "/appeal it was not me")


async def test_the_chain_holds_no_reason(town: Town) -> None:
    await dan_is_suspended(town)

    async def bodies(tx: Reader) -> list[tuple[str, str]]:
        return [(kind, body) for kind, body in await tx.all("SELECT kind, body FROM entries ORDER BY number LIMIT 100")]

    found = await town.practice.app.database.read(bodies)
    assert [kind for kind, _ in found][-3:] == ["case", "decision", "suspended"]
    assert not any(REASON in body for _, body in found)


# --- care ------------------------------------------------------------------------------------------------------


async def test_care_reaches_two_and_never_whom_it_is_about(town: Town) -> None:
    await everybody_opens_a_private_chat(town)
    before = {who: len(town.heard(who)) for who in ("ana", "ben", "chi", "eli")}
    assert await town.whispers("chi", "/care @ben said something vile") == (
        "Two members have it now and will write to you. Nobody else reads it."
    )
    assert town.heard("ana")[-1] == "Chi in Riverside asks for care: “@ben said something vile”"
    assert town.heard("eli")[-1] == town.heard("ana")[-1]
    assert len(town.heard("ben")) == before["ben"]
    await town.practice.press("ana", "I take it", within=town.private("ana"))
    assert town.heard("ana")[-1] == "Thank you. Write to Chi now."
    assert town.heard("eli")[-1] == "Ana sees to what Chi wrote."
    assert town.heard("chi")[-1] == "Ana sees to it and will write to you."
    await town.practice.press("eli", "I take it", within=town.private("eli"))
    assert town.heard("eli")[-1] == "Somebody sees to it already."
    assert not any("vile" in line for line in town.sees())


async def test_care_goes_to_the_next_and_says_when_nobody_is_left(town: Town) -> None:
    await everybody_opens_a_private_chat(town)
    await town.whispers("chi", "/care not @eli please, I am worried")
    for who in ("ana", "ben"):
        assert "I am worried" in town.heard(who)[-1]
        await town.practice.press(who, "I cannot", within=town.private(who))
        assert town.heard(who)[-1].startswith("That is fine.")
    assert not any("worried" in line for line in town.heard("eli"))
    assert town.heard("chi")[-1].startswith("Nobody can see to what you wrote just now.")


async def test_care_goes_round(town: Town) -> None:
    await everybody_opens_a_private_chat(town)

    async def give(tx: Transaction) -> None:
        for who in ("ana", "chi", "eli"):
            user = town.practice.networks["console"].somebody(who).sender.user
            member = await people.member_with_account(tx, 1, user)
            assert member is not None
            await people.give_role(tx, member.id, "care", now=town.practice.app.now())

    await town.practice.app.database.transact(give)
    counts = []
    for _ in range(3):
        await town.whispers("ben", "/care something happened")
        await town.skip("1h")
        counts.append(tuple(sum("asks for care" in line for line in town.heard(who)) for who in ("ana", "chi", "eli")))
    assert counts[-1] == (2, 2, 2)


async def test_care_says_plainly_that_nobody_can_be_reached(town: Town) -> None:
    assert await town.whispers("chi", "/care Ana, Ben and @eli did it") == (
        "I cannot reach anybody in private whom you have not named. Nobody has read this. Talk to somebody you trust."
    )


async def test_care_in_the_group_is_answered_in_private(town: Town) -> None:
    await everybody_opens_a_private_chat(town)
    assert await town.says("chi", "/care something happened") == ""
    assert "delete your message there" in town.heard("chi")[-1]


async def test_care_is_there_for_whoever_is_suspended(town: Town) -> None:
    await everybody_opens_a_private_chat(town)
    await dan_is_suspended(town)
    assert "Two members have it now" in await town.whispers("dan", "/care I am not well")


async def test_what_was_written_to_care_is_gone_after_ninety_days(town: Town) -> None:
    await everybody_opens_a_private_chat(town)
    await town.whispers("chi", "/care something vile happened")

    async def kept(tx: Reader) -> tuple[int, int]:
        words = await tx.value("SELECT count(*) FROM notes WHERE text LIKE '%vile%'")
        return int(words), int(await tx.value("SELECT count(*) FROM care"))

    assert await town.practice.app.database.read(kept) == (1, 1)
    await town.skip("92d")
    assert await town.practice.app.database.read(kept) == (0, 0)


# --- what everybody needs --------------------------------------------------------------------------------------


def test_whoever_is_suspended_can_say_what_they_need() -> None:
    needed = {"appeal", "reply", "case", "leave", "privacy", "export", "forget", "care", "log", "help", "menu"}
    for name in needed:
        command = commands().get(name)
        # Some of them come with other areas.
        if command is not None:
            assert command.while_suspended or command.allow is Authority.ANYONE, f"/{name} needs while_suspended=True"


# --- one bad organizer -----------------------------------------------------------------------------------------

STEPS = (
    "/suspend @dan x",
    "/exclude @dan x",
    "/unsuspend @dan",
    "/drop 1",
    "/case 1",
    "/agree 1",
    "/agree 2",
    "/withdraw 1",
    "/organizer @eli",
    "/stepdown",
    "/leave",
    "[Agree]",
    "[I ask it too]",
    "skip 3d",
    "skip 8d",
)


@given(steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=7))
@settings(max_examples=25)
def test_no_order_of_steps_by_one_organizer_alone_suspends_or_excludes_anybody(
    riverside: Riverside, steps: list[str]
) -> None:
    async def go(folder: Path) -> None:
        transcript: list[tuple[str, str]] = []
        practice = await riverside.opened(folder, lambda where, what: transcript.append((where, what)))
        town = Town(practice, transcript)
        await dan_joins(town)
        for step in steps:
            if step.startswith("skip"):
                await town.skip(step.removeprefix("skip "))
            elif step.startswith("["):
                # Nobody sees that button yet, or none of it is left.
                with suppress(NoSuchButton):
                    await town.presses("ana", step.strip("[]"))
            elif step in ("/leave", "/stepdown"):
                await town.says("ana", step)
            else:
                await town.whispers("ana", step)
        assert await town.whispers("dan", "/balance") == "You have 0 min.", steps
        await town.books_are_sound()
        assert practice.app.dispatcher.incidents == 0
        await practice.close()

    with TemporaryDirectory() as folder:
        asyncio.run(go(Path(folder)))


async def test_forgetting_takes_the_words_of_cases_and_care_with_it(town: Town) -> None:
    await everybody_opens_a_private_chat(town)
    await dan_joins(town)
    await town.whispers("ana", f"/exclude @dan {REASON}")
    await town.whispers("dan", "/reply they were shouting too")
    await town.whispers("chi", "/care Dan kept shouting at me")
    await town.whispers("dan", "/forget")
    await town.practice.press("dan", "Yes, forget me for good", within=town.private("dan"))

    async def left(tx: Reader) -> list[str]:
        return [text for (text,) in await tx.all("SELECT text FROM notes WHERE text LIKE '%shouting%' LIMIT 10")]

    assert await town.practice.app.database.read(left) == []


async def test_the_log_tells_what_was_decided_and_not_why(town: Town) -> None:
    await dan_is_suspended(town)
    log = await town.whispers("chi", "/log members")
    assert "It was asked whether Dan is suspended." in log
    assert "Dan was suspended for 7 days." in log
    assert REASON not in log


async def test_a_suspended_organizer_reads_no_reasons_about_others(town: Town) -> None:
    await town.says("ana", "/organizer @chi")
    await town.presses("ben", "Agree")
    await dan_is_suspended(town)
    assert REASON in await town.whispers("chi", "/case 1")
    await town.whispers("ana", "/suspend @chi passed it on")
    await town.presses("ben", "Agree")
    assert "for the organizers and the person concerned" in await town.whispers("chi", "/case 1")


async def test_nobody_is_asked_about_whoever_left_before_the_time_to_reply_was_over(town: Town) -> None:
    await dan_joins(town)
    await town.whispers("ana", f"/exclude @dan {REASON}")
    await town.says("dan", "/leave")
    await town.skip("3d")
    assert not any("has to leave the committee. The reason" in line for line in town.sees())
    await town.says("dan", "/join")
    assert "Dan and the group have been told." in await town.whispers("ana", f"/exclude @dan {REASON}"), "it is closed"


async def test_whoever_is_suspended_reads_no_reason_about_others_whoever_decides_it(town: Town) -> None:
    await dan_is_suspended(town)
    await town.whispers("ana", f"/exclude @eli {REASON}")
    assert f"The reason: “{REASON}”" in await town.whispers("chi", "/case 2")
    assert REASON not in await town.whispers("dan", "/case 2")
    assert f"The reason: “{REASON}”" in await town.whispers("dan", "/case 1"), "about themselves"


async def test_a_suspended_organizer_is_not_told_whom_others_want_to_suspend(town: Town) -> None:
    await everybody_opens_a_private_chat(town)
    await town.says("ana", "/organizer @chi")
    await town.presses("ben", "Agree")
    await town.whispers("ana", f"/suspend @ben {REASON}")
    await town.presses("chi", "Agree")
    before = len(town.heard("ben"))
    await dan_joins(town)
    await town.whispers("ana", "/suspend @dan threw a chair")
    assert "threw a chair" in "".join(town.heard("chi"))
    assert len(town.heard("ben")) == before
