"""Shifts in one's own calendar: as a file, or at an address that only one's calendar program knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from bot.arguments import choice
from bot.calendars import feed, written
from bot.chat import Button, Document, Reply
from bot.router import Authority, Context, Router, Telling
from bot.text import Bold, Listed, N, Reader, T, Text, Typed, Words, lines, supported
from storage import calendars, custodians, entries
from storage.calendars import WEB, WHOSE, Whose

router = Router("calendars", under="shifts")

_EXPECTED = T("one of {forms}", forms=Listed(tuple(Typed(word) for word in WHOSE)))
Which = Annotated[str, choice(*WHOSE, expected=_EXPECTED)]
_CALENDAR = Typed("/calendar")
_AGAIN = T("When something changes, ask for a new file. What is no longer in it, take out of your calendar yourself.")
_OFF = T("Your calendar could keep itself up to date, but whoever runs this bot has switched that off.")


def _whose(context: Context, said: str) -> Whose:
    """Where nothing is said: in a group the committee's, in private one's own."""
    if said:
        return next(one for one in WHOSE if one == said)
    return "mine" if context.in_private else "committee"


async def _web(context: Context) -> str | None:
    """Where calendars are to be had; None: whoever runs the bot has not switched that on."""
    return (await custodians.host(context.tx)).get(WEB)


@router.command(
    "calendar",
    allow=Authority.MEMBER,
    label=T("Calendar"),
    help=T(
        "Your shifts as a file for your calendar, or all shifts ({committee}); or as an address that "
        "keeps it up to date.",
        committee=Typed("committee"),
    ),
    repeatable=True,
)
async def calendar(context: Context, *, whose: Which = "") -> Reply:
    """Always in private, also in a group: files are for whoever asks."""
    which = _whose(context, whose)
    found = await calendars.of(context.tx, context.member, which, await _reader(context), now=context.now)
    committee = context.committee.name
    if which == "mine":
        title = T("Your shifts in {committee}", committee=committee)
        other = Button(label=T("All shifts"), says=calendar.says(whose="committee"))
    else:
        title = T("All shifts of {committee}", committee=committee)
        other = Button(label=T("My shifts"), says=calendar.says(whose="mine"))
    count = len(found.shifts)
    file: list[Words] = [
        N("{n} shift is in this file.", "{n} shifts are in this file.", count),
        T("Open it, and your calendar takes them in. It tells what and when, and nobody's name."),
    ]
    if not count:
        file = [T("There is no shift in it yet. {shifts} shows what is open.", shifts=Typed("/shifts"))]
    more, buttons = await _address_words(context, which, file=bool(count))
    return Reply(
        lines(T("{title}", title=Bold(title)), *file, *more),
        buttons=(*buttons, (other,)),
        private=True,
        document=Document(name=f"{_FILES[which]}.ics", text=written(feed(found))) if count else None,
    )


_FILES: Mapping[Whose, str] = {"mine": "my-shifts", "committee": "shifts"}


async def _reader(context: Context) -> Reader:
    """In whose language a calendar is: the member's, in whichever chat it is asked for."""
    assert context.person is not None
    return Reader(supported(context.person.language) or context.committee.language, context.committee.zone)


async def _address_words(
    context: Context, whose: Whose, *, file: bool
) -> tuple[list[Words], tuple[tuple[Button, ...], ...]]:
    """What can be said and done about an address for it. `file`: a file goes with it."""
    if await _web(context) is None:
        return ([_AGAIN, _OFF] if file else [_OFF]), ()
    rows: list[tuple[Button, ...]] = []
    since = await calendars.since(context.tx, context.member, whose)
    if since is None:
        words = T("With an address of your own, your calendar keeps itself up to date.")
        rows.append((Button(label=T("Subscription address"), says=calendar_address.says(whose=whose)),))
    else:
        words = T("You took an address for it on {day}.", day=since.astimezone(context.committee.zone).date())
        rows.append(_own_buttons(context, whose))
    if (
        whose == "committee"
        and "organizer" in context.roles
        and await calendars.count(context.tx, context.committee.id)
    ):
        rows.append(
            (
                Button(
                    label=T("Switch off everybody's addresses"),
                    says=context.commands.asking(calendar_all_off.says()),
                ),
            )
        )
    return [words], tuple(rows)


