"""Voting: on a paper by tapping, in words, in hidden polls; and that no vote is lost, doubled or seen."""

from __future__ import annotations

import asyncio
import json
import random
import re
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.chat import ChatId, ChatMoved, Key, Message, Press
from bot.practice import DATABASE
from storage import ballots, people, polls, proposals, rules
from storage.database import Reader
from storage.polls import Poll
from tests.conftest import Town

MEET = "/poll Where do we meet? | Library | Union hall | Park, closes fri 20:00"
HIDDEN = "/poll Where do we meet? | Library | Union hall | Park, hidden, closes fri 20:00"
COUNTED = "You can change it until Fri, Jan 9 20:00."


async def grown(town: Town) -> None:
    """Two more have come: six have a vote."""
    for who in ("dan", "fay"):
        await town.says(who, "/join")


async def polls_decide(town: Town) -> None:
    """What needs the committee is decided by a poll of all."""
    await town.practice.app.database.transact(lambda tx: rules.put(tx, 1, proposals.DECIDED_BY, proposals.POLL))


async def votes(town: Town, number: int = 1) -> dict[str, Any]:
    """Who has voted what, by name: only where names are shown."""

    async def ask(tx: Reader) -> dict[str, Any]:
        there = await the_poll(tx, number)
        found = {}
        for member_id, ballot in (await ballots.by_voter(tx, there)).items():
            member = await people.member(tx, 1, member_id)
            assert member is not None
            found[member.name.lower()] = ballot.choice
        return found

    return await town.practice.app.database.read(ask)


async def the_poll(tx: Reader, number: int) -> Poll:
    """The committee's poll with this number."""
    there = await polls.numbered(tx, 1, number)
    assert there is not None
    return there


async def choices(town: Town, number: int = 1) -> list[Any]:
    """All that was voted, without names."""

    async def ask(tx: Reader) -> list[Any]:
        return [one.choice for one in await ballots.all_of(tx, await the_poll(tx, number))]

    return await town.practice.app.database.read(ask)


def button(town: Town, who: str, label: str) -> tuple[Key, str]:
    """The newest button with this label in somebody's private chat, and its message."""
    posted = town.practice.console.posted
    for message, one in sorted(posted.items(), key=lambda item: -item[1].order):
        for key in (key for row in one.keys for key in row):
            if one.chat == town.private(who).id and key.label == label:
                return key, message
    raise AssertionError(label)


async def taps(town: Town, who: str, label: str) -> str:
    """Somebody taps in private. What the bot says or shows there then."""
    before = len(town.transcript)
    await town.practice.press(who, label, within=town.private(who))
    return "\n".join(what for _, what in town.transcript[before:] if what.startswith("bot"))


# --- the paper -----------------------------------------------------------------------------------------------------


async def test_i_tick_all_that_i_can_live_with(town: Town) -> None:
    await town.says("ana", "/poll several What do we cook? | Lentils | Pasta | Soup, closes fri 20:00")
    assert "Tap all that you can live with" in await town.whispers("chi", "/ballot 1")
    await taps(town, "chi", "Lentils")
    assert "[✓ Lentils]" in await taps(town, "chi", "Soup")
    await taps(town, "chi", "✓ Soup")
    assert f"Counted: Lentils. {COUNTED}  [Change] [Take back]" in await taps(town, "chi", "Cast my vote")
    assert await votes(town) == {"chi": [1]}
    await taps(town, "chi", "Change")
    await taps(town, "chi", "Soup")
    assert await votes(town) == {"chi": [1]}, "what is on the paper does not count yet"
    await taps(town, "chi", "Cast my vote")
    assert await votes(town) == {"chi": [1, 3]}
    assert "back" in await taps(town, "chi", "Take back")
    assert await votes(town) == {}


async def test_i_rank_by_tapping_in_order(town: Town) -> None:
    await town.says("ana", "/poll ranked Which name? | Otter | Heron | Kestrel, closes fri 20:00")
    await town.whispers("chi", "/ballot 1")
    await taps(town, "chi", "Heron")
    await taps(town, "chi", "Kestrel")
    await taps(town, "chi", "Next one equal")
    assert "not cast yet: Heron > Otter = Kestrel" in await taps(town, "chi", "Otter")
    await taps(town, "chi", "2. Kestrel")
    assert "Counted: Heron > Otter." in await taps(town, "chi", "Cast my vote")
    assert await votes(town) == {"chi": [[2], [1]]}


