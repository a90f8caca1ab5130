"""Counting ranked ballots: pairwise and Schulze, IRV, and Scottish STV for several seats. Pure; whole numbers only.

Options that stand in no group of a ballot's ranking are last, and level among themselves. Options that are withdrawn
are left out of every ballot before anything is counted, as if they had never stood: `options` are those that stand.

IRV and STV move a paper to its next preference, and there it must be plain which one that is. As the Scottish rules
have it, a paper that comes to level preferences goes to nobody from there on; one that begins with them is invalid.
Schulze counts level preferences as what they are.

Sources: M. Schulze, "A new monotonic, clone-independent, reversal symmetric, and Condorcet-consistent single-winner
election method", Social Choice and Welfare 36 (2011), with winning votes as the strength of a link; the Scottish Local
Government Elections Order 2011 (SSI 2011/399), schedule 1, rules 46 to 53 ("rule 49": the number there).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.domain.tallies import Ballot, Count, Lot, OptionId, Ranking, Stage, Tie, Undecided, What

SCALE = 100_000
"""Scottish STV keeps five decimals: a vote is this many units."""
TRIES_MAX = 2_000
WORK_MAX = 3_000_000
"""How far the outcomes of lots that nobody drew are followed, in counts and in papers gone through."""


# --- pairwise ------------------------------------------------------------------------------------------------------


def matrix(options: Sequence[OptionId], ballots: Iterable[Ballot]) -> tuple[tuple[int, ...], ...]:
    """How many prefer the option of the row to that of the column; rows and columns as in `options`.

    All comparisons of a row are added at once, as the digits of one whole number.
    """
    return _matrix(options, _grouped(options, ballots))


def _matrix(options: Sequence[OptionId], grouped: Mapping[Ranking, int]) -> tuple[tuple[int, ...], ...]:
    bits = max(1, sum(grouped.values()).bit_length())
    unit = {option: 1 << bits * at for at, option in enumerate(options)}
    everyone = sum(unit.values())
    rows = dict.fromkeys(options, 0)
    for ranking, weight in grouped.items():
        below = everyone
        for group in ranking:
            if len(group) == 1:
                below -= unit[group[0]]
                rows[group[0]] += below * weight
            else:
                for option in group:
                    below -= unit[option]
                for option in group:
                    rows[option] += below * weight
    mask = (1 << bits) - 1
    return tuple(tuple(rows[row] >> bits * at & mask for at in range(len(options))) for row in options)


def _grouped(options: Sequence[OptionId], ballots: Iterable[Ballot]) -> dict[Ranking, int]:
    """Ballots that say the same put together, what does not stand left out."""
    standing = set(options)
    found: dict[Ranking, int] = {}
    for one in ballots:
        found[one.ranking] = found.get(one.ranking, 0) + one.weight
    if standing.issuperset({one for ranking in found for group in ranking for one in group}):
        return {ranking: weight for ranking, weight in found.items() if weight and ranking}
    kept: dict[Ranking, int] = {}
    for ranking, weight in found.items():
        left = tuple(group for group in (tuple(one for one in group if one in standing) for group in ranking) if group)
        if left and weight:
            kept[left] = kept.get(left, 0) + weight
    return kept


def strengths(beats: Sequence[Sequence[int]]) -> list[list[int]]:
    """The strength of the strongest path between any two options (Schulze 2011, section 2.3.1), by winning votes."""
    size = range(len(beats))
    paths = [[beats[i][j] if i != j and beats[i][j] > beats[j][i] else 0 for j in size] for i in size]
    for k in size:
        through = paths[k]
        for i in size:
            first = paths[i][k]
            if i == k or not first:
                continue
            row = paths[i]
            for j in size:
                second = through[j]
                weakest = first if first < second else second  # noqa: FURB136 - a call would take twice the time
                if weakest > row[j] and i != j:
                    row[j] = weakest
    return paths


def schulze(options: Sequence[OptionId], ballots: Sequence[Ballot], *, seats: int = 1, lot: Lot | None = None) -> Count:
    """All options in order, by Schulze's method with winning votes; the first of them win.

    Options that no stronger path leads to stand first, then those of what is left, and so on; those that stand together
    are level, and a lot orders them.
    """
    grouped = _grouped(options, ballots)
    beats = _matrix(options, grouped)
    paths = strengths(beats)
    size = range(len(options))
    better = [{j for j in size if paths[i][j] > paths[j][i]} for i in size]
    left = set(size)
    levels: list[tuple[int, ...]] = []
    while left:
        level = tuple(sorted(i for i in left if not any(i in better[j] for j in left)))
        levels.append(level)
        left -= set(level)
    order = tuple(tuple(options[i] for i in level) for level in levels)
    first = Stage(1, "pairwise", (), tuple((options[i], sum(beats[i][j] > beats[j][i] for j in size)) for i in size))
    winners, ties, undecided = by_order(order, seats, lot)
    condorcet = [i for i in size if all(beats[i][j] > beats[j][i] for j in size if i != j)]
    weight = sum(one.weight for one in ballots)
    valid = sum(grouped.values())
    return Count(
        "schulze", seats, tuple(options), winners, (first,), ties, undecided, order, weight, weight - valid,
        matrix=beats, condorcet=options[condorcet[0]] if condorcet else None,
    )  # fmt: skip


def by_order(
    order: Sequence[Sequence[OptionId]], seats: int, lot: Lot | None
) -> tuple[tuple[OptionId, ...], tuple[Tie, ...], Undecided | None]:
    """Who has a seat when options stand in an order of levels, and the ties in it.

    A level that has seats for all of it, or for none, needs no lot to be sure of that; it is told all the same.
    """
    winners: list[OptionId] = []
    ties: list[Tie] = []
    undecided = None
    for number, level in enumerate(order, start=1):
        left = seats - len(winners)
        if len(level) == 1:
            winners += level[: max(left, 0)]
            continue
        tied = tuple(sorted(level))
        matters = 0 < left < len(level)
        what: What = "elect" if matters else "order"
        where = "elect"
        if lot is not None:
            drawn = lot.order(where, tied)
            ties.append(Tie(where, what, number, tied, "lot", drawn))
            winners += drawn[: max(left, 0)]
        elif matters:
            ties.append(Tie(where, what, number, tied, "undecided"))
            undecided = Undecided(where, what, number, tied, left, tied)
            break
        else:
            ties.append(Tie(where, what, number, tied, "either way", tied))
            winners += tied[: max(left, 0)]
    return tuple(winners), tuple(ties), undecided


# --- one paper after another: IRV and STV --------------------------------------------------------------------------


class _NeedsLot(Exception):
    """A lot is needed here, and nobody has said how it falls."""

    def __init__(self, tie: Tie, state: object) -> None:
        self.tie, self.state = tie, state
        super().__init__(tie.where)


class _Papers:
    """Papers on their way through a count; a pile for each option. A vote is `scale` units."""

    def __init__(self, options: Sequence[OptionId], ballots: Iterable[Ballot], scale: int) -> None:
        self.options = tuple(options)
        self.scale = scale
        self.paths: list[tuple[OptionId, ...]] = []
        self.counts: list[int] = []
        self.at: list[int] = []
        self.values: list[int] = []
        self.piles: dict[OptionId, list[int]] = {one: [] for one in options}
        self.totals = dict.fromkeys(options, 0)
        self.exhausted = 0
        self.residual = 0
        self.invalid = 0
        plain: dict[tuple[OptionId, ...], int] = {}
        for ranking, weight in _grouped(options, ballots).items():
            path = _plain(ranking)
            if path:
                plain[path] = plain.get(path, 0) + weight
            else:
                self.invalid += weight
        for path, weight in sorted(plain.items()):
            self.piles[path[0]].append(len(self.paths))
            self.totals[path[0]] += weight * scale
            self.paths.append(path)
            self.counts.append(weight)
            self.at.append(0)
            self.values.append(scale)
        self.valid = sum(self.counts)

    def move(self, option: OptionId, continuing: set[OptionId], *, surplus: int | None = None) -> None:
        """The papers of an option to the next preferences among those who continue; all of it, or only its surplus.

        The value of a paper of a surplus is surplus x value / total, what is beyond the decimals ignored (rule 49(3)).
        """
        total = self.totals[option]
        given = 0
        for paper in self.piles[option]:
            if surplus is not None:
                self.values[paper] = surplus * self.values[paper] // total
            worth = self.values[paper] * self.counts[paper]
            path, at = self.paths[paper], self.at[paper] + 1
            while at < len(path) and path[at] not in continuing:
                at += 1
            self.at[paper] = at
            if at < len(path):
                self.piles[path[at]].append(paper)
                self.totals[path[at]] += worth
            else:
                self.exhausted += worth
            given += worth
        self.piles[option] = []
        kept = 0 if surplus is None else total - surplus
        self.totals[option] = kept
        self.residual += total - kept - given

    def state(self) -> object:
        """Everything that decides how the papers go on from here."""
        return tuple(self.at), tuple(self.values)


def _plain(ranking: Ranking) -> tuple[OptionId, ...]:
    """The preferences up to where two are level."""
    path: list[OptionId] = []
    for group in ranking:
        if len(group) != 1:
            break
        path.append(group[0])
    return tuple(path)


@dataclass
class _Run:
    """One count on its way: what is known of it, and who says how its lots fall."""

    papers: _Papers
    seats: int
    lot: Lot | None
    falls: Sequence[OptionId]
    decimals: int

    def __post_init__(self) -> None:
        self.continuing = set(self.papers.options)
        self.elected: list[OptionId] = []
        self.excluded: list[OptionId] = []
        self.stages: list[Stage] = []
        self.past: list[dict[OptionId, int]] = []
        self.ties: list[Tie] = []
        self.fallen = 0

    def figure(self, units: int) -> int | str:
        if not self.decimals:
            return units
        return f"{units // self.papers.scale}.{units % self.papers.scale:0{self.decimals}d}"

    def stage(self, action: str, *options: OptionId) -> None:
        papers = self.papers
        self.past.append(dict(papers.totals))
        self.stages.append(
            Stage(
                len(self.past),
                action,
                options,
                tuple((one, self.figure(papers.totals[one])) for one in papers.options),
                tuple(self.elected),
                tuple(self.excluded),
                self.figure(papers.exhausted),
                self.figure(papers.residual),
            )
        )

    def amend(self) -> None:
        """Who was elected with the last stage belongs to it."""
        last = self.stages[-1]
        self.stages[-1] = Stage(
            last.number, last.action, last.options, last.totals, tuple(self.elected), last.excluded, last.exhausted,
            last.residual,
        )  # fmt: skip

    def pick(self, tied: Iterable[OptionId], what: Literal["exclude", "surplus"]) -> OptionId:
        """Which of the options with equal totals it is: by looking back, else by lot (rules 50 and 52).

        The look-back goes to the last stage at which they were not equal; if several share the extreme there, it goes
        on among them.
        """
        left = tuple(sorted(tied))
        if len(left) == 1:
            return left[0]
        number = len(self.past) + 1
        where = f"{what} {number}"
        extreme: Callable[[Iterable[int]], int] = min if what == "exclude" else max
        level = left
        for back in range(len(self.past) - 1, 0, -1):
            totals = self.past[back - 1]
            reached = extreme(totals[one] for one in level)
            level = tuple(one for one in level if totals[one] == reached)
            if len(level) == 1:
                self.ties.append(Tie(where, what, number, left, "look-back", level, back))
                return level[0]
        if self.lot is not None:
            drawn = self.lot.order(where, level)
            self.ties.append(Tie(where, what, number, left, "lot", drawn))
            return drawn[0]
        tie = Tie(where, what, number, level, "undecided")
        if self.fallen == len(self.falls):
            past = tuple(tuple(one.items()) for one in self.past)
            raise _NeedsLot(tie, (tuple(self.elected), frozenset(self.excluded), past, self.papers.state()))
        chosen = self.falls[self.fallen]
        self.fallen += 1
        self.ties.append(Tie(where, what, number, left, "either way", (chosen,)))
        return chosen


def irv(options: Sequence[OptionId], ballots: Sequence[Ballot], *, lot: Lot | None = None) -> Count:
    """Instant-runoff: whoever has least is excluded, and the papers go on, until one has more than half of those left.

    Ties: look-back, then lot, as in the Scottish rules. (By those rules for one seat the papers needed are more than
    half of all valid ones, and whoever is left last is elected: that elects the same option.)
    """

    def count(run: _Run) -> None:
        papers = run.papers
        run.stage("first")
        while True:
            active = sum(papers.totals[one] for one in run.continuing)
            ahead = [one for one in run.continuing if 2 * papers.totals[one] > active]
            if len(run.continuing) == 1:
                ahead = list(run.continuing)
            if ahead or not run.continuing:
                run.elected += ahead
                run.amend()
                return
            least = min(papers.totals[one] for one in run.continuing)
            out = run.pick((one for one in run.continuing if papers.totals[one] == least), "exclude")
            run.continuing.discard(out)
            run.excluded.append(out)
            papers.move(out, run.continuing)
            run.stage("exclude", out)

    return _counted("irv", options, ballots, 1, lot, 1, 0, count)


def scottish_stv(
    options: Sequence[OptionId], ballots: Sequence[Ballot], *, seats: int, lot: Lot | None = None
) -> Count:
    """The single transferable vote as Scottish councils are elected: weighted inclusive Gregory, five decimals.

    Stage by stage: a surplus, the largest first (rules 49 and 50), or else the exclusion of whoever has least (51 and
    52); and when those who continue are as many as the seats that are left, they have them (53).
    """

    def count(run: _Run) -> None:
        papers = run.papers
        quota = _quota(papers.valid, seats) * SCALE
        waiting: list[OptionId] = []
        run.stage("first")
        while True:
            reached = [one for one in run.continuing if papers.totals[one] >= quota]
            # Not more than a quota allows can reach it; who has most is named first.
            reached.sort(key=lambda one: (-papers.totals[one], one))
            for one in reached:
                run.continuing.discard(one)
                run.elected.append(one)
                if papers.totals[one] > quota:
                    waiting.append(one)
            if reached:
                run.amend()
            vacant = seats - len(run.elected)
            if vacant <= 0 or len(run.continuing) <= vacant:
                break
            if waiting:
                most = max(papers.totals[one] for one in waiting)
                high = run.pick((one for one in waiting if papers.totals[one] == most), "surplus")
                waiting.remove(high)
                papers.move(high, run.continuing, surplus=papers.totals[high] - quota)
                run.stage("surplus", high)
                continue
            least = min(papers.totals[one] for one in run.continuing)
            out = run.pick((one for one in run.continuing if papers.totals[one] == least), "exclude")
            run.continuing.discard(out)
            run.excluded.append(out)
            papers.move(out, run.continuing)
            run.stage("exclude", out)
        if vacant > 0 and run.continuing:
            rest = sorted(run.continuing, key=lambda one: (-papers.totals[one], one))
            run.elected += rest
            run.continuing.clear()
            run.stage("remaining", *rest)

    return _counted("scottish-stv", options, ballots, seats, lot, SCALE, 5, count)


def _quota(valid: int, seats: int) -> int:
    """Rule 47: the papers, divided by one more than the seats, decimals ignored, and one."""
    return valid // (seats + 1) + 1


def _counted(
    method: Literal["irv", "scottish-stv"],
    options: Sequence[OptionId],
    ballots: Sequence[Ballot],
    seats: int,
    lot: Lot | None,
    scale: int,
    decimals: int,
    count: Callable[[_Run], None],
) -> Count:
    """Count; where a lot is needed and there is none, follow how it may fall, to tell who is sure."""
    weight = sum(one.weight for one in ballots)

    def tried(falls: Sequence[OptionId]) -> tuple[_Run, _NeedsLot | None]:
        run = _Run(_Papers(options, ballots, scale), seats, lot, falls, decimals)
        try:
            count(run)
        except _NeedsLot as needed:
            return run, needed
        return run, None

    run, needed = tried(())
    undecided = None
    winners = tuple(run.elected)
    if needed is not None:
        sets, falls = _outcomes(tried, needed, len(run.papers.paths))
        sure = set.intersection(*sets) if sets else set(run.elected)
        may = set.union(*sets) - sure if sets else set(options) - sure - set(run.excluded)
        if not may:
            run, _ = tried(falls)
            winners = tuple(run.elected)
        else:
            tie = needed.tie
            run.ties.append(tie)
            winners = (*run.elected, *sorted(sure - set(run.elected)))
            undecided = Undecided(tie.where, tie.what, tie.stage, tie.tied, seats - len(winners), tuple(sorted(may)))
    papers = run.papers
    return Count(
        method, seats, tuple(options), winners, tuple(run.stages), tuple(run.ties), undecided, (), weight,
        weight - papers.valid - papers.invalid, papers.invalid, run.figure(papers.exhausted),
        _quota(papers.valid, seats) if method == "scottish-stv" else None,
    )  # fmt: skip


def _outcomes(
    tried: Callable[[Sequence[OptionId]], tuple[_Run, _NeedsLot | None]], first: _NeedsLot, papers: int
) -> tuple[list[set[OptionId]], tuple[OptionId, ...]]:
    """The winners with each way in which lots may fall, and one way to the end; no sets where that is too much."""
    sets: list[set[OptionId]] = []
    ending: tuple[OptionId, ...] = ()
    seen: set[object] = {first.state}
    open_: list[tuple[tuple[OptionId, ...], tuple[OptionId, ...]]] = [((), first.tie.tied)]
    tries = 0
    while open_:
        falls, tied = open_.pop()
        for one in tied:
            tries += 1
            if tries > TRIES_MAX or tries * (papers + 50) > WORK_MAX:
                return [], ()
            run, needed = tried((*falls, one))
            if needed is None:
                found = set(run.elected)
                if found not in sets:
                    sets.append(found)
                ending = ending or (*falls, one)
            elif needed.state not in seen:
                seen.add(needed.state)
                open_.append(((*falls, one), needed.tie.tied))
    return sets, ending


def first_preferences(options: Sequence[OptionId], ballots: Iterable[Ballot]) -> tuple[Mapping[OptionId, int], int]:
    """How many put each option alone first, and how many ballots put several first."""
    totals = dict.fromkeys(options, 0)
    level = 0
    for ranking, weight in _grouped(options, ballots).items():
        if len(ranking[0]) == 1:
            totals[ranking[0][0]] += weight
        else:
            level += weight
    return totals, level
