"""Reminders of shifts as members meet them: in time, in peace, once, and with the seat."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.practice import SCRIPT_START, FixedClock, Practice
from storage import people, privacy
from storage.database import Reader
from tests.conftest import Town

CLEANING = "/task cleaning every 2 weeks sat 10:00 2h crew 2-3"
TAKE = "I'll take it: Cleaning, Sat, Jan 10 10:00"
BOTH = "Sat, Jan 10 10:00, 2 h: Cleaning (Chi and Eli; 1 more can join)"
TOLD = (
    "Today, your shift:",
    "Tomorrow, your shift:",
    "Your shift:",
    "You have ",
    "I was away",
    "Riverside:",
    "Hillside:",
)
ALONE = "Sat, Jan 10 10:00, 2 h: Cleaning (Chi; 1 more needed)"


async def begin(town: Town, *names: str, task: str = CLEANING) -> None:
    """Saturday's cleaning, and these have a seat."""
    await town.says("ana", task)
    await town.says("ana", "/shifts")
    for name in names:
        await town.presses(name, TAKE)


async def pending(town: Town) -> list[str]:
    """Who is reminded when, by the committee's clock (UTC)."""

    async def ask(tx: Reader) -> list[str]:
        rows = await tx.all(
            """SELECT m.called, r.at_us FROM reminders r JOIN assignments a ON a.id = r.assignment_id
               JOIN members m ON m.id = a.member_id ORDER BY r.at_us, m.id"""
        )
        return [f"{name} {datetime.fromtimestamp(at / 1e6, UTC):%d %H:%M}" for name, at in rows]

    return await town.practice.app.database.read(ask)


def said(town: Town, who: str) -> list[str]:
    """What somebody was told of their shifts ahead."""
    return [words for words in town.heard(who) if words.startswith(TOLD)]


async def away(town: Town, stretch: timedelta) -> None:
    """The bot is switched off for so long: nothing is said in that time."""
    town.practice.clock.move(town.practice.clock() + stretch)
    await town.practice.settle()


async def wishes(town: Town, sql: str) -> None:
    """What somebody wants, by the schema alone."""
    await town.practice.app.database.transact(lambda tx: tx.execute(sql))


# --- a seat and its reminders ------------------------------------------------------------------------------------


async def test_a_shift_is_remembered_on_the_evening_before_and_two_hours_before_with_a_way_out(town: Town) -> None:
    await begin(town, "chi", "eli")
    assert await pending(town) == ["Chi 09 18:00", "Eli 09 18:00", "Chi 10 08:00", "Eli 10 08:00"]
    await town.skip("4d 4h")
    assert said(town, "chi") == said(town, "eli") == [f"Tomorrow, your shift: {BOTH}"]
    # The seat that is given back takes its reminders with it.
    await town.presses("eli", "Can't")
    assert "The seat is open again" in town.heard("eli")[-1]
    assert await pending(town) == ["Chi 10 08:00"]
    await town.skip("1d")
    assert said(town, "chi")[1:] == [f"Today, your shift: {ALONE}"]
    assert said(town, "eli")[1:] == []
    assert await pending(town) == []


async def test_a_seat_taken_late_gets_only_what_is_ahead_and_one_taken_again_gets_it_again(town: Town) -> None:
    await begin(town)
    await town.skip("4d 1h")
    await town.presses("chi", TAKE)
    assert await pending(town) == ["Chi 10 08:00"]
    await town.whispers("chi", "/shifts")
    await town.presses("chi", "Can't: Cleaning, Sat, Jan 10 10:00")
    assert await pending(town) == []
    await town.presses("chi", TAKE)
    assert await pending(town) == ["Chi 10 08:00"]
    await town.skip("14h")
    await town.presses("eli", TAKE)
    assert await pending(town) == []


async def test_reminders_move_and_vanish_with_the_shift(town: Town) -> None:
    await begin(town, "chi")
    # As another area would move it, which need not know of reminders.
    day = 86_400_000_000
    await wishes(town, f"UPDATE shifts SET start_us = start_us - {day}, end_us = end_us - {day}")
    await town.practice.settle()
    assert await pending(town) == ["Chi 08 18:00", "Chi 09 08:00"]
    await wishes(town, "UPDATE assignments SET member_id = (SELECT id FROM members WHERE called = 'Eli')")
    await town.practice.settle()
    assert await pending(town) == ["Eli 08 18:00", "Eli 09 08:00"]
    await town.says("ana", "/task_end cleaning")
    await town.skip("6d")
    assert said(town, "chi") == said(town, "eli") == []


