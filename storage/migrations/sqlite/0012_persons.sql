-- People without an account: a code with which one of them takes over what a helper has kept for them.

-- The membership that the code hands over; its maker stands in member_id. NULL: the code connects groups or accounts.
ALTER TABLE codes ADD COLUMN claims_id INTEGER REFERENCES members (id);

DROP INDEX codes_of_committee;
CREATE UNIQUE INDEX codes_of_committee ON codes (committee_id) WHERE used_us IS NULL AND claims_id IS NULL;
CREATE UNIQUE INDEX codes_to_claim ON codes (claims_id) WHERE used_us IS NULL AND claims_id IS NOT NULL;
