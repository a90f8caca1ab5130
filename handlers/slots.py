"""Slots to sign up for: first come, first served, with a waiting list; and from there onto the rota."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

from bot.arguments import Note, Number, Reference, choice
from bot.chat import Button, Card, Reply, Shown
from bot.domain import pollline
from bot.domain import slots as rule
from bot.domain.recurrence import instant
from bot.domain.slots import Asking, Seating, Slot, Stretch
from bot.gatherings import (
    add,
    begin,
    closable,
    closes_at,
    due_now,
    end,
    heading,
    how,
    is_open,
    of_kind,
    opened,
    opens_at,
    over,
    read,
    rows,
    until,
)
from bot.gatherings import number_in as number_of
from bot.polls import all_processes, named, of_id, option_words
from bot.router import Asks, Authority, Context, Router, Todo, View
from bot.shifts import named as shift_named
from bot.shifts import wall
from bot.text import Listed, Minutes, N, Refusal, T, Text, Typed, Words, lines, shown
from storage import people, polls, shifts, slots
from storage.digests import Since
from storage.people import Member
from storage.polls import Poll

router = Router("slots", under="polls")

SLOTS_MAX = 20
NAMES_MAX = 12
"""More names than this in one slot are told as a figure."""
CREW_MAX = 20
TASK_NAME_CHARACTERS_MAX = 60
_EXAMPLE = Typed("/slots", T("Soup kitchen Saturday | 10-12 max 2 | 12-14 max 3"))
_SHIFTS = Typed("/shifts")


# --- making ------------------------------------------------------------------------------------------------------


@router.command(
    "slots",
    allow=Authority.MEMBER,
    within="poll",
    label=T("Slots to sign up for"),
    help=T("Slots that people sign up for, each with a maximum and a waiting list; they can go onto the rota."),
    sample=(T("Soup kitchen Saturday | 10-12 max 2 | 12-14 max 3"),),
    asks={
        "line": Asks(
            T(
                "What is it, and which slots are there? Write it like this: {example}",
                example=Typed(*_EXAMPLE.parts[1:]),
            )
        )
    },
)
async def slots_(context: Context, *, line: Note) -> Reply | Card:
    """One line makes them; a number shows them."""
    number = number_of(line)
    if number is not None:
        return Card("poll", (await of_kind(context, number, "slots")).id)
    text, own = pollline.take_out(line, rule.is_setting)
    try:
        each = rule.read_each(own)
    except ValueError as error:
        raise Refusal(
            T("“{words}” cannot be: one may have 1 to {n} slots.", words=str(error), n=rule.EACH_MAX)
        ) from error
    said = read(context, text, _EXAMPLE)
    names, most = _read_slots(said.options)
    stretches, dated = rule.stretches(said.question, names, now=wall(context))
    begins = [instant(one.start, context.committee.zone) for one in stretches if one is not None] if dated else []
    if begins and min(begins) <= context.now:
        raise Refusal(T("The first slot is over already. Write times that are still ahead."))
    opens = opens_at(context, said)
    usual = (opens or context.now) + timedelta(days=all_processes()["slots"].days)
    closes = closes_at(context, said, opens=opens, otherwise=min([usual, *begins]))
    made = await add(
        context,
        "slots",
        title=said.question,
        options=names,
        opens=opens,
        closes=closes,
        extra={
            "most": most,
            "each": each,
            "stretches": [None if one is None else [one.start.isoformat(), one.end.isoformat()] for one in stretches],
            "dated": dated,
        },
    )
    return await begin(context, made, opening=slots_open, ending=slots_due)


def _read_slots(options: Sequence[str]) -> tuple[list[str], list[int | None]]:
    """What the slots are called, and how many fit into each. Raises Refusal."""
    if not 1 <= len(options) <= SLOTS_MAX:
        raise Refusal(
            T("Write 1 to {n} slots, with | between them. Like this: {example}", n=SLOTS_MAX, example=_EXAMPLE)
        )
    names, most = [], []
    for option in options:
        try:
            name, fits = rule.read_slot(option)
        except ValueError as error:
            raise Refusal(
                T("“{words}” cannot be: from 1 to {n} people fit into a slot.", words=option, n=rule.MOST_MAX)
            ) from error
        if len(name) > pollline.OPTION_CHARACTERS_MAX:
            raise Refusal(T("An option is too long: {n} characters at most.", n=pollline.OPTION_CHARACTERS_MAX))
        names.append(name)
        most.append(fits)
    if len({" ".join(name.casefold().split()) for name in names}) < len(names):
        raise Refusal(T("Two of the options are the same. Write each once."))
    return names, most


@router.command("slots_open", allow=Authority.CLOCK, typed=False, help=T("Slots to sign up for open."))
async def slots_open(context: Context, *, poll: Reference) -> None:
    """Their time has come."""
    await opened(context, poll, ending=slots_due)


# --- signing up --------------------------------------------------------------------------------------------------


def _slots(there: Poll) -> list[Slot]:
    extra = there.rule.extra
    found = []
    for at, one in enumerate(there.options):
        stretch = extra["stretches"][at]
        found.append(
            Slot(
                place=one.place,
                most=extra["most"][at],
                stretch=None if stretch is None else Stretch(*map(datetime.fromisoformat, stretch)),
            )
        )
    return found


def _slot(there: Poll, place: int) -> Slot:
    option = there.option(place)
    if option is None or option.withdrawn:
        raise Refusal(T("There is no slot {n} in poll {number}.", n=place, number=there.number), private=True)
    return next(one for one in _slots(there) if one.place == place)


def _called(there: Poll, place: int) -> Text:
    option = there.option(place)
    assert option is not None
    title = T("{question}", question=there.question or T("(erased)"))
    return T("{what}, {slot}", what=title, slot=option_words(there, option))


_OFF = choice("off", expected=T("the word {example}", example=Typed("off")))


@router.command(
    "slot",
    allow=Authority.MEMBER,
    within="poll",
    help=T("Sign up for a slot by its number, or give it up: {off}.", off=Typed("/slot 12 1 off")),
    sample=("12", "1"),
    for_others=True,
)
async def slot_line(context: Context, *, number: Number, which: Number, off: Annotated[str, _OFF] = "") -> Reply:
    """What the buttons do."""
    there = await of_kind(context, number, "slots")
    return await (_give_up(context, there, which) if off else _take(context, there, which))


@router.command("slot_take", allow=Authority.MEMBER, typed=False, help=T("Sign up for a slot."))
async def slot_take(context: Context, *, poll: Reference, place: Reference) -> Reply:
    """Whoever presses first has it. A second tap changes nothing."""
    return await _take(context, await of_id(context, poll), place)


async def _take(context: Context, there: Poll, place: int) -> Reply:
    is_open(context, there)
    wanted, all_ = _slot(there, place), _slots(there)
    asking = Asking(context.member.id, place)
    asked = await slots.asked(context.tx, there)
    before = rule.seated(all_, asked)
    in_the_way = rule.fault(all_, asked, asking, each=there.rule.extra["each"])
    if in_the_way is not None:
        raise Refusal(_in_the_way(context, there, before, in_the_way), private=True)
    await _elsewhere(context, there, wanted)
    await slots.ask(context.tx, there, asking, now=context.now)
    after = rule.seated(all_, [*asked, asking])
    waits = after.waits_at(context.member.id, place)
    if waits is None:
        words = T("It is yours: {slot}", slot=_called(there, place))
    else:
        words = T(
            "{slot} is full. You are number {n} on the waiting list; I tell you when one is free.",
            slot=_called(there, place),
            n=waits,
        )
    if not context.in_private:
        return Reply(words, private=True, fleeting=waits is None)
    return Reply(words, buttons=((_giving(there, place),),) if context.spoken_by is None else (), private=True)


def _in_the_way(context: Context, there: Poll, seating: Seating, fault: tuple[rule.Fault, int]) -> Words:
    why, place = fault
    slot = _called(there, place)
    back = Typed(f"/slot {there.number} {place} off")
    if why == "twice":
        waits = seating.waits_at(context.member.id, place)
        if waits is None:
            return T("You have it already: {slot}. To give it up: {back}", slot=slot, back=back)
        return T(
            "You are number {n} on the waiting list: {slot}. To wait no more: {back}", n=waits, slot=slot, back=back
        )
    if why == "each":
        return N(
            "Everybody has at most {n} slot here, and yours is: {slot}. Give it up first: {back}",
            "Everybody has at most {n} slots here, and one of yours is: {slot}. Give one up first: {back}",
            there.rule.extra["each"],
            slot=slot,
            back=back,
        )
    return T("At that time you have another one: {slot}. Give it up first: {back}", slot=slot, back=back)


async def _elsewhere(context: Context, there: Poll, wanted: Slot) -> None:
    """Nobody is on a shift of the rota and in a slot at once. Raises Refusal."""
    if wanted.stretch is None or not there.rule.extra["dated"]:
        return
    zone = context.committee.zone
    start, stop = instant(wanted.stretch.start, zone), instant(wanted.stretch.end, zone)
    for one in await shifts.of_member(context.tx, context.member, since=context.now):
        if one.until is None and one.at < stop and start < one.end:
            raise Refusal(T("At that time you are elsewhere: {shift}", shift=shift_named(one)), private=True)


def _giving(there: Poll, place: int) -> Button:
    return Button(label=T("Give it up"), says=slot_give.says(poll=there.id, place=place))


@router.command("slot_give", allow=Authority.MEMBER, typed=False, help=T("Give a slot up: who waits moves up."))
async def slot_give(context: Context, *, poll: Reference, place: Reference) -> Reply:
    """One tap, and no reason is asked."""
    return await _give_up(context, await of_id(context, poll), place)


@router.command("slot_mine", allow=Authority.MEMBER, typed=False, help=T("Give up a slot of yours."), repeatable=True)
async def slot_mine(context: Context, *, poll: Reference) -> Reply:
    """What one has and waits for, with a button for each that gives it up."""
    there = await of_id(context, poll)
    is_open(context, there)
    asked = await slots.asked(context.tx, there)
    seating = rule.seated(_slots(there), asked)
    mine = [one.place for one in asked if one.member == context.member.id]
    if not mine:
        raise Refusal(T("You have signed up for none of these slots."), private=True)
    told = []
    for place in mine:
        waits = seating.waits_at(context.member.id, place)
        told.append(
            T("Yours: {slot}", slot=_called(there, place))
            if waits is None
            else T("You wait, as number {n}: {slot}", n=waits, slot=_called(there, place))
        )
    buttons = []
    for place in mine:
        option = there.option(place)
        assert option is not None
        label = T("Give up: {slot}", slot=option_words(there, option))
        buttons.append((Button(label=label, says=slot_give.says(poll=there.id, place=place)),))
    return Reply(lines(*told), buttons=tuple(buttons), private=True)


async def _give_up(context: Context, there: Poll, place: int) -> Reply:
    is_open(context, there)
    _slot(there, place)
    if not await _free(context, there, context.member, place):
        raise Refusal(T("You have not signed up for it: {slot}", slot=_called(there, place)), private=True)
    return Reply(T("It is not yours any more: {slot}", slot=_called(there, place)), private=True, fleeting=True)


async def _free(context: Context, there: Poll, member: Member, place: int) -> bool:
    """Somebody's slot is free; whoever moves up is told. False: it was not theirs."""
    all_ = _slots(there)
    asked = await slots.asked(context.tx, there)
    asking = Asking(member.id, place)
    if not await slots.give_up(context.tx, there, asking):
        return False
    after = rule.seated(all_, [one for one in asked if one != asking])
    for one in rule.moved_up(rule.seated(all_, asked), after):
        lucky = await people.member_now(context.tx, context.committee.id, one.member)
        if lucky is not None and lucky.active:
            words = T("A place is free, and it is yours now: {slot}", slot=_called(there, one.place))
            await context.tell(lucky, words, buttons=((_giving(there, one.place),),), about=(there.thing,))
    return True


