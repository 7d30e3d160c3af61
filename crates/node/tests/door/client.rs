//! The client and a proxy that speaks TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use countersign_node::{ClientTls, NodeClient, NodeConfig, NodeError, ServerTls};
use countersign_wire::StacksAddress;
use rustls::ServerConfig;
use rustls::crypto::ring;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::party::Party;
use crate::scripted_node::{ScriptedNode, answer, config};

const ACCOUNT: &[u8] = br#"{"balance":"0x01","locked":"0x00","unlock_height":0,"nonce":7}"#;

async fn ask(host: &str, tls: ClientTls) -> Result<u64, NodeError> {
    let address: StacksAddress = "ST25Y5XP2ADW1HCFCF8T0DEFFJKD7R0YXQKVC3R1W".parse().unwrap();
    let client = NodeClient::new(NodeConfig { tls: Some(tls), ..config(host) }).unwrap();
    client.account(&address).await.map(|account| account.nonce)
}

fn client(signer: &Party, proxy: &Party) -> ClientTls {
    ClientTls::load(&signer.settings(&[proxy])).unwrap()
}

/// A proxy with `party`'s certificate that asks its clients for none.
async fn proxy(party: &Party, node: &ScriptedNode) -> SocketAddr {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(party.chain.clone(), party.private_key())
        .unwrap();
    let (acceptor, node) = (TlsAcceptor::from(Arc::new(config)), node.host().to_owned());
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut node = TcpStream::connect(&node).await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut node).await;
        }
    });
    address
}

#[tokio::test]
async fn a_pinned_proxy_is_asked() {
    let (signer, party) = (Party::new(), Party::new());
    let node = ScriptedNode::answering([answer("200 OK", ACCOUNT)]).await;
    let proxy = proxy(&party, &node).await.to_string();
    assert_eq!(ask(&proxy, client(&signer, &party)).await.unwrap(), 7);
}

#[tokio::test]
async fn a_proxy_that_is_not_pinned_or_has_expired_hears_nothing() {
    let signer = Party::new();
    for (party, pinned) in [(Party::new(), Some(Party::new())), (Party::expired(), None)] {
        let node = ScriptedNode::answering([answer("200 OK", ACCOUNT)]).await;
        let proxy = proxy(&party, &node).await.to_string();
        let error = ask(&proxy, client(&signer, pinned.as_ref().unwrap_or(&party))).await;
        let error = error.unwrap_err();
        assert!(matches!(error, NodeError::Tls { .. }), "{error}");
        assert_eq!((error.kind(), error.is_transient()), ("tls", true));
        assert!(node.asked().is_empty());
    }
}

#[tokio::test]
async fn a_node_without_tls_is_not_asked_in_the_clear() {
    let (signer, party) = (Party::new(), Party::new());
    let node = ScriptedNode::answering([answer("200 OK", ACCOUNT)]).await;
    let error = ask(node.host(), client(&signer, &party)).await.unwrap_err();
    assert!(matches!(error, NodeError::Tls { .. } | NodeError::TimedOut { .. }), "{error}");
    assert!(node.asked().is_empty());
}

#[tokio::test]
async fn a_proxy_that_does_not_know_this_signer_is_told_apart_from_a_node_that_is_down() {
    let (signer, proxy) = (Party::new(), Party::new());
    // Our own listener is such a proxy, and it knows another signer.
    let other = Party::new();
    let listener = countersign_node::Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let listener = listener.with_tls(ServerTls::load(&proxy.settings(&[&other])).ok());
    let host = listener.local_addr().to_string();
    let _endpoint = crate::listener::Endpoint::run(listener, other);
    let error = ask(&host, client(&signer, &proxy)).await.unwrap_err();
    assert!(matches!(error, NodeError::Tls { .. }), "{error:?}");
}
