INSERT INTO span (tenure, lowest, highest, blocks)
SELECT tenure, min(height), max(height), count(*) FROM acceptance WHERE height < ?1 GROUP BY tenure
ON CONFLICT (tenure) DO UPDATE SET
    lowest = min(lowest, excluded.lowest), highest = max(highest, excluded.highest),
    blocks = blocks + excluded.blocks
