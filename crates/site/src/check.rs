//! From a [`File`] to a [`Site`]: each value becomes its type, and values that contradict each other are refused.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::str::FromStr;

use ipnet::IpNet;

use crate::choices::{BitcoinMode, LinkKind, Network, Profile, Runtime};
use crate::error::Problem;
use crate::file::{self, File};
use crate::places::Port;
use crate::site::{
    Access, Alerts, Backups, Bitcoin, Database, DatabaseHost, Deadman, Host, Hosts, Images, Link,
    Logs, Monitoring, Node, Proof, RemoteWrite, Sbtc, Site, Smtp, Telegram, VotingPower,
};
use crate::values::{AbsPath, Bootstrap, Refused};
use crate::wiring::Container;

mod between;
mod signer;

/// What follows for other keys from the first few.
#[derive(Clone, Copy)]
struct Frame {
    network: Network,
    profile: Profile,
    runtime: Runtime,
    has_sbtc: bool,
}

/// Checks a whole file.
pub(crate) fn site(file: &File) -> Result<Site, Problem> {
    let network =
        required("network", &file.network, "write \"mainnet\", \"testnet\" or \"mocknet\"")?;
    let profile = or("profile", file.profile.as_deref(), Profile::Solo)?;
    let runtime = or("runtime", file.runtime.as_deref(), Runtime::Systemd)?;
    let frame = Frame { network, profile, runtime, has_sbtc: file.sbtc.is_some() };
    let bitcoin = bitcoin(&file.bitcoin, frame)?;
    let site = Site {
        network,
        profile,
        runtime,
        hosts: hosts(&file.hosts)?,
        signer: signer::check(&file.signer, frame)?,
        node: node(&file.node, network)?,
        sbtc: file.sbtc.as_ref().map(|table| sbtc(table, network)).transpose()?,
        link: link(file)?,
        ports: file.ports.check(network)?,
        paths: file.paths.check()?,
        users: file.users.check()?,
        logs: logs(&file.logs, frame)?,
        alerts: alerts(&file.alerts)?,
        backups: file.backups.as_ref().map(|table| backups(table, frame)).transpose()?,
        access: access(&file.access)?,
        voting_power: voting_power(&file.voting_power)?,
        time_servers: values("time.servers", &file.time.servers)?,
        monitoring: monitoring(&file.monitoring)?,
        images: images(&file.images, frame, bitcoin.mode)?,
        bitcoin,
    };
    between::check(&site)?;
    Ok(site)
}

pub(crate) fn value<T: FromStr<Err = Refused>>(
    key: &'static str,
    text: &str,
) -> Result<T, Problem> {
    let refused = |Refused(remedy)| Problem::Value { key, found: text.to_owned(), remedy };
    text.parse().map_err(refused)
}

fn values<T: FromStr<Err = Refused>>(
    key: &'static str,
    texts: &[String],
) -> Result<Vec<T>, Problem> {
    texts.iter().map(|text| value(key, text)).collect()
}

fn or<T: FromStr<Err = Refused>>(
    key: &'static str,
    text: Option<&str>,
    default: T,
) -> Result<T, Problem> {
    text.map_or(Ok(default), |text| value(key, text))
}

fn optional<T: FromStr<Err = Refused>>(
    key: &'static str,
    text: Option<&String>,
) -> Result<Option<T>, Problem> {
    text.map(|text| value(key, text)).transpose()
}

fn required<T: FromStr<Err = Refused>>(
    key: &'static str,
    text: &str,
    remedy: &'static str,
) -> Result<T, Problem> {
    if text.is_empty() { Err(Problem::Missing { key, remedy }) } else { value(key, text) }
}

fn there<T: FromStr<Err = Refused>>(
    key: &'static str,
    text: Option<&String>,
    remedy: &'static str,
) -> Result<T, Problem> {
    required(key, text.map_or("", String::as_str), remedy)
}

fn number<T: TryFrom<u64>>(
    key: &'static str,
    found: u64,
    least: u64,
    most: u64,
) -> Result<T, Problem> {
    let out = Problem::Range { key, found, least, most };
    if (least..=most).contains(&found) { T::try_from(found).map_err(|_| out) } else { Err(out) }
}

pub(crate) fn port(key: &'static str, found: u64) -> Result<Port, Problem> {
    let port: u16 = number(key, found, 1, u64::from(u16::MAX))?;
    NonZeroU16::new(port).ok_or(Problem::Range { key, found, least: 1, most: 65535 })
}

