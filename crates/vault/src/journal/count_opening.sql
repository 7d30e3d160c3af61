UPDATE owner SET openings = openings + 1 WHERE id = 1
