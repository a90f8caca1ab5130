"""When things recur: RFC 5545 rules on wall time in a zone. A time that a clock change skips moves forward; one that
it repeats happens once, the first time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

RULE_CHARACTERS_MAX = 500


def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant (UTC) of a wall time: in a spring gap moved forward by the gap, in an autumn fold the first."""
    assert local.tzinfo is None
    # With fold=0 PEP 495 reads a skipped time with the offset before the change: that is the move forward.
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def following(rule: str, *, start: datetime, zone: ZoneInfo, after: datetime) -> tuple[datetime, datetime] | None:
    """The first occurrence after an instant: its wall time and its instant (UTC). None: the rule has ended.

    `start` is the wall time of the first occurrence (naive). Raises ValueError for a rule that is none.
    """
    assert start.tzinfo is None
    assert after.tzinfo is not None
    if len(rule) > RULE_CHARACTERS_MAX:
        raise ValueError("rule too long")
    rules = rrulestr(rule, dtstart=start)
    # The rule works on wall time, which a clock change can shift: begin a day early and compare instants.
    local = after.astimezone(zone).replace(tzinfo=None) - timedelta(days=1)
    # One pass: each question to the rule begins again at its first occurrence.
    for found in rules.xafter(local):
        at = instant(found, zone)
        if at > after:
            return found, at
    return None
