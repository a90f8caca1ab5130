"""Making a poll step by step, templates, polls that come again, and how many open in a week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from bot import making
from bot.arguments import Found, Kind, LongNote, Note, Number, Off, Reading, Reference, Word, choice, note
from bot.chat import Button, Card, Link, Reply, Saying
from bot.dialogue import answer_button
from bot.domain import pollline, pollqueue
from bot.domain.pollline import Line
from bot.domain.recurrence import instant
from bot.polls import all_processes, found, in_languages
from bot.router import SKIPPED, Asks, Authority, Context, Router, Telling
from bot.text import Bold, N, Refusal, T, Text, Typed, Words, lines
from storage import due, entries, notes, patterns, polls
from storage.database import Transaction
from storage.patterns import Pattern
from storage.people import Committee

router = Router("making", under="polls")

KINDS: Mapping[str, Text] = {
    "poll": T("Everybody chooses one"),
    "several": T("Choose all that are fine"),
    "ranked": T("Put them in order"),
    "score": T("Give points"),
    "dots": T("Share out dots"),
    "proposal": T("Yes or no"),
    "consent": T("Does anybody object?"),
    "consensus": T("Do all agree?"),
    "advice": T("I want advice"),
    "temperature": T("How do you feel about it?"),
    "checkin": T("How are we?"),
    "election": T("Choose people"),
}
"""What kinds of polls there are, for whoever knows none of their names."""
TEMPLATE_CHARACTERS_MAX = 60
TEMPLATES_MAX = 20
SHOWN_MAX = 10
_ALL_TEMPLATES = Typed("/poll", T("templates"))
_NAME_EXAMPLE = T("template meeting place")
_CHANGED_EXAMPLE = T("template meeting place, closes fri 20:00")
_SOME_TIME = datetime(2026, 1, 5, 10, 0)  # noqa: DTZ001 - a wall time, to see whether words can be read at all


# --- step by step ------------------------------------------------------------------------------------------------


class _UntilKind(Kind[str]):
    """Until when, in words: they are read when the poll is made."""

    expected = T("until when, like {example}", example=making.WHEN)
    example = "fri 20:00"
    question = T("Until when can people vote? Choose, or write it, like {example}.", example=making.WHEN)
    rest = True

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        said = " ".join(word.text for word in words)
        settings = pollline.read_settings(f"closes {said}", now=_SOME_TIME) or pollline.read_settings(
            said, now=_SOME_TIME
        )
        return Found(said, len(words)) if words and settings is not None and _sets(settings) else None

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        if not isinstance(data, str) or len(data) > notes.CHARACTERS_MAX:
            raise ValueError("not until when")
        return data


def _sets(settings: Sequence[Mapping[str, Any]]) -> bool:
    return all("closes" in one or "length" in one for one in settings)


_Question = Annotated[str, note(pollline.QUESTION_CHARACTERS_MAX)]
_Until = Annotated[str, _UntilKind()]
_Names = Annotated[
    str,
    choice(
        "shown",
        "hidden",
        expected=T("{shown} or {hidden}", shown=Typed("shown"), hidden=Typed("hidden")),
        labels={"shown": T("Names shown"), "hidden": T("Names hidden")},
    ),
]


async def _ends(context: Context) -> Sequence[tuple[Text | str, Any]]:
    return [
        (T("Tomorrow evening"), "tomorrow 20:00"),
        (T("In 3 days"), "3 days"),
        (T("In a week"), "7 days"),
    ]


@router.command(
    "poll_begin",
    allow=Authority.MEMBER,
    typed=False,
    help=T("Make a poll step by step."),
    repeatable=True,
    in_place=True,
)
async def poll_begin(context: Context) -> Reply:
    """What kind of poll? In a group: the way to private."""
    if not context.in_private:
        words = T(
            "I ask you step by step in private. Or write it in one line: {example}",
            example=making.EXAMPLE,
        )
        return Reply(words, buttons=((Link(label=T("Make a poll in private"), says=poll_begin.says()),),))
    question = context.tx.token()
    listed = [(name, label) for name, label in KINDS.items() if name in all_processes()]
    listed += [(one.name, in_languages(one.title)) for one in all_processes().values() if one.host and one.listed]
    buttons = [
        answer_button(label, context.commands.asking(_asking_for(name)), context.member, question, once=False)
        for name, label in listed
    ]
    rows = [tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2)]
    kept = await patterns.all_of(context.tx, context.committee.id, "template")
    last = ((Button(label=T("Templates"), says=poll_templates.says()),),) if kept else ()
    return Reply(
        lines(T("{title}", title=Bold(T("New poll"))), T("What kind of poll?")), buttons=(*rows, *last), private=True
    )


def _asking_for(name: str) -> Saying:
    """What is said of a kind of poll before anything else is known."""
    if all_processes()[name].own == "needed":
        return poll_options.says(kind=name)
    says = poll_new.says(kind=name)
    return replace(says, arguments={**says.arguments, "options": SKIPPED})


_ASK_QUESTION = Asks(T("What do you want to ask? Write it in one message."))


@router.command(
    "poll_options",
    allow=Authority.MEMBER,
    typed=False,
    title=T("New poll"),
    help=T("The options of a poll that is being made."),
    in_place=True,
    asks={
        "question": _ASK_QUESTION,
        "options": Asks(T("Which options are there? Write the first one, or several, each on a line of its own.")),
        "more": Asks(T("Which others? Write the next one, or several lines."), instead=(T("That is all"), {})),
    },
)
async def poll_options(
    context: Context, *, kind: Note, question: _Question, options: LongNote, more: LongNote = ""
) -> Reply | Card | None:
    """One option after the other, until that is all."""
    found_ = [*_options(options), *_options(more)]
    fault = pollline.options_fault(found_)
    if fault is not None and not (more and fault == "one"):
        raise Refusal(making.fault_words(fault, found_))
    if more:
        says = poll_options.says(kind=kind, question=question, options="\n".join(found_))
    else:
        says = poll_new.says(kind=kind, question=question, options="\n".join(found_))
    return await context.say(context.commands.asking(says), authority=context.authority)


def _options(written: str) -> list[str]:
    """Options that stand on lines of their own, or with | between them."""
    return [words for line in written.replace("|", "\n").splitlines() if (words := " ".join(line.split()))]


async def _asked_first(
    context: Context, *, kind: str, question: str, until: str, names: str, options: str = ""
) -> Words:
    said, draft = _said(context, kind, question, until, names, options)
    _, closes = making.times(context, draft, said)
    process = all_processes()[draft.process]
    hidden = draft.secrecy == "hidden"
    return lines(
        T("{title}: {what}", title=in_languages(process.title), what=Bold(draft.question)),
        *(T("{n}. {what}", n=n, what=option) for n, option in enumerate(draft.options, start=1)),
        T("{how} Open until {until}.", how=in_languages(process.meaning), until=closes),
        T("Names are hidden from members.") if hidden else T("Names are shown."),
        T("Shall I ask the group?"),
    )


def _said(
    context: Context, kind: str, question: str, until: str, names: str, options: str
) -> tuple[Line, making.Draft]:
    """What was answered, as a line would say it. Raises Refusal."""
    now = making.wall(context)
    settings = pollline.read_settings(f"closes {until}", now=now) or pollline.read_settings(until, now=now) or []
    values = {name: value for one in settings for name, value in one.items()}
    if not settings or not _sets(settings):
        raise Refusal(
            T("I do not understand “{words}”. Write it like this: {example}", words=until, example=making.WHEN)
        )
    said = Line(
        process=kind,
        question=" ".join(question.split()),
        options=tuple(_options(options)),
        hidden=names == "hidden",
        **values,
    )
    return said, making.drafted(said)


@router.command(
    "poll_new",
    allow=Authority.MEMBER,
    typed=False,
    title=T("New poll"),
    help=T("Make a poll step by step."),
    in_place=True,
    asks={
        "question": _ASK_QUESTION,
        "until": Asks(_UntilKind.question, _ends),
        "names": Asks(T("Shall others see who voted what?")),
    },
    confirm=_asked_first,
)
async def poll_new(
    context: Context, *, kind: Note, question: _Question, until: _Until, names: _Names, options: LongNote = ""
) -> Reply | Card | None:
    """All that was answered, made a poll."""
    said, _ = _said(context, kind, question, until, names, options)
    return await making.make(context, said)


# --- polls that come again ---------------------------------------------------------------------------------------


@router.command("poll_recur", allow=Authority.CLOCK, typed=False, help=T("A poll comes again."))
async def poll_recur(context: Context, *, pattern: Reference) -> None:
    """The next one of a series. Where its words were erased, it has ended."""
    series = await patterns.get(context.tx, context.committee.id, pattern)
    if series is None:
        return
    if not series.words:
        await _end(context, series)
        return
    draft = _of_pattern(series)
    closes = instant(making.wall(context) + timedelta(minutes=series.minutes), context.committee.zone)
    made = await making.kept(context, draft, None, closes, maker_id=series.maker_id)
    await patterns.made(context.tx, series, made)
    if await making.voters(context, made):
        await making.open_or_queue(context, made)


def _of_pattern(pattern: Pattern) -> making.Draft:
    question, *options = pattern.words
    return making.Draft(
        process=pattern.process,
        method=pattern.method,
        rule=pattern.rule,
        secrecy=pattern.secrecy,
        question=question,
        options=tuple(options),
        days=1,
    )


async def _end(context: Context, series: Pattern) -> None:
    await due.cancel(context.tx, making.series_key(series))
    await patterns.end(context.tx, series, now=context.now)


@router.command(
    "poll_stop", allow=Authority.MEMBER, typed=False, help=T("A poll of yours that comes again does so no more.")
)
async def poll_stop(context: Context, *, number: Number) -> Reply:
    """The one that is open goes on."""
    there = await found(context, number)
    series = await patterns.of_poll(context.tx, there)
    if series is None:
        raise Refusal(T("Poll {number} does not come again.", number=number))
    await making.check_own(context, there)
    await _end(context, series)
    await polls.set_state(context.tx, there, there.state)
    words = T("Poll {number} comes no more. One that is open goes on.", number=number)
    await context.tell_group(words)
    return Reply(words)


# --- templates ---------------------------------------------------------------------------------------------------


@router.command(
    "poll_keep", allow=Authority.MEMBER, typed=False, help=T("Keep a poll as a template of the committee, by a name.")
)
async def poll_keep(context: Context, *, number: Number, note: Note = "") -> Reply:
    """Question, options and rules of it; who voted what is not in it."""
    there = await found(context, number)
    name = " ".join(note.replace(",", " ").split())
    example = Typed(f"/poll {number}", _NAME_EXAMPLE)
    if not name:
        raise Refusal(T("How shall the template be called? Write it like this: {example}", example=example))
    if len(name) > TEMPLATE_CHARACTERS_MAX:
        raise Refusal(T("The name is too long: {n} characters at most.", n=TEMPLATE_CHARACTERS_MAX))
    if there.says is not None or there.question is None:
        raise Refusal(T("This poll cannot be kept as a template: it has no words of its own."))
    if await patterns.named(context.tx, context.committee.id, name) is not None:
        raise Refusal(
            T(
                "There is a template with that name. Delete it first: {templates}",
                templates=_ALL_TEMPLATES,
            )
        )
    if len(await patterns.all_of(context.tx, context.committee.id, "template")) >= TEMPLATES_MAX:
        raise Refusal(T("There are {n} templates already. Delete one first.", n=TEMPLATES_MAX))
    options = [one.words.text for one in there.standing if one.words is not None]
    await patterns.add(
        context.tx,
        context.committee,
        "template",
        process=there.process,
        method=there.method,
        rule=there.rule,
        secrecy=there.secrecy,
        minutes=making.minutes_open(there, context.committee.zone),
        words=(there.question.text, *options),
        maker_id=context.member.id,
        now=context.now,
        name=name,
    )
    begin = T("template {name}", name=name)
    return Reply(T("Kept as “{name}”. Begin it with {line}", name=name, line=Typed("/poll", begin)))


@router.command(
    "poll_template", allow=Authority.MEMBER, typed=False, help=T("Begin a poll from one of the committee's templates.")
)
async def poll_template(context: Context, *, note: Note = "") -> Reply | Card | None:
    """By its name, and what is to be otherwise this time behind a comma."""
    name, _, rest = note.partition(",")
    if not name.strip():
        return await poll_templates.handler(context)
    pattern = await patterns.named(context.tx, context.committee.id, name)
    if pattern is None:
        raise Refusal(
            T(
                "There is no template “{name}”. What there is: {templates}",
                name=name.strip(),
                templates=_ALL_TEMPLATES,
            )
        )
    return await _from_template(context, pattern, rest.strip())


async def _from_template(context: Context, pattern: Pattern, settings: str) -> Reply | Card | None:
    draft = _of_pattern(pattern)
    said = Line(process=None, question=draft.question, options=draft.options)
    if settings:
        read = making.read(context, f"?, {settings}")
        if read.question != "?" or read.options:
            raise Refusal(
                T(
                    "I do not understand “{words}”. Write it like this: {example}",
                    words=settings,
                    example=Typed("/poll", _CHANGED_EXAMPLE),
                )
            )
        said = replace(read, question=draft.question, options=draft.options)
    if said.closes is None and said.length is None:
        said = replace(said, length=timedelta(minutes=pattern.minutes))
    process = all_processes().get(draft.process) or all_processes()["poll"]
    draft = replace(draft, rule=making.with_settings(draft.rule, process, draft.method, said))
    if said.hidden is not None:
        draft = replace(draft, secrecy="hidden" if said.hidden else "open")
    return await making.make_of(context, draft, said)


@router.command(
    "poll_templates",
    allow=Authority.MEMBER,
    typed=False,
    help=T("The committee's templates of polls."),
    repeatable=True,
)
async def poll_templates(context: Context, *, note: Note = "") -> Reply:
    """Each with what can be done with it."""
    there = await patterns.all_of(context.tx, context.committee.id, "template")
    if not there:
        raise Refusal(
            T(
                "There is no template yet. Keep a poll as one: {example}",
                example=Typed("/poll 12", _NAME_EXAMPLE),
            )
        )
    begin = T("template {name}", name=there[0].name or "")
    told = [T("{name}: {what}", name=one.name or "", what=one.words[0]) for one in there]
    buttons = [
        (
            Button(label=T("Ask: {name}", name=one.name or ""), says=poll_again.says(template=one.id)),
            Button(label=T("Delete: {name}", name=one.name or ""), says=poll_forget.says(template=one.id), once=True),
        )
        for one in there[:SHOWN_MAX]
    ]
    return Reply(
        lines(
            T("{title}", title=Bold(T("Templates"))),
            *told,
            T("Begin one: {line}", line=Typed("/poll", begin)),
        ),
        buttons=tuple(buttons) if context.in_private else (),
    )


@router.command("poll_again", allow=Authority.MEMBER, typed=False, help=T("Begin a poll from a template."))
async def poll_again(context: Context, *, template: Reference) -> Reply | Card | None:
    """By its button."""
    return await _from_template(context, await _template(context, template), "")


@router.command("poll_forget", allow=Authority.MEMBER, typed=False, help=T("Delete a template."))
async def poll_forget(context: Context, *, template: Reference) -> Reply:
    """Whoever kept it, or an organizer."""
    there = await _template(context, template)
    if there.maker_id != context.member.id and "organizer" not in context.roles:
        raise Refusal(T("Only whoever kept it, or an organizer, can delete it."))
    await patterns.end(context.tx, there, now=context.now)
    return Reply(T("Deleted: the template “{name}”.", name=there.name or ""))


async def _template(context: Context, id_: int) -> Pattern:
    there = await patterns.get(context.tx, context.committee.id, id_)
    if there is None or not there.words:
        raise Refusal(T("That template is gone. What there is: {templates}", templates=_ALL_TEMPLATES))
    return there


# --- how many in a week ------------------------------------------------------------------------------------------


def _cap_told(*, count: int = 0, off: str = "") -> Text:
    if not count:
        return T("From now on as many polls open in a week as are asked for.")
    return N(
        "From now on at most {n} poll opens in a week; more wait for room. What is urgent does not wait.",
        "From now on at most {n} polls open in a week; more wait for room. What is urgent does not wait.",
        count,
    )


@router.command(
    "poll_cap",
    allow=Authority.COMMITTEE,
    within="polls",
    help=T("How many polls open in a week at most; more wait in a queue."),
    proposal=_cap_told,
)
async def poll_cap(context: Context, *, count: Number = 0, off: Off = "") -> Reply:
    """The committee's own rule."""
    if not count and not off:
        now = await making.cap(context)
        example, without = Typed("/poll_cap 3"), Typed("/poll_cap off")
        if now is None:
            raise Refusal(T("As many polls open in a week as are asked for. Set it: {example}", example=example))
        raise Refusal(
            N(
                "At most {n} poll opens in a week. Change it: {example} or {off}",
                "At most {n} polls open in a week. Change it: {example} or {off}",
                now,
                example=example,
                off=without,
            )
        )
    if count > pollqueue.CAP_MAX:
        raise Refusal(T("At most {n}; or {off}.", n=pollqueue.CAP_MAX, off=Typed("/poll_cap off")))
    await entries.decide_rule(context.tx, context.committee, making.CAP_RULE, count, now=context.now)
    await making.serve_queue(context)
    return Reply(_cap_told(count=count, off=off))


@router.entry("rule", making.CAP_RULE, about="rules")
async def cap_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """How many from then on."""
    return _cap_told(count=body[making.CAP_RULE])


@router.command("poll_queue", allow=Authority.CLOCK, typed=False, help=T("A poll that waited opens."))
async def poll_queue(context: Context) -> None:
    """There is room."""
    await making.serve_queue(context)
