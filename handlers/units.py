"""Units beside hours: local ones, that members pay each other in, and money of which it is only noted who paid whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from bot.arguments import Amount, Candidate, Found, Kind, Note, Number, Person, Reading, Word, choice
from bot.chat import Button, Card, Reply
from bot.domain import amounts, ledger
from bot.domain import units as rule
from bot.payments import paid
from bot.router import Asks, Authority, Context, Router, Telling, Todo
from bot.text import Amount as Hundredths
from bot.text import Bold, Day, Minutes, N, Refusal, T, Text, Typed, Words, lines
from storage import entries, exchanges, leaving, notes, switches, transfers, units
from storage.database import Transaction
from storage.digests import Since
from storage.people import Committee, Member
from storage.transfers import Exchange
from storage.units import Holding, Moved, Unit

router = Router("units", title=T("Other units"))

PAGE = 8
_UNITS = Typed("/units")
_COUNTED = T("What is counted here")


# --- what can be said ------------------------------------------------------------------------------------------------


class _UnitKind(Kind[Unit]):
    """A unit of the committee, by its name; money also by its sign: `12 tokens`, `€12.50`."""

    expected = T("a unit ({units} shows which there are)", units=_UNITS)
    example: str | Text = T("tokens")
    question = T("In which unit?")
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, gt=0)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Unit] | None:
        if reading.committee is None or not words:
            return None
        there = await units.open_ones(reading.tx, reading.committee.id)
        named = [(one, one.words.text) for one in there if one.words is not None]
        # A name may have become several words: a person's, whose place a pseudonym has taken.
        for count in range(min(4, len(words)), 0, -1):
            said = " ".join(word.text for word in words[:count])
            found = rule.found_by(said, [name for _, name in named], whole=count > 1)
            if found:
                return Found(named[found[0]][0], count, tuple(named[place][0] for place in found[1:]))
        money = [one for one in there if one.kind == "money"]
        if len(money) == 1 and rule.has_sign([word.text for word in words]):
            # The sign goes with the amount, which is read next.
            return Found(money[0], 0)
        return None

    def dump(self, value: Unit) -> int:
        return value.id

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Unit:
        id_ = self._adapter.validate_python(data)
        found = await units.unit(tx, committee.id, id_) if committee is not None else None
        if found is None:
            raise Refusal(T("There is no such unit here. {units} shows which there are.", units=_UNITS))
        return found

    def label(self, value: Unit) -> str | Text:
        return value.called

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, Unit]]:
        return [(one.called, one) for one in await units.open_ones(tx, member.committee_id)]


class _NameKind(Kind[str]):
    """What a new unit shall be called: one short word."""

    expected = T("a short name, like {example}", example=Typed("tokens"))
    example: str | Text = T("tokens")
    question = T("What shall it be called? Write one short word, like {example}.", example=Typed("tokens"))
    _adapter: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(min_length=1, max_length=100)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        return Found(rule.read_name(words[0].text), 1) if words else None

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        return self._adapter.validate_python(data)


class _LowestKind(Kind[Hundredths]):
    """How far below zero: an amount that may be none."""

    expected = T("an amount, like {example}", example=Typed("50"))
    example = "50"
    question = T("How much? Write it, like {example}.", example=Typed("50"))
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, ge=0, le=amounts.AMOUNT_MAX)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Hundredths] | None:
        if words and words[0].text.strip(".,;") == "0":
            return Found(Hundredths(0), 1)
        # People write the limit as it is shown, with its minus.
        plain = [word.text.lstrip("-−") if place == 0 else word.text for place, word in enumerate(words)]
        found = amounts.read_amount(plain)
        return Found(*found) if found else None

    def dump(self, value: Hundredths) -> int:
        return int(value)

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Hundredths:
        return Hundredths(self._adapter.validate_python(data))


InUnit = Annotated[Unit, _UnitKind()]
_How = Annotated[
    str,
    choice(
        "limit",
        "nolimit",
        expected=T("the word {limit} or {nolimit}", limit=Typed("limit"), nolimit=Typed("nolimit")),
        labels={"limit": T("With a limit"), "nolimit": T("Without a limit")},
    ),
]
_Committee = Annotated[
    str,
    choice("committee", expected=T("the word {example}", example=Typed("committee"))),
]
_Anyway = Annotated[str, choice("anyway", expected=T("the word {example}", example=Typed("anyway")))]
_NO_UNITS = T("There is no other unit here. The committee makes one: {unit}", unit=Typed("/unit tokens limit 50"))


# --- which there are -------------------------------------------------------------------------------------------------


@router.command(
    "units",
    allow=Authority.MEMBER,
    label=T("Which units there are"),
    help=T("What is counted here: hours, and other units beside them."),
    repeatable=True,
)
async def units_(context: Context) -> Reply:
    """Hours first, always."""
    there = await units.open_ones(context.tx, context.committee.id)
    floor = context.committee.floor
    pays = [one for one in there if one.kind == "local" or await _cash(context)]
    return Reply(
        lines(
            T("{title}", title=Bold(_COUNTED)),
            T("Hours: time that people give each other. An hour is an hour.")
            if floor is None
            else T(
                "Hours: time that people give each other. An hour is an hour. Lowest balance: {floor}.", floor=floor
            ),
            *[await _unit_line(context, one) for one in there],
            None if there else _NO_UNITS,
            T("No unit is ever changed into another by me.") if there else None,
        ),
        buttons=(
            (
                *((Button(label=T("Pay"), says=context.commands.asking(pay.says())),) if pays else ()),
                Button(label=T("My wallet"), says=wallet.says()),
            ),
        )
        if there
        else (),
    )


async def _cash(context: Context) -> bool:
    return await switches.is_on(context.tx, context.committee.id, "cash")


async def _unit_line(context: Context, unit: Unit) -> Text:
    if unit.kind == "money":
        if not await _cash(context):
            return T("{unit}: money, only recorded. Off for now.", unit=unit.called)
        return T("{unit}: money. I hold none, I only note who paid whom.", unit=unit.called)
    return _local_words(unit.called, unit.floor)


def _local_words(unit: Text | str, floor: Hundredths | None) -> Text:
    if floor is None:
        return T("{unit}: a unit of our own, without a lowest balance.", unit=unit)
    if not floor:
        return T("{unit}: a unit of our own. Nobody goes below zero.", unit=unit)
    return T("{unit}: a unit of our own. Lowest balance: {floor}.", unit=unit, floor=floor)


# --- what the committee sets -----------------------------------------------------------------------------------------


def _unit_words(*, name: str, how: str = "", amount: Hundredths | None = None) -> Text:
    return _local_words(name, None if how == "nolimit" or amount is None else Hundredths(-amount))


async def _called_so(context: Context, name: str) -> Unit | None:
    there = await units.open_ones(context.tx, context.committee.id)
    return next((one for one in there if one.words is not None and rule.same(one.words.text, name)), None)


@router.command(
    "unit",
    allow=Authority.COMMITTEE,
    label=T("A unit of our own"),
    help=T("A unit of our own beside hours, with a lowest balance or without; or its lowest balance from now on."),
    sample=(T("tokens"), "limit", "50"),
    asks={
        "amount": Asks(
            T("How far below zero may somebody go? Write it, like {example}.", example=Typed("50")),
            instead=(T("Without a limit"), {"how": "nolimit"}),
        )
    },
    proposal=_unit_words,
)
async def unit_(
    context: Context,
    *,
    name: Annotated[str, _NameKind()],
    how: _How = "",
    amount: Annotated[Hundredths | None, _LowestKind()] = None,
) -> Reply:
    """A new one, or another limit for one that is there."""
    if (how == "nolimit") == (amount is not None):
        raise Refusal(
            T(
                "Write how far below zero somebody may go, or that there is no limit: {example} or {other}",
                example=Typed("/unit", name, "limit 50"),
                other=Typed("/unit", name, "nolimit"),
            )
        )
    name = rule.read_name(name)
    floor = None if amount is None else Hundredths(-amount)
    there = await _called_so(context, name)
    if there is None:
        await _make(context, name, "local", floor)
    elif there.kind == "money":
        raise Refusal(T("{unit} is money, and money has no balance here.", unit=there.called))
    elif there.floor == floor:
        raise Refusal(T("So it is already: {words}", words=_local_words(there.called, floor)))
    else:
        await units.set_floor(context.tx, there, floor)
        body = {"unit": there.id, "floor": floor}
        await entries.append(context.tx, context.committee, "unit", body, now=context.now)
    return Reply(
        lines(_local_words(name, floor), T("Pay like this: {pay}", pay=Typed("/pay @ana 12", name))),
    )


async def _make(context: Context, name: str, kind: rule.UnitKind, floor: Hundredths | None) -> None:
    if len(await units.open_ones(context.tx, context.committee.id)) >= units.UNITS_MAX:
        raise Refusal(
            T(
                "There are {n} units already. Put an end to one first: {close}",
                n=units.UNITS_MAX,
                close=Typed("/close_unit", T("tokens")),
            )
        )
    made, hashed = await units.make(context.tx, context.committee, name, kind, floor)
    body = {"unit": made.id, "name": hashed, "kind": kind, "floor": floor}
    await entries.append(context.tx, context.committee, "unit", body, now=context.now)


def _money_words(*, name: str) -> Text:
    return T("{unit}: money. I hold none, I only note who paid whom.", unit=name)


@router.command(
    "record_money",
    allow=Authority.COMMITTEE,
    label=T("Money, only recorded"),
    help=T("I note who paid whom how much money. I hold none, and nobody has a balance."),
    sample=(T("euros"),),
    proposal=_money_words,
)
async def record_money(context: Context, *, name: Annotated[str, _NameKind()]) -> Reply:
    """Only where the committee has turned money on."""
    name = rule.read_name(name)
    there = await _called_so(context, name)
    if there is not None:
        raise Refusal(T("{unit} is there already. {units} shows which there are.", unit=there.called, units=_UNITS))
    if not await _cash(context):
        raise _no_cash()
    await _make(context, name, "money", None)
    return Reply(lines(_money_words(name=name), T("Note it like this: {pay}", pay=Typed("/pay @ana 12", name))))


def _no_cash() -> Refusal:
    return Refusal(
        T(
            "Money is off here. The committee turns it on, once it has read what the law may ask: {command}",
            command=Typed("/money cash on"),
        )
    )


def _closing(*, unit: Unit, anyway: str = "") -> Text:
    if anyway:
        return T(
            "{unit} comes to an end, and everybody stands at zero: what somebody has in it is gone, what somebody owes "
            "is forgiven.",
            unit=unit.called,
        )
    return T("{unit} comes to an end: nothing moves in it any more.", unit=unit.called)


@router.command(
    "close_unit",
    allow=Authority.COMMITTEE,
    label=T("Put an end to a unit"),
    help=T("A unit comes to an end, when all stand at zero in it; or {anyway}.", anyway=Typed("anyway")),
    sample=(T("tokens"),),
    asks={"unit": Asks(T("Which unit shall come to an end?"), none=_NO_UNITS)},
    proposal=_closing,
)
async def close_unit(context: Context, *, unit: InUnit, anyway: _Anyway = "") -> Reply:
    """Where not all stand at zero, it says so; `anyway` writes down that they do from now on."""
    if not unit.open:
        raise Refusal(T("{unit} came to an end already.", unit=unit.called))
    ids = await units.not_at_zero(context.tx, unit) if unit.kind == "local" else []
    if ids and not anyway:
        raise Refusal(
            lines(
                N(
                    "In {unit} {n} account does not stand at zero.",
                    "In {unit} {n} accounts do not stand at zero.",
                    len(ids),
                    unit=unit.called,
                ),
                T(
                    "Let them pay each other first. Or you decide that everybody starts from zero: {anyway}",
                    anyway=Typed("/close_unit", T("{title}", title=unit.called), "anyway"),
                ),
            )
        )
    if ids:
        purse = await transfers.beside(context.tx, context.committee, "unit", unit=unit.id)
        found = await transfers.accounts_by_id(context.tx, context.committee, ids)
        transfer = rule.settled(found, purse, at=context.now)
        if transfer is not None:
            await transfers.record(
                context.tx,
                context.committee,
                transfer,
                recorder=context.speaker,
                carried=True,
                closes=("unit", str(unit.id)),
            )
    await units.close(context.tx, unit)
    await entries.append(context.tx, context.committee, "unit", {"unit": unit.id, "ended": True}, now=context.now)
    return Reply(_closing(unit=unit, anyway="anyway" if ids else ""))


@router.entry("unit", about="rules")
async def unit_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What a unit is, and that it came to an end."""
    found = await units.unit(telling.tx, telling.committee.id, body["unit"])
    name = found.called if found is not None else T("(erased)")
    if "ended" in body:
        return T("{unit} came to an end.", unit=name)
    if body.get("kind") == "money":
        return T("{unit}: money. I hold none, I only note who paid whom.", unit=name)
    return _local_words(name, None if body["floor"] is None else Hundredths(body["floor"]))


