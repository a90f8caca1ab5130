"""Shifts: who takes which seat, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal

from bot.arguments import Note, Number, OnOff, Reference, choice
from bot.chat import Button, Card, Link, Reply, Shown
from bot.domain import shifts as rule
from bot.domain.recurrence import instant
from bot.rounds import may_take
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View
from bot.shifts import SHIFTS, TASKS, all_shifts, named, shift_words, wall
from bot.text import Bold, Listed, Minutes, N, Refusal, T, Text, Typed, Words, lines
from storage import entries, notes, people, rules, shifts
from storage.digests import Since
from storage.shifts import Assignment, Shift

router = Router("shifts", title=T("Shifts"))

LINES_MAX = 20
"""So many shifts stand on the card; what comes later is told as a number."""
BUTTONS_MAX = 5
TOLD_MAX = 5
WORDS_MAX = 3
SOON = timedelta(hours=24)
NEXT_DAYS = timedelta(days=7)
_YOURS = Bold(T("Your shifts"))
_FREE = Bold(T("Open seats"))


# --- shifts ------------------------------------------------------------------------------------------------------


@router.command(
    "shifts",
    allow=Authority.MEMBER,
    label=T("Shifts"),
    help=T("This week's and next week's shifts; in private your own, with buttons."),
    repeatable=True,
)
async def shifts_(context: Context) -> Reply | Card:
    """In the group a card that stays up to date; in private what one has, and what is open."""
    if context.place is None or context.place.private:
        return await _mine(context)
    return Card("shifts", context.committee.id)


@router.command("shifts_all", allow=Authority.MEMBER, typed=False, help=T("All shifts of two weeks."), repeatable=True)
async def shifts_all(context: Context) -> Card:
    """The card, wherever it is asked for."""
    return Card("shifts", context.committee.id)


@router.command(
    "my_shifts", allow=Authority.MEMBER, typed=False, help=T("The shifts you have."), repeatable=True, in_place=True
)
async def my_shifts(context: Context) -> Reply:
    """Only for oneself."""
    return await _mine(context)


def _two_weeks(context: Context | View) -> tuple[datetime, datetime]:
    """The instants at which next week and the week after it begin."""
    today = wall(context)
    monday = datetime.combine(today.date() - timedelta(days=today.weekday()), time())
    zone = context.committee.zone
    first, second = (instant(monday + timedelta(weeks=weeks), zone) for weeks in (1, 2))
    return first, second


@router.card("shifts")
async def shifts_card(view: View, ref: int) -> Shown | None:
    """This week and next, as the committee sees them."""
    if ref != view.committee.id:
        return None
    next_week, after = _two_weeks(view)
    found = await shifts.within(view.tx, view.committee.id, view.now, after)
    parts: list[Words] = []
    for title, some in (
        (T("This week"), [one for one in found if one.at < next_week]),
        (T("Next week"), [one for one in found if one.at >= next_week]),
    ):
        room = LINES_MAX - len(parts)
        if not some or room <= 0:
            continue
        parts += [T("{title}", title=Bold(title)), *map(shift_words, some[:room])]
        if len(some) > room:
            parts.append(N("and {n} more", "and {n} more", len(some) - room))
    if not parts:
        parts = [T("No shifts this week and next week."), T("{tasks} shows the tasks.", tasks=TASKS)]
    free = sorted((one for one in found if one.open()), key=lambda one: (not one.lacking, one.at))
    return Shown(
        lines(*parts),
        buttons=(
            *((_taking(one),) for one in free[:BUTTONS_MAX]),
            (Link(label=T("My shifts"), says=my_shifts.says()),),
        ),
    )


async def _mine(context: Context) -> Reply:
    since = context.now - rule.SAID_WITHIN
    own = await shifts.of_member(context.tx, context.member, since=since)
    _, after = _two_weeks(context)
    mine = {one.id for one in own}
    found = await shifts.within(context.tx, context.committee.id, context.now, after)
    others = [one for one in found if one.id not in mine]
    free = [one for one in others if one.open()]
    learn = [one for one in others if one.open(trainee=True)]
    told: list[Words] = [T("{title}", title=_YOURS)]
    buttons: list[tuple[Button | Link, ...]] = []
    for one in own[:TOLD_MAX]:
        told.append(shift_words(one))
        told += await _last_words(context, one)
        buttons += _own_buttons(context, one)
    if len(own) > TOLD_MAX:
        told.append(N("and {n} more", "and {n} more", len(own) - TOLD_MAX))
    if not own:
        told.append(T("You have no shift."))
    if free:
        told += [T("{title}", title=_FREE), *map(shift_words, free[:TOLD_MAX])]
        buttons += [(_taking(one),) for one in free[:TOLD_MAX]]
    buttons += [(_learning(one),) for one in learn[:2]]
    return Reply(lines(*told), buttons=(*buttons, (all_shifts(context.commands),)), private=True)


async def _last_words(context: Context, shift: Shift) -> list[Text]:
    found = await shifts.last_words(context.tx, shift)
    return [T("From the last crew: “{note}”", note=words) for words in found[:WORDS_MAX]]


def _own_buttons(context: Context, shift: Shift) -> list[tuple[Button | Link, ...]]:
    """What can be said of a shift that one has: until it begins that one cannot; from then on how it went."""
    if context.now < shift.at - rule.HERE_BEFORE:
        return [(_giving(shift),)]
    holder = shift.of(context.member.id)
    here = Button(label=T("I'm here"), says=shift_here.says(shift=shift.id))
    comes = shift.until is None and holder is not None and holder.state == "held" and context.now < shift.end
    first = (here,) if comes else ()
    last = _giving(shift, T("Can't")) if context.now < shift.end else _missing(shift)
    if context.now < shift.at:
        return [(*first, last)]
    done = Button(label=T("Done: {shift}", shift=named(shift)), says=shift_done.says(shift=shift.id))
    return [(done,), (_problem(context, shift), *first, last)]


def _problem(context: Context, shift: Shift) -> Button:
    return Button(
        label=T("Problem: {shift}", shift=named(shift)),
        says=context.commands.asking(shift_problem.says(shift=shift.id)),
    )


def _missing(shift: Shift) -> Button:
    return Button(label=T("I was not there"), says=shift_missed.says(shift=shift.id))


def _taking(shift: Shift) -> Button:
    return Button(label=T("I'll take it: {shift}", shift=named(shift)), says=seat_take.says(shift=shift.id))


def _giving(shift: Shift, label: Text | None = None) -> Button:
    return Button(label=label or T("Can't: {shift}", shift=named(shift)), says=seat_back.says(shift=shift.id))


def _learning(shift: Shift) -> Button:
    return Button(
        label=T("I'd like to learn it: {shift}", shift=named(shift)),
        says=seat_take.says(shift=shift.id, trainee="trainee"),
    )


# --- the life of a shift -----------------------------------------------------------------------------------------


async def _shift(context: Context, id_: int) -> Shift:
    found = await shifts.shift(context.tx, context.committee.id, id_)
    if found is None:
        raise Refusal(T("That shift is gone. {shifts} shows what there is.", shifts=SHIFTS), private=True)
    return found


async def _own(context: Context, id_: int) -> tuple[Shift, Assignment]:
    """A shift on which one has a seat, and has not said yet how it went. Raises Refusal."""
    shift = await _shift(context, id_)
    holder = shift.of(context.member.id)
    if holder is None:
        raise Refusal(T("You have no seat there. {shifts} shows what there is.", shifts=SHIFTS), private=True)
    if holder.state not in shifts.OPEN:
        raise Refusal(T("You have said already how it went."), private=True)
    return shift, holder


_LEARNER = choice("trainee", expected=T("the word {example}", example=Typed("trainee")))


@router.command("seat_take", allow=Authority.MEMBER, typed=False, help=T("Take an open seat on a shift."))
async def seat_take(context: Context, *, shift: Reference, trainee: Annotated[str, _LEARNER] = "") -> Reply:
    """Whoever presses first has it."""
    found = await _shift(context, shift)
    if context.member.child:
        raise Refusal(T("Children have no turns."), private=True)
    if found.end <= context.now or not found.task.listed:
        raise Refusal(T("That shift is over. {shifts} shows what there is.", shifts=SHIFTS), private=True)
    if found.of(context.member.id) is not None:
        raise Refusal(T("You have a seat there already."), private=True)
    await _at_one_time(context, found)
    if not trainee:
        await may_take(context, found)
    free = found.open(trainee=bool(trainee))
    taken = None
    if free:
        taken = await shifts.assign(context.tx, free[0], context.member, stage="frozen", agreed=True, now=context.now)
    if taken is None:
        raise Refusal(T("All seats are taken. {shifts} shows what is open.", shifts=SHIFTS), private=True)
    words = lines(
        T("It is yours: {shift}", shift=named(found)),
        T("Needs: {skill}", skill=found.task.skill) if found.task.skill is not None and not trainee else None,
        *(await _last_words(context, found)),
    )
    if context.place is not None and not context.place.private:
        return Reply(words, private=True, fleeting=True)
    more = Button(label=T("My shifts"), says=my_shifts.says())
    return Reply(words, buttons=((_giving(found, T("Can't")), more),), private=True)


async def _at_one_time(context: Context, wanted: Shift) -> None:
    """One seat at a time; what is done at any time keeps nobody from another. Raises Refusal."""
    if wanted.until is not None:
        return
    for one in await shifts.of_member(context.tx, context.member, since=context.now):
        if one.until is None and one.at < wanted.end and wanted.at < one.end:
            raise Refusal(T("At that time you are elsewhere: {shift}", shift=named(one)), private=True)


@router.command(
    "seat_back", allow=Authority.MEMBER, typed=False, help=T("Give a seat back: somebody else may take it.")
)
async def seat_back(context: Context, *, shift: Reference) -> Reply:
    """One tap, and no reason is asked. Shortly before, the group hears that there is a seat."""
    found, holder = await _own(context, shift)
    if found.end <= context.now:
        raise Refusal(T("That shift is over. Say how it went: {shifts}", shifts=SHIFTS), private=True)
    await shifts.give_back(context.tx, holder, found, now=context.now)
    now_ = await _shift(context, shift)
    if now_.lacking and now_.at - context.now <= rule.LATE:
        await context.announce(
            T("A seat is free again: {shift}", shift=shift_words(now_)),
            buttons=((Button(label=T("I'll take it"), says=seat_take.says(shift=now_.id)),),),
        )
    return Reply(T("The seat is open again: {shift}. Thank you for saying so.", shift=named(found)), private=True)


@router.command("shift_here", allow=Authority.MEMBER, typed=False, help=T("Say that you are there."))
async def shift_here(context: Context, *, shift: Reference) -> Reply:
    """Nothing follows from it but that the others know."""
    found, holder = await _own(context, shift)
    if context.now < found.at - rule.HERE_BEFORE:
        raise Refusal(T("It has not begun yet: {shift}", shift=named(found)), private=True)
    await shifts.here(context.tx, holder, found, now=context.now)
    fresh = await _shift(context, shift)
    return Reply(
        T("Good that you are there: {shift}", shift=named(found)),
        buttons=tuple(_own_buttons(context, fresh)),
        private=True,
    )


@router.command(
    "shift_done",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Say that a shift is done."),
)
async def shift_done(context: Context, *, shift: Reference) -> Reply:
    """Its hours become credits, and whoever did it may say how hard it was."""
    found, holder = await _own(context, shift)
    _has_begun(context, found)
    return await _finish(context, found, holder, "done")


def _has_begun(context: Context, shift: Shift) -> None:
    if context.now < shift.at:
        raise Refusal(T("It has not begun yet: {shift}", shift=named(shift)), private=True)


@router.command(
    "shift_problem",
    allow=Authority.MEMBER,
    typed=False,
    title=T("There was a problem"),
    help=T("Say that there was a problem on a shift: the next crew and the organizers read it."),
    asks={"what": Asks(T("What was it? Write a few words: the next crew and the organizers read them."))},
)
async def shift_problem(context: Context, *, shift: Reference, what: Note) -> Reply:
    """Whoever was there was there: their hours count as well."""
    found, holder = await _own(context, shift)
    _has_begun(context, found)
    await shifts.say_to_next(context.tx, holder, what, now=context.now)
    for organizer in await people.organizers(context.tx, context.committee.id):
        if organizer.id != context.member.id:
            words = lines(
                T("{name} tells of a problem: {shift}", name=context.member.name, shift=named(found)),
                T("“{note}”", note=what),
            )
            await context.tell(organizer, words, about=(holder.thing,))
    return await _finish(context, found, holder, "problem")


async def _finish(context: Context, shift: Shift, holder: Assignment, state: Literal["done", "problem"]) -> Reply:
    await shifts.over(context.tx, holder, shift, state, now=context.now)
    credit = await _credit(context, shift, holder)
    words = lines(T("Thank you! {shift}", shift=named(shift)), credit)
    last = ((_noting(context, shift),),) if state == "done" else ()
    if await shifts.to_rate(context.tx, context.member, shift.task, now=context.now):
        return Reply(lines(words, _HARD), buttons=(_figures_row(shift, "hard"), *last), private=True)
    return Reply(words, buttons=last, private=True)


def _noting(context: Context, shift: Shift) -> Button:
    return Button(label=T("A note for the next crew"), says=context.commands.asking(shift_note.says(shift=shift.id)))


async def _pays(context: Context) -> bool:
    return bool(await rules.get(context.tx, context.committee.id, "shift_hours", True))


async def _credit(context: Context, shift: Shift, holder: Assignment) -> Text | None:
    """The committee's account pays, by its way of counting; or nothing, where it has decided so."""
    if not await _pays(context):
        return None
    worked = context.commands.get("worked")
    assert worked is not None
    name = shift.task.name.text if shift.task.name is not None else ""
    says = worked.says(time=Minutes(shift.minutes), how="committee", what=name)
    answer = await context.say(says, authority=Authority.COMMITTEE)
    if not isinstance(answer, Card) or answer.kind != "transfer":
        return None
    await shifts.paid(context.tx, holder, answer.ref)
    return T("{time} from the committee's account are yours.", time=Minutes(shift.minutes))


