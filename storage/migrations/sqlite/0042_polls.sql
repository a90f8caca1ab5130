-- Polls. process: by which one it is held (bot/processes/*.toml); rule: what that said, and what the line changed of it,
-- as it was when the poll was made: it decides, whatever the files say later. method: how ballots are counted. secrecy:
-- open: names are shown; hidden: from members, not from whoever runs the bot; external: voted elsewhere.
-- state: draft, planned (opens_us), queued (too many are open), open, counting, closed, withdrawn, moved (an amended one,
-- a later round, goes on in its place: earlier_id is there). closes_us: by the network's own time; extended: it was
-- extended once, for want of a quorum. roll_hash, commitment: shown from the opening on; seed: what ties are decided with,
-- told only at the end. command, version, arguments: what is said in the committee's name if it passes.
-- result: what the count came to; verdict: what that means.
CREATE TABLE polls (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    process TEXT NOT NULL,
    method TEXT NOT NULL,
    rule TEXT NOT NULL,
    secrecy TEXT NOT NULL CHECK (secrecy IN ('open', 'hidden', 'external')),
    state TEXT NOT NULL CHECK
        (state IN ('draft', 'planned', 'queued', 'open', 'counting', 'closed', 'withdrawn', 'moved')),
    maker_id INTEGER REFERENCES members (id),
    made_us INTEGER NOT NULL,
    opens_us INTEGER,
    opened_us INTEGER,
    closes_us INTEGER,
    closed_us INTEGER,
    extended INTEGER NOT NULL DEFAULT 0 CHECK (extended IN (0, 1)),
    reminded INTEGER NOT NULL DEFAULT 0 CHECK (reminded BETWEEN 0 AND 2),
    roll_hash TEXT,
    active INTEGER,
    commitment TEXT,
    seed TEXT,
    command TEXT,
    version INTEGER,
    arguments TEXT,
    earlier_id INTEGER REFERENCES polls (id),
    round INTEGER NOT NULL DEFAULT 1,
    verdict TEXT CHECK (verdict IN ('passed', 'failed', 'decided', 'tied', 'told', 'no_quorum', 'too_few', 'not_done')),
    result TEXT,
    UNIQUE (committee_id, number)
) STRICT;

CREATE INDEX polls_open ON polls (committee_id, state);

-- What can be chosen. place: its number in the poll, from 1, which ballots name; key: what the process calls it (yes,
-- no, object ...), NULL: only its own words (note option:ID). withdrawn_us: nobody can choose it since then; never deleted.
CREATE TABLE poll_options (
    id INTEGER PRIMARY KEY,
    poll_id INTEGER NOT NULL REFERENCES polls (id),
    place INTEGER NOT NULL,
    key TEXT,
    withdrawn_us INTEGER,
    UNIQUE (poll_id, place)
) STRICT;

-- Who may vote: frozen when the poll opens. reminded: how often.
CREATE TABLE poll_roll (
    poll_id INTEGER NOT NULL REFERENCES polls (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    PRIMARY KEY (poll_id, member_id)
) STRICT, WITHOUT ROWID;

-- One ballot for each voter. voter: in an open poll the member's id; in a hidden one an HMAC of it, which leads to nobody
-- without the poll's key; once that is closed only a number in shuffled order. Rows lie in the order of `voter`, so how
-- they came is not to be seen; there are no times. choice: canonical JSON. how: by whom it came in.
CREATE TABLE poll_ballots (
    poll_id INTEGER NOT NULL REFERENCES polls (id),
    voter TEXT NOT NULL,
    choice TEXT NOT NULL,
    how TEXT NOT NULL CHECK (how IN ('self', 'proxy', 'paper', 'phone')),
    PRIMARY KEY (poll_id, voter)
) STRICT, WITHOUT ROWID;

-- The key of a hidden poll while it runs; erased when it closes.
CREATE TABLE poll_keys (
    poll_id INTEGER PRIMARY KEY REFERENCES polls (id),
    key TEXT NOT NULL
) STRICT;
