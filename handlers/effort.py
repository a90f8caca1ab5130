"""Effort: kinds of tasks and how hard they are, what peers say of it, and what a month's hours come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from bot.arguments import Found, Kind, Month, Number, Off, Person, Reading, Reference, Word, choice
from bot.chat import Button, Card, Reply
from bot.domain import grammar, ledger
from bot.domain.effort import CLASSES, LEVELS, Tally, TaskClass
from bot.domain.policies import Scheme
from bot.posts import category_called
from bot.router import Asks, Authority, Context, Router, Telling, Todo
from bot.tasks import CLASS_NAMES, called, named
from bot.text import Bold, Listed, Minutes, N, Refusal, T, Text, Typed, Words, lines
from storage import cards, closings, due, effort, enrolments, entries, notes, nudges, people, schemes, tasks, transfers
from storage.database import Transaction
from storage.people import Committee, Member
from storage.tasks import Classed, TaskKind
from storage.transfers import Exchange

router = Router("effort", title=T("Effort"))

NAME_CHARACTERS_MAX = 40
TOLD_AT = time(9, 0)
"""When members hear of the month that was closed in the night."""
ASKED_AT = time(17, 0)
ASKED_BEFORE = timedelta(days=3)
"""So long before a month ends peers are asked."""
_QUESTION_EXPIRES = timedelta(days=6)
_SETTLES = "effort"
_CLASSES = Typed("/classes")


def _month(period: str) -> Text:
    year, _, number = period.partition("-")
    names = (
        T("January {year}", year=year),
        T("February {year}", year=year),
        T("March {year}", year=year),
        T("April {year}", year=year),
        T("May {year}", year=year),
        T("June {year}", year=year),
        T("July {year}", year=year),
        T("August {year}", year=year),
        T("September {year}", year=year),
        T("October {year}", year=year),
        T("November {year}", year=year),
        T("December {year}", year=year),
    )
    return names[int(number) - 1]


# --- what can be said ------------------------------------------------------------------------------------------------

_CLASS_WORDS: Mapping[str, str] = {
    word: task_class
    for task_class, words in {
        "pleasant": "pleasant agradable angenehm",
        "moderate": "moderate normal mittel",
        "unpleasant": "unpleasant desagradable unangenehm",
        "off": "off",
    }.items()
    for word in words.split()
}


class _ClassKind(Kind[str]):
    """A class of tasks, in any language; or `off`."""

    expected = T(
        "the word {pleasant}, {moderate}, {unpleasant} or {off}",
        pleasant=Typed(CLASS_NAMES["pleasant"]),
        moderate=Typed(CLASS_NAMES["moderate"]),
        unpleasant=Typed(CLASS_NAMES["unpleasant"]),
        off=Typed("off"),
    )
    example: str | Text = CLASS_NAMES["unpleasant"]
    question = T("How is this kind of task?")
    fixed = True

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        found = _CLASS_WORDS.get(grammar.folded(words[0].text)) if words else None
        return Found(found, 1) if found else None

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        if data not in _CLASS_WORDS:
            raise ValueError("not a class of tasks")
        return str(data)

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, str]]:
        classes: list[tuple[Text | str, str]] = [(CLASS_NAMES[one], one) for one in CLASSES]
        return [*classes, (T("Take it away"), "off")]


class _NameKind(Kind[str]):
    """What a kind of task is called: the words before its class, or all there are."""

    expected = T("a short name, like {example}", example=Typed(T("cleaning")))
    example: str | Text = T("cleaning")
    question = T("What kind of task? Write one or two words.")
    _adapter: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(min_length=1, max_length=NAME_CHARACTERS_MAX)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        count = next(
            (at for at, word in enumerate(words) if grammar.folded(word.text) in _CLASS_WORDS),
            len(words),
        )
        if not count:
            return None
        name = " ".join(word.text for word in words[:count])
        if len(name) > NAME_CHARACTERS_MAX:
            raise Refusal(T("That is too long: {n} characters at most. Say it shorter.", n=NAME_CHARACTERS_MAX))
        return Found(name, count)

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        return self._adapter.validate_python(data)


class _KnownKind(Kind[TaskKind]):
    """One of the committee's kinds of tasks, by its name or how its words begin."""

    expected = T("a kind of task ({classes} shows them)", classes=_CLASSES)
    example: str | Text = T("cleaning")
    question = T("What kind of task was it?")
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, gt=0)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[TaskKind] | None:
        if reading.committee is None:
            return None
        for count in range(min(6, len(words)), 0, -1):
            name = " ".join(word.text for word in words[:count])
            if found := await named(reading.tx, reading.committee.id, name):
                return Found(found[0], count, tuple(found[1:]))
        return None

    def dump(self, value: TaskKind) -> int:
        return value.id

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> TaskKind:
        found = await self.recall(data, tx, committee)
        if not found.listed:
            raise _not_there()
        return found

    async def recall(self, data: Any, tx: Transaction, committee: Committee | None) -> TaskKind:
        id_ = self._adapter.validate_python(data)
        found = await tasks.kind(tx, committee.id, id_) if committee is not None else None
        if found is None:
            raise _not_there()
        return found

    def label(self, value: TaskKind) -> str | Text:
        return called(value)

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, TaskKind]]:
        return [(called(one), one) for one in await tasks.kinds(tx, member.committee_id)]


