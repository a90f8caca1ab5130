"""Who is called to an alert and when, as members see it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from storage import due
from storage.database import Reader, Transaction
from tests.conftest import Town

OTHERS = ("dan", "eve", "fay", "gus", "hal", "ida", "jon", "kim")
EVICTION = "/alert eviction Main St 5, Harbour, {needs}, until 23:30"


async def _twelve(town: Town) -> None:
    """Eight more come in; all twelve can be written to."""
    for who in OTHERS:
        await town.says(who, "/join")
        await town.whispers(who, "/start")


async def _on_call(town: Town, who: str) -> None:
    """Somebody has a shift on call this evening."""
    await town.says("ana", "/task watch today 18:30 5h crew 1")
    await town.says("ana", "/shifts")
    await town.presses(who, "I'll take it: watch, Mon, Jan 5 18:30")
    await town.says("ana", "/on_call watch")
    await town.presses("ben", "Agree")
    await town.skip("40m")


async def _raised(town: Town, needs: str, *, by: str = "chi") -> None:
    """Somebody raises an alert, and somebody else confirms it."""
    await town.says(by, EVICTION.format(needs=needs))
    await town.presses("eli", "I can confirm it")


def _called(town: Town, number: int = 1) -> set[str]:
    """Who was called in private; that it is over is no call."""
    return {
        who
        for who in ("ana", "ben", "chi", "eli", *OTHERS)
        if any(words.startswith(f"ALERT {number}:") and "It is over" not in words for words in town.heard(who))
    }


def _times_called(town: Town, who: str) -> int:
    there = town._title(town.private(who))
    return sum("ALERT 1:" in what for where, what in town.transcript if where == there and what.startswith("bot: "))


async def test_first_who_is_on_call_then_who_is_near_or_able_then_all(town: Town) -> None:
    await _twelve(town)
    await _on_call(town, "gus")
    assert "You are near: Harbour and Old Town" in await town.whispers("fay", "/near Harbour, Old Town")
    await town.says("ana", "/skill driving @hal")
    await town.presses("ben", "Agree")
    await _raised(town, "5 people, 1 van")
    assert _called(town) == {"gus"}
    await town.skip("2m")
    assert _called(town) == {"gus"}
    await town.skip("1m")
    assert _called(town) == {"gus", "fay", "hal"}
    await town.skip("3m")
    # Those who stand for it know already.
    assert _called(town) == {"ana", "ben", *OTHERS}
    assert all(_times_called(town, who) == 1 for who in OTHERS)


async def test_where_nobody_is_on_call_the_organizers_are_called_first(town: Town) -> None:
    await _twelve(town)
    await _raised(town, "5 people")
    assert _called(town) == {"ana", "ben"}


async def test_it_stops_once_enough_are_coming_and_nobody_is_woken_by_that(town: Town) -> None:
    await _twelve(town)
    await _raised(town, "1 person")
    await town.presses("ana", "In 10 min")
    await town.skip("3h")
    assert _called(town) == {"ana", "ben"}
    assert _times_called(town, "ben") == 1
    edits = [what for where, what in town.transcript if where == "ben (dm)" and what.startswith("bot (edit): Enough")]
    assert len(edits) == 1
    assert "Enough are coming: stay on call. / ALERT 1: eviction" in edits[0]
    assert not any("Enough are coming" in words for words in town.heard("ana")), "they are coming themselves"


async def test_when_somebody_drops_out_those_on_call_hear_it_at_once_then_who_stayed_then_the_next(
    town: Town,
) -> None:
    await _twelve(town)
    await _on_call(town, "gus")
    await town.whispers("fay", "/near harbour")
    await town.whispers("hal", "/near harbour")
    await _raised(town, "1 person")
    await town.skip("3m")
    assert _called(town) == {"gus", "fay", "hal"}
    await town.presses("fay", "In 10 min")
    await town.skip("30m")
    assert _called(town) == {"gus", "fay", "hal"}
    await town.presses("fay", "I can't")
    before = _times_called(town, "fay")
    assert town.heard("gus")[-1].startswith("Something is missing again. / ALERT 1: eviction")
    assert _times_called(town, "hal") == 1
    await town.skip("1m")
    assert town.heard("hal")[-1].startswith("Something is missing again.")
    assert "Raised 18:40, 34 min before I wrote this." in town.heard("hal")[-1]
    assert _times_called(town, "gus") == 2, "they were told at once"
    await town.skip("3m")
    assert {"dan", "ana"} <= _called(town)
    assert _times_called(town, "fay") == before, "who has said no is asked no more"


async def test_whoever_leaves_the_committee_is_not_counted_on_any_more(town: Town) -> None:
    await _raised(town, "1 person")
    await town.presses("ben", "In 10 min")
    await town.skip("10m")
    await town.whispers("ana", "/alert 1 meet church")
    await town.presses("ben", "Where do we meet?")
    assert "people 1/1" in town.sees()[-1]
    await town.whispers("ben", "/leave")
    await town.skip("1s")
    assert "people 0/1" in town.sees()[-1]
    assert town.heard("ana")[-1].startswith("Something is missing again.")
    assert any(where == "ben (dm)" and what == "bot takes a message away" for where, what in town.transcript)
    await town.says("ana", "/alert 1 end")
    await town.skip("15m")
    assert "It is over" not in town.heard("ben")[-1]


async def test_what_it_takes_can_be_raised_and_lowered_at_any_time(town: Town) -> None:
    await _twelve(town)
    await _raised(town, "3 people")
    await town.presses("ana", "In 10 min")
    await town.says("ben", "/alert 1 needs 1 person")
    await town.skip("1h")
    assert _called(town) == {"ana", "ben"}
    await town.says("ben", "/alert 1 needs 9 people")
    await town.skip("1m")
    await town.skip("3m")
    assert {*OTHERS} <= _called(town)


async def test_nobody_is_called_before_a_second_person_confirms_it(town: Town) -> None:
    await _twelve(town)
    await town.says("chi", EVICTION.format(needs="5 people"))
    await town.skip("1h")
    assert _called(town) == set()
    assert "before somebody else has confirmed it" in (await town.says("ana", "/alert 1 call") or town.heard("ana")[-1])


async def test_who_is_suspended_and_children_and_who_cannot_are_never_called(town: Town) -> None:
    await _twelve(town)

    async def work(tx: Transaction) -> None:
        until = int((town.practice.clock() + timedelta(days=3)).timestamp() * 1_000_000)
        await tx.execute("UPDATE members SET suspended_until_us = ? WHERE name_key = 'dan'", until)
        await tx.execute("UPDATE members SET child = 1 WHERE name_key = 'eve'")

    await town.practice.app.database.transact(work)
    await town.says("chi", EVICTION.format(needs="9 people"))
    await town.presses("fay", "I can't")
    await town.presses("eli", "I can confirm it")
    await town.skip("1h")
    assert _called(town) == {"ana", "ben", "gus", "hal", "ida", "jon", "kim"}


async def test_an_organizer_need_not_wait_for_a_ring(town: Town) -> None:
    await _twelve(town)
    await _raised(town, "9 people")
    assert _called(town) == {"ana", "ben"}
    assert "by whoever raised it and by the organizers" in (
        await town.says("dan", "/alert 1 call") or town.heard("dan")[-1]
    )
    await town.says("ana", "/alert 1 call")
    assert {*OTHERS} <= _called(town)
    assert "Everybody is called already." in (await town.says("ana", "/alert 1 call") or town.heard("ana")[-1])
    await town.skip("1h")
    assert _times_called(town, "dan") == 1


async def test_a_committee_sets_how_long_a_ring_has(town: Town) -> None:
    await _twelve(town)
    assert "between 1 min and 1 h" in await town.says("ana", "/alert_rings 2h")
    await town.says("ana", "/alert_rings 10m")
    await town.presses("ben", "Agree")
    assert "in alerts, each ring has 10 min to answer" in await town.whispers("ana", "/log rules")
    await _raised(town, "9 people")
    await town.skip("9m")
    assert _called(town) == {"ana", "ben"}
    await town.skip("1m")
    assert {*OTHERS} <= _called(town)


async def test_the_task_on_call_is_named_and_taken_back(town: Town) -> None:
    await _twelve(town)
    await _on_call(town, "gus")
    assert "who has a shift of watch is called first" in await town.whispers("ana", "/log rules")
    await town.says("ana", "/on_call_off")
    await town.presses("ben", "Agree")
    await _raised(town, "9 people")
    assert _called(town) == {"ana", "ben"}


# --- quiet hours -------------------------------------------------------------------------------------------------


async def test_at_night_only_who_agreed_is_woken_and_the_others_hear_it_in_the_morning(town: Town) -> None:
    await _twelve(town)
    assert "No alert reaches you in your quiet hours" in await town.whispers("dan", "/wake")
    assert "reach you in your quiet hours too" in await town.whispers("dan", "/wake on")
    await town.skip("4h")
    await town.says("chi", "/alert eviction Main St 5, 9 people, until tomorrow 12:00")
    await town.presses("eli", "I can confirm it")
    # Nobody waits for rings that sleep.
    assert _called(town) == {"dan"}
    await town.skip("9h")
    assert _called(town) == {"dan"}
    await town.skip("1h")
    assert _called(town) == {"ana", "ben", *OTHERS}
    assert "Raised Mon, Jan 5 22:00, 10 h before I wrote this." in town.heard("fay")[-1]
    assert all(_times_called(town, who) == 1 for who in OTHERS)


async def test_what_is_over_by_the_morning_is_told_to_nobody_who_slept(town: Town) -> None:
    await _twelve(town)
    await town.skip("4h")
    await town.says("chi", "/alert eviction Main St 5, 9 people, until tomorrow 5:00")
    await town.presses("eli", "I can confirm it")
    await town.skip("20h")
    assert _called(town) == set()


async def test_what_comes_after_wakes_nobody_who_is_not_coming_either(town: Town) -> None:
    await town.whispers("eli", "/wake on")
    await town.says("ana", "/alert eviction Main St 5, 9 people, until tomorrow 12:00")
    await town.presses("ben", "I can confirm it")
    await town.skip("6h")
    chi = len(town.heard("chi"))
    await town.whispers("ana", "/alert 1 update they are inside")
    assert "they are inside" in town.heard("eli")[-1]
    assert len(town.heard("chi")) == chi
    await town.skip("8h")
    assert "they are inside" in town.heard("chi")[-1], "what is so in the morning"
    assert len(town.heard("chi")) == chi + 1


async def test_that_it_is_over_wakes_nobody_who_is_not_coming(town: Town) -> None:
    await town.says("ana", "/alert eviction Main St 5, 9 people, until tomorrow 12:00")
    await town.presses("ben", "I can confirm it")
    await town.presses("eli", "In 60 min")
    await town.skip("6h")
    await town.whispers("ana", "/alert 1 end")
    assert "It is over: nobody need come any more." in town.heard("eli")[-1]
    await town.skip("1m")
    # What they were told in the evening says so, without a sound.
    told = [what for where, what in town.transcript if where == "chi (dm)"][-1]
    assert told == "bot (edit): ALERT 1: eviction / It is over: nobody need come any more."
    await town.skip("15m")
    assert "1 was coming and has not said that they know." in town.heard("ana")[-1]
    assert not any("was coming and has not" in said for said in town.heard("chi"))


async def test_what_goes_on_in_the_morning_with_enough_people_says_so(town: Town) -> None:
    await _twelve(town)
    await town.skip("4h")
    await town.says("chi", "/alert eviction Main St 5, 1 person, until tomorrow 12:00")
    await town.presses("eli", "I can confirm it")
    await town.presses("kim", "In 10 min")
    await town.skip("10h")
    assert town.heard("dan")[-1].startswith("Enough are coming: stay on call. / ALERT 1")


async def test_a_silence_counts_like_quiet_hours_and_what_is_less_than_severe_wakes_nobody(town: Town) -> None:
    await _twelve(town)
    await town.whispers("dan", "/quiet 3h")
    await town.whispers("fay", "/quiet 3h")
    await town.whispers("fay", "/wake on")
    await town.says("chi", "/alert aid Main St 5, 9 people, until 23:30")
    await town.presses("eli", "I can confirm it")
    await town.skip("30m")
    assert _called(town) == {"ana", "ben", *OTHERS} - {"dan", "fay"}
    await _raised_second(town)
    await town.skip("10m")
    assert _called(town, 2) == {"ana", "ben", *OTHERS} - {"dan"}


async def _raised_second(town: Town) -> None:
    await town.says("chi", "/alert eviction Quay 7, 9 people, until 23:30")
    await town.presses("eli", "I can confirm it")


async def test_a_drill_wakes_nobody(town: Town) -> None:
    await _twelve(town)
    await town.whispers("dan", "/wake on")
    await town.skip("4h")
    await town.says("ana", "/alert drill eviction Main St 5, 9 people, until 23:30")
    await town.presses("eli", "I can confirm it")
    await town.skip("20m")
    assert not any("DRILL" in words for who in OTHERS for words in town.heard(who))


async def test_who_says_at_night_that_they_may_be_woken_hears_what_goes_on(town: Town) -> None:
    await _twelve(town)
    await town.skip("4h")
    await town.says("chi", "/alert eviction Main St 5, 9 people, until tomorrow 12:00")
    await town.presses("eli", "I can confirm it")
    assert _called(town) == set()
    await town.whispers("dan", "/wake on")
    assert _called(town) == {"dan"}


async def test_who_is_on_call_is_asked_whether_alerts_may_wake_them(town: Town) -> None:
    await _twelve(town)
    await town.says("ana", "/task watch today 18:30 5h crew 1")
    await town.says("ana", "/shifts")
    await town.presses("gus", "I'll take it: watch, Mon, Jan 5 18:30")
    await town.says("ana", "/on_call watch")
    await town.presses("ben", "Agree")
    assert "May alerts reach you in your quiet hours?" in await town.whispers("gus", "/todo")
    assert "May alerts" not in await town.whispers("hal", "/todo")
    await town.whispers("gus", "/wake off")
    assert "May alerts" not in await town.whispers("gus", "/todo")


async def test_nobody_sees_where_i_am_near(town: Town) -> None:
    assert "in private" in await town.says("chi", "/near Quayside")
    await town.whispers("chi", "/near Quayside")
    assert "Quayside" in await town.whispers("chi", "/near")
    for who in ("ana", "eli"):
        assert "Quayside" not in await town.whispers(who, "/near")
    assert "Quayside" not in await town.whispers("ana", "/log")
    await town.whispers("chi", "/near off")
    assert "Quayside" not in await town.whispers("chi", "/near")


# --- outages, and clocks that jump -------------------------------------------------------------------------------


async def _set_clock(town: Town, by: timedelta) -> None:
    """The machine's clock is set, forwards or back; then it wakes up."""
    clock = town.practice.clock
    clock._now += by  # type: ignore[attr-defined]
    await town.practice.app.dispatcher.tick(clock())
    await town.practice.settle()


