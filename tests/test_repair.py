"""What people are told when something is missing between linked committees, or somebody lies; and files by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from bot.adapters.console import NETWORK
from bot.chat import Chat, Document, WireText, wire_of
from bot.domain import envelope as rules
from bot.linking import own
from bot.practice import OTHER
from bot.text import Reader as Language
from bot.text import shown
from handlers import wire as area
from storage import copies, due, peers
from storage.database import Reader, Transaction
from tests.conftest import Town
from tests.linked import FEDERATION, Pair, committees, link
from tests.test_hostile import Member

WIRE = Chat(id=wire_of(NETWORK, FEDERATION), private=False)


async def _hillside(town: Town) -> Member:
    """Hillside's keys in somebody's hand."""

    async def ask(tx: Transaction) -> Member:
        theirs, mine = [await own(tx, one, now=town.practice.clock()) for one in await committees(tx)]
        assert mine.seeds[0] is not None
        return Member(
            mine.seeds[0], mine.certificates[0].key, mine.author, theirs.certificates[0].recipient, theirs.author,
            FEDERATION,
        )  # fmt: skip

    return await town.practice.app.database.transact(ask)


async def _comes(town: Town, text: str) -> None:
    now = town.practice.clock()
    await town.practice.app.dispatcher.handle(
        WireText(event=town.practice.console._token(), at=now, chat=WIRE, text=text)
    )
    await town.practice.settle()


async def _cut(pair: Pair, committee: int) -> None:
    """A committee's bot says nothing any more."""

    async def work(tx: Transaction) -> None:
        there = await peers.federation_called(tx, committee, FEDERATION)
        assert there is not None
        await peers.set_state(tx, there.id, "left")

    await pair.town.practice.app.database.transact(work)


def _inside(member: Member, words: str) -> dict[str, object]:
    return {
        "kind": "nothing", "body": {"words": words}, "to": [member.to], "expires": None, "refs": [], "hops": 0,
        "must": [],
    }  # fmt: skip


async def test_what_hillside_has_not_signed_is_told_to_organizers_once_a_day_and_to_nobody_else(town: Town) -> None:
    await link(town)
    member, before = await _hillside(town), len(town.transcript)
    real = rules.load(member.says(_inside(member, "x"), rules.seconds(town.practice.clock())))
    forged = replace(real, lamport=7)
    for _ in range(3):
        await _comes(town, rules.dump(forged))
    told = (
        "Something came under Hillside's name that Hillside has not signed: nothing was done. It may be a mistake, or "
        "somebody at a server pretends to be them. Ask them by telephone."
    )
    assert town.answers(before, "ana (dm)") == town.answers(before, "ben (dm)") == told
    assert town.answers(before, "chi (dm)") == town.answers(before, "Riverside") == ""
    before = len(town.transcript)
    # Hours in which nothing is done are quick.
    town.practice.clock.move(town.practice.clock() + timedelta(hours=23))
    await _comes(town, rules.dump(forged))
    assert told not in town.answers(before, "ana (dm)")
    town.practice.clock.move(town.practice.clock() + timedelta(hours=2))
    await _comes(town, rules.dump(forged))
    assert told in town.answers(before, "ana (dm)")


async def test_whoever_says_two_things_under_one_number_is_told_to_everybody(town: Town) -> None:
    pair = await link(town)
    await _cut(pair, 2)
    member, at = await _hillside(town), rules.seconds(town.practice.clock())
    before = len(town.transcript)
    one = member.says(_inside(member, "one"), at)
    member.number, member.previous = 0, rules.FIRST
    other = member.says(_inside(member, "other"), at)
    for text in (one, other, one, other):
        await _comes(town, text)
    for where in ("Riverside", "ana (dm)"):
        assert town.answers(before, where).count("Hillside has said two different things under one number.") == 1


