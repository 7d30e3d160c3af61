//! Files that hold other files.

mod kind;
pub(super) mod tar;
mod zstd;

pub(super) use kind::{HEAD, Kind};
pub(super) use zstd::ZstdReader;
