//! The programs of a real network with their files and addresses, not started yet.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use countersign_wire::{Network, PrivateKey, StacksAddress};

use super::bitcoin::BitcoinSettings;
use super::config::{Plan, RealConfig};
use super::node_config::NodeSettings;
use super::stacking::Stacker;
use super::staking::Deployer;
use crate::actors::Addresses;
use crate::devnet::StartError;
use crate::ports::Ports;
use crate::seed::Seed;
use crate::signers::{NetworkFolder, SignerProcess, SignerProgram, write_private};

/// Where everything listens.
pub(super) struct Places {
    pub(super) bitcoin_rpc: SocketAddr,
    pub(super) bitcoin_peer: SocketAddr,
    pub(super) wallet: SocketAddr,
    pub(super) node_rpc: SocketAddr,
    pub(super) node_peer: SocketAddr,
    pub(super) observer: SocketAddr,
    pub(super) signers: Vec<Addresses>,
}

/// A program of the network, and where it prints.
pub(super) struct Program {
    pub(super) process: Arc<SignerProcess>,
    pub(super) log: PathBuf,
}

impl Places {
    /// Free ones on the loopback interface.
    pub(super) fn choose(signers: usize) -> Result<Self, StartError> {
        // Not from the configured seed: two networks of one seed can run side by side.
        let dice = Seed::from_os().map_err(StartError::Address)?.dice("ports");
        let mut ports = Ports::new(dice);
        let mut free = || ports.free().map_err(StartError::Address);
        let (bitcoin_rpc, bitcoin_peer, wallet) = (free()?, free()?, free()?);
        let (node_rpc, node_peer, observer) = (free()?, free()?, free()?);
        let mut signers = Addresses::choose(signers, &mut ports).map_err(StartError::Address)?;
        for signer in &mut signers {
            // They share the one node that there is.
            signer.node = node_rpc;
        }
        Ok(Self { bitcoin_rpc, bitcoin_peer, wallet, node_rpc, node_peer, observer, signers })
    }
}

/// bitcoind with its configuration.
pub(super) fn bitcoind(
    config: &RealConfig,
    places: &Places,
    folder: &NetworkFolder,
    password: &str,
) -> Result<Program, StartError> {
    let own = folder.create_folder("bitcoind")?;
    let settings = BitcoinSettings { rpc: places.bitcoin_rpc, peer: places.bitcoin_peer, password };
    let conf = own.join("bitcoin.conf");
    write_private(&conf, &settings.to_conf())?;
    let (arguments, log) = (BitcoinSettings::arguments(&conf, &own), own.join("log"));
    let launcher = config.network.launcher.clone();
    let program = SignerProgram { program: config.bitcoind.clone(), launcher };
    let process = Arc::new(SignerProcess::other(program, arguments, log.clone()));
    Ok(Program { process, log })
}

/// Who stacks, and the key of the signer that it is for.
pub(super) fn stackers(config: &RealConfig, plan: &Plan) -> Vec<(Stacker, PrivateKey)> {
    let keys = (0_u64..).zip(0_usize..).zip(&plan.amounts);
    keys.map(|((index, signer), amount)| {
        let stacker = Stacker::new(config.network.seed.key("stacker", index), *amount);
        (stacker, config.network.signer_key(signer))
    })
    .collect()
}

/// Who publishes what pox-5 needs.
pub(super) fn deployer(config: &RealConfig) -> Deployer {
    Deployer::new(config.network.seed.key("deployer", 0))
}

/// The node with its configuration.
pub(super) fn stacks_node(
    config: &RealConfig,
    plan: &Plan,
    places: &Places,
    folder: &NetworkFolder,
    stackers: &[(Stacker, PrivateKey)],
) -> Result<Program, StartError> {
    let own = folder.create_folder("stacks-node")?;
    let stacking = stackers.iter().map(|(stacker, _)| (stacker.address(), stacker.balance()));
    let spending = config.network.faucet().addresses(Network::Testnet);
    let deployer = deployer(config);
    let spending = spending.into_iter().chain([deployer.address()]);
    let balances: Vec<(StacksAddress, u64)> =
        stacking.chain(spending.map(|address| (address, FAUCET_USTX))).collect();
    let secret = config.network.auth_password();
    let settings = NodeSettings {
        folder: &own,
        rpc: places.node_rpc,
        peer: places.node_peer,
        bitcoin_rpc: places.wallet,
        bitcoin_peer: places.bitcoin_peer,
        bitcoin_password: &secret,
        seed: config.network.seed.derive("miner's bitcoin key", 0),
        peer_seed: config.network.seed.derive("node's peer key", 0),
        mining_key: &config.network.miner_key(0),
        auth_password: &secret,
        observer: places.observer,
        schedule: plan.schedule,
        sbtc: [deployer.token_id(), deployer.registry_id()],
        balances: &balances,
    };
    let conf = own.join("node-config.toml");
    write_private(&conf, &settings.to_toml())?;
    let arguments = vec!["start".into(), "--config".into(), conf.into()];
    let (launcher, log) = (config.network.launcher.clone(), own.join("log"));
    let program = SignerProgram { program: config.stacks_node.clone(), launcher };
    let process = Arc::new(SignerProcess::other(program, arguments, log.clone()));
    Ok(Program { process, log })
}

/// A million STX.
const FAUCET_USTX: u64 = 1_000_000_000_000;
