SELECT consensus_hash, hash, height, parent, received_at FROM burn_blocks
