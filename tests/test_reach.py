"""Whom an alert has reached, who calls the others, phone numbers, and that everybody learns when it is over."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from datetime import timedelta

import pytest

from bot.adapters.console import ConsoleAdapter
from bot.chat import ChatClosed, ChatId, Letter, NotReached
from storage import privacy
from storage.database import Reader
from tests.conftest import Town

NUMBER = "+49 301 234 567"


class Wire:
    """The terminal's network, which takes nothing in some chats, or nothing at all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.closed: set[str] = set()
        self.away: set[str] = set()
        self.taken: list[str] = []
        send = ConsoleAdapter.send

        async def sends(adapter: ConsoleAdapter, letter: Letter) -> str:
            if letter.chat in self.chats(self.away):
                raise NotReached
            if letter.chat in self.chats(self.closed):
                raise ChatClosed
            return await send(adapter, letter)

        monkeypatch.setattr(ConsoleAdapter, "send", sends)

    @staticmethod
    def chats(who: set[str]) -> set[ChatId]:
        return {ChatId(f"console:dm:{one}") for one in who}


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    return Wire(monkeypatch)


async def _raid(town: Town, *without_chat: str) -> None:
    """A raid that two stand for, of which everybody is told; these have never written to the bot in private."""
    for one in without_chat:
        await town.says(one, "/join")
    await town.says("ana", "/alert raid Main St 5")
    await town.presses("ben", "I can confirm it")
    await town.skip("10m")


async def _state(town: Town, who: str) -> str:
    async def ask(tx: Reader) -> str:
        sql = """SELECT p.state || ' ' || p.delivered FROM alert_pages p JOIN members m ON m.id = p.member_id
                 WHERE m.name = ?"""
        return str(await tx.value(sql, who.capitalize()))

    return await town.practice.app.database.read(ask)


# --- how far it has come -----------------------------------------------------------------------------------------


async def test_whoever_looks_after_an_alert_sees_how_many_it_has_reached(town: Town) -> None:
    await town.says("ana", "/alert raid Main St 5")
    assert "Nobody was told of it in private yet." in await town.whispers("ana", "/alert 1 reach")
    await town.presses("ben", "I can confirm it")
    await town.says("dan", "/join")
    await town.skip("10m")
    await town.presses("chi", "In 10 min")
    said = await town.whispers("ben", "/alert 1 reach")
    assert "3 were to be told in private." in said
    assert "2 have got it." in said
    assert "1 has answered, so has seen it." in said
    assert "1 could not be reached." in said
    assert "is changed by whoever raised it" in await town.whispers("chi", "/alert 1 reach")
    assert "1 member could not be reached by message." in town.sees()[-1]


async def test_what_has_arrived_is_still_known_when_the_message_is_forgotten(town: Town) -> None:
    await _raid(town)
    assert await _state(town, "chi") == "sent 1"
    await town.says("ana", "/alert 1 until 6 jan 18:00")
    await town.skip("23h")
    await town.practice.app.database.transact(lambda tx: tx.execute("DELETE FROM outbox WHERE state <> 'waiting'"))
    assert "2 have got it." in await town.whispers("ana", "/alert 1 reach")


async def test_whoever_has_blocked_the_bot_is_not_reached_and_what_waits_is_not_counted_as_arrived(
    town: Town, wire: Wire
) -> None:
    wire.closed.add("chi")
    await _raid(town)
    assert await _state(town, "chi") == "unreachable 0"
    assert await _state(town, "eli") == "sent 1"
    said = await town.whispers("ana", "/alert 1 reach")
    assert "1 has got it." in said
    assert "1 could not be reached." in said


async def test_whoever_answers_in_the_group_is_not_called(town: Town) -> None:
    await _raid(town, "dan")
    await town.presses("dan", "I can't")
    assert "could not be reached" not in await town.whispers("ana", "/alert 1 reach")
    await town.presses("ana", "I'll call")
    assert "There is nobody left for you to call." in town.heard("ana")[-1]


# --- calling -----------------------------------------------------------------------------------------------------


async def test_those_on_call_are_told_how_many_could_not_be_reached_once(town: Town) -> None:
    await _raid(town, "dan", "fay")
    for who in ("ana", "ben"):
        told = [said for said in town.heard(who) if "could not be reached by message" in said]
        assert len(told) == 1
        assert "2 members could not be reached by message." in told[0]
    assert not [said for said in town.heard("chi") if "Whoever calls" in said]
    await town.skip("30m")
    assert len([said for said in town.heard("ana") if "Whoever calls" in said]) == 1


