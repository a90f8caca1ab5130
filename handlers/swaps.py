"""Seats that change hands: who is asked when somebody cannot, swaps of two and three, and handing over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.arguments import Person, Reference
from bot.chat import Button, Card, Reply, Shown
from bot.domain import asking, quiet, snapshots, turns
from bot.domain.asking import Line, Move
from bot.domain.rotation import Instance
from bot.router import Authority, Context, Router, Todo, View
from bot.shifts import SHIFTS, all_shifts, named, shift_words
from bot.text import Refusal, T, Text, Typed, Words, lines
from storage import cards, computations, digests, nudges, people, rotas, shifts, swaps
from storage.people import Member
from storage.shifts import Seat, Shift
from storage.swaps import Asked, Given, Said, Search, Trade

router = Router("swaps", under="shifts")

OPTIONS_MAX = 4
"""So many swaps are shown at once: what a phone can show."""
OWN_MAX = 5
BEFORE = timedelta(hours=1)
"""So long before the earliest shift a proposal is over: whoever has it must know."""


async def _on(context: Context | View, seat_id: int | None) -> tuple[Seat, Shift] | None:
    return None if seat_id is None else await shifts.on_seat(context.tx, context.committee.id, seat_id)


async def _member(context: Context | View, id_: int | None) -> Member | None:
    found = None if id_ is None else await people.member_now(context.tx, context.committee.id, id_)
    return found if found is not None and found.active else None


async def _reachable(context: Context, member: Member) -> bool:
    """Whether somebody can be asked in private: they, or whoever speaks for them."""
    to = member if member.helper_id is None else await _member(context, member.helper_id)
    return to is not None and await people.private_chat_of(context.tx, to.person_id) is not None


# --- the next in line ------------------------------------------------------------------------------------------------


@router.command("seat_seek", allow=Authority.CLOCK, typed=False, help=T("Somebody is looked for who takes a seat."))
async def seat_seek(context: Context, *, search: Reference, computation: Reference | None = None) -> None:
    """One look: the group and those who organize where time is short, and the next in line."""
    found = await swaps.search(context.tx, context.committee.id, search)
    if found is None or found.state != "open":
        return
    on = await _on(context, found.seat_id)
    if on is None or on[0].holder is not None or on[1].begins <= context.now or not on[1].task.listed:
        await swaps.end_search(context.tx, found)
        return
    _, shift = on
    later = await _escalate(context, found, shift)
    waits = [one.by for one in await swaps.asked(context.tx, found.id) if one.answer is None and one.by > context.now]
    waits += [one.by for one in await swaps.tried(context.tx, found.id) if one.state == "asked"]
    if waits:
        await swaps.look(context.tx, found, at=min(*waits, *later, shift.begins))
        return
    line = await _line(context, found, computation)
    if line is None:
        return  # It is worked out, and this is said again.
    by = await _ask_next(context, found, shift, line)
    following = by or context.now + asking.AGAIN
    await swaps.look(context.tx, found, at=min(following, *later, shift.begins))


async def _escalate(context: Context, search: Search, shift: Shift) -> list[datetime]:
    """Ask the group, and tell those who organize, once each, when it is time; when the next of it is due."""
    night = await digests.night(context.tx, context.committee.id)
    morning = quiet.after_quiet(night, context.now, context.committee.zone)
    if morning >= shift.begins:
        morning = context.now  # There is no morning before it.
    later = []
    for done, before, carry_out in (
        (search.group, asking.GROUP_BEFORE, _ask_group),
        (search.told, asking.ORGANIZERS_BEFORE, _tell_organizers),
    ):
        at = max(shift.begins - before, morning)
        if done is None and at <= context.now:
            await carry_out(context, search, shift)
        elif done is None:
            later.append(at)
    return later


async def _ask_group(context: Context, search: Search, shift: Shift) -> None:
    await swaps.group_asked(context.tx, search, now=context.now)
    await context.show(Card("wanted", search.id))


async def _tell_organizers(context: Context, search: Search, shift: Shift) -> None:
    await swaps.organizers_told(context.tx, search, now=context.now)
    words = lines(
        T("Nobody has been found yet: {shift}", shift=shift_words(shift)),
        T("Can you find somebody? Or call it off: {command}", command=Typed("/shift_off")),
    )
    await context.tell_organizers(words, buttons=((all_shifts(context.commands),),))


async def _line(context: Context, search: Search, computation: int | None) -> Line | None:
    """Who is next; None: it is being worked out."""
    seat = str(search.seat_id)
    facts = await rotas.instance(context.tx, context.committee, now=context.now)
    no = {(str(one.member_id), seat) for one in await swaps.asked(context.tx, search.id)}
    for trade in await swaps.tried(context.tx, search.id):
        no |= {(str(one.taker_id), str(one.seat_id)) for one in trade.moves}
    known = {one.id for one in facts.members}
    no = {pair for pair in no if pair[0] in known}
    facts = replace(facts, declined=facts.declined | no)
    if len(facts.members) <= asking.INLINE_MAX:
        return asking.line(facts, seat)
    found = await _worked_out(context, "line", facts, seat, seat_seek.says(search=search.id), computation)
    if found is None:
        return None
    if found.result is None:
        return Line(members=(), moves=())
    moves: tuple[Move, ...] = tuple((seat_, giver, taker) for seat_, giver, taker in found.result["moves"])
    return Line(members=tuple(found.result["members"]), moves=moves)


async def _worked_out(
    context: Context, kind: str, facts: Instance, seat: str, says: Any, computation: int | None
) -> computations.Computed | None:
    """What came of it, if the facts are still the same; None: it is being worked out, and `says` is said then."""
    body = {"rota": snapshots.snapshot(facts), "seat": seat}
    if computation is not None:
        found = await computations.computed(context.tx, context.committee.id, computation)
        if found is not None and found.hash == computations.hash_of(body):
            return found
    await computations.want(context.tx, context.committee.id, kind, body, says, now=context.now)
    return None


async def _ask_next(context: Context, search: Search, shift: Shift, line: Line) -> datetime | None:
    """Ask the next, or all who are left where there is little time; until when to wait. None: nobody is left."""
    everybody = asking.turn_time(shift.begins - context.now) is None
    by: datetime | None = None
    for id_ in line.members:
        member = await _member(context, int(id_))
        if member is None or not await _reachable(context, member):
            continue
        wish = await nudges.wish(context.tx, member, committee=context.committee)
        awake = quiet.after_quiet(wish.hours, context.now, wish.zone)
        if awake > context.now:
            # It is their night: they are asked in the morning, if that is in time.
            if awake < shift.begins:
                by = awake if by is None else min(by, awake)
            if everybody or awake >= shift.begins:
                continue
            return by
        until = asking.answer_by(wish.hours, wish.zone, now=context.now, begins=shift.begins)
        await _ask(context, search, shift, member, until)
        if not everybody:
            return until
        by = until if by is None else min(by, until)
    if by is None and line.moves and not everybody:
        return await _ask_chain(context, search, shift, line.moves)
    return by


async def _ask(context: Context, search: Search, shift: Shift, member: Member, until: datetime) -> None:
    asked = await swaps.ask(context.tx, search, member.id, by=until, now=context.now)
    if member.helper_id is None:
        await context.show_to(member, Card("seat_ask", asked.id))
        return
    await context.tell(
        member,
        lines(
            T("Somebody is needed: {shift}", shift=shift_words(shift)),
            T("If they can, write: {command}", command=Typed("/for", member.name, "/shift take", shift.task.called)),
        ),
    )


async def _ask_chain(context: Context, search: Search, shift: Shift, moves: Sequence[Move]) -> datetime | None:
    """Nobody can take it as things are, but if others change seats it works: all of them are asked."""
    given = [
        Given(seat_id=int(seat), giver_id=None if giver is None else int(giver), taker_id=int(taker))
        for seat, giver, taker in moves
    ]
    by = min(context.now + asking.AGAIN, await _ends(context, given))
    if by <= context.now:
        return None
    trade = await swaps.offer(
        context.tx, context.committee.id, "chain", given, proposer_id=None, by=by, search_id=search.id, now=context.now
    )
    if not await _propose(context, trade):
        await swaps.end_trade(context.tx, trade, "over")
    return by


@router.card("seat_ask")
async def seat_ask_card(view: View, ref: int) -> Shown | None:
    """What one who is asked for a seat sees, and what became of it."""
    found = await swaps.ask_of(view.tx, view.committee.id, ref)
    if found is None:
        return None
    asked, search = found
    on = await _on(view, search.seat_id)
    if on is None:
        return Shown(T("It is over; nobody is needed any more."))
    shift = on[1]
    if search.state == "taken" and search.taker_id == asked.member_id and asked.answer == "yes":
        return Shown(T("You have said yes: {shift}", shift=named(shift)))
    if search.state == "taken" and search.taker_id == asked.member_id:
        return Shown(T("It is yours: {shift}", shift=named(shift)))
    if search.state == "taken":
        return Shown(T("It is taken, thank you: {shift}", shift=named(shift)))
    if search.state == "over":
        return Shown(T("It is over; nobody is needed any more."))
    if asked.answer == "no":
        return Shown(T("All right, I ask somebody else: {shift}", shift=named(shift)))
    return Shown(
        lines(
            T("Somebody is needed: {shift}", shift=shift_words(shift)),
            T("You would be next. Can you? If not, no reason is needed, and nobody is told."),
        ),
        buttons=(
            (
                Button(label=T("Yes, I'll take it"), says=seat_yes.says(ask=ref)),
                Button(label=T("No"), says=seat_no.says(ask=ref)),
            ),
        ),
    )


async def _asked(context: Context, id_: int) -> tuple[Asked, Search]:
    """A question that was put to whoever says this. Raises Refusal."""
    found = await swaps.ask_of(context.tx, context.committee.id, id_)
    if found is None or found[0].member_id != context.member.id:
        raise Refusal(T("That was somebody else's question."), private=True)
    return found


async def _free_seat(context: Context, search: Search | None) -> tuple[Search, Seat, Shift]:
    """The seat for which somebody is looked, if it is still free. Raises Refusal."""
    on = None if search is None else await _on(context, search.seat_id)
    if search is None or on is None or on[1].end <= context.now:
        raise Refusal(T("It is over; nobody is needed any more."), private=True)
    seat, shift = on
    if seat.holder is not None and seat.holder.member_id == context.member.id:
        raise Refusal(T("It is yours: {shift}", shift=named(shift)), private=True)
    if search.state != "open" or seat.holder is not None:
        raise Refusal(T("It is taken, thank you: {shift}", shift=named(shift)), private=True)
    return search, seat, shift


async def _take(context: Context, seat: Seat, shift: Shift) -> Reply | None:
    take = context.commands.named("seat_take")
    answer = await context.say(take.says(shift=shift.id, seat=seat.id), authority=Authority.MEMBER)
    return answer if isinstance(answer, Reply) else None


@router.command("seat_yes", allow=Authority.MEMBER, typed=False, help=T("Take the seat that you are asked for."))
async def seat_yes(context: Context, *, ask: Reference) -> Reply | None:
    """Whoever says yes first has it."""
    asked, search = await _asked(context, ask)
    _, seat, shift = await _free_seat(context, search)
    await swaps.answered(context.tx, asked, "yes")
    return await _take(context, seat, shift)


@router.command("seat_no", allow=Authority.MEMBER, typed=False, help=T("Say that you cannot take a seat."))
async def seat_no(context: Context, *, ask: Reference) -> Reply | None:
    """No reason, and nobody is told; the next one is asked at once."""
    asked, search = await _asked(context, ask)
    if asked.answer is None and search.state == "open":
        await swaps.answered(context.tx, asked, "no")
        await swaps.look(context.tx, search, at=context.now)
    if await context.shown_there(f"seat_ask:{asked.id}"):
        return None
    return Reply(T("All right, thank you for saying so."), private=True)


@router.card("wanted")
async def wanted_card(view: View, ref: int) -> Shown | None:
    """What the group is asked; once somebody has the seat, that is what stands there."""
    search = await swaps.search(view.tx, view.committee.id, ref)
    on = None if search is None else await _on(view, search.seat_id)
    if search is None:
        return None
    if search.state == "over" or on is None:
        return Shown(T("It is over; nobody is needed any more."))
    if search.state == "taken":
        return Shown(T("It is taken, thank you: {shift}", shift=shift_words(on[1])))
    return Shown(
        T("A seat is free again: {shift}", shift=shift_words(on[1])),
        buttons=((Button(label=T("I'll take it"), says=wanted_take.says(search=ref)),),),
    )


@router.command("wanted_take", allow=Authority.MEMBER, typed=False, help=T("Take a seat that nobody has."))
async def wanted_take(context: Context, *, search: Reference) -> Reply | None:
    """Whoever presses first has it."""
    _, seat, shift = await _free_seat(context, await swaps.search(context.tx, context.committee.id, search))
    return await _take(context, seat, shift)


@router.command("search_taken", allow=Authority.CLOCK, typed=False, help=T("Somebody has the seat."))
async def search_taken(context: Context, *, search: Reference) -> None:
    """Whoever gave it back hears so, in private."""
    found = await swaps.search(context.tx, context.committee.id, search)
    giver = await _member(context, found.giver_id) if found is not None else None
    on = await _on(context, found.seat_id) if found is not None else None
    taker = await _member(context, found.taker_id) if found is not None else None
    if giver is None or on is None or taker is None or giver.id == taker.id:
        return
    await context.tell(giver, T("{name} takes it: {shift}", name=taker.name, shift=named(on[1])))


# --- what seats can be exchanged -------------------------------------------------------------------------------------


async def _ends(context: Context, moves: Iterable[Given]) -> datetime:
    """When a proposal is over: an hour before the earliest of its shifts, or with its beginning where that is past; a
    seat on a shift that goes on already can be handed over to its end."""
    found = [on[1] for move in moves if (on := await _on(context, move.seat_id)) is not None]
    at = min((one.begins for one in found), default=context.now)
    if at <= context.now:
        return min((one.end for one in found), default=context.now)
    return at - BEFORE if at - BEFORE > context.now else at


def _pure(moves: Iterable[Given]) -> list[Move]:
    """The moves as the rules know them. Raises Refusal where one of them is not whole any more."""
    found: list[Move] = []
    for one in moves:
        if one.seat_id is None or one.taker_id is None:
            raise Refusal(T("That is not possible any more."), private=True)
        found.append((str(one.seat_id), None if one.giver_id is None else str(one.giver_id), str(one.taker_id)))
    return found


async def _own_shift(context: Context, id_: int, *, running: bool = False) -> tuple[Seat, Shift]:
    """A shift that one has and that has not begun; `running`: that is not over. Raises Refusal."""
    shift = await shifts.shift(context.tx, context.committee.id, id_)
    holder = shift.of(context.member.id) if shift is not None else None
    if shift is None or holder is None or holder.state not in shifts.OPEN:
        raise Refusal(T("You have no seat there. {shifts} shows what there is.", shifts=SHIFTS), private=True)
    if (shift.end if running else shift.begins) <= context.now:
        raise Refusal(T("It has begun already: {shift}", shift=named(shift)), private=True)
    return next(seat for seat in shift.seats if seat.id == holder.seat_id), shift


async def _own_ahead(context: Context, *, running: bool = False) -> list[Shift]:
    found = await shifts.of_member(context.tx, context.member, since=context.now)
    return [one for one in found if (one.end if running else one.begins) > context.now]


@router.command(
    "swap",
    allow=Authority.MEMBER,
    label=T("Swap a shift"),
    help=T("Swap a shift of yours: with somebody, or ask who would."),
    sample=("@dan",),
    repeatable=True,
)
async def swap(context: Context, *, who: Person | None = None, shift: Reference | None = None) -> Reply:
    """Which swaps there are; whoever chooses one, asks all whom it takes."""
    if who is not None and who.id == context.member.id:
        raise Refusal(T("With whom else? Write it like this: {example}", example=Typed("/swap @dan")), private=True)
    if shift is None:
        own = await _own_ahead(context)
        if not own:
            raise Refusal(T("You have no shift ahead. {shifts} shows what there is.", shifts=SHIFTS), private=True)
        if len(own) > 1:
            says = [swap.says(who=who, shift=one.id) if who else swap.says(shift=one.id) for one in own[:OWN_MAX]]
            buttons = [(Button(label=named(one), says=say),) for one, say in zip(own, says, strict=False)]
            return Reply(T("Which of your shifts do you want to swap?"), buttons=tuple(buttons), private=True)
        shift = own[0].id
    seat, mine = await _own_shift(context, shift)
    if who is not None:
        return await _with(context, seat, mine, who)
    facts = await rotas.instance(context.tx, context.committee, now=context.now)
    if len(facts.members) > asking.INLINE_MAX:
        then = swaps_found.says(who=context.member, seat=seat.id)
        await _worked_out(context, "swaps", facts, str(seat.id), then, None)
        return Reply(
            T("I look for swaps and tell you in a moment: {shift}", shift=named(mine)),
            buttons=_others(context, mine),
            private=True,
        )
    holders = {one.seat: one.member for one in facts.held}
    found = turns.swaps(facts, holders, str(seat.id)) if str(seat.id) in holders else ()
    return await _options(context, seat, mine, [one.gives for one in found])


def _others(context: Context, shift: Shift) -> tuple[tuple[Button, ...], ...]:
    """What there is beside the swaps that are found."""
    return (
        (Button(label=T("Ask in the group"), says=swap_open.says(shift=shift.id)),),
        (
            Button(
                label=T("Hand it to somebody"),
                says=context.commands.asking(hand_over.says(shift=shift.id)),
            ),
        ),
    )


async def _options(context: Context, seat: Seat, mine: Shift, options: Sequence[Sequence[Sequence[str]]]) -> Reply:
    """Swaps to choose from, each with its words and its button."""
    told: list[Words] = []
    buttons: list[tuple[Button, ...]] = []
    for gives in options:
        if len(told) >= OPTIONS_MAX:
            break
        moves = []
        for seat_id, taker in gives:
            on = await _on(context, int(seat_id))
            if on is None or on[0].holder is None:
                break
            moves.append(Given(seat_id=int(seat_id), giver_id=on[0].holder.member_id, taker_id=int(taker)))
        takers = [await _member(context, one.taker_id) for one in moves]
        if len(moves) < len(gives) or not all([one is not None and await _can_agree(context, one) for one in takers]):
            continue
        if not asking.possible(await _facts(context), _pure(moves)):
            continue
        trade = await swaps.offer(
            context.tx,
            context.committee.id,
            "swap",
            moves,
            proposer_id=context.member.id,
            by=await _ends(context, moves),
            now=context.now,
        )
        told.append(T("{n}. {swap}", n=len(told) + 1, swap=await _moves_words(context, trade, context.member.id)))
        buttons.append((Button(label=T("Ask about {n}", n=len(told)), says=swap_propose.says(trade=trade.id)),))
    first = (
        T("Swaps that would work for {shift}:", shift=named(mine))
        if told
        else T("I know no swap that would work for {shift}.", shift=named(mine))
    )
    return Reply(lines(first, *told), buttons=(*buttons, *_others(context, mine)), private=True)


async def _facts(context: Context) -> Instance:
    return await rotas.instance(context.tx, context.committee, now=context.now)


async def _can_agree(context: Context, member: Member) -> bool:
    """Whether somebody can be asked to agree, with buttons of their own."""
    return not member.spoken_for and await people.private_chat_of(context.tx, member.person_id) is not None


async def _with(context: Context, seat: Seat, mine: Shift, who: Member) -> Reply:
    """Swaps with one person: which of theirs one could take."""
    await _must_agree(context, who)
    theirs = [one for one in await shifts.of_member(context.tx, who, since=context.now) if one.begins > context.now]
    options = []
    facts = await _facts(context)
    for one in theirs:
        holder = one.of(who.id)
        assert holder is not None
        back = str(holder.seat_id)
        moves: list[Move] = [
            (str(seat.id), str(context.member.id), str(who.id)),
            (back, str(who.id), str(context.member.id)),
        ]
        if one.id != mine.id and asking.possible(facts, moves):
            options.append(((str(seat.id), str(who.id)), (back, str(context.member.id))))
    if options:
        return await _options(context, seat, mine, options)
    return Reply(
        T(
            "{name} has no shift that works for a swap with {shift}. Ask whether they take it all the same?",
            name=who.name,
            shift=named(mine),
        ),
        buttons=(
            (Button(label=T("Ask {name}", name=who.name), says=hand_over.says(who=who, shift=mine.id)),),
            (Button(label=T("Ask in the group"), says=swap_open.says(shift=mine.id)),),
        ),
        private=True,
    )


async def _must_agree(context: Context, who: Member) -> None:
    """Raises Refusal where somebody cannot be asked."""
    if who.spoken_for:
        raise Refusal(T("{name} has no account here. Talk to whoever speaks for them.", name=who.name), private=True)
    if not await _can_agree(context, who):
        raise Refusal(
            T("I cannot ask {name}: they have not written to me in private yet.", name=who.name), private=True
        )


@router.command("swaps_found", allow=Authority.CLOCK, typed=False, help=T("Swaps were looked for."))
async def swaps_found(context: Context, *, who: Person, seat: Reference, computation: Reference | None = None) -> None:
    """In a large committee that takes a moment; whoever asked hears what was found."""
    on = await _on(context, seat)
    if on is None or on[0].holder is None or on[0].holder.member_id != who.id or on[1].begins <= context.now:
        return
    says = swaps_found.says(who=who, seat=seat)
    found = await _worked_out(context, "swaps", await _facts(context), str(seat), says, computation)
    if found is None:
        return
    theirs = replace(context, of_member=who)
    answer = await _options(theirs, *on, found.result or [])
    await context.tell(who, answer.words, buttons=answer.buttons)


async def _moves_words(context: Context | View, trade: Trade, member_id: int) -> Text:
    """What changes hands, as one of them sees it: what they give and get first."""
    gives = gets = None
    others: list[Text] = []
    for move in trade.moves:
        on = await _on(context, move.seat_id)
        if on is None:
            continue
        if move.taker_id == member_id:
            gets = named(on[1])
            continue
        taker = await _member(context, move.taker_id)
        name = taker.name if taker is not None else T("somebody")
        if move.giver_id == member_id:
            gives = T("{name} takes your {shift}", name=name, shift=named(on[1]))
        else:
            others.append(T("{name} takes {shift}", name=name, shift=named(on[1])))
    mine = None if gets is None else T("you take {shift}", shift=gets)
    first, *rest = [one for one in (gives, mine, *others) if one is not None] or [T("the shift is gone")]
    for one in rest:
        first = T("{one}; {other}", one=first, other=one)
    return first


# --- accepted by all, or not at all ----------------------------------------------------------------------------------


async def _propose(context: Context, trade: Trade) -> bool:
    """Ask all whom it takes. False: it is not possible, or somebody cannot be asked."""
    others = {who for one in trade.moves for who in (one.giver_id, one.taker_id) if who is not None}
    for id_ in sorted(others - {trade.proposer_id}):
        member = await _member(context, id_)
        if member is None or not await _can_agree(context, member):
            return False
    if not asking.possible(await _facts(context), _pure(trade.moves)):
        return False
    asked = await swaps.propose(context.tx, trade)
    for said in asked.said:
        if said.answer is None:
            member = await _member(context, said.member_id)
            assert member is not None
            await context.show_to(member, Card("swap_ask", said.id))
    return True


@router.command("swap_propose", allow=Authority.MEMBER, typed=False, help=T("Ask for a swap."))
async def swap_propose(context: Context, *, trade: Reference) -> Reply:
    """All of them are asked, in private."""
    found = await swaps.trade(context.tx, context.committee.id, trade)
    if found is None or found.proposer_id != context.member.id or found.state not in ("offered", "asked"):
        raise Refusal(_not_any_more(), private=True)
    if found.state == "asked":
        raise Refusal(T("They are asked already."), private=True)
    if found.by <= context.now or not await _propose(context, found):
        raise Refusal(_not_any_more(), private=True)
    return Reply(T("They are asked in private. You hear when all have agreed, or when it is off."), private=True)


def _not_any_more() -> Text:
    return T("That is not possible any more. {swap} shows what is.", swap=Typed("/swap"))


@router.card("swap_ask")
async def swap_ask_card(view: View, ref: int) -> Shown | None:
    """What one of those who must agree sees, and what became of it."""
    found = await swaps.trade_said(view.tx, view.committee.id, ref)
    if found is None:
        return None
    said, trade = found
    if any(move.seat_id is None for move in trade.moves):
        return Shown(T("Nothing came of it: the shift is gone."))
    words = await _moves_words(view, trade, said.member_id)
    if trade.state == "done":
        return Shown(T("It is done: {swap}", swap=words))
    if trade.state == "over":
        return Shown(T("Nothing came of it, and all stays as it was: {swap}", swap=words))
    if said.answer is not None:
        return Shown(T("You have agreed; I wait for the others: {swap}", swap=words))
    proposer, on = await _member(view, trade.proposer_id), await _on(view, trade.moves[0].seat_id)
    rule = T("It happens if all agree, else not at all. No reason is needed. Until {when}.", when=trade.by)
    if proposer is None:
        told = lines(T("A seat is free that somebody could take if you change:"), words, rule)
    elif trade.kind == "hand" and on is not None:
        told = lines(
            T("{name} asks whether you take over a shift:", name=proposer.name),
            shift_words(on[1]),
            T("No reason is needed. Until {when}.", when=trade.by),
        )
    else:
        told = lines(T("{name} asks you for a swap:", name=proposer.name), words, rule)
    return Shown(
        told,
        buttons=(
            (
                Button(label=T("Agree"), says=swap_yes.says(answer=ref)),
                Button(label=T("No"), says=swap_no.says(answer=ref)),
            ),
        ),
    )


async def _said(context: Context, id_: int) -> tuple[Said, Trade]:
    """A question about a swap that was put to whoever says this, and that is open. Raises Refusal."""
    found = await swaps.trade_said(context.tx, context.committee.id, id_)
    if found is None or found[0].member_id != context.member.id:
        raise Refusal(T("That was somebody else's question."), private=True)
    if found[1].state == "done":
        raise Refusal(T("It is done already."), private=True)
    if found[1].state != "asked":
        raise Refusal(T("That is off already; all stays as it was."), private=True)
    return found


@router.command("swap_yes", allow=Authority.MEMBER, typed=False, help=T("Agree to a swap."))
async def swap_yes(context: Context, *, answer: Reference) -> Reply | None:
    """With the last yes the seats change hands, all of them in one work."""
    said, trade = await _said(context, answer)
    await swaps.say(context.tx, said, "yes")
    trade = await _again(context, trade)
    if not await _stands(context, trade):
        await _off(context, trade)
        return Reply(T("That is not possible any more; all stays as it was."), private=True)
    if trade.agreed:
        await _carry_out(context, trade)
        words = T("It is done: {swap}", swap=await _moves_words(context, trade, context.member.id))
    else:
        await cards.changed(context.tx, f"swap_ask:{said.id}")
        words = T("You have agreed; I wait for the others.")
    if await context.shown_there(f"swap_ask:{said.id}"):
        return None
    return Reply(words, private=True)


@router.command("swap_no", allow=Authority.MEMBER, typed=False, help=T("Say no to a swap."))
async def swap_no(context: Context, *, answer: Reference) -> Reply | None:
    """No reason; nothing changes, and whoever had agreed hears that much."""
    said, trade = await _said(context, answer)
    await swaps.say(context.tx, said, "no")
    await _off(context, await _again(context, trade))
    if await context.shown_there(f"swap_ask:{said.id}"):
        return None
    return Reply(T("All right; all stays as it was."), private=True)


async def _again(context: Context, trade: Trade) -> Trade:
    found = await swaps.trade(context.tx, context.committee.id, trade.id)
    assert found is not None
    return found


async def _stands(context: Context, trade: Trade) -> bool:
    """Whether it is in time, and everybody has what they give and can take what they get."""
    if trade.by <= context.now or any(one.seat_id is None for one in trade.moves):
        return False
    for one in trade.moves:
        on = await _on(context, one.seat_id)
        holder = on[0].holder if on is not None else None
        if holder is not None and holder.state not in shifts.OPEN:
            return False
        if (None if holder is None else holder.member_id) != one.giver_id:
            return False
    if trade.kind == "open":
        return True
    return asking.possible(await _facts(context), _pure(trade.moves))


async def _carry_out(context: Context, trade: Trade) -> None:
    """Everybody has agreed: the seats change hands, and all hear it."""
    await swaps.end_trade(context.tx, trade, "done")
    moves = []
    for one in trade.moves:
        on, taker = await _on(context, one.seat_id), await _member(context, one.taker_id)
        assert on is not None
        assert taker is not None
        moves.append((*on, taker))
    await shifts.hand_on(context.tx, moves, now=context.now)
    for said in trade.said:
        member = await _member(context, said.member_id)
        if member is not None and member.id != context.member.id:
            await context.tell(member, T("It is done: {swap}", swap=await _moves_words(context, trade, member.id)))


async def _off(context: Context, trade: Trade) -> None:
    """Nothing comes of it: all stays as it was, and whoever had agreed hears that, and not why."""
    await swaps.end_trade(context.tx, trade, "over")
    if trade.kind == "open":
        return
    here = None if context.of_member is None else context.of_member.id
    for said in trade.said:
        member = await _member(context, said.member_id)
        if member is not None and said.answer == "yes" and member.id != here:
            words = T(
                "Nothing came of it, and all stays as it was: {swap}",
                swap=await _moves_words(context, trade, member.id),
            )
            await context.tell(member, words)
    search = None if trade.search_id is None else await swaps.search(context.tx, context.committee.id, trade.search_id)
    if search is not None and search.state == "open":
        await swaps.look(context.tx, search, at=context.now)


@router.command("trade_look", allow=Authority.CLOCK, typed=False, help=T("A swap is looked at again."))
async def trade_look(context: Context, *, trade: Reference) -> None:
    """Time is up, or a seat of it is not what it was."""
    found = await swaps.trade(context.tx, context.committee.id, trade)
    if found is None or found.state != "asked" or await _stands(context, found):
        return
    await _off(context, found)
    on, proposer = await _on(context, found.moves[0].seat_id), await _member(context, found.proposer_id)
    if found.kind == "open" and found.by <= context.now and on is not None and proposer is not None:
        await context.tell(proposer, T("Nobody has offered to swap, so it stays yours: {shift}", shift=named(on[1])))


# --- who would swap? -------------------------------------------------------------------------------------------------


@router.command("swap_open", allow=Authority.MEMBER, typed=False, help=T("Ask the group who would swap."))
async def swap_open(context: Context, *, shift: Reference) -> Reply:
    """One card in the group; whoever is first, swaps or takes it."""
    seat, mine = await _own_shift(context, shift)
    if await swaps.wish_open(context.tx, seat.id) is not None:
        raise Refusal(T("The group is asked already: {shift}", shift=named(mine)), private=True)
    move = Given(seat_id=seat.id, giver_id=context.member.id, taker_id=None)
    trade = await swaps.offer(
        context.tx,
        context.committee.id,
        "open",
        [move],
        proposer_id=context.member.id,
        by=await _ends(context, [move]),
        now=context.now,
    )
    await swaps.propose(context.tx, trade)
    await context.show(Card("swap_open", trade.id))
    return Reply(T("I ask in the group: {shift}", shift=named(mine)), private=True)


@router.card("swap_open")
async def swap_open_card(view: View, ref: int) -> Shown | None:
    """What the group is asked."""
    trade = await swaps.trade(view.tx, view.committee.id, ref)
    if trade is None:
        return None
    on = await _on(view, trade.moves[0].seat_id)
    proposer = await _member(view, trade.proposer_id)
    if on is None or proposer is None or trade.state != "asked":
        return Shown(
            T("This swap is over, thank you.")
            if on is None
            else T("It is over, thank you: {shift}", shift=named(on[1]))
        )
    return Shown(
        T("{name} would like to swap: {shift}. Who would?", name=proposer.name, shift=shift_words(on[1])),
        buttons=(
            (
                Button(label=T("I'd swap"), says=swap_offer.says(trade=ref)),
                Button(label=T("I'll take it"), says=swap_take.says(trade=ref)),
            ),
        ),
    )


async def _open(context: Context, id_: int) -> tuple[Trade, Seat, Shift, Member]:
    """A swap that the group was asked about, while it is open. Raises Refusal."""
    trade = await swaps.trade(context.tx, context.committee.id, id_)
    if trade is None or trade.kind != "open" or trade.state != "asked" or not await _stands(context, trade):
        raise Refusal(T("It is over, thank you."), private=True)
    on, proposer = await _on(context, trade.moves[0].seat_id), await _member(context, trade.proposer_id)
    if on is None or proposer is None:
        raise Refusal(T("It is over, thank you."), private=True)
    if proposer.id == context.member.id:
        raise Refusal(T("That is your own shift. Others answer here."), private=True)
    return trade, *on, proposer


@router.command("swap_take", allow=Authority.MEMBER, typed=False, help=T("Take a shift that somebody would swap."))
async def swap_take(context: Context, *, trade: Reference) -> Reply:
    """Without giving anything for it: first come, first served."""
    found, seat, shift, proposer = await _open(context, trade)
    move = Given(seat_id=seat.id, giver_id=proposer.id, taker_id=context.member.id)
    if not asking.possible(await _facts(context), _pure([move])):
        raise Refusal(_cannot_take(shift), private=True)
    await swaps.end_trade(context.tx, found, "done")
    await shifts.hand_on(context.tx, [(seat, shift, context.member)], now=context.now)
    await context.tell(proposer, T("{name} takes it: {shift}", name=context.member.name, shift=named(shift)))
    return Reply(T("It is yours: {shift}", shift=named(shift)), private=True)


def _cannot_take(shift: Shift) -> Text:
    return T(
        "You cannot take it: {shift}. You have another shift then, are away, or it needs a skill.", shift=named(shift)
    )


@router.command("swap_offer", allow=Authority.MEMBER, typed=False, help=T("Offer a shift of yours in a swap."))
async def swap_offer(context: Context, *, trade: Reference) -> Reply:
    """Which of one's own would work; whoever asked for a swap then says yes to one."""
    _, seat, shift, proposer = await _open(context, trade)
    own = [one for one in await _own_ahead(context) if one.id != shift.id]
    facts = await _facts(context)
    told: list[Words] = []
    buttons: list[tuple[Button, ...]] = []
    for one in own:
        holder = one.of(context.member.id)
        assert holder is not None
        moves = [
            Given(seat_id=seat.id, giver_id=proposer.id, taker_id=context.member.id),
            Given(seat_id=holder.seat_id, giver_id=context.member.id, taker_id=proposer.id),
        ]
        if len(told) >= OPTIONS_MAX or not asking.possible(facts, _pure(moves)):
            continue
        made = await swaps.offer(
            context.tx,
            context.committee.id,
            "swap",
            moves,
            proposer_id=context.member.id,
            by=await _ends(context, moves),
            now=context.now,
        )
        told.append(T("{n}. {swap}", n=len(told) + 1, swap=await _moves_words(context, made, context.member.id)))
        buttons.append((Button(label=T("Ask about {n}", n=len(told)), says=swap_propose.says(trade=made.id)),))
    if not told:
        raise Refusal(
            T("You have no shift that {name} could take for it. You can take it without one.", name=proposer.name),
            private=True,
        )
    return Reply(lines(T("Which one do you offer?"), *told), buttons=tuple(buttons), private=True)


