"""How amounts of money or a local unit, and parts, are written: `12`, `12.50`, `12,50`, `€12.50`, `12,50 €`; `8%`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.text import Amount, Percent, Refusal, T, Typed

AMOUNT_MAX = 100_000_000
"""A million. More than this at once is a slip of the finger."""

# Figures of any size, so that each wrong one gets the sentence that it needs; what stands behind is at most a comma.
_FIGURE = re.compile(
    r"(?P<sign>[-+−])?[€$£]?(?P<whole>[0-9]{0,40})(?P<parts>(?:[.,'’][0-9]{1,40}){0,8})[€$£]?[,;]?", re.ASCII
)
SIGNS = frozenset("€$£")


def read_amount(words: Sequence[str]) -> tuple[Amount, int] | None:
    """The amount at the beginning of the words, in whole hundredths, and how many words it takes; None: there is none.

    Point and comma mean the same. Refuses what is an amount but not one that can be recorded: nothing, less than
    nothing, parts of a hundredth, marks for thousands (1.234 could be either), more than `AMOUNT_MAX`.
    """
    skip = 1 if len(words) > 1 and words[0] in SIGNS else 0
    found = _FIGURE.fullmatch(words[skip]) if words else None
    if found is None or not (found["whole"] or found["parts"]):
        return None
    count = skip + 1
    if not skip and len(words) > 1 and words[1].rstrip(",;") in SIGNS and not words[0].endswith((",", ";")):
        count += 1
    return _checked(found, words[skip].rstrip(",;")), count


def _checked(found: re.Match[str], word: str) -> Amount:
    parts = re.split(r"[.,'’]", found["parts"])[1:]
    if len(parts) > 1 or "'" in found["parts"] or "’" in found["parts"]:
        plain = "".join([found["whole"], *parts[:-1]]) if len(parts[-1]) < 3 else "".join([found["whole"], *parts])
        cents = f".{parts[-1]}" if len(parts[-1]) < 3 else ""
        raise Refusal(
            T(
                "I cannot tell the thousands from the rest in “{word}”. Write it without a mark for thousands, like "
                "{example}.",
                word=word[:20],
                example=Typed(plain[:12] + cents),
            )
        )
    cents = parts[0] if parts else ""
    if len(cents) > 2:
        raise Refusal(
            T(
                "“{word}” has more than two digits after the comma. Write it like {example}, and thousands without a "
                "mark.",
                word=word[:20],
                example=Typed("12.50"),
            )
        )
    hundredths = int(found["whole"] or 0) * 100 + int(cents.ljust(2, "0"))
    if found["sign"] in ("-", "−") or not hundredths:
        raise Refusal(T("The amount must be more than nothing. Write it like {example}.", example=Typed("12.50")))
    if hundredths > AMOUNT_MAX:
        raise Refusal(T("“{word}” is too much at once: at most {most}.", word=word[:20], most=Amount(AMOUNT_MAX)))
    return Amount(hundredths)


POINTS_MAX = 10_000
"""All of it, in basis points."""

_PART = re.compile(r"(?P<sign>[-+−])?(?P<whole>[0-9]{0,40})(?:[.,](?P<parts>[0-9]{1,40}))?(?P<mark>%)?[,;]?", re.ASCII)


def read_percent(words: Sequence[str]) -> tuple[Percent, int] | None:
    """The part at the beginning of the words, in basis points, and how many words it takes; None: there is none.

    It is known by its mark: `8%`, `2.5%`, `2,5%`, `8 %`. Refuses what is a part but not one that can be: less than
    nothing, more than all of it, parts of a hundredth.
    """
    found = _PART.fullmatch(words[0]) if words else None
    if found is None or not (found["whole"] or found["parts"]):
        return None
    count = 1
    if not found["mark"]:
        if words[0].endswith((",", ";")) or len(words) < 2 or words[1].rstrip(",;") != "%":
            return None
        count = 2
    parts = (found["parts"] or "").rstrip("0")
    word = " ".join(words[:count])[:20]
    if len(parts) > 2:
        raise Refusal(
            T("“{word}” is finer than I count: two digits after the comma, like {example}.", word=word, example="2.25%")
        )
    points = int(found["whole"] or 0) * 100 + int(parts.ljust(2, "0"))
    if points > POINTS_MAX or (found["sign"] in ("-", "−") and points):
        raise Refusal(T("“{word}” is out of bounds: at least {least} and at most {most}.", word=word, **_ENDS))
    return Percent(points), count


_ENDS = {"least": Percent(0), "most": Percent(POINTS_MAX)}
