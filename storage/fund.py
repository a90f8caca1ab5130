"""The common fund: what is asked of it and who reads why, who gives to it each month, and what came in and went out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.chat import Saying
from bot.domain import retention
from bot.domain.conduct import Carer
from bot.text import Minutes
from storage import buttons, cards, closings, due, entries, notes, nudges, rules
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

READERS = 2
"""So many people read why somebody asks, and nobody else."""
ROUNDS_MAX = 3
"""What is left of a need is looked at again so often; then it is over, and can be told anew."""
URGENT_WITHIN = timedelta(days=30)
"""The cap for urgent help is for so long a time."""
LISTED_MAX = 1000
CONTRIBUTORS_MAX = 100_000
_LONG_AGO = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall time
_AT_ONCE_MAX = 500

State = Literal["open", "met", "over", "withdrawn", "paid", "ratified", "unratified"]
"""open: waits. met: it got all. over: looked at often enough. paid: urgent, and not yet ratified."""
Paid = Literal["contribution", "urgent", "payout", "share_fund"]
"""As what a transfer of the fund is closed, beside those of a month's end: nobody alone takes it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What somebody asks the fund for. Ids are those of members."""

    id: int
    committee_id: int
    number: int
    member_id: int
    name: str
    teller_id: int
    helper_id: int | None
    """Whoever is paid in place of the member, because they helped."""
    urgent: bool
    class_: int
    minutes: Minutes
    given: Minutes
    rounds: int
    state: State
    at: datetime

    @property
    def left(self) -> Minutes:
        """What it still lacks."""
        return Minutes(self.minutes - self.given)

    @property
    def waits(self) -> bool:
        """Whether it is not decided yet."""
        return self.state in ("open", "paid")

    @property
    def thing(self) -> str:
        """The thing whose note is why; and what is shown to those who read it."""
        return f"fund_need:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Somebody who was asked to read why. `opened`: they were shown it; `seen`: they said so."""

    member_id: int
    name: str
    asked_at: datetime
    opened: bool
    seen: bool
    passed: bool


_NEED = """n.id, n.committee_id, n.number, n.member_id, m.called, n.teller_id, n.helper_id, n.urgent, n.class,
           n.minutes, n.given, n.rounds, n.state, n.at_us"""
_FROM = "fund_needs n JOIN members m ON m.id = n.member_id"
_WAITS = "n.state IN ('open', 'paid')"


def _need(row: Row) -> Need:
    id_, committee_id, number, member_id, name, teller_id, helper_id, urgent, *figures, state, at_us = row
    class_, minutes, given, rounds = figures
    return Need(
        id=id_,
        committee_id=committee_id,
        number=number,
        member_id=member_id,
        name=str(name),
        teller_id=teller_id,
        helper_id=helper_id,
        urgent=bool(urgent),
        class_=class_,
        minutes=Minutes(minutes),
        given=Minutes(given),
        rounds=rounds,
        state=state,
        at=from_us(at_us),
    )


# --- needs -------------------------------------------------------------------------------------------------------


async def tell(
    tx: Transaction,
    committee: Committee,
    member: Member,
    minutes: Minutes,
    class_: int,
    *,
    teller: Member,
    words: str,
    now: datetime,
    urgent: bool = False,
    helper: Member | None = None,
) -> Need:
    """Somebody asks the fund. `words`: why, for those who read it alone. `urgent`: it is paid at once."""
    id_ = await tx.value(
        """INSERT INTO fund_needs (committee_id, number, member_id, teller_id, helper_id, urgent, class, minutes, given,
                                   state, at_us)
           SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, CASE WHEN ?5 THEN ?7 ELSE 0 END,
                  CASE WHEN ?5 THEN 'paid' ELSE 'open' END, ?8
           FROM fund_needs WHERE committee_id = ?1 RETURNING id""",
        committee.id,
        member.id,
        teller.id,
        None if helper is None else helper.id,
        int(urgent),
        class_,
        minutes,
        to_us(now),
    )
    if words:
        await notes.keep(tx, f"fund_need:{id_}", words)
    row = await tx.one(f"SELECT {_NEED} FROM {_FROM} WHERE n.id = ?", id_)
    assert row is not None
    return _need(row)


async def numbered(tx: Reader, committee_id: int, number: int) -> Need | None:
    """The committee's need with this number, whatever became of it."""
    row = await tx.one(f"SELECT {_NEED} FROM {_FROM} WHERE n.committee_id = ? AND n.number = ?", committee_id, number)
    return _need(row) if row else None


