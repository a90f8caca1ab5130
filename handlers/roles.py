"""Who may what, and for how long: roles with terms, recalls, and the rotation of organizers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, TypeAdapter

from bot.arguments import Found, Kind, Number, Person, Reading, Word, choice
from bot.chat import Button, Card, Reply, Saying
from bot.domain import consent, offices, turns
from bot.domain import rounds as rounds_rule
from bot.domain import shifts as rule
from bot.domain.grammar import folded
from bot.domain.offices import Stretch, Turn
from bot.domain.rotation import Instance
from bot.rounds import called, how_words, rests, rule_words, term_words
from bot.router import Asks, Authority, Context, Router, Telling, Todo
from bot.shifts import named
from bot.text import Bold, Day, Listed, N, Refusal, T, Text, Typed, Value, Words, lines
from storage import availability, due, entries, members, notes, people, proposals, roles, rotas, rounds, rules, shifts
from storage.people import Member
from storage.roles import Held, Rotation
from storage.rounds import Round

router = Router("roles", title=T("Who does what"))

ROLE_LETTERS_MAX = 30
TOLD_MAX = 8
TERM_RULE, VANISHED_RULE = "organizer_term", "vanished_days"
VANISHED_DAYS = (14, 365)
"""The shortest and the longest that a committee may set."""
LOOKED_AFTER_AT = 10
"""The wall hour at which a committee's terms and organizers are looked after: nobody is woken."""
_ROUND_TITLE = Bold(T("What goes round"))


class _RoleKind(Kind[str]):
    """A role: one of those that are known, or any other in the committee's own words."""

    expected = T("a role, like {example}", example=Typed("care"))
    example = "care"
    _written = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+)*")
    _reserved = frozenset({"end", "off", "founder"})

    def _named(self, text: str) -> str | None:
        role = offices.spelled(text) or folded(text)
        fits = self._written.fullmatch(role) and len(role) <= ROLE_LETTERS_MAX and role not in self._reserved
        return role if fits else None

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        if not words or words[0].mention is not None:
            return None
        role = self._named(words[0].text)
        if role is None and len(words[0].text) > ROLE_LETTERS_MAX:
            raise Refusal(T("A role's name has at most {n} letters.", n=ROLE_LETTERS_MAX))
        return Found(role, 1) if role else None

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Any, committee: Any) -> str:
        if not isinstance(data, str) or self._named(data) != data:
            raise ValueError("not a role")
        return data


class _StretchKind(Kind[Stretch]):
    """A stretch of the calendar."""

    expected = T("how long, like {example}", example=T("3 months"))
    example = T("3 months")
    _adapter: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(strict=True, gt=0, le=999)])

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Stretch] | None:
        found = offices.read_stretch([word.text for word in words[:2] if word.mention is None])
        if found is not None and offices.days(found[0]) > offices.STRETCH_DAYS_MAX:
            raise Refusal(T("That is too long: three years at most."))
        return Found(*found) if found else None

    def dump(self, value: Stretch) -> Any:
        return {"count": value.count, "unit": value.unit}

    async def load(self, data: Any, tx: Any, committee: Any) -> Stretch:
        found = stretch_of(data)
        if found is None or offices.days(found) > offices.STRETCH_DAYS_MAX:
            raise ValueError("not a stretch of time")
        return found


def stretch_of(data: Any) -> Stretch | None:
    """A stretch back from what is kept of it; None: there is none."""
    if not isinstance(data, dict) or data.keys() != {"count", "unit"}:
        return None
    count, unit = data["count"], data["unit"]
    fits = isinstance(count, int) and 0 < count < 1000 and unit in ("days", "weeks", "months", "years")
    return Stretch(count=count, unit=unit) if fits else None


Role = Annotated[str, _RoleKind()]
Long = Annotated[Stretch, _StretchKind()]
End = Annotated[str, choice("end", expected=T("the word {example}", example=Typed("end")))]
Off = Annotated[str, choice("off", expected=T("the word {example}", example=Typed("off")))]
YesNo = Annotated[str, choice("yes", "no", expected=T("{yes} or {no}", yes=Typed("yes"), no=Typed("no")))]


# --- seeing ------------------------------------------------------------------------------------------------------


@router.command(
    "roles",
    allow=Authority.MEMBER,
    help=T("Who does what in the committee, and until when."),
    label=T("Who does what"),
    repeatable=True,
)
async def show_roles(context: Context) -> Reply:
    """Every role that somebody holds; everybody may know."""
    held = await roles.held(context.tx, context.committee.id)
    by_role: dict[str, list[Held]] = {"organizer": []}
    for one in held:
        by_role.setdefault(one.role, []).append(one)
    mine = [one.role for one in held if one.member.id == context.member.id]
    return Reply(
        lines(
            T("{title}", title=Bold(T("Who does what"))),
            *(
                T("{role}: {names}", role=offices.titled(role), names=Listed(tuple(_holder(one) for one in ones)))
                if ones
                else T("{role}: nobody", role=offices.titled(role))
                for role, ones in by_role.items()
            ),
            *await _going_round(context),
            T("You may put down what you do: {command}", command=Typed("/stepdown", offices.titled(mine[0])))
            if mine
            else None,
            T("To give somebody a role: {command}", command=role.example),
        ),
        buttons=(
            (Button(label=T("Next organizer"), says=Saying(command="rotate")),),
            (
                Button(label=T("Ask me to organize"), says=organizing.says(answer="yes")),
                Button(label=T("Do not ask me"), says=organizing.says(answer="no")),
            ),
        ),
    )


def _holder(one: Held) -> Value:
    if one.vanished:
        return T("{name} (not seen for a while)", name=one.member.name)
    if one.term_ends is not None:
        return T("{name} (until {day})", name=one.member.name, day=Day(one.term_ends))
    return one.member.name


async def _going_round(context: Context) -> list[Text]:
    """Of each role that goes round: who has it, the how many-th time in a row, and how the next is found."""
    there = await rounds.of_committee(context.tx, context.committee.id)
    if not there:
        return []
    instance = None
    if any(one.task is not None for one in there):
        instance = await rotas.instance(context.tx, context.committee, now=context.now)
    told: list[Text] = [T("{title}", title=_ROUND_TITLE)]
    for one in there:
        told += (
            await _office_told(context, one)
            if instance is None or one.task is None
            else await _term_told(context, one, instance)
        )
    return told


