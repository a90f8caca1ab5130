"""Orders together: what a line says, whether the minimum is met, who pays how much, and whose turn it is to fetch.

Quantities are whole numbers, money whole hundredths. Deadlines are read as wall times in the committee's zone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.domain.amounts import read_amount
from bot.domain.board import plain, read_day
from bot.domain.bookings import read_when
from bot.domain.lending import read_stretch
from bot.domain.policies import apportion
from bot.domain.quiet import HOURS_DEFAULT, after_quiet
from bot.text import Amount, Refusal, T, Typed

QUANTITY_MAX = 999
"""So many of a thing one person may order: more is a slip of the finger."""
LEAST_MAX = 100_000
AHEAD_MAX = timedelta(days=180)
DAY_ENDS = time(20)
"""When the last day of an order ends, where no time is said."""
LAPSES_AFTER = timedelta(days=3)
"""So long whoever began it may say what happens when the minimum is not met."""
ASK_AFTER = timedelta(days=14)
"""After so long whoever began it is asked whether all is settled."""
OVER_AFTER = timedelta(days=60)
"""After so long it counts as settled."""
_TIME = Typed(T("fri 18:00"))

State = Literal["open", "short", "ordered", "done", "off"]
ALIVE: Sequence[State] = ("open", "short", "ordered")
How = Literal["size", "each"]
"""How shared costs are split: by how many each has ordered, or for each the same."""


# --- what people write -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Least:
    """The minimum: so many, or for so much money. Exactly one is there."""

    count: int | None = None
    amount: Amount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a line such as `olive oil 12.50 per can, minimum 10, until fri 18:00` says."""

    words: str
    price: Amount | None = None
    least: Least | None = None
    until: datetime | None = None


_FIGURE = r"[-−]?\d[\d.,'’]*"
_SIGN = r"[€$£]|euros?\b|eur\b|pesos?\b"
_UNTIL = re.compile(
    r"(?:^|(?<=[\s,;]))(?:until|till|by|before|hasta(?:\s+(?:el|las?))?|bis(?:\s+(?:zum|um))?)\s+", re.IGNORECASE
)
_LEAST_WORD = (
    r"(?:at\s+least|minimum(?:\s+of)?|min\.?|como\s+m[ií]nimo|m[ií]nimo(?:\s+de)?|al\s+menos|mindestens|minimal|"
    r"mindestmenge)"
)
_LEAST = re.compile(
    rf"(?:^|(?<=[\s,;])){_LEAST_WORD}:?\s*(?P<sign>[€$£])?\s?(?P<figure>{_FIGURE})(?:\s?(?P<currency>{_SIGN}))?"
    r"(?:\s+(?P<unit>[^\W\d]+)(?=\s*(?:[,;]|$)))?",
    re.IGNORECASE,
)
_PRICE = re.compile(
    r"(?:(?<=[\s,;])|^)(?:(?:at|for|price:?|a|por|precio:?|zu|für|preis:?)\s+)?(?P<sign>[€$£])?\s?"
    rf"(?P<figure>{_FIGURE})(?:\s?(?P<currency>{_SIGN}))?"
    r"(?:\s*(?:(?P<strong>/|(?:per|por|pro|je)\s)|(?:a|the|la|el|die|das|der)\s)\s*(?P<unit>[^\W\d]+)"
    r"|\s+(?P<each>each|apiece|cada\s+un[oa]|c/u|das\s+stück))?(?=$|[\s,;.])",
    re.IGNORECASE,
)
_DECIMAL = re.compile(r"[.,]\d\d$")


def read_order(line: str, *, now: datetime) -> Said:
    """Read what is to be ordered together. Whatever is not understood stays words; `now`: the wall time.

    Refuses what is understood and cannot be: a deadline that is over or too far, a price or a minimum of nothing.
    """
    words = " ".join(line.split())
    until = None
    for found in reversed(list(_UNTIL.finditer(words))):
        read = _until_at_start(words[found.end() :], now=now)
        if read is not None:
            until, rest = read
            words = f"{words[: found.start()]}, {rest}"
            break
    least = None
    if (found_least := _LEAST.search(words)) is not None:
        least = _least_of(found_least)
        words = f"{words[: found_least.start()]}, {words[found_least.end() :]}"
    price, unit = None, ""
    for found in _PRICE.finditer(words):
        figure = found["figure"].rstrip(".,")
        money = found["sign"] or found["currency"] or found["strong"] or found["each"]
        if not money and not _DECIMAL.search(figure) and figure[0] not in "-−":
            continue
        price, unit = _amount_of(figure), found["unit"] or ""
        words = f"{words[: found.start()]}, {words[found.end() :]}"
        break
    words = _tidied(words)
    return Said(words=f"{words} ({unit})" if unit and words else words, price=price, least=least, until=until)


