//! `countersign keys rotate`: where the operator stands in a change of keys, and what is next.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use countersign_node::{ClientTls, Deadlines, NodeClient, NodeConfig};
use countersign_operator::rotation::{Keys, Rotation, Trouble};
use countersign_ops::control::ask;
use countersign_ops::exit::Exit;
use countersign_signerd::Config;
use countersign_signerd::control::Route;
use countersign_wire::PublicKey;
use serde_json::Value;

use crate::cli::{Failed, block_on, load, public_key};
use crate::progress::while_told;

/// What `keys rotate` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The signer's configuration
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Reads the configuration, the running signer and the node, and changes nothing. Run it after each step.
The exit code is 0 if all is in order, 1 if something has to be mended or the node does not answer,
2 if the configuration is wrong, 11 if a key cannot be opened.

Example:
  countersign keys rotate --config signer-config.toml
";

/// The change of keys, or the signer, is not as it should be.
#[derive(Debug, thiserror::Error)]
#[error("something has to be mended: {0}")]
struct NotInOrder(Trouble);

/// Says where the operator stands.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let config = load(&args.config)?;
    let keys = keys(&config)?;
    let node = node(&config)?;
    let asking = format!("asking the node at {}", config.node_host.as_str());
    let rotation = while_told(&asking, false, || block_on(Rotation::look(&node, keys)))?;
    let rotation = rotation.map_err(Failed::failure)?;
    let file = args.config.display().to_string();
    let written = if args.json {
        writeln!(out, "{}", rotation.to_json(&file))
    } else {
        write!(out, "{}", rotation.to_text(&file))
    };
    written.map_err(Failed::failure)?;
    match rotation.troubles().into_iter().find(Trouble::is_serious) {
        None => Ok(()),
        Some(trouble) => Err(Failed::failure(NotInOrder(trouble))),
    }
}

/// The keys of the running signer; those of the configuration if none runs. No secret is asked for if a
/// public key can be had without it.
fn keys(config: &Config) -> Result<Keys, Failed> {
    let configured = || config.next_key.as_ref().map(|place| public_key(config, place)).transpose();
    let Some((first, loaded)) = running(config)? else {
        let first = public_key(config, &config.key)?;
        return Ok(Keys { first, next: configured()?, are_loaded: None });
    };
    let next = match loaded {
        Some(next) => Some(next),
        None => configured()?,
    };
    Ok(Keys { first, next, are_loaded: Some(loaded == next) })
}

/// The keys that the running signer has loaded; none if it does not run, or does not speak with us.
fn running(config: &Config) -> Result<Option<(PublicKey, Option<PublicKey>)>, Failed> {
    let Some(socket) = config.control_socket() else { return Ok(None) };
    let (method, path) = Route::Status.line();
    let asking = "asking the signer";
    let answer =
        while_told(asking, false, || block_on(ask(&socket, method, path, &Value::Null, LIMIT)))?;
    let Ok(answer) = answer else { return Ok(None) };
    let key = |name: &str| answer.body.pointer(&format!("/signer/{name}"))?.as_str()?.parse().ok();
    Ok(key("public_key").map(|first| (first, key("next_public_key"))))
}

/// The signer's node.
fn node(config: &Config) -> Result<NodeClient, Failed> {
    let usage = |error: Box<dyn std::error::Error>| Failed::new(Exit::Usage, error);
    let tls = config.node_tls.as_ref().map(ClientTls::load).transpose();
    NodeClient::new(NodeConfig {
        host: config.node_host.as_str().to_owned(),
        tls: tls.map_err(|error| usage(error.into()))?,
        auth_password: config.auth_password.clone(),
        boot: config.network,
        deadlines: Deadlines::default(),
        observer: None,
    })
    .map_err(|error| usage(error.into()))
}

/// The daemon answers at once unless it hangs.
const LIMIT: Duration = Duration::from_secs(10);
