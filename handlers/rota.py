"""The rota: tasks that come again, their shifts, who takes which seat, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from bot.arguments import Duration, Found, Kind, Note, Number, OnOff, Reading, Reference, Word, choice
from bot.chat import Button, Card, Link, Reply, Shown
from bot.domain import board as words_
from bot.domain import shifts as rule
from bot.domain.recurrence import instant
from bot.domain.shifts import Timing
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View
from bot.text import Bold, Listed, Minutes, N, Refusal, T, Text, Typed, Words, Written, lines
from storage import due, entries, notes, people, rules, shifts
from storage.database import Transaction
from storage.digests import Since
from storage.people import Committee, Member
from storage.shifts import Assignment, RotaTask, Shift

_TITLE = T("Tasks and shifts")
router = Router("rota", title=_TITLE)

NAME_CHARACTERS_MAX = 60
SKILL_WORDS_MAX = 3
LINES_MAX = 20
"""So many shifts stand on the card; what comes later is told as a number."""
BUTTONS_MAX = 5
TOLD_MAX = 5
WORDS_MAX = 3
SOON = timedelta(hours=24)
NEXT_DAYS = timedelta(days=7)
_TASKS = Typed("/tasks")
_SHIFTS = Typed("/shifts")
_YOURS = Bold(T("Your shifts"))
_FREE = Bold(T("Open seats"))
_TASKS_TITLE = Bold(T("Tasks"))
_CREW = T("crew")
_FIRST_AID = Typed(T("first aid"))
_EXAMPLES = Listed(
    (
        Typed(T("every 2 weeks sat 10:00")),
        Typed(T("daily 18:00")),
        Typed(T("first monday 19:00")),
        Typed(T("sat 14 feb 10:00")),
        Typed(T("any time this week")),
    )
)


# --- what can be said --------------------------------------------------------------------------------------------


def _name_words(words: Sequence[Word]) -> int:
    """How many words are the name: up to the first that says something else, or a phrase in quotes."""
    if words[0].end - words[0].start > len(words[0].text):
        return 1
    texts = [word.text for word in words]
    count = 1
    while count < len(words) and rule.begins(texts[count:]) is None:
        count += 1
    return count


class _NameKind(Kind[str]):
    """What a task is called: the words before those that say when, how long, or how many."""

    expected = T("what the task is called, like {example}", example=Typed(T("cleaning")))
    example: str | Text = T("cleaning")
    question = T("What is to be done? Choose, or write a name.")
    _adapter: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(min_length=1, max_length=NAME_CHARACTERS_MAX)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        if not words or not first or rule.begins([word.text for word in words]) is not None:
            return None
        count = _name_words(words)
        name = " ".join(" ".join(word.text for word in words[:count]).split()).strip(" .,;:")
        if not any(letter.isalpha() for letter in name):
            return None
        if len(name) > NAME_CHARACTERS_MAX:
            raise Refusal(T("That is too long: {n} characters at most. Say it shorter.", n=NAME_CHARACTERS_MAX))
        return Found(name, count)

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        return self._adapter.validate_python(data)

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, str]]:
        there = {name for one in await shifts.tasks(tx, member.committee_id) for name in map(words_.plain, one.names)}
        usual = [one for tasks in rule.TEMPLATES.values() for one in tasks]
        return [
            (T("{title}", title=_in_all_languages(one)), one.names["en"])
            for one in usual
            if there.isdisjoint(map(words_.plain, one.names.values()))
        ]


def _in_all_languages(usual: rule.Usual) -> Written:
    return Written(usual.names["en"], {code: name for code, name in usual.names.items() if code != "en"})


class _WhenKind(Kind[str]):
    """When a task comes, as it was written: which times they are is seen when it is carried out."""

    expected = T("when it is, like {examples}", examples=_EXAMPLES)
    example: str | Text = T("every 2 weeks sat 10:00")
    question = T("When is it? Choose, or write it like one of these: {examples}.", examples=_EXAMPLES)
    _adapter: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(min_length=1, max_length=100)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        texts = [word.text for word in words]
        try:
            found = rule.read_timing(texts)
        except rule.Unclear as unclear:
            raise _unclear(unclear.words) from unclear
        if found is None:
            return None
        return Found(" ".join(texts[: found[1]])[:100], found[1])

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        return self._adapter.validate_python(data)

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, str]]:
        return [(T("Any time this week"), "any time this week"), (T("Every week, any time"), "every week")]


def _unclear(words: str) -> Refusal:
    return Refusal(
        lines(
            T("I do not understand when “{words}” is, or there is no such day.", words=words),
            T("Write it like one of these: {examples}.", examples=_EXAMPLES),
        )
    )


_ORDINARY = TypeAdapter(tuple[Annotated[int, Field(strict=True, ge=1)], Annotated[int, Field(strict=True, ge=1)]])


class _CrewKind(Kind[tuple[int, int]]):
    """How many do it: the least and the most."""

    expected = T("how many do it, like {example}", example=Typed(T("crew 2-3")))
    example: str | Text = T("crew 2-3")
    question = T("How many does it take? Choose, or write it, like {example}.", example=Typed(T("crew 2-3")))

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[tuple[int, int]] | None:
        texts = [word.text for word in words]
        found = rule.read_crew(texts)
        if found is None and len(texts) == 1:
            # Alone, as an answer or at the end of a line, figures will do.
            found = rule.read_crew(["crew", texts[0]])
            found = None if found is None else (*found[:2], 1)
        if found is None:
            return None
        least, most, count = found
        if not rule.is_crew(least, most):
            raise Refusal(
                T(
                    "“{words}” cannot be: write the least, then the most, from 1 to {n}, like {example}.",
                    words=" ".join(texts[:count]),
                    n=rule.CREW_MAX,
                    example=Typed(T("crew 2-3")),
                )
            )
        return Found((least, most), count)

    def dump(self, value: tuple[int, int]) -> list[int]:
        return list(value)

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> tuple[int, int]:
        least, most = _ORDINARY.validate_python(tuple(data) if isinstance(data, list) else data)
        if not rule.is_crew(least, most):
            raise ValueError("no crew")
        return least, most

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, tuple[int, int]]]:
        return [(_figures(crew), crew) for crew in ((1, 1), (1, 2), (2, 2), (2, 3), (3, 5), (4, 8))]


def _figures(crew: tuple[int, int]) -> str:
    return str(crew[0]) if crew[0] == crew[1] else f"{crew[0]}-{crew[1]}"


class _SkillKind(Kind[str]):
    """A skill that is needed, after the word that says so. `bare`: without it, as an answer."""

    expected = T("a skill that is needed, like {example}", example=Typed(T("skill first aid")))
    example: str | Text = T("skill first aid")
    question = T("Does it need a skill? Write which, like {example}, or choose.", example=_FIRST_AID)
    _adapter: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(max_length=NAME_CHARACTERS_MAX)])

    def __init__(self, *, bare: bool) -> None:
        self._bare = bare

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        texts = [word.text for word in words]
        said = 1 if rule.begins(texts) == "skill" else 0
        if not said and not self._bare:
            return None
        rest = words[said:]
        if not rest or rule.begins(texts[said:]) is not None:
            return None
        count = min(_name_words(rest), SKILL_WORDS_MAX)
        name = " ".join(" ".join(texts[said : said + count]).split()).strip(" .,;:")
        return Found(name[:NAME_CHARACTERS_MAX], said + count) if any(map(str.isalpha, name)) else None

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        return self._adapter.validate_python(data)


class _TraineeKind(Kind[str]):
    """The word that adds a seat for somebody who learns it."""

    fixed = True
    expected = T("the word {example}", example=Typed(T("trainee")))
    example: str | Text = T("trainee")
    question = T("Shall there be one more seat, for somebody who learns it?")

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        return Found("trainee", 1) if words and rule.begins([words[0].text]) == "trainee" else None

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        if data != "trainee":
            raise ValueError("not the word")
        return "trainee"

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, str]]:
        return [(T("Yes, one more"), "trainee")]


class _TaskKind(Kind[RotaTask]):
    """One of the committee's tasks, by its name or the beginnings of its words."""

    expected = T("a task ({tasks} shows what there is)", tasks=_TASKS)
    example: str | Text = T("cleaning")
    question = T("Which task?")
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, gt=0)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[RotaTask] | None:
        if reading.committee is None or not words or not first:
            return None
        there = await shifts.tasks(reading.tx, reading.committee.id)
        for count in range(_name_words(words), 0, -1):
            said = " ".join(word.text for word in words[:count]).strip(" ,;")
            found = [one for one in there if words_.plain(said) in map(words_.plain, one.names)]
            found = found or [one for one in there if any(_begins_with(name, said) for name in one.names)]
            if found:
                return Found(found[0], count, tuple(found[1:]))
        return None

    def dump(self, value: RotaTask) -> int:
        return value.id

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> RotaTask:
        found = await self.recall(data, tx, committee)
        if not found.listed:
            raise Refusal(T("That task has ended. {tasks} shows what there is.", tasks=_TASKS))
        return found

    async def recall(self, data: Any, tx: Transaction, committee: Committee | None) -> RotaTask:
        id_ = self._adapter.validate_python(data)
        found = await shifts.task(tx, committee.id, id_) if committee is not None else None
        if found is None:
            raise Refusal(T("That task has ended. {tasks} shows what there is.", tasks=_TASKS))
        return found

    def label(self, value: RotaTask) -> str | Text:
        return value.called

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, RotaTask]]:
        return [(one.called, one) for one in await shifts.tasks(tx, member.committee_id)]


