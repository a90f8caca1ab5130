"""Before an alert spreads: kinds, budgets, strangers, what is said twice, and how alerts turned out."""

from __future__ import annotations

import pytest

from storage import alert_kinds, alerts
from storage.database import Reader
from tests.conftest import Town

LINE = "/alert eviction Main St 5, 20 people"


async def _decided(town: Town, line: str, who: str = "ana", other: str = "ben") -> str:
    await town.says(who, line)
    return await town.presses(other, "Agree")


# --- the kinds ---------------------------------------------------------------------------------------------------


async def test_the_kinds_show_what_one_person_may_do_alone(town: Town) -> None:
    said = await town.whispers("chi", "/alert_kinds")
    assert "eviction / One person alone tells the group. / It goes on for 6 hours. / Needed: people 10" in said
    await _decided(town, "/alert_kind eviction alone organizers")
    said = await town.whispers("chi", "/alert_kinds")
    assert "eviction / One person alone tells the organizers only." in said


async def test_what_one_person_tells_the_organizers_alone_the_group_does_not_see(town: Town) -> None:
    await _decided(town, "/alert_kind eviction alone organizers")
    before = len(town.sees())
    await town.whispers("chi", LINE)
    assert "Main St 5" in town.heard("ana")[-1]
    assert "Main St 5" in town.heard("ben")[-1]
    assert not any("Main St" in words for words in town.sees()[before:])
    # The log, which everybody reads, tells no more than the group was told.
    await town.whispers("chi", "/alert 1 update they come by Oak St 9")
    log = await town.whispers("eli", "/log decisions")
    assert "Alert 1 was raised. /" in f"{log} /"
    assert "There is news of alert 1." in log
    assert "Main St" not in log
    assert "Oak St" not in log
    # Whatever somebody tries to say of it, it is as if there were none.
    for words in ("", " roster", " end", " reach", " shown", " timeline", " roll_call", " update no"):
        assert await town.whispers("eli", f"/alert 1{words}") == (
            "There is no alert 1. /alerts shows those that there are."
        )
    assert await town.whispers("eli", "/alert 1 xyz") == await town.whispers("eli", "/alert 9 xyz")
    await town.presses("ana", "I can confirm it")
    log = await town.whispers("eli", "/log decisions")
    assert "Alert 1 was raised: eviction, Main St 5" in log
    assert "News of alert 1: they come by Oak St 9" in log


async def test_what_was_for_the_organizers_stays_so_when_the_kind_is_changed(town: Town) -> None:
    await _decided(town, "/alert_kind eviction alone organizers")
    await town.whispers("chi", LINE)
    await town.says("eli", "/alert raid Oak St 1")
    await town.presses("eli", "In 10 min")
    # Whoever comes to the one could not see the other.
    assert "Say it the other way round: /alert 1 same 2" in await town.whispers("ana", "/alert 2 same 1")
    await town.whispers("ana", "/alert 1 end")
    await town.whispers("ana", "/alert 2 end")
    await _decided(town, "/alert_kind eviction alone group")
    await _decided(town, "/alert_kind raid alone organizers")
    assert (await town.whispers("eli", "/alert 1")).startswith("There is no alert 1.")
    assert await town.whispers("eli", "/alerts") == "ALERT 2: raid or detention / It is over."
    log = await town.whispers("eli", "/log decisions")
    assert "Alert 1 was raised. /" in log
    assert "Alert 2 was raised: raid or detention, Oak St 1" in log
    assert "Main St" not in log


async def test_what_is_for_organizers_breaks_no_quiet_hours_of_theirs(town: Town) -> None:
    await _decided(town, "/alert_kind strike alone organizers")
    await town.skip("6h")
    told = len(town.heard("ana")), len(town.heard("ben"))
    assert "they have quiet hours now: call one of them." in await town.whispers("chi", "/alert strike Dock 7")
    waits = "An alert waits for an organizer. Organizers: look at it in private, with /todo."
    assert town.sees()[-1] == waits
    said = await town.says("zed", LINE)
    assert said == f"{waits}\nOnly the organizers may hear of it yet, and they have quiet hours now: tell a member."
    assert (len(town.heard("ana")), len(town.heard("ben"))) == told
    assert "ALERT 1: strike or picket" in await town.whispers("ben", "/todo")
    await town.skip("7h")
    assert (len(town.heard("ana"))) == told[0]
    await town.skip("1h")
    heard = "\n".join(town.heard("ana")[told[0] :])
    assert "ALERT 1: strike or picket / Not confirmed yet: 1/2" in heard
    assert "ALERT 2: eviction / It still waits: no organizer has answered. / Where: Main St 5" in heard


