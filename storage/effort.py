"""A month that counts by effort: what was done in it, what peers say of it, and what it came to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from pydantic_core import from_json

from bot.domain import effort
from bot.domain.effort import Helped, Pair, Tally, Work
from bot.domain.ledger import Posting
from bot.domain.policies import Scheme
from bot.text import Minutes
from storage import closings, enrolments, schemes, transfers
from storage.database import Reader, Row, Transaction
from storage.instants import to_us
from storage.people import Committee, Member

EXCHANGES_MAX = 200_000
"""So many of a month are weighed."""
MEMBERS_MAX = 100_000
TOLD_AT_ONCE = 100
"""So many members are told of the month in one work; the others in the next."""


# --- what was done ---------------------------------------------------------------------------------------------------


async def recorded_since(tx: Reader, committee_id: int, at: datetime) -> bool:
    """Whether anything was recorded by effort from then on."""
    found = await tx.one("SELECT 1 FROM efforts WHERE committee_id = ? AND at_us >= ? LIMIT 1", committee_id, to_us(at))
    return found is not None


async def work(tx: Reader, committee: Committee, period: str) -> list[Work]:
    """What members did for others in a month while hours counted by effort, but what was taken back.

    Accounts are as they are now. What somebody did who has left for good, so that their account is kept no longer, is
    the committee's, like all else that they left.
    """
    since, until = closings.bounds(period, committee)
    rows = await tx.all(
        f"""SELECT coalesce(json_extract(e.body, '$.plain'), json_extract(e.body, '$.postings')),
                  json_extract(e.body, '$.scheme'), f.kind_id, f.class
           FROM efforts f JOIN transfers t ON t.id = f.transfer_id
           JOIN entries e ON e.committee_id = t.committee_id AND e.number = t.entry
           WHERE f.committee_id = ? AND f.at_us >= ? AND f.at_us < ?
             AND NOT EXISTS (SELECT 1 FROM transfers r WHERE r.reverses_id = t.id)
           ORDER BY f.transfer_id LIMIT {EXCHANGES_MAX}""",
        committee.id,
        to_us(since),
        to_us(until),
    )
    now, whose = await _owners(tx, committee)
    return await _as_work(tx, committee, rows, now, whose)


async def _as_work(
    tx: Reader, committee: Committee, rows: Sequence[Row], now: Mapping[int, int], whose: Mapping[int, int]
) -> list[Work]:
    decided: dict[int, Scheme] = {}
    minutes: dict[tuple[int, int | None, int | None, effort.TaskClass, int], int] = {}
    for legs_, version, kind_id, class_ in rows:
        legs = from_json(legs_)
        if version not in decided:
            found = await schemes.decided(tx, committee.id, version or 0)
            decided[version] = Scheme() if found is None else found.scheme
        weight = effort.onerousness(class_, decided[version])
        giving = [now.get(account, account) for account, change in legs if change < 0]
        receiver = giving[0] if len(giving) == 1 else None
        for account, change in legs:
            if change > 0 and account in whose:
                key = whose[account], receiver, kind_id, class_, weight
                minutes[key] = minutes.get(key, 0) + change
    return [
        Work(
            account=account,
            receiver=receiver,
            kind=kind_id,
            task_class=class_,
            onerousness=weight,
            minutes=Minutes(done),
        )
        for (account, receiver, kind_id, class_, weight), done in minutes.items()
    ]


async def _owners(tx: Reader, committee: Committee) -> tuple[dict[int, int], dict[int, int]]:
    """Of members' accounts: which one each is now, and which one has what was done on it."""
    own = (await transfers.committee_account(tx, committee)).id
    rows = await tx.all(
        f"""SELECT o.id, a.id, m.active = 1 OR EXISTS (SELECT 1 FROM due WHERE key = 'leftover:' || m.id)
            FROM accounts o LEFT JOIN absorbed b ON b.member_id = o.member_id
            JOIN accounts a ON a.member_id = coalesce(b.into_id, o.member_id) JOIN members m ON m.id = a.member_id
            WHERE o.committee_id = ? LIMIT {MEMBERS_MAX}""",
        committee.id,
    )
    now = {account: current for account, current, _ in rows}
    return now, {account: current if kept else own for account, current, kept in rows}


