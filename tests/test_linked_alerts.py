"""Alerts that travel between Riverside and Hillside, as their members see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot import keys as signing
from bot import linking
from bot.adapters.console import NETWORK
from bot.chat import Chat
from bot.domain import envelope as letters
from bot.domain.roster import Trust
from bot.practice import OTHER
from bot.router import Authority, Context
from storage import alerts, peers, people
from storage.database import Reader, Transaction
from tests.conftest import Town, two_decide
from tests.linked import FEDERATION, committees, link

EVICTION = "/alert eviction Main St 5, {needs}, until 23:30"


async def _trusts(town: Town, level: Trust, *, who: str = OTHER) -> None:
    """Hillside (or Riverside) trusts the other so far."""

    async def work(tx: Transaction) -> None:
        for committee in await committees(tx):
            if committee.name == who:
                there = await peers.federation_called(tx, committee.id, FEDERATION)
                assert there is not None
                for peer in await peers.peers(tx, there.id):
                    if peer.name != who:
                        await peers.set_trust(tx, peer.id, "alert", int(level))

    await town.practice.app.database.transact(work)


async def _raised(town: Town, needs: str = "9 people, 1 van") -> None:
    """Somebody raises an alert, somebody else confirms it, and nobody comes until all rings have had their time."""
    await town.says("chi", EVICTION.format(needs=needs))
    await town.presses("eli", "I can confirm it")
    await town.skip("10m")


def _shown(town: Town, where: str = OTHER) -> list[str]:
    """All that the bot has said in a place, changes too."""
    return [what for there, what in town.transcript if there == where and what.startswith("bot")]


def _paged(town: Town, who: str) -> bool:
    return any(words.startswith("ALERT") for words in town.heard(who))


async def test_what_riverside_lacks_is_asked_of_hillside_and_nobody_there_is_paged(town: Town) -> None:
    await link(town)
    await _raised(town)
    card = _shown(town)[-1]
    assert "ALERT 1: eviction / Confirmed by two people there, not here yet." in card
    assert "From Riverside, a linked committee / Where: Main St 5" in card
    assert "Needed: people 0/9 and van 0/1" in card
    assert not any(_paged(town, who) for who in ("dora", "emil", "gus", "hana"))
    assert "1 linked committee is asked." in _shown(town, "Riverside")[-1]
    for who in ("chi", "eli", "ana"):
        assert not any(who in words.casefold() for words in _shown(town))


async def test_nothing_leaves_before_two_people_stand_for_it(town: Town) -> None:
    pair = await link(town)
    await town.says("chi", EVICTION.format(needs="9 people"))
    await town.skip("1h")
    assert not _shown(town)
    await town.presses("chi", "More …")
    await pair.town.practice.press("chi", "Ask linked committees")
    assert "Nothing leaves before somebody else" in town.transcript[-1][1] or not _shown(town)
    await town.presses("eli", "I can confirm it")
    await town.presses("chi", "More …")
    await town.presses("chi", "Ask linked committees")
    assert "ALERT 1: eviction" in _shown(town)[-1]


async def test_who_comes_from_hillside_is_counted_in_riverside_without_a_name_and_enough_is_enough(town: Town) -> None:
    pair = await link(town)
    await _raised(town, "1 person, 1 van")
    await pair.presses("gus", "In 10 min")
    await pair.presses("hana", "I can bring …")
    await town.practice.press("hana", "van", within=town.private("hana"))
    await town.skip("2m")
    card = _shown(town, "Riverside")[-1]
    assert "Needed: people 2/1 and van 1/1" in card
    assert "From Hillside: 2 people and van 1" in card
    assert not any(name in words for name in ("gus", "Gus", "hana", "Hana") for words in _shown(town, "Riverside"))
    assert any("Enough are coming" in what for there, what in town.transcript if there == "ana (dm)")


async def test_that_it_is_over_reaches_whoever_is_on_the_way_in_hillside(town: Town) -> None:
    pair = await link(town)
    await _raised(town)
    await pair.presses("gus", "In 10 min")
    await town.says("chi", "/alert 1 end")
    assert any("It is over: nobody need come any more." in words for words in town.heard("gus"))
    await town.skip("5m")
    assert "stand-down" not in _shown(town, "Riverside")[-1]
    assert "It is over." in _shown(town)[-1]


async def test_riverside_sees_who_has_not_got_the_stand_down(town: Town) -> None:
    await link(town)
    await _raised(town)
    await town.practice.cut_wire(True)
    await town.says("chi", "/alert 1 end")
    await town.skip("2m")
    assert "1 linked committee has not got the stand-down: Hillside" in _shown(town, "Riverside")[-1]


async def test_news_and_needs_and_until_when_travel_too(town: Town) -> None:
    await link(town)
    await _raised(town)
    await town.says("chi", "/alert 1 update the police have gone")
    assert "“the police have gone” (as it was written)" in _shown(town)[-1]
    await town.says("chi", "/alert 1 needs 3 people, 2 medics")
    assert "people 0/3" in _shown(town)[-1]
    await town.says("chi", "/alert 1 until 23:00")
    assert "Until 23:00" in _shown(town)[-1]


async def test_at_level_3_one_person_here_confirms_it_and_all_are_called(town: Town) -> None:
    pair = await link(town)
    await _trusts(town, Trust.CONFIRMED)
    await _raised(town)
    assert not _paged(town, "hana")
    await pair.presses("gus", "I can confirm it")
    assert _paged(town, "dora")
    await town.skip("10m")
    assert _paged(town, "hana")
    assert "Confirmed there, and by somebody here." in _shown(town)[-1]


async def test_at_level_2_one_person_here_is_not_enough(town: Town) -> None:
    pair = await link(town)
    await _raised(town)
    await pair.presses("gus", "I can confirm it")
    await town.skip("20m")
    assert not _paged(town, "dora")


async def test_at_level_4_people_are_called_at_once(town: Town) -> None:
    await link(town)
    await _trusts(town, Trust.PAGES)
    await _raised(town)
    assert _paged(town, "dora")
    await town.skip("10m")
    assert _paged(town, "hana")
    assert "Confirmed by two people there." in _shown(town)[-1]


async def test_at_level_1_only_organizers_see_it_and_one_may_let_it_through(town: Town) -> None:
    await link(town)
    await _trusts(town, Trust.ORGANIZERS)
    await _raised(town)
    assert not _shown(town)
    assert any("It waits for you: a linked committee has sent it." in words for words in town.heard("dora"))
    assert not town.heard("gus")
    await town.practice.press("dora", "Let it through", within=town.private("dora"))
    assert "ALERT 1: eviction" in _shown(town)[-1]
    await town.skip("20m")
    assert not _paged(town, "hana")


async def test_at_level_0_nothing_is_heard_of_it(town: Town) -> None:
    await link(town)
    await _trusts(town, Trust.BLOCKED)
    await _raised(town)
    assert not _shown(town)
    assert not town.heard("dora")


async def _mill_lane(town: Town, uid: str, name: str, *, with_riverside: bool) -> Chat:
    """A third committee, linked with Hillside, and with Riverside or not; its group."""
    practice = town.practice
    lane = practice.console.group("Mill Lane")
    await practice._found(lane, ("ida", "jon"), ("kim",))
    now = practice.clock()

    async def work(tx: Transaction) -> None:
        rows = await tx.all("SELECT id FROM committees ORDER BY id LIMIT 3")
        all_ = [await people.committee(tx, id_) for (id_,) in rows[0 if with_riverside else 1 :]]
        selves = [await linking.own(tx, one, now=now) for one in all_]
        for one in all_:
            there = await peers.federation_called(tx, one.id, uid)
            if there is None:
                wire = await linking.open_wire(tx, NETWORK, uid, name)
                there = await peers.add_federation(tx, one.id, uid, name, place_id=wire, state="in", now=now)
            for other, mine in zip(all_, selves, strict=True):
                await peers.add_peer(
                    tx, there.id, mine.certificates[0], other.name, account="solibot", state="in", now=now
                )

    await practice.app.database.transact(work)
    return lane


# --- another committee that does what it wants -------------------------------------------------------------------


async def _says(town: Town, kind: str, body: Mapping[str, Any], *, past: bool = False, by: str = "Riverside") -> None:
    """A committee's bot tells the others something that our own program would not."""

    async def work(tx: Transaction) -> None:
        id_ = await tx.value("SELECT id FROM committees WHERE name = ?", by)
        committee = await people.committee(tx, id_)
        here = await peers.federation_called(tx, committee.id, FEDERATION)
        assert here is not None
        context = Context(
            tx=tx,
            now=town.practice.clock(),
            said_at=town.practice.clock(),
            commands=town.practice.app.commands,
            place=None,
            chat=None,
            language="en",
            of_committee=committee,
            authority=Authority.CLOCK,
        )
        expires = town.practice.clock() - timedelta(minutes=1) if past else None
        await linking.post(context, here, kind, body, expires=expires)

    await town.practice.app.database.transact(work)
    await town.practice.settle()


