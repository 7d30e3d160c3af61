//! The link by programs of the distribution (`crate::link`), where it is installed.

use crate::firewall::TUNNEL;
use crate::link::{haproxy, nginx, wireguard};
use crate::rendered::Rendered;

use super::{HEAD, View, fixed};

pub(super) fn files(View { site, role, .. }: View<'_>) -> Vec<Rendered> {
    let paths = &site.paths;
    let tunnel = fixed("/etc/wireguard").join(&format!("{TUNNEL}.conf"));
    // None holds a secret; wg-quick wants its own for root alone all the same.
    [
        (paths.nginx_conf(), 0o644, nginx(site, role)),
        (paths.haproxy_cfg(), 0o644, haproxy(site, role)),
        (tunnel, 0o600, wireguard(site, role)),
    ]
    .into_iter()
    .filter_map(|(path, mode, text)| {
        Some(Rendered { mode, ..Rendered::public(path, format!("{HEAD}\n{}", text?)) })
    })
    .collect()
}
