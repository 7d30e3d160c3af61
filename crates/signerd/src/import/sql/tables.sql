SELECT count(*) FROM sqlite_schema
WHERE type = 'table' AND name IN ('db_config', 'blocks', 'burn_blocks', 'stackerdb_tracking')
