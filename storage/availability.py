"""What members have said of their part in the rota: hours, times, days away, skills and wishes; who can take what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

from bot.domain import availability as rule
from bot.domain import retention, rotation
from bot.domain.availability import Away, Task, Wish
from bot.domain.rotation import Slot
from bot.text import Minutes, T, Text, Written
from storage import entries, notes, rules
from storage import tasks as kinds_of_tasks
from storage.database import Reader, Transaction
from storage.instants import from_us, to_us
from storage.people import Committee

SHARE = Minutes(4 * 60)
"""What a committee asks of everybody in a month, where it has decided nothing else."""
RULE = "share"
_ROWS_MAX = 20_000
_AT_ONCE_MAX = 500

How = Literal["decided", "granted", "learnt"]


async def usual_share(tx: Reader, committee_id: int) -> Minutes:
    """So many minutes a month are usual here, also for whoever joins."""
    return Minutes(await rules.get(tx, committee_id, RULE, int(SHARE)))


# --- one's own hours and times ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What one member has said. `share`: minutes a month; None: as is usual here."""

    share: Minutes | None
    slots: frozenset[Slot]


async def own(tx: Reader, member_id: int) -> Own:
    """What a member has said of hours and times."""
    row = await tx.one("SELECT share, available FROM rota_members WHERE member_id = ?", member_id)
    share, available = row if row is not None else (None, None)
    return Own(share=None if share is None else Minutes(share), slots=_slots(available))


def _slots(line: str | None) -> frozenset[Slot]:
    read = None if line is None else rule.read_slots(line)
    return rule.USUAL if read is None else read


async def set_share(tx: Transaction, member_id: int, share: Minutes | None) -> None:
    """From now on so many minutes a month; None: as is usual here."""
    await tx.execute(
        """INSERT INTO rota_members (member_id, share) VALUES (?, ?)
           ON CONFLICT (member_id) DO UPDATE SET share = excluded.share""",
        member_id,
        share,
    )


async def set_slots(tx: Transaction, member_id: int, slots: frozenset[Slot]) -> None:
    """From now on they can at these times."""
    await tx.execute(
        """INSERT INTO rota_members (member_id, available) VALUES (?, ?)
           ON CONFLICT (member_id) DO UPDATE SET available = excluded.available""",
        member_id,
        rule.line_of(slots),
    )


# --- away ------------------------------------------------------------------------------------------------------------


async def away(tx: Reader, member_id: int, *, since: date) -> tuple[Away, ...]:
    """When a member is away, as far as it is not over before that day, in order."""
    rows = await tx.all(
        "SELECT first, last FROM absences WHERE member_id = ? AND last >= ? ORDER BY first LIMIT ?",
        member_id,
        since.isoformat(),
        _ROWS_MAX,
    )
    return tuple((date.fromisoformat(first), date.fromisoformat(last)) for first, last in rows)


async def set_away(tx: Transaction, member_id: int, spans: Sequence[Away]) -> None:
    """These are all the days on which they are away, also those that are over."""
    await tx.execute("DELETE FROM absences WHERE member_id = ?", member_id)
    for first, last in rule.merged(spans):
        await tx.execute(
            "INSERT INTO absences (member_id, first, last) VALUES (?, ?, ?)",
            member_id,
            first.isoformat(),
            last.isoformat(),
        )


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget who was away long ago, and questions about skills that nobody answered."""
    await tx.execute("DELETE FROM absences WHERE last < ?", (now - retention.ABSENCES).date().isoformat())
    old = await tx.all(
        "DELETE FROM skill_asked WHERE at_us < ? RETURNING skill_id, member_id", to_us(now - retention.BUTTONS)
    )
    for skill_id, member_id in old:
        await tx.execute("DELETE FROM skill_answers WHERE skill_id = ? AND member_id = ?", skill_id, member_id)


# --- wishes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Wished:
    """A wish of somebody's. `task`: by what key it is kept, see `bot.domain.availability`."""

    id: int
    task: str
    wish: Wish


async def wishes(tx: Reader, member_id: int) -> list[Wished]:
    """What a member wishes of tasks, in the order in which they said it."""
    rows = await tx.all(
        "SELECT id, task, wish FROM task_wishes WHERE member_id = ? ORDER BY id LIMIT ?", member_id, rule.WISHES_MAX
    )
    return [Wished(id=id_, task=task, wish=wish) for id_, task, wish in rows]


