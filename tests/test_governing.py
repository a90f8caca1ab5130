"""Linked committees decide about each other: trust, leaving, expelling, freezing, moving house, keys and visits."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import keys as signing
from bot import linking, root_keys
from bot.adapters.console import NETWORK
from bot.chat import Chat, ChatId, WireText, door_of, wire_of
from bot.domain import envelope as rules
from bot.domain.envelope import Chain, Content, Envelope
from bot.domain.governing import Call, Case, Move, Vote
from bot.exporting import CannotExport
from bot.practice import DATABASE, FEDERATION
from bot.practice import FEDERATION_NAME as NAME
from storage import due, governing, peers, people
from storage.database import Reader, Transaction
from storage.peers import Federation, Peer
from tests.conftest import Town, two_decide
from tests.linked import Pair, link

THIRD = "Oakdale"


@dataclass(frozen=True)
class Three:
    """Riverside, Hillside and Oakdale, linked."""

    town: Town
    pair: Pair

    async def says(self, where: str, who: str, text: str) -> str:
        """Somebody writes in a committee's group; what the bot then says there."""
        before = len(self.town.transcript)
        await self.town.practice.say(who, text, self.town.practice.console.group(where))
        return self.town.answers(before, where)

    async def presses(self, where: str, who: str, label: str) -> str:
        """Somebody presses a button in a committee's group; what the bot then says there."""
        before = len(self.town.transcript)
        await self.town.practice.press(who, label, within=self.town.practice.console.group(where))
        return self.town.answers(before, where)

    async def peers(self, committee: int) -> dict[str, Peer]:
        """The committees as one of them knows them."""

        async def ask(tx: Reader) -> dict[str, Peer]:
            there = await peers.federation_called(tx, committee, FEDERATION)
            assert there is not None
            known = await peers.peers(tx, there.id, states=("coming", "in", "left", "expelled"))
            return {one.name: one for one in known}

        return await self.town.practice.app.database.read(ask)

    async def there(self, committee: int) -> Federation:
        """The federation as one of them knows it."""

        async def ask(tx: Reader) -> Federation:
            there = await peers.federation_called(tx, committee, FEDERATION)
            assert there is not None
            return there

        return await self.town.practice.app.database.read(ask)


async def three(town: Town) -> Three:
    """Let Oakdale be there too, and link all three."""
    pair = await link(town)
    practice = town.practice
    with practice._quietly():
        await practice._found(practice.console.group(THIRD), ("ida", "jan"), ("kim",))
    await two_decide(practice.app.database)
    now = practice.clock()

    async def work(tx: Transaction) -> None:
        everybody = [await people.committee(tx, id_) for id_ in (1, 2, 3)]
        selves = [await linking.own(tx, one, now=now) for one in everybody]
        for one in everybody:
            there = await peers.federation_called(tx, one.id, FEDERATION)
            if there is None:
                wire = await linking.open_wire(tx, NETWORK, FEDERATION, NAME)
                there = await peers.add_federation(tx, one.id, FEDERATION, NAME, place_id=wire, state="in", now=now)
            for other, mine in zip(everybody, selves, strict=True):
                await peers.add_peer(
                    tx, there.id, mine.certificates[0], other.name, account="solibot", state="in", now=now
                )
            beat = practice.app.commands.named("wire_beat").says(federation=there.id)
            await due.plan_after(tx, f"federation:{there.id}:beat", beat, now, since=now, committee=one.id)

    await practice.app.database.transact(work)
    await practice.settle()
    return Three(town, pair)


async def _no_beats(town: Town) -> None:
    """Weeks pass without the thousands of times that committees tell each other how far they have heard."""
    await town.practice.app.database.transact(lambda tx: tx.execute("DELETE FROM due WHERE command = 'wire_beat'"))


# --- whom we trust with what -------------------------------------------------------------------------------------


