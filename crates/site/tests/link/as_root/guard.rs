//! Who is let in: the other host, by its one certificate, and nobody else.

use std::path::PathBuf;

use countersign_site::HostRole;

use super::hosts::{Hosts, Kind, curl};
use super::http::ask;
use super::identity::Identity;

/// A stranger's files.
fn files(hosts: &Hosts, name: &str, identity: &Identity) -> (PathBuf, PathBuf) {
    let (certificate, key) = (format!("{name}.crt"), format!("{name}.key"));
    hosts.write(HostRole::Node, &certificate, &identity.certificate);
    hosts.write(HostRole::Node, &key, &identity.key);
    (hosts.at(HostRole::Node, &certificate), hosts.at(HostRole::Node, &key))
}

/// Knocks at both doors, at each as somebody who would be the other host. What each of them says.
fn knock(hosts: &Hosts, identity: Option<[&Identity; 2]>, more: &[&str]) -> [(u16, String); 2] {
    let [signer, node] = hosts.tls_doors();
    let urls = [format!("https://{signer}/status"), format!("https://{node}/v2/info")];
    // The signer's door expects the node's host, and the other way round.
    let sources = ["10.0.0.1", "10.0.0.2"];
    [0, 1].map(|door| {
        let args = [["--interface", sources[door]].as_slice(), more].concat();
        let files =
            identity.map(|identity| files(hosts, &format!("stranger{door}"), identity[door]));
        let files = files.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path()));
        curl(&urls[door], files, &args)
    })
}

/// What a refused client sees of nginx, HAProxy and `countersign link`.
fn is_refusal(kind: Kind, (status, complaint): &(u16, String), alert: &str) -> bool {
    match kind {
        // nginx shakes hands first and then says no.
        Kind::Nginx => *status == 400,
        Kind::Haproxy | Kind::BuiltIn => *status == 0 && complaint.contains(alert),
    }
}

fn strangers_are_refused(on_signer: Kind, on_node: Kind) {
    let mut hosts = Hosts::new(on_signer, on_node);
    let expired = [Identity::expired("link"), Identity::expired("signer")];
    let running = hosts.start();
    let kinds = [on_signer, on_node];
    let (node, signer) = (hosts.node.clone(), hosts.signer.clone());
    let both = |seen: [(u16, String); 2], alerts: &[&str]| {
        for (seen, kind) in seen.iter().zip(kinds) {
            let is_refused = alerts.iter().any(|alert| is_refusal(kind, seen, alert));
            assert!(is_refused, "{kind:?}, {alerts:?}: {seen:?}\n{}", hosts.log());
        }
    };
    both(knock(&hosts, None, &[]), &["alert certificate required", "alert"]);
    let unknown = [&Identity::new("link"), &Identity::new("signer")];
    both(knock(&hosts, Some(unknown), &[]), &["alert unknown ca", "alert"]);
    let issued = [&node.issue("link"), &signer.issue("signer")];
    both(knock(&hosts, Some(issued), &[]), &["alert"]);
    // The right certificate with somebody else's key cannot even be shown.
    let mut impostor = unknown[0].clone();
    impostor.certificate.clone_from(&node.certificate);
    let mut other = unknown[1].clone();
    other.certificate.clone_from(&signer.certificate);
    for (status, complaint) in knock(&hosts, Some([&impostor, &other]), &[]) {
        assert!(status == 0 && complaint.contains("key"), "{status} {complaint}");
    }
    for (status, complaint) in knock(&hosts, Some([&node, &signer]), &["--tls-max", "1.2"]) {
        assert!(status == 0 && complaint.contains("alert protocol version"), "{complaint}");
    }
    for (status, complaint) in knock(&hosts, Some([&node, &signer]), &[]) {
        assert_eq!(status, 200, "{complaint} {}", hosts.log());
    }
    assert_eq!((running.signer.arrived().len(), running.node.arrived().len()), (1, 1));
    drop(running);

    // Pinned, and out of date.
    let [link, own] = &expired;
    hosts.node_pinned.clone_from(&link.certificate);
    if on_node != Kind::BuiltIn {
        hosts.signer_pinned.clone_from(&own.certificate);
    }
    let hosts = moved(hosts);
    let running = hosts.start();
    let seen = knock(&hosts, Some([link, own]), &[]);
    for (seen, kind) in seen.iter().zip(kinds) {
        assert!(is_refusal(kind, seen, "alert"), "{kind:?}: {seen:?}");
    }
    assert_eq!((running.signer.arrived(), running.node.arrived()), (vec![], vec![]));
}

/// The same hosts in another namespace, where the ports are free again.
fn moved(hosts: Hosts) -> Hosts {
    let mut fresh = Hosts::new(hosts.kinds[0], hosts.kinds[1]);
    (fresh.signer, fresh.node) = (hosts.signer, hosts.node);
    (fresh.signer_pinned, fresh.node_pinned) = (hosts.signer_pinned, hosts.node_pinned);
    fresh
}

#[test]
#[ignore = "needs root: network namespaces, nginx"]
fn nginx_lets_nobody_in_without_the_one_certificate() {
    strangers_are_refused(Kind::Nginx, Kind::Nginx);
}

#[test]
#[ignore = "needs root: network namespaces, haproxy"]
fn haproxy_lets_nobody_in_without_the_one_certificate() {
    strangers_are_refused(Kind::Haproxy, Kind::Haproxy);
}

#[test]
#[ignore = "needs root: network namespaces, nginx"]
fn the_built_in_link_refuses_the_same_strangers() {
    strangers_are_refused(Kind::Nginx, Kind::BuiltIn);
}

/// What is spoilt about the certificate that the signer's host shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoilt {
    /// Nothing.
    No,
    /// Somebody else's.
    Unknown,
    /// Signed by the pinned one.
    Issued,
    /// Pinned, but out of date.
    Expired,
    /// Pinned, but of another name.
    Name,
}

