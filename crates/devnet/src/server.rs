//! Serving HTTP/1 for as long as somebody waits for it.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Serves until dropped, which drops all connections too.
pub(crate) async fn serve<F, A>(listener: TcpListener, http: Builder, answer: F)
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection that failed before it was accepted is its client's matter.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(converse(stream, http.clone(), answer.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse<F, A>(stream: TcpStream, http: Builder, answer: F)
where
    F: Fn(Request<Incoming>) -> A,
    A: Future<Output = Response<Full<Bytes>>>,
{
    let service = service_fn(move |request| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    // Only delays the answers, if at all.
    let _ = stream.set_nodelay(true);
    // A broken connection is its client's matter.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}
