DELETE FROM parked_votes WHERE cycle = ?
