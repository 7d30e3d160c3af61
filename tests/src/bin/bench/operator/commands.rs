//! Commands and pages.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use super::devnet::Devnet;
use super::{Figure, Target, in_turns};
use crate::error::BenchError;
use crate::process::get;

/// Every check, a scrape, and the status page with its data, of a signer that signs.
pub(super) fn beside_a_signer(program: &Path, folder: &Path) -> Result<Vec<Figure>, BenchError> {
    fs::create_dir_all(folder).map_err(BenchError::io("the devnet's folder"))?;
    let (_network, place) = Devnet::start(program, folder)?;
    let examine = |_| {
        let mut doctor = Command::new(program);
        doctor.args(["doctor", "--json", "--config"]).arg(&place.config);
        ran(&mut doctor, &GRADES).map(drop)
    };
    let start = |_| ran(Command::new(program).arg("--version"), &[0]).map(drop);
    let [took, floor_took] = in_turns(FEW, examine, start)?;
    let doctor = Figure {
        name: "doctor",
        took,
        floor: "`countersign --version`",
        floor_took,
        target: Some(Target::Time(Duration::from_secs(5))),
        size: None,
        seconds_per_gb: None,
    };
    let page = |name, server, path: &'static str, (floor, other, status)| {
        let fails = || BenchError::io("a page of the signer");
        let mut bytes = 0;
        let ask = |_| {
            bytes = get(server, path, 200).map_err(fails())?;
            Ok(())
        };
        let ask_other = |_| get(server, other, status).map(drop).map_err(fails());
        let [took, floor_took] = in_turns(MANY, ask, ask_other)?;
        let (target, size) = (Some(Target::Time(Duration::from_millis(50))), Some((bytes, None)));
        Ok::<_, BenchError>(Figure {
            name,
            took,
            floor,
            floor_took,
            target,
            size,
            seconds_per_gb: None,
        })
    };
    let alive = ("`GET /livez` of the same server", "/livez", 200);
    let nothing = ("a page that is not there, of the same server", "/nothing", 404);
    let mut scrape = page("scrape", place.metrics, "/metrics", alive)?;
    scrape.target = Some(Target::Time(Duration::from_millis(5)));
    let mut html = page("status page", place.page, "/", nothing)?;
    html.size = html.size.map(|(bytes, _)| (bytes, Some(100_000)));
    let data = page("status data", place.page, "/status.json", nothing)?;
    Ok(vec![doctor, scrape, html, data])
}

/// All files of a host from its description, beside writing files with the same names and contents, each synced.
pub(super) fn render(program: &Path, folder: &Path) -> Result<Figure, BenchError> {
    let fails = || BenchError::io("the rendered files");
    fs::create_dir_all(folder).map_err(fails())?;
    let here = |arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder);
        command
    };
    ran(&mut here(&["init", "--yes", "--dir", "site", "--signer-name", "signer-1"]), &[0])?;
    let rendering = |out: &str| {
        ran(&mut here(&["render", "--config", "site/countersign.toml", "--out", out]), &[0])
    };
    rendering("first")?;
    let mut files = Vec::new();
    collect(&folder.join("first"), Path::new(""), &mut files).map_err(fails())?;
    let render = |turn| rendering(&format!("rendered-{turn}")).map(drop);
    let copy = |turn| write(&folder.join(format!("written-{turn}")), &files).map_err(fails());
    let [took, floor_took] = in_turns(MANY, render, copy)?;
    let bytes = files.iter().map(|(_, content)| u64::try_from(content.len()).unwrap_or(0)).sum();
    Ok(Figure {
        name: "render",
        took,
        floor: "the same files by plain writes, each synced",
        floor_took,
        // Each file appears whole under its name, so its folder is synced, too.
        target: Some(Target::Floors(3.0)),
        size: Some((bytes, None)),
        seconds_per_gb: None,
    })
}

/// Every file below `folder`, by its path there.
fn collect(
    folder: &Path,
    below: &Path,
    files: &mut Vec<(PathBuf, Vec<u8>)>,
) -> Result<(), io::Error> {
    for entry in fs::read_dir(folder.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(folder, &path, files)?;
        } else {
            let content = fs::read(folder.join(&path))?;
            files.push((path, content));
        }
    }
    Ok(())
}

fn write(folder: &Path, files: &[(PathBuf, Vec<u8>)]) -> io::Result<()> {
    for (path, content) in files {
        let path = folder.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let mut file = File::create(path)?;
        file.write_all(content)?;
        file.sync_all()?;
    }
    Ok(())
}

/// Runs a command to its end, which has to be one of these.
pub(super) fn ran(command: &mut Command, expected: &[i32]) -> Result<Output, BenchError> {
    let output = command.output().map_err(BenchError::io("the program"))?;
    if output.status.code().is_some_and(|code| expected.contains(&code)) {
        return Ok(output);
    }
    let arguments: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    Err(BenchError::Failed {
        command: arguments.join(" "),
        words: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// How `doctor` ends when it has examined everything: good, or by the worst grade.
const GRADES: [i32; 4] = [0, 16, 17, 18];
const FEW: u32 = 10;
const MANY: u32 = 50;
