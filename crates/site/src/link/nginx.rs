//! nginx as the link, in an instance of its own: neither the host's own sites nor root's master process are in it.

use std::fmt::Write as _;

use crate::choices::HostRole;
use crate::site::{Link, Site};

use super::passes::Direction;
use super::{CONNECT_SECS, Ends, KEPT_SECS, MAX_BODY_MIB, PATIENCE_SECS, RUNTIME_FOLDER};

/// The whole configuration of nginx on the host of this role, if nginx is the link.
pub fn nginx(site: &Site, role: HostRole) -> Option<String> {
    let ends = matches!(site.link, Some(Link::Nginx)).then(|| Ends::of(site, role))?;
    let mut out = head();
    for direction in [Direction::Events, Direction::Rpc] {
        out.push_str(&list(direction));
    }
    out.push_str(&passing_on());
    out.push_str(&tls(&ends));
    out.push_str(&outgoing(&ends));
    out.push_str(&incoming(&ends));
    out.push_str("}\n");
    Some(out)
}

/// No file is written but the process id: bodies are streamed. nginx makes the other folders all the same.
fn head() -> String {
    format!(
        "daemon off;
pid {RUNTIME_FOLDER}/nginx.pid;
error_log stderr warn;
worker_processes 1;
events {{
    worker_connections 512;
}}

http {{
    access_log off;
    server_tokens off;
    default_type text/plain;

    client_body_temp_path {RUNTIME_FOLDER}/client_body;
    proxy_temp_path {RUNTIME_FOLDER}/proxy;
    fastcgi_temp_path {RUNTIME_FOLDER}/fastcgi;
    uwsgi_temp_path {RUNTIME_FOLDER}/uwsgi;
    scgi_temp_path {RUNTIME_FOLDER}/scgi;
"
    )
}

/// What may pass. The target is compared as it was sent, before nginx reads anything into it.
fn list(direction: Direction) -> String {
    let mut out = format!(
        "\n    map \"$request_method $request_uri\" ${} {{\n        default 0;\n",
        direction.name()
    );
    for (method, expression) in direction.expressions() {
        let expression = expression.trim_start_matches('^');
        writeln!(out, "        \"~^{method} {expression}\" 1;").expect("a string takes everything");
    }
    out.push_str("    }\n");
    out
}

/// Bodies are streamed. Of the headers those are passed on that a node's parser allows.
fn passing_on() -> String {
    format!(
        "
    client_max_body_size {MAX_BODY_MIB}m;
    client_header_timeout 10s;
    client_body_timeout {PATIENCE_SECS}s;
    send_timeout {PATIENCE_SECS}s;
    keepalive_timeout 75s;

    proxy_http_version 1.1;
    proxy_request_buffering off;
    proxy_buffering off;
    proxy_next_upstream off;
    proxy_connect_timeout {CONNECT_SECS}s;
    proxy_send_timeout {PATIENCE_SECS}s;
    proxy_read_timeout {PATIENCE_SECS}s;
    proxy_pass_request_headers off;
    proxy_set_header Host $http_host;
    proxy_set_header Connection \"\";
    proxy_set_header Content-Type $content_type;
    proxy_set_header Authorization $http_authorization;
    proxy_set_header User-Agent $http_user_agent;
    proxy_set_header Accept $http_accept;
"
    )
}

/// Both ways: this host shows its certificate, and accepts the other's and no other.
fn tls(ends: &Ends) -> String {
    let (certificate, key, pinned) = (ends.certificate(), ends.key(), ends.pinned());
    let other = ends.other;
    format!(
        "
    ssl_protocols TLSv1.3;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_client_certificate {pinned};
    ssl_verify_client on;
    ssl_verify_depth 1;
    ssl_session_cache off;
    ssl_session_tickets off;

    proxy_ssl_protocols TLSv1.3;
    proxy_ssl_certificate {certificate};
    proxy_ssl_certificate_key {key};
    proxy_ssl_trusted_certificate {pinned};
    proxy_ssl_verify on;
    proxy_ssl_verify_depth 1;
    proxy_ssl_name {other};
    proxy_ssl_session_reuse off;
"
    )
}

fn outgoing(ends: &Ends) -> String {
    let (leg, other) = (&ends.outgoing, ends.other);
    format!(
        "\n    # From this host to the other.\n{}    server {{\n        listen {};\n{}    }}\n",
        upstream(other, leg.to),
        leg.listen,
        gate(leg.direction, &format!("https://{other}")),
    )
}

fn incoming(ends: &Ends) -> String {
    let leg = &ends.incoming;
    format!(
        "\n    # From the other host to this one.\n{}    server {{\n        listen {} ssl;\n        allow {};\n        \
         deny all;\n{}    }}\n",
        upstream("here", leg.to),
        leg.listen,
        ends.other_address,
        gate(leg.direction, "http://here"),
    )
}

fn upstream(name: &str, to: std::net::SocketAddr) -> String {
    format!(
        "    upstream {name} {{\n        server {to};\n        keepalive 8;\n        keepalive_timeout \
         {KEPT_SECS}s;\n    }}\n"
    )
}

/// A node reads no chunked bodies, and takes them for empty ones.
fn gate(direction: Direction, to: &str) -> String {
    format!(
        "        if (${} = 0) {{
            return 403 \"this does not pass here\\n\";
        }}
        if ($http_transfer_encoding) {{
            return 411 \"a node reads no chunked requests\\n\";
        }}
        location / {{
            proxy_pass {to};
        }}
",
        direction.name(),
    )
}