async def test_how_far_another_is_trusted_takes_the_committee_and_all_may_see_it(town: Town) -> None:
    pair = await link(town)
    await two_decide(town.practice.app.database)
    before = len(town.transcript)
    await town.says("ana", "/trust Hillside alert 4")
    answer = await town.presses("ben", "Agree")
    assert "Alerts from Hillside: people are called at once (4)" in answer
    seen = await town.says("chi", "/trust_levels")
    assert "Alerts from Hillside: people are called at once (4)" in seen
    assert "Polls from Hillside: the group is told, nobody is called (2)" in seen
    assert pair.said(before, "Hillside") == "", "nobody outside is told"
    # The short list says no more than is so.
    assert "nobody is alarmed" not in (list_ := await town.says("chi", "/federation"))
    assert "How far we trust them depends on what it is: /trust_levels" in list_


async def test_a_committee_that_is_linked_twice_is_trusted_the_same_and_told_apart_where_it_matters(town: Town) -> None:
    await link(town)
    await two_decide(town.practice.app.database)
    now = town.practice.clock()

    async def again(tx: Transaction) -> None:
        both = [await people.committee(tx, id_) for id_ in (1, 2)]
        selves = [await linking.own(tx, one, now=now) for one in both]
        for one in both:
            there = await peers.add_federation(tx, one.id, "f1" * 16, "Valley", place_id=None, state="in", now=now)
            for other, mine in zip(both, selves, strict=True):
                await peers.add_peer(tx, there.id, mine.certificates[0], other.name, account=None, state="in", now=now)

    await town.practice.app.database.transact(again)
    await town.says("ana", "/trust Hillside alert 4")
    await town.presses("ben", "Agree")
    assert (await town.says("chi", "/trust_levels")).count("Alerts from Hillside: people are called at once (4)") == 2
    await town.says("ana", "/distrust Hillside alert 0")
    await town.presses("ben", "Agree")
    assert (await town.says("chi", "/trust_levels")).count("Alerts from Hillside: nobody here is told (0)") == 2
    before = len(town.transcript)
    await town.says("ana", "/freeze Hillside")
    assert "[Hillside (Northside)] [Hillside (Valley)]" in town.transcript[-1][1]
    assert len(town.transcript) == before + 2


async def test_two_organizers_lower_it_at_once_and_cannot_raise_it(town: Town) -> None:
    await link(town)
    await town.says("ana", "/distrust Hillside all 0")
    assert "Everything from Hillside: nobody here is told (0)" in await town.presses("ben", "Agree")
    seen = await town.says("chi", "/trust_levels")
    assert "Alerts from Hillside: nobody here is told (0)" in seen
    assert "Polls from Hillside: nobody here is told (0)" in seen
    assert "trusted no further than that already" in await town.says("ana", "/distrust Hillside alert 1")
    # A poll of all decides what raises it: two organizers are not enough.
    await town.says("ana", "/trust Hillside alert 2")
    assert "nobody here is told (0)" in await town.says("chi", "/trust_levels")


async def test_what_is_set_for_everything_replaces_what_was_set_for_alerts(town: Town) -> None:
    await link(town)
    await two_decide(town.practice.app.database)
    await town.says("ana", "/trust Hillside alert 4")
    await town.presses("ben", "Agree")
    await town.says("ana", "/trust Hillside all 1")
    await town.presses("ben", "Agree")
    assert "Alerts from Hillside: only the organizers are told (1)" in await town.says("chi", "/trust_levels")


async def test_a_committee_that_is_not_linked_cannot_be_trusted(town: Town) -> None:
    await link(town)
    assert "the name of a linked committee" in await town.says("ana", "/trust Oakdale alert 4")
    assert "That is this committee itself." not in await town.says("ana", "/trust Riverside alert 4")


# --- leaving -----------------------------------------------------------------------------------------------------


