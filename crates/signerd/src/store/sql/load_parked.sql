SELECT sighash, cycle, signer, kind, content, at FROM parked_votes ORDER BY at
