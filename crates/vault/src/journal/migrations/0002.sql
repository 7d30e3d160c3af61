-- Schema 2: what is far below the highest signature is folded, a tenure at a time.

-- Blocks that the key signed and that do not stand in `acceptance` any more.
CREATE TABLE span (
    tenure  BLOB    NOT NULL PRIMARY KEY CHECK (length(tenure) = 20),
    lowest  INTEGER NOT NULL,
    highest INTEGER NOT NULL,
    blocks  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The height at and below which nothing new is ever signed: the highest that any span has. One row,
-- and the height is less than any block's before the first span.
CREATE TABLE floor (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    height INTEGER NOT NULL
) STRICT;
INSERT INTO floor (id, height) VALUES (1, -1);

-- For the deletion of what is folded.
CREATE INDEX overridden_by_rival ON overridden (rival);

-- Rejections bind nobody. They are kept in their order, so that the oldest can be forgotten.
ALTER TABLE rejection RENAME TO rejection_1;
CREATE TABLE rejection (
    id       INTEGER PRIMARY KEY,
    sighash  BLOB    NOT NULL CHECK (length(sighash) = 32),
    chain_id INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    UNIQUE (sighash, chain_id)
) STRICT;
INSERT INTO rejection (sighash, chain_id, at) SELECT sighash, chain_id, at FROM rejection_1 ORDER BY at;
DROP TABLE rejection_1;
