-- What rules ask about a block gets columns of its own, and its content a table of its own that is
-- written once. The program then fills both from `records_1` and drops that.
ALTER TABLE records RENAME TO records_1;

CREATE TABLE records (
    sighash          BLOB    NOT NULL PRIMARY KEY,
    cycle            INTEGER NOT NULL,
    height           INTEGER NOT NULL,
    tenure           BLOB    NOT NULL,
    role             INTEGER,          -- nothing, 0 for the first of its tenure, or the cause of an extend
    burn_height      INTEGER NOT NULL,
    state            TEXT    NOT NULL,
    valid            INTEGER,
    proposed_at      INTEGER NOT NULL, -- every time is in milliseconds since 1970
    approved_at      INTEGER,
    signed_self_at   INTEGER,
    signed_group_at  INTEGER,
    validation_time  INTEGER NOT NULL, -- milliseconds
    reject_reason    BLOB,             -- as on the wire
    uploaded         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX records_by_height ON records (height);

-- The blocks themselves, as on the wire, until they are final. Large values belong into a table with
-- row numbers.
CREATE TABLE contents (
    id      INTEGER PRIMARY KEY,
    sighash BLOB    NOT NULL UNIQUE,
    block   BLOB    NOT NULL
) STRICT;