def _begins_with(name: str, said: str) -> bool:
    return any(map(str.isalpha, said)) and len(said.split()) <= len(name.split()) and words_.found_by(said, name)


_TEMPLATE_NAMES: Mapping[str, Text] = {
    "food": T("Food distribution"),
    "picket": T("Picket"),
    "assembly": T("Assembly: chair, minutes, care"),
    "cleaning": T("Cleaning"),
    "childcare": T("Childcare"),
    "stewarding": T("Stewarding"),
}
_TEMPLATE = choice(
    *rule.TEMPLATES, expected=T("one of: {words}", words=Listed(tuple(rule.TEMPLATES))), labels=_TEMPLATE_NAMES
)
_Name = Annotated[str, _NameKind()]
_When = Annotated[str, _WhenKind()]
_Crew = Annotated[tuple[int, int], _CrewKind()]
_Skill = Annotated[str, _SkillKind(bare=False)]
_SkillSaid = Annotated[str, _SkillKind(bare=True)]
_Trainee = Annotated[str, _TraineeKind()]
_Task = Annotated[RotaTask, _TaskKind()]


async def _all(context: Context) -> list[tuple[Text | str, RotaTask]]:
    return [(one.called, one) for one in await shifts.tasks(context.tx, context.committee.id)]


_LINE = Typed("/task", T("cleaning"), T("every 2 weeks sat 10:00"), "2h", T("crew 2-3"))
_NONE = T("There are no tasks yet. Somebody who organizes makes one: {task}", task=_LINE)
_WHICH = Asks(T("Which task?"), _all, _NONE)