def _next_words(round_: Round, n: int) -> Text:
    if not n:
        return T("Next: nobody can just now.")
    return N("Next: {how}, from {n} person.", "Next: {how}, from {n} people.", n, how=how_words(round_.how))


async def _office_told(context: Context, round_: Round) -> list[Text]:
    today = context.now.astimezone(context.committee.zone).date()
    stints = await rounds.stints(context.tx, context.committee, round_.role or "")
    held = [one for one in await roles.held(context.tx, context.committee.id) if one.role == round_.role]
    names: list[Value] = []
    for one in held:
        run = rounds_rule.run_of(stints[one.member.id], stretch=round_.stretch, today=today)
        names.append(T("{name} (term {n} of at most {most})", name=one.member.name, n=run.terms, most=round_.most))
    who = T("{role}: {names}.", role=called(round_), names=Listed(tuple(names)) if names else T("nobody"))
    following = _next_words(round_, len(await _eligible(context, round_.role or "", round_)))
    found = [T("{who} {rule} {following}", who=who, following=following, rule=rule_words(round_))]
    resting = (await rounds.rests_until(context.tx, context.committee, round_, now=context.now)).get(context.member.id)
    if resting is not None and context.in_private and not any(one.member.id == context.member.id for one in held):
        found.append(_you_rest(round_, resting))
    return found


def _you_rest(round_: Round, day: date) -> Text:
    return T("You have a pause from it until {day}, and are not asked: {role}", day=day, role=called(round_))


async def _term_told(context: Context, round_: Round, instance: Instance) -> list[Text]:
    assert round_.task is not None
    task = str(round_.task.id)
    today = context.now.astimezone(context.committee.zone).date()
    turn = round_.turn_on(today)
    ahead = [one for one in instance.seats if one.task == task and one.turn is not None and not one.trainee]
    had = await rounds.served(context.tx, [round_], before=context.now + rule.AHEAD)
    mine = [one for _, one in had.get(context.member.id, ())]

    async def told(number: int) -> list[Value]:
        names: list[Value] = []
        for member_id, terms in sorted(had.items()):
            own = [one for _, one in terms]
            member = await people.member_now(context.tx, context.committee.id, member_id)
            if number in own and member is not None and member.active:
                n = rounds_rule.in_a_row(own, number)
                names.append(T("{name} (term {n} of at most {most})", name=member.name, n=n, most=round_.most))
        return names

    names = await told(turn)
    who = T("{role}: {names}.", role=called(round_), names=T("nobody"))
    if names:
        who = T(
            "{role}: until {day} {names}.", role=called(round_), day=round_.days_of(turn)[1], names=Listed(tuple(names))
        )
    following = T("Next: nobody can just now.")
    # The rest of this term, where nobody has it, comes before the next one.
    numbers = sorted({one.turn or 0 for one in ahead if (one.turn or 0) > turn or not names})
    if numbers:
        coming = await told(numbers[0])
        holders = {one.seat: one.member for one in instance.held}
        following = _next_words(round_, len(turns.for_term(instance, holders, task, numbers[0])))
        if coming:
            day = round_.days_of(numbers[0])[0]
            following = T("Next, from {day}: {names}.", day=day, names=Listed(tuple(coming)))
    found = [T("{who} {rule} {following}", who=who, following=following, rule=rule_words(round_))]
    resting = rests(round_, mine, turn + 1)
    if resting is not None and context.in_private:
        found.append(_you_rest(round_, round_.days_of(resting)[0]))
    return found


# --- roles with terms --------------------------------------------------------------------------------------------


def _role_proposal(*, name: str, who: Member, end: str = "", term: Stretch | None = None) -> Text:
    if end:
        return T("{name} does not have the role “{role}” any more.", name=who.name, role=offices.titled(name))
    if term is None:
        return T("{name} gets the role “{role}”.", name=who.name, role=offices.titled(name))
    return T("{name} gets the role “{role}” for {time}.", name=who.name, role=offices.titled(name), time=term.words)


@router.command(
    "role",
    allow=Authority.COMMITTEE,
    label=T("Give a role"),
    asks={"name": Asks(T("Which role? Write it as an answer, like {example}.", example=Typed("care")))},
    help=T("Give a member a role for a time; {end} ends it.", end=Typed("/role end care @eli")),
    proposal=_role_proposal,
    sample=("care", "@eli", T("3 months")),
)
async def role(context: Context, *, name: Role, who: Person, end: End = "", term: Long | None = None) -> Reply:
    """Give or end a role other than organizing, which has rules of its own."""
    if name == "organizer":
        raise Refusal(
            T(
                "For organizers there are rules of their own: {organizer} appoints, {recall} ends it.",
                organizer=Typed("/organizer @eli"),
                recall=Typed("/recall @eli"),
            )
        )
    held = [one for one in await roles.held(context.tx, context.committee.id, member=who.id) if one.role == name]
    if end:
        if not held:
            raise Refusal(T("{name} does not have that role.", name=who.name))
        await _end(context, held[0])
        words = T(
            "{name} does not have the role “{role}” any more. Thank you!", name=who.name, role=offices.titled(name)
        )
        return await _announced(context, words)
    if who.child:
        raise Refusal(T("Children have no roles."))
    if held and term is None:
        raise Refusal(T("{name} has that role already.", name=who.name))
    await _rested(context, who, name)
    for one in held:
        await _end(context, one)
    ends = await _give(context, who, name, term)
    await _found(context, who, name)
    if ends is None:
        return await _announced(
            context, T("{name} has the role “{role}” now.", name=who.name, role=offices.titled(name))
        )
    return await _announced(
        context,
        T("{name} has the role “{role}” now, until {day}.", name=who.name, role=offices.titled(name), day=Day(ends)),
    )


def _term_proposal(*, time: Stretch | None = None, off: str = "") -> Text:
    if time is None:
        return T("Organizers have no term any more.")
    return T("Organizers have a term of {time}, from now on.", time=time.words)


