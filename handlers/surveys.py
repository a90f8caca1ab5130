"""Surveys: several questions, asked one after another in private, and told as figures when they close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from bot import drawing
from bot.arguments import Note, Number, OnOff, Reference, Table
from bot.chat import Bar, Bars, Button, Card, Chart, Document, Link, Reply, Shown
from bot.domain import pollline, processes
from bot.domain import surveys as rule
from bot.gatherings import (
    add,
    begin,
    closable,
    closes_at,
    due_now,
    end,
    heading,
    of_kind,
    opened,
    opens_at,
    over,
    read,
    rows,
    until,
)
from bot.gatherings import number_in as number_of
from bot.polls import all_processes, cast, in_languages, may_vote, named, of_id, secrecy_words, turnout
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View
from bot.text import Bold, Listed, N, Reader, Refusal, T, Text, Typed, Words, lines, shown, supported
from storage import ballots, dialogues, entries, polls, surveys
from storage.digests import Since
from storage.polls import Poll, Verdict
from storage.surveys import Question

router = Router("surveys", under="polls")

ANSWER_WITHIN = timedelta(days=1)
"""So long a question that is answered in words waits for the answer."""
WORDS_SHOWN_MAX = 3
"""So many answers in words stand on the card; all are in the table."""
NAMES_MAX = 12
_QUESTION = Typed(T("How is the food? | good | bad"))
_EXAMPLE = Typed("/survey", T("Our kitchen | ..."))


# --- making ------------------------------------------------------------------------------------------------------


@router.command(
    "survey",
    allow=Authority.MEMBER,
    within="poll",
    label=T("Survey"),
    help=T("Several questions, asked in private: a title, then one question in each line, with its options behind |."),
    sample=(T("Our kitchen"),),
    asks={
        "line": Asks(
            T(
                "Write it in one message: the title in the first line, then one question in each line. Options stand "
                "behind it with | between them; a question without options is answered in words; (several) in it lets "
                "people choose more than one."
            )
        )
    },
)
async def survey(context: Context, *, line: Table) -> Reply | Card | None:
    """Several lines make one; a number shows one, and in private asks what is not answered yet."""
    number = number_of(line)
    if number is not None:
        there = await of_kind(context, number, "survey")
        if context.in_private and there.state == "open":
            return await _next(context, there)
        return Card("poll", there.id)
    title, *rest = [one.strip() for one in line.splitlines() if one.strip()]
    if not rest:
        raise Refusal(
            T(
                "The questions are missing. Write the title, and under it one question in each line, with its options "
                "behind it: {example}",
                example=_QUESTION,
            )
        )
    if len(rest) > rule.QUESTIONS_MAX:
        raise Refusal(T("At most {n} questions. Ask about less, or in two surveys.", n=rule.QUESTIONS_MAX))
    said = read(context, title, _EXAMPLE)
    last, settings = pollline.take_out_all(rest[-1])
    if settings:
        behind = read(context, f"{title}{settings}", _EXAMPLE)
        said = behind if said.closes is None else said
    asked = [_question(one, at) for at, one in enumerate([*rest[:-1], last], start=1)]
    opens = opens_at(context, said)
    usual = (opens or context.now) + timedelta(days=all_processes()["survey"].days)
    made = await add(
        context,
        "survey",
        title=said.question,
        options=(),
        opens=opens,
        closes=closes_at(context, said, opens=opens, otherwise=usual),
        secrecy="open" if said.hidden is False else "hidden",
    )
    hashes = await surveys.add(context.tx, made, asked, by=context.member.id, now=context.now)
    body = {"poll": made.number, "asks": len(asked), "words": hashes}
    await entries.append(context.tx, context.committee, "poll", body, now=context.now)
    return await begin(context, made, opening=survey_open, ending=survey_due)


def _question(line: str, number: int) -> rule.Asked:
    try:
        return rule.read_question(line, number)
    except rule.Unclear as unclear:
        raise Refusal(_UNCLEAR[unclear.why](number)) from unclear


_UNCLEAR = {
    "empty": lambda n: T("Question {n} has no words. Write it before its options.", n=n),
    "long": lambda n: T("Question {n} is too long. Say it shorter.", n=n),
    "one": lambda n: T("Question {n} has one option. Write at least two, or none: then it is answered in words.", n=n),
    "many": lambda n: T("Question {n} has too many options: {most} at most.", n=n, most=rule.OPTIONS_MAX),
    "twice": lambda n: T("Two of the options of question {n} are the same. Write each once.", n=n),
}


@router.command("survey_open", allow=Authority.CLOCK, typed=False, help=T("A survey opens."))
async def survey_open(context: Context, *, poll: Reference) -> None:
    """Its time has come."""
    await opened(context, poll, ending=survey_due)


@router.entry("poll", "asks", about="decisions")
async def asked_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """What a survey asks; the words themselves stand elsewhere."""
    return N("Poll {number} asks {n} question.", "Poll {number} asks {n} questions.", body["asks"], number=body["poll"])


@router.entry("poll", "answers", about="decisions")
async def answered_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """How many answers in words a survey has come to."""
    return N(
        "Poll {number} got {n} answer in words.",
        "Poll {number} got {n} answers in words.",
        body["answers"],
        number=body["poll"],
    )


# --- answering ---------------------------------------------------------------------------------------------------


def _words(question: Question) -> Text:
    return T("{question}", question=question.words or T("(erased)"))


def _option(question: Question, place: int) -> Text:
    return T("{option}", option=question.options[place] or T("(erased)"))


async def _said(context: Context, there: Poll) -> dict[str, Any]:
    own = await ballots.of(context.tx, there, context.member.id)
    return {} if own is None else dict(own.choice)


@router.command("survey_ask", allow=Authority.MEMBER, typed=False, help=T("Answer a survey."), in_place=True)
async def survey_ask(context: Context, *, number: Number, place: Number | None = None) -> Reply:
    """The question with this number; without one, the first that is not answered."""
    there = await of_kind(context, number, "survey")
    if place is None:
        return await _next(context, there)
    await may_vote(context, there, context.member)
    return await _ask(context, there, place)


async def _next(context: Context, there: Poll, *, after: int = 0) -> Reply:
    await may_vote(context, there, context.member)
    questions = await surveys.questions(context.tx, there)
    said = await _said(context, there)
    place = rule.next_question([one.place for one in questions], map(int, said), after=after)
    if place is not None:
        return await _ask(context, there, place)
    await dialogues.close(context.tx, context.member.id)
    n = len(said)
    words = lines(
        T("{title}", title=Bold(T("{question}", question=there.question or T("(erased)")))),
        T("You have answered {n} of {all} questions. Thank you.", n=n, all=len(questions)),
        T("You can change that until {until}.", until=until(there)),
    )
    left = [one.place for one in questions if str(one.place) not in said]
    buttons = [Button(label=T("Change my answers"), says=survey_ask.says(number=there.number, place=1))]
    if left:
        says = survey_ask.says(number=there.number, place=left[0])
        buttons.insert(0, Button(label=T("Answer what I skipped"), says=says))
    if said:
        buttons.append(Button(label=T("Take my answers back"), says=survey_back.says(poll=there.id)))
    return Reply(words, buttons=tuple((one,) for one in buttons), private=True)


async def _ask(context: Context, there: Poll, place: int) -> Reply:
    """One question, with what can be answered."""
    questions = await surveys.questions(context.tx, there)
    question = next((one for one in questions if one.place == place), None)
    if question is None:
        raise Refusal(T("There is no question {n} in this survey.", n=place), private=True)
    said = (await _said(context, there)).get(str(place))
    await dialogues.close(context.tx, context.member.id)
    told: list[Words | None] = [
        T("{title}: question {n} of {all}", title=Bold(_title(there)), n=place, all=len(questions)),
        _words(question),
    ]
    buttons: list[tuple[Button, ...]] = []
    if question.kind == "free":
        says = survey_say.says(poll=there.id, place=place)
        expires = min(context.now + ANSWER_WITHIN, until(there))
        await dialogues.ask(context.tx, context.member.id, says, "what", expires_at=expires)
        before = await surveys.answer_of(context.tx, there, question, context.member.id)
        told.append(T("So far you have written: “{words}”", words=before) if before is not None else None)
        told.append(T("Write your answer here, as a message."))
    elif question.kind == "several":
        chosen = set(said) if isinstance(said, list) else set()
        told.append(T("Tap all that fit, then {next}.", next=Bold(T("Next"))))
        buttons += rows([_toggle(there, question, option, on=option not in chosen) for option in question.options], 1)
    else:
        buttons += rows([_choice(there, question, option, chosen=option == said) for option in question.options], 1)
    last = []
    if place > 1:
        last.append(Button(label=T("Back"), says=survey_ask.says(number=there.number, place=place - 1)))
    onwards = survey_next.says(poll=there.id, place=place)
    last.append(Button(label=T("Next") if said is not None else T("Skip"), says=onwards))
    return Reply(lines(*told), buttons=(*buttons, tuple(last)), private=True)


def _title(there: Poll) -> Text:
    return T("{question}", question=there.question or T("(erased)"))


def _choice(there: Poll, question: Question, option: int, *, chosen: bool) -> Button:
    words = _option(question, option)
    return Button(
        label=T("{option} (chosen)", option=words) if chosen else words,
        says=survey_choose.says(poll=there.id, place=question.place, option=option),
    )


def _toggle(there: Poll, question: Question, option: int, *, on: bool) -> Button:
    words = _option(question, option)
    return Button(
        label=words if on else T("{option} (chosen)", option=words),
        says=survey_tick.says(poll=there.id, place=question.place, option=option, switch="on" if on else "off"),
    )


@router.command("survey_next", allow=Authority.MEMBER, typed=False, help=T("The next question."), in_place=True)
async def survey_next(context: Context, *, poll: Reference, place: Number) -> Reply:
    """The one behind this one, answered or not; behind the last one, what was answered."""
    there = await of_id(context, poll)
    await may_vote(context, there, context.member)
    questions = await surveys.questions(context.tx, there)
    if place < len(questions):
        return await _ask(context, there, place + 1)
    return await _next(context, there, after=len(questions))


async def _asked(context: Context, poll: int, place: int, *kinds: rule.Kind) -> tuple[Poll, Question]:
    there = await of_id(context, poll)
    found = [one for one in await surveys.questions(context.tx, there) if one.place == place and one.kind in kinds]
    if not found:
        raise Refusal(T("There is no question {n} in this survey.", n=place), private=True)
    return there, found[0]


@router.command("survey_choose", allow=Authority.MEMBER, typed=False, help=T("Answer a question."), in_place=True)
async def survey_choose(context: Context, *, poll: Reference, place: Reference, option: Reference) -> Reply:
    """One of its options; then the next question."""
    there, question = await _asked(context, poll, place, "one")
    if option not in question.options:
        raise Refusal(T("That cannot be chosen any more. Choose another option."), private=True)
    await cast(context, there, {**await _said(context, there), str(place): option})
    return await _next(context, there, after=place)


@router.command("survey_tick", allow=Authority.MEMBER, typed=False, help=T("Tick an answer."), in_place=True)
async def survey_tick(
    context: Context, *, poll: Reference, place: Reference, option: Reference, switch: OnOff
) -> Reply:
    """One of several options; a double tap ticks it once."""
    there, question = await _asked(context, poll, place, "several")
    if option not in question.options:
        raise Refusal(T("That cannot be chosen any more. Choose another option."), private=True)
    said = await _said(context, there)
    chosen = set(said.get(str(place), [])) - {option}
    if switch == "on":
        chosen |= {option}
    await cast(context, there, {**said, str(place): sorted(chosen)})
    return await _ask(context, there, place)


@router.command("survey_say", allow=Authority.MEMBER, typed=False, help=T("Answer a question in words."))
async def survey_say(context: Context, *, poll: Reference, place: Reference, what: Note) -> Reply:
    """Words of one's own; then the next question."""
    there, question = await _asked(context, poll, place, "free")
    await may_vote(context, there, context.member)
    await surveys.answer(context.tx, there, question, context.member.id, what)
    await cast(context, there, {**await _said(context, there), str(place): True})
    return await _next(context, there, after=place)


