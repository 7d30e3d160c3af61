DELETE FROM acceptance WHERE height < ?1
