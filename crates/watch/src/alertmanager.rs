//! Alertmanager's configuration: who is told of what, how often, and what is kept back because something worse is
//! told already.
//!
//! Secrets are named by their files. Alertmanager before 0.26 cannot read the URL of a webhook and the token of a
//! Telegram bot from files, and takes the line end of a password for a part of it; [`fill`] writes the secrets in,
//! for a file that only Alertmanager can read.

use std::fmt::Write as _;

use crate::alert::Severity;
use crate::text::quoted;

/// The ways in which people are told. All that is given is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    /// The file with a URL that takes Alertmanager's JSON.
    pub webhook_url_file: Option<String>,
    /// Mail.
    pub mail: Option<Mail>,
    /// Telegram.
    pub telegram: Option<Telegram>,
    /// PagerDuty, for what must wake somebody.
    pub pagerduty: Option<PagerDuty>,
    /// The dead-man's switch.
    pub heartbeat: Option<Heartbeat>,
}

/// Alerts by mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Host and port of the server.
    pub server: String,
    /// The sender.
    pub from: String,
    /// The receivers.
    pub to: Vec<String>,
    /// The name to log in with, and the file with its password.
    pub login: Option<(String, String)>,
    /// Whether the server must speak TLS: always, but for one on this host.
    pub needs_tls: bool,
}

/// Alerts by Telegram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telegram {
    /// The number of the chat; groups have negative ones.
    pub chat: i64,
    /// The file with the bot's token.
    pub token_file: String,
    /// Another server than Telegram's.
    pub api_url: Option<String>,
}

/// Alerts by PagerDuty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagerDuty {
    /// The file with the integration key.
    pub key_file: String,
    /// Another server than PagerDuty's.
    pub url: Option<String>,
}

/// A URL that is called while all is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The file with the URL.
    pub url_file: String,
    /// How often it is called, in seconds.
    pub every_secs: u32,
}

/// How soon the first message about a group of alerts goes out, and how long Alertmanager waits before it adds to
/// it; in seconds.
const GROUP_WAIT: u32 = 15;
const GROUP_INTERVAL: u32 = 120;

/// The configuration, for `alertmanager.yml`.
pub fn alertmanager(channels: &Channels) -> String {
    let mut text = String::from("# Made by countersign; do not edit.\n");
    route(channels, &mut text);
    text.push_str(INHIBIT);
    text.push_str("\nreceivers:\n");
    for severity in [Severity::Page, Severity::Ticket, Severity::Info] {
        receiver(channels, severity, &mut text);
    }
    text.push_str("  - name: heartbeat\n");
    if let Some(Heartbeat { url_file, .. }) = &channels.heartbeat {
        let _ = write!(
            text,
            "    webhook_configs:\n      - url_file: {}\n        send_resolved: false\n        max_alerts: 1\n",
            quoted(url_file)
        );
    }
    text
}

fn route(channels: &Channels, text: &mut String) {
    let _ = write!(
        text,
        "route:\n  receiver: ticket\n  group_by: [alertname, host, instance]\n  group_wait: {GROUP_WAIT}s\n  \
         group_interval: {GROUP_INTERVAL}s\n  repeat_interval: 12h\n  routes:\n"
    );
    let every = channels.heartbeat.as_ref().map_or(60, |heartbeat| heartbeat.every_secs.max(1));
    let _ = write!(
        text,
        "    - receiver: heartbeat\n      matchers: [severity=\"heartbeat\"]\n      group_wait: 0s\n      \
         group_interval: {every}s\n      repeat_interval: {}ms\n",
        // Of what it looks at, Alertmanager repeats only what is older than this.
        u64::from(every) * 500
    );
    for (severity, repeat) in [(Severity::Page, "1h"), (Severity::Info, "72h")] {
        let name = severity.label();
        let _ = write!(
            text,
            "    - receiver: {name}\n      matchers: [severity=\"{name}\"]\n      repeat_interval: {repeat}\n"
        );
    }
}

