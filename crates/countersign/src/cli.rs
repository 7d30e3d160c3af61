//! The arguments and the help.

use std::error::Error;
use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::path::Path;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use countersign_custody::KeyPlace;
use countersign_operator::Signatory;
use countersign_ops::exit::Exit;
use countersign_ops::secret::forbid_core_dumps;
use countersign_signerd::{Config, Holder, Holders, RemoteVault, exit_of};
use countersign_vault::{OperatorKey, SignError, SigningKey};
use countersign_wire::PublicKey;
use zeroize::Zeroizing;

use crate::name::Name;
use crate::progress::while_told;
use crate::{
    alerts, backup, chainstate, check_config, deadman, demote, devnet, doctor, explain, exporter,
    firewall, generate_stacking_signature, generate_staking_signature, generate_vote, get_chunk,
    get_latest_chunk, import, init, journal, keys, link, list_chunks, logs, monitor_signers,
    promote, put_chunk, reload, render, replay, restore, run, standby, status, support_bundle, tls,
    vault, verify_vote,
};

/// An independent signer for Stacks
#[derive(Debug, Parser)]
#[command(name = "countersign", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// A verb for each thing that an operator does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Describe an installation: ask a few questions, write countersign.toml, draw its secrets
    #[command(after_help = init::EXAMPLES)]
    Init(init::Args),
    /// Make every file of this host from countersign.toml, or show how the installed ones differ
    #[command(after_help = render::EXAMPLES)]
    Render(render::Args),
    /// Sign blocks: run the signer of a Stacks node
    #[command(after_help = run::EXAMPLES)]
    Run(run::Args),
    /// Run everything but signing: be ready to take the place of the instance that signs
    #[command(after_help = standby::EXAMPLES)]
    Standby(run::Args),
    /// Have this instance sign from now on, in another one's place
    #[command(after_help = promote::EXAMPLES)]
    Promote(promote::Args),
    /// Have this instance stop signing, and hand over what it signed
    #[command(after_help = demote::EXAMPLES)]
    Demote(demote::Args),
    /// Hold the signing key in a process of its own, for a signer without one
    #[command(after_help = vault::EXAMPLES)]
    Vault(vault::Args),
    /// Check a configuration file and show what it says, without its secrets
    #[command(after_help = check_config::EXAMPLES)]
    CheckConfig(check_config::Args),
    /// Sign the grant that lets a manager register this signer's key (pox-5)
    #[command(after_help = generate_staking_signature::EXAMPLES)]
    GenerateStakingSignature(generate_staking_signature::Args),
    /// Sign the authorization that lets a stacker use this signer's key (pox-4, before epoch 4.0)
    #[command(after_help = generate_stacking_signature::EXAMPLES)]
    GenerateStackingSignature(generate_stacking_signature::Args),
    /// Sign a vote on a SIP
    #[command(after_help = generate_vote::EXAMPLES)]
    GenerateVote(generate_vote::Args),
    /// Check a vote on a SIP against a public key
    #[command(after_help = verify_vote::EXAMPLES)]
    VerifyVote(verify_vote::Args),
    /// Show one version of a StackerDB slot as hex; nothing if the node does not have it
    #[command(after_help = get_chunk::EXAMPLES)]
    GetChunk(get_chunk::Args),
    /// Show what a StackerDB slot holds as hex; nothing if it is empty
    #[command(after_help = get_latest_chunk::EXAMPLES)]
    GetLatestChunk(get_latest_chunk::Args),
    /// Show versions, hashes and signatures of a StackerDB's slots
    #[command(after_help = list_chunks::EXAMPLES)]
    ListChunks(list_chunks::Args),
    /// Sign a chunk and write it into a StackerDB slot
    #[command(after_help = put_chunk::EXAMPLES)]
    PutChunk(put_chunk::Args),
    /// Watch whether the signers of the current reward cycle answer proposals
    #[command(after_help = monitor_signers::EXAMPLES)]
    MonitorSigners(monitor_signers::Args),
    /// Say whether the running signer does what it is for, and if not, what is missing
    #[command(after_help = status::EXAMPLES)]
    Status(status::Args),
    /// Have the running signer read its configuration again, and show what that changes
    #[command(after_help = reload::EXAMPLES)]
    Reload(reload::Args),
    /// Say what is wrong with an installation, and what mends it
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(Box<doctor::Args>),
    /// Close this host to everything but the flows of the installation
    Firewall {
        #[command(subcommand)]
        verb: firewall::Verb,
    },
    /// Take over what the reference signer signed, before the first start
    #[command(after_help = import::EXAMPLES)]
    Import(import::Args),
    /// Care for keys
    Keys {
        #[command(subcommand)]
        verb: keys::Verb,
    },
    /// Back up what the sBTC signer and the block signer keep, and prove that it restores
    Backup {
        #[command(subcommand)]
        verb: backup::Verb,
    },
    /// Restore from a backup
    Restore {
        #[command(subcommand)]
        verb: restore::Verb,
    },
    /// Archive a node's chainstate while it stands still, or seed a node from an archive
    Chainstate {
        #[command(subcommand)]
        verb: chainstate::Verb,
    },
    /// Look after the journal of what this key has signed, while no signer runs or in a vault that does
    Journal(journal::Args),
    /// Say what was decided about a block, by which rule and facts, and who voted what
    #[command(after_help = explain::EXAMPLES)]
    Explain(explain::Args),
    /// Look after logs: the decision log, how far each log reaches back, and what a line means
    Logs {
        #[command(subcommand)]
        verb: logs::Verb,
    },
    /// Take every decision of a recording again, and say whether it is the same
    #[command(after_help = replay::EXAMPLES)]
    Replay(replay::Args),
    /// Collect what a helper needs into one file, without secrets
    #[command(after_help = support_bundle::EXAMPLES)]
    SupportBundle(support_bundle::Args),
    /// Make and name the certificates by which node's host and signer know each other
    #[command(subcommand)]
    Tls(tls::Command),
    /// Stand on the node's host and carry callbacks and questions between node and signer over TLS
    #[command(after_help = link::EXAMPLES)]
    Link(link::Args),
    /// Serve metrics beside somebody else's signer: node, chain, certificates, backups, logs
    #[command(after_help = exporter::EXAMPLES)]
    Exporter(exporter::Args),
    /// Say what is watched and what to do about it, and see that alerts arrive
    #[command(after_help = alerts::EXAMPLES)]
    Alerts {
        #[command(subcommand)]
        verb: alerts::Verb,
    },
    /// Raise the alarm when the place that watches everything else falls silent
    #[command(after_help = deadman::EXAMPLES)]
    Deadman(deadman::Args),
    /// Run a Stacks network on this machine, with signers that are real processes
    #[command(after_help = devnet::EXAMPLES)]
    Devnet(Box<devnet::Args>),
}

