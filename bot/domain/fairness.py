"""How fair a rota is: the level of burden and empowerment, each member's quota, and the spread. Pure, whole numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from bot.domain import rotation
from bot.domain.rotation import Instance, Seat

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


def organizing(instance: Instance, holders: Mapping[str, str], done: Mapping[str, int] | None = None) -> dict[str, int]:
    """Minutes of organizing by member: what they hold of seats that empower much, and what of it is `done` already."""
    minutes = dict(done or {})
    for seat in instance.seats:
        if seat.empowerment >= EMPOWERING and seat.id in holders:
            minutes[holders[seat.id]] = minutes.get(holders[seat.id], 0) + seat.minutes
    return minutes


def overloaded(
    instance: Instance,
    holders: Mapping[str, str],
    *,
    percent_max: int = ORGANIZING_PERCENT_MAX,
    done: Mapping[str, int] | None = None,
    least: int = 0,
) -> list[str]:
    """Who carries more than this part of the organizing (seats that empower much), most first.

    `done`: minutes of it behind, by member. Less than `least` minutes in all say nothing yet.
    Among fewer people than would share it evenly at that part, nobody: there it cannot be otherwise.
    """
    minutes = organizing(instance, holders, done)
    total = sum(minutes.values())
    if total < least:
        return []
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


# --- what is told ----------------------------------------------------------------------------------------------------

GROUP_MIN = 4
"""Among fewer, even figures without a name would tell of somebody: the group hears none."""
OWN_MIN = 3
"""Among fewer, one's own level would tell the other's share: only what one carries is told."""
STEP = 10
"""Percentages that a group hears are in such steps: a single shift, or somebody's new share, hardly shows in them."""
PERCENT_MAX = 300
"""More than this is told as this: who has agreed to very little would stand out."""
DONE_MIN = 3
"""So often one person alone must have done a task that needs no skill before it counts as known to nobody else."""
_MIDDLE = 3
_ROUND = 5


def hours(points: int) -> int:
    """Points as minutes of middling work (rated 3 of 5), to five minutes: what volunteers can picture."""
    return (2 * points + _MIDDLE * _ROUND) // (2 * _MIDDLE * _ROUND) * _ROUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How far apart a group is, in per cent of what would be even, in steps, without a name."""

    least: int
    most: int

    @property
    def spread(self) -> int:
        """How far apart the two ends are."""
        return self.most - self.least


def figures(balance: Balance) -> Figures | None:
    """What a group may hear of it; None: so few take part that it would tell of somebody."""
    if sharing(balance) < GROUP_MIN:
        return None
    return Figures(least=_step(balance.least), most=_step(balance.most))


def sharing(balance: Balance) -> int:
    """How many take part: of whom the level asks something."""
    return sum(dial.permille is not None for dial in balance.dials)


def _step(permille: int) -> int:
    return min(PERCENT_MAX, (2 * permille + 10 * STEP) // (20 * STEP) * STEP)


def lone_tasks(
    instance: Instance, tasks: Mapping[str, str | None], done: Mapping[str, Mapping[str, int]]
) -> dict[str, str]:
    """Tasks that one member alone can do, and who that is.

    `tasks`: the skill that each needs. One that needs none counts where in the window the same member alone has `done`
    it, by task and member, at least `DONE_MIN` times.
    """
    skilled = lone_skills(instance)
    there = {one.id for one in instance.members}
    found = {}
    for task, skill in tasks.items():
        if skill is not None:
            if skill in skilled and any(seat.task == task for seat in instance.seats):
                found[task] = skilled[skill]
            continue
        by = done.get(task, {})
        if len(by) == 1 and sum(by.values()) >= DONE_MIN and there.issuperset(by):
            found[task] = next(iter(by))
    return found


def next_to_learn(
    instance: Instance, balance: Balance, task: str, skill: str | None, beside: str, but: Collection[str] = ()
) -> str | None:
    """Who is asked next to learn a task beside somebody: those who want to learn it, then the least empowered.

    Nobody who can do it, does not like to do it, cannot come to any of its shifts ahead, has no share, or is kept
    apart from the other, whichever of the two said so; nor those in `but`.
    """
    members = {one.id: one for one in instance.members}
    other = members.get(beside)
    free = [for_anybody(seat) for seat in instance.seats if seat.task == task]
    fitting = []
    for one in instance.members:
        apart = beside in one.not_with or (other is not None and one.id in other.not_with)
        if one.id == beside or one.id in but or apart or task in one.vetoes | one.dislikes:
            continue
        if (skill is not None and skill in one.skills) or not one.share_minutes:
            continue
        if not any(rotation.barred(one, seat) is None for seat in free):
            continue
        permille = balance.of(one.id).permille
        fitting.append((skill not in one.learning, 1000 if permille is None else permille, one.id))
    return min(fitting)[2] if fitting else None


def for_anybody(seat: Seat) -> Seat:
    """The same time and task without its skill: to see whether somebody can come."""
    return replace(seat, skill=None, trainee=False)
