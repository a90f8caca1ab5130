"""Links that come about: invitations, what two committees have decided, and whom a federation takes in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bot import keys as signing
from bot.domain import roster
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us

Side = Literal["sponsor", "newcomer"]
State = Literal["offered", "asked", "open", "admitting", "linked", "ended"]
Step = Literal["comparing", "deciding", "yes"]
Why = Literal["differ", "no", "late", "withdrawn", "others"]
ENDED_KEPT = 20
"""So many links of a committee that came to nothing are kept: their cards say so."""
VOTES_AHEAD_MAX = 50
"""So many words of one committee on admissions that nobody has proposed (yet) are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One way in, as one of the two committees sees it. `author`, `name`, `account`: the other's, once it has said."""

    id: int
    committee_id: int
    federation_id: int | None
    federation: str
    """What the federation is called."""
    side: Side
    code: str
    secret: bytes | None
    network: str
    account: str | None
    author: str | None
    certificate: signing.Certificate | None
    name: str
    ours: Step
    theirs: Step
    state: State
    why: Why | None
    by_them: bool
    """The other committee has ended it."""
    ends: datetime


_LINK = """l.id, l.committee_id, l.federation_id, coalesce(f.name, ''), l.side, l.code, l.secret, l.network, l.account,
    l.author, l.certificate, coalesce(l.name, ''), l.ours, l.theirs, l.state, l.why, l.by_them, l.ends_us"""
_FROM = "FROM links l LEFT JOIN federations f ON f.id = l.federation_id"


def _link(row: Sequence[Any]) -> Link:
    return Link(
        id=row[0],
        committee_id=row[1],
        federation_id=row[2],
        federation=row[3],
        side=row[4],
        code=row[5],
        secret=row[6],
        network=row[7],
        account=row[8],
        author=row[9],
        certificate=None if row[10] is None else signing.kept_certificate(json.loads(row[10])),
        name=row[11],
        ours=row[12],
        theirs=row[13],
        state=row[14],
        why=row[15],
        by_them=bool(row[16]),
        ends=from_us(row[17]),
    )


async def begin(
    tx: Transaction,
    committee_id: int,
    *,
    side: Side,
    federation_id: int | None,
    code: str,
    secret: bytes,
    network: str,
    account: str | None,
    ends: datetime,
) -> int:
    """Somebody is invited, or an invitation was accepted; its id. Older ones that came to nothing are forgotten."""
    await tx.execute(
        """DELETE FROM links WHERE committee_id = ?1 AND state = 'ended' AND id NOT IN (
               SELECT id FROM links WHERE committee_id = ?1 AND state = 'ended' ORDER BY id DESC LIMIT ?2)""",
        committee_id,
        ENDED_KEPT,
    )
    return int(
        await tx.value(
            """INSERT INTO links (committee_id, federation_id, side, code, secret, network, account, state, ends_us)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id""",
            committee_id,
            federation_id,
            side,
            code,
            secret,
            network,
            account,
            "offered" if side == "sponsor" else "asked",
            to_us(ends),
        )
    )


async def get(tx: Reader, committee_id: int, id_: int) -> Link | None:
    """One of a committee's links."""
    row = await tx.one(f"SELECT {_LINK} {_FROM} WHERE l.id = ? AND l.committee_id = ?", id_, committee_id)
    return None if row is None else _link(row)


async def called(tx: Reader, committee_id: int, code: str) -> Link | None:
    """One of a committee's links by what it is called at the door."""
    row = await tx.one(f"SELECT {_LINK} {_FROM} WHERE l.code = ? AND l.committee_id = ?", code, committee_id)
    return None if row is None else _link(row)


async def running(tx: Reader, committee_id: int) -> list[Link]:
    """A committee's links that are neither made nor ended, oldest first."""
    rows = await tx.all(
        f"""SELECT {_LINK} {_FROM} WHERE l.committee_id = ? AND l.state NOT IN ('linked', 'ended')
            ORDER BY l.id LIMIT 50""",
        committee_id,
    )
    return [_link(row) for row in rows]


