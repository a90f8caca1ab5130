"""How a poll that several linked committees vote on is told, wherever that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.domain import jointly
from bot.domain.jointly import Difference, Fault, Tally
from bot.polls import option_words
from bot.router import Context, View
from bot.text import LANGUAGES, Listed, N, Refusal, T, Text, Words
from storage import linked_polls, peers
from storage.linked_polls import Linked
from storage.peers import Federation, Peer
from storage.polls import Poll

FAULTS: Mapping[Fault, Text] = {
    "unsound": T("it cannot be read."),
    "stranger": T("they were not asked."),
    "options": T("it is about other options."),
    "negative": T("it has figures below zero."),
    "roll": T("it has more votes than people."),
    "sum": T("it has more answers than votes."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a poll of several committees stands, as one of them sees it. `me`: this committee, by author."""

    there: Linked
    federation: Federation
    me: str
    peers: Mapping[str, Peer]
    tally: Tally
    answers: Mapping[str, str]

    def name(self, author: str) -> Text:
        """What a committee is called."""
        found = self.peers.get(author)
        return T("{name}", name=found.name) if found is not None else unnamed(author)

    def names(self, authors: Sequence[str]) -> Listed:
        """Several in a row."""
        known = {author: one.name for author, one in self.peers.items()}
        return Listed(tuple(self.name(one) for one in sorted(authors, key=lambda one: (known.get(one, ""), one))))

    @property
    def out(self) -> frozenset[str]:
        """The committees whose vote is not waited for: they do not take part, or are in the federation no more."""
        declined = {author for author, said in self.answers.items() if said == "declined"}
        return self.gone | (declined & frozenset(self.there.terms.asked))

    @property
    def gone(self) -> frozenset[str]:
        """The committees that are in the federation no more: nothing is sealed to them, so they lack counts."""
        here = {author for author, one in self.peers.items() if one.state == "in"} - {self.me}
        here |= {self.me} if self.federation.state == "in" else set()
        return frozenset(author for author in self.there.terms.asked if author not in here)

    @property
    def awaited(self) -> tuple[str, ...]:
        """The committees whose count is still to come."""
        return jointly.awaited(self.there.terms, self.tally, out=self.out)

    @property
    def closes(self) -> datetime:
        """Until when it is voted on."""
        return datetime.fromtimestamp(self.there.terms.closes, UTC)

    @property
    def ends(self) -> datetime:
        """Until when a count must have been made."""
        return datetime.fromtimestamp(self.there.terms.ends, UTC)


def unnamed(author: str) -> Text:
    """What stands for a committee whose name is not known here."""
    return T("committee {key}", key=author[:8])


async def standing(view: Context | View, there: Linked) -> Standing | None:
    """How it stands; None: this committee has no keys, or is in no such federation."""
    federation = await peers.federation(view.tx, view.committee.id, there.federation_id)
    mine = await peers.own(view.tx, view.committee.id)
    if federation is None or mine is None:
        return None
    states: tuple[peers.State, ...] = ("coming", "in", "left", "expelled")
    known = await peers.peers(view.tx, federation.id, states=states)
    return Standing(
        there=there,
        federation=federation,
        me=mine.author,
        peers={one.author: one for one in known},
        tally=jointly.tally(there.hash, there.terms, await linked_polls.said(view.tx, there, "count")),
        answers=linked_polls.answers(await linked_polls.said(view.tx, there, "answer")),
    )


async def check_alone(context: Context, poll: Poll) -> None:
    """Raises Refusal where a poll is voted on by several committees: what all were asked stays as it is."""
    if await linked_polls.of_poll(context.tx, poll.id) is not None:
        raise Refusal(
            T(
                "Poll {number} is voted on by several committees, so it stays as it is. It can be withdrawn and asked "
                "again.",
                number=poll.number,
            )
        )


# --- in words ----------------------------------------------------------------------------------------------------


async def card_lines(view: Context | View, poll: Poll) -> list[Words]:
    """What the card of a poll says of the other committees that vote on it; nothing for all other polls."""
    there = await linked_polls.of_poll(view.tx, poll.id)
    found = None if there is None else await standing(view, there)
    if there is None or found is None:
        return []
    told = _heads(view, found)
    if there.tally is None:
        return [*told, *_progress(view, found)]
    return [*told, *result_lines(found, poll), *_checked(found, await differing(view, found))]


async def pending_lines(view: Context | View, poll: Poll) -> list[Words]:
    """What is said of the other committees when the vote here is over."""
    there = await linked_polls.of_poll(view.tx, poll.id)
    if there is None or there.state != "open":
        return []
    return [T("Other committees vote on it too. What all of them say together follows.")]


def _heads(view: Context | View, found: Standing) -> list[Words]:
    terms = found.there.terms
    others = [one for one in terms.asked if one != found.me]
    if found.there.author == found.me:
        told: list[Words] = [
            T("Decided together: we have asked {committees} the same.", committees=found.names(others))
        ]
    else:
        asker = found.name(found.there.author)
        told = [T("From {committee}, decided together: {all}.", committee=asker, all=found.names(terms.asked))]
        if terms.language != view.committee.language and terms.language in LANGUAGES:
            told.append(T("Their words are in another language: {language}.", language=LANGUAGES[terms.language]))
    match terms.needs:
        case "heads":
            told.append(T("What most people say is decided."))
        case "committees":
            told.append(T("What most committees say is decided."))
        case _:
            told.append(T("It is decided if most people and most committees say the same."))
    if terms.least > 1:
        told.append(N("{n} committee must vote.", "{n} committees must vote.", terms.least))
    return told


