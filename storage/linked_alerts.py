"""Alerts that travel between linked committees: what came, what was told, and what others bring."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bot.domain.alarm import Event
from bot.domain.chain import canonical
from bot.domain.relaying import LetIn, Tally, Told, read_told
from storage import rules
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.peers import PEERS_MAX

OF_ALERT_MAX = 50
"""So many linked alerts go on as one here at most."""
LISTED_MAX = 500

SENDS = "links_alerts"
"""The rule with the kinds of alerts that the committee sends to linked ones (a list); without it: all."""
AREAS = "links_areas"
"""The rule with the areas whose alerts it wants (a list, as they are written); without it: all."""

State = Literal["open", "waits", "elsewhere", "merged", "over"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """An alert of a linked committee, as it is known here."""

    id: int
    peer_id: int
    federation_id: int
    by: str
    """The author who told it."""
    name: str
    origin: str
    uid: str
    rev: int
    alert_id: int | None
    state: State
    told: Told | None
    of_name: str | None
    hops: int
    tally: Tally | None
    tally_rev: int


_CAME = """l.id, l.peer_id, p.federation_id, p.author, p.name, l.origin, l.uid, l.rev, l.alert_id, l.state, l.told,
           l.of_name, l.hops, l.tally, l.tally_rev FROM linked_alerts l JOIN peers p ON p.id = l.peer_id"""


def _came(row: Sequence[Any]) -> Came:
    return Came(
        id=row[0],
        peer_id=row[1],
        federation_id=row[2],
        by=row[3],
        name=row[4],
        origin=row[5],
        uid=row[6],
        rev=row[7],
        alert_id=row[8],
        state=row[9],
        told=None if row[10] is None else read_told(json.loads(row[10])),
        of_name=row[11],
        hops=row[12],
        tally=_tally(row[13]),
        tally_rev=row[14],
    )


def _tally(text: str | None) -> Tally | None:
    return None if text is None else Tally(**json.loads(text))


def _dumped(tally: Tally) -> str:
    return canonical(
        {
            "soon": tally.soon,
            "later": tally.later,
            "late": tally.late,
            "there": tally.there,
            "brings": dict(tally.brings),
        }
    )


# --- what came ---------------------------------------------------------------------------------------------------


async def came(tx: Reader, committee_id: int, origin: str, uid: str) -> Came | None:
    """What is known here of a committee's alert."""
    row = await tx.one(
        f"SELECT {_CAME} WHERE l.committee_id = ? AND l.origin = ? AND l.uid = ?", committee_id, origin, uid
    )
    return None if row is None else _came(row)


async def came_by_id(tx: Reader, committee_id: int, id_: int) -> Came | None:
    """One of them by its row."""
    row = await tx.one(f"SELECT {_CAME} WHERE l.id = ? AND l.committee_id = ?", id_, committee_id)
    return None if row is None else _came(row)


async def came_as(tx: Reader, alert_id: int) -> list[Came]:
    """The linked alerts that go on as this one here: the one that it is first."""
    rows = await tx.all(
        f"SELECT {_CAME} WHERE l.alert_id = ? ORDER BY l.state = 'merged', l.id LIMIT ?", alert_id, OF_ALERT_MAX
    )
    return [_came(row) for row in rows]


async def waiting(tx: Reader, peer_id: int) -> list[Came]:
    """What of a committee waits for an organizer's yes, oldest first."""
    rows = await tx.all(
        f"SELECT {_CAME} WHERE l.peer_id = ? AND l.state = 'waits' ORDER BY l.id LIMIT ?", peer_id, LISTED_MAX
    )
    return [_came(row) for row in rows]


async def waiting_of(tx: Reader, committee_id: int) -> list[int]:
    """The committees (peers) of whom something waits."""
    rows = await tx.all(
        """SELECT DISTINCT peer_id FROM linked_alerts WHERE committee_id = ? AND state = 'waits' ORDER BY peer_id
           LIMIT ?""",
        committee_id,
        PEERS_MAX,
    )
    return [row[0] for row in rows]


async def let_in(tx: Reader, committee_id: int, author: str, *, since: datetime) -> list[LetIn]:
    """The alerts that a committee has told and that were dealt with here without waiting, since then."""
    rows = await tx.all(
        """SELECT l.at_us, l.critical FROM linked_alerts l JOIN peers p ON p.id = l.peer_id
           WHERE l.committee_id = ? AND p.author = ? AND l.at_us > ? AND l.let_us IS NOT NULL ORDER BY l.at_us DESC
           LIMIT ?""",
        committee_id,
        author,
        to_us(since),
        LISTED_MAX,
    )
    return [LetIn(from_us(at_us), bool(critical)) for at_us, critical in rows]


