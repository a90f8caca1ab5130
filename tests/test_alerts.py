"""Alerts: raised, confirmed by somebody else, answered, changed and over."""

from __future__ import annotations

import re
import textwrap
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.chat import Chat, Message, MessageErased
from bot.domain import alarm
from bot.practice import FixedClock
from bot.text import LANGUAGES, Soon, T, shown
from bot.text import Reader as For
from storage import alerts, due
from storage.alerts import Alert, Page
from storage.database import Reader, Transaction
from tests.conftest import Town

LINE = "/alert eviction Main St 5, 20 people, 1 van, until 23:00"


def _card(town: Town, number: int = 1) -> str:
    """What the newest card of an alert says in the group."""
    return next(what for what in reversed(town.sees()) if re.match(rf"(ALERT|DRILL) {number}\b", what))


async def _alert(town: Town, number: int = 1) -> tuple[Alert, list[Page]]:
    async def ask(tx: Reader) -> tuple[Alert, list[Page]]:
        there = await alerts.numbered(tx, 1, number)
        assert there is not None
        return there, await alerts.pages(tx, there)

    return await town.practice.app.database.read(ask)


async def _events(town: Town, number: int = 1) -> list[str]:
    async def ask(tx: Reader) -> list[str]:
        there = await alerts.numbered(tx, 1, number)
        assert there is not None
        return [event.kind for event in await alerts.events(tx, there)]

    return await town.practice.app.database.read(ask)


async def _count(town: Town) -> int:
    return await town.practice.app.database.read(lambda tx: tx.value("SELECT count(*) FROM alerts"))


# --- raising -------------------------------------------------------------------------------------------------------


async def test_one_line_in_the_group_raises_it_and_the_card_is_the_answer(town: Town) -> None:
    said = await town.says("chi", LINE)
    assert said == (
        "ALERT 1: eviction / Not confirmed yet: 1/2 / Where: Main St 5 / Until 23:00 / Needed: people 0/20 and van 0/1"
    )


async def test_one_line_in_private_raises_it_in_the_group(town: Town) -> None:
    said = await town.whispers("chi", LINE)
    assert said == ("Alert 1 is raised. / The group is told now. Once somebody else confirms it, everybody is called.")
    assert _card(town).startswith("ALERT 1: eviction / Not confirmed yet: 1/2 / Where: Main St 5")
    assert "Chi" not in _card(town)


async def test_what_it_is_called_in_another_language_raises_it_too(town: Town) -> None:
    assert "ALERT 1: eviction" in await town.says("chi", "/Alarm Räumung Main St 5")
    assert "ALERT 2: raid or detention" in await town.says("eli", "/alerta redada Dock 7")
    assert (await town.says("zed", "/alarma incendio")).startswith("The organizers are told now.")


async def test_in_private_three_taps_and_one_line_raise_it(town: Town) -> None:
    before = len(town.transcript)
    await town.whispers("chi", "/alert")
    await town.presses("chi", "eviction")
    await town.whispers("chi", "Main St 5, 20 people, until 23:00")
    assert "Needed: people 0/20" in _card(town)
    done = [what for where, what in town.transcript[before:] if where == "chi (dm)" and what.startswith("chi")]
    assert done == ["chi: /alert", "chi presses [eviction]", "chi: Main St 5, 20 people, until 23:00"]


async def test_from_the_menu_of_the_group_three_taps_and_one_line_raise_it(town: Town) -> None:
    await town.says("chi", "/menu")
    before = len(town.transcript)
    await town.presses("chi", "More")
    await town.presses("chi", "Raise an alert")
    await town.presses("chi", "raid or detention")
    await town.whispers("chi", "the bakery")
    pressed = [what for _, what in town.transcript[before:] if what.startswith("chi")]
    assert len(pressed) == 4
    assert "ALERT 1: raid or detention / Not confirmed yet: 1/2 / Where: the bakery" in _card(town)


async def test_where_it_is_can_be_left_out(town: Town) -> None:
    await town.whispers("chi", "/alert")
    await town.presses("chi", "threat or attack")
    await town.presses("chi", "Skip")
    assert _card(town).startswith("ALERT 1: threat or attack / Not confirmed yet: 1/2 / Until ")
    assert "Where" not in _card(town)


async def test_a_line_without_a_kind_is_kept_and_the_kind_takes_a_tap(town: Town) -> None:
    assert await town.says("chi", "/alert police at Main St 5, 20 people") == ""
    assert "What is it?" in town.heard("chi")[-1]
    await town.presses("chi", "raid or detention")
    assert "ALERT 1: raid or detention" in _card(town)
    assert "Where: police at Main St 5" in _card(town)
    assert "Needed: people 0/20" in _card(town)