def _body(town: Town, number: int, **more: Any) -> dict[str, Any]:
    until = int((town.practice.clock() + timedelta(hours=3)).timestamp())
    return {
        "id": f"{number:032x}",
        "rev": 1,
        "status": "actual",
        "urgency": "immediate",
        "severity": "severe",
        "kind": "eviction",
        "expires": until,
        "area": f"Street {number}",
        "needs": {"people": 5},
        **more,
    }


async def test_a_flood_waits_for_an_organizer_in_one_line(town: Town) -> None:
    await link(town)
    await _trusts(town, Trust.PAGES)
    for number in range(1, 31):
        await _says(town, "alert", _body(town, number))
    assert sum("ALERT" in what and "(edit)" not in what for what in _shown(town)) == 2
    lines = [words for words in town.heard("dora") if "Riverside has sent" in words]
    assert "Riverside has sent 28 more alerts." in lines[-1]
    cards = [what for there, what in town.transcript if there == "dora (dm)" and what.startswith("bot: Riverside has")]
    assert len(cards) == 1
    await town.practice.press("dora", "Look at them", within=town.private("dora"))
    await town.practice.press("dora", "Let in eviction: Street 3", within=town.private("dora"))
    assert any("Street 3" in what for what in _shown(town))
    assert len(await town.practice.app.database.read(_rows)) <= 23


