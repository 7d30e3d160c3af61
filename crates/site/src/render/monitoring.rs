//! What Prometheus and Alloy read. Each host watches itself, so that no metric crosses a firewall.

use crate::render::Put as _;
use std::net::SocketAddr;

use crate::rendered::Rendered;
use crate::site::RemoteWrite;

use super::{HEAD, View, fixed, text};

pub(super) fn files(view: View<'_>) -> Vec<Rendered> {
    let mut files =
        vec![Rendered::public(fixed("/etc/prometheus/prometheus.yml"), prometheus(view))];
    if let Some(remote) = &view.site.monitoring.remote_write {
        files.push(Rendered::public(fixed("/etc/alloy/config.alloy"), alloy(view, remote)));
    }
    files
}

/// The name of a job, and where its metrics are.
fn jobs(view: View<'_>) -> Vec<(&'static str, SocketAddr)> {
    let View { site, role, .. } = view;
    let mut jobs = Vec::new();
    if site.has_signer(role) {
        jobs.push(("countersign", site.signer_metrics()));
        jobs.extend(site.sbtc.as_ref().map(|_| ("sbtc-signer", site.sbtc_metrics())));
    }
    if site.has_node(role) {
        jobs.push(("stacks-node", site.node_metrics()));
    }
    jobs.push(("host", super::alerting::host_metrics(view)));
    jobs
}

fn prometheus(view: View<'_>) -> String {
    let site = view.site;
    let mut out = format!(
        "{HEAD}global:\n  scrape_interval: 15s\n  evaluation_interval: 15s\n  external_labels:\n    \
         host: {}\n    network: {}\n\nrule_files:\n  - /etc/prometheus/countersign/*.yml\n\nalerting:\n  \
         alertmanagers:\n    - static_configs:\n        - targets: [{}]\n\nscrape_configs:\n",
        text(&site.host(view.role).name),
        text(site.network),
        text(format_args!("127.0.0.1:{}", site.ports.alertmanager)),
    );
    for (job, address) in jobs(view) {
        out.put(format_args!(
            "  - job_name: {job}\n    static_configs:\n      - targets: [{}]\n",
            text(address)
        ));
    }
    out
}

fn alloy(view: View<'_>, remote: &RemoteWrite) -> String {
    let mut out = HEAD.replace('#', "//");
    for (job, address) in jobs(view) {
        out.put(format_args!(
            "\nprometheus.scrape \"{}\" {{\n  targets         = [{{\"__address__\" = {}}}]\n  \
             job_name        = \"{job}\"\n  scrape_interval = \"15s\"\n  \
             forward_to      = [prometheus.remote_write.site.receiver]\n}}\n",
            job.replace('-', "_"),
            text(address)
        ));
    }
    let login = remote.login.as_ref().map_or_else(String::new, |(user, file)| {
        format!(
            "\n    basic_auth {{\n      username      = {}\n      password_file = {}\n    }}",
            text(user),
            text(file)
        )
    });
    out.put(format_args!("\nprometheus.remote_write \"site\" {{\n  external_labels = {{\"host\" = {}, \"network\" = {}}}\n\n  \
         endpoint {{\n    url = {}{login}\n  }}\n}}\n",
        text(&view.site.host(view.role).name),
        text(view.site.network),
        text(&remote.url)));
    out
}
