"""When somebody is arrested: their rights rest, quietly, and whoever looks after legal help knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot import alerts as shared
from bot import legal
from bot.arguments import LongNote, Person, Reference
from bot.chat import Button, Card, Lane, Reply
from bot.domain import pauses as rules
from bot.domain.pauses import Pause
from bot.router import Authority, Context, Router, Telling, Where
from bot.text import Bold, N, Refusal, T, Text, Typed, Words, lines
from storage import alerts, due, entries, notes, nudges, pauses, people, proposals, sealed
from storage.alerts import Alert
from storage.pauses import Row
from storage.people import Member

router = Router("arrests", under="alerts")

CONTACT_CHARACTERS_MAX = 500
OFF = "off"


# --- reporting ---------------------------------------------------------------------------------------------------


@router.command(
    "arrested",
    allow=Authority.MEMBER,
    within="alert",
    help=T("In private: somebody was arrested. Their account rests for two hours; a second report makes it a day."),
    sample=("@chi",),
)
async def arrested(context: Context, *, who: Person) -> Reply:
    """Nothing more is told to their account, and nothing can be done with it. Nobody reads of it anywhere."""
    _quietly(context)
    me = context.member
    _settled(context)
    row = await _running(context, who)
    why = rules.refused(
        me.id,
        who.id,
        await pauses.earlier(context.tx, me.id, now=context.now),
        begins=row is None,
        now=context.now,
    )
    if why is not None:
        raise Refusal(_refused(why, who), private=True)
    begun = row is None
    if row is None:
        alert = await _comes_to(context, who)
        row = await pauses.begin(
            context.tx, context.committee.id, who, alert_id=None if alert is None else alert.id, now=context.now
        )
        await proposals.reconsider(context.tx, context.committee.id)
    confirmed = (await _state(context, row)).confirmed if not begun else False
    await pauses.say(context.tx, row, "reported", me.id, now=context.now)
    now = await _state(context, row)
    await pauses.goes_on(context.tx, row, until=now.until)
    await due.plan_at(context.tx, row.key, pause_end.says(pause=row.id), now.until, committee=context.committee.id)
    await _tell_organizers(context, who, now)
    if begun:
        await _tell_legal(context)
    return Reply(
        lines(
            T("{name} is away until {until}.", name=who.name, until=now.until),
            T("Until then nothing is told to their account, and nothing can be done with it. The group sees nothing."),
            None if now.confirmed else _ONE_MORE,
            T("That was already known.") if confirmed else None,
            await _contact_words(context),
        ),
        buttons=((_free_button(who),),),
        private=True,
    )


_ONE_MORE = T(
    "If somebody reports it too who was not invited by the same people as whoever reported it first, it is a day."
)


def _quietly(context: Context) -> None:
    """Raises Refusal in a group: who was arrested is nobody's business there."""
    if not context.in_private:
        raise Refusal(
            T("Delete what you wrote in the group now: everybody reads it there. Then say it to me here, in private."),
            private=True,
        )


def _settled(context: Context) -> None:
    """Raises Refusal for newcomers: their word does not take anybody's rights."""
    if context.member.newcomer_until is not None and context.member.newcomer_until > context.now:
        raise Refusal(
            T("Newcomers cannot say that yet. Tell somebody who has been here for longer, in private."), private=True
        )


def _refused(why: rules.Why, who: Member) -> Text:
    match why:
        case "self":
            return T("That is about others. If you are in danger, call: {command}", command=Typed("/legal_contact"))
        case "said":
            return T("You have reported {name} already. Somebody else has to confirm it.", name=who.name)
        case "open":
            return T("Another report of yours still runs. Ask somebody else to report {name}.", name=who.name)
        case "again":
            return T(
                "You have reported {name} within a week already. Ask somebody else to do it; then you can confirm it.",
                name=who.name,
            )
        case "often":
            return T("You have reported two people within a week. Ask somebody else to report {name}.", name=who.name)


async def _running(context: Context, who: Member) -> Row | None:
    """Somebody's pause that runs. One whose time is over ends now, if the clock has not come to it yet."""
    row = await pauses.of(context.tx, who.id)
    if row is None or context.now < row.until:
        return row
    await _ends(context, row, who)
    return None


async def _comes_to(context: Context, who: Member) -> Alert | None:
    """The newest alert that they come to."""
    for one in reversed(await alerts.open_(context.tx, context.committee.id)):
        if who.id in (await shared.state(context, one)).coming:
            return one
    return None


async def _state(context: Context, row: Row) -> Pause:
    """What follows from what was said; before anything was, what one report would."""
    said = await pauses.reports(context.tx, row.id)
    related = await pauses.related(context.tx, context.committee.id, {one.member for one in said})
    found = rules.pause(said, related=related)
    assert found is not None, "a pause has a report"
    return found