async def test_whoever_says_that_they_are_there_hears_no_more_of_it(town: Town) -> None:
    await begin(town, "chi")
    await town.whispers("chi", "/reminders 10min")
    await town.skip("4d 15h 30m")
    await town.whispers("chi", "/shifts")
    await town.presses("chi", "I'm here")
    await town.skip("1h")
    assert said(town, "chi") == []


async def test_the_next_crew_reads_in_the_reminder_what_the_last_one_left_and_what_it_takes(town: Town) -> None:
    for who in ("chi", "eli"):
        await town.says("ana", f"/skill ladder @{who}")
        await town.presses("ben", "Agree")
    await begin(town, "chi", task="/task cleaning every sat 10:00 2h crew 1 skill ladder")
    await town.skip("4d 18h")
    await town.whispers("chi", "/shifts")
    await town.presses("chi", "Done: Cleaning, Sat, Jan 10 10:00")
    await town.presses("chi", "A note for the next crew")
    await town.whispers("chi", "The key hangs behind the door.")
    await town.skip("2d")
    await town.whispers("eli", "/shifts")
    await town.presses("eli", "I'll take it: Cleaning, Sat, Jan 17 10:00")
    await town.skip("5d")
    for words in said(town, "eli"):
        assert "/ Needs: ladder" in words
        assert "/ From the last crew: “The key hangs behind the door.”" in words
    assert len(said(town, "eli")) == 2


async def test_what_is_done_at_any_time_is_remembered_before_its_last_day_is_over(town: Town) -> None:
    await town.says("ana", "/task flyers any time this week 1h crew 1")
    await town.whispers("chi", "/shifts")
    await town.presses("chi", "I'll take it: flyers, until Jan 11, 2026")
    assert await pending(town) == ["Chi 10 18:00", "Chi 11 20:30"]
    await town.skip("6d 4h")
    assert [words.partition(",")[0] for words in said(town, "chi")] == ["Tomorrow", "Today"]


# --- as each wants it --------------------------------------------------------------------------------------------


async def test_a_member_chooses_when_by_words_or_buttons_and_none_at_all(town: Town) -> None:
    await begin(town, "chi", "eli")
    told = await town.whispers("chi", "/reminders")
    assert told.startswith(
        "I remind you of your shifts: on the evening before and 2 h before. / Quiet hours: 21:00-08:00"
    )
    assert "3 days before and 90 min" not in told
    told = await town.whispers("chi", "/reminders 3d 90min")
    assert told.startswith("I remind you of your shifts: 3 days before and 1 h 30 before.")
    assert await pending(town) == ["Chi 07 10:00", "Eli 09 18:00", "Eli 10 08:00", "Chi 10 08:30"]
    await town.whispers("chi", "/reminders")
    await town.presses("chi", "No reminders")
    assert await pending(town) == ["Eli 09 18:00", "Eli 10 08:00"]
    await town.skip("6d")
    assert said(town, "chi") == []
    assert (await town.says("chi", "/reminders usual")) == ""
    assert "on the evening before and 2 h before" in town.heard("chi")[-1]


async def test_what_says_no_time_is_asked_back_and_changes_nothing(town: Town) -> None:
    await begin(town, "chi")
    for words in ("soon", "5min", "15d", "1h 2h 3h 4h 5h"):
        assert (await town.whispers("chi", f"/reminders {words}")).startswith(
            "How long before a shift? Name up to four"
        )
    assert await pending(town) == ["Chi 09 18:00", "Chi 10 08:00"]


async def test_quiet_hours_silence_and_no_reminders_at_all_are_kept_to(town: Town) -> None:
    await begin(town, "chi", "eli", "ben")
    await town.whispers("chi", "/quiet hours 17:00-9:00")
    await town.whispers("eli", "/quiet 5d")
    await town.whispers("ben", "/nudges 0")
    # Chi's evening is said before 17:00, and what comes at 8:00 at 9:00; Eli's silence ends after the shift.
    assert await pending(town) == ["Chi 09 16:30", "Chi 10 09:00"]
    # Times that somebody chooses themselves come all the same.
    await town.whispers("ben", "/reminders 2h")
    assert await pending(town) == ["Chi 09 16:30", "Ben 10 08:00", "Chi 10 09:00"]


