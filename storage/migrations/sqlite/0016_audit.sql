-- The nightly check of a committee's books, as far as it has come. `balances`: minutes by account, as JSON.
CREATE TABLE checks (
    committee_id INTEGER PRIMARY KEY REFERENCES committees (id),
    number INTEGER NOT NULL,
    hash TEXT NOT NULL,
    transfers INTEGER NOT NULL,
    balances TEXT NOT NULL
) STRICT;

-- Committees whose books do not add up: until a check finds them sound, nothing more is written into them.
CREATE TABLE stopped (
    committee_id INTEGER PRIMARY KEY REFERENCES committees (id),
    number INTEGER NOT NULL,
    fault TEXT NOT NULL,
    at_us INTEGER NOT NULL
) STRICT;

-- Here, and not in the program, so that no way leads past it. Holds may still be released, and balances mended by hand.
CREATE TRIGGER entries_stopped BEFORE INSERT ON entries
WHEN EXISTS (SELECT 1 FROM stopped WHERE committee_id = NEW.committee_id)
BEGIN
    SELECT RAISE (ABORT, 'the books are stopped');
END;

CREATE TRIGGER holds_stopped BEFORE UPDATE OF held ON accounts
WHEN NEW.held > OLD.held AND EXISTS (SELECT 1 FROM stopped WHERE committee_id = NEW.committee_id)
BEGIN
    SELECT RAISE (ABORT, 'the books are stopped');
END;
