"""Straw polls: the networks' own polls as temperature checks, added up over all chats."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.chat import Chat, ChatId, PollSent, Sender, StrawVote, UserId
from bot.practice import MATRIX
from storage import cards, straws
from storage.database import Reader, Transaction
from tests.conftest import Town
from tests.test_connect import connect_accounts, connect_groups

ASKED = "/straw Where do we meet? | Library | Park"
CHECK = (
    "Only a temperature check: it decides nothing. People from outside can vote too if it is forwarded, so I count "
    "members apart."
)


async def _rows(town: Town, table: str) -> int:
    async def ask(tx: Reader) -> int:
        return int(await tx.value(f"SELECT count(*) FROM {table}"))

    return await town.practice.app.database.read(ask)


def _newest(town: Town, on: str = "console") -> str:
    """What the newest card in the group says."""
    return next(words for words in reversed(town.sees(on)) if words.startswith("Straw poll"))


async def _vote(
    town: Town, poll: str, user: str, *options: int, event: str = "", at: timedelta = timedelta(), on: str = "console"
) -> None:
    """A vote as a network tells of it."""
    console = town.practice.networks[on]
    who = Sender(user=UserId(f"{on}:{user}"), name=user.title())
    now = town.practice.clock()
    await town.practice.app.dispatcher.handle(
        StrawVote(
            event=event or f"vote-{user}-{poll}-{options}-{at}",
            at=now + at,
            chat=Chat(id=ChatId(f"{console.network}:"), private=False),
            sender=who,
            poll=poll,
            options=options,
        )
    )
    await town.practice.settle()


def _poll(town: Town, on: str = "console") -> str:
    """What votes in the newest poll on a network name."""
    console = town.practice.networks[on]
    return [message for message, posted in console.posted.items() if posted.poll is not None][-1]


async def test_the_group_answers_in_its_own_poll_and_the_bot_counts_members_apart(town: Town) -> None:
    assert await town.says("chi", ASKED) == (f"Straw poll 1: Where do we meet? / {CHECK} / It ends: Thu, Jan 8 18:00")
    assert "bot sends a poll: Where do we meet? / ○ Library / ○ Park" in [what for _, what in town.transcript]
    for who, option in (("ana", "Library"), ("chi", "Library"), ("eli", "Park"), ("dan", "Park"), ("fay", "Library")):
        await town.presses(who, option)
    assert _newest(town).startswith(
        "Straw poll 1: Where do we meet? / Library: 3 (members: 2) / Park: 2 (members: 1) / "
        "Votes: 3 of members, 2 of others / Only"
    )
    # Whoever becomes a member is one, also with the vote from before.
    await town.says("dan", "/join")
    await town.presses("eli", "Park")
    assert "Library: 3 (members: 2) / Park: 1 / Votes: 3 of members, 1 of others" in _newest(town)
    # And whoever has left is none any more.
    await town.says("chi", "/leave")
    await town.presses("eli", "Park")
    assert "Library: 3 (members: 1) / Park: 2 / Votes: 3 of members, 2 of others" in _newest(town)


async def test_when_it_ends_what_it_came_to_stays_and_who_voted_is_gone(town: Town) -> None:
    await town.says("chi", ASKED)
    await town.presses("eli", "Park")
    await town.presses("dan", "Park")
    assert await _rows(town, "straw_votes") == 2
    await town.skip("3d")
    result = (
        "Straw poll 1 is over: Where do we meet? / Library: 0 / Park: 2 (members: 1) / "
        "Votes: 1 of members, 1 of others / It was only a temperature check: it decides nothing."
    )
    assert town.sees()[-2:] == [result, result]
    assert "bot ends the poll: Where do we meet?" in [what for _, what in town.transcript]
    assert await _rows(town, "straw_votes") == 0
    before = len(town.transcript)
    await _vote(town, _poll(town), "eli", 0)
    assert town.transcript[before:] == []
    assert await _rows(town, "straw_votes") == 0
    assert await town.whispers("ben", "/straw 1") == result
    assert "Chi began straw poll 1: Where do we meet?" in await town.whispers("ana", "/log")
    assert "straw poll 1 is over: Where do we meet?" in await town.whispers("ana", "/log")


async def test_whoever_made_it_or_an_organizer_ends_it(town: Town) -> None:
    await town.says("chi", ASKED)
    assert await town.presses("eli", "End it") == (
        "Whoever made it can end it, or an organizer. It ends by itself: Thu, Jan 8 18:00."
    )
    assert await town.presses("chi", "End it") == (
        "Straw poll 1 is over: Where do we meet? / Nobody has voted. / "
        "It was only a temperature check: it decides nothing."
    )
    assert await town.says("chi", "/straw_end") == (
        "No straw poll is running. /straw Where do we meet? | Library | Park makes one."
    )
    assert await town.says("chi", "/straw_end 1") == "Straw poll 1 is over already. /straw 1 shows it."
    await town.says("chi", ASKED)
    await town.says("eli", "/straw Tea or coffee? | Tea | Coffee")
    assert await town.says("ana", "/straw_end") == (
        "Which one? Write its number: /straw_end 2 / 2: Where do we meet? / 3: Tea or coffee?"
    )
    assert (await town.says("ana", "/straw_end 3")).startswith("Straw poll 3 is over: Tea or coffee?")
    # Nothing more happens when its time would have come.
    before = len(town.sees())
    await town.says("ana", "/straw_end 2")
    await town.skip("4d")
    assert sum("Straw poll 3" in words for words in town.sees()[before:]) == 0


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("| Library | Park", "The question is missing."),
        ("Where do we meet?", "At least two answers, with | between them."),
        ("Where do we meet? | Library |", "At least two answers, with | between them."),
        (f"Where? | {' | '.join(map(str, range(11)))}", "At most 10 answers. Ask about fewer of them."),
        ("Where? | Park | Library |  PARK ", "Two of the answers are the same. Write each once."),
        (f"{'W' * 301}? | a | b", "The question is too long: 300 characters at most."),
        (f"Where? | {'a' * 101} | b", "An answer is too long: 100 characters at most."),
        (f"Where? | {'🌳' * 51} | b", "An answer is too long: 100 characters at most."),
        ("Where? | a | b, until friday-ish", "I do not understand “until friday-ish”. Until when?"),
        ("Where? | a | b, several of them", "I do not understand “several of them”."),
        ("Where? | a | b, until 2020-01-01", "I do not understand “until 2020-01-01”."),
        ("Where? | a | b, until in 2 minutes", "It would end in the past, or at once."),
        ("Where? | a | b, until in 31 days", "A straw poll runs for 30 days at most."),
    ],
)
async def test_what_cannot_be_asked_is_asked_back_and_nothing_is_kept(town: Town, line: str, answer: str) -> None:
    assert (await town.says("chi", f"/straw {line}")).startswith(answer)
    assert await _rows(town, "straws") == await _rows(town, "straw_places") == 0
    assert not any(what.startswith("bot sends a poll") for _, what in town.transcript)


async def test_it_ends_when_i_say(town: Town) -> None:
    assert (await town.says("chi", f"{ASKED}, closes tomorrow 9:30")).endswith("It ends: Tue, Jan 6 09:30")
    assert (await town.says("chi", f"{ASKED}, until fri, several")).endswith("It ends: Fri, Jan 9 20:00")
    await town.skip("16h")
    assert "Straw poll 1 is over" in _newest(town)
    assert (await town.whispers("eli", "/straw 2")).split(" / ")[1] == "You can choose several."


async def test_in_private_its_card_has_buttons_and_it_is_one_vote_a_person(town: Town) -> None:
    await town.whispers("eli", ASKED)
    assert any(what == "bot sends a poll: Where do we meet? / ○ Library / ○ Park" for _, what in town.transcript)
    await town.practice.press("eli", "Library", within=town.private("eli"))
    # The poll in the group is the newest thing with that answer on it, so that was pressed; now the card.
    await town.whispers("eli", "/straw 1")
    await town.practice.press("eli", "Park", within=town.private("eli"))
    assert "Library: 0 / Park: 1 / Votes: 1 of members" in _newest(town)
    assert town.heard("eli")[-1] == "Counted: Park. Press it again to take it back."
    await town.practice.press("eli", "Park", within=town.private("eli"))
    assert town.heard("eli")[-1] == "Taken back: Park"
    assert "Votes" not in _newest(town)


async def test_a_vote_that_is_told_twice_counts_once_and_one_that_comes_early_waits(town: Town) -> None:
    # Telegram may tell of a vote before the bot has put down where the poll stands.
    await town.says("chi", ASKED)
    poll = _poll(town)

    async def unknown(tx: Transaction) -> None:
        await tx.execute("UPDATE straw_places SET state = 'asked', poll = NULL, message = NULL")

    await town.practice.app.database.transact(unknown)
    await _vote(town, poll, "eli", 1, event="one")
    await _vote(town, poll, "eli", 1, event="one")
    await _vote(town, "of nobody", "eli", 1)
    assert await _rows(town, "straw_votes") == 2
    assert "Votes" not in _newest(town)

    async def sent(tx: Transaction) -> None:
        row = await tx.one("SELECT p.id, c.address FROM straw_places p JOIN chats c ON c.id = p.chat_id")
        assert row is not None
        found = await straws.sent(tx, row[0], "console", PollSent(poll, poll))
        assert found == ("straw:1", False)
        await cards.changed(tx, "straw:1")

    await town.practice.app.database.transact(sent)
    await town.practice.settle()
    assert "Library: 0 / Park: 1 / Votes: 1 of members" in _newest(town)
    # What is about no poll of ours is forgotten in a while.
    await town.skip("2d")
    await town.skip("1d")
    assert await _rows(town, "straw_votes WHERE straw_id IS NULL") == 0


async def test_a_group_and_a_room_are_asked_together_and_a_person_with_two_accounts_counts_once(town: Town) -> None:
    await connect_groups(town)
    await connect_accounts(town, "ana")
    await town.says("ana", ASKED)
    for network in ("console", MATRIX):
        assert _poll(town, network)
        assert _newest(town, network).startswith("Straw poll 1: Where do we meet?")
    await town.presses("ana", "Library")
    await town.presses("eli", "Park")
    await town.presses("gus", "Park", on=MATRIX)
    await town.presses("ana", "Park", on=MATRIX)
    for network in ("console", MATRIX):
        assert "Library: 0 / Park: 3 (members: 2) / Votes: 2 of members, 1 of others" in _newest(town, network)
    await town.presses("ana", "Park", on=MATRIX)
    assert "Votes: 1 of members, 1 of others" in _newest(town)
    before = len(town.transcript)
    await town.says("ana", "/straw_end", on=MATRIX)
    ended = [where for where, what in town.transcript[before:] if what == "bot ends the poll: Where do we meet?"]
    assert sorted(ended) == ["Riverside", "Riverside (Matrix)"]
    for network in ("console", MATRIX):
        assert town.sees(network)[-1].startswith("Straw poll 1 is over: Where do we meet?")


async def test_my_votes_are_handed_out_and_forgotten_with_me(town: Town) -> None:
    await town.says("eli", ASKED)
    await town.presses("eli", "Park")
    await town.presses("chi", "Park")
    assert await _rows(town, "straw_votes WHERE user = 'console:eli'") == 1
    await town.whispers("eli", "/export")
    held = "".join(document.text for document in town.practice.console.documents)
    assert '"votes_in_straw_polls"' in held
    assert "Where do we meet?" in held
    await town.whispers("eli", "/forget me")
    await town.practice.press("eli", "Yes, forget me for good", within=town.private("eli"))
    assert await _rows(town, "straw_votes WHERE user = 'console:eli'") == 0
    assert _newest(town).startswith("Straw poll 1: (erased) / (erased): 0 / (erased): 1 / Votes: 1 of members / Only")
