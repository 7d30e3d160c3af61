DELETE FROM parked_votes WHERE sighash = ?