# --- words that come again ---------------------------------------------------------------------------------------

_DAYS = (T("Monday"), T("Tuesday"), T("Wednesday"), T("Thursday"), T("Friday"), T("Saturday"), T("Sunday"))
_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def _timing_words(timing: Timing) -> Text:
    """When a task comes, in words."""
    if timing.rule is None:
        day = timing.start.date()
        if timing.days is None:
            return T("{day}, {time}", day=day, time=f"{timing.start:%H:%M}")
        if timing.days == 1:
            return T("{day}, any time", day=day)
        return T("any time until {day}", day=(timing.start + timedelta(days=timing.days - 1)).date())
    often = _often_words(timing)
    if timing.days is None:
        return T("{often}, {time}", often=often, time=f"{timing.start:%H:%M}")
    return T("{often}, any time", often=often)


def _often_words(timing: Timing) -> Text:
    parts = dict(part.split("=") for part in (timing.rule or "").split(";"))
    every = int(parts.get("INTERVAL", "1"))
    codes = parts.get("BYDAY", _CODES[timing.start.weekday()]).split(",")
    days = Listed(tuple(_DAYS[_CODES.index(code[-2:])] for code in codes))
    if parts["FREQ"] == "DAILY":
        return T("every day") if every == 1 else T("every {n} days", n=every)
    if parts["FREQ"] == "MONTHLY":
        return _monthly_words(codes[0], days, every)
    if timing.days is not None and timing.days > 1:
        return T("every week") if every == 1 else T("every {n} weeks", n=every)
    return T("every {days}", days=days) if every == 1 else T("every {n} weeks on {days}", n=every, days=days)


def _monthly_words(code: str, day: Listed, every: int) -> Text:
    match code[:-2]:
        case "1":
            which = T("on the first {day} of the month", day=day)
        case "2":
            which = T("on the second {day} of the month", day=day)
        case "3":
            which = T("on the third {day} of the month", day=day)
        case "4":
            which = T("on the fourth {day} of the month", day=day)
        case _:
            which = T("on the last {day} of the month", day=day)
    return which if every == 1 else T("{which}, every {n} months", which=which, n=every)


def _crew_words(crew: tuple[int, int]) -> Text:
    if crew[0] == crew[1]:
        return N("{n} person", "{n} people", crew[0])
    return T("{least} to {most} people", least=crew[0], most=crew[1])


