SELECT EXISTS (SELECT 1 FROM acceptance WHERE sighash = ?1),
       EXISTS (SELECT 1 FROM rejection WHERE sighash = ?1)
