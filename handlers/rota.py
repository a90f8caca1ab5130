"""Planning the rota: who is asked to do what, why they are, and what another rule would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from bot import calculations
from bot.arguments import Found, Kind, Number, OnOff, Reading, Reference, Word, choice
from bot.chat import Button, Card, Link, Reply
from bot.domain import chain, planning, snapshots
from bot.domain.planning import Had, News, Term, Wanted
from bot.domain.recurrence import instant
from bot.domain.rotation import Instance, stage_of
from bot.router import Asks, Authority, Context, Router, Telling
from bot.shifts import NONE, SHIFTS, TASKS, all_shifts, giving, named, shift_words, swapping, wall
from bot.text import Bold, Listed, Minutes, N, Percent, Refusal, T, Text, Typed, Words, lines
from storage import computations, due, entries, people, plans, rotas, rules, shifts
from storage.database import Transaction
from storage.people import Committee, Member
from storage.plans import Plan
from storage.shifts import Seat, Shift

router = Router("rota", title=T("Rota"))

ATTEMPTS_MAX = 3
"""So often a plan is made while what it depends on changes; then whoever asked has to ask again."""
INLINE_MAX = 30
"""With more members than this nobody waits here for a “why me”."""
SHIFTS_TOLD_MAX = 10
TASKS_TOLD_MAX = 4
TOLD_MAX = 8
BUTTONS_MAX = 3
PAGE = 8
WEEKLY_RULE = "rota_weekly"
WEEKLY_AT = time(8)
"""On Mondays by the committee's clock, after the night has made the new week's shifts."""
NEXT = Typed("/rota", T("next 8 weeks"))
_TITLE = Bold(T("Rota"))
_EXAMPLES = Listed(
    (
        NEXT,
        Typed("/rota", T("try window 16 weeks")),
        Typed("/rota", "verify"),
        Typed("/rota", "weekly off"),
    )
)


# --- what can be said --------------------------------------------------------------------------------------------


def _unclear(unclear: planning.Unclear) -> Refusal:
    match unclear.about:
        case "weeks":
            return Refusal(T("I can plan 1 to {n} weeks ahead: {example}", n=planning.WEEKS_MAX, example=NEXT))
        case "window":
            return Refusal(
                T("1 to 52 weeks can count: {example}", example=Typed("/rota", T("try window 16 weeks"))),
            )
        case "stretch":
            return Refusal(
                T("From 100% to 300% of the agreed hours: {example}", example=Typed("/rota", "try stretch 120%"))
            )
        case "empowerment":
            return Refusal(
                T("From 1% to 200% of the weight of burden: {example}", example=Typed("/rota", "try empowerment 100%"))
            )
        case _:
            return Refusal(
                lines(
                    T("I do not understand what you want of the rota."),
                    T("Write it like one of these: {examples}.", examples=_EXAMPLES),
                )
            )


class _WantedKind(Kind[Wanted]):
    """What is wanted of the rota."""

    fixed = True
    expected = T("what you want of the rota, like {example}", example=Typed(T("next 8 weeks")))
    example: str | Text = T("next 8 weeks")
    _adapter: TypeAdapter[Wanted] = TypeAdapter(Wanted)

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Wanted] | None:
        if not words:
            return None
        try:
            return Found(planning.read_wanted([word.text for word in words]), len(words))
        except planning.Unclear as unclear:
            raise _unclear(unclear) from unclear

    def dump(self, value: Wanted) -> dict[str, str | int]:
        return {"what": value.what, "number": value.number, "term": value.term}

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Wanted:
        return self._adapter.validate_python(data)


class _FigureKind(Kind[int]):
    """The number of a term: weeks or per cent."""

    fixed = True
    question = T("How many? Choose, or write it.")
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, ge=1, le=1000)])

    def __init__(self, term: Term, example: str | Text, expected: Text, offers: Sequence[int]) -> None:
        self._term: Term = term
        self.example, self.expected, self._offers = example, expected, offers

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[int] | None:
        if not words:
            return None
        try:
            return Found(planning.read_term(self._term, [word.text for word in words]), len(words))
        except planning.Unclear as unclear:
            raise _unclear(unclear) from unclear

    def dump(self, value: int) -> int:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> int:
        number = self._adapter.validate_python(data)
        if number not in planning.TERM_RANGES[self._term]:
            raise ValueError("out of range")
        return number

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, int]]:
        return [(_figure_words(self._term, number), number) for number in self._offers]


_Wanted = Annotated[Wanted, _WantedKind()]
_Window = Annotated[
    int,
    _FigureKind(
        "window", T("16 weeks"), T("how many weeks, like {example}", example=Typed(T("16 weeks"))), (4, 8, 16, 26)
    ),
]
_Stretch = Annotated[
    int,
    _FigureKind("stretch", "150%", T("how many per cent, like {example}", example=Typed("150%")), (100, 120, 150, 200)),
]
_Empowerment = Annotated[
    int,
    _FigureKind("empowerment", "70%", T("how many per cent, like {example}", example=Typed("70%")), (30, 70, 100)),
]
_TERM = choice(*planning.TERMS, expected=T("what is decided of the rota"))


def _figure_words(term: Term, number: int) -> Text:
    if term == "window":
        return N("{n} week", "{n} weeks", number)
    return Text("{part}", values={"part": Percent(number * 100)})


# --- what is planned ---------------------------------------------------------------------------------------------


@router.command(
    "rota",
    allow=Authority.MEMBER,
    label=T("Rota"),
    help=T("What is planned, and why seats are empty. Organizers plan: {next}", next=NEXT),
)
async def rota(context: Context, *, wanted: _Wanted | None = None) -> Reply | Card | None:
    """Shown, planned, tried or checked."""
    if wanted is None:
        return await _overview(context)
    match wanted.what:
        case "next":
            says = rota_next.says(weeks=wanted.number)
        case "try":
            says = rota_try.says(term=wanted.term, number=wanted.number)
        case "verify":
            says = rota_verify.says()
        case _:
            says = rota_weekly.says(switch="on" if wanted.number else "off")
    return await context.say(says, authority=context.authority)


async def _overview(context: Context) -> Reply:
    there = await shifts.within(context.tx, context.committee.id, context.now, _end(context, planning.WEEKS_MAX))
    if not there:
        return Reply(await _nothing(context))
    plan = await plans.last(context.tx, context.committee.id)
    soon = [one for one in there if one.at < _end(context, 2)]
    told: list[Words] = [T("{title}", title=_TITLE)]
    if plan is None:
        told.append(T("Nothing is planned yet: seats are taken freely. Who organizes can plan: {next}", next=NEXT))
    else:
        told.append(T("Planned until {day}, last on {at}.", day=plan.until, at=_day(context, plan.at)))
    told += [shift_words(one) for one in soon[:SHIFTS_TOLD_MAX]]
    if len(soon) > SHIFTS_TOLD_MAX:
        told.append(N("and {n} more", "and {n} more", len(soon) - SHIFTS_TOLD_MAX))
    later = sum(one.lacking for one in there if one.at >= _end(context, 2))
    lacking = sum(one.lacking for one in soon)
    if lacking:
        told.append(N("{n} seat is open in these two weeks.", "{n} seats are open in these two weeks.", lacking))
    if later:
        told.append(N("{n} seat is open later.", "{n} seats are open later.", later))
    if plan is not None:
        told += _nobody(plan, there)
        if await rules.get(context.tx, context.committee.id, WEEKLY_RULE, "on") == "on":
            told.append(T("I go on with it every Monday. To stop that: {off}", off=Typed("/rota", "weekly off")))
    first: list[Button | Link] = [all_shifts(context.commands)]
    if plan is not None:
        first.append(Button(label=T("What has changed"), says=rota_changes.says()))
    rows: list[tuple[Button | Link, ...]] = [tuple(first)]
    if "organizer" in context.roles:
        rows.append((Button(label=T("Plan the next 8 weeks"), says=rota_next.says(weeks=planning.WEEKS_MAX)),))
    if plan is not None:
        rows.append((Button(label=T("Is the plan right?"), says=rota_verify.says()),))
    return Reply(lines(*told), buttons=tuple(rows))


def _end(context: Context, weeks: int) -> datetime:
    """The instant at which so many weeks end, from the Monday of this week on."""
    first = rotas.first_day(context.committee, now=context.now)
    return instant(datetime.combine(first + timedelta(weeks=weeks), time()), context.committee.zone)


def _day(context: Context, at: datetime) -> date:
    return at.astimezone(context.committee.zone).date()


def _nobody(plan: Plan, there: Sequence[Shift]) -> list[Words]:
    """Which seats nobody could take when it was planned, why, and what would help: by task."""
    open_ = {str(seat.id): one for one in there for seat in one.seats if seat.holder is None}
    found: dict[int, list[tuple[Shift, Mapping[str, Any]]]] = {}
    for empty in plan.empty:
        shift = open_.get(empty["seat"])
        if shift is not None:
            found.setdefault(shift.task.id, []).append((shift, empty))
    told: list[Words] = []
    for seats in list(found.values())[:TASKS_TOLD_MAX]:
        shift, empty = seats[0]
        why = Listed(tuple(_reason_words(reason, count) for reason, count in empty["reasons"]))
        told.append(
            N(
                "{task}: nobody can take {n} seat: {why}.",
                "{task}: nobody can take {n} seats; the first, because {why}.",
                len(seats),
                task=shift.task.called,
                why=why,
            )
        )
        told.append(_help_words(empty["main"]))
    return told


def _reason_words(reason: str | None, n: int) -> Text:
    match reason:
        case "skill":
            return N("{n} lacks the skill", "{n} lack the skill", n)
        case "not learning":
            return N("{n} is not learning it", "{n} are not learning it", n)
        case "not here":
            return N("{n} is not a member then", "{n} are not members then", n)
        case "no share":
            return N("{n} takes no shifts", "{n} take no shifts", n)
        case "away":
            return N("{n} is away", "{n} are away", n)
        case "unavailable":
            return N("{n} has no time then", "{n} have no time then", n)
        case "busy":
            return N("{n} has another shift then", "{n} have another shift then", n)
        case "hours":
            return N("{n} has enough hours already", "{n} have enough hours already", n)
        case "week" | "task":
            return N("{n} has enough for now", "{n} have enough for now", n)
        case "cool-down":
            return N("{n} has a break from it", "{n} have a break from it", n)
        case _:
            return N("{n} cannot", "{n} cannot", n)


def _help_words(main: str | None) -> Text:
    """What would help, by what stands in the way most."""
    match main:
        case "skill" | "not learning":
            return T("What would help: somebody learns it ({learn}).", learn=Typed("/learn"))
        case "hours" | "no share":
            return T(
                "What would help: more agreed hours ({capacity}), or fewer people on a shift ({change}).",
                capacity=Typed("/capacity"),
                change=Typed("/task_change"),
            )
        case None:
            return T(
                "What would help: ask who can after all, or fewer people on a shift ({change}).",
                change=Typed("/task_change"),
            )
        case _:
            return T(
                "What would help: another time, or fewer people on a shift ({change}).", change=Typed("/task_change")
            )


# --- planning ----------------------------------------------------------------------------------------------------


@router.command(
    "rota_next", allow=Authority.ORGANIZER, typed=False, help=T("Plan so many weeks from this week's Monday on.")
)
async def rota_next(context: Context, *, weeks: Number) -> Reply:
    """The answer comes at once, the plan as soon as it is made; until then nothing changes."""
    if weeks > planning.WEEKS_MAX:
        raise _unclear(planning.Unclear("weeks"))
    if await computations.under_way(context.tx, context.committee.id, rota_planned.name):
        return Reply(T("I am planning already. Then I say what has come of it."))
    await _want(context, weeks=weeks, attempt=1, who=context.member)
    goes_on = None
    if await rules.get(context.tx, context.committee.id, WEEKLY_RULE) is None:
        await rules.put(context.tx, context.committee.id, WEEKLY_RULE, "on")
        await _plan_weekly(context)
        goes_on = T("From now on I go on with it every Monday. To stop that: {off}", off=Typed("/rota", "weekly off"))
    return Reply(
        lines(N("I am planning {n} week. One moment.", "I am planning {n} weeks. One moment.", weeks), goes_on)
    )


async def _nothing(context: Context) -> Text:
    """Why there is nothing to plan."""
    if await shifts.tasks(context.tx, context.committee.id):
        return T("There is no shift in that time. {tasks} shows the tasks.", tasks=TASKS)
    return NONE


async def _want(context: Context, *, weeks: int, attempt: int, who: Member | None) -> None:
    """Have it planned. Raises Refusal where there is nothing to plan."""
    facts = await rotas.instance(context.tx, context.committee, now=context.now, weeks=weeks)
    if not facts.seats:
        raise Refusal(await _nothing(context))
    asked = {} if who is None else {"who": who.id}
    says = rota_planned.says(weeks=weeks, attempt=attempt, **asked)
    await computations.want(context.tx, context.committee.id, "plan", snapshots.snapshot(facts), says, now=context.now)


@router.command("rota_planned", allow=Authority.CLOCK, typed=False, help=T("A plan is made."))
async def rota_planned(
    context: Context,
    *,
    weeks: Number,
    attempt: Number,
    who: Reference | None = None,
    computation: Reference | None = None,
) -> None:
    """It is published if what it depends on is still the same; else it is made again."""
    asker = None if who is None else await people.member_now(context.tx, context.committee.id, who)
    found = await computations.computed(context.tx, context.committee.id, computation or 0)
    facts = await rotas.instance(context.tx, context.committee, now=context.now, weeks=weeks)
    if not facts.seats:
        await _tell_organizers(context, asker, await _nothing(context))
    elif found is None or found.hash != computations.hash_of(snapshots.snapshot(facts)):
        if attempt < ATTEMPTS_MAX:
            await _want(context, weeks=weeks, attempt=attempt + 1, who=asker)
            return
        await _tell_organizers(
            context,
            asker,
            T(
                "While I was planning, things changed again and again. Nothing is planned; ask me again: {next}",
                next=NEXT,
            ),
        )
    elif found.result is None:
        await _tell_organizers(
            context,
            asker,
            T("I could not plan: something is wrong with me. Nothing has changed. Tell whoever runs me."),
        )
    else:
        await _publish(context, facts, found.result, weeks=weeks, asker=asker)


async def _tell_organizers(context: Context, asker: Member | None, words: Words) -> None:
    """Tell whoever asked; where nobody did, everybody who organizes."""
    for one in [asker] if asker is not None else await people.organizers(context.tx, context.committee.id):
        await context.tell(one, words)


async def _publish(
    context: Context, facts: Instance, result: Mapping[str, Any], *, weeks: int, asker: Member | None
) -> None:
    """Give and take the seats, write it down, and tell those whom it concerns, each once."""
    places = await _places(context, weeks)
    before = _before(facts)
    after = await _carry_out(context, facts, result["changes"], places, before)
    until = facts.start + timedelta(weeks=weeks, days=-1)
    open_ = len(facts.seats) - len(after)
    counts = planning.counted(result["changes"])
    body: dict[str, Any] = {
        "rota": result["hash"],
        "method": snapshots.METHOD,
        "until": until.isoformat(),
        "seats": len(facts.seats),
        "open": open_,
        "changes": dict(counts),
        "member": None if asker is None else asker.id,
    }
    entry = await entries.append(context.tx, context.committee, "rota", body, now=context.now)
    plan = Plan(
        entry=entry.number,
        at=context.now,
        until=until,
        weeks=weeks,
        method=snapshots.METHOD,
        hash=result["hash"],
        snapshot=snapshots.snapshot(facts),
        holders=result["holders"],
        empty=result["empty"],
        changes=result["changes"],
    )
    await plans.put(context.tx, context.committee.id, plan)
    whys = {one["seat"]: one["why"] for one in result["changes"]}
    concerned = planning.news(before, after, list(places))
    await _tell_news(context, concerned, places, whys)
    if asker is None and not counts and not concerned:
        return
    await context.announce(_line(len(after), open_, until), buttons=((all_shifts(context.commands),),))
    if asker is not None:
        more = (Button(label=T("What has changed"), says=rota_changes.says()), all_shifts(context.commands))
        there = list({one.id: one for one, _ in (await _places(context, weeks)).values()}.values())
        words = lines(_line(len(after), open_, until), *_counts_words(counts), *_nobody(plan, there))
        await context.tell(asker, words, buttons=(more,) if counts else ())


Places = Mapping[str, tuple[Shift, Seat]]
"""Seats by their ids as text, each with its shift, earliest first."""


async def _places(context: Context, weeks: int) -> Places:
    there = await shifts.within(context.tx, context.committee.id, context.now, _end(context, weeks))
    return {str(seat.id): (one, seat) for one in there for seat in one.seats}


def _before(facts: Instance) -> dict[str, Had]:
    return {one.seat: Had(member=one.member, stage=one.stage) for one in facts.held}


async def _tell_news(context: Context, concerned: Mapping[str, News], places: Places, whys: Mapping[str, str]) -> None:
    """Each member whom a plan concerns hears of it in private, in one message."""
    for member_id, news in concerned.items():
        member = await people.member_now(context.tx, context.committee.id, int(member_id))
        if member is not None and member.active:
            await context.tell(member, _news_words(news, places, whys), buttons=_news_buttons(context, news, places))


async def _carry_out(
    context: Context,
    facts: Instance,
    changes: Sequence[Mapping[str, Any]],
    places: Places,
    before: Mapping[str, Had],
) -> dict[str, Had]:
    """Who has which seat afterwards, and how settled it is. What has begun stays as it is."""
    after = dict(before)
    for change in changes:
        shift, seat = places[change["seat"]]
        if shift.until is None and shift.at <= context.now:
            continue
        if seat.holder is not None:
            await shifts.move_away(context.tx, seat.holder, shift)
            after.pop(change["seat"], None)
        if change["after"] is None:
            continue
        member = await people.member_now(context.tx, context.committee.id, int(change["after"]))
        assert member is not None
        stage = stage_of(shift.local.date(), start=facts.start, terms=facts.terms)
        given = await shifts.assign(context.tx, seat, member, stage=stage, agreed=False, now=context.now)
        if given is not None:
            after[change["seat"]] = Had(member=change["after"], stage=stage)
    for seat_id, had in list(after.items()):
        shift, seat = places[seat_id]
        stage = planning.settled(had.stage, shift.local.date(), start=facts.start, terms=facts.terms)
        if had == before.get(seat_id) and stage != had.stage and seat.holder is not None:
            await shifts.settle_stage(context.tx, seat.holder, stage=stage, agreed=seat.holder.agreed)
            after[seat_id] = replace(had, stage=stage)
    return after


def _line(taken: int, open_: int, until: date) -> Text:
    if not open_:
        return T("The rota is planned until {day}: every seat has somebody. {shifts}", day=until, shifts=SHIFTS)
    return N(
        "The rota is planned until {day}: {taken} seats have somebody, {n} is open. {shifts}",
        "The rota is planned until {day}: {taken} seats have somebody, {n} are open. {shifts}",
        open_,
        day=until,
        taken=taken,
        shifts=SHIFTS,
    )


def _counts_words(counts: Mapping[str, int]) -> list[Words]:
    told: list[Words] = []
    if n := counts.get("filled"):
        told.append(N("{n} seat was open and has somebody now.", "{n} seats were open and have somebody now.", n))
    if n := counts.get("freed"):
        told.append(
            N("{n} seat could not stay with whoever had it.", "{n} seats could not stay with those who had them.", n)
        )
    if n := counts.get("made room"):
        told.append(
            N(
                "{n} seat changed hands so that another one has somebody.",
                "{n} seats changed hands so that others have somebody.",
                n,
            )
        )
    if n := counts.get("fairer"):
        told.append(
            N(
                "{n} seat changed hands so that it is shared more evenly.",
                "{n} seats changed hands so that it is shared more evenly.",
                n,
            )
        )
    return told


def _news_words(news: News, places: Places, whys: Mapping[str, str]) -> Words:
    """What one member hears of a plan: one message."""
    told: list[Words] = []
    if news.got:
        told.append(T("The rota has shifts for you:"))
        told += [_seat_words(*places[seat]) for seat in news.got[:TOLD_MAX]]
        if len(news.got) > TOLD_MAX:
            told.append(N("and {n} more", "and {n} more", len(news.got) - TOLD_MAX))
    if news.lost:
        told.append(T("Not yours any more:"))
        told += [_lost_words(places[seat][0], whys.get(seat)) for seat in news.lost[:TOLD_MAX]]
        if len(news.lost) > TOLD_MAX:
            told.append(N("and {n} more", "and {n} more", len(news.lost) - TOLD_MAX))
    if news.got:
        told.append(T("If you cannot, one tap is enough; nobody asks why."))
    return lines(*told)


def _seat_words(shift: Shift, seat: Seat) -> Text:
    return T("{shift} (to learn it)", shift=named(shift)) if seat.trainee else named(shift)


def _lost_words(shift: Shift, why: str | None) -> Text:
    match why:
        case "made room":
            return T("{shift}, so that another seat has somebody", shift=named(shift))
        case "fairer":
            return T("{shift}, so that it is shared more evenly", shift=named(shift))
        case _:
            return T("{shift}, as you cannot then", shift=named(shift))


def _news_buttons(context: Context, news: News, places: Places) -> tuple[tuple[Button | Link, ...], ...]:
    """For each shift, where they are few, that one cannot; and why it is one's own."""
    rows: list[tuple[Button | Link, ...]] = []
    if len(news.got) <= BUTTONS_MAX:
        for seat in news.got:
            shift = places[seat][0]
            rows += [(giving(context.commands, shift),)]
    if len(news.got) == 1:
        shift = places[news.got[0]][0]
        rows[0] = (giving(context.commands, shift, alone=True), swapping(context.commands, shift, alone=True))
    mine = context.commands.named("my_shifts")
    why = (Button(label=T("Why me?"), says=_asking_why(context, [places[seat][0] for seat in news.got])),)
    return (*rows, (*(why if news.got else ()), Button(label=T("My shifts"), says=mine.says())))