# --- paying ----------------------------------------------------------------------------------------------------------


async def _pays(
    context: Context, *, amount: Hundredths, unit: Unit, to: Member | None = None, whom: str = "", what: str = ""
) -> Words:
    await _may_move(context, unit)
    name = to.name if to is not None else transfers.called("")
    if unit.kind == "money":
        asked: Text = T("You have paid {name}: {amount}. I only note it.", name=name, amount=unit.amount(amount))
        after = None
    else:
        own = await transfers.beside(context.tx, context.committee, "unit", owner=context.member, unit=unit.id)
        asked = T("You pay {name}: {amount}.", name=name, amount=unit.amount(amount))
        after = T("Your balance then: {balance}.", balance=unit.amount(own.balance - amount))
    return lines(asked, T("“{note}”", note=what) if what else None, after, T("Is that right?"))


async def _may_move(context: Context, unit: Unit) -> None:
    """Raises Refusal where nothing moves in the unit: a button may be older than its end."""
    if not unit.open:
        raise Refusal(T("{unit} has come to an end here: nothing moves in it any more.", unit=unit.called))
    if unit.kind == "money" and not await _cash(context):
        raise _no_cash()


@router.command(
    "pay",
    allow=Authority.MEMBER,
    label=T("Pay"),
    help=T("Pay somebody in another unit than hours; or note that you paid them money."),
    sample=("@ana", "12", T("tokens"), T("for bread")),
    asks={
        "to": Asks(T("Whom do you pay? Choose, or write a name."), instead=(T("The committee"), {"whom": "committee"})),
        "unit": Asks(T("In which unit?"), none=_NO_UNITS),
        "amount": Asks(T("How much? Write it, like {example}.", example=Typed("12.50"))),
        "what": Asks(T("For what? Write a few words, or skip it.")),
    },
    confirm=_pays,
    for_others=True,
)
async def pay(
    context: Context,
    *,
    to: Person | None = None,
    unit: InUnit,
    amount: Amount,
    whom: _Committee = "",
    what: Note = "",
) -> Reply | Card:
    """The one gives, the other gains; whoever is paid hears of it, and can say that it is not so."""
    if (to is None) == (not whom):
        raise Refusal(
            T(
                "Whom do you pay? Write it like this: {example}, or {committee}",
                example=Typed("/pay @ana 12", unit.called),
                committee=Typed("/pay committee 12", unit.called),
            )
        )
    await _may_move(context, unit)
    if to is not None and to.child:
        raise Refusal(T("{name} is a child, and children have no account here. Pay a parent instead.", name=to.name))
    if context.member.child:
        raise Refusal(T("Children have no account here. A parent pays."))
    if to is not None and to.id == context.member.id:
        raise Refusal(T("You cannot pay yourself. To whom did it go?"))
    giver = await transfers.beside(context.tx, context.committee, "unit", owner=context.member, unit=unit.id)
    receiver = await transfers.beside(context.tx, context.committee, "unit", owner=to, unit=unit.id)
    transfer = rule.payment(giver, receiver, amount, unit=unit.called, at=context.now)
    id_ = await _record(context, transfer, recorder=context.speaker, what=what)
    if context.speaker.id != context.member.id:
        await exchanges.proxied(context.tx, id_, context.member)
    heard = to is None or await _tell(context, to, id_)
    card = Card("transfer", id_)
    if context.place is None or not context.place.private:
        return card
    if not heard:
        await context.show(card)
    exchange = await transfers.exchange(context.tx, context.committee, id_)
    assert exchange is not None
    balance = unit.amount(giver.balance - amount)
    return Reply(
        lines(
            T("{what} (No. {number})", what=paid(exchange.parts), number=exchange.number),
            T("Your balance now: {balance}.", balance=balance) if unit.kind == "local" else None,
        ),
        buttons=((*_undo_button(context, exchange), Button(label=T("My wallet"), says=wallet.says())),),
    )


