"""How fairly the rota shares the work: one's own two dials, the group's spread, rest, and who learns what beside whom.

Burden is time weighed by how unpleasant the work is, empowerment by how much one learns and decides there. The level
is what would be even for somebody's share (`bot.domain.fairness`). Organizing is work that empowers much: shifts of
tasks that members rate 4 or 5 there, done in the window behind or planned ahead, by their length; an organizer's role
counts as far as it is a shift. Whoever carries more than a quarter of it hears so in private.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated

from bot import drawing
from bot.arguments import Reference, choice
from bot.chat import Bar, Bars, Button, Chart, Link, Reply
from bot.domain import fairness, retention, rotation
from bot.domain.fairness import Balance, Dial, Fairness, Figures
from bot.domain.recurrence import instant
from bot.domain.rotation import Instance
from bot.router import Authority, Command, Context, Router, Todo
from bot.shifts import NONE, SHIFTS, all_shifts, named
from bot.text import Bold, Listed, Minutes, N, Refusal, T, Text, Typed, Words, duration, lines, shown
from bot.text import Reader as For
from storage import availability, due, fair, nudges, people, rotas, shifts
from storage.digests import Since
from storage.fair import Understudy, Week
from storage.people import Member
from storage.shifts import RotaTask, Shift

router = Router("fair", under="rota")

ANSWER_WITHIN = timedelta(days=3)
"""So long somebody has to answer before the next is asked."""
ASKED_MAX = 6
"""So many are asked to learn a task within `fair.ASKED_AGAIN`."""
LENT_LEAST = timedelta(weeks=2)
"""So long a seat to learn something stays at least."""
SEATS_MAX = 2
"""So many seats beside somebody are taken at once: the next ones are taken in `/shifts`."""
ORGANIZING_MIN = 6 * 60
"""Less organizing than this, in minutes, says nothing about who carries it."""
BUTTONS_MAX = 5
_TITLE = Bold(T("How fairly work is shared"))


# --- what is worked out ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """How it is now: what was done in the window, and who holds which seat ahead."""

    instance: Instance
    holders: Mapping[str, str]
    fair: Fairness
    since: datetime
    """When the window behind begins."""
    tasks: Mapping[str, RotaTask]
    """By their ids as text."""

    @property
    def weeks(self) -> tuple[int, int]:
        """How many weeks behind and ahead count."""
        return self.instance.terms.window_days // 7, self.instance.days // 7


async def _standing(context: Context) -> _Standing:
    instance = await rotas.instance(context.tx, context.committee, now=context.now)
    holders = {one.seat: one.member for one in instance.held}
    first = instance.start - timedelta(days=instance.terms.window_days)
    return _Standing(
        instance=instance,
        holders=holders,
        fair=fairness.fairness(instance, holders),
        since=instant(datetime.combine(first, time()), context.committee.zone),
        tasks={str(one.id): one for one in await shifts.tasks(context.tx, context.committee.id)},
    )


async def _week(context: Context, standing: _Standing) -> Week | None:
    """The group's figures of this week: as they were when first asked for, so that nobody sees who changed what."""
    first = standing.instance.start
    kept = await fair.week(context.tx, context.committee.id, first)
    if kept is not None:
        return kept
    burden, power = (fairness.figures(one) for one in (standing.fair.burden, standing.fair.empowerment))
    if burden is None or power is None:
        return None
    found = Week(first=first, burden=burden, power=power)
    await fair.keep_week(context.tx, context.committee.id, found)
    return found


async def _lone(context: Context, standing: _Standing) -> list[tuple[RotaTask, Member]]:
    """Tasks that one member alone can do."""
    done = await fair.doers(context.tx, context.committee.id, standing.since)
    skills = {id_: one.skill_key for id_, one in standing.tasks.items()}
    found = []
    for id_, who in fairness.lone_tasks(standing.instance, skills, done).items():
        member = await people.member_now(context.tx, context.committee.id, int(who))
        if member is not None:
            found.append((standing.tasks[id_], member))
    return found


