SELECT (SELECT count(*) FROM acceptance), (SELECT count(*) FROM rejection)
