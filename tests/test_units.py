"""Units beside hours, as members meet them; and that nothing anywhere adds one unit to another."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bot import checks
from bot.domain import audit, ledger, statements
from bot.domain import units as rule
from bot.practice import DATABASE
from bot.text import Amount, Minutes, T
from storage import connections, copies, database, leaving, people, privacy, rules, switches, transfers, units
from storage import log as books
from storage import statements as rows
from storage.database import Reader, Transaction
from storage.people import Committee, Member
from storage.units import Unit
from tests.conftest import Town

V = TypeVar("V")
PEOPLE = ("ana", "ben", "chi", "eli")


async def read(town: Town, ask: Callable[[Reader], Coroutine[Any, Any, V]]) -> V:
    """What stands in the database."""
    return await town.practice.app.database.read(ask)


async def tokens(town: Town, line: str = "/unit tokens limit 50") -> None:
    """The committee makes a unit of its own."""
    await town.says("ana", line)
    await town.presses("ben", "Agree")


async def cash(town: Town, on: bool = True) -> None:
    """The committee has turned money on, or off."""

    async def turn(tx: Transaction) -> None:
        await switches.turn(tx, await people.committee(tx, 1), "cash", on, now=town.practice.app.now())

    await town.practice.app.database.transact(turn)


async def euros(town: Town) -> None:
    """The committee lets it be noted who paid whom how much money."""
    await cash(town)
    await town.says("ana", "/record_money euros")
    await town.presses("ben", "Agree")


async def member_of(tx: Reader, town: Town, who: str) -> Member:
    """Somebody's membership."""
    found = await people.member_with_account(tx, 1, town.practice.console.somebody(who).sender.user)
    assert found is not None
    return found


async def has(town: Town, who: str, place: int = 0) -> int:
    """What somebody has, in hundredths, in the first unit, or another one."""

    async def ask(tx: Reader) -> int:
        return (await units.wallet(tx, await member_of(tx, town, who)))[place].balance

    return await read(town, ask)


async def recomputed(town: Town) -> audit.Progress:
    """The books, recomputed from the chain alone. Raises audit.Broken."""

    async def ask(tx: Reader) -> audit.Progress:
        return await books.recompute(tx, await people.committee(tx, 1))

    return await read(town, ask)


# --- what the committee sets -----------------------------------------------------------------------------------------


async def test_hours_are_always_first_and_the_committee_makes_a_unit_of_its_own(town: Town) -> None:
    assert "There is no other unit here. The committee makes one: /unit tokens limit 50" in await town.says(
        "chi", "/units"
    )
    assert "1 more organizer must agree" in await town.says("ana", "/unit tokens limit 50")
    assert "There is no other unit here." in await town.whispers("eli", "/units"), "one alone decides nothing"
    await town.presses("ben", "Agree")
    told = (await town.says("chi", "/units")).split(" / ")
    assert told[1].startswith("Hours:")
    assert told[2] == "tokens: a unit of our own. Lowest balance: -50.00."


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/unit hours limit 5", "Hours are there already. A unit of your own needs another name."),
        ("/unit Stunden nolimit", "Hours are there already. A unit of your own needs another name."),
        ("/unit x limit 5", "A unit is called by one short word of at most 16 letters, like /unit tokens."),
        ("/unit 12 limit 5", "A unit is called by one short word of at most 16 letters, like /unit tokens."),
        ("/unit tokens", "Write how far below zero somebody may go, or that there is no limit: /unit tokens limit 50"),
        ("/unit tokens nolimit 5", "Write how far below zero somebody may go, or that there is no limit:"),
    ],
)
async def test_what_cannot_be_a_unit_is_answered_with_what_to_write(town: Town, line: str, told: str) -> None:
    assert (await town.says("ana", line)).startswith(told)
    assert not (await read(town, lambda tx: units.open_ones(tx, 1)))


async def test_the_limit_of_a_unit_is_changed_by_the_same_words_and_holds_from_then_on(town: Town) -> None:
    await tokens(town)
    await town.says("chi", "/pay @ana 12 tokens")
    await tokens(town, "/unit TOKENS limit 10")
    assert len(await read(town, lambda tx: units.open_ones(tx, 1))) == 1
    assert await town.whispers("chi", "/pay @ana 1 tokens") == (
        "That would take you to -13.00 tokens, below the limit of -10.00 tokens, so nothing was recorded."
    )
    await tokens(town, "/unit tokens nolimit")
    await town.whispers("chi", "/pay @ana 1000 tokens")
    assert await has(town, "chi") == -101200


async def test_a_limit_of_nothing_lets_nobody_below_zero(town: Town) -> None:
    await tokens(town, "/unit tokens limit 0")
    assert "below the limit of 0.00 tokens" in await town.whispers("chi", "/pay @ana 0.01 tokens")
    await town.says("ana", "/pay_out @chi 5 tokens for the keys")
    await town.presses("ben", "Agree")
    await town.whispers("chi", "/pay @ana 5 tokens")
    assert (await has(town, "chi"), await has(town, "ana")) == (0, 500)


