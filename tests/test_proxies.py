"""Who votes for somebody else: by proxy while they are away, and two tellers for ballots on paper or by phone."""

from __future__ import annotations

import asyncio

import pytest

from tests.conftest import Town
from tests.test_ballots import HIDDEN, MEET, grown, polls_decide, taps, votes

# --- proxies -------------------------------------------------------------------------------------------------------


async def test_somebody_votes_for_me_while_i_am_away_and_my_own_vote_goes_before(town: Town) -> None:
    said = await town.says("ana", "/proxy @ben until 1 feb")
    assert said.startswith("Ben votes for Ana until Sun, Feb 1 23:59.")
    assert "Ana has given you their proxy" in town.heard("ben")[-1]
    await town.says("chi", MEET)
    assert "For Ana: / Counted: Park." in await town.whispers("ben", "/vote_for @ana 1 park")
    assert "Ben, who holds your proxy, has voted for you in poll 1: Park." in town.heard("ana")[-1]
    card = town.sees()[-1]
    assert "3. Park: 1 (Ana, by proxy)" in card
    assert "Of these: 1 by proxy." in card
    await town.presses("ana", "Library")
    assert await votes(town) == {"ana": 1}
    assert "Ana has voted, and that goes before." in await town.whispers("ben", "/vote_for @ana 1 park")
    assert await votes(town) == {"ana": 1}
    # Taken back, there is none of her own, and the proxy counts again.
    await town.whispers("ana", "/vote 1 withdraw")
    await town.whispers("ben", "/vote_for @ana 1 park")
    assert await votes(town) == {"ana": 3}


async def test_the_holder_taps_on_a_paper_of_the_giver(town: Town) -> None:
    await town.says("ana", "/proxy @ben until 1 feb")
    await town.says("chi", "/poll ranked Which name? | Otter | Heron, closes fri 20:00")
    assert "Which name?" in await town.whispers("ben", "/ballot 1")
    assert "For Ana, whose proxy you hold:" in await taps(town, "ben", "Vote for Ana")
    await taps(town, "ben", "Heron")
    assert "For Ana: / Counted: Heron." in await taps(town, "ben", "Cast my vote")
    assert await votes(town) == {"ana": [[2]]}
    assert "not cast yet" not in await town.whispers("ben", "/ballot 1"), "his own paper is another one"


async def test_a_proxy_ends_with_its_day_and_at_once_when_it_is_taken_back(town: Town) -> None:
    await town.says("ana", "/proxy @ben until tomorrow")
    await town.says("chi", MEET)
    await town.skip("2d")
    assert "You do not hold Ana's proxy" in await town.whispers("ben", "/vote_for @ana 1 park")
    assert "Nobody votes for you" in await town.whispers("ana", "/proxy")
    await town.says("ana", "/proxy @ben until 1 feb")
    assert "Ben votes for you until" in await town.whispers("ana", "/proxy")
    await town.whispers("ben", "/ballot 1")
    await taps(town, "ben", "Vote for Ana")
    assert "Nobody votes for Ana any more." in await town.says("ana", "/proxy off")
    assert "You do not hold that proxy any more" in await taps(town, "ben", "Park")
    assert await votes(town) == {}
    assert "You have given nobody your proxy." in await town.whispers("ana", "/proxy off")
    log = await town.whispers("eli", "/log decisions")
    assert "Ana gave Ben their proxy until Sun, Feb 1 23:59." in log
    assert "Ana took their proxy back from Ben." in log


async def test_a_proxy_for_one_poll_is_for_no_other(town: Town) -> None:
    await town.says("chi", MEET)
    await town.says("chi", "/poll When? | Mon | Tue, closes fri 20:00")
    assert "Ben votes for Ana in poll 1." in await town.says("ana", "/proxy @ben 1")
    assert "You do not hold Ana's proxy for poll 2." in await town.whispers("ben", "/vote_for @ana 2 1")
    await town.whispers("ben", "/vote_for @ana 1 1")
    assert await votes(town) == {"ana": 1}


async def test_nobody_votes_for_two_or_passes_a_proxy_on(town: Town) -> None:
    await town.says("ana", "/proxy @ben until 1 feb")
    assert "Ben votes for somebody else already" in await town.says("chi", "/proxy @ben until 1 feb")
    # Ben lets Eli vote for him: that is his own vote and not Ana's.
    await town.says("ben", "/proxy @eli until 1 feb")
    await town.says("chi", MEET)
    assert "You do not hold Ana's proxy" in await town.whispers("eli", "/vote_for @ana 1 1")
    await town.whispers("eli", "/vote_for @ben 1 1")
    assert await votes(town) == {"ben": 1}
    # Whoever gives another one takes the first back.
    await town.says("ana", "/proxy @chi until 1 feb")
    assert "You do not hold Ana's proxy" in await town.whispers("ben", "/vote_for @ana 1 1")


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/proxy @ben", "Say until when, or in which poll: /proxy @ben until 1 feb or /proxy @ben 12"),
        ("/proxy @ben until whenever", "Say until when, or in which poll"),
        ("/proxy @ben 7", "There is no poll 7 here."),
        ("/proxy @ana until 1 feb", "You vote for yourself anyway."),
        ("/proxy somebody", "Say to whom."),
    ],
)
async def test_what_a_proxy_needs_is_said(town: Town, line: str, answer: str) -> None:
    assert answer in await town.says("ana", line)


