"""Things to lend: who lends what, who has it until when, who comes next; in private where it is between two people."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from bot.arguments import Note, Number, Reference
from bot.chat import Button, Card, Reply, Shown
from bot.dialogue import answer_button
from bot.domain import board as words_
from bot.domain import lending as rule
from bot.domain.lending import COMING, HANDED, Span, Wish
from bot.router import Asks, Authority, Command, Context, Router, Telling, Todo, View
from bot.text import Bold, Listed, N, Refusal, T, Text, Typed, Words, Written, lines
from storage import due, entries, lending, notes, outbox, people
from storage.database import Reader as Reads
from storage.digests import Since
from storage.lending import Item, Loan
from storage.people import Member

_TITLE = T("Things to borrow")
_MINE = T("Mine")
router = Router("lending", title=_TITLE)

PER_PAGE = 6
MINE_MAX = 20
"""So many things, and so many loans, of one's own are shown at once."""
NEW_MAX = 6
AT = time(10)
"""At this hour people are reminded: they can still do something about it."""
_THINGS = Typed("/things")
_WEEKEND = T("from fri to sun")
_THREE_DAYS = T("3 days")
_STRETCHES: Sequence[tuple[Text, str]] = (
    (T("A day"), "1 d"),
    (_THREE_DAYS, "3 d"),
    (T("A week"), "7 d"),
    (T("2 weeks"), "14 d"),
    (T("A month"), "30 d"),
)


# --- what it is called, and who may do what ----------------------------------------------------------------------


async def _called(tx: Reads, item: Item) -> Text:
    """What a thing is called: its words up to the first comma."""
    found = await notes.written(tx, item.thing)
    if found is None:
        return T("(erased)")
    others = {language: rule.name_of(text) for language, text in found.others.items()}
    return T("{title}", title=Written(rule.name_of(found.text), others))


def _today(context: Context | View) -> date:
    return context.now.astimezone(context.committee.zone).date()


async def _member(context: Context, id_: int) -> Member:
    member = await people.member_now(context.tx, context.committee.id, id_)
    assert member is not None
    return member


async def _acts_for(context: Context, id_: int) -> bool:
    """Whether it is their own, or that of somebody without an account for whom they speak."""
    return context.member.id == id_ or (await _member(context, id_)).helper_id == context.member.id


async def _loan(context: Context, id_: int, *states: str) -> Loan:
    """A loan that still is as it was when it was shown. Raises Refusal."""
    loan = await lending.loan(context.tx, context.committee.id, id_)
    if loan is None or loan.state not in states:
        raise Refusal(T("That is settled already. {things} shows how it stands.", things=_THINGS), private=True)
    return loan


async def _as_owner(context: Context, id_: int, *states: str) -> Loan:
    loan = await _loan(context, id_, *states)
    if not await _acts_for(context, loan.item.member_id):
        raise Refusal(T("Only {name}, whose thing it is, can say that.", name=loan.item.name), private=True)
    return loan


async def _as_borrower(context: Context, id_: int, *states: str) -> Loan:
    loan = await _loan(context, id_, *states)
    if not await _acts_for(context, loan.member_id):
        raise Refusal(T("This is for somebody else."), private=True)
    return loan


async def _as_either(context: Context, id_: int, *states: str) -> tuple[Loan, bool]:
    """The loan, and whether it is its owner who speaks."""
    loan = await _loan(context, id_, *states)
    owns = await _acts_for(context, loan.item.member_id)
    return (loan, True) if owns else (await _as_borrower(context, id_, *states), False)


async def _others_spans(context: Context, loan: Loan) -> list[Span]:
    return [
        span
        for other in await lending.loans_of(context.tx, loan.item.id)
        if other.id != loan.id and (span := other.taken(today=_today(context))) is not None
    ]


# --- telling both ------------------------------------------------------------------------------------------------


async def _show(context: Context, loan: Loan, kind: str) -> bool:
    """Show a loan anew to its owner (`loan`) or its borrower (`loaned`), or to whoever speaks for them."""
    to = await _member(context, loan.item.member_id if kind == "loan" else loan.member_id)
    if not to.active:
        return True
    if to.helper_id is not None:
        to = await _member(context, to.helper_id)
    return await context.show_to(to, Card(kind, loan.id))


async def _answer(context: Context, loan: Loan, kind: str) -> Reply | None:
    """The card that was pressed shows what came of it; where there is none, it is said."""
    if await context.shown_there(f"{kind}:{loan.id}"):
        return None
    words, buttons = await _side(context, loan, kind)
    return Reply(words, buttons=buttons, private=True, about=(loan.item.thing,))


async def _tell(context: Context, id_: int, loan: Loan, words: Words) -> None:
    """Say something about a thing to a member who is still here, in private."""
    to = await _member(context, id_)
    if to.active:
        await context.tell(to, words, about=(loan.item.thing,))


async def _plan(context: Context, loan: Loan, *, after: date | None = None) -> None:
    """The clock looks at it again on the next day on which there is something to say."""
    day = rule.next_day(loan.state, _base(context, loan), after=after or _today(context))
    if day is not None:
        await due.plan(
            context.tx,
            loan.thing,
            loan_day.says(loan=loan.id),
            local=datetime.combine(day, AT),
            zone=context.committee.zone,
            committee=context.committee.id,
            late="do",
        )


def _base(context: Context, loan: Loan) -> date:
    """The day from which the steps of its state are counted."""
    day = {"promised": loan.first, "out": loan.last}.get(loan.state)
    return day or loan.since.astimezone(context.committee.zone).date()


async def _moved(context: Context, loan: Loan, state: rule.State, *, span: Span | None = None) -> Loan:
    moved = await lending.move(context.tx, loan, state, now=context.now, span=span)
    await _plan(context, moved)
    return moved


async def _ended(context: Context, loan: Loan, state: rule.State) -> Loan:
    """It is over; whoever is next in line is offered the thing."""
    moved = await _moved(context, loan, state)
    await _offer_next(context, loan.item)
    return moved


async def _offer_next(context: Context, item: Item) -> None:
    today = _today(context)
    there = await lending.loans_of(context.tx, item.id)
    for loan in there:
        if loan.state == "waiting" and rule.passed(loan.wish, today=today):
            words = T("You waited for {thing}: its days are over.", thing=await _called(context.tx, item))
            await _tell(context, loan.member_id, loan, words)
            await lending.move(context.tx, loan, "lapsed", now=context.now)
    current = await lending.item(context.tx, context.committee.id, item.id)
    if current is None or not current.lent:
        return
    # One after another: what one is offered is not free for the next.
    while True:
        there = await lending.loans_of(context.tx, item.id)
        line = [loan.wish for loan in there if loan.state == "waiting"]
        spans = [span for loan in there if (span := loan.taken(today=today)) is not None]
        found = rule.next_in_line(line, spans, today=today, longest=item.days)
        if found is None:
            return
        [loan] = [one for one in there if one.id == found[0]]
        await _show(context, await _moved(context, loan, "offered", span=found[1]), "loaned")


# --- how it is shown ---------------------------------------------------------------------------------------------

_Side = tuple[list[Text], tuple[tuple[Button, ...], ...]]


def _button(label: Text, command: Command, loan: Loan) -> Button:
    return Button(label=label, says=command.says(loan=loan.id))


