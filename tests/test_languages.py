"""Two languages in one group."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.text import LANGUAGES, Bold, Reader, T, Written, label, lines, plain, render
from storage import notes
from tests.conftest import Town


async def both(town: Town, first: str = "es", second: str = "de") -> None:
    """The committee takes two languages."""
    await town.says("ana", f"/languages {first} {second}")
    await town.says("ben", f"/languages {first} {second}")


async def test_what_is_said_in_the_group_is_said_in_both(town: Town) -> None:
    assert "Proposal 1 by Ana: In the group I speak Español and Deutsch." in (
        await town.says("ana", "/languages es de")
    )
    assert (await town.presses("ben", "Agree")).endswith(
        "A partir de ahora hablo Español y Deutsch aquí. / Ab jetzt spreche ich hier Español und Deutsch."
    )
    joined = await town.says("dan", "/join")
    assert joined.startswith("Te damos la bienvenida a Riverside, Dan.")
    assert "Willkommen bei Riverside, Dan." in joined


async def test_a_card_is_in_both_and_so_are_short_buttons(town: Town) -> None:
    await both(town)
    await town.says("ana", "/thank @ben 1h")
    card = next(what for where, what in reversed(town.transcript) if where == "Riverside")
    assert "Ben ayudó a Ana" in card
    assert "Ben hat Ana geholfen" in card
    assert "[Deshacer / Zurücknehmen]" in card
    await town.presses("ana", "Deshacer / Zurücknehmen")
    edited = [what for where, what in town.transcript if where == "Riverside" and what.startswith("bot (edit)")][-1]
    assert edited.count("1 h") == 2


async def test_in_private_everybody_reads_their_own(town: Town) -> None:
    await both(town)
    await town.whispers("chi", "/language de")
    assert await town.whispers("chi", "/balance") == "Dein Zeitkonto steht bei 0 min."
    assert await town.whispers("eli", "/balance") == "Tienes 0 min."


async def test_one_language_again(town: Town) -> None:
    await both(town)
    await both(town, "en", "")
    assert (await town.says("dan", "/join")).startswith("Welcome to Riverside, Dan.")
    assert "Willkommen" not in town.sees()[-1]


async def test_the_main_language_changes_alone(town: Town) -> None:
    await both(town)
    await town.says("ana", "/language en")
    await town.says("ben", "/language en")
    joined = await town.says("dan", "/join")
    assert joined.startswith("Welcome to Riverside, Dan.")
    assert "Willkommen" in joined
    # The second one becomes the main one: then there is only that.
    await town.says("ana", "/language de")
    await town.says("ben", "/language de")
    assert (await town.says("eli", "/leave")).count("Eli") == 1


async def test_two_languages_are_two(town: Town) -> None:
    assert (await town.says("ana", "/languages es es")).startswith("These are the same.")
    assert await town.says("ana", "/languages en") == "That is how it is already."


async def test_the_author_adds_the_second_text(town: Town) -> None:
    await both(town)
    await town.whispers("ben", "/language de")
    await town.whispers("chi", "/language es")
    await town.says("chi", "/thank @ben 1h arregló la bici")
    assert town.heard("ben")[-1] == "Chi dankt dir mit 1 h: arregló la bici"
    assert await town.says("chi", "/also das Rad repariert") == ""
    assert town.heard("chi")[-1].startswith("Anotado. Quien lee Deutsch")
    assert town.heard("ben")[-1] == "Chi dankt dir mit 1 h: das Rad repariert"
    assert "„das Rad repariert“" in await town.whispers("ben", "/history")
    assert "“arregló la bici”" in await town.whispers("chi", "/history")


async def test_whoever_writes_in_the_second_language_adds_the_first(town: Town) -> None:
    await both(town)
    await town.whispers("ben", "/language es")
    await town.whispers("chi", "/language de")
    await town.says("chi", "/thank @ben 1h das Rad repariert")
    await town.says("chi", "/also arregló la bici")
    assert town.heard("ben")[-1].endswith("arregló la bici")


async def test_a_second_text_needs_a_first_one_of_ones_own(town: Town) -> None:
    assert (await town.whispers("chi", "/also das Rad")).startswith("The group has one language.")
    await both(town)
    await town.whispers("ana", "/thank @ben 1h fixed the bike")
    assert (await town.whispers("chi", "/also das Rad")).startswith("Primero escribe algo")
    await town.whispers("chi", "/thank @ben 1h")
    assert (await town.whispers("chi", "/also das Rad")).startswith("Primero escribe algo"), "it had no note"
    await town.skip("61m")
    assert (await town.whispers("ana", "/also das Rad")).startswith("Primero escribe algo"), "too long ago"


async def test_the_agreement_is_read_in_ones_own_language_once_the_others_agree_to_that_text_too(town: Town) -> None:
    await both(town)
    await town.whispers("ana", "/language es")
    await town.whispers("chi", "/language de")
    await town.says("ana", "/agreement Nos tratamos con respeto")
    await town.says("ben", "/agreement Nos tratamos con respeto")
    assert "Nos tratamos con respeto" in await town.whispers("chi", "/agreement")
    proposed = await town.says("ana", "/also Wir gehen gut miteinander um")
    assert "Wir gehen gut miteinander um" in proposed
    assert "Nos tratamos con respeto" in await town.whispers("chi", "/agreement"), "one alone words nothing for all"
    await town.says("chi", "/also Nur ich bestimme")
    await town.says("ben", "/agree 3")
    assert "Wir gehen gut miteinander um" in await town.whispers("chi", "/agreement")
    assert "Nos tratamos con respeto" in await town.whispers("ana", "/agreement")
    asked = await town.says("dan", "/join")
    assert "Nos tratamos con respeto" in asked
    assert "Wir gehen gut miteinander um" in asked
    assert "Nur ich" not in "".join(town.sees())


async def test_an_erased_note_goes_in_every_language(town: Town) -> None:
    await both(town)
    await town.whispers("chi", "/thank @ben 1h arregló la bici")
    await town.whispers("chi", "/also das Rad repariert")
    await town.whispers("chi", "/erase 1")
    assert await town.practice.app.database.read(lambda tx: tx.all("SELECT text FROM second_texts")) == []
    assert await town.practice.app.database.read(lambda tx: notes.of(tx, "transfer:1", "de")) is None
    assert (await town.whispers("chi", "/also das Rad")).startswith("Primero escribe algo")


# --- words -----------------------------------------------------------------------------------------------------

BOTH = Reader("es", second="de")


def test_what_is_the_same_in_both_is_shown_once() -> None:
    title = T("{title}", title=Bold("Riverside"))
    shown = plain(render(lines(title, T("Withdrawn.")), BOTH))
    assert shown == "Riverside\nRetirada.\n\nZurückgezogen."
    assert plain(render(title, BOTH)) == "Riverside"


def test_labels_are_in_both_where_they_are_short() -> None:
    assert label(T("Undo"), BOTH) == "Deshacer / Zurücknehmen"
    assert label(T("Open a private chat"), BOTH) == "Abrir un chat privado"
    assert label(T("Undo"), Reader("es")) == "Deshacer"


languages = st.sampled_from(sorted(LANGUAGES))
written = st.builds(Written, st.text(min_size=1), st.dictionaries(languages, st.text(min_size=1)))


@given(languages, languages, written)
def test_what_somebody_wrote_is_shown_in_the_readers_language(language: str, second: str, words: Written) -> None:
    mine, theirs = words.others.get(language, words.text), words.others.get(second, words.text)
    assert plain(render(T("{words}", words=words), Reader(language))) == mine
    both_ = plain(render(T("{words}", words=words), Reader(language, second=second)))
    assert both_ == (mine if mine == theirs else f"{mine}\n\n{theirs}")