async def test_whoever_lives_elsewhere_is_told_both_times_and_left_in_peace_by_their_own_clock(town: Town) -> None:
    await begin(town, "chi", "eli")
    assert (await town.whispers("eli", "/my_timezone Nowhere")).startswith(
        "I read “Nowhere” where I expected a time zone"
    )
    assert await town.whispers("eli", "/my_timezone Buenos Aires") == (
        "Your time zone is America/Argentina/Buenos_Aires now. / Your quiet hours, reminders and times to choose from "
        "keep to it. "
        "Everything else I tell in the committee's time, UTC."
    )
    # 10:00 is 7:00 in Buenos Aires. Two hours before it Eli sleeps; of the evening before Eli hears at 18:00 there.
    assert await pending(town) == ["Chi 09 18:00", "Eli 09 21:00", "Chi 10 08:00"]
    await town.skip("5d")
    assert said(town, "eli") == [f"Tomorrow, your shift: {BOTH} / In Buenos Aires it is 07:00 then."]
    assert said(town, "chi")[0] == f"Tomorrow, your shift: {BOTH}"
    assert "Quiet hours: 21:00-08:00 (America/Argentina/Buenos_Aires)." in await town.whispers("eli", "/quiet")
    assert await town.whispers("eli", "/my_timezone UTC") == "Your time zone is UTC now."


async def test_where_it_is_another_day_already_the_day_is_told_too(town: Town) -> None:
    await begin(town, task="/task cleaning sat 20:00 2h crew 1")
    await town.whispers("chi", "/shifts")
    await town.presses("chi", "I'll take it: Cleaning, Sat, Jan 10 20:00")
    await town.whispers("chi", "/my_timezone Auckland")
    await town.skip("6d")
    assert said(town, "chi")[-1].endswith("/ In Auckland it is 09:00 on Jan 11, 2026 then.")


# --- several at once, and the bot away ---------------------------------------------------------------------------


async def five(town: Town) -> None:
    """Chi has the cleaning on Saturday, and cooks on four days."""
    await begin(town, "chi")
    await town.says("ana", "/task cooking daily 12:00 1h crew 1")
    for day in ("Tue, Jan 6", "Wed, Jan 7", "Fri, Jan 9", "Sat, Jan 10"):
        await town.whispers("chi", "/shifts")
        await town.presses("chi", f"I'll take it: cooking, {day} 12:00")


async def test_after_a_downtime_each_hears_one_message_of_what_is_ahead_and_the_group_one_line(town: Town) -> None:
    await five(town)
    # From Monday evening to Friday 19:30: three meals are over.
    await away(town, timedelta(days=4, hours=1, minutes=30))
    assert said(town, "chi") == [
        "I was away for a while; this comes late. / You have 2 shifts: "
        f"/ – {ALONE} / – Sat, Jan 10 12:00, 1 h: cooking (Chi)"
    ]
    lost = "I was away: 3 reminders of shifts that have begun meanwhile did not come."
    assert [line for line in town.sees() if "away" in line] == [lost]
    await town.presses("chi", "Can't: cooking, Sat, Jan 10 12:00")
    await town.skip("1d")
    assert said(town, "chi")[1:] == [f"Today, your shift: {ALONE}"]


async def test_a_bot_that_comes_back_at_night_waits_until_the_night_is_over(town: Town) -> None:
    await five(town)
    await away(town, timedelta(days=4, hours=6))
    assert said(town, "chi") == []
    # Whatever changes meanwhile, what is late is still said.
    await town.whispers("chi", "/reminders 1h")
    await town.skip("7h 59m")
    assert said(town, "chi") == []
    await town.skip("2m")
    assert said(town, "chi") == [
        "I was away for a while; this comes late. / You have 2 shifts: "
        f"/ – {ALONE} / – Sat, Jan 10 12:00, 1 h: cooking (Chi)"
    ]


