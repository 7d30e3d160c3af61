SELECT tenure, lowest, highest, blocks FROM span
WHERE tenure IN (SELECT tenure FROM acceptance WHERE height <= ?1)
