//! Every key of `countersign.toml`, in one table: what the parser takes, what a misspelt key is compared with, and
//! what `docs/operator/countersign-toml.md` shows.

/// What a value is in TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// A whole number, not negative.
    Number,
    /// `true` or `false`.
    Flag,
}

impl Kind {
    /// The name of the kind, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Texts => "list of texts",
            Self::Number => "number",
            Self::Flag => "true or false",
        }
    }

    pub(crate) fn takes(self, value: &toml::Value) -> bool {
        match self {
            Self::Text => value.is_str(),
            Self::Texts => {
                value.as_array().is_some_and(|list| list.iter().all(toml::Value::is_str))
            }
            Self::Number => value.as_integer().is_some_and(|number| number >= 0),
            Self::Flag => value.is_bool(),
        }
    }
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Where it stands: the table, dots, and the key.
    pub path: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// The default as it would be written, or in words. Empty: the key must be there if its table is.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

pub(crate) const fn key(
    path: &'static str,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    Key { path, kind, default, meaning }
}

use Kind::{Flag, Number, Text, Texts};

use crate::places::{PATHS, PORTS, USERS};

/// Every key, by table.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    [FIRST, PORTS, PATHS, USERS, LAST].into_iter().flatten()
}

/// The keys of the tables before those of ports, folders and users, which are with these ([`crate::places`]).
const FIRST: &[Key] = &[
    key("network", Text, "", "`mainnet`, `testnet` or `mocknet`"),
    key(
        "profile",
        Text,
        "`\"solo\"`",
        "`solo`: one stacker, who signs for itself. `pool`: others delegate to it; the key gets a process of its own, and the share of the voting power is watched",
    ),
    key("runtime", Text, "`\"systemd\"`", "what starts the programs: `systemd` or `docker`"),
    key(
        "hosts.signer.name",
        Text,
        "",
        "the host name of the machine that signs, as `hostname` shows it",
    ),
    key(
        "hosts.signer.address",
        Text,
        "`\"127.0.0.1\"`",
        "its private address, at which the other host and monitoring reach it. With two hosts it must be there, and is not a loopback address",
    ),
    key(
        "hosts.signer.public_address",
        Text,
        "none",
        "the address at which the world reaches it, if it has peers there (the node on one host, sBTC)",
    ),
    key(
        "hosts.node.name",
        Text,
        "none",
        "the host name of a second machine, for stacks-node and bitcoind. Without this table everything is on one host",
    ),
    key("hosts.node.address", Text, "", "its private address"),
    key("hosts.node.public_address", Text, "none", "the address at which peers reach it"),
    key(
        "signer.key",
        Text,
        "`\"age\"`",
        "where the signing key is: `age` (an encrypted file, its passphrase sealed by systemd), `credential` (the key itself sealed by systemd) or `pkcs11` (in a token, which it never leaves); with Docker only `age`",
    ),
    key(
        "signer.key_name",
        Text,
        "`\"signer\"`",
        "what the key's files are called after: `key/NAME.age` and `credstore/NAME-passphrase`. A key that has taken another's place keeps its name",
    ),
    key(
        "signer.vault",
        Flag,
        "pool: true, else false",
        "whether a process of its own holds the key (`countersign vault`), and another one the next key",
    ),
    key(
        "signer.operators",
        Texts,
        "`[]`",
        "users of the signer's host, but not root, who may have the vault sign grants, authorizations and votes, stop the key, and let it sign again (the role `operator`). The vault does not start if one is not there. Only with a vault, not with Docker",
    ),
    key(
        "signer.token.module",
        Text,
        "",
        "with `pkcs11`: the library of the token's vendor. The PIN is no part of this file: `systemd-creds encrypt --name=token-pin` seals it into `credstore/token-pin`",
    ),
    key("signer.token.label", Text, "", "the token's label"),
    key("signer.token.key_label", Text, "", "the key's label in it"),
    key(
        "signer.token.pcscd",
        Flag,
        "`false`",
        "whether it is reached through pcscd, as smart cards and USB keys are",
    ),
    key(
        "signer.token.folders",
        Texts,
        "`[]`",
        "folders that the library opens and writes into, such as `/var/lib/softhsm`",
    ),
    key(
        "signer.token.devices",
        Texts,
        "`[]`",
        "devices that it opens itself, such as `/dev/tpmrm0`",
    ),
    key(
        "signer.token.groups",
        Texts,
        "`[]`",
        "groups whose members may use the token, such as `softhsm` or `tss`",
    ),
    key(
        "signer.next.key",
        Text,
        "as `signer.key`",
        "where the key is that is to take the place of the signing key, in the same words. The table is there only while a key is being changed ([rotation.md](rotation.md)); afterwards its lines move to `[signer]`",
    ),
    key(
        "signer.next.key_name",
        Text,
        "",
        "what its files are called after; another name than `signer.key_name`. With `credential` it is `credstore/NAME-signing-key`, with `pkcs11` `credstore/NAME-token-pin`",
    ),
    key("signer.next.token.module", Text, "", "as `signer.token.module`, and so on below"),
    key("signer.next.token.label", Text, "", "the token's label"),
    key("signer.next.token.key_label", Text, "", "the label of the next key in it"),
    key("signer.next.token.pcscd", Flag, "`false`", "whether it is reached through pcscd"),
    key("signer.next.token.folders", Texts, "`[]`", "folders that its library writes into"),
    key("signer.next.token.devices", Texts, "`[]`", "devices that it opens itself"),
    key("signer.next.token.groups", Texts, "`[]`", "groups whose members may use the token"),
    key(
        "node.bootstrap",
        Texts,
        "by network",
        "peers that the node begins with, each `PUBLIC_KEY@host:port`",
    ),
    key(
        "bitcoin.mode",
        Text,
        "testnet: `external`, else `full`",
        "`full`, `pruned`, or `external`: a bitcoind that is not part of this installation",
    ),
    key(
        "bitcoin.prune_mb",
        Number,
        "`1024`",
        "how much a pruned bitcoind keeps, in MiB; at least 550. It must not be down for more than 288 blocks",
    ),
    key("bitcoin.dbcache_mb", Number, "`4096`", "memory for bitcoind's database, in MiB"),
    key(
        "bitcoin.rpc_user",
        Text,
        "`\"countersign\"`",
        "the name under which the node asks bitcoind",
    ),
    key("bitcoin.host", Text, "none", "where an external bitcoind is"),
    key(
        "sbtc.signers",
        Texts,
        "",
        "the public keys of the signing set, each of 66 hex digits. All operators write the same list",
    ),
    key("sbtc.signatures_required", Number, "", "how many of them must sign"),
    key(
        "sbtc.deployer",
        Text,
        "mainnet: the known one, else none",
        "the address that deployed the sBTC contracts",
    ),
    key("sbtc.seeds", Texts, "`[]`", "peers that the sBTC signer begins with, each `host:port`"),
    key(
        "sbtc.blocklist_url",
        Text,
        "none",
        "the blocklist client that says which requests to refuse. Without one every request is accepted",
    ),
    key(
        "link.kind",
        Text,
        "`\"countersign\"`",
        "what carries callbacks and questions between two hosts: `countersign` (built in, mutual TLS), `nginx`, `haproxy` or `wireguard`",
    ),
    key(
        "link.signer_pin",
        Text,
        "none",
        "the pin of the signer's certificate; needed for `countersign`",
    ),
    key(
        "link.node_pin",
        Text,
        "none",
        "the pin of the certificate on the node's host; needed for `countersign`",
    ),
    key(
        "link.signer_wireguard_key",
        Text,
        "none",
        "the public key of the signer's host; needed for `wireguard`",
    ),
    key(
        "link.node_wireguard_key",
        Text,
        "none",
        "the public key of the node's host; needed for `wireguard`",
    ),
    key(
        "link.tunnel",
        Text,
        "`\"10.73.0.0/30\"`",
        "the network inside the WireGuard tunnel: its first address is the signer's host, its second the node's",
    ),
];