def _asking_why(context: Context, of: Sequence[Shift]) -> Any:
    return rota_why.says(shift=of[0].id) if len(of) == 1 else context.commands.asking(rota_why.says())


@router.entry("rota")
async def rota_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """That the rota was planned, until when, how much of it is open, and by which fingerprint it is known."""
    day, open_ = date.fromisoformat(body["until"]), body["open"]
    if body["member"] is None:
        return N(
            "The rota was planned until {day}; {n} seat is open. ({hash})",
            "The rota was planned until {day}; {n} seats are open. ({hash})",
            open_,
            day=day,
            hash=chain.fingerprint(body["rota"]),
        )
    return N(
        "{name} had the rota planned until {day}; {n} seat is open. ({hash})",
        "{name} had the rota planned until {day}; {n} seats are open. ({hash})",
        open_,
        name=await telling.name(body["member"]),
        day=day,
        hash=chain.fingerprint(body["rota"]),
    )


@router.command(
    "rota_changes",
    allow=Authority.MEMBER,
    typed=False,
    help=T("What the last plan has changed, and why."),
    in_place=True,
    repeatable=True,
)
async def rota_changes(context: Context, *, after: Number | None = None) -> Reply:
    """Every seat that has somebody else, or somebody at all; those that changed hands first, a page at a time."""
    plan = await plans.last(context.tx, context.committee.id)
    if plan is None:
        raise Refusal(T("Nothing is planned yet. Who organizes can plan: {next}", next=NEXT), private=True)
    begin = after or 0
    ordered = sorted(plan.changes, key=lambda one: one["why"] == "filled")
    told = [await _change_words(context, one) for one in ordered[begin : begin + PAGE]]
    left = len(ordered) - begin - PAGE
    more = Button(label=T("More ({n})", n=left), says=rota_changes.says(after=begin + PAGE))
    return Reply(
        lines(T("What the plan of {day} has changed:", day=_day(context, plan.at)), *told)
        if told
        else T("The plan of {day} has changed nothing.", day=_day(context, plan.at)),
        buttons=((more,),) if left > 0 else (),
        private=True,
    )