async def _tell_organizers(context: Context, who: Member, now: Pause) -> None:
    """Who has reported it: so that a wrong report is noticed, and has a name."""
    words = lines(
        T("{name} is away until {until}.", name=who.name, until=now.until),
        T(
            "{name} has reported it to me in private, because their account may be in strange hands.",
            name=context.member.name,
        )
        if not now.confirmed
        else T("{name} has confirmed it in private.", name=context.member.name),
        T("Say nothing of it in the group. If it is wrong, two members together end it."),
    )
    too = Button(label=T("I know it too"), says=arrested.says(who=who))
    buttons = ((_free_button(who),) if now.confirmed else (too, _free_button(who)),)
    for one in await people.organizers(context.tx, context.committee.id):
        if one.id not in (who.id, context.member.id) and shared.may_hear(one, context.now):
            await context.tell(one, words, lane=Lane.ALERT, buttons=buttons)


async def _tell_legal(context: Context) -> None:
    count = len(await pauses.running(context.tx, context.committee.id))
    words = N("{n} person needs legal help now.", "{n} people need legal help now.", count)
    for one in await legal.legal_people(context):
        if one.id != context.member.id and shared.may_hear(one, context.now):
            show = Button(label=T("Legal support"), says=legal_.says())
            await context.tell(one, words, lane=Lane.ALERT, buttons=((show,),))


def _free_button(who: Member) -> Button:
    return Button(label=T("They are free"), says=released.says(who=who))


# --- its end -----------------------------------------------------------------------------------------------------


@router.command(
    "released",
    allow=Authority.MEMBER,
    within="alert",
    help=T("In private: somebody is free, or never was arrested. Two members together give them their rights back."),
    sample=("@chi",),
)
async def released(context: Context, *, who: Person) -> Reply:
    """Two people of different invite branches end it before its time."""
    _quietly(context)
    _settled(context)
    row = await _running(context, who)
    if row is None:
        raise Refusal(T("{name} is not away: their account works as ever.", name=who.name), private=True)
    await pauses.say(context.tx, row, "restored", context.member.id, now=context.now)
    now = await _state(context, row)
    if now.restored_at is None:
        return Reply(
            T(
                "Noted. {name} has their rights back once somebody else says so who was not invited by the same people "
                "as you; else at {until}.",
                name=who.name,
                until=now.until,
            ),
            private=True,
        )
    await _ends(context, row, who)
    return Reply(T("{name} has their rights back.", name=who.name), private=True)


@router.command("pause_end", allow=Authority.CLOCK, typed=False, help=T("Rights that rested are whole again."))
async def pause_end(context: Context, *, pause: Reference) -> None:
    """It ends by itself."""
    row = await pauses.get(context.tx, context.committee.id, pause)
    if row is None or row.over_at is not None:
        return
    if context.now < row.until:
        says = pause_end.says(pause=row.id)
        await due.plan_at(context.tx, row.key, says, row.until, committee=context.committee.id)
        return
    who = await people.member_now(context.tx, context.committee.id, row.member_id)
    assert who is not None
    await _ends(context, row, who)


async def _ends(context: Context, row: Row, who: Member) -> None:
    """Their rights are whole, and they are told what they have missed; not who has reported anything."""
    await due.cancel(context.tx, row.key)
    await pauses.end(context.tx, row, now=context.now)
    await proposals.reconsider(context.tx, context.committee.id)
    await pauses.show_anew(context.tx, who)
    if not who.active:
        return
    await context.tell(
        who,
        lines(
            T(
                "Your account in {committee} rested from {since} until now, because members feared that it was in "
                "strange hands.",
                committee=context.committee.name,
                since=row.since,
            ),
            T(
                "What was for you meanwhile was not sent: look at {todo} and {alerts}. Codes that you had are void.",
                todo=Typed("/todo"),
                alerts=Typed("/alerts"),
            ),
            T("It stands in no log, and takes nothing from you. If it was wrong, tell the organizers."),
        ),
        lane=Lane.ANSWER,
    )
    await nudges.settle(context.tx, who, committee=context.committee, now=context.now)


# --- legal support -----------------------------------------------------------------------------------------------


@router.command(
    "legal",
    allow=Authority.MEMBER,
    within="alert",
    where=Where.PRIVATE,
    help=T("For the role “legal”: who needs legal help now, and since when."),
    repeatable=True,
)
async def legal_(context: Context) -> Reply:
    """Figures; names only for the role, only on an encrypted database, and never on Telegram."""
    if legal.LEGAL not in context.roles:
        raise Refusal(
            T(
                "That is for whoever has the role “legal”. To give it to somebody: {command}. Whom to call: {contact}",
                command=Typed("/role legal @eli"),
                contact=Typed("/legal_contact"),
            ),
            private=True,
        )
    running = await pauses.running(context.tx, context.committee.id)
    on_network = context.place is not None and legal.named_on(context.place.address)
    encrypted = await sealed.is_encrypted(context.tx)
    told: list[Words | None] = [
        T("{head}", head=Bold(T("Legal support"))),
        N("{n} person is arrested, as far as is known.", "{n} people are arrested, as far as is known.", len(running)),
    ]
    told += [await _line(context, row, named=encrypted and on_network) for row in running]
    if running and not encrypted:
        told.append(T("No names are shown, because the database is not encrypted. The organizers know them."))
    elif running and not on_network:
        told.append(T("No names are shown here: whoever runs the network reads along. Ask me on Matrix, in private."))
    told.append(await _contact_words(context))
    return Reply(lines(*told), private=True)


