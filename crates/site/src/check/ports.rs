//! Ports: each in its range, and no two the same.

use crate::choices::Network;
use crate::error::Problem;
use crate::file;
use crate::places::Ports;

use super::port;

pub(super) fn ports(table: &file::Ports, network: Network) -> Result<Ports, Problem> {
    let (rpc, p2p) = if network == Network::Mainnet { (8332, 8333) } else { (18443, 18444) };
    Ok(Ports {
        signer: port("ports.signer", table.signer)?,
        signer_metrics: port("ports.signer_metrics", table.signer_metrics)?,
        exporter: port("ports.exporter", table.exporter)?,
        status_page: port("ports.status_page", table.status_page)?,
        node_rpc: port("ports.node_rpc", table.node_rpc)?,
        node_p2p: port("ports.node_p2p", table.node_p2p)?,
        node_metrics: port("ports.node_metrics", table.node_metrics)?,
        bitcoin_rpc: port("ports.bitcoin_rpc", table.bitcoin_rpc.unwrap_or(rpc))?,
        bitcoin_p2p: port("ports.bitcoin_p2p", table.bitcoin_p2p.unwrap_or(p2p))?,
        sbtc_p2p: port("ports.sbtc_p2p", table.sbtc_p2p)?,
        sbtc_events: port("ports.sbtc_events", table.sbtc_events)?,
        sbtc_metrics: port("ports.sbtc_metrics", table.sbtc_metrics)?,
        postgres: port("ports.postgres", table.postgres)?,
        link_events: port("ports.link_events", table.link_events)?,
        link_rpc: port("ports.link_rpc", table.link_rpc)?,
        local_events: port("ports.local_events", table.local_events)?,
        local_rpc: port("ports.local_rpc", table.local_rpc)?,
        wireguard: port("ports.wireguard", table.wireguard)?,
        prometheus: port("ports.prometheus", table.prometheus)?,
        alertmanager: port("ports.alertmanager", table.alertmanager)?,
        host_metrics: port("ports.host_metrics", table.host_metrics)?,
    })
}
