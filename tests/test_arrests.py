"""When somebody is arrested: their account rests, quietly, not for long by one person alone, and it comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from bot.practice import DATABASE, MATRIX, SCRIPT_START, FixedClock, Practice
from bot.text import T
from storage import calendars, entries, outbox, pauses, people
from storage.database import Reader, Transaction
from storage.instants import to_us
from tests import schema
from tests.conftest import Town, two_decide
from tests.test_calendar import address, there, web
from tests.test_connect import code_in, connect_accounts, connect_groups
from tests.test_safety import presses

KEY = "0123456789abcdef" * 4
RESTS = "This account rests until"
EVERYTHING = ("/todo", "/menu", "/balance", "/export", "/forget", "/connect", "/start", "/alerts", "/privacy", "/leave")


async def _ask(town: Town, sql: str, *values: Any) -> Any:
    return await town.practice.app.database.read(lambda tx: tx.value(sql, *values))


async def _related(town: Town, one: str, inviter: str) -> None:
    """Somebody was invited by somebody else, who did not begin the committee."""

    async def work(tx: Transaction) -> None:
        await tx.execute(
            "UPDATE members SET invited_by = (SELECT id FROM members WHERE name = ?) WHERE name = ?", inviter, one
        )

    await town.practice.app.database.transact(work)


# --- one report --------------------------------------------------------------------------------------------------


async def test_a_report_lets_their_account_rest_for_two_hours_and_it_ends_by_itself(town: Town) -> None:
    said = await town.whispers("eli", "/arrested @chi")
    assert "Chi is away until Mon, Jan 5 20:00." in said
    for line in EVERYTHING:
        assert RESTS in await town.whispers("chi", line), line
    assert RESTS not in await town.whispers("chi", "/help")
    await town.skip("1h59m")
    assert RESTS in await town.whispers("chi", "/balance")
    await town.skip("1m")
    assert "Your account in Riverside rested" in town.heard("chi")[-1]
    assert RESTS not in await town.whispers("chi", "/balance")


async def test_nothing_of_it_is_said_in_the_group_or_stands_in_the_books(town: Town) -> None:
    before, seen = await _ask(town, "SELECT count(*) FROM entries"), len(town.sees())
    await town.whispers("eli", "/arrested @chi")
    await town.whispers("ben", "/arrested @chi")
    await town.whispers("ana", "/released @chi")
    await town.whispers("ben", "/released @chi")
    assert await _ask(town, "SELECT count(*) FROM entries") == before
    assert town.sees()[seen:] == []
    assert "arrest" not in await town.whispers("ana", "/log")
    assert "Eli" not in town.heard("chi")[-1]
    assert "Ben" not in town.heard("chi")[-1]


async def test_said_in_the_group_it_does_nothing_and_i_am_told_to_delete_it(town: Town) -> None:
    await town.says("eli", "/arrested @chi")
    assert "Delete what you wrote in the group now" in town.heard("eli")[-1]
    assert not any("Delete" in words for words in town.sees())
    assert RESTS not in await town.whispers("chi", "/balance")


async def test_the_organizers_learn_who_has_reported_it_and_nobody_else(town: Town) -> None:
    await town.whispers("eli", "/arrested @chi")
    for who in ("ana", "ben"):
        assert "Eli has reported it to me in private" in town.heard(who)[-1]
    await town.whispers("ana", "/arrested @eli")
    assert "Ana has reported it" in town.heard("ben")[-1]
    assert not any("has reported it" in words for words in town.heard("chi"))


async def test_nothing_is_told_to_their_account_and_what_waited_is_not_sent(town: Town) -> None:
    await town.says("ana", "/alert eviction Main St 5, until 23:30")
    await town.practice.say("chi", "/alert 1", town.private("chi"))
    assert any("Main St 5" in one.text for one in _shown_to(town, "chi"))
    await town.whispers("eli", "/arrested @chi")
    assert not any("Main St 5" in one.text for one in _shown_to(town, "chi")), "cards on their telephone go blank"
    before = len(town.heard("chi"))
    await town.says("ben", "/thank @chi 1h for Quittengelee")
    await town.says("ana", "/alert threat Dock 9, until 23:30")
    await town.presses("ben", "I can confirm it")
    await town.whispers("ana", "/alert 1 needs 20 people")
    await town.skip("1h")
    assert not any("Main St" in words or "Dock 9" in words or "Ben" in words for words in town.heard("chi")[before:])
    await town.skip("1h")
    assert any("Main St 5" in one.text for one in _shown_to(town, "chi")), "and show again afterwards"


def _shown_to(town: Town, who: str) -> list[Any]:
    there = town.private(who).id
    return [one for one in town.practice.console.posted.values() if one.chat == there]


async def test_what_waits_for_them_when_it_is_reported_is_not_sent_nor_is_anything_said_after_that(town: Town) -> None:
    async def work(tx: Transaction) -> tuple[int, Any]:
        found = await people.members_named(tx, 1, "chi")
        committee = await people.committee(tx, 1)
        await outbox.tell(tx, found[0], T("Title"), committee=committee, now=town.practice.clock())
        waiting = await outbox.waiting(tx)
        await pauses.begin(tx, 1, found[0], alert_id=None, now=town.practice.clock())
        assert not await outbox.tell(tx, found[0], T("Title"), committee=committee, now=town.practice.clock())
        return len(waiting), await outbox.waiting(tx)

    before, after = await town.practice.app.database.transact(work)
    assert before == 1
    assert after == []


async def test_codes_and_addresses_of_theirs_are_void(town: Town) -> None:
    await web(town)
    token = await address(town, "chi")
    assert await there(town, token) is not None
    code = code_in(await town.whispers("chi", "/connect"))
    await town.whispers("eli", "/arrested @chi")
    assert await there(town, token) is None
    await town.whispers("mallory", "/start", on=MATRIX)
    assert "Is this account yours too" not in await town.whispers("mallory", f"/connect {code}", on=MATRIX)
    await town.skip("2h")
    assert await there(town, token) is not None
    assert calendars.WHOSE


# --- two, and not one alone --------------------------------------------------------------------------------------


async def test_a_second_report_makes_it_a_day_from_then(town: Town) -> None:
    await town.whispers("eli", "/arrested @chi")
    await town.skip("1h")
    assert "Chi is away until Tue, Jan 6 19:00." in await town.whispers("ben", "/arrested @chi")
    await town.skip("23h59m")
    assert RESTS in await town.whispers("chi", "/balance")
    await town.skip("1m")
    assert RESTS not in await town.whispers("chi", "/balance")


async def test_two_of_one_branch_are_not_two(town: Town) -> None:
    await _related(town, "Eli", "Ben")
    await town.whispers("eli", "/arrested @chi")
    assert "until Mon, Jan 5 20:00" in await town.whispers("ben", "/arrested @chi")
    await town.whispers("eli", "/released @chi")
    assert "once somebody else says so" in await town.whispers("ben", "/released @chi")
    assert RESTS in await town.whispers("chi", "/balance")
    assert "has their rights back" in await town.whispers("ana", "/released @chi")
    assert RESTS not in await town.whispers("chi", "/balance")


async def test_saying_it_twice_does_not_count_as_two(town: Town) -> None:
    await town.whispers("eli", "/arrested @chi")
    assert "reported Chi already" in await town.whispers("eli", "/arrested @chi")
    await town.whispers("eli", "/released @chi")
    await town.whispers("eli", "/released @chi")
    assert RESTS in await town.whispers("chi", "/balance")


async def test_one_person_cannot_report_again_and_again(town: Town) -> None:
    await town.whispers("eli", "/arrested @chi")
    assert "Another report of yours still runs" in await town.whispers("eli", "/arrested @ben")
    await town.skip("2h")
    assert "within a week already" in await town.whispers("eli", "/arrested @chi")
    await town.whispers("eli", "/arrested @ben")
    await town.skip("2h")
    assert "reported two people within a week" in await town.whispers("eli", "/arrested @ana")
    await town.skip("7d")
    assert "Chi is away" in await town.whispers("eli", "/arrested @chi")


async def test_i_do_not_report_myself_and_whoever_is_free_is_not_freed(town: Town) -> None:
    assert "That is about others" in await town.whispers("chi", "/arrested @chi")
    assert "Chi is not away" in await town.whispers("ana", "/released @chi")


async def test_a_newcomer_takes_nobodys_rights(town: Town) -> None:
    async def work(tx: Transaction) -> None:
        until = to_us(town.practice.clock()) + 10**12
        await tx.execute("UPDATE members SET newcomer_until_us = ? WHERE name = 'Eli'", until)

    await town.practice.app.database.transact(work)
    assert "Newcomers cannot say that yet" in await town.whispers("eli", "/arrested @chi")
    assert RESTS not in await town.whispers("chi", "/balance")


# --- organizers --------------------------------------------------------------------------------------------------


async def test_nobody_becomes_the_only_organizer_by_reporting_the_other(town: Town) -> None:
    await town.says("ana", "/legal_contact Legal team, 040 987")
    await town.whispers("ana", "/arrested @ben")
    assert RESTS in await town.presses("ben", "Agree")
    refused = await town.says("ana", "/legal_contact Somebody else, 666")
    assert "Two organizers must agree" in refused or "Two organizers must agree" in town.heard("ana")[-1]

    async def facts(tx: Reader) -> tuple[int, int]:
        found = await people.facts(tx, 1, now=town.practice.clock())
        return len(found.organizers), len(found.present)

    assert await town.practice.app.database.read(facts) == (2, 1)
    said = await town.says("ana", "/organizer @eli")
    assert "Eli is an organizer now" not in said
    await town.skip("2h")
    assert await town.practice.app.database.read(facts) == (2, 2)


async def test_what_they_agreed_to_before_does_not_count_while_they_are_away(town: Town) -> None:
    await town.says("eli", "/legal_contact Legal team, 040 987")
    await town.presses("ben", "Agree")
    await town.whispers("eli", "/arrested @ben")
    await town.presses("ana", "Agree")
    assert "Nobody has said yet" in await town.says("eli", "/legal_contact")


# --- the clock ---------------------------------------------------------------------------------------------------


async def test_after_an_outage_it_is_over_and_they_are_told_once(town: Town) -> None:
    await town.whispers("eli", "/arrested @chi")
    town.practice.clock.move(town.practice.clock().replace(day=7))
    assert RESTS not in await town.whispers("chi", "/balance"), "rights come back in time, also while the clock is late"
    await town.skip("1m")
    assert sum("rested from" in words for words in town.heard("chi")) == 1


async def test_reported_anew_before_the_clock_has_ended_it_it_begins_anew(town: Town) -> None:
    await town.whispers("eli", "/arrested @chi")
    town.practice.clock.move(town.practice.clock().replace(hour=21))
    said = await town.whispers("ben", "/arrested @chi")
    assert "until Mon, Jan 5 23:00" in said
    await town.skip("1h59m")
    assert RESTS in await town.whispers("chi", "/balance")


# --- legal support -----------------------------------------------------------------------------------------------


async def _legal(town: Town) -> None:
    await town.says("ana", "/role legal @ben")
    await town.presses("ben", "Agree")


async def test_only_the_legal_role_sees_who_needs_help_and_without_encryption_no_names(town: Town) -> None:
    await _legal(town)
    await town.says("ana", "/alert eviction Main St 5, until 23:30")
    await town.presses("chi", "In 10 min")
    await town.whispers("eli", "/arrested @chi")
    assert "1 person needs legal help now." in "\n".join(town.heard("ben"))
    said = await town.whispers("ben", "/legal")
    assert "1 person is arrested, as far as is known." in said
    assert "Since Mon, Jan 5 18:00, alert 1" in said
    assert "Chi" not in said
    assert "database is not encrypted" in said
    assert "role “legal”" in await town.whispers("eli", "/legal")
    assert "in private" in await town.says("ben", "/legal")


async def test_whom_to_call_is_decided_by_two_and_shown_to_all(town: Town) -> None:
    assert "Nobody has said yet whom to call" in await town.says("chi", "/legal_contact")
    await town.says("ana", "/legal_contact Legal team, 040 987")
    assert "040 987" not in await town.says("chi", "/legal_contact")
    await town.presses("ben", "Agree")
    assert "Whom to call: Legal team, 040 987" in await town.says("chi", "/legal_contact")
    await town.says("ana", "/alert eviction Main St 5, until 23:30")
    await town.practice.press("chi", "More …", within=town.group())
    assert "040 987" in await presses(town, "chi", "If you are arrested")
    await town.says("ana", "/legal_contact off")
    await town.presses("ben", "Agree")
    assert "Nobody has said yet whom to call" in await town.says("chi", "/legal_contact")
    notes = await _ask(town, "SELECT count(*) FROM notes WHERE thing LIKE 'legal_contact:%' AND text IS NOT NULL")
    assert notes == 0


@pytest_asyncio.fixture
async def sealed(tmp_path: Path) -> AsyncIterator[Town]:
    """Riverside on an encrypted database, with a group on Matrix too; ben has an account on each network."""
    schema.write_new(tmp_path / DATABASE, key=KEY)
    transcript: list[tuple[str, str]] = []
    practice = await Practice.open(
        tmp_path,
        line=lambda where, what: transcript.append((where, what)),
        clock=FixedClock(SCRIPT_START),
        repeatable=True,
        key=KEY,
    )
    await two_decide(practice.app.database)
    town = Town(practice, transcript)
    await connect_groups(town)
    await connect_accounts(town, "ben")
    yield town
    await town.books_are_sound()
    assert practice.app.dispatcher.incidents == 0
    await practice.close()


async def test_on_an_encrypted_database_the_legal_role_sees_names_on_matrix_and_nowhere_else(sealed: Town) -> None:
    await _legal(sealed)
    await sealed.whispers("eli", "/arrested @chi")
    assert "Chi: since Mon, Jan 5 18:00" in await sealed.whispers("ben", "/legal", on=MATRIX)
    said = await sealed.whispers("ben", "/legal")
    assert "Chi" not in said
    assert "Ask me on Matrix" in said


async def test_whoever_is_missing_is_named_to_the_legal_role_on_matrix_only(sealed: Town) -> None:
    await _legal(sealed)
    await sealed.says("ana", "/alert eviction Main St 5, until 23:30")
    await sealed.presses("chi", "In 10 min")
    await sealed.whispers("ana", "/alert 1 roll_call")
    await sealed.skip("45m")
    assert any("Missing: Chi" in words for words in sealed.heard("ben", on=MATRIX))
    assert not any("Missing: Chi" in words for words in sealed.heard("ben"))


# --- forgetting --------------------------------------------------------------------------------------------------


async def test_who_rested_and_who_said_so_is_forgotten_after_a_month(town: Town) -> None:
    await town.whispers("eli", "/arrested @chi")
    await town.skip("2h")
    assert await _ask(town, "SELECT count(*) FROM pause_reports") == 1
    await town.skip("29d")
    assert await _ask(town, "SELECT count(*) FROM pauses") == 1
    await town.skip("2d")
    assert await _ask(town, "SELECT count(*) FROM pauses") == 0
    assert await _ask(town, "SELECT count(*) FROM pause_reports") == 0


async def test_whoever_is_forgotten_is_in_no_report_and_nobodys_buddy(town: Town) -> None:
    await town.whispers("chi", "/buddies @eli")
    await town.whispers("eli", "/arrested @chi")
    await town.skip("2h")
    await town.whispers("eli", "/forget")
    await presses(town, "eli", "Yes, forget me for good")
    assert await _ask(town, "SELECT count(*) FROM buddies") == 0
    assert await _ask(town, "SELECT count(*) FROM pause_reports") == 0


async def test_the_chain_is_whole_after_all_of_it(town: Town) -> None:
    await town.says("ana", "/legal_contact Legal team, 040 987")
    await town.presses("ben", "Agree")

    async def broken(tx: Reader) -> Any:
        return await entries.first_broken(tx, await people.committee(tx, 1))

    assert await town.practice.app.database.read(broken) is None
    assert "Whom to call after an arrest: Legal team" in await town.whispers("ana", "/log rules")