async def wish(tx: Transaction, member_id: int, task: str, wish_: Wish | None) -> None:
    """From now on they wish this of a task; None: nothing."""
    if wish_ is None:
        await tx.execute("DELETE FROM task_wishes WHERE member_id = ? AND task = ?", member_id, task)
        return
    await tx.execute(
        """INSERT INTO task_wishes (member_id, task, wish) VALUES (?, ?, ?)
           ON CONFLICT (member_id, task) DO UPDATE SET wish = excluded.wish""",
        member_id,
        task,
        wish_,
    )


async def apart(tx: Reader, member_id: int) -> list[int]:
    """Ids of those with whom a member does not want to be put together. Tell it to nobody but them."""
    rows = await tx.all(
        """SELECT n.other_id FROM not_with n JOIN members m ON m.id = n.other_id
           WHERE n.member_id = ? AND m.active = 1 ORDER BY n.other_id LIMIT ?""",
        member_id,
        rule.APART_MAX,
    )
    return [id_ for (id_,) in rows]


async def set_apart(tx: Transaction, member_id: int, other_id: int, *, on: bool) -> None:
    """From now on they are not put together, or are again as far as this member is concerned."""
    if on:
        await tx.execute(
            "INSERT INTO not_with (member_id, other_id) VALUES (?, ?) ON CONFLICT DO NOTHING", member_id, other_id
        )
    else:
        await tx.execute("DELETE FROM not_with WHERE member_id = ? AND other_id = ?", member_id, other_id)


