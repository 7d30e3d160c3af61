-- Versions that our slots had when another program wrote to them: the next one is above.
CREATE TABLE slot_versions (
    slot    INTEGER NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