async def _owner_side(context: Context | View, loan: Loan) -> _Side:
    """What its owner reads about a loan."""
    tx, item = context.tx, loan.item
    thing = await _called(tx, item)
    told: list[Text] = []
    rows: list[tuple[Button, ...]] = []
    match loan.state:
        case "asked":
            told += [T("{name} would like to borrow: {thing}", name=loan.name, thing=thing), _days(loan)]
            rows.append((_button(T("Yes"), loan_yes, loan), _button(T("No"), loan_no, loan)))
        case "promised":
            told += [T("You have promised {name}: {thing}", name=loan.name, thing=thing), _days(loan)]
            told.append(T("Write to each other about where. Press when it is handed over."))
            rows.append((_button(T("Handed over"), handed, loan), _button(T("Not after all"), loan_off, loan)))
        case "out":
            told.append(T("{name} has: {thing}", name=loan.name, thing=thing))
            told.append(_due(context, loan))
            if loan.longer is not None:
                told.append(T("{name} asks to keep it until {day}.", name=loan.name, day=loan.longer))
                rows.append((_button(T("Yes"), longer_yes, loan), _button(T("No"), longer_no, loan)))
            told += await _waiting_words(tx, item)
            rows.append((_button(T("It is back"), is_back, loan), _button(T("Ask for it back"), ask_early, loan)))
        case "back":
            told.append(T("{name} says that it is back: {thing}", name=loan.name, thing=thing))
            rows.append((_button(T("Yes, it is back"), is_back, loan), _button(T("Not yet"), not_back, loan)))
        case "returned":
            told.append(T("It is back: {thing}. Thank you for lending it!", thing=thing))
        case "lost":
            told.append(T("It is lost: {thing}.", thing=thing))
        case "declined":
            told.append(T("You do not lend it to {name}: {thing}", name=loan.name, thing=thing))
        case "lapsed":
            told.append(T("Nothing came of it: {thing}, for {name}", name=loan.name, thing=thing))
        case _:
            told.append(T("{name} does not need it any more: {thing}", name=loan.name, thing=thing))
    return told, tuple(rows)


async def _borrower_side(context: Context | View, loan: Loan) -> _Side:
    """What its borrower reads about a loan."""
    tx, item = context.tx, loan.item
    thing = await _called(tx, item)
    name = item.name
    told: list[Text] = []
    rows: list[tuple[Button, ...]] = []
    match loan.state:
        case "waiting":
            told.append(T("You are in line for: {thing} ({name})", thing=thing, name=name))
            told += await _place_words(context, loan)
            rows.append((_button(T("I do not need it any more"), loan_off, loan),))
        case "offered":
            told += [T("It is your turn: {thing} ({name})", thing=thing, name=name), _days(loan)]
            until = loan.since.astimezone(context.committee.zone).date() + timedelta(days=rule.STEPS["offered"][-1])
            told.append(T("If you say nothing until {day}, the next one is asked.", day=until))
            rows.append((_button(T("I would like it"), loan_take, loan), _button(T("Not any more"), loan_off, loan)))
        case "asked":
            told += [T("I have asked {name} for you: {thing}", name=name, thing=thing), _days(loan)]
            rows.append((_button(T("I do not need it any more"), loan_off, loan),))
        case "promised":
            told += [T("Yes! {name} lends you: {thing}", name=name, thing=thing), _days(loan)]
            told.append(T("Write to each other about where. Press when you have it."))
            rows.append((_button(T("I have it"), handed, loan), _button(T("Not after all"), loan_off, loan)))
        case "out":
            told.append(T("You have: {thing} ({name})", thing=thing, name=name))
            told.append(_due(context, loan))
            if loan.early is not None:
                told.append(T("{name} needs it back by {day}. Does that work for you?", name=name, day=loan.early))
                rows.append((_button(T("Yes, by then"), early_yes, loan), _button(T("I cannot"), early_no, loan)))
            elif loan.longer is not None:
                told.append(T("I have asked whether you can keep it until {day}.", day=loan.longer))
            rows.append(
                (_button(T("I have brought it back"), brought_back, loan), _button(T("Longer"), ask_longer, loan))
            )
            rows.append((_button(T("Broken or lost"), mishap, loan),))
        case "back":
            told.append(T("You have brought it back: {thing}. {name} is asked.", thing=thing, name=name))
        case "returned":
            told.append(T("It is back: {thing}. Thank you!", thing=thing))
        case "declined":
            told.append(T("{name} cannot lend it just now: {thing}", name=name, thing=thing))
            told.append(T("{things} shows what else there is.", things=_THINGS))
        case "lapsed":
            told.append(T("Nothing came of it: {thing} ({name})", thing=thing, name=name))
            told.append(T("Would you still like it? {borrow}", borrow=Typed("/borrow", str(item.number))))
        case "lost":
            told.append(T("It is lost: {thing}.", thing=thing))
        case _:
            told.append(T("You do not need it any more: {thing}", thing=thing))
    return told, tuple(rows)


_SIDES: Mapping[str, Callable[[Context | View, Loan], Awaitable[_Side]]] = {
    "loan": _owner_side,
    "loaned": _borrower_side,
}


async def _side(context: Context | View, loan: Loan, kind: str) -> tuple[Words, tuple[tuple[Button, ...], ...]]:
    """What the owner (`loan`) or the borrower (`loaned`) reads; whoever speaks for them, for whom it is."""
    told, buttons = await _SIDES[kind](context, loan)
    whose = loan.item.member_id if kind == "loan" else loan.member_id
    member = await people.member_now(context.tx, context.committee.id, whose)
    spoken_for = member is not None and member.helper_id is not None
    name = loan.item.name if kind == "loan" else loan.name
    return lines(T("For {name}:", name=name) if spoken_for else None, *told), buttons


def _days(loan: Loan) -> Text:
    assert loan.first is not None
    assert loan.last is not None
    return T("From {first} until {last}.", first=loan.first, last=loan.last)


def _due(context: Context | View, loan: Loan) -> Text:
    assert loan.last is not None
    if loan.last < _today(context):
        return T("It was due back on {day}.", day=loan.last)
    return T("Due back on {day}.", day=loan.last)


async def _waiting_words(tx: Reads, item: Item) -> list[Text]:
    n = sum(loan.state in ("waiting", "offered") for loan in await lending.loans_of(tx, item.id))
    return [N("{n} person waits for it.", "{n} people wait for it.", n)] if n else []


async def _place_words(context: Context | View, loan: Loan) -> list[Text]:
    """How many are before somebody in the waiting line, and until when others have the thing."""
    there = await lending.loans_of(context.tx, loan.item.id)
    line = [one.wish for one in there if one.state in ("waiting", "offered")]
    n = rule.before(line, loan.id)
    told = [N("{n} person is before you.", "{n} people are before you.", n) if n else T("You are next.")]
    lasts = [one.last for one in there if one.state in HANDED and one.last is not None]
    # Whether somebody is late is between two people.
    if lasts and lasts[0] >= _today(context):
        told.append(T("It is out until {day}.", day=lasts[0]))
    return told


@router.card("loan")
async def loan_card(view: View, ref: int) -> Shown | None:
    """A loan as its owner sees it, in private."""
    return await _loan_shown(view, ref, "loan")


