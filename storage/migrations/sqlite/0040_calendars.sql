-- How often the times of a shift have changed, and when they last did: calendars go by it.
ALTER TABLE shifts ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE shifts ADD COLUMN revised_us INTEGER NOT NULL DEFAULT 0;
-- Shifts were made eight weeks ahead.
UPDATE shifts SET revised_us = start_us - 4838400000000;

-- An address under which a member's calendar program asks: for their own shifts, or all of the committee. Only a hash of
-- what stands in the address is kept.
CREATE TABLE calendars (
    digest TEXT PRIMARY KEY,
    member_id INTEGER NOT NULL REFERENCES members (id),
    whose TEXT NOT NULL CHECK (whose IN ('mine', 'committee')),
    since_us INTEGER NOT NULL,
    UNIQUE (member_id, whose)
) STRICT, WITHOUT ROWID;
