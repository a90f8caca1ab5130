"""Where an alert is: who is shown it, on which network, for how long, and what is left of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from bot.adapters.console import ConsoleAdapter, NoSuchButton
from bot.alerts import WHERE
from bot.chat import Letter, NotReached
from bot.practice import DATABASE, MATRIX, SCRIPT_START, FixedClock, Practice
from storage import outbox, people, privacy
from storage.database import Reader
from tests import schema
from tests.conftest import Town, two_decide
from tests.test_connect import connect_accounts, connect_groups
from tests.test_forgetting import Folder
from tests.test_forgetting import folder as folder  # the fixture

KEY = "0123456789abcdef" * 4
AREA, MEETING, EXACT = "Quarkviertel", "Xylophonbrunnen", "Zwetschgengasse 5"


@asynccontextmanager
async def opened(folder: Path, key: str | None) -> AsyncIterator[Town]:
    """Riverside in a folder."""
    transcript: list[tuple[str, str]] = []
    practice = await Practice.open(
        folder,
        line=lambda where, what: transcript.append((where, what)),
        clock=FixedClock(SCRIPT_START),
        repeatable=True,
        key=key,
    )
    await two_decide(practice.app.database)
    town = Town(practice, transcript)
    yield town
    await town.books_are_sound()
    assert practice.app.dispatcher.incidents == 0
    await practice.close()


@pytest_asyncio.fixture
async def sealed(tmp_path: Path) -> AsyncIterator[Town]:
    """Riverside on an encrypted database, with a group on Matrix too; ana and chi have an account on each network."""
    schema.write_new(tmp_path / DATABASE, key=KEY)
    async with opened(tmp_path, KEY) as town:
        await connect_groups(town)
        for who in ("ana", "chi"):
            await connect_accounts(town, who)
        yield town


async def raised(town: Town) -> None:
    """An alert that ana has raised, ben has confirmed, and chi and eli come to."""
    await town.says("ana", f"/alert eviction {AREA}, 20 people, until 23:00")
    await town.presses("ben", "I can confirm it")
    await town.presses("chi", "In 10 min")
    await town.presses("eli", "In 30 min")


async def presses(town: Town, who: str, label: str, *, on: str = "console") -> str:
    """Somebody presses a button in their private chat. What they are told there."""
    before = len(town.heard(who, on=on))
    await town.practice.press(who, label, within=town.private(who, on))
    return "\n".join(town.heard(who, on=on)[before:])


async def more(town: Town, who: str, label: str, *, on: str = "console") -> str:
    """Somebody presses [More …] on the alert, and there this."""
    await town.practice.press(who, "More …", within=town.group(on))
    if any(words.one == label for words, _ in WHERE.values()):
        await presses(town, who, "Where it is …", on=on)
    return await presses(town, who, label, on=on)


def shown(town: Town, words: str) -> list[str]:
    """The chats in which these words of the bot's can be read now."""
    return [
        adapter.title(one.chat)
        for adapter in town.practice.networks.values()
        for one in adapter.posted.values()
        if words in one.text
    ]


def files_with(words: str, town: Town) -> list[str]:
    """The files beside the database in which these words can be read; of an encrypted one nothing can."""
    folder = town.practice.app.database.path.parent
    return sorted(one.name for one in folder.iterdir() if one.is_file() and words.encode() in one.read_bytes())


# --- the meeting point -------------------------------------------------------------------------------------------


async def test_whoever_comes_is_shown_the_meeting_point_in_private(town: Town) -> None:
    await raised(town)
    told = await town.whispers("ana", f"/alert 1 meet {MEETING}")
    assert told == "Noted. Those who come can ask me where to meet; each is shown it for 2 hours at most."
    assert town.heard("chi")[-1] == "ALERT 1: eviction / There is a meeting point now."
    assert await presses(town, "chi", "Where do we meet?") == (
        f"ALERT 1: eviction / Meet here: {MEETING} / Tell it to nobody who is not coming. It stands here until 20:00."
    )
    assert shown(town, MEETING) == ["chi (dm)"]


async def test_pressed_on_the_card_in_private_it_is_shown_too(town: Town) -> None:
    await raised(town)
    await town.whispers("ana", f"/alert 1 meet {MEETING}")
    await town.whispers("eli", "/alert 1")
    assert MEETING in await presses(town, "eli", "Where do we meet?")