async def test_one_person_calls_everybody_only_where_the_committee_has_said_so(town: Town) -> None:
    await town.says("chi", "/alert raid Oak St 1")
    await _decided(town, "/alert_kind eviction alone everyone")
    await town.whispers("chi", LINE)
    assert "Everybody is called now." in town.heard("chi")[-1]
    await town.skip("10m")

    async def told(number: int) -> set[int]:
        async def ask(tx: Reader) -> set[int]:
            there = await alerts.numbered(tx, 1, number)
            assert there is not None
            return {page.member_id for page in await alerts.pages(tx, there) if page.state == "sent"}

        return await town.practice.app.database.read(ask)

    assert await told(1) == set()
    assert await told(2) == {1, 2, 4}
    assert any("ALERT 2: eviction / Not confirmed yet: 1/2" in words for words in town.heard("eli"))


async def test_a_member_alone_changes_no_kind(town: Town) -> None:
    await town.says("chi", "/alert_kind eviction alone everyone")
    assert "One person alone calls everybody" not in await town.whispers("chi", "/alert_kinds")
    assert "calls everybody at once" in town.sees()[-1]


async def test_a_kind_of_our_own_is_raised_by_its_words_and_by_a_button(town: Town) -> None:
    assert "new kind of alert: “water shut off”" in await _decided(town, "/alert_kind_new water shut off")
    await _decided(town, "/alert_kind water shut off needs 3 people")
    await _decided(town, "/alert_kind water shut off hours 2")
    assert "ALERT 1: water shut off" in await town.says("chi", "/alert water shut off Oak St 9")
    assert "people 0/3" in town.sees()[-1]
    assert "Until 20:00" in town.sees()[-1]
    await town.whispers("eli", "/alert")
    await town.presses("eli", "water shut off")
    assert "Where, and what does it take?" in town.heard("eli")[-1]
    assert "raised: water shut off" in await town.whispers("eli", "/log decisions")


async def test_we_ask_our_own_questions_and_each_can_be_skipped(town: Town) -> None:
    await _decided(town, "/alert_kind raid ask How many police?")
    await _decided(town, "/alert_kind raid ask Who has keys?")
    await town.whispers("chi", "/alert")
    await town.presses("chi", "raid or detention")
    await town.whispers("chi", "Oak St 9")
    assert "How many police?" in town.heard("chi")[-1]
    await town.whispers("chi", "about six")
    assert "Who has keys?" in town.heard("chi")[-1]
    await town.presses("chi", "Skip")
    assert "“How many police? about six” (as it was written)" in town.sees()[-1]
    # In one line nobody is asked.
    assert "ALERT 2: raid" in await town.says("eli", "/alert raid Elm St 3")
    await _decided(town, "/alert_kind raid ask nothing")
    assert "Asked" not in await town.whispers("chi", "/alert_kinds")


async def test_a_kind_is_dropped_and_put_back(town: Town) -> None:
    await town.says("chi", "/alert strike Dock 4")
    await _decided(town, "/alert_kind strike drop")
    assert "strike or picket" not in await town.whispers("chi", "/alert_kinds")
    await town.says("chi", "/alert strike Dock 5")
    assert not any("Dock 5" in words for words in town.sees())
    assert "What is it?" in town.heard("chi")[-1]
    # What goes on keeps its name.
    assert "ALERT 1: strike or picket" in await town.whispers("chi", "/alerts")
    await _decided(town, "/alert_kind strike back")
    assert "strike or picket" in await town.whispers("chi", "/alert_kinds")
    assert "This kind stays" in await town.says("ana", "/alert_kind other drop")


@pytest.mark.parametrize(
    "line",
    [
        "/alert_kind eviction",
        "/alert_kind eviction alone",
        "/alert_kind eviction alone nobody",
        "/alert_kind eviction hours 49",
        "/alert_kind eviction hours 0",
        "/alert_kind eviction needs love",
        "/alert_kind",
        "/alert_kind nosuch drop",
        "/alert_kind_new eviction",
        "/alert_kind_new 3",
        "/alert_kind_new a kind with far too many words",
        "/alert_budget 51",
        "/alert_budget 0",
    ],
)
async def test_a_change_that_cannot_be_is_refused_with_what_can(town: Town, line: str) -> None:
    said = await town.says("ana", line)
    assert "I asked in the group" not in said
    assert "Agree" not in said
    before = await town.whispers("chi", "/alert_kinds")
    assert "eviction / One person alone tells the group. / It goes on for 6 hours. / Needed: people 10" in before


