DELETE FROM votes WHERE sighash = ? AND signer = ? AND kind = ?
