//! One recorded network: what was said, and who its members are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use countersign_wire::event::StackerDbChunks;
use countersign_wire::hash::sha256;
use countersign_wire::message::SignerMessage;
use countersign_wire::rpc::{BlockValidationRequest, Sortition, Winner};
use countersign_wire::stackerdb::Chunk;
use countersign_wire::{
    ConsensusHash, NakamotoBlock, PrivateKey, Sighash, Signer, SignerSet, Weight, Wire,
};
use serde_json::Value;

/// All four networks, each read once.
pub(crate) static NETWORKS: LazyLock<Vec<Network>> = LazyLock::new(|| {
    [
        "miner_gather_signatures",
        "mock_sign_epoch_25",
        "problematic_txs",
        "tenure_extend_after_idle_signers",
    ]
    .map(Network::load)
    .into()
});

/// A recording.
pub(crate) struct Network {
    /// What the recording is called.
    pub(crate) name: &'static str,
    /// Everything in the order of time.
    pub(crate) lines: Vec<Value>,
    /// Examples of requests and answers by endpoint and status.
    pub(crate) examples: BTreeMap<String, Vec<Value>>,
}

impl Network {
    fn load(name: &'static str) -> Self {
        let path = |suffix: &str| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/recordings");
            format!("{folder}/{name}.{suffix}")
        };
        let lines = std::fs::read_to_string(path("jsonl")).unwrap();
        let lines = lines.lines().skip(1).map(|line| serde_json::from_str(line).unwrap());
        let examples = std::fs::read_to_string(path("rpc.json")).unwrap();
        let mut examples: Value = serde_json::from_str(&examples).unwrap();
        let examples = serde_json::from_value(examples["examples"].take()).unwrap();
        Self { name, lines: lines.collect(), examples }
    }

    /// Bodies that the node posted to `path`.
    pub(crate) fn events<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Value> {
        self.lines
            .iter()
            .filter(move |line| line["kind"] == "event" && line["path"] == path)
            .map(|line| &line["body"])
    }

    /// Requests with this method whose path starts so.
    pub(crate) fn requests<'a>(
        &'a self,
        method: &'a str,
        path: &'a str,
    ) -> impl Iterator<Item = &'a Value> {
        self.lines.iter().filter(move |line| {
            line["kind"] == "rpc"
                && line["method"] == method
                && text(&line["path"]).starts_with(path)
        })
    }

    /// Every chunk that was written or announced, with the name of its contract.
    pub(crate) fn chunks(&self) -> Vec<(String, Chunk)> {
        let announced = self.events("/stackerdb_chunks").flat_map(|body| {
            let event: StackerDbChunks = serde_json::from_value(body.clone()).unwrap();
            let name = event.contract_id.name;
            event.modified_slots.into_iter().map(move |chunk| (name.clone(), chunk))
        });
        let written = self.requests("POST", "/v2/stackerdb/").map(|line| {
            let contract = text(&line["path"]).split('/').nth(4).unwrap();
            (contract.to_owned(), serde_json::from_value(line["request"].clone()).unwrap())
        });
        announced.chain(written).collect()
    }

    /// Every message in a chunk, with the chunk.
    pub(crate) fn messages(&self) -> Vec<(Chunk, SignerMessage)> {
        let messages = self.chunks().into_iter().map(|(_, chunk)| {
            let message = SignerMessage::from_bytes(&chunk.data).unwrap();
            (chunk, message)
        });
        messages.collect()
    }

    /// Blocks as they were proposed to the node, proposed in a slot, pushed in a slot and uploaded.
    pub(crate) fn blocks(&self) -> Vec<NakamotoBlock> {
        let validated = self.requests("POST", "/v3/block_proposal").map(|line| {
            let request: BlockValidationRequest =
                serde_json::from_value(line["request"].clone()).unwrap();
            let BlockValidationRequest { block, .. } = request;
            NakamotoBlock::from_bytes(&block).unwrap()
        });
        let uploaded = self.requests("POST", "/v3/blocks/upload/").map(|line| {
            NakamotoBlock::from_bytes(&hex::decode(text(&line["request"])).unwrap()).unwrap()
        });
        let in_slots = self.messages().into_iter().filter_map(|(_, message)| match message {
            SignerMessage::BlockProposal(proposal) => Some(proposal.block),
            SignerMessage::BlockPushed(block) => Some(*block),
            _ => None,
        });
        validated.chain(uploaded).chain(in_slots).collect()
    }

    /// Hashes of all blocks.
    pub(crate) fn sighashes(&self) -> BTreeSet<Sighash> {
        self.blocks().iter().map(NakamotoBlock::sighash).collect()
    }

    /// Every sortition that the node told about, by its consensus hash.
    pub(crate) fn winners(&self) -> BTreeMap<ConsensusHash, Winner> {
        let told = self.requests("GET", "/v3/sortitions/");
        told.flat_map(|line| {
            serde_json::from_value::<Vec<Sortition>>(line["response"].clone()).unwrap()
        })
        .filter_map(|sortition| Some((sortition.consensus_hash, sortition.winner()?)))
        .collect()
    }
}

/// The signers of every cycle of every recording, in the order of their slots.
pub(crate) fn signer_set() -> SignerSet {
    let signers = [4, 1, 0, 2, 3].map(|index| {
        let secret = sha256(&[format!("signer_{index}_").as_bytes()]);
        let key = PrivateKey::from_bytes(secret).unwrap().public_key();
        Signer { key, weight: Weight::new(6) }
    });
    assert!(signers.is_sorted_by_key(|signer| signer.key));
    SignerSet::new(signers.into()).unwrap()
}

/// The text of a JSON value that must be one.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not text"))
}

/// `T` reads `json` and writes the same.
pub(crate) fn assert_same<T: serde::Serialize + serde::de::DeserializeOwned>(json: &Value) -> T {
    let read = |json: &Value| {
        serde_json::from_value::<T>(json.clone()).unwrap_or_else(|error| panic!("{error}: {json}"))
    };
    let value = read(json);
    assert_eq!(serde_json::to_value(&value).unwrap(), *json);
    value
}
