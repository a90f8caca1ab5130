"""The kinds of a committee's alerts, as they come and as it has changed them, and how alerts of each turned out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain import alarm
from bot.domain.alarm import Kind, Outcome
from bot.domain.chain import canonical
from bot.text import Written
from storage import notes
from storage.database import Reader, Transaction
from storage.people import Committee

QUESTIONS_MAX = 1000
KINDS_MAX = 100
RECORDED: frozenset[Outcome] = frozenset(("ended", "false", "expired"))
"""Outcomes by which one can tell how an alert has turned out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A kind of a committee. `label`: its own words for one that it has added; `dropped`: it is not offered."""

    kind: Kind
    label: Written | None = None
    questions: tuple[Written, ...] = ()
    dropped: bool = False
    id: int | None = None

    @property
    def key(self) -> str:
        """What it is kept by."""
        return self.kind.key

    @property
    def shipped(self) -> bool:
        """Every committee begins with it."""
        return self.key in alarm.KINDS


async def of(tx: Reader, committee_id: int) -> Mapping[str, Known]:
    """All kinds of a committee by their keys in the order in which they are offered, also those that it has dropped."""
    rows = await tx.all(
        """SELECT id, key, urgency, severity, hours, alone, needs, dropped FROM alert_kinds WHERE committee_id = ?
           ORDER BY id LIMIT ?""",
        committee_id,
        KINDS_MAX,
    )
    changed: dict[str, Known] = {}
    for id_, key, urgency, severity, hours, alone, needs, dropped in rows:
        kind = Kind(key=key, urgency=urgency, severity=severity, hours=hours, alone=alone, needs=json.loads(needs))
        changed[key] = Known(
            kind=kind,
            label=None if key in alarm.KINDS else await notes.written(tx, f"alert_kind:{id_}"),
            questions=await _questions(tx, id_),
            dropped=bool(dropped),
            id=id_,
        )
    shipped = {key: changed.pop(key, Known(kind=kind)) for key, kind in alarm.KINDS.items()}
    other = shipped.pop("other")
    return {**shipped, **changed, "other": other}


async def _questions(tx: Reader, kind_id: int) -> tuple[Written, ...]:
    # Those that are asked no more keep their rows, and with them their numbers, but no words.
    rows = await tx.all("SELECT id FROM alert_questions WHERE kind_id = ? ORDER BY id LIMIT ?", kind_id, QUESTIONS_MAX)
    found = [await notes.written(tx, f"alert_question:{id_}") for (id_,) in rows]
    return tuple(one for one in found if one is not None)


async def put(tx: Transaction, committee: Committee, kind: Kind, *, dropped: bool = False) -> int:
    """From now on the kind is this; its row's id."""
    return int(
        await tx.value(
            """INSERT INTO alert_kinds (committee_id, key, urgency, severity, hours, alone, needs, dropped)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (committee_id, key) DO UPDATE SET urgency = excluded.urgency, severity = excluded.severity,
                   hours = excluded.hours, alone = excluded.alone, needs = excluded.needs, dropped = excluded.dropped
               RETURNING id""",
            committee.id,
            kind.key,
            kind.urgency,
            kind.severity,
            kind.hours,
            kind.alone,
            canonical(dict(kind.needs)),
            int(dropped),
        )
    )


async def add(tx: Transaction, committee: Committee, label: str) -> tuple[str, int, str]:
    """A kind more, as "other" comes; its key, its row's id, and the salted hash of its label for the chain."""
    count = await tx.value("SELECT count(*) FROM alert_kinds WHERE committee_id = ? AND key LIKE 'own%'", committee.id)
    other = alarm.KINDS["other"]
    key = f"own{int(count) + 1}"
    id_ = await put(tx, committee, Kind(key=key, urgency=other.urgency, severity=other.severity, hours=other.hours))
    return key, id_, await notes.keep(tx, f"alert_kind:{id_}", label)


async def ask(tx: Transaction, kind_id: int, question: str) -> tuple[int, str]:
    """A question more; its id, and the salted hash of its words for the chain."""
    id_ = await tx.value("INSERT INTO alert_questions (kind_id) VALUES (?) RETURNING id", kind_id)
    return int(id_), await notes.keep(tx, f"alert_question:{id_}", question)


async def ask_nothing(tx: Transaction, kind_id: int) -> None:
    """The kind has no questions any more."""
    for (id_,) in await tx.all("SELECT id FROM alert_questions WHERE kind_id = ? LIMIT ?", kind_id, QUESTIONS_MAX):
        await notes.erase(tx, f"alert_question:{id_}")


# --- how they have turned out ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Of so many alerts, so many were real."""

    real: int = 0
    alerts: int = 0


async def count(tx: Transaction, committee_id: int, kind: str, outcome: Outcome, *, confirmed: bool) -> None:
    """An alert of this kind has turned out so."""
    if outcome in RECORDED:
        await tx.execute(
            """INSERT INTO alert_records (committee_id, kind, confirmed, outcome, alerts) VALUES (?, ?, ?, ?, 1)
               ON CONFLICT (committee_id, kind, confirmed, outcome) DO UPDATE SET alerts = alerts + 1""",
            committee_id,
            kind,
            int(confirmed),
            outcome,
        )


async def records(tx: Reader, committee_id: int) -> Mapping[tuple[str, bool], Record]:
    """How alerts have turned out, by kind and by whether they were confirmed."""
    rows = await tx.all(
        """SELECT kind, confirmed, sum(CASE WHEN outcome = 'ended' THEN alerts ELSE 0 END), sum(alerts)
           FROM alert_records WHERE committee_id = ? GROUP BY kind, confirmed LIMIT 1000""",
        committee_id,
    )
    return {(kind, bool(confirmed)): Record(real=real, alerts=alerts) for kind, confirmed, real, alerts in rows}
