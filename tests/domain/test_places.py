"""Who may know where an alert is: the rules alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import places
from bot.domain.places import SHOWN_FOR, may_not_say, may_not_see, until

NOW = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)
NETWORKS = st.sampled_from(["telegram", "matrix", "console", "another"])
SITUATIONS = st.fixed_dictionaries(
    {
        "network": NETWORKS | st.none(),
        **{name: st.booleans() for name in ("private", "encrypted", "coming", "changes")},
    },
    optional={},
)


@given(SITUATIONS, st.booleans())
def test_the_exact_place_is_for_those_named_who_come_in_private_off_telegram_and_encrypted(
    there: dict[str, Any], named: bool
) -> None:
    allowed = may_not_see("exact", named=named, **there) is None
    assert allowed == (
        named and there["coming"] and there["private"] and there["encrypted"] and there["network"] == "matrix"
    )


@given(SITUATIONS, st.booleans())
def test_the_meeting_point_is_for_those_who_come_and_those_who_look_after_it_in_private(
    there: dict[str, Any], named: bool
) -> None:
    allowed = may_not_see("meeting", named=named, **there) is None
    assert allowed == ((there["coming"] or there["changes"]) and there["private"] and there["network"] is not None)


@given(SITUATIONS, st.booleans())
def test_whoever_may_see_more_may_see_less(there: dict[str, Any], named: bool) -> None:
    if may_not_see("exact", named=named, **there) is None:
        assert may_not_see("meeting", named=named, **there) is None


@given(NETWORKS, st.booleans(), st.booleans())
def test_a_place_is_said_only_where_it_could_be_shown(network: str, private: bool, encrypted: bool) -> None:
    for tier in ("meeting", "exact"):
        says = may_not_say(tier, network=network, private=private, encrypted=encrypted) is None
        sees = (
            may_not_see(
                tier, network=network, private=private, encrypted=encrypted, coming=True, changes=True, named=True
            )
            is None
        )
        assert says == sees


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
