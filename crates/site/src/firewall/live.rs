//! The rules that the kernel has, and changing them so that a mistake undoes itself.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::drift::Drift;
use super::rules::{Force, Slot};

/// Why the firewall cannot be looked at or changed.
#[derive(Debug, thiserror::Error)]
pub enum FirewallError {
    /// There is no `nft`, or no `unshare`.
    #[error(
        "{} cannot be started; install nftables and util-linux (`apt-get install nftables util-linux`)",
        program.display()
    )]
    NoProgram {
        /// What was to be started.
        program: PathBuf,
        /// Why it could not.
        #[source]
        source: io::Error,
    },
    /// The kernel does not let this user.
    #[error("only root may look at the firewall or change it; say it with sudo")]
    NotRoot,
    /// A user whom the rules name does not exist.
    #[error("{words}; `systemd-sysusers` makes the users of the installation. Nothing was changed")]
    NoUser {
        /// What `nft` says.
        words: String,
    },
    /// `nft` refuses.
    #[error("nft refuses, and nothing was changed: {words}")]
    Refused {
        /// What it says.
        words: String,
    },
    /// There is nothing to confirm or to take back.
    #[error(
        "no rules are on trial: they were confirmed, or their time is over and those before are in force"
    )]
    NothingOnTrial,
    /// What `nft` shows is not understood.
    #[error("what nft shows is not understood: {what}; is it of version 1.0 or later?")]
    Strange {
        /// What is wrong with it.
        what: String,
    },
}

/// What is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing of ours.
    Open,
    /// The rules in this table.
    InForce(Slot),
    /// The rules in `slot`, until their time is over; then those in `before` again, or none.
    OnTrial {
        /// The table that is tried.
        slot: Slot,
        /// How long it still refuses, in whole seconds.
        left: Duration,
        /// The table whose rules come back.
        before: Option<Slot>,
    },
}

/// The kernel's rules, through `nft`.
#[derive(Clone, Debug)]
pub struct Live {
    program: PathBuf,
}

impl Default for Live {
    fn default() -> Self {
        Self { program: "nft".into() }
    }
}

impl Live {
    /// What is in force now.
    pub fn state(&self) -> Result<State, FirewallError> {
        let listed = self.run(&["-j", "list", "sets", "inet"], "")?;
        let sets: Value = serde_json::from_slice(&listed.stdout)
            .map_err(|error| FirewallError::Strange { what: error.to_string() })?;
        let in_force = |slot| find_life(&sets, slot, "in_force");
        let permanent = Slot::ALL.into_iter().find(|slot| in_force(*slot) == Some(Life::Permanent));
        let on_trial = Slot::ALL.into_iter().find_map(|slot| match in_force(slot) {
            Some(Life::For(left)) => Some((slot, left)),
            _ => None,
        });
        Ok(match (on_trial, permanent) {
            (Some((slot, left)), before) => State::OnTrial { slot, left, before },
            (None, Some(slot)) => State::InForce(slot),
            (None, None) => State::Open,
        })
    }

    /// Whether `nft` would take these rules. Nothing is changed.
    pub fn check(&self, rules: &str) -> Result<(), FirewallError> {
        self.run(&["-c", "-f", "-"], rules).map(drop)
    }

    /// Puts rules in force for `time`. Then those before come back, unless the new ones are confirmed; rules that
    /// were on trial already are replaced. `rules` gives the text for a table.
    pub fn try_out(
        &self,
        rules: impl Fn(Slot, Force) -> String,
        time: Duration,
    ) -> Result<State, FirewallError> {
        let before = match self.state()? {
            State::Open => None,
            State::InForce(before) => Some(before),
            State::OnTrial { before, .. } => before,
        };
        let slot = before.map_or(Slot::A, Slot::other);
        let force = Force::For(time);
        let mut text = String::new();
        // First, so that they end first: the clock of each element starts when the kernel reads it. For a moment
        // both tables refuse then; the other way round neither would, and what comes in meanwhile stays.
        if let Some(before) = before.map(Slot::table) {
            let elements = force.elements();
            text.extend([
                format!("flush set inet {before} suspended\n"),
                format!("add element inet {before} suspended {elements}\n"),
            ]);
        }
        text.push_str(&rules(slot, force));
        self.run(&["-f", "-"], &text)?;
        Ok(State::OnTrial { slot, left: time, before })
    }

