SELECT public_key FROM owner WHERE id = 1