# --- to somebody who takes it over -----------------------------------------------------------------------------------


@router.command(
    "hand_over",
    allow=Authority.MEMBER,
    within="shifts",
    label=T("Hand over a shift"),
    help=T("Hand a shift of yours to somebody who says yes; also while it goes on."),
    sample=("@dan",),
)
async def hand_over(context: Context, *, who: Person, shift: Reference | None = None) -> Reply:
    """They are asked in private; until they say yes, it stays one's own."""
    if who.id == context.member.id:
        raise Refusal(T("To whom else? Write it like this: {example}", example=Typed("/hand_over @dan")), private=True)
    await _must_agree(context, who)
    if shift is None:
        own = await _own_ahead(context, running=True)
        if not own:
            raise Refusal(T("You have no shift ahead. {shifts} shows what there is.", shifts=SHIFTS), private=True)
        if len(own) > 1:
            buttons = [(Button(label=named(one), says=hand_over.says(who=who, shift=one.id)),) for one in own[:OWN_MAX]]
            return Reply(T("Which of your shifts?"), buttons=tuple(buttons), private=True)
        shift = own[0].id
    seat, mine = await _own_shift(context, shift, running=True)
    move = Given(seat_id=seat.id, giver_id=context.member.id, taker_id=who.id)
    for id_, _ in await swaps.trades_asked(context.tx, who.id):
        there = await swaps.trade(context.tx, context.committee.id, id_)
        if there is not None and there.kind == "hand" and there.moves == (move,):
            raise Refusal(T("They are asked already."), private=True)
    trade = await swaps.offer(
        context.tx,
        context.committee.id,
        "hand",
        [move],
        proposer_id=context.member.id,
        by=await _ends(context, [move]),
        now=context.now,
    )
    if not await _propose(context, trade):
        raise Refusal(
            T(
                "{name} cannot take it: {shift}. They have another shift then, are away, or it needs a skill.",
                name=who.name,
                shift=named(mine),
            ),
            private=True,
        )
    return Reply(
        T("I ask {name} in private. Until they say yes, it is yours: {shift}", name=who.name, shift=named(mine)),
        private=True,
    )


@router.todo
async def waiting(context: Context) -> list[Todo]:
    """Seats and swaps that somebody is asked for."""
    todo: list[Todo] = []
    for one in await swaps.waiting_for(context.tx, context.member.id):
        search = await swaps.search(context.tx, context.committee.id, one.search_id)
        on = None if search is None else await _on(context, search.seat_id)
        if on is not None and on[1].begins > context.now:
            yes = Button(label=T("Yes, I'll take it"), says=seat_yes.says(ask=one.id))
            no = Button(label=T("No"), says=seat_no.says(ask=one.id))
            words = T("Somebody is needed: {shift}", shift=shift_words(on[1]))
            todo.append(Todo(words=words, buttons=(yes, no), by=on[1].begins))
    for id_, answer in await swaps.trades_asked(context.tx, context.member.id):
        trade = await swaps.trade(context.tx, context.committee.id, id_)
        if trade is not None:
            yes = Button(label=T("Agree"), says=swap_yes.says(answer=answer))
            no = Button(label=T("No"), says=swap_no.says(answer=answer))
            words = T("You are asked: {swap}", swap=await _moves_words(context, trade, context.member.id))
            todo.append(Todo(words=words, buttons=(yes, no), by=trade.by))
    return todo
