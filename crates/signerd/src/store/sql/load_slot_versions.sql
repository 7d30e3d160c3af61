SELECT slot, version FROM slot_versions
