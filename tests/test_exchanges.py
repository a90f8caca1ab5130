"""Hours that somebody has to say yes to, several at once, taking back by consent, and everything that goes wrong."""

from __future__ import annotations

import pytest

from bot.adapters.console import Somebody
from bot.chat import Chat, Message, Press, Sender
from storage import people
from storage.database import Reader
from tests.conftest import Town

ASKED = "Ben helped Ana: 2 h. (waits for a yes) / Until Mon, Jan 12 18:00."


async def held(town: Town, who: str) -> int:
    """What somebody has promised, in minutes, from the books."""

    async def ask(tx: Reader) -> int:
        user = town.practice.console.somebody(who).sender.user
        member = await people.member_with_account(tx, 1, user)
        assert member is not None
        return int(await tx.value("SELECT held FROM accounts WHERE member_id = ?", member.id))

    return await town.practice.app.database.read(ask)


async def of_the_committee(town: Town) -> int:
    """What the committee itself has, in minutes."""

    async def ask(tx: Reader) -> int:
        return int(await tx.value("SELECT balance FROM accounts WHERE member_id IS NULL"))

    return await town.practice.app.database.read(ask)


def kept(town: Town, label: str, within: Chat | None = None) -> str:
    """The token of the newest button with this label, in the group if no chat is named; somebody presses it later."""
    found = [
        key.token
        for posted in town.practice.console.posted.values()
        if posted.chat == (within or town.group()).id
        for row in posted.keys
        for key in row
        if key.label == label
    ]
    return found[-1]


async def presses_late(town: Town, who: str, token: str) -> str:
    """Somebody presses a button that their telephone still shows. What the pop-up says, or what they hear."""
    before = len(town.transcript)
    popup = await town.practice.app.dispatcher.handle(
        Press(
            event=f"late-{before}",
            at=town.practice.clock(),
            chat=town.group(),
            sender=town.practice.console.somebody(who).sender,
            token=token,
            message=None,
        )
    )
    await town.practice.settle()
    return str(popup) if popup is not None else "\n".join(what for _, what in town.transcript[before:])


# --- I helped somebody ---------------------------------------------------------------------------------------------


async def test_whoever_was_helped_says_yes_and_then_the_hours_move(town: Town) -> None:
    assert await town.says("ben", "/worked 2h for @ana") == ASKED
    assert (await town.balance("ben"), await held(town, "ana")) == (0, 120)
    await town.presses("ana", "That is right")
    assert town.heard("ana")[-2] == "Recorded as no. 1. / You have -2 h now."
    assert town.heard("ben")[-1] == "Ben helped Ana: 2 h. / Ana said yes."
    assert town.sees()[-1] == "Ben helped Ana: 2 h. (No. 1)"
    assert (await town.balance("ben"), await town.balance("ana"), await held(town, "ana")) == (120, -120, 0)


async def test_whoever_was_helped_says_no_and_nothing_moves(town: Town) -> None:
    await town.says("ben", "/worked 2h @ana")
    await town.presses("ana", "No")
    assert town.heard("ben")[-1] == "Ben helped Ana: 2 h. / Ana said no, so nothing was recorded. Talk it over."
    assert town.sees()[-1] == "Ben helped Ana: 2 h. (declined)"
    assert (await town.balance("ben"), await held(town, "ana")) == (0, 0)


async def test_nobody_says_yes_for_somebody_else(town: Town) -> None:
    await town.says("ben", "/worked 2h @ana")
    for who in ("ben", "chi"):
        assert await town.presses(who, "That is right") == "That is not for you to answer: only whoever is asked can."
    assert await town.balance("ben") == 0


async def test_a_yes_that_is_pressed_twice_counts_once(town: Town) -> None:
    await town.says("ben", "/worked 2h @ana")
    token = kept(town, "That is right")
    await town.presses("ana", "That is right")
    assert "That is over already: recorded." in await presses_late(town, "ana", token)
    assert await town.balance("ben") == 120


