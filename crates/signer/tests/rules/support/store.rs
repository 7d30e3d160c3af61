//! A store in memory: what writes leave behind.

use countersign_signer::{Saved, SavedUpdate, Vote, Write};

/// Commits one step's writes.
pub(crate) fn commit(saved: &mut Saved, writes: Vec<Write>) {
    for write in writes {
        apply(saved, write);
    }
}

fn apply(saved: &mut Saved, write: Write) {
    match write {
        Write::Record(mut record) => {
            let known = saved.records.iter().position(|other| other.sighash == record.sighash);
            let known = known.map(|index| saved.records.remove(index));
            record.block = record.block.or_else(|| known?.block);
            saved.records.push(*record);
        }
        Write::ForgetContent(sighash) => {
            saved
                .records
                .iter_mut()
                .filter(|record| record.sighash == sighash)
                .for_each(|record| record.block = None);
        }
        Write::ForgetVotes(sighash) => saved.votes.retain(|(block, ..)| *block != sighash),
        Write::ForgetRecord(sighash) => {
            saved.records.retain(|record| record.sighash != sighash);
            saved.votes.retain(|(block, ..)| *block != sighash);
        }
        Write::PreCommit { sighash, from } => {
            forget_rejection(saved, &sighash, from);
            saved.votes.push((sighash, from, Vote::PreCommit));
        }
        Write::Acceptance { sighash, from, signature } => {
            forget_rejection(saved, &sighash, from);
            saved.votes.push((sighash, from, Vote::Acceptance(signature)));
        }
        Write::Rejection { sighash, from, vote } => {
            forget_rejection(saved, &sighash, from);
            saved.votes.push((sighash, from, Vote::Rejection(vote)));
        }
        Write::Park(vote) => saved.parked.push(vote),
        Write::Unpark { sighash, vote } => saved.parked.retain(|parked| match &vote {
            Some(vote) => parked != vote,
            None => parked.sighash != sighash,
        }),
        Write::BurnBlock(seen) => {
            saved.burn_blocks.retain(|other| other.consensus_hash != seen.consensus_hash);
            saved.burn_blocks.push(seen);
        }
        Write::PeerUpdate { cycle, from, update, at } => {
            saved.burn_reports.push((cycle, update.content.burn_block, from, at));
            saved.peer_updates.retain(|other| (other.cycle, other.from) != (cycle, from));
            saved.peer_updates.push(SavedUpdate { cycle, from, update, at });
        }
        Write::Activity { tenure, at } => {
            saved.activity.retain(|(other, _)| *other != tenure);
            saved.activity.push((tenure, at));
        }
        Write::Superseded(superseded) => saved.superseded.push(superseded),
        Write::PruneBelow(floor) => {
            saved.burn_blocks.retain(|seen| seen.height >= floor);
            saved.superseded.retain(|superseded| superseded.burn_height >= floor);
        }
        Write::ForgetCycle(cycle) => {
            saved.peer_updates.retain(|update| update.cycle != cycle);
            saved.burn_reports.retain(|(other, ..)| *other != cycle);
            saved.parked.retain(|parked| parked.cycle != cycle);
        }
    }
}

fn forget_rejection(
    saved: &mut Saved,
    sighash: &countersign_wire::Sighash,
    from: countersign_wire::SlotId,
) {
    saved.votes.retain(|(block, signer, vote)| {
        (block, *signer) != (sighash, from) || !matches!(vote, Vote::Rejection(_))
    });
}
