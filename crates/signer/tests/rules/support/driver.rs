//! Runs the core with a scripted node, a vault, a store and peers that a test speaks for.

use countersign_signer::{
    AcceptanceOrder, Action, DEFAULT_REPLAY_BLOCKS, Event, Millis, Note, Params, ReplaySet, Saved,
    Signer, Step, Submission, Ticket, Timeouts, Timestamp, Write,
};
use countersign_signer::{Query, Record};
use countersign_wire::event::{
    ExecutionCost, NewBlock, ProposalResponse, ValidationOk, ValidationReject,
};
use countersign_wire::message::{
    BlockAccepted, BlockProposal, BlockRejected, BlockResponse, MinerState, MockProposal,
    RejectReason, ResponseData, SignerMessage, StateMachineUpdate, UpdateContent, ValidateCode,
};
use countersign_wire::{
    ChainId, MessageSignature, NakamotoBlock, Network, PrivateKey, PublicKey, RewardCycle, Sighash,
    Signer as Member, SignerSet, SlotVersion, Weight,
};

use super::chain::{CYCLE, NOW, burn_block, signed};
use super::node::Node;
use super::store;

/// One thing that the core wanted done.
#[derive(Clone, Debug)]
pub(crate) enum Sent {
    PreCommit(RewardCycle, Sighash),
    Accepted(Box<BlockAccepted>),
    Rejected(RewardCycle, Box<BlockRejected>),
    Update(RewardCycle, Box<StateMachineUpdate>),
    Order(Box<AcceptanceOrder>),
    Validate(Sighash),
    Mock(RewardCycle, Box<MockProposal>),
    Upload(Box<NakamotoBlock>),
    ReadSlots,
}

/// The core as signer 0, and the world around it.
pub(crate) struct Driver {
    pub(crate) signer: Signer,
    params: Params,
    pub(crate) node: Node,
    pub(crate) now: Timestamp,
    pub(crate) keys: Vec<PrivateKey>,
    pub(crate) set: SignerSet,
    pub(crate) saved: Saved,
    pub(crate) sent: Vec<Sent>,
    /// With which key each of them was to be signed that the vault has to sign.
    pub(crate) signed_with: Vec<(RewardCycle, PublicKey)>,
    pub(crate) notes: Vec<Note>,
    /// The vault takes orders and does not answer.
    pub(crate) is_vault_silent: bool,
    /// What we publish does not come back.
    pub(crate) is_echo_lost: bool,
    /// What was to be replayed with each block that was to be validated.
    pub(crate) replays: Vec<ReplaySet>,
    /// Questions that were not answered yet.
    pub(crate) open: Vec<(Ticket, Query)>,
    version: u32,
}

impl Driver {
    /// Five signers of weight 20 who agree with us on the miner of burn block 3.
    pub(crate) fn good() -> Self {
        Self::with(&[20; 5], Saved::default())
    }

    /// The same with these weights, and with this on record; ours is the first weight.
    pub(crate) fn with(weights: &[u32], saved: Saved) -> Self {
        let mut driver = Self::started(weights, saved, |_| {});
        driver.agree();
        driver.sent.clear();
        driver.notes.clear();
        driver
    }

    /// The same before any peer has said anything, with a node that is spoilt from the start.
    pub(crate) fn started(weights: &[u32], saved: Saved, spoil: impl FnOnce(&mut Node)) -> Self {
        Self::configured(weights, saved, |_, node| spoil(node))
    }

    /// The same with other parameters.
    pub(crate) fn configured(
        weights: &[u32],
        saved: Saved,
        spoil: impl FnOnce(&mut Params, &mut Node),
    ) -> Self {
        let keys: Vec<PrivateKey> =
            (1..).map(|n| PrivateKey::from_bytes([n; 32]).unwrap()).take(weights.len()).collect();
        let members = keys
            .iter()
            .zip(weights)
            .map(|(key, weight)| Member { key: key.public_key(), weight: Weight::new(*weight) });
        let set = SignerSet::new(members.collect()).unwrap();
        let mut node = Node::good(&set);
        let mut params = params(&keys[0]);
        spoil(&mut params, &mut node);
        let (signer, step) = Signer::restore(params.clone(), saved.clone(), NOW);
        let mut driver = Self {
            signer,
            params,
            node,
            now: NOW,
            keys,
            set,
            saved,
            sent: Vec::new(),
            signed_with: Vec::new(),
            notes: Vec::new(),
            is_vault_silent: false,
            is_echo_lost: false,
            replays: Vec::new(),
            open: Vec::new(),
            version: 0,
        };
        driver.perform(step);
        driver
    }

