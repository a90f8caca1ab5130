"""Founding a federation, inviting, comparing words, deciding, and coming in: as people do it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot import keys
from bot.chat import Chat
from bot.practice import OTHER
from storage import peers, proposals, rules
from storage.database import Reader, Transaction
from tests.conftest import Town, two_decide
from tests.linked import committees
from tests.test_connect import connect_accounts


@dataclass
class Both:
    """Riverside and Hillside, not linked."""

    town: Town

    async def hillside(self, who: str, text: str) -> str:
        """Somebody of Hillside writes in its group; what is said there then."""
        before = len(self.town.transcript)
        await self.town.practice.say(who, text, self.town.practice.console.group(OTHER))
        return self.town.answers(before, OTHER)

    async def presses(self, who: str, label: str) -> str:
        """Somebody of Hillside presses a button; what they are answered, or the group is told."""
        before = len(self.town.transcript)
        await self.town.practice.press(who, label, within=self.town.practice.console.group(OTHER))
        return self.town.answers(before, f"{who} (tap)") or self.town.answers(before, OTHER)

    def card(self, where: str) -> str:
        """What a group's newest card of the link shows now."""
        found = [
            what
            for place, what in self.town.transcript
            if place == where and re.match(r"bot( \(edit\))?: \S+ (would like to come into|invites us into)", what)
        ]
        return found[-1] if found else ""

    async def heard(self) -> list[list[str]]:
        """Whom each of the two has heard."""

        async def ask(tx: Reader) -> list[list[str]]:
            found = []
            for committee in await committees(tx):
                for there in await peers.federations(tx, committee.id):
                    known = await peers.peers(tx, there.id)
                    found.append([one.name for one in known if one.heard_at is not None])
            return found

        return await self.town.practice.app.database.read(ask)


async def both(town: Town) -> Both:
    await town.practice.begin_other()
    await two_decide(town.practice.app.database)
    return Both(town)


async def founded(town: Town) -> Both:
    """Northside is founded by Riverside."""
    there = await both(town)
    await town.says("ana", '/federation found "Northside"')
    await town.presses("ben", "Agree")
    return there


async def invitation(town: Town, who: str = "ana") -> str:
    """What an organizer types elsewhere to take up an invitation."""
    answer = await town.whispers(who, "/link")
    found = re.search(r"/link \S+ \S+", answer)
    assert found is not None, answer
    return found[0]


async def met(town: Town) -> Both:
    """Hillside has taken up an invitation, and both see what to compare."""
    there = await founded(town)
    await there.hillside("dora", await invitation(town))
    return there


async def linked(town: Town) -> Both:
    """Both have compared, and decided."""
    there = await met(town)
    await town.presses("ana", "The words are the same")
    await town.presses("ben", "Agree")
    await there.presses("dora", "The words are the same")
    await there.presses("emil", "Agree")
    return there


async def test_two_committees_are_linked_when_both_have_compared_and_decided(town: Town) -> None:
    there = await founded(town)
    await there.hillside("dora", await invitation(town))
    assert "I have asked there" in town.heard("dora")[-1]
    assert there.card("Riverside").startswith("bot: Hillside would like to come into Northside.")
    assert there.card("Hillside").startswith("bot: Riverside invites us into Northside.")
    await town.presses("ana", "The words are the same")
    assert "Riverside has compared them, and is deciding." in there.card("Hillside")
    await town.presses("ben", "Agree")
    assert "Riverside has decided for it." in there.card("Hillside")
    assert "Hillside has not compared the words yet." in there.card("Riverside")
    assert await there.heard() == [[]]
    await there.presses("dora", "The words are the same")
    before = len(town.transcript)
    await there.presses("emil", "Agree")
    assert "Hillside is linked with us now, in Northside." in town.answers(before, "Riverside")
    assert "We are in Northside now, linked with Riverside." in town.answers(before, "Hillside")
    await town.skip("20m")
    assert await there.heard() == [["Hillside"], ["Riverside"]]
    assert "Hillside: heard" in await town.says("chi", "/federation")
    assert "Riverside: heard" in await there.hillside("gus", "/federation")


async def test_both_cards_show_the_same_words(town: Town) -> None:
    there = await met(town)

    async def ask(tx: Reader) -> list[str]:
        found = [await peers.own(tx, committee.id) for committee in await committees(tx)]
        return [" ".join(keys.fingerprint_words(one.author)) for one in found if one is not None]

    riverside, hillside = await town.practice.app.database.read(ask)
    assert riverside != hillside
    assert f"Theirs: {hillside} (" in there.card("Riverside")
    assert f"Ours: {riverside} (" in there.card("Riverside")
    assert f"Theirs: {riverside} (" in there.card("Hillside")
    assert f"Ours: {hillside} (" in there.card("Hillside")