async def test_what_nobody_answers_lapses_after_a_week_and_the_button_says_so(town: Town) -> None:
    await town.says("ben", "/worked 2h @ana")
    token = kept(town, "That is right")
    await town.skip("7d")
    assert town.heard("ben")[-1].endswith("Nobody answered in time, so nothing was recorded. You can ask again.")
    assert "That is over already: nobody answered in time." in await presses_late(town, "ana", token)
    assert (await town.balance("ben"), await held(town, "ana")) == (0, 0)


async def test_whoever_asked_takes_it_back_and_nobody_says_yes_any_more(town: Town) -> None:
    await town.says("ben", "/worked 2h @ana")
    token = kept(town, "That is right")
    assert await town.says("ben", "/undo") == "Taken back: nobody is asked any more."
    assert "That is over already: taken back." in await presses_late(town, "ana", token)
    assert (await town.balance("ben"), await held(town, "ana")) == (0, 0)


async def test_the_committee_sets_how_long_it_waits_and_that_it_stands_then(town: Town) -> None:
    await town.says("ana", "/confirm_within 3d accept")
    assert "stand when nobody says no within 3 days." in await town.presses("ben", "Agree")
    await town.says("ben", "/worked 2h @ana")
    await town.skip("2d")
    assert await town.balance("ben") == 0
    await town.skip("1d")
    assert town.heard("ben")[-1] == "Ben helped Ana: 2 h. / Nobody said no, so it stands."
    assert await town.balance("ben") == 120


async def test_whoever_trusts_the_others_is_not_asked_but_told(town: Town) -> None:
    await town.whispers("ana", "/autoaccept on")
    assert await town.says("ben", "/worked 2h @ana") == "Ben helped Ana: 2 h. (No. 1)"
    assert town.heard("ana")[-1] == "Ben helped Ana: 2 h. (No. 1)"
    await town.whispers("ana", "/autoaccept off")
    assert (await town.says("ben", "/worked 1h @ana")).startswith("Ben helped Ana: 1 h. (waits for a yes)")


@pytest.mark.parametrize(
    "line",
    [
        "/worked 2h for @ana washed the windows",
        "/worked 2h @ana washed the windows",
        "/worked @ana 2h washed the windows",
        "/worked 2 hours for Ana washed the windows",
        "/worked 2 Std für @ana washed the windows",
        "/worked 2 horas para @ana washed the windows",
        "/worked 2,0h por @ana washed the windows",
        "/worked 120 Min. @ana washed the windows",
        "/worked dos horas para @ana washed the windows",
        "/worked @ana zwei Stunden washed the windows",
    ],
)
async def test_it_is_written_as_people_write_it(town: Town, line: str) -> None:
    answer = "Ben helped Ana: 2 h. (waits for a yes) / “washed the windows” / Until Mon, Jan 12 18:00."
    assert await town.says("ben", line) == answer


async def test_a_reply_names_whoever_was_helped(town: Town) -> None:
    await town.says("ana", "the windows shine")
    assert await town.says("ben", "/worked 2h", reply_to="ana") == ASKED


# --- what is promised counts ---------------------------------------------------------------------------------------


async def test_what_is_promised_cannot_be_given_a_second_time(town: Town) -> None:
    await town.says("ben", "/worked 10h @ana")
    assert await town.says("ana", "/thank @chi 3h") == ""
    assert town.heard("ana")[-1].startswith("That would take you to -13 h")
    assert (await town.says("ana", "/thank @chi 2h")).startswith("Chi helped Ana: 2 h.")
    await town.presses("ana", "No")
    assert (await town.says("ana", "/thank @chi 3h")).startswith("Chi helped Ana: 3 h."), (
        "what is declined is free again"
    )


async def test_nobody_is_held_fast_by_somebody_elses_claims(town: Town) -> None:
    for _ in range(3):
        await town.says("ben", "/worked 1h @ana")
    answer = "Ana has claims of yours to answer already. Let that be done first."
    assert await town.says("ben", "/worked 1h @ana") == answer
    assert (await town.says("chi", "/worked 1h @ana")).startswith("Chi helped Ana: 1 h. (waits for a yes)")


async def test_the_group_does_not_hear_what_somebody_has(town: Town) -> None:
    await town.says("ana", "/thank @chi 9h")
    await town.says("ben", "/worked 2h @ana")
    await town.presses("ana", "That is right")
    assert town.heard("ana")[-2] == "Recorded as no. 2. / You have -11 h now."
    assert not [words for words in town.sees() if "11 h" in words or "limit" in words]


