"""What statements, exports and statistics read: one account's lines of a stretch of time, or the whole books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from bot.domain import statements, statistics
from bot.text import Minutes
from storage import board, notes
from storage.database import Reader
from storage.instants import from_us, to_us
from storage.people import Committee, Member
from storage.transfers import _ACCOUNT_NOW, _CALLED, _CARRIES, _IS_CLOSING, _NOW, Line, committee_account

LINES_MAX = 10_000
"""No member has more exchanges in one statement."""
POSTINGS_MAX = 5_000_000
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(9999, 1, 1, tzinfo=UTC)
_OWN = """SELECT a.id FROM accounts a
          WHERE a.member_id IN (SELECT ?1 UNION ALL SELECT member_id FROM absorbed WHERE into_id = ?1)"""

_BESIDE = """SELECT b.transfer_id FROM accounts a JOIN postings b ON b.account_id = a.id
             WHERE a.committee_id = ?1 AND a.kind <> 'own'"""
"""Transfers that touch more than the hours of members and of the committee."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What moved on a member's account: newest first, with what was on it before and after."""

    opening: Minutes
    closing: Minutes
    lines: tuple[Line, ...]
    count: int
    """How many lines there are in all; `lines` may be one page of them."""


async def statement(
    tx: Reader,
    member: Member,
    *,
    first: datetime | None = None,
    until: datetime | None = None,
    skip: int = 0,
    limit: int = LINES_MAX,
) -> Statement:
    """A member's account from an instant on (None: from the beginning) until before another one."""
    since, before = to_us(first or _BEGINNING), to_us(until or _END)
    row = await tx.one(
        f"""SELECT coalesce(sum(p.minutes) FILTER (WHERE t.at_us < ?2), 0),
                   coalesce(sum(p.minutes), 0),
                   count(*) FILTER (WHERE t.at_us >= ?2 AND t.id NOT IN ({_CARRIES}))
            FROM postings p JOIN transfers t ON t.id = p.transfer_id
            WHERE p.account_id IN ({_OWN}) AND t.at_us < ?3""",
        member.id,
        since,
        before,
    )
    assert row is not None
    opening, closing, count = row
    rows = await tx.all(
        f"""SELECT t.id, t.number, p.minutes, n.text,
                   (SELECT u.number FROM transfers u WHERE u.id = t.reverses_id),
                   EXISTS (SELECT 1 FROM transfers u WHERE u.reverses_id = t.id), t.at_us, {_IS_CLOSING},
                   (SELECT group_concat(name, char(30)) FROM (
                        SELECT {_CALLED} AS name FROM postings q JOIN accounts a ON a.id = q.account_id
                        LEFT JOIN members m ON m.id = {_NOW.format("a.member_id")}
                        WHERE q.transfer_id = t.id AND (q.minutes > 0) = (p.minutes < 0)
                          AND (a.kind <> 'own' OR NOT {_IS_CLOSING})
                        GROUP BY CASE a.kind WHEN 'reserve' THEN -1 ELSE a.id END ORDER BY min(q.account_id)))
            FROM postings p JOIN transfers t ON t.id = p.transfer_id
            LEFT JOIN notes n ON n.thing = 'transfer:' || t.id
            WHERE p.account_id IN ({_OWN}) AND t.at_us >= ?2 AND t.at_us < ?3 AND t.id NOT IN ({_CARRIES})
            ORDER BY t.id DESC, p.minutes LIMIT ?4 OFFSET ?5""",
        member.id,
        since,
        before,
        limit,
        skip,
    )
    return Statement(
        opening=Minutes(opening),
        closing=Minutes(closing),
        count=count,
        lines=tuple(
            Line(
                id=id_,
                number=number,
                minutes=Minutes(minutes),
                others=tuple(others.split("\x1e")) if others is not None else (),
                note=note,
                reverses=reverses,
                reversed=bool(is_reversed),
                at=from_us(at_us),
                closing=bool(is_closing),
            )
            for id_, number, minutes, note, reverses, is_reversed, at_us, is_closing, others in rows
        ),
    )


async def count(tx: Reader, committee: Committee) -> int:
    """How many postings the committee's books have."""
    return int(
        await tx.value(
            "SELECT count(*) FROM postings p JOIN transfers t ON t.id = p.transfer_id WHERE t.committee_id = ?",
            committee.id,
        )
    )


