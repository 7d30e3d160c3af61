//! `docs/operator/start.md`, carried out on an empty machine: this one's files under a layer that is thrown away, with
//! its own processes and its own network.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::blocks::blocks;
use crate::support::said;

/// Makes the machine and runs `/script` in it. Whatever it starts ends with it.
const MACHINE: &str = r#"
set -eu
mount -t tmpfs none "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs none "$1/root/run"
mount -t tmpfs none "$1/root/tmp"
ip link set lo up
install -m 0755 "$2" "$1/root/root/countersign"
install -m 0755 "$3" "$1/root/usr/bin/systemctl"
install -m 0755 "$4" "$1/root/script"
exec chroot "$1/root" /bin/bash -c 'cd /root && exec bash -eux /script'
"#;

/// What stands in for systemd, which does not run here: it starts a service as its unit says, as its user and with
/// what was sealed for it.
const SYSTEMCTL: &str = r#"#!/bin/bash
set -eu
echo "systemctl $*" >> /root/systemctl.log
[ "$1" = enable ] || exit 0
for unit in "$@"; do
    file="/etc/systemd/system/$unit"
    case "$unit" in
        *.service) ;;
        *.socket|*.timer) [ -s "$file" ]; continue ;;
        *) continue ;;
    esac
    value() { sed -n "s/^$1=//p" "$file" | head -n 1; }
    credentials="/run/credentials/$unit"
    install -d -m 0700 -o "$(value User)" "$credentials"
    sed -n 's/^LoadCredentialEncrypted=//p' "$file" | while IFS=: read -r name sealed; do
        systemd-creds decrypt --name="$name" "$sealed" "$credentials/$name"
        chown "$(value User)" "$credentials/$name"
    done
    CREDENTIALS_DIRECTORY="$credentials" setsid setpriv --reuid "$(value User)" --regid "$(value Group)" \
        --init-groups $(value ExecStart) > /root/service.log 2>&1 < /dev/null &
    timeout 60 grep -q -m 1 "Signer spawned successfully" <(tail -n +1 -F /root/service.log 2> /dev/null)
done
"#;

/// Runs a script on an empty machine.
pub(super) fn on_an_empty_machine(script: &str) -> Output {
    let folder = TempDir::new().unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let (systemctl, script) = (put("systemctl", SYSTEMCTL), put("script", script));
    let root = folder.path().join("machine");
    fs::create_dir(&root).unwrap();
    Command::new("unshare")
        .args([
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--kill-child",
            "bash",
            "-c",
            MACHINE,
            "machine",
        ])
        .args([root.as_path(), env!("CARGO_BIN_EXE_countersign").as_ref(), &systemctl, &script])
        .output()
        .expect("unshare is installed")
}

#[test]
#[ignore = "needs root: it makes an empty machine with unshare, overlay and users; systemd-creds of the distribution"]
fn a_newcomer_comes_from_an_empty_machine_to_a_signer_with_the_commands_of_the_page_alone() {
    let page = include_str!("../../../../../docs/operator/start.md");
    let mut script = blocks(page);
    script.push_str(
        "cat /root/systemctl.log\nstat -c '%n %U %a' /etc/countersign/key/* /etc/countersign/signer-config.toml\n\
         countersign render && echo again: nothing\nls -A /etc/countersign /etc/countersign/key\n",
    );
    let ran = on_an_empty_machine(&script);
    let heard = said(&ran);
    assert!(ran.status.success(), "{heard}");
    for line in [
        "The backup restores the key",
        "systemctl daemon-reload",
        "/etc/countersign/key/signer.age countersign 600",
        "/etc/countersign/signer-config.toml countersign 600",
        "again: nothing",
        "countersign-doctor.timer",
    ] {
        assert!(heard.contains(line), "{line} is not in\n{heard}");
    }
    assert!(!heard.contains("/etc/countersign/key/signer-passphrase countersign"), "{heard}");
    // Nothing of it is on this machine.
    assert!(!std::path::Path::new("/etc/countersign/countersign.toml").exists());
}