def _not_there() -> Refusal:
    return Refusal(T("There is no such kind of task. {classes} shows them.", classes=_CLASSES))


_Class = Annotated[str, _ClassKind()]
_Name = Annotated[str, _NameKind()]
_Known = Annotated[TaskKind, _KnownKind()]


# --- kinds of tasks --------------------------------------------------------------------------------------------------


def _weight(thousandths: int) -> Text:
    whole, parts = divmod(thousandths, 1000)
    return T("{whole}.{parts}", whole=whole, parts=f"{parts:03}".rstrip("0") or "0")


@router.command(
    "classes",
    allow=Authority.MEMBER,
    label=T("Kinds of tasks"),
    help=T("Which kinds of tasks are pleasant or unpleasant, and what that means here."),
    repeatable=True,
)
async def classes(context: Context) -> Reply:
    """The list, and how it is changed."""
    by_class: dict[TaskClass, list[Text]] = {}
    for one in await tasks.kinds(context.tx, context.committee.id):
        by_class.setdefault(one.task_class, []).append(called(one))
    scheme = await schemes.now(context.tx, context.committee.id)
    told = [
        T("{level}: {names}", level=CLASS_NAMES[one], names=Listed(tuple(by_class[one])))
        for one in reversed(CLASSES)
        if one in by_class
    ]
    return Reply(
        lines(
            T("{title}", title=Bold(T("Kinds of tasks"))),
            *told,
            T("All else is moderate.") if told else T("None yet: every task is moderate."),
            _weights(scheme) if scheme.base == "effort" else T("Here an hour is an hour, whatever the task."),
            T("The committee decides: {change}", change=class_.example),
        )
    )


def _weights(scheme: Scheme) -> Text:
    return T(
        "At the month's end an hour of an unpleasant task weighs {unpleasant}, of a moderate one 1, of a pleasant one "
        "{pleasant}. All hours together stay as many.",
        unpleasant=_weight(scheme.unpleasant),
        pleasant=_weight(scheme.pleasant),
    )


def _classed_words(*, name: str | Text, level: str) -> Text:
    if level == "off":
        return T("“{kind}” is no kind of task of its own any more.", kind=name)
    return T("Kind of task “{kind}”: {level}.", kind=name, level=CLASS_NAMES[_as_class(level)])


def _as_class(level: str) -> TaskClass:
    return next(one for one in CLASSES if one == level)


@router.command(
    "class",
    allow=Authority.COMMITTEE,
    label=T("How hard is a task?"),
    help=T("Whether a kind of task is pleasant, moderate or unpleasant; {off} takes it away.", off=Typed("off")),
    sample=(T("cleaning"), CLASS_NAMES["unpleasant"]),
    proposal=_classed_words,
)
async def class_(context: Context, *, name: _Name, level: _Class) -> Reply:
    """What is done from now on has this class; what was done keeps the one that it had."""
    committee = context.committee
    if not any(letter.isalpha() for letter in name):
        raise Refusal(T("What is it called? Write it like this: {example}", example=class_.example))
    category = await category_called(context.tx, committee.id, name)
    found = await tasks.of_category(context.tx, committee.id, category) if category is not None else None
    if found is None and category is None:
        meant = await named(context.tx, committee.id, name)
        found = next((one for one in meant if _is_called(one, name)), None)
    body: dict[str, Any] = {"class": None if level == "off" else level}
    if level == "off":
        if found is None or not found.listed:
            raise _not_there()
        await tasks.put(context.tx, found.id, None)
        body["task_kind"] = found.id
    else:
        listed = found is not None and found.listed
        if not listed and len(await tasks.kinds(context.tx, committee.id)) >= tasks.KINDS_MAX:
            raise Refusal(T("There are {n} already, and more would not fit. Take one away first.", n=tasks.KINDS_MAX))
        if found is not None:
            await tasks.put(context.tx, found.id, _as_class(level))
            body["task_kind"] = found.id
        else:
            own = "" if category is not None else name
            body["task_kind"], hashed = await tasks.add(
                context.tx, committee.id, _as_class(level), category=category, name=own
            )
            if hashed is not None:
                body["name"] = hashed
                if context.of_member is not None:
                    thing = f"task_kind:{body['task_kind']}"
                    await notes.wrote(context.tx, thing, context.member.id, now=context.now)
    await entries.append(context.tx, committee, "rule", body, now=context.now)
    return Reply(_classed_words(name=name, level=level))


