//! The figures in words and as JSON.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::measure::Figures;
use crate::samples::Samples;

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    program: PathBuf,
    sizes: Vec<Figures>,
}

impl Report {
    /// A program that has not been measured yet.
    pub(crate) const fn new(program: PathBuf) -> Self {
        Self { program, sizes: Vec::new() }
    }

    /// Whose figures these are.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The figures, one for each size of the network.
    pub(crate) fn sizes(&self) -> &[Figures] {
        &self.sizes
    }

    /// Keeps the figures, unless an earlier run with as many signers was quicker.
    pub(crate) fn add(&mut self, figures: Figures) {
        match self.sizes.iter_mut().find(|earlier| earlier.signers == figures.signers) {
            Some(earlier) if earlier.answer_time() <= figures.answer_time() => {}
            Some(earlier) => *earlier = figures,
            None => self.sizes.push(figures),
        }
    }

    /// One object. Times end in their unit; what could not be measured is null.
    pub(crate) fn to_json(&self) -> Value {
        let sizes: Vec<Value> = self.sizes.iter().map(Figures::to_json).collect();
        json!({
            "program": self.program,
            "sizes": sizes,
        })
    }
}

impl Figures {
    fn to_json(&self) -> Value {
        let floor = &self.floor;
        let times = |samples: &Samples| {
            json!({
                "p50_us": micros(samples.percentile(50)),
                "p99_us": micros(samples.percentile(99)),
                "p50_to_floor": self.ratio(samples, 50),
                "p99_to_floor": self.ratio(samples, 99),
            })
        };
        json!({
            "signers": self.signers,
            "proposals": self.proposals,
            "floor": {
                "fdatasync_us": micros(floor.sync),
                "round_trip_us": micros(floor.round_trip),
                "signature_us": micros(floor.signature),
                "sum_us": micros(floor.sum()),
                "sum_p99_us": micros(floor.sum_p99),
            },
            "verdict_to_pre_commit": times(&self.promise),
            "threshold_to_signature": times(&self.signature),
            "events_per_second": self.events_per_second(),
            "events_per_processor_second": self.events_per_processor_second(),
            "events_delivery_share": self.delivery_share(),
            "processor_seconds_per_1000_proposals": self.processor_seconds(),
            "peak_memory_bytes": self.peak_memory,
            "own_memory_bytes": self.own_memory,
            "start_to_ready_us": micros(self.ready),
            "start_to_ready_with_rows_us": self.ready_aged.map(micros),
            "backup": self.pause.as_ref().map(|pause| json!({
                "longest_answer_p50_us": micros(pause.during.percentile(50)),
                "longest_answer_without_p50_us": micros(pause.quiet.percentile(50)),
                "took_p50_us": micros(pause.backup.percentile(50)),
            })),
            "is_fast_enough": self.is_fast_enough(),
            "is_steady_enough": self.is_steady_enough(),
            "is_small_enough": self.is_small_enough(),
        })
    }

    fn ratio(&self, samples: &Samples, percent: usize) -> f64 {
        samples.percentile(percent).as_secs_f64() / self.floor.sum().as_secs_f64()
    }

    /// The medians of what the network waits for, which tell a quick run from a slow one.
    fn answer_time(&self) -> Duration {
        self.promise.percentile(50) + self.signature.percentile(50)
    }

    fn is_fast_enough(&self) -> bool {
        self.are_within(50, MAX_RATIO)
    }

    fn is_steady_enough(&self) -> bool {
        self.are_within(99, MAX_RATIO_P99)
    }

    fn are_within(&self, percent: usize, limit: f64) -> bool {
        let both = [&self.promise, &self.signature];
        both.into_iter().all(|samples| self.ratio(samples, percent) <= limit)
    }

    fn times(&self, f: &mut fmt::Formatter<'_>, name: &str, samples: &Samples) -> fmt::Result {
        let part = |percent| {
            let ratio = self.ratio(samples, percent);
            format!("p{percent} {} ({ratio:.1} × floor)", ms(samples.percentile(percent)))
        };
        writeln!(f, "  {name:<26}{}, {}", part(50), part(99))
    }

