"""How close it was: the smallest number of ballots that would have had to say something else for others to win. Pure.

Ballots are changed, not added: so many people, had they voted otherwise. Others win when the winners, as a set, are no
longer those; where no lot is known, also when a lot would have to tell.

For sums it is exact. Where several stages depend on each other, finding the smallest number is hard (for IRV and STV it
is NP-hard: J. Bartholdi and J. Orlin, "Single transferable vote resists strategic voting", 1991), so changes are
searched that do it, and counted again: so many are enough. `exact` tells whether fewer are known not to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from itertools import combinations
from typing import Any

from bot.domain.ballots import Election, count, tally
from bot.domain.tallies import Ballot, Count, Lot, Method, OptionId, Ranking

WORK_MAX = 5_000_000
"""How much is searched: counts times (ballots that differ times options)."""
EVERY_OPTIONS_MAX = 4
"""With so many options at most, every single changed ballot is tried."""


@dataclass(frozen=True)
class Margin:
    """`ballots`: how many; None: there is nothing to change, or nothing was found. `exact`: else at most so many.

    `instead`: who wins then (without a lot: who would be sure).
    """

    ballots: int | None
    exact: bool = True
    instead: tuple[OptionId, ...] = ()


def margin_dict(found: Margin) -> dict[str, Any]:
    """As plain values for JSON."""
    return asdict(found)


def margin(election: Election, *, method: Method, seats: int = 1, lot: Lot | None = None) -> Margin:
    """How close an election was. Where it is undecided, nobody needs to have voted otherwise: 0."""
    found = count(election, method=method, seats=seats, lot=lot)
    if found.undecided is not None:
        return Margin(0, True, found.winners)
    if not election.standing or not election.ballots:
        return Margin(None)
    if method in ("plurality", "approval", "score", "dots"):
        return _of_sums(election, method, found, lot)
    if method == "majority":
        return _of_majority(election, found)
    return _Search(election, method, seats, lot, found).best()


# --- sums ----------------------------------------------------------------------------------------------------------


def _of_sums(election: Election, method: Method, found: Count, lot: Lot | None) -> Margin:
    """Exact: for each winner and each other option, the ballots that help most when they change, the best first."""
    totals = dict(tally(election, method)[0])
    best: Margin = Margin(None)
    others = [one for one in found.options if one not in found.winners]
    if found.ballots == found.blank + found.invalid:
        # Nobody has said anything, so whoever does decides.
        return Margin(1)
    if not others:
        return Margin(found.ballots - found.blank - found.invalid)
    for winner in found.winners:
        for other in others:
            behind = totals[winner] - totals[other]
            level = lot is None or lot.order("elect", (winner, other))[0] == other
            needed = behind if level else behind + 1
            number = _fewest(_gains(election, method, winner, other), needed)
            if number is not None and (best.ballots is None or number < best.ballots):
                instead = tuple(other if one == winner else one for one in found.winners)
                best = Margin(number, True, instead)
    return best


def _gains(election: Election, method: Method, winner: OptionId, other: OptionId) -> Iterator[tuple[int, int]]:
    """By how much `other` comes nearer to `winner` when a ballot says only `other`; and how many such ballots."""
    most = election.form.most or 0
    standing = set(election.standing)
    for ballot in election.ballots:
        if method in ("score", "dots"):
            points = dict(ballot.points)
            yield most - points.get(other, 0) + points.get(winner, 0), ballot.weight
            continue
        groups = [kept for group in ballot.ranking if (kept := [one for one in group if one in standing])]
        if method == "plurality":
            groups = groups[:1] if groups and len(groups[0]) == 1 else []
        listed = {one for group in groups for one in group}
        yield (winner in listed) + (other not in listed), ballot.weight


def _fewest(gains: Iterable[tuple[int, int]], needed: int) -> int | None:
    """How many ballots, those with the largest gain first, reach what is needed."""
    number = 0
    for gain, weight in sorted(gains, reverse=True):
        if needed <= 0 or gain <= 0:
            break
        used = min(weight, -(-needed // gain))
        number, needed = number + used, needed - used * gain
    return number if needed <= 0 else None


def _of_majority(election: Election, found: Count) -> Margin:
    """Exact: how many must go from the winner for nobody to have a majority, or to an option for it to have one."""
    totals = dict(tally(election, "majority")[0])
    valid = found.ballots - found.blank - found.invalid
    silent = found.blank + found.invalid
    if found.winners:
        winner = found.winners[0]
        if len(found.options) == 1:
            return Margin(totals[winner], True)
        number = totals[winner] - valid // 2
        other = max((one for one in found.options if one != winner), key=lambda one: (totals[one], one))
        over = 2 * (totals[other] + number) > valid
        return Margin(number, True, (other,) if over else ())
    best = Margin(None)
    for option in found.options:
        from_others = min(valid - totals[option], valid // 2 + 1 - totals[option])
        for number in range(max(from_others, 0), found.ballots + 1):
            moved = min(number, valid - totals[option])
            spoken = min(number - moved, silent)
            if 2 * (totals[option] + moved + spoken) > valid + spoken:
                if best.ballots is None or number < best.ballots:
                    best = Margin(number, True, (option,))
                break
    return best


def threshold_margin(
    favour: int, against: int, *, needed: Fraction, more_than: bool = False, roll: int | None = None
) -> int | None:
    """How many votes would have had to be the other way for a test to come out otherwise; None: no number would.

    The test: `favour` is at least `needed` of those in favour and against (or `more_than` it); with `roll`, of so many
    people, voted or not. Votes change sides, and nobody else comes.
    """
    base = roll if roll is not None else favour + against

    def passes(votes: int) -> bool:
        return base > 0 and (votes > needed * base if more_than else votes >= needed * base)

    now = passes(favour)
    step, most = (-1, favour) if now else (1, against)
    # The votes at which it turns are a fraction of the base away; look there instead of going one by one.
    turn = abs(int(needed * base) - favour)
    for number in range(max(turn - 2, 0), most + 1):
        if passes(favour + step * number) != now:
            return number
    return None


# --- stages --------------------------------------------------------------------------------------------------------


class _Search:
    """Looks for few changed ballots with which others win; every one that it names has been counted."""

    def __init__(self, election: Election, method: Method, seats: int, lot: Lot | None, found: Count) -> None:
        self.election, self.method, self.seats, self.lot, self.found = election, method, seats, lot, found
        self.winners = set(found.winners)
        grouped: dict[Ranking, int] = {}
        standing = set(found.options)
        for one in election.ballots:
            groups = (tuple(option for option in group if option in standing) for group in one.ranking)
            ranking = tuple(group for group in groups if group)
            grouped[ranking] = grouped.get(ranking, 0) + one.weight
        self.grouped = sorted((item for item in grouped.items() if item[1]), key=lambda item: item[0])
        self.cost = (len(self.grouped) + 20) * (len(found.options) + 5)
        self.left = WORK_MAX

    def best(self) -> Margin:
        """The fewest that were found."""
        spoken = self.found.ballots - self.found.blank - self.found.invalid
        if not spoken:
            return Margin(1)
        if len(self.found.options) <= self.seats:
            return Margin(spoken)
        best: tuple[int, tuple[OptionId, ...]] | None = None
        for first, change in self._ways():
            tried = self._fewest(first, change, best[0] if best else None)
            if tried is not None and (best is None or tried[0] < best[0]):
                best = tried
        if best is None:
            return Margin(None, exact=False)
        number, instead = best
        if number == 2 and (single := self._single()) is not None:
            number, instead = single
        return Margin(number, number <= self._known(number), instead)

    def _ways(self) -> Iterator[tuple[list[Ranking], Callable[[Ranking], Ranking]]]:
        """Ballots to change, in which order, and what into."""
        others = sorted((one for one in self.found.options if one not in self.winners), key=self._nearness)
        for other in others:
            for winner in sorted(self.winners):

                def lifted(ranking: Ranking, other: OptionId = other, winner: OptionId = winner) -> Ranking:
                    return ((other,), *_without(ranking, {other, winner}))

                def harm(ranking: Ranking, other: OptionId = other, winner: OptionId = winner) -> tuple[int, Ranking]:
                    above, below = _place(ranking, winner), _place(ranking, other)
                    first = bool(ranking) and winner in ranking[0]
                    return (0 if above < below else 1 if above == below else 2) * 2 - first, ranking

                yield sorted((ranking for ranking, _ in self.grouped), key=harm), lifted
        # Whoever was excluded would have stayed, had those who stand with a rival put them first.
        for stage in self.found.stages:
            if stage.action != "exclude":
                continue
            (out,) = stage.options
            for rival in self.found.options:
                if rival == out or rival in stage.excluded:
                    continue
                from_rival = [ranking for ranking, _ in self.grouped if ranking and ranking[0] == (rival,)]
                if from_rival:
                    yield from_rival, lambda ranking, out=out: ((out,), *_without(ranking, {out}))  # type: ignore[misc]

    def _nearness(self, option: OptionId) -> tuple[int, OptionId]:
        """Who came near is tried first."""
        if self.found.order:
            return next(at for at, level in enumerate(self.found.order) if option in level), option
        out = self.found.stages[-1].excluded
        return (-out.index(option) if option in out else -len(self.found.options)), option

    def _fewest(
        self, order: Sequence[Ranking], change: Callable[[Ranking], Ranking], below: int | None
    ) -> tuple[int, tuple[OptionId, ...]] | None:
        """The fewest of these, in this order, whose change makes others win: doubled until it does, then halved."""
        weights = dict(self.grouped)
        order = [one for one in order if change(one) != one]
        most = sum(weights[one] for one in order)
        if below is not None:
            most = min(most, below - 1)

        def outcome(number: int) -> tuple[OptionId, ...] | None:
            changed, left = dict(weights), number
            for one in order:
                taken = min(left, weights[one])
                changed[one] -= taken
                into = change(one)
                changed[into] = changed.get(into, 0) + taken
                left -= taken
                if not left:
                    break
            return self._instead(changed)

        if most < 1:
            return None
        low, high = 0, 1
        while (instead := outcome(high)) is None:
            if high == most or self.left < 0:
                return None
            low, high = high, min(2 * high, most)
        while high - low > 1 and self.left >= 0:
            middle = (low + high) // 2
            better = outcome(middle)
            if better is None:
                low = middle
            else:
                high, instead = middle, better
        return high, instead

    def _instead(self, grouped: dict[Ranking, int]) -> tuple[OptionId, ...] | None:
        """Who wins with these ballots, if it is not the same."""
        self.left -= self.cost
        ballots = tuple(Ballot(ranking, weight) for ranking, weight in grouped.items() if weight)
        again = count(replace(self.election, ballots=ballots), method=self.method, seats=self.seats, lot=self.lot)
        if again.undecided is None and set(again.winners) == self.winners:
            return None
        return again.winners

    def _single(self) -> tuple[int, tuple[OptionId, ...]] | None:
        """A single ballot that does it, whatever it says instead; only asked where there are few."""
        for ranking, _ in self.grouped if self._few() else ():
            for into in every_ranking(self.found.options, level=self.method == "schulze"):
                changed = dict(self.grouped)
                changed[ranking] -= 1
                changed[into] = changed.get(into, 0) + 1
                instead = self._instead(changed)
                if instead is not None:
                    return 1, instead
        return None

    def _few(self) -> bool:
        return len(self.found.options) <= EVERY_OPTIONS_MAX and len(self.grouped) * 80 * self.cost <= WORK_MAX

    def _known(self, number: int) -> int:
        """At least so many are needed, for certain."""
        least = 1
        if number == 2 and self._few():
            least = 2
        if self.method == "schulze" and self.seats == 1 and self.found.condorcet is not None:
            # As long as somebody beats all others one against one, nobody else wins; a ballot changes a lead by two.
            at = self.found.options.index(self.found.condorcet)
            beats = self.found.matrix
            leads = [beats[at][j] - beats[j][at] for j in range(len(beats)) if j != at]
            least = max(least, -(-min(leads) // 2) if leads else 1)
        return least


def _without(ranking: Ranking, options: set[OptionId]) -> Ranking:
    left = (tuple(one for one in group if one not in options) for group in ranking)
    return tuple(group for group in left if group)


def _place(ranking: Ranking, option: OptionId) -> int:
    return next((at for at, group in enumerate(ranking) if option in group), len(ranking))


def every_ranking(options: Sequence[OptionId], *, level: bool) -> Iterator[Ranking]:
    """All that a ranked ballot can say about these options: also less than all of them, and `level` ones."""
    yield ()
    for size in range(1, (len(options) if level else min(1, len(options))) + 1):
        for group in combinations(options, size):
            rest = [one for one in options if one not in group]
            for following in every_ranking(rest, level=level):
                yield (group, *following)
