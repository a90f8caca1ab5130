"""Transfers of hours, or of another unit, their postings, and the balances that are their fold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bot.domain import audit, ledger
from bot.text import Amount, Minutes, T, Text
from storage import entries, limits, notes, tasks, units
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member
from storage.tasks import TaskKind

HISTORY_MAX = 15

# Of a membership that went into another one, and of its account, the ones that go on.
_NOW = "coalesce((SELECT into_id FROM absorbed WHERE member_id = {0}), {0})"
_ACCOUNT_NOW = """coalesce((SELECT a.id FROM accounts o
                                JOIN absorbed b ON b.member_id = coalesce(o.member_id, o.owner_id)
                                JOIN accounts a ON (a.member_id = b.into_id AND o.kind = 'own')
                                    OR (a.owner_id = b.into_id AND a.kind = o.kind AND a.unit_id IS o.unit_id)
                                WHERE o.id = {0}), {0})"""
_CARRIES = "SELECT transfer_id FROM absorbed WHERE transfer_id IS NOT NULL UNION ALL SELECT transfer_id FROM carries"
_IS_CLOSING = "EXISTS (SELECT 1 FROM closings c WHERE c.transfer_id = t.id)"
LEGS_MAX = 100_000
"""No transfer has more: at the end of a period one may touch everybody's account."""
Kind = Literal["own", "fund", "reserve", "unit"]
"""own: a member's hours, or the committee's. fund: the common fund. reserve: somebody's own reserve in the mutual
insurance. unit: somebody's, or the committee's, account in another unit."""
FUND = "\x1ffund"
"""What stands for the common fund where names are listed; no name holds that sign."""
RESERVE, POOL = "\x1freserve", "\x1fpool"
"""What stands for reserves of the mutual insurance, whosever they are, and for the income pool."""
# How the other side of a transfer is called: "" is the committee. A member goes by their own account, or by the one in
# another unit.
_CALLED = f"""CASE a.kind WHEN 'fund' THEN '{FUND}'
    WHEN 'reserve' THEN CASE WHEN a.owner_id IS NULL THEN '{POOL}' ELSE '{RESERVE}' END
    ELSE coalesce(m.called, '') END"""
_WHOSE = "CASE a.kind WHEN 'unit' THEN a.owner_id ELSE a.member_id END"
# In which unit a transfer is; NULL: hours.
_UNIT = """(SELECT a.unit_id FROM postings p JOIN accounts a ON a.id = p.account_id
            WHERE p.transfer_id = t.id LIMIT 1)"""
_FLOOR = """CASE WHEN a.kind IN ('fund', 'reserve') THEN 0
                 WHEN a.kind = 'unit' AND a.owner_id IS NOT NULL THEN u.floor
                 WHEN a.kind = 'unit' AND u.kind = 'money' THEN 0 END"""
"""The lowest balance of an account beside the own ones: of a unit's, what the committee has set for its members; and
from its own purse nobody pays what is not there."""


def called(name: str) -> str | Text:
    """The name of a side of a transfer, in words where it is nobody's."""
    match name:
        case "":
            return T("the committee")
        case _ if name == FUND:
            return T("the fund")
        case _ if name == RESERVE:
            return T("the mutual insurance")
        case _ if name == POOL:
            return T("the income pool")
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One transfer as a member reads it."""

    id: int
    number: int
    minutes: Minutes
    """What the account gained or, below zero, lost."""
    others: tuple[str, ...]
    """The other side: whoever gave, or gained, while this account did the opposite; "": the committee itself; `FUND`:
    the common fund; `RESERVE`, `POOL`: of the mutual insurance, and the income pool."""
    note: str | None
    reverses: int | None
    """The number of the transfer that this one undoes."""
    reversed: bool
    at: datetime
    closing: bool = False
    """Done for all at the end of a month: its other side is nobody, or the fund or another common account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What somebody gains by a transfer or, below zero, gives."""

    account_id: int
    member_id: int | None
    """None: the committee's own account, the fund's, or a reserve."""
    name: str
    """"": the committee; `FUND`: the common fund; `RESERVE`: a reserve."""
    minutes: Minutes
    """Or, where there is a unit, hundredths of that."""
    unit: Text | None = None
    """What it is counted in; None: in hours."""

    @property
    def quantity(self) -> Minutes | Text:
        """How much it is, without its sign, to be put into sentences."""
        return quantity(abs(self.minutes), self.unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One transfer as its card shows it."""

    number: int
    parts: tuple[Part, ...]
    """Whoever gives first, then whoever gains, each in the order in which they joined; the committee last."""
    recorder_id: int
    recorder: str | None
    """Whoever recorded it in the giver's name; None: the giver did."""
    reversed: bool
    reverses: int | None
    at: datetime
    pooled: tuple[Part, ...] = ()
    """Those who helped and pool what they earn: what they would have gained is the fund's."""
    unit: int | None = None
    """The id of the unit that it is in; None: hours."""

    @property
    def giving(self) -> tuple[Part, ...]:
        """Those who give hours."""
        return tuple(part for part in self.parts if part.minutes < 0)

    @property
    def gaining(self) -> tuple[Part, ...]:
        """Those who gain hours."""
        return tuple(part for part in self.parts if part.minutes > 0)


