-- Networks without buttons: there a message's buttons are numbered, and people answer with the number.
CREATE TABLE keyboards (
    chat_id INTEGER NOT NULL REFERENCES chats (id),
    message TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 1),
    token TEXT NOT NULL,
    link INTEGER NOT NULL CHECK (link IN (0, 1)),
    at_us INTEGER NOT NULL,
    PRIMARY KEY (chat_id, message, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX keyboards_by_age ON keyboards (at_us);

-- What a network that takes a key with each message is given for a card: the same in no other database.
ALTER TABLE cards ADD COLUMN key TEXT NOT NULL DEFAULT '';

UPDATE cards SET key = lower(hex(randomblob(10)));
