//! What the verbs about backups have in common: which database, which folder, and being told how far it is.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use countersign_backup::postgres::{Connection, Programs, Service};
use countersign_backup::verify::{Class, Fault};
use countersign_backup::{Care, Folder, Progress};
use countersign_custody::guard::{Secrecy, refuse};
use countersign_ops::exit::Exit;
use countersign_ops::records::{self, Record};
use countersign_ops::signals::shutdown_signal;
use countersign_site::{DatabaseHost, Site};
use tokio_util::sync::CancellationToken;

use crate::cli::{Failed, block_on};
use crate::described;

/// Where backups and records are.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Place {
    /// The description of the installation (countersign.toml), from which everything is taken that is not given here
    #[arg(long, value_name = "FILE")]
    pub(crate) site: Option<PathBuf>,
    /// The folder with the backups
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// The folder in which it is written down what this run came to
    #[arg(long, value_name = "FOLDER")]
    records: Option<PathBuf>,
    /// The folder with PostgreSQL's programs; the latest release that is installed if absent
    #[arg(long, value_name = "FOLDER")]
    pub(crate) pg_bin: Option<PathBuf>,
}

/// Which database.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Source {
    /// The host of PostgreSQL, or the folder with its socket
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Its port
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// The database
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// The role to connect as
    #[arg(long, value_name = "ROLE")]
    user: Option<String>,
    /// A file with the role's password, in PostgreSQL's format (host:port:database:role:password), mode 0600
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// More settings, such as certificates: a service of --service-file
    #[arg(long, value_name = "NAME", requires = "service_file")]
    service: Option<String>,
    /// A file of services (pg_service.conf), mode 0600
    #[arg(long, value_name = "FILE", requires = "service")]
    service_file: Option<PathBuf>,
}

impl Place {
    /// The description of the installation, if one was named.
    pub(crate) fn load(&self) -> Result<Option<Site>, Failed> {
        self.site.as_deref().map(described::site).transpose()
    }

    /// The path of the folder of backups.
    pub(crate) fn path(&self, site: Option<&Site>) -> Result<PathBuf, Failed> {
        let of_site = || Some(site?.backups.as_ref()?.folder.as_path().to_owned());
        let missing =
            "name the folder of the backups with --folder, or a --site that has [backups]";
        self.folder.clone().or_else(of_site).ok_or_else(|| Failed::argument(missing))
    }

    /// The folder of backups.
    pub(crate) fn open(&self, site: Option<&Site>) -> Result<Folder, Failed> {
        Folder::open(&self.path(site)?).map_err(Failed::failure)
    }

    /// Writes down what a run came to. A run that cannot is not undone: it is said on stderr.
    pub(crate) fn record(&self, site: Option<&Site>, record: &Record) {
        let of_site = || Some(site?.paths.records().as_path().to_owned());
        let Some(folder) = self.records.clone().or_else(of_site) else { return };
        if let Err(error) = records::write(&folder, record) {
            complain(&error);
        }
    }
}

impl Source {
    /// How the database is reached.
    pub(crate) fn connection(&self, site: Option<&Site>) -> Result<Connection, Failed> {
        let database = site.and_then(|site| Some(&site.backups.as_ref()?.database));
        let host = database.map(|database| match &database.host {
            DatabaseHost::Socket(folder) => folder.to_string(),
            DatabaseHost::Host(name) => name.to_string(),
        });
        let service = self.service.clone().zip(self.service_file.clone());
        let password_file = || Some(database?.password_file.as_ref()?.as_path().to_owned());
        let connection = Connection {
            host: self.host.clone().or(host).unwrap_or_else(|| "/var/run/postgresql".to_owned()),
            port: self.port.or(site.map(|site| site.ports.postgres.get())).unwrap_or(5432),
            database: self
                .database
                .clone()
                .or(database.map(|it| it.name.to_string()))
                .ok_or_else(|| Failed::argument("name the --database"))?,
            user: self
                .user
                .clone()
                .or(database.map(|it| it.user.to_string()))
                .ok_or_else(|| Failed::argument("name the role to connect as with --user"))?,
            password_file: self.password_file.clone().or_else(password_file),
            service: service.map(|(name, file)| Service { name, file }),
        };
        connection.check().map_err(|error| Failed::new(Exit::Usage, error))?;
        Ok(connection)
    }
}

/// PostgreSQL's programs for a client.
pub(crate) fn client_programs(place: &Place) -> Result<Programs, Failed> {
    Programs::of_client(place.pg_bin.as_deref()).map_err(Failed::failure)
}

/// The text of a file that only we may read.
pub(crate) fn secret_text(path: &Path) -> Result<zeroize::Zeroizing<String>, Failed> {
    refuse(path, Secrecy::Secret).map_err(|error| Failed::new(Exit::Key, error))?;
    let text = std::fs::read_to_string(path).map(zeroize::Zeroizing::new);
    text.map_err(|error| {
        Failed::new(Exit::Key, format!("the file {} cannot be read: {error}", path.display()))
    })
}

/// Does what takes long, on another thread, until it is done or SIGTERM or SIGINT asks to stop, and tells on stderr
/// how far it is.
pub(crate) fn with_care<T: Send + 'static>(
    work: impl FnOnce(&mut Care<'_>) -> T + Send + 'static,
) -> Result<T, Failed> {
    let stop = CancellationToken::new();
    let token = stop.clone();
    block_on(async move {
        let signals = tokio::spawn(shutdown_signal(stop.clone()));
        let result = tokio::task::spawn_blocking(move || {
            let mut teller = Teller::new();
            let mut progress = |progress| teller.tell(progress);
            work(&mut Care { progress: &mut progress, stop: token })
        })
        .await;
        signals.abort();
        result
    })?
    .map_err(Failed::failure)
}

/// Writes how far the work is: onto one line of a terminal, once a second; elsewhere every half minute.
struct Teller {
    is_terminal: bool,
    last: Instant,
}

impl Teller {
    fn new() -> Self {
        Self { is_terminal: io::stderr().is_terminal(), last: Instant::now() }
    }

    fn tell(&mut self, Progress { phase, bytes, of, elapsed }: Progress) {
        let every = if self.is_terminal { Duration::from_secs(1) } else { Duration::from_secs(30) };
        if self.last.elapsed() < every {
            return;
        }
        self.last = Instant::now();
        let of = of.map_or(String::new(), |of| format!(" of about {} MB", of / MB));
        let (done, seconds) = (bytes / MB, elapsed.as_secs());
        let (before, after) = if self.is_terminal { ("\r\x1b[K", "") } else { ("", "\n") };
        // With stderr closed there is nobody to tell.
        let _ = write!(io::stderr(), "{before}{phase}: {done} MB{of}, {seconds} s{after}");
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if self.is_terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// The failure of a backup that is no good, or of which that is not known.
pub(crate) fn unfit(fault: &Fault, what: &str) -> Failed {
    let said = format!("{what}: {fault}");
    match fault.class() {
        Class::Bad => Failed::new(Exit::Backup, said),
        Class::Unknown => Failed::failure(said),
    }
}

/// Says on stderr what went wrong and does not end the run.
pub(crate) fn complain(error: &dyn std::error::Error) {
    // With stderr closed there is nobody left to tell.
    let _ = countersign_ops::report::report(error, &mut io::stderr());
}

/// Says something on stderr.
pub(crate) fn say(text: &str) {
    // With stderr closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

const MB: u64 = 1_000_000;
