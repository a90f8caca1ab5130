"""Books and statements as files that other programs read. Pure: one immutable snapshot goes in, text comes out."""

from __future__ import annotations

import calendar
import csv
import hmac
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

Form = Literal["csv", "json", "hledger"]
FORMS: tuple[Form, ...] = get_args(Form)
ENDINGS: Mapping[Form, str] = {"csv": "csv", "json": "json", "hledger": "journal"}
COMMITTEE = "committee"
"""What the committee's own account is called in an export."""
FUND = "fund"
"""What its common fund is called."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account and what is on it, in minutes; or in hundredths of its `unit`.

    `name`: of the committee's or the fund's; None: a pseudonym is made. What one person has in several units has as
    many pseudonyms: nobody can tell by the file that it is theirs. `unit`: what it is called; None: hours.
    """

    id: int
    balance: int
    name: str | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer as it stands in the books; `legs` are accounts and minutes and sum to zero.

    `at` is in the committee's own time. `undoes`: the number of the transfer that it takes back.
    """

    number: int
    at: datetime
    legs: tuple[tuple[int, int], ...]
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class Books:
    """A committee's books at one instant, in the order in which they were written."""

    committee: str
    taken: datetime
    accounts: tuple[Account, ...]
    transfers: tuple[Transfer, ...]

    @property
    def units(self) -> dict[int, str]:
        """By account, in which unit it is; those in hours are left out."""
        return {account.id: account.unit for account in self.accounts if account.unit is not None}


def pseudonyms(books: Books, salt: str) -> dict[int, str]:
    """A name for every account, in an order that only whoever has the salt could find again.

    The salt is made for one export and kept nowhere: within the file a name means one account, between files nothing.
    """
    key = salt.encode()
    members = sorted(
        (account.id for account in books.accounts if account.name is None),
        key=lambda id_: hmac.digest(key, str(id_).encode(), "sha256"),
    )
    width = max(3, len(str(len(members))))
    names = {id_: f"member-{place:0{width}}" for place, id_ in enumerate(members, start=1)}
    return names | {account.id: account.name for account in books.accounts if account.name is not None}


def exported(books: Books, form: Form, salt: str) -> str:
    """The books as a file of this form, without anybody's name or note."""
    names = pseudonyms(books, salt)
    match form:
        case "csv":
            return _as_csv(books, names)
        case "json":
            return _as_json(books, names)
        case "hledger":
            return _as_journal(books, names)


def _as_csv(books: Books, names: Mapping[int, str]) -> str:
    """In other units than hours, minutes are left empty: whoever sums that column sums hours."""
    head = ("number", "date", "time", "account", "minutes", "undoes", "unit", "amount")
    units = books.units
    return table(
        [
            head,
            *(
                (
                    one.number,
                    f"{one.at:%Y-%m-%d}",
                    f"{one.at:%H:%M}",
                    names[account],
                    "" if account in units else amount,
                    one.undoes or "",
                    units.get(account, ""),
                    _decimal(amount) if account in units else "",
                )
                for one in books.transfers
                for account, amount in one.legs
            ),
        ]
    )


def _decimal(hundredths: int) -> _Figure:
    whole, rest = divmod(abs(hundredths), 100)
    return _Figure(f"{'-' if hundredths < 0 else ''}{whole}.{rest:02}")


class _Figure(str):
    """A figure that is written as it is: what begins with a minus is no formula."""

    __slots__ = ()


def _as_json(books: Books, names: Mapping[int, str]) -> str:
    units = books.units
    return json.dumps(
        {
            "format": "solibot books",
            "version": 1,
            "committee": books.committee,
            "unit": "minute",
            "taken": books.taken.isoformat(timespec="seconds"),
            "accounts": [
                {"account": name, "balance": balance} | ({} if unit is None else {"unit": unit, "parts": 100})
                for name, balance, unit in _balances(books, names)
            ],
            "transfers": [
                {
                    "number": one.number,
                    "at": one.at.isoformat(timespec="minutes"),
                    "undoes": one.undoes,
                    "postings": [
                        {"account": names[account], "minutes": amount}
                        if account not in units
                        else {"account": names[account], "unit": units[account], "hundredths": amount}
                        for account, amount in one.legs
                    ],
                }
                for one in books.transfers
            ],
        },
        ensure_ascii=False,
        indent=1,
    )