# --- budgets -----------------------------------------------------------------------------------------------------


async def _raise(town: Town, who: str, *streets: str) -> None:
    for street in streets:
        await town.says(who, f"/alert eviction {street}")


async def test_who_keeps_to_the_budget_is_never_slowed_down(town: Town) -> None:
    await _raise(town, "chi", "Oak St 1", "Elm St 2", "Ash St 3")
    assert sum("Not confirmed yet" in words for words in town.sees()) == 3
    await town.skip("25h")
    await _raise(town, "chi", "Fir St 4")
    assert "ALERT 4" in town.sees()[-1]
    assert not any("waits for you" in words for words in town.heard("ana"))


async def test_the_fourth_that_nobody_confirms_waits_for_an_organizer(town: Town) -> None:
    await _raise(town, "chi", "Oak St 1", "Elm St 2", "Ash St 3")
    before = len(town.sees())
    said = await town.whispers("chi", "/alert eviction Fir St 4")
    assert "An organizer has to let it through first; they are told now." in said
    assert len(town.sees()) == before
    for who in ("ana", "ben"):
        assert "It waits for you: the same person has raised several" in town.heard(who)[-1]
        assert "Where: Fir St 4" in town.heard(who)[-1]
        assert "Chi" not in town.heard(who)[-1]
    await town.presses("ben", "Let it through")
    assert "ALERT 4: eviction / Not confirmed yet: 1/2 / Where: Fir St 4" in town.sees()[-1]
    assert town.heard("chi")[-1] == "Your alert 4 was let through."
    await town.presses("ana", "Refuse it")
    assert town.heard("ana")[-1] == "Alert 4 was let through already."


async def test_those_that_were_confirmed_do_not_count(town: Town) -> None:
    for number, street in enumerate(("Oak St 1", "Elm St 2", "Ash St 3", "Fir St 4"), 1):
        await town.says("chi", f"/alert eviction {street}")
        assert f"ALERT {number}" in town.sees()[-1]
        await town.presses("ben", "I can confirm it")
    assert not any("waits for you" in words for words in town.heard("ana"))


async def test_an_organizer_refuses_and_nobody_has_heard_of_it(town: Town) -> None:
    await _raise(town, "chi", "Oak St 1", "Elm St 2", "Ash St 3")
    before = len(town.sees())
    await town.whispers("chi", "/alert eviction Fir St 4")
    await town.presses("ana", "Refuse it")
    assert len(town.sees()) == before
    assert "An organizer has not let your alert 4 through." in town.heard("chi")[-1]
    assert "Fir St" not in await town.whispers("eli", "/log decisions")
    assert "Fir St" not in await town.whispers("eli", "/alerts")
    await town.presses("ben", "Let it through")
    assert town.heard("ben")[-1] == "Alert 4 was not let through."
    await town.skip("11m")
    assert "still waits" not in town.heard("ben")[-1]


async def test_no_organizer_lets_their_own_through(town: Town) -> None:
    await _raise(town, "ana", "Oak St 1", "Elm St 2", "Ash St 3")
    await town.whispers("ana", "/alert eviction Fir St 4")
    assert not any("waits for you" in words for words in town.heard("ana"))
    assert "waits for you" in town.heard("ben")[-1]
    await town.whispers("ana", "/alert 4")
    assert "An organizer has not let it through yet." in town.heard("ana")[-1]
    await town.presses("ben", "Let it through")
    assert "Where: Fir St 4" in town.sees()[-1]


async def test_what_no_organizer_answers_is_told_once_more_after_ten_minutes(town: Town) -> None:
    await _raise(town, "chi", "Oak St 1", "Elm St 2", "Ash St 3")
    await town.whispers("chi", "/alert eviction Fir St 4")
    await town.skip("9m")
    assert "It waits for you" in town.heard("ana")[-1]
    await town.skip("2m")
    assert "It still waits: no organizer has answered." in town.heard("ana")[-1]
    assert town.sees()[-1].startswith("An alert waits for an organizer.")
    assert "Fir St" not in town.sees()[-1]
    heard = len(town.heard("ana"))
    await town.skip("2h")
    assert len(town.heard("ana")) == heard
    assert "Fir St 4" in await town.whispers("ben", "/todo")


