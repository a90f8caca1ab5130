"""The whole ledger over real SQLite against a model in plain Python: whatever members do, in whatever order."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.chat import Sender, UserId
from bot.domain import ledger
from bot.domain.effort import CLASSES
from bot.domain.ledger import Posting
from bot.domain.policies import Counting, Event, Sharing, plain, portions
from bot.router import Authority, Commands, Context
from bot.text import Minutes, Percent, Refusal
from handlers import effort, fund, policy, pooling
from storage import due, entries, exchanges, leaving, log, people, schemes, tasks, transfers
from storage.database import Conflict, Database, Transaction, Work
from storage.people import Committee, Member

FLOOR = -240
NAMES = ("ana", "ben", "chi", "eli", "fay")
COMMITTEE = "the committee"
FUND = "the fund"
START = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)

_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
RUNS = int(os.environ.get("SOLIBOT_LEDGER_RUNS", "300" if _LONG else "50"))

R = TypeVar("R")


def reserve(name: str) -> str:
    """What somebody's own reserve is called."""
    return f"{name}'s reserve"


RESERVES = tuple(reserve(name) for name in NAMES)
ALL = (*NAMES, COMMITTEE, FUND, *RESERVES)
"""Whose accounts there are."""

# --- real books ----------------------------------------------------------------------------------------------------


def _founded() -> sqlite3.Connection:
    """A database with today's schema and a committee of five, in memory."""

    async def found(tx: Transaction) -> None:
        committee = await people.found_committee(
            tx, name="Riverside", language="en", zone="UTC", floor=Minutes(FLOOR), now=START
        )
        await entries.append(tx, committee, "founded", {}, now=START)
        for name in NAMES:
            person = await people.seen(tx, Sender(user=UserId(f"post:{name}"), name=name), private_chat=None, now=START)
            member = await people.join(tx, committee.id, person, now=START)
            await transfers.beside(tx, committee, "reserve", owner=member)
        await transfers.beside(tx, committee, "fund")
        for task_class, category in zip(CLASSES, ("childcare", "cooking", "repairs"), strict=True):
            await tasks.add(tx, 1, task_class, category=category)

    async def make(path: Path) -> None:
        database = await Database.open(path)
        await database.transact(found)
        await database.close()

    memory = sqlite3.connect(":memory:")
    with TemporaryDirectory(prefix="solibot-test-") as folder:
        path = Path(folder) / "data.sqlite"
        asyncio.run(make(path))
        file = sqlite3.connect(path)
        file.backup(memory)
        file.close()
    return memory


class Books:
    """The storage functions on a copy of the founded committee; a work is a transaction, as in `Database`."""

    template: sqlite3.Connection | None = None

    def __init__(self) -> None:
        Books.template = Books.template or _founded()
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        Books.template.backup(self.connection)
        for pragma in ("foreign_keys = ON", "recursive_triggers = ON"):
            self.connection.execute(f"PRAGMA {pragma}")
        self.token: Iterator[int] = count(1)

    def run(self, work: Work[R]) -> R:
        """All of it or, when an exception leaves it, nothing."""
        self.connection.execute("BEGIN IMMEDIATE")
        tx = Transaction(sqlite3, self.connection, 60.0, lambda: f"{next(self.token):016d}")
        coroutine = work(tx)
        try:
            coroutine.send(None)
        except StopIteration as end:
            self.connection.execute("COMMIT")
            result: R = end.value
            return result
        except BaseException:
            # SQLite may have rolled back already.
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise
        raise AssertionError("a work waits for nothing but its transaction")


# --- the model -----------------------------------------------------------------------------------------------------


@dataclass
class Asked:
    """A claim, or a share of one, that waits for one member's yes."""

    id: int
    by: str
    payer: str
    legs: dict[str, int]
    held: int
    plain: dict[str, int] | None = None
    state: str = "open"


@dataclass
class Booked:
    """A transfer. `by` "": done for all at a month's end. `plain`: hours by the clock, where a rule counted them."""

    id: int
    by: str
    legs: dict[str, int]
    at: datetime
    plain: dict[str, int] | None = None
    undoes: int | None = None
    undone: bool = False


@dataclass
class Undoing:
    """A transfer that is taken back once all whose hours fall by it have said yes."""

    id: int
    by: str
    of: Booked
    asked: list[str]
    agreed: set[str] = field(default_factory=set)
    state: str = "open"


@dataclass(frozen=True)
class Rule:
    """How hours are counted. `levy`, `melt`: basis points."""

    base: str = "equal"
    levy: int = 0
    budget: int = 0
    melt: int = 0
    above: int = 2400
    allowance: int = 0

    def legs(self, plain: dict[str, int], pooling: set[str]) -> dict[str, int]:
        """What becomes of plain hours: of what people earn, a part is the fund's; of those who pool, all of it."""
        changes = dict(plain)
        for name, gained in plain.items():
            if gained > 0 and name != COMMITTEE:
                part = gained if self.base == "pooled" and name in pooling else gained * self.levy // 10_000
                changes[name] -= part
                changes[FUND] = changes.get(FUND, 0) + part
        return {name: change for name, change in changes.items() if change}


