-- What a committee calls its own categories is in the notes; those that everybody begins with have no row.
CREATE TABLE categories (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id)
) STRICT;

-- Offers and needs; their words are in the notes. category: one of those that everybody begins with, or `own:` and an id.
-- shown_last: the number of the digest that showed it last, 0: none did; shown_running: in how many running.
CREATE TABLE posts (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    member_id INTEGER NOT NULL REFERENCES members (id),
    side TEXT NOT NULL CHECK (side IN ('offer', 'need')),
    category TEXT NOT NULL,
    helpers INTEGER NOT NULL CHECK (helpers > 0),
    state TEXT NOT NULL CHECK (state IN ('open', 'done', 'expired', 'withdrawn')),
    at_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    shown_last INTEGER NOT NULL DEFAULT 0,
    shown_running INTEGER NOT NULL DEFAULT 0,
    shown_times INTEGER NOT NULL DEFAULT 0,
    UNIQUE (committee_id, number)
) STRICT;

CREATE INDEX posts_open ON posts (committee_id, expires_us) WHERE state = 'open';
CREATE INDEX posts_of_member ON posts (member_id, state);

-- Who can help with a need, or would like what is offered.
CREATE TABLE responses (
    post_id INTEGER NOT NULL REFERENCES posts (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    state TEXT NOT NULL CHECK (state IN ('open', 'done', 'withdrawn')),
    at_us INTEGER NOT NULL,
    PRIMARY KEY (post_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX responses_of_member ON responses (member_id, state);
