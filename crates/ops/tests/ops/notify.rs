//! What a service manager hears, over a real socket. The manager is told by the environment, which
//! belongs to a process, so each test runs in one of its own: this program again, with one test.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_ops::notify::Notifier;
use countersign_ops::watchdog::{Pulse, Pulses, watch_over};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Whether this is the process that a test started to be the daemon.
fn is_daemon() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// The process that a test started. It does not outlive the test.
struct DaemonProcess(Child);

impl DaemonProcess {
    fn succeeds(mut self) -> bool {
        self.0.wait().unwrap().success()
    }
}

impl Drop for DaemonProcess {
    fn drop(&mut self) {
        // It fails for one that has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the test of this name in a process that has a service manager at `socket`.
fn in_daemon(test: &str, socket: &str, watchdog: Duration) -> DaemonProcess {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("NOTIFY_SOCKET", socket)
        .env("WATCHDOG_USEC", watchdog.as_micros().to_string())
        .spawn();
    DaemonProcess(child.unwrap())
}

fn next(manager: &UnixDatagram) -> Option<String> {
    let mut message = [0; 4096];
    let len = manager.recv(&mut message).ok()?;
    Some(String::from_utf8(message.get(..len).unwrap().to_vec()).unwrap())
}

#[test]
fn a_manager_hears_each_message_in_the_words_of_the_protocol() {
    if is_daemon() {
        let notifier = Notifier::from_env().unwrap();
        assert_eq!(notifier.watchdog_interval(), Some(Duration::from_secs(30)));
        notifier.status("starting\nup");
        notifier.ready();
        notifier.reloading();
        notifier.alive();
        notifier.stopping();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let name = format!("countersign-test-{}", std::process::id());
    let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
    for (manager, socket) in [
        (UnixDatagram::bind(&path).unwrap(), path.to_str().unwrap().to_owned()),
        (UnixDatagram::bind_addr(&abstract_name).unwrap(), format!("@{name}")),
    ] {
        manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let test = "notify::a_manager_hears_each_message_in_the_words_of_the_protocol";
        let daemon = in_daemon(test, &socket, Duration::from_secs(30));
        let heard: Vec<_> = (0..5).map(|_| next(&manager).unwrap()).collect();
        assert!(daemon.succeeds());
        let [status, ready, reloading, alive, stopping] = heard.as_slice() else { unreachable!() };
        assert_eq!(status, "STATUS=starting up");
        assert_eq!((ready.as_str(), stopping.as_str()), ("READY=1", "STOPPING=1"));
        assert_eq!(alive, "WATCHDOG=1");
        let since_boot = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        let since_boot: f64 = since_boot.parse().unwrap();
        assert!((uptime - since_boot / 1e6).abs() < 60.0, "{since_boot} µs and {uptime} s");
    }
}

#[test]
fn a_part_that_stands_still_silences_the_daemon() {
    if is_daemon() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(stand_still_once());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let test = "notify::a_part_that_stands_still_silences_the_daemon";
    let daemon = in_daemon(test, path.to_str().unwrap(), Duration::from_millis(80));
    let (mut heard, begun) = (Vec::new(), Instant::now());
    while heard.last().is_none_or(|last| last != "STOPPING=1") {
        assert!(begun.elapsed() < Duration::from_secs(30), "the watchdog sees nothing: {heard:?}");
        heard.push(next(&manager).unwrap());
    }
    assert!(daemon.succeeds());
    let said = |line: &str| heard.iter().position(|heard| heard == line).unwrap();
    let (stuck, moves) = (said("STATUS=stuck"), said("STATUS=moves"));
    let alive = |part: &[String]| part.iter().filter(|line| *line == "WATCHDOG=1").count();
    assert!(alive(heard.get(..stuck).unwrap()) > 0, "{heard:?}");
    assert_eq!(alive(heard.get(stuck..moves).unwrap()), 0, "{heard:?}");
    assert!(alive(heard.get(moves..).unwrap()) > 0, "{heard:?}");
}

/// Works, stands still for many times the watchdog's interval, and works again.
async fn stand_still_once() {
    let notifier = Arc::new(Notifier::from_env().unwrap());
    let (stuck, mut shown) = watch::channel(None);
    let stop = CancellationToken::new();
    let part = Pulse::new("the loop");
    let pulses = Pulses::new([part.clone()]);
    let watchdog = tokio::spawn(watch_over(pulses, Arc::clone(&notifier), stuck, stop.clone()));
    work(&part, 100).await;
    shown.wait_for(Option::is_some).await.unwrap();
    assert_eq!(*shown.borrow(), Some("the loop"));
    notifier.status("stuck");
    tokio::time::sleep(Duration::from_millis(400)).await;
    notifier.status("moves");
    work(&part, 100).await;
    notifier.stopping();
    stop.cancel();
    watchdog.await.unwrap();
}

async fn work(part: &Pulse, times: usize) {
    for _ in 0..times {
        part.beat();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[test]
fn a_name_that_is_no_socket_is_named() {
    if is_daemon() {
        let error = Notifier::from_env().unwrap_err();
        assert!(error.to_string().contains("NOTIFY_SOCKET=/"), "{error}");
        return;
    }
    let name = format!("/{}", "n".repeat(200));
    let test = "notify::a_name_that_is_no_socket_is_named";
    assert!(in_daemon(test, &name, Duration::ZERO).succeeds());
}
