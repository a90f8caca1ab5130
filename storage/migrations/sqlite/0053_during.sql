-- Whose rights rest because others reported that their account may be in strange hands. Neither a sanction nor in the books.
-- until_us: when it ends by itself; over_us: when it has ended. What it is follows from its reports alone (bot/domain/pauses.py).
CREATE TABLE pauses (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    alert_id INTEGER REFERENCES alerts (id),
    from_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    over_us INTEGER,
    CHECK (until_us > from_us AND until_us <= from_us + 259200000000)
) STRICT;

CREATE UNIQUE INDEX pauses_rest ON pauses (member_id) WHERE over_us IS NULL;
CREATE INDEX pauses_member ON pauses (member_id);
CREATE INDEX pauses_alert ON pauses (alert_id);

-- Who reported it, and who says that it is over. kind: reported, restored.
CREATE TABLE pause_reports (
    id INTEGER PRIMARY KEY,
    pause_id INTEGER NOT NULL REFERENCES pauses (id),
    kind TEXT NOT NULL CHECK (kind IN ('reported', 'restored')),
    member_id INTEGER NOT NULL REFERENCES members (id),
    at_us INTEGER NOT NULL,
    UNIQUE (pause_id, kind, member_id)
) STRICT;

CREATE INDEX pause_reports_member ON pause_reports (member_id);

-- Whom somebody has named to be told when they do not answer whether they are safe. agreed: they have said yes.
CREATE TABLE buddies (
    member_id INTEGER NOT NULL REFERENCES members (id),
    buddy_id INTEGER NOT NULL REFERENCES members (id),
    agreed INTEGER NOT NULL DEFAULT 0 CHECK (agreed IN (0, 1)),
    at_us INTEGER NOT NULL,
    PRIMARY KEY (member_id, buddy_id),
    CHECK (member_id <> buddy_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX buddies_of ON buddies (buddy_id);

-- Whom to call after an arrest, in the committee's own words (note legal_contact:ID). ended_us NULL: in force.
CREATE TABLE legal_contacts (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    at_us INTEGER NOT NULL,
    ended_us INTEGER
) STRICT;

CREATE UNIQUE INDEX legal_contacts_in_force ON legal_contacts (committee_id) WHERE ended_us IS NULL;
