INSERT INTO contents (sighash, block) VALUES (?, ?)
