"""What is kept about somebody, and how to have it out and gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, cast

from bot.arguments import Number, choice
from bot.chat import DOCUMENT_CHARACTERS_MAX, Button, Document, Link, Reply, Saying
from bot.domain import retention
from bot.router import Authority, Context, Router, Telling, View, Where
from bot.text import Bold, N, Refusal, T, Text, Typed, lines, shown, supported
from bot.text import Reader as For
from storage import cards, custodians, entries, outbox, people, privacy, transfers
from storage.people import Committee, Member

router = Router("privacy", title=T("Your data"))

CARDS_LOOKED_AT_MAX = 5000
_QUESTION_EXPIRES_AFTER = timedelta(hours=1)
Me = Annotated[str, choice("me", expected=T("the word {example}", example=Typed("me")))]
Shows = Annotated[str, choice("nickname", "first", "full", expected=T("one of nickname, first and full"))]


@router.command(
    "privacy",
    allow=Authority.ANYONE,
    help=T("What is kept about you, who can see it, and until when."),
    label=T("My data"),
    repeatable=True,
)
async def privacy_(context: Context) -> Reply:
    """Everything that is kept, in a table of plain words."""
    assert context.person is not None
    mine = await people.committees_of(context.tx, context.person.id)
    names = [await _seen_as(context, committee) for committee in mine]
    said = await custodians.host(context.tx)
    return Reply(
        lines(
            _title(T("What is kept about you")),
            *names,
            *(
                T("• {what}: {seen_by}. Kept: {until}.", what=kind.what, seen_by=kind.seen_by, until=kind.until)
                for kind in retention.KINDS
            ),
            T("No log holds words. What is written in a chat stays there until people delete it."),
            T("{name} runs this bot and could read all of it: {host}", name=said["name"], host=Typed("/host"))
            if "name" in said
            else T("Whoever runs this bot could read all of it: {host}", host=Typed("/host")),
        ),
        buttons=(
            (Button(label=T("Export"), says=export.says()), Button(label=T("Forget me"), says=forget.says())),
            (Button(label=T("What others see"), says=shown_.says()),),
        ),
        private=True,
    )


def _title(title: Text) -> Text:
    return T("{title}", title=Bold(title))


async def _seen_as(context: Context, committee: Committee) -> Text | None:
    assert context.person is not None
    found = await people.member_of(context.tx, committee.id, context.person.id)
    return T("In {committee} you are {name}.", committee=committee.name, name=found[0].name) if found else None


@router.command(
    "export",
    allow=Authority.ANYONE,
    label=T("Have it as a file"),
    help=T("Everything that is kept about you, as a file."),
    sample=("me",),
    repeatable=True,
)
async def export(context: Context, *, me: Me = "me") -> Reply:
    """All of it, from all of somebody's committees, for their eyes only."""
    assert context.person is not None
    found = await privacy.hand_out(
        context.tx, context.person.id, now=context.now, characters_max=DOCUMENT_CHARACTERS_MAX - 1000
    )
    return Reply(
        lines(
            T("Here is everything that is kept about you, from all your committees."),
            N("{n} membership", "{n} memberships", found.counts["memberships"]),
            N("{n} exchange", "{n} exchanges", found.counts["exchanges"]),
            N("{n} proposal", "{n} proposals", found.counts["proposals"]),
            T("There was too much for one file: of some things only the newest are in it.") if found.left_out else None,
            T("The file is text: any editor or browser opens it. Keep it for yourself."),
        ),
        private=True,
        document=Document(name="solibot.json", text=found.text),
    )


# --- what others see -------------------------------------------------------------------------------------------


@router.command(
    "shown",
    allow=Authority.MEMBER,
    help=T("What others here see of your name: nickname, first name, or all of it."),
    sample=("first",),
    label=T("What others see"),
)
async def shown_(context: Context, *, what: Shows = "") -> Reply:
    """Choose it; without a choice, tell how it is."""
    nickname = await privacy.nickname_of(context.tx, context.member.id)
    if not what:
        return Reply(
            lines(
                T(
                    "Others in {committee} see you as {name}.",
                    committee=context.committee.name,
                    name=context.member.name,
                ),
                T("Your accounts and your balance they do not see."),
                T("Change it: {nickname}, {first} or {full}", nickname=Typed("/shown nickname"),
                  first=Typed("/shown first"), full=Typed("/shown full")),
            ),
            buttons=(
                (
                    Button(label=T("First name"), says=shown_.says(what="first")),
                    Button(label=T("Whole name"), says=shown_.says(what="full")),
                ),
            ),
            private=True,
        )  # fmt: skip
    if what == "nickname" and nickname is None:
        raise Refusal(T("You have no nickname here yet. Choose one: {command}", command=Typed("/nickname Benny")))
    showing = await _showing(context, context.committee, {context.member.name})
    await privacy.show_as(context.tx, context.member.id, None if what == "nickname" else cast("privacy.Shows", what))
    for thing in showing:
        await cards.changed(context.tx, thing)
    member = await people.member(context.tx, context.committee.id, context.member.id)
    assert member is not None
    return Reply(
        T("From now on others in {committee} see you as {name}.", committee=context.committee.name, name=member.name),
        private=True,
    )