# --- what is told ----------------------------------------------------------------------------------------------------

AsPicture = Annotated[str, choice("picture", expected=T("the word {example}", example=Typed("picture")))]


@router.command(
    "fair",
    allow=Authority.MEMBER,
    label=T("How fairly work is shared"),
    help=T("How fairly the rota shares the work: in private your own part; in the group how far apart you all are."),
    sample=(),
    repeatable=True,
)
async def fair_(context: Context, *, form: AsPicture = "") -> Reply:
    """In the group nobody is named; one's own dials are shown in private alone."""
    standing = await _standing(context)
    if not standing.tasks:
        return Reply(NONE)
    week = await _week(context, standing)
    lone = await _lone(context, standing)
    if not context.in_private:
        return await _for_group(context, standing, week, lone, drawn=bool(form))
    return await _for_oneself(context, standing, lone, drawn=bool(form))


@router.command("fair_all", allow=Authority.MEMBER, typed=False, help=T("How far apart you all are."), repeatable=True)
async def fair_all(context: Context, *, form: AsPicture = "") -> Reply:
    """What the group sees, wherever it is asked for."""
    standing = await _standing(context)
    week = await _week(context, standing)
    return await _for_group(context, standing, week, await _lone(context, standing), drawn=bool(form))


async def _for_group(
    context: Context, standing: _Standing, week: Week | None, lone: Sequence[tuple[RotaTask, Member]], *, drawn: bool
) -> Reply:
    private = context.in_private
    words = lines(
        T("{title}", title=_TITLE),
        *await _group_words(context, standing, week),
        _lone_words([task for task, _ in lone]) if lone else None,
        _span_words(standing),
        None if private else T("This names nobody. Your own part you see in private."),
    )
    own = (Button if private else Link)(label=T("My own part"), says=fair_.says())
    if drawn and week is not None and drawing.available():
        # What is pressed in a group is answered in private.
        reader = await _reader(context) if private or context.pressed else context.committee.reader
        return Reply(words, buttons=((own,),), document=_group_chart(week, reader))
    return Reply(words, buttons=(*_picture(fair_all, there=week is not None), (own,)))


def _picture(of: Command, *, there: bool) -> tuple[tuple[Button, ...], ...]:
    if not there or not drawing.available():
        return ()
    return ((Button(label=T("As a picture"), says=of.says(form="picture")),),)


async def _group_words(context: Context, standing: _Standing, week: Week | None) -> list[Words]:
    if week is None and not any(dial.carried or dial.coming for dial in standing.fair.burden.dials):
        return [T("Nothing has been done yet, and nobody has a seat ahead.")]
    if week is None:
        return [
            N(
                "There are no figures yet: there are some once {n} of you share work in the rota. Earlier they would "
                "tell of single people.",
                "There are no figures yet: there are some once {n} of you share work in the rota. Earlier they would "
                "tell of single people.",
                fairness.GROUP_MIN,
            )
        ]
    told: list[Words] = [
        T("100% would be even; as of the week from {day}, in steps of {step}%.", day=week.first, step=fairness.STEP),
        T(
            "Burden (how unpleasant it is): from {least} to {most}, {spread} apart. {worst}",
            least=_percent(week.burden.least),
            most=_at_most(week.burden),
            spread=_percent(week.burden.spread),
            worst=_worst_burden(week.burden),
        ),
        T(
            "Empowerment (how much one learns and decides): from {least} to {most}, {spread} apart. {worst}",
            least=_percent(week.power.least),
            most=_at_most(week.power),
            spread=_percent(week.power.spread),
            worst=_worst_power(week.power),
        ),
    ]
    for weeks in (4, 8):
        before = await fair.week(context.tx, context.committee.id, week.first - timedelta(weeks=weeks))
        if before is not None:
            told.append(
                T(
                    "{n} weeks before: burden {burden} apart, empowerment {power}.",
                    n=weeks,
                    burden=_percent(before.burden.spread),
                    power=_percent(before.power.spread),
                )
            )
    return told


def _percent(value: int) -> Text:
    return T("{n}%", n=value)