async def comes(
    tx: Transaction,
    committee_id: int,
    peer_id: int,
    origin: str,
    uid: str,
    *,
    rev: int,
    state: State,
    told: Told | None,
    hops: int,
    let: bool,
    now: datetime,
) -> int:
    """An alert, or its end, is heard of for the first time; the row's id. `let`: without anybody's yes."""
    over = state == "over"
    return int(
        await tx.value(
            """INSERT INTO linked_alerts (committee_id, peer_id, origin, uid, rev, state, told, of_name, hops, critical,
                   at_us, let_us)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id""",
            committee_id,
            peer_id,
            origin,
            uid,
            rev,
            state,
            None if told is None or over else canonical(told.dump()),
            (told.of or None) if told is not None else None,
            hops,
            int(told is not None and told.critical),
            to_us(now),
            to_us(now) if let else None,
        )
    )


async def newer(tx: Transaction, one: Came, told: Told, *, peer_id: int, hops: int, keep: bool) -> None:
    """Something newer is told of it. `peer_id`: by whom; it is the origin itself, or whoever told it before.

    `keep`: what is told is kept; else it is over here.
    """
    await tx.execute(
        "UPDATE linked_alerts SET rev = ?, told = ?, peer_id = ?, hops = ?, of_name = ? WHERE id = ?",
        told.rev,
        canonical(told.dump()) if keep else None,
        peer_id,
        hops,
        told.of or None,
        one.id,
    )


async def becomes(tx: Transaction, id_: int, alert_id: int, *, now: datetime) -> None:
    """It is an alert here from now on."""
    await tx.execute(
        "UPDATE linked_alerts SET alert_id = ?, state = 'open', let_us = coalesce(let_us, ?) WHERE id = ?",
        alert_id,
        to_us(now),
        id_,
    )


async def waits(tx: Transaction, id_: int) -> None:
    """It waits for an organizer's yes from now on."""
    await tx.execute("UPDATE linked_alerts SET state = 'waits' WHERE id = ?", id_)


async def of_peer(tx: Reader, peer_id: int, *, since: datetime) -> list[int]:
    """The rows of what a committee has told since then."""
    rows = await tx.all(
        "SELECT id FROM linked_alerts WHERE peer_id = ? AND at_us > ? LIMIT ?", peer_id, to_us(since), LISTED_MAX
    )
    return [row[0] for row in rows]


async def ours(tx: Reader, committee_id: int, uid: str) -> bool:
    """Whether an alert that was raised here is told to others under this id."""
    row = await tx.one(
        """SELECT 1 FROM linked_sent s JOIN alerts a ON a.id = s.alert_id WHERE s.uid = ? AND a.committee_id = ?
           AND NOT EXISTS (SELECT 1 FROM linked_alerts l WHERE l.alert_id = a.id AND l.uid = s.uid) LIMIT 1""",
        uid,
        committee_id,
    )
    return row is not None


async def merged(tx: Transaction, alert_id: int, into: int) -> None:
    """What goes on here as one alert goes on as another, which was raised here or came from somebody else."""
    await tx.execute(
        "UPDATE linked_alerts SET alert_id = ?, state = 'merged' WHERE alert_id = ? AND state IN ('open', 'merged')",
        into,
        alert_id,
    )


async def is_over(tx: Transaction, id_: int, *, rev: int | None = None) -> None:
    """It is over there, or its time is: nothing of what was told is kept. As what it went on here is not theirs."""
    await tx.execute(
        """UPDATE linked_alerts SET state = 'over', told = NULL, rev = coalesce(?, rev),
               alert_id = CASE state WHEN 'merged' THEN NULL ELSE alert_id END WHERE id = ?""",
        rev,
        id_,
    )


async def over_here(tx: Transaction, alert_id: int) -> None:
    """It is over here, whatever it is there: nothing of what was told is kept."""
    await tx.execute("UPDATE linked_alerts SET told = NULL WHERE alert_id = ?", alert_id)


async def told_back(tx: Transaction, id_: int, tally: Tally) -> int:
    """What was told back; its revision."""
    return int(
        await tx.value(
            "UPDATE linked_alerts SET tally = ?, tally_rev = tally_rev + 1 WHERE id = ? RETURNING tally_rev",
            _dumped(tally),
            id_,
        )
    )