async def _showing(context: Context, committee: Committee, names: set[str]) -> list[str]:
    """The things whose cards show one of these names now."""
    found = []
    for thing in await privacy.shown_things(context.tx, committee.id, limit=CARDS_LOOKED_AT_MAX):
        kind, _, ref = thing.partition(":")
        renderer = context.commands.card(kind)
        if renderer is None:
            continue
        # What is shown in private alone shows most.
        for private in (False, True):
            view = View(
                tx=context.tx,
                now=context.now,
                committee=committee,
                commands=context.commands,
                network="",
                private=private,
            )
            card = await renderer(view, int(ref))
            if card is None:
                continue
            labels = [_label(button, committee) for row in card.buttons for button in row]
            words = " ".join([shown(card.words, committee.reader), *labels])
            if any(name in words for name in names):
                found.append(thing)
                break
    return found


def _label(button: Button | Link, committee: Committee) -> str:
    return button.label if isinstance(button.label, str) else shown(button.label, committee.reader)


# --- forgetting ------------------------------------------------------------------------------------------------


@router.command(
    "forget",
    allow=Authority.ANYONE,
    where=Where.PRIVATE,
    label=T("Forget me"),
    help=T("Have everything about you forgotten, in all your committees. I ask you once more first."),
    sample=("me",),
)
async def forget(context: Context, *, me: Me = "me") -> Reply:
    """Say plainly what goes and what stays, and ask."""
    assert context.person is not None
    stays: list[Text] = []
    for committee in await people.committees_of(context.tx, context.person.id):
        found = await people.member_of(context.tx, committee.id, context.person.id)
        assert found is not None
        member, roles = found
        balance = (await transfers.account(context.tx, committee, member)).balance if not member.child else 0
        name = await privacy.pseudonym(context.tx, committee, member.id)
        stays.append(
            T(
                "You leave {committee} with {balance}. In its books you become “{name}”.",
                committee=committee.name,
                name=name,
                balance=balance,
            )
        )
        organizers = await people.organizers(context.tx, committee.id)
        if "organizer" in roles and len(organizers) == 1:
            stays.append(
                T(
                    "You are the only organizer of {committee}: better appoint another one first.",
                    committee=committee.name,
                )
            )
    return Reply(
        lines(
            _title(T("Shall I forget you?")),
            T(
                "What goes: your name, your accounts, your username and language, the notes of your exchanges, "
                "what waits to be said to you. It goes from every file, and cannot be brought back."
            ),
            T(
                "What stays: the exchanges and decisions in the books, under a pseudonym. Hours you have go to the "
                "committee, and it takes on what you owe: give yours away first if you like."
            ),
            *stays,
            T("What was written in the chats stays there until people delete it."),
            T("Want a copy of it all first? {export}", export=Typed("/export me")),
            T("If you come back, I do not know you: you begin anew."),
        ),
        buttons=(
            (
                Button(
                    label=T("Yes, forget me for good"),
                    says=forget_now.says(person=context.person.id),
                    once=True,
                    expires=_QUESTION_EXPIRES_AFTER,
                ),
            ),
        ),
    )


@router.command(
    "forget_now",
    allow=Authority.ANYONE,
    where=Where.PRIVATE,
    typed=False,
    help=T("Whoever was asked has said yes."),
)
async def forget_now(context: Context, *, person: Number) -> None:
    """Leave every committee under a pseudonym, then let go of the rest. The last words are the last."""
    assert context.person is not None
    assert context.place is not None
    if person != context.person.id:
        raise Refusal(T("This choice is for somebody else."))
    tx, now = context.tx, context.now
    reader = For(supported(context.person.language) or context.language)
    names = await privacy.names_of(tx, person)
    showing: list[str] = []
    mine = await privacy.memberships(tx, person)
    for committee_id in sorted({committee_id for committee_id, _, _ in mine}):
        showing += await _showing(context, await people.committee(tx, committee_id), set(names))
    await privacy.erase_words(tx, person, names)
    for committee_id, member_id, active in mine:
        committee = await people.committee(tx, committee_id)
        pseudonym = await privacy.pseudonymise(tx, committee, member_id, now=now)
        await privacy.rename(tx, committee_id, names, pseudonym, now=now)
        if active:
            await _leave(context, await people.committee(tx, committee_id), member_id)
    for thing in showing:
        await cards.changed(tx, thing)
    await privacy.drop_accounts(tx, person, now=now, but=context.place.id)
    await outbox.queue(
        tx,
        context.place,
        lines(
            T("Done: I have forgotten you. Your name, your accounts and your notes are in none of my files any more."),
            T("You may still be in the group's chat: leave it there if you like. Thank you, and take care!"),
        ),
        reader=reader,
        now=now,
        about=(outbox.GOODBYE,),
    )


async def _leave(context: Context, committee: Committee, member_id: int) -> None:
    """What /leave does, whatever it does: under the pseudonym. It cannot be refused."""
    member = await people.member(context.tx, committee.id, member_id)
    assert member is not None
    try:
        await _say_leave(context, committee, member)
    except Refusal:
        await people.leave(context.tx, member_id, now=context.now)
        await entries.append(context.tx, committee, "left", {"member": member_id}, now=context.now)


async def _say_leave(context: Context, committee: Committee, member: Member) -> None:
    found = await people.member_of(context.tx, committee.id, member.person_id)
    assert found is not None
    there = replace(context, of_committee=committee, of_member=member, roles=found[1])
    await there.say(Saying(command="leave"), authority=Authority.MEMBER)


@router.entry("reworded", about="members")
async def reworded_words(_telling: Telling, _body: Mapping[str, Any]) -> Text:
    """The committee's own words do without a name now. Neither the words nor the name are in the books."""
    return T("In texts of the group a name was replaced: somebody asked to be forgotten, or left long ago.")