# --- paying ----------------------------------------------------------------------------------------------------------


async def test_a_payment_says_who_paid_whom_and_each_sees_in_private_what_they_have(town: Town) -> None:
    await tokens(town)
    assert await town.says("chi", "/pay @ana 12 tokens for bread") == "Chi paid Ana: 12.00 tokens. (No. 1)"
    assert town.heard("ana")[-1] == "Chi paid you 12.00 tokens. “for bread”"
    assert await town.whispers("chi", "/wallet") == (
        "Your wallet in Riverside / Hours: 0 min / tokens: -12.00 (the limit is -50.00)"
    )
    assert await town.whispers("ana", "/wallet tokens") == (
        "tokens: 12.00 / No. 1, Jan 5, 2026: Chi paid you 12.00 tokens. “for bread”"
    )
    assert not any("-12.00" in said for said in town.sees()), "what somebody has is nobody else's business"


@pytest.mark.parametrize("line", ["/pay 12,50 tokens @ana", "/pay ana tokens 12.5", "/pay @ana 12.50 token soup"])
async def test_a_payment_is_understood_in_any_order(town: Town, line: str) -> None:
    await tokens(town)
    assert "Chi paid Ana: 12.50 tokens." in await town.says("chi", line)


async def test_bad_payments_are_refused_with_a_sentence_and_lose_nothing(town: Town) -> None:
    await tokens(town)
    for line, told in (
        ("/pay @chi 3 tokens", "You cannot pay yourself."),
        ("/pay 3 tokens", "Whom do you pay? Write it like this: /pay @ana 12 tokens, or /pay committee 12 tokens"),
        ("/pay @ana 3 shells", "I read “shells” where I expected a unit"),
        ("/pay @ana -3 tokens", "The amount must be more than nothing."),
        ("/pay @ana 0 tokens", "The amount must be more than nothing."),
        ("/pay @ana 3", "Something is missing: a unit"),
    ):
        assert (await town.whispers("chi", line)).startswith(told), line
    await town.says("ben", "/add child Mia")
    assert "Pay a parent instead." in await town.whispers("chi", "/pay mia 3 tokens")
    assert await town.practice.app.database.read(lambda tx: tx.value("SELECT count(*) FROM transfers")) == 0


async def test_a_payment_is_made_by_buttons_alone_and_asked_back_first(town: Town) -> None:
    await tokens(town)
    await town.says("chi", "/units")
    await town.presses("chi", "Pay")
    await town.practice.press("chi", "tokens", within=town.private("chi"))
    await town.whispers("chi", "12")
    for label in ("Ana", "Skip"):
        await town.practice.press("chi", label, within=town.private("chi"))
    assert town.heard("chi")[-1] == "You pay Ana: 12.00 tokens. / Your balance then: -12.00 tokens. / Is that right?"
    assert await has(town, "ana") == 0
    await town.practice.press("chi", "Yes", within=town.private("chi"))
    assert await has(town, "ana") == 1200


async def test_whoever_recorded_a_slip_takes_it_back_alone_and_later_the_other_side_agrees(town: Town) -> None:
    await tokens(town)
    await town.says("chi", "/pay @ana 12 tokens")
    assert await town.says("chi", "/undo") == "No. 1 is undone. (No. 2)"
    await town.says("chi", "/pay @ana 5 tokens")
    await town.skip("1h")
    assert "Take back no. 3? Chi paid Ana: 5.00 tokens." in await town.says("chi", "/undo 3")
    assert await has(town, "ana") == 500
    await town.practice.press("ana", "That is right", within=town.private("ana"))
    assert "Recorded as no. 4. / Your balance now: 0.00 tokens." in town.heard("ana")
    assert (await has(town, "ana"), await has(town, "chi")) == (0, 0)


async def test_whoever_was_not_paid_says_so_at_once(town: Town) -> None:
    await euros(town)
    await town.whispers("chi", "/pay @ana €20 rent")
    await town.skip("1d")
    await town.practice.press("ana", "That is not right", within=town.private("ana"))
    assert "euros: you paid 0.00, you were paid 0.00." in await town.whispers("chi", "/wallet")
    assert await town.whispers("ana", "/undo 1") == "No. 1 is undone already."
    assert await town.practice.app.database.read(lambda tx: tx.value("SELECT count(*) FROM transfers")) == 2


async def test_others_take_nothing_back_and_the_committee_may(town: Town) -> None:
    await tokens(town)
    await town.says("chi", "/pay @ana 12 tokens")
    assert "No. 1 is between others" in await town.says("eli", "/undo 1")
    await town.says("ben", "/correct 1")
    await town.presses("ana", "Agree")
    assert await has(town, "ana") == 0
    assert "The committee took back no. 1." in town.heard("chi")


