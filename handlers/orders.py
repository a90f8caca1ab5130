"""Orders together: begun, joined, closed at the deadline, shared out by cost, and fetched by turns.

How many are ordered everybody sees. Who takes how many, and who has paid, is seen by whoever began it and by those who
fetch it. What is said to be paid is noted between people: no hours move, and the bot has no money.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from bot.arguments import Amount as Money
from bot.arguments import Found, Kind, Note, Number, Person, Reading, Reference, Word, choice
from bot.chat import Button, Card, Reply, Shown
from bot.dialogue import answer_button
from bot.domain import orders as rule
from bot.domain.bookings import read_when
from bot.domain.recurrence import instant
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View
from bot.text import Amount, Bold, Listed, N, Refusal, T, Text, Typed, Words, lines
from storage import entries, notes, nudges, orders, outbox, people
from storage.database import Transaction
from storage.digests import Since
from storage.orders import Line, Order, Slot
from storage.people import Committee, Member

_TITLE = T("Orders together")
router = Router("orders", title=_TITLE)

PER_PAGE = 8
NAMES_MAX = 60
"""So many names stand in one message."""
NEW_MAX = 6
SOON = timedelta(days=3)
"""An order that closes so soon stands in the digest again."""
_ORDERS = Typed("/orders")
_ORDER = Typed("/order", T("olive oil 12.50 per can, minimum 10, until fri 18:00"))
_TIME = Typed(T("fri 18:00"))
_LATER = T("sun 18:00")
_PICKUP = T("sat 10:00 to 12:00 hand out at the hall, 2 people")
_OPEN_PRICE = "?"
_NO_LEAST = "-"


# --- what can be said --------------------------------------------------------------------------------------------


class _CountKind(Kind[int]):
    """How many somebody takes, none among them."""

    expected = T("how many, like {example}", example=Typed("2"))
    example = "2"
    question = T("How many? Choose, or write it; {none} is none.", none=Typed("0"))
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, ge=0, le=rule.QUANTITY_MAX)])
    _written = re.compile(r"(?P<sign>[-−]?)(?P<count>[0-9]{1,15})", re.ASCII)

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[int] | None:
        found = self._written.fullmatch(words[0].text) if words else None
        if found is None:
            return None
        count = int(found["count"])
        if found["sign"] and count:
            raise Refusal(T("Less than none cannot be ordered. With {none} you take nothing.", none=Typed("0")))
        if count > rule.QUANTITY_MAX:
            raise Refusal(T("That is too much for one person: at most {n}.", n=rule.QUANTITY_MAX))
        return Found(count, 1)

    def dump(self, value: int) -> int:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> int:
        return self._adapter.validate_python(data)

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, int]]:
        return [(str(count), count) for count in (1, 2, 3, 4, 5, 0)]


Count = Annotated[int, _CountKind()]
_HOW_LABELS: Mapping[str, Text | str] = {"size": T("By how many each takes"), "each": T("For each the same")}
How = Annotated[str, choice("size", "each", expected=T("how it is shared"), labels=_HOW_LABELS)]
Mark = Annotated[str, choice("paid", "unpaid", "collected", "uncollected", expected=T("what is noted"))]


# --- who may do what ---------------------------------------------------------------------------------------------


def _wall(context: Context) -> datetime:
    return context.now.astimezone(context.committee.zone).replace(tzinfo=None)


async def _member(context: Context, id_: int) -> Member:
    member = await people.member_now(context.tx, context.committee.id, id_)
    assert member is not None
    return member


async def _speaks_for(context: Context, id_: int) -> bool:
    """Whether it is they, or somebody without an account for whom they speak."""
    return context.member.id == id_ or (await _member(context, id_)).helper_id == context.member.id


async def _is_there(context: Context, order: Order) -> bool:
    """Whether whoever it is of can look after it: they have not left, and are not suspended."""
    until = (await _member(context, order.member_id)).suspended_until
    return order.active and (until is None or until <= context.now)


async def _keeps(context: Context, order: Order) -> bool:
    """Whether they look after an order: whoever it is of; while those are not there, every organizer."""
    if await _is_there(context, order):
        return await _speaks_for(context, order.member_id)
    return "organizer" in context.roles


async def _keepers(context: Context, order: Order) -> list[Member]:
    if await _is_there(context, order):
        return [await _member(context, order.member_id)]
    return await people.organizers(context.tx, context.committee.id)


async def _sees(context: Context, order: Order) -> bool:
    """Whether they see who takes how many: those who look after it or fetch it."""
    return await _keeps(context, order) or await orders.fetches(context.tx, order, context.member.id)


async def _alive(context: Context, id_: int, *states: rule.State) -> Order:
    """An order that still is as it was when it was shown. Raises Refusal."""
    return _still(await orders.order(context.tx, context.committee.id, id_), *states)


def _still(order: Order | None, *states: rule.State) -> Order:
    if order is None:
        raise Refusal(T("There is no such order. {orders} shows what goes on.", orders=_ORDERS), private=True)
    if order.state in states:
        return order
    if order.state in ("done", "off"):
        words = T("That order is over: no. {number}, {what}.", number=order.number, what=order.called)
    elif order.state == "open":
        words = T("People still order it, until {time}.", time=order.until)
    else:
        words = T("The time to order is over: no. {number}, {what}.", number=order.number, what=order.called)
    raise Refusal(words, private=True)


async def _kept(context: Context, number: int, *states: rule.State) -> Order:
    """An order by its number that they look after. Raises Refusal."""
    return await _as_keeper(context, await orders.numbered(context.tx, context.committee.id, number), *states)


async def _as_keeper(context: Context, order: Order | None, *states: rule.State) -> Order:
    found = _still(order, *states)
    if not await _keeps(context, found):
        if not found.active:
            raise Refusal(T("{name} has left. Organizers can say that, or whoever takes it over.", name=found.name),
                          private=True)  # fmt: skip
        raise Refusal(T("Only {name}, who looks after this order, can say that.", name=found.name), private=True)
    return found


def _mine_in(*states: rule.State) -> Callable[[Context], Awaitable[Sequence[tuple[Text | str, int]]]]:
    """What buttons offer: the orders that they look after, in these states."""

    async def choices(context: Context) -> Sequence[tuple[Text | str, int]]:
        there = await orders.alive(context.tx, context.committee.id)
        return [(_label(one), one.number) for one in there if one.state in states and await _keeps(context, one)]

    return choices


async def _open_ones(context: Context) -> Sequence[tuple[Text | str, int]]:
    there = await orders.alive(context.tx, context.committee.id)
    return [(_label(one), one.number) for one in there if one.state == "open"]


async def _taken_ones(context: Context) -> Sequence[tuple[Text | str, int]]:
    there = await orders.mine(context.tx, context.member)
    return [(_label(one), one.number) for one, line in there
            if one.state == "ordered" and line.member_id == context.member.id]  # fmt: skip


def _label(order: Order) -> Text:
    return T("No. {number}: {name}", number=order.number, name=order.called)


_WHICH = T("Which order?")
_NONE = T("You look after no such order just now. {orders} shows what goes on.", orders=_ORDERS)
_NONE_OPEN = T("Nothing is being ordered just now. Begin: {order}", order=_ORDER)


# --- beginning ---------------------------------------------------------------------------------------------------


async def _deadlines(context: Context) -> Sequence[tuple[Text | str, str]]:
    today = _wall(context).date()
    days = [datetime.combine(today + timedelta(days=n), rule.DAY_ENDS) for n in (2, 4, 7, 14)]
    return [(T("{time}", time=instant(day, context.committee.zone)), f"{day:%Y-%m-%d %H:%M}") for day in days]


@router.command(
    "order",
    allow=Authority.MEMBER,
    label=T("Order something together"),
    help=T("Begin a group purchase: what, the price of one, a minimum, and until when."),
    sample=(T("olive oil 12.50 per can, minimum 10, until fri 18:00"),),
    asks={
        "what": Asks(T("What shall we order together? Write a few words.")),
        "price": Asks(
            T("What does one cost? Write it, like {example}.", example=Typed("12.50")),
            instead=(T("Not known yet"), {"price": _OPEN_PRICE}),
        ),
        "least": Asks(
            T("Is there a minimum for all together? Write how many, like {count}, or for how much, like {amount}.",
              count=Typed("10"), amount=Typed("100 €")),
            instead=(T("No minimum"), {"least": _NO_LEAST}),
        ),
        "until": Asks(
            T("Until when can people order? Choose, or write it, like {example}.", example=_TIME),
            _deadlines,
            instead=(T("In a month"), {"until": "30 d"}),
        ),
    },
)  # fmt: skip
async def order(
    context: Context, *, what: Note, price: Note = "", least: Note = "", until: Note = ""
) -> Reply | Card | None:
    """Begin an order; what the line does not say is asked for."""
    said = _read(context, what, price, least, until)
    given = {"price": _price_said(said, price), "least": _least_said(said, least), "until": _until_said(said)}
    if not all(given.values()):
        # What is said already is not asked for again.
        known = {name: words for name, words in given.items() if words}
        return await context.say(
            context.commands.asking(order.says(what=said.words, **known)), authority=context.authority
        )
    if said.least is not None and said.least.amount is not None and said.price is None:
        raise Refusal(T("A minimum in money needs the price of one. Say the price, or how many must be ordered."))
    there = await orders.alive(context.tx, context.committee.id)
    if len(there) >= orders.OPEN_MAX:
        raise Refusal(T("{n} orders go on already. Wait until one is over.", n=len(there)))
    mine = sum(one.member_id == context.member.id for one in there)
    if mine >= orders.OF_MEMBER_MAX:
        raise Refusal(T("You look after {n} orders already. Settle one first: {orders}", n=mine, orders=_ORDERS))
    assert said.until is not None
    begun, hashed = await orders.begin(
        context.tx,
        context.committee,
        context.member,
        said,
        until=instant(said.until, context.committee.zone),
        now=context.now,
    )
    body = {"order": begun.id, "member": context.member.id, "begun": True, "words": hashed}
    await entries.append(context.tx, context.committee, "order", body, now=context.now)
    await _plan(context, begun)
    card = Card("order", begun.id)
    if not context.in_private:
        return card
    await context.show(card)
    return Reply(
        lines(*_heading(begun), T("The group sees it now, and can order.")),
        buttons=((_details(begun),),),
    )


def _read(context: Context, what: str, price: str, least: str, until: str) -> rule.Said:
    now = _wall(context)
    said = rule.read_order(what, now=now)
    if not any(letter.isalnum() for letter in said.words):
        raise Refusal(T("What shall we order together? Write it like this: {example}", example=_ORDER))
    if len(said.words) > notes.CHARACTERS_MAX:
        raise Refusal(T("That is too long: {n} characters at most. Say it shorter.", n=notes.CHARACTERS_MAX))
    one, minimum, deadline = said.price, said.least, said.until
    if price == _OPEN_PRICE:
        one = None
    elif price and (one := rule.read_price(price)) is None:
        raise Refusal(T("I do not understand the price. Write it like {example}.", example=Typed("12.50")))
    if least == _NO_LEAST:
        minimum = None
    elif least and (minimum := rule.read_least(least)) is None:
        raise Refusal(T("I do not understand the minimum. Write it like {example}.", example=Typed("10")))
    if until and (deadline := rule.read_until(until, now=now)) is None:
        raise _no_time()
    return rule.Said(words=said.words, price=one, least=minimum, until=deadline)


def _no_time() -> Refusal:
    return Refusal(T("I do not understand until when. Write it like {example}.", example=_TIME))


def _price_said(said: rule.Said, given: str) -> str:
    return _figure(said.price) if said.price is not None else given


def _least_said(said: rule.Said, given: str) -> str:
    if said.least is None:
        return given
    return str(said.least.count) if said.least.amount is None else f"{_figure(said.least.amount)} €"


def _until_said(said: rule.Said) -> str:
    return "" if said.until is None else f"{said.until:%Y-%m-%d %H:%M}"


def _figure(amount: int) -> str:
    """As it is read again."""
    return f"{amount // 100}.{amount % 100:02}"


@router.entry("order")
async def begun_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """That an order was begun; what it is the order says."""
    found = await orders.order(telling.tx, telling.committee.id, body["order"])
    return T(
        "{name} began an order together: no. {number}, {what}.",
        name=await telling.name(body["member"]),
        number=found.number if found is not None else 0,
        what=found.called if found is not None else T("(erased)"),
    )


@router.entry("order", "total")
async def closed_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """How many were ordered, and whether that was enough."""
    found = await orders.order(telling.tx, telling.committee.id, body["order"])
    number = found.number if found is not None else 0
    if body["enough"]:
        return T("order no. {number} is placed: {n} in all.", number=number, n=body["total"])
    return T("order no. {number} does not take place: {n} were ordered.", number=number, n=body["total"])


@router.entry("order", "cost")
async def cost_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """That a cost is shared."""
    found = await orders.order(telling.tx, telling.committee.id, body["order"])
    number = found.number if found is not None else 0
    return T("order no. {number}: {amount} of costs are shared.", number=number, amount=Amount(body["amount"]))


@router.entry("order", "slot")
async def slot_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """That somebody is needed to fetch or to hand out."""
    found = await orders.order(telling.tx, telling.committee.id, body["order"])
    return T("order no. {number}: a time to fetch it is set.", number=found.number if found is not None else 0)


async def _plan(context: Context, order: Order) -> None:
    at = rule.next_look(order.state, until=order.until, since=order.since, now=context.now)
    if at is not None:
        await orders.plan(context.tx, context.committee, order.thing, order_due.says(order=order.id), at=at)


# --- how it is shown ---------------------------------------------------------------------------------------------


def _heading(order: Order) -> list[Text]:
    """What it is, the price, until when, and how many so far."""
    what = order.words or T("(erased)")
    told = [T("Order no. {number} by {name}: {what}", number=order.number, name=order.name, what=what)]
    told.append(_price_words(order))
    if order.state == "open":
        told.append(T("Until {time}.", time=order.until))
    told.append(_so_far(order))
    return told


def _price_words(order: Order) -> Text:
    return T("{price} each.", price=order.price) if order.price is not None else T("The price is not known yet.")


def _so_far(order: Order) -> Text:
    if order.state not in ("open", "short"):
        return N("{n} is ordered.", "{n} are ordered.", order.total)
    if order.least_amount is not None and order.price is not None:
        so_far = Amount(order.total * order.price)
        return T("Ordered for {amount} so far; the minimum is {least}.", amount=so_far, least=order.least_amount)
    if order.least is not None:
        return T("{n} ordered so far; the minimum is {least}.", n=order.total, least=order.least)
    return T("{n} ordered so far.", n=order.total)


def _short_words(order: Order) -> Text:
    return T("The minimum is not reached.") if order.total else T("Nobody has ordered.")


def _details(order: Order) -> Button:
    return Button(label=T("Details"), says=order_shown.says(order=order.id))


def _joining(order: Order) -> tuple[Button, ...]:
    return (
        Button(label="+1", says=order_more.says(order=order.id)),
        Button(label="−1", says=order_less.says(order=order.id)),
    )


@router.card("order")
async def order_card(view: View, ref: int) -> Shown | None:
    """An order in the group: how many are ordered, never by whom."""
    order = await orders.order(view.tx, view.committee.id, ref)
    if order is None:
        return None
    if order.state in ("done", "off"):
        words = (
            T("Order no. {number}, {what}: all is settled.", number=order.number, what=order.called)
            if order.state == "done"
            else T("Order no. {number}, {what}: it does not take place.", number=order.number, what=order.called)
        )
        return Shown(words)
    told: list[Words] = [*_heading(order)]
    if order.state == "short":
        told += [_short_words(order), T("{name} says how it goes on.", name=order.name)]
    over = (Button(label=T("I take it over"), says=order_take_over.says(order=order.id)),)
    if not order.active:
        told.append(T("{name} has left. Who goes on with it?", name=order.name))
    rows = ((*_joining(order), _details(order)),) if order.state == "open" else ((_details(order),),)
    return Shown(lines(*told), buttons=(*rows, *((over,) if not order.active else ())))


# --- looking -----------------------------------------------------------------------------------------------------


@router.command(
    "orders", allow=Authority.MEMBER, label=_TITLE, help=T("What is being ordered together."), repeatable=True
)
async def orders_(context: Context) -> Reply:
    """All that goes on."""
    return await _page(context, 1)


@router.command(
    "orders_page",
    allow=Authority.MEMBER,
    typed=False,
    help=T("A page of the orders."),
    repeatable=True,
    in_place=True,
)
async def orders_page(context: Context, *, number: Number = 1) -> Reply:
    """Another page, in place of the one whose button was pressed."""
    return await _page(context, number)


async def _page(context: Context, number: int) -> Reply:
    there = await orders.alive(context.tx, context.committee.id)
    if not there:
        return Reply(_NONE_OPEN)
    begin = (number - 1) * PER_PAGE
    page = there[begin : begin + PER_PAGE]
    told = [_row_words(one) for one in page]
    buttons = [Button(label=T("No. {number}", number=one.number), says=order_shown.says(order=one.id)) for one in page]
    ways = []
    if number > 1:
        ways.append(Button(label=T("Back"), says=orders_page.says(number=number - 1)))
    if len(there) > begin + PER_PAGE:
        ways.append(Button(label=T("More"), says=orders_page.says(number=number + 1)))
    rows = [*(tuple(buttons[at : at + 4]) for at in range(0, len(buttons), 4)), tuple(ways)]
    return Reply(lines(T("{title}", title=Bold(_TITLE)), *told), buttons=tuple(row for row in rows if row))


def _row_words(order: Order) -> Text:
    if order.state == "open":
        return T(
            "No. {number}: {what}, until {time}. {so_far}",
            number=order.number,
            what=order.called,
            time=order.until,
            so_far=_so_far(order),
        )
    if order.state == "short":
        return T("No. {number}: {what}. The minimum is not reached.", number=order.number, what=order.called)
    return T("No. {number}: {what}. It is ordered: {n}.", number=order.number, what=order.called, n=order.total)


@router.command(
    "order_shown", allow=Authority.MEMBER, typed=False, help=T("One order."), repeatable=True, in_place=True
)
async def order_shown(context: Context, *, order: Reference) -> Reply:
    """An order as whoever asks may see it, with what they can do."""
    return await _shown(context, await _alive(context, order, *rule.ALIVE))


async def _shown(context: Context, order: Order) -> Reply:
    told: list[Words] = [*_heading(order)]
    rows: list[tuple[Button, ...]] = []
    costs = await orders.costs_of(context.tx, order)
    told += [_cost_words(one) for one in costs]
    line = await orders.line_of(context.tx, order, context.member.id)
    told += await _own_words(context, order, line)
    if order.state == "open":
        rows.append(_joining(order))
    if order.state == "ordered" and line is not None:
        rows.append(_marks(order, line))
    slots = await orders.slots_of(context.tx, order)
    told += [await _slot_line(context, slot) for slot in slots]
    if await _sees(context, order) and order.people:
        rows.append((Button(label=T("Who takes how many"), says=order_people.says(order=order.id)),))
    if await _keeps(context, order):
        rows += _keeper_rows(context, order)
        rows += [
            (Button(label=T("Take off {amount}", amount=Amount(one.cost.amount)), says=cost_off.says(cost=one.id)),)
            for one in costs
        ]
        rows += [
            (Button(label=T("Call off {time}", time=_when(context, slot)), says=slot_off.says(slot=slot.id)),)
            for slot in slots
            if slot.step < rule.OVER
        ]
    elif not order.active:
        rows.append((Button(label=T("I take it over"), says=order_take_over.says(order=order.id)),))
    rows.append((Button(label=T("All orders"), says=orders_page.says()),))
    return Reply(lines(*told), buttons=tuple(rows), private=True, about=(order.thing,))


def _keeper_rows(context: Context, order: Order) -> list[tuple[Button, ...]]:
    asking = context.commands.asking
    price_ = Button(label=T("Set the price"), says=asking(price.says(number=order.number)))
    costs_ = Button(label=T("Share costs"), says=asking(costs.says(number=order.number)))
    off = Button(label=T("Let it go"), says=asking(letgo.says(number=order.number)))
    if order.state == "short":
        return [_longer_buttons(order), (off,)]
    longer = Button(label=T("Longer"), says=asking(prolong.says(number=order.number)))
    if order.state == "open":
        return [(price_, costs_), (longer, off)]
    turns = Button(label=T("Time to fetch it"), says=asking(pickup.says(number=order.number)))
    settled = Button(label=T("All is settled"), says=order_settled.says(order=order.id))
    return [(price_, costs_), (turns, settled), (off,)]


def _longer_buttons(order: Order) -> tuple[Button, ...]:
    return (
        Button(label=T("2 days longer"), says=prolong.says(number=order.number, until="2 d")),
        Button(label=T("A week longer"), says=prolong.says(number=order.number, until="7 d")),
    )


def _cost_words(shared: orders.Shared) -> Text:
    words = shared.words or T("costs")
    if shared.cost.how == "each":
        return T("Shared, for each the same: {amount}, {words}.", amount=Amount(shared.cost.amount), words=words)
    return T("Shared, by how many each takes: {amount}, {words}.", amount=Amount(shared.cost.amount), words=words)


async def _own_words(context: Context, order: Order, line: Line | None) -> list[Words]:
    """What somebody takes, and owes now."""
    if line is None:
        return [T("You take none.")] if order.state == "open" else []
    owed = (await orders.owed(context.tx, order))[line.id]
    return [_takes(order, line, owed)]


def _takes(order: Order, line: Line, owed: int) -> Words:
    """What somebody takes and what is open; `owed`: in all."""
    if order.price is None:
        return T("You take {n}. {name} says what it costs.", n=line.quantity, name=order.name)
    amount = Amount(owed)
    if order.state != "ordered":
        return T("You take {n}: {amount}.", n=line.quantity, amount=amount)
    if line.member_id == order.member_id:
        return T("You take {n}; your part is {amount}.", n=line.quantity, amount=amount)
    paid = line.paid or 0
    if line.paid is None:
        return T("You take {n}, and pay {name} {amount}.", n=line.quantity, name=order.name, amount=amount)
    if paid < owed:
        return T(
            "You take {n}: {amount}. Of that {paid} is paid, and {rest} is left.",
            n=line.quantity,
            amount=amount,
            paid=Amount(paid),
            rest=Amount(owed - paid),
        )
    if paid > owed:
        return T(
            "You take {n}: {amount}. You have paid {paid}; {name} gives you back {rest}.",
            n=line.quantity,
            amount=amount,
            paid=Amount(paid),
            name=order.name,
            rest=Amount(paid - owed),
        )
    return T("You take {n}: {amount}, paid.", n=line.quantity, amount=amount)


# --- ordering ----------------------------------------------------------------------------------------------------


@router.command(
    "want",
    allow=Authority.MEMBER,
    label=T("Take part in an order"),
    help=T("Say how many you take of an order; {none}: none.", none=Typed("0")),
    sample=("1", "2"),
    asks={"number": Asks(_WHICH, _open_ones, _NONE_OPEN)},
    for_others=True,
)
async def want(context: Context, *, number: Number, count: Count) -> Reply:
    """From now on they take so many."""
    found = _still(await orders.numbered(context.tx, context.committee.id, number), "open")
    return await _take(context, found, count)


@router.command("order_more", allow=Authority.MEMBER, typed=False, help=T("One more."), in_place=True)
async def order_more(context: Context, *, order: Reference) -> Reply:
    """One more than before."""
    found = await _alive(context, order, "open")
    line = await orders.line_of(context.tx, found, context.member.id)
    return await _take(context, found, (line.quantity if line is not None else 0) + 1)


@router.command("order_less", allow=Authority.MEMBER, typed=False, help=T("One less."), in_place=True)
async def order_less(context: Context, *, order: Reference) -> Reply:
    """One less than before; never less than none."""
    found = await _alive(context, order, "open")
    line = await orders.line_of(context.tx, found, context.member.id)
    if line is None:
        raise Refusal(T("You take none of it: {what}.", what=found.called), private=True)
    return await _take(context, found, line.quantity - 1)


async def _take(context: Context, order: Order, quantity: int) -> Reply:
    if context.now >= order.until:
        raise Refusal(T("The time to order is over: no. {number}, {what}.", number=order.number, what=order.called),
                      private=True)  # fmt: skip
    if quantity > rule.QUANTITY_MAX:
        raise Refusal(T("That is too much for one person: at most {n}.", n=rule.QUANTITY_MAX), private=True)
    before = await orders.line_of(context.tx, order, context.member.id)
    if before is None and order.people >= orders.LINES_MAX:
        raise Refusal(T("Too many take part already. Begin another order: {order}", order=_ORDER), private=True)
    order = await orders.put(context.tx, order, context.member.id, quantity)
    if context.pressed and context.place is not None and context.place.private:
        return await _shown(context, order)
    line = await orders.line_of(context.tx, order, context.member.id)
    if line is None:
        return Reply(T("You take none of it: {what}.", what=order.called), private=True, about=(order.thing,))
    [words] = await _own_words(context, order, line)
    what = T("No. {number}, {what}:", number=order.number, what=order.called)
    return Reply(lines(what, words), private=True, about=(order.thing,))


# --- who takes how many ------------------------------------------------------------------------------------------


@router.command(
    "order_people",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Who takes how many of an order."),
    repeatable=True,
    in_place=True,
)
async def order_people(context: Context, *, order: Reference, number: Number = 1) -> Reply:
    """The list, for those who look after it or fetch it."""
    found = await _alive(context, order, *rule.ALIVE)
    if not await _sees(context, found):
        raise Refusal(_ONLY_KEEPERS, private=True)
    there = await orders.lines_of(context.tx, found)
    begin = (number - 1) * PER_PAGE
    page = there[begin : begin + PER_PAGE]
    owed = await orders.owed(context.tx, found)
    told: list[Words] = [T("No. {number}, {what}:", number=found.number, what=found.called)]
    told += [_listed(found, one, owed[one.id]) for one in page]
    if number == 1 and found.price is not None:
        told.append(T("In all: {n}, {amount}.", n=found.total, amount=Amount(sum(owed.values()))))
    rows: list[tuple[Button, ...]] = []
    if found.state == "ordered":
        buttons = [Button(label=one.name, says=order_line.says(line=one.id)) for one in page]
        rows += [tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2)]
    ways = []
    if number > 1:
        ways.append(Button(label=T("Before"), says=order_people.says(order=found.id, number=number - 1)))
    if len(there) > begin + PER_PAGE:
        ways.append(Button(label=T("More"), says=order_people.says(order=found.id, number=number + 1)))
    rows += [tuple(ways), (Button(label=T("Back"), says=order_shown.says(order=found.id)),)]
    return Reply(lines(*told), buttons=tuple(row for row in rows if row), private=True, about=(found.thing,))


_ONLY_KEEPERS = T("Who takes how many is seen by whoever looks after the order, and by those who fetch it.")


def _listed(order: Order, line: Line, owed: int) -> Text:
    """One line: who, how many, for how much, and what is noted."""
    name = line.name
    if order.price is None:
        return T("{name}: {n}", name=name, n=line.quantity)
    amount = Amount(owed)
    paid = line.paid is not None and (line.paid == owed or line.member_id == order.member_id)
    if paid and line.collected:
        return T("{name}: {n}, {amount}, paid, has it", name=name, n=line.quantity, amount=amount)
    if paid:
        return T("{name}: {n}, {amount}, paid", name=name, n=line.quantity, amount=amount)
    if line.paid is not None:
        return T("{name}: {n}, {amount}, paid {paid}", name=name, n=line.quantity, amount=amount, paid=line.paid)
    if line.collected:
        return T("{name}: {n}, {amount}, has it", name=name, n=line.quantity, amount=amount)
    return T("{name}: {n}, {amount}", name=name, n=line.quantity, amount=amount)


@router.command(
    "order_line",
    allow=Authority.MEMBER,
    typed=False,
    help=T("What somebody takes of an order."),
    repeatable=True,
    in_place=True,
)
async def order_line(context: Context, *, line: Reference) -> Reply:
    """Somebody's part, with what can be noted."""
    order, found = await _noted(context, line)
    return await _line_page(context, order, found)


