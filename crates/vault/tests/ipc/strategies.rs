//! Any value of each type of the protocol.

use std::time::Duration;

use countersign_vault::ipc::{Answer, Call, Hello, Parcel, Refusal, Reply, Request, RequestKind};
use countersign_vault::{
    AcceptanceRequest, ChunkRequest, Imported, JournalExport, JournalStatus, Mark, Override,
    OverrideRule, RejectionRequest, SipVoteRequest, Span, StackingRequest, StakingGrantRequest,
    Standing,
};
use countersign_wire::sip018::{Pox4Authorization, Pox4Topic, PoxAddress};
use countersign_wire::stackerdb::{Lane, SignersContract};
use countersign_wire::{
    BurnHeight, PrivateKey, PublicKey, SlotId, SlotVersion, StacksHeight, UnixSeconds,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::strategies_consensus::{
    block_header, chain_id, consensus_hash, principal, signature,
};
use crate::support::strategies_messages::{mock_proposal, sighash, signer_message};

fn seconds() -> impl Strategy<Value = UnixSeconds> {
    any::<u64>().prop_map(UnixSeconds::new)
}

fn height() -> impl Strategy<Value = StacksHeight> {
    any::<u64>().prop_map(StacksHeight::new)
}

fn lane() -> impl Strategy<Value = Lane> {
    select(Lane::ALL.to_vec())
}

pub(crate) fn public_key() -> impl Strategy<Value = PublicKey> {
    (1..=0xfe_u8).prop_map(|byte| PrivateKey::from_bytes([byte; 32]).unwrap().public_key())
}

pub(crate) fn hello() -> impl Strategy<Value = Hello> {
    prop_oneof![
        (any::<u16>(), vec(public_key(), 0..3))
            .prop_map(|(protocol, keys)| Hello::Welcome { protocol, keys }),
        any::<u32>().prop_map(|uid| Hello::Stranger { uid }),
    ]
}

pub(crate) fn request_kind() -> impl Strategy<Value = RequestKind> {
    select(RequestKind::ALL.to_vec())
}

pub(crate) fn named_override() -> impl Strategy<Value = Override> {
    let rules = vec![OverrideRule::Stale, OverrideRule::NotLive, OverrideRule::Permitted];
    (sighash(), select(rules)).prop_map(|(sighash, rule)| Override { sighash, rule })
}

pub(crate) fn acceptance() -> impl Strategy<Value = AcceptanceRequest> {
    (block_header(), any::<u64>(), vec(named_override(), 0..4), seconds()).prop_map(
        |(header, burn_height, overriding, at)| AcceptanceRequest {
            header: Box::new(header),
            burn_height: BurnHeight::new(burn_height),
            overriding,
            at,
        },
    )
}

pub(crate) fn rejection() -> impl Strategy<Value = RejectionRequest> {
    (sighash(), chain_id(), seconds()).prop_map(|(sighash, chain_id, at)| RejectionRequest {
        sighash,
        chain_id,
        at,
    })
}

pub(crate) fn chunk() -> impl Strategy<Value = ChunkRequest> {
    (0..=1_u8, lane(), any::<u32>(), any::<u32>(), signer_message()).prop_map(
        |(parity, lane, slot, version, message)| ChunkRequest {
            contract: SignersContract { parity, lane },
            slot_id: SlotId::new(slot),
            slot_version: SlotVersion::new(version),
            message,
        },
    )
}

pub(crate) fn staking_grant() -> impl Strategy<Value = StakingGrantRequest> {
    (principal(), any::<u128>(), chain_id())
        .prop_map(|(manager, auth_id, chain_id)| StakingGrantRequest { manager, auth_id, chain_id })
}

pub(crate) fn stacking() -> impl Strategy<Value = StackingRequest> {
    let topics = vec![
        Pox4Topic::StackStx,
        Pox4Topic::AggregationCommit,
        Pox4Topic::AggregationIncrease,
        Pox4Topic::StackExtend,
        Pox4Topic::StackIncrease,
    ];
    let address = (any::<u8>(), vec(any::<u8>(), 0..=32))
        .prop_map(|(version, hash_bytes)| PoxAddress { version, hash_bytes });
    let authorization = (address, any::<[u128; 4]>(), select(topics)).prop_map(
        |(pox_address, [reward_cycle, period, max_amount, auth_id], topic)| Pox4Authorization {
            pox_address,
            reward_cycle,
            topic,
            period,
            max_amount,
            auth_id,
        },
    );
    (authorization, chain_id())
        .prop_map(|(authorization, chain_id)| StackingRequest { authorization, chain_id })
}

pub(crate) fn sip_vote() -> impl Strategy<Value = SipVoteRequest> {
    (any::<u32>(), any::<bool>()).prop_map(|(sip, is_yes)| SipVoteRequest { sip, is_yes })
}

pub(crate) fn mark() -> impl Strategy<Value = Mark> {
    (sighash(), height(), consensus_hash(), seconds())
        .prop_map(|(sighash, height, tenure, at)| Mark { sighash, height, tenure, at })
}

pub(crate) fn span() -> impl Strategy<Value = Span> {
    (consensus_hash(), height(), height(), any::<u64>())
        .prop_map(|(tenure, lowest, highest, blocks)| Span { tenure, lowest, highest, blocks })
}

fn burn_height() -> impl Strategy<Value = BurnHeight> {
    any::<u64>().prop_map(BurnHeight::new)
}

/// The parts of an export, which need not belong together.
pub(crate) fn export() -> impl Strategy<Value = JournalExport> {
    let limits = (option::of(burn_height()), option::of(height()));
    let lists = (vec(span(), 0..4), vec(mark(), 0..4), option::of(signature()));
    (public_key(), seconds(), standing(), limits, any::<[u64; 2]>(), lists).prop_map(
        |(public_key, created_at, standing, (hold, floor), counters, lists)| {
            let ([records, openings], (spans, acceptances, proof)) = (counters, lists);
            JournalExport {
                public_key,
                created_at,
                standing,
                hold,
                floor,
                records,
                openings,
                spans,
                acceptances,
                proof,
            }
        },
    )
}

pub(crate) fn parcel() -> impl Strategy<Value = Parcel> {
    (any::<[u32; 3]>(), export()).prop_map(|([number, span_count, mark_count], piece)| Parcel {
        number,
        span_count,
        mark_count,
        piece,
    })
}

pub(crate) fn journal_status() -> impl Strategy<Value = JournalStatus> {
    let limits = (option::of(burn_height()), option::of(height()), option::of(height()));
    let times = (any::<u64>(), option::of(seconds()), any::<bool>());
    (public_key(), standing(), limits, any::<[u64; 4]>(), times).prop_map(
        |(public_key, standing, (hold, floor, highest), counters, (wait, last, is_clean))| {
            let [records, remembered, rejections, openings] = counters;
            JournalStatus {
                public_key,
                standing,
                hold,
                wait: Duration::from_secs(wait),
                floor,
                records,
                remembered,
                rejections,
                openings,
                highest,
                last_signed_at: last,
                is_clean,
            }
        },
    )
}

pub(crate) fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        acceptance().prop_map(Request::Acceptance),
        rejection().prop_map(Request::Rejection),
        mock_proposal().prop_map(|proposal| Request::Mock(Box::new(proposal))),
        chunk().prop_map(|request| Request::Chunk(Box::new(request))),
        staking_grant().prop_map(Request::StakingGrant),
        stacking().prop_map(Request::Stacking),
        sip_vote().prop_map(Request::SipVote),
        vec(mark(), 0..4).prop_map(Request::Import),
        Just(Request::HasSignedNothing),
        (sighash(), height())
            .prop_map(|(sighash, height)| Request::MayHaveSigned { sighash, height }),
        Just(Request::Tidy),
        (seconds(), prop_oneof![0..3_u32, any::<u32>()])
            .prop_map(|(at, number)| Request::Export { at, number }),
        parcel().prop_map(|parcel| Request::ImportParcel(Box::new(parcel))),
        Just(Request::JournalStatus),
        Just(Request::Standing),
        (text(), seconds()).prop_map(|(reason, at)| Request::Freeze { reason, at }),
        seconds().prop_map(|at| Request::Demote { at }),
        any::<u64>().prop_map(|height| Request::HoldFrom { height: BurnHeight::new(height) }),
        Just(Request::Promote),
        Just(Request::ReleaseHold),
    ]
}

