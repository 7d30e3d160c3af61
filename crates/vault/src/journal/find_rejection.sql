SELECT 1 FROM rejection WHERE sighash = ?1 AND chain_id = ?2
