//! The compose file: images by digest, no root, read-only, no capabilities, and nothing published but what peers and
//! the other host need, on one address (rows E12, E13, E33, E45).

use crate::render::Put as _;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use crate::choices::HostRole;
use crate::rendered::Rendered;
use crate::site::{Images, Link, Site, Turn};
use crate::values::{AbsPath, Image};
use crate::wiring::{Container, DOCKER_BRIDGE, DOCKER_NETWORK};

use super::signer::SOCKET_FOLDER;
use super::{HEAD, View, fixed, text, texts};

/// The number of a user whose files a container sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Uid {
    Signer,
    Vault,
    Link,
    Backup,
    Node,
    Bitcoin,
    Sbtc,
}

impl Uid {
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Signer => 7601,
            Self::Vault => 7602,
            Self::Link => 7603,
            Self::Backup => 7604,
            Self::Node => 7605,
            Self::Bitcoin => 7606,
            Self::Sbtc => 7607,
        }
    }
}

/// The number of a user who has no files.
const NOBODY: u32 = 65534;

/// The number of the user of PostgreSQL's container, which is no user of the host.
pub(super) const POSTGRES_UID: u32 = 7608;

/// Nothing is in it that only one of `docker compose` and Debian 12's docker-compose 1.29 knows.
pub(super) fn files(view: View<'_>) -> Vec<Rendered> {
    let Some(images) = &view.site.images else { return Vec::new() };
    let mut out = format!("{HEAD}\nservices:\n");
    for service in services(view, images) {
        out.push_str(&service.to_yaml());
    }
    if view.site.signer.vault && view.site.has_signer(view.role) {
        out.push_str(&socket_volume());
    }
    out.put(format_args!("\nnetworks:\n  signer:\n    driver_opts:\n      com.docker.network.bridge.name: {DOCKER_BRIDGE}\n    \
         ipam:\n      config:\n        - subnet: {DOCKER_NETWORK}\n"));
    vec![Rendered::public(view.site.paths.compose(), out)]
}

/// The folder of the vault's socket, in memory: the vault writes into it, the signer goes through it, and nobody else.
fn socket_volume() -> String {
    let (vault, signer) = (Uid::Vault.number(), Uid::Signer.number());
    format!(
        "\nvolumes:\n  {SOCKETS}:\n    driver: local\n    driver_opts:\n      type: tmpfs\n      device: tmpfs\n      \
         o: \"mode=0750,uid={vault},gid={signer},size=64k\"\n"
    )
}

/// The volume with the vault's socket.
const SOCKETS: &str = "vault-socket";

/// How a container reaches others.
#[derive(Clone, Copy)]
enum Reach {
    /// By an address of its own in the containers' network.
    At(Container),
    /// Not at all: it has no network.
    Nobody,
}

/// A container.
struct Service<'a> {
    name: &'static str,
    image: &'a Image,
    uid: u32,
    reach: Reach,
    command: Vec<String>,
    /// Files and folders that it reads.
    reads: Vec<AbsPath>,
    /// Folders that it writes, and where it sees them.
    writes: Vec<(AbsPath, String)>,
    /// Whether the folder of the vault's socket is there.
    sockets: bool,
    /// Whether all of its memory may be locked.
    locks_memory: bool,
    /// Ports that are published: on the host, and inside.
    published: Vec<String>,
    /// The key that names an address for its peers, if none is named and they cannot reach it.
    unreachable: Option<&'static str>,
    environment: Vec<(&'static str, String)>,
    env_file: Option<AbsPath>,
    /// How long it may take to stop, in seconds.
    stop_secs: u32,
    after: &'static [&'static str],
}

impl<'a> Service<'a> {
    /// Of this image: without network, files and a user of its own yet.
    const fn of(image: &'a Image) -> Self {
        Self {
            name: "",
            image,
            uid: NOBODY,
            reach: Reach::Nobody,
            command: Vec::new(),
            reads: Vec::new(),
            writes: Vec::new(),
            sockets: false,
            locks_memory: false,
            published: Vec::new(),
            unreachable: None,
            environment: Vec::new(),
            env_file: None,
            stop_secs: 15,
            after: &[],
        }
    }

