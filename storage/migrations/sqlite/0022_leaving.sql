-- What somebody left behind and the committee's account took: which exchange moved it.
CREATE TABLE leftovers (
    transfer_id INTEGER PRIMARY KEY REFERENCES transfers (id),
    member_id INTEGER NOT NULL REFERENCES members (id)
) STRICT;
CREATE INDEX leftovers_member ON leftovers (member_id);

-- On which day somebody who was not seen for long was asked whether they are still there.
CREATE TABLE dormant (
    member_id INTEGER PRIMARY KEY REFERENCES members (id),
    asked_on TEXT NOT NULL
) STRICT;