def _task_words(task_: RotaTask) -> Text:
    """A task in a line: what, when, how long, how many."""
    words = T(
        "{task}: {when}, {time}, {crew}",
        task=task_.called,
        when=_timing_words(task_.timing),
        time=Minutes(task_.minutes),
        crew=_crew_words(task_.crew),
    )
    if task_.skill is None:
        return words
    skilled = T("{words}, needs: {skill}", words=words, skill=task_.skill)
    return T("{words}, with a seat to learn it", words=skilled) if task_.trainee else skilled


def _when_words(shift: Shift) -> Text:
    """When a shift is; one that is done at any time is told by its last day."""
    if shift.until is None:
        return T("{when}", when=shift.at)
    if shift.until - shift.local <= timedelta(days=1):
        return T("{day}, any time", day=shift.local.date())
    return T("until {day}", day=(shift.until - timedelta(days=1)).date())


def _named(shift: Shift) -> Text:
    return T("{task}, {when}", task=shift.task.called, when=_when_words(shift))


def _seats_words(shift: Shift) -> Text:
    """Who has a seat, and how many more are needed."""
    names = Listed(tuple(_holder_words(shift, one) for one in shift.holders))
    lacking, free = shift.lacking, len(shift.open())
    if not shift.holders:
        return N("nobody yet, {n} needed", "nobody yet, {n} needed", shift.task.crew[0])
    if lacking:
        return N("{names}; {n} more needed", "{names}; {n} more needed", lacking, names=names)
    if free:
        return N("{names}; {n} more can join", "{names}; {n} more can join", free, names=names)
    return T("{names}", names=names)


def _holder_words(shift: Shift, holder: Assignment) -> Text:
    learns = any(seat.trainee and seat.id == holder.seat_id for seat in shift.seats)
    return T("{name} (learning)", name=holder.name) if learns else T("{name}", name=holder.name)


def _shift_words(shift: Shift) -> Text:
    return T(
        "{when}, {time}: {task} ({seats})",
        when=_when_words(shift),
        time=Minutes(shift.minutes),
        task=shift.task.called,
        seats=_seats_words(shift),
    )


def _taking(shift: Shift) -> Button:
    return Button(label=T("I'll take it: {shift}", shift=_named(shift)), says=seat_take.says(shift=shift.id))


def _giving(shift: Shift, label: Text | None = None) -> Button:
    return Button(label=label or T("Can't: {shift}", shift=_named(shift)), says=seat_back.says(shift=shift.id))


def _learning(shift: Shift) -> Button:
    return Button(
        label=T("I'd like to learn it: {shift}", shift=_named(shift)),
        says=seat_take.says(shift=shift.id, trainee="trainee"),
    )


# --- tasks -------------------------------------------------------------------------------------------------------


def _now(context: Context | View) -> datetime:
    """The wall time."""
    return context.now.astimezone(context.committee.zone).replace(tzinfo=None, microsecond=0)


def _timing(context: Context, when: str) -> Timing:
    """What the words mean now. Raises Refusal."""
    try:
        found = rule.read_timing(when.split(), now=_now(context))
    except rule.Unclear as unclear:
        raise _unclear(unclear.words) from unclear
    if found is None or found[1] != len(when.split()):
        raise _unclear(when)
    return found[0]


@router.command(
    "task",
    allow=Authority.ORGANIZER,
    label=T("New task"),
    help=T("A task for the rota: what, when, how long, how many. What you leave out is asked."),
    sample=(T("cleaning"), T("every 2 weeks sat 10:00"), "2h", T("crew 2-3")),
    asks={"name": Asks(T("What is to be done? Choose, or write a name."))},
)
async def task(
    context: Context,
    *,
    name: _Name,
    when: _When | None = None,
    time: Duration | None = None,
    crew: _Crew | None = None,
    skill: _Skill = "",
    trainee: _Trainee = "",
) -> Reply | Card | None:
    """In one line it is made at once; else what is missing is asked, with what such tasks mostly need as a start."""
    usual = rule.template_named(name)
    if usual is not None:
        time, crew = time or Minutes(usual.minutes), crew or usual.crew
    given: dict[str, Any] = {"name": name, "when": when, "time": time, "crew": crew, "skill": skill, "trainee": trainee}
    says = task_make.says(**{argument: value for argument, value in given.items() if value})
    if when and time and crew:
        return await context.say(says, authority=context.authority)
    if trainee and not skill:
        raise _learns_what()
    return await context.say(context.commands.asking(says), authority=context.authority)


