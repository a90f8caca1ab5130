"""Roles go round: which do, for how long at a time, and how the next one is found; draws that everybody can check."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from bot.arguments import Found, Kind, Reading, Word
from bot.chat import Reply
from bot.domain import board as words_
from bot.domain import lot, offices
from bot.domain import rounds as rule
from bot.domain import shifts as shifts_rule
from bot.domain.offices import Stretch
from bot.domain.rounds import How
from bot.rounds import called, how_words, rule_words
from bot.router import Authority, Context, Router, Telling
from bot.shifts import wall
from bot.text import Bold, N, Refusal, T, Text, Typed, Words, lines
from storage import due, entries, roles, rounds, rules, shifts
from storage.database import Transaction
from storage.people import Committee, Member
from storage.rounds import Round
from storage.shifts import RotaTask, Shift

router = Router("rounds", under="rota")

LOOKED_AT = time(10)
"""The wall time at which it is seen what goes round: nobody is woken."""
AGAIN_AFTER = timedelta(days=14)
"""Where everybody was asked for a role in vain, they are asked again after so long."""
OFFICES: Sequence[str] = ("organizer", "delegate", "treasurer", "care", "teller", "legal")
DRAWS_TOLD_MAX = 5
_LOT = T("lot")
_DEFICIT = T("deficit")
_DRAWS_TITLE = Bold(T("Draws"))
TERM_RULE = "organizer_term"


# --- what can be said --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """What goes round: a task of the rota, or a role that the committee gives."""

    task: RotaTask | None = None
    role: str | None = None

    @property
    def called(self) -> Text | str:
        """Its name."""
        return offices.titled(self.role or "") if self.task is None else self.task.called


class _ThingKind(Kind[Thing]):
    """A task by its name, else a role. Ids and names of ours, so they may stand in the books."""

    fixed = True
    expected = T("a task of the rota or a role, like {example}", example=Typed(T("chair")))
    example: str | Text = T("chair")
    question = T("Which task or role shall go round?")

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Thing] | None:
        if reading.committee is None or not words or not first:
            return None
        texts = [word.text for word in words]
        most = next((at for at in range(1, len(texts)) if rule.begins(texts[at:])), len(texts))
        there = await shifts.tasks(reading.tx, reading.committee.id)
        role = offices.spelled(texts[0].strip(",;"))
        as_role = [Thing(role=role)] if role in OFFICES else []
        for count in range(min(most, 8), 0, -1):
            said = " ".join(texts[:count]).strip(" ,;")
            exact = [one for one in there if words_.plain(said) in map(words_.plain, one.names)]
            if not exact and as_role and count == 1:
                break
            found = exact or [one for one in there if any(words_.found_by(said, name) for name in one.names)]
            if found:
                things = [Thing(task=one) for one in found]
                return Found(things[0], count, tuple(things[1:]))
        return Found(as_role[0], 1) if as_role else None

    def dump(self, value: Thing) -> Any:
        return {"role": value.role} if value.task is None else {"task": value.task.id}

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Thing:
        found = await self.recall(data, tx, committee)
        if found.task is not None and not found.task.listed:
            raise Refusal(T("That task has ended. {tasks} shows what there is.", tasks=Typed("/tasks")))
        return found

    async def recall(self, data: Any, tx: Transaction, committee: Committee | None) -> Thing:
        if not isinstance(data, dict) or len(data) != 1:
            raise ValueError("not a thing that goes round")
        role, id_ = data.get("role"), data.get("task")
        if role in OFFICES:
            return Thing(role=role)
        task = await shifts.task(tx, committee.id, id_) if committee is not None and isinstance(id_, int) else None
        if task is None:
            raise Refusal(T("That task has ended. {tasks} shows what there is.", tasks=Typed("/tasks")))
        return Thing(task=task)

    def label(self, value: Thing) -> str | Text:
        return value.called

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, Thing]]:
        tasks = [(one.called, Thing(task=one)) for one in await shifts.tasks(tx, member.committee_id)]
        return [*tasks, *((offices.titled(one), Thing(role=one)) for one in OFFICES)]


Term = Stretch | Literal["each"]


class _TermKind(Kind[Term]):
    """How long a term is; `each`: each time that the task comes."""

    fixed = True
    expected = T("how long a term is, like {example}", example=Typed(T("every 4 weeks")))
    example: str | Text = T("every 4 weeks")
    question = T(
        "How long shall somebody have it at a time? Choose, or write it, like {example}.",
        example=Typed(T("every 4 weeks")),
    )

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Term] | None:
        found = rule.read_term([word.text for word in words])
        if found is None:
            return None
        if found[0] != "each" and offices.days(found[0]) > offices.STRETCH_DAYS_MAX:
            raise Refusal(T("That is too long: three years at most."))
        return Found(*found)

    def dump(self, value: Term) -> Any:
        return "each" if value == "each" else {"count": value.count, "unit": value.unit}

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Term:
        if data == "each":
            return "each"
        if not isinstance(data, dict) or data.keys() != {"count", "unit"}:
            raise ValueError("not a stretch of time")
        found = offices.read_stretch([f"{data['count']} {data['unit']}"])
        if found is None or offices.days(found[0]) > offices.STRETCH_DAYS_MAX:
            raise ValueError("not a stretch of time")
        return found[0]

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, Term]]:
        usual = (Stretch(count=4, unit="weeks"), Stretch(count=3, unit="months"), Stretch(count=6, unit="months"))
        return [(T("Each time"), "each"), *((one.words, one) for one in usual)]


class _HowKind(Kind[How]):
    """How the next one is found."""

    fixed = True
    expected = T("{lot} or {deficit}", lot=Typed(_LOT), deficit=Typed(_DEFICIT))
    example: str | Text = T("lot")
    question = T("How is the next one found?")

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[How] | None:
        found = rule.read_how([word.text for word in words])
        return Found(*found) if found else None

    def dump(self, value: How) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> How:
        for how in rule.HOWS:
            if data == how:
                return how
        raise ValueError("not a way")

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, How]]:
        return [(T("By lot"), "lot"), (T("By deficit: who has had least of it"), "deficit")]


class _CountKind(Kind[int]):
    """A small number after the words that say what it counts."""

    def __init__(
        self,
        *,
        reader: Callable[[Sequence[str]], tuple[int, int] | None],
        within: tuple[int, int],
        example: Text,
        question: Text,
        offers: Sequence[int],
    ) -> None:
        self._reader, self._within, self._offers = reader, within, offers
        self.example: str | Text = example
        self.expected = T("a number, like {example}", example=Typed(example))
        self.question = question

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[int] | None:
        texts = [word.text for word in words]
        found = self._reader(texts)
        if found is None and len(texts) == 1 and texts[0].isdecimal() and len(texts[0]) < 4:
            # Alone, as an answer, a figure will do.
            found = int(texts[0]), 1
        if found is None:
            return None
        least, most = self._within
        if not least <= found[0] <= most:
            raise Refusal(
                T("From {least} to {most}, like {example}.", least=least, most=most, example=Typed(self.example))
            )
        return Found(*found)

    def dump(self, value: int) -> int:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> int:
        if isinstance(data, bool) or not isinstance(data, int) or not self._within[0] <= data <= self._within[1]:
            raise ValueError("not such a number")
        return data

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, int]]:
        return [(str(one), one) for one in self._offers]


_Thing = Annotated[Thing, _ThingKind()]
_Term = Annotated[Stretch | Literal["each"], _TermKind()]
_How = Annotated[How, _HowKind()]
_Most = Annotated[
    int,
    _CountKind(
        reader=rule.read_most,
        within=(1, rule.MOST_MAX),
        example=T("at most 2 in a row"),
        question=T("How many terms in a row may somebody have it, at most?"),
        offers=(1, 2, 3),
    ),
]
_Pause = Annotated[
    int,
    _CountKind(
        reader=rule.read_pause,
        within=(0, rule.PAUSE_MAX),
        example=T("pause 2"),
        question=T("And then for how many terms do they have a pause?"),
        offers=(0, 1, 2, 3),
    ),
]


# --- what the committee decides ------------------------------------------------------------------------------------


def _becomes(*, what: Thing, term: Term, how: How, most: int, pause: int) -> Text:
    stretch = _own_stretch(what) if term == "each" else term
    if stretch is None:
        return T("{role} goes round.", role=what.called)
    told = Round(
        id=0, committee_id=0, task=what.task, role=what.role, how=how, stretch=stretch,
        first=date.min, most=most, pause=pause, listed=True,
    )  # fmt: skip
    return _told(told)


def _told(round_: Round) -> Text:
    return T(
        "{role} goes round: {how}. {rule}", role=called(round_), how=how_words(round_.how), rule=rule_words(round_)
    )


def _own_stretch(what: Thing) -> Stretch | None:
    return None if what.task is None else rule.each(what.task.timing)


@router.command(
    "role_task",
    allow=Authority.COMMITTEE,
    label=T("A role goes round"),
    help=T(
        "A task or role goes round: how long a term is, by lot or by deficit, how often in a row, how long a pause."
    ),
    sample=(T("chair"), T("every 4 weeks"), T("lot"), T("at most 2 in a row"), T("pause 2")),
    proposal=_becomes,
)
async def role_task(context: Context, *, what: _Thing, term: _Term, how: _How, most: _Most, pause: _Pause) -> Reply:
    """The committee's rule. It gives nobody anything: who is next is asked, and a role is given as it always is."""
    stretch = _own_stretch(what) if term == "each" else term
    if what.task is not None and what.task.timing.rule is None:
        raise Refusal(T("{task} is only once: it cannot go round.", task=what.task.called))
    if stretch is None:
        raise Refusal(T("Say how long a term is, like {example}.", example=Typed(T("6 months"))))
    if what.role is not None and offices.days(stretch) < rule.OFFICE_DAYS_MIN:
        raise Refusal(T("Such a role is held for four weeks at least, like {example}.", example=Typed(T("6 months"))))
    if what.task is not None and offices.days(stretch) < offices.days(_own_stretch(what) or stretch):
        raise Refusal(T("A term cannot be shorter than the time from one to the next: {task}", task=what.task.called))
    there = await rounds.of_committee(context.tx, context.committee.id)
    if len(there) >= rounds.ROUNDS_MAX:
        raise Refusal(T("{n} roles go round already. End one first in {roles}.", n=len(there), roles=Typed("/roles")))
    made = await rounds.put(
        context.tx,
        context.committee.id,
        task=what.task,
        role=what.role,
        how=how,
        stretch=stretch,
        most=most,
        pause=pause,
        today=wall(context).date(),
    )
    body = {"round": made.id, "is": "made", **_figures(made)}
    await entries.append(context.tx, context.committee, "round", body, now=context.now)
    if what.role is not None:
        await _give_terms(context, what.role, stretch)
    await _plan_days(context)
    words = _told(made)
    await context.announce(words, but=context.place)
    await _look(context)
    return Reply(words)


