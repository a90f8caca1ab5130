-- Committees that are linked, each for itself: what one of them knows says nothing of another that this bot serves too.

-- A committee's own name among others: the hash of its root key (author). root: the seed of that key; NULL: it lies in a
-- drawer outside. life: which of its chains it speaks in; a new one where the database was put back from a copy.
CREATE TABLE peer_selves (
    committee_id INTEGER PRIMARY KEY REFERENCES committees (id),
    author TEXT NOT NULL UNIQUE,
    root BLOB,
    life INTEGER NOT NULL DEFAULT 0 CHECK (life >= 0)
) STRICT;

-- The keys of a committee's own that sign and open now and did before, with the root key's word for them (JSON). seed and
-- identity: the secret halves; NULL: destroyed, what was sealed to it can never be opened again.
CREATE TABLE peer_own_keys (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES peer_selves (committee_id),
    certificate TEXT NOT NULL,
    seed BLOB,
    identity TEXT,
    begins_us INTEGER NOT NULL,
    ends_us INTEGER NOT NULL CHECK (ends_us > begins_us)
) STRICT;

CREATE INDEX peer_own_keys_of ON peer_own_keys (committee_id, begins_us);

-- A federation that a committee is in, was in, or is coming into. uid: its name on the wire. place_id: the wire; NULL:
-- envelopes go by files only. lamport: the highest Lamport time seen.
CREATE TABLE federations (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    uid TEXT NOT NULL CHECK (length(uid) = 32),
    name TEXT NOT NULL,
    place_id INTEGER REFERENCES chats (id),
    state TEXT NOT NULL CHECK (state IN ('coming', 'in', 'left', 'expelled')),
    lamport INTEGER NOT NULL DEFAULT 0,
    since_us INTEGER NOT NULL,
    UNIQUE (committee_id, uid)
) STRICT;

CREATE INDEX federations_at ON federations (place_id) WHERE place_id IS NOT NULL;

-- The committees of a federation, as this one knows them; it is one of them itself. account: their bot's, on the network
-- of the wire. heard_us: when anything signed by them came in last; NULL: never yet. frozen_until_us: nothing of theirs
-- has an effect until then.
CREATE TABLE peers (
    id INTEGER PRIMARY KEY,
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    author TEXT NOT NULL CHECK (length(author) = 64),
    name TEXT NOT NULL,
    account TEXT,
    state TEXT NOT NULL CHECK (state IN ('coming', 'in', 'left', 'expelled')),
    since_us INTEGER NOT NULL,
    heard_us INTEGER,
    frozen_until_us INTEGER,
    UNIQUE (federation_id, author)
) STRICT;

-- Their keys, by the word of their root key (JSON), which was pinned when people had compared it.
CREATE TABLE peer_keys (
    id INTEGER PRIMARY KEY,
    peer_id INTEGER NOT NULL REFERENCES peers (id),
    certificate TEXT NOT NULL,
    begins_us INTEGER NOT NULL,
    UNIQUE (peer_id, certificate)
) STRICT;

-- How far this committee trusts another, by kind of what it says; kind '': all others. 0 blocked, 1 organizers only,
-- 2 shown, 3 pages once somebody here confirms, 4 pages at once.
CREATE TABLE peer_trust (
    peer_id INTEGER NOT NULL REFERENCES peers (id),
    kind TEXT NOT NULL,
    level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 4),
    PRIMARY KEY (peer_id, kind)
) STRICT, WITHOUT ROWID;

-- What came and is kept, sealed as it came, to be handed on to whoever lacks it. waits: until its time has come.
CREATE TABLE envelopes (
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    author TEXT NOT NULL,
    life INTEGER NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    hash TEXT NOT NULL,
    text TEXT NOT NULL,
    waits INTEGER NOT NULL CHECK (waits IN (0, 1)),
    sent_us INTEGER NOT NULL,
    PRIMARY KEY (federation_id, author, life, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX envelopes_waiting ON envelopes (federation_id) WHERE waits = 1;
CREATE INDEX envelopes_old ON envelopes (sent_us);

-- How far each chain was dealt with, without a gap.
CREATE TABLE chain_heads (
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    author TEXT NOT NULL,
    life INTEGER NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    hash TEXT NOT NULL,
    PRIMARY KEY (federation_id, author, life)
) STRICT, WITHOUT ROWID;

-- Proof that an author has said two things under one number: nothing of theirs has an effect until people have looked.
CREATE TABLE equivocations (
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    author TEXT NOT NULL,
    one TEXT NOT NULL,
    other TEXT,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (federation_id, author)
) STRICT, WITHOUT ROWID;

-- How much came that had no effect, by why and from whom (author '': nobody knows), and when people were told last.
CREATE TABLE quarantined (
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    fault TEXT NOT NULL,
    author TEXT NOT NULL,
    many INTEGER NOT NULL CHECK (many > 0),
    last_us INTEGER NOT NULL,
    told_us INTEGER,
    PRIMARY KEY (federation_id, fault, author)
) STRICT, WITHOUT ROWID;

-- What was handed over again lately, by its hash.
CREATE TABLE posted_again (
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    hash TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (federation_id, hash)
) STRICT, WITHOUT ROWID;