# --- skills ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """What somebody must be able to do for some tasks."""

    id: int
    committee_id: int
    name: Written | None
    """As the committee calls it; None: that is erased."""

    @property
    def called(self) -> Text:
        """Its name, to be put into sentences."""
        return T("(erased)") if self.name is None else T("{title}", title=self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called, in each language that somebody has given."""
        return () if self.name is None else (self.name.text, *self.name.others.values())


async def skills(tx: Reader, committee_id: int) -> list[Skill]:
    """The skills that a committee tells apart, in the order in which they were named."""
    rows = await tx.all(
        "SELECT id FROM skills WHERE committee_id = ? ORDER BY id LIMIT ?", committee_id, rule.SKILLS_MAX
    )
    return [Skill(id=id_, committee_id=committee_id, name=await notes.written(tx, f"skill:{id_}")) for (id_,) in rows]


async def skill(tx: Reader, committee_id: int, id_: int) -> Skill | None:
    """One of a committee's skills."""
    return next((one for one in await skills(tx, committee_id) if one.id == id_), None)


async def skill_called(tx: Reader, committee_id: int, name: str) -> Skill | None:
    """The skill of this name, in whatever language and spelling; None: there is none."""
    there = await skills(tx, committee_id)
    return next((one for one in there if rule.skill_key(name) in map(rule.skill_key, one.names)), None)


async def add_skill(tx: Transaction, committee_id: int, name: str) -> tuple[Skill, str]:
    """A new skill, and the salted hash of its name, which belongs into an entry."""
    id_ = int(await tx.value("INSERT INTO skills (committee_id) VALUES (?) RETURNING id", committee_id))
    hash_ = await notes.keep(tx, f"skill:{id_}", name)
    found = await skill(tx, committee_id, id_)
    assert found is not None, "a committee has no more than its most"
    return found, hash_


async def holders(tx: Reader, skill_id: int) -> list[int]:
    """Ids of the members who have a skill, first who has had it longest."""
    rows = await tx.all(
        """SELECT h.member_id FROM skill_holders h JOIN members m ON m.id = h.member_id
           WHERE h.skill_id = ? AND m.active = 1 ORDER BY h.since_us, h.member_id LIMIT ?""",
        skill_id,
        _ROWS_MAX,
    )
    return [id_ for (id_,) in rows]


async def held(tx: Reader, committee_id: int, member_id: int) -> list[Skill]:
    """The skills that a member has."""
    rows = await tx.all("SELECT skill_id FROM skill_holders WHERE member_id = ? LIMIT ?", member_id, _ROWS_MAX)
    return [one for one in await skills(tx, committee_id) if (one.id,) in rows]


async def learning(tx: Reader, committee_id: int, member_id: int) -> list[Skill]:
    """The skills that a member wants to learn."""
    rows = await tx.all("SELECT skill_id FROM skill_learners WHERE member_id = ? LIMIT ?", member_id, _ROWS_MAX)
    return [one for one in await skills(tx, committee_id) if (one.id,) in rows]


async def hold(tx: Transaction, skill_id: int, member_id: int, how: How, *, now: datetime) -> bool:
    """From now on a member has a skill, and need not learn it. False: they had it already."""
    had = await tx.one("SELECT 1 FROM skill_holders WHERE skill_id = ? AND member_id = ?", skill_id, member_id)
    if had is None:
        await tx.execute(
            "INSERT INTO skill_holders (skill_id, member_id, how, since_us) VALUES (?, ?, ?, ?)",
            skill_id,
            member_id,
            how,
            to_us(now),
        )
    for table in ("skill_learners", "skill_asked", "skill_answers"):
        await tx.execute(f"DELETE FROM {table} WHERE skill_id = ? AND member_id = ?", skill_id, member_id)
    return had is None


async def learnt(tx: Transaction, committee: Committee, member_id: int, name: str, *, now: datetime) -> bool:
    """A member has learnt a skill in a trainee seat: it counts as theirs, and stands in the log.

    `name`: what the skill is called, in whatever spelling. False: they had it already, or there are too many skills.
    When that is so, such as after which seat and whose sign-off, is the caller's.
    """
    body: dict[str, Any] = {"member": member_id, "how": "learnt"}
    found = await skill_called(tx, committee.id, name)
    if found is None:
        said = rule.skill_name(name)
        if said is None or len(await skills(tx, committee.id)) >= rule.SKILLS_MAX:
            return False
        found, body["name"] = await add_skill(tx, committee.id, said)
    if not await hold(tx, found.id, member_id, "learnt", now=now):
        return False
    await entries.append(tx, committee, "skill", {"skill": found.id, **body}, now=now)
    return True


async def let_go(tx: Transaction, skill_id: int, member_id: int) -> bool:
    """From now on a member does not have a skill. False: they had not."""
    gone = await tx.all(
        "DELETE FROM skill_holders WHERE skill_id = ? AND member_id = ? RETURNING 1", skill_id, member_id
    )
    return bool(gone)


async def learn(tx: Transaction, skill_id: int, member_id: int, *, on: bool) -> None:
    """From now on a member wants to learn a skill, or not."""
    if on:
        await tx.execute(
            "INSERT INTO skill_learners (skill_id, member_id) VALUES (?, ?) ON CONFLICT DO NOTHING", skill_id, member_id
        )
    else:
        await tx.execute("DELETE FROM skill_learners WHERE skill_id = ? AND member_id = ?", skill_id, member_id)


async def ask(tx: Transaction, skill_id: int, member_id: int, *, now: datetime) -> None:
    """Those who have a skill are asked whether a member has it too."""
    await tx.execute(
        "INSERT INTO skill_asked (skill_id, member_id, at_us) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        skill_id,
        member_id,
        to_us(now),
    )


async def answer(tx: Transaction, skill_id: int, member_id: int, by_id: int, *, can: bool) -> int:
    """One who has a skill says whether a member has it too. How many of those who have it say so now."""
    await tx.execute(
        """INSERT INTO skill_answers (skill_id, member_id, by_id, can) VALUES (?, ?, ?, ?)
           ON CONFLICT (skill_id, member_id, by_id) DO UPDATE SET can = excluded.can""",
        skill_id,
        member_id,
        by_id,
        int(can),
    )
    return int(
        await tx.value(
            """SELECT count(*) FROM skill_answers a JOIN members m ON m.id = a.by_id AND m.active = 1
               JOIN skill_holders h ON h.skill_id = a.skill_id AND h.member_id = a.by_id
               WHERE a.skill_id = ? AND a.member_id = ? AND a.can = 1""",
            skill_id,
            member_id,
        )
    )


async def asked_of(tx: Reader, committee_id: int, member_id: int) -> list[tuple[Skill, int]]:
    """Skills of a member's, and ids of those about whom they were asked and have not answered; oldest first."""
    rows = await tx.all(
        """SELECT q.skill_id, q.member_id FROM skill_asked q
           JOIN skill_holders h ON h.skill_id = q.skill_id AND h.member_id = ?1
           JOIN members m ON m.id = q.member_id AND m.active = 1
           WHERE q.member_id <> ?1 AND NOT EXISTS (SELECT 1 FROM skill_answers a
               WHERE a.skill_id = q.skill_id AND a.member_id = q.member_id AND a.by_id = ?1)
           ORDER BY q.at_us LIMIT 20""",
        member_id,
    )
    by_id = {one.id: one for one in await skills(tx, committee_id)}
    return [(by_id[skill_id], who) for skill_id, who in rows if skill_id in by_id]


# --- for whoever plans -----------------------------------------------------------------------------------------------


async def members_of(
    tx: Reader, committee: Committee, window: Away, *, now: datetime, tasks: Sequence[Task] = ()
) -> list[rotation.Member]:
    """Every member as a rota that looks at these days, behind and ahead, sees them; in the order of their ids.

    Ids of members are their numbers as text; skills are named by `skill_key`, in each language that they are called
    in; `likes`, `dislikes` and `vetoes` hold ids of these `tasks`.
    Who has left and children are not in it; who is suspended counts as away until that ends. `burden`, `empowerment`,
    `served` and what a week may hold are the caller's to fill in. `not_with` must reach nobody's eyes.
    """
    people_ = await tx.all(
        """SELECT m.id, m.joined_us, m.suspended_until_us, r.share, r.available FROM members m
           LEFT JOIN rota_members r ON r.member_id = m.id
           WHERE m.committee_id = ? AND m.active = 1 AND m.child = 0 ORDER BY m.id LIMIT ?""",
        committee.id,
        rotation.MEMBERS_MAX,
    )
    usual = await usual_share(tx, committee.id)
    spans: dict[int, list[Away]] = defaultdict(list)
    first, last = window
    for member_id, begins, ends in await tx.all(
        f"""SELECT a.member_id, a.first, a.last FROM absences a {_OF_COMMITTEE.format("a.member_id")}
            AND a.last >= ? AND a.first <= ? LIMIT ?""",
        committee.id,
        first.isoformat(),
        last.isoformat(),
        _ROWS_MAX,
    ):
        spans[member_id].append((date.fromisoformat(begins), date.fromisoformat(ends)))
    wished: dict[int, dict[str, Wish]] = defaultdict(dict)
    for member_id, task, wish_ in await tx.all(
        f"SELECT w.member_id, w.task, w.wish FROM task_wishes w {_OF_COMMITTEE.format('w.member_id')} LIMIT ?",
        committee.id,
        _ROWS_MAX,
    ):
        wished[member_id][task] = wish_
    keys = {one.id: frozenset(map(rule.skill_key, one.names)) for one in await skills(tx, committee.id)}
    skilled = await _pairs(tx, "skill_holders", "skill_id", committee.id)
    learners = await _pairs(tx, "skill_learners", "skill_id", committee.id)
    known = await _kinds_known(tx, committee.id, tasks)
    others = await _pairs(tx, "not_with", "other_id", committee.id)
    found = []
    for id_, joined_us, suspended_us, share, available in people_:
        if suspended_us is not None and suspended_us > to_us(now):
            today, until = (at.astimezone(committee.zone).date() for at in (now, from_us(suspended_us)))
            spans[id_].append((today, until))
        wishes_ = {task.id: rule.wish_for(task, wished[id_]) for task in known}
        found.append(
            rotation.Member(
                id=str(id_),
                share_minutes=usual if share is None else share,
                available=_slots(available),
                away=rule.merged(spans[id_]),
                joined=None if joined_us is None else from_us(joined_us).astimezone(committee.zone).date(),
                skills=_named(keys, skilled[id_]),
                learning=_named(keys, learners[id_] - skilled[id_]),
                likes=_wished(wishes_, "like"),
                dislikes=_wished(wishes_, "dislike"),
                vetoes=_wished(wishes_, "veto"),
                not_with=frozenset(map(str, others[id_])),
            )
        )
    return found


_OF_COMMITTEE = "JOIN members m ON m.id = {0} WHERE m.committee_id = ? AND m.active = 1"


def _named(keys: Mapping[int, frozenset[str]], ids: frozenset[int]) -> frozenset[str]:
    return frozenset(name for id_ in ids for name in keys.get(id_, ()))


async def _kinds_known(tx: Reader, committee_id: int, tasks: Sequence[Task]) -> list[Task]:
    """The tasks; where their kind is not said, the one that their name plainly means."""
    there = await kinds_of_tasks.kinds(tx, committee_id) if tasks else []

    def kind(task: Task) -> int | None:
        found = (kinds_of_tasks.kind_of(there, task.kind, None, name) for name in task.names)
        return task.kind or next((one.id for one in found if one is not None), None)

    return [replace(task, kind=kind(task)) for task in tasks]


def _wished(wishes_: Mapping[str, Wish | None], wish_: Wish) -> frozenset[str]:
    return frozenset(task for task, one in wishes_.items() if one == wish_)


async def _pairs(tx: Reader, table: str, column: str, committee_id: int) -> defaultdict[int, frozenset[int]]:
    also = " AND EXISTS (SELECT 1 FROM members o WHERE o.id = t.other_id AND o.active = 1)"
    rows = await tx.all(
        f"SELECT t.member_id, t.{column} FROM {table} t {_OF_COMMITTEE.format('t.member_id')}"
        f"{also if table == 'not_with' else ''} LIMIT ?",
        committee_id,
        _ROWS_MAX,
    )
    found: defaultdict[int, frozenset[int]] = defaultdict(frozenset)
    for member_id, value in rows:
        found[member_id] |= {value}
    return found


# --- two memberships become one; somebody is forgotten ---------------------------------------------------------------


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: what the second has said counts, and what only the first has said too."""
    await tx.execute(
        """INSERT INTO rota_members (member_id, share, available)
           SELECT ?2, share, available FROM rota_members WHERE member_id = ?1
           ON CONFLICT (member_id) DO UPDATE SET share = coalesce(rota_members.share, excluded.share),
               available = coalesce(rota_members.available, excluded.available)""",
        old,
        into,
    )
    long_ago = date.min
    spans = (*await away(tx, old, since=long_ago), *await away(tx, into, since=long_ago))
    await set_away(tx, into, spans)
    await tx.execute(
        """INSERT INTO task_wishes (member_id, task, wish) SELECT ?2, task, wish FROM task_wishes WHERE member_id = ?1
           ORDER BY id ON CONFLICT DO NOTHING""",
        old,
        into,
    )
    for table, column, also in (
        ("not_with", "member_id", "other_id"),
        ("not_with", "other_id", "member_id"),
        ("skill_holders", "member_id", "skill_id, how, since_us"),
        ("skill_learners", "member_id", "skill_id"),
        ("skill_asked", "member_id", "skill_id, at_us"),
        ("skill_answers", "member_id", "skill_id, by_id, can"),
        ("skill_answers", "by_id", "skill_id, member_id, can"),
    ):
        # Whoever was kept apart from themselves, or spoke of themselves, is one now.
        itself = {"not_with": f"AND {also} <> ?2", "skill_answers": "AND member_id <> ?2 AND by_id <> ?2"}
        await tx.execute(
            f"""INSERT INTO {table} ({column}, {also}) SELECT ?2, {also} FROM {table}
                WHERE {column} = ?1 {itself.get(table, "")} ON CONFLICT DO NOTHING""",
            old,
            into,
        )
    await _drop(tx, old)


async def forget(tx: Transaction, member_id: int) -> None:
    """Nothing of this is kept any more, also not what others have said of them."""
    await _drop(tx, member_id)
    tx.wipe = True


async def _drop(tx: Transaction, member_id: int) -> None:
    for table, column in (
        ("rota_members", "member_id"),
        ("absences", "member_id"),
        ("task_wishes", "member_id"),
        ("not_with", "member_id"),
        ("not_with", "other_id"),
        ("skill_holders", "member_id"),
        ("skill_learners", "member_id"),
        ("skill_asked", "member_id"),
        ("skill_answers", "member_id"),
        ("skill_answers", "by_id"),
    ):
        await tx.execute(f"DELETE FROM {table} WHERE {column} = ?", member_id)
