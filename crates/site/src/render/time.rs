//! Time servers.

use crate::rendered::Rendered;
use crate::values::HostName;

use super::{HEAD, View, fixed};

pub(super) fn files(view: View<'_>) -> Vec<Rendered> {
    let servers: Vec<&str> = view.site.time_servers.iter().map(HostName::as_str).collect();
    if servers.is_empty() {
        return Vec::new();
    }
    let out = format!("{HEAD}[Time]\nNTP={}\n", servers.join(" "));
    vec![Rendered::public(fixed("/etc/systemd/timesyncd.conf.d/50-countersign.conf"), out)]
}
