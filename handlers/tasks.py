"""Tasks of the rota that come again: what they are, when, how long, and how many do them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from bot.arguments import Duration, Found, Kind, Reading, Word, choice
from bot.chat import Card, Reply
from bot.domain import board as words_
from bot.domain import shifts as rule
from bot.domain.shifts import Timing
from bot.router import Asks, Authority, Context, Router, Telling
from bot.shifts import (
    LINE,
    NONE,
    SHIFTS,
    WHICH,
    TaskOf,
    all_shifts,
    crew_words,
    name_words,
    task_words,
    timing_words,
    wall,
    when_words,
)
from bot.text import Bold, Listed, Minutes, N, Refusal, T, Text, Typed, Words, Written, lines
from storage import due, entries, people, shifts
from storage.database import Transaction
from storage.people import Committee, Member
from storage.shifts import RotaTask, Shift

router = Router("tasks", under="rota")

NAME_CHARACTERS_MAX = 60
SKILL_WORDS_MAX = 3
TOLD_MAX = 5
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


class _NameKind(Kind[str]):
    """What a task is called: the words before those that say when, how long, or how many."""

    expected = T("what the task is called, like {example}", example=Typed(T("cleaning")))
    example: str | Text = T("cleaning")
    question = T("What is to be done? Choose, or write a name.")
    _adapter: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(min_length=1, max_length=NAME_CHARACTERS_MAX)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        if not words or not first or rule.begins([word.text for word in words]) is not None:
            return None
        count = name_words(words)
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
        count = min(name_words(rest), SKILL_WORDS_MAX)
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


# --- tasks -------------------------------------------------------------------------------------------------------


def _timing(context: Context, when: str) -> Timing:
    """What the words mean now. Raises Refusal."""
    try:
        found = rule.read_timing(when.split(), now=wall(context))
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
            when=timing_words(timing),
            time=time,
            crew=crew_words(crew),
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
            example=Typed(*LINE.parts, T("skill first aid"), T("trainee")),
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
    daily = context.commands.named("rota_day")
    tomorrow = datetime.combine(wall(context).date() + timedelta(days=1), time(3, 30))
    await due.plan(
        context.tx,
        f"rota:{context.committee.id}",
        daily.says(),
        local=tomorrow,
        zone=context.committee.zone,
        committee=context.committee.id,
        late="do",
        rrule="FREQ=DAILY",
        move=False,
    )
    monday = datetime.combine(wall(context).date() + timedelta(days=7 - wall(context).weekday()), time())
    # How fairly it is shared is looked at each week; whoever carries much of the organizing hears it every fourth.
    for name, hour, often in (("fair_week", 4, "FREQ=WEEKLY"), ("fair_month", 10, "FREQ=WEEKLY;INTERVAL=4")):
        look = context.commands.get(name)
        assert look is not None
        await due.plan(
            context.tx,
            f"{name}:{context.committee.id}",
            look.says(),
            local=monday + timedelta(hours=hour),
            zone=context.committee.zone,
            committee=context.committee.id,
            late="do",
            rrule=often,
            move=False,
        )


async def _made(context: Context, made: Sequence[RotaTask]) -> Reply:
    ahead = await shifts.within(context.tx, context.committee.id, context.now, context.now + rule.AHEAD)
    n = sum(shift.task.id in {one.id for one in made} for shift in ahead)
    words = lines(
        *(task_words(one) for one in made),
        N(
            "{n} shift in the next 8 weeks. Take a seat: {shifts}",
            "{n} shifts in the next 8 weeks. Take a seat: {shifts}",
            n,
            shifts=SHIFTS,
        )
        if n
        else T("Its shift appears 8 weeks before."),
    )
    await context.tell_group(words)
    return Reply(words, buttons=((all_shifts(context.commands),),))


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
        return Reply(NONE)
    return Reply(
        lines(
            T("{title}", title=_TASKS_TITLE),
            *(
                T(
                    "{task}. Unpleasant: {hard} of 5, empowering: {power} of 5",
                    task=task_words(one),
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
        buttons=((all_shifts(context.commands),),),
    )


@router.command(
    "task_change",
    allow=Authority.ORGANIZER,
    label=T("Change a task"),
    help=T("Change when a task is, how long, or how many do it. Seats on shifts whose time stays are kept."),
    sample=(T("cleaning"), T("every week sat 11:00")),
    asks={
        "what": WHICH,
        "when": Asks(_WhenKind.question, instead=(T("As it is"), {})),
        "time": Asks(T("How long? Choose, or write it, like {example}.", example=Typed("1h30"))),
        "crew": Asks(_CrewKind.question),
    },
)
async def task_change(
    context: Context,
    *,
    what: TaskOf,
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
    told = await _tell_gone(context, gone, T("The time of a task has changed: {task}", task=task_words(changed)))
    body = {"task": changed.id, "is": "changed", "member": context.member.id, **_figures_of(changed)}
    await entries.append(context.tx, context.committee, "rota_task", body, now=context.now)
    words = lines(
        task_words(changed),
        N("I have told {n} person whose shift is gone.", "I have told {n} people whose shifts are gone.", told)
        if told
        else None,
    )
    await context.tell_group(words)
    return Reply(words, buttons=((all_shifts(context.commands),),))


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
    asks={"what": WHICH},
    confirm=_ending,
)
async def task_end(context: Context, *, what: TaskOf) -> Reply:
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
    await context.tell_group(words)
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
        whens = Listed(tuple(when_words(shift) for shift in theirs[:TOLD_MAX]))
        words = T("Your shift is gone: {shifts}.", shifts=whens)
        if len(theirs) > 1:
            words = T("Your {n} shifts are gone, among them: {shifts}.", n=len(theirs), shifts=whens)
        await context.tell(member, lines(why, words), about=(theirs[0].task.thing,))
    return len(having)
