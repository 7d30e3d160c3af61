-- Blocks that were proposed to us, without the votes on them.
CREATE TABLE records (
    sighash          BLOB    NOT NULL PRIMARY KEY,
    cycle            INTEGER NOT NULL,
    block            BLOB    NOT NULL,
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

-- What signers said about them. A signer has at most one vote of each kind on a block.
CREATE TABLE votes (
    sighash BLOB    NOT NULL,
    signer  INTEGER NOT NULL,
    kind    INTEGER NOT NULL, -- 0 pre-commit, 1 acceptance, 2 rejection
    content BLOB    NOT NULL, -- nothing, the signature, or the reason as on the wire
    PRIMARY KEY (sighash, signer, kind)
) STRICT, WITHOUT ROWID;

-- The same for blocks that are not known.
CREATE TABLE parked_votes (
    sighash BLOB    NOT NULL,
    cycle   INTEGER NOT NULL,
    signer  INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    content BLOB    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (sighash, cycle, signer, kind, content)
) STRICT, WITHOUT ROWID;
CREATE INDEX parked_votes_by_cycle ON parked_votes (cycle);

CREATE TABLE burn_blocks (
    consensus_hash BLOB    NOT NULL PRIMARY KEY,
    hash           BLOB    NOT NULL,
    height         INTEGER NOT NULL,
    parent         BLOB    NOT NULL,
    received_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX burn_blocks_by_height ON burn_blocks (height);

-- Every signer's latest view of the network.
CREATE TABLE peer_updates (
    cycle   INTEGER NOT NULL,
    signer  INTEGER NOT NULL,
    content BLOB    NOT NULL, -- as on the wire
    at      INTEGER NOT NULL,
    PRIMARY KEY (cycle, signer)
) STRICT, WITHOUT ROWID;

-- When a signer's view first named a burn block.
CREATE TABLE burn_reports (
    cycle      INTEGER NOT NULL,
    burn_block BLOB    NOT NULL,
    signer     INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (cycle, burn_block, signer)
) STRICT, WITHOUT ROWID;
CREATE INDEX burn_reports_by_burn_block ON burn_reports (burn_block);

-- When a tenure's miner last showed signs of life.
CREATE TABLE activity (
    tenure BLOB    NOT NULL PRIMARY KEY,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Tenures that may be orphaned.
CREATE TABLE superseded (
    tenure        BLOB    NOT NULL PRIMARY KEY,
    burn_height   INTEGER NOT NULL,
    by            BLOB    NOT NULL,
    by_burn_block BLOB    NOT NULL,
    at            INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX superseded_by_height ON superseded (burn_height);
