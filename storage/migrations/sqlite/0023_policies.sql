-- How a committee counts hours: one row for each time that it was decided, with the chained entry of the decision. Each
-- exchange says under which it was counted.
CREATE TABLE schemes (
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    version INTEGER NOT NULL CHECK (version > 0),
    entry INTEGER NOT NULL,
    parameters TEXT NOT NULL,
    member_id INTEGER NOT NULL REFERENCES members (id),
    at_us INTEGER NOT NULL,
    PRIMARY KEY (committee_id, version),
    FOREIGN KEY (committee_id, entry) REFERENCES entries (committee_id, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER schemes_never_change BEFORE UPDATE OF version, entry, parameters, at_us ON schemes
BEGIN
    SELECT RAISE (ABORT, 'what was decided never changes');
END;

-- Accounts beside those of the members and of the committee itself. own: one of those. fund: the common fund. reserve: a
-- member's own reserve in the mutual insurance. unit: a member's account in another unit than hours, or, without an
-- owner, the committee's. `member_id` stays that of own accounts alone.
ALTER TABLE accounts ADD COLUMN kind TEXT NOT NULL DEFAULT 'own' CHECK (kind IN ('own', 'fund', 'reserve', 'unit'));
ALTER TABLE accounts ADD COLUMN owner_id INTEGER REFERENCES members (id);
ALTER TABLE accounts ADD COLUMN unit_id INTEGER;

DROP INDEX accounts_of_committee;
CREATE UNIQUE INDEX accounts_of_committee ON accounts (committee_id) WHERE member_id IS NULL AND kind = 'own';
CREATE UNIQUE INDEX accounts_beside ON accounts (committee_id, kind, coalesce(unit_id, 0), coalesce(owner_id, 0))
    WHERE kind <> 'own';
CREATE INDEX accounts_of_owner ON accounts (owner_id) WHERE owner_id IS NOT NULL;

-- An exchange that waits for a yes keeps how it was counted when it was asked for.
ALTER TABLE exchanges ADD COLUMN scheme INTEGER NOT NULL DEFAULT 0;
ALTER TABLE exchanges ADD COLUMN plain TEXT;

-- What was done at the end of a period, at most once for each: `transfer_id` is what moved, if anything did.
CREATE TABLE closings (
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    what TEXT NOT NULL,
    period TEXT NOT NULL,
    transfer_id INTEGER UNIQUE REFERENCES transfers (id),
    at_us INTEGER NOT NULL,
    PRIMARY KEY (committee_id, what, period)
) STRICT, WITHOUT ROWID;

-- To what each member has said yes for themselves, such as pooling; whoever says no is not in it any more.
CREATE TABLE enrolments (
    member_id INTEGER NOT NULL REFERENCES members (id),
    what TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    PRIMARY KEY (member_id, what)
) STRICT, WITHOUT ROWID;
