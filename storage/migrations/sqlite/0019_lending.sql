-- Things that members lend each other; what they are called is in the notes. days: for how many at most.
CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    member_id INTEGER NOT NULL REFERENCES members (id),
    days INTEGER NOT NULL CHECK (days BETWEEN 1 AND 365),
    listed INTEGER NOT NULL DEFAULT 1 CHECK (listed IN (0, 1)),
    at_us INTEGER NOT NULL,
    UNIQUE (committee_id, number)
) STRICT;

CREATE INDEX items_listed ON items (committee_id) WHERE listed = 1;
CREATE INDEX items_of_member ON items (member_id);

-- Somebody's wish for a thing, and what became of it. Days are whole days in the committee's zone, as ISO text.
-- wish_days, wish_first, wish_last: as it was asked for. first, last: the days that it has got; while it is out, `last`
-- is the day on which it is due back. longer, early: the other day that the borrower, or the owner, asks for.
CREATE TABLE loans (
    id INTEGER PRIMARY KEY,
    item_id INTEGER NOT NULL REFERENCES items (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'offered', 'asked', 'promised', 'out', 'back',
                                         'returned', 'declined', 'withdrawn', 'lapsed', 'lost')),
    wish_days INTEGER NOT NULL CHECK (wish_days > 0),
    wish_first TEXT,
    wish_last TEXT,
    first TEXT,
    last TEXT,
    longer TEXT,
    early TEXT,
    at_us INTEGER NOT NULL,
    since_us INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX loans_alive ON loans (item_id, member_id)
    WHERE state IN ('waiting', 'offered', 'asked', 'promised', 'out', 'back');
CREATE UNIQUE INDEX loans_out ON loans (item_id) WHERE state IN ('out', 'back');
CREATE INDEX loans_of_member ON loans (member_id, state);
CREATE INDEX loans_ended ON loans (since_us) WHERE state NOT IN ('waiting', 'offered', 'asked', 'promised', 'out', 'back');