async def _line_page(context: Context, order: Order, line: Line) -> Reply:
    owed = (await orders.owed(context.tx, order))[line.id]
    told = (T("No. {number}, {what}:", number=order.number, what=order.called), _listed(order, line, owed))
    back = (Button(label=T("Back"), says=order_people.says(order=order.id)),)
    return Reply(lines(*told), buttons=(_marks(order, line), back), private=True, about=(order.thing,))


def _marks(order: Order, line: Line) -> tuple[Button, ...]:
    paid, has = line.paid is not None, line.collected
    paying = Button(label=T("Not paid") if paid else T("Paid"), says=_marking(line, "unpaid" if paid else "paid"))
    having = Button(
        label=T("Not collected") if has else T("Collected"),
        says=_marking(line, "uncollected" if has else "collected"),
    )
    # Nobody pays themselves.
    return (having,) if line.member_id == order.member_id else (paying, having)


def _marking(line: Line, mark: str) -> Any:
    return order_mark.says(line=line.id, mark=mark)


async def _noted(context: Context, id_: int) -> tuple[Order, Line]:
    """A part of an order that they may note something about: their own, or as whoever looks after it or fetches it."""
    line = await orders.line(context.tx, context.committee.id, id_)
    if line is None:
        raise Refusal(T("There is no such order. {orders} shows what goes on.", orders=_ORDERS), private=True)
    order = await _alive(context, line.order_id, "ordered")
    if not (await _speaks_for(context, line.member_id) or await _sees(context, order)):
        raise Refusal(_ONLY_KEEPERS, private=True)
    return order, line


