-- Units beside hours: a local one, or money that is only recorded. Amounts are hundredths; what a unit is called is in
-- the notes. floor: the lowest balance of a member, NULL: none.
CREATE TABLE units (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    kind TEXT NOT NULL CHECK (kind IN ('local', 'money')),
    floor INTEGER CHECK (floor <= 0),
    open INTEGER NOT NULL DEFAULT 1 CHECK (open IN (0, 1)),
    CHECK (kind = 'local' OR floor IS NULL)
) STRICT;

CREATE INDEX units_open ON units (committee_id) WHERE open = 1;
CREATE INDEX accounts_in_units ON accounts (committee_id, unit_id) WHERE unit_id IS NOT NULL;

-- Two accounts of one person became one: by these exchanges what was on the one in another unit went to the other. Nobody
-- gave anything.
CREATE TABLE carries (
    transfer_id INTEGER PRIMARY KEY REFERENCES transfers (id)
) STRICT;

-- Here, and not in the program, so that no way leads past it: no unit ever mixes with another. Sums of zero are held
-- by `transfers_sum_to_zero`, and so are zero in each unit.
CREATE TRIGGER accounts_of_units BEFORE INSERT ON accounts
WHEN (NEW.kind = 'unit') <> (NEW.unit_id IS NOT NULL)
    OR (NEW.unit_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM units WHERE id = NEW.unit_id AND committee_id = NEW.committee_id))
BEGIN
    SELECT RAISE (ABORT, 'an account is in hours or in a unit of its committee');
END;

CREATE TRIGGER accounts_keep_their_unit BEFORE UPDATE OF unit_id, kind, committee_id ON accounts
BEGIN
    SELECT RAISE (ABORT, 'an account keeps its unit');
END;

CREATE TRIGGER transfers_in_one_unit BEFORE INSERT ON transfers
WHEN (SELECT count(DISTINCT coalesce(a.unit_id, 0)) FROM postings p JOIN accounts a ON a.id = p.account_id
      WHERE p.transfer_id = NEW.id) > 1
BEGIN
    SELECT RAISE (ABORT, 'units never mix');
END;
