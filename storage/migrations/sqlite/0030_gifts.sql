-- Something, or help, that somebody gave and nobody counts in hours; what it was is in the notes. minutes: how long it
-- took, as whoever told it said: nobody but the whole group is told a sum of it.
CREATE TABLE gifts (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    recorder_id INTEGER NOT NULL REFERENCES members (id),
    minutes INTEGER CHECK (minutes > 0),
    at_us INTEGER NOT NULL,
    undone_us INTEGER,
    UNIQUE (committee_id, number)
) STRICT;

CREATE INDEX gifts_in_time ON gifts (committee_id, at_us);
CREATE INDEX gifts_of_recorder ON gifts (recorder_id, id);

-- Who gave it, and who got it; nobody got it: it was for all.
CREATE TABLE gift_people (
    gift_id INTEGER NOT NULL REFERENCES gifts (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    side TEXT NOT NULL CHECK (side IN ('gave', 'got')),
    PRIMARY KEY (gift_id, member_id, side)
) STRICT, WITHOUT ROWID;

CREATE INDEX gift_people_of_member ON gift_people (member_id, gift_id);

-- Hours of those who pool what they earn: the fund has gained them, so they stand on no account of theirs. account_id:
-- their own. What was taken back counts for nothing.
CREATE TABLE pooled (
    transfer_id INTEGER NOT NULL REFERENCES transfers (id),
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    minutes INTEGER NOT NULL CHECK (minutes > 0),
    PRIMARY KEY (transfer_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX pooled_of_account ON pooled (account_id, transfer_id);

-- What holds for one who pools. relief: how much less work is theirs, in basis points; extra: how much more they get a
-- month; leave: what they worked beyond their quota in months that are closed. Minutes.
CREATE TABLE pooling (
    member_id INTEGER PRIMARY KEY REFERENCES members (id),
    relief INTEGER NOT NULL DEFAULT 0 CHECK (relief BETWEEN 0 AND 10000),
    extra INTEGER NOT NULL DEFAULT 0 CHECK (extra >= 0),
    leave INTEGER NOT NULL DEFAULT 0 CHECK (leave >= 0)
) STRICT;

-- When somebody was in it who is not any more, so that they get their part of that month. Since when those are in it who
-- are: enrolments.
CREATE TABLE pooling_before (
    member_id INTEGER NOT NULL REFERENCES members (id),
    from_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL CHECK (until_us >= from_us),
    PRIMARY KEY (member_id, from_us)
) STRICT, WITHOUT ROWID;

-- What a closed month was for each who pooled in it. Minutes; quota NULL: the committee had none.
CREATE TABLE pooling_months (
    member_id INTEGER NOT NULL REFERENCES members (id),
    period TEXT NOT NULL,
    due INTEGER NOT NULL CHECK (due >= 0),
    paid INTEGER NOT NULL CHECK (paid BETWEEN 0 AND due),
    done INTEGER NOT NULL CHECK (done >= 0),
    quota INTEGER CHECK (quota >= 0),
    leave INTEGER NOT NULL CHECK (leave >= 0),
    short INTEGER NOT NULL CHECK (short >= 0),
    PRIMARY KEY (member_id, period)
) STRICT, WITHOUT ROWID;