@router.command("survey_back", allow=Authority.MEMBER, typed=False, help=T("Take your answers back."))
async def survey_back(context: Context, *, poll: Reference) -> Reply:
    """All of them; one can answer again."""
    there = await of_id(context, poll)
    await may_vote(context, there, context.member)
    await surveys.take_back(context.tx, there, context.member.id)
    if not await ballots.withdraw(context.tx, there, context.member.id):
        raise Refusal(T("You have not voted in poll {number}.", number=there.number), private=True)
    again = Button(label=T("Answer"), says=survey_ask.says(number=there.number))
    return Reply(T("I have erased your answers."), buttons=((again,),), private=True)


# --- closing -----------------------------------------------------------------------------------------------------


@router.command("survey_due", allow=Authority.CLOCK, typed=False, help=T("A survey closes."))
async def survey_due(context: Context, *, poll: Reference) -> None:
    """Its time is over."""
    there = await due_now(context, poll)
    if there is not None:
        await _close(context, there)


@router.command("survey_close", allow=Authority.MEMBER, typed=False, help=T("Close a survey of yours."))
async def survey_close(context: Context, *, number: Number) -> Reply | None:
    """Whoever made it closes it, once everybody has answered."""
    await _close(context, await closable(context, number, "survey"))
    return None


@router.command("survey_withdrawn", allow=Authority.CLOCK, typed=False, help=T("A survey is withdrawn."))
async def survey_withdrawn(context: Context, *, poll: Reference) -> None:
    """What was written leads to nobody any more, and is gone."""
    there = await of_id(context, poll)
    await surveys.seal(context.tx, there, keep=False)
    await ballots.seal(context.tx, there)


