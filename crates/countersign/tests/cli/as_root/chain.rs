//! Level 3 of a verification: the chain's key, of the own node first, through its link too, and of another over https.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::backups::{Desk, aggregate};
use crate::ceremony::Ceremony;
use crate::https::Authority;
use crate::support::{countersign, said};

/// A node that answers every question with this, and how many questions.
fn node(answer: &'static str, questions: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for _ in 0..questions {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut line, mut len) = (String::new(), 0);
            while reader.read_line(&mut line).unwrap() > 2 {
                let lower = line.to_ascii_lowercase();
                if let Some(number) = lower.strip_prefix("content-length:") {
                    len = number.trim().parse().unwrap();
                }
                line.clear();
            }
            reader.read_exact(&mut vec![0; len]).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    address
}

fn answer(result: &str) -> &'static str {
    let body = body(result);
    let len = body.len();
    let text =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {len}\r\nconnection: close\r\n\r\n{body}");
    text.leak()
}

fn body(result: &str) -> String {
    format!("{{\"okay\":true,\"result\":\"{result}\"}}")
}

/// The Clarity value of the key in the backup, and of another one.
fn keys() -> [String; 2] {
    let other = hex::encode(Ceremony::new("x", 1, 1, 1).aggregate().serialize());
    [aggregate(), other].map(|key| format!("0x0200000021{key}"))
}

impl Desk {
    /// Exit code and verdict of a verification to level 3.
    fn compare(&self, sources: &[&str]) -> (i32, String) {
        let mut command = self.verifying(&["--json", "--level", "3"]);
        let output = command.args(sources).output().unwrap();
        let verdict: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
        (output.status.code().unwrap(), verdict["verdict"].as_str().unwrap().to_owned())
    }
}

fn is((code, verdict): (i32, String), expected: (i32, &str)) {
    assert_eq!((code, &*verdict), expected);
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn the_chains_key_is_asked_of_the_own_node_and_two_nodes_must_agree() {
    let desk = Desk::new();
    assert!(desk.back_up(&[]).status.success());
    let [right, other] = keys();
    let own = || node(answer(&right), 1);
    let second = node(answer(&other), 1);
    is(desk.compare(&["--node", &own(), "--second-node", &second]), (1, "sources-disagree"));
    // Another one over https, of whom an authority vouches.
    let authority = Authority::new();
    let ca = authority.file(desk.path("").as_path()).display().to_string();
    let over_https = |result: &str, ca: &str| {
        let server = authority.server(body(result).into_bytes());
        let url = server.url.strip_suffix("/archive.tar.zst").unwrap();
        desk.compare(&["--node", &own(), "--second-node", url, "--ca-file", ca])
    };
    is(over_https(&right, &ca), (0, "good"));
    // Whoever stands in its place is not believed.
    let strange = desk.path("strange");
    std::fs::create_dir(&strange).unwrap();
    let strange = Authority::new().file(&strange).display().to_string();
    is(over_https(&right, &strange), (1, "chain-unknown"));
}

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A certificate with its key in a folder, and its pin.
fn certificate(folder: &Path, name: &str) -> String {
    let mut made = countersign(&["tls", "new", "--json", "--name", name, "--out"]);
    let output = made.arg(folder).output().unwrap();
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    made["pin"].as_str().unwrap().to_owned()
}

/// `countersign link` before a node, and where it takes questions.
fn link(folder: &Path, node: &str, peer: &str) -> (Running, String) {
    let config = folder.join("link.toml");
    let text = format!(
        "certificate = \"link.crt\"\nkey = \"link.key\"\npeers = [\"{peer}\"]\n\
         [events]\nlisten = \"127.0.0.1:0\"\nto = \"127.0.0.1:9\"\n\
         [rpc]\nlisten = \"127.0.0.1:0\"\nto = \"{node}\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["link", "--config", "link.toml"])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let rpc = line.trim().rsplit_once("questions at ").unwrap().1.to_owned();
    (Running(child), rpc)
}

#[test]
#[ignore = "needs root: it runs PostgreSQL as its user"]
fn the_chains_key_is_asked_through_the_link_with_the_signers_certificate() {
    let desk = Desk::new();
    assert!(desk.back_up(&[]).status.success());
    let folder = desk.path("tls");
    let [signer, own, stranger] =
        ["signer", "link", "stranger"].map(|name| certificate(&folder, name));
    let [right, _] = keys();
    let (_link, rpc) = link(&folder, &node(answer(&right), 1), &signer);
    let ask = |name: &str, pin: &str| {
        let (certificate, key) = (format!("tls/{name}.crt"), format!("tls/{name}.key"));
        let tls = ["--node-certificate", &certificate, "--node-key", &key, "--node-pin", pin];
        desk.compare(&[&["--node", rpc.as_str()][..], &tls].concat())
    };
    // The link takes nobody else, and is not taken for another one. The node hears of neither.
    is(ask("stranger", &own), (1, "chain-unknown"));
    is(ask("signer", &stranger), (1, "chain-unknown"));
    is(ask("signer", &own), (0, "good"));
}
