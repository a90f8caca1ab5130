"""Persons, their accounts on the networks, the committees they are in, and the chats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.chat import Chat, ChatId, Sender, UserId, network_of
from bot.domain import consent
from bot.domain.grammar import folded
from bot.text import SOURCE_LANGUAGE, Minutes, Named, supported
from bot.text import Reader as For
from storage import leaving, sos
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us

LATELY_MAX = 50
"""So many of the latest exchanges say whom somebody exchanged help with lately."""
OTHERS_MAX = 1000
NAMESAKES_MAX = 8
COMMITTEES_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with an account, whether or not they are in a committee."""

    id: int
    user: UserId
    name: str
    language: str | None
    private_chat: int | None
    """The id of the open private chat with the bot, if there is one."""
    rests_until: datetime | None = None
    """Set while their rights rest in some committee: what is said with their accounts may not be said by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Committee:
    """A committee and its rules. `floor` is the lowest balance of a member; None: no limit."""

    id: int
    uid: str
    name: str
    language: str
    zone: ZoneInfo
    floor: Minutes | None
    second: str | None = None
    """The second language of its groups."""

    @property
    def reader(self) -> For:
        """For whom words in the committee's chats are shown."""
        return For(self.language, self.zone, self.second)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person in a committee. Ids are those of members."""

    id: int
    committee_id: int
    person_id: int
    name: str
    active: bool
    child: bool = False
    """A child has no account for hours, no turns and no vote."""
    helper_id: int | None = None
    """Who speaks for them, where they have no account of their own."""
    suspended_until: datetime | None = None
    """Set where they are or were suspended; what counts is whether it lies ahead."""
    newcomer_until: datetime | None = None
    """Until then they have no vote; None: a full member."""
    rests_until: datetime | None = None
    """Set while their rights rest, because others fear for their account; what counts is whether it lies ahead."""
    account: str | None = None
    """What tells them from others of the same name, where that was asked for: `@ana:example.org`."""
    helper: str | None = None
    """The name of whoever speaks for them, where `account` was asked for and there is none."""
    since: datetime | None = None
    """When they came in, where even that does not tell them from others."""

    @property
    def spoken_for(self) -> bool:
        """Somebody else speaks for them: they have no account of their own, and no role that needs one."""
        return self.child or self.helper_id is not None

    @property
    def named(self) -> Named:
        """The name for use in sentences."""
        return Named(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A chat as it is known here. `id` stays when the network's address changes."""

    id: int
    address: ChatId
    private: bool
    committee_id: int | None
    topic: str | None
    working_group_id: int | None = None
    """Set where it is the chat of one of the committee's working groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Told to delivery: this chat has another address now."""

    chat_id: int
    address: ChatId


_RESTING = "FROM pauses z JOIN members w ON w.id = z.member_id WHERE z.over_us IS NULL"
"""Memberships whose rights rest, by way of `w`."""


# --- chats -----------------------------------------------------------------------------------------------------


async def place(tx: Transaction, chat: Chat) -> Place:
    """The row of a chat, made or brought up to date where needed. Somebody spoke there, so it is open."""
    columns = "id, committee_id, topic, title, open, working_group_id"
    row = await tx.one(f"SELECT {columns} FROM chats WHERE address = ?", chat.id)
    if row is None:
        row = await tx.one(
            f"INSERT INTO chats (address, private, title) VALUES (?, ?, ?) RETURNING {columns}",
            chat.id,
            int(chat.private),
            chat.title,
        )
        assert row is not None
    id_, committee_id, topic, title, is_open, working_group_id = row
    if (chat.title and title != chat.title) or not is_open:
        await tx.execute("UPDATE chats SET title = ?, open = 1 WHERE id = ?", chat.title or title, id_)
    return Place(
        id=id_,
        address=chat.id,
        private=chat.private,
        committee_id=committee_id,
        topic=topic,
        working_group_id=working_group_id,
    )


async def close_place(tx: Transaction, chat_id: int) -> None:
    """The bot may not write there any more; nobody is reached in private through it."""
    await tx.execute("UPDATE chats SET open = 0 WHERE id = ?", chat_id)
    await tx.execute("UPDATE identities SET private_chat_id = NULL WHERE private_chat_id = ?", chat_id)


async def forget_place(tx: Transaction, chat_id: int) -> None:
    """Nothing of a private chat is left, unless somebody is reached there (again)."""
    if await tx.one("SELECT 1 FROM identities WHERE private_chat_id = ?", chat_id) is not None:
        return
    for table, column in await referring(tx, "chats"):
        await tx.execute(f"DELETE FROM {table} WHERE {column} = ?", chat_id)
    await tx.execute("DELETE FROM chats WHERE id = ? AND private = 1", chat_id)
    tx.wipe = True