async def _before(tx: Reader, committee: Committee, done: Sequence[Work]) -> dict[Pair, Helped]:
    """What each two of those who did something had come to, without what was taken back after its month was closed."""
    pairs = {
        (min(piece.account, piece.receiver), max(piece.account, piece.receiver))
        for piece in done
        if piece.receiver is not None and piece.receiver != piece.account
    }
    rows = await tx.all(
        f"""SELECT h.one_id, h.other_id, h.net, h.high, h.low FROM json_each(?1) j
            JOIN helped h ON h.one_id = json_extract(j.value, '$[0]') AND h.other_id = json_extract(j.value, '$[1]')
            LIMIT {EXCHANGES_MAX}""",
        json.dumps(sorted(pairs)),
    )
    found = {(one, other): Helped(net, high, low) for one, other, net, high, low in rows}
    for pair, gone in effort.helped(await _undone(tx, committee), {}).items():
        was = found.get(pair, Helped())
        found[pair] = Helped(was.net - gone.net, was.high, was.low)
    return found


async def _undone(tx: Reader, committee: Committee) -> list[Work]:
    """What counts in what two have done for each other and was taken back afterwards."""
    rows = await tx.all(
        f"""SELECT coalesce(json_extract(e.body, '$.plain'), json_extract(e.body, '$.postings')),
                  json_extract(e.body, '$.scheme'), f.kind_id, f.class
           FROM transfers r JOIN efforts f ON f.transfer_id = r.reverses_id
           JOIN transfers t ON t.id = f.transfer_id
           JOIN entries e ON e.committee_id = t.committee_id AND e.number = t.entry
           WHERE r.reverses_id IS NOT NULL AND f.committee_id = ? AND f.weighed = 1 LIMIT {EXCHANGES_MAX}""",
        committee.id,
    )
    return await _as_work(tx, committee, rows, *await _owners(tx, committee)) if rows else []


