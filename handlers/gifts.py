"""Gifts: what somebody gave and nobody counts in hours, told by whoever got it or by whoever gave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from bot.arguments import ChoiceKind, Duration, Found, Note, Number, People, Person, Reading, Word, choice
from bot.chat import Button, Card, Reply, Shown
from bot.domain import gifts as rule
from bot.domain import grammar
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View
from bot.text import Bold, Listed, Minutes, N, Refusal, T, Text, Typed, lines
from storage import enrolments, entries, gifts, notes, people
from storage.database import Reader
from storage.digests import Since
from storage.gifts import Gift
from storage.people import Member

router = Router("gifts", title=T("Gifts"))

_BIKE = T("repaired the bike")
_LUNCH = T("cooked lunch")


class _ToAllKind(ChoiceKind):
    """That it was for everybody: `for all`, in each language; `alone`: `all` will do too."""

    _before = frozenset(("for", "to", "para", "a", "fur", "für", "an"))
    _all = frozenset(("all", "everybody", "everyone", "todos", "todas", "todes", "alle"))

    def __init__(self, *, alone: bool) -> None:
        word = "all" if alone else "for all"
        super().__init__(
            ("all",), T("the words {example}", example=Typed(word)), "for all", labels={"all": T("For everybody")}
        )
        self._alone = alone

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        said = [grammar.folded(word.text.rstrip(",:;")) for word in words[:2]]
        if len(said) == 2 and said[0] in self._before and said[1] in self._all:
            return Found("all", 2)
        return Found("all", 1) if self._alone and said and said[0] in self._all else None


# --- telling of one ------------------------------------------------------------------------------------------------


@router.command(
    "gift",
    allow=Authority.MEMBER,
    label=T("Somebody gave me something"),
    help=T("Somebody gave you something, or helped you, and nobody counts hours."),
    sample=("@ana", _BIKE),
    asks={
        "people": Asks(T("Who gave you something, or helped you? Choose, or write a name.")),
        "what": Asks(T("What was it? Write a few words, or skip it.")),
    },
    for_others=True,
)
async def gift(
    context: Context,
    *,
    people: People,
    to: Annotated[str, _ToAllKind(alone=False)] = "",
    time: Duration | None = None,
    what: Note = "",
) -> Reply | Card:
    """Whoever got it tells of it, or anybody of what was for all. The time, if told, is for the group's sum alone."""
    if context.member.id in {one.id for one in people}:
        raise Refusal(
            T(
                "Name whoever gave you something. What you gave yourself is written like this: {example}",
                example=Typed("/gift_to @ben", _LUNCH),
            )
        )
    return await _recorded(context, people, () if to else (context.member,), time, what)


@router.command(
    "gift_to",
    allow=Authority.MEMBER,
    within="gift",
    label=T("I gave something"),
    help=T(
        "You gave somebody something, or helped them, and nobody counts hours; or it was for {all}.", all=Typed("all")
    ),
    sample=("@ben", _LUNCH),
    asks={
        "people": Asks(T("To whom? Choose, or write one or more names."), instead=(T("For everybody"), {"to": "all"})),
        "what": Asks(T("What was it? Write a few words, or skip it.")),
    },
    for_others=True,
)
async def gift_to(
    context: Context,
    *,
    people: People = (),
    to: Annotated[str, _ToAllKind(alone=True)] = "",
    time: Duration | None = None,
    what: Note = "",
) -> Reply | Card:
    """Whoever gave it tells of it; those who got it hear of it, and can take it back."""
    if context.member.id in {one.id for one in people}:
        raise Refusal(T("You cannot give to yourself. To whom was it?"))
    if not people and not to:
        raise Refusal(
            T(
                "To whom? Write it like this: {example}. To everybody: {all}",
                example=Typed("/gift_to @ben", _LUNCH),
                all=Typed("/gift_to all", _LUNCH),
            )
        )
    return await _recorded(context, (context.member,), people, time, what)


