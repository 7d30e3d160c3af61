//! The unit of nginx and HAProxy, judged by systemd's own tools.

use std::fs;
use std::process::Command;

use countersign_site::link::service;
use countersign_site::{HostRole, Site, unit_problems};

use super::hosts::said;

fn site(kind: &str) -> Site {
    Site::parse(&format!(
        "network = \"mainnet\"\n[hosts.signer]\nname = \"s\"\naddress = \"10.0.0.2\"\n[hosts.node]\nname = \"n\"\n\
         address = \"10.0.0.1\"\n[link]\nkind = \"{kind}\"\n"
    ))
    .unwrap()
}

#[test]
#[ignore = "needs root: systemd-analyze, nginx, haproxy"]
fn the_proxies_units_are_good_and_exposed_to_little() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["nginx", "haproxy"] {
        for role in [HostRole::Signer, HostRole::Node] {
            let site = site(kind);
            let config = site.paths.config.join(&format!("{kind}.conf"));
            let text = service(&site, role, &config).unwrap();
            assert_eq!(unit_problems(&text), []);
            let path = folder.path().join("countersign-link.service");
            fs::write(&path, text).unwrap();
            let analyze = |args: &[&str]| {
                let output = Command::new("systemd-analyze").args(args).arg(&path).output();
                output.expect("systemd is installed")
            };
            let verified = analyze(&["verify", "--man=no"]);
            assert!(verified.status.success() && said(&verified).is_empty(), "{}", said(&verified));
            let judged = analyze(&["security", "--offline=yes", "--no-pager", "--threshold=15"]);
            assert!(judged.status.success(), "{kind}: {}", said(&judged));
        }
    }
}
