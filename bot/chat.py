"""The words that all networks share: what comes in, what goes out, and what an adapter must be able to do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Literal, NewType, Protocol

from bot.text import Span, Text, Words, sound

ChatId = NewType("ChatId", str)
"""A chat on a network: `telegram:-100123`. Split it with `network_of` and `native`; nothing else looks inside."""
UserId = NewType("UserId", str)
"""An account of a person on a network: `telegram:123`."""


def network_of(address: ChatId | UserId) -> str:
    """The network's name, the part before the first colon."""
    return address.partition(":")[0]


def native(address: ChatId | UserId) -> str:
    """The network's own id, all that follows the first colon (Matrix ids hold colons of their own)."""
    return address.partition(":")[2]


# --- what comes in -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who acts, as the network tells it."""

    user: UserId
    name: str
    username: str | None = None
    language: str | None = None
    anonymous: bool = False
    """Speaks as a group or channel: nobody knows which person it is."""
    bot: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", sound(self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """Where something happens."""

    id: ChatId
    private: bool
    title: str = ""
    topic: str | None = None
    """The topic or thread inside the chat, where answers belong too."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", sound(self.title))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A stretch of the text that names a person by account: a pill, or a mention of somebody without a username."""

    start: int
    end: int
    person: Sender


DOCUMENT_CHARACTERS_MAX = 200_000
"""Longer files are not read and not sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file with text in it (UTF-8), such as a list of members."""

    name: str
    text: str

    @property
    def content(self) -> bytes:
        """What is sent."""
        return self.text.encode()


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart. `value` is how long it is, `told` the words at its end."""

    label: str
    value: int
    told: str


@dataclass(frozen=True, slots=True)
class Bars:
    """Some bars of one scale under a heading. `whole`: how long one could be; None: the longest fills the width."""

    title: str
    bars: tuple[Bar, ...]
    whole: int | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a flow. `bars`: one for each thing that flows, in the same order in all stages."""

    title: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """How a sum is shared out anew from stage to stage, one below the other, under a heading.

    Where it flows is seen from what becomes less and what becomes more.
    """

    title: str
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture as what is in it: drawn when it leaves, by a process of its own, and kept in few words until then.

    The words that go with it must say the same: not everybody sees pictures.
    """

    name: str
    title: str
    parts: tuple[Bars | Flow, ...]
    scanned: str | None = None
    """It is a QR code that says this, and has no parts."""


def chart(read: Any) -> Chart:
    """A chart that was kept as JSON, by `dataclasses.asdict`."""
    parts = tuple(_part(part) for part in read["parts"])
    return Chart(name=read["name"], title=read["title"], parts=parts, scanned=read.get("scanned"))


def _part(read: Any) -> Bars | Flow:
    if "stages" in read:
        return Flow(read["title"], tuple(Stage(one["title"], _bars(one["bars"])) for one in read["stages"]))
    return Bars(read["title"], _bars(read["bars"]), read["whole"])


