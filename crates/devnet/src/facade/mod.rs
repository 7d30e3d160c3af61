//! One node's HTTP endpoint over the chain that all nodes share.
//!
//! It speaks the RPC and StackerDB rules of a real node (`signer-wire.md` sections 5.4, 5.5 and 6),
//! complete enough for an unmodified reference signer, and shows the chain as its own
//! [`View`](crate::view::View) has it. It keeps nothing: every answer comes from the shared chain.

mod blocks;
mod call_read;
pub(crate) mod json;
mod reply;
mod request;
mod routes;
mod rpc;
mod stackerdb;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign_wire::StacksHeight;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::server;
use crate::shared::ChainHandle;
use crate::traffic::{Ear, Said};
use crate::view::View;

/// What all requests to one node need.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// The node's number, which is its signer's.
    pub(crate) node: usize,
    pub(crate) chain: ChainHandle,
    /// What a request for validation or upload must show.
    pub(crate) auth_password: String,
    /// How long validation takes.
    pub(crate) validation_delay: Duration,
    /// How this node differs from the others.
    pub(crate) view: watch::Receiver<View>,
    /// One permit: a node validates one block at a time.
    pub(crate) validation: Arc<Semaphore>,
    /// Who hears what the signer asks.
    pub(crate) ear: Ear,
    /// How often the node went away.
    pub(crate) lives: AtomicU64,
}

impl Endpoint {
    /// Tells a node from the one that it is after a restart.
    fn life(&self) -> u64 {
        self.lives.load(Ordering::Relaxed)
    }
}

/// A node that can go away and return on the same address.
#[derive(Debug)]
pub(crate) struct Node {
    address: SocketAddr,
    endpoint: Arc<Endpoint>,
    server: Option<JoinHandle<()>>,
}

impl Node {
    /// A node that does not listen yet.
    pub(crate) fn new(address: SocketAddr, endpoint: Endpoint) -> Self {
        Self { address, endpoint: Arc::new(endpoint), server: None }
    }

    /// Whether it listens.
    pub(crate) fn is_up(&self) -> bool {
        self.server.is_some()
    }

    /// Listens, if it does not.
    pub(crate) async fn start(&mut self) -> io::Result<()> {
        if self.server.is_none() {
            let listener = TcpListener::bind(self.address).await?;
            let endpoint = Arc::clone(&self.endpoint);
            let answer = move |request| respond(request, Arc::clone(&endpoint));
            self.server = Some(tokio::spawn(server::serve(listener, Builder::new(), answer)));
        }
        Ok(())
    }

    /// Goes away with all its connections, and with a validation that is under way.
    pub(crate) async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            self.endpoint.lives.fetch_add(1, Ordering::Relaxed);
            // An aborted task ends with an error, which is what was wanted.
            let _ = server.await;
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

async fn respond(request: Request<Incoming>, endpoint: Arc<Endpoint>) -> Response<Full<Bytes>> {
    let reply = match request::accept(request).await {
        Ok(request) => {
            let said = || Said::Request { path: request.path.clone(), body: request.body.clone() };
            endpoint.ear.hear(said);
            routes::answer(&endpoint, request).await
        }
        Err(refusal) => refusal,
    };
    let node = endpoint.node;
    let height = endpoint.chain.ask(move |shared| shared.seen_by(node).info().stacks_tip_height);
    reply.into_response(height.await.map_or(0, StacksHeight::get))
}