fn address(key: &'static str, text: &str) -> Result<IpAddr, Problem> {
    let remedy = "write one address of the machine, such as \"10.0.0.2\" or \"fd00:1::2\"";
    let parsed =
        text.parse::<IpAddr>().ok().filter(|ip| !ip.is_unspecified() && !ip.is_multicast());
    parsed.ok_or_else(|| Problem::Value { key, found: text.to_owned(), remedy })
}

fn network(key: &'static str, text: &str) -> Result<IpNet, Problem> {
    let remedy = "write an address or a network with its first address, such as \"10.1.0.0/24\"";
    let parsed = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let whole = parsed.filter(|net: &IpNet| net.addr() == net.network() && net.prefix_len() > 0);
    whole.ok_or_else(|| Problem::Value { key, found: text.to_owned(), remedy })
}

fn networks(key: &'static str, texts: &[String]) -> Result<Vec<IpNet>, Problem> {
    texts.iter().map(|text| network(key, text)).collect()
}

fn hosts(table: &file::Hosts) -> Result<Hosts, Problem> {
    let unsaid = file::Host::default();
    let raw = table.signer.as_ref().unwrap_or(&unsaid);
    let signer = Host {
        name: there(
            "hosts.signer.name",
            raw.name.as_ref(),
            "write the name that `hostname` shows",
        )?,
        address: address("hosts.signer.address", raw.address.as_deref().unwrap_or("127.0.0.1"))?,
        public_address: public("hosts.signer.public_address", raw)?,
    };
    let node = table.node.as_ref().map(node_host).transpose()?;
    Ok(Hosts { signer, node })
}

fn node_host(raw: &file::Host) -> Result<Host, Problem> {
    let remedy = "write the private address of the node's host";
    let key = "hosts.node.address";
    let given = raw.address.as_deref().ok_or(Problem::Missing { key, remedy })?;
    Ok(Host {
        name: there(
            "hosts.node.name",
            raw.name.as_ref(),
            "write the name that `hostname` shows there",
        )?,
        address: address(key, given)?,
        public_address: public("hosts.node.public_address", raw)?,
    })
}

fn public(key: &'static str, raw: &file::Host) -> Result<Option<IpAddr>, Problem> {
    raw.public_address.as_deref().map(|text| address(key, text)).transpose()
}

/// The peers that everybody begins with.
const MAINNET: &[&str] = &[
    "02196f005965cebe6ddc3901b7b1cc1aa7a88f305bb8c5893456b8f9a605923893@seed.mainnet.hiro.so:20444",
    "02539449ad94e6e6392d8c1deb2b4e61f80ae2a18964349bc14336d8b903c46a8c@cet.stacksnodes.org:20444",
    "02ececc8ce79b8adf813f13a0255f8ae58d4357309ba0cedd523d9f1a306fcfb79@sgt.stacksnodes.org:20444",
    "0303144ba518fe7a0fb56a8a7d488f950307a4330f146e1e1458fc63fb33defe96@est.stacksnodes.org:20444",
];

fn node(table: &file::Node, network: Network) -> Result<Node, Problem> {
    let known = match network {
        Network::Mainnet => MAINNET,
        Network::Testnet => crate::testnet::BOOTSTRAP,
        Network::Mocknet => &[],
    };
    let bootstrap: Vec<Bootstrap> = match &table.bootstrap {
        Some(given) => values("node.bootstrap", given)?,
        None => known.iter().map(|peer| value("node.bootstrap", peer)).collect::<Result<_, _>>()?,
    };
    Ok(Node { bootstrap })
}