@router.command("order_mark", allow=Authority.MEMBER, typed=False, help=T("Note that it is paid, or there."),
                in_place=True)  # fmt: skip
async def order_mark(context: Context, *, line: Reference, mark: Mark) -> Reply:
    """Pressed; a second press of the same changes nothing."""
    order, found = await _noted(context, line)
    await _set_mark(context, order, found, mark)
    again = await orders.line(context.tx, context.committee.id, line)
    assert again is not None
    if await _speaks_for(context, again.member_id):
        return await _shown(context, order)
    return await _line_page(context, order, again)


async def _set_mark(context: Context, order: Order, line: Line, mark: str) -> None:
    """Note it, and tell the other of the two. Raises Refusal."""
    if mark in ("collected", "uncollected"):
        await orders.set_collected(context.tx, line, collected=mark == "collected")
        return
    keeps = await _keeps(context, order)
    if not keeps and not await _speaks_for(context, line.member_id):
        raise Refusal(T("Only {name}, who looks after this order, can say that.", name=order.name), private=True)
    if order.price is None:
        raise Refusal(T("The price is not known yet."), private=True)
    paid = (await orders.owed(context.tx, order))[line.id] if mark == "paid" else None
    if paid == line.paid:
        return
    await orders.set_paid(context.tx, line, paid)
    what = T("No. {number}, {what}:", number=order.number, what=order.called)
    if not keeps:
        words = (
            T("{name} says: {amount} is paid.", name=line.name, amount=paid)
            if paid is not None
            else T("{name} says: it is not paid after all.", name=line.name)
        )
        for keeper in await _keepers(context, order):
            await context.tell(keeper, lines(what, words), buttons=((_line_button(line),),), about=(order.thing,))
    elif not await _speaks_for(context, line.member_id):
        words = (
            T("{name} notes that you have paid {amount}. Thank you!", name=context.member.name, amount=paid)
            if paid is not None
            else T("{name} notes that it is not paid yet. If that is wrong, talk it over.", name=context.member.name)
        )
        await _tell(context, order, line, lines(what, words))


