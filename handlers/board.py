"""The board: who offers and who needs what, who answers, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Annotated, Any

from bot.arguments import Duration, Found, Kind, Note, Number, Person, Reading, Word, choice
from bot.chat import Button, Card, Reply, Saying, Shown
from bot.dialogue import answer_button
from bot.domain import board as rules_
from bot.domain.board import CATEGORIES, OTHER, Side
from bot.posts import NAMES, called, category_called, line
from bot.router import Asks, Authority, Context, Router, Telling, Todo, View
from bot.text import LANGUAGES, Bold, Listed, Minutes, Reader, Refusal, T, Text, Typed, Words, lines, shown
from storage import barter, board, due, entries, notes, people, schemes
from storage.board import OWN, Posted
from storage.database import Reader as Reads
from storage.database import Transaction
from storage.digests import Since
from storage.people import Committee, Member

router = Router("board", title=T("Offers and needs"))

PER_PAGE = 5
DIGEST_LINES = 4
NEED_EXTENDED = timedelta(days=7)
OFFER_EXTENDED = timedelta(days=rules_.DAYS)


# --- categories --------------------------------------------------------------------------------------------------


class _CategoryKind(Kind[str]):
    """One of the committee's categories; buttons carry it, nobody types it."""

    expected = T("a category")
    example = "repairs"
    question = T("What kind of help is it?")
    written = False
    fixed = True

    async def read(self, words: Sequence[Word], reading: Reading, *, first: bool) -> Found[str] | None:
        return None

    def dump(self, value: str) -> str:
        return value

    async def load(self, data: Any, tx: Transaction, committee: Committee | None) -> str:
        if committee is None or data not in ["", *await board.categories(tx, committee.id)]:
            raise ValueError("not a category here")
        return str(data)


_Category = Annotated[str, _CategoryKind()]


@router.command(
    "categories",
    allow=Authority.MEMBER,
    label=T("Categories"),
    help=T("The kinds of help on the board."),
    repeatable=True,
)
async def categories(context: Context) -> Reply:
    """The committee's list, and how it is changed."""
    names = [await called(context.tx, one) for one in await board.categories(context.tx, context.committee.id)]
    return Reply(
        lines(
            T("Kinds of help here: {names}.", names=Listed(tuple(names))),
            T(
                "The committee can change them: {add} or {drop}",
                add=Typed("/category", "add", T("Music")),
                drop=Typed("/category", "drop", T("Garden")),
            ),
        )
    )


_Change = Annotated[
    str,
    choice(
        "add",
        "drop",
        expected=T("the word {add} or {drop}", add=Typed("add"), drop=Typed("drop")),
        labels={"add": T("Add one"), "drop": T("Take one away")},
    ),
]


def _change_told(*, change: str, name: str) -> Text:
    return (
        T("A new kind of help on the board: {name}", name=name)
        if change == "add"
        else T("A kind of help less on the board: {name}", name=name)
    )


@router.command(
    "category",
    allow=Authority.COMMITTEE,
    help=T("A kind of help more, or less, on the board."),
    sample=("add", T("Music")),
    proposal=_change_told,
    asks={"name": Asks(T("What is it called?"))},
)
async def category_(context: Context, *, change: _Change, name: Note) -> Reply:
    """Add a category, or take one away: what stands under it goes on under its old name."""
    committee = context.committee
    now = [one for one in await board.categories(context.tx, committee.id) if one != OTHER]
    found = await category_called(context.tx, committee.id, name)
    if change == "add":
        if found is not None:
            raise Refusal(T("There is such a kind of help already. {all} shows them.", all=Typed("/categories")))
        if len(now) >= board.CATEGORIES_MAX:
            raise Refusal(T("There are {n} already, and more would not fit. Take one away first.", n=len(now)))
        again = next((one for one in CATEGORIES if one not in now and rules_.plain(name) in _spelled(one)), None)
        body: dict[str, Any] = {"category": again, "added": True}
        if again is None:
            again, hashed = await board.add_category(context.tx, committee.id, name)
            body = {"category": again, "added": True, "name": hashed}
            if context.of_member is not None:
                thing = f"category:{again.removeprefix(OWN)}"
                await notes.wrote(context.tx, thing, context.member.id, now=context.now)
        await board.set_categories(context.tx, committee.id, [*now, again])
    else:
        if found is None or found == OTHER:
            raise Refusal(T("There is no such kind of help to take away. {all} shows them.", all=Typed("/categories")))
        body = {"category": found, "added": False}
        await board.set_categories(context.tx, committee.id, [one for one in now if one != found])
    await entries.append(context.tx, committee, "rule", body, now=context.now)
    return Reply(_change_told(change=change, name=name))