async def referring(tx: Reader, table: str) -> list[tuple[str, str]]:
    """The tables and columns that refer to the rows of a table."""
    rows = await tx.all(
        """SELECT t.name, f."from" FROM sqlite_schema t, pragma_foreign_key_list(t.name) f
           WHERE t.type = 'table' AND f."table" = ? ORDER BY t.name, f."from" LIMIT 1000""",
        table,
    )
    return [(name, column) for name, column in rows]


async def move_place(tx: Transaction, old: ChatId, new: ChatId) -> None:
    """A chat goes on under another address; every reference moves with it, for they are to its row."""
    was = await tx.one("SELECT id, committee_id FROM chats WHERE address = ?", old)
    if was is None:
        return
    id_, committee_id = was
    now = await tx.one("SELECT id, committee_id FROM chats WHERE address = ?", new)
    if now is not None:
        # Somebody wrote in the new chat before we heard of the move. Its row gives way.
        for table in ("outbox", "cards"):
            # A card of the same thing in both: the one in the new chat is the one people see.
            if table == "cards":
                await tx.execute(
                    "DELETE FROM cards WHERE chat_id = ? AND thing IN (SELECT thing FROM cards WHERE chat_id = ?)",
                    id_,
                    now[0],
                )
            await tx.execute(f"UPDATE {table} SET chat_id = ? WHERE chat_id = ?", id_, now[0])
        committee_id = committee_id or now[1]
        await tx.execute("DELETE FROM chats WHERE id = ?", now[0])
    await tx.execute("UPDATE chats SET address = ?, open = 1, committee_id = ? WHERE id = ?", new, committee_id, id_)
    # Message numbers begin again in the new chat: old messages cannot be edited there.
    await tx.execute("UPDATE cards SET message = NULL WHERE chat_id = ?", id_)
    await tx.execute("UPDATE straw_places SET message = NULL WHERE chat_id = ?", id_)
    await tx.execute("UPDATE outbox SET reply_to = NULL WHERE chat_id = ? AND state = 'waiting'", id_)
    tx.outgoing.append(Moved(chat_id=id_, address=new))


async def settle_in(tx: Transaction, place: Place, committee_id: int, *, topic: str | None) -> None:
    """Make a chat one of the committee's."""
    await tx.execute("UPDATE chats SET committee_id = ?, topic = ? WHERE id = ?", committee_id, topic, place.id)


async def chats_of(tx: Reader, committee_id: int) -> list[Place]:
    """The committee's open chats, but for working groups'; on a network where one was chosen, only that one."""
    rows = await tx.all(
        """SELECT id, address, private, committee_id, topic FROM chats c
           WHERE committee_id = ?1 AND open = 1 AND working_group_id IS NULL AND (hushed = 0 OR NOT EXISTS (
               SELECT 1 FROM chats o WHERE o.committee_id = ?1 AND o.open = 1 AND o.hushed = 0
                   AND substr(o.address, 1, instr(o.address, ':')) = substr(c.address, 1, instr(c.address, ':'))))
           ORDER BY id LIMIT 20""",
        committee_id,
    )
    return [
        Place(id=id_, address=address, private=bool(private), committee_id=committee, topic=topic)
        for id_, address, private, committee, topic in rows
    ]


async def speak_in(tx: Transaction, place: Place, *, topic: str | None) -> None:
    """From now on the bot says by itself, on this network, what it has to say in this chat and topic only."""
    assert place.committee_id is not None
    await tx.execute(
        "UPDATE chats SET hushed = (id <> ?1) WHERE committee_id = ?2 AND address LIKE ?3",
        place.id,
        place.committee_id,
        f"{network_of(place.address)}:%",
    )
    await tx.execute("UPDATE chats SET topic = ? WHERE id = ?", topic, place.id)


async def speak_everywhere(tx: Transaction, place: Place) -> None:
    """From now on the bot speaks in every chat of the committee on this network, and in none of their topics."""
    assert place.committee_id is not None
    await tx.execute(
        "UPDATE chats SET hushed = 0, topic = NULL WHERE committee_id = ? AND address LIKE ?",
        place.committee_id,
        f"{network_of(place.address)}:%",
    )


async def is_hushed(tx: Reader, place: Place) -> bool:
    """Whether the committee has chosen another chat of this network for what the bot says by itself."""
    return bool(await tx.value("SELECT hushed FROM chats WHERE id = ?", place.id))


