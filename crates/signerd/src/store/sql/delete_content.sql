DELETE FROM contents WHERE sighash = ?