async def shown(tx: Reader, committee_id: int, id_: int) -> Need | None:
    """The committee's need with this id."""
    row = await tx.one(f"SELECT {_NEED} FROM {_FROM} WHERE n.committee_id = ? AND n.id = ?", committee_id, id_)
    return _need(row) if row else None


async def open_of(tx: Reader, member_id: int) -> Need | None:
    """What a member asks for and is not decided; there is at most one."""
    row = await tx.one(f"SELECT {_NEED} FROM {_FROM} WHERE n.member_id = ? AND n.state = 'open'", member_id)
    return _need(row) if row else None


async def waiting_of(tx: Reader, member: Member) -> list[Need]:
    """What waits of a member's own and of those for whom they speak, oldest first."""
    rows = await tx.all(
        f"""SELECT {_NEED} FROM {_FROM} WHERE n.committee_id = ?1 AND {_WAITS}
            AND (n.member_id = ?2 OR (m.helper_id = ?2 AND m.active = 1)) ORDER BY n.id LIMIT ?3""",
        member.committee_id,
        member.id,
        LISTED_MAX,
    )
    return [_need(row) for row in rows]


async def open_ones(tx: Reader, committee_id: int) -> list[Need]:
    """All that members ask for and is not decided, oldest first."""
    rows = await tx.all(
        f"""SELECT {_NEED} FROM {_FROM} WHERE n.committee_id = ? AND n.state = 'open' AND m.active = 1
            ORDER BY n.id LIMIT ?""",
        committee_id,
        LISTED_MAX,
    )
    return [_need(row) for row in rows]


async def ready(tx: Reader, committee_id: int) -> list[tuple[Need, int]]:
    """What can be decided, because two have read why or had read it before; with the account that would gain."""
    rows = await tx.all(
        f"""SELECT {_NEED}, a.id FROM {_FROM} JOIN accounts a ON a.member_id = n.member_id
            WHERE n.committee_id = ?1 AND n.state = 'open' AND m.active = 1
              AND (SELECT count(*) FROM fund_readers r WHERE r.need_id = n.id AND r.seen_us IS NOT NULL) >= ?2
            ORDER BY n.id LIMIT ?3""",
        committee_id,
        READERS,
        LISTED_MAX,
    )
    return [(_need(row[:-1]), int(row[-1])) for row in rows]


async def drawn(tx: Reader, member_id: int, *, now: datetime) -> Minutes:
    """What somebody got at once in the last `URGENT_WITHIN`."""
    return Minutes(
        await tx.value(
            "SELECT coalesce(sum(given), 0) FROM fund_needs WHERE member_id = ? AND urgent = 1 AND at_us > ?",
            member_id,
            to_us(now - URGENT_WITHIN),
        )
    )


async def decided(tx: Transaction, need: Need, given: Minutes, *, now: datetime) -> State:
    """It got so much. What it lacks waits for the next time, or it is over. Why it was asked is forgotten."""
    left = need.left - given
    state: State = "open" if left and need.rounds + 1 < ROUNDS_MAX else "over" if left else "met"
    await tx.execute(
        "UPDATE fund_needs SET given = given + ?, rounds = rounds + 1, state = ?, ended_us = ? WHERE id = ?",
        given,
        state,
        None if state == "open" else to_us(now),
        need.id,
    )
    await _forget_why(tx, need)
    return state


async def end(tx: Transaction, need: Need, state: State, *, now: datetime) -> None:
    """It waits no more. Why it was asked is forgotten."""
    await tx.execute("UPDATE fund_needs SET state = ?, ended_us = ? WHERE id = ?", state, to_us(now), need.id)
    await _forget_why(tx, need)


async def _forget_why(tx: Transaction, need: Need) -> None:
    await notes.erase(tx, need.thing)
    await tx.execute("DELETE FROM notes WHERE thing = ?", need.thing)
    # What they were asked back while they told it carries the reason too.
    await buttons.forget_questions(tx, {need.member_id, need.teller_id})
    await due.cancel(tx, need.thing)
    await nudges.withdraw(tx, need.thing)
    await cards.changed(tx, need.thing)


# --- who reads why -----------------------------------------------------------------------------------------------