async def test_who_leaves_is_out_at_once_and_the_others_hear_it_in_one_line(town: Town) -> None:
    all_ = await three(town)
    before = len(town.transcript)
    await all_.says("Hillside", "dora", "/leave_federation Northside")
    assert "This committee has left Northside." in await all_.presses("Hillside", "emil", "Agree")
    for where in ("Riverside", THIRD):
        assert town.answers(before, where) == "Hillside has left Northside."
    assert (await all_.peers(1))["Hillside"].state == "left"
    assert (await all_.there(2)).state == "left"
    # Nothing is sealed to it any more, and it sends nothing.
    sent = len(town.practice.console.carried)
    await town.skip("20m")
    authors = {json.loads(text)["author"] for _, text in town.practice.console.carried[sent:]}
    assert authors == {(await all_.peers(1))[name].author for name in ("Riverside", THIRD)}
    assert "the name of a federation" in await all_.says("Hillside", "dora", "/leave_federation Northside")


# --- expelling ---------------------------------------------------------------------------------------------------


async def test_two_thirds_of_the_others_expel_a_committee(town: Town) -> None:
    all_ = await three(town)
    before = len(town.transcript)
    await town.says("ana", f"/expel {THIRD}")
    answer = await town.presses("ben", "Agree")
    assert "Expelling Oakdale: 1 of 2 committees have agreed; it takes 2" in answer
    assert "Riverside asks the committees of Northside to expel this one." in town.answers(before, THIRD)
    assert "Riverside asks to expel Oakdale from Northside." in town.answers(before, "Hillside")
    assert (await all_.peers(1))[THIRD].state == "in"
    before = len(town.transcript)
    await all_.presses("Hillside", "dora", "Expel them")
    assert "Oakdale is expelled from Northside." in await all_.presses("Hillside", "emil", "Agree")
    assert town.answers(before, "Riverside") == "Oakdale is expelled from Northside."
    assert "have expelled this one" in town.answers(before, THIRD)
    assert {(await all_.peers(one))[THIRD].state for one in (1, 2)} == {"expelled"}
    assert (await all_.there(3)).state == "expelled"
    sent = len(town.practice.console.carried)
    await town.skip("20m")
    assert town.practice.console.carried[sent:]

    async def opened(tx: Reader) -> int:
        mine = await peers.own(tx, 3)
        assert mine is not None
        keys = [one for one in mine.identities if one is not None]
        sealed = [json.loads(text)["sealed"] for _, text in town.practice.console.carried[sent:]]
        return sum(signing.open_(rules.decoded(one), keys) is not None for one in sealed)

    assert await town.practice.app.database.read(opened) == 0, "nothing is sealed to it any more"


async def test_one_committee_alone_cannot_expel_by_leaving_the_others_out_of_the_list(town: Town) -> None:
    all_ = await three(town)

    async def lie(tx: Transaction) -> str:
        committee = await people.committee(tx, 2)
        there = await peers.federation_called(tx, 2, FEDERATION)
        assert there is not None
        mine = await linking.own(tx, committee, now=town.practice.clock())
        accused = next(one for one in await peers.peers(tx, there.id) if one.name == "Riverside")
        return await _write(tx, town, 2, "expel", {"accused": accused.author, "voters": [mine.author]})

    await _carry(town, await town.practice.app.database.transact(lie))
    assert (await all_.peers(3))["Riverside"].state == "in"
    assert (await all_.there(1)).state == "in"


async def test_a_committee_stays_when_the_time_is_over(town: Town) -> None:
    all_ = await three(town)
    await town.says("ana", f"/expel {THIRD}")
    await town.presses("ben", "Agree")
    await _no_beats(town)
    before = len(town.transcript)
    await town.skip("14d 2h")
    assert "Oakdale stays in Northside: two thirds did not agree" in town.answers(before, "Riverside")
    assert "Oakdale stays in Northside" in town.answers(before, "Hillside")
    await all_.presses("Hillside", "dora", "Expel them")
    assert (await all_.peers(1))[THIRD].state == "in"


# --- freezing ----------------------------------------------------------------------------------------------------


