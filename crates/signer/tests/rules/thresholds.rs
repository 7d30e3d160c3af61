//! Thresholds against exact arithmetic (0.2), and by how much the core's decisions miss them.

use countersign_signer::Saved;
use countersign_wire::Weight;

use crate::support::{Driver, tenure_start};

#[test]
fn every_threshold_is_exact_for_every_total_up_to_100() {
    for total in 1..=100u32 {
        for weight in 0..=total {
            assert_exact(weight, total);
        }
    }
}

#[test]
fn no_threshold_overflows_at_the_largest_total() {
    let total = u32::MAX;
    let seven_tenths = total / 10 * 7 + total % 10 * 7 / 10;
    for near in [0, total - seven_tenths, seven_tenths, total - 3] {
        for weight in near.saturating_sub(3)..=near + 3 {
            assert_exact(weight, total);
        }
    }
}

/// In fractions without rounding: approval takes 0.7 of the total, a veto more than what approval
/// leaves, agreement 0.7 of the total rounded down.
fn assert_exact(weight: u32, total: u32) {
    let (w, t) = (u128::from(weight), u128::from(total));
    let (weight, total) = (Weight::new(weight), Weight::new(total));
    assert_eq!(weight.approves(total), 10 * w >= 7 * t, "{w} of {t} approves");
    assert_eq!(weight.blocks_approval(total), 10 * (t - w) < 7 * t, "{w} of {t} blocks");
    assert_eq!(weight.agrees(total), w + 1 > 7 * t / 10, "{w} of {t} agrees");
    assert_eq!(weight.disagrees(total), w > 3 * t / 10, "{w} of {t} disagrees");
}

#[test]
fn a_signature_takes_promises_of_exactly_seven_tenths_rounded_up() {
    // (weights, how many of them promise, whether that is enough)
    let rows: [(&[u32], usize, bool); 6] = [
        (&[20; 5], 3, false),
        (&[20; 5], 4, true),
        (&[1, 69, 29, 1], 2, true),
        (&[1, 68, 29, 2], 2, false),
        // 7 of 11 is less than 7.7: state agreement would round down to it, a block does not.
        (&[1, 6, 4], 2, false),
        (&[u32::MAX / 10, u32::MAX / 10 * 6, u32::MAX / 10 * 3], 2, true),
    ];
    for (weights, promises, is_enough) in rows {
        let mut driver = Driver::with(weights, Saved::default());
        let sighash = driver.promise(&tenure_start(3, 21));
        for peer in 1..promises {
            driver.pre_commit(peer, sighash);
        }
        assert_eq!(driver.orders().len(), usize::from(is_enough), "{promises} of {weights:?}");
    }
}