async def test_dots_are_given_until_none_is_left(town: Town) -> None:
    await town.says("ana", "/poll dots Where does it go? | Van | Shed, closes fri 20:00")
    await town.whispers("chi", "/ballot 1")
    for label in ("Van", "Van: 1", "Van: 2", "Shed", "Shed: 1"):
        shown = await taps(town, "chi", label)
    assert "You have 0 dots left" in shown
    assert "You have 5 dots in all" in await taps(town, "chi", "Van: 3")
    await taps(town, "chi", "Start again")
    await taps(town, "chi", "Shed")
    await taps(town, "chi", "Cast my vote")
    assert await votes(town) == {"chi": {"2": 1}}


async def test_each_option_gets_its_points_one_after_the_other(town: Town) -> None:
    await town.says("ana", "/poll score How good? | Van | Shed, closes fri 20:00")
    await town.whispers("chi", "/ballot 1")
    await taps(town, "chi", "Van: 0")
    assert "Counted: Shed 5." in (await taps(town, "chi", "Shed: 5") and await taps(town, "chi", "Cast my vote"))
    assert await votes(town) == {"chi": {"2": 5}}


async def test_a_second_tap_does_nothing_twice(town: Town) -> None:
    await town.says("ana", "/poll dots Where does it go? | Van | Shed, closes fri 20:00")
    await town.whispers("chi", "/ballot 1")
    key, message = button(town, "chi", "Van")
    for _ in range(2):
        await town.practice.console.press_key("chi", key, message, manages_chat=False)
        await town.practice.settle()
    assert "not cast yet: Van 1" in town.practice.console.posted[message].text
    done, message = button(town, "chi", "Cast my vote")
    for _ in range(2):
        await town.practice.console.press_key("chi", done, message, manages_chat=False)
        await town.practice.settle()
    assert await votes(town) == {"chi": {"1": 1}}
    assert "Counted: Van 1." in town.practice.console.posted[message].text


async def test_a_paper_waits_for_me_and_is_gone_when_the_poll_is(town: Town, tmp_path: Path) -> None:
    await town.says("ana", "/poll several What do we cook? | Lentils | Pasta, closes fri 20:00")
    await town.whispers("chi", "/ballot 1")
    await taps(town, "chi", "Pasta")
    await town.skip("1d")
    assert "not cast yet: Pasta" in await town.whispers("chi", "/ballot 1")
    assert rows(tmp_path, "papers") == 1
    await town.says("ana", "/poll 1 withdraw")
    assert rows(tmp_path, "papers") == 0
    assert "is closed" in await taps(town, "chi", "Cast my vote")


def rows(folder: Path, table: str) -> int:
    """How many rows a table has."""
    with sqlite3.connect(folder / DATABASE) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


async def test_the_options_stand_in_another_order_for_each_but_keep_their_numbers(town: Town) -> None:
    await town.says("ana", MEET)
    firsts = {re.findall(r"(\d)\. [LUP]", await town.whispers(who, "/ballot 1"))[0] for who in ("ana", "ben", "chi")}
    assert firsts == {"1", "2", "3"}


# --- in words ------------------------------------------------------------------------------------------------------


async def test_i_vote_in_words_change_it_and_take_it_back(town: Town) -> None:
    await town.says("ana", MEET)
    assert await town.says("chi", "/vote 1 lib") == f"Counted: Library. {COUNTED}"
    assert await town.whispers("chi", "/vote 1 3") == f"Counted: Park. {COUNTED}"
    assert await votes(town) == {"chi": 3}
    for words in ("withdraw", "retirar", "zurückziehen"):
        await town.whispers("chi", "/vote 1 2")
        assert "taken your vote in poll 1 back" in await town.whispers("chi", f"/vote 1 {words}")
        assert await votes(town) == {}
    assert await town.whispers("chi", "/vote 1 withdraw") == "You have not voted in poll 1."


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("zoo", "“zoo” is no option of poll 1. Write a number or a name: 1 Library, 2 Union hall, and 3 Park."),
        ("1 2", "In this poll everybody chooses one. Write only that, like this: /vote 1 2"),
    ],
)
async def test_what_is_no_vote_is_refused_with_what_to_do(town: Town, words: str, answer: str) -> None:
    await town.says("ana", MEET)
    assert await town.says("chi", f"/vote 1 {words}") == answer
    assert await votes(town) == {}