def _line_button(line: Line) -> Button:
    return Button(label=T("Look"), says=order_line.says(line=line.id))


async def _of(context: Context, number: int, who: Member | None) -> tuple[Order, Line]:
    order = _still(await orders.numbered(context.tx, context.committee.id, number), "ordered")
    line = await orders.line_of(context.tx, order, (who or context.member).id)
    if who is not None and who.id != context.member.id and not await _sees(context, order):
        raise Refusal(_ONLY_KEEPERS, private=True)
    if line is None:
        raise Refusal(
            T("{name} takes none of it: {what}.", name=who.name, what=order.called)
            if who is not None
            else T("You take none of it: {what}.", what=order.called),
            private=True,
        )
    return order, line


@router.command(
    "paid",
    allow=Authority.MEMBER,
    label=T("I have paid for an order"),
    help=T("Note that your part of an order is paid; whoever looks after it can say it of others: {example}.",
           example=Typed("/paid", "1", "@ben")),
    sample=("1",),
    asks={"number": Asks(_WHICH, _taken_ones, T("You take nothing that is to be paid just now."))},
    for_others=True,
)  # fmt: skip
async def paid(context: Context, *, number: Number, who: Person | None = None) -> Reply:
    """Noted; no money moves by it."""
    order, line = await _of(context, number, who)
    await _set_mark(context, order, line, "paid")
    words = T("Noted as paid: {name}, no. {number}, {what}.", name=line.name, number=order.number, what=order.called)
    undo = Button(label=T("Undo"), says=_marking(line, "unpaid"))
    return Reply(words, buttons=((undo,),), private=True, about=(order.thing,))