def _is_called(kind: TaskKind, name: str) -> bool:
    return kind.words is not None and grammar.folded(name) in {
        grammar.folded(one) for one in (kind.words.text, *kind.words.others.values())
    }


@router.entry("rule", "task_kind", about="rules")
async def class_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Which class a kind of task has."""
    found = await tasks.kind(telling.tx, telling.committee.id, body["task_kind"])
    assert found is not None, "it is kept, though it may be taken away"
    return _classed_words(name=called(found), level=body["class"] or "off")


# --- of which kind an exchange was -----------------------------------------------------------------------------------


async def _mine(context: Context) -> list[tuple[Text | str, int]]:
    """Exchanges of this month for which the member gave hours, and nobody has said of which kind they were."""
    since, _ = closings.bounds(closings.month_of(context.now, context.committee), context.committee)
    found: list[tuple[Text | str, int]] = []
    for id_, number in await tasks.unsaid(context.tx, context.member.id, since=since):
        exchange = await transfers.exchange(context.tx, context.committee, id_)
        assert exchange is not None
        found.append((T("No. {number}, {other}", number=number, other=_helpers(exchange)), number))
    return found


def _helpers(exchange: Exchange) -> Listed:
    return Listed(tuple(part.name for part in exchange.gaining if part.member_id is not None))


@router.command(
    "weigh",
    allow=Authority.MEMBER,
    label=T("What kind of task was it?"),
    help=T("Say of what kind the help was for which you gave hours; {off}: none in particular.", off=Typed("off")),
    sample=("12", T("cleaning")),
    asks={
        "number": Asks(
            T("Which exchange?"),
            _mine,
            T("There is no exchange of yours this month of which that is open."),
        ),
        "kind": Asks(_KnownKind.question, instead=(T("Nothing special"), {"off": "off"})),
    },
)
async def weigh(context: Context, *, number: Number, kind: _Known | None = None, off: Off = "") -> Reply | Card | None:
    """Whoever gave the hours says it. Whoever got them can ask for it, and nobody says it of their own work alone."""
    exchange, classed = await _weighable(context, number)
    giving = {part.member_id for part in exchange.giving}
    gaining = {part.member_id for part in exchange.gaining}
    speaks = await _speaks_for(context, exchange, gaining)
    own = context.member.id
    if own not in giving | gaining and not speaks:
        raise Refusal(
            T("No. {number} is between others: whoever gave the hours says of what kind it was.", number=number)
        )
    if kind is None and not off:
        return await _choose(context, number, exchange)
    if own in giving or speaks:
        return await _say(context, exchange, classed, kind)
    if kind is None:
        raise Refusal(T("Only whoever gave the hours can say that it was nothing special."), private=True)
    return await _ask_giver(context, exchange, kind)


async def _weighable(context: Context, number: int) -> tuple[Exchange, Classed]:
    """An exchange that is weighed at the end of its month, which is open yet. Raises Refusal."""
    id_ = await transfers.id_of_number(context.tx, context.committee, number)
    exchange = await transfers.exchange(context.tx, context.committee, id_) if id_ is not None else None
    if id_ is None or exchange is None:
        raise Refusal(
            T("There is no entry {number} here. {history} shows the numbers.", number=number, history=Typed("/history"))
        )
    classed = await tasks.classed(context.tx, id_)
    if classed is None or exchange.reversed:
        raise Refusal(
            T("No. {number} is not weighed by effort, so its kind of task changes nothing.", number=number),
            private=True,
        )
    month = closings.month_of(classed.at, context.committee)
    if await closings.is_closed(context.tx, context.committee.id, _SETTLES, month):
        raise Refusal(
            T("{month} is closed, so no. {number} stays as it is.", month=_month(month), number=number), private=True
        )
    return exchange, classed


async def _speaks_for(context: Context, exchange: Exchange, gaining: set[int | None]) -> bool:
    """Whether they speak for somebody without an account who gave the hours, and got none of them."""
    if context.member.id in gaining:
        return False
    for part in exchange.giving:
        giver = (
            await people.member(context.tx, context.committee.id, part.member_id)
            if part.member_id is not None
            else None
        )
        if giver is not None and giver.helper_id == context.member.id:
            return True
    return False


async def _choose(context: Context, number: int, exchange: Exchange) -> Reply:
    there = await tasks.kinds(context.tx, context.committee.id)
    if not there:
        raise Refusal(
            T("There are no kinds of tasks here yet. The committee names them: {change}", change=class_.example),
            private=True,
        )
    buttons = [
        Button(label=called(one), says=weigh.says(number=number, kind=one), only=context.member.id) for one in there
    ]
    if context.member.id not in {part.member_id for part in exchange.gaining}:
        none = Button(label=T("Nothing special"), says=weigh.says(number=number, off="off"), only=context.member.id)
        buttons.append(none)
    return Reply(
        T("No. {number}, {other}: what kind of task was it?", number=number, other=_helpers(exchange)),
        buttons=tuple(tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2)),
        private=True,
    )


async def _say(context: Context, exchange: Exchange, classed: Classed, kind: TaskKind | None) -> Reply:
    await tasks.say(context.tx, classed.transfer_id, kind)
    await nudges.withdraw(context.tx, _asked(context.committee, exchange.number))
    body: dict[str, Any] = {"number": exchange.number, "task": None if kind is None else [kind.id, kind.task_class]}
    if context.of_member is not None:
        body["member"] = context.speaker.id
    await entries.append(context.tx, context.committee, "task", body, now=context.now)
    for card in ("transfer", "thanks"):
        await cards.changed(context.tx, Card(card, classed.transfer_id).thing)
    words = _said(exchange.number, kind)
    if classed.kind is not None and (kind is None or kind.id != classed.kind.id):
        for part in exchange.gaining:
            other = await people.member(context.tx, context.committee.id, part.member_id) if part.member_id else None
            if other is not None and other.active:
                await context.tell(other, words)
    return Reply(words, private=True)


def _said(number: int, kind: TaskKind | None) -> Text:
    if kind is None:
        return T("No. {number}: an hour is an hour.", number=number)
    name = called(kind)
    return T("No. {number}: {kind} ({level}).", number=number, kind=name, level=CLASS_NAMES[kind.task_class])


def _asked(committee: Committee, number: int) -> str:
    return f"weigh:{committee.id}:{number}"


async def _ask_giver(context: Context, exchange: Exchange, kind: TaskKind) -> Reply | Card | None:
    """Whoever helped may ask for it: whoever gave the hours says yes, or the committee where nobody can be asked."""
    [*givers] = [part.member_id for part in exchange.giving if part.member_id is not None]
    giver = await people.member(context.tx, context.committee.id, givers[0]) if len(givers) == 1 else None
    if giver is not None and giver.helper_id is not None:
        giver = await people.member_now(context.tx, context.committee.id, giver.helper_id)
    gaining = {part.member_id for part in exchange.gaining}
    name = called(kind)
    if giver is not None and giver.active and giver.id not in gaining:
        words = T(
            "{name} says that no. {number} was this kind of task: {kind} ({level}). Is that right?",
            name=context.member.name,
            number=exchange.number,
            kind=name,
            level=CLASS_NAMES[kind.task_class],
        )
        buttons = (
            Button(label=T("That is right"), says=weigh.says(number=exchange.number, kind=kind), only=giver.id),
            Button(label=T("No"), says=weigh_not.says(number=exchange.number), only=giver.id),
        )
        if await context.nudge(giver, words, buttons=(buttons,), key=_asked(context.committee, exchange.number)):
            return Reply(
                T("Whoever gave the hours says of what kind it was. I ask {name}.", name=giver.name), private=True
            )
    return await context.say(weigh_decided.says(number=exchange.number, kind=kind), authority=context.authority)


@router.command("weigh_not", allow=Authority.MEMBER, typed=False, help=T("It was not this kind of task."))
async def weigh_not(context: Context, *, number: Number) -> Reply:
    """Whoever was asked says no: nothing changes."""
    await nudges.withdraw(context.tx, _asked(context.committee, number))
    return Reply(T("No. {number} stays as it is.", number=number), private=True)


def _weighing(*, number: int, kind: TaskKind) -> Text:
    return T(
        "No. {number} was this kind of task: {kind} ({level}).",
        number=number,
        kind=called(kind),
        level=CLASS_NAMES[kind.task_class],
    )


@router.command(
    "weigh_decided",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("The committee says of what kind an exchange was."),
    proposal=_weighing,
)
async def weigh_decided(context: Context, *, number: Number, kind: _Known) -> Reply:
    """For what its own account gave, or somebody who cannot be asked."""
    exchange, classed = await _weighable(context, number)
    return Reply((await _say(context, exchange, classed, kind)).words)


@router.entry("task")
async def task_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Of which kind an exchange was: the group has seen that on its card."""
    found = await tasks.kind(telling.tx, telling.committee.id, body["task"][0]) if body["task"] is not None else None
    if found is None:
        return T("exchange {number}: an hour is an hour.", number=body["number"])
    return T(
        "exchange {number} was this kind of task: {kind} ({level}).",
        number=body["number"],
        kind=called(found),
        level=CLASS_NAMES[body["task"][1]],
    )


