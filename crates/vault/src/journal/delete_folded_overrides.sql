DELETE FROM overridden
WHERE sighash IN (SELECT sighash FROM acceptance WHERE height < ?1)
