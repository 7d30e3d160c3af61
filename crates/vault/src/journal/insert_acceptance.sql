INSERT INTO acceptance (sighash, height, tenure, at) VALUES (?1, ?2, ?3, ?4)
