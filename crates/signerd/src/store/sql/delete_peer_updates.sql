DELETE FROM peer_updates WHERE cycle = ?