def _figures(round_: Round) -> dict[str, Any]:
    return {
        "task": None if round_.task is None else round_.task.id,
        "role": round_.role,
        "how": round_.how,
        "term": f"{round_.stretch.count} {round_.stretch.unit}",
        "most": round_.most,
        "pause": round_.pause,
    }


async def _give_terms(context: Context, role: str, stretch: Stretch) -> None:
    """Whoever has the role has a term now; for organizers it is the rule of their terms, as by `/term`."""
    kept = {"count": stretch.count, "unit": stretch.unit}
    ends = offices.term_ends(context.now, stretch, context.committee.zone)
    anew = role == "organizer" and await rules.get(context.tx, context.committee.id, TERM_RULE) != kept
    if anew:
        await entries.decide_rule(context.tx, context.committee, TERM_RULE, kept, now=context.now)
    for one in await roles.held(context.tx, context.committee.id):
        if one.role == role and (anew or one.term_ends is None):
            await roles.set_term(context.tx, one.id, ends)
            # What comes of it is planned anew when terms are looked after, every day.
            await due.cancel(context.tx, f"role:{one.id}")


async def _plan_days(context: Context) -> None:
    daily = context.commands.named("rounds_day")
    await due.plan(
        context.tx,
        f"rounds:{context.committee.id}",
        daily.says(),
        local=datetime.combine(wall(context).date() + timedelta(days=1), LOOKED_AT),
        zone=context.committee.zone,
        committee=context.committee.id,
        late="do",
        rrule="FREQ=DAILY",
        move=False,
    )