async def test_an_undo_below_the_limit_is_recorded_and_says_so_in_that_unit(town: Town) -> None:
    await tokens(town, "/unit tokens limit 10")
    await town.says("chi", "/pay @ana 10 tokens")
    await town.says("ana", "/pay @eli 20 tokens")
    await town.skip("1h")
    await town.whispers("ana", "/undo 1")
    assert await has(town, "ana") == -2000
    assert "It takes you to -20.00 tokens, below your limit; a correction may." in " ".join(town.heard("ana"))


async def test_somebody_without_an_account_is_paid_and_pays_by_their_helper(town: Town) -> None:
    await tokens(town)
    await town.says("ben", "/add Rosa")
    await town.practice.settle()
    assert "paid Rosa: 3.00 tokens" in await town.says("chi", "/pay rosa 3 tokens")
    assert any("Chi paid Rosa: 3.00 tokens." in told for told in town.heard("ben"))
    assert "Rosa paid Chi: 1.00 tokens. (No. 2) Recorded by Ben." in await town.says(
        "ben", "/for rosa /pay @chi 1 tokens"
    )
    assert await has(town, "chi") == -200


# --- money -----------------------------------------------------------------------------------------------------------


async def test_money_is_noted_only_where_the_committee_has_turned_it_on(town: Town) -> None:
    assert (await town.says("ana", "/record_money euros")).startswith("Money is off here.")
    await euros(town)
    assert "Chi paid Ana: 12.50 euros. (No. 1)" in await town.whispers("chi", "/pay @ana 12,50 € for bread")
    assert await town.whispers("chi", "/wallet") == (
        "Your wallet in Riverside / Hours: 0 min / euros: you paid 12.50, you were paid 0.00."
    )
    await cash(town, on=False)
    assert (await town.whispers("chi", "/pay @ana 3 euros")).startswith("Money is off here.")
    assert "euros: money, only recorded. Off for now." in await town.says("eli", "/units")


async def test_of_money_nobody_has_a_balance_and_the_committee_pays_only_what_it_was_paid(town: Town) -> None:
    await euros(town)
    for line in ("/pay @ana 100000 euros", "/pay committee 20 euros"):
        assert "balance" not in await town.whispers("chi", line)
    told = await town.says("ana", "/pay_out @eli 20.01 euros rent")
    assert told == "The committee has 20.00 euros: it cannot pay more than that."
    await town.says("ana", "/pay_out @eli 20 euros rent")
    await town.presses("ben", "Agree")
    assert "euros: you paid 0.00, you were paid 20.00." in await town.whispers("eli", "/wallet")
    assert (await town.says("ana", "/unit euros limit 5")).startswith("euros is money, and money has no balance here.")


# --- the end of a unit -----------------------------------------------------------------------------------------------


async def test_a_unit_ends_when_all_stand_at_zero(town: Town) -> None:
    await tokens(town)
    await town.says("chi", "/pay @ana 12 tokens")
    assert await town.says("ana", "/close_unit tokens") == (
        "In tokens 2 accounts do not stand at zero. / Let them pay each other first. "
        "Or you decide that everybody starts from zero: /close_unit tokens anyway"
    )
    await town.says("ana", "/pay @chi 12 tokens")
    await town.says("ana", "/close_unit tokens")
    await town.presses("ben", "Agree")
    assert "There is no other unit here." in await town.says("chi", "/units")
    assert (await town.says("chi", "/undo 1")).startswith("tokens has come to an end here")


async def test_a_unit_that_ends_anyway_leaves_everybody_at_zero_and_says_so_before(town: Town) -> None:
    await tokens(town)
    await town.says("chi", "/pay @ana 12 tokens")
    await town.says("chi", "/pay @eli 3 tokens")
    await town.skip("1h")
    await town.whispers("chi", "/undo 1")
    assert "what somebody has in it is gone, what somebody owes is forgiven" in await town.says(
        "ana", "/close_unit tokens anyway"
    )
    await town.presses("ben", "Agree")
    balances = await read(
        town, lambda tx: tx.all("SELECT balance FROM accounts WHERE kind = 'unit' ORDER BY id LIMIT 100")
    )
    assert {balance for (balance,) in balances} == {0}
    # Whoever was asked before says yes too late.
    await town.practice.press("ana", "That is right", within=town.private("ana"))
    assert any("tokens has come to an end here" in said for said in town.heard("ana"))
    assert await read(town, lambda tx: transfers.uneven(tx, 1)) == {}
    # To everybody it is told that it ended, and nobody's figure.
    for line in ("/why 3", "/log"):
        told = await town.whispers("ben", line)
        assert not re.search(r"\b(12|15|3)\.00", told), told


