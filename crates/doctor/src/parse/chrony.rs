//! What chrony and systemd say of the clock.

use crate::facts::{Offset, Synchrony};

/// Reads `chronyc -c tracking`: the reference's id and name, the stratum, its time, our offset in seconds,
/// …, and at the end the state of leap seconds, or `Not synchronised`.
pub fn tracking(text: &str) -> Option<(Offset, Synchrony)> {
    let fields: Vec<&str> = text.trim().split(',').collect();
    let name = fields.get(1).filter(|name| !name.is_empty()).unwrap_or(&"its source");
    let seconds: f64 = fields.get(4)?.parse().ok()?;
    let leap = fields.get(13)?;
    let offset = Offset { millis: millis(seconds)?, source: format!("{name} (chrony)") };
    let is_kept = !leap.contains("Not synchronised");
    Some((offset, Synchrony { is_kept, source: "chrony".to_owned() }))
}

/// Seconds as whole milliseconds; none if it is no number that a clock can be off by.
#[allow(clippy::cast_possible_truncation, reason = "the range is checked before")]
pub fn millis(seconds: f64) -> Option<i64> {
    let millis = (seconds * 1_000.0).round();
    (millis.is_finite() && millis.abs() < 1e15).then_some(millis as i64)
}

/// Reads `timedatectl show --property=NTPSynchronized --value`.
pub fn timedatectl(text: &str) -> Option<Synchrony> {
    let is_kept = match text.trim() {
        "yes" => true,
        "no" => false,
        _ => return None,
    };
    Some(Synchrony { is_kept, source: "the kernel (timedatectl)".to_owned() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const GOOD: &str = "A29FC87B,time.example,3,1763900000.1,-0.000123,0.00001,0.0003,1.2,0.0,0.01,0.02,0.001,64.2,Normal\n";

    #[test]
    fn chrony_says_how_far_the_clock_is_off() {
        let (offset, synchrony) = tracking(GOOD).unwrap();
        assert_eq!(offset, Offset { millis: 0, source: "time.example (chrony)".to_owned() });
        assert!(synchrony.is_kept);
        let late = GOOD.replace("-0.000123", "2.5").replace("Normal", "Not synchronised");
        let (offset, synchrony) = tracking(&late).unwrap();
        assert_eq!(offset.millis, 2_500);
        assert!(!synchrony.is_kept);
        for bad in ["", "506 Cannot talk to daemon", "a,b,c,d,NaN,,,,,,,,,Normal"] {
            assert_eq!(tracking(bad), None, "{bad}");
        }
    }

    #[test]
    fn timedatectl_says_yes_or_no() {
        assert!(timedatectl("yes\n").unwrap().is_kept);
        assert!(!timedatectl("no\n").unwrap().is_kept);
        assert_eq!(timedatectl("Failed to connect to bus"), None);
    }
}
