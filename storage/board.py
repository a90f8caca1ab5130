"""Offers and needs on a committee's board, who has answered them, and the committee's categories."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bot.chat import Saying
from bot.domain import board
from bot.domain.board import CATEGORIES, OTHER, Exposure, Side
from storage import cards, due, notes, nudges, rules
from storage.database import Reader, Row, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee, Member

State = Literal["open", "done", "expired", "withdrawn"]
OPEN_MAX = 500
"""So many open posts of a committee are looked at; whoever ends last is left out."""
OF_MEMBER_MAX = 20
"""So many open posts one member may have."""
AGREED_MAX = 20
ASKED_AFTER = timedelta(days=30)
CATEGORIES_MAX = 24
OWN = "own:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """An offer or a need. `name`: its owner's, as they show it. `words`: None once they are erased."""

    id: int
    number: int
    member_id: int
    name: str
    active: bool
    """Its owner is still a member."""
    side: Side
    category: str
    words: str | None
    helpers: int
    state: State
    expires: datetime
    answered: int
    """How many have answered, and have not taken it back."""
    done: int
    """How many have done it."""
    promised: int = 0
    """How many have promised it in a barter or a ring."""

    @property
    def thing(self) -> str:
        """What its card, its words and its reminder are kept under."""
        return thing_of(self.id)

    def stands(self, now: datetime) -> bool:
        """Whether something can still be done with it."""
        return self.state == "open" and self.active and now < self.expires

    @property
    def helping(self) -> int:
        """How many have said that they can help, in whatever way."""
        return self.answered + self.promised

    @property
    def taken(self) -> bool:
        """Whether as many have answered a need as it takes."""
        return self.side == "need" and self.helping >= self.helpers

    @property
    def rules(self) -> board.Post:
        """As the rules look at it."""
        return board.Post(
            id=self.id,
            member=self.member_id,
            side=self.side,
            category=self.category,
            words=self.words or "",
            until=self.expires,
        )


def thing_of(post_id: int) -> str:
    """What a post's card, its words and its reminder are kept under."""
    return f"post:{post_id}"


_POST = """p.id, p.number, p.member_id, m.called, m.active, p.side, p.category, n.text, p.helpers, p.state,
    p.expires_us,
    (SELECT count(*) FROM responses r WHERE r.post_id = p.id AND r.state <> 'withdrawn'),
    (SELECT count(*) FROM responses r WHERE r.post_id = p.id AND r.state = 'done')
        + (SELECT count(*) FROM promises q WHERE q.need_id = p.id AND q.state IN ('received', 'settled')),
    (SELECT count(*) FROM promises q JOIN barters b ON b.id = q.barter_id
        WHERE q.need_id = p.id AND b.state IN ('agreed', 'half', 'done') AND q.state <> 'even')
    FROM posts p JOIN members m ON m.id = p.member_id LEFT JOIN notes n ON n.thing = 'post:' || p.id"""


def _posted(row: Row) -> Posted:
    (
        id_,
        number,
        member_id,
        name,
        active,
        side,
        category,
        words,
        helpers,
        state,
        expires_us,
        answered,
        done,
        promised,
    ) = row
    return Posted(
        id=id_,
        number=number,
        member_id=member_id,
        name=str(name),
        active=bool(active),
        side=side,
        category=str(category),
        words=words,
        helpers=helpers,
        state=state,
        expires=from_us(expires_us),
        answered=answered,
        done=done,
        promised=promised,
    )


# --- posts -----------------------------------------------------------------------------------------------------