async def test_a_stranger_a_latecomer_and_whoever_comes_after_closing_have_no_vote(town: Town) -> None:
    await town.says("ana", MEET)
    assert "Only members of Riverside" in await town.says("dan", "/vote 1 2")
    await town.says("dan", "/join")
    await town.whispers("dan", "/start")
    assert "You are not on the roll of poll 1" in await town.whispers("dan", "/vote 1 2")
    assert "You are not on the roll" in await town.whispers("dan", "/ballot 1")
    assert "There is no poll 2 here" in await town.says("chi", "/vote 2 1")
    assert "Which poll?" in await town.says("chi", "/vote")
    await town.skip("5d")
    assert "Poll 1 is closed" in await town.whispers("chi", "/vote 1 2")
    assert await votes(town) == {}


async def test_the_last_vote_says_that_it_is_decided(town: Town) -> None:
    await polls_decide(town)
    await town.says("ana", "/newcomers 30d")
    assert await town.presses("ben", "Yes") == "Counted: Yes. You can change it until Mon, Jan 12 18:00."
    assert await town.presses("chi", "Yes") == "Counted: Yes. With that, it is decided."


# --- hidden --------------------------------------------------------------------------------------------------------


async def test_a_hidden_poll_needs_five_who_may_vote(town: Town) -> None:
    said = await town.says("ana", "/poll election Who speaks? | Ben | Chi, closes fri 20:00")
    assert "Only 4 members have a vote here" in said
    assert "Add “, names”" in said
    assert "Names are shown." in await town.says(
        "ana", "/poll election Who speaks? | Ben | Chi, names, closes fri 20:00"
    )


async def test_without_a_private_chat_i_vote_in_the_group_and_nobody_sees_it(town: Town) -> None:
    await grown(town)
    await town.says("ana", HIDDEN)
    before = town.sees()
    assert await town.presses("fay", "Park") == f"Counted: Park. {COUNTED}"
    assert await town.presses("chi", "Library") == f"Counted: Library. {COUNTED}"
    assert await town.presses("fay", "Union hall") == f"Counted: Union hall. {COUNTED}"
    assert town.sees() == before, "the card does not change, and nothing is said"
    assert town.heard("chi") == [], "nor is it sent anywhere"
    assert sorted(await choices(town)) == [1, 2]


async def test_a_hidden_vote_typed_in_the_group_is_not_counted_nor_repeated(town: Town) -> None:
    await grown(town)
    await town.says("ana", HIDDEN)
    assert await town.says("chi", "/vote 1 Library") == ""
    assert "votes belong in private" in town.heard("chi")[-1]
    assert "Library" not in town.heard("chi")[-1]
    assert await choices(town) == []
    # Whoever has no private chat reads in the group only where to go.
    assert "Library" not in await town.says("fay", "/vote 1 Library")
    assert await choices(town) == []


async def test_where_there_are_no_pop_ups_the_card_only_leads_to_the_private_chat(town: Town) -> None:
    await grown(town)
    console = town.practice.console
    setattr(town.practice.app.dispatcher, "_popups", {"console": 0})  # noqa: B010 - mypy
    await town.says("ana", HIDDEN)
    shown = next(one for one in console.posted.values() if "Where do we meet?" in one.text)
    assert [[key.label for key in row] for row in shown.keys] == [["Vote in private"]]


