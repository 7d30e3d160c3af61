//! What a token signs.

use std::thread;

use countersign_vault::{ChunkRequest, SigningKey, Vault};
use countersign_wire::message::SignerMessage;
use countersign_wire::stackerdb::{Lane, SignersContract};
use countersign_wire::{Sighash, SlotId, SlotVersion};

use super::bench::{bench, digest, key, open, opened, pin, place};

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn a_thousand_signatures_recover_the_key_and_have_a_low_s() {
    bench("as_root::signing::a_thousand_signatures_recover_the_key_and_have_a_low_s", |_| {
        let token = opened("block");
        let mut ids = [0; 4];
        for number in 0..1000 {
            let signature = token.sign(&digest(number)).unwrap();
            assert_eq!(signature.recover(&digest(number)), Some(key().public_key()));
            assert!(signature.is_low_s(), "{signature}");
            ids[usize::from(signature.as_bytes()[0])] += 1;
        }
        // A token that signed by the recovery id 0 alone would pass half of this test by chance.
        assert!(ids[0] > 300 && ids[1] > 300, "{ids:?}");
    });
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn the_same_digest_has_the_same_bytes_although_the_token_draws_its_nonces() {
    bench(
        "as_root::signing::the_same_digest_has_the_same_bytes_although_the_token_draws_its_nonces",
        |_| {
            let token = opened("block");
            let first = token.sign(&digest(1)).unwrap();
            for number in 2..200 {
                token.sign(&digest(number)).unwrap();
            }
            assert_eq!(token.sign(&digest(1)).unwrap(), first);
            // Another process knows nothing of it, and SoftHSM draws another nonce.
            assert_ne!(open("block").unwrap().sign(&digest(1)).unwrap(), first);
        },
    );
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn a_vault_signs_chunks_with_a_token() {
    bench("as_root::signing::a_vault_signs_chunks_with_a_token", |_| {
        let mut vault = Vault::in_memory(SigningKey::from(opened("block"))).unwrap();
        let request = ChunkRequest {
            contract: SignersContract { parity: 1, lane: Lane::PreCommits },
            slot_id: SlotId::new(3),
            slot_version: SlotVersion::new(9),
            message: SignerMessage::BlockPreCommit(Sighash::new([9; 32])),
        };
        let chunk = vault.sign_chunk(&request).unwrap();
        assert_eq!(chunk.recover(), Some(key().public_key()));
    });
}

#[test]
#[ignore = "needs root: SoftHSM of the distribution"]
fn keys_of_one_module_sign_side_by_side() {
    bench("as_root::signing::keys_of_one_module_sign_side_by_side", |_| {
        let first = opened("block");
        countersign_vault::TokenKey::generate(&place("other"), &pin()).unwrap();
        let other = open("other").unwrap();
        assert_ne!(first.public_key(), other.public_key());
        thread::scope(|scope| {
            for token in [&first, &other] {
                scope.spawn(move || {
                    for number in 0..100 {
                        let signature = token.sign(&digest(number)).unwrap();
                        assert_eq!(signature.recover(&digest(number)), Some(token.public_key()));
                    }
                });
            }
        });
    });
}
