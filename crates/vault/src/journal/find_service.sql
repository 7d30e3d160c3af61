SELECT standing, since, reason, hold, wait, is_clean, records, opening, previous, sum, seal FROM service WHERE id = 1
