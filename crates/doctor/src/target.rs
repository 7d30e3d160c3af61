//! What is to be examined.

use std::path::PathBuf;
use std::time::Duration;

use countersign_custody::KeyPlace;
use countersign_node::TlsSettings;
use countersign_site::values::AbsPath;
use countersign_site::{BitcoinMode, HostRole, Profile as SiteProfile, Runtime, Site};
use countersign_wire::clarity::ContractId;

use crate::check::Profile;
use crate::facts::{Bounds, Roles};

/// What is to be examined. What is not named is looked for among the running programs and in the usual
/// places.
pub struct Target {
    /// The description of the installation, with which its files are compared.
    pub described: Option<Described>,
    /// Whose installation it is.
    pub profile: Profile,
    /// What is meant to run here; none leaves it to what is found.
    pub roles: Option<Roles>,
    /// The signer.
    pub signer: Option<Signer>,
    /// The configuration of the instance beside this one: the standby's, or the active one's.
    pub other_instance: Option<PathBuf>,
    /// The node's configuration.
    pub node_config: Option<PathBuf>,
    /// bitcoind's configuration.
    pub bitcoin_config: Option<PathBuf>,
    /// The sBTC signer's configuration.
    pub sbtc_config: Option<PathBuf>,
    /// Compose files.
    pub compose: Vec<PathBuf>,
    /// Certificates beside those that the signer's configuration names.
    pub certificates: Vec<PathBuf>,
    /// The signer-manager that stakes with this signer's key.
    pub manager: Option<ContractId>,
    /// Where jobs leave their records; none is `records` beside the signer's database.
    pub records: Option<PathBuf>,
    /// A time server, with or without a port.
    pub time_server: Option<String>,
    /// How long is waited for an event of the node.
    pub event_wait: Duration,
    /// How long a single question may take.
    pub patience: Duration,
    /// What the operator asks of weight and logs.
    pub bounds: Bounds,
}

/// The description of an installation, and which of its hosts this one is.
pub struct Described {
    /// `countersign.toml`; its secrets are beside it.
    pub description: PathBuf,
    /// What it says.
    pub site: Site,
    /// This host.
    pub host: HostRole,
    /// The folder below which the files are installed: `/`, but in tests.
    pub root: PathBuf,
}

/// The signer.
pub struct Signer {
    /// Its configuration.
    pub config: PathBuf,
    /// What our program reads in it, or why it refuses it.
    pub read: Result<Opened, String>,
}

/// What only our program knows of a configuration.
pub struct Opened {
    /// Where the key is kept.
    pub key: KeyPlace,
    /// Where the key is kept that is to take its place, while a key is being changed.
    pub next_key: Option<KeyPlace>,
    /// Where the daemon is asked.
    pub control_socket: Option<PathBuf>,
    /// Mutual TLS towards the node.
    pub node_tls: Option<TlsSettings>,
}

impl Target {
    /// A target that names nothing, with the usual limits.
    pub const fn new(profile: Profile) -> Self {
        Self {
            described: None,
            profile,
            roles: None,
            signer: None,
            other_instance: None,
            node_config: None,
            bitcoin_config: None,
            sbtc_config: None,
            compose: Vec::new(),
            certificates: Vec::new(),
            manager: None,
            records: None,
            time_server: None,
            event_wait: Duration::from_millis(2_500),
            patience: Duration::from_millis(1_500),
            bounds: Bounds::of(profile),
        }
    }
}

impl Target {
    /// What an installation's description says about one of its hosts. The signer's configuration is for
    /// the caller to read: [`Self::signer_config`] says where it is.
    pub fn of_site(described: Described) -> Self {
        let Described { site, host, .. } = &described;
        let host = *host;
        let paths = &site.paths;
        let own = |is_here: bool, path: AbsPath| is_here.then(|| path.as_path().to_owned());
        let has_sbtc = site.has_signer(host) && site.sbtc.is_some();
        let profile = match (has_sbtc, site.profile) {
            (true, _) => Profile::Sbtc,
            (false, SiteProfile::Pool) => Profile::Pool,
            (false, SiteProfile::Solo) => Profile::Solo,
        };
        let target = Self {
            roles: Some(Roles {
                signer: site.has_signer(host),
                node: site.has_node(host),
                bitcoin: site.has_bitcoin(host),
                is_pruned: site.bitcoin.mode == BitcoinMode::Pruned,
                sbtc: has_sbtc,
            }),
            node_config: own(site.has_node(host), paths.node_toml()),
            bitcoin_config: own(site.has_bitcoin(host), paths.bitcoin_conf()),
            sbtc_config: own(has_sbtc, paths.sbtc_toml()),
            compose: own(site.runtime == Runtime::Docker, paths.compose()).into_iter().collect(),
            records: Some(paths.records().as_path().to_owned()),
            time_server: site.time_servers.first().map(ToString::to_string),
            bounds: Bounds {
                soft_permille: u64::from(site.voting_power.soft_percent) * 10,
                hard_permille: u64::from(site.voting_power.hard_percent) * 10,
                log_retention: u64::from(site.logs.retention_days) * 86_400,
            },
            ..Self::new(profile)
        };
        Self { described: Some(described), ..target }
    }

    /// Where the signer's configuration is, if the signer is on this host.
    pub fn signer_config(site: &Site, host: HostRole) -> Option<PathBuf> {
        site.has_signer(host).then(|| site.paths.signer_config().as_path().to_owned())
    }
}
