SELECT height FROM acceptance ORDER BY height DESC LIMIT 1 OFFSET ?1
