SELECT sighash, height, tenure, at FROM acceptance WHERE height <= ?1
