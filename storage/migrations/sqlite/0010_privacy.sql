-- What each has chosen to show, and who was forgotten.

-- How a member appears to others. NULL: by the nickname, or else by the whole name.
ALTER TABLE members ADD COLUMN shown TEXT CHECK (shown IN ('first', 'full'));
-- When the name was replaced by a pseudonym.
ALTER TABLE members ADD COLUMN forgotten_us INTEGER;
-- The one name by which others see a member.
ALTER TABLE members ADD COLUMN called TEXT GENERATED ALWAYS AS (
    CASE shown WHEN 'first' THEN substr(name, 1, instr(name || ' ', ' ') - 1) WHEN 'full' THEN name
    ELSE coalesce(nickname, name) END) VIRTUAL;

-- Slow, salted hashes of the accounts of those who were forgotten: so that a copy made before can forget them again.
CREATE TABLE forgotten (
    account TEXT PRIMARY KEY,
    at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
