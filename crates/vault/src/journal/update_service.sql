UPDATE service SET standing = ?1, since = ?2, reason = ?3, hold = ?4, wait = ?5, is_clean = ?6, records = ?7,
    opening = ?8, previous = ?9, sum = ?10, seal = ?11
WHERE id = 1