@router.command(
    "term",
    allow=Authority.COMMITTEE,
    help=T("How long somebody organizes at a time, or {off}.", off=Typed("off")),
    proposal=_term_proposal,
    sample=(T("6 months"),),
)
async def term(context: Context, *, time: Long | None = None, off: Off = "") -> Reply:
    """The committee's rule; whoever organizes now has a term that begins now."""
    if (time is None) == (not off):
        raise Refusal(
            T(
                "Write how long, or the word off: {example} or {off}",
                example=Typed("/term", T("6 months")),
                off=Typed("/term off"),
            )
        )
    kept = None if time is None else {"count": time.count, "unit": time.unit}
    if await rules.get(context.tx, context.committee.id, TERM_RULE) == kept:
        raise Refusal(T("That is how it is already."))
    await entries.decide_rule(context.tx, context.committee, TERM_RULE, kept, now=context.now)
    ends = None if time is None else offices.term_ends(context.now, time, context.committee.zone)
    for one in await roles.held(context.tx, context.committee.id):
        if one.role == "organizer":
            await roles.set_term(context.tx, one.id, ends)
            await due.cancel(context.tx, _key(one.id))
            await _plan(context, one.id, ends)
    if time is None or ends is None:
        return await _announced(context, T("Organizers have no term now."))
    return await _announced(
        context,
        T(
            "Organizing is for {time} at a time now. For those who organize today it ends on {day}.",
            time=time.words,
            day=Day(ends),
        ),
    )


async def _give(context: Context, who: Member, name: str, term: Stretch | None) -> datetime | None:
    """Give a role and plan what its term brings; when it ends."""
    ends = None if term is None else offices.term_ends(await _begins(context, name), term, context.committee.zone)
    id_ = await people.give_role(context.tx, who.id, name, now=context.now, term_ends=ends)
    await members.roll_changed(context.tx, context.committee.id, now=context.now)
    body = {"member": who.id, **await _in_books(context, id_, name), "held": True}
    if ends is not None:
        body["term_days"] = (ends - context.now).days
    await entries.append(context.tx, context.committee, "role", body, now=context.now)
    await _plan(context, id_, ends)
    await proposals.reconsider(context.tx, context.committee.id)
    return ends


async def _begins(context: Context, name: str) -> datetime:
    """From when a term counts: where a role goes round, from the end of the term before that is about to be over."""
    if await rounds.of_role(context.tx, context.committee.id, name) is None:
        return context.now
    soon = context.now + offices.WARNED_BEFORE[0]
    held = await roles.held(context.tx, context.committee.id)
    ends = [one.term_ends for one in held if one.role == name and one.term_ends is not None and one.term_ends <= soon]
    return max([context.now, *ends])


async def _end(context: Context, held: Held) -> None:
    """End a role, and with organizing what is left of the founder's."""
    for name in (held.role, "founder") if held.role == "organizer" else (held.role,):
        await people.end_role(context.tx, held.member.id, name, now=context.now)
    await members.roll_changed(context.tx, context.committee.id, now=context.now)
    await due.cancel(context.tx, _key(held.id))
    known = {"role": held.role} if held.role in offices.KNOWN else {"role": "other"}
    body = {"member": held.member.id, **known, "id": held.id, "held": False}
    await entries.append(context.tx, context.committee, "role", body, now=context.now)
    await proposals.reconsider(context.tx, context.committee.id)


async def _in_books(context: Context, id_: int, name: str) -> dict[str, Any]:
    """A role as the chain has it: by a name that is ours, or by the hash of the committee's own words."""
    if name in offices.KNOWN:
        return {"role": name, "id": id_}
    return {"role": "other", "id": id_, "note": await notes.keep(context.tx, f"role:{id_}", name)}


async def _announced(context: Context, words: Words) -> Reply:
    """The answer, which the whole committee hears: in every group where it is not given anyway."""
    await context.announce(words, but=context.place)
    return Reply(words)


# --- what a term brings ------------------------------------------------------------------------------------------


def _key(role_id: int) -> str:
    return f"role:{role_id}"


async def _plan(context: Context, role_id: int, ends: datetime | None) -> None:
    """The clock says the next step of a term."""
    if ends is None:
        return
    following = offices.next_step(ends, after=context.now)
    # What was missed, by whatever chance, is made up for at once.
    step, at = following or ("end of grace", context.now)
    await due.plan(
        context.tx,
        _key(role_id),
        term_comes_to.says(number=role_id, step=offices.STEPS.index(step) + 1),
        local=at.replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=context.committee.id,
        late="do",
    )


@router.command(
    "term_comes_to", allow=Authority.CLOCK, typed=False, help=T("Something in the term of a role has come: its end.")
)
async def term_comes_to(context: Context, *, number: Number, step: Number) -> None:
    """Warn of the end of a term, or end it."""
    held = await roles.get(context.tx, context.committee.id, number)
    if held is None or held.term_ends is None:
        return
    match offices.STEPS[step - 1]:
        case "first warning":
            await _warn(context, held, held.term_ends, first=True)
            await _plan(context, held.id, held.term_ends)
        case "last warning":
            await _warn(context, held, held.term_ends, first=False)
            await _plan(context, held.id, held.term_ends)
        case "end" | "end of grace":
            await _term_over(context, held, held.term_ends)


async def _warn(context: Context, held: Held, ends: datetime, *, first: bool) -> None:
    words = T(
        "{committee}: your time with the role “{role}” ends on {day}. Thank you for doing it!",
        committee=context.committee.name,
        role=offices.titled(held.role),
        day=Day(ends),
    )
    await context.nudge(held.member, words)
    if held.role != "organizer":
        if first and await rounds.of_role(context.tx, context.committee.id, held.role) is not None:
            await _look_for(context, held.role)
        return
    same = [one for one in await roles.held(context.tx, context.committee.id) if one.role == "organizer"]
    same = [one for one in same if one.term_ends == ends]
    if held == same[0]:
        # Whose terms end together are told of together.
        names = Listed(tuple(one.member.name for one in same))
        await context.announce(
            T("Organizing until {day}: {names}. After that it is somebody else's turn.", day=Day(ends), names=names)
        )
    if first:
        await _look_for(context)


