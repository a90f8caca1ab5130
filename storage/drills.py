"""Drills: how they went, in figures, and what the committee has set for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.domain import readiness
from bot.domain.readiness import Called, Ring, Score
from storage import rules
from storage.alerts import PAGES_MAX, Alert
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us

PLAN = "drills"
"""The rule that says when drills come: monthly, or off; they are off where nobody has set it."""
ANNOUNCED = "drills_announced"
BAR = "drill_bar"
WINDOW = "drill_minutes"
RECENT_MAX = 12

_ANSWERS = "('coming', 'cannot', 'brings', 'arrived', 'left', 'verified', 'doubted')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """How a drill went, and what the committee wanted of it then."""

    alert_id: int
    number: int
    kind: str
    at: datetime
    window: timedelta
    bar: int
    score: Score

    @property
    def good(self) -> bool:
        """Enough of those who were called answered in time."""
        return self.score.good(self.bar)


async def bar(tx: Reader, committee_id: int) -> int:
    """The share that the committee wants to answer in time, in basis points."""
    return int(await rules.get(tx, committee_id, BAR, readiness.BAR))


async def window(tx: Reader, committee_id: int) -> timedelta:
    """Until when after the beginning of a drill is in time."""
    return timedelta(minutes=await rules.get(tx, committee_id, WINDOW, readiness.WINDOW // timedelta(minutes=1)))


async def is_monthly(tx: Reader, committee_id: int) -> bool:
    """Whether drills come by themselves."""
    return bool(await rules.get(tx, committee_id, PLAN) == "monthly")


async def is_announced(tx: Reader, committee_id: int) -> bool:
    """Whether the group is told the day before."""
    return bool(await rules.get(tx, committee_id, ANNOUNCED, True))


async def called(tx: Reader, alert: Alert) -> list[Called]:
    """How each of those was reached whom an alert was to reach, but for whoever raised it; without names."""
    began = to_us(alert.raised_at)
    rows = await tx.all(
        f"""WITH answers (member_id, at_us) AS (
                SELECT member_id, min(at_us) FROM alert_events
                WHERE alert_id = ?1 AND member_id IS NOT NULL AND kind IN {_ANSWERS} GROUP BY member_id),
            people (member_id) AS (
                SELECT member_id FROM answers UNION SELECT member_id FROM alert_pages WHERE alert_id = ?1)
            SELECT p.ring, o.state, p.state, a.at_us FROM people x
            LEFT JOIN alert_pages p ON p.alert_id = ?1 AND p.member_id = x.member_id
            LEFT JOIN answers a ON a.member_id = x.member_id LEFT JOIN outbox o ON o.id = p.outbox_id
            WHERE x.member_id IS NOT ?2 LIMIT ?3""",
        alert.id,
        alert.raiser_id,
        PAGES_MAX,
    )
    return [
        Called(
            ring=ring,
            delivered=sent == "delivered",
            unreachable=page == "unreachable" or sent == "given_up",
            waits=page == "waits",
            after=None if at_us is None else timedelta(microseconds=at_us - began),
        )
        for ring, sent, page, at_us in rows
    ]


async def record(tx: Transaction, alert: Alert, score: Score, *, window: timedelta, bar: int, now: datetime) -> None:
    """Keep how a drill went, once."""
    await tx.execute(
        """INSERT INTO drill_scores (alert_id, at_us, window_minutes, bar, told, delivered, answered, in_time,
               unreachable, waiting, first_s, median_s, rings)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (alert_id) DO NOTHING""",
        alert.id,
        to_us(now),
        window // timedelta(minutes=1),
        bar,
        score.told,
        score.delivered,
        score.answered,
        score.in_time,
        score.unreachable,
        score.waiting,
        _seconds(score.first),
        _seconds(score.median),
        json.dumps([[ring.ring, ring.told, ring.in_time] for ring in score.rings], separators=(",", ":")),
    )


def _seconds(time: timedelta | None) -> int | None:
    return None if time is None else time // timedelta(seconds=1)


_SCORED = """SELECT s.alert_id, a.number, a.kind, s.at_us, s.window_minutes, s.bar, s.told, s.delivered, s.answered,
                 s.in_time, s.unreachable, s.waiting, s.first_s, s.median_s, s.rings
             FROM drill_scores s JOIN alerts a ON a.id = s.alert_id"""


async def get(tx: Reader, committee_id: int, alert_id: int) -> Scored | None:
    """How a drill of the committee went."""
    row = await tx.one(f"{_SCORED} WHERE s.alert_id = ? AND a.committee_id = ?", alert_id, committee_id)
    return _scored(row) if row else None


async def recent(tx: Reader, committee_id: int, *, before: int | None = None) -> list[Scored]:
    """How the last drills went, newest first. `before`: those before this one, by its alert's id."""
    rows = await tx.all(
        f"""{_SCORED} WHERE a.committee_id = ? AND s.alert_id < coalesce(?, s.alert_id + 1)
            ORDER BY s.alert_id DESC LIMIT ?""",
        committee_id,
        before,
        RECENT_MAX,
    )
    return [_scored(row) for row in rows]


async def last_good(tx: Reader, committee_id: int) -> datetime | None:
    """When the last good drill was over, by what the committee wanted then."""
    at_us = await tx.value(
        """SELECT max(s.at_us) FROM drill_scores s JOIN alerts a ON a.id = s.alert_id
           WHERE a.committee_id = ? AND s.told > 0 AND 10000 * s.in_time >= s.bar * s.told""",
        committee_id,
    )
    return None if at_us is None else from_us(at_us)


def _scored(row: Sequence[Any]) -> Scored:
    (alert_id, number, kind, at_us, minutes, bar_, told, delivered, answered, in_time, unreachable, waiting) = row[:12]
    first_s, median_s, rings = row[12:]
    return Scored(
        alert_id=alert_id,
        number=number,
        kind=kind,
        at=from_us(at_us),
        window=timedelta(minutes=minutes),
        bar=bar_,
        score=Score(
            told=told,
            delivered=delivered,
            answered=answered,
            in_time=in_time,
            unreachable=unreachable,
            waiting=waiting,
            first=None if first_s is None else timedelta(seconds=first_s),
            median=None if median_s is None else timedelta(seconds=median_s),
            rings=tuple(Ring(ring=ring, told=told_, in_time=in_time_) for ring, told_, in_time_ in json.loads(rings)),
        ),
    )
