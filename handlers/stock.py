"""Stock: what the committee has and counts, who puts in and takes out, and how much one person may take."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from bot.arguments import Found, Kind, Note, Number, Off, Reading, Reference, Word
from bot.chat import Button, Reply
from bot.dialogue import answer_button
from bot.domain import board as words_
from bot.domain import stock as rule
from bot.domain.stock import Change, Refused
from bot.router import Asks, Authority, Context, Router, Telling, Todo
from bot.text import Bold, Refusal, T, Text, Typed, Value, Words, lines
from storage import entries, nudges, people, stock
from storage.database import Transaction
from storage.people import Committee, Member
from storage.stock import Counted

_TITLE = T("Stock")
router = Router("stock", title=_TITLE)

PER_PAGE = 10
UNDO_WITHIN = timedelta(hours=1)
_STOCK = Typed("/stock")
_COUNTING = Typed("/stock", T("rice 12 kg"))
_TAKING = Typed("/stock", T("rice -3"))


# --- what can be said --------------------------------------------------------------------------------------------


def _called_so(there: Sequence[Counted], said: str) -> list[Counted]:
    """The things that a name means: by the whole name, or by the beginnings of its words."""
    wanted = words_.plain(said)
    names = [(one, rule.parts_of(one.words.text)[0]) for one in there if one.words is not None]
    exact = [one for one, name in names if words_.plain(name) == wanted]
    if exact or not any(letter.isalpha() for letter in said):
        return exact
    return [one for one, name in names if words_.found_by(said, name)]


class _CountedKind(Kind[Counted]):
    """Something that the committee counts, by its name or the beginnings of its words."""

    expected = T("something in stock ({stock} shows what there is)", stock=_STOCK)
    example: str | Text = T("rice")
    question = T("Which one?")
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, gt=0)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Counted] | None:
        if reading.committee is None:
            return None
        there = await stock.things(reading.tx, reading.committee.id)
        for count in range(min(6, len(words)), 0, -1):
            found = _called_so(there, " ".join(word.text for word in words[:count]).strip(" ,;"))
            if found:
                return Found(found[0], count, tuple(found[1:]))
        return None

    def dump(self, value: Counted) -> int:
        return value.id

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Counted:
        found = await self.recall(data, tx, committee)
        if not found.listed:
            raise _not_counted()
        return found

    async def recall(self, data: Any, tx: Transaction, committee: Committee | None) -> Counted:
        id_ = self._adapter.validate_python(data)
        found = await stock.counted(tx, committee.id, id_) if committee is not None else None
        if found is None:
            raise _not_counted()
        return found

    def label(self, value: Counted) -> str | Text:
        return value.called

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, Counted]]:
        return [(one.called, one) for one in await stock.things(tx, member.committee_id)]


def _not_counted() -> Refusal:
    return Refusal(T("That is not in stock. {stock} shows what there is.", stock=_STOCK))


class _AmountKind(Kind[int]):
    """An amount in the unit of the thing, in thousandths of it."""

    expected = T("an amount, like {example}", example=Typed("1.5"))
    example = "5"
    question = T("How much? Choose, or write it, like {example}.", example=Typed("1.5"))
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, ge=0, le=rule.AMOUNT_MAX)])
    _written = re.compile(r"(?P<amount>[0-9.,]+)(?P<unit>[^\W\d_]*)\.?")

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[int] | None:
        written = self._written.fullmatch(words[0].text) if words else None
        amount = rule.read_amount(written["amount"]) if written is not None else None
        if written is None or amount is None:
            return None
        unit = not written["unit"] and len(words) > 1 and words[1].text.isalpha() and words[1].text != "off"
        return Found(amount, 2 if unit else 1)

    def dump(self, value: int) -> int:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> int:
        return self._adapter.validate_python(data)

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, int]]:
        return [(str(amount), amount * rule.ONE) for amount in (1, 2, 3, 5, 10)]


InStock = Annotated[Counted, _CountedKind()]
Amount = Annotated[int, _AmountKind()]


async def _all(context: Context) -> list[tuple[Text | str, Counted]]:
    return [(one.called, one) for one in await stock.things(context.tx, context.committee.id)]


_NONE = T("Nothing is counted yet. An organizer begins: {count}", count=_COUNTING)
_WHICH = Asks(T("Which one?"), _all, _NONE)


def _how_much(thing: Counted, amount: int) -> Text:
    """An amount with its unit."""
    whole, parts = rule.figures(amount)
    figure: Value = whole
    if parts:
        # Languages differ in the mark between the two.
        figure = T("{whole}.{parts}", whole=whole, parts=parts)
    return T("{amount} {unit}", amount=figure, unit=thing.unit) if thing.unit is not None else T("{n}", n=figure)


# --- looking, and changing ---------------------------------------------------------------------------------------


@router.command(
    "stock",
    allow=Authority.MEMBER,
    label=_TITLE,
    help=T("What there is; count it, take out ({out}) or put in ({in_}).", out=Typed("-3"), in_=Typed("+5")),
    sample=(T("rice -3"),),
    for_others=True,
)
async def stock_(context: Context, *, words: Note = "") -> Reply:
    """All of it, one thing, or a change."""
    if not words:
        return await _list(context, 1)
    said = rule.read_line(words)
    there = await stock.things(context.tx, context.committee.id)
    # A number may belong to the name.
    found = _called_so(there, words) if said.change == "count" else []
    if found:
        said = rule.Said(name=words)
    else:
        found = _called_so(there, said.name)
    if len(found) > 1:
        return _choose(context, found, words.removeprefix(said.name) if words.startswith(said.name) else "")
    if said.change is None:
        if not found:
            raise _not_counted()
        return await _page(context, found[0])
    if not found:
        found = [await _begin(context, said, there)]
    [thing] = found
    unit = thing.unit
    if said.unit and (
        unit is None or not any(rule.same_unit(said.unit, one) for one in (unit.text, *unit.others.values()))
    ):
        raise Refusal(
            T(
                "{thing} is counted like this: {amount}. Write it so.",
                thing=thing.called,
                amount=_how_much(thing, thing.level.amount),
            )
        )
    return await _change(context, thing, said.change, said.amount)


def _choose(context: Context, found: Sequence[Counted], rest: str) -> Reply:
    question = context.tx.token()
    buttons = [
        answer_button(one.called, stock_.says(words=f"{_spelled(one)}{rest}"), context.member, question)
        for one in found[:PER_PAGE]
    ]
    return Reply(T("Which one?"), buttons=tuple((button,) for button in buttons), private=True)


def _spelled(thing: Counted) -> str:
    return rule.parts_of(thing.words.text)[0] if thing.words is not None else ""


async def _begin(context: Context, said: rule.Said, there: Sequence[Counted]) -> Counted:
    """Something is counted for the first time."""
    if said.change != "count":
        raise _not_counted()
    if "organizer" not in context.roles:
        raise Refusal(
            T("That is not in stock. Organizers put new things on the list; {stock} shows what there is.", stock=_STOCK)
        )
    if len(there) >= stock.THINGS_MAX:
        raise Refusal(
            T("There are {n} already. Take one off the list first: {unstock}", n=len(there), unstock=unstock.example)
        )
    if not any(letter.isalpha() for letter in said.name):
        raise Refusal(T("What is it called? Write it like this: {example}", example=_COUNTING))
    if len(said.name) > rule.NAME_CHARACTERS_MAX or len(said.unit) > rule.UNIT_CHARACTERS_MAX:
        raise Refusal(T("That is too long: {n} characters at most. Say it shorter.", n=rule.NAME_CHARACTERS_MAX))
    words = rule.words_of(said.name, said.unit)
    thing, hashed = await stock.add(context.tx, context.committee, words, by=context.member, now=context.now)
    body = {"stock": thing.id, "counted": True, "member": context.member.id, "words": hashed}
    await entries.append(context.tx, context.committee, "stock", body, now=context.now)
    return thing


@router.entry("stock")
async def stock_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """That something is counted, or not any more; how much of it there is is not in the books."""
    found = await stock.counted(telling.tx, telling.committee.id, body["stock"])
    called = found.called if found is not None else T("(erased)")
    name = await telling.name(body["member"])
    if body["counted"]:
        return T("{name} began to count in stock: {thing}.", name=name, thing=called)
    return T("{name} took it off the stock: {thing}.", name=name, thing=called)


async def _change(context: Context, thing: Counted, change: Change, amount: int) -> Reply:
    """Record it, if it can be. Raises Refusal."""
    if change == "count" and thing.level.weekly is not None and "organizer" not in context.roles:
        raise Refusal(
            T("{thing} is scarce, so organizers count it. Take out like this: {out}", thing=thing.called, out=_TAKING)
        )
    if change != "count" and not amount:
        raise Refusal(T("How much? Write it like this: {example}", example=_TAKING))
    taken = await stock.taken(context.tx, thing, context.member, now=context.now)
    found = rule.after(thing.level, change, amount, taken=taken, now=context.now)
    if isinstance(found, Refused):
        raise _refused(thing, found)
    move = await stock.change(context.tx, thing, change, amount, found, by=context.member, now=context.now)
    await _watch(context, thing, found)
    undo = () if change == "count" else (Button(label=T("Undo"), says=stock_undo.says(move=move)),)
    return Reply(
        T("{thing}: {amount}.", thing=thing.called, amount=_how_much(thing, found)),
        buttons=((*undo, _listing()),),
    )


def _refused(thing: Counted, refused: Refused) -> Refusal:
    left = _how_much(thing, refused.left)
    if refused.why == "much":
        return Refusal(T("That is too much to be right. Write it like this: {example}", example=_COUNTING))
    if refused.why == "little":
        if not refused.left:
            return Refusal(T("There is nothing left of {thing}.", thing=thing.called))
        return Refusal(T("That is more than there is. Of {thing} you can take {left}.", thing=thing.called, left=left))
    assert thing.level.weekly is not None
    return Refusal(
        lines(
            T(
                "{thing} is scarce: the committee decided on {amount} a week for one person.",
                thing=thing.called,
                amount=_how_much(thing, thing.level.weekly),
            ),
            T("You can take {left} now.", left=left) if refused.left else None,
            T("More from {day} on.", day=refused.again) if refused.again is not None else None,
        ),
        private=True,
    )


async def _watch(context: Context, thing: Counted, amount: int) -> None:
    """Tell those who look after it, once, when there is little left."""
    lowest = thing.level.lowest
    if lowest is not None and amount >= lowest:
        await nudges.withdraw(context.tx, thing.thing)
    if lowest is None or not rule.runs_low(thing.level.amount, amount, lowest):
        return
    for organizer in await people.organizers(context.tx, context.committee.id):
        await context.nudge(organizer, _low_words(thing, amount, lowest), buttons=((_listing(),),), key=thing.thing)


def _low_words(thing: Counted, amount: int, lowest: int) -> Text:
    return T(
        "{thing} runs low: {amount}, less than {lowest}.",
        thing=thing.called,
        amount=_how_much(thing, amount),
        lowest=_how_much(thing, lowest),
    )


def _listing() -> Button:
    return Button(label=T("All stock"), says=stock_.says())


@router.command("stock_page", allow=Authority.MEMBER, typed=False, help=T("A page of the stock."), in_place=True)
async def stock_page(context: Context, *, number: Number = 1) -> Reply:
    """Another page, in place of the one whose button was pressed."""
    return await _list(context, number)


async def _list(context: Context, number: int) -> Reply:
    there = await stock.things(context.tx, context.committee.id)
    if not there:
        return Reply(_NONE)
    begin = (number - 1) * PER_PAGE
    page = there[begin : begin + PER_PAGE]
    told = []
    for one in page:
        amount = _how_much(one, one.level.amount)
        low = one.level.lowest is not None and one.level.amount < one.level.lowest
        told.append(
            T("{thing}: {amount}, runs low", thing=one.called, amount=amount)
            if low
            else T("{thing}: {amount}", thing=one.called, amount=amount)
        )
    buttons = [Button(label=one.called, says=stock_thing.says(thing=one)) for one in page]
    ways = []
    if number > 1:
        ways.append(Button(label=T("Back"), says=stock_page.says(number=number - 1)))
    if len(there) > begin + PER_PAGE:
        ways.append(Button(label=T("More"), says=stock_page.says(number=number + 1)))
    rows = [*(tuple(buttons[at : at + 3]) for at in range(0, len(buttons), 3)), tuple(ways)]
    return Reply(lines(T("{title}", title=Bold(_TITLE)), *told), buttons=tuple(row for row in rows if row))


@router.command("stock_thing", allow=Authority.MEMBER, typed=False, help=T("One thing in stock."), in_place=True)
async def stock_thing(context: Context, *, thing: InStock) -> Reply:
    """How much there is, and what can be done."""
    return await _page(context, thing)


async def _page(context: Context, thing: Counted) -> Reply:
    level, asking = thing.level, context.commands.asking
    return Reply(
        lines(
            T("{thing}: {amount}.", thing=Bold(thing.called), amount=_how_much(thing, level.amount)),
            T("Organizers hear when it is less than {lowest}.", lowest=_how_much(thing, level.lowest))
            if level.lowest is not None
            else None,
            T("It is scarce: {amount} a week for one person.", amount=_how_much(thing, level.weekly))
            if level.weekly is not None
            else None,
        ),
        buttons=(
            (
                Button(label=T("Take out"), says=asking(stock_out.says(thing=thing))),
                Button(label=T("Put in"), says=asking(stock_in.says(thing=thing))),
                Button(label=T("Count"), says=asking(stock_count.says(thing=thing))),
            ),
            (Button(label=T("What was changed"), says=stock_history.says(thing=thing)), _listing()),
        ),
    )


@router.command(
    "stock_out",
    allow=Authority.MEMBER,
    typed=False,
    label=T("Take out"),
    asks={"thing": _WHICH},
    help=T("Take something out of the stock."),
)
async def stock_out(context: Context, *, thing: InStock, amount: Amount) -> Reply:
    """Asked for step by step."""
    return await _change(context, thing, "out", amount)


@router.command(
    "stock_in",
    allow=Authority.MEMBER,
    typed=False,
    label=T("Put in"),
    asks={"thing": _WHICH},
    help=T("Put something into the stock."),
)
async def stock_in(context: Context, *, thing: InStock, amount: Amount) -> Reply:
    """Asked for step by step."""
    return await _change(context, thing, "in", amount)


@router.command(
    "stock_count",
    allow=Authority.MEMBER,
    typed=False,
    label=T("Count"),
    asks={"thing": _WHICH},
    help=T("Say how much there is."),
)
async def stock_count(context: Context, *, thing: InStock, amount: Amount) -> Reply:
    """Asked for step by step."""
    return await _change(context, thing, "count", amount)


@router.command("stock_undo", allow=Authority.MEMBER, typed=False, help=T("Undo a change of the stock."))
async def stock_undo(context: Context, *, move: Reference) -> Reply:
    """A slip of one's own, while nothing else has happened to it."""
    found = await stock.move(context.tx, context.committee.id, move)
    thing = await stock.counted(context.tx, context.committee.id, found.stock_id) if found is not None else None
    if found is None or thing is None:
        raise Refusal(T("That is undone already. {stock} shows what there is.", stock=_STOCK), private=True)
    if found.member_id not in (context.member.id, context.speaker.id):
        raise Refusal(T("This is for somebody else."), private=True)
    newest = (await stock.history(context.tx, thing))[0]
    if newest.id != found.id or context.now - found.at > UNDO_WITHIN:
        raise Refusal(T("Something has changed since. Count it anew: {count}", count=_COUNTING), private=True)
    await stock.take_back(context.tx, found)
    again = await stock.counted(context.tx, context.committee.id, thing.id)
    assert again is not None
    await _watch(context, thing, again.level.amount)
    return Reply(T("{thing}: {amount}.", thing=thing.called, amount=_how_much(thing, again.level.amount)))


