-- Objections in polls. voter: as in poll_ballots, so in a hidden poll it leads to nobody without the poll's key; NULL: that
-- poll is closed. at_us: when it was raised (NULL with the voter): a reason has to follow within a day; reasoned: it has
-- (note objection:ID). seconds: how many others stand behind it. state: raised, withdrawn, answered (answer_id: by this
-- later round of the poll).
CREATE TABLE objections (
    id INTEGER PRIMARY KEY,
    poll_id INTEGER NOT NULL REFERENCES polls (id),
    voter TEXT,
    at_us INTEGER,
    reasoned INTEGER NOT NULL DEFAULT 0 CHECK (reasoned IN (0, 1)),
    seconds INTEGER NOT NULL DEFAULT 0 CHECK (seconds >= 0),
    state TEXT NOT NULL DEFAULT 'raised' CHECK (state IN ('raised', 'withdrawn', 'answered')),
    answer_id INTEGER REFERENCES polls (id),
    CHECK ((state = 'answered') = (answer_id IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX objections_raised ON objections (poll_id, voter) WHERE state = 'raised';

-- Who stands behind an objection of somebody else's. Of hidden polls only the number is left once they are closed.
CREATE TABLE objection_seconds (
    objection_id INTEGER NOT NULL REFERENCES objections (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    PRIMARY KEY (objection_id, member_id)
) STRICT, WITHOUT ROWID;

-- What came of a poll. member_id, at_us: who put it in words, and when (note outcome:POLL_ID); NULL: nobody yet.
-- state: none (nothing was decided), stands, dropped (by a review), lapsed. review_us: when the committee is asked whether
-- it worked; lapse_us: when it lapses unless it is renewed.
CREATE TABLE outcomes (
    poll_id INTEGER PRIMARY KEY REFERENCES polls (id),
    member_id INTEGER REFERENCES members (id),
    at_us INTEGER,
    state TEXT NOT NULL CHECK (state IN ('none', 'stands', 'dropped', 'lapsed')),
    review_us INTEGER,
    lapse_us INTEGER,
    over_us INTEGER,
    CHECK ((member_id IS NULL) = (at_us IS NULL))
) STRICT;

-- Who does what by when, of an outcome (note outcome_task:ID). state: dropped: the outcome was worded anew without it.
CREATE TABLE outcome_tasks (
    id INTEGER PRIMARY KEY,
    poll_id INTEGER NOT NULL REFERENCES outcomes (poll_id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    by_us INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'dropped'))
) STRICT;

CREATE INDEX outcome_tasks_of ON outcome_tasks (poll_id);

-- Polls about what an earlier poll decided: whether it worked, or whether it is renewed.
CREATE TABLE polls_about (
    poll_id INTEGER PRIMARY KEY REFERENCES polls (id),
    of_id INTEGER NOT NULL REFERENCES polls (id),
    kind TEXT NOT NULL CHECK (kind IN ('review', 'renewal'))
) STRICT;

CREATE INDEX polls_about_of ON polls_about (of_id);

-- Signatures for ending somebody's role early. state: open (they are gathered), polled (enough signed: poll_id), lapsed
-- (not in time), over (the role ended otherwise).
CREATE TABLE recalls (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    role_id INTEGER NOT NULL REFERENCES roles (id),
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'polled', 'lapsed', 'over')),
    began_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    poll_id INTEGER REFERENCES polls (id),
    CHECK ((state = 'polled') = (poll_id IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX recalls_open ON recalls (role_id) WHERE state = 'open';

CREATE TABLE recall_signatures (
    recall_id INTEGER NOT NULL REFERENCES recalls (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    PRIMARY KEY (recall_id, member_id)
) STRICT, WITHOUT ROWID;

-- Elections that give a role to whoever is chosen. role: as in roles.
CREATE TABLE elections (
    poll_id INTEGER PRIMARY KEY REFERENCES polls (id),
    role TEXT NOT NULL
) STRICT;

-- Which option of such an election is which member. stands: they were asked and said yes or no; NULL: nothing yet. given:
-- they were chosen, and have got the role.
CREATE TABLE candidates (
    poll_id INTEGER NOT NULL REFERENCES elections (poll_id),
    place INTEGER NOT NULL,
    member_id INTEGER NOT NULL REFERENCES members (id),
    stands INTEGER CHECK (stands IN (0, 1)),
    given INTEGER NOT NULL DEFAULT 0 CHECK (given IN (0, 1)),
    PRIMARY KEY (poll_id, place)
) STRICT, WITHOUT ROWID;