async def _making(
    context: Context,
    *,
    name: str,
    when: str,
    time: Minutes,
    crew: tuple[int, int],
    skill: str = "",
    trainee: str = "",
) -> Words:
    timing = _timing(context, when)
    names = rule.template_named(name)
    return lines(
        T(
            "{task}: {when}, {time}, {crew}",
            task=_in_all_languages(names) if names is not None else name,
            when=_timing_words(timing),
            time=time,
            crew=_crew_words(crew),
        ),
        T("Needs: {skill}", skill=skill) if skill else None,
        T("With a seat to learn it.") if trainee else None,
        T("Shall I make this task?"),
    )


@router.command(
    "task_make",
    allow=Authority.ORGANIZER,
    typed=False,
    title=T("New task"),
    help=T("Make a task of the rota."),
    asks={"skill": Asks(_SkillKind.question, instead=(T("No skill"), {}))},
    confirm=_making,
)
async def task_make(
    context: Context,
    *,
    name: _Name,
    when: _When,
    time: Duration,
    crew: _Crew,
    skill: _SkillSaid = "",
    trainee: _Trainee = "",
) -> Reply:
    """It takes no vote: nobody has to do anything by it, seats are taken freely."""
    made = await _make(context, rule.template_named(name), name, _timing(context, when), time, crew, skill, trainee)
    return await _made(context, [made])


def _learns_what() -> Refusal:
    return Refusal(
        T(
            "A seat to learn it needs a skill that is learnt: {example}",
            example=Typed(*_LINE.parts, T("skill first aid"), T("trainee")),
        )
    )


async def _make(
    context: Context,
    usual: rule.Usual | None,
    name: str,
    timing: Timing,
    minutes: int,
    crew: tuple[int, int],
    skill: str = "",
    trainee: str = "",
) -> RotaTask:
    """A task with its shifts. Raises Refusal; nothing is left of it then."""
    if trainee and not skill:
        raise _learns_what()
    there = await shifts.tasks(context.tx, context.committee.id)
    names = {context.committee.language: name} if usual is None else dict(usual.names)
    if any(words_.plain(one) in map(words_.plain, task_.names) for task_ in there for one in names.values()):
        raise Refusal(
            T(
                "There is such a task already. Change it: {change}",
                change=Typed("/task_change", name, T("every 2 weeks sat 10:00")),
            )
        )
    if len(there) >= shifts.TASKS_MAX:
        raise Refusal(T("There are {n} tasks already. End one first: {end}", n=len(there), end=task_end.example))
    await _check(context, minutes, crew)
    own = names.pop(context.committee.language, name)
    made, hashes = await shifts.add(
        context.tx,
        context.committee,
        timing,
        name=own,
        others=names,
        minutes=minutes,
        crew=crew,
        skill=skill,
        trainee=bool(trainee),
        onerousness=rule.RATING if usual is None else usual.onerousness,
        empowerment=rule.RATING if usual is None else usual.empowerment,
        by=context.member,
        now=context.now,
    )
    body = {"task": made.id, "is": "made", "member": context.member.id, **_figures_of(made), "words": hashes}
    await entries.append(context.tx, context.committee, "rota_task", body, now=context.now)
    await shifts.make_shifts(context.tx, made, now=context.now)
    await _plan_days(context)
    return made


def _figures_of(task_: RotaTask) -> dict[str, Any]:
    return {
        "minutes": task_.minutes,
        "crew": list(task_.crew),
        "start": task_.timing.start.isoformat(),
        "rule": task_.timing.rule,
        "days": task_.timing.days,
        "zone": task_.zone.key,
    }


async def _check(context: Context, minutes: int, crew: tuple[int, int]) -> None:
    if not 1 <= minutes <= rule.MINUTES_MAX:
        raise Refusal(T("A shift can be up to {most} long.", most=Minutes(rule.MINUTES_MAX)))
    there = await people.count_members(context.tx, context.committee.id)
    if crew[0] > there:
        raise Refusal(
            T(
                "That cannot be done: it needs {crew} people, and there are {n} of you. Write a smaller number: "
                "{example}",
                n=there,
                crew=crew[0],
                example=Typed(_CREW, f"1-{there}"),
            )
        )


async def _plan_days(context: Context) -> None:
    """Each night the rota is brought up to date."""
    tomorrow = datetime.combine(_now(context).date() + timedelta(days=1), time(3, 30))
    await due.plan(
        context.tx,
        f"rota:{context.committee.id}",
        rota_day.says(),
        local=tomorrow,
        zone=context.committee.zone,
        committee=context.committee.id,
        late="do",
        rrule="FREQ=DAILY",
        move=False,
    )


