"""How much the bot says: nudges, quiet hours, the chat it speaks in, and digests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from bot.arguments import Found, Kind, Note, Number, Off, OnOff, Person, Reading, Word, choice
from bot.chat import Button, Lane, Reply, network_of
from bot.domain import quiet as rules_
from bot.domain.quiet import Hours, Rhythm, Wish
from bot.router import Asks, Authority, Context, Router, Telling, Todo, Where
from bot.text import Bold, Day, Listed, N, Refusal, T, Text, Typed, Words, lines
from storage import digests, due, entries, nudges, outbox, people, tidying
from storage.database import Transaction
from storage.digests import Since
from storage.people import Committee

router = Router("quiet", title=T("How much I say"))

WITHOUT_TOPICS = frozenset({"matrix"})
"""Networks where a thread is one conversation and no place to stay in."""


# --- one's own -------------------------------------------------------------------------------------------------


@router.command(
    "quiet",
    allow=Authority.MEMBER,
    help=T("How long, and at which hours, I leave you in peace."),
    label=T("My peace and quiet"),
    sample=("2w",),
    repeatable=True,
)
async def quiet(context: Context, *, what: Note = "") -> Reply:
    """One's own times of silence: shown, or changed."""
    wish = await nudges.wish(context.tx, context.member, committee=context.committee)
    what = " ".join(what.casefold().split())
    first, _, rest = what.partition(" ")
    if not what:
        return Reply(await _wish_told(context, wish), buttons=_wish_buttons(context, wish), private=True)
    if what == "off":
        wish = replace(wish, until=None)
    elif first == "hours" and rest == "off":
        wish = replace(wish, hours=None)
    elif first == "hours":
        hours = rules_.read_hours(rest)
        if hours is None:
            raise Refusal(
                T(
                    "I did not understand the hours. Write them like this: {example} or {off}",
                    example=Typed("/quiet hours 22:00-7:00"),
                    off=Typed("/quiet hours off"),
                )
            )
        wish = replace(wish, hours=hours)
    else:
        stretch = rules_.read_stretch(what)
        if stretch is None:
            raise Refusal(
                T(
                    "How long shall I be quiet? Write {weeks} or {days}; {off} ends it; {hours} sets the hours.",
                    weeks=Typed("/quiet 2w"),
                    days=Typed("/quiet 3d"),
                    off=Typed("/quiet off"),
                    hours=Typed("/quiet hours 22:00-7:00"),
                )
            )
        wish = replace(wish, until=context.now + stretch)
    await _choose(context, wish)
    return Reply(await _wish_told(context, wish), private=True)


@router.command(
    "nudges",
    allow=Authority.MEMBER,
    label=T("Reminders a day"),
    asks={"count": Asks(T("How many reminders a day do you want from me?"))},
    help=T("How many reminders a day you want from me, 0 to 5."),
    sample=("3",),
)
async def nudges_(
    context: Context,
    *,
    count: Annotated[str, choice("3", "0", "1", "2", "4", "5", expected=T("a number from 0 to 5"))],
) -> Reply:
    """One's own budget."""
    wish = await nudges.wish(context.tx, context.member, committee=context.committee)
    wish = replace(wish, budget=int(count))
    await _choose(context, wish)
    return Reply(await _wish_told(context, wish), private=True)


async def _choose(context: Context, wish: Wish) -> None:
    await nudges.set_wish(context.tx, context.member, wish)
    # What waits may go sooner now, or later.
    await nudges.settle(context.tx, context.member, committee=context.committee, now=context.now)


async def _wish_told(context: Context, wish: Wish) -> Words:
    silent = wish.until is not None and wish.until > context.now
    waiting = await nudges.count_waiting(context.tx, context.member)
    digest = await digests.of(context.tx, context.committee.id)
    return lines(
        T("Until {until} I write to you only with alerts and answers.", until=wish.until)
        if silent and wish.until is not None
        else None,
        N("Reminders: at most {n} message a day.", "Reminders: at most {n} messages a day.", wish.budget)
        if wish.budget
        else T("Reminders: none. {todo} shows what waits for you.", todo=Typed("/todo")),
        T("Quiet hours: {hours} ({zone}).", hours=str(wish.hours), zone=wish.zone.key)
        if wish.hours is not None
        else T("Quiet hours: none."),
        N("{n} reminder waits.", "{n} reminders wait.", waiting) if waiting else None,
        T("The group's digest: {rhythm}.", rhythm=_rhythm(digest.rhythm)) if digest is not None else None,
        T(
            "Change it: {week}, {hours}, {nudges}",
            week=Typed("/quiet 2w"),
            hours=Typed("/quiet hours 22:00-7:00"),
            nudges=Typed("/nudges 3"),
        ),
    )