async def readings(tx: Reader, need: Need) -> list[Reading]:
    """Who was asked to read why, the first first."""
    rows = await tx.all(
        """SELECT r.member_id, m.called, r.asked_us, r.opened_us IS NOT NULL, r.seen_us IS NOT NULL, r.passed
           FROM fund_readers r JOIN members m ON m.id = r.member_id WHERE r.need_id = ?
           ORDER BY r.asked_us, r.member_id LIMIT ?""",
        need.id,
        LISTED_MAX,
    )
    return [
        Reading(
            member_id=id_,
            name=str(name),
            asked_at=from_us(asked_us),
            opened=bool(opened),
            seen=bool(seen),
            passed=bool(passed),
        )
        for id_, name, asked_us, opened, seen, passed in rows
    ]


async def with_turns(tx: Reader, possible: Sequence[Carer]) -> list[Carer]:
    """Those who can be asked, with how often they were asked to read for the fund, and when last."""
    asked = {
        member_id: (int(count), last_us)
        for member_id, count, last_us in await tx.all(
            "SELECT member_id, count(*), max(asked_us) FROM fund_readers GROUP BY member_id LIMIT 100000"
        )
    }
    found = []
    for one in possible:
        count, last_us = asked.get(one.id, (0, None))
        last = None if last_us is None else from_us(last_us)
        found.append(Carer(id=one.id, tier=one.tier, asked=count, last_asked=last, names=one.names))
    return found


async def ask(tx: Transaction, need: Need, member_id: int, *, now: datetime) -> None:
    """This member is asked to read why."""
    await tx.execute(
        "INSERT INTO fund_readers (need_id, member_id, asked_us) VALUES (?, ?, ?)", need.id, member_id, to_us(now)
    )


async def opened(tx: Transaction, need: Need, member_id: int, *, now: datetime) -> None:
    """They are shown it."""
    await tx.execute(
        "UPDATE fund_readers SET opened_us = coalesce(opened_us, ?) WHERE need_id = ? AND member_id = ?",
        to_us(now),
        need.id,
        member_id,
    )


async def seen(tx: Transaction, need: Need, member_id: int, *, now: datetime) -> None:
    """They said that they have read it."""
    await tx.execute(
        "UPDATE fund_readers SET seen_us = ? WHERE need_id = ? AND member_id = ?", to_us(now), need.id, member_id
    )
    await cards.changed(tx, need.thing)


async def pass_on(tx: Transaction, need: Need, member_id: int) -> None:
    """They cannot, or did not answer: somebody else is asked."""
    await tx.execute("UPDATE fund_readers SET passed = 1 WHERE need_id = ? AND member_id = ?", need.id, member_id)


async def to_read(tx: Reader, member_id: int) -> list[tuple[Need, bool]]:
    """What a member was asked to read and has not; with whether they were shown it. Oldest first."""
    rows = await tx.all(
        f"""SELECT {_NEED}, r.opened_us IS NOT NULL FROM {_FROM} JOIN fund_readers r ON r.need_id = n.id
            WHERE r.member_id = ? AND r.passed = 0 AND r.seen_us IS NULL AND {_WAITS} AND m.active = 1
            ORDER BY n.id LIMIT 50""",
        member_id,
    )
    return [(_need(row[:-1]), bool(row[-1])) for row in rows]


async def look_again(tx: Transaction, need: Need, at: datetime) -> None:
    """The clock looks whether it was read by then."""
    await due.plan(
        tx,
        need.thing,
        Saying(command="need_waits", arguments={"number": need.number}),
        local=at.astimezone(UTC).replace(tzinfo=None),
        zone=ZoneInfo("UTC"),
        committee=need.committee_id,
        late="do",
    )


# --- what comes in and goes out ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Month:
    """What came in and went out in a month; and what needs lacked when they were looked at last in it, if they were."""

    income: Minutes
    outlays: Minutes
    unmet: Minutes | None


def month_before(period: str) -> str:
    """The month before a month."""
    return f"{closings.first_of(period) - timedelta(days=1):%Y-%m}"


async def month(tx: Reader, committee: Committee, period: str) -> Month:
    """A month of the fund, with what was done at its end. What was taken back counts as if it had not been."""
    first, until = closings.bounds(period, committee)
    row = await tx.one(
        """SELECT coalesce(sum(p.minutes) FILTER (WHERE p.minutes > 0), 0),
                  coalesce(-sum(p.minutes) FILTER (WHERE p.minutes < 0), 0)
           FROM accounts a JOIN postings p ON p.account_id = a.id JOIN transfers t ON t.id = p.transfer_id
           LEFT JOIN closings c ON c.transfer_id = t.id AND c.period GLOB '????-??'
           WHERE a.committee_id = ?1 AND a.kind = 'fund' AND t.reverses_id IS NULL
             AND coalesce(c.period = ?4, t.at_us >= ?2 AND t.at_us < ?3)
             AND NOT EXISTS (SELECT 1 FROM transfers u WHERE u.reverses_id = t.id)""",
        committee.id,
        to_us(first),
        to_us(until),
        period,
    )
    assert row is not None
    unmet = await tx.value(
        "SELECT asked - given FROM fund_rounds WHERE committee_id = ? AND month = ? ORDER BY number DESC LIMIT 1",
        committee.id,
        period,
    )
    return Month(Minutes(row[0]), Minutes(row[1]), None if unmet is None else Minutes(unmet))


