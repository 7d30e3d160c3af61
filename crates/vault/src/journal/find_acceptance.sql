SELECT height, tenure FROM acceptance WHERE sighash = ?1