async def books(tx: Reader, committee: Committee, *, now: datetime) -> statements.Books:
    """A committee's books as they stand, in its own time."""
    # One question: what is written while it is read is in neither or in both.
    rows = await tx.all(
        """SELECT 0 AS number, 0,
                  CASE WHEN kind = 'fund' THEN ?3
                       WHEN member_id IS NULL AND owner_id IS NULL AND kind IN ('own', 'unit') THEN ?4 END,
                  id AS account_id, balance, unit_id FROM accounts WHERE committee_id = ?1
           UNION ALL
           SELECT t.number, t.at_us, (SELECT u.number FROM transfers u WHERE u.id = t.reverses_id), p.account_id,
                  p.minutes, NULL
           FROM transfers t JOIN postings p ON p.transfer_id = t.id WHERE t.committee_id = ?1
           ORDER BY number, account_id LIMIT ?2""",
        committee.id,
        POSTINGS_MAX,
        statements.FUND,
        statements.COMMITTEE,
    )
    accounts = [(id_, balance, name, unit) for number, _, name, id_, balance, unit in rows if number == 0]
    names: dict[int | None, str | None] = {None: None}
    for unit in sorted({unit for _, _, _, unit in accounts if unit is not None}):
        # In the file each name is that of one unit: one that came to an end may be called like one that is open.
        written = await notes.written(tx, f"unit:{unit}")
        name = written.text if written is not None else "unit"
        names[unit] = name if name not in names.values() else f"{name} {unit}"
    rows = rows[len(accounts) :]
    legs: dict[int, list[tuple[int, int]]] = {}
    heads: dict[int, tuple[int, int | None]] = {}
    for number, at_us, undoes, account_id, minutes, _ in rows:
        heads[number] = (at_us, undoes)
        legs.setdefault(number, []).append((account_id, minutes))
    return statements.Books(
        committee=committee.name,
        taken=now.astimezone(committee.zone),
        accounts=tuple(statements.Account(id_, balance, name, names[unit]) for id_, balance, name, unit in accounts),
        transfers=tuple(
            statements.Transfer(number, from_us(at_us).astimezone(committee.zone), tuple(legs[number]), undoes)
            for number, (at_us, undoes) in heads.items()
        ),
    )


async def facts(tx: Reader, committee: Committee, *, first: datetime) -> statistics.Facts:
    """What the figures since an instant are made of: exchanges of hours that stand, and everybody's balance.

    Other units are no hours, and what is done at the end of a month is no exchange.
    """
    balances = await tx.all(
        """SELECT a.id, a.balance FROM accounts a JOIN members m ON m.id = a.member_id
           WHERE a.committee_id = ? AND m.active = 1 AND m.child = 0 LIMIT 1000000""",
        committee.id,
    )
    # As the help was given, by the clock: what of it went to the fund is nobody's help. What is done for all at a
    # month's end, and what moves by no rule between a member and the fund, is none.
    stands = f"""t.committee_id = ?1 AND t.at_us >= ?2 AND t.reverses_id IS NULL AND t.id NOT IN ({_CARRIES})
                 AND NOT {_IS_CLOSING} AND NOT EXISTS (SELECT 1 FROM transfers u WHERE u.reverses_id = t.id)"""
    rows = await tx.all(
        f"""SELECT t.id, {_ACCOUNT_NOW.format("p.account_id")}, p.minutes, f.category
            FROM transfers t JOIN postings p ON p.transfer_id = t.id
            LEFT JOIN origins o ON o.transfer_id = t.id LEFT JOIN posts f ON f.id = o.post_id
            WHERE {stands} AND t.id NOT IN ({_BESIDE})
              AND p.account_id NOT IN (SELECT id FROM accounts WHERE unit_id IS NOT NULL)
            UNION ALL
            SELECT t.id, {_ACCOUNT_NOW.format("(p.value ->> 0)")}, p.value ->> 1, f.category
            FROM transfers t JOIN entries e ON e.committee_id = t.committee_id AND e.number = t.entry
            JOIN json_each(e.body, '$.plain') p
            LEFT JOIN origins o ON o.transfer_id = t.id LEFT JOIN posts f ON f.id = o.post_id
            WHERE {stands} AND t.id IN ({_BESIDE})
            ORDER BY 1 LIMIT ?3""",
        committee.id,
        to_us(first),
        POSTINGS_MAX,
    )
    legs: dict[int, list[tuple[int, int]]] = {}
    categories: dict[int, str | None] = {}
    for transfer_id, account_id, minutes, category in rows:
        legs.setdefault(transfer_id, []).append((account_id, minutes))
        categories[transfer_id] = category
    own = await committee_account(tx, committee)
    beside = await tx.all(
        "SELECT id FROM accounts WHERE committee_id = ? AND kind IN ('fund', 'reserve') LIMIT 1000000", committee.id
    )
    return statistics.Facts(
        exchanges=tuple(tuple(found) for found in legs.values()),
        categories=tuple(categories.values()),
        unmet=tuple(await board.unmet(tx, committee, first)),
        balances=dict(balances),
        nobodys=frozenset({own.id, *(id_ for (id_,) in beside)}),
        limit=-committee.floor if committee.floor is not None else None,
    )