@router.command("stock_history", allow=Authority.MEMBER, typed=False, help=T("Who changed something in stock lately."))
async def stock_history(context: Context, *, thing: InStock) -> Reply:
    """The latest changes, in private."""
    told: list[Words] = []
    for one in await stock.history(context.tx, thing):
        values: dict[str, Value] = {"at": one.at, "name": one.name, "amount": _how_much(thing, one.amount)}
        match one.change:
            case "count":
                told.append(T("{at}: {name} counted {amount}", **values))
            case "in":
                told.append(T("{at}: {name} put in {amount}", **values))
            case _:
                told.append(T("{at}: {name} took out {amount}", **values))
    return Reply(
        lines(T("{title}", title=Bold(thing.called)), *(told or [T("Nothing was changed lately.")])),
        buttons=((_listing(),),),
        private=True,
    )


# --- what is set -------------------------------------------------------------------------------------------------


@router.command(
    "lowest",
    allow=Authority.ORGANIZER,
    label=T("Lowest level"),
    help=T("Below which amount organizers hear of it; or {off}.", off=Typed("off")),
    sample=(T("rice"), "5"),
    asks={
        "what": _WHICH,
        "amount": Asks(_AmountKind.question, instead=(T("Never"), {"off": "off"})),
    },
)
async def lowest(context: Context, *, what: InStock, amount: Amount | None = None, off: Off = "") -> Reply:
    """It takes no vote: whoever looks after it says when they want to hear."""
    if (amount is None) == (not off) or amount == 0:
        raise Refusal(
            T(
                "Write an amount or the word off: {example} or {off}",
                example=lowest.example,
                off=Typed("/lowest", T("rice"), "off"),
            )
        )
    await stock.set_lowest(context.tx, what, amount)
    await nudges.withdraw(context.tx, what.thing)
    if amount is None:
        return Reply(T("{thing}: organizers hear nothing any more.", thing=what.called))
    low = what.level.amount < amount
    return Reply(
        lines(
            T(
                "{thing}: organizers hear when there is less than {lowest}.",
                thing=what.called,
                lowest=_how_much(what, amount),
            ),
            T("There is less already: {amount}.", amount=_how_much(what, what.level.amount)) if low else None,
        )
    )