def _at_most(found: Figures) -> Text:
    if found.most >= fairness.PERCENT_MAX:
        return T("{n}% or more", n=found.most)
    return _percent(found.most)


def _worst_burden(found: Figures) -> Text:
    if found.most <= 100:
        return T("Nobody carries more than would be even.")
    if found.most >= fairness.PERCENT_MAX:
        return T("Whoever is worst off carries {part} more than would be even, or still more.", part=_percent(200))
    return T("Whoever is worst off carries {part} more than would be even.", part=_percent(found.most - 100))


def _worst_power(found: Figures) -> Text:
    if found.least >= 100:
        return T("Nobody has less than would be even.")
    return T("Whoever is worst off has {part} less than would be even.", part=_percent(100 - found.least))


def _lone_words(tasks: Sequence[RotaTask]) -> Text:
    return T(
        "Only one of you can do: {tasks}. If somebody learns it, it gets lighter for all.",
        tasks=Listed(tuple(one.called for one in tasks)),
    )


def _span_words(standing: _Standing) -> Text:
    behind, ahead = standing.weeks
    return T("Counted: what was done in the last {n} weeks, and the seats taken in the next {m}.", n=behind, m=ahead)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Own:
    """One dial as it is told: minutes of middling work. `level` None: it would tell another's share, or none is due."""

    done: int
    credited: int
    planned: int
    level: int | None
    percent: int | None

    @property
    def carried(self) -> int:
        """All of it."""
        return self.done + self.credited + self.planned


def _own(balance: Balance, member_id: int) -> _Own:
    dial: Dial = balance.of(str(member_id))
    told = dial.permille is not None and fairness.sharing(balance) >= fairness.OWN_MIN
    return _Own(
        done=fairness.hours(dial.carried),
        credited=fairness.hours(dial.credited),
        planned=fairness.hours(dial.coming),
        level=fairness.hours(dial.due) if told else None,
        percent=(dial.permille + 5) // 10 if told and dial.permille is not None else None,
    )


async def _for_oneself(
    context: Context, standing: _Standing, lone: Sequence[tuple[RotaTask, Member]], *, drawn: bool
) -> Reply:
    there = {one.id: one for one in standing.instance.members}
    me = there.get(str(context.member.id))
    told: list[Words] = [T("{title}", title=Bold(T("Your part of the work")))]
    buttons: list[tuple[Button | Link, ...]] = []
    parts: list[tuple[Text, _Own]] = []
    if me is not None:
        burden, power = (_own(one, context.member.id) for one in (standing.fair.burden, standing.fair.empowerment))
        parts = [(T("Burden"), burden), (T("Empowerment"), power)]
        told += [*_own_words(T("Burden"), burden), *_own_words(T("Empowerment"), power)]
        if not me.share_minutes:
            told.append(T("You have agreed to no hours: nothing is asked of you."))
        told += [
            T(
                "Burden is time, weighed by how unpleasant it is; empowerment by how much one learns and decides. An "
                "hour of middling work (3 of 5) counts 1 h, of 5 it counts 1 h 40."
            ),
            _span_words(standing),
        ]
        said, rows = await _organizing_told(context, standing)
        told += said
        buttons += rows
    if lone and context.member.id in {one.id for one in await people.organizers(context.tx, context.committee.id)}:
        told.append(_lone_words([task for task, _ in lone]))
        told += [T("{task}: only {name}.", task=task.called, name=member.name) for task, member in lone]
    buttons.append((Button(label=T("All of you"), says=fair_all.says()),))
    if drawn and drawing.available() and parts:
        document = _own_chart(parts, await _reader(context))
        return Reply(lines(*told), buttons=tuple(buttons), private=True, document=document)
    return Reply(lines(*told), buttons=(*buttons, *_picture(fair_, there=bool(parts))), private=True)


