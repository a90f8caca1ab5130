"""One question to several linked committees: each votes in its own chat, and all bots come to the same."""

from __future__ import annotations

import json

from bot.domain import jointly
from storage import due, linked_polls, peers, polls
from storage.database import Reader, Transaction
from storage.linked_polls import Linked
from storage.polls import Poll
from tests.conftest import Town, two_decide
from tests.linked import FEDERATION, THIRD, Pair, link

VAN = "/ask_together Shall we share a van? until fri 18:00"


async def poll_of(town: Town, committee: int, number: int = 1) -> Poll:
    found = await town.practice.app.database.read(lambda tx: polls.numbered(tx, committee, number))
    assert found is not None
    return found


async def linked_of(town: Town, committee: int) -> list[Linked]:
    async def ask(tx: Reader) -> list[Linked]:
        rows = await tx.all("SELECT id FROM linked_polls WHERE committee_id = ? ORDER BY id", committee)
        found = [await linked_polls.get(tx, committee, id_) for (id_,) in rows]
        return [one for one in found if one is not None]

    return await town.practice.app.database.read(ask)


async def trust(town: Town, level: int) -> None:
    """Hillside trusts Riverside so far in what it asks."""

    async def work(tx: Transaction) -> None:
        there = await peers.federation_called(tx, 2, FEDERATION)
        assert there is not None
        other = next(one for one in await peers.peers(tx, there.id) if one.name == "Riverside")
        await peers.set_trust(tx, other.id, "poll", level)

    await town.practice.app.database.transact(work)


async def vote(pair: Pair, yes: str, no: str = "") -> None:
    """Members of all three committees vote, by name."""
    places = {**dict.fromkeys(("ana", "ben", "chi", "eli"), "Riverside")}
    places |= dict.fromkeys(("dora", "emil", "gus", "hana"), "Hillside")
    places |= dict.fromkeys(("ida", "jan", "kim", "lea"), THIRD)
    for label, names in (("Yes", yes), ("No", no)):
        for who in names.split():
            await pair.press(places[who], label, who)


async def test_three_committees_vote_and_all_bots_count_the_same(town: Town) -> None:
    pair = await link(town, third=True)
    asked = await town.says("ana", VAN)
    assert "Decided together: we have asked Eastside and Hillside the same." in asked
    assert "From Riverside, decided together: Eastside, Hillside, and Riverside." in pair.sees("Hillside")[-1]
    assert "Voting now: Eastside, Hillside, and Riverside." in town.sees()[-1]
    await vote(pair, "ana ben chi dora gus emil", "eli kim lea jan")
    await town.skip("5d")
    told = (
        "Poll 1, decided together: Shall we share a van? / All 3 committees count the same. / "
        "Yes: 6 by heads, 2 by committees. / No: 4 by heads, 1 by committees. / Decided together: it has passed."
    )
    for place in ("Riverside", "Hillside", THIRD):
        assert pair.sees(place).count(told) == 1, place
    assert not any("⚠️" in what for _, what in town.transcript)
    # What leaves a committee are figures, never names.
    said = await town.practice.app.database.read(
        lambda tx: tx.all("SELECT DISTINCT body FROM linked_statements WHERE kind = 'count' ORDER BY body")
    )
    assert [json.loads(body)["heads"] for (body,) in said] == [[0, 3, 0], [3, 0, 0], [3, 1, 0]]
    assert not any(name in body for (body,) in said for name in ("ana", "Ana", "eli", "Eli"))
    assert "all committees count the same" in await town.whispers("ana", "/log decisions")


