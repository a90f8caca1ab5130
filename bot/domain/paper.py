"""The rota on paper: whom to call in which order, and a page that prints on A4 in black and white. Pure rules.

The page is HTML that needs nothing from elsewhere: every phone and computer shows it, in every script that names are
written in, and prints it or makes a PDF of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape

from bot.domain.rotation import Instance
from bot.domain.turns import sheet_of

WEEKS_MAX = 8
CALLED_MAX = 8
"""So many are called for one task; who comes after them is not printed."""
SHIFTS_MAX = 250
"""More shifts are no paper that anybody reads."""


def call_order(instance: Instance, task: str) -> tuple[str, ...]:
    """The ids of those who can take a seat of this task, in the order in which to call them.

    As `turns.next_in_line`, for all seats of the task together: first whoever is furthest under what is due to them.
    What is nobody else's business does not show: wishes and "not with" change nothing, and whoever does not want the
    task, or has declined one of its seats, comes last instead of missing.
    """
    # They hold what they hold: only who is called for one more is asked here.
    plain = [
        replace(one, likes=frozenset(), dislikes=frozenset(), vetoes=frozenset(), not_with=frozenset())
        for one in instance.members
    ]
    bare = replace(instance, members=tuple(plain), declined=frozenset())
    sheet = sheet_of(bare, {one.seat: one.member for one in instance.held})
    table = sheet.table
    seats = [at for at, one in enumerate(table.seats) if one.task == task and not one.trainee]
    unwilling = {one.id for one in instance.members if task in one.vetoes}
    of_task = {table.seats[at].id for at in seats}
    unwilling |= {member for member, seat in instance.declined if seat in of_task}
    could = {number: min(sheet.price(at, number) for at in seats) for at in seats for number in table.can[at]}
    order = sorted(could, key=lambda one: (table.members[one].id in unwilling, could[one], one))
    return tuple(table.members[one].id for one in order)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One shift. `names`: who has a seat; `needed`, `more`: so many seats that are needed, or not, have nobody."""

    when: str
    length: str
    task: str
    names: tuple[str, ...]
    needed: int
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What is done on one day, or at any time of a week."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """A week, with its days on which something is done. `none`: what is said where there is nothing."""

    title: str
    days: tuple[Day, ...]
    none: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Whom to call for a task, in this order."""

    task: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Headings:
    """The words on the paper that are the same for everybody, in the committee's language or languages."""

    when: str
    task: str
    who: str
    done: str
    needed: str
    """Beside an empty line for somebody who is needed."""
    how: str
    """How the paper is used."""
    calls: str
    call_how: str
    nobody: str
    phones: str
    phone_how: str
    name: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """All that is printed. `language`: its code, for hyphenation and readers' voices."""

    language: str
    title: str
    made: str
    weeks: tuple[Week, ...]
    calls: tuple[Calls, ...]
    people: tuple[str, ...]
    headings: Headings


_STYLE = """
@page { size: A4; margin: 14mm 14mm 16mm; }
* { box-sizing: border-box; }
body { font: 13pt/1.35 Arial, "Liberation Sans", "DejaVu Sans", "Noto Sans", sans-serif; color: #000; background: #fff;
  max-width: 182mm; margin: 0 auto; }
@media screen { body { padding: 4mm; } }
h1 { font-size: 22pt; line-height: 1.15; margin: 0 0 2mm; }
h2 { font-size: 17pt; margin: 8mm 0 2mm; border-bottom: 1mm solid #000; break-after: avoid; }
p { margin: 0 0 2mm; }
table { width: 100%; border-collapse: collapse; break-inside: auto; }
th { font-size: 11pt; text-align: start; font-weight: normal; padding: 1mm 2mm; }
td { border-top: .3mm solid #000; padding: 1.5mm 2mm; vertical-align: top; overflow-wrap: anywhere; }
tr, li, .calls { break-inside: avoid; }
tbody { break-inside: avoid; }
td.day { font-size: 15pt; font-weight: bold; border-top: .7mm solid #000; padding-top: 2mm; }
td.when { width: 33mm; font-weight: bold; }
td.when div { font-size: 11pt; font-weight: normal; }
td.task { width: 52mm; font-weight: bold; }
.seat { display: flex; align-items: flex-end; min-height: 8.5mm; font-size: 15pt; }
.box { flex: none; width: 6mm; height: 6mm; border: .5mm solid #000; margin: 0 2mm 1mm 0; }
.blank { flex: 1; min-width: 30mm; border-bottom: .3mm solid #000; height: 8mm; }
.needed { font-size: 11pt; font-weight: bold; margin: 0 2mm; }
.calls { margin: 0 0 4mm; }
.calls b { display: block; font-size: 14pt; }
ol { margin: 0; padding-inline-start: 9mm; columns: 2; }
td.name { width: 70mm; font-size: 14pt; }
td.phone { height: 11mm; border-inline-start: .3mm solid #000; }
.phones table { border-bottom: .3mm solid #000; }
.phones { break-before: page; }
"""


