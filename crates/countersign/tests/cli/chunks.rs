//! Verbs about StackerDBs, against a node that says what a test wants.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Output, Stdio};
use std::thread::{self, JoinHandle};

use crate::support::{countersign, said};

const KEY: &str = "b791c6d39263a2469fbb7378da40e84e89d319e4b5e74f69836ff75b3cd30092";
const CONTRACT: &str = "ST000000000000000000002AMW42H.signers-0-3";

/// A node that answers one request, and gives its first line and its body.
fn node(status: &'static str, answer: &'static str) -> (SocketAddr, JoinHandle<(String, String)>) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let asked = thread::spawn(move || {
        let (mut stream, _) = socket.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_owned());
        }
        let length = head.iter().find_map(|line| {
            line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
        });
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).unwrap();
        let length = answer.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
        )
        .unwrap();
        (head[0].clone(), String::from_utf8(body).unwrap())
    });
    (address, asked)
}

/// Runs a verb about the contract at this node.
fn ask(verb: &str, address: SocketAddr, rest: &str) -> Output {
    let line = format!("{verb} --host {address} --contract {CONTRACT} {rest}");
    countersign(&line.split_whitespace().collect::<Vec<_>>()).output().unwrap()
}

#[test]
fn a_chunk_is_printed_as_hex_without_a_line_end() {
    let (address, asked) = node("200 OK", "\u{7}hello");
    let output = ask("get-latest-chunk", address, "--slot-id 3");
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"0768656c6c6f"[..]));
    let path = "GET /v2/stackerdb/ST000000000000000000002AMW42H/signers-0-3/3 HTTP/1.1";
    assert_eq!(asked.join().unwrap().0, path);

    let (address, asked) = node("200 OK", "x");
    let output = ask("get-chunk", address, "--slot-id 3 --slot-version 9");
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"78"[..]));
    let path = "GET /v2/stackerdb/ST000000000000000000002AMW42H/signers-0-3/3/9 HTTP/1.1";
    assert_eq!(asked.join().unwrap().0, path);
}

#[test]
fn a_chunk_that_is_not_there_is_printed_as_nothing() {
    for (status, body) in [("404 Not Found", "no such chunk"), ("200 OK", "")] {
        let (address, _asked) = node(status, body);
        let output = ask("get-latest-chunk", address, "--slot-id 3");
        assert_eq!(said(&output), "exit: 0", "{status}");
    }
}

#[test]
fn slots_are_listed_as_the_hex_of_their_json_or_as_json() {
    let json = "[{\"slot_id\":0,\"slot_version\":0,\"data_hash\":\"0000000000000000000000000000000000000000000000000000000000000000\",\
                \"signature\":\"0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\"}]";
    let (address, _asked) = node("200 OK", json);
    let plain = ask("list-chunks", address, "--json");
    assert_eq!(String::from_utf8(plain.stdout).unwrap(), format!("{json}\n"));
    let (address, _asked) = node("200 OK", json);
    let as_hex = ask("list-chunks", address, "");
    assert_eq!(String::from_utf8(as_hex.stdout).unwrap(), format!("{}\n", hex::encode(json)));
}

#[test]
fn a_node_without_the_stackerdb_is_a_failure_that_names_both() {
    let (address, _asked) = node("404 Not Found", "no");
    let said = said(&ask("list-chunks", address, ""));
    insta::assert_snapshot!(said.replace(&address.to_string(), "<node>"), @r#"
    exit: 1
    --- stderr
    error: the StackerDB ST000000000000000000002AMW42H.signers-0-3 cannot be used at the node --host <node>
      caused by: the node does not replicate ST000000000000000000002AMW42H.signers-0-3; a signer's node needs `stacker = true` in its [node] section
    "#);
}

const REFUSED: &str = "{\"accepted\":false,\"reason\":\"{\\\"code\\\":1}\",\"code\":1}";

#[test]
fn a_chunk_is_signed_and_written_and_the_answer_printed() {
    let (address, asked) = node("200 OK", REFUSED);
    // The pre-commit of the worked vectors (`signer-wire.md` 12.3 and 12.4) in base58.
    let data = "3GsVLKdCK8Pow6ZWqcuWbVTDLnQ6Su5JSWdHi3z3SRNSc";
    let rest = format!("-p {KEY} --slot-id 3 --slot-version 9 {data}");
    let output = ask("put-chunk", address, &rest);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{REFUSED}\n"));
    let warning = String::from_utf8(output.stderr).unwrap();
    assert!(
        warning.starts_with("warning: ") && warning.contains("--private-key-file"),
        "{warning}"
    );
    assert!(!warning.contains(KEY));
    let (path, body) = asked.join().unwrap();
    let expected = "POST /v2/stackerdb/ST000000000000000000002AMW42H/signers-0-3/chunks HTTP/1.1";
    assert_eq!(path, expected);
    // The signature of the worked vectors.
    let chunk = "{\"slot_id\":3,\"slot_version\":9,\"sig\":\"0108f583ff200662eb5adf51d52233f7c958a0e4adc36ec240dadd4b8de6c25aba50d8be4d6e5108d2ac9dd5e144ccbe38ffdf33a514022bb92e86ff3216aff59c\",\
                 \"data\":\"07a75a106d6bfed0e636a476c5fe6c14bc0f3f8d5a1e5e388acc6274393b33e991\"}";
    assert_eq!(body, chunk);
}

#[test]
fn the_key_may_come_from_the_standard_input() {
    let (address, asked) = node("200 OK", REFUSED);
    let line = format!(
        "put-chunk --host {address} -c {CONTRACT} --private-key-file - --slot-id 3 --slot-version 9 2NEp"
    );
    let mut command = countersign(&line.split_whitespace().collect::<Vec<_>>());
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{KEY}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(said(&output), format!("exit: 0\n--- stdout\n{REFUSED}"));
    assert!(asked.join().unwrap().1.contains("\"slot_id\":3,\"slot_version\":9"));
}

#[test]
fn key_and_data_cannot_both_come_from_the_standard_input() {
    let line = format!(
        "put-chunk --host 127.0.0.1:9 -c {CONTRACT} --private-key-file - --slot-id 3 --slot-version 9 -"
    );
    let output = countersign(&line.split_whitespace().collect::<Vec<_>>()).output().unwrap();
    insta::assert_snapshot!(said(&output), @r"
    exit: 2
    --- stderr
    error: the standard input cannot hold both the private key and the data; put one of them elsewhere
    ");
}

#[test]
fn one_source_of_the_key_must_be_given() {
    let put =
        format!("put-chunk --host 127.0.0.1:9 -c {CONTRACT} --slot-id 3 --slot-version 9 2NEp");
    for keys in ["", "-p 11 --private-key-file -"] {
        let line = format!("{put} {keys}");
        let output = countersign(&line.split_whitespace().collect::<Vec<_>>()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    }
}