async def _made(context: Context, made: Sequence[RotaTask]) -> Reply:
    ahead = await shifts.within(context.tx, context.committee.id, context.now, context.now + rule.AHEAD)
    n = sum(shift.task.id in {one.id for one in made} for shift in ahead)
    words = lines(
        *(_task_words(one) for one in made),
        N(
            "{n} shift in the next 8 weeks. Take a seat: {shifts}",
            "{n} shifts in the next 8 weeks. Take a seat: {shifts}",
            n,
            shifts=_SHIFTS,
        )
        if n
        else T("Its shift appears 8 weeks before."),
    )
    if context.place is None or context.place.private:
        await context.announce(words)
    return Reply(words, buttons=((_all_shifts(),),))


def _all_shifts() -> Button:
    return Button(label=T("All shifts"), says=shifts_all.says())


@router.command(
    "template",
    allow=Authority.ORGANIZER,
    label=T("Tasks that many have"),
    help=T("Begin with a task as many committees have it: food, picket, assembly, cleaning and more."),
    sample=("assembly", T("first monday 19:00")),
    asks={"what": Asks(T("Which one?")), "when": Asks(_WhenKind.question)},
)
async def template(context: Context, *, what: Annotated[str, _TEMPLATE], when: _When) -> Reply:
    """An assembly becomes three tasks at one time: chair, minutes and care."""
    timing = _timing(context, when)
    made = [
        await _make(context, usual, usual.names["en"], timing, usual.minutes, usual.crew)
        for usual in rule.TEMPLATES[what]
    ]
    return await _made(context, made)


@router.entry("rota_task")
async def task_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """That a task was made, changed or ended."""
    found = await shifts.task(telling.tx, telling.committee.id, body["task"])
    called = found.called if found is not None else T("(erased)")
    name = await telling.name(body["member"])
    match body["is"]:
        case "made":
            return T("{name} made a task: {task}.", name=name, task=called)
        case "changed":
            return T("{name} changed a task: {task}.", name=name, task=called)
        case _:
            return T("{name} ended a task: {task}.", name=name, task=called)


@router.command(
    "tasks",
    allow=Authority.MEMBER,
    label=T("Tasks"),
    help=T("The tasks of the rota: when they are, how long, and how hard members say they are."),
    repeatable=True,
)
async def tasks_(context: Context) -> Reply:
    """All of them, a line each."""
    there = await shifts.tasks(context.tx, context.committee.id)
    if not there:
        return Reply(_NONE)
    return Reply(
        lines(
            T("{title}", title=_TASKS_TITLE),
            *(
                T(
                    "{task}. Unpleasant: {hard} of 5, empowering: {power} of 5",
                    task=_task_words(one),
                    hard=one.onerousness,
                    power=one.empowerment,
                )
                for one in there
            ),
            T(
                "Who organizes can change or end one: {change}, {end}",
                change=Typed("/task_change"),
                end=Typed("/task_end"),
            ),
        ),
        buttons=((_all_shifts(),),),
    )


@router.command(
    "task_change",
    allow=Authority.ORGANIZER,
    label=T("Change a task"),
    help=T("Change when a task is, how long, or how many do it. Seats on shifts whose time stays are kept."),
    sample=(T("cleaning"), T("every week sat 11:00")),
    asks={
        "what": _WHICH,
        "when": Asks(_WhenKind.question, instead=(T("As it is"), {})),
        "time": Asks(T("How long? Choose, or write it, like {example}.", example=Typed("1h30"))),
        "crew": Asks(_CrewKind.question),
    },
)
async def task_change(
    context: Context,
    *,
    what: _Task,
    when: _When | None = None,
    time: Duration | None = None,
    crew: _Crew | None = None,
) -> Reply:
    """Shifts whose time stays keep their crew; the others are made anew, and whoever had a seat hears it."""
    if not (when or time or crew):
        raise Refusal(T("What shall be different? Write it like this: {example}", example=task_change.example))
    await _check(context, time or what.minutes, crew or what.crew)
    changed = await shifts.change(
        context.tx,
        what,
        timing=what.timing if when is None else _timing(context, when),
        zone=what.zone if when is None else context.committee.zone,
        minutes=time or what.minutes,
        crew=crew or what.crew,
    )
    gone = await shifts.make_shifts(context.tx, changed, now=context.now)
    told = await _tell_gone(context, gone, T("The time of a task has changed: {task}", task=_task_words(changed)))
    body = {"task": changed.id, "is": "changed", "member": context.member.id, **_figures_of(changed)}
    await entries.append(context.tx, context.committee, "rota_task", body, now=context.now)
    words = lines(
        _task_words(changed),
        N("I have told {n} person whose shift is gone.", "I have told {n} people whose shifts are gone.", told)
        if told
        else None,
    )
    if context.place is None or context.place.private:
        await context.announce(words)
    return Reply(words, buttons=((_all_shifts(),),))


