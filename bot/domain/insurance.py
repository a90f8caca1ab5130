"""Mutual insurance in the form of the Dutch bread funds: everybody saves for themselves and gives when another is ill.

Whoever takes part chooses a level, the help that they get a month when they cannot work, and puts a small part of it
into a reserve of their own every month until it is full. While somebody is ill the others give from their reserves, in
proportion to what they put in. Nothing is ever paid that is not there. The figures are those of the bread funds
(broodfonds.nl; jobmarketmonitor.com 2015/01/14; broodfondsbommelerwaard.com); a committee may choose others.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction

from dateutil.relativedelta import relativedelta

from bot.domain.policies import Bounds, apportion

LEVEL = Bounds(default=10 * 60, low=2 * 60, high=80 * 60)
"""Minutes of help a month. Below two hours the smallest rate would put in nothing."""
RATE = Bounds(default=450, low=100, high=2_000)
CAP_MONTHS = Bounds(default=36, low=6, high=120)
WAIT_MONTHS = Bounds(default=1, low=1, high=6)
LONGEST_MONTHS = Bounds(default=24, low=3, high=36)
GROUP = Bounds(default=50, low=20, high=200)
GROUP_MIN = 20
"""With fewer, one who is ill for long empties all reserves."""
AGAIN_DAYS = 60
"""Who is ill again within so many days goes on where they were: no new waiting, and the months add up."""
MISSED_MAX = 3
"""Who could put in nothing so many months running is not covered for what begins then, until they put in again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a committee has agreed. Months are counted from the first day of illness."""

    rate: int = 450
    """What everybody puts in, in basis points of their level: 4.5 % (33.75 of 750 a month)."""
    cap_months: int = 36
    """A reserve holds at most what is put in over so many months; what is over goes back."""
    wait_months: int = 1
    longest_months: int = 24
    group_max: int = 50
    """Beyond that people do not know each other any more, and a second group is better."""
    level_max: int = 40 * 60

    def __post_init__(self) -> None:
        for bounds, value in (
            (RATE, self.rate),
            (CAP_MONTHS, self.cap_months),
            (WAIT_MONTHS, self.wait_months),
            (LONGEST_MONTHS, self.longest_months),
            (GROUP, self.group_max),
            (LEVEL, self.level_max),
        ):
            assert bounds.low <= value <= bounds.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Insured:
    """Somebody who takes part: whole units (minutes, or cents). `level`: a month; `reserve`: what they have saved."""

    id: int
    level: int
    reserve: int


def contribution(level: int, terms: Terms) -> int:
    """What is put in each month, rounded down."""
    return level * terms.rate // 10_000


def put_in(insured: Insured, terms: Terms) -> tuple[int, int]:
    """What goes into the reserve this month, and what is over and goes back, because the reserve is full."""
    monthly = contribution(insured.level, terms)
    cap = monthly * terms.cap_months
    into = max(0, min(monthly, cap - insured.reserve))
    return into, max(0, insured.reserve + into - cap)


def is_due(ill_months: int, terms: Terms) -> bool:
    """Whether somebody is helped who has been unable to work for so many whole months."""
    return terms.wait_months <= ill_months < terms.wait_months + terms.longest_months


def payouts(insured: Sequence[Insured], ill: Sequence[int], terms: Terms) -> dict[int, dict[int, int]]:
    """What each of the ill gets this month, and from whom: by the ill person's id, then by the giver's.

    Those who are ill themselves give nothing. Where all reserves together are too small, all who are ill get the same
    part of their level. Nobody gives more than their reserve holds. What everybody gives in all is in proportion to
    what they put in; whom of the ill it goes to is by order, so that it is not cut into parts of minutes.
    """
    members = {one.id: one for one in insured}
    claims = {id_: members[id_].level for id_ in sorted(ill)}
    reserves = {one.id: one.reserve for one in insured if one.id not in claims and one.reserve > 0}
    there = sum(reserves.values())
    found: dict[int, dict[int, int]] = {id_: {} for id_ in claims}
    if not there or not sum(claims.values()):
        return found
    if sum(claims.values()) > there:
        claims = apportion(there, claims)
    weights = {giver: contribution(members[giver].level, terms) for giver in reserves}
    given = sorted(within(sum(claims.values()), weights, reserves).items(), reverse=True)
    for id_, claim in claims.items():
        left = claim
        while left:
            giver, gives = given.pop()
            part = min(left, gives)
            found[id_][giver] = part
            left -= part
            if gives > part:
                given.append((giver, gives - part))
    return found


def within(total: int, weights: Mapping[int, int], room: Mapping[int, int]) -> dict[int, int]:
    """A total shared by weight where nobody gives more than they have room for: the others give what is missing.

    `weights` and `room` have the same keys. Where all the room is too little, all of it is given. Those without a
    weight give only where all others are at their end. Those who give nothing are left out.
    """
    found: dict[int, int] = {}
    left = min(total, sum(room.values()))
    for some in (
        {key: weight for key, weight in weights.items() if weight},
        {key: 1 for key, weight in weights.items() if not weight},
    ):
        part = min(left, sum(room[key] for key in some))
        found |= _filled(part, some, room)
        left -= part
    return {key: given for key, given in found.items() if given}


def _filled(total: int, weights: Mapping[int, int], room: Mapping[int, int]) -> dict[int, int]:
    """As `within`, where there is room for all of it and every weight is above zero."""
    left, whole, open_ = total, sum(weights.values()), dict(weights)
    found: dict[int, int] = {}
    # Whoever is at their end first, seen from what they have and what is asked of them.
    for key in sorted(weights, key=lambda key: (Fraction(room[key], weights[key]), key)):
        if room[key] * whole > left * weights[key]:
            break
        found[key] = room[key]
        left -= room[key]
        whole -= open_.pop(key)
    return found | (apportion(left, open_) if open_ else {})


def months_of_cover(insured: Sequence[Insured], ill: Sequence[int]) -> int | None:
    """For how many months the reserves would last with those who are ill now; None: nobody is."""
    monthly = sum(one.level for one in insured if one.id in ill)
    return sum(one.reserve for one in insured if one.id not in ill) // monthly if monthly else None


# --- when somebody cannot work ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A time in which somebody cannot work, from a day on until before another (None: it goes on).

    `before`: days of the same case before it, or, below zero, days that do not count yet. `wait_months`,
    `longest_months`: as they were agreed when the case began.
    """

    began: date
    ended: date | None
    before: int = 0
    wait_months: int = WAIT_MONTHS.default
    longest_months: int = LONGEST_MONTHS.default

    @property
    def first(self) -> date:
        """The day from which its months are counted."""
        return self.began - timedelta(days=self.before)

    @property
    def helped_from(self) -> date:
        """The first day for which there is help."""
        return max(self.began, self.first + relativedelta(months=self.wait_months))

    @property
    def helped_until(self) -> date:
        """The first day for which there is no help any more."""
        return self.first + relativedelta(months=self.wait_months + self.longest_months)

    def days(self, until: date) -> int:
        """How many days of the case have passed."""
        return (min(until, self.ended or until) - self.first).days


