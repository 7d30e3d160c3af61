//! How a signer behaves as a process: what it says of itself, what its service manager hears, what it
//! reads again, and what becomes of callbacks while it restarts.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign_devnet::{DevnetConfig, SignerKind};
use serde_json::Value;
use system_tests::daemons::{
    Daemon, Interposer, Manager, Manner, Metrics, Network, Settings, Signal, ask, countersign,
    exchange, get, poll, post, quick, with_socket, within,
};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

const LIMIT: Duration = Duration::from_secs(30);
/// How long a signer has to end after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(5);
const WATCHDOG: Duration = Duration::from_secs(2);

fn program() -> Command {
    let mut command = Command::new(countersign());
    command.stdin(Stdio::null());
    command
}

/// A signer without a node, and its configuration.
struct Lonely {
    folder: TempDir,
    config: PathBuf,
}

impl Lonely {
    fn new() -> Self {
        Self::with(|settings| settings)
    }

    fn with(change: impl FnOnce(Settings) -> Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.toml");
        change(Settings::lonely(folder.path())).write(&config);
        Self { folder, config }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("signer.countersign-control.sock")
    }

    fn change(&self, change: impl FnOnce(Settings) -> Settings) {
        change(Settings::read(&self.config)).write(&self.config);
    }
}

/// The ladder as `status --json` shows it.
async fn ladder(config: &Path) -> (Option<i32>, Value) {
    let (code, out, errors) = ask("status", config, &["--json"]).await;
    let status: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{code:?} {errors}"));
    (code, status["readiness"].clone())
}

fn code_of(ladder: &Value, rung: &str) -> String {
    let rungs = ladder["rungs"].as_array().unwrap();
    let found = rungs.iter().find(|step| step["rung"] == rung).unwrap();
    found["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_signer_without_a_node_runs_and_says_that_it_is_not_ready() {
    let lonely = Lonely::new();
    let (daemon, _) = Daemon::ready(&lonely.config).await;
    let silent = poll(LIMIT, "the node to be missed", async || {
        let (code, ladder) = ladder(&lonely.config).await;
        (code == Some(1) && code_of(&ladder, "node_reached") == "node_silent").then_some(ladder)
    })
    .await;
    assert_eq!((&silent["ready"], &silent["missing"]), (&false.into(), &"node_reached".into()));
    let (code, out, errors) = ask("status", &lonely.config, &[]).await;
    assert_eq!(code, Some(1), "{out}{errors}");
    assert!(out.contains("  ✔ journal_good ") && out.contains("  ✘ node_reached "), "{out}");
    assert!(out.contains("What to do: see that the node runs"), "{out}");
    assert!(errors.starts_with("error: the signer is not ready, node_reached: "), "{errors}");
    let mode = fs::metadata(lonely.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended(STOP_LIMIT).await.code, Some(0));
    assert!(!lonely.socket().exists());
    let (code, out, errors) = ask("status", &lonely.config, &[]).await;
    assert_eq!((code, out.as_str()), (Some(13), ""), "{errors}");
    assert!(errors.starts_with("error: no daemon listens on "), "{errors}");
}

#[tokio::test]
async fn a_killed_signer_leaves_a_socket_that_the_next_one_replaces() {
    let lonely = Lonely::new();
    let (daemon, _) = Daemon::ready(&lonely.config).await;
    daemon.kill().await;
    assert!(lonely.socket().exists());
    assert_eq!(ask("status", &lonely.config, &[]).await.0, Some(13));
    let (_daemon, _) = Daemon::ready(&lonely.config).await;
    assert_eq!(ladder(&lonely.config).await.0, Some(1));
}

#[tokio::test]
async fn a_path_that_is_too_long_for_a_socket_stops_nobody_unless_it_was_named() {
    let deep = |folder: &Path| {
        let deep = folder.join("d".repeat(90));
        fs::create_dir_all(&deep).unwrap();
        deep.join("signer.sqlite").to_str().unwrap().to_owned()
    };
    let lonely = Lonely::new();
    lonely.change(|good| good.with("db_path", deep(lonely.folder.path())));
    let (daemon, _) = Daemon::ready(&lonely.config).await;
    assert!(daemon.log().text().contains("there is no control socket"), "{:?}", daemon.log());
    let (code, _, errors) = ask("status", &lonely.config, &[]).await;
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("the kernel takes at most 107"), "{errors}");

    let socket = format!("/tmp/{}", "s".repeat(110));
    let table = toml::Table::from_iter([("control_socket".to_owned(), socket.into())]);
    let lonely = Lonely::with(|good| good.with("countersign", table));
    let ended = Daemon::run(&lonely.config).await;
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert!(ended.log.contains("`countersign.control_socket`"), "{}", ended.log);
}