async def test_nothing_on_disk_leads_from_a_hidden_ballot_to_its_voter(town: Town, tmp_path: Path) -> None:
    await grown(town)
    await town.says("ana", HIDDEN)

    async def marks(tx: Reader) -> list[str]:
        there = await the_poll(tx, 1)
        found = [str(await ballots.voter_of(tx, there, one)) for one in range(1, 7)]
        key = await tx.value("SELECT key FROM poll_keys")
        return [*found, str(key)]

    secrets = await town.practice.app.database.read(marks)
    await town.whispers("ana", "/vote 1 library")
    await town.whispers("ben", "/vote 1 3")
    await town.presses("fay", "Park")
    await town.presses("dan", "Library")
    await town.whispers("eli", "/vote 1 union hall")
    await town.whispers("eli", "/vote 1 park")
    assert any(files_with(tmp_path, secret) for secret in secrets), "while it runs, it is there"
    with sqlite3.connect(tmp_path / DATABASE) as connection:
        told = connection.execute("SELECT body FROM outbox WHERE state <> 'waiting'").fetchall()
    assert {body for (body,) in told} == {None}, "what was said in private is blanked once it is delivered"
    await town.skip("5d")
    assert [secret for secret in secrets if files_with(tmp_path, secret)] == []
    with sqlite3.connect(tmp_path / DATABASE) as connection:
        kept = connection.execute("SELECT voter, choice, how FROM poll_ballots ORDER BY voter").fetchall()
        bodies = "\n".join(body for (body,) in connection.execute("SELECT body FROM entries"))
        inbox = str(connection.execute("SELECT * FROM inbox").fetchall())
        pressed = connection.execute("SELECT count(*) FROM buttons WHERE used_us IS NOT NULL").fetchone()
        named = connection.execute(
            "SELECT count(*) FROM buttons WHERE member_id IS NOT NULL AND command IN ('vote', 'poll_choose')"
        ).fetchone()
    assert sorted(choice for _, choice, _ in kept) == sorted(['{"is":1}', '{"is":1}', *['{"is":3}'] * 3])
    assert [voter for voter, _, _ in kept] == [f"n{at:06}" for at in range(1, 6)]
    assert {how for _, _, how in kept} == {"self"}
    assert '"choice"' not in bodies
    assert "Library" not in inbox
    assert (pressed, named) == ((0,), (0,))


def files_with(folder: Path, words: str) -> list[str]:
    """The files of a folder in which these words stand."""
    return [file.name for file in folder.iterdir() if file.is_file() and words.encode() in file.read_bytes()]


async def test_the_order_of_sealed_ballots_tells_nothing(town: Town) -> None:
    await grown(town)
    seen: set[tuple[Any, ...]] = set()
    for number in range(1, 9):
        await town.says("ana", "/poll Now? | A | B | C | D | E, hidden, closes in 1h")
        for who, place in zip(("ana", "ben", "chi", "dan", "eli"), range(1, 6), strict=True):
            await town.whispers(who, f"/vote {number} {place}")
        await town.skip("2h")

        async def ask(tx: Reader, number: int = number) -> tuple[Any, ...]:
            there = await the_poll(tx, number)
            found = await tx.all("SELECT choice FROM poll_ballots WHERE poll_id = ? ORDER BY voter LIMIT 9", there.id)
            return tuple(choice for (choice,) in found)

        seen.add(await town.practice.app.database.read(ask))
    assert len(seen) > 4


async def test_a_hidden_poll_that_is_withdrawn_keeps_no_ballot(town: Town, tmp_path: Path) -> None:
    await grown(town)
    await town.says("ana", HIDDEN)
    await town.whispers("chi", "/vote 1 2")
    await town.says("ana", "/poll 1 withdraw")
    assert [rows(tmp_path, table) for table in ("poll_ballots", "poll_keys", "poll_receipts")] == [0, 0, 0]


async def test_a_hidden_poll_is_not_closed_by_the_vote_that_would_decide_it(town: Town) -> None:
    await grown(town)
    await town.says("ana", "/poll proposal Shall we?, hidden, closes fri 20:00")
    await town.practice.app.database.transact(
        lambda tx: tx.execute("UPDATE polls SET rule = json_set(rule, '$.early', json('true'))")
    )
    for who in ("ana", "ben", "chi", "dan"):
        said = await town.whispers(who, "/vote 1 yes")
        assert "decided" not in said
    assert len(await choices(town)) == 4


# --- receipts ------------------------------------------------------------------------------------------------------


