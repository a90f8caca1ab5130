"""The rota on paper: for members without a phone, and for the day on which the bot is down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from babel import dates
from pydantic import Field, TypeAdapter

from bot.arguments import Found, Kind, PersonKind, Reading, Word
from bot.chat import DOCUMENT_CHARACTERS_MAX, Document, Reply
from bot.domain import board as words_
from bot.domain import paper as rule
from bot.domain.paper import Calls, Headings, Paper
from bot.domain.recurrence import instant
from bot.router import Authority, Context, Router
from bot.text import Bold, N, Refusal, T, Text, Typed, duration, lines, shown
from storage import people, rotas, shifts
from storage.database import Transaction
from storage.people import Committee, Member
from storage.shifts import Shift

_TITLE = T("The rota on paper")
router = Router("paper", under="shifts")

WEEKS = 2
_WEEK_WORDS = frozenset(map(words_.plain, ["week", "weeks", "semana", "semanas", "woche", "wochen"]))


class _WeeksKind(Kind[int]):
    """So many weeks, this one among them: `4 weeks`, `4w`, `4`."""

    fixed = True
    expected = T("a number of weeks from 1 to {most}, like {example}", most=rule.WEEKS_MAX, example=Typed("4"))
    example = "4"
    question = T("For how many weeks?")
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, ge=1, le=rule.WEEKS_MAX)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[int] | None:
        number = words[0].text.lower().removesuffix("w") if words else ""
        if not number.isascii() or not number.isdigit():
            return None
        if not 1 <= int(number[:9]) <= rule.WEEKS_MAX:
            raise Refusal(T("A rota is there for 1 to {most} weeks. Say how many of them.", most=rule.WEEKS_MAX))
        follows = len(words) > 1 and words_.plain(words[1].text) in _WEEK_WORDS
        return Found(int(number), 2 if follows else 1)

    def dump(self, value: int) -> int:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> int:
        return self._adapter.validate_python(data)

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, int]]:
        return [(N("{n} week", "{n} weeks", n), n) for n in (1, 2, 4, 8)]


Weeks = Annotated[int, _WeeksKind()]


@router.command(
    "paper",
    allow=Authority.MEMBER,
    label=_TITLE,
    help=T("The rota of the next weeks to print, with whom to call when somebody cannot come."),
    sample=("4",),
    repeatable=True,
)
async def paper(context: Context, *, weeks: Weeks = WEEKS) -> Reply:
    """A file for whoever asks, in private: it is a list of names."""
    start = rotas.first_day(context.committee, now=context.now)
    end = instant(datetime.combine(start + timedelta(weeks=weeks), time()), context.committee.zone)
    found = await shifts.within(context.tx, context.committee.id, context.now, end, limit=rule.SHIFTS_MAX + 1)
    if not found:
        raise Refusal(T("There are no shifts to print. {tasks} shows the tasks.", tasks=Typed("/tasks")))
    text = rule.page(await _paper(context, found, start, weeks)) if len(found) <= rule.SHIFTS_MAX else ""
    if not text or len(text) > DOCUMENT_CHARACTERS_MAX:
        raise Refusal(T("That is too much for paper. Ask for fewer weeks: {paper}", paper=Typed("/paper", "1")))
    return Reply(
        lines(
            T("{title}", title=Bold(_TITLE)),
            N("{n} shift.", "{n} shifts.", len(found)),
            T(
                "Open the file and print it: in the browser's menu under “Print” or “Share”. There you can also save "
                "it as a PDF for a copy shop."
            ),
            T("There are names on it: hang it up only where your committee meets."),
        ),
        private=True,
        document=Document(name=f"rota-{start}.html", text=text),
    )


async def _paper(context: Context, found: Sequence[Shift], start: date, weeks: int) -> Paper:
    committee = context.committee
    instance = await rotas.instance(context.tx, committee, now=context.now, weeks=weeks)
    names = await _names(context, [int(one.id) for one in instance.members])
    tasks = {one.task.id: one.task for one in found}
    calls = [
        Calls(
            task=_say(committee, task.called),
            names=tuple(names[int(one)] for one in rule.call_order(instance, str(task.id))[: rule.CALLED_MAX]),
        )
        for task in tasks.values()
    ]
    return Paper(
        language=committee.reader.language,
        title=_say(committee, T("Rota of {committee}", committee=committee.name)),
        made=_say(committee, T("As of {now}. What has changed since then stands in the chat.", now=context.now)),
        weeks=tuple(_week(committee, found, names, start, number, weeks) for number in range(weeks)),
        calls=tuple(sorted(calls, key=lambda one: one.task.casefold())),
        people=tuple(sorted(names.values(), key=str.casefold)),
        headings=_headings(committee),
    )


def _say(committee: Committee, words: Text) -> str:
    """In the committee's language; in both, where it has two."""
    reader = committee.reader
    first = shown(words, reader)
    if reader.second is None:
        return first
    again = shown(words, replace(reader, language=reader.second, second=None))
    return first if again == first else f"{first} / {again}"