async def test_whoever_goes_is_asked_nothing_more_and_keeps_nothing_back(town: Town) -> None:
    await town.says("ben", "/worked 2h @chi")
    await town.says("chi", "/worked 3h @eli")
    await town.says("chi", "/leave")
    assert await held(town, "eli") == 0
    assert await town.balance("ben") == 0


# --- several at once -----------------------------------------------------------------------------------------------


async def test_several_are_thanked_at_once_each_for_the_whole_time(town: Town) -> None:
    assert await town.says("ana", "/thank @ben and @chi 2h soup") == "Ben and Chi helped Ana: 2 h each. (No. 1)"
    assert [await town.balance(who) for who in ("ana", "ben", "chi")] == [-240, 120, 120]
    assert await town.says("ana", "/undo") == "No. 1 is undone. (No. 2)"
    assert [await town.balance(who) for who in ("ana", "ben", "chi")] == [0, 0, 0]


async def test_several_are_thanked_altogether_or_none_is(town: Town) -> None:
    assert await town.says("ana", "/thank @ben @chi 7h") == ""
    assert town.heard("ana")[-1].startswith("That would take you to -14 h")
    assert [await town.balance(who) for who in ("ana", "ben", "chi")] == [0, 0, 0]


async def test_those_who_came_share_the_hours_and_each_says_yes_for_themselves(town: Town) -> None:
    assert (await town.says("ben", "/worked 100m for @ana @chi @eli split yoga")).startswith(
        "Ben helped Ana: 34 min. (waits for a yes) / Ben helped Chi: 33 min. (waits for a yes) / "
        "Ben helped Eli: 33 min. (waits for a yes) / “yoga”"
    )
    await town.presses("ana", "That is right")
    await town.presses("chi", "No")
    await town.presses("eli", "That is right")
    assert [await town.balance(who) for who in ("ben", "ana", "chi", "eli")] == [67, -34, 0, -33]


async def test_each_pays_the_whole_and_what_is_over_goes_to_the_committee(town: Town) -> None:
    await town.says("ben", "/worked 1h for @ana @chi @eli chest yoga")
    assert await of_the_committee(town) == 0
    for who in ("ana", "chi", "eli"):
        await town.presses(who, "That is right")
    assert [await town.balance(who) for who in ("ben", "ana", "chi", "eli")] == [60, -60, -60, -60]
    assert await of_the_committee(town) == 120


async def test_the_committee_pays_only_when_it_is_decided(town: Town) -> None:
    await town.says("ben", "/worked 2h for @ana @chi committee yoga")
    assert await town.balance("ben") == 0
    await town.presses("ana", "Agree")
    assert [await town.balance(who) for who in ("ben", "ana", "chi")] == [120, 0, 0]
    assert await of_the_committee(town) == -120


async def test_the_committee_sets_how_hours_are_shared_where_nobody_says(town: Town) -> None:
    await town.says("ana", "/sharing chest")
    await town.presses("ben", "Agree")
    await town.says("ben", "/worked 1h for @chi @eli")
    await town.presses("chi", "That is right")
    assert await town.balance("chi") == -60


# --- taking back later ---------------------------------------------------------------------------------------------


async def test_later_whoever_loses_by_it_has_to_agree(town: Town) -> None:
    await town.says("ana", "/thank @ben 2h")
    await town.skip("11m")
    assert (await town.says("ana", "/undo 1")).startswith("Take back no. 1? Ben helped Ana: 2 h.")
    assert await town.says("ana", "/undo 1") == "Whether no. 1 is undone is being asked already."
    assert await town.presses("ana", "That is right") == "That is not for you to answer: only whoever is asked can."
    await town.presses("ben", "That is right")
    assert await town.balance("ben") == 0
    assert await town.says("ana", "/undo 1") == "No. 1 is undone already."


async def test_where_several_lose_by_it_all_have_to_agree(town: Town) -> None:
    await town.says("ana", "/thank @ben @chi 2h")
    await town.skip("11m")
    await town.says("ana", "/undo 1")
    await town.presses("ben", "That is right")
    assert await town.balance("ben") == 120, "Chi has not agreed"
    await town.presses("chi", "That is right")
    assert [await town.balance(who) for who in ("ana", "ben", "chi")] == [0, 0, 0]


