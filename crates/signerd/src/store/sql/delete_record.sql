DELETE FROM records WHERE sighash = ?
