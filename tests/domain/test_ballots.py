"""What a ballot may say, sums, how close it was, and elections in files: .blt as it is met, and our own export."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import calculations
from bot.domain import ballots, elections, margins
from bot.domain.ballots import METHODS_OF, Election, Form, Kind, NotABallot, Option
from bot.domain.elections import CannotRead
from bot.domain.margins import margin, threshold_margin
from bot.domain.tallies import Ballot, Lot, Method, commitment
from tests.domain.test_ranked import lots, rankings

IDS = ("a", "b", "c")
OPTIONS = tuple(Option(one, one.upper()) for one in IDS)
ROW: tuple[tuple[Kind, Method], ...] = tuple((kind, method) for kind in METHODS_OF for method in METHODS_OF[kind])


def choices(text: str, *, most: int | None = 1, withdrawn: str = "") -> Election:
    """An election as on a blackboard: `3 a, 2 b+c, 1 -`."""
    papers = []
    for one in text.split(","):
        weight, said = one.split()
        papers.append(Ballot(() if said == "-" else (tuple(said.split("+")),), int(weight)))
    options = tuple(replace(one, withdrawn=one.id in withdrawn) for one in OPTIONS)
    return Election(options, Form("choices", most), tuple(papers))


def every_ballot(form: Form, options: tuple[str, ...] = IDS) -> Iterator[Ballot]:
    """All that a ballot can say."""
    if form.kind == "ranked":
        yield from (Ballot(ranking) for ranking in margins.every_ranking(options, level=True))
    elif form.kind == "choices":
        for size in range((form.most or len(options)) + 1):
            yield from (Ballot((group,) if group else ()) for group in itertools.combinations(options, size))
    else:
        assert form.most is not None
        for points in itertools.product(range(form.most + 1), repeat=len(options)):
            if form.kind == "scores" or sum(points) <= form.most:
                yield Ballot(points=tuple(pair for pair in zip(options, points, strict=True) if pair[1]))


def form_of(kind: Kind, method: Method) -> Form:
    if kind == "choices":
        return Form("choices", None if method == "approval" else 1)
    return Form(kind, None if kind == "ranked" else 2)


@st.composite
def contests(draw: st.DrawFn, size: int = 6) -> tuple[Election, Method, int, Lot | None]:
    kind, method = draw(st.sampled_from(ROW))
    form = form_of(kind, method)
    if kind == "ranked":
        papers = draw(st.lists(st.builds(Ballot, rankings(IDS), st.integers(1, 3)), min_size=1, max_size=size))
    else:
        every = list(every_ballot(form))
        papers = [
            replace(draw(st.sampled_from(every)), weight=draw(st.integers(1, 3)))
            for _ in range(draw(st.integers(1, size)))
        ]
    seats = 1 if method in ("irv", "majority") else draw(st.integers(1, 2))
    gone = draw(st.sampled_from([None, None, None, "b"]))
    options = tuple(replace(one, withdrawn=one.id == gone) for one in OPTIONS)
    return Election(options, form, tuple(papers), "Where?"), method, seats, draw(lots)


# --- ballots -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "data", "reason"),
    [
        (Form("choices", 1), ["a", "b"], "too many"),
        (Form("choices"), ["a", "x"], "unknown option"),
        (Form("choices"), ["a", "a"], "twice"),
        (Form("choices"), [], "empty"),
        (Form("choices"), "a", "not of this form"),
        (Form("choices"), [["a"]], "not of this form"),
        (Form("choices"), {"a": 1}, "not of this form"),
        (Form("ranked"), ["a", "b"], "not of this form"),
        (Form("ranked"), [["a"], []], "not of this form"),
        (Form("ranked"), [["a"], ["b", "a"]], "twice"),
        (Form("ranked", 1), [["a"], ["b"]], "too many"),
        (Form("ranked"), [], "empty"),
        (Form("ranked"), None, "not of this form"),
        (Form("scores", 5), {"a": 6}, "out of range"),
        (Form("scores", 5), {"a": -1}, "out of range"),
        (Form("scores", 5), {"a": True}, "not of this form"),
        (Form("scores", 5), {"a": 2.5}, "not of this form"),
        (Form("scores", 5), {"x": 2}, "unknown option"),
        (Form("scores", 5), {}, "empty"),
        (Form("dots", 5), {"a": 3, "b": 3}, "too many"),
        (Form("dots", 5), {"a": 0}, "empty"),
        (Form("dots", 5), ["a"], "not of this form"),
    ],
)
def test_what_is_no_ballot_is_refused_with_a_reason(form: Form, data: Any, reason: str) -> None:
    with pytest.raises(NotABallot) as refused:
        ballots.read_ballot(form, data, IDS)
    assert refused.value.reason == reason


@given(contests())
def test_a_ballot_reads_back_as_it_was_written(contest: tuple[Election, Method, int, Lot | None]) -> None:
    election = contest[0]
    for one in election.ballots:
        data = ballots.ballot_data(election.form, one)
        again = ballots.read_ballot(election.form, json.loads(json.dumps(data)), IDS, blank=True)
        assert ballots.ballot_data(election.form, again) == data


def test_two_ways_to_say_the_same_are_one_ballot() -> None:
    form = Form("ranked")
    assert ballots.read_ballot(form, [["c", "a"], ["b"]], IDS) == ballots.read_ballot(form, [["a", "c"], ["b"]], IDS)
    dots = Form("dots", 4)
    assert ballots.read_ballot(dots, {"b": 1, "a": 2, "c": 0}, IDS) == ballots.read_ballot(dots, {"a": 2, "b": 1}, IDS)


# --- counting ------------------------------------------------------------------------------------------------------


def test_most_votes_win_and_level_ones_need_a_lot() -> None:
    found = ballots.count(choices("3 a, 2 b, 1 c, 1 -"), method="plurality")
    assert (found.winners, found.blank, dict(found.stages[0].totals)) == (("a",), 1, {"a": 3, "b": 2, "c": 1})
    found = ballots.count(choices("3 a, 2 b, 2 c"), method="plurality", seats=2)
    assert found.undecided is not None
    assert (found.winners, found.undecided.may_win) == (("a",), ("b", "c"))
    found = ballots.count(choices("3 a, 2 b, 2 c"), method="plurality", seats=2, lot=Lot("s"))
    assert found.winners == ("a", Lot("s").order("elect", "bc")[0])


def test_a_tie_that_no_seat_depends_on_is_told_too() -> None:
    found = ballots.count(choices("3 a, 2 b, 2 c"), method="plurality")
    assert (found.winners, found.undecided) == (("a",), None)
    assert [(tie.what, tie.tied, tie.how) for tie in found.ties] == [("order", ("b", "c"), "either way")]


def test_a_majority_is_more_than_half() -> None:
    assert ballots.count(choices("2 a, 2 b"), method="majority").winners == ()
    assert ballots.count(choices("3 a, 2 b, 5 -"), method="majority").winners == ("a",)


def test_nobody_wins_where_nobody_says_anything() -> None:
    for kind, method in ROW:
        election = Election(OPTIONS, form_of(kind, method), (Ballot(weight=3),))
        found = ballots.count(election, method=method, lot=Lot("s"))
        assert (found.winners, found.ties, found.undecided, found.blank) == ((), (), None, 3)


def test_withdrawn_options_get_nothing() -> None:
    found = ballots.count(choices("3 a, 2 b, 2 c", withdrawn="a"), method="plurality", lot=Lot("s"))
    assert (found.options, found.blank) == (("b", "c"), 3)
    found = ballots.count(choices("3 a+b, 2 c", most=None, withdrawn="a"), method="approval")
    assert found.winners == ("b",)


def test_dots_and_scores_add_up() -> None:
    papers = (Ballot(points=(("a", 2), ("b", 3))), Ballot(points=(("b", 1), ("c", 4)), weight=2))
    for kind, method in (("dots", "dots"), ("scores", "score")):
        found = ballots.count(Election(OPTIONS, Form(kind, 5), papers), method=method)  # type: ignore[arg-type]
        assert dict(found.stages[0].totals) == {"a": 2, "b": 5, "c": 8}
        assert found.winners == ("c",)


def test_ballots_are_only_counted_by_what_they_are_for() -> None:
    with pytest.raises(ballots.CannotCount):
        ballots.count(choices("1 a"), method="schulze")
    with pytest.raises(ballots.CannotCount):
        ballots.count(choices("1 a"), method="plurality", seats=0)


@given(contests(), st.randoms(use_true_random=False))
def test_the_order_of_ballots_never_matters(
    contest: tuple[Election, Method, int, Lot | None], chance: random.Random
) -> None:
    election, method, seats, lot = contest
    mixed = [replace(one, weight=1) for one in election.ballots for _ in range(one.weight)]
    chance.shuffle(mixed)
    found = ballots.count(election, method=method, seats=seats, lot=lot)
    assert ballots.count(replace(election, ballots=tuple(mixed)), method=method, seats=seats, lot=lot) == found


@given(contests(), st.sampled_from(["a", "c"]))
def test_more_for_somebody_never_takes_a_seat_from_them(
    contest: tuple[Election, Method, int, Lot | None], gain: str
) -> None:
    election, method, seats, lot = contest
    if method not in ("plurality", "majority", "approval", "score", "dots"):
        return
    before = ballots.count(election, method=method, seats=seats, lot=lot)
    more = Ballot(((gain,),), points=((gain, election.form.most or 0),))
    after = ballots.count(replace(election, ballots=(*election.ballots, more)), method=method, seats=seats, lot=lot)
    assert gain not in before.winners or gain in after.winners


# --- how close it was ----------------------------------------------------------------------------------------------


def changed_by(election: Election, method: Method, seats: int, lot: Lot | None, number: int) -> bool:
    """Whether some `number` changed ballots, whatever they say, let others win: all of them tried."""
    found = ballots.count(election, method=method, seats=seats, lot=lot)
    papers = [replace(one, weight=1) for one in election.ballots for _ in range(one.weight)]
    every = list(every_ballot(election.form))
    for out in set(itertools.combinations(sorted(papers, key=repr), number)):
        kept = list(papers)
        for one in out:
            kept.remove(one)
        for into in itertools.combinations_with_replacement(every, number):
            again = ballots.count(replace(election, ballots=(*kept, *into)), method=method, seats=seats, lot=lot)
            if again.undecided is not None or set(again.winners) != set(found.winners):
                return True
    return False


@settings(max_examples=200, deadline=None)
@given(contests(size=3))
def test_how_close_it_was_is_the_smallest_number(contest: tuple[Election, Method, int, Lot | None]) -> None:
    election, method, seats, lot = contest
    election = replace(election, ballots=tuple(replace(one, weight=min(one.weight, 2)) for one in election.ballots))
    found = margin(election, method=method, seats=seats, lot=lot)
    if ballots.count(election, method=method, seats=seats, lot=lot).undecided is not None:
        assert found == margins.Margin(0, True, found.instead)
        return
    assert found.ballots is not None
    most = 1 if election.form.kind == "ranked" else 2
    for number in range(1, most + 1):
        does = changed_by(election, method, seats, lot, number)
        if does:
            assert found.ballots == number if found.exact else found.ballots >= number
            return
        assert found.ballots > number


@settings(max_examples=60, deadline=None)
@given(contests())
def test_sums_are_exact(contest: tuple[Election, Method, int, Lot | None]) -> None:
    election, method, seats, lot = contest
    if election.form.kind != "ranked":
        assert margin(election, method=method, seats=seats, lot=lot).exact


def test_how_close_some_elections_were() -> None:
    assert margin(choices("10 a, 7 b"), method="plurality") == margins.Margin(2, True, ("b",))
    assert margin(choices("10 a, 8 b"), method="plurality").ballots == 1  # without a lot, level is not sure
    for seed in "uvwxyz":
        found = margin(choices("10 a, 8 b"), method="plurality", lot=Lot(seed))
        assert found.ballots == (2 if Lot(seed).order("elect", "ab")[0] == "a" else 1)
    assert margin(choices("6 a, 4 b"), method="majority").ballots == 1


def test_a_condorcet_winner_is_as_near_as_the_nearest_rival() -> None:
    papers = (Ballot((("a",), ("b",), ("c",)), 60), Ballot((("b",), ("c",), ("a",)), 40))
    election = Election(OPTIONS, Form("ranked"), papers)
    assert margin(election, method="schulze") == margins.Margin(10, True, margin(election, method="schulze").instead)
    found = margin(election, method="irv")
    assert found.ballots is not None
    assert found.ballots <= 11


@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(Ballot, rankings(IDS), st.integers(1, 20)), min_size=2, max_size=5))
def test_a_larger_figure_is_only_exact_where_the_lead_says_so(papers: list[Ballot]) -> None:
    election = Election(OPTIONS, Form("ranked"), tuple(papers))
    found = ballots.count(election, method="schulze")
    near = margin(election, method="schulze")
    if near.exact and (near.ballots or 0) > 2:
        assert found.condorcet is not None
        at = IDS.index(found.condorcet)
        lead = min(found.matrix[at][one] - found.matrix[one][at] for one in range(3) if one != at)
        assert near.ballots == (lead + 1) // 2


def test_thresholds_turn_at_the_vote_that_turns_them() -> None:
    two_thirds = Fraction(2, 3)
    assert threshold_margin(8, 4, needed=two_thirds) == 1
    assert threshold_margin(9, 3, needed=two_thirds) == 2
    assert threshold_margin(7, 5, needed=two_thirds) == 1
    assert threshold_margin(3, 0, needed=Fraction(1, 2), roll=10) is None
    assert threshold_margin(6, 4, needed=Fraction(1, 2), more_than=True) == 1
    # Debian 2004, vote 1: option 1 fails its majority of three to one with 144 to 258; 2 and 3 pass theirs.
    assert [Fraction(144, 258) > 3, Fraction(394, 70) > 3, Fraction(442, 26) > 3] == [False, True, True]
    assert threshold_margin(144, 258, needed=Fraction(3, 4), more_than=True) == 158
    assert threshold_margin(394, 70, needed=Fraction(3, 4), more_than=True) == 46
    # Its quorum: three times half the root of 911 developers, 45.2741648, compared without a root.
    assert [4 * votes**2 > 9 * 911 for votes in (394, 442, 45)] == [True, True, False]


@given(st.integers(0, 30), st.integers(0, 30), st.fractions(0, 1, max_denominator=7), st.booleans(), st.booleans())
def test_a_threshold_needs_no_fewer_votes(
    favour: int, against: int, needed: Fraction, more: bool, by_roll: bool
) -> None:
    roll = favour + against + 5 if by_roll else None
    base = roll or favour + against

    def passes(votes: int) -> bool:
        return base > 0 and (Fraction(votes, base) > needed if more else Fraction(votes, base) >= needed)

    number = threshold_margin(favour, against, needed=needed, more_than=more, roll=roll)
    step, most = (-1, favour) if passes(favour) else (1, against)
    turning = [n for n in range(most + 1) if passes(favour + step * n) != passes(favour)]
    assert number == (turning[0] if turning else None)


# --- our own export ------------------------------------------------------------------------------------------------


@given(contests(), st.randoms(use_true_random=False))
def test_a_tally_is_a_function_of_the_export(
    contest: tuple[Election, Method, int, Lot | None], chance: random.Random
) -> None:
    election, method, seats, lot = contest
    found = ballots.count(election, method=method, seats=seats, lot=lot)
    text = elections.dump(elections.export(election, method=method, seats=seats, lot=lot, roll="00ff", result=found))
    filed = elections.load(text)
    assert filed.count() == found
    assert filed.result == json.loads(json.dumps(ballots.result_dict(found)))
    mixed = list(election.ballots)
    chance.shuffle(mixed)
    again = elections.export(
        replace(election, ballots=tuple(mixed)), method=method, seats=seats, lot=lot, roll="00ff", result=found
    )
    assert elections.dump(again) == text
    assert calculations.count(json.loads(text)) == ballots.result_dict(found)
    json.dumps(calculations.count(json.loads(text)))
    near = margin(election, method=method, seats=seats, lot=lot)
    assert calculations.margin(json.loads(text))["ballots"] == near.ballots


def test_an_export_keeps_the_lot_to_itself_until_it_is_revealed() -> None:
    election = choices("3 a, 3 b")
    before = elections.export(election, method="plurality", commitment=commitment("green"))
    assert "green" not in elections.dump(before)
    after = elections.export(election, method="plurality", lot=Lot("green"))
    assert after["ties"]["commitment"] == before["ties"]["commitment"]


GOOD = elections.export(choices("3 a, 2 b"), method="plurality")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "else"}, "format"),
        ({"version": 2}, "version"),
        ({"options": []}, "options"),
        ({"options": [{"id": 1}]}, "option 1"),
        ({"options": [{"id": "a", "name": "A"}, {"id": "a", "name": "B"}]}, "two options"),
        ({"form": {"kind": "tea"}}, "form"),
        ({"form": {"kind": "scores", "most": None}}, "most"),
        ({"method": "guess"}, "method"),
        ({"method": "schulze"}, "choices ballots"),
        ({"seats": 0}, "seats"),
        ({"seats": True}, "seats"),
        ({"ballots": {}}, "ballots"),
        ({"ballots": [{"ballot": ["x"], "weight": 1}]}, "ballot 1"),
        ({"ballots": [{"ballot": ["a"], "weight": -1}]}, "ballot 1"),
        ({"ballots": [{"ballot": ["a"], "weight": 10**9}]}, "more than"),
        ({"ballots": [7]}, "ballot 1"),
        ({"ties": {"seed": 7}}, "seed"),
        ({"ties": []}, None),
        ({"result": 7}, "result"),
        ({"roll": 7}, "roll"),
    ],
)
def test_what_is_wrong_with_an_export_is_told(change: dict[str, Any], said: str | None) -> None:
    if said is None:
        elections.read_export(GOOD | change)
        return
    with pytest.raises(CannotRead, match=said):
        elections.read_export(GOOD | change)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from(IDS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "ballot", "weight", "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), json_values))
def test_whatever_stands_in_an_export_it_is_read_or_refused(change: dict[str, Any]) -> None:
    with contextlib.suppress(CannotRead, ballots.CannotCount):
        elections.read_export(GOOD | change).count()


# --- .blt ----------------------------------------------------------------------------------------------------------


def read(text: str) -> tuple[list[str], list[tuple[Any, int]], list[str], int]:
    """The names, the ballots, the names of those who are withdrawn, and the seats."""
    filed = elections.read_blt(text)
    names = {one.id: one.name for one in filed.election.options}
    papers = sorted(
        (">".join("=".join(names[one] for one in group) for group in ballot.ranking), ballot.weight)
        for ballot in filed.election.ballots
    )
    return list(names.values()), papers, [one.name for one in filed.election.options if one.withdrawn], filed.seats


PLAIN = '3 2\n2 1 2 0\n3 3 0\n1 0\n0\n"A"\n"B"\n"C"\n"Title"\n'
WANTED: tuple[list[str], list[tuple[Any, int]], list[str], int] = (
    ["A", "B", "C"],
    [("", 1), ("A>B", 2), ("C", 3)],
    [],
    2,
)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.rstrip("\n"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        "\ufeff" + PLAIN,
        PLAIN.replace('"Title"\n', ""),
        PLAIN.replace("3 2\n", "3 2 # candidates, seats\n# none withdrawn\n\n"),
        PLAIN.replace('"A"', '"A" # the first').replace("2 1 2 0", "2 1 2 0# two"),
        PLAIN.replace("3 2\n", "/* our\nelection */ 3 2\n"),
        PLAIN.replace('"A"', '"A" "Party of "Friends""').replace('"B"', '"B" ""').replace('"C"', '"C" "None"'),
        PLAIN.replace("2 1 2 0", "(one) 1 2 0\n(one more) 1 2 0").replace("3 3 0", "(x) 3 0\n(y) 3 0\n(z) 3 0"),
        PLAIN.replace("2 1 2 0", "2 1 - 2 0"),
        PLAIN.replace("2 1 2 0", "1 1 2 0\n\n1 1 2 0\n"),
        PLAIN.replace(" 0\n", "\n").replace("1\n0", "1 0\n0"),
        PLAIN.replace("\n", " "),
        PLAIN.replace('"A"\n"B"\n"C"', '"A" "B" "C"'),
        PLAIN.replace('"', ""),
        PLAIN.replace("2 1 2 0\n", "[nick x y z]\n[tie x y z]\n2 x y 0\n"),
        PLAIN + '"a source"\n"a comment"\n',
        PLAIN.replace("2 1 2 0", "  2\t1   2  0  "),
    ],
)
def test_blt_is_read_as_it_is_met(text: str) -> None:
    assert read(text) == WANTED


def test_blt_may_have_level_preferences_and_withdrawn_candidates() -> None:
    text = '4 1\n-2\n-4 -3\n5 1=2 3 0\n2 2 = 3 1 0\n1 (3 4) 1 0\n0\n"A"\n"B"\n"C"\n"D"\n"T"'
    assert read(text) == (["A", "B", "C", "D"], [("A=B>C", 5), ("B=C>A", 2), ("C=D>A", 1)], ["B", "C", "D"], 1)


def test_names_may_stand_on_one_line_and_the_title_on_another() -> None:
    assert read('2 1\n1 1 0\n0\n"A" "B"\n"Title"\n')[0] == ["A", "B"]
    assert read('2 1\n1 1 0\n0\n"A" "Greens"\n"B" "Reds"\n')[0] == ["A", "B"]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('"A ""B"""', 'A "B"'),
        ('"Joe "Bob" Smith"', 'Joe "Bob" Smith'),
        (r'"Joe \"Bob\" Smith"', 'Joe "Bob" Smith'),
        ('"Ana # 1"', "Ana # 1"),
        ('"Zohaib ARSHAD" "Alba Party"', "Zohaib ARSHAD"),
        ("Ana Ruiz", "Ana Ruiz"),
        ('"José  Ruiz "', "José Ruiz"),
        ('"O\'Neil, Pat" Independent', "O'Neil, Pat"),
    ],
)
def test_names_are_what_stands_in_the_marks(line: str, name: str) -> None:
    assert read(f'2 1\n1 1 0\n0\n{line}\n"X" "Party"\n"Title"\n')[0] == [name, "X"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", None, "nothing"),
        ("\n# only a comment\n", None, "nothing"),
        ("hello", 1, "two numbers"),
        ("3\n", 1, "two numbers"),
        ("0 1\n0\n", 1, "candidates"),
        ("3 0\n0\n", 1, "seat"),
        (PLAIN.replace("3 3 0", "3 4 0"), 3, "no candidate 4"),
        (PLAIN.replace("3 3 0", "3 x 0"), 3, "“x”"),
        (PLAIN.replace("3 3 0", "x 3 0"), 3, "“x”"),
        (PLAIN.replace("3 3 0", "1.5 3 0"), 3, "whole number"),
        (PLAIN.replace("3 3 0", "3 1 2 1 0"), 3, "twice"),
        (PLAIN.replace("3 2\n", "3 2\n-7\n"), 2, "no candidate 7"),
        (PLAIN.replace("1 0\n0\n", "1 0\n"), 5, "0 on a line"),
        ("3 2\n1 1 0\n2 2 0\n", 3, "missing"),
        ('3 2\n1 1 0\n0\n"A"\n"B"\n', 5, "only 2 names"),
        ("3 2\n999999999 1 0\n0\nA\nB\nC\n", None, "more than"),
        ("3 2\n1 " + "9" * 5000 + " 0\n0\nA\nB\nC\n", 2, "not the number"),
    ],
)
def test_what_is_wrong_with_a_blt_is_told_with_its_line(text: str, line: int | None, said: str) -> None:
    with pytest.raises(CannotRead, match=said) as refused:
        elections.read_blt(text)
    assert refused.value.line == line


@given(st.text(alphabet=' \n0123-=()"#[]A/*', max_size=60) | st.text(max_size=40))
def test_whatever_stands_in_a_blt_it_is_read_or_refused(text: str) -> None:
    for tried in (text, "3 1\n" + text, "3 1\n1 1 0\n0\n" + text):
        with contextlib.suppress(CannotRead):
            elections.read_blt(tried).count()
