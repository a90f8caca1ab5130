-- People, committees, what was seen, what is owed, and the first books.
-- Instants are microseconds since 1970 in UTC (columns ending in _us); amounts are minutes; flags are 0 or 1.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value ANY
) STRICT, WITHOUT ROWID;

INSERT INTO meta VALUES ('mend_tries', 0);

-- People and where they are ---------------------------------------------------------------------------------

CREATE TABLE persons (
    id INTEGER PRIMARY KEY,
    language TEXT,
    created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE chats (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL UNIQUE,
    private INTEGER NOT NULL CHECK (private IN (0, 1)),
    title TEXT NOT NULL DEFAULT '',
    topic TEXT,
    committee_id INTEGER REFERENCES committees (id),
    open INTEGER NOT NULL DEFAULT 1 CHECK (open IN (0, 1))
) STRICT;

CREATE INDEX chats_of_committee ON chats (committee_id) WHERE committee_id IS NOT NULL;

-- A person's accounts on the networks.
CREATE TABLE identities (
    user TEXT PRIMARY KEY,
    person_id INTEGER NOT NULL REFERENCES persons (id),
    name TEXT NOT NULL,
    username TEXT,
    username_key TEXT,
    language TEXT,
    private_chat_id INTEGER REFERENCES chats (id)
) STRICT, WITHOUT ROWID;

CREATE INDEX identities_of_person ON identities (person_id);
CREATE INDEX identities_by_username ON identities (username_key) WHERE username_key IS NOT NULL;

CREATE TABLE committees (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    zone TEXT NOT NULL,
    floor_minutes INTEGER CHECK (floor_minutes <= 0),
    created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE members (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    person_id INTEGER NOT NULL REFERENCES persons (id),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    first_key TEXT NOT NULL,
    nickname TEXT,
    nickname_key TEXT,
    active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    joined_us INTEGER NOT NULL,
    left_us INTEGER,
    UNIQUE (committee_id, person_id)
) STRICT;

CREATE INDEX members_of_person ON members (person_id);
-- Names are looked up by their case-folded forms (the _key columns): SQLite folds only ASCII.
CREATE INDEX members_by_name ON members (committee_id, name_key);
CREATE INDEX members_by_first_name ON members (committee_id, first_key);
CREATE INDEX members_by_nickname ON members (committee_id, nickname_key) WHERE nickname_key IS NOT NULL;

CREATE TABLE roles (
    id INTEGER PRIMARY KEY,
    member_id INTEGER NOT NULL REFERENCES members (id),
    role TEXT NOT NULL CHECK (role IN ('founder', 'organizer')),
    from_us INTEGER NOT NULL,
    until_us INTEGER
) STRICT;

CREATE UNIQUE INDEX roles_held ON roles (member_id, role) WHERE until_us IS NULL;

-- What the networks told, and what is owed to them ------------------------------------------------------------

-- Keys only, no words.
CREATE TABLE inbox (
    network TEXT NOT NULL,
    event TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (network, event)
) STRICT, WITHOUT ROWID;

CREATE INDEX inbox_by_age ON inbox (at_us);

CREATE TABLE positions (
    network TEXT PRIMARY KEY,
    position TEXT NOT NULL,
    at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `body` (words and buttons as JSON) is blanked when the message is delivered or given up.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    chat_id INTEGER NOT NULL REFERENCES chats (id),
    topic TEXT,
    lane INTEGER NOT NULL,
    about TEXT,
    body TEXT,
    reply_to TEXT,
    created_us INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'given_up')),
    message TEXT
) STRICT;

CREATE INDEX outbox_waiting ON outbox (id) WHERE state = 'waiting';

-- A card: which message shows which thing, how new it should be and how new it is.
CREATE TABLE cards (
    id INTEGER PRIMARY KEY,
    thing TEXT NOT NULL,
    chat_id INTEGER NOT NULL REFERENCES chats (id),
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    topic TEXT,
    lane INTEGER NOT NULL,
    reply_to TEXT,
    wanted INTEGER NOT NULL DEFAULT 1,
    sent INTEGER NOT NULL DEFAULT 0 CHECK (sent <= wanted),
    message TEXT,
    UNIQUE (thing, chat_id)
) STRICT;

CREATE INDEX cards_waiting ON cards (id) WHERE sent < wanted;