async def test_what_has_no_effect_is_kept_apart_and_told_in_one_line_in_the_committee_s_language(town: Town) -> None:
    pair = await link(town)
    await _cut(pair, 2)
    for organizer in ("ana", "ben"):
        await town.says(organizer, "/language es")
    member = await _hillside(town)
    beat = {**_inside(member, ""), "kind": "heartbeat", "body": {"vector": []}}
    old = member.says(beat, rules.seconds(town.practice.clock()), numbered=False)
    town.practice.clock.move(town.practice.clock() + rules.OLD + timedelta(minutes=1))
    kind, at = _inside(member, "x"), rules.seconds(town.practice.clock())
    first = member.says(kind, at)
    comes = {
        "future": member.says(kind, at + 3600),
        "forged": rules.dump(replace(rules.load(first), lamport=7)),
        "old": old,
        "version": rules.canonical({**json.loads(first), "v": 2}).decode(),
        "too_big": first + " " * rules.WIRE_CHARACTERS_MAX,
    }
    member.number, member.previous = 0, rules.FIRST
    comes["equivocation"] = member.says(_inside(member, "y"), at)
    told = {
        "future": "El reloj del bot de Hillside va adelantado:",
        "forged": "Llegó algo a nombre de Hillside que Hillside no ha firmado:",
        "old": "Llegó otra vez algo muy viejo a nombre de Hillside:",
        "version": "En Northside llegó algo que este bot no puede leer por ser demasiado viejo:",
        "too_big": "En Northside llegó algo que no tiene la forma que usan los bots de los comités:",
        "equivocation": "Hillside ha dicho dos cosas distintas bajo un mismo número.",
    }
    await _comes(town, first)
    before = len(town.transcript)

    async def facts(tx: Reader) -> tuple[dict[str, tuple[bool, int]], int]:
        rows = await tx.all("SELECT fault, author, many FROM quarantined WHERE federation_id = 1 ORDER BY fault")
        dealt = await tx.value("SELECT max(number) FROM chain_heads WHERE author = ?", member.author)
        return {fault: (author == member.author, many) for fault, author, many in rows}, dealt

    for many in (1, 2):
        for text in comes.values():
            await _comes(town, text)
        kept, dealt = await town.practice.app.database.read(facts)
        assert kept == {
            # A lie is one, and what waits for its time is known.
            fault: (fault not in ("version", "too_big"), 1 if fault in ("equivocation", "future") else many)
            for fault in comes
        }
        assert dealt == 1, "nothing but the first had an effect"
        for organizer in ("ana (dm)", "ben (dm)"):
            lines = town.answers(before, organizer).splitlines()
            assert [line.startswith(words) for line, words in zip(lines, told.values(), strict=True)] == [True] * 6
        assert town.answers(before, "Riverside").splitlines() == lines[-1:], "only a lie concerns the whole group"
        assert town.answers(before, "chi (dm)") == ""


async def test_every_fault_has_its_words(town: Town) -> None:
    for fault in rules.FAULTS:
        for words in (
            area._FAULTS.get(fault, area._UNREADABLE)("Hillside"),
            area._NOBODYS.get(fault, area._NOISE)("N"),
        ):
            told = {language: shown(words, Language(language)) for language in ("en", "es", "de")}
            assert len(set(told.values())) == 3
            assert all(len(one) < 330 for one in told.values())


async def test_whoever_is_not_heard_for_half_an_hour_is_told_once_and_once_more_when_they_are_again(town: Town) -> None:
    pair = await link(town)
    await town.skip("20m")
    await _cut(pair, 2)
    before = len(town.transcript)
    await town.skip("80m")
    told = town.answers(before, "ana (dm)")
    assert told.count("Hillside has not been heard since") == 1
    assert "If something is urgent, reach them by telephone." in told
    assert town.answers(before, "Riverside") == town.answers(before, "chi (dm)") == ""

    async def beats(tx: Transaction, committee: int) -> None:
        there = await peers.federation_called(tx, committee, FEDERATION)
        assert there is not None
        await peers.set_state(tx, there.id, "in")
        says, now = town.practice.app.commands.named("wire_beat").says(federation=there.id), town.practice.clock()
        await due.plan_after(tx, f"again:{committee}", says, now, since=now, committee=committee)

    before = len(town.transcript)
    # First Hillside's bot speaks again, then Riverside's looks who is heard.
    for committee in (2, 1, 1):
        await town.practice.app.database.transact(partial(beats, committee=committee))
        await town.practice.settle()
    assert town.answers(before, "ana (dm)").count("Hillside is heard again.") == 1


async def test_an_old_heartbeat_said_again_is_no_sign_of_life(town: Town) -> None:
    pair = await link(town)
    await town.skip("20m")
    old = [text for _, text in town.practice.console.carried]
    await _cut(pair, 2)
    before = len(town.transcript)
    for _ in range(6):
        await town.skip("10m")
        for text in old:
            await _comes(town, text)
    assert "Hillside has not been heard since" in town.answers(before, "ana (dm)")


async def test_a_bot_that_was_away_itself_does_not_say_that_the_others_are_not_heard(town: Town) -> None:
    await link(town)
    await town.skip("20m")
    before = len(town.transcript)
    # Nothing is done meanwhile, as when the machine is off.
    town.practice.clock.move(town.practice.clock() + timedelta(hours=5))
    await town.skip("10m")
    assert "heard" not in town.answers(before, "ana (dm)")


# --- a file by hand ----------------------------------------------------------------------------------------------


async def _known(town: Town) -> dict[tuple[int, int], int]:
    async def ask(tx: Reader) -> dict[tuple[int, int], int]:
        rows = await tx.all(
            """SELECT f.committee_id, p.committee_id, h.number FROM chain_heads h
               JOIN federations f ON f.id = h.federation_id JOIN peer_selves p ON p.author = h.author"""
        )
        return {(a, b): n for a, b, n in rows}

    return await town.practice.app.database.read(ask)


