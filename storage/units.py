"""Units beside hours: those of a committee, what somebody has in them, and what moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain.units import UnitKind
from bot.text import Amount, T, Text, Written
from storage import notes
from storage.database import Reader, Transaction
from storage.instants import from_us
from storage.people import Committee, Member

UNITS_MAX = 12
"""So many units a committee may have at once."""
_MINE = "(SELECT ?1 UNION ALL SELECT member_id FROM absorbed WHERE into_id = ?1)"


_STANDING = f"""FROM accounts a JOIN postings p ON p.account_id = a.id JOIN transfers t ON t.id = p.transfer_id
    WHERE a.kind = 'unit' AND a.unit_id = u.id AND a.owner_id IN {_MINE} AND t.reverses_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM transfers r WHERE r.reverses_id = t.id)
      AND NOT EXISTS (SELECT 1 FROM carries c WHERE c.transfer_id = t.id)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit of a committee. `floor`: the lowest balance of a member, in hundredths; None: there is none."""

    id: int
    committee_id: int
    kind: UnitKind
    floor: Amount | None
    open: bool
    words: Written | None
    """Its name; None: that is erased."""

    @property
    def thing(self) -> str:
        """The thing whose note is its name."""
        return f"unit:{self.id}"

    @property
    def called(self) -> Text:
        """Its name, to be put into sentences."""
        return T("(erased)") if self.words is None else T("{title}", title=self.words)

    def amount(self, hundredths: int) -> Text:
        """So much of it, to be put into sentences."""
        return T("{amount} {unit}", amount=Amount(hundredths), unit=self.called)


_UNIT = "id, committee_id, kind, floor, open"


async def _unit(tx: Reader, row: Sequence[Any]) -> Unit:
    id_, committee_id, kind, floor, open_ = row
    return Unit(
        id=id_,
        committee_id=committee_id,
        kind=kind,
        floor=None if floor is None else Amount(floor),
        open=bool(open_),
        words=await notes.written(tx, f"unit:{id_}"),
    )


async def make(
    tx: Transaction, committee: Committee, name: str, kind: UnitKind, floor: Amount | None
) -> tuple[Unit, str]:
    """From now on the committee has this unit; it, and the salted hash of its name for the chain."""
    id_ = await tx.value(
        "INSERT INTO units (committee_id, kind, floor) VALUES (?, ?, ?) RETURNING id", committee.id, kind, floor
    )
    hashed = await notes.keep(tx, f"unit:{id_}", name)
    found = await unit(tx, committee.id, int(id_))
    assert found is not None
    return found, hashed


async def set_floor(tx: Transaction, of: Unit, floor: Amount | None) -> None:
    """From now on nobody pays below it."""
    await tx.execute("UPDATE units SET floor = ? WHERE id = ?", floor, of.id)


async def close(tx: Transaction, of: Unit) -> None:
    """From now on nobody pays in it."""
    await tx.execute("UPDATE units SET open = 0 WHERE id = ?", of.id)


async def unit(tx: Reader, committee_id: int, id_: int) -> Unit | None:
    """One of the units that the committee has, or had."""
    row = await tx.one(f"SELECT {_UNIT} FROM units WHERE committee_id = ? AND id = ?", committee_id, id_)
    return await _unit(tx, row) if row else None


async def called(tx: Reader, id_: int) -> Text:
    """What a unit is called, to be put into sentences."""
    name = await notes.written(tx, f"unit:{id_}")
    return T("(erased)") if name is None else T("{title}", title=name)


async def open_ones(tx: Reader, committee_id: int) -> list[Unit]:
    """The units that a committee has now, beside hours, the oldest first; at most `UNITS_MAX`."""
    rows = await tx.all(
        f"SELECT {_UNIT} FROM units WHERE committee_id = ? AND open = 1 ORDER BY id LIMIT ?", committee_id, UNITS_MAX
    )
    return [await _unit(tx, row) for row in rows]


async def not_at_zero(tx: Reader, of: Unit) -> list[int]:
    """The accounts in it on which there is something, or less than nothing."""
    rows = await tx.all(
        """SELECT id FROM accounts WHERE committee_id = ? AND kind = 'unit' AND unit_id = ? AND balance <> 0
           ORDER BY id LIMIT 1000000""",
        of.committee_id,
        of.id,
    )
    return [id_ for (id_,) in rows]


# --- what somebody has -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What somebody has in a unit, and all that they ever paid and were paid in it, in hundredths.

    What was taken back counts in neither.
    """

    unit: Unit
    balance: Amount
    paid: Amount
    got: Amount