@router.command(
    "role_task_end",
    allow=Authority.COMMITTEE,
    typed=False,
    title=T("A role goes round no more"),
    label=T("A role goes round no more"),
    help=T("A task or role goes round no more."),
    proposal=lambda *, what: T("{role} goes round no more.", role=what.called),
)
async def role_task_end(context: Context, *, what: _Thing) -> Reply:
    """Who has it keeps it as long as they have it."""
    there = await _of(context, what)
    await rounds.stop(context.tx, there)
    body = {"round": there.id, "is": "ended", **_figures(there)}
    await entries.append(context.tx, context.committee, "round", body, now=context.now)
    words = T("{role} goes round no more.", role=called(there))
    await context.announce(words, but=context.place)
    return Reply(words)


async def _of(context: Context, what: Thing) -> Round:
    found = (
        await rounds.of_task(context.tx, what.task)
        if what.task is not None
        else await rounds.of_role(context.tx, context.committee.id, what.role or "")
    )
    if found is None:
        raise Refusal(T("{role} does not go round.", role=what.called))
    return found


# --- what the clock does -------------------------------------------------------------------------------------------


@router.command("rounds_day", allow=Authority.CLOCK, typed=False, help=T("It is seen whose turn it is."))
async def rounds_day(context: Context) -> None:
    """As every day."""
    await _look(context)


