"""What is worked out in a process of its own: rules that take long, by their names.

Each takes plain values and returns plain values. `python -m bot.calculations` reads {"kind", "body"} as JSON, and
writes what comes of it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from bot.domain import asking, ballots, elections, fairness, margins, rostering, snapshots, turns
from bot.domain.rotation import Instance


def plan(body: Any) -> Any:
    """A snapshot of a rota, planned: `holders` by seat; `hash` of the plan; which seats are `empty`, and all `changes`.

    Of a change that somebody cannot keep a seat any more it does not say why: that is theirs alone.
    """
    instance = snapshots.read(body)
    found = rostering.plan(instance)
    return {
        "holders": dict(found.holders),
        "hash": snapshots.plan_hash(instance, found.holders),
        "empty": [asdict(one) for one in found.empty],
        "changes": [
            {"seat": one.seat, "before": one.before, "after": one.after, "why": one.why} for one in found.changes
        ],
    }


def compare(body: Any) -> Any:
    """Two snapshots, `now` and `then`, planned: who has which seat, how many are empty, and how even it is.

    `burden`, `empowerment`: whoever carries least and whoever carries most, in thousandths of what is due to them.
    """
    return {name: _outcome(snapshots.read(body[name])) for name in ("now", "then")}


def _outcome(instance: Instance) -> dict[str, Any]:
    found = rostering.plan(instance)
    even = fairness.fairness(instance, found.holders)
    return {
        "holders": dict(found.holders),
        "empty": len(found.empty),
        "burden": [even.burden.least, even.burden.most],
        "empowerment": [even.empowerment.least, even.empowerment.most],
    }


def verify(body: Any) -> Any:
    """A `snapshot`, and the `holders` that were kept of its plan: the hash of the plan made `again`, and of those."""
    instance = snapshots.read(body["snapshot"])
    again = rostering.plan(instance).holders
    return {
        "again": snapshots.plan_hash(instance, again),
        "kept": snapshots.plan_hash(instance, body["holders"]),
    }


def why(body: Any) -> Any:
    """Why whoever has a `seat` has it, by a `snapshot` and the `holders` of now: `turns.WhyMe` as plain values."""
    found = asdict(turns.why_me(snapshots.read(body["snapshot"]), body["holders"], body["seat"]))
    found["doors"] = [[day, part, count] for (day, part), count in found["doors"]]
    return found


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


def count(body: Any) -> Any:
    """An export of an election (docs/counting.md), counted as it says: `ballots.result_dict`."""
    return ballots.result_dict(elections.read_export(body).count())


def margin(body: Any) -> Any:
    """How close an exported election was: `margins.margin_dict`."""
    filed = elections.read_export(body)
    method = filed.method or elections.usual(filed.seats)
    return margins.margin_dict(margins.margin(filed.election, method=method, seats=filed.seats, lot=filed.lot))


def poll(body: Any) -> Any:
    """Both: the `count` of an exported election, and its `margin`."""
    return {"count": count(body), "margin": margin(body)}


CALCULATIONS: Mapping[str, Callable[[Any], Any]] = {
    "plan": plan,
    "compare": compare,
    "verify": verify,
    "why": why,
    "line": line,
    "swaps": swaps,
    "count": count,
    "margin": margin,
    "poll": poll,
}


def main() -> None:
    """Read what is wanted, write what comes of it."""
    wanted = json.load(sys.stdin)
    json.dump(CALCULATIONS[wanted["kind"]](wanted["body"]), sys.stdout)


if __name__ == "__main__":
    main()