# --- one's own month -------------------------------------------------------------------------------------------------


@router.command(
    "effort",
    allow=Authority.MEMBER,
    label=T("My effort this month"),
    help=T("What your hours of this month count by effort so far; only you see it."),
    repeatable=True,
    for_others=True,
)
async def effort_(context: Context) -> Reply:
    """As if the month ended now, and what the last one came to."""
    committee = context.committee
    scheme = await schemes.now(context.tx, committee.id)
    period = closings.month_of(context.now, committee)
    since, _ = closings.bounds(period, committee)
    account = await transfers.account(context.tx, committee, context.member)
    before = await effort.newest_of(context.tx, account.id)
    counts = scheme.base == "effort" or await effort.recorded_since(context.tx, committee.id, since)
    if not counts and before is None:
        raise Refusal(
            T("Here hours do not count by effort. {classes} shows the kinds of tasks.", classes=_CLASSES), private=True
        )
    found = (await effort.reckoned(context.tx, committee, period, with_ratings=False)).by_account
    own = found.get(account.id)
    months: list[Words] = []
    if own is None and counts:
        months.append(T("{month} so far: no help of yours yet.", month=_month(period)))
    elif own is not None:
        months += [
            T("{month} so far: {time} of help.", month=_month(period), time=own.minutes),
            *_parts(own),
            T("If the month ended now, that would count as {time} ({change}).", time=own.counted, change=_signed(own)),
        ]
    if before is not None:
        months.append(_closed(*before))
    rating = scheme.base == "effort" and scheme.ratings
    return Reply(
        lines(*months, T("What peers say of effort: {rating}", rating=Typed("/rating")) if rating else None),
        private=True,
    )


