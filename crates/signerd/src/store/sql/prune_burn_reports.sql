DELETE FROM burn_reports
WHERE burn_block IN (SELECT consensus_hash FROM burn_blocks WHERE height < ?)