fn bitcoin(table: &file::Bitcoin, frame: Frame) -> Result<Bitcoin, Problem> {
    let on_testnet = frame.network == Network::Testnet;
    let default = if on_testnet { BitcoinMode::External } else { BitcoinMode::Full };
    let mode = or("bitcoin.mode", table.mode.as_deref(), default)?;
    let known = (on_testnet && mode == BitcoinMode::External).then_some(crate::testnet::BITCOIN);
    let external = optional("bitcoin.host", table.host.as_ref())?;
    let external = match (external, known) {
        (None, Some(known)) => Some(value("bitcoin.host", known)?),
        (external, _) => external,
    };
    if mode == BitcoinMode::Pruned && frame.has_sbtc {
        let what = "sBTC needs all blocks; write \"full\"";
        return Err(Problem::Contradiction { key: "bitcoin.mode", what });
    }
    match (mode, &external) {
        (BitcoinMode::External, None) => {
            let remedy = "write where the external bitcoind is";
            return Err(Problem::Missing { key: "bitcoin.host", remedy });
        }
        (BitcoinMode::Full | BitcoinMode::Pruned, Some(_)) => {
            let what =
                "only an external bitcoind has a host; remove it, or write `mode = \"external\"`";
            return Err(Problem::Contradiction { key: "bitcoin.host", what });
        }
        _ => {}
    }
    Ok(Bitcoin {
        mode,
        prune_mb: number("bitcoin.prune_mb", table.prune_mb, 550, 1_000_000)?,
        dbcache_mb: number("bitcoin.dbcache_mb", table.dbcache_mb, 4, 65536)?,
        rpc_user: value("bitcoin.rpc_user", &table.rpc_user)?,
        external,
    })
}

/// Who deployed sBTC on mainnet.
const SBTC_DEPLOYER: &str = "SM3VDXK3WZZSA84XXFKAFAF15NNZX32CTSG82JFQ4";

fn sbtc(table: &file::Sbtc, network: Network) -> Result<Sbtc, Problem> {
    let known = (network == Network::Mainnet).then(|| SBTC_DEPLOYER.to_owned());
    let deployer = table.deployer.as_ref().or(known.as_ref());
    let count = u64::try_from(table.signers.len()).unwrap_or(u64::MAX);
    number::<u64>("sbtc.signers", count, 1, 16)?;
    let mut once = table.signers.clone();
    once.sort_unstable();
    if let Some([twice, _]) = once.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
        let remedy = "list each public key once";
        return Err(Problem::Value { key: "sbtc.signers", found: twice.clone(), remedy });
    }
    Ok(Sbtc {
        signers: values("sbtc.signers", &table.signers)?,
        signatures_required: number(
            "sbtc.signatures_required",
            table.signatures_required,
            1,
            count,
        )?,
        deployer: there(
            "sbtc.deployer",
            deployer,
            "write the address that deployed the contracts",
        )?,
        seeds: values("sbtc.seeds", &table.seeds)?,
        blocklist: optional("sbtc.blocklist_url", table.blocklist_url.as_ref())?,
    })
}

fn link(file: &File) -> Result<Option<Link>, Problem> {
    let default = file::Link::default();
    let table = match (&file.link, &file.hosts.node) {
        (Some(_), None) => {
            let what =
                "there is only one host; remove the table, or name the other in [hosts.node]";
            return Err(Problem::Contradiction { key: "link", what });
        }
        (None, None) => return Ok(None),
        (link, Some(_)) => link.as_ref().unwrap_or(&default),
    };
    let pin = "write what `countersign tls pin CERTIFICATE` shows on that host";
    let public = "write what `wg pubkey < PRIVATE_KEY` shows on that host";
    Ok(Some(match value::<LinkKind>("link.kind", &table.kind)? {
        LinkKind::Countersign => Link::Countersign {
            signer: there("link.signer_pin", table.signer_pin.as_ref(), pin)?,
            node: there("link.node_pin", table.node_pin.as_ref(), pin)?,
        },
        LinkKind::Nginx => Link::Nginx,
        LinkKind::Haproxy => Link::Haproxy,
        LinkKind::Wireguard => {
            let tunnel = network("link.tunnel", &table.tunnel)?;
            // In IPv6 the first address of a network is that of all its routers.
            let mut inside = tunnel.hosts().filter(|address| *address != tunnel.network());
            let (Some(signer_address), Some(node_address)) = (inside.next(), inside.next()) else {
                let (key, found) = ("link.tunnel", table.tunnel.clone());
                let remedy =
                    "write a private network with room for two hosts, such as \"10.73.0.0/30\"";
                return Err(Problem::Value { key, found, remedy });
            };
            let (signer, node) = (&table.signer_wireguard_key, &table.node_wireguard_key);
            Link::Wireguard {
                signer: there("link.signer_wireguard_key", signer.as_ref(), public)?,
                node: there("link.node_wireguard_key", node.as_ref(), public)?,
                signer_address,
                node_address,
                prefix: tunnel.prefix_len(),
            }
        }
    }))
}

