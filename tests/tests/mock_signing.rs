//! Mock signatures of epoch 2.5, as the recorded signers made them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use countersign_vault::{MockRequest, Vault};
use system_tests::recordings::{Recording, said_by, signer_key};

#[test]
fn each_recorded_mock_signature_is_made_again_one_for_a_burn_block() {
    let recording = Recording::load("mock_sign_epoch_25");
    for index in 0..5 {
        let vault = Vault::in_memory(signer_key(index)).unwrap();
        let mocks = said_by(&vault.public_key(), &recording).mocks;
        let mut burn_blocks = BTreeSet::new();
        for mock in &mocks {
            let (proposal, server_version) = (mock.proposal.clone(), mock.server_version.clone());
            let request = MockRequest { proposal, server_version };
            assert_eq!(vault.sign_mock(request).unwrap(), *mock);
            burn_blocks.insert(mock.proposal.peer_info.pox_consensus);
        }
        assert!(mocks.len() > 40, "signer {index}: {}", mocks.len());
        assert_eq!(burn_blocks.len(), mocks.len(), "signer {index}");
    }
}
