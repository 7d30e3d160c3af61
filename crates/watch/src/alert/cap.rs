//! How much of the signing weight one key may have (row A11). Each installation says it itself, so these thresholds are
//! the only ones that rules are rendered with.

use super::Alert;
use crate::promql::{Expr, series};
use crate::registry::own;

/// The shares of the weight of a cycle from which somebody is told, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightCap {
    /// From here on it is good to know.
    pub soft_percent: u8,
    /// From here on somebody must do something.
    pub hard_percent: u8,
}

impl Default for WeightCap {
    /// With 30 % one signer alone can stop the network: half of that, and a third.
    fn default() -> Self {
        Self { soft_percent: SOFT, hard_percent: HARD }
    }
}

impl WeightCap {
    /// What an alert that depends on the cap looks at, and its threshold in words; none for any other.
    pub(super) fn of(self, alert: &Alert) -> Option<(Expr, String)> {
        let percent = match alert.name {
            NEAR => self.soft_percent,
            ABOVE => self.hard_percent,
            _ => return None,
        };
        let threshold = format!("the key has {percent} % of the weight of a cycle or more");
        Some((share_from(percent), threshold))
    }
}

/// That the keys of an instance have at least this share of a cycle, in percent.
pub(super) fn share_from(percent: u8) -> Expr {
    let ours = series(&own::SEAT_WEIGHT).now().sum_by("job, instance, cycle");
    let all = series(&own::TOTAL_WEIGHT).now().sum_by("job, instance, cycle");
    ours.per(all).at_least(f64::from(percent) / 100.0)
}

/// The alert of the soft cap.
pub(super) const NEAR: &str = "WeightNearCap";
/// The alert of the hard cap.
pub(super) const ABOVE: &str = "WeightAboveCap";
/// The soft cap if nobody says otherwise.
pub(super) const SOFT: u8 = 10;
/// The hard cap if nobody says otherwise.
pub(super) const HARD: u8 = 15;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::alert::{all, find, rules, rules_with};

    #[test]
    fn what_the_pages_show_is_the_default() {
        let told: Vec<_> =
            all().filter_map(|alert| Some((alert, WeightCap::default().of(alert)?))).collect();
        assert_eq!(told.len(), 2);
        for (alert, (expression, threshold)) in told {
            assert_eq!((alert.when)().text(), expression.text());
            assert_eq!(alert.threshold, threshold);
        }
    }

    #[test]
    fn without_a_cap_nobody_is_told_of_the_weight_and_of_all_else() {
        let (with, without) = (rules(), rules_with(None));
        let names = |text: &str| text.matches("- alert: ").count();
        assert_eq!((names(&with), names(&without)), (all().count(), all().count() - 2));
        assert!([NEAR, ABOVE].iter().all(|name| with.contains(name) && !without.contains(name)));
    }

    #[test]
    fn every_cap_is_written_as_a_person_would() {
        for percent in 1..=29 {
            let cap = WeightCap { soft_percent: 1, hard_percent: percent };
            let (expression, _) = cap.of(find(ABOVE).unwrap()).unwrap();
            let written = expression.text().rsplit(' ').next().unwrap();
            assert!(written.len() <= 4 && written.starts_with("0."), "{written}");
        }
    }
}
