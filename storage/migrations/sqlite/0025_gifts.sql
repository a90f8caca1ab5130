-- Something, or help, that somebody gave and nobody counts in hours; what it was is in the notes. minutes: how long it
-- took, as whoever told it said: nobody but the whole group is told a sum of it.
CREATE TABLE gifts (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    recorder_id INTEGER NOT NULL REFERENCES members (id),
    minutes INTEGER CHECK (minutes > 0),
    at_us INTEGER NOT NULL,
    undone_us INTEGER,
    UNIQUE (committee_id, number)
) STRICT;

CREATE INDEX gifts_in_time ON gifts (committee_id, at_us);
CREATE INDEX gifts_of_recorder ON gifts (recorder_id, id);

-- Who gave it, and who got it; nobody got it: it was for all.
CREATE TABLE gift_people (
    gift_id INTEGER NOT NULL REFERENCES gifts (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    side TEXT NOT NULL CHECK (side IN ('gave', 'got')),
    PRIMARY KEY (gift_id, member_id, side)
) STRICT, WITHOUT ROWID;

CREATE INDEX gift_people_of_member ON gift_people (member_id, gift_id);