async def _recorded(
    context: Context, gave: Sequence[Member], got: Sequence[Member], time: Minutes | None, what: str
) -> Reply | Card:
    """Those in it who did not say it themselves hear of it in private; else, and where it is for all, the group."""
    found = await gifts.record(
        context.tx,
        context.committee,
        gave=gave,
        got=got,
        minutes=time,
        words=what,
        recorder=context.speaker,
        now=context.now,
    )
    card = Card("gift", found.id)
    if what:
        await notes.wrote(context.tx, card.thing, context.member.id, now=context.now)
    heard = True
    for member in (*gave, *got):
        if member.id == context.member.id:
            continue
        if member.helper_id is not None:
            heard &= await context.tell(member, await _told(context.tx, found), about=(card.thing,))
        else:
            heard &= await context.show_to(member, card)
    if context.place is None or not context.place.private:
        return card
    if not got or not heard:
        await context.show(card)
    return Reply(
        await _told(context.tx, found),
        buttons=((_taking_back(found),),),
        about=(card.thing,),
    )


def _between(found: Gift) -> Text:
    gave = Listed(tuple(name for _, name in found.gave))
    if not found.got:
        return T("A gift from {givers} to everybody", givers=gave)
    return T("A gift from {givers} to {receivers}", givers=gave, receivers=Listed(tuple(name for _, name in found.got)))


async def _told(tx: Reader, found: Gift) -> Text:
    between = _between(found)
    if found.undone:
        return T("Taken back: {what} (gift no. {number})", what=between, number=found.number)
    words = await notes.written(tx, found.thing)
    if words is None:
        return T("{what} (no. {number})", what=between, number=found.number)
    return T("{what}: {words} (no. {number})", what=between, words=words, number=found.number)


def _taking_back(found: Gift) -> Button:
    return Button(label=T("Take back"), says=ungift.says(number=found.number))


@router.card("gift")
async def gift_card(view: View, ref: int) -> Shown | None:
    """Who gave what to whom."""
    found = await gifts.get(view.tx, view.committee.id, ref)
    if found is None:
        return None
    told = await _told(view.tx, found)
    if found.undone:
        return Shown(told)
    by = None
    if found.recorder_id not in found.people:
        by = T("Told by {name}.", name=found.recorder)
    return Shown(lines(told, by), buttons=((_taking_back(found),),))


# --- taking back -----------------------------------------------------------------------------------------------------


async def _mine(context: Context) -> list[tuple[Text | str, int]]:
    newest = await gifts.newest_by(context.tx, context.member.id)
    found = await gifts.numbered(context.tx, context.committee.id, newest[0]) if newest is not None else None
    return [] if found is None else [(await _told(context.tx, found), found.number)]


@router.command(
    "ungift",
    allow=Authority.MEMBER,
    help=T("Take back a gift that you told of, or that you are in by mistake."),
    sample=("3",),
    asks={"number": Asks(T("Which one?"), _mine, T("You have not told of any gift."))},
    for_others=True,
)
async def ungift(context: Context, *, number: Number) -> Reply:
    """Whoever told of it takes it back; anybody else in it takes themselves out. Nothing was owed for it."""
    found = await gifts.numbered(context.tx, context.committee.id, number)
    if found is None:
        raise Refusal(T("There is no gift {number} here.", number=number))
    if found.undone:
        raise Refusal(T("Gift no. {number} is taken back already.", number=number), private=True)
    if context.member.id != found.recorder_id and context.member.id not in found.people:
        raise Refusal(
            T("Only those in gift no. {number} can take it back, and whoever told of it.", number=number), private=True
        )
    left = await gifts.take_back(context.tx, context.committee, found, context.member, now=context.now)
    if context.member.id != found.recorder_id:
        recorder = await people.member_now(context.tx, context.committee.id, found.recorder_id)
        if recorder is not None and recorder.active:
            await context.tell(
                recorder, T("{name} took back gift no. {number}.", name=context.member.name, number=number)
            )
    if left:
        return Reply(T("You are not in gift no. {number} any more.", number=number), private=True)
    return Reply(T("Gift no. {number} is taken back.", number=number), private=context.pressed)


