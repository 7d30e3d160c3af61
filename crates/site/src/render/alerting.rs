//! Alert rules, who is told of alerts, and dashboards: `countersign_watch` makes them, this places them. The programs
//! are the distribution's; they listen on loopback, which is not their default.

use std::net::SocketAddr;

use countersign_watch::alertmanager::{Heartbeat, Mail, PagerDuty, Telegram};
use countersign_watch::{Channels, WeightCap, alertmanager, dashboards, rules_with};

use crate::choices::Network;
use crate::rendered::Rendered;
use crate::site::{Alerts, Site, Smtp, VotingPower};
use crate::values::AbsPath;

use super::{HEAD, View, fixed};

/// What Alertmanager reads: what is rendered, with the secrets in it that it cannot read from files.
const FILLED: &str = "/run/alertmanager/alertmanager.yml";

pub(super) fn files(view: View<'_>) -> Vec<Rendered> {
    let site = view.site;
    let mut files = vec![
        Rendered::public(
            fixed("/etc/prometheus/countersign/alerts.yml"),
            rules_with(weight_cap(site)),
        ),
        Rendered::public(
            fixed("/etc/prometheus/alertmanager.yml"),
            alertmanager(&channels(&site.alerts)),
        ),
        Rendered::public(fill_path(), fill(view)),
        arguments(
            "prometheus",
            &format!("--web.listen-address=127.0.0.1:{}", site.ports.prometheus),
        ),
        arguments(
            "prometheus-alertmanager",
            &format!(
                "--config.file={FILLED} --web.listen-address=127.0.0.1:{} --cluster.listen-address=",
                site.ports.alertmanager
            ),
        ),
        arguments(
            "prometheus-node-exporter",
            &format!("--web.listen-address={}", host_metrics(view)),
        ),
        Rendered::public(
            fixed("/etc/grafana/provisioning/datasources/countersign.yaml"),
            format!(
                "{HEAD}apiVersion: 1\ndatasources:\n  - name: Countersign\n    type: prometheus\n    access: proxy\n    \
                 url: http://127.0.0.1:{}\n",
                site.ports.prometheus
            ),
        ),
        Rendered::public(
            fixed("/etc/grafana/provisioning/dashboards/countersign.yaml"),
            format!(
                "{HEAD}apiVersion: 1\nproviders:\n  - name: countersign\n    type: file\n    allowUiUpdates: false\n    \
                 options:\n      path: {DASHBOARDS}\n"
            ),
        ),
    ];
    files.extend(
        dashboards()
            .into_iter()
            .map(|(name, text)| Rendered::public(fixed(DASHBOARDS).join(&name), text)),
    );
    files
}

/// How much of the signing weight the key of an installation may have, for its rules; as much as there is where the
/// network is the installation's own.
pub fn weight_cap(site: &Site) -> Option<WeightCap> {
    let VotingPower { soft_percent, hard_percent } = site.voting_power;
    (site.network != Network::Mocknet).then_some(WeightCap { soft_percent, hard_percent })
}

const DASHBOARDS: &str = "/etc/grafana/dashboards-countersign";

fn fill_path() -> AbsPath {
    fixed("/etc/systemd/system/prometheus-alertmanager.service.d/50-countersign.conf")
}

/// Secrets are root's; the copy that holds them is Alertmanager's alone, and is gone when it stops.
fn fill(View { site, .. }: View<'_>) -> String {
    let bin = &site.paths.bin;
    format!(
        "{HEAD}[Service]\nRuntimeDirectory=alertmanager\nRuntimeDirectoryMode=0700\n\
         ExecStartPre=+{bin}/countersign alerts fill /etc/prometheus/alertmanager.yml {FILLED}\n\
         ExecStartPre=+/bin/chown prometheus: {FILLED}\n"
    )
}

/// How a program of the distribution is started.
fn arguments(program: &str, arguments: &str) -> Rendered {
    let path = fixed("/etc/default").join(program);
    Rendered::public(path, format!("{HEAD}ARGS=\"{arguments}\"\n"))
}

/// Where the machine's own metrics are.
pub(super) fn host_metrics(View { site, role, .. }: View<'_>) -> SocketAddr {
    let port = site.ports.host_metrics.get();
    if site.shows_metrics() {
        SocketAddr::new(site.host(role).address, port)
    } else {
        SocketAddr::new([127, 0, 0, 1].into(), port)
    }
}

fn channels(alerts: &Alerts) -> Channels {
    Channels {
        webhook_url_file: alerts.webhook_url_file.as_ref().map(AbsPath::to_string),
        mail: alerts.smtp.as_ref().map(mail),
        telegram: alerts.telegram.as_ref().map(|telegram| Telegram {
            chat: telegram.chat,
            token_file: telegram.token_file.to_string(),
            api_url: None,
        }),
        pagerduty: alerts
            .pagerduty_key_file
            .as_ref()
            .map(|file| PagerDuty { key_file: file.to_string(), url: None }),
        heartbeat: alerts.deadman.as_ref().map(|deadman| Heartbeat {
            url_file: deadman.url_file.to_string(),
            every_secs: deadman.every_secs,
        }),
    }
}

fn mail(smtp: &Smtp) -> Mail {
    let server = smtp.server.as_str();
    let is_here =
        ["127.0.0.1:", "[::1]:", "localhost:"].iter().any(|here| server.starts_with(here));
    Mail {
        server: server.to_owned(),
        from: smtp.from.to_string(),
        to: smtp.to.iter().map(ToString::to_string).collect(),
        login: smtp.login.as_ref().map(|(user, file)| (user.to_string(), file.to_string())),
        needs_tls: !is_here,
    }
}