    /// Ends the core as a power cut would, and starts it with what is in the store.
    pub(crate) fn restart(&mut self) {
        self.sent.clear();
        self.notes.clear();
        self.open.clear();
        let (signer, step) = Signer::restore(self.params.clone(), self.saved.clone(), self.now);
        self.signer = signer;
        self.perform(step);
    }

    /// Starts the core again as an operator does who has changed the configuration.
    pub(crate) fn reconfigure(&mut self, change: impl FnOnce(&mut Params)) {
        change(&mut self.params);
        self.restart();
    }

    pub(crate) fn handle(&mut self, event: Event) {
        let step = self.signer.handle(event, self.now);
        let due = self.signer.next_deadline();
        assert!(due.is_none_or(|due| due > self.now), "a deadline that has been served is due");
        self.perform(step);
    }

    /// From now on this node is asked. Questions to the one before stay open.
    pub(crate) fn switch_to(&mut self, node: Node) {
        self.node = node;
        self.handle(Event::NodeSwitched);
    }

    /// Lets time pass, and wakes the core whenever it wants to be woken.
    pub(crate) fn pass(&mut self, span: Millis) {
        let until = self.now.plus(span);
        while let Some(due) = self.signer.next_deadline().filter(|due| *due <= until) {
            self.now = due;
            self.handle(Event::Deadline);
        }
        self.now = until;
    }

    fn ask(&mut self, ticket: Ticket, query: Query) {
        match self.node.answer(query) {
            Some(answer) => self.handle(Event::Answered { ticket, query, answer }),
            None => self.open.push((ticket, query)),
        }
    }

    fn perform(&mut self, step: Step) {
        let Step { writes, actions, notes } = step;
        store::commit(&mut self.saved, writes);
        self.notes.extend(notes);
        for action in actions {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Ask { ticket, query } => self.ask(ticket, query),
            Action::Validate { sighash, replay, .. } => {
                self.replays.push(replay);
                self.sent.push(Sent::Validate(sighash));
                let outcome = self.node.submissions.pop_front().unwrap_or(Submission::Accepted);
                self.handle(Event::ValidationSubmitted { sighash, outcome });
            }
            Action::SignAcceptance(order) => {
                let (sighash, key) = (order.sighash, order.key);
                let record = self.stored(sighash).expect("what is ordered is on record");
                self.signed_with.push((record.cycle, key));
                self.sent.push(Sent::Order(Box::new(order)));
                if !self.is_vault_silent {
                    let signature = self.sign_with(key, &sighash);
                    self.handle(Event::Signed { sighash, signature });
                }
            }
            Action::Reject { cycle, key, rejection, .. } => {
                self.signed_with.push((cycle, key));
                self.sent.push(Sent::Rejected(cycle, rejection));
            }
            Action::SignMock { cycle, key, proposal, .. } => {
                self.signed_with.push((cycle, key));
                self.sent.push(Sent::Mock(cycle, proposal));
            }
            Action::Publish { cycle, key, message, .. } => self.publish(cycle, key, *message),
            Action::Upload { block } => {
                let sighash = block.sighash();
                self.sent.push(Sent::Upload(Box::new(NakamotoBlock::clone(&block))));
                self.handle(Event::Uploaded { sighash });
            }
            Action::ReadSlots { .. } => self.sent.push(Sent::ReadSlots),
        }
    }

    /// Whatever we publish comes back as a callback, of which only views matter.
    fn publish(&mut self, cycle: RewardCycle, key: PublicKey, message: SignerMessage) {
        self.signed_with.push((cycle, key));
        let echo = message.clone();
        self.sent.push(match message {
            SignerMessage::BlockPreCommit(sighash) => Sent::PreCommit(cycle, sighash),
            SignerMessage::BlockResponse(BlockResponse::Accepted(accepted)) => {
                Sent::Accepted(Box::new(accepted))
            }
            SignerMessage::StateMachineUpdate(update) => Sent::Update(cycle, Box::new(update)),
            other => panic!("{other:?} is published"),
        });
        if !self.is_echo_lost && matches!(echo, SignerMessage::StateMachineUpdate(_)) {
            self.hear_in(cycle.parity(), key, echo);
        }
    }

