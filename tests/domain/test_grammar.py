"""How time is written and read, and how words for people are put together."""

from __future__ import annotations

import gettext
import io
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from hypothesis import example, given
from hypothesis import strategies as st

from bot import text
from bot.domain import grammar
from bot.domain.grammar import MINUTES_MAX, folded, read_duration
from bot.text import Bold, Day, Listed, Minutes, N, Named, Reader, Refusal, Span, T, Typed, lines, plain, render, shown

ENGLISH, SPANISH, GERMAN = Reader("en"), Reader("es"), Reader("de")


def read(line: str, *, zero: bool = False) -> tuple[Minutes, int] | None:
    return read_duration(line.split(), zero=zero)


def why_not(line: str) -> str:
    with pytest.raises(Refusal) as refused:
        read(line)
    return shown(refused.value.words, ENGLISH)


# --- amounts of time -------------------------------------------------------------------------------------------

SPELLED = [
    ("half an hour", 30),
    ("media hora", 30),
    ("Eine halbe Stunde", 30),
    ("un cuarto de hora", 15),
    ("a quarter of an hour", 15),
    ("Dreiviertelstunde", 45),
    ("an hour", 60),
    ("una hora", 60),
    ("eine Stunde", 60),
    ("an hour and a half", 90),
    ("hora y media", 90),
    ("una hora y media", 90),
    ("anderthalb Stunden", 90),
    ("dos horas", 120),
    ("zwei Stunden", 120),
    ("2 hours and a half", 150),
    ("2 horas y media", 150),
    ("2 and a half hours", 150),
    ("zweieinhalb Stunden", 150),
    ("1 hour and 30 minutes", 90),
    ("1 hora y 30 minutos", 90),
    ("1 Stunde und 30 Minuten", 90),
    ("2h and 5 min", 125),
]


@pytest.mark.parametrize(("words", "minutes"), SPELLED)
def test_time_is_understood_as_people_say_it(words: str, minutes: int) -> None:
    count = len(words.split())
    assert read(words) == (minutes, count)
    assert read(f"{words} fixed the bike") == (minutes, count)


@pytest.mark.parametrize(
    ("words", "minutes", "count"),
    [("2 hours and 3 bikes", 120, 2), ("2h and a cake", 120, 1), ("an hour and a cake", 60, 2)],
)
def test_what_only_begins_like_it_is_left_to_the_words(words: str, minutes: int, count: int) -> None:
    assert read(words) == (minutes, count)


@pytest.mark.parametrize("words", ["media docena", "halbe", "half a cake", "una", "an", "two", "eine", "quarter"])
def test_words_that_are_no_time_are_left_alone(words: str) -> None:
    assert read(words) is None


FORMS = [
    "{h}h{m:02}",
    "{h}h{m:02}m",
    "{h}h {m:02}",
    "{h} h {m:02}",
    "{h} h {m:02} min",
    "{h}h {m}min",
    "{h} h {m} min.",
    "{h}:{m:02}",
    "{h}:{m:02}h",
    "{h}:{m:02} h",
    "{h} hours {m} minutes",
    "{h} hrs {m} mins",
    "{h} hour {m:02}",
    "{h} horas {m} minutos",
    "{h} hora {m:02}",
    "{h} Stunden {m} Minuten",
    "{h} Std {m:02}",
    "{h} Stunde {m:02}",
    "+{h}h{m:02}",
]
MINUTE_FORMS = ["{n}m", "{n} m", "{n}min", "{n} min", "{n} minutes", "{n} minutos", "{n} Minuten", "{n} mins.", "+{n}m"]
HOUR_FORMS = ["{n}h", "{n} h", "{n}hr", "{n} hours", "{n} horas", "{n} Stunden", "{n} Std.", "{n} hs", "{n}h."]


