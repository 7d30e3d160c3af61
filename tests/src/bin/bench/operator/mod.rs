//! What an operator waits for, each in turns with the least that this machine needs for something of its kind: a
//! program that starts and ends, another answer of the same server, the same files by plain writes, the same rows
//! taken in by PostgreSQL alone.

mod commands;
mod database;
mod devnet;

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::error::BenchError;
use crate::report::ms;
use crate::samples::Samples;

/// The figures of the operator's commands.
#[derive(Debug)]
pub(crate) struct OperatorFigures {
    figures: Vec<Figure>,
    /// Why backups were not measured, if they were not.
    no_backups: Option<&'static str>,
}

/// One thing that an operator waits for.
#[derive(Debug)]
struct Figure {
    name: &'static str,
    took: Samples,
    /// What it is compared with.
    floor: &'static str,
    floor_took: Samples,
    target: Option<Target>,
    /// How large it is, in bytes, and how large it may be.
    size: Option<(u64, Option<u64>)>,
    /// The seconds that a gigabyte takes, by the program's own word.
    seconds_per_gb: Option<f64>,
}

/// How long the median may be.
#[derive(Clone, Copy, Debug)]
enum Target {
    /// At most so long.
    Time(Duration),
    /// At most so many floors: of what the disk alone decides, nothing else can be said.
    Floors(f64),
}

/// Measures all of them, with files in `folder`.
pub(crate) fn measure(program: &Path, folder: &Path) -> Result<OperatorFigures, BenchError> {
    let mut figures = commands::beside_a_signer(program, &folder.join("signer"))?;
    figures.push(commands::render(program, &folder.join("render"))?);
    let no_backups = database::absence();
    if no_backups.is_none() {
        figures.push(database::verification(program)?);
    }
    Ok(OperatorFigures { figures, no_backups })
}

/// Both so often and in turns, so that whatever slows the machine down slows both down. Each is the first of the two
/// equally often.
fn in_turns(
    turns: u32,
    mut thing: impl FnMut(u32) -> Result<(), BenchError>,
    mut floor: impl FnMut(u32) -> Result<(), BenchError>,
) -> Result<[Samples; 2], BenchError> {
    let mut took = [Samples::default(), Samples::default()];
    let [of_thing, of_floor] = &mut took;
    for turn in 0..turns {
        for is_thing in [turn.is_multiple_of(2), !turn.is_multiple_of(2)] {
            let begun = Instant::now();
            if is_thing {
                thing(turn)?;
                of_thing.add(begun.elapsed());
            } else {
                floor(turn)?;
                of_floor.add(begun.elapsed());
            }
        }
    }
    Ok(took)
}

impl OperatorFigures {
    /// An object for each figure; null for what was not measured.
    pub(crate) fn to_json(&self) -> Value {
        let named = |figure: &Figure| (figure.name.replace(' ', "_"), figure.to_json());
        let mut object: Map<String, Value> = self.figures.iter().map(named).collect();
        if self.no_backups.is_some() {
            object.insert(database::NAME.replace(' ', "_"), Value::Null);
        }
        Value::Object(object)
    }
}

impl fmt::Display for OperatorFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "what an operator waits for")?;
        self.figures.iter().try_for_each(|figure| write!(f, "\n{figure}"))?;
        let Some(why) = self.no_backups else { return Ok(()) };
        write!(f, "\n  {:<20}not measured: {why}", database::NAME)
    }
}

impl Figure {
    fn ratio(&self) -> f64 {
        let (took, floor) = (self.took.percentile(50), self.floor_took.percentile(50));
        took.as_secs_f64() / floor.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn is_quick_enough(&self) -> Option<bool> {
        Some(match self.target? {
            Target::Time(most) => self.took.percentile(50) <= most,
            Target::Floors(most) => self.ratio() <= most,
        })
    }

    /// Times in µs.
    fn to_json(&self) -> Value {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        json!({
            "cases": self.took.count(),
            "p50_us": micros(self.took.percentile(50)),
            "worst_us": micros(self.took.percentile(100)),
            "floor": self.floor,
            "floor_p50_us": micros(self.floor_took.percentile(50)),
            "p50_to_floor": self.ratio(),
            "target": self.target.map(|target| target.to_string()),
            "is_quick_enough": self.is_quick_enough(),
            "bytes": self.size.map(|(bytes, _)| bytes),
            "most_bytes": self.size.and_then(|(_, most)| most),
            "seconds_per_gb": self.seconds_per_gb,
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(most) => write!(f, "{} ms", most.as_millis()),
            Self::Floors(most) => write!(f, "{most} times the floor"),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, worst] = [50, 100].map(|percent| ms(self.took.percentile(percent)));
        write!(f, "  {:<20}p50 {p50:>12}, worst {worst:>12}", self.name)?;
        if let (Some(target), Some(is_met)) = (self.target, self.is_quick_enough()) {
            let verdict = if is_met { "within" } else { "OVER" };
            write!(f, ", {verdict} the target of {target}")?;
        }
        let (ratio, floor) = (self.ratio(), ms(self.floor_took.percentile(50)));
        write!(f, "\n  {:<20}{ratio:.1} times {} ({floor})", "", self.floor)?;
        if let Some((bytes, most)) = self.size {
            write!(f, "\n  {:<20}{bytes} bytes", "")?;
            let verdict = |most| if bytes <= most { "within" } else { "OVER" };
            if let Some(most) = most {
                write!(f, ", {} the target of {most}", verdict(most))?;
            }
        }
        if let Some(seconds) = self.seconds_per_gb {
            write!(f, ", {seconds:.1} s for a gigabyte")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn figure(millis: u64, target: u64) -> Figure {
        let took = |millis| Samples::from_iter([Duration::from_millis(millis)]);
        Figure {
            name: "the page",
            took: took(millis),
            floor: "a page that is not there",
            floor_took: took(2),
            target: Some(Target::Time(Duration::from_millis(target))),
            size: Some((101, Some(100))),
            seconds_per_gb: None,
        }
    }

    #[test]
    fn a_figure_says_how_it_compares_with_its_floor_and_what_misses_its_target() {
        let text = figure(9, 10).to_string();
        assert!(text.contains("4.5 times a page that is not there (2.000 ms)"), "{text}");
        assert!(text.contains("within the target of 10 ms"), "{text}");
        assert!(text.contains("101 bytes, OVER the target of 100"), "{text}");
        assert!(figure(11, 10).to_string().contains("OVER the target of 10 ms"));
        let of_floors = |most| Figure { target: Some(Target::Floors(most)), ..figure(9, 10) };
        assert!(of_floors(5.0).to_string().contains("within the target of 5 times the floor"));
        assert!(of_floors(4.0).to_string().contains("OVER the target of 4 times the floor"));
    }

    #[test]
    fn each_of_two_is_the_first_equally_often() {
        let order = std::cell::RefCell::new(String::new());
        let add = |letter| order.borrow_mut().push(letter);
        let [took, floor_took] = in_turns(
            2,
            |_| {
                add('a');
                Ok(())
            },
            |_| {
                add('b');
                Ok(())
            },
        )
        .unwrap();
        assert_eq!((order.into_inner().as_str(), took.count(), floor_took.count()), ("abba", 2, 2));
    }
}