def _weekly_words(*, what: Counted, amount: int | None = None, off: str = "") -> Text:
    if amount is None or off:
        return T("{thing}: everybody takes what they need.", thing=what.called)
    return T("{thing}: one person may take {amount} a week.", thing=what.called, amount=_how_much(what, amount))


@router.command(
    "weekly",
    allow=Authority.COMMITTEE,
    label=T("How much a week"),
    help=T("How much of something scarce one person may take in seven days; or {off}.", off=Typed("off")),
    sample=(T("rice"), "2"),
    asks={
        "what": _WHICH,
        "amount": Asks(_AmountKind.question, instead=(T("As much as there is"), {"off": "off"})),
    },
    proposal=_weekly_words,
)
async def weekly(context: Context, *, what: InStock, amount: Amount | None = None, off: Off = "") -> Reply:
    """What was taken in the last seven days counts from the first day on."""
    if (amount is None) == (not off) or amount == 0:
        raise Refusal(
            T(
                "Write an amount or the word off: {example} or {off}",
                example=weekly.example,
                off=Typed("/weekly", T("rice"), "off"),
            )
        )
    await stock.set_weekly(context.tx, what, amount)
    body = {"weekly": what.id, "amount": amount}
    await entries.append(context.tx, context.committee, "rule", body, now=context.now)
    return Reply(_weekly_words(what=what, amount=amount))


