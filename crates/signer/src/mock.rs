//! Mock signing in epoch 2.5, the rehearsal before Nakamoto blocks (`signer-behaviour` 1.6).
//!
//! A mock signature is over no block and decides nothing. Each burn block gets one, for the first mock
//! proposal that names it.

use std::collections::VecDeque;

use countersign_wire::ConsensusHash;
use countersign_wire::message::MockProposal;

use crate::evaluation::{Task, TaskKey};
use crate::facts::{Facts, Known};
use crate::note::Note;
use crate::signer::Signer;
use crate::step::Action;
use crate::turn::Turn;

/// The burn blocks that have their mock signature.
#[derive(Clone, Debug, Default)]
pub(crate) struct MockSigned(VecDeque<ConsensusHash>);

impl MockSigned {
    fn contains(&self, burn_block: &ConsensusHash) -> bool {
        self.0.contains(burn_block)
    }

    fn push(&mut self, burn_block: ConsensusHash) {
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(burn_block);
    }
}

/// How many burn blocks are remembered: more than a miner's slots may still name.
const REMEMBERED: usize = 16;
/// The only epoch with mock signing, as the node names it.
const EPOCH: &str = "Epoch25";

impl Signer {
    /// A miner proposes nothing, to see who would sign. The node is asked for its epoch.
    pub(crate) fn on_mock_proposal(&mut self, proposal: Box<MockProposal>, turn: &mut Turn) {
        let info = &proposal.peer_info;
        let is_ours = info.network_id == self.params.chain_id && !self.is_wrong_network;
        let has_seat = self.current_cycle().is_some_and(|number| self.cycle(number).is_some());
        let is_new = !self.mock_signed.contains(&info.pox_consensus)
            && !self.evaluations.is_waiting(TaskKey::Mock(info.pox_consensus))
            && !self.evaluations.is_full();
        if is_ours && has_seat && is_new && proposal.recover().is_some() {
            self.begin(Task::Mock(proposal), turn);
        }
    }

    /// Has the vault sign a mock proposal, if the node is in the epoch of mock signing.
    pub(crate) fn judge_mock(
        &mut self,
        proposal: &MockProposal,
        facts: &Facts,
        turn: &mut Turn,
    ) -> Known<()> {
        let is_rehearsal = facts.pox()?.is_ok_and(|pox| pox.current_epoch == EPOCH);
        let Some(cycle) = self.current_cycle().and_then(|number| self.cycle(number)) else {
            return Ok(());
        };
        if !is_rehearsal || self.is_wrong_network {
            return Ok(());
        }
        let info = &proposal.peer_info;
        turn.note(Note::MockSigning { cycle: cycle.number, burn_height: info.burn_block_height });
        turn.act(Action::SignMock {
            cycle: cycle.number,
            slot: cycle.slot,
            key: cycle.key,
            proposal: Box::new(proposal.clone()),
        });
        self.mock_signed.push(info.pox_consensus);
        Ok(())
    }
}
