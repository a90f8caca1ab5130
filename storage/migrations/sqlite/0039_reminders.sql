-- Reminders of shifts.

-- In which zone somebody lives, NULL: as their committee; when they are reminded of shifts, as `evening 2h`, '': never,
-- NULL: as everybody.
ALTER TABLE wishes ADD COLUMN zone TEXT;
ALTER TABLE wishes ADD COLUMN remind TEXT;

-- What is still to be said; it goes with the seat. late: it could not be said in time, and waits for another moment.
CREATE TABLE reminders (
    assignment_id INTEGER NOT NULL REFERENCES assignments (id) ON DELETE CASCADE,
    at_us INTEGER NOT NULL,
    late INTEGER NOT NULL DEFAULT 0 CHECK (late IN (0, 1)),
    PRIMARY KEY (assignment_id, at_us)
) STRICT, WITHOUT ROWID;

CREATE INDEX reminders_due ON reminders (at_us);

-- Whose reminders are to be planned anew: their seats, their shifts' times, their wishes or their zone have changed.
-- Whoever changes any of these need not know of it. since_us: for seats taken since then nothing was planned yet.
CREATE TABLE reminders_stale (
    member_id INTEGER PRIMARY KEY REFERENCES members (id) ON DELETE CASCADE,
    since_us INTEGER
) STRICT;

CREATE TRIGGER reminders_of_a_seat_taken AFTER INSERT ON assignments WHEN NEW.state = 'held' BEGIN
    UPDATE reminders_stale SET since_us = NEW.since_us WHERE member_id = NEW.member_id AND since_us IS NULL;
    INSERT INTO reminders_stale SELECT NEW.member_id, NEW.since_us
        WHERE NOT EXISTS (SELECT 1 FROM reminders_stale WHERE member_id = NEW.member_id);
END;

CREATE TRIGGER reminders_of_a_seat_turned AFTER UPDATE OF state, member_id, seat_id ON assignments
WHEN NEW.state <> OLD.state OR NEW.member_id <> OLD.member_id OR NEW.seat_id <> OLD.seat_id BEGIN
    DELETE FROM reminders WHERE assignment_id = NEW.id;
    INSERT INTO reminders_stale SELECT NEW.member_id, NULL
        WHERE NEW.state = 'held' AND NOT EXISTS (SELECT 1 FROM reminders_stale WHERE member_id = NEW.member_id);
END;

CREATE TRIGGER reminders_of_a_shift_moved AFTER UPDATE OF start_us, end_us, until ON shifts
WHEN NEW.start_us <> OLD.start_us OR NEW.end_us <> OLD.end_us OR NEW.until IS NOT OLD.until BEGIN
    INSERT INTO reminders_stale SELECT DISTINCT a.member_id, NULL FROM seats e JOIN assignments a ON a.seat_id = e.id
        WHERE e.shift_id = NEW.id AND a.state = 'held'
          AND NOT EXISTS (SELECT 1 FROM reminders_stale s WHERE s.member_id = a.member_id);
END;

CREATE TRIGGER reminders_as_first_wished AFTER INSERT ON wishes BEGIN
    INSERT INTO reminders_stale SELECT m.id, NULL FROM members m WHERE m.person_id = NEW.person_id
        AND NOT EXISTS (SELECT 1 FROM reminders_stale s WHERE s.member_id = m.id);
END;

CREATE TRIGGER reminders_as_wished AFTER UPDATE ON wishes BEGIN
    INSERT INTO reminders_stale SELECT m.id, NULL FROM members m WHERE m.person_id = NEW.person_id
        AND NOT EXISTS (SELECT 1 FROM reminders_stale s WHERE s.member_id = m.id);
END;

CREATE TRIGGER reminders_in_another_zone AFTER UPDATE OF zone ON committees WHEN NEW.zone <> OLD.zone BEGIN
    INSERT INTO reminders_stale SELECT m.id, NULL FROM members m WHERE m.committee_id = NEW.id
        AND NOT EXISTS (SELECT 1 FROM reminders_stale s WHERE s.member_id = m.id);
END;

-- The clock is told to plan, whoever made it necessary; far in the past means at once.
CREATE TRIGGER reminders_to_plan AFTER INSERT ON reminders_stale BEGIN
    INSERT INTO due (key, committee_id, command, version, arguments, local, zone, rrule, at_us, late)
        SELECT 'reminders:plan', NULL, 'reminders_plan', 1, '{}', '2000-01-01T00:00:00', 'UTC', NULL,
            946684800000000, 'do'
        WHERE NOT EXISTS (SELECT 1 FROM due WHERE key = 'reminders:plan');
END;

-- Seats that are held already.
INSERT INTO reminders_stale SELECT DISTINCT member_id, NULL FROM assignments WHERE state = 'held';
