"""Who may know where an alert is: the rules alone, in every situation that there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import places
from bot.domain.places import SHOWN_FOR, Tier, may_not_say, may_not_see, until

NOW = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)
NETWORKS = ("telegram", "matrix", "console", "another")
YES_OR_NO = (False, True)
TIERS: tuple[Tier, ...] = ("meeting", "exact")
SITUATIONS: list[dict[str, Any]] = [
    dict(zip(("network", "private", "encrypted", "coming", "changes", "named"), there, strict=True))
    for there in product((*NETWORKS, None), *[YES_OR_NO] * 5)
]


def test_the_exact_place_is_for_those_named_who_come_in_private_off_telegram_and_encrypted() -> None:
    for there in SITUATIONS:
        conditions = [there[name] for name in ("named", "coming", "private", "encrypted")]
        assert (may_not_see("exact", **there) is None) == (all(conditions) and there["network"] == "matrix"), there


def test_the_meeting_point_is_for_those_who_come_and_those_who_look_after_it_in_private() -> None:
    for there in SITUATIONS:
        concerned = there["coming"] or there["changes"]
        expected = concerned and there["private"] and there["network"] is not None
        assert (may_not_see("meeting", **there) is None) == expected, there


def test_whoever_may_see_more_may_see_less() -> None:
    for there in SITUATIONS:
        if may_not_see("exact", **there) is None:
            assert may_not_see("meeting", **there) is None, there


def test_a_place_is_said_only_where_it_could_be_shown() -> None:
    for tier, network, private, encrypted in product(TIERS, NETWORKS, YES_OR_NO, YES_OR_NO):
        where: dict[str, Any] = {"network": network, "private": private, "encrypted": encrypted}
        shown = may_not_see(tier, coming=True, changes=True, named=True, **where) is None
        assert (may_not_say(tier, **where) is None) == shown, (tier, where)


@given(
    st.integers(-100, 3000).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    st.none() | st.integers(-100, 3000).map(lambda minutes: NOW + timedelta(minutes=minutes)),
)
def test_a_place_is_never_shown_for_longer_than_the_alert_goes_on_or_somebody_is_named(
    expires_at: datetime, named_until: datetime | None
) -> None:
    ends = until(now=NOW, expires_at=expires_at, named_until=named_until)
    assert NOW <= ends <= NOW + SHOWN_FOR
    assert ends <= max(NOW, expires_at)
    assert named_until is None or ends <= max(NOW, named_until)


def test_telegram_is_no_network_for_the_exact_place() -> None:
    assert "telegram" not in places.EXACT_NETWORKS
