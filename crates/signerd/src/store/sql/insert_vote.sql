INSERT OR IGNORE INTO votes (sighash, signer, kind, content) VALUES (?, ?, ?, ?)
