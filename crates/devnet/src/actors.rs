//! Who takes part in a devnet: keys, addresses, files.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use countersign_wire::{BurnHeight, Hash160, Network, PrivateKey, PublicKey, UnixSeconds};

use crate::chain::ChainConfig;
use crate::config::{DevnetConfig, SignerKind};
use crate::devnet::StartError;
use crate::event::SignerPlace;
use crate::miners::Actors;
use crate::ports::Ports;
use crate::shared::now;
use crate::signers::{NetworkFolder, SignerProcess, SignerProgram, SignerSettings};

/// One signer, with its process if it has one.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) place: SignerPlace,
    pub(crate) process: Option<SignerProcess>,
}

/// Where one signer and its node listen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) node: SocketAddr,
    pub(crate) endpoint: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) page: SocketAddr,
}

impl Addresses {
    /// Free ones for `count` signers.
    pub(crate) fn choose(count: usize, ports: &mut Ports) -> io::Result<Vec<Self>> {
        (0..count)
            .map(|_| {
                let (node, endpoint) = (ports.free()?, ports.free()?);
                Ok(Self { node, endpoint, metrics: ports.free()?, page: ports.free()? })
            })
            .collect()
    }
}

/// The keys of everybody, derived from the seed.
#[derive(Debug)]
pub(crate) struct Keys {
    signers: Vec<PrivateKey>,
    actors: Actors,
}

impl Keys {
    pub(crate) fn derive(config: &DevnetConfig) -> Self {
        let signers: Vec<_> =
            (0..config.signers.len()).map(|signer| config.signer_key(signer)).collect();
        let actors = Actors {
            miners: (0..config.miners).map(|miner| config.miner_key(miner)).collect(),
            signers: signers.iter().map(PrivateKey::public_key).collect(),
            next_keys: (0..config.signers.len())
                .filter_map(|signer| Some((config.next_signer_key(signer)?.public_key(), signer)))
                .collect(),
            faucet: config.faucet(),
        };
        Self { signers, actors }
    }

    /// The chain that these keys act on: it starts in the middle of a cycle.
    pub(crate) fn chain_config(&self, config: &DevnetConfig) -> ChainConfig {
        let stackers = config.stackers(&self.actors.signers);
        let started = UnixSeconds::new(now().get().saturating_sub(HISTORY_AGE_SECS));
        ChainConfig {
            cycle_length: config.cycle_length,
            prepare_length: config.prepare_length,
            // In the middle of cycle 2: the history fits, and a boundary is not far.
            genesis_burn_height: BurnHeight::new(
                config.cycle_length.saturating_mul(2).saturating_add(config.cycle_length / 2),
            ),
            miners: self.actors.miners.iter().map(|key| key.public_key().hash160()).collect(),
            accounts: self.actors.faucet.funded(Network::Testnet, FAUCET_BALANCE),
            server_version: format!("countersign-devnet {}", env!("CARGO_PKG_VERSION")),
            seed: config.seed.derive("chain", 0),
            ..ChainConfig::testnet(stackers, started)
        }
    }

    /// Writes every signer's files.
    pub(crate) fn actors(
        &self,
        config: &DevnetConfig,
        addresses: &[Addresses],
        folder: &NetworkFolder,
        auth_password: &str,
    ) -> Result<Vec<Actor>, StartError> {
        let signers = self.signers.iter().zip(&config.signers).zip(addresses).enumerate();
        signers
            .map(|(signer, ((key, kind), addresses))| {
                let next_key = config.next_signer_key(signer);
                let settings = SignerSettings {
                    node: addresses.node,
                    endpoint: addresses.endpoint,
                    metrics: addresses.metrics,
                    page: has_page(kind).then_some(addresses.page),
                    key,
                    next_key: next_key.as_ref(),
                    auth_password,
                    burn_interval: config.burn_interval,
                    is_countersign: is_countersign(kind),
                };
                let files = folder.create_signer(signer, &settings)?;
                let program = match kind {
                    SignerKind::Program(program) => program.clone(),
                    SignerKind::External => PathBuf::from("(external)"),
                };
                let place = SignerPlace {
                    signer,
                    program: program.clone(),
                    public_key: key.public_key().to_string(),
                    node: addresses.node.to_string(),
                    endpoint: addresses.endpoint.to_string(),
                    metrics: addresses.metrics.to_string(),
                    page: has_page(kind).then(|| addresses.page.to_string()),
                    config: files.config.clone(),
                    log: files.log.clone(),
                };
                let launcher = config.launcher.clone();
                let process = matches!(kind, SignerKind::Program(_))
                    .then(|| SignerProcess::new(SignerProgram { program, launcher }, files));
                Ok(Actor { place, process })
            })
            .collect()
    }

    /// The hashes of the signers' keys, in the order of their numbers.
    pub(crate) fn signer_hashes(&self) -> impl Iterator<Item = Hash160> + '_ {
        self.actors.signers.iter().map(PublicKey::hash160)
    }

    /// Keeps what the miners need; the signers' private keys go.
    pub(crate) fn into_actors(self) -> Actors {
        self.actors
    }
}

/// A hundred million STX, in µSTX.
const FAUCET_BALANCE: u128 = 100_000_000_000_000;
/// The chain's history lies this far back, so that the first new block can be younger.
const HISTORY_AGE_SECS: u64 = 60;

/// Whether the signer is this program: a test that plays one starts it by itself. Under the reference's name
/// it may be the reference.
fn is_countersign(kind: &SignerKind) -> bool {
    match kind {
        SignerKind::Program(program) => program
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("countersign")),
        SignerKind::External => true,
    }
}

/// Whether the signer's page is the network's to place: whoever starts one by itself may start two.
fn has_page(kind: &SignerKind) -> bool {
    matches!(kind, SignerKind::Program(_)) && is_countersign(kind)
}