@router.card("loaned")
async def loaned_card(view: View, ref: int) -> Shown | None:
    """A loan as its borrower sees it, in private."""
    return await _loan_shown(view, ref, "loaned")


async def _loan_shown(view: View, ref: int, kind: str) -> Shown | None:
    loan = await lending.loan(view.tx, view.committee.id, ref)
    if loan is None or not view.private:
        return None
    words, buttons = await _side(view, loan, kind)
    return Shown(words, buttons=buttons)


@router.card("item")
async def item_card(view: View, ref: int) -> Shown | None:
    """A thing in the group: whether it can be had; never who is late with it."""
    item = await lending.item(view.tx, view.committee.id, ref)
    if item is None:
        return None
    if not item.lent:
        return Shown(T("No. {number} is not lent any more.", number=item.number))
    there = await lending.loans_of(view.tx, item.id)
    is_out = any(loan.state in HANDED for loan in there)
    told = [await _heading(view.tx, item), N("For up to {n} day.", "For up to {n} days.", item.days)]
    if is_out:
        told.append(T("It is out just now; you can get in line."))
    return Shown(
        lines(*told, *await _waiting_words(view.tx, item)),
        buttons=((_borrowing(item), Button(label=T("All things"), says=things.says())),),
    )


async def _heading(tx: Reads, item: Item) -> Words:
    found = await notes.written(tx, item.thing)
    return T("No. {number}: {name} lends {what}", number=item.number, name=item.name, what=found or T("(erased)"))


def _borrowing(item: Item) -> Button:
    return Button(label=T("Borrow"), says=borrow.says(what=str(item.number)))


# --- which one is meant ------------------------------------------------------------------------------------------


def _matching(items: Sequence[Item], what: str, *, exactly: bool = False) -> list[Item]:
    """The things that somebody means: by number, by the whole name, or by the beginnings of its words.

    `exactly`: small words, as in “the ladder”, are not passed over.
    """
    number = what.lower().removeprefix("no.").removeprefix("nr.").removeprefix("n.º").strip(" #.")
    if number.isdecimal() and len(number) < 10:
        return [item for item in items if item.number == int(number)]
    wanted = words_.plain(what)
    exact = [item for item in items if words_.plain(rule.name_of(item.words or "")) == wanted]
    if exact:
        return exact
    found = [item for item in items if words_.found_by(what, item.words or "")] if re.search(r"\w", what) else []
    small = "" if exactly else " ".join(words_.terms(what))
    return found or [item for item in items if small and words_.found_by(small, item.words or "")]


async def _choose(context: Context, items: Sequence[Item], command: Command, rest: str = "") -> Reply:
    """Several things fit: ask which one."""
    question = context.tx.token()
    buttons = [
        answer_button(
            T("No. {number}: {name}", number=item.number, name=item.name),
            command.says(what=f"{item.number}{rest}"),
            context.member,
            question,
        )
        for item in items[:PER_PAGE]
    ]
    told = [await _heading(context.tx, item) for item in items[:PER_PAGE]]
    return Reply(
        lines(T("Which one?"), *told),
        buttons=tuple(tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2)),
        private=True,
    )


async def _theirs(context: Context) -> list[tuple[Text | str, str]]:
    there = await lending.items(context.tx, context.committee.id)
    return [(await _label(context, item), str(item.number)) for item in there if item.member_id != context.member.id]


async def _own(context: Context) -> list[tuple[Text | str, str]]:
    there = await lending.items(context.tx, context.committee.id)
    return [(await _label(context, item), str(item.number)) for item in there if item.member_id == context.member.id]


async def _label(context: Context, item: Item) -> Text:
    return T("{thing} ({name})", thing=await _called(context.tx, item), name=item.name)


async def _loan_label(context: Context, loan: Loan) -> Text:
    """The thing, and with whom it is shared."""
    other = loan.name if loan.item.member_id == context.member.id else loan.item.name
    return T("{thing} ({name})", thing=await _called(context.tx, loan.item), name=other)


def _loans(*states: str, owner: bool, borrower: bool) -> Callable[[Context], Any]:
    """What buttons offer where something is out: as its owner, as its borrower."""

    async def choices(context: Context) -> list[tuple[Text | str, str]]:
        found = await _mine(context, states, owner=owner, borrower=borrower)
        return [(await _loan_label(context, loan), str(loan.item.number)) for loan in found]

    return choices


async def _mine(context: Context, states: Collection[str], *, owner: bool, borrower: bool) -> list[Loan]:
    return [
        loan
        for loan in await lending.loans_with(context.tx, context.member)
        if loan.state in states
        and ((owner and loan.item.member_id == context.member.id) or (borrower and loan.member_id == context.member.id))
    ]


async def _meant(
    context: Context, what: str, command: Command, states: Collection[str], *, owner: bool, borrower: bool
) -> Loan | Reply:
    """The loan of theirs that somebody means, or the question which one. Raises Refusal."""
    mine = await _mine(context, states, owner=owner, borrower=borrower)
    found = _matching([loan.item for loan in mine], what) if what else [loan.item for loan in mine]
    if not found:
        raise Refusal(_NOTHING_OUT, private=True)
    if len(found) > 1:
        return await _choose(context, found, command)
    return next(loan for loan in mine if loan.item.id == found[0].id)


_NOTHING_OUT = T("You have nothing of that kind out just now. {mine} shows what is yours.", mine=Typed("/things mine"))


# --- lending -----------------------------------------------------------------------------------------------------


@router.command(
    "lend",
    allow=Authority.MEMBER,
    label=T("Lend something"),
    help=T("Say what you would lend to others, and for how long at most."),
    sample=(T("ladder, a week"),),
    asks={
        "what": Asks(T("What would you lend? Write a few words.")),
        "longest": Asks(T("For how long at most? Choose, or write it, like {example}.", example=Typed("10d"))),
    },
    for_others=True,
)
async def lend(context: Context, *, what: Note, longest: Note = "") -> Reply | Card:
    """Put a thing on the list."""
    said = rule.read_lent(", ".join(part for part in (what, longest) if part))
    if not any(letter.isalnum() for letter in said.words):
        raise Refusal(T("What would you lend? Write it like this: {example}", example=lend.example))
    if len(said.words) > notes.CHARACTERS_MAX:
        raise Refusal(T("That is too long: {n} characters at most. Say it shorter.", n=notes.CHARACTERS_MAX))
    there = await lending.items(context.tx, context.committee.id)
    mine = [item for item in there if item.member_id == context.member.id]
    if len(mine) >= lending.OF_MEMBER_MAX:
        raise Refusal(
            T("You lend {n} things already. Take one off the list first: {unlend}", n=len(mine), unlend=unlend.example)
        )
    if any(words_.plain(item.words or "") == words_.plain(said.words) for item in mine):
        raise Refusal(T("That is on the list already. {mine} shows what is yours.", mine=Typed("/things mine")))
    if said.days is None:
        return await _ask_longest(context, said.words)
    item, hashed = await lending.put(
        context.tx, context.committee, context.member, said.words, days=said.days, now=context.now
    )
    body = {"item": item.id, "member": context.member.id, "days": item.days, "words": hashed}
    await entries.append(context.tx, context.committee, "item", body, now=context.now)
    card = Card("item", item.id)
    if not context.in_private:
        return card
    await context.show(card)
    return Reply(
        lines(
            await _heading(context.tx, item),
            N("For up to {n} day.", "For up to {n} days.", item.days),
            T("The group sees it now. Whoever would like it asks you, in private."),
        ),
        buttons=((Button(label=T("All things"), says=things.says()), _unlending(item)),),
    )


