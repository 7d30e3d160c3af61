SELECT height, sighash, cause, reason, at FROM missed ORDER BY height
