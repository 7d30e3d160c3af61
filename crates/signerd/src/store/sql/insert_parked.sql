INSERT OR IGNORE INTO parked_votes (sighash, cycle, signer, kind, content, at)
VALUES (?, ?, ?, ?, ?, ?)
