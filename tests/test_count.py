"""`solibot count`: anybody counts an election from a file, and a file that is wrong is told where."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from bot.domain import ballots, elections
from bot.domain.ballots import Election, Form, Option
from bot.domain.tallies import Ballot, Lot
from tests.elections import PUBLISHED, REFERENCES, real, reference

GUIDE = (Path(__file__).parent.parent / "docs" / "counting.md").read_text("utf-8")
EXAMPLE = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)[0]
SHOWN = re.findall(r"```text\n(.*?)```", GUIDE, re.DOTALL)[0]
LEVEL = '3 1\n4 1 0\n4 2 0\n1 3 0\n0\n"Ana"\n"Ben"\n"Chi"\n"Who speaks?"\n'


def count(file: Path, *more: str) -> tuple[int, str, str]:
    """The exit code of `solibot count`, and what it says on both outputs."""
    done = CliRunner().invoke(app, ["count", str(file), *more])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.stdout, done.stderr


def as_data(file: Path, *more: str) -> dict[str, Any]:
    code, told, trouble = count(file, "--json", *more)
    assert (code, trouble) == (0, "")
    found: dict[str, Any] = json.loads(told)
    return found


def written(folder: Path, content: str | bytes, name: str = "votes.blt") -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


# --- real elections ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_real_election_elects_who_was_elected(name: str) -> None:
    found = as_data(real(name))
    assert found["winners"] == PUBLISHED[name]
    assert found["method"] == "scottish-stv"
    assert found["undecided"] is None
    told = count(real(name))[1]
    assert all(f"\n  {winner}\n" in told for winner in PUBLISHED[name])


@pytest.mark.parametrize("name", REFERENCES)
def test_every_stage_can_be_compared_with_a_reference(name: str) -> None:
    _, stages = reference(REFERENCES[name])
    ours = [one for one in as_data(real(name))["stages"] if one["action"] != "remaining"]
    assert len(ours) == len(stages)
    for mine, theirs in zip(ours, stages, strict=True):
        votes = {one["option"]: one["votes"] for one in mine["totals"]}
        assert {who: votes[who] for who in theirs.votes if who in votes} == {
            who: figure for who, figure in theirs.votes.items() if who in votes
        }


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("method", ["plurality", "approval", "irv", "schulze"])
def test_a_real_election_is_counted_in_other_ways_too(name: str, method: str) -> None:
    found = as_data(real(name), "--method", method, "--seats", "1", "--seed", "x")
    assert len(found["winners"]) == 1
    assert found["method"] == method
    if found["condorcet"] is not None:
        assert found["winners"] == [found["condorcet"]]


# --- lots ----------------------------------------------------------------------------------------------------------


def test_a_needed_lot_is_told_and_not_drawn(tmp_path: Path) -> None:
    file = written(tmp_path, LEVEL)
    found = as_data(file, "--method", "irv")
    assert (found["winners"], found["undecided"]["tied"]) == ([], ["Ana", "Ben"])
    assert [one["how"] for one in found["ties"]] == ["undecided"]
    code, told, _ = count(file, "--method", "irv")
    assert code == 0
    assert "a lot has to be drawn between Ana, Ben" in told
    assert "was not drawn" in told


def test_the_seed_decides_and_the_same_seed_decides_the_same(tmp_path: Path) -> None:
    file = written(tmp_path, LEVEL)
    outcomes = {seed: tuple(as_data(file, "--method", "irv", "--seed", seed)["winners"]) for seed in "abcdefgh"}
    assert set(outcomes.values()) == {("Ana",), ("Ben",)}
    assert outcomes == {seed: tuple(as_data(file, "--method", "irv", "--seed", seed)["winners"]) for seed in "abcdefgh"}
    (tie,) = as_data(file, "--method", "irv", "--seed", "a")["ties"]
    assert (tie["how"], sorted(tie["tied"])) == ("lot", ["Ana", "Ben"])


def test_the_order_of_the_ballots_changes_nothing(tmp_path: Path) -> None:
    one = as_data(written(tmp_path, LEVEL), "--seed", "a")
    other = as_data(
        written(tmp_path, LEVEL.replace("4 1 0\n4 2 0\n", "2 2 0\n4 1 0\n2 2 0\n"), "other.blt"), "--seed", "a"
    )
    assert one == other


# --- our own export ------------------------------------------------------------------------------------------------


def test_the_guide_shows_what_is_counted(tmp_path: Path) -> None:
    assert count(written(tmp_path, EXAMPLE, "poll.json")) == (0, SHOWN, "")
    filed = elections.load(EXAMPLE)
    assert filed.method
    again = elections.export(
        filed.election, method=filed.method, seats=filed.seats, lot=filed.lot, roll=filed.roll, result=filed.count()
    )
    assert again | {"result": None} == json.loads(EXAMPLE)


def exported(**changes: Any) -> str:
    options = tuple(Option(one, one.title()) for one in ("library", "hall", "park"))
    papers = (Ballot((("library",),), 3), Ballot((("hall",),), 2))
    election = Election(options, Form("choices", 1), papers, "Where do we meet?")
    found = ballots.count(election, method="plurality")
    return elections.dump(elections.export(election, method="plurality", result=found) | changes)


def test_an_export_is_counted_as_it_says(tmp_path: Path) -> None:
    found = as_data(written(tmp_path, exported(), "poll.json"))
    assert (found["winners"], found["method"], found["seats"]) == (["Library"], "plurality", 1)


def test_a_result_that_does_not_come_from_the_ballots_is_told(tmp_path: Path) -> None:
    body = json.loads(exported())
    body["ballots"][0]["weight"] = 9
    code, told, trouble = count(written(tmp_path, json.dumps(body), "poll.json"))
    assert code == 1
    assert "Hall" in told
    assert trouble.startswith("The file says that others won")


def test_a_seed_that_was_not_promised_is_told(tmp_path: Path) -> None:
    ties = {"rule": "lot", "commitment": Lot("green").commitment, "seed": "red"}
    assert count(written(tmp_path, exported(ties=ties), "poll.json"))[0] == 1
    ties["seed"] = "green"
    assert count(written(tmp_path, exported(ties=ties), "poll.json"))[0] == 0


# --- what is wrong is told -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        (b"", (), "there is nothing in the file."),
        (b"hello\n", (), "line 1: it must begin with two numbers"),
        (b"\x00\xff\xfe\x01", (), "line 1"),
        (LEVEL.replace("1 3 0", "1 9 0"), (), "line 4: there is no candidate 9"),
        (LEVEL.replace("1 3 0\n0\n", "1 3 0\n"), (), "line 5: there must be a 0 on a line"),
        ("{", (), "line 1: that is not JSON"),
        ("[" * 100_000, (), "that is not JSON"),
        ('{"format": 1}', (), "it is not an export of a count"),
        (LEVEL, ("--method", "score"), "Ranked ballots cannot be counted by score"),
        (LEVEL, ("--seats", "0"), "at least one seat"),
        (LEVEL, ("--method", "irv", "--seats", "2"), "leave --seats out"),
    ],
)
def test_a_file_that_cannot_be_counted_is_told_in_a_sentence(
    tmp_path: Path, content: str | bytes, more: tuple[str, ...], said: str
) -> None:
    code, told, trouble = count(written(tmp_path, content), *more)
    assert (code, told) == (2, "")
    assert said in trouble
    assert trouble.count("\n") == 1


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert count(tmp_path / "none.blt")[0] == 2
    assert count(tmp_path)[0] == 2


def test_old_files_from_windows_are_read(tmp_path: Path) -> None:
    name = '2 1\r\n1 1 0\r\n0\r\n"José"\r\n"Zoë"\r\n"Wahl"\r\n'
    for encoding in ("cp1252", "utf-8", "utf-8-sig", "utf-16"):
        assert as_data(written(tmp_path, name.encode(encoding)))["winners"] == ["José"]


def test_nothing_in_a_file_reaches_the_terminal_as_a_command(tmp_path: Path) -> None:
    file = written(tmp_path, LEVEL.replace('"Ana"', '"A\x1b[2Jna"').replace("4 1 0", "5 1 0"))
    assert "\x1b" not in count(file)[1]


def test_counting_needs_no_network_no_database_and_no_settings(tmp_path: Path) -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from bot.__main__ import app;"
        f"done = CliRunner().invoke(app, ['count', {str(written(tmp_path, LEVEL))!r}, '--seed', 'a']);"
        "print(done.exit_code, sorted({'telegram', 'nio', 'aiosqlite', 'sqlite3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0 []"
