//! The dead-man's switch as a process.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::net::{Server, ask};
use crate::program::{Running, countersign, ended};

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A configuration of a switch that tells `receiver` after two seconds of silence.
pub(crate) struct Switch {
    folder: TempDir,
}

impl Switch {
    pub(crate) fn new(receiver: &Server) -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap() };
        this.secret("token", TOKEN);
        this.secret("webhook", &format!("http://{}/alarm?key=SECRET", receiver.address));
        this.config(&format!(
            "listen = \"127.0.0.1:0\"\ntoken_file = \"{}\"\nsilent_after_secs = 2\n\
             webhook_url_file = \"{}\"\n",
            this.at("token").display(),
            this.at("webhook").display()
        ));
        this
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn secret(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).unwrap();
        fs::set_permissions(self.at(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn config(&self, text: &str) {
        fs::write(self.at("deadman.toml"), text).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn args(&self) -> [String; 3] {
        ["deadman".to_owned(), "--config".to_owned(), self.at("deadman.toml").display().to_string()]
    }

    pub(crate) fn start(&self) -> (Running, String) {
        let args = self.args();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let running = Running::start(&mut countersign(&args));
        let address = running.word_after("heartbeats at http://");
        (running, address)
    }

    fn refusal(&self) -> String {
        let args = self.args();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (code, _, error) = ended(&mut countersign(&args));
        assert_eq!(code, 2, "{error}");
        error
    }
}

#[test]
fn silence_is_told_and_so_is_its_end() {
    let receiver = Server::http("200 OK", |_| String::new());
    let switch = Switch::new(&receiver);
    let (running, address) = switch.start();
    let beat = format!("/beat/{TOKEN}");
    for (path, expected) in [("/beat/wrong", 404), ("/", 404), ("/beat/", 404), (&beat, 200)] {
        assert_eq!(ask(&address, "POST", path, "{\"alerts\":[]}").0, expected, "{path}");
    }
    assert!(receiver.so_far().is_empty(), "all is well");
    let alarm = receiver.waits_for("the alarm", |_| true);
    assert_eq!(alarm.path, "/alarm?key=SECRET");
    let message: serde_json::Value = serde_json::from_str(&alarm.body).unwrap();
    assert_eq!(message["status"], "firing");
    assert!(message["silent_secs"].as_u64().unwrap() >= 2, "{message}");
    assert_eq!(ask(&address, "GET", &beat, "").0, 200);
    let end = receiver.waits_for("the end", |_| true);
    assert!(end.body.contains("\"status\":\"resolved\""), "{end:?}");
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn a_bad_configuration_is_refused_with_what_to_do() {
    let receiver = Server::http("200 OK", |_| String::new());
    let switch = Switch::new(&receiver);
    let good = fs::read_to_string(switch.path().join("deadman.toml")).unwrap();
    let lines = |without: &str| -> String {
        let kept: Vec<&str> = good.lines().filter(|line| !line.starts_with(without)).collect();
        kept.join("\n") + "\n"
    };
    let rows = [
        (lines("webhook_url_file"), "nobody hears the alarm"),
        (lines("webhook_url_file") + "command = [\"curl\"]\n", "must begin with the absolute path"),
        (lines("listen"), "missing field `listen`"),
        (good.clone() + "colour = 1\n", "unknown field `colour`"),
        (
            lines("silent_after") + "silent_after_secs = 1\n",
            "`silent_after_secs` must be 2 to 86400",
        ),
    ];
    for (config, expected) in rows {
        switch.config(&config);
        let said = switch.refusal();
        assert!(said.contains(expected), "{said}");
    }
    switch.config(&good);
    switch.secret("webhook", "ftp://example.org/SECRET");
    let said = switch.refusal();
    assert!(said.contains("begins with http:// or https://") && !said.contains("SECRET"), "{said}");
    switch.secret("webhook", "https://example.org/SECRET");
    switch.config(&(good.clone() + "ca_file = \"/nowhere/ca.pem\"\n"));
    let said = switch.refusal();
    assert!(said.contains("`ca_file`: the authorities for https in /nowhere/ca.pem"), "{said}");
    switch.config(&good);
    switch.secret("webhook", "http://127.0.0.1:9/");
    switch.secret("token", "1234");
    assert!(switch.refusal().contains("the token must be 32 to 128"));
    switch.secret("token", TOKEN);
    let token = switch.path().join("token");
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(switch.refusal().contains("run `chmod 600`"));
    fs::remove_file(&token).unwrap();
    assert!(switch.refusal().contains("the file cannot be read"));
}
