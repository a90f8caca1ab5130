"""Coming in: one tap, a member's word, a decision, an agreement; and what can go wrong at the door."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from bot.app import App
from bot.chat import Message, Press, Sender, UserId
from bot.practice import MATRIX, SCRIPT_START, FixedClock, Practice
from bot.router import Context
from bot.text import Reader as Read
from bot.text import Text, shown
from handlers import committee
from storage import members, people
from storage.database import Reader, Transaction
from tests.conftest import Town


async def _member(town: Town, who: str) -> people.Member | None:
    user = town.practice.console.somebody(who).sender.user
    return await town.practice.app.database.read(lambda tx: people.member_with_account(tx, 1, user))


async def _id(town: Town, who: str) -> int:
    found = await _member(town, who)
    assert found is not None
    return found.id


async def _inviter(town: Town, who: str) -> int | None:
    id_ = await _id(town, who)
    found: int | None = await town.practice.app.database.read(
        lambda tx: tx.value("SELECT invited_by FROM members WHERE id = ?", id_)
    )
    return found


async def _agreed(town: Town, text: str) -> str:
    """The two organizers agree to something; what is then said."""
    await town.says("ana", text)
    return await town.presses("ben", "Agree")


async def _entries(app: App, kind: str) -> list[str]:
    async def ask(tx: Reader) -> list[str]:
        rows = await tx.all("SELECT body FROM entries WHERE kind = ? ORDER BY committee_id, number LIMIT 100", kind)
        return [body for (body,) in rows]

    return await app.database.read(ask)


async def _empty(folder: Path) -> Town:
    transcript: list[tuple[str, str]] = []
    practice = await Practice.open(
        folder,
        line=lambda where, what: transcript.append((where, what)),
        clock=FixedClock(SCRIPT_START),
        repeatable=True,
        empty=True,
    )
    return Town(practice, transcript)


async def test_one_tap_is_enough_and_the_group_stays_quiet(practice_folder: Path) -> None:
    town = await _empty(practice_folder)
    console = town.practice.console
    await console.enter(town.practice.group, "ana", "ben", "chi", "dan", "eli")
    card = await town.says("ana", "/setup")
    assert card.startswith("Riverside is set up. Ana is its first organizer. / Joined: 1 of 5 / ")
    for who in ("ben", "chi", "dan"):
        assert await town.presses(who, "I'm in") == (
            f"Welcome to Riverside, {who.title()}. /menu shows what you can do."
        )
    assert len(town.sees()) == 1, "nothing but the card"
    await town.skip("10s")
    assert len(town.sees()) == 2, "three taps in a moment are one change of the card"
    assert " / Joined: 4 of 5 / " in town.sees()[-1]
    assert town.heard("chi") == [], "no private chat is needed"
    await town.says("ana", "/organizer @ben")
    await town.skip("10s")
    assert town.sees()[-1].startswith("Riverside / Joined: 4 of 5 / Whoever wants to take part")
    await town.practice.close()


async def test_the_card_counts_who_comes_into_the_group_and_who_goes(town: Town) -> None:
    await town.practice.console.arrive("fay", town.practice.group)
    await town.skip("10s")
    assert "Joined: 4 of 5" in town.sees()[-1]
    await town.practice.console.depart("eli", town.practice.group)
    await town.skip("10s")
    assert "Joined: 3 of 4" in town.sees()[-1]


async def test_in_two_groups_the_card_counts_only_who_has_joined(town: Town) -> None:
    await town.says("ana", "/connect")
    code = town.heard("ana")[-1].partition(": ")[2].partition(" /")[0]
    await town.says("ana", f"/connect {code}", on=MATRIX)
    await town.skip("10s")
    assert "Joined: 4 /" in town.sees(MATRIX)[-1]
    assert "Joined: 4 /" in town.sees()[-1]
    assert await town.presses("fay", "I'm in", on=MATRIX) == ""
    await town.skip("10s")
    assert "Joined: 5 /" in town.sees(MATRIX)[-1]
    assert town.heard("fay", on=MATRIX) == [], "nobody is called into a private room for one tap"


async def test_a_member_who_taps_again_hears_it(town: Town) -> None:
    assert await town.presses("chi", "I'm in") == "You are in Riverside already."


async def test_whoever_writes_anonymously_does_not_come_in(town: Town) -> None:
    nobody = Sender(user=UserId("console:-1"), name="Riverside", anonymous=True)
    said: dict[str, Any] = {"at": SCRIPT_START, "chat": town.practice.group, "sender": nobody}
    await town.practice.app.dispatcher.handle(Message(event="a", text="/join", message="m", **said))
    popup = await town.practice.app.dispatcher.handle(Press(event="b", token="~join", message=None, **said))
    await town.practice.settle()
    assert town.sees()[-1].startswith("I cannot see who you are")
    assert popup is not None
    assert "Members: 4" in await town.says("ana", "/settings")


async def test_what_to_think_about_is_told_in_private(practice_folder: Path) -> None:
    town = await _empty(practice_folder)
    await town.says("ana", "/setup")
    await town.presses("ana", "Before you begin")
    assert town.heard("ana")[-1].startswith("Before you begin / Data protection: ")
    assert len(town.sees()) == 1
    await town.practice.close()


async def test_two_groups_set_up_at_once_are_two_committees(practice_folder: Path) -> None:
    town = await _empty(practice_folder)
    console = town.practice.console
    here, there = console.group("Riverside"), console.group("Hillside")
    await asyncio.gather(
        console.say("ana", "/setup", here, manages_chat=True),
        console.say("ben", "/setup", there, manages_chat=True),
        console.say("chi", "/setup", here, manages_chat=True),
    )
    await town.practice.settle()
    names = await town.practice.app.database.read(lambda tx: tx.all("SELECT name FROM committees LIMIT 9"))
    assert sorted(name for (name,) in names) == ["Hillside", "Riverside"]
    assert any("This group is a committee already: Riverside." in words for words in town.sees())
    await town.practice.close()


async def test_a_committee_cannot_claim_the_group_of_another(town: Town) -> None:
    await town.says("ana", "/setup", on=MATRIX)
    await town.says("fay", "/join", on=MATRIX)
    await town.says("ana", "/connect")
    code = town.heard("ana")[-1].partition(": ")[2].partition(" /")[0]
    answer = await town.says("ana", f"/connect {code}", on=MATRIX)
    assert answer.startswith("This group is a committee of its own: Riverside.")


async def test_with_vouching_a_member_brings_somebody_in(town: Town) -> None:
    assert "From now on, whoever joins needs a member" in await _agreed(town, "/admission vouched")
    assert await town.presses("dan", "I'm in") == "You have asked to join: the group sees it now."
    card = "Dan would like to join Riverside. Whoever knows them vouches for them, by "
    assert town.sees()[-1].startswith(card)
    assert await _member(town, "dan") is None
    before = len(town.sees())
    assert (await town.presses("dan", "I'm in")).startswith("You have asked already.")
    assert len(town.sees()) == before, "one card for one request"
    assert (await town.presses("dan", "Vouch for Dan")).startswith("Only members of Riverside can do that.")
    assert await town.presses("chi", "Vouch for Dan") == "Dan is a member now. Thank you for vouching."
    assert town.sees()[-1] == "Dan has joined. Chi vouched for them."
    assert await _inviter(town, "dan") == await _id(town, "chi")
    assert await town.says("eli", "/vouch 1") == "Request 1 is not open any more."
    assert await town.says("eli", "/vouch 7") == "There is no request 7 here. The card shows the number."
    assert (await _entries(town.practice.app, "joined"))[-1] == (
        f'{{"by":{await _id(town, "chi")},"member":{await _id(town, "dan")}}}'
    )


async def test_typed_the_request_is_answered_by_its_card(town: Town) -> None:
    await _agreed(town, "/admission vouched")
    assert (await town.says("dan", "/join")).startswith("Dan would like to join Riverside.")
    assert await town.says("dan", "/join") == (
        "You have asked already. As soon as a member vouches for you, you are in."
    )


async def test_a_request_for_which_nobody_vouches_lapses(town: Town) -> None:
    await _agreed(town, "/admission vouched")
    await town.says("dan", "/join")
    await town.skip("7d")
    assert "Nobody has vouched for Dan in time. They can ask again." in town.sees()
    assert (await town.says("dan", "/join")).startswith("Dan would like to join Riverside.")


async def test_when_people_join_in_another_way_nothing_is_stuck(town: Town) -> None:
    await _agreed(town, "/admission vouched")
    await town.says("dan", "/join")
    await _agreed(town, "/admission open")
    assert await town.says("chi", "/vouch 1") == "People join in another way now. Dan chooses “I'm in” again."
    assert (await town.presses("dan", "I'm in")).startswith("Welcome to Riverside, Dan.")
    assert "Dan has joined." in town.sees()


async def test_the_committee_decides_who_comes_in(town: Town) -> None:
    await _agreed(town, "/admission decided")
    assert await town.presses("dan", "I'm in") == "You have asked to join: the group sees it now."
    assert town.sees()[-1].startswith("Proposal 2 by Dan: Dan becomes a member. / 2 more organizers must agree")
    assert (await town.presses("dan", "Agree")).startswith("Only members of Riverside")
    assert (await town.presses("dan", "I'm in")).startswith("You have asked already.")
    assert await town.presses("ana", "Agree") == "Thank you, noted."
    assert await _member(town, "dan") is None
    assert "Dan is a member of Riverside now." in await town.presses("ben", "Agree")
    assert await town.says("dan", "/thank @chi 1h") == "Chi helped Dan: 1 h. (No. 1)"


async def test_one_organizer_does_not_let_somebody_in_by_a_forged_command(town: Town) -> None:
    await _agreed(town, "/admission decided")
    assert (await town.says("ana", "/admit 1")).startswith("I do not know /admit.")


async def test_whoever_joins_agrees_first(town: Town) -> None:
    answer = await _agreed(town, "/agreement We treat each other with respect")
    assert "Riverside has an agreement. Everybody agrees to it once; until then nothing changes." in answer
    assert any(words.endswith("/ Agreed: 0 of 4") for words in town.sees())
    asked = await town.says("dan", "/join")
    assert asked.startswith("Whoever joins Riverside agrees to this: / We treat each other with respect / ")
    assert await _member(town, "dan") is None
    assert (await town.presses("dan", "I agree, and I'm in")).startswith("Welcome to Riverside, Dan.")
    await town.skip("10s")
    assert any(words.endswith("/ Agreed: 1 of 5") for words in town.sees())
    assert "/ Whoever joins agrees to this: We treat each other with respect" in "\n".join(town.sees())


async def test_members_are_asked_once_and_lose_nothing_meanwhile(town: Town) -> None:
    await _agreed(town, "/agreement Be kind")
    assert await town.says("chi", "/thank @eli 1h") == "Eli helped Chi: 1 h. (No. 1)"
    assert await town.presses("chi", "I agree") == "Thank you: you have agreed."
    assert await town.presses("chi", "I agree") == "You have agreed already."
    await town.skip("10s")
    await _agreed(town, "/agreement Be kind, and be on time")
    assert "The agreement of Riverside: Be kind / It is not in force any more." in town.sees()
    assert "Be kind, and be on time" in await town.says("chi", "/agreement")
    assert await town.presses("chi", "I agree") == "Thank you: you have agreed."
    assert "There is no agreement any more." in await _agreed(town, "/agreement off")
    assert (await town.says("dan", "/join")).startswith("Welcome to Riverside, Dan.")


async def test_a_tap_on_an_agreement_that_has_changed_does_not_count(town: Town) -> None:
    await _agreed(town, "/agreement Be kind")
    console = town.practice.console
    key, message = next(
        (key, message)
        for message, posted in reversed(console.posted.items())
        for row in posted.keys
        for key in row
        if key.label == "I agree, and I'm in"
    )
    await _agreed(town, "/agreement Be unkind")
    await console.press_key("dan", key, message, manages_chat=False)
    await town.practice.settle()
    assert await _member(town, "dan") is None
    assert town.sees()[-1].startswith("Whoever joins Riverside agrees to this: / Be unkind")


async def test_what_waits_for_somebody_is_told(town: Town) -> None:
    await _agreed(town, "/agreement Be kind")
    await _agreed(town, "/admission vouched")
    await town.presses("dan", "I agree, and I'm in")
    chi = await _member(town, "chi")
    assert chi is not None

    async def waiting(tx: Transaction) -> list[tuple[str, str]]:
        context = Context(
            tx=tx,
            now=town.practice.clock(),
            said_at=town.practice.clock(),
            commands=town.practice.app.commands,
            place=None,
            chat=None,
            language="en",
            of_committee=await people.committee(tx, 1),
            of_member=chi,
        )
        return [
            (shown(todo.words, Read()), shown(button.label, Read()))
            for todo in await committee.waiting(context)
            for button in todo.buttons
            if isinstance(button.label, Text)
        ]

    assert await town.practice.app.database.transact(waiting) == [
        ("The agreement of Riverside: Be kind", "I agree"),
        ("Dan would like to join Riverside.", "Vouch for Dan"),
    ]


async def test_newcomers_have_no_vote_until_their_time_is_over(town: Town) -> None:
    assert "From now on, new members have no vote in the first 30 days." in await _agreed(town, "/newcomers 30d")
    welcome = await town.says("dan", "/join")
    assert welcome.endswith("/ You have a vote from Feb 4, 2026 on.")
    await _agreed(town, "/admission vouched")
    await town.says("fay", "/join")
    assert await town.says("dan", "/vouch 1") == "Only members with a vote can vouch. Ask one of them to do it."
    dan = await _id(town, "dan")

    async def has_vote(tx: Reader) -> bool:
        return dan in (await people.facts(tx, 1, now=town.practice.clock())).members

    assert not await town.practice.app.database.read(has_vote)
    await town.says("dan", "/leave")
    await town.says("dan", "/join")
    await town.says("chi", "/vouch 2")
    assert not await town.practice.app.database.read(has_vote), "nobody gets a vote sooner by leaving"
    await town.skip("31d")
    assert await town.practice.app.database.read(has_vote)
    assert await town.says("ana", "/newcomers") == (
        "Write a number of days or the word off: /newcomers 30d or /newcomers off"
    )
    assert await town.says("ana", "/newcomers 400d") == "At least one day and at most 365."
    assert "From now on, new members have a vote at once." in await _agreed(town, "/newcomers off")


async def test_who_added_somebody_to_the_group_is_kept(town: Town) -> None:
    await town.practice.console.arrive("dan", town.practice.group, by="chi")
    await town.presses("dan", "I'm in")
    assert await _inviter(town, "dan") == await _id(town, "chi")
    await town.practice.console.arrive("fay", town.practice.group, by="zoe")
    await town.presses("fay", "I'm in")
    assert await _inviter(town, "fay") is None, "zoe is no member"
    await town.practice.console.arrive("gus", town.practice.group, by="dan")
    await town.presses("gus", "I'm in")
    chi, dan, gus, fay = [await _id(town, who) for who in ("chi", "dan", "gus", "fay")]

    async def branches(tx: Reader) -> list[bool]:
        pairs = ((dan, gus), (chi, gus), (dan, fay))
        return [await members.same_branch(tx, 1, one, other) for one, other in pairs]

    assert await town.practice.app.database.read(branches) == [True, True, False]


async def test_coming_back_keeps_the_books_and_who_brought_one_in(town: Town) -> None:
    await town.practice.console.arrive("dan", town.practice.group, by="chi")
    await town.presses("dan", "I'm in")
    await town.says("ana", "/thank @dan 2h")
    await town.says("dan", "/leave")
    await _agreed(town, "/admission vouched")
    await town.says("dan", "/join")
    await town.presses("eli", "Vouch for Dan")
    assert await town.balance("dan") == 120
    assert await _inviter(town, "dan") == await _id(town, "chi")


async def test_the_suspended_stay_suspended_when_they_come_back(town: Town) -> None:
    await town.says("chi", "/leave")
    until = 1_768_000_000_000_000
    await town.practice.app.database.transact(
        lambda tx: tx.execute(
            "UPDATE members SET suspended_until_us = ? WHERE nickname IS NULL AND name = 'Chi'", until
        )
    )
    assert "You are still suspended, until " in await town.presses("chi", "I'm in")
    chi = await _member(town, "chi")
    assert chi is not None
    assert chi.suspended_until is not None


async def test_the_settings_name_the_rules_and_how_to_change_them(town: Town) -> None:
    await _agreed(town, "/admission vouched")
    await _agreed(town, "/newcomers 2w")
    await _agreed(town, "/agreement Be kind")
    settings = await town.says("chi", "/settings")
    assert "Joining: a member vouches (/admission open)" in settings
    assert "Newcomers: no vote in the first 14 days (/newcomers off)" in settings
    assert "Agreement: yes (/agreement)" in settings
    assert await town.says("ana", "/admission vouched") == "That is how it is already."
    assert await town.says("ana", "/newcomers 14d") == "That is how it is already."
    assert await town.says("ana", "/agreement Be kind") == "That is how it is already."
    kept = "\n".join(await _entries(town.practice.app, "rule"))
    assert '"admission":"vouched"' in kept
    assert '"newcomers":14' in kept
    assert "Be kind" not in kept, "words stand beside the chain"


async def test_who_only_asked_is_no_member_anywhere(town: Town) -> None:
    await _agreed(town, "/admission vouched")
    await town.says("dan", "/join")
    assert "Members: 4" in await town.says("ana", "/settings")
    assert (await town.says("ana", "/thank @dan 1h")).startswith("Nobody in Riverside is called @dan.")
    assert (await town.whispers("dan", "/balance")).startswith("You are not in a committee.")
