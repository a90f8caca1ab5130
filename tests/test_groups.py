"""Working groups: begun, joined, with a chat and a roll of their own, ended; and proposed when a committee grows."""

from __future__ import annotations

from bot.chat import Button, Chat, Saying
from bot.practice import SCRIPT_START
from bot.router import Context, Todo
from bot.text import T, shown
from handlers import groups as area
from storage import groups, outbox, people
from storage.database import Transaction
from storage.people import Committee
from tests.conftest import Town


def said_in(town: Town, chat: Chat) -> list[str]:
    title = town.practice.console.title(chat.id)
    return [what for where, what in town.transcript if where == title and what.startswith("bot")]


async def kitchen(town: Town) -> Chat:
    """Chi and Ana are in Kitchen, and Ana has made a chat for it."""
    await town.says("chi", "/group new Kitchen")
    await town.says("ana", "/group join Kitchen")
    chat = town.practice.console.group("Kitchen talk")
    await town.practice.say("ana", "/groupchat Kitchen", chat)
    return chat


# --- beginning, joining, leaving -------------------------------------------------------------------------------


async def test_any_member_begins_one_and_everybody_hears_of_it(town: Town) -> None:
    assert (await town.whispers("chi", "/group new Kitchen")).startswith("Chi began a working group: Kitchen.")
    assert town.sees()[-1] == "Chi began a working group: Kitchen. Whoever likes joins in."
    assert await town.presses("eli", "Join Kitchen") == "Eli is in the working group Kitchen now: 2 members."
    assert await town.presses("eli", "Join Kitchen") == "You are in Kitchen already."
    assert await town.whispers("eli", "/groups") == (
        "Working groups of Riverside / Kitchen: 2 members, you are in it / Begin one: /group new Kitchen"
    )
    assert await town.says("ben", "/group Kitchen") == "Kitchen: Chi and Eli"


async def test_a_name_is_taken_once(town: Town) -> None:
    await town.says("chi", "/group new Kitchen")
    assert await town.says("eli", "/group new KITCHEN") == (
        "There is a working group KITCHEN already. To be in it: /group join KITCHEN"
    )
    assert await town.says("eli", "/group new") == "What is it called? Write it like this: /group new Kitchen"
    assert await town.says("eli", "/group new 123") == "A name needs a letter and at most 40 characters."


async def test_there_are_no_more_than_can_be_shown(town: Town) -> None:
    for n in range(30):
        await town.whispers("chi", f"/group new Circle {n}")
    assert await town.whispers("chi", "/group new Another") == (
        "30 working groups are the most. End one first: /group end Kitchen"
    )


async def test_leaving_needs_no_name_where_there_is_one_only(town: Town) -> None:
    assert await town.says("chi", "/group leave") == "You are in no working group. /groups shows all."
    await town.says("chi", "/group new Kitchen")
    assert await town.says("chi", "/group leave") == "Chi has left the working group Kitchen."
    await town.says("chi", "/group join Kitchen")
    await town.says("chi", "/group new Garden")
    assert await town.says("chi", "/group leave") == "Which working group do you mean?"
    await town.presses("chi", "Garden")
    assert town.sees()[-1] == "Chi has left the working group Garden."
    assert await town.says("chi", "/group leave Garden") == "You are not in Garden."
    assert await town.says("chi", "/group leave Shed") == "There is no working group “Shed”. /groups shows all."


async def test_who_leaves_the_committee_leaves_its_groups(town: Town) -> None:
    await town.says("chi", "/group new Kitchen")
    await town.says("chi", "/leave")
    assert await town.says("ana", "/group Kitchen") == "Kitchen: nobody is in it"
    await town.says("chi", "/join")
    assert await town.says("ana", "/group Kitchen") == "Kitchen: nobody is in it"


