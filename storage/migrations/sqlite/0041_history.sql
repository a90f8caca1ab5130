-- A table of work of before that somebody has sent. state: read, and nothing of it counts; or counted.
CREATE TABLE history_tables (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    at_us INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('read', 'counted'))
) STRICT;

CREATE INDEX history_tables_of_committee ON history_tables (committee_id, state);

-- What a task is called in such a table is in the notes.
CREATE TABLE history_tasks (
    id INTEGER PRIMARY KEY,
    table_id INTEGER NOT NULL REFERENCES history_tables (id)
) STRICT;

CREATE INDEX history_tasks_of_table ON history_tasks (table_id);

-- What a member did on a day (day: in the committee's zone; at_us: its noon). No hours are paid for it.
CREATE TABLE history_works (
    id INTEGER PRIMARY KEY,
    table_id INTEGER NOT NULL REFERENCES history_tables (id),
    task_id INTEGER NOT NULL REFERENCES history_tasks (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    day TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    minutes INTEGER NOT NULL CHECK (minutes BETWEEN 1 AND 1440),
    onerousness INTEGER NOT NULL CHECK (onerousness BETWEEN 1 AND 5),
    empowerment INTEGER NOT NULL CHECK (empowerment BETWEEN 1 AND 5)
) STRICT;

CREATE INDEX history_works_of_table ON history_works (table_id);
CREATE INDEX history_works_of_member ON history_works (member_id, at_us);