async def _change_words(context: Context, change: Mapping[str, Any]) -> Text:
    found = await shifts.on_seat(context.tx, context.committee.id, int(change["seat"]))
    called = T("a shift that is gone") if found is None else named(found[1])
    names = {name: await _name(context, change[name]) for name in ("before", "after")}
    if change["before"] is None:
        return T("{shift}: {after}", shift=called, after=names["after"])
    if change["after"] is None:
        return T("{shift}: open, {before} cannot any more", shift=called, before=names["before"])
    match change["why"]:
        case "made room":
            return T("{shift}: {after} for {before}, so that another seat has somebody", shift=called, **names)
        case "fairer":
            return T("{shift}: {after} for {before}, so that it is shared more evenly", shift=called, **names)
        case _:
            return T("{shift}: {after} for {before}, who cannot any more", shift=called, **names)


async def _name(context: Context, member_id: str | None) -> str:
    found = None if member_id is None else await people.member_now(context.tx, context.committee.id, int(member_id))
    return "" if found is None else found.name


# --- week after week ---------------------------------------------------------------------------------------------


async def _plan_weekly(context: Context) -> None:
    today = wall(context).date()
    monday = today + timedelta(days=7 - today.weekday())
    await due.plan(
        context.tx,
        f"planning:{context.committee.id}",
        rota_week.says(),
        local=datetime.combine(monday, WEEKLY_AT),
        zone=context.committee.zone,
        committee=context.committee.id,
        late="do",
        rrule="FREQ=WEEKLY",
        move=False,
    )