/// The keys of the tables behind them.
const LAST: &[Key] = &[
    key(
        "logs.retention_days",
        Number,
        "with sBTC 90, else 7",
        "how long logs are kept; at least 7, with sBTC at least 90",
    ),
    key(
        "logs.max_disk_gb",
        Number,
        "with sBTC 100, else 20",
        "the most that the journal takes on the disk, in GiB. What is full before its time loses its oldest entries: `countersign logs` forecasts it",
    ),
    key("alerts.webhook.url_file", Text, "none", "the file with the URL that alerts are posted to"),
    key("alerts.smtp.server", Text, "", "the mail server, `host:port`"),
    key("alerts.smtp.from", Text, "", "the sender's address"),
    key("alerts.smtp.to", Texts, "", "who gets the mail"),
    key("alerts.smtp.user", Text, "none", "the name to log in with"),
    key("alerts.smtp.password_file", Text, "none", "the file with its password"),
    key("alerts.telegram.chat", Text, "", "the number of the chat"),
    key("alerts.telegram.token_file", Text, "", "the file with the bot's token"),
    key("alerts.pagerduty.key_file", Text, "", "the file with the integration key"),
    key(
        "alerts.deadman.url_file",
        Text,
        "",
        "the file with the URL that is called while all is well; who runs it raises the alarm when the calls stop",
    ),
    key("alerts.deadman.every_secs", Number, "`60`", "how often it is called, in seconds"),
    key(
        "backups.recipients",
        Texts,
        "",
        "public keys of age that can open the backups; at least two",
    ),
    key("backups.folder", Text, "`\"/var/backups/countersign\"`", "where backups are"),
    key("backups.daily", Number, "`7`", "how many daily backups are kept"),
    key("backups.weekly", Number, "`5`", "how many weekly ones"),
    key("backups.monthly", Number, "`12`", "how many monthly ones"),
    key(
        "backups.off_host",
        Texts,
        "`[]`",
        "the command, without a shell, that carries a finished backup to another host; the file's path is added as its last argument",
    ),
    key(
        "backups.verify.identity",
        Text,
        "none",
        "the file with an identity of age that opens the backups, sealed by `systemd-creds encrypt --name=backup-identity`. With it this host verifies the newest backup up to level 3 each day; without it only its checksum",
    ),
    key(
        "backups.verify.key",
        Text,
        "none",
        "the file with the sBTC signer's private key, sealed by `systemd-creds encrypt --name=sbtc-key`: with it up to level 4",
    ),
    key(
        "backups.database.host",
        Text,
        "with Docker the container's address, else `/run/postgresql`",
        "PostgreSQL's socket folder or host",
    ),
    key("backups.database.name", Text, "`\"sbtc\"`", "the database"),
    key("backups.database.user", Text, "`\"countersign_backup\"`", "the role that reads it"),
    key(
        "backups.database.password_file",
        Text,
        "none",
        "the file with its password, if it needs one",
    ),
    key("access.ssh_port", Number, "`22`", "where sshd listens"),
    key(
        "access.admin_networks",
        Texts,
        "`[]`",
        "networks from which administrators connect. Empty: SSH is open to all addresses, with a limit on its rate",
    ),
    key(
        "access.admins",
        Texts,
        "`[]`",
        "the users who may log in. Empty: sshd's own rules are left alone",
    ),
    key(
        "access.hardware_keys",
        Flag,
        "`false`",
        "whether only SSH keys that live in hardware (FIDO2) are taken, after its PIN",
    ),
    key(
        "voting_power.soft_percent",
        Number,
        "`10`",
        "the share of the signing weight from which `countersign doctor` warns",
    ),
    key(
        "voting_power.hard_percent",
        Number,
        "`15`",
        "the share from which it fails: half of what can stop the chain alone. The alerts `WeightNearCap` and `WeightAboveCap` fire at the two shares, but on a mocknet",
    ),
    key("time.servers", Texts, "`[]`", "time servers. Empty: the host's own are left alone"),
    key(
        "monitoring.sources",
        Texts,
        "`[]`",
        "addresses and networks that may read metrics from outside; without them metrics are on loopback only",
    ),
    key("monitoring.remote_write_url", Text, "none", "where Alloy sends metrics, if anywhere"),
    key("monitoring.remote_write_user", Text, "none", "its user there"),
    key("monitoring.remote_write_password_file", Text, "none", "the file with its password"),
    key(
        "images.countersign",
        Text,
        "none",
        "Docker: the image of Countersign, pinned by its digest",
    ),
    key("images.node", Text, "none", "Docker: the image of stacks-node"),
    key("images.bitcoin", Text, "none", "Docker: the image of bitcoind"),
    key("images.sbtc", Text, "none", "Docker: the image of the sBTC signer"),
    key("images.postgres", Text, "none", "Docker: the image of PostgreSQL"),
];
