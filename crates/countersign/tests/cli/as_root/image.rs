//! `Containerfile` and `docs/operator/docker.md`, as far as they go without Docker.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::blocks::blocks;
use crate::support::said;

/// The shell of the last `RUN`, which collects what is in the image.
fn collecting() -> String {
    let text = include_str!("../../../../../Containerfile");
    let (_, last) = text.rsplit_once("\nRUN ").unwrap();
    let (last, _) = last.split_once("\n\n").unwrap();
    last.replace("\\\n", "\n")
}

/// An installation with Docker, before the images that it needs are named.
const DESCRIBE: &str = r#"
countersign init --yes --network testnet --profile pool --runtime docker --signer-name signer-1 --dir ./site
digest=0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9
sed -i "s,^# \(countersign\|node\) = .*,\1 = \"x@sha256:$digest\"," ./site/countersign.toml
"#;

/// As the compose file mounts them: for the user of the container.
const RUN: &str = r#"
cp -r ./rendered/signer/public/. ./rendered/signer/secret/. ./image
chown 7602:7602 ./image/etc/countersign/vault.toml
chown 7601:7601 ./image/etc/countersign/signer-config.toml
chmod 0600 ./image/etc/countersign/vault.toml ./image/etc/countersign/signer-config.toml
chroot --userspec=7602:7602 ./image /usr/bin/countersign vault explain-permissions \
    --config /etc/countersign/vault.toml
chroot --userspec=7601:7601 ./image /usr/bin/countersign check-config --config /etc/countersign/signer-config.toml \
    || echo "check-config $?"
"#;

#[test]
#[ignore = "needs root: chroot, and files of other users"]
fn the_image_has_all_that_the_program_needs_and_it_takes_the_rendered_configurations() {
    let folder = TempDir::new().unwrap();
    let program = env!("CARGO_BIN_EXE_countersign");
    let image = folder.path().join("image").display().to_string();
    let collect =
        collecting().replace("target/release/countersign", program).replace("/image", &image);
    let page = blocks(include_str!("../../../../../docs/operator/docker.md"));
    let script = format!("set -eu\n{collect}\n{DESCRIBE}\n{page}\n{RUN}");
    let search = format!(
        "{}:{}",
        Path::new(program).parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let ran = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env("PATH", search)
        .output()
        .unwrap();
    let heard = said(&ran);
    assert!(ran.status.success(), "{heard}");
    // The vault knows its caller by number, and what it may ask for.
    assert!(heard.contains("7601") && heard.contains("block-acceptance"), "{heard}");
    // Nobody has started the vault, which is all that is missing.
    assert!(heard.contains("/run/countersign/vault.sock"), "{heard}");
    let files = Command::new("find").args([&image, "-name", "sh"]).output().unwrap();
    assert!(files.stdout.is_empty(), "there is a shell in the image");
    assert!(fs::exists(format!("{image}/usr/bin/countersign")).unwrap());
}
