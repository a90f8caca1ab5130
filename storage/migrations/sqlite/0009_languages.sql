-- Second texts.

-- The committee's second language: what is said in its groups is said in both. NULL: there is one.
ALTER TABLE committees ADD COLUMN second_language TEXT;

-- Who wrote the words of a thing: only they add the same in another language. Ids in the order of writing.
CREATE TABLE written (
    id INTEGER PRIMARY KEY,
    thing TEXT NOT NULL UNIQUE,
    member_id INTEGER NOT NULL REFERENCES members (id),
    at_us INTEGER NOT NULL
) STRICT;

CREATE INDEX written_by ON written (member_id, id);

-- The words of a thing in another language than they were written in. They go when those go.
CREATE TABLE second_texts (
    thing TEXT NOT NULL,
    language TEXT NOT NULL,
    text TEXT NOT NULL,
    salt TEXT NOT NULL,
    PRIMARY KEY (thing, language)
) STRICT, WITHOUT ROWID;
