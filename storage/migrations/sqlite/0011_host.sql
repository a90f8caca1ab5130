-- Who runs the bot, who can open what was kept away, and the copies that were made.

-- As whoever runs the bot wrote it in the settings; written anew at each start.
CREATE TABLE host (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Members who can open the committee's copies. `recipient`: the public half of a key that only they have.
CREATE TABLE custodians (
    member_id INTEGER PRIMARY KEY REFERENCES members (id),
    recipient TEXT NOT NULL,
    since_us INTEGER NOT NULL
) STRICT;

-- The newest copy of each committee, when its organizers were last asked for custodians, and when custodians were
-- last sent a copy to keep.
CREATE TABLE copies (
    committee_id INTEGER PRIMARY KEY REFERENCES committees (id),
    made_us INTEGER,
    bytes INTEGER,
    entries INTEGER,
    trouble TEXT,
    asked_us INTEGER,
    sent_us INTEGER
) STRICT;
