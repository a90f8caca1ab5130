-- The plan of a committee's rota that is in force. entry: the number of the entry in the log that holds its hash; method:
-- the way of planning; snapshot: all that it was made from, which holds what nobody may see: NULL once somebody who is in
-- it is forgotten, or it is old. holders: who got which seat; empty: seats that nobody can take, and why; changes: what
-- became otherwise by it, and why. All of it by ids.
CREATE TABLE rota_plans (
    committee_id INTEGER PRIMARY KEY REFERENCES committees (id),
    entry INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    until TEXT NOT NULL,
    weeks INTEGER NOT NULL,
    method INTEGER NOT NULL,
    hash TEXT NOT NULL,
    snapshot TEXT,
    holders TEXT NOT NULL,
    empty TEXT NOT NULL,
    changes TEXT NOT NULL
) STRICT;