async def wallet(tx: Reader, member: Member) -> list[Holding]:
    """What a member has in each unit of the committee: those that are open, and closed ones in which they paid."""
    rows = await tx.all(
        f"""SELECT u.id, u.committee_id, u.kind, u.floor, u.open,
                   (SELECT coalesce(sum(a.balance), 0) FROM accounts a
                    WHERE a.kind = 'unit' AND a.unit_id = u.id AND a.owner_id IN {_MINE}),
                   (SELECT coalesce(sum(-p.minutes), 0) {_STANDING} AND p.minutes < 0),
                   (SELECT coalesce(sum(p.minutes), 0) {_STANDING} AND p.minutes > 0)
            FROM units u WHERE u.committee_id = ?2
              AND (u.open = 1 OR EXISTS (SELECT 1 FROM accounts a WHERE a.kind = 'unit' AND a.unit_id = u.id
                                         AND a.owner_id IN {_MINE} AND a.balance <> 0))
            ORDER BY u.id LIMIT 100""",
        member.id,
        member.committee_id,
    )
    return [
        Holding(unit=await _unit(tx, row[:5]), balance=Amount(row[5]), paid=Amount(row[6]), got=Amount(row[7]))
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One payment as a member reads it."""

    id: int
    number: int
    amount: Amount
    """What they were paid or, below zero, paid."""
    other: str
    """The other side; "": the committee."""
    reverses: int | None
    """The number of the payment that this one takes back."""
    reversed: bool
    closed: bool
    """By it the unit came to its end."""
    left_behind: bool
    """By it the committee took over what they had left."""
    at: datetime


async def moved(tx: Reader, member: Member, of: Unit, *, skip: int, limit: int) -> tuple[list[Moved], int]:
    """What a member paid and was paid in a unit, the newest first; and how many there are in all."""
    where = f"""FROM accounts a JOIN postings p ON p.account_id = a.id JOIN transfers t ON t.id = p.transfer_id
        WHERE a.kind = 'unit' AND a.unit_id = ?2 AND a.owner_id IN {_MINE}
          AND t.id NOT IN (SELECT transfer_id FROM carries)"""
    rows = await tx.all(
        f"""SELECT t.id, t.number, p.minutes,
                   (SELECT coalesce(m.called, '') FROM postings q JOIN accounts b ON b.id = q.account_id
                    LEFT JOIN members m ON m.id = coalesce((SELECT into_id FROM absorbed WHERE member_id = b.owner_id),
                                                           b.owner_id)
                    WHERE q.transfer_id = t.id AND q.account_id <> p.account_id ORDER BY b.owner_id IS NULL LIMIT 1),
                   (SELECT v.number FROM transfers v WHERE v.id = t.reverses_id),
                   EXISTS (SELECT 1 FROM transfers r WHERE r.reverses_id = t.id),
                   EXISTS (SELECT 1 FROM closings c WHERE c.transfer_id = t.id),
                   EXISTS (SELECT 1 FROM leftovers l WHERE l.transfer_id = t.id), t.at_us
            {where} ORDER BY t.id DESC LIMIT ?3 OFFSET ?4""",
        member.id,
        of.id,
        limit,
        skip,
    )
    count = await tx.value(f"SELECT count(*) {where}", member.id, of.id)
    return [
        Moved(
            id=id_,
            number=number,
            amount=Amount(amount),
            other=other or "",
            reverses=reverses,
            reversed=bool(is_reversed),
            closed=bool(closed),
            left_behind=bool(left_behind),
            at=from_us(at_us),
        )
        for id_, number, amount, other, reverses, is_reversed, closed, left_behind, at_us in rows
    ], int(count)


async def left(tx: Reader, member_id: int) -> list[tuple[Unit, int, Amount]]:
    """Local units in which somebody has something or owes some: each with their account and its balance.

    Of money nobody has a balance: there is nothing to be left.
    """
    rows = await tx.all(
        """SELECT u.id, u.committee_id, u.kind, u.floor, u.open, a.id, a.balance
           FROM accounts a JOIN units u ON u.id = a.unit_id
           WHERE a.owner_id = ? AND a.kind = 'unit' AND a.balance <> 0 AND u.kind = 'local' ORDER BY u.id LIMIT 100""",
        member_id,
    )
    return [(await _unit(tx, row[:5]), row[5], Amount(row[6])) for row in rows]