_HARD = T("How unpleasant was it, from 1 (pleasant) to 5? Only the middle of all answers is shown.")
_POWER = T("And how much does one learn or decide there, from 1 (little) to 5 (much)?")


def _figures_row(shift: Shift, about: Literal["hard", "power"]) -> tuple[Button, ...]:
    return tuple(Button(label=str(n), says=task_rate.says(shift=shift.id, about=about, number=n)) for n in rule.RATINGS)


_ABOUT = choice("hard", "power", expected=T("what is rated"))


@router.command(
    "task_rate",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Say how unpleasant or empowering a task is that you have done."),
    in_place=True,
)
async def task_rate(context: Context, *, shift: Reference, about: Annotated[str, _ABOUT], number: Number) -> Reply:
    """Asked after doing it, one question at a time; nobody has to answer."""
    found = await _shift(context, shift)
    holder = found.of(context.member.id)
    if number not in rule.RATINGS or holder is None or holder.state not in shifts.CARRIED:
        raise Refusal(T("Whoever has done a task says how it was."), private=True)
    noted = holder.state == "problem" or await notes.of(context.tx, holder.thing) is not None
    last = () if noted else ((_noting(context, found),),)
    if about == "hard":
        await shifts.rate(context.tx, context.member, found.task, onerousness=number, now=context.now)
        return Reply(_POWER, buttons=(_figures_row(found, "power"), *last), private=True)
    await shifts.rate(context.tx, context.member, found.task, empowerment=number, now=context.now)
    return Reply(T("Thank you. The rota counts with it."), buttons=last, private=True)