    /// Makes the rules on trial permanent, and removes those before.
    pub fn confirm(&self) -> Result<Slot, FirewallError> {
        let State::OnTrial { slot, before, .. } = self.state()? else {
            return Err(FirewallError::NothingOnTrial);
        };
        let (table, elements) = (slot.table(), Force::Permanent.elements());
        let mut text = format!(
            "flush set inet {table} in_force\nadd element inet {table} in_force {elements}\n"
        );
        if let Some(before) = before.map(Slot::table) {
            text.extend([format!("delete table inet {before}\n")]);
        }
        self.run(&["-f", "-"], &text)?;
        Ok(slot)
    }

    /// Takes the rules on trial back before their time is over.
    pub fn take_back(&self) -> Result<Option<Slot>, FirewallError> {
        let State::OnTrial { slot, before, .. } = self.state()? else {
            return Err(FirewallError::NothingOnTrial);
        };
        let mut text = format!("delete table inet {}\n", slot.table());
        if let Some(before) = before.map(Slot::table) {
            text.extend([format!("flush set inet {before} suspended\n")]);
        }
        self.run(&["-f", "-"], &text)?;
        Ok(before)
    }

    /// What the kernel has in `slot` and what these rules would put there, compared. The rules are loaded into a
    /// network namespace of their own, where they reach nothing, to have both in the words of the same `nft`.
    pub fn compare(&self, slot: Slot, rules: &str) -> Result<Drift, FirewallError> {
        let table = slot.table();
        let live = self.run(&["-s", "list", "table", "inet", table], "")?;
        let program = self.program.to_string_lossy();
        let elsewhere = Self { program: "unshare".into() };
        let load = "\"$0\" -f - && exec \"$0\" -s list table inet \"$1\"";
        let meant = elsewhere.run(&["--net", "--", "sh", "-c", load, &program, table], rules)?;
        let words = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(Drift::between(&words(&meant), &words(&live)))
    }

    fn run(&self, arguments: &[&str], input: &str) -> Result<Output, FirewallError> {
        let fails = |source| FirewallError::NoProgram { program: self.program.clone(), source };
        let mut child = Command::new(&self.program)
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(fails)?;
        if let Some(mut stdin) = child.stdin.take() {
            // Whoever does not listen says why, and that is what is reported.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().map_err(fails)?;
        if output.status.success() { Ok(output) } else { Err(refusal(&output)) }
    }
}

fn refusal(output: &Output) -> FirewallError {
    let said = String::from_utf8_lossy(&output.stderr);
    let words = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
    let words = words.trim().to_owned();
    match () {
        () if said.contains("Operation not permitted") => FirewallError::NotRoot,
        () if said.contains("User does not exist") => FirewallError::NoUser { words },
        () => FirewallError::Refused { words },
    }
}

/// How long the elements of a set stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Permanent,
    For(Duration),
}

/// The life of a set's elements in what `nft -j list sets` shows; none if it has no elements, or is not there.
fn find_life(sets: &Value, slot: Slot, name: &str) -> Option<Life> {
    let all = sets.get("nftables")?.as_array()?;
    let is_meant = |set: &&Value| {
        let says = |key: &str, value: &str| set.get(key).and_then(Value::as_str) == Some(value);
        says("table", slot.table()) && says("name", name)
    };
    let set = all.iter().filter_map(|entry| entry.get("set")).find(is_meant)?;
    let element = set.get("elem")?.as_array()?.first()?;
    match element.get("elem").and_then(|element| element.get("expires")) {
        Some(seconds) => Some(Life::For(Duration::from_secs(seconds.as_u64().unwrap_or_default()))),
        None => Some(Life::Permanent),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sets(elements: &Value) -> Value {
        let set = |name: &str, elements: &Value| json!({ "set": { "family": "inet", "name": name, "table": "countersign_b", "elem": elements } });
        json!({ "nftables": [
            { "metainfo": { "version": "1.0.6" } },
            set("pace_ssh4", &json!(["192.0.2.1"])),
            set("in_force", elements),
        ] })
    }

    #[test]
    fn elements_stay_for_ever_or_for_what_is_left() {
        let life = |elements| find_life(&sets(&elements), Slot::B, "in_force");
        assert_eq!(life(json!(["ipv4", "ipv6"])), Some(Life::Permanent));
        let timed = json!([{ "elem": { "val": "ipv4", "timeout": 60, "expires": 41 } }]);
        assert_eq!(life(timed.clone()), Some(Life::For(Duration::from_secs(41))));
        assert_eq!(life(json!([])), None);
        assert_eq!(find_life(&sets(&timed), Slot::A, "in_force"), None);
        assert_eq!(find_life(&json!({ "nftables": "?" }), Slot::B, "in_force"), None);
    }
}