async def more_wait(tx: Transaction, peer_id: int) -> None:
    """One more that is not kept, because so many wait."""
    await tx.execute(
        """INSERT INTO linked_more (peer_id, many) VALUES (?, 1)
           ON CONFLICT (peer_id) DO UPDATE SET many = min(many + 1, 1000000)""",
        peer_id,
    )


async def more(tx: Reader, peer_id: int) -> int:
    """How many wait beyond those that are kept."""
    return int(await tx.value("SELECT coalesce(max(many), 0) FROM linked_more WHERE peer_id = ?", peer_id))


async def forget_more(tx: Transaction, peer_id: int) -> None:
    """Somebody has seen how many there were."""
    await tx.execute("DELETE FROM linked_more WHERE peer_id = ?", peer_id)


async def name_of_origin(tx: Reader, alert_id: int) -> tuple[str, str | None] | None:
    """Whose alert it is, where it came from a linked committee: who told it, and for whom; None: it was raised here."""
    row = await tx.one(
        """SELECT p.name, l.of_name FROM linked_alerts l JOIN peers p ON p.id = l.peer_id
           WHERE l.alert_id = ? AND l.state <> 'merged' ORDER BY l.id LIMIT 1""",
        alert_id,
    )
    return None if row is None else (row[0], row[1])


# --- what was told -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An alert that was told to a federation. `rev` 0: it waits for its second person."""

    alert_id: int
    federation_id: int
    uid: str
    rev: int
    told: Told | None
    wide: bool
    over_at: datetime | None


def _sent(row: Sequence[Any]) -> Sent:
    return Sent(
        alert_id=row[0],
        federation_id=row[1],
        uid=row[2],
        rev=row[3],
        told=None if row[4] is None else read_told(json.loads(row[4])),
        wide=bool(row[5]),
        over_at=None if row[6] is None else from_us(row[6]),
    )


_SENT = "alert_id, federation_id, uid, rev, told, wide, over_us FROM linked_sent"


async def sent(tx: Reader, alert_id: int) -> list[Sent]:
    """The federations that an alert was told to, or is to be."""
    rows = await tx.all(f"SELECT {_SENT} WHERE alert_id = ? ORDER BY federation_id LIMIT ?", alert_id, OF_ALERT_MAX)
    return [_sent(row) for row in rows]


async def sent_as(tx: Reader, federation_id: int, uid: str) -> Sent | None:
    """What was told to a federation under this id."""
    row = await tx.one(
        f"SELECT {_SENT} WHERE uid = ? AND federation_id = ? ORDER BY alert_id DESC LIMIT 1", uid, federation_id
    )
    return None if row is None else _sent(row)


async def tell(tx: Transaction, alert_id: int, federation_id: int, uid: str, told: Told | None) -> None:
    """It is told to a federation; `told` None: it is to be, once a second person stands for it."""
    await tx.execute(
        """INSERT INTO linked_sent (alert_id, federation_id, uid, rev, told) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (alert_id, federation_id) DO UPDATE SET rev = excluded.rev, told = excluded.told""",
        alert_id,
        federation_id,
        uid,
        0 if told is None else told.rev,
        None if told is None else canonical(told.dump()),
    )


async def widen(tx: Transaction, alert_id: int) -> None:
    """From now on it is for those too who want other areas."""
    await tx.execute("UPDATE linked_sent SET wide = 1 WHERE alert_id = ?", alert_id)


async def told_over(tx: Transaction, one: Sent, *, now: datetime) -> None:
    """It was told that it is over."""
    await tx.execute(
        "UPDATE linked_sent SET rev = rev + 1, told = NULL, over_us = ? WHERE alert_id = ? AND federation_id = ?",
        to_us(now),
        one.alert_id,
        one.federation_id,
    )


async def concerns(tx: Reader, alert_id: int) -> bool:
    """Whether linked committees have anything to do with an alert."""
    row = await tx.one(
        """SELECT 1 WHERE EXISTS (SELECT 1 FROM linked_alerts WHERE alert_id = ?1)
           OR EXISTS (SELECT 1 FROM linked_sent WHERE alert_id = ?1)""",
        alert_id,
    )
    return row is not None


async def others(tx: Reader, committee_id: int) -> bool:
    """Whether the committee is linked with any other."""
    row = await tx.one(
        """SELECT 1 FROM federations f JOIN peers p ON p.federation_id = f.id AND p.state = 'in'
           WHERE f.committee_id = ?1 AND f.state = 'in'
               AND p.author <> coalesce((SELECT author FROM peer_selves WHERE committee_id = ?1), '') LIMIT 1""",
        committee_id,
    )
    return row is not None