async def test_nobody_hears_another_count_before_all_have_closed(town: Town) -> None:
    pair = await link(town)
    await town.says("ana", VAN)
    await vote(pair, "ana ben chi eli")
    assert (await poll_of(town, 1)).state == "open"
    await town.says("ana", "/poll 1 close")
    assert (await poll_of(town, 1)).state == "closed"
    await vote(pair, "dora", "emil gus hana")
    closes = (await linked_of(town, 1))[0].terms.closes

    async def counts() -> int:
        return int(
            await town.practice.app.database.read(
                lambda tx: tx.value("SELECT count(*) FROM linked_statements WHERE kind = 'count'")
            )
        )

    await town.skip(f"{(closes - int(town.practice.clock().timestamp())) // 60 - 1}m")
    assert 60 <= closes - town.practice.clock().timestamp() < 180, "the last minutes before the end"
    assert await counts() == 0
    assert not any("by heads" in one for one in (*pair.sees("Hillside"), *town.sees()))
    await town.skip("3m")
    assert await counts() == 4, "both know both"
    await town.skip("1d")
    assert any("Yes: 5 by heads, 1 by committees." in one for one in pair.sees("Hillside"))
    differs = "Nothing is decided: it is a tie. Talk again."
    assert differs in town.sees()[-1]


async def test_people_and_committees_can_want_two_things(town: Town) -> None:
    pair = await link(town, third=True)
    await town.says("ana", VAN)
    await vote(pair, "ana ben chi eli gus kim", "dora emil hana jan lea")
    await town.skip("5d")
    assert (
        "Yes: 6 by heads, 1 by committees. / No: 5 by heads, 2 by committees. / "
        "Nothing is decided: most people say Yes, most committees say No. Talk again."
    ) in town.sees()[-1]
    # It has passed here, and yet it is not decided: nobody is asked what comes of it.
    assert (await poll_of(town, 1)).verdict == "passed"
    assert not any("What comes of it" in one for one in town.heard("ana"))


async def test_where_only_two_have_voted_the_others_hear_only_what_was_decided(town: Town) -> None:
    pair = await link(town)
    await town.says("ana", VAN)
    await vote(pair, "ana ben chi dora", "gus")
    await pair.press("Hillside", "Yes", "gus")
    await town.skip("5d")
    assert "Yes: 3 by heads, 2 by committees." in town.sees()[-1]
    assert "1 committee says only what it has decided, not how many voted what." in town.sees()[-1]
    counts = await town.practice.app.database.read(
        lambda tx: tx.all("SELECT body FROM linked_statements WHERE kind = 'count' LIMIT 9")
    )
    voters = {(body := json.loads(text))["heads"] is None: body["voters"] for (text,) in counts}
    assert voters == {False: 3, True: 0}, "nor how many"
    assert any("so few have voted that figures would show who voted what" in one for one in town.heard("dora"))
    assert not any("so few have voted" in one for one in town.heard("ana"))


async def test_a_committee_can_agree_that_small_figures_are_told(town: Town) -> None:
    pair = await link(town)
    await two_decide(town.practice.app.database)
    await pair.hillside("dora", "/together_small on")
    await pair.press("Hillside", "Agree", "emil")
    assert any("also where only one or two voted" in one for one in pair.sees("Hillside"))
    await town.says("ana", VAN)
    await vote(pair, "ana ben chi dora", "gus")
    await town.skip("5d")
    assert "Yes: 4 by heads, 1 by committees. / No: 1 by heads, 1 by committees." in town.sees()[-1]


async def test_of_a_committee_that_is_blocked_nothing_is_shown(town: Town) -> None:
    pair = await link(town)
    await trust(town, 0)
    before = len(town.transcript)
    await town.says("ana", VAN)
    assert await linked_of(town, 2) == []
    assert pair.said(before, "Hillside") == pair.said(before, "dora (dm)") == ""
    assert "No answer yet: Hillside." in town.sees()[-1]


