"""What a poll came to: its ballots as the rules of counting read them, and the result in words and as a picture."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from bot.chat import Bar, Bars, Chart, Flow, Stage
from bot.domain import processes
from bot.domain.ballots import Election, Form
from bot.domain.ballots import Option as Standing
from bot.domain.chain import canonical
from bot.domain.processes import Held, Method
from bot.polls import option_words
from bot.text import Bold, Listed, N, Reader, T, Text, Words, shown
from storage.ballots import Ballot
from storage.polls import Option, Poll

RANKED: frozenset[Method] = frozenset({"schulze", "irv", "scottish-stv"})
TELLING_MIN = 30
"""Fewer ballots of a hidden poll that say more than one thing each are not handed out: a ranking is like a signature."""
STAGES_TOLD = 8
FLOWING_MAX = 8
"""A picture of stages begins when so many are left: more have no room for their names on a phone."""

VERDICTS: Mapping[str, Text] = {
    "passed": T("it has passed."),
    "failed": T("it has not passed."),
    "decided": T("it is decided."),
    "tied": T("it is a tie."),
    "told": T("nothing was to be decided."),
    "no_quorum": T("too few voted for it to count."),
    "too_few": T("too few voted for it to stay hidden who voted what, so nothing was counted."),
    "not_done": T("it has passed, but could not be carried out."),
}


# --- ballots, for counting ---------------------------------------------------------------------------------------


def form(poll: Poll) -> Form:
    """What a ballot of this poll may say."""
    match poll.method:
        case "options" | "plurality":
            return Form("choices", 1)
        case "approval":
            return Form("choices", poll.rule.most)
        case "score":
            return Form("scores", poll.rule.most or 5)
        case "dots":
            return Form("dots", poll.rule.most or 5)
        case _:
            return Form("ranked")


def canonical_ballot(poll: Poll, choice: Any) -> Any:
    """A stored ballot in the form that is counted and published: options by their places, as strings."""
    if poll.method in RANKED:
        return [[str(place) for place in group] for group in choice]
    if poll.method in ("score", "dots"):
        return dict(choice)
    return [str(place) for place in (choice if isinstance(choice, list) else [choice])]


def ballots_hash(poll: Poll, found: Sequence[Ballot]) -> str:
    """What stands for all ballots of a poll in the log.

    Of a few ballots all that they may say could be tried out: so the seed goes into it, and in a hidden poll that keeps
    its ballots to itself a salt that is not published.
    """
    said = sorted(canonical({"is": canonical_ballot(poll, one.choice)}) for one in found)
    salt = (poll.result or {}).get("salt") or poll.seed or ""
    return hashlib.sha256(canonical({"poll": poll.number, "salt": salt, "ballots": said}).encode()).hexdigest()