pub(crate) fn call() -> impl Strategy<Value = Call> {
    (public_key(), request()).prop_map(|(key, request)| Call { key, request })
}

pub(crate) fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        signature().prop_map(Answer::Signature),
        any::<[u64; 3]>().prop_map(|[added, known, covered]| Answer::Imported(Imported {
            added,
            known,
            covered
        })),
        any::<bool>().prop_map(Answer::Truth),
        Just(Answer::Nothing),
        standing().prop_map(Answer::Standing),
        option::of(parcel()).prop_map(|parcel| Answer::Parcel(parcel.map(Box::new))),
        journal_status().prop_map(|status| Answer::JournalStatus(Box::new(status))),
    ]
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..60).prop_map(String::from_iter)
}

fn standing() -> impl Strategy<Value = Standing> {
    let at = || any::<u64>().prop_map(UnixSeconds::new);
    prop_oneof![
        Just(Standing::Active),
        at().prop_map(|at| Standing::Demoted { at }),
        (at(), text()).prop_map(|(at, reason)| Standing::Frozen { at, reason }),
    ]
}

pub(crate) fn refusal() -> impl Strategy<Value = Refusal> {
    prop_oneof![
        (any::<u32>(), request_kind()).prop_map(|(uid, kind)| Refusal::NotPermitted { uid, kind }),
        public_key().prop_map(|key| Refusal::UnknownKey { key }),
        (chain_id(), chain_id()).prop_map(|(asked, ours)| Refusal::OtherChain { asked, ours }),
        text().prop_map(|text| Refusal::Malformed { text }),
        text().prop_map(|text| Refusal::BadJournal { text }),
        Just(Refusal::StillActive),
        (sighash(), height()).prop_map(|(rival, height)| Refusal::Conflict { rival, height }),
        (sighash(), height(), height()).prop_map(|(sighash, height, floor)| {
            Refusal::BelowFloor { sighash, height, floor }
        }),
        sighash().prop_map(|sighash| Refusal::ContradictsAcceptance { sighash }),
        (sighash(), height())
            .prop_map(|(sighash, height)| Refusal::Inconsistent { sighash, height }),
        (text(), any::<u64>()).prop_map(|(what, value)| Refusal::OutOfRange { what, value }),
        lane().prop_map(|lane| Refusal::WrongLane { lane }),
        any::<u8>().prop_map(|message_type| Refusal::Unsignable { message_type }),
        sighash().prop_map(|sighash| Refusal::ForeignSignature { sighash }),
        Just(Refusal::ForeignMock),
        sighash().prop_map(|sighash| Refusal::Unrecorded { sighash }),
        standing().prop_map(|standing| Refusal::NotActive { standing }),
        any::<u64>().prop_map(|left| Refusal::Waiting { left: Duration::from_millis(left) }),
        any::<u64>().prop_map(|from| Refusal::Held { from: BurnHeight::new(from) }),
        text().prop_map(|text| Refusal::KeyAway { text }),
        text().prop_map(|text| Refusal::JournalFailed { text }),
    ]
}

pub(crate) fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![answer().prop_map(Reply::Done), refusal().prop_map(Reply::Refused)]
}
