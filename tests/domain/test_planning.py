"""What can be said of planning, and who hears what of a plan."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.planning import Had, Unclear, Wanted, news, otherwise, own_changes, read_wanted, settled
from bot.domain.rotation import STAGES, Terms

SAID = {
    "next 8 weeks": Wanted(what="next", number=8),
    "next week": Wanted(what="next", number=1),
    "8": Wanted(what="next", number=8),
    "plan the next 4w": Wanted(what="next", number=4),
    "próximas 8 semanas": Wanted(what="next", number=8),
    "nächste 2 Wochen": Wanted(what="next", number=2),
    "try window 16 weeks": Wanted(what="try", term="window", number=16),
    "try the window with 16": Wanted(what="try", term="window", number=16),
    "probar margen 120 %": Wanted(what="try", term="stretch", number=120),
    "probier Bestärkung 100%": Wanted(what="try", term="empowerment", number=100),
    "Verify!": Wanted(what="verify"),
    "prüfe": Wanted(what="verify"),
    "weekly off": Wanted(what="weekly", number=0),
    "semanal sí": Wanted(what="weekly", number=1),
}
NOT = {
    "next fortnight-ish": None,
    "": None,
    "next 8 weeks please": None,
    "next 8 %": None,
    "weekly": None,
    "verify 3": None,
    "try luck 3": None,
    "try": None,
    "next 0 weeks": "weeks",
    "next 9 weeks": "weeks",
    "try window 0 weeks": "window",
    "try window 53 weeks": "window",
    "try window 16%": "window",
    "try stretch 99%": "stretch",
    "try stretch 120 weeks": "stretch",
    "try empowerment": "empowerment",
}


def test_what_is_wanted_is_read_in_each_language() -> None:
    assert {line: read_wanted(line.split()) for line in SAID} == SAID


def test_what_cannot_be_says_what_of_it() -> None:
    for line, about in NOT.items():
        with pytest.raises(Unclear) as unclear:
            read_wanted(line.split())
        assert unclear.value.about == about, line


@given(st.lists(st.text(max_size=12), max_size=5))
def test_whatever_is_said_is_read_or_unclear(words: list[str]) -> None:
    try:
        found = read_wanted(words)
    except Unclear:
        return
    assert found.what == "verify" or 0 <= found.number <= 300


_HAD = st.builds(Had, member=st.sampled_from("abc"), stage=st.sampled_from(STAGES))
_SHEETS = st.dictionaries(st.sampled_from([str(n) for n in range(8)]), _HAD)


@given(_SHEETS, _SHEETS)
def test_each_hears_what_is_settled_and_nobody_hears_of_drafts(before: dict[str, Had], after: dict[str, Had]) -> None:
    order = [str(n) for n in range(8)]
    told = news(before, after, order)
    for seat in order:
        was, now = before.get(seat), after.get(seat)
        for member in "abc":
            had = was is not None and was.member == member and was.stage != "draft"
            has = now is not None and now.member == member and now.stage != "draft"
            keeps = now is not None and now.member == member
            one = told.get(member)
            assert (one is not None and seat in one.got) == (has and not had)
            assert (one is not None and seat in one.lost) == (had and not keeps)
    assert all(one.got or one.lost for one in told.values())


@given(st.sampled_from(STAGES), st.integers(0, 60))
def test_what_was_settled_never_becomes_less_so(stage: str, days: int) -> None:
    had = next(one for one in STAGES if one == stage)
    start = date(2026, 1, 5)
    found = settled(had, start + timedelta(days=days), start=start, terms=Terms())
    assert STAGES.index(found) <= STAGES.index(had)
    if days < 14:
        assert found == "frozen"


_PLANS = st.dictionaries(st.sampled_from(["1", "2", "3", "10"]), st.sampled_from("abc"))


@given(_PLANS, _PLANS)
def test_what_would_be_otherwise_is_all_that_members_would_get_or_not_have(
    now: dict[str, str], then: dict[str, str]
) -> None:
    seats = set()
    for member in "abc":
        got, gone = own_changes(now, then, member)
        assert all(then[seat] == member for seat in got)
        assert all(now[seat] == member for seat in gone)
        assert not {*got} & {*gone}
        seats |= {*got, *gone}
    assert len(seats) == otherwise(now, then)