@router.command(
    "collected",
    allow=Authority.MEMBER,
    label=T("I have what I ordered"),
    help=T("Note that you have your part of an order; those who hand it out can say it of others: {example}.",
           example=Typed("/collected", "1", "@ben")),
    sample=("1",),
    asks={"number": Asks(_WHICH, _taken_ones, T("You wait for nothing just now."))},
    for_others=True,
)  # fmt: skip
async def collected(context: Context, *, number: Number, who: Person | None = None) -> Reply:
    """Noted."""
    order, line = await _of(context, number, who)
    await _set_mark(context, order, line, "collected")
    words = T("Noted as collected: {name}, no. {number}, {what}.", name=line.name, number=order.number,
              what=order.called)  # fmt: skip
    undo = Button(label=T("Undo"), says=_marking(line, "uncollected"))
    return Reply(words, buttons=((undo,),), private=True, about=(order.thing,))


# --- telling those who take part ---------------------------------------------------------------------------------


async def _tell(context: Context, order: Order, line: Line, words: Words) -> bool:
    """Say something about an order to somebody who is still here. False: they cannot be written to."""
    to = await _member(context, line.member_id)
    return not to.active or await context.tell(to, words, about=(order.thing,))


async def _tell_all(
    context: Context, order: Order, words: Words, *, owing: bool = False, but: int | None = None
) -> list[str]:
    """Say the same to all who take part; `owing`: with what each takes and pays; `but`: this member hears it otherwise.

    Returns whom it cannot reach.
    """
    owed = await orders.owed(context.tx, order)
    unreached = []
    for line in await orders.lines_of(context.tx, order):
        if line.member_id == but:
            continue
        own = _takes(order, line, owed[line.id]) if owing else None
        if not await _tell(context, order, line, lines(words, own)):
            unreached.append(line.name)
    return unreached


async def _tell_keepers(context: Context, order: Order, words: Words, *rows: tuple[Button, ...]) -> None:
    for keeper in await _keepers(context, order):
        buttons = rows if keeper.helper_id is None else ()
        if await context.tell(keeper, words, buttons=buttons, about=(order.thing,)):
            continue
        # Never the list, only that it waits.
        await context.announce(T("{name}, your order no. {number} waits for you: {orders}", name=keeper.name,
                                 number=order.number, orders=_ORDERS))  # fmt: skip


# --- what it costs -----------------------------------------------------------------------------------------------


@router.command(
    "price",
    allow=Authority.MEMBER,
    label=T("Set the price of an order"),
    help=T("What one costs, when it is known or turns out different: everybody hears what they pay now."),
    sample=("1", "11.80"),
    asks={"number": Asks(_WHICH, _mine_in("open", "ordered"), _NONE)},
)
async def price(context: Context, *, number: Number, amount: Money) -> Reply:
    """The price is another; those who take part hear what they pay now."""
    order = await _kept(context, number, "open", "short", "ordered")
    if order.price == amount:
        return Reply(T("That is the price already."), private=True)
    before = order.price
    order = await orders.reprice(context.tx, order, amount)
    head = T("No. {number}, {what}:", number=order.number, what=order.called)
    words = (
        T("One costs {price}.", price=amount)
        if before is None
        else T("One costs {price}, not {before}.", price=amount, before=before)
    )
    await _tell_all(context, order, lines(head, words), owing=True)
    told = N("{n} person takes part, and hears it.", "{n} people take part, and hear it.", order.people)
    return Reply(lines(head, words, told if order.people else None), private=True, about=(order.thing,))


@router.command(
    "costs",
    allow=Authority.MEMBER,
    label=T("Share costs of an order"),
    help=T("Share what comes on top, such as delivery: by how many each takes, or for each the same."),
    sample=("1", "15.00", T("delivery")),
    asks={
        "number": Asks(_WHICH, _mine_in("open", "ordered"), _NONE),
        "amount": Asks(T("How much is it in all? Write it, like {example}.", example=Typed("15.00"))),
        "words": Asks(T("What is it for? Write a word or two.")),
        "how": Asks(T("How shall it be shared?"), instead=(T("By how many each takes"), {"how": "size"})),
    },
)
async def costs(context: Context, *, number: Number, amount: Money, how: How | None = None, words: Note = "") -> Reply:
    """A cost is shared by all; they hear what they pay now."""
    order = await _kept(context, number, "open", "short", "ordered")
    said, rest = rule.read_how(words)
    if how is None and said is None:
        question = context.tx.token()
        buttons = [
            answer_button(label, costs.says(number=number, amount=amount, how=value, words=rest),
                          context.member, question)
            for value, label in _HOW_LABELS.items()
        ]  # fmt: skip
        return Reply(
            T("How shall {amount} be shared?", amount=amount),
            buttons=tuple((button,) for button in buttons),
            private=True,
        )
    if len(await orders.costs_of(context.tx, order)) >= orders.COSTS_MAX:
        raise Refusal(T("{n} costs are shared already. Take one off first.", n=orders.COSTS_MAX), private=True)
    split: rule.How = "each" if (how or said) == "each" else "size"
    id_, hashed = await orders.add_cost(context.tx, order, amount, split, rest, by=context.member, now=context.now)
    body = {"order": order.id, "member": context.member.id, "cost": id_, "amount": amount, "how": split}
    kept = {"words": hashed} if hashed is not None else {}
    await entries.append(context.tx, context.committee, "order", {**body, **kept}, now=context.now)
    order = await orders.changed(context.tx, order)
    [shared] = [one for one in await orders.costs_of(context.tx, order) if one.id == id_]
    head = T("No. {number}, {what}:", number=order.number, what=order.called)
    await _tell_all(context, order, lines(head, _cost_words(shared)), owing=True)
    off = Button(label=T("Take it off"), says=cost_off.says(cost=id_))
    told = N("{n} person takes part, and hears it.", "{n} people take part, and hear it.", order.people)
    return Reply(
        lines(head, _cost_words(shared), told if order.people else None),
        buttons=((off, _details(order)),),
        private=True,
        about=(order.thing,),
    )


@router.command("cost_off", allow=Authority.MEMBER, typed=False, help=T("Do not share a cost after all."))
async def cost_off(context: Context, *, cost: Reference) -> Reply:
    """It is not shared any more; they hear what they pay now."""
    found = await orders.order_of_cost(context.tx, context.committee.id, cost)
    order = await _as_keeper(context, found, "open", "short", "ordered")
    await orders.drop_cost(context.tx, order, cost)
    head = T("No. {number}, {what}:", number=order.number, what=order.called)
    words = T("A shared cost is taken off.")
    await _tell_all(context, order, lines(head, words), owing=True)
    return Reply(lines(head, words), private=True, about=(order.thing,))


# --- the deadline ------------------------------------------------------------------------------------------------


@router.command("order_due", allow=Authority.CLOCK, typed=False, help=T("An order is looked at."))
async def order_due(context: Context, *, order: Reference) -> None:
    """Close it at its deadline; let go of what nobody decided; ask whether all is settled."""
    found = await orders.order(context.tx, context.committee.id, order)
    if found is None or found.state not in rule.ALIVE:
        return
    if found.state == "open":
        await _close(context, found)
    elif found.state == "short":
        await _off(context, found, T("Nobody has prolonged it."))
    elif context.now >= found.since + rule.OVER_AFTER:
        await _settle(context, found)
    else:
        await _plan(context, found)
        await _ask_settled(context, found)