@router.entry("rule", "weekly", about="rules")
async def weekly_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """How much one person may take."""
    found = await stock.counted(telling.tx, telling.committee.id, body["weekly"])
    assert found is not None, "it is kept, though it may not be counted any more"
    return _weekly_words(what=found, amount=body["amount"])


async def _unstocking(context: Context, *, what: Counted) -> Words:
    return lines(
        T("Shall {thing} not be counted any more?", thing=what.called),
        T("There are {amount} by the count.", amount=_how_much(what, what.level.amount)) if what.level.amount else None,
    )


@router.command(
    "unstock",
    allow=Authority.ORGANIZER,
    label=T("Count something no longer"),
    help=T("Take something off the stock."),
    asks={"what": _WHICH},
    confirm=_unstocking,
)
async def unstock(context: Context, *, what: InStock) -> Reply:
    """Its name and who changed it are forgotten."""
    called = what.called
    await stock.unlist(context.tx, what)
    body = {"stock": what.id, "counted": False, "member": context.member.id}
    await entries.append(context.tx, context.committee, "stock", body, now=context.now)
    return Reply(T("{thing} is not counted any more.", thing=called))


# --- what waits --------------------------------------------------------------------------------------------------


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """What runs low, to those who look after it."""
    if "organizer" not in context.roles:
        return []
    return [
        Todo(words=_low_words(one, one.level.amount, one.level.lowest), buttons=(_listing(),))
        for one in await stock.things(context.tx, context.committee.id)
        if one.level.lowest is not None and one.level.amount < one.level.lowest
    ]
