DELETE FROM votes WHERE sighash = ?
