-- Alerts. kind: a key of the committee's kinds; status, urgency, severity: as CAP 1.2 calls them (certainty follows from the
-- events). raiser_id: NULL once nobody may know any more. expires_us: at most 48 hours after it was raised. over_us, outcome:
-- NULL while it goes on. Its words are notes: alert:ID what was said, alert_area:ID where, as all may know.
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('actual', 'exercise')),
    urgency TEXT NOT NULL CHECK (urgency IN ('immediate', 'expected', 'future', 'past', 'unknown')),
    severity TEXT NOT NULL CHECK (severity IN ('extreme', 'severe', 'moderate', 'minor', 'unknown')),
    raiser_id INTEGER REFERENCES members (id),
    raised_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    over_us INTEGER,
    outcome TEXT CHECK (outcome IN ('ended', 'cancelled', 'false', 'expired', 'merged', 'refused')),
    UNIQUE (committee_id, number),
    CHECK (expires_us > raised_us AND expires_us <= raised_us + 172800000000),
    CHECK ((over_us IS NULL) = (outcome IS NULL))
) STRICT;

CREATE INDEX alerts_open ON alerts (committee_id) WHERE over_us IS NULL;
CREATE INDEX alerts_raiser ON alerts (raiser_id);

-- What has happened in an alert, in the order in which it was known. What an alert is follows from these rows alone
-- (bot/domain/alarm.py); they are only ever added, and all go when its content does.
CREATE TABLE alert_events (
    id INTEGER PRIMARY KEY,
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    kind TEXT NOT NULL,
    member_id INTEGER REFERENCES members (id),
    at_us INTEGER NOT NULL,
    data TEXT NOT NULL DEFAULT '{}'
) STRICT;

CREATE INDEX alert_events_of ON alert_events (alert_id);
CREATE INDEX alert_events_member ON alert_events (member_id);

-- Whom an alert was to reach in private, and in which ring. outbox_id: the message; NULL: nobody can write to them.
-- state: sent; unreachable; waits (quiet hours: at wake_us); answered (they have done something, so they have seen it).
CREATE TABLE alert_pages (
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    ring INTEGER NOT NULL CHECK (ring >= 0),
    at_us INTEGER NOT NULL,
    outbox_id INTEGER,
    state TEXT NOT NULL CHECK (state IN ('sent', 'unreachable', 'waits', 'answered')),
    PRIMARY KEY (alert_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_pages_member ON alert_pages (member_id);