def _own_words(what: Text, own: _Own) -> list[Words]:
    if own.level is None:
        whole = T("{what}: you have {time}.", what=what, time=Minutes(own.carried))
    else:
        whole = T(
            "{what}: you have {time}; the level for your share is {level} ({part}).",
            what=what,
            time=Minutes(own.carried),
            level=Minutes(own.level),
            part=_percent(own.percent or 0),
        )
    if own.credited:
        made = T(
            "Done {done}, planned {planned}; {credited} count for the time before you came or when you were away.",
            done=Minutes(own.done),
            planned=Minutes(own.planned),
            credited=Minutes(own.credited),
        )
    else:
        made = T("Done {done}, planned {planned}.", done=Minutes(own.done), planned=Minutes(own.planned))
    return [whole, made]


async def _reader(context: Context) -> For:
    place = await people.private_chat_of(context.tx, context.member.person_id)
    if place is None:
        return context.committee.reader
    return await people.reader_in(context.tx, place.id, private=True, committee_id=context.committee.id)


def _saying(reader: For) -> Callable[[Text], str]:
    return lambda words: shown(words, reader)


def _group_chart(week: Week, reader: For) -> Chart:
    say = _saying(reader)
    # One scale for both: what is even ends at the same place.
    whole = max(200, week.burden.most, week.power.most)
    parts = []
    for title, found in ((T("Burden of all of you"), week.burden), (T("Empowerment of all of you"), week.power)):
        rows = (
            (T("Who has most"), found.most, _at_most(found)),
            (T("Even"), 100, _percent(100)),
            (T("Who has least"), found.least, _percent(found.least)),
        )
        bars = tuple(Bar(say(label), value, say(told)) for label, value, told in rows)
        parts.append(Bars(say(title), bars, whole))
    return Chart(name="fair.png", title=say(T("How fairly work is shared")), parts=tuple(parts))


def _own_chart(parts: Sequence[tuple[Text, _Own]], reader: For) -> Chart:
    say = _saying(reader)
    whole = max(max(own.carried, own.level or 0) for _, own in parts)
    drawn = []
    for what, own in parts:
        bars = [Bar(say(T("You")), own.carried, duration(own.carried))]
        if own.level is not None:
            bars.append(Bar(say(T("The level for your share")), own.level, duration(own.level)))
        drawn.append(Bars(say(what), tuple(bars), whole or None))
    return Chart(name="fair.png", title=say(T("Your part of the work")), parts=tuple(drawn))


# --- much of the organizing: an understudy, and rest -----------------------------------------------------------------


async def _organizing(context: Context, standing: _Standing) -> tuple[dict[str, int], list[str]]:
    """Minutes of organizing by member, and who carries too much of it."""
    done = await fair.organizing_done(context.tx, context.committee.id, standing.since)
    there = {one.id for one in standing.instance.members}
    done = {member: minutes for member, minutes in done.items() if member in there}
    minutes = fairness.organizing(standing.instance, standing.holders, done)
    much = fairness.overloaded(standing.instance, standing.holders, done=done, least=ORGANIZING_MIN)
    return minutes, much