async def shared(
    tx: Transaction, committee: Committee, month: str, *, needs: int, asked: Minutes, given: Minutes, now: datetime
) -> int:
    """The fund was shared out, and counts for that month; the books say how much. Returns the round's number."""
    number = int(
        await tx.value("SELECT coalesce(max(number), 0) + 1 FROM fund_rounds WHERE committee_id = ?", committee.id)
    )
    await tx.execute(
        """INSERT INTO fund_rounds (committee_id, number, month, needs, asked, given, at_us)
           VALUES (?, ?, ?, ?, ?, ?, ?)""",
        committee.id,
        number,
        month,
        needs,
        asked,
        given,
        to_us(now),
    )
    body: Mapping[str, object] = {"round": number, "month": month, "needs": needs, "asked": asked, "given": given}
    await entries.append(tx, committee, "fund", body, now=now)
    return number


async def next_closing(tx: Reader, committee_id: int, what: Paid) -> str:
    """Under which name the next of these is closed."""
    count = await tx.value("SELECT count(*) FROM closings WHERE committee_id = ? AND what = ?", committee_id, what)
    return str(int(count) + 1)


async def contribution(tx: Reader, committee_id: int, number: int) -> int | None:
    """The id of the transfer with this number, if by it somebody gave the fund something of their own accord."""
    id_ = await tx.value(
        """SELECT t.id FROM transfers t JOIN closings c ON c.transfer_id = t.id
           WHERE t.committee_id = ? AND t.number = ? AND c.what = 'contribution'""",
        committee_id,
        number,
    )
    return None if id_ is None else int(id_)


# --- what is given each month ------------------------------------------------------------------------------------


async def contribute(tx: Transaction, member: Member, minutes: Minutes, *, now: datetime) -> None:
    """From now on they give so much at each month's end."""
    await tx.execute(
        """INSERT INTO contributions (member_id, minutes, since_us) VALUES (?, ?, ?)
           ON CONFLICT (member_id) DO UPDATE SET minutes = excluded.minutes""",
        member.id,
        minutes,
        to_us(now),
    )


async def stop(tx: Transaction, member_id: int) -> bool:
    """They give no more each month. False: they did not."""
    return bool(await tx.all("DELETE FROM contributions WHERE member_id = ? RETURNING 1", member_id))


async def monthly(tx: Reader, member_id: int) -> Minutes | None:
    """What somebody gives each month; None: nothing."""
    minutes = await tx.value("SELECT minutes FROM contributions WHERE member_id = ?", member_id)
    return None if minutes is None else Minutes(minutes)


@dataclass(frozen=True, slots=True)
class Contributor:
    """Somebody who gives each month. `free`: what they have, less what they have promised."""

    member_id: int
    account_id: int
    minutes: Minutes
    free: Minutes


async def contributors(tx: Reader, committee_id: int) -> list[Contributor]:
    """Who gives each month, in the order in which they came in."""
    rows = await tx.all(
        """SELECT m.id, a.id, c.minutes, a.balance - a.held FROM contributions c JOIN members m ON m.id = c.member_id
           JOIN accounts a ON a.member_id = m.id WHERE m.committee_id = ? AND m.active = 1 ORDER BY m.id LIMIT ?""",
        committee_id,
        CONTRIBUTORS_MAX,
    )
    return [Contributor(member_id, account_id, Minutes(n), Minutes(free)) for member_id, account_id, n, free in rows]


async def counted_in(tx: Reader, committee_id: int, what: str) -> dict[int, int]:
    """The own accounts, by member, of those who said yes to it for themselves."""
    rows = await tx.all(
        """SELECT m.id, a.id FROM enrolments g JOIN members m ON m.id = g.member_id
           JOIN accounts a ON a.member_id = m.id
           WHERE m.committee_id = ? AND g.what = ? AND m.active = 1 AND m.child = 0 ORDER BY m.id LIMIT ?""",
        committee_id,
        what,
        CONTRIBUTORS_MAX,
    )
    return dict(rows)