async def _line(context: Context, row: Row, *, named: bool) -> Text:
    alert = None if row.alert_id is None else await alerts.get(context.tx, context.committee.id, row.alert_id)
    who = await people.member_now(context.tx, context.committee.id, row.member_id) if named else None
    if who is not None and alert is not None:
        return T("{name}: since {since}, alert {number}", name=who.name, since=row.since, number=alert.number)
    if who is not None:
        return T("{name}: since {since}", name=who.name, since=row.since)
    if alert is not None:
        return T("Since {since}, alert {number}", since=row.since, number=alert.number)
    return T("Since {since}", since=row.since)


async def _contact_words(context: Context) -> Words | None:
    words = await legal.contact(context.tx, context.committee.id)
    return None if words is None else T("Whom to call: {contact}", contact=words)


@router.command("if_arrested", allow=Authority.MEMBER, typed=False, help=T("What to do if you are arrested."))
async def if_arrested(context: Context, *, alert: Reference) -> Reply:
    """Before anything happens: whom to call, and what others can do."""
    contact = await _contact_words(context)
    return Reply(
        lines(
            contact or _no_contact(),
            T("Learn the number by heart, or write it on your arm: your telephone will be gone."),
            T(
                "Whoever sees that somebody is arrested tells me so in private, never in the group: {command}",
                command=arrested.example,
            ),
        ),
        private=True,
    )


def _no_contact() -> Text:
    return T(
        "Nobody has said yet whom to call. Two organizers can: {example}",
        example=Typed("/legal_contact", T("Legal team, 030 1234567, day and night")),
    )


@router.command(
    "legal_contact",
    allow=Authority.MEMBER,
    within="alert",
    help=T(
        "Whom to call after an arrest. With words after it: two organizers change it; {off} ends it.", off=Typed(OFF)
    ),
    sample=(T("Legal team, 030 1234567, day and night"),),
)
async def legal_contact(context: Context, *, text: LongNote = "") -> Reply | Card | None:
    """Shown to every member; changed by two organizers."""
    if not text.strip():
        return Reply(await _contact_words(context) or _no_contact())
    if len(text) > CONTACT_CHARACTERS_MAX:
        raise Refusal(T("That is too long: {n} characters at most.", n=CONTACT_CHARACTERS_MAX))
    new = "" if text.strip().casefold() == OFF else text.strip()
    return await context.say(set_legal_contact.says(text=new), authority=Authority.MEMBER)


def _contact_proposal(*, text: str) -> Text:
    if not text:
        return T("There is no legal contact any more.")
    return T("Whom to call after an arrest: {contact}", contact=text)


@router.command(
    "set_legal_contact",
    allow=Authority.TWO,
    typed=False,
    help=T("Whom to call after an arrest."),
    proposal=_contact_proposal,
)
async def set_legal_contact(context: Context, *, text: LongNote) -> Reply:
    """Two organizers have agreed: one alone could send everybody to a wrong number."""
    before = await pauses.contact(context.tx, context.committee.id)
    if before is not None:
        await notes.erase(context.tx, f"legal_contact:{before}")
    if not text:
        await pauses.end_contact(context.tx, context.committee.id, now=context.now)
        await entries.append(context.tx, context.committee, "legal_contact", {"off": True}, now=context.now)
        return Reply(T("There is no legal contact any more."))
    id_ = await pauses.set_contact(context.tx, context.committee.id, now=context.now)
    words = await notes.keep(context.tx, f"legal_contact:{id_}", text)
    body = {"legal_contact": id_, "words": words}
    await entries.append(context.tx, context.committee, "legal_contact", body, now=context.now)
    return Reply(T("Whom to call after an arrest: {contact}", contact=text))


@router.entry("legal_contact", about="rules")
async def contact_entry(telling: Telling, body: Mapping[str, Any]) -> Text:
    """The books tell that it changed, and to what, as long as that is in force."""
    if body.get("off"):
        return T("There is no legal contact any more.")
    text = await notes.of(telling.tx, f"legal_contact:{body['legal_contact']}")
    if text is None:
        return T("There is another legal contact.")
    return T("Whom to call after an arrest: {contact}", contact=text)
