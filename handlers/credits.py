"""The time bank: thanking each other with hours, one's balance and history, and taking back a slip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.arguments import Duration, Note, Number, Person
from bot.chat import Button, Card, Reply, Shown
from bot.domain import ledger
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View
from bot.text import Lines, Minutes, N, Refusal, T, Text, Typed, Words, Written, lines
from storage import buttons, cards, entries, notes, people, transfers
from storage.database import Transaction
from storage.digests import Since
from storage.people import Committee, Member

router = Router("credits", title=T("Hours"))


async def _thanks(context: Context, *, to: Member, time: Minutes, what: str = "") -> Words:
    if what:
        return T("{name} helped you: {time}, “{note}”. Is that right?", name=to.name, time=time, note=what)
    return T("{name} helped you: {time}. Is that right?", name=to.name, time=time)


@router.command(
    "thank",
    allow=Authority.MEMBER,
    label=T("Thank somebody"),
    help=T("Thank someone with your time: they did something for you."),
    asks={
        "to": Asks(T("Who helped you? Choose, or write a name.")),
        "time": Asks(T("How long did it take? Choose, or write it, like {example}.", example=Typed("1h30"))),
        "what": Asks(T("What was it? Write a few words, or skip it.")),
    },
    confirm=_thanks,
    for_others=True,
)
async def thank(context: Context, *, to: Person, time: Duration, what: Note = "") -> Reply | Card:
    """Whoever helped gains the time, whoever was helped gives it."""
    giver, receiver = await transfers.accounts(context.tx, context.committee, context.member, to)
    transfer = ledger.transfer(giver, receiver, time, at=context.now)
    id_, _ = await transfers.record(context.tx, context.committee, transfer, recorder=context.speaker, note=what)
    card = Card("transfer", id_)
    if what:
        await notes.wrote(context.tx, card.thing, context.member.id, now=context.now)
    told = await context.show_to(to, Card("thanks", id_))
    if to.helper_id is not None:
        words = T("{name} thanked you with {time}.", name=context.member.name, time=time)
        told = await context.tell(to, words)
    if not told and context.place is not None and context.place.private:
        # Whoever is thanked hears of it: where not in private, in the group.
        await context.show(card)
    return card


@router.card("transfer")
async def transfer_card(view: View, ref: int) -> Shown | None:
    """What happened, and never what somebody has."""
    exchange = await transfers.exchange(view.tx, view.committee, ref)
    if exchange is None:
        return None
    balance = Button(label=T("My balance"), says=balance_.says())
    if exchange.reversed:
        words = T(
            "Undone: {name} helped {member}: {time}. (No. {number})",
            name=exchange.receiver,
            member=exchange.giver,
            time=exchange.minutes,
            number=exchange.number,
        )
        return Shown(words, buttons=((balance,),))
    words = T(
        "{name} helped {member}: {time}. (No. {number})",
        name=exchange.receiver,
        member=exchange.giver,
        time=exchange.minutes,
        number=exchange.number,
    )
    if exchange.recorder is not None:
        words = T("{what} Recorded by {name}.", what=words, name=exchange.recorder)
    return Shown(words, buttons=((balance, Button(label=T("Undo"), says=undo.says(number=exchange.number))),))


@router.card("thanks")
async def thanks_card(view: View, ref: int) -> Shown | None:
    """What whoever helped is told in private; once the note is erased, without it."""
    exchange = await transfers.exchange(view.tx, view.committee, ref)
    if exchange is None:
        return None
    name, time = exchange.giver, exchange.minutes
    if exchange.reversed:
        return Shown(T("Undone: {name} thanked you with {time}.", name=name, time=time))
    note = await notes.written(view.tx, Card("transfer", ref).thing)
    if exchange.recorder is not None:
        recorded = T("{name} recorded it.", name=exchange.recorder)
        return Shown(
            lines(
                T("{name} thanked you with {time}: {note}", name=name, time=time, note=note)
                if note
                else T("{name} thanked you with {time}.", name=name, time=time),
                recorded,
            )
        )
    if note:
        return Shown(T("{name} thanked you with {time}: {note}", name=name, time=time, note=note))
    return Shown(T("{name} thanked you with {time}.", name=name, time=time))


@router.command(
    "balance",
    allow=Authority.MEMBER,
    label=T("My balance"),
    help=T("Your hours; only you see them."),
    repeatable=True,
    for_others=True,
)
async def balance_(context: Context) -> Reply:
    """What the member has, in private."""
    account = await transfers.account(context.tx, context.committee, context.member)
    mine = await people.committees_of(context.tx, context.member.person_id)
    below = account.balance < 0 and account.floor is not None
    return Reply(
        lines(
            T("In {committee}:", committee=context.committee.name) if len(mine) > 1 else None,
            T("You have {balance}.", balance=account.balance),
            T("The limit is {floor}.", floor=account.floor) if below and account.floor is not None else None,
        ),
        private=True,
    )


@router.command(
    "history",
    allow=Authority.MEMBER,
    label=T("My history"),
    help=T("Your latest exchanges; only you see them."),
    repeatable=True,
    for_others=True,
)
async def history(context: Context) -> Reply:
    """The member's newest exchanges, in private."""
    found = await transfers.recent(context.tx, context.member)
    if not found:
        return Reply(
            T(
                "There is nothing here yet. When somebody has helped you, type {example}.",
                example=Typed("/thank @ben 1h30"),
            ),
            private=True,
        )
    told = tuple(Card("transfer", line.id).thing for line in found if line.note)
    told_lines = [
        _line(line, await notes.written(context.tx, Card("transfer", line.id).thing) if line.note else None)
        for line in found
    ]
    return Reply(Lines(tuple(told_lines)), private=True, about=told)


