-- Polls that several linked committees vote on, each in its own chat. What is asked is the note linked_poll:ID, a line
-- for the question and one for each option.

-- A question as one committee knows it. hash: of the envelope that asked it. author: the committee that asks. terms: what
-- is fixed besides the words (JSON). state: asked: organizers here decide whether it is voted on; missed: it came too
-- late. poll_id: the poll here. tally: what was told to the others that all counts come to; told: what was told here last.
CREATE TABLE linked_polls (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    hash TEXT NOT NULL CHECK (length(hash) = 64),
    author TEXT NOT NULL CHECK (length(author) = 64),
    terms TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('asked', 'open', 'declined', 'withdrawn', 'missed')),
    poll_id INTEGER UNIQUE REFERENCES polls (id),
    came_us INTEGER NOT NULL,
    tally TEXT,
    told TEXT,
    UNIQUE (federation_id, hash)
) STRICT;

-- What committees have said of such a poll, this one too. poll: the hash of the question, which may come later. hash,
-- life, number: of the envelope that said it. body: JSON, as it was signed.
CREATE TABLE linked_statements (
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    poll TEXT NOT NULL CHECK (length(poll) = 64),
    author TEXT NOT NULL CHECK (length(author) = 64),
    kind TEXT NOT NULL CHECK (kind IN ('answer', 'count', 'result')),
    life INTEGER NOT NULL,
    number INTEGER NOT NULL,
    hash TEXT NOT NULL CHECK (length(hash) = 64),
    body TEXT NOT NULL,
    came_us INTEGER NOT NULL,
    PRIMARY KEY (federation_id, poll, kind, author, life, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX linked_statements_of ON linked_statements (federation_id, author);
