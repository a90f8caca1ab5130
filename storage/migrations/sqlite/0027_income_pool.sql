-- What somebody put into the income pool in a month, and what their share of it was: minutes, and money in hundredths
-- that is only recorded. NULL: that month is not shared out yet.
CREATE TABLE pool_parts (
    member_id INTEGER NOT NULL REFERENCES members (id),
    period TEXT NOT NULL,
    minutes INTEGER NOT NULL DEFAULT 0 CHECK (minutes >= 0),
    money INTEGER NOT NULL DEFAULT 0 CHECK (money >= 0),
    got_minutes INTEGER CHECK (got_minutes >= 0),
    got_money INTEGER CHECK (got_money >= 0),
    PRIMARY KEY (member_id, period)
) STRICT, WITHOUT ROWID;
