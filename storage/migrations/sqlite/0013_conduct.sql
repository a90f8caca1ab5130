-- Suspending, excluding, appeals and care.

-- What is asked about somebody, and what came of it. The reason, the reply and the appeal are notes.
-- A suspension: asked, in_force, over. An exclusion: asked (by one member), heard (told, may reply), voting, in_force,
-- over (came back). Both: dropped.
CREATE TABLE cases (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('suspension', 'exclusion')),
    member_id INTEGER NOT NULL REFERENCES members (id),
    opener_id INTEGER NOT NULL REFERENCES members (id) CHECK (opener_id <> member_id),
    seconder_id INTEGER REFERENCES members (id) CHECK (seconder_id NOT IN (opener_id, member_id)),
    state TEXT NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'heard', 'voting', 'in_force', 'over', 'dropped')),
    majority INTEGER NOT NULL CHECK (majority IN (0, 1)),
    opened_us INTEGER NOT NULL,
    decided_us INTEGER,
    appealed_us INTEGER,
    UNIQUE (committee_id, number)
) STRICT;

CREATE INDEX cases_about ON cases (member_id);

-- Requests for care. The words are notes, and go after a time with all of it.
CREATE TABLE care (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    writer_id INTEGER NOT NULL REFERENCES members (id),
    taker_id INTEGER REFERENCES members (id),
    -- JSON: the ids of whoever wrote it and of all whom the words named then. They are never asked.
    never TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    UNIQUE (committee_id, number)
) STRICT;

CREATE INDEX care_by_age ON care (at_us);

-- Who was asked, and whether they said that they cannot.
CREATE TABLE care_asked (
    care_id INTEGER NOT NULL REFERENCES care (id) ON DELETE CASCADE,
    member_id INTEGER NOT NULL REFERENCES members (id),
    at_us INTEGER NOT NULL,
    passed INTEGER NOT NULL DEFAULT 0 CHECK (passed IN (0, 1)),
    PRIMARY KEY (care_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX care_asked_of ON care_asked (member_id);