async def test_my_receipt_finds_my_ballot_on_the_published_list(town: Town) -> None:
    await grown(town)
    await town.says("ana", HIDDEN.replace("hidden", "hidden, receipts"))
    codes = {}
    for who, vote in (("ana", "1"), ("ben", "2"), ("chi", "2"), ("eli", "3"), ("dan", "3")):
        await town.whispers(who, "/start")
        said = await town.whispers(who, f"/vote 1 {vote}")
        codes[who] = re.findall(r"Your receipt: (\S+)", said)[0]
        assert "show it to nobody" in said
    old = codes["ben"]
    codes["ben"] = re.findall(r"Your receipt: (\S+)", await town.whispers("ben", "/vote 1 1"))[0]
    assert await town.whispers("ana", f"/receipt {codes['ana']}") == "Poll 1: it counts as Library, so far."
    assert "published when it closes" in await town.whispers("ana", "/poll 1 receipts")
    await town.skip("5d")
    assert await town.whispers("ben", f"/receipt {codes['ben']}") == "Poll 1: it was counted as Library."
    # Whoever has the code can look, which is why nobody should be shown it.
    assert await town.whispers("eli", f"/receipt {codes['dan'].lower()}") == "Poll 1: it was counted as Park."
    assert "No ballot here has this receipt" in await town.whispers("ben", f"/receipt {old}")
    assert "That is no receipt" in await town.whispers("ben", "/receipt abc")
    assert "5 ballots were counted" in await town.whispers("ana", "/poll 1 receipts")
    lines = town.practice.console.documents[-1].text.split()
    assert len(lines) == 5
    assert lines == sorted(lines)
    log = await town.practice.app.database.read(
        lambda tx: tx.all("SELECT body FROM entries WHERE kind = 'poll' ORDER BY number LIMIT 20")
    )
    kinds = [next(key for key in ("opened", "receipts", "closed") if key in json.loads(body)) for (body,) in log]
    assert kinds == ["opened", "receipts", "closed"], "the list is fixed before the totals are told"


async def test_without_a_private_chat_the_receipt_is_in_the_pop_up(town: Town) -> None:
    await grown(town)
    await town.says("ana", HIDDEN.replace("hidden", "hidden, receipts"))
    assert "Your receipt, to note down" in await town.presses("fay", "Park")


# --- races ---------------------------------------------------------------------------------------------------------


async def test_many_vote_in_the_last_second_and_each_counts_once(town: Town) -> None:
    await town.says("ana", MEET)
    await town.skip("4d 1h")
    town.practice.clock.move(town.practice.clock() + timedelta(minutes=59, seconds=59))
    console = town.practice.console
    said = [("ana", "1"), ("ben", "1"), ("chi", "2"), ("eli", "3")] * 5
    await asyncio.gather(*[console.say(who, f"/vote 1 {place}", town.private(who)) for who, place in said])
    await town.practice.settle()
    assert await votes(town) == {"ana": 1, "ben": 1, "chi": 2, "eli": 3}
    await town.skip("1s")
    assert "Voted: 4 of 4." in "\n".join(town.sees())


async def test_a_vote_that_was_said_before_the_end_and_comes_later_counts_while_it_is_not_closed(town: Town) -> None:
    await town.says("ana", MEET)
    await town.skip("4d 1h")
    closes = town.practice.clock() + timedelta(hours=1)
    town.practice.clock.move(closes + timedelta(seconds=30))
    chi = town.practice.console.somebody("chi")

    async def arrives(text: str, event: str, *, late: timedelta) -> None:
        await town.practice.app.dispatcher.handle(
            Message(event=event, at=closes + late, chat=chi.private, sender=chi.sender, text=text, message=event)
        )

    await arrives("/vote 1 2", "x1", late=-timedelta(seconds=1))
    await arrives("/vote 1 2", "x1", late=-timedelta(seconds=1))
    await arrives("/vote 1 3", "x2", late=timedelta(seconds=0))
    await town.practice.settle()
    assert await votes(town) == {"chi": 2}


async def test_the_same_tap_that_comes_twice_is_one_tap(town: Town) -> None:
    await town.says("ana", "/poll dots Where does it go? | Van | Shed, closes fri 20:00")
    await town.whispers("chi", "/ballot 1")
    key, message = button(town, "chi", "Van")
    chi = town.practice.console.somebody("chi")
    press = Press(
        event="same",
        at=town.practice.clock(),
        chat=chi.private,
        sender=chi.sender,
        token=key.token,
        message=message,
    )
    await asyncio.gather(*[town.practice.app.dispatcher.handle(press) for _ in range(3)])
    await town.practice.settle()
    assert "not cast yet: Van 1" in town.practice.console.posted[message].text


async def test_a_group_that_moves_during_a_poll_goes_on_voting(town: Town) -> None:
    await grown(town)
    await town.says("ana", MEET)
    await town.presses("chi", "Park")
    old = town.group()
    moved = ChatId(f"{old.id}:super")
    await town.practice.app.dispatcher.handle(ChatMoved(event="moved", at=town.practice.clock(), chat=old, to=moved))
    posted = next(one for one in town.practice.console.posted.items() if "Where do we meet?" in one[1].text)
    key = next(key for row in posted[1].keys for key in row if key.label == "Library")
    ben = town.practice.console.somebody("ben")
    press = Press(
        event="after",
        at=town.practice.clock(),
        chat=type(old)(id=moved, private=False, title=old.title),
        sender=ben.sender,
        token=key.token,
        message=posted[0],
    )
    await town.practice.app.dispatcher.handle(press)
    await town.practice.settle()
    assert await votes(town) == {"chi": 3, "ben": 1}


