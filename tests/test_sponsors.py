"""Whoever would bring a committee in and breaks the rule: the others let nobody in, and are told in a line."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from bot import keys
from bot.domain import envelope as rules
from storage import peers
from storage.database import Reader
from tests.conftest import Town, two_decide
from tests.linked import FEDERATION
from tests.test_governing import THIRD, Three, _carry, _no_beats, _write, three

HONEST = ("Riverside", "Hillside")


def newcomer(seed: bytes, *, signed: bytes | None = None) -> keys.Certificate:
    """The keys of a committee that nobody knows. `signed`: whose root key has spoken for them in truth."""
    root, signing = keys.SigningKey(seed * 32), keys.SigningKey(b"s" * 32)
    recipient = keys.new_identity()[1]
    made = keys.certify(root, signing.public, recipient, begins=0, ends=keys.SIGNS_AT_MOST_SECONDS)
    if signed is None:
        return made
    other = keys.certify(keys.SigningKey(signed * 32), signing.public, recipient, begins=0, ends=made.ends)
    return keys.kept_certificate({**made.dump(), "signature": other.dump()["signature"]})


@dataclass(frozen=True)
class Sponsor:
    """Oakdale's keys in somebody's hand, who says what they like under them; signed, numbered, over the wire."""

    all: Three
    authors: dict[str, str]

    @property
    def town(self) -> Town:
        return self.all.town

    async def says(self, body: dict[str, object]) -> str:
        at = rules.seconds(self.town.practice.clock())
        write = self.town.practice.app.database.transact
        text = await write(lambda tx: _write(tx, self.town, 3, "admit", {"at": at, **body}))
        await _carry(self.town, text)
        return rules.load(text).hash

    async def proposes(
        self, certificate: keys.Certificate, name: str, voters: Collection[str] = (*HONEST, THIRD), account: str = "@x"
    ) -> str:
        """It would bring somebody in; what that is called."""
        who = sorted(self.authors.get(one, one) for one in voters)
        shown = {"certificate": certificate.dump(), "name": name, "account": account}
        return await self.says({"newcomer": shown, "voters": who})

    async def counts(self, uid: str, *yes: str, no: Collection[str] = ()) -> None:
        """It says that these have said yes, and that it comes in."""
        sides = {"counted_yes": [self.authors[one] for one in yes], "counted_no": [self.authors[one] for one in no]}
        await self.says({"of": uid, "in": True, **sides})

    def told(self, since: int) -> list[str]:
        """What the groups of the two honest ones were told."""
        return [self.town.answers(since, where) for where in HONEST]

    async def inside(self) -> list[list[str]]:
        """Who is in, as each of the honest ones knows it, but for the three."""

        async def ask(tx: Reader) -> list[list[str]]:
            found = []
            for committee in (1, 2):
                there = await peers.federation_called(tx, committee, FEDERATION)
                assert there is not None
                found.append([one.name for one in await peers.peers(tx, there.id) if one.name not in self.authors])
            return found

        return await self.town.practice.app.database.read(ask)


async def sponsor(town: Town) -> Sponsor:
    all_ = await three(town)
    await _no_beats(town)
    return Sponsor(all_, {name: one.author for name, one in (await all_.peers(1)).items()})


async def test_nobody_comes_in_by_the_word_of_one(town: Town) -> None:
    """All three are linked since today."""
    there = await sponsor(town)
    not_let_in = "is not let in: what was counted for it in Northside is not what was said, or not enough."
    for number, (voters, yes) in enumerate(
        [
            ((THIRD,), (THIRD,)),
            ((*HONEST, THIRD), (THIRD,)),
            # Somebody made up would make more of them: nobody has said anything for them.
            ((THIRD, "f" * 64), (THIRD,)),
        ]
    ):
        before, name = len(town.transcript), f"Lakeside {number}"
        uid = await there.proposes(newcomer(bytes([65 + number])), name, voters)
        assert [f"Oakdale would bring {name} into" in one for one in there.told(before)] == [True, True]
        before = len(town.transcript)
        await there.counts(uid, *yes)
        assert there.told(before) == [f"{name} {not_let_in}"] * 2, voters
    assert await there.inside() == [[], []]
    # And if they had been in for long: whoever goes on with it is not shown for ever.
    long = int(timedelta(days=8).total_seconds()) * 1_000_000
    await town.practice.app.database.transact(lambda tx: tx.execute("UPDATE peers SET since_us = since_us - ?", long))
    for number in (3, 4, 5, 6):
        before, name = len(town.transcript), f"Lakeside {number}"
        uid = await there.proposes(newcomer(bytes([65 + number])), name, (THIRD,))
        line = f"Oakdale would bring {name} into Northside without asking all who are in it: that does not count."
        assert there.told(before) == [line if number < 5 else ""] * 2
        await there.counts(uid, THIRD)
    assert await there.inside() == [[], []]


async def test_words_that_nobody_has_said_let_nobody_in(town: Town) -> None:
    there = await sponsor(town)
    await two_decide(town.practice.app.database)
    uid = await there.proposes(newcomer(b"A"), "Lakeside")
    before = len(town.transcript)
    await there.counts(uid, THIRD, *HONEST)
    assert there.told(before) == ["", ""], "they may still come"
    assert await there.inside() == [[], []]
    town.practice.clock.move(town.practice.clock() + timedelta(hours=25))
    await town.skip("1m")
    line = (
        "Lakeside is not let into Northside: Oakdale has counted words for it that nobody has sent here. It is let in "
        "only if they come."
    )
    assert there.told(before) == [line, line]
    # Riverside's word then comes, and is not what was counted.
    await town.presses("ana", "Against it")
    await town.presses("ben", "Agree")
    assert all("is not what was said, or not enough." in one for one in there.told(before))
    town.practice.clock.move(town.practice.clock() + timedelta(days=3))
    await town.skip("1m")
    assert [one.count(line) for one in there.told(before)] == [1, 1]
    assert await there.inside() == [[], []]


async def test_nobody_counts_before_the_others_have_had_their_time(town: Town) -> None:
    there = await sponsor(town)
    await two_decide(town.practice.app.database)
    uid = await there.proposes(newcomer(b"A"), "Lakeside", (*HONEST, THIRD, "f" * 64))
    await town.presses("ana", "Let them in")
    await town.presses("ben", "Agree")
    before = len(town.transcript)
    # Half have said yes, which is enough after three days; Hillside may still say no.
    await there.counts(uid, THIRD, "Riverside")
    assert all("Lakeside is not let in" in one for one in there.told(before))
    assert await there.inside() == [[], []]


async def test_keys_that_are_another_s_are_refused(town: Town) -> None:
    there = await sponsor(town)
    before = len(town.transcript)
    await there.proposes(newcomer(b"A", signed=b"B"), "Lakeside")
    for organizer in ("ana (dm)", "dora (dm)"):
        assert "Something from Oakdale cannot be read: nothing was done." in town.answers(before, organizer)
    assert there.told(before) == ["", ""]
    # Under a name that is another's, or twice with different keys.
    second = (
        "would bring a second committee called {name} into Northside, with other keys: that does not count. Ask both."
    )
    await there.proposes(newcomer(b"A"), "hillside")
    assert there.told(before) == ["Oakdale " + second.format(name="hillside")] * 2
    await there.proposes(newcomer(b"A"), "Lakeside")
    before = len(town.transcript)
    uid = await there.proposes(newcomer(b"B"), "Lakeside")
    assert there.told(before) == ["Oakdale " + second.format(name="Lakeside")] * 2
    await there.counts(uid, THIRD, *HONEST)
    assert await there.inside() == [[], []]
    states = await town.practice.app.database.read(
        lambda tx: tx.all("SELECT state, count(*) FROM peer_admissions GROUP BY state ORDER BY state")
    )
    assert [tuple(one) for one in states] == [("open", 2), ("void", 4)], "at two committees, nothing of the first"


async def test_whoever_is_in_is_not_changed_by_the_word_of_another(town: Town) -> None:
    there = await sponsor(town)
    await two_decide(town.practice.app.database)
    uids = [await there.proposes(newcomer(b"A"), name, account=f"@{name}") for name in ("Lakeside", "Evil")]
    for _ in uids:
        await town.presses("ana", "Let them in")
        await town.presses("ben", "Agree")
    await there.counts(uids[0], THIRD, "Riverside")
    assert await there.inside() == [["Lakeside"], ["Lakeside"]]
    before = len(town.transcript)
    await there.counts(uids[1], THIRD, "Riverside")
    assert there.told(before) == ["", ""]
    assert [(await there.all.peers(one))["Lakeside"].account for one in (1, 2)] == ["@Lakeside"] * 2
    assert await there.inside() == [["Lakeside"], ["Lakeside"]]
