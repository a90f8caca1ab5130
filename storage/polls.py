"""Polls: what is asked, how it is decided, who may vote, and what came of it. Ballots are in `storage.ballots`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from bot.chat import Saying
from bot.domain import processes
from bot.domain.chain import canonical
from bot.domain.processes import Method, Rule, Secrecy
from bot.domain.tallies import commitment
from bot.text import Written
from storage import cards, entries, notes
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee

State = Literal["draft", "planned", "queued", "open", "counting", "closed", "withdrawn", "moved"]
Verdict = Literal["passed", "failed", "decided", "tied", "told", "no_quorum", "too_few", "not_done"]
"""What came of a poll. `decided`: an option won; `told`: nothing was to be decided; `too_few`: a hidden one had so few
ballots that they would show who voted what; `not_done`: it passed, and what it carried could not be done."""
LISTED_MAX = 200
ACTIVE_WITHIN = timedelta(days=60)
"""Whoever was seen within this time counts as active."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """Something that can be chosen. `place`: its number in the poll, from 1; `key`: what its process calls it."""

    id: int
    place: int
    key: str | None
    words: Written | None
    """What whoever made the poll called it; None: its process does, or the words were erased."""
    withdrawn: bool

    @property
    def thing(self) -> str:
        """What its words are kept under."""
        return f"option:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """A poll. `says`: what is said in the committee's name if it passes; `result`: what the count came to, as JSON."""

    id: int
    committee_id: int
    number: int
    process: str
    method: Method
    rule: Rule
    secrecy: Secrecy
    state: State
    maker_id: int | None
    made_at: datetime
    opens_at: datetime | None
    opened_at: datetime | None
    closes_at: datetime | None
    closed_at: datetime | None
    extended: bool
    reminded: int
    roll_hash: str | None
    active: int | None
    commitment: str | None
    seed: str | None
    says: Saying | None
    earlier_id: int | None
    round: int
    verdict: Verdict | None
    result: Mapping[str, Any] | None
    question: Written | None
    options: tuple[Option, ...]

    @property
    def thing(self) -> str:
        """What its card and the words of its question are kept under."""
        return f"poll:{self.id}"

    @property
    def standing(self) -> tuple[Option, ...]:
        """The options that can be chosen."""
        return tuple(one for one in self.options if not one.withdrawn)

    def option(self, place: int) -> Option | None:
        """The option with this number."""
        return next((one for one in self.options if one.place == place), None)


_PLAIN = (
    *("id", "committee_id", "number", "process", "method", "secrecy", "state", "maker_id", "reminded", "roll_hash"),
    *("active", "commitment", "seed", "earlier_id", "round", "verdict"),
)
_NAMES = (
    *_PLAIN,
    *("rule", "made_us", "opens_us", "opened_us", "closes_us", "closed_us", "extended"),
    *("command", "version", "arguments", "result"),
)
_COLUMNS = ", ".join(_NAMES)


async def _poll(tx: Reader, row: Row) -> Poll:
    had = dict(zip(_NAMES, row, strict=True))
    id_, command, result = had["id"], had["command"], had["result"]
    plain: dict[str, Any] = {name: had[name] for name in _PLAIN}
    found = await tx.all(
        "SELECT id, place, key, withdrawn_us FROM poll_options WHERE poll_id = ? ORDER BY place LIMIT 1000", id_
    )
    options = [
        Option(
            id=option_id,
            place=place,
            key=key,
            words=await notes.written(tx, f"option:{option_id}"),
            withdrawn=withdrawn_us is not None,
        )
        for option_id, place, key, withdrawn_us in found
    ]
    return Poll(
        **plain,
        made_at=from_us(had["made_us"]),
        opens_at=_at(had["opens_us"]),
        opened_at=_at(had["opened_us"]),
        closes_at=_at(had["closes_us"]),
        closed_at=_at(had["closed_us"]),
        rule=processes.load(json.loads(had["rule"])),
        extended=bool(had["extended"]),
        says=None
        if command is None
        else Saying(command=command, version=had["version"], arguments=json.loads(had["arguments"])),
        result=None if result is None else json.loads(result),
        question=await notes.written(tx, f"poll:{id_}"),
        options=tuple(options),
    )


