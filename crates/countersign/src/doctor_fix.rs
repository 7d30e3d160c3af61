//! `countersign doctor --fix`: what is harmless, after a yes.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use countersign_doctor::{Report, apply};

use crate::cli::Failed;

/// Says what it does, asks, and does it. What it says goes to stderr: stdout is the report's.
pub(crate) fn run(report: &Report, is_agreed: bool) -> Result<(), Failed> {
    let fixes = report.fixes();
    let say = |text: String| {
        // With stderr closed there is nobody left to tell.
        let _ = writeln!(io::stderr(), "{text}");
    };
    if fixes.is_empty() {
        say("there is nothing that can be mended without you".to_owned());
        return Ok(());
    }
    for fix in &fixes {
        say(format!("would do: {fix}"));
    }
    if !is_agreed && !is_yes().map_err(Failed::failure)? {
        say("nothing was changed".to_owned());
        return Ok(());
    }
    for fix in fixes {
        apply(fix).map_err(Failed::failure)?;
        say(format!("done: {fix}"));
    }
    Ok(())
}

/// Whether somebody at a terminal agrees.
fn is_yes() -> io::Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(io::Error::other("nobody is there to be asked; add --yes to agree beforehand"));
    }
    write!(io::stderr(), "Do it? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
