DELETE FROM missed WHERE height <= ?