/// One signer at work, with a node that can be told to misbehave.
struct Stage {
    network: Network,
    daemon: Daemon,
    node: Interposer,
    config: PathBuf,
    metrics: SocketAddr,
}

impl Stage {
    async fn set(command: Command) -> Self {
        let config = DevnetConfig { signers: vec![SignerKind::External], ..quick(1) };
        let mut network = Network::start(config).await;
        let settings = network.settings(0);
        let node = Interposer::before(settings.address("node_host")).await;
        let settings = settings.with("node_host", node.address().to_string());
        let config = network.write(0, &settings);
        let daemon = Daemon::spawn(command, &config);
        network.adopts(1, "the signer works").await;
        let metrics = network.devnet.place(0).unwrap().metrics.parse().unwrap();
        Self { network, daemon, node, config, metrics }
    }

    /// Waits until this rung has this code, and is the first that is missing, if any is.
    async fn until(&self, rung: &str, code: &str) -> Value {
        poll(LIMIT, code, async || {
            let (_, ladder) = ladder(&self.config).await;
            let is_first = ladder["missing"].is_null() || ladder["missing"] == rung;
            (is_first && code_of(&ladder, rung) == code).then_some(ladder)
        })
        .await
    }
}

#[tokio::test]
async fn a_signer_at_work_is_ready_until_its_node_is_not_the_right_one() {
    let stage = Stage::set(program()).await;
    let ready = stage.until("deciding", "deciding").await;
    assert_eq!((&ready["ready"], &ready["missing"]), (&true.into(), &Value::Null), "{ready}");
    let (code, out, errors) = ask("status", &stage.config, &[]).await;
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{out}");
    assert_eq!(out.matches('✔').count(), 8, "{out}");
    let page = get(stage.metrics, "/readyz").await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.starts_with("ready: "), "{}", page.body);
    let page = get(stage.metrics, "/readyz?json").await;
    let json: Value = serde_json::from_str(&page.body).unwrap();
    assert_eq!(json["ready"], true);
    assert_eq!(get(stage.metrics, "/livez").await.status, 200);
    let metrics = Metrics::of(stage.metrics).await;
    assert!(metrics.value("countersign_ready") > 0.5);
    assert!(metrics.value("countersign_readiness{rung=\"deciding\"}") > 0.5);

    stage.node.behave(Manner::OtherChain);
    stage.until("right_network", "wrong_network").await;
    assert_eq!(ladder(&stage.config).await.0, Some(1));
    let page = get(stage.metrics, "/readyz").await;
    assert_eq!(page.status, 503);
    assert!(page.body.starts_with("not ready, right_network: "), "{}", page.body);
    let metrics = Metrics::of(stage.metrics).await;
    assert!(metrics.value("countersign_ready") < 0.5);
    assert!(metrics.value("countersign_readiness{rung=\"right_network\"}") < 0.5);
    assert_eq!(get(stage.metrics, "/livez").await.status, 200);

    stage.node.behave(Manner::Failing);
    stage.until("node_reached", "node_silent").await;
    stage.node.behave(Manner::Honest);
    let ready = stage.until("deciding", "deciding").await;
    assert_eq!(ready["ready"], true, "{ready}");
    stage.network.devnet.stop().await;
}

#[tokio::test]
async fn sigterm_ends_a_signer_at_work_in_time_even_if_its_node_hangs() {
    let manager = Manager::new();
    let mut stage = Stage::set(manager.look_after(program(), WATCHDOG)).await;
    stage.until("deciding", "deciding").await;
    stage.node.behave(Manner::Silent);
    stage.network.mines(1).await;
    // The kernel keeps few messages for who does not read them, and a daemon waits for nobody.
    manager.forget();
    let asked_at = Instant::now();
    stage.daemon.signal(Signal::TERM);
    manager.hears("STOPPING=1").await;
    let ended = stage.daemon.ended(STOP_LIMIT).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(asked_at.elapsed() < STOP_LIMIT);
    stage.network.devnet.stop().await;
}