async def _rows(tx: Reader) -> list[Any]:
    return list(await tx.all("SELECT id FROM linked_alerts LIMIT 1000"))


async def test_what_is_no_alert_has_no_effect(town: Town) -> None:
    await link(town)
    await _trusts(town, Trust.PAGES)
    wrong: tuple[dict[str, Any], ...] = (
        {"needs": {"people": 10**9}},
        {"needs": [1]},
        {"id": "x"},
        {"rev": "1"},
        {"status": "real"},
        {"expires": -1},
        {"area": 7},
        {"label": {"en": ["x"]}},
        {"severity": {}},
    )
    for number, more in enumerate(wrong, start=1):
        await _says(town, "alert", {**_body(town, number), **more})
    await _says(town, "alert_end", {"id": "zz", "rev": 1, "outcome": "ended"})
    await _says(town, "alert_tally", {"id": "0" * 32, "rev": 1, "coming": [1, 2]})
    await _says(town, "alert_got", {})
    assert not _shown(town)


async def test_what_came_too_late_pages_nobody_and_is_told_in_one_line(town: Town) -> None:
    await link(town)
    await _trusts(town, Trust.PAGES)
    await _says(town, "alert", _body(town, 1), past=True)
    assert [what for what in _shown(town) if "Riverside had asked for help: eviction." in what]
    assert not _paged(town, "dora")


async def test_an_end_that_comes_before_its_alert_holds(town: Town) -> None:
    await link(town)
    await _trusts(town, Trust.PAGES)
    await _says(town, "alert_end", {"id": f"{1:032x}", "rev": 2, "outcome": "cancelled"})
    await _says(town, "alert", _body(town, 1))
    assert not _shown(town)