async def test_two_memberships_of_one_person_are_on_the_roll_once(town: Town) -> None:
    await town.says("chi", "/group new Kitchen")
    await town.says("dan", "/join")
    await town.says("dan", "/group join Kitchen")
    await town.says("dan", "/group new Garden")
    code = (await town.whispers("chi", "/connect")).split(" / ")[0].removeprefix("Your code: ")
    await town.whispers("dan", f"/connect {code}")
    await town.practice.press("dan", "Yes, both are me", within=town.private("dan"))
    assert await town.says("ana", "/group Kitchen") == "Kitchen: Chi"
    assert await town.says("ana", "/group Garden") == "Garden: Chi"


# --- its own chat ----------------------------------------------------------------------------------------------


async def test_a_chat_becomes_the_groups_own(town: Town) -> None:
    chat = await kitchen(town)
    assert said_in(town, chat)[-1].startswith("bot: This is the chat of Kitchen now, a working group of Riverside.")
    assert town.sees()[-1] == "Ana made a chat for the working group Kitchen."
    await town.practice.say("chi", "/group", chat)
    assert said_in(town, chat)[-1].startswith("bot: Kitchen: Chi and Ana")
    # Who joins elsewhere is told there.
    await town.says("eli", "/group join Kitchen")
    assert said_in(town, chat)[-1] == "bot: Eli is in the working group Kitchen now: 3 members."
    assert town.sees()[-1].endswith("It has a chat: Kitchen talk (Console). Ask one of them to let you in.")


async def test_what_members_say_there_counts_in_the_committee(town: Town) -> None:
    chat = await kitchen(town)
    await town.practice.say("chi", "/thank @ana 1h", chat)
    assert said_in(town, chat)[-1].startswith("bot: Ana helped Chi: 1 h. (No. 1)")
    assert await town.balance("ana") == 60
    await town.practice.say("ana", "/limit 20h", chat)
    assert town.sees()[-1].startswith("Proposal 1 by Ana: The lowest balance becomes -20 h.")


async def test_cards_and_news_of_the_whole_committee_do_not_go_there(town: Town) -> None:
    chat = await kitchen(town)
    before = len(said_in(town, chat))
    await town.says("ben", "/thank @eli 1h")
    await town.says("ben", "/limit 20h")
    await town.says("ana", "/limit 20h")
    await town.says("eli", "/leave")
    assert len(said_in(town, chat)) == before
    assert "Groups:" not in await town.says("ana", "/settings")


async def test_nobody_becomes_a_member_by_being_there(town: Town) -> None:
    chat = await kitchen(town)
    for line in ("/join", "/setup"):
        await town.practice.say("dan", line, chat)
        assert said_in(town, chat)[-1] == (
            "bot: This is the chat of a working group of Riverside, for its members. "
            "To become one, type /join in the committee's own group."
        )
    await town.practice.say("dan", "/thank @ana 1h", chat)
    assert "Only members of Riverside can do that." in said_in(town, chat)[-1]
    await town.practice.press("dan", "Join Kitchen", within=chat)
    assert await town.says("ana", "/group Kitchen") == "Kitchen: Chi and Ana"


async def test_who_leaves_its_chat_leaves_that_group_only(town: Town) -> None:
    chat = await kitchen(town)
    await town.practice.console.depart("chi", chat)
    await town.practice.settle()
    assert await town.says("ana", "/group Kitchen") == "Kitchen: Ana"
    assert await town.whispers("chi", "/balance") == "You have 0 min."
    # It is no other group that may have them still.
    await town.says("chi", "/group join Kitchen")
    await town.practice.console.depart("chi", town.practice.group)
    assert (await town.whispers("chi", "/balance")).startswith("You are not in a committee.")


