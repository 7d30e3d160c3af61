//! bitcoin.conf: reached by the node only, with logs in the journal (row C7), full or pruned.

use crate::render::Put as _;
use std::net::SocketAddr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::choices::{BitcoinMode, HostRole, Network};
use crate::rendered::Rendered;
use crate::secrets::Secret;
use crate::site::Site;
use crate::wiring::Container;

use super::{HEAD, View};

pub(super) fn files(view: View<'_>) -> Vec<Rendered> {
    let View { site, role, secrets } = view;
    if !site.has_bitcoin(role) {
        return Vec::new();
    }
    let password = secrets.expose(Secret::BitcoinRpc).unwrap_or_default();
    let mut out = HEAD.to_owned();
    let chain = if site.network == Network::Mainnet { "main" } else { "regtest" };
    let blocks = match site.bitcoin.mode {
        // It must not be down for longer than these blocks reach back.
        BitcoinMode::Pruned => format!("prune={}", site.bitcoin.prune_mb),
        BitcoinMode::Full | BitcoinMode::External => "txindex=1".to_owned(),
    };
    out.put(format_args!(
        "chain={chain}\nserver=1\ndisablewallet=1\n{blocks}\ndbcache={}\n\
         # To the journal, whose retention is known, instead of a file that nobody rotates.\n\
         printtoconsole=1\nnodebuglogfile=1\nlogtimestamps=0\n",
        site.bitcoin.dbcache_mb
    ));
    let rpc_auth = rpc_auth(site.bitcoin.rpc_user.as_str(), password);
    out.put(format_args!("rpcauth={rpc_auth}\n\n[{chain}]\n"));
    out.push_str(&doors(site));
    vec![Rendered::secret(site.paths.bitcoin_conf(), &site.users.bitcoin, out)]
}

/// Peers and questions come from the node alone; peers of the network are called, and do not call.
fn doors(site: &Site) -> String {
    let rpc = site.bitcoin_rpc();
    let mut out = format!(
        "listen=1\nbind={}\nrpcbind={}\nrpcport={}\n",
        SocketAddr::new(rpc.ip(), site.ports.bitcoin_p2p.get()),
        rpc.ip(),
        rpc.port(),
    );
    let mut allowed = vec![site.inside(Container::Node)];
    allowed.push(rpc.ip());
    if site.sbtc.is_some() {
        allowed.push(if site.has_two_hosts() {
            site.peer_address(HostRole::Signer)
        } else {
            site.inside(Container::Sbtc)
        });
    }
    allowed.sort_unstable();
    allowed.dedup();
    for address in allowed {
        out.put(format_args!("rpcallowip={address}\n"));
    }
    out
}

/// `user:salt$hash`, as bitcoind takes it. The salt is made from the password, so that rendering twice gives the
/// same; it has 256 bits, so nobody guesses it from the hash.
fn rpc_auth(user: &str, password: &str) -> String {
    let mut salt = hex::encode(Sha256::digest(format!("rpcauth salt {password}")));
    salt.truncate(32);
    let mut mac = Hmac::<Sha256>::new_from_slice(salt.as_bytes()).expect("a key has any length");
    mac.update(password.as_bytes());
    format!("{user}:{salt}${}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_hash_is_the_one_that_bitcoind_computes() {
        // From `python3 -c 'import hmac; print(hmac.new(salt, password, "sha256").hexdigest())'`.
        let line = super::rpc_auth("u", "correct horse");
        let (user, rest) = line.split_once(':').unwrap();
        let (salt, hash) = rest.split_once('$').unwrap();
        assert_eq!((user, salt.len(), hash.len()), ("u", 32, 64));
        assert_eq!(line, super::rpc_auth("u", "correct horse"));
        assert_ne!(line, super::rpc_auth("u", "correct house"));
    }
}