fn logs(table: &file::Logs, frame: Frame) -> Result<Logs, Problem> {
    // Rows A4 and C7.
    let (least, disk) = if frame.has_sbtc { (90, 100) } else { (7, 20) };
    let days = table.retention_days.unwrap_or(least);
    Ok(Logs {
        retention_days: number("logs.retention_days", days, least, 3650)?,
        max_disk_gb: number("logs.max_disk_gb", table.max_disk_gb.unwrap_or(disk), 1, 10_000)?,
    })
}

fn alerts(table: &file::Alerts) -> Result<Alerts, Problem> {
    let file = "write the absolute path of a file that holds it";
    let webhook = table.webhook.as_ref();
    let webhook =
        webhook.map(|table| there("alerts.webhook.url_file", table.url_file.as_ref(), file));
    let pagerduty = table.pagerduty.as_ref();
    let pagerduty =
        pagerduty.map(|table| there("alerts.pagerduty.key_file", table.key_file.as_ref(), file));
    Ok(Alerts {
        webhook_url_file: webhook.transpose()?,
        smtp: table.smtp.as_ref().map(smtp).transpose()?,
        telegram: table.telegram.as_ref().map(telegram).transpose()?,
        pagerduty_key_file: pagerduty.transpose()?,
        deadman: table.deadman.as_ref().map(deadman).transpose()?,
    })
}

fn smtp(table: &file::Smtp) -> Result<Smtp, Problem> {
    if table.to.is_empty() {
        let remedy = "write at least one mail address";
        return Err(Problem::Missing { key: "alerts.smtp.to", remedy });
    }
    Ok(Smtp {
        server: there("alerts.smtp.server", table.server.as_ref(), "write the server's host:port")?,
        from: there("alerts.smtp.from", table.from.as_ref(), "write the sender's mail address")?,
        to: values("alerts.smtp.to", &table.to)?,
        login: login(
            ("alerts.smtp.user", table.user.as_ref()),
            ("alerts.smtp.password_file", table.password_file.as_ref()),
        )?,
    })
}

type Given<'a> = (&'static str, Option<&'a String>);

/// A user and the file with its password: both or neither.
fn login<T: FromStr<Err = Refused>>(
    (user_key, user): Given<'_>,
    (file_key, file): Given<'_>,
) -> Result<Option<(T, AbsPath)>, Problem> {
    match (user, file) {
        (None, None) => Ok(None),
        (Some(user), Some(file)) => Ok(Some((value(user_key, user)?, value(file_key, file)?))),
        (None, Some(_)) => Err(Problem::Missing {
            key: user_key,
            remedy: "a password needs the name that it is for",
        }),
        (Some(_), None) => {
            Err(Problem::Missing { key: file_key, remedy: "name the file that holds the password" })
        }
    }
}

fn telegram(table: &file::Telegram) -> Result<Telegram, Problem> {
    let key = "alerts.telegram.chat";
    let remedy = "write the number of the chat in quotes, such as \"-1001234567890\"";
    let text = table.chat.as_ref().ok_or(Problem::Missing { key, remedy })?;
    let chat = text.parse().map_err(|_| Problem::Value { key, found: text.clone(), remedy })?;
    let file = "name the file that holds the bot's token";
    Ok(Telegram {
        chat,
        token_file: there("alerts.telegram.token_file", table.token_file.as_ref(), file)?,
    })
}

fn deadman(table: &file::Deadman) -> Result<Deadman, Problem> {
    let file = "name the file that holds the URL";
    Ok(Deadman {
        url_file: there("alerts.deadman.url_file", table.url_file.as_ref(), file)?,
        every_secs: number("alerts.deadman.every_secs", table.every_secs, 10, 3600)?,
    })
}

fn backups(table: &file::Backups, frame: Frame) -> Result<Backups, Problem> {
    let recipients = values("backups.recipients", &table.recipients)?;
    let mut once = recipients.clone();
    once.sort_unstable();
    once.dedup();
    if once.len() < 2 {
        let what =
            "a backup that one key opens is lost with it; list at least two different recipients";
        return Err(Problem::Contradiction { key: "backups.recipients", what });
    }
    let db = &table.database;
    Ok(Backups {
        recipients,
        folder: value("backups.folder", &table.folder)?,
        daily: number("backups.daily", table.daily, 1, 366)?,
        weekly: number("backups.weekly", table.weekly, 0, 520)?,
        monthly: number("backups.monthly", table.monthly, 0, 120)?,
        off_host: values("backups.off_host", &table.off_host)?,
        proof: proof(&table.verify)?,
        database: Database {
            host: database_host(db, frame)?,
            name: value("backups.database.name", &db.name)?,
            user: value("backups.database.user", &db.user)?,
            password_file: optional("backups.database.password_file", db.password_file.as_ref())?,
        },
    })
}