    /// With an init, because the first process of a container hears no signal that it has no handler for, and a program
    /// that has just begun has none yet.
    fn to_yaml(&self) -> String {
        let mut out = format!(
            "  {}:\n    image: {}\n    user: \"{uid}:{uid}\"\n    entrypoint: {}\n    init: true\n    read_only: true\n    \
             cap_drop: [ALL]\n    security_opt: [\"no-new-privileges:true\"]\n    pids_limit: 4096\n    \
             tmpfs: [\"/tmp:mode=1777,size=64m\"]\n    restart: unless-stopped\n    \
             stop_grace_period: {}s\n    logging:\n      driver: journald\n      options:\n        \
             tag: {}\n",
            self.name,
            self.image,
            texts(&self.command),
            self.stop_secs,
            self.name,
            uid = self.uid,
        );
        match self.reach {
            Reach::At(container) => out.put(format_args!(
                "    networks:\n      signer:\n        ipv4_address: {}\n",
                container.address()
            )),
            Reach::Nobody => out.push_str("    network_mode: none\n"),
        }
        if self.locks_memory {
            out.push_str("    ulimits:\n      memlock:\n        soft: -1\n        hard: -1\n");
        }
        self.write_lists(&mut out).expect("a string takes everything");
        out
    }

    fn write_lists(&self, out: &mut String) -> std::fmt::Result {
        if !self.after.is_empty() {
            writeln!(out, "    depends_on: {}", texts(self.after))?;
        }
        if let Some(key) = self.unreachable {
            writeln!(
                out,
                "    # No peer reaches it: {key} in countersign.toml names the address for them."
            )?;
        }
        if !self.published.is_empty() {
            writeln!(out, "    ports: {}", texts(&self.published))?;
        }
        if let Some(file) = &self.env_file {
            writeln!(out, "    env_file: [{}]", text(file))?;
        }
        if !self.environment.is_empty() {
            out.push_str("    environment:\n");
            for (name, value) in &self.environment {
                writeln!(out, "      {name}: {}", text(value))?;
            }
        }
        out.push_str("    volumes:\n");
        for path in &self.reads {
            mount(out, path, &path.to_string(), true)?;
        }
        for (path, inside) in &self.writes {
            mount(out, path, inside, false)?;
        }
        if self.sockets {
            let folder = SOCKET_FOLDER;
            write!(
                out,
                "      - type: volume\n        source: {SOCKETS}\n        target: {folder}\n        read_only: {}\n",
                // Connecting is no writing.
                !self.locks_memory
            )?;
        }
        Ok(())
    }
}

/// Its source must be there: docker-compose 1.29 refuses one that is missing, later ones may make an empty folder. The
/// setting that forbids it is one that 1.29 does not know. `systemd-tmpfiles` makes all of them.
fn mount(out: &mut String, source: &AbsPath, target: &str, read_only: bool) -> std::fmt::Result {
    write!(
        out,
        "      - type: bind\n        source: {source}\n        target: {target}\n        read_only: \
         {read_only}\n"
    )
}

fn services<'a>(view: View<'a>, images: &'a Images) -> Vec<Service<'a>> {
    let View { site, role, .. } = view;
    let mut services = Vec::new();
    if site.has_signer(role) {
        services.push(signer(site, &images.countersign));
        if site.signer.vault {
            let vaults = site.signer.keys().map(|(turn, _)| vault(site, turn, &images.countersign));
            services.extend(vaults);
        }
        if let (Some(image), Some(postgres)) = (&images.sbtc, &images.postgres)
            && site.sbtc.is_some()
        {
            services.push(sbtc(site, image));
            services.push(database(site, postgres));
        }
    }
    if site.has_node(role) {
        services.push(node(site, &images.node));
        services.extend(
            images
                .bitcoin
                .as_ref()
                .filter(|_| site.has_bitcoin(role))
                .map(|image| bitcoin(site, image)),
        );
        if let Some(Link::Countersign { .. }) = site.link {
            services.push(link(site, &images.countersign));
        }
    }
    services
}

fn same(folder: &AbsPath) -> (AbsPath, String) {
    (folder.clone(), folder.to_string())
}

