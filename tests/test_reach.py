"""Whom an alert has reached, who calls the others, phone numbers, and that everybody learns when it is over."""

from __future__ import annotations

import logging

import pytest

from bot import alerts as shared
from bot import app
from bot.adapters.console import ConsoleAdapter
from bot.arguments import Reference
from bot.chat import ChatClosed, Letter, NotReached
from bot.router import Authority, Context, Router
from bot.text import T
from storage import alerts, people
from storage.database import Reader
from tests.conftest import Town

RAID = "/alert raid Main St 5"

everybody = Router("everybody")


@everybody.command("alert_escalate", allow=Authority.CLOCK, typed=False, help=T("Everybody is told."))
async def alert_escalate(context: Context, *, alert: Reference) -> None:
    """As the area that says who is told when; all at once."""
    there = await alerts.get(context.tx, context.committee.id, alert)
    assert there is not None
    rows = await context.tx.all("SELECT id FROM members WHERE committee_id = ? LIMIT 100", context.committee.id)
    found = [await people.member_now(context.tx, context.committee.id, id_) for (id_,) in rows]
    await shared.page(context, there, [one for one in found if one is not None], ring=0)


@pytest.fixture(autouse=True)
def _everybody_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no area says yet who is told when."""
    if app.commands().get("alert_escalate") is None:
        monkeypatch.setattr(app, "AREAS", (*app.AREAS, everybody))


async def _join(town: Town, *who: str, starts: bool = False) -> None:
    for one in who:
        await town.says(one, "/join")
        if starts:
            await town.whispers(one, "/start")


async def _raid(town: Town) -> None:
    await town.says("ana", RAID)
    await town.presses("ben", "I can confirm it")
    await town.skip("10m")


class Wire:
    """The terminal's network, which takes nothing in some chats."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.closed: set[str] = set()
        self.away = False
        send = ConsoleAdapter.send

        async def sends(adapter: ConsoleAdapter, letter: Letter) -> str:
            if self.away:
                raise NotReached
            if any(letter.chat.endswith(f":{who}") for who in self.closed):
                raise ChatClosed
            return await send(adapter, letter)

        monkeypatch.setattr(ConsoleAdapter, "send", sends)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    return Wire(monkeypatch)


# --- how far it has come -----------------------------------------------------------------------------------------


async def test_whoever_looks_after_an_alert_sees_how_many_it_has_reached(town: Town) -> None:
    await _join(town, "dan")
    await _raid(town)
    await town.presses("chi", "Coming: 10 min")
    said = await town.whispers("ana", "/alert 1 reach")
    assert "5 were to be told in private." in said
    assert "4 messages have arrived." in said
    assert "1 could not be reached." in said
    assert "1 has answered, so has seen it." in said
    assert "is changed by whoever raised it" in await town.whispers("chi", "/alert 1 reach")
    assert "1 member could not be reached by message." in town.sees()[-1]
    print(town.transcript)


async def test_x(town: Town) -> None:
    print(sorted(town.practice.console.people))
    print([town.private(w).id for w in ("ana","chi")])
    assert 0