async def put(
    tx: Transaction,
    committee: Committee,
    owner: Member,
    side: Side,
    words: str,
    *,
    category: str,
    helpers: int,
    now: datetime,
    expires: datetime,
) -> tuple[Posted, str]:
    """Put an offer or a need on the board. Returns it, and the salted hash of its words for the chain."""
    row = await tx.one(
        """INSERT INTO posts (committee_id, number, member_id, side, category, helpers, state, at_us, expires_us)
           SELECT ?1, (SELECT coalesce(max(number), 0) + 1 FROM posts WHERE committee_id = ?1), ?, ?, ?, ?, 'open', ?, ?
           RETURNING id""",
        committee.id,
        owner.id,
        side,
        category,
        helpers,
        to_us(now),
        to_us(expires),
    )
    assert row is not None
    hashed = await notes.keep(tx, f"post:{row[0]}", words)
    await notes.wrote(tx, f"post:{row[0]}", owner.id, now=now)
    found = await post(tx, committee.id, row[0])
    assert found is not None
    return found, hashed


async def post(tx: Reader, committee_id: int, id_: int) -> Posted | None:
    """One of the committee's posts by its id, whatever became of it."""
    row = await tx.one(f"SELECT {_POST} WHERE p.committee_id = ? AND p.id = ?", committee_id, id_)
    return _posted(row) if row else None


async def numbered(tx: Reader, committee_id: int, number: int) -> Posted | None:
    """One of the committee's posts by its number, whatever became of it."""
    row = await tx.one(f"SELECT {_POST} WHERE p.committee_id = ? AND p.number = ?", committee_id, number)
    return _posted(row) if row else None


async def open_posts(tx: Reader, committee_id: int, *, now: datetime) -> list[Posted]:
    """What stands on the board, newest first, at most `OPEN_MAX`."""
    rows = await tx.all(
        f"""SELECT {_POST} WHERE p.committee_id = ? AND p.state = 'open' AND p.expires_us > ? AND m.active = 1
            ORDER BY p.id DESC LIMIT ?""",
        committee_id,
        to_us(now),
        OPEN_MAX,
    )
    return [_posted(row) for row in rows]


async def end(tx: Transaction, post: Posted, state: State) -> None:
    """It is over; its reminders go, and where it was withdrawn its words too."""
    await tx.execute("UPDATE posts SET state = ? WHERE id = ?", state, post.id)
    await due.cancel(tx, post.thing)
    await due.cancel(tx, f"{post.thing}:soon")
    await nudges.withdraw(tx, post.thing)
    if state == "withdrawn":
        await notes.erase(tx, post.thing)
    await cards.changed(tx, post.thing)


async def extend(tx: Transaction, post: Posted, expires: datetime) -> None:
    """It stands (again) until then."""
    await tx.execute("UPDATE posts SET state = 'open', expires_us = ? WHERE id = ?", to_us(expires), post.id)
    await nudges.withdraw(tx, post.thing)
    await cards.changed(tx, post.thing)


async def end_all(tx: Transaction, member_id: int) -> None:
    """Somebody goes: nothing of theirs stands on the board, and nobody counts on them."""
    rows = await tx.all(f"SELECT {_POST} WHERE p.member_id = ? AND p.state = 'open' LIMIT ?", member_id, OPEN_MAX)
    for row in rows:
        await end(tx, _posted(row), "withdrawn")
    answered = await tx.all(
        """UPDATE responses SET state = 'withdrawn' WHERE member_id = ? AND state = 'open' RETURNING post_id""",
        member_id,
    )
    for (post_id,) in answered:
        await cards.changed(tx, thing_of(post_id))


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: what stands on the board is that one's. Nobody answers themselves."""
    await tx.execute("UPDATE posts SET member_id = ? WHERE member_id = ?", into, old)
    await tx.execute(
        """INSERT INTO responses (post_id, member_id, state, at_us)
           SELECT post_id, ?1, state, at_us FROM responses WHERE member_id = ?2 ON CONFLICT DO NOTHING""",
        into,
        old,
    )
    await tx.execute("DELETE FROM responses WHERE member_id = ?", old)
    await tx.execute(
        "DELETE FROM responses WHERE member_id = ?1 AND post_id IN (SELECT id FROM posts WHERE member_id = ?1)", into
    )


# --- answers ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """Somebody can help with a need, or would like what is offered."""

    post_id: int
    member_id: int
    state: Literal["open", "done", "withdrawn"]


