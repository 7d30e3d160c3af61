//! A caller of a vault that does not behave.

use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use countersign_vault::ipc::{RemoteError, VaultClient};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, listen, socket};

const PATIENCE: Duration = Duration::from_millis(100);

#[test]
fn a_vault_that_takes_no_connection_any_more_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault.sock");
    // As a vault that was stopped for long: it listens, and its queue is full.
    let stopped = socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    bind(&stopped, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    listen(&stopped, 0).unwrap();
    let _waits = UnixStream::connect(&path).unwrap();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(VaultClient::connect(&path, PATIENCE).map(drop)));
    let refused = told.recv_timeout(PATIENCE * 50).expect("it ends").unwrap_err();
    assert!(matches!(refused, RemoteError::Unreachable { .. }), "{refused}");
    assert!(refused.is_transient());
}
