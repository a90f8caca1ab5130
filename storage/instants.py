"""Instants as they are stored: whole microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Microseconds of an aware instant."""
    return (at - _START) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """The instant, aware, UTC."""
    return _START + microseconds * _MICROSECOND
