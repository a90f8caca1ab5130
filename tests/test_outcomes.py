"""What comes of decisions: who does what by when, whether it worked, until when it holds, and finding them again."""

from storage import rules
from tests.conftest import Town

PAINT = "/poll proposal Paint the hall green, closes fri 20:00"
OUTCOME = "/outcome 1 We paint on Saturday. Ben buys paint by thu 18:00. @eli brings ladders by sat 10:00"


async def _decided(town: Town, line: str = PAINT) -> None:
    await town.says("ana", line)
    for who in ("ana", "ben", "chi"):
        await town.presses(who, "Yes")
    await town.skip("5d")


def _card(town: Town, title: str) -> str:
    return next(words for words in reversed(town.sees()) if words.startswith(title))


async def test_who_made_the_poll_is_asked_what_comes_of_it_and_all_see_it(town: Town) -> None:
    await _decided(town)
    assert "What comes of it, and who does what by when?" in town.heard("ana")[-1]
    await town.says("ana", OUTCOME)
    card = _card(town, "What comes of poll 1")
    assert "1. Ben: buys paint, by Thu, Jan 15 18:00" in card
    assert "2. Eli: brings ladders, by Sat, Jan 17 10:00" in card
    assert "What came of it: We paint on Saturday." in _card(town, "Proposal 1")
    assert "Ana put down what came of it: We paint on Saturday." in await town.whispers("chi", "/log decisions")


async def test_i_am_told_my_part_reminded_once_and_say_when_it_is_done(town: Town) -> None:
    await _decided(town)
    await town.says("ana", OUTCOME)
    assert "buys paint, by Thu, Jan 15 18:00" in town.heard("ben")[-1]
    assert "brings ladders" in await town.whispers("eli", "/todo")
    assert "Whoever does it says when it is done" in await town.presses("chi", "1: done")
    before = len(town.heard("eli"))
    await town.skip("6d")
    assert any("brings ladders" in words for words in town.heard("eli")[before:])
    assert await town.presses("ben", "1: done") == "Thank you!"
    assert "1. Ben: buys paint (done)" in _card(town, "What comes of poll 1")
    assert await town.presses("eli", "2: done") == "Thank you!"
    assert "brings ladders" not in await town.whispers("eli", "/todo")


async def test_a_part_can_go_on_the_board_or_the_rota(town: Town) -> None:
    await _decided(town)
    await town.says("ana", OUTCOME)
    await town.presses("eli", "2: ask for help")
    assert any("brings ladders" in words and "What kind of help" in words for words in town.sees()) or any(
        words.startswith("Eli needs") or "brings ladders" in words for words in town.sees()[-2:]
    )
    await town.presses("ana", "2: to the rota")
    assert any("brings ladders" in words or "When" in words for words in town.heard("ana")[-2:] + town.sees()[-2:])


async def test_only_who_made_the_poll_and_organizers_put_down_what_comes_of_it(town: Town) -> None:
    await town.says("chi", PAINT)
    assert "is not closed yet" in await town.says("chi", OUTCOME)
    for who in ("ana", "ben", "chi"):
        await town.presses(who, "Yes")
    await town.skip("5d")
    assert "Only Chi, who made the poll, and organizers" in await town.says("eli", OUTCOME)
    assert "Say in a sentence" in await town.says("ana", "/outcome 1 yes")
    await town.says("ana", OUTCOME)
    await town.says("chi", "/outcome 1 We wait for the spring. Chi asks for prices by sat 10:00")
    card = _card(town, "What comes of poll 1")
    assert "brings ladders" not in card
    assert "1. Chi: asks for prices" in card
    assert "brings ladders" not in await town.whispers("eli", "/todo"), "what was put down before is over"


async def test_at_the_review_date_all_are_asked_whether_it_worked(town: Town) -> None:
    await _decided(town, f"{PAINT}, review in 20 days")
    assert "On Jan 29, 2026 I ask whether it worked." in _card(town, "Proposal 1")
    await town.skip("19d")
    assert _card(town, "Review 2").startswith("Review 2: Did it work? Paint the hall green")
    for who in ("ana", "ben", "chi"):
        await town.presses(who, "Keep it")
    await town.skip("9d")
    assert "It stays: poll 1, Paint the hall green" in town.sees()
    assert "On Feb 25, 2026 I ask whether it worked." in _card(town, "Proposal 1")