async def _record(context: Context, transfer: ledger.Transfer, *, recorder: Member, what: str) -> int:
    id_, _ = await transfers.record(context.tx, context.committee, transfer, recorder=recorder, note=what)
    if what:
        await notes.wrote(context.tx, Card("transfer", id_).thing, recorder.id, now=context.now)
    return id_


async def _tell(context: Context, to: Member, id_: int) -> bool:
    """Whoever is paid hears of it in private. False: they have not opened a private chat."""
    if to.helper_id is None:
        return await context.show_to(to, Card("thanks", id_))
    exchange = await transfers.exchange(context.tx, context.committee, id_)
    assert exchange is not None
    return await context.tell(to, paid(exchange.parts))


def _undo_button(context: Context, exchange: Exchange) -> tuple[Button, ...]:
    undo = context.commands.get("undo")
    return () if undo is None else (Button(label=T("Undo"), says=undo.says(number=exchange.number)),)


def _pays_out(*, who: Member, amount: Hundredths, unit: Unit, what: str = "") -> Text:
    if what:
        return T("The committee pays {name} {amount}: {note}", name=who.name, amount=unit.amount(amount), note=what)
    return T("The committee pays {name} {amount}.", name=who.name, amount=unit.amount(amount))


@router.command(
    "pay_out",
    allow=Authority.COMMITTEE,
    label=T("The committee pays"),
    help=T("The committee pays somebody in another unit than hours."),
    sample=("@ana", "12", T("tokens"), T("for bread")),
    asks={
        "unit": Asks(T("In which unit?"), none=_NO_UNITS),
        "amount": Asks(T("How much? Write it, like {example}.", example=Typed("12.50"))),
        "what": Asks(T("For what? Write a few words, or skip it.")),
    },
    proposal=_pays_out,
)
async def pay_out(context: Context, *, who: Person, unit: InUnit, amount: Amount, what: Note = "") -> Card:
    """From the committee's own account in the unit. Of money it can only pay what members have paid it."""
    await _may_move(context, unit)
    if who.child:
        raise Refusal(T("{name} is a child, and children have no account here. Pay a parent instead.", name=who.name))
    purse = await transfers.beside(context.tx, context.committee, "unit", unit=unit.id)
    receiver = await transfers.beside(context.tx, context.committee, "unit", owner=who, unit=unit.id)
    if purse.floor is not None and purse.available - amount < purse.floor:
        raise Refusal(
            T("The committee has {amount}: it cannot pay more than that.", amount=unit.amount(purse.available))
        )
    transfer = rule.payment(purse, receiver, amount, unit=unit.called, at=context.now)
    id_ = await _record(context, transfer, recorder=who, what=what)
    await _tell(context, who, id_)
    return Card("transfer", id_)