def _parts(own: Tally) -> list[Words]:
    """Of what kind it was."""
    return [
        words
        for words, minutes in (
            (T("Unpleasant: {time}.", time=own.unpleasant), own.unpleasant),
            (T("Pleasant: {time}.", time=own.pleasant), own.pleasant),
            (
                T(
                    "{time} was between you and people who did as much for you: there an hour stays an hour.",
                    time=own.even,
                ),
                own.even,
            ),
        )
        if minutes
    ]


def _signed(own: Tally) -> Text:
    return (
        T("{time} less", time=Minutes(-own.change))
        if own.change < 0
        else T("{time} more", time=own.change)
        if own.change
        else T("no change")
    )


def _closed(period: str, own: Tally) -> Text:
    return T(
        "{month}: {time} of help counted as {counted} ({change}).",
        month=_month(period),
        time=own.minutes,
        counted=own.counted,
        change=_signed(own),
    )


# --- the month's end -------------------------------------------------------------------------------------------------


@router.command("weigh_month", allow=Authority.CLOCK, typed=False, help=T("Weigh a month's hours by effort."))
async def weigh_month(context: Context, *, period: Month) -> None:
    """Once for each month: one transfer that sums to zero, in the name of whoever asked for this way of counting."""
    committee = context.committee
    _, until = closings.bounds(period, committee)
    newest = await schemes.newest(context.tx, committee.id)
    counts = newest is not None and newest.scheme.base == "effort"
    if newest is not None and not await closings.is_closed(context.tx, committee.id, _SETTLES, period):
        rating = counts and newest.scheme.ratings
        found = await effort.reckoned(context.tx, committee, period, with_ratings=rating)
        recorder = await people.member_now(context.tx, committee.id, newest.member_id)
        assert recorder is not None
        touched = await transfers.accounts_by_id(context.tx, committee, [leg.account_id for leg in found.legs])
        await closings.close(
            context.tx,
            committee,
            _SETTLES,
            period,
            ledger.post(found.legs, touched, at=context.now) if found.legs else None,
            recorder=recorder,
            scheme=newest.scheme.version,
            now=context.now,
        )
        await effort.keep(context.tx, committee.id, period, found.by_account)
        await effort.remember(context.tx, committee, period, found.work)
        rated = await effort.count_ballots(context.tx, committee, period, publish=rating)
        if any(one.change or one.quoted for one in found.by_account.values()):
            await context.announce(_weighed_words(period, rated))
            await _plan_telling(context, period)
    if counts or await effort.recorded_since(context.tx, committee.id, until):
        await closings.plan(context.tx, committee, weigh_month.name, period=closings.month_after(period))
    if counts and newest is not None and newest.scheme.ratings:
        await _plan_asking(context)