/// Published on one address of the host: never on all.
fn published(address: IpAddr, port: crate::places::Port) -> String {
    format!("{}:{port}", SocketAddr::new(address, port.get()))
}

/// Where peers reach a host: where nobody does unless an address is named, if it is alone. What is published on all
/// addresses is out of the operator's hands (row E33), so that is never chosen for them; a node and an sBTC signer work
/// with the peers that they find themselves, and the file and `countersign doctor` say that none finds them.
fn public(site: &Site, role: HostRole) -> IpAddr {
    let host = site.host(role);
    host.public_address.unwrap_or(host.address)
}

/// The key that is missing if no peer reaches a host.
fn missing_address(site: &Site, role: HostRole) -> Option<&'static str> {
    public(site, role).is_loopback().then_some(match role {
        HostRole::Signer => "hosts.signer.public_address",
        HostRole::Node => "hosts.node.public_address",
    })
}

fn signer<'a>(site: &Site, image: &'a Image) -> Service<'a> {
    let paths = &site.paths;
    let mut reads = vec![paths.signer_config()];
    let mut writes = vec![same(&paths.state)];
    if !site.signer.vault {
        reads.push(paths.key_folder());
        writes.push(same(&fixed(LOCKS)));
    }
    let page = SocketAddr::new([127, 0, 0, 1].into(), site.ports.status_page.get());
    let mut ports = vec![format!("{page}:{}", site.ports.status_page)];
    match &site.link {
        // The proxies on this host come by the containers' network, as the node does.
        None | Some(Link::Nginx | Link::Haproxy) => {}
        Some(Link::Countersign { .. }) => {
            reads.push(paths.tls());
            ports.push(published(site.host(HostRole::Signer).address, site.ports.signer));
        }
        Some(Link::Wireguard { signer_address, .. }) => {
            ports.push(published(*signer_address, site.ports.signer));
        }
    }
    if site.shows_metrics() {
        ports.push(published(site.host(HostRole::Signer).address, site.ports.signer_metrics));
    }
    let config = paths.signer_config().to_string();
    Service {
        name: "signer",
        uid: Uid::Signer.number(),
        reach: Reach::At(Container::Signer),
        command: ["countersign", "run", "--config", &config].map(str::to_owned).to_vec(),
        reads,
        writes,
        sockets: site.signer.vault,
        published: ports,
        stop_secs: 15,
        after: match (site.signer.vault, &site.signer.next) {
            (false, _) => &[],
            (true, None) => &["vault"],
            (true, Some(_)) => &["vault", "vault-next"],
        },
        ..Service::of(image)
    }
}

/// Where whoever opens a key keeps others of this machine from signing with it: other containers, and what runs outside
/// of them.
const LOCKS: &str = "/run/lock";

/// It has no network, and nobody has its key's files but it.
fn vault<'a>(site: &Site, turn: Turn, image: &'a Image) -> Service<'a> {
    let paths = &site.paths;
    let config = paths.vault_toml(turn);
    let argument = config.to_string();
    Service {
        name: match turn {
            Turn::Now => "vault",
            Turn::Next => "vault-next",
        },
        uid: Uid::Vault.number(),
        command: ["countersign", "vault", "--config", &argument].map(str::to_owned).to_vec(),
        reads: vec![config, paths.key_folder()],
        writes: vec![same(&paths.vault_state), same(&fixed(LOCKS))],
        sockets: true,
        locks_memory: true,
        stop_secs: 15,
        ..Service::of(image)
    }
}

