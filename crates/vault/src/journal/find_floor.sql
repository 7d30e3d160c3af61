SELECT height FROM floor WHERE id = 1