@router.command("slots_left", allow=Authority.CLOCK, typed=False, help=T("Somebody with a slot has left."))
async def slots_left(context: Context, *, who: Reference) -> None:
    """Their slots go to those who wait."""
    gone = await people.member_now(context.tx, context.committee.id, who)
    if gone is None or gone.active:
        return
    for poll_id, place in await slots.open_of(context.tx, gone.id):
        there = await polls.get(context.tx, context.committee.id, poll_id)
        if there is not None:
            await _free(context, there, gone, place)


# --- closing -----------------------------------------------------------------------------------------------------


@router.command("slots_due", allow=Authority.CLOCK, typed=False, help=T("Slots to sign up for close."))
async def slots_due(context: Context, *, poll: Reference) -> None:
    """Their time is over."""
    there = await due_now(context, poll)
    if there is not None:
        await _close(context, there)


@router.command("slots_close", allow=Authority.MEMBER, typed=False, help=T("Close slots of yours to sign up for."))
async def slots_close(context: Context, *, number: Number) -> Reply | None:
    """Whoever made them closes them, whenever that is enough."""
    await _close(context, await closable(context, number, "slots", all_said=False))
    return None


async def _close(context: Context, there: Poll) -> None:
    asked = await slots.asked(context.tx, there)
    seating = rule.seated(_slots(there), asked)
    facts = {
        str(place): {"in": list(holders), "waiting": list(seating.waiting[place])}
        for place, holders in seating.holders.items()
    }
    closed = await end(
        context,
        there,
        "told",
        {
            "voters": len({one.member for one in asked}),
            "roll": await polls.count_roll(context.tx, there),
            "slots": facts,
        },
    )
    await context.announce(
        lines(await heading(context, closed), *await _lines(context, closed)), buttons=await _after(context, closed)
    )


