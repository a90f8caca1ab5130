"""Shifts: who takes which seat, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal

from bot.arguments import Note, Number, OnOff, Reference, choice
from bot.chat import Button, Card, Link, Reply, Shown
from bot.domain import asking
from bot.domain import shifts as rule
from bot.domain.availability import skill_key
from bot.domain.recurrence import instant
from bot.rounds import may_take
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View
from bot.shifts import SHIFTS, TASKS, WHICH, TaskOf, all_shifts, giving, named, shift_words, swapping, wall
from bot.text import Bold, Listed, Minutes, N, Refusal, T, Text, Typed, Words, lines
from storage import availability, due, entries, notes, people, rules, shifts, swaps
from storage.digests import Since
from storage.people import Member
from storage.shifts import Assignment, Seat, Shift

router = Router("shifts", title=T("Shifts and swaps"))

LINES_MAX = 20
"""So many shifts stand on the card; what comes later is told as a number."""
BUTTONS_MAX = 5
TOLD_MAX = 5
WORDS_MAX = 3
OFF_MAX = 12
SIGNED_WITHIN = timedelta(days=7)
"""So long somebody can sign off a shift; then it counts without, and the log says so."""
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
    for_others=True,
)
async def shifts_(context: Context) -> Reply | Card:
    """In the group a card that stays up to date; in private what one has, and what is open."""
    if context.in_private or context.spoken_by is not None:
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
        told.append(_own_words(context, one))
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
    if context.spoken_by is not None:
        # Buttons would be pressed in the helper's own name.
        line = Typed("/for", context.member.name, "/shift take", T("cleaning"))
        return Reply(lines(*told, T("For them you write: {line}. Also: back, done.", line=line)), private=True)
    return Reply(lines(*told), buttons=(*buttons, (*_why(context, own), all_shifts(context.commands))), private=True)


def _own_words(context: Context, shift: Shift) -> Text:
    """A shift of one's own; what is only a draft of the plan may still become somebody else's."""
    holder = shift.of(context.member.id)
    if holder is None or holder.stage != "draft":
        return shift_words(shift)
    return T("{shift}; may still change", shift=shift_words(shift))


def _why(context: Context, own: Sequence[Shift]) -> tuple[Button, ...]:
    """Where a shift was planned for somebody: why it is theirs."""
    holders = ((one, one.of(context.member.id)) for one in own)
    planned = [one for one, holder in holders if holder and not holder.agreed and context.now < one.at]
    why = context.commands.named("rota_why")
    if not planned:
        return ()
    says = why.says(shift=planned[0].id) if len(planned) == 1 else context.commands.asking(why.says())
    return (Button(label=T("Why me?"), says=says),)


async def _last_words(context: Context, shift: Shift) -> list[Text]:
    found = await shifts.last_words(context.tx, shift)
    return [T("From the last crew: “{note}”", note=words) for words in found[:WORDS_MAX]]


def _own_buttons(context: Context, shift: Shift) -> list[tuple[Button | Link, ...]]:
    """What can be said of a shift that one has: until it begins that one cannot; from then on how it went."""
    if context.now < shift.at - rule.HERE_BEFORE:
        return [(giving(context.commands, shift),), (swapping(context.commands, shift),)]
    holder = shift.of(context.member.id)
    here = Button(label=T("I'm here"), says=shift_here.says(shift=shift.id))
    comes = shift.until is None and holder is not None and holder.state == "held" and context.now < shift.end
    first = (here,) if comes else ()
    hand = context.commands.named("hand_over")
    last: tuple[Button, ...] = (_missing(shift),)
    if context.now < shift.end:
        over = context.commands.asking(hand.says(shift=shift.id))
        last = (giving(context.commands, shift, alone=True), Button(label=T("Hand over"), says=over))
    if context.now < shift.at:
        return [(*first, *last)]
    done = Button(label=T("Done: {shift}", shift=named(shift)), says=shift_done.says(shift=shift.id))
    return [(done,), (_problem(context, shift), *first, *last)]


def _problem(context: Context, shift: Shift) -> Button:
    return Button(
        label=T("Problem: {shift}", shift=named(shift)),
        says=context.commands.asking(shift_problem.says(shift=shift.id)),
    )


def _missing(shift: Shift) -> Button:
    return Button(label=T("I was not there"), says=shift_missed.says(shift=shift.id))


def _taking(shift: Shift) -> Button:
    return Button(label=T("I'll take it: {shift}", shift=named(shift)), says=seat_take.says(shift=shift.id))


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
async def seat_take(
    context: Context, *, shift: Reference, trainee: Annotated[str, _LEARNER] = "", seat: Reference | None = None
) -> Reply:
    """Whoever presses first has it. `seat`: this one of them."""
    return await _take(context, await _shift(context, shift), trainee=bool(trainee), seat_id=seat)


async def _take(context: Context, found: Shift, *, trainee: bool = False, seat_id: int | None = None) -> Reply:
    if context.member.child:
        raise Refusal(T("Children have no turns."), private=True)
    if found.end <= context.now or not found.task.listed:
        raise Refusal(T("That shift is over. {shifts} shows what there is.", shifts=SHIFTS), private=True)
    if found.of(context.member.id) is not None:
        raise Refusal(T("You have a seat there already."), private=True)
    await _at_one_time(context, found)
    if not trainee:
        await may_take(context, found)
    refused = await _skill_lacks(context, found, trainee=trainee)
    if refused is not None:
        return refused
    free = await _free(context, found, trainee=trainee, seat_id=seat_id)
    taken = None
    if free is not None:
        taken = await shifts.assign(context.tx, free, context.member, stage="frozen", agreed=True, now=context.now)
    if taken is None:
        raise Refusal(T("All seats are taken. {shifts} shows what is open.", shifts=SHIFTS), private=True)
    words = lines(
        T("It is yours: {shift}", shift=named(found)),
        T("Needs: {skill}", skill=found.task.skill) if found.task.skill is not None and not trainee else None,
        T("Whoever can do it must be there too; so far nobody is.") if trainee and not _skilled_crew(found) else None,
        *(await _last_words(context, found)),
    )
    if not context.in_private:
        return Reply(words, private=True, fleeting=True)
    if context.spoken_by is not None:
        return Reply(words, private=True)
    more = Button(label=T("My shifts"), says=my_shifts.says())
    return Reply(words, buttons=((giving(context.commands, found, alone=True), more),), private=True)


async def _free(context: Context, shift: Shift, *, trainee: bool, seat_id: int | None) -> Seat | None:
    """A seat that nobody has: this one, or first one for which others are being asked, so that they are left alone."""
    free = shift.open(trainee=trainee)
    if seat_id is not None:
        return next((one for one in free if one.id == seat_id), None)
    for one in free:
        if await swaps.search_for(context.tx, one.id) is not None:
            return one
    return free[0] if free else None


def _skilled_crew(shift: Shift) -> list[Assignment]:
    """Those who have a seat for which one must be able to do it."""
    return [one.holder for one in shift.seats if one.holder is not None and not one.trainee]


async def _skill_lacks(context: Context, shift: Shift, *, trainee: bool) -> Reply | None:
    """Who cannot do it hears who can say that they can, and where it is learnt; None: they may take it."""
    skill, task = shift.task.skill, shift.task
    if skill is None:
        return None
    own = await availability.held(context.tx, context.committee.id, context.member.id)
    has = any(task.skill_key == skill_key(name) for one in own for name in one.names)
    if trainee:
        if has:
            raise Refusal(T("You can do it already: {skill}. Take one of the other seats.", skill=skill), private=True)
        return None
    if has:
        return None
    known = await availability.skill_called(context.tx, context.committee.id, skill.text)
    ids = [] if known is None else await availability.holders(context.tx, known.id)
    names = [one.name for id_ in ids[:TOLD_MAX] if (one := await people.member_now(context.tx, task.committee_id, id_))]
    line = Typed("/skill", skill_key(skill.text).replace(" ", "_"))
    words = lines(
        T("For {shift} one must be able to do this: {skill}", shift=named(shift), skill=skill),
        T("{names} can say that you can: write {line}", names=Listed(tuple(names)), line=line)
        if names
        else T("If you can, write {line}: the committee says yes to it.", line=line),
    )
    learn = ((_learning(shift),),) if shift.open(trainee=True) and context.spoken_by is None else ()
    return Reply(words, buttons=learn, private=True, fleeting=not learn)


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
    """One tap, and no reason is asked. The next in line is asked in private; shortly before, the group at once."""
    return await _give_back(context, *await _own(context, shift))


async def _give_back(context: Context, found: Shift, holder: Assignment) -> Reply:
    if found.end <= context.now:
        raise Refusal(T("That shift is over. Say how it went: {shifts}", shifts=SHIFTS), private=True)
    await shifts.give_back(context.tx, holder, found, now=context.now)
    search = await _look_for(context, found.id, holder)
    if search is not None and found.begins - context.now <= asking.GROUP_BEFORE:
        await swaps.group_asked(context.tx, search, now=context.now)
        await context.show(Card("wanted", search.id))
    quietly = search is not None and found.begins - context.now > asking.GROUP_BEFORE
    words = lines(
        T("The seat is open again: {shift}. Thank you for saying so.", shift=named(found)),
        T("I ask in private who is next, and tell you when somebody has it.") if quietly else None,
    )
    return Reply(words, private=True)


async def _look_for(context: Context, shift_id: int, holder: Assignment) -> swaps.Search | None:
    """Where the seat is needed, somebody else is looked for: at once, or once the group has had a little time."""
    fresh = await _shift(context, shift_id)
    seat = next((one for one in fresh.open() if one.id == holder.seat_id and one.needed), None)
    left = fresh.begins - context.now
    if seat is None or left <= timedelta():
        return None
    first = asking.turn_time(left) if left <= asking.GROUP_BEFORE else None
    at = context.now + (first or timedelta())
    return await swaps.seek(context.tx, context.committee.id, seat.id, holder.member_id, at=at, now=context.now)


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
    credit = await _counts(context, shift, holder)
    await _ask_about_learner(context, shift, holder)
    words = lines(T("Thank you! {shift}", shift=named(shift)), credit)
    last = ((_noting(context, shift),),) if state == "done" else ()
    if await shifts.to_rate(context.tx, context.member, shift.task, now=context.now):
        return Reply(lines(words, _HARD), buttons=(_figures_row(shift, "hard"), *last), private=True)
    return Reply(words, buttons=last, private=True)


async def _counts(context: Context, shift: Shift, holder: Assignment) -> Text | None:
    """What was done counts at once; or once somebody else has said so, where the committee wants that."""
    if not await rules.get(context.tx, context.committee.id, "sign_off", False):
        return await _credit(context, shift, holder)
    asked = await _may_sign(context, shift, holder)
    if not asked:
        return await _credit(context, shift, holder)
    await shifts.ask_sign_off(context.tx, holder, now=context.now)
    for one in asked:
        await context.show_to(one, Card("sign_off", holder.id))
    await swaps.soon(
        context.tx,
        f"sign_off:{holder.id}",
        sign_over.says(seat=holder.id),
        context.committee.id,
        context.now + SIGNED_WITHIN,
    )
    names = Listed(tuple(one.name for one in asked))
    return T("It counts once somebody else says that it was done. I ask: {names}", names=names)


async def _may_sign(context: Context, shift: Shift, holder: Assignment) -> list[Member]:
    """Who can say that somebody's shift was done: the others of the crew; whoever organizes, where one was alone."""
    crew = [one.member_id for one in shift.holders if one.member_id != holder.member_id and one.state != "missed"]
    found = [await people.member_now(context.tx, context.committee.id, id_) for id_ in crew]
    there = [one for one in found if one is not None and one.active and not one.spoken_for]
    there = there or await people.organizers(context.tx, context.committee.id)
    return [one for one in there if one.id != holder.member_id]


