//! An installation on which nothing is wrong.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_custody::{Check as KeyCheck, Level};
use countersign_site::{HostRole, Secrets, Site, files};
use countersign_wire::{Network, PublicKey};

use crate::check::Profile;
use crate::facts::*;
use crate::parse::unit::{self, Values};

pub(super) const NOW: u64 = 1_796_000_000;
pub(super) const DAY: u64 = 86_400;
const GIB: u64 = 1 << 30;

/// The public key of the installation.
pub(super) fn key() -> PublicKey {
    "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5".parse().unwrap()
}

/// One host with everything.
pub(super) fn good(profile: Profile) -> Facts {
    let mut facts = Facts::nothing(profile, NOW);
    facts.roles = Roles { signer: true, node: true, bitcoin: true, is_pruned: false, sbtc: true };
    host(&mut facts);
    configs(&mut facts);
    chain(&mut facts);
    services(&mut facts);
    facts
}

fn host(facts: &mut Facts) {
    facts.machine = Machine {
        centi_cpus: Ok(800),
        memory: Ok(32 * GIB),
        available: Ok(16 * GIB),
        ptrace_scope: Ok(Some(1)),
        core_pattern: Ok("|/bin/false".to_owned()),
        container: Ok(None),
        foreign_programs: Ok(Vec::new()),
    };
    let volume = |role, folder: &str, total| Volume {
        folder: PathBuf::from(folder),
        role,
        kind: "ext4".to_owned(),
        total: total * GIB,
        free: total * GIB / 2,
        inodes: 1_000_000,
        free_inodes: 900_000,
        is_read_only: false,
    };
    let signer = PathBuf::from("/var/lib/countersign");
    facts.storage = Storage {
        volumes: Ok(vec![
            volume(Role::Signer, "/var/lib/countersign", 100),
            volume(Role::Node, "/var/lib/stacks-node", 1_000),
            volume(Role::Bitcoin, "/var/lib/bitcoin", 2_000),
        ]),
        fsync: Ok(Fsync { folder: signer.clone(), count: 100, p50: 800, p99: 2_500 }),
        history: Ok(vec![Sample { at: NOW - 10 * DAY, folder: signer, free: 51 * GIB }]),
    };
    facts.clock = Clock {
        offset: Ok(Offset { millis: -3, source: "time.example (chrony)".to_owned() }),
        synchrony: Ok(Synchrony { is_kept: true, source: "chrony".to_owned() }),
        zone: Ok("Etc/UTC".to_owned()),
    };
    programs(facts);
    people(facts);
}

fn programs(facts: &mut Facts) {
    let process = |pid, uid, program, config: &str| Process {
        pid,
        uid,
        program,
        config: Some(PathBuf::from(config)),
        is_our_network: Some(true),
    };
    facts.processes = Ok(vec![
        process(10, 990, Program::Countersign, "/etc/countersign/signer-config.toml"),
        process(11, 991, Program::StacksNode, "/etc/stacks-node/config.toml"),
        process(12, 992, Program::Bitcoind, "/etc/bitcoin/bitcoin.conf"),
    ]);
    facts.running_signer = Ok(facts.processes.as_ref().unwrap().first().cloned());
    let listener = |protocol, address: [u8; 4], port, program: &str| Listener {
        protocol,
        address: IpAddr::V4(Ipv4Addr::from(address)),
        port,
        program: Some(program.to_owned()),
    };
    facts.listeners = Ok(vec![
        listener(Protocol::Tcp, [0; 4], 22, "sshd"),
        listener(Protocol::Tcp, [0; 4], 20_444, "stacks-node"),
        listener(Protocol::Tcp, [127, 0, 0, 1], 20_443, "stacks-node"),
        listener(Protocol::Tcp, [127, 0, 0, 1], 30_000, "countersign"),
        listener(Protocol::Udp, [0; 4], 4_122, "sbtc-signer"),
    ]);
}

fn people(facts: &mut Facts) {
    let closed = Policy::Drop;
    facts.firewall = Ok(Firewall { input: closed, output: closed, forward: closed });
    let hard = "sk-ssh-ed25519@openssh.com".to_owned();
    let admin = |name: &str| Admin { name: name.to_owned(), keys: vec![hard.clone()] };
    facts.ssh = Ok(Ssh {
        password: false,
        keyboard: false,
        root: "no".to_owned(),
        only_hardware: true,
        ports: vec![22],
        admins: Ok(vec![admin("alice"), admin("bob")]),
    });
}