async def _term_over(context: Context, held: Held, ends: datetime) -> None:
    organizers = await _present(context)
    others = [one for one in organizers if one.id != held.member.id]
    name = held.member.name
    if offices.goes_on(ends, role=held.role, others=len(others), now=context.now):
        await context.announce(
            T(
                "{name}'s time as an organizer is over. It goes on until there is somebody else, until {day} at most: "
                "{command}",
                name=name,
                day=Day(ends + offices.GRACE),
                command=Typed("/organizer @name"),
            )
        )
        await _plan(context, held.id, ends)
        return
    await _end(context, held)
    if held.role == "organizer":
        words: Words = lines(
            T("{name}'s time as an organizer is over. Thank you!", name=name),
            offices.wanted([one.name for one in others]),
        )
    else:
        words = T("{name}'s time with the role “{role}” is over. Thank you!", name=name, role=offices.titled(held.role))
    await context.announce(words)


async def _present(context: Context) -> list[Member]:
    """The organizers who have not vanished."""
    held = await roles.held(context.tx, context.committee.id)
    return [one.member for one in held if one.role == "organizer" and not one.vanished]


# --- organizers --------------------------------------------------------------------------------------------------


@router.command(
    "organizer",
    allow=Authority.COMMITTEE,
    label=T("New organizer"),
    help=T("Make a member an organizer. Organizing is a task, not a rank."),
    proposal=lambda *, who: T("{name} becomes an organizer.", name=who.name),
    appoints=True,
)
async def organizer(context: Context, *, who: Person) -> Reply:
    """Appoint; announced to everybody. Towards the end of a term it may be done again."""
    if who.spoken_for:
        raise Refusal(T("{name} has no account here, and an organizer needs one.", name=who.name))
    already = [one for one in await roles.held(context.tx, context.committee.id) if one.role == "organizer"]
    mine = next((one for one in already if one.member.id == who.id), None)
    if mine is not None and (mine.term_ends is None or mine.term_ends - context.now > offices.WARNED_BEFORE[0]):
        raise Refusal(T("{name} is an organizer already.", name=who.name))
    facts = await people.facts(context.tx, context.committee.id, now=context.now)
    if who.id not in facts.members:
        raise Refusal(T("{name} has no vote here, and cannot organize.", name=who.name))
    await _rested(context, who, "organizer")
    if mine is not None:
        await people.end_role(context.tx, who.id, "organizer", now=context.now)
        await due.cancel(context.tx, _key(mine.id))
    term = stretch_of(await rules.get(context.tx, context.committee.id, TERM_RULE))
    ends = await _give(context, who, "organizer", term)
    # Whoever only went on until there was somebody else may stop now.
    over = [one for one in already if one != mine and one.term_ends is not None and one.term_ends <= context.now]
    for one in over:
        await _end(context, one)
    await _found(context, who, "organizer")
    still = [one.member.name for one in already if one not in over and one != mine]
    names = Listed((*still, who.name))
    return await _announced(
        context,
        T("{name} is an organizer now. Organizers: {names}.", name=who.name, names=names)
        if ends is None
        else T(
            "{name} is an organizer now, until {day}. Organizers: {names}.", name=who.name, day=Day(ends), names=names
        ),
    )


async def _rested(context: Context, who: Member, name: str) -> None:
    """Nobody has a role longer in a row than the committee has decided. Raises Refusal."""
    round_ = await rounds.of_role(context.tx, context.committee.id, name)
    if round_ is None:
        return
    until = (await rounds.rests_until(context.tx, context.committee, round_, now=context.now)).get(who.id)
    if until is not None:
        raise Refusal(
            T(
                "{name} has had the role “{role}” as often in a row as you have decided, and rests from it until "
                "{day}. To change the rule: {command}",
                name=who.name,
                role=offices.titled(name),
                day=until,
                command=Typed("/role_task", offices.titled(name)),
            )
        )


async def _found(context: Context, who: Member, name: str) -> None:
    """Somebody has the role: one less is looked for, unless they were found by being asked."""
    search = await roles.rotation(context.tx, context.committee.id, name)
    if search is not None and not await roles.said_yes(context.tx, search.id, who.id):
        await roles.found(context.tx, search.id)
        await _ask_next(context, name)


async def _stepping_down(context: Context, *, name: str = "organizer") -> Words:
    if name == "organizer":
        return T("Stop being an organizer?")
    return T("Put down the role “{role}”?", role=offices.titled(name))


@router.command(
    "stepdown",
    allow=Authority.MEMBER,
    label=T("Stop organizing"),
    confirm=_stepping_down,
    help=T("Stop being an organizer, or put down another role."),
)
async def stepdown(context: Context, *, name: Role = "organizer") -> Reply:
    """End one's own role."""
    mine = await roles.held(context.tx, context.committee.id, member=context.member.id)
    held = next((one for one in mine if one.role == name), None)
    if held is None:
        raise Refusal(
            T("You are not an organizer.")
            if name == "organizer"
            else T("You do not have that role. {command} shows who has which.", command=Typed("/roles"))
        )
    await _end(context, held)
    if name != "organizer":
        return await _announced(
            context,
            T(
                "{name} does not have the role “{role}” any more. Thank you!",
                name=context.member.name,
                role=offices.titled(name),
            ),
        )
    left = [member.name for member in await _present(context)]
    words = lines(T("{name} is not an organizer any more. Thank you!", name=context.member.name), offices.wanted(left))
    reply = await _announced(context, words)
    if len(left) < consent.ORGANIZERS_NEEDED:
        await _look_for(context)
    return reply


@router.command("organizer_left", allow=Authority.CLOCK, typed=False, help=T("An organizer has left the committee."))
async def organizer_left(context: Context) -> None:
    """Where there are too few now, whose turn it is is asked, as after somebody stepped down."""
    if len(await _present(context)) < consent.ORGANIZERS_NEEDED:
        await _look_for(context)


def _recall_proposal(*, who: Member, name: str = "organizer") -> Text:
    if name == "organizer":
        return T("{name} stops being an organizer.", name=who.name)
    return T("{name} does not have the role “{role}” any more.", name=who.name, role=offices.titled(name))