async def test_whoever_loses_by_it_may_take_it_back_alone(town: Town) -> None:
    await town.says("ana", "/thank @ben 2h")
    await town.skip("3d")
    assert await town.says("ben", "/undo 1") == "No. 1 is undone."
    assert await town.balance("ben") == 0


async def test_a_no_leaves_it_as_it_is_and_the_committee_can_decide(town: Town) -> None:
    await town.says("ana", "/thank @chi 2h")
    await town.skip("1h")
    await town.says("ana", "/undo 1")
    await town.presses("chi", "No")
    assert await town.balance("chi") == 120
    await town.says("ana", "/correct 1")
    assert await town.balance("chi") == 120
    await town.presses("ben", "Agree")
    assert await town.balance("chi") == 0
    assert "The committee took back no. 1." in town.heard("chi")[-1]


async def test_others_take_nothing_back(town: Town) -> None:
    await town.says("ana", "/thank @ben 2h")
    answer = "No. 1 is between others: only they can take it back, or the committee (/correct 1)."
    assert await town.says("chi", "/undo 1") == answer
    assert await town.balance("ben") == 120


async def test_taking_back_is_never_refused_by_the_limit_but_told(town: Town) -> None:
    await town.says("ana", "/thank @ben 2h")
    await town.says("ben", "/thank @chi 14h")
    await town.says("ana", "/undo 1")
    assert await town.balance("ben") == -840
    assert town.heard("ben")[-1] == (
        "Ana took back no. 1. / It takes you to -14 h, below your limit; a correction may."
    )
    assert not any("-14 h" in words for words in town.sees())


# --- recorded for somebody without a telephone ---------------------------------------------------------------------


async def test_whoever_was_spoken_for_looks_at_it_once_they_have_an_account(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    assert (await town.says("chi", "/for Rosa /thank @ben 1h30")).endswith("Recorded by Chi.")
    code = (await town.whispers("chi", "/code Rosa")).partition("A code for ")[2].partition(": ")[2][:9]
    await town.whispers("rosa", f"/claim {code}")
    assert "Recorded for you: Ben helped Rosa: 1 h 30. (No. 1)" in await town.whispers("rosa", "/todo")
    await town.practice.press("rosa", "That is right", within=town.private("rosa"))
    assert "Recorded for you" not in await town.whispers("rosa", "/todo")


async def test_the_helper_says_yes_for_whoever_has_no_telephone(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    await town.says("ben", "/worked 2h @Rosa")
    assert await town.presses("ana", "That is right") == "That is not for you to answer: only whoever is asked can."
    await town.presses("chi", "That is right")
    assert await town.balance("ben") == 120


# --- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/worked 0h @ana", "The time must be more than nothing. Write it like 1h30."),
        ("/worked -2h @ana", "The time must be more than nothing. Write it like 1h30."),
        ("/worked 999h @ana", "“999h” is too much at once: at most 100 h."),
        ("/worked 2 @ana", "Is “2” in hours or in minutes? Write 2h or 90m."),
        ("/worked 2h @ben", "You cannot give hours to yourself. Whom did you help?"),
        ("/worked 2h @ana @ben", "You cannot give hours to yourself. Whom did you help?"),
        ("/worked 2h @zoe", "Nobody in Riverside is called @zoe. Ask them to type /join in the group."),
        ("/worked 2h @solibot", "Nobody in Riverside is called @solibot. Ask them to type /join in the group."),
        (
            "/worked 2h",
            "For whom? Write it like this: /worked 2h @ana. For the committee itself: /worked 2h committee",
        ),
        ("/thank @ana @ben 1h", "You cannot thank yourself with hours. Who helped you?"),
        ("/undo 99", "There is no entry 99 here. /history shows the numbers."),
        ("/undo", "You have not recorded anything yet, so there is nothing to undo."),
    ],
)
async def test_bad_input_moves_nothing_and_says_what_to_do(town: Town, line: str, answer: str) -> None:
    assert await town.says("ben", line) == answer
    assert (await town.balance("ben"), await held(town, "ana")) == (0, 0)


