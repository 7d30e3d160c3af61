//! One description of an installation (`countersign.toml`), and everything else that is rendered from it: the
//! configurations of signer, node and bitcoind, units, firewall, links, monitoring.
//!
//! Values that must match exist once. Rendering is pure; writing, comparing and asking stand apart from it.

mod check;
mod choices;
mod error;
mod file;
pub mod firewall;
mod flows;
pub mod init;
pub mod install;
mod keys;
pub mod link;
mod parse;
mod places;
mod render;
mod rendered;
pub mod secrets;
mod site;
mod testnet;
mod units_lint;
pub mod values;
mod wiring;

pub use choices::{BitcoinMode, HostRole, KeyPlace, LinkKind, Network, Profile, Runtime};
pub use error::{Problem, SiteError};
pub use flows::{Flow, Inbound, Outbound, Peer, Protocol, Service};
pub use keys::{Key, Kind, keys};
pub use places::{Paths, Port, Ports, Users};
pub use render::{files, weight_cap};
pub use rendered::{Rendered, Secrecy};
pub use secrets::{Secret, SecretError, Secrets};
pub use site::{
    Access, Alerts, Backups, Bitcoin, Database, DatabaseHost, Deadman, Host, Hosts, Images, Link,
    Logs, MailLogin, Monitoring, Node, Place, Proof, RemoteWrite, Sbtc, Signer, SigningKey, Site,
    Smtp, Telegram, Token, Turn, VotingPower,
};
pub use units_lint::{UnitProblem, unit_problems};
pub use wiring::{Container, DOCKER_NETWORK};
