//! A registry as Prometheus text, with the names that dashboards of the reference signer use.

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// The content type of [`page`]: Prometheus text exposition format 0.0.4.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page of all metrics of `registry`.
///
/// The registry's own form is OpenMetrics, which ends the name of every counter in `_total` and
/// writes whole bucket bounds as `1.0`. The reference signer does neither, and a drop-in must have
/// its names, so this is the older text format: bare counter names, bare whole bounds, no `# EOF`.
pub fn page(registry: &Registry) -> String {
    let mut open_metrics = String::new();
    encode(&mut open_metrics, registry).expect("writing to a string cannot fail");
    let mut text = String::with_capacity(open_metrics.len());
    let mut counter = None;
    for line in open_metrics.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        if let Some(family) = line.strip_prefix("# TYPE ") {
            counter = family.strip_suffix(" counter");
        }
        match counter.and_then(|name| line.strip_prefix(name)?.strip_prefix("_total")) {
            Some(rest) => {
                text.push_str(counter.unwrap_or_default());
                text.push_str(rest);
            }
            // A family without labels is one series.
            None if !line.starts_with('#') && line.contains("{} ") => {
                text.push_str(&line.replacen("{} ", " ", 1));
            }
            None => push_with_bare_bound(&mut text, line),
        }
        text.push('\n');
    }
    text
}

/// Appends `line`, its label `le="1.0"` written as `le="1"`.
fn push_with_bare_bound(text: &mut String, line: &str) {
    let parts = line.split_once("le=\"").and_then(|(before, rest)| {
        let (bound, after) = rest.split_once('"')?;
        Some((before, bound.strip_suffix(".0")?, after))
    });
    match parts {
        Some((before, bound, after)) if !line.starts_with('#') => {
            for part in [before, "le=\"", bound, "\"", after] {
                text.push_str(part);
            }
        }
        _ => text.push_str(line),
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::family::Family;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::metrics::histogram::Histogram;
    use prometheus_client::registry::Registry;

    use super::page;

    #[test]
    fn names_and_bounds_are_those_of_the_reference() {
        let mut registry = Registry::default();
        let counter: Counter = Counter::default();
        let family = Family::<Vec<(&'static str, &'static str)>, Counter>::default();
        let gauge: Gauge = Gauge::default();
        let histogram = Histogram::new([0.005, 1.0, 10.0]);
        registry.register("signer_proposals_received", "Proposals", counter.clone());
        registry.register("signer_responses", "Responses", family.clone());
        registry.register("signer_height_total", "A gauge with a counter's name", gauge.clone());
        registry.register("signer_latencies_histogram", "Seconds", histogram.clone());
        counter.inc_by(3);
        family.get_or_create(&vec![("response_type", "accepted")]).inc();
        gauge.set(7);
        histogram.observe(0.5);
        insta::assert_snapshot!(page(&registry), @r#"
        # HELP signer_proposals_received Proposals.
        # TYPE signer_proposals_received counter
        signer_proposals_received 3
        # HELP signer_responses Responses.
        # TYPE signer_responses counter
        signer_responses{response_type="accepted"} 1
        # HELP signer_height_total A gauge with a counter's name.
        # TYPE signer_height_total gauge
        signer_height_total 7
        # HELP signer_latencies_histogram Seconds.
        # TYPE signer_latencies_histogram histogram
        signer_latencies_histogram_sum 0.5
        signer_latencies_histogram_count 1
        signer_latencies_histogram_bucket{le="0.005"} 0
        signer_latencies_histogram_bucket{le="1"} 1
        signer_latencies_histogram_bucket{le="10"} 1
        signer_latencies_histogram_bucket{le="+Inf"} 1
        "#);
    }
}
