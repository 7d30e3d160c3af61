#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;

fn key() -> PrivateKey {
    PrivateKey::from_bytes([7; 32]).unwrap()
}

fn keys() -> impl Strategy<Value = PrivateKey> {
    any::<[u8; 32]>()
        .prop_filter_map("a scalar below the order", |bytes| PrivateKey::from_bytes(bytes).ok())
}

/// Key, threshold, and the shares in the order in which they come together.
fn sets() -> impl Strategy<Value = (PrivateKey, u8, Vec<Share>)> {
    (keys(), 2_u8..=6)
        .prop_flat_map(|(key, threshold)| (Just(key.to_bytes()), Just(threshold), threshold..=9))
        .prop_flat_map(|(bytes, threshold, count)| {
            let key = PrivateKey::from_bytes(*bytes).unwrap();
            let shares = split(&key, threshold, count).unwrap();
            let some = subsequence(shares, usize::from(threshold)..=usize::from(count));
            (Just(bytes), Just(threshold), some.prop_shuffle())
        })
        .prop_map(|(bytes, threshold, shares)| {
            (PrivateKey::from_bytes(*bytes).unwrap(), threshold, shares)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_k_shares_in_any_order_restore_the_key((key, threshold, shares) in sets()) {
        let restored = combine(&shares).unwrap();
        prop_assert_eq!(restored.to_hex(), key.to_hex());
        let too_few = &shares[..usize::from(threshold) - 1];
        let refused = matches!(combine(too_few), Err(ShareError::TooFew { .. } | ShareError::None));
        prop_assert!(refused);
    }

    #[test]
    fn a_share_survives_its_text((_, _, shares) in sets()) {
        for share in shares {
            let word = share.to_text();
            prop_assert_eq!(word.len(), 88);
            prop_assert_eq!(word.parse::<Share>().unwrap(), share.clone());
            prop_assert_eq!(word.to_ascii_uppercase().parse::<Share>().unwrap(), share.clone());
            let grouped: Vec<_> = word.as_bytes().chunks(4).map(|g| str::from_utf8(g).unwrap()).collect();
            prop_assert_eq!(grouped.join(" - ").parse::<Share>().unwrap(), share);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}", word in "share1[02-9ac-hj-np-z]{0,120}") {
        let _ = text.parse::<Share>();
        let _ = word.parse::<Share>();
    }
}

#[test]
fn each_character_that_is_mistyped_is_noticed() {
    let share = &split(&key(), 2, 2).unwrap()[0];
    let word = share.to_text();
    for at in 0..word.len() {
        for other in "qpzry9x8gf2tvdw0s3jn54khce6mua7l1bioshare".chars() {
            let mut typed: Vec<char> = word.chars().collect();
            if typed[at] != other {
                typed[at] = other;
                let typed: String = typed.into_iter().collect();
                assert!(typed.parse::<Share>().is_err(), "{at}: {typed}");
            }
        }
        let without: String =
            word.chars().enumerate().filter(|(n, _)| *n != at).map(|(_, c)| c).collect();
        assert_eq!(without.parse::<Share>(), Err(TextError::Mistyped), "{at}");
    }
}

#[test]
fn each_pair_of_characters_that_was_swapped_is_noticed() {
    let word = split(&key(), 2, 2).unwrap()[0].to_text();
    for at in 1..word.len() {
        let mut typed = word.as_bytes().to_vec();
        typed.swap(at - 1, at);
        if typed != word.as_bytes() {
            assert!(str::from_utf8(&typed).unwrap().parse::<Share>().is_err(), "{at}");
        }
    }
}

/// Perfect secrecy, tried out: with all shares but one, each value of the missing share gives another
/// secret, so that all 256 values of a byte of the key remain, none likelier than another.
#[test]
fn all_but_one_of_the_needed_shares_leave_every_key_possible() {
    let made = Gf256::split_bytes(3, 5, [0x42_u8].as_slice(), UnwrapErr(SysRng)).unwrap();
    for pair in [[0, 1], [1, 4], [2, 3]] {
        let known = pair.map(|at| made[at].clone());
        let missing = (1..=5).find(|number| known.iter().all(|share| share[0] != *number)).unwrap();
        let secrets: std::collections::BTreeSet<u8> = (0..=255)
            .map(|value| {
                let [one, other] = known.clone();
                Gf256::combine_bytes([one, other, vec![missing, value]]).unwrap()[0]
            })
            .collect();
        assert_eq!(secrets.len(), 256, "{pair:?}");
    }
}

/// Each byte of a share is as likely as any other, whatever the key: coefficients that are never zero,
/// or always odd, were the faults of well-known libraries (RUSTSEC-2024-0398).
#[test]
fn the_bytes_of_a_share_are_uniform_whatever_the_key() {
    for secret in [0_u8, 1, 255] {
        let mut counts = [[0_u32; 256]; 2];
        for _ in 0..1000 {
            let made =
                Gf256::split_bytes(2, 2, [secret; 64].as_slice(), UnwrapErr(SysRng)).unwrap();
            for (count, share) in counts.iter_mut().zip(&made) {
                for value in &share[1..] {
                    count[usize::from(*value)] += 1;
                }
            }
        }
        for count in counts {
            let expected = 1000.0 * 64.0 / 256.0;
            let chi: f64 =
                count.iter().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
            // 255 degrees of freedom: mean 255, deviation 22.6; ten deviations in either direction.
            assert!((30.0..480.0).contains(&chi), "secret {secret}: {chi}");
        }
    }
}

#[test]
fn shares_that_do_not_belong_together_are_refused() {
    let (one, other) = (split(&key(), 2, 3).unwrap(), split(&key(), 2, 3).unwrap());
    let mixed = [one[0].clone(), other[1].clone()];
    assert!(matches!(combine(&mixed), Err(ShareError::OtherSet { number: 2 })));
    let twice = [one[0].clone(), one[0].clone()];
    assert!(matches!(combine(&twice), Err(ShareError::TooFew { have: 1, need: 2 })));
    let mut forged = one[1].clone();
    forged.value[31] ^= 1;
    let found = combine(&[one[0].clone(), forged.clone()]);
    assert!(matches!(found, Err(ShareError::OtherKey { .. })));
    assert!(matches!(combine(&[one[1].clone(), forged]), Err(ShareError::Rivals { number: 2 })));
    assert!(matches!(combine(&[]), Err(ShareError::None)));
}

#[test]
fn counts_that_make_no_sense_are_refused() {
    for (threshold, count) in [(0, 0), (1, 3), (3, 2), (2, 33)] {
        assert!(matches!(split(&key(), threshold, count), Err(ShareError::Count { .. })));
    }
}

#[test]
fn a_share_does_not_print() {
    let share = &split(&key(), 2, 2).unwrap()[0];
    let shown = format!("{share:?}");
    assert!(shown.contains("number: 1") && !shown.contains(&hex::encode(*share.value)), "{shown}");
}