async def _after(context: Context | View, there: Poll) -> tuple[tuple[Button, ...], ...]:
    """Onto the rota, where the slots say when they are, anybody has one, and they are not there yet."""
    if not there.rule.extra["dated"]:
        return ()
    if not await slots.asked(context.tx, there):
        return ()
    for one in there.options:
        if await slots.task_of(context.tx, there, one.place) is not None:
            return ()
    return ((Button(label=T("Put it on the rota"), says=slots_rota.says(number=there.number)),),)


@router.command(
    "slots_rota",
    allow=Authority.ORGANIZER,
    typed=False,
    help=T("Make shifts of the rota of the slots, with those in them who signed up."),
)
async def slots_rota(context: Context, *, number: Number) -> Reply:
    """By the rota's own commands: an organizer makes tasks, and whoever signed up takes their seat."""
    there = await of_kind(context, number, "slots")
    if there.state != "closed" or not there.rule.extra["dated"]:
        raise Refusal(T("Slots go onto the rota once they are closed, and where they say when they are."), private=True)
    seating = rule.seated(_slots(there), await slots.asked(context.tx, there))
    made, lacking = [], []
    for slot in _slots(there):
        holders = seating.holders[slot.place]
        if await slots.task_of(context.tx, there, slot.place) is not None:
            raise Refusal(T("It is on the rota already: {shifts}", shifts=_SHIFTS), private=True)
        assert slot.stretch is not None
        if not holders:
            continue
        if instant(slot.stretch.start, context.committee.zone) <= context.now:
            raise Refusal(T("It is over already: {slot}", slot=_called(there, slot.place)), private=True)
        lacking += await _onto_rota(context, there, slot, holders)
        made.append(_called(there, slot.place))
    if not made:
        raise Refusal(T("Nobody has signed up, so there is nothing to put on the rota."), private=True)
    words = lines(
        T("On the rota now: {slots}. {shifts} shows them.", slots=Listed(tuple(made)), shifts=_SHIFTS), *lacking
    )
    await context.tell_group(words)
    return Reply(words)