async def _freeze(all_: Three) -> None:
    await all_.town.says("ana", f"/freeze {THIRD}")
    await all_.town.presses("ben", "Agree")
    await all_.presses("Hillside", "dora", "Freeze too")
    await all_.presses("Hillside", "emil", "Agree")


async def test_two_committees_freeze_a_third_for_a_day_and_its_words_count_afterwards(town: Town) -> None:
    all_ = await three(town)
    before = len(town.transcript)
    await _freeze(all_)
    said = town.answers(before, "Riverside")
    assert "The other committees are asked to freeze Oakdale." in said
    assert "Hillside and Riverside have frozen Oakdale until" in said
    assert "have frozen this committee in Northside until" in town.answers(before, THIRD)
    assert "is frozen already" in await town.says("ana", f"/freeze {THIRD}")
    # What it says now has no effect until the freeze is over: it leaves.
    before = len(town.transcript)
    await all_.says(THIRD, "ida", "/leave_federation Northside")
    await all_.presses(THIRD, "jan", "Agree")
    assert town.answers(before, "Riverside") == ""
    assert (await all_.peers(1))[THIRD].state == "in"
    await _no_beats(town)
    await town.skip("23h")
    assert (await all_.peers(1))[THIRD].state == "in"
    await town.skip("2h")
    assert "Oakdale is not frozen any more.\nOakdale has left Northside." in town.answers(before, "Riverside")
    assert (await all_.peers(1))[THIRD].state == (await all_.peers(2))[THIRD].state == "left"


async def test_the_same_two_cannot_freeze_it_again_within_a_week(town: Town) -> None:
    all_ = await three(town)
    await _no_beats(town)
    await _freeze(all_)
    await town.skip("25h")
    await _freeze(all_)
    frozen = (await all_.peers(1))[THIRD].frozen_until
    assert frozen is not None
    assert frozen <= town.practice.clock()
    await _no_beats(town)
    await town.skip("7d")
    await _freeze(all_)
    frozen = (await all_.peers(1))[THIRD].frozen_until
    assert frozen is not None
    assert frozen > town.practice.clock()


async def test_one_committee_alone_freezes_nobody(town: Town) -> None:
    all_ = await three(town)
    await town.says("ana", f"/freeze {THIRD}")
    await town.presses("ben", "Agree")
    await town.skip("61m")
    await all_.says("Hillside", "dora", f"/freeze {THIRD}")
    await all_.presses("Hillside", "emil", "Agree")
    assert (await all_.peers(1))[THIRD].frozen_until is None
    assert (await all_.peers(2))[THIRD].frozen_until is None


async def test_of_one_committee_only_so_much_is_kept_and_of_the_others_all_the_same(town: Town) -> None:
    await link(town)
    now, hours = town.practice.clock(), [timedelta(hours=one) for one in range(60)]

    async def says(tx: Transaction, who: str) -> list[int]:
        cases = [
            Case(accused="a" * 64, asked_by=who, voters=frozenset({who}), sent=now + hours[one]) for one in range(20)
        ]
        kept = [
            [await governing.add_case(tx, 1, f"{who}{one}", case) is not None for one, case in enumerate(cases)],
            [
                await governing.add_vote(tx, 1, f"{one}", Vote(author=who, yes=True, sent=now + hours[one]))
                for one in range(40)
            ],
            [await governing.add_call(tx, 1, "a" * 64, Call(now + one, who)) for one in hours],
            [
                await governing.add_move(tx, 1, who, Move(2 + one % 10, "console", f"{one}"), epoch=1)
                for one in range(20)
            ],
        ]
        again = await governing.add_call(tx, 1, "a" * 64, Call(now, who))
        ahead = await governing.add_move(tx, 1, who, Move(12, "console", "x"), epoch=1)
        assert not again
        assert not ahead
        return [sum(one) for one in kept]

    for who in ("b" * 64, "c" * 64):
        assert await town.practice.app.database.transact(lambda tx, who=who: says(tx, who)) == [  # type: ignore[misc]
            governing.CASES_OF_ONE_MAX,
            governing.VOTES_OF_ONE_MAX,
            governing.CALLS_OF_ONE_MAX,
            governing.MOVES_OF_ONE_MAX,
        ]


