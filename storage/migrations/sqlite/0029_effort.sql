-- Kinds of tasks and how hard they are: of the committee's own making, with a note as its name, or one of the kinds of
-- help on the board (`category`). One that was taken away is kept for what was done of it.
CREATE TABLE task_kinds (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    category TEXT,
    class TEXT NOT NULL CHECK (class IN ('pleasant', 'moderate', 'unpleasant')),
    listed INTEGER NOT NULL DEFAULT 1 CHECK (listed IN (0, 1)),
    UNIQUE (committee_id, category)
) STRICT;

-- Exchanges that were recorded while hours counted by effort: the kind of task that it was, and the class that this had
-- when it was said; none: an hour is an hour. `said`: whether anybody has said it, or that it was of none. `weighed`:
-- whether it is in what two accounts have done for each other (`helped`).
CREATE TABLE efforts (
    transfer_id INTEGER PRIMARY KEY REFERENCES transfers (id),
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    kind_id INTEGER REFERENCES task_kinds (id),
    class TEXT NOT NULL DEFAULT 'moderate' CHECK (class IN ('pleasant', 'moderate', 'unpleasant')),
    said INTEGER NOT NULL CHECK (said IN (0, 1)),
    weighed INTEGER NOT NULL DEFAULT 0 CHECK (weighed IN (0, 1)),
    at_us INTEGER NOT NULL
) STRICT;

CREATE INDEX efforts_of_committee ON efforts (committee_id, at_us);

-- How much more one account has done for another than the other way round, in minutes, while hours counted by effort:
-- now, and the most and the least that it has ever been at a month's end. What goes back and forth is not weighed anew.
CREATE TABLE helped (
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    one_id INTEGER NOT NULL REFERENCES accounts (id),
    other_id INTEGER NOT NULL REFERENCES accounts (id),
    net INTEGER NOT NULL,
    high INTEGER NOT NULL CHECK (high >= net AND high >= 0),
    low INTEGER NOT NULL CHECK (low <= net AND low <= 0),
    CHECK (one_id < other_id),
    PRIMARY KEY (one_id, other_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX helped_other ON helped (other_id);

-- What a month came to for each account, in minutes, and whether its owner was told.
CREATE TABLE weighed (
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    period TEXT NOT NULL,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    minutes INTEGER NOT NULL,
    even INTEGER NOT NULL,
    pleasant INTEGER NOT NULL,
    unpleasant INTEGER NOT NULL,
    quoted INTEGER NOT NULL,
    change INTEGER NOT NULL,
    rated INTEGER NOT NULL CHECK (rated IN (0, 1)),
    told INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),
    PRIMARY KEY (committee_id, period, account_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX weighed_of_account ON weighed (account_id);

-- Hidden ballots: who says how hard somebody's part in a kind of task was, this month. `level` NULL: they cannot say.
-- All of a month's go when it is closed.
CREATE TABLE ballots (
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    period TEXT NOT NULL,
    kind_id INTEGER NOT NULL REFERENCES task_kinds (id),
    rater_id INTEGER NOT NULL REFERENCES members (id),
    member_id INTEGER NOT NULL REFERENCES members (id) CHECK (member_id <> rater_id),
    level INTEGER CHECK (level IN (900, 1000, 1100)),
    PRIMARY KEY (committee_id, period, kind_id, rater_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX ballots_by_rater ON ballots (rater_id);
CREATE INDEX ballots_about ON ballots (member_id);

-- What came of them, in thousandths of the usual effort: told to those who take part.
CREATE TABLE rated (
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    period TEXT NOT NULL,
    kind_id INTEGER NOT NULL REFERENCES task_kinds (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    intensity INTEGER NOT NULL,
    PRIMARY KEY (committee_id, period, kind_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX rated_about ON rated (member_id);
