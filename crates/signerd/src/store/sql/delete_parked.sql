DELETE FROM parked_votes
WHERE sighash = ? AND cycle = ? AND signer = ? AND kind = ? AND content = ?
