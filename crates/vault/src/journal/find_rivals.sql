SELECT sighash, height FROM acceptance WHERE height >= ?1 ORDER BY height DESC, sighash