CREATE TABLE buttons (
    token TEXT PRIMARY KEY,
    command TEXT NOT NULL,
    version INTEGER NOT NULL,
    arguments TEXT NOT NULL,
    committee_id INTEGER REFERENCES committees (id),
    member_id INTEGER REFERENCES members (id),
    expires_us INTEGER NOT NULL,
    once INTEGER NOT NULL CHECK (once IN (0, 1)),
    question TEXT,
    used_us INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX buttons_by_age ON buttons (expires_us);
CREATE INDEX buttons_by_question ON buttons (question) WHERE question IS NOT NULL;
CREATE INDEX buttons_asked ON buttons (member_id) WHERE question IS NOT NULL;

-- Things that fall due: what the clock says, when (the local intent and the instant it means), and what a late start means.
CREATE TABLE due (
    key TEXT PRIMARY KEY,
    committee_id INTEGER REFERENCES committees (id),
    command TEXT NOT NULL,
    version INTEGER NOT NULL,
    arguments TEXT NOT NULL,
    local TEXT NOT NULL,
    zone TEXT NOT NULL,
    rrule TEXT,
    at_us INTEGER NOT NULL,
    late TEXT NOT NULL CHECK (late IN ('do', 'skip'))
) STRICT, WITHOUT ROWID;

CREATE INDEX due_next ON due (at_us);

-- What needs more than one person's word ----------------------------------------------------------------------

CREATE TABLE proposals (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    command TEXT NOT NULL,
    version INTEGER NOT NULL,
    arguments TEXT NOT NULL,
    proposer_id INTEGER NOT NULL REFERENCES members (id),
    rule TEXT NOT NULL CHECK (rule IN ('organizers', 'members', 'founder')),
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'passed', 'failed', 'lapsed', 'withdrawn')),
    outcome TEXT,
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    UNIQUE (committee_id, number)
) STRICT;

CREATE TABLE consents (
    proposal_id INTEGER NOT NULL REFERENCES proposals (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    at_us INTEGER NOT NULL,
    PRIMARY KEY (proposal_id, member_id)
) STRICT, WITHOUT ROWID;

-- The books -----------------------------------------------------------------------------------------------------

-- One chain of entries for each committee: transfers, decisions, changes of rules and roles. Words are not here,
-- only salted hashes of them.
CREATE TABLE entries (
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    kind TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL CHECK (length(hash) = 64),
    PRIMARY KEY (committee_id, number)
) STRICT, WITHOUT ROWID;

-- member_id NULL: the committee's own account.
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    member_id INTEGER UNIQUE REFERENCES members (id),
    balance INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX accounts_of_committee ON accounts (committee_id) WHERE member_id IS NULL;

-- Postings go in first and the transfer seals them: sealed, they must sum to zero, and nothing can be added.
CREATE TABLE transfers (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    recorder_id INTEGER NOT NULL REFERENCES members (id),
    reverses_id INTEGER UNIQUE REFERENCES transfers (id),
    at_us INTEGER NOT NULL,
    UNIQUE (committee_id, number),
    FOREIGN KEY (committee_id, entry) REFERENCES entries (committee_id, number)
) STRICT;

CREATE INDEX transfers_by_recorder ON transfers (recorder_id, id);

CREATE TABLE postings (
    transfer_id INTEGER NOT NULL REFERENCES transfers (id) DEFERRABLE INITIALLY DEFERRED,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    minutes INTEGER NOT NULL CHECK (minutes <> 0),
    PRIMARY KEY (transfer_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX postings_of_account ON postings (account_id, transfer_id);

-- Words that stand beside entries, and can be erased from under them.
CREATE TABLE notes (
    thing TEXT PRIMARY KEY,
    text TEXT,
    salt TEXT,
    CHECK ((text IS NULL) = (salt IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER transfers_sum_to_zero BEFORE INSERT ON transfers
WHEN (SELECT coalesce(sum(minutes), 1) FROM postings WHERE transfer_id = NEW.id) <> 0
BEGIN
    SELECT RAISE (ABORT, 'a transfer must sum to zero');
END;

CREATE TRIGGER postings_sealed BEFORE INSERT ON postings
WHEN EXISTS (SELECT 1 FROM transfers WHERE id = NEW.transfer_id)
BEGIN
    SELECT RAISE (ABORT, 'a transfer is sealed');
END;

CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
BEGIN
    SELECT RAISE (ABORT, 'entries never change');
END;

CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
BEGIN
    SELECT RAISE (ABORT, 'entries never go');
END;

CREATE TRIGGER transfers_never_change BEFORE UPDATE ON transfers
BEGIN
    SELECT RAISE (ABORT, 'transfers never change');
END;

CREATE TRIGGER transfers_never_go BEFORE DELETE ON transfers
BEGIN
    SELECT RAISE (ABORT, 'transfers never go');
END;

CREATE TRIGGER postings_never_change BEFORE UPDATE ON postings
BEGIN
    SELECT RAISE (ABORT, 'postings never change');
END;

CREATE TRIGGER postings_never_go BEFORE DELETE ON postings
BEGIN
    SELECT RAISE (ABORT, 'postings never go');
END;
