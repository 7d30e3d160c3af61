//! A signer of few lines: it signs whatever its node finds valid.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use countersign_devnet::{Devnet, DevnetConfig};
use countersign_wire::event::{ProposalResponse, StackerDbChunks};
use countersign_wire::message::{BlockAccepted, BlockResponse, ResponseData, SignerMessage};
use countersign_wire::stackerdb::{Chunk, Lane, SignersContract};
use countersign_wire::{
    PrivateKey, PublicKey, RewardCycle, Sighash, SlotId, SlotVersion, UnixSeconds, Wire as _,
};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::http;

/// Listens to its node's callbacks, has proposals validated and signs the valid ones.
pub(crate) struct FakeSigner {
    key: PrivateKey,
    node: SocketAddr,
    password: String,
    cycles: BTreeMap<Sighash, RewardCycle>,
    version: u32,
}

impl FakeSigner {
    /// Plays signer `index` of a devnet until the task is aborted.
    pub(crate) async fn start(
        devnet: &Devnet,
        config: &DevnetConfig,
        index: usize,
    ) -> JoinHandle<()> {
        let place = devnet.place(index).unwrap();
        let signer = Self {
            key: config.signer_key(index),
            node: place.node.parse().unwrap(),
            password: config.auth_password(),
            cycles: BTreeMap::new(),
            version: 0,
        };
        let endpoint: SocketAddr = place.endpoint.parse().unwrap();
        let listener = TcpListener::bind(endpoint).await.unwrap();
        tokio::spawn(signer.run(listener))
    }

    async fn run(mut self, listener: TcpListener) {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let Some((head, body)) = http::read_request(&mut stream).await else { continue };
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            if stream.write_all(answer).await.is_err() {
                continue;
            }
            drop(stream);
            match head.split(' ').nth(1).unwrap() {
                "/stackerdb_chunks" => self.on_chunks(&body).await,
                "/proposal_response" => self.on_verdict(&body).await,
                _ => {}
            }
        }
    }

    async fn on_chunks(&mut self, body: &[u8]) {
        let event: StackerDbChunks = serde_json::from_slice(body).unwrap();
        if event.contract_id.name != "miners" {
            return;
        }
        for chunk in event.modified_slots {
            let Ok(SignerMessage::BlockProposal(proposal)) =
                SignerMessage::from_chunk_data(&chunk.data)
            else {
                continue;
            };
            self.cycles.insert(proposal.block.sighash(), proposal.reward_cycle);
            let request = json!({
                "block": hex::encode(proposal.block.to_bytes()),
                "chain_id": 0x8000_0000_u32,
                "replay_txs": null,
            });
            let headers =
                [("Content-Type", "application/json"), ("authorization", self.password.as_str())];
            let body = request.to_string();
            // While the node validates another block this one goes unanswered, until the miner
            // proposes it again.
            let answer =
                http::send(self.node, "POST", "/v3/block_proposal", &headers, body.as_bytes());
            assert!([202, 429].contains(&answer.await.status));
        }
    }

    async fn on_verdict(&mut self, body: &[u8]) {
        let ok = match serde_json::from_slice(body).unwrap() {
            ProposalResponse::Ok(ok) => ok,
            ProposalResponse::Reject(refusal) => panic!("a valid block is rejected: {refusal:?}"),
        };
        let cycle = self.cycles[&ok.sighash];
        let Some(slot) = self.slot_in(cycle).await else { return };
        let message = SignerMessage::BlockResponse(BlockResponse::Accepted(BlockAccepted {
            sighash: ok.sighash,
            signature: self.key.sign(ok.sighash.as_bytes()),
            server_version: "fake".to_owned(),
            data: ResponseData::current(
                UnixSeconds::new(0),
                countersign_wire::message::RejectReason::NotRejected,
                UnixSeconds::new(0),
                None,
            ),
        }));
        self.version += 1;
        let chunk =
            Chunk::sign(&self.key, slot, SlotVersion::new(self.version), message.to_bytes());
        let name = SignersContract::new(cycle, Lane::Responses).name();
        let path = format!("/v2/stackerdb/ST000000000000000000002AMW42H/{name}/chunks");
        let answer =
            http::post_json(self.node, &path, &serde_json::to_value(&chunk).unwrap()).await;
        assert_eq!(answer.json()["accepted"], true, "{}", answer.json());
    }

    async fn slot_in(&self, cycle: RewardCycle) -> Option<SlotId> {
        let answer = http::get(self.node, &format!("/v3/stacker_set/{cycle}")).await.json();
        let signers = answer["stacker_set"]["signers"].as_array().unwrap().clone();
        let own: PublicKey = self.key.public_key();
        let index = signers.iter().position(|signer| signer["signing_key"] == own.to_string())?;
        Some(SlotId::new(u32::try_from(index).unwrap()))
    }
}
