//! A node's callbacks for several signers: each is given to all of them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::interposer::{ask, read_request};

/// Takes callbacks in the place of a signer. Dropping it takes the place away.
#[derive(Debug)]
pub struct Fork {
    signers: Arc<Mutex<Vec<SocketAddr>>>,
    server: JoinHandle<()>,
}

impl Fork {
    /// Takes callbacks here; nobody is given them yet.
    pub async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let signers = Arc::<Mutex<Vec<SocketAddr>>>::default();
        let all = Arc::clone(&signers);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let signers = all.lock().unwrap().clone();
                tokio::spawn(serve(stream, signers));
            }
        });
        Self { signers, server }
    }

    /// Gives every callback to this signer, too, from now on.
    pub fn gives_to(&self, signer: SocketAddr) {
        self.signers.lock().unwrap().push(signer);
    }
}

impl Drop for Fork {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The node hears that all is well, whoever is down: as if each signer had a node of its own.
async fn serve(mut node: TcpStream, signers: Vec<SocketAddr>) {
    let Some(request) = read_request(&mut node).await else { return };
    for signer in signers {
        ask(signer, &request).await;
    }
    let _ =
        node.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
}