def _progress(view: Context | View, found: Standing) -> list[Words]:
    """Who votes, and after the end whose count is there."""
    told: list[Words] = []
    left = [one for one in found.there.terms.asked if one in found.out and found.answers.get(one) != "declined"]
    declined = [one for one in found.there.terms.asked if found.answers.get(one) == "declined" and one not in left]
    counted = [one.author for one in found.tally.counted]
    if counted:
        told.append(T("Counted: {committees}.", committees=found.names(counted)))
    taking = [one for one in found.awaited if one == found.there.author or found.answers.get(one) == "taken"]
    silent = [one for one in found.awaited if one not in taking]
    if view.now < found.closes:
        if taking:
            told.append(T("Voting now: {committees}.", committees=found.names(taking)))
        if silent:
            told.append(T("No answer yet: {committees}.", committees=found.names(silent)))
    elif found.awaited:
        told.append(
            T(
                "Still missing, until {until}: {committees}.",
                until=found.ends,
                committees=found.names(found.awaited),
            )
        )
    if declined:
        told.append(T("Not taking part: {committees}.", committees=found.names(declined)))
    if left:
        told.append(T("Not linked any more: {committees}.", committees=found.names(left)))
    return told


def result_lines(found: Standing, poll: Poll) -> list[Words]:
    """What all counts come to, and what that means."""
    tally = found.tally
    told: list[Words] = [
        T(
            "{option}: {n} by heads, {m} by committees.",
            option=_option(poll, place),
            n=tally.heads[place - 1],
            m=tally.committees[place - 1],
        )
        for place in range(1, found.there.terms.options + 1)
        if place != jointly.NEITHER or not found.there.terms.yesno or tally.heads[place - 1]
    ]
    if tally.undecided:
        told.append(N("{n} committee has decided nothing.", "{n} committees have decided nothing.", tally.undecided))
    if tally.silent:
        told.append(
            N(
                "{n} committee says only what it has decided, not how many voted what.",
                "{n} committees say only what they have decided, not how many voted what.",
                tally.silent,
            )
        )
    told += [
        T("{committee} has counted too late; that is not in it.", committee=found.name(one.author))
        for one in tally.late
    ]
    for author, fault in sorted(tally.refused.items()):
        why = FAULTS[fault]
        told.append(T("The count of {committee} is not in it: {why}", committee=found.name(author), why=why))
    missing = [one for one in found.awaited if one not in found.out]
    if missing:
        told.append(T("Nothing was counted by: {committees}.", committees=found.names(missing)))
    return [*told, _decided(found, poll)]


def _option(poll: Poll, place: int) -> Text:
    """What an answer is called here: of a question answered by yes or no, in the reader's language."""
    option = next((one for one in poll.options if one.place == place), None)
    if option is None or option.key is not None:
        return _SIDES.get(place, T("(erased)"))
    return option_words(poll, option)


_SIDES: Mapping[int, Text] = {jointly.YES: T("Yes"), jointly.NO: T("No"), jointly.NEITHER: T("Neither")}


def _decided(found: Standing, poll: Poll) -> Text:
    tally, terms = found.tally, found.there.terms
    if tally.decided:
        if not terms.yesno:
            return T("Decided together: {option}.", option=_option(poll, tally.decided))
        if tally.decided == jointly.YES:
            return T("Decided together: it has passed.")
        return T("Decided together: it has not passed.")
    match tally.why:
        case "few":
            return N(
                "Nothing is decided: at least {n} committee had to vote.",
                "Nothing is decided: at least {n} committees had to vote.",
                terms.least,
            )
        case "differ":
            return T(
                "Nothing is decided: most people say {one}, most committees say {other}. Talk again.",
                one=_option(poll, tally.by_heads),
                other=_option(poll, tally.by_committees),
            )
        case _:
            return T("Nothing is decided: it is a tie. Talk again.")


# --- whether all count the same ----------------------------------------------------------------------------------


async def differing(view: Context | View, found: Standing) -> Sequence[Difference] | None:
    """Which bots come to something else, and how; None: not all have said what they come to."""
    results = jointly.results(found.there.terms, await linked_polls.said(view.tx, found.there, "result"))
    wrong = [
        gap
        for author, one in sorted(results.items())
        if author != found.me and author not in found.gone and (gap := jointly.difference(found.tally, one)) is not None
    ]
    if wrong:
        return wrong
    expected = {one.author for one in found.tally.counted} - found.out - {found.me}
    return [] if expected <= results.keys() else None


def _checked(found: Standing, wrong: Sequence[Difference] | None) -> list[Words]:
    if wrong:
        return alarm(found, wrong)
    if wrong is None:
        return [T("Not all bots have said yet whether they count the same.")]
    return [same(found)]


def same(found: Standing) -> Text:
    """All bots have added up the same counts to the same."""
    many = len(found.tally.counted)
    if not many:
        return T("No committee has counted anything.")
    if many == 1:
        return T("Only one committee has voted: {committee}.", committee=found.name(found.tally.counted[0].author))
    if many == 2:
        return T("Both committees count the same.")
    return N("All {n} committee counts the same.", "All {n} committees count the same.", many)


def alarm(found: Standing, wrong: Sequence[Difference]) -> list[Words]:
    """Whose bot counts otherwise, and what differs."""
    told: list[Words] = [T("⚠️ Not all bots count the same. Do not act on this result before people have looked.")]
    for one in wrong:
        who = found.name(one.author)
        if one.other:
            told.append(T("{committee} has another count of: {others}.", committee=who, others=found.names(one.other)))
        if one.here:
            told.append(T("{committee} lacks the count of: {others}.", committee=who, others=found.names(one.here)))
        if one.there:
            told.append(
                T("{committee} has a count that we lack, of: {others}.", committee=who, others=found.names(one.there))
            )
        if not (one.other or one.here or one.there):
            told.append(T("{committee} has the same counts as we, and adds them up otherwise.", committee=who))
    return told