def _wish_buttons(context: Context, wish: Wish) -> tuple[tuple[Button, ...], ...]:
    if wish.until is not None and wish.until > context.now:
        return ((Button(label=T("No longer quiet"), says=quiet.says(what="off")),),)
    return (
        (
            Button(label=T("Quiet for a day"), says=quiet.says(what="1d")),
            Button(label=T("Quiet for 2 weeks"), says=quiet.says(what="2w")),
        ),
    )


@router.command("remind", allow=Authority.CLOCK, typed=False, help=T("Reminders that waited are sent."))
async def remind(context: Context, *, who: Person) -> None:
    """Send what waits for somebody, if they bear it now."""
    await nudges.settle(context.tx, who, committee=context.committee, now=context.now)


@router.command("morning", allow=Authority.CLOCK, typed=False, help=T("The group's quiet hours are over."))
async def morning(context: Context) -> None:
    """Say in the group what came up at night."""
    await digests.release(context.tx, context.committee.id, now=context.now)


# --- where the bot speaks --------------------------------------------------------------------------------------


@router.command(
    "here",
    allow=Authority.ORGANIZER,
    where=Where.GROUP,
    help=T("In this chat or topic I speak from now on; {off} ends that.", off=Typed("/here off")),
    sample=("off",),
)
async def here(context: Context, *, off: Off = "") -> Reply:
    """Choose the topic, or the one of several groups, where cards and announcements go."""
    assert context.place is not None
    assert context.chat is not None
    place, topic = context.place, context.chat.topic
    if off:
        await people.speak_everywhere(context.tx, place)
        await _here_entry(context, chosen=False)
        return Reply(T("From now on I speak in every group of {committee} again.", committee=context.committee.name))
    if topic is not None and network_of(place.address) in WITHOUT_TOPICS:
        raise Refusal(
            T("A thread is one conversation: I cannot stay in it. Type {here} in the room itself.", here=Typed("/here"))
        )
    others = [
        other
        for other in await people.chats_of(context.tx, context.committee.id)
        if network_of(other.address) == network_of(place.address) and other.id != place.id
    ]
    if not others and topic == place.topic:
        raise Refusal(
            T(
                "I speak here already. In a topic, or in another group of the committee, {here} moves me there.",
                here=Typed("/here"),
            )
        )
    await people.speak_in(context.tx, place, topic=topic)
    await _here_entry(context, chosen=True)
    return Reply(
        lines(
            T("From now on I say here what I have to say."),
            T("Elsewhere I only answer what is asked there. {off} ends that.", off=Typed("/here off")),
        )
    )


async def _here_entry(context: Context, *, chosen: bool) -> None:
    assert context.place is not None
    body = {"here": context.place.id if chosen else None, "by": context.member.id}
    await entries.append(context.tx, context.committee, "rule", body, now=context.now)


# --- what the network writes -----------------------------------------------------------------------------------

WITHOUT_SERVICE_MESSAGES = frozenset({"matrix"})
"""Networks where who comes and goes is no message that could be deleted."""


def _tidy_proposal(*, switch: str) -> Text:
    if switch == "off":
        return T("I do not delete any more what the network writes when somebody comes or leaves.")
    return T(
        "An hour after somebody came, left, pinned something or changed the title, I delete the network's note on it."
    )


@router.command(
    "tidy",
    allow=Authority.COMMITTEE,
    label=T("Tidy the chat"),
    asks={"switch": Asks(T("Shall I delete what the network writes when somebody comes or leaves?"))},
    help=T(
        "Whether I delete what the network writes when somebody comes or leaves: {on} or {off}.",
        on=Typed("on"),
        off=Typed("off"),
    ),
    proposal=_tidy_proposal,
    sample=("on",),
)
async def tidy(context: Context, *, switch: OnOff) -> Reply:
    """Begin or end deleting the network's own messages. What members write is never touched."""
    on = switch == "on"
    if await tidying.wanted(context.tx, context.committee.id) == on:
        raise Refusal(T("That is how it is already."))
    networks = {network_of(place.address) for place in await people.chats_of(context.tx, context.committee.id)}
    if on and networks and networks <= WITHOUT_SERVICE_MESSAGES:
        raise Refusal(
            T(
                "On Matrix there is nothing to tidy: your app itself shows who came and left, and can hide it "
                "in its settings."
            )
        )
    await tidying.set_wanted(context.tx, context.committee.id, on)
    await entries.append(context.tx, context.committee, "rule", {tidying.RULE: on}, now=context.now)
    if on:
        words = lines(
            T(
                "From now on I delete the network's notes on who came and left, who pinned what, and new titles, "
                "an hour after."
            ),
            T(
                "On Telegram that takes the right to delete messages, and then Telegram sends me everything that is "
                "written here. I look only at commands; what you write I never touch."
            ),
            T("On Matrix nothing changes: your app itself shows who came and left.")
            if networks & WITHOUT_SERVICE_MESSAGES
            else None,
        )
    else:
        words = lines(T("From now on I leave what the network writes."))
    await context.announce(words, but=context.place)
    return Reply(words)