    /// The signature of the vault that holds this key.
    fn sign_with(&self, key: PublicKey, sighash: &Sighash) -> MessageSignature {
        let next = next_key();
        signed(if key == next.public_key() { &next } else { &self.keys[0] }, sighash)
    }
}

/// The key that takes the place of ours in the tests of a change of keys.
pub(crate) fn next_key() -> PrivateKey {
    PrivateKey::from_bytes([0x77; 32]).unwrap()
}

/// What peers, the miner and the node say.
impl Driver {
    pub(crate) fn propose(&mut self, proposal: &BlockProposal) {
        self.handle(Event::Proposal(Box::new(proposal.clone())));
    }

    pub(crate) fn verdict(&mut self, sighash: Sighash) {
        let cost = ExecutionCost { runtime: 1, ..ExecutionCost::default() };
        self.verdict_with(sighash, cost, 250);
    }

    pub(crate) fn verdict_with(&mut self, sighash: Sighash, cost: ExecutionCost, took: u64) {
        self.handle(Event::Verdict(ProposalResponse::Ok(ValidationOk {
            sighash,
            cost,
            size: 0,
            validation_time_ms: took,
            replay_tx_hash: None,
            replay_tx_exhausted: false,
        })));
    }

    pub(crate) fn refute(&mut self, sighash: Sighash, code: ValidateCode) {
        self.handle(Event::Verdict(ProposalResponse::Reject(ValidationReject {
            sighash,
            reason: "the node says no".to_owned(),
            code,
            failed_txid: None,
        })));
    }

    /// Proposed, found valid, and promised by us.
    pub(crate) fn promise(&mut self, proposal: &BlockProposal) -> Sighash {
        let sighash = proposal.block.sighash();
        self.propose(proposal);
        self.verdict(sighash);
        assert!(self.pre_commits().contains(&sighash), "{:?}", self.notes);
        sighash
    }

    pub(crate) fn hear(&mut self, from: usize, message: SignerMessage) {
        self.hear_in(CYCLE.parity(), self.keys[from].public_key(), message);
    }

    pub(crate) fn hear_in(
        &mut self,
        parity: u8,
        from: countersign_wire::PublicKey,
        message: SignerMessage,
    ) {
        self.version += 1;
        let version = SlotVersion::new(self.version);
        self.handle(Event::Peer { parity, from, version, message });
    }

    pub(crate) fn pre_commit(&mut self, from: usize, sighash: Sighash) {
        self.hear(from, SignerMessage::BlockPreCommit(sighash));
    }

    pub(crate) fn accept(&mut self, from: usize, sighash: Sighash) {
        let signature = signed(&self.keys[from], &sighash);
        self.hear(from, acceptance(sighash, signature));
    }

    pub(crate) fn reject(&mut self, from: usize, sighash: Sighash) {
        self.reject_for(from, sighash, RejectReason::InvalidParentBlock);
    }

    pub(crate) fn reject_for(&mut self, from: usize, sighash: Sighash, reason: RejectReason) {
        let message = rejection(&self.keys[from], sighash, reason);
        self.hear(from, message);
    }

    /// Every peer sees what we see.
    pub(crate) fn agree(&mut self) {
        if let Some(update) = self.updates().last().cloned() {
            for peer in 1..self.keys.len() {
                self.hear(peer, SignerMessage::StateMachineUpdate(update.clone()));
            }
        }
    }

    /// Peers 1 to `count` support no version above this one; their views are their own.
    pub(crate) fn downgrade(&mut self, count: usize, version: u64) {
        let update = StateMachineUpdate {
            active_version: version,
            supported_version: version,
            content: UpdateContent {
                burn_block: self.node.burn_tip,
                burn_height: self.node.burn_height,
                miner: MinerState::NoValidMiner,
                replay_transactions: Vec::new(),
            },
        };
        for peer in 1..=count {
            self.hear(peer, SignerMessage::StateMachineUpdate(update.clone()));
        }
    }

    /// The node moves on to burn block `n` and announces it.
    pub(crate) fn mine_burn_block(&mut self, n: u8) {
        self.node.move_to(n);
        self.handle(Event::BurnBlock(burn_block(n)));
    }

    /// The node has processed this block.
    pub(crate) fn announce(&mut self, block: &NakamotoBlock) {
        self.handle(Event::StacksBlock(NewBlock {
            block_id: block.block_id(),
            sighash: Some(block.sighash()),
            consensus_hash: block.header.consensus_hash,
            height: block.header.chain_length,
            txids: Vec::new(),
            signatures: Vec::new(),
            time: None,
        }));
    }
}

