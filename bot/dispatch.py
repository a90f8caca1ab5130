"""One event, one unit of work: who said what where, with what authority, what came of it, and who is answered."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.arguments import Reading, Word, words_of
from bot.chat import (
    Arrival,
    BotAdded,
    BotRemoved,
    Button,
    Card,
    Chat,
    ChatId,
    ChatMoved,
    Choice,
    Departure,
    Echo,
    Incoming,
    Key,
    Lane,
    Link,
    Message,
    MessageErased,
    NativePoll,
    PollSent,
    PopUp,
    Press,
    Reply,
    Saying,
    Sender,
    ServiceMessage,
    StrawVote,
    Undecryptable,
    Unreadable,
    UserId,
    WireText,
    account_behind,
    federation_of,
    network_of,
    wire_of,
)
from bot.dialogue import CANCEL, answer_button, with_answer
from bot.domain import conduct
from bot.domain.chain import canonical
from bot.domain.envelope import federation_of as federation_in
from bot.router import PROPOSED, Ambiguous, Authority, Command, Commands, Context, View, Where, read_line
from bot.text import (
    SOURCE_LANGUAGE,
    Reader,
    Refusal,
    Span,
    T,
    Text,
    Typed,
    Words,
    plain,
    render,
    supported,
)
from storage import (
    buttons,
    cards,
    dialogues,
    digests,
    due,
    entries,
    inbox,
    members,
    outbox,
    peers,
    people,
    roles,
    rules,
    straws,
    tidying,
)
from storage.database import BooksStopped, Database, Transaction, Unavailable, fresh_token
from storage.people import Committee, Member, Person, Place

log = logging.getLogger(__name__)

SAID_AT_TOLERANCE = timedelta(hours=24)
"""How far back a network may date what somebody said; Telegram keeps updates that long."""
UNREAD_ASKED_EVERY = timedelta(minutes=10)
"""Whose messages cannot be decrypted is asked to say it again no more often than this."""
LATE_AFTER = timedelta(minutes=10)
"""When the clock says something later than this, it counts as late."""
AGAIN_AFTER = timedelta(hours=1)
"""When what was planned is said again that could not be done: the books had stopped, or the program had a fault."""

ALARMS: Mapping[str, Text] = {
    "second_poller": T(
        "Somebody else is reading this bot's messages: either it runs twice, or its token was stolen. "
        "Whoever runs the bot must look at this now."
    ),
    "token_revoked": T("This bot's access was revoked. Whoever runs the bot must look at this now."),
    "unexpected_device": T(
        "Somebody else has logged in to this bot's account: its password or its access may be stolen. "
        "Whoever runs the bot must look at this now."
    ),
    "identity_changed": T(
        "Somebody whom this bot talks with has reset their encryption on Matrix, or somebody else did it in their "
        "name. Ask each other who it was."
    ),
}


DRIFTS: Mapping[str, Callable[[str], Text]] = {
    "lost": lambda name: T(
        "I have been put out of the rooms in which linked committees talk, or the rooms are gone ({federation}). What "
        "they say may come late, or not at all. Reach them another way, and ask what has happened.",
        federation=name,
    ),
    "changed": lambda name: T(
        "Somebody has changed who may do what in the rooms in which linked committees talk ({federation}). I go on "
        "listening, and only what the committees have signed counts. Ask each other who it was.",
        federation=name,
    ),
    "stranger": lambda name: T(
        "Somebody whom we do not know is in the rooms in which linked committees talk ({federation}). They cannot read "
        "what the committees tell each other, but they see who says how much. Ask each other who let them in.",
        federation=name,
    ),
    "stays": lambda name: T(
        "A bot that is not of {federation} any more is still in the council, and can read what members write there. I "
        "cannot put it out. Write nothing there, and make new rooms: {move}",
        federation=name,
        move=Typed("/move_federation ", name),
    ),
    "unmade": lambda name: T(
        "The homeserver does not let me make the rooms in which linked committees talk ({federation}). It must know "
        "version 12 of rooms: whoever looks after it can update it.",
        federation=name,
    ),
}


@dataclass(slots=True)
class _Standing:
    """Who speaks, where, and in which committees that counts."""

    place: Place
    person: Person | None
    committees: list[Committee]
    language: str


class Dispatcher:
    """Carries out what comes in. Everything it has to say goes into the outbox in the same unit of work."""

    def __init__(
        self,
        database: Database,
        commands: Commands,
        *,
        now: Callable[[], datetime],
        popups: Mapping[str, int],
        reaches: Collection[str] = (),
        carriers: Mapping[str, str] | None = None,
        language: str = SOURCE_LANGUAGE,
    ) -> None:
        self._database = database
        self._commands = commands
        self._now = now
        self._popups = popups
        self._reaches = reaches
        self._carriers = carriers or {}
        self._language = language
        self.incidents = 0
        """Faults of the program since it was started."""

    # --- what adapters call ----------------------------------------------------------------------------------

    async def handle(self, incoming: Incoming) -> PopUp | None:
        """Do what was asked, once. Raises Unavailable when nothing can be stored: then nothing was done."""
        if isinstance(incoming, Message) and not self._concerns(incoming):
            return None
        started = time.perf_counter()
        try:
            return await self._database.transact(lambda tx: self._work(tx, incoming))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the edge of the core: whatever it was, the next event must come in
            # It cannot be done and would come again for ever: put it down as seen, say so, and go on.
            reference = self._incident(error, started)
            await self._database.transact(lambda tx: self._poison(tx, incoming, reference))
            return None

    def needs_rights(self, text_or_token: str) -> bool:
        """Whether the command in this line or button token depends on who may manage the chat."""
        if kept := buttons.standing(text_or_token):
            command = self._commands.get(kept.says.command)
        else:
            line = self._commands.line(text_or_token)
            command = line.command if line else None
        return command is not None and command.needs_rights

    def takes_document(self, text: str) -> bool:
        """Whether this line calls a command that takes a file."""
        line = self._commands.line(text)
        return line is not None and line.command is not None and line.command.takes_document

    async def position(self, network: str) -> str | None:
        """Where reading had come to."""
        found = await self._database.transact(lambda tx: inbox.position(tx, network))
        return found[0] if found else None

    async def advance(self, network: str, position: str, seen: Collection[str] = ()) -> None:
        """Store where reading has come to, and what else was seen."""

        async def work(tx: Transaction) -> None:
            now = self._now()
            if seen:
                await inbox.note(tx, network, seen, now=now)
            await inbox.advance(tx, network, position, now=now)

        await self._database.transact(work, lazy=True)

    async def known(self, network: str, events: Collection[str]) -> frozenset[str]:
        """Which of these events were seen before."""
        return await self._database.read(lambda tx: inbox.known(tx, network, events))

    async def welcomes(self, user: UserId, *, private: bool) -> bool:
        """Organizers may call the bot into a group, and any member into a private chat."""
        return await self._database.read(lambda tx: people.belongs(tx, user, organizer=not private))

    async def federated(self, wire: ChatId) -> frozenset[str] | None:
        """The accounts of the bots of a federation; None: no committee here is in it."""
        return await self._database.read(lambda tx: peers.accounts_at(tx, wire))

    async def reconnected(self, network: str) -> None:
        """Something may have been missed: say at once how far one has come, in all federations on this network."""
        beat = self._commands.get("wire_beat")
        if beat is None:
            return

        async def work(tx: Transaction) -> None:
            now = self._now()
            for there in await peers.on_network(tx, network):
                says, key = beat.says(federation=there.id), peers.beat_of(there.id)
                await due.plan_after(tx, key, says, now, since=now, committee=there.committee_id)

        await self._database.transact(work)

    async def drifted(self, wire: ChatId, kind: str) -> None:
        """Tell the organizers that the rooms of a federation are not as they should be, at most once a day."""
        log.warning("the rooms of a federation are not as they should be", extra={"kind": kind})

        async def work(tx: Transaction) -> None:
            now = self._now()
            if not await inbox.is_new(tx, network_of(wire), f"drift:{kind}:{wire}:{now:%Y-%m-%d}", now=now):
                return
            for committee_id in await peers.committees_at(tx, wire):
                committee = await people.committee(tx, committee_id)
                there = await peers.federation_called(tx, committee_id, federation_of(wire) or "")
                name = there.name if there is not None else committee.name
                for member in await people.organizers(tx, committee_id):
                    words = DRIFTS[kind](name)
                    await outbox.tell(tx, member, words, committee=committee, now=now, lane=Lane.ANSWER)

        await self._database.transact(work)

    async def sized(self, chat: Chat, size: int) -> None:
        """So many people are in a group now."""

        async def work(tx: Transaction) -> None:
            place = await people.place(tx, chat)
            if await members.note_size(tx, place.id, size) and place.committee_id is not None:
                await members.roll_changed(tx, place.committee_id, now=self._now())

        await self._database.transact(work)

    async def writable(self) -> None:
        """Return when effects can be stored."""
        await self._database.mended()

    async def alarm(self, network: str, kind: str) -> None:
        """Tell the organizers on this network of a danger, at most once a day."""
        log.critical("alarm", extra={"network": network, "kind": kind})

        async def work(tx: Transaction) -> None:
            now = self._now()
            if not await inbox.is_new(tx, network, f"alarm:{kind}:{now:%Y-%m-%d}", now=now):
                return
            for member in await people.organizers_on(tx, network):
                committee = await people.committee(tx, member.committee_id)
                await outbox.tell(tx, member, ALARMS[kind], committee=committee, now=now, lane=Lane.ALERT)

        await self._database.transact(work)

    # --- what the clock calls --------------------------------------------------------------------------------

    async def tick(self, now: datetime, *, after_each: Callable[[], Awaitable[None]] | None = None) -> datetime | None:
        """Say everything that has fallen due. Returns when the next thing falls due; None: nothing is planned."""
        while rows := await self._database.transact(lambda tx: due.fallen(tx, now=now)):
            for row in rows:
                await self._database.transact(lambda tx, row=row: self._say_due(tx, row, now))  # type: ignore[misc]
                if after_each is not None:
                    await after_each()
        return await self._database.transact(due.next_at)

    async def _say_due(self, tx: Transaction, row: due.Row, now: datetime) -> None:
        if not await due.done(tx, row, now=now):
            return
        if row.late == "skip" and now - row.at > LATE_AFTER:
            log.info("due work skipped", extra={"command": row.says.command})
            return
        committee = await people.committee(tx, row.committee_id) if row.committee_id is not None else None
        context = self._of_clock(tx, committee, now, said_at=row.at)
        started = time.perf_counter()
        try:
            async with tx.savepoint():
                await self._say(context, row.says)
        except BooksStopped:
            await self._plan_again(tx, row, now)
        except Refusal:
            log.info("due work refused", extra={"command": row.says.command})
        except Exception as error:  # noqa: BLE001 - one fault must not stop the clock
            self._incident(error, started)
            if row.late == "do":
                await self._plan_again(tx, row, now)

    async def _plan_again(self, tx: Transaction, row: due.Row, now: datetime) -> None:
        """Nothing planned is lost: it is tried again until it can be done; what recurs comes by itself."""
        if row.rrule is not None:
            return
        again = now + AGAIN_AFTER
        await due.plan(
            tx,
            row.key,
            row.says,
            local=again.astimezone(UTC).replace(tzinfo=None),
            zone=ZoneInfo("UTC"),
            committee=row.committee_id,
            late=row.late,
        )

    # --- what delivery calls ---------------------------------------------------------------------------------

    async def render(
        self, tx: Transaction, card: cards.Due
    ) -> tuple[tuple[Span, ...], tuple[tuple[Key, ...], ...]] | None:
        """What the card shows now; None: there is nothing to show any more."""
        kind, _, ref = card.thing.partition(":")
        renderer = self._commands.card(kind)
        if renderer is None:
            return None
        committee = await people.committee(tx, card.committee_id)
        if card.private and not await self._reads(tx, card):
            return None
        if card.private and await people.rests(tx, card.chat_id):
            reader = await people.reader_in(tx, card.chat_id, private=True, committee_id=committee.id)
            return render(_NOT_NOW, reader), ()
        view = View(
            tx=tx,
            now=self._now(),
            committee=committee,
            commands=self._commands,
            network=network_of(card.address),
            private=card.private,
            popups=self._popups.get(network_of(card.address), 0) > 0,
            chat_id=card.chat_id,
        )
        shown = await renderer(view, int(ref))
        if shown is None:
            return None
        reader = await people.reader_in(tx, card.chat_id, private=card.private, committee_id=committee.id)
        keys = await buttons.keys(tx, shown.buttons, reader=reader, committee=committee.id, now=self._now())
        return render(shown.words, reader), keys

    async def _reads(self, tx: Transaction, card: cards.Due) -> bool:
        """Whether a private chat is still that of a member: what is shown there stops when somebody leaves."""
        reader = await people.person_of_private_chat(tx, card.chat_id)
        found = await people.member_of(tx, card.committee_id, reader[0]) if reader else None
        return found is not None and found[0].active

    async def not_pinned(self, tx: Transaction, card: cards.Due) -> None:
        """The card itself tells how to let the bot pin it: that takes no message more."""
        await cards.not_pinned(tx, card.id)

    async def not_deleted(self, tx: Transaction, owed: outbox.Owed) -> None:
        """What the bot has said in private says nothing any more; in a group it says once what right that takes."""
        place = await people.place_of(tx, owed.chat_id)
        if place is not None and place.private and owed.deletes is not None:
            reader = await people.reader_in(tx, place.id, private=True, committee_id=None, otherwise=self._language)
            content = outbox.Content(render(_NOT_SHOWN, reader))
            await outbox.queue_content(tx, place, content, now=self._now(), lane=Lane.NOTICE, edits=owed.deletes[1])
        if place is None or place.committee_id is None:
            return
        told = await rules.get(tx, place.committee_id, tidying.LACKS, [])
        if place.id in told:
            return
        await rules.put(tx, place.committee_id, tidying.LACKS, [*told, place.id])
        committee = await people.committee(tx, place.committee_id)
        await outbox.queue(
            tx,
            place,
            _MAY_NOT_DELETE,
            reader=committee.reader,
            now=self._now(),
            lane=Lane.NOTICE,
            committee=committee.id,
        )

    async def poll_sent(self, tx: Transaction, owed: outbox.Owed, poll: NativePoll, sent: PollSent | None) -> None:
        """Where a poll of the network's own stands is known now; where none can, its card gets buttons."""
        found = await straws.sent(tx, poll.ref, network_of(owed.address), sent)
        if found is None:
            return
        thing, over = found
        await cards.changed(tx, thing)
        place = await people.place_of(tx, owed.chat_id)
        if over and sent is not None and place is not None:
            # It was ended while it was on its way.
            content = outbox.Content(owed.spans)
            await outbox.queue_content(tx, place, content, now=self._now(), lane=Lane.NOTICE, ends=sent.message)

    async def unreachable(self, tx: Transaction, owed: outbox.Owed | None, chat_id: int) -> None:
        """A chat turned out to be closed. What was meant for somebody in private is mentioned where they asked."""
        await people.close_place(tx, chat_id)
        if owed is None or owed.fallback is None:
            return
        place = await people.place_of(tx, owed.fallback)
        if place is None or place.committee_id is None:
            return
        committee = await people.committee(tx, place.committee_id)
        await outbox.queue(
            tx,
            place,
            _CANNOT_WRITE,
            reader=committee.reader,
            now=self._now(),
            buttons=((Link(label=_OPEN_PRIVATE, says=Saying(command="menu")),),),
            committee=committee.id,
            reply_to=owed.reply_to,
        )

    # --- one event -------------------------------------------------------------------------------------------

    def _concerns(self, message: Message) -> bool:
        if message.sender.bot:
            return False
        if message.edited:
            line = self._commands.line(message.text)
            return line is not None and line.command is not None
        return message.chat.private or message.addressed or self._commands.line(message.text) is not None

    async def _work(self, tx: Transaction, incoming: Incoming) -> PopUp | None:
        now = self._now()
        network = network_of(incoming.chat.id)
        if not await inbox.is_new(tx, network, incoming.event, now=now):
            return None
        match incoming:
            case Message(edited=True):
                await self._edited(tx, incoming, now)
            case Message():
                return await self._message(tx, incoming, now)
            case Press():
                return await self._press(tx, incoming, now)
            case Choice():
                return await self._choice(tx, incoming, now)
            case Undecryptable():
                await self._undecryptable(tx, incoming, now)
            case Echo():
                await self._came_round(tx, incoming, now)
            case MessageErased():
                place = await people.place(tx, incoming.chat)
                await cards.let_go(tx, place.id, incoming.message)
                if (thing := await straws.erased(tx, place, incoming.message)) is not None:
                    await cards.changed(tx, thing)
            case StrawVote():
                await self._straw_vote(tx, incoming)
            case Arrival():
                place = await people.place(tx, incoming.chat)
                if place.private:
                    await people.seen(tx, incoming.person, private_chat=place.id, now=now)
                else:
                    await self._brought(tx, incoming, place, now)
            case Departure():
                await self._departed(tx, incoming, now)
            case ServiceMessage():
                await tidying.noticed(tx, await people.place(tx, incoming.chat), incoming.message, now=now)
            case BotAdded():
                await self._added(tx, incoming, now)
            case BotRemoved():
                place = await people.place(tx, incoming.chat)
                await people.close_place(tx, place.id)
            case ChatMoved():
                await people.move_place(tx, incoming.chat.id, incoming.to)
            case WireText():
                await self._wire(tx, incoming, now)
            case Unreadable():
                log.error("event not understood and passed over", extra={"network": network})
        return None

    async def _poison(self, tx: Transaction, incoming: Incoming, reference: str) -> None:
        now = self._now()
        if not await inbox.is_new(tx, network_of(incoming.chat.id), incoming.event, now=now):
            return
        place = await people.place(tx, incoming.chat)
        if isinstance(incoming, Message):
            reader = Reader(supported(incoming.sender.language) or self._language)
            await outbox.queue(tx, place, _wrong(reference), reader=reader, now=now, reply_to=incoming.message)

    async def _wire(self, tx: Transaction, came: WireText, now: datetime) -> None:
        """Each of the committees that it is for takes it in by itself: a fault in one is none for the others."""
        account = account_behind(came.chat.id)
        inside = None if account is None else federation_in(came.text)
        if inside is not None:
            # An envelope at the door counts as on the wire: the rooms may be gone.
            wire = wire_of(network_of(came.chat.id), inside)
            account, came = None, replace(came, chat=replace(came.chat, id=wire))
        for committee_id in await self._meant(tx, came):
            committee = await people.committee(tx, committee_id)
            context = self._of_clock(tx, committee, now, said_at=now)
            if account is None:
                says = self._commands.named("wire_in").says(wire=came.chat.id, text=came.text)
            else:
                says = self._commands.named("door_in").says(account=account, text=came.text)
            started = time.perf_counter()
            try:
                async with tx.savepoint():
                    await self._say(context, says)
            except BooksStopped:
                # It is asked for again once they add up.
                log.warning("not taken in: the books are stopped")
            except Exception as error:  # noqa: BLE001 - another bot's words must not stop this one
                self._incident(error, started)

    async def _meant(self, tx: Transaction, came: WireText) -> list[int]:
        """The ids of the committees here that something from another bot is for."""
        if account_behind(came.chat.id) is None:
            return await peers.committees_at(tx, came.chat.id)
        return await peers.committees_asked_for(tx, came.text)

    async def _straw_vote(self, tx: Transaction, vote: StrawVote) -> None:
        """A vote in one of the network's own polls; whoever cast it is put down only as long as it runs."""
        if vote.sender.bot or vote.sender.anonymous:
            return
        at = max(self._now() - SAID_AT_TOLERANCE, min(vote.at, self._now()))
        poll = straws.poll_of(vote.chat.id, vote.poll)
        thing = await straws.voted(tx, poll, vote.sender.user, vote.event, vote.options, at=at)
        if thing is not None:
            await cards.changed(tx, thing)

    async def _added(self, tx: Transaction, incoming: BotAdded, now: datetime) -> None:
        place = await people.place(tx, incoming.chat)
        command = self._commands.get("hello")
        if command is None or place.private or place.committee_id is not None:
            return
        context = self._context(tx, incoming, _Standing(place, None, [], self._language), now, None)
        await self._reply(context, await command.handler(context), incoming, says=None)

    async def _brought(self, tx: Transaction, arrival: Arrival, place: Place, now: datetime) -> None:
        """A member has added somebody to the group: it is kept, should that person join."""
        if arrival.by is None or arrival.by.anonymous or arrival.person.bot or place.committee_id is None:
            return
        adder = await people.seen(tx, arrival.by, private_chat=None, now=now)
        found = await people.member_of(tx, place.committee_id, adder.id)
        person = await people.seen(tx, arrival.person, private_chat=None, now=now)
        if found is not None and found[0].active and person.id != adder.id:
            await members.note_brought(tx, place.committee_id, person.id, found[0].id)

    async def _departed(self, tx: Transaction, incoming: Departure, now: datetime) -> None:
        place = await people.place(tx, incoming.chat)
        if place.private:
            await people.close_place(tx, place.id)
            return
        if not await people.is_known(tx, incoming.person.user):
            # Who was forgotten, or never spoke, is not put down because they go.
            return
        standing = await self._standing(tx, incoming, place, incoming.person, now)
        context = self._context(tx, incoming, standing, now, standing.committees[0] if standing.committees else None)
        context = await self._as_member(context)
        if context.of_member is not None:
            await self._attempt(context, incoming, lambda: self._say(context, Saying(command="gone")), says=None)

    async def _edited(self, tx: Transaction, message: Message, now: datetime) -> None:
        """A member has changed a command afterwards: they hear once for each message, in private, what counts."""
        if message.sender.anonymous or not await people.is_known(tx, message.sender.user):
            return
        once = f"edited:{message.chat.id}:{message.message}"
        if not await inbox.is_new(tx, network_of(message.chat.id), once, now=now):
            return
        place = await people.place(tx, message.chat)
        standing = await self._standing(tx, message, place, message.sender, now)
        if not standing.committees:
            return
        context = self._context(tx, message, standing, now, standing.committees[0])
        line = self._commands.line(message.text)
        words = line.command.edited if line is not None and line.command is not None else None
        words = words or _EDITED
        if not place.private:
            context = await self._as_member(context)
            if context.of_member is None or await context.tell(context.of_member, words):
                return
        await self._reply(context, Reply(words), message, says=None)

    async def _message(self, tx: Transaction, message: Message, now: datetime) -> PopUp | None:
        place = await people.place(tx, message.chat)
        person = None if message.sender.anonymous else message.sender
        standing = await self._standing(tx, message, place, person, now)
        line = self._commands.line(message.text, message.mentions)
        committee = standing.committees[0] if len(standing.committees) == 1 else None
        context = self._context(tx, message, standing, now, committee, manages_chat=message.manages_chat)
        if line is not None and line.command is not None:
            await _seen(context)
        if line is None and place.private and person is not None and standing.person is not None:
            open_ = await dialogues.open_of(tx, standing.person.id, now=now)
            if open_ is not None:
                return await self._answered(context, message, open_)
        if line is None or line.command is None:
            words = self._not_a_command(context, message, line.name if line else None)
            if words is not None:
                await self._reply(context, Reply(words, buttons=((_MENU,),)), message, says=None)
            return None
        command = line.command
        if message.sender.anonymous:
            await self._reply(context, Reply(_ANONYMOUS), message, says=None)
            return None
        if place.private and len(standing.committees) > 1 and command.allow is not Authority.ANYONE:
            picked = await self._pick_committee(context, standing, message, command, line.words)
            if picked is None:
                return None
            context = replace(context, of_committee=picked)
        read: dict[str, Saying] = {}

        async def say() -> Reply | Card | None:
            member = await self._as_member(context)
            if not line.words and self._can_ask(member, message, command):
                self._permit(member, command)
                read["says"] = self._commands.asking(command.says())
                return await self._say(member, read["says"])
            arguments = await self._read(member, message, command, line.words)
            read["says"] = command.says(**arguments)
            return await self._perform(member, command, arguments)

        return await self._attempt(context, message, say, says=lambda: read.get("says"))

    async def _press(self, tx: Transaction, press: Press, now: datetime) -> PopUp | None:
        place = await people.place(tx, press.chat)
        person = None if press.sender.anonymous else press.sender
        standing = await self._standing(tx, press, place, person, now)
        committee = standing.committees[0] if len(standing.committees) == 1 else None
        context = self._context(tx, press, standing, now, committee, manages_chat=press.manages_chat, pressed=True)
        kept = await buttons.kept(tx, press.token, now=now)
        if kept is not None and kept.committee is not None:
            # A button is said in the committee it was made for, wherever it is pressed.
            context = replace(context, of_committee=await people.committee(tx, kept.committee))
        await _seen(context)
        command = self._commands.get(kept.says.command) if kept else None
        undecided = place.private and context.of_committee is None and len(standing.committees) > 1
        if undecided and command is not None and command.allow is not Authority.ANYONE:
            picked = await self._pick_committee(context, standing, press, command, ())
            if picked is None:
                return None
            context = replace(context, of_committee=picked)
        done: dict[str, Saying] = {}

        async def say() -> Reply | Card | None:
            if press.sender.anonymous:
                raise Refusal(_ANONYMOUS)
            if kept is None or kept.expired:
                raise Refusal(
                    T("This choice is out of date. Look at the newest message, or type {menu}.", menu=_MENU_LINE)
                )
            if kept.used:
                raise Refusal(T("That was chosen already."))
            member = await self._as_member(context)
            if kept.only is not None and (member.of_member is None or member.of_member.id != kept.only):
                raise Refusal(T("This choice is for somebody else."))
            elsewhere = kept.committee is not None and place.committee_id != kept.committee
            if elsewhere and member.of_member is None and command and command.allow is not Authority.ANYONE:
                # Not even the name of a committee is told to those who are not in it.
                raise Refusal(T("This choice is for somebody else."))
            done["says"] = kept.says
            await buttons.use(tx, kept.token, now=now)
            if command is not None and member.of_member is not None and command.lacks(kept.says):
                self._permit(member, command)
                done["says"] = self._commands.asking(kept.says)
            return await self._say(member, done["says"])

        return await self._attempt(context, press, say, says=lambda: done.get("says"))

    @staticmethod
    def _can_ask(context: Context, message: Message, command: Command) -> bool:
        """Whether a line without any argument can be completed step by step, in private."""
        bare = message.reply_to is None and message.document is None
        return bare and context.of_member is not None and command.lacks(Saying(command=command.name))

    async def _answered(self, context: Context, message: Message, asked: dialogues.Open) -> PopUp | None:
        """Somebody answers, in words, what they were asked: the command so far with the answer in it."""
        context = replace(context, of_committee=await people.committee(context.tx, asked.committee_id))

        async def say() -> Reply | Card | None:
            member = await self._as_member(context)
            says = asked.says
            command, _ = await self._commands.load(says, context.tx, member.of_committee, partly=True)
            member = await self._commands.marked(member, command.name, says.arguments)
            kind = next(one.kind for one in command.parameters if one.name == asked.parameter)
            words = words_of(message.text, message.mentions)
            reading = Reading(
                tx=context.tx,
                committee=member.of_committee,
                reply_to=None,
                line=message.text,
                document=message.document,
            )
            found = await kind.read(words, reading, first=True)
            if found is None or found.count < len(words):
                expected = T(
                    "I expected {expected}. Write only that, or choose “{choice}”.",
                    expected=kind.expected,
                    choice=CANCEL,
                )
                raise Refusal(member.marked(expected))
            answers = [
                (kind.label(value), self._commands.asking(with_answer(says, asked.parameter, kind.dump(value))))
                for value in (found.value, *found.others)
            ]
            if len(answers) > 1:
                raise Ambiguous(words[0].text, answers)
            return await self._say(member, answers[0][1])

        return await self._attempt(context, message, say, says=None)

    async def _choice(self, tx: Transaction, choice: Choice, now: datetime) -> PopUp | None:
        place = await people.place(tx, choice.chat)
        found = await buttons.numbered(tx, place.id, choice.message, choice.number)
        if found is None:
            return None
        token, link = found
        press = Press(
            event=choice.event,
            at=choice.at,
            # What leads to the private chat is said there.
            chat=_private(choice.sender.user) if link else choice.chat,
            sender=choice.sender,
            token=token,
            message=choice.message,
            manages_chat=choice.manages_chat,
        )
        return await self._press(tx, press, now)

    async def _undecryptable(self, tx: Transaction, unread: Undecryptable, now: datetime) -> None:
        """Ask the sender to say it again: at most once in a while, for it may be talk that was never meant for us."""
        network = network_of(unread.chat.id)
        span = int(now.timestamp()) // int(UNREAD_ASKED_EVERY.total_seconds())
        asked = f"unread:{unread.reason}:{unread.sender.user}:{unread.chat.id}:{span}"
        if unread.sender.bot or not await inbox.is_new(tx, network, asked, now=now):
            return
        place = await people.place(tx, unread.chat)
        standing = await self._standing(tx, unread, place, unread.sender, now)
        context = self._context(tx, unread, standing, now, None)
        reply_to = None if place.private else unread.message
        await self._queue(context, Reply(_UNREAD[unread.reason]), place, unread, reply_to=reply_to)

    async def _came_round(self, tx: Transaction, echo: Echo, now: datetime) -> None:
        """What was sent when the program died is marked as sent, before anybody's answer to it is handled."""
        if (owed := await outbox.by_key(tx, echo.key)) is not None:
            await outbox.delivered(tx, owed.id, echo.message)
            if owed.poll is not None:
                # Only a network that names a poll by its message has echoes.
                await self.poll_sent(tx, owed, owed.poll, PollSent(echo.message, echo.message))
            await buttons.lay_out(tx, owed.chat_id, owed.edits or echo.message, owed.keys, now=now)
        elif (card := await cards.came_round(tx, echo.key, echo.message)) is not None:
            shown = await self.render(tx, card)
            await buttons.lay_out(tx, card.chat_id, card.message or "", shown[1] if shown else (), now=now)

    # --- who, where ------------------------------------------------------------------------------------------

    async def _standing(
        self, tx: Transaction, incoming: Incoming, place: Place, sender: Sender | None, now: datetime
    ) -> _Standing:
        private = place.id if place.private else None
        person = await people.seen(tx, sender, private_chat=private, now=now) if sender else None
        if person is not None and person.private_chat is None and network_of(person.user) in self._reaches:
            # Whoever has shut their private chat is not asked to open another one unless they want an answer.
            person = await people.opened(tx, person, _private(person.user), again=False)
        if place.private:
            committees = await people.committees_of(tx, person.id) if person else []
            language = supported(person.language if person else None)
            language = language or (committees[0].language if committees else self._language)
        else:
            committees = [await people.committee(tx, place.committee_id)] if place.committee_id else []
            spoken = supported(person.language if person else None)
            language = committees[0].language if committees else spoken or self._language
        return _Standing(place, person, committees, language)

    def _context(
        self,
        tx: Transaction,
        incoming: Incoming,
        standing: _Standing,
        now: datetime,
        committee: Committee | None,
        *,
        manages_chat: bool | None = None,
        pressed: bool = False,
    ) -> Context:
        return Context(
            tx=tx,
            now=now,
            said_at=max(now - SAID_AT_TOLERANCE, min(incoming.at, now)),
            commands=self._commands,
            place=standing.place,
            chat=incoming.chat,
            language=standing.language,
            person=standing.person,
            of_committee=committee,
            manages_chat=manages_chat,
            pressed=pressed,
            carriers=self._carriers,
            say_hook=self._say,
        )

    def _of_clock(self, tx: Transaction, committee: Committee | None, now: datetime, *, said_at: datetime) -> Context:
        """Nobody says it, and nowhere."""
        return Context(
            tx=tx,
            now=now,
            said_at=said_at,
            commands=self._commands,
            place=None,
            chat=None,
            language=committee.language if committee else self._language,
            of_committee=committee,
            authority=Authority.CLOCK,
            carriers=self._carriers,
            say_hook=self._say,
        )

    async def _as_member(self, context: Context) -> Context:
        """The context with the person's membership in its committee and the roles that come with it."""
        if context.of_committee is None or context.person is None:
            return context
        found = await people.member_of(context.tx, context.of_committee.id, context.person.id)
        if found is None or not found[0].active:
            return context
        # Whoever is suspended keeps their roles, but can do nothing with them meanwhile.
        suspended = conduct.is_suspended(found[0].suspended_until, now=context.now)
        rests = _rests(found[0].rests_until, context.now)
        return replace(context, of_member=found[0], roles=frozenset() if suspended or rests else found[1])

    async def _read(
        self, context: Context, message: Message, command: Command, words: tuple[Any, ...]
    ) -> dict[str, Any]:
        reply_to: Member | None = None
        if message.reply_to is not None and context.of_committee is not None and not message.reply_to.bot:
            reply_to = await people.member_with_account(context.tx, context.of_committee.id, message.reply_to.user)

        async def spoken(carried: Sequence[Word]) -> Saying:
            inner = self._commands.spoken_for(carried[0].text)
            return inner.says(**await read_line(inner, carried[1:], reading))

        reading = Reading(
            tx=context.tx,
            committee=context.of_committee,
            reply_to=reply_to,
            line=message.text,
            document=message.document,
            spoken=spoken,
        )
        # Whoever may not say it learns that first, not how to spell it.
        self._permit(context, command)
        return await read_line(command, words, reading)

    # --- saying ----------------------------------------------------------------------------------------------

    def _permit(self, context: Context, command: Command) -> None:
        """Raises Refusal where this person, here, may not say this command."""
        said_by = context.authority
        private = context.place.private if context.place else False
        if context.place is not None:
            if command.where is Where.GROUP and private:
                raise Refusal(T("Say this in your committee's group, not here."))
            if command.where is Where.PRIVATE and not private:
                raise Refusal(T("Say this to me in private, not here."))
        if command.allow is Authority.CLOCK:
            if said_by is not Authority.CLOCK:
                raise Refusal(T("Only the clock says that."))
            return
        if command.allow is Authority.PEER:
            if said_by is not Authority.PEER:
                raise Refusal(T("Only a linked committee says that."))
            return
        self._awake(context, command)
        group_chat = context.place is not None and context.place.working_group_id is not None
        if group_chat and command.where is Where.GROUP and context.of_member is None:
            # Nobody becomes a member of the committee by being here.
            assert context.of_committee is not None
            raise Refusal(
                T(
                    "This is the chat of a working group of {committee}, for its members. "
                    "To become one, type {join} in the committee's own group.",
                    committee=context.of_committee.name,
                    join=Typed("/join"),
                )
            )
        if command.allow is Authority.ANYONE or said_by in (Authority.COMMITTEE, Authority.CLOCK):
            return
        if command.for_strangers and context.of_member is None:
            return
        if context.of_committee is None:
            if private:
                raise Refusal(
                    T(
                        "You are not in a committee. Type {join} in your group, "
                        "or add me to a group and type {setup} there.",
                        join=Typed("/join"),
                        setup=Typed("/setup"),
                    )
                )
            raise Refusal(
                T("There is no committee here yet. Whoever manages this group types {setup}.", setup=Typed("/setup"))
            )
        if context.of_member is None:
            raise Refusal(
                T(
                    "Only members of {committee} can do that. Type {join} in the group to become one.",
                    committee=context.of_committee.name,
                    join=Typed("/join"),
                )
            )
        until = context.of_member.suspended_until
        if until is not None and conduct.is_suspended(until, now=context.now) and not command.while_suspended:
            raise Refusal(
                T(
                    "You are suspended in {committee} until {until}, and cannot do that until then. What you can do: "
                    "say in private why this is wrong ({appeal}), ask for care ({care}), or look at {help}.",
                    committee=context.of_committee.name,
                    until=until,
                    appeal=Typed("/appeal", "..."),
                    care=Typed("/care", "..."),
                    help=Typed("/help"),
                ),
                private=True,
            )
        if command.allow is Authority.ORGANIZER and "organizer" not in context.roles:
            raise Refusal(T("Only an organizer can do that. Ask one of them."))

    @staticmethod
    def _awake(context: Context, command: Command) -> None:
        """Raises Refusal where the rights of whoever says it rest: others may have their telephone."""
        if context.person is None or context.authority in (Authority.COMMITTEE, Authority.CLOCK):
            return
        if command.allow is Authority.ANYONE:
            until = None if command.name in _AT_REST else context.person.rests_until
        else:
            until = None if context.of_member is None else context.of_member.rests_until
        if until is not None and _rests(until, context.now):
            raise Refusal(
                T(
                    "This account rests until {until}: nothing can be done with it, and nothing is told to it. "
                    "Two members together can end that before.",
                    until=until,
                ),
                private=True,
            )

    async def _perform(self, context: Context, command: Command, arguments: Mapping[str, Any]) -> Reply | Card | None:
        context = await self._commands.marked(context, command.name, arguments)
        try:
            answer = await self._carry_out(context, command, arguments)
        except Refusal as refusal:
            if context.mark is None:
                raise
            raise Refusal(context.marked(refusal.words), private=refusal.private) from refusal
        return replace(answer, words=context.marked(answer.words)) if isinstance(answer, Reply) else answer

    async def _carry_out(self, context: Context, command: Command, arguments: Mapping[str, Any]) -> Reply | Card | None:
        self._permit(context, command)
        if command.allow in PROPOSED and context.authority is not Authority.COMMITTEE:
            propose = self._commands.get(self._commands.propose)
            assert propose is not None
            return await propose.handler(context, carried=command.says(**arguments))
        return await command.handler(context, **arguments)

    async def _say(self, context: Context, says: Saying) -> Reply | Card | None:
        """Say a carried command."""
        command, arguments = await self._commands.load(says, context.tx, context.of_committee)
        return await self._perform(context, command, arguments)

    async def _attempt(
        self,
        context: Context,
        incoming: Incoming,
        say: Callable[[], Awaitable[Reply | Card | None]],
        *,
        says: Callable[[], Saying | None] | None,
    ) -> PopUp | None:
        """Say it in a savepoint of its own and answer: a refusal or a fault takes back all but the answer."""
        started = time.perf_counter()
        refused = True
        answer: Reply | Card | None
        try:
            async with context.tx.savepoint():
                answer = await say()
            refused = False
        except Refusal as refusal:
            answer = Reply(refusal.words, private=refusal.private)
        except Ambiguous as doubt:
            member = (await self._as_member(context)).of_member
            question = context.tx.token()
            answer = Reply(
                T("“{word}” fits several people. Whom do you mean?", word=doubt.word)
                if doubt.people
                else T("“{word}” fits several. Which one do you mean?", word=doubt.word),
                buttons=tuple((answer_button(label, choice, member, question),) for label, choice in doubt.choices),
            )
        except Exception as error:  # noqa: BLE001 - the member is told, with a reference to the log
            answer = Reply(_wrong(self._incident(error, started)))
        return await self._reply(context, answer, incoming, says=says() if says else None, refused=refused)

    async def _pick_committee(
        self, context: Context, standing: _Standing, incoming: Message | Press, command: Command, words: tuple[Any, ...]
    ) -> Committee | None:
        """For which committee a command is meant; None: nobody can tell without asking, and it is asked."""
        picked = None
        if command.picks is not None and standing.person is not None:
            said = " ".join(word.text for word in words)
            picked = await command.picks(context.tx, standing.person.id, standing.committees, said)
        if picked is None:
            await self._ask_committee(context, standing, incoming, command, words)
        return picked

    async def _ask_committee(
        self, context: Context, standing: _Standing, incoming: Message | Press, command: Command, words: tuple[Any, ...]
    ) -> None:
        """Somebody in several committees says something in private: ask for which one, with what it means in each."""
        choices: list[Button] = []
        refusal: Refusal | None = None
        question = context.tx.token()
        for committee in standing.committees:
            there = await self._as_member(replace(context, of_committee=committee))
            try:
                arguments: dict[str, Any] = {}
                if isinstance(incoming, Message) and (words or not self._can_ask(there, incoming, command)):
                    arguments = await self._read(there, incoming, command, words)
                says = command.says(**arguments)
                choices.append(
                    answer_button(committee.name, says, there.of_member, question, once=not command.repeatable)
                )
            except Refusal as found:
                refusal = found
            except Ambiguous as doubt:
                choices += [
                    answer_button(_in_committee(label, committee.name), says, there.of_member, question)
                    for label, says in doubt.choices
                ]
        if not choices:
            assert refusal is not None
            await self._reply(context, Reply(refusal.words), incoming, says=None)
            return
        asked = Reply(T("For which committee?"), buttons=tuple((choice,) for choice in choices))
        await self._reply(context, asked, incoming, says=None)

    # --- answering -------------------------------------------------------------------------------------------

    async def _reply(
        self,
        context: Context,
        answer: Reply | Card | None,
        incoming: Incoming,
        *,
        says: Saying | None,
        refused: bool = False,
    ) -> PopUp | None:
        pressed = PopUp(None) if isinstance(incoming, Press) else None
        place = context.place
        assert place is not None
        if answer is None:
            return pressed
        said = self._commands.get(says.command) if says is not None and not refused else None
        # A page of the menu gives way to the next one, and a question to what came of the answer.
        edits = incoming.message if isinstance(incoming, Press) and said is not None and said.in_place else None
        if edits is not None and await cards.is_card(context.tx, place.id, edits):
            # A card stays: what changes in it would take the place of the question.
            edits = None
        reply_to = incoming.message if isinstance(incoming, Message) and not place.private else None
        if isinstance(answer, Card):
            await self._show(context, answer, place, incoming, reply_to, edits)
            return pressed
        if answer.fleeting and isinstance(incoming, Press) and not place.private:
            most = self._popups.get(network_of(incoming.chat.id), 0)
            if most or (incoming.message is not None and await cards.is_card(context.tx, place.id, incoming.message)):
                words = plain(render(answer.words, self._private_reader(context)))
                return PopUp(_cut(words, most) or None, alert=True)
        quiet = answer.private or (pressed is not None and (refused or self._only_asks(said)))
        if place.private or not quiet:
            if not refused and says is not None and isinstance(incoming, Message) and not place.private:
                await self._answer_once(context, answer, place, incoming, says)
            else:
                await self._queue(context, answer, place, incoming, reply_to=reply_to, edits=edits)
            return pressed
        reader = self._private_reader(context)
        if pressed is not None and not answer.buttons and answer.document is None:
            words = plain(render(answer.words, reader))
            if len(words) <= self._popups.get(network_of(incoming.chat.id), 0):
                return PopUp(words, alert=True)
        if context.person is not None and network_of(context.person.user) in self._reaches:
            await people.opened(context.tx, context.person, _private(context.person.user), again=True)
        network = network_of(place.address)
        chat = await people.private_chat_of(context.tx, context.person.id, network=network) if context.person else None
        if chat is not None:
            await self._queue(context, answer, chat, incoming, fallback=place.id)
            return PopUp(plain(render(_SENT_PRIVATELY, reader))) if pressed is not None else None
        # They have never opened a private chat: the group sees only that there is an answer.
        # Only what changes nothing may be said again there.
        again = says if says is not None and said is not None and said.repeatable else _MENU.says
        link = Link(label=_OPEN_PRIVATE, says=again)
        notice = Reply(_REFUSED_PRIVATELY if refused else _ANSWER_PRIVATELY, buttons=((link,),))
        await self._queue(context, notice, place, incoming, reply_to=reply_to)
        return pressed

    @staticmethod
    def _only_asks(said: Command | None) -> bool:
        """Whether a press of it in a group is only for whoever presses. The menu and its pages stay where they are."""
        return said is not None and said.repeatable and not said.in_place and said.name != _MENU.says.command

    async def _answer_once(self, context: Context, answer: Reply, place: Place, message: Message, says: Saying) -> None:
        """Answer in a group; but whoever asks what was answered there a moment ago is shown that."""
        command = self._commands.get(says.command)
        committee = context.of_committee
        # A menu may show another page by now.
        changes = command is None or not command.repeatable or says.command == _MENU.says.command
        if changes or committee is None:
            await self._queue(context, answer, place, message, reply_to=message.message)
            return
        there = await self._as_member(context)
        who = {"roles": sorted(there.roles), "member": there.of_member is not None}
        asked = canonical({"says": [says.command, says.version, says.arguments], **who})
        # While no entry was written, what the committee's commands tell has not changed.
        entry = await entries.last_number(context.tx, committee.id)
        before = await digests.same_answer(context.tx, place, asked, entry=entry, now=context.now)
        if before is not None:
            await self._queue(context, Reply(_SAID_ABOVE), place, message, reply_to=before)
            return
        outbox_id = await self._queue(context, answer, place, message, reply_to=message.message)
        await digests.answered(context.tx, place, asked, entry=entry, outbox_id=outbox_id, now=context.now)

    def _private_reader(self, context: Context) -> Reader:
        chosen = supported(context.person.language if context.person else None) or context.language
        return Reader(chosen, context.of_committee.zone) if context.of_committee else Reader(chosen)

    async def _show(
        self,
        context: Context,
        card: Card,
        place: Place,
        incoming: Incoming,
        reply_to: str | None,
        edits: str | None,
    ) -> None:
        committee = context.of_committee.id if context.of_committee else None
        if committee is None:
            # By what was said, the chat has become a committee's.
            now_of = await people.place_of(context.tx, place.id)
            committee = now_of.committee_id if now_of is not None else None
        assert committee is not None, "a card is a committee's"
        shown = await cards.show(
            context.tx,
            card.thing,
            place,
            committee=committee,
            topic=incoming.chat.topic,
            lane=Lane.ANSWER,
            reply_to=reply_to,
            message=edits,
            pinned=card.pinned,
        )
        # Worked out here, in the same work, it need not be asked for again when it is sent.
        context.tx.outgoing[-1] = replace(shown, prepared=await self.render(context.tx, shown))
        if place.committee_id == committee:
            # What one group of the committee sees, the others see too.
            for other in await people.chats_of(context.tx, committee):
                if other.id != place.id:
                    await cards.show(context.tx, card.thing, other, committee=committee, pinned=card.pinned)

    async def _queue(
        self,
        context: Context,
        reply: Reply,
        place: Place,
        incoming: Incoming,
        *,
        reply_to: str | None = None,
        fallback: int | None = None,
        edits: str | None = None,
    ) -> int:
        committee = context.of_committee.id if context.of_committee else None
        if not place.private:
            now_of = await people.place_of(context.tx, place.id)
            if now_of is not None and now_of.committee_id != place.committee_id:
                # By what was said, the chat has become another committee's.
                committee = now_of.committee_id
        return await outbox.queue(
            context.tx,
            place,
            reply.words,
            # Asked anew: what was said may have changed the language.
            reader=await people.reader_in(
                context.tx, place.id, private=place.private, committee_id=committee, otherwise=context.language
            ),
            now=context.now,
            buttons=reply.buttons,
            committee=committee,
            topic=incoming.chat.topic if place.address == incoming.chat.id else None,
            reply_to=reply_to,
            about=reply.about,
            fallback=fallback,
            edits=edits,
            document=reply.document,
        )

    def _not_a_command(self, context: Context, message: Message, name: str | None) -> Words | None:
        """What to say to somebody who did not say a command; None: nothing."""
        private = context.place is not None and context.place.private
        if name is None:
            return (
                T("I did not understand that. Choose “{choice}”, or type {menu}.", choice=_MENU.label, menu=_MENU_LINE)
                if (private or message.addressed)
                else None
            )
        nearest = self._commands.nearest(name)
        if nearest is not None:
            return T(
                "I do not know {typed}. Did you mean {nearest}?",
                typed=Typed(f"/{name}"),
                nearest=nearest.example,
            )
        # In a group it may be meant for another bot.
        if not private and not message.addressed:
            return None
        return T("I do not know {typed}. Type {menu} to see what I can do.", typed=Typed(f"/{name}"), menu=_MENU_LINE)

    def _incident(self, error: BaseException, started: float) -> str:
        """Log a fault of the program and return the reference under which it is found in the log."""

        self.incidents += 1
        reference = fresh_token()[:6].upper()
        log.error(
            "incident",
            exc_info=error,
            extra={"reference": reference, "ms": round((time.perf_counter() - started) * 1000)},
        )
        return reference


