//! One network, one signer, all figures.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use countersign_wire::message::SignerMessage;
use countersign_wire::{Sighash, hash::sha256};

use crate::aged;
use crate::error::BenchError;
use crate::floor::{Floor, Probe};
use crate::pause::{self, Pause};
use crate::peers::Addressed;
use crate::process::SignerUnderTest;
use crate::samples::Samples;
use crate::stage::Stage;

/// What is to be measured.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The program.
    pub(crate) program: PathBuf,
    /// How many signers the network has.
    pub(crate) signers: usize,
    /// How many blocks are proposed.
    pub(crate) proposals: u32,
    /// Where its files are.
    pub(crate) folder: PathBuf,
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Figures {
    /// How many signers the network had.
    pub(crate) signers: usize,
    /// How many blocks were proposed.
    pub(crate) proposals: u32,
    /// What this machine needed at the least, at the same time.
    pub(crate) floor: Floor,
    /// From the node's verdict to the pre-commit.
    pub(crate) promise: Samples,
    /// From the pre-commit that reaches the threshold to the signature.
    pub(crate) signature: Samples,
    /// Callbacks of the flood.
    pub(crate) flood: u32,
    /// From the first callback of the flood until all were processed.
    pub(crate) flood_took: Duration,
    /// From the first to the last callback of the flood.
    pub(crate) flood_delivery: Duration,
    /// The processor time of the flood.
    pub(crate) flood_processor: Option<Duration>,
    /// Processor time for one proposal.
    pub(crate) processor: Option<Duration>,
    /// The most memory, in bytes.
    pub(crate) peak_memory: Option<u64>,
    /// What of it was not its program's file, at the end, in bytes.
    pub(crate) own_memory: Option<u64>,
    /// From the start until it answers and has published its view.
    pub(crate) ready: Duration,
    /// The same with a store full of rows, if the program keeps one that we know how to fill.
    pub(crate) ready_aged: Option<Duration>,
    /// How long it stands still for a backup then.
    pub(crate) pause: Option<Pause>,
}

/// The two times of one proposal.
struct Round {
    promise: Duration,
    signature: Duration,
}

/// Starts the network and the signer, measures, and stops both.
pub(crate) async fn measure(plan: Plan) -> Result<Figures, BenchError> {
    let mut stage = Stage::new(plan.signers, plan.folder.clone()).await?;
    let (signer, ready) = until_ready(&mut stage, &plan.program).await?;
    settle(&mut stage).await?;

    let mut probe = Probe::new(&plan.folder).map_err(BenchError::io("the floor"))?;
    let mut figures = Figures {
        signers: plan.signers,
        proposals: plan.proposals,
        floor: probe.floor(),
        promise: Samples::default(),
        signature: Samples::default(),
        flood: 0,
        flood_took: Duration::ZERO,
        flood_delivery: Duration::ZERO,
        flood_processor: None,
        processor: None,
        peak_memory: None,
        own_memory: None,
        ready,
        ready_aged: None,
        pause: None,
    };
    for _ in 0..WARM_UP {
        round(&mut stage, &signer, None).await?;
    }
    let before = signer.processor_time();
    let mut rounds = 0;
    for number in 0..plan.proposals {
        let times = round(&mut stage, &signer, None).await?;
        figures.promise.add(times.promise);
        figures.signature.add(times.signature);
        rounds += 1;
        if number % PROBE_EVERY == 0 {
            round(&mut stage, &signer, Some(&mut probe)).await?;
            rounds += 1;
        }
    }
    let after = signer.processor_time();
    figures.floor = probe.floor();
    figures.processor =
        after.zip(before).map(|(after, before)| after.saturating_sub(before) / rounds);
    flood(&mut stage, &signer, &mut figures).await?;
    figures.peak_memory = signer.peak_memory();
    figures.own_memory = signer.own_memory();
    signer.stop().await;
    if let Some((ready, pause)) = start_aged(&mut stage, &plan.program).await? {
        (figures.ready_aged, figures.pause) = (Some(ready), Some(pause));
    }
    stage.stop().await;
    Ok(figures)
}

/// How long a signer takes from its start until it is ready.
async fn until_ready(
    stage: &mut Stage,
    program: &Path,
) -> Result<(SignerUnderTest, Duration), BenchError> {
    let place = stage.place()?.clone();
    let endpoint = place.endpoint.parse().map_err(|_| BenchError::Missing("endpoint"))?;
    let signer = SignerUnderTest::start(program, &place.config, &place.log)?;
    let answered_at = signer.until_it_answers(endpoint).await?;
    let published_at = first_view(stage, &signer).await?;
    let ready = answered_at.max(published_at).duration_since(signer.started_at);
    Ok((signer, ready))
}

/// The same once more, with a store that holds many rows, and backups of that.
async fn start_aged(
    stage: &mut Stage,
    program: &Path,
) -> Result<Option<(Duration, Pause)>, BenchError> {
    let config = stage.place()?.config.clone();
    let template = stage.build().await?;
    if !aged::fill(&config, &template, stage.cycle)? {
        return Ok(None);
    }
    stage.heard.catch_up();
    let (signer, ready) = until_ready(stage, program).await?;
    let endpoint = stage.place()?.endpoint.parse();
    let endpoint = endpoint.map_err(|_| BenchError::Missing("endpoint"))?;
    let pause = pause::measure(&config, endpoint).await?;
    signer.stop().await;
    Ok(Some((ready, pause)))
}

