//! What we render ourselves, in the eyes of doctor.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "other tests say more with it")]
#[path = "../../site/tests/site/sample.rs"]
mod sample;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use countersign_doctor::{Described, Grade, Profile, Report, Source, Target, all, gather};
use countersign_site::{HostRole, Site, files};
use sample::{FULL, drawn_secrets};

const DIGEST: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9";

/// The same installation with Docker.
fn with_docker() -> String {
    let text = FULL
        .replace("runtime = \"systemd\"", "runtime = \"docker\"")
        .replace("operators = [\"carol\", \"alice\"]\n", "")
        .replace("host = \"/run/postgresql\"\n", "");
    let images = ["countersign", "node", "bitcoin", "sbtc", "postgres"]
        .map(|name| format!("{name} = \"registry.example.org/{name}@sha256:{DIGEST}\"\n"));
    format!("{}[images]\n{}", text.split("[images]").next().unwrap(), images.concat())
}

#[tokio::test]
async fn the_configurations_that_we_render_have_nothing_to_mend() {
    for text in [FULL.to_owned(), with_docker()] {
        let site = Site::parse(&text).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let secrets = drawn_secrets(&site);
        let both = [HostRole::Signer, HostRole::Node].map(|role| files(&site, role, &secrets));
        let named = |end: &str| -> Vec<PathBuf> {
            let there = both.iter().flatten().filter(|file| file.path.as_path().ends_with(end));
            let write = |(number, contents): (usize, &str)| {
                let path = folder.path().join(format!("{number}-{}", end.replace('/', "-")));
                fs::write(&path, contents).unwrap();
                path
            };
            there.map(|file| file.contents.as_str()).enumerate().map(write).collect()
        };
        let target = Arc::new(Target {
            node_config: named("stacks-node/Config.toml").pop(),
            bitcoin_config: named("bitcoin/bitcoin.conf").pop(),
            sbtc_config: named("sbtc-signer/signer-config.toml").pop(),
            compose: named("compose.yaml"),
            ..Target::new(Profile::Sbtc)
        });
        let configs = BTreeSet::from([Source::Configs]);
        let facts = Box::pin(gather(&target, &configs, 1_796_000_000, &|_| {})).await;
        let report = Report::of(&facts, all().filter(|check| check.source == Source::Configs));
        let is_ours = |id: &str| {
            ["node-config", "bitcoin-config", "sbtc", "compose"].iter().any(|it| id.starts_with(it))
        };
        let ours = report.checks.iter().filter(|finding| is_ours(finding.id));
        let bad: Vec<&str> = ours
            .clone()
            .filter(|finding| finding.grade != Grade::Ok)
            .map(|finding| finding.id)
            .collect();
        // No signer was named to compare the network with; and there is no second node to fall back on.
        assert_eq!(bad, ["node-config-network", "sbtc-nodes"], "{report:#?}");
        assert!(ours.count() >= 19, "{report:#?}");
    }
}

#[test]
fn of_an_installation_with_docker_the_rendered_compose_file_is_looked_at() {
    let looked_at = |text: &str| {
        let site = Site::parse(text).unwrap();
        let (description, root) = (PathBuf::from("countersign.toml"), PathBuf::from("/"));
        Target::of_site(Described { description, site, host: HostRole::Signer, root }).compose
    };
    assert_eq!(looked_at(&with_docker()), [PathBuf::from("/etc/countersign/compose.yaml")]);
    assert!(looked_at(FULL).is_empty());
}