fn configs(facts: &mut Facts) {
    let check = |check, measured: &str| KeyCheck {
        check,
        level: Level::Ok,
        measured: measured.to_owned(),
        why: "because",
        remedy: None,
    };
    let names = [
        "place",
        "owner",
        "mode",
        "acl",
        "folders",
        "links",
        "git",
        "swap",
        "core-dumps",
        "environment",
        "backup",
    ];
    facts.key = Ok(names.map(|name| check(name, "nothing found")).to_vec());
    facts.drift = Ok(Vec::new());
    facts.files = Ok(Vec::new());
    signer_config(facts);
    node_config(facts);
    other_configs(facts);
    facts.parity = Ok(Parity { differing: Vec::new() });
}

fn signer_config(facts: &mut Facts) {
    facts.signer = Ok(SignerConfig {
        path: PathBuf::from("/etc/countersign/signer-config.toml"),
        refusal: None,
        node_host: "127.0.0.1:20443".to_owned(),
        endpoint: "127.0.0.1:30000".to_owned(),
        metrics: Some("127.0.0.1:30001".to_owned()),
        network: Network::Mainnet,
        chain_id: 1,
        db_path: Some(PathBuf::from("/var/lib/countersign/signer.sqlite")),
        weak_password: None,
        is_dry_run: false,
        idle_secs: 32,
        proposal_timeout_ms: 120_000,
        fallback_nodes: 1,
        has_tls: false,
        has_node_tls: false,
        has_allowed_peers: false,
        public_key: Some(key()),
    });
}

fn node_config(facts: &mut Facts) {
    let observer = |endpoint: &str, keys: &[&str]| NodeObserver {
        endpoint: endpoint.to_owned(),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        timeout_ms: None,
        disable_retries: false,
    };
    facts.node_config = Ok(NodeConfig {
        path: PathBuf::from("/etc/stacks-node/config.toml"),
        misspelt: Vec::new(),
        is_stacker: true,
        is_miner: false,
        is_mock_mining: false,
        rpc_bind: Some("127.0.0.1:20443".to_owned()),
        prometheus_bind: Some("127.0.0.1:9153".to_owned()),
        working_dir: Some(PathBuf::from("/var/lib/stacks-node")),
        has_bootstrap: true,
        mode: Some("mainnet".to_owned()),
        bitcoin_host: Some("127.0.0.1".to_owned()),
        bitcoin_port: Some(8_332),
        token: Token::Present { weakness: None, is_ours: Some(true) },
        observers: vec![
            observer("127.0.0.1:30000", &["stackerdb", "block_proposal", "burn_blocks"]),
            observer(
                "127.0.0.1:8801",
                &["SM3VDXK3WZZSA84XXFKAFAF15NNZX32CTSG82JFQ4.sbtc-registry::print"],
            ),
        ],
    });
}

fn other_configs(facts: &mut Facts) {
    facts.bitcoin_config = Ok(BitcoinConfig {
        path: PathBuf::from("/etc/bitcoin/bitcoin.conf"),
        is_server: true,
        allowed: vec!["127.0.0.1".to_owned()],
        is_logged_to_console: true,
        datadir: Some(PathBuf::from("/var/lib/bitcoin")),
        is_wallet_disabled: true,
        ..BitcoinConfig::default()
    });
    facts.sbtc_config = Ok(SbtcConfig {
        path: PathBuf::from("/etc/sbtc-signer/config.toml"),
        has_bare_key: false,
        network: Some("mainnet".to_owned()),
        observer_bind: Some("127.0.0.1:8801".to_owned()),
        metrics: Some("127.0.0.1:9184".to_owned()),
        listen_on: vec!["tcp://0.0.0.0:4122".to_owned()],
        has_database_login: true,
        weak_database_password: None,
        is_superuser: false,
        stacks_nodes: 2,
        bitcoin_nodes: 2,
        required: Some(10),
        signers: 14,
    });
    facts.compose = Ok(vec![ComposeService {
        file: PathBuf::from("/etc/countersign/compose.yaml"),
        name: "signer".to_owned(),
        image: Some("ghcr.io/x/countersign:1@sha256:00".to_owned()),
        published: vec![(Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), "30001".to_owned())],
        user: Some("10001".to_owned()),
        is_read_only: true,
        drops_capabilities: true,
        is_privileged: false,
        key_variables: Vec::new(),
    }]);
}