#[tokio::test]
async fn the_service_manager_hears_when_the_start_is_done_and_what_is_missing() {
    let manager = Manager::new();
    let lonely = Lonely::new();
    let daemon = Daemon::spawn(manager.look_after(program(), WATCHDOG), &lonely.config);
    manager.hears("READY=1").await;
    manager.hears("STATUS=not ready, node_reached: the node does not answer").await;
    daemon.signal(Signal::TERM);
    manager.hears("STOPPING=1").await;
    assert_eq!(daemon.ended(STOP_LIMIT).await.code, Some(0));
}

#[tokio::test]
async fn a_stopped_process_gives_no_sign_of_life_and_goes_on_when_it_may() {
    let manager = Manager::new();
    let lonely = Lonely::new();
    let daemon = Daemon::spawn(manager.look_after(program(), WATCHDOG), &lonely.config);
    manager.hears("WATCHDOG=1").await;
    manager.hears("WATCHDOG=1").await;
    daemon.signal(Signal::STOP);
    // What was sent before it stopped may still be on its way.
    sleep(WATCHDOG / 4).await;
    manager.forget();
    sleep(2 * WATCHDOG).await;
    assert!(!manager.forget(), "a stopped process gave a sign of life");
    daemon.signal(Signal::CONT);
    manager.hears("WATCHDOG=1").await;
}

/// A log that nobody reads holds up whoever writes to it, as a full disk or a hanging journal does. The
/// process is not stopped, and a timer in it would go on.
#[tokio::test]
async fn a_loop_that_is_held_up_gives_no_sign_of_life() {
    let manager = Manager::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = socket.local_addr().unwrap();
    let lonely = Lonely::with(|good| good.with("endpoint", endpoint.to_string()));
    let mut command = manager.look_after(with_socket(&socket, "endpoint"), WATCHDOG);
    command.args(["run", "--config"]).arg(&lonely.config).env("STACKS_LOG_DEBUG", "1");
    command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut daemon = command.spawn().unwrap();
    let log = daemon.stderr.take().unwrap();
    manager.hears("READY=1").await;
    manager.hears("WATCHDOG=1").await;

    let nonsense = b"POST /nonsense HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    let fill =
        async { while let Ok(Some(_)) = timeout(WATCHDOG, exchange(endpoint, nonsense)).await {} };
    within(2 * LIMIT, "the log to be full", fill).await;
    manager.forget();
    sleep(2 * WATCHDOG).await;
    assert!(!manager.forget(), "a loop that stands still gave a sign of life");

    let mut log = tokio::io::BufReader::new(log);
    let reading = tokio::spawn(async move {
        tokio::io::copy_buf(&mut log, &mut tokio::io::sink()).await.unwrap();
    });
    manager.hears("WATCHDOG=1").await;
    daemon.kill().await.unwrap();
    reading.await.unwrap();
}

#[tokio::test]
async fn a_reload_applies_what_is_safe_and_names_the_rest() {
    let manager = Manager::new();
    let lonely = Lonely::new();
    let daemon = Daemon::spawn(manager.look_after(program(), WATCHDOG), &lonely.config);
    let endpoint = daemon.endpoint().await;
    manager.hears("READY=1").await;

    let (code, out, errors) = ask("reload", &lonely.config, &[]).await;
    assert_eq!((code, out.as_str()), (Some(0), "nothing has changed\n"), "{errors}");

    let debug = toml::Table::from_iter([("log".to_owned(), "info,countersign=debug".into())]);
    lonely.change(|good| {
        good.with("auth_password", "staple")
            .with("event_timeout_ms", 700)
            .with("countersign", debug)
    });
    let start = daemon.log().len();
    let (code, out, errors) = ask("reload", &lonely.config, &[]).await;
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(
        out,
        "auth_password: changed (applied)\n\
         countersign.log: default → \"info,countersign=debug\" (applied)\n\
         event_timeout_ms: default → 700 (applied)\n"
    );
    manager.hears("RELOADING=1\nMONOTONIC_USEC=").await;
    manager.hears("READY=1").await;
    daemon.log().wait_for(start, "the configuration was read again", LIMIT).await;
    assert_eq!(post(endpoint, "/nonsense", b"{}").await.status, 200);
    daemon.log().wait_for(start, "dropped a request", LIMIT).await;

    lonely.change(|good| good.with("dry_run", true));
    let start = daemon.log().len();
    daemon.signal(Signal::HUP);
    let line = "dry_run: default → true (needs a restart)";
    daemon.log().wait_for(start, line, LIMIT).await;
    let log = daemon.log().text();
    assert!(!log.contains("staple"), "a password is in the log");
}

