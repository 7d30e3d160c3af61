INSERT OR REPLACE INTO activity (tenure, at) VALUES (?, ?)
