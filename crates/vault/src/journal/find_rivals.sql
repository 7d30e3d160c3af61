SELECT sighash, height FROM acceptance WHERE height >= ?1 AND sighash <> ?2 ORDER BY height DESC, sighash