async def _look(context: Context) -> None:
    """Draws are announced for all terms that are planned; for those that come soon, and for roles that nobody has,
    somebody is looked for."""
    ahead = await shifts.within(context.tx, context.committee.id, context.now, context.now + shifts_rule.AHEAD)
    for one in await rounds.of_committee(context.tx, context.committee.id):
        if one.task is None:
            if await _nobody(context, one):
                await _want(context, one)
            continue
        by_turn: dict[int, list[Shift]] = {}
        for shift in ahead:
            if shift.task.id == one.task.id and (shift.at > context.now or shift.until is not None):
                by_turn.setdefault(one.turn_on(shift.local.date()), []).append(shift)
        if one.how == "lot":
            known = await rounds.announced(context.tx, one)
            for turn in sorted(by_turn.keys() - known.keys()):
                await rounds.announce(context.tx, context.committee, one, turn, now=context.now)
        soon = context.now + rule.ASKED_BEFORE
        for turn, theirs in sorted(by_turn.items()):
            if any(shift.at <= soon and shift.lacking for shift in theirs):
                await _want(context, one, turn)


async def _want(context: Context, round_: Round, turn: int | None = None) -> None:
    wanted = context.commands.named("term_wanted")
    says = wanted.says(number=round_.id) if turn is None else wanted.says(number=round_.id, turn=turn)
    await context.say(says, authority=Authority.CLOCK)


async def _nobody(context: Context, round_: Round) -> bool:
    """Whether a role is to be looked for: nobody has it, or not for long any more, and that was not done just now."""
    role = round_.role or ""
    if await roles.rotation(context.tx, context.committee.id, role) is not None:
        return False
    last = await roles.last_search(context.tx, context.committee.id, role)
    if last is not None and context.now - last < AGAIN_AFTER:
        return False
    soon = context.now + offices.WARNED_BEFORE[0]
    held = [one for one in await roles.held(context.tx, context.committee.id) if one.role == role]
    return not any(one.term_ends is None or one.term_ends > soon for one in held)


# --- draws -----------------------------------------------------------------------------------------------------------


@router.command(
    "draw_check",
    allow=Authority.MEMBER,
    listed=False,
    label=T("Check the draws"),
    help=T("I draw all lots again from what stands in the log, and tell whether the same people come out."),
    repeatable=True,
)
async def draw_check(context: Context) -> Reply:
    """The announcement's hash is the seed: it stood in the chain before anybody was drawn."""
    found = await rounds.drawn(context.tx, context.committee.id)
    if not found:
        return Reply(T("No lots have been drawn yet."))
    wrong = [number for number, body in found if not await _is_right(context, number, body)]
    told: list[Words] = [T("{title}", title=_DRAWS_TITLE)]
    for number, body in found[:DRAWS_TOLD_MAX]:
        told.append(T("{log}: {words}", log=Typed("/log", str(number)), words=await _draw_words(context, body)))
    if wrong:
        told.append(
            T("This draw does not follow from the log: {log}. Tell the others.", log=Typed("/log", str(wrong[0])))
        )
    else:
        told.append(
            N(
                "I have drawn {n} lot again, and the same came out.",
                "I have drawn {n} lots again, and the same came out.",
                len(found),
            )
        )
    return Reply(lines(*told))


async def _is_right(context: Context, number: int, body: Mapping[str, Any]) -> bool:
    seed = await rounds.seed_of(
        context.tx, context.committee.id, body["announced"], round_id=body["round"], turn=body["turn"]
    )
    if seed is None or seed != body["seed"] or body["announced"] >= number:
        return False
    return lot.order(seed, body["turn"], map(str, body["of"]))[0] == str(body["first"])


async def _draw_words(context: Context | Telling, body: Mapping[str, Any]) -> Text:
    committee = context.committee
    found = await rounds.get(context.tx, committee.id, body["round"])
    role = T("(erased)") if found is None else called(found)
    if body["is"] == "announced":
        return T("A draw is announced: {role}.", role=role)
    n = len(body["of"])
    return N("A lot was drawn among {n} person: {role}.", "A lot was drawn among {n} people: {role}.", n, role=role)


@router.entry("draw")
async def draw_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """That a draw was announced, or lots were drawn. Who came first is asked in private, and may pass unseen."""
    return await _draw_words(telling, body)


@router.entry("round")
async def round_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """That a role goes round, or does so no more."""
    found = await rounds.get(telling.tx, telling.committee.id, body["round"])
    role = T("(erased)") if found is None else called(found)
    if body["is"] == "ended":
        return T("{role} goes round no more.", role=role)
    return T("{role} goes round: {how}.", role=role, how=how_words("lot" if body["how"] == "lot" else "deficit"))