fn node<'a>(site: &Site, image: &'a Image) -> Service<'a> {
    let paths = &site.paths;
    let role = site.node_role();
    let mut ports = vec![published(public(site, role), site.ports.node_p2p)];
    if let Some(Link::Wireguard { node_address, .. }) = &site.link {
        ports.push(published(*node_address, site.ports.node_rpc));
    }
    if site.shows_metrics() {
        ports.push(published(site.host(role).address, site.ports.node_metrics));
    }
    let config = paths.node_toml().to_string();
    Service {
        name: "node",
        uid: Uid::Node.number(),
        reach: Reach::At(Container::Node),
        command: ["stacks-node", "start", "--config", &config].map(str::to_owned).to_vec(),
        reads: vec![paths.node_toml()],
        writes: vec![same(&paths.node_state)],
        published: ports,
        unreachable: missing_address(site, role),
        stop_secs: 120,
        after: match (&site.link, site.bitcoin.external.is_some()) {
            (None, true) => &["signer"],
            (None, false) => &["signer", "bitcoin"],
            (Some(Link::Countersign { .. }), true) => &["link"],
            (Some(Link::Countersign { .. }), false) => &["link", "bitcoin"],
            (Some(_), true) => &[],
            (Some(_), false) => &["bitcoin"],
        },
        ..Service::of(image)
    }
}

fn bitcoin<'a>(site: &Site, image: &'a Image) -> Service<'a> {
    let paths = &site.paths;
    let config = format!("-conf={}", paths.bitcoin_conf());
    let data = format!("-datadir={}", paths.bitcoin_state);
    let mut ports = Vec::new();
    if let (Some(Link::Wireguard { node_address, .. }), Some(_)) = (&site.link, &site.sbtc) {
        ports.push(published(*node_address, site.ports.bitcoin_rpc));
    }
    Service {
        name: "bitcoin",
        uid: Uid::Bitcoin.number(),
        reach: Reach::At(Container::Bitcoin),
        command: vec!["bitcoind".to_owned(), config, data],
        reads: vec![paths.bitcoin_conf()],
        writes: vec![same(&paths.bitcoin_state)],
        published: ports,
        stop_secs: 600,
        ..Service::of(image)
    }
}

fn link<'a>(site: &Site, image: &'a Image) -> Service<'a> {
    let config = site.paths.link_toml();
    let argument = config.to_string();
    Service {
        name: "link",
        uid: Uid::Link.number(),
        reach: Reach::At(Container::Link),
        command: ["countersign", "link", "--config", &argument].map(str::to_owned).to_vec(),
        reads: vec![config, site.paths.tls()],
        published: vec![published(site.host(HostRole::Node).address, site.ports.link_rpc)],
        stop_secs: 15,
        ..Service::of(image)
    }
}

fn sbtc<'a>(site: &Site, image: &'a Image) -> Service<'a> {
    let paths = &site.paths;
    let peers = published(public(site, HostRole::Signer), site.ports.sbtc_p2p);
    let mut ports = vec![format!("{peers}/udp"), peers];
    if let Some(Link::Wireguard { signer_address, .. }) = &site.link {
        ports.push(published(*signer_address, site.ports.sbtc_events));
    }
    let config = paths.sbtc_toml().to_string();
    let command = ["/usr/local/bin/signer", "--config", &config, "--migrate-db"];
    Service {
        name: "sbtc",
        uid: Uid::Sbtc.number(),
        reach: Reach::At(Container::Sbtc),
        command: command.map(str::to_owned).to_vec(),
        reads: vec![paths.sbtc_toml()],
        published: ports,
        unreachable: missing_address(site, HostRole::Signer),
        env_file: Some(paths.sbtc_secrets()),
        stop_secs: 60,
        after: &["postgres"],
        ..Service::of(image)
    }
}

fn database<'a>(site: &Site, image: &'a Image) -> Service<'a> {
    let paths = &site.paths;
    let password = paths.sbtc_config.join("postgres-password");
    let environment = vec![
        ("POSTGRES_USER", super::sbtc::DATABASE_USER.to_owned()),
        ("POSTGRES_DB", site.database_name().to_owned()),
        ("POSTGRES_PASSWORD_FILE", password.to_string()),
        ("PGPORT", site.ports.postgres.to_string()),
        ("PGDATA", "/var/lib/postgresql/data/db".to_owned()),
    ];
    Service {
        name: "postgres",
        uid: POSTGRES_UID,
        reach: Reach::At(Container::Postgres),
        command: ["docker-entrypoint.sh", "postgres", "-k", "/tmp"].map(str::to_owned).to_vec(),
        reads: vec![password],
        writes: vec![(paths.postgres_state(), "/var/lib/postgresql/data".to_owned())],
        environment,
        stop_secs: 60,
        ..Service::of(image)
    }
}
