"""Objections: raised with a reason, answered, withdrawn or standing; and what consent and consensus make of them."""

from tests.conftest import Town

GREEN = "/poll consent Paint the hall green, closes fri 20:00"


async def test_an_objection_with_a_reason_stands_and_nothing_passes(town: Town) -> None:
    await town.says("ana", GREEN)
    await town.presses("ana", "Consent")
    await town.presses("ben", "Consent")
    said = await town.presses("chi", "Object")
    assert "It needs a reason within a day" in said
    assert "An objection still needs its reason (Chi)." in town.sees()[-1]
    await town.says("chi", "/object 1 the fumes would make me ill")
    assert "1 objection stands: / (Chi) the fumes would make me ill" in _card(town)
    await town.skip("5d")
    assert any("So it has not passed" in words for words in town.sees())


async def test_an_objection_without_a_reason_does_not_count(town: Town) -> None:
    await town.says("ana", GREEN)
    await town.presses("ana", "Consent")
    await town.presses("ben", "Consent")
    await town.presses("chi", "Object")
    await town.skip("5d")
    assert "An objection without a reason does not count (Chi)." in _card(town)
    assert any("So it has passed" in words for words in town.sees())


async def test_i_am_asked_in_private_why_i_object(town: Town) -> None:
    await town.says("ana", GREEN)
    await town.presses("chi", "Object")
    assert "What harm would it do?" in town.heard("chi")[-1]
    assert "say why you object" in await town.whispers("chi", "/todo")
    await town.presses("chi", "Say why")
    await town.whispers("chi", "the fumes would make me ill")
    assert "(Chi) the fumes would make me ill" in _card(town)
    assert "say why you object" not in await town.whispers("chi", "/todo")


async def test_whoever_has_raised_an_objection_withdraws_it_and_nobody_else(town: Town) -> None:
    await town.says("ana", GREEN)
    await town.presses("ana", "Consent")
    assert "Objection in poll 1" in await town.says("chi", "/object 1 the fumes would make me ill")
    assert await town.presses("ben", "I withdraw it") == "Only whoever raised the objection can withdraw it."
    assert (await town.presses("chi", "I withdraw it")).startswith("Withdrawn. Now vote otherwise")
    assert "Poll 1: Chi withdraws the objection." in town.sees()
    assert "1 objection stands" not in _card(town)
    assert "Voted: 1 of 4." in _card(town)
    await town.presses("chi", "Consent")
    await town.skip("5d")
    assert any("So it has passed" in words for words in town.sees())
    log = await town.whispers("ana", "/log decisions")
    assert "an objection (Chi): the fumes would make me ill" in log
    assert "the objection (Chi) was withdrawn" in log


async def test_voting_otherwise_withdraws_it_too(town: Town) -> None:
    await town.says("ana", GREEN)
    await town.says("chi", "/object 1 the fumes would make me ill")
    await town.presses("chi", "Stand aside")
    assert "Poll 1: Chi withdraws the objection." in town.sees()
    assert "1 objection stands" not in _card(town)


async def test_a_single_block_does_not_hold_up_consensus_minus_one_and_two_seconded_ones_do(town: Town) -> None:
    for number, both in ((1, False), (2, True)):
        await town.says("ana", "/poll consensus-1 We join the strike, closes fri 20:00")
        await town.presses("ana", "Agree")
        await town.presses("ben", "Agree")
        await town.says("chi", f"/object {number} we cannot pay anybody who is dismissed")
        assert "It counts once 1 more seconds it." in _card(town, "Objection in")
        if both:
            # The two blocks stand behind each other.
            await town.presses("eli", "I second it")
            await town.says("eli", f"/object {number} nobody has asked the night shift")
            await town.presses("chi", "I second it")
            assert "2 objections stand:" in _card(town, "Consensus minus one")
            await town.presses("ana", "Agree")
    assert await town.presses("eli", "I second it") == "It is your own objection. Somebody else has to stand behind it."
    await town.skip("5d")
    closed = [words for words in town.sees() if "is closed" in words]
    assert ["So it has passed" in words for words in closed] == [True, False], closed


async def test_i_say_why_in_a_sentence_and_only_where_there_are_objections(town: Town) -> None:
    await town.says("ana", GREEN)
    assert "Say in a sentence" in await town.says("chi", "/object 1 no")
    await town.says("ana", "/poll Where do we meet? | Library | Park")
    assert "there are no objections" in await town.says("chi", "/object 2 the park is too cold")
    assert "You are not on the roll" in await _outsider(town)
    await town.skip("7d")
    assert "is closed" in await town.whispers("chi", "/object 1 the fumes would make me ill")


async def test_somebody_who_objects_in_the_last_minute_still_has_time_to_say_why(town: Town) -> None:
    await town.says("ana", GREEN)
    await town.presses("ana", "Consent")
    await town.presses("ben", "Consent")
    await town.skip("4d 1h 50m")
    await town.presses("chi", "Object")
    await town.skip("1h")
    assert any("somebody has just objected" in words for words in town.sees())
    await town.says("chi", "/object 1 the fumes would make me ill")
    await town.skip("2d")
    assert any("So it has not passed" in words for words in town.sees())


async def test_in_a_hidden_poll_nobody_sees_who_objects(town: Town) -> None:
    for who in ("dan", "fay"):
        await town.says(who, "/join")
    await town.says("ana", "/poll consent Paint the hall green, hidden, closes fri 20:00")
    assert "Say that to me in private" in (
        await town.says("chi", "/object 1 the fumes would make me ill") or _last(town)
    )
    said = await town.whispers("chi", "/object 1 the fumes would make me ill")
    assert "without your name" in said
    assert "(somebody) the fumes would make me ill" in _card(town)
    assert not any("Chi" in words for words in town.sees() if "fumes" in words)


def _last(town: Town) -> str:
    return town.heard("chi")[-1]


async def _outsider(town: Town) -> str:
    await town.says("dan", "/join")
    return await town.whispers("dan", "/object 1 the fumes would make me ill")


def _card(town: Town, title: str = "Consent 1") -> str:
    return next(words for words in reversed(town.sees()) if words.startswith(title))