async def _close(context: Context, order: Order) -> None:
    head = T("No. {number}, {what}:", number=order.number, what=order.called)
    if order.missing:
        order = await orders.move(context.tx, order, "short", now=context.now)
        await _plan(context, order)
        words = lines(head, T("The time to order is over."), _short_words(order), _so_far(order))
        deciding = T("{name} can prolong it, or let it go.", name=order.name)
        await _tell_all(context, order, lines(words, deciding), but=order.member_id)
        await _tell_keepers(
            context,
            order,
            lines(words, T("Prolong it within {n} days, or let it go: {prolong}", n=rule.LAPSES_AFTER.days,
                           prolong=Typed("/prolong", str(order.number), _LATER))),
            _longer_buttons(order),
            (Button(label=T("Let it go"), says=context.commands.asking(letgo.says(number=order.number))),),
        )  # fmt: skip
        return
    order = await orders.move(context.tx, order, "ordered", now=context.now)
    await _plan(context, order)
    body = {"order": order.id, "total": order.total, "enough": True}
    await entries.append(context.tx, context.committee, "order", body, now=context.now)
    unreached = await _tell_all(context, order, lines(head, T("It is ordered: {n} in all.", n=order.total)), owing=True)
    await _tell_list(context, order, unreached)


async def _tell_list(context: Context, order: Order, unreached: Sequence[str] = ()) -> None:
    """Who takes how many, for whoever looks after it."""
    owed = await orders.owed(context.tx, order)
    there = await orders.lines_of(context.tx, order)
    told: list[Words] = [
        T("Your list for order no. {number}, {what}:", number=order.number, what=order.called),
        *(_listed(order, line, owed[line.id]) for line in there[:NAMES_MAX]),
    ]
    if len(there) > NAMES_MAX:
        left = len(there) - NAMES_MAX
        told.append(N("{n} more: look at the details.", "{n} more: look at the details.", left))
    if order.price is not None:
        told.append(T("In all: {n}, {amount}.", n=order.total, amount=Amount(sum(owed.values()))))
    else:
        told.append(T("Say what one costs: {price}", price=Typed("/price", str(order.number), "12.50")))
    if unreached:
        told.append(T("I cannot write to {names}: tell them.", names=Listed(tuple(unreached[:NAMES_MAX]))))
    asking = context.commands.asking
    await _tell_keepers(
        context,
        order,
        lines(*told),
        (
            Button(label=T("Share costs"), says=asking(costs.says(number=order.number))),
            Button(label=T("Time to fetch it"), says=asking(pickup.says(number=order.number))),
        ),
        (_details(order),),
    )


@router.command(
    "prolong",
    allow=Authority.MEMBER,
    label=T("Prolong an order"),
    help=T("Let people order for longer."),
    sample=("1", _LATER),
    asks={
        "number": Asks(_WHICH, _mine_in("open", "short"), _NONE),
        "until": Asks(
            T("Until when can people order? Choose, or write it, like {example}.", example=_TIME),
            _deadlines,
        ),
    },
)
async def prolong(context: Context, *, number: Number, until: Note) -> Reply:
    """It is open until another time."""
    order = await _kept(context, number, "open", "short")
    day = rule.read_until(until, now=_wall(context))
    if day is None:
        raise _no_time()
    at = instant(day, context.committee.zone)
    if order.state == "open" and at == order.until:
        return Reply(T("It is open until then already."), private=True)
    again = order.state == "short"
    order = await orders.prolong(context.tx, order, at, now=context.now)
    await _plan(context, order)
    words = T("Order no. {number}, {what}, is open until {time}.", number=order.number, what=order.called,
              time=order.until)  # fmt: skip
    await _tell_all(context, order, words, but=context.member.id)
    if again:
        # The card is far above by now.
        await context.show(Card("order", order.id))
    return Reply(words, private=True, about=(order.thing,))


async def _letgo_asked(context: Context, /, *, number: int) -> Words:
    order = await _kept(context, number, *rule.ALIVE)
    return lines(
        T("Let it go: no. {number}, {what}?", number=order.number, what=order.called),
        N("{n} person takes part, and hears it.", "{n} people take part, and hear it.", order.people)
        if order.people
        else None,
    )


@router.command(
    "letgo",
    allow=Authority.MEMBER,
    label=T("Let an order go"),
    help=T("An order does not take place: everybody who takes part hears it."),
    sample=("1",),
    asks={"number": Asks(_WHICH, _mine_in(*rule.ALIVE), _NONE)},
    confirm=_letgo_asked,
)
async def letgo(context: Context, *, number: Number) -> Reply:
    """It is cancelled by whoever looks after it."""
    order = await _kept(context, number, *rule.ALIVE)
    await _off(context, order, T("{name} lets it go.", name=context.member.name))
    told = T("Order no. {number}, {what}: it does not take place.", number=order.number, what=order.called)
    back = [
        T("{name}: {amount}", name=line.name, amount=line.paid)
        for line in await orders.lines_of(context.tx, order)
        if line.paid and line.member_id != order.member_id
    ]
    given = T("Give back what was paid: {parts}.", parts=Listed(tuple(back[:NAMES_MAX]))) if back else None
    return Reply(lines(told, given), private=True, about=(order.thing,))


async def _off(context: Context, order: Order, why: Text) -> None:
    head = T("Order no. {number}, {what}: it does not take place.", number=order.number, what=order.called)
    order = await orders.move(context.tx, order, "off", now=context.now)
    body = {"order": order.id, "total": order.total, "enough": False}
    await entries.append(context.tx, context.committee, "order", body, now=context.now)
    for slot in await orders.slots_of(context.tx, order):
        await orders.stepped(context.tx, slot, rule.CALLED_OFF)
    for line in await orders.lines_of(context.tx, order):
        if context.of_member is not None and line.member_id == context.of_member.id:
            continue
        back = (
            T("You had paid {amount}: {name} gives it back.", amount=line.paid, name=order.name)
            if line.paid and line.member_id != order.member_id
            else None
        )
        await _tell(context, order, line, lines(head, why, back))
    if context.of_member is None:
        await _tell_keepers(context, order, lines(head, why))


@router.command("order_settled", allow=Authority.MEMBER, typed=False, help=T("All of an order is settled."))
async def order_settled(context: Context, *, order: Reference) -> Reply:
    """Whoever looks after it says that nothing is open any more."""
    found = await _as_keeper(context, await orders.order(context.tx, context.committee.id, order), "ordered")
    await _settle(context, found)
    words = T("Order no. {number}, {what}: all is settled.", number=found.number, what=found.called)
    return Reply(lines(words, _thanked()), private=True, about=(found.thing,))


async def _settle(context: Context, order: Order) -> None:
    await orders.move(context.tx, order, "done", now=context.now)
    for slot in await orders.slots_of(context.tx, order):
        if slot.start > context.now:
            await orders.stepped(context.tx, slot, rule.CALLED_OFF)


def _thanked() -> Text:
    return T("The time that it took can be recorded: {worked}", worked=Typed("/worked", "1h"))


async def _ask_settled(context: Context, order: Order) -> None:
    owed = await orders.owed(context.tx, order)
    left = [
        line.name
        for line in await orders.lines_of(context.tx, order)
        if line.member_id != order.member_id and (not line.collected or line.paid is None or line.paid < owed[line.id])
    ]
    names = Listed(tuple(left[:NAMES_MAX]))
    words = lines(
        T("Is all settled? Order no. {number}, {what}.", number=order.number, what=order.called),
        T("Not noted as paid and collected: {names}.", names=names) if left else None,
    )
    settled = Button(label=T("All is settled"), says=order_settled.says(order=order.id))
    for line in await orders.lines_of(context.tx, order):
        rest = owed[line.id] - (line.paid or 0)
        if line.active and rest > 0 and line.member_id != order.member_id and order.price is not None:
            to = await _member(context, line.member_id)
            to = to if to.helper_id is None else await _member(context, to.helper_id)
            await context.nudge(to, _open_words(order, rest), buttons=((_details(order),),), key=line.thing)
    for keeper in await _keepers(context, order):
        await context.nudge(keeper, words, buttons=((settled, _details(order)),), key=order.thing)


# --- whose turn it is to fetch it --------------------------------------------------------------------------------


