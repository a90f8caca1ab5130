-- A task of the rota: what it is called and which skill it needs are in the notes. local: wall time of the first in the
-- zone; rule: by RFC 5545, NULL: once; days: done at any time within so many days, NULL: at that time. The ratings, 1 to
-- 5, are a first guess as long as no member has said theirs.
CREATE TABLE rota_tasks (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    minutes INTEGER NOT NULL CHECK (minutes BETWEEN 1 AND 1440),
    crew_min INTEGER NOT NULL CHECK (crew_min >= 1),
    crew_max INTEGER NOT NULL CHECK (crew_max BETWEEN crew_min AND 20),
    local TEXT NOT NULL,
    rule TEXT,
    zone TEXT NOT NULL,
    days INTEGER CHECK (days BETWEEN 1 AND 31),
    trainee INTEGER NOT NULL DEFAULT 0 CHECK (trainee IN (0, 1)),
    onerousness INTEGER NOT NULL CHECK (onerousness BETWEEN 1 AND 5),
    empowerment INTEGER NOT NULL CHECK (empowerment BETWEEN 1 AND 5),
    listed INTEGER NOT NULL DEFAULT 1 CHECK (listed IN (0, 1))
) STRICT;

CREATE INDEX rota_tasks_of_committee ON rota_tasks (committee_id, listed);

-- How unpleasant and how empowering a task is, as somebody who has done it says.
CREATE TABLE task_ratings (
    task_id INTEGER NOT NULL REFERENCES rota_tasks (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    onerousness INTEGER CHECK (onerousness BETWEEN 1 AND 5),
    empowerment INTEGER CHECK (empowerment BETWEEN 1 AND 5),
    at_us INTEGER NOT NULL,
    PRIMARY KEY (task_id, member_id)
) STRICT, WITHOUT ROWID;

-- One time at which a task is done. local, until: wall times in the task's zone; until NULL: it begins at that time.
CREATE TABLE shifts (
    id INTEGER PRIMARY KEY,
    task_id INTEGER NOT NULL REFERENCES rota_tasks (id),
    local TEXT NOT NULL,
    until TEXT,
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL CHECK (end_us > start_us),
    minutes INTEGER NOT NULL CHECK (minutes > 0),
    UNIQUE (task_id, local)
) STRICT;

CREATE INDEX shifts_end ON shifts (end_us);

-- What one person fills. needed: the task cannot be done without; trainee: for somebody who learns it.
CREATE TABLE seats (
    id INTEGER PRIMARY KEY,
    shift_id INTEGER NOT NULL REFERENCES shifts (id),
    needed INTEGER NOT NULL CHECK (needed IN (0, 1)),
    trainee INTEGER NOT NULL DEFAULT 0 CHECK (trainee IN (0, 1))
) STRICT;

CREATE INDEX seats_of_shift ON seats (shift_id);

-- Who has which seat, and what became of it. stage and agreed as the planner knows them. The figures are those of the
-- day on which it was said to be done: what somebody carried does not change when a task is rated otherwise later.
CREATE TABLE assignments (
    id INTEGER PRIMARY KEY,
    seat_id INTEGER NOT NULL REFERENCES seats (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    stage TEXT NOT NULL CHECK (stage IN ('frozen', 'firm', 'draft')),
    agreed INTEGER NOT NULL CHECK (agreed IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('held', 'here', 'done', 'problem', 'back', 'missed')),
    since_us INTEGER NOT NULL,
    over_us INTEGER,
    minutes INTEGER CHECK (minutes > 0),
    onerousness INTEGER CHECK (onerousness BETWEEN 1 AND 5),
    empowerment INTEGER CHECK (empowerment BETWEEN 1 AND 5),
    transfer_id INTEGER REFERENCES transfers (id)
) STRICT;

-- A seat has one holder.
CREATE UNIQUE INDEX assignments_of_seat ON assignments (seat_id) WHERE state <> 'back';
CREATE INDEX assignments_of_member ON assignments (member_id, state);