async def test_within_an_hour_is_what_they_have_signed_for_everybody(town: Town) -> None:
    all_ = await three(town)
    accused = (await all_.peers(1))[THIRD].author
    ahead = timedelta(minutes=4)
    text = await town.practice.app.database.transact(
        lambda tx: _write(tx, town, 2, "freeze", {"accused": accused}, ahead=ahead)
    )
    await _carry(town, text)
    await town.skip("62m")
    await town.says("ana", f"/freeze {THIRD}")
    await town.presses("ben", "Agree")
    assert {(await all_.peers(one))[THIRD].frozen_until is not None for one in (1, 2, 3)} == {True}


# --- wires by hand -----------------------------------------------------------------------------------------------


async def _write(
    tx: Transaction,
    town: Town,
    committee: int,
    kind: str,
    body: Mapping[str, object],
    *,
    life: int = 0,
    number: int = 0,
    previous: str = rules.FIRST,
    to: str = "",
    ahead: timedelta = timedelta(0),
) -> str:
    """An envelope as somebody with this committee's keys could write it; number 0: the next."""
    now = town.practice.clock() + ahead
    there = await peers.federation_called(tx, committee, FEDERATION)
    mine = await peers.own(tx, committee)
    assert there is not None
    assert mine is not None
    place = mine.current(now)
    seed = mine.seeds[place]
    assert seed is not None
    pinned = await peers.pinned(tx, there.id)
    everybody = [one.author for one in await peers.peers(tx, there.id)]
    chain = Chain(mine.author, life)
    head = await peers.Store(tx, there.id, now=now).head(chain) if not number else None
    if number:
        head = rules.Head(number - 1, previous)
    made: Envelope = rules.next_of(
        chain,
        head,
        federation=FEDERATION,
        key=mine.certificates[place].key,
        lamport=number,
        now=now,
        content=Content(kind=kind, body=body, to=tuple(everybody)),
        seal=lambda words, _: signing.seal(words, pinned.recipients(everybody)),
        sign=signing.SigningKey(seed).sign,
    )
    return rules.dump(made)


async def _carry(town: Town, *texts: str, chat: ChatId | None = None) -> None:
    """It comes over the wire, or by another way."""
    for text in texts:
        event = hashlib.sha256(f"{chat} {text}".encode()).hexdigest()
        where = Chat(id=chat or wire_of(NETWORK, FEDERATION), private=False)
        await town.practice.app.dispatcher.handle(
            WireText(event=event, at=town.practice.clock(), chat=where, text=text)
        )
    await town.practice.settle()


# --- after a lie -------------------------------------------------------------------------------------------------


