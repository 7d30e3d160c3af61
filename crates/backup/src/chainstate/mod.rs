//! A node's chainstate as an archive, and from one.
//!
//! A snapshot of a running node is a corrupt one. So [`snapshot()`] stops the node, looks with its own eyes whether
//! it has stopped, and starts it again whatever happens in between: a child of its own sees to that even if this
//! process is killed. [`seed()`] downloads an archive whose SHA-256 is known before, and believes nothing in it.
//!
//! Both end with the tip of the node compared with that of another one.

mod archive;
mod config;
mod extract;
mod fetch;
mod keeper;
mod process;
mod seed;
mod snapshot;
mod source;
mod tip;

pub use archive::ArchiveError;
pub use config::{ChainstateConfig, ConfigError};
pub use extract::{ExtractError, Hostile, Limits, extract, unpack};
pub use fetch::{FetchError, Fetched, fetch};
pub use keeper::{KeeperError, Service, keep_up};
pub use process::{Activity, Holder, ProcessError, activity};
pub use seed::{SeedError, SeedJob, Seeded, seed, user_ids};
pub use snapshot::{Snapshot, SnapshotError, SnapshotJob, snapshot};
pub use source::{Digest, Source, SourceError};
pub use tip::{Agreement, Phase, Tip, TipError};
