-- What the committee shares and books; what it is called is in the notes. Lengths are minutes; firm: so long before it
-- begins a booking is firm, NULL: at once.
CREATE TABLE resources (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('room', 'vehicle', 'tool')),
    longest INTEGER NOT NULL CHECK (longest BETWEEN 15 AND 20160),
    ahead_days INTEGER NOT NULL CHECK (ahead_days BETWEEN 1 AND 365),
    firm INTEGER CHECK (firm > 0),
    listed INTEGER NOT NULL DEFAULT 1 CHECK (listed IN (0, 1)),
    UNIQUE (committee_id, number)
) STRICT;

-- What something is booked for, in the committee's order; place NULL: no more. What they are called is in the notes.
CREATE TABLE purposes (
    id INTEGER PRIMARY KEY,
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    place INTEGER CHECK (place >= 0),
    UNIQUE (resource_id, place)
) STRICT;

-- Somebody asks for a time, and what became of it. decided: how the rule decided, as JSON with ids and figures.
CREATE TABLE bookings (
    id INTEGER PRIMARY KEY,
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    purpose_id INTEGER REFERENCES purposes (id),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'firm', 'lost', 'cancelled')),
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL CHECK (end_us > start_us),
    asked_us INTEGER NOT NULL,
    decided TEXT
) STRICT;

CREATE INDEX bookings_of_resource ON bookings (resource_id, state, end_us);
CREATE INDEX bookings_of_member ON bookings (member_id, end_us);
CREATE INDEX bookings_ended ON bookings (end_us);

-- Nobody has the same thing at the same time as somebody else.
CREATE TRIGGER bookings_apart BEFORE INSERT ON bookings WHEN NEW.state = 'firm' AND EXISTS (
    SELECT 1 FROM bookings b WHERE b.resource_id = NEW.resource_id AND b.state = 'firm'
        AND b.start_us < NEW.end_us AND NEW.start_us < b.end_us)
BEGIN SELECT RAISE(ABORT, 'two bookings at one time'); END;

CREATE TRIGGER bookings_stay_apart BEFORE UPDATE ON bookings WHEN NEW.state = 'firm' AND EXISTS (
    SELECT 1 FROM bookings b WHERE b.resource_id = NEW.resource_id AND b.state = 'firm' AND b.id <> NEW.id
        AND b.start_us < NEW.end_us AND NEW.start_us < b.end_us)
BEGIN SELECT RAISE(ABORT, 'two bookings at one time'); END;

-- What the committee has in stock; what it is called, and in what it is counted, is in the notes. Thousandths of a unit.
-- lowest: below it the organizers hear. weekly: so much one person may take in seven days.
CREATE TABLE stock (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    amount INTEGER NOT NULL CHECK (amount >= 0),
    lowest INTEGER CHECK (lowest > 0),
    weekly INTEGER CHECK (weekly > 0),
    listed INTEGER NOT NULL DEFAULT 1 CHECK (listed IN (0, 1))
) STRICT;

CREATE INDEX stock_listed ON stock (committee_id) WHERE listed = 1;

-- Who counted it, put something in or took something out. amount: what was said; total: how much there was then.
CREATE TABLE stock_moves (
    id INTEGER PRIMARY KEY,
    stock_id INTEGER NOT NULL REFERENCES stock (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    change TEXT NOT NULL CHECK (change IN ('count', 'in', 'out')),
    amount INTEGER NOT NULL CHECK (amount >= 0),
    total INTEGER NOT NULL CHECK (total >= 0),
    at_us INTEGER NOT NULL
) STRICT;

CREATE INDEX stock_moves_of_stock ON stock_moves (stock_id, id);
CREATE INDEX stock_moves_of_member ON stock_moves (member_id, at_us);
