SELECT cycle, burn_block, signer, at FROM burn_reports
