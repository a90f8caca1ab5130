"""`solibot rota`: what the guide shows is what it does, and a wrong file is told where it is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot import rota as offline
from bot.__main__ import app

GUIDE = (Path(__file__).parent.parent / "docs" / "rota.md").read_text("utf-8")
EXAMPLE = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)[0]
SHOWN = re.findall(r"```text\n(.*?)```", GUIDE, re.DOTALL)[0]


def rota(folder: Path, content: str | bytes, *more: str) -> tuple[int, str, str]:
    """The exit code of `solibot rota`, and what it says on both outputs."""
    file = folder / "rota.json"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    done = CliRunner().invoke(app, ["rota", str(file), *more])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.stdout, done.stderr


def test_the_guide_shows_what_is_planned(tmp_path: Path) -> None:
    assert rota(tmp_path, EXAMPLE) == (0, SHOWN, "")


def test_the_hash_can_be_compared(tmp_path: Path) -> None:
    hash_ = SHOWN.split()[-1]
    code, _, told = rota(tmp_path, EXAMPLE, "--against", hash_)
    assert (code, told) == (0, "The plan has this hash.\n")
    code, _, told = rota(tmp_path, EXAMPLE.replace('"burden": 1080', '"burden": 1081'), "--against", hash_)
    assert code == 1
    assert "another hash" in told


def test_the_order_in_the_file_changes_no_hash(tmp_path: Path) -> None:
    body = json.loads(EXAMPLE)
    body["members"].reverse()
    body["seats"].reverse()
    assert rota(tmp_path, json.dumps(body))[1].split()[-1] == SHOWN.split()[-1]


def test_programs_can_read_the_plan(tmp_path: Path) -> None:
    code, told, _ = rota(tmp_path, EXAMPLE, "--json")
    body = json.loads(told)
    assert code == 0
    assert body["holders"]["cook-1"] == "ana"
    assert body["empty"] == [{"seat": "cook-2-learn", "reasons": {"not learning": 2, "away": 1}}]
    assert body["plan"] == SHOWN.split()[-1]


def changed(**fields: Any) -> str:
    return json.dumps(json.loads(EXAMPLE) | fields)


def with_member(**fields: Any) -> str:
    body = json.loads(EXAMPLE)
    body["members"][0] |= fields
    return json.dumps(body)


def with_seat(**fields: Any) -> str:
    body = json.loads(EXAMPLE)
    body["seats"][0] |= fields
    return json.dumps(body)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "line 1: that is not JSON"),
        (b"\xff\xfe", "is not text in UTF-8"),
        ("[" * 100_000, "is not JSON that can be read"),
        ("[]", "the file: it must be an object"),
        (changed(start="2026-02-30"), "“start” must be a date such as 2026-12-08, not 2026-02-30"),
        (changed(days=0), "days: 0 is not between 1 and 366"),
        (changed(days=True), "“days” must be a whole number"),
        (changed(days=14.0), "“days” must be a whole number"),
        (changed(format=2), "only format 1 is known"),
        (changed(zone="Europe/Nowhere"), "there is no time zone Europe/Nowhere"),
        (changed(zone=None), "seat cook-1: “at” is missing, and the file has no “zone”"),
        (changed(members=[3]), "member 1: it must be an object"),
        (changed(weeks=3), "“weeks” is not known here"),
        (changed(held=[{"seat": "cook-9", "member": "ana"}]), "“stage” is one of frozen, firm, draft"),
        (changed(held=[{"seat": "cook-1", "member": "zoe"}]), "held cook-1: there is no seat cook-1 or no member zoe"),
        (with_member(share_minutes="600"), "member ana: “share_minutes” must be a whole number"),
        (with_member(available={"someday": []}), "member ana: “available” knows mon, tue"),
        (with_member(available={"mon": ["noon"]}), "“available” knows night, morning, afternoon, evening, not noon"),
        (with_member(away=[["2026-12-09", "2026-12-08"]]), "member ana, away: 2026-12-08 comes before 2026-12-09"),
        (with_member(skils=["stove"]), "member ana: “skils” is not known here"),
        (with_member(skills=[""]), "member ana: “skills” must hold names of 1 to 200 characters"),
        (with_member(id="ben"), "members: ben stands there twice"),
        (with_seat(onerousness=6), "seat cook-1, onerousness: 6 is not between 1 and 5"),
        (with_seat(local="18:00"), "seat cook-1: “local” must be a time such as 2026-12-08T18:00, not 18:00"),
        (with_seat(local="2026-12-07T18:00Z"), "seat cook-1: “local” must be a time such as"),
        (with_seat(local="2026-12-07T18:00:30"), "seat cook-1: times are whole minutes"),
        (with_seat(at="2026-12-07T17:00"), "seat cook-1: “at” must be a time such as 2026-12-08T17:00Z, with a zone"),
        (with_seat(minutes=None), "seat cook-1: “minutes” is missing"),
        (with_seat(task="chair"), "seat cook-1: a role's seat needs the number of its term"),
    ],
)
def test_a_wrong_file_is_told_where_it_is_wrong(tmp_path: Path, content: str | bytes, told: str) -> None:
    code, out, said = rota(tmp_path, content)
    assert (code, out) == (2, "")
    assert told in said
    assert len(said) < 400


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["rota", str(tmp_path / "none.json")])
    assert done.exit_code == 2
    assert "cannot be read (no such file or directory)" in done.stderr


@pytest.mark.parametrize(
    "content", [with_member(id="ana\x1b[31m"), with_member(joined="\x1b[31m"), changed(**{"\x1b[1m": 1})]
)
def test_what_a_terminal_would_obey_is_not_printed(tmp_path: Path, content: str) -> None:
    file = tmp_path / "rota.json"
    file.write_text(content)
    with pytest.raises(offline.CannotPlan) as caught:
        offline.read(file)
    assert caught.value.sentence.isprintable()
