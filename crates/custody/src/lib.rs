//! Where keys live: how they are born, opened, checked, backed up, restored and found.
//!
//! A configuration names a [`KeyPlace`]. Opening it gives a [`SigningKey`](countersign_vault::SigningKey)
//! or says what is wrong and the command that mends it. Unless the network is a private one, a place
//! that others can read or change is refused ([`guard`]).
//!
//! What a key may sign is the vault's business, and none of this crate's. It has no network, and it
//! prints nothing: the command line does that, and a human is asked through a closure of the caller's.

mod birth;
mod companion;
mod doctor;
mod draft;
mod error;
pub mod guard;
mod open;
mod place;
mod restore;
pub mod scan;
mod sealed;
pub mod shares;
mod source;

pub use birth::{BirthError, Destination, new_key, store};
pub use companion::{Companion, CompanionError};
pub use doctor::{Check, Level, Proof, Subject, examine};
pub use draft::write_new;
pub use error::OpenError;
pub use open::{Ask, Opening};
pub use place::{KEYS, KeyPlace, KeyTable, PinSource, PlaceError, Unlock};
pub use restore::{BackupKind, RestoreError, prove, read_backup};
pub use sealed::{Seal, SealError, check_passphrase, seal};
pub use source::{SourceError, read_source};