async def test_whoever_is_not_coming_is_not_shown_it(town: Town) -> None:
    await raised(town)
    await town.whispers("ana", f"/alert 1 meet {MEETING}")
    await presses(town, "chi", "Where do we meet?")
    await town.presses("chi", "I can't")
    assert shown(town, MEETING) == [], "nor any longer"
    told = await presses(town, "chi", "Where do we meet?")
    assert told == "That is for those who come. Press one of the buttons for when you will be there, then ask again."


async def test_the_organizers_may_look_at_the_meeting_point(town: Town) -> None:
    await raised(town)
    await town.whispers("ana", f"/alert 1 meet {MEETING}")
    await town.presses("ben", "In 10 min")
    assert MEETING in await more(town, "ben", "Where do we meet?")


async def test_before_anybody_has_said_it_one_is_told_whom_to_ask(town: Town) -> None:
    await raised(town)
    assert await more(town, "chi", "Where do we meet?") == ("Nobody has told me that yet. Ask Ana and Ben in person.")


async def test_a_place_said_in_the_group_is_refused_without_repeating_it(town: Town) -> None:
    await raised(town)
    for who in ("ana", "eli"):
        for verb in ("meet", "address"):
            assert await town.says(who, f"/alert 1 {verb} {MEETING}") == ""
            assert town.heard(who)[-1] == (
                f"Delete your message now. / Here everybody reads along. Say it to me in private: /alert 1 {verb} ..."
            )
    assert shown(town, MEETING) == []
    assert files_with(MEETING, town) == []


async def test_only_whoever_raised_it_and_the_organizers_say_where(town: Town) -> None:
    await raised(town)
    for verb in ("meet", "name", "shown"):
        told = await town.whispers("eli", f"/alert 1 {verb} {MEETING if verb == 'meet' else ''}".strip())
        assert told == ("Alert 1 is changed by whoever raised it and by the organizers. Tell them what you know."), verb
    assert (await town.whispers("ben", f"/alert 1 meet {MEETING}")).startswith("Noted.")


async def test_it_is_asked_for_by_a_button_and_answered_in_words(town: Town) -> None:
    await raised(town)
    assert await more(town, "ana", "Say where to meet") == (
        "Where to meet / Where do those meet who come? Not at the door itself. Only they see it, and only for a while."
    )
    assert (await town.whispers("ana", MEETING)).startswith("Noted.")
    assert MEETING in await presses(town, "chi", "Where do we meet?")


async def test_a_place_is_no_novel(town: Town) -> None:
    await raised(town)
    assert await town.whispers("ana", f"/alert 1 meet {'far ' * 51}") == (
        "That is too long: 200 characters at most. Say it shorter."
    )


async def test_a_new_meeting_point_takes_the_old_one_away(town: Town) -> None:
    await raised(town)
    await town.whispers("ana", f"/alert 1 meet {MEETING}")
    await presses(town, "chi", "Where do we meet?")
    await town.whispers("ana", "/alert 1 meet Kirchplatz")
    assert shown(town, MEETING) == []
    assert "ALERT 1: eviction / The meeting point has changed. Look again before you go." in town.heard("chi")
    assert "Meet here: Kirchplatz" in await presses(town, "chi", "Where do we meet?")
    assert files_with(MEETING, town) == []


async def test_asked_again_it_stands_there_once(town: Town) -> None:
    await raised(town)
    await town.whispers("ana", f"/alert 1 meet {MEETING}")
    for _ in range(3):
        await presses(town, "chi", "Where do we meet?")
    assert shown(town, MEETING) == ["chi (dm)"]


# --- how long ----------------------------------------------------------------------------------------------------


async def test_after_two_hours_the_message_is_taken_away(town: Town) -> None:
    await raised(town)
    await town.whispers("ana", f"/alert 1 meet {MEETING}")
    await presses(town, "chi", "Where do we meet?")
    await town.skip("119m")
    assert shown(town, MEETING) == ["chi (dm)"]
    await town.skip("2m")
    assert shown(town, MEETING) == []
    assert MEETING in await presses(town, "chi", "Where do we meet?"), "whoever still comes may ask again"


