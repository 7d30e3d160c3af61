INSERT INTO owner (id, public_key, openings) VALUES (1, ?1, 0)