async def _onto_rota(context: Context, there: Poll, slot: Slot, holders: Sequence[int]) -> list[Words]:
    """A task of one time, with a seat for everybody who signed up; who could not take theirs, and why."""
    assert slot.stretch is not None
    stretch, before = slot.stretch, {one.id for one in await shifts.tasks(context.tx, context.committee.id)}
    crew = min(CREW_MAX, max(len(holders), slot.most or 1))
    make = context.commands.named("task_make")
    name = " ".join(shown(_called(there, slot.place), context.committee.reader).split())
    says = make.says(
        name=name if len(name) <= TASK_NAME_CHARACTERS_MAX else f"{name[: TASK_NAME_CHARACTERS_MAX - 1]}…",
        when=f"{stretch.start:%Y-%m-%d %H:%M}",
        time=Minutes((stretch.end - stretch.start) // timedelta(minutes=1)),
        crew=(crew, crew),
    )
    await context.say(says, authority=context.authority)
    task = next(one for one in await shifts.tasks(context.tx, context.committee.id) if one.id not in before)
    await slots.made_task(context.tx, there, slot.place, task.id)
    begins = instant(stretch.start, context.committee.zone)
    ahead = await shifts.within(context.tx, context.committee.id, begins, begins + timedelta(minutes=1))
    found = next((one for one in ahead if one.task.id == task.id), None)
    if found is None:
        # Too far ahead to have shifts yet: seats are taken when there are.
        return [T("Seats are taken later, when the shift is there: {slot}", slot=_called(there, slot.place))]
    take, lacking = context.commands.named("seat_take"), list[Words]()
    for member_id in holders:
        member = await people.member_now(context.tx, context.committee.id, member_id)
        if member is None or not member.active:
            continue
        inside = replace(context, of_member=member, spoken_by=None, place=None, pressed=False)
        try:
            await inside.say(take.says(shift=found.id), authority=Authority.MEMBER)
        except Refusal as refusal:
            why = shown(refusal.words, context.committee.reader)
            lacking.append(T("{name} could not be put there: {why}", name=member.name, why=why))
            continue
        await context.tell(member, T("Your slot is on the rota now: {shift}", shift=shift_named(found)))
    return lacking


# --- showing -----------------------------------------------------------------------------------------------------


async def _lines(context: Context | View, there: Poll) -> list[Words]:
    """Each slot with who has it, and who waits."""
    all_ = _slots(there)
    seating = rule.seated(all_, await slots.asked(context.tx, there))
    told: list[Words] = []
    for slot in all_:
        option = there.option(slot.place)
        assert option is not None
        holders = seating.holders[slot.place]
        words = T(
            "{n}. {slot}: {who}", n=slot.place, slot=option_words(there, option), who=await _who(context, slot, holders)
        )
        waiting = len(seating.waiting[slot.place])
        told.append(N("{words}; {n} waits", "{words}; {n} wait", waiting, words=words) if waiting else words)
    return told


async def _who(context: Context | View, slot: Slot, holders: Sequence[int]) -> Text:
    n = len(holders)
    names = Listed(tuple([await named(context, context.committee, id_) for id_ in holders[:NAMES_MAX]]))
    if slot.most is None:
        if not n:
            return T("nobody yet")
        return T("{n} ({names})", n=n, names=names) if n <= NAMES_MAX else T("{n}", n=n)
    if not n:
        return T("0 of {most}", most=slot.most)
    if n > NAMES_MAX:
        return T("{n} of {most}", n=n, most=slot.most)
    return T("{n} of {most} ({names})", n=n, most=slot.most, names=names)


@router.card("slots")
async def slots_card(view: View, ref: int) -> Shown | None:
    """The slots with who has them; a tap signs up."""
    there = await polls.get(view.tx, view.committee.id, ref)
    if there is None or there.state == "draft":
        return None
    top = await heading(view, there)
    if (words := over(there)) is not None:
        return Shown(lines(top, words))
    told = await _lines(view, there)
    if there.state == "closed":
        return Shown(lines(top, *told, T("Closed.")), buttons=await _after(view, there))
    each = there.rule.extra["each"]
    buttons = [
        Button(label=option_words(there, one), says=slot_take.says(poll=there.id, place=one.place))
        for one in there.standing
    ]
    back = Button(label=T("Give mine up"), says=slot_mine.says(poll=there.id))
    return Shown(
        lines(
            top,
            *told,
            how(there),
            N("Each of you has at most {n} slot.", "Each of you has at most {n} slots.", each) if each else None,
        ),
        buttons=(*rows(buttons), (back,)),
    )


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """Slots of one's own that begin within two days."""
    told = []
    for poll_id, place in await slots.open_of(context.tx, context.member.id):
        there = await polls.get(context.tx, context.committee.id, poll_id)
        if there is None or not there.rule.extra["dated"]:
            continue
        slot, asked = _slot(there, place), await slots.asked(context.tx, there)
        assert slot.stretch is not None
        begins = instant(slot.stretch.start, context.committee.zone)
        has = context.member.id in rule.seated(_slots(there), asked).holders[place]
        if has and begins - context.now <= timedelta(days=2):
            told.append(
                Todo(
                    words=T("Your slot: {slot}", slot=_called(there, place)),
                    buttons=(_giving(there, place),),
                    by=begins,
                )
            )
    return told


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """Which slots still have room."""
    told = []
    for there in await polls.in_state(context.tx, context.committee.id, "open"):
        if there.method != "slots":
            continue
        all_ = _slots(there)
        seating = rule.seated(all_, await slots.asked(context.tx, there))
        free = [one.place for one in all_ if (left := seating.free(one)) is None or left > 0]
        if free:
            names = Listed(tuple(option_words(there, one) for one in there.options if one.place in free))
            title = T("{question}", question=there.question or T("(erased)"))
            told.append(Todo(words=T("Room is left: {what} ({slots})", what=title, slots=names), by=until(there)))
    return told
