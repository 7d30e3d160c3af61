//! A database as the reference signer keeps it, and a place to move into.

use std::path::PathBuf;

use countersign_signer::Saved;
use countersign_signerd::Config;
use countersign_signerd::import::{ImportError, Report, import};
use countersign_signerd::store::Store;
use countersign_vault::{Birth, SigningKey, Vault};
use countersign_wire::{Network, PrivateKey, Sighash, StacksAddress};
use rusqlite::{Connection, params};
use tempfile::TempDir;

/// The key of most tests.
pub(crate) fn key() -> PrivateKey {
    PrivateKey::from_hex(&"7".repeat(64)).unwrap()
}

/// Block number n of tenure n / 10, at height n.
pub(crate) fn sighash(number: u8) -> Sighash {
    Sighash::new([number; 32])
}

/// A folder with a reference database, and the configuration of its signer.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) network: &'static str,
    pub(crate) secret: String,
}

impl Place {
    /// A folder without a database.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, network: "testnet", secret: "7".repeat(64) }
    }

    /// A folder with a database of this schema, with a few blocks in it.
    pub(crate) fn with_schema(schema: i64) -> Self {
        let place = Self::empty();
        place.build(schema);
        place
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("signer.sqlite")
    }

    pub(crate) fn open(&self) -> Connection {
        Connection::open(self.database()).unwrap()
    }

    pub(crate) fn config(&self) -> Config {
        let text = format!(
            "node_host = \"127.0.0.1:9\"\nendpoint = \"127.0.0.1:0\"\nauth_password = \"x\"\n\
             network = \"{}\"\nstacks_private_key = \"{}\"\ndb_path = \"{}\"",
            self.network,
            self.secret,
            self.database().display()
        );
        Config::parse(&text).unwrap()
    }

    pub(crate) fn import(&self) -> Result<Report, ImportError> {
        import(&self.database(), &self.config(), self.signing_key(), false)
    }

    pub(crate) fn signing_key(&self) -> SigningKey {
        PrivateKey::from_hex(&self.secret).unwrap().into()
    }

    /// What this signer remembers.
    pub(crate) fn saved(&self) -> Saved {
        self.store().load().unwrap()
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.folder.path().join("signer.countersign.sqlite")).unwrap()
    }

    pub(crate) fn vault(&self) -> Vault {
        let key = PrivateKey::from_hex(&self.secret).unwrap();
        let journal = self.folder.path().join("signer.countersign-journal.sqlite");
        if journal.exists() {
            Vault::open(key, &journal).unwrap()
        } else {
            Vault::create(key, &journal, Birth::WithKey).unwrap()
        }
    }

    /// Every file but the database and what belongs to it.
    pub(crate) fn our_files(&self) -> usize {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let names = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.starts_with("signer.sqlite")).count()
    }

    fn build(&self, schema: i64) {
        let db = self.open();
        db.pragma_update(None, "journal_mode", "WAL").unwrap();
        db.execute_batch(&tables(schema)).unwrap();
        for version in 5..=schema {
            db.execute("INSERT INTO db_config VALUES (?)", [version]).unwrap();
        }
        for number in 10..=22 {
            insert_block(&db, schema, number, "GloballyAccepted", Some(1000));
        }
        insert_block(&db, schema, 23, "LocallyAccepted", Some(1001));
        insert_block(&db, schema, 24, "GloballyAccepted", None);
        insert_block(&db, schema, 25, "LocallyRejected", None);
        insert_block(&db, schema, 26, "Unprocessed", None);
        for height in [1_u64, 150, 200] {
            let (block, parent) = (hash(height, 32), hash(height - 1, 32));
            let values = params![block, height.cast_signed(), hash(height, 20), parent];
            db.execute("INSERT INTO burn_blocks VALUES (?, ?, 500, ?, ?)", values).unwrap();
            db.execute("INSERT INTO tenure_activity VALUES (?, 600)", [hash(height, 20)]).unwrap();
        }
        let key = key().public_key().to_string();
        db.execute("INSERT INTO stackerdb_tracking VALUES (?, 4, 158)", [key]).unwrap();
        if schema >= 20 {
            let values = params![hash(200, 20), hash(150, 20), hash(150, 32)];
            db.execute("INSERT INTO superseded_tenures VALUES (?, 200, ?, ?, 700)", values)
                .unwrap();
        }
    }

    /// Notes the signature of the key itself over a block, as the reference does when it comes back.
    pub(crate) fn insert_own_signature(&self, number: u8) {
        let own = StacksAddress::single_sig(Network::Testnet, &key().public_key());
        let values = params![sighash(number).to_string(), own.to_string()];
        self.open()
            .execute("INSERT INTO block_signatures VALUES (?, ?, '\"00\"')", values)
            .unwrap();
    }
}

