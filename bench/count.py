"""Counting, beside votelib and pyrankvote in the same run: Schulze of many ballots, and STV of a Glasgow ward."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pyrankvote
import votelib.component.quota
import votelib.convert
import votelib.evaluate.condorcet
import votelib.evaluate.sequential

from bot.domain import elections, margins, ranked
from bot.domain.ballots import Election, Form, Option
from bot.domain.tallies import Ballot

WARD = (
    Path(os.environ.get("SOLIBOT_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    / "glasgow_Govan-2007.blt"
)


def drawn(papers: int, options: int, seed: int) -> Election:
    """Ballots of people who are not alike and not unlike: each option has a strength, and everybody their own mood."""
    chance = random.Random(seed)
    strength = [chance.gauss(0, 1) for _ in range(options)]
    ballots = []
    for _ in range(papers):
        mood = sorted(range(options), key=lambda one: -strength[one] - 1.5 * chance.gauss(0, 1))
        ballots.append(Ballot(tuple((str(one),) for one in mood[: chance.randint(1, options)])))
    return Election(tuple(Option(str(one), str(one)) for one in range(options)), Form("ranked"), tuple(ballots))


def seconds(work: Callable[[], object], rounds: int) -> float:
    """The median of some runs."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def beside(name: str, ours: Callable[[], object], others: dict[str, Callable[[], object]], rounds: int) -> None:
    """Print how long each takes, in turn."""
    our = seconds(ours, rounds)
    print(f"{name}\n  {'Solibot':<12} {our * 1000:9.1f} ms")
    for other, work in others.items():
        try:
            took = seconds(work, rounds)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what that library does with this election
            print(f"  {other:<12} fails: {type(error).__name__}")
            continue
        print(f"  {other:<12} {took * 1000:9.1f} ms   Solibot : {other} {our / took:.2f}")


def run(rounds: int) -> None:
    """Print the figures."""
    big = drawn(10_000, 20, 1)
    votes: dict[tuple[str, ...], int] = {}
    for one in big.ballots:
        key = tuple(group[0] for group in one.ranking)
        votes[key] = votes.get(key, 0) + one.weight
    convert = votelib.convert.RankedToCondorcetVotes()
    schulze = votelib.evaluate.condorcet.Schulze()
    beside(
        f"Schulze, {len(big.ballots)} ballots ({len(votes)} different), {len(big.options)} options",
        lambda: ranked.schulze(big.standing, big.ballots),
        {"votelib": lambda: schulze.evaluate(convert.convert(votes), 1)},
        rounds,
    )
    if WARD.exists():
        filed = elections.read_blt(WARD.read_text("utf-8"))
        ward, seats, name = filed.election, filed.seats, filed.election.question
    else:
        ward, seats, name = drawn(9_560, 11, 2), 4, "a generated ward (the real one is not here)"
    profile: dict[tuple[str, ...], int] = {}
    for one in ward.ballots:
        key = tuple(group[0] for group in one.ranking)
        profile[key] = profile.get(key, 0) + one.weight
    stv = votelib.evaluate.sequential.TransferableVoteSelector(
        quota_function="droop", transferer="Gregory", eliminate_step=-1
    )
    candidates = {one: pyrankvote.Candidate(one) for one in ward.standing}
    papers = [
        pyrankvote.Ballot([candidates[one] for one in ranking]) for ranking, n in profile.items() for _ in range(n)
    ]
    beside(
        f"Scottish STV, {name}: {sum(profile.values())} ballots, {len(ward.options)} candidates, {seats} seats",
        lambda: ranked.scottish_stv(ward.standing, ward.ballots, seats=seats),
        {
            "votelib": lambda: stv.evaluate(profile, seats),
            "pyrankvote": lambda: pyrankvote.single_transferable_vote(list(candidates.values()), papers, seats),
        },
        rounds,
    )
    print(f"  {'reading .blt':<12} {seconds(_read, rounds) * 1000:9.1f} ms" if WARD.exists() else "")
    for method in ("schulze", "irv"):
        near = seconds(lambda m=method: margins.margin(ward, method=m), 1)  # type: ignore[misc]
        print(f"  how close, {method}: {near:.2f} s")


def _read() -> object:
    return elections.read_blt(WARD.read_text("utf-8"))
