//! The stories of all alerts as input of `promtool test rules`.

use std::fmt::Write as _;

use super::{Alert, Sample, all};
use crate::text::quoted;

mod healthy;

use healthy::HEALTHY;

/// A file for `promtool test rules` over rules that are in `rules_file`: one story in which all is well and only
/// the heartbeat fires, and for each alert one that fires it. Stories that have nothing to do with each other are
/// told together, because each minute of each costs a look at all rules.
pub fn promtool_tests(rules_file: &str) -> String {
    let mut text =
        format!("rule_files:\n  - {}\nevaluation_interval: 1m\ntests:\n", quoted(rules_file));
    let quiet = "count(ALERTS{severity!=\"heartbeat\"}) or vector(0)".to_owned();
    story("all is well", &[], &[(quiet, HEALTHY_MINUTES, 0)], &mut text);
    for alerts in batches() {
        let fires = |alert: &&Alert| {
            let firing = format!("ALERTS{{alertname=\"{}\",alertstate=\"firing\"}}", alert.name);
            (format!("count({firing})"), alert.fires_at, 1)
        };
        let claims: Vec<Claim> = alerts.iter().map(fires).collect();
        let samples: Vec<Sample> =
            alerts.iter().flat_map(|alert| alert.story.iter().copied()).collect();
        let names: Vec<&str> = alerts.iter().map(|alert| alert.name).collect();
        story(&names.join(", "), &samples, &claims, &mut text);
    }
    text
}

/// What is asked, in which minute, and the answer.
type Claim = (String, u32, u32);

/// The alerts in batches whose stories do not touch each other, those of about the same length together.
fn batches() -> Vec<Vec<&'static Alert>> {
    let mut alerts: Vec<&Alert> = all().collect();
    alerts.sort_by_key(|alert| alert.fires_at);
    let mut batches: Vec<Vec<&Alert>> = Vec::new();
    for alert in alerts {
        let fits = |batch: &&mut Vec<&'static Alert>| {
            batch.iter().all(|other| !touches(other, alert) && !touches(alert, other))
        };
        match batches.iter_mut().find(fits) {
            Some(batch) => batch.push(alert),
            None => batches.push(vec![alert]),
        }
    }
    batches
}

/// Whether the story of `one` changes what `other` looks at, or what its story says.
fn touches(one: &Alert, other: &Alert) -> bool {
    let expression = (other.when)();
    let looks_at = expression.named().iter().map(|named| named.metric.name);
    let tells = other.story.iter().map(|sample| sample.metric.name);
    let concerned: Vec<&str> = looks_at.chain(tells).collect();
    one.story.iter().any(|sample| concerned.contains(&sample.metric.name))
}

fn story(name: &str, samples: &[Sample], claims: &[Claim], text: &mut String) {
    let last = claims.iter().map(|(_, minute, _)| *minute).max().unwrap_or_default();
    let _ = write!(text, "  - name: {}\n    interval: 1m\n    input_series:\n", quoted(name));
    let is_kept = |healthy: &&Sample| !samples.iter().any(|sample| head(sample) == head(healthy));
    for sample in HEALTHY.iter().filter(is_kept).chain(samples) {
        let _ = write!(
            text,
            "      - series: {}\n        values: {}\n",
            quoted(&head(sample)),
            quoted(&cut(sample.values, last))
        );
    }
    text.push_str("    promql_expr_test:\n");
    for (claim, minute, value) in claims {
        let _ = write!(
            text,
            "      - expr: {}\n        eval_time: {minute}m\n        exp_samples:\n          - value: {value}\n",
            quoted(claim)
        );
    }
}

fn head(sample: &Sample) -> String {
    let labels: Vec<String> =
        sample.labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    format!("{}{}{{{}}}", sample.metric.name, sample.ending, labels.join(","))
}

/// Long enough for every window of the rules.
const HEALTHY_MINUTES: u32 = 420;

/// The values up to a minute: a longer story costs time and tells nothing.
fn cut(values: &str, minute: u32) -> String {
    let mut left = minute + 1;
    let mut kept = Vec::new();
    for part in values.split(' ') {
        let Some((step, Ok(count))) = part.rsplit_once('x').map(|(s, n)| (s, n.parse::<u32>()))
        else {
            kept.push(part.to_owned());
            continue;
        };
        // `0+1x3` is four values, `_x3` none for three minutes.
        let first = u32::from(step != "_");
        let taken = (count + first).min(left);
        if taken > 0 {
            kept.push(format!("{step}x{}", taken - first));
        }
        left -= taken;
    }
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_story_ends_when_it_is_looked_at() {
        assert_eq!(cut("0+1x440", 10), "0+1x10");
        assert_eq!(cut("1+0x5 0+0x20", 12), "1+0x5 0+0x6");
        assert_eq!(cut("1+0x5 0+0x20", 3), "1+0x3");
        assert_eq!(cut("1+0x2", 100), "1+0x2");
        assert_eq!(cut("_x5 1+0x20", 6), "_x5 1+0x1");
        assert_eq!(cut("_x5 1+0x20", 3), "_x4");
    }
}