def _weighed_words(period: str, rated: int) -> Words:
    return lines(
        T(
            "{month} is weighed by effort: unpleasant tasks count for more, pleasant ones for less, and all hours "
            "together stay as many. Whoever it changes something for hears it in private.",
            month=_month(period),
        ),
        N("Peers have said how hard {n} person's part was.", "Peers have said how hard {n} people's parts were.", rated)
        if rated
        else None,
    )


async def _plan_telling(context: Context, period: str) -> None:
    morning = datetime.combine(context.now.astimezone(context.committee.zone).date(), TOLD_AT)
    await due.plan(
        context.tx,
        f"weighed:{context.committee.id}:{period}",
        tell_weighed.says(period=period),
        local=morning,
        zone=context.committee.zone,
        committee=context.committee.id,
        late="do",
    )


@router.command("tell_weighed", allow=Authority.CLOCK, typed=False, help=T("Tell members what a month came to."))
async def tell_weighed(context: Context, *, period: Month) -> None:
    """Each in private, some in one work and the others in the next, so that nobody waits for it."""
    number = await effort.number_of(context.tx, context.committee.id, period)
    found = await effort.untold(context.tx, context.committee.id, period)
    for member_id, own in found:
        member = await people.member(context.tx, context.committee.id, member_id)
        assert member is not None
        account = await transfers.account(context.tx, context.committee, member)
        await context.tell(member, _month_words(period, own, account.balance, number))
    if len(found) == effort.TOLD_AT_ONCE:
        await _plan_telling(context, period)


def _month_words(period: str, own: Tally, balance: Minutes, number: int | None) -> Words:
    if own.change > 0:
        moved = T("You get {time}.", time=own.change)
    elif own.change < 0:
        moved = T("You give back {time}.", time=Minutes(-own.change))
    else:
        moved = T("Nothing moves.")
    limited = own.change != own.quoted
    return lines(
        T(
            "{month}, by effort: your {time} of help count as {counted}.",
            month=_month(period),
            time=own.minutes,
            counted=own.counted,
        ),
        *_parts(own),
        T("Peers have said that your part took more, or less, effort than usual.") if own.rated else None,
        T("More would take you below your limit, so it was not taken.") if limited and own.quoted < 0 else None,
        T("Some were at their limit, so there is less to share out.") if limited and own.quoted > 0 else None,
        T("{moved} You have {balance} now. (No. {number})", moved=moved, balance=balance, number=number)
        if number is not None
        else moved,
        T("Do you see it otherwise? Talk about it in the group."),
        T(
            "The committee decides what is unpleasant ({classes}), and can take all of it back ({correct}).",
            classes=_CLASSES,
            correct=Typed("/correct", str(number)),
        )
        if number is not None
        else None,
    )


# --- what peers say --------------------------------------------------------------------------------------------------