class Called(Somebody):
    """Somebody whose name is not their username."""

    @property
    def sender(self) -> Sender:
        before = super().sender
        return Sender(
            user=before.user, name=f"Sam {self.username.removeprefix('sam_').title()}", username=before.username
        )


async def test_a_name_that_fits_two_is_asked_back_before_anybody_is_asked_for_hours(town: Town) -> None:
    for who in ("sam_one", "sam_two"):
        town.practice.console.people[who] = Called(who)
        await town.says(who, "/join")
    assert await town.says("ben", "/worked 2h for sam") == "“sam” fits several people. Whom do you mean?"
    await town.presses("ben", "Sam Two")
    assert (await held(town, "sam_one"), await held(town, "sam_two")) == (0, 120)


async def test_the_word_that_fits_two_is_named_wherever_it_stands(town: Town) -> None:
    for who in ("sam_one", "sam_two"):
        town.practice.console.people[who] = Called(who)
        await town.says(who, "/join")
    assert await town.says("ana", "/thank @ben and sam 1h") == "“sam” fits several people. Whom do you mean?"
    await town.presses("ana", "Ben and Sam One")
    assert [await town.balance(who) for who in ("ana", "ben", "sam_one", "sam_two")] == [-120, 60, 60, 0]


async def test_a_claim_is_made_by_buttons_alone_and_the_result_is_shown_before_the_yes(town: Town) -> None:
    there = town.private("ben")
    await town.whispers("ben", "/worked")
    for label in ("2 h", "Ana", "Skip"):
        await town.practice.press("ben", label, within=there)
    assert town.heard("ben")[-1] == (
        "Ana gives 2 h. / Ben gets 2 h. / Whoever gives hours has to say yes. Shall I ask?"
    )
    assert await held(town, "ana") == 0, "nobody is asked yet"


async def test_what_was_promised_and_no_longer_fits_is_refused_in_private_and_goes_on_waiting(town: Town) -> None:
    await town.says("ana", "/thank @chi 10h")
    await town.says("ben", "/thank @ana 3h")
    await town.says("eli", "/worked 5h @ana")
    await town.skip("1m")
    await town.says("ben", "/undo 2")
    assert await town.presses("ana", "That is right") == ""
    assert town.heard("ana")[-1].startswith("That would take you to -15 h, below the limit of -12 h")
    assert (await town.balance("eli"), await held(town, "ana")) == (0, 300)


# --- taking back, further ------------------------------------------------------------------------------------------


async def test_what_was_undone_meanwhile_is_asked_of_nobody_any_more(town: Town) -> None:
    await town.says("ana", "/thank @ben @chi 2h")
    # Ben wants it undone, which takes Chi's yes too; then Ana, who recorded it, undoes it alone in time.
    await town.says("ben", "/undo 1")
    token = kept(town, "That is right")
    assert (await town.says("ana", "/undo 1")).startswith("No. 1 is undone.")
    assert "Take back no. 1?" not in await town.whispers("chi", "/todo")
    assert "That is over already: taken back." in await presses_late(town, "chi", token)
    assert [await town.balance(who) for who in ("ana", "ben", "chi")] == [0, 0, 0]


async def test_what_the_committee_takes_back_meanwhile_is_asked_of_nobody_any_more(town: Town) -> None:
    await town.says("ana", "/thank @chi 2h")
    await town.skip("11m")
    await town.says("ana", "/undo 1")
    token = kept(town, "That is right")
    await town.says("ana", "/correct 1")
    await town.presses("ben", "Agree")
    assert await town.balance("chi") == 0
    assert "That is over already: taken back." in await presses_late(town, "chi", token)
    assert await town.says("ana", "/correct 1") == "No. 1 is undone already."
    assert [await town.balance(who) for who in ("ana", "chi")] == [0, 0], "once is enough"