async def test_a_short_absence_is_no_matter_and_what_falls_due_together_is_one_message(town: Town) -> None:
    await five(town)
    await town.skip("3d 23h 55m")
    await away(town, timedelta(minutes=9))
    assert said(town, "chi")[-1].startswith("You have 2 shifts: / – Sat, Jan 10 10:00")
    assert not any("away" in line for line in town.sees())


async def test_a_copy_that_another_bot_takes_over_goes_on_reminding(tmp_path: Path) -> None:
    heard: list[str] = []
    for begins in (True, False):
        practice = await Practice.open(
            tmp_path, line=lambda _, what: heard.append(what), clock=FixedClock(SCRIPT_START), repeatable=True
        )
        if begins:
            await practice.say("ana", CLEANING)
            await practice.say("ana", "/shifts")
            await practice.press("chi", TAKE)
            # What the clock is about does not come along, see storage/copies.
            await practice.app.database.transact(lambda tx: tx.execute("DELETE FROM due WHERE committee_id IS NULL"))
        else:
            await practice.skip(timedelta(days=5))
        await practice.close()
    assert [what for what in heard if "your shift" in what] == [
        f"bot: Tomorrow, your shift: {ALONE}  [Can't] [Swap]",
        f"bot: Today, your shift: {ALONE}  [Can't] [Swap]",
    ]


async def test_nothing_is_said_when_the_shift_begins_nor_to_somebody_who_is_no_member_any_more(town: Town) -> None:
    await begin(town, "chi", "eli")
    await town.whispers("chi", "/reminders 10min")
    await town.skip("4d")
    await wishes(town, "UPDATE members SET active = 0 WHERE called = 'Eli'")
    heard = len(said(town, "eli"))
    await town.skip("15h 49m")
    assert len(said(town, "eli")) == heard
    await away(town, timedelta(minutes=11))
    assert said(town, "chi") == []
    assert await pending(town) == []


async def test_whoever_is_in_two_committees_hears_of_both_in_one_message(town: Town) -> None:
    await begin(town, "chi")
    console = town.practice.console
    hillside = console.group("Hillside")
    await console.say("dan", "/setup", hillside, manages_chat=True)
    await console.say("chi", "/join", hillside)
    await town.practice.settle()
    await console.say("dan", "/task garden sat 10:00 1h crew 1", hillside)
    await console.say("dan", "/shifts", hillside)
    await town.practice.settle()
    await town.practice.press("chi", "I'll take it: garden, Sat, Jan 10 10:00", within=hillside)
    await town.skip("4d 4h")
    assert said(town, "chi") == [
        f"Riverside: / Tomorrow, your shift: {ALONE} / Hillside: / Tomorrow, your shift: "
        "Sat, Jan 10 10:00, 1 h: garden (Chi)"
    ]


async def test_for_somebody_without_an_account_whoever_speaks_for_them_is_reminded(town: Town) -> None:
    await begin(town, "chi")
    await town.says("eli", "/add Rosa")
    await wishes(town, "UPDATE assignments SET member_id = (SELECT id FROM members WHERE called = 'Rosa')")
    await town.practice.settle()
    await town.skip("4d 4h")
    assert [line for line in town.heard("eli") if "your shift" in line] == [
        "For Rosa: / Tomorrow, your shift: " + ALONE.replace("Chi", "Rosa")
    ]


async def test_whoever_leaves_is_not_reminded_and_what_is_kept_is_handed_out(town: Town) -> None:
    await begin(town, "chi")
    await town.whispers("chi", "/reminders 2h")
    await town.whispers("chi", "/my_timezone Madrid")

    async def look(tx: Reader) -> str:
        chi = await people.member_with_account(tx, 1, town.practice.console.somebody("chi").sender.user)
        assert chi is not None
        return (await privacy.hand_out(tx, chi.person_id, now=town.practice.clock(), characters_max=10**6)).text

    kept = json.loads(await town.practice.app.database.read(look))
    assert kept["wishes"][0]["zone"] == "Europe/Madrid"
    assert kept["wishes"][0]["reminders_of_shifts"] == "2h"
    assert [one["at"][:16] for one in kept["reminders_of_shifts"]] == ["2026-01-10T08:00"]
    await town.whispers("chi", "/leave")
    await town.skip("6d")
    assert await pending(town) == []
    assert said(town, "chi") == []