# --- what somebody has -----------------------------------------------------------------------------------------------


@router.command(
    "wallet",
    allow=Authority.MEMBER,
    label=T("My wallet"),
    help=T("What you have in hours and in other units; only you see it."),
    asks={},
    repeatable=True,
    for_others=True,
)
async def wallet(context: Context, *, unit: InUnit | None = None) -> Reply:
    """A line for each unit, or what moved in one of them."""
    if unit is not None:
        return await _page(context, unit, 1)
    if context.member.child:
        raise Refusal(T("Children have no account here. A parent pays."), private=True)
    account = await transfers.account(context.tx, context.committee, context.member)
    found = await units.wallet(context.tx, context.member)
    title = T("Your wallet in {committee}", committee=context.committee.name)
    turning = tuple(
        (Button(label=T("{unit}: what moved", unit=one.unit.called), says=wallet_page.says(unit=one.unit, number=1)),)
        for one in found
        if one.balance or one.paid or one.got
    )
    return Reply(
        lines(
            T("{title}", title=Bold(title)),
            T("Hours: {balance}", balance=account.balance),
            *[_holding(one) for one in found],
            None if found else _NO_UNITS,
        ),
        buttons=turning,
        private=True,
    )


def _holding(one: Holding) -> Text:
    name = one.unit.called
    if one.unit.kind == "money":
        return T("{unit}: you paid {paid}, you were paid {got}.", unit=name, paid=one.paid, got=one.got)
    if one.balance < 0 and one.unit.floor is not None:
        return T("{unit}: {balance} (the limit is {floor})", unit=name, balance=one.balance, floor=one.unit.floor)
    return T("{unit}: {balance}", unit=name, balance=one.balance)


