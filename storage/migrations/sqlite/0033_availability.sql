-- What somebody has said of their part in the rota. share: agreed minutes a month, NULL: as is usual here; available:
-- weekdays and parts of the day in one line, NULL: any time but the night.
CREATE TABLE rota_members (
    member_id INTEGER PRIMARY KEY REFERENCES members (id),
    share INTEGER CHECK (share >= 0),
    available TEXT
) STRICT;

-- Days on which somebody is away, both included; spans of one member never overlap.
CREATE TABLE absences (
    member_id INTEGER NOT NULL REFERENCES members (id),
    first TEXT NOT NULL,
    last TEXT NOT NULL CHECK (last >= first),
    PRIMARY KEY (member_id, first)
) STRICT, WITHOUT ROWID;

CREATE INDEX absences_over ON absences (last);

-- What somebody wishes of tasks. task: kind:3, task:12, or words:cleaning.
CREATE TABLE task_wishes (
    id INTEGER PRIMARY KEY,
    member_id INTEGER NOT NULL REFERENCES members (id),
    task TEXT NOT NULL,
    wish TEXT NOT NULL CHECK (wish IN ('like', 'dislike', 'veto')),
    UNIQUE (member_id, task)
) STRICT;

-- Whom somebody does not want to be put together with; nobody but them is ever told.
CREATE TABLE not_with (
    member_id INTEGER NOT NULL REFERENCES members (id),
    other_id INTEGER NOT NULL REFERENCES members (id) CHECK (other_id <> member_id),
    PRIMARY KEY (member_id, other_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX not_with_other ON not_with (other_id);

-- What somebody must be able to do for some tasks; how it is called is in the notes.
CREATE TABLE skills (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id)
) STRICT;

CREATE INDEX skills_of_committee ON skills (committee_id);

-- Who has a skill: the committee has decided so, two who have it have said so, or they learnt it in a trainee seat.
CREATE TABLE skill_holders (
    skill_id INTEGER NOT NULL REFERENCES skills (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    how TEXT NOT NULL CHECK (how IN ('decided', 'granted', 'learnt')),
    since_us INTEGER NOT NULL,
    PRIMARY KEY (skill_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX skill_holders_of_member ON skill_holders (member_id);

-- Who wants to learn a skill.
CREATE TABLE skill_learners (
    skill_id INTEGER NOT NULL REFERENCES skills (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    PRIMARY KEY (skill_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX skill_learners_of_member ON skill_learners (member_id);

-- Those who have a skill were asked whether somebody has it too.
CREATE TABLE skill_asked (
    skill_id INTEGER NOT NULL REFERENCES skills (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    at_us INTEGER NOT NULL,
    PRIMARY KEY (skill_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX skill_asked_of_member ON skill_asked (member_id);

-- What each of them has answered.
CREATE TABLE skill_answers (
    skill_id INTEGER NOT NULL REFERENCES skills (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    by_id INTEGER NOT NULL REFERENCES members (id),
    can INTEGER NOT NULL CHECK (can IN (0, 1)),
    PRIMARY KEY (skill_id, member_id, by_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX skill_answers_of_member ON skill_answers (member_id);
CREATE INDEX skill_answers_by ON skill_answers (by_id);