async def test_undoing_that_nobody_answers_lapses_even_where_claims_stand(town: Town) -> None:
    await town.says("ana", "/confirm_within 2d accept")
    await town.presses("ben", "Agree")
    await town.says("ana", "/thank @ben 2h")
    await town.skip("11m")
    await town.says("ana", "/undo 1")
    token = kept(town, "That is right")
    await town.skip("2d")
    assert town.heard("ana")[-1].endswith("Nobody answered in time, so nothing was recorded. You can ask again.")
    assert "That is over already: nobody answered in time." in await presses_late(town, "ben", token)
    assert await town.balance("ben") == 120
    assert (await town.says("ana", "/undo 1")).startswith("Take back no. 1?"), "it can be asked again"


async def test_whoever_took_part_and_goes_leaves_it_to_the_committee(town: Town) -> None:
    await town.says("ana", "/thank @chi 2h")
    await town.skip("11m")
    await town.says("ana", "/undo 1")
    token = kept(town, "That is right")
    await town.says("chi", "/leave")
    assert "That is not for you to answer" in await presses_late(town, "eli", token)
    answer = "One of those who would have to agree is not here any more. The committee can decide it: /correct 1"
    assert await town.says("ana", "/undo 1") == answer
    await town.says("ana", "/correct 1")
    await town.presses("ben", "Agree")
    assert await town.balance("ana") == 0


async def test_a_late_undo_past_the_limit_is_marked_and_told_to_whom_it_takes_there(town: Town) -> None:
    await town.says("ana", "/thank @ben 2h")
    await town.says("ben", "/thank @chi 14h")
    await town.skip("1d")
    await town.says("ana", "/undo 1")
    await town.presses("ben", "That is right")
    assert await town.balance("ben") == -840
    assert any("It takes you to -14 h, below your limit; a correction may." in words for words in town.heard("ben"))
    assert not any("14 h" in words for words in [*town.sees()[-2:], *town.heard("ana")])

    async def marked(tx: Reader) -> object:
        return await tx.value("SELECT json_extract(body, '$.past_limit') FROM entries ORDER BY number DESC LIMIT 1")

    assert await town.practice.app.database.read(marked) not in (None, "[]")


# --- claims, further -----------------------------------------------------------------------------------------------


async def test_where_one_of_several_has_no_room_all_are_asked_and_nothing_shows_it(town: Town) -> None:
    await town.says("ana", "/thank @eli 12h")
    answer = await town.says("ben", "/worked 2h for @chi @ana")
    assert "waits for a yes" in answer
    assert (await held(town, "ana"), await held(town, "chi")) == (0, 60)
    await town.presses("ana", "That is right")
    assert town.heard("ana")[-1].startswith("That would take you to -13 h, below the limit of -12 h")
    assert [await town.balance(who) for who in ("ana", "ben", "chi")] == [-720, 0, 0]


async def test_a_claim_taken_back_by_its_button_frees_what_was_kept_back(town: Town) -> None:
    assert "waits for a yes" in await town.whispers("ben", "/worked 2h @ana")
    token = kept(town, "Take back", town.private("ben"))
    for who in ("ana", "chi"):
        await presses_late(town, who, token)
    assert await held(town, "ana") == 120, "it is Ben's to take back"
    await town.practice.press("ben", "Take back", within=town.private("ben"))
    assert await held(town, "ana") == 0
    assert town.heard("ben")[-1] == "Taken back: nobody is asked any more."


async def test_who_asked_and_goes_is_not_paid_any_more(town: Town) -> None:
    await town.says("chi", "/worked 3h @eli")
    token = kept(town, "That is right")
    await town.says("chi", "/leave")
    assert "That is over already: taken back." in await presses_late(town, "eli", token)
    assert (await town.balance("eli"), await held(town, "eli")) == (0, 0)