async def _ask_longest(context: Context, words: str) -> Reply:
    question = context.tx.token()
    buttons = [
        answer_button(label, lend.says(what=words, longest=stretch), context.member, question)
        for label, stretch in _STRETCHES
    ]
    return Reply(
        lines(T("“{note}”", note=words), T("For how long at most?")),
        buttons=tuple(tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2)),
    )


@router.entry("item")
async def item_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """That something can be borrowed; what it is the list says."""
    item = await lending.item(telling.tx, telling.committee.id, body["item"])
    return T("thing no. {number} can be borrowed.", number=item.number if item is not None else 0)


def _unlending(item: Item) -> Button:
    return Button(label=T("Take it off the list"), says=unlend.says(what=str(item.number)))


@router.command(
    "unlend",
    allow=Authority.MEMBER,
    within="things",
    label=T("Take a thing off the list"),
    help=T("Do not lend a thing any more."),
    sample=(T("ladder"),),
    asks={"what": Asks(T("Which one?"), _own, T("You lend nothing just now."))},
    for_others=True,
)
async def unlend(context: Context, *, what: Note) -> Reply:
    """It is off the list; who waits hears it. Whoever has it brings it back all the same."""
    there = await lending.items(context.tx, context.committee.id)
    mine = _matching([item for item in there if item.member_id == context.member.id], what)
    if not mine:
        raise Refusal(T("You lend nothing that is called so. {mine} shows what is yours.", mine=Typed("/things mine")))
    if len(mine) > 1:
        return await _choose(context, mine, unlend)
    [item] = mine
    name = await _called(context.tx, item)
    out = await _off_the_list(context, item)
    return Reply(
        lines(
            T("{thing} is off the list.", thing=name),
            T("{name} still has it, and brings it back as agreed.", name=out.name) if out is not None else None,
        ),
        private=True,
    )


async def _off_the_list(context: Context, item: Item) -> Loan | None:
    """Nobody waits for it any more. Returns the loan that goes on, if it is out."""
    out = None
    for loan in await lending.loans_of(context.tx, item.id):
        if loan.state in HANDED:
            out = loan
            continue
        words = T("{name} does not lend it any more: {thing}", name=item.name, thing=await _called(context.tx, item))
        await _tell(context, loan.member_id, loan, words)
        await lending.move(context.tx, loan, "declined", now=context.now)
    await lending.unlist(context.tx, item)
    return out


# --- looking -----------------------------------------------------------------------------------------------------


@router.command(
    "things",
    allow=Authority.MEMBER,
    label=_TITLE,
    help=T("What can be borrowed; search it with a word, or look at {mine}.", mine=Typed("/things mine")),
    sample=(T("ladder"),),
    repeatable=True,
)
async def things(context: Context, *, words: Note = "") -> Reply:
    """The first page of all of it, of what a search finds, or of what is one's own."""
    return await _page(context, words, 1)


@router.command(
    "things_page",
    allow=Authority.MEMBER,
    typed=False,
    help=T("A page of the things to borrow."),
    repeatable=True,
    in_place=True,
)
async def things_page(context: Context, *, words: Note = "", number: Number = 1) -> Reply:
    """Another page, in place of the one whose button was pressed."""
    return await _page(context, words, number)


async def _page(context: Context, words: str, number: int) -> Reply:
    if words.casefold() in ("mine", "mías", "mío", "meine"):
        return await _my_page(context)
    found = await lending.items(context.tx, context.committee.id)
    if words:
        found = _matching(found, words)
    begin = (number - 1) * PER_PAGE
    page = found[begin : begin + PER_PAGE]
    here = {"words": words} if words else {}
    ways = []
    if number > 1:
        ways.append(Button(label=T("Back"), says=things_page.says(**here, number=number - 1)))
    if len(found) > begin + PER_PAGE:
        ways.append(Button(label=T("More"), says=things_page.says(**here, number=number + 1)))
    told: list[Words] = [await _listed(context, item) for item in page]
    if not told:
        told = [
            T("Nothing. Ask for it: {need}", need=Typed("/need", words))
            if words
            else T("Nothing here yet. Begin: {lend}", lend=lend.example)
        ]
    numbers = [
        Button(label=T("No. {number}", number=item.number), says=thing_shown.says(number=item.number)) for item in page
    ]
    rows = [
        *(tuple(numbers[at : at + 3]) for at in range(0, len(numbers), 3)),
        tuple(ways),
        (Button(label=_MINE, says=things_page.says(words="mine")),),
    ]
    title = T("To borrow, “{words}”:", words=words) if words else T("{title}", title=Bold(_TITLE))
    return Reply(lines(title, *told), buttons=tuple(row for row in rows if row))


async def _listed(context: Context, item: Item) -> Words:
    """One line: what it is, whose, and whether it can be had."""
    name = await _called(context.tx, item)
    there = await lending.loans_of(context.tx, item.id)
    out = next((loan for loan in there if loan.state in HANDED), None)
    if out is None:
        return T("No. {number}: {thing} ({name})", number=item.number, thing=name, name=item.name)
    if out.last is not None and out.last >= _today(context):
        return T("No. {number}: {thing} ({name}), out until {day}", number=item.number, thing=name, name=item.name,
                 day=out.last)  # fmt: skip
    return T("No. {number}: {thing} ({name}), out", number=item.number, thing=name, name=item.name)


async def _my_page(context: Context) -> Reply:
    there = await lending.items(context.tx, context.committee.id)
    mine = [item for item in there if item.member_id == context.member.id]
    told: list[Words] = [await _listed(context, item) for item in mine[:MINE_MAX]]
    loans = []
    for loan in await lending.loans_with(context.tx, context.member):
        kind = "loan" if await _acts_for(context, loan.item.member_id) else "loaned"
        if kind == "loaned" or loan.state not in ("waiting", "offered"):
            loans.append((loan, kind))
    buttons = []
    for loan, kind in loans[:MINE_MAX]:
        told.append(T("· {words}", words=(await _SIDES[kind](context, loan))[0][0]))
        buttons.append(Button(label=await _loan_label(context, loan), says=loan_shown.says(loan=loan.id)))
    if not told:
        told = [T("You lend and borrow nothing just now. Begin: {lend}", lend=lend.example)]
    left = max(0, len(mine) - MINE_MAX) + max(0, len(loans) - MINE_MAX)
    if left:
        told.append(N("{n} more: search it with {things}", "{n} more: search them with {things}", left, things=_THINGS))
    rows = [tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2)]
    return Reply(
        lines(T("{title}", title=Bold(_MINE)), *told),
        buttons=(*rows, (Button(label=T("All things"), says=things_page.says()),)),
        private=True,
    )


