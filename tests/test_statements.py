"""Statements, the books as files, and figures, as members and other programs see them."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import random
import shutil
import struct
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot import drawing
from bot.__main__ import app
from bot.chat import Bar, Bars, Chart
from bot.domain import ledger, statements
from bot.practice import DATABASE
from bot.text import Minutes, T
from bot.text import Reader as Language
from storage import outbox, people, transfers
from storage import statements as rows
from storage.database import Reader, Transaction
from tests.conftest import Town

RUNNER = CliRunner()
WHO = ("ana", "ben", "chi", "eli")


async def test_a_statement_of_a_month_has_its_opening_and_closing_balance(town: Town) -> None:
    await town.says("ana", "/thank @ben 1h30 fixed the bike")
    await town.skip("40d")
    await town.says("ben", "/thank @ana 30m soup")
    assert await town.whispers("ben", "/history january") == (
        "Your hours in Riverside, Jan 1, 2026 to Jan 31, 2026 / At the end: 1 h 30. / "
        "No. 1, Jan 5, 2026: you helped Ana, 1 h 30. “fixed the bike” / At the beginning: 0 min."
    )
    assert await town.whispers("ben", "/history february") == (
        "Your hours in Riverside, Feb 1, 2026 to Feb 28, 2026 / At the end: 1 h. / "
        "No. 2, Feb 14, 2026: Ana helped you, -30 min. “soup” / At the beginning: 1 h 30."
    )
    for word in ("febrero", "Februar", "feb 2026", "2026-02"):
        assert "Feb 14, 2026: Ana helped you" in await town.whispers("ben", f"/history {word}"), word


async def test_a_statement_asked_for_in_the_group_comes_in_private(town: Town) -> None:
    await town.says("ana", "/thank @ben 1h")
    assert await town.says("ben", "/history") == ""
    assert "you helped Ana, 1 h." in town.heard("ben")[-1]


async def test_pages_of_a_statement_take_each_others_place(town: Town) -> None:
    for _ in range(10):
        await town.says("ana", "/thank @ben 10m")
    first = await town.whispers("ben", "/history")
    assert "No. 10," in first
    assert "No. 2," not in first
    assert "Page 1 of 2" in first
    await town.practice.press("ben", "Older", within=town.private("ben"))
    _, what = town.transcript[-1]
    assert "(edit)" in what
    assert "No. 2," in what
    assert "At the beginning: 0 min" in what


async def test_the_file_of_a_statement_adds_up_and_holds_no_formula(town: Town) -> None:
    await town.says("ana", '/thank @ben 1h =HYPERLINK("http://example.org")')
    await town.says("ben", "/thank @ana 20m")
    await town.whispers("ben", "/history 2026 csv")
    document = town.practice.console.documents[-1]
    assert document.name == "statement-2026-01-01.csv"
    head, opening, *moved, closing = csv.reader(io.StringIO(document.text))
    assert head == ["Number", "Date", "What", "Note", "Minutes", "Balance in minutes"]
    assert int(opening[5]) + sum(int(row[4]) for row in moved) == int(closing[5]) == await town.balance("ben")
    assert moved[0][3] == '\'=HYPERLINK("http://example.org")'


async def test_a_time_that_is_none_is_answered_with_examples(town: Town) -> None:
    assert await town.whispers("ben", "/history yesterweek") == (
        "I do not know which time “yesterweek” is. Write a month or a year: "
        "/history march, /history march 2026 or /history 2026"
    )


async def test_the_books_are_handed_out_by_two_organizers_without_names_and_everybody_hears_of_it(town: Town) -> None:
    await town.says("ana", "/thank @ben 1h the garden")
    await town.says("ana", "/export_books json")
    assert town.practice.console.documents == []
    await town.presses("ben", "Agree")
    document = town.practice.console.documents[-1]
    assert document.name == "books.json"
    read = json.loads(document.text)
    assert sorted(one["balance"] for one in read["accounts"]) == [-60, 0, 0, 0, 60]
    assert "the garden" not in document.text
    assert not any(name in document.text.casefold() for name in WHO)
    assert any("Ana was given the committee's books as a file" in said for said in town.sees())
    [where] = [where for where, what in town.transcript if "sends a file: books.json" in what]
    assert where == town.practice.console_of(town.private("ana")).title(town.private("ana").id)


async def test_who_is_no_organizer_gets_no_books(town: Town) -> None:
    await town.says("chi", "/export_books csv")
    assert town.practice.console.documents == []


# --- a year of business, read by other programs ---------------------------------------------------------------------


async def _year(town: Town, seed: int = 5, days: int = 365) -> None:
    """Thanks within the limits and slips taken back, recorded as the commands record them; several a week."""
    chance, begin = random.Random(seed), town.practice.app.now()

    async def business(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        found = [town.practice.console.somebody(who).sender.user for who in WHO]
        members = [member for user in found if (member := await people.member_with_account(tx, 1, user)) is not None]
        for day in range(days):
            at = begin + timedelta(days=day)
            giver, gainer = chance.sample(members, 2)
            accounts = await transfers.accounts_of(tx, committee, [giver, gainer])
            minutes = Minutes(chance.randrange(5, 95))
            if accounts[giver.id].balance - minutes < -720:
                giver, gainer = gainer, giver
            legs = [
                ledger.Posting(accounts[giver.id].id, Minutes(-minutes)),
                ledger.Posting(accounts[gainer.id].id, minutes),
            ]
            transfer = ledger.post(legs, accounts.values(), at=at)
            id_, _ = await transfers.record(tx, committee, transfer, recorder=giver)
            if chance.random() < 0.1:
                recorded = await transfers.recorded(tx, committee, id_)
                assert recorded is not None
                opposite = ledger.reversal(recorded, by=giver.id, said_at=at, at=at)
                await transfers.record(tx, committee, opposite, recorder=giver, reverses=id_)

    await town.practice.app.database.transact(business)


async def _books(town: Town) -> statements.Books:
    async def ask(tx: Reader) -> statements.Books:
        return await rows.books(tx, await people.committee(tx, 1), now=town.practice.app.now())

    return await town.practice.app.database.read(ask)


def read_journal(text: str) -> dict[str, int]:
    """An independent little reader: every entry sums to zero, every account is declared; the balances."""
    declared, balances, entry, asserted = set[str](), dict[str, int](), list[int](), dict[str, int]()
    for line in [*text.splitlines(), ""]:
        if line.startswith("account "):
            declared.add(line.removeprefix("account "))
        elif line.startswith("    "):
            account, _, amount = line.strip().partition("  ")
            assert account in declared
            minutes, _, end = amount.partition(" = ")
            entry.append(int(minutes.removesuffix(" min")))
            balances[account] = balances.get(account, 0) + entry[-1]
            if end:
                asserted[account] = int(end.removesuffix(" min"))
                assert balances[account] == asserted[account]
        elif not line:
            assert sum(entry) == 0
            entry = []
    assert set(asserted) == declared
    return balances


async def test_a_year_of_business_is_read_by_hledger_and_by_an_independent_reader(town: Town, tmp_path: Path) -> None:
    await _year(town)
    books = await _books(town)
    assert len(books.transfers) > 365
    names = statements.pseudonyms(books, "salt")
    own = {
        name if name == statements.COMMITTEE else f"members:{name}": account.balance
        for account in books.accounts
        for name in [names[account.id]]
    }
    journal = statements.exported(books, "hledger", "salt")
    assert read_journal(journal) == own
    table = list(csv.DictReader(io.StringIO(statements.exported(books, "csv", "salt"))))
    for account in books.accounts:
        assert sum(int(row["minutes"]) for row in table if row["account"] == names[account.id]) == account.balance
    if shutil.which("hledger") is None:
        pytest.skip("hledger is not installed: the independent reader alone has read the journal")
    file = tmp_path / "books.journal"
    file.write_text(journal, encoding="utf-8")

    def hledger(*arguments: str) -> str:
        done = subprocess.run(["hledger", "-f", str(file), *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    hledger("check", "-s")
    found = csv.DictReader(io.StringIO(hledger("bal", "--flat", "--empty", "-N", "-O", "csv")))
    assert {row["account"]: int(row["balance"].split()[0]) for row in found} == own
    file.write_text(journal.replace(" = ", " = 1", 1), encoding="utf-8")
    with pytest.raises(AssertionError, match="assertion"):
        hledger("check", "-s")


@pytest.mark.parametrize("form", statements.FORMS)
async def test_the_command_line_exports_a_practice_folder_without_settings(
    town: Town, tmp_path: Path, form: str
) -> None:
    await town.says("ana", "/thank @ben 1h")
    assert (tmp_path / DATABASE).exists()
    out = tmp_path / "out"
    done = await asyncio.to_thread(
        RUNNER.invoke, app, ["export", "--format", form, "--data", str(tmp_path), "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert "60" in out.read_text(encoding="utf-8")
    done = await asyncio.to_thread(
        RUNNER.invoke, app, ["export", "--format", form, "--data", str(tmp_path), "--committee", "Nowhere"]
    )
    assert done.exit_code == 1
    assert "There are: Riverside" in done.output


async def test_a_small_committee_has_no_figures(town: Town) -> None:
    await town.says("ana", "/thank @ben 1h")
    assert "they would tell too much of single people" in await town.says("ana", "/stats")


async def test_figures_in_words_name_nobody(town: Town) -> None:
    for who in ("fay", "gus"):
        await town.says(who, "/join")
    for giver, gainer in (("ana", "ben"), ("ben", "ana"), ("chi", "eli")):
        await town.says(giver, f"/thank @{gainer} 1h")
    told = await town.says("chi", "/stats quarter")
    assert "3 exchanges of help, 3 h in all." in told, told
    assert "4 of " in told
    assert not any(name in told.casefold() for name in WHO)


async def _help_all_round(town: Town) -> None:
    """Childcare, each for the next, five people; and a ride that only two know of."""
    await town.says("fay", "/join")
    await town.says("gus", "/join")
    ring = ("ana", "ben", "chi", "eli", "fay")
    for number, (owner, helper) in enumerate(zip(ring, (*ring[1:], ring[0]), strict=True), start=1):
        await town.says(owner, "/need childcare on friday")
        await town.presses(helper, "I can help")
        await town.whispers(owner, f"/done {number} 1h")
    await town.says("gus", "/need a lift to the station")
    await town.presses("ana", "I can help")
    await town.whispers("gus", "/done 6 40m")


async def test_figures_count_help_by_the_clock_and_no_months_end(town: Town) -> None:
    for who in ("fay", "gus"):
        await town.says(who, "/join")
    for change in ("levy 20%", "melt 50% 0h"):
        await town.says("ana", f"/policy {change}")
        await town.presses("ben", "Agree")
    for giver, gainer in (("ana", "ben"), ("ben", "ana"), ("chi", "eli")):
        await town.says(giver, f"/thank @{gainer} 1h")
    town.practice.clock.move(datetime(2026, 2, 1, 10, 0, tzinfo=UTC))
    await town.skip("1m")
    assert await town.balance("eli") == 24, "a fifth has gone to the fund, and half of the rest"
    told = await town.says("chi", "/stats quarter")
    assert "3 exchanges of help, 3 h in all." in told, told
    assert "4 of 6 members took part." in told
    assert "Of 100 hours between members, 67 came back" in told, "those to the fund are between no members"


async def test_figures_by_kind_of_help_leave_out_what_two_people_did(town: Town) -> None:
    await _help_all_round(town)
    told = await town.says("chi", "/stats")
    assert "6 exchanges of help, 5 h 40 in all." in told
    # The ride cannot be found by taking the childcare from the whole either: so nothing is told apart.
    assert "Childcare: " not in told
    assert "Lifts" not in told
    assert "told apart where at least 5 people took part" in told
    for giver, gainer in (("ana", "chi"), ("chi", "fay"), ("fay", "ben"), ("ben", "eli"), ("eli", "gus")):
        await town.says(giver, f"/thank @{gainer} 10m")
    told = await town.says("chi", "/stats")
    assert "Hours by kind of help / Childcare: 5 h / All else: " in told


async def test_needs_that_nobody_helped_with_are_told_by_kind(town: Town) -> None:
    await _help_all_round(town)
    for who in ("ana", "chi", "eli"):
        await town.says(who, f"/need letter for {who}, until 9 jan")
    await town.says("gus", "/need bread, until 9 jan")
    await town.skip("9d")
    told = await town.says("chi", "/stats")
    assert "Needs that nobody helped with" not in told, "a single one would tell of whoever had it"
    for who in ("ben", "eli"):
        await town.says(who, f"/need bread for {who}, until 20 jan")
    await town.skip("9d")
    assert "Needs that nobody helped with / Cooking and baking: 3 / Letters and offices: 3" in await town.says(
        "chi", "/stats"
    )


async def test_the_picture_goes_where_it_was_asked_for_and_its_words_say_the_same(town: Town) -> None:
    await _help_all_round(town)
    words = await town.says("chi", "/stats")
    assert town.practice.console.pictures == []
    said = await town.says("chi", "/stats month picture")
    assert said.splitlines()[-1].endswith(words.splitlines()[-1])
    [picture] = town.practice.console.pictures
    assert picture.name == "figures.png"
    width, height = struct.unpack(">II", picture.content[16:24])
    assert picture.content.startswith(b"\x89PNG")
    assert width == 1080, "as wide as a phone shows"
    assert 500 < height < 2000
    await town.presses("chi", "As a picture")
    assert len(town.practice.console.pictures) == 2
    assert "sends a picture: figures.png" in town.transcript[-2][1]
    assert town.transcript[-2][0] == "chi (dm)"


async def test_drawing_happens_in_another_process_and_others_are_answered_meanwhile(town: Town) -> None:
    await _help_all_round(town)
    loaded = {name for name in sys.modules if name.split(".")[0] == "matplotlib"}
    drawn = asyncio.create_task(town.says("chi", "/stats month picture"))
    await asyncio.sleep(0.01)
    await town.whispers("ben", "/balance")
    await drawn
    shown = [f"{where} {what}" for where, what in town.transcript]
    asked = shown.index("Riverside chi: /stats month picture")
    [picture] = [at for at, line in enumerate(shown) if "sends a picture" in line]
    [answer] = [at for at, line in enumerate(shown) if line.startswith("ben (dm) bot: You have") and at > asked]
    assert answer < picture, "others have their answer while it is drawn"
    assert {name for name in sys.modules if name.split(".")[0] == "matplotlib"} == loaded


async def test_a_picture_that_cannot_be_drawn_leaves_the_words(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await _help_all_round(town)
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    assert "6 exchanges of help" in await town.says("chi", "/stats month picture")
    assert town.practice.console.pictures == []


async def test_without_the_extra_there_are_words_and_organizers_hear_how_to_have_pictures(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _help_all_round(town)
    monkeypatch.setattr(drawing, "find_spec", lambda name: None)
    await town.says("chi", "/stats")
    assert "[As a picture]" not in town.transcript[-1][1]
    told = await town.says("chi", "/stats month picture")
    assert told.endswith("This bot cannot draw pictures; the words say the same.")
    assert (await town.says("ana", "/stats month picture")).endswith("Whoever runs it can install it with [pictures].")
    assert town.practice.console.pictures == []


async def test_a_chart_that_waits_in_the_outbox_is_the_same_when_it_is_read_again(town: Town) -> None:
    chart = Chart(name="figures.png", title="T", parts=(Bars("A", (Bar("b", 3, "3"),), 100), Bars("C", ())))

    async def owe(tx: Transaction) -> None:
        place = await people.place(tx, town.private("chi"))
        await outbox.queue(tx, place, T("Statements"), reader=Language(), now=town.practice.app.now(), document=chart)

    async def waits(tx: Reader) -> list[object]:
        return [one.document for one in await outbox.waiting(tx)]

    await town.practice.app.delivery.stop(within_seconds=1)
    await town.practice.app.database.transact(owe)
    assert await town.practice.app.database.read(waits) == [chart]


@pytest.mark.parametrize("title", ["R" * 90, "$x_1$ & <b>", "Комитет Ñandú"])
def test_any_name_can_be_drawn(title: str) -> None:
    chart = Chart(
        name="f.png", title=title, parts=(Bars(title, (Bar(title, 0, "0"), Bar("b", 5, "5 h"))), Bars("", ()))
    )
    assert drawing.draw(chart).startswith(b"\x89PNG")
