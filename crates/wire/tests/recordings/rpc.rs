//! The node's RPC.

use countersign_wire::message::SignerMessage;
use countersign_wire::quantity::{BurnHeight, RewardCycle};
use countersign_wire::rpc::{
    AccountResponse, CallReadRequest, CallReadResponse, LAST_SET_CYCLE_FUNCTION, LatestAndLast,
    NodeInfo, PoxInfo, SIGNER_SLOTS_FUNCTION, Sortition, StackerSetRefusal, StackerSetResponse,
    TenureForkInfo, TenureTipResponse,
};
use countersign_wire::{ChainId, Network, StacksAddress, Wire};
use serde_json::Value;

use crate::network::{NETWORKS, assert_same, signer_set, text};

#[test]
fn sortitions_are_read_and_written_as_the_node_writes_them() {
    let mut views = 0;
    for line in NETWORKS.iter().flat_map(|network| network.requests("GET", "/v3/sortitions/")) {
        for sortition in line["response"].as_array().unwrap() {
            assert_same::<Sortition>(sortition);
        }
        if text(&line["path"]).ends_with("/latest_and_last") {
            let view: LatestAndLast = assert_same(&line["response"]);
            let latest = view.latest.winner().unwrap();
            assert_eq!(latest.last_sortition, view.last.map(|last| last.consensus_hash));
            views += 1;
        }
    }
    assert!(views > 1000, "{views}");
}

#[test]
fn tenure_tips_are_read_and_written_as_the_node_writes_them() {
    let (mut nakamoto, mut epoch2) = (0, 0);
    for line in NETWORKS.iter().flat_map(|network| network.requests("GET", "/v3/tenures/tip_")) {
        let response: TenureTipResponse = assert_same(&line["response"]);
        let tenure = text(&line["path"]).rsplit('/').next().unwrap().parse().unwrap();
        let tip = response.tip(&tenure);
        match tip.sighash {
            Some(_) => nakamoto += 1,
            None => epoch2 += 1,
        }
        assert_eq!(tip.sighash.is_some(), tip.burn_view.is_some());
    }
    assert!(nakamoto > 500 && epoch2 > 500, "{nakamoto} {epoch2}");
}

#[test]
fn fork_infos_lead_back_from_one_tenure_to_its_ancestor() {
    let mut infos = 0;
    for line in NETWORKS.iter().flat_map(|network| network.requests("GET", "/v3/tenures/fork_")) {
        let tenures = line["response"].as_array().unwrap();
        let tenures: Vec<TenureForkInfo> = tenures.iter().map(assert_same).collect();
        let path: Vec<_> = text(&line["path"]).rsplit('/').take(2).collect();
        let [stop, start] = path[..] else { panic!("{path:?}") };
        assert_eq!(tenures.first().unwrap().consensus_hash, stop.parse().unwrap());
        assert_eq!(tenures.last().unwrap().consensus_hash, start.parse().unwrap());
        assert!(tenures.is_sorted_by_key(|tenure| std::cmp::Reverse(tenure.burn_block_height)));
        assert!(tenures.iter().all(|tenure| tenure.blocks() == Ok(None)));
        infos += 1;
    }
    assert!(infos >= 10, "{infos}");
}

#[test]
fn slots_hold_messages_or_nothing() {
    let (mut written, mut empty) = (0, 0);
    for line in NETWORKS.iter().flat_map(|network| network.requests("GET", "/v2/stackerdb/")) {
        let data = hex::decode(text(&line["response"])).unwrap();
        if data.is_empty() {
            empty += 1;
        } else {
            assert_eq!(SignerMessage::from_chunk_data(&data).unwrap().to_bytes(), data);
            written += 1;
        }
    }
    assert!(written > 300 && empty > 50, "{written} {empty}");
}

