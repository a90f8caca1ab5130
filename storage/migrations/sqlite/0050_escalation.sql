-- What somebody has said, in private, of being called to alerts. wakes: whether they may be told in their quiet hours;
-- NULL: they have not said. near: the areas that they are near, as they wrote them (a JSON list).
CREATE TABLE alert_wishes (
    member_id INTEGER PRIMARY KEY REFERENCES members (id),
    wakes INTEGER CHECK (wakes IN (0, 1)),
    near TEXT NOT NULL DEFAULT '[]'
) STRICT;

-- When something was planned that comes after a stretch of time, not at a time of day: a clock that is set back behind
-- that must not make it wait for longer.
ALTER TABLE due ADD COLUMN planned_us INTEGER;

CREATE INDEX due_planned ON due (planned_us) WHERE planned_us IS NOT NULL;
