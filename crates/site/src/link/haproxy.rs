//! HAProxy as the link, in an instance of its own.

use std::fmt::Write as _;

use crate::choices::HostRole;
use crate::site::{Link, Site};

use super::passes::Direction;
use super::{CONNECT_SECS, Ends, KEPT_SECS, MAX_BODY_MIB, PATIENCE_SECS};

/// The whole configuration of HAProxy on the host of this role, if HAProxy is the link.
pub fn haproxy(site: &Site, role: HostRole) -> Option<String> {
    let ends = matches!(site.link, Some(Link::Haproxy)).then(|| Ends::of(site, role))?;
    Some(head() + &outgoing(&ends) + &incoming(&ends))
}

/// Only what went wrong is logged, by method and target; never a header or a body. Nothing is tried again here: whoever
/// asked will ask again, and is to know at once.
fn head() -> String {
    format!(
        "global
    log stdout format raw daemon
    maxconn 512
    # The key of name.crt is in name.key.
    ssl-load-extra-del-ext
    ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets
    ssl-default-server-options ssl-min-ver TLSv1.3 no-tls-tickets

defaults
    mode http
    log global
    option httplog
    option dontlog-normal
    timeout connect {CONNECT_SECS}s
    timeout client {PATIENCE_SECS}s
    timeout server {PATIENCE_SECS}s
    timeout http-request 10s
    timeout http-keep-alive 75s
    retries 0
    http-reuse safe
"
    )
}

fn outgoing(ends: &Ends) -> String {
    let (leg, other) = (&ends.outgoing, ends.other);
    format!(
        "
# From this host to the other.
frontend outgoing
    bind {}
{}    default_backend {other}
backend {other}
    server {other} {} ssl verify required verifyhost {other} ca-file {} crt {} no-ssl-reuse pool-purge-delay {KEPT_SECS}s
",
        leg.listen,
        gate(leg.direction),
        leg.to,
        ends.pinned(),
        ends.certificate(),
    )
}

fn incoming(ends: &Ends) -> String {
    let leg = &ends.incoming;
    format!(
        "
# From the other host to this one.
frontend incoming
    bind {} ssl crt {} ca-file {} verify required alpn http/1.1
    tcp-request connection reject unless {{ src {} }}
{}    default_backend here
backend here
    server here {} pool-purge-delay {KEPT_SECS}s
",
        leg.listen,
        ends.certificate(),
        ends.pinned(),
        ends.other_address,
        gate(leg.direction),
        leg.to,
    )
}

/// What may pass, how long it may be, and the headers that a node's parser allows. The target is compared as it was
/// sent.
fn gate(direction: Direction) -> String {
    let name = direction.name();
    let mut out = String::new();
    for (method, expression) in direction.expressions() {
        let method = method.to_lowercase();
        writeln!(out, "    acl {name}_{method} url -m reg '{expression}'")
            .expect("a string takes everything");
    }
    let max = MAX_BODY_MIB * 1024 * 1024;
    write!(
        out,
        "    acl is_get method GET
    acl is_post method POST
    http-request return status 403 content-type text/plain string \"this does not pass here\" unless is_get {name}_get or is_post {name}_post
    http-request return status 411 content-type text/plain string \"a node reads no chunked requests\" if {{ req.fhdr(transfer-encoding) -m found }}
    http-request return status 413 content-type text/plain string \"a body has at most {MAX_BODY_MIB} MiB\" if {{ req.body_size gt {max} }}
    http-request del-header '^(?!(host|content-type|content-length|authorization|user-agent|accept)$)' -m reg
"
    )
    .expect("a string takes everything");
    out
}