def _as_journal(books: Books, names: Mapping[int, str]) -> str:
    """A journal for hledger (https://hledger.org/hledger.html#journal), strict: `hledger check -s` accepts it.

    Accounts and commodities, one for each unit, are declared, and at the end every balance is asserted.
    """
    balances, units = _balances(books, names), books.units
    written = [
        f"; {' '.join(books.committee.split())}: hours of the time bank, in minutes"
        + (", and other units" if units else ""),
        f"; taken {books.taken.isoformat(timespec='seconds')}",
        "",
        "commodity 1000. min",
        *(f"commodity 1000.00 {_commodity(unit)}" for unit in sorted(set(units.values()))),
        *(f"account {name}" for name in dict.fromkeys(_journal(name) for name, _, _ in balances)),
    ]
    for one in books.transfers:
        what = "exchange" if one.undoes is None else f"takes back no. {one.undoes}"
        written += ["", f"{one.at:%Y-%m-%d} ({one.number}) {what}"]
        written += [f"    {_journal(names[account])}  {_priced(n, units.get(account))}" for account, n in one.legs]
    if balances:
        last = max((one.at.date() for one in books.transfers), default=books.taken.date())
        written += ["", f"{last:%Y-%m-%d} balances"]
        written += [
            f"    {_journal(name)}  {_priced(0, unit)} = {_priced(balance, unit)}" for name, balance, unit in balances
        ]
    return "\n".join(written) + "\n"


def _journal(name: str) -> str:
    return name if name in (COMMITTEE, FUND) else f"members:{name}"


def _priced(amount: int, unit: str | None) -> str:
    return f"{amount} min" if unit is None else f"{_decimal(amount)} {_commodity(unit)}"


def _commodity(unit: str) -> str:
    """A commodity's symbol; in quotation marks, as it may hold any sign but those."""
    return '"' + re.sub(r'["\n\r;]', " ", unit) + '"'


def _balances(books: Books, names: Mapping[int, str]) -> list[tuple[str, int, str | None]]:
    """Names, balances and units, hours first."""
    found = [(names[account.id], account.balance, account.unit) for account in books.accounts]
    return sorted(found, key=lambda one: (one[2] is not None, one[2] or "", one[0]))


# --- tables for spreadsheets -----------------------------------------------------------------------------------

# Spreadsheets take the wide forms of the signs too.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")


def harmless(cell: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe goes before what looks like one.

    The signs are those of OWASP, "CSV Injection" (https://owasp.org/www-community/attacks/CSV_Injection).
    """
    return f"'{cell}" if _FORMULA.match(cell) or cell[:1] in ("\t", "\r", "\n") else cell


def table(rows: Iterable[Sequence[str | int]]) -> str:
    """Rows as CSV. Numbers stay numbers; text is made harmless."""
    written = io.StringIO()
    csv.writer(written).writerows(
        [harmless(cell) if isinstance(cell, str) and not isinstance(cell, _Figure) else cell for cell in row]
        for row in rows
    )
    return written.getvalue()


# --- stretches of time -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day to the last, both in it."""

    first: date
    last: date


def month(year: int, number: int) -> Period:
    """A month of a year."""
    return Period(date(year, number, 1), date(year, number, calendar.monthrange(year, number)[1]))


def year(number: int) -> Period:
    """A whole year."""
    return Period(date(number, 1, 1), date(number, 12, 31))


def plain(word: str) -> str:
    """Small letters without marks: `März` and `marz` are one."""
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(letter)
    )


def period(text: str, *, today: date, months: Mapping[str, int]) -> Period | None:
    """What stretch of time somebody means; None: it cannot be told.

    A year, a month by its name (`months`, as `plain` makes them) with or without a year, or `2026-03`. A month without
    a year is the last such month that has begun.
    """
    words = plain(text).replace("-", " ").replace("/", " ").replace(".", " ").split()
    words = [word for word in words if word not in ("de", "del", "of")]
    match words:
        case [one] if one in months:
            number = months[one]
            return month(today.year if number <= today.month else today.year - 1, number)
        case [one] if _year(one) is not None:
            return year(int(one))
        case [one, other] if _year(other) is not None and (found := months.get(one) or _month(one)):
            return month(int(other), found)
        case [one, other] if _year(one) is not None and (found := months.get(other) or _month(other)):
            return month(int(one), found)
        case _:
            return None


def _year(word: str) -> int | None:
    return int(word) if re.fullmatch(r"20[0-9]{2}", word) else None


def _month(word: str) -> int | None:
    return int(word) if re.fullmatch(r"0?[1-9]|1[0-2]", word) else None
