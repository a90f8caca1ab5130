-- Who takes part in the mutual insurance, beside the yes in the enrolments: the help, in minutes, that they get a month
-- when they cannot work. before: what it was until it was raised on that day. leaves: they go at the month's end.
-- missed: so many months running they could put in nothing.
CREATE TABLE insured (
    member_id INTEGER PRIMARY KEY REFERENCES members (id),
    level INTEGER NOT NULL CHECK (level > 0),
    before INTEGER NOT NULL CHECK (before > 0),
    raised TEXT,
    leaves INTEGER NOT NULL DEFAULT 0 CHECK (leaves IN (0, 1)),
    missed INTEGER NOT NULL DEFAULT 0 CHECK (missed >= 0)
) STRICT;

-- A time in which somebody cannot work. case_id: the first of those that belong together. before: days of the case
-- before this time; below zero: days that do not count yet. The waiting time and the longest as they were agreed then.
CREATE TABLE illnesses (
    id INTEGER PRIMARY KEY,
    member_id INTEGER NOT NULL REFERENCES members (id),
    case_id INTEGER REFERENCES illnesses (id),
    level INTEGER NOT NULL CHECK (level > 0),
    began TEXT NOT NULL,
    ended TEXT CHECK (ended >= began),
    before INTEGER NOT NULL,
    wait_months INTEGER NOT NULL CHECK (wait_months > 0),
    longest_months INTEGER NOT NULL CHECK (longest_months > 0),
    named INTEGER NOT NULL CHECK (named IN (0, 1))
) STRICT;

CREATE UNIQUE INDEX illnesses_open ON illnesses (member_id) WHERE ended IS NULL;
CREATE INDEX illnesses_of_member ON illnesses (member_id, id);

-- What somebody gave from their reserve for one case in one month: once.
CREATE TABLE insurance_gifts (
    case_id INTEGER NOT NULL REFERENCES illnesses (id),
    period TEXT NOT NULL,
    member_id INTEGER NOT NULL REFERENCES members (id),
    minutes INTEGER NOT NULL CHECK (minutes > 0),
    PRIMARY KEY (case_id, period, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX insurance_gifts_of_member ON insurance_gifts (member_id, period);