async def has_another_group(tx: Reader, committee_id: int, person_id: int, *, than: int) -> bool:
    """Whether the committee has an open group, other than this chat, on a network where the person has an account."""
    row = await tx.one(
        """SELECT 1 FROM chats c JOIN identities i
               ON substr(i.user, 1, instr(i.user, ':')) = substr(c.address, 1, instr(c.address, ':'))
           WHERE c.committee_id = ? AND c.private = 0 AND c.open = 1 AND c.working_group_id IS NULL
               AND c.id <> ? AND i.person_id = ? LIMIT 1""",
        committee_id,
        than,
        person_id,
    )
    return row is not None


_PLACE = "id, address, private, committee_id, topic, working_group_id"


async def place_of(tx: Reader, chat_id: int) -> Place | None:
    """The chat with this row id."""
    return _place(await tx.one(f"SELECT {_PLACE} FROM chats WHERE id = ?", chat_id))


async def place_at(tx: Reader, address: ChatId) -> Place | None:
    """The chat at an address, where it is known."""
    return _place(await tx.one(f"SELECT {_PLACE} FROM chats WHERE address = ?", address))


def _place(row: Row | None) -> Place | None:
    if row is None:
        return None
    return Place(
        id=row[0],
        address=row[1],
        private=bool(row[2]),
        committee_id=row[3],
        topic=row[4],
        working_group_id=row[5],
    )


# --- persons ---------------------------------------------------------------------------------------------------


async def seen(tx: Transaction, sender: Sender, *, private_chat: int | None, now: datetime) -> Person:
    """The person behind an account, made or brought up to date. `private_chat`: they wrote in that private chat."""
    row = await tx.one(
        f"""SELECT i.person_id, i.name, i.username, i.language, i.private_chat_id, p.language,
                  (SELECT max(z.until_us) {_RESTING} AND w.person_id = i.person_id)
           FROM identities i JOIN persons p ON p.id = i.person_id WHERE i.user = ?""",
        sender.user,
    )
    if row is None:
        person_id = await tx.value(
            "INSERT INTO persons (language, created_us) VALUES (NULL, ?) RETURNING id", to_us(now)
        )
        row = (person_id, None, None, None, None, None, None)
    person_id, name, username, language, private_id, chosen, rests_us = row
    private_id = private_chat or private_id
    if (name, username, language, private_id) != (sender.name, sender.username, sender.language, row[4]):
        # A username belongs to one account at a time: whoever had it before has another one now.
        if sender.username:
            await tx.execute(
                "UPDATE identities SET username = NULL, username_key = NULL, local_key = NULL"
                " WHERE username_key = ? AND user <> ? AND user LIKE ?",
                folded(sender.username),
                sender.user,
                f"{sender.user.partition(':')[0]}:%",
            )
        await tx.execute(
            """INSERT INTO identities (user, person_id, name, name_key, first_key, username, username_key, local_key,
                                       language, private_chat_id)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (user) DO UPDATE SET name = excluded.name, name_key = excluded.name_key,
                   first_key = excluded.first_key, username = excluded.username,
                   username_key = excluded.username_key, local_key = excluded.local_key,
                   language = excluded.language, private_chat_id = excluded.private_chat_id""",
            sender.user,
            person_id,
            *_name_columns(sender.name),
            sender.username,
            *_username_keys(sender.username),
            sender.language,
            private_id,
        )
        if name is not None and name != sender.name:
            await tx.execute(
                "UPDATE members SET name = ?, name_key = ?, first_key = ? WHERE person_id = ?",
                *_name_columns(sender.name),
                person_id,
            )
    return Person(
        id=person_id,
        user=sender.user,
        name=sender.name,
        language=chosen or sender.language,
        private_chat=private_id,
        rests_until=None if rests_us is None else from_us(rests_us),
    )


async def is_known(tx: Reader, user: UserId) -> bool:
    """Whether this account was seen, and not forgotten since."""
    return await tx.one("SELECT 1 FROM identities WHERE user = ?", user) is not None


async def opened(tx: Transaction, person: Person, chat: Chat, *, again: bool) -> Person:
    """Reach somebody in a private chat that nobody need open. `again`: also where they have shut it once."""
    shut = await tx.one("SELECT open FROM chats WHERE address = ? AND open = 0", chat.id)
    if shut is not None and not again:
        return person
    there = await place(tx, chat)
    await tx.execute("UPDATE identities SET private_chat_id = ? WHERE user = ?", there.id, person.user)
    return replace(person, private_chat=there.id)


