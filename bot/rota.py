"""What `solibot rota` does: plan an instance from a file, without the bot, and print what came out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from bot.domain import fairness, rostering, rotation, snapshots
from bot.domain.rostering import Plan
from bot.domain.rotation import Instance, NotPossible, Reason

BYTES_MAX = 50_000_000
SENTENCE_MAX = 400

WORDS: dict[Reason | None, str] = {
    "skill": "without the skill",
    "not learning": "not learning it",
    "not here": "not yet or no more there",
    "no share": "without agreed hours",
    "away": "away",
    "unavailable": "not free at that time",
    "busy": "with another seat then",
    "week": "at their most for the week",
    "task": "at their most for the task",
    "hours": "with their agreed hours used up",
    "cool-down": "in a pause from the role",
    None: "cannot",
}


class CannotPlan(Exception):
    """There is no plan. `sentence`: why."""

    def __init__(self, sentence: str) -> None:
        # It may quote what stands in a file from anywhere.
        self.sentence = "".join(one if one.isprintable() else "?" for one in sentence[:SENTENCE_MAX])
        super().__init__(self.sentence)


def read(file: Path) -> Instance:
    """The instance in a file. Raises `CannotPlan`."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CannotPlan(f"{file} cannot be read ({(error.strerror or 'error').lower()}).") from None
    if len(content) > BYTES_MAX:
        raise CannotPlan(f"{file} is too large: at most {BYTES_MAX // 1_000_000} MB.")
    try:
        return snapshots.read(json.loads(content.decode("utf-8")))
    except UnicodeDecodeError:
        raise CannotPlan(f"{file} is not text in UTF-8.") from None
    except json.JSONDecodeError as error:
        raise CannotPlan(f"{file}, line {error.lineno}: that is not JSON ({error.msg}).") from None
    except (RecursionError, ValueError) as error:
        if isinstance(error, NotPossible):
            raise CannotPlan(f"{file}, {error.where}: {error.why}.") from None
        raise CannotPlan(f"{file} is not JSON that can be read.") from None


def told(instance: Instance, plan: Plan) -> Iterator[str]:
    """The plan in lines: who has which seat, what stays empty and why, what changed, how fair it is, and the hashes."""
    seats = sorted(instance.seats, key=lambda one: (one.at, one.id))
    empty = {one.seat: one for one in plan.empty}
    day = None
    for seat in seats:
        if seat.local.date() != day:
            day = seat.local.date()
            yield f"{day:%a} {day}"
        when = f"{seat.local:%H:%M}" if seat.until is None else f"until {seat.until:%a %m-%d}"
        who = plan.holders.get(seat.id)
        if who is None:
            reasons = ", ".join(f"{count} {WORDS[reason]}" for reason, count in empty[seat.id].reasons)
            who = f"nobody: {reasons or 'there are no members'}"
        yield f"  {when}  {seat.task}  {who}{'  (learning)' if seat.trainee else ''}"
    changed = [one for one in plan.changes if one.before is not None]
    if changed:
        yield ""
        yield f"Changed: {len(changed)} of {len(instance.held)} seats that had somebody"
        for change in changed:
            why = change.why if change.reason is None else f"{change.before} is {WORDS.get(change.reason, 'unable')}"
            yield f"  {change.seat}: {change.before} -> {change.after or 'nobody'} ({why})"
    yield ""
    yield from _figures(instance, plan)
    yield ""
    yield f"Instance {snapshots.instance_hash(instance)}"
    yield f"Plan     {snapshots.plan_hash(instance, plan.holders)}"


def _figures(instance: Instance, plan: Plan) -> Iterator[str]:
    fair = fairness.fairness(instance, plan.holders)
    width = max((len(one.id) for one in instance.members), default=6)
    for name, balance in (("Burden", fair.burden), ("Empowerment", fair.empowerment)):
        yield f"{name}, in hours x rating"
        yield f"  {'':<{width}}  before  credited  planned  of the level"
        for dial in balance.dials:
            yield (
                f"  {dial.member:<{width}}  {_hours(dial.carried):>6}  {_hours(dial.credited):>8}  "
                f"{_hours(dial.coming):>7}  {_percent(dial.permille):>12}"
            )
        yield (
            f"  Spread {_percent(balance.spread)} of the level (from {_percent(balance.least)} to "
            f"{_percent(balance.most)}), Gini {balance.gini / 1000:.3f}"
        )
        yield ""
    yield f"Seats: {len(instance.seats)}, of them empty: {len(plan.empty)}. Moves tried: {plan.tried}"


def _hours(points: int) -> str:
    return f"{points / 60:.1f}"


def _percent(permille: int | None) -> str:
    return "-" if permille is None else f"{permille / 10:.1f} %"


def as_json(instance: Instance, plan: Plan) -> str:
    """The plan for other programs."""
    fair = fairness.fairness(instance, plan.holders)
    body = {
        "instance": snapshots.instance_hash(instance),
        "plan": snapshots.plan_hash(instance, plan.holders),
        "holders": dict(plan.holders),
        "empty": [
            {"seat": one.seat, "reasons": {reason or "cannot": count for reason, count in one.reasons}}
            for one in plan.empty
        ],
        "changes": [
            {
                "seat": one.seat,
                "before": one.before,
                "after": one.after,
                "why": one.why,
                "reason": None if one.reason in rotation.PRIVATE else one.reason,
            }
            for one in plan.changes
        ],
        "spread_permille": {"burden": fair.burden.spread, "empowerment": fair.empowerment.spread},
    }
    return json.dumps(body, ensure_ascii=False, sort_keys=True, indent=2)


def plan(instance: Instance) -> Plan:
    """The plan of an instance."""
    return rostering.plan(instance)
