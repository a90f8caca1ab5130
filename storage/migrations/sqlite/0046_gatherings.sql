-- Three kinds of polls that do more than choose: when to meet, surveys of several questions, slots to sign up for. Each is
-- a row in polls (question, roll, opening and closing); here stands what only they have.

-- Whose no counts most when a time to meet is looked for.
CREATE TABLE meeting_needed (
    poll_id INTEGER NOT NULL REFERENCES polls (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    PRIMARY KEY (poll_id, member_id)
) STRICT, WITHOUT ROWID;

-- The questions of a survey (note survey_question:ID). place: its number, from 1. kind: one of its options, several of them,
-- or an answer in words.
CREATE TABLE survey_questions (
    id INTEGER PRIMARY KEY,
    poll_id INTEGER NOT NULL REFERENCES polls (id),
    place INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('one', 'several', 'free')),
    UNIQUE (poll_id, place)
) STRICT;

-- What can be chosen there (note survey_option:ID). place: its number in the question, from 1, which ballots name.
CREATE TABLE survey_options (
    id INTEGER PRIMARY KEY,
    question_id INTEGER NOT NULL REFERENCES survey_questions (id),
    place INTEGER NOT NULL,
    UNIQUE (question_id, place)
) STRICT;

-- Answers in words (note survey_answer:ID). voter: as in poll_ballots; NULL once a hidden survey is closed: then the rows are
-- written anew in shuffled order, and nothing leads from them to a person or to other answers.
CREATE TABLE survey_answers (
    id INTEGER PRIMARY KEY,
    question_id INTEGER NOT NULL REFERENCES survey_questions (id),
    voter TEXT,
    UNIQUE (question_id, voter)
) STRICT;

-- Who asked for which slot (an option of the poll, by its place). id: the order of asking, by which it follows who has the
-- slot and who waits for it; nothing else says so.
CREATE TABLE slot_askings (
    id INTEGER PRIMARY KEY,
    poll_id INTEGER NOT NULL REFERENCES polls (id),
    place INTEGER NOT NULL,
    member_id INTEGER NOT NULL REFERENCES members (id),
    asked_us INTEGER NOT NULL,
    UNIQUE (poll_id, place, member_id)
) STRICT;

CREATE INDEX slot_askings_member ON slot_askings (member_id);

-- Which task of the rota was made of a slot, or of a meeting (place 0): each once.
CREATE TABLE poll_tasks (
    poll_id INTEGER NOT NULL REFERENCES polls (id),
    place INTEGER NOT NULL,
    task_id INTEGER NOT NULL REFERENCES rota_tasks (id),
    PRIMARY KEY (poll_id, place)
) STRICT, WITHOUT ROWID;
