"""Files that go with an answer."""

from __future__ import annotations

from bot.chat import DOCUMENT_CHARACTERS_MAX, Document, Lane, text_document
from bot.text import T
from storage import outbox, people
from storage.database import Reader, Transaction
from tests.conftest import Town


async def _owe(town: Town, document: Document) -> None:
    async def work(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        member = await people.member(tx, 1, 1)
        assert member is not None
        place = await people.private_chat_of(tx, member.person_id)
        assert place is not None
        now = town.practice.clock()
        await outbox.queue(
            tx, place, T("Here it is."), reader=committee.reader, now=now, lane=Lane.ANSWER, document=document
        )

    await town.practice.app.database.transact(work)


async def test_a_file_goes_with_an_answer_and_is_kept_no_longer_than_that(town: Town) -> None:
    document = Document(name="solibot.json", text='{"name": "Änna"}')
    await _owe(town, document)

    async def waiting(tx: Reader) -> list[outbox.Owed]:
        return await outbox.waiting(tx)

    owed = await town.practice.app.database.read(waiting)
    # As it is read again after the program was ended.
    assert [item.document for item in owed] == [document]
    await town.practice.settle()
    assert town.practice.console.documents == [document]
    assert town.heard("ana")[-2:] == ["solibot.json (17 bytes)", "Here it is."]

    async def bodies(tx: Reader) -> int:
        return int(await tx.value("SELECT count(*) FROM outbox WHERE body IS NOT NULL"))

    assert await town.practice.app.database.read(bodies) == 0


def test_a_file_is_read_as_what_people_upload() -> None:
    assert text_document("a.csv", "name\nÄnna".encode("utf-8-sig")) == Document(name="a.csv", text="name\nÄnna")
    # As older spreadsheets write it.
    assert text_document("a.csv", "Änna;José".encode("cp1252")) == Document(name="a.csv", text="Änna;José")
    assert text_document("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") is None
    assert text_document("a.csv", b"x" * (DOCUMENT_CHARACTERS_MAX + 1)) is None
