"""How long each kind of thing is kept: the one table that /privacy shows and the purge goes by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot.text import N, T, Text, Typed

EVENTS = timedelta(days=30)
"""Keys of what networks told, without words: longer than any network brings something again."""
SENT = timedelta(hours=48)
"""Keys of messages that were sent; their words go when they are delivered."""
BUTTONS = timedelta(days=90)
"""Buttons that name no end work so long, and are forgotten after as long again."""
CODES = timedelta(days=7)
"""Codes that were used or ran out."""
OUTCOMES = timedelta(days=365)
"""Why a proposal could not be carried out, in words."""
DEPARTED = timedelta(days=365)
"""The name and the accounts of somebody who has left every committee; then a pseudonym stands for them."""
CARE = timedelta(days=90)
"""Requests for care, with their words and who was asked."""
LOANS = timedelta(days=90)
"""Who borrowed what, after it is back; and what a thing was called that is not lent any more."""
BOOKINGS = timedelta(days=90)
"""Who booked what, after its time; and who took or brought what of the stock."""
NEEDS = timedelta(days=90)
"""Who asked the common fund for what, after it is decided. Why is forgotten at once."""
ILLNESS = timedelta(days=90)
"""When somebody could not work, after it is over: being ill again soon goes on with it."""
POOL = timedelta(days=365)
"""What a household put into the income pool and got from it."""
BALLOTS = timedelta(days=31)
"""How hard the work of others was, as somebody sees it: until the month is closed."""
ORDERS = timedelta(days=90)
"""Who took how many of an order, and what was noted as paid, after it is settled; with its words."""
SHIFTS = timedelta(days=366)
"""Who was on which shift of the rota, with what they told the next crew: as far back as a rota may look."""
ASKED = timedelta(days=30)
"""Who was asked for a seat of the rota or for a swap, and what each said, after it is over."""
TURNS = timedelta(days=365)
"""Whose turn it was to fetch an order: so that turns go round fairly."""
ABSENCES = timedelta(days=180)
"""When somebody was away, after they are back: so long a rota may look behind, and being away makes no debt."""
ROTA_PLANS = timedelta(days=100)
"""What the last plan of a rota was made from: as long as it is in force, at most so long."""
UNDERSTUDIES = timedelta(days=90)
"""Who was asked to learn a task beside whom, and what they said."""
REACHED = timedelta(days=30)
"""Whom an alert had reached, who was called by whom, and whose number was shown, after it is over."""
PLACES = timedelta(days=30)
"""Who was shown where an alert is, or named for it, after it is over. Where that was is deleted then at once."""
ALERTS = timedelta(days=30)
"""What was said and done in an alert, after it is over, where the committee has set nothing. Then figures stay."""
ALERTS_MAX = timedelta(days=90)
"""No committee keeps it for longer."""
PAUSES = timedelta(days=30)
"""Whose rights rested because they were reported to be arrested, and who reported it, after it is over."""
UPGRADE_COPIES = timedelta(days=7)
"""The copy of the database that an upgrade leaves behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of thing that is kept about somebody. `kept`: how long at most; None: as long as the committee's books."""

    what: Text
    seen_by: Text
    kept: timedelta | None
    since: Text | None = None
    """From when the time runs; None: from when it came to be."""

    @property
    def until(self) -> Text:
        """How long, in words."""
        if self.kept is None:
            return T("as long as the committee's books")
        hours = self.kept // timedelta(hours=1)
        if hours <= 72:
            time = N("{n} hour", "{n} hours", hours)
        elif self.kept.days % 365 == 0:
            time = N("{n} month", "{n} months", 12 * (self.kept.days // 365))
        else:
            time = N("{n} day", "{n} days", self.kept.days)
        return time if self.since is None else T("{time} {since}", time=time, since=self.since)


KINDS = (
    Kind(
        what=T("Name and nickname"),
        seen_by=T("your committee, as you choose with {command}", command=Typed("/shown")),
        kept=DEPARTED,
        since=T("after you leave"),
    ),
    Kind(
        what=T("Accounts, username, language"),
        seen_by=T("only the bot; the username also where two people have one name"),
        kept=DEPARTED,
        since=T("after you leave"),
    ),
    Kind(what=T("Memberships, roles, decisions, with dates"), seen_by=T("your committee"), kept=None),
    Kind(what=T("Exchanges"), seen_by=T("your committee; your balance only you"), kept=None),
    Kind(what=T("Notes of exchanges"), seen_by=T("the two of you, until one erases them"), kept=None),
    Kind(
        what=T("Why somebody was suspended or excluded, and what they said to it"),
        seen_by=T("whoever decides, until one of you is forgotten"),
        kept=None,
    ),
    Kind(what=T("Requests for care"), seen_by=T("whom I asked to see to it"), kept=CARE),
    Kind(
        what=T("Who borrowed what"),
        seen_by=T("your committee while it is out and in time, else the two of you"),
        kept=LOANS,
        since=T("after it is back"),
    ),
    Kind(
        what=T("Who booked what, and who took or brought what of the stock"),
        seen_by=T("your committee"),
        kept=BOOKINGS,
        since=T("after its time"),
    ),
    Kind(
        what=T("What you ask the common fund for"),
        seen_by=T("two people who read the reason, which is deleted with the decision"),
        kept=NEEDS,
        since=T("after it is decided"),
    ),
    Kind(
        what=T("When you could not work, for the mutual insurance"),
        seen_by=T("only you; those who give hear your name if you wish it"),
        kept=ILLNESS,
        since=T("after it is over"),
    ),
    Kind(what=T("What you put into the income pool, and got from it"), seen_by=T("only you"), kept=POOL),
    Kind(
        what=T("Gifts"),
        seen_by=T("your committee; how often you gave, unless you hide it ({hide})", hide=Typed("/gifts hide")),
        kept=None,
    ),
    Kind(
        what=T("Pooling: what you have worked and got in a month"),
        seen_by=T("only you; relief also the care role"),
        kept=POOL,
    ),
    Kind(
        what=T("How many you took of an order, and what is noted as paid"),
        seen_by=T("you, whoever looks after the order, and those who fetch it"),
        kept=ORDERS,
        since=T("after it is settled"),
    ),
    Kind(what=T("Whose turn it was to fetch an order"), seen_by=T("your committee"), kept=TURNS),
    Kind(what=T("Which shifts you had"), seen_by=T("your committee"), kept=SHIFTS, since=T("after the shift")),
    Kind(
        what=T("Whether you were asked for a shift or a swap, and what you said"),
        seen_by=T("only you; a swap also those who swap"),
        kept=ASKED,
        since=T("after it is over"),
    ),
    Kind(
        what=T("Earlier work, from a table that an organizer sent"),
        seen_by=T("you; your committee only sums"),
        kept=SHIFTS,
    ),
    Kind(what=T("How hard you say a task is"), seen_by=T("nobody; only the middle of all answers"), kept=None),
    Kind(
        what=T("Your hours, times and wishes for the rota, and with whom not"),
        seen_by=T("only you"),
        kept=DEPARTED,
        since=T("after you leave"),
    ),
    Kind(what=T("When you are away"), seen_by=T("only you"), kept=ABSENCES, since=T("after you are back")),
    Kind(
        what=T("What of you the last plan of the rota was made from"),
        seen_by=T("only the bot"),
        kept=ROTA_PLANS,
        since=T("after it was made"),
    ),
    Kind(what=T("Skills that you have"), seen_by=T("your committee"), kept=DEPARTED, since=T("after you leave")),
    Kind(
        what=T("Which tasks you were asked to learn"),
        seen_by=T("only you; a yes also whoever you learn it beside"),
        kept=UNDERSTUDIES,
        since=T("at most"),
    ),
    Kind(
        what=T("Alerts: what was said in them, who came, how it went"),
        seen_by=T("your committee what was said; who came and how it went only as figures"),
        kept=ALERTS_MAX,
        since=T("at most"),
    ),
    Kind(
        what=T("That your account rested, and who asked for it"),
        seen_by=T("you only that it did; the organizers and the legal role while it does"),
        kept=PAUSES,
        since=T("after it is over"),
    ),
    Kind(
        what=T("Your buddies"),
        seen_by=T("only you, and each of them"),
        kept=DEPARTED,
        since=T("at most"),
    ),
    Kind(what=T("What you say of others' effort"), seen_by=T("nobody"), kept=BALLOTS, since=T("at most")),
    Kind(
        what=T("Your phone number"),
        seen_by=T("whom you choose, one at a time, to call you in an alert"),
        kept=SENT,
        since=T("at most after you delete it or leave"),
    ),
    Kind(
        what=T("Whether an alert has reached you, and who was shown your number"),
        seen_by=T("those who call in the alert; you are told who was shown your number"),
        kept=REACHED,
        since=T("after it is over"),
    ),
    Kind(
        what=T("When you were shown where an alert is; where that was is deleted when it is over"),
        seen_by=T("you, whoever raised it, and the organizers"),
        kept=PLACES,
        since=T("after the alert is over"),
    ),
    Kind(what=T("Messages for you that wait"), seen_by=T("only you"), kept=SENT, since=T("at most")),
    Kind(what=T("Buttons, codes, keys of messages"), seen_by=T("only the bot"), kept=2 * BUTTONS, since=T("at most")),
)
"""What /privacy lists, in this order."""