    pub(crate) fn events_per_second(&self) -> f64 {
        f64::from(self.flood) / self.flood_took.as_secs_f64()
    }

    /// How many it would process if it had one processor and nothing to wait for.
    pub(crate) fn events_per_processor_second(&self) -> Option<f64> {
        let processor = self.flood_processor?.as_secs_f64();
        (processor > 0.0).then(|| f64::from(self.flood) / processor)
    }

    /// Which part of the time the node needed to deliver the events: near 1, the node was the limit.
    fn delivery_share(&self) -> f64 {
        self.flood_delivery.as_secs_f64() / self.flood_took.as_secs_f64()
    }

    fn processor_seconds(&self) -> Option<f64> {
        let processor = self.processor?.as_secs_f64();
        Some(processor * 1000.0)
    }

    fn is_small_enough(&self) -> Option<bool> {
        self.peak_memory.map(|bytes| bytes < MAX_MEMORY)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "program {}", self.program.display())?;
        self.sizes.iter().try_for_each(|figures| write!(f, "\n{figures}"))
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} signers, {} proposals", self.signers, self.proposals)?;
        let floor = &self.floor;
        let (sync, trip, by) = (ms(floor.sync), ms(floor.round_trip), ms(floor.signature));
        let sum = ms(floor.sum());
        writeln!(
            f,
            "  {:<26}{sum} = fdatasync {sync} + round trip {trip} + signature {by}",
            "floor"
        )?;
        writeln!(f, "  {:<26}{}", "floor, p99", ms(floor.sum_p99))?;
        self.times(f, "verdict to pre-commit", &self.promise)?;
        self.times(f, "threshold to signature", &self.signature)?;
        let (events, share) = (self.events_per_second(), self.delivery_share() * 100.0);
        writeln!(
            f,
            "  {:<26}{events:.0} per second (node's delivery: {share:.0} % of it)",
            "events"
        )?;
        let busy = self.events_per_processor_second();
        let busy = busy.map_or(ABSENT.to_owned(), |events| format!("{events:.0}"));
        writeln!(f, "  {:<26}{busy} per second of processor time", "… without the node")?;
        let processor = self.processor_seconds();
        let processor = processor.map_or(ABSENT.to_owned(), |s| format!("{s:.1} s"));
        writeln!(f, "  {:<26}{processor} per 1,000 proposals", "processor time")?;
        let memory = self.peak_memory.map_or(ABSENT.to_owned(), megabytes);
        let own = self.own_memory.map_or(ABSENT.to_owned(), megabytes);
        writeln!(f, "  {:<26}{memory} at its peak, {own} without the program", "memory")?;
        writeln!(f, "  {:<26}{}", "start to ready", ms(self.ready))?;
        let aged = self.ready_aged.map_or(ABSENT.to_owned(), ms);
        writeln!(f, "  {:<26}{aged}", "… with 100,000 rows")?;
        let pause = self.pause.as_ref().map_or(ABSENT.to_owned(), |pause| {
            let [during, quiet, backup] =
                [&pause.during, &pause.quiet, &pause.backup].map(|it| ms(it.percentile(50)));
            format!("{during} the longest answer, {quiet} without one; it takes {backup}")
        });
        writeln!(f, "  {:<26}{pause}", "… while backed up")?;
        writeln!(f, "  {:<26}{}", "p50 within 2 × floor", met(Some(self.is_fast_enough())))?;
        writeln!(f, "  {:<26}{}", "p99 within 5 × floor", met(Some(self.is_steady_enough())))?;
        writeln!(f, "  {:<26}{}", "memory under 40 MB", met(self.is_small_enough()))
    }
}

fn met(target: Option<bool>) -> &'static str {
    match target {
        Some(true) => "yes",
        Some(false) => "no",
        None => ABSENT,
    }
}

pub(crate) fn ms(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1000.0)
}

pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

pub(crate) const ABSENT: &str = "n/a";
/// The targets: how many times the floor the medians and the 99th percentiles may be, and the memory
/// in bytes.
const MAX_RATIO: f64 = 2.0;
const MAX_RATIO_P99: f64 = 5.0;
const MAX_MEMORY: u64 = 40_000_000;