def _bars(read: Any) -> tuple[Bar, ...]:
    return tuple(Bar(**bar) for bar in read)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A chart that was drawn: a PNG."""

    name: str
    content: bytes


def text_document(name: str, content: bytes) -> Document | None:
    """A file as it was uploaded; None: it is too long, or no text."""
    try:
        # Spreadsheets put a mark before the text.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What they wrote before there was Unicode; every byte is a letter there.
        text = content.decode("cp1252", errors="replace")
    if len(text) > DOCUMENT_CHARACTERS_MAX or "\0" in text:
        return None
    return Document(name=name, text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """Something that happened on a network. `event` is its key there: the same key never has two effects."""

    event: str
    at: datetime
    """When, by the network's own clock where it gives one, else on arrival; aware, UTC."""
    chat: Chat


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Incoming):
    """Somebody wrote something. `text` is without the network's own mark of the bot (`/thank@our_bot`)."""

    sender: Sender
    text: str
    message: str
    """The message's id in its chat."""
    addressed: bool = False
    """The bot is named in it, so it is certainly meant."""
    reply_to: Sender | None = None
    mentions: tuple[Mention, ...] = ()
    document: Document | None = None
    """The file that came with it; read only where the text calls a command that takes one."""
    manages_chat: bool | None = None
    """Whether the sender may manage the chat; asked of the network only for commands that need it, else None."""
    edited: bool = False
    """These words have taken the place of earlier ones in the same message: nothing in them is carried out."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", sound(self.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Press(Incoming):
    """Somebody pressed a button (or followed a link, or reacted): `token` is what the button carried."""

    sender: Sender
    token: str
    message: str | None
    manages_chat: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Incoming):
    """Somebody chose one of a message's buttons by its number, on a network that has no buttons."""

    sender: Sender
    number: int
    message: str
    manages_chat: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrawVote(Incoming):
    """Somebody has voted in one of the network's own polls that the bot sent, or has changed or taken back their vote.

    Whoever sees the poll can, wherever it was forwarded to: nothing is known of them but their account.
    """

    sender: Sender
    poll: str
    """What the network calls the poll, as it was told when it was sent."""
    options: tuple[int, ...]
    """The places of what they choose, from 0; empty: their vote is taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival(Incoming):
    """A person came into a group, or opened a private chat with the bot."""

    person: Sender
    by: Sender | None = None
    """Who added or invited them, where the network tells it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure(Incoming):
    """A person left a group or was removed from it; in a private chat: blocked the bot."""

    person: Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class BotAdded(Incoming):
    """The bot can speak in this group (again)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRemoved(Incoming):
    """The bot was put out of this group, or the group is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMoved(Incoming):
    """The chat goes on under another id."""

    to: ChatId


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo(Incoming):
    """A message of the bot's own came round, and nobody knows any more whether it was sent: it was. `key`: its key."""

    key: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageErased(Incoming):
    """A message was taken out of the chat by somebody."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMessage(Incoming):
    """The network itself wrote into a chat that somebody came, left, pinned something, or changed the chat's title."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecryptable(Incoming):
    """Somebody wrote something in an encrypted room that cannot be believed, and is not carried out.

    `reason`: the bot has no `key` for it; it came in `plain`; or from a `device` that the sender does not stand by.
    """

    sender: Sender
    message: str
    reason: Literal["key", "plain", "device"] = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable(Incoming):
    """An event that the adapter could not make sense of: it is recorded and passed over, so that it blocks nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireText(Incoming):
    """Something came from another bot: on the wire of a federation, or at the door by one that is not in yet.

    `chat`: `wire_of` or `door_of`, with the account that the network says it came from. What makes it true is inside.
    """

    text: str


# --- what goes out -------------------------------------------------------------------------------------------


class Lane(IntEnum):
    """What leaves first when a chat is busy. Order holds within a chat and lane."""

    ALERT = 0
    ANSWER = 1
    CARD = 2
    NOTICE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """A command that is kept for later, parsed: by a button, a due row, a proposal. Never a line of text."""

    command: str
    version: int = 1
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """JSON values; people and things by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button that says a command when it is pressed."""

    label: Text | str
    says: Saying
    only: int | None = None
    """The id of the one member who may press it; None: whoever has the command's authority."""
    expires: timedelta | None = None
    once: bool = False
    question: str | None = None
    """Buttons of one question: when one of them that works once is pressed, all of them are used."""
    committee: int | None = None
    """The committee for which it is said; None: the one that the button is shown in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A button that leads to the bot's private chat and says a command there."""

    label: Text | str
    says: Saying


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to whoever said a command.

    `private`: for their eyes only: in a group it goes to their private chat or, after a press, to a pop-up.
    """

    words: Words
    buttons: tuple[tuple[Button | Link, ...], ...] = ()
    private: bool = False
    about: tuple[str, ...] = ()
    """The things whose words it tells: erasing one of them erases the answer too, while it waits."""
    document: Document | Chart | None = None
    """A file that goes with it: only in answers that are private; or a picture."""
    fleeting: bool = False
    """To whoever pressed it is a pop-up only; where the network has none, a card that was pressed shows it itself."""


@dataclass(frozen=True, slots=True)
class Card:
    """The answer is a thing that changes: show it here, and keep what is shown up to date."""

    kind: str
    ref: int
    pinned: bool = False
    """Where the bot may, it stands at the top of the chat."""

    @property
    def thing(self) -> str:
        """The thing's key, such as `transfer:12`."""
        return f"{self.kind}:{self.ref}"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a card says now."""

    words: Words
    buttons: tuple[tuple[Button | Link, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A button as it goes out: a shown label, and either a token or the payload of a link to the private chat."""

    label: str
    token: str
    link: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NativePoll:
    """A poll of the network's own: its clients draw it and let people vote, without any button of ours."""

    ref: int
    """Our own row for it."""
    question: str
    options: tuple[str, ...]
    several: bool = False
    """Whether one may choose more than one."""


