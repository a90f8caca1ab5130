-- Whose hours, worked for a member, that member lets stand without a yes; `trusting` is everybody's.
CREATE TABLE trusting_some (
    member_id INTEGER NOT NULL REFERENCES members (id),
    trusted_id INTEGER NOT NULL REFERENCES members (id),
    PRIMARY KEY (member_id, trusted_id),
    CHECK (member_id <> trusted_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX trusting_some_of ON trusting_some (trusted_id);