async def respond(tx: Transaction, post: Posted, member: Member, *, now: datetime) -> None:
    """A member answers."""
    await tx.execute(
        """INSERT INTO responses (post_id, member_id, state, at_us) VALUES (?, ?, 'open', ?)
           ON CONFLICT (post_id, member_id) DO UPDATE SET state = 'open', at_us = excluded.at_us""",
        post.id,
        member.id,
        to_us(now),
    )
    await cards.changed(tx, post.thing)


async def end_response(tx: Transaction, post: Posted, member_id: int, state: Literal["done", "withdrawn"]) -> None:
    """What came of an answer."""
    await tx.execute(
        "UPDATE responses SET state = ? WHERE post_id = ? AND member_id = ? AND state = 'open'",
        state,
        post.id,
        member_id,
    )
    await cards.changed(tx, post.thing)


async def reopen(tx: Transaction, committee: Committee, post_id: int, account_ids: Collection[int]) -> None:
    """The hours that were claimed for it did not come about: whoever answered has not done it yet.

    `account_ids`: whose hours they were. A need that had ended with them stands again, and the clock ends it in time.
    """
    marks = ", ".join("?" * len(account_ids))
    before = await post(tx, committee.id, post_id)
    undone = await tx.all(
        f"""UPDATE responses SET state = 'open' WHERE post_id = ? AND state = 'done'
              AND member_id IN (SELECT member_id FROM accounts WHERE id IN ({marks})) RETURNING 1""",
        post_id,
        *account_ids,
    )
    if before is None or not undone:
        return
    # One that its owner has ended earlier stays ended.
    if before.side == "need" and before.state == "done" and before.done >= before.helpers:
        await tx.execute("UPDATE posts SET state = 'open' WHERE id = ?", post_id)
        await due.plan(
            tx,
            before.thing,
            Saying(command="post_over", arguments={"number": before.number}),
            local=before.expires.astimezone(committee.zone).replace(tzinfo=None),
            zone=committee.zone,
            committee=committee.id,
            late="do",
        )
    await cards.changed(tx, before.thing)


async def responses(tx: Reader, post_id: int) -> list[Response]:
    """Who has answered, in that order."""
    rows = await tx.all(
        "SELECT member_id, state FROM responses WHERE post_id = ? ORDER BY at_us, member_id LIMIT 100", post_id
    )
    return [Response(post_id=post_id, member_id=member_id, state=state) for member_id, state in rows]


async def agreed_with(tx: Reader, member: Member, *, now: datetime) -> list[tuple[Posted, int]]:
    """What a member has agreed on with others and is not done: each post, and the id of the other; oldest first.

    What ended long ago without a word is not asked about any more.
    """
    rows = await tx.all(
        f"""SELECT a.member_id, {_POST.replace("FROM posts p", "FROM responses a JOIN posts p ON p.id = a.post_id")}
            WHERE a.state = 'open' AND p.committee_id = ?1 AND p.state IN ('open', 'expired') AND m.active = 1
              AND p.expires_us > ?3 AND (a.member_id = ?2 OR p.member_id = ?2)
            ORDER BY a.at_us, p.id, a.member_id LIMIT ?4""",
        member.committee_id,
        member.id,
        to_us(now - ASKED_AFTER),
        AGREED_MAX,
    )
    found = []
    for answering, *row in rows:
        post = _posted(tuple(row))
        found.append((post, post.member_id if answering == member.id else answering))
    return found


# --- what fits, and what became of it ------------------------------------------------------------------------------


async def fitting(tx: Reader, committee: Committee, member: Member, *, now: datetime) -> list[Posted]:
    """What fits what a member offers or needs: needs first that they could help with, and offers; the best first."""
    there = await open_posts(tx, committee.id, now=now)
    mine = [post.rules for post in there if post.member_id == member.id]
    free = {post.id: post for post in there if post.member_id != member.id and not post.taken}
    return [free[post.id] for post in board.fitting(mine, [post.rules for post in free.values()])]


