UPDATE floor SET height = max(height, ?1) WHERE id = 1
