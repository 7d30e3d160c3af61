//! Random events, and random states to start from.

use countersign_signer::{
    Answer, BurnView, Event, NodeFailure, Query, Recorded, RegistrationFacts, Submission, Ticket,
    Timestamp,
};
use countersign_wire::event::{
    ExecutionCost, NewBlock, NewBurnBlock, ProposalResponse, ValidationOk, ValidationReject,
};
use countersign_wire::fixed::{SortitionId, Txid};
use countersign_wire::rpc::{NodeInfo, PoxInfo, Sortition, TenureForkInfo, TenureTip};
use countersign_wire::{
    BurnBlockHash, BurnHeight, RewardCycle, Signer, SignerSet, SlotVersion, StacksHeight, Weight,
};
use proptest::option;
use proptest::prelude::*;

use crate::support::strategies_consensus::{
    address, block, block_id, chain_id, consensus_hash, hash160, public_key, signature,
};
use crate::support::strategies_messages::{
    block_proposal, mock_proposal, sighash, signer_message, validate_code,
};

fn burn_hash() -> BoxedStrategy<BurnBlockHash> {
    any::<[u8; 32]>().prop_map(BurnBlockHash::new).boxed()
}

fn sortition_id() -> BoxedStrategy<SortitionId> {
    any::<[u8; 32]>().prop_map(SortitionId::new).boxed()
}

fn txid() -> BoxedStrategy<Txid> {
    any::<[u8; 32]>().prop_map(Txid::new).boxed()
}

fn burn_height() -> BoxedStrategy<BurnHeight> {
    any::<u64>().prop_map(BurnHeight::new).boxed()
}

fn height() -> BoxedStrategy<StacksHeight> {
    any::<u64>().prop_map(StacksHeight::new).boxed()
}

fn text() -> BoxedStrategy<String> {
    prop::collection::vec(any::<char>(), 0..20).prop_map(String::from_iter).boxed()
}

fn verdict() -> BoxedStrategy<ProposalResponse> {
    let ok = (sighash(), any::<[u64; 7]>(), option::of(any::<u64>()), any::<bool>()).prop_map(
        |(sighash, [a, b, c, d, e, size, took], replay_tx_hash, replay_tx_exhausted)| {
            ProposalResponse::Ok(ValidationOk {
                sighash,
                cost: ExecutionCost {
                    write_length: a,
                    write_count: b,
                    read_length: c,
                    read_count: d,
                    runtime: e,
                },
                size,
                validation_time_ms: took,
                replay_tx_hash,
                replay_tx_exhausted,
            })
        },
    );
    let reject = (sighash(), text(), validate_code(), option::of(txid())).prop_map(
        |(sighash, reason, code, failed_txid)| {
            ProposalResponse::Reject(ValidationReject { sighash, reason, code, failed_txid })
        },
    );
    prop_oneof![ok, reject].boxed()
}

fn info() -> BoxedStrategy<NodeInfo> {
    let tip = (burn_height(), consensus_hash(), sighash(), consensus_hash(), height());
    let lists = option::of(prop::collection::vec(text(), 0..3));
    (tip, text(), chain_id(), any::<Option<bool>>(), lists)
        .prop_map(|(tip, server_version, network_id, is_fully_synced, stackerdbs)| NodeInfo {
            burn_block_height: tip.0,
            pox_consensus: tip.1,
            stacks_tip: tip.2,
            stacks_tip_consensus_hash: tip.3,
            stacks_tip_height: tip.4,
            server_version,
            network_id,
            is_fully_synced,
            stackerdbs,
        })
        .boxed()
}

fn sortition() -> BoxedStrategy<Sortition> {
    let ids = (burn_hash(), burn_height(), any::<u64>(), sortition_id(), sortition_id());
    let winner = (
        option::of(hash160()),
        option::of(consensus_hash()),
        option::of(consensus_hash()),
        option::of(sighash()),
        option::of(sortition_id()),
    );
    (ids, consensus_hash(), any::<bool>(), winner)
        .prop_map(|(ids, consensus_hash, was_sortition, winner)| Sortition {
            burn_block_hash: ids.0,
            burn_block_height: ids.1,
            burn_header_timestamp: ids.2,
            sortition_id: ids.3,
            parent_sortition_id: ids.4,
            consensus_hash,
            was_sortition,
            miner_pk_hash160: winner.0,
            stacks_parent_ch: winner.1,
            last_sortition_ch: winner.2,
            committed_block_hash: winner.3,
            vrf_seed: winner.4,
        })
        .boxed()
}

fn tenure() -> BoxedStrategy<TenureForkInfo> {
    let ids = (burn_hash(), burn_height(), sortition_id(), sortition_id(), consensus_hash());
    (ids, any::<bool>(), option::of(block_id()), option::of(text()))
        .prop_map(|(ids, was_sortition, first_block_mined, nakamoto_blocks)| TenureForkInfo {
            burn_block_hash: ids.0,
            burn_block_height: ids.1,
            sortition_id: ids.2,
            parent_sortition_id: ids.3,
            consensus_hash: ids.4,
            was_sortition,
            first_block_mined,
            nakamoto_blocks,
        })
        .boxed()
}

