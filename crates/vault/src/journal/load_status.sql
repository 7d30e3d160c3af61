SELECT (SELECT openings FROM owner WHERE id = 1), (SELECT count(*) FROM acceptance),
       (SELECT count(*) FROM rejection), (SELECT max(height) FROM acceptance), (SELECT max(at) FROM acceptance)
