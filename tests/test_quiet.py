"""How much the bot says: nudges, quiet hours, the chosen chat, digests, the same question again."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.router import Context
from bot.text import T
from storage import nudges, people
from storage.database import Transaction
from tests.conftest import Town
from tests.test_connect import group_code


async def nudged(town: Town, who: str, words: str, *, key: str | None = None, committee: int = 1) -> bool:
    """Some area reminds somebody of something."""

    async def work(tx: Transaction) -> bool:
        context, member = await _context(town, tx, who, committee)
        return await context.nudge(member, T("{words}", words=words), key=key)

    done = await town.practice.app.database.transact(work)
    await town.practice.settle()
    return done


async def noticed(town: Town, words: str) -> None:
    """The clock has something to say in the group."""

    async def work(tx: Transaction) -> None:
        context, _ = await _context(town, tx, "ana", 1)
        await context.announce(T("{words}", words=words))

    await town.practice.app.database.transact(work)
    await town.practice.settle()


async def _context(town: Town, tx: Transaction, who: str, committee: int) -> tuple[Context, people.Member]:
    members = await people.members_named(tx, committee, who)
    now = town.practice.clock()
    context = Context(
        tx=tx,
        now=now,
        said_at=now,
        commands=town.practice.app.commands,
        place=None,
        chat=None,
        language="en",
        of_committee=await people.committee(tx, committee),
    )
    return context, members[0]


# --- nudges ----------------------------------------------------------------------------------------------------


async def test_one_reminder_a_day_and_the_rest_in_one_message_in_the_morning(town: Town) -> None:
    assert await nudged(town, "chi", "Bring the key back.")
    assert await nudged(town, "chi", "Water the tomatoes.")
    assert await nudged(town, "chi", "Answer Eli.")
    assert town.heard("chi") == ["Bring the key back."]
    await town.skip("13h")
    assert town.heard("chi") == ["Bring the key back."], "it is 7 in the morning"
    await town.skip("2h")
    assert town.heard("chi")[1:] == ["Several things wait for you: / 1. Water the tomatoes. / 2. Answer Eli."]


async def test_at_night_nothing_unasked_arrives_and_answers_do(town: Town) -> None:
    await town.skip("4h")
    await nudged(town, "chi", "Bring the key back.")
    assert town.heard("chi") == []
    assert await town.whispers("chi", "/balance") == "You have 0 min."
    await town.skip("11h")
    assert town.heard("chi")[-1] == "Bring the key back."


async def test_quiet_for_two_weeks(town: Town) -> None:
    told = await town.whispers("chi", "/quiet 2w")
    assert told.startswith("Until Mon, Jan 19 18:00 I write to you only with alerts and answers.")
    await nudged(town, "chi", "Bring the key back.")
    await town.skip("13d")
    assert town.heard("chi") == [told]
    await town.skip("1d")
    assert town.heard("chi")[-1] == "Bring the key back."


async def test_quiet_off_lets_what_waits_come_at_once(town: Town) -> None:
    await town.whispers("chi", "/quiet 2w")
    await nudged(town, "chi", "Bring the key back.")
    assert "1 reminder waits." in await town.whispers("chi", "/quiet")
    await town.whispers("chi", "/quiet off")
    assert "Bring the key back." in town.heard("chi")


async def test_an_alarm_comes_through_quiet(town: Town) -> None:
    await town.whispers("ana", "/quiet 2w")
    await town.practice.app.dispatcher.alarm("console", "second_poller")
    await town.practice.settle()
    assert town.heard("ana")[-1].startswith("Somebody else is reading")


async def test_everybody_has_hours_of_their_own(town: Town) -> None:
    assert "Quiet hours: 22:00-07:00 (UTC)." in await town.whispers("chi", "/quiet hours 22-7")
    await town.skip("3h 30m")
    await nudged(town, "chi", "Bring the key back.")
    await nudged(town, "eli", "Bring the ladder back.")
    assert town.heard("chi")[-1] == "Bring the key back."
    assert town.heard("eli") == []
    assert "Quiet hours: none." in await town.whispers("chi", "/quiet hours off")
    assert (await town.whispers("chi", "/quiet hours late")).startswith("I did not understand the hours.")
    assert (await town.whispers("chi", "/quiet please")).startswith("How long shall I be quiet?")


async def test_three_a_day_for_whoever_wants_three(town: Town) -> None:
    assert "Reminders: at most 3 messages a day." in await town.whispers("chi", "/nudges 3")
    for words in ("One.", "Two.", "Three.", "Four."):
        await nudged(town, "chi", words)
    assert town.heard("chi")[1:] == ["One.", "Two.", "Three."]
    assert (await town.whispers("chi", "/nudges 6")).startswith("I read “6” where I expected a number from 0 to 5.")


async def test_none_for_whoever_wants_none(town: Town) -> None:
    await nudged(town, "chi", "One.")
    await nudged(town, "chi", "Two.")
    assert "Reminders: none." in await town.whispers("chi", "/nudges 0")
    assert await nudged(town, "chi", "Three."), "it is not a closed door"
    await town.whispers("chi", "/nudges 5")
    await town.skip("3d")
    assert not [words for words in town.heard("chi") if words in ("Two.", "Three.")]


async def test_what_is_over_is_not_said_and_what_changed_is_said_once(town: Town) -> None:
    await nudged(town, "chi", "Today's.")
    await nudged(town, "chi", "Your turn is at 5.", key="turn:1")
    await nudged(town, "chi", "Your turn is at 6.", key="turn:1")
    await nudged(town, "chi", "Your role ends.", key="term:12")
    await town.practice.app.database.transact(lambda tx: nudges.withdraw(tx, "term:12"))
    await town.skip("1d")
    assert town.heard("chi") == ["Today's.", "Your turn is at 6."]


async def test_the_budget_is_the_persons_across_committees(town: Town) -> None:
    hill = town.practice.console.group("Hillside")
    await town.practice.console.say("chi", "/setup", hill, manages_chat=True)
    await town.practice.settle()
    await nudged(town, "chi", "Riverside's.", committee=1)
    await nudged(town, "chi", "Hillside's.", committee=2)
    assert town.heard("chi") == ["Riverside's."]
    await town.skip("1d")
    assert town.heard("chi")[-1] == "Hillside's."


async def test_whoever_left_is_not_reminded(town: Town) -> None:
    await nudged(town, "chi", "One.")
    await nudged(town, "chi", "Two.")
    await town.says("chi", "/leave")
    await town.skip("2d")
    assert "Two." not in " ".join(town.heard("chi"))


async def test_whoever_never_opened_a_private_chat_cannot_be_reminded(town: Town) -> None:
    await town.says("dan", "/join")
    assert not await nudged(town, "dan", "One.")


async def test_no_words_stay_behind_when_they_are_sent(town: Town) -> None:
    for words in ("One.", "Two.", "Three."):
        await nudged(town, "chi", words)
    await town.skip("1d")
    rows = await town.practice.app.database.read(lambda tx: tx.all("SELECT body FROM nudges"))
    assert rows == [(None,)] * 3
    await town.skip("5d")
    assert await town.practice.app.database.read(lambda tx: tx.all("SELECT body FROM nudges")) == []


async def test_organizers_are_reminded_a_day_before_a_proposal_lapses(town: Town) -> None:
    await town.says("ana", "/rename Hillside")
    await town.skip("5d")
    assert town.heard("ben") == []
    await town.skip("1d")
    reminder = "Proposal 1 waits for you until Mon, Jan 12 18:00: The committee's name becomes Hillside."
    assert town.heard("ben") == [reminder]
    assert town.heard("ana") == [], "she has agreed"
    assert town.heard("chi") == [], "it is not for members to agree to"
    await town.practice.press("ben", "Agree", within=town.private("ben"))
    assert any("Hillside now" in words for _, words in town.transcript)


async def test_nobody_is_reminded_of_what_is_decided(town: Town) -> None:
    await town.says("ana", "/rename Hillside")
    await nudged(town, "ben", "Something else.")
    await town.skip("5d")
    await nudged(town, "ben", "And something else.")
    await town.skip("22h")
    await town.says("ben", "/agree 1")
    await town.skip("3d")
    assert not [words for words in town.heard("ben") if words.startswith("Proposal 1 waits")]


# --- the group's night -----------------------------------------------------------------------------------------


async def test_what_the_clock_says_at_night_the_group_hears_in_the_morning(town: Town) -> None:
    await noticed(town, "By day.")
    assert town.transcript[-1] == ("Riverside", "bot: By day.")
    await town.skip("5h")
    await noticed(town, "By night.")
    await noticed(town, "Later that night.")
    assert town.transcript[-1] == ("Riverside", "bot: By day.")
    assert await town.says("chi", "/join") == "You are in Riverside already.", "whoever asks is answered"
    await town.skip("10h")
    assert town.transcript[-2:] == [("Riverside", "bot: By night."), ("Riverside", "bot: Later that night.")]


async def test_what_somebody_decides_at_night_is_said_at_once(town: Town) -> None:
    await town.skip("5h")
    await town.says("ana", "/limit 20h")
    assert "The lowest balance is -20 h now." in await town.presses("ben", "Agree")


async def test_the_committee_sets_the_groups_quiet_hours_itself(town: Town) -> None:
    assert "Proposal 1 by Ana: Quiet hours of the group: 17:30-20:00." in await town.says("ana", "/night 17:30 - 20")
    await town.presses("ben", "Agree")
    assert "The group's quiet hours are 17:30-20:00 now." in town.transcript[-1][1]
    await noticed(town, "It can wait.")
    assert "It can wait." not in town.transcript[-1][1]
    await town.says("ana", "/limit 20h")
    assert "The lowest balance is -20 h now." in await town.presses("ben", "Agree"), "what is decided is said"
    await town.skip("2h")
    assert town.transcript[-1] == ("Riverside", "bot: It can wait.")
    await town.skip("3h")
    await noticed(town, "Late in the evening.")
    assert town.transcript[-1] == ("Riverside", "bot: Late in the evening.")
    assert "the group's quiet hours are 17:30-20:00." in await town.whispers("chi", "/log")


async def test_without_quiet_hours_what_waited_is_said_at_once(town: Town) -> None:
    await town.skip("5h")
    await noticed(town, "By night.")
    await town.says("ana", "/night off")
    await town.says("ben", "/night off")
    assert town.transcript[-1] == ("Riverside", "bot: By night.")
    assert await town.says("ana", "/night off") == "That is how it is already."
    await noticed(town, "Another one.")
    assert town.transcript[-1] == ("Riverside", "bot: Another one.")


async def test_what_are_no_hours_is_said(town: Town) -> None:
    assert "I read “evening” where I expected hours, like 22:00-7:00, or off." in await town.says(
        "ana", "/night evening"
    )


async def test_on_matrix_there_is_nothing_to_tidy_and_it_is_said(town: Town) -> None:
    async def moved(tx: Transaction) -> None:
        await tx.execute("UPDATE chats SET address = 'matrix:!room:example.org' WHERE private = 0")

    assert "Proposal 1" in await town.says("ana", "/tidy on")
    await town.practice.app.database.transact(moved)
    answer = await town.whispers("ben", "/tidy on")
    assert "On Matrix there is nothing to tidy" in answer


# --- the chosen chat -------------------------------------------------------------------------------------------


async def test_the_committee_chooses_the_group_where_it_hears_the_bot(town: Town) -> None:
    kitchen = town.practice.console.group("Kitchen")
    code = await group_code(town)
    await town.practice.console.say("ana", f"/connect {code}", kitchen, manages_chat=True)
    await town.practice.settle()
    await town.practice.console.say("chi", "/here", kitchen, manages_chat=False)
    await town.practice.settle()
    assert town.transcript[-1] == ("Kitchen", "bot: Only an organizer can do that. Ask one of them.")
    await town.practice.console.say("ana", "/here", kitchen, manages_chat=True)
    await town.practice.settle()
    assert "From now on I say here what I have to say." in town.transcript[-1][1]
    before = len(town.transcript)
    await noticed(town, "News.")
    assert town.transcript[before:] == [("Kitchen", "bot: News.")]
    assert (await town.says("chi", "/settings")) != "", "whoever asks elsewhere is answered there"
    assert (await town.says("ana", "/here off")).startswith("From now on I speak in every group")
    before = len(town.transcript)
    await noticed(town, "More news.")
    assert {where for where, _ in town.transcript[before:]} == {"Riverside", "Kitchen"}


async def test_here_changes_nothing_where_there_is_only_here(town: Town) -> None:
    assert (await town.says("ana", "/here")).startswith("I speak here already.")


async def test_a_chosen_group_that_is_gone_does_not_make_the_bot_mute(town: Town) -> None:
    kitchen = town.practice.console.group("Kitchen")
    code = await group_code(town)
    await town.practice.console.say("ana", f"/connect {code}", kitchen, manages_chat=True)
    await town.practice.console.say("ana", "/here", kitchen, manages_chat=True)
    await town.practice.settle()

    async def closed(tx: Transaction) -> None:
        await people.close_place(tx, (await people.place(tx, kitchen)).id)

    await town.practice.app.database.transact(closed)
    await noticed(town, "News.")
    assert town.transcript[-1] == ("Riverside", "bot: News.")


# --- the digest ------------------------------------------------------------------------------------------------


async def test_what_happened_comes_in_one_message_at_the_chosen_time(town: Town) -> None:
    assert "Proposal 1 by Ana: What happened is told in one message: every Friday at 18:00." in (
        await town.says("ana", "/digest fri 18:00")
    )
    await town.presses("ben", "Agree")
    assert "every Friday at 18:00" in town.transcript[-1][1]
    await town.says("ana", "/thank @ben 1h")
    await town.says("chi", "/thank @ben 1h")
    await town.says("chi", "/undo")
    await town.says("dan", "/join")
    await town.says("eli", "/leave")
    await town.says("ana", "/limit 20h")
    await town.says("ben", "/limit 20h")
    await town.says("chi", "/rename Hillside")
    before = len(town.transcript)
    await town.skip("4d")
    # Beside the first card, which counts who is in.
    told = [words for where, words in town.transcript[before:] if where == "Riverside"]
    (digest,) = [words for words in told if not words.startswith("bot (edit): ")]
    assert digest == (
        "bot: Riverside since Jan 5, 2026: / 1 exchange of help. / Decided: The lowest balance becomes -20 h. / "
        "Open until Mon, Jan 12 18:00, proposal 3: The committee's name becomes Hillside. / "
        "New here: Dan. / Have left: Eli.  [Agree to 3]"
    )
    assert await town.presses("ana", "Agree to 3") == "Thank you, noted."


async def test_a_week_without_news_has_no_digest(town: Town) -> None:
    await town.says("ana", "/digest fri 18:00")
    await town.presses("ben", "Agree")
    await town.skip("5d")
    before = len(town.transcript)
    await town.skip("21d")
    assert [what for where, what in town.transcript[before:] if where == "Riverside"] == []


async def test_the_digest_ends(town: Town) -> None:
    await town.says("ana", "/digest daily 8")
    await town.presses("ben", "Agree")
    assert await town.says("ana", "/digest daily 8:00") == "That is how it is already."
    assert "The group's digest: every day at 08:00." in await town.whispers("chi", "/quiet")
    await town.says("ana", "/digest off")
    await town.says("ben", "/digest off")
    await town.says("ana", "/thank @ben 1h")
    before = len(town.transcript)
    await town.skip("2d")
    assert [what for where, what in town.transcript[before:] if where == "Riverside"] == []


async def test_the_digest_moves_with_the_time_zone(town: Town) -> None:
    await town.says("ana", "/digest daily 9")
    await town.says("ben", "/digest daily 9")
    await town.says("ana", "/timezone America/New_York")
    await town.says("ben", "/timezone America/New_York")
    at = await town.practice.app.database.read(lambda tx: tx.value("SELECT at_us FROM due WHERE key = 'digest:1'"))
    assert datetime.fromtimestamp(at / 1e6, UTC) == datetime(2026, 1, 6, 14, tzinfo=UTC)


async def test_what_is_no_time_for_a_digest_is_said(town: Town) -> None:
    assert (await town.says("ana", "/digest sometimes")).startswith(
        "I read “sometimes” where I expected a day and a time, like mon 18:00, or off."
    )


# --- the same again --------------------------------------------------------------------------------------------


async def test_the_same_question_in_a_row_is_not_answered_at_length(town: Town) -> None:
    settings = await town.says("chi", "/settings")
    assert settings.startswith("Riverside")
    again = "That is what I said a moment ago, in the message that I answer to here."
    assert await town.says("eli", "/settings") == again
    assert (await town.says("chi", "/menu")).startswith("Riverside"), "another question"
    await town.says("ana", "/limit 3h")
    await town.presses("ben", "Agree")
    assert "Lowest balance: -3 h" in await town.says("chi", "/settings"), "something has changed"
    assert await town.says("chi", "/settings") == again
    await town.skip("10m")
    assert "Lowest balance: -3 h" in await town.says("chi", "/settings")
    assert await town.whispers("chi", "/menu") == await town.whispers("chi", "/menu"), "in private it fills nothing"
