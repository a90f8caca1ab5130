"""`python -m bench core|telegram|matrix|crash|books|audit|statement|policies|rota|reminders|count|alerts|drill|...`"""

from __future__ import annotations

import argparse


def main() -> None:
    """Run one benchmark."""
    parser = argparse.ArgumentParser(prog="bench", description="Figures as ratios against a baseline in the same run.")
    which = ["core", "telegram", "matrix", "crash", "books", "audit", "statement", "policies", "rota", "reminders"]
    which += ["count", "alerts", "drill", "federation"]
    parser.add_argument("which", choices=which)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each figure is measured")
    parser.add_argument("--rounds", type=int, default=2, help="how often, in turn with the baseline")
    parser.add_argument("--entries", type=int, default=1_000_000, help="how long the long books are")
    parser.add_argument("--members", type=int, default=10_000, help="of how many books are audited, or closed")
    parser.add_argument("--sizes", type=int, nargs="*", default=[12, 50, 100, 200], help="of how many the rotas are")
    parser.add_argument("--seeds", type=int, default=5, help="how many instances of each size")
    parser.add_argument("--highs", type=float, nargs="*", default=[], help="how many seconds HiGHS gets: 10 60")
    parser.add_argument("--people", type=int, default=200, help="of how many a drill is")
    parser.add_argument("--networks", nargs="*", default=["telegram", "matrix"], help="over which a drill goes")
    parser.add_argument("--seed", type=int, default=1, help="who answers how in a drill")
    parser.add_argument("--slowest", type=float, default=60.0, help="after how many seconds the last of them answers")
    asked = parser.parse_args()
    if asked.which == "core":
        from bench import core

        core.run(asked.seconds)
    elif asked.which == "telegram":
        from bench import telegram

        telegram.run(asked.seconds, asked.rounds)
    elif asked.which == "matrix":
        from bench import matrix

        matrix.run(asked.seconds, asked.rounds)
    elif asked.which == "books":
        from bench import books

        books.run(asked.entries)
    elif asked.which == "statement":
        from bench import statement

        statement.run(asked.entries)
    elif asked.which == "policies":
        from bench import policies

        policies.run(asked.members)
    elif asked.which == "rota":
        from bench import rota

        rota.run(asked.sizes, asked.seeds, asked.highs)
    elif asked.which == "reminders":
        from bench import reminders

        reminders.run(asked.rounds)
    elif asked.which == "drill":
        from bench import drill

        drill.run(asked.networks, asked.people, asked.seed, asked.slowest)
    elif asked.which == "count":
        from bench import count

        count.run(asked.rounds)
    elif asked.which == "alerts":
        from bench import alerts

        alerts.run(asked.rounds)
    elif asked.which == "federation":
        from bench import federation

        federation.run(asked.rounds)
    elif asked.which == "audit":
        from bench import books

        books.run_audit(asked.entries, asked.members)
    else:
        from bench import crash

        crash.run()


main()
