//! The sBTC signer's configuration. Its private key and its key for Emily are in neither this file nor
//! `countersign.toml`: the operator writes them into [`crate::Paths::sbtc_secrets`].

use std::net::SocketAddr;

use crate::choices::{HostRole, Network};
use crate::render::Put as _;
use crate::rendered::Rendered;
use crate::secrets::Secret;
use crate::site::{Sbtc, Site};
use crate::wiring::Container;

use super::{HEAD, View, text, texts};

/// The role of the sBTC signer in its database.
pub(super) const DATABASE_USER: &str = "sbtc_signer";

pub(super) fn files(view: View<'_>) -> Vec<Rendered> {
    let View { site, role, secrets } = view;
    let Some(sbtc) = site.sbtc.as_ref().filter(|_| site.has_signer(role)) else {
        return Vec::new();
    };
    let bitcoin_password = secrets.expose(Secret::BitcoinRpc).unwrap_or_default();
    let database_password = secrets.expose(Secret::Database).unwrap_or_default();
    let mut out = HEAD.to_owned();
    if let Some(url) = &sbtc.blocklist {
        out.put(format_args!("\n[blocklist_client]\nendpoint = {}\n", text(url)));
    }
    let bitcoin = match &site.bitcoin.external {
        Some(host) => match host.as_str().parse() {
            Ok(address) => SocketAddr::new(address, site.ports.bitcoin_rpc.get()).to_string(),
            Err(_) => format!("{host}:{}", site.ports.bitcoin_rpc),
        },
        None => site.bitcoin_rpc_for_sbtc().to_string(),
    };
    let user = &site.bitcoin.rpc_user;
    out.put(format_args!(
        "\n[bitcoin]\nrpc_endpoints = [{}]\n\n[stacks]\nendpoints = [{}]\n",
        text(format_args!("http://{user}:{bitcoin_password}@{bitcoin}")),
        text(format_args!("http://{}", site.node_host()))
    ));
    out.push_str(&signer(site, sbtc, database_password));
    out.push_str(&peers(site, sbtc));
    let mut files = vec![Rendered::secret(site.paths.sbtc_toml(), &site.users.sbtc, out)];
    if site.images.is_some() {
        // PostgreSQL's image reads its password from a file.
        let path = site.paths.sbtc_config.join("postgres-password");
        let file = Rendered::secret(path, &site.users.sbtc, format!("{database_password}\n"));
        files.push(Rendered { owner: super::compose::POSTGRES_UID.to_string(), ..file });
    }
    files
}

fn signer(site: &Site, sbtc: &Sbtc, password: &str) -> String {
    let network = match site.network {
        Network::Mainnet => "mainnet",
        Network::Testnet => "testnet",
        Network::Mocknet => "regtest",
    };
    let database = format!(
        "postgresql://{DATABASE_USER}:{password}@{}:{}/{}",
        site.inside(Container::Postgres),
        site.ports.postgres,
        site.database_name(),
    );
    format!(
        "\n[signer]\nnetwork = {}\ndeployer = {}\ndb_endpoint = {}\nbootstrap_signing_set = {}\n\
         bootstrap_signatures_required = {}\nbitcoin_processing_delay = 30\n\
         requests_processing_delay = 15\nprometheus_exporter_endpoint = {}\n\n\
         [signer.event_observer]\nbind = {}\n",
        text(network),
        text(&sbtc.deployer),
        text(database),
        texts(&sbtc.signers),
        sbtc.signatures_required,
        text(site.sbtc_metrics()),
        text(site.sbtc_events()),
    )
}

fn peers(site: &Site, sbtc: &Sbtc) -> String {
    let port = site.ports.sbtc_p2p;
    let seeds = sbtc.seeds.iter().map(|seed| format!("tcp://{seed}"));
    let mut out = format!(
        "\n[signer.p2p]\nseeds = {}\nlisten_on = {}\nenable_mdns = false\n",
        texts(seeds),
        texts([format!("tcp://0.0.0.0:{port}"), format!("quic-v1://0.0.0.0:{port}")]),
    );
    if let Some(public) = site.host(HostRole::Signer).public_address {
        let at = SocketAddr::new(public, port.get());
        let public = texts([format!("tcp://{at}"), format!("quic-v1://{at}")]);
        out.put(format_args!("public_endpoints = {public}\n"));
    }
    out
}
