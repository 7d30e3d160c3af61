INSERT INTO acceptance (sighash, height, tenure, at, is_told) VALUES (?1, ?2, ?3, ?4, ?5)
