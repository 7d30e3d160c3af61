//! A node of the test: while a file is there it runs, that is it listens on two ports, answers, and another process
//! has a file of its chainstate open.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use countersign_backup::chainstate::{ChainstateConfig, Service};
use serde_json::json;
use tempfile::TempDir;

/// What a node says.
#[derive(Clone, Copy)]
pub(crate) struct Says {
    pub(crate) height: u64,
    pub(crate) hash: u8,
    pub(crate) chain: u32,
    pub(crate) burn: u64,
    /// Whether each answer is a block further.
    pub(crate) advances: bool,
}

impl Default for Says {
    fn default() -> Self {
        Self { height: 100, hash: 7, chain: 1, burn: 1010, advances: false }
    }
}

pub(crate) struct FakeNode {
    pub(crate) folder: TempDir,
    pub(crate) config: ChainstateConfig,
    pub(crate) says: Arc<Mutex<Says>>,
    flag: PathBuf,
    end: Arc<Mutex<bool>>,
    thread: Option<JoinHandle<()>>,
}

impl FakeNode {
    /// A node that runs, with a chainstate.
    pub(crate) fn start() -> Self {
        let node = Self::stopped();
        fs::write(&node.flag, "").unwrap();
        node.wait(true);
        node
    }

    /// A node that does not run.
    pub(crate) fn stopped() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let chainstate = folder.path().join("work/krypton");
        fs::create_dir_all(chainstate.join("chainstate/blocks")).unwrap();
        fs::write(chainstate.join("chainstate/blocks/index.sqlite"), vec![3; 300_000]).unwrap();
        fs::write(chainstate.join("headers.sqlite"), "headers").unwrap();
        let (rpc, p2p) = (free_address(), free_address());
        let config =
            ChainstateConfig { working_dir: folder.path().join("work"), chainstate, rpc, p2p };
        let says = Arc::new(Mutex::new(Says::default()));
        let (flag, end) = (folder.path().join("is-up"), Arc::new(Mutex::new(false)));
        let thread = {
            let (flag, end, says) = (flag.clone(), Arc::clone(&end), Arc::clone(&says));
            let config = config.clone();
            thread::spawn(move || live(&flag, &end, &says, &config))
        };
        Self { folder, config, says, flag, end, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        self.config.rpc_url()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.flag.exists()
    }

    /// How it is stopped and started.
    pub(crate) fn service(&self) -> Service {
        let words = |program: &str| vec![program.to_owned(), self.flag.display().to_string()];
        Service {
            stop: words("rm"),
            start: words("touch"),
            limit: Duration::from_secs(5),
            keeper: Vec::new(),
        }
    }

    pub(crate) fn say(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.says.lock().unwrap());
    }

    /// Waits until it listens, or does not.
    fn wait(&self, is_up: bool) {
        while std::net::TcpStream::connect(self.config.rpc).is_ok() != is_up {
            sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        *self.end.lock().unwrap() = true;
        let _ = self.thread.take().unwrap().join();
    }
}

/// An address that nobody listens on at the moment.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

struct Up {
    rpc: TcpListener,
    _p2p: TcpListener,
    holder: Child,
}

impl Up {
    fn new(config: &ChainstateConfig) -> Option<Self> {
        let rpc = TcpListener::bind(config.rpc).ok()?;
        rpc.set_nonblocking(true).unwrap();
        let p2p = TcpListener::bind(config.p2p).ok()?;
        let held = File::open(config.chainstate.join("headers.sqlite")).ok();
        let stdin = held.map_or(Stdio::null(), Stdio::from);
        let holder = Command::new("sleep").arg("600").stdin(stdin).spawn().unwrap();
        Some(Self { rpc, _p2p: p2p, holder })
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn live(flag: &Path, end: &Mutex<bool>, says: &Mutex<Says>, config: &ChainstateConfig) {
    let mut up: Option<Up> = None;
    while !*end.lock().unwrap() {
        match (&up, flag.exists()) {
            (None, true) => up = Up::new(config),
            (Some(_), false) => up = None,
            _ => {}
        }
        let accepted = up.as_ref().and_then(|up| up.rpc.accept().ok());
        let Some((stream, _)) = accepted else {
            sleep(Duration::from_millis(2));
            continue;
        };
        stream.set_nonblocking(false).unwrap();
        let mut line = String::new();
        if BufReader::new(&stream).read_line(&mut line).is_err() || line.is_empty() {
            continue;
        }
        let body = answer(&line, &mut says.lock().unwrap());
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let _ = (&stream).write_all((head + &body).as_bytes());
    }
}

fn answer(line: &str, says: &mut Says) -> String {
    if line.contains("/v2/pox") {
        return json!({
            "first_burnchain_block_height": 1000, "current_burnchain_block_height": says.burn,
            "reward_phase_block_length": 80, "prepare_phase_block_length": 20, "reward_cycle_id": 0,
        })
        .to_string();
    }
    says.height += u64::from(says.advances);
    json!({
        "burn_block_height": says.burn, "pox_consensus": hex::encode([1; 20]),
        "stacks_tip": hex::encode([says.hash; 32]), "stacks_tip_consensus_hash": hex::encode([2; 20]),
        "stacks_tip_height": says.height, "server_version": "test", "network_id": says.chain,
    })
    .to_string()
}