async def test_organizers_see_first_what_a_committee_asks_that_is_trusted_less(town: Town) -> None:
    pair = await link(town)
    await trust(town, 1)
    before = len(town.transcript)
    await town.says("ana", VAN)
    assert pair.said(before, "Hillside") == ""
    assert "Riverside asks all linked committees: “Shall we share a van?”" in pair.said(before, "dora (dm)")
    assert pair.said(before, "gus (dm)") == ""
    assert "Riverside asks all linked committees" in await town.whispers("dora", "/todo")
    dora = town.practice.console.somebody("dora").private
    await town.practice.press("dora", "Vote on it here", within=dora)
    assert "From Riverside, decided together" in pair.sees("Hillside")[-1]
    assert "Proposal 1: Shall we share a van?" in pair.sees("Hillside")[-1]
    assert "Voting now: Hillside and Riverside." in town.sees()[-1]
    emil = town.practice.console.somebody("emil").private
    await town.practice.press("emil", "Not for us", within=emil)
    assert "That was settled already." in town.heard("emil")[-1]


async def test_a_committee_can_leave_it_out(town: Town) -> None:
    pair = await link(town)
    await trust(town, 1)
    await town.says("ana", VAN)
    dora = town.practice.console.somebody("dora").private
    await town.practice.press("dora", "Not for us", within=dora)
    assert "Not taking part: Hillside." in town.sees()[-1]
    await vote(pair, "ana ben chi")
    await town.skip("5d")
    assert "Only one committee has voted: Riverside." in town.sees()[-1]
    assert pair.sees("Hillside") == [] or "van" not in pair.sees("Hillside")[-1]


async def test_it_can_stop_voting_too(town: Town) -> None:
    pair = await link(town)
    await town.says("ana", VAN)
    await pair.hillside("dora", "/poll 1 withdraw")
    assert "Not taking part: Hillside." in town.sees()[-1]
    assert (await poll_of(town, 1)).state == "open"


async def test_whoever_asks_can_withdraw_it_for_all(town: Town) -> None:
    pair = await link(town)
    await town.says("ana", VAN)
    await vote(pair, "dora gus")
    await town.says("ana", "/poll 1 withdraw")
    assert pair.sees("Hillside")[-1] == "Riverside has withdrawn its question, so poll 1 is over."
    assert (await poll_of(town, 2)).state == "withdrawn"
    before = len(town.transcript)
    await town.skip("7d")
    assert "by heads" not in "".join(what for _, what in town.transcript[before:])


async def test_what_all_were_asked_stays_as_it_is(town: Town) -> None:
    await link(town)
    await town.says("ana", "/ask_together Where do we meet? | Library | Park | Hall, until fri 18:00")
    for line in ("/poll 1 drop 1", "/poll 1 add Café", "/poll 1 amend Where do we eat?"):
        assert "is voted on by several committees, so it stays as it is" in await town.says("ana", line)


async def test_each_committee_votes_by_its_own_process(town: Town) -> None:
    pair = await link(town)
    await two_decide(town.practice.app.database)
    await pair.hillside("dora", "/together_by consent")
    await pair.press("Hillside", "Agree", "emil")
    await town.says("ana", VAN)
    assert (await poll_of(town, 1)).process == "proposal"
    assert (await poll_of(town, 2)).process == "consent"
    await vote(pair, "ana ben chi")
    await pair.press("Hillside", "Consent", "dora", "emil")
    await pair.press("Hillside", "Stand aside", "gus")
    await town.skip("5d")
    assert "Yes: 5 by heads, 2 by committees. / No: 0 by heads, 0 by committees. / Neither: 1 by heads" in "".join(
        town.sees()[-1:]
    )


async def test_or_all_by_the_same(town: Town) -> None:
    pair = await link(town)
    await two_decide(town.practice.app.database)
    await pair.hillside("dora", "/together_by consent")
    await pair.press("Hillside", "Agree", "emil")
    await town.says("ana", "/ask_together proposal: Shall we share a van?, quorum 3/4, threshold 2/3, until fri 18:00")
    there = await poll_of(town, 2)
    assert (there.process, str(there.rule.quorum)) == ("proposal", "3/4")
    await vote(pair, "ana ben dora gus", "chi emil")
    await town.skip("5d")
    # Two of three were for it in each, which is as much as was asked for.
    assert "Decided together: it has passed." in town.sees()[-1]


