"""One committee in several groups, one person with several accounts: codes, and how memberships and accounts move."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.chat import ChatId, UserId, network_of
from bot.domain import joining, retention
from storage import (
    aftermath,
    alerts,
    availability,
    ballots,
    barter,
    board,
    bookings,
    buddies,
    calendars,
    effort,
    elections,
    enrolments,
    escalation,
    exchanges,
    fair,
    fund,
    gifts,
    history,
    insurance,
    lending,
    limits,
    meetings,
    objections,
    orders,
    outcomes,
    patterns,
    pauses,
    people,
    places,
    pool,
    pooling,
    proxies,
    reach,
    recalls,
    shifts,
    slots,
    sos,
    stock,
    straws,
    surveys,
    transfers,
)
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Member, Place

KEPT = retention.CODES
"""So long whoever was connected by mistake, or by somebody else, can take it back by a button."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What a code stands for: a committee, for which a member made it, or an account."""

    id: int
    committee_id: int | None
    member_id: int | None
    user: UserId | None
    expires_at: datetime
    asked: UserId | None
    """The account that was asked whether it belongs to the same person."""
    taken: UserId | None
    """The account that said so."""
    used: bool
    claims: int | None = None
    """The membership that it hands over, where that is what it is for; `member_id` made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of a committee, as people know it."""

    place: Place
    title: str
    open: bool

    @property
    def network(self) -> str:
        """The network's name, as it is written."""
        return network_of(self.place.address).capitalize()

    @property
    def name(self) -> str:
        """The title and the network, by which groups of one title differ."""
        return f"{self.title} ({self.network})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of a person."""

    user: UserId
    person_id: int
    name: str
    username: str | None
    private_chat: int | None

    @property
    def described(self) -> str:
        """As somebody recognizes their own: `Ana (@ana:example.org, Matrix)`."""
        network = network_of(self.user).capitalize()
        return f"{self.name} (@{self.username}, {network})" if self.username else f"{self.name} ({network})"


# --- codes -----------------------------------------------------------------------------------------------------


async def code_of_committee(tx: Transaction, committee_id: int, member_id: int, *, now: datetime) -> str:
    """A new code that makes a group one of this committee's; the one before it is void."""
    await tx.execute("DELETE FROM codes WHERE committee_id = ? AND used_us IS NULL AND claims_id IS NULL", committee_id)
    return await _made(tx, committee_id, member_id, None, now)


async def code_of_account(tx: Transaction, user: UserId, *, now: datetime) -> str:
    """A new code that makes another account the same person's as this one; the one before it is void."""
    await tx.execute("DELETE FROM codes WHERE user = ? AND used_us IS NULL", user)
    return await _made(tx, None, None, user, now)


async def code_to_claim(tx: Transaction, claimed: Member, *, maker: Member, now: datetime, within: timedelta) -> str:
    """A new code that hands somebody the membership that was kept for them; the one before it is void."""
    await tx.execute("DELETE FROM codes WHERE claims_id = ? AND used_us IS NULL", claimed.id)
    return await _made(tx, claimed.committee_id, maker.id, None, now, within=within, claims=claimed.id)


async def _made(
    tx: Transaction,
    committee_id: int | None,
    member_id: int | None,
    user: UserId | None,
    now: datetime,
    *,
    within: timedelta = joining.CODE_EXPIRES_AFTER,
    claims: int | None = None,
) -> str:
    id_ = await tx.value(
        """INSERT INTO codes (digest, committee_id, member_id, user, expires_us, claims_id) VALUES (?, ?, ?, ?, ?, ?)
           RETURNING id""",
        tx.token().encode(),
        committee_id,
        member_id,
        user,
        to_us(now + within),
        claims,
    )
    # From the secret and the id, which is never used again, so that a script has the same codes whatever else it does.
    number = 0
    while True:
        seed = f"{id_}.{to_us(now)}.{number}".encode()
        code = joining.code(hmac.digest(await _secret(tx), seed, "sha256"))
        digest = await _digest(tx, code)
        if await tx.one("SELECT 1 FROM codes WHERE digest = ?", digest) is None:
            break
        number += 1
    await tx.execute("UPDATE codes SET digest = ? WHERE id = ?", digest, id_)
    return code


async def _digest(tx: Transaction, code: str) -> bytes:
    return hmac.digest(await _secret(tx), code.encode(), "sha256")


