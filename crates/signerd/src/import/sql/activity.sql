SELECT consensus_hash, last_activity_time FROM tenure_activity
WHERE consensus_hash IN (SELECT consensus_hash FROM burn_blocks
                         WHERE block_height > (SELECT max(block_height) FROM burn_blocks) - ?1)
