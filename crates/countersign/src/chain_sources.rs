//! Who says what the sBTC signers' key on the chain is: the own node, and another one.

use std::path::PathBuf;
use std::time::Duration;

use countersign_backup::HttpClient;
use countersign_backup::verify::{ChainAnswer, ask_chain, ask_chain_at};
use countersign_node::{AuthPassword, ClientTls, Deadlines, NodeClient, NodeConfig, TlsSettings};
use countersign_ops::exit::Exit;
use countersign_site::{Link, Site};
use countersign_wire::{Network, PublicKey, StacksAddress};

use crate::backup_place::with_care;
use crate::cli::{Failed, block_on};
use crate::progress::waiting;

/// Who says what the chain's key is.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Chain {
    /// Your own node's RPC address (host:port)
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "aggregate_key")]
    node: Option<String>,
    #[command(flatten)]
    tls: Tls,
    /// Another node that must say the same: host:port, or a URL such as <https://api.hiro.so>
    #[arg(long, value_name = "HOST:PORT|URL", conflicts_with = "aggregate_key")]
    second_node: Option<String>,
    /// The authorities that are trusted for https (PEM)
    #[arg(long, value_name = "FILE", default_value = "/etc/ssl/certs/ca-certificates.crt")]
    ca_file: PathBuf,
    /// The chain's key as it was read elsewhere, for a machine without a network
    #[arg(long, value_name = "HEX")]
    aggregate_key: Option<PublicKey>,
    /// Who deployed sbtc-registry; the mainnet's if absent
    #[arg(long, value_name = "ADDRESS")]
    registry: Option<StacksAddress>,
}

/// How the own node is asked through `countersign link`.
#[derive(Clone, Debug, clap::Args)]
struct Tls {
    /// The certificate that the link on the node's host accepts, if --node is that link; with --site, the signer's
    #[arg(long = "node-certificate", value_name = "FILE", requires_all = ["node", "key_file", "pin"])]
    certificate: Option<PathBuf>,
    /// The key of that certificate
    #[arg(long = "node-key", value_name = "FILE", requires = "certificate")]
    key_file: Option<PathBuf>,
    /// The pin of the link's certificate (sha256/…)
    #[arg(long = "node-pin", value_name = "PIN", requires = "certificate")]
    pin: Option<String>,
}

impl Chain {
    /// What each source says, the own node first.
    pub(crate) fn ask(&self, site: Option<&Site>) -> Result<Vec<ChainAnswer>, Failed> {
        if let Some(key) = self.aggregate_key {
            let source = "--aggregate-key".to_owned();
            return Ok(vec![ChainAnswer { source, key: Ok(Some(key)) }]);
        }
        let registry = self.registry(site)?;
        let mut answers = Vec::new();
        if let Some((host, client)) = self.own(site)? {
            answers.push(block_on(ask_chain(host, &client, &registry))?);
        }
        if let Some(second) = &self.second_node {
            let url =
                if second.contains("://") { second.clone() } else { format!("http://{second}") };
            let ca_file = self.ca_file.clone();
            let answer = with_care(move |care| {
                let client =
                    HttpClient::new(&ca_file, PATIENCE, care.stop.clone())?.telling(waiting);
                ask_chain_at(&url, &client, &registry)
            })?;
            answers.push(answer.map_err(Failed::argument)?);
        }
        Ok(answers)
    }

    /// The own node, if one was named or the installation has one.
    fn own(&self, site: Option<&Site>) -> Result<Option<(String, NodeClient)>, Failed> {
        let of_site = || site.map(|site| site.node_host().to_string());
        let Some(host) = self.node.clone().or_else(of_site) else { return Ok(None) };
        let unusable = |error: Box<dyn std::error::Error>| Failed::new(Exit::Usage, error);
        let settings = match site {
            Some(site) if self.node.is_none() => of_link(site),
            _ => self.tls.settings(),
        };
        let tls = settings
            .transpose()
            .map_err(|error| unusable(error.into()))?
            .map(|settings| ClientTls::load(&settings))
            .transpose()
            .map_err(|error| unusable(error.into()))?;
        let client = NodeClient::new(NodeConfig {
            host: host.clone(),
            tls,
            auth_password: AuthPassword::new(""),
            boot: Network::Mainnet,
            deadlines: Deadlines::default(),
            observer: None,
        });
        client.map(|client| Some((host, client))).map_err(Failed::argument)
    }

    fn registry(&self, site: Option<&Site>) -> Result<StacksAddress, Failed> {
        if let Some(registry) = self.registry {
            return Ok(registry);
        }
        let of_site = site.and_then(|site| Some(site.sbtc.as_ref()?.deployer.to_string()));
        let text = of_site.unwrap_or_else(|| MAINNET_REGISTRY.to_owned());
        text.parse().map_err(|_| Failed::argument(format!("`{text}` is not a Stacks address")))
    }
}

type Settings = Option<Result<TlsSettings, countersign_node::tls::SettingsError>>;

impl Tls {
    fn settings(&self) -> Settings {
        let pin = self.pin.clone()?;
        Some(TlsSettings::new(self.certificate.clone()?, self.key_file.clone()?, &[pin]))
    }
}

/// With the signer's certificate, if the link of an installation is the built-in one.
fn of_link(site: &Site) -> Settings {
    let Some(Link::Countersign { node, .. }) = &site.link else { return None };
    let tls = site.paths.tls();
    let file = |name: &str| tls.join(name).as_path().to_owned();
    Some(TlsSettings::new(file("signer.crt"), file("signer.key"), &[node.to_string()]))
}

/// Who deployed the contracts on the mainnet.
const MAINNET_REGISTRY: &str = "SM3VDXK3WZZSA84XXFKAFAF15NNZX32CTSG82JFQ4";
/// For the second node's answer.
const PATIENCE: Duration = Duration::from_secs(30);
