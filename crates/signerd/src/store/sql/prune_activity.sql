DELETE FROM activity
WHERE tenure NOT IN (SELECT consensus_hash FROM burn_blocks WHERE height >= ?)