@router.command(
    "recall",
    allow=Authority.COMMITTEE,
    majority=True,
    petition="who",
    label=T("End organizing early"),
    help=T("End somebody's time as an organizer, or in another role: the members decide."),
    proposal=_recall_proposal,
)
async def recall(context: Context, *, who: Person, name: Role = "organizer") -> Reply:
    """The members take the task back."""
    held = await roles.held(context.tx, context.committee.id, member=who.id)
    mine = next((one for one in held if one.role == name), None)
    if mine is None and name == "organizer":
        other = [one.role for one in held]
        raise Refusal(
            T("{name} is not an organizer.", name=who.name)
            if not other
            else T(
                "{name} is not an organizer. For another role: {command}",
                name=who.name,
                command=Typed(f"/recall @{folded(who.name).replace(' ', '_')}", offices.titled(other[0])),
            )
        )
    if mine is None:
        raise Refusal(T("{name} does not have that role.", name=who.name))
    await _end(context, mine)
    if name != "organizer":
        return await _announced(
            context,
            T(
                "The members have decided: {name} does not have the role “{role}” any more.",
                name=who.name,
                role=offices.titled(name),
            ),
        )
    left = [member.name for member in await _present(context)]
    words = lines(
        T("The members have decided: {name} is not an organizer any more.", name=who.name), offices.wanted(left)
    )
    reply = await _announced(context, words)
    if len(left) < consent.ORGANIZERS_NEEDED:
        await _look_for(context)
    return reply


# --- the rotation ------------------------------------------------------------------------------------------------

_WILL = T("I'll do it")
_NOT_NOW = T("Not me this time")


@router.command(
    "rotate", allow=Authority.MEMBER, help=T("I ask whose turn it is to organize next."), label=T("Next organizer")
)
async def rotate(context: Context) -> Reply:
    """Look for one more organizer, if it is not done already."""
    facts = await people.facts(context.tx, context.committee.id, now=context.now)
    if context.member.id not in facts.organizers and len(facts.present) >= consent.ORGANIZERS_NEEDED:
        raise Refusal(T("There are enough organizers. One of them may start this, when somebody wants to stop."))
    if await roles.rotation(context.tx, context.committee.id) is not None:
        raise Refusal(T("I am asking already. Whoever is asked has three days to answer."))
    await _look_for(context)
    if await roles.rotation(context.tx, context.committee.id) is None:
        return Reply(T("There is nobody whom I could ask."))
    return Reply(
        T("I ask in private whose turn it is: first those who have never organized, then whoever did longest ago.")
    )


async def _look_for(context: Context, role: str = "organizer") -> None:
    """One more is wanted: ask whose turn it is, in private."""
    await roles.seek(context.tx, context.committee.id, role)
    await _ask_next(context, role)


def _search_key(context: Context, search: Rotation) -> str:
    return f"rotation:{context.committee.id}" if search.role == "organizer" else f"rotation:{search.id}:next"


async def _ask_next(context: Context, role: str = "organizer", *, round_id: int | None = None) -> None:
    """Ask the next one, if anybody is wanted and nobody is being asked."""
    search = await roles.rotation(context.tx, context.committee.id, role, round_id=round_id)
    if search is None or (search.seats and search.asked is not None):
        return
    asked = await roles.were_asked(context.tx, search.id)
    line = await _turns(context, search, asked) if search.seats else []
    if not search.seats or not line:
        await roles.close(context.tx, search.id, now=context.now)
        await due.cancel(context.tx, _search_key(context, search))
        if search.seats and asked:
            await context.announce(await _all_asked(context, search))
        return
    turn = line[0]
    member = await people.member(context.tx, context.committee.id, turn.member)
    assert member is not None
    await roles.ask(context.tx, search.id, turn, now=context.now)
    await due.plan(
        context.tx,
        _search_key(context, search),
        pass_over.says(number=search.id, member=member.id),
        local=(context.now + offices.ANSWER_WITHIN).replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=context.committee.id,
        late="do",
    )
    buttons = _answers(search.id, member.id)
    private = lines(
        await _your_turn(context, search),
        *await _shifts_of(context, search),
        _why(turn),
        T("It is a task, not a rank, and you are free to say no."),
    )
    if not await context.nudge(member, private, buttons=buttons):
        await context.announce(
            lines(
                T("{name}, would you organize for a while? You are free to say no.", name=member.name)
                if search.role == "organizer"
                else T("{name}, it would be your turn. You are free to say no.", name=member.name),
                None if search.role == "organizer" else await _your_turn(context, search),
            ),
            buttons=buttons,
        )


async def _turns(context: Context, search: Rotation, asked: AbstractSet[int]) -> list[Turn]:
    """Whom to ask, in this order; where lots are drawn, the draw is written down."""
    if search.round_id is not None:
        return await _turns_of_term(context, search, asked)
    round_ = await rounds.of_role(context.tx, context.committee.id, search.role)
    line = await _eligible(context, search.role, round_, asked)
    if round_ is None or round_.how == "deficit":
        return line
    announced = await rounds.announced(context.tx, round_)
    if search.id not in announced:
        await rounds.announce(context.tx, context.committee, round_, search.id, now=context.now)
        announced = await rounds.announced(context.tx, round_)
    line = offices.drawn(line, announced[search.id], search.id)
    if line and not asked:
        ids = [str(one.member) for one in line]
        await rounds.draw(context.tx, context.committee, round_, search.id, ids, now=context.now)
    return line


async def _eligible(
    context: Context, role_: str, round_: Round | None, asked: AbstractSet[int] = frozenset()
) -> list[Turn]:
    """Who can have a role next; in the order of their turns, unless lots are drawn."""
    facts = await people.facts(context.tx, context.committee.id, now=context.now)
    # Whose term ends may go on where the role goes round, as long as that is not too often in a row.
    ending = context.now + offices.WARNED_BEFORE[0]
    holding = {
        one.member.id
        for one in await roles.held(context.tx, context.committee.id)
        if one.role == role_ and (round_ is None or one.term_ends is None or one.term_ends > ending)
    }
    if round_ is None and role_ == "organizer":
        holding |= facts.organizers
    resting: AbstractSet[int] = frozenset()
    if round_ is not None:
        resting = (await rounds.rests_until(context.tx, context.committee, round_, now=context.now)).keys()
    line = offices.successors(
        await roles.candidates(context.tx, context.committee.id, role_),
        voting=facts.members,
        organizers=holding,
        passed=asked | resting,
    )
    if round_ is None:
        return line
    loads = await _loads(context, role_)
    return offices.least_first([one for one in line if loads[one.member].here], loads)