@router.command("rota_week", allow=Authority.CLOCK, typed=False, help=T("A new week of the rota begins."))
async def rota_week(context: Context) -> None:
    """What comes near is settled, the new week is planned, and open seats are filled: as far ahead as before.

    Where the committee does not want that, drafts that come near are settled all the same: so whoever has one hears it.
    """
    if await rules.get(context.tx, context.committee.id, WEEKLY_RULE, "on") == "off":
        facts = await rotas.instance(context.tx, context.committee, now=context.now)
        places = await _places(context, planning.WEEKS_MAX)
        before = _before(facts)
        after = await _carry_out(context, facts, (), places, before)
        await _tell_news(context, planning.news(before, after, list(places)), places, {})
        return
    if await computations.under_way(context.tx, context.committee.id, rota_planned.name):
        return
    plan = await plans.last(context.tx, context.committee.id)
    await _want(context, weeks=planning.WEEKS_MAX if plan is None else plan.weeks, attempt=1, who=None)


@router.command(
    "rota_weekly",
    allow=Authority.ORGANIZER,
    typed=False,
    help=T("Whether the rota is planned on every Monday: {on} or {off}.", on=Typed("on"), off=Typed("off")),
)
async def rota_weekly(context: Context, *, switch: OnOff) -> Reply:
    """Who has a seat keeps it, either way."""
    await entries.decide_rule(context.tx, context.committee, WEEKLY_RULE, switch, now=context.now)
    await _plan_weekly(context)
    return Reply(_weekly_words(switch))