@router.command(
    "pickup",
    allow=Authority.MEMBER,
    label=T("A time to fetch an order"),
    help=T("When an order is fetched or handed out: people take a turn, and I share out what is left."),
    sample=("1", _PICKUP),
    asks={
        "number": Asks(_WHICH, _mine_in("ordered"), _NONE),
        "words": Asks(
            T("When, and what is to be done? Write it, like {example}.",
              example=Typed(_PICKUP))
        ),
    },
)  # fmt: skip
async def pickup(context: Context, *, number: Number, words: Note) -> Reply | Card:
    """A time is set; the group sees it, and whoever likes takes a turn."""
    order = await _kept(context, number, "ordered")
    parts = words.split()
    found = read_when(parts, now=_wall(context))
    if found is None:
        raise Refusal(
            T("I do not understand when. Write it like this: {example}", example=pickup.example), private=True
        )
    when, count = found
    zone = context.committee.zone
    start = instant(when.start, zone)
    end = start + timedelta(hours=1) if when.end is None else instant(when.end, zone)
    if start <= context.now or end <= start:
        raise Refusal(T("That time is over already. Say a later one, like {example}.", example=_TIME),
                      private=True)  # fmt: skip
    if start > context.now + rule.AHEAD_MAX:
        raise Refusal(T("That is far away: at most {n} days ahead.", n=rule.AHEAD_MAX.days), private=True)
    if len(await orders.slots_of(context.tx, order)) >= orders.SLOTS_MAX:
        raise Refusal(T("There are {n} times already. Call one off first.", n=orders.SLOTS_MAX), private=True)
    seats, what = rule.read_seats(" ".join(parts[count:]))
    if not any(letter.isalnum() for letter in what):
        raise Refusal(T("What is to be done? Write it like this: {example}", example=pickup.example), private=True)
    slot, hashed = await orders.add_slot(context.tx, order, start, end, seats, what, by=context.member, now=context.now)
    body = {"order": order.id, "member": context.member.id, "slot": slot.id, "words": hashed}
    await entries.append(context.tx, context.committee, "order", body, now=context.now)
    await _plan_slot(context, slot)
    card = Card("order_slot", slot.id)
    if not context.in_private:
        return card
    await context.show(card)
    off = Button(label=T("Call it off"), says=slot_off.says(slot=slot.id))
    return Reply(
        lines(
            await _slot_line(context, slot),
            T("The group sees it now. Whoever likes takes a turn; what is left I share out among those who ordered."),
        ),
        buttons=((off, _details(order)),),
        private=True,
        about=(slot.thing,),
    )


async def _plan_slot(context: Context, slot: Slot) -> None:
    at = slot.times.next_at(slot.step, context.committee.zone)
    if at is not None:
        await orders.plan(context.tx, context.committee, slot.thing, slot_due.says(slot=slot.id), at=at)


def _when(context: Context | View, slot: Slot) -> Text:
    start, end = (at.astimezone(context.committee.zone) for at in (slot.times.start, slot.times.end))
    if start.date() == end.date():
        return T("{start} to {end}", start=slot.times.start, end=f"{end:%H:%M}")
    return T("{start} to {end}", start=slot.times.start, end=slot.times.end)


async def _slot_line(context: Context | View, slot: Slot) -> Text:
    """When, what, and who does it."""
    standing = [turn.name for turn in await orders.turns_of(context.tx, slot) if turn.stands]
    time, what, names = _when(context, slot), slot.called, Listed(tuple(standing))
    if not standing:
        return T("{time}: {what}. Nobody yet; needed: {seats}.", time=time, what=what, seats=slot.seats)
    if len(standing) < slot.seats:
        left = slot.seats - len(standing)
        return T("{time}: {what}. {names}; still needed: {n}.", time=time, what=what, names=names, n=left)
    return T("{time}: {what}. {names}.", time=time, what=what, names=names)


@router.card("order_slot")
async def slot_card(view: View, ref: int) -> Shown | None:
    """A time to fetch or to hand out, in the group: who does it is for all to see, for they wait there."""
    slot = await orders.slot(view.tx, view.committee.id, ref)
    order = await orders.order(view.tx, view.committee.id, slot.order_id) if slot is not None else None
    if slot is None or order is None:
        return None
    head = T("Order no. {number}, {what}:", number=order.number, what=order.called)
    if slot.step == rule.CALLED_OFF:
        return Shown(lines(head, T("{time}: {what}. Called off.", time=_when(view, slot), what=slot.called)))
    told = lines(head, await _slot_line(view, slot))
    if slot.step == rule.OVER:
        return Shown(told)
    return Shown(told, buttons=(_turn_buttons(slot),))


def _turn_buttons(slot: Slot) -> tuple[Button, ...]:
    return (
        Button(label=T("I do it"), says=turn_take.says(slot=slot.id)),
        Button(label=T("I cannot"), says=turn_no.says(slot=slot.id)),
    )


async def _ahead(context: Context, id_: int) -> tuple[Order, Slot]:
    """A time that is not over. Raises Refusal."""
    slot = await orders.slot(context.tx, context.committee.id, id_)
    if slot is None or slot.step >= rule.OVER or slot.times.end <= context.now:
        raise Refusal(T("That time is over, or was called off. {orders} shows what goes on.", orders=_ORDERS),
                      private=True)  # fmt: skip
    order = await orders.order(context.tx, context.committee.id, slot.order_id)
    assert order is not None
    return order, slot


@router.command("turn_take", allow=Authority.MEMBER, typed=False, help=T("Take a turn."))
async def turn_take(context: Context, *, slot: Reference) -> Reply:
    """Whoever likes takes a place that is free."""
    order, found = await _ahead(context, slot)
    turns = await orders.turns_of(context.tx, found)
    mine = next((turn for turn in turns if turn.member_id == context.member.id), None)
    if mine is not None and mine.state == "taken":
        return Reply(
            T("It is your turn already: {what}, {time}.", what=found.called, time=_when(context, found)), private=True
        )
    standing = sum(turn.stands for turn in turns if turn.member_id != context.member.id)
    if standing >= found.seats:
        raise Refusal(T("Enough people do it already. Thank you!"), private=True)
    await orders.turn(context.tx, found, context.member.id, "taken", now=context.now)
    await nudges.withdraw(context.tx, f"{found.thing}:{context.member.id}")
    return Reply(
        lines(
            T("Thank you! It is your turn: {what}, {time}.", what=found.called, time=_when(context, found)),
            T("Who takes how many stands in the details of no. {number}: {orders}", number=order.number,
              orders=_ORDERS),
        ),
        private=True,
        about=(found.thing,),
    )  # fmt: skip


@router.command("turn_no", allow=Authority.MEMBER, typed=False, help=T("Do not take a turn."))
async def turn_no(context: Context, *, slot: Reference) -> Reply:
    """Somebody cannot: where it was theirs, the next one is asked."""
    order, found = await _ahead(context, slot)
    turns = await orders.turns_of(context.tx, found)
    mine = next((turn for turn in turns if turn.member_id == context.member.id), None)
    if mine is None and found.step >= rule.SHARED:
        return Reply(T("It is not your turn, so all is well."), private=True)
    await orders.turn(context.tx, found, context.member.id, "declined", now=context.now)
    await nudges.withdraw(context.tx, f"{found.thing}:{context.member.id}")
    if found.step >= rule.SHARED:
        await _share_out(context, order, found)
    time = _when(context, found)
    words = T("All right, you are not asked for it: {what}, {time}.", what=found.called, time=time)
    return Reply(words, private=True, about=(found.thing,))


async def _share_out(context: Context, order: Order, slot: Slot) -> None:
    """Give what is left to those who have had the fewest turns; where nobody is left, whoever looks after it hears."""
    turns = await orders.turns_of(context.tx, slot)
    free = slot.seats - sum(turn.stands for turn in turns)
    times = await orders.could(context.tx, order, now=context.now)
    for id_ in rule.share_out(len(times), times, but={turn.member_id for turn in turns}):
        if not free:
            return
        # Nobody who cannot be told is waited for.
        told = await _give_turn(context, order, slot, id_)
        await orders.turn(context.tx, slot, id_, "given" if told else "declined", now=context.now)
        free -= told
    if free > 0:
        words = lines(
            T("Somebody is still missing: {what}, {time}.", what=slot.called, time=_when(context, slot)),
            T("I have asked everybody who takes part. Ask around, or choose another time."),
        )
        off = Button(label=T("Call it off"), says=slot_off.says(slot=slot.id))
        await _tell_keepers(context, order, words, (off,))


async def _give_turn(context: Context, order: Order, slot: Slot, id_: int) -> bool:
    """Tell somebody that it is their turn. False: they cannot be told."""
    words = lines(
        T("It is your turn: {what}, {time}.", what=slot.called, time=_when(context, slot)),
        T("Order no. {number}, {what}. You have had the fewest turns.", number=order.number, what=order.called),
        T("If you cannot, say so: then I ask somebody else."),
    )
    to = await _member(context, id_)
    return await context.tell(to, words, buttons=(_turn_buttons(slot),), about=(slot.thing,))