async def _turns_of_term(context: Context, search: Rotation, asked: AbstractSet[int]) -> list[Turn]:
    round_ = await rounds.get(context.tx, context.committee.id, search.round_id or 0)
    if round_ is None or not round_.listed or round_.task is None or search.turn is None:
        return []
    there = await rotas.instance(context.tx, context.committee, now=context.now)
    holders = {one.seat: one.member for one in there.held}
    passed = asked | await roles.were_asked_for(context.tx, round_.id, search.turn)
    ids = [one for one in turns.for_term(there, holders, str(round_.task.id), search.turn) if int(one) not in passed]
    if ids and not asked and round_.how == "lot":
        await rounds.draw(context.tx, context.committee, round_, search.turn, ids, now=context.now)
    return [Turn(member=int(one), why=round_.how) for one in ids]


async def _loads(context: Context, role: str) -> dict[int, offices.Load]:
    """What everybody has had in the window of the rota, and who is away today."""
    committee, today = context.committee, context.now.astimezone(context.committee.zone).date()
    window = timedelta(days=(await rotas.terms(context.tx, committee.id)).window_days)
    done = await shifts.carried(context.tx, committee.id, context.now - window)
    others = Counter(
        one.member.id for one in await roles.held(context.tx, committee.id) if one.role not in (role, "guest")
    )
    return {
        int(one.id): offices.Load(
            roles=others[int(one.id)],
            power=done.get(int(one.id), (0, 0, 0))[2],
            share=one.share_minutes,
            here=not any(first <= today <= last for first, last in one.away),
        )
        for one in await availability.members_of(context.tx, committee, (today, today), now=context.now)
    }


async def _your_turn(context: Context, search: Rotation) -> Text:
    if search.role == "organizer":
        return T("{committee} looks for an organizer, and it is your turn.", committee=context.committee.name)
    if search.round_id is None:
        return T(
            "{committee} looks for somebody with the role “{role}”, and it is your turn.",
            committee=context.committee.name,
            role=offices.titled(search.role),
        )
    round_ = await rounds.get(context.tx, context.committee.id, search.round_id)
    assert round_ is not None
    return T(
        "{committee}: it is your turn: {term}.",
        committee=context.committee.name,
        term=term_words(round_, search.turn or 0),
    )


async def _shifts_of(context: Context, search: Rotation) -> list[Text]:
    """The shifts of the term that somebody is asked for, the first of them."""
    if search.round_id is None:
        return []
    round_ = await rounds.get(context.tx, context.committee.id, search.round_id)
    assert round_ is not None
    assert round_.task is not None
    ahead = await shifts.within(context.tx, context.committee.id, context.now, context.now + rule.AHEAD)
    found = [one for one in ahead if one.task.id == round_.task.id and round_.turn_on(one.local.date()) == search.turn]
    return [named(one) for one in found[:TOLD_MAX] if one.open()]


def _why(turn: Turn) -> Text:
    match turn.why:
        case "lot":
            return T("The lot has fallen on you. Everybody can check it: {command}", command=Typed("/draw_check"))
        case "deficit":
            return T("Of those who can, you have had least of such work.")
        case "never":
            return T("You have never organized yet.")
        case "longest ago":
            return T("Of those who can, you did it longest ago.")


async def _all_asked(context: Context, search: Rotation) -> Words:
    if search.role == "organizer":
        return T(
            "I have asked everybody I could. If somebody else wants to organize: {command}",
            command=Typed("/organizer @name"),
        )
    if search.round_id is None:
        return T(
            "I have asked everybody I could for the role “{role}”. If somebody else wants it: {command}",
            role=offices.titled(search.role),
            command=Typed("/role", offices.titled(search.role), "@name"),
        )
    round_ = await rounds.get(context.tx, context.committee.id, search.round_id)
    assert round_ is not None
    return lines(
        T("I have asked everybody I could: {term}", term=term_words(round_, search.turn or 0)),
        T("Whoever can, takes a seat: {shifts}", shifts=Typed("/shifts")),
    )


def _answers(search: int, member: int) -> tuple[tuple[Button, ...], ...]:
    question = f"rotation:{search}:{member}"
    kept = timedelta(days=30)
    return (
        (Button(label=_WILL, says=will.says(number=search), only=member, once=True, question=question, expires=kept),),
        (
            Button(
                label=_NOT_NOW,
                says=not_now.says(number=search),
                only=member,
                once=True,
                question=question,
                expires=kept,
            ),
        ),
    )


async def _asked(context: Context, number: int) -> Rotation:
    search = next((one for one in await roles.rotations(context.tx, context.committee.id) if one.id == number), None)
    if search is None or search.asked != context.member.id:
        raise Refusal(T("Thank you! Somebody else has been asked meanwhile."))
    return search


@router.command("will", allow=Authority.MEMBER, typed=False, help=T("Somebody who was asked will do it."))
async def will(context: Context, *, number: Number) -> Reply | Card | None:
    """Yes: a term of a task is theirs; a role is proposed, and whoever gives it decides."""
    search = await _asked(context, number)
    if search.round_id is not None:
        return await _takes_term(context, search)
    await roles.answered(context.tx, search.id, context.member.id, "yes")
    await roles.found(context.tx, search.id)
    name = context.member.name
    round_ = await rounds.of_role(context.tx, context.committee.id, search.role)
    if search.role != "organizer":
        words = T("{name} would take the role “{role}”.", name=name, role=offices.titled(search.role))
    elif search.why == "never":
        words = T("{name} would organize, for the first time.", name=name)
    elif search.why == "longest ago":
        words = T("{name} would organize again: of those who can, longest ago.", name=name)
    else:
        words = T("{name} would organize.", name=name)
    await context.announce(words)
    await _ask_next(context, search.role)
    if search.role == "organizer":
        proposed = organizer.says(who=context.member)
    elif round_ is None:
        proposed = role.says(name=search.role, who=context.member)
    else:
        proposed = role.says(name=search.role, who=context.member, term=round_.stretch)
    if await proposals.same_open(context.tx, context.committee.id, proposed) is not None:
        return Reply(T("Thank you! It has been proposed already."), private=True)
    return await context.say(proposed, authority=Authority.MEMBER)


