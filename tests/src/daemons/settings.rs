//! A signer's configuration file, good at first, with single keys changed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use countersign_devnet::Seed;
use toml::{Table, Value};

/// The content of a `signer-config.toml`.
#[derive(Clone, Debug)]
pub struct Settings(Table);

impl Settings {
    /// A configuration that works on its own: files in `folder`, any free ports, a node that nobody has
    /// started, and a key that no other folder's has.
    pub fn lonely(folder: &Path) -> Self {
        let key = Seed::from_text(folder.to_str().unwrap()).key("signer", 0);
        Self(Table::new())
            // Port 1 is reserved, and a program that listened there would not be a node.
            .with("node_host", "127.0.0.1:1")
            .with("endpoint", "127.0.0.1:0")
            .with("stacks_private_key", key.to_hex().as_str())
            .with("network", "mocknet")
            .with("auth_password", "password")
            .with("db_path", folder.join("signer.sqlite").to_str().unwrap())
    }

    /// What stands in a file.
    pub fn read(path: &Path) -> Self {
        Self(std::fs::read_to_string(path).unwrap().parse().unwrap())
    }

    /// With another value for a key. What a table had before stays in it.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        match (self.0.get_mut(key), value.into()) {
            (Some(Value::Table(table)), Value::Table(more)) => table.extend(more),
            (_, value) => drop(self.0.insert(key.to_owned(), value)),
        }
        self
    }

    /// Without a key.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.0.remove(key);
        self
    }

    /// With the vault that listens on `socket` in the place of a key.
    #[must_use]
    pub fn with_vault(self, socket: &Path) -> Self {
        let mut key = Table::new();
        key.insert("vault".to_owned(), socket.to_str().unwrap().into());
        let mut ours = Table::new();
        ours.insert("key".to_owned(), key.into());
        self.without("stacks_private_key").with("countersign", ours)
    }

    /// The value of a key.
    pub fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap()
    }

    /// The address of a key.
    pub fn address(&self, key: &str) -> SocketAddr {
        self.text(key).parse().unwrap()
    }

    /// The store's file and the journal's.
    pub fn files(&self) -> [PathBuf; 2] {
        let reference = Path::new(self.text("db_path"));
        ["countersign.sqlite", "countersign-journal.sqlite"]
            .map(|end| reference.with_extension(end))
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> PathBuf {
        std::fs::write(path, self.0.to_string()).unwrap();
        path.to_owned()
    }
}
