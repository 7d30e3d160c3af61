//! The two read-only functions of `.signers` that a signer calls (`signer-wire.md` section 6.10).

use countersign_wire::clarity::{ClarityValue, Principal};
use countersign_wire::rpc::{CallReadRequest, CallReadResponse};
use countersign_wire::{Network, SignerSet, StacksAddress, Wire as _};

use super::Endpoint;
use super::reply::Reply;
use super::request::Accepted;
use crate::shared::{SharedChain, Stopped};

/// `POST /v2/contracts/call-read/{address}/{contract}/{function}`.
pub(super) async fn call(
    endpoint: &Endpoint,
    request: &Accepted,
    address: &str,
    contract: &str,
    function: &str,
) -> Result<Reply, Stopped> {
    let Ok(call) = serde_json::from_slice::<CallReadRequest>(&request.body) else {
        return Ok(Reply::bad_request("the body is not a call"));
    };
    let arguments: Option<Vec<ClarityValue>> =
        call.arguments.iter().map(|argument| decode(argument)).collect();
    let is_boot = address.parse::<StacksAddress>().is_ok_and(|address| address.is_boot());
    let node = endpoint.node;
    let result = match (is_boot, contract, function, arguments.as_deref()) {
        (true, "signers", "get-last-set-cycle", Some([])) => {
            endpoint.chain.ask(move |shared| Some(last_set_cycle(shared, node))).await?
        }
        (true, "signers", "stackerdb-get-signer-slots-page", Some([ClarityValue::UInt(page)])) => {
            let page = *page;
            endpoint.chain.ask(move |shared| slots(shared, node, page)).await?
        }
        _ => None,
    };
    Ok(Reply::json(&match result {
        Some(value) => CallReadResponse {
            okay: true,
            result: Some(format!("0x{}", hex::encode(value.to_bytes()))),
            cause: None,
        },
        None => CallReadResponse {
            okay: false,
            result: None,
            cause: Some("no such function, or the arguments do not fit".to_owned()),
        },
    }))
}

fn decode(argument: &str) -> Option<ClarityValue> {
    let bytes = hex::decode(argument.strip_prefix("0x").unwrap_or(argument)).ok()?;
    ClarityValue::from_prefix(&bytes).ok()
}

fn last_set_cycle(shared: &SharedChain, node: usize) -> ClarityValue {
    let cycle = shared.seen_by(node).last_set_cycle();
    ClarityValue::Ok(Box::new(ClarityValue::UInt(cycle.get().into())))
}

/// The slots of the newest cycle with this parity.
fn slots(shared: &SharedChain, node: usize, page: u128) -> Option<ClarityValue> {
    let chain = shared.seen_by(node);
    let last = chain.last_set_cycle();
    let cycle = if u128::from(last.parity()) == page {
        last
    } else {
        countersign_wire::RewardCycle::new(last.get().checked_sub(1)?)
    };
    if u128::from(cycle.parity()) != page {
        return None;
    }
    Some(slot_list(&*chain.stacker_set(cycle)?))
}

fn slot_list(set: &SignerSet) -> ClarityValue {
    let slots = set.signers().iter().map(|signer| {
        let address = StacksAddress::single_sig(Network::Testnet, &signer.key);
        ClarityValue::tuple([
            ("num-slots", ClarityValue::UInt(1)),
            ("signer", ClarityValue::Principal(Principal::Standard(address))),
        ])
    });
    ClarityValue::Ok(Box::new(ClarityValue::List(slots.collect())))
}
