-- The latest blocks of the chain without our signature, and why. A reason is there for a rejection.
CREATE TABLE missed (
    height  INTEGER NOT NULL PRIMARY KEY,
    sighash BLOB NOT NULL,
    cause   TEXT NOT NULL,
    reason  BLOB,
    at      INTEGER NOT NULL
) STRICT;
-- How many there were of each cause, and of all blocks under `adopted`; under `height` the last one that is counted.
CREATE TABLE attendance (
    name  TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
