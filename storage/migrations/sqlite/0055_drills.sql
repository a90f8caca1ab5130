-- How drills went, in figures only. told: who was to be reached, without those whose quiet hours were left in peace
-- (waiting). in_time: who had answered within window_minutes of its beginning. first_s, median_s: after how many seconds
-- the first answer came, and half of them; NULL: nobody answered. bar: the share, in hundredths of one per cent, that the
-- committee wanted then. rings: [[ring, told, in time], ...].
CREATE TABLE drill_scores (
    alert_id INTEGER PRIMARY KEY REFERENCES alerts (id),
    at_us INTEGER NOT NULL,
    window_minutes INTEGER NOT NULL CHECK (window_minutes > 0),
    bar INTEGER NOT NULL CHECK (bar BETWEEN 0 AND 10000),
    told INTEGER NOT NULL CHECK (told >= 0),
    delivered INTEGER NOT NULL CHECK (delivered BETWEEN 0 AND told),
    answered INTEGER NOT NULL CHECK (answered BETWEEN 0 AND told),
    in_time INTEGER NOT NULL CHECK (in_time BETWEEN 0 AND answered),
    unreachable INTEGER NOT NULL CHECK (unreachable BETWEEN 0 AND told),
    waiting INTEGER NOT NULL CHECK (waiting >= 0),
    first_s INTEGER CHECK (first_s >= 0),
    median_s INTEGER CHECK (median_s >= first_s),
    rings TEXT NOT NULL
) STRICT;

-- What was begun as a drill stays one, and what is real stays real.
CREATE TRIGGER alerts_status BEFORE UPDATE OF status ON alerts WHEN new.status <> old.status
BEGIN SELECT RAISE(ABORT, 'an alert stays what it was raised as'); END;