def page(paper: Paper) -> str:
    """The paper as an HTML file of its own: no scripts, nothing that is fetched."""
    words = paper.headings
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="{_safe(paper.language)}"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{_safe(paper.title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_safe(paper.title)}</h1><p>{_safe(paper.made)}</p><p>{_safe(words.how)}</p>",
        *(_week(week, words) for week in paper.weeks),
    ]
    if paper.calls:
        parts += [f"<h2>{_safe(words.calls)}</h2><p>{_safe(words.call_how)}</p>"]
        parts += [_calls(one, words) for one in paper.calls]
    if paper.people:
        rows = "".join(f'<tr><td class="name">{_safe(name)}</td><td class="phone"></td></tr>' for name in paper.people)
        parts.append(
            f'<div class="phones"><h2>{_safe(words.phones)}</h2><p>{_safe(words.phone_how)}</p>'
            f"<table><thead><tr><th>{_safe(words.name)}</th><th>{_safe(words.phone)}</th></tr></thead>"
            f"{rows}</table></div>"
        )
    return "\n".join([*parts, "</body></html>", ""])


def _week(week: Week, words: Headings) -> str:
    title = f"<h2>{_safe(week.title)}</h2>"
    if not week.days:
        return f"{title}<p>{_safe(week.none)}</p>"
    head = "".join(f"<th>{_safe(one)}</th>" for one in (words.when, words.task, f"{words.who} ({words.done})"))
    return f"{title}<table><thead><tr>{head}</tr></thead>{''.join(_day(day, words) for day in week.days)}</table>"


def _day(day: Day, words: Headings) -> str:
    rows = "".join(_line(line, words) for line in day.lines)
    return f'<tbody><tr><td class="day" colspan="3">{_safe(day.title)}</td></tr>{rows}</tbody>'


def _line(line: Line, words: Headings) -> str:
    needed = f'<span class="needed">{_safe(words.needed)}</span>'
    seats = [
        *(_seat(f"<span>{_safe(name)}</span>") for name in line.names),
        *(_seat(f'<span class="blank"></span>{needed}') for _ in range(line.needed)),
        *(_seat('<span class="blank"></span>') for _ in range(line.more)),
    ]
    return (
        f'<tr><td class="when">{_safe(line.when)}<div>{_safe(line.length)}</div></td>'
        f'<td class="task">{_safe(line.task)}</td>'
        f"<td>{''.join(seats)}</td></tr>"
    )


def _seat(inner: str) -> str:
    return f'<div class="seat"><span class="box"></span>{inner}</div>'


def _calls(calls: Calls, words: Headings) -> str:
    title = f"<b>{_safe(calls.task)}</b>"
    if not calls.names:
        return f'<div class="calls">{title}{_safe(words.nobody)}</div>'
    return f'<div class="calls">{title}<ol>{"".join(f"<li>{_safe(name)}</li>" for name in calls.names)}</ol></div>'


def _safe(text: str) -> str:
    # A name in letters that run from right to left does not turn what stands beside it.
    return f"<bdi>{escape(text)}</bdi>" if any(ord(letter) > 0x590 for letter in text) else escape(text)