@router.command(
    "thing_shown",
    allow=Authority.MEMBER,
    typed=False,
    help=T("One thing to borrow."),
    repeatable=True,
    in_place=True,
)
async def thing_shown(context: Context, *, number: Number) -> Reply:
    """One thing: who has it until when, and what can be done."""
    item = await lending.numbered(context.tx, context.committee.id, number)
    back = (Button(label=T("Back"), says=things_page.says()),)
    if item is None or not item.lent:
        return Reply(T("No. {number} is not lent any more.", number=number), buttons=(back,))
    told = [await _heading(context.tx, item), N("For up to {n} day.", "For up to {n} days.", item.days)]
    for loan in await lending.loans_of(context.tx, item.id):
        if loan.state in HANDED and loan.last is not None:
            # Whether somebody is late is between two people.
            late = loan.last < _today(context)
            told.append(
                T("It is out just now.") if late else T("{name} has it until {day}.", name=loan.name, day=loan.last)
            )
        elif loan.state == "promised" and loan.first is not None and loan.last is not None:
            told.append(T("Promised from {first} until {last}.", first=loan.first, last=loan.last))
    told += await _waiting_words(context.tx, item)
    own = item.member_id == context.member.id
    return Reply(lines(*told), buttons=((_unlending(item) if own else _borrowing(item),), back))


@router.command(
    "loan_shown", allow=Authority.MEMBER, typed=False, help=T("Something that is lent."), repeatable=True, in_place=True
)
async def loan_shown(context: Context, *, loan: Reference) -> Reply:
    """A loan of one's own, with what can be done."""
    found, owns = await _as_either(context, loan, *rule.ALIVE)
    words, buttons = await _side(context, found, "loan" if owns else "loaned")
    back = (Button(label=T("Back"), says=things_page.says(words="mine")),)
    return Reply(words, buttons=(*buttons, back), private=True)


# --- borrowing ---------------------------------------------------------------------------------------------------


async def _when(context: Context) -> list[tuple[Text | str, str]]:
    return [(label, stretch) for label, stretch in _STRETCHES[:4]]


@router.command(
    "borrow",
    allow=Authority.MEMBER,
    label=T("Borrow something"),
    help=T("Ask somebody for a thing of theirs, or get in line for it."),
    sample=(T("ladder for 3 days"),),
    asks={
        "what": Asks(T("Which one?"), _theirs, T("There is nothing to borrow just now.")),
        "time": Asks(
            T("For how long? Choose, or write it, like {example}.", example=Typed(_WEEKEND)),
            _when,
            instead=(T("As long as I can"), {}),
        ),
    },
    for_others=True,
)
async def borrow(context: Context, *, what: Note, time: Note = "") -> Reply:
    """Ask its owner in private; where it is out on those days, get in line."""
    today = _today(context)
    asked = rule.read_asked(", ".join(part for part in (what, time) if part), today=today)
    there = await lending.items(context.tx, context.committee.id)
    found = _matching(there, asked.words) if asked.words else []
    found = [item for item in found if item.member_id != context.member.id] or found
    if not found:
        raise Refusal(
            T(
                "Nobody lends that here. {things} shows what there is, or ask for it: {need}",
                things=_THINGS,
                need=Typed("/need", asked.words or T("ladder")),
            )
        )
    if len(found) > 1:
        line = f"{what} {time}".strip()
        when = line.removeprefix(asked.words) if line.startswith(asked.words) else ""
        return await _choose(context, found, borrow, when)
    [item] = found
    if item.member_id == context.member.id:
        raise Refusal(T("That is your own. {mine} shows how it stands.", mine=Typed("/things mine")), private=True)
    wish = _wish(asked, item, today=today)
    mine = [
        loan for loan in await lending.loans_with(context.tx, context.member) if loan.member_id == context.member.id
    ]
    before = next((loan for loan in mine if loan.item.id == item.id), None)
    if before is not None:
        words, buttons = await _side(context, before, "loaned")
        return Reply(words, buttons=buttons, private=True)
    if len(mine) >= lending.WISHES_MAX:
        raise Refusal(
            T("You have, or wait for, {n} things already. {mine} shows them.", n=len(mine), mine=Typed("/things mine")),
            private=True,
        )
    others = await lending.loans_of(context.tx, item.id)
    if len(others) >= lending.LINE_MAX - 1:
        raise Refusal(T("Too many wait for it already. {things} shows what else there is.", things=_THINGS))
    spans = [span for loan in others if (span := loan.taken(today=today)) is not None]
    span = rule.fit(wish, spans, today=today, longest=item.days)
    loan = await lending.wish(
        context.tx, item, context.member, "asked" if span else "waiting", wish, span, now=context.now
    )
    await _plan(context, loan)
    if span is not None:
        await _ask_owner(context, loan)
    words, buttons = await _side(context, loan, "loaned")
    return Reply(words, buttons=buttons, private=True)


def _wish(asked: rule.Asked, item: Item, *, today: date) -> Wish:
    first, last, days = asked.first, asked.last, asked.days
    if first is not None and last is None:
        last = first + timedelta(days=min(days or item.days, item.days))
    if first is not None and last is not None and last < first:
        raise Refusal(T("That ends before it begins. Write it like this: {example}", example=_FROM_TO))
    if (first or today) > today + timedelta(days=rule.DAYS_MAX):
        raise Refusal(T("That is more than a year ahead. Ask again when it is nearer."))
    return Wish(id=0, days=days or item.days, first=first, last=last)


_FROM_TO = Typed("/borrow", T("ladder from fri to sun"))


async def _ask_owner(context: Context, loan: Loan) -> None:
    """In private; where that cannot be, where they read."""
    if await _show(context, loan, "loan"):
        return
    words, [row] = await _side(context, loan, "loan")
    only = tuple(Button(label=button.label, says=button.says, only=loan.item.member_id) for button in row)
    await context.announce(lines(T("For {name}:", name=loan.item.name), words), buttons=(only,))


@router.command("loan_yes", allow=Authority.MEMBER, typed=False, help=T("Lend it."))
async def loan_yes(context: Context, *, loan: Reference) -> Reply | None:
    """The owner says yes: whoever asked has its days."""
    found = await _as_owner(context, loan, "asked")
    first = max(found.first or _today(context), _today(context))
    last = rule.due_day(first, found.wish, await _others_spans(context, found), longest=found.item.days)
    found = await _moved(context, found, "promised", span=Span(first, last))
    await _show(context, found, "loaned")
    return await _answer(context, found, "loan")


@router.command("loan_no", allow=Authority.MEMBER, typed=False, help=T("Do not lend it this time."))
async def loan_no(context: Context, *, loan: Reference) -> Reply | None:
    """The owner says no, and need not say why."""
    found = await _ended(context, await _as_owner(context, loan, "asked"), "declined")
    await _show(context, found, "loaned")
    return await _answer(context, found, "loan")


@router.command("loan_take", allow=Authority.MEMBER, typed=False, help=T("Take what one waited for."))
async def loan_take(context: Context, *, loan: Reference) -> Reply | None:
    """Whoever waited still wants it: its owner is asked."""
    found = await _moved(context, await _as_borrower(context, loan, "offered"), "asked")
    await _ask_owner(context, found)
    return await _answer(context, found, "loaned")


