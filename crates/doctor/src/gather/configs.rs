//! The configurations, and where they are.

use std::path::{Path, PathBuf};

use countersign_node::AuthPassword;
use countersign_wire::Network;

use super::bounded::read;
use super::files::ConfigFile;
use crate::facts::{Facts, Parity, Process, Program, Role, Roles, SignerConfig};
use crate::grade::{Fact, Unknown};
use crate::parse::{bitcoin_conf, compose, node_toml, sbtc_toml, signer_toml};
use crate::shell;
use crate::target::Target;

/// What the configurations say, with the secrets that are needed to ask.
#[derive(Default)]
pub(super) struct Configs {
    /// The node's password.
    pub(super) password: Option<AuthPassword>,
    /// The certificates that the signer's configuration names.
    pub(super) certificates: Vec<PathBuf>,
    /// How the node's bitcoind is asked.
    pub(super) bitcoin: Option<node_toml::BitcoinLogin>,
    /// Every configuration that was found.
    pub(super) files: Vec<ConfigFile>,
}

/// Reads them all. This blocks.
pub(super) fn gather(target: &Target, facts: &mut Facts) -> Configs {
    let processes = facts.processes.as_deref().unwrap_or_default().to_vec();
    let mut configs = Configs { certificates: target.certificates.clone(), ..Configs::default() };
    let signer = read_signer(target);
    let mut plain = None;
    facts.signer = signer.map(|(read, text)| {
        plain = Some((read.password.clone(), text));
        configs.password = Some(AuthPassword::new(read.password.as_str()));
        configs.certificates.extend(read.certificates);
        configs.files.push(ConfigFile { path: read.config.path.clone(), is_trusted: true });
        read.config
    });
    let password = plain.as_ref().map(|(password, _)| password.as_str());
    facts.node_config = read_node(target, &processes, password, &mut configs);
    facts.bitcoin_config = read_bitcoin(target, &processes, facts, &mut configs);
    facts.sbtc_config = read_sbtc(target, &processes, &mut configs);
    facts.compose = read_compose(target);
    facts.parity = parity(target, plain.as_ref().map(|(_, text)| text.as_str()));
    facts.roles = target.roles.unwrap_or_else(|| roles(facts, &processes));
    configs
}

fn read_signer(target: &Target) -> Fact<(signer_toml::Read, zeroize::Zeroizing<String>)> {
    let signer = super::signer(target)?;
    let text = zeroize::Zeroizing::new(read(&signer.config)?);
    let mut read = signer_toml::read(&text, &signer.config)
        .map_err(|error| no_toml(&signer.config, &error))?;
    match &signer.read {
        Ok(opened) => read.config.public_key = opened.key.known_public_key(),
        Err(why) => read.config.refusal = Some(why.clone()),
    }
    Ok((read, text))
}

/// Of an error in a file with secrets only the place is told.
fn no_toml(path: &Path, error: &toml::de::Error) -> Unknown {
    let message = shell::shown(error.message());
    Unknown::but(
        format!("{} is not understood: {message}", path.display()),
        format!("correct {}", shell::path(path)),
    )
}

/// The file that was named, or that a running program was started with, or that is in a usual place.
fn locate(
    named: Option<&PathBuf>,
    processes: &[Process],
    program: Program,
    usual: &[&str],
) -> Option<ConfigFile> {
    let running = || {
        let process = processes.iter().find(|process| process.program == program)?;
        Some(ConfigFile { path: process.config.clone()?, is_trusted: false })
    };
    let usual = || usual.iter().map(PathBuf::from).find(|path| path.exists());
    let trusted = |path| ConfigFile { path, is_trusted: true };
    named.cloned().map(trusted).or_else(running).or_else(|| usual().map(trusted))
}

fn absent(program: &str, option: &str) -> Unknown {
    Unknown::not_here(format!(
        "no {program} runs here, and no configuration of one was named ({option})"
    ))
}

fn read_node(
    target: &Target,
    processes: &[Process],
    password: Option<&str>,
    configs: &mut Configs,
) -> Fact<crate::facts::NodeConfig> {
    let usual = [
        "/etc/stacks-node/config.toml",
        "/etc/stacks-blockchain/Config.toml",
        "/etc/stacks/node-config.toml",
    ];
    let file = locate(target.node_config.as_ref(), processes, Program::StacksNode, &usual)
        .ok_or_else(|| absent("stacks-node", "--node-config"))?;
    let path = &file.path;
    let text = read(path)?;
    let config = node_toml::read(&text, path, password).map_err(|error| no_toml(path, &error))?;
    configs.bitcoin = node_toml::bitcoin_login(&text);
    configs.files.push(file);
    Ok(config)
}