@given(minutes=st.integers(1, MINUTES_MAX), form=st.sampled_from(FORMS), loud=st.booleans())
@example(minutes=90, form="{h}h{m:02}", loud=False)
@example(minutes=90, form="{h}:{m:02}", loud=False)
@example(minutes=90, form="{h} h {m:02}", loud=False)
@example(minutes=5, form="{h}h{m:02}", loud=False)
def test_hours_and_minutes_are_read_as_people_write_them(minutes: int, form: str, loud: bool) -> None:
    line = form.format(h=minutes // 60, m=minutes % 60)
    line = line.upper() if loud else line
    assert read(line) == (minutes, len(line.split()))


@given(minutes=st.integers(1, MINUTES_MAX), form=st.sampled_from(MINUTE_FORMS))
@example(minutes=90, form="{n}m")
def test_minutes_alone_are_read(minutes: int, form: str) -> None:
    line = form.format(n=minutes)
    assert read(line) == (minutes, len(line.split()))


@given(hours=st.integers(1, 100), form=st.sampled_from(HOUR_FORMS))
def test_hours_alone_are_read(hours: int, form: str) -> None:
    line = form.format(n=hours)
    assert read(line) == (hours * 60, len(line.split()))


@given(hundredths=st.integers(1, 9999), form=st.sampled_from(HOUR_FORMS), point=st.sampled_from(".,"))
@example(hundredths=150, form="{n}h", point=".")
@example(hundredths=150, form="{n} h", point=",")
def test_parts_of_hours_are_read_where_they_are_whole_minutes(hundredths: int, form: str, point: str) -> None:
    line = form.format(n=f"{hundredths // 100}{point}{hundredths % 100:02}")
    if hundredths * 60 % 100:
        assert "is not a whole number of minutes" in why_not(line)
    else:
        assert read(line) == (hundredths * 60 // 100, len(line.split()))


@pytest.mark.parametrize(
    ("line", "minutes"),
    [("½h", 30), ("½ h", 30), ("1½h", 90), ("1½ h", 90), ("1 ½ h", 90), ("¼ Stunde", 15), ("2¾ horas", 165)],
)
def test_the_small_fractions_of_keyboards_are_read(line: str, minutes: int) -> None:
    assert read(line) == (minutes, len(line.split()))


@pytest.mark.parametrize("line", ["1.5½h", "½", "½½h", "h", " h", "½m"])
def test_what_is_no_amount_is_not_taken_for_one(line: str) -> None:
    assert read(line) is None


@given(minutes=st.integers(1, MINUTES_MAX))
def test_what_the_bot_shows_can_be_typed_again(minutes: int) -> None:
    assert read(text.duration(minutes)) == (minutes, len(text.duration(minutes).split()))


@given(minutes=st.integers(1, MINUTES_MAX), form=st.sampled_from(FORMS + MINUTE_FORMS), note=st.text(min_size=1))
def test_the_words_that_follow_are_left_alone(minutes: int, form: str, note: str) -> None:
    line = form.format(h=minutes // 60, m=minutes % 60, n=minutes).rstrip(".")
    # A word that could still belong to the amount would be read as part of it: that is asked of people, not here.
    assert read_duration([*line.split(), "for", note]) == (minutes, len(line.split()))


@pytest.mark.parametrize(
    ("line", "minutes", "words"),
    [
        ("2h30 and more", 150, 1),
        ("2h 30 and more", 150, 2),
        ("1 h 5 min for you", 65, 4),
        ("1h5m", 65, 1),
        ("90m 2 of us", 90, 1),
        ("2h for 3 bikes", 120, 1),
    ],
)
def test_the_note_may_hold_numbers(line: str, minutes: int, words: int) -> None:
    assert read(line) == (minutes, words)


@pytest.mark.parametrize("line", ["2h 3 bikes", "2 h 3", "2h3", "2 Stunden 3 Stühle"])
def test_a_lone_digit_after_hours_is_asked_back(line: str) -> None:
    assert why_not(line) == "Is “3” in hours or in minutes? Write 2h or 2h03."


@given(number=st.integers(0, 10**9) | st.decimals(0, 1000, places=2))
def test_a_bare_number_is_asked_back(number: object) -> None:
    assert why_not(str(number)) == f"Is “{number}” in hours or in minutes? Write 2h or 90m."
    assert why_not(f"{number} bikes")


@given(minutes=st.integers(MINUTES_MAX + 1, 999_999), form=st.sampled_from(FORMS + MINUTE_FORMS))
def test_more_than_anybody_does_at_once_is_refused(minutes: int, form: str) -> None:
    assert "too much at once: at most 100 h" in why_not(form.format(h=minutes // 60, m=minutes % 60, n=minutes))


@pytest.mark.parametrize("line", ["0h", "0m", "0:00", "0h00", "0.0h", "-1h", "-90m", "-1:30", "-0h", "-½h"])
def test_nothing_and_less_than_nothing_are_refused(line: str) -> None:
    assert why_not(line) == "The time must be more than nothing. Write it like 1h30."


def test_nothing_is_read_where_nothing_is_allowed() -> None:
    assert read("0h", zero=True) == (0, 1)
    with pytest.raises(Refusal):
        read("-1h", zero=True)


@pytest.mark.parametrize("line", ["1:60", "0:99", "12:75 h"])
def test_an_hour_has_sixty_minutes(line: str) -> None:
    assert "an hour has 60 minutes" in why_not(line)


amountlike = st.lists(
    st.sampled_from(
        ["1", "30", "90", ":", ".", ",", " ", "h", "m", "min", "hours", "½", "-", "+", "Std", "0", "\u00a0", "x"]
    ),
    max_size=10,
).map("".join)


@given(words=st.lists(st.text(), max_size=6) | amountlike.map(str.split))
def test_whatever_is_written_is_an_amount_or_none_or_refused(words: list[str]) -> None:
    try:
        found = read_duration(words)
    except Refusal:
        return
    if found is not None:
        minutes, count = found
        assert 1 <= minutes <= MINUTES_MAX
        assert 1 <= count <= len(words)
        assert read_duration(words[:count]) == found, "what follows changes nothing"


# --- names -------------------------------------------------------------------------------------------------------


@given(name=st.text(alphabet=st.characters(codec="utf-8"), max_size=20))
def test_a_name_is_the_same_in_any_case_and_with_any_spaces(name: str) -> None:
    assert folded(folded(name)) == folded(name)
    assert folded(f"  {name}\t") == folded(name)
    assert folded(name.upper()) == folded(name.upper().lower().upper())


def test_names_are_compared_without_regard_to_case_beyond_english() -> None:
    assert folded("JOSÉ  Ángel") == "josé ángel"
    assert folded("Straße") == folded("STRASSE")


# --- durations as shown --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "0 min"), (1, "1 min"), (59, "59 min"), (60, "1 h"), (61, "1 h 01"), (90, "1 h 30"), (-45, "-45 min")],
)
def test_durations_are_shown_as_people_write_them(minutes: int, words: str) -> None:
    for reader in (ENGLISH, SPANISH, GERMAN):
        assert shown(T("{time}", time=Minutes(minutes)), reader) == words


@given(minutes=st.integers(0, 10**6))
def test_a_shown_duration_says_exactly_its_minutes_and_a_debt_has_a_sign(minutes: int) -> None:
    words = text.duration(minutes)
    hours, has_hours, rest = words.partition(" h")
    assert (int(hours) * 60 + int(rest or 0) if has_hours else int(words.removesuffix(" min"))) == minutes
    assert text.duration(-minutes) == (f"-{words}" if minutes else "0 min")


# --- sentences -------------------------------------------------------------------------------------------------------


@given(words=st.text(), number=st.integers())
def test_what_people_wrote_is_shown_as_they_wrote_it(words: str, number: int) -> None:
    found = T("{name} said “{words}” ({n})", name="{words} %s {0}", words=words, n=number)
    assert shown(found, ENGLISH) == f"{{words}} %s {{0}} said “{words}” ({number})"


def test_numbers_of_things_are_shown_as_they_are_typed() -> None:
    for reader in (ENGLISH, SPANISH, GERMAN):
        assert shown(T("No. {number}", number=12345678), reader).endswith("12345678")


@pytest.mark.parametrize(("n", "words"), [(0, "0 members"), (1, "1 member"), (2, "2 members"), (1234, "1234 members")])
def test_one_and_many_are_told_apart(n: int, words: str) -> None:
    assert shown(N("{n} member", "{n} members", n), ENGLISH) == words


def catalogue(language: str, **messages: str | tuple[str, str]) -> gettext.NullTranslations:
    made = Catalog(locale=language)
    for source, translation in messages.items():
        words = source.replace("_", " ")
        made.add((f"{{n}} {words}", f"{{n}} {words}s") if isinstance(translation, tuple) else words, translation)
    file = io.BytesIO()
    write_mo(file, made)
    file.seek(0)
    return gettext.GNUTranslations(file)


def test_plurals_and_inner_sentences_are_in_the_readers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    german = catalogue("de", member=("{n} Mitglied", "{n} Mitglieder"), rain="Regen", gone="weg")
    monkeypatch.setattr(text, "_catalogue", lambda language: german if language == "de" else gettext.NullTranslations())
    assert shown(N("{n} member", "{n} members", 1), GERMAN) == "1 Mitglied"
    assert shown(N("{n} member", "{n} members", 3), GERMAN) == "3 Mitglieder"
    nested = T("{a}/{b}", a=T("rain"), b=T("{c}!", c=Bold(T("gone"))))
    assert shown(nested, GERMAN) == "Regen/weg!"
    assert shown(nested, ENGLISH) == "rain/gone!"
    assert shown(T("{line}", line=Typed("/help", T("gone"))), GERMAN) == "/help weg"
    assert shown(T("not translated yet"), GERMAN) == "not translated yet"


def test_styles_stay_with_their_words_and_plain_neighbours_are_joined() -> None:
    words = T(
        "{a}, {b}: {line} by {who} and {other}.",
        a="x",
        b=Bold(T("{n} h", n=2)),
        line=Typed("/thank", "@ben"),
        who=Named("Ana", "telegram:1"),
        other=Named("Ben"),
    )
    assert render(words, ENGLISH) == (
        Span("x, "),
        Span("2 h", "bold"),
        Span(": "),
        Span("/thank @ben", "code"),
        Span(" by "),
        Span("Ana", "mention", "telegram:1"),
        Span(" and Ben."),
    )


def test_sentences_stand_on_lines_of_their_own_and_missing_ones_leave_no_gap() -> None:
    assert shown(lines(T("one"), None, T("two"), lines(T("three"), T("four"))), ENGLISH) == "one\ntwo\nthree\nfour"
    assert shown(lines(None), ENGLISH) == ""


@given(
    items=st.lists(
        st.text(alphabet=st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=8), max_size=12
    ),
    reader=st.sampled_from([ENGLISH, SPANISH, GERMAN]),
)
def test_everybody_in_a_list_is_named_once_and_in_order(items: list[str], reader: Reader) -> None:
    spans = render(T("{names}", names=Listed(tuple(Bold(item) for item in items))), reader)
    assert [span.text for span in spans if span.style == "bold"] == items
    assert "\0" not in plain(spans)


@pytest.mark.parametrize(
    ("reader", "words"),
    [(ENGLISH, "Ana, Ben, and Chi"), (SPANISH, "Ana, Ben y Chi"), (GERMAN, "Ana, Ben und Chi")],
)
def test_a_list_is_joined_as_its_language_does(reader: Reader, words: str) -> None:
    assert shown(T("{names}", names=Listed(("Ana", "Ben", "Chi"))), reader) == words
    assert shown(T("{names}", names=Listed(("Ana",))), reader) == "Ana"
    assert shown(T("{names}", names=Listed(())), reader) == ""


def test_instants_are_shown_in_the_readers_zone_and_language() -> None:
    at = datetime(2026, 1, 5, 23, 30, tzinfo=UTC)
    madrid = Reader("es", ZoneInfo("Europe/Madrid"))
    assert shown(T("{at}", at=at), Reader("en")) == "Mon, Jan 5 23:30"
    assert shown(T("{at}", at=at), madrid) == "mar, 6 ene 00:30"
    assert shown(T("{day}", day=Day(at)), madrid) == "6 ene 2026"
    assert shown(T("{day}", day=date(2026, 1, 5)), GERMAN) == "05.01.2026"


@pytest.mark.parametrize(
    ("code", "language"),
    [("de", "de"), ("de-AT", "de"), ("ES_mx", "es"), ("en-GB", "en"), ("fr", None), ("", None), (None, None)],
)
def test_a_language_is_known_by_its_code_whatever_the_country(code: str | None, language: str | None) -> None:
    assert text.supported(code) == language


def test_the_limits_of_this_page_are_those_of_the_rules() -> None:
    assert grammar.MINUTES_MAX == 100 * 60