@router.command("tidy_away", allow=Authority.CLOCK, typed=False, help=T("A note of the network has done its work."))
async def tidy_away(context: Context, *, place: Number, address: Note, message: Note) -> None:
    """Delete it, if the committee still wants that and the chat is still where it was."""
    found = await people.place_of(context.tx, place)
    if found is None or found.committee_id != context.committee.id or found.address != address:
        return
    if await tidying.wanted(context.tx, context.committee.id):
        await outbox.queue_deletion(context.tx, found, message, now=context.now)


@router.entry("rule", tidying.RULE, about="rules")
async def tidy_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Whether chats are tidied."""
    return T("the network's notes are deleted.") if body[tidying.RULE] else T("the network's notes stay.")


# --- the group's night -----------------------------------------------------------------------------------------


class _HoursKind(Kind[Hours]):
    """From a time of day to another."""

    expected = T("hours, like {example}, or {off}", example=Typed("22:00-7:00"), off=Typed("off"))
    example = "22:00-7:00"

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Hours] | None:
        if words and words[0].text.casefold() == "off":
            return Found(rules_.NO_HOURS, 1)
        for count in (3, 2, 1):
            if len(words) >= count and (found := rules_.read_hours(" ".join(word.text for word in words[:count]))):
                return Found(found, count)
        return None

    def dump(self, value: Hours) -> Any:
        return str(value)

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Hours:
        return rules_.hours_of(data)


def _night_proposal(*, hours: Hours) -> Text:
    if hours == rules_.NO_HOURS:
        return T("The group has no quiet hours any more.")
    return T("Quiet hours of the group: {hours}. What can wait waits until they are over.", hours=str(hours))


@router.command(
    "night",
    allow=Authority.COMMITTEE,
    label=T("The group's quiet hours"),
    asks={
        "hours": Asks(
            T(
                "When shall the group be left in peace? Write it as an answer, like {example}, or {off}.",
                example=Typed("22:00-7:00"),
                off=Typed("off"),
            )
        )
    },
    help=T("At which hours what can wait is not said in the group, or {off}.", off=Typed("off")),
    proposal=_night_proposal,
)
async def night(context: Context, *, hours: Annotated[Hours, _HoursKind()]) -> Reply:
    """The group's own quiet hours. Alerts, answers and what somebody decides are said at any hour."""
    if await digests.night(context.tx, context.committee.id) == hours:
        raise Refusal(T("That is how it is already."))
    await entries.decide_rule(context.tx, context.committee, digests.NIGHT, str(hours), now=context.now)
    await digests.release_after(context.tx, context.committee, hours, now=context.now)
    words = _night_told(hours)
    await context.announce(words, but=context.place)
    return Reply(words)


def _night_told(hours: Hours) -> Words:
    if hours == rules_.NO_HOURS:
        return lines(T("The group has no quiet hours now: I say everything at once."))
    return lines(
        T("The group's quiet hours are {hours} now.", hours=str(hours)),
        T("What can wait I say when they are over. Alerts and answers come at any hour."),
    )


@router.entry("rule", digests.NIGHT, about="rules")
async def night_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """The group's quiet hours since then."""
    hours = rules_.hours_of(body[digests.NIGHT])
    return (
        T("the group has no quiet hours.")
        if hours == rules_.NO_HOURS
        else T("the group's quiet hours are {hours}.", hours=str(hours))
    )


# --- the digest ------------------------------------------------------------------------------------------------


class _RhythmKind(Kind[Rhythm | None]):
    """When a digest comes; None: never."""

    expected = T("a day and a time, like {example}, or {off}", example=Typed("mon 18:00"), off=Typed("off"))
    example = "mon 18:00"

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[Rhythm | None] | None:
        if words and words[0].text.casefold() == "off":
            return Found(None, 1)
        for count in (3, 2):
            if found := rules_.read_rhythm(" ".join(word.text for word in words[:count])):
                return Found(found, min(count, len(words)))
        return None

    def dump(self, value: Rhythm | None) -> Any:
        return None if value is None else {"day": value.day, "at": f"{value.at:%H:%M}"}

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> Rhythm | None:
        if data is None:
            return None
        if not isinstance(data, dict) or data.keys() != {"day", "at"}:
            raise ValueError("not a rhythm")
        at = rules_.read_time(str(data["at"]))
        if at is None or not (data["day"] is None or data["day"] in rules_.WEEKDAYS):
            raise ValueError("not a rhythm")
        return Rhythm(data["day"], at)