async def test_a_slip_in_the_kind_is_asked_back_with_the_nearest_one(town: Town) -> None:
    assert await town.says("chi", "/alert evicton Main St 5, 20 people") == "Which kind of alert do you mean: eviction?"
    assert await _count(town) == 0
    assert await town.presses("ben", "Yes, raise it") != "", "it is for whoever was asked"
    assert await _count(town) == 0
    await town.presses("chi", "Yes, raise it")
    assert "ALERT 1: eviction / Not confirmed yet: 1/2 / Where: Main St 5" in _card(town)
    await town.presses("chi", "Yes, raise it")
    assert await _count(town) == 1, "once"


async def test_a_slip_that_was_something_else_is_asked_for(town: Town) -> None:
    await town.says("chi", "/alert evicton Main St 5")
    await town.presses("chi", "Another kind …")
    await town.presses("chi", "urgent aid")
    assert "ALERT 1: urgent aid" in _card(town)
    assert "Where: evicton Main St 5" in _card(town)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "eviction Hall, until 99:99",
            "I do not understand “until 99:99”. Write it like this: /alert eviction Main St",
        ),
        ("eviction Hall, until 20:00, until 21:00", "“until 21:00” contradicts what stands before it. Say it once"),
        ("eviction Hall, 20 people, 30 people", "“30 people” contradicts what stands before it."),
        ("eviction Hall, 0 people", "I do not understand “0 people”."),
        ("eviction Hall, 99999 people", "I do not understand “99999 people”."),
        ("eviction Hall, until 18:02", "That time is over. Say until when it goes on: until 14:00"),
        ("eviction Hall, for 1 min", "That time is over."),
        ("eviction Hall, for 3 days", "An alert goes on for 48 hours at most. Raise a new one then"),
        ("eviction Hall, until 2.1. 14:00", "An alert goes on for 48 hours at most."),
    ],
)
async def test_what_cannot_be_is_asked_back_and_nothing_is_raised(town: Town, line: str, said: str) -> None:
    assert said in await town.says("chi", f"/alert {line}")
    assert await _count(town) == 0


async def test_what_is_too_long_for_the_card_is_raised_all_the_same_and_i_am_told(town: Town) -> None:
    story = "they are at the door and " * 40
    await town.says("chi", f"/alert raid Hall, {story}")
    assert "Where: Hall" in _card(town)
    assert len(_card(town)) < 800
    assert "The card shows the first 500 characters of what you wrote." in town.heard("chi")[-1]
    assert "/alert 1 update" in town.heard("chi")[-1]


async def test_the_longest_line_and_odd_letters_are_no_fault(town: Town) -> None:
    for line in ("🚨🚨🚨", "raid 🚨 ‮evil, 5 🚐", "x" * 3990, "raid " + "y" * 3990, ",,,;;;", "raid, ,;\n,", "raid\x00"):
        await town.whispers("chi", f"/alert {line}")
    assert town.practice.app.dispatcher.incidents == 0


async def test_of_a_flood_of_lines_three_are_shown_one_waits_and_nobody_is_called(town: Town) -> None:
    for street in ("Oak", "Elm", "Ash", "Fir", "Yew", "Birch", "Pine", "Rose", "Lime", "Plum", "Pear", "Fig"):
        await town.says("chi", f"/alert other {street} St")
    assert sum(words.startswith("ALERT") for words in town.sees()) == 3
    assert sum("It waits for you" in words for words in town.heard("ana")) == 1
    assert "Your alert 4 still waits for an organizer" in town.heard("chi")[-1]
    for number in (1, 2, 3):
        _, pages = await _alert(town, number)
        assert pages == []
    assert town.heard("eli") == []


# --- confirming ----------------------------------------------------------------------------------------------------


async def test_a_second_person_confirms_it_and_nobody_learns_who(town: Town) -> None:
    await town.says("chi", LINE)
    said = await town.presses("ben", "I can confirm it")
    assert said == "Thank you. Nobody sees that it was you who confirmed it."
    assert "Confirmed: 2/2" in _card(town)
    everything = [
        what
        for where, what in town.transcript
        if what.startswith("bot") and where not in ("ben (tap)", "chi (dm)", "ben (dm)")
    ]
    assert not any("Ben" in what or "Chi" in what for what in everything if "ALERT" in what)
    log = await town.whispers("eli", "/log decisions")
    assert "Alert 1 was raised: eviction, Main St 5" in log
    assert "Alert 1 was confirmed." in log
    about = [line for line in log.split(" / ") if "Alert 1" in line]
    assert not any("Ben" in line or "Chi" in line for line in about)