/// What the node and the signer see when the signer's host shows that certificate, and whether anything arrived.
fn seen_with(kind: Kind, spoilt: Spoilt, edit: fn(HostRole, String) -> String) -> [(u16, bool); 2] {
    let mut hosts = Hosts::new(kind, kind);
    hosts.edit = Box::new(edit);
    let shown = match spoilt {
        Spoilt::No => hosts.signer.clone(),
        Spoilt::Unknown => Identity::new("signer"),
        Spoilt::Issued => hosts.signer.issue("signer"),
        Spoilt::Expired => Identity::expired("signer"),
        Spoilt::Name => Identity::new("somebody"),
    };
    if matches!(spoilt, Spoilt::Expired | Spoilt::Name) {
        hosts.signer_pinned.clone_from(&shown.certificate);
    }
    hosts.signer = shown;
    let running = hosts.start();
    let [events, rpc] = hosts.doors();
    let event = ask(events, "POST /new_block", b"{}").map_or(0, |(status, _)| status);
    let question = ask(rpc, "GET /v2/info", b"").map_or(0, |(status, _)| status);
    [(event, !running.signer.arrived().is_empty()), (question, !running.node.arrived().is_empty())]
}

fn unchanged(_: HostRole, text: String) -> String {
    text
}

#[test]
#[ignore = "needs root: network namespaces, nginx, haproxy"]
fn a_host_that_shows_another_certificate_gets_no_callback_and_no_answer() {
    for kind in [Kind::Nginx, Kind::Haproxy] {
        // nginx says 502 of a server that it does not trust, and 400 to such a client. HAProxy's handshake fails, of
        // which the other side's HAProxy says 503, or 502 if it has sent the request already.
        let (no_server, no_client): (u16, &[u16]) =
            if kind == Kind::Nginx { (502, &[400]) } else { (503, &[502, 503]) };
        assert_eq!(seen_with(kind, Spoilt::No, unchanged), [(200, true), (200, true)], "{kind:?}");
        for spoilt in [Spoilt::Unknown, Spoilt::Issued, Spoilt::Expired] {
            let [callback, (status, has_arrived)] = seen_with(kind, spoilt, unchanged);
            assert_eq!(callback, (no_server, false), "{kind:?}, {spoilt:?}");
            assert!(no_client.contains(&status) && !has_arrived, "{kind:?}, {spoilt:?}: {status}");
        }
        // A client's name is not compared: its certificate is the pinned one.
        let seen = seen_with(kind, Spoilt::Name, unchanged);
        assert_eq!(seen, [(no_server, false), (200, true)], "{kind:?}");
    }
}

/// The text with `from` replaced by `to`.
fn spoiled(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in the configuration");
    text.replace(from, to)
}

/// Each of these directives is what refuses: without it, a stranger gets a callback, or an answer.
#[test]
#[ignore = "needs root: network namespaces, nginx, haproxy"]
fn without_one_directive_a_stranger_gets_in() {
    const CALLBACK: usize = 0;
    const QUESTION: usize = 1;
    let gets_in = |kind, edit: fn(HostRole, String) -> String, way: usize| {
        let (_, has_arrived) = seen_with(kind, Spoilt::Unknown, edit)[way];
        assert!(has_arrived, "{kind:?}");
    };
    let edit = |_, text: String| spoiled(&text, "proxy_ssl_verify on;", "proxy_ssl_verify off;");
    gets_in(Kind::Nginx, edit, CALLBACK);
    let edit = |_, text: String| {
        spoiled(&text, "ssl_verify_client on;", "ssl_verify_client optional_no_ca;")
    };
    gets_in(Kind::Nginx, edit, QUESTION);
    let edit = |_, text: String| {
        spoiled(&text, "ssl verify required verifyhost", "ssl verify none verifyhost")
    };
    gets_in(Kind::Haproxy, edit, CALLBACK);
    let edit = |_, text: String| spoiled(&text, "verify required alpn", "verify none alpn");
    gets_in(Kind::Haproxy, edit, QUESTION);
}

/// Why each side signs its own: an authority could sign a second certificate, and it would be let in.
#[test]
#[ignore = "needs root: network namespaces, nginx, haproxy"]
fn an_authority_in_the_place_of_the_pinned_certificate_would_let_others_in() {
    for kind in [Kind::Nginx, Kind::Haproxy] {
        let mut hosts = Hosts::new(kind, kind);
        let authority = Identity::authority("link");
        hosts.node_pinned.clone_from(&authority.certificate);
        let running = hosts.start();
        let [(status, complaint), _] =
            knock(&hosts, Some([&authority.issue("link"), &hosts.signer]), &[]);
        assert_eq!(status, 200, "{kind:?}: {complaint}");
        assert_eq!(running.signer.arrived().len(), 1, "{kind:?}");
    }
}

/// With the right certificate from the wrong place: the other host's address is part of the description.
#[test]
#[ignore = "needs root: network namespaces, nginx, haproxy"]
fn the_right_certificate_from_another_address_is_refused() {
    for kind in [Kind::Nginx, Kind::Haproxy] {
        let hosts = Hosts::new(kind, kind);
        let running = hosts.start();
        let (certificate, key) = files(&hosts, "stolen", &hosts.node);
        let [signer, _] = hosts.tls_doors();
        let url = format!("https://{signer}/status");
        let (status, _) = curl(&url, Some((&certificate, &key)), &["--interface", "10.0.0.2"]);
        let expected = if kind == Kind::Nginx { 403 } else { 0 };
        assert_eq!(status, expected, "{kind:?}");
        assert_eq!(running.signer.arrived(), []);
    }
}
