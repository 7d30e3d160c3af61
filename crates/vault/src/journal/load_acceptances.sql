SELECT sighash, height, tenure, at, is_told FROM acceptance WHERE height <= ?1