fn read_bitcoin(
    target: &Target,
    processes: &[Process],
    facts: &Facts,
    configs: &mut Configs,
) -> Fact<crate::facts::BitcoinConfig> {
    let usual = ["/etc/bitcoin/bitcoin.conf"];
    let file = locate(target.bitcoin_config.as_ref(), processes, Program::Bitcoind, &usual)
        .ok_or_else(|| absent("bitcoind", "--bitcoin-config"))?;
    let path = &file.path;
    let text = read(path)?;
    let section = match facts.signer.as_ref().map(|signer| signer.network) {
        Ok(Network::Mocknet | Network::Testnet) => "regtest",
        Ok(Network::Mainnet) | Err(_) => "main",
    };
    let config = bitcoin_conf::read(&text, path, section);
    configs.files.push(file);
    Ok(config)
}

fn read_sbtc(
    target: &Target,
    processes: &[Process],
    configs: &mut Configs,
) -> Fact<crate::facts::SbtcConfig> {
    let usual = ["/etc/sbtc-signer/config.toml", "/etc/sbtc/signer-config.toml"];
    let file = locate(target.sbtc_config.as_ref(), processes, Program::SbtcSigner, &usual)
        .ok_or_else(|| absent("sBTC signer", "--sbtc-config"))?;
    let path = file.path.clone();
    let text = read(&path)?;
    configs.files.push(file);
    sbtc_toml::read(&text, &path).map_err(|error| no_toml(&path, &error))
}

fn read_compose(target: &Target) -> Fact<Vec<crate::facts::ComposeService>> {
    if target.compose.is_empty() {
        return Err(Unknown::not_here("no compose file was named (--compose)"));
    }
    let mut services = Vec::new();
    for path in &target.compose {
        let text = read(path)?;
        let read = compose::read(&text, path);
        services.extend(read.map_err(|error| {
            Unknown::because(format!("{} is not understood: {error}", path.display()))
        })?);
    }
    Ok(services)
}

fn parity(target: &Target, ours: Option<&str>) -> Fact<Parity> {
    let path = target.other_instance.as_ref().ok_or_else(|| {
        Unknown::not_here("the other instance's configuration was not named (--other-config)")
    })?;
    let ours =
        ours.ok_or_else(|| Unknown::because("the signer's own configuration is not known"))?;
    let differing =
        signer_toml::differing(ours, &read(path)?).map_err(|error| no_toml(path, &error))?;
    Ok(Parity { differing })
}

/// What runs here, as far as can be seen.
fn roles(facts: &Facts, processes: &[Process]) -> Roles {
    let runs = |program| processes.iter().any(|process| process.program == program);
    let bitcoin = facts.bitcoin_config.as_ref().ok();
    Roles {
        signer: facts.signer.is_ok() || runs(Program::Countersign) || runs(Program::StacksSigner),
        node: facts.node_config.is_ok() || runs(Program::StacksNode),
        bitcoin: bitcoin.is_some() || runs(Program::Bitcoind),
        is_pruned: bitcoin.is_some_and(|bitcoin| bitcoin.prune > 1),
        sbtc: facts.sbtc_config.is_ok() || runs(Program::SbtcSigner),
    }
}

/// The folders that the programs of this host write to.
pub(super) fn folders(facts: &Facts) -> Vec<(Role, PathBuf)> {
    let above = |path: &Path| {
        let path = std::path::absolute(path).ok()?;
        path.parent().map(Path::to_owned)
    };
    let signer = facts
        .signer
        .as_ref()
        .ok()
        .and_then(|SignerConfig { db_path, .. }| above(db_path.as_deref()?));
    let node = facts.node_config.as_ref().ok().and_then(|node| node.working_dir.clone());
    let bitcoin = facts.bitcoin_config.as_ref().ok().and_then(|bitcoin| bitcoin.datadir.clone());
    let folders = [(Role::Signer, signer), (Role::Node, node), (Role::Bitcoin, bitcoin)];
    folders.into_iter().filter_map(|(role, folder)| Some((role, folder?))).collect()
}
