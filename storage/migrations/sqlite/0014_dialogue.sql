-- The question that a member was asked last and may answer in words: the command so far, and which argument it is.
CREATE TABLE dialogues (
    member_id INTEGER PRIMARY KEY REFERENCES members (id),
    command TEXT NOT NULL,
    version INTEGER NOT NULL,
    arguments TEXT NOT NULL,
    parameter TEXT NOT NULL,
    expires_us INTEGER NOT NULL
) STRICT;
