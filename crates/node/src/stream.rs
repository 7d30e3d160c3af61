//! A connection, in the clear or not.

use tokio::io::{AsyncRead, AsyncWrite};

/// A connection, in the clear or not.
pub(crate) type Stream = Box<dyn Bytes>;

/// What is read from and written to.
pub(crate) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}
