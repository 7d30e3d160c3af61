//! Users and folders: sysusers.d and tmpfiles.d (rows D11 and D12).

use crate::choices::Runtime;
use crate::render::Put as _;
use crate::rendered::Rendered;
use crate::site::{Link, Site};
use crate::values::{AbsPath, UserName};

use super::compose::{POSTGRES_UID, Uid};
use super::{HEAD, View, fixed};

pub(super) fn files(view: View<'_>) -> Vec<Rendered> {
    vec![
        Rendered::public(fixed("/etc/sysusers.d/countersign.conf"), users(view)),
        Rendered::public(fixed("/etc/tmpfiles.d/countersign.conf"), folders(view)),
    ]
}

/// A user of this host: its number with Docker, what it is for, and its home.
struct User<'a> {
    name: &'a UserName,
    uid: Uid,
    what: &'static str,
    home: AbsPath,
}

fn all(View { site, role, .. }: View<'_>) -> Vec<User<'_>> {
    let (users, paths) = (&site.users, &site.paths);
    let mut all = Vec::new();
    let mut add = |is_here: bool, name, uid, what, home: &AbsPath| {
        if is_here {
            all.push(User { name, uid, what, home: home.clone() });
        }
    };
    let is_signer = site.has_signer(role);
    let signer = "Countersign, a block signer for Stacks";
    add(is_signer, &users.signer, Uid::Signer, signer, &paths.state);
    add(
        is_signer && site.signer.vault,
        &users.vault,
        Uid::Vault,
        "Countersign's vault",
        &paths.vault_state,
    );
    let has_link = match site.link {
        Some(Link::Countersign { .. }) => site.has_node(role),
        // They stand on both hosts.
        Some(Link::Nginx | Link::Haproxy) => true,
        None | Some(Link::Wireguard { .. }) => false,
    };
    add(has_link, &users.link, Uid::Link, "Countersign's link", &fixed("/nonexistent"));
    if let Some(backups) = &site.backups {
        add(is_signer, &users.backup, Uid::Backup, "Countersign's backups", &backups.folder);
    }
    add(site.has_node(role), &users.node, Uid::Node, "Stacks node", &paths.node_state);
    add(site.has_bitcoin(role), &users.bitcoin, Uid::Bitcoin, "Bitcoin node", &paths.bitcoin_state);
    let has_sbtc = is_signer && site.sbtc.is_some();
    add(has_sbtc, &users.sbtc, Uid::Sbtc, "sBTC signer", &paths.sbtc_state);
    all
}

fn users(view: View<'_>) -> String {
    let mut out = HEAD.to_owned();
    for User { name, uid, what, home } in all(view) {
        // Files that a container sees belong to a number.
        let id = match view.site.runtime {
            Runtime::Systemd => "-".to_owned(),
            Runtime::Docker => uid.number().to_string(),
        };
        out.put(format_args!("u {name} {id} \"{what}\" {home}\n"));
    }
    let View { site, role, .. } = view;
    if site.has_signer(role) && site.signer.vault {
        // That a backup of the key was proven, its owner writes into the signer's records.
        out.put(format_args!("m {} {}\n", site.users.vault, site.users.signer));
    }
    out
}

fn folders(view: View<'_>) -> String {
    let View { site, role, .. } = view;
    let (users, paths) = (&site.users, &site.paths);
    let mut out = HEAD.to_owned();
    let mut folder = |path: &AbsPath, mode: &str, user: &str, group: &str| {
        out.put(format_args!("d {path} {mode} {user} {group}\n"));
    };
    let own = |user: &UserName| (user.to_string(), user.to_string());
    folder(&paths.config, "0755", "root", "root");
    folder(&paths.secrets(), "0700", "root", "root");
    if site.has_signer(role) {
        let (user, group) = own(&users.signer);
        // Others go through to the records; everything else in it is the signer's alone.
        folder(&paths.state, "0711", &user, &group);
        let writer = records_writer(site);
        folder(&paths.records(), "2770", &writer, &group);
        if site.signer.vault {
            let (user, group) = own(&users.vault);
            folder(&paths.vault_state, "0700", &user, &group);
        }
        // Whoever opens the key, and nobody else.
        let (holder, _) = own(if site.signer.vault { &users.vault } else { &users.signer });
        folder(&paths.key_folder(), "0700", &holder, &holder);
        folder(&paths.credstore(), "0700", "root", "root");
        if site.runtime == Runtime::Systemd {
            let (user, group) = own(&users.signer);
            folder(&paths.signer_backups, "0700", &user, &group);
        }
        if let Some(backups) = &site.backups {
            let (user, group) = own(&users.backup);
            folder(&backups.folder, "0700", &user, &group);
        }
    }
    if !site.has_signer(role) {
        // What doctor has measured here; it writes as a member of the node's group.
        folder(&paths.state, "0755", "root", "root");
        folder(&paths.records(), "2770", "root", &users.node.to_string());
    }
    if let Some(user) = tls_user(view) {
        let (user, group) = own(user);
        folder(&paths.tls(), "0700", &user, &group);
    }
    out.push_str(&chain_folders(view));
    out
}

/// Who shows this host's certificate to the other.
fn tls_user(View { site, role, .. }: View<'_>) -> Option<&UserName> {
    match site.link {
        Some(Link::Countersign { .. }) if site.has_signer(role) => Some(&site.users.signer),
        Some(Link::Countersign { .. } | Link::Nginx | Link::Haproxy) => Some(&site.users.link),
        None | Some(Link::Wireguard { .. }) => None,
    }
}

/// Backups write what they did; the signer shows it.
fn records_writer(site: &Site) -> String {
    match site.backups {
        Some(_) => site.users.backup.to_string(),
        None => site.users.signer.to_string(),
    }
}

fn chain_folders(View { site, role, .. }: View<'_>) -> String {
    let (users, paths) = (&site.users, &site.paths);
    let mut out = String::new();
    let mut pair = |is_here: bool, config: &AbsPath, state: &AbsPath, user: &UserName| {
        if is_here {
            out.put(format_args!("d {config} 0755 root root\nd {state} 0700 {user} {user}\n"));
        }
    };
    let has_sbtc = site.has_signer(role) && site.sbtc.is_some();
    pair(site.has_node(role), &paths.node_config, &paths.node_state, &users.node);
    pair(site.has_bitcoin(role), &paths.bitcoin_config, &paths.bitcoin_state, &users.bitcoin);
    pair(has_sbtc, &paths.sbtc_config, &paths.sbtc_state, &users.sbtc);
    if has_sbtc && site.runtime == Runtime::Docker {
        let folder = paths.postgres_state();
        out.put(format_args!("d {folder} 0700 {POSTGRES_UID} {POSTGRES_UID}\n"));
    }
    out
}