async def belongs(tx: Reader, user: UserId, *, organizer: bool) -> bool:
    """Whether this account is one of a member of any committee, or of an organizer or in a working group of one."""
    row = await tx.one(
        """SELECT 1 FROM identities i JOIN members m ON m.person_id = i.person_id
           LEFT JOIN roles r ON r.member_id = m.id AND r.role = 'organizer' AND r.until_us IS NULL
           WHERE i.user = ? AND m.active = 1 AND (r.id IS NOT NULL OR NOT ? OR EXISTS (
               SELECT 1 FROM working_group_members w WHERE w.member_id = m.id AND w.until_us IS NULL)) LIMIT 1""",
        user,
        int(organizer),
    )
    return row is not None


async def reader_in(
    tx: Reader, chat_id: int, *, private: bool, committee_id: int | None, otherwise: str = SOURCE_LANGUAGE
) -> For:
    """For whom words in a chat are shown, as it stands now.

    A private chat is shown the language its person reads; a group, and a person who reads none that is shipped, the
    committee's; where there is no committee, `otherwise`.
    """
    theirs = await committee(tx, committee_id) if committee_id is not None else None
    language = theirs.language if theirs else otherwise
    if private:
        person = await person_of_private_chat(tx, chat_id)
        language = supported(person[1] if person else None) or language
    if theirs is None:
        return For(language)
    return For(language, theirs.zone) if private else theirs.reader


async def private_reader(tx: Reader, chat_id: int, committee: Committee) -> For:
    """For whom a committee's words in a private chat are shown: the language its person reads, else the committee's."""
    person = await person_of_private_chat(tx, chat_id)
    return For(supported(person[1] if person else None) or committee.language, committee.zone)


async def name_accounts(tx: Transaction, person_id: int) -> None:
    """Make a person findable by the names of all their accounts, also those last seen by an older version."""
    for user, name in await tx.all("SELECT user, name FROM identities WHERE person_id = ? LIMIT 100", person_id):
        await tx.execute(
            "UPDATE identities SET name_key = ?, first_key = ? WHERE user = ?", *_name_columns(name)[1:], user
        )


async def languages_read(tx: Reader, committee_id: int) -> set[str]:
    """The shipped languages that the members of a committee read."""
    rows = await tx.all(
        """SELECT DISTINCT coalesce(p.language, i.language) FROM members m JOIN persons p ON p.id = m.person_id
           LEFT JOIN identities i ON i.person_id = p.id
           WHERE m.committee_id = ? AND m.active = 1 LIMIT 1000""",
        committee_id,
    )
    return {known for (code,) in rows if (known := supported(code)) is not None}


async def choose_language(tx: Transaction, person_id: int, language: str) -> None:
    """The language a person reads in private."""
    await tx.execute("UPDATE persons SET language = ? WHERE id = ?", language, person_id)


async def person_of_private_chat(tx: Reader, chat_id: int) -> tuple[int, str | None] | None:
    """The person whom this private chat reaches, and the language they read."""
    row = await tx.one(
        """SELECT i.person_id, coalesce(p.language, i.language) FROM identities i
           JOIN persons p ON p.id = i.person_id WHERE i.private_chat_id = ? LIMIT 1""",
        chat_id,
    )
    return (row[0], row[1]) if row else None


async def rests(tx: Reader, chat_id: int) -> bool:
    """Whether a private chat is that of somebody whose rights rest in some committee."""
    row = await tx.one(
        f"""SELECT 1 {_RESTING} AND w.person_id IN (SELECT person_id FROM identities WHERE private_chat_id = ?)""",
        chat_id,
    )
    return row is not None


async def private_chat_of(tx: Reader, person_id: int, *, network: str | None = None) -> Place | None:
    """A person's open private chat, on this network if there is one; None: they cannot be reached.

    While somebody's rights rest in some committee there is none: others may read what is written there.
    """
    row = await tx.one(
        f"""SELECT i.private_chat_id FROM identities i JOIN chats c ON c.id = i.private_chat_id
           WHERE i.person_id = ? AND c.open = 1 AND NOT EXISTS (SELECT 1 {_RESTING} AND w.person_id = i.person_id)
           ORDER BY i.user NOT LIKE ?, i.user LIMIT 1""",
        person_id,
        f"{network or ''}:%",
    )
    return await place_of(tx, row[0]) if row else None


# --- committees ------------------------------------------------------------------------------------------------


_COMMITTEE = "c.id, c.uid, c.name, c.language, c.zone, c.floor_minutes, c.second_language"


