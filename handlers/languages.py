"""Two languages in one group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.arguments import Language, Note, Number
from bot.chat import Card, Reply
from bot.router import Asks, Authority, Context, Router, Telling
from bot.text import LANGUAGES, Refusal, T, Text, Typed, supported
from storage import alerts, cards, entries, members, notes, people

router = Router("languages")

ALSO_WITHIN = timedelta(hours=1)
"""So long after writing something its author may give it in the other language."""


def _proposal(*, first: str, second: str | None = None) -> Text:
    if second is None:
        return T("In the group I speak {language} only.", language=LANGUAGES[first])
    return T("In the group I speak {first} and {second}.", first=LANGUAGES[first], second=LANGUAGES[second])


@router.command(
    "languages",
    allow=Authority.COMMITTEE,
    label=T("Two languages"),
    asks={
        "first": Asks(T("Which language comes first?")),
        "second": Asks(T("And which one second?"), instead=(T("Only one"), {})),
    },
    help=T("One or two languages in the group, the main one first."),
    proposal=_proposal,
    sample=("es", "de"),
)
async def languages(context: Context, *, first: Language, second: Language | None = None) -> Reply:
    """Change in which languages everything is said in the committee's groups."""
    if first == second:
        raise Refusal(T("These are the same. Write two languages, like {example}.", example=Typed("/languages es de")))
    changed = replace(context.committee, language=first, second=second)
    if changed == context.committee:
        raise Refusal(T("That is how it is already."))
    await people.change_rules(context.tx, changed)
    body = {"language": first, "second": second}
    await entries.append(context.tx, context.committee, "rule", body, now=context.now)
    words = (
        T("From now on I speak {language} here.", language=LANGUAGES[first])
        if second is None
        else T("From now on I speak {first} and {second} here.", first=LANGUAGES[first], second=LANGUAGES[second])
    )
    await replace(context, of_committee=changed).announce(words, but=context.place)
    return Reply(words)


@router.command(
    "also",
    allow=Authority.MEMBER,
    help=T("What you have just written, once more in the group's other language."),
    sample=(T("fixed the bike"),),
)
async def also(context: Context, *, text: Note) -> Reply | Card | None:
    """The author gives the second text; whoever reads that language sees it instead."""
    committee = context.committee
    if committee.second is None:
        raise Refusal(
            T(
                "The group has one language. The committee can take a second one: {command}",
                command=Typed("/languages es de"),
            )
        )
    thing = await notes.newest_of(context.tx, context.member.id, since=context.now - ALSO_WITHIN)
    agreement = await members.wrote_agreement(context.tx, committee.id, context.member.id)
    if agreement is not None and thing in (None, Card("agreement", agreement.id).thing):
        # Others have agreed to it: to what it says in the other language they agree too.
        says = agreement_also.says(number=agreement.number, language=_other(context), text=text)
        return await context.say(says, authority=Authority.MEMBER)
    if thing is None:
        raise Refusal(
            T(
                "Write something first, such as {example}. Then {also} gives the same in the other language.",
                example=Typed("/thank @ben 1h30", T("fixed the bike")),
                also=Typed("/also", T("fixed the bike")),
            )
        )
    language = _other(context)
    await _add(context, thing, language, text)
    return Reply(
        T("Noted. Whoever reads {language} sees that text now.", language=LANGUAGES[language]),
        private=not context.in_private,
    )


async def _add(context: Context, thing: str, language: str, text: str) -> None:
    hashed = await notes.keep_second(context.tx, thing, language, text)
    body = {"thing": thing, "language": language, "text": hashed}
    await entries.append(context.tx, context.committee, "text", body, now=context.now)
    kind, _, ref = thing.partition(":")
    if kind == "alert_update":
        thing = Card("alert", await alerts.updated(context.tx, int(ref)) or 0).thing
    for shown in notes.cards_of(thing):
        await cards.changed(context.tx, shown)


def _agreement_also(*, number: int, language: str, text: str) -> Text:
    return T("The agreement in {language}: {text}", language=LANGUAGES[language], text=text)


@router.command(
    "agreement_also",
    allow=Authority.COMMITTEE,
    typed=False,
    help=T("The agreement in the group's other language."),
    proposal=_agreement_also,
)
async def agreement_also(context: Context, *, number: Number, language: Language, text: Note) -> Reply:
    """Whoever reads this language sees this text of the agreement from now on."""
    found = await members.agreement(context.tx, context.committee.id)
    if found is None or found.number != number:
        raise Refusal(T("The agreement has changed since. Read the newest one: {command}", command=Typed("/agreement")))
    await _add(context, Card("agreement", found.id).thing, language, text)
    await cards.changed(context.tx, Card("committee", context.committee.id).thing)
    words = T("Whoever reads {language} sees the agreement in it now.", language=LANGUAGES[language])
    await context.announce(words, but=context.place)
    return Reply(words)


def _other(context: Context) -> str:
    """The language that what was written is not in: people write in the one they read."""
    committee = context.committee
    assert committee.second is not None
    theirs = supported(context.person.language if context.person else None)
    return committee.language if theirs == committee.second else committee.second


@router.entry("text")
async def text_words(telling: Telling, body: Mapping[str, Any]) -> Text:
    """Something was said in the second language too. The words are not in the books."""
    return T("A text was added in another language: {language}.", language=LANGUAGES[body["language"]])
