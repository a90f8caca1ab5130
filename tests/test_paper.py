"""The rota on paper, as members print it."""

from __future__ import annotations

import re

from bot.chat import Document
from tests.conftest import Town


def words_of(document: Document) -> str:
    """What is printed, without the marks."""
    body = document.text.partition("<body>")[2]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body)).strip()


def order_for(document: Document, task: str) -> list[str]:
    """Who is called for a task."""
    part = document.text.partition(f"<b>{task}</b>")[2].partition("</div>")[0]
    return re.findall(r"<li>(.*?)</li>", part)


async def printed(town: Town, who: str = "chi", line: str = "/paper") -> Document:
    await town.whispers(who, line)
    return town.practice.console.documents[-1]


async def _cleaning(town: Town) -> None:
    await town.says("ana", "/task cleaning every sat 10:00 2h crew 2-3")
    await town.says("ana", "/shifts")
    await town.presses("eli", "I'll take it: Cleaning, Sat, Jan 10 10:00")


async def test_who_does_what_when_and_what_is_open_stands_on_it(town: Town) -> None:
    await _cleaning(town)
    await town.says("ana", "/task flyers any time this week 1h crew 1")
    document = await printed(town)
    assert document.name == "rota-2026-01-05.html"
    told = words_of(document)
    assert "Saturday, Jan 10 10:00 2 h Cleaning Eli needed At any time until Jan 11, 2026 1 h flyers needed" in told
    assert "Jan 12, 2026 to Jan 18, 2026" in told
    assert "Saturday, Jan 17 10:00 2 h Cleaning needed needed" in told
    # Three seats twice, and one for the flyers.
    assert document.text.count('class="box"') == 7
    assert document.text.count('class="blank"') == 6
    assert "Saturday, Jan 24" not in told
    assert "Saturday, Jan 24" in words_of(await printed(town, line="/paper 4 weeks"))


async def test_who_is_called_stands_there_in_the_order_of_turns(town: Town) -> None:
    await _cleaning(town)
    await town.says("chi", "/add Rosa Gil")
    document = await printed(town)
    order = order_for(document, "Cleaning")
    assert set(order) == {"Ana", "Ben", "Chi", "Eli", "Rosa Gil"}
    assert order[-1] == "Eli", "who has a turn already is called last"
    # An absence keeps somebody from it, and no reason is told; what somebody does not want is nobody's business.
    await town.whispers("ana", "/veto cleaning")
    await town.whispers("ben", "/away 1 jan to 20 feb")
    await town.whispers("chi", "/not_with @ana")
    again = await printed(town, "eli")
    assert order_for(again, "Cleaning") == [*(one for one in order if one not in ("Ana", "Ben")), "Ana"]
    assert not re.search("veto|away|absent", words_of(again), re.IGNORECASE)


async def test_asked_for_in_the_group_it_comes_in_private(town: Town) -> None:
    await _cleaning(town)
    assert await town.says("chi", "/paper") == ""
    assert town.heard("chi")[-1].startswith("The rota on paper / 2 shifts.")
    assert len(town.practice.console.documents) == 1
    assert [where for where, what in town.transcript if "sends a file" in what] == ["chi (dm)"]


async def test_without_shifts_there_is_nothing_to_print_and_too_many_weeks_are_refused(town: Town) -> None:
    assert await town.whispers("chi", "/paper") == "There are no shifts to print. /tasks shows the tasks."
    assert await town.whispers("chi", "/paper 9") == "A rota is there for 1 to 8 weeks. Say how many of them."
    for hour in range(8, 13):
        await town.says("ana", f"/task door{chr(57 + hour)} daily {hour}:00 30m crew 1")
    assert (await town.whispers("chi", "/paper 8")).startswith("That is too much for paper.")
    assert town.practice.console.documents == []
    assert len(words_of(await printed(town, line="/paper 2"))) > 1000


async def test_it_speaks_the_committees_languages_and_names_stand_as_their_owners_chose(town: Town) -> None:
    await town.says("ana", "/languages es de")
    await town.says("ben", "/languages es de")
    await town.says("ana", "/task limpieza cada sábado 10:00 2h crew 1")
    document = await printed(town)
    assert "Sábado, 10 ene / Samstag, 10. Jan." in words_of(document)
    assert '<html lang="es">' in document.text
    await town.whispers("chi", "/nickname Chinita")
    assert "Chinita" in words_of(await printed(town, "ana"))
