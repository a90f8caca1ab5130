"""Who may what, and for how long: roles with terms, recalls, and the rotation of organizers."""

from __future__ import annotations

from bot.arguments import Person
from bot.chat import Reply
from bot.domain import offices
from bot.router import Authority, Context, Router
from bot.text import Listed, Refusal, T, Words, lines
from storage import entries, people

router = Router("roles")


@router.command(
    "organizer",
    allow=Authority.COMMITTEE,
    help=T("Make a member an organizer. Organizing is a task, not a rank."),
    proposal=lambda *, who: T("{name} becomes an organizer.", name=who.name),
    appoints=True,
)
async def organizer(context: Context, *, who: Person) -> Reply:
    """Appoint; announced to everybody."""
    already = await people.organizers(context.tx, context.committee.id)
    if who.id in {member.id for member in already}:
        raise Refusal(T("{name} is an organizer already.", name=who.name))
    await people.give_role(context.tx, who.id, "organizer", now=context.now)
    body = {"member": who.id, "role": "organizer", "held": True}
    await entries.append(context.tx, context.committee, "role", body, now=context.now)
    names = Listed(tuple(member.name for member in [*already, who]))
    return await _announced(context, T("{name} is an organizer now. Organizers: {names}.", name=who.name, names=names))


@router.command("stepdown", allow=Authority.ORGANIZER, help=T("Stop being an organizer."))
async def stepdown(context: Context) -> Reply:
    """End one's own role."""
    for role in ("organizer", "founder"):
        await people.end_role(context.tx, context.member.id, role, now=context.now)
    body = {"member": context.member.id, "role": "organizer", "held": False}
    await entries.append(context.tx, context.committee, "role", body, now=context.now)
    left = await people.organizers(context.tx, context.committee.id)
    words = lines(
        T("{name} is not an organizer any more. Thank you!", name=context.member.name),
        offices.wanted([member.name for member in left]),
    )
    return await _announced(context, words)


async def _announced(context: Context, words: Words) -> Reply:
    """The answer, which the whole committee hears: in every group where it is not given anyway."""
    await context.announce(words, but=context.place)
    return Reply(words)
