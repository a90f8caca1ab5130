-- How committees come to be linked: an invitation that is typed elsewhere, words that people compare, and what each
-- side has decided. Each committee has a row of its own, also where both are at one bot.

-- side: sponsor (it has invited, and is in the federation) or newcomer. code: what messages at the door call it, a hash of
-- the one-time code. secret: what proves that somebody has the code; NULL: it has been used. author, certificate, name,
-- account: the other committee's, NULL until it has said so. ours, theirs: how far each of the two has come. state: offered
-- (the code waits), asked (an answer is waited for), open, admitting (the others in the federation decide), linked, ended.
CREATE TABLE links (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    federation_id INTEGER REFERENCES federations (id),
    side TEXT NOT NULL CHECK (side IN ('sponsor', 'newcomer')),
    code TEXT NOT NULL CHECK (length(code) = 64),
    secret BLOB,
    network TEXT NOT NULL,
    account TEXT,
    author TEXT CHECK (length(author) = 64),
    certificate TEXT,
    name TEXT,
    ours TEXT NOT NULL DEFAULT 'comparing' CHECK (ours IN ('comparing', 'deciding', 'yes')),
    theirs TEXT NOT NULL DEFAULT 'comparing' CHECK (theirs IN ('comparing', 'deciding', 'yes')),
    state TEXT NOT NULL CHECK (state IN ('offered', 'asked', 'open', 'admitting', 'linked', 'ended')),
    why TEXT CHECK (why IN ('differ', 'no', 'late', 'withdrawn', 'others')),
    by_them INTEGER NOT NULL DEFAULT 0 CHECK (by_them IN (0, 1)),
    ends_us INTEGER NOT NULL,
    CHECK ((state = 'ended') = (why IS NOT NULL)),
    UNIQUE (committee_id, code)
) STRICT;

CREATE INDEX links_called ON links (code);
CREATE INDEX links_running ON links (committee_id) WHERE state NOT IN ('linked', 'ended');

-- A committee that one of a federation would bring in, and the others decide on. uid: the hash of the envelope that said so.
-- voters: the committees in it at that time (JSON, authors). began_us: by the sponsor's clock, as signed. closing: what the
-- sponsor has counted in the end (JSON); NULL: it is open. void: the sponsor did not keep to the rule.
CREATE TABLE peer_admissions (
    id INTEGER PRIMARY KEY,
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    uid TEXT NOT NULL CHECK (length(uid) = 64),
    sponsor TEXT NOT NULL,
    author TEXT NOT NULL CHECK (length(author) = 64),
    certificate TEXT NOT NULL,
    name TEXT NOT NULL,
    account TEXT,
    voters TEXT NOT NULL,
    began_us INTEGER NOT NULL,
    closing TEXT,
    state TEXT NOT NULL CHECK (state IN ('open', 'in', 'out', 'void')),
    UNIQUE (federation_id, uid)
) STRICT;

-- What the committees have said to it, the first word of each. It may come in before what it speaks of.
CREATE TABLE peer_admission_votes (
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    uid TEXT NOT NULL,
    author TEXT NOT NULL,
    yes INTEGER NOT NULL CHECK (yes IN (0, 1)),
    at INTEGER NOT NULL,
    PRIMARY KEY (federation_id, uid, author)
) STRICT, WITHOUT ROWID;

-- How far each committee has told that its own chain goes: what is missing from whom.
CREATE TABLE chain_ends (
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    author TEXT NOT NULL,
    life INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (federation_id, author)
) STRICT, WITHOUT ROWID;

-- Whom another committee has brought in lately: what they say is shown to the organizers first.
ALTER TABLE peers ADD COLUMN new INTEGER NOT NULL DEFAULT 0 CHECK (new IN (0, 1));
