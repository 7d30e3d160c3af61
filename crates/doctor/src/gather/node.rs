//! What the Stacks node answers, each question within a limit.

use std::time::{Duration, Instant};

use countersign_node::{
    AuthPassword, ClientTls, Deadlines, NodeClient, NodeConfig, NodeError, PasswordAnswer,
    TlsSettings,
};
use countersign_ops::report::describe;
use countersign_wire::clarity::ContractId;
use countersign_wire::rpc::{NodeInfo as Answered, PoxInfo, StackerSet};
use countersign_wire::{PublicKey, RewardCycle, StacksAddress};

use crate::facts::{
    AuthAnswer, Confirmation, Health, NodeInfo, NodeState, PoxState, Seat, SignerConfig, SignerSet,
};
use crate::grade::{Fact, Unknown};

/// What is needed to ask.
pub(super) struct Asker<'a> {
    pub(super) signer: &'a SignerConfig,
    pub(super) password: &'a AuthPassword,
    pub(super) tls: Option<&'a TlsSettings>,
    pub(super) manager: Option<&'a ContractId>,
    pub(super) patience: Duration,
}

pub(super) async fn gather(asker: &Asker<'_>) -> NodeState {
    let client = match client(asker, asker.password) {
        Ok(client) => client,
        Err(unknown) => return nothing(&unknown),
    };
    let info = match client.info().await.map_err(why) {
        Ok(info) => info,
        // Who does not answer the simplest question is not asked the others.
        Err(unknown) => return nothing(&unknown),
    };
    let (rtt, health, pox, good, bad, balance, manager) = tokio::join!(
        rtt(&client),
        health(&client),
        async { client.pox().await.map_err(why) },
        async { client.probe_password().await.map(heard).map_err(why) },
        another(asker),
        balance(&client, asker.signer),
        manager(&client, asker.manager),
    );
    let (current, next) = match &pox {
        Ok(pox) => {
            let cycle = pox.cycle_of(info.burn_block_height).get();
            tokio::join!(set(&client, asker, cycle), set(&client, asker, cycle.saturating_add(1)))
        }
        Err(unknown) => (Err(unknown.clone()), Err(unknown.clone())),
    };
    let current = current.and_then(|set| {
        set.ok_or_else(|| Unknown::because("the node does not know who signs in this cycle"))
    });
    let pox = pox.map(|pox| place(&pox, &info));
    NodeState {
        info: Ok(shown(info)),
        rtt,
        health,
        pox,
        current,
        next,
        with_password: good,
        with_another: bad,
        balance,
        manager,
    }
}

/// Nothing is known of the node for one reason, which only the first check tells at length.
pub(super) fn nothing(unknown: &Unknown) -> NodeState {
    fn none<T>(unknown: &Unknown) -> Fact<T> {
        Err(match unknown {
            Unknown::NotHere(_) => unknown.clone(),
            Unknown::Unmeasured { .. } => {
                Unknown::because("the node does not answer (node-answers)")
            }
        })
    }
    NodeState {
        info: Err(unknown.clone()),
        rtt: none(unknown),
        health: none(unknown),
        pox: none(unknown),
        current: none(unknown),
        next: none(unknown),
        with_password: none(unknown),
        with_another: none(unknown),
        balance: none(unknown),
        manager: none(unknown),
    }
}

fn client(asker: &Asker<'_>, password: &AuthPassword) -> Fact<NodeClient> {
    let tls = asker.tls.map(ClientTls::load).transpose();
    let tls = tls.map_err(|error| Unknown::because(chain(&error)))?;
    NodeClient::new(NodeConfig {
        host: asker.signer.node_host.clone(),
        tls,
        auth_password: password.clone(),
        boot: asker.signer.network,
        deadlines: Deadlines {
            connect: asker.patience,
            call: asker.patience,
            stackerdb: asker.patience,
        },
        observer: None,
    })
    .map_err(|error| Unknown::because(chain(&error)))
}

/// An error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    crate::shell::shown(&describe(error))
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn why(error: NodeError) -> Unknown {
    Unknown::because(chain(&error))
}