async def remember(tx: Transaction, committee: Committee, period: str, done: Sequence[Work]) -> None:
    """A month is closed: what each two have done for each other counts from now on."""
    after = effort.helped(done, await _before(tx, committee, done))
    # Those of whom only something was taken back are in it too.
    undone = await _undone(tx, committee)
    for pair, was in (await _before(tx, committee, undone)).items():
        after.setdefault(pair, Helped(was.net, max(was.high, was.net), min(was.low, was.net)))
    await tx.execute(
        """INSERT INTO helped (committee_id, one_id, other_id, net, high, low)
           SELECT ?1, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
                  json_extract(value, '$[3]'), json_extract(value, '$[4]') FROM json_each(?2) WHERE true
           ON CONFLICT (one_id, other_id) DO UPDATE SET net = excluded.net, high = excluded.high, low = excluded.low""",
        committee.id,
        json.dumps([[*pair, one.net, one.high, one.low] for pair, one in sorted(after.items())]),
    )
    since, until = closings.bounds(period, committee)
    await tx.execute(
        """UPDATE efforts SET weighed = 0 WHERE committee_id = ? AND weighed = 1
           AND transfer_id IN (SELECT reverses_id FROM transfers WHERE reverses_id IS NOT NULL)""",
        committee.id,
    )
    await tx.execute(
        """UPDATE efforts SET weighed = 1 WHERE committee_id = ? AND at_us >= ? AND at_us < ?
           AND transfer_id NOT IN (SELECT reverses_id FROM transfers WHERE reverses_id IS NOT NULL)""",
        committee.id,
        to_us(since),
        to_us(until),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """What a month comes to. `legs`: what moves; `by_account`: what each is told; `work`: what was done."""

    work: Sequence[Work]
    legs: tuple[Posting, ...]
    by_account: Mapping[int, Tally]


async def reckoned(tx: Reader, committee: Committee, period: str, *, with_ratings: bool) -> Reckoned:
    """A month as it stands now. Whoever reads it before it is closed reads it without ratings: they are hidden."""
    done = await work(tx, committee, period)
    left = effort.uneven(done, await _before(tx, committee, done))
    if with_ratings:
        left = await _with_ratings(tx, committee.id, period, left)
    quoted = effort.by_effort(left, with_ratings=with_ratings)
    losing = [leg.account_id for leg in quoted if leg.minutes < 0]
    room = {
        account.id: account.available - account.floor
        for account in (await transfers.accounts_by_id(tx, committee, losing) if losing else ())
        if account.floor is not None
    }
    legs = effort.within_limits(quoted, room)
    return Reckoned(work=done, legs=legs, by_account=effort.tallies(done, left, quoted, legs))


async def burdens(tx: Reader, committee: Committee, period: str) -> dict[int, Minutes]:
    """Who has carried how much more than their hours say in a month, by account: what a rota levels."""
    return effort.burdens(await work(tx, committee, period))


# --- what it came to -------------------------------------------------------------------------------------------------

_TALLY = "minutes, even, pleasant, unpleasant, quoted, change, rated"


def _tally(row: Sequence[int]) -> Tally:
    minutes, even, pleasant, unpleasant, quoted, change, rated = row
    return Tally(
        minutes=Minutes(minutes),
        even=Minutes(even),
        pleasant=Minutes(pleasant),
        unpleasant=Minutes(unpleasant),
        quoted=Minutes(quoted),
        change=Minutes(change),
        rated=bool(rated),
    )


async def keep(tx: Transaction, committee_id: int, period: str, found: Mapping[int, Tally]) -> None:
    """What each is told of a month, and may ask for later. One statement: it may be everybody."""
    told = [
        [account, one.minutes, one.even, one.pleasant, one.unpleasant, one.quoted, one.change, int(one.rated)]
        for account, one in sorted(found.items())
    ]
    columns = ", ".join(f"value ->> {place}" for place in range(8))
    await tx.execute(
        f"""INSERT INTO weighed (committee_id, period, account_id, {_TALLY})
            SELECT ?, ?, {columns} FROM json_each(?) WHERE true ON CONFLICT DO NOTHING""",
        committee_id,
        period,
        json.dumps(told),
    )


async def number_of(tx: Reader, committee_id: int, period: str) -> int | None:
    """The number of the transfer by which a month was settled; None: nothing moved."""
    number = await tx.value(
        """SELECT t.number FROM closings c JOIN transfers t ON t.id = c.transfer_id
           WHERE c.committee_id = ? AND c.what = 'effort' AND c.period = ?""",
        committee_id,
        period,
    )
    return None if number is None else int(number)


async def untold(tx: Transaction, committee_id: int, period: str) -> list[tuple[int, Tally]]:
    """The next members for whom a month has changed something and who have not been told, by id; now they are."""
    rows = await tx.all(
        f"""SELECT w.account_id, m.id, {", ".join(f"w.{name}" for name in _TALLY.split(", "))}
            FROM weighed w JOIN accounts a ON a.id = w.account_id JOIN members m ON m.id = a.member_id
            WHERE w.committee_id = ? AND w.period = ? AND w.told = 0 AND (w.change <> 0 OR w.quoted <> 0)
              AND m.active = 1 ORDER BY w.account_id LIMIT ?""",
        committee_id,
        period,
        TOLD_AT_ONCE,
    )
    for account_id, *_ in rows:
        await tx.execute(
            "UPDATE weighed SET told = 1 WHERE committee_id = ? AND period = ? AND account_id = ?",
            committee_id,
            period,
            account_id,
        )
    return [(member_id, _tally(row)) for _, member_id, *row in rows]


async def newest_of(tx: Reader, account_id: int) -> tuple[str, Tally] | None:
    """The last month that was weighed in which somebody did something, and what it came to for them."""
    row = await tx.one(
        f"SELECT period, {_TALLY} FROM weighed WHERE account_id = ? ORDER BY period DESC LIMIT 1", account_id
    )
    return None if row is None else (row[0], _tally(row[1:]))


# --- what peers say --------------------------------------------------------------------------------------------------


async def who_did(tx: Reader, committee: Committee, period: str) -> dict[int, dict[int, int]]:
    """Those who take part in rating, by each kind of task that they did in a month: members by their account."""
    taking_part = await enrolments.members(tx, committee.id, schemes.RATINGS)
    rows = await tx.all(
        f"SELECT id, member_id FROM accounts WHERE committee_id = ? AND member_id IS NOT NULL LIMIT {MEMBERS_MAX}",
        committee.id,
    )
    member_of = {account: member for account, member in rows if member in taking_part}
    found: dict[int, dict[int, int]] = {}
    for piece in await work(tx, committee, period):
        if piece.kind is not None and piece.account in member_of:
            found.setdefault(piece.kind, {})[piece.account] = member_of[piece.account]
    return found


async def to_rate(tx: Reader, committee: Committee, period: str) -> dict[int, list[tuple[int, int]]]:
    """What each who takes part is asked: kinds of tasks and members who did them too, without what they have answered.

    Asked about are those who did the same kind of task in the same month: few exchanges have several who helped, and
    whoever did the same knows best what it takes. Who is asked about whom is drawn, so that friends cannot choose.
    """
    said = {
        (kind, rater, member)
        for kind, rater, member in await tx.all(
            f"""SELECT kind_id, rater_id, member_id FROM ballots WHERE committee_id = ? AND period = ?
                LIMIT {MEMBERS_MAX}""",
            committee.id,
            period,
        )
    }
    found: dict[int, list[tuple[int, int]]] = {}
    for kind, by_account in sorted((await who_did(tx, committee, period)).items()):
        about = effort.peers(by_account.values(), seed=f"{committee.uid}:{period}:{kind}")
        for rater, members in about.items():
            found.setdefault(rater, []).extend(
                (kind, member) for member in members if (kind, rater, member) not in said
            )
    return {rater: asked for rater, asked in found.items() if asked}


async def cast(
    tx: Transaction, committee_id: int, period: str, kind_id: int, rater: Member, about: Member, level: int | None
) -> None:
    """A ballot, which takes the place of an earlier one. `level` None: they cannot say."""
    await tx.execute(
        """INSERT INTO ballots (committee_id, period, kind_id, rater_id, member_id, level) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (committee_id, period, kind_id, rater_id, member_id) DO UPDATE SET level = excluded.level""",
        committee_id,
        period,
        kind_id,
        rater.id,
        about.id,
        level,
    )


async def _with_ratings(tx: Reader, committee_id: int, period: str, left: Sequence[Work]) -> tuple[Work, ...]:
    """The work of each in each kind of task together, with what their peers say of it."""
    rows = await tx.all(
        f"""SELECT b.kind_id, a.id, r.id, b.level FROM ballots b
            JOIN accounts a ON a.member_id = b.member_id JOIN accounts r ON r.member_id = b.rater_id
            JOIN enrolments y ON y.member_id = b.rater_id AND y.what = ?3
            JOIN enrolments z ON z.member_id = b.member_id AND z.what = ?3
            WHERE b.committee_id = ?1 AND b.period = ?2 AND b.level IS NOT NULL LIMIT {MEMBERS_MAX}""",
        committee_id,
        period,
        schemes.RATINGS,
    )
    said: dict[tuple[int | None, int], dict[int, int]] = {}
    for kind_id, account, rater, level in rows:
        said.setdefault((kind_id, account), {})[rater] = level
    together: dict[tuple[int, int | None, int], Work] = {}
    for piece in left:
        key = piece.account, piece.kind, piece.onerousness
        before = together.get(key)
        minutes = Minutes(piece.minutes + (before.minutes if before is not None else 0))
        together[key] = replace(
            piece, receiver=None, minutes=minutes, ratings=said.get((piece.kind, piece.account), {})
        )
    return tuple(together.values())


async def count_ballots(tx: Transaction, committee: Committee, period: str, *, publish: bool) -> int:
    """Keep what came of a month's ballots, if it is to be published, and forget them; of how many people."""
    found: dict[tuple[int, int], Fraction] = {}
    if publish:
        left = await _with_ratings(tx, committee.id, period, await work(tx, committee, period))
        for piece, hard in zip(left, effort.intensities(left), strict=True):
            peers = sum(rater != piece.account for rater in piece.ratings)
            if piece.kind is not None and peers >= effort.PEERS_MIN:
                found[piece.kind, piece.account] = hard
    for (kind_id, account), hard in sorted(found.items()):
        await tx.execute(
            """INSERT INTO rated (committee_id, period, kind_id, member_id, intensity)
               SELECT ?, ?, ?, member_id, ? FROM accounts WHERE id = ? ON CONFLICT DO NOTHING""",
            committee.id,
            period,
            kind_id,
            round(hard * 1000),
            account,
        )
    await tx.execute("DELETE FROM ballots WHERE committee_id = ? AND period = ?", committee.id, period)
    tx.wipe = True
    return len({account for _, account in found})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """What peers said of somebody's part in a kind of task, together. `intensity`: thousandths of the usual."""

    kind_id: int
    name: str
    intensity: int


async def newest_rated(tx: Reader, committee_id: int) -> tuple[str, list[Rated]] | None:
    """The results of the last month that has any, at most a hundred."""
    period = await tx.value("SELECT max(period) FROM rated WHERE committee_id = ?", committee_id)
    if period is None:
        return None
    rows = await tx.all(
        """SELECT r.kind_id, m.called, r.intensity FROM rated r JOIN members m ON m.id = r.member_id
           WHERE r.committee_id = ? AND r.period = ? ORDER BY r.kind_id, m.called, m.id LIMIT 100""",
        committee_id,
        period,
    )
    return period, [Rated(kind_id=kind_id, name=str(name), intensity=intensity) for kind_id, name, intensity in rows]


async def withdraw(tx: Transaction, member_id: int) -> None:
    """Somebody takes no part any more: what they have said, and what was said of them, is forgotten."""
    await tx.execute("DELETE FROM ballots WHERE ?1 IN (rater_id, member_id)", member_id)
    await tx.execute("DELETE FROM rated WHERE member_id = ?", member_id)
    tx.wipe = True


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: what either has said, or was said of, counts; of themselves nobody says anything."""
    for column in ("rater_id", "member_id"):
        await tx.execute(f"UPDATE OR IGNORE ballots SET {column} = ? WHERE {column} = ?", into, old)
    await tx.execute("UPDATE OR IGNORE rated SET member_id = ? WHERE member_id = ?", into, old)
    await withdraw(tx, old)
    row = await tx.one(
        "SELECT o.id, n.id FROM accounts o JOIN accounts n ON n.member_id = ?2 WHERE o.member_id = ?1", old, into
    )
    assert row is not None
    before, after = row
    for committee_id, one, other, net, high, low in await tx.all(
        """DELETE FROM helped WHERE ?1 IN (one_id, other_id)
           RETURNING committee_id, one_id, other_id, net, high, low""",
        before,
    ):
        first, second = (after if account == before else account for account in (one, other))
        if first == second:
            continue
        if first > second:
            first, second, net, high, low = second, first, -net, -low, -high
        await tx.execute(
            """INSERT INTO helped (committee_id, one_id, other_id, net, high, low) VALUES (?, ?, ?, ?, ?, ?)
               ON CONFLICT (one_id, other_id) DO UPDATE SET net = helped.net + excluded.net,
                   high = helped.high + excluded.high, low = helped.low + excluded.low""",
            committee_id,
            first,
            second,
            net,
            high,
            low,
        )
