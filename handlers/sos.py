"""SOS: a member under threat calls those whom they have chosen, by one tap in private; a word of their own cancels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

from bot import alerts as shared
from bot.arguments import Found, Kind, Note, People, Reading, Reference, Word
from bot.chat import Button, Card, Reply
from bot.domain import raising
from bot.domain.board import plain
from bot.router import Asks, Authority, Context, Router, Todo, Where
from bot.text import Bold, N, Refusal, T, Text, Typed, Words, lines
from storage import due, people, sos
from storage.database import Reader, Transaction
from storage.people import Committee, Member
from storage.sos import Call

router = Router("sos", under="alerts")

ENDS_AFTER = timedelta(hours=24)
AGAIN_AFTER = timedelta(minutes=1)
"""Until then, pressing once more tells nobody anything."""
BUTTON_EXPIRES_AFTER = timedelta(days=5 * 365)
"""A button that is out of date would be a trap."""
CONTACTS_MAX = 5
WORD_LEAST = 3
WORD_MOST = 100

_SET_UP = frozenset(map(plain, ("setup", "set", "configurar", "preparar", "einrichten")))
_CANCEL = frozenset(map(plain, ("cancel", "cancelar", "abbrechen", "absagen")))


class _CodeWordKind(Kind[str]):
    """The word that cancels, or what somebody takes for it. It is asked for last, so that it waits nowhere."""

    expected = T("a word")
    example = T("a word")
    rest = True
    offered = True

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        # Whatever it is, it is an answer: nobody who looks on learns what would be one.
        return Found(reading.line[words[0].start :].strip()[:WORD_MOST], len(words)) if words else None

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        if not isinstance(data, str) or len(data) > WORD_MOST:
            raise ValueError("no word")
        return data


CodeWord = Annotated[str, _CodeWordKind()]


# --- calling -----------------------------------------------------------------------------------------------------


async def _meant(tx: Reader, person_id: int, committees: Sequence[Committee], words: str) -> Committee | None:
    """Nobody under threat is asked for which committee, where one alone is set up, or called already."""
    if plain(words.partition(" ")[0]) in _SET_UP:
        return None
    set_up, called = [], []
    for committee in committees:
        found = await people.member_of(tx, committee.id, person_id)
        if found is not None and await sos.plan_of(tx, found[0].id) is not None:
            set_up.append(committee)
        if found is not None and await sos.running(tx, found[0].id) is not None:
            called.append(committee)
    return next((some[0] for some in (set_up, called) if len(some) == 1), None)


@router.command(
    "sos",
    allow=Authority.MEMBER,
    where=Where.PRIVATE,
    within="alert",
    while_suspended=True,
    help=T("You are under threat: those whom you have chosen are told at once."),
    label=T("SOS"),
    picks=_meant,
)
async def sos_(context: Context, *, line: Note = "") -> Reply | Card | None:
    """One tap calls. What is written behind it is told too, but for the two words that set up and cancel."""
    first, _, rest = line.strip().partition(" ")
    if plain(first) in _SET_UP:
        return await context.say(context.commands.asking(sos_set.says()), authority=context.authority)
    if plain(first) in _CANCEL:
        says = sos_cancel.says(word=rest.strip()[:WORD_MOST]) if rest.strip() else None
        return await context.say(says or context.commands.asking(sos_cancel.says()), authority=context.authority)
    if await sos.plan_of(context.tx, context.member.id) is None and not line.strip():
        return Reply(
            lines(
                T("SOS is for when you are under threat: one tap then tells those whom you choose now."),
                T("If it is now, tell the organizers at once."),
            ),
            buttons=(
                (Button(label=T("Tell the organizers now"), says=sos_now.says()),),
                (Button(label=T("Set it up"), says=context.commands.asking(sos_set.says())),),
            ),
        )
    return await _call(context, line.strip())


@router.command(
    "sos_now",
    allow=Authority.MEMBER,
    where=Where.PRIVATE,
    typed=False,
    while_suspended=True,
    help=T("Call for help at once."),
)
async def sos_now(context: Context) -> Reply:
    """From the button that stands in the private chat, and for whoever has set nothing up."""
    return await _call(context, "")


async def _call(context: Context, more: str) -> Reply:
    """Tell them. No budget counts this, and nothing of it is in the group or in the books."""
    me = context.member
    plan = await sos.plan_of(context.tx, me.id)
    call = await sos.running(context.tx, me.id)
    if call is not None and context.now - call.said_at < AGAIN_AFTER and not more:
        return _called(len(await sos.who_was_told(context.tx, call)))
    again = call is not None
    if call is None:
        call = await sos.begin(context.tx, me.id, now=context.now)
        key, other = _keys(call) if plan is not None else reversed(_keys(call))
        when = context.now + ENDS_AFTER
        # An id may be given again, where somebody has left meanwhile.
        await due.cancel(context.tx, other)
        await due.plan_at(context.tx, key, sos_end.says(call=call.id), when, committee=context.committee.id)
    else:
        await sos.said_again(context.tx, call, now=context.now)
    words = lines(
        _head(T("SOS once more: {name}", name=me.name) if again else T("SOS: {name}", name=me.name)),
        T("{name} is under threat and calls you.", name=me.name),
        T("“{words}” (as it was written)", words=plan.words) if plan is not None and plan.words else None,
        T("“{words}” (as it was written)", words=more) if more else None,
        T("Do not write to them about it: somebody else may be reading. Nothing of this is in the group."),
    )
    chosen = [id_ for id_, agreed in plan.contacts.items() if agreed] if plan is not None else []
    told = await _tell(context, call, [await _member(context, id_) for id_ in chosen], words)
    if not told:
        organizers = await people.organizers(context.tx, context.committee.id)
        told = await _tell(context, call, [one for one in organizers if one.id != me.id], words)
    return _called(told)


def _keys(call: Call) -> tuple[str, str]:
    """Under which its end is planned: where a word had been set up before, and where none had."""
    return f"sos:{call.id}:end", f"sos:{call.id}:wordless"


async def _wordless(context: Context, call: Call) -> bool:
    """Whether no word had been set up before it: whoever took the telephone could choose one since."""
    return await due.at(context.tx, _keys(call)[1]) is not None


def _head(words: Text) -> Text:
    return T("{head}", head=Bold(words))


async def _member(context: Context, member_id: int) -> Member | None:
    return await people.member_now(context.tx, context.committee.id, member_id)


async def _tell(context: Context, call: Call, members: Sequence[Member | None], words: Words) -> int:
    """To each of them in private, before everything else; how many can be reached."""
    count = 0
    for member in members:
        if member is None or not shared.may_hear(member, context.now):
            continue
        sees = Button(label=T("I see to it"), says=sos_sees.says(call=call.id))
        if await shared.tell(context, member, words, alert=None, buttons=((sees,),)) is not None:
            await sos.told(context.tx, call, member.id)
            count += 1
    return count


def _called(count: int) -> Reply:
    cancel = Button(label=T("Cancel the SOS"), says=sos_cancel.says())
    if not count:
        return Reply(T("I can reach nobody. Call somebody."), buttons=((cancel,),))
    return Reply(N("{n} person is told.", "{n} people are told.", count), buttons=((cancel,),))


@router.command("sos_sees", allow=Authority.MEMBER, typed=False, help=T("You see to somebody's SOS."))
async def sos_sees(context: Context, *, call: Reference) -> Reply:
    """The others who were told hear of it; whoever called is not written to."""
    there = await sos.call(context.tx, call)
    caller = None if there is None else await _member(context, there.member_id)
    if there is None or caller is None or context.member.id not in await sos.who_was_told(context.tx, there):
        raise Refusal(T("That SOS is over."), private=True)
    if await sos.sees_to_it(context.tx, there, context.member.id):
        words = T("{who} sees to the SOS of {name}.", who=context.member.name, name=caller.name)
        await _tell_told(context, there, words, but=context.member.id)
    return Reply(T("Thank you. The others who were told know that you see to it."), private=True)


async def _tell_told(context: Context, call: Call, words: Words, *, but: int | None = None) -> None:
    for id_ in await sos.who_was_told(context.tx, call):
        member = None if id_ == but else await shared.hears(context, id_)
        if member is not None:
            await shared.tell(context, member, words, alert=None)


# --- cancelling --------------------------------------------------------------------------------------------------


@router.command(
    "sos_cancel",
    allow=Authority.MEMBER,
    where=Where.PRIVATE,
    typed=False,
    while_suspended=True,
    help=T("Cancel your SOS, with your word."),
    title=T("SOS"),
    asks={"word": Asks(T("Write your word."))},
)
async def sos_cancel(context: Context, *, word: CodeWord) -> Reply:
    """Right or wrong, or where nothing goes on, the answer is the same: whoever looks on learns nothing from it.

    A wrong word may be a slip, or written because somebody made them: those who were told hear of it, once.
    """
    me = context.member
    call, plan = await sos.running(context.tx, me.id), await sos.plan_of(context.tx, me.id)
    # Worked out also where it changes nothing, so that it takes as long.
    right = raising.is_word(word, salt=plan.salt if plan else "", hashed=plan.hashed if plan else "")
    wordless = call is not None and await _wordless(context, call)
    if call is not None and plan is not None and right and not wordless:
        await sos.put_state(context.tx, call, "off")
        await _tell_told(context, call, T("All clear: {name} has cancelled the SOS with the right word.", name=me.name))
    elif call is not None and call.state == "on":
        await sos.put_state(context.tx, call, "wrong")
        words = T("The SOS of {name} goes on: a wrong word was written. Perhaps somebody made them.", name=me.name)
        if wordless:
            words = T(
                "{name} wants to cancel the SOS, but had set up no word before: perhaps somebody made them. It goes "
                "on; find out how they are.",
                name=me.name,
            )
        await _tell_told(context, call, words)
    return Reply(T("Cancelled."), private=True)


@router.command("sos_end", allow=Authority.CLOCK, typed=False, help=T("A day after an SOS."))
async def sos_end(context: Context, *, call: Reference) -> None:
    """It ends by itself, and nothing of it is kept, whether it was cancelled or not."""
    there = await sos.call(context.tx, call)
    if there is None or context.now < there.at + ENDS_AFTER:
        return
    caller = await _member(context, there.member_id)
    if there.state != "off" and caller is not None:
        await _tell_told(
            context,
            there,
            T("The SOS of {name} ends by itself after a day; it was never cancelled. Are they well?", name=caller.name),
        )
    await sos.drop_call(context.tx, there.id)


# --- setting it up -----------------------------------------------------------------------------------------------


@router.command(
    "sos_set",
    allow=Authority.MEMBER,
    where=Where.PRIVATE,
    typed=False,
    while_suspended=True,
    help=T("Set up your SOS: who is told, what, and the word that cancels."),
    title=T("SOS"),
    asks={
        "who": Asks(
            T("Who is told? Choose, or write names, like {example}. They are asked first.", example=Typed("@ben @chi")),
            instead=(T("The organizers"), {}),
        ),
        "words": Asks(T("What should they know? Such as where you live, or whom to call. Only they see it.")),
        "word": Asks(
            T(
                "Which word cancels it? Take one that you would not say otherwise. Any other word leaves it running, "
                "and looks the same."
            ),
            instead=(T("Not now"), {}),
        ),
    },
)
async def sos_set(context: Context, *, who: People = (), words: Note = "", word: CodeWord = "") -> Reply:
    """Whoever is named is asked; until they agree, and where nobody is named, the organizers are told."""
    me = context.member
    chosen = [one for one in who if one.id != me.id]
    if len(chosen) > CONTACTS_MAX:
        raise Refusal(T("{n} people at most: choose those who can come.", n=CONTACTS_MAX))
    if len("".join(word.split())) < WORD_LEAST:
        raise Refusal(
            T("Without a word of at least {n} letters nobody could cancel it. Nothing is set up.", n=WORD_LEAST)
        )
    call = await sos.running(context.tx, me.id)
    # What was set up before a call stays while that goes on, and nobody who looks on can tell.
    if call is None or await _wordless(context, call):
        salt = context.tx.token()
        await sos.set_plan(
            context.tx,
            me.id,
            words=words.strip(),
            salt=salt,
            hashed=raising.word_hash(word, salt),
            contacts=[one.id for one in chosen],
        )
        plan = await sos.plan_of(context.tx, me.id)
        assert plan is not None
        for one in chosen:
            if plan.contacts[one.id] is None:
                await context.tell(one, _asking(me), buttons=_agreeing(me))
    return Reply(
        lines(
            T("Your SOS is set up. Now delete your message with the word."),
            T("When you are under threat: press the button here, or type {sos}.", sos=Typed("/sos")),
        ),
        buttons=((Button(label=T("SOS"), says=sos_now.says(), expires=BUTTON_EXPIRES_AFTER),),),
    )


def _asking(who: Member) -> Text:
    return T("{name} wants you to be told at once when they are under threat. Do you agree?", name=who.name)


def _agreeing(who: Member) -> tuple[tuple[Button, ...], ...]:
    return (
        (
            Button(label=T("Yes"), says=sos_agree.says(who=who.id)),
            Button(label=T("No"), says=sos_decline.says(who=who.id)),
        ),
    )


@router.command("sos_agree", allow=Authority.MEMBER, typed=False, help=T("Be told of somebody's SOS."))
async def sos_agree(context: Context, *, who: Reference) -> Reply:
    """Whoever was named agrees."""
    return await _answer(context, who, agreed=True)


@router.command("sos_decline", allow=Authority.MEMBER, typed=False, help=T("Do not be told of somebody's SOS."))
async def sos_decline(context: Context, *, who: Reference) -> Reply:
    """Whoever was named does not agree, or not any more."""
    return await _answer(context, who, agreed=False)


async def _answer(context: Context, who: int, *, agreed: bool) -> Reply:
    named = await _member(context, who)
    plan = None if named is None else await sos.plan_of(context.tx, named.id)
    if named is None or plan is None or context.member.id not in plan.contacts:
        raise Refusal(T("That is not asked of you any more."), private=True)
    if plan.contacts[context.member.id] is not agreed:
        await sos.answer(context.tx, plan, context.member.id, agreed=agreed)
        words = T("{name} will be told of your SOS.", name=context.member.name)
        if not agreed:
            words = T("{name} does not want to be told of your SOS. Choose somebody else.", name=context.member.name)
        await context.tell(named, words)
    if agreed:
        return Reply(T("Thank you. You are told at once, at any hour."), private=True)
    return Reply(T("Noted. You are not told."), private=True)


@router.todo
async def waiting(context: Context) -> Sequence[Todo]:
    """Who wants this member told, and waits for their answer; said in private alone."""
    if not context.in_private:
        return []
    told = []
    for id_ in await sos.asked_of(context.tx, context.member.id):
        who = await _member(context, id_)
        if who is not None:
            told.append(Todo(words=_asking(who), buttons=_agreeing(who)[0]))
    return told