/// PostgreSQL in its container has no socket on the host, and asks for a password.
fn database_host(table: &file::Database, frame: Frame) -> Result<DatabaseHost, Problem> {
    let key = "backups.database.host";
    let in_container = frame.runtime == Runtime::Docker && frame.has_sbtc;
    let inside = Container::Postgres.address().to_string();
    let default = if in_container { &inside } else { "/run/postgresql" };
    let host = table.host.as_deref().unwrap_or(default);
    if !host.starts_with('/') {
        if in_container && table.password_file.is_none() {
            let key = "backups.database.password_file";
            let remedy = "PostgreSQL in its container asks for the role's password: name the file that holds it";
            return Err(Problem::Missing { key, remedy });
        }
        return Ok(DatabaseHost::Host(value(key, host)?));
    }
    if in_container {
        let what =
            "PostgreSQL is in a container, whose socket nobody outside reaches; leave it out";
        return Err(Problem::Contradiction { key, what });
    }
    Ok(DatabaseHost::Socket(value(key, host)?))
}

fn proof(table: &file::Verify) -> Result<Proof, Problem> {
    let identity = optional("backups.verify.identity", table.identity.as_ref())?;
    let key = optional("backups.verify.key", table.key.as_ref())?;
    match (identity, key) {
        (None, None) => Ok(Proof::Checksum),
        (Some(identity), None) => Ok(Proof::Restored { identity }),
        (Some(identity), Some(key)) => Ok(Proof::Opened { identity, key }),
        (None, Some(_)) => {
            let remedy =
                "the key opens shares, and only an identity opens the backup that they are in";
            Err(Problem::Missing { key: "backups.verify.identity", remedy })
        }
    }
}

fn access(table: &file::Access) -> Result<Access, Problem> {
    Ok(Access {
        ssh_port: port("access.ssh_port", table.ssh_port)?,
        admin_networks: networks("access.admin_networks", &table.admin_networks)?,
        admins: values("access.admins", &table.admins)?,
        hardware_keys: table.hardware_keys,
    })
}

fn voting_power(table: &file::VotingPower) -> Result<VotingPower, Problem> {
    // With 30 % one key alone can stop the chain.
    let hard = number("voting_power.hard_percent", table.hard_percent, 1, 29)?;
    let soft = table.soft_percent;
    let soft_percent = number("voting_power.soft_percent", soft, 1, table.hard_percent)?;
    Ok(VotingPower { soft_percent, hard_percent: hard })
}

fn monitoring(table: &file::Monitoring) -> Result<Monitoring, Problem> {
    let url = optional("monitoring.remote_write_url", table.remote_write_url.as_ref())?;
    let login = login(
        ("monitoring.remote_write_user", table.remote_write_user.as_ref()),
        ("monitoring.remote_write_password_file", table.remote_write_password_file.as_ref()),
    )?;
    let remote_write = match (url, login) {
        (Some(url), login) => Some(RemoteWrite { url, login }),
        (None, None) => None,
        (None, Some(_)) => {
            let remedy = "a user without a URL has nowhere to log in";
            return Err(Problem::Missing { key: "monitoring.remote_write_url", remedy });
        }
    };
    Ok(Monitoring { sources: networks("monitoring.sources", &table.sources)?, remote_write })
}

fn images(
    table: &file::Images,
    frame: Frame,
    mode: BitcoinMode,
) -> Result<Option<Images>, Problem> {
    if frame.runtime == Runtime::Systemd {
        return Ok(None);
    }
    let pin = "name the image with its digest, NAME@sha256:…; \
               `docker image inspect --format '{{index .RepoDigests 0}}' NAME` shows it";
    let needed = |key, text: Option<&String>, is_needed: bool| {
        if is_needed { there(key, text, pin).map(Some) } else { optional(key, text) }
    };
    Ok(Some(Images {
        countersign: there("images.countersign", table.countersign.as_ref(), pin)?,
        node: there("images.node", table.node.as_ref(), pin)?,
        bitcoin: needed("images.bitcoin", table.bitcoin.as_ref(), mode != BitcoinMode::External)?,
        sbtc: needed("images.sbtc", table.sbtc.as_ref(), frame.has_sbtc)?,
        postgres: needed("images.postgres", table.postgres.as_ref(), frame.has_sbtc)?,
    }))
}