@router.card("sign_off")
async def sign_off_card(view: View, ref: int) -> Shown | None:
    """What those who can sign it off are asked."""
    found = await shifts.assignment(view.tx, view.committee.id, ref)
    stands = None if found is None else await shifts.sign_off_of(view.tx, found[0])
    if found is None or stands is None:
        return None
    holder, shift = found
    state, by = stands
    if state == "counted":
        return Shown(T("Nobody has signed it off, so it counts: {name}, {shift}", name=holder.name, shift=named(shift)))
    if state == "signed":
        signer = None if by is None else await people.member_now(view.tx, view.committee.id, by)
        name = signer.name if signer is not None else T("somebody")
        return Shown(T("{name} has signed it off: {who}, {shift}", name=name, who=holder.name, shift=named(shift)))
    return Shown(
        T("{name} says that it is done: {shift}. Was it?", name=holder.name, shift=named(shift)),
        buttons=((Button(label=T("Yes, it was done"), says=sign_yes.says(seat=ref)),),),
    )


@router.command("sign_yes", allow=Authority.MEMBER, typed=False, help=T("Say that somebody's shift was done."))
async def sign_yes(context: Context, *, seat: Reference) -> Reply | None:
    """From then on it counts. Nobody signs off their own."""
    found = await shifts.assignment(context.tx, context.committee.id, seat)
    if found is None:
        raise Refusal(T("That shift is gone. {shifts} shows what there is.", shifts=SHIFTS), private=True)
    holder, shift = found
    if context.member.id not in {one.id for one in await _may_sign(context, shift, holder)}:
        raise Refusal(T("Somebody else of the crew signs it off."), private=True)
    if not await shifts.sign_off(context.tx, holder, context.member.id, now=context.now):
        raise Refusal(T("It counts already: {name}, {shift}", name=holder.name, shift=named(shift)), private=True)
    await due.cancel(context.tx, f"sign_off:{holder.id}")
    await _pay_signed(
        context, shift, holder, T("{name} has signed it off: {shift}", name=context.member.name, shift=named(shift))
    )
    if await context.shown_there(f"sign_off:{holder.id}"):
        return None
    return Reply(T("Thank you; it counts now."), private=True)