async def test_whoever_raised_it_does_not_confirm_it(town: Town) -> None:
    await town.says("chi", LINE)
    said = await town.presses("chi", "I can confirm it")
    assert said == "You stand for this alert already. Somebody else has to confirm it."
    assert "Not confirmed yet: 1/2" in _card(town)


async def test_whom_i_brought_in_does_not_confirm_what_i_raised(town: Town) -> None:
    await _brought_in_by_chi(town)
    await town.says("chi", LINE)
    said = await town.presses("dan", "I can confirm it")
    assert "not invited by the same people as whoever raised it" in said
    assert "Ask somebody else to look." in said
    assert "Not confirmed yet: 1/2" in _card(town)
    await town.presses("eli", "I can confirm it")
    assert "Confirmed: 2/2" in _card(town)


async def test_newcomers_confirm_nothing_yet(town: Town) -> None:
    await town.skip("30d")
    await town.says("dan", "/join")
    await town.says("chi", LINE.replace("23:00", "tomorrow 9:00"))
    for _ in range(2):
        said = await town.presses("dan", "I can confirm it")
        assert said == "Newcomers cannot confirm alerts yet. Ask somebody who has been here for longer."
        await town.skip("5h")
    assert "Not confirmed yet: 1/2" in _card(town)
    await town.skip("7d")
    await town.says("chi", "/alert raid Hall")
    assert (await town.presses("dan", "I can confirm it")).startswith("Thank you.")


async def test_two_of_one_branch_are_one_witness_and_nobody_is_called(town: Town) -> None:
    await _brought_in_by_chi(town)
    await town.says("dan", LINE)
    assert "Ask somebody else to look." in await town.presses("chi", "I can confirm it")
    assert await _events(town) == ["raised"]
    assert (await _alert(town))[1] == []


async def _brought_in_by_chi(town: Town) -> None:
    """Dan is here for long, and it was chi who brought them in."""
    await town.says("dan", "/join")

    async def work(tx: Transaction) -> None:
        rows = await tx.all("SELECT id, name FROM members")
        ids = {name: id_ for id_, name in rows}
        await tx.execute(
            "UPDATE members SET invited_by = ?, newcomer_until_us = NULL WHERE id = ?", ids["Chi"], ids["Dan"]
        )

    await town.practice.app.database.transact(work)


async def test_a_doubt_is_told_once_to_those_who_can_end_it_and_not_whose_it_is(town: Town) -> None:
    await town.says("chi", LINE)
    assert await town.presses("eli", "I doubt it") == "Noted. Tell in the group what you know."
    assert "1 member doubts it." in _card(town)
    for who in ("ana", "ben", "chi"):
        assert town.heard(who)[-1] == "ALERT 1: eviction / Somebody doubts that it is true. Can you find out?"
    told = len(town.heard("ana"))
    assert await town.presses("eli", "I doubt it") == "That is noted already. Tell in the group what you know."
    await town.presses("ben", "I doubt it")
    assert "2 members doubt it." in _card(town)
    assert len(town.heard("ana")) == told, "told once"
    assert "Eli" not in " ".join(town.heard("ana"))
    await town.presses("ana", "False alarm")
    assert _card(town) == "ALERT 1: eviction / It was a false alarm: nobody need come."


async def test_whoever_has_confirmed_it_can_take_that_back_and_whoever_raised_it_ends_it(town: Town) -> None:
    await town.says("chi", LINE)
    assert await town.presses("chi", "I doubt it") == "You raised this alert. If it is not true: /alert 1 false"
    await town.presses("ben", "I can confirm it")
    await town.presses("ben", "More …")
    said = await town.presses("ben", "I doubt it")
    assert (said or town.heard("ben")[-1]).startswith("Noted: you do not confirm it any more.")
    assert "Not confirmed yet: 1/2 / 1 member doubts it." in _card(town)
    await town.presses("ben", "I can confirm it")
    assert "Confirmed: 2/2" in _card(town)
    assert "doubt" not in _card(town)


# --- who comes -----------------------------------------------------------------------------------------------------


