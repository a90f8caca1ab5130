"""How fair a rota is: the level of burden and empowerment, each member's quota, and the spread. Pure, whole numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from bot.domain import rotation
from bot.domain.rotation import Instance

ORGANIZING_PERCENT_MAX = 25
"""Whoever carries more of the empowering work than this is told so in private, and offered an understudy and rest."""
EMPOWERING = 4
"""Work is organizing, for that, from this rating on."""


@dataclass(frozen=True, slots=True)
class Level:
    """So many points for so much weight: what everybody would have carried if all were even."""

    points: int
    per: int

    def due(self, weight: int) -> int:
        """The points of somebody with this weight, rounded."""
        return (2 * self.points * weight + self.per) // (2 * self.per)


def level(carried: Sequence[tuple[int, int]], work: int) -> Level:
    """The level to which the coming work fills everybody up: sum of max(0, level x weight - carried) = work.

    `carried`: weight and points of each member. Like water that is poured into vessels side by side: whoever is above
    the level already gets nothing more.
    """
    weighed = [(weight, points) for weight, points in carried if weight]
    if not weighed:
        return Level(0, 1)
    # From the emptiest vessel on.
    weighed.sort(key=lambda one: (Fraction(one[1], one[0]), one))
    filled, wide = work, 0
    for at, (weight, points) in enumerate(weighed):
        filled, wide = filled + points, wide + weight
        following = weighed[at + 1] if at + 1 < len(weighed) else None
        if following is None or filled * following[0] <= following[1] * wide:
            return Level(filled, wide)
    raise AssertionError("the last one always returns")


def credited(instance: Instance, carried: Sequence[int]) -> list[int]:
    """For each member, what they are credited for the days behind on which they were not there.

    As much as the others carried on such a day, for the same share: so whoever joins stands at the committee's level,
    without debt or credit, and being away makes no debt. `carried`: points of each member.
    """
    behind = instance.terms.window_days
    missed = [rotation.missed_days(instance, one) for one in instance.members]
    there = [one.share_minutes * (behind - days) for one, days in zip(instance.members, missed, strict=True)]
    total = sum(points for points, weight in zip(carried, there, strict=True) if weight)
    width = sum(there)
    return [
        (2 * total * one.share_minutes * days + width) // (2 * width) if width else 0
        for one, days in zip(instance.members, missed, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """One member's burden, or empowerment, against the level. Points: minutes x rating.

    `carried`: behind; `credited`: for days behind on which they were not there; `coming`: planned; `due`: what the
    level asks of them in all; `quota`: what of that was still to come. `permille`: all they carry against what is due;
    None: nothing is due, so nothing can be compared.
    """

    member: str
    carried: int
    credited: int
    coming: int
    due: int
    quota: int

    @property
    def permille(self) -> int | None:
        """What they carry with this plan, in thousandths of the level."""
        return (2000 * (self.carried + self.credited + self.coming) + self.due) // (2 * self.due) if self.due else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Burden, or empowerment, of everybody. In thousandths of the level: 1000 is even.

    `spread`: between whoever carries most and whoever carries least. `gini`: 0 all alike, 1000 one has all.
    """

    dials: tuple[Dial, ...]
    least: int
    most: int
    gini: int

    @property
    def spread(self) -> int:
        """How far apart the two ends are."""
        return self.most - self.least

    def of(self, member: str) -> Dial:
        """One member's dial. Raises KeyError."""
        for dial in self.dials:
            if dial.member == member:
                return dial
        raise KeyError(member)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness:
    """Both balances of a plan."""

    burden: Balance
    empowerment: Balance


def fairness(instance: Instance, holders: Mapping[str, str]) -> Fairness:
    """How fair it is if these members (by seat) hold these seats. The level is that of the seats that are held."""
    burden = dict.fromkeys((one.id for one in instance.members), 0)
    power = dict(burden)
    for seat in instance.seats:
        if seat.id in holders:
            burden[holders[seat.id]] += seat.burden
            power[holders[seat.id]] += seat.power
    return Fairness(
        burden=_balance(instance, [one.burden for one in instance.members], burden),
        empowerment=_balance(instance, [one.empowerment for one in instance.members], power),
    )


def _balance(instance: Instance, carried: Sequence[int], coming: Mapping[str, int]) -> Balance:
    weights = [rotation.weight(instance, one) for one in instance.members]
    credit = credited(instance, carried)
    # Work of somebody without a share was given freely: it fills nobody's quota.
    work = sum(coming[member.id] for member, weight in zip(instance.members, weights, strict=True) if weight)
    stands = [points + more for points, more in zip(carried, credit, strict=True)]
    even = level(list(zip(weights, stands, strict=True)), work)
    dials = tuple(
        Dial(
            member=member.id,
            carried=points,
            credited=more,
            coming=coming[member.id],
            due=even.due(weight),
            quota=max(0, even.due(weight) - points - more),
        )
        for member, weight, points, more in zip(instance.members, weights, carried, credit, strict=True)
    )
    ratios = sorted(dial.permille for dial in dials if dial.permille is not None)
    if not ratios:
        return Balance(dials=dials, least=1000, most=1000, gini=0)
    count, total = len(ratios), sum(ratios)
    gini = (
        sum((2 * at - count + 1) * ratio for at, ratio in enumerate(ratios)) * 1000 // (count * total) if total else 0
    )
    return Balance(dials=dials, least=ratios[0], most=ratios[-1], gini=gini)


def overloaded(
    instance: Instance, holders: Mapping[str, str], *, percent_max: int = ORGANIZING_PERCENT_MAX
) -> list[str]:
    """Who carries more than this part of the organizing (seats that empower much) in the plan, most first.

    Among fewer people than would share it evenly at that part, nobody: there it cannot be otherwise.
    """
    minutes: dict[str, int] = {}
    for seat in instance.seats:
        if seat.empowerment >= EMPOWERING and seat.id in holders:
            minutes[holders[seat.id]] = minutes.get(holders[seat.id], 0) + seat.minutes
    total = sum(minutes.values())
    if sum(1 for one in instance.members if one.share_minutes) * percent_max <= 100:
        return []
    found = [(-own, member) for member, own in minutes.items() if own * 100 > total * percent_max]
    return [member for _, member in sorted(found)]


def lone_skills(instance: Instance) -> dict[str, str]:
    """Skills that the coming seats need and one member alone has: who that is. They need a trainee beside them."""
    found = {}
    for skill in sorted({seat.skill for seat in instance.seats if seat.skill is not None}):
        having = [
            member.id
            for member in instance.members
            if skill in member.skills and rotation.present_days(member, instance.start, instance.days)
        ]
        if len(having) == 1:
            found[skill] = having[0]
    return found