def _weekly_words(switch: str) -> Text:
    if switch == "on":
        return T("The rota is planned on every Monday.")
    return T("The rota is not planned by itself any more. Who has a seat keeps it.")


@router.entry("rule", "rota_weekly", about="rules")
async def weekly_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Whether the rota goes on by itself."""
    return _weekly_words(body["rota_weekly"])


# --- is it right? ------------------------------------------------------------------------------------------------


@router.command(
    "rota_verify",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Have the last plan made again, and see whether it is the same."),
)
async def rota_verify(context: Context) -> Reply:
    """From what it was made from, by the same rules; nobody sees what that holds."""
    plan = await plans.last(context.tx, context.committee.id)
    if plan is None:
        raise Refusal(T("Nothing is planned yet. Who organizes can plan: {next}", next=NEXT))
    if plan.snapshot is None:
        raise Refusal(
            T(
                "What the plan of {day} was made from is erased: somebody is forgotten, or it was long ago. "
                "The next plan can be checked again.",
                day=_day(context, plan.at),
            )
        )
    if plan.method != snapshots.METHOD:
        raise Refusal(
            T(
                "The plan of {day} was made by older rules of planning. The next plan can be checked again.",
                day=_day(context, plan.at),
            )
        )
    if await computations.under_way(context.tx, context.committee.id, rota_verified.name):
        return Reply(T("I am checking already. One moment."))
    says = rota_verified.says(who=context.member.id, entry=plan.entry, everybody=_in_group(context))
    body = {"snapshot": plan.snapshot, "holders": plan.holders}
    await computations.want(context.tx, context.committee.id, "verify", body, says, now=context.now)
    return Reply(T("I make the plan of {day} once more and compare. One moment.", day=_day(context, plan.at)))


def _in_group(context: Context) -> str:
    return "off" if context.in_private else "on"


@router.command("rota_verified", allow=Authority.CLOCK, typed=False, help=T("A plan is made once more."))
async def rota_verified(
    context: Context,
    *,
    who: Reference,
    entry: Number,
    everybody: OnOff,
    computation: Reference | None = None,
) -> None:
    """Whether it is the plan whose hash stands in the log."""
    found = await computations.computed(context.tx, context.committee.id, computation or 0)
    noted = await entries.since(context.tx, context.committee.id, entry - 1, "rota", limit=1)
    if found is None or not noted:
        return
    hash_, until = noted[0][1]["rota"], date.fromisoformat(noted[0][1]["until"])
    result = found.result or {}
    if result.get("again") == hash_ and result.get("kept") == hash_:
        words: Words = lines(
            T("The plan until {day} is the one that the rules give.", day=until),
            T("Its fingerprint, as in {log}: {hash}", log=Typed("/log"), hash=chain.fingerprint(hash_)),
        )
    else:
        words = lines(
            T("The plan until {day} is NOT the one that the rules give: somebody has changed what I keep.", day=until),
            T("In {log} it is {hash}. Plan again: {next}", log=Typed("/log"), hash=chain.fingerprint(hash_), next=NEXT),
        )
    await _answer(context, who, words, everybody)


async def _answer(context: Context, who: int, words: Words, everybody: str) -> None:
    """Say it where it was asked."""
    if everybody == "on":
        await context.announce(words)
        return
    member = await people.member_now(context.tx, context.committee.id, who)
    if member is not None:
        await context.tell(member, words)


# --- what would be otherwise -------------------------------------------------------------------------------------


@router.command(
    "rota_try",
    allow=Authority.MEMBER,
    typed=False,
    help=T("What another rule would change in the rota, before it is decided."),
)
async def rota_try(context: Context, *, term: Annotated[str, _TERM], number: Number) -> Reply:
    """Nothing is changed by asking."""
    wanted = _term(term)
    if number not in planning.TERM_RANGES[wanted]:
        raise _unclear(planning.Unclear(wanted))
    terms = await rotas.terms(context.tx, context.committee.id)
    if planning.term_of(terms, wanted) == number:
        raise Refusal(T("That is how it is now: {figure}.", figure=_figure_words(wanted, number)))
    if await computations.under_way(context.tx, context.committee.id, rota_tried.name):
        return Reply(T("I am trying something out already. One moment."))
    now_, then = [
        await rotas.instance(context.tx, context.committee, now=context.now, terms_=one)
        for one in (terms, planning.with_term(terms, wanted, number))
    ]
    if not now_.seats:
        raise Refusal(await _nothing(context))
    body = {"now": snapshots.snapshot(now_), "then": snapshots.snapshot(then)}
    says = rota_tried.says(term=term, number=number, who=context.member.id, everybody=_in_group(context))
    await computations.want(context.tx, context.committee.id, "compare", body, says, now=context.now)
    return Reply(T("I am trying it out. One moment; nothing is changed by it."))


def _term(word: str) -> Term:
    return next(one for one in planning.TERMS if one == word)


@router.command("rota_tried", allow=Authority.CLOCK, typed=False, help=T("What another rule would change."))
async def rota_tried(
    context: Context,
    *,
    term: Annotated[str, _TERM],
    number: Number,
    who: Reference,
    everybody: OnOff,
    computation: Reference | None = None,
) -> None:
    """In the group by sums alone; whoever asked hears in private which of their own seats would change."""
    found = await computations.computed(context.tx, context.committee.id, computation or 0)
    asker = await people.member_now(context.tx, context.committee.id, who)
    if found is None or found.result is None:
        if asker is not None:
            await context.tell(asker, T("I could not try it out. Ask again: {rota}", rota=Typed("/rota")))
        return
    now_, then = found.result["now"], found.result["then"]
    n = planning.otherwise(now_["holders"], then["holders"])
    words = lines(
        _tried_words(_term(term), number),
        _even_words(T("Burden"), then["burden"], now_["burden"]),
        _even_words(T("Learning and deciding"), then["empowerment"], now_["empowerment"]),
        T("Open seats: {n} (now {now})", n=then["empty"], now=now_["empty"])
        if then["empty"] or now_["empty"]
        else None,
        N("{n} seat would have somebody else.", "{n} seats would have somebody else.", n)
        if n
        else T("No seat would have somebody else."),
        T("Nothing has changed."),
    )
    propose = Button(label=T("Propose it"), says=_DECIDES[_term(term)](number))
    if everybody == "on":
        await context.announce(words, buttons=((propose,),))
    if asker is None:
        return
    own = await _own_words(context, planning.own_changes(now_["holders"], then["holders"], str(asker.id)))
    if everybody == "on":
        await context.tell(asker, own)
    else:
        await context.tell(asker, lines(words, own), buttons=((propose,),))


def _tried_words(term: Term, number: int) -> Text:
    match term:
        case "window":
            return N("If the last {n} week counted:", "If the last {n} weeks counted:", number)
        case "stretch":
            return T("If at most {part} of the agreed hours were planned:", part=Percent(number * 100))
        case _:
            return T("If learning and deciding weighed {part} of burden:", part=Percent(number * 100))


def _even_words(what: Text, then: Sequence[int], now: Sequence[int]) -> Text:
    """In parts of what is due to each: whoever carries least, and whoever carries most."""
    least, most, least_now, most_now = (Percent((one + 5) // 10 * 100) for one in (*then, *now))
    if (least, most) == (least_now, most_now):
        return T(
            "{what}: as now, from {least} of the fair part (whoever has least) to {most} (whoever has most).",
            what=what,
            least=least,
            most=most,
        )
    return T(
        "{what}: from {least} of the fair part (whoever has least) to {most} (whoever has most); "
        "now {least_now} to {most_now}.",
        what=what,
        least=least,
        most=most,
        least_now=least_now,
        most_now=most_now,
    )


async def _own_words(context: Context, changes: tuple[Sequence[str], Sequence[str]]) -> Words:
    told: list[Words] = []
    for title, seats in zip((T("Yours would be:"), T("Not yours any more would be:")), changes, strict=True):
        found = [await shifts.on_seat(context.tx, context.committee.id, int(seat)) for seat in seats[:TOLD_MAX]]
        names = [named(one[1]) for one in found if one is not None]
        told += [title, *names] if names else []
    return lines(*told) if told else T("Your own shifts would stay as they are.")


# --- what the committee decides ----------------------------------------------------------------------------------


def _window_words(*, weeks: int) -> Text:
    return N(
        "The rota counts what was done in the last {n} week.",
        "The rota counts what was done in the last {n} weeks.",
        weeks,
    )


@router.command(
    "rota_window",
    allow=Authority.COMMITTEE,
    label=T("How far back the rota counts"),
    help=T("How many weeks back count, so that shifts are shared evenly."),
    asks={"weeks": Asks(T("How many weeks back shall count? Choose, or write it."))},
    proposal=_window_words,
)
async def rota_window(context: Context, *, weeks: _Window) -> Reply:
    """From the next plan on."""
    await entries.decide_rule(context.tx, context.committee, rotas.WINDOW_RULE, weeks, now=context.now)
    return Reply(_window_words(weeks=weeks))


def _stretch_words(*, part: int) -> Text:
    return T("For nobody more than {part} of their agreed hours is planned.", part=Percent(part * 100))


@router.command(
    "rota_stretch",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("How much of the agreed hours is planned for one at most."),
    proposal=_stretch_words,
)
async def rota_stretch(context: Context, *, part: _Stretch) -> Reply:
    """From the next plan on."""
    await entries.decide_rule(context.tx, context.committee, rotas.STRETCH_RULE, part, now=context.now)
    return Reply(_stretch_words(part=part))


def _empowerment_words(*, part: int) -> Text:
    return T("Learning and deciding weighs {part} of burden when shifts are shared.", part=Percent(part * 100))


@router.command(
    "rota_empowerment",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("How much learning and deciding weighs against burden when shifts are shared."),
    proposal=_empowerment_words,
)
async def rota_empowerment(context: Context, *, part: _Empowerment) -> Reply:
    """From the next plan on."""
    await entries.decide_rule(context.tx, context.committee, rotas.EMPOWERMENT_RULE, part, now=context.now)
    return Reply(_empowerment_words(part=part))


_DECIDES: Mapping[Term, Any] = {
    "window": lambda number: rota_window.says(weeks=number),
    "stretch": lambda number: rota_stretch.says(part=number),
    "empowerment": lambda number: rota_empowerment.says(part=number),
}


@router.entry("rule", rotas.WINDOW_RULE, rotas.STRETCH_RULE, rotas.EMPOWERMENT_RULE, about="rules")
async def term_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What was decided of the rota."""
    if rotas.WINDOW_RULE in body:
        return _window_words(weeks=body[rotas.WINDOW_RULE])
    if rotas.STRETCH_RULE in body:
        return _stretch_words(part=body[rotas.STRETCH_RULE])
    return _empowerment_words(part=body[rotas.EMPOWERMENT_RULE])


