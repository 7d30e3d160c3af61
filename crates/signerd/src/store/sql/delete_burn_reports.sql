DELETE FROM burn_reports WHERE cycle = ?