/// What is not told: the lesser of two alerts about one thing, and what follows from a host, a node or a signer
/// that is down.
const INHIBIT: &str = r#"
inhibit_rules:
  - source_matchers: [severity="page"]
    target_matchers: [severity=~"ticket|info"]
    equal: [topic, host, job, instance, certificate, mountpoint]
  - source_matchers: [alertname="SignerDown"]
    target_matchers: [group=~"signer|countersign", alertname!="SignerDown"]
    equal: [host, job, instance]
  - source_matchers: [alertname="NodeDown"]
    target_matchers: [alertname=~"SignerNodeSilent|SignerNodeBehind|NodePostsNothing|SignerNoProposals|SignerNotDeciding|NodeBehindPeers"]
    equal: [host]
  - source_matchers: [alertname="SignerNodeSilent"]
    target_matchers: [alertname=~"SignerWrongNetwork|SignerNodeBehind|SignerNotDeciding|NodePostsNothing"]
    equal: [host, job, instance]
"#;

/// PagerDuty hears only of what must wake somebody; what is only to know does not disturb a chat.
fn receiver(channels: &Channels, severity: Severity, text: &mut String) {
    let _ = writeln!(text, "  - name: {}", severity.label());
    if let Some(file) = &channels.webhook_url_file {
        let _ = write!(text, "    webhook_configs:\n      - url_file: {}\n", quoted(file));
    }
    if let Some(mail) = &channels.mail {
        text.push_str("    email_configs:\n");
        for to in &mail.to {
            mail_to(mail, to, text);
        }
    }
    if severity != Severity::Info
        && let Some(Telegram { chat, token_file, api_url }) = &channels.telegram
    {
        let _ = write!(
            text,
            "    telegram_configs:\n      - bot_token_file: {}\n        chat_id: {chat}\n        \
             parse_mode: HTML\n        message: {}\n",
            quoted(token_file),
            quoted(MESSAGE)
        );
        if let Some(url) = api_url {
            let _ = writeln!(text, "        api_url: {}", quoted(url));
        }
    }
    if severity == Severity::Page
        && let Some(PagerDuty { key_file, url }) = &channels.pagerduty
    {
        let _ = write!(
            text,
            "    pagerduty_configs:\n      - routing_key_file: {}\n        severity: critical\n        \
             description: {}\n",
            quoted(key_file),
            quoted(MESSAGE)
        );
        if let Some(url) = url {
            let _ = writeln!(text, "        url: {}", quoted(url));
        }
    }
}

fn mail_to(mail: &Mail, to: &str, text: &mut String) {
    let _ = write!(
        text,
        "      - to: {}\n        from: {}\n        smarthost: {}\n        require_tls: {}\n        \
         send_resolved: true\n        headers:\n          Subject: {}\n        html: \"\"\n        text: {}\n",
        quoted(to),
        quoted(&mail.from),
        quoted(&mail.server),
        mail.needs_tls,
        quoted(SUBJECT),
        quoted(BODY),
    );
    if let Some((name, file)) = &mail.login {
        let _ = write!(
            text,
            "        auth_username: {}\n        auth_password_file: {}\n",
            quoted(name),
            quoted(file)
        );
    }
}

const SUBJECT: &str = "[{{ .Status }}] {{ .CommonLabels.severity }}: {{ .CommonLabels.alertname }} {{ .CommonLabels.host }}";
const MESSAGE: &str = "{{ range .Alerts }}{{ .Status }} {{ .Labels.severity }}: {{ .Labels.alertname }}: {{ .Annotations.summary }} ({{ .Annotations.command }})\n{{ end }}";
const BODY: &str = "{{ range .Alerts }}{{ .Status }}: {{ .Annotations.summary }}\nfires when: {{ .Annotations.threshold }}\nwhat to do: {{ .Annotations.command }}, or {{ .Annotations.runbook_url }}\nsince: {{ .StartsAt }}\n\n{{ end }}";

/// Why a configuration cannot be filled in.
#[derive(Debug, thiserror::Error)]
pub enum FillError<E: std::error::Error + 'static> {
    /// A file cannot be read.
    #[error("the secret in {path} cannot be read")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: E,
    },
    /// A file holds no secret.
    #[error("{0} is empty; it must hold one line")]
    Empty(String),
    /// A line is not one of those that [`alertmanager`] writes.
    #[error(
        "line {0} does not name a file in quotes: fill in only what `countersign render` has written"
    )]
    Line(usize),
}

