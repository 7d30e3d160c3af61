#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;

use countersign_node::{CallbackQueue, QueueLimits};
use countersign_vault::ipc::{
    Answer, Call, FrameBuffer, Hello, PROTOCOL, Refusal, Reply, Request, RequestKind, to_frame,
};
use countersign_vault::{Imported, Vault};
use countersign_wire::{PrivateKey, Wire as _};
use tokio::sync::{mpsc, watch};

use super::*;
use crate::hand::{Hand, RemoteVault};
use crate::instance::{Book, Warden};
use crate::metrics::Metrics;
use crate::publish::Publisher;
use crate::readiness::Permission;
use crate::sign::{Post, VaultHandle};

fn key() -> PrivateKey {
    PrivateKey::from_bytes([9; 32]).unwrap()
}

/// Answers as a vault whose key was demoted, to a caller with the role of a block signer.
fn serve(mut stream: UnixStream) {
    let keys = vec![key().public_key()];
    let mut said = to_frame(&Hello::Welcome { protocol: PROTOCOL, keys }).unwrap();
    let (mut buffer, mut piece) = (FrameBuffer::default(), [0; 4096]);
    while stream.write_all(&said).is_ok() {
        let frame = loop {
            if let Some(frame) = buffer.next_frame().unwrap() {
                break frame;
            }
            match stream.read(&mut piece) {
                Ok(len) if len > 0 => buffer.extend(piece.get(..len).unwrap()),
                _ => return,
            }
        };
        let reply = match Call::from_bytes(&frame).unwrap().request {
            Request::Standing => {
                Reply::Done(Answer::Standing(Standing::Demoted { at: UnixSeconds::new(1) }))
            }
            Request::ImportParcel(_) => Reply::Done(Answer::Imported(Imported::default())),
            Request::Promote => {
                Reply::Refused(Refusal::NotPermitted { uid: 1, kind: RequestKind::ResumeSigning })
            }
            other => panic!("{other:?}"),
        };
        said = to_frame(&reply).unwrap();
    }
}

fn reluctant_vault(socket: &Path) -> RemoteVault {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(|| serve(stream.unwrap()));
        }
    });
    RemoteVault::connect_at_once(socket).unwrap()
}

#[tokio::test]
async fn nobody_is_promoted_whose_vault_does_not_let_the_key_sign() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Hand::Remote(reluctant_vault(&folder.path().join("vault.sock")));
    let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let metrics = Arc::new(metrics);
    let permission = watch::Sender::new(Permission::Standby);
    let warden = Warden::new(Gate::Demoted, Book::in_memory(), Arc::clone(&metrics), permission);
    let post = Post { warden, keys: Vec::new(), locks: Vec::new() };
    let (publisher, _arrivals) = Publisher::new();
    let (handle, _end) =
        VaultHandle::start(vault, post, mpsc::channel(1).0, publisher, metrics).unwrap();
    let mut peer = Vault::in_memory(key()).unwrap();
    peer.demote(now().as_unix()).unwrap();
    let journal = peer.export_journal(now().as_unix()).unwrap();
    let promotion = Promotion::Journals(vec![journal]);
    let turn = Turn::Promote { promotion, floor: Duration::ZERO };
    let refused = handle.turn(turn).await.unwrap().unwrap_err();
    assert!(matches!(refused, TurnError::Reluctant(_)), "{refused}");
    assert_eq!(handle.instance().borrow().state(), GateState::Demoted);
}
