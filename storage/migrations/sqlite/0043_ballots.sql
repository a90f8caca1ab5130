-- Ballots that somebody is filling in by tapping. voter: as in poll_ballots, whose ballot it will be; holder_id: who holds
-- their proxy and fills it in, 0: the voter. draft: JSON; at: how often it was changed, so that a tap counts once.
-- Erased when the ballot is cast, and with the end of the poll.
CREATE TABLE papers (
    poll_id INTEGER NOT NULL REFERENCES polls (id),
    voter TEXT NOT NULL,
    holder_id INTEGER NOT NULL,
    draft TEXT NOT NULL,
    at INTEGER NOT NULL CHECK (at >= 0),
    PRIMARY KEY (poll_id, voter, holder_id)
) STRICT, WITHOUT ROWID;

-- Who votes for whom while they are away. poll_id: in that poll alone; until_us: not after that. Nobody holds two at once,
-- and nobody has given two.
CREATE TABLE proxies (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    giver_id INTEGER NOT NULL REFERENCES members (id),
    holder_id INTEGER NOT NULL REFERENCES members (id),
    poll_id INTEGER REFERENCES polls (id),
    given_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    ended_us INTEGER,
    CHECK (giver_id <> holder_id)
) STRICT;

CREATE INDEX proxies_given ON proxies (giver_id);
CREATE INDEX proxies_held ON proxies (holder_id);

-- What a teller has entered of a ballot on paper or by phone, until a second one enters the same. Only of polls that show
-- names. Erased as soon as it is counted, or the poll is over.
CREATE TABLE teller_entries (
    poll_id INTEGER NOT NULL REFERENCES polls (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    teller_id INTEGER NOT NULL REFERENCES members (id),
    how TEXT NOT NULL CHECK (how IN ('paper', 'phone')),
    choice TEXT NOT NULL,
    PRIMARY KEY (poll_id, member_id),
    CHECK (teller_id <> member_id)
) STRICT, WITHOUT ROWID;

-- Members without an account whom the committee has given a vote, on paper or by phone.
CREATE TABLE paper_voters (
    member_id INTEGER PRIMARY KEY REFERENCES members (id),
    since_us INTEGER NOT NULL
) STRICT;

-- What is published of receipts. voter: as in poll_ballots while the poll runs, then only a number in the order of the
-- hashes. hash: of the poll, the ballot, and a code that only the voter was told.
CREATE TABLE poll_receipts (
    poll_id INTEGER NOT NULL REFERENCES polls (id),
    voter TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (poll_id, voter)
) STRICT, WITHOUT ROWID;

-- What members type has this name now; what the clock said by it, when the time to reply was over, has its own.
UPDATE due SET command = 'case_heard' WHERE command = 'vote';
