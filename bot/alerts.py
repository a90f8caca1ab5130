"""How an alert is raised, told and spread, wherever that is done; and what of it other areas deal with.

What happens in an alert is written down by `note`, and what follows from it is asked anew each time: nothing is kept
that could contradict. Other areas take part by commands of these names, said by the clock's authority with the alert's
id, where an area declares them: `alert_escalate` (it may reach everybody now), `alert_paged` (people are told of it in
private), `alert_answered` (somebody has said whether they come, or what it takes has changed), `alert_hide` (somebody
drops out, or it is over), `alert_stand_down` and `alert_aftermath` (it is over).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from bot.arguments import Found, Reading, Word
from bot.arguments import Kind as ArgumentKind
from bot.chat import Button, Card, Lane, Reply
from bot.domain import alarm, alertline, raising
from bot.domain.alarm import Alarm, Kind, Outcome
from bot.domain.board import plain
from bot.domain.escalation import rests_until
from bot.domain.recurrence import instant
from bot.making import wall
from bot.router import Authority, Context, Telling, View, begun_with
from bot.text import Bold, Listed, Minutes, Refusal, Soon, T, Text, Typed, Words, lines
from bot.text import Reader as For
from storage import (
    alert_kinds,
    alerts,
    cards,
    due,
    entries,
    escalation,
    linked_alerts,
    nudges,
    outbox,
    people,
    places,
    reach,
    rules,
    shifts,
)
from storage.alert_kinds import Known
from storage.alerts import Alert, Page, PageState
from storage.database import Reader, Transaction
from storage.people import Committee, Member

KINDS: Mapping[str, Text] = {
    "eviction": T("eviction"),
    "raid": T("raid or detention"),
    "strike": T("strike or picket"),
    "threat": T("threat or attack"),
    "aid": T("urgent aid"),
    "other": T("other"),
}
NEEDS: Mapping[str, Text] = {
    "people": T("people"),
    "van": T("van"),
    "legal": T("legal help"),
    "medic": T("medic"),
    "child_care": T("child care"),
    "phone_tree": T("phone tree"),
}
OUTCOMES: Mapping[Outcome, Text] = {
    "ended": T("It is over."),
    "cancelled": T("It was cancelled: nobody need come."),
    "false": T("It was a false alarm: nobody need come."),
    "expired": T("Its time is over."),
    "merged": T("It goes on as another alert."),
    "refused": T("It was not let through."),
}
NEWS = T("update the police have gone")
NEEDED = T("needs 20 people, 1 van")
UNTIL = T("until 14:00")
END = T("end")
FALSE = T("false")
"""What can be said of an alert, behind its number."""
EXAMPLE = Typed("/alert", T("eviction Main St 5, 20 people, 1 van, until 14:00"))
COMING_MINUTES = (10, 30, 60)
"""What the buttons offer."""

ESCALATION = ("ring", "stay", "recall", "wake", "wake_more")
"""What is planned of an alert while people are called, by the ends of the keys."""
ON_CALL = "alert_on_call"
"""The rule with the id of the task whose shifts are on call."""
TALLIED = frozenset({"coming", "brings", "arrived", "cannot", "left"})
TOLD_ON = frozenset({"verified", "needs", "expires", *alarm.ENDS})
"""What of an alert linked committees are told in figures, a little later, and what at once."""
TALLIED_AFTER = timedelta(seconds=30)
"""So long it is waited for more of it, so that each answer is not one message."""
AGED = timedelta(minutes=5)
"""Whoever is told of an alert later than that is told how old it is."""

Whose = Literal["all", "others", "coming", "changing"]
"""Who is offered something: all, all but whoever raised it, whoever is coming, or whoever may change the alert."""

MORE: Mapping[str, tuple[Text, Whose]] = {
    "alert_arrived": (T("I'm there"), "coming"),
    "alert_doubt": (T("I doubt it"), "others"),
    "alert_update": (T("News"), "changing"),
    "alert_timeline": (T("What happened when"), "all"),
    "alert_need": (T("What it takes"), "changing"),
    "alert_until": (T("Until when"), "changing"),
    "alert_call": (T("Call more people now"), "changing"),
    "alert_ask_links": (T("Ask linked committees"), "changing"),
    "alert_roll_call": (T("Ask: are you safe?"), "changing"),
    "alert_roster": (T("Ask me whether I am safe"), "all"),
    "if_arrested": (T("If you are arrested"), "all"),
    "alert_end": (T("It is over"), "changing"),
    "alert_false": (T("False alarm"), "changing"),
    "alert_cancel": (T("Cancel it"), "changing"),
    "alert_reach": (T("Who was reached"), "changing"),
    "alert_meeting": (T("Where do we meet?"), "coming"),
    "alert_place": (T("Exact place"), "coming"),
    "alert_where": (T("Where it is …"), "changing"),
}
"""What else can be done with an alert, by the names of commands: [More …] on its card offers it in private. Each has an
argument for the alert: its number (`number`) or its id (`alert`)."""
WHERE: Mapping[str, tuple[Text, Whose]] = {
    "alert_meet": (T("Say where to meet"), "changing"),
    "alert_address": (T("Say the exact place"), "changing"),
    "alert_name": (T("Who may know the exact place"), "changing"),
    "alert_shown": (T("Who was shown where"), "changing"),
}
"""The same, behind [Where it is …]."""

NOT_IN_DRILLS = frozenset(
    {
        *("alert_meet", "alert_meet_say", "alert_meeting", "alert_address", "alert_address_say", "alert_place"),
        *("alert_name", "alert_named", "alert_unnamed", "alert_shown", "alert_where"),
        *("alert_worked", "if_arrested"),
    }
)
"""What a drill leaves out, by the names of commands: exact places, arrests, hours."""
DRILL = T("DRILL, only an exercise")
"""What everything that is said of a drill begins with. Its first word begins nothing else, in every language."""
DRILL_LENGTH = timedelta(minutes=30)
"""So long a drill goes on where nobody says."""


# --- the kinds ---------------------------------------------------------------------------------------------------


async def kinds_of(context: Context | View) -> Mapping[str, Kind]:
    """The committee's kinds of alerts, in the order in which they are offered."""
    known = await alert_kinds.of(context.tx, context.committee.id)
    return {key: one.kind for key, one in known.items() if not one.dropped}


