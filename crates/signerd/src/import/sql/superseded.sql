SELECT consensus_hash, burn_block_height, superseded_by_consensus_hash,
       superseded_by_burn_block_hash, superseded_at
FROM superseded_tenures
WHERE burn_block_height > (SELECT max(block_height) FROM burn_blocks) - ?1
