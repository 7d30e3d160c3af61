//! Certificates, the link, and doors that are not left open.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::start::terminate;
use crate::support::{Place, said};

impl Place {
    fn ask(&self, args: &[&str]) -> String {
        said(&self.command(args).output().unwrap())
    }
}

/// Makes a certificate and returns its pin.
fn made(place: &Place, name: &str) -> String {
    let output = place.command(&["tls", "new", "--out", "tls", "--name", name, "--json"]).output();
    let made: serde_json::Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    made["pin"].as_str().unwrap().to_owned()
}

fn tls_table(name: &str, peer: &str) -> String {
    format!(
        "{{ certificate = \"tls/{name}.crt\", key = \"tls/{name}.key\", peers = [\"{peer}\"] }}"
    )
}

#[test]
fn a_certificate_is_made_once_and_its_pin_can_be_asked_for_again() {
    let place = Place::good();
    let first = place.ask(&["tls", "new", "--out", "tls", "--name", "signer"]);
    let pin = first.rsplit_once("Pin: ").unwrap().1.to_owned();
    assert_eq!(
        first.replace(&pin, "<pin>"),
        "exit: 0\n--- stdout\nCertificate: tls/signer.crt\nKey: tls/signer.key\nPin: <pin>"
    );
    assert_eq!(place.ask(&["tls", "pin", "tls/signer.crt"]), format!("exit: 0\n--- stdout\n{pin}"));
    let json = place.ask(&["tls", "pin", "tls/signer.crt", "--json"]);
    assert_eq!(json, format!("exit: 0\n--- stdout\n{{\"pin\":\"{pin}\"}}"));
    let key = place.path().join("tls/signer.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(&key).unwrap();
    insta::assert_snapshot!(place.ask(&["tls", "new", "--out", "tls", "--name", "signer"]), @r"
    exit: 1
    --- stderr
    error: tls/signer.crt is there already and is kept; choose another --name or --out
    ");
    assert_eq!(fs::read(&key).unwrap(), before);
}

#[test]
fn what_is_no_certificate_has_no_pin() {
    let place = Place::good();
    place.write();
    insta::assert_snapshot!(place.ask(&["tls", "pin", "signer-config.toml"]), @r"
    exit: 2
    --- stderr
    error: signer-config.toml holds no certificate in PEM form (`-----BEGIN …`)
    ");
    let said = place.ask(&["tls", "new", "--out", "tls", "--days", "0"]);
    assert!(said.starts_with("exit: 2\n") && said.contains("1 to 3650 days"), "{said}");
}

#[test]
fn a_door_that_is_open_to_everybody_is_refused_with_the_remedy() {
    let place = Place::good().with("endpoint", "endpoint = \"8.8.8.8:0\"");
    for verb in ["check-config", "run"] {
        let said = place.said(verb);
        assert!(said.starts_with("exit: 2\n"), "{said}");
        assert!(said.contains("`endpoint` = 8.8.8.8:0 can be reached from everywhere"), "{said}");
        assert!(
            said.contains("list the node in `countersign.allowed_peers`, or set `countersign.tls`"),
            "{said}"
        );
    }
    assert!(place.files().is_empty());
    let place = place.with("[countersign]", "[countersign]\nallowed_peers = [\"10.0.0.2\"]");
    assert!(place.said("check-config").starts_with("exit: 0\n"));
    let place = Place::good()
        .with("network", "network = \"mocknet\"")
        .with("metrics_endpoint", "metrics_endpoint = \"0.0.0.0:0\"");
    assert!(place.said("check-config").starts_with("exit: 0\n"));
}

#[test]
fn a_signer_starts_with_tls_on_both_sides() {
    let place = Place::startable();
    let pin = made(&place, "signer");
    let table = tls_table("signer", &pin);
    let place =
        place.with("[countersign]", &format!("[countersign]\ntls = {table}\nnode_tls = {table}"));
    let mut child = place.start();
    let line = crate::start::wait_until_spawned(&mut child);
    terminate(&child, "-TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(line.starts_with("Signer spawned successfully"), "{line}");
}

#[test]
fn a_tls_key_that_others_can_read_stops_the_start() {
    for table in ["tls", "node_tls"] {
        let place = Place::startable();
        let pin = made(&place, "signer");
        let key = place.path().join("tls/signer.key");
        fs::set_permissions(key, fs::Permissions::from_mode(0o640)).unwrap();
        let line = format!("[countersign]\n{table} = {}", tls_table("signer", &pin));
        let place = place.with("[countersign]", &line);
        let said = place.said("run");
        let reason = format!(
            "error: TLS cannot be used as `countersign.{table}` says\n  caused by: the TLS key \
             tls/signer.key is open to others (mode 0640); mend it with `chmod 600 tls/signer.key`"
        );
        assert!(said.starts_with("exit: 2\n") && said.ends_with(&reason), "{said}");
        assert_eq!(place.files(), ["tls"]);
    }
}

#[test]
fn a_link_is_ready_and_stops_when_asked_to() {
    let place = Place::good();
    let (signer, _) = (made(&place, "signer"), made(&place, "link"));
    let text = format!(
        "certificate = \"tls/link.crt\"\nkey = \"tls/link.key\"\npeers = [\"{signer}\"]\n\
         [events]\nlisten = \"127.0.0.1:0\"\nto = \"127.0.0.1:9\"\n\
         [rpc]\nlisten = \"127.0.0.1:0\"\nto = \"127.0.0.1:9\"\n"
    );
    fs::write(place.path().join("link.toml"), &text).unwrap();
    let mut child = place
        .command(&["link", "--config", "link.toml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    terminate(&child, "-TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(line.starts_with("Link ready: callbacks at 127.0.0.1:"), "{line}");
}

#[test]
fn a_link_that_is_configured_badly_does_not_start() {
    let place = Place::good();
    insta::assert_snapshot!(place.ask(&["link", "--config", "link.toml"]), @r"
    exit: 2
    --- stderr
    error: link.toml: the configuration file cannot be read
      caused by: No such file or directory (os error 2)
    ");
    fs::write(place.path().join("link.toml"), "certificate = \"a\"\nkeys = \"b\"\n").unwrap();
    let said = place.ask(&["link", "--config", "link.toml"]);
    assert!(
        said.starts_with("exit: 2\n") && said.contains("link.toml: line 2: unknown field `keys`"),
        "{said}"
    );
}