def _proposal(*, when: Rhythm | None) -> Text:
    if when is None:
        return T("No digest any more: everything is said at once.")
    return T("What happened is told in one message: {rhythm}.", rhythm=_rhythm(when))


@router.command(
    "digest",
    allow=Authority.COMMITTEE,
    label=T("Digest"),
    asks={
        "when": Asks(
            T(
                "When shall I tell the group what happened? Write it as an answer, like {example}, or {off}.",
                example=Typed("mon 18:00"),
                off=Typed("off"),
            )
        )
    },
    help=T("One message that tells the group what happened, at a time that it chooses; or {off}.", off=Typed("off")),
    proposal=_proposal,
)
async def digest(context: Context, *, when: Annotated[Rhythm | None, _RhythmKind()]) -> Reply:
    """Begin, move or end the committee's digest."""
    committee = context.committee
    before = await digests.of(context.tx, committee.id)
    if (before.rhythm if before is not None else None) == when:
        raise Refusal(T("That is how it is already."))
    if when is None:
        await digests.end(context.tx, committee.id)
        await due.cancel(context.tx, f"digest:{committee.id}")
        words = T("There is no digest any more: I say everything at once.")
    else:
        await digests.put(context.tx, committee.id, when, now=context.now)
        await _plan(context, when)
        words = T("From now on I tell in one message what happened: {rhythm}.", rhythm=_rhythm(when))
    body = {"digest": None if when is None else f"{when.day or 'daily'} {when.at:%H:%M}"}
    await entries.append(context.tx, committee, "rule", body, now=context.now)
    await context.announce(words, but=context.place)
    return Reply(words)


async def _plan(context: Context, rhythm: Rhythm) -> None:
    zone = context.committee.zone
    await due.plan(
        context.tx,
        f"digest:{context.committee.id}",
        digest_now.says(),
        local=rhythm.first(after=context.now, zone=zone),
        zone=zone,
        committee=context.committee.id,
        late="do",
        rrule=rhythm.rule,
    )


@router.command("digest_zone", allow=Authority.CLOCK, typed=False, help=T("The digest keeps its time of day."))
async def digest_zone(context: Context) -> None:
    """The committee is in another zone now: the digest comes at the same time of day there."""
    found = await digests.of(context.tx, context.committee.id)
    if found is not None:
        now_in = await people.committee(context.tx, context.committee.id)
        await _plan(replace(context, of_committee=now_in), found.rhythm)


@router.command("digest_now", allow=Authority.CLOCK, typed=False, help=T("The digest is due."))
async def digest_now(context: Context) -> None:
    """Gather what every area has to tell; where there is nothing, nothing is said."""
    found = await digests.of(context.tx, context.committee.id)
    if found is None:
        return
    told: list[Todo] = []
    for area in context.commands.routers:
        for tidings in area.digests:
            told += await tidings(context, found.since)
    await digests.told(context.tx, context.committee.id, now=context.now)
    if not told:
        return
    title = T("{committee} since {day}:", committee=Bold(context.committee.name), day=Day(found.since.at))
    # The committee has chosen the hour itself: it does not wait for the morning.
    await context.announce(
        lines(title, *(one.words for one in told)),
        lane=Lane.CARD,
        buttons=tuple(one.buttons for one in told if one.buttons),
    )


@router.digest
async def members_told(context: Context, since: Since) -> list[Todo]:
    """Who has joined, and who has left."""
    found = await entries.since(context.tx, context.committee.id, since.entry, "joined", "left")
    joined: dict[int, str] = {}
    left: dict[int, str] = {}
    for id_ in dict.fromkeys(body["member"] for _, body in found):
        member = await people.member(context.tx, context.committee.id, id_)
        if member is not None and member.name:
            (joined if member.active else left)[id_] = member.name
    came = {body["member"] for kind, body in found if kind == "joined"}
    told = []
    if names := [name for id_, name in joined.items() if id_ in came]:
        told.append(Todo(words=T("New here: {names}.", names=Listed(tuple(names)))))
    if names := [name for id_, name in left.items() if id_ not in came]:
        told.append(Todo(words=T("Have left: {names}.", names=Listed(tuple(names)))))
    return told


def _rhythm(rhythm: Rhythm) -> Text:
    at = f"{rhythm.at:%H:%M}"
    match rhythm.day:
        case None:
            return T("every day at {time}", time=at)
        case "MO":
            return T("every Monday at {time}", time=at)
        case "TU":
            return T("every Tuesday at {time}", time=at)
        case "WE":
            return T("every Wednesday at {time}", time=at)
        case "TH":
            return T("every Thursday at {time}", time=at)
        case "FR":
            return T("every Friday at {time}", time=at)
        case "SA":
            return T("every Saturday at {time}", time=at)
        case _:
            return T("every Sunday at {time}", time=at)