@router.command("loan_off", allow=Authority.MEMBER, typed=False, help=T("Do not borrow it after all."))
async def loan_off(context: Context, *, loan: Reference) -> Reply | None:
    """Before it is handed over, either of them may say so."""
    found, owns = await _as_either(context, loan, "waiting", *COMING)
    known = found.state in ("asked", "promised")
    found = await _ended(context, found, "declined" if owns else "withdrawn")
    if owns:
        await _show(context, found, "loaned")
    elif known:
        words, _ = await _owner_side(context, found)
        await _tell(context, found.item.member_id, found, lines(*words))
    return await _answer(context, found, "loan" if owns else "loaned")


@router.command("handed", allow=Authority.MEMBER, typed=False, help=T("It is handed over."))
async def handed(context: Context, *, loan: Reference) -> Reply | None:
    """From now on the borrower has it, until a day that both are told."""
    found, owns = await _as_either(context, loan, "promised")
    today = _today(context)
    there = await lending.loans_of(context.tx, found.item.id)
    if (out := next((one for one in there if one.state in HANDED), None)) is not None:
        if not owns:
            # Who has it, and is late, is nothing for whoever comes next.
            raise Refusal(T("It is still out, as far as I know. Write to {name}.", name=found.item.name), private=True)
        raise Refusal(
            T("It is with {name}, as far as I know. Has it come back? {returned}", name=out.name, returned=_RETURNED),
            private=True,
        )
    spans = await _others_spans(context, found)
    if found.first is not None and today < found.first and any(span.meets(Span(today, today)) for span in spans):
        raise Refusal(T("Until {day} it is promised to somebody else.", day=found.first), private=True)
    last = rule.due_day(today, found.wish, spans, longest=found.item.days)
    found = await _moved(context, found, "out", span=Span(today, last))
    await _show(context, found, "loaned" if owns else "loan")
    return await _answer(context, found, "loan" if owns else "loaned")


# --- bringing it back --------------------------------------------------------------------------------------------

_OUT = _loans(*HANDED, owner=True, borrower=True)
_RETURNED = Typed("/returned", T("ladder"))


@router.command(
    "returned",
    allow=Authority.MEMBER,
    label=T("It is back"),
    help=T("Say that a thing is back: yours, or one that you had."),
    sample=(T("ladder"),),
    asks={"what": Asks(T("Which one?"), _OUT, _NOTHING_OUT)},
    for_others=True,
)
async def returned(context: Context, *, what: Note) -> Reply | None:
    """Said by its owner it is so; said by the borrower, the owner is asked."""
    found = await _meant(context, what, returned, HANDED, owner=True, borrower=True)
    if isinstance(found, Reply):
        return found
    if found.item.member_id == context.member.id:
        return await _is_back(context, found)
    return await _brought_back(context, found)


@router.command("is_back", allow=Authority.MEMBER, typed=False, help=T("It is back."))
async def is_back(context: Context, *, loan: Reference) -> Reply | None:
    """The owner has it again."""
    return await _is_back(context, await _as_owner(context, loan, *HANDED))


async def _is_back(context: Context, loan: Loan) -> Reply | None:
    thing = await _called(context.tx, loan.item)
    found = await _ended(context, loan, "returned")
    words = T("{name} has it back: {thing}. Thank you!", name=loan.item.name, thing=thing)
    await _tell(context, loan.member_id, loan, words)
    return await _answer(context, found, "loan")


@router.command("brought_back", allow=Authority.MEMBER, typed=False, help=T("The borrower has brought it back."))
async def brought_back(context: Context, *, loan: Reference) -> Reply | None:
    """Its owner is asked."""
    return await _brought_back(context, await _as_borrower(context, loan, "out"))


async def _brought_back(context: Context, loan: Loan) -> Reply | None:
    if not (await _member(context, loan.item.member_id)).active:
        # Nobody is left to say so.
        return await _answer(context, await _ended(context, loan, "returned"), "loaned")
    found = loan if loan.state == "back" else await _moved(context, loan, "back")
    if loan.state != "back":
        await _show(context, found, "loan")
    return await _answer(context, found, "loaned")


@router.command("not_back", allow=Authority.MEMBER, typed=False, help=T("It is not back yet."))
async def not_back(context: Context, *, loan: Reference) -> Reply | None:
    """The owner has not got it: perhaps it stands somewhere else."""
    found = await _moved(context, await _as_owner(context, loan, "back"), "out")
    words = lines(
        T("{name} has not found it yet: {thing}", name=found.item.name, thing=await _called(context.tx, found.item)),
        T("Write to each other about where it is."),
    )
    await _tell(context, found.member_id, found, words)
    return await _answer(context, found, "loan")


# --- longer, or earlier ------------------------------------------------------------------------------------------


@router.command(
    "longer",
    allow=Authority.MEMBER,
    label=T("Keep it longer"),
    help=T("Ask whether you can keep a thing for longer."),
    sample=(T("ladder for 3 days"),),
    asks={
        "what": Asks(T("Which one?"), _loans("out", owner=False, borrower=True), _NOTHING_OUT),
        "time": Asks(
            T("For how long? Choose, or write it, like {example}.", example=Typed(_THREE_DAYS)),
            _when,
            instead=(T("As long as I can"), {}),
        ),
    },
    for_others=True,
)
async def longer(context: Context, *, what: Note, time: Note = "") -> Reply | None:
    """Some days more, or once more as long, if its owner says yes and nobody was promised it."""
    asked = rule.read_asked(", ".join(part for part in (what, time) if part), today=_today(context))
    found = await _meant(context, asked.words, longer, ("out",), owner=False, borrower=True)
    if isinstance(found, Reply):
        return found
    days = asked.days
    if asked.last is not None and found.last is not None:
        days = max(1, (asked.last - max(found.last, _today(context))).days)
    return await _ask_longer(context, found, days)


@router.command("ask_longer", allow=Authority.MEMBER, typed=False, help=T("Ask to keep it longer."))
async def ask_longer(context: Context, *, loan: Reference) -> Reply | None:
    """Pressed on the card: once more as long as it is lent at most."""
    return await _ask_longer(context, await _as_borrower(context, loan, "out"), None)


async def _ask_longer(context: Context, loan: Loan, days: int | None) -> Reply | None:
    assert loan.last is not None
    if loan.longer is not None and days is None:
        raise Refusal(T("{name} knows that already.", name=loan.item.name), private=True)
    more = min(days or loan.item.days, loan.item.days)
    spans = await _others_spans(context, loan)
    until = rule.longer(loan.last, more, spans, today=_today(context))
    if until is None:
        raise Refusal(
            lines(T("Somebody else has it after you."), T("Write to {name} if it is hard.", name=loan.item.name)),
            private=True,
        )
    found = await lending.ask(context.tx, loan, longer=until, early=loan.early)
    await _show(context, found, "loan")
    return await _answer(context, found, "loaned")


@router.command("longer_yes", allow=Authority.MEMBER, typed=False, help=T("They can keep it longer."))
async def longer_yes(context: Context, *, loan: Reference) -> Reply | None:
    """The owner says yes: it is due later. Never into days that somebody else was promised meanwhile."""
    found = await _as_owner(context, loan, "out")
    if found.longer is None or found.first is None:
        raise Refusal(T("That is settled already. {things} shows how it stands.", things=_THINGS), private=True)
    last = found.longer
    if any(Span(found.first, last).meets(span) for span in await _others_spans(context, found)):
        raise Refusal(T("Somebody else was promised it for those days."), private=True)
    found = await _moved(context, found, "out", span=Span(found.first, last))
    await _show(context, found, "loaned")
    return await _answer(context, found, "loan")


