-- Somebody is looked for who takes a seat. giver_id: who gave it back, and hears when somebody has it. seat_id NULL: the
-- seat is gone. group_us, told_us: when the group was asked, and when those who organize heard that nobody was found.
CREATE TABLE searches (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    seat_id INTEGER REFERENCES seats (id),
    giver_id INTEGER REFERENCES members (id),
    taker_id INTEGER REFERENCES members (id),
    state TEXT NOT NULL CHECK (state IN ('open', 'taken', 'over')),
    since_us INTEGER NOT NULL,
    group_us INTEGER,
    told_us INTEGER
) STRICT;

CREATE UNIQUE INDEX searches_of_seat ON searches (seat_id) WHERE state = 'open';

-- Who was asked in private for a seat, and until when the next one waits.
CREATE TABLE seat_asked (
    id INTEGER PRIMARY KEY,
    search_id INTEGER NOT NULL REFERENCES searches (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    at_us INTEGER NOT NULL,
    by_us INTEGER NOT NULL,
    answer TEXT CHECK (answer IN ('yes', 'no')),
    UNIQUE (search_id, member_id)
) STRICT;

-- Seats that change hands if all agree, or not at all. swap: two or three give each other one; hand: one gives and
-- another takes; chain: so that a seat that is looked for is taken (search_id); open: somebody would swap (one move,
-- and nobody who takes it yet). offered: shown to whoever proposes it only.
CREATE TABLE trades (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    kind TEXT NOT NULL CHECK (kind IN ('swap', 'hand', 'chain', 'open')),
    proposer_id INTEGER REFERENCES members (id),
    search_id INTEGER REFERENCES searches (id),
    state TEXT NOT NULL CHECK (state IN ('offered', 'asked', 'done', 'over')),
    since_us INTEGER NOT NULL,
    by_us INTEGER NOT NULL
) STRICT;

CREATE INDEX trades_of_committee ON trades (committee_id, state);

CREATE TABLE trade_moves (
    trade_id INTEGER NOT NULL REFERENCES trades (id),
    place INTEGER NOT NULL,
    seat_id INTEGER REFERENCES seats (id),
    giver_id INTEGER REFERENCES members (id),
    taker_id INTEGER REFERENCES members (id),
    PRIMARY KEY (trade_id, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX trade_moves_of_seat ON trade_moves (seat_id);

CREATE TABLE trade_answers (
    id INTEGER PRIMARY KEY,
    trade_id INTEGER NOT NULL REFERENCES trades (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    answer TEXT CHECK (answer IN ('yes', 'no')),
    UNIQUE (trade_id, member_id)
) STRICT;

-- Where the committee wants it: somebody else says that a seat was done, and only then it counts. by_id NULL and
-- state 'counted': nobody said so in time.
CREATE TABLE sign_offs (
    assignment_id INTEGER PRIMARY KEY REFERENCES assignments (id),
    state TEXT NOT NULL CHECK (state IN ('asked', 'signed', 'counted')),
    by_id INTEGER REFERENCES members (id),
    at_us INTEGER NOT NULL
) STRICT;

-- One time at which a task does not take place, though its rule says so.
CREATE TABLE shifts_off (
    task_id INTEGER NOT NULL REFERENCES rota_tasks (id),
    local TEXT NOT NULL,
    PRIMARY KEY (task_id, local)
) STRICT, WITHOUT ROWID;