async def test_whoever_is_in_two_committees_has_other_hours_in_each(town: Town) -> None:
    hill = town.practice.console.group("Hillside")
    console = town.practice.console
    await console.say("ana", "/setup", hill, manages_chat=True)
    await console.say("ben", "/join", hill)
    await town.practice.settle()
    # Each committee has its own hours: what is promised and given in one does not count in the other.
    await console.say("ben", "/worked 10h @ana", hill)
    await town.practice.settle()
    assert (await town.says("ana", "/thank @chi 12h")).startswith("Chi helped Ana: 12 h.")
    await console.press("ana", "That is right", within=hill, manages_chat=False)
    await town.practice.settle()
    assert (await town.balance("ana"), await town.balance("ben")) == (-720, 0)

    async def of_hillside(tx: Reader) -> list[int]:
        rows = await tx.all(
            "SELECT balance FROM accounts WHERE committee_id = 2 AND member_id IS NOT NULL ORDER BY member_id LIMIT 9"
        )
        return [balance for (balance,) in rows]

    assert await town.practice.app.database.read(of_hillside) == [-600, 600]
    assert await town.whispers("ben", "/worked 1h @ana") == "For which committee?"
    await town.presses("ben", "Riverside")
    await town.presses("ana", "That is right")
    assert town.heard("ana")[-1].startswith("That would take you to -13 h"), "in Riverside Ana has no room"


async def test_what_a_helper_recorded_may_be_taken_back_by_whoever_was_spoken_for(town: Town) -> None:
    await town.says("chi", "/add Rosa")
    await town.says("chi", "/for Rosa /thank @ben 1h30")
    code = (await town.whispers("chi", "/code Rosa")).partition("A code for ")[2].partition(": ")[2][:9]
    await town.whispers("rosa", f"/claim {code}")
    await town.skip("1d")
    # Rosa did not record it herself, yet it is hers: she asks Ben, who loses by it.
    await town.whispers("rosa", "/undo 1")
    await town.presses("ben", "That is right")
    assert await town.balance("ben") == 0
    assert "Recorded for you" not in await town.whispers("rosa", "/todo")


async def test_whoever_claims_hours_learns_nothing_of_what_somebody_has(town: Town) -> None:
    await town.says("ana", "/thank @chi 11h")
    assert await town.says("ben", "/worked 2h @ana") == ASKED
    assert await held(town, "ana") == 0, "there is no room to keep anything back"
    await town.presses("ana", "That is right")
    assert town.heard("ana")[-1].startswith("That would take you to -13 h, below the limit of -12 h")
    assert town.sees()[-1] == ASKED, "it goes on waiting"
    await town.says("ben", "/thank @ana 1h")
    await town.presses("ana", "That is right")
    assert (await town.balance("ana"), await town.balance("ben")) == (-720, 60)


async def test_trusting_the_others_takes_nobody_below_the_limit_and_tells_nobody(town: Town) -> None:
    await town.whispers("ana", "/autoaccept on")
    await town.says("ana", "/thank @chi 11h")
    assert await town.says("ben", "/worked 2h @ana") == ASKED
    assert await town.balance("ana") == -660


async def test_what_is_promised_stands_apart_from_the_balance_in_private_only(town: Town) -> None:
    await town.says("chi", "/thank @ana 5h")
    await town.says("ben", "/worked 2h @ana")
    assert await town.whispers("ana", "/balance") == (
        "You have 5 h. / Promised, not yet confirmed: 2 h. That leaves 3 h."
    )
    assert "Promised, not yet confirmed: 2 h. That leaves 3 h." in await town.whispers("ana", "/limits")
    group = len(town.sees())
    await town.says("ana", "/balance")
    assert not [one for one in town.sees()[group:] if "romised" in one or "5 h" in one]
    await town.presses("ana", "That is right")
    assert await town.whispers("ana", "/balance") == "You have 3 h."


async def test_a_yes_for_which_there_is_no_room_says_what_to_do_and_goes_on_waiting(town: Town) -> None:
    await town.says("ana", "/thank @chi 11h")
    await town.says("ben", "/worked 2h @ana")
    await town.presses("ana", "That is right")
    assert town.heard("ana")[-1] == (
        "That would take you to -13 h, below the limit of -12 h, so nothing was recorded."
        " / It waits for you until Mon, Jan 12 18:00: help somebody first, and say yes then."
        " / Or say no, and thank Ben for less."
    )
    await town.presses("ana", "No")
    await town.says("ana", "/thank @ben 1h")
    assert (await town.balance("ana"), await town.balance("ben")) == (-720, 60)