def quantity(amount: int, unit: Text | None) -> Minutes | Text:
    """Minutes, or hundredths of a unit that is called so, to be put into sentences."""
    return Minutes(amount) if unit is None else T("{amount} {unit}", amount=Amount(amount), unit=unit)


async def account(tx: Reader, committee: Committee, member: Member) -> ledger.Account:
    """The member's hours in this committee. Raises NoHours for a child."""
    if member.child:
        raise ledger.NoHours(member.name)
    found = await accounts_of(tx, committee, [member])
    return found[member.id]


async def accounts_of(tx: Reader, committee: Committee, members: Sequence[Member]) -> dict[int, ledger.Account]:
    """The hours of members, by the member's id. Raises NoHours where one of them is a child."""
    for member in members:
        if member.child:
            raise ledger.NoHours(member.name)
    marks = ", ".join("?" * len(members))
    rows = await tx.all(
        f"SELECT member_id, id, balance, held FROM accounts WHERE member_id IN ({marks}) LIMIT 1000",
        *(member.id for member in members),
    )
    floors = await limits.floors_of(tx, committee.id, committee.floor, [id_ for _, id_, _, _ in rows])
    return {
        member_id: ledger.Account(
            id=id_,
            balance=Minutes(balance),
            floor=floors[id_],
            held=Minutes(held),
        )
        for member_id, id_, balance, held in rows
    }


async def accounts_by_id(tx: Reader, committee: Committee, ids: Iterable[int]) -> list[ledger.Account]:
    """Accounts of this committee as they are now, its own among them; that has no limit. Whatever their unit."""
    wanted = sorted(set(ids))
    marks = ", ".join("?" * len(wanted))
    rows = await tx.all(
        f"""SELECT a.id, a.balance, a.held, a.member_id IS NOT NULL, {_FLOOR}, a.unit_id
            FROM accounts a LEFT JOIN units u ON u.id = a.unit_id
            WHERE a.committee_id = ? AND a.id IN ({marks}) ORDER BY a.id LIMIT {LEGS_MAX}""",
        committee.id,
        *wanted,
    )
    floors = await limits.floors_of(tx, committee.id, committee.floor, [row[0] for row in rows if row[3]])
    return [
        ledger.Account(
            id=id_,
            balance=Minutes(balance),
            floor=floors[id_] if member else _limit(floor),
            held=Minutes(held),
            unit=unit,
        )
        for id_, balance, held, member, floor, unit in rows
    ]


def _limit(floor: int | None) -> Minutes | None:
    return None if floor is None else Minutes(floor)


async def above(tx: Reader, committee: Committee, minutes: Minutes) -> dict[int, Minutes]:
    """What members have, by account, of whom each has more than so much, not counting what they have promised."""
    rows = await tx.all(
        """SELECT a.id, a.balance - a.held FROM accounts a JOIN members m ON m.id = a.member_id
           WHERE a.committee_id = ? AND a.balance - a.held > ? AND m.active = 1 AND m.child = 0
           ORDER BY a.id LIMIT ?""",
        committee.id,
        minutes,
        LEGS_MAX,
    )
    return {id_: Minutes(available) for id_, available in rows}


