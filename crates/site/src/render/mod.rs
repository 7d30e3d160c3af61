//! From a [`Site`] to every file of a host: one module for each kind of file, each a pure function.

use std::fmt::{self, Write as _};

use crate::choices::HostRole;
use crate::rendered::Rendered;
use crate::secrets::Secrets;
use crate::site::Site;
use crate::values::AbsPath;

mod alerting;
mod bitcoin;
mod compose;
mod firewall;
mod kernel;
mod link;
mod logs;
mod monitoring;
mod node;
mod sbtc;
mod signer;
mod ssh;
mod time;
mod token;
mod units;
mod users;

pub use alerting::weight_cap;

/// What a generator sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) site: &'a Site,
    /// The host that is rendered for.
    pub(crate) role: HostRole,
    pub(crate) secrets: &'a Secrets,
}

/// Every generator. A new kind of file is one module and one line here.
const GENERATORS: &[fn(View<'_>) -> Vec<Rendered>] = &[
    signer::files,
    node::files,
    bitcoin::files,
    sbtc::files,
    units::files,
    firewall::files,
    link::files,
    compose::files,
    users::files,
    kernel::files,
    logs::files,
    ssh::files,
    time::files,
    token::files,
    monitoring::files,
    alerting::files,
];

/// Every file of the host with this role, by path.
pub fn files(site: &Site, role: HostRole, secrets: &Secrets) -> Vec<Rendered> {
    let view = View { site, role, secrets };
    let mut files: Vec<_> = GENERATORS.iter().flat_map(|generator| generator(view)).collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

/// The first line of each file, as a comment.
const HEAD: &str = "# Rendered from countersign.toml by `countersign render`: change it there.\n";

/// Text that grows.
pub(crate) trait Put {
    /// Adds to the end.
    fn put(&mut self, text: fmt::Arguments<'_>);
}

impl Put for String {
    fn put(&mut self, text: fmt::Arguments<'_>) {
        self.write_fmt(text).expect("a string takes everything");
    }
}

/// A constant path.
fn fixed(path: &str) -> AbsPath {
    path.parse().expect("paths of the program's are good")
}

/// A text in TOML, which needs no escapes: values are checked, secrets are plain.
fn text(value: impl fmt::Display) -> String {
    format!("\"{value}\"")
}

/// A list of texts, in TOML and in YAML.
fn texts<T: fmt::Display>(values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<String> = values.into_iter().map(text).collect();
    format!("[{}]", values.join(", "))
}