# --- letting hours stand -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["/autoaccept @ben on", "/autoaccept on @ben", "/autoaccept on Ben"])
async def test_somebody_trusts_one_person_and_is_asked_by_the_others(town: Town, line: str) -> None:
    said = await town.whispers("ana", line)
    assert said.startswith("What Ben did for you stands at once. / You hear of it")
    assert await town.says("ben", "/worked 2h @ana") == "Ben helped Ana: 2 h. (No. 1)"
    assert town.heard("ana")[-1] == "Ben helped Ana: 2 h. (No. 1)"
    assert "(waits for a yes)" in await town.says("chi", "/worked 1h @ana")
    assert "(waits for a yes)" in await town.says("ana", "/worked 1h @ben"), "trust goes one way"


async def test_whom_somebody_trusts_is_shown_to_them_alone_and_can_be_ended(town: Town) -> None:
    await town.whispers("ana", "/autoaccept @ben on")
    await town.whispers("ana", "/autoaccept @chi on")
    group = len(town.sees())
    await town.says("ana", "/autoaccept show")
    assert town.heard("ana")[-1].startswith("What Ben and Chi did for you stands at once.")
    assert not [one for one in town.sees()[group:] if "stands at once" in one]
    await town.whispers("ana", "/autoaccept @ben off")
    assert "(waits for a yes)" in await town.says("ben", "/worked 2h @ana")
    assert (await town.whispers("ana", "/autoaccept show")).startswith("What Chi did for you stands at once.")
    assert await town.whispers("ana", "/autoaccept off") == "I ask you each time before hours of yours move."
    assert "(waits for a yes)" in await town.says("chi", "/worked 1h @ana")


async def test_whoever_trusts_everybody_cannot_leave_one_out_unnoticed(town: Town) -> None:
    await town.whispers("ana", "/autoaccept on")
    assert (await town.whispers("ana", "/autoaccept @ben off")).startswith("Just now the hours of everybody")
    assert await town.says("ben", "/worked 2h @ana") == "Ben helped Ana: 2 h. (No. 1)"


async def test_nobody_trusts_themselves(town: Town) -> None:
    assert "Nobody asks you about hours of your own." in await town.whispers("ana", "/autoaccept @ana on")


async def test_whoever_goes_and_comes_back_is_not_trusted_any_more(town: Town) -> None:
    await town.whispers("ana", "/autoaccept @chi on")
    await town.says("chi", "/leave")
    await town.says("chi", "/join")
    assert await town.whispers("ana", "/autoaccept show") == "I ask you each time before hours of yours move."


# --- commands that are changed afterwards --------------------------------------------------------------------------


async def edits(town: Town, who: str, text: str, *, message: str, within: Chat | None = None) -> list[str]:
    """Somebody changes a message. What is said because of it, where."""
    before = len(town.transcript)
    await town.practice.app.dispatcher.handle(
        Message(
            event=f"edit-{before}-{text}",
            at=town.practice.clock(),
            chat=within or town.group(),
            sender=town.practice.console.somebody(who).sender,
            text=text,
            message=message,
            edited=True,
        )
    )
    await town.practice.settle()
    return [f"{where}: {what}" for where, what in town.transcript[before:]]


async def test_whoever_changes_a_command_hears_once_in_private_what_counts(town: Town) -> None:
    await town.says("ana", "/thank @ben 1h")
    [told] = await edits(town, "ana", "/thank @ben 10h", message="7")
    assert told.startswith("ana (dm): bot: You have changed a command afterwards. What you wrote first counts;")
    assert "/undo takes hours back." in told
    assert await edits(town, "ana", "/thank @ben 11h", message="7") == [], "once for each message"
    assert len(await edits(town, "ana", "/thank @ben 12h", message="8")) == 1
    assert await town.balance("ben") == 60


async def test_in_private_a_changed_command_answers_no_question(town: Town) -> None:
    await town.whispers("ana", "/thank @ben")
    [told] = await edits(town, "ana", "/thank @ben 10h", message="7", within=town.private("ana"))
    assert "You have changed a command afterwards." in told
    assert await edits(town, "ana", "2h", message="8", within=town.private("ana")) == []
    assert await town.balance("ben") == 0


async def test_talk_that_is_changed_and_strangers_are_left_alone(town: Town) -> None:
    assert await edits(town, "ana", "I thank you all", message="7") == []
    assert await edits(town, "zoe", "/thank @ben 10h", message="8") == []
