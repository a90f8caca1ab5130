"""What a poll came to: who won, how close it was, ties, counted again, explained, drawn, handed out."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import asdict

import pytest

from bot import delivery, drawing, results
from bot.chat import Bar, Chart, Flow, Stage, chart
from bot.domain import elections
from storage.database import Transaction
from tests.conftest import Town
from tests.polling import closed, make, poll, vote

ABC = ("Library", "Park", "Dock")


async def test_the_result_says_how_few_ballots_would_have_changed_it(town: Town) -> None:
    await make(town, "Where?", *ABC, method="plurality", process="poll")
    await vote(town, 1, ana=1, ben=1, chi=1, eli=2)
    found = await closed(town, 1)
    assert found.verdict == "decided"
    said = town.sees()[-1]
    assert "Chosen: Library. / Library: 3 / Park: 1 / Dock: 0 / Voted: 4 of 4." in said
    assert re.search(r"With [12] ballots? otherwise it would have been Park\.", said)


async def test_a_tie_is_told_in_words_and_the_sealed_lot_decides_it(town: Town) -> None:
    opened = await make(town, "Where?", *ABC, method="plurality", process="poll")
    assert "A tie is decided by lot (sealed " in await town.says("ana", "/poll 1")
    await vote(town, 1, ana=1, ben=2)
    found = await closed(town, 1)
    assert found.verdict == "decided"
    assert found.result is not None
    winner = ABC[found.result["winners"][0] - 1]
    assert winner in ("Library", "Park")
    assert f"Library and Park had 1 each; the sealed lot chose {winner}." in town.sees()[-1]
    assert opened.seed is not None
    # The seed is told once it is over, and it is the one that was sealed.
    assert opened.seed in await town.whispers("eli", "/poll 1 count")


async def test_a_tie_stays_a_tie_where_that_was_said_before(town: Town) -> None:
    said = await town.says("ana", "/poll hands Where? | Library | Park")
    assert "A tie stays a tie." in said
    await vote(town, 1, ana=1, ben=2)
    found = await closed(town, 1)
    assert found.verdict == "tied"
    assert found.result is not None
    assert found.result["winners"] == []
    assert "A tie: Library and Park had 1 each. / A tie stays a tie here" in town.sees()[-1]


async def test_a_condorcet_winner_is_told_pair_by_pair(town: Town) -> None:
    await make(town, "Where?", *ABC)
    await vote(town, 1, ana=[[1], [2], [3]], ben=[[2], [1]], chi=[[1], [2, 3]], eli=[[3], [1], [2]])
    await closed(town, 1)
    assert "Chosen: Library. / Library before Park: 3 to 1 / Library before Dock: 3 to 1" in town.sees()[-1]
    whole = await town.whispers("chi", "/poll 1 count")
    assert "Library before Park: 3 to 1" in whole
    assert "In order: Library > " in whole


async def test_instant_runoff_is_told_stage_by_stage(town: Town) -> None:
    await make(town, "Where?", *ABC, method="irv")
    await vote(town, 1, ana=[[1], [2]], ben=[[2], [1]], chi=[[3], [2]], eli=[[2]])
    await closed(town, 1)
    said = town.sees()[-1]
    assert "Chosen: Park." in said
    assert "1. First choices: Park 2, Library 1, Dock 1" in said
    assert "Library and Dock had fewest, 1 each" in said


async def test_several_seats_are_told_with_decimals_only_where_there_are_some(town: Town) -> None:
    await make(town, "Who?", "Ana", "Ben", "Chi", method="scottish-stv", seats=2)
    await vote(town, 1, ana=[[1], [2]], ben=[[1], [2]], chi=[[1], [3]], eli=[[2]])
    await closed(town, 1)
    said = town.sees()[-1]
    assert "Chosen: Ana and Ben." in said
    assert "1. First choices: Ana 3, Ben 1, Chi 0" in said
    assert "2. What Ana did not need goes on: Ana 2, Ben 1.66, Chi 0.33" in said


async def test_what_is_withdrawn_is_counted_as_if_it_had_never_stood(town: Town) -> None:
    opened = await make(town, "Where?", *ABC, method="irv")
    await vote(town, 1, ana=[[1], [2]], ben=[[1], [2]], chi=[[2]], eli=[[3]])

    async def withdraw(tx: Transaction) -> None:
        from storage import polls

        await polls.withdraw_option(tx, opened, 1, now=town.practice.clock())

    await town.practice.app.database.transact(withdraw)
    await closed(town, 1)
    assert "Chosen: Park." in town.sees()[-1]
    assert "Library" not in town.sees()[-1]


async def test_when_nobody_votes_nothing_is_decided(town: Town) -> None:
    await make(town, "Where?", *ABC, method="plurality", process="poll")
    found = await closed(town, 1)
    assert found.verdict == "no_quorum"
    assert "Voted: 0 of 4." in town.sees()[-1]


async def test_a_large_count_runs_beside_the_chat_and_the_card_says_so(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "SMALL_RANKED", 5)
    await make(town, "Where?", *ABC)
    await vote(town, 1, ana=[[1], [2]], ben=[[1]], chi=[[2]], eli=[[2], [1]])
    said = await town.says("ana", "/poll 1 close")
    assert "Ranked poll 1 by Ana: Where? / It is being counted.\nPoll 1 is closed: Where? / Chosen: " in said
    assert (await poll(town, 1)).state == "closed"


async def test_ballots_that_change_while_they_are_counted_are_counted_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "SMALL_RANKED", 5)
    await make(town, "Where?", *ABC)
    await vote(town, 1, ana=[[1]], ben=[[1]], chi=[[2]], eli=[[1]])
    await town.practice.app.computing.stop()
    await town.says("ana", "/poll 1 close")
    assert (await poll(town, 1)).state == "counting"
    await vote(town, 1, ana=[[2]], ben=[[2]])
    computing = town.practice.app.computing
    computing._stopped = False
    computing.start()
    await town.skip("1h")
    found = await poll(town, 1)
    assert found.result is not None
    assert found.result["winners"] == [2]


# --- counted again -------------------------------------------------------------------------------------------------


async def test_anybody_can_have_it_counted_again(town: Town) -> None:
    await make(town, "Where?", *ABC)
    await vote(town, 1, ana=[[1], [2], [3]], ben=[[2], [1]], chi=[[1], [2, 3]])
    await closed(town, 1)
    said = await town.says("eli", "/poll 1 verify")
    assert "I count poll 1 again and compare." in said
    assert "Poll 1, counted again: the same result. / Ballots, roll and lot are those of the log." in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE poll_ballots SET choice = '{\"is\":[[2]]}' WHERE voter = '1'", "The ballots are NOT those"),
        ("DELETE FROM poll_ballots WHERE voter = '1'", "The ballots are NOT those"),
        ("DELETE FROM poll_roll WHERE member_id = 4", "The roll is NOT the one of the opening."),
    ],
)
async def test_whoever_changes_what_is_kept_is_found_out(town: Town, change: str, words: str) -> None:
    await make(town, "Where?", *ABC)
    await vote(town, 1, ana=[[1], [2], [3]], ben=[[2], [1]], chi=[[1], [2, 3]])
    await closed(town, 1)

    async def cheat(tx: Transaction) -> None:
        await tx.execute(change)

    await town.practice.app.database.transact(cheat)
    said = await town.says("eli", "/poll 1 verify")
    assert "something is wrong" in said
    assert words in said


async def test_a_proposal_is_counted_again_too(town: Town) -> None:
    await town.says("ana", "/poll proposal Shall we paint?")
    for who in ("ana", "ben"):
        await town.presses(who, "Yes")
    await town.skip("6d")
    assert "the same result" in await town.says("eli", "/poll 1 verify")
    assert "Yes 2 of 2, more than half needed." in town.sees()[-3]


async def test_what_is_not_counted_cannot_be_counted_again(town: Town) -> None:
    await make(town, "Where?", *ABC)
    for word in ("verify", "count", "picture", "export"):
        assert await town.says("eli", f"/poll 1 {word}") == "Poll 1 is not counted yet."
    await closed(town, 1)
    assert await town.says("eli", "/poll 1 verify") == "In poll 1 nothing was counted."


# --- my ballot -----------------------------------------------------------------------------------------------------


async def test_i_see_what_my_ballot_did_at_each_stage(town: Town) -> None:
    await make(town, "Where?", *ABC, method="irv")
    await vote(town, 1, ana=[[1], [2]], ben=[[2], [1]], chi=[[3], [1], [2]], eli=[[1]])
    running = await town.whispers("chi", "/poll 1 why")
    assert running.startswith("Your ballot: Dock > Library > Park / As it stands now: / 1. It counts for Dock.")
    await town.skip("4d")
    said = await town.whispers("chi", "/poll 1 why")
    assert said.startswith("Your ballot: Dock > Library > Park / 1. It counts for Dock.")
    assert await town.whispers("ana", "/poll 1 why") == "Your ballot: Library > Park / 1. It counts for Library."


async def test_i_see_where_the_rest_of_my_ballot_went(town: Town) -> None:
    await make(town, "Who?", "Ana", "Ben", "Chi", method="scottish-stv", seats=2)
    await vote(town, 1, ana=[[1], [2]], ben=[[1], [2]], chi=[[1], [3]], eli=[[2]])
    await closed(town, 1)
    assert "2. It has helped Ana to win. 0.33 of it goes on to Chi." in await town.whispers("chi", "/poll 1 why")


async def test_i_see_on_which_side_i_was_in_each_pair(town: Town) -> None:
    await make(town, "Where?", *ABC)
    await vote(town, 1, ana=[[1], [2], [3]], ben=[[2], [1]], chi=[[1], [2, 3]])
    await closed(town, 1)
    assert "Library before Park, 2 to 1: you were for Park." in await town.whispers("ben", "/poll 1 why")
    assert await town.whispers("eli", "/poll 1 why") == "You have no ballot in poll 1."


async def _hidden(town: Town, *, method: str = "schulze") -> None:
    for who in ("dan", "fay"):
        await town.says(who, "/join")
    await make(town, "Who?", "Ana", "Ben", "Chi", method=method, secrecy="hidden", process="election")  # type: ignore[arg-type]


async def test_of_a_hidden_poll_nobody_can_tell_afterwards_which_ballot_is_mine(town: Town) -> None:
    await _hidden(town)
    await vote(town, 1, ana=[[1], [2]], ben=[[2]], chi=[[3], [1]], eli=[[2], [1]], dan=[[2]])
    running = await town.whispers("chi", "/poll 1 why")
    assert running.startswith("Your ballot: Chi > Ana")
    assert "not told while poll 1 runs" in running
    await closed(town, 1)
    assert "nobody can tell any more" in await town.whispers("chi", "/poll 1 why")


# --- pictures and files --------------------------------------------------------------------------------------------


async def test_a_picture_shows_the_figures_of_the_words(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Chart] = []

    async def keep(picture: Chart) -> None:
        drawn.append(picture)

    monkeypatch.setattr(delivery, "drawn", keep)
    await make(town, "Where?", *ABC, method="irv")
    await vote(town, 1, ana=[[1], [2]], ben=[[2], [1]], chi=[[3], [1], [2]], eli=[[1]])
    await closed(town, 1)
    said = await town.says("eli", "/poll 1 picture")
    (part,) = drawn.pop().parts
    assert isinstance(part, Flow)
    for stage in part.stages:
        for bar in stage.bars[:-1]:
            assert f"{bar.label} {bar.told}" in said or bar.value == 0
        assert sum(bar.value for bar in stage.bars) == 4000


def test_stages_are_drawn_with_long_names_and_many_options() -> None:
    pytest.importorskip("matplotlib")
    names = [f"Option {at} of a very long name, $x$" for at in range(20)] + ["nobody"]
    stages = tuple(
        Stage(
            f"{at + 1}. {names[at]} out",
            tuple(Bar(name, max(0, n - at) * 1000, str(n)) for n, name in enumerate(names)),
        )
        for at in range(8)
    )
    picture = Chart(name="x.png", title="Poll 1: Where?", parts=(Flow("How it was counted", stages),))
    assert chart(json.loads(json.dumps(asdict(picture)))) == picture
    assert drawing.draw(picture).startswith(b"\x89PNG")


async def _file(town: Town, who: str, line: str, monkeypatch: pytest.MonkeyPatch) -> str:
    sent: list[str] = []
    send = town.practice.networks["console"].send

    async def keep(letter: object) -> str:
        document = getattr(letter, "document", None)
        if document is not None:
            sent.append(document.text)
        return await send(letter)  # type: ignore[arg-type]

    monkeypatch.setattr(town.practice.networks["console"], "send", keep)
    await town.whispers(who, line)
    monkeypatch.undo()
    (text,) = sent
    return text


async def test_solibot_count_counts_the_export_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await make(town, "Where?", *ABC, method="irv")
    await vote(town, 1, ana=[[1], [2]], ben=[[2], [1]], chi=[[3]])
    found = await closed(town, 1)
    assert found.result is not None
    text = await _file(town, "eli", "/poll 1 export json", monkeypatch)
    filed = elections.load(text)
    # All three are level: without the seed nobody knows who won, with it everybody does.
    assert filed.lot is not None
    assert filed.commitment == filed.lot.commitment
    count = filed.count()
    assert [int(one) for one in count.winners] == found.result["winners"]
    assert any(tie.how == "lot" for tie in count.ties)
    assert [one.name for one in filed.election.options] == list(ABC)
    assert not re.search(r"\b(Ana|Ben|Chi)\b", text)


async def test_the_table_names_voters_only_where_names_are_shown(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await make(town, "Where?", *ABC)
    await vote(town, 1, ana=[[1], [2], [3]], ben=[[2], [1, 3]])
    await closed(town, 1)
    rows = list(csv.reader(io.StringIO(await _file(town, "eli", "/poll 1 export csv", monkeypatch))))
    assert rows == [["Voter", *ABC], ["Ana", "1", "2", "3"], ["Ben", "2", "1", "2"]]


async def test_a_few_hidden_rankings_are_not_handed_out(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await _hidden(town)
    await vote(town, 1, ana=[[1], [2]], ben=[[2]], chi=[[3], [1]], eli=[[2], [1]], dan=[[2]])
    found = await closed(town, 1)
    assert found.result is not None
    table = await _file(town, "eli", "/poll 1 export csv", monkeypatch)
    assert table.splitlines()[0] == ",Ana,Ben,Chi"
    text = await _file(town, "eli", "/poll 1 export json", monkeypatch)
    assert json.loads(text)["ballots"] is None
    assert json.loads(text)["result"]["matrix"] == found.result["count"]["matrix"]
    # What stands for them in the log cannot be found by trying: the salt stays here.
    assert found.result["salt"] not in text
    said = await town.says("eli", "/poll 1 verify")
    assert "the same result" in said
    assert "only I can count them again" in said


async def test_hidden_choices_of_one_thing_each_are_handed_out(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await _hidden(town, method="plurality")
    await vote(town, 1, ana=1, ben=2, chi=2, eli=2, dan=3)
    await closed(town, 1)
    rows = list(csv.reader(io.StringIO(await _file(town, "eli", "/poll 1 export csv", monkeypatch))))
    assert rows == [["Ana", "Ben", "Chi"], ["", "", "1"], ["", "1", ""], ["", "1", ""], ["", "1", ""], ["1", "", ""]]
