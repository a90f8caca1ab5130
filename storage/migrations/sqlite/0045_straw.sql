-- Straw polls: the networks' own polls, as temperature checks. They decide nothing. The question is the note straw:ID.
-- several: one may choose more than one. members, others: how many voted, known once it is over (ended_us).
CREATE TABLE straws (
    id INTEGER PRIMARY KEY,
    committee_id INTEGER NOT NULL REFERENCES committees (id),
    number INTEGER NOT NULL,
    maker_id INTEGER NOT NULL REFERENCES members (id),
    several INTEGER NOT NULL CHECK (several IN (0, 1)),
    made_us INTEGER NOT NULL,
    ends_us INTEGER NOT NULL CHECK (ends_us > made_us),
    ended_us INTEGER,
    members INTEGER,
    others INTEGER,
    UNIQUE (committee_id, number),
    CHECK ((ended_us IS NULL) = (members IS NULL) AND (ended_us IS NULL) = (others IS NULL))
) STRICT;

CREATE INDEX straws_open ON straws (committee_id) WHERE ended_us IS NULL;

-- What can be chosen, in its own words (note straw_option:ID); place: from 0, as networks count. members, others: how
-- many chose it, known once the straw poll is over.
CREATE TABLE straw_options (
    id INTEGER PRIMARY KEY,
    straw_id INTEGER NOT NULL REFERENCES straws (id),
    place INTEGER NOT NULL,
    members INTEGER,
    others INTEGER,
    UNIQUE (straw_id, place)
) STRICT;

-- Where it is shown. state: asked: a poll of the network's own is on its way there; native: it is there (poll: what its
-- votes name, with the network before it; message: where it is); buttons: none can be there, so the card has buttons.
CREATE TABLE straw_places (
    id INTEGER PRIMARY KEY,
    straw_id INTEGER NOT NULL REFERENCES straws (id),
    chat_id INTEGER NOT NULL REFERENCES chats (id),
    state TEXT NOT NULL CHECK (state IN ('asked', 'native', 'buttons')),
    poll TEXT UNIQUE,
    message TEXT,
    UNIQUE (straw_id, chat_id),
    CHECK ((state = 'native') = (poll IS NOT NULL))
) STRICT;

CREATE INDEX straw_places_in ON straw_places (chat_id, message);

-- Votes as they came, until it is over: then only how many there were is left. Whoever has voted again has several rows,
-- of which the newest counts; choices: the places of options, none where the vote was taken back. straw_id NULL: the vote
-- came before it was known where its poll stands.
CREATE TABLE straw_votes (
    id INTEGER PRIMARY KEY,
    straw_id INTEGER REFERENCES straws (id),
    poll TEXT,
    user TEXT NOT NULL,
    event TEXT NOT NULL,
    choices TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    CHECK (straw_id IS NOT NULL OR poll IS NOT NULL)
) STRICT;

CREATE INDEX straw_votes_of ON straw_votes (straw_id, at_us);
CREATE INDEX straw_votes_in ON straw_votes (poll);
CREATE INDEX straw_votes_by ON straw_votes (user);
CREATE INDEX straw_votes_as ON straw_votes (event);