async def test_nobody_changes_or_ends_the_alert_of_another_or_counts_in_one_that_they_were_not_told_of(
    town: Town,
) -> None:
    pair = await link(town)
    await pair.hillside("gus", EVICTION.format(needs="9 people"))
    await _says(town, "alert_tally", {"id": f"{1:032x}", "rev": 1, "coming": [99, 0, 0], "there": 0, "brings": {}})
    await _says(town, "alert", _body(town, 1, origin="ab" * 32, of="Mill Lane"))
    assert "From Mill Lane, by way of Riverside, a linked committee" in _shown(town)[-1]
    # Hillside's own goes on as it was.
    assert "people 0/9" in next(what for what in reversed(_shown(town)) if "ALERT 1:" in what)


async def test_a_lying_figure_of_a_blocked_committee_does_not_stop_the_rings(town: Town) -> None:
    pair = await link(town)
    await _trusts(town, Trust.BLOCKED, who="Riverside")
    await _raised(town, "1 person")
    await pair.presses("gus", "In 10 min")
    await town.skip("2m")
    assert "people 0/1" in _shown(town, "Riverside")[-1]


async def test_alerts_of_other_areas_are_shown_only_once_nearer_ones_were_not_enough(town: Town) -> None:
    pair = await link(town)
    await two_decide(town.practice.app.database)
    await pair.hillside("dora", "/links areas Old Town")
    await pair.presses("emil", "Agree")
    await town.says("chi", EVICTION.format(needs="9 people"))
    await town.presses("eli", "I can confirm it")
    await town.skip("5m")
    assert "1 linked committee is asked." in _shown(town, "Riverside")[-1]
    assert not any("ALERT" in what for what in _shown(town))
    await town.skip("2m")
    assert any("ALERT 1: eviction" in what for what in _shown(town))


async def test_only_the_kinds_that_the_committee_has_chosen_leave(town: Town) -> None:
    await link(town)
    await town.says("ana", "/links alerts raid")
    await town.presses("ben", "Agree")
    assert "only in alerts of these kinds: raid or detention" in await town.says("ana", "/links")
    await _raised(town)
    await town.presses("chi", "More …")
    await town.presses("chi", "Ask linked committees")
    assert "has decided not to ask linked committees in alerts of this kind" in town.heard("chi")[-1]
    assert not _shown(town)


async def test_a_frozen_committee_pages_nobody_and_nothing_of_it_is_lost(town: Town) -> None:
    await link(town)
    await _trusts(town, Trust.PAGES)

    async def freeze(tx: Transaction) -> None:
        until = int((town.practice.clock() + timedelta(days=1)).timestamp() * 1_000_000)
        await tx.execute("UPDATE peers SET frozen_until_us = ?", until)

    async def kept(tx: Reader) -> int:
        return int(
            await tx.value(
                "SELECT count(*) FROM envelopes e JOIN federations f ON f.id = e.federation_id WHERE f.committee_id = 2"
            )
        )

    await town.practice.app.database.transact(freeze)
    before = await town.practice.app.database.read(kept)
    await _says(town, "alert", _body(town, 1))
    assert not _shown(town)
    assert not _paged(town, "dora")
    assert await town.practice.app.database.read(kept) == before + 1


async def test_a_drill_stays_one_all_the_way(town: Town) -> None:
    pair = await link(town)
    await _trusts(town, Trust.PAGES)
    await town.says("ana", "/drill eviction Main St 5, 9 people")
    await town.presses("eli", "I can confirm it")
    await town.skip("12m")
    assert not _shown(town), "a drill asks nobody else by itself"
    await town.presses("ana", "More …")
    await town.presses("ana", "Ask linked committees")
    said = [what for there, what in town.transcript if there in (OTHER, "dora (dm)", "hana (dm)")]
    assert any("DRILL 1, only an exercise: eviction" in what for what in said)
    assert not any("ALERT" in what for what in said)
    await pair.presses("gus", "In 10 min")
    await town.skip("1m")
    assert "From Hillside: 1 person" in _shown(town, "Riverside")[-1]
    await town.says("ana", "/alert 1 end")
    scores = [what for what in _shown(town, "Riverside") if "how it went" in what]
    assert "Linked committees: 1 asked, people would have come from 1." in scores[-1]
    assert any("DRILL 1: how it went" in what for what in _shown(town))