async def test_when_the_alert_is_over_it_is_taken_away_and_in_no_file(town: Town) -> None:
    await raised(town)
    await town.whispers("ana", f"/alert 1 meet {MEETING}")
    await presses(town, "chi", "Where do we meet?")
    assert files_with(MEETING, town), "while it goes on, it is kept"
    await town.says("ana", "/alert 1 end")
    assert shown(town, MEETING) == []
    assert files_with(MEETING, town) == []
    assert (await presses(town, "eli", "Where do we meet?")).startswith("Alert 1 is over.")


async def test_when_its_time_is_over_the_same_holds(town: Town) -> None:
    await raised(town)
    await town.whispers("ana", f"/alert 1 meet {MEETING}")
    await town.skip("4h 30m")
    assert "It stands here until 23:00." in await presses(town, "chi", "Where do we meet?")
    await town.skip("45m")
    assert shown(town, MEETING) == []
    assert files_with(MEETING, town) == []


async def test_what_is_shown_is_in_no_file_but_as_the_note(town: Town) -> None:
    await raised(town)
    await town.whispers("ana", f"/alert 1 meet {MEETING}")
    await presses(town, "chi", "Where do we meet?")

    async def ask(tx: Reader) -> dict[str, int]:
        found = {}
        for (table,) in await tx.all("SELECT name FROM sqlite_schema WHERE type = 'table'"):
            rows = await tx.all(f"SELECT * FROM {table}")
            if MEETING in repr(rows):
                found[table] = len(rows)
        return found

    assert list(await town.practice.app.database.read(ask)) == ["notes"]


async def test_whoever_looks_after_it_sees_who_was_shown_it_for_thirty_days(town: Town) -> None:
    await raised(town)
    assert await town.whispers("ana", "/alert 1 shown") == "Nobody was shown where alert 1 is."
    await town.whispers("ana", f"/alert 1 meet {MEETING}")
    await presses(town, "chi", "Where do we meet?")
    assert await town.whispers("ben", "/alert 1 shown") == (
        "ALERT 1: eviction / Meeting point: Chi, 18:00, shown until 20:00"
    )
    await town.says("ana", "/alert 1 shown")
    assert "Chi" not in "".join(town.sees()[-2:]), "in the group nobody is named"
    await town.skip("29d")
    assert "taken away Mon, Jan 5 20:00" in await town.whispers("ana", "/alert 1 shown")
    await town.skip("2d")
    assert await town.whispers("ana", "/alert 1 shown") == "Nobody was shown where alert 1 is."


async def test_whoever_was_shown_it_is_handed_that_out_without_the_place(town: Town) -> None:
    await raised(town)
    await town.whispers("ana", f"/alert 1 meet {MEETING}")
    await presses(town, "chi", "Where do we meet?")
    await town.whispers("chi", "/export me")
    handed = town.practice.console.documents[-1].text
    assert '"shown_where_an_alert_is": [\n' in handed
    assert MEETING not in handed


# --- the exact place ---------------------------------------------------------------------------------------------


async def exact(town: Town) -> None:
    """The alert, and its exact place, which ana says on Matrix."""
    await raised(town)
    assert (await town.whispers("ana", f"/alert 1 address {EXACT}", on=MATRIX)).startswith("Noted.")


async def test_who_is_named_sees_the_exact_place_on_matrix(sealed: Town) -> None:
    await exact(sealed)
    assert await sealed.whispers("ana", "/alert 1 name @chi") == ("Chi may see the exact place on Matrix until 20:00.")
    assert sealed.heard("chi")[-1] == "ALERT 1: eviction / You may see the exact place."
    # Pressed elsewhere, it is shown on Matrix all the same.
    assert await presses(sealed, "chi", "Exact place") == "I have told you in private on Matrix."
    assert shown(sealed, EXACT) == ["chi (Matrix dm)"]
    await sealed.skip("121m")
    assert shown(sealed, EXACT) == []
    told = await presses(sealed, "chi", "Exact place")
    assert told.startswith("The exact place is for those who are named"), "the right to see it has ended too"


