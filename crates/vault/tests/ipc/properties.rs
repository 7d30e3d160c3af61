//! The three generated tests for every type of the protocol.

use countersign_vault::ipc::{Answer, Call, Hello, Parcel, Refusal, Reply, Request, RequestKind};
use countersign_vault::{
    AcceptanceRequest, ChunkRequest, JournalStatus, Mark, Override, RejectionRequest,
    SipVoteRequest, Span, StackingRequest, StakingGrantRequest,
};

use crate::strategies as any_of;
use crate::support::wire_properties;

wire_properties! {
    hello: Hello = any_of::hello(), canonical;
    request_kind: RequestKind = any_of::request_kind(), canonical;
    acceptance: AcceptanceRequest = any_of::acceptance(), canonical;
    named_override: Override = any_of::named_override(), canonical;
    rejection: RejectionRequest = any_of::rejection(), canonical;
    // Holds a message, which may read more than it writes.
    chunk: ChunkRequest = any_of::chunk(), tolerant;
    staking_grant: StakingGrantRequest = any_of::staking_grant(), canonical;
    stacking: StackingRequest = any_of::stacking(), canonical;
    sip_vote: SipVoteRequest = any_of::sip_vote(), canonical;
    mark: Mark = any_of::mark(), canonical;
    span: Span = any_of::span(), canonical;
    parcel: Parcel = any_of::parcel(), canonical;
    journal_status: JournalStatus = any_of::journal_status(), canonical;
    // Hold the message above.
    request: Request = any_of::request(), tolerant;
    call: Call = any_of::call(), tolerant;
    answer: Answer = any_of::answer(), canonical;
    refusal: Refusal = any_of::refusal(), canonical;
    reply: Reply = any_of::reply(), canonical;
}