async def test_a_committee_sets_its_own_budget(town: Town) -> None:
    await _decided(town, "/alert_budget 1")
    await _raise(town, "chi", "Oak St 1")
    assert "An organizer has to let it through" in await town.whispers("chi", "/alert eviction Elm St 2")


async def test_a_newcomer_is_held_and_an_organizer_decides(town: Town) -> None:
    await _decided(town, "/newcomers 30d")
    await town.says("dan", "/join")
    assert "An organizer has to let it through" in await town.whispers("dan", LINE)
    assert "a newcomer has raised it" in town.heard("ana")[-1]
    assert not any("Main St" in words for words in town.sees())


# --- strangers ---------------------------------------------------------------------------------------------------


async def test_a_stranger_tells_the_organizers_and_nobody_else(town: Town) -> None:
    said = await town.says("zed", LINE)
    assert said.startswith("The organizers are told now.")
    assert "Main St" not in said
    assert "somebody who is no member has raised it" in town.heard("ana")[-1]
    assert "Where: Main St 5" in town.heard("ana")[-1]
    await town.presses("ana", "Let it through")
    # She stands for it now: one of two.
    assert "ALERT 1: eviction / Not confirmed yet: 1/2 / Where: Main St 5" in town.sees()[-1]
    assert "You stand for this alert already" in await town.presses("ana", "I can confirm it")


async def test_a_stranger_says_it_in_private_where_the_bot_has_one_committee(town: Town) -> None:
    for line in ("/alert 1", "/alert 1 end", "/alert #1 update they have gone"):
        assert (await town.whispers("zed", line)).startswith("Say what it is, and where:")
    assert not any("ALERT" in said for said in town.heard("ben"))
    assert (await town.whispers("zed", "/alert Main St 5, they are at the door")).startswith("The organizers are told")
    assert "ALERT 1: other" in town.heard("ben")[-1]
    assert "Main St 5" in town.heard("ben")[-1]


async def test_strangers_cannot_flood(town: Town) -> None:
    await town.says("zed", "/alert raid Oak St 1")
    told = len(town.heard("ana"))
    refused = "The organizers have been told of an alert already."
    assert refused in await town.says("zoe", "/alert raid Elm St 2")
    assert len(town.heard("ana")) == told
    for _ in range(2):
        await town.presses("ana", "Refuse it")
        await town.says("zoe", "/alert raid Elm St 2")
    assert "Elm St 2" in town.heard("ana")[-1]
    await town.presses("ana", "Refuse it")
    # Three a day, whoever they are.
    assert refused in await town.says("yan", "/alert raid Ash St 3")
    await town.skip("25h")
    assert "The organizers are told now" in await town.says("yan", "/alert raid Ash St 3")


async def test_a_stranger_does_nothing_else_with_alerts(town: Town) -> None:
    await town.says("ana", LINE)
    assert "Only members of Riverside" in await town.says("zed", "/alerts")
    await town.says("zed", "/alert 1 false")
    assert "ALERT 1" in await town.whispers("chi", "/alerts")
    assert "Only members" in await town.presses("zed", "I can confirm it")


# --- said twice --------------------------------------------------------------------------------------------------


async def test_the_second_who_says_it_is_asked_and_confirms_by_one_tap(town: Town) -> None:
    await town.says("chi", LINE)
    await town.skip("4m")
    before = len(town.sees())
    await town.says("ben", "/alert eviction Main Street 5, they have dogs")
    asked = town.heard("ben")[-1]
    assert "ALERT 1: eviction / Where: Main St 5 / Raised 4 minutes ago. / Do you mean the same?" in asked
    assert len(town.sees()) == before
    await town.presses("ben", "The same: I confirm it")
    assert "Confirmed: 2/2" in town.sees()[-1]
    # What is new in it is told, and that it was he is not.
    assert "“Main Street 5, they have dogs” (as it was written)" in town.sees()[-1]
    assert "Ben" not in town.sees()[-1]
    assert "ALERT 2" not in await town.whispers("chi", "/alerts")