async def _organizing_told(
    context: Context, standing: _Standing, of: Member | None = None
) -> tuple[list[Words], list[tuple[Button, ...]]]:
    """To somebody who carries much of the organizing: how much, and what helps. Nothing to others."""
    member = of or context.member
    minutes, much = await _organizing(context, standing)
    if str(member.id) not in much:
        return [], []
    own, whole = minutes[str(member.id)], sum(minutes.values())
    words: list[Words] = [
        T(
            "You carry much of the organizing: {own} of {whole}, that is {part}. Thank you! Nobody has to carry that "
            "alone.",
            own=Minutes(own),
            whole=Minutes(whole),
            part=_percent(own * 100 // whole),
        ),
        T("I can quietly look for somebody who learns it beside you; or you rest for a while."),
    ]
    buttons: list[tuple[Button, ...]] = [
        (
            Button(label=T("Find an understudy"), says=understudy_find.says(), only=member.id),
            Button(label=T("Rest"), says=fair_rest.says(), only=member.id),
        )
    ]
    return words, buttons


@router.command(
    "fair_month", allow=Authority.CLOCK, typed=False, help=T("Whoever carries much of the organizing hears so.")
)
async def fair_month(context: Context) -> None:
    """Every fourth week, in private."""
    standing = await _standing(context)
    _, much = await _organizing(context, standing)
    for id_ in much:
        member = await people.member_now(context.tx, context.committee.id, int(id_))
        if member is None:
            continue
        words, buttons = await _organizing_told(context, standing, member)
        await context.nudge(member, lines(*words), buttons=buttons, key=f"organizing:{member.id}")


@router.command("fair_rest", allow=Authority.MEMBER, typed=False, help=T("Rest for a while."), repeatable=True)
async def fair_rest(context: Context) -> Reply:
    """Nobody asks why: some days away, or fewer hours."""
    rows = []
    for name, label in (("away", T("I am away")), ("capacity", T("Fewer hours a month"))):
        command = context.commands.named(name)
        rows.append(Button(label=label, says=context.commands.asking(command.says())))
    return Reply(
        lines(
            T("Rest: nobody asks why."),
            T("Say from when to when you are away, or choose fewer hours a month. Being away makes no debt."),
            T("A shift that you have already you give back in {shifts} with one tap.", shifts=SHIFTS),
        ),
        buttons=(tuple(rows),),
        private=True,
    )


@router.command(
    "understudy_find", allow=Authority.MEMBER, typed=False, help=T("Find somebody who learns a task beside you.")
)
async def understudy_find(context: Context, *, task: Reference | None = None) -> Reply:
    """For a task of one's own that empowers much; who is asked hears it in private."""
    standing = await _standing(context)
    mine = await _own_tasks(context, standing)
    if not mine:
        raise Refusal(T("You have no task just now for which somebody could stand beside you."), private=True)
    if task is None and len(mine) > 1:
        rows = tuple((Button(label=one.called, says=understudy_find.says(task=one.id)),) for one in mine[:BUTTONS_MAX])
        return Reply(T("For which task?"), buttons=rows, private=True)
    found = next((one for one in mine if task is None or one.id == task), None)
    if found is None:
        raise Refusal(T("You have no task just now for which somebody could stand beside you."), private=True)
    asked = await fair.understudies(context.tx, context.committee.id, since=context.now - retention.UNDERSTUDIES)
    for one in asked:
        if one.task_id == found.id and one.said == "asked":
            raise Refusal(T("I am asking already. You hear as soon as somebody says yes."), private=True)
        if one.task_id == found.id and one.said == "yes" and one.beside_id == context.member.id:
            who = await people.member_now(context.tx, context.committee.id, one.member_id)
            if who is not None and who.active:
                raise Refusal(
                    T("{name} learns it beside you already: {task}.", name=who.name, task=found.called), private=True
                )
    if await _ask_next(context, standing, found, context.member):
        return Reply(
            T(
                "I ask one after another, in private and quietly, who wants to learn it: {task}. You hear as soon as "
                "somebody says yes.",
                task=found.called,
            ),
            private=True,
        )
    await _nobody(context, found)
    return Reply(_nobody_words(found), private=True)


async def _own_tasks(context: Context, standing: _Standing) -> list[RotaTask]:
    """The member's tasks that empower much: held ahead, or done in the window."""
    me = str(context.member.id)
    done = await fair.doers(context.tx, context.committee.id, standing.since)
    held = {seat.task for seat in standing.instance.seats if standing.holders.get(seat.id) == me and not seat.trainee}
    held |= {task for task, by in done.items() if me in by}
    return [one for id_, one in standing.tasks.items() if id_ in held and one.empowerment >= fairness.EMPOWERING]


# --- asking, one at a time -------------------------------------------------------------------------------------------


async def _ask_next(context: Context, standing: _Standing, task: RotaTask, beside: Member) -> bool:
    """Ask the next one whether they want to learn it beside somebody. False: there is nobody to ask."""
    asked = await fair.understudies(context.tx, context.committee.id, since=context.now - fair.ASKED_AGAIN)
    but = {str(one.member_id) for one in asked if one.task_id == task.id or one.said == "asked"}
    if sum(one.task_id == task.id for one in asked) >= ASKED_MAX:
        return False
    while True:
        found = fairness.next_to_learn(
            standing.instance, standing.fair.empowerment, str(task.id), task.skill_key, str(beside.id), but
        )
        if found is None:
            return False
        but.add(found)
        member = await people.member_now(context.tx, context.committee.id, int(found))
        if member is None or not member.active or member.helper_id is not None:
            continue
        if await people.private_chat_of(context.tx, member.person_id) is None:
            continue
        id_ = await fair.ask(context.tx, task, beside_id=beside.id, member_id=member.id, now=context.now)
        await context.nudge(member, _question(task, beside), buttons=(_answers(id_, member),), key=_key(id_))
        zone = context.committee.zone
        await due.plan(
            context.tx,
            _key(id_),
            understudy_waited.says(ask=id_),
            local=(context.now + ANSWER_WITHIN).astimezone(zone).replace(tzinfo=None),
            zone=zone,
            committee=context.committee.id,
            late="do",
        )
        return True


def _key(id_: int) -> str:
    return f"understudy:{id_}"


def _asks(task: RotaTask, beside: Member) -> Text:
    return T("Would you like to learn it, beside {name}: {task}?", name=beside.name, task=task.called)


def _question(task: RotaTask, beside: Member) -> Words:
    return lines(
        _asks(task, beside),
        T("You come along a few times before you do it yourself. No is fine, and nobody is told."),
    )


def _answers(id_: int, member: Member) -> tuple[Button, ...]:
    return (
        Button(label=T("Yes, I'd like to"), says=understudy_yes.says(ask=id_), only=member.id),
        Button(label=T("No"), says=understudy_no.says(ask=id_), only=member.id),
    )


async def _asked(context: Context, id_: int) -> tuple[Understudy, RotaTask, Member]:
    """What somebody is asked, and has not answered. Raises Refusal."""
    one = await fair.understudy(context.tx, context.committee.id, id_)
    if one is None or one.member_id != context.member.id or one.said != "asked":
        raise Refusal(
            T("That is settled already. Open seats, also to learn, are in {shifts}.", shifts=SHIFTS), private=True
        )
    task = await shifts.task(context.tx, context.committee.id, one.task_id)
    beside = await people.member_now(context.tx, context.committee.id, one.beside_id)
    if task is None or not task.listed or beside is None or not beside.active:
        raise Refusal(
            T("That is settled already. Open seats, also to learn, are in {shifts}.", shifts=SHIFTS), private=True
        )
    return one, task, beside


async def _settle(context: Context, one: Understudy) -> None:
    await due.cancel(context.tx, _key(one.id))
    await nudges.withdraw(context.tx, _key(one.id))


@router.command("understudy_yes", allow=Authority.MEMBER, typed=False, help=T("Learn a task beside somebody."))
async def understudy_yes(context: Context, *, ask: Reference) -> Reply:
    """They get seats to learn it on the next shifts of whoever they learn it from."""
    one, task, beside = await _asked(context, ask)
    await fair.say(context.tx, one.id, "yes")
    await _settle(context, one)
    if task.skill is not None:
        skill = await availability.skill_called(context.tx, context.committee.id, task.skill.text)
        if skill is not None:
            await availability.learn(context.tx, skill.id, context.member.id, on=True)
    await fair.lend(context.tx, task, now=context.now)
    taken = await _take_seats(context, task, beside)
    times = T("Your times to learn it: {shifts}.", shifts=Listed(tuple(named(shift) for shift in taken)))
    later = T("A time to learn it you find in {shifts}.", shifts=SHIFTS)
    await context.tell(
        beside,
        lines(
            T("{name} wants to learn it beside you: {task}.", name=context.member.name, task=task.called),
            T("The first times: {shifts}.", shifts=Listed(tuple(named(shift) for shift in taken))) if taken else None,
        ),
    )
    return Reply(
        lines(
            T("Good! You learn it beside {name}: {task}.", name=beside.name, task=task.called),
            times if taken else later,
            T("If you cannot come, give the seat back in {shifts} with one tap.", shifts=SHIFTS) if taken else None,
        ),
        private=True,
    )


async def _take_seats(context: Context, task: RotaTask, beside: Member) -> list[Shift]:
    """The next seats to learn it become theirs: where the other one is on the shift, else where nobody is yet."""
    free = await fair.seats_beside(context.tx, task, context.member, now=context.now)
    instance = await rotas.instance(context.tx, context.committee, now=context.now)
    members = {one.id: one for one in instance.members}
    me = members.get(str(context.member.id))
    own = [one for one in await shifts.of_member(context.tx, context.member, since=context.now) if one.until is None]
    together = [one for one in free if one.of(beside.id) is not None]
    taken: list[Shift] = []
    for shift in together or [one for one in free if not one.holders]:
        if len(taken) == SEATS_MAX or me is None:
            break
        if shift.until is None and any(one.at < shift.end and shift.at < one.end for one in own):
            continue
        crew = [members[str(one.member_id)] for one in shift.holders if str(one.member_id) in members]
        if any(one.id in me.not_with or me.id in one.not_with for one in crew):
            continue
        seats, _ = shifts.as_instance([shift])
        if any(rotation.barred(me, fairness.for_anybody(seat)) is not None for seat in seats[:1]):
            continue
        seat = shift.open(trainee=True)[0]
        if await shifts.assign(context.tx, seat, context.member, stage="frozen", agreed=True, now=context.now):
            taken.append(shift)
            own.append(shift)
    return taken


@router.command("understudy_no", allow=Authority.MEMBER, typed=False, help=T("Do not learn a task beside somebody."))
async def understudy_no(context: Context, *, ask: Reference) -> Reply:
    """Nobody is told; the next one is asked."""
    one, task, beside = await _asked(context, ask)
    await fair.say(context.tx, one.id, "no")
    await _settle(context, one)
    await _go_on(context, task, beside)
    return Reply(T("All right. Nobody is told of that."), private=True)


@router.command("understudy_waited", allow=Authority.CLOCK, typed=False, help=T("Nobody has answered: ask the next."))
async def understudy_waited(context: Context, *, ask: Reference) -> None:
    """After some days without an answer somebody else is asked."""
    one = await fair.understudy(context.tx, context.committee.id, ask)
    if one is None or not await fair.say(context.tx, one.id, "over"):
        return
    await nudges.withdraw(context.tx, _key(one.id))
    task = await shifts.task(context.tx, context.committee.id, one.task_id)
    beside = await people.member_now(context.tx, context.committee.id, one.beside_id)
    if task is not None and task.listed and beside is not None and beside.active:
        await _go_on(context, task, beside)


async def _go_on(context: Context, task: RotaTask, beside: Member) -> None:
    if not await _ask_next(context, await _standing(context), task, beside):
        await _nobody(context, task)
        await context.nudge(beside, _nobody_words(task), key=f"lone:{task.id}")


async def _nobody(context: Context, task: RotaTask) -> None:
    """Nobody could be asked, or has said yes: the seat is there for whoever wants it."""
    await fair.lend(context.tx, task, now=context.now)


def _nobody_words(task: RotaTask) -> Text:
    return T(
        "I have found nobody just now who learns it beside you: {task}. Its next shifts have a seat to learn it, which "
        "anybody can take in {shifts}.",
        task=task.called,
        shifts=SHIFTS,
    )


# --- what only one can do --------------------------------------------------------------------------------------------


@router.command("fair_week", allow=Authority.CLOCK, typed=False, help=T("How fairly work is shared is looked at."))
async def fair_week(context: Context) -> None:
    """Keep the week's figures; lend a seat to what only one can do, ask who learns it; end what is not needed."""
    standing = await _standing(context)
    await _week(context, standing)
    lone = await _lone(context, standing)
    await _learnt_some(context)
    new = [(task, member) for task, member in lone if await fair.lend(context.tx, task, now=context.now)]
    for task, member in new:
        await context.nudge(
            member,
            lines(
                T("Only you can do: {task}. That must not hang on you alone.", task=task.called),
                T("Its next shifts have a seat to learn it beside you, and I ask in private who would like to."),
            ),
            key=f"lone:{task.id}",
        )
    if new:
        await context.announce(
            _lent_words([task for task, _ in new]), buttons=((all_shifts(context.commands),),), routine=True
        )
    lent = await fair.lent(context.tx, context.committee.id)
    open_ = [one for one in await _all_understudies(context) if one.said in ("asked", "yes")]
    for task, member in lone:
        if task.id in lent and not any(one.task_id == task.id for one in open_):
            await _ask_next(context, standing, task, member)
    await _end_lending(context, standing, {task.id for task, _ in lone})


def _lent_words(tasks: Sequence[RotaTask]) -> Text:
    return T(
        "Only one of you can do: {tasks}. That is much for one, so the next shifts have a seat to learn it.",
        tasks=Listed(tuple(one.called for one in tasks)),
    )


async def _all_understudies(context: Context) -> list[Understudy]:
    return await fair.understudies(context.tx, context.committee.id, since=context.now - retention.UNDERSTUDIES)


async def _end_lending(context: Context, standing: _Standing, lone: set[int]) -> None:
    """A lent seat goes when it is not one alone who can do it, and nobody is learning it."""
    learning = set()
    for one in await _all_understudies(context):
        who = await people.member_now(context.tx, context.committee.id, one.member_id)
        if one.said in ("asked", "yes") and who is not None and who.active:
            learning.add(one.task_id)
    done = await fair.doers(context.tx, context.committee.id, standing.since)
    able = []
    for id_, since in (await fair.lent(context.tx, context.committee.id)).items():
        task = standing.tasks.get(str(id_))
        if task is None or id_ in lone or id_ in learning or context.now - since < LENT_LEAST:
            continue
        await fair.end_lending(context.tx, task, now=context.now)
        skilled = [one for one in standing.instance.members if task.skill_key in one.skills]
        if len(skilled if task.skill is not None else done.get(str(id_), {})) > 1:
            able.append(task)
    if able:
        tasks = Listed(tuple(one.called for one in able))
        await context.announce(
            T("More than one of you can do it now: {tasks}. The seat to learn it is not needed any more.", tasks=tasks),
            routine=True,
        )


async def _learnt_some(context: Context) -> None:
    """Whoever has the skill now has learnt it; what needs none, whoever has been beside somebody a few times."""
    for one in await _all_understudies(context):
        task = await shifts.task(context.tx, context.committee.id, one.task_id)
        if one.said != "yes" or task is None:
            continue
        if task.skill is None:
            able = await fair.times_beside(context.tx, one) >= fair.LEARNT_AFTER
        else:
            skill = await availability.skill_called(context.tx, context.committee.id, task.skill.text)
            able = skill is not None and one.member_id in await availability.holders(context.tx, skill.id)
        if able:
            await fair.say(context.tx, one.id, "over", was="yes")


# --- what waits, and what the group hears ----------------------------------------------------------------------------


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """What somebody is asked to learn."""
    todo: list[Todo] = []
    for one in await _all_understudies(context):
        if one.said != "asked" or one.member_id != context.member.id:
            continue
        task = await shifts.task(context.tx, context.committee.id, one.task_id)
        beside = await people.member_now(context.tx, context.committee.id, one.beside_id)
        if task is not None and task.listed and beside is not None and beside.active:
            buttons = _answers(one.id, context.member)
            todo.append(Todo(words=_asks(task, beside), buttons=buttons, by=one.at + ANSWER_WITHIN))
    return todo


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """That a seat was lent to what only one can do: told once."""
    lent = await fair.lent(context.tx, context.committee.id)
    if not any(at >= since.at for at in lent.values()):
        return []
    lone = await _lone(context, await _standing(context))
    new = [task for task, _ in lone if task.id in lent and lent[task.id] >= since.at]
    return [Todo(words=_lent_words(new), buttons=(all_shifts(context.commands),))] if new else []
