//! Hosts that do not answer, or too much.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use countersign_logs::bundle::{Command, fetch, read_file};

fn shell(script: &str, limit: Duration) -> Result<Vec<u8>, String> {
    Command { program: "sh", args: &["-c", script], limit, max_bytes: 100 }.output()
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_program_is_heard_to_its_end_or_as_far_as_is_wanted() {
    assert_eq!(shell("echo hello", LONG).unwrap(), b"hello\n");
    assert_eq!(shell("yes", LONG).unwrap().len(), 100);
    let error = shell("echo what was wrong >&2; exit 3", LONG).unwrap_err();
    assert!(error.contains("what was wrong") && error.contains('3'), "{error}");
    let missing = Command { program: "/no/such/program", args: &[], limit: LONG, max_bytes: 1 };
    assert!(missing.output().unwrap_err().contains("/no/such/program cannot be started"));
}

#[test]
fn a_program_that_hangs_is_ended() {
    let begun = Instant::now();
    let error = shell("exec sleep 60", Duration::from_millis(200)).unwrap_err();
    assert!(error.contains("has not ended within"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

/// A server that says this once.
fn server(answer: &'static [u8]) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(answer);
        // It hangs up when the other side does, or when everything was said.
        if answer.is_empty() {
            let _ = stream.read(&mut request);
        }
    });
    address
}

#[test]
fn a_server_is_heard_or_said_why_not() {
    let get = |answer, limit| fetch(server(answer), "/metrics", limit, 100);
    assert_eq!(get(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nx 1\n", LONG).unwrap(), b"x 1\n");
    let error = get(b"HTTP/1.1 503 Busy\r\n\r\n", LONG).unwrap_err();
    assert!(error.contains("503"), "{error}");
    assert!(get(b"hello", LONG).unwrap_err().contains("no HTTP"));
    assert!(get(&[b'x'; 5000], LONG).unwrap_err().contains("more than 100 bytes"));
    let begun = Instant::now();
    get(b"", Duration::from_millis(100)).unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn the_end_of_a_file_is_read_and_devices_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    std::fs::write(&path, "ab\ncdef").unwrap();
    assert_eq!(read_file(&path, 5).unwrap(), b"cdef");
    assert!(read_file(Path::new("/dev/zero"), 4).unwrap_err().contains("is no file"));
    assert!(read_file(Path::new("/missing"), 4).unwrap_err().contains("/missing cannot be read"));
    assert!(!read_file(Path::new("/proc/meminfo"), 4000).unwrap().is_empty());
}

/// Half a key is no 64 digits any more, and half a secret not the one that is known.
#[test]
fn what_is_cut_is_cut_between_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    std::fs::write(&path, "key=0123456789\nlast\n").unwrap();
    assert_eq!(read_file(&path, 10).unwrap(), b"last\n");
    assert_eq!(read_file(&path, 3).unwrap(), b"");
    let said = shell("echo first; printf '%0200d\\n' 7; echo last", LONG).unwrap();
    assert_eq!(said, b"first\n");
    assert_eq!(shell("printf '%0100d' 7", LONG).unwrap().len(), 100);
}
