-- How evenly the work was shared in a week, in per cent of what would be even, in steps that tell of nobody.
CREATE TABLE fair_weeks (
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    week TEXT NOT NULL,
    burden_least INTEGER NOT NULL,
    burden_most INTEGER NOT NULL,
    power_least INTEGER NOT NULL,
    power_most INTEGER NOT NULL,
    PRIMARY KEY (committee_id, week)
) STRICT, WITHOUT ROWID;

-- Since when a task has a seat to learn it for a while; NULL: it has none, or was made with one.
ALTER TABLE rota_tasks ADD COLUMN lent_us INTEGER;

-- Who is asked to learn a task beside whom. over: they did not answer in time, or have learnt it.
CREATE TABLE understudies (
    id INTEGER PRIMARY KEY,
    task_id INTEGER NOT NULL REFERENCES rota_tasks (id),
    beside_id INTEGER NOT NULL REFERENCES members (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    state TEXT NOT NULL CHECK (state IN ('asked', 'yes', 'no', 'over')),
    at_us INTEGER NOT NULL
) STRICT;

CREATE INDEX understudies_of_member ON understudies (member_id, state);
CREATE INDEX understudies_beside ON understudies (beside_id, state);
-- One is asked at a time.
CREATE UNIQUE INDEX understudies_asked ON understudies (task_id) WHERE state = 'asked';