def label_of(known: Known | None) -> Text:
    """What a kind is called: by us, or by the committee that has added it."""
    if known is None or (known.label is None and not known.shipped):
        return KINDS["other"]
    if known.label is None:
        return KINDS[known.key]
    # Not a sentence to translate: only what is inside is.
    return Text("{label}", values={"label": known.label})


async def kind_words(context: Context | View | Telling, key: str) -> Text:
    """What a kind is called."""
    return label_of((await alert_kinds.of(context.tx, context.committee.id)).get(key))


async def kind_of(context: Context | View | Telling, alert: Alert) -> Kind:
    """The kind of an alert, as the committee has it now, also where it is not offered any more."""
    known = (await alert_kinds.of(context.tx, context.committee.id)).get(alert.kind)
    return alarm.KINDS["other"] if known is None else known.kind


async def kind_names(tx: Reader, committee_id: int, *, dropped: bool = False) -> Mapping[str, str]:
    """The words by which members call the committee's kinds, folded, and the keys that they mean."""
    known = await alert_kinds.of(tx, committee_id)
    offered = {key: one for key, one in known.items() if dropped or not one.dropped}
    own = {
        plain(words): key
        for key, one in offered.items()
        if one.label is not None
        for words in (one.label.text, *one.label.others.values())
    }
    return {word: key for word, key in alertline.KIND_WORDS.items() if key in offered} | own


class KnownKind(ArgumentKind[Known]):
    """A kind of the committee's alerts, by any of its words. `dropped`: also one that is not offered."""

    fixed = True
    expected = T("a kind of alert, like {example}", example=Typed(T("eviction")))
    example = T("eviction")
    question = T("Which kind of alert?")

    def __init__(self, *, dropped: bool = False) -> None:
        self._dropped = dropped

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Known] | None:
        if reading.committee is None or not first:
            return None
        names = await kind_names(reading.tx, reading.committee.id, dropped=self._dropped)
        for count in range(min(raising.LABEL_WORDS_MAX, len(words)), 0, -1):
            key = names.get(plain(" ".join(word.text for word in words[:count])))
            if key is not None:
                return Found((await alert_kinds.of(reading.tx, reading.committee.id))[key], count)
        return None

    def dump(self, value: Known) -> str:
        return value.key

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Known:
        known = {} if committee is None else await alert_kinds.of(tx, committee.id)
        if not isinstance(data, str) or data not in known or (known[data].dropped and not self._dropped):
            raise ValueError("no kind of this committee")
        return known[data]

    async def recall(self, data: Any, tx: Transaction, committee: Committee | None) -> Known:
        known = {} if committee is None else await alert_kinds.of(tx, committee.id)
        return known.get(str(data), Known(kind=alarm.KINDS["other"]))

    def label(self, value: Known) -> Text:
        return label_of(value)

    async def choices(self, tx: Transaction, member: Member) -> Sequence[tuple[Text | str, Known]]:
        known = await alert_kinds.of(tx, member.committee_id)
        return [(label_of(one), one) for one in known.values() if self._dropped or not one.dropped]


AlertKind = Annotated[Known, KnownKind()]


# --- finding -----------------------------------------------------------------------------------------------------


async def found(context: Context, number: int) -> Alert:
    """The alert with this number. Raises Refusal; it says the same of one that is hidden from whoever asks."""
    there = await numbered(context, number)
    if there is None:
        raise none_with(number)
    return there


async def numbered(context: Context, number: int) -> Alert | None:
    """The alert with this number; None: there is none, or none that whoever asks may know of."""
    there = await alerts.numbered(context.tx, context.committee.id, number)
    if there is None or may_change(context, there):
        return there
    now = await state(context, there)
    if await reach_of(context, there, now) in (None, "organizers") and context.member.id not in now.witnesses:
        return None
    return there


def none_with(number: int) -> Refusal:
    """There is no alert with this number, or none that everybody may see: nobody learns which."""
    return Refusal(T("There is no alert {number}. {alerts} shows those that there are.", number=number, alerts=_ALERTS))


