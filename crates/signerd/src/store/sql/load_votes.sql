SELECT sighash, signer, kind, content FROM votes