async def test_what_was_raised_here_too_is_offered_to_be_one_and_goes_on_as_one(town: Town) -> None:
    pair = await link(town)
    await pair.hillside("gus", EVICTION.format(needs="9 people"))
    await _raised(town)
    assert any("Is it the same as alert 1?" in words for words in town.heard("dora"))
    await town.practice.press("dora", "It is the same", within=town.private("dora"))
    await pair.presses("hana", "In 10 min")
    await town.skip("1m")
    assert "From Hillside: 1 person" in _shown(town, "Riverside")[-1]
    await town.says("chi", "/alert 1 end")
    # Hillside's own goes on: they end it themselves.
    assert "In 10 min" in next(what for what in reversed(_shown(town)) if "ALERT 1:" in what)


async def test_the_content_of_an_alert_goes_with_what_others_brought(town: Town) -> None:
    pair = await link(town)
    await _raised(town)
    await pair.presses("gus", "In 10 min")
    await town.skip("1m")
    await town.says("chi", "/alert 1 end")

    async def delete(tx: Transaction) -> None:
        for committee in await committees(tx):
            there = await alerts.numbered(tx, committee.id, 1)
            assert there is not None
            await alerts.delete_content(tx, there)

    await town.practice.app.database.transact(delete)

    async def ask(tx: Reader) -> tuple[int, int]:
        kept = await tx.value("SELECT count(*) FROM linked_tallies")
        return kept, await tx.value("SELECT count(*) FROM linked_alerts WHERE told IS NOT NULL OR alert_id IS NOT NULL")

    assert await town.practice.app.database.read(ask) == (0, 0)


async def test_an_alert_is_handed_on_into_another_federation_once_and_never_back(town: Town) -> None:
    pair = await link(town)
    lane = await _mill_lane(town, "f1" * 16, "Valley", with_riverside=False)
    await _raised(town)
    assert not any("ALERT" in what for what in _shown(town, "Mill Lane")), "nobody in Hillside has decided that"
    await pair.presses("gus", "I can confirm it")
    await pair.presses("hana", "I can confirm it")
    await pair.presses("dora", "More …")
    await pair.presses("dora", "Ask linked committees")
    card = _shown(town, "Mill Lane")[-1]
    assert "From Riverside, by way of Hillside, a linked committee / Where: Main St 5" in card
    await town.practice.press("kim", "In 10 min", within=lane)
    await town.skip("3m")
    assert "From Mill Lane: 1 person" in next(what for what in reversed(_shown(town)) if "ALERT 1" in what)
    assert "From Hillside: 1 person" in _shown(town, "Riverside")[-1]
    assert "people 1/9" in _shown(town, "Riverside")[-1], "whoever comes is counted once"
    assert not any("ALERT 2" in what for there, what in town.transcript if there in ("Riverside", OTHER))
    await town.says("chi", "/alert 1 end")
    await town.skip("1m")
    assert any("It is over: nobody need come any more." in words for words in town.heard("kim"))


async def test_how_it_went_can_be_looked_at_here_and_there(town: Town) -> None:
    pair = await link(town)
    await _raised(town)
    await pair.presses("gus", "In 10 min")
    await town.skip("1m")
    await town.says("chi", "/alert 1 end")
    for presses, who in ((pair.presses, "gus"), (town.presses, "eli")):
        before = len(town.transcript)
        await presses(who, "How it went")
        assert any("Over after" in what for _, what in town.transcript[before:])


