"""Surveys: their questions and options, and answers in words. Answers by choosing stand in the poll's ballots."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain import chain
from bot.domain.surveys import Asked, Kind
from bot.text import Written
from storage import cards, notes, polls
from storage.database import Reader, Transaction
from storage.polls import Poll

ANSWERS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question of a survey. `options`: by place; words None: erased."""

    id: int
    place: int
    kind: Kind
    words: Written | None
    options: dict[int, Written | None]


async def add(tx: Transaction, poll: Poll, asked: Sequence[Asked], *, by: int, now: datetime) -> list[str]:
    """The questions of a survey; the salted hashes that stand for their words in the chain."""
    hashes = []
    for place, one in enumerate(asked, start=1):
        id_ = await tx.value(
            "INSERT INTO survey_questions (poll_id, place, kind) VALUES (?, ?, ?) RETURNING id",
            poll.id,
            place,
            one.kind,
        )
        hashes.append(await notes.keep(tx, f"survey_question:{id_}", one.words))
        await notes.wrote(tx, f"survey_question:{id_}", by, now=now)
        for number, words in enumerate(one.options, start=1):
            option_id = await tx.value(
                "INSERT INTO survey_options (question_id, place) VALUES (?, ?) RETURNING id", id_, number
            )
            hashes.append(await notes.keep(tx, f"survey_option:{option_id}", words))
    return hashes


async def questions(tx: Reader, poll: Poll) -> list[Question]:
    """The questions, in their order."""
    rows = await tx.all(
        "SELECT id, place, kind FROM survey_questions WHERE poll_id = ? ORDER BY place LIMIT 100", poll.id
    )
    found = []
    for id_, place, kind in rows:
        options = await tx.all(
            "SELECT id, place FROM survey_options WHERE question_id = ? ORDER BY place LIMIT 100", id_
        )
        found.append(
            Question(
                id=id_,
                place=place,
                kind=kind,
                words=await notes.written(tx, f"survey_question:{id_}"),
                options={number: await notes.written(tx, f"survey_option:{one}") for one, number in options},
            )
        )
    return found


# --- answers in words --------------------------------------------------------------------------------------------


async def _voter(tx: Reader, poll: Poll, member_id: int) -> str | None:
    """What stands for whoever answers, as in the table of ballots; None: nothing does any more."""
    if poll.secrecy != "hidden":
        return str(member_id)
    key = await tx.value("SELECT key FROM poll_keys WHERE poll_id = ?", poll.id)
    if key is None:
        return None
    # Another one than the ballot's: who writes what is led to by the key alone, not by the ballot.
    return hmac.new(str(key).encode(), f"words:{poll.id}:{member_id}".encode(), hashlib.sha256).hexdigest()


async def answer(tx: Transaction, poll: Poll, question: Question, member_id: int, words: str) -> None:
    """Somebody answers in words, in place of what they had said."""
    voter = await _voter(tx, poll, member_id)
    await _take_back(tx, question, voter)
    id_ = await tx.value(
        "INSERT INTO survey_answers (question_id, voter) VALUES (?, ?) RETURNING id", question.id, voter
    )
    await notes.keep(tx, f"survey_answer:{id_}", words)


async def _take_back(tx: Transaction, question: Question, voter: str | None) -> None:
    gone = await tx.all(
        "DELETE FROM survey_answers WHERE question_id = ? AND voter = ? RETURNING id", question.id, voter
    )
    for (id_,) in gone:
        await _drop(tx, id_)


async def _drop(tx: Transaction, id_: int) -> None:
    await notes.erase(tx, f"survey_answer:{id_}")
    await tx.execute("DELETE FROM notes WHERE thing = ?", f"survey_answer:{id_}")


async def answer_of(tx: Reader, poll: Poll, question: Question, member_id: int) -> str | None:
    """What somebody has answered in words."""
    voter = await _voter(tx, poll, member_id)
    id_ = await tx.value("SELECT id FROM survey_answers WHERE question_id = ? AND voter = ?", question.id, voter)
    return None if id_ is None else await notes.of(tx, f"survey_answer:{id_}")


async def answers(tx: Reader, question: Question) -> list[str]:
    """All answers in words, in an order that tells nothing: by a hash of what they say. Erased ones are left out."""
    rows = await tx.all("SELECT id FROM survey_answers WHERE question_id = ? LIMIT ?", question.id, ANSWERS_MAX)
    found = [words for (id_,) in rows if (words := await notes.of(tx, f"survey_answer:{id_}")) is not None]
    return sorted(found, key=lambda words: (hashlib.sha256(words.encode()).hexdigest(), words))


async def seal(tx: Transaction, poll: Poll, *, keep: bool) -> None:
    """A hidden survey is closed: its answers in words are written anew in shuffled order, and lead to nobody.

    Without `keep` they are erased: there were so few that they would tell who wrote what.
    """
    if poll.secrecy != "hidden":
        return
    for question in await questions(tx, poll):
        words = await answers(tx, question) if keep else []
        gone = await tx.all("DELETE FROM survey_answers WHERE question_id = ? RETURNING id", question.id)
        for (id_,) in gone:
            await _drop(tx, id_)
        for text in words:
            id_ = await tx.value(
                "INSERT INTO survey_answers (question_id, voter) VALUES (?, NULL) RETURNING id", question.id
            )
            await notes.keep(tx, f"survey_answer:{id_}", text)
    tx.wipe = True


async def hashes(tx: Reader, poll: Poll) -> list[str]:
    """The salted hashes that stand for the answers in words in the chain, in an order that tells nothing."""
    rows = await tx.all(
        """SELECT n.text, n.salt FROM survey_questions q JOIN survey_answers a ON a.question_id = q.id
           JOIN notes n ON n.thing = 'survey_answer:' || a.id WHERE q.poll_id = ? AND n.text IS NOT NULL LIMIT ?""",
        poll.id,
        ANSWERS_MAX,
    )
    return sorted(chain.veil(text, salt=salt) for text, salt in rows)


async def take_back(tx: Transaction, poll: Poll, member_id: int) -> None:
    """Somebody takes back what they have answered in words."""
    voter = await _voter(tx, poll, member_id)
    for question in await questions(tx, poll):
        await _take_back(tx, question, voter)


# --- people come and go ------------------------------------------------------------------------------------------


async def forget(tx: Transaction, committee_id: int, member_id: int) -> None:
    """What somebody who is forgotten has written in hidden surveys that are still open is erased.

    What stands in others is found by their id; what is sealed leads to nobody.
    """
    for poll in await polls.in_state(tx, committee_id, "open", "closed"):
        if poll.method != "survey":
            continue
        # What it asks, or what was answered, may have named them.
        await cards.changed(tx, poll.thing)
        if poll.state == "open" and poll.secrecy == "hidden":
            await take_back(tx, poll, member_id)
            tx.wipe = True


async def join(tx: Transaction, old: int, into: int) -> None:
    """Two memberships become one: where both have answered, the answer of the one that goes on stays."""
    await tx.execute("UPDATE OR IGNORE survey_answers SET voter = ? WHERE voter = ?", str(into), str(old))
    rows = await tx.all("DELETE FROM survey_answers WHERE voter = ? RETURNING id", str(old))
    for (id_,) in rows:
        await _drop(tx, id_)
