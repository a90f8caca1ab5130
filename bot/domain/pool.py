"""An income pool: households put in what they can, and it is shared out by need.

The sharing of incomes in communes and collectives (David Gil, Work Place Collectives, Journal of Sociology and Social
Welfare 6:5, 1979; the bylaws of Twin Oaks: equally or according to need). The committee chooses by what it is shared.
What a household puts in never changes its share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.domain.policies import Bounds, apportion

By = Literal["equal", "heads", "needs"]
"""equal: each household the same. heads: each person the same, child or adult. needs: adults, children and those who
are ill or need care count by weights that the committee sets."""
WEIGHT = Bounds(default=5_000, low=0, high=10_000)
"""What a child, or somebody who is ill or needs care, counts for beside an adult, in basis points of one adult."""
ADULT = 10_000
SEEN_FROM = 3
"""With fewer households each could work out from the total what another put in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What the committee has agreed. `child`: what a child counts for; `care`: what is added for each who needs it."""

    by: By = "equal"
    child: int = WEIGHT.default
    care: int = WEIGHT.default

    def __post_init__(self) -> None:
        assert all(WEIGHT.low <= weight <= WEIGHT.high for weight in (self.child, self.care))


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """Who shares a home and takes part. `adults`: the ids of those who have said yes for themselves.

    `caring`: how many of these adults have said that somebody at home is ill or needs care.
    """

    id: int
    adults: tuple[int, ...]
    children: int = 0
    caring: int = 0


def weight(household: Household, agreed: Agreed) -> int:
    """For how much a household counts."""
    match agreed.by:
        case "equal":
            return 1
        case "heads":
            return len(household.adults) + household.children
        case "needs":
            return len(household.adults) * ADULT + household.children * agreed.child + household.caring * agreed.care


def shares(total: int, households: Sequence[Household], agreed: Agreed) -> dict[int, int]:
    """What each household gets, by its id: whole units that sum to the total. No households: nothing."""
    if not households:
        assert total == 0, "only those who take part put in something"
        return {}
    return apportion(total, {one.id: weight(one, agreed) for one in households})


def parts(total: int, households: Sequence[Household], agreed: Agreed) -> dict[int, int]:
    """What each adult gets, by their id: a household's share equally among those of it who take part."""
    found: dict[int, int] = {}
    by_id = {one.id: one for one in households}
    for id_, share in shares(total, households, agreed).items():
        found |= apportion(share, dict.fromkeys(by_id[id_].adults, 1))
    return found


def homes(
    adults: Mapping[int, int | None], children: Mapping[int, int], caring: Iterable[int]
) -> tuple[Household, ...]:
    """The households of those who take part, by the lowest id of an adult in each.

    `adults`: those who take part, with the id of their household; None: somebody who lives alone. `children`: how many
    live in each household. `caring`: adults who have said that somebody at home needs care.
    """
    needy = set(caring)
    together: dict[tuple[str, int], list[int]] = {}
    for id_, home in sorted(adults.items()):
        together.setdefault(("home", home) if home is not None else ("alone", id_), []).append(id_)
    return tuple(
        Household(
            id=members[0],
            adults=tuple(members),
            children=children.get(home, 0) if kind == "home" else 0,
            caring=len(needy.intersection(members)),
        )
        for (kind, home), members in together.items()
    )