_LEVELS: Mapping[str, int | None] = {"less": LEVELS[0], "usual": LEVELS[1], "more": LEVELS[2], "skip": None}
_LEVEL_NAMES: Mapping[str, Text] = {
    "less": T("Less than usual"),
    "usual": T("As usual"),
    "more": T("More than usual"),
    "skip": T("I cannot say"),
}
_Level = Annotated[str, choice(*_LEVELS, expected=T("how much effort it took"), labels=_LEVEL_NAMES)]


@router.command(
    "rating",
    allow=Authority.MEMBER,
    label=T("How hard was it? (peers)"),
    help=T("Take part, or not, in saying how hard others' part in the same kind of task was: on or off."),
    sample=("on",),
)
async def rating(
    context: Context,
    *,
    what: Annotated[
        str,
        choice(
            "show",
            "on",
            "off",
            expected=T("the word {on}, {off} or {show}", on=Typed("on"), off=Typed("off"), show=Typed("show")),
            labels={"show": T("How is it now?"), "on": T("Take part"), "off": T("Take no part")},
        ),
    ] = "show",
) -> Reply:
    """Each person's own yes, and a no at any time; only they say it, and nobody else sees it."""
    scheme = await schemes.now(context.tx, context.committee.id)
    if what == "off":
        await enrolments.leave(context.tx, context.member.id, schemes.RATINGS)
        await effort.withdraw(context.tx, context.member.id)
        await nudges.withdraw(context.tx, _rating_key(context.committee), of=context.member)
        return Reply(T("You take no part. What you have said of others, and they of you, is forgotten."), private=True)
    if scheme.base != "effort" or not scheme.ratings:
        raise Refusal(
            T("Nobody is asked here how hard others' part was: the committee has not decided it."), private=True
        )
    taking_part = await enrolments.since(context.tx, context.member.id, schemes.RATINGS) is not None
    if what == "on" and not taking_part:
        await enrolments.enrol(context.tx, context.member, schemes.RATINGS, now=context.now)
        await _plan_asking(context)
        return Reply(
            lines(
                T("You take part. Before the month ends I ask you about some who did the same kind of task as you."),
                T("Nobody ever sees who said what; at the month's end it is counted, and forgotten."),
                T("From {n} others on it counts, and nobody says anything of themselves.", n=3),
                T("{off} ends it.", off=Typed("/rating off")),
            ),
            private=True,
        )
    if not taking_part:
        return Reply(
            lines(T("You take no part in it."), T("{on} begins it.", on=Typed("/rating on"))),
            buttons=((Button(label=T("Take part"), says=rating.says(what="on"), only=context.member.id),),),
            private=True,
        )
    return await _show_rating(context)


async def _show_rating(context: Context) -> Reply:
    told: list[Words] = [T("You take part. {off} ends it.", off=Typed("/rating off"))]
    last = await effort.newest_rated(context.tx, context.committee.id)
    if last is not None:
        period, found = last
        told.append(T("What peers said in {month}, together (1 is as usual):", month=_month(period)))
        for one in found:
            kind = await tasks.kind(context.tx, context.committee.id, one.kind_id)
            assert kind is not None
            name = called(kind)
            told.append(T("{name}, {kind}: {weight}", name=one.name, kind=name, weight=_weight(one.intensity)))
        told.append(T("Do you see it otherwise? Talk about it in the group."))
    period = closings.month_of(context.now, context.committee)
    asked = await effort.to_rate(context.tx, context.committee, period)
    question = await _question(context, period, context.member, asked.get(context.member.id, []))
    if question is None:
        return Reply(lines(*told, T("There is nobody to say anything about just now.")), private=True)
    words, buttons = question
    return Reply(lines(*told, words), buttons=buttons, private=True)


async def _question(
    context: Context, period: str, rater: Member, asked: Sequence[tuple[int, int]]
) -> tuple[Text, tuple[tuple[Button, ...], ...]] | None:
    """About the next one of those whom somebody is asked about; None: there is nobody."""
    for kind_id, member_id in asked:
        kind = await tasks.kind(context.tx, context.committee.id, kind_id)
        about = await people.member(context.tx, context.committee.id, member_id)
        if kind is None or about is None or not about.active:
            continue
        question = context.tx.token()
        buttons = [
            Button(
                label=_LEVEL_NAMES[level],
                says=rate.says(who=about, kind=kind.id, period=period, level=level),
                only=rater.id,
                once=True,
                question=question,
                expires=_QUESTION_EXPIRES,
            )
            for level in _LEVELS
        ]
        words = T(
            "{kind} in {month}: how much effort did {name}'s part take, for such a task? Nobody sees what you say.",
            kind=called(kind),
            month=_month(period),
            name=about.name,
        )
        return words, (tuple(buttons[:2]), tuple(buttons[2:]))
    return None


