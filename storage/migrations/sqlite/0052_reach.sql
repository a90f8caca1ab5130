-- Whether the message in which somebody was told of an alert has been taken by the network.
ALTER TABLE alert_pages ADD COLUMN delivered INTEGER NOT NULL DEFAULT 0 CHECK (delivered IN (0, 1));

-- The telephone numbers that members gave, and who may see each: nobody; on_call (whoever is on call in an alert);
-- organizers; all. They are seen only by whoever calls in an alert, one at a time.
CREATE TABLE phones (
    member_id INTEGER PRIMARY KEY REFERENCES members (id),
    number TEXT NOT NULL CHECK (length(number) BETWEEN 5 AND 16),
    sees TEXT NOT NULL CHECK (sees IN ('nobody', 'on_call', 'organizers', 'all')),
    since_us INTEGER NOT NULL
) STRICT;

-- To whom a number was shown, and in which alert; its owner is told of it afterwards, once (told_us).
CREATE TABLE phone_views (
    id INTEGER PRIMARY KEY,
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    viewer_id INTEGER NOT NULL REFERENCES members (id),
    at_us INTEGER NOT NULL,
    told_us INTEGER,
    UNIQUE (alert_id, member_id, viewer_id)
) STRICT;

CREATE INDEX phone_views_member ON phone_views (member_id);
CREATE INDEX phone_views_viewer ON phone_views (viewer_id);

-- Who is told of the calls that an alert takes. calls: they have taken a part of the list.
CREATE TABLE alert_callers (
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    calls INTEGER NOT NULL DEFAULT 0 CHECK (calls IN (0, 1)),
    PRIMARY KEY (alert_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_callers_member ON alert_callers (member_id);

-- Whom a message did not reach, so that somebody calls them. what: that there is an alert, or that it is over.
-- caller_id: whose part of the list it is; NULL: nobody calls yet. tries: how often they did not answer.
-- shown_us: since when the caller sees them, and perhaps has them on the phone.
-- result: NULL as long as they are to be called.
CREATE TABLE alert_calls (
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    what TEXT NOT NULL CHECK (what IN ('alert', 'over')),
    member_id INTEGER NOT NULL REFERENCES members (id),
    caller_id INTEGER REFERENCES members (id),
    tries INTEGER NOT NULL DEFAULT 0,
    shown_us INTEGER,
    result TEXT CHECK (result IN ('called', 'coming')),
    at_us INTEGER NOT NULL,
    PRIMARY KEY (alert_id, what, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_calls_member ON alert_calls (member_id);
CREATE INDEX alert_calls_caller ON alert_calls (caller_id);

-- Who is to learn that an alert is over. coming: they said that they come, so they have to say that they know.
-- state: sent; delivered; unreachable; known (they said so, somebody told them by phone, or they ended it themselves).
CREATE TABLE alert_stand_downs (
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    coming INTEGER NOT NULL CHECK (coming IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('sent', 'delivered', 'unreachable', 'known')),
    reminded_us INTEGER,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (alert_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_stand_downs_member ON alert_stand_downs (member_id);
