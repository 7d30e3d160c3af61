#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use super::*;

#[test]
fn a_name_exists_once_and_is_one() {
    let mut names = BTreeSet::new();
    for metric in all() {
        assert!(names.insert(metric.name), "{} is there twice", metric.name);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(metric.name.chars().all(is_plain), "{}", metric.name);
        assert!(!metric.help.ends_with('.') && !metric.help.contains('|'), "{}", metric.name);
        let labels: BTreeSet<&str> = metric.labels.iter().map(|label| label.name).collect();
        assert_eq!(labels.len(), metric.labels.len(), "{}", metric.name);
        for label in metric.labels {
            if let Values::Closed(values) = label.values {
                let different: BTreeSet<&&str> = values.iter().collect();
                assert_eq!(different.len(), values.len(), "{}", metric.name);
            }
        }
    }
}

#[test]
fn the_three_series_of_a_histogram_are_found() {
    let histogram = &reference::VALIDATION_LATENCIES;
    for ending in ["_bucket", "_sum", "_count"] {
        assert_eq!(find_series(&format!("{}{ending}", histogram.name)), Some(histogram));
    }
    assert_eq!(find_series(histogram.name), None, "nothing is called as the family is");
    assert_eq!(find_series("countersign_ready"), Some(&own::READY));
    assert_eq!(find_series("countersign_ready_count"), None);
    assert_eq!(find_series("stacks_signer_is_registered"), None, "what others alert on in vain");
}

#[test]
fn the_documentation_has_the_tables_of_the_registry() {
    let doc = include_str!("../../../../docs/metrics.md");
    let ours = [Origin::Daemon, Origin::Everywhere, Origin::Exporter];
    for origins in [&[Origin::Reference][..], &[Origin::Proposed], &ours[..]] {
        let table = table(origins);
        assert!(doc.contains(&table), "docs/metrics.md lacks this table:\n\n{table}");
    }
    let rows = doc.lines().filter(|line| line.starts_with("| `")).count();
    let shown = on_the_daemons_page().count();
    let exporter = all().filter(|metric| metric.origin == Origin::Exporter).count();
    assert_eq!(rows, shown + exporter, "docs/metrics.md has rows that the registry lacks");
}