async def _secret(tx: Transaction) -> bytes:
    secret = await tx.value("SELECT value FROM meta WHERE name = 'code_secret'")
    return bytes(secret) if secret is not None else await begin(tx, (tx.token() + tx.token()).encode())


async def begin(tx: Transaction, secret: bytes) -> bytes:
    """Let all codes of this database come from a secret; practice gives one that everybody knows."""
    await tx.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('code_secret', ?)", secret)
    return secret


_CODE = "id, committee_id, member_id, user, expires_us, asked_user, taken_user, used_us, claims_id"


def _code(row: tuple[object, ...]) -> Code:
    id_, committee_id, member_id, user, expires_us, asked, taken, used_us, claims = row
    assert isinstance(id_, int)
    assert isinstance(expires_us, int)
    assert committee_id is None or isinstance(committee_id, int)
    assert member_id is None or isinstance(member_id, int)
    assert claims is None or isinstance(claims, int)
    return Code(
        id=id_,
        committee_id=committee_id,
        member_id=member_id,
        user=None if user is None else UserId(str(user)),
        expires_at=from_us(expires_us),
        asked=None if asked is None else UserId(str(asked)),
        taken=None if taken is None else UserId(str(taken)),
        used=used_us is not None,
        claims=claims,
    )


async def valid(tx: Transaction, code: str, *, now: datetime) -> Code | None:
    """What a code that connects stands for; None: there is no such code, or it is used or too old."""
    row = await tx.one(
        f"SELECT {_CODE} FROM codes WHERE digest = ? AND used_us IS NULL AND expires_us > ? AND claims_id IS NULL",
        await _digest(tx, code),
        to_us(now),
    )
    return _code(row) if row else None


async def to_claim(tx: Transaction, code: str) -> Code | None:
    """The code that hands a membership over, used or too old also; None: there is no such code."""
    row = await tx.one(f"SELECT {_CODE} FROM codes WHERE digest = ? AND claims_id IS NOT NULL", await _digest(tx, code))
    return _code(row) if row else None


async def code_by_id(tx: Reader, id_: int) -> Code | None:
    """A code that buttons speak of, used or not."""
    row = await tx.one(f"SELECT {_CODE} FROM codes WHERE id = ?", id_)
    return _code(row) if row else None


async def use(tx: Transaction, code: Code, *, now: datetime) -> None:
    """The code works no more."""
    await tx.execute("UPDATE codes SET used_us = ? WHERE id = ?", to_us(now), code.id)


async def use_for(tx: Transaction, code: Code, taken: Account, *, now: datetime) -> None:
    """The code works no more: by it, this account's person becomes one with the person of the code's account.

    What each of them has now is put down, so that it can be taken back.
    """
    assert code.user is not None
    await use(tx, code, now=now)
    maker = await account(tx, code.user)
    assert maker is not None
    accounts = [one.user for one in await accounts_of(tx, maker.person_id)]
    members = [one.id for one in (await memberships(tx, taken.person_id)).values()]
    await tx.execute(
        "UPDATE codes SET taken_user = ?, accounts = ?, members = ? WHERE id = ?",
        taken.user,
        json.dumps(accounts),
        json.dumps(members),
        code.id,
    )


async def ask(tx: Transaction, code: Code, user: UserId) -> None:
    """Whoever has this account was asked whether the code's account is theirs too."""
    await tx.execute("UPDATE codes SET asked_user = ? WHERE id = ?", user, code.id)


async def guessed_too_often(tx: Reader, user: UserId, *, now: datetime) -> bool:
    """Whether this account has tried too many wrong codes lately."""
    count = await tx.value(
        "SELECT count(*) FROM guesses WHERE user = ? AND at_us > ?", user, to_us(now - joining.GUESSES_WITHIN)
    )
    return int(count) >= joining.GUESSES_MAX