@dataclass(frozen=True, slots=True)
class PollSent:
    """Where a poll of the network's own stands."""

    message: str
    poll: str
    """What its votes name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message ready to go out. `key` is the same at every try: networks that can use it to send only once."""

    key: str
    chat: ChatId
    topic: str | None
    reply_to: str | None
    spans: tuple[Span, ...]
    keys: tuple[tuple[Key, ...], ...]
    lane: Lane
    document: Document | Picture | None = None


@dataclass(frozen=True, slots=True)
class WirePost:
    """Text for the other bots on a wire, or for the one behind a door."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WireDoors:
    """Who is let into the rooms of a federation, and who is put out of them: accounts. `name`: how people call it.

    `let_in`: the bots of other committees. `people`: those who come into the room in which members of the committees
    talk, and into no other. `people_out`: those who are of no committee here any more; whoever else has called them has
    them still. Without anybody: the rooms are made.
    """

    name: str
    let_in: tuple[str, ...] = ()
    put_out: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    people_out: tuple[str, ...] = ()


WireAct = WirePost | WireDoors
"""What goes over a wire, where no people read: the networks that carry it have an account in `Adapter.carries`."""


def wire_of(network: str, federation: str, epoch: int = 1) -> ChatId:
    """Where the committees of a federation hear each other on a network. `epoch`: 2 after they have moved once."""
    return ChatId(f"{network}:wire:{federation}" + (f".{epoch}" if epoch > 1 else ""))


def door_of(network: str, account: str) -> ChatId:
    """Where another bot is spoken with that is not on the same wire yet."""
    return ChatId(f"{network}:door:{account}")


def federation_of(chat: ChatId) -> str | None:
    """Which federation's wire it is; None: it is none."""
    kind, _, federation = native(chat).partition(":")
    return federation.partition(".")[0] if kind == "wire" else None


def account_behind(chat: ChatId) -> str | None:
    """Whose door it is; None: it is none."""
    kind, _, account = native(chat).partition(":")
    return account if kind == "door" else None


# --- adapters ------------------------------------------------------------------------------------------------


class DeliveryProblem(Exception):
    """A send that did not work; its kinds say what to do."""


