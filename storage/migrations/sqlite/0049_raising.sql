-- The kinds of alerts as a committee has changed them, or added them; those that it has not changed have no row. The label
-- of an added one is the note alert_kind:ID, its questions are the notes alert_question:ID. needs: JSON.
CREATE TABLE alert_kinds (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    key TEXT NOT NULL,
    urgency TEXT NOT NULL CHECK (urgency IN ('immediate', 'expected', 'future')),
    severity TEXT NOT NULL CHECK (severity IN ('extreme', 'severe', 'moderate', 'minor')),
    hours INTEGER NOT NULL CHECK (hours BETWEEN 1 AND 48),
    alone TEXT NOT NULL CHECK (alone IN ('organizers', 'group', 'everyone')),
    needs TEXT NOT NULL DEFAULT '{}',
    dropped INTEGER NOT NULL DEFAULT 0 CHECK (dropped IN (0, 1)),
    UNIQUE (committee_id, key)
) STRICT;

CREATE TABLE alert_questions (
    id INTEGER PRIMARY KEY,
    kind_id INTEGER NOT NULL REFERENCES alert_kinds (id)
) STRICT;

CREATE INDEX alert_questions_of ON alert_questions (kind_id);

-- How alerts of a kind have turned out: figures alone, which stay when the alerts' contents go. Nothing leads to a person.
CREATE TABLE alert_records (
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    kind TEXT NOT NULL,
    confirmed INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    outcome TEXT NOT NULL CHECK (outcome IN ('ended', 'false', 'expired')),
    alerts INTEGER NOT NULL CHECK (alerts > 0),
    PRIMARY KEY (committee_id, kind, confirmed, outcome)
) STRICT, WITHOUT ROWID;

-- What a member has set up for a time when they are under threat: a few words for those who are told, and the word that
-- cancels, of which only a salted hash is kept. The words stand here and not among the notes: nothing of it is in the books.
CREATE TABLE sos_plans (
    id INTEGER PRIMARY KEY,
    member_id INTEGER NOT NULL UNIQUE REFERENCES members (id),
    words TEXT NOT NULL,
    salt TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

-- Whom they want told. agreed: NULL: not answered yet.
CREATE TABLE sos_contacts (
    plan_id INTEGER NOT NULL REFERENCES sos_plans (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    agreed INTEGER CHECK (agreed IN (0, 1)),
    PRIMARY KEY (plan_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX sos_contacts_member ON sos_contacts (member_id);

-- A call for help, for a day, whether it was cancelled or not. said_us: when it was said last; state: what those who were
-- told know: wrong: that a wrong word was written.
CREATE TABLE sos_calls (
    id INTEGER PRIMARY KEY,
    member_id INTEGER NOT NULL REFERENCES members (id),
    at_us INTEGER NOT NULL,
    said_us INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('on', 'wrong', 'off'))
) STRICT;

CREATE INDEX sos_calls_member ON sos_calls (member_id);

CREATE TABLE sos_told (
    call_id INTEGER NOT NULL REFERENCES sos_calls (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    sees INTEGER NOT NULL DEFAULT 0 CHECK (sees IN (0, 1)),
    PRIMARY KEY (call_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX sos_told_member ON sos_told (member_id);
