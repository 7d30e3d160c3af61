//! What goes wrong with nodes, networks, machines and clocks.

use countersign_signer::{Answer, Event, NodeFailure, Query, Timeouts};
use countersign_wire::SlotVersion;
use countersign_wire::event::{ProposalResponse, ValidationOk, ValidationReject};
use countersign_wire::message::{BlockResponse, SignerMessage, ValidateCode};

use super::Scene;
use crate::world::agenda::Happening;
use crate::world::{Store, signing_key, vault};

/// Networks.
impl Scene {
    /// From now on events of a kind are lost on their way to a signer.
    pub fn lose(&mut self, filter: impl Fn(usize, &Event) -> bool + 'static) {
        self.world.script.filters.push(Box::new(filter));
    }

    /// Nobody hears signatures of blocks any more.
    pub fn lose_signatures(&mut self) {
        self.lose(|_, event| {
            let Event::Peer { message, .. } = event else { return false };
            matches!(message, SignerMessage::BlockResponse(BlockResponse::Accepted(_)))
        });
    }

    /// A signer hears nothing of what the others say.
    pub fn deafen(&mut self, signer: usize) {
        self.lose(move |to, event| to == signer && matches!(event, Event::Peer { .. }));
    }

    /// Everything arrives again.
    pub fn lose_nothing(&mut self) {
        self.world.script.filters.clear();
    }

    /// Something reaches a signer that nobody has sent.
    pub fn forge(&mut self, to: usize, event: Event) {
        self.world.arrives(to, None, Box::new(event));
        self.moment();
    }

    /// A message reaches a signer as if `from` had written it, at this very moment.
    pub fn hear_now(
        &mut self,
        to: usize,
        from: usize,
        version: SlotVersion,
        message: SignerMessage,
    ) {
        let (parity, from) = (self.cycle().parity(), Self::key_of(from));
        let event = Event::Peer { parity, from, version, message };
        self.world.arrives(to, None, Box::new(event));
        assert_eq!(self.world.complaint, None);
    }
}

/// Nodes. The node of honest signer `i` is `i`, unless the plan has fewer nodes.
impl Scene {
    /// Nodes stop answering and calling back.
    pub fn stop_nodes(&mut self, nodes: impl IntoIterator<Item = usize>) {
        for node in nodes {
            self.world.nodes[node].is_up = false;
        }
    }

    /// They are back.
    pub fn start_nodes(&mut self, nodes: impl IntoIterator<Item = usize>) {
        for node in nodes {
            self.world.node_recovers(node);
        }
        self.moment();
    }

    /// Nodes learn nothing new.
    pub fn freeze_nodes(&mut self, nodes: impl IntoIterator<Item = usize>) {
        self.world.script.frozen.extend(nodes);
    }

    /// They learn what they have missed.
    pub fn thaw_nodes(&mut self) {
        for node in std::mem::take(&mut self.world.script.frozen) {
            let newest = self.world.versions.len() - 1;
            self.world.synced(node, newest);
        }
        self.moment();
    }

    /// Nodes take blocks for validation and do not come to an end.
    pub fn stall_validation(&mut self, nodes: impl IntoIterator<Item = usize>) {
        self.world.script.stalled.extend(nodes.into_iter().map(|node| (node, None)));
    }

    /// They come to an end.
    pub fn finish_validation(&mut self) {
        for (node, block) in std::mem::take(&mut self.world.script.stalled) {
            if let Some(block) = block {
                let at = self.world.now;
                self.world.agenda.plan(at, Happening::Validated { node, block });
            }
        }
        self.moment();
    }

    /// A node says something else than the truth.
    pub fn lie(
        &mut self,
        node: usize,
        lie: impl Fn(&Query, Result<Answer, NodeFailure>) -> Result<Answer, NodeFailure> + 'static,
    ) {
        self.world.script.lies.insert(node, Box::new(lie));
    }

