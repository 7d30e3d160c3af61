//! A folder with a good configuration, and the program run in it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// The key of the golden vectors; it controls nothing.
pub(crate) const KEY: &str = "6d430bb91222408e7706c9001cfaeb91b08c2be6d5ac95779ab52c6b431950e001";

/// A working folder.
pub(crate) struct Place {
    folder: TempDir,
    lines: Vec<String>,
}

impl Place {
    /// A folder with a configuration that is good. Port 9 of this machine is nobody's node.
    pub(crate) fn good() -> Self {
        let lines = [
            "node_host = \"127.0.0.1:9\"",
            "endpoint = \"127.0.0.1:0\"",
            &format!("stacks_private_key = \"{KEY}\""),
            "network = \"mocknet\"",
            "auth_password = \"correct horse\"",
            "db_path = \"signer.sqlite\"",
        ];
        let lines = lines.map(str::to_owned).to_vec();
        Self { folder: tempfile::tempdir().unwrap(), lines }
    }

    /// The same with a key that no other place has: of one key only one signer runs on a machine.
    pub(crate) fn startable() -> Self {
        static PLACES: AtomicU32 = AtomicU32::new(1);
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let key = format!("{:032x}{:032x}", std::process::id(), number);
        Self::good().with("stacks_private_key", &format!("stacks_private_key = \"{key}\""))
    }

    /// The key in the configuration, in hex.
    pub(crate) fn key(&self) -> &str {
        let line = self.lines.iter().find_map(|line| line.strip_prefix("stacks_private_key = "));
        line.unwrap().trim_matches('"')
    }

    /// The same with the line of `key` replaced, or added.
    pub(crate) fn with(mut self, key: &str, line: &str) -> Self {
        self.lines.retain(|known| !known.starts_with(&format!("{key} ")));
        self.lines.push(line.to_owned());
        self
    }

    /// The same without the line of `key`.
    pub(crate) fn without(mut self, key: &str) -> Self {
        self.lines.retain(|known| !known.starts_with(&format!("{key} ")));
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the configuration.
    pub(crate) fn write(&self) -> PathBuf {
        let path = self.path().join("signer-config.toml");
        fs::write(&path, self.lines.join("\n")).unwrap();
        path
    }

    /// Runs a verb on the configuration to its end. What it says has a line each for the exit code and
    /// both outputs.
    pub(crate) fn said(&self, verb: &str) -> String {
        self.write();
        said(&self.command(&[verb, "--config", "signer-config.toml"]).output().unwrap())
    }

    /// The program in this folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = countersign(args);
        command.current_dir(self.path());
        command
    }

    /// Starts the signer.
    pub(crate) fn start(&self) -> Child {
        self.write();
        self.command(&["run", "--config", "signer-config.toml"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The files in the folder beside the configuration.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "signer-config.toml")
            .collect();
        names.sort();
        names
    }
}

/// The program with these arguments and without the environment's wishes about logs.
pub(crate) fn countersign(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(args);
    for variable in ["RUST_LOG", "STACKS_LOG_JSON", "STACKS_LOG_DEBUG", "STACKS_LOG_TRACE"] {
        command.env_remove(variable);
    }
    command
}

/// Exit code and outputs, with what differs between machines and builds replaced.
pub(crate) fn said(output: &Output) -> String {
    let code = output.status.code().map_or("a signal".to_owned(), |code| code.to_string());
    let mut text = format!("exit: {code}\n");
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            let printed = String::from_utf8_lossy(bytes);
            writeln!(text, "--- {name}\n{}", printed.trim_end()).unwrap();
        }
    }
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    text.replace(&format!("({build} build, {os} [{arch}])"), "(<build>)")
        .lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}
