INSERT OR IGNORE INTO burn_reports (cycle, burn_block, signer, at) VALUES (?, ?, ?, ?)
