//! The control socket, with callers of this user and of others.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use countersign_ops::control::{
    Answer, AskError, ControlError, ControlSocket, Handler, MAX_PATH_LEN, Method, Reply, Request,
    ask,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Says what it was asked.
struct Echo;

impl Handler for Echo {
    async fn handle(&self, request: Request) -> Reply {
        match request.path.as_str() {
            "/refused" => Reply::refusal(409, "too_late", "ask earlier"),
            path => Reply::ok(json!({
                "is_post": request.method == Method::Post,
                "path": path,
                "body": request.body,
                "uid": request.caller.uid,
                "pid": request.caller.pid,
            })),
        }
    }
}

struct Daemon {
    path: PathBuf,
    stop: CancellationToken,
    task: JoinHandle<()>,
    _folder: TempDir,
}

impl Daemon {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let socket = ControlSocket::bind(&path).unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(socket.run(Echo, stop.clone()));
        Self { path, stop, task, _folder: folder }
    }

    async fn ask(&self, method: Method, route: &str, body: &Value) -> Answer {
        ask(&self.path, method, route, body, LIMIT).await.unwrap()
    }

    async fn send(&self, bytes: &[u8]) -> String {
        let mut stream = UnixStream::connect(&self.path).await.unwrap();
        // The daemon may close while we still write: that is its right.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }
}

#[tokio::test]
async fn a_request_reaches_the_handler_with_its_body_and_its_caller() {
    let daemon = Daemon::start();
    let body = json!({ "floor": 7 });
    let answer = daemon.ask(Method::Post, "/promote?now", &body).await;
    let expected = json!({
        "is_post": true,
        "path": "/promote",
        "body": { "floor": 7 },
        "uid": rustix::process::getuid().as_raw(),
        "pid": std::process::id(),
    });
    assert_eq!(answer, Answer { status: 200, body: expected });
    let answer = daemon.ask(Method::Get, "/status", &Value::Null).await;
    assert_eq!((&answer.body["is_post"], &answer.body["body"]), (&false.into(), &Value::Null));
}

#[tokio::test]
async fn a_refusal_carries_a_code_and_a_text() {
    let daemon = Daemon::start();
    let answer = daemon.ask(Method::Get, "/refused", &Value::Null).await;
    assert_eq!((answer.status, answer.is_success()), (409, false));
    assert_eq!(
        (answer.body["error"].as_str(), answer.text().as_str()),
        (Some("too_late"), "ask earlier")
    );
}

#[tokio::test]
async fn the_file_is_its_owners_alone_and_goes_with_the_daemon() {
    let daemon = Daemon::start();
    assert_eq!(fs::metadata(&daemon.path).unwrap().permissions().mode() & 0o777, 0o600);
    daemon.stop.cancel();
    daemon.task.await.unwrap();
    assert!(!daemon.path.exists());
    let error = ask(&daemon.path, Method::Get, "/status", &Value::Null, LIMIT).await.unwrap_err();
    assert!(matches!(error, AskError::NotRunning(_)), "{error}");
}

mod as_root {
    use super::*;

    /// The test changes its own user for one process only: the one that calls.
    #[tokio::test]
    #[ignore = "needs root: calls as another user"]
    async fn another_user_is_refused_even_where_the_file_lets_it_in() {
        assert!(
            rustix::process::getuid().is_root(),
            "this test calls as another user: run it as root"
        );
        let daemon = Daemon::start();
        let open = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        open(daemon.path.parent().unwrap(), 0o755).unwrap();
        open(&daemon.path, 0o666).unwrap();
        // Perl and setpriv belong to every Debian.
        let script = "my $socket = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die $!; \
                      print $socket \"GET /status HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n\"; print <$socket>;";
        let mut caller = Command::new("setpriv");
        caller.args(["--reuid=65534", "--regid=65534", "--clear-groups", "perl"]);
        caller.args(["-MIO::Socket::UNIX", "-e", script]).arg(&daemon.path);
        let said = tokio::task::spawn_blocking(move || caller.output().unwrap()).await.unwrap();
        let answer = String::from_utf8(said.stdout).unwrap();
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("not_yours"), "{answer}");
    }
}

#[tokio::test]
async fn a_socket_that_nobody_answers_on_is_replaced_and_one_that_is_used_is_not() {
    let daemon = Daemon::start();
    let error = ControlSocket::bind(&daemon.path).unwrap_err();
    assert!(matches!(error, ControlError::InUse(_)), "{error}");
    assert_eq!(daemon.ask(Method::Get, "/status", &Value::Null).await.status, 200);

    // A listener that is dropped leaves its file behind, as a killed process does.
    let stale = daemon.path.with_extension("stale");
    drop(StdListener::bind(&stale).unwrap());
    assert!(stale.exists());
    drop(ControlSocket::bind(&stale).unwrap());
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    fs::write(&path, "notes").unwrap();
    let error = ControlSocket::bind(&path).unwrap_err();
    assert!(matches!(error, ControlError::NotASocket(_)), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"notes");
}

#[tokio::test]
async fn a_socket_that_took_our_name_is_not_removed_with_us() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    let first = ControlSocket::bind(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let _second = StdListener::bind(&path).unwrap();
    drop(first);
    assert!(path.exists());
}

#[tokio::test]
async fn a_path_that_the_kernel_does_not_take_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let room = MAX_PATH_LEN - folder.path().as_os_str().len() - 1;
    let longest = folder.path().join("s".repeat(room));
    drop(ControlSocket::bind(&longest).unwrap());
    let path = folder.path().join("s".repeat(room + 1));
    let error = ControlSocket::bind(&path).unwrap_err();
    assert!(
        error.to_string().contains("has 108 bytes, and the kernel takes at most 107"),
        "{error}"
    );
    let error = ask(&path, Method::Get, "/", &Value::Null, LIMIT).await.unwrap_err();
    assert!(matches!(error, AskError::TooLong(_)), "{error}");
}

#[tokio::test]
async fn nonsense_and_large_bodies_are_refused_and_stop_nobody() {
    let daemon = Daemon::start();
    let post = |body: &str| {
        let len = body.len();
        format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\n{body}")
    };
    let cases: [(&str, String, &str); 4] = [
        ("another method", "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "method_unknown"),
        ("not JSON", post("{"), "body_not_json"),
        (
            "too large",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n".to_owned(),
            "body_unread",
        ),
        ("not HTTP", "\u{0}\u{1}\r\n\r\n".to_owned(), "400"),
    ];
    for (why, bytes, expected) in cases {
        let answer = daemon.send(bytes.as_bytes()).await;
        assert!(answer.contains(expected), "{why}: {answer}");
    }
    assert_eq!(daemon.ask(Method::Get, "/status", &Value::Null).await.status, 200);
}

#[tokio::test]
async fn a_daemon_that_does_not_answer_is_told_from_one_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    let _silent = StdListener::bind(&path).unwrap();
    let limit = Duration::from_millis(50);
    let error = ask(&path, Method::Get, "/status", &Value::Null, limit).await.unwrap_err();
    assert!(matches!(error, AskError::Silent { .. }), "{error}");
}

/// Far more than an answer takes.
const LIMIT: Duration = Duration::from_secs(30);
