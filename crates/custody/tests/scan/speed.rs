use std::time::Instant;

use crate::support::{Place, noise};

/// Prints how fast typical content is searched, for `docs/operator/keys-scan.md`.
///
/// `cargo test --release -p countersign-custody --test scan speed -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, not a test"]
#[expect(clippy::print_stderr, reason = "the measurement is for whoever started it")]
fn speed() {
    let source = include_str!("../../src/scan/scanner.rs");
    let hashes: Vec<String> = noise(1, 4 << 20).chunks(32).map(hex::encode).collect();
    let rows: [(&str, Vec<u8>); 4] = [
        ("source code", source.repeat((64 << 20) / source.len()).into_bytes()),
        ("arbitrary bytes", noise(2, 64 << 20)),
        ("zeros", vec![0; 64 << 20]),
        ("different hashes, one a line", hashes.join("\n").into_bytes()),
    ];
    for (name, bytes) in rows {
        let place = Place::new();
        place.write("content", &bytes);
        let start = Instant::now();
        let report = place.scan();
        let seconds = start.elapsed().as_secs_f64();
        assert!(report.findings.is_empty());
        #[expect(clippy::cast_precision_loss, reason = "a figure for humans")]
        let megabytes = bytes.len() as f64 / 1e6;
        eprintln!(
            "{name}: {:.0} MB/s ({} derivations)",
            megabytes / seconds,
            report.totals.candidates
        );
    }
}
