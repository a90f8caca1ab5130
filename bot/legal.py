"""Whoever looks after legal help in a committee, and what of names may be told them where."""

from __future__ import annotations

from bot.chat import ChatId, network_of
from bot.router import Context
from bot.text import Written
from storage import notes, pauses, people, roles, sealed
from storage.database import Reader
from storage.people import Member

LEGAL = "legal"
"""The role."""


async def legal_people(context: Context) -> list[Member]:
    """Who has the role now, whose rights are whole."""
    held = await roles.held(context.tx, context.committee.id)
    return [one.member for one in held if one.role == LEGAL and one.member.rests_until is None]


NAMED_ON = "matrix"
"""The network on which names may stand beside legal matters: never on Telegram, which reads along."""


def named_on(address: ChatId) -> bool:
    """Whether names may stand beside legal matters in a chat."""
    return network_of(address) == NAMED_ON


async def may_name(context: Context, to: Member) -> bool:
    """Whether a member may be told names, in their private chat there: only where the database is encrypted."""
    place = await people.private_chat_of(context.tx, to.person_id, network=NAMED_ON)
    return place is not None and named_on(place.address) and await sealed.is_encrypted(context.tx)


async def contact(tx: Reader, committee_id: int) -> Written | None:
    """Whom to call after an arrest, in the committee's words; None: nobody has said."""
    id_ = await pauses.contact(tx, committee_id)
    return None if id_ is None else await notes.written(tx, f"legal_contact:{id_}")