/// What the core wanted done since the start.
impl Driver {
    pub(crate) fn pre_commits(&self) -> Vec<Sighash> {
        self.sent_as(|sent| match sent {
            Sent::PreCommit(_, sighash) => Some(*sighash),
            _ => None,
        })
    }

    pub(crate) fn acceptances(&self) -> Vec<Sighash> {
        self.sent_as(|sent| match sent {
            Sent::Accepted(accepted) => Some(accepted.sighash),
            _ => None,
        })
    }

    pub(crate) fn rejections(&self) -> Vec<(Sighash, RejectReason)> {
        self.sent_as(|sent| match sent {
            Sent::Rejected(_, rejected) => Some((rejected.sighash, rejected.data.reason)),
            _ => None,
        })
    }

    pub(crate) fn reasons(&self) -> Vec<RejectReason> {
        self.rejections().into_iter().map(|(_, reason)| reason).collect()
    }

    pub(crate) fn orders(&self) -> Vec<AcceptanceOrder> {
        self.sent_as(|sent| match sent {
            Sent::Order(order) => Some(AcceptanceOrder::clone(order)),
            _ => None,
        })
    }

    pub(crate) fn validations(&self) -> Vec<Sighash> {
        self.sent_as(|sent| match sent {
            Sent::Validate(sighash) => Some(*sighash),
            _ => None,
        })
    }

    pub(crate) fn uploads(&self) -> Vec<NakamotoBlock> {
        self.sent_as(|sent| match sent {
            Sent::Upload(block) => Some(NakamotoBlock::clone(block)),
            _ => None,
        })
    }

    pub(crate) fn updates(&self) -> Vec<StateMachineUpdate> {
        self.sent_as(|sent| match sent {
            Sent::Update(_, update) => Some(StateMachineUpdate::clone(update)),
            _ => None,
        })
    }

    /// Nothing that another signer or the node can see, views and questions excepted.
    pub(crate) fn is_silent(&self) -> bool {
        self.sent.iter().all(|sent| matches!(sent, Sent::Update(..) | Sent::ReadSlots))
    }

    /// What is on disk about a block.
    pub(crate) fn stored(&self, sighash: Sighash) -> Option<&Record> {
        self.saved.records.iter().find(|record| record.sighash == sighash)
    }

    fn sent_as<T>(&self, pick: impl Fn(&Sent) -> Option<T>) -> Vec<T> {
        self.sent.iter().filter_map(pick).collect()
    }

    /// The step that an event makes, whose actions are not performed.
    pub(crate) fn step(&mut self, event: Event) -> Step {
        self.signer.handle(event, self.now)
    }
}

pub(crate) fn acceptance(sighash: Sighash, signature: MessageSignature) -> SignerMessage {
    SignerMessage::BlockResponse(BlockResponse::Accepted(BlockAccepted {
        sighash,
        signature,
        server_version: String::new(),
        data: ResponseData::absent(),
    }))
}

pub(crate) fn rejection(key: &PrivateKey, sighash: Sighash, reason: RejectReason) -> SignerMessage {
    let mut rejected = BlockRejected {
        reason: String::new(),
        code: reason.legacy_code(),
        sighash,
        chain_id: ChainId::TESTNET,
        signature: MessageSignature::EMPTY,
        server_version: String::new(),
        data: ResponseData { reason, ..ResponseData::absent() },
    };
    rejected.signature = key.sign(&rejected.digest());
    SignerMessage::BlockResponse(BlockResponse::Rejected(rejected))
}

/// Whether a step writes a record in this state for this block.
pub(crate) fn writes_record(step: &Step, wanted: impl Fn(&Record) -> bool) -> bool {
    step.writes.iter().any(|write| matches!(write, Write::Record(record) if wanted(record)))
}

fn params(key: &PrivateKey) -> Params {
    Params {
        key: key.public_key(),
        next_key: None,
        network: Network::Testnet,
        chain_id: ChainId::TESTNET,
        server_version: "test".to_owned(),
        timeouts: Timeouts::default(),
        validate_with_replay_tx: false,
        reset_replay_set_after_fork_blocks: DEFAULT_REPLAY_BLOCKS,
        is_dry_run: false,
    }
}