async def test_only_whoever_is_in_it_and_manages_the_chat_settles_it(town: Town) -> None:
    await town.says("chi", "/group new Kitchen")
    chat = town.practice.console.group("Kitchen talk")
    for who, why in {
        "chi": "Only somebody who manages this group can connect it.",
        "ana": "You are in no working group “Kitchen”. Join it first: /group join Kitchen.",
        "dan": "You are in no working group “Kitchen”.",
    }.items():
        await town.practice.say(who, "/groupchat Kitchen", chat)
        assert why in said_in(town, chat)[-1]
    await town.says("ana", "/group join Kitchen")
    assert await town.says("ana", "/groupchat Kitchen") == (
        "This chat has another task already. Make a new chat for Kitchen and add me there."
    )
    await town.practice.say("ana", "/groupchat Kitchen", chat)
    await town.practice.say("ana", "/groupchat Kitchen", chat)
    assert said_in(town, chat)[-1] == "bot: This is the chat of Kitchen already."
    other = town.practice.console.group("Other talk")
    await town.practice.say("ana", "/groupchat Kitchen", other)
    assert said_in(town, other)[-1] == (
        "bot: Kitchen has a chat already: Kitchen talk (Console). To let that one go, type /disconnect there."
    )


async def test_a_chat_is_let_go_and_another_one_taken(town: Town) -> None:
    chat = await kitchen(town)
    await town.practice.say("eli", "/disconnect", chat)
    assert said_in(town, chat)[-1] == "bot: You are not in Kitchen."
    await town.practice.say("chi", "/disconnect", chat)
    assert said_in(town, chat)[-1].startswith("bot: This chat is not that of Kitchen any more.")
    await town.practice.say("chi", "/thank @ana 1h", chat)
    assert "There is no committee here yet." in said_in(town, chat)[-1]
    other = town.practice.console.group("Other talk")
    await town.practice.say("ana", "/groupchat Kitchen", other)
    assert said_in(town, other)[-1].startswith("bot: This is the chat of Kitchen now")
    log = await town.whispers("eli", "/log groups")
    assert [line.partition(" 18:00: ")[2] for line in log.split(" / ")[1:5]] == [
        "Ana gave the working group Kitchen a chat of its own.",
        "Chi took the chat away from the working group Kitchen.",
        "Ana gave the working group Kitchen a chat of its own.",
        "Chi began the working group Kitchen.",
    ]


# --- its end ---------------------------------------------------------------------------------------------------


async def test_more_than_half_of_its_members_end_it(town: Town) -> None:
    chat = await kitchen(town)
    await town.says("eli", "/group join Kitchen")
    card = await town.says("chi", "/group end Kitchen")
    assert card == (
        "Shall the working group Kitchen end? / Agreed: Chi. / 1 more of its members must agree, or two organizers."
    )
    assert said_in(town, chat)[-1].startswith("bot: Shall the working group Kitchen end?")
    assert await town.presses("chi", "Agree") == "You have said so already. Others have to say it too."
    assert (await town.says("dan", "/join")).startswith("Welcome")
    assert (await town.presses("dan", "Agree")).startswith("That is for the members of Kitchen to say")
    assert await town.presses("eli", "Agree") == (
        "The working group Kitchen has ended. Thank you to all who were in it!"
    )
    assert said_in(town, chat)[-1].startswith("bot: The working group Kitchen has ended.")
    assert "Chi and Eli ended the working group Kitchen." in await town.whispers("ana", "/log groups")
    assert await town.says("ana", "/group Kitchen") == "There is no working group “Kitchen”. /groups shows all."
    # Its chat is nobody's, and its name is free.
    await town.practice.say("chi", "/balance", chat)
    assert "There is no committee here yet." in said_in(town, chat)[-1]
    assert (await town.says("chi", "/group new Kitchen")).startswith("Chi began a working group: Kitchen.")


async def test_two_organizers_end_it(town: Town) -> None:
    await town.says("chi", "/group new Kitchen")
    await town.says("eli", "/group join Kitchen")
    assert await town.whispers("ana", "/group end Kitchen") == "That needs the others: I have asked in the group."
    assert town.sees()[-1] == (
        "Shall the working group Kitchen end? / Agreed: Ana. / 2 more of its members must agree, or two organizers."
    )
    assert "has ended" in await town.says("ben", "/group end Kitchen")