    /// A node cannot answer questions of a kind.
    pub fn fail(&mut self, node: usize, fails: impl Fn(&Query) -> bool + 'static) {
        self.lie(node, move |query, truth| {
            if fails(query) {
                Err(NodeFailure { text: "it does not say".to_owned() })
            } else {
                truth
            }
        });
    }

    /// All nodes say the truth.
    pub fn tell_the_truth(&mut self) {
        self.world.script.lies.clear();
        self.world.script.biases.clear();
    }

    /// Nodes find every block invalid, for this reason.
    pub fn refute(&mut self, nodes: impl IntoIterator<Item = usize>, code: ValidateCode) {
        for node in nodes {
            self.bias(node, move |verdict| {
                let sighash = match verdict {
                    ProposalResponse::Ok(ok) => ok.sighash,
                    ProposalResponse::Reject(reject) => reject.sighash,
                };
                let reason = "the node says no".to_owned();
                ProposalResponse::Reject(ValidationReject {
                    sighash,
                    reason,
                    code,
                    failed_txid: None,
                })
            });
        }
    }

    /// A node's good verdicts say something else about what the block costs and how long it took.
    pub fn measure(&mut self, node: usize, change: impl Fn(&mut ValidationOk) + 'static) {
        self.bias(node, move |verdict| match verdict {
            ProposalResponse::Ok(mut ok) => {
                change(&mut ok);
                ProposalResponse::Ok(ok)
            }
            reject @ ProposalResponse::Reject(_) => reject,
        });
    }

    /// A node's verdicts are changed.
    pub fn bias(
        &mut self,
        node: usize,
        bias: impl Fn(ProposalResponse) -> ProposalResponse + 'static,
    ) {
        self.world.script.biases.insert(node, Box::new(bias));
    }

    /// Blocks that signers upload do not arrive.
    pub fn delay_uploads(&mut self) {
        self.world.script.no_uploads = true;
    }

    /// They arrive.
    pub fn resume_uploads(&mut self) {
        self.world.script.no_uploads = false;
        self.moment();
        self.moment();
    }
}

/// Machines.
impl Scene {
    /// A signer's process is killed.
    pub fn kill(&mut self, signer: usize) {
        self.world.signers[signer].core = None;
        self.world.signers[signer].life += 1;
    }

    /// It starts from what it has stored.
    pub fn start(&mut self, signer: usize) {
        self.world.start(signer);
        self.moment();
    }

    /// The machine of one signer runs with the key of another, with a store and a journal of its own.
    pub fn duplicate(&mut self, original: usize, machine: usize) {
        let key = signing_key(original);
        let signer = &mut self.world.signers[machine];
        signer.params.key = key.public_key();
        signer.vaults = vec![vault(key)];
        signer.store = Store::default();
        self.kill(machine);
        self.start(machine);
    }

    /// A signer's operator takes its next key away, and starts it again.
    pub fn unload_next_key(&mut self, signer: usize) {
        let machine = &mut self.world.signers[signer];
        machine.params.next_key = None;
        machine.vaults.truncate(1);
        self.kill(signer);
        self.start(signer);
    }

    /// A signer's operator changes its time-outs, and starts it again.
    pub fn configure(&mut self, signer: usize, change: impl FnOnce(&mut Timeouts)) {
        change(&mut self.world.signers[signer].params.timeouts);
        self.kill(signer);
        self.start(signer);
    }

    /// A signer's store is lost; its vault's journal is not.
    pub fn forget(&mut self, signer: usize) {
        self.world.signers[signer].store = Store::default();
    }

    /// The clock of a signer's machine jumps, and shows the wrong time from then on.
    pub fn clock_jumps(&mut self, signer: usize, hours: i64) {
        let clock = self.world.script.clocks.entry(signer).or_default();
        clock.wall += hours * 3_600_000;
        let ahead = clock.wall - clock.at_start;
        self.forge(signer, Event::ClockSet { ahead });
    }
}