def _tidied(words: str) -> str:
    parts = [part.strip(" .,;") for part in re.split(r"[,;](?=\s|$)", words)]
    return ", ".join(part for part in parts if part)


def _amount_of(figure: str) -> Amount | None:
    found = read_amount([figure.rstrip(".,")])
    return None if found is None else found[0]


def _least_of(found: re.Match[str]) -> Least:
    figure = found["figure"].rstrip(".,")
    if found["sign"] or found["currency"] or not figure.lstrip("-−").isdecimal():
        return Least(amount=_amount_of(figure))
    count = int(figure.replace("−", "-")[:9])
    if count < 1:
        raise Refusal(T("The minimum must be at least 1. If there is none, leave it out."))
    if count > LEAST_MAX:
        raise Refusal(T("“{word}” is too much: at most {most}.", word=figure[:20], most=LEAST_MAX))
    return Least(count=count)


def read_price(text: str) -> Amount | None:
    """The price of one, written alone: `12.50`, `12,50 €`, `12.50 per can`; None: it is none. Refuses as amounts do."""
    found = _PRICE.match(text.strip())
    return None if found is None else _amount_of(found["figure"])


def read_least(text: str) -> Least | None:
    """The minimum, written alone: `10`, `at least 10`, `100 €`; None: it is none. Refuses a minimum of nothing."""
    line = text.strip()
    found = _LEAST.match(line) or _LEAST.match(f"min {line}")
    return None if found is None else _least_of(found)


def read_until(text: str, *, now: datetime) -> datetime | None:
    """A deadline, written alone: `fri 18:00`, `until 12 dec`, `3 days`; None: it is none. Refuses one that is over."""
    line = " ".join(text.split())
    line = _UNTIL.sub("", line, count=1) if _UNTIL.match(line) else line
    found = _until_at_start(line, now=now)
    if found is not None:
        return found[0]
    days = read_stretch(re.sub(r"^(?:in|en|dentro\s+de)\s+", "", line, flags=re.IGNORECASE))
    return None if days is None else _checked(datetime.combine(now.date() + timedelta(days=days), DAY_ENDS), now=now)


def _until_at_start(line: str, *, now: datetime) -> tuple[datetime, str] | None:
    """The deadline at the beginning of a line, and what stands behind it; without a time the day ends at `DAY_ENDS`."""
    parts = line.split()
    if (found := read_when(parts, now=now)) is not None and found[0].end is None:
        return _checked(found[0].start, now=now), " ".join(parts[found[1] :])
    for count in range(min(3, len(parts)), 0, -1):
        text = " ".join(parts[:count]).strip(" ,;.")
        # A day of this year or another that is over is understood too, so that it can be said.
        day = read_day(text, today=now.date()) or read_day(text, today=date.min)
        if day is not None:
            ends = datetime.combine(day, DAY_ENDS)
            if day == now.date() and ends <= now:
                ends = datetime.combine(day + timedelta(days=1), time())
            return _checked(ends, now=now), " ".join(parts[count:])
    return None


def _checked(until: datetime, *, now: datetime) -> datetime:
    if until <= now:
        raise Refusal(T("That time is over already. Say a later one, like {example}.", example=_TIME))
    if until > now + AHEAD_MAX:
        raise Refusal(T("That is far away: at most {n} days ahead.", n=AHEAD_MAX.days))
    return until


_SEATS = re.compile(
    r",?\s*\b(\d{1,2})\s+(?:people|persons?|helpers|personas?|leute|personen|menschen)\b", re.IGNORECASE
)
SEATS_MAX = 20


def read_seats(text: str) -> tuple[int, str]:
    """How many people something takes (one, where it is not said), and what else the text says."""
    found = _SEATS.search(text)
    if found is None:
        return 1, text.strip(" ,;")
    rest = f"{text[: found.start()]} {text[found.end() :]}".strip(" ,;")
    return min(max(int(found[1]), 1), SEATS_MAX), rest


_HOWS: Sequence[tuple[How, str]] = (
    ("each", "equally; the same; each the same; a partes iguales; por igual; gleich; zu gleichen Teilen"),
    ("size", "in proportion; by quantity; en proporción; según la cantidad; nach Menge; anteilig"),
)
_HOW: Mapping[str, How] = {plain(words): how for how, several in _HOWS for words in several.split("; ")}


