-- What members order together; what it is, is in the notes. Money in hundredths, and only noted: the bot moves none.
-- price: of one; NULL: not known yet. least, least_amount: so many, or for so much, must be ordered; NULL: no minimum.
-- open: people order; short: the minimum was not met; ordered: it is fixed who takes how many; done, off: over.
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    member_id INTEGER NOT NULL REFERENCES members (id),
    price INTEGER CHECK (price > 0),
    least INTEGER CHECK (least > 0),
    least_amount INTEGER CHECK (least_amount > 0),
    state TEXT NOT NULL CHECK (state IN ('open', 'short', 'ordered', 'done', 'off')),
    until_us INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    CHECK (least IS NULL OR least_amount IS NULL),
    UNIQUE (committee_id, number)
) STRICT;

CREATE INDEX orders_alive ON orders (committee_id) WHERE state IN ('open', 'short', 'ordered');
CREATE INDEX orders_over ON orders (since_us) WHERE state IN ('done', 'off');
CREATE INDEX orders_of_member ON orders (member_id);

-- Who has ordered how many. paid: so much is said to be paid; NULL: nothing yet.
CREATE TABLE order_lines (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES orders (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    quantity INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 999),
    paid INTEGER CHECK (paid >= 0),
    collected INTEGER NOT NULL DEFAULT 0 CHECK (collected IN (0, 1)),
    UNIQUE (order_id, member_id)
) STRICT;

CREATE INDEX order_lines_of_member ON order_lines (member_id);

-- What all share beside the price, such as delivery; its words are in the notes. size: by how many each has ordered.
CREATE TABLE order_costs (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES orders (id),
    amount INTEGER NOT NULL CHECK (amount > 0),
    how TEXT NOT NULL CHECK (how IN ('size', 'each'))
) STRICT;

CREATE INDEX order_costs_of_order ON order_costs (order_id);

-- When something of an order is fetched or handed out, and how many people that takes; what is to be done is in the
-- notes. step: how far it has come (0: announced, 1: shared out, 2: reminded, 3: over, 4: called off).
CREATE TABLE order_slots (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL REFERENCES orders (id),
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL CHECK (end_us > start_us),
    seats INTEGER NOT NULL CHECK (seats BETWEEN 1 AND 20),
    step INTEGER NOT NULL DEFAULT 0 CHECK (step BETWEEN 0 AND 4),
    at_us INTEGER NOT NULL
) STRICT;

CREATE INDEX order_slots_of_order ON order_slots (order_id);
CREATE INDEX order_slots_ended ON order_slots (end_us);

-- Whose turn it is: taken of one's own accord, given by the bot, or declined.
CREATE TABLE order_turns (
    slot_id INTEGER NOT NULL REFERENCES order_slots (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    state TEXT NOT NULL CHECK (state IN ('taken', 'given', 'declined')),
    at_us INTEGER NOT NULL,
    PRIMARY KEY (slot_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX order_turns_of_member ON order_turns (member_id);
