//! Every answer of the node's RPC that a signer reads.

#![no_main]

use countersign_fuzz::json;
use countersign_wire::block::Epoch2Header;
use countersign_wire::rpc::{
    AccountResponse, BlockUploadResponse, CallReadResponse, LatestAndLast, NodeInfo, PoxInfo,
    Sortition, StackerSetRefusal, StackerSetResponse, TenureForkInfo, TenureTipResponse,
};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    json::<NodeInfo>(data);
    json::<PoxInfo>(data);
    json::<AccountResponse>(data);
    json::<BlockUploadResponse>(data);
    json::<Epoch2Header>(data);
    json::<TenureTipResponse>(data);
    json::<StackerSetRefusal>(data);
    if let Ok(set) = serde_json::from_slice::<StackerSetResponse>(data) {
        let _ = set.stacker_set.signer_set();
    }
    json::<Vec<Sortition>>(data);
    json::<LatestAndLast>(data);
    if let Ok(tenures) = serde_json::from_slice::<Vec<TenureForkInfo>>(data) {
        for tenure in tenures {
            let _ = tenure.blocks();
        }
    }
    if let Ok(answer) = serde_json::from_slice::<CallReadResponse>(data) {
        let _ = (answer.value(), answer.last_set_cycle(), answer.signer_slots());
    }
});