_ALERTS = Typed("/alerts")


async def going_on(context: Context, alert_id: int) -> tuple[Alert, Alarm]:
    """The alert with this id, and what it is. Raises Refusal where it is over."""
    there = await alerts.get(context.tx, context.committee.id, alert_id)
    if there is None:
        raise Refusal(T("That alert is not there any more."), private=True)
    now = await state(context, there)
    if now.over:
        raise Refusal(over_with_number(there, now), private=True)
    return there, now


async def state(context: Context | View, alert: Alert) -> Alarm:
    """What an alert is now."""
    return await alerts.now_is(context.tx, alert, now=context.now)


async def reach_of(context: Context | View | Telling, alert: Alert, now: Alarm) -> alarm.Alone | None:
    """Who may hear of an alert that is `now`, by what the committee lets one person do; None: nobody yet.

    What is over stays for those for whom it was, also where the committee has changed its kind since.
    """
    reach = alarm.reach(now, await kind_of(context, alert))
    if alert.over_at is None or reach is None or now.verified:
        return reach
    groups = await people.chats_of(context.tx, context.committee.id)
    if not groups:
        return reach
    shown = [one for one in groups if await cards.stands_in(context.tx, alert.thing, one.id)]
    return "group" if shown else "organizers"


def may_change(context: Context, alert: Alert) -> bool:
    """Whether whoever says it may change it: who raised it, and the organizers."""
    if context.authority is Authority.CLOCK:
        return True
    return context.of_member is not None and (context.member.id == alert.raiser_id or "organizer" in context.roles)


def only_theirs(context: Context, alert: Alert) -> None:
    """Raises Refusal where `may_change` says no."""
    if not may_change(context, alert):
        raise Refusal(
            T(
                "Alert {number} is changed by whoever raised it and by the organizers. Tell them what you know.",
                number=alert.number,
            ),
            private=True,
        )


async def own(context: Context, number: int) -> tuple[Alert, Alarm]:
    """An alert that goes on, for whoever may change it. Raises Refusal."""
    there, now = await going_on(context, (await found(context, number)).id)
    only_theirs(context, there)
    return there, now


async def in_charge(context: Context, alert: Alert) -> list[Member]:
    """The organizers, and whoever raised it."""
    organizers = await people.organizers(context.tx, context.committee.id)
    if alert.raiser_id is None or alert.raiser_id in {one.id for one in organizers}:
        return organizers
    raiser = await people.member_now(context.tx, context.committee.id, alert.raiser_id)
    return organizers if raiser is None or not raiser.active else [*organizers, raiser]


# --- raising -----------------------------------------------------------------------------------------------------


async def read(context: Context, text: str, *, of: str | None = None) -> alertline.Line:
    """What a line says. `of`: the kind, where it is known already; `MARK` then stands for it. Raises Refusal."""
    names = await kind_names(context.tx, context.committee.id)
    try:
        said = alertline.read(text, now=wall(context), kinds=names if of is None else {**names, MARK: of})
    except alertline.Unclear as unclear:
        raise Refusal(unclear_words(unclear, EXAMPLE)) from unclear
    return said if of is None else replace(said, kind=of)


MARK = "·"
"""Stands for the kind in a line where a button has said it."""


async def known(context: Context, key: str) -> Known:
    """The committee's kind of this key."""
    return (await alert_kinds.of(context.tx, context.committee.id))[key]


async def said_before(context: Context, said: alertline.Line) -> Alert | None:
    """An alert that goes on, that whoever says this knows of, and that may be the same as what they say."""
    for one in reversed(await alerts.open_(context.tx, context.committee.id)):
        same = one.kind == said.kind and one.exercise == said.exercise
        if not same or one.raised_at < context.now - raising.ALIKE_WITHIN:
            continue
        now = await state(context, one)
        mine = one.raiser_id == context.member.id
        reach = await reach_of(context, one, now)
        hidden = reach is None or (reach == "organizers" and not may_change(context, one))
        if not now.over and (mine or not hidden) and raising.alike(said.area, one.area.text if one.area else ""):
            return one
    return None


async def for_all(context: Context | View | Telling, alert: Alert) -> bool:
    """Whether every member may know what it says: not while it waits, nor where it is for the organizers alone."""
    found = alarm.alarm(await alerts.events(context.tx, alert), expires_at=alert.expires_at, now=alert.raised_at)
    return await reach_of(context, alert, found) in ("group", "everyone")


def unclear_words(unclear: alertline.Unclear, example: Typed) -> Text:
    """What is asked back where a part of a line cannot be understood, or contradicts another."""
    if unclear.twice:
        return T(
            "“{words}” contradicts what stands before it. Say it once, like this: {example}",
            words=unclear.words,
            example=example,
        )
    return T("I do not understand “{words}”. Write it like this: {example}", words=unclear.words, example=example)