@router.command("slot_due", allow=Authority.CLOCK, typed=False, help=T("A time to fetch an order comes near."))
async def slot_due(context: Context, *, slot: Reference) -> None:
    """Share out what is left, remind those whose turn it is, and thank them."""
    found = await orders.slot(context.tx, context.committee.id, slot)
    order = await orders.order(context.tx, context.committee.id, found.order_id) if found is not None else None
    if found is None or order is None:
        return
    for step in found.times.steps_due(found.step, context.committee.zone, now=context.now):
        await orders.stepped(context.tx, found, step)
        if step == rule.SHARED:
            await _share_out(context, order, found)
        elif step == rule.REMINDED:
            await _remind(context, order, found)
        else:
            await _thank(context, order, found)
    again = await orders.slot(context.tx, context.committee.id, slot)
    assert again is not None
    await _plan_slot(context, again)


async def _remind(context: Context, order: Order, slot: Slot) -> None:
    """What is agreed is told, and waits for no budget of reminders: whose turn it is, and who can fetch theirs."""
    head = T("Order no. {number}, {what}:", number=order.number, what=order.called)
    doing = {turn.member_id for turn in await orders.turns_of(context.tx, slot) if turn.stands}
    for id_ in sorted(doing):
        soon = T("Soon it is your turn: {what}, {time}.", what=slot.called, time=_when(context, slot))
        buttons = ((Button(label=T("I cannot"), says=turn_no.says(slot=slot.id)), _details(order)),)
        await context.tell(await _member(context, id_), lines(head, soon), buttons=buttons, about=(slot.thing,))
    words = lines(head, await _slot_line(context, slot))
    for line in await orders.lines_of(context.tx, order):
        if not line.collected and line.member_id not in doing:
            await _tell(context, order, line, words)


async def _thank(context: Context, order: Order, slot: Slot) -> None:
    for turn in await orders.turns_of(context.tx, slot):
        if turn.stands:
            to = await _member(context, turn.member_id)
            words = T("Thank you for your turn: {what}, order no. {number}.", what=slot.called, number=order.number)
            await context.nudge(to, lines(words, _thanked()), key=f"{slot.thing}:{turn.member_id}")


@router.command("slot_off", allow=Authority.MEMBER, typed=False, help=T("Call a time to fetch an order off."))
async def slot_off(context: Context, *, slot: Reference) -> Reply:
    """Those whose turn it was hear it."""
    order, found = await _ahead(context, slot)
    order = await _as_keeper(context, order, "ordered")
    await orders.stepped(context.tx, found, rule.CALLED_OFF)
    words = T("Called off: {what}, {time}.", what=found.called, time=_when(context, found))
    for turn in await orders.turns_of(context.tx, found):
        if turn.stands and turn.member_id != context.member.id:
            await context.tell(await _member(context, turn.member_id), words, about=(found.thing,))
    return Reply(words, buttons=((_details(order),),), private=True, about=(found.thing,))


# --- people come and go ------------------------------------------------------------------------------------------


@router.command(
    "order_take_over", allow=Authority.MEMBER, typed=False, help=T("Go on with an order whose beginner has left.")
)
async def order_take_over(context: Context, *, order: Reference) -> Reply:
    """Whoever comes first goes on with it, and has the list."""
    found = await _alive(context, order, *rule.ALIVE)
    if found.active:
        name = found.name
        raise Refusal(T("{name} looks after it: no. {number}.", name=name, number=found.number), private=True)
    if context.member.child:
        raise Refusal(T("Somebody grown up takes it over."), private=True)
    found = await orders.hand_over(context.tx, found, context.member.id)
    head = T("No. {number}, {what}:", number=found.number, what=found.called)
    await _tell_all(context, found, lines(head, T("{name} goes on with it.", name=found.name)))
    if found.state == "ordered":
        await _tell_list(context, found)
    return Reply(
        lines(head, T("You look after it now. Thank you!")),
        buttons=((_details(found),),),
        private=True,
        about=(found.thing,),
    )


@router.command("orderer_left", allow=Authority.CLOCK, typed=False, help=T("Somebody who orders has left."))
async def orderer_left(context: Context, *, who: Reference) -> None:
    """What they wanted is taken out while it can be; what they began, somebody else goes on with."""
    gone = await people.member_now(context.tx, context.committee.id, who)
    if gone is None or gone.active:
        return
    kept: list[Words] = []
    for order in await orders.alive(context.tx, context.committee.id):
        line = await orders.line_of(context.tx, order, who)
        if line is not None and order.state != "ordered":
            await orders.put(context.tx, order, who, 0)
        elif line is not None and order.member_id != who:
            owed = (await orders.owed(context.tx, order))[line.id]
            words = lines(
                T("{name} has left. Order no. {number}:", name=gone.name, number=order.number),
                _listed(order, line, owed),
                T("Write to each other about it."),
            )
            await _tell_keepers(context, order, words, (_details(order),))
            kept.append(lines(T("No. {number}, {what}:", number=order.number, what=order.called),
                              _takes(order, line, owed)))  # fmt: skip
        if order.member_id == who:
            await orders.changed(context.tx, order)
            words = lines(
                T("{name} has left. Order no. {number}, {what}:", name=gone.name, number=order.number,
                  what=order.called),
                T("Who goes on with it? Until then organizers look after it."),
            )  # fmt: skip
            over = (Button(label=T("I take it over"), says=order_take_over.says(order=order.id)),)
            await context.announce(words, buttons=(over,))
    for order, slot, _ in await orders.turns_ahead(context.tx, gone, now=context.now):
        await orders.turn(context.tx, slot, who, "declined", now=context.now)
        if slot.step >= rule.SHARED:
            await _share_out(context, order, slot)
    if kept:
        # One last word to whoever has left: what they ordered is theirs.
        last = lines(*kept, T("Write to each other about it: I say no more here."))
        await outbox.tell(context.tx, gone, last, committee=context.committee, now=context.now)


# --- what waits, and what is new ---------------------------------------------------------------------------------


def _open_words(order: Order, left: int) -> Text:
    return T(
        "{amount} for order no. {number}, {what}, to {name}.",
        amount=Amount(left),
        number=order.number,
        what=order.called,
        name=order.name,
    )


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """What a member is to decide, to pay, or to fetch."""
    todo = []
    for order in await orders.alive(context.tx, context.committee.id):
        if not await _keeps(context, order):
            continue
        if order.state == "short":
            words = T("No. {number}: {what}. The minimum is not reached.", number=order.number, what=order.called)
            by = order.since + rule.LAPSES_AFTER
            todo.append(Todo(words=words, buttons=(*_longer_buttons(order), _details(order)), by=by))
        elif order.state == "ordered" and order.price is None:
            words = T("Say what one costs: no. {number}, {what}.", number=order.number, what=order.called)
            button = Button(label=T("Set the price"), says=context.commands.asking(price.says(number=order.number)))
            todo.append(Todo(words=words, buttons=(button,)))
    for order, line in await orders.mine(context.tx, context.member):
        if order.state != "ordered" or order.price is None or await _keeps(context, order):
            continue
        left = (await orders.owed(context.tx, order))[line.id] - (line.paid or 0)
        if left > 0:
            todo.append(
                Todo(words=_open_words(order, left), buttons=(Button(label=T("Paid"), says=_marking(line, "paid")),))
            )
    for _, slot, state in await orders.turns_ahead(context.tx, context.member, now=context.now):
        words = T("It is your turn: {what}, {time}.", what=slot.called, time=_when(context, slot))
        buttons = _turn_buttons(slot) if state == "given" else (_details(order),)
        todo.append(Todo(words=words, buttons=buttons, by=slot.times.end))
    return todo


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """What can be ordered together: what is new since the last digest, and what soon closes."""
    found = await entries.since(context.tx, context.committee.id, since.entry, "order")
    begun = {body["order"] for _, body in found if "begun" in body}
    new = [
        T("{what}, until {time}", what=order.called, time=order.until)
        for order in await orders.alive(context.tx, context.committee.id)
        if order.state == "open" and (order.id in begun or order.until <= context.now + SOON)
    ]
    if not new:
        return []
    words = T("To order together: {orders}.", orders=Listed(tuple(new[-NEW_MAX:])))
    return [Todo(words=words, buttons=(Button(label=_TITLE, says=orders_.says()),))]
