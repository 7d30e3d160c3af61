INSERT OR REPLACE INTO burn_blocks (consensus_hash, hash, height, parent, received_at)
VALUES (?, ?, ?, ?, ?)