@router.command(
    "shift_note",
    allow=Authority.MEMBER,
    typed=False,
    title=T("A note for the next crew"),
    help=T("Leave a note for the next crew."),
    asks={"what": Asks(T("What should the next crew know? Write a few words."))},
)
async def shift_note(context: Context, *, shift: Reference, what: Note) -> Reply:
    """Read by whoever has the next shift of that task."""
    found = await _shift(context, shift)
    holder = found.of(context.member.id)
    if holder is None or holder.state in shifts.OPEN:
        raise Refusal(T("Whoever was there leaves a note, once it is done."), private=True)
    if await notes.of(context.tx, holder.thing) is not None:
        raise Refusal(T("You have left a note already."), private=True)
    await shifts.say_to_next(context.tx, holder, what, now=context.now)
    return Reply(T("The next crew reads it: “{note}”", note=what), private=True, about=(holder.thing,))


@router.command("shift_missed", allow=Authority.MEMBER, typed=False, help=T("Say that you were not there."))
async def shift_missed(context: Context, *, shift: Reference) -> Reply:
    """It is noted, and nothing follows from it."""
    found, holder = await _own(context, shift)
    _has_begun(context, found)
    await shifts.over(context.tx, holder, found, "missed", now=context.now)
    return Reply(
        T("Noted: {shift}. Nothing follows from it; thank you for saying so.", shift=named(found)), private=True
    )


