INSERT INTO attendance (name, value) VALUES (?, 1)
ON CONFLICT (name) DO UPDATE SET value = value + 1
