INSERT OR REPLACE INTO superseded (tenure, burn_height, by, by_burn_block, at)
VALUES (?, ?, ?, ?, ?)