@router.command(
    "wallet_page",
    allow=Authority.MEMBER,
    typed=False,
    help=T("What moved in a unit."),
    repeatable=True,
    in_place=True,
)
async def wallet_page(context: Context, *, unit: InUnit, number: Number) -> Reply:
    """It takes the place of the one whose button was pressed."""
    return await _page(context, unit, number)


async def _page(context: Context, unit: Unit, number: int) -> Reply:
    skip = (min(number, 10_000) - 1) * PAGE
    found, count = await units.moved(context.tx, context.member, unit, skip=skip, limit=PAGE)
    pages = max(1, -(-count // PAGE))
    turning = tuple(
        Button(label=label, says=wallet_page.says(unit=unit, number=to))
        for label, to in ((T("Newer"), number - 1), (T("Older"), number + 1))
        if 1 <= to <= pages
    )
    noted = {one.id: await notes.written(context.tx, Card("transfer", one.id).thing) for one in found}
    told: list[Words] = []
    for one in found:
        line, note = _line(context, unit, one), noted[one.id]
        told.append(line if note is None else T("{what} “{note}”", what=line, note=note))
    standing = [_holding(one) for one in await units.wallet(context.tx, context.member) if one.unit.id == unit.id]
    return Reply(
        lines(
            T("{title}", title=Bold(standing[0] if standing else unit.called)),
            *told,
            None if told else T("Nothing moved."),
            T("Page {number} of {pages}", number=number, pages=pages) if pages > 1 else None,
        ),
        buttons=((*turning, Button(label=T("My wallet"), says=wallet.says())),),
        private=True,
        about=tuple(Card("transfer", id_).thing for id_, note in noted.items() if note is not None),
    )


def _line(context: Context, unit: Unit, one: Moved) -> Text:
    day = Day(one.at.astimezone(context.committee.zone))
    return T("No. {number}, {day}: {what}.", number=one.number, day=day, what=_what(unit, one))


def _what(unit: Unit, one: Moved) -> Text:
    amount = unit.amount(abs(one.amount))
    if one.closed:
        return T("the unit came to an end: {amount}", amount=unit.amount(one.amount))
    if one.left_behind:
        return T("to the committee, as you had left: {amount}", amount=unit.amount(one.amount))
    if one.reverses is not None:
        return T("takes back no. {number}: {amount}", number=one.reverses, amount=unit.amount(one.amount))
    other = transfers.called(one.other)
    what = (
        T("{name} paid you {amount}", name=other, amount=amount)
        if one.amount > 0
        else T("you paid {name} {amount}", name=other, amount=amount)
    )
    return T("{what} (undone)", what=what) if one.reversed else what


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """How many payments there were in units of our own; never who has what."""
    told = []
    booked = await entries.since(context.tx, context.committee.id, since.entry, "transfer", limit=10_000)
    for unit in await units.open_ones(context.tx, context.committee.id):
        found = [body for _, body in booked if body.get("unit") == unit.id]
        count = len(found) - 2 * sum("reverses" in body for body in found)
        if unit.kind == "local" and count > 0:
            told.append(Todo(words=N("{n} payment in {unit}.", "{n} payments in {unit}.", count, unit=unit.called)))
    return told


# --- whoever leaves --------------------------------------------------------------------------------------------------


@router.command(
    "left_with_units", allow=Authority.CLOCK, typed=False, help=T("Somebody has left, with something in other units.")
)
async def left_with_units(context: Context, *, who: Candidate) -> None:
    """They hear in private what becomes of it."""
    if who.active:
        return
    left = await units.left(context.tx, who.id)
    if not left:
        return
    months = await leaving.kept_months(context.tx, context.committee.id)
    await context.tell(
        who,
        lines(
            *[
                T(
                    "You leave {committee} with {balance}.",
                    committee=context.committee.name,
                    balance=unit.amount(balance),
                )
                for unit, _, balance in left
            ],
            N(
                "It is kept for {n} month: if you come back before, all is as it was. "
                "After that the committee takes it over.",
                "It is kept for {n} months: if you come back before, all is as it was. "
                "After that the committee takes it over.",
                months,
            ),
        ),
    )


@router.command(
    "unit_leftover",
    allow=Authority.CLOCK,
    typed=False,
    help=T("What somebody left behind in other units goes to the committee's account."),
)
async def unit_leftover(context: Context, *, who: Candidate) -> None:
    """Whatever it is: what somebody had, and what they owed."""
    if who.active:
        return
    for unit, account_id, balance in await units.left(context.tx, who.id):
        purse = await transfers.beside(context.tx, context.committee, "unit", unit=unit.id)
        [account] = await transfers.accounts_by_id(context.tx, context.committee, [account_id])
        transfer = ledger.carry(account, purse, at=context.now)
        assert transfer is not None
        id_, number = await transfers.record(context.tx, context.committee, transfer, recorder=who, carried=True)
        await leaving.took(context.tx, id_, who.id)
        body: dict[str, object] = {"member": who.id, "number": number, "unit": unit.id}
        if balance < 0:
            # In the open: what all have to carry, all may know. What somebody had stays theirs.
            body["owed"] = -balance
        await entries.append(context.tx, context.committee, "unit_leftover", body, now=context.now)


@router.entry("unit_leftover", about="members")
async def unit_leftover_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What the committee's account took on, or was left."""
    name, number = await telling.name(body["member"]), body["number"]
    if "owed" in body:
        owed = transfers.quantity(Minutes(body["owed"]), await units.called(telling.tx, body["unit"]))
        return T(
            "{name} had left: the committee's account took on {time}. (No. {number})",
            name=name,
            time=owed,
            number=number,
        )
    return T("What {name} left behind went to the committee. (No. {number})", name=name, number=number)
