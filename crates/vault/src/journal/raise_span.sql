INSERT INTO span (tenure, lowest, highest, blocks) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (tenure) DO UPDATE SET
    lowest = min(lowest, excluded.lowest), highest = max(highest, excluded.highest),
    blocks = max(blocks, excluded.blocks)