async def guessed(tx: Transaction, user: UserId, *, now: datetime) -> None:
    """This account has tried a wrong code."""
    await tx.execute("INSERT INTO guesses (user, at_us) VALUES (?, ?)", user, to_us(now))


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget wrong codes that count no more, and codes that are of no use to anybody."""
    await tx.execute("DELETE FROM guesses WHERE at_us <= ?", to_us(now - joining.GUESSES_WITHIN))
    await tx.execute("DELETE FROM codes WHERE coalesce(used_us, expires_us) < ?", to_us(now - KEPT))


# --- groups ----------------------------------------------------------------------------------------------------


async def groups_of(tx: Reader, committee_id: int) -> list[Group]:
    """The committee's groups, those in which the bot cannot write now among them; without working groups' chats."""
    rows = await tx.all(
        """SELECT id, address, topic, title, open FROM chats
           WHERE committee_id = ? AND private = 0 AND working_group_id IS NULL ORDER BY id LIMIT 50""",
        committee_id,
    )
    return [
        Group(
            place=Place(id=id_, address=ChatId(address), private=False, committee_id=committee_id, topic=topic),
            title=title,
            open=bool(is_open),
        )
        for id_, address, topic, title, is_open in rows
    ]


async def only_begun(tx: Reader, committee_id: int, person_id: int) -> bool:
    """Whether a committee is nothing yet: one group, this person as its only member ever, and no hours."""
    row = await tx.one(
        """SELECT (SELECT count(*) FROM members WHERE committee_id = ?1),
                  (SELECT count(*) FROM members WHERE committee_id = ?1 AND person_id = ?2 AND active = 1),
                  (SELECT count(*) FROM transfers WHERE committee_id = ?1),
                  (SELECT count(*) FROM chats WHERE committee_id = ?1)""",
        committee_id,
        person_id,
    )
    return row == (1, 1, 0, 1)


async def take_out_group(tx: Transaction, place: Place) -> None:
    """A chat is none of its committee's any more: what is shown there stays as it is, and nothing more is said."""
    assert place.committee_id is not None
    await tx.execute(
        "UPDATE chats SET committee_id = NULL, topic = NULL, hushed = 0, working_group_id = NULL WHERE id = ?", place.id
    )
    await tx.execute("DELETE FROM cards WHERE chat_id = ? AND committee_id = ?", place.id, place.committee_id)


# --- persons ---------------------------------------------------------------------------------------------------


async def account(tx: Reader, user: UserId) -> Account | None:
    """An account that was seen."""
    row = await tx.one("SELECT user, person_id, name, username, private_chat_id FROM identities WHERE user = ?", user)
    return _account(row) if row else None


async def accounts_of(tx: Reader, person_id: int) -> list[Account]:
    """A person's accounts."""
    rows = await tx.all(
        "SELECT user, person_id, name, username, private_chat_id FROM identities WHERE person_id = ? LIMIT 100",
        person_id,
    )
    return [_account(row) for row in rows]


async def accounts_in(tx: Reader, committee_id: int) -> list[Account]:
    """The accounts of all members of a committee."""
    rows = await tx.all(
        """SELECT i.user, i.person_id, i.name, i.username, i.private_chat_id FROM identities i
           JOIN members m ON m.person_id = i.person_id WHERE m.committee_id = ? AND m.active = 1 LIMIT 100000""",
        committee_id,
    )
    return [_account(row) for row in rows]


def _account(row: tuple[object, ...]) -> Account:
    user, person_id, name, username, private_chat = row
    assert isinstance(person_id, int)
    assert private_chat is None or isinstance(private_chat, int)
    return Account(
        user=UserId(str(user)),
        person_id=person_id,
        name=str(name),
        username=None if username is None else str(username),
        private_chat=private_chat,
    )


async def memberships(tx: Reader, person_id: int) -> dict[int, joining.Membership]:
    """A person's memberships by committee, those that have ended among them."""
    rows = await tx.all(
        """SELECT m.committee_id, m.id, m.active, r.role FROM members m
           LEFT JOIN roles r ON r.member_id = m.id AND r.until_us IS NULL
           WHERE m.person_id = ? AND m.id NOT IN (SELECT member_id FROM absorbed) ORDER BY m.id LIMIT 1000""",
        person_id,
    )
    found: dict[int, joining.Membership] = {}
    for committee_id, id_, active, role in rows:
        before = found.get(committee_id)
        roles = (before.roles if before else frozenset()) | ({role} if role else frozenset())
        found[committee_id] = joining.Membership(id=id_, active=bool(active), roles=roles)
    return found


