-- Working groups, and reading the books.

-- `name_key` is case-folded. The chat, if the group has one of its own, is the one whose `working_group_id` it is.
CREATE TABLE working_groups (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    made_us INTEGER NOT NULL,
    ended_us INTEGER
) STRICT;

CREATE UNIQUE INDEX working_groups_by_name ON working_groups (committee_id, name_key) WHERE ended_us IS NULL;

-- The roll: who is in it, from when until when.
CREATE TABLE working_group_members (
    id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL REFERENCES working_groups (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    from_us INTEGER NOT NULL,
    until_us INTEGER
) STRICT;

CREATE UNIQUE INDEX working_groups_joined ON working_group_members (group_id, member_id) WHERE until_us IS NULL;
CREATE INDEX working_groups_of_member ON working_group_members (member_id) WHERE until_us IS NULL;

-- Who wants a group to end, and since when. Old ones count no more.
CREATE TABLE working_group_endings (
    group_id INTEGER NOT NULL REFERENCES working_groups (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    at_us INTEGER NOT NULL,
    PRIMARY KEY (group_id, member_id)
) STRICT, WITHOUT ROWID;

-- A working group's own chat is the committee's too, but cards and news of the whole committee do not go there.
ALTER TABLE chats ADD COLUMN working_group_id INTEGER REFERENCES working_groups (id);
CREATE UNIQUE INDEX chats_of_working_group ON chats (working_group_id) WHERE working_group_id IS NOT NULL;

-- A proposal to become several small groups. `group_id` NULL: it is about the whole committee. `below`: since then it
-- has been no bigger than it should be.
CREATE TABLE splits (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    group_id INTEGER REFERENCES working_groups (id),
    size INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    below INTEGER NOT NULL DEFAULT 0 CHECK (below IN (0, 1)),
    declined_by INTEGER REFERENCES members (id)
) STRICT;

CREATE INDEX splits_of_committee ON splits (committee_id, group_id, id);

-- The books: entries other than transfers, which are most of them; and the transfer of an entry.
CREATE INDEX entries_but_transfers ON entries (committee_id, number) WHERE kind <> 'transfer';
CREATE INDEX transfers_by_entry ON transfers (committee_id, entry);

-- Books that are being recomputed for a member, as far as that has come. `balances`: minutes by account, as JSON.
CREATE TABLE audits (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    member_id INTEGER NOT NULL UNIQUE REFERENCES members (id),
    number INTEGER NOT NULL,
    hash TEXT NOT NULL,
    transfers INTEGER NOT NULL,
    balances TEXT NOT NULL
) STRICT;
