INSERT OR REPLACE INTO peer_updates (cycle, signer, content, at) VALUES (?, ?, ?, ?)