async def test_words_that_differ_end_it_on_both_sides(town: Town) -> None:
    there = await met(town)
    before = len(town.transcript)
    await there.presses("dora", "They differ")
    assert "The words differ: we are not linked with Riverside." in town.answers(before, OTHER)
    assert "Hillside says that the words differ: we are not linked." in town.answers(before, "Riverside")
    assert "stands between us" in town.answers(before, "Riverside")
    assert await town.says("chi", "/federation") == "Northside: 1 committee / Nobody but us is in it yet."
    assert (await there.hillside("gus", "/federation")).startswith("We are linked with no other committee.")


async def test_only_organizers_compare(town: Town) -> None:
    await met(town)
    assert "organizer" in await town.presses("chi", "The words are the same")
    assert await town.says("chi", "/federation") == "\n".join(
        ["Northside: 1 committee / Nobody but us is in it yet. / Hillside: compare the words, until Thu, Jan 8 18:00."]
    )


async def test_a_code_works_once(town: Town) -> None:
    there = await founded(town)
    typed = await invitation(town)
    await there.hillside("dora", typed)
    lake = await lakeside(town)
    before = len(town.transcript)
    await town.practice.say("ida", typed, lake)
    assert town.answers(before, "Riverside") == town.answers(before, "Lakeside") == ""
    await town.skip("25h")
    assert "Nobody has answered to the invitation that we took up." in town.heard("ida")[-1]


async def test_a_new_invitation_takes_the_place_of_the_one_before(town: Town) -> None:
    there = await founded(town)
    old = await invitation(town)
    new = await invitation(town, "ben")
    assert old != new
    await there.hillside("dora", old)
    assert there.card("Riverside") == ""
    await there.hillside("dora", new)
    assert "Hillside would like" in there.card("Riverside")


async def test_our_own_invitation_is_for_others(town: Town) -> None:
    await founded(town)
    assert (await town.whispers("ben", await invitation(town))).startswith("That is our own invitation")


async def test_what_takes_too_long_ends(town: Town) -> None:
    there = await met(town)
    await town.presses("ana", "The words are the same")
    before = len(town.transcript)
    await town.skip("74h")
    assert "It has taken too long: we are not linked with Riverside." in town.answers(before, OTHER)
    assert "we are not linked with Hillside" in town.answers(before, "Riverside")
    assert "It has taken too long" in there.card(OTHER)
    assert "[The words are the same]" not in there.card(OTHER)


async def test_what_our_poll_does_not_decide_for_comes_to_nothing(town: Town) -> None:
    there = await both(town)
    await town.practice.app.database.transact(_poll_decides)
    await town.says("ana", "/federation found Northside")
    for who in ("ben", "chi"):
        await town.presses(who, "Yes")
    await there.hillside("dora", await invitation(town))
    await town.presses("ana", "The words are the same")
    before = len(town.transcript)
    for who in ("ben", "chi"):
        await town.presses(who, "No")
    assert "We have not decided for it: we are not linked with Hillside." in town.answers(before, "Riverside")
    assert "Riverside has not decided for it: we are not linked." in town.answers(before, OTHER)


async def _poll_decides(tx: Transaction) -> None:
    await rules.put(tx, 1, proposals.DECIDED_BY, proposals.POLL)


async def test_it_can_be_taken_back_until_it_is_made(town: Town) -> None:
    there = await met(town)
    await there.hillside("dora", "/federation")
    before = len(town.transcript)
    await there.presses("dora", "Stop: Riverside")
    assert "Taken back: we are not linked with Riverside." in town.answers(before, OTHER)
    assert "Hillside has taken it back: we are not linked." in town.answers(before, "Riverside")


async def without_beats(town: Town) -> None:
    """Nobody tells any more how far they have come: thousands of times that would be in a week."""

    async def work(tx: Transaction) -> None:
        await tx.execute("DELETE FROM due WHERE command = 'wire_beat'")

    await town.practice.app.database.transact(work)


# --- a third one -------------------------------------------------------------------------------------------------


