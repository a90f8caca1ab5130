-- What people promise each other without hours: barters of two, and rings that the bot has found (no proposer_id).
-- Their words are in the notes, by promise. by_us: until when it shall be done. reminded: how often those who owe were.
CREATE TABLE barters (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    proposer_id INTEGER REFERENCES members (id),
    state TEXT NOT NULL
        CHECK (state IN ('asked', 'agreed', 'half', 'done', 'declined', 'lapsed', 'withdrawn', 'broken')),
    at_us INTEGER NOT NULL,
    by_us INTEGER,
    reminded INTEGER NOT NULL DEFAULT 0,
    UNIQUE (committee_id, number)
) STRICT;

CREATE INDEX barters_by_state ON barters (committee_id, state);

-- answer: the giver's, to the whole of it. settle_minutes, settle_by: hours in its place, and which of the two says so.
CREATE TABLE promises (
    id INTEGER PRIMARY KEY,
    barter_id INTEGER NOT NULL REFERENCES barters (id),
    giver_id INTEGER NOT NULL REFERENCES members (id),
    receiver_id INTEGER NOT NULL REFERENCES members (id),
    offer_id INTEGER REFERENCES posts (id),
    need_id INTEGER REFERENCES posts (id),
    answer TEXT CHECK (answer IN ('yes', 'no')),
    state TEXT NOT NULL CHECK (state IN ('open', 'given', 'received', 'settled', 'even')),
    settle_minutes INTEGER CHECK (settle_minutes > 0),
    settle_by INTEGER REFERENCES members (id)
) STRICT;

CREATE INDEX promises_of_barter ON promises (barter_id);
CREATE INDEX promises_of_giver ON promises (giver_id);
CREATE INDEX promises_of_receiver ON promises (receiver_id);
CREATE INDEX promises_of_need ON promises (need_id) WHERE need_id IS NOT NULL;
CREATE INDEX promises_of_offer ON promises (offer_id) WHERE offer_id IS NOT NULL;