async def test_two_who_call_do_not_call_the_same_one(town: Town) -> None:
    await _raid(town, "dan", "fay", "gil", "hal", "ida")
    for who in ("ana", "ben"):
        await town.presses(who, "I'll call")
    called: dict[str, list[str]] = {"ana": [], "ben": []}
    for _ in range(3):
        for who, whom in called.items():
            if found := re.search(r"(\w+) gave no number that you may see", town.heard(who)[-1]):
                whom.append(found[1])
                await town.presses(who, "Called")
    assert sorted([*called["ana"], *called["ben"]]) == ["Dan", "Fay", "Gil", "Hal", "Ida"]
    assert abs(len(called["ana"]) - len(called["ben"])) <= 1
    for who in ("ana", "ben"):
        assert "There is nobody left for you to call. Thank you." in town.heard(who)[-1]
    said = await town.whispers("ana", "/alert 1 reach")
    assert "5 have answered, so have seen it." in said
    assert "could not be reached" not in said


async def test_whoever_is_called_and_comes_counts_as_coming(town: Town) -> None:
    await _raid(town, "dan")
    await town.presses("ana", "I'll call")
    await town.presses("ana", "Coming")
    assert "Noted: Dan knows." in town.heard("ana")[-1]
    assert "1 is coming." in town.sees()[-1]


async def test_whoever_does_not_answer_stays_on_the_list(town: Town) -> None:
    await _raid(town, "dan")
    await town.presses("ana", "I'll call")
    await town.presses("ana", "No answer")
    assert "Noted: Dan did not answer. / 1 on your part of the list has not answered yet." in town.heard("ana")[-1]
    assert "1 could not be reached." in await town.whispers("ana", "/alert 1 reach")
    await town.presses("ana", "Try again")
    assert "They did not answer at" in town.heard("ana")[-1]


async def test_whoever_brings_the_phone_tree_gets_a_part_and_nobody_else(town: Town) -> None:
    await _raid(town, "dan", "fay")
    await town.presses("chi", "I can bring …")
    await town.presses("chi", "phone tree")
    await town.skip("6m")
    assert "2 members could not be reached by message." in town.heard("chi")[-1]
    await town.presses("chi", "I'll call")
    assert "gave no number that you may see" in town.heard("chi")[-1]
    assert "1 more is on your part" in town.heard("chi")[-1]
    # From now on they are two.
    await town.presses("ana", "I'll call")
    assert "on your part" not in town.heard("ana")[-1]
    await town.presses("chi", "I can't")
    await town.presses("chi", "Called")
    assert "Those on call see who has to be called." in town.heard("chi")[-1]


# --- numbers -----------------------------------------------------------------------------------------------------


async def test_a_number_is_seen_by_whom_its_owner_chooses_and_one_is_told(town: Town) -> None:
    await town.says("dan", "/join")
    await town.whispers("dan", "/start")
    assert "Nobody sees it." in await town.whispers("dan", "/phone +49 30 1234567")
    await town.presses("dan", "Those on call", on="console")
    assert "Those on call see it" in town.heard("dan")[-1]
    await _close(town, "dan")
    await _raid(town)
    await town.presses("ana", "I'll call")
    assert f"Call Dan: {NUMBER}" in town.heard("ana")[-1]
    await town.presses("ana", "Called")
    await town.whispers("dan", "/start")
    await town.says("ana", "/alert 1 end")
    await town.skip("1d")
    told = [said for said in town.heard("dan") if "your phone number was shown" in said]
    assert told == ["In alert 1 your phone number was shown to Ana, to call you."]


async def _close(town: Town, who: str) -> None:
    """The bot may not write to somebody any more, as when they have blocked it."""
    await town.practice.app.database.transact(
        lambda tx: tx.execute("UPDATE chats SET open = 0 WHERE address = ?", f"console:dm:{who}")
    )


@pytest.mark.parametrize(
    ("sees", "chi_sees"), [("nobody", False), ("on_call", False), ("organizers", False), ("all", True)]
)
async def test_whoever_helps_with_the_calls_sees_only_numbers_that_all_may_see(
    town: Town, sees: str, chi_sees: bool
) -> None:
    await town.says("dan", "/join")
    await town.whispers("dan", f"/phone +49 30 1234567 {sees}")
    await _close(town, "dan")
    await _raid(town)
    await town.presses("chi", "I can bring …")
    await town.presses("chi", "phone tree")
    await town.skip("6m")
    await town.presses("chi", "I'll call")
    assert (NUMBER in town.heard("chi")[-1]) is chi_sees
    # A number that only those on call may see is left for them, whoever has begun.
    if not chi_sees:
        await town.presses("ana", "I'll call")
        assert (NUMBER in town.heard("ana")[-1]) is (sees != "nobody")