async def running_with(tx: Reader, committee_id: int, author: str) -> Link | None:
    """The link that comes about with another committee, if any does."""
    row = await tx.one(
        f"""SELECT {_LINK} {_FROM} WHERE l.committee_id = ? AND l.author = ? AND l.state IN ('open', 'admitting')
            ORDER BY l.id LIMIT 1""",
        committee_id,
        author,
    )
    return None if row is None else _link(row)


async def meet(
    tx: Transaction,
    link: Link,
    certificate: signing.Certificate,
    name: str,
    *,
    account: str,
    federation_id: int,
    ends: datetime,
) -> None:
    """Both have spoken to each other: the code has been used, and people can compare."""
    await tx.execute(
        """UPDATE links SET state = 'open', secret = NULL, author = ?, certificate = ?, name = ?, account = ?,
               federation_id = ?, ends_us = ? WHERE id = ?""",
        certificate.author,
        json.dumps(certificate.dump(), sort_keys=True),
        name,
        account,
        federation_id,
        to_us(ends),
        link.id,
    )


async def step(
    tx: Transaction, link: Link, *, ends: datetime, ours: Step | None = None, theirs: Step | None = None
) -> None:
    """One of the two has come further."""
    await tx.execute(
        "UPDATE links SET ours = coalesce(?, ours), theirs = coalesce(?, theirs), ends_us = ? WHERE id = ?",
        ours,
        theirs,
        to_us(ends),
        link.id,
    )


async def set_state(tx: Transaction, link: Link, state: State, *, ends: datetime | None = None) -> None:
    """The others in the federation decide now, or it is made."""
    await tx.execute(
        "UPDATE links SET state = ?, ends_us = coalesce(?, ends_us) WHERE id = ?",
        state,
        None if ends is None else to_us(ends),
        link.id,
    )


async def end(tx: Transaction, link: Link, why: Why, *, by_them: bool = False) -> None:
    """It came to nothing."""
    await tx.execute(
        "UPDATE links SET state = 'ended', secret = NULL, why = ?, by_them = ? WHERE id = ?", why, int(by_them), link.id
    )


# --- whom a federation takes in ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A committee that another one would bring in. `began`: by the sponsor's clock, in seconds."""

    id: int
    federation_id: int
    federation: str
    uid: str
    sponsor: str
    certificate: signing.Certificate
    name: str
    account: str | None
    voters: frozenset[str]
    began: int
    closing: roster.Closing | None
    state: Literal["open", "in", "out", "void"]

    @property
    def author(self) -> str:
        """Whose name among the others it is."""
        return self.certificate.author


_ADMISSION = """a.id, a.federation_id, f.name, a.uid, a.sponsor, a.certificate, a.name, a.account, a.voters,
    a.began_us, a.closing, a.state"""


def _admission(row: Sequence[Any]) -> Admission:
    return Admission(
        id=row[0],
        federation_id=row[1],
        federation=row[2],
        uid=row[3],
        sponsor=row[4],
        certificate=signing.kept_certificate(json.loads(row[5])),
        name=row[6],
        account=row[7],
        voters=frozenset(json.loads(row[8])),
        began=row[9] // 1_000_000,
        closing=None if row[10] is None else _closing(json.loads(row[10])),
        state=row[11],
    )


def _closing(kept: Mapping[str, Any]) -> roster.Closing:
    # What was kept before this was looked at does not say when.
    at = kept.get("at", 0)
    return roster.Closing(yes=frozenset(kept["yes"]), no=frozenset(kept["no"]), came_in=kept["in"], at=at)


async def propose(
    tx: Transaction,
    federation_id: int,
    uid: str,
    certificate: signing.Certificate,
    name: str,
    *,
    sponsor: str,
    account: str | None,
    voters: frozenset[str],
    began: int,
    void: bool = False,
) -> int:
    """A committee would be brought in; the id of that."""
    return int(
        await tx.value(
            """INSERT INTO peer_admissions (federation_id, uid, sponsor, author, certificate, name, account, voters,
                   began_us, state)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id""",
            federation_id,
            uid,
            sponsor,
            certificate.author,
            json.dumps(certificate.dump(), sort_keys=True),
            name,
            account,
            json.dumps(sorted(voters)),
            began * 1_000_000,
            "void" if void else "open",
        )
    )