def _in_committee(label: str | Text, name: str) -> Text:
    # Not a sentence to translate: only what is inside is.
    return Text("{label} ({name})", values={"label": label, "name": name})


async def _seen(context: Context) -> None:
    """Whoever says or presses something is there: a committee must know when its organizers are not any more."""
    if context.of_committee is not None and context.person is not None:
        await roles.seen(context.tx, context.of_committee.id, context.person.id, on=context.now.date())


def _rests(until: datetime | None, now: datetime) -> bool:
    """Whether rights rest that rest until then."""
    return until is not None and now < until


def _cut(words: str, most: int) -> str:
    """At most so many characters."""
    return words if len(words) <= most else words[: max(0, most - 1)] + "…"[:most]


def _wrong(reference: str) -> Text:
    return T(
        "Something went wrong on our side, and nothing was changed. Try again; if it happens again, "
        "tell whoever runs the bot this reference: {reference}.",
        reference=reference,
    )


def _private(user: UserId) -> Chat:
    """The private chat with somebody, on a network where it goes by the address of their account."""
    return Chat(id=ChatId(user), private=True)


_UNREAD: Mapping[str, Text] = {
    "key": T(
        "I could not decrypt what you wrote. If it was for me, please say it again. If that does not help: in Element "
        "type “/discardsession” first; or write to me from another device."
    ),
    "plain": T(
        "This room is encrypted, but what you wrote came without encryption, so anybody could have written it. "
        "I did nothing. Say it again in an app that encrypts, such as Element."
    ),
    "device": T(
        "You wrote on a device that you have not verified, so it may not be yours. I did nothing. Verify it in your "
        "app's settings, under sessions or devices; then say it again."
    ),
}
_AT_REST = frozenset({"help"})
"""What anyone may say who may say nothing else: it tells nothing of anybody."""
_NOT_NOW = T("This is not shown here now.")
_MENU_LINE = Typed("/menu")
_MENU = Button(label=T("Menu"), says=Saying(command="menu"))
_OPEN_PRIVATE = T("Open a private chat")
_ANONYMOUS = T(
    "I cannot see who you are, because you write as the group or as a channel. "
    "Turn that off in the group's settings, or write to me in private."
)
_EDITED = T(
    "You have changed a command afterwards. What you wrote first counts; I do not carry it out again. "
    "Write it anew if you mean it. {undo} takes hours back.",
    undo=Typed("/undo"),
)
_MAY_NOT_DELETE = T(
    "I may not tidy up here. Whoever manages the group can make me an administrator with the right to delete messages; "
    "until then they stay."
)
_NOT_SHOWN = T("What stood here is not shown any more.")
_CANNOT_WRITE = T("I have an answer for you, but I cannot write to you in private. Open a private chat with me first.")
_ANSWER_PRIVATELY = T("I answer that in private. Press the button once; after that I can always reach you there.")
_REFUSED_PRIVATELY = T(
    "That did not work, and nothing was changed. I tell you why in private: press the button, then try again there."
)
_SAID_ABOVE = T("That is what I said a moment ago, in the message that I answer to here.")
_SENT_PRIVATELY = T("I have sent it to you in private.")
