-- What comes after an alert. Who was asked how it went, and what they said; words: note alert_debrief:ID. All of it goes
-- with the alert's content.
CREATE TABLE alert_debriefs (
    id INTEGER PRIMARY KEY,
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    asked_us INTEGER NOT NULL,
    truth TEXT CHECK (truth IN ('yes', 'no', 'unknown')),
    in_time TEXT CHECK (in_time IN ('yes', 'no', 'unknown')),
    UNIQUE (alert_id, member_id)
) STRICT;

CREATE INDEX alert_debriefs_member ON alert_debriefs (member_id);

-- Hours that somebody says to have been there, as an exchange that somebody else confirms: once for each alert. Nothing in
-- the exchange leads to the alert; this row does, and goes with the alert's content.
CREATE TABLE alert_hours (
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    exchange_id INTEGER NOT NULL REFERENCES exchanges (id),
    PRIMARY KEY (alert_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_hours_member ON alert_hours (member_id);
CREATE INDEX alert_hours_exchange ON alert_hours (exchange_id);

-- What is kept of an alert once its content is deleted: figures. That there is a row says that it is. first_minutes: until
-- the first answer; NULL: nobody answered. needs, met: of how many kinds, and how many of them were there. truths, lies:
-- how many said afterwards that it was real, or not; NULL: too few to be told without guessing who.
CREATE TABLE alert_counts (
    alert_id INTEGER PRIMARY KEY REFERENCES alerts (id),
    deleted_us INTEGER NOT NULL,
    witnesses INTEGER NOT NULL CHECK (witnesses >= 0),
    told INTEGER NOT NULL CHECK (told >= 0),
    coming INTEGER NOT NULL CHECK (coming >= 0),
    arrived INTEGER NOT NULL CHECK (arrived BETWEEN 0 AND coming),
    first_minutes INTEGER CHECK (first_minutes >= 0),
    needs INTEGER NOT NULL CHECK (needs >= 0),
    met INTEGER NOT NULL CHECK (met BETWEEN 0 AND needs),
    truths INTEGER CHECK (truths >= 0),
    lies INTEGER CHECK (lies >= 0),
    CHECK ((truths IS NULL) = (lies IS NULL))
) STRICT;
