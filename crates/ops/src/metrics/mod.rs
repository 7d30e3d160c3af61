//! The operator's endpoint: `/metrics`, `/info`, `/heartbeat` and `/` (`signer-wire.md` section 10).

mod page;
mod server;

pub use page::{CONTENT_TYPE, page};
pub use server::{MetricsServer, Pages};
