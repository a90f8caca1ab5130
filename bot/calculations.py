"""What is worked out in a process of its own: rules that take long, by their names.

Each takes plain values and returns plain values. `python -m bot.calculations` reads {"kind", "body"} as JSON, and
writes what comes of it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from bot.domain import rostering, snapshots


def plan(body: Any) -> Any:
    """A snapshot of a rota, planned: `holders` by seat; `hash` of the plan."""
    instance = snapshots.read(body)
    found = rostering.plan(instance)
    return {"holders": dict(found.holders), "hash": snapshots.plan_hash(instance, found.holders)}


CALCULATIONS: Mapping[str, Callable[[Any], Any]] = {"plan": plan}


def main() -> None:
    """Read what is wanted, write what comes of it."""
    wanted = json.load(sys.stdin)
    json.dump(CALCULATIONS[wanted["kind"]](wanted["body"]), sys.stdout)


if __name__ == "__main__":
    main()
