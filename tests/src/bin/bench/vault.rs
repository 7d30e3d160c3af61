//! What a vault in a process of its own adds to a signature, and what a record in its journal costs, beside
//! what this machine needs at the least for each: a message there and back over a unix socket, and one
//! `fdatasync`.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use countersign_vault::ipc::{Request, VaultClient};
use countersign_vault::{AcceptanceRequest, Birth, SignError, Vault};
use countersign_wire::{BurnHeight, PrivateKey, UnixSeconds};
use serde_json::{Value, json};

use crate::error::BenchError;
use crate::header::header;
use crate::samples::Samples;

/// The figures of the vault.
#[derive(Debug, Default)]
pub(crate) struct VaultFigures {
    /// Record and signature in this process.
    embedded: Samples,
    /// The same, asked for over the socket.
    remote: Samples,
    /// A message of the same length there and back over a pair of unix sockets.
    ping_pong: Samples,
    /// Appending 4 KiB to a file, and `fdatasync`.
    sync: Samples,
}

/// Measures the four in turns, so that whatever slows the machine down slows all of them down.
pub(crate) fn measure(program: &Path, folder: &Path) -> Result<VaultFigures, BenchError> {
    let fails = BenchError::io("the vault's folder");
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fails)?;
    let mut embedded = born(&folder.join("embedded.sqlite"))?;
    let (_process, mut remote) = start(program, folder)?;
    let mut echo = echo().map_err(BenchError::io("a pair of unix sockets"))?;
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(folder.join("floor"))
        .map_err(BenchError::io("a file"))?;
    let mut figures = VaultFigures::default();
    let public_key = key().public_key();
    for number in 1..=WARM_UP + CASES {
        let request = acceptance(number);
        let mut asked = Some(Request::Acceptance(request.clone()));
        let mut times = [Duration::ZERO; 4];
        // Each has each place in the order equally often: what comes after a sync finds the disk idle.
        for turn in 0..4 {
            let which = (turn + number) % 4;
            let begun = Instant::now();
            match which {
                0 => drop(embedded.sign_acceptance(&request)?),
                1 => {
                    // Key and request are at hand, as they are in the signer.
                    if let Some(asked) = asked.take() {
                        drop(remote.ask(public_key, asked)?);
                    }
                }
                2 => pass(&mut echo).map_err(BenchError::io("a pair of unix sockets"))?,
                _ => append(&mut file).map_err(BenchError::io("a file"))?,
            }
            if let Some(time) = usize::try_from(which).ok().and_then(|which| times.get_mut(which)) {
                *time = begun.elapsed();
            }
        }
        if number > WARM_UP {
            figures.add(times);
        }
    }
    Ok(figures)
}

impl VaultFigures {
    fn add(&mut self, [embedded, remote, ping_pong, sync]: [Duration; 4]) {
        self.embedded.add(embedded);
        self.remote.add(remote);
        self.ping_pong.add(ping_pong);
        self.sync.add(sync);
    }

    /// What the socket adds to the median.
    fn added(&self) -> Duration {
        self.remote.percentile(50).saturating_sub(self.embedded.percentile(50))
    }

    /// Times in µs.
    pub(crate) fn to_json(&self) -> Value {
        let times = |samples: &Samples| json!({ "p50_us": micros(samples.percentile(50)), "p99_us": micros(samples.percentile(99)) });
        json!({
            "cases": self.embedded.count(),
            "embedded": times(&self.embedded),
            "over_the_socket": times(&self.remote),
            "ping_pong": times(&self.ping_pong),
            "fdatasync": times(&self.sync),
            "added_p50_us": micros(self.added()),
            "added_target_us": micros(TARGET),
            "added_to_ping_pong": ratio(self.added(), self.ping_pong.percentile(50)),
            "commit_to_fdatasync": ratio(self.embedded.percentile(50), self.sync.percentile(50)),
        })
    }
}

impl fmt::Display for VaultFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "the vault, {} signatures of blocks, each with its record",
            self.embedded.count()
        )?;
        for (name, samples) in [
            ("in the signer's process", &self.embedded),
            ("over the socket", &self.remote),
            ("floor: a message there and back", &self.ping_pong),
            ("floor: one fdatasync", &self.sync),
        ] {
            let (p50, p99) = (micros(samples.percentile(50)), micros(samples.percentile(99)));
            writeln!(f, "  {name:<34} p50 {p50:>8.0} µs   p99 {p99:>8.0} µs")?;
        }
        let verdict = if self.added() <= TARGET { "within" } else { "OVER" };
        writeln!(
            f,
            "  the socket adds {:.0} µs at p50, {verdict} the target of {:.0} µs: {:.1} times a message there \
             and back",
            micros(self.added()),
            micros(TARGET),
            ratio(self.added(), self.ping_pong.percentile(50))
        )?;
        write!(
            f,
            "  record and signature take {:.1} times one fdatasync",
            ratio(self.embedded.percentile(50), self.sync.percentile(50))
        )
    }
}

