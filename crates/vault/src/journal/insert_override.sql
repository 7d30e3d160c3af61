INSERT OR IGNORE INTO overridden (sighash, rival, rule) VALUES (?1, ?2, ?3)
