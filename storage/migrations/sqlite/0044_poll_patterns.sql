-- Polls that are made again. kind: template: the committee keeps it under a name (note pattern_name:ID); series: it comes
-- again by rrule (RFC 5545) on the wall clock, until ended_us. process, method, rule, secrecy: as in polls. minutes: so
-- long each of them is open, on the wall clock. The note pattern:ID holds the question and the options, a line each.
CREATE TABLE poll_patterns (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    kind TEXT NOT NULL CHECK (kind IN ('template', 'series')),
    process TEXT NOT NULL,
    method TEXT NOT NULL,
    rule TEXT NOT NULL,
    secrecy TEXT NOT NULL CHECK (secrecy IN ('open', 'hidden', 'external')),
    minutes INTEGER NOT NULL CHECK (minutes > 0),
    rrule TEXT CHECK ((rrule IS NOT NULL) = (kind = 'series')),
    maker_id INTEGER REFERENCES members (id),
    made_us INTEGER NOT NULL,
    ended_us INTEGER
) STRICT;

CREATE INDEX poll_patterns_of ON poll_patterns (committee_id, kind);

-- Which of them a poll was made from, where it belongs to a series.
CREATE TABLE poll_patterned (
    poll_id INTEGER PRIMARY KEY REFERENCES polls (id),
    pattern_id INTEGER NOT NULL REFERENCES poll_patterns (id)
) STRICT;
