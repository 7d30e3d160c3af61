-- Schema 3: what the key may do at all, and a seal over everything that binds it.

-- One row.
CREATE TABLE service (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    -- Whether the key signs; since when it does not, in seconds since 1970; and why it is frozen.
    standing TEXT    NOT NULL CHECK (standing IN ('active', 'demoted', 'frozen')),
    since    INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    -- The burn height at and above which nothing is signed; null if there is none.
    hold     INTEGER,
    -- How many seconds must pass within one opening before anything is signed.
    wait     INTEGER NOT NULL,
    -- Whether the last opening ended by a clean stop. Zero while the journal is open.
    is_clean INTEGER NOT NULL CHECK (is_clean IN (0, 1)),
    -- How many acceptances were ever recorded or taken over. It never falls.
    records  INTEGER NOT NULL,
    -- Random names of this opening and of the one before. The witness beside the journal has one of them.
    opening  BLOB    NOT NULL CHECK (length(opening) = 16),
    previous BLOB    NOT NULL CHECK (length(previous) = 16),
    -- The sum of all rows that bind the key, and a hash over it and over the columns above.
    sum      BLOB    NOT NULL CHECK (length(sum) = 32),
    seal     BLOB    NOT NULL CHECK (length(seal) = 32)
) STRICT;

-- Signatures of a key that gives other bytes each time, so that the same request has the same answer.
-- They are written after they were given, so a crash may lose some: those are signed anew, over the same
-- digests.
CREATE TABLE signature (
    id        INTEGER PRIMARY KEY,
    digest    BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    signature BLOB NOT NULL CHECK (length(signature) = 65)
) STRICT;

-- Whether another program or host signed the block, and this journal was only told. What was signed here
-- may be signed again; what was not binds like everything else, and is itself bound.
ALTER TABLE acceptance ADD COLUMN is_told INTEGER NOT NULL DEFAULT 0 CHECK (is_told IN (0, 1));