# --- people come, go, and turn out to be the same ------------------------------------------------------------------


async def test_whoever_leaves_keeps_the_vote_they_cast(town: Town) -> None:
    await town.says("ana", MEET)
    await town.presses("chi", "Park")
    await town.says("chi", "/leave")
    await town.skip("1m")
    assert len(await choices(town)) == 1


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("both", [False, True])
async def test_two_members_who_are_one_have_one_vote(town: Town, hidden: bool, both: bool) -> None:
    await grown(town)
    await town.says("ana", HIDDEN if hidden else MEET)
    await town.whispers("dan", "/start")
    await town.whispers("dan", "/vote 1 1")
    if both:
        await town.whispers("chi", "/vote 1 2")

    async def join(tx: Any) -> str:
        from storage import connections

        ids = dict(await tx.all("SELECT name, id FROM members LIMIT 10"))
        await connections.absorb(tx, ids["Dan"], ids["Chi"], transfer=None, now=town.practice.clock())
        there = await the_poll(tx, 1)
        assert polls.roll_hash(1, await polls.roll(tx, there)) == there.roll_hash
        return str(len(await polls.roll(tx, there)))

    assert await town.practice.app.database.transact(join) == "5"
    assert await choices(town) == [2 if both else 1]
    assert "two members turned out to be one person, so 5 may vote" in await town.whispers("ana", "/log decisions")


async def test_an_open_vote_of_somebody_forgotten_stays_without_their_name(town: Town) -> None:
    await town.says("ana", MEET)
    await town.presses("chi", "Park")
    await town.whispers("chi", "/forget me")
    await taps(town, "chi", "Yes, forget me for good")
    assert "3. Park: 1 (Former member 3)" in await town.says("ana", "/poll 1")


# --- everything at random, against a model -------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
async def test_each_has_at_most_one_ballot_whatever_happens(town: Town, seed: int) -> None:
    source = random.Random(seed)
    voters = ("ana", "ben", "chi", "eli")
    await town.says("ana", MEET)
    await town.whispers("ana", "/proxy @ben until 20 jan")
    model: dict[str, tuple[int, str]] = {}
    waiting: dict[str, tuple[str, str, int]] = {}
    for _ in range(60):
        who, place = source.choice(voters), source.randint(1, 3)
        match source.choice(("vote", "vote", "back", "proxy", "teller", "teller")):
            case "vote":
                await town.whispers(who, f"/vote 1 {place}")
                model[who] = (place, "self")
            case "back":
                await town.whispers(who, "/vote 1 withdraw")
                model.pop(who, None)
            case "proxy":
                await town.whispers("ben", f"/vote_for @ana 1 {place}")
                if model.get("ana", (0, "proxy"))[1] == "proxy":
                    model["ana"] = (place, "proxy")
            case _:
                teller = source.choice([one for one in voters if one != who])
                await town.whispers(teller, f"/assist 1 @{who} paper {place}")
                if model.get(who, (0, ""))[1] == "self":
                    continue
                before = waiting.pop(who, None)
                if before is None or before[0] == teller:
                    waiting[who] = (teller, "paper", place)
                elif before[2] == place:
                    model[who] = (place, "paper")

    async def ask(tx: Reader) -> dict[str, tuple[int, str]]:
        there = await the_poll(tx, 1)
        found: dict[str, tuple[int, str]] = {}
        for member_id, ballot in (await ballots.by_voter(tx, there)).items():
            member = await people.member(tx, 1, member_id)
            assert member is not None
            found[member.name.lower()] = (ballot.choice, ballot.how)
        return found

    assert await town.practice.app.database.read(ask) == model
    await town.skip("5d")
    totals = {place: sum(one == place for one, _ in model.values()) for place in (1, 2, 3)}

    async def result(tx: Reader) -> Any:
        return (await the_poll(tx, 1)).result

    counted = await town.practice.app.database.read(result)
    assert counted["voters"] == len(model)
    if "totals" in counted:
        assert counted["totals"] == {str(place): n for place, n in totals.items()}