def _spelled(category: str) -> set[str]:
    return {category, *(rules_.plain(shown(NAMES[category], Reader(language))) for language in LANGUAGES)}


@router.entry("rule", "category", about="rules")
async def category_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Which kinds of help there are."""
    name = await called(telling.tx, body["category"])
    return (
        T("a new kind of help on the board: {name}", name=name)
        if body["added"]
        else T("a kind of help less on the board: {name}", name=name)
    )


# --- putting something on the board ------------------------------------------------------------------------------

_ASKS = {
    "when": Asks(T("When? Such as “saturday mornings” or “fri 18:00, until 12 dec”. Write it, or skip it.")),
    "where": Asks(T("Where, roughly? No address, the group reads it. Write it, or skip it.")),
}


@router.command(
    "offer",
    allow=Authority.MEMBER,
    label=T("Offer something"),
    help=T("Offer something that you could do for others."),
    sample=(T("bike repair, saturday mornings"),),
    asks={"what": Asks(T("What could you do for others? Write a few words.")), **_ASKS},
    for_others=True,
)
async def offer(context: Context, *, what: Note, when: Note = "", where: Note = "") -> Reply | Card:
    """Put an offer on the board."""
    return await _put(context, "offer", ", ".join(part for part in (what, where, when) if part), "")


@router.command(
    "need",
    allow=Authority.MEMBER,
    label=T("Ask for help"),
    help=T("Ask for something that you need."),
    sample=(T("childcare fri 18:00 near the park"),),
    asks={"what": Asks(T("What do you need? Write a few words.")), **_ASKS},
    for_others=True,
)
async def need(context: Context, *, what: Note, when: Note = "", where: Note = "") -> Reply | Card:
    """Put a need on the board."""
    return await _put(context, "need", ", ".join(part for part in (what, where, when) if part), "")


_Sides = Annotated[str, choice("offer", "need", expected=T("an offer or a need"))]


@router.command(
    "put_under", allow=Authority.MEMBER, typed=False, help=T("What kind of help it is."), in_place=True, for_others=True
)
async def put_under(context: Context, *, side: _Sides, what: Note, category: _Category) -> Reply | Card:
    """The kind of help was asked for, and chosen."""
    return await _put(context, "offer" if side == "offer" else "need", what, category)


async def _put(context: Context, side: Side, line: str, category: str) -> Reply | Card:
    zone = context.committee.zone
    today = context.now.astimezone(zone).date()
    said = rules_.read(line, today=today)
    if len(said.words) > notes.CHARACTERS_MAX:
        raise Refusal(T("That is too long: {n} characters at most. Say it shorter.", n=notes.CHARACTERS_MAX))
    there = await board.open_posts(context.tx, context.committee.id, now=context.now)
    mine = [post for post in there if post.member_id == context.member.id]
    if len(mine) >= board.OF_MEMBER_MAX:
        raise Refusal(
            T(
                "You have {n} things on the board already. Take one back first: {mine} shows them.",
                n=len(mine),
                mine=Typed("/board mine"),
            )
        )
    if any(post.side == side and rules_.plain(post.words or "") == rules_.plain(said.words) for post in mine):
        raise Refusal(T("That stands on the board already. {mine} shows what is yours.", mine=Typed("/board mine")))
    known = await board.categories(context.tx, context.committee.id)
    chosen = category or rules_.category_of(said.words, known)
    if chosen is None:
        return await _ask_category(context, side, line, known)
    last = rules_.last_day(side, said, today=today)
    post, hashed = await board.put(
        context.tx,
        context.committee,
        context.member,
        side,
        said.words,
        category=chosen,
        helpers=said.helpers if side == "need" else 1,
        now=context.now,
        expires=datetime.combine(last + timedelta(days=1), time(), zone),
    )
    body = {"post": post.id, "side": side, "category": chosen, "member": context.member.id, "words": hashed}
    await entries.append(context.tx, context.committee, "post", body, now=context.now)
    await _plan(context, post)
    await barter.plan_daily(context.tx, context.committee, now=context.now)
    card = Card("post", post.id)
    if not context.in_private:
        return card
    await context.show(card)
    return Reply(
        lines(*await _told(context.tx, context.committee, post, context.now), T("The group sees it now.")),
        buttons=((Button(label=T("The board"), says=board_.says()), Button(label=T("Take back"), says=_close(post))),),
    )


async def _ask_category(context: Context, side: Side, line: str, known: Sequence[str]) -> Reply:
    question = context.tx.token()
    buttons = [
        answer_button(
            await called(context.tx, one), put_under.says(side=side, what=line, category=one), context.member, question
        )
        for one in known
    ]
    return Reply(
        lines(T("“{note}”", note=line), T("What kind of help is it?")),
        buttons=tuple(tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2)),
    )


async def _plan(context: Context, post: Posted) -> None:
    """The clock will remind of its end, and end it."""
    zone = context.committee.zone
    ends = post.expires.astimezone(zone)
    soon = rules_.reminder_day((ends - timedelta(days=1)).date(), today=context.now.astimezone(zone).date())
    days = {post.thing: (ends.replace(tzinfo=None), post_over.says(number=post.number))}
    if soon is not None:
        # At an hour when people can still do something about it.
        days[f"{post.thing}:soon"] = (datetime.combine(soon, time(10)), post_soon.says(number=post.number))
    for key, (local, says) in days.items():
        await due.plan(context.tx, key, says, local=local, zone=zone, committee=context.committee.id, late="do")


@router.entry("post")
async def post_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """That something came onto the board; what it was stands there."""
    post = await board.post(telling.tx, telling.committee.id, body["post"])
    number = post.number if post is not None else 0
    return (
        T("offer no. {number} came onto the board.", number=number)
        if body["side"] == "offer"
        else T("need no. {number} came onto the board.", number=number)
    )


# --- how it is shown ---------------------------------------------------------------------------------------------


async def _told(tx: Reads, committee: Committee, post: Posted, now: datetime) -> list[Words]:
    if post.state == "withdrawn" or not post.active:
        return [T("No. {number} was taken back.", number=post.number)]
    told: list[Words] = [await line(tx, post)]
    category = await called(tx, post.category)
    if not post.stands(now):
        return [*told, _over(post)]
    last = (post.expires.astimezone(committee.zone) - timedelta(days=1)).date()
    told.append(T("{category} · until {until}", category=category, until=last))
    if post.side == "need" and post.helpers > 1:
        told.append(T("{n} of {all} have said that they can help.", n=post.helping, all=post.helpers))
    elif post.taken:
        told.append(T("Somebody has said that they can help."))
    return told


def _over(post: Posted) -> Text:
    return T("This is done. Thank you!") if post.state == "done" else T("This is over: its time has passed.")


def _answering(post: Posted) -> Button:
    label = T("I can help") if post.side == "need" else T("I would like that")
    return Button(label=label, says=take.says(number=post.number))


def _close(post: Posted) -> Saying:
    return close.says(number=post.number)


@router.card("post")
async def post_card(view: View, ref: int) -> Shown | None:
    """An offer or a need in the group, and how it stands."""
    post = await board.post(view.tx, view.committee.id, ref)
    if post is None:
        return None
    words = lines(*await _told(view.tx, view.committee, post, view.now))
    if not post.stands(view.now):
        return Shown(words)
    answering = () if post.taken else (_answering(post),)
    return Shown(words, buttons=((*answering, Button(label=T("The board"), says=board_.says())),))


# --- looking at the board ----------------------------------------------------------------------------------------

_VIEWS = ("offers", "needs", "mine", "fits", "kinds")
_View = Annotated[
    str,
    choice(
        *_VIEWS[:4],
        expected=T(
            "{offers}, {needs}, {mine} or {fits}",
            offers=Typed("offers"),
            needs=Typed("needs"),
            mine=Typed("mine"),
            fits=Typed("fits"),
        ),
    ),
]
_AnyView = Annotated[str, choice(*_VIEWS, expected=T("a part of the board"))]


@router.command(
    "board",
    allow=Authority.MEMBER,
    label=T("The board"),
    help=T("What is offered and needed; search it with a word, or look at {mine}.", mine=Typed("/board mine")),
    sample=(T("bike"),),
    repeatable=True,
)
async def board_(context: Context, *, view: _View = "", words: Note = "") -> Reply:
    """The first page: all of it, a part of it, or what a search finds."""
    return await _page(context, view, "", words, 1)


@router.command(
    "board_page",
    allow=Authority.MEMBER,
    typed=False,
    help=T("A page of the board."),
    repeatable=True,
    in_place=True,
)
async def board_page(
    context: Context, *, view: _AnyView = "", category: _Category = "", words: Note = "", number: Number = 1
) -> Reply:
    """Another page, in place of the one whose button was pressed."""
    if view == "kinds":
        return await _kinds(context)
    return await _page(context, view, category, words, number)


async def _page(context: Context, view: str, category: str, words: str, number: int) -> Reply:
    found = await _looked_for(context, view, category, words)
    begin = (number - 1) * PER_PAGE
    page = found[begin : begin + PER_PAGE]
    own = view in ("mine", "fits")
    here = {"view": view, "category": category, "words": words}
    here = {name: value for name, value in here.items() if value}
    ways = []
    if number > 1:
        ways.append(Button(label=T("Back"), says=board_page.says(**here, number=number - 1)))
    if len(found) > begin + PER_PAGE:
        ways.append(Button(label=T("More"), says=board_page.says(**here, number=number + 1)))
    looks = [("", T("Everything")), ("offers", T("Offers")), ("needs", T("Needs"))]
    looks += [("fits", T("What fits me")), ("mine", T("Mine")), ("kinds", T("Categories"))]
    views = [
        Button(label=label, says=board_page.says(**({"view": other} if other else {})))
        for other, label in looks
        if (other, "", "") != (view, category, words)
    ]
    rows = [
        tuple(
            Button(label=T("No. {number}", number=post.number), says=post_shown.says(number=post.number))
            for post in page
        ),
        tuple(ways),
        *(tuple(views[at : at + 2]) for at in range(0, len(views), 2)),
    ]
    told: list[Words] = [await line(context.tx, post) for post in page]
    if not told:
        told = [_nothing(view, words)]
    return Reply(
        lines(await _heading(context, view, category, words), *told),
        buttons=tuple(row for row in rows if row),
        private=own,
    )


async def _heading(context: Context, view: str, category: str, words: str) -> Text:
    if words:
        return T("On the board for “{words}”:", words=words)
    if category:
        return T("{title}", title=Bold(await called(context.tx, category)))
    titles = {"offers": T("Offers"), "needs": T("Needs"), "mine": T("Mine"), "fits": T("What fits me")}
    return T("{title}", title=Bold(titles.get(view, T("The board"))))


def _nothing(view: str, words: str) -> Words:
    if words:
        return T("Nothing. Ask for it: {need}", need=Typed("/need", words))
    if view == "fits":
        return T(
            "Nothing just now. I look at what you offer and need yourself: {offer}",
            offer=Typed("/offer", T("bike repair, saturday mornings")),
        )
    return T(
        "Nothing here yet. Begin: {offer} or {need}",
        offer=Typed("/offer", T("bike repair, saturday mornings")),
        need=Typed("/need", T("childcare fri 18:00 near the park")),
    )


async def _looked_for(context: Context, view: str, category: str, words: str) -> list[Posted]:
    if view == "fits":
        return await board.fitting(context.tx, context.committee, context.member, now=context.now)
    found = await board.open_posts(context.tx, context.committee.id, now=context.now)
    if view == "mine":
        found = [post for post in found if post.member_id == context.member.id]
    elif view:
        found = [post for post in found if f"{post.side}s" == view]
    if category:
        found = [post for post in found if post.category == category]
    return [post for post in found if rules_.found_by(words, post.words or "")] if words else found


async def _kinds(context: Context) -> Reply:
    there = {post.category for post in await board.open_posts(context.tx, context.committee.id, now=context.now)}
    buttons = [
        Button(label=await called(context.tx, one), says=board_page.says(category=one))
        for one in await board.categories(context.tx, context.committee.id)
        if one in there
    ]
    rows = [tuple(buttons[at : at + 2]) for at in range(0, len(buttons), 2)]
    return Reply(
        T("{title}", title=Bold(T("Categories"))),
        buttons=(*rows, (Button(label=T("Back"), says=board_page.says()),)),
    )


@router.command(
    "post_shown",
    allow=Authority.MEMBER,
    typed=False,
    help=T("One thing on the board."),
    repeatable=True,
    in_place=True,
)
async def post_shown(context: Context, *, number: Number) -> Reply:
    """One offer or need, with what can be done about it."""
    post = await _numbered(context, number)
    words = lines(*await _told(context.tx, context.committee, post, context.now))
    back = (Button(label=T("Back"), says=board_page.says()),)
    buttons: tuple[Button, ...] = ()
    if post.stands(context.now) and post.member_id == context.member.id:
        buttons = (
            Button(label=T("Take back"), says=_close(post)),
            Button(label=T("Longer"), says=extend.says(number=number)),
        )
    elif post.stands(context.now) and not post.taken:
        buttons = (_answering(post),)
    return Reply(words, buttons=tuple(row for row in (buttons, back) if row))


async def _numbered(context: Context, number: int) -> Posted:
    post = await board.numbered(context.tx, context.committee.id, number)
    if post is None:
        raise Refusal(T("There is no number {number} on the board. {board} shows it.", number=number, board=_BOARD))
    return post


_BOARD = Typed("/board")


async def _standing(context: Context, number: int) -> Posted:
    """A post with which something can still be done. Raises Refusal."""
    post = await _numbered(context, number)
    if post.stands(context.now):
        return post
    if post.state == "withdrawn" or not post.active:
        raise Refusal(T("No. {number} was taken back. {board} shows what there is.", number=number, board=_BOARD))
    if post.state == "done":
        raise Refusal(T("No. {number} is done already. {board} shows what there is.", number=number, board=_BOARD))
    raise Refusal(T("The time of no. {number} has passed. {board} shows what there is.", number=number, board=_BOARD))


async def _own(context: Context, number: int) -> Posted:
    post = await _numbered(context, number)
    if post.member_id != context.member.id:
        raise Refusal(T("No. {number} is {name}'s: only they can change it.", number=number, name=post.name))
    return post


async def _mine(context: Context) -> list[tuple[Text | str, int]]:
    there = await board.open_posts(context.tx, context.committee.id, now=context.now)
    return [(await line(context.tx, post), post.number) for post in there if post.member_id == context.member.id]


# --- answering, and what comes of it -----------------------------------------------------------------------------


async def _others(context: Context) -> list[tuple[Text | str, int]]:
    there = await board.open_posts(context.tx, context.committee.id, now=context.now)
    free = [post for post in there if post.member_id != context.member.id and not post.taken]
    return [(await line(context.tx, post), post.number) for post in free]


@router.command(
    "take",
    allow=Authority.MEMBER,
    help=T("Say that you can help with a need, or would like what is offered."),
    asks={"number": Asks(T("Which one?"), _others, T("There is nothing of others on the board just now."))},
)
async def take(context: Context, *, number: Number) -> Reply:
    """Tell the owner, in private, who answers."""
    post = await _standing(context, number)
    if post.member_id == context.member.id:
        raise Refusal(T("No. {number} is your own. Others can answer it.", number=number), private=True)
    before = {one.member_id: one.state for one in await board.responses(context.tx, post.id)}
    if before.get(context.member.id) == "open":
        raise Refusal(
            T(
                "{name} knows that already. When it is done: {done}",
                name=post.name,
                done=Typed("/done", str(number), "1h30"),
            ),
            private=True,
        )
    if post.taken:
        raise Refusal(
            T(
                "Others have said that they can help with no. {number}. {board} shows more.",
                number=number,
                board=_BOARD,
            ),
            private=True,
        )
    await board.respond(context.tx, post, context.member, now=context.now)
    owner = await _member(context, post.member_id)
    name = context.member.name
    what = await line(context.tx, post)
    words = lines(
        what,
        T("{name} can help. Write to each other.", name=name)
        if post.side == "need"
        else T("{name} would like that. Write to each other.", name=name),
    )
    is_done = await _done_button(context, number, who=context.member)
    buttons = ((replace(is_done, only=owner.id),),)
    if not await context.tell(owner, words, buttons=buttons, about=(post.thing,)):
        # They have no private chat with the bot, so they hear of it where they read.
        await context.announce(words)
    return Reply(
        lines(
            T("I have told {name}. Write to each other.", name=post.name),
            T("When it is done, press the button.")
            if is_done.says.command == was_given.name
            else T("When it is done, press the button, or write {done}.", done=Typed("/done", str(number), "1h30")),
        ),
        buttons=(
            (
                await _done_button(context, number),
                Button(label=T("I cannot after all"), says=cannot.says(number=number)),
            ),
        ),
        private=True,
    )


@router.command("cannot", allow=Authority.MEMBER, typed=False, help=T("Take back that you can help."))
async def cannot(context: Context, *, number: Number) -> Reply:
    """An answer is taken back; the place is free again."""
    post = await _numbered(context, number)
    states = {one.member_id: one.state for one in await board.responses(context.tx, post.id)}
    if states.get(context.member.id) != "open":
        raise Refusal(T("Nobody counts on you for no. {number}.", number=number), private=True)
    await board.end_response(context.tx, post, context.member.id, "withdrawn")
    owner = await _member(context, post.member_id)
    if owner.active:
        told = lines(await line(context.tx, post), T("{name} cannot after all.", name=context.member.name))
        await context.tell(owner, told, about=(post.thing,))
    return Reply(T("I have told {name}.", name=post.name), private=True)


async def _member(context: Context, id_: int) -> Member:
    member = await people.member_now(context.tx, context.committee.id, id_)
    assert member is not None
    return member


async def _agreed(context: Context, number: int, who: Member | None) -> tuple[Posted, list[Member]]:
    """The post, and with whom it may have been done. Raises Refusal where there is nobody."""
    post = await _numbered(context, number)
    if post.state in ("done", "withdrawn"):
        await _standing(context, number)
    open_ = [one.member_id for one in await board.responses(context.tx, post.id) if one.state == "open"]
    if context.member.id != post.member_id:
        if context.member.id not in open_:
            # What was agreed on before its time was over may be done after it; what was not, may not begin.
            await _standing(context, number)
            raise Refusal(T("Say first that you are in: {take}", take=Typed("/take", str(number))), private=True)
        return post, [await _member(context, post.member_id)]
    others = [member for id_ in open_ if (member := await _member(context, id_)).active]
    if who is not None:
        others = [member for member in others if member.id == who.id]
    if not others:
        raise Refusal(
            T(
                "Nobody has answered no. {number} whom I could take that from. Thank whoever it was: {thank}",
                number=number,
                thank=Typed("/thank", "@ben", "1h30"),
            ),
            private=True,
        )
    return post, others


async def _done_button(context: Context, number: int, *, who: Member | None = None) -> Button:
    """How long it took is asked only where hours are counted."""
    given = {} if who is None else {"who": who}
    gifts = (await schemes.now(context.tx, context.committee.id)).base == "gift"
    return Button(label=T("It is done"), says=(was_given if gifts else done).says(number=number, **given))


def _exchange(context: Context, post: Posted, other: Member, minutes: Minutes | None) -> tuple[str, dict[str, Any]]:
    """The command that records it, and what it is said with: thanks from whoever was helped, else a claim.

    `minutes`: None for a gift, whose time nobody asked for.
    """
    own = post.member_id == context.member.id
    helping = own == (post.side == "offer")
    if minutes is None:
        return "gift_to" if helping else "gift", {"people": (other,), "what": post.words or ""}
    arguments = {"time": minutes, "what": post.words or "", "people" if helping else "to": (other,)}
    return "worked" if helping else "thank", arguments


async def _done_asked(context: Context, *, number: int, time: Minutes, who: Member | None = None) -> Words:
    post, others = await _agreed(context, number, who)
    if len(others) > 1:
        return T("With whom was it done? Choose in the next step.")
    name, arguments = _exchange(context, post, others[0], time)
    command = context.commands.get(name)
    assert command is not None
    assert command.confirm is not None
    return await command.confirm(context, **arguments)


async def _to_do(context: Context) -> list[tuple[Text | str, int]]:
    found = {post.number: post for post, _ in await board.agreed_with(context.tx, context.member, now=context.now)}
    return [(await line(context.tx, post), post.number) for post in found.values()]


@router.command(
    "done",
    allow=Authority.MEMBER,
    label=T("It is done"),
    help=T("What was agreed on the board is done: the hours are recorded."),
    sample=("5", "1h30"),
    asks={
        "number": Asks(T("Which one?"), _to_do, T("You have not agreed on anything that is not done yet.")),
        "time": Asks(T("How long did it take? Choose, or write it, like {example}.", example=Typed("1h30"))),
    },
    confirm=_done_asked,
)
async def done(context: Context, *, number: Number, time: Duration, who: Person | None = None) -> Reply | Card | None:
    """Whoever was helped thanks with the time; whoever helped says so, and the other confirms it."""
    return await _is_done(context, number, time, who)


@router.command(
    "was_given", allow=Authority.MEMBER, typed=False, help=T("What was agreed on the board is done, as a gift.")
)
async def was_given(context: Context, *, number: Number, who: Person | None = None) -> Reply | Card | None:
    """Where nobody counts hours, nobody is asked how long it took."""
    return await _is_done(context, number, None, who)


async def _is_done(context: Context, number: int, time: Minutes | None, who: Member | None) -> Reply | Card | None:
    post, others = await _agreed(context, number, who)
    if len(others) > 1:
        question = context.tx.token()
        says = [
            was_given.says(number=number, who=other) if time is None else done.says(number=number, time=time, who=other)
            for other in others
        ]
        choices = [
            answer_button(other.name, one, context.member, question) for other, one in zip(others, says, strict=True)
        ]
        rows = tuple(tuple(choices[at : at + 2]) for at in range(0, len(choices), 2))
        return Reply(T("With whom was it done?"), buttons=rows, private=True)
    name, arguments = _exchange(context, post, others[0], time)
    command = context.commands.get(name)
    assert command is not None
    came_from = {} if time is None else {"post": post.id}
    answer = await context.say(command.says(**arguments, **came_from), authority=context.authority)
    responder = others[0].id if post.member_id == context.member.id else context.member.id
    await board.end_response(context.tx, post, responder, "done")
    if post.side == "need" and post.done + 1 >= post.helpers:
        await board.end(context.tx, post, "done")
    return answer


@router.command(
    "close",
    allow=Authority.MEMBER,
    label=T("Take back from the board"),
    help=T("Take back an offer or a need."),
    asks={"number": Asks(T("Which one?"), _mine, T("You have nothing on the board."))},
    for_others=True,
)
async def close(context: Context, *, number: Number) -> Reply:
    """It does not stand on the board any more; its words are erased. What was helped with stays done."""
    post = await _own(context, number)
    await _standing(context, number)
    for one in await board.responses(context.tx, post.id):
        other = await _member(context, one.member_id)
        if one.state == "open" and other.active:
            await context.tell(other, T("{name} has taken back no. {number}.", name=context.member.name, number=number))
    await board.end(context.tx, post, "done" if post.side == "need" and post.done else "withdrawn")
    return Reply(T("No. {number} is off the board.", number=number), private=context.pressed)


@router.command(
    "extend",
    allow=Authority.MEMBER,
    label=T("Keep on the board for longer"),
    help=T("Let an offer or a need stand for longer."),
    asks={"number": Asks(T("Which one?"), _mine, T("You have nothing on the board."))},
    for_others=True,
)
async def extend(context: Context, *, number: Number) -> Reply:
    """A month more for an offer, a week more for a need; also just after it has ended."""
    post = await _own(context, number)
    if post.state in ("done", "withdrawn"):
        await _standing(context, number)
    more = OFFER_EXTENDED if post.side == "offer" else NEED_EXTENDED
    zone = context.committee.zone
    # Whole days, whatever the clocks are set to in between.
    last = max(post.expires, context.now).astimezone(zone).date()
    latest = context.now.astimezone(zone).date() + timedelta(days=rules_.DAYS_MAX)
    ends = datetime.combine(min(last + more, latest), time(), zone)
    if ends <= post.expires:
        raise Refusal(T("No. {number} stands for a year already.", number=number))
    await board.extend(context.tx, post, ends)
    post = await _numbered(context, number)
    await _plan(context, post)
    until = (ends - timedelta(days=1)).date()
    return Reply(T("No. {number} stands until {until}.", number=number, until=until), private=context.pressed)


@router.command("post_soon", allow=Authority.CLOCK, typed=False, help=T("Something on the board ends soon."))
async def post_soon(context: Context, *, number: Number) -> None:
    """Its owner may let it stand for longer."""
    post = await board.numbered(context.tx, context.committee.id, number)
    if post is None or not post.stands(context.now):
        return
    last = (post.expires.astimezone(context.committee.zone) - timedelta(days=1)).date()
    words = lines(await line(context.tx, post), T("It ends on {day}.", day=last))
    buttons = (
        (
            Button(label=T("Longer"), says=extend.says(number=number)),
            Button(label=T("Take back"), says=_close(post)),
        ),
    )
    await context.nudge(await _member(context, post.member_id), words, buttons=buttons, key=post.thing)


@router.command("post_over", allow=Authority.CLOCK, typed=False, help=T("The time of something on the board is over."))
async def post_over(context: Context, *, number: Number) -> None:
    """It ends; where somebody had answered, its owner is asked whether it was done."""
    post = await board.numbered(context.tx, context.committee.id, number)
    if post is None or post.state != "open" or context.now < post.expires:
        return
    await board.end(context.tx, post, "expired")
    if post.active and any(one.state == "open" for one in await board.responses(context.tx, post.id)):
        words = lines(await line(context.tx, post), T("Its time is over. Was it done?"))
        buttons = ((await _done_button(context, number),),)
        await context.nudge(await _member(context, post.member_id), words, buttons=buttons, key=post.thing)


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """What was agreed on and is not done yet."""
    todo = []
    for post, other in await board.agreed_with(context.tx, context.member, now=context.now):
        member = await _member(context, other)
        todo.append(
            Todo(
                words=T("With {name}: {what}", name=member.name, what=await line(context.tx, post)),
                buttons=(
                    await _done_button(
                        context, post.number, who=member if post.member_id == context.member.id else None
                    ),
                ),
                by=post.expires if post.side == "need" else None,
            )
        )
    return todo


@router.digest
async def tidings(context: Context, since: Since) -> list[Todo]:
    """A few lines from the board: everybody gets the same room in turn."""
    posts = await board.show_next(context.tx, context.committee, count=DIGEST_LINES, now=context.now)
    return [Todo(words=await line(context.tx, post), buttons=(_numbered_answer(post),)) for post in posts]


def _numbered_answer(post: Posted) -> Button:
    button = _answering(post)
    return replace(button, label=T("No. {number}: {what}", number=post.number, what=button.label))