#[test]
fn calls_tell_the_cycle_and_the_slots_of_the_signers() {
    let set = signer_set();
    let address = |signer: &countersign_wire::Signer| {
        StacksAddress::single_sig(Network::Testnet, &signer.key)
    };
    let owners: Vec<_> = set.signers().iter().map(address).collect();
    let (mut cycles, mut slots) = (0, 0);
    let calls = NETWORKS.iter().flat_map(|network| network.requests("POST", "/v2/contracts/"));
    for line in calls {
        let request: CallReadRequest = assert_same(&line["request"]);
        let response: CallReadResponse = assert_same(&line["response"]);
        let sender = request.sender.parse().unwrap();
        let function = text(&line["path"]).rsplit('/').next().unwrap();
        if function == LAST_SET_CYCLE_FUNCTION {
            assert_eq!(request, CallReadRequest::last_set_cycle(&sender));
            let cycle = response.last_set_cycle().unwrap();
            assert_eq!(response, CallReadResponse::of_last_set_cycle(cycle));
            assert!((11..=14).contains(&cycle.get()), "{cycle}");
            cycles += 1;
        } else {
            assert_eq!(function, SIGNER_SLOTS_FUNCTION);
            let cycle = RewardCycle::new(request.arguments[0].ends_with('1').into());
            assert_eq!(request, CallReadRequest::signer_slots(&sender, cycle));
            let told = response.signer_slots().unwrap();
            assert_eq!(told, owners);
            assert_eq!(response, CallReadResponse::of_signer_slots(&told));
            slots += 1;
        }
    }
    assert!(cycles >= 20 && slots >= 20, "{cycles} {slots}");
}

/// The status of an example is the last word of its name.
fn examples(endpoint: &str, status: &str) -> Vec<&'static Value> {
    let named = NETWORKS.iter().flat_map(|network| &network.examples);
    let named = named.filter(|(name, _)| name.starts_with(endpoint) && name.ends_with(status));
    let bodies: Vec<_> =
        named.flat_map(|(_, list)| list).map(|one| &one["response_body"]).collect();
    assert!(!bodies.is_empty(), "{endpoint} {status}");
    bodies
}

fn read<T: serde::de::DeserializeOwned>(json: &Value) -> T {
    serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{error}: {json}"))
}

#[test]
fn the_node_tells_its_tips() {
    for body in examples("GET /v2/info", "200") {
        let info: NodeInfo = read(body);
        assert_eq!(info.network_id, ChainId::TESTNET);
        assert!(info.stackerdbs.is_some() && info.is_fully_synced.is_some());
        let written = serde_json::to_value(&info).unwrap();
        for (key, value) in written.as_object().unwrap() {
            assert_eq!(*value, body[key], "{key}");
        }
    }
}

#[test]
fn the_node_tells_the_lengths_of_cycles() {
    for body in examples("GET /v2/pox", "200") {
        let pox: PoxInfo = read(body);
        assert_eq!(pox.cycle_length(), 20);
        assert_eq!(pox.cycle_of(pox.current_burnchain_block_height).get(), pox.reward_cycle_id);
        let next = &body["next_cycle"];
        let prepare = BurnHeight::new(next["prepare_phase_start_block_height"].as_u64().unwrap());
        assert!(pox.is_prepare_phase(prepare));
        assert!(!pox.is_prepare_phase(BurnHeight::new(prepare.get() - 1)));
    }
}

#[test]
fn the_node_tells_the_signers_of_a_cycle() {
    for body in examples("GET /v3/stacker_set/", "200") {
        let response: StackerSetResponse = read(body);
        let set = response.stacker_set.signer_set().unwrap();
        let keys = |set: &countersign_wire::SignerSet| {
            set.signers().iter().map(|signer| signer.key).collect::<Vec<_>>()
        };
        assert_eq!(keys(&set), keys(&signer_set()));
    }
    let refusals = examples("GET /v3/stacker_set/", "400");
    let refusals: Vec<StackerSetRefusal> = refusals.into_iter().map(assert_same).collect();
    assert!(refusals.iter().any(StackerSetRefusal::is_not_available_yet));
    assert!(!refusals.iter().all(StackerSetRefusal::is_not_available_yet));
}

#[test]
fn the_node_tells_a_balance() {
    for body in examples("GET /v2/accounts/", "200") {
        let account: AccountResponse = assert_same(body);
        assert!(account.balance.starts_with("0x"));
    }
}