async def test_who_comes_and_what_they_bring_is_counted_and_not_named(town: Town) -> None:
    await town.says("ana", LINE)
    assert await town.presses("chi", "In 10 min") == "Thank you. You are expected in 10 min."
    await town.presses("eli", "I can bring …")
    await town.presses("eli", "van")
    assert "Needed: people 2/20 and van 1/1 / 2 are coming." in _card(town)
    assert not any(name in _card(town) for name in ("Chi", "Eli", "Ana"))
    assert town.heard("eli")[-1].endswith("You are coming: 18:30"), "each sees their own in private"
    await town.presses("eli", "I'm there")
    assert "1 is there. / 1 is coming." in _card(town)
    assert any(what.endswith("You are there.") for what in town.heard("eli"))


async def test_whoever_cannot_come_opens_what_they_would_have_met(town: Town) -> None:
    await town.says("ana", LINE)
    await town.presses("eli", "I can bring …")
    await town.presses("eli", "van")
    assert await town.presses("eli", "I can't") == ("Noted. You are asked no more about this alert.")
    assert "Needed: people 0/20 and van 0/1 / 1 cannot come." in _card(town)


async def test_what_i_bring_is_taken_back_when_said_again(town: Town) -> None:
    await town.says("ana", LINE)
    for _ in range(2):
        await town.presses("eli", "I can bring …")
        await town.presses("eli", "medic")
    assert await _events(town) == ["raised", "coming", "brings", "brings"]
    assert "1 is coming." in _card(town)
    await town.presses("eli", "I can bring …")
    await town.presses("eli", "people")
    assert await _events(town) == ["raised", "coming", "brings", "brings"], "who comes is counted already"


async def test_what_waits_for_me_shows_it_until_i_answer(town: Town) -> None:
    await town.says("ana", LINE)
    assert "ALERT 1: eviction" in await town.whispers("chi", "/todo")
    await town.presses("chi", "I can't")
    assert "ALERT 1" not in await town.whispers("chi", "/todo")


# --- what it takes, until when, what is new ------------------------------------------------------------------------


async def test_whoever_raised_it_and_the_organizers_say_what_it_takes(town: Town) -> None:
    await town.says("chi", LINE)
    await town.says("chi", "/alert 1 needs 2 people, 1 medic, 0 vans")
    assert "Needed: people 0/2 and medic 0/1" in _card(town)
    await town.says("ben", "/alert 1 needs 3 people")
    assert "people 0/3" in _card(town)
    await town.says("ben", "/alert 1 needs")
    assert "What does it take?" in town.heard("ben")[-1]
    await town.whispers("ben", "4 people")
    assert "people 0/4" in _card(town)


@pytest.mark.parametrize("what", ["many", "3 ducks", "0 ducks", "501 people", "2 people, 3 people"])
async def test_needs_that_are_none_are_asked_back(town: Town, what: str) -> None:
    await town.says("chi", LINE)
    said = await town.says("chi", f"/alert 1 needs {what}")
    assert "/alert 1 needs 20 people, 1 van" in said
    assert "people 0/20 and van 0/1" in _card(town)


async def test_it_goes_on_for_longer_or_less_long(town: Town) -> None:
    await town.says("chi", LINE)
    assert await town.says("chi", "/alert 1 until 20:30") == "Alert 1 goes on until 20:30."
    await town.skip("2h 31m")
    assert _card(town) == "ALERT 1: eviction / Its time is over."
    await town.says("chi", LINE.replace("until 23:00", "until 21:00"))
    assert await town.says("ben", "/alert 2 until tomorrow 9:00") == "Alert 2 goes on until Tue, Jan 6 09:00."
    await town.skip("5h")
    assert "Until" in _card(town, 2)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("whenever", "I do not understand “whenever”. Write it like this: /alert 1 until 14:00"),
        ("99:99", "I do not understand “99:99”."),
        ("9 days", "It can go on until Wed, Jan 7 18:00 at most"),
        ("2.1. 14:00", "It can go on until Wed, Jan 7 18:00 at most"),
    ],
)
async def test_an_end_that_cannot_be_is_asked_back(town: Town, end: str, said: str) -> None:
    await town.says("chi", LINE)
    assert said in await town.says("chi", f"/alert 1 until {end}")
    assert "Until 23:00" in _card(town)