/// When the signer first publishes its view. A signer publishes when something has changed, so burn
/// blocks come until one changes something; at the end its view names the newest.
async fn first_view(stage: &mut Stage, signer: &SignerUnderTest) -> Result<Instant, BenchError> {
    let mut first = Err(BenchError::Missing("burn block"));
    for patience in BURN_BLOCKS {
        let tip = stage.win().await?;
        first = stage.heard.view(signer, patience, |_| true).await;
        if first.is_err() {
            continue;
        }
        if stage.heard.view.as_ref().is_none_or(|view| view.content.burn_block != tip) {
            stage.heard.view(signer, PATIENCE, |view| view.content.burn_block == tip).await?;
        }
        break;
    }
    first
}

/// Lets the signers come to an agreement.
async fn settle(stage: &mut Stage) -> Result<(), BenchError> {
    for _ in 0..SETTLE_ROUNDS {
        stage.agree().await?;
        tokio::time::sleep(SETTLE).await;
    }
    Ok(())
}

/// One block, from its proposal until it is part of the chain.
///
/// A third of what the threshold needs has promised when the verdict comes; the others follow when
/// the signer under test has promised, and their signatures after that.
///
/// The `probe` measures where the signer would be measured, just before it has to sign: what else is
/// to be written by then makes a sync slower. Such a round's own times do not count.
async fn round(
    stage: &mut Stage,
    signer: &SignerUnderTest,
    probe: Option<&mut Probe>,
) -> Result<Round, BenchError> {
    stage.agree().await?;
    let block = stage.build().await?;
    let sighash = block.sighash();
    let deciding = stage.peers.deciding();
    let mut promises = stage.peers.promises(sighash);
    let decision = promises.get(deciding - 1).map(|(_, chunk)| chunk.signature.to_string());
    let decision = decision.ok_or(BenchError::Missing("pre-commit that decides"))?;
    let last = promises.split_off(deciding - 1);
    let late = promises.split_off(deciding / 3);
    let acceptances = stage.peers.acceptances(sighash);

    stage.propose(&block).await?;
    stage.heard.validation_request(signer).await?;
    stage.write_paced(promises).await?;
    let judged_at = stage.heard.callback(signer, "/proposal_response", "").await?;
    let promised_at = stage.heard.promise(signer, sighash).await?;
    stage.write_paced(late).await?;
    if let Some(probe) = probe {
        probe.measure().map_err(BenchError::io("the floor"))?;
    }
    stage.write_paced(last).await?;
    let decided_at = stage.heard.callback(signer, "/stackerdb_chunks", &decision).await?;
    stage.write_paced(acceptances).await?;
    let signed_at = stage.heard.signature(signer, sighash).await?;
    stage.adopt(block).await?;
    Ok(Round {
        promise: promised_at.duration_since(judged_at),
        signature: signed_at.duration_since(decided_at),
    })
}

/// Chunks of all three lanes as fast as the node delivers them, and a proposal behind them: a signer
/// takes callbacks in their order, so it has processed them all when it has that block validated.
async fn flood(
    stage: &mut Stage,
    signer: &SignerUnderTest,
    figures: &mut Figures,
) -> Result<(), BenchError> {
    let block = stage.build().await?;
    let view = stage.heard.view.clone();
    let mut chunks: Vec<Addressed> = Vec::new();
    for number in 0_u32.. {
        // Blocks that have not been proposed yet: as far as a signer can know, they may still be.
        let unknown = Sighash::new(sha256(&[b"flood", &number.to_be_bytes()]));
        chunks.extend(stage.peers.promises(unknown));
        chunks.extend(stage.peers.acceptances(unknown));
        if let Some(view) = &view {
            chunks.extend(stage.peers.say(&SignerMessage::StateMachineUpdate(view.clone())));
        }
        if chunks.len() >= FLOOD {
            break;
        }
    }
    chunks.truncate(FLOOD);
    figures.flood = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
    let first = chunks.first().map(|(_, chunk)| chunk.signature.to_string()).unwrap_or_default();
    let last = chunks.last().map(|(_, chunk)| chunk.signature.to_string()).unwrap_or_default();
    let before = signer.processor_time();
    stage.write(chunks).await?;
    stage.propose(&block).await?;
    let begun_at: Instant = stage.heard.callback(signer, "/stackerdb_chunks", &first).await?;
    let delivered_at = stage.heard.callback(signer, "/stackerdb_chunks", &last).await?;
    let processed_at = stage.heard.validation_request(signer).await?;
    let after = signer.processor_time();
    figures.flood_processor = after.zip(before).map(|(after, before)| after.saturating_sub(before));
    figures.flood_delivery = delivered_at.duration_since(begun_at);
    figures.flood_took = processed_at.duration_since(begun_at);
    Ok(())
}

/// Proposals before the first one that counts: connections, caches and the first block of the
/// tenure.
const WARM_UP: u32 = 10;
/// Callbacks of the flood: what a busy minute of a hundred signers brings, all at once.
const FLOOD: usize = 3000;
/// Of this many proposals, one is followed by one at which the floor is measured.
const PROBE_EVERY: u32 = 2;
/// How long each of the first burn blocks may change nothing.
const BURN_BLOCKS: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(3), Duration::from_secs(10)];
const PATIENCE: Duration = Duration::from_secs(10);
const SETTLE: Duration = Duration::from_millis(300);
const SETTLE_ROUNDS: u32 = 2;