async def _pay_signed(context: Context, shift: Shift, holder: Assignment, words: Text) -> None:
    doer = await people.member_now(context.tx, context.committee.id, holder.member_id)
    if doer is None or not doer.active:
        return
    theirs = replace(context, of_member=doer, spoken_by=None)
    await context.tell(doer, lines(words, await _credit(theirs, shift, holder)))


@router.command("sign_over", allow=Authority.CLOCK, typed=False, help=T("Nobody has signed off a shift."))
async def sign_over(context: Context, *, seat: Reference) -> None:
    """Silence takes nobody's hours away: it counts, and the log says that nobody signed it off."""
    found = await shifts.assignment(context.tx, context.committee.id, seat)
    if found is None or not await shifts.sign_off(context.tx, found[0], None, now=context.now):
        return
    holder, shift = found
    body = {"member": holder.member_id, "task": shift.task.id}
    await entries.append(context.tx, context.committee, "not_signed", body, now=context.now)
    await _pay_signed(
        context, shift, holder, T("Nobody has signed it off in time, so it counts: {shift}", shift=named(shift))
    )


@router.entry("not_signed")
async def not_signed_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """That somebody's shift counts though nobody has signed it off."""
    found = await shifts.task(telling.tx, telling.committee.id, body["task"])
    called = found.called if found is not None else T("(erased)")
    return T(
        "Nobody has signed off a shift of {name}'s, so it counts: {task}.",
        name=await telling.name(body["member"]),
        task=called,
    )


