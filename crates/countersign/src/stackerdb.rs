//! What the verbs about StackerDBs have in common.

use std::io::Write;
use std::time::Duration;

use countersign_operator::Database;
use countersign_ops::exit::Exit;
use countersign_wire::clarity::ContractId;
use countersign_wire::{SlotId, SlotVersion};

use crate::cli::{Failed, block_on};
use crate::progress::while_told;

/// Which StackerDB.
#[derive(Debug, clap::Args)]
pub(crate) struct StackerDbArgs {
    /// The node's RPC address
    #[arg(long, value_name = "HOST:PORT")]
    host: String,
    /// The contract of the StackerDB
    #[arg(short, long, value_name = "ADDRESS.NAME")]
    contract: ContractId,
    /// How long the node may take to answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    stackerdb_timeout_secs: u64,
}

/// The node did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("the StackerDB {contract} cannot be used at the node --host {host}")]
pub(crate) struct Unusable {
    host: String,
    contract: ContractId,
    source: countersign_operator::NodeError,
}

impl StackerDbArgs {
    /// The StackerDB. Nothing is asked yet.
    pub(crate) fn open(&self) -> Result<Database, Failed> {
        let timeout = Duration::from_secs(self.stackerdb_timeout_secs);
        Database::new(self.host.clone(), self.contract.clone(), timeout)
            .map_err(|error| Failed::new(Exit::Usage, error))
    }

    /// Waits for the node, and says so.
    pub(crate) fn ask<T>(&self, question: impl Future<Output = T>) -> Result<T, Failed> {
        let asking = format!("asking the node at {}", self.host);
        while_told(&asking, false, || block_on(question))
    }

    /// Names host and contract in what went wrong.
    pub(crate) fn unusable(self, source: countersign_operator::NodeError) -> Failed {
        Failed::failure(Unusable { host: self.host, contract: self.contract, source })
    }

    /// Prints a chunk's content as hex, without a line end; nothing if there is no such chunk.
    pub(crate) fn show_chunk(
        self,
        slot: u32,
        version: Option<u32>,
        out: &mut dyn Write,
    ) -> Result<(), Failed> {
        let database = self.open()?;
        let (slot, version) = (SlotId::new(slot), version.map(SlotVersion::new));
        let found = self.ask(database.chunk(slot, version))?;
        let data = found.map_err(|error| self.unusable(error))?.unwrap_or_default();
        let written = out.write_all(hex::encode(data).as_bytes());
        written.and_then(|()| out.flush()).map_err(Failed::failure)
    }
}