# --- what the committee sets, and what the clock does ------------------------------------------------------------


def _hours_words(*, switch: str) -> Text:
    if switch == "on":
        return T("The committee's account pays for shifts that are done.")
    return T("Shifts are done without hours.")


@router.command(
    "shift_hours",
    allow=Authority.COMMITTEE,
    label=T("Hours for shifts"),
    help=T("Whether the committee's account pays for shifts: {on} or {off}.", on=Typed("on"), off=Typed("off")),
    proposal=_hours_words,
)
async def shift_hours(context: Context, *, switch: OnOff) -> Reply:
    """From now on; what was paid stays."""
    await rules.put(context.tx, context.committee.id, "shift_hours", switch == "on")
    await entries.append(context.tx, context.committee, "rule", {"shift_hours": switch}, now=context.now)
    return Reply(_hours_words(switch=switch))


@router.entry("rule", "shift_hours", about="rules")
async def shift_hours_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Whether shifts are paid."""
    return _hours_words(switch=body["shift_hours"])


@router.command("rota_day", allow=Authority.CLOCK, typed=False, help=T("The rota is brought up to date."))
async def rota_day(context: Context) -> None:
    """A day more has shifts; what nobody has said for two weeks is noted; the card shows the new week."""
    for one in await shifts.tasks(context.tx, context.committee.id):
        await shifts.make_shifts(context.tx, one, now=context.now)
    await shifts.unsaid(context.tx, context.committee.id, now=context.now)
    await shifts.look_again(context.tx, context.committee.id)


@router.command("crew_left", allow=Authority.CLOCK, typed=False, help=T("Somebody with shifts has left."))
async def crew_left(context: Context, *, who: Reference) -> None:
    """Their seats ahead are open for others."""
    gone = await people.member_now(context.tx, context.committee.id, who)
    if gone is None or gone.active:
        return
    for shift in await shifts.of_member(context.tx, gone, since=context.now):
        holder = shift.of(gone.id)
        if holder is not None and shift.end > context.now:
            await shifts.give_back(context.tx, holder, shift, now=context.now)


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """Shifts of one's own that begin soon, and those of which nobody has said how they went."""
    todo: list[Todo] = []
    for one in await shifts.of_member(context.tx, context.member, since=context.now - rule.SAID_WITHIN):
        if one.end <= context.now:
            done = Button(label=T("Done"), says=shift_done.says(shift=one.id))
            todo.append(Todo(words=T("Is it done? {shift}", shift=named(one)), buttons=(done, _missing(one))))
        elif one.at - context.now <= SOON:
            todo.append(Todo(words=T("Your shift: {shift}", shift=named(one)), buttons=(_giving(one, T("Can't")),)))
    return todo


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """Seats that are needed in the next days and that nobody has."""
    found = await shifts.within(context.tx, context.committee.id, context.now, context.now + NEXT_DAYS)
    lacking = [one for one in found if one.lacking]
    if not lacking:
        return []
    told = Listed(tuple(named(one) for one in lacking[:TOLD_MAX]))
    words = N(
        "Somebody is needed for {n} shift: {shifts}.",
        "Somebody is needed for {n} shifts: {shifts}.",
        len(lacking),
        shifts=told,
    )
    return [Todo(words=words, buttons=(all_shifts(context.commands),))]
