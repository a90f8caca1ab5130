"""The room in which members of linked committees talk with each other: whoever wants to is let in."""

from __future__ import annotations

from bot import linking
from bot.chat import Reply, native, network_of
from bot.router import Authority, Context, Router
from bot.text import Listed, Refusal, T, Typed
from storage import connections, peers, people

router = Router("council", under="federation")


@router.command(
    "council",
    allow=Authority.MEMBER,
    within="federation",
    label=T("Talk with the others"),
    help=T("Come into the room in which members of linked committees talk."),
)
async def council(context: Context) -> Reply:
    """Only whoever asks: their name is seen there."""
    there = [one for one in await peers.federations(context.tx, context.committee.id) if one.place_id is not None]
    if not there:
        raise Refusal(T("We are linked with no other committee over a network."), private=True)
    accounts = {
        network_of(one.user): native(one.user)
        for one in await connections.accounts_of(context.tx, context.member.person_id)
    }
    called = []
    for one in there:
        assert one.place_id is not None
        place = await people.place_of(context.tx, one.place_id)
        account = None if place is None else accounts.get(network_of(place.address))
        if account is not None:
            await linking.doors(context, one, people_in=[account])
            called.append(one.name)
    if not called:
        raise Refusal(
            T(
                "That room is on Matrix, and I know no account of yours there. Write to me from one, and then "
                "type {connect} here in private.",
                connect=Typed("/connect"),
            ),
            private=True,
        )
    return Reply(
        T(
            "You are called into the room of {federations}: accept it in your app. All who are in it see your name "
            "there. I carry out nothing there, and tell nobody what is said.",
            federations=Listed(tuple(called)),
        ),
        private=True,
    )
