#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;

use countersign_node::{CallbackQueue, QueueLimits};
use countersign_ops::exit::Exit;
use countersign_vault::ipc::{
    Answer, Call, FrameBuffer, Hello, PROTOCOL, Refusal, Reply, Request, RequestKind, to_frame,
};
use countersign_vault::{Imported, Vault};
use countersign_wire::stackerdb::{Chunk, Lane, SignersContract};
use countersign_wire::{PrivateKey, SlotId, SlotVersion, Wire as _};
use tokio::sync::{mpsc, watch};

use super::*;
use crate::hand::{Hand, RemoteVault};
use crate::instance::{Book, Warden};
use crate::metrics::Metrics;
use crate::publish::Publisher;
use crate::readiness::Permission;
use crate::sign::{Post, VaultEnd, VaultHandle};

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
            other => Reply::Refused(Refusal::NotPermitted { uid: 1, kind: other.kind() }),
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

/// The vault's thread of an instance with this gate.
fn start(vault: Hand, gate: Gate) -> (VaultHandle, VaultEnd) {
    let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let metrics = Arc::new(metrics);
    let permission = watch::Sender::new(Permission::Standby);
    let warden = Warden::new(gate, Book::in_memory(), Arc::clone(&metrics), permission);
    let post = Post { warden, keys: Vec::new(), locks: Vec::new() };
    let (publisher, _arrivals) = Publisher::new();
    VaultHandle::start(vault, post, mpsc::channel(1).0, publisher, metrics).unwrap()
}

#[tokio::test]
async fn nobody_is_promoted_whose_vault_does_not_let_the_key_sign() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Hand::Remote(reluctant_vault(&folder.path().join("vault.sock")));
    let (handle, _end) = start(vault, Gate::Demoted);
    let mut peer = Vault::in_memory(key()).unwrap();
    peer.demote(now().as_unix()).unwrap();
    let journal = peer.export_journal(now().as_unix()).unwrap();
    let promotion = Promotion::Journals(vec![journal]);
    let turn = Turn::Promote { promotion, floor: Duration::ZERO };
    let refused = handle.turn(turn).await.unwrap().unwrap_err();
    assert!(matches!(refused, TurnError::Reluctant(_)), "{refused}");
    assert_eq!(handle.instance().borrow().state(), GateState::Demoted);
}

#[tokio::test]
async fn nobody_signs_after_the_floor_whose_vault_does_not_let_the_key_sign() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Hand::Remote(reluctant_vault(&folder.path().join("vault.sock")));
    let (handle, _end) = start(vault, Gate::Demoted);
    let turn = Turn::Promote { promotion: Promotion::PeerIsLost, floor: Duration::ZERO };
    let before = handle.turn(turn).await.unwrap().unwrap().before;
    assert_eq!(before, GateState::Demoted);
    let mut view = handle.instance();
    assert_eq!(view.borrow_and_update().state(), GateState::Waiting);
    handle.looked(Instant::now(), Vec::new());
    view.changed().await.unwrap();
    // The thread has done with the look when it answers the next question.
    handle.back_up().await.unwrap();
    let view = view.borrow().to_json();
    assert_eq!(view["state"], "demoted");
    let why = view["promotion_called_off"].as_str().unwrap();
    assert!(why.contains("`operator`"), "{why}");
}

#[tokio::test]
async fn a_freeze_that_the_vault_does_not_record_ends_the_signer_as_one_that_must_not_sign() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Hand::Remote(reluctant_vault(&folder.path().join("vault.sock")));
    let (handle, end) = start(vault, Gate::Open);
    let contract = SignersContract { parity: 0, lane: Lane::Responses };
    let theirs = Chunk::sign(&key(), SlotId::new(1), SlotVersion::new(7), Vec::new());
    handle.heard(Seen::signed(contract, &theirs));
    let error = end.await.unwrap().unwrap_err();
    assert_eq!(error.exit(), Exit::Instance, "a service manager must not start it again");
    assert!(error.to_string().contains("stop the other signer"), "{error}");
    assert_eq!(handle.instance().borrow().state(), GateState::Frozen);
}