async def test_over_telegram_the_exact_place_is_neither_taken_nor_given(sealed: Town) -> None:
    await raised(sealed)
    refused = "The exact place never goes over Telegram, which can read along. Say it to me on Matrix, in private."
    assert await sealed.whispers("ana", f"/alert 1 address {EXACT}") == f"Delete your message now. / {refused}"
    assert await more(sealed, "ana", "Say the exact place") == refused, "nobody is asked for it either"
    await exact_again(sealed)
    assert await sealed.whispers("ana", "/alert 1 name @eli") == (
        "Eli may know the exact place, but I do not reach them on Matrix, and do not send it over Telegram: "
        "tell them in person."
    )
    assert sealed.heard("eli")[-1] == (
        "ALERT 1: eviction / You may know the exact place. It never goes over Telegram: ask Ana and Ben in person."
    )
    assert await more(sealed, "eli", "Exact place") == (
        "The exact place never goes over Telegram, and I do not reach you on Matrix. Ask Ana and Ben in person."
    )
    assert shown(sealed, EXACT) == []


async def exact_again(town: Town) -> None:
    """Ana says it where it may be said."""
    assert (await town.whispers("ana", f"/alert 1 address {EXACT}", on=MATRIX)).startswith("Noted.")


async def test_whoever_comes_and_is_not_named_is_told_whom_to_ask(sealed: Town) -> None:
    await exact(sealed)
    for who, label in (("chi", "Exact place"), ("eli", "Exact place")):
        assert await more(sealed, who, label) == (
            "The exact place is for those who are named, by whoever raised the alert or by an organizer. "
            "Ask Ana and Ben in person."
        )


async def test_people_are_named_by_buttons_and_unnamed(sealed: Town) -> None:
    await exact(sealed)
    assert "Who of those who come may know the exact place" in await more(sealed, "ana", "Who may know the exact place")
    assert (await presses(sealed, "ana", "Chi")).startswith("Chi may see the exact place on Matrix")
    await presses(sealed, "chi", "Exact place")
    assert shown(sealed, EXACT) == ["chi (Matrix dm)"]
    await sealed.whispers("ana", "/alert 1 name")
    assert await presses(sealed, "ana", "Chi: not any more") == "Chi is not shown the exact place any more."
    assert shown(sealed, EXACT) == []
    assert "for those who are named" in await presses(sealed, "chi", "Exact place")


async def test_nobody_is_named_who_does_not_come_nor_before_there_is_a_place(sealed: Town) -> None:
    await raised(sealed)
    assert await sealed.whispers("ana", "/alert 1 name @chi") == (
        "Nobody has said the exact place yet. Say it first, on Matrix, in private: /alert 1 address ..."
    )
    await exact_again(sealed)
    assert await sealed.whispers("ana", "/alert 1 name @ben") == (
        "Nobody of that name is coming. /alert 1 name shows those who are."
    )
    before = len(sealed.sees())
    await sealed.says("ana", "/alert 1 name @chi")
    assert len(sealed.sees()) == before
    assert sealed.heard("ana")[-1] == (
        "Delete your message now. / Who is named is nobody else's business. Say it to me in private: /alert 1 name"
    )


async def test_whoever_drops_out_sees_the_exact_place_no_more(sealed: Town) -> None:
    await exact(sealed)
    await sealed.whispers("ana", "/alert 1 name @chi")
    await presses(sealed, "chi", "Exact place")
    await sealed.presses("chi", "I can't")
    assert shown(sealed, EXACT) == []
    assert (await presses(sealed, "chi", "Exact place")).startswith("That is for those who come.")


async def test_once_the_alert_is_over_the_exact_place_is_nowhere(sealed: Town) -> None:
    await exact(sealed)
    await sealed.whispers("ana", "/alert 1 name @chi")
    await presses(sealed, "chi", "Exact place")
    await sealed.says("ana", "/alert 1 cancel")
    assert shown(sealed, EXACT) == []

    async def ask(tx: Reader) -> list[str]:
        tables = await tx.all("SELECT name FROM sqlite_schema WHERE type = 'table'")
        return [table for (table,) in tables if EXACT in repr(await tx.all(f"SELECT * FROM {table}"))]

    assert await sealed.practice.app.database.read(ask) == []


async def test_what_is_handed_out_over_telegram_holds_no_exact_place(sealed: Town) -> None:
    await exact(sealed)
    await sealed.whispers("ana", "/alert 1 name @chi")
    await presses(sealed, "chi", "Exact place")
    for who in ("ana", "chi"):
        await sealed.whispers(who, "/export me")
        assert EXACT not in sealed.practice.console.documents[-1].text