async def test_in_a_hidden_poll_nobody_votes_for_somebody_else(town: Town) -> None:
    await grown(town)
    await town.says("ana", "/proxy @ben until 1 feb")
    await town.says("chi", HIDDEN)
    assert "they would know how" in await town.whispers("ben", "/vote_for @ana 1 park")
    assert "they would know how" in await town.says("ana", "/proxy @eli 1")
    assert "for they would know it" in await town.whispers("chi", "/assist 1 @eli paper 1")
    await town.whispers("ben", "/ballot 1")
    with pytest.raises(LookupError):
        await taps(town, "ben", "Vote for Ana")


# --- tellers -------------------------------------------------------------------------------------------------------


async def test_two_tellers_enter_a_ballot_on_paper_and_it_is_shown_as_such(town: Town) -> None:
    await town.says("ana", MEET)
    assert "as soon as a second teller" in await town.whispers("chi", "/assist 1 @eli paper 2")
    assert await votes(town) == {}
    assert "For Eli: / Counted: Union hall." in await town.whispers("ben", "/assist 1 @eli papel union")
    assert await votes(town) == {"eli": 2}
    assert "2. Union hall: 1 (Eli, on paper)" in town.sees()[-1]
    assert "Of these: 1 on paper." in town.sees()[-1]
    assert "have entered your vote on paper in poll 1: Union hall" in town.heard("eli")[-1]
    assert "Ben and Chi entered the vote of Eli, on paper." in await town.whispers("ana", "/log decisions")
    await town.presses("eli", "Park")
    assert await votes(town) == {"eli": 3}
    assert "Eli has voted, and that goes before." in await town.whispers("chi", "/assist 1 @eli phone 1")


async def test_one_teller_alone_counts_nothing_and_two_who_disagree_neither(town: Town) -> None:
    await town.says("ana", MEET)
    for _ in range(2):
        await town.whispers("chi", "/assist 1 @eli phone 2")
    assert await votes(town) == {}
    assert "is not the same twice" in await town.whispers("ben", "/assist 1 @eli phone 3")
    assert "is not the same twice" in town.heard("chi")[-1]
    assert "Union hall" not in town.heard("ben")[-1], "neither is told what the other had entered"
    assert await votes(town) == {}
    await town.whispers("ben", "/assist 1 @eli phone 3")
    await town.whispers("chi", "/assist 1 @eli phone 3")
    assert await votes(town) == {"eli": 3}


async def test_two_tellers_at_once_count_it_once(town: Town) -> None:
    await town.says("ana", MEET)
    console = town.practice.console
    await asyncio.gather(
        *[console.say(who, "/assist 1 @eli paper 2", town.private(who)) for who in ("ben", "chi", "ben", "chi")]
    )
    await town.practice.settle()
    assert await votes(town) == {"eli": 2}


async def test_tellers_speak_in_private_and_not_of_their_own_vote(town: Town) -> None:
    await town.says("ana", MEET)
    assert await town.says("chi", "/assist 1 @eli paper 2") == "Say this to me in private, not here."
    assert "Vote yourself." in await town.whispers("eli", "/assist 1 @eli paper 2")
    assert "Say how it came" in await town.whispers("chi", "/assist 1 @eli 2")
    assert "“zoo” is no option" in await town.whispers("chi", "/assist 1 @eli paper zoo")


async def test_where_there_are_tellers_they_do_it(town: Town) -> None:
    async def named(tx: object) -> None:
        from storage import people
        from storage.database import Transaction

        assert isinstance(tx, Transaction)
        for member_id in (1, 2):
            await people.give_role(tx, member_id, "teller", now=town.practice.clock())

    await town.practice.app.database.transact(named)
    await town.says("ana", MEET)
    assert "Here the tellers do that." in await town.whispers("chi", "/assist 1 @eli paper 2")
    await town.whispers("ana", "/assist 1 @eli paper 2")
    await town.whispers("ben", "/assist 1 @eli paper 2")
    assert await votes(town) == {"eli": 2}


async def test_somebody_without_an_account_has_a_vote_where_the_committee_gave_it(town: Town) -> None:
    await polls_decide(town)
    await town.says("chi", "/add Olga")
    await town.says("ana", MEET)
    assert "4 may vote" in town.sees()[-1]
    await town.says("ana", "/paper_vote Olga on")
    for who in ("ben", "eli"):
        await town.presses(who, "Yes")
    await town.says("ana", "/poll When? | Mon | Tue, closes fri 20:00")
    assert "5 may vote" in town.sees()[-1]
    assert "You speak for Olga" in await town.whispers("chi", "/assist 3 Olga paper 2")
    for who in ("ana", "ben"):
        await town.whispers(who, "/assist 3 Olga paper 2")
    assert await votes(town, 3) == {"olga": 2}
    assert "have entered your vote on paper in poll 3: Tue" in town.heard("chi")[-1]
    # Not in hidden polls: two others would know it.
    await town.says("dan", "/join")
    await town.says("ana", "/poll Who? | A | B, hidden, closes fri 20:00")
    assert "5 may vote" in town.sees()[-1]
