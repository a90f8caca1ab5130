"""Shared things as members meet them: booking, waiting, the decision, and what becomes of bookings."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from typing import Any, cast

import pytest

from storage import bookings, people, privacy
from storage.bookings import Booking
from storage.database import Reader, Transaction
from storage.people import Member
from tests.conftest import Town


async def hall(town: Town, *lines: str) -> None:
    """The committee shares a hall, and has decided these things about it."""
    await town.says("ana", "/share room Hall")
    for line in lines:
        await town.says("ana", line)
        await town.presses("ben", "Agree")


async def scarce(town: Town) -> None:
    """What is asked for waits, and assemblies go first."""
    await hall(town, "/firm hall 48h", "/priorities hall assembly care other")


async def member(tx: Reader, town: Town, who: str) -> Member:
    """Somebody of the town."""
    found = await people.member_with_account(tx, 1, town.practice.console.somebody(who).sender.user)
    assert found is not None
    return found


async def booked(town: Town) -> list[tuple[str, str, str]]:
    """Who has asked for something, when it begins, and what has become of it."""

    async def ask(tx: Reader) -> list[Booking]:
        rows = await tx.all("SELECT id FROM bookings ORDER BY id")
        return [found for (id_,) in rows if (found := await bookings.booking(tx, 1, id_)) is not None]

    zone = (await town.practice.app.database.read(lambda tx: people.committee(tx, 1))).zone
    there = await town.practice.app.database.read(ask)
    return [(one.name, f"{one.span.start.astimezone(zone):%a %H:%M}", one.state) for one in there]


async def words_kept(town: Town) -> list[str]:
    """All words that somebody wrote and that are not erased, but for those of decisions."""

    async def ask(tx: Reader) -> list[str]:
        rows = await tx.all(
            "SELECT text FROM notes WHERE text IS NOT NULL AND thing NOT LIKE 'decision:%' ORDER BY thing"
        )
        return [text for (text,) in rows]

    return await town.practice.app.database.read(ask)


# --- the list ----------------------------------------------------------------------------------------------------


async def test_an_organizer_shares_a_room_without_a_vote_and_all_see_what_is_free(town: Town) -> None:
    assert "The committee shares: Hall" in await town.says("ana", "/share room Hall")
    await town.says("ana", "/share vehicle cargo bike")
    await town.whispers("chi", "/book bike today 19:00 1h")
    said = await town.whispers("eli", "/shared")
    assert "Hall: free / cargo bike: free until Mon, Jan 5 19:00" in said
    await town.skip("90m")
    assert "cargo bike: with Chi until Mon, Jan 5 20:00" in await town.whispers("eli", "/shared")


REFUSED = (
    ("chi", "/share room Attic", "organizer"),
    ("ana", "/share room hall", "That is on the list already."),
    ("ana", "/share room 12", "What is it called?"),
    ("ana", f"/share room {'x' * 61}", "That is too long: 60 characters at most."),
    ("chi", "/book attic sat 10:00 2h", "I read “attic” where I expected something that the committee shares"),
    ("chi", "/book hall sat 2h", "expected a day and a time, like sat 10:00"),
    ("chi", "/book hall today 9:00 1h", "That time is over."),
    ("chi", "/book hall sat 10:00 5m", "That is too short: 15 minutes at least."),
    ("chi", "/book hall sat 10:00 5h", "Hall can be had for up to 4 h."),
    ("chi", "/book hall 2026-12-24 10:00 1h", "Hall can be booked up to 60 days ahead: from Oct 25, 2026"),
    ("chi", "/unbook hall", "You have booked nothing of that kind."),
    ("ana", "/longest hall 15d", "From 15 min to 14 days."),
    ("ana", "/firm hall", "or the word off"),
    ("ana", "/firm hall 10m", "or the word off"),
    ("ana", "/priorities hall care Care", "One of them stands there twice."),
    ("ana", "/priorities hall a b c d e f g h i", "At most 8 purposes."),
    ("ana", f"/priorities hall {'x' * 41}", "That is too long: 40 characters at most."),
)
"""Who says what, and what they hear."""


async def test_what_cannot_be_gets_a_sentence_and_changes_nothing(town: Town) -> None:
    await hall(town)
    for who, line, answer in REFUSED:
        assert answer in await town.whispers(who, line), line
    assert await booked(town) == []


async def test_a_thing_is_found_as_people_name_it_and_where_several_fit_it_is_asked(town: Town) -> None:
    await hall(town)
    await town.says("ana", "/share room small hall")
    await town.whispers("chi", "/book small sat 10:00 1h")
    await town.whispers("chi", "/book Hall sat 10:00 1h")
    await town.says("ana", "/share room small kitchen")
    said = await town.whispers("eli", "/book small sat 10:00 1h")
    assert said == "“small” fits several. Which one do you mean?"
    await town.presses("eli", "small kitchen")
    assert await booked(town) == [
        ("Chi", "Sat 10:00", "firm"),
        ("Chi", "Sat 10:00", "firm"),
        ("Eli", "Sat 10:00", "firm"),
    ]


async def test_a_day_before_a_time_is_no_part_of_a_name(town: Town) -> None:
    await town.says("ana", "/share raum Großer Saal")
    await town.whispers("chi", "/book großer Sa 10:00 2h")
    await town.whispers("chi", "/book Großer Saal So 10:00 2h")
    await town.whispers("chi", "/unbook Saal Sa")
    assert await booked(town) == [("Chi", "Sat 10:00", "cancelled"), ("Chi", "Sun 10:00", "firm")]


async def test_from_the_menu_it_is_asked_what_when_and_how_long(town: Town) -> None:
    await hall(town)
    await town.whispers("chi", "/shared")
    await town.presses("chi", "Hall")
    await town.presses("chi", "Book")
    await town.whispers("chi", "sat 10:00")
    await town.presses("chi", "2 h")
    await town.presses("chi", "Skip")
    assert await booked(town) == [("Chi", "Sat 10:00", "firm")]


async def test_how_long_is_asked_where_the_line_does_not_say_it(town: Town) -> None:
    await hall(town)
    assert "For how long?" in await town.says("chi", "/book hall sat 10:00")
    assert await town.presses("eli", "1 h") == "This choice is for somebody else."
    assert "Booked by Chi." in await town.presses("chi", "1 h")


# --- first come, first served ------------------------------------------------------------------------------------


async def test_nobody_books_what_somebody_has_and_hears_what_is_free(town: Town) -> None:
    await hall(town)
    assert "Booked by Chi." in await town.says("chi", "/book hall sat 10:00 2h")
    said = await town.says("eli", "/book hall sat 11:00 2h")
    assert said == "Hall is taken: Chi, Sat, Jan 10 10:00 to 12:00. / Free instead:"
    assert "Booked by Eli." in await town.presses("eli", "Sat, Jan 10 12:00 to 14:00")
    assert "You have asked for that already." in await town.whispers("eli", "/book hall sat 13:00 2h")
    assert [one[:2] for one in await booked(town)] == [("Chi", "Sat 10:00"), ("Eli", "Sat 12:00")]


async def test_two_who_book_at_the_same_instant_do_not_both_have_it(town: Town) -> None:
    await hall(town)
    await asyncio.gather(
        *(town.practice.say(who, "/book hall sat 10:00 2h") for who in ("ana", "ben", "chi", "eli")),
    )
    await town.practice.settle()
    assert [state for *_, state in await booked(town)] == ["firm"]


async def test_the_books_themselves_keep_two_from_having_one_thing_at_one_time(town: Town) -> None:
    await hall(town)
    await town.says("chi", "/book hall sat 10:00 2h")
    await town.says("chi", "/book hall sat 12:00 2h")

    async def overlap(tx: Transaction) -> None:
        await tx.execute("UPDATE bookings SET start_us = start_us - 1 WHERE id = 2")

    with pytest.raises(Exception, match="two bookings at one time"):
        await town.practice.app.database.transact(overlap)


async def test_times_are_those_of_the_committee_also_after_clocks_change(town: Town) -> None:
    await hall(town, "/ahead hall 120d", "/longest hall 1d")
    await town.says("chi", "/book hall 2026-03-28 18:00 1d")
    await town.says("eli", "/book hall 2026-03-29 18:00 1h")
    said = await town.whispers("eli", "/bookings mine")
    assert "Sun, Mar 29 18:00 to 19:00: Hall (Eli)" in said
    assert [state for *_, state in await booked(town)] == ["firm", "firm"], "a day ends at the same time of day"


async def test_whoever_has_booked_is_reminded_and_not_of_what_was_cancelled(town: Town) -> None:
    await hall(town)
    await town.whispers("chi", "/book hall sat 10:00 2h")
    await town.whispers("chi", "/book hall thu 10:00 2h")
    await town.whispers("chi", "/unbook hall thu")
    await town.skip("5d")
    assert [one for one in town.heard("chi") if one.startswith("You have booked")] == [
        "You have booked: Hall, Sat, Jan 10 10:00 to 12:00. / If you do not need it, cancel it: somebody else may."
    ]


async def test_only_whoever_has_booked_cancels_and_twice_does_nothing_twice(town: Town) -> None:
    await hall(town)
    await town.says("chi", "/book hall sat 10:00 2h")
    assert await town.presses("eli", "Cancel it") == "This is for somebody else."
    assert await booked(town) == [("Chi", "Sat 10:00", "firm")]
    await town.presses("chi", "Cancel it")
    assert town.sees()[-1].endswith("Not booked any more.")
    await town.says("eli", "/book hall sat 10:00 2h")
    assert [state for *_, state in await booked(town)] == ["cancelled", "firm"]


async def test_of_several_it_is_asked_which_or_the_day_says_it(town: Town) -> None:
    await hall(town)
    for day in ("fri", "sat", "sun"):
        await town.whispers("chi", f"/book hall {day} 10:00 2h")
    assert await town.whispers("chi", "/unbook hall") == "Which one?"
    await town.presses("chi", "Sat, Jan 10 10:00 to 12:00")
    await town.whispers("chi", "/unbook hall sun 10:00")
    assert [state for *_, state in await booked(town)] == ["firm", "cancelled", "cancelled"]


async def test_what_is_booked_is_told_for_some_days_of_one_thing_and_of_ones_own(town: Town) -> None:
    await hall(town)
    await town.says("ana", "/share tool drill")
    await town.whispers("chi", "/book hall sat 10:00 2h yoga")
    await town.whispers("eli", "/book drill fri 10:00 1d")
    said = await town.whispers("ben", "/bookings")
    assert "Fri, Jan 9 10:00 to Sat, Jan 10 10:00: drill (Eli) / Sat, Jan 10 10:00 to 12:00: Hall (Chi)" in said
    assert "Chi" not in await town.whispers("ben", "/bookings drill")
    assert "drill" not in await town.whispers("chi", "/bookings mine")
    await town.whispers("ben", "/bookings")
    await town.presses("ben", "Later")
    edits = [what for where, what in town.transcript if where == "ben (dm)" and what.startswith("bot (edit)")]
    assert "Nothing is booked." in edits[-1]


# --- where it is scarce ------------------------------------------------------------------------------------------


async def test_until_it_is_firm_all_wait_and_then_the_committees_order_decides(town: Town) -> None:
    await scarce(town)
    await town.whispers("chi", "/book hall sat 10:00 2h care")
    await town.whispers("eli", "/book hall sat 11:00 2h")
    await town.whispers("ben", "/book hall sat 11:30 2h assembly, spring plenary")
    assert {state for *_, state in await booked(town)} == {"waiting"}
    group = len(town.sees())
    await town.skip("3d")
    assert [state for *_, state in await booked(town)] == ["lost", "lost", "firm"]
    for who in ("chi", "eli"):
        told = next(one for one in town.heard(who) if one.startswith("You do not get it this time: Hall"))
        assert "Ben asked for it too, for: assembly. By the committee's order that goes first. / Free instead:" in told
    assert any("It is yours: Hall, Sat, Jan 10 11:30 to 13:30." in one for one in town.heard("ben"))
    assert len(town.sees()) == group, "the group hears nothing of it"


async def test_among_equals_whoever_has_had_it_less_goes_first_and_hears_the_figures(town: Town) -> None:
    await hall(town)
    await town.whispers("chi", "/book hall tomorrow 10:00 2h")
    await town.skip("2d")
    await town.says("ana", "/firm hall 48h")
    await town.presses("ben", "Agree")
    await town.whispers("chi", "/book hall sun 10:00 2h")
    await town.whispers("eli", "/book hall sun 10:00 2h")
    await town.skip("3d")
    assert [state for *_, state in await booked(town)] == ["firm", "lost", "firm"]
    told = next(one for one in town.heard("chi") if one.startswith("You do not get it"))
    assert "In the last 90 days Eli has had it for 0 min, you for 2 h: whoever has had it less goes first." in told


async def test_what_somebody_had_more_than_ninety_days_ago_does_not_count(town: Town) -> None:
    await hall(town, "/firm hall 48h")
    await town.whispers("chi", "/book hall tomorrow 10:00 2h")
    await town.skip("88d")
    await town.whispers("chi", "/book hall 2026-04-10 10:00 2h")
    await town.whispers("eli", "/book hall 2026-04-10 10:00 2h")
    await town.skip("6d")
    told = next(one for one in town.heard("eli") if one.startswith("You do not get it"))
    assert "Chi asked for it before you; for the rest you were equal." in told


async def test_who_asks_after_the_cut_off_takes_what_is_left(town: Town) -> None:
    await scarce(town)
    await town.whispers("chi", "/book hall sat 10:00 2h")
    await town.skip("3d")
    assert "Hall is taken: Chi" in await town.whispers("eli", "/book hall sat 10:00 2h assembly")
    assert "Booked by Eli" in await town.whispers("eli", "/book hall sat 12:00 2h assembly")


async def test_a_request_alone_becomes_firm_by_itself(town: Town) -> None:
    await scarce(town)
    said = await town.says("chi", "/book hall sat 10:00 2h care")
    assert "Firm on Thu, Jan 8 10:00, if until then nobody asks for it who goes first." in said
    await town.skip("3d")
    assert town.sees()[-1] == "Hall: Sat, Jan 10 10:00 to 12:00 / Booked by Chi, for: care."
    assert any("Nobody else" in one or "It is yours" in one for one in town.heard("chi"))


async def test_what_it_is_for_is_said_by_a_button_by_whoever_asked(town: Town) -> None:
    await scarce(town)
    await town.says("chi", "/book hall sat 10:00 2h")
    assert await town.presses("eli", "assembly") == "This is for somebody else."
    await town.presses("chi", "assembly")
    assert "Asked for by Chi, for: assembly." in town.sees()[-1]


async def test_the_card_says_how_many_want_the_time_and_when_it_is_decided(town: Town) -> None:
    await scarce(town)
    await town.says("chi", "/book hall sat 10:00 2h care")
    await town.whispers("eli", "/book hall sat 8:00 3h care")
    assert "1 more wants that time. By the committee's rule it is decided on Thu, Jan 8 08:00." in town.sees()[-1]
    await town.whispers("eli", "/unbook hall")
    assert "Firm on Thu, Jan 8 10:00" in town.sees()[-1]


async def test_why_is_told_to_whoever_asked_for_it_and_to_nobody_else(town: Town) -> None:
    await scarce(town)
    await town.says("chi", "/book hall sat 10:00 2h care")
    await town.whispers("eli", "/book hall sat 10:00 2h assembly")
    await town.skip("3d")
    assert await town.presses("ben", "Why?") == "This is for somebody else."
    assert "Eli asked for it too, for: assembly." in await town.presses("chi", "Why?")


async def test_who_lost_hears_when_it_is_free_again_and_the_first_has_it(town: Town) -> None:
    await scarce(town)
    await town.whispers("chi", "/book hall sat 10:00 2h care")
    await town.whispers("eli", "/book hall sat 10:00 2h assembly")
    await town.skip("3d")
    await town.whispers("eli", "/unbook hall")
    assert "It is free again: Hall, Sat, Jan 10 10:00 to 12:00. Do you want it still?" in town.heard("chi")[-1]
    await town.presses("chi", "Book")
    assert [state for *_, state in await booked(town)] == ["lost", "cancelled", "firm"]


async def test_who_lost_hears_nothing_while_others_have_a_part_of_that_time(town: Town) -> None:
    await scarce(town)
    await town.whispers("chi", "/book hall sat 10:00 3h")
    await town.whispers("eli", "/book hall sat 10:00 1h assembly")
    await town.whispers("ben", "/book hall sat 12:00 1h care")
    await town.skip("3d")
    assert [state for *_, state in await booked(town)] == ["lost", "firm", "firm"]
    await town.whispers("eli", "/unbook hall")
    assert not any("free again" in one for one in town.heard("chi"))


async def test_a_change_of_the_cut_off_decides_at_once_what_waits_no_longer(town: Town) -> None:
    await scarce(town)
    await town.whispers("chi", "/book hall sat 10:00 2h")
    await town.whispers("eli", "/book hall sat 10:00 2h assembly")
    await town.says("ana", "/firm hall off")
    await town.presses("ben", "Agree")
    await town.skip("1m")
    assert [state for *_, state in await booked(town)] == ["lost", "firm"]


async def test_a_purpose_that_is_not_in_the_order_any_more_comes_after_those_that_are(town: Town) -> None:
    await scarce(town)
    await town.whispers("chi", "/book hall sat 10:00 2h assembly")
    await town.whispers("eli", "/book hall sat 10:00 2h care")
    await town.says("ana", "/priorities hall care other")
    await town.presses("ben", "Agree")
    await town.skip("3d")
    assert [state for *_, state in await booked(town)] == ["lost", "firm"]


async def test_a_bot_that_stood_still_decides_when_it_is_back(town: Town) -> None:
    await scarce(town)
    await town.whispers("chi", "/book hall sat 10:00 2h")
    await town.whispers("eli", "/book hall sat 10:00 2h assembly")
    town.practice.clock.move(town.practice.clock() + timedelta(days=4))
    await town.skip("1m")
    assert [state for *_, state in await booked(town)] == ["lost", "firm"]


async def test_the_log_tells_that_the_rule_decided_and_what_the_committee_set(town: Town) -> None:
    await scarce(town)
    await town.whispers("chi", "/book hall sat 10:00 2h care")
    await town.whispers("eli", "/book hall sat 10:00 2h assembly")
    await town.skip("3d")
    said = await town.whispers("ben", "/log")
    assert "2 people wanted the same time, and the rule decided: Hall." in said
    assert "Hall: assembly and care go first, in this order, then everything else." in said
    assert "Ana put it on the list of shared things: Hall." in said
    assert "Chi" not in said.replace("Chi joined.", "")


# --- people and things come and go -------------------------------------------------------------------------------


async def test_whoever_leaves_loses_what_they_had_booked(town: Town) -> None:
    await scarce(town)
    await town.whispers("chi", "/book hall sat 10:00 2h")
    await town.whispers("chi", "/book hall sun 10:00 2h assembly")
    await town.whispers("eli", "/book hall sun 10:00 2h")
    await town.skip("4d")
    await town.says("chi", "/leave")
    await town.skip("1m")
    assert [state for *_, state in await booked(town)] == ["cancelled", "cancelled", "lost"]
    assert "It is free again: Hall, Sun, Jan 11 10:00 to 12:00." in town.heard("eli")[-1]
    heard = len(town.heard("chi"))
    await town.skip("3d")
    assert len(town.heard("chi")) == heard, "whoever left is left in peace"


async def test_who_has_booked_hears_that_a_thing_is_not_shared_any_more(town: Town) -> None:
    await scarce(town)
    await town.whispers("chi", "/book hall sat 10:00 2h")
    assert "organizer" in await town.whispers("eli", "/unshare hall")
    assert await town.says("ana", "/unshare hall") == "Hall is not shared any more. / I have told 1 person."
    assert "Your booking is over: Sat, Jan 10 10:00 to 12:00." in town.heard("chi")[-1]
    assert [state for *_, state in await booked(town)] == ["cancelled"]
    assert "I read “hall”" in await town.whispers("chi", "/book hall sat 10:00 2h")
    assert "shares nothing yet" in await town.whispers("chi", "/shared")


async def test_words_go_some_time_after_and_who_had_what_with_them(town: Town) -> None:
    await scarce(town)
    await town.whispers("chi", "/book hall sat 10:00 2h care, aunt Rosalinde")
    await town.skip("6d")
    await town.says("ana", "/unshare hall")
    assert sorted(await words_kept(town)) == ["Hall", "aunt Rosalinde", "care"]
    await town.skip("95d")
    assert await words_kept(town) == []
    assert await booked(town) == []


async def test_whoever_is_forgotten_leaves_no_words_and_no_booking(town: Town) -> None:
    await scarce(town)
    await town.says("chi", "/book hall sat 10:00 2h care, aunt Rosalinde")
    await town.whispers("eli", "/book hall sun 10:00 2h care, with Chi")
    await town.whispers("chi", "/forget me")
    await town.presses("chi", "Yes, forget me for good")
    await town.skip("1m")
    assert sorted(await words_kept(town)) == ["Hall", "assembly", "care"]
    assert [(name, state) for name, _, state in await booked(town)] == [
        ("Former member 3", "cancelled"),
        ("Eli", "waiting"),
    ]


async def test_what_is_booked_is_handed_out_to_whom_it_is_about(town: Town) -> None:
    await scarce(town)
    await town.whispers("chi", "/book hall sat 10:00 2h care, choir")

    async def out(tx: Reader, who: str) -> dict[str, Any]:
        found = await privacy.hand_out(
            tx, (await member(tx, town, who)).person_id, now=town.practice.clock(), characters_max=100_000
        )
        return cast("dict[str, Any]", json.loads(found.text))

    chi = await town.practice.app.database.read(lambda tx: out(tx, "chi"))
    eli = await town.practice.app.database.read(lambda tx: out(tx, "eli"))
    assert [(one["thing"], one["state"], one["purpose"], one["words"]) for one in chi["booked"]] == [
        ("Hall", "waiting", "care", "choir")
    ]
    assert eli["booked"] == []


async def test_two_memberships_that_become_one_do_not_wait_for_themselves(town: Town) -> None:
    await scarce(town)
    await town.whispers("chi", "/book hall sat 10:00 2h")
    await town.whispers("eli", "/book hall sat 11:00 2h")
    await town.whispers("eli", "/book hall sun 11:00 2h")

    async def join(tx: Transaction) -> None:
        await bookings.join(tx, (await member(tx, town, "chi")).id, (await member(tx, town, "eli")).id)

    await town.practice.app.database.transact(join)
    assert await booked(town) == [
        ("Eli", "Sat 10:00", "waiting"),
        ("Eli", "Sat 11:00", "cancelled"),
        ("Eli", "Sun 11:00", "waiting"),
    ]


async def test_somebody_without_an_account_books_through_whoever_speaks_for_them(town: Town) -> None:
    await scarce(town)
    await town.says("chi", "/add Rosa")
    await town.whispers("chi", "/for Rosa /book hall sat 10:00 2h")
    await town.whispers("eli", "/book hall sat 10:00 2h assembly")
    await town.skip("3d")
    assert any(one.startswith("For Rosa: / You do not get it this time") for one in town.heard("chi"))
    await town.whispers("chi", "/for Rosa /book hall sun 10:00 1h")
    assert "Hall (Rosa: not firm yet)" in await town.whispers("chi", "/bookings mine")
    await town.whispers("chi", "/unbook hall")
    assert [name for name, _, state in await booked(town) if state == "cancelled"] == ["Rosa"]


async def test_nobody_books_everything(town: Town) -> None:
    await hall(town)
    for day in range(bookings.OF_MEMBER_MAX):
        await town.whispers(
            "chi", f"/book hall {'jan' if day < 10 else 'feb'} {20 + day if day < 10 else day} 10:00 1h"
        )
    said = await town.whispers("chi", "/book hall sat 10:00 1h")
    assert "You have 20 bookings already." in said
    assert len(await booked(town)) == bookings.OF_MEMBER_MAX


async def test_what_begins_soon_stands_in_todo_and_in_the_digest(town: Town) -> None:
    await hall(town, "/digest daily 9:00")
    await town.whispers("chi", "/book hall wed 10:00 2h")
    assert "Hall" not in await town.whispers("chi", "/todo")
    await town.skip("1d")
    assert "Booked in the next days: Wed, Jan 7 10:00 to 12:00: Hall (Chi)." in town.sees()[-1]
    assert re.search(r"You have booked: Hall, Wed, Jan 7 10:00", await town.whispers("chi", "/todo"))