async def test_nor_is_it_while_it_waits_to_be_sent(sealed: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await exact(sealed)
    await sealed.whispers("ana", "/alert 1 name @chi")
    send = ConsoleAdapter.send

    async def held_up(adapter: ConsoleAdapter, letter: Letter) -> str:
        if any(EXACT in span.text for span in letter.spans):
            raise NotReached
        return await send(adapter, letter)

    monkeypatch.setattr(ConsoleAdapter, "send", held_up)
    monkeypatch.setattr("bot.delivery.RETRY_SECONDS_FIRST", 0.01)
    monkeypatch.setattr("bot.delivery.RETRY_SECONDS_MAX", 0.02)
    console = sealed.practice.console
    await console.press("chi", "Exact place", within=console.somebody("chi").private, manages_chat=False)

    async def ask(tx: Reader) -> tuple[bool, str]:
        chi = await people.member_with_account(tx, 1, console.somebody("chi").sender.user)
        assert chi is not None
        waits = any(EXACT in span.text for one in await outbox.waiting(tx) for span in one.spans)
        handed = await privacy.hand_out(tx, chi.person_id, now=sealed.practice.clock(), characters_max=100_000)
        return waits, handed.text

    waits, handed = await sealed.practice.app.database.read(ask)
    assert waits
    assert EXACT not in handed
    monkeypatch.setattr(ConsoleAdapter, "send", send)
    await sealed.practice.settle()
    assert shown(sealed, EXACT) == ["chi (Matrix dm)"]


async def test_an_unencrypted_database_takes_no_exact_place_and_says_why(town: Town) -> None:
    await connect_groups(town)
    await connect_accounts(town, "ana")
    await raised(town)
    refused = (
        "The exact place is not kept here: the bot's database is not encrypted, and whoever takes its disk could read "
        "it. Say it in person. Whoever runs the bot can set a key for the database."
    )
    for network in ("console", MATRIX):
        told = await town.whispers("ana", f"/alert 1 address {EXACT}", on=network)
        assert told == f"Delete your message now. / {refused}"
    assert files_with(EXACT, town) == []
    with pytest.raises(NoSuchButton):
        await presses(town, "ana", "Who may know the exact place")


# --- while it waits to be sent -----------------------------------------------------------------------------------


async def held_up(folder: Folder) -> None:
    """Chi has asked where to meet, and nothing arrives in the private chat."""
    town = Town(folder.practice, [])
    await raised(town)
    await town.whispers("ana", f"/alert 1 meet {MEETING}")
    folder.blocked.add(folder.dm("chi").id)
    await folder.practice.console.press("chi", "Where do we meet?", within=folder.practice.group, manages_chat=False)


async def test_a_place_that_waits_to_be_sent_goes_when_the_alert_is_over(folder: Folder) -> None:
    await held_up(folder)
    assert folder.words_in(MEETING)
    await folder.group("ana", "/alert 1 end")
    assert folder.words_in(MEETING) == []
    folder.blocked.clear()
    await folder.practice.settle()
    assert MEETING not in folder.visible(folder.dm("chi"))


async def test_a_place_that_arrives_is_in_no_file_once_the_alert_is_over(folder: Folder) -> None:
    await held_up(folder)
    folder.blocked.clear()
    await folder.practice.settle()
    assert MEETING in folder.visible(folder.dm("chi"))
    await folder.group("ana", "/alert 1 end")
    await folder.practice.settle()
    assert folder.words_in(MEETING) == [], "nor in the log"
    assert MEETING not in folder.visible(folder.dm("chi"))


async def test_a_place_that_waits_until_its_time_is_over_is_not_sent_any_more(folder: Folder) -> None:
    await held_up(folder)
    now = folder.practice.clock() + timedelta(hours=2, minutes=1)
    folder.practice.clock.move(now)
    await folder.practice.app.dispatcher.tick(now)
    folder.blocked.clear()
    await folder.practice.settle()
    assert MEETING not in folder.visible(folder.dm("chi"))


async def test_a_place_that_was_on_its_way_when_it_was_called_back_is_looked_for_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network has taken it, and that becomes known only afterwards."""
    await raised(town)
    await town.whispers("ana", f"/alert 1 meet {MEETING}")
    under_way, go_on = asyncio.Event(), asyncio.Event()
    send = ConsoleAdapter.send

    async def slow(adapter: ConsoleAdapter, letter: Letter) -> str:
        sent = await send(adapter, letter)
        if any(MEETING in span.text for span in letter.spans):
            under_way.set()
            await go_on.wait()
        return sent

    monkeypatch.setattr(ConsoleAdapter, "send", slow)
    console = town.practice.console
    await console.press("chi", "Where do we meet?", within=town.practice.group, manages_chat=False)
    await under_way.wait()
    await console.say("ana", "/alert 1 end", town.practice.group, manages_chat=True)
    go_on.set()
    await town.practice.settle()
    assert shown(town, MEETING) == ["chi (dm)"], "it could not be called back"
    await town.skip("11m")
    assert shown(town, MEETING) == []


# --- no rendering for a tier holds a word of a higher one ---------------------------------------------------------


WORDS = st.text("abcdefghijklmnopqrstuvwxyzäöü", min_size=6, max_size=12)
PLACES = st.lists(st.tuples(WORDS, WORDS).map(" ".join), min_size=3, max_size=3, unique=True)


@settings(
    max_examples=max(1, settings().max_examples // 100),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Each try is a committee's whole evening: looking for a smaller one takes too long.
    phases=[phase for phase in Phase if phase not in (Phase.shrink, Phase.explain)],
)
@example(found=["fountain square", "yellow kiosk", "second courtyard"], verified=True, ends="end")
@given(found=PLACES, verified=st.booleans(), ends=st.sampled_from(["", "end", "cancel"]))
def test_nobody_is_shown_more_than_is_for_them(
    found: list[str], verified: bool, ends: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """All that the bot says in every chat and on each network, while people do all that they can."""
    area, meeting, exact_ = (f"{kind}{words}" for kind, words in zip(("qa ", "qm ", "qx "), found, strict=True))
    folder = tmp_path_factory.mktemp("tiers")
    schema.write_new(folder / DATABASE, key=KEY)

    async def live() -> None:
        async with opened(folder, KEY) as town:
            await connect_groups(town)
            for who in ("ana", "chi"):
                await connect_accounts(town, who)
            await town.says("fay", "/join", on=MATRIX)
            await everything(town, area, meeting, exact_, verified=verified, ends=ends)
            said = [(where, what) for where, what in town.transcript if ": /alert" not in what]
            if not ends:
                assert any(exact_ in what for _, what in said), "it is shown at all"
            assert any(meeting in what for _, what in said)
            for where, what in said:
                if exact_ in what:
                    assert where == "chi (Matrix dm)", "only who is named, and on Matrix"
                if meeting in what:
                    assert where in ("chi (dm)", "chi (Matrix dm)", "eli (dm)", "ana (dm)", "ana (Matrix dm)")
            for adapter in town.practice.networks.values():
                for document in adapter.documents:
                    assert meeting not in document.text
                    assert exact_ not in document.text
            if ends:
                assert shown(town, meeting) == shown(town, exact_) == []

    asyncio.run(live())


async def everything(town: Town, area: str, meeting: str, exact_: str, *, verified: bool, ends: str) -> None:
    """Whatever can be asked of an alert, by whoever is or is not to know."""
    await town.says("ana", f"/alert eviction {area}, 20 people, until 23:00")
    if verified:
        await town.presses("ben", "I can confirm it")
    await town.presses("chi", "In 10 min")
    await town.presses("eli", "In 30 min")
    await town.whispers("ana", f"/alert 1 meet {meeting}")
    await town.whispers("ana", f"/alert 1 address {exact_}", on=MATRIX)
    await town.whispers("ana", "/alert 1 name @chi")
    await town.whispers("ana", "/alert 1 name @eli")
    await more(town, "chi", "Where do we meet?", on=MATRIX)
    await more(town, "chi", "Exact place", on=MATRIX)
    for label in ("Where do we meet?", "Exact place"):
        for who in ("chi", "eli"):
            await more(town, who, label)
    if ends:
        await town.says("ana", f"/alert 1 {ends}")
    for who, network in (("fay", MATRIX), ("ben", "console"), ("chi", "console"), ("ana", "console"), ("chi", MATRIX)):
        for line in ("/alerts", "/alert 1", "/alert 1 shown", "/todo", "/log", "/export me", "/privacy"):
            await town.whispers(who, line, on=network)
    for line in (
        "/alerts",
        "/alert 1",
        "/alert 1 shown",
        "/alert 1 until 22:30",
        "/alert 1 update nobody is there",
        "/log",
        "/digest",
    ):
        await town.says("ana", line)
    await town.presses("chi", "I can't") if not ends else None
    await town.skip("3h")
