"""How tasks of the rota and their shifts are told and named, wherever they come up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from bot.arguments import Found, Kind, Reading, Word
from bot.chat import Button
from bot.domain import board as words_
from bot.domain import shifts as rule
from bot.domain.shifts import Timing
from bot.router import Asks, Commands, Context, View
from bot.text import Listed, Minutes, N, Refusal, T, Text, Typed
from storage import shifts
from storage.database import Transaction
from storage.people import Committee, Member
from storage.shifts import Assignment, RotaTask, Shift

TASKS = Typed("/tasks")
SHIFTS = Typed("/shifts")
LINE = Typed("/task", T("cleaning"), T("every 2 weeks sat 10:00"), "2h", T("crew 2-3"))
NONE = T("There are no tasks yet. Somebody who organizes makes one: {task}", task=LINE)


def wall(context: Context | View) -> datetime:
    """The committee's wall time."""
    return context.now.astimezone(context.committee.zone).replace(tzinfo=None, microsecond=0)


def name_words(words: Sequence[Word]) -> int:
    """How many words are the name: up to the first that says something else, or a phrase in quotes."""
    if words[0].end - words[0].start > len(words[0].text):
        return 1
    texts = [word.text for word in words]
    count = 1
    while count < len(words) and rule.begins(texts[count:]) is None:
        count += 1
    return count


class _TaskKind(Kind[RotaTask]):
    """One of the committee's tasks, by its name or the beginnings of its words."""

    expected = T("a task ({tasks} shows what there is)", tasks=TASKS)
    example: str | Text = T("cleaning")
    question = T("Which task?")
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, gt=0)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[RotaTask] | None:
        if reading.committee is None or not words or not first:
            return None
        there = await shifts.tasks(reading.tx, reading.committee.id)
        for count in range(name_words(words), 0, -1):
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
            raise Refusal(T("That task has ended. {tasks} shows what there is.", tasks=TASKS))
        return found

    async def recall(self, data: Any, tx: Transaction, committee: Committee | None) -> RotaTask:
        id_ = self._adapter.validate_python(data)
        found = await shifts.task(tx, committee.id, id_) if committee is not None else None
        if found is None:
            raise Refusal(T("That task has ended. {tasks} shows what there is.", tasks=TASKS))
        return found

    def label(self, value: RotaTask) -> str | Text:
        return value.called

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, RotaTask]]:
        return [(one.called, one) for one in await shifts.tasks(tx, member.committee_id)]


def _begins_with(name: str, said: str) -> bool:
    return any(map(str.isalpha, said)) and len(said.split()) <= len(name.split()) and words_.found_by(said, name)


TaskOf = Annotated[RotaTask, _TaskKind()]


async def _all(context: Context) -> list[tuple[Text | str, RotaTask]]:
    return [(one.called, one) for one in await shifts.tasks(context.tx, context.committee.id)]


WHICH = Asks(T("Which task?"), _all, NONE)


# --- words that come again ---------------------------------------------------------------------------------------

_DAYS = (T("Monday"), T("Tuesday"), T("Wednesday"), T("Thursday"), T("Friday"), T("Saturday"), T("Sunday"))
_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def timing_words(timing: Timing) -> Text:
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


def crew_words(crew: tuple[int, int]) -> Text:
    if crew[0] == crew[1]:
        return N("{n} person", "{n} people", crew[0])
    return T("{least} to {most} people", least=crew[0], most=crew[1])


def task_words(task_: RotaTask) -> Text:
    """A task in a line: what, when, how long, how many."""
    words = T(
        "{task}: {when}, {time}, {crew}",
        task=task_.called,
        when=timing_words(task_.timing),
        time=Minutes(task_.minutes),
        crew=crew_words(task_.crew),
    )
    if task_.skill is None:
        return words
    skilled = T("{words}, needs: {skill}", words=words, skill=task_.skill)
    return T("{words}, with a seat to learn it", words=skilled) if task_.trainee else skilled


def when_words(shift: Shift) -> Text:
    """When a shift is; one that is done at any time is told by its last day."""
    if shift.until is None:
        return T("{when}", when=shift.at)
    if shift.until - shift.local <= timedelta(days=1):
        return T("{day}, any time", day=shift.local.date())
    return T("until {day}", day=(shift.until - timedelta(days=1)).date())


def named(shift: Shift) -> Text:
    return T("{task}, {when}", task=shift.task.called, when=when_words(shift))


def seats_words(shift: Shift) -> Text:
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


def shift_words(shift: Shift) -> Text:
    return T(
        "{when}, {time}: {task} ({seats})",
        when=when_words(shift),
        time=Minutes(shift.minutes),
        task=shift.task.called,
        seats=seats_words(shift),
    )


def all_shifts(commands: Commands) -> Button:
    """A button to the card of this week and next."""
    shown_ = commands.named("shifts_all")
    return Button(label=T("All shifts"), says=shown_.says())


def giving(commands: Commands, shift: Shift, *, alone: bool = False) -> Button:
    """A button that gives one's seat back. `alone`: the message is about this shift only, and need not name it."""
    back = commands.named("seat_back")
    label = T("Can't") if alone else T("Can't: {shift}", shift=named(shift))
    return Button(label=label, says=back.says(shift=shift.id))


def swapping(commands: Commands, shift: Shift, *, alone: bool = False) -> Button:
    """A button that looks for somebody with whom to exchange one's seat. `alone`: as for `giving`."""
    swap = commands.named("swap")
    label = T("Swap") if alone else T("Swap: {shift}", shift=named(shift))
    return Button(label=label, says=swap.says(shift=shift.id))