async def found_committee(
    tx: Transaction, *, name: str, language: str, zone: str, floor: Minutes | None, now: datetime
) -> Committee:
    """A new committee, with an account of its own."""
    uid = tx.token()
    id_ = await tx.value(
        """INSERT INTO committees (uid, name, language, zone, floor_minutes, created_us)
           VALUES (?, ?, ?, ?, ?, ?) RETURNING id""",
        uid,
        name,
        language,
        zone,
        floor,
        to_us(now),
    )
    await tx.execute("INSERT INTO accounts (committee_id, member_id) VALUES (?, NULL)", id_)
    return Committee(id=id_, uid=uid, name=name, language=language, zone=ZoneInfo(zone), floor=floor)


async def committee(tx: Reader, committee_id: int) -> Committee:
    """The committee with this id. Raises LookupError."""
    row = await tx.one(f"SELECT {_COMMITTEE} FROM committees c WHERE c.id = ?", committee_id)
    if row is None:
        raise LookupError("committee")
    return _committee(row)


def _committee(row: Sequence[object]) -> Committee:
    id_, uid, name, language, zone, floor, second = row
    assert isinstance(id_, int)
    assert floor is None or isinstance(floor, int)
    return Committee(
        id=id_,
        uid=str(uid),
        name=str(name),
        language=str(language),
        zone=ZoneInfo(str(zone)),
        floor=None if floor is None else Minutes(floor),
        second=None if second is None else str(second),
    )


async def change_rules(tx: Transaction, committee: Committee) -> None:
    """Store a committee's name and rules as they are in this value."""
    await tx.execute(
        "UPDATE committees SET name = ?, language = ?, zone = ?, floor_minutes = ?, second_language = ? WHERE id = ?",
        committee.name,
        committee.language,
        committee.zone.key,
        committee.floor,
        committee.second if committee.second != committee.language else None,
        committee.id,
    )


async def committees_of(tx: Reader, person_id: int) -> list[Committee]:
    """The committees that a person is an active member of."""
    rows = await tx.all(
        f"""SELECT {_COMMITTEE}
           FROM members m JOIN committees c ON c.id = m.committee_id
           WHERE m.person_id = ? AND m.active = 1 ORDER BY c.id LIMIT ?""",
        person_id,
        COMMITTEES_MAX,
    )
    return [_committee(row) for row in rows]


async def facts(tx: Reader, committee_id: int, *, now: datetime) -> consent.Committee:
    """Who may agree to what: the ids of the members with a vote now, and of those among them with a role.

    An organizer whose rights rest counts like one who has vanished: nobody becomes the only one by reporting another.
    Children, newcomers, whoever is suspended and whoever has no account of their own have none.
    """
    voting = """m.committee_id = ?1 AND m.active = 1 AND m.child = 0 AND m.helper_id IS NULL
                AND coalesce(m.suspended_until_us, 0) <= ?2 AND coalesce(m.newcomer_until_us, 0) <= ?2"""
    members = await tx.all(f"SELECT m.id FROM members m WHERE {voting} LIMIT 100000", committee_id, to_us(now))
    roles = await tx.all(
        f"""SELECT r.member_id, r.role, (m.vanished_on IS NOT NULL AND coalesce(m.seen_on, '') < m.vanished_on)
                OR EXISTS (SELECT 1 {_RESTING} AND w.id = m.id)
            FROM roles r JOIN members m ON m.id = r.member_id
            WHERE {voting} AND r.until_us IS NULL LIMIT 1000""",
        committee_id,
        to_us(now),
    )
    founders = [member for member, role, _ in roles if role == "founder"]
    return consent.Committee(
        members=frozenset(member for (member,) in members),
        organizers=frozenset(member for member, role, _ in roles if role == "organizer"),
        founder=founders[0] if founders else None,
        vanished=frozenset(member for member, role, vanished in roles if role == "organizer" and vanished),
    )


async def joined_after(tx: Reader, committee_id: int, when: datetime) -> frozenset[int]:
    """The ids of the members who came in later than this."""
    rows = await tx.all(
        "SELECT id FROM members WHERE committee_id = ? AND joined_us > ? LIMIT 100000", committee_id, to_us(when)
    )
    return frozenset(member for (member,) in rows)


async def organizers(tx: Reader, committee_id: int) -> list[Member]:
    """The committee's organizers, longest in the role first."""
    rows = await tx.all(
        f"""SELECT {_MEMBER} FROM roles r JOIN members m ON m.id = r.member_id
           WHERE m.committee_id = ? AND m.active = 1 AND r.role = 'organizer' AND r.until_us IS NULL
           ORDER BY r.id LIMIT 50""",
        committee_id,
    )
    return [_member(row) for row in rows]


