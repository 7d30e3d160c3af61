//! stacks-node's configuration, for a node that serves one signer and nobody else (rows A5, A7, E16).

use crate::choices::Network;
use crate::render::Put as _;
use crate::rendered::Rendered;
use crate::secrets::Secret;
use crate::site::Site;
use crate::testnet;
use crate::values::Bootstrap;

use super::{HEAD, View, text, texts};

pub(super) fn files(view: View<'_>) -> Vec<Rendered> {
    let View { site, role, .. } = view;
    if !site.has_node(role) {
        return Vec::new();
    }
    let mut out = HEAD.to_owned();
    out.push_str(&node(site));
    out.push_str(&burnchain(view));
    out.push_str(&connections(view));
    out.push_str(&observers(site));
    if site.network == Network::Testnet {
        out.push_str(&testnet::genesis());
    }
    vec![Rendered::secret(site.paths.node_toml(), &site.users.node, out)]
}

fn node(site: &Site) -> String {
    let mut out = format!(
        "\n[node]\nworking_dir = {}\nrpc_bind = {}\np2p_bind = {}\nprometheus_bind = {}\n",
        text(&site.paths.node_state),
        text(site.node_rpc()),
        text(format_args!("0.0.0.0:{}", site.ports.node_p2p)),
        text(site.node_metrics()),
    );
    if let Some(public) = site.host(site.node_role()).public_address {
        let address = std::net::SocketAddr::new(public, site.ports.node_p2p.get());
        out.put(format_args!("p2p_address = {}\n", text(address)));
    }
    if !site.node.bootstrap.is_empty() {
        let peers: Vec<&str> = site.node.bootstrap.iter().map(Bootstrap::as_str).collect();
        out.put(format_args!("bootstrap_node = {}\n", text(peers.join(","))));
    }
    out.push_str(
        "stacker = true\n\
         # A signer that is slow or down does not hold up the node: up to so many events wait for it.\n\
         event_dispatcher_blocking = false\nevent_dispatcher_queue_size = 1000\n",
    );
    if site.network == Network::Testnet {
        out.push_str(testnet::NODE);
    }
    out
}

fn burnchain(view: View<'_>) -> String {
    let View { site, secrets, .. } = view;
    let mode = match site.network {
        Network::Mainnet => "mainnet",
        Network::Testnet => "krypton",
        Network::Mocknet => "nakamoto-neon",
    };
    let host = match &site.bitcoin.external {
        Some(host) => host.to_string(),
        None => site.bitcoin_rpc().ip().to_string(),
    };
    let mut out = format!(
        "\n[burnchain]\nchain = \"bitcoin\"\nmode = {}\npeer_host = {}\nrpc_port = {}\npeer_port = {}\n",
        text(mode),
        text(host),
        site.ports.bitcoin_rpc,
        site.ports.bitcoin_p2p,
    );
    if let Some(password) = secrets.expose(Secret::BitcoinRpc) {
        let user = text(&site.bitcoin.rpc_user);
        out.put(format_args!("username = {user}\npassword = {}\n", text(password)));
    }
    if site.network == Network::Testnet {
        out.push_str(testnet::BURNCHAIN);
    }
    out
}

fn connections(view: View<'_>) -> String {
    let token = view.secrets.expose(Secret::AuthToken).unwrap_or_default();
    format!("\n[connection_options]\nauth_token = {}\nprivate_neighbors = false\n", text(token))
}

fn observers(site: &Site) -> String {
    // A large chunk over a line needs more than the default of one second.
    let timeout = if site.has_two_hosts() { 30_000 } else { 10_000 };
    let observer = |endpoint: String, keys: String| {
        format!(
            "\n[[events_observer]]\nendpoint = {endpoint}\nevents_keys = {keys}\n\
             timeout_ms = {timeout}\n"
        )
    };
    let keys = texts(["stackerdb", "block_proposal", "burn_blocks"]);
    let mut out = observer(text(site.observer()), keys);
    if let Some(sbtc) = &site.sbtc {
        let events = texts([format!("{}.sbtc-registry::print", sbtc.deployer)]);
        out.push_str(&observer(text(site.sbtc_observer()), events));
    }
    out
}