async def _close(context: Context, there: Poll) -> None:
    questions = await surveys.questions(context.tx, there)
    turned = await turnout(context, there)
    few = there.secrecy == "hidden" and turned.voters < processes.HIDDEN_BALLOTS_MIN
    verdict: Verdict = "too_few" if few else "told"
    result: dict[str, Any] = {"voters": turned.voters, "roll": turned.roll}
    if not few:
        options = {one.place: list(one.options) for one in questions}
        found = rule.totals(options, [one.choice for one in await ballots.all_of(context.tx, there)])
        result["questions"] = {
            str(place): {"answered": answered, "totals": {str(option): n for option, n in counts.items()}}
            for place, (counts, answered) in found.items()
        }
    await surveys.seal(context.tx, there, keep=not few)
    await ballots.seal(context.tx, there)
    hashes = await surveys.hashes(context.tx, there)
    if hashes:
        body = {"poll": there.number, "answers": len(hashes), "words": hashes}
        await entries.append(context.tx, context.committee, "poll", body, now=context.now)
    closed = await end(context, there, verdict, result)
    told = lines(await heading(context, closed), *(_nothing(closed) if few else [_closed_words(closed)]))
    show = context.commands.named("poll_show").says(number=closed.number)
    await context.announce(told, buttons=() if few else ((Button(label=T("See the answers"), says=show),),))


