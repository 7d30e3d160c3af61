SELECT consensus_hash, block_hash, block_height, parent_burn_block_hash, received_time
FROM burn_blocks WHERE block_height > (SELECT max(block_height) FROM burn_blocks) - ?1
