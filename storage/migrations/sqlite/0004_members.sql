-- A committee's own life: rules that it sets, how somebody came in, who speaks for whom, and roles with terms.

-- What a committee has set, beside the columns of `committees`: JSON by name.
CREATE TABLE rules (
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (committee_id, name)
) STRICT, WITHOUT ROWID;

-- People who share a home and its books. A household has no name of its own: it is shown by its members' names.
CREATE TABLE households (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id)
) STRICT;

-- A child has no account for hours, no turns and no vote.
ALTER TABLE members ADD COLUMN child INTEGER NOT NULL DEFAULT 0 CHECK (child IN (0, 1));
-- Who vouched for them, or added them. NULL: nobody did; they came by the open group.
ALTER TABLE members ADD COLUMN invited_by INTEGER REFERENCES members (id);
-- Who speaks for somebody without an account of their own. NULL: they speak for themselves.
ALTER TABLE members ADD COLUMN helper_id INTEGER REFERENCES members (id);
ALTER TABLE members ADD COLUMN household_id INTEGER REFERENCES households (id);
-- Until then a newcomer: no vote yet. NULL: a full member.
ALTER TABLE members ADD COLUMN newcomer_until_us INTEGER;
-- Until then nothing can be said in the committee's name or with its hours. NULL: not suspended.
ALTER TABLE members ADD COLUMN suspended_until_us INTEGER;

CREATE INDEX members_of_household ON members (household_id) WHERE household_id IS NOT NULL;
CREATE INDEX members_of_helper ON members (helper_id) WHERE helper_id IS NOT NULL;

-- Roles are data: any name, from when, until when at most (the term), and when it ended.
CREATE TABLE new_roles (
    id INTEGER PRIMARY KEY,
    member_id INTEGER NOT NULL REFERENCES members (id),
    role TEXT NOT NULL,
    from_us INTEGER NOT NULL,
    term_us INTEGER CHECK (term_us > from_us),
    until_us INTEGER
) STRICT;

INSERT INTO new_roles (id, member_id, role, from_us, until_us) SELECT id, member_id, role, from_us, until_us FROM roles;
DROP TABLE roles;
ALTER TABLE new_roles RENAME TO roles;
CREATE UNIQUE INDEX roles_held ON roles (member_id, role) WHERE until_us IS NULL;
