//! What a signature by a PKCS#11 token costs, with SoftHSM2 as the token: the digest there and the signature
//! back, with low S and the recovery id, which are ours to make.
//!
//! SoftHSM2 reads the name of its configuration from the environment, which a process does not change for
//! itself: this program starts itself once more, in a folder whose only token is a fresh one.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use countersign_vault::{KeyError, TokenError, TokenKey, TokenPin, TokenPlace};
use countersign_wire::PrivateKey;
use serde_json::{Value, json};

use crate::error::BenchError;
use crate::samples::Samples;

/// The figures of a token, or why there are none.
#[derive(Debug)]
pub(crate) enum TokenFigures {
    /// Times of signatures.
    Measured(Samples),
    /// SoftHSM2 is not installed.
    NoToken,
}

/// Measures in a process of its own, with a token that is gone afterwards.
pub(crate) fn measure(folder: &Path) -> Result<TokenFigures, BenchError> {
    let Some(module) = module() else { return Ok(TokenFigures::NoToken) };
    let tokens = folder.join("tokens");
    fs::create_dir_all(&tokens).map_err(BenchError::io("the token's folder"))?;
    let conf = folder.join("softhsm2.conf");
    let text = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
    fs::write(&conf, text).map_err(BenchError::io("the token's folder"))?;
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", TOKEN, "--so-pin", PIN, "--pin", PIN])
        .env("SOFTHSM2_CONF", &conf)
        .output();
    match made {
        Ok(made) if made.status.success() => {}
        Ok(made) => return Err(said(&made.stderr)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(TokenFigures::NoToken),
        Err(error) => return Err(BenchError::io("softhsm2-util")(error)),
    }
    let here = std::env::current_exe().map_err(BenchError::io("this program's own path"))?;
    let ran = Command::new(here)
        .arg("--sign-with-token")
        .arg(module)
        .env("SOFTHSM2_CONF", &conf)
        .stdin(Stdio::null())
        .output()
        .map_err(BenchError::io("the token's process"))?;
    if !ran.status.success() {
        return Err(said(&ran.stderr));
    }
    let nanos = String::from_utf8_lossy(&ran.stdout);
    let times = nanos.lines().filter_map(|line| line.parse().ok()).map(Duration::from_nanos);
    Ok(TokenFigures::Measured(times.collect()))
}

/// The other process: signs, and prints how many nanoseconds each signature took.
pub(crate) fn sign(module: PathBuf, out: &mut dyn Write) -> Result<(), BenchError> {
    let place = TokenPlace { module, token: TOKEN.to_owned(), key_label: "bench".to_owned() };
    let pin = TokenPin::new(PIN);
    let key = PrivateKey::from_bytes([1; 32]).expect("1 in every byte is a valid key");
    TokenKey::take_in(&place, &pin, &key)?;
    let key = TokenKey::open(place, pin)?;
    for number in 0..WARM_UP + CASES {
        let mut digest = [7; 32];
        if let Some(start) = digest.first_chunk_mut() {
            *start = number.to_be_bytes();
        }
        let begun = Instant::now();
        key.sign(&digest)?;
        let took = begun.elapsed();
        if number >= WARM_UP {
            writeln!(out, "{}", took.as_nanos()).map_err(BenchError::io("the pipe"))?;
        }
    }
    Ok(())
}

impl TokenFigures {
    /// Times in µs; null where there is no token.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::NoToken => Value::Null,
            Self::Measured(samples) => json!({
                "cases": samples.count(),
                "p50_us": micros(samples.percentile(50)),
                "p99_us": micros(samples.percentile(99)),
                "target_us": micros(TARGET),
            }),
        }
    }
}

impl fmt::Display for TokenFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Measured(samples) = self else {
            return write!(f, "a PKCS#11 token: not measured, because softhsm2 is not installed");
        };
        let (p50, p99) = (samples.percentile(50), samples.percentile(99));
        let verdict = if p50 <= TARGET { "within" } else { "OVER" };
        write!(
            f,
            "a PKCS#11 token (SoftHSM2), {} signatures: p50 {:.0} µs, p99 {:.0} µs, {verdict} the target of \
             {:.0} µs",
            samples.count(),
            micros(p50),
            micros(p99),
            micros(TARGET)
        )
    }
}

impl From<TokenError> for BenchError {
    fn from(error: TokenError) -> Self {
        Self::Token(error.into())
    }
}

impl From<KeyError> for BenchError {
    fn from(error: KeyError) -> Self {
        Self::Token(error.into())
    }
}

/// Where distributions put the module.
fn module() -> Option<PathBuf> {
    let places = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"];
    places.iter().map(PathBuf::from).find(|module| module.exists())
}

fn said(stderr: &[u8]) -> BenchError {
    BenchError::Token(String::from_utf8_lossy(stderr).into_owned().into())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// What a signature by SoftHSM2 may take at the median.
const TARGET: Duration = Duration::from_millis(2);
const TOKEN: &str = "bench";
const PIN: &str = "1234-bench";
const WARM_UP: u64 = 50;
const CASES: u64 = 1_000;