async def lakeside(town: Town) -> Chat:
    """A third committee of the same bot, where two organizers decide."""
    chat = town.practice.console.group("Lakeside")
    await town.practice._found(chat, ("ida", "jon"), ("kim", "lea"))
    await two_decide(town.practice.app.database)
    return chat


async def admitting(town: Town) -> tuple[Both, Chat]:
    """Riverside would bring Lakeside in, and both have decided for it."""
    there = await linked(town)
    chat = await lakeside(town)
    await town.practice.say("ida", await invitation(town), chat)
    await town.presses("ana", "The words are the same")
    await town.presses("ben", "Agree")
    await town.practice.press("ida", "The words are the same", within=chat)
    await town.practice.press("jon", "Agree", within=chat)
    return there, chat


async def test_the_others_decide_who_comes_in(town: Town) -> None:
    there, lake = await admitting(town)
    assert "Riverside would bring Lakeside into Northside" in "\n".join(what for _, what in town.transcript)
    await town.practice.say("kim", "/federation", lake)
    assert "the others in Northside decide now" in town.transcript[-1][1]
    await there.presses("dora", "Let them in")
    before = len(town.transcript)
    await there.presses("emil", "Agree")
    assert "Lakeside is in Northside now." in town.answers(before, OTHER)
    assert "Lakeside is linked with us now, in Northside." in town.answers(before, "Riverside")
    assert "We are in Northside now, linked with Riverside and others: 2 committees." in town.answers(
        before, "Lakeside"
    )
    await town.skip("20m")
    assert await there.heard() == [["Hillside", "Lakeside"], ["Lakeside", "Riverside"], ["Hillside", "Riverside"]]
    answer = await there.hillside("gus", "/federation")
    assert "What they say: only the organizers are told (1)" in answer
    await without_beats(town)
    await town.skip("14d")
    assert "What they say: only the organizers are told (1)" not in await there.hillside("gus", "/federation")


async def test_more_than_a_third_against_it_keeps_them_out(town: Town) -> None:
    there, _ = await admitting(town)
    await there.presses("dora", "Against it")
    before = len(town.transcript)
    await there.presses("emil", "Agree")
    assert "The other committees in Northside have not agreed" in town.answers(before, "Riverside")
    assert "The other committees in Northside have not agreed" in town.answers(before, "Lakeside")
    assert (await there.hillside("gus", "/federation")).startswith("Northside: 2 committees")


async def test_half_are_enough_when_the_others_say_nothing(town: Town) -> None:
    await admitting(town)
    await without_beats(town)
    before = len(town.transcript)
    await town.skip("73h")
    assert "Lakeside is in Northside now." in town.answers(before, OTHER)
    assert "We are in Northside now" in town.answers(before, "Lakeside")


async def test_whoever_wants_to_talk_with_members_of_the_others_is_let_in_and_nobody_else(town: Town) -> None:
    assert "We are linked with no other committee" in await town.whispers("chi", "/council")
    await town.practice.begin_linked()
    before = len(town.practice.console.doors)
    assert "You are called into the room of Northside" in await town.whispers("chi", "/council")
    assert [one.people for one in town.practice.console.doors[before:]] == [("chi",)]
    await town.says("ben", "/federation")
    told = await town.presses("ben", "Talk with the others")
    assert [one.people for one in town.practice.console.doors[before:]] == [("chi",), ("ben",)]
    assert "You are called into the room" in told + "".join(town.heard("ben"))


async def test_whoever_is_of_no_linked_committee_any_more_leaves_the_room_where_their_members_talk(town: Town) -> None:
    await town.practice.begin_linked()
    doors = town.practice.console.doors

    def shown_out(since: int) -> list[str]:
        return sorted(who for one in doors[since:] for who in one.people_out)

    await town.says("dan", "/join")
    before = len(doors)
    await town.says("dan", "/leave")
    assert shown_out(before) == ["dan"]
    # Gus is of Hillside too, which is linked as well: he stays where they talk.
    await town.says("gus", "/join")
    before = len(doors)
    await town.says("gus", "/leave")
    assert shown_out(before) == []
    # An account that is not somebody's any more.
    await connect_accounts(town, "chi")
    before = len(doors)
    assert "a person of its own now" in await town.whispers("chi", "/disconnect")
    assert shown_out(before) == ["chi"]
    # The whole committee: all but Gus.
    await town.says("gus", "/join")
    await two_decide(town.practice.app.database)
    before = len(doors)
    await town.says("ana", "/leave_federation Northside")
    await town.presses("ben", "Agree")
    assert shown_out(before) == ["ana", "ben", "eli"]