#[tokio::test]
async fn a_bad_file_changes_nothing_whoever_asks_for_the_reload() {
    let lonely = Lonely::new();
    let (daemon, _) = Daemon::ready(&lonely.config).await;
    let socket = lonely.socket();
    lonely.change(|good| good.with("event_timeout_ms", "soon"));
    let start = daemon.log().len();
    daemon.signal(Signal::HUP);
    let refused = "the configuration was read again and is refused";
    let line = daemon.log().wait_for(start, refused, LIMIT).await;
    assert!(line.text.contains(" ERROR ") && line.text.contains("event_timeout_ms"), "{line:?}");

    // The verb cannot read this file either, but knows where to ask.
    let asking = program().args(["reload", "--socket"]).arg(&socket).kill_on_drop(true).output();
    let answer = within(LIMIT, "reload", asking).await.unwrap();
    let errors = String::from_utf8(answer.stderr).unwrap();
    assert_eq!((answer.status.code(), answer.stdout.len()), (Some(2), 0), "{errors}");
    assert!(errors.contains("event_timeout_ms"), "{errors}");
    assert!(daemon.is_running());
}

/// Posts callbacks one after the other, as a node does: each again and again until it is answered.
struct Node {
    answered: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    task: JoinHandle<usize>,
}

impl Node {
    fn of(endpoint: SocketAddr) -> Self {
        let (answered, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (Arc::clone(&answered), Arc::clone(&is_over));
        let body = b"POST /new_burn_block_x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
        let task = tokio::spawn(async move {
            let mut begun = 0;
            while !end.load(Ordering::Relaxed) {
                begun += 1;
                // A connection that is refused fails the test in here; one that breaks is begun anew.
                while exchange(endpoint, body).await.is_none_or(|answer| answer.status != 200) {}
                count.fetch_add(1, Ordering::Relaxed);
            }
            begun
        });
        Self { answered, is_over, task }
    }

    /// Waits until more callbacks are answered.
    async fn is_heard(&self) {
        let before = self.answered.load(Ordering::Relaxed);
        let look = async || (self.answered.load(Ordering::Relaxed) > before + 20).then_some(());
        poll(LIMIT, "callbacks to be answered", look).await;
    }

    /// Ends; every callback that was begun was answered.
    async fn ends(self) {
        self.is_over.store(true, Ordering::Relaxed);
        let begun = within(LIMIT, "the last callback", self.task).await.unwrap();
        assert_eq!(self.answered.load(Ordering::Relaxed), begun);
    }
}

#[tokio::test]
async fn no_callback_is_refused_while_a_signer_with_a_handed_over_socket_restarts() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = socket.local_addr().unwrap();
    let lonely = Lonely::with(|good| good.with("endpoint", endpoint.to_string()));
    let start = || Daemon::spawn(with_socket(&socket, "endpoint"), &lonely.config);
    let mut daemon = start();
    let node = Node::of(endpoint);
    for is_killed in [true, false, true, false] {
        node.is_heard().await;
        if is_killed {
            daemon.kill().await;
        } else {
            daemon.signal(Signal::TERM);
            assert_eq!(daemon.ended(STOP_LIMIT).await.code, Some(0));
        }
        daemon = start();
    }
    node.is_heard().await;
    node.ends().await;
    assert!(daemon.log().text().contains("taking over the socket `endpoint`"));
}

#[tokio::test]
async fn a_handed_over_socket_that_does_not_fit_is_refused() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let lonely = Lonely::new();
    let rows = [
        ("endpoint", format!("the service manager's socket `endpoint` listens on {address}")),
        ("metrics", "hands over a socket `metrics`, which the configuration has no use for".into()),
        ("a:b", "LISTEN_FDS hands over 1 sockets, and LISTEN_FDNAMES has 2 names".into()),
    ];
    for (name, says) in rows {
        let daemon = Daemon::spawn(with_socket(&socket, name), &lonely.config);
        let ended = daemon.ended(LIMIT).await;
        assert_eq!(ended.code, Some(5), "{name}: {}", ended.log);
        assert!(ended.log.contains(&says), "{name}: {}", ended.log);
    }
    assert!(!lonely.socket().exists());
}