def _closed_words(there: Poll) -> Text:
    result = there.result or {}
    return T("The survey is closed. Answered: {n} of {all}.", n=result.get("voters", 0), all=result.get("roll", 0))


def _nothing(there: Poll) -> list[Words]:
    return [
        N(
            "Fewer than {n} have answered: that would tell who said what. So nothing is counted, and what was written "
            "is erased.",
            "Fewer than {n} have answered: that would tell who said what. So nothing is counted, and what was written "
            "is erased.",
            processes.HIDDEN_BALLOTS_MIN,
        )
    ]


# --- results -----------------------------------------------------------------------------------------------------


def _result(there: Poll, question: Question) -> tuple[dict[int, int], int]:
    """How often each option was chosen, and how many have answered."""
    found = (there.result or {}).get("questions", {}).get(str(question.place), {"answered": 0, "totals": {}})
    return {option: found["totals"].get(str(option), 0) for option in question.options}, found["answered"]


async def _names(context: Context | View, there: Poll, question: Question) -> dict[int, list[Text]]:
    """Who chose what, where names are shown."""
    told: dict[int, list[Text]] = {}
    if there.secrecy != "open":
        return told
    for member_id, ballot in (await ballots.by_voter(context.tx, there)).items():
        said = ballot.choice.get(str(question.place))
        for option in said if isinstance(said, list) else [said] if question.kind == "one" and said else []:
            told.setdefault(option, []).append(await named(context, context.committee, member_id))
    return told


async def _told(context: Context | View, there: Poll, *, words_max: int) -> list[Words]:
    """What came of each question."""
    told: list[Words] = []
    for question in await surveys.questions(context.tx, there):
        counts, answered = _result(there, question)
        told.append(
            T(
                "{n}. {question} ({answered} answered)",
                n=question.place,
                question=Bold(_words(question)),
                answered=answered,
            )
        )
        names = await _names(context, there, question)
        for option, n in counts.items():
            who = names.get(option, [])
            told.append(
                T("{option}: {n} ({names})", option=_option(question, option), n=n, names=Listed(tuple(who)))
                if 0 < len(who) <= NAMES_MAX
                else T("{option}: {n}", option=_option(question, option), n=n)
            )
        if question.kind == "free":
            written = await surveys.answers(context.tx, question)
            told += [T("“{words}”", words=one) for one in written[:words_max]]
            more = len(written) - words_max
            told.append(N("and {n} more", "and {n} more", more)) if more > 0 else None
    return told


