//! The configurations of the signer, of its vault, and of the link on the node's host.

use crate::render::Put as _;
use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::choices::{HostRole, Runtime};
use crate::rendered::Rendered;
use crate::secrets::Secret;
use crate::site::{Link, Place, SigningKey, Site, Token, Turn};
use crate::wiring::Container;

use super::compose::Uid;
use super::{HEAD, View, text, texts};

/// The folder of the vaults' sockets.
pub(super) const SOCKET_FOLDER: &str = "/run/countersign";

/// Where the vault listens with the key whose turn it is.
pub(super) const fn vault_socket(turn: Turn) -> &'static str {
    match turn {
        Turn::Now => "/run/countersign/vault.sock",
        Turn::Next => "/run/countersign/vault-next.sock",
    }
}

pub(super) fn files(view: View<'_>) -> Vec<Rendered> {
    let View { site, role, .. } = view;
    let mut files = Vec::new();
    if site.has_signer(role) {
        files.push(signer(view));
        if site.signer.vault {
            files.extend(site.signer.keys().map(|(turn, key)| vault(site, turn, key)));
        }
    }
    if let Some(Link::Countersign { signer, .. }) = &site.link
        && site.has_node(role)
    {
        files.push(link(site, signer.as_str()));
    }
    files
}

fn signer(view: View<'_>) -> Rendered {
    let View { site, secrets, .. } = view;
    let password = secrets.expose(Secret::AuthToken).unwrap_or_default();
    let mut out = HEAD.to_owned();
    let mut line = |key: &str, value: String| out.put(format_args!("{key} = {value}\n"));
    line("node_host", text(site.node_host()));
    line("endpoint", text(site.signer_endpoint()));
    line("network", text(site.network));
    line("auth_password", text(password));
    line("db_path", text(site.paths.signer_db()));
    line("metrics_endpoint", text(site.signer_metrics()));
    out.push_str("\n[countersign]\n");
    for (turn, key) in site.signer.keys() {
        let name = match turn {
            Turn::Now => "key",
            Turn::Next => "next_key",
        };
        let place = if site.signer.vault {
            format!("{{ vault = {} }}", text(vault_socket(turn)))
        } else {
            key_place(site, key)
        };
        out.put(format_args!("{name} = {place}\n"));
    }
    out.put(format_args!("status_page = {}\n", text(site.status_page())));
    if site.runtime == Runtime::Docker {
        let host = site.inside(Container::Gateway);
        out.put(format_args!("status_page_peer = {}\n", text(host)));
    }
    if let Some(peers) = allowed_peers(site) {
        out.put(format_args!("allowed_peers = {}\n", texts(peers)));
    }
    if let Some(Link::Countersign { node, .. }) = &site.link {
        let tls = site.paths.tls();
        let table = format!(
            "{{ certificate = {}, key = {}, peers = [{}] }}",
            text(tls.join("signer.crt")),
            text(tls.join("signer.key")),
            text(node)
        );
        out.put(format_args!("tls = {table}\nnode_tls = {table}\n"));
    }
    Rendered::secret(site.paths.signer_config(), &site.users.signer, out)
}

/// Where a key is, for the program that opens it.
fn key_place(site: &Site, key: &SigningKey) -> String {
    let credential = text(key.credential());
    match (&key.place, site.runtime) {
        (Place::Token(Token { module, label, key_label, .. }), _) => format!(
            "{{ pkcs11 = {}, token = {}, key_label = {}, pin_credential = {credential} }}",
            text(module),
            text(label),
            text(key_label)
        ),
        (Place::Credential, _) => format!("{{ credential = {credential} }}"),
        (Place::Age, Runtime::Systemd) => format!(
            "{{ age = {}, passphrase_credential = {credential} }}",
            text(site.paths.sealed_key(key))
        ),
        (Place::Age, Runtime::Docker) => format!(
            "{{ age = {}, passphrase_file = {} }}",
            text(site.paths.sealed_key(key)),
            text(site.paths.passphrase(key))
        ),
    }
}

/// Who may connect, unless everything is on loopback.
fn allowed_peers(site: &Site) -> Option<Vec<IpNet>> {
    let (endpoint, metrics) = (site.signer_endpoint().ip(), site.signer_metrics().ip());
    if endpoint.is_loopback() && metrics.is_loopback() {
        return None;
    }
    let mut peers: BTreeSet<IpAddr> = BTreeSet::new();
    // What runs on the host itself: Prometheus, the doctor, a proxy.
    peers.extend([site.inside(Container::Gateway), endpoint, metrics]);
    if site.has_two_hosts() {
        peers.extend([site.host(HostRole::Node).address, site.peer_address(HostRole::Node)]);
    } else {
        peers.insert(site.inside(Container::Node));
    }
    let mut networks: BTreeSet<IpNet> = peers.into_iter().map(IpNet::from).collect();
    networks.extend(&site.monitoring.sources);
    Some(networks.into_iter().collect())
}

fn vault(site: &Site, turn: Turn, key: &SigningKey) -> Rendered {
    let folders = match key.token() {
        Some(token) if !token.folders.is_empty() => {
            format!("token_folders = {}\n", texts(&token.folders))
        }
        _ => String::new(),
    };
    // An image has no names of users.
    let caller = match site.runtime {
        Runtime::Systemd => format!("user = {}", text(&site.users.signer)),
        Runtime::Docker => format!("uid = {}", Uid::Signer.number()),
    };
    let mut out = format!(
        "{HEAD}socket = {}\njournal = {}\nnetwork = {}\nkey = {}\n{folders}\n[[caller]]\n{caller}\n\
         roles = [\"block-signer\"]\n",
        text(vault_socket(turn)),
        text(site.paths.vault_journal(key)),
        text(site.network),
        key_place(site, key),
    );
    for operator in &site.signer.operators {
        let user = text(operator);
        out.put(format_args!("\n[[caller]]\nuser = {user}\nroles = [\"operator\"]\n"));
    }
    Rendered::private(site.paths.vault_toml(turn), &site.users.vault, out)
}

fn link(site: &Site, signer_pin: &str) -> Rendered {
    let signer = site.host(HostRole::Signer).address;
    let out = format!(
        "{HEAD}certificate = {}\nkey = {}\npeers = [{}]\n\n[events]\nlisten = {}\nto = {}\n\n\
         [rpc]\nlisten = {}\nto = {}\nallowed_peers = [{}]\n",
        text(site.paths.tls().join("link.crt")),
        text(site.paths.tls().join("link.key")),
        text(signer_pin),
        text(site.observer()),
        text(std::net::SocketAddr::new(signer, site.ports.signer.get())),
        text(site.link_rpc()),
        text(site.node_rpc()),
        text(signer),
    );
    Rendered::private(site.paths.link_toml(), &site.users.link, out)
}