async def committee_account(tx: Reader, committee: Committee) -> ledger.Account:
    """The committee's own account, which it has from its founding on; it has no limit."""
    row = await tx.one(
        "SELECT id, balance, held FROM accounts WHERE committee_id = ? AND member_id IS NULL AND kind = 'own'",
        committee.id,
    )
    assert row is not None, "every committee has an account"
    return ledger.Account(id=row[0], balance=Minutes(row[1]), floor=None, held=Minutes(row[2]))


async def beside(
    tx: Transaction, committee: Committee, kind: Kind, *, owner: Member | None = None, unit: int | None = None
) -> ledger.Account:
    """The fund's account, a member's reserve, or an account in another unit (without an owner: the committee's).

    It is opened where there is none yet.
    """
    assert kind != "own"
    # That it is no own account is said in the statements, too: else their index is not used.
    await tx.execute(
        """INSERT INTO accounts (committee_id, kind, owner_id, unit_id) SELECT ?1, ?2, ?3, ?4
           WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE committee_id = ?1 AND kind = ?2 AND kind <> 'own'
                             AND coalesce(owner_id, 0) = coalesce(?3, 0) AND coalesce(unit_id, 0) = coalesce(?4, 0))""",
        committee.id,
        kind,
        None if owner is None else owner.id,
        unit,
    )
    row = await tx.one(
        f"""SELECT a.id, a.balance, a.held, {_FLOOR} FROM accounts a LEFT JOIN units u ON u.id = a.unit_id
            WHERE a.committee_id = ?1 AND a.kind = ?2 AND a.kind <> 'own'
            AND coalesce(a.owner_id, 0) = coalesce(?3, 0) AND coalesce(a.unit_id, 0) = coalesce(?4, 0)""",
        committee.id,
        kind,
        None if owner is None else owner.id,
        unit,
    )
    assert row is not None
    return ledger.Account(id=row[0], balance=Minutes(row[1]), floor=_limit(row[3]), held=Minutes(row[2]), unit=unit)


async def fund_account(tx: Reader, committee: Committee) -> int | None:
    """The id of the common fund's account; None: it has none yet."""
    found = await tx.value("SELECT id FROM accounts WHERE committee_id = ? AND kind = 'fund'", committee.id)
    return None if found is None else int(found)


async def in_fund(tx: Reader, committee: Committee) -> Minutes:
    """What is in the common fund, in hours."""
    return Minutes(
        await tx.value(
            "SELECT coalesce(sum(balance), 0) FROM accounts WHERE committee_id = ? AND kind = 'fund'", committee.id
        )
    )


async def accounts(
    tx: Reader, committee: Committee, giver: Member, receiver: Member
) -> tuple[ledger.Account, ledger.Account]:
    """The hours of two members (who may be one). Raises NoHours where one of them is a child."""
    found = await accounts_of(tx, committee, [giver, receiver])
    return found[giver.id], found[receiver.id]


