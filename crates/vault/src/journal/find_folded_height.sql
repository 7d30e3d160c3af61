SELECT max(height) FROM acceptance WHERE height < ?1
