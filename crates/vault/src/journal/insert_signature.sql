INSERT INTO signature (digest, signature) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING
