//! `countersign devnet`: a Stacks network on this machine.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgGroup;
use countersign_devnet::devnet::StartError;
use countersign_devnet::real::RealStartError;
use countersign_devnet::render::render;
use countersign_devnet::signers::exec_leashed;
use countersign_devnet::{
    Devnet, DevnetConfig, DevnetEvent, RealConfig, RealNetwork, Seed, SignerKind, Summary, Weights,
};
use countersign_ops::exit::Exit;
use countersign_ops::signals::shutdown_signal;
use countersign_wire::Weight;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cli::Failed;
use crate::devnet_page::{NetworkPage, PageArgs};

/// What `devnet` needs to know.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("real").args(["stacks_node", "bitcoind"]).multiple(true)))]
pub(crate) struct Args {
    /// How many signers there are
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    signers: u16,
    /// Seconds between burn blocks
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86400))]
    burn_seconds: u64,
    /// Milliseconds between the proposals of two blocks
    #[arg(long, value_name = "M", default_value_t = 1500, value_parser = clap::value_parser!(u64).range(50..=3_600_000))]
    block_interval_ms: u64,
    /// Burn blocks of a reward cycle
    #[arg(long, value_name = "L", default_value_t = 20, value_parser = clap::value_parser!(u64).range(..=1_000_000))]
    cycle_length: u64,
    /// Burn blocks of the prepare phase that ends a reward cycle
    #[arg(long, value_name = "P", default_value_t = 5, value_parser = clap::value_parser!(u64).range(..=1_000_000))]
    prepare_length: u64,
    /// Stop when this many blocks were adopted; ending before is a failure
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    stop_after_blocks: Option<u64>,
    /// Stop when this many whole reward cycles have passed
    #[arg(long, value_name = "C", value_parser = clap::value_parser!(u64).range(1..))]
    stop_after_cycles: Option<u64>,
    /// Run a real network instead of the simulated one: with this stacks-node as its miner
    #[arg(long, value_name = "PATH")]
    stacks_node: Option<PathBuf>,
    /// The bitcoind of a real network; `bitcoind` on the PATH by default
    #[arg(long, value_name = "PATH")]
    bitcoind: Option<PathBuf>,
    /// On a real network, start a signer again this many seconds after it ended by itself
    #[arg(long, value_name = "S", requires = "real", value_parser = clap::value_parser!(u64).range(..=86400))]
    restart_after_seconds: Option<u64>,
    /// On a real network, begin epoch 4.0 in the second cycle of epoch 3, and stake through PoX-5
    #[arg(long, requires = "real")]
    epoch_4: bool,
    /// Keep configurations, databases and logs in this folder, which must be new or empty
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The signers' weights, the same in every cycle; they change with the cycle otherwise
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    weights: Option<Vec<u32>>,
    /// Run another program as signer I (from 0 on), started as `PATH run --config FILE`
    #[arg(long, value_name = "I=PATH", value_parser = parse_signer)]
    signer: Vec<(usize, PathBuf)>,
    /// Make keys and sortitions from this text instead of from the system's random source
    #[arg(long, value_name = "TEXT")]
    seed: Option<String>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    page: PageArgs,
    /// Become the command after `--`, and end with the process of this number, which started this one
    #[arg(long, hide = true, requires = "command")]
    leashed: Option<u32>,
    /// The command of `--leashed`
    #[arg(last = true, hide = true, requires = "leashed")]
    command: Vec<OsString>,
}

pub(crate) const EXAMPLES: &str = "\
Runs until Ctrl-C, or until enough was seen, and prints a summary. Nothing of it reaches another machine.

Examples:
  countersign devnet
  countersign devnet --burn-seconds 3 --cycle-length 10 --prepare-length 3 --stop-after-blocks 60
  countersign devnet --signers 4 --weights 40,30,20,10 --dir devnet --json
  countersign devnet --signer 2=/usr/local/bin/stacks-signer
";

/// Runs the network until SIGINT or SIGTERM, or until enough blocks were adopted.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    if let Some(parent) = args.leashed {
        return Err(Failed::new(Exit::Failure, exec_leashed(parent, &args.command)));
    }
    let config = config(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failed::new(Exit::Failure, error))?;
    let adopted = runtime.block_on(network(config, args, out))?.blocks;
    match args.stop_after_blocks {
        Some(wanted) if adopted < wanted => {
            Err(Failed::new(Exit::DevnetShort, TooFewBlocks { adopted, wanted }))
        }
        _ => Ok(()),
    }
}

/// The network ended too early.
#[derive(Debug, thiserror::Error)]
#[error("{adopted} of {wanted} blocks were adopted")]
struct TooFewBlocks {
    adopted: u64,
    wanted: u64,
}

/// `--signer` names a signer that there is not.
#[derive(Debug, thiserror::Error)]
#[error("--signer names signer {index}, but the last of {count} signers is {}", count - 1)]
struct NoSuchSigner {
    index: usize,
    count: usize,
}

fn config(args: &Args) -> Result<DevnetConfig, Failed> {
    let this = std::env::current_exe().map_err(|error| Failed::new(Exit::Failure, error))?;
    let mut signers = vec![SignerKind::Program(this.clone()); usize::from(args.signers)];
    for (index, program) in &args.signer {
        let (index, count) = (*index, signers.len());
        let Some(signer) = signers.get_mut(index) else {
            return Err(Failed::new(Exit::Usage, NoSuchSigner { index, count }));
        };
        *signer = SignerKind::Program(program.clone());
    }
    let seed = match &args.seed {
        Some(text) => Seed::from_text(text),
        None => Seed::from_os().map_err(|error| Failed::new(Exit::Failure, error))?,
    };
    let weights = args.weights.as_ref().map_or(Weights::Rotating, |weights| {
        Weights::Fixed(weights.iter().copied().map(Weight::new).collect())
    });
    let config = DevnetConfig {
        weights,
        burn_interval: Duration::from_secs(args.burn_seconds),
        block_interval: Duration::from_millis(args.block_interval_ms),
        cycle_length: args.cycle_length,
        prepare_length: args.prepare_length,
        folder: args.dir.clone(),
        ..DevnetConfig::new(signers, seed)
    };
    Ok(config.leashed_by(this))
}

/// A network of either kind.
enum Network {
    /// The chain is simulated.
    Simulated(Devnet),
    /// bitcoind and stacks-node are real.
    Real(RealNetwork),
}

impl Network {
    /// Starts the network that the arguments ask for, and gives what happens in it.
    async fn start(
        config: DevnetConfig,
        args: &Args,
    ) -> Result<(Self, mpsc::Receiver<DevnetEvent>), Failed> {
        if args.stacks_node.is_none() && args.bitcoind.is_none() {
            let devnet = Devnet::start(config).await.map_err(cannot_start)?;
            let events = devnet.subscribe().await;
            let events = events.map_err(|error| Failed::new(Exit::Failure, error))?;
            return Ok((Self::Simulated(devnet), events));
        }
        let program =
            |named: &Option<PathBuf>, name: &str| named.clone().unwrap_or_else(|| name.into());
        let real = RealConfig {
            network: config,
            bitcoind: program(&args.bitcoind, "bitcoind"),
            stacks_node: program(&args.stacks_node, "stacks-node"),
            restart_after: args.restart_after_seconds.map(Duration::from_secs),
            epoch_4: args.epoch_4,
        };
        let (network, events) = RealNetwork::start(real).await.map_err(|error| match error {
            RealStartError::Config(error) => Failed::new(Exit::Usage, error),
            RealStartError::Start(error) => cannot_start(error),
        })?;
        Ok((Self::Real(network), events))
    }

    async fn stop(self) -> Summary {
        match self {
            Self::Simulated(devnet) => devnet.stop().await,
            Self::Real(network) => network.stop().await,
        }
    }
}

fn cannot_start(error: StartError) -> Failed {
    let is_usage =
        matches!(error, StartError::Config(_) | StartError::Chain(_) | StartError::Folder(_));
    Failed::new(if is_usage { Exit::Usage } else { Exit::Failure }, error)
}

async fn network(
    config: DevnetConfig,
    args: &Args,
    out: &mut dyn Write,
) -> Result<Summary, Failed> {
    let stop = CancellationToken::new();
    tokio::spawn(shutdown_signal(stop.clone()));
    let page = NetworkPage::bind(args.page)?;
    let (network, events) = Network::start(config, args).await?;
    let printed = print_events(events, (args, page), out, &stop).await;
    let summary = network.stop().await;
    stop.cancel();
    let stopped = print(&DevnetEvent::Stopped(summary.clone()), args.json, out);
    printed.and(stopped).map_err(|error| Failed::new(Exit::Failure, error))?;
    Ok(summary)
}

/// Prints what happens until it is time to stop.
async fn print_events(
    mut events: mpsc::Receiver<DevnetEvent>,
    (args, mut page): (&Args, NetworkPage),
    out: &mut dyn Write,
    stop: &CancellationToken,
) -> io::Result<()> {
    let (mut blocks, mut cycles) = (0, 0);
    while args.stop_after_blocks.is_none_or(|wanted| blocks < wanted) {
        let event = tokio::select! {
            () = stop.cancelled() => break,
            event = events.recv() => {
                event.ok_or_else(|| io::Error::other("the network has stopped"))?
            }
        };
        print(&event, args.json, out)?;
        if let Some(shown) = page.hear(&event, stop) {
            print(&shown, args.json, out)?;
        }
        match event {
            DevnetEvent::BlockAdopted { .. } => blocks += 1,
            DevnetEvent::RewardCycle { .. } => cycles += 1,
            DevnetEvent::Failed { reason, .. } => return Err(io::Error::other(reason)),
            _ => {}
        }
        // The first cycle has begun before the network, and the last one has to end.
        if args.stop_after_cycles.is_some_and(|wanted| cycles > wanted.saturating_add(1)) {
            break;
        }
    }
    Ok(())
}

/// A reader that has seen enough is not a failure.
fn print(event: &DevnetEvent, json: bool, out: &mut dyn Write) -> io::Result<()> {
    let line = if json { Some(serde_json::to_string(event)?) } else { render(event) };
    let Some(line) = line else { return Ok(()) };
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

fn parse_signer(text: &str) -> Result<(usize, PathBuf), String> {
    let (index, path) = text.split_once('=').ok_or("expected I=PATH, such as 2=/usr/bin/signer")?;
    let index = index.parse().map_err(|_| format!("`{index}` is not the number of a signer"))?;
    if path.is_empty() {
        return Err("the path is empty".to_owned());
    }
    Ok((index, PathBuf::from(path)))
}
