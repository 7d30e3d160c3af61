SELECT tenure, burn_height, by, by_burn_block, at FROM superseded
