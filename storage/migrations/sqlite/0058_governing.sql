-- Linked committees govern what links them: expelling, freezing, moving house; what visitors may see is a rule of each.

-- Which of the federation's wires is the one now: after a server was lost, a majority moves to the next.
ALTER TABLE federations ADD COLUMN epoch INTEGER NOT NULL DEFAULT 1 CHECK (epoch > 0);

-- This committee hears them again: lives later than this one have effects. NULL: it does not.
ALTER TABLE equivocations ADD COLUMN heard_life INTEGER;

-- A committee asks to expel another. hash: of the envelope that says so, which names who may vote. done_us: since when
-- nothing more follows from it here.
CREATE TABLE expulsions (
    id INTEGER PRIMARY KEY,
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    hash TEXT NOT NULL,
    accused TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    voters TEXT NOT NULL,
    sent_us INTEGER NOT NULL,
    done_us INTEGER,
    UNIQUE (federation_id, hash)
) STRICT;

-- What committees have said to it, also where it is not known yet.
CREATE TABLE expulsion_votes (
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    hash TEXT NOT NULL,
    author TEXT NOT NULL,
    yes INTEGER NOT NULL CHECK (yes IN (0, 1)),
    sent_us INTEGER NOT NULL,
    PRIMARY KEY (federation_id, hash, author, yes)
) STRICT, WITHOUT ROWID;

CREATE INDEX expulsion_votes_by ON expulsion_votes (federation_id, author, sent_us);

-- Committees that ask to freeze another.
CREATE TABLE freeze_calls (
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    accused TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    sent_us INTEGER NOT NULL,
    PRIMARY KEY (federation_id, accused, asked_by, sent_us)
) STRICT, WITHOUT ROWID;

-- Committees that want to move to a new wire, which the host's bot makes.
CREATE TABLE move_calls (
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    epoch INTEGER NOT NULL CHECK (epoch > 1),
    network TEXT NOT NULL,
    host TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    PRIMARY KEY (federation_id, epoch, network, host, asked_by)
) STRICT, WITHOUT ROWID;

-- Members who have asked to see what another committee opens to visitors, until the answer comes.
CREATE TABLE visits (
    token TEXT PRIMARY KEY,
    peer_id INTEGER NOT NULL REFERENCES peers (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX visits_of ON visits (member_id);
CREATE INDEX visits_old ON visits (at_us);
