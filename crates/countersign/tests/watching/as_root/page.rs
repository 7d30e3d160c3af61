//! `docs/operator/watching.md`, carried out.

use std::fs;
use std::path::Path;
use std::process::Command;

use countersign_watch::Channels;

use super::alertmanager;
use crate::blocks::blocks;
use crate::program::ended;

#[test]
#[ignore = "needs root: promtool, amtool and Alertmanager of the distribution"]
fn the_commands_of_the_page_about_watching_do_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("webhook"), "http://127.0.0.1:9/hook\n").unwrap();
    let channels = Channels { webhook_url_file: Some(at("webhook")), ..Channels::default() };
    let rendered = countersign_watch::alertmanager(&channels);
    fs::write(at("alertmanager.yml"), &rendered).unwrap();
    let running = folder.path().join("running");
    fs::create_dir(&running).unwrap();
    let nobody = countersign_watch::alertmanager(&Channels::default());
    let (_manager, address) = alertmanager(&running, &nobody);
    let mut script = blocks(include_str!("../../../../../docs/operator/watching.md"));
    for (theirs, ours) in [
        ("RULES=/etc/prometheus/countersign\n", format!("RULES={}\n", at(""))),
        ("FROM=/etc/prometheus/alertmanager.yml\n", format!("FROM={}\n", at("alertmanager.yml"))),
        ("TO=/run/alertmanager/alertmanager.yml\n", format!("TO={}\n", at("filled.yml"))),
        ("ALERTMANAGER=127.0.0.1:9093\n", format!("ALERTMANAGER={address}\n")),
    ] {
        assert_eq!(script.matches(theirs).count(), 1, "{theirs}");
        script = script.replace(theirs, &ours);
    }
    let program = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().unwrap();
    let search = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.args(["-euxc", &script]).current_dir(folder.path()).env("PATH", search);
    let (code, said, error) = ended(&mut shell);
    assert_eq!(code, 0, "{said}{error}");
    assert!(said.contains("rules found") && said.contains("SUCCESS"), "{said}");
    assert!(said.contains("see that it arrives"), "{said}");
}
