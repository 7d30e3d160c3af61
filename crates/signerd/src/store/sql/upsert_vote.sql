INSERT OR REPLACE INTO votes (sighash, signer, kind, content) VALUES (?, ?, ?, ?)