async def test_news_is_on_the_card_and_told_to_those_who_come(town: Town) -> None:
    await town.says("chi", LINE)
    await town.presses("eli", "In 30 min")
    await town.presses("ben", "In 30 min")
    await town.presses("ben", "I can't")
    await town.says("chi", "/alert 1 update the police have gone")
    assert "18:00: “the police have gone” (as it was written)" in _card(town)
    assert town.heard("eli")[-1] == "ALERT 1: eviction / News: “the police have gone” (as it was written)"
    assert town.heard("ben") == [], "whoever cannot come is left alone"
    assert town.heard("chi")[-1] == "Noted: the card shows it, and 1 is told."
    await town.skip("5m")
    await town.whispers("ana", "/alert 1 update: they are back")
    assert "18:05: “they are back”" in _card(town)
    assert "have gone" not in _card(town), "the newest one"
    assert "News of alert 1: they are back" in await town.whispers("eli", "/log decisions")


async def test_news_goes_to_those_who_were_told_in_private(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {**alarm.KINDS, "threat": replace(alarm.KINDS["threat"], alone="organizers")}
    monkeypatch.setattr(alarm, "KINDS", kinds)
    await town.whispers("chi", "/alert threat Hall")
    _, pages = await _alert(town)
    assert [page.state for page in pages] == ["sent", "sent"]
    await town.whispers("chi", "/alert 1 update they have gone")
    for who in ("ana", "ben"):
        assert town.heard(who)[-1] == "ALERT 1: threat or attack / News: “they have gone” (as it was written)"
    assert town.heard("eli") == []
    assert not any("they have gone" in what for what in town.sees())


async def test_news_by_buttons(town: Town) -> None:
    await town.says("chi", LINE)
    await town.presses("chi", "More …")
    await town.presses("chi", "News")
    assert "What is new?" in town.heard("chi")[-1]
    await town.whispers("chi", "two more vans came")
    assert "“two more vans came”" in _card(town)


async def test_news_that_is_forged_too_long_or_too_much_is_refused(town: Town) -> None:
    await town.says("chi", LINE)
    await town.presses("ben", "In 10 min")
    before = _card(town)
    assert await town.says("eli", "/alert 1 update it is over, go home") == ""
    assert town.heard("eli")[-1] == (
        "Alert 1 is changed by whoever raised it and by the organizers. Tell them what you know."
    )
    assert "500 characters at most" in await town.says("chi", "/alert 1 update " + "x" * 501)
    assert _card(town) == before
    assert town.heard("ben") == []
    for number in range(50):
        await town.whispers("chi", f"/alert 1 update news {number}")
    assert "Say the rest in the group." in await town.whispers("chi", "/alert 1 update news 50")
    assert "“news 49”" in _card(town)


# --- over ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "said", "card"),
    [
        ("end", "Alert 1 is over.", "It is over."),
        ("cancel", "Alert 1 was cancelled: nobody need come.", "It was cancelled: nobody need come."),
        ("false", "Alert 1 was a false alarm: nobody need come.", "It was a false alarm: nobody need come."),
    ],
)
async def test_it_is_ended_by_whoever_raised_it_or_an_organizer_and_by_nobody_else(
    town: Town, word: str, said: str, card: str
) -> None:
    await town.says("chi", LINE)
    assert await town.says("eli", f"/alert 1 {word}") == ""
    assert "is changed by whoever raised it and by the organizers" in town.heard("eli")[-1]
    assert "Needed" in _card(town)
    await town.presses("eli", "In 10 min")
    await town.presses("eli", "More …")
    await town.presses("eli", "I'm there")
    await town.presses("ben", "In 10 min")
    assert await town.says("chi", f"/alert 1 {word}") == said
    assert _card(town) == f"ALERT 1: eviction / {card} / 1 was there. / 1 was on the way."
    assert await town.says("ben", f"/alert 1 {word}") == ""
    assert town.heard("ben")[-1] == said, "whoever is late hears what became of it"
    for line in ("needs 2 people", "until 23:30", "update more", "end"):
        await town.whispers("chi", f"/alert 1 {line}")
        assert town.heard("chi")[-1] == said, "over is over"


async def test_an_organizer_ends_it_too(town: Town) -> None:
    await town.says("chi", LINE)
    assert await town.says("ben", "/alert 1 end") == "Alert 1 is over."


async def test_the_clock_ends_it(town: Town) -> None:
    await town.says("chi", LINE)
    await town.skip("5h")
    assert _card(town) == "ALERT 1: eviction / Its time is over."
    await town.whispers("chi", "/alert 1 end")
    assert town.heard("chi")[-1] == "The time of alert 1 is over."
    there, _ = await _alert(town)
    assert there.outcome == "expired"
    assert (await _events(town))[-1] == "expired"