async def fitting_needs(
    tx: Reader, committee: Committee, member: Member, *, now: datetime, limit: int = 3
) -> list[Posted]:
    """Open needs of others that fit what a member offers, the best first; for whoever looks for something to do."""
    found = await fitting(tx, committee, member, now=now)
    return [post for post in found if post.side == "need"][:limit]


async def unmet(tx: Reader, committee: Committee, since: datetime) -> list[tuple[str, int]]:
    """Each need that has ended since then without anybody's help: its category, and the id of whose it was."""
    rows = await tx.all(
        """SELECT category, member_id FROM posts p WHERE committee_id = ? AND side = 'need' AND state = 'expired'
             AND expires_us >= ? AND NOT EXISTS (SELECT 1 FROM responses r WHERE r.post_id = p.id AND r.state = 'done')
           ORDER BY id LIMIT 100000""",
        committee.id,
        to_us(since),
    )
    return [(category, member_id) for category, member_id in rows]


async def category_of_transfer(tx: Reader, transfer_id: int) -> str | None:
    """The category of the offer or need that a transfer came from; None: it came from none."""
    category = await tx.value(
        "SELECT p.category FROM origins o JOIN posts p ON p.id = o.post_id WHERE o.transfer_id = ?", transfer_id
    )
    return None if category is None else str(category)


# --- digests ---------------------------------------------------------------------------------------------------


async def show_next(tx: Transaction, committee: Committee, *, count: int, now: datetime) -> list[Posted]:
    """What the committee's digest shows now; from then on it counts as shown."""
    rows = await tx.all(
        """SELECT p.id, p.member_id, p.shown_last, p.shown_running, p.shown_times
           FROM posts p JOIN members m ON m.id = p.member_id
           WHERE p.committee_id = ? AND p.state = 'open' AND p.expires_us > ? AND m.active = 1 ORDER BY p.id LIMIT ?""",
        committee.id,
        to_us(now),
        OPEN_MAX,
    )
    found = {post.id: post for post in await open_posts(tx, committee.id, now=now) if not post.taken}
    exposures = [
        Exposure(id=id_, member=member_id, last=last, running=running, times=times)
        for id_, member_id, last, running, times in rows
        if id_ in found
    ]
    chosen = board.next_shown(exposures, count=count)
    number = int(await rules.get(tx, committee.id, "board_digests", 0)) + 1
    await rules.put(tx, committee.id, "board_digests", number)
    await tx.execute(
        "UPDATE posts SET shown_running = 0 WHERE committee_id = ? AND shown_last < ?", committee.id, number
    )
    for exposure in exposures:
        if exposure.id in chosen:
            await tx.execute(
                """UPDATE posts SET shown_last = ?, shown_running = ?, shown_times = shown_times + 1 WHERE id = ?""",
                number,
                exposure.running + 1,
                exposure.id,
            )
    return [found[id_] for id_ in chosen]


# --- categories --------------------------------------------------------------------------------------------------


async def categories(tx: Reader, committee_id: int) -> list[str]:
    """The committee's categories, in their order; `OTHER` comes last, always."""
    chosen = await rules.get(tx, committee_id, "categories", list(CATEGORIES))
    return [*chosen, OTHER]


async def set_categories(tx: Transaction, committee_id: int, chosen: Collection[str]) -> None:
    """From now on the committee has these, and `OTHER`."""
    kept = [category for category in chosen if category != OTHER]
    await rules.put(tx, committee_id, "categories", None if kept == list(CATEGORIES) else kept)


async def add_category(tx: Transaction, committee_id: int, name: str) -> tuple[str, str]:
    """A category of the committee's own. Returns it, and the salted hash of its name for the chain."""
    row = await tx.one("INSERT INTO categories (committee_id) VALUES (?) RETURNING id", committee_id)
    assert row is not None
    hashed = await notes.keep(tx, f"category:{row[0]}", name)
    return f"{OWN}{row[0]}", hashed