def read_how(text: str) -> tuple[How | None, str]:
    """How costs are split, where the text begins or ends with it, and what else it says."""
    parts = text.split()
    for count in range(min(3, len(parts)), 0, -1):
        for said, rest in ((parts[-count:], parts[:-count]), (parts[:count], parts[count:])):
            if (how := _HOW.get(plain(" ".join(said)).strip(" ,;."))) is not None:
                return how, " ".join(rest).strip(" ,;")
    return None, text.strip(" ,;")


# --- whether it takes place, and what it costs -------------------------------------------------------------------


def missing(total: int, *, price: int | None, least: int | None, least_amount: int | None) -> int:
    """How many more must be ordered. A minimum in money counts by the price of one; somebody must order something."""
    needed = max(least or 0, 1)
    if least_amount is not None and price is not None:
        needed = max(needed, -(-least_amount // price))
    return max(0, needed - total)


@dataclass(frozen=True, slots=True)
class Cost:
    """What all share beside the price, such as delivery, in hundredths."""

    amount: int
    how: How


def shares(quantities: Mapping[int, int], *, price: int | None, costs: Iterable[Cost]) -> dict[int, Amount]:
    """What each pays: their own goods, and their part of the costs. The parts sum to the whole.

    `quantities`: by id, all above zero; whoever ordered nothing is not among them, and pays nothing. All costs are
    split in one step, by largest remainder: so equals differ by one hundredth at most, and a tie goes to the lower id.
    """
    assert all(quantity > 0 for quantity in quantities.values())
    by_size = by_each = 0
    for cost in costs:
        assert cost.amount > 0
        by_size += cost.amount if cost.how == "size" else 0
        by_each += cost.amount if cost.how == "each" else 0
    parts = dict.fromkeys(quantities, 0)
    if quantities and by_size + by_each:
        total, people = sum(quantities.values()), len(quantities)
        # Their exact part is by_each / people + by_size * quantity / total: here over one denominator.
        weights = {id_: by_each * total + by_size * quantity * people for id_, quantity in quantities.items()}
        parts = apportion(by_size + by_each, weights)
    return {id_: Amount(quantity * (price or 0) + parts[id_]) for id_, quantity in quantities.items()}


# --- when it goes on ---------------------------------------------------------------------------------------------


def next_look(state: State, *, until: datetime, since: datetime, now: datetime) -> datetime | None:
    """When the clock looks at an order again; `since`: when it came into its state. None: it is over."""
    if state == "open":
        return until
    if state == "short":
        return since + LAPSES_AFTER
    if state == "ordered":
        return since + (ASK_AFTER if now < since + ASK_AFTER else OVER_AFTER)
    return None


# --- whose turn it is to fetch, or to hand out -------------------------------------------------------------------

SHARE_BEFORE = timedelta(hours=24)
REMIND_BEFORE = timedelta(hours=16)
"""Of what begins in the morning one is reminded the evening before."""
SHARED, REMINDED, OVER, CALLED_OFF = 1, 2, 3, 4
"""How far a turn has come, after 0: it was announced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When something is fetched or handed out, and since when people know of it. Instants."""

    start: datetime
    end: datetime
    announced: datetime

    def step_at(self, step: int, zone: ZoneInfo) -> datetime:
        """When a turn comes to this step, not at night. It is shared out a day before; announced late, half-way."""
        if step >= OVER:
            return self.end
        half_way = self.announced + (self.start - self.announced) / 2
        at = max(self.start - (SHARE_BEFORE if step == SHARED else REMIND_BEFORE), half_way)
        by_day = after_quiet(HOURS_DEFAULT, at, zone)
        return by_day if by_day < self.start else at

    def steps_due(self, done: int, zone: ZoneInfo, *, now: datetime) -> list[int]:
        """The steps that a turn takes now, in order. Once it is over, what came before is left out."""
        if done >= OVER:
            return []
        if now >= self.end:
            return [OVER]
        return [step for step in (SHARED, REMINDED) if step > done and self.step_at(step, zone) <= now]

    def next_at(self, done: int, zone: ZoneInfo) -> datetime | None:
        """When the next step comes; None: there is none."""
        return min((self.step_at(step, zone) for step in (SHARED, REMINDED, OVER) if step > done), default=None)


def share_out(free: int, times: Mapping[int, int], *, but: Collection[int]) -> list[int]:
    """Whose turn it is, for so many free places: fewest turns first, ties by the lower id; not those in `but`.

    `times`: how often each of those who could has had a turn, or is going to. (Turns go round, as in the rotas of food
    coops; nobody's rank or speed counts.)
    """
    able = sorted((often, id_) for id_, often in times.items() if id_ not in but)
    return [id_ for _, id_ in able[: max(0, free)]]