async def test_nobody_ends_or_changes_or_counts_in_what_another_committee_has_raised(town: Town) -> None:
    pair = await link(town)
    await _mill_lane(town, FEDERATION, "Northside", with_riverside=True)
    await _raised(town)

    async def ask(tx: Reader) -> tuple[str, str]:
        uid = await tx.value("SELECT uid FROM linked_sent")
        return uid, await tx.value(
            "SELECT s.author FROM peer_selves s JOIN committees c ON c.id = s.committee_id WHERE c.name = 'Riverside'"
        )

    uid, riverside = await town.practice.app.database.read(ask)
    before = _shown(town)[-1]
    for origin in ({}, {"origin": riverside}):
        await _says(town, "alert_end", {"id": uid, "rev": 99, "outcome": "cancelled", **origin}, by="Mill Lane")
        forged = {**_body(town, 1), "id": uid, "rev": 99, "news": "go home", "needs": {}, **origin}
        await _says(town, "alert_update", forged, by="Mill Lane")
    assert not any("go home" in what for what in _shown(town) if "ALERT 1:" in what)
    assert [what for what in _shown(town) if "ALERT 1:" in what][-1] == before
    await pair.presses("gus", "In 10 min")
    await town.skip("1m")
    assert "From Hillside: 1 person" in _shown(town, "Riverside")[-1]
    await _says(
        town, "alert_tally", {"id": uid, "rev": 5, "coming": [3, 0, 0], "there": 0, "brings": {}}, by="Mill Lane"
    )
    await town.skip("1m")
    # Asked like Hillside, it may say so of itself, and that stands apart.
    assert "From Mill Lane: 3 people / From Hillside: 1 person" in _shown(town, "Riverside")[-1]
    # Once it has left, nobody is called less because of it, and nothing more is sealed to it.
    await _says(town, "leave", {}, by="Mill Lane")
    await town.skip("1m")
    card = [what for what in _shown(town, "Riverside") if "ALERT 1" in what][-1]
    assert "people 1/9" in card
    assert "From Mill Lane" not in card
    sent = len(town.practice.console.carried)
    await town.says("chi", "/alert 1 update round by the back")
    await town.says("chi", "/alert 1 end")
    await town.skip("2m")
    read = await town.practice.app.database.read(lambda tx: _read_by(tx, town, sent))
    assert {"alert_update", "alert_end"} <= read["Hillside"]
    assert not read["Mill Lane"]
    assert "has not got the stand-down: Mill Lane" in _shown(town, "Riverside")[-1]


async def _read_by(tx: Reader, town: Town, since: int) -> Mapping[str, set[str]]:
    """Of what went over the wire since then, which kinds each committee can read of what others have said."""
    found: dict[str, set[str]] = {}
    for committee in [*await committees(tx)]:
        mine = await peers.own(tx, committee.id)
        assert mine is not None
        for _, text in town.practice.console.carried[since:]:
            one = letters.load(text)
            keys = [each for each in mine.identities if each is not None]
            opened = signing.open_(letters.decoded(one.sealed), keys)
            if opened is not None and one.chain.author != mine.author and one.number:
                found.setdefault(committee.name, set()).add(letters.content(opened, of=one).kind)
    return {"Mill Lane": set(), **found}


async def test_nobody_else_keeps_an_alert_from_us_by_saying_that_it_is_over(town: Town) -> None:
    await link(town)
    await _mill_lane(town, FEDERATION, "Northside", with_riverside=True)
    await _trusts(town, Trust.PAGES)
    riverside = await town.practice.app.database.read(
        lambda tx: tx.value(
            "SELECT s.author FROM peer_selves s JOIN committees c ON c.id = s.committee_id WHERE c.name = 'Riverside'"
        )
    )
    end = {"rev": 9, "outcome": "cancelled", "origin": riverside}
    # Before anything is known of it, it says nothing.
    await _says(town, "alert_end", {**end, "id": f"{1:032x}"}, by="Mill Lane")
    await _says(town, "alert", _body(town, 1))
    assert "Where: Street 1" in _shown(town)[-1]
    assert _paged(town, "dora")
    # Of what they have told themselves it counts, until the one whose it is says otherwise: then an organizer looks.
    await _says(town, "alert", _body(town, 2, origin=riverside, of="Riverside"), by="Mill Lane")
    await _says(town, "alert_end", {**end, "id": f"{2:032x}"}, by="Mill Lane")
    assert "It was cancelled" in _shown(town)[-1]
    await _says(town, "alert", _body(town, 2))
    assert "Riverside has sent 1 more alert." in town.heard("dora")[-1]
    await town.practice.press("dora", "Look at them", within=town.private("dora"))
    await town.practice.press("dora", "Let in eviction: Street 2", within=town.private("dora"))
    assert "ALERT 3: eviction" in _shown(town)[-1]
    await _says(town, "alert_end", {"id": f"{2:032x}", "rev": 3, "outcome": "ended"})
    assert "It is over" in _shown(town)[-1]
