"""How amounts of time are written: `1h30`, `90m`, `1,5 h`, `1:30`, `1 h 30 min`, `2 hours and a half`, `media hora`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction

from bot.text import Minutes, Refusal, T, Typed

MINUTES_MAX = 100 * 60
"""More than this at once is a slip of the finger, not an exchange."""

# The words of every shipped language are understood at once: members of one group mix them.
_HOUR = r"(?:h|hs|hr|hrs|hours?|horas?|std|stunden?)"
_MINUTE = r"(?:m|min|mins|minutes?|minutos?|minuten?)"
_AMOUNT = re.compile(
    rf"""
    (?P<sign>[-+])?
    (?: (?P<clock_hours>[0-9]{{1,6}}) : (?P<clock_minutes>[0-9]{{2}}) (?:\s?{_HOUR})?
      | (?P<hours>[0-9]{{1,6}}) \s? {_HOUR} \s? (?P<rest>[0-5]?[0-9]) (?P<unit>\s?{_MINUTE})?
      | (?P<parts>[0-9]{{1,6}}(?:[.,][0-9]{{1,6}})?) \s? {_HOUR}
      | (?P<whole>[0-9]{{1,6}})? \s? (?P<fraction>[¼½¾]) \s? {_HOUR}
      | (?P<minutes>[0-9]{{1,6}}) \s? {_MINUTE}
    ) \.?
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_AND = re.compile(rf"(?<=[a-z.])\s(?:and|y|und)\s(?=[0-9]{{1,2}}\s?{_MINUTE}\.?$)", re.IGNORECASE | re.ASCII)
"""`1 hour and 30 minutes`: without the word between. Otherwise it would be read as one hour, and no more."""
_AND_A_HALF = re.compile(
    rf"(?P<hours>[0-9]{{1,6}}) (?: \s?{_HOUR} \s (?:and\sa\shalf|y\smedia) | \s and\sa\shalf \s {_HOUR} )",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
# What people say rather than write in figures, in every shipped language.
_SPELLED = {
    form: minutes
    for minutes, forms in {
        15: "quarter of an hour|a quarter of an hour|un cuarto de hora|cuarto de hora|viertelstunde|eine viertelstunde",
        30: "half an hour|half hour|a half hour|media hora|halbe stunde|eine halbe stunde|ne halbe stunde",
        45: "three quarters of an hour|tres cuartos de hora|dreiviertelstunde|eine dreiviertelstunde",
        60: "an hour|one hour|una hora|eine stunde",
        90: "an hour and a half|one hour and a half|one and a half hours|hora y media|una hora y media"
        "|anderthalb stunden|eineinhalb stunden",
        120: "two hours|dos horas|zwei stunden",
        150: "two hours and a half|two and a half hours|dos horas y media|zweieinhalb stunden",
        180: "three hours|tres horas|drei stunden",
        240: "four hours|cuatro horas|vier stunden",
    }.items()
    for form in forms.split("|")
}
_WORDS_MAX = 5
_LOOKS_LIKE_AMOUNT = re.compile(r"[-+]?[0-9]+(?:[.,:][0-9]+)?", re.ASCII)


def read_duration(words: Sequence[str], *, zero: bool = False, most: int = MINUTES_MAX) -> tuple[Minutes, int] | None:
    """The amount of time at the beginning of the words, and how many of them it takes; None: there is none.

    Refuses what is an amount of time but not one that can be recorded: nothing, less than nothing, parts of a
    minute, more than `most`; and a bare number, which could be hours or minutes. `zero`: nothing is allowed.
    """
    for count in range(min(_WORDS_MAX, len(words)), 0, -1):
        written = " ".join(words[:count])
        if minutes := _SPELLED.get(folded(written)):
            return Minutes(minutes), count
        if found := _AND_A_HALF.fullmatch(written):
            return _within(Fraction(int(found["hours"]) * 60 + 30), written, most), count
        if found := _AMOUNT.fullmatch(_AND.sub(" ", written)):
            return _checked(found, written, zero=zero, most=most), count
    if words and _LOOKS_LIKE_AMOUNT.fullmatch(words[0]):
        raise _hours_or_minutes(words[0], hours="2h", minutes="90m")
    return None


_FRACTIONS = {"¼": Fraction(1, 4), "½": Fraction(1, 2), "¾": Fraction(3, 4)}


def _checked(found: re.Match[str], written: str, *, zero: bool, most: int) -> Minutes:
    part = found.groupdict()
    if part["clock_hours"] is not None:
        if int(part["clock_minutes"]) > 59:
            raise Refusal(T("“{word}” is not a time: an hour has 60 minutes.", word=written))
        exact = Fraction(int(part["clock_hours"]) * 60 + int(part["clock_minutes"]))
    elif part["hours"] is not None:
        if len(part["rest"]) == 1 and part["unit"] is None:
            # “2h 3 bikes” and “2h 3” mean different times: it is asked back, not guessed.
            hours = part["hours"]
            raise _hours_or_minutes(part["rest"], hours=f"{hours}h", minutes=f"{hours}h0{part['rest']}")
        exact = Fraction(int(part["hours"]) * 60 + int(part["rest"]))
    elif part["parts"] is not None:
        exact = Fraction(part["parts"].replace(",", ".")) * 60
    elif part["fraction"] is not None:
        exact = (int(part["whole"] or 0) + _FRACTIONS[part["fraction"]]) * 60
    else:
        exact = Fraction(int(part["minutes"]))
    if part["sign"] == "-" or exact < 0 or (exact == 0 and not zero):
        raise Refusal(T("The time must be more than nothing. Write it like {example}.", example=Typed("1h30")))
    if exact.denominator != 1:
        raise Refusal(
            T(
                "“{word}” is not a whole number of minutes. Write hours and minutes, like {example}.",
                word=written,
                example=Typed("1h20"),
            )
        )
    return _within(exact, written, most)


def _within(exact: Fraction, written: str, most: int) -> Minutes:
    if exact > most:
        raise Refusal(T("“{word}” is too much at once: at most {most}.", word=written, most=Minutes(most)))
    return Minutes(int(exact))


def _hours_or_minutes(word: str, *, hours: str, minutes: str) -> Refusal:
    return Refusal(
        T(
            "Is “{word}” in hours or in minutes? Write {hours} or {minutes}.",
            word=word,
            hours=Typed(hours),
            minutes=Typed(minutes),
        )
    )


def folded(name: str) -> str:
    """A name as it is compared: letter case, stray spaces and the way an accent is put together do not count."""
    return unicodedata.normalize("NFC", " ".join(name.casefold().split()))
