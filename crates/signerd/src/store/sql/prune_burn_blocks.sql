DELETE FROM burn_blocks WHERE height < ?
