"""What is worked out in a process of its own: rules that take long, by their names.

Each takes plain values and returns plain values. `python -m bot.calculations` reads {"kind", "body"} as JSON, and
writes what comes of it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from bot.domain import asking, rostering, snapshots, turns


def plan(body: Any) -> Any:
    """A snapshot of a rota, planned: `holders` by seat; `hash` of the plan."""
    instance = snapshots.read(body)
    found = rostering.plan(instance)
    return {"holders": dict(found.holders), "hash": snapshots.plan_hash(instance, found.holders)}


def line(body: Any) -> Any:
    """Who is next for a seat of a rota: ids of `members`; where nobody is, `moves` of seats."""
    found = asking.line(snapshots.read(body["rota"]), body["seat"])
    return {"members": list(found.members), "moves": [list(move) for move in found.moves]}


def swaps(body: Any) -> Any:
    """Swaps of a seat of a rota: for each of them pairs of a seat and who gets it."""
    instance = snapshots.read(body["rota"])
    holders = {one.seat: one.member for one in instance.held}
    found = turns.swaps(instance, holders, body["seat"]) if body["seat"] in holders else ()
    return [[list(given) for given in one.gives] for one in found]


CALCULATIONS: Mapping[str, Callable[[Any], Any]] = {"plan": plan, "line": line, "swaps": swaps}


def main() -> None:
    """Read what is wanted, write what comes of it."""
    wanted = json.load(sys.stdin)
    json.dump(CALCULATIONS[wanted["kind"]](wanted["body"]), sys.stdout)


if __name__ == "__main__":
    main()
