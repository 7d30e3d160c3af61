INSERT INTO rejection (sighash, chain_id, at) VALUES (?1, ?2, ?3)
