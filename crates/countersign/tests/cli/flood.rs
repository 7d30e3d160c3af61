//! One callback that is as large as the listener takes them.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Child;
use std::time::Duration;

use crate::support::Place;

/// How long a node waits for an answer.
const PATIENCE: Duration = Duration::from_secs(1);
const CHUNKS: usize = 60_000;

/// A child that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that nobody has at the moment.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn ask(address: &str, method: &str, path: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let len = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: \
         application/json\r\nContent-Length: {len}\r\n\r\n{body}"
    )?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    Ok(reply)
}

/// Pre-commits of a stranger, each with a signature from which a key can be recovered: `r` is the
/// abscissa of the curve's generator, and `s` is one.
fn flood() -> String {
    let generator = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    let (sig, data) = (format!("00{generator}{:064x}", 1), format!("07{:064x}", 2));
    let chunk =
        format!("{{\"slot_id\":0,\"slot_version\":1,\"sig\":\"{sig}\",\"data\":\"{data}\"}}");
    let chunks = vec![chunk; CHUNKS].join(",");
    let issuer = format!("[26,[{}]]", vec!["0"; 20].join(","));
    format!(
        "{{\"contract_id\":{{\"issuer\":{issuer},\"name\":\"signers-0-3\"}},\"modified_slots\":[{chunks}]}}"
    )
}

#[test]
fn a_callback_with_sixty_thousand_chunks_keeps_nobody_waiting() {
    let (endpoint, metrics) = (free_address(), free_address());
    let place = Place::startable()
        .with("endpoint", &format!("endpoint = \"{endpoint}\""))
        .with("metrics_endpoint", &format!("metrics_endpoint = \"{metrics}\""));
    let mut child = Running(place.start());
    let ready = crate::start::wait_until_spawned(&mut child.0);
    assert!(ready.starts_with("Signer spawned"), "{ready}");
    assert!(ask(&endpoint, "POST", "/stackerdb_chunks", &flood()).unwrap().contains("200 OK"));
    // Until the last chunk has been read, whoever asks has an answer in time.
    let all = format!("countersign_events{{kind=\"peer\"}} {CHUNKS}\n");
    loop {
        assert!(ask(&endpoint, "GET", "/status", "").unwrap().ends_with("OK"));
        if ask(&metrics, "GET", "/metrics", "").unwrap().contains(&all) {
            break;
        }
    }
    crate::start::terminate(&child.0, "-TERM");
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
}