# --- what the committee has set ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """What stays in the fund when it is shared out: a part in basis points, or hours."""

    part: int = 0
    hours: Minutes = Minutes(0)


async def reserve(tx: Reader, committee_id: int) -> Reserve:
    """What stays; nothing, where the committee has not set it."""
    part, hours = await rules.get(tx, committee_id, "fund_reserve", [0, 0])
    return Reserve(part=part, hours=Minutes(hours))


async def set_reserve(tx: Transaction, committee: Committee, set_: Reserve, *, now: datetime) -> None:
    """From now on so much stays."""
    value = [set_.part, set_.hours] if set_.part or set_.hours else None
    await rules.put(tx, committee.id, "fund_reserve", value)
    await entries.append(tx, committee, "rule", {"fund_reserve": value}, now=now)


async def cap(tx: Reader, committee_id: int) -> Minutes:
    """How much one person may be given at once in `URGENT_WITHIN`; nothing, where the committee has not set it."""
    return Minutes(await rules.get(tx, committee_id, "urgent_cap", 0))


async def set_cap(tx: Transaction, committee: Committee, minutes: Minutes | None, *, now: datetime) -> None:
    """From now on it is this; None: nothing is given at once."""
    await rules.put(tx, committee.id, "urgent_cap", minutes)
    await entries.append(tx, committee, "rule", {"urgent_cap": minutes}, now=now)


# --- people come and go ------------------------------------------------------------------------------------------


async def leave(tx: Transaction, member: Member) -> None:
    """Somebody goes: they ask for nothing more, give nothing more, and what they should read others read."""
    await stop(tx, member.id)
    left_us = await tx.value("SELECT left_us FROM members WHERE id = ?", member.id)
    assert left_us is not None, "they have left before"
    now = from_us(left_us)
    if (own := await open_of(tx, member.id)) is not None:
        await end(tx, own, "withdrawn", now=now)
    # What was paid already stays as it is; why is nobody's business any more.
    for row in await tx.all(
        f"SELECT {_NEED} FROM {_FROM} WHERE n.member_id = ? AND n.state = 'paid' LIMIT ?", member.id, LISTED_MAX
    ):
        await notes.erase(tx, _need(row).thing)
        await cards.changed(tx, _need(row).thing)
    for need, _ in await to_read(tx, member.id):
        await pass_on(tx, need, member.id)
        await look_again(tx, need, _LONG_AGO.replace(tzinfo=UTC))


async def join(tx: Transaction, old: int, into: int, *, now: datetime) -> None:
    """Two memberships become one. Of two needs the older goes on; nobody reads their own."""
    both = [one for one in (await open_of(tx, old), await open_of(tx, into)) if one is not None]
    for newer in sorted(both, key=lambda one: one.id)[1:]:
        await end(tx, newer, "withdrawn", now=now)
    for column in ("member_id", "teller_id", "helper_id"):
        await tx.execute(f"UPDATE fund_needs SET {column} = ? WHERE {column} = ?", into, old)
    await tx.execute("UPDATE OR IGNORE fund_readers SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute("DELETE FROM fund_readers WHERE member_id = ?", old)
    await tx.execute("UPDATE OR IGNORE contributions SET member_id = ? WHERE member_id = ?", into, old)
    await stop(tx, old)
    rows = await tx.all(
        f"""SELECT {_NEED} FROM {_FROM} JOIN fund_readers r ON r.need_id = n.id
            WHERE r.member_id = ? AND {_WAITS} LIMIT ?""",
        into,
        LISTED_MAX,
    )
    for row in rows:
        need = _need(row)
        if into in (need.member_id, need.teller_id, need.helper_id):
            await tx.execute(
                "UPDATE fund_readers SET passed = 1, seen_us = NULL WHERE need_id = ? AND member_id = ?", need.id, into
            )
        await look_again(tx, need, _LONG_AGO.replace(tzinfo=UTC))


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget who asked for what, some time after it was decided. The sums stay."""
    rows = await tx.all(
        "SELECT id FROM fund_needs WHERE ended_us < ? ORDER BY id LIMIT ?",
        to_us(now - retention.NEEDS),
        _AT_ONCE_MAX,
    )
    for (id_,) in rows:
        await notes.erase(tx, f"fund_need:{id_}")
        await tx.execute("DELETE FROM notes WHERE thing = ?", f"fund_need:{id_}")
        await tx.execute("DELETE FROM fund_readers WHERE need_id = ?", id_)
        await tx.execute("DELETE FROM fund_needs WHERE id = ?", id_)