async def active(tx: Reader, committee_id: int, *, limit: int) -> list[Member]:
    """The committee's active members, children too, in the order in which they came."""
    rows = await tx.all(
        f"SELECT {_MEMBER} FROM members m WHERE m.committee_id = ? AND m.active = 1 ORDER BY m.id LIMIT ?",
        committee_id,
        limit,
    )
    return [_member(row) for row in rows]


async def organizers_on(tx: Reader, network: str) -> list[Member]:
    """The organizers of every committee that has a chat on this network."""
    rows = await tx.all(
        f"""SELECT DISTINCT {_MEMBER} FROM roles r JOIN members m ON m.id = r.member_id
           JOIN chats c ON c.committee_id = m.committee_id
           WHERE c.address LIKE ? AND c.open = 1 AND m.active = 1 AND r.role = 'organizer' AND r.until_us IS NULL
           ORDER BY m.id LIMIT 1000""",
        f"{network}:%",
    )
    return [_member(row) for row in rows]


# --- members ---------------------------------------------------------------------------------------------------

_MEMBER = """m.id, m.committee_id, m.person_id, m.called, m.active, m.child, m.helper_id,
             m.suspended_until_us, m.newcomer_until_us,
             (SELECT z.until_us FROM pauses z WHERE z.member_id = m.id AND z.over_us IS NULL)"""
_MEMBER_WIDTH = 10


def _member(row: Sequence[Any]) -> Member:
    """The member in the first columns of a row; what follows them is left alone."""
    id_, committee_id, person_id, name, active, child, helper_id, suspended_us, newcomer_us, rests_us = row[
        :_MEMBER_WIDTH
    ]
    return Member(
        id=id_,
        committee_id=committee_id,
        person_id=person_id,
        name=name,
        active=bool(active),
        child=bool(child),
        helper_id=helper_id,
        suspended_until=None if suspended_us is None else from_us(suspended_us),
        newcomer_until=None if newcomer_us is None else from_us(newcomer_us),
        rests_until=None if rests_us is None else from_us(rests_us),
    )


def _name_columns(name: str) -> tuple[str, str, str]:
    key = folded(name)
    return name, key, key.split(" ")[0]


def _username_keys(username: str | None) -> tuple[str | None, str | None]:
    """How a username is looked up: whole and, where it is one such as `ana:example.org`, by its first part."""
    key = folded(username) if username else None
    local, colon, _ = (key or "").partition(":")
    return key, local if colon and local else None


async def member_of(tx: Reader, committee_id: int, person_id: int) -> tuple[Member, frozenset[str]] | None:
    """A person's membership in a committee, active or not, with the roles held now."""
    rows = await tx.all(
        f"""SELECT {_MEMBER}, r.role FROM members m
            LEFT JOIN roles r ON r.member_id = m.id AND r.until_us IS NULL
            WHERE m.committee_id = ? AND m.person_id = ? LIMIT 50""",
        committee_id,
        person_id,
    )
    if not rows:
        return None
    return _member(rows[0]), frozenset(row[-1] for row in rows if row[-1])


async def member(tx: Reader, committee_id: int, member_id: int) -> Member | None:
    """A member by id, active or not; None where the committee has no such member."""
    row = await tx.one(
        f"SELECT {_MEMBER} FROM members m WHERE m.id = ? AND m.committee_id = ?", member_id, committee_id
    )
    return _member(row) if row else None


async def member_now(tx: Reader, committee_id: int, member_id: int) -> Member | None:
    """A member by an id that was written down earlier: the membership that goes on, where it went into another."""
    row = await tx.one(
        f"""SELECT {_MEMBER} FROM members m
            WHERE m.id = coalesce((SELECT into_id FROM absorbed WHERE member_id = ?1), ?1) AND m.committee_id = ?2""",
        member_id,
        committee_id,
    )
    return _member(row) if row else None


async def member_with_account(tx: Reader, committee_id: int, user: UserId) -> Member | None:
    """The active member with this account on a network."""
    row = await tx.one(
        f"""SELECT {_MEMBER} FROM identities i JOIN members m ON m.person_id = i.person_id
            WHERE i.user = ? AND m.committee_id = ? AND m.active = 1""",
        user,
        committee_id,
    )
    return _member(row) if row else None