async def test_another_unit_of_the_same_name_begins_from_nothing(town: Town) -> None:
    await tokens(town)
    await town.says("chi", "/pay @ana 12 tokens")
    for line in ("/close_unit tokens anyway", "/unit tokens limit 5"):
        await tokens(town, line)
    assert "tokens: 0.00" in await town.whispers("chi", "/wallet")
    journal = statements.exported(await exported(town), "hledger", "salt")
    assert 'commodity 1000.00 "tokens"' in journal
    await town.says("chi", "/pay @ana 1 tokens")
    journal = statements.exported(await exported(town), "hledger", "salt")
    assert 'commodity 1000.00 "tokens 2"' in journal


# --- never added to hours --------------------------------------------------------------------------------------------


async def exported(town: Town) -> statements.Books:
    """The books as an export takes them."""

    async def ask(tx: Reader) -> statements.Books:
        return await rows.books(tx, await people.committee(tx, 1), now=town.practice.app.now())

    return await read(town, ask)


async def test_neither_history_nor_limits_nor_figures_count_what_is_paid_in_another_unit(town: Town) -> None:
    await tokens(town)
    for who in ("fay", "gus"):
        await town.says(who, "/join")
    for giver, gainer in (("ana", "ben"), ("ben", "chi"), ("chi", "eli")):
        await town.says(giver, f"/thank @{gainer} 1h")
    await town.says("ana", "/growing_limit 2 24h")
    await town.presses("ben", "Agree")
    said = ("/history", "/limits", "/balance")
    before = {(who, line): await town.whispers(who, line) for who in PEOPLE for line in said}
    figures = await town.says("eli", "/stats quarter")
    assert "3 exchanges of help, 3 h in all." in figures
    for giver, gainer in (("ana", "ben"), ("ben", "ana"), ("chi", "ben"), ("eli", "chi"), ("fay", "chi")):
        await town.says(giver, f"/pay @{gainer} 40 tokens")
    await town.skip("1d")
    for (who, line), told in before.items():
        assert await town.whispers(who, line) == told, line
        assert "limit is" not in " ".join(town.heard(who)[-2:]) or "limit" in told
    assert await town.says("eli", "/stats quarter") == figures
    assert await read(town, lambda tx: tx.value("SELECT count(*) FROM given")) == 3


async def test_the_digest_counts_payments_apart_from_help(town: Town) -> None:
    await tokens(town)
    await town.says("ana", "/digest monday 9:00")
    await town.presses("ben", "Agree")
    await town.says("chi", "/thank @ana 1h")
    await town.says("chi", "/pay @ana 12 tokens")
    await town.says("chi", "/pay @ana 13 tokens")
    await town.says("chi", "/undo")
    await town.skip("8d")
    told = "\n".join(town.sees())
    assert "1 exchange of help." in told
    assert "1 payment in tokens." in told
    assert "12.00" not in "\n".join(said for said in town.sees() if "exchange of help" in said)


async def test_why_a_payment_moved_is_told_in_its_unit(town: Town) -> None:
    await tokens(town)
    await town.says("chi", "/pay @ana 12 tokens")
    told = await town.whispers("chi", "/why 1")
    assert "Ana: 12.00 tokens" in told
    assert "20 h" not in told, "1200 hundredths are no minutes"


