"""Drills: they can't be mistaken for real, nor real alerts for them; how they went; and whether all is ready."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from bot import alerts as shared
from bot.app import commands
from bot.domain import alarm
from bot.text import LANGUAGES, Reader, T, shown, translated
from storage import alerts, drills, due, people, rules
from storage.alerts import Alert
from storage.database import Conflict, Transaction
from storage.database import Reader as Database
from tests.conftest import Town

WORDS = {"en": "DRILL", "es": "SIMULACRO", "de": "ÜBUNG"}
FORBIDDEN = re.compile(r"drill|exercise|simulacro|ejercicio|übung|geübt|ernstfall", re.IGNORECASE)
LINE = "eviction Main St 5, 20 people, 1 van"


async def speak(town: Town, language: str) -> None:
    """The committee, and with it whoever has not chosen another one, takes a language."""
    if language != "en":
        await town.says("ana", f"/language {language}")
        await town.says("ben", f"/language {language}")


def say(language: str, text: str, **values: int) -> str:
    """What stands on a button."""
    return shown(T(text, **values), Reader(language))


def told(town: Town, since: int) -> list[str]:
    """All that the bot has said since then, in groups, in private and in pop-ups; without who and where."""
    return [what.partition(": ")[2] for _, what in town.transcript[since:] if what.startswith("bot")]


async def drill(town: Town, line: str = LINE) -> None:
    """Begun by ana, confirmed by chi: the organizers are called at once, and eli after 3 minutes, with all others."""
    await town.says("ana", f"/drill {line}")
    await town.presses("chi", "I can confirm it")
    await town.skip("4m")


async def latest(town: Town) -> Alert:
    """The newest alert."""

    async def ask(tx: Database) -> Alert:
        found = await alerts.recent(tx, 1, since=datetime(2000, 1, 1, tzinfo=UTC))
        return found[0]

    return await town.practice.app.database.read(ask)


async def score(town: Town) -> drills.Scored | None:
    """How the newest alert went, if it was a drill."""
    there = await latest(town)
    return await town.practice.app.database.read(lambda tx: drills.get(tx, 1, there.id))


async def walk(town: Town, language: str, begin: str) -> list[str]:
    """All that is said when an alert is raised and everything is done with it that its buttons offer."""
    await speak(town, language)
    since = len(town.transcript)
    await town.says("ana", begin)
    number = (await latest(town)).number
    for who, label in (
        ("ana", "I can confirm it"),
        ("eli", "I doubt it"),
        ("chi", "I can confirm it"),
    ):
        await town.practice.press(who, say(language, label))
    await town.skip("4m")
    await town.practice.press("eli", say(language, "In {minutes} min", minutes=10))
    await town.practice.press("ben", say(language, "I can't"))
    await town.practice.press("ben", say(language, "I can bring …"))
    await town.whispers("ben", "???")
    await town.practice.press("ben", say(language, "van"), within=town.private("ben"))
    await town.practice.press("eli", say(language, "I can bring …"), within=town.private("eli"))
    await town.practice.press("eli", say(language, "legal help"), within=town.private("eli"))
    await town.practice.press("eli", say(language, "I'm there"), within=town.private("eli"))
    for who in ("ana", "eli"):
        for label in await offered(town, who, language):
            if label in {say(language, end) for end in ("It is over", "False alarm", "Cancel it")}:
                continue
            await offered(town, who, language)
            await town.practice.press(who, label, within=town.private(who))
            await town.whispers(who, "???")
            await town.whispers(who, "/cancel")
    await town.says("eli", f"/alert {number} end")
    await town.says("ana", f"/alert {number} needs 3 people")
    await town.says("ana", f"/alert {number} needs what")
    await town.says("ana", f"/alert {number} until 3000")
    await town.says("chi", f"/alert {number}")
    await town.says("chi", "/alerts")
    await town.skip("20m")
    await town.says("ana", f"/alert {number} end")
    await town.says("eli", f"/alert {number} end")
    await town.says("chi", "/alerts")
    return told(town, since)


async def offered(town: Town, who: str, language: str) -> list[str]:
    """What else can be done: [More …] in private."""
    before = len(town.transcript)
    await town.practice.press(who, say(language, "More …"))
    there = [what for where, what in town.transcript[before:] if what.startswith("bot: ") and "[" in what]
    return re.findall(r"\[([^\]]+)\]", there[-1]) if there else []


# About no alert: the answer to what nobody asked for, that an answer was given in private, the committee's card.
_OF_NO_ALERT = ("/menu", "/cancel")
_ELSEWHERE = T("I have sent it to you in private.")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
async def test_everything_that_is_said_of_a_drill_begins_with_the_word_for_it(town: Town, language: str) -> None:
    said = [words for words in await walk(town, language, f"/drill {LINE}") if not _is_of_no_alert(words)]
    assert len(said) > 25
    bad = [words for words in said if not words.startswith(WORDS[language])]
    assert not bad, "\n".join(bad)
    assert any(re.search(r"100\s?%", words) for words in said), "it was scored"


@pytest.mark.parametrize("language", sorted(LANGUAGES))
async def test_nothing_that_is_said_of_a_real_alert_holds_a_word_for_drills(town: Town, language: str) -> None:
    said = await walk(town, language, f"/alert {LINE}")
    assert len(said) > 25
    bad = [words for words in said if FORBIDDEN.search(words)]
    assert not bad, "\n".join(bad)


def _is_of_no_alert(words: str) -> bool:
    elsewhere = {shown(_ELSEWHERE, Reader(language)) for language in LANGUAGES}
    return words in elsewhere or words.startswith("Riverside / ") or any(word in words for word in _OF_NO_ALERT)


def test_the_word_for_drills_begins_the_same_sentences_in_every_language() -> None:
    """What begins with it in the source does so in each translation, and nothing else does."""
    from babel.messages.pofile import read_po

    for language, word in WORDS.items():
        if language == "en":
            continue
        with open(f"bot/locale/{language}.po", "rb") as file:
            catalogue = read_po(file, locale=language)
        ids = {message.id if isinstance(message.id, str) else message.id[0] for message in catalogue if message.id}
        marked = {id_ for id_ in ids if id_.startswith(WORDS["en"])}
        assert len(marked) >= 8
        assert {id_ for id_ in ids if translated(T(id_), language).startswith(word)} == marked


async def test_a_drill_stays_one_and_a_real_alert_never_becomes_one(town: Town) -> None:
    await drill(town)
    await town.says("ana", "/alert 1 needs 5 people")
    await town.says("ana", "/alert 1 until 18:20")
    assert (await latest(town)).status == "exercise"
    await town.says("chi", "/alert eviction Main St 5")
    assert (await latest(town)).status == "actual"

    async def change(tx: Transaction) -> None:
        await tx.execute("UPDATE alerts SET status = CASE status WHEN 'actual' THEN 'exercise' ELSE 'actual' END")

    with pytest.raises(Conflict):
        await town.practice.app.database.transact(change)


async def test_only_an_organizer_begins_a_drill(town: Town) -> None:
    assert "Only an organizer can do that" in await town.says("chi", f"/drill {LINE}")
    said = await town.whispers("chi", f"/alert drill {LINE}")
    assert said.startswith("A drill is begun by an organizer: ask one of them.")


async def test_the_next_kind_has_its_turn_where_none_is_said(town: Town) -> None:
    await town.says("ana", "/drill")
    assert (await latest(town)).kind == "eviction"
    await town.says("ana", "/alert 1 end")
    await town.says("ana", "/drill Main St 5")
    there = await latest(town)
    assert (there.kind, there.area and there.area.text) == ("raid", "Main St 5")


async def test_a_line_that_may_be_either_is_asked_about_and_nothing_is_raised_before(town: Town) -> None:
    asked = await town.whispers("chi", "/alert eviction Main St 5, this is no drill")
    assert asked == "Is it real, or only an exercise? Nobody has been told yet."
    assert await town.whispers("chi", "/alerts") != ""
    assert not any("ALERT 1" in words for words in town.sees())
    await town.practice.press("chi", "It is real", within=town.private("chi"))
    assert any(words.startswith("ALERT 1: eviction") for words in town.sees())
    assert (await latest(town)).status == "actual"


async def test_of_a_line_that_may_be_either_an_organizer_can_make_a_drill(town: Town) -> None:
    await town.whispers("ana", "/alert eviction Main St 5 drill")
    await town.practice.press("ana", "Only an exercise", within=town.private("ana"))
    assert (await latest(town)).status == "exercise"
    await town.practice.press("ana", "It is real", within=town.private("ana"))
    assert (await latest(town)).number == 1


async def test_a_drill_breaks_nobodys_quiet_hours(town: Town) -> None:
    await drill(town, "raid Main St 5")
    there = await latest(town)
    found = await town.practice.app.database.read(lambda tx: alerts.now_is(tx, there, now=town.practice.clock()))
    assert found.verified
    assert alarm.KINDS["raid"].severity == "extreme"
    assert not alarm.wakes(found, urgency=there.urgency, severity=there.severity)
    assert alarm.wakes(found, urgency="immediate", severity="extreme"), "a real one of this kind would"


async def test_a_real_alert_ends_the_drill_and_goes_first(town: Town) -> None:
    await drill(town)
    before = len(town.transcript)
    await town.says("eli", "/alert raid Side St 7")
    heard = told(town, before)
    assert (await latest(town)).number == 2
    assert [words for words in heard if words.startswith("ALERT 2, this one is real: raid or detention")]
    first = next(place for place, words in enumerate(heard) if words.startswith("ALERT 2"))
    over = next(place for place, words in enumerate(heard) if words.startswith("DRILL 1") and "It is over." in words)
    assert first < over
    assert not [words for words in heard if FORBIDDEN.search(words) and not words.startswith("DRILL")]
    await town.presses("ana", "I can confirm it")
    assert any(words.startswith("ALERT 2, this one is real") for words in town.heard("ben"))
    await town.skip("4m")
    assert any(words.startswith("ALERT 2, this one is real") for words in town.heard("chi"))
    there = await town.practice.app.database.read(lambda tx: alerts.numbered(tx, 1, 1))
    assert there is not None
    assert there.over_at is not None
    assert await town.practice.app.database.read(lambda tx: drills.get(tx, 1, there.id)) is None, "it says nothing"


async def test_pages_of_a_drill_that_wait_are_not_sent_any_more_once_it_is_real(town: Town) -> None:
    """What is withdrawn is what delivery has not taken: here it is put back, as if the network had been away."""
    await drill(town)
    there = await latest(town)

    async def wait(tx: Transaction) -> None:
        await tx.execute(
            "UPDATE outbox SET state = 'waiting', body = ? WHERE instr(about, ?) > 0",
            '{"spans":[],"keys":[],"fallback":null}',
            there.thing,
        )

    async def owed(tx: Database) -> int:
        return int(
            await tx.value("SELECT count(*) FROM outbox WHERE state = 'waiting' AND instr(about, ?) > 0", there.thing)
        )

    await town.practice.app.database.transact(wait)
    assert await town.practice.app.database.read(owed) == 2
    await town.says("eli", "/alert raid Side St 7")
    assert await town.practice.app.database.read(owed) == 0


async def test_while_there_is_an_alert_no_drill_begins(town: Town) -> None:
    await town.says("chi", f"/alert {LINE}")
    refused = await town.whispers("ana", "/drill")
    assert refused == "There is an alert: a drill has to wait until it is over."
    await town.says("chi", "/alert 1 end")
    await town.says("ana", "/drill")
    assert "A drill goes on already. To end it: /alert 2 end" in await town.says("ben", "/drill")


@pytest.mark.parametrize("name", sorted(shared.NOT_IN_DRILLS))
async def test_a_drill_leaves_out_exact_places_arrests_and_hours(name: str) -> None:
    """Those of these commands that are there name the alert, so that they can be refused."""
    command = commands().get(name)
    if command is not None:
        assert {parameter.name for parameter in command.parameters} & {"alert", "number"}


@pytest.mark.parametrize("kind", ["eviction", "strike"])
async def test_a_drill_calls_ring_by_ring_and_stops_when_enough_come(town: Town, kind: str) -> None:
    """Of every kind as fast as it can be: it is over after half an hour."""
    await town.says("dan", "/join")
    await town.whispers("dan", "/start")
    await town.says("ana", f"/drill {kind} Main St 5, 1 person")
    await town.presses("chi", "I can confirm it")
    assert town.heard("ben")[-1].startswith("DRILL 1")
    assert not any(words.startswith("DRILL") for words in town.heard("dan"))
    await town.skip("4m")
    assert town.heard("dan")[-1].startswith("DRILL 1")
    await town.presses("eli", "In 10 min")
    staying = town.heard("dan")[-1]
    assert "Enough are coming: stay on call." in staying
    assert staying.startswith("DRILL")


async def test_after_a_drill_i_am_asked_how_it_was_and_the_log_says_that_it_was_a_drill(town: Town) -> None:
    await drill(town)
    await town.practice.press("eli", "In 10 min", within=town.private("eli"))
    await town.says("ana", "/alert 1 end")
    await town.skip("20h")
    asked = next(words for words in town.heard("eli") if "Did you hear of it in time?" in words)
    assert asked.startswith("DRILL 1")
    assert "Was it real?" not in asked
    await town.practice.press("eli", "No", within=town.private("eli"))
    await town.practice.press("eli", "Write it", within=town.private("eli"))
    assert (await town.whispers("eli", "louder")).startswith("DRILL")
    assert "DRILL 1: somebody wrote what should be otherwise." in await town.whispers("eli", "/log decisions")


# --- how it went -------------------------------------------------------------------------------------------------


async def test_how_it_went_is_told_in_the_group_and_kept(town: Town) -> None:
    await drill(town)
    await town.skip("4m")
    await town.practice.press("eli", "I can't", within=town.private("eli"))
    await town.says("ana", "/alert 1 end")
    card = town.sees()[-1]
    assert card == (
        "DRILL 1: how it went / 3 were called. / Delivered: 3. Answered: 2. / Within 15 min: 2, that is 66%. / "
        "First answer after 0 s, half of them after 0 s. / Ring 1: 0 of 1 within 15 min / "
        "Ring 3: 1 of 1 within 15 min / A good drill: 50% is enough for you."
    )
    kept = await score(town)
    assert kept is not None
    assert (kept.score.told, kept.score.answered, kept.good) == (3, 2, True)
    assert not re.search("Ana|Ben|Chi|Eli", card)


async def test_it_is_compared_with_the_last_one(town: Town) -> None:
    await drill(town)
    await town.says("ana", "/alert 1 end")
    await drill(town)
    await town.practice.press("eli", "I can't", within=town.private("eli"))
    await town.says("ana", "/alert 2 end")
    assert "The last time it was 33%." in town.sees()[-1]
    assert "Not enough yet: you want 50%." in next(words for words in town.sees() if words.startswith("DRILL 1: how"))


async def test_answers_that_come_late_do_not_count_as_in_time(town: Town) -> None:
    await town.says("ana", f"/drill {LINE}")
    await town.skip("16m")
    await town.presses("chi", "I can confirm it")
    await town.says("ana", "/alert 1 end")
    assert "Within 15 min: 0, that is 0%." in town.sees()[-1]


async def test_a_drill_that_nobody_confirms_says_so(town: Town) -> None:
    await town.says("ana", "/drill")
    await town.skip("31m")
    assert town.sees()[-1] == (
        "DRILL 1: how it went / Nobody was called, for nobody else confirmed it. Next time: press “I can confirm it”."
    )
    kept = await score(town)
    assert kept is not None
    assert not kept.good


async def test_whoever_cannot_be_reached_counts_against_it(town: Town) -> None:
    await town.says("dan", "/join")
    await drill(town)
    await town.says("ana", "/alert 1 end")
    assert "1 could not be reached." in town.sees()[-1]
    assert "4 were called." in town.sees()[-1]


async def test_a_drill_ends_by_itself_after_half_an_hour(town: Town) -> None:
    await drill(town)
    await town.skip("25m")
    assert await score(town) is None
    await town.skip("2m")
    assert await score(town) is not None


async def test_the_committee_says_what_a_good_drill_is(town: Town) -> None:
    await town.says("ana", "/drill_bar 80% 5")
    await town.presses("ben", "Agree")
    assert "A drill is good when 80% answer within 5 min." in town.sees()[-1]
    await drill(town)
    await town.skip("6m")
    await town.practice.press("eli", "I can't", within=town.private("eli"))
    await town.says("ana", "/alert 1 end")
    assert "Within 5 min: 1, that is 33%." in town.sees()[-1]
    assert "Not enough yet: you want 80%." in town.sees()[-1]
    assert "80% answer within 5 min" in await town.whispers("chi", "/log rules")


@pytest.mark.parametrize("line", ["0% 15", "50% 0", "50% 500"])
async def test_a_bar_that_means_nothing_is_refused_with_an_example(town: Town, line: str) -> None:
    said = await town.says("ana", f"/drill_bar {line}")
    assert "/drill_bar 50% 15" in said


# --- when they come ----------------------------------------------------------------------------------------------


async def monthly(town: Town) -> datetime:
    """They come every month; when the next one does."""
    await town.says("ana", "/drills monthly")
    await town.presses("ben", "Agree")
    return await planned(town)


async def planned(town: Town, what: str = "begin") -> datetime:
    at = await town.practice.app.database.read(lambda tx: due.at(tx, f"drill:1:{what}"))
    assert at is not None
    return at


async def test_the_committee_has_a_drill_every_month_announced_the_day_before(town: Town) -> None:
    at = await monthly(town)
    assert 25 < (at - town.practice.clock()).days < 60
    await town.wait(at - town.practice.clock() - timedelta(hours=20))
    assert any(words.startswith("DRILL tomorrow") for words in town.sees())
    assert not any(words.startswith("DRILL 1") for words in town.sees())
    await town.wait(timedelta(hours=20, minutes=1))
    assert town.sees()[-1].startswith("DRILL 1, only an exercise: eviction / Not confirmed yet: 0/2")
    # It is in nobody's name: two have to stand for it.
    await town.presses("chi", "I can confirm it")
    await town.skip("4m")
    assert not any(words.startswith("DRILL 1") for words in town.heard("eli"))
    await town.presses("ben", "I can confirm it")
    await town.skip("4m")
    assert any(words.startswith("DRILL 1") for words in town.heard("eli"))
    assert (await latest(town)).exercise
    assert await planned(town) > at


async def test_one_that_is_not_announced_surprises_everybody(town: Town) -> None:
    await town.says("ana", "/drills unannounced")
    await town.presses("ben", "Agree")
    at = await monthly(town)
    await town.wait(at - town.practice.clock() - timedelta(minutes=1))
    assert not any(words.startswith("DRILL") for words in town.sees())
    await town.skip("2m")
    assert town.sees()[-1].startswith("DRILL 1")


async def test_off_means_none_comes(town: Town) -> None:
    await monthly(town)
    await town.says("ana", "/drills off")
    await town.presses("ben", "Agree")
    await town.skip("70d")
    assert not any(words.startswith("DRILL") for words in town.sees())


async def test_a_planned_drill_waits_a_day_where_an_alert_goes_on(town: Town) -> None:
    at = await monthly(town)
    await town.wait(at - town.practice.clock() - timedelta(minutes=1))
    await town.says("chi", "/alert eviction Main St 5")
    await town.skip("2m")
    assert not any(words.startswith("DRILL 2") for words in town.sees())
    assert await planned(town) == at + timedelta(days=1)
    await town.skip("1d")
    assert any(words.startswith("DRILL 2") for words in town.sees())


async def test_a_planned_drill_that_is_hours_late_comes_another_day_at_its_hour(town: Town) -> None:
    at = await monthly(town)
    town.practice.clock.move(at + timedelta(hours=9))
    await town.practice.app.dispatcher.tick(town.practice.clock())
    await town.practice.settle()
    assert not any(words.startswith("DRILL") for words in town.sees())
    again = await planned(town)
    assert again == at + timedelta(days=1)


# --- whether all is ready ----------------------------------------------------------------------------------------


async def test_ready_says_what_is_broken_and_what_to_do(town: Town) -> None:
    said = await town.whispers("chi", "/ready")
    assert said.startswith("Are we ready? / There has been no good drill yet.")
    assert "An organizer begins one: /drill" in said
    assert "I know of nobody who has it: legal help. Say who does, like this: /skill legal @ben" in said
    assert "To have one every month: /drills monthly" in said
    assert "not encrypted" in said


async def test_after_a_good_drill_ready_says_how_long_ago_it_was(town: Town) -> None:
    await drill(town)
    await town.practice.press("eli", "I can't", within=town.private("eli"))
    await town.says("ana", "/alert 1 end")
    assert "The last good drill was less than a day ago." in await town.whispers("chi", "/ready")
    await town.skip("3d")
    said = await town.whispers("chi", "/ready")
    assert "The last good drill was 3 days ago." in said
    assert "/drill " not in said
    await town.skip("50d")
    assert "It is time for a drill." in await town.whispers("chi", "/ready")


async def test_who_cannot_be_reached_only_organizers_learn_and_in_private(town: Town) -> None:
    await town.says("dan", "/join")
    assert "I cannot write to 1 member." in (told_ := await town.whispers("chi", "/ready"))
    assert "Dan" not in told_
    assert "They are: Dan" in await town.whispers("ana", "/ready")
    before = len(town.transcript)
    await town.says("ana", "/ready")
    assert not any("Dan" in what for _, what in town.transcript[before:] if what.startswith("bot"))


async def test_a_need_that_a_skill_meets_is_not_lacking(town: Town) -> None:
    await town.says("ana", "/skill legal @eli")
    await town.presses("ben", "Agree")
    assert "I know of nobody who has it" not in await town.whispers("chi", "/ready")
    await town.says("chi", "/alert eviction Main St 5, 1 van")
    assert "I know of nobody who has it: van." in await town.whispers("chi", "/ready")


async def test_where_all_were_invited_by_the_same_people_nobody_could_confirm(town: Town) -> None:
    async def one_branch(tx: Transaction) -> None:
        members = await people.active(tx, 1, limit=10)
        for later in members[1:]:
            await tx.execute("UPDATE members SET invited_by = ? WHERE id = ?", members[0].id, later.id)
        await tx.execute("DELETE FROM roles WHERE role = 'founder'")

    assert "Nobody could confirm an alert" not in await town.whispers("chi", "/ready")
    await town.practice.app.database.transact(one_branch)
    assert "Nobody could confirm an alert" in await town.whispers("chi", "/ready")


async def test_drills_lists_the_last_ones(town: Town) -> None:
    assert "There has been no drill yet. An organizer begins one: /drill" in await town.says("chi", "/drills")
    await drill(town)
    await town.says("ana", "/alert 1 end")
    assert "DRILL 1, Jan 5, 2026: 33% answered within 15 min." in await town.says("chi", "/drills")


async def test_a_rule_that_nobody_has_set_is_the_usual_one(town: Town) -> None:
    async def ask(tx: Database) -> tuple[int, timedelta, bool, bool]:
        assert await rules.get(tx, 1, drills.BAR) is None
        return (
            await drills.bar(tx, 1),
            await drills.window(tx, 1),
            await drills.is_monthly(tx, 1),
            await drills.is_announced(tx, 1),
        )

    assert await town.practice.app.database.read(ask) == (5000, timedelta(minutes=15), False, True)
