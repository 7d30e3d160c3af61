//! Sockets that the service manager has bound for us (socket activation).
//!
//! They outlive the process: while it restarts, connections wait in the kernel's queue instead of
//! being refused.

use std::env;
use std::io;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;

/// Sockets with the names that the service manager gives them (`FileDescriptorName=`).
#[derive(Debug, Default)]
pub struct Inherited(Vec<(String, TcpListener)>);

/// Why what the service manager hands over cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InheritedError {
    /// Names and sockets do not go together.
    #[error(
        "LISTEN_FDS hands over {sockets} sockets, and LISTEN_FDNAMES has {names} names; give each \
         socket unit a FileDescriptorName="
    )]
    Names {
        /// How many sockets there are.
        sockets: usize,
        /// How many names.
        names: usize,
    },
    /// It is not a TCP socket.
    #[error("the socket `{name}` that LISTEN_FDS hands over is not a TCP listener")]
    NotTcp {
        /// Its name.
        name: String,
        /// What is wrong with it.
        #[source]
        source: io::Error,
    },
}

impl Inherited {
    /// Takes what the environment hands over to this process: nothing, most of the time. To be called
    /// once, before the process has other threads, since it takes the variables away.
    pub fn from_env() -> Result<Self, InheritedError> {
        let names = env::var("LISTEN_FDNAMES").ok();
        let mut given = ListenFd::from_env();
        let names: Vec<&str> = names.iter().flat_map(|names| names.split(':')).collect();
        if given.len() > 0 && names.len() != given.len() {
            return Err(InheritedError::Names { sockets: given.len(), names: names.len() });
        }
        let mut sockets = Vec::new();
        for (index, name) in names.into_iter().enumerate().take(given.len()) {
            let taken = given.take_tcp_listener(index);
            let name = name.to_owned();
            match taken {
                Ok(socket) => sockets.extend(socket.map(|socket| (name, socket))),
                Err(source) => return Err(InheritedError::NotTcp { name, source }),
            }
        }
        Ok(Self(sockets))
    }

    /// The socket of this name, if there is one.
    pub fn take(&mut self, name: &str) -> Option<TcpListener> {
        let position = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(position).1)
    }

    /// The names of the sockets that nobody has taken, and where they listen.
    pub fn left(&self) -> Vec<(&str, Option<SocketAddr>)> {
        self.0.iter().map(|(name, socket)| (name.as_str(), socket.local_addr().ok())).collect()
    }
}