async def admission(tx: Reader, committee_id: int, id_: int) -> Admission | None:
    """One of the admissions in a committee's federations."""
    row = await tx.one(
        f"""SELECT {_ADMISSION} FROM peer_admissions a JOIN federations f ON f.id = a.federation_id
            WHERE a.id = ? AND f.committee_id = ?""",
        id_,
        committee_id,
    )
    return None if row is None else _admission(row)


async def admission_called(tx: Reader, federation_id: int, uid: str) -> Admission | None:
    """One by what the committees call it."""
    row = await tx.one(
        f"""SELECT {_ADMISSION} FROM peer_admissions a JOIN federations f ON f.id = a.federation_id
            WHERE a.federation_id = ? AND a.uid = ?""",
        federation_id,
        uid,
    )
    return None if row is None else _admission(row)


async def admissions_by(tx: Reader, federation_id: int, sponsor: str, *, now: datetime) -> int:
    """How many of a sponsor's are not settled, or did not count and began lately."""
    return int(
        await tx.value(
            """SELECT count(*) FROM peer_admissions WHERE federation_id = ? AND sponsor = ?
               AND (state = 'open' OR state = 'void' AND began_us > ?)""",
            federation_id,
            sponsor,
            to_us(now - roster.LINK_WITHIN),
        )
    )


async def named_by(tx: Reader, federation_id: int, sponsor: str) -> Mapping[str, str]:
    """The names of those whom a sponsor would bring in now, by author."""
    rows = await tx.all(
        """SELECT author, name FROM peer_admissions WHERE federation_id = ? AND sponsor = ? AND state = 'open'
           ORDER BY id LIMIT 100""",
        federation_id,
        sponsor,
    )
    return dict(rows)


async def admissions_since(tx: Reader, federation_id: int, sponsor: str, *, since: int) -> int:
    """How many a sponsor has begun since then, by its own clock, in seconds."""
    return int(
        await tx.value(
            "SELECT count(*) FROM peer_admissions WHERE federation_id = ? AND sponsor = ? AND began_us > ?",
            federation_id,
            sponsor,
            since * 1_000_000,
        )
    )


async def close(tx: Transaction, admission_id: int, closing: roster.Closing) -> None:
    """The sponsor has counted; its first word holds."""
    kept = {"yes": sorted(closing.yes), "no": sorted(closing.no), "in": closing.came_in, "at": closing.at}
    await tx.execute(
        "UPDATE peer_admissions SET closing = ? WHERE id = ? AND closing IS NULL", json.dumps(kept), admission_id
    )


async def settle(tx: Transaction, admission_id: int, state: Literal["in", "out", "void"]) -> None:
    """It came out like this."""
    await tx.execute("UPDATE peer_admissions SET state = ? WHERE id = ?", state, admission_id)


async def vote(tx: Transaction, federation_id: int, uid: str, author: str, *, yes: bool, at: int) -> None:
    """What a committee has said to it; only its first word counts, and words on what nobody knows are bounded."""
    await tx.execute(
        """INSERT INTO peer_admission_votes (federation_id, uid, author, yes, at)
           SELECT ?1, ?2, ?3, ?4, ?5 WHERE
               EXISTS (SELECT 1 FROM peer_admissions WHERE federation_id = ?1 AND uid = ?2)
               OR (SELECT count(*) FROM peer_admission_votes v WHERE v.federation_id = ?1 AND v.author = ?3
                   AND NOT EXISTS (SELECT 1 FROM peer_admissions a WHERE a.federation_id = ?1 AND a.uid = v.uid)) < ?6
           ON CONFLICT DO NOTHING""",
        federation_id,
        uid,
        author,
        int(yes),
        at,
        VOTES_AHEAD_MAX,
    )


async def votes(tx: Reader, federation_id: int, uid: str) -> Mapping[str, tuple[bool, int]]:
    """What each has said to it, and when by their own clock."""
    rows = await tx.all(
        """SELECT author, yes, at FROM peer_admission_votes WHERE federation_id = ? AND uid = ?
           ORDER BY author LIMIT 1000""",
        federation_id,
        uid,
    )
    return {author: (bool(yes), at) for author, yes, at in rows}