async def test_what_did_not_work_is_dropped_and_what_it_did_is_not_undone_by_itself(town: Town) -> None:
    await _polls_decide(town)
    await town.says("ana", "/term 2 months")
    await town.says("ana", "/poll 1 review 20 days")
    await town.presses("ben", "Yes")
    await town.presses("chi", "Yes")
    assert any("Poll 1 has passed" in words for words in town.sees())
    await town.skip("21d")
    assert "Did it work? Organizers have a term of 2 months" in _card(town, "Review 2")
    for who in ("ana", "ben", "chi"):
        await town.presses(who, "Drop it")
    await town.skip("9d")
    assert any(
        words.startswith("Dropped: poll 1") and "until somebody proposes otherwise. It was: Organizers" in words
        for words in town.sees()
    )
    assert "(dropped)" in await town.says("chi", "/decisions term")


async def test_whether_it_is_to_be_changed_is_for_somebody_to_propose(town: Town) -> None:
    await _decided(town, f"{PAINT}, review in 20 days")
    await town.skip("19d")
    await town.presses("ana", "Keep it")
    await town.presses("ben", "Change it")
    await town.presses("chi", "Drop it")
    await town.skip("9d")
    assert any("More want to change it than to keep it: poll 1" in words for words in town.sees())
    assert "(dropped)" not in await town.says("chi", "/decisions")


async def test_a_decision_lapses_unless_it_is_renewed(town: Town) -> None:
    await _decided(town, f"{PAINT}, lapses in 20 days")
    assert "It lapses on Jan 29, 2026, unless it is renewed." in _card(town, "Proposal 1")
    await town.skip("14d")
    assert "What you decided in poll 1 lapses on Jan 29, 2026: Paint the hall green" in town.sees()
    await town.skip("9d")
    assert "Lapsed: poll 1, Paint the hall green" in town.sees()
    assert "(lapsed)" in await town.says("chi", "/decisions")
    assert "does not hold any more" in await town.presses("ana", "Renew")


async def test_a_decision_that_is_renewed_holds_as_long_again(town: Town) -> None:
    await _decided(town, f"{PAINT}, lapses in 20 days")
    await town.skip("14d")
    await town.presses("ana", "Renew")
    # The button under the notice; then that of the poll.
    for who in ("ana", "ben"):
        await town.presses(who, "Renew")
    await town.skip("8d")
    assert any("Renewed: poll 1 holds until Feb 18, 2026" in words for words in town.sees())
    await town.skip("25d")
    assert "Lapsed: poll 1, Paint the hall green" in town.sees()


async def test_a_decision_is_found_by_words_by_year_and_by_whether_it_holds(town: Town) -> None:
    assert "two organizers" in await town.says("chi", "/decisions"), "that Ben organizes was decided by consent"
    await _decided(town)
    await town.says("ana", OUTCOME)
    for words in ("paint", "GREEN", "ladders", "2026 paint", "standing paint"):
        assert "Poll 1, Jan 9, 2026: Paint the hall green" in await town.says("chi", f"/decisions {words}"), words
    for words in ("bicycle", "2025", "lapsed"):
        assert f"No decision fits “{words}”." in await town.whispers("chi", f"/decisions {words}")
    whole = await town.says("chi", "/decision 1")
    assert "It has passed, Jan 9, 2026." in whole
    assert "1. Ben: buys paint" in whole
    assert "In the log: no." in whole
    assert "has not decided anything yet" in await _open(town)


async def _open(town: Town) -> str:
    await town.says("ana", "/poll proposal Sweep the yard")
    return await town.says("chi", "/decision 2")


async def test_many_decisions_are_shown_page_by_page(town: Town) -> None:
    for number in range(7):
        await town.says("ana", f"/poll proposal Thing {number}, closes in 1 day")
        await town.presses("ana", "Yes")
        await town.presses("ben", "Yes")
    await town.skip("2d")
    first = await town.says("chi", "/decisions")
    assert first.count("Thing") == 6
    await town.presses("chi", "Older")
    assert town.sees()[-1].count("Thing") == 1


async def test_dates_are_set_by_whoever_made_the_poll_before_others_vote(town: Town) -> None:
    await town.says("ana", PAINT)
    await town.presses("ana", "Yes")
    assert "lapses after 180 days" in await town.says("ana", "/poll 1 lapses 6 months")
    assert "like this: /poll 1 review 6 months" in await town.says("ana", "/poll 1 review soon")
    assert "Only whoever made it" in await town.says("ben", "/poll 1 lapses 1 month")
    await town.presses("ben", "Yes")
    assert "Somebody has voted already" in await town.says("ana", "/poll 1 lapses 1 month")


async def _polls_decide(town: Town) -> None:
    await town.practice.app.database.transact(lambda tx: rules.put(tx, 1, "decided_by", "poll"))