@router.command("longer_no", allow=Authority.MEMBER, typed=False, help=T("They cannot keep it longer."))
async def longer_no(context: Context, *, loan: Reference) -> Reply | None:
    """The owner says no: it is due when it was due."""
    found = await _as_owner(context, loan, "out")
    if found.longer is None or found.last is None:
        raise Refusal(T("That is settled already. {things} shows how it stands.", things=_THINGS), private=True)
    found = await lending.ask(context.tx, found, early=found.early)
    words = lines(
        T("{name} needs it back as agreed: {thing}", name=found.item.name, thing=await _called(context.tx, found.item)),
        _due(context, found),
    )
    await _tell(context, found.member_id, found, words)
    return await _answer(context, found, "loan")


@router.command(
    "askback",
    allow=Authority.MEMBER,
    label=T("Ask for a thing back early"),
    help=T("Ask whether you can have a thing of yours back early."),
    sample=(T("ladder until friday"),),
    asks={"what": Asks(T("Which one?"), _loans("out", owner=True, borrower=False), _NOTHING_OUT)},
    for_others=True,
)
async def askback(context: Context, *, what: Note) -> Reply | None:
    """The borrower is asked kindly, and may say that it cannot be."""
    asked = rule.read_asked(what, today=_today(context))
    found = await _meant(context, asked.words, askback, ("out",), owner=True, borrower=False)
    return found if isinstance(found, Reply) else await _ask_early(context, found, asked.last)


@router.command("ask_early", allow=Authority.MEMBER, typed=False, help=T("Ask for it back early."))
async def ask_early(context: Context, *, loan: Reference) -> Reply | None:
    """Pressed on the card: within a few days."""
    return await _ask_early(context, await _as_owner(context, loan, "out"), None)


async def _ask_early(context: Context, loan: Loan, day: date | None) -> Reply | None:
    assert loan.last is not None
    today = _today(context)
    by = max(day or today + timedelta(days=rule.ASK_BACK_DAYS), today)
    if loan.last >= today and by >= loan.last:
        raise Refusal(
            lines(T("It is due on {day} anyway.", day=loan.last), T("Sooner? {askback}", askback=askback.example)),
            private=True,
        )
    if loan.early == by:
        raise Refusal(T("{name} knows that already.", name=loan.name), private=True)
    found = await lending.ask(context.tx, loan, early=by, longer=loan.longer)
    await _show(context, found, "loaned")
    return Reply(T("I have asked {name} whether you can have it by {day}.", name=loan.name, day=by), private=True)


@router.command("early_yes", allow=Authority.MEMBER, typed=False, help=T("It comes back early."))
async def early_yes(context: Context, *, loan: Reference) -> Reply | None:
    """The borrower says yes: it is due on that day."""
    found = await _as_borrower(context, loan, "out")
    if found.early is None or found.first is None:
        raise Refusal(T("That is settled already. {things} shows how it stands.", things=_THINGS), private=True)
    last = max(found.early, _today(context), found.first)
    found = await _moved(context, found, "out", span=Span(found.first, last))
    await _show(context, found, "loan")
    return await _answer(context, found, "loaned")


@router.command("early_no", allow=Authority.MEMBER, typed=False, help=T("It cannot come back early."))
async def early_no(context: Context, *, loan: Reference) -> Reply | None:
    """The borrower cannot: nothing changes."""
    found = await _as_borrower(context, loan, "out")
    if found.early is None:
        raise Refusal(T("That is settled already. {things} shows how it stands.", things=_THINGS), private=True)
    found = await lending.ask(context.tx, found, longer=found.longer)
    words = lines(
        T("{name} cannot bring it earlier: {thing}", name=found.name, thing=await _called(context.tx, found.item)),
        T("If it is urgent, write to each other."),
    )
    await _tell(context, found.item.member_id, found, words)
    return await _answer(context, found, "loaned")


# --- broken or lost ----------------------------------------------------------------------------------------------


@router.command(
    "broken",
    allow=Authority.MEMBER,
    label=T("Something is broken or lost"),
    help=T("Say that a thing is broken or lost: it happens, and you talk it over."),
    sample=(T("ladder, a rung is loose"),),
    asks={"what": Asks(T("Which one?"), _OUT, _NOTHING_OUT)},
    for_others=True,
)
async def broken(context: Context, *, what: Note) -> Reply | None:
    """The other is told in private, with what both can do. Nobody is punished."""
    mine = [loan.item for loan in await _mine(context, HANDED, owner=True, borrower=True)]
    parts = what.split()
    # The name of the thing comes first; what stands behind it, with or without a comma, is what happened.
    names = [(" ".join(parts[:count]).rstrip(" ,.:"), " ".join(parts[count:])) for count in range(len(parts), 0, -1)]
    name, words = next(((name, words) for name, words in names if _matching(mine, name, exactly=True)), (what, ""))
    found = await _meant(context, name, broken, HANDED, owner=True, borrower=True)
    return found if isinstance(found, Reply) else await _mishap(context, found, words)


@router.command("mishap", allow=Authority.MEMBER, typed=False, help=T("Something is broken or lost."))
async def mishap(context: Context, *, loan: Reference) -> Reply | None:
    """Pressed on the card, without words."""
    found, _ = await _as_either(context, loan, *HANDED)
    return await _mishap(context, found, "")


async def _mishap(context: Context, loan: Loan, words: str) -> Reply:
    owns = await _acts_for(context, loan.item.member_id)
    name = loan.item.name if owns else loan.name
    other = loan.name if owns else loan.item.name
    told = lines(
        T("{name} says that something happened to it: {thing}", name=name, thing=await _called(context.tx, loan.item)),
        T("“{note}”", note=words) if words else None,
        *_what_to_do(),
    )
    to = await _member(context, loan.member_id if owns else loan.item.member_id)
    gone = ((_button(T("It is lost for good"), lost, loan), _button(T("It is back"), is_back, loan)),)
    if to.active:
        buttons = gone if not owns and to.helper_id is None else ()
        await context.tell(to, told, buttons=buttons, about=(loan.item.thing,))
    return Reply(
        lines(T("Thank you for saying it. I have told {name}, in private.", name=other), *_what_to_do()),
        buttons=gone if owns else (),
        private=True,
    )


def _what_to_do() -> list[Words]:
    return [
        T("That happens, and it is nobody's fault. Talk it over."),
        T("Whoever repairs it can be thanked with hours: {thank}", thank=Typed("/thank", "@ben", "1h")),
        T("If talking is hard, somebody can help: {care}", care=Typed("/care")),
    ]


@router.command("lost", allow=Authority.MEMBER, typed=False, help=T("It will not come back."))
async def lost(context: Context, *, loan: Reference) -> Reply | None:
    """Its owner says so: nobody is reminded any more, and it is off the list."""
    found = await _as_owner(context, loan, *HANDED)
    thing = await _called(context.tx, found.item)
    await _tell(
        context, found.member_id, found, T("It is lost: {thing}. Nobody is asked for it any more.", thing=thing)
    )
    await _moved(context, found, "lost")
    await _off_the_list(context, found.item)
    return Reply(T("{thing} is off the list. Nobody is asked for it any more.", thing=thing), private=True)


