SELECT 1 FROM contents WHERE sighash = ?