async def members_named(tx: Reader, committee_id: int, word: str) -> list[Member]:
    """The active members whom a word may mean: by username; else by nickname or whole name; else by first name.

    A username such as `ana:example.org` is meant by its first part too; names are those on any network.
    """
    key = folded(word.removeprefix("@"))
    rows = await tx.all(
        f"""WITH named (id, nearness) AS (
                SELECT m.id, 1 FROM identities i JOIN members m ON m.person_id = i.person_id
                    WHERE i.username_key = ?1 AND m.committee_id = ?2
                UNION ALL SELECT m.id, 1 FROM identities i JOIN members m ON m.person_id = i.person_id
                    WHERE i.local_key = ?1 AND m.committee_id = ?2
                UNION ALL SELECT id, 2 FROM members WHERE committee_id = ?2 AND nickname_key = ?1
                UNION ALL SELECT id, 2 FROM members WHERE committee_id = ?2 AND name_key = ?1
                UNION ALL SELECT m.id, 2 FROM identities i JOIN members m ON m.person_id = i.person_id
                    WHERE i.name_key = ?1 AND m.committee_id = ?2
                UNION ALL SELECT id, 3 FROM members WHERE committee_id = ?2 AND first_key = ?1
                UNION ALL SELECT m.id, 3 FROM identities i JOIN members m ON m.person_id = i.person_id
                    WHERE i.first_key = ?1 AND m.committee_id = ?2)
            SELECT {_MEMBER}, min(named.nearness) AS nearness FROM named JOIN members m ON m.id = named.id
            WHERE m.active = 1 GROUP BY m.id ORDER BY nearness, m.id LIMIT ?3""",
        key,
        committee_id,
        NAMESAKES_MAX,
    )
    nearest = [_member(row) for row in rows if row[-1] == rows[0][-1]]
    names = [folded(member.name) for member in nearest]
    told = [await _told_apart(tx, member) if names.count(folded(member.name)) > 1 else member for member in nearest]
    marks = [(folded(member.name), member.account, member.helper) for member in told]
    return [
        replace(member, since=await _joined(tx, member)) if marks.count(mark) > 1 else member
        for member, mark in zip(told, marks, strict=True)
    ]


async def others_of(tx: Reader, member: Member) -> list[Member]:
    """The other active members: first whom this one exchanged help with lately, then by name. With accounts where
    two have one name."""
    rows = await tx.all(
        f"""WITH mine (id) AS (
                SELECT p.transfer_id FROM accounts a JOIN postings p ON p.account_id = a.id
                    WHERE (a.member_id = ?1 OR (a.owner_id = ?1 AND a.kind = 'unit'))
                       AND NOT EXISTS (SELECT 1 FROM closings c WHERE c.transfer_id = p.transfer_id)
                    ORDER BY p.transfer_id DESC LIMIT ?3),
            met (id, latest) AS (
                SELECT coalesce(a.member_id, a.owner_id), max(p.transfer_id) FROM mine
                    JOIN postings p ON p.transfer_id = mine.id JOIN accounts a ON a.id = p.account_id
                    GROUP BY coalesce(a.member_id, a.owner_id))
            SELECT {_MEMBER} FROM members m LEFT JOIN met ON met.id = m.id
            WHERE m.committee_id = ?2 AND m.active = 1 AND m.id <> ?1
            ORDER BY met.latest DESC NULLS LAST, coalesce(m.nickname_key, m.name_key), m.id LIMIT ?4""",
        member.id,
        member.committee_id,
        LATELY_MAX,
        OTHERS_MAX,
    )
    found = [_member(row) for row in rows]
    names = Counter(other.name for other in found)
    return [await _told_apart(tx, other) if names[other.name] > 1 else other for other in found]


async def _joined(tx: Reader, member: Member) -> datetime:
    return from_us(await tx.value("SELECT joined_us FROM members WHERE id = ?", member.id))


async def _told_apart(tx: Reader, member: Member) -> Member:
    if member.helper_id is not None:
        helper = await tx.value("SELECT coalesce(nickname, name) FROM members WHERE id = ?", member.helper_id)
        return replace(member, helper=str(helper))
    return replace(member, account=await _account(tx, member))


async def _account(tx: Reader, member: Member) -> str | None:
    row = await tx.one(
        "SELECT user, username FROM identities WHERE person_id = ? ORDER BY user LIMIT 1", member.person_id
    )
    return named_account(row[0], row[1]) if row else None


def named_account(user: str, username: str | None) -> str:
    """An account as people know it: by its username; else by its network."""
    return f"@{username}" if username else network_of(UserId(user)).capitalize()


async def call(tx: Transaction, member_id: int, nickname: str | None) -> None:
    """From now on the member goes by this name; None: by the name that the network tells."""
    await tx.execute(
        "UPDATE members SET nickname = ?, nickname_key = ?, shown = NULL WHERE id = ?",
        nickname,
        folded(nickname) if nickname else None,
        member_id,
    )


async def roll(tx: Reader, working_group_id: int) -> list[Member]:
    """The members of a working group, longest in it first."""
    rows = await tx.all(
        f"""SELECT {_MEMBER} FROM working_group_members w JOIN members m ON m.id = w.member_id
            WHERE w.group_id = ? AND w.until_us IS NULL ORDER BY w.id LIMIT 1000""",
        working_group_id,
    )
    return [_member(row) for row in rows]


