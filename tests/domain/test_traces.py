"""What single ballots did, against what all of them did together."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import ballots, traces
from bot.domain.ballots import Election, Form, Option
from bot.domain.tallies import Ballot, Lot

OPTIONS = ("1", "2", "3", "4", "5")


@st.composite
def _rankings(draw: st.DrawFn) -> tuple[tuple[str, ...], ...]:
    order = draw(st.permutations(OPTIONS))
    ranking: list[tuple[str, ...]] = [(one,) for one in order[: draw(st.integers(0, len(OPTIONS)))]]
    if len(ranking) > 2 and draw(st.booleans()):
        ranking[1:3] = [tuple(sorted((*ranking[1], *ranking[2])))]
    return tuple(ranking)


@given(st.lists(_rankings(), min_size=1, max_size=30), st.sampled_from(["irv", "scottish-stv"]), st.integers(1, 3))
def test_all_ballots_followed_one_by_one_come_to_what_each_stage_says(
    rankings: list[tuple[tuple[str, ...], ...]], method: str, seats: int
) -> None:
    election = Election(
        tuple(Option(one, one, withdrawn=one == "5") for one in OPTIONS),
        Form("ranked"),
        tuple(Ballot(one) for one in rankings),
    )
    named = "irv" if method == "irv" else "scottish-stv"
    found = ballots.count(election, method=named, seats=1 if method == "irv" else seats, lot=Lot("seed"))  # type: ignore[arg-type]
    count = ballots.result_dict(found)
    ways = [traces.follow(count, one) for one in rankings]
    for stage in count["stages"]:
        if stage["action"] == "remaining":
            continue
        held: Counter[str] = Counter()
        for way in ways:
            for step, following in zip(way, (*way[1:], None), strict=True):
                if step.stage > stage["number"] or step.holder is None:
                    continue
                if following is None or following.stage > stage["number"]:
                    held[step.holder] += step.value  # type: ignore[assignment]
                elif following.stays:
                    # What of it stays with whom it has made win.
                    held[step.holder] += step.value - following.value  # type: ignore[assignment]
        for option, total in stage["totals"].items():
            # Decimals that are not kept are lost between the ballots and the quota that stays.
            assert abs(Fraction(held[option]) - Fraction(total)) <= Fraction(len(rankings), traces.SCALE)
