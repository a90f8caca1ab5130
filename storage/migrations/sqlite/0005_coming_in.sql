-- How somebody comes in: who brought them, who vouched, what they agreed to; and a card that stands at the top of a chat.

-- How many people are in a group, without the bot, as the network last told it. NULL: it did not.
ALTER TABLE chats ADD COLUMN size INTEGER CHECK (size >= 0);

-- 1: the message is to be pinned when it is first sent. 2: it was to be, and the bot had no right to.
ALTER TABLE cards ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1, 2));

-- Which member added somebody to a group of the committee, as the network told it.
CREATE TABLE brought (
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    person_id INTEGER NOT NULL REFERENCES persons (id),
    by_id INTEGER NOT NULL REFERENCES members (id),
    PRIMARY KEY (committee_id, person_id)
) STRICT, WITHOUT ROWID;

-- Who would like to join and waits for a member to vouch for them. `member_id`: a membership that is not active yet.
CREATE TABLE admissions (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    member_id INTEGER NOT NULL REFERENCES members (id),
    vouched_by INTEGER REFERENCES members (id),
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'admitted', 'lapsed')),
    expires_us INTEGER NOT NULL,
    UNIQUE (committee_id, number),
    CHECK (vouched_by IS NULL OR vouched_by <> member_id)
) STRICT;

CREATE UNIQUE INDEX admissions_open ON admissions (member_id) WHERE state = 'open';
CREATE INDEX admissions_waiting ON admissions (committee_id) WHERE state = 'open';

-- What everybody who joins agrees to. The words stand in `notes`. The last one holds, unless it has ended.
CREATE TABLE agreements (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    ended_us INTEGER,
    UNIQUE (committee_id, number)
) STRICT;

CREATE UNIQUE INDEX agreements_in_force ON agreements (committee_id) WHERE ended_us IS NULL;

CREATE TABLE agreed (
    agreement_id INTEGER NOT NULL REFERENCES agreements (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    at_us INTEGER NOT NULL,
    PRIMARY KEY (agreement_id, member_id)
) STRICT, WITHOUT ROWID;