async def record(
    tx: Transaction,
    committee: Committee,
    transfer: ledger.Transfer,
    *,
    recorder: Member,
    note: str = "",
    reverses: int | None = None,
    policy: tuple[str, int] | None = None,
    scheme: int = 0,
    plain: Sequence[ledger.Posting] = (),
    past_limit: Sequence[int] = (),
    carried: bool = False,
    closes: tuple[str, str] | None = None,
    kind: TaskKind | None = None,
) -> tuple[int, int]:
    """Write a transfer into the books: postings, balances and a chained entry. Returns its id and its number here.

    `policy`: name and version of what quoted it. `scheme`: the version of what the committee has decided about how
    hours are counted. `plain`: the plain hours from which it was counted. `past_limit`: accounts that an undo takes
    below their limit. `carried`: nobody gave anything, hours went from one account to another. `closes`: what is done
    by it at the end of which period, which the books take once. `kind`: of which kind of task it was, where hours count
    by effort.
    """
    # One question for all that the next transfer follows on. There is an entry: the committee's founding.
    row = await tx.one(
        f"""SELECT (SELECT coalesce(max(id), 0) FROM transfers) + 1,
                   (SELECT coalesce(max(number), 0) FROM transfers WHERE committee_id = ?) + 1,
                   {entries.HEAD} {entries.LAST}""",
        committee.id,
        committee.id,
    )
    assert row is not None
    id_, number, *head = row
    body: dict[str, object] = {
        "number": number,
        "recorder": recorder.id,
        "postings": [[posting.account_id, posting.minutes] for posting in transfer.postings],
    }
    if note:
        body["note"] = await notes.keep(tx, f"transfer:{id_}", note)
    if transfer.unit is not None:
        body["unit"] = transfer.unit
    if reverses is not None:
        body["reverses"] = reverses
    if policy is not None:
        body["policy"] = [*policy]
    if scheme:
        body["scheme"] = scheme
    if plain and ledger.balances(plain) != ledger.balances(transfer.postings):
        body["plain"] = [[posting.account_id, posting.minutes] for posting in plain]
    if kind is not None:
        body["task"] = [kind.id, kind.task_class]
    if closes is not None:
        body["closes"] = [*closes]
    if past_limit:
        body["past_limit"] = [*past_limit]
    entry = await entries.follow(tx, committee, tuple(head), "transfer", body, now=transfer.at)
    # Two statements for all postings: a period's end may touch everybody's account.
    legs = json.dumps([[leg.account_id, leg.minutes, transfer.floors.get(leg.account_id)] for leg in transfer.postings])
    await tx.execute(
        """INSERT INTO postings (transfer_id, account_id, minutes)
           SELECT ?, value ->> 0, value ->> 1 FROM json_each(?)""",
        id_,
        legs,
    )
    # The rules have looked at limit and unit already; this is the last place where they can be passed by.
    await tx.execute(
        """UPDATE accounts SET balance = balance + leg.minutes
           FROM (SELECT value ->> 0 AS id, value ->> 1 AS minutes, value ->> 2 AS floor FROM json_each(?1)) AS leg
           WHERE accounts.id = leg.id AND (leg.floor IS NULL OR balance - held + leg.minutes >= leg.floor)
             AND accounts.unit_id IS ?2""",
        legs,
        transfer.unit,
    )
    moved = await tx.value("SELECT changes()")
    assert moved == len(transfer.postings), "no transfer leaves an account below its limit, or mixes units"
    for posting in transfer.postings if closes is None and transfer.unit is None else ():
        await limits.watch(
            tx,
            committee.id,
            posting.account_id,
            minutes=posting.minutes,
            floor=transfer.floors.get(posting.account_id, committee.floor),
            now=transfer.at,
        )
    counts = closes is None and transfer.unit is None
    if not carried and counts and not (reverses is not None and await _is_closing(tx, reverses)):
        await limits.count(tx, transfer, undone=reverses is not None)
    await tx.execute(
        """INSERT INTO transfers (id, committee_id, number, entry, recorder_id, reverses_id, at_us)
           VALUES (?, ?, ?, ?, ?, ?, ?)""",
        id_,
        committee.id,
        number,
        entry.number,
        recorder.id,
        reverses,
        to_us(transfer.at),
    )
    await tasks.keep(tx, committee.id, id_, policy, kind, now=transfer.at)
    for leg in pooled(plain, transfer.postings) if policy is not None and policy[0] == "pooled" else ():
        await tx.execute(
            "INSERT INTO pooled (transfer_id, account_id, minutes) VALUES (?, ?, ?)", id_, leg.account_id, leg.minutes
        )
    if closes is not None:
        await tx.execute(
            "INSERT INTO closings (committee_id, what, period, transfer_id, at_us) VALUES (?, ?, ?, ?, ?)",
            committee.id,
            *closes,
            id_,
            to_us(transfer.at),
        )
    return id_, number


async def _is_closing(tx: Reader, transfer_id: int) -> bool:
    """Whether it was done for all at the end of a period: nobody gave anybody anything."""
    return await tx.one("SELECT 1 FROM closings WHERE transfer_id = ?", transfer_id) is not None