/// A vault in its own process, which is killed when it is dropped.
struct VaultProcess(Child);

impl Drop for VaultProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(program: &Path, folder: &Path) -> Result<(VaultProcess, VaultClient), BenchError> {
    let fails = || BenchError::io("the vault's files");
    let [keys, journals] = ["keys", "journal"].map(|name| folder.join(name));
    for folder in [&keys, &journals] {
        DirBuilder::new().mode(0o700).create(folder).map_err(fails())?;
    }
    let (journal, socket) = (journals.join("journal.sqlite"), socket(folder));
    drop(born(&journal)?.close_cleanly());
    fs::write(keys.join("key"), key().to_hex().as_bytes()).map_err(fails())?;
    fs::set_permissions(keys.join("key"), Permissions::from_mode(0o400)).map_err(fails())?;
    let uid = rustix::process::geteuid().as_raw();
    let config = folder.join("vault.toml");
    let text = format!(
        "socket = \"{}\"\njournal = \"{}\"\nnetwork = \"mocknet\"\n\
         key = {{ credential = \"key\" }}\nsandbox = \"best-effort\"\n\
         [[caller]]\nuid = {uid}\nroles = [\"block-signer\"]\n",
        socket.display(),
        journal.display()
    );
    fs::write(&config, text).map_err(fails())?;
    let mut child = Command::new(program)
        .args(["vault", "--config"])
        .arg(&config)
        .env("CREDENTIALS_DIRECTORY", &keys)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(BenchError::io("the vault"))?;
    let log = child.stderr.take();
    let process = VaultProcess(child);
    let mut words = String::new();
    for line in log.into_iter().flat_map(|log| BufReader::new(log).lines()) {
        let line = line.map_err(BenchError::io("the vault's log"))?;
        if line.contains("the vault answers") {
            let client = VaultClient::connect(&socket, PATIENCE).map_err(SignError::from)?;
            let _ = fs::remove_file(&socket);
            return Ok((process, client));
        }
        words.push_str(&line);
        words.push('\n');
    }
    Err(BenchError::Silent { what: "sign of life", patience: PATIENCE, words })
}

/// The path of a unix socket is short, and that of the folder may not be.
fn socket(folder: &Path) -> PathBuf {
    let beside = folder.join("vault.sock");
    if beside.as_os_str().len() <= countersign_ops::control::MAX_PATH_LEN {
        return beside;
    }
    std::env::temp_dir().join(format!("countersign-bench-{}.sock", std::process::id()))
}

fn born(journal: &Path) -> Result<Vault, BenchError> {
    Ok(Vault::create(key(), journal, Birth::WithKey)?)
}

fn key() -> PrivateKey {
    PrivateKey::from_bytes([1; 32]).expect("1 in every byte is a valid key")
}

/// The acceptance of a block above all earlier ones.
fn acceptance(number: u64) -> AcceptanceRequest {
    AcceptanceRequest {
        header: Box::new(header(number, number)),
        burn_height: BurnHeight::new(500),
        overriding: Vec::new(),
        at: UnixSeconds::new(1_700_000_000),
    }
}

/// A connection to a thread that sends back what it receives, until the connection is closed.
fn echo() -> io::Result<UnixStream> {
    let (here, mut there) = UnixStream::pair()?;
    std::thread::spawn(move || {
        let mut message = [0; MESSAGE_LEN];
        while there.read_exact(&mut message).and_then(|()| there.write_all(&message)).is_ok() {}
    });
    Ok(here)
}

fn pass(echo: &mut UnixStream) -> io::Result<()> {
    let mut message = [7; MESSAGE_LEN];
    echo.write_all(&message)?;
    echo.read_exact(&mut message)
}

fn append(file: &mut File) -> io::Result<()> {
    file.write_all(&[7; 4096])?;
    file.sync_data()
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn ratio(time: Duration, floor: Duration) -> f64 {
    time.as_secs_f64() / floor.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// What the socket may add to the median.
const TARGET: Duration = Duration::from_micros(100);
const WARM_UP: u64 = 200;
const CASES: u64 = 2_000;
/// About as much as the request to accept a block.
const MESSAGE_LEN: usize = 330;
const PATIENCE: Duration = Duration::from_secs(10);
