//! A proposal that was seen before (2.4).

use countersign_signer::{BlockState, Note, RepeatedProposal, Submission};
use countersign_wire::message::{RejectReason, ValidateCode};

use crate::support::{Driver, ch, ordinary, record, tenure_start};

/// Proposes the block once more, and says what is done about it.
fn repeat(driver: &mut Driver) -> RepeatedProposal {
    driver.sent.clear();
    driver.notes.clear();
    driver.propose(&tenure_start(3, 21));
    let repeated = driver.notes.iter().find_map(|note| match note {
        Note::ProposalRepeated { what, .. } => Some(*what),
        _ => None,
    });
    repeated.unwrap_or_else(|| panic!("{:?}", driver.notes))
}

#[test]
fn row_1_what_is_answered_and_on_the_chain_is_ignored() {
    let mut signed = Driver::good();
    let sighash = signed.promise(&tenure_start(3, 21));
    for peer in 1..4 {
        signed.pre_commit(peer, sighash);
    }
    signed.announce(&tenure_start(3, 21).block);
    assert_eq!(repeat(&mut signed), RepeatedProposal::AlreadyDecided);
    assert!(signed.is_silent());

    let mut rejected = Driver::good();
    rejected.propose(&tenure_start(3, 21));
    rejected.refute(sighash, ValidateCode::UnknownParent);
    rejected.announce(&tenure_start(3, 21).block);
    assert_eq!(repeat(&mut rejected), RepeatedProposal::AlreadyDecided);
    assert!(rejected.is_silent());
}

#[test]
fn row_2_a_rejection_whose_reason_may_have_passed_is_judged_again() {
    let rows = [
        (ValidateCode::UnknownParent, true),
        (ValidateCode::NotFoundError, true),
        (ValidateCode::BadBlockHash, false),
        (ValidateCode::BadTransaction, false),
        (ValidateCode::InvalidBlock, false),
        (ValidateCode::ChainstateError, false),
        (ValidateCode::NonCanonicalTenure, false),
        (ValidateCode::NoSuchTenure, false),
        (ValidateCode::InvalidTransactionReplay, false),
        (ValidateCode::InvalidParentBlock, false),
        (ValidateCode::InvalidTimestamp, false),
        (ValidateCode::NetworkChainMismatch, false),
        (ValidateCode::ProblematicTransaction, false),
    ];
    for (code, is_judged_again) in rows {
        let mut driver = Driver::good();
        let sighash = tenure_start(3, 21).block.sighash();
        driver.propose(&tenure_start(3, 21));
        driver.refute(sighash, code);
        if is_judged_again {
            assert_eq!(repeat(&mut driver), RepeatedProposal::JudgedAgain, "{code:?}");
            assert_eq!(driver.validations(), [sighash]);
            driver.verdict(sighash);
            assert_eq!(driver.pre_commits(), [sighash], "the new verdict counts");
        } else {
            assert_eq!(repeat(&mut driver), RepeatedProposal::RejectionRepeated, "{code:?}");
            assert_eq!(driver.reasons(), [RejectReason::RejectedInPriorRound]);
        }
    }
}

#[test]
fn row_2_holds_for_exactly_these_reasons() {
    use RejectReason::{
        ConnectivityIssues, ConsensusHashMismatch, DuplicateBlockFound, InvalidBitvec,
        InvalidMiner, InvalidParentBlock, InvalidTenureExtend, IrrecoverablePubkeyHash,
        NoSignerConsensus, NoSortitionView, NotLatestSortitionWinner, NotRejected,
        ProblematicTransactions, PubkeyHashMismatch, RejectedInPriorRound, ReorgNotAllowed,
        SortitionViewMismatch, TestingDirective, Unknown,
    };
    let mismatch = ConsensusHashMismatch { expected: ch(1), actual: ch(2) };
    let again = [
        NoSortitionView,
        ConnectivityIssues,
        TestingDirective,
        InvalidTenureExtend,
        mismatch,
        NoSignerConsensus,
        NotRejected,
        Unknown,
    ];
    let finals = [
        RejectedInPriorRound,
        SortitionViewMismatch,
        ReorgNotAllowed,
        InvalidBitvec,
        PubkeyHashMismatch,
        InvalidMiner,
        NotLatestSortitionWinner,
        InvalidParentBlock,
        DuplicateBlockFound,
        IrrecoverablePubkeyHash,
        ProblematicTransactions,
    ];
    let rows =
        again.map(|reason| (reason, true)).into_iter().chain(finals.map(|reason| (reason, false)));
    for (reason, is_reconsiderable) in rows {
        let mut rejected = record(ordinary(3, 22), BlockState::LocallyRejected);
        rejected.reject_reason = Some(reason);
        assert_eq!(rejected.is_reconsiderable(), is_reconsiderable, "{reason:?}");
    }
    let unnamed = record(ordinary(3, 22), BlockState::LocallyRejected);
    assert!(!unnamed.is_reconsiderable());
}

#[test]
fn row_3_a_promise_is_sent_again_and_the_votes_are_weighed_again() {
    let mut driver = Driver::good();
    let sighash = driver.promise(&tenure_start(3, 21));
    assert_eq!(repeat(&mut driver), RepeatedProposal::PreCommitRepeated);
    assert_eq!(driver.pre_commits(), [sighash]);
    assert_eq!(driver.orders(), []);
}

#[test]
fn row_4_a_signature_is_sent_again_as_it_was() {
    let mut driver = Driver::good();
    let sighash = driver.promise(&tenure_start(3, 21));
    for peer in 1..4 {
        driver.pre_commit(peer, sighash);
    }
    assert_eq!(driver.acceptances(), [sighash]);
    assert_eq!(repeat(&mut driver), RepeatedProposal::SignatureRepeated);
    assert_eq!(driver.acceptances(), [sighash]);
    assert_eq!(driver.orders(), [], "the vault is not asked again");
}

#[test]
fn row_5_a_final_rejection_is_repeated_as_such() {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    driver.refute(tenure_start(3, 21).block.sighash(), ValidateCode::BadTransaction);
    for _ in 0..2 {
        assert_eq!(repeat(&mut driver), RepeatedProposal::RejectionRepeated);
        assert_eq!(driver.reasons(), [RejectReason::RejectedInPriorRound]);
    }
}

#[test]
fn row_6_nothing_is_done_while_validation_is_under_way() {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    assert_eq!(repeat(&mut driver), RepeatedProposal::InProgress);
    assert!(driver.is_silent());
}

#[test]
fn row_7_a_block_whose_validation_was_refused_is_judged_again() {
    let mut driver = Driver::good();
    driver.node.submissions.push_back(Submission::Refused("422".to_owned()));
    driver.propose(&tenure_start(3, 21));
    assert_eq!(driver.rejections(), []);
    assert_eq!(repeat(&mut driver), RepeatedProposal::JudgedAgain);
    assert_eq!(driver.validations(), [tenure_start(3, 21).block.sighash()]);
}

#[test]
fn a_block_that_was_accepted_before_we_judged_it_is_rejected_when_it_is_proposed_again() {
    let mut driver = Driver::good();
    driver.node.submissions.push_back(Submission::Refused("422".to_owned()));
    driver.propose(&tenure_start(3, 21));
    driver.announce(&tenure_start(3, 21).block);
    driver.node.end_tenure(2, 21);
    assert_eq!(repeat(&mut driver), RepeatedProposal::JudgedAgain);
    driver.pass(crate::support::chain::secs(2));
    assert_eq!(driver.reasons(), [RejectReason::InvalidParentBlock]);
}
