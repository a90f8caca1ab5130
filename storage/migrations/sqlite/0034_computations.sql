-- What is worked out outside of the database's time, such as a rota: the facts as one snapshot (body, with its hash),
-- and what the clock says when the result is there. result NULL with done_us: it could not be worked out.
CREATE TABLE computations (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL,
    command TEXT NOT NULL,
    version INTEGER NOT NULL,
    arguments TEXT NOT NULL,
    wanted_us INTEGER NOT NULL,
    result TEXT,
    done_us INTEGER
) STRICT;

CREATE INDEX computations_waiting ON computations (id) WHERE done_us IS NULL;
CREATE INDEX computations_of_committee ON computations (committee_id);