def _at(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


async def get(tx: Reader, committee_id: int, id_: int) -> Poll | None:
    """A poll of this committee."""
    row = await tx.one(f"SELECT {_COLUMNS} FROM polls WHERE committee_id = ? AND id = ?", committee_id, id_)
    return None if row is None else await _poll(tx, row)


async def numbered(tx: Reader, committee_id: int, number: int) -> Poll | None:
    """The committee's poll with this number."""
    row = await tx.one(f"SELECT {_COLUMNS} FROM polls WHERE committee_id = ? AND number = ?", committee_id, number)
    return None if row is None else await _poll(tx, row)


async def in_state(tx: Reader, committee_id: int, *states: State, limit: int = LISTED_MAX) -> list[Poll]:
    """The committee's polls in one of these states, oldest first."""
    rows = await tx.all(
        f"""SELECT {_COLUMNS} FROM polls WHERE committee_id = ? AND state IN ({", ".join("?" * len(states))})
            ORDER BY number LIMIT ?""",
        committee_id,
        *states,
        limit,
    )
    return [await _poll(tx, row) for row in rows]


async def newest(tx: Reader, committee_id: int, *, limit: int) -> list[Poll]:
    """The committee's newest polls that are closed, newest first."""
    rows = await tx.all(
        f"SELECT {_COLUMNS} FROM polls WHERE committee_id = ? AND state = 'closed' ORDER BY closed_us DESC LIMIT ?",
        committee_id,
        limit,
    )
    return [await _poll(tx, row) for row in rows]


async def same_open(tx: Reader, committee_id: int, says: Saying) -> Poll | None:
    """The open poll that carries the very same command."""
    row = await tx.one(
        f"""SELECT {_COLUMNS} FROM polls WHERE committee_id = ? AND state IN ('planned', 'queued', 'open', 'counting')
            AND command = ? AND arguments = ?""",
        committee_id,
        says.command,
        canonical(says.arguments),
    )
    return None if row is None else await _poll(tx, row)


# --- making ------------------------------------------------------------------------------------------------------


async def add(
    tx: Transaction,
    committee: Committee,
    *,
    process: str,
    method: Method,
    rule: Rule,
    secrecy: Secrecy,
    question: str,
    options: Sequence[str],
    maker_id: int | None,
    opens: datetime | None,
    closes: datetime,
    now: datetime,
    says: Saying | None = None,
    earlier: Poll | None = None,
) -> Poll:
    """A new poll, not open yet. `options`: the maker's own words; the process's own options come before them."""
    row = await tx.one(
        """INSERT INTO polls (committee_id, number, process, method, rule, secrecy, state, maker_id, made_us, opens_us,
               closes_us, command, version, arguments, earlier_id, round)
           SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15
           FROM polls WHERE committee_id = ?1 RETURNING id, number""",
        committee.id,
        process,
        method,
        canonical(processes.dump(rule)),
        secrecy,
        "draft" if opens is None else "planned",
        maker_id,
        to_us(now),
        None if opens is None else to_us(opens),
        to_us(closes),
        None if says is None else says.command,
        None if says is None else says.version,
        None if says is None else canonical(says.arguments),
        None if earlier is None else earlier.id,
        1 if earlier is None else earlier.round + 1,
    )
    assert row is not None
    id_ = row[0]
    if question:
        await notes.keep(tx, f"poll:{id_}", question)
        if maker_id is not None:
            await notes.wrote(tx, f"poll:{id_}", maker_id, now=now)
    for key in [one.key for one in rule.choices]:
        await _add_option(tx, id_, key=key, words=None)
    for words in options:
        await _add_option(tx, id_, key=None, words=words)
    found = await get(tx, committee.id, id_)
    assert found is not None
    return found


async def add_option(tx: Transaction, poll: Poll, words: str) -> None:
    """One more option, in the words of whoever made the poll."""
    await _add_option(tx, poll.id, key=None, words=words)
    await cards.changed(tx, poll.thing)


async def _add_option(tx: Transaction, poll_id: int, *, key: str | None, words: str | None) -> None:
    id_ = await tx.value(
        """INSERT INTO poll_options (poll_id, place, key)
           SELECT ?1, coalesce(max(place), 0) + 1, ?2 FROM poll_options WHERE poll_id = ?1 RETURNING id""",
        poll_id,
        key,
    )
    if words is not None:
        await notes.keep(tx, f"option:{id_}", words)


async def name_options(tx: Transaction, poll: Poll, names: Sequence[str]) -> None:
    """What could be chosen elsewhere, named only once it is over."""
    for words in names:
        await _add_option(tx, poll.id, key=None, words=words)


async def withdraw_option(tx: Transaction, poll: Poll, place: int, *, now: datetime) -> None:
    """Nobody can choose it any more; ballots that name it stay as they are."""
    await tx.execute(
        "UPDATE poll_options SET withdrawn_us = ? WHERE poll_id = ? AND place = ? AND withdrawn_us IS NULL",
        to_us(now),
        poll.id,
        place,
    )
    await cards.changed(tx, poll.thing)


# --- opening and closing -----------------------------------------------------------------------------------------


def roll_hash(number: int, member_ids: Iterable[int]) -> str:
    """What stands for a roll: the same people in the same poll, the same hash."""
    return hashlib.sha256(canonical({"poll": number, "members": sorted(member_ids)}).encode()).hexdigest()


def sealed(seed: str) -> str:
    """What is published of a seed before it is told."""
    return commitment(seed)


async def open_(
    tx: Transaction, committee: Committee, poll: Poll, roll: Collection[int], *, active: int, now: datetime
) -> Poll:
    """Open it: freeze the roll, seal the lot, and write both down in the committee's log."""
    for member_id in sorted(roll):
        await tx.execute("INSERT INTO poll_roll (poll_id, member_id) VALUES (?, ?)", poll.id, member_id)
    seed = f"{tx.token()}{tx.token()}"
    hash_, commitment = roll_hash(poll.number, roll), sealed(seed)
    if poll.secrecy == "hidden":
        await tx.execute("INSERT INTO poll_keys (poll_id, key) VALUES (?, ?)", poll.id, f"{tx.token()}{tx.token()}")
    await tx.execute(
        """UPDATE polls SET state = 'open', opened_us = ?, roll_hash = ?, commitment = ?, seed = ?, active = ?
           WHERE id = ?""",
        to_us(now),
        hash_,
        commitment,
        seed,
        active,
        poll.id,
    )
    body: dict[str, Any] = {"poll": poll.number, "opened": poll.process, "method": poll.method, "secrecy": poll.secrecy}
    body |= {"roll": hash_, "voters": len(roll), "lot": commitment}
    words = {"question": await notes.veil_of(tx, poll.thing)}
    words |= {str(one.place): await notes.veil_of(tx, one.thing) for one in poll.options}
    body["words"] = {name: veil for name, veil in words.items() if veil is not None}
    await entries.append(tx, committee, "poll", body, now=now)
    await cards.changed(tx, poll.thing)
    found = await get(tx, poll.committee_id, poll.id)
    assert found is not None
    return found


async def roll_changed(
    tx: Transaction, committee: Committee, poll: Poll, *, merged: tuple[int, int], now: datetime
) -> None:
    """Two members on the roll became one: its hash is another one, and the log says why."""
    members = await roll(tx, poll)
    hash_ = roll_hash(poll.number, members)
    await tx.execute("UPDATE polls SET roll_hash = ? WHERE id = ?", hash_, poll.id)
    body = {"poll": poll.number, "merged": list(merged), "roll": hash_, "voters": len(members)}
    await entries.append(tx, committee, "poll", body, now=now)
    await cards.changed(tx, poll.thing)


async def set_state(tx: Transaction, poll: Poll, state: State) -> None:
    """It is in another state; its cards show it."""
    await tx.execute("UPDATE polls SET state = ? WHERE id = ?", state, poll.id)
    await cards.changed(tx, poll.thing)


async def set_rule(tx: Transaction, poll: Poll, rule: Rule) -> None:
    """It is decided by another rule; only before anybody has voted."""
    await tx.execute("UPDATE polls SET rule = ? WHERE id = ?", canonical(processes.dump(rule)), poll.id)
    await cards.changed(tx, poll.thing)


async def extend(tx: Transaction, poll: Poll, closes: datetime) -> None:
    """It is open for longer, once."""
    await tx.execute("UPDATE polls SET extended = 1, closes_us = ? WHERE id = ?", to_us(closes), poll.id)
    await cards.changed(tx, poll.thing)


async def reminded(tx: Transaction, poll: Poll) -> None:
    """Those who have not voted were reminded once more."""
    await tx.execute("UPDATE polls SET reminded = reminded + 1 WHERE id = ?", poll.id)


async def close(tx: Transaction, poll: Poll, verdict: Verdict, result: Mapping[str, Any], *, now: datetime) -> None:
    """It is closed, with this result."""
    await tx.execute(
        "UPDATE polls SET state = 'closed', closed_us = ?, verdict = ?, result = ? WHERE id = ?",
        to_us(now),
        verdict,
        canonical(result),
        poll.id,
    )
    await cards.changed(tx, poll.thing)


async def note_file(tx: Transaction, poll: Poll, hash_: str) -> None:
    """The hash of the file that a result was taken from."""
    await tx.execute(
        "UPDATE polls SET result = ? WHERE id = ?", canonical({**(poll.result or {}), "file": hash_}), poll.id
    )
    await cards.changed(tx, poll.thing)


async def judge(tx: Transaction, poll: Poll, verdict: Verdict) -> None:
    """What came of it is another thing: what it carried could not be done."""
    await tx.execute("UPDATE polls SET verdict = ? WHERE id = ?", verdict, poll.id)
    await cards.changed(tx, poll.thing)


async def logged(tx: Reader, poll: Poll) -> list[dict[str, Any]]:
    """What the committee's log says of a poll, oldest first."""
    rows = await tx.all(
        """SELECT body FROM entries WHERE committee_id = ? AND kind = 'poll' AND json_extract(body, '$.poll') = ?
           ORDER BY number LIMIT 100""",
        poll.committee_id,
        poll.number,
    )
    return [json.loads(body) for (body,) in rows]


async def opened_since(tx: Reader, committee_id: int, since: datetime) -> list[datetime]:
    """When polls were opened, earliest first, that take a place in the week: what is urgent and later rounds do not."""
    rows = await tx.all(
        """SELECT opened_us FROM polls WHERE committee_id = ? AND opened_us > ? AND command IS NULL AND round = 1
           AND state <> 'withdrawn' AND coalesce(json_extract(rule, '$.extra.urgent'), 0) = 0
           ORDER BY opened_us LIMIT ?""",
        committee_id,
        to_us(since),
        LISTED_MAX,
    )
    return [from_us(opened_us) for (opened_us,) in rows]


async def move_end(tx: Transaction, poll: Poll, closes: datetime) -> None:
    """Before it opens: it closes at another time."""
    await tx.execute("UPDATE polls SET closes_us = ? WHERE id = ?", to_us(closes), poll.id)


async def later(tx: Reader, poll: Poll) -> Poll | None:
    """The next round, where it goes on in another poll."""
    row = await tx.one(f"SELECT {_COLUMNS} FROM polls WHERE earlier_id = ? ORDER BY id LIMIT 1", poll.id)
    return None if row is None else await _poll(tx, row)


# --- who may vote ------------------------------------------------------------------------------------------------


async def roll(tx: Reader, poll: Poll) -> list[int]:
    """The ids of those who may vote."""
    rows = await tx.all("SELECT member_id FROM poll_roll WHERE poll_id = ? ORDER BY member_id LIMIT 100000", poll.id)
    return [member_id for (member_id,) in rows]


async def may_vote(tx: Reader, poll: Poll, member_id: int) -> bool:
    """Whether somebody is on the roll."""
    return await tx.one("SELECT 1 FROM poll_roll WHERE poll_id = ? AND member_id = ?", poll.id, member_id) is not None


async def count_roll(tx: Reader, poll: Poll) -> int:
    """How many may vote."""
    return int(await tx.value("SELECT count(*) FROM poll_roll WHERE poll_id = ?", poll.id))


async def count_active(tx: Reader, member_ids: Collection[int], *, now: datetime) -> int:
    """How many of them were seen lately, or came in lately."""
    since = now - ACTIVE_WITHIN
    marks = ", ".join("?" * len(member_ids))
    return int(
        await tx.value(
            f"SELECT count(*) FROM members WHERE id IN ({marks}) AND (seen_on >= ? OR joined_us >= ?)",
            *member_ids,
            since.date().isoformat(),
            to_us(since),
        )
    )