@dataclass
class Model:
    """What the books should say. Nothing of the program is used here."""

    floor: int | None = FLOOR
    rule: Rule = field(default_factory=Rule)
    pooling: set[str] = field(default_factory=set)
    giving: dict[str, int] = field(default_factory=dict)
    """What somebody gives the fund at each month's end."""
    planned: dict[str, str] = field(default_factory=dict)
    """Which month levy and demurrage close next."""

    balance: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ALL, 0))
    asked: list[Asked] = field(default_factory=list)
    undoing: list[Undoing] = field(default_factory=list)
    booked: list[Booked] = field(default_factory=list)
    left_behind: list[Booked] = field(default_factory=list)
    """What the committee took over: no undo reaches it."""
    here: set[str] = field(default_factory=lambda: set(NAMES))

    def held(self, name: str) -> int:
        """What somebody has promised."""
        return sum(one.held for one in self.asked if one.state == "open" and one.payer == name)

    def has_room(self, name: str, minutes: int) -> bool:
        """Whether somebody can give so much without passing the limit; fund and reserves pay what is there."""
        floor = 0 if name == FUND or name in RESERVES else None if name == COMMITTEE else self.floor
        return floor is None or self.left(name) - minutes >= floor

    def derived(self, budget: int, now: datetime) -> int:
        """The levy that raises a budget, as far as may be, from what is earned in a month on average."""
        first = now.replace(day=1, hour=0, minute=0)
        for _ in range(3):
            first = (first - timedelta(days=1)).replace(day=1)
        counted = [one for one in self.booked if one.plain is not None and not one.undone and one.undoes is None]
        earned = sum(
            minutes for one in counted if one.at >= first for minutes in (one.plain or {}).values() if minutes > 0
        )
        expected = earned * 30 // max((now - first).days, 1)
        return min(2_000, -(-budget * 10_000 // expected)) if expected else 2_000

    def to_the_limit(self, name: str, beyond: int | None) -> int:
        """So many minutes more than somebody can give; 0: that cannot be said."""
        return 0 if beyond is None or self.floor is None else max(0, self.left(name) - self.floor + beyond)

    def left(self, name: str) -> int:
        """What somebody has and has not promised."""
        return self.balance[name] - self.held(name)

    def waiting(self) -> list[Asked | Undoing]:
        """What waits for a yes, the oldest first."""
        return [one for one in self.all_asked() if one.state == "open"]

    def all_asked(self) -> list[Asked | Undoing]:
        """All that waits or waited for a yes, the oldest first."""
        found: list[Asked | Undoing] = [*self.asked, *self.undoing]
        return sorted(found, key=lambda one: one.id)

    def can_be_asked_back(self) -> list[Booked]:
        """What can be taken back by consent: all who lose by it are here, and nobody is asked yet."""
        asked = {one.of.id for one in self.undoing if one.state == "open"}
        return [
            one
            for one in self.booked
            if one.by and one.undoes is None and not one.undone and one.id not in asked and self.asked_of(one)
        ]

    def losing(self, one: Booked) -> set[str]:
        """Those whose hours fall when it is taken back."""
        return {name for name, minutes in one.legs.items() if minutes > 0}

    def asked_of(self, one: Booked) -> set[str]:
        """Who is asked whether it is taken back: none, where it is the committee's to say. The fund gives with them."""
        theirs = self.losing(one) - {FUND, *RESERVES}
        return theirs if theirs <= self.here else set()

    def book(self, one: Booked) -> None:
        """Hours move."""
        assert sum(one.legs.values()) == 0
        for name, minutes in one.legs.items():
            self.balance[name] += minutes
        self.booked.append(one)

    def given_to_the_fund(self) -> list[Booked]:
        """What the fund got, and nobody has taken back."""
        return [one for one in self.booked if one.legs.get(FUND, 0) > 0 and one.undoes is None and not one.undone]

    def end_all(self, name: str) -> None:
        """Somebody goes: nothing of theirs waits any more, and what they said yes to is over."""
        self.pooling.discard(name)
        self.giving.pop(name, None)
        for one in self.asked:
            if one.state == "open" and name in (one.by, one.payer):
                one.state = "withdrawn"
        for undo in self.undoing:
            if undo.state == "open" and name in (undo.by, *undo.asked):
                undo.state = "withdrawn"


def shares(minutes: int, among: int) -> list[int]:
    """Minutes in whole parts that differ by one at most, the larger ones first."""
    return [minutes // among + (1 if place < minutes % among else 0) for place in range(among)]


# --- both at once --------------------------------------------------------------------------------------------------

places = st.integers(0, len(NAMES) - 1)
"""Somebody among those who are here."""
others = st.lists(st.integers(1, len(NAMES) - 1), min_size=1, max_size=4, unique=True)
"""How many places further the others stand."""
amounts = st.integers(1, 120) | st.sampled_from([1, 7, 60, 120, 239, 240, 241])
beyonds = st.none() | st.integers(1, 60)
"""So much more than there is room for."""
backs = st.integers(0, 6)
BASES = ("equal", "effort", "needs", "gift", "pooled")
Change = tuple[str, dict[str, Any], dict[str, Any]]
melts: st.SearchStrategy[Change] = st.tuples(st.sampled_from([100, 5_000, 5_000]), st.sampled_from([0, 30, 60])).map(
    lambda one: ("melt", {"percent": Percent(one[0]), "hours": Minutes(one[1])}, {"melt": one[0], "above": one[1]})
)
changes: st.SearchStrategy[Change] = st.one_of(
    st.sampled_from(BASES).map(lambda base: (base, {}, {"base": base})),
    st.sampled_from([0, 1, 800, 5_000]).map(
        lambda part: ("levy", {"percent": Percent(part)}, {"levy": part, "budget": 0})
    ),
    st.sampled_from([0, 60, 1_200]).map(
        lambda time: ("budget", {"hours": Minutes(time)}, {"budget": time} if time else {"budget": 0, "levy": 0})
    ),
    st.sampled_from([0, 45, 600]).map(lambda time: ("allowance", {"hours": Minutes(time)}, {"allowance": time})),
    melts,
    st.just(("melt", {"percent": Percent(0)}, {"melt": 0})),
)
"""What is changed, how that is said, and what it makes of the rule."""
COMMANDS = Commands([policy.router, effort.router, pooling.router, fund.router])
CLOSINGS = {
    "close_contributions": fund.close_contributions,
    "levy_month": policy.levy_month,
    "melt_month": policy.melt_month,
    "share_month": pooling.share_month,
    "weigh_month": effort.weigh_month,
}


class Ledger(RuleBasedStateMachine):
    """Members do what members do; the books and the model agree after every step."""

    @initialize()
    def begin(self) -> None:
        """A committee of five without hours."""
        self.books, self.model, self.now = Books(), Model(), START
        self.before = {name: self.model.left(name) for name in ALL}
        self.put_back: set[str] = set()

        async def look(tx: Transaction) -> tuple[Committee, dict[str, Member], dict[str, int]]:
            committee = await people.committee(tx, 1)
            members: dict[str, Member] = {}
            ids = {COMMITTEE: (await transfers.committee_account(tx, committee)).id}
            ids[FUND] = (await transfers.beside(tx, committee, "fund")).id
            for name in NAMES:
                member = await people.member_with_account(tx, 1, UserId(f"post:{name}"))
                assert member is not None
                members[name] = member
                ids[name] = (await transfers.account(tx, committee, member)).id
                ids[reserve(name)] = (await transfers.beside(tx, committee, "reserve", owner=member)).id
            return committee, members, ids

        self.committee, self.members, self.ids = self.books.run(look)
        self.names = {id_: name for name, id_ in self.ids.items()}

    def teardown(self) -> None:
        """The chain of entries is whole, and all that the books say can be recomputed from it."""
        if hasattr(self, "books"):
            assert self.books.run(lambda tx: entries.first_broken(tx, self.committee)) is None
            self.books.run(lambda tx: log.recompute(tx, self.committee))
            self._replay()
            self.books.connection.close()

    def _replay(self) -> None:
        """Another reader, who has the chained entries alone, comes to the same balances, counting as was decided."""
        rules: dict[int, dict[str, Any]] = {}
        balances: dict[int, int] = {}
        closed = set[tuple[str, str]]()
        ask = self.books.connection.execute
        for kind, text in ask("SELECT kind, body FROM entries ORDER BY number").fetchall():
            body = json.loads(text)
            if kind == "rule" and "scheme" in body:
                assert body["scheme"]["version"] == len(rules) + 1
                rules[len(rules) + 1] = body["scheme"]
            if kind != "transfer":
                continue
            for account, minutes in body["postings"]:
                balances[account] = balances.get(account, 0) + minutes
            if "closes" in body:
                assert tuple(body["closes"]) not in closed, "a month is closed once"
                closed.add(tuple(body["closes"]))
            if "policy" in body and "reverses" not in body and body.get("scheme"):
                found = rules[body["scheme"]]
                assert body["policy"] == [found["base"], 1]
                self._counted(found, body)
        kept = dict(ask("SELECT id, balance FROM accounts WHERE balance <> 0").fetchall())
        assert {account: minutes for account, minutes in balances.items() if minutes} == kept

    def _counted(self, found: dict[str, Any], body: dict[str, Any]) -> None:
        by_clock = {self.names[account]: minutes for account, minutes in body.get("plain", body["postings"])}
        stands = {self.names[account]: minutes for account, minutes in body["postings"]}
        # Who pooled then stands in no entry: whoever earned, and got nothing of it.
        pooling = {name for name, minutes in by_clock.items() if minutes > 0 and stands.get(name, 0) <= 0}
        rule = Rule(base=found["base"], levy=found["levy"])
        assert rule.legs(by_clock, pooling - {COMMITTEE}) == stands

    async def _quote(
        self, tx: Transaction, providers: Sequence[str], receivers: Sequence[str], minutes: int, sharing: Sharing
    ) -> tuple[tuple[Posting, ...], Counting, list[ledger.Account]]:
        found = await transfers.accounts_by_id(tx, self.committee, self.ids.values())
        event = Event(
            providers=tuple(self.ids[name] for name in providers),
            receivers=tuple(self.ids[name] for name in receivers),
            minutes=Minutes(minutes),
            committee=self.ids[COMMITTEE],
            sharing=sharing,
        )
        return plain(event), await schemes.counting(tx, self.committee), found

    async def _record(
        self, tx: Transaction, clock: Sequence[Posting], by: Counting, found: list[ledger.Account], who: str
    ) -> int:
        """As /thank does it."""
        kinds = await tasks.kinds(tx, 1) if by.scheme.base == "effort" else []
        id_, _ = await transfers.record(
            tx,
            self.committee,
            ledger.post(by.legs(clock), found, at=self.now),
            recorder=self.members[who],
            policy=(by.scheme.policy.name, by.scheme.policy.version),
            scheme=by.scheme.version,
            plain=clock,
            # Which kind of task it is follows from the time.
            kind=kinds[abs(clock[0].minutes) % len(kinds)] if kinds else None,
        )
        return id_

    # --- thanks and what the committee pays ------------------------------------------------------------------------

    @rule(place=places, further=others, minutes=amounts)
    def thank(self, place: int, further: list[int], minutes: int) -> None:
        """One thanks one or more, for so long each."""
        giver, to = self._people(place, further)

        async def work(tx: Transaction) -> int:
            return await self._record(tx, *await self._quote(tx, to, [giver], minutes, "split"), giver)

        if self.model.rule.base == "gift":
            self._refused(work, Refusal)
            return
        if not self.model.has_room(giver, minutes * len(to)):
            self._refused(work, ledger.BelowFloor)
            return
        clock = {giver: -minutes * len(to), **dict.fromkeys(to, minutes)}
        self.model.book(
            Booked(self.books.run(work), giver, self.model.rule.legs(clock, self.model.pooling), self.now, clock)
        )

    @rule(place=places, further=st.integers(1, 4))
    def give_all(self, place: int, further: int) -> None:
        """One gives everything up to the limit, so that what is taken back from them later passes it."""
        giver, _ = self._people(place, [further])
        floor = FLOOR if self.model.floor is None else self.model.floor
        self.thank(place, [further], max(1, self.model.left(giver) - floor))

    @rule(place=places, minutes=amounts)
    def paid_by_all(self, place: int, minutes: int) -> None:
        """The committee's account pays, which has no limit."""
        who, _ = self._people(place, [])

        async def work(tx: Transaction) -> int:
            return await self._record(tx, *await self._quote(tx, [who], [], minutes, "committee"), who)

        if self.model.rule.base == "gift":
            self._refused(work, Refusal)
            return
        clock = {who: minutes, COMMITTEE: -minutes}
        self.model.book(
            Booked(self.books.run(work), who, self.model.rule.legs(clock, self.model.pooling), self.now, clock)
        )

    @rule(place=places, further=st.integers(1, 2), minutes=amounts, beyond=beyonds)
    def post_past_the_rules(self, place: int, further: int, minutes: int, beyond: int | None) -> None:
        """Where the rules have not looked, the books themselves keep the limit."""
        giver, (to,) = self._people(place, [further])
        minutes = self.model.to_the_limit(giver, beyond) or minutes
        floors = {} if self.committee.floor is None else {self.ids[giver]: self.committee.floor}

        async def work(tx: Transaction) -> int:
            postings = (Posting(self.ids[giver], Minutes(-minutes)), Posting(self.ids[to], Minutes(minutes)))
            transfer = ledger.Transfer(postings=postings, at=self.now, floors=floors)
            id_, _ = await transfers.record(tx, self.committee, transfer, recorder=self.members[giver])
            return id_

        if not self.model.has_room(giver, minutes):
            self._refused(work, AssertionError)
            return
        self.model.book(Booked(self.books.run(work), giver, {giver: -minutes, to: minutes}, self.now))

    # --- claims ----------------------------------------------------------------------------------------------------

    @rule(place=places, further=others, minutes=amounts, sharing=st.sampled_from(["split", "chest"]))
    def claim(self, place: int, further: list[int], minutes: int, sharing: Sharing) -> None:
        """One helped some, who are asked for their shares; what they would give is kept back."""
        who, payers = self._people(place, further)
        payers.sort(key=lambda name: self.ids[name])  # Whose account is older has the larger share.

        async def work(tx: Transaction) -> list[int]:
            clock, by, found = await self._quote(tx, [who], payers, minutes, sharing)
            opened: list[exchanges.Waiting] = []
            for account_id, portion in sorted(portions(clock, first=self.ids[who]).items()):
                one = await exchanges.open_(
                    tx,
                    self.committee,
                    by.legs(portion),
                    recorder=self.members[who],
                    asked=[self.members[self.names[account_id]]],
                    holds=ledger.holds(by.legs(portion), found, at=self.now),
                    policy=(by.scheme.policy.name, by.scheme.policy.version),
                    scheme=by.scheme.version,
                    plain=portion,
                    note="",
                    now=self.now,
                    expires=self.now + timedelta(days=7),
                    together=opened[0].id if opened else None,
                )
                opened.append(one)
            return [one.id for one in opened]

        if self.model.rule.base == "gift":
            self._refused(work, Refusal)
            return
        expected = []
        for payer, share in zip(payers, shares(minutes, len(payers)), strict=True):
            gives = share if sharing == "split" else minutes
            legs = {payer: -gives, who: share, COMMITTEE: gives - share}
            clock = {name: change for name, change in legs.items() if change}
            if gives:
                expected.append(Asked(0, who, payer, self.model.rule.legs(clock, self.model.pooling), gives, clock))
        if not all(self.model.has_room(one.payer, one.held) for one in expected):
            self._refused(work, ledger.BelowFloor)
            return
        for one, id_ in zip(expected, self.books.run(work), strict=True):
            one.id = id_
            self.model.asked.append(one)

    @rule(place=places, further=st.integers(1, 2), minutes=amounts, beyond=beyonds)
    def claim_past_the_rules(self, place: int, further: int, minutes: int, beyond: int | None) -> None:
        """Where the rules have not looked, the books themselves keep back no more than there is."""
        who, (payer,) = self._people(place, [further])
        minutes = self.model.to_the_limit(payer, beyond) or minutes

        async def work(tx: Transaction) -> int:
            opened = await exchanges.open_(
                tx,
                self.committee,
                [Posting(self.ids[payer], Minutes(-minutes)), Posting(self.ids[who], Minutes(minutes))],
                recorder=self.members[who],
                asked=[self.members[payer]],
                holds={self.ids[payer]: Minutes(minutes)},
                policy=("equal", 1),
                note="",
                now=self.now,
                expires=self.now + timedelta(days=7),
            )
            return opened.id

        if not self.model.has_room(payer, minutes):
            self._refused(work, AssertionError)
            return
        legs = {payer: -minutes, who: minutes}
        self.model.asked.append(Asked(self.books.run(work), who, payer, legs, minutes, legs))

    def _settling(self, one: Asked) -> Work[int]:
        async def work(tx: Transaction) -> int:
            waiting = await exchanges.waiting(tx, self.committee.id, one.id)
            assert waiting is not None
            await exchanges.agree(tx, waiting, self.members[one.payer].id, now=self.now)
            await exchanges.release(tx, waiting)
            found = await transfers.accounts_by_id(tx, self.committee, [leg.account_id for leg in waiting.legs])
            transfer = ledger.post(waiting.legs, found, at=self.now)
            id_, _ = await transfers.record(
                tx,
                self.committee,
                transfer,
                recorder=self.members[one.by],
                policy=waiting.policy,
                scheme=waiting.scheme,
                plain=waiting.plain,
            )
            await exchanges.end(tx, waiting, "done", transfer_id=id_)
            return id_

        return work

    @precondition(lambda self: any(one.state == "open" for one in self.model.asked))
    @rule(back=backs)
    def yes(self, back: int) -> None:
        """Whoever is asked says yes: what was kept back moves."""
        one = self._newest([one for one in self.model.asked if one.state == "open"], back)
        one.state = "done"  # What it keeps back itself does not stand in its way.
        if not self.model.has_room(one.payer, one.held):
            one.state = "open"
            self._refused(self._settling(one), ledger.BelowFloor)
            return
        self.model.book(Booked(self.books.run(self._settling(one)), one.by, one.legs, self.now, one.plain))

    @precondition(lambda self: self.model.waiting())
    @rule(back=backs, state=st.sampled_from(["declined", "lapsed", "withdrawn"]))
    def void(self, back: int, state: exchanges.State) -> None:
        """It comes to nothing: what was kept back is free again."""
        one = self._newest(self.model.waiting(), back)

        async def work(tx: Transaction) -> None:
            waiting = await exchanges.waiting(tx, self.committee.id, one.id)
            assert waiting is not None
            await exchanges.release(tx, waiting)
            await exchanges.end(tx, waiting, state)

        self.books.run(work)
        one.state = state

    @precondition(lambda self: any(one.state != "open" for one in self.model.asked))
    @rule(back=backs)
    def yes_again(self, back: int) -> None:
        """What has ended ends once, even if whoever asks has not looked."""
        one = self._newest([one for one in self.model.asked if one.state != "open"], back)
        self._refused(self._settling(one), (Conflict, ledger.BelowFloor))

    # --- taking back -----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.model.booked)
    @rule(
        back=backs,
        by=st.none() | st.sampled_from(NAMES),
        how=st.sampled_from(["alone", "alone", "agreed", "one_missing", "decided"]),
    )
    def undo(self, back: int, by: str | None, how: str) -> None:
        """Whoever recorded it at once, or later those who lose by it, or the committee."""
        one = self._newest(self.model.booked, back)
        by = by or (one.by if how == "alone" and one.by else next(name for name in NAMES if name != one.by))
        losing = sorted(name for name, minutes in one.legs.items() if minutes > 0)
        agreed = {"agreed": losing, "one_missing": losing[1:]}.get(how, [])
        work = self._taking_back(one, by, agreed=agreed, decided=how == "decided")
        alone = by == one.by and self.now - one.at <= timedelta(minutes=10)
        if one.undoes is not None or one.undone or not (alone or how == "decided" or set(agreed) >= set(losing)):
            self._refused(work, Refusal)
            return
        id_, past = self.books.run(work)
        assert past == {
            name for name in one.legs if one.legs[name] > 0 and not self.model.has_room(name, one.legs[name])
        }, "the entry says who is taken past a limit, and nobody else"
        self._put_back(one, id_, by)

    def _put_back(self, one: Booked, id_: int, by: str) -> None:
        one.undone = True
        legs = {name: -minutes for name, minutes in one.legs.items()}
        self.model.book(Booked(id_, by, legs, self.now, undoes=one.id))
        self.put_back |= self.model.losing(one)

    def _taking_back(
        self, one: Booked, by: str, *, agreed: Collection[str], decided: bool
    ) -> Work[tuple[int, set[str]]]:
        async def work(tx: Transaction) -> tuple[int, set[str]]:
            recorded = await transfers.recorded(tx, self.committee, one.id)
            assert recorded is not None
            opposite = ledger.reversal(
                recorded,
                by=self.members[by].id,
                said_at=self.now,
                at=self.now,
                agreed=[self.ids[name] for name in agreed],
                decided=decided,
            )
            found = await transfers.accounts_by_id(tx, self.committee, self.ids.values())
            past = ledger.past_limit(opposite, found)
            id_, _ = await transfers.record(
                tx, self.committee, opposite, recorder=self.members[by], reverses=one.id, past_limit=past
            )
            return id_, {self.names[account_id] for account_id in past}

        return work

    @precondition(lambda self: self.model.can_be_asked_back())
    @rule(back=backs, place=places)
    def ask_to_undo(self, back: int, place: int) -> None:
        """Somebody asks those who lose by it."""
        one = self._newest(self.model.can_be_asked_back(), back)
        by, _ = self._people(place, [])
        asked = sorted(self.model.asked_of(one), key=lambda name: self.ids[name])

        async def work(tx: Transaction) -> int:
            recorded = await transfers.recorded(tx, self.committee, one.id)
            assert recorded is not None
            opened = await exchanges.open_(
                tx,
                self.committee,
                [Posting(leg.account_id, Minutes(-leg.minutes)) for leg in recorded.transfer.postings],
                recorder=self.members[by],
                asked=[self.members[name] for name in asked],
                holds={},
                policy=("undo", 1),
                note="",
                now=self.now,
                expires=self.now + timedelta(days=7),
                reverses=one.id,
            )
            return opened.id

        self.model.undoing.append(Undoing(self.books.run(work), by, one, asked))
        # The books themselves ask once.
        self._refused(work, Conflict)

    def _agreeing(self, one: Undoing, who: str) -> Work[int | None]:
        async def work(tx: Transaction) -> int | None:
            waiting = await exchanges.waiting(tx, self.committee.id, one.id)
            assert waiting is not None
            agreed = await exchanges.agree(tx, waiting, self.members[who].id, now=self.now)
            if agreed < waiting.asked:
                return None
            await exchanges.release(tx, waiting)
            recorded = await transfers.recorded(tx, self.committee, one.of.id)
            assert recorded is not None
            opposite = ledger.reversal(
                recorded,
                by=self.members[one.by].id,
                said_at=self.now,
                at=self.now,
                agreed=[leg.account_id for leg in waiting.legs if leg.minutes < 0],
            )
            id_, _ = await transfers.record(
                tx, self.committee, opposite, recorder=self.members[one.by], reverses=one.of.id
            )
            await exchanges.end(tx, waiting, "done", transfer_id=id_)
            return id_

        return work

    @precondition(lambda self: any(one.state == "open" for one in self.model.undoing))
    @rule(back=backs, place=places)
    def agree_to_undo(self, back: int, place: int) -> None:
        """One of those who lose by it says yes, perhaps again; with the last yes it is taken back, once."""
        one = self._newest([one for one in self.model.undoing if one.state == "open"], back)
        who = one.asked[place % len(one.asked)]
        last = one.agreed | {who} == set(one.asked)
        if last and one.of.undone:
            self._refused(self._agreeing(one, who), Refusal)
            return
        id_ = self.books.run(self._agreeing(one, who))
        assert (id_ is not None) == last
        one.agreed.add(who)
        if id_ is not None:
            one.state = "done"
            self._put_back(one.of, id_, one.by)

    @precondition(lambda self: any(one.state == "done" for one in self.model.undoing))
    @rule(back=backs)
    def agree_again(self, back: int) -> None:
        """What was agreed to is taken back once, even if whoever asks has not looked."""
        one = self._newest([one for one in self.model.undoing if one.state == "done"], back)
        self._refused(self._agreeing(one, one.asked[0]), Refusal)

    @precondition(lambda self: any(one.undone for one in self.model.booked))
    @rule(back=backs)
    def undo_past_the_rules(self, back: int) -> None:
        """Where the rules have not looked, the books themselves let nothing be undone twice."""
        one = self._newest([one for one in self.model.booked if one.undone], back)

        async def work(tx: Transaction) -> None:
            postings = tuple(Posting(self.ids[name], Minutes(-minutes)) for name, minutes in one.legs.items())
            transfer = ledger.Transfer(postings=postings, at=self.now)
            by = self.members[one.by or NAMES[0]]
            await transfers.record(tx, self.committee, transfer, recorder=by, reverses=one.id)

        self._refused(work, Conflict)

    # --- going, coming, time ---------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.model.here) > 3)
    @rule(place=places)
    def leave(self, place: int) -> None:
        """Somebody goes; the account stays, and nothing of theirs waits."""
        who, _ = self._people(place, [])

        async def work(tx: Transaction) -> None:
            await exchanges.end_all(tx, self.members[who].id)
            await people.leave(tx, self.members[who].id, now=self.now)

        self.books.run(work)
        self.model.here.remove(who)
        self.model.end_all(who)

    @precondition(lambda self: len(self.model.here) < len(NAMES))
    @rule()
    def come_back(self) -> None:
        """Somebody who went is back, with the account that they had."""
        gone = sorted(set(NAMES) - self.model.here)

        async def work(tx: Transaction) -> Member:
            person = await people.seen(
                tx, Sender(user=UserId(f"post:{gone[0]}"), name=gone[0]), private_chat=None, now=self.now
            )
            return await people.join(tx, self.committee.id, person, now=self.now)

        assert self.books.run(work).id == self.members[gone[0]].id
        self.model.here.add(gone[0])

    @precondition(lambda self: any(self.model.balance[name] for name in set(NAMES) - self.model.here))
    @rule()
    def nobody_came_back(self) -> None:
        """What somebody left, or owed, is the committee's after a time, whatever the limit."""
        who = min(name for name in set(NAMES) - self.model.here if self.model.balance[name])

        async def work(tx: Transaction) -> int:
            found = {one.id: one for one in await transfers.accounts_by_id(tx, self.committee, self.ids.values())}
            transfer = ledger.carry(found[self.ids[who]], found[self.ids[COMMITTEE]], at=self.now)
            assert transfer is not None
            id_, _ = await transfers.record(tx, self.committee, transfer, recorder=self.members[who], carried=True)
            await leaving.took(tx, id_, self.members[who].id)
            return id_

        id_ = self.books.run(work)
        gone = self.model.balance[who]
        self.model.left_behind.append(Booked(id_, who, {who: -gone, COMMITTEE: gone}, self.now))
        self.model.balance[COMMITTEE] += gone
        self.model.balance[who] = 0

    @rule(floor=st.sampled_from([None, 0, -60, FLOOR, FLOOR, 2 * FLOOR]))
    def change_limit(self, floor: int | None) -> None:
        """The committee sets another limit. It holds from the next exchange on, also for what is promised already."""
        self.committee = replace(self.committee, floor=None if floor is None else Minutes(floor))
        self.books.run(lambda tx: people.change_rules(tx, self.committee))
        self.model.floor = floor

    @rule(minutes=st.sampled_from([1, 9, 10, 11]))
    def wait(self, minutes: int) -> None:
        """Time passes."""
        self.now += timedelta(minutes=minutes)

    def _people(self, place: int, further: Sequence[int]) -> tuple[str, list[str]]:
        """Somebody who is here, and others who are, each once."""
        here = sorted(self.model.here)
        place %= len(here)
        places_of_others = dict.fromkeys((place + 1 + (step - 1) % (len(here) - 1)) % len(here) for step in further)
        return here[place], [here[other] for other in places_of_others]

    def _newest(self, found: list[R], back: int) -> R:
        return found[-1 - min(back, len(found) - 1)]

    def _refused(self, work: Work[object], error: type[BaseException] | tuple[type[BaseException], ...]) -> None:
        try:
            self.books.run(work)
        except error:
            return
        raise AssertionError("that must be refused, and nothing may move")

    # --- after every step ------------------------------------------------------------------------------------------

    @invariant()
    def agree(self) -> None:
        """Balances, what is kept back, every posting and every state are the model's."""
        if not hasattr(self, "books"):
            return
        ask = self.books.connection.execute
        model = self.model
        found = {
            self.names[id_]: (balance, held) for id_, balance, held in ask("SELECT id, balance, held FROM accounts")
        }
        assert found == {name: (balance, model.held(name)) for name, balance in model.balance.items()}
        assert sum(balance for balance, _ in found.values()) == 0
        postings: dict[int, dict[str, int]] = {}
        for transfer_id, account_id, minutes in ask("SELECT transfer_id, account_id, minutes FROM postings"):
            postings.setdefault(transfer_id, {})[self.names[account_id]] = minutes
        assert postings == {one.id: one.legs for one in (*model.booked, *model.left_behind)}
        undone = ask("SELECT id, reverses_id FROM transfers WHERE reverses_id IS NOT NULL ORDER BY id").fetchall()
        assert undone == [(one.id, one.undoes) for one in model.booked if one.undoes is not None]
        assert ask("SELECT id, state FROM exchanges ORDER BY id").fetchall() == [
            (one.id, one.state) for one in model.all_asked()
        ]
        kept = ask("SELECT exchange_id, minutes FROM holds ORDER BY exchange_id").fetchall()
        assert kept == [(one.id, one.held) for one in model.asked if one.state == "open"]

    @invariant()
    def limits(self) -> None:
        """Whoever is below the limit comes no lower, but by undoing; what is promised counts as gone.

        So also the fund and the reserves, whose limit is zero: what an undo takes back from a fund that has given it
        away meanwhile is lacking there, and until it has come in nothing is paid.
        """
        if not hasattr(self, "books"):
            return
        left = {name: self.model.left(name) for name in ALL}
        for name in set(ALL) - self.put_back:
            assert self.model.has_room(name, 0) or left[name] >= self.before[name]
        self.before, self.put_back = left, set()


class Counted(Ledger):
    """The same members, of whom each month's end takes, and who decide how hours are counted; they have a fund."""

    @initialize(change=changes, melt=melts)
    def begin(self, change: Change, melt: Change) -> None:
        """What they have decided at their founding."""
        super().begin()
        for decided in (melt, change):
            if replace(self.model.rule, **decided[2]) != self.model.rule:
                self.decide(decided)

    # --- how hours are counted ------------------------------------------------------------------------------------

    @rule(change=changes)
    def decide(self, change: Change) -> None:
        """The committee decides otherwise: from now on it is counted so, and each month is closed so."""
        what, given, to = change
        rule, month = self.model.rule, f"{self.now:%Y-%m}"
        found = replace(rule, **to)

        async def work(tx: Transaction) -> None:
            await policy.policy_change.handler(self._context(tx, by="ana"), what=what, **given)

        if found == rule:
            self._refused(work, Refusal)
            return
        self.books.run(work)
        if found.budget and what == "budget":
            found = replace(found, levy=self.model.derived(found.budget, self.now))
        self.model.rule = found
        for command, wanted in (("levy_month", found.budget), ("melt_month", found.melt)):
            if wanted:
                self.model.planned.setdefault(command, month)

    def _context(self, tx: Transaction, *, by: str | None = None) -> Context:
        return Context(
            tx=tx,
            now=self.now,
            said_at=self.now,
            commands=COMMANDS,
            place=None,
            chat=None,
            language="en",
            of_committee=self.committee,
            of_member=None if by is None else self.members[by],
            authority=Authority.CLOCK if by is None else Authority.COMMITTEE,
        )

    @rule(place=places, pools=st.booleans())
    def pool(self, place: int, pools: bool) -> None:
        """Somebody says for themselves whether what they earn is the fund's."""
        if pools and self.model.rule.base != "pooled":
            self.decide(("pooled", {}, {"base": "pooled"}))
        who, _ = self._people(place, [])

        async def work(tx: Transaction) -> None:
            await pooling.pooling_.handler(self._context(tx, by=who), what="on" if pools else "off")

        self.books.run(work)
        self.model.pooling = self.model.pooling | {who} if pools else self.model.pooling - {who}

    @rule(again=st.booleans())
    def month_ends(self, again: bool) -> None:
        """The clock says what was planned for the month's end, perhaps twice."""
        ended = f"{self.now:%Y-%m}"
        self.now = (self.now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=5, minute=1)
        fallen = {command: month for command, month in self.books.run(self._fallen) if command in CLOSINGS}
        modelled = {command: month for command, month in fallen.items() if command in ("levy_month", "melt_month")}
        assert modelled == self.model.planned
        assert set(fallen.values()) <= {ended}
        for command in sorted(fallen):
            self._close(command, ended)
        for command in CLOSINGS if again else ():
            self.books.run(self._saying(command, ended))
        # Nothing else that the clock says is of the books.
        self.books.run(self._fallen)

    async def _fallen(self, tx: Transaction) -> list[tuple[str, str | None]]:
        """What falls due by now, and is not said again; of which month it is."""
        rows = await due.fallen(tx, now=self.now)
        for row in rows:
            await due.done(tx, row, now=self.now)
        return [(row.says.command, row.says.arguments.get("period")) for row in rows]

    def _saying(self, command: str, month: str) -> Work[None]:
        async def work(tx: Transaction) -> None:
            await CLOSINGS[command].handler(self._context(tx), period=month)

        return work

    def _close(self, command: str, month: str) -> None:
        before, rule, model = self._last(), self.model.rule, self.model
        due_now = {name: -part for name, part in model.giving.items() if model.left(name) >= part}
        self.books.run(self._saying(command, month))
        if command not in model.planned:
            self._closed(command, self._adopt(before), due_now)
            return
        del model.planned[command]
        if (command == "melt_month" and rule.melt) or (command == "levy_month" and rule.budget):
            model.planned[command] = f"{self.now:%Y-%m}"
        if command == "levy_month" and rule.budget:
            model.rule = replace(rule, levy=model.derived(rule.budget, self.now))
        if command == "melt_month" and rule.melt:
            parts = {name: max(0, model.left(name) - rule.above) * rule.melt // 10_000 for name in model.here}
            legs = {name: -part for name, part in parts.items() if part}
            if legs:
                id_ = self.books.connection.execute("SELECT max(id) FROM transfers").fetchone()[0]
                model.book(Booked(id_, "", {**legs, FUND: -sum(legs.values())}, self.now))

    def _last(self) -> int:
        return int(self.books.connection.execute("SELECT coalesce(max(id), 0) FROM transfers").fetchone()[0])

    def _adopt(self, before: int, by: str = "") -> dict[str, int]:
        """What the program has booked since: at most one transfer, whose legs are looked at where it is called."""
        ask = self.books.connection.execute
        found = ask("SELECT account_id, minutes FROM postings WHERE transfer_id > ?", (before,)).fetchall()
        legs = {self.names[account]: minutes for account, minutes in found}
        if legs:
            assert self._last() == before + 1
            self.model.book(Booked(before + 1, by, legs, self.now))
        return legs

    def _closed(self, command: str, legs: dict[str, int], due_now: dict[str, int]) -> None:
        match command:
            case "close_contributions":
                assert {name: minutes for name, minutes in legs.items() if name != FUND} == due_now
            case "weigh_month":
                assert set(legs) <= {*NAMES, COMMITTEE}, "a pie that stays as large as it was: the fund gives nothing"
            case "share_month":
                assert all((minutes < 0) == (name == FUND) for name, minutes in legs.items())
                assert set(legs) <= {*NAMES, FUND}
                assert legs.get(FUND, 0) >= -max(0, self.model.left(FUND) - legs.get(FUND, 0))
                if self.model.rule.base != "pooled":
                    # Nobody has pooled for longer than the committee did: each says yes anew.
                    self.model.pooling = set()

    # --- the fund and the reserves ---------------------------------------------------------------------------------

    @rule(place=places, minutes=amounts, to=st.sampled_from([FUND, RESERVES[0]]))
    def contribute(self, place: int, minutes: int, to: str) -> None:
        """Somebody gives to the fund, or puts something by."""
        who, _ = self._people(place, [])
        self._move({who: -minutes, FUND if to == FUND else reserve(who): minutes}, who)

    @rule(place=places, minutes=amounts, how=st.sampled_from(["", "", "monthly", "stop"]))
    def contribute_as_members_do(self, place: int, minutes: int, how: str) -> None:
        """Once, at each month's end, or no more; nobody goes into minus for it."""
        who, _ = self._people(place, [])

        async def work(tx: Transaction) -> None:
            time = None if how == "stop" else Minutes(minutes)
            await fund.contribute.handler(self._context(tx, by=who), time=time, how=how)

        if (how == "" and self.model.left(who) < minutes) or (how == "stop" and who not in self.model.giving):
            self._refused(work, Refusal)
            return
        before = self._last()
        self.books.run(work)
        legs = self._adopt(before)
        assert legs == ({} if how else {who: -minutes, FUND: minutes})
        if how == "monthly":
            self.model.giving[who] = minutes
        elif how == "stop":
            del self.model.giving[who]

    @precondition(lambda self: self.model.given_to_the_fund())
    @rule(back=st.integers(0, 2))
    def contribution_back(self, back: int) -> None:
        """A slip, within some minutes, and never what the fund has given on."""
        one = self._newest(self.model.given_to_the_fund(), back)
        who = next((name for name in NAMES if one.legs.get(name, 0) < 0), NAMES[0])
        number, what = self.books.connection.execute(
            "SELECT number, what FROM transfers t LEFT JOIN closings c ON c.transfer_id = t.id WHERE t.id = ?",
            (one.id,),
        ).fetchone()

        async def work(tx: Transaction) -> None:
            await fund.contribution_back.handler(self._context(tx, by=who), number=number)

        late = self.now - one.at > timedelta(minutes=10)
        if what != "contribution" or late or not self.model.has_room(FUND, one.legs[FUND]):
            self._refused(work, Refusal)
            return
        self.books.run(work)
        self._put_back(one, self._last(), who)

    @rule(place=places, further=others, minutes=amounts, kind=st.sampled_from(["strike", "emergency"]))
    def payout(self, place: int, further: list[int], minutes: int, kind: str) -> None:
        """So much for each; where the fund has less, all get the same, and it is never below zero for it."""
        who, more = self._people(place, further)
        to = tuple(self.members[name] for name in (who, *more))

        async def work(tx: Transaction) -> None:
            await fund.payout.handler(self._context(tx, by=who), kind=kind, time=Minutes(minutes), people=to)

        there = max(0, self.model.left(FUND))
        if not there:
            self._refused(work, Refusal)
            return
        before = self._last()
        self.books.run(work)
        legs = self._adopt(before)
        gained = [legs.get(name, 0) for name in (who, *more)]
        assert -legs[FUND] == sum(gained) == min(there, minutes * len(to))
        assert max(gained) <= minutes
        assert max(gained) - min(gained) <= 1

    @rule(place=places, minutes=amounts)
    def urgent(self, place: int, minutes: int) -> None:
        """At once, whatever somebody has: up to the cap, and to what is there."""
        who, _ = self._people(place, [])

        async def work(tx: Transaction) -> None:
            await fund.urgent_cap.handler(self._context(tx, by=who), hours=Minutes(90))
            await fund.urgent.handler(self._context(tx, by=who), time=Minutes(minutes))

        before, there = self._last(), self.model.left(FUND)
        try:
            self.books.run(work)
        except Refusal:
            # The fund is empty, or they have had as much already.
            assert self._last() == before
            return
        legs = self._adopt(before)
        assert 0 < legs[who] <= min(minutes, 90, there)

    @rule(place=places, further=others, minutes=amounts, beyond=beyonds, rules_look=st.booleans())
    def pay_out(self, place: int, further: list[int], minutes: int, beyond: int | None, rules_look: bool) -> None:
        """The fund gives to some, and never more than there is; the books themselves keep that."""
        who, more = self._people(place, further)
        if beyond is not None:
            minutes = max(1, self.model.left(FUND)) if beyond % 2 else max(0, self.model.left(FUND)) + beyond
        parts = dict(zip([who, *more], shares(minutes, len(more) + 1), strict=True))
        self._move({FUND: -minutes, **{name: part for name, part in parts.items() if part}}, who, rules_look)

    @rule(place=places, minutes=amounts, rules_look=st.booleans())
    def in_need(self, place: int, minutes: int, rules_look: bool) -> None:
        """Somebody is ill: each of the others gives from their reserve."""
        who, more = self._people(place, [1, 2])
        legs = {reserve(name): -part for name, part in zip(more, shares(minutes, len(more)), strict=True) if part}
        self._move({**legs, who: minutes}, who, rules_look)

    @precondition(lambda self: self.model.given_to_the_fund())
    @rule(back=st.integers(0, 2), place=places, decided=st.booleans())
    def undo_what_the_fund_got(self, back: int, place: int, decided: bool) -> None:
        """Even when it has given it away; what was done for all nobody takes back alone, not even at once."""
        one = self._newest(self.model.given_to_the_fund(), back)
        by, _ = self._people(place, [])
        work = self._taking_back(one, by, agreed=[], decided=decided)
        if not decided and not one.by:
            self._refused(work, ledger.NeedsYes)
        elif decided:
            id_, past = self.books.run(work)
            assert (FUND in past) == (not self.model.has_room(FUND, one.legs[FUND]))
            self._put_back(one, id_, by)

    def _move(self, legs: dict[str, int], by: str, rules_look: bool = True) -> None:
        """By no rule of counting: it moves as it stands, within the limits."""

        async def work(tx: Transaction) -> int:
            ids = [self.ids[name] for name in legs]
            found = await transfers.accounts_by_id(tx, self.committee, ids)
            postings = tuple(Posting(self.ids[name], Minutes(minutes)) for name, minutes in legs.items())
            gives = {self.ids[name] for name, minutes in legs.items() if minutes < 0}
            floors = {one.id: one.floor for one in found if one.id in gives and one.floor is not None}
            transfer = (
                ledger.post(postings, found, at=self.now)
                if rules_look
                else ledger.Transfer(postings=postings, at=self.now, floors=floors)
            )
            id_, _ = await transfers.record(tx, self.committee, transfer, recorder=self.members[by])
            return id_

        if not all(self.model.has_room(name, -minutes) for name, minutes in legs.items() if minutes < 0):
            self._refused(work, ledger.BelowFloor if rules_look else AssertionError)
            return
        self.model.book(Booked(self.books.run(work), by, legs, self.now))


TestLedger = Ledger.TestCase
TestCounted = Counted.TestCase
TestLedger.settings = settings(max_examples=RUNS, stateful_step_count=60 if _LONG else 40)
if "SOLIBOT_LEDGER_RUNS" in os.environ:
    # tests/test_mutants.py asks only whether it fails, and each time in the same way.
    TestLedger.settings = settings(
        TestLedger.settings,
        phases=(Phase.generate,),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
TestCounted.settings = TestLedger.settings