def whole_months(first: date, day: date) -> int:
    """How many whole months lie between two days; below zero where the first is later."""
    months = (day.year - first.year) * 12 + day.month - first.month
    return months - (day.day < min(first.day, monthrange(day.year, day.month)[1]))


def claim(level: int, spells: Iterable[Spell], month: date) -> int:
    """What somebody gets for a month, whose first day is given: their level for a whole month, else by its days."""
    length = monthrange(month.year, month.month)[1]
    days = 0
    for spell in spells:
        terms = Terms(wait_months=spell.wait_months, longest_months=spell.longest_months)
        for day in (month + timedelta(days=n) for n in range(length)):
            ill = spell.began <= day and (spell.ended is None or day < spell.ended)
            days += ill and is_due(whole_months(spell.first, day), terms)
    return level * days // length


def again(last: Spell | None, today: date, *, waits_until: date, terms: Terms) -> Spell:
    """The spell that begins today. `last`: the one before it; `waits_until`: whoever came later is not covered before.

    Soon after the last one it goes on with the same case.
    """
    if last is not None and last.ended is not None and (today - last.ended).days <= AGAIN_DAYS:
        return replace(last, began=today, ended=None, before=last.days(last.ended))
    return Spell(
        began=today,
        ended=None,
        before=min(0, (today - waits_until).days),
        wait_months=terms.wait_months,
        longest_months=terms.longest_months,
    )


# --- a month's end -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Somebody who takes part, as a month ends. `room`: what their own account can give; None: there is no limit.

    `claim`: what they get for the month; 0: nothing. `leaves`: they go, and their reserve comes back to them.
    """

    insured: Insured
    room: int | None
    claim: int = 0
    leaves: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What a month's end moves, by id, all above zero. `passed_over`: who could put in nothing."""

    put_in: Mapping[int, int]
    back: Mapping[int, int]
    paid: Mapping[int, Mapping[int, int]]
    returned: Mapping[int, int]
    passed_over: tuple[int, ...]


def month(standing: Sequence[Standing], terms: Terms) -> Month:
    """First everybody puts in who can and is not helped; then those who cannot work are helped; then some leave.

    Whoever leaves gives for this month as all others do: what they get back is what is left of their reserve.
    """
    into, back, passed_over = dict[int, int](), dict[int, int](), []
    group = []
    for one in standing:
        id_, reserve = one.insured.id, one.insured.reserve
        if not one.claim and not one.leaves:
            puts, over = put_in(one.insured, terms)
            if one.room is not None and puts > one.room:
                passed_over.append(id_)
                puts = 0
            reserve += puts - over
            into |= {id_: puts} if puts else {}
            back |= {id_: over} if over else {}
        group.append(replace(one.insured, reserve=reserve, level=one.claim or one.insured.level))
    paid = payouts(group, [one.insured.id for one in standing if one.claim], terms)
    given = dict[int, int]()
    for by in paid.values():
        for giver, minutes in by.items():
            given[giver] = given.get(giver, 0) + minutes
    left = {one.id: one.reserve - given.get(one.id, 0) for one in group}
    return Month(
        put_in=into,
        back=back,
        paid={id_: by for id_, by in paid.items() if by},
        returned={one.insured.id: left[one.insured.id] for one in standing if one.leaves and left[one.insured.id] > 0},
        passed_over=tuple(passed_over),
    )
