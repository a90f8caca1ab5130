"""Counting ranked ballots: real elections stage by stage, published matrices, and what must hold of every count."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from itertools import permutations

import pytest
import votelib.convert
import votelib.evaluate.condorcet
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import elections, ranked
from bot.domain.tallies import Ballot, Count, Lot, OptionId, Ranking
from tests.elections import PUBLISHED, REFERENCES, real, reference

OPTIONS = ("a", "b", "c", "d", "e")


def ballots(text: str) -> list[Ballot]:
    """Ballots as on a blackboard: `3 a>b=c, 2 c`."""
    found = []
    for one in text.split(","):
        weight, _, ranking = one.strip().partition(" ")
        groups = tuple(tuple(group.split("=")) for group in ranking.split(">") if group)
        found.append(Ballot(groups, int(weight)))
    return found


@st.composite
def rankings(draw: st.DrawFn, options: Sequence[OptionId] = OPTIONS) -> Ranking:
    order = draw(st.permutations(options))
    kept = order[: draw(st.integers(0, len(order)))]
    groups: list[list[OptionId]] = []
    for one in kept:
        if groups and draw(st.integers(0, 3)) == 0:
            groups[-1].append(one)
        else:
            groups.append([one])
    return tuple(tuple(sorted(group)) for group in groups)


profiles = st.lists(st.builds(Ballot, rankings(), st.integers(1, 4)), min_size=1, max_size=9)
lots = st.one_of(st.none(), st.builds(Lot, st.text(max_size=3)))
METHODS = ("schulze", "irv", "scottish-stv")


def counted(method: str, options: Sequence[OptionId], papers: Sequence[Ballot], seats: int, lot: Lot | None) -> Count:
    if method == "schulze":
        return ranked.schulze(options, papers, seats=seats, lot=lot)
    if method == "irv":
        return ranked.irv(options, papers, lot=lot)
    return ranked.scottish_stv(options, papers, seats=seats, lot=lot)


# --- real elections ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PUBLISHED)
def test_those_are_elected_who_were(name: str) -> None:
    filed = elections.read_blt(real(name).read_text("utf-8"))
    names = {one.id: one.name for one in filed.election.options}
    found = ranked.scottish_stv(filed.election.standing, filed.election.ballots, seats=filed.seats)
    assert [names[one] for one in found.winners] == PUBLISHED[name]
    assert found.undecided is None


@pytest.mark.parametrize("name", REFERENCES)
def test_every_stage_is_that_of_the_reference(name: str) -> None:
    quota, stages = reference(REFERENCES[name])
    filed = elections.read_blt(real(name).read_text("utf-8"))
    names = {one.id: one.name for one in filed.election.options}
    found = ranked.scottish_stv(filed.election.standing, filed.election.ballots, seats=filed.seats)
    assert f"{found.quota}.00000" == quota
    ours = [one for one in found.stages if one.action != "remaining"]
    assert [one.action for one in ours] == [one.action for one in stages]
    assert len(stages) > 2
    for mine, theirs in zip(ours, stages, strict=True):
        if theirs.who:
            assert [names[one] for one in mine.options] == [theirs.who]
        votes = {names[option]: figure for option, figure in mine.totals}
        assert {one: votes[one] for one in theirs.votes if ", " not in one} == {
            one: figure for one, figure in theirs.votes.items() if ", " not in one
        }
        assert mine.exhausted == theirs.exhausted


def test_debian_2002_is_won_by_garbee() -> None:
    # The published matrix: Robinson, Hertzog, Garbee, none of the above.
    beats = [[0, 255, 178, 385], [199, 0, 134, 406], [291, 327, 0, 443], [68, 50, 18, 0]]
    paths = ranked.strengths(beats)
    first = [i for i in range(4) if all(paths[i][j] > paths[j][i] for j in range(4) if i != j)]
    assert first == [2]
    # Quorum 45.96466, three halves of the root of 939 developers: so many must put it before none of the above.
    assert [4 * row[3] ** 2 > 9 * 939 for row in beats[:3]] == [True] * 3
    assert paths[2] == [291, 327, 0, 443]


def test_the_example_of_schulzes_paper() -> None:
    # Schulze 2011, example 1: 45 voters, five candidates; E > A > C > B > D.
    papers = ballots(
        "5 a>c>b>e>d, 5 a>d>e>c>b, 8 b>e>d>a>c, 3 c>a>b>e>d, 7 c>a>e>b>d, 2 c>b>a>d>e, 7 d>c>e>b>a, 8 e>b>a>d>c"
    )
    found = ranked.schulze(OPTIONS, papers)
    assert found.order == (("e",), ("a",), ("c",), ("b",), ("d",))
    assert found.matrix[0] == (0, 20, 26, 30, 22)
    assert (found.condorcet, found.winners, found.ties) == (None, ("e",), ())


# --- rules ---------------------------------------------------------------------------------------------------------


def test_unlisted_options_are_last_and_level() -> None:
    found = ranked.schulze("abc", ballots("2 a, 1 b=c"))
    assert found.matrix == ((0, 2, 2), (1, 0, 0), (1, 0, 0))
    assert found.order == (("a",), ("b", "c"))


def test_whoever_has_least_before_goes_first() -> None:
    # b and c are level with 4 after d went; before that c had less.
    found = ranked.irv("abcd", ballots("6 a, 4 b, 3 c, 1 d>c"))
    (tie,) = found.ties
    assert (tie.where, tie.tied, tie.how, tie.chosen, tie.back_to) == ("exclude 3", ("b", "c"), "look-back", ("c",), 1)
    assert found.winners == ("a",)


def test_the_look_back_goes_on_among_those_who_are_least() -> None:
    # a, b and c have 8 when one of them must go. At stage 2, b and c had 7 and a 8; at stage 1, c 6, b 7, a 5.
    found = ranked.irv("abcdef", ballots("5 a, 7 b, 6 c, 3 e>a, 1 e>c, 1 d>b, 1 d>c, 3 d, 20 f"))
    tie = found.ties[0]
    assert (tie.where, tie.tied) == ("exclude 4", ("a", "b", "c"))
    assert (tie.how, tie.chosen, tie.back_to) == ("look-back", ("c",), 1)


def test_a_needed_lot_is_told_and_not_drawn() -> None:
    found = ranked.irv("abc", ballots("4 a, 4 b, 1 c"))
    assert found.undecided is not None
    assert (found.winners, found.undecided.tied, found.undecided.may_win) == ((), ("a", "b"), ("a", "b"))
    assert [tie.how for tie in found.ties] == ["undecided"]
    drawn = ranked.irv("abc", ballots("4 a, 4 b, 1 c"), lot=Lot("green"))
    out = Lot("green").order("exclude 3", "ab")[0]
    assert drawn.stages[-1].options == (out,)
    assert set(drawn.winners) == {"a", "b"} - {out}


def test_a_lot_that_changes_nothing_is_told_and_not_needed() -> None:
    found = ranked.scottish_stv("abcd", ballots("9 a, 8 b, 1 c, 1 d"), seats=2)
    assert found.winners == ("a", "b")
    assert found.undecided is None
    found = ranked.irv("abcd", ballots("9 a, 8 b, 1 c, 1 d"))
    assert (found.winners, [tie.how for tie in found.ties]) == (("a",), ["either way"])


def test_who_is_sure_is_told_although_a_lot_is_needed() -> None:
    found = ranked.scottish_stv("abcd", ballots("9 a, 2 b, 2 c, 1 d"), seats=2)
    assert found.winners == ("a",)
    assert found.undecided is not None
    assert (found.undecided.seats, found.undecided.may_win) == (1, ("b", "c"))


def test_the_largest_surplus_goes_first_and_equal_ones_by_lot() -> None:
    papers = ballots("6 a>c, 6 b>d, 1 c, 1 d, 1 e")
    found = ranked.scottish_stv(OPTIONS, papers, seats=3, lot=Lot("s"))
    assert found.stages[1].action == "surplus"
    assert found.ties[0].what == "surplus"
    assert found.stages[1].options == (Lot("s").order("surplus 2", "ab")[0],)


def test_of_two_surpluses_the_larger_goes_first() -> None:
    found = ranked.scottish_stv("abcde", ballots("5 a>c, 7 b>d, 1 c, 1 d, 1 e"), seats=3)
    assert [(one.action, one.options) for one in found.stages[1:3]] == [("surplus", ("b",)), ("surplus", ("a",))]


def test_just_the_quota_elects_and_is_no_surplus() -> None:
    found = ranked.scottish_stv("abcd", ballots("4 a>b, 2 b, 3 c, 2 d"), seats=2)
    assert found.quota == 4
    assert found.stages[0].elected == ("a",)
    assert "surplus" not in [one.action for one in found.stages]


def test_a_ticket_is_what_the_guide_says() -> None:
    lot = Lot("green")
    assert lot.ticket("exclude 3", "hall").hex() == hashlib.sha256(b"green\nexclude 3\nhall").hexdigest()
    drawn = {lot.order(f"exclude {number}", OPTIONS) for number in range(20)}
    assert len(drawn) > 10


def test_what_five_decimals_do_not_hold_is_lost_and_told() -> None:
    found = ranked.scottish_stv("abc", ballots("7 a>b, 1 b, 4 c"), seats=2)
    # Quota 5; surplus 2; 200000 // 7 = 28571 units for each of seven papers.
    assert found.quota == 5
    assert dict(found.stages[1].totals)["b"] == "2.99997"
    assert found.stages[1].residual == "0.00003"


def test_a_paper_stops_where_preferences_are_level() -> None:
    found = ranked.scottish_stv("abcd", ballots("5 a=b>c, 3 d>a=b>c, 4 c"), seats=1)
    assert found.invalid == 5
    assert found.quota == 4
    assert found.winners == ("c",)
    # a goes first, and its papers go nowhere: they would say whether b or c is next only together.
    found = ranked.irv("abc", ballots("2 a>b=c, 3 b, 4 c"))
    assert (found.winners, found.stages[-1].options, found.exhausted) == (("c",), ("a",), 2)


def test_withdrawn_options_never_stood() -> None:
    papers = ballots("4 x>a, 3 b, 2 x, 1 a=x>b")
    for method in METHODS:
        assert counted(method, "ab", papers, 1, None) == counted(method, "ab", ballots("4 a, 3 b, 2 , 1 a>b"), 1, None)


# --- what holds of every count -------------------------------------------------------------------------------------


@given(profiles, st.sampled_from(METHODS), st.integers(1, 4), lots, st.randoms(use_true_random=False))
def test_the_order_of_ballots_never_matters(
    papers: list[Ballot], method: str, seats: int, lot: Lot | None, random: object
) -> None:
    found = counted(method, OPTIONS, papers, seats, lot)
    mixed = list(papers)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    split = [Ballot(one.ranking) for one in mixed for _ in range(one.weight)]
    assert counted(method, OPTIONS, mixed, seats, lot) == found
    assert counted(method, OPTIONS, split, seats, lot) == found


@given(profiles, st.sampled_from(METHODS), st.integers(1, 4), lots, st.permutations(OPTIONS))
def test_the_order_of_options_never_matters(
    papers: list[Ballot], method: str, seats: int, lot: Lot | None, order: list[OptionId]
) -> None:
    found, other = counted(method, OPTIONS, papers, seats, lot), counted(method, order, papers, seats, lot)
    assert other.winners == found.winners
    assert other.ties == found.ties
    assert other.undecided == found.undecided
    assert [dict(one.totals) for one in other.stages] == [dict(one.totals) for one in found.stages]


@given(profiles, st.sampled_from(METHODS), st.integers(1, 4))
def test_names_never_matter_but_to_a_lot(papers: list[Ballot], method: str, seats: int) -> None:
    new = dict(zip(OPTIONS, ("v", "z", "w", "y", "x"), strict=True))
    renamed = [
        Ballot(tuple(tuple(new[one] for one in group) for group in ballot.ranking), ballot.weight) for ballot in papers
    ]
    found, other = (
        counted(method, OPTIONS, papers, seats, None),
        counted(method, tuple(new.values()), renamed, seats, None),
    )
    assert {new[one] for one in found.winners} == set(other.winners)
    assert (found.undecided is None) == (other.undecided is None)


@given(profiles, st.sampled_from(METHODS), st.integers(1, 4), st.text(max_size=2))
def test_whoever_is_sure_without_a_lot_wins_with_every_lot(
    papers: list[Ballot], method: str, seats: int, seed: str
) -> None:
    seats = 1 if method == "irv" else seats
    sure, drawn = counted(method, OPTIONS, papers, seats, None), counted(method, OPTIONS, papers, seats, Lot(seed))
    assert drawn.undecided is None
    assert len(drawn.winners) == len(set(drawn.winners)) == min(seats, len(OPTIONS))
    assert set(sure.winners) <= set(drawn.winners)
    if sure.undecided is None:
        assert set(sure.winners) == set(drawn.winners)
    else:
        assert set(drawn.winners) <= {*sure.winners, *sure.undecided.may_win}
        assert len(sure.winners) + sure.undecided.seats == len(drawn.winners)


@given(profiles, st.integers(1, 4), st.text(max_size=2))
def test_every_tie_is_announced(papers: list[Ballot], seats: int, seed: str) -> None:
    """Whoever is excluded or transferred first was level with somebody only if a tie says so."""
    found = ranked.scottish_stv(OPTIONS, papers, seats=seats, lot=Lot(seed))
    for before, after in zip(found.stages, found.stages[1:], strict=False):
        if after.action not in ("exclude", "surplus"):
            continue
        (one,) = after.options
        votes = dict(before.totals)
        done = {one for stage in found.stages[: before.number] if stage.action == "surplus" for one in stage.options}
        if after.action == "surplus":
            standing = [other for other in before.elected if other not in done]
        else:
            standing = [other for other in OPTIONS if other not in before.elected and other not in before.excluded]
        level = sorted(other for other in standing if votes[other] == votes[one])
        told = [list(tie.tied) for tie in found.ties if tie.stage == after.number]
        assert told == ([level] if len(level) > 1 else [])
    order = ranked.schulze(OPTIONS, papers, lot=Lot(seed))
    assert [set(tie.tied) for tie in order.ties] == [set(level) for level in order.order if len(level) > 1]


@given(profiles, st.integers(1, 4), lots)
def test_no_vote_is_lost_or_made(papers: list[Ballot], seats: int, lot: Lot | None) -> None:
    found = ranked.scottish_stv(OPTIONS, papers, seats=seats, lot=lot)
    valid = found.ballots - found.blank - found.invalid
    for stage in found.stages:
        figures = [figure for _, figure in stage.totals] + [stage.exhausted, stage.residual]
        assert sum(int(str(figure).replace(".", "")) for figure in figures) == valid * ranked.SCALE


@given(profiles, st.integers(0, 8))
def test_schulze_is_monotone(papers: list[Ballot], which: int) -> None:
    """A ballot that puts somebody who is first higher leaves them first (Schulze 2011, section 4.5)."""
    found = ranked.schulze(OPTIONS, papers)
    changed = list(papers)
    at = which % len(papers)
    for first in found.order[0]:
        rest = tuple(group for group in (tuple(o for o in g if o != first) for g in papers[at].ranking) if group)
        changed[at] = Ballot(((first,), *rest), papers[at].weight)
        again = ranked.schulze(OPTIONS, changed)
        assert first in again.order[0]
        if len(found.order[0]) == 1:
            assert again.winners == found.winners


@given(profiles)
def test_whoever_beats_all_others_wins_by_schulze(papers: list[Ballot]) -> None:
    found = ranked.schulze(OPTIONS, papers)
    if found.condorcet is not None:
        assert found.winners == found.order[0] == (found.condorcet,)


@settings(max_examples=150)
@given(profiles)
def test_schulze_is_what_votelib_finds(papers: list[Ballot]) -> None:
    """votelib names those with the most wins by paths, of those whom nobody beats by paths: docs/decisions tells."""
    found = ranked.schulze(OPTIONS, papers)
    votes: dict[tuple[object, ...], int] = {}
    for one in papers:
        key = tuple(group[0] if len(group) == 1 else frozenset(group) for group in one.ranking)
        votes[key] = votes.get(key, 0) + one.weight
    pairs = votelib.convert.RankedToCondorcetVotes().convert(votes)
    if not pairs:
        return
    ours = {(a, b): n for a, row in zip(OPTIONS, found.matrix, strict=True) for b, n in zip(OPTIONS, row, strict=True)}
    assert all(ours[pair] == number for pair, number in pairs.items())
    theirs = votelib.evaluate.condorcet.Schulze().evaluate(pairs, 1)
    if not theirs:
        # Nobody beats anybody of those that somebody has ranked; it knows of no others.
        assert set(found.order[0]) == {one for pair in pairs for one in pair}
        return
    named = {theirs[0]} if isinstance(theirs[0], str) else set(theirs[0])
    assert named <= set(found.order[0])
    if len(found.order[0]) == 1:
        assert named == set(found.order[0])


@settings(max_examples=60)
@given(st.lists(st.builds(Ballot, rankings("abc"), st.integers(1, 3)), min_size=1, max_size=5), st.text(max_size=2))
def test_irv_is_the_plain_rule(papers: list[Ballot], seed: str) -> None:
    """The same told in another way: who is left when the others are excluded in some order that the rule allows."""
    found = ranked.irv("abc", papers, lot=Lot(seed))
    if found.ballots == found.blank + found.invalid:
        return

    def votes(standing: set[str]) -> dict[str, int]:
        totals = dict.fromkeys(sorted(standing), 0)
        for one in papers:
            for group in one.ranking:
                if len(group) > 1:
                    break
                if group[0] in standing:
                    totals[group[0]] += one.weight
                    break
        return totals

    allowed = set()
    for first, second, last in permutations("abc"):
        now, then = votes({"a", "b", "c"}), votes({second, last})
        if now[first] == min(now.values()) and then[second] == min(then.values()):
            allowed.add(last)
    assert set(found.winners) <= allowed


def by_hand(papers: Sequence[Ballot], seats: int) -> set[OptionId] | None:
    """The Scottish rules paper by paper, in decimal fractions; None where two are level and it matters."""
    pile: dict[OptionId, list[tuple[tuple[OptionId, ...], Decimal]]] = {one: [] for one in OPTIONS}
    plain = [tuple(group[0] for group in one.ranking) for one in papers for _ in range(one.weight) if one.ranking]
    for path in plain:
        pile[path[0]].append((path, Decimal(1)))
    quota = len(plain) // (seats + 1) + 1
    votes = {one: Decimal(len(pile[one])) for one in OPTIONS}
    left, elected, over = list(OPTIONS), set(), []

    def move(one: OptionId, share: Decimal | None) -> None:
        for path, value in pile.pop(one):
            worth = value if share is None else (share * value / total).quantize(Decimal("0.00001"), ROUND_DOWN)
            following = [other for other in path[path.index(one) + 1 :] if other in left]
            if following:
                pile[following[0]].append((path, worth))
                votes[following[0]] += worth

    while True:
        for one in [one for one in left if votes[one] >= quota]:
            left.remove(one)
            elected.add(one)
            over += [one] if votes[one] > quota else []
        if len(elected) >= seats or len(left) <= seats - len(elected):
            return elected if len(elected) >= seats else elected | set(left)
        standing = over or left
        goal = (max if over else min)(votes[one] for one in standing)
        chosen = [one for one in standing if votes[one] == goal]
        if len(chosen) > 1:
            return None
        total = votes[chosen[0]]
        standing.remove(chosen[0])
        move(chosen[0], total - quota if chosen[0] in elected else None)


strict = st.builds(
    lambda order, size, weight: Ballot(tuple((one,) for one in order[:size]), weight),
    st.permutations(OPTIONS), st.integers(1, 5), st.integers(1, 40),
)  # fmt: skip


@settings(max_examples=150)
@given(st.lists(strict, min_size=4, max_size=20), st.integers(1, 4))
def test_scottish_stv_is_what_comes_out_by_hand(papers: list[Ballot], seats: int) -> None:
    expected = by_hand(papers, seats)
    if expected is not None:
        assert set(ranked.scottish_stv(OPTIONS, papers, seats=seats).winners) == expected