# --- counters --------------------------------------------------------------------------------------------------------


@router.command(
    "gifts",
    allow=Authority.MEMBER,
    label=T("My gifts"),
    help=T("How often you gave and got something; {hide} keeps what you gave to yourself.", hide=Typed("/gifts hide")),
    sample=(),
    repeatable=True,
)
async def gifts_(
    context: Context,
    *,
    what: Annotated[
        str,
        choice(
            "hide",
            "show",
            expected=T("the word {hide} or {show}", hide=Typed("hide"), show=Typed("show")),
            labels={"hide": T("Hide it"), "show": T("Show it")},
        ),
    ] = "",
    who: Person | None = None,
) -> Reply:
    """One's own counters; of somebody else only how often they gave, if they do not hide it. There is no list."""
    if who is not None and who.id != context.member.id:
        return await _of_another(context, who)
    if what == "hide":
        await enrolments.enrol(context.tx, context.member, gifts.HIDDEN, now=context.now)
    elif what == "show":
        await enrolments.leave(context.tx, context.member.id, gifts.HIDDEN)
    hidden = await enrolments.since(context.tx, context.member.id, gifts.HIDDEN) is not None
    own = rule.counters(await gifts.of_member(context.tx, context.member.id), context.member.id)
    title = T("Your gifts in {committee}", committee=context.committee.name)
    return Reply(
        lines(
            T("{title}", title=Bold(title)),
            N("You gave something {n} time.", "You gave something {n} times.", own.given),
            N("You got something {n} time.", "You got something {n} times.", own.received),
            N("That was with {n} other person.", "That was with {n} different people.", own.people),
            T("Nobody owes anything for a gift, and there is no list of who gave most."),
            T("Nobody else can see how often you gave.")
            if hidden
            else T("Whoever asks can see how often you gave, never what you got."),
        ),
        buttons=(
            (
                Button(label=T("Show it"), says=gifts_.says(what="show"))
                if hidden
                else Button(label=T("Hide it"), says=gifts_.says(what="hide")),
            ),
        ),
        private=True,
    )


async def _of_another(context: Context, who: Member) -> Reply:
    if await enrolments.since(context.tx, who.id, gifts.HIDDEN) is not None:
        return Reply(T("{name} keeps that private.", name=who.name), private=True)
    found = rule.counters(await gifts.of_member(context.tx, who.id), who.id)
    return Reply(
        lines(
            N("{name} gave something {n} time.", "{name} gave something {n} times.", found.given, name=who.name),
            N("To {n} person.", "To {n} different people.", found.given_to) if found.given_to else None,
        ),
        private=True,
    )


# --- told elsewhere --------------------------------------------------------------------------------------------------


@router.entry("gift")
async def gift_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Told to those who are in it; to others, that there was one."""
    if "ungift" in body:
        name = await telling.name(body["member"])
        if body["left"]:
            return T("{name} is not in gift no. {number} any more.", name=name, number=body["ungift"])
        return T("{name} took back gift no. {number}.", name=name, number=body["ungift"])
    found = await gifts.numbered(telling.tx, telling.committee.id, body["gift"])
    if found is None or found.undone or telling.reader.id not in found.people:
        return T("a gift, no. {number}.", number=body["gift"])
    return T("{what} (no. {number})", what=_between(found), number=found.number)


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """How many gifts there were, and of nobody's."""
    found = await entries.since(context.tx, context.committee.id, since.entry, "gift", limit=10_000)
    count = sum("gift" in body for _, body in found) - sum(not body.get("left", True) for _, body in found)
    return [Todo(words=N("{n} gift.", "{n} gifts.", count))] if count > 0 else []