async def _planned(town: Town) -> datetime | None:
    async def ask(tx: Reader) -> datetime | None:
        return await due.at(tx, "alert:1:ring")

    return await town.practice.app.database.read(ask)


async def test_after_an_hour_without_the_bot_the_furthest_ring_is_called_once(town: Town) -> None:
    await _twelve(town)
    await town.whispers("fay", "/near harbour")
    await _raised(town, "9 people")
    # The process is down: nothing that falls due meanwhile is done.
    await _set_clock(town, timedelta(hours=1))
    assert _called(town) == {"ana", "ben", *OTHERS}
    assert all(_times_called(town, who) == 1 for who in ("ana", "ben", *OTHERS))
    assert "Raised 18:00, 1 h before I wrote this." in town.heard("dan")[-1]
    rows = await town.practice.app.database.read(
        lambda tx: tx.all("SELECT data FROM alert_events WHERE kind = 'ring' ORDER BY id")
    )
    assert [data for (data,) in rows] == ['{"ring":0,"told":true}', '{"ring":2,"told":true}'], "no ring between"


async def test_an_alert_that_expired_while_the_bot_was_away_calls_nobody(town: Town) -> None:
    await _twelve(town)
    await _raised(town, "9 people")
    await _set_clock(town, timedelta(hours=7))
    await town.skip("1d")
    assert _called(town) == {"ana", "ben"}


