-- What is kept of linked committees is bounded, and kept for so long and no longer.

-- When it came, by the clock here: an author may write any other time into it.
ALTER TABLE envelopes ADD COLUMN came_us INTEGER NOT NULL DEFAULT 0;
UPDATE envelopes SET came_us = sent_us;
DROP INDEX envelopes_old;
CREATE INDEX envelopes_old ON envelopes (came_us);

-- Since when its author says that they have no more what it lacks; NULL: nothing of that is known.
ALTER TABLE chain_heads ADD COLUMN stuck_us INTEGER;

-- Since when they were not heard, once people have been told; NULL: they are heard.
ALTER TABLE peers ADD COLUMN silent_us INTEGER;

-- Since when this committee listens without a break, and when it has told the others last how far it has come.
ALTER TABLE federations ADD COLUMN listening_us INTEGER;
ALTER TABLE federations ADD COLUMN beat_us INTEGER;

-- When what an author has asked of this committee will have grown back, in milliseconds since 1970.
CREATE TABLE wire_spent (
    federation_id INTEGER NOT NULL REFERENCES federations (id),
    author TEXT NOT NULL,
    what TEXT NOT NULL CHECK (what IN ('said', 'asked', 'unnumbered')),
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (federation_id, author, what)
) STRICT, WITHOUT ROWID;
