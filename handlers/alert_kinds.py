"""The kinds of alerts: what each takes, what one person may do alone, what is asked, and how they have turned out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from bot.alerts import BUDGET, NEEDS, KnownKind, kind_names, label_of
from bot.arguments import Found, Kind, Note, Number, Reading, Word
from bot.chat import Button, Reply
from bot.domain import alarm, raising
from bot.domain.board import plain
from bot.domain.raising import Change
from bot.router import Asks, Authority, Context, Router, Telling
from bot.text import Bold, Listed, N, Refusal, T, Text, Typed, Words, lines
from storage import alert_kinds, entries, notes, rules
from storage.alert_kinds import Known, Record
from storage.database import Transaction
from storage.people import Committee, Member

router = Router("alert_kinds", under="alerts")

ALONE: Mapping[alarm.Alone, Text] = {
    "organizers": T("One person alone tells the organizers only."),
    "group": T("One person alone tells the group."),
    "everyone": T("One person alone calls everybody at once."),
}
_URGENCY: Mapping[str, Text] = {"immediate": T("immediate"), "expected": T("expected"), "future": T("future")}
_SEVERITY: Mapping[str, Text] = {
    "extreme": T("extreme"),
    "severe": T("severe"),
    "moderate": T("moderate"),
    "minor": T("minor"),
}
# Each stands for itself, so that it is found by whoever translates.
_ALONE = T("alone organizers")
_ALONE_GROUP = T("alone group")
_HOURS = T("hours 12")
_NEEDS_LIKE = T("needs 20 people")
_ASK = T("ask How many police?")
_ASK_NOTHING = T("eviction ask nothing")
_DROP = T("drop")
_BACK = T("back")
_NEW = T("water shut off")
_LIKE = Typed("/alert_kind", T("eviction alone organizers"))
_OFFERED: Sequence[tuple[Text, str]] = (
    (T("Alone: the organizers"), "alone organizers"),
    (T("Alone: the group"), "alone group"),
    (T("Alone: everybody"), "alone everyone"),
    (T("Offer it no more"), "drop"),
    (T("As it came"), "back"),
)
"""What buttons offer; everything else is written."""


class _ChangeKind(Kind[str]):
    """What is to be otherwise with a kind: the rest of the line."""

    expected = T("what changes, like {example}", example=Typed(_ALONE))
    example = _ALONE
    question = T(
        "What changes? Choose, or write it, like {hours}, {needs} or {ask}.",
        hours=Typed(_HOURS),
        needs=Typed(_NEEDS_LIKE),
        ask=Typed(_ASK),
    )
    rest = True

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        text = reading.line[words[0].start :].strip() if words else ""
        if raising.read_change(text) is None:
            raise Refusal(
                T(
                    "I do not understand “{words}”. Write it like this: {alone}, {hours}, {needs}, {ask}, {drop} or "
                    "{back}.",
                    words=text[:40],
                    alone=Typed(_ALONE),
                    hours=Typed(_HOURS),
                    needs=Typed(_NEEDS_LIKE),
                    ask=Typed(_ASK),
                    drop=Typed(_DROP),
                    back=Typed(_BACK),
                )
            )
        return Found(text, len(words))

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        if not isinstance(data, str) or raising.read_change(data) is None:
            raise ValueError("no change of a kind")
        return data

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, str]]:
        return _OFFERED


AnyKind = Annotated[Known, KnownKind(dropped=True)]
KindChange = Annotated[str, _ChangeKind()]


# --- looking -----------------------------------------------------------------------------------------------------


@router.command(
    "alert_kinds",
    allow=Authority.MEMBER,
    within="alert",
    repeatable=True,
    help=T("The kinds of alerts: what one person may do alone, and how many were real."),
    label=T("Kinds of alerts"),
)
async def alert_kinds_(context: Context) -> Reply:
    """A few lines each; nothing of who raised any."""
    known = await alert_kinds.of(context.tx, context.committee.id)
    records = await alert_kinds.records(context.tx, context.committee.id)
    told: list[Words] = []
    for key, one in known.items():
        if not one.dropped:
            told.append(_kind_words(one, records.get((key, False), Record()), records.get((key, True), Record())))
    budget = await rules.get(context.tx, context.committee.id, BUDGET, raising.BUDGET)
    told.append(_budget_described(number=budget))
    told.append(T("To change one: {command}", command=_LIKE))
    change = Button(label=T("Change a kind"), says=context.commands.asking(alert_kind.says()))
    return Reply(lines(*told), buttons=((change,),))


def _kind_words(one: Known, possible: Record, confirmed: Record) -> Words:
    asked = [Text("{question}", values={"question": question}) for question in one.questions]
    return lines(
        T("{head}", head=Bold(label_of(one))),
        ALONE[one.kind.alone],
        N("It goes on for {n} hour.", "It goes on for {n} hours.", one.kind.hours),
        T("Needed: {needs}", needs=_needs(one.kind.needs)) if one.kind.needs else None,
        T("Asked: {questions}", questions=Listed(tuple(asked))) if asked else None,
        T("Not confirmed: real {real} of {alerts}", real=possible.real, alerts=possible.alerts)
        if possible.alerts
        else None,
        T("Confirmed: real {real} of {alerts}", real=confirmed.real, alerts=confirmed.alerts)
        if confirmed.alerts
        else None,
    )


def _needs(needs: Mapping[str, int]) -> Listed:
    # No sentences to translate: only what is inside is.
    return Listed(
        tuple(
            Text("{what} {many}", values={"what": words, "many": needs[what]})
            for what, words in NEEDS.items()
            if what in needs
        )
    )


# --- changing ----------------------------------------------------------------------------------------------------


def _described(*, kind: Known, change: str) -> Text:
    found, label = raising.read_change(change), label_of(kind)
    assert found is not None
    match found.what:
        case "alone":
            return T("Alerts “{kind}”: {what}", kind=label, what=ALONE[found.value])
        case "hours":
            return N(
                "Alerts “{kind}” go on for {n} hour.", "Alerts “{kind}” go on for {n} hours.", found.value, kind=label
            )
        case "needs" if found.value:
            return T("Alerts “{kind}” need: {needs}", kind=label, needs=_needs(found.value))
        case "needs":
            return T("Alerts “{kind}” need nothing where nobody says.", kind=label)
        case "urgency":
            return T("Alerts “{kind}”: urgency: {value}", kind=label, value=_URGENCY[found.value])
        case "severity":
            return T("Alerts “{kind}”: severity: {value}", kind=label, value=_SEVERITY[found.value])
        case "ask" if found.value:
            return T("Whoever raises an alert “{kind}” is asked: {question}", kind=label, question=found.value)
        case "ask":
            return T("Whoever raises an alert “{kind}” is asked no questions.", kind=label)
        case "drop":
            return T("Alerts “{kind}” are not offered any more.", kind=label)
        case "back":
            return T("Alerts “{kind}” are offered again, as they came.", kind=label)


@router.command(
    "alert_kind",
    allow=Authority.COMMITTEE,
    help=T("Change a kind of alert: what one person may do alone, how long it goes on, what it takes, what is asked."),
    label=T("Change a kind of alert"),
    sample=(T("eviction alone organizers"),),
    proposal=_described,
)
async def alert_kind(context: Context, *, kind: AnyKind, change: KindChange) -> Reply:
    """From now on, also for alerts that go on: what one person may do alone is asked anew each time."""
    found = raising.read_change(change)
    assert found is not None
    body: dict[str, Any] = {"alert_kind": kind.key}
    await _carry_out(context, kind, found, body)
    await entries.append(context.tx, context.committee, "rule", body, now=context.now)
    return Reply(_described(kind=kind, change=change))


async def _carry_out(context: Context, kind: Known, change: Change, body: dict[str, Any]) -> None:
    """`body`: of the entry in the books."""
    tx, committee = context.tx, context.committee
    if change.what == "drop" and kind.key == "other":
        raise Refusal(T("This kind stays: it is for whatever fits no other."))
    if change.what == "back":
        id_ = await alert_kinds.put(tx, committee, alarm.KINDS.get(kind.key, kind.kind))
        if kind.shipped:
            await alert_kinds.ask_nothing(tx, id_)
        return
    changed = raising.changed(kind.kind, change)
    id_ = await alert_kinds.put(tx, committee, changed, dropped=change.what == "drop" or kind.dropped)
    if change.what == "ask" and not change.value:
        await alert_kinds.ask_nothing(tx, id_)
    elif change.what == "ask":
        if len(kind.questions) >= raising.QUESTIONS_MAX:
            raise Refusal(
                T(
                    "There are {n} questions already, and seconds matter. First take them away: {command}",
                    n=raising.QUESTIONS_MAX,
                    command=Typed("/alert_kind", _ASK_NOTHING),
                )
            )
        question_id, body["question"] = await alert_kinds.ask(tx, id_, change.value)
        await _may_translate(context, f"alert_question:{question_id}")
    else:
        body[change.what] = change.value


async def _may_translate(context: Context, thing: str) -> None:
    if context.of_member is not None:
        await notes.wrote(context.tx, thing, context.member.id, now=context.now)


def _new_described(*, label: str) -> Text:
    return T("A new kind of alert: “{label}”.", label=label)


@router.command(
    "alert_kind_new",
    allow=Authority.COMMITTEE,
    help=T("A new kind of alert, called as you write."),
    label=T("New kind of alert"),
    sample=(_NEW,),
    proposal=_new_described,
    asks={"label": Asks(T("What is it called? A few words at most, like {example}.", example=Typed(_NEW)))},
)
async def alert_kind_new(context: Context, *, label: Note) -> Reply:
    """It begins as "other" does; what it takes is set by /alert_kind."""
    words = " ".join(label.split())
    if len(words) > raising.LABEL_CHARACTERS_MAX or len(words.split()) > raising.LABEL_WORDS_MAX:
        raise Refusal(T("That is too long. Call it in a few words: {example}", example=Typed(_NEW)))
    if not any(char.isalpha() for char in words) or not words[0].isalnum() or words[0].isdecimal():
        raise Refusal(T("Begin with a letter: {example}", example=Typed("/alert_kind_new", _NEW)))
    if plain(words) in await kind_names(context.tx, context.committee.id, dropped=True):
        raise Refusal(
            T(
                "There is that kind already. If it is not offered: {command}",
                command=Typed("/alert_kind", words, _BACK),
            )
        )
    known = await alert_kinds.of(context.tx, context.committee.id)
    if sum(not one.shipped for one in known.values()) >= raising.KINDS_MAX:
        raise Refusal(T("There are {n} kinds of your own, which is the most. Change one of them.", n=raising.KINDS_MAX))
    key, id_, hashed = await alert_kinds.add(context.tx, context.committee, words)
    await _may_translate(context, f"alert_kind:{id_}")
    await entries.append(context.tx, context.committee, "rule", {"alert_kind": key, "label": hashed}, now=context.now)
    return Reply(
        lines(
            T("There is a new kind of alert: “{label}”.", label=words),
            T(
                "What one person may do alone, and what it takes: {command}",
                command=Typed("/alert_kind", words, _ALONE_GROUP),
            ),
        )
    )


def _budget_described(*, number: int) -> Text:
    return N(
        "Who has raised {n} alert in a day that nobody has confirmed needs an organizer for the next one.",
        "Who has raised {n} alerts in a day that nobody has confirmed needs an organizer for the next one.",
        number,
    )


@router.command(
    "alert_budget",
    allow=Authority.COMMITTEE,
    help=T("How many alerts that nobody confirms one person may raise in a day."),
    label=T("Alerts per person"),
    sample=("3",),
    proposal=_budget_described,
    asks={"number": Asks(T("How many in a day? Write a number, like {example}.", example=Typed("3")))},
)
async def alert_budget(context: Context, *, number: Number) -> Reply:
    """Whoever keeps to it is never slowed down; beyond it an organizer lets alerts through, one by one."""
    if number > raising.BUDGET_MAX:
        raise Refusal(T("{n} at most.", n=raising.BUDGET_MAX))
    await entries.decide_rule(context.tx, context.committee, BUDGET, number, now=context.now)
    return Reply(_budget_described(number=number))


@router.entry("rule", "alert_kind", about="rules")
async def alert_kind_entry(telling: Telling, body: Mapping[str, Any]) -> Text:
    """A kind of alert was changed, or is new."""
    known = (await alert_kinds.of(telling.tx, telling.committee.id)).get(body["alert_kind"])
    if "label" in body:
        return T("There is a new kind of alert: “{label}”.", label=label_of(known))
    return T("The kind of alert “{kind}” was changed.", kind=label_of(known))


@router.entry("rule", BUDGET, about="rules")
async def alert_budget_entry(telling: Telling, body: Mapping[str, Any]) -> Text:
    """How many alerts one person may raise in a day."""
    return _budget_described(number=body[BUDGET])
