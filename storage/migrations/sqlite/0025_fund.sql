-- What somebody asks the common fund for. Why is in the notes until it is decided. urgent: paid at once, and ratified
-- afterwards. given: what it got so far, in minutes. teller_id: whoever told it; helper_id: whoever was paid for it.
CREATE TABLE fund_needs (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    member_id INTEGER NOT NULL REFERENCES members (id),
    teller_id INTEGER NOT NULL REFERENCES members (id),
    helper_id INTEGER REFERENCES members (id),
    urgent INTEGER NOT NULL CHECK (urgent IN (0, 1)),
    class INTEGER NOT NULL CHECK (class BETWEEN 1 AND 3),
    minutes INTEGER NOT NULL CHECK (minutes > 0),
    given INTEGER NOT NULL DEFAULT 0 CHECK (given BETWEEN 0 AND minutes),
    rounds INTEGER NOT NULL DEFAULT 0 CHECK (rounds >= 0),
    state TEXT NOT NULL CHECK (state IN ('open', 'met', 'over', 'withdrawn', 'paid', 'ratified', 'unratified')),
    at_us INTEGER NOT NULL,
    ended_us INTEGER,
    UNIQUE (committee_id, number),
    CHECK ((state IN ('open', 'paid')) = (ended_us IS NULL))
) STRICT;

-- Asking for one thing in several parts would get more where there is not enough for all.
CREATE UNIQUE INDEX fund_needs_open ON fund_needs (member_id) WHERE state = 'open';
CREATE INDEX fund_needs_of_member ON fund_needs (member_id, at_us);
CREATE INDEX fund_needs_ended ON fund_needs (ended_us) WHERE ended_us IS NOT NULL;

-- Who was asked to read why. opened_us: they were shown it; seen_us: they said that they have read it.
CREATE TABLE fund_readers (
    need_id INTEGER NOT NULL REFERENCES fund_needs (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    asked_us INTEGER NOT NULL,
    opened_us INTEGER,
    seen_us INTEGER,
    passed INTEGER NOT NULL DEFAULT 0 CHECK (passed IN (0, 1)),
    PRIMARY KEY (need_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX fund_readers_of_member ON fund_readers (member_id);

-- Each time that the fund was shared out among needs, in figures alone. month: which one it counts for, as 2026-11.
CREATE TABLE fund_rounds (
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    month TEXT NOT NULL,
    needs INTEGER NOT NULL CHECK (needs > 0),
    asked INTEGER NOT NULL CHECK (asked > 0),
    given INTEGER NOT NULL CHECK (given BETWEEN 0 AND asked),
    at_us INTEGER NOT NULL,
    PRIMARY KEY (committee_id, number)
) STRICT, WITHOUT ROWID;

-- Who gives the fund how much at each month's end.
CREATE TABLE contributions (
    member_id INTEGER PRIMARY KEY REFERENCES members (id),
    minutes INTEGER NOT NULL CHECK (minutes > 0),
    since_us INTEGER NOT NULL
) STRICT;