async def test_a_question_with_options_and_the_way_they_decide(town: Town) -> None:
    pair = await link(town)
    line = "/ask_together Where do we meet? | Library | Park, until fri 18:00, by committees, at least 2 committees"
    assert "What most committees say is decided. / 2 committees must vote." in await town.says("ana", line)
    for place, label, who in (
        ("Riverside", "Library", ("ana", "ben", "chi")),
        ("Hillside", "Library", ("dora", "gus", "hana")),
    ):
        await pair.press(place, label, *who)
    await town.skip("5d")
    assert "Library: 6 by heads, 2 by committees. / Park: 0 by heads, 0 by committees." in town.sees()[-1]
    assert "Decided together: Library." in pair.sees("Hillside")[-1]


async def test_a_bot_that_adds_up_something_else_is_found(town: Town) -> None:
    pair = await link(town, third=True)
    await town.says("ana", VAN)
    await vote(pair, "ana ben chi dora gus emil kim lea jan")

    async def late(tx: Transaction) -> None:
        # Eastside's own end comes an hour later, so that there is time to meddle with what Hillside has heard.
        poll = await polls.numbered(tx, 3, 1)
        assert poll is not None
        assert poll.closes_at is not None
        says = town.practice.app.commands.named("poll_due").says(poll=poll.id)
        await due.plan_at(tx, f"poll_close:{poll.id}", says, poll.closes_at.replace(hour=19), committee=3)

    async def meddle(tx: Transaction) -> None:
        there = await peers.federation_called(tx, 2, FEDERATION)
        assert there is not None
        rows = await tx.all(
            "SELECT author, body FROM linked_statements WHERE federation_id = ? AND kind = 'count'", there.id
        )
        riverside = next(one for one in await peers.peers(tx, there.id) if one.name == "Riverside")
        assert riverside.author in [author for author, _ in rows]
        body = json.loads(next(body for author, body in rows if author == riverside.author)) | {"heads": [2, 1, 0]}
        await tx.execute(
            "UPDATE linked_statements SET body = ? WHERE federation_id = ? AND kind = 'count' AND author = ?",
            json.dumps(body),
            there.id,
            riverside.author,
        )

    await town.practice.app.database.transact(late)
    await town.skip("96h30m")
    assert any("Still missing, until Sat, Jan 10 18:00: Eastside." in one for one in town.sees()[-3:])
    await town.practice.app.database.transact(meddle)
    await town.skip("1h")
    alarm = "⚠️ Not all bots count the same. Do not act on this result before people have looked."
    assert f"{alarm} / Hillside has the same counts as we, and adds them up otherwise." in town.sees()[-1]
    assert alarm in pair.sees(THIRD)[-1]
    assert alarm in pair.sees("Hillside")[-1]
    before = len(town.transcript)
    await town.skip("3d")
    assert alarm not in "".join(what for _, what in town.transcript[before:])


async def test_a_committee_that_counts_too_late_is_told_and_not_counted(town: Town) -> None:
    pair = await link(town)
    await town.says("ana", VAN)
    await vote(pair, "ana ben chi", "dora gus emil")

    async def late(tx: Transaction) -> None:
        poll = await polls.numbered(tx, 2, 1)
        assert poll is not None
        assert poll.closes_at is not None
        says = town.practice.app.commands.named("poll_due").says(poll=poll.id)
        await due.plan_at(tx, f"poll_close:{poll.id}", says, poll.closes_at.replace(day=11), committee=2)

    await town.practice.app.database.transact(late)
    await town.skip("8d")
    assert "Yes: 3 by heads, 1 by committees. / No: 0 by heads, 0 by committees." in town.sees()[-1]
    card = [one for one in town.sees() if one.startswith("Proposal 1 by Ana")][-1]
    assert "Hillside has counted too late; that is not in it." in card
    assert "Decided together: it has passed." in card


