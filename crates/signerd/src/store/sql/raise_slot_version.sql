INSERT INTO slot_versions (slot, version) VALUES (?, ?)
ON CONFLICT (slot) DO UPDATE SET version = excluded.version WHERE version < excluded.version
