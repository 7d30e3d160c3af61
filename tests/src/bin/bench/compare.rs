//! The figures of several programs side by side.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::measure::Figures;
use crate::report::{ABSENT, Report, megabytes, ms};

/// Each program's figures, and how the first compares with the others.
pub(crate) fn to_text(reports: &[Report]) -> String {
    let mut text = reports.iter().map(Report::to_string).collect::<Vec<_>>().join("\n");
    for (first, other) in pairs(reports) {
        let rows = rows(first, other);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{} signers, the first against the second", first.signers);
        for Row { name, first, other, better } in rows {
            let better = better.map_or(ABSENT.to_owned(), |better| format!("{better:.1} ×"));
            let _ = writeln!(text, "  {name:<30}{first:>14}{other:>14}{better:>10}");
        }
    }
    text.trim_end().to_owned()
}

/// The first program's object, or with several programs an array and the ratios.
pub(crate) fn to_json(reports: &[Report]) -> Value {
    if let [report] = reports {
        return report.to_json();
    }
    let programs: Vec<Value> = reports.iter().map(Report::to_json).collect();
    let ratios = pairs(reports).map(|(first, other)| {
        let of_size = rows(first, other).into_iter().map(|row| (row.name.to_owned(), row.better));
        json!({
            "signers": first.signers,
            "times_better": of_size.collect::<std::collections::BTreeMap<_, _>>(),
        })
    });
    json!({ "programs": programs, "ratios": ratios.collect::<Vec<_>>() })
}

/// What was measured with as many signers.
fn pairs(reports: &[Report]) -> impl Iterator<Item = (&Figures, &Figures)> {
    let both = reports.first().zip(reports.get(1));
    both.into_iter().flat_map(|(first, other)| first.sizes().iter().zip(other.sizes()))
}

/// One figure of both programs.
struct Row {
    name: &'static str,
    first: String,
    other: String,
    /// How many times better the first is: above one, it is better.
    better: Option<f64>,
}

fn rows(first: &Figures, other: &Figures) -> Vec<Row> {
    let time = |name, of: &dyn Fn(&Figures) -> Duration| {
        let (first, other) = (of(first), of(other));
        let better = other.as_secs_f64() / first.as_secs_f64();
        Row { name, first: ms(first), other: ms(other), better: Some(better) }
    };
    let events = [first, other].map(Figures::events_per_second);
    let busy = [first, other].map(|figures| figures.events_per_processor_second().unwrap_or(0.0));
    let memory = |name, of: fn(&Figures) -> Option<u64>| {
        let (first, other) = (of(first), of(other));
        let text = |bytes: Option<u64>| bytes.map_or(ABSENT.to_owned(), megabytes);
        let better = first.zip(other).map(|(first, other)| share(other, first));
        Row { name, first: text(first), other: text(other), better }
    };
    vec![
        time("verdict to pre-commit, p50", &|figures| figures.promise.percentile(50)),
        time("verdict to pre-commit, p99", &|figures| figures.promise.percentile(99)),
        time("threshold to signature, p50", &|figures| figures.signature.percentile(50)),
        time("threshold to signature, p99", &|figures| figures.signature.percentile(99)),
        rate("events per second", events),
        rate("… of processor time", busy),
        time("processor time per proposal", &|figures| figures.processor.unwrap_or_default()),
        memory("peak memory", |figures| figures.peak_memory),
        memory("… without the program", |figures| figures.own_memory),
        time("start to ready", &|figures| figures.ready),
    ]
}

fn rate(name: &'static str, [first, other]: [f64; 2]) -> Row {
    let better = (other > 0.0).then_some(first / other);
    Row { name, first: format!("{first:.0}"), other: format!("{other:.0}"), better }
}

fn share(part: u64, whole: u64) -> f64 {
    let kib = |bytes: u64| f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX));
    kib(part) / kib(whole).max(1.0)
}