async def _ask_about_learner(context: Context, shift: Shift, holder: Assignment) -> None:
    """After a seat to learn: those of the crew who can do it are asked whether the learner can now, alone."""
    skill = shift.task.skill
    if skill is None or not any(one.trainee and one.id == holder.seat_id for one in shift.seats):
        return
    words = T(
        "{name} was there to learn: {shift}. Can they do it alone now: {skill}?",
        name=holder.name,
        shift=named(shift),
        skill=skill,
    )
    yes = Button(label=T("Yes, they can"), says=learnt_yes.says(seat=holder.id))
    no = Button(label=T("Not yet"), says=learnt_not_yet.says(seat=holder.id))
    for one in _skilled_crew(shift):
        member = await people.member_now(context.tx, context.committee.id, one.member_id)
        if member is not None and member.active and one.state != "missed":
            await context.tell(member, words, buttons=((yes, no),), about=(shift.task.thing,))


@router.command("learnt_yes", allow=Authority.MEMBER, typed=False, help=T("Say that a learner can do it alone."))
async def learnt_yes(context: Context, *, seat: Reference) -> Reply:
    """One who was beside them says so, and the skill is theirs."""
    found = await shifts.assignment(context.tx, context.committee.id, seat)
    if found is None or found[1].task.skill is None or not _beside(context, *found):
        raise Refusal(T("Whoever was beside them says so."), private=True)
    holder, shift = found
    assert shift.task.skill is not None
    learner = await people.member_now(context.tx, context.committee.id, holder.member_id)
    skill = shift.task.skill
    new = learner is not None and learner.active
    if learner is None or not new:
        raise Refusal(T("They are not here any more."), private=True)
    if await availability.learnt(context.tx, context.committee, learner.id, skill.text, now=context.now):
        await context.tell(
            learner,
            T("{name} says that you can do it alone now: {skill}", name=context.member.name, skill=skill),
            about=(shift.task.thing,),
        )
    return Reply(T("Thank you. {name} has this skill now: {skill}", name=learner.name, skill=skill), private=True)


