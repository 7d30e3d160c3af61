//! Events in words.

use countersign_signer::{Event, Query};
use countersign_wire::event::ProposalResponse;

/// What happened, in one line.
pub(super) fn words(event: &Event) -> String {
    match event {
        Event::Deadline => "time has passed".to_owned(),
        Event::Resumed => "the process had stood still".to_owned(),
        Event::NodeSwitched => "another node is asked from now on".to_owned(),
        Event::ClockSet { ahead } => format!("the machine's clock is {ahead} ms ahead"),
        Event::BurnBlock(block) => format!(
            "the node announces the burn block {} ({})",
            block.burn_block_height, block.consensus_hash
        ),
        Event::StacksBlock(block) => {
            format!("the node has processed the block {} ({})", block.height, block.block_id)
        }
        Event::Verdict(verdict) => {
            let valid =
                if matches!(verdict, ProposalResponse::Ok(_)) { "valid" } else { "not valid" };
            format!("the node finds the block {} {valid}", verdict.sighash())
        }
        Event::Proposal(proposal) => {
            format!("a miner proposes the block {}", proposal.block.sighash())
        }
        Event::MockProposal(_) => "a miner asks for mock signatures".to_owned(),
        Event::Pushed(block) => format!("a miner pushes the block {}", block.sighash()),
        Event::Peer { parity, from, message, .. } => {
            format!("the signer {from} says {} in the set {parity}", message.label())
        }
        Event::Answered { query, answer, .. } => match answer {
            Ok(_) => format!("the node answers about {}", question(query)),
            Err(failure) => {
                format!("the node does not answer about {}: {}", question(query), failure.text)
            }
        },
        answer_about_a_block => of_a_block(answer_about_a_block),
    }
}

fn of_a_block(event: &Event) -> String {
    match event {
        Event::ValidationSubmitted { sighash, outcome } => {
            format!("the node was given the block {sighash} to validate: {outcome:?}")
        }
        Event::Signed { sighash, .. } => format!("the vault has signed the block {sighash}"),
        Event::SigningRefused { sighash, rival } => {
            format!("the vault refuses to sign the block {sighash} beside {rival}")
        }
        Event::Uploaded { sighash } => format!("the node took the block {sighash} from us"),
        other => format!("{other:?}"),
    }
}

fn question(query: &Query) -> String {
    match query {
        Query::Pox => "reward cycles".to_owned(),
        Query::Info => "its tips".to_owned(),
        Query::BurnView => "the latest sortitions".to_owned(),
        Query::Registration(cycle) => format!("the signers of cycle {cycle}"),
        Query::TenureTip(tenure) => format!("the tip of tenure {tenure}"),
        Query::SortitionOf(burn_block) => format!("the burn block {burn_block}"),
        Query::Forks { from, to } => format!("the tenures from {from} to {to}"),
    }
}