@router.command(
    "survey_table", allow=Authority.MEMBER, typed=False, help=T("What a survey came to, as a file."), repeatable=True
)
async def survey_table(context: Context, *, number: Number) -> Reply:
    """Question, answer, how often: for spreadsheets. Nobody's answers stand beside each other."""
    there = await _closed(context, number)
    reader = _reader(context)
    found: list[Sequence[str]] = []
    for question in await surveys.questions(context.tx, there):
        counts, _ = _result(there, question)
        names = await _names(context, there, question)
        asked = shown(_words(question), reader)
        for option, n in counts.items():
            who = ", ".join(shown(one, reader) for one in names.get(option, []))
            found.append((asked, shown(_option(question, option), reader), str(n), who))
        if question.kind == "free":
            found += [(asked, words, "1", "") for words in await surveys.answers(context.tx, question)]
    header = [shown(one, reader) for one in (T("Question"), T("Answer"), T("How often"), T("Who"))]
    if there.secrecy != "open":
        header, found = header[:3], [row[:3] for row in found]
    return Reply(
        T("The answers of survey {number} are in this file; the order tells nothing.", number=number),
        private=True,
        document=Document(name=f"survey-{number}.csv", text=rule.table(header, found)),
    )


@router.command(
    "survey_picture",
    allow=Authority.MEMBER,
    typed=False,
    help=T("What a survey came to, as a picture."),
    repeatable=True,
)
async def survey_picture(context: Context, *, number: Number) -> Reply:
    """Bars for each question that has options; the words say the same."""
    there = await _closed(context, number)
    words = lines(await heading(context, there), *await _told(context, there, words_max=WORDS_SHOWN_MAX))
    if not drawing.available():
        return Reply(words)
    reader = _reader(context) if context.in_private or context.pressed else context.committee.reader
    parts = []
    for question in await surveys.questions(context.tx, there):
        counts, answered = _result(there, question)
        bars = [Bar(shown(_option(question, option), reader), n, str(n)) for option, n in counts.items()]
        if bars:
            parts.append(Bars(shown(_words(question), reader), tuple(bars), max(answered, 1)))
    if not parts:
        return Reply(words)
    return Reply(words, document=Chart(name=f"survey-{number}", title=shown(_title(there), reader), parts=tuple(parts)))


async def _closed(context: Context, number: int) -> Poll:
    there = await of_kind(context, number, "survey")
    if there.state != "closed" or there.verdict == "too_few":
        raise Refusal(
            T(
                "There is nothing to see of survey {number}. {poll} shows it.",
                number=number,
                poll=Typed(f"/poll {number}"),
            ),
            private=True,
        )
    return there


def _reader(context: Context) -> Reader:
    chosen = context.person.language if context.person is not None else None
    return Reader(supported(chosen) or context.committee.language, context.committee.zone)


@router.card("survey")
async def survey_card(view: View, ref: int) -> Shown | None:
    """How many questions, and how to answer; once it is closed, what came of them."""
    there = await polls.get(view.tx, view.committee.id, ref)
    if there is None or there.state == "draft":
        return None
    top = await heading(view, there)
    if (words := over(there)) is not None:
        return Shown(lines(top, words))
    if there.state == "closed":
        if there.verdict == "too_few":
            return Shown(lines(top, *_nothing(there)))
        buttons = [Button(label=T("All answers as a file"), says=survey_table.says(number=there.number))]
        if drawing.available():
            buttons.append(Button(label=T("As a picture"), says=survey_picture.says(number=there.number)))
        return Shown(lines(top, *await _told(view, there, words_max=WORDS_SHOWN_MAX)), buttons=(tuple(buttons),))
    count = len(await surveys.questions(view.tx, there))
    process = all_processes()["survey"]
    turned = await turnout(view, there)
    says = survey_ask.says(number=there.number)
    label = T("Answer in private")
    button = Button(label=T("Answer"), says=says) if view.private else Link(label=label, says=says)
    return Shown(
        lines(
            top,
            N(
                "{n} question. {how} Open until {until}.",
                "{n} questions. {how} Open until {until}.",
                count,
                how=in_languages(process.meaning),
                until=until(there),
            ),
            T("Answered: {n} of {all}. Names are shown.", n=turned.voters, all=turned.roll)
            if there.secrecy == "open"
            else secrecy_words(there),
            N(
                "It is counted if at least {n} answers.",
                "It is counted if at least {n} answer.",
                processes.HIDDEN_BALLOTS_MIN,
            )
            if there.secrecy == "hidden"
            else None,
        ),
        buttons=((button,),),
    )


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """Which surveys have closed."""
    told = []
    for _, body in await entries.since(context.tx, context.committee.id, since.entry, "poll"):
        one = await polls.numbered(context.tx, context.committee.id, body["poll"])
        if "closed" in body and one is not None and one.method == "survey":
            told.append(Todo(words=lines(await heading(context, one), _closed_words(one))))
    return told