async def unreachable(tx: Reader, committee_id: int) -> list[Member]:
    """The active members whom the bot cannot write to in private, nor whoever speaks for them; at most 1,000."""
    rows = await tx.all(
        f"""SELECT {_MEMBER} FROM members m WHERE m.committee_id = ? AND m.active = 1 AND m.child = 0
            AND NOT EXISTS (SELECT 1 FROM members s JOIN identities i ON i.person_id = s.person_id
                JOIN chats c ON c.id = i.private_chat_id
                WHERE s.id = coalesce(m.helper_id, m.id) AND s.active = 1 AND c.open = 1)
            ORDER BY m.id LIMIT 1000""",
        committee_id,
    )
    return [_member(row) for row in rows]


async def count_members(tx: Reader, committee_id: int) -> int:
    """How many active members the committee has; children are none."""
    return int(
        await tx.value("SELECT count(*) FROM members WHERE committee_id = ? AND active = 1 AND child = 0", committee_id)
    )


async def join(tx: Transaction, committee_id: int, person: Person, *, now: datetime) -> Member:
    """Make a person a member, with an account for hours; or active again, with the account they had."""
    id_ = await tx.value(
        """INSERT INTO members (committee_id, person_id, name, name_key, first_key, joined_us) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (committee_id, person_id) DO UPDATE SET active = 1, left_us = NULL, name = excluded.name,
               name_key = excluded.name_key, first_key = excluded.first_key, forgotten_us = NULL RETURNING id""",
        committee_id,
        person.id,
        *_name_columns(person.name),
        to_us(now),
    )
    await tx.execute(
        "INSERT INTO accounts (committee_id, member_id) VALUES (?, ?) ON CONFLICT (member_id) DO NOTHING",
        committee_id,
        id_,
    )
    found = await member(tx, committee_id, id_)
    assert found is not None
    return found


async def leave(tx: Transaction, member_id: int, *, now: datetime) -> None:
    """End a membership and with it every role and working group. The account stays: books are kept."""
    await tx.execute("UPDATE members SET active = 0, left_us = ? WHERE id = ?", to_us(now), member_id)
    await tx.execute(
        "UPDATE working_group_members SET until_us = ? WHERE member_id = ? AND until_us IS NULL", to_us(now), member_id
    )
    # What their calendar asks for is answered no more, also if they come back.
    await tx.execute("DELETE FROM calendars WHERE member_id = ?", member_id)
    await tx.execute(
        "UPDATE proxies SET ended_us = ?2 WHERE (giver_id = ?1 OR holder_id = ?1) AND ended_us IS NULL",
        member_id,
        to_us(now),
    )
    await tx.execute("DELETE FROM paper_voters WHERE member_id = ?", member_id)
    await tx.execute("DELETE FROM phones WHERE member_id = ?", member_id)
    await tx.execute("DELETE FROM buddies WHERE member_id = ?1 OR buddy_id = ?1", member_id)
    await tx.execute("UPDATE pauses SET over_us = ? WHERE member_id = ? AND over_us IS NULL", to_us(now), member_id)
    # Who comes back gives the fund nothing each month before they say so again.
    await tx.execute("DELETE FROM contributions WHERE member_id = ?", member_id)
    await sos.leave(tx, member_id)
    await leave_roles(tx, member_id, now=now)
    await leaving.went(tx, member_id, now=now)


async def leave_roles(tx: Transaction, member_id: int, *, now: datetime) -> None:
    """From now on the member holds no role."""
    await tx.execute("UPDATE roles SET until_us = ? WHERE member_id = ? AND until_us IS NULL", to_us(now), member_id)


async def give_role(
    tx: Transaction, member_id: int, role: str, *, now: datetime, term_ends: datetime | None = None
) -> int:
    """From now on the member holds the role; its id. `term_ends`: until when at most; None: it has no term."""
    return int(
        await tx.value(
            "INSERT INTO roles (member_id, role, from_us, term_us) VALUES (?, ?, ?, ?) RETURNING id",
            member_id,
            role,
            to_us(now),
            None if term_ends is None else to_us(term_ends),
        )
    )


async def end_role(tx: Transaction, member_id: int, role: str, *, now: datetime) -> None:
    """From now on the member does not hold the role."""
    await tx.execute(
        "UPDATE roles SET until_us = ? WHERE member_id = ? AND role = ? AND until_us IS NULL",
        to_us(now),
        member_id,
        role,
    )