class SlowDown(DeliveryProblem):
    """The network asks for a pause in this chat."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class NotReached(DeliveryProblem):
    """The network cannot be reached just now, or failed: try again later."""


class Refused(DeliveryProblem):
    """This letter will never be taken (malformed, too old to edit ...): give it up."""


class MessageGone(Refused):
    """The message to edit is gone: the card may be sent anew."""


class ChatClosed(DeliveryProblem):
    """The bot may not write in this chat: blocked, removed, never opened, gone."""


class ChatHasMoved(DeliveryProblem):
    """The chat has another id now."""

    def __init__(self, to: ChatId) -> None:
        super().__init__()
        self.to = to


@dataclass(frozen=True, slots=True)
class Pace:
    """How much a network lets a bot say in a chat: at most `messages` in any `seconds`."""

    messages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PopUp:
    """The short private answer to a press. `words` is None when there is nothing to tell."""

    words: str | None
    alert: bool = False


class Dispatcher(Protocol):
    """What an adapter may ask of the core."""

    async def handle(self, incoming: Incoming) -> PopUp | None:
        """Do what was asked. Returns when it is durable; whatever else leaves, leaves through the outbox."""

    def needs_rights(self, text_or_token: str) -> bool:
        """Whether the command in this line or button token depends on who may manage the chat."""

    def takes_document(self, text: str) -> bool:
        """Whether this line calls a command that takes a file."""

    async def position(self, network: str) -> str | None:
        """Where reading had come to, as stored by `advance`."""

    async def advance(self, network: str, position: str, seen: Collection[str] = ()) -> None:
        """Store where reading has come to, all before it is handled, and the keys of other events that were seen.

        Returns when it is durable.
        """

    async def known(self, network: str, events: Collection[str]) -> frozenset[str]:
        """Which of these events were seen before."""

    async def welcomes(self, user: UserId, *, private: bool) -> bool:
        """Whether somebody may call the bot into a group (organizers may) or a private chat (members may)."""

    async def federated(self, wire: ChatId) -> frozenset[str] | None:
        """The accounts of the bots of a federation, as committees here know them; None: none of them is in it."""

    async def reconnected(self, network: str) -> None:
        """Something may have been missed: tell all federations on this network now how far one has come."""

    async def drifted(self, wire: ChatId, kind: str) -> None:
        """Tell the organizers, at most once a day, that the rooms of a federation are not as they should be.

        `lost`: the bot is out of them; `changed`: who may do what; `stranger`: somebody is in them whom no committee
        here knows; `unmade`: the network does not let them be made.
        """

    async def sized(self, chat: Chat, size: int) -> None:
        """So many people are in a group now, the bot not among them. It may be told as often as it is learnt."""

    async def alarm(self, network: str, kind: str) -> None:
        """Tell the organizers of a danger on this network (`second_poller`, `token_revoked`), at most once a day."""

    async def writable(self) -> None:
        """Return when effects can be stored: at once, or when a full or broken disk is mended."""


class Adapter(Protocol):
    """One network. The core calls it; it calls the `Dispatcher` it was made with."""

    network: str
    prefix: str
    """How a command is written here: `/` or `!`."""
    popup_characters_max: int
    """The longest pop-up; 0: the network has none."""
    numbered: bool
    """There are no buttons: they are numbered, and people answer with the number."""
    reaches: bool
    """Anybody can be written to in private, at the address of their account, without having opened a chat first."""
    one_limit: bool
    """All that the bot says counts together, in whichever chat: notices let what somebody waits for go first."""
    per_second_max: int | None
    """So much may be said in a second in all chats together; None: the network says itself when it is too much."""
    carries: str | None
    """The bot's own account, where committees can be linked over this network; None: they cannot."""

    async def run(self, caught_up: Callable[[], None]) -> None:
        """Read events until cancelled; call `caught_up` once nothing older is waiting."""

    async def send(self, letter: Letter) -> str:
        """Send; the message's id (of the last part, if it was split). Raises a DeliveryProblem."""

    async def edit(self, letter: Letter, message: str) -> None:
        """Replace what a message shows. Raises a DeliveryProblem."""

    async def send_poll(self, letter: Letter, poll: NativePoll) -> PollSent:
        """Send a poll of the network's own; the letter's words are for those whose client does not show it.

        Raises a DeliveryProblem; Refused where the network has none, or lets the bot send none in this chat.
        """

    async def end_poll(self, letter: Letter, message: str) -> None:
        """Let nobody vote any more; one that is gone, or has ended, is no fault. Raises a DeliveryProblem."""

    async def carry(self, key: str, chat: ChatId, wire: WireAct) -> str:
        """Hand something to other bots, once for each key; its id there. Raises a DeliveryProblem.

        `chat`: a wire or a door. The wire of a federation that does not exist on the network yet is made.
        """

    async def pin(self, chat: ChatId, message: str) -> bool:
        """Let a message stand at the top of its chat, without a sound. False: the bot has no right to.

        Raises a DeliveryProblem.
        """

    async def delete(self, chat: ChatId, message: str) -> bool:
        """Take a message out of a chat, the bot's own too; one that is gone is no fault. False: no right to.

        Raises a DeliveryProblem.
        """

    def pace(self, chat: ChatId) -> Pace | None:
        """What the network bears in this chat; None: no limit of its own."""

    def link(self, payload: str) -> str | None:
        """An address that opens the private chat and says what the payload stands for; None: not here."""

    async def close(self) -> None:
        """Let go of connections."""