fn chain(facts: &mut Facts) {
    let set = |cycle| SignerSet { cycle, weights: vec![5; 40], ours: Some(Seat { weight: 5 }) };
    facts.node = NodeState {
        info: Ok(NodeInfo {
            version: "stacks-node 4.0.2 (main:abc, release build, linux [x86_64])".to_owned(),
            chain_id: 1,
            burn_height: 962_500,
            stacks_height: 7_000_000,
            is_synced: Some(true),
            stackerdbs: Some(vec!["SP000000000000000000002Q6VF78.signers-0-1".to_owned()]),
        }),
        rtt: Ok(Duration::from_millis(1)),
        health: Ok(Health { behind: 0 }),
        pox: Ok(PoxState {
            cycle: 141,
            epoch: "Epoch40".to_owned(),
            until_prepare: 1_650,
            until_next: 1_750,
        }),
        current: Ok(set(141)),
        next: Ok(Some(set(142))),
        with_password: Ok(AuthAnswer::Accepted),
        with_another: Ok(AuthAnswer::Refused),
        balance: Ok(5_000_000),
        manager: Ok(Confirmation {
            manager: "SP4SZE494VC2YC5JYG7AYFQ44F5Q4PYV7DVMDPBG.m".to_owned(),
            key: Some(key()),
        }),
    };
    facts.bitcoin = Ok(BitcoinState {
        chain: "main".to_owned(),
        blocks: 962_500,
        headers: 962_500,
        is_loading: false,
        is_pruned: false,
        prune_height: None,
        version: 280_100,
    });
    let same = Some("02aa".to_owned());
    facts.sbtc = Ok(SbtcState { current_key: same.clone(), contract_key: same });
}

/// A file of a signer's host, as it is rendered.
fn rendered(path: &str) -> String {
    let site = "network = \"mainnet\"\n[hosts.signer]\nname = \"signer-1\"\n";
    let site = Site::parse(site).expect("it is the least that a description says");
    let folder = tempfile::tempdir().expect("there is room for secrets");
    Secrets::draw(folder.path(), &site).expect("they are drawn");
    let secrets = Secrets::load(folder.path(), &site).expect("they were just drawn");
    let files = files(&site, HostRole::Signer, &secrets);
    let found = files.iter().find(|file| file.path.as_path() == Path::new(path));
    found.expect("it is among the files").contents.to_string()
}

/// The unit of our own.
pub(super) fn our_unit() -> Unit {
    let mut values = Values::new();
    unit::read(&rendered("/etc/systemd/system/countersign.service"), &mut values);
    Unit {
        name: "countersign.service".to_owned(),
        path: PathBuf::from("/etc/systemd/system/countersign.service"),
        role: Role::Signer,
        is_ours: true,
        values,
        exposure: Ok(10),
    }
}

fn services(facts: &mut Facts) {
    let names = [("key_open", "key_open"), ("allowed_to_sign", "active"), ("deciding", "deciding")];
    let rungs = names.map(|(name, code)| Rung {
        name: name.to_owned(),
        holds: true,
        code: code.to_owned(),
        text: "all is well".to_owned(),
        remedy: None,
        since: NOW - DAY,
    });
    facts.daemon = Ok(DaemonState { is_ready: true, rungs: rungs.to_vec() });
    facts.events = Ok(EventFlow { before: 100, came: 3, waited_ms: 400 });
    let names = ["stacks_signer_block_proposals_received", "countersign_ready"];
    facts.metrics = Ok(MetricsPage { names: names.map(str::to_owned).to_vec(), millis: 3 });
    facts.units = Ok(vec![our_unit()]);
    facts.certificates = Ok(vec![Certificate {
        path: PathBuf::from("/etc/countersign/tls/signer.crt"),
        not_before: NOW - DAY,
        not_after: NOW + 300 * DAY,
    }]);
    let reach =
        || Ok(LogReach { place: "the journal of x".to_owned(), oldest: Some(NOW - 91 * DAY) });
    facts.logs = Logs {
        signer: reach(),
        node: reach(),
        bitcoin: reach(),
        sbtc: reach(),
        journal: Ok(JournalStorage {
            is_persistent: true,
            folder: PathBuf::from("/var/log/journal"),
        }),
    };
    let record = |job: &str, age, detail| JobRecord {
        job: job.to_owned(),
        at: NOW - age,
        is_good: true,
        detail,
    };
    facts.records = Ok(vec![
        record("backup.sbtc", 3_600, serde_json::json!({})),
        record("backup.signer", 3_600, serde_json::json!({})),
        record("backup-verify.sbtc", DAY, serde_json::json!({ "level": 4 })),
        record("drill.failover", 30 * DAY, serde_json::json!({})),
        record("drill.restore.key", 30 * DAY, serde_json::json!({})),
        record("drill.alerts", 30 * DAY, serde_json::json!({})),
    ]);
}
