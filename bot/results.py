"""What a poll came to: its ballots as the rules of counting read them, and the result in words and as a picture."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from bot.chat import Bar, Bars, Chart, Flow, Stage
from bot.domain import elections, tallies
from bot.domain.ballots import Election, Form, read_ballot
from bot.domain.ballots import Option as Candidate
from bot.domain.chain import canonical, fingerprint
from bot.domain.processes import Method, Test
from bot.domain.tallies import Lot
from bot.polls import option_words
from bot.text import Amount, Listed, N, Reader, T, Text, Value, Words, shown
from storage.ballots import Ballot
from storage.polls import Option, Poll, Verdict

RANKED: frozenset[Method] = frozenset({"schulze", "irv", "scottish-stv"})
IN_STAGES: frozenset[Method] = frozenset({"irv", "scottish-stv"})
TELLING_MIN = 30
"""Fewer ballots of a hidden poll that say several things each are not handed out: a ranking is like a signature."""
NAMED_MAX = 6
"""So many options stand in the line of a stage."""
LINES_MAX = 12
FLOWING_MAX = 8
"""A picture of stages begins when so many are left: more have no room for their names on a phone."""
SMALL, SMALL_RANKED = 20_000, 400
"""Ballots times options that are counted at once (some hundredths of a second, most of it for how close it was); more
are counted in a process of their own."""

VERDICTS: Mapping[str, Text] = {
    "passed": T("it has passed."),
    "failed": T("it has not passed."),
    "decided": T("it is decided."),
    "tied": T("it is a tie."),
    "told": T("nothing was to be decided."),
    "no_quorum": T("too few voted for it to count."),
    "too_few": T("too few voted for it to stay hidden who voted what, so nothing was counted."),
    "not_done": T("it has passed, but could not be carried out."),
}


# --- ballots, for counting ---------------------------------------------------------------------------------------


def form(poll: Poll) -> Form:
    """What a ballot of this poll may say."""
    match poll.method:
        case "options" | "plurality":
            return Form("choices", 1)
        case "approval":
            return Form("choices")
        case "score":
            return Form("scores", poll.rule.most or 5)
        case "dots":
            return Form("dots", poll.rule.most or 5)
        case _:
            return Form("ranked")


def canonical_ballot(poll: Poll, choice: Any) -> Any:
    """A stored ballot in the form that is counted and published: options by their places, as strings."""
    if poll.method in RANKED:
        return [[str(place) for place in group] for group in choice]
    if poll.method in ("score", "dots"):
        return dict(choice)
    return [str(place) for place in (choice if isinstance(choice, list) else [choice])]


def election(
    poll: Poll, found: Sequence[Ballot], *, name: Callable[[Option], str] = lambda one: str(one.place)
) -> Election:
    """All that a count depends on. `name`: how options are called in it; by their numbers, where nobody reads it."""
    options = tuple(Candidate(str(one.place), name(one), one.withdrawn) for one in poll.options)
    ids = {one.id: None for one in options}
    form_ = form(poll)
    ballots = tuple(read_ballot(form_, canonical_ballot(poll, one.choice), ids, blank=True) for one in found)
    return Election(options, form_, ballots)


def exported(poll: Poll, of: Election, *, lot: Lot | None) -> dict[str, Any]:
    """An election as it is worked out, verified and handed out. `lot`: where one is to be drawn, or is told."""
    method: tallies.Method = "plurality"
    if poll.method in tallies.METHODS:
        method = tallies.METHODS[tallies.METHODS.index(poll.method)]
    return elections.export(
        of, method=method, seats=poll.rule.seats, lot=lot, commitment=poll.commitment, roll=poll.roll_hash
    )


def lot(poll: Poll) -> Lot | None:
    """What ties are decided with; None: they stay undecided."""
    return None if poll.rule.tie == "open" or poll.seed is None else Lot(poll.seed)


def ballots_hash(poll: Poll, found: Sequence[Ballot], salt: str) -> str:
    """What stands for all ballots of a poll in the log, whatever order they are in.

    What a few ballots say could be found by trying, so a salt goes into it: the seed of the lot, told with the result;
    or one that is not told, where the ballots are not handed out either.
    """
    said = sorted(canonical({"is": canonical_ballot(poll, one.choice)}) for one in found)
    return hashlib.sha256(canonical({"poll": poll.number, "salt": salt, "ballots": said}).encode()).hexdigest()


def count_hash(count: Any) -> str:
    """What stands for a whole count in the log."""
    return hashlib.sha256(canonical({"is": count}).encode()).hexdigest()


def is_small(poll: Poll, voters: int) -> bool:
    """Whether it is counted at once: that takes no longer than to answer somebody."""
    return voters * len(poll.options) <= (SMALL_RANKED if poll.method in RANKED else SMALL)


def keeps_ballots(poll: Poll, voters: int) -> bool:
    """Whether the ballots of this poll are not handed out, but only their sums."""
    return poll.secrecy == "hidden" and poll.method not in ("options", "plurality") and voters < TELLING_MIN


def for_log(result: Mapping[str, Any]) -> dict[str, Any]:
    """What stands of a result in the log: what came out, and hashes for the rest."""
    kept = {name: value for name, value in result.items() if name not in ("count", "salt")}
    return kept | ({"count": count_hash(result["count"])} if "count" in result else {})


def verdict_of(poll: Poll, worked_out: Mapping[str, Any]) -> tuple[Verdict, dict[str, Any]]:
    """What a count means for a poll, and what is kept of it; options by their places."""
    count, margin = worked_out["count"], worked_out["margin"]
    kept: dict[str, Any] = {"count": count, "winners": [int(one) for one in count["winners"]]}
    if poll.method not in RANKED:
        kept["totals"] = dict(count["stages"][0]["totals"]) if count["stages"] else {}
    if margin["ballots"] and count["undecided"] is None:
        instead = [int(one) for one in margin["instead"]]
        kept["margin"] = {"n": margin["ballots"], "exact": margin["exact"], "instead": instead}
    if count["undecided"] is not None:
        kept["tied"] = [int(one) for one in count["undecided"]["may_win"]]
        return "tied", kept
    # Where every ballot is blank nothing has won.
    return ("decided" if count["winners"] else "failed"), kept


# --- in words ----------------------------------------------------------------------------------------------------


def _names(poll: Poll, ids: Sequence[str | int]) -> Listed:
    return Listed(tuple(_name(poll, id_) for id_ in ids))


def _name(poll: Poll, id_: str | int) -> Text:
    option = poll.option(int(id_))
    return option_words(poll, option) if option is not None else T("(erased)")


def figure(value: int | str) -> int | Amount:
    """A figure of a count as it is told: whole, or with two decimals, the rest left off."""
    if isinstance(value, int):
        return value
    units = Fraction(value)
    return int(units) if units.denominator == 1 else Amount(int(units * 100))


def result_words(poll: Poll, voters: Mapping[int, Text] | None = None) -> list[Words]:
    """What came of it, in a few lines: who or what won, how close it was, the figures. `voters`: who chose what."""
    result = poll.result or {}
    if poll.verdict in ("no_quorum", "too_few"):
        needed = result.get("quorum")
        told: list[Words] = [_turnout(result)]
        if poll.verdict == "no_quorum" and needed:
            told.append(N("It needed at least {n} vote.", "It needed at least {n} votes.", needed))
        return [*told, T("So {verdict}", verdict=VERDICTS[poll.verdict])]
    told = []
    if poll.method != "options":
        told += _chosen(poll, result)
    told += _figures(poll, result, voters or {})
    if poll.method == "options":
        told += [
            _test(poll, test, count, whole)
            for test, (count, whole) in zip(poll.rule.tests, result.get("tests", []), strict=False)
        ]
    if poll.secrecy == "external":
        told.append(T("Counted elsewhere and entered by hand: I cannot check it."))
        if "file" in result:
            told.append(T("The file with the result: {hash}", hash=fingerprint(result["file"])))
        return told
    told.append(_turnout(result))
    if poll.verdict in ("passed", "failed", "not_done"):
        told.append(T("So {verdict}", verdict=VERDICTS[poll.verdict]))
    close = _close(poll, result)
    return [*told, close] if close is not None else told


def _turnout(result: Mapping[str, Any]) -> Text:
    return T("Voted: {n} of {all}.", n=result.get("voters", 0), all=result.get("roll", 0))


def _chosen(poll: Poll, result: Mapping[str, Any]) -> list[Words]:
    told: list[Words] = []
    winners = result.get("winners", [])
    if winners and not (poll.secrecy == "external" and poll.verdict == "tied"):
        told.append(T("Chosen: {names}.", names=_names(poll, winners)))
    count = result.get("count", {})
    ties = [one for one in count.get("ties", []) if one["what"] != "order"]
    told += _ties(poll, count, ties)
    if poll.verdict == "tied":
        if not ties:
            told.append(T("A tie: {names}.", names=_names(poll, result.get("tied", winners))))
        told.append(T("A tie stays a tie here: nothing is decided between them."))
    return told


def _ties(poll: Poll, count: Mapping[str, Any], ties: Sequence[Mapping[str, Any]]) -> list[Words]:
    """Ties in a few lines: those of options that nobody put first are one line; the whole count tells each."""
    some = [one for one in ties if one["what"] != "exclude" or Fraction(_had(count, one) or 0) > 0]
    told: list[Words] = [tie_words(poll, count, one) for one in some[:NAMED_MAX]]
    if len(some) > NAMED_MAX:
        told.append(N("{n} more tie.", "{n} more ties.", len(some) - NAMED_MAX))
    if len(some) < len(ties):
        told.append(T("Several had no vote at all; in which order they went out, the sealed lot said."))
    return told


def _close(poll: Poll, result: Mapping[str, Any]) -> Text | None:
    margin = result.get("margin")
    if not margin or not margin["n"]:
        return None
    if poll.method == "options":
        return N(
            "{n} voter choosing otherwise would have turned it round.",
            "{n} voters choosing otherwise would have turned it round.",
            margin["n"],
        )
    instead = [one for one in margin["instead"] if one not in result.get("winners", [])]
    names: Value = _names(poll, instead) if instead else T("nobody for sure")
    if margin["exact"]:
        return N(
            "With {n} ballot otherwise it would have been {names}.",
            "With {n} ballots otherwise it would have been {names}.",
            margin["n"],
            names=names,
        )
    return N(
        "With {n} ballot otherwise, perhaps fewer, it would have been {names}.",
        "With {n} ballots otherwise, perhaps fewer, it would have been {names}.",
        margin["n"],
        names=names,
    )


def _figures(poll: Poll, result: Mapping[str, Any], voters: Mapping[int, Text]) -> list[Words]:
    count = result.get("count", {})
    if poll.method in IN_STAGES:
        return [*stage_lines(poll, count, most=NAMED_MAX)]
    if poll.method == "schulze":
        return _winner_pairs(poll, count)
    totals: Mapping[str, int] = result.get("totals", {})
    return [
        T("{option}: {voters}", option=option_words(poll, one), voters=voters[one.place])
        if one.place in voters
        else T("{option}: {n}", option=option_words(poll, one), n=totals[str(one.place)])
        for one in poll.options
        if str(one.place) in totals
    ]


def share_words(value: Fraction) -> Text:
    """A share of votes: half, or as it is written."""
    if value == Fraction(1, 2):
        return T("half")
    return T("all") if value == 1 else T("{share}", share=str(value))


def _test(poll: Poll, test: Test, count: int, whole: int) -> Text:
    option = _label(poll, test.option)
    if test.of == "count":
        said: dict[str, Any] = {"option": option, "n": count, "limit": str(test.value)}
        match test.at:
            case "least":
                return T("{option} {n}, at least {limit} needed.", **said)
            case "more":
                return T("{option} {n}, more than {limit} needed.", **said)
            case "most":
                return T("{option} {n}, at most {limit} allowed.", **said)
            case _:
                return T("{option} {n}, fewer than {limit} allowed.", **said)
    said = {"option": option, "n": count, "whole": whole, "share": share_words(test.value)}
    match test.at:
        case "least":
            return T("{option} {n} of {whole}, at least {share} needed.", **said)
        case "more":
            return T("{option} {n} of {whole}, more than {share} needed.", **said)
        case "most":
            return T("{option} {n} of {whole}, at most {share} allowed.", **said)
        case _:
            return T("{option} {n} of {whole}, less than {share} allowed.", **said)


def _label(poll: Poll, key: str) -> Text:
    option = next((one for one in poll.options if one.key == key), None)
    return option_words(poll, option) if option is not None else T("(erased)")


# --- ties --------------------------------------------------------------------------------------------------------


def tie_words(poll: Poll, count: Mapping[str, Any], tie: Mapping[str, Any]) -> Text:
    """A tie, and what decided it."""
    names = _names(poll, tie["tied"])
    match tie["what"]:
        case "elect":
            return _elect_tie(poll, count, tie, names)
        case "exclude":
            return _exclude_tie(poll, count, tie, names)
        case "surplus":
            return _surplus_tie(poll, tie, names)
        case _:
            return T("{names} are level; that makes no difference to what is chosen.", names=names)


def _had(count: Mapping[str, Any], tie: Mapping[str, Any]) -> int | str | None:
    """What each of the tied had when they were."""
    stages = count["stages"]
    # A tie before a stage is one of the totals of the stage before that.
    at = 0 if tie["what"] == "elect" else tie["stage"] - 2
    stage = stages[at] if 0 <= at < len(stages) else None
    if stage is None or stage["action"] == "pairwise":
        return None
    value: int | str | None = stage["totals"].get(tie["tied"][0])
    return value


def _elect_tie(poll: Poll, count: Mapping[str, Any], tie: Mapping[str, Any], names: Listed) -> Text:
    n = _had(count, tie)
    first = [one for one in tie["chosen"] if one in count["winners"]]
    if tie["how"] == "lot":
        chosen = _names(poll, first)
        if n is None:
            return T("{names} were level; the sealed lot chose {chosen}.", names=names, chosen=chosen)
        return T("{names} had {n} each; the sealed lot chose {chosen}.", names=names, n=figure(n), chosen=chosen)
    if n is None:
        return T("A tie: {names} were level.", names=names)
    return T("A tie: {names} had {n} each.", names=names, n=figure(n))


def _exclude_tie(poll: Poll, count: Mapping[str, Any], tie: Mapping[str, Any], names: Listed) -> Text:
    said: dict[str, Any] = {"stage": tie["stage"], "names": names, "n": figure(_had(count, tie) or 0)}
    out = _names(poll, tie["chosen"][:1])
    match tie["how"]:
        case "look-back":
            return T(
                "Stage {stage}: {names} had fewest, {n} each; {out} is out, with fewer at stage {back}.",
                **said,
                out=out,
                back=tie["back_to"],
            )
        case "lot":
            return T("Stage {stage}: {names} had fewest, {n} each; the sealed lot took {out} out.", **said, out=out)
        case "either way":
            return T("Stage {stage}: {names} had fewest, {n} each; whoever is out first, the same win.", **said)
        case _:
            return T("Stage {stage}: a tie: {names} have fewest, {n} each.", **said)


def _surplus_tie(poll: Poll, tie: Mapping[str, Any], names: Listed) -> Text:
    said: dict[str, Any] = {"stage": tie["stage"], "names": names}
    first = _names(poll, tie["chosen"][:1])
    match tie["how"]:
        case "look-back":
            return T(
                "Stage {stage}: {names} had as much to pass on; {first} went first, with more at stage {back}.",
                **said,
                first=first,
                back=tie["back_to"],
            )
        case "lot":
            return T(
                "Stage {stage}: {names} had as much to pass on; the sealed lot let {first} go first.",
                **said,
                first=first,
            )
        case "either way":
            return T("Stage {stage}: {names} had as much to pass on; whoever goes first, the same win.", **said)
        case _:
            return T("Stage {stage}: a tie: {names} have as much to pass on.", **said)


# --- stage by stage, pair by pair ----------------------------------------------------------------------------------


def stage_lines(poll: Poll, count: Mapping[str, Any], *, most: int | None = None) -> list[Words]:
    """Each stage in a line. `most`: with many stages only the last ones, and so many options in a line."""
    stages = count.get("stages", [])
    told: list[Words] = []
    if most is not None and len(stages) > LINES_MAX:
        told.append(N("{n} earlier stage.", "{n} earlier stages.", len(stages) - LINES_MAX))
        stages = stages[-LINES_MAX:]
    return [*told, *(_stage(poll, one, most) for one in stages)]


def _stage(poll: Poll, stage: Mapping[str, Any], most: int | None) -> Text:
    left = sorted(
        (one for one in stage["totals"] if one not in stage["excluded"]),
        key=lambda one: (-Fraction(stage["totals"][one]), int(one)),
    )
    figures = [T("{name} {n}", name=_name(poll, one), n=figure(stage["totals"][one])) for one in left[:most]]
    if most is not None and len(left) > most:
        figures.append(N("{n} more", "{n} more", len(left) - most))
    if Fraction(stage["exhausted"]):
        figures.append(T("nobody {n}", n=figure(stage["exhausted"])))
    said: dict[str, Any] = {"stage": stage["number"], "figures": _row(figures)}
    names = _names(poll, stage["options"])
    match stage["action"]:
        case "exclude":
            return T("{stage}. {names} out: {figures}", **said, names=names)
        case "surplus":
            return T("{stage}. What {names} did not need goes on: {figures}", **said, names=names)
        case "remaining":
            return T("{stage}. The seats that are left: {names}", stage=stage["number"], names=names)
        case _:
            return T("{stage}. First choices: {figures}", **said)


def _row(items: Sequence[Text]) -> Text:
    """Figures in a row, with commas only: no “and” before the last."""
    row = items[0] if items else T("nobody")
    for item in items[1:]:
        row = T("{row}, {item}", row=row, item=item)
    return row


def _winner_pairs(poll: Poll, count: Mapping[str, Any]) -> list[Words]:
    """The winner against each of the others."""
    if not count.get("winners"):
        return []
    options, matrix = list(count["options"]), count["matrix"]
    winner = count["winners"][0]
    at = options.index(winner)
    others = sorted((matrix[at][there] - matrix[there][at], there) for there in range(len(options)) if there != at)
    told: list[Words] = [_pair(poll, options, matrix, at, there) for _, there in others[:NAMED_MAX]]
    if len(others) > NAMED_MAX:
        told.append(N("{n} more, further behind.", "{n} more, further behind.", len(others) - NAMED_MAX))
    level = any(one["what"] == "elect" for one in count["ties"])
    if len(others) > 1 and count.get("condorcet") is None and not level:
        told.append(
            T("Nothing is preferred to each of the others; the strongest chain of preferences decides (Schulze).")
        )
    return told


def _pair(poll: Poll, options: Sequence[str], matrix: Sequence[Sequence[int]], at: int, there: int) -> Text:
    return T(
        "{first} before {second}: {n} to {m}",
        first=_name(poll, options[at]),
        second=_name(poll, options[there]),
        n=matrix[at][there],
        m=matrix[there][at],
    )


def count_words(poll: Poll) -> list[Words]:
    """The whole count: every stage or pair, every tie."""
    result = poll.result or {}
    count = result.get("count", {})
    told: list[Words] = []
    if poll.method in IN_STAGES:
        if count.get("quota") is not None:
            told.append(T("Needed for a seat: {n}", n=figure(count["quota"])))
        told += stage_lines(poll, count)
    elif poll.method == "schulze":
        options, matrix = list(count.get("options", [])), count.get("matrix", [])
        place = {one: at for at, one in enumerate(one for level in count.get("order", []) for one in level)}
        pairs = [
            (at, there)
            for at in range(len(options))
            for there in range(len(options))
            if place.get(options[at], 0) < place.get(options[there], 0)
        ]
        pairs.sort(key=lambda pair: (place[options[pair[0]]], place[options[pair[1]]]))
        told += [_pair(poll, options, matrix, at, there) for at, there in pairs]
        order = [_row([_name(poll, one) for one in level]) for level in count.get("order", [])]
        told.append(T("In order: {order}", order=_in_order(order)))
    else:
        told += _figures(poll, result, {})
    told += [tie_words(poll, count, one) for one in count.get("ties", [])]
    told += [_left_out(key, count[key]) for key in ("blank", "invalid") if count.get(key)]
    return told


def _left_out(key: str, n: int) -> Text:
    if key == "blank":
        return N("{n} ballot names nothing that stands.", "{n} ballots name nothing that stands.", n)
    return N(
        "{n} ballot begins with several on one rank, so it goes to nobody.",
        "{n} ballots begin with several on one rank, so they go to nobody.",
        n,
    )


def _in_order(items: Sequence[Text]) -> Text:
    row = items[0] if items else T("nobody")
    for item in items[1:]:
        row = T("{row} > {item}", row=row, item=item)
    return row


# --- as a picture --------------------------------------------------------------------------------------------------


def chart(poll: Poll, title: Text, reader: Reader) -> Chart:
    """The result as a picture; the words that go with it say the same."""

    def say(words: Text) -> str:
        return shown(words, reader)

    result = poll.result or {}
    count = result.get("count", {})
    if poll.method == "schulze":
        part: Bars | Flow = _pairs_part(poll, count, say)
    elif poll.method in IN_STAGES:
        part = _flow_part(poll, count, say)
    else:
        totals = result.get("totals", {})
        part = Bars(
            say(T("Points") if poll.method in ("score", "dots") else T("Votes")),
            tuple(
                Bar(say(option_words(poll, one)), totals[str(one.place)], str(totals[str(one.place)]))
                for one in poll.options
                if str(one.place) in totals
            ),
            None
            if poll.method in ("score", "dots")
            else max(1, result.get("voters") or max(totals.values(), default=1)),
        )
    return Chart(name=f"poll-{poll.number}.png", title=say(title), parts=(part,))


def _pairs_part(poll: Poll, count: Mapping[str, Any], say: Callable[[Text], str]) -> Bars:
    options, matrix = list(count["options"]), count["matrix"]
    if not count["winners"]:
        return Bars(say(T("Votes")), ())
    winner = count["winners"][0]
    at = options.index(winner)
    bars = [(matrix[at][there] - matrix[there][at], there) for there in range(len(options)) if there != at]
    return Bars(
        say(T("So many put {winner} before …", winner=_name(poll, winner))),
        tuple(
            Bar(say(_name(poll, options[there])), matrix[at][there], f"{matrix[at][there]} : {matrix[there][at]}")
            for _, there in sorted(bars)
        ),
        max(1, count["ballots"]),
    )


def _flow_part(poll: Poll, count: Mapping[str, Any], say: Callable[[Text], str]) -> Flow:
    stages = [one for one in count["stages"] if one["action"] != "remaining"]
    few = [one for one in stages if len(one["totals"]) - len(one["excluded"]) <= FLOWING_MAX] or stages[-1:]
    shown_ = sorted(
        {one for stage in few for one in stage["totals"] if one not in few[0]["excluded"]},
        key=lambda one: int(one),
    )
    made = []
    for stage in few:
        bars = [_flow_bar(poll, one, stage["totals"][one], say) for one in shown_]
        # What no decimals are kept of goes to nobody too.
        lost = Fraction(stage["exhausted"]) + Fraction(stage["residual"])
        bars.append(Bar(say(T("nobody")), int(lost * 1000), say(T("{n}", n=figure(stage["exhausted"])))))
        made.append(Stage(say(_stage_title(poll, stage)), tuple(bars)))
    return Flow(say(T("How it was counted")), tuple(made))


def _flow_bar(poll: Poll, one: str, value: int | str, say: Callable[[Text], str]) -> Bar:
    return Bar(say(_name(poll, one)), int(Fraction(value) * 1000), say(T("{n}", n=figure(value))))


def _stage_title(poll: Poll, stage: Mapping[str, Any]) -> Text:
    names = _names(poll, stage["options"])
    match stage["action"]:
        case "exclude":
            return T("{stage}. {names} out", stage=stage["number"], names=names)
        case "surplus":
            return T("{stage}. What {names} did not need goes on", stage=stage["number"], names=names)
        case _:
            return T("{stage}. First choices", stage=stage["number"])
