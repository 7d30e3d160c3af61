//! `countersign render`: every file of this host from its description.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use countersign_ops::exit::Exit;
use countersign_site::install::{Drift, InstallError, Installation, export};
use countersign_site::{HostRole, Rendered, Secrecy, Secrets, Site, files, secrets};

use crate::cli::Failed;
use crate::described;

/// What `render` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The description of the installation
    #[arg(long, value_name = "FILE", default_value = "/etc/countersign/countersign.toml")]
    config: PathBuf,
    /// Which of two hosts this is, if its host name does not say so: signer or node
    #[arg(long, value_name = "ROLE")]
    host: Option<HostRole>,
    /// Where the files are installed
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    #[command(flatten)]
    mode: Mode,
    /// Print one JSON array
    #[arg(long, conflicts_with = "diff")]
    json: bool,
}

/// What is done with the files. Without any of these they are installed.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Mode {
    /// Show how the installed files differ, and change nothing
    #[arg(long)]
    diff: bool,
    /// Name the installed files that differ, change nothing, and end with 14 if there are any
    #[arg(long)]
    check: bool,
    /// Write the files of every host into this folder instead, secrets apart
    #[arg(long, value_name = "DIR", conflicts_with = "root")]
    out: Option<PathBuf>,
}

pub(crate) const EXAMPLES: &str = "\
Installs what differs from what is rendered, removes what an earlier run installed and this one would not, and names
both. Twice gives the same state; a file is whole or not there. Owners are set only by root. Secrets are read from the
folder `secrets` beside the description, and are never shown.

Examples:
  countersign render --diff
  countersign render
  countersign render --check || echo drift
  countersign render --config ./countersign.toml --out rendered
";

/// Renders, and installs, compares or exports.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let site = described::site(&args.config)?;
    let folder = args.config.parent().unwrap_or(Path::new("")).join(secrets::FOLDER);
    let secrets = Secrets::load(&folder, &site)
        .map_err(|error| Failed::new(Exit::Usage, explained(error.is_denied(), error)))?;
    if let Some(folder) = &args.mode.out {
        return exported(args, &site, &secrets, folder, out);
    }
    let role = role(args.host, &site)?;
    let files = files(&site, role, &secrets);
    let installation = Installation::new(&args.root, &site, &files);
    if !installation.sets_owners() {
        eprint("not root: owners are neither compared nor set");
    }
    if args.mode.diff {
        let diff = installation.diff().map_err(denied)?;
        return write!(out, "{diff}").map_err(Failed::failure);
    }
    let drift = if args.mode.check {
        installation.drift().map_err(denied)?
    } else {
        installation.apply().map_err(denied)?
    };
    listed(args.json, &drift, out)?;
    if !args.mode.check {
        eprint(&done(drift.len()));
    }
    match drift.len() {
        0 => Ok(()),
        count if args.mode.check => {
            let error = format!("{count} files differ from what is rendered");
            Err(Failed::new(Exit::Drift, error))
        }
        _ => Ok(()),
    }
}

/// What another user than root may not do.
#[derive(Debug, thiserror::Error)]
#[error("{what} belongs to root: say it with sudo, or {instead}")]
pub(crate) struct NotRoot {
    /// What it is about.
    pub(crate) what: &'static str,
    /// What this user can do.
    pub(crate) instead: &'static str,
    /// What the operating system refuses.
    pub(crate) source: Box<dyn Error>,
}

fn denied(error: InstallError) -> Failed {
    let is_denied = error.is_denied();
    Failed::failure(explained(is_denied, error))
}

fn explained(is_denied: bool, error: impl Into<Box<dyn Error>>) -> Box<dyn Error> {
    let source = error.into();
    if !is_denied || rustix::process::geteuid().is_root() {
        return source;
    }
    let instead =
        "write the files into a folder of your own with --out DIR, from a description of your own";
    NotRoot { what: "what is installed, with its secrets,", instead, source }.into()
}

/// What is said when it is done: the list itself is of what was wrong before.
fn done(count: usize) -> String {
    match count {
        0 => "every file was as it should be; nothing was changed".to_owned(),
        1 => "1 file was changed; beside its name is what was wrong with it before".to_owned(),
        count => {
            format!("{count} files were changed; beside each name is what was wrong with it before")
        }
    }
}

fn listed(json: bool, drift: &[Drift], out: &mut dyn Write) -> Result<(), Failed> {
    if json {
        let drift = serde_json::to_string(drift).map_err(Failed::failure)?;
        return writeln!(out, "{drift}").map_err(Failed::failure);
    }
    for Drift { path, differences } in drift {
        let said: Vec<&str> = differences.iter().map(|difference| difference.name()).collect();
        writeln!(out, "{}: {}", path.display(), said.join(", ")).map_err(Failed::failure)?;
    }
    Ok(())
}

fn exported(
    args: &Args,
    site: &Site,
    secrets: &Secrets,
    folder: &Path,
    out: &mut dyn Write,
) -> Result<(), Failed> {
    let roles = args.host.map_or_else(|| site.roles().to_vec(), |role| vec![role]);
    let mut all = Vec::new();
    for role in roles {
        let files = files(site, role, secrets);
        let places = export(folder, role.name(), &files).map_err(Failed::failure)?;
        all.extend(files.into_iter().zip(places));
    }
    if args.json {
        let described: Vec<_> = all.iter().map(|(file, place)| described(file, place)).collect();
        let text = serde_json::to_string(&described).map_err(Failed::failure)?;
        return writeln!(out, "{text}").map_err(Failed::failure);
    }
    for (_, place) in all {
        writeln!(out, "{}", place.display()).map_err(Failed::failure)?;
    }
    Ok(())
}

fn described(file: &Rendered, place: &Path) -> serde_json::Value {
    serde_json::json!({
        "file": place.display().to_string(),
        "path": file.path.to_string(),
        "mode": format!("{:o}", file.mode),
        "owner": file.owner,
        "secret": file.secrecy == Secrecy::Secret,
    })
}

/// Which of the hosts this is.
pub(crate) fn role(given: Option<HostRole>, site: &Site) -> Result<HostRole, Failed> {
    if let Some(role) = given {
        if site.roles().contains(&role) {
            return Ok(role);
        }
        let error = format!("there is no host with the role {role}: there is one host, `signer`");
        return Err(Failed::argument(error));
    }
    if !site.has_two_hosts() {
        return Ok(HostRole::Signer);
    }
    let name = fs::read_to_string("/proc/sys/kernel/hostname").map_err(Failed::failure)?;
    site.role_of(name.trim()).ok_or_else(|| {
        let error = "the name of this host is that of neither host; say which it is with --host signer or --host node";
        Failed::argument(error)
    })
}

/// A word to the operator.
fn eprint(text: &str) {
    // With stderr closed there is nobody left to tell.
    drop(writeln!(std::io::stderr(), "{text}"));
}
