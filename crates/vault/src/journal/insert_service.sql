INSERT INTO service (id, standing, since, reason, hold, wait, is_clean, records, opening, previous, sum, seal)
SELECT 1, 'active', 0, '', NULL, 0, 0,
       (SELECT count(*) FROM acceptance) + (SELECT coalesce(sum(blocks), 0) FROM span),
       zeroblob(16), zeroblob(16), zeroblob(32), zeroblob(32)
