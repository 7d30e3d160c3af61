//! What the switch is told.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_node::web::{AUTHORITIES, Address, NotAnAddress, WebError, check_authorities};
use countersign_ops::config_file;
use serde::Deserialize;

use super::alarm::Way;

/// The configuration of a dead-man's switch.
#[derive(Debug)]
pub struct Deadman {
    /// Where it listens.
    pub(super) listen: SocketAddr,
    /// What the heartbeat must know.
    pub(super) token: Token,
    /// How long silence may last.
    pub(super) silent_after: Duration,
    /// How often an alarm is told.
    pub(super) repeat: Duration,
    /// Who is told.
    pub(super) ways: Vec<Way>,
}

/// The last part of the heartbeat's path. Never printed.
#[derive(Clone)]
pub(super) struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Whether this is it. Takes the same time for every word of its length.
    pub(super) fn is(&self, word: &str) -> bool {
        let differs =
            self.0.bytes().zip(word.bytes()).fold(0, |sum, (ours, given)| sum | (ours ^ given));
        self.0.len() == word.len() && differs == 0
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Toml {
    listen: SocketAddr,
    token_file: PathBuf,
    #[serde(default = "five_minutes")]
    silent_after_secs: u64,
    #[serde(default = "half_an_hour")]
    repeat_secs: u64,
    webhook_url_file: Option<PathBuf>,
    #[serde(default = "authorities")]
    ca_file: PathBuf,
    #[serde(default)]
    command: Vec<String>,
}

const fn five_minutes() -> u64 {
    300
}

const fn half_an_hour() -> u64 {
    1800
}

fn authorities() -> PathBuf {
    AUTHORITIES.into()
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum DeadmanError {
    /// The file cannot be read.
    #[error("{}: the configuration file cannot be read", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// It is not what it should be.
    #[error("{}: line {line}: {what}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A file with a secret cannot be read.
    #[error("`{key}` = {}: the file cannot be read", path.display())]
    Secret {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others can read the secret.
    #[error("`{key}` = {}: other users can read it; run `chmod 600` on it", path.display())]
    Open {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Too easy to guess.
    #[error(
        "`token_file`: the token must be 32 to 128 letters and digits; `openssl rand -hex 32` makes one"
    )]
    WeakToken,
    /// No URL that can be called from here.
    #[error("`webhook_url_file`: {0}")]
    Webhook(NotAnAddress),
    /// No server could be trusted.
    #[error("`ca_file`: {0}")]
    Authorities(WebError),
    /// Nobody would hear the alarm.
    #[error("name `webhook_url_file` or `command`: without them nobody hears the alarm")]
    Nobody,
    /// A time that makes no sense.
    #[error("`{0}` must be 2 to 86400 seconds")]
    Time(&'static str),
    /// A command must be found whatever the surroundings are.
    #[error("`command` must begin with the absolute path of a program")]
    Command,
}

impl Deadman {
    /// Reads a configuration and the secrets that it names.
    pub fn load(path: &Path) -> Result<Self, DeadmanError> {
        let text = config_file::read(path)
            .map_err(|source| DeadmanError::Unreadable(path.to_owned(), source))?;
        let toml: Toml = toml::from_str(&text).map_err(|error| DeadmanError::Form {
            path: path.to_owned(),
            line: config_file::line_at(&text, error.span().map_or(0, |span| span.start)),
            what: error.message().split_whitespace().collect::<Vec<_>>().join(" "),
        })?;
        let mut ways = Vec::new();
        if let Some(file) = &toml.webhook_url_file {
            let url = secret("webhook_url_file", file)?;
            let address: Address = url.parse().map_err(DeadmanError::Webhook)?;
            if address.is_https() {
                check_authorities(&toml.ca_file).map_err(DeadmanError::Authorities)?;
            }
            ways.push(Way::webhook(address, &toml.ca_file));
        }
        if let Some((program, arguments)) = toml.command.split_first() {
            if !Path::new(program).is_absolute() {
                return Err(DeadmanError::Command);
            }
            ways.push(Way::command(program, arguments));
        }
        if ways.is_empty() {
            return Err(DeadmanError::Nobody);
        }
        Ok(Self {
            listen: toml.listen,
            token: token(secret("token_file", &toml.token_file)?)?,
            silent_after: seconds("silent_after_secs", toml.silent_after_secs)?,
            repeat: seconds("repeat_secs", toml.repeat_secs)?,
            ways,
        })
    }
}

fn token(text: String) -> Result<Token, DeadmanError> {
    let is_long = (32..=128).contains(&text.len());
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_long && is_plain { Ok(Token(text)) } else { Err(DeadmanError::WeakToken) }
}

fn seconds(key: &'static str, value: u64) -> Result<Duration, DeadmanError> {
    let is_sane = (2..=86_400).contains(&value);
    if is_sane { Ok(Duration::from_secs(value)) } else { Err(DeadmanError::Time(key)) }
}

/// The first line of a file that only its owner can read, or its group.
fn secret(key: &'static str, path: &Path) -> Result<String, DeadmanError> {
    let fail = |source| DeadmanError::Secret { key, path: path.to_owned(), source };
    let file = File::open(path).map_err(fail)?;
    if file.metadata().map_err(fail)?.mode() & 0o007 != 0 {
        return Err(DeadmanError::Open { key, path: path.to_owned() });
    }
    let mut text = String::new();
    file.take(MAX_SECRET).read_to_string(&mut text).map_err(fail)?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

const MAX_SECRET: u64 = 4096;
