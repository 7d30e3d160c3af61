INSERT OR REPLACE INTO missed (height, sighash, cause, reason, at) VALUES (?, ?, ?, ?, ?)
