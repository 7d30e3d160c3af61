-- The signing journal, schema 1.

-- Whose signatures these are; one row.
CREATE TABLE owner (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    public_key BLOB    NOT NULL CHECK (length(public_key) = 33),
    -- How often the journal was opened. Each opening proves that the journal can still be written.
    openings   INTEGER NOT NULL
) STRICT;

-- Blocks that the key signed.
CREATE TABLE acceptance (
    sighash BLOB    NOT NULL PRIMARY KEY CHECK (length(sighash) = 32),
    height  INTEGER NOT NULL,
    tenure  BLOB    NOT NULL CHECK (length(tenure) = 20),
    -- Seconds since 1970, as the caller gave them.
    at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX acceptance_by_height ON acceptance (height);

-- Which earlier acceptance each acceptance contradicts, and by which rule.
CREATE TABLE overridden (
    sighash BLOB NOT NULL REFERENCES acceptance (sighash),
    rival   BLOB NOT NULL REFERENCES acceptance (sighash),
    rule    TEXT NOT NULL CHECK (rule IN ('stale', 'not-live', 'permitted')),
    PRIMARY KEY (sighash, rival)
) STRICT, WITHOUT ROWID;

-- Blocks that the key signed a rejection of. One may be in `acceptance` as well, if that came later.
CREATE TABLE rejection (
    sighash  BLOB    NOT NULL CHECK (length(sighash) = 32),
    chain_id INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (sighash, chain_id)
) STRICT, WITHOUT ROWID;