async def absorb(tx: Transaction, old: int, into: int, *, transfer: int | None, now: datetime) -> None:
    """One membership goes into another: roles, what was proposed and agreed to, buttons. The account stays."""
    at_us = to_us(now)
    await tx.execute(
        """INSERT INTO roles (member_id, role, from_us, term_us)
           SELECT ?2, role, ?3, max(term_us, ?3 + 1) FROM roles WHERE member_id = ?1 AND until_us IS NULL
               AND role NOT IN (SELECT role FROM roles WHERE member_id = ?2 AND until_us IS NULL)""",
        old,
        into,
        at_us,
    )
    await people.leave_roles(tx, old, now=now)
    await tx.execute("UPDATE members SET active = 0, left_us = coalesce(left_us, ?) WHERE id = ?", at_us, old)
    await tx.execute(
        """UPDATE members SET (nickname, nickname_key) = (SELECT nickname, nickname_key FROM members WHERE id = ?)
           WHERE id = ? AND nickname IS NULL""",
        old,
        into,
    )
    await tx.execute(
        """INSERT INTO working_group_members (group_id, member_id, from_us)
           SELECT group_id, ?2, ?3 FROM working_group_members WHERE member_id = ?1 AND until_us IS NULL
           ON CONFLICT DO NOTHING""",
        old,
        into,
        at_us,
    )
    await tx.execute(
        "UPDATE working_group_members SET until_us = ? WHERE member_id = ? AND until_us IS NULL", at_us, old
    )
    # What is decided already stays as it was decided.
    open_ = "SELECT id FROM proposals WHERE state = 'open'"
    await tx.execute("UPDATE proposals SET proposer_id = ? WHERE proposer_id = ? AND state = 'open'", into, old)
    await tx.execute(
        f"""INSERT INTO consents (proposal_id, member_id, at_us)
            SELECT proposal_id, ?, at_us FROM consents WHERE member_id = ? AND proposal_id IN ({open_})
            ON CONFLICT DO NOTHING""",
        into,
        old,
    )
    await tx.execute(f"DELETE FROM consents WHERE member_id = ? AND proposal_id IN ({open_})", old)
    await tx.execute("UPDATE buttons SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("DELETE FROM dialogues WHERE member_id = ?", old)
    await tx.execute("UPDATE nudges SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("UPDATE visits SET member_id = ? WHERE member_id = ?", into, old)
    await enrolments.join(tx, old, into)
    await effort.join(tx, old, into)
    await pooling.join(tx, old, into)
    await exchanges.end_all(tx, old)
    await _accounts_beside(tx, old, into, now=now)
    await barter.join(tx, old, into)
    await board.join(tx, old, into)
    await lending.join(tx, old, into)
    await bookings.join(tx, old, into)
    await stock.join(tx, old, into)
    await fund.join(tx, old, into, now=now)
    await insurance.join(tx, old, into, now=now)
    await pool.join(tx, old, into)
    await orders.join(tx, old, into)
    await patterns.join(tx, old, into)
    await shifts.join(tx, old, into)
    await history.join(tx, old, into)
    await gifts.join(tx, old, into)
    await straws.join(tx, old, into)
    await availability.join(tx, old, into)
    await fair.join(tx, old, into)
    await calendars.join(tx, old, into)
    await limits.join(tx, old, into)
    await alerts.join(tx, old, into)
    await reach.join(tx, old, into)
    await sos.join(tx, old, into)
    await escalation.join(tx, old, into)
    await places.join(tx, old, into)
    await aftermath.join(tx, old, into)
    await pauses.join(tx, old, into, now=now)
    await buddies.join(tx, old, into)
    await objections.join(tx, old, into)
    await outcomes.join(tx, old, into)
    await recalls.join(tx, old, into)
    await elections.join(tx, old, into)
    await ballots.join_running(tx, old, into, now=now)
    await proxies.join(tx, old, into, now=now)
    await meetings.join(tx, old, into)
    await slots.join(tx, old, into)
    await surveys.join(tx, old, into)
    await tx.execute("UPDATE written SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("UPDATE codes SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("UPDATE codes SET claims_id = ? WHERE claims_id = ?", into, old)
    await tx.execute("UPDATE members SET helper_id = ? WHERE helper_id = ?", into, old)
    await tx.execute("UPDATE members SET invited_by = ? WHERE invited_by = ?", into, old)
    # Where nothing is set it stays so; whoever was suspended is.
    await tx.execute(
        """UPDATE members SET household_id = coalesce(members.household_id, o.household_id),
               invited_by = coalesce(members.invited_by, o.invited_by),
               suspended_until_us = max(coalesce(members.suspended_until_us, o.suspended_until_us),
                                        coalesce(o.suspended_until_us, members.suspended_until_us))
           FROM (SELECT household_id, invited_by, suspended_until_us FROM members WHERE id = ?1) o
           WHERE members.id = ?2""",
        old,
        into,
    )
    await tx.execute("UPDATE members SET household_id = NULL WHERE id = ?", old)
    await tx.execute("UPDATE absorbed SET into_id = ? WHERE into_id = ?", into, old)
    await tx.execute(
        "INSERT INTO absorbed (member_id, into_id, transfer_id, at_us) VALUES (?, ?, ?, ?)", old, into, transfer, at_us
    )


async def _accounts_beside(tx: Transaction, old: int, into: int, *, now: datetime) -> None:
    committee_id = int(await tx.value("SELECT committee_id FROM members WHERE id = ?", into))
    one, other = await people.member(tx, committee_id, old), await people.member(tx, committee_id, into)
    assert one is not None
    assert other is not None
    await transfers.come_together(tx, await people.committee(tx, committee_id), one, other, now=now)


async def join_persons(tx: Transaction, one: int, other: int, *, now: datetime) -> None:
    """Two persons are one from now on. In each committee one of their memberships must have absorbed the other."""
    # A committee has a person once: memberships that went into others stay behind with somebody without accounts.
    left_behind = await tx.all(
        "SELECT id FROM members WHERE person_id = ? AND id IN (SELECT member_id FROM absorbed) LIMIT 1000", one
    )
    if left_behind:
        nobody = await tx.value("INSERT INTO persons (language, created_us) VALUES (NULL, ?) RETURNING id", to_us(now))
        for (id_,) in left_behind:
            await tx.execute("UPDATE members SET person_id = ? WHERE id = ?", nobody, id_)
    await tx.execute(
        "UPDATE members SET person_id = ? WHERE person_id = ? AND id NOT IN (SELECT member_id FROM absorbed)",
        one,
        other,
    )
    await tx.execute("UPDATE identities SET person_id = ? WHERE person_id = ?", one, other)
    await tx.execute("UPDATE OR IGNORE wishes SET person_id = ? WHERE person_id = ?", one, other)
    await tx.execute(
        "UPDATE persons SET language = coalesce(language, (SELECT language FROM persons WHERE id = ?)) WHERE id = ?",
        other,
        one,
    )
    await tx.execute(
        "DELETE FROM persons WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM members WHERE person_id = ?1)", other
    )
    await people.name_accounts(tx, one)


async def separate(tx: Transaction, code: Code, person_id: int, *, now: datetime) -> None:
    """A person who became one by this code is two again, each with the memberships that they came with.

    Accounts that came later go with the second: whoever used the code may have brought them. In a committee where
    both had a membership, the one that went on goes back to where it came from.
    """
    await calendars.leave_person(tx, person_id)
    second = await _copied(tx, person_id, now)
    kept = await tx.one("SELECT accounts, members FROM codes WHERE id = ?", code.id)
    assert kept is not None
    for one in await accounts_of(tx, person_id):
        if one.user not in json.loads(kept[0]):
            await _move_account(tx, one, second)
    await tx.execute(
        "UPDATE members SET person_id = ? WHERE person_id = ? AND id IN (SELECT value FROM json_each(?))",
        second,
        person_id,
        kept[1],
    )


async def take_out_account(tx: Transaction, taken: Account, *, now: datetime) -> None:
    """An account is a person of its own again, without memberships; cards in its private chat stay as they are."""
    await calendars.leave_person(tx, taken.person_id)
    await _move_account(tx, taken, await _copied(tx, taken.person_id, now))


async def _copied(tx: Transaction, person_id: int, now: datetime) -> int:
    """A new person, who reads the same language."""
    return int(
        await tx.value(
            "INSERT INTO persons (language, created_us) SELECT language, ? FROM persons WHERE id = ? RETURNING id",
            to_us(now),
            person_id,
        )
    )


async def _move_account(tx: Transaction, moved: Account, person_id: int) -> None:
    await tx.execute("UPDATE identities SET person_id = ? WHERE user = ?", person_id, moved.user)
    if moved.private_chat is not None:
        await tx.execute("DELETE FROM cards WHERE chat_id = ?", moved.private_chat)
