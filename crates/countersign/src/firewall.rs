//! `countersign firewall …`: the rules of this host, tried before they are kept.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use countersign_ops::exit::Exit;
use countersign_site::HostRole;
use countersign_site::firewall::{FirewallError, Force, Live, Slot, State, ruleset};
use serde_json::{Value, json};

use crate::cli::Failed;
use crate::described;
use crate::render::role;

/// What is done with the rules.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Print the rules, as `nft -f` takes them
    #[command(after_help = SHOW_EXAMPLES)]
    Show(Which),
    /// Put the rules in force for a time; then those before come back, unless these are confirmed
    #[command(after_help = EXAMPLES)]
    Apply {
        #[command(flatten)]
        which: Which,
        /// For how many seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(5..=3600))]
        rollback_after: u32,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Keep the rules that are on trial
    #[command(after_help = "Example:\n  countersign firewall confirm\n")]
    Confirm(Shown),
    /// Take the rules that are on trial back at once
    #[command(after_help = "Example:\n  countersign firewall rollback\n")]
    Rollback(Shown),
    /// Say what is in force
    #[command(after_help = "Example:\n  countersign firewall status\n")]
    Status(Shown),
    /// Compare what is in force with the description of the installation, and end with 14 if it differs
    #[command(after_help = "Example:\n  countersign firewall check || echo drift\n")]
    Check {
        #[command(flatten)]
        which: Which,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Of which host.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// The description of the installation
    #[arg(long, value_name = "FILE", default_value = "/etc/countersign/countersign.toml")]
    config: PathBuf,
    /// Which of two hosts this is, if its host name does not say so: signer or node
    #[arg(long, value_name = "ROLE")]
    host: Option<HostRole>,
}

/// How it is shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Shown {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

const SHOW_EXAMPLES: &str = "\
Examples:
  countersign firewall show
  countersign firewall show --config ./countersign.toml --host node
";

pub(crate) const EXAMPLES: &str = "\
The rules refuse from now on. If they lock you out, wait: the kernel itself takes them back when the time is over,
whatever has become of this program. If a new connection still works, confirm from there. At boot the rules in
firewall.nft are loaded, which `countersign render` writes.

Examples:
  countersign firewall apply --rollback-after 120
  countersign firewall confirm
  countersign firewall check
";

impl Which {
    fn rules(&self) -> Result<impl Fn(Slot, Force) -> String, Failed> {
        let site = described::site(&self.config)?;
        let role = role(self.host, &site)?;
        Ok(move |slot, force| ruleset(&site, role, slot, force))
    }
}

/// Does it, and says what is in force.
pub(crate) fn run(verb: Verb, out: &mut dyn Write) -> Result<(), Failed> {
    let live = Live::default();
    let said = |out: &mut dyn Write, is_json: bool, state: State| {
        let told = if is_json { to_json(state).to_string() } else { to_text(state) };
        writeln!(out, "{told}").map_err(Failed::failure)
    };
    match verb {
        Verb::Show(which) => {
            let rules = which.rules()?;
            write!(out, "{}", rules(Slot::A, Force::Permanent)).map_err(Failed::failure)
        }
        Verb::Apply { which, rollback_after, json } => {
            let time = Duration::from_secs(rollback_after.into());
            let state = live.try_out(which.rules()?, time).map_err(failed)?;
            said(out, json, state)
        }
        Verb::Confirm(Shown { json }) => {
            let slot = live.confirm().map_err(failed)?;
            said(out, json, State::InForce(slot))
        }
        Verb::Rollback(Shown { json }) => {
            let before = live.take_back().map_err(failed)?;
            said(out, json, before.map_or(State::Open, State::InForce))
        }
        Verb::Status(Shown { json }) => said(out, json, live.state().map_err(failed)?),
        Verb::Check { which, json } => check(&live, &which, json, out),
    }
}

fn check(live: &Live, which: &Which, is_json: bool, out: &mut dyn Write) -> Result<(), Failed> {
    let rules = which.rules()?;
    let state = live.state().map_err(failed)?;
    let slot = match state {
        State::InForce(slot) | State::OnTrial { slot, .. } => slot,
        State::Open => {
            if is_json {
                writeln!(out, "{}", to_json(state)).map_err(Failed::failure)?;
            }
            let error =
                "no rules are in force: everything is open; `countersign firewall apply` closes it";
            return Err(Failed::new(Exit::Drift, error));
        }
    };
    let drift = live.compare(slot, &rules(slot, Force::Permanent)).map_err(failed)?;
    if is_json {
        let mut shown = to_json(state);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("missing".to_owned(), json!(drift.missing));
            shown.insert("foreign".to_owned(), json!(drift.foreign));
            shown.insert("is_disordered".to_owned(), json!(drift.is_disordered));
        }
        writeln!(out, "{shown}").map_err(Failed::failure)?;
    } else {
        for (sign, lines) in [("-", &drift.missing), ("+", &drift.foreign)] {
            for line in lines {
                writeln!(out, "{sign} {line}").map_err(Failed::failure)?;
            }
        }
    }
    if drift.is_none() {
        return Ok(());
    }
    let error = "the kernel's rules are not those of countersign.toml; `countersign firewall apply` puts these in force";
    Err(Failed::new(Exit::Drift, error))
}

fn to_text(state: State) -> String {
    match state {
        State::Open => "no rules of ours are in force: everything is open".to_owned(),
        State::InForce(slot) => format!("the rules in table inet {} are in force", slot.table()),
        State::OnTrial { slot, left, before } => {
            let then = before.map_or("everything is open again", |_| "the rules before come back");
            format!(
                "the rules in table inet {} are on trial: in {} s {then}, unless `countersign firewall confirm` \
                 keeps these",
                slot.table(),
                left.as_secs()
            )
        }
    }
}

fn to_json(state: State) -> Value {
    match state {
        State::Open => json!({ "state": "open" }),
        State::InForce(slot) => json!({ "state": "in_force", "table": slot.table() }),
        State::OnTrial { slot, left, before } => json!({
            "state": "on_trial",
            "table": slot.table(),
            "left_secs": left.as_secs(),
            "before": before.map(Slot::table),
        }),
    }
}

fn failed(error: FirewallError) -> Failed {
    match error {
        FirewallError::NoUser { .. } => Failed::new(Exit::Usage, error),
        _ => Failed::failure(error),
    }
}
