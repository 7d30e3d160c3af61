//! Starting cargo in the root of the workspace.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::report::StepError;

/// Cargo, and the workspace it is run in.
pub(crate) struct Cargo {
    program: OsString,
    root: PathBuf,
}

impl Cargo {
    /// The cargo that started this program, and the root of the workspace around the current folder.
    pub(crate) fn locate() -> Result<Self, StepError> {
        let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut cargo = Self { program, root: PathBuf::from(".") };
        let manifest =
            cargo.output(&["locate-project", "--workspace", "--message-format", "plain"])?;
        let root = Path::new(manifest.trim()).parent().ok_or_else(|| StepError::Malformed {
            what: "the answer of `cargo locate-project`".to_owned(),
            reason: format!("`{}` has no folder", manifest.trim()),
        })?;
        cargo.root = root.to_path_buf();
        Ok(cargo)
    }

    /// The folder of the workspace's Cargo.toml.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Runs a subcommand to its end; its output goes to the terminal.
    pub(crate) fn run(&self, args: &[&str], env: &[(&str, &str)]) -> Result<(), StepError> {
        let mut command = self.command(args);
        command.envs(env.iter().copied());
        let status = command
            .status()
            .map_err(|source| StepError::Start { command: self.line(args), source })?;
        if status.success() {
            Ok(())
        } else {
            Err(StepError::Command { command: self.line(args), status })
        }
    }

    /// What a subcommand prints on stdout; its stderr goes to the terminal.
    pub(crate) fn output(&self, args: &[&str]) -> Result<String, StepError> {
        let output = self
            .command(args)
            .stderr(Stdio::inherit())
            .output()
            .map_err(|source| StepError::Start { command: self.line(args), source })?;
        if !output.status.success() {
            return Err(StepError::Command { command: self.line(args), status: output.status });
        }
        String::from_utf8(output.stdout).map_err(|error| StepError::Malformed {
            what: format!("the output of `{}`", self.line(args)),
            reason: error.to_string(),
        })
    }

    /// Whether a subcommand works; it prints nothing.
    pub(crate) fn has(&self, args: &[&str]) -> bool {
        self.command(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// A command that is ready to be started in the root of the workspace.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(&self.root);
        // `cargo run` describes this package to this process. Build scripts that watch these
        // variables would run again, and their packages be built again, at each step.
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(describes_this_package) {
                command.env_remove(name);
            }
        }
        command
    }

    /// The command as a developer would type it.
    pub(crate) fn line(&self, args: &[&str]) -> String {
        let name = Path::new(&self.program).file_name().unwrap_or(&self.program);
        format!("{} {}", name.to_string_lossy(), args.join(" "))
    }
}

fn describes_this_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
        .iter()
        .any(|prefix| variable.starts_with(prefix))
}
