"""Shifts in one's own calendar, as members meet it: the file, the address, and what ends it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import icalendar
import vobject
from hypothesis import given
from hypothesis import strategies as st

from bot.calendars import Feed, feed, written
from bot.domain.calendars import EVENTS_MAX, Event, uid
from bot.practice import MATRIX
from bot.text import sound
from storage import calendars, copies, custodians, people
from storage.database import Transaction, connected
from tests.conftest import Town
from tests.test_connect import connect_accounts, connect_groups

CLEANING = "/task cleaning every week sat 10:00 2h crew 2-3"
TAKE = "I'll take it: Cleaning, Sat, Jan 10 10:00"
ADDRESS = "https://solibot.example.org"
_TOKEN = re.compile(rf"{re.escape(ADDRESS)}/calendar/([a-z2-7]{{32}})\.ics")


async def web(town: Town) -> None:
    """Whoever runs the bot switches addresses on."""
    await town.practice.app.database.transact(lambda tx: custodians.describe_host(tx, {calendars.WEB: ADDRESS}))


def text(town: Town) -> str:
    """The newest file."""
    return town.practice.console.documents[-1].text


def events(file: str) -> list[Any]:
    """What a calendar program finds in a file."""
    return [*icalendar.Calendar.from_ical(file).walk("VEVENT")]


def when(file: str) -> list[tuple[str, datetime | date, datetime | date]]:
    """What and when, in a file."""
    return [(str(one["summary"]), one.decoded("dtstart"), one.decoded("dtend")) for one in events(file)]


async def there(town: Town, token: str) -> list[str] | None:
    """What calendar programs find under an address; None: nothing."""
    now = town.practice.clock()
    found = await town.practice.app.database.read(lambda tx: calendars.asked(tx, token, now=now))
    return None if found is None else [f"{shift.local:%m-%d %H:%M}" for shift in found.shifts]


async def address(town: Town, who: str, button: str = "Subscription address", *, ask: str = "/calendar") -> str:
    """Somebody takes an address in private; its token."""
    await town.whispers(who, ask)
    await town.practice.press(who, button, within=town.private(who))
    found = _TOKEN.search(town.heard(who)[-1])
    assert found is not None, town.heard(who)[-1]
    return found[1]


async def press(town: Town, who: str, button: str) -> str:
    """Somebody presses a button in private; what they hear then."""
    before = len(town.heard(who))
    await town.practice.press(who, button, within=town.private(who))
    return "\n".join(town.heard(who)[before:])


# --- the file ----------------------------------------------------------------------------------------------------


async def test_my_file_holds_my_shifts_at_the_right_time_and_names_nobody(town: Town) -> None:
    await town.says("ana", "/timezone Berlin")
    await town.presses("ben", "Agree")
    await town.says("ana", CLEANING)
    await town.says("ana", "/shifts")
    await town.presses("chi", TAKE)
    await town.presses("ben", TAKE)
    answer = await town.whispers("chi", "/calendar")
    assert answer.startswith("Your shifts in Riverside / 1 shift is in this file.")
    assert "but whoever runs this bot has switched that off" in answer, "a practice bot has no web"
    start = datetime(2026, 1, 10, 9, tzinfo=UTC)
    assert when(text(town)) == [("Cleaning", start, start + timedelta(hours=2))]
    for name in ("Ana", "Ben", "Chi", "Eli"):
        assert name not in text(town)
    assert "Riverside" in str(events(text(town))[0]["description"])
    assert str(events(text(town))[0]["status"]) == "CONFIRMED"


async def test_in_the_group_it_is_all_shifts_and_goes_to_whoever_asks_in_private(town: Town) -> None:
    await town.says("ana", CLEANING)
    assert "calendar" not in (await town.says("eli", "/calendar")).casefold()
    assert town.heard("eli")[-1].startswith("All shifts of Riverside / 8 shifts are in this file.")
    assert len(events(text(town))) == 8
    assert (await town.whispers("eli", "/calendar committee")).startswith("All shifts of Riverside")
    none = await town.whispers("eli", "/calendar")
    assert none.startswith("Your shifts in Riverside / There is no shift in it yet.")
    assert "one of mine and committee" in await town.whispers("eli", "/calendar yesterday")


async def test_ten_by_the_clock_on_the_wall_stays_ten_when_clocks_change(town: Town) -> None:
    await town.says("ana", "/timezone Berlin")
    await town.presses("ben", "Agree")
    await town.skip("60d")
    await town.says("ana", CLEANING)
    await town.says("ana", "/calendar")
    hours = {str(start.date()): start.hour for _, start, _ in when(text(town)) if isinstance(start, datetime)}
    assert hours["2026-03-28"] == 9
    assert hours["2026-04-04"] == 8


async def test_what_is_done_at_any_time_takes_whole_days(town: Town) -> None:
    await town.says("ana", "/task flyers any time this week 1h crew 1")
    await town.says("ana", "/calendar")
    assert when(text(town)) == [("flyers", date(2026, 1, 5), date(2026, 1, 12))]
    [one] = events(text(town))
    assert str(one["transp"]) == "TRANSPARENT"
    assert "At any time in these days, about 1 h." in str(one["description"])


async def test_read_again_a_file_puts_right_what_is_there_and_what_is_called_off_vanishes(town: Town) -> None:
    await town.says("ana", CLEANING)
    await town.says("ana", "/calendar")
    first = {str(one["uid"]): one for one in events(text(town))}
    assert len(first) == 8
    await town.skip("1h")
    await town.says("ana", "/task_change cleaning 3h")
    await town.says("ana", "/calendar")
    second = {str(one["uid"]): one for one in events(text(town))}
    assert second.keys() == first.keys()
    for key, one in second.items():
        assert int(one["sequence"]) == int(first[key]["sequence"]) + 1
        assert one.decoded("dtstamp") > first[key].decoded("dtstamp")
        assert one.decoded("dtend") - one.decoded("dtstart") == timedelta(hours=3)
    # More people changes no time.
    await town.says("ana", "/task_change cleaning crew 3-4")
    await town.says("ana", "/calendar")
    assert [int(one["sequence"]) for one in events(text(town))] == [1] * 8
    await town.says("ana", "/task_change cleaning every week sun 10:00")
    await town.says("ana", "/calendar")
    assert not {str(one["uid"]) for one in events(text(town))} & first.keys()


async def test_a_seat_that_is_given_back_leaves_my_calendar_and_one_that_is_done_stays_a_while(town: Town) -> None:
    await web(town)
    await town.says("ana", CLEANING)
    await town.says("ana", "/shifts")
    await town.presses("chi", TAKE)
    mine, whole = await address(town, "chi"), await address(town, "ben", ask="/calendar committee")
    assert await there(town, mine) == ["01-10 10:00"]
    await town.whispers("chi", "/shifts")
    await town.practice.press("chi", "Can't: Cleaning, Sat, Jan 10 10:00", within=town.private("chi"))
    assert await there(town, mine) == []
    assert "01-10 10:00" in (await there(town, whole) or [])
    await town.says("ana", "/shifts")
    await town.presses("chi", TAKE)
    await town.skip("5d")
    await town.whispers("chi", "/shifts")
    await town.practice.press("chi", "Done: Cleaning, Sat, Jan 10 10:00", within=town.private("chi"))
    assert await there(town, mine) == ["01-10 10:00"]
    await town.skip("40d")
    assert await there(town, mine) == []


async def test_what_calendars_fetch_is_in_the_members_language(town: Town) -> None:
    await web(town)
    await town.says("ana", "/task flyers any time this week 1h crew 1")
    await town.whispers("eli", "/language es")
    token = await address(town, "eli", "Dirección de suscripción", ask="/calendar committee")
    now = town.practice.clock()
    found = await town.practice.app.database.read(lambda tx: calendars.asked(tx, token, now=now))
    assert found is not None
    said = feed(found)
    assert said.name == "Riverside: turnos"
    assert said.events[0].text == "Riverside. En cualquier momento de estos días, cerca de 1 h."


# --- what programs read ------------------------------------------------------------------------------------------

# Names and sentences come as one line each.
_WORDS = st.text(max_size=200).map(lambda said: " ".join(sound(said).split()))
_INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=0)
)


@st.composite
def _events(draw: st.DrawFn) -> Event:
    at = draw(_INSTANTS)
    length = timedelta(minutes=draw(st.integers(1, 1440)))
    whole = draw(st.booleans())
    return Event(
        uid=uid("committee", draw(st.integers(1, 10**9)), at),
        title=draw(_WORDS),
        text=draw(_WORDS),
        begins=at.date() if whole else at,
        ends=at.date() + timedelta(days=draw(st.integers(1, 31))) if whole else at + length,
        revision=draw(st.integers(0, 99)),
        revised=draw(_INSTANTS),
        draft=draw(st.booleans()),
    )


@given(name=_WORDS, said=st.lists(_events(), max_size=4))
def test_two_programs_read_back_what_was_written_whatever_the_words_are(name: str, said: list[Event]) -> None:
    file = written(Feed(name=name, events=tuple(said)))
    assert all(len(line) <= 75 for line in file.encode().split(b"\r\n"))
    assert "\n" not in file.replace("\r\n", "")
    assert file.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert file.endswith("\r\nEND:VCALENDAR\r\n")
    mine = [
        (str(one["uid"]), one.decoded("dtstart"), one.decoded("dtend"), int(one["sequence"])) for one in events(file)
    ]
    assert mine == [(one.uid, one.begins, one.ends, one.revision) for one in said]
    others = vobject.readOne(file)
    theirs = [
        (one.summary.value, one.description.value, one.dtstart.value, one.dtend.value)
        for one in getattr(others, "vevent_list", [])
    ]
    assert theirs == [(one.title, one.text, one.begins, one.ends) for one in said]


def test_what_is_too_long_for_a_chat_loses_what_is_furthest_ahead() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    every = tuple(
        Event(
            uid=uid("c", 1, at + timedelta(days=n)), title="ü" * 100, text="ü" * 300, begins=at + timedelta(days=n),
            ends=at + timedelta(days=n, hours=1), revision=0, revised=at, draft=False,
        )
        for n in range(EVENTS_MAX)
    )  # fmt: skip
    file = written(Feed(name="Riverside", events=every))
    assert len(file) <= 200_000
    found = events(file)
    assert 200 < len(found) < EVENTS_MAX
    assert [str(one["uid"]) for one in found] == [one.uid for one in every[: len(found)]]


# --- the address -------------------------------------------------------------------------------------------------


async def test_an_address_is_told_once_and_only_its_hash_is_kept(town: Town) -> None:
    await web(town)
    await town.says("ana", CLEANING)
    token = await address(town, "chi", ask="/calendar committee")
    assert len(await there(town, token) or []) == 8

    async def kept(tx: Transaction) -> str:
        tables = [name for (name,) in await tx.all("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return "".join([str(await tx.all(f"SELECT * FROM {table}")) for table in tables])

    everything = await town.practice.app.database.transact(kept)
    assert calendars.hashed(token) in everything
    assert token not in everything
    await town.whispers("chi", "/calendar committee")
    answer = await press(town, "chi", "New address")
    assert "The old address works no more." in answer
    assert await there(town, token) is None
    second = _TOKEN.search(answer)
    assert second is not None
    assert await there(town, second[1]) is not None
    assert "You took an address for it on Jan 5, 2026." in await town.whispers("chi", "/calendar committee")
    assert (await press(town, "chi", "Switch off")).startswith("The address works no more.")
    assert await there(town, second[1]) is None
    assert await there(town, "") is None


async def test_the_buttons_pressed_twice_end_no_address_that_was_just_told(town: Town) -> None:
    await web(town)
    await address(town, "chi")
    console = town.practice.console
    told = [message for message, posted in console.posted.items() if "New address" in str(posted.keys)]
    new = await press(town, "chi", "New address")
    found = _TOKEN.search(new)
    assert found is not None
    [key] = [key for row in console.posted[told[-1]].keys for key in row if key.label == "New address"]
    await console.press_key("chi", key, told[-1], manages_chat=False)
    await town.practice.settle()
    assert await there(town, found[1]) == []
    # The button that makes the first one shows nothing the second time.
    await town.practice.press("chi", "Subscription address", within=town.private("chi"))
    assert "I cannot show it again" in town.heard("chi")[-1]
    assert await there(town, found[1]) == []


async def test_addresses_of_one_member_are_nobody_elses(town: Town) -> None:
    await web(town)
    await town.says("ana", CLEANING)
    await town.says("ana", "/shifts")
    await town.presses("chi", TAKE)
    chis, bens = await address(town, "chi"), await address(town, "ben")
    assert await there(town, chis) == ["01-10 10:00"]
    assert await there(town, bens) == []
    await town.whispers("ben", "/calendar")
    await press(town, "ben", "Switch off")
    assert await there(town, bens) is None
    assert await there(town, chis) == ["01-10 10:00"]


async def test_an_organizer_ends_everybodys_and_the_log_says_so_without_any_of_them(town: Town) -> None:
    await web(town)
    await town.says("ana", CLEANING)
    chis, elis = [await address(town, who, ask="/calendar committee") for who in ("chi", "eli")]
    mine = await address(town, "chi")
    await town.whispers("ben", "/calendar committee")
    assert "[Switch off everybody's addresses]" in town.transcript[-1][1]
    assert "2 members have an address" in await press(town, "ben", "Switch off everybody's addresses")
    await press(town, "ben", "Yes")
    assert [await there(town, one) for one in (chis, elis)] == [None, None]
    assert await there(town, mine) == []
    assert town.sees()[-1].startswith("Ben has switched off all addresses for the committee's shifts.")
    log = await town.whispers("chi", "/log")
    assert "Ben ended 2 addresses for the committee's shifts." in log
    assert not any(token in what for where, what in town.transcript if where == "Riverside" for token in (chis, elis))
    await town.whispers("chi", "/calendar committee")
    assert "everybody" not in town.transcript[-1][1]


async def test_whoever_leaves_reads_no_more_also_when_they_come_back(town: Town) -> None:
    await web(town)
    tokens = [await address(town, "chi"), await address(town, "chi", ask="/calendar committee")]
    await town.says("chi", "/leave")
    assert [await there(town, token) for token in tokens] == [None, None]
    await town.says("chi", "/join")
    assert [await there(town, token) for token in tokens] == [None, None]
    assert (await address(town, "chi")) not in tokens


async def test_whoever_is_forgotten_leaves_no_address_behind(town: Town) -> None:
    await web(town)
    token = await address(town, "chi")
    await town.whispers("chi", "/export me")
    assert '"whose_shifts": "mine"' in town.practice.console.documents[-1].text
    await town.whispers("chi", "/forget me")
    await press(town, "chi", "Yes, forget me for good")
    assert await there(town, token) is None
    assert await town.practice.app.database.read(lambda tx: tx.value("SELECT count(*) FROM calendars")) == 0


async def test_two_accounts_of_one_person_keep_one_address_until_one_is_taken_out(town: Town) -> None:
    await web(town)
    await connect_groups(town)
    await town.says("chi", "/join", on=MATRIX)
    token = await address(town, "chi")
    await connect_accounts(town, "chi")
    assert await there(town, token) == []
    # Somebody else may have been in one of the accounts.
    await town.practice.press("chi", "That was not me", within=town.private("chi"))
    assert await there(town, token) is None


async def test_an_account_that_is_taken_out_takes_no_address_along(town: Town) -> None:
    await web(town)
    await connect_accounts(town, "chi")
    token = await address(town, "chi")
    assert (await town.whispers("chi", "/disconnect", on=MATRIX)).startswith("This account is a person of its own now")
    assert await there(town, token) is None


async def test_two_memberships_that_become_one_keep_the_addresses_of_both(town: Town) -> None:
    await web(town)
    await connect_groups(town)
    await town.says("chi", "/join", on=MATRIX)

    async def make(tx: Transaction) -> list[str]:
        tokens: list[str] = []
        for (user,) in await tx.all("SELECT user FROM identities WHERE name LIKE 'Chi%' ORDER BY user"):
            member = await people.member_with_account(tx, 1, user)
            assert member is not None
            tokens.append(await calendars.make(tx, member, calendars.WHOSE[len(tokens)], now=town.practice.clock()))
        return tokens

    tokens = await town.practice.app.database.transact(make)
    assert len(tokens) == 2
    await connect_accounts(town, "chi")
    assert [await there(town, token) for token in tokens] == [[], []]


async def test_after_a_restore_no_ended_address_works_again(town: Town, tmp_path: Path) -> None:
    await web(town)
    token = await address(town, "chi")
    copies.copy(town.practice.app.database.path, None, tmp_path / "copy.sqlite")
    await town.whispers("chi", "/calendar")
    await press(town, "chi", "Switch off")
    copies.settle_after_a_copy(tmp_path / "copy.sqlite", None)
    rows = connected(tmp_path / "copy.sqlite", None).execute("SELECT * FROM calendars").fetchall()
    assert rows == []
    assert await there(town, token) is None