fn facts() -> BoxedStrategy<RegistrationFacts> {
    let set = option::of((public_key(), any::<u32>()).prop_map(|(key, weight)| {
        SignerSet::new(vec![Signer { key, weight: Weight::new(weight) }]).unwrap()
    }));
    (set, any::<u64>(), prop::collection::vec(address(), 0..3))
        .prop_map(|(set, last, slots)| RegistrationFacts {
            set,
            last_set_cycle: RewardCycle::new(last),
            slots,
        })
        .boxed()
}

fn query() -> BoxedStrategy<Query> {
    prop_oneof![
        Just(Query::Pox),
        Just(Query::Info),
        Just(Query::BurnView),
        any::<u64>().prop_map(|cycle| Query::Registration(RewardCycle::new(cycle))),
        consensus_hash().prop_map(Query::TenureTip),
        burn_hash().prop_map(Query::SortitionOf),
        (consensus_hash(), consensus_hash()).prop_map(|(from, to)| Query::Forks { from, to }),
    ]
    .boxed()
}

fn answer() -> BoxedStrategy<Answer> {
    let tip = (block_id(), option::of(sighash()), height(), option::of(consensus_hash())).prop_map(
        |(block_id, sighash, height, burn_view)| TenureTip { block_id, sighash, height, burn_view },
    );
    let pox = (any::<[u64; 5]>(), text()).prop_map(|([a, b, c, d, e], current_epoch)| PoxInfo {
        first_burnchain_block_height: BurnHeight::new(a),
        current_burnchain_block_height: BurnHeight::new(b),
        reward_phase_block_length: c,
        prepare_phase_block_length: d,
        reward_cycle_id: e,
        current_epoch,
    });
    prop_oneof![
        pox.prop_map(Answer::Pox),
        info().prop_map(Answer::Info),
        (info(), sortition(), option::of(sortition())).prop_map(|(info, latest, last)| {
            Answer::BurnView(Box::new(BurnView { info, latest, last }))
        }),
        facts().prop_map(Answer::Registration),
        option::of(tip).prop_map(Answer::TenureTip),
        any::<bool>().prop_map(Answer::SortitionOf),
        prop::collection::vec(tenure(), 0..3).prop_map(Answer::Forks),
    ]
    .boxed()
}

/// Tickets are made by the core alone, and by what reads a recording.
fn ticket() -> BoxedStrategy<Ticket> {
    any::<u64>().prop_map(|number| Ticket::from_recording(&number.to_be_bytes()).unwrap()).boxed()
}

fn submission() -> BoxedStrategy<Submission> {
    prop_oneof![
        Just(Submission::Accepted),
        Just(Submission::Busy),
        text().prop_map(Submission::Refused),
        text().prop_map(Submission::Unreachable),
    ]
    .boxed()
}

fn of_the_network() -> BoxedStrategy<Event> {
    let burn_block = (burn_hash(), burn_height(), consensus_hash(), burn_hash()).prop_map(
        |(burn_block_hash, burn_block_height, consensus_hash, parent_burn_block_hash)| {
            Event::BurnBlock(NewBurnBlock {
                burn_block_hash,
                burn_block_height,
                consensus_hash,
                parent_burn_block_hash,
            })
        },
    );
    let txids = prop::collection::vec(txid(), 0..3);
    let stacks_block = (block_id(), option::of(sighash()), consensus_hash(), height(), txids)
        .prop_map(|(block_id, sighash, consensus_hash, height, txids)| {
            let (signatures, time) = (Vec::new(), None);
            Event::StacksBlock(NewBlock {
                block_id,
                sighash,
                consensus_hash,
                height,
                txids,
                signatures,
                time,
            })
        });
    let peer = (0..2_u8, public_key(), any::<u32>(), signer_message()).prop_map(
        |(parity, from, version, message)| Event::Peer {
            parity,
            from,
            version: SlotVersion::new(version),
            message,
        },
    );
    prop_oneof![
        burn_block,
        stacks_block,
        verdict().prop_map(Event::Verdict),
        block_proposal().prop_map(|proposal| Event::Proposal(Box::new(proposal))),
        mock_proposal().prop_map(|proposal| Event::MockProposal(Box::new(proposal))),
        block().prop_map(|block| Event::Pushed(Box::new(block))),
        peer,
    ]
    .boxed()
}

/// Any event.
pub(crate) fn event() -> BoxedStrategy<Event> {
    let failure = text().prop_map(|text| NodeFailure { text });
    let answer = prop_oneof![4 => answer().prop_map(Ok), 1 => failure.prop_map(Err)];
    prop_oneof![
        1 => Just(Event::Deadline),
        1 => Just(Event::Resumed),
        1 => Just(Event::NodeSwitched),
        1 => any::<i64>().prop_map(|ahead| Event::ClockSet { ahead }),
        8 => of_the_network(),
        6 => (ticket(), query(), answer)
            .prop_map(|(ticket, query, answer)| Event::Answered { ticket, query, answer }),
        2 => (sighash(), submission())
            .prop_map(|(sighash, outcome)| Event::ValidationSubmitted { sighash, outcome }),
        1 => (sighash(), signature())
            .prop_map(|(sighash, signature)| Event::Signed { sighash, signature }),
        1 => (sighash(), sighash())
            .prop_map(|(sighash, rival)| Event::SigningRefused { sighash, rival }),
        1 => sighash().prop_map(|sighash| Event::Uploaded { sighash }),
    ]
    .boxed()
}

/// Any moment.
pub(crate) fn time() -> BoxedStrategy<Timestamp> {
    any::<u64>().prop_map(Timestamp::from_millis).boxed()
}
