"""What limits need to know of the books: what somebody has given to whom, and what the committee has set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.chat import Saying
from bot.domain import limits
from bot.domain.ledger import Transfer
from bot.domain.limits import Growth
from bot.text import Minutes
from storage import due, rules
from storage.database import Reader, Transaction

BRANCH_DEPTH_MAX = 20
PARTNERS_MAX = 10_000


async def growth(tx: Reader, committee_id: int) -> Growth | None:
    """How the limit grows here; None: it does not."""
    found = await rules.get(tx, committee_id, "growth")
    return (
        None
        if found is None
        else Growth(people=found["people"], each=Minutes(found["each"]), most=Minutes(found["most"]))
    )


async def set_growth(tx: Transaction, committee_id: int, growth: Growth | None) -> None:
    """From now on it grows so, or not."""
    await rules.put(tx, committee_id, "growth", None if growth is None else asdict(growth))


async def ceiling(tx: Reader, committee_id: int) -> Minutes | None:
    """From which balance on somebody is asked to spend; None: from none."""
    found = await rules.get(tx, committee_id, "ceiling")
    return None if found is None else Minutes(found)


async def floor_of(tx: Reader, committee_id: int, base: Minutes | None, account_id: int) -> Minutes | None:
    """The lowest balance of one account by the committee's rules."""
    return (await floors_of(tx, committee_id, base, [account_id]))[account_id]


async def floors_of(
    tx: Reader, committee_id: int, base: Minutes | None, account_ids: Iterable[int]
) -> dict[int, Minutes | None]:
    """The lowest balances of accounts by the rules, which are asked for once: at a month's end it is for everybody."""
    how = None if base is None else await growth(tx, committee_id)
    if base is None or how is None:
        return dict.fromkeys(account_ids, base)
    return {id_: limits.floor(base, await given_by(tx, id_), how) for id_ in account_ids}


async def given_by(tx: Reader, account_id: int) -> dict[int, Minutes]:
    """What the owner of an account has given to others, in minutes, by the branch of whoever received it.

    A branch is named by the member who came first in it, followed upwards through those who brought others in; the
    giver's own branch does not count.
    """
    rows = await tx.all(
        """WITH RECURSIVE up (account_id, member_id, depth) AS (
               SELECT a.id, a.member_id, 0 FROM accounts a
               WHERE a.id = ?1 OR a.id IN (SELECT to_id FROM given WHERE account_id = ?1 AND minutes > 0)
               UNION ALL
               SELECT up.account_id, m.invited_by, up.depth + 1 FROM up JOIN members m ON m.id = up.member_id
               WHERE m.invited_by IS NOT NULL AND up.depth < ?2)
           SELECT up.account_id, up.member_id, coalesce(g.minutes, 0) FROM up
           LEFT JOIN given g ON g.account_id = ?1 AND g.to_id = up.account_id
           WHERE up.depth = (SELECT max(other.depth) FROM up other WHERE other.account_id = up.account_id)
           LIMIT ?3""",
        account_id,
        BRANCH_DEPTH_MAX,
        PARTNERS_MAX,
    )
    own = next((branch for id_, branch, _ in rows if id_ == account_id), None)
    found: dict[int, Minutes] = {}
    for id_, branch, minutes in rows:
        if id_ != account_id and branch is not None and branch != own:
            found[branch] = Minutes(found.get(branch, 0) + minutes)
    return found


async def count(tx: Transaction, transfer: Transfer, *, undone: bool) -> None:
    """Keep in mind who has given to whom by this transfer; `undone`: it takes an earlier one back."""
    gaining = [posting for posting in transfer.postings if (posting.minutes > 0) != undone]
    losing = [posting for posting in transfer.postings if (posting.minutes > 0) == undone]
    if len(gaining) != 1 and len(losing) != 1:
        return
    for gains in gaining:
        for loses in losing:
            minutes = min(abs(gains.minutes), abs(loses.minutes))
            await tx.execute(
                """INSERT INTO given (account_id, to_id, minutes) VALUES (?1, ?2, ?3)
                   ON CONFLICT (account_id, to_id) DO UPDATE SET minutes = given.minutes + excluded.minutes""",
                gains.account_id,
                loses.account_id,
                -minutes if undone else minutes,
            )


async def watch(
    tx: Transaction, committee_id: int, account_id: int, *, minutes: int, floor: Minutes | None, now: datetime
) -> None:
    """A balance has changed by so many minutes: who comes close to a limit is told, by the clock, in private."""
    row = await tx.one("SELECT member_id, balance FROM accounts WHERE id = ?", account_id)
    assert row is not None
    member_id, balance = row
    if member_id is None:
        return
    before, after = Minutes(balance - minutes), Minutes(balance)
    limit = await ceiling(tx, committee_id) if minutes > 0 else floor
    reached = limits.passed(before, after, limit)
    if reached:
        await due.plan(
            tx,
            f"limit:{account_id}",
            Saying(command="limit_near", arguments={"who": member_id, "part": reached}),
            local=now.replace(tzinfo=None),
            zone=ZoneInfo("UTC"),
            committee=committee_id,
            late="do",
        )


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: what either has given, or was given, counts together; between them nothing does."""
    row = await tx.one(
        """SELECT o.id, n.id FROM accounts o JOIN accounts n ON n.member_id = ?2 WHERE o.member_id = ?1""", old, into
    )
    assert row is not None
    before, after = row
    for own, other in (("account_id", "to_id"), ("to_id", "account_id")):
        await tx.execute(
            f"""INSERT INTO given ({own}, {other}, minutes)
                SELECT ?2, {other}, minutes FROM given WHERE {own} = ?1 AND {other} <> ?2
                ON CONFLICT (account_id, to_id) DO UPDATE SET minutes = given.minutes + excluded.minutes""",
            before,
            after,
        )
    await tx.execute("DELETE FROM given WHERE account_id = ?1 OR to_id = ?1", before)