async def test_a_committee_that_leaves_meanwhile_is_not_waited_for(town: Town) -> None:
    pair = await link(town, third=True)
    await town.says("ana", VAN)
    await vote(pair, "ana ben chi dora gus emil")

    async def leave(tx: Transaction) -> None:
        for committee in (1, 2):
            there = await peers.federation_called(tx, committee, FEDERATION)
            assert there is not None
            other = next(one for one in await peers.peers(tx, there.id) if one.name == THIRD)
            await peers.set_peer_state(tx, other.id, "left")
        there = await peers.federation_called(tx, 3, FEDERATION)
        assert there is not None
        await peers.set_state(tx, there.id, "left")

    await town.practice.app.database.transact(leave)
    await town.skip("4d 1h")
    assert "Both committees count the same. / Yes: 6 by heads, 2 by committees." in town.sees()[-1]
    # It votes on, for itself alone.
    assert (await poll_of(town, 3)).state == "closed"


async def test_a_committee_that_is_expelled_meanwhile_is_counted_by_all_or_by_nobody(town: Town) -> None:
    pair = await link(town, third=True)
    await town.says("ana", VAN)
    await vote(pair, "ana ben chi dora gus emil kim lea jan")

    async def expelled(tx: Transaction, committee: int) -> None:
        there = await peers.federation_called(tx, committee, FEDERATION)
        assert there is not None
        other = next(one for one in await peers.peers(tx, there.id) if one.name == THIRD)
        await peers.set_peer_state(tx, other.id, "expelled")

    # Riverside hears of it before they have counted, Hillside afterwards.
    await town.practice.app.database.transact(lambda tx: expelled(tx, 1))
    await town.skip("4d 1h")
    same = "All 3 committees count the same. / Yes: 9 by heads, 3 by committees."
    assert same in town.sees()[-1]
    await town.practice.app.database.transact(lambda tx: expelled(tx, 2))
    await town.skip("2d")
    assert same in [one for one in pair.sees("Hillside") if one.startswith("Poll 1, decided together")][-1]


async def test_no_more_than_a_few_questions_at_a_time_open_by_themselves(town: Town) -> None:
    pair = await link(town)
    for what in ("van", "hall", "kitchen", "tent"):
        await town.says("ana", f"/ask_together Shall we share a {what}? until fri 18:00")
    assert [one.state for one in await linked_of(town, 2)] == ["open", "open", "open", "asked"]
    assert "Shall we share a tent?" in pair.sees("dora (dm)")[-1]

    linked = (await linked_of(town, 2))[0]

    async def many(tx: Transaction) -> None:
        for number in range(4, 20):
            asks = jointly.Question(words=f"{number}?", options=(), terms=linked.terms)
            await linked_polls.add(
                tx,
                2,
                linked.federation_id,
                asks,
                hash_=f"{number:064}",
                author=linked.author,
                state="declined",
                now=town.practice.clock(),
            )

    # Nobody hears of all of them, however many there are.
    await town.practice.app.database.transact(many)
    before = len(town.transcript)
    for what in ("roof", "boat", "cow"):
        await town.says("ana", f"/ask_together Shall we share a {what}? until fri 18:00")
    told = pair.said(before, "dora (dm)")
    assert (
        told == "Riverside asks so much today that I do not tell you of each question any more. /todo shows what waits."
    )
    assert "Shall we share a cow?" in await town.whispers("dora", "/todo")


async def test_who_may_ask_and_what(town: Town) -> None:
    assert "not linked with any other yet" in await town.says("ana", VAN)
    await link(town)
    assert "organizer" in (await town.says("chi", VAN)).lower()
    for line, why in (
        ("/ask_together ranked: Where? | A | B, until fri", "counted by heads"),
        ("/ask_together Van?, opens thu 9:00, until fri 18:00", "opens at once"),
        ("/ask_together Van?, at least 3 committees, until fri 18:00", "There are only 2 committees."),
    ):
        assert why in await town.says("ana", line), line
    assert await linked_of(town, 1) == []