async def test_who_wanted_it_a_week_ago_does_not_count(town: Town) -> None:
    await town.says("chi", "/group new Kitchen")
    await town.says("eli", "/group join Kitchen")
    await town.says("chi", "/group end Kitchen")
    await town.skip("8d")
    assert "Agreed: Eli. / 1 more of its members" in await town.says("eli", "/group end Kitchen")


async def test_a_group_whose_chat_is_gone_ends_too(town: Town) -> None:
    chat = await kitchen(town)

    async def close(tx: Transaction) -> None:
        await people.close_place(tx, (await people.place(tx, chat)).id)

    await town.practice.app.database.transact(close)
    await town.says("chi", "/group end")
    assert "has ended" in await town.says("ana", "/group end")
    await town.practice.say("ana", "/balance", chat)
    assert "There is no committee here yet." in said_in(town, chat)[-1]


# --- splitting -------------------------------------------------------------------------------------------------


async def grown(town: Town, *who: str) -> None:
    for one in who:
        await town.says(one, "/join")


async def limit(town: Town, line: str) -> None:
    await town.says("ana", line)
    await town.says("ben", line)


def told(town: Town) -> list[str]:
    """What the group sees, beside the first card, which counts who is in."""
    return [line for line in town.sees() if "Joined:" not in line]


async def test_beyond_the_size_small_groups_are_proposed_once(town: Town) -> None:
    await limit(town, "/split_at 5")
    assert "I propose small groups beyond: 5 (/split_at off)" in await town.says("chi", "/settings")
    await grown(town, "dan")
    before = len(told(town))
    await town.skip("2d")
    assert len(told(town)) == before
    await grown(town, "fay")
    await town.skip("1d")
    card = told(town)[-1]
    assert card.startswith("Riverside has 6 members now, more than 5. / In small groups everybody has a say")
    before = len(told(town))
    await town.skip("28d")
    assert len(told(town)) == before
    await town.skip("3d")
    assert len(told(town)) == before + 1
    assert told(town)[-1] == card


async def test_it_is_proposed_again_when_the_size_is_passed_anew(town: Town) -> None:
    await limit(town, "/split_at 5")
    await grown(town, "dan", "fay")
    await town.skip("1d")
    await town.says("fay", "/leave")
    await town.skip("1d")
    assert told(town)[-1] == "Riverside is not bigger than 5 any more."
    await grown(town, "fay")
    await town.skip("1d")
    assert told(town)[-1].startswith("Riverside has 6 members now, more than 5.")


async def test_it_leads_to_the_working_groups_or_rests(town: Town) -> None:
    await limit(town, "/split_at 5")
    await grown(town, "dan", "fay")
    await town.skip("1d")
    assert (await town.presses("chi", "Make working groups")).startswith("Working groups of Riverside")
    assert await town.presses("eli", "Not now") == "Thank you, noted."
    assert told(town)[-1] == "Riverside has 6 members now, more than 5. / Small groups: not now, says Eli."


async def test_a_working_group_that_is_too_big_is_asked_in_its_own_chat(town: Town) -> None:
    chat = await kitchen(town)
    await limit(town, "/split_at 5")
    await grown(town, "dan", "fay")
    for who in ("ben", "eli", "dan", "fay"):
        await town.says(who, "/group join Kitchen")
    await town.skip("1d")
    assert said_in(town, chat)[-1].startswith("bot: Kitchen has 6 members now, more than 5.")
    assert [line for line in told(town) if line.startswith("Riverside has 6")]
    assert not [line for line in told(town) if line.startswith("Kitchen has 6")]