async def _takes_term(context: Context, search: Rotation) -> Reply:
    """All that is empty of the term is theirs, if they still can."""
    round_ = await rounds.get(context.tx, context.committee.id, search.round_id or 0)
    assert round_ is not None
    assert round_.task is not None
    there = await rotas.instance(context.tx, context.committee, now=context.now)
    holders = {one.seat: one.member for one in there.held}
    me = str(context.member.id)
    wanted: set[str] = set()
    if round_.listed and any(one.id == me for one in there.members):
        wanted = set(turns.term_seats(there, holders, str(round_.task.id), search.turn or 0, me))
    taken = [
        shift
        for shift in await shifts.within(context.tx, context.committee.id, context.now, context.now + rule.AHEAD)
        for seat in shift.seats
        if str(seat.id) in wanted
        and await shifts.assign(context.tx, seat, context.member, stage="frozen", agreed=True, now=context.now)
    ]
    await roles.answered(context.tx, search.id, context.member.id, "yes" if taken else "no")
    if taken:
        await roles.found(context.tx, search.id)
    await _ask_next(context, search.role, round_id=search.round_id)
    if not taken:
        raise Refusal(T("Thank you! It does not fit any more: {shifts} shows what there is.", shifts=Typed("/shifts")))
    term = term_words(round_, search.turn or 0)
    await context.announce(
        T("{term}: {name}, by lot.", term=term, name=context.member.name)
        if search.why == "lot"
        else T("{term}: {name}.", term=term, name=context.member.name),
    )
    return Reply(
        lines(T("Thank you! It is yours:"), *(named(one) for one in taken[:TOLD_MAX])),
        private=True,
    )


_PASSED = T("Thank you for saying so. Somebody else is asked.")


@router.command("not_now", allow=Authority.MEMBER, typed=False, help=T("Somebody who was asked does not do it now."))
async def not_now(context: Context, *, number: Number) -> Reply:
    """No, this time; the next one is asked."""
    return await _passes(context, await _asked(context, number))


async def _passes(context: Context, search: Rotation) -> Reply:
    await roles.answered(context.tx, search.id, context.member.id, "no")
    await _ask_next(context, search.role, round_id=search.round_id)
    if search.role != "organizer":
        return Reply(_PASSED, private=True)
    return Reply(
        T("Thank you for saying so. If you do not want to be asked at all: {command}", command=Typed("/organizing no")),
        private=True,
    )


@router.command(
    "pass",
    allow=Authority.MEMBER,
    listed=False,
    help=T("Not this time: say no, without a reason, to what I have asked you to do for a term."),
)
async def pass_(context: Context) -> Reply:
    """The same as the button, for whoever has lost sight of it."""
    mine = [one for one in await roles.rotations(context.tx, context.committee.id) if one.asked == context.member.id]
    if not mine:
        raise Refusal(
            T(
                "I have not asked you for anything just now. A seat that you have you give back in {shifts}.",
                shifts=Typed("/shifts"),
            ),
            private=True,
        )
    return await _passes(context, mine[-1])


@router.command(
    "term_wanted", allow=Authority.CLOCK, typed=False, help=T("Somebody is looked for, for a role that goes round.")
)
async def term_wanted(context: Context, *, number: Number, turn: Number | None = None) -> None:
    """A term of a task has empty seats, or nobody has the role any more: whose turn it is is asked."""
    round_ = await rounds.get(context.tx, context.committee.id, number)
    if round_ is None or not round_.listed:
        return
    if round_.role is not None:
        await _look_for(context, round_.role)
        return
    if await roles.rotation(context.tx, context.committee.id, roles.TERM, round_id=round_.id) is None:
        await roles.seek(context.tx, context.committee.id, roles.TERM, round_id=round_.id, turn=turn)
        await _ask_next(context, roles.TERM, round_id=round_.id)


@router.command("pass_over", allow=Authority.CLOCK, typed=False, help=T("Somebody who was asked has not answered."))
async def pass_over(context: Context, *, number: Number, member: Number) -> None:
    """No answer in time; the next one is asked."""
    search = next((one for one in await roles.rotations(context.tx, context.committee.id) if one.id == number), None)
    if search is not None and search.asked == member:
        await roles.answered(context.tx, search.id, member, "silent")
        await _ask_next(context, search.role, round_id=search.round_id)


@router.command(
    "organizing",
    allow=Authority.MEMBER,
    help=T("Whether I may ask you to organize: {yes} or {no}.", yes=Typed("yes"), no=Typed("no")),
    sample=("no",),
)
async def organizing(context: Context, *, answer: YesNo) -> Reply:
    """One's own choice; nobody need say why."""
    await roles.willing(context.tx, context.member.id, answer == "yes")
    search = await roles.rotation(context.tx, context.committee.id)
    if answer == "no" and search is not None and search.asked == context.member.id:
        await roles.answered(context.tx, search.id, context.member.id, "no")
        await _ask_next(context)
    if answer == "yes":
        return Reply(T("Thank you! I ask you when it is your turn."), private=True)
    return Reply(
        T("I do not ask you to organize any more. {command} changes that.", command=Typed("/organizing yes")),
        private=True,
    )


# --- those who are not seen any more -----------------------------------------------------------------------------


