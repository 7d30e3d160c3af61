SELECT height, tenure, is_told FROM acceptance WHERE sighash = ?1