async def test_after_an_outage_it_is_over_before_the_clock_has_said_so(town: Town) -> None:
    await town.says("chi", LINE)
    clock = town.practice.clock
    assert isinstance(clock, FixedClock)
    clock.move(clock() + timedelta(hours=30))
    assert await town.presses("eli", "In 10 min") == "The time of alert 1 is over."
    await town.skip("1m")
    assert _card(town) == "ALERT 1: eviction / Its time is over."
    assert (await _events(town)).count("expired") == 1


async def test_nothing_waits_any_more_when_it_is_over_but_what_comes_after(town: Town) -> None:
    await town.says("chi", LINE)
    await town.presses("eli", "I can confirm it")

    async def planned(tx: Reader) -> set[str]:
        rows = await due.fallen(tx, now=town.practice.clock() + timedelta(days=100))
        return {row.key.removeprefix("alert:1:") for row in rows if row.key.startswith("alert:1:")}

    going_on = await town.practice.app.database.read(planned)
    assert "end" in going_on
    await town.says("chi", "/alert 1 cancel")
    after = await town.practice.app.database.read(planned)
    assert not after & going_on
    assert "debrief" in after


# --- looking -------------------------------------------------------------------------------------------------------


async def test_alerts_shows_those_that_go_on_and_those_of_the_last_days(town: Town) -> None:
    assert (await town.whispers("eli", "/alerts")).startswith("There is no alert, and there was none in the last days.")
    await town.says("chi", LINE)
    await town.says("chi", "/alert raid Hall")
    await town.says("chi", "/alert 1 end")
    assert await town.whispers("eli", "/alerts") == (
        "ALERT 2: raid or detention / Not confirmed yet: 1/2 / Needed: people 0/5 and legal help 0/1"
        " / ALERT 1: eviction / It is over."
    )
    await town.skip("8d")
    assert (await town.whispers("eli", "/alerts")).startswith("There is no alert")


@pytest.mark.parametrize("line", ["99", "0", "#0", "99 end", "0 end", "999999999"])
async def test_an_alert_that_is_not_there(town: Town, line: str) -> None:
    await town.says("chi", LINE)
    said = await town.says("eli", f"/alert {line}")
    number = line.lstrip("#").split()[0]
    assert said == f"There is no alert {number}. /alerts shows those that there are."


async def test_a_word_that_means_nothing_for_an_alert_says_what_there_is(town: Town) -> None:
    await town.says("chi", LINE)
    assert await town.says("chi", "/alert 1 finito") == (
        "I do not understand “finito”. Of alert 1 you can say /alert 1 update the police have gone"
        " or /alert 1 until 14:00 or /alert 1 end"
    )


async def test_an_alert_by_its_number_shows_its_card_in_private_too(town: Town) -> None:
    await town.says("chi", LINE)
    assert (await town.whispers("eli", "/alert 1")).startswith("ALERT 1: eviction")
    assert (await town.whispers("eli", "/alert #1")).startswith("ALERT 1: eviction") or "ALERT 1" in town.heard("eli")[
        -1
    ]