async def test_the_size_is_the_committees_to_set(town: Town) -> None:
    assert (await town.says("chi", "/split_at 40")).startswith(
        "Proposal 1 by Chi: Beyond 40 members, I propose to make small groups."
    )
    assert await town.says("ana", "/split_at 2") == "Write a number from 5 to 10000."
    assert await town.says("ana", "/split_at") == "Write a number or the word off: /split_at 40 or /split_at off"
    await limit(town, "/split_at 40")
    assert await town.says("ana", "/split_at 40") == "That is how it is already."
    await limit(town, "/split_at off")
    log = await town.whispers("chi", "/log rules")
    assert "18:00: small groups are not proposed any more. /" in log
    assert "18:00: beyond 40 members, small groups are proposed. /" in log


async def test_off_is_the_default_and_means_off(town: Town) -> None:
    await limit(town, "/split_at 5")
    await limit(town, "/split_at off")
    await grown(town, "dan", "fay", "gil")
    before = len(told(town))
    await town.skip("5d")
    assert len(told(town)) == before


# --- what waits, and other committees --------------------------------------------------------------------------


async def test_what_others_want_to_end_waits_for_those_whose_word_counts(town: Town) -> None:
    await town.says("chi", "/group new Kitchen")
    await town.says("eli", "/group join Kitchen")
    await town.says("chi", "/group end")

    async def todos(tx: Transaction, member_id: int) -> list[str]:
        committee = await people.committee(tx, 1)
        member = await people.member(tx, 1, member_id)
        context = Context(
            tx=tx,
            now=SCRIPT_START,
            said_at=SCRIPT_START,
            commands=town.practice.app.commands,
            place=None,
            chat=None,
            language="en",
            of_committee=committee,
            of_member=member,
        )
        found: list[Todo] = list(await area.waiting(context))
        return [shown(todo.words, committee.reader) for todo in found]

    async def asked(tx: Transaction) -> list[list[str]]:
        return [await todos(tx, member) for member in (3, 4, 1)]

    chi, eli, ana = await town.practice.app.database.transact(asked)
    assert chi == []
    assert eli == ana == ["Shall the working group Kitchen end?"]


async def test_groups_of_another_committee_are_not_shown_and_not_changed(town: Town) -> None:
    async def found(tx: Transaction) -> tuple[Committee, int, int]:
        other = await people.found_committee(
            tx, name="Elsewhere", language="en", zone="UTC", floor=None, now=SCRIPT_START
        )
        made = await groups.make(tx, other.id, "Secret", now=SCRIPT_START)
        return other, made.id, await groups.propose_split(tx, other.id, None, size=5, now=SCRIPT_START)

    other, group_id, split_id = await town.practice.app.database.transact(found)
    assert "Secret" not in await town.says("ana", "/groups")
    assert await town.says("ana", "/group join Secret") == "There is no working group “Secret”. /groups shows all."
    said: dict[str, str] = {}
    for command, id_ in {
        "group_join": group_id,
        "group_leave": group_id,
        "group_end": group_id,
        "groupchat_of": group_id,
        "split_decline": split_id,
    }.items():

        async def queue(tx: Transaction, command: str = command, id_: int = id_) -> None:
            place = await people.place(tx, town.practice.group)
            committee = await people.committee(tx, 1)
            says = Saying(command=command, arguments={"number": id_})
            button = Button(label=command, says=says)
            words = T("{title}", title="here")
            await outbox.queue(
                tx, place, words, reader=committee.reader, now=SCRIPT_START, buttons=((button,),), committee=1
            )

        await town.practice.app.database.transact(queue)
        await town.practice.settle()
        said[command] = await town.presses("ana", command)
    gone = "That working group does not exist any more. /groups shows all."
    assert said == dict.fromkeys(said, gone) | {"split_decline": "That was chosen already."}

    async def after(tx: Transaction) -> tuple[int, bool, int | None]:
        group = await groups.get(tx, other.id, group_id)
        split = await groups.split(tx, other.id, split_id)
        assert group is not None
        assert split is not None
        return group.size, group.ended, split.declined_by

    assert await town.practice.app.database.transact(after) == (0, False, None)
