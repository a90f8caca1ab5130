-- Roles that go round: a task of the rota, or a role that the committee gives (role). A term lasts so many units; terms
-- are counted from the first day (wall date). most: so many terms in a row; pause: so many terms off after that.
CREATE TABLE rounds (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    task_id INTEGER REFERENCES rota_tasks (id),
    role TEXT,
    how TEXT NOT NULL CHECK (how IN ('lot', 'deficit')),
    count INTEGER NOT NULL CHECK (count >= 1),
    unit TEXT NOT NULL CHECK (unit IN ('days', 'weeks', 'months', 'years')),
    first TEXT NOT NULL,
    most INTEGER NOT NULL CHECK (most >= 1),
    pause INTEGER NOT NULL CHECK (pause >= 0),
    listed INTEGER NOT NULL DEFAULT 1 CHECK (listed IN (0, 1)),
    CHECK ((task_id IS NULL) <> (role IS NULL))
) STRICT;

CREATE UNIQUE INDEX rounds_of_task ON rounds (task_id) WHERE listed = 1 AND task_id IS NOT NULL;
CREATE UNIQUE INDEX rounds_of_role ON rounds (committee_id, role) WHERE listed = 1 AND role IS NOT NULL;

-- The draw for a term was announced by this entry of the chain: its hash is the seed.
CREATE TABLE round_draws (
    round_id INTEGER NOT NULL REFERENCES rounds (id),
    turn INTEGER NOT NULL,
    number INTEGER NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (round_id, turn)
) STRICT, WITHOUT ROWID;

-- Searches are not only for organizers any more: for a role, or for a term (turn) of a task that goes round.
ALTER TABLE rotations ADD COLUMN role TEXT NOT NULL DEFAULT 'organizer';
ALTER TABLE rotations ADD COLUMN round_id INTEGER REFERENCES rounds (id);
ALTER TABLE rotations ADD COLUMN turn INTEGER;
DROP INDEX rotations_open;
CREATE UNIQUE INDEX rotations_open ON rotations (committee_id, role, coalesce(round_id, 0)) WHERE closed_us IS NULL;
