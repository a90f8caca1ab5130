"""Mistakes that a ledger must not have, each a small change to the sources: tests/test_mutants.py sees them found."""

from __future__ import annotations

from dataclasses import dataclass

MACHINE = "tests.test_ledger_machine.TestLedger"
COUNTED = "tests.test_ledger_machine.TestCounted"
POLICIES = "tests/domain/test_policies.py"
UNITS = "tests/domain/test_units.py"

LEDGER = "bot/domain/ledger.py"
QUOTES = "bot/domain/policies.py"
AUDIT = "bot/domain/audit.py"
BOOKS = "storage/transfers.py"
CLOSINGS = "storage/closings.py"
DECIDED = "storage/schemes.py"
GIVEN = "handlers/fund.py"
RULES = "handlers/policy.py"
HOLDS = "storage/exchanges.py"
TABLES = "storage/migrations/sqlite/0015_exchanges.sql"
FIRST_TABLES = "storage/migrations/sqlite/0001_core.sql"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A mistake: in each file the words that stand there once, and what stands there instead."""

    name: str
    changes: tuple[tuple[str, str, str], ...]
    killed_by: str
    """The tests that find it: a case of the machine, or a file."""
    long: bool = False
    """Only in .ci/soak."""


def _mutant(name: str, *changes: tuple[str, str, str], killed_by: str = MACHINE, long: bool = False) -> Mutant:
    return Mutant(name=name, changes=changes, killed_by=killed_by, long=long)


# Those that the issue names come first; in brackets, whether the rules make the mistake or the books.
MUTANTS = (
    _mutant(
        "holds ignored (rules)",
        (LEDGER, "account.balance - account.held + (released", "account.balance + (released"),
        long=True,
    ),
    _mutant(
        "limit without holds (books)", (BOOKS, "balance - held + leg.minutes >=", "balance + leg.minutes >="), long=True
    ),
    _mutant("a promise below the limit (books)", (HOLDS, "balance - held - ?1 >= ?3", "balance >= ?3")),
    _mutant(
        "holds never kept back",
        (HOLDS, "SET held = held + ?1", "SET held = held + 0 * ?1"),
        long=True,
    ),
    _mutant(
        "double post (books)",
        (BOOKS, "SET balance = balance + leg.minutes\n", "SET balance = balance + 2 * leg.minutes\n"),
    ),
    _mutant(
        "double post: a yes counts twice (books)",
        (TABLES, "WHEN OLD.state <> 'open'", "WHEN OLD.state = 'nothing'"),
        long=True,
    ),
    _mutant(
        "void leaks: what was kept back is not freed",
        (
            HOLDS,
            '"UPDATE accounts SET held = held - ? WHERE id = ?"',
            '"UPDATE accounts SET held = held - 0 * ? WHERE id = ?"',
        ),
        long=True,
    ),
    _mutant(
        "void leaks: a hold outlives its exchange",
        (
            HOLDS,
            "DELETE FROM holds WHERE exchange_id = ? RETURNING account_id, minutes",
            "SELECT account_id, minutes FROM holds WHERE exchange_id = ?",
        ),
    ),
    _mutant(
        "void leaks: leaving keeps hours back",
        (
            HOLDS,
            '        await release(tx, one)\n        await end(tx, one, "withdrawn")',
            '        await end(tx, one, "withdrawn")',
        ),
        long=True,
    ),
    _mutant(
        "reversal twice (rules)",
        (LEDGER, "if recorded.is_reversed:", "if recorded.is_reversed and recorded.is_reversal:"),
    ),
    _mutant(
        "reversal twice (books)",
        (FIRST_TABLES, "reverses_id INTEGER UNIQUE REFERENCES", "reverses_id INTEGER REFERENCES"),
        long=True,
    ),
    _mutant(
        "a share loses a remainder",
        (QUOTES, "for key in by_remainder[:left]:", "for key in by_remainder[:0]:"),
        killed_by=POLICIES,
    ),
    _mutant(
        "a share loses a remainder (a claim's)",
        (
            QUOTES,
            "shares = apportion(gaining[first], giving)",
            "shares = {key: gaining[first] // len(giving) for key in giving}",
        ),
        long=True,
    ),
    # How hours are counted, months that are closed, the fund.
    _mutant(
        "the levy is taken, and reaches nobody",
        (QUOTES, "changes[fund] = changes.get(fund, 0) + part", "changes[fund] = changes.get(fund, 0)"),
        killed_by=COUNTED,
    ),
    _mutant(
        "what stands below the threshold melts",
        (QUOTES, "(balance - above) * rate // 10_000", "balance * rate // 10_000"),
        killed_by=COUNTED,
        long=True,
    ),
    _mutant(
        "what is promised melts",
        (BOOKS, "SELECT a.id, a.balance - a.held FROM accounts", "SELECT a.id, a.balance FROM accounts"),
        killed_by=COUNTED,
        long=True,
    ),
    _mutant(
        "a month is closed twice",
        (CLOSINGS, "if await is_closed(tx, committee.id, what, period):", "if not period:"),
        (
            BOOKS,
            "closings (committee_id, what, period, transfer_id, at_us) VALUES (?, ?, ?, ?, ?)",
            "closings (committee_id, what, period, transfer_id, at_us) VALUES (?, ?, ? || hex(randomblob(4)), ?, ?)",
        ),
        killed_by=COUNTED,
    ),
    _mutant(
        "the month after is not planned",
        (
            RULES,
            'await closings.plan(context.tx, committee, "melt_month", period=closings.month_after(period))',
            "pass",
        ),
        killed_by=COUNTED,
        long=True,
    ),
    _mutant(
        "the fund pays what it has not (rules and books)",
        (BOOKS, "a.kind IN ('fund', 'reserve') THEN 0", "a.kind = 'reserve' THEN 0"),
        killed_by=COUNTED,
    ),
    _mutant(
        "a reserve pays what it has not (rules and books)",
        (BOOKS, "a.kind IN ('fund', 'reserve') THEN 0", "a.kind = 'fund' THEN 0"),
        killed_by=COUNTED,
        long=True,
    ),
    _mutant(
        "what was decided first holds",
        (DECIDED, '"SELECT max(version) FROM schemes', '"SELECT min(version) FROM schemes'),
        killed_by=COUNTED,
        long=True,
    ),
    _mutant(
        "what was done for all is undone by one",
        (BOOKS, "recorder_id=None if is_closing else recorder_id", "recorder_id=recorder_id"),
        killed_by=COUNTED,
        long=True,
    ),
    _mutant(
        "what somebody gives each month is taken where it is not",
        (GIVEN, "have = [one for one in giving if one.free >= one.minutes]", "have = [*giving]"),
        killed_by=COUNTED,
        long=True,
    ),
    _mutant(
        "those pool who have not said yes",
        (QUOTES, "leg.minutes > 0 and leg.account_id in state.pooling", "leg.minutes > 0"),
        killed_by=COUNTED,
        long=True,
    ),
    # Others, for .ci/soak.
    _mutant(
        "the limit is passed by a minute",
        (LEDGER, "if left < account.floor:", "if left < account.floor - 1:"),
        long=True,
    ),
    _mutant(
        "undoing is refused by the limit",
        (
            LEDGER,
            "in back.items()),\n        at=at,",
            "in back.items()),\n        at=at, floors=dict.fromkeys(back, Minutes(-240)),",
        ),
        long=True,
    ),
    _mutant(
        "undoing past a limit is not marked",
        (LEDGER, "+ changes[account.id] < account.floor", "+ changes[account.id] < account.floor - 10**6"),
        long=True,
    ),
    _mutant(
        "one of two agrees to undo",
        (LEDGER, "losing <= frozenset(agreed)", "losing & frozenset(agreed)"),
        long=True,
    ),
    _mutant(
        "undone alone after an hour",
        (LEDGER, "UNDO_WITHIN = timedelta(minutes=10)", "UNDO_WITHIN = timedelta(minutes=60)"),
        long=True,
    ),
    _mutant(
        "undoing is asked for twice at once (books)",
        (TABLES, "CREATE UNIQUE INDEX exchanges_one_undo", "CREATE INDEX exchanges_one_undo"),
        long=True,
    ),
    _mutant(
        "a limit that was changed does not count",
        (
            BOOKS,
            "floor=floors[id_] if member else _limit",
            "floor=Minutes(-240) if member else _limit",
        ),
        long=True,
    ),
    _mutant(
        "leaving ends what is others'",
        (
            HOLDS,
            "SELECT 1 FROM approvals a WHERE a.exchange_id = e.id AND a.member_id = ?1)\n                  OR",
            "SELECT 1)\n                  OR",
        ),
        long=True,
    ),
    _mutant("ties by the higher account", (QUOTES, "whole), key))", "whole), -key))"), killed_by=POLICIES, long=True),
    _mutant(
        "hours and another unit in one transfer (rules)",
        (LEDGER, "assert len(units) <= 1", "assert len(units) <= 9"),
        killed_by=UNITS,
    ),
    _mutant(
        "the audit adds units together",
        (AUDIT, "unit = units.get(account)", "unit = units.get(-account)"),
        killed_by=UNITS,
    ),
    _mutant(
        "an undo forgets its unit", (LEDGER, "unit=recorded.transfer.unit", "unit=None"), killed_by=UNITS, long=True
    ),
)
