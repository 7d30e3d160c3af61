//! `countersign exporter`: metrics beside somebody else's signer.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use countersign_ops::exit::Exit;
use countersign_ops::signals::shutdown_signal;
use countersign_ops::telemetry::{self, TelemetryConfig};
use countersign_signerd::exporter::{ExporterConfig, ExporterError, export};
use countersign_wire::PublicKey;
use tokio_util::sync::CancellationToken;

use crate::backup_place::say;
use crate::cli::{Failed, block_on};

/// What `exporter` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the metrics are served
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:30002")]
    listen: SocketAddr,
    /// The node's RPC address
    #[arg(long, value_name = "HOST:PORT")]
    node: Option<String>,
    /// The public key of a signer, in hex; may be repeated
    #[arg(long = "key", value_name = "HEX", requires = "node")]
    keys: Vec<PublicKey>,
    /// The folder in which jobs leave their records
    #[arg(long, value_name = "FOLDER")]
    records: Option<PathBuf>,
    /// A certificate and the name that it is shown with; may be repeated
    #[arg(long = "certificate", value_name = "NAME=FILE", value_parser = certificate)]
    certificates: Vec<(String, PathBuf)>,
}

pub(crate) const EXAMPLES: &str = "\
For a host that runs stacks-signer or sbtc-signer. Signs nothing and knows no secret. Runs until SIGINT or
SIGTERM.

Example:
  countersign exporter --node 127.0.0.1:20443 --key 03a3…2f --records /var/lib/countersign/records \\
    --certificate link=/etc/countersign/tls/link.crt
";

/// Serves metrics until SIGINT or SIGTERM.
pub(crate) fn run(args: Args, out: &mut dyn Write) -> Result<(), Failed> {
    telemetry::init(&TelemetryConfig::from_env())
        .map_err(|error| Failed::new(Exit::Usage, error))?;
    let Args { listen, node, keys, records, certificates } = args;
    let certificates: BTreeMap<String, PathBuf> = certificates.into_iter().collect();
    for (name, file) in &certificates {
        if let Err(error) = File::open(file) {
            let file = file.display();
            say(&format!(
                "the certificate {name} counts as expired: {file} cannot be read: {error}"
            ));
        }
    }
    let config = ExporterConfig { listen, node, keys, records, certificates };
    let ended = block_on(async {
        let stop = CancellationToken::new();
        tokio::spawn(shutdown_signal(stop.clone()));
        // Operators and scripts wait for this line. Nobody may read it, which is no reason to stop.
        let tell = |address| {
            let told: io::Result<()> = writeln!(out, "Exporter ready: http://{address}/metrics");
            let _ = told.and_then(|()| out.flush());
        };
        export(config, tell, stop).await
    })?;
    ended.map_err(|error| {
        let is_bind = matches!(error, ExporterError::Bind { .. });
        Failed::new(if is_bind { Exit::Bind } else { Exit::Usage }, error)
    })
}

fn certificate(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_owned(), path.into()))
        }
        _ => Err("write NAME=FILE".to_owned()),
    }
}
