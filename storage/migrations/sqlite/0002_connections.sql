-- One committee in several groups, one person with several accounts.

-- Names and the first parts of usernames such as `ana:example.org`, case-folded, to find people by.
ALTER TABLE identities ADD COLUMN name_key TEXT;
ALTER TABLE identities ADD COLUMN first_key TEXT;
ALTER TABLE identities ADD COLUMN local_key TEXT;

CREATE INDEX identities_by_name ON identities (name_key) WHERE name_key IS NOT NULL;
CREATE INDEX identities_by_first_name ON identities (first_key) WHERE first_key IS NOT NULL;
CREATE INDEX identities_by_local_name ON identities (local_key) WHERE local_key IS NOT NULL;

-- One-time codes: a committee's, made by one of its members, or an account's own. Only their digests are kept.
-- `asked_user`: the account that was asked whether it belongs to the same person; `taken_user`: the one that said yes.
-- Then, to take it back: the `accounts` of whoever made the code, and the `members` that the other came with (JSON).
-- An id is never used again: the code comes from it.
CREATE TABLE codes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,
    committee_id INTEGER REFERENCES committees (id),
    member_id INTEGER REFERENCES members (id),
    user TEXT REFERENCES identities (user),
    expires_us INTEGER NOT NULL,
    asked_user TEXT REFERENCES identities (user),
    taken_user TEXT REFERENCES identities (user),
    accounts TEXT,
    members TEXT,
    used_us INTEGER,
    CHECK ((committee_id IS NULL) = (member_id IS NULL)),
    CHECK ((committee_id IS NULL) <> (user IS NULL))
) STRICT;

CREATE UNIQUE INDEX codes_of_committee ON codes (committee_id) WHERE used_us IS NULL;
CREATE UNIQUE INDEX codes_of_account ON codes (user) WHERE used_us IS NULL;

-- Wrong codes, by the account that tried them.
CREATE TABLE guesses (
    id INTEGER PRIMARY KEY,
    user TEXT NOT NULL,
    at_us INTEGER NOT NULL
) STRICT;

CREATE INDEX guesses_of_account ON guesses (user, at_us);

-- A membership that went into another one, when two accounts turned out to be one person. `into_id` is always the
-- membership as it is now. `transfer_id`: what carried the hours over; NULL: there were none.
CREATE TABLE absorbed (
    member_id INTEGER PRIMARY KEY REFERENCES members (id),
    into_id INTEGER NOT NULL REFERENCES members (id),
    transfer_id INTEGER UNIQUE REFERENCES transfers (id),
    at_us INTEGER NOT NULL,
    CHECK (member_id <> into_id)
) STRICT;

CREATE INDEX absorbed_into ON absorbed (into_id);
