SELECT public_key, slot_id, slot_version FROM stackerdb_tracking
