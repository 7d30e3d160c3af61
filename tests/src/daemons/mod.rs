//! Real `countersign` processes, and what the tests of them need.
//!
//! [`Daemon`] is one `countersign run`, [`Network`] a devnet that tells what happens in it,
//! [`Overheard`] what signers say to each other, [`Interposer`] a node that misbehaves in one named
//! way, [`Manager`] a service manager, [`VaultPlace`] a `countersign vault`, [`UnixUser`] a user of the
//! operating system. Tests wait for what happens, with [`within`] as the limit, and never for time to
//! pass.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

mod daemon;
mod fork;
mod http;
mod interposer;
mod journal;
mod log;
mod manager;
mod metrics;
mod network;
mod overheard;
mod processes;
mod program;
mod settings;
mod users;
mod vault;
mod verb;
mod waiting;

pub use daemon::{Daemon, Ended, content};
pub use fork::Fork;
pub use http::{Answer, exchange, exchange_cut_short, get, post, read_answer};
pub use interposer::{Interposer, Manner};
pub use journal::accepted_in_journal;
pub use log::{Line, Log};
pub use manager::{Heard, Manager, ask, with_socket};
pub use metrics::Metrics;
pub use network::{Network, quick};
pub use overheard::{Overheard, Said};
pub use processes::{is_running, peak_rss_kib, running_with, signal};
pub use program::{countersign, shell};
pub use rustix::process::Signal;
pub use settings::Settings;
pub use users::UnixUser;
pub use vault::{VaultPlace, VaultProcess};
pub use verb::Verb;
pub use waiting::{poll, within};
