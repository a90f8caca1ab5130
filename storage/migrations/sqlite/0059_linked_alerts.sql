-- Alerts that travel between linked committees. Nothing here says who anybody is: figures, and what all members may know.

-- An alert that came from a linked committee. peer_id: who told it; origin: the author whose alert it is, and uid its name for
-- it; rev: the highest revision of what is told, which decides. alert_id: the alert that it is here; NULL: none (yet, or its
-- content is deleted). state: open; waits (for an organizer's yes); elsewhere (in an area that was not asked for); merged
-- (it goes on as alert_id, which was raised here); over. told: what was told last (JSON), as long as it goes on. of_name: what
-- the origin is called, where another hands it on. hops: how often it may still be handed on. tally, tally_rev: what was told
-- back last. let_us: when it was let in.
CREATE TABLE linked_alerts (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    peer_id INTEGER NOT NULL REFERENCES peers (id),
    origin TEXT NOT NULL CHECK (length(origin) = 64),
    uid TEXT NOT NULL CHECK (length(uid) = 32),
    rev INTEGER NOT NULL,
    alert_id INTEGER REFERENCES alerts (id),
    state TEXT NOT NULL CHECK (state IN ('open', 'waits', 'elsewhere', 'merged', 'over')),
    told TEXT,
    of_name TEXT,
    hops INTEGER NOT NULL DEFAULT 0,
    critical INTEGER NOT NULL DEFAULT 0 CHECK (critical IN (0, 1)),
    tally TEXT,
    tally_rev INTEGER NOT NULL DEFAULT 0,
    at_us INTEGER NOT NULL,
    let_us INTEGER,
    UNIQUE (committee_id, origin, uid),
    CHECK ((state IN ('open', 'merged')) <= (let_us IS NOT NULL)),
    CHECK (state <> 'over' OR told IS NULL)
) STRICT;

CREATE INDEX linked_alerts_of ON linked_alerts (alert_id) WHERE alert_id IS NOT NULL;
CREATE INDEX linked_alerts_peer ON linked_alerts (peer_id, at_us);

-- An alert that was told to a federation, or waits for its second person before it leaves (rev 0). told: what was told last
-- (JSON). over_us: when it was told that it is over.
CREATE TABLE linked_sent (
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    uid TEXT NOT NULL CHECK (length(uid) = 32),
    rev INTEGER NOT NULL DEFAULT 0,
    told TEXT,
    wide INTEGER NOT NULL DEFAULT 0 CHECK (wide IN (0, 1)),
    over_us INTEGER,
    PRIMARY KEY (alert_id, federation_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX linked_sent_uid ON linked_sent (uid);

-- What another committee brings to an alert: one that it was told to (asked), or the one whose alert it is, with all that it
-- knows of. counts: by what is needed (JSON); tally: as it was told. got: it knows that the alert is over.
CREATE TABLE linked_tallies (
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    author TEXT NOT NULL CHECK (length(author) = 64),
    peer_id INTEGER NOT NULL REFERENCES peers (id),
    asked INTEGER NOT NULL CHECK (asked IN (0, 1)),
    rev INTEGER NOT NULL DEFAULT 0,
    counts TEXT NOT NULL DEFAULT '{}',
    tally TEXT,
    at_us INTEGER NOT NULL,
    got INTEGER NOT NULL DEFAULT 0 CHECK (got IN (0, 1)),
    PRIMARY KEY (alert_id, author)
) STRICT, WITHOUT ROWID;

-- How many alerts of a committee wait beyond those that are kept.
CREATE TABLE linked_more (
    peer_id INTEGER PRIMARY KEY REFERENCES peers (id),
    many INTEGER NOT NULL CHECK (many > 0)
) STRICT;
