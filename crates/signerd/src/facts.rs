//! Answers to the core's questions, read from the node.
//!
//! Which questions are repeated while the node cannot be reached is the table of `signer-wire.md`
//! section 6.2; the core asks again in its own time whatever fails here.

use countersign_node::{NodeClient, NodeError};
pub(crate) use countersign_ops::report::describe;
use countersign_signer::{Answer, BurnView, NodeFailure, Query, RegistrationFacts};
use countersign_wire::signer_set::SignerSetError;
use countersign_wire::{RewardCycle, SignerSet};

use crate::retry::while_unreachable;

/// Asks the node.
pub(crate) async fn answer(client: &NodeClient, query: Query) -> Result<Answer, NodeFailure> {
    match query {
        Query::Pox => while_unreachable(|| client.pox()).await.map(Answer::Pox),
        Query::Info => while_unreachable(|| client.info()).await.map(Answer::Info),
        Query::BurnView => return burn_view(client).await.map(Answer::BurnView),
        Query::Registration(cycle) => {
            return registration(client, cycle).await.map(Answer::Registration);
        }
        Query::TenureTip(tenure) => client.tenure_tip(tenure).await.map(Answer::TenureTip),
        Query::SortitionOf(burn_block) => client
            .sortition_by_burn_block(burn_block)
            .await
            .map(|sortition| Answer::SortitionOf(sortition.is_some())),
        Query::Forks { from, to } => {
            while_unreachable(|| client.fork_info(from, to)).await.map(Answer::Forks)
        }
    }
    .map_err(|error| failure(&error))
}

fn failure(error: &NodeError) -> NodeFailure {
    NodeFailure { text: describe(error) }
}

/// The burn tip and the sortitions of one moment: if the tip moves while they are read, they are
/// read again.
async fn burn_view(client: &NodeClient) -> Result<Box<BurnView>, NodeFailure> {
    for _ in 0..MAX_READS {
        let info = while_unreachable(|| client.info()).await.map_err(|error| failure(&error))?;
        let sortitions = client.latest_and_last().await.map_err(|error| failure(&error))?;
        let after = while_unreachable(|| client.info()).await.map_err(|error| failure(&error))?;
        if after.pox_consensus == info.pox_consensus {
            let (latest, last) = (sortitions.latest, sortitions.last);
            return Ok(Box::new(BurnView { info, latest, last }));
        }
    }
    Err(NodeFailure { text: "the burn tip moves faster than it can be read".to_owned() })
}

async fn registration(
    client: &NodeClient,
    cycle: RewardCycle,
) -> Result<RegistrationFacts, NodeFailure> {
    let set = while_unreachable(|| client.stacker_set(cycle))
        .await
        .map_err(|error| failure(&error))?
        .ok_or_else(|| NodeFailure {
            text: format!("the reward set of cycle {cycle} is not available yet"),
        })?;
    let set: SignerSet = match set.signer_set() {
        Ok(set) => set,
        Err(SignerSetError::Empty) => return Ok(nobody()),
        Err(error) => return Err(NodeFailure { text: describe(&error) }),
    };
    let last_set_cycle = client.last_set_cycle().await.map_err(|error| failure(&error))?;
    let slots = client.signer_slots(cycle).await.map_err(|error| failure(&error))?;
    Ok(RegistrationFacts { set: Some(set), last_set_cycle, slots })
}

/// A cycle without signers has no slots to ask for.
fn nobody() -> RegistrationFacts {
    RegistrationFacts { set: None, last_set_cycle: RewardCycle::new(0), slots: Vec::new() }
}

/// How often a moving burn tip is read again.
const MAX_READS: usize = 3;

#[cfg(test)]
mod tests;