def _long_day(committee: Committee, day: date) -> str:
    """The day with its weekday, as it begins a line."""
    reader = committee.reader
    told = [
        f"{dates.format_date(day, 'EEEE', locale=language)}, "
        + dates.format_skeleton("MMMd", datetime.combine(day, time()), locale=language)
        for language in (reader.language, reader.second)
        if language is not None
    ]
    return " / ".join(one[0].upper() + one[1:] for one in told)


async def _names(context: Context, ids: Sequence[int]) -> dict[int, str]:
    """What members are called; who has a namesake, with what tells them apart."""
    found = {}
    for id_ in ids:
        member = await people.member(context.tx, context.committee.id, id_)
        if member is not None:
            found[id_] = member.name
    twice = {name for name, count in Counter(found.values()).items() if count > 1}
    for name in sorted(twice):
        for member in await people.members_named(context.tx, context.committee.id, name):
            if found.get(member.id) == name:
                label = PersonKind().label(member)
                found[member.id] = label if isinstance(label, str) else _say(context.committee, label)
    return found


def _week(
    committee: Committee, found: Sequence[Shift], names: dict[int, str], start: date, number: int, weeks: int
) -> rule.Week:
    monday = start + timedelta(weeks=number)
    sunday = monday + timedelta(days=6)
    days: dict[date | None, list[rule.Line]] = {}
    for one in found:
        first, last = one.local.date(), _last_day(one)
        # What is done at any time stands in the week in which it has to be done.
        at = min(max(last if one.until is not None else first, start), start + timedelta(weeks=weeks, days=-1))
        if monday <= at <= sunday:
            days.setdefault(first if first == last or one.until is None else None, []).append(
                _line(committee, one, names)
            )
    order = sorted(days, key=lambda day: day or date.max)
    return rule.Week(
        title=_say(committee, T("{first} to {last}", first=monday, last=sunday)),
        days=tuple(
            rule.Day(
                title=_say(committee, T("At any time")) if day is None else _long_day(committee, day),
                lines=tuple(days[day]),
            )
            for day in order
        ),
        none=_say(committee, T("No shifts.")),
    )


def _last_day(shift: Shift) -> date:
    """The last day on which a shift can be done."""
    return shift.local.date() if shift.until is None else (shift.until - timedelta(days=1)).date()


def _line(committee: Committee, shift: Shift, names: dict[int, str]) -> rule.Line:
    if shift.until is None:
        # Each task has a zone of its own, in which its hours are meant.
        when = f"{shift.local:%H:%M}"
    elif shift.local.date() == _last_day(shift):
        when = _say(committee, T("any time"))
    else:
        when = _say(committee, T("until {day}", day=_last_day(shift)))
    learning = {seat.holder.id for seat in shift.seats if seat.trainee and seat.holder is not None}
    free = shift.open()
    return rule.Line(
        when=when,
        length=duration(shift.minutes),
        task=_say(committee, shift.task.called),
        names=tuple(
            _say(committee, T("{name} (learning)", name=name)) if one.id in learning else name
            for one in shift.holders
            for name in [names.get(one.member_id, one.name)]
        ),
        needed=shift.lacking,
        more=len(free) - shift.lacking,
    )


def _headings(committee: Committee) -> Headings:
    def say(words: Text) -> str:
        return _say(committee, words)

    return Headings(
        when=say(T("When")),
        task=say(T("Task")),
        who=say(T("Who")),
        done=say(T("tick when it is done")),
        needed=say(T("needed")),
        how=say(
            T(
                "Write your name on an empty line to take a seat. Tick the box when it is done: somebody with a phone "
                "enters it later."
            )
        ),
        calls=say(T("Who is called when somebody cannot come")),
        call_how=say(T("In this order: first whoever has done least of their share. Everybody may say no.")),
        nobody=say(T("Nobody can take it over just now.")),
        phones=say(T("Telephone numbers")),
        phone_how=say(T("To be filled in by hand, by whoever wants to be called. The bot knows no numbers.")),
        name=say(T("Name")),
        phone=say(T("Telephone")),
    )