async def test_who_has_lied_is_heard_again_from_a_new_life_on_once_the_committee_says_so(town: Town) -> None:
    all_ = await three(town)
    work = town.practice.app.database.transact
    freeze = {"accused": (await all_.peers(1))["Riverside"].author}

    async def lies(tx: Transaction) -> list[str]:
        one = await _write(tx, town, 3, "freeze", freeze, number=1)
        other = await _write(tx, town, 3, "unknown", {"words": "something else"}, number=1)
        later = await _write(tx, town, 3, "leave", {}, number=2, previous=rules.load(one).hash)
        return [one, other, later]

    await _carry(town, *await work(lies))

    async def facts(tx: Reader) -> tuple[list[str], list[int]]:
        there = await peers.federation_called(tx, 1, FEDERATION)
        own = [await peers.own(tx, id_) for id_ in (2, 3)]
        assert there is not None
        return list(await governing.liars(tx, there.id)), [one.life for one in own if one is not None]

    read = town.practice.app.database.read
    oakdale = (await all_.peers(1))[THIRD]
    liars, lives = await read(facts)
    assert liars == [oakdale.author]
    assert lives[0] == 0
    assert lives[1] > 0, "its own bot begins anew when it hears of it"
    assert oakdale.state == "in"
    # What it says in its new life waits too.
    before = len(town.transcript)
    await all_.says(THIRD, "ida", "/freeze Hillside")
    await all_.presses(THIRD, "jan", "Agree")
    assert town.answers(before, "Riverside") == ""
    assert "Oakdale has said two different things in one place." in await town.says("chi", "/trust_levels")
    await town.says("ana", f"/hear_again {THIRD}")
    answer = await town.presses("ben", "Agree")
    assert "Oakdale is heard again." in answer
    assert "Oakdale asks to freeze Hillside for 24 hours." in answer
    assert (await all_.peers(1))[THIRD].state == "in", "what it numbered after the lie stays without effect"
    assert "there is nothing to decide" in await town.says("ana", f"/hear_again {THIRD}")
    # Hillside has not decided so, and hears nothing.
    assert town.answers(before, "Hillside") == ""

    async def lies_again(tx: Transaction) -> list[str]:
        kinds = ("unknown", "other")
        return [await _write(tx, town, 3, kind, {"words": kind}, life=lives[1], number=1) for kind in kinds]

    await _carry(town, *await work(lies_again))
    assert (await read(facts))[0] == [oakdale.author], "a second lie counts anew"


# --- moving house ------------------------------------------------------------------------------------------------


async def _wires(town: Town) -> list[str]:
    async def ask(tx: Reader) -> list[str]:
        rows = await tx.all("SELECT place_id FROM federations ORDER BY committee_id LIMIT 3")
        places = [await people.place_of(tx, row[0]) for row in rows]
        return [place.address for place in places if place is not None]

    return await town.practice.app.database.read(ask)


async def test_more_than_half_move_to_new_rooms_and_no_fewer(town: Town) -> None:
    all_ = await three(town)
    old = wire_of(NETWORK, FEDERATION)
    await town.says("ana", "/move_federation Northside")
    assert "Moving Northside: 1 of 3 committees have agreed" in await town.presses("ben", "Agree")
    assert await _wires(town) == [old] * 3
    before = len(town.transcript)
    await all_.presses("Hillside", "dora", "Move too")
    assert "Northside has moved" in await all_.presses("Hillside", "emil", "Agree")
    assert await _wires(town) == [wire_of(NETWORK, FEDERATION, 2)] * 3
    assert "Northside has moved" in town.answers(before, THIRD)
    sent = len(town.practice.console.carried)
    await town.skip("20m")
    assert {chat for chat, _ in town.practice.console.carried[sent:]} == {wire_of(NETWORK, FEDERATION, 2)}
    # What comes over the old one still counts: what makes it true is its signature.
    text = await town.practice.app.database.transact(lambda tx: _write(tx, town, 3, "leave", {}))
    await _carry(town, text)
    assert (await all_.peers(1))[THIRD].state == "left"


async def test_the_wish_to_move_is_heard_at_the_door_when_the_rooms_are_gone(town: Town) -> None:
    all_ = await three(town)
    body = {"epoch": 2, "network": NETWORK, "host": (await all_.peers(1))[THIRD].author}
    text = await town.practice.app.database.transact(lambda tx: _write(tx, town, 3, "move", body))
    await _carry(town, text, chat=door_of(NETWORK, "oakbot"))
    await all_.presses("Hillside", "dora", "Move too")
    await all_.presses("Hillside", "emil", "Agree")
    assert await _wires(town) == [wire_of(NETWORK, FEDERATION, 2)] * 3


# --- keys --------------------------------------------------------------------------------------------------------