def pooled(plain: Sequence[ledger.Posting], legs: Sequence[ledger.Posting]) -> list[ledger.Posting]:
    """What was earned by those who pool: of the plain hours, what they have not gained."""
    there = {leg.account_id for leg in legs}
    return [leg for leg in plain if leg.minutes > 0 and leg.account_id not in there]


async def recorded(tx: Reader, committee: Committee, transfer_id: int) -> ledger.Recorded | None:
    """A transfer of this committee as it stands in the books, between the accounts as they are now."""
    row = await tx.one(
        f"""SELECT t.number, {_NOW.format("t.recorder_id")}, t.reverses_id, t.at_us,
                  EXISTS (SELECT 1 FROM transfers r WHERE r.reverses_id = t.id),
                  t.id IN ({_CARRIES}), {_UNIT},
                  EXISTS (SELECT 1 FROM closings c WHERE c.transfer_id = t.id)
           FROM transfers t WHERE t.id = ? AND t.committee_id = ?""",
        transfer_id,
        committee.id,
    )
    if row is None:
        return None
    number, recorder_id, reverses_id, at_us, is_reversed, is_carry, unit, is_closing = row
    postings = await tx.all(
        f"""SELECT {_ACCOUNT_NOW.format("p.account_id")}, p.minutes FROM postings p
            WHERE p.transfer_id = ? ORDER BY p.account_id LIMIT {LEGS_MAX}""",
        transfer_id,
    )
    return ledger.Recorded(
        transfer=ledger.Transfer(
            postings=tuple(ledger.Posting(account_id, Minutes(minutes)) for account_id, minutes in postings),
            at=from_us(at_us),
            unit=unit,
        ),
        number=number,
        recorder_id=None if is_closing else recorder_id,
        is_reversal=reverses_id is not None,
        is_reversed=bool(is_reversed),
        is_carry=bool(is_carry),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A transfer as its chained entry says it. `undoes`: the number of the one that it takes back."""

    number: int
    body: Mapping[str, Any]
    undoes: int | None
    at: datetime


async def written(tx: Reader, committee: Committee, transfer_id: int) -> Written:
    """What stands in the entry of a transfer of this committee."""
    row = await tx.one(
        """SELECT t.number, e.body, u.number, t.at_us FROM transfers t
           JOIN entries e ON e.committee_id = t.committee_id AND e.number = t.entry
           LEFT JOIN transfers u ON u.id = t.reverses_id WHERE t.id = ? AND t.committee_id = ?""",
        transfer_id,
        committee.id,
    )
    assert row is not None
    return Written(number=row[0], body=json.loads(row[1]), undoes=row[2], at=from_us(row[3]))


async def id_of_number(tx: Reader, committee: Committee, number: int) -> int | None:
    """The id of the committee's transfer with this number."""
    row = await tx.one("SELECT id FROM transfers WHERE committee_id = ? AND number = ?", committee.id, number)
    return row[0] if row else None


async def id_of_reversal(tx: Reader, transfer_id: int) -> int | None:
    """The id of the transfer that undid this one."""
    row = await tx.one("SELECT id FROM transfers WHERE reverses_id = ?", transfer_id)
    return row[0] if row else None


async def newest_by(tx: Reader, recorder: Member) -> int | None:
    """The id of the newest transfer that this member recorded and that is not an undo."""
    row = await tx.one(
        f"""SELECT id FROM transfers
            WHERE recorder_id IN (SELECT ?1 UNION ALL SELECT member_id FROM absorbed WHERE into_id = ?1)
              AND reverses_id IS NULL AND id NOT IN ({_CARRIES})
              AND id NOT IN (SELECT transfer_id FROM closings WHERE transfer_id IS NOT NULL)
            ORDER BY id DESC LIMIT 1""",
        recorder.id,
    )
    return row[0] if row else None


async def exchange(tx: Reader, committee: Committee, transfer_id: int) -> Exchange | None:
    """What the card of a transfer shows."""
    row = await tx.one(
        f"""SELECT t.number, t.recorder_id, EXISTS (SELECT 1 FROM transfers u WHERE u.reverses_id = t.id),
                  (SELECT u.number FROM transfers u WHERE u.id = t.reverses_id), t.at_us, coalesce(w.nickname, w.name),
                  w.id, {_UNIT}
           FROM transfers t JOIN members w ON w.id = {_NOW.format("t.recorder_id")}
           WHERE t.id = ? AND t.committee_id = ?""",
        transfer_id,
        committee.id,
    )
    if row is None:
        return None
    number, recorder_id, is_reversed, reverses, at_us, recorder, recorder_now, unit = row
    parts = await parts_of(
        tx,
        await tx.all(
            f"SELECT account_id, minutes FROM postings WHERE transfer_id = ? ORDER BY account_id LIMIT {LEGS_MAX}",
            transfer_id,
        ),
    )
    pooled = await parts_of(
        tx,
        await tx.all(
            f"SELECT account_id, minutes FROM pooled WHERE transfer_id = ? ORDER BY account_id LIMIT {LEGS_MAX}",
            transfer_id,
        ),
    )
    own = {part.member_id for part in (*parts, *pooled)}
    return Exchange(
        number=number,
        parts=parts,
        recorder_id=recorder_id,
        recorder=recorder if recorder_now not in own else None,
        reversed=bool(is_reversed),
        reverses=reverses,
        at=from_us(at_us),
        pooled=pooled,
        unit=unit,
    )


async def parts_of(tx: Reader, legs: Iterable[tuple[int, int]]) -> tuple[Part, ...]:
    """Accounts and minutes with the members' names as they are now."""
    found = []
    names: dict[int, Text] = {}
    for account_id, minutes in legs:
        row = await tx.one(
            f"""SELECT m.id, {_CALLED}, a.unit_id FROM accounts a LEFT JOIN members m ON m.id = {_NOW.format(_WHOSE)}
                WHERE a.id = ?""",
            account_id,
        )
        assert row is not None
        member_id, name, unit = row
        if unit is not None and unit not in names:
            names[unit] = await units.called(tx, unit)
        found.append(
            Part(
                account_id=account_id,
                member_id=member_id,
                name=name,
                minutes=Minutes(minutes),
                unit=None if unit is None else names[unit],
            )
        )
    return tuple(sorted(found, key=lambda part: (part.minutes > 0, part.member_id is None, part.member_id)))


async def parties(tx: Reader, transfer_id: int) -> set[int]:
    """The ids of the members whose accounts a transfer touches, or who pool what they earned by it, as they are now."""
    whose = "coalesce(a.member_id, a.owner_id)"
    rows = await tx.all(
        f"""SELECT DISTINCT {_NOW.format(whose)} FROM accounts a
            WHERE {whose} IS NOT NULL AND a.id IN (SELECT account_id FROM postings WHERE transfer_id = ?1
                UNION ALL SELECT account_id FROM pooled WHERE transfer_id = ?1) LIMIT {LEGS_MAX}""",
        transfer_id,
    )
    return {member_id for (member_id,) in rows}


async def recent(tx: Reader, member: Member) -> list[Line]:
    """The newest transfers of a member's accounts, in any unit, newest first, with those of accounts that went into
    them."""
    rows = await tx.all(
        f"""SELECT t.id, t.number, p.minutes, n.text,
                  (SELECT u.number FROM transfers u WHERE u.id = t.reverses_id),
                  EXISTS (SELECT 1 FROM transfers u WHERE u.reverses_id = t.id), t.at_us, {_IS_CLOSING}
           FROM (SELECT own.transfer_id, own.account_id, own.minutes
                 FROM accounts a JOIN postings own ON own.account_id = a.id
                 WHERE (a.member_id IN (SELECT ?1 UNION ALL SELECT member_id FROM absorbed WHERE into_id = ?1)
                        OR (a.kind = 'unit' AND a.owner_id IN
                            (SELECT ?1 UNION ALL SELECT member_id FROM absorbed WHERE into_id = ?1)))
                   AND own.transfer_id NOT IN ({_CARRIES})
                 ORDER BY own.transfer_id DESC, own.minutes LIMIT ?2) p
           JOIN transfers t ON t.id = p.transfer_id
           LEFT JOIN notes n ON n.thing = 'transfer:' || t.id
           ORDER BY p.transfer_id DESC, p.minutes""",
        member.id,
        HISTORY_MAX,
    )
    marks = ", ".join("?" * len(rows))
    names: dict[tuple[int, bool], list[str]] = {}
    for transfer_id, gains, name in await tx.all(
        f"""SELECT p.transfer_id, p.minutes > 0, {_CALLED}
            FROM postings p JOIN accounts a ON a.id = p.account_id
            LEFT JOIN members m ON m.id = {_NOW.format(_WHOSE)}
            WHERE p.transfer_id IN ({marks})
              AND (a.kind NOT IN ('own', 'unit')
                   OR NOT EXISTS (SELECT 1 FROM closings c WHERE c.transfer_id = p.transfer_id))
            GROUP BY p.transfer_id, p.minutes > 0, CASE a.kind WHEN 'reserve' THEN -1 ELSE a.id END
            ORDER BY min(p.account_id) LIMIT {LEGS_MAX}""",
        *(row[0] for row in rows),
    ):
        names.setdefault((transfer_id, bool(gains)), []).append(name)
    return [
        Line(
            id=id_,
            number=number,
            minutes=Minutes(minutes),
            others=tuple(names.get((id_, minutes < 0), ())),
            note=note,
            reverses=reverses,
            reversed=bool(is_reversed),
            at=from_us(at_us),
            closing=bool(is_closing),
        )
        for id_, number, minutes, note, reverses, is_reversed, at_us, is_closing in rows
    ]


async def unbalanced(tx: Reader) -> list[int]:
    """Ids of accounts whose balance is not the fold of their postings: always none."""
    rows = await tx.all(
        """SELECT a.id FROM accounts a LEFT JOIN postings p ON p.account_id = a.id
           GROUP BY a.id HAVING a.balance <> coalesce(sum(p.minutes), 0) LIMIT 100"""
    )
    return [id_ for (id_,) in rows]


async def total(tx: Reader, committee_id: int) -> int:
    """The sum of all balances in hours in a committee: always zero."""
    return (await uneven(tx, committee_id)).get(None, 0)


async def uneven(tx: Reader, committee_id: int) -> dict[int | None, int]:
    """What balances sum to, by unit (None: hours), where it is not zero: nowhere, ever."""
    rows = await tx.all(
        "SELECT id, balance FROM accounts WHERE committee_id = ? AND balance <> 0 LIMIT 1000000", committee_id
    )
    return audit.sums(rows, await units_of(tx, committee_id))


async def units_of(tx: Reader, committee_id: int) -> dict[int, int]:
    """By account, in which unit it is; those in hours are left out."""
    rows = await tx.all(
        "SELECT id, unit_id FROM accounts WHERE committee_id = ? AND unit_id IS NOT NULL LIMIT 1000000", committee_id
    )
    return dict(rows)


async def come_together(tx: Transaction, committee: Committee, old: Member, into: Member, *, now: datetime) -> None:
    """Two memberships become one: what the one has in other units than hours is the other's.

    An account in a unit in which the other has none changes hands as it is; else what is on it is carried over.
    """
    mine = await tx.all(
        "SELECT id, unit_id FROM accounts WHERE owner_id = ? AND kind = 'unit' ORDER BY id LIMIT 1000", old.id
    )
    for id_, unit in mine:
        there = await tx.value(
            "SELECT id FROM accounts WHERE owner_id = ? AND kind = 'unit' AND unit_id = ?", into.id, unit
        )
        if there is None:
            await tx.execute("UPDATE accounts SET owner_id = ? WHERE id = ?", into.id, id_)
            continue
        found = {one.id: one for one in await accounts_by_id(tx, committee, [id_, int(there)])}
        transfer = ledger.carry(found[id_], found[int(there)], at=now)
        if transfer is not None:
            carried, _ = await record(tx, committee, transfer, recorder=into, carried=True)
            await tx.execute("INSERT INTO carries (transfer_id) VALUES (?)", carried)