@router.command(
    "vanished",
    allow=Authority.COMMITTEE,
    help=T("How long an organizer may be away without a word before the members may replace them."),
    proposal=lambda *, time: T("Organizers count as vanished after {time} without a word.", time=time.words),
    sample=(T("60 days"),),
)
async def vanished(context: Context, *, time: Long) -> Reply:
    """The committee's rule."""
    days = offices.days(time)
    if not VANISHED_DAYS[0] <= days <= VANISHED_DAYS[1]:
        raise Refusal(T("From {least} days to {most}, please.", least=VANISHED_DAYS[0], most=VANISHED_DAYS[1]))
    if await rules.get(context.tx, context.committee.id, VANISHED_RULE, offices.VANISHED_AFTER_DAYS) == days:
        raise Refusal(T("That is how it is already."))
    await entries.decide_rule(context.tx, context.committee, VANISHED_RULE, days, now=context.now)
    return await _announced(
        context,
        N("I ask organizers after {n} day without a word.", "I ask organizers after {n} days without a word.", days),
    )


@router.command("watch", allow=Authority.CLOCK, typed=False, help=T("Look after terms and organizers, every day."))
async def watch(context: Context) -> None:
    """Plan the day's look at each committee where there may be something to do, when people there are awake."""
    unseen_since = context.now.date() - timedelta(days=VANISHED_DAYS[0])
    for id_ in await roles.to_look_after(context.tx, unseen_since=unseen_since):
        committee = await people.committee(context.tx, id_)
        local = context.now.astimezone(committee.zone).replace(tzinfo=None, minute=0, second=0, microsecond=0)
        if local.hour >= LOOKED_AFTER_AT:
            local += timedelta(days=1)
        await due.plan(
            context.tx,
            f"look_after:{id_}",
            look_after.says(),
            local=local.replace(hour=LOOKED_AFTER_AT),
            zone=committee.zone,
            committee=id_,
            late="do",
        )


@router.command(
    "look_after", allow=Authority.CLOCK, typed=False, help=T("Look after this committee's terms and organizers.")
)
async def look_after(context: Context) -> None:
    """Terms that nothing was planned for; organizers who were not seen."""
    for held in await roles.held(context.tx, context.committee.id):
        if held.term_ends is not None and not await roles.planned(context.tx, _key(held.id)):
            await _plan(context, held.id, held.term_ends)
    days = await rules.get(context.tx, context.committee.id, VANISHED_RULE, offices.VANISHED_AFTER_DAYS)
    for sighting in await roles.sightings(context.tx, context.committee.id):
        await _look_after(context, sighting, days)


async def _look_after(context: Context, sighting: roles.Sighting, days: int) -> None:
    member, today = sighting.member, context.now.date()
    match offices.presence(
        seen_on=sighting.seen_on,
        asked_on=sighting.asked_on,
        vanished_on=sighting.vanished_on,
        today=today,
        after_days=days,
    ):
        case "ask":
            await roles.asked(context.tx, member.id, today)
            buttons = ((Button(label=T("I'm here"), says=still_here.says(), only=member.id),),)
            words = T(
                "{name}, are you still with us? Without a word from you within a week, {committee} goes on without "
                "you as an organizer.",
                name=member.name,
                committee=context.committee.name,
            )
            if not await context.tell(member, words, buttons=buttons):
                await context.announce(words, buttons=buttons)
        case "vanishes":
            await roles.vanished(context.tx, member.id, today)
            await _note_presence(context, member, vanished=True)
            few = len(await _present(context)) < consent.ORGANIZERS_NEEDED
            await context.announce(
                lines(
                    T(
                        "{name} has not been here for a long time, and does not count as an organizer for now.",
                        name=member.name,
                    ),
                    T(
                        "Any member can propose an organizer now, and a majority decides within 24 hours: {command}",
                        command=Typed("/organizer @name"),
                    )
                    if few
                    else None,
                )
            )
            if few:
                await _look_for(context)
        case "back":
            await _is_back(context, member)
        case "here" | "asked" | "vanished":
            pass


async def _is_back(context: Context, member: Member) -> None:
    await roles.vanished(context.tx, member.id, None)
    await roles.asked(context.tx, member.id, None)
    if any(one.id == member.id for one in await people.organizers(context.tx, context.committee.id)):
        await _note_presence(context, member, vanished=False)
        await context.announce(T("{name} is back, and counts as an organizer again.", name=member.name))


async def _note_presence(context: Context, member: Member, *, vanished: bool) -> None:
    body = {"member": member.id, "role": "organizer", "vanished": vanished}
    await entries.append(context.tx, context.committee, "role", body, now=context.now)
    await proposals.reconsider(context.tx, context.committee.id)


@router.entry("role", "vanished", about="roles")
async def presence_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """An organizer of whom nothing was heard counts no more, or is back."""
    name = await telling.name(body["member"])
    if body["vanished"]:
        return T("{name} was not heard from for long and does not count as an organizer for now.", name=name)
    return T("{name} is back, and counts as an organizer again.", name=name)


@router.command("still_here", allow=Authority.MEMBER, typed=False, help=T("Somebody who was not seen is there."))
async def still_here(context: Context) -> Reply:
    """Pressing it is enough: they have been seen today."""
    for sighting in await roles.sightings(context.tx, context.committee.id):
        if sighting.member.id == context.member.id and sighting.vanished_on is not None:
            await _is_back(context, context.member)
    return Reply(T("Good to hear from you!"), private=True)


# --- what waits --------------------------------------------------------------------------------------------------


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """Somebody is asked to organize; somebody's term ends soon.

    Whether an organizer is still there does not wait here: asking what waits is an answer to it.
    """
    found: list[Todo] = []
    found += [
        Todo(
            words=await _your_turn(context, search),
            buttons=tuple(button for row in _answers(search.id, context.member.id) for button in row),
            by=search.asked_at + offices.ANSWER_WITHIN,
        )
        for search in await roles.rotations(context.tx, context.committee.id)
        if search.asked == context.member.id and search.asked_at is not None
    ]
    found += [
        Todo(
            words=T(
                "Your time with the role “{role}” ends on {day}.", role=offices.titled(one.role), day=Day(one.term_ends)
            ),
            by=one.term_ends,
        )
        for one in await roles.held(context.tx, context.committee.id, member=context.member.id)
        if one.term_ends is not None and one.term_ends - context.now <= offices.WARNED_BEFORE[0]
    ]
    return found