def _line(line: transfers.Line, note: Written | None) -> Words:
    helped = line.minutes > 0
    time = Minutes(abs(line.minutes))
    if line.reverses is not None:
        return T("No. {number}: takes back no. {undone}, {time}.", number=line.number, undone=line.reverses, time=time)
    what = (
        T("No. {number}: you helped {other}, {time}.", number=line.number, other=line.other, time=time)
        if helped
        else T("No. {number}: {other} helped you, {time}.", number=line.number, other=line.other, time=time)
    )
    if line.reversed:
        return T("{what} (undone)", what=what)
    return T("{what} “{note}”", what=what, note=note) if note else what


async def _taken_back(context: Context, *, number: int | None = None) -> Words:
    id_ = await _mine_or_numbered(context, number)
    exchange = await transfers.exchange(context.tx, context.committee, id_)
    assert exchange is not None
    return T(
        "Take back no. {number} ({name} helped {member}: {time})?",
        number=exchange.number,
        name=exchange.receiver,
        member=exchange.giver,
        time=exchange.minutes,
    )


@router.command(
    "undo",
    allow=Authority.MEMBER,
    label=T("Undo"),
    help=T("Take back what you recorded by mistake, within 10 minutes."),
    confirm=_taken_back,
)
async def undo(context: Context, *, number: Number | None = None) -> Reply:
    """Record the opposite of the member's last exchange, or of one by number."""
    id_ = await _mine_or_numbered(context, number)
    recorded = await transfers.recorded(context.tx, context.committee, id_)
    assert recorded is not None
    opposite = ledger.reversal(recorded, by=context.member.id, said_at=context.said_at, at=context.now)
    _, new = await transfers.record(context.tx, context.committee, opposite, recorder=context.member, reverses=id_)
    await _show_changed(context, id_)
    for other in await transfers.parties(context.tx, id_) - {context.member.id}:
        member = await people.member(context.tx, context.committee.id, other)
        if member is not None and member.active:
            words = T("{name} took back no. {number}.", name=context.member.name, number=recorded.number)
            await context.tell(member, words)
    # The card says it to everybody; whoever pressed needs only a nod.
    words = T("No. {number} is undone. (No. {new})", number=recorded.number, new=new)
    return Reply(words, private=context.pressed)


@router.entry("transfer")
async def transfer_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Told to the two whose hours they are; to others, that it was."""
    id_ = await transfers.id_of_number(telling.tx, telling.committee, body["number"])
    parties = await transfers.parties(telling.tx, id_) if id_ is not None else set()
    if id_ is None or telling.reader.id not in parties:
        return T("an exchange between two members.")
    exchange = await transfers.exchange(telling.tx, telling.committee, id_)
    if exchange is None or len(parties) == 1:
        return T("hours of yours came together in one account.")
    if exchange.reverses is not None:
        return T("exchange {number} took back exchange {undone}.", number=exchange.number, undone=exchange.reverses)
    return T(
        "{name} helped {member}: {time} (exchange {number}).",
        name=exchange.receiver,
        member=exchange.giver,
        time=exchange.minutes,
        number=exchange.number,
    )


async def _mine_or_numbered(context: Context, number: int | None) -> int:
    if number is None:
        newest = await transfers.newest_by(context.tx, context.member)
        if newest is None:
            raise Refusal(T("You have not recorded anything yet, so there is nothing to undo."))
        return newest
    return await _numbered(context.tx, context.committee, number)


async def _numbered(tx: Transaction, committee: Committee, number: int) -> int:
    id_ = await transfers.id_of_number(tx, committee, number)
    if id_ is None:
        raise Refusal(
            T(
                "There is no entry {number} here. {history} shows the numbers.",
                number=number,
                history=Typed("/history"),
            )
        )
    return id_


async def _with_notes(context: Context) -> list[tuple[Text | str, int]]:
    """The member's newest exchanges that have a note."""
    found = await transfers.recent(context.tx, context.member)
    return [
        (T("No. {number}, {other}", number=line.number, other=line.other), line.number) for line in found if line.note
    ]


@router.command(
    "erase",
    allow=Authority.MEMBER,
    label=T("Erase a note"),
    help=T("Erase the note of one of your exchanges. The hours stay."),
    asks={
        "number": Asks(T("Which note? The hours stay."), _with_notes, T("None of your latest exchanges has a note."))
    },
    for_others=True,
)
async def erase(context: Context, *, number: Number) -> Reply:
    """The words go from every file; the hours stay in the books."""
    id_ = await _numbered(context.tx, context.committee, number)
    parties = await transfers.parties(context.tx, id_)
    if context.member.id not in parties:
        raise Refusal(T("Only the two people in no. {number} can erase its note.", number=number))
    if not await notes.erase(context.tx, f"transfer:{id_}"):
        raise Refusal(T("No. {number} has no note.", number=number))
    await buttons.forget_questions(context.tx, parties | {context.speaker.id})
    await _show_changed(context, id_)
    return Reply(
        T(
            "I have erased the note of no. {number}; the hours stay. "
            "What was written in a chat stays there until you delete it.",
            number=number,
        )
    )


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """How many exchanges there were; never who has what."""
    found = await entries.since(context.tx, context.committee.id, since.entry, "transfer", limit=10_000)
    undone = sum("reverses" in body for _, body in found)
    count = len(found) - 2 * undone
    return [Todo(words=N("{n} exchange of help.", "{n} exchanges of help.", count))] if count > 0 else []


async def _show_changed(context: Context, transfer_id: int) -> None:
    for kind in ("transfer", "thanks"):
        await cards.changed(context.tx, Card(kind, transfer_id).thing)