/// Adds a block in this state, signed at a time or not.
pub(crate) fn insert_block(
    db: &Connection,
    schema: i64,
    number: u8,
    state: &str,
    signed_at: Option<u64>,
) {
    let is_change = number.is_multiple_of(10);
    let signed_at = signed_at.map(u64::cast_signed);
    let group = (state == "GloballyAccepted").then_some(1002);
    let own = match schema {
        17 | 18 => ("signed_over", Some(i64::from(signed_at.is_some()))),
        _ => ("approved_time", signed_at),
    };
    let sql = format!(
        "INSERT INTO blocks (signer_signature_hash, reward_cycle, block_info, consensus_hash,
             stacks_height, burn_block_height, valid, state, signed_group, signed_self,
             proposed_time, validation_time_ms, tenure_change, {})
         VALUES (?, 7, '{{}}', ?, ?, 200, 1, ?, ?, ?, 999, 20, ?, ?)",
        own.0
    );
    let values = params![
        sighash(number).to_string(),
        hash(u64::from(number / 10), 20),
        number,
        state,
        group,
        signed_at,
        is_change,
        own.1
    ];
    db.execute(&sql, values).unwrap();
    if schema >= 18 && is_change {
        db.execute("UPDATE blocks SET tenure_change_cause = 0 WHERE stacks_height = ?", [number])
            .unwrap();
    }
}

/// A hash of so many bytes.
pub(crate) fn hash(number: u64, bytes: usize) -> String {
    format!("{:0width$x}", number, width = 2 * bytes)
}

/// The tables of a schema, as far as an import looks at them.
fn tables(schema: i64) -> String {
    let signed_over = if schema < 19 { "signed_over INTEGER NOT NULL," } else { "" };
    let cause = if schema >= 18 { "tenure_change_cause INTEGER," } else { "" };
    let approved = if schema >= 19 { "approved_time INTEGER," } else { "" };
    let superseded = if schema >= 20 {
        "CREATE TABLE superseded_tenures (consensus_hash TEXT PRIMARY KEY,
            burn_block_height INTEGER NOT NULL, superseded_by_consensus_hash TEXT NOT NULL,
            superseded_by_burn_block_hash TEXT NOT NULL, superseded_at INTEGER NOT NULL) STRICT;"
    } else {
        ""
    };
    format!(
        "CREATE TABLE db_config (version INTEGER NOT NULL) STRICT;
         CREATE TABLE blocks (signer_signature_hash TEXT NOT NULL PRIMARY KEY,
            reward_cycle INTEGER NOT NULL, block_info TEXT NOT NULL, consensus_hash TEXT NOT NULL,
            {signed_over} broadcasted INTEGER, stacks_height INTEGER NOT NULL,
            burn_block_height INTEGER NOT NULL, valid INTEGER, state TEXT NOT NULL,
            signed_group INTEGER, signed_self INTEGER, proposed_time INTEGER NOT NULL,
            validation_time_ms INTEGER, {cause} {approved} tenure_change INTEGER NOT NULL) STRICT;
         CREATE TABLE burn_blocks (block_hash TEXT NOT NULL, block_height INTEGER NOT NULL,
            received_time INTEGER NOT NULL, consensus_hash TEXT PRIMARY KEY NOT NULL,
            parent_burn_block_hash TEXT) STRICT;
         CREATE TABLE tenure_activity (consensus_hash TEXT NOT NULL PRIMARY KEY,
            last_activity_time INTEGER NOT NULL) STRICT;
         CREATE TABLE stackerdb_tracking (public_key TEXT NOT NULL, slot_id INTEGER NOT NULL,
            slot_version INTEGER NOT NULL, PRIMARY KEY (public_key, slot_id)) STRICT;
         CREATE TABLE block_signatures (signer_signature_hash TEXT NOT NULL,
            signer_addr TEXT NOT NULL, signature TEXT NOT NULL,
            PRIMARY KEY (signer_signature_hash, signer_addr)) STRICT;
         CREATE TABLE block_pre_commits (signer_signature_hash TEXT NOT NULL,
            signer_addr TEXT NOT NULL, PRIMARY KEY (signer_signature_hash, signer_addr)) STRICT;
         CREATE TABLE signer_state_machine_updates (signer_addr TEXT NOT NULL,
            reward_cycle INTEGER NOT NULL, state_update TEXT NOT NULL,
            received_time INTEGER NOT NULL, PRIMARY KEY (signer_addr, reward_cycle)) STRICT;
         {superseded}"
    )
}