async def _ending(context: Context, *, what: RotaTask) -> Words:
    ahead = await shifts.within(context.tx, context.committee.id, context.now, context.now + rule.AHEAD)
    people_ = {one.member_id for shift in ahead if shift.task.id == what.id for one in shift.holders}
    return lines(
        T("Shall {task} end? Its shifts ahead vanish.", task=what.called),
        N("I tell the {n} person who has a seat.", "I tell the {n} people who have a seat.", len(people_))
        if people_
        else None,
    )


@router.command(
    "task_end",
    allow=Authority.ORGANIZER,
    label=T("End a task"),
    help=T("End a task: its shifts ahead vanish, and whoever has a seat hears it."),
    sample=(T("cleaning"),),
    asks={"what": _WHICH},
    confirm=_ending,
)
async def task_end(context: Context, *, what: _Task) -> Reply:
    """What was done stays in the books."""
    called = what.called
    await shifts.end(context.tx, what)
    gone = await shifts.make_shifts(context.tx, replace(what, listed=False), now=context.now)
    told = await _tell_gone(context, gone, T("A task has ended: {task}", task=called))
    body = {"task": what.id, "is": "ended", "member": context.member.id}
    await entries.append(context.tx, context.committee, "rota_task", body, now=context.now)
    words = lines(
        T("The task has ended: {task}", task=called),
        N("I have told {n} person whose shift is gone.", "I have told {n} people whose shifts are gone.", told)
        if told
        else None,
    )
    if context.place is None or context.place.private:
        await context.announce(words)
    return Reply(words)


async def _tell_gone(context: Context, gone: Sequence[Shift], why: Text) -> int:
    """Whoever had a seat on one of these hears that it is gone, once; how many they are."""
    having: dict[int, list[Shift]] = {}
    for shift in gone:
        for holder in shift.holders:
            having.setdefault(holder.member_id, []).append(shift)
    for member_id, theirs in sorted(having.items()):
        member = await people.member_now(context.tx, context.committee.id, member_id)
        if member is None or not member.active:
            continue
        whens = Listed(tuple(_when_words(shift) for shift in theirs[:TOLD_MAX]))
        words = T("Your shift is gone: {shifts}.", shifts=whens)
        if len(theirs) > 1:
            words = T("Your {n} shifts are gone, among them: {shifts}.", n=len(theirs), shifts=whens)
        await context.tell(member, lines(why, words), about=(theirs[0].task.thing,))
    return len(having)


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
    today = _now(context)
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
        parts += [T("{title}", title=Bold(title)), *map(_shift_words, some[:room])]
        if len(some) > room:
            parts.append(N("and {n} more", "and {n} more", len(some) - room))
    if not parts:
        parts = [T("No shifts this week and next week."), T("{tasks} shows the tasks.", tasks=_TASKS)]
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
        told.append(_shift_words(one))
        told += await _last_words(context, one)
        buttons += _own_buttons(context, one)
    if len(own) > TOLD_MAX:
        told.append(N("and {n} more", "and {n} more", len(own) - TOLD_MAX))
    if not own:
        told.append(T("You have no shift."))
    if free:
        told += [T("{title}", title=_FREE), *map(_shift_words, free[:TOLD_MAX])]
        buttons += [(_taking(one),) for one in free[:TOLD_MAX]]
    buttons += [(_learning(one),) for one in learn[:2]]
    return Reply(lines(*told), buttons=(*buttons, (_all_shifts(),)), private=True)


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
    done = Button(label=T("Done: {shift}", shift=_named(shift)), says=shift_done.says(shift=shift.id))
    return [(done,), (_problem(context, shift), *first, last)]


def _problem(context: Context, shift: Shift) -> Button:
    return Button(
        label=T("Problem: {shift}", shift=_named(shift)),
        says=context.commands.asking(shift_problem.says(shift=shift.id)),
    )


def _missing(shift: Shift) -> Button:
    return Button(label=T("I was not there"), says=shift_missed.says(shift=shift.id))


# --- the life of a shift -----------------------------------------------------------------------------------------


async def _shift(context: Context, id_: int) -> Shift:
    found = await shifts.shift(context.tx, context.committee.id, id_)
    if found is None:
        raise Refusal(T("That shift is gone. {shifts} shows what there is.", shifts=_SHIFTS), private=True)
    return found


async def _own(context: Context, id_: int) -> tuple[Shift, Assignment]:
    """A shift on which one has a seat, and has not said yet how it went. Raises Refusal."""
    shift = await _shift(context, id_)
    holder = shift.of(context.member.id)
    if holder is None:
        raise Refusal(T("You have no seat there. {shifts} shows what there is.", shifts=_SHIFTS), private=True)
    if holder.state not in shifts.OPEN:
        raise Refusal(T("You have said already how it went."), private=True)
    return shift, holder


