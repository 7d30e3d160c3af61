DELETE FROM missed WHERE height IN (SELECT height FROM missed ORDER BY height DESC LIMIT -1 OFFSET ?)