fn shown(info: Answered) -> NodeInfo {
    NodeInfo {
        version: info.server_version,
        chain_id: info.network_id.get(),
        burn_height: info.burn_block_height.get(),
        stacks_height: info.stacks_tip_height.get(),
        is_synced: info.is_fully_synced,
        stackerdbs: info.stackerdbs,
    }
}

/// The shortest of three exchanges on an open connection.
async fn rtt(client: &NodeClient) -> Fact<Duration> {
    let mut shortest = Duration::MAX;
    for _ in 0..3 {
        let started = Instant::now();
        client.info().await.map_err(why)?;
        shortest = shortest.min(started.elapsed());
    }
    Ok(shortest)
}

async fn health(client: &NodeClient) -> Fact<Health> {
    let health = client.health().await.map_err(|error| match error {
        NodeError::Refused { status: 404, .. } => {
            Unknown::not_here("the node has no /v3/health (it does since 3.1)")
        }
        error => why(error),
    })?;
    Ok(Health { behind: health.difference_from_max_peer })
}

const fn heard(answer: PasswordAnswer) -> AuthAnswer {
    match answer {
        PasswordAnswer::Taken => AuthAnswer::Accepted,
        PasswordAnswer::Refused => AuthAnswer::Refused,
        PasswordAnswer::Other(status) => AuthAnswer::Other(status),
    }
}

/// The same question with a password that nobody has.
async fn another(asker: &Asker<'_>) -> Fact<AuthAnswer> {
    let client = client(asker, &AuthPassword::new("countersign-doctor-asks-without-a-password"))?;
    client.probe_password().await.map(heard).map_err(why)
}

async fn balance(client: &NodeClient, signer: &SignerConfig) -> Fact<u128> {
    let key = signer.public_key.ok_or_else(|| Unknown::because("the public key is sealed"))?;
    let account =
        client.account(&StacksAddress::single_sig(signer.network, &key)).await.map_err(why)?;
    let digits = account.balance.trim_start_matches("0x");
    u128::from_str_radix(digits, 16)
        .map_err(|_| Unknown::because("the node's answer has no balance"))
}

async fn manager(client: &NodeClient, manager: Option<&ContractId>) -> Fact<Confirmation> {
    let manager = manager
        .ok_or_else(|| Unknown::not_here("the signer-manager was not named (--signer-manager)"))?;
    let key = client.manager_key(manager).await.map_err(why)?;
    Ok(Confirmation { manager: manager.to_string(), key })
}

async fn set(client: &NodeClient, asker: &Asker<'_>, cycle: u64) -> Fact<Option<SignerSet>> {
    let set = client.stacker_set(RewardCycle::new(cycle)).await.map_err(why)?;
    let Some(set) = set else { return Ok(None) };
    let key = asker.signer.public_key.ok_or_else(|| {
        Unknown::but("the public key is sealed", "add the public key beside the sealed one")
    })?;
    Ok(Some(seats(set, cycle, &key)))
}

fn seats(set: StackerSet, cycle: u64, key: &PublicKey) -> SignerSet {
    let signers = set.signers.unwrap_or_default();
    let ours = signers.iter().find(|signer| signer.signing_key == *key);
    SignerSet {
        cycle,
        ours: ours.map(|signer| Seat { weight: signer.weight.get().into() }),
        weights: signers.iter().map(|signer| signer.weight.get().into()).collect(),
    }
}

/// The prepare phase is the end of a cycle; the next signers are those of its beginning.
fn place(pox: &PoxInfo, info: &Answered) -> PoxState {
    let height = info.burn_block_height.get();
    let length = pox.cycle_length().max(1);
    let position = height.saturating_sub(pox.first_burnchain_block_height.get()) % length;
    let reward = length.saturating_sub(pox.prepare_phase_block_length);
    PoxState {
        cycle: pox.cycle_of(info.burn_block_height).get(),
        epoch: pox.current_epoch.clone(),
        until_prepare: reward.saturating_sub(position),
        until_next: length.saturating_sub(position),
    }
}