def expires(context: Context, said: alertline.Line, kind: Kind) -> datetime:
    """Until when it goes on. Raises Refusal where that is over, or too far ahead."""
    if said.until is not None:
        at = instant(said.until, context.committee.zone)
    else:
        at = context.now + (said.length if said.length is not None else timedelta(hours=kind.hours))
    if at < context.now + alarm.EXPIRES_LEAST:
        raise Refusal(T("That time is over. Say until when it goes on: {example}", example=Typed(UNTIL)))
    if at > context.now + alarm.EXPIRES_MAX:
        raise Refusal(
            T(
                "An alert goes on for {n} hours at most. Raise a new one then, or say it shorter: {example}",
                n=alarm.EXPIRES_MAX // timedelta(hours=1),
                example=Typed(UNTIL),
            )
        )
    return at


async def raise_alert(context: Context, said: alertline.Line, *, raiser: Member | None = None) -> Alert:
    """Write a new alert down, plan its end, and let those hear of it who may. Raises Refusal.

    One by somebody who is no member, or whom few know yet, or who has raised several that nobody confirmed, waits for
    an organizer.
    """
    assert said.kind is not None
    raiser = raiser or context.of_member
    # A drill wears nobody out: an organizer has begun it.
    held = None if said.exercise else await _why_held(context, raiser)
    if held is not None and raiser is not None:
        await _only_one_waits(context, raiser)
    kind = (await kinds_of(context))[said.kind]
    if said.exercise:
        await _may_drill(context)
        # Nothing depends on who comes: so it breaks nobody's quiet hours. It is over soon: so its rings follow fast.
        kind = replace(kind, severity="minor", urgency="immediate")
        if said.until is None and said.length is None:
            said = replace(said, length=DRILL_LENGTH)
    until = expires(context, said, kind)
    made = await alerts.add(
        context.tx,
        context.committee,
        kind=kind.key,
        status="exercise" if said.exercise else "actual",
        urgency=kind.urgency,
        severity=kind.severity,
        raiser_id=None if raiser is None else raiser.id,
        area=said.area,
        words=said.words[: alertline.WORDS_CHARACTERS_MAX],
        needs={**({} if said.needs else kind.needs), **said.needs},
        expires=until,
        now=context.now,
    )
    await plan_end(context, made, until)
    if held is not None:
        await note(context, made, "held", data={"why": held})
        await hook(context, "alert_held", made)
    else:
        await spread(context, made)
    return made


BUDGET = "alert_budget"
"""The rule: how many alerts that nobody confirms one person may raise in a day."""


async def _only_one_waits(context: Context, raiser: Member) -> None:
    """Raises Refusal: nobody wears the organizers out."""
    for one in await alerts.raised_by(context.tx, raiser, since=context.now - alarm.EXPIRES_MAX):
        now = await state(context, one)
        if now.held and not now.over:
            raise Refusal(
                T(
                    "Your alert {number} still waits for an organizer, so no other one is raised. Call one of them.",
                    number=one.number,
                ),
                private=True,
            )


async def _why_held(context: Context, raiser: Member | None) -> raising.Held | None:
    if context.authority is Authority.CLOCK and context.of_member is None:
        return None
    organizers = await people.organizers(context.tx, context.committee.id)
    if raiser is not None and not any(one.id != raiser.id and may_hear(one, context.now) for one in organizers):
        # Nobody is there who could let it through.
        return None
    raised = []
    if raiser is not None:
        raised = await alerts.raised_by(context.tx, raiser, since=context.now - raising.WITHIN)
    unconfirmed = [
        one.raised_at
        for one in raised
        if one.outcome != "merged" and not one.exercise and not (await state(context, one)).verified
    ]
    return raising.why_held(
        unconfirmed,
        budget=await rules.get(context.tx, context.committee.id, BUDGET, raising.BUDGET),
        newcomer=raiser is not None and raiser.newcomer_until is not None and raiser.newcomer_until > context.now,
        member=raiser is not None,
        now=context.now,
    )


async def _may_drill(context: Context) -> None:
    """Raises Refusal where no drill can begin now."""
    if context.authority not in (Authority.CLOCK, Authority.COMMITTEE) and "organizer" not in context.roles:
        raise Refusal(
            T(
                "A drill is begun by an organizer: ask one of them. If it is real, say it without that word: {example}",
                example=EXAMPLE,
            ),
            private=True,
        )
    for one in await alerts.open_(context.tx, context.committee.id):
        if (await state(context, one)).over:
            continue
        if one.exercise:
            raise Refusal(T("A drill goes on already. To end it: {end}", end=Typed(f"/alert {one.number} end")))
        raise Refusal(T("There is an alert: a drill has to wait until it is over."), private=True)


async def plan_end(context: Context, alert: Alert, at: datetime) -> None:
    """The clock ends it then, if nobody does before."""
    expire = context.commands.named("alert_expire")
    await due.plan_at(context.tx, f"{alert.thing}:end", expire.says(alert=alert.id), at, committee=context.committee.id)