# --- the clock ---------------------------------------------------------------------------------------------------


@router.command("loan_day", allow=Authority.CLOCK, typed=False, help=T("Something that is lent is looked at."))
async def loan_day(context: Context, *, loan: Reference) -> None:
    """Remind whoever it is the turn of, rarer and rarer; what nobody answered comes to its end."""
    found = await lending.loan(context.tx, context.committee.id, loan)
    if found is None or not found.alive:
        return
    step = rule.step_on(found.state, _base(context, found), today=_today(context))
    if step is None:
        await _plan(context, found)
        return
    if found.state != "out" and rule.ends(found.state, step):
        await _run_out(context, found)
        return
    await _plan(context, found)
    if found.state == "out":
        await _remind_of_due(context, found, step)
        return
    sides = {"asked": ("loan",), "promised": ("loan", "loaned"), "back": ("loan",)}.get(found.state, ())
    for kind in sides:
        words, buttons = await _side(context, found, kind)
        await _nudge(context, found, kind, words, buttons)


async def _nudge(
    context: Context, loan: Loan, kind: str, words: Words, buttons: tuple[tuple[Button, ...], ...]
) -> None:
    to = await _member(context, loan.item.member_id if kind == "loan" else loan.member_id)
    if to.helper_id is not None:
        to = await _member(context, to.helper_id)
    if to.active:
        await context.nudge(to, words, buttons=buttons, key=loan.thing)


async def _remind_of_due(context: Context, loan: Loan, step: int) -> None:
    thing = await _called(context.tx, loan.item)
    assert loan.last is not None
    _, buttons = await _borrower_side(context, loan)
    if step < 0:
        kind_words = [T("Tomorrow it is due back: {thing} ({name})", thing=thing, name=loan.item.name)]
    elif step == 0:
        kind_words = [T("Today it is due back: {thing} ({name})", thing=thing, name=loan.item.name)]
    elif not rule.ends("out", step):
        kind_words = [
            T("You still have: {thing} ({name})", thing=thing, name=loan.item.name),
            T("It was due back on {day}. Bring it, or ask to keep it longer.", day=loan.last),
        ]
    else:
        await _tell_both(context, loan, thing)
        return
    if (await _member(context, loan.member_id)).active:
        await _nudge(context, loan, "loaned", lines(*kind_words), buttons)


async def _tell_both(context: Context, loan: Loan, thing: Text) -> None:
    """Some time after: both hear the same, with what they can do; then I am quiet."""
    assert loan.last is not None
    words = lines(
        T("{name} borrowed {thing} from {owner}.", name=loan.name, thing=thing, owner=loan.item.name),
        T("It was due back on {day}. I tell you both, and then I do not ask again.", day=loan.last),
        T("Write to each other: is it back, shall it stay longer, or did something happen to it?"),
        T("If talking is hard, somebody can help: {care}", care=Typed("/care")),
    )
    _, buttons = await _borrower_side(context, loan)
    await _nudge(context, loan, "loaned", words, buttons)
    gone = ((_button(T("It is back"), is_back, loan), _button(T("It is lost for good"), lost, loan)),)
    await _nudge(context, loan, "loan", words, gone)


async def _run_out(context: Context, loan: Loan) -> None:
    """Nobody has answered: what was asked lapses, and what was said to be back is."""
    if loan.state == "back":
        found = await _ended(context, loan, "returned")
        await _show(context, found, "loan")
        return
    found = await _ended(context, loan, "lapsed")
    await _show(context, found, "loaned")
    if loan.state == "promised":
        words, _ = await _owner_side(context, found)
        again = T("Was it handed over all the same? Then {name} asks once more, and you say yes.", name=loan.name)
        await _tell(context, loan.item.member_id, loan, lines(*words, again))


@router.command("lender_left", allow=Authority.CLOCK, typed=False, help=T("Somebody who lends or borrows has left."))
async def lender_left(context: Context, *, who: Reference) -> None:
    """Their things go off the list; what is out stays known to both until it is back."""
    gone = await people.member_now(context.tx, context.committee.id, who)
    if gone is None or gone.active:
        return
    for item in await lending.items_of(context.tx, context.committee.id, who):
        await _off_the_list(context, item)
    kept: list[Words] = []
    words: Words
    for loan in await lending.loans_with(context.tx, gone):
        thing = await _called(context.tx, loan.item)
        if loan.member_id == who and loan.state not in HANDED:
            await _ended(context, loan, "withdrawn")
        elif loan.member_id == who and loan.state in HANDED:
            kept.append(T("You still have: {thing} ({name})", thing=thing, name=loan.item.name))
            words = T("{name} has left, and has: {thing}. Write to them.", name=loan.name, thing=thing)
            await _left_words(context, loan, "loan", words)
        elif loan.item.member_id == who and loan.state in HANDED:
            kept.append(T("{name} has: {thing}", name=loan.name, thing=thing))
            words = T("{name} has left; you have of theirs: {thing}. Write to them.", name=loan.item.name, thing=thing)
            await _left_words(context, loan, "loaned", words)
    if kept:
        # One last word to whoever has left: it is theirs, not the committee's.
        words = lines(*kept, T("Write to each other about it: I say no more here."))
        await outbox.tell(context.tx, gone, words, committee=context.committee, now=context.now)


async def _left_words(context: Context, loan: Loan, kind: str, words: Words) -> None:
    to = await _member(context, loan.item.member_id if kind == "loan" else loan.member_id)
    _, buttons = await _side(context, loan, kind)
    if to.active:
        await context.tell(to, words, buttons=buttons if to.helper_id is None else (), about=(loan.item.thing,))


# --- what waits, and what is new ---------------------------------------------------------------------------------


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """What a member is to answer, to hand over, or to bring back soon."""
    todo = []
    today = _today(context)
    for loan in await lending.loans_with(context.tx, context.member):
        owns = await _acts_for(context, loan.item.member_id)
        near = loan.last is not None and loan.last <= today + timedelta(days=2)
        asked = loan.longer if owns else loan.early
        owners = owns and (loan.state in ("asked", "promised", "back") or (loan.state == "out" and (near or asked)))
        borrowers = not owns and (loan.state in ("offered", "promised") or (loan.state == "out" and (near or asked)))
        if not owners and not borrowers:
            continue
        told, rows = await _SIDES["loan" if owns else "loaned"](context, loan)
        zone = context.committee.zone
        by = datetime.combine(loan.last, time(23, 59), zone) if loan.state == "out" and loan.last else None
        todo.append(Todo(words=told[0], buttons=rows[0] if rows else (), by=by))
    return todo


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """What can be borrowed since the last digest."""
    found = await entries.since(context.tx, context.committee.id, since.entry, "item")
    new = []
    for _, body in found:
        item = await lending.item(context.tx, context.committee.id, body["item"])
        if item is not None and item.lent:
            new.append(await _label(context, item))
    if not new:
        return []
    words = T("New to borrow: {things}.", things=Listed(tuple(new[-NEW_MAX:])))
    return [Todo(words=words, buttons=(Button(label=_TITLE, says=things.says()),))]
