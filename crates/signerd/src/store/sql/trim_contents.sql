DELETE FROM contents
WHERE sighash IN (SELECT sighash FROM records ORDER BY height DESC LIMIT -1 OFFSET ?)
