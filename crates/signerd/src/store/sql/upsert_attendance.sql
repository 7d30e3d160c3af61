INSERT OR REPLACE INTO attendance (name, value) VALUES (?, ?)