@router.command("rate", allow=Authority.MEMBER, typed=False, in_place=True, help=T("Say how hard somebody's part was."))
async def rate(context: Context, *, who: Person, kind: Reference, period: Month, level: _Level) -> Reply:
    """A hidden ballot, and the next question."""
    committee = context.committee
    if await closings.is_closed(context.tx, committee.id, _SETTLES, period):
        raise Refusal(T("{month} is closed already.", month=_month(period)), private=True)
    did = set((await effort.who_did(context.tx, committee, period)).get(kind, {}).values())
    if not {who.id, context.member.id} <= did or who.id == context.member.id:
        raise Refusal(T("That cannot be said any more: one of you takes no part."), private=True)
    await effort.cast(context.tx, committee.id, period, kind, context.member, who, _LEVELS[level])
    await nudges.withdraw(context.tx, _rating_key(committee), of=context.member)
    asked = await effort.to_rate(context.tx, committee, period)
    question = await _question(context, period, context.member, asked.get(context.member.id, []))
    if question is None:
        return Reply(T("Thank you, noted. That is all."), private=True)
    words, buttons = question
    return Reply(lines(T("Thank you, noted."), words), buttons=buttons, private=True)


def _rating_key(committee: Committee) -> str:
    return f"ratings:{committee.id}"


async def _plan_asking(context: Context) -> None:
    """Peers are asked before this month ends, or, where it is too late for that, before the next one does."""
    committee = context.committee
    period = closings.month_of(context.now, committee)
    at = _asked_at(period, committee)
    if at.replace(tzinfo=committee.zone) <= context.now:
        period = closings.month_after(period)
        at = _asked_at(period, committee)
    await due.plan(
        context.tx,
        f"ask_ratings:{committee.id}",
        ask_ratings.says(period=period),
        local=at,
        zone=committee.zone,
        committee=committee.id,
        late="do",
        move=False,
    )


def _asked_at(period: str, committee: Committee) -> datetime:
    _, until = closings.bounds(period, committee)
    return datetime.combine((until - ASKED_BEFORE).date(), ASKED_AT)


@router.command("ask_ratings", allow=Authority.CLOCK, typed=False, help=T("Ask peers how hard a month's tasks were."))
async def ask_ratings(context: Context, *, period: Month, after: Reference | None = None) -> None:
    """Only those who take part, and only where there is something to say; within what each bears of reminders.

    `after`: the last one who was asked in the work before.
    """
    committee = context.committee
    scheme = await schemes.now(context.tx, committee.id)
    if scheme.base != "effort" or not scheme.ratings:
        return
    closed = await closings.is_closed(context.tx, committee.id, _SETTLES, period)
    there = await effort.to_rate(context.tx, committee, period) if not closed else {}
    raters = [rater_id for rater_id in sorted(there) if after is None or rater_id > after]
    for rater_id in raters[: effort.TOLD_AT_ONCE]:
        rater = await people.member(context.tx, committee.id, rater_id)
        assert rater is not None
        question = await _question(context, period, rater, there[rater_id])
        if question is not None:
            words, buttons = question
            await context.nudge(rater, words, buttons=buttons, key=_rating_key(committee))
    if len(raters) > effort.TOLD_AT_ONCE:
        await due.plan(
            context.tx,
            f"ask_ratings:{committee.id}",
            ask_ratings.says(period=period, after=raters[effort.TOLD_AT_ONCE - 1]),
            local=context.now.astimezone(committee.zone).replace(tzinfo=None),
            zone=committee.zone,
            committee=committee.id,
            late="do",
        )
    else:
        await _plan_asking(context)


# --- what waits ------------------------------------------------------------------------------------------------------


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """Exchanges of which the member could say what kind they were."""
    scheme = await schemes.now(context.tx, context.committee.id)
    if scheme.base != "effort" or not await tasks.kinds(context.tx, context.committee.id):
        return []
    return [
        Todo(
            words=T("{exchange}: what kind of task was it?", exchange=label),
            buttons=(Button(label=T("Kind of task"), says=weigh.says(number=number)),),
        )
        for label, number in await _mine(context)
    ]