async def test_what_is_for_the_organizers_only_is_seen_by_nobody_else(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {**alarm.KINDS, "threat": replace(alarm.KINDS["threat"], alone="organizers")}
    monkeypatch.setattr(alarm, "KINDS", kinds)
    said = await town.whispers("chi", "/alert threat Hall")
    assert said.endswith("The organizers are told now. Once somebody else confirms it, everybody is.")
    assert not any("ALERT" in what for what in town.sees())
    assert town.heard("ana")[-1].startswith("ALERT 1: threat or attack")
    assert town.heard("ben")[-1].startswith("ALERT 1: threat or attack")
    assert town.heard("eli") == []
    nothing = "There is no alert 1. /alerts shows those that there are."
    assert await town.says("eli", "/alert 1") == nothing
    assert await town.whispers("eli", "/alert 1") == nothing
    assert "ALERT" not in await town.whispers("eli", "/alerts")
    assert "ALERT" not in await town.says("ana", "/alerts"), "not in the group, whoever asks there"
    assert "ALERT 1" in await town.whispers("ana", "/alerts")
    assert "ALERT" not in await town.whispers("eli", "/todo")
    await town.says("ana", "/alert 1")
    assert town.heard("ana")[-1] == "That alert is not for the group yet. Look at it in private."
    await town.presses("ben", "I can confirm it")
    assert "Confirmed: 2/2" in _card(town), "confirmed, it is for everybody"


async def test_what_was_for_the_organizers_only_stays_so_when_it_is_over(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {**alarm.KINDS, "threat": replace(alarm.KINDS["threat"], alone="organizers")}
    monkeypatch.setattr(alarm, "KINDS", kinds)
    await town.whispers("chi", "/alert threat Hall")
    await town.whispers("chi", "/alert 1 cancel")
    assert "ALERT" not in await town.whispers("eli", "/alerts")
    assert "There is no alert 1." in await town.whispers("eli", "/alert 1")


# --- what becomes of a message -------------------------------------------------------------------------------------


async def _edits(town: Town, who: str, text: str, *, within: Chat | None = None) -> None:
    await town.practice.app.dispatcher.handle(
        Message(
            event=f"edit-{len(town.transcript)}",
            at=town.practice.clock(),
            chat=within or town.group(),
            sender=town.practice.console.somebody(who).sender,
            text=text,
            message="7",
            edited=True,
        )
    )
    await town.practice.settle()


async def test_a_line_that_is_changed_afterwards_raises_no_second_one_and_says_how_to_change_it(town: Town) -> None:
    await town.says("chi", LINE)
    before = _card(town)
    await _edits(town, "chi", "/alert eviction Main St 7, 40 people")
    assert await _count(town) == 1
    assert _card(town) == before
    assert town.heard("chi")[-1] == (
        "You have changed what you wrote about an alert. What you wrote first counts, and no second alert is raised. "
        "Say what is different by its number: /alert 3 update the police have gone or "
        "/alert 3 needs 20 people, 1 van or /alert 3 until 14:00"
    )
    told = len(town.heard("chi"))
    await _edits(town, "chi", "/alert eviction Main St 9")
    assert len(town.heard("chi")) == told, "once for each message"
    await _edits(town, "chi", "/alert 1 end", within=town.private("chi"))
    assert "Needed" in _card(town), "nothing that is changed afterwards is carried out"


async def test_talk_that_becomes_an_alert_by_a_change_raises_none(town: Town) -> None:
    await _edits(town, "eli", LINE)
    assert await _count(town) == 0
    assert "no second alert is raised" in town.heard("eli")[-1]


async def test_a_message_that_is_deleted_ends_nothing(town: Town) -> None:
    await town.says("chi", LINE)
    await town.presses("eli", "In 10 min")
    await town.practice.app.dispatcher.handle(
        MessageErased(event="erased-1", at=town.practice.clock(), chat=town.group(), message="1")
    )
    await town.practice.settle()
    assert "1 is coming." in _card(town)
    there, _ = await _alert(town)
    assert there.outcome is None


async def test_the_same_event_told_again_raises_one(town: Town) -> None:
    message = Message(
        event="the same",
        at=town.practice.clock(),
        chat=town.group(),
        sender=town.practice.console.somebody("chi").sender,
        text=LINE,
        message="70",
    )
    for _ in range(3):
        await town.practice.app.dispatcher.handle(message)
    await town.practice.settle()
    assert await _count(town) == 1


async def test_a_stranger_raises_nothing(town: Town) -> None:
    await town.says("zoe", LINE)
    await town.whispers("zoe", LINE)
    assert not any("Main St" in what for what in town.sees())


# --- language ------------------------------------------------------------------------------------------------------


async def test_a_german_reads_it_in_german_behind_a_button_in_a_spanish_group(town: Town) -> None:
    await town.says("ana", "/language es")
    await town.says("ben", "/language es")
    await town.whispers("chi", "/language de")
    await town.says("ana", "/alert desahucio Calle Mayor 5, 20 personas, la puerta está cerrada, hasta las 23:00")
    card = next(what for where, what in reversed(town.transcript) if where == "Riverside" and "ALERTA 1" in what)
    assert "“la puerta está cerrada” (tal como se escribió)" in card
    assert "[Deutsch]" in card
    await town.presses("chi", "Deutsch")
    read = town.heard("chi")[-1]
    assert read.startswith("ALARM 1: Räumung / Noch nicht bestätigt: 1/2")
    assert "„la puerta está cerrada“ (so geschrieben)" in read
    assert "Gebraucht: Leute 0/20" in read
    await town.whispers("chi", "/alert 1")
    assert town.heard("chi")[-1].startswith("ALARM 1: Räumung"), "in private everybody reads their own"


async def test_where_everybody_reads_the_groups_language_there_is_no_such_button(town: Town) -> None:
    await town.says("chi", LINE)
    card = next(what for where, what in reversed(town.transcript) if where == "Riverside" and "ALERT 1" in what)
    assert not any(f"[{name}]" in card for name in LANGUAGES.values())


async def test_the_author_gives_it_in_the_other_language_and_the_card_says_that_nobody_translated_it(
    town: Town,
) -> None:
    for who in ("ana", "ben"):
        await town.says(who, "/languages es de")
    await town.whispers("chi", "/language es")
    await town.says("chi", "/alert desahucio Mayor 5, la puerta está cerrada")
    await town.says("chi", "/also die Tür ist zu")
    card = town.sees()[-1]
    assert "“la puerta está cerrada” (tal como se escribió)" in card
    assert "„die Tür ist zu“ (so geschrieben)" in card
    await town.says("chi", "/alert 1 update se han ido")
    await town.says("chi", "/also sie sind weg")
    assert "“se han ido” (tal como se escribió)" in town.sees()[-1]
    assert "„sie sind weg“ (so geschrieben)" in town.sees()[-1]


async def test_what_somebody_wrote_goes_with_them_from_the_card_and_from_the_tables(town: Town) -> None:
    await town.says("chi", "/alert raid Hall, they are many")
    await town.says("chi", "/alert 1 update the back door is open")
    await town.says("ana", "/alert other Park, ask Chi what she saw")
    await town.says("chi", "/alert other the garden of Eli")
    assert "the back door is open" in _card(town)
    await town.whispers("chi", "/forget me")
    await town.presses("chi", "Yes, forget me for good")
    assert _card(town).startswith("ALERT 1: raid or detention / Not confirmed yet: 1/2 / Until ")
    assert "ask Chi" not in _card(town, 2)
    assert "garden" not in _card(town, 3)
    left = await town.practice.app.database.read(
        lambda tx: tx.all("SELECT thing, text FROM notes WHERE text IS NOT NULL AND thing LIKE 'alert%' ORDER BY thing")
    )
    assert left == [("alert_area:2", "Park")]


# --- how it looks --------------------------------------------------------------------------------------------------

PHONE_COLUMNS = 40
"""What a phone of 320 px shows in a line."""
ROW_OF_THREE = 11
"""So many letters has a button of three in a row there, before it is cut off."""
ROW_OF_TWO = 17


@pytest.mark.parametrize("language", [*LANGUAGES])
async def test_the_card_fits_a_small_phone(town: Town, language: str) -> None:
    words = {
        "en": ("/alert raid North Street 117, corner of the market, 20 people, 2 vans, 1 legal, 1 medic, 1 childcare",),
        "es": ("/alert redada Calle Mayor 117, junto al mercado, 20 personas, 2 furgonetas, 1 abogada, 1 canguro",),
        "de": ("/alert Razzia Nordstraße 117, Ecke Marktplatz, 20 Leute, 2 Transporter, 1 Anwältin, 1 Sani",),
    }
    for who in ("ana", "ben"):
        if language != "en":
            await town.says(who, f"/language {language}")
    await town.says("chi", words[language][0])
    [card] = [one for one in town.practice.console.posted.values() if "1/2" in one.text]
    for line in card.text.split("\n"):
        wrapped = textwrap.wrap(line, PHONE_COLUMNS, break_long_words=False)
        assert len(wrapped) <= 3, line
        assert all(len(part) <= PHONE_COLUMNS for part in wrapped), "no word is cut"
    assert len(textwrap.wrap(card.text.split("\n")[0], PHONE_COLUMNS)) == 1, "what it is stands in one line"
    assert sum(len(textwrap.wrap(line, PHONE_COLUMNS)) for line in card.text.split("\n")) <= 10
    for row in card.keys:
        most = ROW_OF_THREE if len(row) == 3 else ROW_OF_TWO
        assert all(len(key.label) <= most for key in row), row


def test_an_instant_of_today_is_shown_without_its_day_in_the_readers_zone() -> None:
    now = datetime(2026, 1, 5, 23, 30, tzinfo=UTC)
    there = T("{at}", at=Soon(datetime(2026, 1, 6, 0, 30, tzinfo=UTC), now))
    assert shown(there, For()) == "Tue, Jan 6 00:30"
    assert shown(there, For(zone=ZoneInfo("Europe/Madrid"))) == "01:30"


async def test_the_longest_card_of_a_group_with_two_languages_is_one_message(town: Town) -> None:
    for who in ("ana", "ben"):
        await town.says(who, "/languages es de")
    await town.says("chi", f"/alert redada {'Calle ' * 18}, {'x' * 490}, 500 personas, 500 furgonetas, 500 abogadas")
    await town.says("chi", "/alert 1 update " + "y" * 500)
    card = next(one for one in town.practice.console.posted.values() if "ALERTA 1" in one.text)
    assert len(card.text) < 4096
    assert "y" * 500 in card.text