async def test_keys_change_by_themselves_and_what_is_over_is_destroyed(town: Town) -> None:
    pair = await link(town)
    await _no_beats(town)
    recipients, signers = set(), set()
    for _ in range(16):
        await town.skip("7d")

        async def ask(tx: Reader) -> tuple[peers.Own, list[signing.Certificate]]:
            mine = await peers.own(tx, 1)
            there = await peers.federation_called(tx, 2, FEDERATION)
            assert mine is not None
            assert there is not None
            return mine, (await peers.pinned(tx, there.id)).certificates(mine.author)

        mine, known = await town.practice.app.database.read(ask)
        now = int(town.practice.clock().timestamp())
        assert {one.signature for one in mine.certificates[:8]} <= {one.signature for one in known}
        place = mine.current(town.practice.clock())
        recipients.add(mine.certificates[0].recipient)
        signers.add(mine.certificates[place].key)
        first = min(one.begins for one in mine.certificates if one.key == mine.certificates[place].key)
        assert now - first <= signing.SIGNS_AT_MOST_SECONDS
        kept = [one for one, secret in zip(mine.certificates, mine.identities, strict=True) if secret is not None]
        assert len(kept) <= 4
    assert len(recipients) >= 14
    assert len(signers) == 2
    # They still hear each other.
    before = len(town.transcript)
    await _carry(town, await town.practice.app.database.transact(lambda tx: _write(tx, town, 1, "leave", {})))
    assert "Riverside has left Northside." in pair.said(before, "Hillside")


async def test_keys_of_another_root_are_refused_and_told(town: Town) -> None:
    all_ = await three(town)

    async def lie(tx: Transaction) -> str:
        root, key = signing.SigningKey(b"r" * 32), signing.SigningKey(b"s" * 32)
        begins = int(town.practice.clock().timestamp())
        _, recipient = signing.new_identity()
        made = signing.certify(root, key.public, recipient, begins=begins, ends=begins + 3600)
        return await _write(tx, town, 3, "keys", {"certificate": made.dump()})

    for _ in range(3):
        await _carry(town, await town.practice.app.database.transact(lie))
    told = [one for one in town.heard("ana") if "Oakdale has sent new keys that its root key has not signed." in one]
    assert len(told) == 1, "once a day"
    assert "root key" not in "".join(town.heard("chi"))

    peer = (await all_.peers(1))[THIRD].id
    known = await town.practice.app.database.read(
        lambda tx: tx.value("SELECT count(*) FROM peer_keys WHERE peer_id = ?", peer)
    )
    assert known == 1


async def test_without_the_root_key_organizers_are_told_before_the_keys_end(town: Town) -> None:
    await link(town)
    await _no_beats(town)
    assert await town.practice.app.database.transact(lambda tx: peers.forget_root(tx, 1))
    await town.skip("74d")
    assert "root key" not in "".join(town.heard("ana"))
    await town.skip("3d")
    assert "end in 14 days" in "".join(town.heard("ana"))


async def test_the_root_key_goes_into_a_drawer_and_comes_back(town: Town, tmp_path: Path) -> None:
    await link(town)
    await _no_beats(town)
    folder, file = tmp_path / "data", tmp_path / "root.key"
    folder.mkdir()
    with sqlite3.connect(town.practice.app.database.path) as one, sqlite3.connect(folder / DATABASE) as other:
        one.backup(other)
    done = await asyncio.to_thread(root_keys.take_out, file, committee="Riverside", config=None, data=folder)
    assert "two places" in " ".join(done)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    seed = json.loads(file.read_text("utf-8"))["seed"]
    assert bytes.fromhex(seed) not in (folder / DATABASE).read_bytes()
    wrong = tmp_path / "wrong.key"

    def refused(do: Callable[[], object]) -> str:
        with pytest.raises(CannotExport) as reason:
            do()
        return " ".join(reason.value.sentences)

    async def not_taken_back(text: str) -> str:
        wrong.write_text(text, "utf-8")
        return await asyncio.to_thread(refused, lambda: root_keys.bring_back(wrong, config=None, data=folder))

    again = await asyncio.to_thread(
        refused, lambda: root_keys.take_out(wrong, committee="Riverside", config=None, data=folder)
    )
    assert "taken out before" in again
    assert not wrong.exists()
    assert "no committee here" in await not_taken_back(json.dumps({root_keys.MARK: 1, "seed": "00" * 32}))
    assert "no root key" in await not_taken_back("[]")
    await asyncio.to_thread(root_keys.bring_back, file, config=None, data=folder)
    assert bytes.fromhex(seed) in (folder / DATABASE).read_bytes()