async def test_another_one_is_raised_as_it_was_said(town: Town) -> None:
    await town.says("chi", LINE)
    await town.says("ben", "/alert eviction Main Street 70, 3 people, they have dogs")
    await town.presses("ben", "Another one")
    assert "ALERT 2: eviction / Not confirmed yet: 1/2 / Where: Main Street 70 / “they have dogs”" in town.sees()[-1]
    assert "people 0/3" in town.sees()[-1]


async def test_another_kind_or_another_place_is_not_asked_about(town: Town) -> None:
    await town.says("chi", LINE)
    assert "ALERT 2" in await town.says("ben", "/alert eviction Oak St 5")
    assert "ALERT 3" in await town.says("ben", "/alert raid Main St 5")
    await town.skip("31m")
    assert "ALERT 4" in await town.says("eli", LINE)


async def test_the_same_line_twice_within_a_minute_raises_one(town: Town) -> None:
    await town.says("chi", LINE)
    await town.says("chi", LINE)
    assert town.heard("chi")[-1] == "Alert 1 is raised already."
    assert "ALERT 2" not in await town.whispers("ana", "/alerts")


async def test_step_by_step_it_is_asked_too(town: Town) -> None:
    await town.says("chi", LINE)
    await town.whispers("eli", "/alert")
    await town.presses("eli", "eviction")
    await town.whispers("eli", "Main St 5")
    assert "Do you mean the same?" in town.heard("eli")[-1]
    await town.presses("eli", "Another one")
    assert "ALERT 2: eviction / Not confirmed yet: 1/2 / Where: Main St 5" in town.sees()[-1]


async def test_an_organizer_makes_one_of_two_and_who_comes_goes_over(town: Town) -> None:
    await town.says("chi", LINE)
    await town.presses("eli", "In 10 min")
    await town.says("ben", "/alert eviction Oak St 9, 5 people")
    await town.presses("ana", "In 30 min")
    assert "Only an organizer" in await town.says("eli", "/alert 2 same 1")
    assert "Alert 2 goes on as alert 1." in await town.says("ana", "/alert 2 same 1")
    assert any(
        words.startswith("ALERT 1: eviction / Not confirmed yet: 1/2") and "2 are coming." in words
        for words in town.sees()[-4:]
    )
    assert "It goes on as another alert." in await town.whispers("chi", "/alerts")
    assert "Your alert 2 goes on as alert 1." in town.heard("ben")[-1]
    await town.presses("ben", "I can confirm it")
    assert any("Confirmed: 2/2" in words for words in town.sees()[-2:])


@pytest.mark.parametrize("line", ["/alert 2 same 2", "/alert 2 same 9", "/alert 2 same x", "/alert 2 same 1"])
async def test_what_cannot_be_made_one_stays_two(town: Town, line: str) -> None:
    """A drill goes on beside something real only as long as that waits for an organizer."""
    await town.says("ben", "/alert drill eviction Main St 5")
    await town.says("zoe", LINE)
    await town.whispers("ana", line)
    said = await town.whispers("ana", "/alerts")
    assert "DRILL 1, only an exercise: eviction / Not confirmed yet" in said
    assert "ALERT 2: eviction / Not confirmed yet" in said


# --- how they turned out -----------------------------------------------------------------------------------------


async def test_the_record_is_kept_by_kind_and_never_by_person(town: Town) -> None:
    for street, outcome, confirmed in (
        ("Oak St 1", "end", False),
        ("Elm St 2", "false", False),
        ("Ash St 3", "end", True),
        ("Fir St 4", "cancel", False),
    ):
        await town.says("ana", f"/alert eviction {street}")
        if confirmed:
            await town.presses("ben", "I can confirm it")
        number = {"Oak St 1": 1, "Elm St 2": 2, "Ash St 3": 3, "Fir St 4": 4}[street]
        await town.says("ana", f"/alert {number} {outcome}")
    await town.says("chi", "/alert eviction Yew St 5, for 1h")
    await town.says("ben", "/alert drill eviction Yew St 6, for 1h")
    await town.skip("2h")
    said = await town.whispers("chi", "/alert_kinds")
    assert "Not confirmed: real 1 of 3 / Confirmed: real 1 of 1" in said

    async def ask(tx: Reader) -> None:
        columns = await tx.all("SELECT name FROM pragma_table_info('alert_records')")
        assert not any("member" in name for (name,) in columns)
        assert (await alert_kinds.records(tx, 1))["eviction", True].real == 1
        assert await alerts.numbered(tx, 1, 5) is not None

    await town.practice.app.database.read(ask)