@router.command("seat_take", allow=Authority.MEMBER, typed=False, help=T("Take an open seat on a shift."))
async def seat_take(context: Context, *, shift: Reference, trainee: _Trainee = "") -> Reply:
    """Whoever presses first has it."""
    found = await _shift(context, shift)
    if context.member.child:
        raise Refusal(T("Children have no turns."), private=True)
    if found.end <= context.now or not found.task.listed:
        raise Refusal(T("That shift is over. {shifts} shows what there is.", shifts=_SHIFTS), private=True)
    if found.of(context.member.id) is not None:
        raise Refusal(T("You have a seat there already."), private=True)
    await _at_one_time(context, found)
    free = found.open(trainee=bool(trainee))
    taken = None
    if free:
        taken = await shifts.assign(context.tx, free[0], context.member, stage="frozen", agreed=True, now=context.now)
    if taken is None:
        raise Refusal(T("All seats are taken. {shifts} shows what is open.", shifts=_SHIFTS), private=True)
    words = lines(
        T("It is yours: {shift}", shift=_named(found)),
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
            raise Refusal(T("At that time you are elsewhere: {shift}", shift=_named(one)), private=True)


@router.command(
    "seat_back", allow=Authority.MEMBER, typed=False, help=T("Give a seat back: somebody else may take it.")
)
async def seat_back(context: Context, *, shift: Reference) -> Reply:
    """One tap, and no reason is asked. Shortly before, the group hears that there is a seat."""
    found, holder = await _own(context, shift)
    if found.end <= context.now:
        raise Refusal(T("That shift is over. Say how it went: {shifts}", shifts=_SHIFTS), private=True)
    await shifts.give_back(context.tx, holder, found, now=context.now)
    now_ = await _shift(context, shift)
    if now_.lacking and now_.at - context.now <= rule.LATE:
        await context.announce(
            T("A seat is free again: {shift}", shift=_shift_words(now_)),
            buttons=((Button(label=T("I'll take it"), says=seat_take.says(shift=now_.id)),),),
        )
    return Reply(T("The seat is open again: {shift}. Thank you for saying so.", shift=_named(found)), private=True)


@router.command("shift_here", allow=Authority.MEMBER, typed=False, help=T("Say that you are there."))
async def shift_here(context: Context, *, shift: Reference) -> Reply:
    """Nothing follows from it but that the others know."""
    found, holder = await _own(context, shift)
    if context.now < found.at - rule.HERE_BEFORE:
        raise Refusal(T("It has not begun yet: {shift}", shift=_named(found)), private=True)
    await shifts.here(context.tx, holder, found, now=context.now)
    fresh = await _shift(context, shift)
    return Reply(
        T("Good that you are there: {shift}", shift=_named(found)),
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
        raise Refusal(T("It has not begun yet: {shift}", shift=_named(shift)), private=True)


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
                T("{name} tells of a problem: {shift}", name=context.member.name, shift=_named(found)),
                T("“{note}”", note=what),
            )
            await context.tell(organizer, words, about=(holder.thing,))
    return await _finish(context, found, holder, "problem")


async def _finish(context: Context, shift: Shift, holder: Assignment, state: Literal["done", "problem"]) -> Reply:
    await shifts.over(context.tx, holder, shift, state, now=context.now)
    credit = await _credit(context, shift, holder)
    words = lines(T("Thank you! {shift}", shift=_named(shift)), credit)
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
        T("Noted: {shift}. Nothing follows from it; thank you for saying so.", shift=_named(found)), private=True
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
            todo.append(Todo(words=T("Is it done? {shift}", shift=_named(one)), buttons=(done, _missing(one))))
        elif one.at - context.now <= SOON:
            todo.append(Todo(words=T("Your shift: {shift}", shift=_named(one)), buttons=(_giving(one, T("Can't")),)))
    return todo


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """Seats that are needed in the next days and that nobody has."""
    found = await shifts.within(context.tx, context.committee.id, context.now, context.now + NEXT_DAYS)
    lacking = [one for one in found if one.lacking]
    if not lacking:
        return []
    told = Listed(tuple(_named(one) for one in lacking[:TOLD_MAX]))
    words = N(
        "Somebody is needed for {n} shift: {shifts}.",
        "Somebody is needed for {n} shifts: {shifts}.",
        len(lacking),
        shifts=told,
    )
    return [Todo(words=words, buttons=(_all_shifts(),))]