async def _month(town: Town, seed: int = 11, steps: int = 160) -> None:
    """Business in three units by chance, recorded as the commands record it; some of it taken back."""
    chance = random.Random(seed)

    async def business(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        members = [await member_of(tx, town, who) for who in PEOPLE]
        there: list[Unit | None] = [None, *await units.open_ones(tx, 1)]
        for _ in range(steps):
            unit = chance.choice(there)
            giver, gainer = chance.sample([*members, None], 2)
            accounts = [await account_in(tx, committee, unit, who) for who in (giver, gainer)]
            amount = chance.randrange(1, 1500)
            legs = [
                ledger.Posting(accounts[0].id, Minutes(-amount)),
                ledger.Posting(accounts[1].id, Minutes(amount)),
            ]
            try:
                transfer = ledger.post(legs, accounts, at=town.practice.app.now())
            except ledger.BelowFloor:
                continue
            id_, _ = await transfers.record(tx, committee, transfer, recorder=members[0])
            if chance.random() < 0.2:
                recorded = await transfers.recorded(tx, committee, id_)
                assert recorded is not None
                opposite = ledger.reversal(
                    recorded, by=members[0].id, said_at=town.practice.app.now(), at=town.practice.app.now()
                )
                await transfers.record(tx, committee, opposite, recorder=members[0], reverses=id_)

    await town.practice.app.database.transact(business)


async def account_in(tx: Transaction, committee: Committee, unit: Unit | None, who: Member | None) -> ledger.Account:
    """Somebody's account, or (None) the committee's, in a unit, or (None) in hours."""
    if unit is not None:
        return await transfers.beside(tx, committee, "unit", owner=who, unit=unit.id)
    return (
        await transfers.committee_account(tx, committee) if who is None else await transfers.account(tx, committee, who)
    )


async def three_units(town: Town) -> None:
    """Hours, tokens and euros."""
    await tokens(town)
    await euros(town)


async def test_the_same_person_in_several_units_reads_alike_in_hledger_and_the_bot(town: Town, tmp_path: Path) -> None:
    await three_units(town)
    await _month(town)
    found = await exported(town)
    names = statements.pseudonyms(found, "salt")
    assert len(found.transfers) > 100
    journal = statements.exported(found, "hledger", "salt")
    for unit in ("tokens", "euros"):
        assert f'commodity 1000.00 "{unit}"' in journal
    table = list(csv.DictReader(io.StringIO(statements.exported(found, "csv", "salt"))))
    for account in found.accounts:
        own = [row for row in table if row["account"] == names[account.id] and row["unit"] == (account.unit or "")]
        assert sum(int(row["minutes"] or 0) for row in own) == (account.balance if account.unit is None else 0)
        cents = sum(round(100 * float(row["amount"] or 0)) for row in own)
        assert cents == (0 if account.unit is None else account.balance)
    whole = json.loads(statements.exported(found, "json", "salt"))
    for transfer in whole["transfers"]:
        assert len({posting.get("unit") for posting in transfer["postings"]}) == 1
        assert sum(one.get("minutes", one.get("hundredths")) for one in transfer["postings"]) == 0
    if shutil.which("hledger") is None:
        pytest.skip("hledger is not installed")
    file = tmp_path / "books.journal"
    file.write_text(journal, encoding="utf-8")

    def hledger(*arguments: str) -> str:
        done = subprocess.run(["hledger", "-f", str(file), *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    hledger("check", "-s")
    for one in (None, "tokens", "euros"):
        commodity = "min" if one is None else one
        out = hledger("bal", "--flat", "--empty", "-N", "-O", "csv", f"cur:^{commodity}$")
        read_ = {
            row["account"].removeprefix("members:"): round(
                float(row["balance"].split()[0].strip('"')) * (1 if one is None else 100)
            )
            for row in csv.DictReader(io.StringIO(out))
        }
        standing = {names[account.id]: account.balance for account in found.accounts if account.unit == one}
        assert {name: amount for name, amount in read_.items() if amount} == {
            name: amount for name, amount in standing.items() if amount
        }


# --- the books hold it -----------------------------------------------------------------------------------------------


async def test_the_audit_sums_each_unit_by_itself_and_finds_one_that_does_not_come_to_zero(town: Town) -> None:
    await three_units(town)
    await town.says("chi", "/pay @ana 12 tokens")
    await town.says("chi", "/thank @ana 1h")
    told = await town.whispers("eli", "/log verify")
    assert "Other units are never added to hours: each sums to zero by itself." in told
    live = town.practice.app.database

    async def mix(tx: Transaction) -> None:
        # What is too much in hours is as much too little in tokens: only their sum is zero.
        await tx.execute("UPDATE accounts SET balance = balance + 7 WHERE kind = 'own' AND balance > 0")
        await tx.execute("UPDATE accounts SET balance = balance - 7 WHERE kind = 'unit' AND balance > 0")

    async def back(tx: Transaction) -> None:
        await tx.execute("UPDATE accounts SET balance = balance - 7 WHERE kind = 'own' AND balance > 0")
        await tx.execute("UPDATE accounts SET balance = balance + 7 WHERE kind = 'unit' AND balance > 0")

    await live.transact(mix)
    try:
        assert await read(town, lambda tx: transfers.uneven(tx, 1)) == {None: 7, 1: -7}
        faults = await read(town, _faults)
        assert "the hours of Riverside sum to 7 minutes, not to zero." in faults
        assert "unit 1 of Riverside sums to -7 hundredths, not to zero." in faults
        with pytest.raises(audit.Broken) as broken:
            await recomputed(town)
        assert broken.value.fault == "balance"
    finally:
        await live.transact(back)
    await recomputed(town)


async def _faults(tx: Reader) -> list[str]:
    return [finding.what async for finding in checks._books(tx)]


async def _recorded(tx: Transaction, committee: Committee, transfer: ledger.Transfer, by: Member) -> None:
    async with tx.savepoint():
        await transfers.record(tx, committee, transfer, recorder=by)


async def test_no_transfer_goes_from_one_unit_to_another(town: Town) -> None:
    await three_units(town)

    async def mixed(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        ana = await member_of(tx, town, "ana")
        hours = await transfers.account(tx, committee, ana)
        other = await transfers.beside(tx, committee, "unit", owner=ana, unit=1)
        legs = (ledger.Posting(hours.id, Minutes(-60)), ledger.Posting(other.id, Minutes(60)))
        with pytest.raises(AssertionError):
            ledger.post(legs, [hours, other], at=town.practice.app.now())
        # Whoever goes past the rules: the books refuse it, and the schema behind them.
        for unit in (None, 1):
            transfer = ledger.Transfer(postings=legs, at=town.practice.app.now(), unit=unit)
            with pytest.raises(AssertionError, match="mixes units"):
                await _recorded(tx, committee, transfer, ana)
        for account, amount in ((hours.id, -60), (other.id, 60)):
            await tx.execute("INSERT INTO postings VALUES (99, ?, ?)", account, amount)
        with pytest.raises(Exception, match="units never mix"):
            await tx.execute(
                "INSERT INTO transfers VALUES (99, 1, 99, 1, ?, NULL, 0)",
                ana.id,
            )
        await tx.execute("DROP TRIGGER postings_never_go")
        await tx.execute("DELETE FROM postings WHERE transfer_id = 99")
        for statement in (
            "UPDATE accounts SET unit_id = 2 WHERE unit_id = 1",
            "INSERT INTO accounts (committee_id, kind, unit_id) VALUES (1, 'unit', 99)",
            "INSERT INTO accounts (committee_id, kind) VALUES (1, 'unit')",
            "INSERT INTO accounts (committee_id, kind, unit_id) VALUES (1, 'fund', 1)",
        ):
            with pytest.raises(Exception, match="unit"):
                await tx.execute(statement)

    await town.practice.app.database.transact(mixed)


async def test_replaying_the_chain_gives_the_same_books_in_every_unit(town: Town) -> None:
    await three_units(town)
    await _month(town, seed=12)

    async def replay(tx: Reader) -> tuple[dict[int, int], dict[int, int], dict[int, int]]:
        entries = await tx.all("SELECT body FROM entries WHERE kind = 'transfer' ORDER BY number LIMIT 10000")
        balances, unit_of = dict[int, int](), dict[int, int]()
        for (text,) in entries:
            body = json.loads(text)
            assert sum(amount for _, amount in body["postings"]) == 0
            for account, amount in body["postings"]:
                balances[account] = balances.get(account, 0) + amount
                if "unit" in body:
                    assert unit_of.setdefault(account, body["unit"]) == body["unit"]
                else:
                    assert account not in unit_of
        standing = await tx.all("SELECT id, balance FROM accounts WHERE balance <> 0 LIMIT 1000")
        assert {id_: balance for id_, balance in balances.items() if balance} == dict(standing)
        return balances, unit_of, await transfers.units_of(tx, 1)

    balances, unit_of, units_of = await read(town, replay)
    assert unit_of.items() <= units_of.items()
    assert audit.sums(balances.items(), unit_of) == {}
    assert set(unit_of.values()) == {1, 2}


# --- whoever comes, goes, and is forgotten ---------------------------------------------------------------------------


async def _kept_for_a_month(town: Town) -> None:
    """So that not much time has to pass."""
    await town.practice.app.database.transact(lambda tx: rules.put(tx, 1, "leaving", 1))


async def test_whoever_leaves_hears_what_becomes_of_it_and_finds_it_again(town: Town) -> None:
    await tokens(town)
    await _kept_for_a_month(town)
    await town.says("ana", "/pay @chi 12 tokens")
    await town.whispers("chi", "/leave")
    told = " ".join(town.heard("chi"))
    assert "You leave Riverside with 12.00 tokens. / It is kept for 1 month:" in told
    await town.skip("8d")
    await town.says("chi", "/join")
    assert await has(town, "chi") == 1200
    await town.skip("25d")
    assert await has(town, "chi") == 1200, "nothing is taken from whoever is back"


async def test_what_was_left_goes_to_the_committee_in_its_unit_and_what_was_noted_of_money_stays(town: Town) -> None:
    await three_units(town)
    await _kept_for_a_month(town)
    for who, line in (("ana", "/pay @chi 12 tokens"), ("eli", "/pay @ana 5 tokens"), ("eli", "/pay @ana 9 euros")):
        await town.whispers(who, line)
    for who in ("chi", "eli"):
        await town.whispers(who, "/leave")
    assert "You leave Riverside with -5.00 tokens." in " ".join(town.heard("eli"))
    assert not any("You leave Riverside" in said and "euros" in said for said in town.heard("eli"))
    await town.skip("32d")

    async def ask(tx: Reader) -> dict[tuple[int, int | None], int]:
        found = await tx.all("SELECT unit_id, owner_id, balance FROM accounts WHERE kind = 'unit' LIMIT 10")
        return {(unit, owner): balance for unit, owner, balance in found}

    balances = await read(town, ask)
    assert balances[1, None] == 700
    assert sorted(balance for (unit, _), balance in balances.items() if unit == 1 and balance) == [-700, 700]
    assert sorted(balance for (unit, _), balance in balances.items() if unit == 2) == [-900, 900]
    told = await town.whispers("ben", "/log")
    assert "What Chi left behind went to the committee. (No. 4)" in told
    assert "Eli had left: the committee's account took on 5.00 tokens. (No. 5)" in told
    await town.says("chi", "/join")
    assert "to the committee, as you had left: -12.00 tokens" in await town.whispers("chi", "/wallet tokens")
    await recomputed(town)


async def test_whoever_is_forgotten_leaves_what_they_had_to_the_committee_at_once(town: Town) -> None:
    await tokens(town)
    await town.says("ana", "/pay @chi 12 tokens for Chi's bread")
    await town.whispers("chi", "/forget me")
    await town.practice.press("chi", "Yes, forget me for good", within=town.private("chi"))
    await town.practice.settle()

    async def ask(tx: Reader) -> tuple[int, int]:
        purse = await tx.value("SELECT balance FROM accounts WHERE kind = 'unit' AND owner_id IS NULL")
        words = await tx.value("SELECT count(*) FROM notes WHERE thing LIKE 'transfer:%' AND text IS NOT NULL")
        return int(purse), int(words)

    assert await read(town, ask) == (1200, 0)
    assert "Former member" in await town.whispers("ana", "/wallet tokens")
    await recomputed(town)


async def test_a_unit_that_bears_the_name_of_somebody_forgotten_goes_on_by_another(town: Town) -> None:
    await tokens(town, "/unit Chi limit 5")
    await town.says("ana", "/pay @ben 1 chi")
    await town.whispers("chi", "/forget me")
    await town.practice.press("chi", "Yes, forget me for good", within=town.private("chi"))
    told = await town.says("eli", "/units")
    assert "Former member 3: a unit of our own. Lowest balance: -5.00." in told
    assert "Ana paid Ben: 2.00 Former member 3." in await town.says("ana", "/pay @ben 2 former member 3")


async def test_what_is_handed_out_to_somebody_names_unit_amount_and_other_side(town: Town) -> None:
    await tokens(town)
    await town.says("chi", "/pay @ana 12 tokens for bread")

    async def ask(tx: Reader) -> str:
        chi = await member_of(tx, town, "chi")
        found = await privacy.hand_out(tx, chi.person_id, now=town.practice.app.now(), characters_max=1_000_000)
        return found.text

    handed = json.loads(await read(town, ask))
    [balance], [moved] = handed["balances_beside"], handed["exchanges_beside"]
    assert balance | {"committee": ""} == {
        "committee": "", "kind": "unit", "unit": "tokens", "hundredths": -1200, "promised": 0
    }  # fmt: skip
    assert (moved["unit"], moved["hundredths"], moved["with_whom"], moved["note"]) == (
        "tokens", -1200, "Ana", "for bread"
    )  # fmt: skip
    assert "minutes" not in moved
    assert handed["balances"][0]["minutes"] == 0


async def test_a_note_of_a_payment_is_erased_by_either_side(town: Town) -> None:
    await tokens(town)
    await town.says("chi", "/pay @ana 12 tokens for secret bread")
    assert "between" not in await town.whispers("ana", "/erase 1")
    assert "secret" not in await town.whispers("chi", "/wallet tokens")
    assert await has(town, "ana") == 1200


async def test_two_memberships_that_become_one_have_all_that_either_had(town: Town) -> None:
    await three_units(town)
    await town.says("chi", "/pay @ana 12 tokens")
    await town.says("eli", "/pay @ana 5 tokens")
    await town.says("chi", "/pay @eli 2 tokens")
    await town.whispers("eli", "/pay @ana 7 euros")
    await town.says("eli", "/thank @ana 1h")

    async def join(tx: Transaction) -> None:
        chi, eli = await member_of(tx, town, "chi"), await member_of(tx, town, "eli")
        committee = await people.committee(tx, 1)
        before, after = await transfers.accounts(tx, committee, eli, chi)
        carried = ledger.carry(before, after, at=town.practice.app.now())
        assert carried is not None
        id_, _ = await transfers.record(tx, committee, carried, recorder=chi, carried=True)
        await connections.absorb(tx, eli.id, chi.id, transfer=id_, now=town.practice.app.now())
        await connections.join_persons(tx, chi.person_id, eli.person_id, now=town.practice.app.now())

    await town.practice.app.database.transact(join)
    assert await has(town, "chi") == -1700
    told = await town.whispers("chi", "/wallet")
    assert "Hours: -1 h / tokens: -17.00 (the limit is -50.00) / euros: you paid 7.00, you were paid 0.00." in told
    # What was paid by either is theirs, and that it came together is no payment.
    told = await town.whispers("chi", "/wallet tokens")
    assert "you paid Ana 12.00 tokens" in told
    assert "you paid Ana 5.00 tokens" in told
    assert told.count("No. ") == 4, told
    # The limit looks at both.
    assert "That would take you to -51.00 tokens" in await town.whispers("chi", "/pay @ben 34 tokens")
    # What either recorded last is taken back, not the carrying over; and what was between the two stays.
    assert "No. 5 is undone." in await town.whispers("chi", "/undo")
    assert "No. 3 is between two accounts of yours." in await town.whispers("chi", "/undo 3")
    # And what one of them had paid comes back to the one that goes on.
    await town.whispers("ana", "/undo 2")
    assert await has(town, "chi") == -1200
    assert "what you had in tokens came together in one account." in await town.whispers("chi", "/log")
    await recomputed(town)


async def test_a_committee_that_moves_takes_its_units_and_no_others(town: Town, tmp_path: Path) -> None:
    await three_units(town)
    await town.says("chi", "/pay @ana 12 tokens for bread")
    await town.says("chi", "/thank @ana 1h")
    copy = tmp_path / "copy.db"
    copies.copy(tmp_path / DATABASE, None, copy)
    [found] = copies.holdings(copy, None).books
    copies.keep_only(copy, None, found.uid)
    assert copies.holdings(copy, None).books == (found,)
    connection = database.connected(copy, None)
    try:
        assert connection.execute("SELECT count(*) FROM units").fetchone() == (2,)
        names = connection.execute("SELECT text FROM notes WHERE thing LIKE 'unit:%' ORDER BY thing").fetchall()
        assert names == [("tokens",), ("euros",)]
        # What sums to zero only over two units is not sound.
        connection.execute("UPDATE accounts SET balance = balance + 5 WHERE kind = 'unit' AND balance > 0")
        connection.execute("DROP TRIGGER postings_never_change")
        connection.execute("UPDATE postings SET minutes = minutes + 5 WHERE minutes = 1200")
        connection.execute("UPDATE postings SET minutes = minutes - 5 WHERE minutes = 60")
        connection.execute("UPDATE accounts SET balance = balance - 5 WHERE kind = 'own' AND balance = 60")
        connection.execute("COMMIT") if connection.in_transaction else None
    finally:
        connection.close()
    with pytest.raises(copies.NotSound, match="balances of Riverside"):
        copies.holdings(copy, None)


async def test_a_payment_is_a_sign_of_somebody_and_what_is_done_for_all_is_none(town: Town) -> None:
    await tokens(town)
    await town.practice.app.database.transact(lambda tx: rules.put(tx, 1, "dormant", 1))
    await town.skip("20d")
    now = town.practice.app.now()

    async def business(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        ana, ben, chi, eli = [await member_of(tx, town, who) for who in PEOPLE]
        # Recorded by others for both pairs; only the second is done for all at a month's end.
        one, other = [await account_in(tx, committee, await units.unit(tx, 1, 1), who) for who in (ana, chi)]
        payment = rule.payment(one, other, Amount(100), unit=T("tokens"), at=now)
        await transfers.record(tx, committee, payment, recorder=ana)
        gives, gets = await transfers.accounts(tx, committee, ben, eli)
        closing = ledger.transfer(gives, gets, Minutes(10), at=now)
        await transfers.record(tx, committee, closing, recorder=ana, closes=("melt", "2026-01"))
        await tx.execute("UPDATE members SET seen_on = '2026-01-05'")

    await town.practice.app.database.transact(business)
    await town.skip("15d")

    async def ask(tx: Reader) -> set[str]:
        found = await leaving.dormant(tx, 1, today=town.practice.app.now().date())
        asked = [await people.member(tx, 1, id_) for id_ in found]
        already = await tx.all("SELECT member_id FROM dormant LIMIT 10")
        asked += [await people.member(tx, 1, id_) for (id_,) in already]
        return {member.name for member in asked if member is not None}

    assert await read(town, ask) == {"Ben", "Eli"}


async def test_those_whom_one_paid_are_offered_first(town: Town) -> None:
    await tokens(town)
    await town.says("chi", "/pay @eli 1 tokens")

    async def ask(tx: Reader) -> str:
        return (await people.others_of(tx, await member_of(tx, town, "chi")))[0].name

    assert await read(town, ask) == "Eli"


async def test_what_goes_to_the_fund_or_a_reserve_is_told_as_that(town: Town) -> None:
    async def business(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        chi, now = await member_of(tx, town, "chi"), town.practice.app.now()
        for kind, owner in (("fund", None), ("reserve", chi)):
            own = await transfers.account(tx, committee, chi)
            to = await transfers.beside(tx, committee, kind, owner=owner)  # type: ignore[arg-type]
            await transfers.record(tx, committee, ledger.transfer(own, to, Minutes(60), at=now), recorder=chi)

    await town.practice.app.database.transact(business)
    told = await town.whispers("chi", "/log")
    assert "exchange 1: Chi gave the common fund 1 h." in told
    assert "exchange 2: 1 h from Chi to the mutual insurance." in told
    told = await town.whispers("chi", "/history")
    assert "to the common fund, -1 h." in told
    assert "into your reserve of the mutual insurance, -1 h." in told
    names = {account.name for account in (await exported(town)).accounts}
    assert names == {None, "committee", "fund"}