@router.command("learnt_not_yet", allow=Authority.MEMBER, typed=False, help=T("Say that a learner needs more time."))
async def learnt_not_yet(context: Context, *, seat: Reference) -> Reply:
    """Nobody is told; it is asked again after the next time."""
    found = await shifts.assignment(context.tx, context.committee.id, seat)
    if found is None or not _beside(context, *found):
        raise Refusal(T("Whoever was beside them says so."), private=True)
    return Reply(T("All right, I tell nobody, and ask again after the next time."), private=True)


def _beside(context: Context, holder: Assignment, shift: Shift) -> bool:
    learns = any(one.trainee and one.id == holder.seat_id for one in shift.seats)
    crew = [one.member_id for one in _skilled_crew(shift) if one.state != "missed"]
    return learns and holder.state in shifts.CARRIED and context.member.id in crew


def _noting(context: Context, shift: Shift) -> Button:
    return Button(label=T("A note for the next crew"), says=context.commands.asking(shift_note.says(shift=shift.id)))


async def _pays(context: Context) -> bool:
    return bool(await rules.get(context.tx, context.committee.id, "shift_hours", True))


async def _credit(context: Context, shift: Shift, holder: Assignment) -> Text | None:
    """The committee's account pays, by its way of counting; or nothing, where it has decided so."""
    if not await _pays(context):
        return None
    worked = context.commands.named("worked")
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


# --- for somebody without an account -----------------------------------------------------------------------------

_DOING = choice(
    "take",
    "back",
    "done",
    expected=T("{take}, {back} or {done}", take=Typed("take"), back=Typed("back"), done=Typed("done")),
)


@router.command(
    "shift",
    allow=Authority.MEMBER,
    listed=False,
    help=T("Take a seat, give it back, or say that it is done, in a line; also for whom you speak."),
    sample=("take", T("cleaning")),
    asks={"what": WHICH},
    for_others=True,
)
async def shift_line(context: Context, *, doing: Annotated[str, _DOING], what: TaskOf) -> Reply:
    """The earliest shift of that task that fits: what buttons do otherwise."""
    own = await shifts.of_member(context.tx, context.member, since=context.now - rule.SAID_WITHIN)
    own = [one for one in own if one.task.id == what.id]
    if doing == "take":
        mine = {one.id for one in own}
        ahead = await shifts.within(context.tx, context.committee.id, context.now, context.now + rule.AHEAD)
        free = [one for one in ahead if one.task.id == what.id and one.id not in mine and one.open()]
        if not free:
            raise Refusal(T("All seats are taken. {shifts} shows what is open.", shifts=SHIFTS), private=True)
        return await _take(context, free[0])
    if doing == "back":
        own = [one for one in own if one.end > context.now]
    else:
        own = [one for one in own if one.at <= context.now]
    if not own:
        raise Refusal(T("There is no shift of that task to speak of: {task}", task=what.called), private=True)
    found, holder = await _own(context, own[0].id)
    return await (_give_back(context, found, holder) if doing == "back" else _finish(context, found, holder, "done"))


# --- one time that does not take place ---------------------------------------------------------------------------


async def _which_off(context: Context) -> list[tuple[Text | str, int]]:
    found = await shifts.within(context.tx, context.committee.id, context.now, context.now + rule.AHEAD)
    found = [one for one in found if one.at > context.now or one.until is not None]
    return [(named(one), one.id) for one in found[:OFF_MAX]]


async def _calling_off(context: Context, *, shift: int) -> Words:
    found = await _shift(context, shift)
    n = len(found.holders)
    return lines(
        T("Shall it not take place: {shift}? The task goes on.", shift=named(found)),
        N("I tell the {n} person who has a seat.", "I tell the {n} people who have a seat.", n) if n else None,
    )


@router.command(
    "shift_off",
    allow=Authority.ORGANIZER,
    label=T("Call off a shift"),
    help=T("One time it does not take place, such as on a holiday; the task goes on."),
    asks={"shift": Asks(T("Which one does not take place?"), _which_off, T("There are no shifts ahead."))},
    confirm=_calling_off,
)
async def shift_off(context: Context, *, shift: Reference) -> Reply:
    """Whoever had a seat hears it, and owes nothing. It does not come back."""
    found = await _shift(context, shift)
    begun = found.at <= context.now and found.until is None
    if begun or found.end <= context.now or any(one.state in shifts.CARRIED for one in found.holders):
        raise Refusal(T("It has begun already: {shift}", shift=named(found)), private=True)
    had = [await people.member_now(context.tx, context.committee.id, one.member_id) for one in found.holders]
    words = T("It does not take place: {shift}. Nobody owes anything for it.", shift=named(found))
    await shifts.call_off(context.tx, found, now=context.now)
    body = {"member": context.member.id, "task": found.task.id, "local": found.local.isoformat(), "is": "off"}
    await entries.append(context.tx, context.committee, "shift", body, now=context.now)
    for one in had:
        if one is not None and one.active and one.id != context.member.id:
            await context.tell(one, words)
    back = shift_on.says(task=found.task.id, day=found.local.isoformat())
    undo = ((Button(label=T("It takes place after all"), says=back),),)
    await context.tell_group(words)
    return Reply(words, buttons=undo)