# --- why me? -----------------------------------------------------------------------------------------------------


async def _planned_for_me(context: Context) -> list[tuple[Text | str, int]]:
    own = await shifts.of_member(context.tx, context.member, since=context.now)
    return [(named(one), one.id) for one in own if _was_planned(context, one)]


def _was_planned(context: Context, shift: Shift) -> bool:
    holder = shift.of(context.member.id)
    return holder is not None and not holder.agreed and context.now < shift.at


@router.command(
    "rota_why",
    allow=Authority.MEMBER,
    typed=False,
    title=T("Why me?"),
    help=T("Why a shift is yours, who would be next, and what would change it."),
    asks={"shift": Asks(T("Which shift?"), _planned_for_me, T("No shift was planned for you."))},
)
async def rota_why(context: Context, *, shift: Reference) -> Reply:
    """By how things are now: what is due to them, what they have, and who else could."""
    found = await shifts.shift(context.tx, context.committee.id, shift)
    holder = None if found is None else found.of(context.member.id)
    if found is None or holder is None or found.end <= context.now:
        raise Refusal(T("That shift is not yours. {shifts} shows what there is.", shifts=SHIFTS), private=True)
    if holder.agreed:
        return Reply(T("You took it yourself: {shift}", shift=named(found)), private=True)
    facts = await rotas.instance(context.tx, context.committee, now=context.now)
    seat = str(holder.seat_id)
    if seat not in {one.id for one in facts.seats}:
        raise Refusal(T("That shift has begun: {shift}", shift=named(found)), private=True)
    holders = {one.seat: one.member for one in facts.held}
    # That it would cost something to move it now says nothing about why it came to be theirs.
    facts = replace(facts, held=tuple(one for one in facts.held if one.seat != seat))
    body = {"snapshot": snapshots.snapshot(facts), "holders": holders, "seat": seat}
    if len(facts.members) > INLINE_MAX:
        says = rota_why_found.says(shift=shift, who=context.member.id)
        await computations.want(context.tx, context.committee.id, "why", body, says, now=context.now)
        return Reply(T("I am looking it up. One moment."), private=True)
    until = facts.start + timedelta(days=facts.days - 1)
    words = await _why_words(context, found, calculations.why(body), until)
    return Reply(words, buttons=_why_buttons(context, found), private=True)


