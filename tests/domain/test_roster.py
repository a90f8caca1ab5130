"""Who comes into a federation, and what is typed to invite somebody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import roster
from bot.domain.roster import Closing, Trust

BEGAN = 1_000_000
ENDS = BEGAN + 72 * 3600
AUTHORS = [f"{n:064x}" for n in range(12)]

voters = st.integers(1, 12).map(lambda n: frozenset(AUTHORS[:n]))
words = st.dictionaries(st.sampled_from(AUTHORS), st.tuples(st.booleans(), st.integers(BEGAN - 10, ENDS + 10)))


@given(voters, words, st.integers(BEGAN, ENDS + 100))
def test_at_least_half_say_yes_and_at_most_a_third_no(
    who: frozenset[str], said: Mapping[str, tuple[bool, int]], now: int
) -> None:
    outcome = roster.admitted(who, said, began=BEGAN, now=now)
    counted = [yes for author, (yes, at) in said.items() if author in who and BEGAN <= at <= ENDS]
    if outcome == "in":
        assert sum(counted) * 2 >= len(who)
        assert counted.count(False) * 3 <= len(who)
    if outcome == "out":
        assert counted.count(False) * 3 > len(who) or sum(counted) * 2 < len(who)
    assert outcome is not None or now <= ENDS


@given(voters, words, words, st.integers(BEGAN, ENDS))
def test_what_is_settled_early_stays_so_whatever_else_is_said(
    who: frozenset[str], first: Mapping[str, tuple[bool, int]], later: Mapping[str, tuple[bool, int]], now: int
) -> None:
    early = roster.admitted(who, first, began=BEGAN, now=now)
    if early is not None:
        # The first word of each counts.
        assert roster.admitted(who, {**later, **first}, began=BEGAN, now=ENDS + 1) == early


@given(voters, words, st.data())
def test_everybody_comes_to_the_same_whatever_comes_in_first_and_how_often(
    who: frozenset[str], said: Mapping[str, tuple[bool, int]], data: st.DataObject
) -> None:
    known = {author: word for author, word in said.items() if author in who}
    counted_by = {author: word for author, word in known.items() if data.draw(st.booleans())}
    outcome = roster.admitted(who, counted_by, began=BEGAN, now=ENDS + 1)
    closing = Closing(
        yes=frozenset(author for author, (yes, _) in counted_by.items() if yes),
        no=frozenset(author for author, (yes, _) in counted_by.items() if not yes),
        came_in=outcome == "in",
        at=ENDS + 1,
    )
    settled = set()
    for _ in range(3):
        order = data.draw(st.permutations([*known, *known]))
        heard: dict[str, tuple[bool, int]] = {}
        came: set[object] = set()
        for author in order:
            heard.setdefault(author, known[author])
            came.add(roster.closed(who, heard, closing, began=BEGAN))
        came.add(roster.closed(who, heard, closing, began=BEGAN))
        # Before all that was counted is here nothing follows; then always the same.
        settled.add(frozenset(came - {None}))
    assert len(settled) == 1
    (only,) = settled
    assert len(only) == 1


@given(voters, words)
def test_whoever_counts_what_was_not_said_lets_nobody_in(
    who: frozenset[str], said: Mapping[str, tuple[bool, int]]
) -> None:
    against = frozenset(author for author, (yes, _) in said.items() if author in who and not yes)

    def closed(*yes: str, also: Mapping[str, tuple[bool, int]] = said) -> object:
        closing = Closing(yes=frozenset(yes), no=frozenset(), came_in=True, at=ENDS + 1)
        return roster.closed(who, also, closing, began=BEGAN)

    for author in against:
        assert closed(author) == "void"
    assert closed("f" * 64, also={**said, "f" * 64: (True, BEGAN)}) == "void"
    few = [author for author, (yes, _) in said.items() if author in who and yes]
    if 2 * len(few) < len(who):
        assert closed(*few) == "void"


@given(voters, words, words, st.integers(BEGAN, ENDS))
def test_whoever_counts_before_the_time_is_over_lets_in_only_whom_nobody_could_stop_any_more(
    who: frozenset[str], said: Mapping[str, tuple[bool, int]], later: Mapping[str, tuple[bool, int]], at: int
) -> None:
    counted = {author: yes for author, (yes, _) in said.items() if author in who}
    closing = Closing(
        yes=frozenset(author for author, yes in counted.items() if yes),
        no=frozenset(author for author, yes in counted.items() if not yes),
        came_in=True,
        at=at,
    )
    if roster.closed(who, said, closing, began=BEGAN) == "in":
        against = len(who - closing.yes)
        assert 3 * against <= len(who)
        in_time = {author: (yes, BEGAN) for author, (yes, _) in {**later, **said}.items()}
        assert roster.admitted(who, in_time, began=BEGAN, now=ENDS + 1) == "in"


@given(voters, st.sets(st.sampled_from(AUTHORS)), st.sets(st.sampled_from(AUTHORS)))
def test_leaving_somebody_out_who_has_not_been_in_for_long_helps_nobody(
    who: frozenset[str], inside: set[str], yes: set[str]
) -> None:
    now = datetime(2026, 1, 20, tzinfo=UTC)
    known = {one: now - timedelta(days=1) for one in inside} | {"e" * 64: now + timedelta(seconds=1)}
    asked = roster.asked(who, known, now=now)
    assert asked == who | inside
    said = dict.fromkeys(yes & who, (True, BEGAN))
    closing = Closing(yes=frozenset(said), no=frozenset(), came_in=True, at=ENDS + 1)
    if roster.closed(asked, said, closing, began=BEGAN) == "in":
        assert 2 * len(said) >= len(inside)


def test_nobody_comes_in_under_the_name_of_another() -> None:
    assert roster.apart("Lakeside", ["Hillside"], "film") == "Lakeside"
    assert roster.apart("Lakeside", ["LAKESIDE"], "film") == "Lakeside (film)"
    long = "x" * roster.NAME_CHARACTERS_MAX
    assert len(roster.apart(long, [long], "film")) == roster.NAME_CHARACTERS_MAX
    assert not roster.is_called(roster.apart(long, [long], "film"), [long])


def test_two_committees_and_one_says_nothing() -> None:
    both = frozenset(AUTHORS[:2])
    said = {AUTHORS[0]: (True, BEGAN)}
    assert roster.admitted(both, said, began=BEGAN, now=ENDS) is None
    assert roster.admitted(both, said, began=BEGAN, now=ENDS + 1) == "in"
    assert roster.admitted(both, {**said, AUTHORS[1]: (False, ENDS)}, began=BEGAN, now=ENDS) == "out"
    assert roster.admitted(both, {**said, AUTHORS[1]: (True, ENDS)}, began=BEGAN, now=ENDS) == "in"


def test_nobody_who_has_been_in_for_long_is_left_out_of_the_vote() -> None:
    now = datetime(2026, 1, 20, tzinfo=UTC)
    known = {AUTHORS[0]: now - timedelta(days=30), AUTHORS[1]: now - timedelta(days=8), AUTHORS[2]: now}
    assert roster.left_out(frozenset(AUTHORS[:1]), known, now=now) == {AUTHORS[1]}
    assert roster.left_out(frozenset(AUTHORS[:2]), known, now=now) == frozenset()


def test_somebody_new_is_shown_to_organizers_unless_something_else_was_set() -> None:
    assert roster.level({}, "alert", new=True) is Trust.ORGANIZERS
    assert roster.level({}, "alert") is Trust.SHOWN
    assert roster.level({"": 3}, "alert", new=True) is Trust.CONFIRMED
    assert roster.level({"poll": 0}, "alert", new=True) is Trust.ORGANIZERS


@pytest.mark.parametrize(
    "text",
    [
        "@solibot:a.example KQ7M-4MX2-ABCD-EFGH",
        "@solibot:a.example kq7m 4mx2 abcd efgh",
        "/link @solibot:a.example KQ7M4MX2ABCDEFGH",
        "!link  @solibot:a.example  KQ7M-4MX2-ABCD-EFGH ",
    ],
)
def test_an_invitation_is_read_however_it_was_typed_or_scanned(text: str) -> None:
    assert roster.read_invitation(text) == ("@solibot:a.example", "KQ7M-4MX2-ABCD-EFGH")


@given(st.text(max_size=80))
def test_whatever_is_typed_is_an_invitation_or_none(text: str) -> None:
    found = roster.read_invitation(text)
    assert found is None or roster.read_invitation(" ".join(found)) == found


@given(st.binary(min_size=10, max_size=10))
def test_a_code_is_read_as_it_was_told(chance: bytes) -> None:
    import base64

    code = roster.link_code(base64.b32encode(chance).decode().lower())
    assert roster.read_invitation(f"solibot {code.lower()}") == ("solibot", code)


@given(st.text(max_size=200))
def test_a_name_that_others_write_is_one_short_line(text: str) -> None:
    name = roster.called(text)
    assert name is None or (0 < len(name) <= roster.NAME_CHARACTERS_MAX and name.isprintable() and name == name.strip())


@pytest.mark.parametrize("other", [None, 5, [], {}, "x" * 2000])
def test_what_is_no_name_is_none(other: object) -> None:
    assert roster.called(other) is None
