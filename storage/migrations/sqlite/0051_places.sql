-- The exact place of an alert (the note alert_exact:ID; alert_meet:ID is where those who come meet) is shown to whom the
-- raiser or an organizer has named, until then.
CREATE TABLE alert_named (
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    at_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    PRIMARY KEY (alert_id, member_id),
    CHECK (until_us >= at_us)
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_named_member ON alert_named (member_id);

-- Each time that somebody was shown where to go. outbox_id: the message; ends_us: it is taken away then; taken_us: it was.
CREATE TABLE alert_disclosures (
    id INTEGER PRIMARY KEY,
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    tier TEXT NOT NULL CHECK (tier IN ('meeting', 'exact')),
    at_us INTEGER NOT NULL,
    ends_us INTEGER NOT NULL,
    taken_us INTEGER,
    outbox_id INTEGER NOT NULL,
    CHECK (ends_us >= at_us)
) STRICT;

CREATE INDEX alert_disclosures_of ON alert_disclosures (alert_id);
CREATE INDEX alert_disclosures_member ON alert_disclosures (member_id);
