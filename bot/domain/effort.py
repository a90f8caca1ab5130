"""Effort and sacrifice: hours that were hard count for more, as parts of a pie that stays as large as the hours.

(Albert and Hahnel; participatoryeconomy.org, Who will decide how much I am compensated?) Whoever was helped paid
the time at once, and whoever helped had it: at the end of a period the difference is put right.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from bot.domain.board import terms
from bot.domain.ledger import Posting
from bot.domain.policies import ONEROUSNESS, Scheme, apportion
from bot.text import Minutes

TaskClass = Literal["pleasant", "moderate", "unpleasant"]
CLASSES: tuple[TaskClass, ...] = ("pleasant", "moderate", "unpleasant")
"""Three coarse classes of tasks (participatoryeconomy.org, Isn't it difficult to measure effort?)."""
LEVELS = (900, 1_000, 1_100)
"""Less effort than usual, as usual, more: three coarse levels, since nobody can measure more finely
(participatoryeconomy.org, Isn't it difficult to measure effort?)."""
PEERS_MIN = 3
"""From fewer ratings nobody's effort is judged."""
PEERS_ASKED = 5
"""So many others somebody is asked about for each kind of task: enough for a median, and soon done."""


def onerousness(task_class: TaskClass, scheme: Scheme) -> int:
    """What an hour of such a task weighs by what the committee has decided, in thousandths."""
    match task_class:
        case "pleasant":
            return scheme.pleasant
        case "unpleasant":
            return scheme.unpleasant
        case _:
            return ONEROUSNESS.default


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One piece of work in a period. `onerousness`: of its class of tasks, in thousandths.

    `ratings`: by the account of whoever worked on the same task, one of `LEVELS`; one's own does not count. `receiver`:
    the account of the one whom it helped; None: it helped several. `kind`: the id of its kind of task, and
    `task_class` the class that this had.
    """

    account: int
    minutes: Minutes
    onerousness: int = ONEROUSNESS.default
    ratings: Mapping[int, int] = field(default_factory=dict)
    receiver: int | None = None
    kind: int | None = None
    task_class: TaskClass = "moderate"


# --- what is weighed -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Helped:
    """How much more one account has ever done for another than the other way round, in minutes.

    `net`: now; `high`, `low`: the most and the least that it has ever been when a period was closed.
    """

    net: int = 0
    high: int = 0
    low: int = 0


Pair = tuple[int, int]
"""Two accounts, the lower first."""


def helped(work: Sequence[Work], before: Mapping[Pair, Helped]) -> dict[Pair, Helped]:
    """What each two who helped each other have come to by this work."""
    net: dict[Pair, int] = {}
    for piece in work:
        if piece.receiver is not None and piece.receiver != piece.account:
            pair = min(piece.account, piece.receiver), max(piece.account, piece.receiver)
            net[pair] = net.get(pair, 0) + (piece.minutes if piece.account == pair[0] else -piece.minutes)
    found = {}
    for pair, change in net.items():
        was = before.get(pair, Helped())
        now = was.net + change
        found[pair] = Helped(now, max(was.high, now), min(was.low, now))
    return found


def uneven(work: Sequence[Work], before: Mapping[Pair, Helped] | None = None) -> tuple[Work, ...]:
    """The work without what two people did for each other: that is even, and an hour stays an hour there.

    What one of them has done more than ever before is weighed, the hardest left out first. So two accounts that help
    each other back and forth, truly or not, in one period or in turns, do not gain by it again and again at the cost
    of the others. `before`: what it had come to for them when the last period was closed.
    """
    before = before or {}
    done: dict[tuple[int, int], int] = {}
    for piece in work:
        if piece.receiver is not None:
            to = piece.account, piece.receiver
            done[to] = done.get(to, 0) + piece.minutes
    even = dict(done)
    for (one, other), now in helped(work, before).items():
        was = before.get((one, other), Helped())
        even[one, other] = done.get((one, other), 0) - (now.high - was.high)
        even[other, one] = done.get((other, one), 0) - (was.low - now.low)
    left = []
    for piece in sorted(work, key=lambda piece: (-piece.onerousness, piece.kind or 0)):
        off = 0
        if piece.receiver is not None:
            to = piece.account, piece.receiver
            off = min(piece.minutes, even[to])
            even[to] -= off
        if off == 0:
            left.append(piece)
        elif off < piece.minutes:
            left.append(replace(piece, minutes=Minutes(piece.minutes - off)))
    return tuple(left)


def intensities(work: Sequence[Work]) -> tuple[Fraction, ...]:
    """How hard each piece was, as its peers see it: the median of at least three, or one.

    What a rater says is divided by their own mean over all that they rated, so whoever rates everything high, or low,
    says nothing by it (as proposed in the forum of participatoryeconomy.org, thread 459).
    """
    said: dict[int, tuple[int, int]] = {}
    for piece in work:
        for rater, level in piece.ratings.items():
            if rater != piece.account:
                total, count = said.get(rater, (0, 0))
                said[rater] = total + level, count + 1
    usual = Fraction(1)
    # Few raters differ in what they have said, so most quotients come again and again.
    quotients: dict[tuple[int, int, int], Fraction] = {}

    def relative(rater: int, level: int) -> Fraction:
        total, count = said[rater]
        key = level, total, count
        if key not in quotients:
            quotients[key] = Fraction(level * count, total)
        return quotients[key]

    found = []
    for piece in work:
        peers = [(rater, level) for rater, level in piece.ratings.items() if rater != piece.account]
        if len(peers) < PEERS_MIN:
            found.append(usual)
            continue
        seen = sorted(relative(rater, level) for rater, level in peers)
        middle = len(seen) // 2
        found.append(seen[middle] if len(seen) % 2 else (seen[middle - 1] + seen[middle]) / 2)
    return tuple(found)


def by_effort(work: Sequence[Work], *, with_ratings: bool = False) -> tuple[Posting, ...]:
    """What is put right at a period's end: each gets their part of a pie that stays as large as the hours worked.

    `credit = hours x onerousness x intensity x sum(hours) / sum(hours x onerousness x intensity)`. Everybody was paid
    their hours at once; this is the difference. It sums to zero without the fund, so nobody gains by calling everything
    hard ("slice a given pie": participatoryeconomy.org, Won't workers exaggerate their effort?).
    """
    if not work:
        return ()
    hard = intensities(work) if with_ratings else ()
    # In whole numbers: only proportions count.
    whole = math.lcm(*(intensity.denominator for intensity in hard)) if hard else 1
    hours: dict[int, int] = {}
    weights: dict[int, int] = {}
    for at, piece in enumerate(work):
        assert ONEROUSNESS.low <= piece.onerousness <= ONEROUSNESS.high
        weight = piece.minutes * piece.onerousness
        if hard:
            weight *= hard[at].numerator * (whole // hard[at].denominator)
        hours[piece.account] = hours.get(piece.account, 0) + piece.minutes
        weights[piece.account] = weights.get(piece.account, 0) + weight
    earned = apportion(sum(hours.values()), weights)
    return tuple(
        Posting(account, Minutes(earned[account] - minutes))
        for account, minutes in sorted(hours.items())
        if earned[account] != minutes
    )


def within_limits(legs: Sequence[Posting], room: Mapping[int, int]) -> tuple[Posting, ...]:
    """The legs, but that nobody loses more than they have `room` for above their limit, in minutes.

    What is not taken cannot be given: those who gain share what there is in the same proportions. Whoever is not in
    `room` has no limit.
    """
    losing = {
        leg.account_id: min(-leg.minutes, max(0, room.get(leg.account_id, -leg.minutes)))
        for leg in legs
        if leg.minutes < 0
    }
    gaining = {leg.account_id: int(leg.minutes) for leg in legs if leg.minutes > 0}
    there = sum(losing.values())
    if there == sum(gaining.values()):
        return tuple(legs)
    changes = {account: -minutes for account, minutes in losing.items()} | apportion(there, gaining)
    return tuple(Posting(account, Minutes(minutes)) for account, minutes in sorted(changes.items()) if minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What somebody did in a period, and what it comes to, in minutes.

    `even`: between them and people who did as much for them. `pleasant`, `unpleasant`: of the rest. `change`: what they
    gain or, below zero, give back; `quoted`: what it would be if there were no limits. `rated`: whether peers said
    that some of it took more or less effort than usual.
    """

    minutes: Minutes = Minutes(0)
    even: Minutes = Minutes(0)
    pleasant: Minutes = Minutes(0)
    unpleasant: Minutes = Minutes(0)
    change: Minutes = Minutes(0)
    quoted: Minutes = Minutes(0)
    rated: bool = False

    @property
    def counted(self) -> Minutes:
        """As how much it counts."""
        return Minutes(self.minutes + self.change)


def tallies(
    work: Sequence[Work], weighed: Sequence[Work], quoted: Sequence[Posting], legs: Sequence[Posting]
) -> dict[int, Tally]:
    """By account. `work`: all of it; `weighed`: what is left of it, with ratings; `quoted`: what `by_effort` says."""
    found: dict[int, dict[str, int]] = {}
    for piece in work:
        one = found.setdefault(piece.account, {"minutes": 0, "even": 0, "pleasant": 0, "unpleasant": 0})
        one["minutes"] += piece.minutes
        one["even"] += piece.minutes
    rated = set()
    for piece, hard in zip(weighed, intensities(weighed), strict=True):
        one = found[piece.account]
        one["even"] -= piece.minutes
        if piece.task_class != "moderate":
            one[piece.task_class] += piece.minutes
        if hard != 1:
            rated.add(piece.account)
    would = {leg.account_id: leg.minutes for leg in quoted}
    changes = {leg.account_id: leg.minutes for leg in legs}
    return {
        account: Tally(
            **{name: Minutes(minutes) for name, minutes in one.items()},
            change=changes.get(account, Minutes(0)),
            quoted=would.get(account, Minutes(0)),
            rated=account in rated,
        )
        for account, one in found.items()
    }


def burdens(work: Sequence[Work]) -> dict[int, Minutes]:
    """Who has carried how much more than their hours say: the sum of `hours x (onerousness - 1)`, by account.

    In minutes of moderate work, below zero for whoever had mostly pleasant tasks. A rota that levels it needs no
    weighing: whoever has carried most is given the next pleasant task.
    """
    sums: dict[int, int] = {}
    for piece in work:
        more = piece.minutes * (piece.onerousness - ONEROUSNESS.default)
        sums[piece.account] = sums.get(piece.account, 0) + more
    return {account: Minutes(round(Fraction(more, ONEROUSNESS.default))) for account, more in sorted(sums.items())}


# --- peers -----------------------------------------------------------------------------------------------------------


def peers(people: Collection[int], *, seed: str) -> dict[int, tuple[int, ...]]:
    """About whom of those who did the same kind of task each is asked: as many for everybody, and nobody chooses.

    They stand in a ring in an order that `seed` gives, and each is asked about the next ones. Where there are too few
    for a result, nobody is asked.
    """
    if len(people) <= PEERS_MIN:
        return {}
    ring = sorted(people, key=lambda one: hashlib.sha256(f"{seed}:{one}".encode()).digest())
    about = min(PEERS_ASKED, len(ring) - 1)
    return {
        one: tuple(ring[(place + step) % len(ring)] for step in range(1, about + 1)) for place, one in enumerate(ring)
    }


# --- which kind of task ----------------------------------------------------------------------------------------------


def kind_named(words: str, names: Mapping[int, Collection[str]]) -> int | None:
    """The kind of task that some words plainly name, by its id; None: none, or several.

    `names`: how each is called, in whatever language. All words of a name must be there, in whatever form: “cleaned
    the stairs” names cleaning. Of several, the one with the longest name is meant.
    """
    said = terms(words)
    found: dict[int, int] = {}
    for id_, called in names.items():
        for name in called:
            stems = [_stem(word) for word in terms(name)]
            # In German what was done has a syllable before it: geputzt.
            if stems and all(any(word.startswith((stem, f"ge{stem}")) for word in said) for stem in stems):
                found[id_] = max(found.get(id_, 0), len(stems))
    longest = [id_ for id_, length in found.items() if length == max(found.values())]
    return longest[0] if len(longest) == 1 else None


def _stem(word: str) -> str:
    # Of “cleaning” what is left fits “cleaned”, of “limpieza” “limpiar”, of “putzen” “Putz”.
    return word[: max(4, len(word) - 3)]
