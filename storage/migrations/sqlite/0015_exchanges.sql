-- Minutes that are promised in open exchanges: for every limit they count as if they had gone already.
ALTER TABLE accounts ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0);

-- What was asked for and takes somebody's yes: hours claimed, a share of a session, a late undo.
-- together: the first of those that were asked at once. legs: [[account, minutes], ...] as quoted; done: the transfer that it became.
CREATE TABLE exchanges (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    together INTEGER NOT NULL,
    recorder_id INTEGER NOT NULL REFERENCES members (id),
    state TEXT NOT NULL CHECK (state IN ('open', 'done', 'declined', 'lapsed', 'withdrawn')),
    legs TEXT NOT NULL,
    policy TEXT NOT NULL,
    policy_version INTEGER NOT NULL,
    reverses_id INTEGER REFERENCES transfers (id),
    post_id INTEGER,
    at_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    transfer_id INTEGER UNIQUE REFERENCES transfers (id),
    CHECK ((state = 'done') = (transfer_id IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX exchanges_one_undo ON exchanges (reverses_id) WHERE state = 'open' AND reverses_id IS NOT NULL;
CREATE INDEX exchanges_together ON exchanges (together);
CREATE INDEX exchanges_open ON exchanges (committee_id, recorder_id) WHERE state = 'open';

-- Whose yes an exchange takes; said_us NULL: not said yet.
CREATE TABLE approvals (
    exchange_id INTEGER NOT NULL REFERENCES exchanges (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    said_us INTEGER,
    PRIMARY KEY (exchange_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX approvals_of_member ON approvals (member_id, exchange_id);

CREATE TABLE holds (
    exchange_id INTEGER NOT NULL REFERENCES exchanges (id),
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    minutes INTEGER NOT NULL CHECK (minutes > 0),
    PRIMARY KEY (exchange_id, account_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX holds_of_account ON holds (account_id);

CREATE TRIGGER holds_never_change BEFORE UPDATE ON holds
BEGIN
    SELECT RAISE (ABORT, 'holds never change');
END;

CREATE TRIGGER exchanges_end_once BEFORE UPDATE ON exchanges
WHEN OLD.state <> 'open'
BEGIN
    SELECT RAISE (ABORT, 'an exchange ends once');
END;

-- Recorded for somebody without an account; confirmed_us: when that person, grown into an account, said that it is right.
CREATE TABLE proxied (
    transfer_id INTEGER PRIMARY KEY REFERENCES transfers (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    confirmed_us INTEGER
) STRICT;

CREATE INDEX proxied_open ON proxied (member_id) WHERE confirmed_us IS NULL;

-- Who lets hours that others say to have worked for them stand without a yes.
CREATE TABLE trusting (
    member_id INTEGER PRIMARY KEY REFERENCES members (id)
) STRICT;

-- Transfers that came from an offer or a need on the board.
CREATE TABLE origins (
    transfer_id INTEGER PRIMARY KEY REFERENCES transfers (id),
    post_id INTEGER NOT NULL
) STRICT;

CREATE INDEX origins_of_post ON origins (post_id);