/// The configuration for Alertmanager before 0.26: the files that it cannot read are read by `read`, and their
/// first lines stand in the text. It is a secret afterwards.
pub fn fill<E: std::error::Error + 'static>(
    configuration: &str,
    read: impl Fn(&str) -> Result<String, E>,
) -> Result<String, FillError<E>> {
    let mut text = String::with_capacity(configuration.len());
    for (number, line) in (1..).zip(configuration.lines()) {
        let found = FILES.iter().find_map(|(file, key)| Some((line.split_once(file)?, *key)));
        if let Some(((before, path), key)) = found {
            let path: String = serde_json::from_str(path).map_err(|_| FillError::Line(number))?;
            let secret = read(&path)
                .map_err(|source| FillError::Unreadable { path: path.clone(), source })?;
            let secret = secret.lines().next().unwrap_or_default().trim();
            if secret.is_empty() {
                return Err(FillError::Empty(path));
            }
            let _ = writeln!(text, "{before}{key}{}", quoted(secret));
        } else {
            text.push_str(line);
            text.push('\n');
        }
    }
    Ok(text)
}

/// What Alertmanager before 0.26 does not know or does not read well, and what it knows instead.
const FILES: [(&str, &str); 4] = [
    ("- url_file: ", "- url: "),
    ("- bot_token_file: ", "- bot_token: "),
    ("auth_password_file: ", "auth_password: "),
    ("- routing_key_file: ", "- routing_key: "),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::io;

    use super::*;

    fn every_channel() -> Channels {
        Channels {
            webhook_url_file: Some("/etc/countersign/webhook".to_owned()),
            mail: Some(Mail {
                server: "mail.example.org:587".to_owned(),
                from: "signer@example.org".to_owned(),
                to: vec!["ann@example.org".to_owned(), "bob@example.org".to_owned()],
                login: Some(("signer".to_owned(), "/etc/countersign/mail".to_owned())),
                needs_tls: true,
            }),
            telegram: Some(Telegram {
                chat: -100,
                token_file: "/etc/countersign/telegram".to_owned(),
                api_url: None,
            }),
            pagerduty: Some(PagerDuty {
                key_file: "/etc/countersign/pagerduty".to_owned(),
                url: None,
            }),
            heartbeat: Some(Heartbeat {
                url_file: "/etc/countersign/heartbeat".to_owned(),
                every_secs: 60,
            }),
        }
    }

    #[test]
    fn a_configuration_with_every_channel_reads_like_this() {
        insta::assert_snapshot!(alertmanager(&every_channel()));
    }

    #[test]
    fn a_secret_is_filled_in_where_it_must_be_and_cannot_add_a_line() {
        let read = |path: &str| -> io::Result<String> {
            Ok(format!("http://127.0.0.1/\"{path}\nroute: evil\n"))
        };
        let filled = fill(&alertmanager(&every_channel()), read).unwrap();
        assert!(!filled.contains("_file: "), "{filled}");
        assert!(!filled.contains("evil"), "{filled}");
        assert!(
            filled.contains(r#"- url: "http://127.0.0.1/\"/etc/countersign/webhook""#),
            "{filled}"
        );
        let missing = fill(&alertmanager(&every_channel()), |_| {
            Err::<String, _>(io::Error::from(io::ErrorKind::NotFound))
        });
        let text = missing.unwrap_err().to_string();
        assert_eq!(text, "the secret in /etc/countersign/webhook cannot be read");
        let empty = fill(&alertmanager(&every_channel()), |_| Ok::<_, io::Error>("\n".to_owned()));
        assert!(matches!(empty.unwrap_err(), FillError::Empty(_)));
    }

    #[test]
    fn without_channels_there_is_nobody_and_the_configuration_is_still_one() {
        let text = alertmanager(&Channels::default());
        assert!(!text.contains("_configs"), "{text}");
        assert_eq!(text.matches("  - name: ").count(), 4);
    }
}