/// How a verb failed.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The code that the process ends with.
    pub(crate) exit: Exit,
    /// Whether an argument is to blame, so that the parser of arguments could have said it.
    pub(crate) is_argument: bool,
    /// What went wrong.
    pub(crate) error: Box<dyn Error>,
}

impl Failed {
    /// A failure that ends the process with `exit`.
    pub(crate) fn new(exit: Exit, error: impl Into<Box<dyn Error>>) -> Self {
        Self { exit, is_argument: false, error: error.into() }
    }

    /// A failure without a code of its own.
    pub(crate) fn failure(error: impl Into<Box<dyn Error>>) -> Self {
        Self::new(Exit::Failure, error)
    }

    /// Whether nothing failed but the pipe on stdout, as with `countersign alerts list | head`. Whoever closed
    /// it has read enough, and wants no line about that.
    pub(crate) fn reader_went_away(&self) -> bool {
        let error = self.error.downcast_ref::<io::Error>();
        error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// An argument that makes no sense.
    pub(crate) fn argument(error: impl Into<Box<dyn Error>>) -> Self {
        Self { is_argument: true, ..Self::new(Exit::Usage, error) }
    }
}

impl Cli {
    /// What the process was started with. Ends the process with code 2 if that makes no sense, and
    /// with code 0 after help or version. No arguments at all ask for help.
    pub(crate) fn from_arguments() -> (Name, Command) {
        let given: Vec<OsString> = std::env::args_os().collect();
        let name = Name::of(given.first().map(OsString::as_os_str));
        let asks_nothing = given.len() <= 1;
        let help = asks_nothing.then(|| "--help".into());
        let matches = name.dress(Self::command()).get_matches_from(given.into_iter().chain(help));
        let cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        (name, cli.command)
    }
}

/// Opens the key of a configuration.
pub(crate) fn open_key(config: &Config) -> Result<SigningKey, Failed> {
    config.open_key(&mut ask).map_err(|error| Failed::new(Exit::Key, error))
}

/// Opens the key at this place for what is signed by hand, or connects to the vault that holds it.
pub(crate) fn open_signatory(config: &Config, place: &KeyPlace) -> Result<Signatory, Failed> {
    match place {
        KeyPlace::Vault(socket) => {
            Signatory::connect(socket).map_err(|error| Failed::new(Exit::Key, error))
        }
        place => open(config, place).map(|key| OperatorKey::new(key).into()),
    }
}

/// What is signed by hand, and was not.
pub(crate) fn not_signed(error: SignError) -> Failed {
    match error {
        // As it has always been: of a key that is here, only a token fails.
        SignError::Key(error) => Failed::failure(error),
        error => Failed::new(exit_of(&error), error),
    }
}

/// Opens the key of a configuration, or connects to the vault that holds it.
pub(crate) fn open_holder(config: &Config) -> Result<Holder, Failed> {
    hold(config, &config.key)
}

/// The same, together with the key that is to take its place.
pub(crate) fn open_holders(config: &Config) -> Result<Holders, Failed> {
    let next = config.next_key.as_ref().map(|place| hold(config, place)).transpose()?;
    let holders = Holders::new(open_holder(config)?, next);
    holders.map_err(|error| Failed::new(Exit::Usage, error))
}

/// Opens the key of a configuration that is to take the other's place.
pub(crate) fn open_next_key(config: &Config) -> Result<SigningKey, Failed> {
    open(config, next_place(config)?)
}

/// Where the key of a configuration is kept that is to take the other's place.
pub(crate) fn next_place(config: &Config) -> Result<&KeyPlace, Failed> {
    let error = "the configuration names no `next_key` in the table [countersign]";
    config.next_key.as_ref().ok_or_else(|| Failed::new(Exit::Usage, error))
}

/// The public half of the key at this place. No secret is asked for if it can be had without.
pub(crate) fn public_key(config: &Config, place: &KeyPlace) -> Result<PublicKey, Failed> {
    if let Some(key) = place.known_public_key() {
        return Ok(key);
    }
    let ask = || hold(config, place).map(|holder| holder.public_key());
    match place {
        // One that is about to start is waited for.
        KeyPlace::Vault(socket) => {
            while_told(&format!("asking the vault at {}", socket.display()), false, ask)
        }
        _ => ask(),
    }
}

/// Opens the key at this place, or connects to the vault that holds it.
fn hold(config: &Config, place: &KeyPlace) -> Result<Holder, Failed> {
    match place {
        KeyPlace::Vault(socket) => match RemoteVault::connect(socket) {
            Ok(vault) => Ok(vault.into()),
            Err(error) => Err(Failed::new(Exit::Key, error)),
        },
        _ => open(config, place).map(Holder::from),
    }
}

fn open(config: &Config, place: &KeyPlace) -> Result<SigningKey, Failed> {
    config.opening(&mut ask).open(place).map_err(|error| Failed::new(Exit::Key, error))
}

/// Asks for a secret on the terminal, with the echo off. Both question and answer leave the standard
/// streams alone.
pub(crate) fn ask(question: &str) -> io::Result<Zeroizing<String>> {
    rpassword::prompt_password(format!("{question}: ")).map(Zeroizing::new)
}

/// Reads a configuration for its key, which is in no core dump from here on.
pub(crate) fn load(config: &Path) -> Result<Config, Failed> {
    forbid_core_dumps().map_err(Failed::failure)?;
    Config::load(config).map_err(|error| Failed::new(Exit::Usage, error))
}

/// Runs what a verb waits for.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(Failed::failure)?.block_on(work))
}
