-- Nudges, quiet hours and digests.

-- How much somebody bears. Times are wall times, `21:00`; NULL: as everybody. `hours` '': at any hour.
CREATE TABLE wishes (
    person_id INTEGER PRIMARY KEY REFERENCES persons (id) ON DELETE CASCADE,
    budget INTEGER CHECK (budget BETWEEN 0 AND 5),
    until_us INTEGER,
    hours TEXT
) STRICT;

-- What is to be remembered by somebody, in private. `body` (words and buttons, as in the outbox) goes when it is sent;
-- then only the time stays, and which message it went in, for the budget. `key`: a later nudge with the same one takes its place.
CREATE TABLE nudges (
    id INTEGER PRIMARY KEY,
    member_id INTEGER NOT NULL REFERENCES members (id),
    key TEXT,
    body TEXT,
    created_us INTEGER NOT NULL,
    sent_us INTEGER,
    outbox_id INTEGER,
    CHECK ((body IS NULL) = (sent_us IS NOT NULL))
) STRICT;

CREATE INDEX nudges_of_member ON nudges (member_id, id);
CREATE INDEX nudges_by_key ON nudges (key) WHERE key IS NOT NULL;

-- What a committee's chat hears in the morning, for it came up by itself in the quiet hours.
CREATE TABLE held (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    chat_id INTEGER NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX held_of_committee ON held (committee_id, id);

-- One digest for each committee that wants one. `day` NULL: every day. `since_us`,
-- `since_entry`: what came before was told.
CREATE TABLE digests (
    committee_id INTEGER PRIMARY KEY REFERENCES committees (id),
    day TEXT,
    at TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    since_entry INTEGER NOT NULL
) STRICT;

-- What was answered in a group lately: whoever asks the same again is shown that. No words.
CREATE TABLE answers (
    chat_id INTEGER NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    says TEXT NOT NULL,
    entry INTEGER NOT NULL,
    outbox_id INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (chat_id, says)
) STRICT, WITHOUT ROWID;

-- 1: the committee has chosen another chat of this network for what the bot says by itself.
ALTER TABLE chats ADD COLUMN hushed INTEGER NOT NULL DEFAULT 0 CHECK (hushed IN (0, 1));
