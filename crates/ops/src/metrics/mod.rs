//! The operator's endpoint: `/metrics`, `/info`, `/heartbeat` and `/` (`signer-wire.md` section 10), and
//! our own `/readyz` and `/livez`.

mod page;
mod server;

pub use page::{CONTENT_TYPE, page};
pub use server::{MetricsServer, Pages, Readiness};
