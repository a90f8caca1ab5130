-- Terms of roles, reminders, and when somebody was last seen.

-- The day (UTC) on which they last said or pressed something here: only the day, written at most once a day. Asked
-- for because a committee must know when its organizers have gone. Whoever was there before this was kept has been
-- seen today.
ALTER TABLE members ADD COLUMN seen_on TEXT;
UPDATE members SET seen_on = date('now') WHERE active = 1;
-- When an organizer who was not seen was asked whether they are still there, and since when they count as vanished.
ALTER TABLE members ADD COLUMN asked_on TEXT;
ALTER TABLE members ADD COLUMN vanished_on TEXT;
-- 0: has said that they will not organize, and is not asked.
ALTER TABLE members ADD COLUMN organizing INTEGER NOT NULL DEFAULT 1 CHECK (organizing IN (0, 1));

-- The search for the next organizers: how many are still wanted; one search at a time.
CREATE TABLE rotations (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    seats INTEGER NOT NULL CHECK (seats >= 0),
    closed_us INTEGER
) STRICT;

CREATE UNIQUE INDEX rotations_open ON rotations (committee_id) WHERE closed_us IS NULL;

-- Who was asked in a search, and what they said; NULL: not yet.
CREATE TABLE rotation_asked (
    rotation_id INTEGER NOT NULL REFERENCES rotations (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    why TEXT NOT NULL,
    asked_us INTEGER NOT NULL,
    answer TEXT CHECK (answer IN ('yes', 'no', 'silent')),
    PRIMARY KEY (rotation_id, member_id)
) STRICT, WITHOUT ROWID;