async def spread(context: Context, alert: Alert) -> None:
    """Let all those hear of it who may hear of it now and have not yet: when it is raised, let through or confirmed.

    What is real ends the drills that go on.
    """
    now = await state(context, alert)
    reach = await reach_of(context, alert, now)
    if now.over or reach is None:
        return
    going_on_ = [] if alert.exercise else await alerts.open_(context.tx, context.committee.id)
    drills = [one for one in going_on_ if one.exercise and not (await state(context, one)).over]
    for one in drills:
        # What is owed of it to anybody is not said any more: what is real goes first.
        await outbox.withdraw(context.tx, one.thing)
        await alerts.happened(context.tx, one, "interrupted", now=context.now)
        await alerts.happened(context.tx, alert, "interrupts", now=context.now)
    await _spread(context, alert, now, reach)
    for one in drills:
        await finish(context, one, "ended")


async def _spread(context: Context, alert: Alert, now: Alarm, reach: alarm.Alone) -> None:
    if reach == "organizers":
        organizers = await people.organizers(context.tx, context.committee.id)
        others = [one for one in organizers if one.id not in now.witnesses]
        waits = await resting(context, alert, now, others)
        told = await page(context, alert, others, ring=0, waits_until=waits)
        if waits:
            await plan_wake(context, alert, min(waits.values()))
        if told and not any(one.state == "sent" for one in told):
            await tell_organizers_to_look(context)
        return
    await show(context, alert)
    if reach == "everyone":
        await hook(context, "alert_escalate", alert)


async def show(context: Context, alert: Alert) -> None:
    """Its live card in every chat of the committee, before everything else that waits there."""
    for place in await people.chats_of(context.tx, context.committee.id):
        if not await cards.stands_in(context.tx, alert.thing, place.id):
            await cards.show(context.tx, alert.thing, place, committee=context.committee.id, lane=Lane.ALERT)


# --- what happens ------------------------------------------------------------------------------------------------