async def test_a_clock_set_forwards_calls_one_ring_and_set_back_again_none_twice(town: Town) -> None:
    await _twelve(town)
    await town.whispers("fay", "/near harbour")
    await _raised(town, "9 people")
    await _set_clock(town, timedelta(hours=2))
    assert _called(town) == {"ana", "ben", *OTHERS}
    await _set_clock(town, -timedelta(hours=2))
    await town.skip("1h")
    assert all(_times_called(town, who) == 1 for who in ("ana", "ben", *OTHERS))


@pytest.mark.parametrize("hours", [1, 5, 30])
async def test_a_clock_set_back_delays_the_next_ring_by_one_wait_at_most(town: Town, hours: int) -> None:
    await _twelve(town)
    # So that it is not night then.
    for who in OTHERS:
        await town.whispers(who, "/quiet hours off")
    await town.whispers("fay", "/near harbour")
    await _raised(town, "9 people")
    await town.skip("2m")
    await _set_clock(town, -timedelta(hours=hours))
    assert _called(town) == {"ana", "ben"}
    planned = await _planned(town)
    assert planned == town.practice.clock() + timedelta(minutes=3)
    await town.skip("3m")
    assert _called(town) == {"ana", "ben", "fay"}
    await town.skip("3m")
    assert _called(town) == {"ana", "ben", *OTHERS}
    assert all(_times_called(town, who) == 1 for who in OTHERS)


async def test_a_step_that_is_said_again_does_nothing_more(town: Town) -> None:
    await _twelve(town)
    await town.whispers("fay", "/near harbour")
    await _raised(town, "9 people")
    dispatcher = town.practice.app.dispatcher
    for _ in range(3):
        for name in ("alert_ring", "alert_answered", "alert_escalate", "alert_recall", "alert_stay", "alert_wake"):
            await _say(town, name)
        await dispatcher.tick(town.practice.clock())
        await town.practice.settle()
    assert _called(town) == {"ana", "ben"}
    assert _times_called(town, "ana") == 1
    await town.skip("3m")
    assert _called(town) == {"ana", "ben", "fay"}


async def _say(town: Town, name: str) -> None:
    """The clock says it once more."""
    app = town.practice.app
    command = app.dispatcher._commands.named(name)
    given = {"alert": 1, **({"start": 1} if any(one.name == "start" for one in command.parameters) else {})}

    async def work(tx: Transaction) -> None:
        await due.plan_at(tx, f"test:{name}", command.says(**given), town.practice.clock(), committee=1)

    await app.database.transact(work)
    await app.dispatcher.tick(town.practice.clock())
    await town.practice.settle()
