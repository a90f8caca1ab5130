-- Who has given how many minutes to whom, by accounts: what a limit that grows counts.
CREATE TABLE given (
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    to_id INTEGER NOT NULL REFERENCES accounts (id),
    minutes INTEGER NOT NULL,
    PRIMARY KEY (account_id, to_id)
) STRICT, WITHOUT ROWID;

INSERT INTO given (account_id, to_id, minutes)
SELECT g.account_id, r.account_id, sum(g.minutes)
FROM postings g JOIN postings r ON r.transfer_id = g.transfer_id AND r.minutes < 0
JOIN transfers t ON t.id = g.transfer_id
WHERE g.minutes > 0 AND t.reverses_id IS NULL
  AND NOT EXISTS (SELECT 1 FROM transfers u WHERE u.reverses_id = t.id)
  AND t.id NOT IN (SELECT transfer_id FROM absorbed WHERE transfer_id IS NOT NULL)
GROUP BY g.account_id, r.account_id;
