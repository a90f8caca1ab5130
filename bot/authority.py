"""The table of authority for the docs: `uv run python -m bot.authority > docs/authority.md`."""

from __future__ import annotations

import sys
from datetime import timedelta

from bot.domain import consent
from bot.router import Authority, Command, Commands, Where
from bot.text import Reader, shown

REGENERATE = "uv run python -m bot.authority > docs/authority.md"

_SAID_BY = {
    Authority.ANYONE: "anybody",
    Authority.MEMBER: "a member",
    Authority.ORGANIZER: "an organizer",
    Authority.TWO: "a member (it becomes a proposal)",
    Authority.COMMITTEE: "a member (it becomes a poll or a proposal)",
    Authority.CLOCK: "only the clock, when it is due",
    Authority.PEER: "only a linked committee",
}
_WHERE = {Where.ANYWHERE: "group or private", Where.GROUP: "group", Where.PRIVATE: "private"}


def page(commands: Commands) -> str:
    """The page as Markdown: every command, who may say it, who decides, and where."""
    every = [command for router in commands.routers for command in router.commands]
    typed = [command for command in every if command.typed]
    carried = [command for command in every if not command.typed]
    return "\n".join(
        [
            "# Who may what",
            "",
            f"This page is made from the code (`{REGENERATE}`); a test compares the two.",
            "",
            "*The committee* means: a poll of all who have a vote, which passes if more say yes than no and at least "
            "half vote; or two organizers, where the committee has chosen that (`/decide_by organizers`).",
            "",
            "*Two organizers* means: any two who count. Whoever proposes it and is one of them has agreed already. "
            f"There are {consent.ANSWER_WITHIN.days} days to agree. While fewer than two organizers count, such a "
            "proposal waits; nothing of it is lost.",
            "",
            "*The appointing rule*: two organizers, while there are two. With fewer, whoever set the committee up "
            "appoints the second alone, as long as they organize and nobody else has vanished; else a majority of all "
            f"who have a vote, within {consent.APPOINT_WITHIN // timedelta(hours=1)} "
            "hours.",
            "",
            "*Others*: whoever it is about has no say and is not counted. Where fewer than two other organizers are "
            "left, the majority of the others decides, and at least two must agree.",
            "",
            "A vote have all members but children, newcomers in their first time, whoever is suspended, and whoever "
            "has no account of their own. An organizer who was not seen for a while, was asked and did not answer "
            "does not count until they are back. Managing the chat gives no power beyond setting the committee up.",
            "",
            "## What can be typed",
            "",
            *_table(typed, prefix="/"),
            "",
            "## What only buttons, other commands and the clock say",
            "",
            *_table(carried, prefix=""),
            "",
        ]
    )


def _table(commands: list[Command], *, prefix: str) -> list[str]:
    return [
        "| Command | What it does | Who may say it | Who decides | Where |",
        "|---|---|---|---|---|",
        *(
            f"| `{prefix}{command.name}` | {shown(command.help, Reader('en')).replace('|', '/')} "
            f"| {_said_by(command)} | {_decided_by(command)} | {_WHERE[command.where]} |"
            for command in commands
        ),
    ]


def _said_by(command: Command) -> str:
    rights = " (some of it: whoever manages the chat)" if command.needs_rights else ""
    strangers = "; somebody else to the organizers" if command.for_strangers else ""
    return _SAID_BY[command.allow] + rights + strangers


def _decided_by(command: Command) -> str:
    if command.petition:
        return "signatures and then a poll, or a majority of all who have a vote"
    if command.majority:
        return "a majority of all others who have a vote" if command.concerns else "a majority of all who have a vote"
    if command.appoints:
        return "the appointing rule"
    if command.concerns and command.allow in (Authority.TWO, Authority.COMMITTEE):
        return "two other organizers"
    if command.allow in (Authority.TWO, Authority.COMMITTEE):
        return "the committee" if command.allow is Authority.COMMITTEE else "two organizers"
    if command.allow is Authority.PEER:
        return "the other committee, as far as this one trusts it"
    return "the clock" if command.allow is Authority.CLOCK else "whoever says it"


if __name__ == "__main__":
    from bot.app import commands

    sys.stdout.write(page(commands()))
