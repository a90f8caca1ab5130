"""Effort as members meet it: kinds of tasks, of which kind an exchange was, peers, and the month's end."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.adapters.console import NoSuchButton
from bot.domain.policies import Scheme
from storage import closings, effort, people, schemes
from storage.database import Reader, Transaction
from tests.conftest import Town

EFFORT = Scheme(base="effort")


async def decide(town: Town, scheme: Scheme) -> None:
    """The committee has decided to count so from now on, as /policy will."""
    now = town.practice.clock()

    async def work(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        [ana] = await people.members_named(tx, 1, "ana")
        await schemes.decide(tx, committee, scheme, ana, now=now)
        if scheme.base == "effort":
            await closings.plan(tx, committee, "weigh_month", period=closings.month_of(now, committee))

    await town.practice.app.database.transact(work)


async def by_effort(town: Town, *kinds: str, scheme: Scheme = EFFORT) -> None:
    """Hours count by effort here, and some kinds of tasks have a class."""
    await decide(town, scheme)
    for line in kinds or ("cleaning unpleasant", "company pleasant"):
        await town.says("ana", f"/class {line}")
        await town.presses("ben", "Agree")


async def rows(town: Town, sql: str) -> list[Any]:
    """What the database says."""
    return await town.practice.app.database.read(lambda tx: tx.all(f"{sql} LIMIT 1000"))


async def balances(town: Town) -> dict[str, int]:
    """What everybody has."""
    return {who: await town.balance(who) for who in ("ana", "ben", "chi", "eli")}


async def month_over(town: Town) -> None:
    """The next month has begun, and whoever is told of the last one has heard it. The bot was away meanwhile: quick."""
    town.practice.clock.move(datetime(2026, 2, 1, 10, 0, tzinfo=UTC))
    await town.skip("1m")


# --- kinds of tasks --------------------------------------------------------------------------------------------------


async def test_the_committee_says_how_hard_a_kind_of_task_is(town: Town) -> None:
    await by_effort(town)
    told = await town.whispers("chi", "/classes")
    assert "unpleasant: cleaning / pleasant: company / All else is moderate." in told
    assert "an hour of an unpleasant task weighs 1.3, of a moderate one 1, of a pleasant one 0.8." in told
    await town.says("ana", "/class cleaning moderate")
    await town.presses("ben", "Agree")
    assert "moderate: cleaning / pleasant: company" in await town.whispers("chi", "/classes")
    await town.says("chi", "/class cleaning off")
    await town.presses("ana", "Agree")
    await town.presses("ben", "Agree")
    assert "cleaning" not in (await town.whispers("eli", "/classes")).partition("The committee decides")[0]
    assert "“cleaning” is no kind of task of its own any more." in await town.whispers("eli", "/log rules")


async def test_a_kind_of_help_on_the_board_is_a_kind_of_task_in_everybodys_language(town: Town) -> None:
    await by_effort(town, "garden unpleasant")
    await town.whispers("eli", "/language de")
    assert "unangenehm: Garten" in await town.whispers("eli", "/classes")
    # The same one, by its name in another language.
    await town.says("ana", "/class Garten agradable")
    await town.presses("ben", "Agree")
    assert "pleasant: Garden" in await town.whispers("chi", "/classes")


REFUSED = (
    ("/class cleaning", "Something is missing: the word pleasant, moderate, unpleasant or off"),
    ("/class unpleasant", "Something is missing: a short name"),
    ("/class 12 unpleasant", "What is it called?"),
    (f"/class {'x' * 41} unpleasant", "That is too long"),
    ("/class dancing off", "There is no such kind of task."),
    ("/weigh 99 cleaning", "There is no entry 99 here."),
    ("/weigh 1 dancing", "I read “dancing” where I expected a kind of task"),
    ("/rating on", "the committee has not decided it"),
    ("/rating maybe", "I read “maybe” where I expected the word on, off or show"),
)


async def test_what_cannot_be_gets_a_sentence_and_changes_nothing(town: Town) -> None:
    await by_effort(town)
    await town.says("ana", "/thank @ben 1h")
    before = await rows(town, "SELECT kind_id, class, said FROM efforts")
    for line, answer in REFUSED:
        assert answer in await town.whispers("ana", line), line
    assert await rows(town, "SELECT kind_id, class, said FROM efforts") == before


async def test_there_is_an_end_to_kinds_of_tasks(town: Town) -> None:
    async def fill(tx: Transaction) -> None:
        for n in range(30):
            await tx.execute(
                "INSERT INTO task_kinds (committee_id, category, class) VALUES (1, ?, 'moderate')", f"x{n}"
            )

    await town.practice.app.database.transact(fill)
    assert "There are 30 already" in await town.says("ana", "/class cleaning unpleasant")


# --- of which kind it was --------------------------------------------------------------------------------------------


async def test_the_words_of_whoever_thanks_say_what_kind_of_task_it_was(town: Town) -> None:
    await by_effort(town)
    assert "Kind of task: cleaning (unpleasant)" in await town.says("ana", "/thank @ben 2h cleaned the stairs")
    assert "Kind of task" not in await town.says("ana", "/thank @ben 2h fixed the bike")
    assert await rows(town, "SELECT class, said FROM efforts ORDER BY transfer_id") == [
        ("unpleasant", 1),
        ("moderate", 0),
    ]


async def test_what_stood_on_the_board_says_it_too(town: Town) -> None:
    await by_effort(town, "garden unpleasant")
    await town.says("ana", "/need hedge cut on friday")
    await town.says("ben", "/take 1")
    await town.whispers("ana", "/done 1 1h")
    assert await rows(town, "SELECT class FROM efforts") == [("unpleasant",)]


async def test_whoever_gave_the_hours_says_it_by_a_button_right_after_thanking(town: Town) -> None:
    await by_effort(town)
    await town.whispers("ana", "/thank @ben 2h kitchen and bath")
    await town.practice.press("ana", "Kind of task", within=town.private("ana"))
    assert "what kind of task was it?" in town.heard("ana")[-1]
    await town.practice.press("ana", "cleaning", within=town.private("ana"))
    assert town.heard("ana")[-1] == "No. 1: cleaning (unpleasant)."
    await town.whispers("ana", "/thank @chi 1h")
    assert "what kind of task was it?" in await town.whispers("ana", "/todo")
    assert await town.whispers("ana", "/weigh 2 off") == "No. 2: an hour is an hour."
    assert "what kind of task was it?" not in await town.whispers("ana", "/todo")


async def test_it_is_said_by_buttons_from_the_menu_alone(town: Town) -> None:
    await by_effort(town)
    await town.says("ana", "/thank @ben 2h")
    await town.whispers("ana", "/menu")
    while True:
        with contextlib.suppress(NoSuchButton):
            await town.practice.press("ana", "Effort", within=town.private("ana"))
            break
        await town.practice.press("ana", "More", within=town.private("ana"))
    await town.practice.press("ana", "What kind of task was it?", within=town.private("ana"))
    await town.practice.press("ana", "No. 1, Ben", within=town.private("ana"))
    await town.practice.press("ana", "cleaning", within=town.private("ana"))
    assert await rows(town, "SELECT class FROM efforts") == [("unpleasant",)]


async def test_whoever_helped_cannot_say_it_alone(town: Town) -> None:
    await by_effort(town)
    await town.says("ana", "/thank @ben 2h")
    assert await town.whispers("ben", "/weigh 1 cleaning") == (
        "Whoever gave the hours says of what kind it was. I ask Ana."
    )
    assert await rows(town, "SELECT class FROM efforts") == [("moderate",)]
    assert "Ben says that no. 1 was this kind of task: cleaning (unpleasant). Is that right?" in town.heard("ana")[-1]
    assert "only whoever gave" in (await town.whispers("ben", "/weigh 1 off")).lower()
    assert "No. 1 is between others" in await town.whispers("chi", "/weigh 1 cleaning")
    await town.practice.press("ana", "No", within=town.private("ana"))
    assert await rows(town, "SELECT class FROM efforts") == [("moderate",)]
    await town.skip("1d")
    await town.whispers("ben", "/weigh 1 cleaning")
    await town.practice.press("ana", "That is right", within=town.private("ana"))
    assert await rows(town, "SELECT class FROM efforts") == [("unpleasant",)]
    # What is taken back is told to whoever helped.
    await town.whispers("ana", "/weigh 1 company")
    assert "No. 1: company (pleasant)." in town.heard("ben")[-1]


async def test_what_somebody_claims_is_of_the_kind_that_the_other_has_seen(town: Town) -> None:
    await by_effort(town)
    await town.says("ben", "/worked 2h @ana cleaning")
    assert "Kind of task: cleaning (unpleasant)" in town.heard("ana")[-1]
    await town.practice.press("ana", "That is right", within=town.private("ana"))
    assert await rows(town, "SELECT class FROM efforts") == [("unpleasant",)]


async def test_what_nobody_answered_is_of_no_kind(town: Town) -> None:
    await by_effort(town)
    await town.says("ana", "/confirm_within 2d accept")
    await town.presses("ben", "Agree")
    await town.says("ben", "/worked 2h @ana cleaning")
    await town.skip("3d")
    assert await rows(town, "SELECT class FROM efforts") == [("moderate",)]


async def test_nobody_who_speaks_for_another_says_it_of_their_own_work(town: Town) -> None:
    await by_effort(town)
    await town.says("ana", "/add Rosa")
    await town.says("ana", "/for Rosa /thank @ana 2h cleaning")
    await town.says("ana", "/for Rosa /thank @ben 2h cleaning")
    assert await rows(town, "SELECT class FROM efforts ORDER BY transfer_id") == [("moderate",), ("unpleasant",)]
    # There the committee has to say it.
    await town.says("ana", "/weigh 1 cleaning")
    assert await rows(town, "SELECT class FROM efforts ORDER BY transfer_id") == [("moderate",), ("unpleasant",)]
    await town.presses("ben", "Agree")
    assert await rows(town, "SELECT class FROM efforts ORDER BY transfer_id") == [("unpleasant",), ("unpleasant",)]


async def test_work_for_the_committee_is_of_the_kind_that_it_has_decided_on(town: Town) -> None:
    await by_effort(town)
    await town.says("ben", "/worked 2h committee cleaned the hall")
    await town.presses("ana", "Agree")
    assert await rows(town, "SELECT class FROM efforts") == [("unpleasant",)]
    await town.says("ben", "/worked 2h committee the hall")
    await town.presses("ana", "Agree")
    await town.says("ben", "/weigh 2 cleaning")
    await town.presses("ana", "Agree")
    assert await rows(town, "SELECT class FROM efforts") == [("unpleasant",), ("unpleasant",)]


# --- the month's end -------------------------------------------------------------------------------------------------


async def _a_month(town: Town) -> None:
    await town.says("ana", "/thank @ben 5h cleaned the stairs")
    await town.says("chi", "/thank @ben 5h fixed the roof")
    await town.says("eli", "/thank @chi 10h company")


async def test_at_the_months_end_what_was_hard_counts_for_more_and_the_hours_stay_as_many(town: Town) -> None:
    await by_effort(town)
    await _a_month(town)
    before = await balances(town)
    own = await town.whispers("ben", "/effort")
    assert own == (
        "January 2026 so far: 10 h of help. / Unpleasant: 5 h. / "
        "If the month ended now, that would count as 11 h 48 (1 h 48 more)."
    )
    await town.skip("27d")
    after = await balances(town)
    assert {who: after[who] - before[who] for who in before} == {"ana": 0, "ben": 108, "chi": -108, "eli": 0}
    [told] = [words for words in town.heard("ben") if "by effort" in words]
    assert told.startswith("January 2026, by effort: your 10 h of help count as 11 h 48. / Unpleasant: 5 h. / You get")
    [told] = [words for words in town.heard("chi") if "by effort" in words]
    assert (
        "your 10 h of help count as 8 h 12. / Pleasant: 10 h. / You give back 1 h 48. You have 3 h 12 now. (No. 4)"
        in told
    )
    assert not [words for words in town.heard("eli") if "by effort" in words], "nothing changed for them"
    [told] = [words for words in town.sees() if "by effort" in words]
    assert "11 h" not in told
    assert "Ben" not in told
    assert "January 2026: 10 h of help counted as 11 h 48 (1 h 48 more)." in await town.whispers("ben", "/effort")


async def test_a_month_is_closed_once_however_often_the_clock_says_it(town: Town) -> None:
    await by_effort(town)
    await _a_month(town)
    await month_over(town)
    once = await balances(town)

    async def again(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        await closings.plan(tx, committee, "weigh_month", period="2025-12")
        await tx.execute(
            "UPDATE due SET arguments = '{\"period\":\"2026-01\"}', at_us = 0 WHERE command = 'weigh_month'"
        )

    await town.practice.app.database.transact(again)
    heard = len(town.heard("ben")), len(town.sees())
    await town.skip("1d")
    assert await balances(town) == once
    assert (len(town.heard("ben")), len(town.sees())) == heard
    assert "is closed, so no. 1 stays as it is" in await town.whispers("ana", "/weigh 1 company")


async def test_only_what_was_recorded_by_effort_is_weighed_and_then_it_ends(town: Town) -> None:
    await town.says("ana", "/thank @ben 5h cleaning")
    await by_effort(town)
    await town.says("ana", "/thank @ben 1h cleaning")
    await town.says("eli", "/thank @chi 1h company")
    await decide(town, Scheme(base="equal"))
    await town.says("ana", "/thank @ben 3h cleaning")
    before = await balances(town)
    await month_over(town)
    after = await balances(town)
    # 60 x 1.3 and 60 x 0.8 of 120.
    assert {who: after[who] - before[who] for who in before} == {"ana": 0, "ben": 14, "chi": -14, "eli": 0}
    assert await rows(town, "SELECT 1 FROM due WHERE command = 'weigh_month'") == []
    assert "February" not in await town.whispers("ben", "/effort")


async def test_the_weights_are_those_that_held_when_it_was_recorded(town: Town) -> None:
    await by_effort(town)
    await town.says("ana", "/thank @ben 1h cleaning")
    await decide(town, replace(EFFORT, unpleasant=2_000))
    await town.says("ana", "/thank @chi 1h cleaning")
    before = await balances(town)
    await month_over(town)
    after = await balances(town)
    # 1.3 and 2.0 of 3.3, of two hours.
    assert {who: after[who] - before[who] for who in before} == {"ana": 0, "ben": -13, "chi": 13, "eli": 0}


async def test_what_was_taken_back_is_not_weighed(town: Town) -> None:
    await by_effort(town)
    await town.says("ana", "/thank @ben 5h cleaning")
    await town.says("eli", "/thank @chi 5h company")
    await town.says("ana", "/undo 1")
    before = await balances(town)
    await month_over(town)
    assert await balances(town) == before
    assert not [words for words in town.sees() if "weighed by effort" in words], "nothing moved"


async def test_what_two_did_for_each_other_stays_hour_for_hour(town: Town) -> None:
    await by_effort(town)
    await town.says("ana", "/thank @ben 5h cleaning")
    await town.says("ben", "/thank @ana 5h cleaning")
    await town.says("eli", "/thank @chi 5h company")
    before = await balances(town)
    own = await town.whispers("ben", "/effort")
    assert "5 h was between you and people who did as much for you: there an hour stays an hour." in own
    await month_over(town)
    assert await balances(town) == before


async def _next_month(town: Town, month: int) -> None:
    town.practice.clock.move(datetime(2026, month, 1, 10, 0, tzinfo=UTC))
    await town.skip("1m")


async def test_two_who_take_turns_from_month_to_month_are_not_weighed_again(town: Town) -> None:
    await by_effort(town)
    await town.says("ana", "/thank @ben 5h cleaning")
    await town.says("eli", "/thank @chi 5h company")
    await _next_month(town, 2)
    gained = await town.balance("ben") - 300
    assert gained == 71
    for month, giver, helper in ((3, "ben", "ana"), (4, "ana", "ben")):
        await town.says(giver, f"/thank @{helper} 5h cleaning")
        await town.says("eli", "/thank @chi 1h company")
        await _next_month(town, month)
    assert await town.balance("ben") == 300 + gained
    # What is more than ever before is weighed.
    await town.says("ana", "/thank @ben 2h cleaning")
    await town.says("eli", "/thank @chi 2h company")
    await _next_month(town, 5)
    assert await town.balance("ben") > 420 + gained


async def test_what_is_taken_back_after_its_month_cannot_be_done_again_for_gain(town: Town) -> None:
    await by_effort(town)
    await town.says("ana", "/thank @ben 5h cleaning")
    await town.says("eli", "/thank @chi 5h company")
    await _next_month(town, 2)
    assert await town.balance("ben") == 371
    await town.says("ana", "/undo 1")
    await town.practice.press("ben", "That is right", within=town.private("ben"))
    assert await town.balance("ben") == 71
    await town.says("ana", "/thank @ben 5h cleaning")
    await town.says("eli", "/thank @chi 5h company")
    await _next_month(town, 3)
    assert await town.balance("ben") == 371
    assert await rows(town, "SELECT net, high, low FROM helped ORDER BY one_id") == [(-300, 0, -300), (600, 600, 0)]


async def test_nobody_is_pushed_below_the_limit_and_the_others_share_what_there_is(town: Town) -> None:
    await by_effort(town)
    await town.says("ana", "/thank @ben 10h cleaning")
    await town.says("eli", "/thank @chi 10h company")
    # Chi has spent nearly all that there is.
    await town.says("chi", "/thank @ana 12h")
    await town.says("chi", "/thank @ben 9h30")
    assert await town.balance("chi") == -690
    await month_over(town)
    assert await town.balance("chi") == -720
    told = next(words for words in town.heard("chi") if "by effort" in words)
    assert "More would take you below your limit, so it was not taken." in told
    told = next(words for words in town.heard("ben") if "by effort" in words)
    assert "Some were at their limit, so there is less to share out." in told


async def test_whoever_has_left_is_weighed_like_everybody_while_their_account_is_kept(town: Town) -> None:
    await by_effort(town)
    await _a_month(town)
    await town.whispers("ben", "/leave")
    await month_over(town)
    [(balance,)] = await rows(town, "SELECT balance FROM accounts WHERE member_id = 2")
    assert balance == 600 + 108


async def test_what_somebody_did_who_is_forgotten_is_the_committees(town: Town) -> None:
    await by_effort(town)
    await _a_month(town)
    await town.whispers("ben", "/forget me")
    await town.practice.press("ben", "Yes, forget me for good", within=town.private("ben"))
    await town.skip("1d")
    [(left,)] = await rows(town, "SELECT balance FROM accounts WHERE member_id IS NULL AND kind = 'own'")
    await month_over(town)
    assert await rows(town, "SELECT balance FROM accounts WHERE member_id IS NULL AND kind = 'own'") == [(left + 108,)]
    assert await rows(town, "SELECT balance FROM accounts WHERE member_id = 2") == [(0,)]


async def test_after_a_long_outage_each_month_is_weighed(town: Town) -> None:
    await by_effort(town)
    await _a_month(town)
    town.practice.clock.move(datetime(2026, 4, 10, 10, 0, tzinfo=UTC))
    await town.skip("1m")
    closed = await rows(town, "SELECT period FROM closings WHERE what = 'effort' ORDER BY period")
    assert [period for (period,) in closed] == ["2026-01", "2026-02", "2026-03"]


async def test_where_nobody_counts_by_effort_it_is_said_so(town: Town) -> None:
    assert "Here hours do not count by effort." in await town.whispers("ana", "/effort")
    await town.says("ana", "/thank @ben 1h")
    assert "is not weighed by effort" in await town.whispers("ana", "/weigh 1 off")


async def test_a_rota_can_ask_who_has_carried_how_much(town: Town) -> None:
    await by_effort(town)
    await _a_month(town)

    async def ask(tx: Reader) -> dict[int, int]:
        committee = await people.committee(tx, 1)
        found = await effort.burdens(tx, committee, "2026-01")
        return {account: int(minutes) for account, minutes in found.items()}

    found = await town.practice.app.database.read(ask)
    ids = dict(await rows(town, "SELECT m.name, a.id FROM accounts a JOIN members m ON m.id = a.member_id"))
    assert found == {ids["Ben"]: 90, ids["Chi"]: -120}


# --- peers -----------------------------------------------------------------------------------------------------------

RATINGS = replace(EFFORT, ratings=True)
HELPERS = ("chi", "eli", "fay", "gus", "hal")


async def _helpers_clean(town: Town, *, without: str = "") -> None:
    """Five people clean for Ana, and all but one of them take part in rating."""
    for who in HELPERS[2:]:
        await town.says(who, "/join")
        await town.whispers(who, "/start")
    await by_effort(town, scheme=RATINGS)
    for who in HELPERS:
        await town.says("ana", f"/thank @{who} 2h cleaning")
        if who != without:
            assert "You take part." in await town.whispers(who, "/rating on")


async def _says_of(town: Town, who: str, levels: dict[str, str]) -> list[str]:
    """Somebody answers all that they are asked. About whom that was."""
    about = []
    await town.whispers(who, "/rating")
    while "how much effort did" in town.heard(who)[-1]:
        name = town.heard(who)[-1].partition("how much effort did ")[2].partition("'s part")[0]
        about.append(name)
        await town.practice.press(who, levels.get(name, "As usual"), within=town.private(who))
    return about


async def test_peers_are_asked_only_by_their_own_yes_and_before_the_month_ends(town: Town) -> None:
    await _helpers_clean(town, without="hal")
    assert "You take no part in it." in await town.whispers("hal", "/rating")
    await town.skip("24d")
    asked = [who for who in HELPERS if any("how much effort did" in words for words in town.heard(who))]
    assert asked == ["chi", "eli", "fay", "gus"]
    assert not any("Hal's part" in words for who in HELPERS for words in town.heard(who))


async def test_with_too_few_there_is_nothing_to_ask(town: Town) -> None:
    await _helpers_clean(town, without="hal")
    await town.whispers("gus", "/rating off")
    town.practice.clock.move(datetime(2026, 1, 30, 10, 0, tzinfo=UTC))
    await town.skip("1m")
    assert not any("how much effort did" in words for who in HELPERS for words in town.heard(who))
    assert "There is nobody to say anything about just now." in await town.whispers("chi", "/rating")


async def test_what_peers_say_counts_is_told_to_them_and_who_said_it_is_forgotten(town: Town) -> None:
    await _helpers_clean(town)
    for who in HELPERS:
        about = await _says_of(town, who, {"Chi": "More than usual", "Eli": "Less than usual"})
        assert len(about) == 4
        assert who.title() not in about, "nobody says anything of themselves"
    assert len(await rows(town, "SELECT 1 FROM ballots")) == 20
    before = {who: await town.balance(who) for who in HELPERS}
    await month_over(town)
    changes = {who: await town.balance(who) - before[who] for who in HELPERS}
    assert sum(changes.values()) == 0
    assert changes["chi"] > 5 > -5 > changes["eli"]
    assert max(abs(changes[who]) for who in ("fay", "gus", "hal")) <= 3
    assert await rows(town, "SELECT 1 FROM ballots") == []
    told = await town.whispers("gus", "/rating")
    assert "What peers said in January 2026, together (1 is as usual):" in told
    assert "Chi, cleaning: 1.1" in told
    assert "Peers have said how hard 5 people's parts were." in " ".join(town.sees())
    assert not [words for words in town.sees() if "1.1" in words]


async def test_a_question_is_answered_once_and_nobody_else_can(town: Town) -> None:
    await _helpers_clean(town)
    await town.whispers("chi", "/rating")
    keys = [
        (message, key)
        for message, posted in town.practice.console.posted.items()
        for row in posted.keys
        for key in row
        if key.label in ("Less than usual", "More than usual")
    ]
    message, key = keys[0]
    for who in ("eli", "chi", "chi"):
        await town.practice.console.press_key(who, key, message, manages_chat=False)
    assert len(await rows(town, "SELECT 1 FROM ballots")) == 1
    # What was pressed is not kept anywhere else.
    said = await rows(town, "SELECT arguments FROM buttons WHERE command = 'rate' AND used_us IS NOT NULL")
    assert all("level" not in arguments for (arguments,) in said)


async def test_whoever_ends_it_is_forgotten_in_it(town: Town) -> None:
    await _helpers_clean(town)
    for who in HELPERS:
        await _says_of(town, who, {})
    assert "is forgotten" in await town.whispers("chi", "/rating off")
    left = await rows(
        town, "SELECT 1 FROM ballots b JOIN members m ON m.id IN (b.rater_id, b.member_id) AND m.name = 'Chi'"
    )
    assert left == []
    assert len(await rows(town, "SELECT 1 FROM ballots")) == 12


async def test_ratings_that_the_committee_has_ended_do_not_count(town: Town) -> None:
    await _helpers_clean(town)
    for who in HELPERS:
        await _says_of(town, who, {"Chi": "More than usual"})
    await decide(town, EFFORT)
    before = await balances(town)
    await month_over(town)
    assert await balances(town) == before
    assert await rows(town, "SELECT 1 FROM ballots") == []
    assert await rows(town, "SELECT 1 FROM rated") == []


async def test_a_late_answer_is_refused(town: Town) -> None:
    await _helpers_clean(town)
    town.practice.clock.move(datetime(2026, 1, 31, 10, 0, tzinfo=UTC))
    await town.whispers("chi", "/rating")
    await month_over(town)
    await town.practice.press("chi", "As usual", within=town.private("chi"))
    assert town.heard("chi")[-1] == "January 2026 is closed already."
    assert await rows(town, "SELECT 1 FROM ballots") == []


async def test_two_memberships_of_one_person_have_what_either_had(town: Town) -> None:
    await by_effort(town, scheme=RATINGS)

    async def joined(tx: Transaction) -> None:
        ids: dict[str, int] = dict(await tx.all("SELECT m.name, m.id FROM members m LIMIT 10"))
        accounts: dict[str, int] = dict(
            await tx.all("SELECT m.name, a.id FROM accounts a JOIN members m ON m.id = a.member_id LIMIT 10")
        )
        for one, other, net in (("Ana", "Chi", 60), ("Ana", "Eli", 30), ("Chi", "Eli", 45)):
            await tx.execute(
                "INSERT INTO helped (committee_id, one_id, other_id, net, high, low) VALUES (1, ?, ?, ?, ?, 0)",
                accounts[one],
                accounts[other],
                net,
                net,
            )
        [(kind,)] = await tx.all("SELECT id FROM task_kinds WHERE class = 'unpleasant' LIMIT 1")
        for rater, about in (("Eli", "Ana"), ("Ana", "Eli"), ("Eli", "Chi")):
            await tx.execute(
                """INSERT INTO ballots (committee_id, period, kind_id, rater_id, member_id)
                   VALUES (1, '2026-01', ?, ?, ?)""",
                kind,
                ids[rater],
                ids[about],
            )
        await effort.join(tx, ids["Eli"], ids["Chi"])
        # Of themselves nobody says anything, and nobody has helped themselves.
        found = await tx.all("SELECT rater_id, member_id FROM ballots ORDER BY rater_id LIMIT 10")
        assert found == [(ids["Ana"], ids["Chi"]), (ids["Chi"], ids["Ana"])]
        found = await tx.all("SELECT one_id, other_id, net FROM helped LIMIT 10")
        assert found == [(accounts["Ana"], accounts["Chi"], 90)]

    await town.practice.app.database.transact(joined)