async def note(
    context: Context,
    alert: Alert,
    kind: str,
    *,
    member: Member | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Write down what has happened, and let its cards show it."""
    await alerts.happened(
        context.tx, alert, kind, member_id=None if member is None else member.id, data=data, now=context.now
    )
    if member is not None:
        await alerts.answered(context.tx, alert, member.id)
    await cards.changed(context.tx, alert.thing)
    if kind in TALLIED or kind in TOLD_ON:
        await tell_links(context, alert, after=TALLIED_AFTER if kind in TALLIED else timedelta(0))


async def tell_links(context: Context, alert: Alert, *, after: timedelta = timedelta(0)) -> None:
    """What has changed is told to linked committees, where they have to do with it; what is planned sooner stays."""
    command = context.commands.get("alert_links")
    if command is None or not await linked_alerts.concerns(context.tx, alert.id):
        return
    key, at = f"{alert.thing}:links", context.now + after
    planned = await due.at(context.tx, key)
    if planned is None or at < planned:
        says = command.says(alert=alert.id)
        await due.plan_after(context.tx, key, says, at, since=context.now, committee=context.committee.id)


async def verified(context: Context, alert: Alert) -> None:
    """A second witness stands for it: the books say so, and it may reach everybody."""
    await entries.append(
        context.tx, context.committee, "alert", {"alert": alert.number, "verified": alarm.WITNESSES}, now=context.now
    )
    await spread(context, alert)


async def stands_here(context: Context, alert: Alert) -> bool:
    """Whether its live card stands in the chat where it is said."""
    return context.place is not None and await cards.stands_in(context.tx, alert.thing, context.place.id)


async def hook(context: Context, name: str, alert: Alert) -> None:
    """Let the area that deals with this do so, where there is one, and a drill does not leave it out."""
    command = context.commands.get(name)
    if command is not None and not (alert.exercise and name in NOT_IN_DRILLS):
        await context.say(command.says(alert=alert.id), authority=Authority.CLOCK)


async def finish(context: Context, alert: Alert, outcome: Outcome, *, data: Mapping[str, Any] | None = None) -> None:
    """It is over: nothing waits any more to be said of it, and whoever it has reached is told.

    `data`: of a merged one, the id of the alert as which it goes on (`into`).
    """
    for step in ("end", "held", *ESCALATION):
        await due.cancel(context.tx, f"{alert.thing}:{step}")
    if not alert.exercise:
        confirmed = (await state(context, alert)).verified
        await alert_kinds.count(context.tx, context.committee.id, alert.kind, outcome, confirmed=confirmed)
    await note(context, alert, outcome, data=data)
    into = None if data is None else await alerts.get(context.tx, context.committee.id, data["into"])
    if into is not None:
        await linked_alerts.merged(context.tx, alert.id, into.id)
        await tell_links(context, into)
    else:
        await linked_alerts.over_here(context.tx, alert.id)
    await alerts.over(context.tx, alert, outcome, now=context.now)
    await outbox.withdraw(context.tx, alert.thing)
    await nudges.withdraw(context.tx, alert.thing)
    if outcome != "expired":
        # What has waited the whole night for an organizer, and in vain, they hear of all the same.
        await nudges.withdraw(context.tx, f"{alert.thing}:held")
    await entries.append(
        context.tx, context.committee, "alert", {"alert": alert.number, "over": outcome}, now=context.now
    )
    over = await alerts.get(context.tx, context.committee.id, alert.id)
    assert over is not None
    await hook(context, "alert_hide", over)
    await hook(context, "alert_stand_down", over)
    await hook(context, "alert_aftermath", over)
    if over.exercise:
        await hook(context, "drill_over", over)


# --- telling people in private -----------------------------------------------------------------------------------


async def page(
    context: Context,
    alert: Alert,
    members: Iterable[Member],
    *,
    ring: int,
    waits_until: Mapping[int, datetime] | None = None,
    about: Sequence[str] = (),
) -> list[Page]:
    """Tell people of it in private, before everything else that waits for them; nobody twice.

    `waits_until`: whose quiet hours it does not break, and until when they last; they are told then. Who could not be
    reached, and who waits, is written down too.
    """
    had = {one.member_id for one in await alerts.pages(context.tx, alert)}
    words, buttons = await page_message(context, alert)
    waits = waits_until or {}
    said: dict[For, outbox.Content] = {}
    told: list[Page] = []
    for member in members:
        if member.id in had or not may_hear(member, context.now):
            continue
        had.add(member.id)
        outbox_id: int | None = None
        status: PageState = "waits"
        if member.id not in waits:
            thing = reach.page_thing(alert.id, member.id)
            things = (*about, thing)
            outbox_id = await tell(context, member, words, alert=alert, buttons=buttons, about=things, said=said)
            status = "unreachable" if outbox_id is None else "sent"
        await alerts.page(context.tx, alert, member.id, ring=ring, outbox_id=outbox_id, state=status, now=context.now)
        told.append(Page(member_id=member.id, ring=ring, at=context.now, outbox_id=outbox_id, state=status))
    if told:
        await note(context, alert, "paged", data={"ring": ring})
        await hook(context, "alert_paged", alert)
    return told


async def on_call(context: Context) -> list[Member]:
    """Who is called first: who has a shift just now of the task that the committee named; else the organizers."""
    task = await rules.get(context.tx, context.committee.id, ON_CALL)
    if task is not None:
        running = await shifts.within(
            context.tx, context.committee.id, context.now, context.now + timedelta(microseconds=1)
        )
        ids = [holder.member_id for one in running if one.task.id == task for holder in one.holders]
        there = [await hears(context, id_) for id_ in dict.fromkeys(ids)]
        if found := [one for one in there if one is not None]:
            return found
    return await people.organizers(context.tx, context.committee.id)


def may_hear(member: Member, now: datetime) -> bool:
    """Whether alerts are for somebody: not for children, nor for whoever is suspended or whose rights rest just now."""
    suspended = member.suspended_until is not None and member.suspended_until > now
    return member.active and not member.child and not suspended and member.rests_until is None


async def hears(context: Context, member_id: int | None) -> Member | None:
    """Somebody by their id, if alerts are for them just now."""
    one = None if member_id is None else await people.member_now(context.tx, context.committee.id, member_id)
    return one if one is not None and may_hear(one, context.now) else None


async def tell(
    context: Context,
    member: Member,
    words: Words,
    *,
    alert: Alert | None,
    buttons: Sequence[Sequence[Button]] = (),
    about: Sequence[str] = (),
    network: str | None = None,
    said: dict[For, outbox.Content] | None = None,
) -> int | None:
    """Say something to a member in private, in the lane of alerts; the message's row id, None: they cannot be reached.

    It is withdrawn with the alert, where there is one, and with what it is `about`. `network`: best there. `said`: see
    `outbox.queue`. For somebody without an account it goes to whoever speaks for them.
    """
    if member.helper_id is not None:
        helper = await hears(context, member.helper_id)
        if helper is None or helper.helper_id is not None:
            return None
        return await tell(context, helper, lines(T("For {name}:", name=member.name), words), alert=alert, about=about)
    place = await people.private_chat_of(context.tx, member.person_id, network=network)
    if place is None:
        return None
    reader = await people.reader_in(context.tx, place.id, private=True, committee_id=context.committee.id)
    return await outbox.queue(
        context.tx,
        place,
        context.marked(words) if alert is None else marked(alert, words),
        reader=reader,
        now=context.now,
        lane=Lane.ALERT,
        buttons=buttons,
        committee=context.committee.id,
        about=(*((alert.thing,) if alert is not None else ()), *about),
        said=said,
    )


# --- in quiet hours --------------------------------------------------------------------------------------------------


async def resting(context: Context, alert: Alert, found: Alarm, members: Iterable[Member]) -> dict[int, datetime]:
    """Whom it does not reach just now, and until when they want to be left in peace.

    Only what is verified, immediate and severe breaks that, only for those who agreed, and never a drill.
    """
    breaks = not alert.exercise and alarm.wakes(found, urgency=alert.urgency, severity=alert.severity)
    agreed = await escalation.who_wakes(context.tx, context.committee.id) if breaks else frozenset()
    found_resting: dict[int, datetime] = {}
    for member in members:
        hears = member
        if member.helper_id is not None:
            hears = await people.member_now(context.tx, context.committee.id, member.helper_id) or member
        if hears.id in agreed:
            continue
        wish = await nudges.wish(context.tx, hears, committee=context.committee)
        if (until := rests_until(wish, now=context.now)) is not None:
            found_resting[member.id] = until
    return found_resting


async def plan_wake(context: Context, alert: Alert, at: datetime) -> None:
    """Look then who bears it again; what is planned for earlier stays."""
    key = f"{alert.thing}:wake"
    planned = await due.at(context.tx, key)
    if planned is None or at < planned:
        says = context.commands.named("alert_wake").says(alert=alert.id, start=1)
        await due.plan_at(context.tx, key, says, at, committee=context.committee.id)


async def awake(context: Context, alert: Alert, found: Alarm, members: Iterable[Member]) -> list[Member]:
    """Those of them whom it reaches just now: who takes part in it is not asleep, whatever their quiet hours say."""
    members = list(members)
    part = {alert.raiser_id, *found.coming, *found.witnesses}
    resting_ = await resting(context, alert, found, [one for one in members if one.id not in part])
    return [one for one in members if one.id not in resting_]


async def organizers_awake(context: Context, alert: Alert) -> bool:
    """Whether an organizer beside whoever has raised it is told of it now, or there is none who could be."""
    organizers = await people.organizers(context.tx, context.committee.id)
    others = [one for one in organizers if one.id != alert.raiser_id and may_hear(one, context.now)]
    return not others or bool(await awake(context, alert, await state(context, alert), others))


async def tell_organizers_to_look(context: Context) -> None:
    """Said in the groups where no organizer could be told in private. Nothing of what the alert says."""
    await context.announce(
        T("An alert waits for an organizer. Organizers: look at it in private, with {todo}.", todo=Typed("/todo")),
        lane=Lane.ALERT,
    )


# --- words -------------------------------------------------------------------------------------------------------


async def heading(context: Context | View, alert: Alert) -> Text:
    """Whether it is real, its number and its kind: the first thing that anybody reads."""
    kind = await kind_words(context, alert.kind)
    # Each in a line of its own: Babel finds no sentence inside another one.
    if alert.exercise:
        words = T("DRILL {number}, only an exercise: {kind}", number=alert.number, kind=kind)
    elif await alerts.has_had(context.tx, alert, "interrupts"):
        words = T("ALERT {number}, this one is real: {kind}", number=alert.number, kind=kind)
    else:
        words = T("ALERT {number}: {kind}", number=alert.number, kind=kind)
    return T("{title}", title=Bold(words))


def marked(alert: Alert, words: Words) -> Words:
    """Words of a drill, begun with what nobody can take for real; those of a real alert as they are."""
    return begun_with(DRILL, words) if alert.exercise else words


async def marks(context: Context, command: str, arguments: Mapping[str, Any]) -> Text | None:
    """With what everything begins that this command says. Raises Refusal where a drill leaves it out."""
    there: Alert | None = None
    if context.of_committee is not None and isinstance(arguments.get("alert"), int):
        there = await alerts.get(context.tx, context.committee.id, arguments["alert"])
    elif (
        context.of_committee is not None
        and isinstance(arguments.get("number"), int)
        and (command in MORE or command.startswith("alert_"))
    ):
        there = await alerts.numbered(context.tx, context.committee.id, arguments["number"])
    if there is None:
        return context.mark
    if there.exercise and command in NOT_IN_DRILLS and context.authority is not Authority.CLOCK:
        words = T("This is left out of drills: exact places, arrests and hours are for real alerts only.")
        raise Refusal(marked(there, words), private=True)
    return DRILL if there.exercise else None


def certainty_words(now: Alarm) -> Text:
    """How sure it is. Nobody learns who confirmed it."""
    if now.outside is not None and not now.witnesses:
        return (
            T("Confirmed by two people there.") if now.verified else T("Confirmed by two people there, not here yet.")
        )
    if now.outside is not None and now.verified:
        return T("Confirmed there, and by somebody here.")
    if now.verified:
        return T("Confirmed: {have}/{need}", have=alarm.WITNESSES, need=alarm.WITNESSES)
    return T("Not confirmed yet: {have}/{need}", have=len(now.witnesses), need=alarm.WITNESSES)


def facts_words(alert: Alert, now: Alarm, *, at: datetime | None = None) -> list[Words]:
    """Where, until when, and what whoever raised it wrote, which nobody has translated. `at`: when it is looked at."""
    told: list[Words] = []
    if alert.exercise:
        told.append(T("Stay where you are, and answer as you would if it were real."))
    if alert.origin is not None:
        by, of = alert.origin
        if of is None:
            told.append(T("From {committee}, a linked committee", committee=by))
        else:
            told.append(T("From {committee}, by way of {other}, a linked committee", committee=of, other=by))
    if alert.area is not None:
        told.append(T("Where: {area}", area=alert.area))
    if alert.words is not None:
        told.append(T("“{words}” (as it was written)", words=alert.words))
    if alert.news is not None:
        since, words = alert.news
        told.append(T("{time}: “{words}” (as it was written)", time=soon(since, at), words=words))
    told.append(T("Until {until}", until=soon(now.expires_at, at)))
    return told


def soon(instant_: datetime, at: datetime | None) -> datetime | Soon:
    """An instant without its day, where it is looked at on that day."""
    return instant_ if at is None else Soon(instant_, at)


def need_words(now: Alarm) -> Words | None:
    """What it takes, and what of it there is. None: nothing was asked for."""
    if not now.needs:
        return None
    met = now.met
    told = []
    for what, wanted in sorted(now.needs.items(), key=lambda need: _order(need[0])):
        told.append(T("{what} {have}/{want}", what=NEEDS.get(what, NEEDS[alarm.PEOPLE]), have=met[what], want=wanted))
    return T("Needed: {needs}", needs=Listed(tuple(told)))


def _order(what: str) -> int:
    return list(NEEDS).index(what) if what in NEEDS else len(NEEDS)


def over_words(now: Alarm) -> Text:
    """What became of it."""
    assert now.outcome is not None
    return OUTCOMES[now.outcome]


def over_with_number(alert: Alert, now: Alarm) -> Text:
    """What became of it, where nothing else says which one it is."""
    match now.outcome:
        case "cancelled":
            return T("Alert {number} was cancelled: nobody need come.", number=alert.number)
        case "false":
            return T("Alert {number} was a false alarm: nobody need come.", number=alert.number)
        case "expired":
            return T("The time of alert {number} is over.", number=alert.number)
        case "merged":
            return T("Alert {number} goes on as another alert.", number=alert.number)
        case "refused":
            return T("Alert {number} was not let through.", number=alert.number)
        case _:
            return T("Alert {number} is over.", number=alert.number)


async def page_message(context: Context, alert: Alert) -> tuple[Words, tuple[tuple[Button, ...], ...]]:
    """What somebody is told in private, the same as all see and nothing more; and what they can answer."""
    now = await state(context, alert)
    words = lines(
        await heading(context, alert),
        certainty_words(now),
        age_words(context, alert),
        *facts_words(alert, now, at=context.now),
        need_words(now),
    )
    return words, answer_buttons(context, alert, now)


def age_words(context: Context, alert: Alert) -> Text | None:
    """How old it is, so that it is still true when it is read late; None: it is new."""
    age = context.now - alert.raised_at
    if age < AGED:
        return None
    at, ago = Soon(alert.raised_at, context.now), Minutes(age // timedelta(minutes=1))
    return T("Raised {at}, {ago} before I wrote this.", at=at, ago=ago)


def answer_buttons(context: Context | View, alert: Alert, now: Alarm) -> tuple[tuple[Button, ...], ...]:
    """Coming, not coming, what one can bring; and to confirm it, as long as it is not."""
    named = context.commands.named
    coming = tuple(
        Button(
            label=T("In {minutes} min", minutes=minutes),
            says=named("alert_coming").says(alert=alert.id, minutes=minutes),
        )
        for minutes in COMING_MINUTES
    )
    rest = (
        Button(label=T("I can bring …"), says=named("alert_bring").says(alert=alert.id)),
        Button(label=T("I can't"), says=named("alert_cannot").says(alert=alert.id)),
    )
    more = (Button(label=T("More …"), says=named("alert_more").says(alert=alert.id)),)
    confirm = (
        Button(label=T("I can confirm it"), says=named("alert_verify").says(alert=alert.id)),
        Button(label=T("I doubt it"), says=named("alert_doubt").says(alert=alert.id)),
    )
    return (coming, rest, more) if now.verified else (coming, rest, confirm, more)


async def more_buttons(
    context: Context, alert: Alert, now: Alarm, *, of: Mapping[str, tuple[Text, Whose]] = MORE
) -> tuple[tuple[Button, ...], ...]:
    """What else whoever asks can do with it: a button a row."""
    offered = []
    for name, (label, whose) in of.items():
        command = context.commands.get(name)
        if alert.exercise and name in NOT_IN_DRILLS:
            continue
        if name == "alert_ask_links" and not await linked_alerts.others(context.tx, context.committee.id):
            continue
        if command is None or (whose == "coming" and context.member.id not in now.coming):
            continue
        if whose == "others" and context.member.id == alert.raiser_id:
            continue
        if whose == "changing" and not may_change(context, alert):
            continue
        numbered = any(parameter.name == "number" for parameter in command.parameters)
        says = command.says(number=alert.number) if numbered else command.says(alert=alert.id)
        offered.append((Button(label=label, says=context.commands.asking(says) if command.lacks(says) else says),))
    return tuple(offered)


async def meeting_button(view: View, alert: Alert) -> Button | None:
    """Where whoever comes is told where they meet; None: nobody has said so."""
    command = view.commands.get("alert_meeting")
    if command is None or await places.of(view.tx, alert, "meeting") is None:
        return None
    return Button(label=T("Where do we meet?"), says=command.says(alert=alert.id))


async def own_member(view: View) -> Member | None:
    """Whose private chat a card is shown in; None: it is no private chat."""
    if not view.private or view.chat_id is None:
        return None
    person = await people.person_of_private_chat(view.tx, view.chat_id)
    there = None if person is None else await people.member_of(view.tx, view.committee.id, person[0])
    return None if there is None else there[0]


def card_of(alert: Alert) -> Card:
    """Its live card."""
    return Card("alert", alert.id)


def answer(words: Words) -> Reply:
    """To whoever pressed a button, and to nobody else."""
    return Reply(words, private=True, fleeting=True)
