//! The lines that a person reads: one per event, understandable without colour and when piped.

use std::path::Path;

use crate::event::{CycleSigner, DevnetEvent, SignerPlace, SignerRecord, Summary};

/// The text of an event, of one or more lines; none for events that are only in the JSON.
pub fn render(event: &DevnetEvent) -> Option<String> {
    Some(match event {
        DevnetEvent::Started { folder, folder_is_kept, signers } => {
            let kept = if *folder_is_kept { "kept" } else { "removed at the end" };
            let mut text = format!("devnet    folder {} ({kept})", folder.display());
            for place in signers {
                text.push('\n');
                text.push_str(&signer_place(place));
            }
            text
        }
        DevnetEvent::Page { url, is_opened } => {
            let opened = if *is_opened { " (opened)" } else { "" };
            format!("page      {url}{opened}")
        }
        DevnetEvent::SignerExited { signer, status, log, tail } => {
            let what = format!("signer    {signer} has ended: {status}; see {}", log.display());
            with_tail(what, tail)
        }
        DevnetEvent::BurnBlock { height, consensus_hash, miner, cycle } => {
            let tenure = short(consensus_hash);
            let winner = miner.map_or_else(
                || "no winner".to_owned(),
                |miner| format!("tenure {tenure}  miner {miner} wins"),
            );
            format!("burn      {height:>6}  cycle {cycle}  {winner}")
        }
        DevnetEvent::RewardCycle { cycle, first_burn_height, total_weight, signers } => {
            let signers: Vec<_> = signers.iter().map(cycle_signer).collect();
            format!(
                "cycle     {cycle:>6}  from burn block {first_burn_height}  weight {total_weight}: {}",
                signers.join(", ")
            )
        }
        DevnetEvent::BlockProposed { .. } => return None,
        DevnetEvent::BlockAdopted { .. } => adopted(event)?,
        DevnetEvent::BlockRejected { height, rejected_weight, total_weight, reasons, .. } => {
            format!(
                "rejected  {height:>6}  by weight {rejected_weight} of {total_weight}: {}",
                reasons.join("; ")
            )
        }
        DevnetEvent::Waiting { seconds, missing } => {
            format!("waiting   no block for {seconds} s: {}", missing.join("; "))
        }
        DevnetEvent::Booting { burn_height, epoch, next, waiting_for } => {
            format!("boot      {burn_height:>6}  epoch {epoch}  {next}; waiting for {waiting_for}")
        }
        DevnetEvent::SignerRestarted { signer } => format!("signer    {signer} is started again"),
        DevnetEvent::Failed { reason, log, tail } => failed(reason, log.as_deref(), tail),
        DevnetEvent::Stopped(summary) => stopped(summary),
    })
}

fn failed(reason: &str, log: Option<&Path>, tail: &[String]) -> String {
    let mut text = format!("failed    {reason}");
    if let Some(log) = log {
        text.push_str("; from ");
        text.push_str(&log.to_string_lossy());
        text.push(':');
    }
    with_tail(text, tail)
}

/// The lines that a program has printed, so that they are not taken for ours.
fn with_tail(mut text: String, tail: &[String]) -> String {
    for line in tail {
        text.push_str("\n          | ");
        text.push_str(line);
    }
    text
}

fn adopted(event: &DevnetEvent) -> Option<String> {
    let DevnetEvent::BlockAdopted {
        height,
        tenure,
        miner,
        transactions,
        pre_committed_weight,
        signed_weight,
        total_weight,
        threshold_ms,
        ..
    } = event
    else {
        return None;
    };
    let total = total_weight.get().max(1);
    let percent = u64::from(signed_weight.get()) * 100 / u64::from(total);
    Some(format!(
        "block     {height:>6}  tenure {}  miner {miner}  txs {transactions}  \
         pre-committed {pre_committed_weight}  signed {signed_weight}/{total_weight} ({percent} %)  \
         {threshold_ms} ms",
        short(tenure)
    ))
}

fn signer_place(place: &SignerPlace) -> String {
    format!(
        "signer    {:>6}  {}  node http://{}  metrics http://{}/metrics  log {}",
        place.signer,
        place.program.display(),
        place.node,
        place.metrics,
        place.log.display()
    )
}

fn cycle_signer(signer: &CycleSigner) -> String {
    format!("signer {} weight {}", signer.signer, signer.weight)
}

fn stopped(summary: &Summary) -> String {
    let ms = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
    let signatures: Vec<_> = (0..)
        .zip(&summary.signatures)
        .map(|(signer, count): (usize, _)| format!("signer {signer}: {count}"))
        .collect();
    let mut text = format!(
        "\nstopped   after {} s: {} blocks, {} burn blocks, {} reward cycles\n\
         signed    {}\n\
         time      from proposal to threshold: median {}, 99 % within {}",
        summary.seconds,
        summary.blocks,
        summary.burn_blocks,
        summary.reward_cycles,
        signatures.join(", "),
        ms(summary.median_threshold_ms),
        ms(summary.p99_threshold_ms),
    );
    for record in &summary.signers {
        text.push('\n');
        text.push_str(&signer_record(record));
    }
    if let Some(folder) = &summary.folder {
        text.push_str("\nlogs      ");
        text.push_str(&folder.to_string_lossy());
    }
    text
}

fn signer_record(record: &SignerRecord) -> String {
    let SignerRecord { signer, blocks, in_header, signed, missed, rejections, exits } = record;
    let missed: Vec<_> = missed.iter().map(ToString::to_string).collect();
    let missed = if missed.is_empty() { "none".to_owned() } else { missed.join(" ") };
    format!(
        "record    signer {signer}: {signed} of {blocks} blocks signed, {in_header} in time for \
         the header; missed: {missed}; rejected {rejections}, ended {exits} times"
    )
}

/// Enough of a hash to tell it from others.
fn short(hash: &impl ToString) -> String {
    hash.to_string().chars().take(8).collect()
}