async def sends(tx: Reader, committee_id: int, kind: str) -> bool:
    """Whether the committee sends alerts of this kind to linked ones."""
    only = await rules.get(tx, committee_id, SENDS)
    return only is None or kind in only


# --- what others bring -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Brings:
    """What another committee has to do with an alert. `asked`: it was told to them, else it is theirs."""

    author: str
    peer_id: int
    federation_id: int
    name: str
    asked: bool
    rev: int
    counts: Mapping[str, int]
    tally: Tally | None
    got: bool


async def tallies(tx: Reader, alert_id: int) -> list[Brings]:
    """What linked committees bring to an alert, by their names."""
    rows = await tx.all(
        """SELECT t.author, t.peer_id, p.federation_id, p.name, t.asked, t.rev, t.counts, t.tally, t.got
           FROM linked_tallies t JOIN peers p ON p.id = t.peer_id WHERE t.alert_id = ? ORDER BY p.name, t.author
           LIMIT ?""",
        alert_id,
        PEERS_MAX,
    )
    return [
        Brings(
            author=row[0],
            peer_id=row[1],
            federation_id=row[2],
            name=row[3],
            asked=bool(row[4]),
            rev=row[5],
            counts=json.loads(row[6]),
            tally=_tally(row[7]),
            got=bool(row[8]),
        )
        for row in rows
    ]


async def asks(tx: Transaction, alert_id: int, author: str, peer_id: int, *, now: datetime) -> None:
    """Another committee was told of it."""
    await tx.execute(
        """INSERT INTO linked_tallies (alert_id, author, peer_id, asked, at_us) VALUES (?, ?, ?, 1, ?)
           ON CONFLICT (alert_id, author) DO NOTHING""",
        alert_id,
        author,
        peer_id,
        to_us(now),
    )


async def tallied(
    tx: Transaction,
    alert_id: int,
    author: str,
    peer_id: int,
    *,
    asked: bool,
    rev: int,
    counts: Mapping[str, int],
    tally: Tally | None,
    now: datetime,
) -> bool:
    """What another committee brings. False: they have told something newer already, or were not asked."""
    if asked:
        found = await tx.value(
            """UPDATE linked_tallies SET rev = ?, counts = ?, tally = ?, at_us = ?
               WHERE alert_id = ? AND author = ? AND asked = 1 AND rev < ? RETURNING 1""",
            rev,
            canonical(dict(counts)),
            None if tally is None else _dumped(tally),
            to_us(now),
            alert_id,
            author,
            rev,
        )
        return found is not None
    await tx.execute(
        """INSERT INTO linked_tallies (alert_id, author, peer_id, asked, rev, counts, at_us)
           VALUES (?, ?, ?, 0, ?, ?, ?)
           ON CONFLICT (alert_id, author) DO UPDATE SET rev = excluded.rev, counts = excluded.counts,
               at_us = excluded.at_us""",
        alert_id,
        author,
        peer_id,
        rev,
        canonical(dict(counts)),
        to_us(now),
    )
    return True


async def uncount(tx: Transaction, committee_id: int, author: str) -> list[int]:
    """What another committee brings counts for nothing any more; the alerts here that go on and are touched by that."""
    rows = await tx.all(
        """UPDATE linked_tallies SET counts = '{}' WHERE author = ? AND counts <> '{}' AND alert_id IN
               (SELECT id FROM alerts WHERE committee_id = ? AND over_us IS NULL) RETURNING alert_id""",
        author,
        committee_id,
    )
    return sorted(row[0] for row in rows)


async def got(tx: Transaction, alert_id: int, author: str) -> bool:
    """They know that it is over. False: they were not asked, or have said so."""
    found = await tx.value(
        "UPDATE linked_tallies SET got = 1 WHERE alert_id = ? AND author = ? AND asked = 1 AND got = 0 RETURNING 1",
        alert_id,
        author,
    )
    return found is not None


async def events(tx: Reader, alert_id: int) -> list[Event]:
    """What linked committees bring, as events of the alert: the newest of each."""
    rows = await tx.all(
        "SELECT author, rev, counts, at_us FROM linked_tallies WHERE alert_id = ? AND rev > 0 ORDER BY author LIMIT ?",
        alert_id,
        PEERS_MAX,
    )
    return [
        Event(
            # Other events are numbered from 1.
            id=-place,
            kind="tally",
            member=None,
            at=from_us(at_us),
            data={"of": author, "rev": rev, "counts": json.loads(counts)},
        )
        for place, (author, rev, counts, at_us) in enumerate(rows, start=1)
    ]