def _own_buttons(context: Context, whose: Whose) -> tuple[Button, ...]:
    # Pressed twice it would take away the address that was told the first time.
    says, question = calendar_new.says(whose=whose), context.tx.token()
    new = Button(label=T("New address"), says=says, once=True, question=question)
    return new, Button(label=T("Switch off"), says=calendar_off.says(whose=whose))


@router.command(
    "calendar_address",
    allow=Authority.MEMBER,
    typed=False,
    help=T("An address under which your calendar finds the shifts."),
)
async def calendar_address(context: Context, *, whose: Which) -> Reply:
    """Told once: what is kept cannot be turned back into it."""
    which = _whose(context, whose)
    since = await calendars.since(context.tx, context.member, which)
    if since is not None:
        return Reply(
            lines(
                T(
                    "You took an address for it on {day}.",
                    day=since.astimezone(context.committee.zone).date(),
                ),
                T("I cannot show it again, for I do not know it any more. Take a new one, and the old one ends."),
            ),
            buttons=(_own_buttons(context, which),),
            private=True,
        )
    return await _told(context, which)


@router.command(
    "calendar_new",
    allow=Authority.MEMBER,
    typed=False,
    help=T("A new address for your calendar; the old one works no more."),
)
async def calendar_new(context: Context, *, whose: Which) -> Reply:
    """The old one is dead at once."""
    return await _told(context, _whose(context, whose))


async def _told(context: Context, whose: Whose) -> Reply:
    web = await _web(context)
    if web is None:
        return Reply(_OFF, private=True)
    old = await calendars.since(context.tx, context.member, whose)
    token = await calendars.make(context.tx, context.member, whose, now=context.now)
    title = T("The address of your shifts in {committee}", committee=context.committee.name)
    if whose == "committee":
        title = T("Your address for all shifts of {committee}", committee=context.committee.name)
    return Reply(
        lines(
            T("{title}", title=Bold(title)),
            T("{title}", title=Typed(f"{web}/calendar/{token}.ics")),
            T("In your calendar, choose “subscribe” or “add by address”, and put it in there."),
            T("I show it this once. Whoever has it can read the shifts, without names: pass it on to nobody."),
            T("The old address works no more.") if old is not None else None,
        ),
        buttons=(_own_buttons(context, whose),),
        private=True,
    )


@router.command("calendar_off", allow=Authority.MEMBER, typed=False, help=T("Your calendar's address works no more."))
async def calendar_off(context: Context, *, whose: Which) -> Reply:
    """At once."""
    if not await calendars.end(context.tx, context.member, _whose(context, whose)):
        return Reply(T("There is no address any more. {calendar} makes one.", calendar=_CALENDAR), private=True)
    return Reply(
        T("The address works no more. What your calendar has already, it may keep until you take it out."),
        private=True,
    )


async def _all_off(context: Context) -> Words:
    return N(
        "{n} member has an address for the committee's shifts. Shall it end?",
        "{n} members have an address for the committee's shifts. Shall all of them end?",
        await calendars.count(context.tx, context.committee.id),
    )


@router.command(
    "calendar_all_off",
    allow=Authority.ORGANIZER,
    typed=False,
    title=T("Switch off everybody's addresses"),
    help=T("No address for the committee's shifts works any more, whoever has it."),
    confirm=_all_off,
)
async def calendar_all_off(context: Context) -> Reply:
    """For when one of them has got into wrong hands and nobody knows whose it is. Everybody can make a new one."""
    count = await calendars.end_all(context.tx, context.committee.id)
    if not count:
        return Reply(T("Nobody has an address for the committee's shifts."), private=True)
    body = {"ended": count, "member": context.member.id}
    await entries.append(context.tx, context.committee, "calendar", body, now=context.now)
    words = T(
        "{name} has switched off all addresses for the committee's shifts. Who had one makes a new one: {calendar}",
        name=context.member.name,
        calendar=_CALENDAR,
    )
    await context.announce(words)
    return Reply(N("{n} address works no more.", "{n} addresses work no more.", count), private=True)


@router.entry("calendar", about="rules")
async def calendar_told(telling: Telling, body: Mapping[str, Any]) -> Text:
    """How many addresses ended; never which."""
    return N(
        "{name} ended {n} address for the committee's shifts.",
        "{name} ended {n} addresses for the committee's shifts.",
        body["ended"],
        name=await telling.name(body["member"]),
    )