async def test_what_the_network_does_not_carry_is_carried_in_a_file(town: Town) -> None:
    await link(town)
    console = town.practice.console
    await town.skip("20m")

    async def says(tx: Transaction) -> None:
        """Riverside says three things; the wire loses them."""
        from bot import wire
        from bot.linking import _keys
        from bot.router import Context

        riverside = (await committees(tx))[0]
        there = await peers.federation_called(tx, riverside.id, FEDERATION)
        assert there is not None
        now = town.practice.clock()
        context = Context(
            tx=tx, now=now, said_at=now, commands=town.practice.app.commands, place=None, chat=None, language="en",
            of_committee=riverside,
        )  # fmt: skip
        to = tuple(one.author for one in await peers.peers(tx, there.id) if one.name == OTHER)
        for number in range(3):
            content = rules.Content(kind="nothing", body={"number": number}, to=to)
            await wire.write(
                peers.Store(tx, there.id, now=now), await _keys(context, there), FEDERATION, content, now=now
            )

    await town.practice.app.database.transact(says)
    assert await _known(town) == {(1, 1): 3}
    before = len(town.transcript)
    assert await town.whispers("chi", "/federation_file") != ""
    assert not console.documents
    await town.whispers("ana", "/federation_file")
    [file] = console.documents
    assert file.name == "federation.txt"
    assert "nothing" not in file.text

    async def takes_in(who: str, file: Document) -> str:
        since = len(town.transcript)
        await console.say(who, "/federation_file", console.somebody(who).private, document=file)
        await town.practice.settle()
        return town.answers(since, f"{who} (dm)")

    answer = await takes_in("dora", file)
    assert answer.startswith("3 messages were new and are dealt with.")
    assert await _known(town) == {(1, 1): 3, (2, 1): 3}
    assert (await takes_in("dora", file)).startswith("0 messages were new")
    spoilt = Document(name="x.txt", text="\n".join(["hello", "{}", json.dumps({"v": 1}), file.text[:100]]))
    assert "4 lines are no messages of a committee that you are linked with" in await takes_in("dora", spoilt)
    assert town.answers(before, "Hillside") == town.answers(before, "Riverside") == ""


# --- copies ------------------------------------------------------------------------------------------------------


async def test_whoever_is_put_back_from_a_copy_begins_a_new_life(town: Town) -> None:
    await link(town)
    path = town.practice.app.database.path
    copy = path.with_name("copy.sqlite")
    copies.copy(path, None, copy)

    async def lives(tx: Reader) -> list[int]:
        return [row[0] for row in await tx.all("SELECT life FROM peer_selves ORDER BY committee_id LIMIT 9")]

    from storage.database import Database

    copies.settle_after_a_copy(copy, None)
    put_back = await Database.open(copy)
    try:
        assert all(life > 1_700_000_000 for life in await put_back.read(lives))
    finally:
        await put_back.close()
    assert await town.practice.app.database.read(lives) == [0, 0]


async def test_a_committee_alone_takes_its_federation_along(town: Town) -> None:
    await link(town)
    await town.skip("20m")
    path = town.practice.app.database.path
    copy = path.with_name("copy.sqlite")
    copies.copy(path, None, copy)
    [uid] = await town.practice.app.database.read(
        lambda tx: tx.all("SELECT uid FROM committees WHERE name = ? LIMIT 2", "Riverside")
    )
    copies.keep_only(copy, None, uid[0])
    assert len(copies.holdings(copy, None).books) == 1

    async def ask(tx: Reader) -> tuple[int, int, int]:
        return (
            await tx.value("SELECT count(*) FROM federations WHERE place_id IS NOT NULL"),
            await tx.value("SELECT count(*) FROM peers"),
            await tx.value("SELECT count(*) FROM peer_selves"),
        )

    from storage.database import Database

    kept = await Database.open(copy)
    try:
        assert await kept.read(ask) == (1, 2, 1)
    finally:
        await kept.close()


@pytest.mark.parametrize("days", [29, 31])
async def test_what_was_said_is_deleted_after_thirty_days_and_had_its_effect_once(town: Town, days: int) -> None:
    pair = await link(town)
    await _cut(pair, 2)
    member = await _hillside(town)
    text = member.says(_inside(member, "x"), rules.seconds(town.practice.clock()))
    await _comes(town, text)

    async def kept(tx: Reader) -> tuple[int, int]:
        there = await peers.federation_called(tx, 1, FEDERATION)
        assert there is not None
        rows = await tx.value("SELECT count(*) FROM envelopes WHERE federation_id = ?", there.id)
        number = await tx.value(
            "SELECT number FROM chain_heads WHERE federation_id = ? AND author = ?", there.id, member.author
        )
        return rows, number

    database, now = town.practice.app.database, town.practice.clock()
    assert await database.read(kept) == (1, 1)
    await database.transact(lambda tx: peers.purge(tx, now=now + timedelta(days=days)))
    assert await database.read(kept) == (int(days < 30), 1)