@router.command(
    "shift_on", allow=Authority.ORGANIZER, typed=False, help=T("A shift that was called off takes place after all.")
)
async def shift_on(context: Context, *, task: Reference, day: Note) -> Reply:
    """Its seats are open for everybody again."""
    found = await shifts.task(context.tx, context.committee.id, task)
    try:
        local = datetime.fromisoformat(day)
    except ValueError:
        local = None
    if found is None or not found.listed or local is None or local.tzinfo is not None:
        raise Refusal(T("That shift is gone. {shifts} shows what there is.", shifts=SHIFTS), private=True)
    if instant(local, found.zone) <= context.now or not await shifts.call_on(context.tx, found, local, now=context.now):
        raise Refusal(T("That shift is gone. {shifts} shows what there is.", shifts=SHIFTS), private=True)
    body = {"member": context.member.id, "task": found.id, "local": day, "is": "on"}
    await entries.append(context.tx, context.committee, "shift", body, now=context.now)
    words = T("It takes place after all: {task}, {when}", task=found.called, when=instant(local, found.zone))
    await context.tell_group(words)
    return Reply(words, buttons=((all_shifts(context.commands),),))


@router.entry("shift")
async def shift_off_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """That one time of a task was called off, or takes place after all."""
    found = await shifts.task(telling.tx, telling.committee.id, body["task"])
    called = found.called if found is not None else T("(erased)")
    name, day = await telling.name(body["member"]), datetime.fromisoformat(body["local"]).date()
    if body["is"] == "off":
        return T("{name} called off a shift: {task}, {day}.", name=name, task=called, day=day)
    return T("{name} called a shift on again: {task}, {day}.", name=name, task=called, day=day)


# --- what the committee sets, and what the clock does ------------------------------------------------------------


def _sign_off_words(*, switch: str) -> Text:
    if switch == "on":
        return T("A shift counts once somebody else of the crew has said that it was done.")
    return T("A shift counts as soon as whoever did it says so.")


@router.command(
    "sign_off",
    allow=Authority.COMMITTEE,
    label=T("Sign off shifts"),
    help=T("Whether a second person says that a shift was done: {on} or {off}.", on=Typed("on"), off=Typed("off")),
    proposal=_sign_off_words,
)
async def sign_off(context: Context, *, switch: OnOff) -> Reply:
    """From now on; what waits, waits."""
    await entries.decide_rule(context.tx, context.committee, "sign_off", switch == "on", now=context.now, told=switch)
    return Reply(_sign_off_words(switch=switch))


@router.entry("rule", "sign_off", about="rules")
async def sign_off_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Whether shifts are signed off."""
    return _sign_off_words(switch=body["sign_off"])


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
    await entries.decide_rule(
        context.tx, context.committee, "shift_hours", switch == "on", now=context.now, told=switch
    )
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
            await _look_for(context, shift.id, holder)


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """Shifts of one's own that begin soon, and those of which nobody has said how they went."""
    todo: list[Todo] = []
    for one in await shifts.of_member(context.tx, context.member, since=context.now - rule.SAID_WITHIN):
        if one.end <= context.now:
            done = Button(label=T("Done"), says=shift_done.says(shift=one.id))
            todo.append(Todo(words=T("Is it done? {shift}", shift=named(one)), buttons=(done, _missing(one))))
        elif one.at - context.now <= SOON:
            todo.append(
                Todo(
                    words=T("Your shift: {shift}", shift=named(one)),
                    buttons=(giving(context.commands, one, alone=True),),
                )
            )
    for holder, shift in await shifts.to_sign(context.tx, context.committee.id):
        if context.member.id in {one.id for one in await _may_sign(context, shift, holder)}:
            words = T("{name} says that it is done: {shift}. Was it?", name=holder.name, shift=named(shift))
            todo.append(
                Todo(words=words, buttons=(Button(label=T("Yes, it was done"), says=sign_yes.says(seat=holder.id)),))
            )
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