@router.command("rota_why_found", allow=Authority.CLOCK, typed=False, help=T("Why a shift is somebody's."))
async def rota_why_found(
    context: Context, *, shift: Reference, who: Reference, computation: Reference | None = None
) -> None:
    """The same, for many members."""
    computed = await computations.computed(context.tx, context.committee.id, computation or 0)
    member = await people.member_now(context.tx, context.committee.id, who)
    found = await shifts.shift(context.tx, context.committee.id, shift)
    if computed is None or computed.result is None or member is None or found is None:
        return
    facts = computed.body["snapshot"]
    until = date.fromisoformat(facts["start"]) + timedelta(days=facts["days"] - 1)
    words = await _why_words(context, found, computed.result, until)
    await context.tell(member, words, buttons=_why_buttons(context, found))


def _why_buttons(context: Context, shift: Shift) -> tuple[tuple[Button, ...], ...]:
    mine = context.commands.named("my_shifts")
    return ((giving(context.commands, shift, alone=True), Button(label=T("My shifts"), says=mine.says())),)


async def _why_words(context: Context, shift: Shift, why: Mapping[str, Any], until: date) -> Words:
    """Five lines at most. Of others only who would be next, and how many could."""
    following = why["following"]
    name = await _name(context, following[0]["member"]) if following else ""
    return lines(
        T("Why you: {shift}", shift=named(shift)),
        T(
            "It counts {points}: {time} times {n}, for how unpleasant it is.",
            points=Minutes(why["seat"]),
            time=Minutes(shift.minutes),
            n=shift.task.onerousness,
        ),
        T(
            "Your fair part until {day} counts {quota}; your other shifts count {coming}.",
            day=until,
            quota=_rounded(why["quota"]),
            coming=_rounded(why["coming"]),
        ),
        _rank_words(why["rank"], why["could"], name),
        T(
            "Had you carried {points} more lately, it would go to {name}.",
            points=Minutes(-(-why["gap"] // _STEP) * _STEP),
            name=name,
        )
        if why["gap"] is not None
        else T(
            "What would change it: other times ({available}), other hours ({capacity}), days away ({away}).",
            available=Typed("/available"),
            capacity=Typed("/capacity"),
            away=Typed("/away"),
        ),
    )


_STEP = 30


def _rounded(points: int) -> Minutes:
    """To half hours: nobody reckons in minutes here."""
    return Minutes((points + _STEP // 2) // _STEP * _STEP)


def _rank_words(rank: int, could: int, name: str) -> Text:
    if could == 1:
        return T("By their times and hours nobody else can take it.")
    if rank == 1:
        return T("Of {n} who can take it, it fits you best. Next would be {name}.", n=could, name=name)
    return T(
        "You are number {rank} of {n} who can take it: so all shifts together are shared most evenly. "
        "Next would be {name}.",
        rank=rank,
        n=could,
        name=name,
    )
