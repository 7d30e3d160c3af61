//! The vault as a process of its own: whoever takes over the network side of a signer holds no key.
//!
//! [`Config`] names a socket, a key, its journal and the callers. [`run()`] opens them, locks the process
//! in, and answers calls until SIGTERM. The protocol is `countersign_vault::ipc`, and what may be signed
//! is `countersign_vault`'s to say; this crate says *who* may ask for what.
//!
//! - **The kernel says who calls** (`SO_PEERCRED`), never the caller. A user that the configuration does not
//!   name is told so and nothing else.
//! - **Roles are closed lists.** A caller may ask for what one of its roles includes ([`Role::permits`]), for
//!   the chain of the configuration and for a key that the vault holds. Everything else is refused.
//! - **One thread, one owner.** Connections are polled, and calls are answered one after the other, so
//!   check, record and signature of one call are never interleaved with another's. A slow caller costs
//!   nobody else anything: nothing waits for it.
//! - **The process needs little, so it keeps little**: `ops::sandbox` closes the disk but for the journal's
//!   folder and ends the process at any system call that is not in a short list.
//!
//! No network but the unix socket, no policy, no key material beyond what `countersign_vault` holds.

mod caller;
mod config;
mod connection;
mod desk;
mod error;
mod explain;
mod heartbeat;
mod permission;
mod run;
mod serve;
mod socket;

pub use caller::{Caller, Callers};
pub use config::{Config, ConfigError};
pub use desk::{Chain, Desk};
pub use error::VaultdError;
pub use explain::{Explanation, explain};
pub use permission::Role;
pub use run::run;