async def test_a_number_is_never_asked_or_told_in_the_group(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert await town.says("chi", "/phone +49 30 1234567 all") == ""
    assert "Delete your message here" in town.heard("chi")[-1]
    assert "You gave no phone number" in await town.whispers("chi", "/phone")
    await town.whispers("chi", "/phone +49 30 1234567 all")
    await _close(town, "chi")
    await _raid(town)
    await town.presses("ana", "I'll call")
    assert f"Call Chi: {NUMBER}" in town.heard("ana")[-1]
    for where, what in town.transcript:
        if "bot" in what[:4] and not where.endswith("(dm)"):
            assert not re.search(r"301\D?234", what)
    assert "1234567" not in caplog.text


async def test_a_number_that_is_deleted_is_nowhere(town: Town) -> None:
    await town.whispers("chi", "/phone +49 30 1234567 all")
    assert f"Your number: {NUMBER}" in await town.whispers("chi", "/phone")
    assert await town.whispers("chi", "/phone off") == "Your number is deleted."
    assert await town.whispers("chi", "/phone off") == "I have no number of yours."
    assert "no phone number that I can read" in await town.whispers("chi", "/phone call me")

    async def kept(tx: Reader) -> int:
        return int(await tx.value("SELECT count(*) FROM phones"))

    await town.whispers("chi", "/phone 030 1234567")
    assert await town.practice.app.database.read(kept) == 1
    await town.says("chi", "/leave")
    assert await town.practice.app.database.read(kept) == 0


# --- it is over --------------------------------------------------------------------------------------------------


async def test_everybody_whom_it_has_reached_is_told_that_it_is_over(town: Town) -> None:
    await _raid(town)
    await town.presses("chi", "In 10 min")
    await town.says("ana", "/alert 1 cancel")
    for who in ("chi", "eli"):
        assert "It was cancelled: nobody need come." in town.heard(who)[-1]
    assert "Press the button" in town.heard("chi")[-1]
    assert "Press the button" not in town.heard("eli")[-1]
    assert await town.presses("chi", "I know") or "now nobody calls you" in town.heard("chi")[-1]
    await town.skip("1h")
    # Everybody knows: nothing more is said.
    assert not [said for said in town.heard("ana") if "has not got the message" in said or "was coming" in said]
    assert len([said for said in town.heard("chi") if "It was cancelled" in said and "Press" in said]) == 1


async def test_whoever_was_coming_and_says_nothing_is_told_once_more_and_then_called(town: Town) -> None:
    await _raid(town)
    await town.presses("chi", "In 10 min")
    await town.says("ana", "/alert 1 end")
    await town.skip("2m")
    assert "1 was coming and has not said that they know." in town.heard("ana")[-1]
    assert "1 was coming and has not said that they know." in town.heard("ben")[-1]
    await town.skip("10m")
    asked = [said for said in town.heard("chi") if "Press the button" in said]
    assert len(asked) == 2
    await town.skip("2h")
    assert len([said for said in town.heard("chi") if "Press the button" in said]) == 2
    await town.presses("ben", "Call them")
    assert "Chi gave no number that you may see." in town.heard("ben")[-1]
    assert "they need not come" in town.heard("ben")[-1]
    await town.presses("ben", "Called")
    assert "Noted: Chi knows." in town.heard("ben")[-1]
    assert any("2 know." in said and "was coming" not in said for said in town.heard("ana"))


async def test_nobody_rings_the_telephone_of_somebody_who_was_arrested(town: Town) -> None:
    await town.whispers("chi", f"/phone {NUMBER} all")
    await _raid(town)
    await town.presses("chi", "In 10 min")
    await town.whispers("eli", "/arrested @chi")
    await town.says("ana", "/alert 1 end")
    await town.skip("12m")
    await town.presses("ana", "Call them")
    assert "There is nobody left for you to call." in town.heard("ana")[-1]
    assert NUMBER not in "\n".join(town.heard("ana") + town.heard("ben"))


async def test_what_is_not_told_yet_when_it_is_over_is_not_told_any_more(town: Town, wire: Wire) -> None:
    wire.away.add("eli")
    await town.says("ana", "/alert raid Main St 5")
    await town.practice.console.press("ben", "I can confirm it", within=town.group(), manages_chat=True)
    await _moves(town, timedelta(minutes=10))
    assert await _state(town, "eli") == "sent 0"
    await town.practice.console.say("ana", "/alert 1 false", town.group(), manages_chat=True)
    wire.away.clear()
    await town.skip("1h")
    assert not [said for said in town.heard("eli") if "ALERT" in said]
    assert [said for said in town.heard("chi") if "It was a false alarm: nobody need come." in said]


async def test_who_has_not_got_the_end_is_shown_until_they_have(town: Town, wire: Wire) -> None:
    await _raid(town)
    wire.away.add("eli")
    await town.practice.console.say("ana", "/alert 1 end", town.group(), manages_chat=True)
    await _moves(town, timedelta(minutes=2))
    await _until(town, "ana", "1 has not got the message.")
    wire.away.clear()
    await town.skip("5m")
    assert [said for said in town.heard("eli") if "It is over: nobody need come any more." in said]
    assert "2 know." in town.heard("ana")[-1]
    assert "has not got the message" not in town.heard("ana")[-1]


async def _moves(town: Town, time: timedelta) -> None:
    """Time passes while something cannot be delivered, so nobody waits for that."""
    practice = town.practice
    target = practice.clock() + time
    while (following := await practice.app.dispatcher.tick(practice.clock())) is not None and following <= target:
        practice.clock.move(following)
    practice.clock.move(target)
    await practice.app.dispatcher.tick(target)


async def _until(town: Town, who: str, words: str) -> None:
    async with asyncio.timeout(10):
        while not any(words in said for said in town.heard(who)):
            await asyncio.sleep(0.01)


async def test_an_alert_that_ends_by_itself_and_one_that_starts_late_is_told_once(town: Town) -> None:
    await _raid(town)
    await town.presses("chi", "In 10 min")
    # The program was away for a day: what fell due is done once, in one go.
    town.practice.clock.move(town.practice.clock() + timedelta(days=1))
    await town.skip("1h")
    ends = [said for said in town.heard("chi") if "Its time is over: nobody need come any more." in said]
    assert 1 <= len(ends) <= 2
    assert len([said for said in town.heard("eli") if "Its time is over" in said]) == 1


async def test_whoever_was_reached_by_phone_alone_is_called_when_it_is_over(town: Town) -> None:
    await _raid(town, "dan")
    await town.presses("ana", "I'll call")
    await town.presses("ana", "Coming")
    await town.says("ben", "/alert 1 end")
    await town.skip("2m")
    assert "1 has not got the message." in town.heard("ana")[-1]
    await town.presses("ana", "Call them")
    assert "Dan gave no number that you may see." in town.heard("ana")[-1]
    await town.presses("ana", "Called")
    assert "There is nobody left for you to call." in town.heard("ana")[-1]


async def test_a_crowd_is_told_in_parts_and_everybody_once(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.standing_down.AT_ONCE_MAX", 2)
    crowd = ["dan", "fay", "gil", "hal", "ida"]
    for who in crowd:
        await town.says(who, "/join")
        await town.whispers(who, "/start")
    await _raid(town)
    await town.presses("ida", "In 10 min")
    await town.says("ana", "/alert 1 end")
    await town.skip("1m")
    for who in (*crowd, "chi", "eli"):
        assert len([said for said in town.heard(who) if "It is over: nobody need come any more." in said]) == 1


async def test_whoever_ends_it_needs_no_message_and_whoever_has_left_gets_none(town: Town) -> None:
    await _raid(town)
    await town.presses("chi", "In 10 min")
    await town.says("eli", "/leave")
    await town.presses("ben", "In 10 min")
    await town.says("ben", "/alert 1 end")
    await town.skip("1h")
    assert not [said for said in town.heard("ben") if "It is over: nobody need come" in said and "Press" in said]
    assert not [said for said in town.heard("eli") if "It is over" in said]
    assert [said for said in town.heard("chi") if "It is over" in said]


async def test_a_phone_number_is_handed_out_with_who_saw_it(town: Town) -> None:
    await town.whispers("chi", "/phone +49 30 1234567 all")
    await _close(town, "chi")
    await _raid(town)
    await town.presses("ana", "I'll call")

    async def ask(tx: Reader) -> str:
        person = await tx.value("SELECT person_id FROM members WHERE name = 'Chi'")
        return (await privacy.hand_out(tx, person, now=town.practice.clock(), characters_max=100_000)).text

    out = json.loads(await town.practice.app.database.read(ask))
    assert out["phone_number"][0]["number"] == "+49301234567"
    assert out["your_number_was_shown"][0]["to_whom"] == "Ana"
    assert out["calls_in_alerts"][0]["you_were_called"] == 1


async def test_whoever_comes_to_one_that_is_the_same_as_another_is_told_where_it_goes_on(town: Town) -> None:
    await _raid(town)
    await town.presses("chi", "In 10 min")
    await town.says("eli", "/alert other Harbour 7")
    await town.says("ana", "/alert 1 same 2")
    assert "It goes on as alert 2: look there." in town.heard("chi")[-1]
    # They are right to come: nobody asks them to say that they know.
    await town.skip("1h")
    assert not [said for said in town.heard("chi") if "Press the button" in said]
    assert not [said for said in town.heard("ana") if "has not said that they know" in said]