# --- visitors ----------------------------------------------------------------------------------------------------


async def test_visitors_see_nothing_until_a_committee_opens_its_board(town: Town) -> None:
    await link(town)
    await two_decide(town.practice.app.database)
    assert "I have asked Hillside." in await town.whispers("chi", "/visit Hillside")
    assert town.heard("chi")[-1] == "Hillside shows nothing to visitors."
    # Who asks and asks does not use up what others bear of the one that answers.
    now, heard = town.practice.clock(), len(town.heard("chi"))

    async def asked_much(tx: Transaction) -> None:
        there, mine = await peers.federation_called(tx, 2, FEDERATION), await peers.own(tx, 1)
        assert there is not None
        assert mine is not None
        spent = rules.spent(0, rules.BUDGETS["asked"].most, rules.BUDGETS["asked"], now=now)
        assert spent is not None
        await peers.Store(tx, there.id, now=now).spend(mine.author, "asked", spent)

    await town.practice.app.database.transact(asked_much)
    await town.whispers("chi", "/visit Hillside")
    assert len(town.heard("chi")) == heard + 1, "only that it was asked"
    await town.skip("4m")
    await town.whispers("chi", "/visit Hillside")
    assert town.heard("chi")[-1] == "Hillside shows nothing to visitors."
    assert "in private" in await town.says("chi", "/visit Hillside")


async def test_visitors_see_the_open_board_without_names_and_contacts(town: Town) -> None:
    pair = await link(town)
    await two_decide(town.practice.app.database)
    await pair.hillside("gus", "/offer bike repair, call +49 151 2345678 or gus@example.org")
    await pair.hillside("dora", "/guests board")
    await pair.presses("emil", "Agree")
    before = len(town.transcript)
    await town.whispers("chi", "/visit Hillside")
    seen = town.heard("chi")[-1]
    assert "Offered: “bike repair, call … or …”" in seen
    assert "gus" not in seen.casefold()
    assert "2345678" not in seen
    assert pair.said(before, "Hillside") == ""
    assert town.answers(before, "Riverside") == ""
    # What was not asked for is told to nobody.
    text = await town.practice.app.database.transact(
        lambda tx: _write(tx, town, 2, "visit_page", {"token": "x", "open": True, "posts": [["offer", "spam"]]})
    )
    await _carry(town, text)
    assert town.heard("chi")[-1] == seen


# --- whatever comes ----------------------------------------------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
_NAMES = ("accused", "voters", "case", "yes", "epoch", "network", "host", "certificate", "token", "open", "posts")
_KINDS = ("expel", "expel_vote", "freeze", "move", "keys", "visit", "visit_page")


@settings(max_examples=3)
@given(bodies=st.lists(st.tuples(st.sampled_from(_KINDS), st.dictionaries(st.sampled_from(_NAMES), _JSON)), max_size=5))
async def test_whatever_shape_it_has_nobody_of_the_group_hears_of_it(
    town: Town, bodies: list[tuple[str, dict[str, object]]]
) -> None:
    if not town.practice.console.carried:
        await three(town)
    before, incidents = len(town.transcript), town.practice.app.dispatcher.incidents
    for kind, body in bodies:
        text = await town.practice.app.database.transact(
            lambda tx, kind=kind, body=body: _write(tx, town, 3, kind, body)  # type: ignore[misc]
        )
        await _carry(town, text)
    assert town.practice.app.dispatcher.incidents == incidents
    assert town.answers(before, "Riverside") == ""
