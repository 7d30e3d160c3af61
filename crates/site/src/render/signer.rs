//! The configurations of the signer, of its vault, and of the link on the node's host.

use crate::render::Put as _;
use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::choices::{HostRole, Runtime};
use crate::rendered::Rendered;
use crate::secrets::Secret;
use crate::site::{Link, SigningKey, Site, Token};
use crate::wiring::Container;

use super::compose::Uid;
use super::{HEAD, View, text, texts};

/// Where the vault listens.
pub(super) const VAULT_SOCKET: &str = "/run/countersign/vault.sock";
/// The folder that it is in.
pub(super) const SOCKET_FOLDER: &str = "/run/countersign";

pub(super) fn files(view: View<'_>) -> Vec<Rendered> {
    let View { site, role, .. } = view;
    let mut files = Vec::new();
    if site.has_signer(role) {
        files.push(signer(view));
        if site.signer.vault {
            files.push(vault(site));
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
    let key = if site.signer.vault {
        format!("{{ vault = {} }}", text(VAULT_SOCKET))
    } else {
        key_place(site)
    };
    out.put(format_args!("key = {key}\n"));
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

/// Where the key is, for the program that opens it.
fn key_place(site: &Site) -> String {
    match (&site.signer.key, site.runtime) {
        (SigningKey::Token(Token { module, label, key_label, .. }), _) => format!(
            "{{ pkcs11 = {}, token = {}, key_label = {}, pin_credential = \"token-pin\" }}",
            text(module),
            text(label),
            text(key_label)
        ),
        (SigningKey::Credential, _) => "{ credential = \"signing-key\" }".to_owned(),
        (SigningKey::Age, Runtime::Systemd) => format!(
            "{{ age = {}, passphrase_credential = \"signer-passphrase\" }}",
            text(site.paths.sealed_key())
        ),
        (SigningKey::Age, Runtime::Docker) => format!(
            "{{ age = {}, passphrase_file = {} }}",
            text(site.paths.sealed_key()),
            text(site.paths.passphrase())
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

fn vault(site: &Site) -> Rendered {
    let folders = match site.signer.token() {
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
        text(VAULT_SOCKET),
        text(site.paths.vault_journal()),
        text(site.network),
        key_place(site),
    );
    for operator in &site.signer.operators {
        let user = text(operator);
        out.put(format_args!("\n[[caller]]\nuser = {user}\nroles = [\"operator\"]\n"));
    }
    Rendered::private(site.paths.vault_toml(), &site.users.vault, out)
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
