//! `init` on a terminal, and `render` on a full disk.

use super::start_page::on_an_empty_machine;
use crate::support::said;

#[test]
#[ignore = "needs root: it makes an empty machine with unshare and overlay; script of the distribution"]
fn on_a_terminal_init_asks_says_what_follows_and_asks_again_after_a_bad_answer() {
    let ran = on_an_empty_machine(
        "printf 'tesnet\\ntestnet\\npool\\n\\nsigner-9\\n\\n\\n\\n' \\
           | script -qec '/root/countersign init --dir /root/site' /dev/null\n\
         cat /root/site/countersign.toml\nstat -c '%a %U' /root/site/secrets/auth-token\n",
    );
    let heard = said(&ran);
    assert!(ran.status.success(), "{heard}");
    for line in [
        "testnet to try everything without money",
        "write \"mainnet\", \"testnet\" or \"mocknet\"",
        "which gives the key a process of its own",
        "pkcs11 keeps it in a token",
        "key = \"age\"",
        "network = \"testnet\"",
        "profile = \"pool\"",
        "name = \"signer-9\"",
        "600 root",
    ] {
        assert!(heard.contains(line), "{line} is not in\n{heard}");
    }
}

#[test]
#[ignore = "needs root: it makes an empty machine with unshare and overlay, and works there as another user"]
fn another_user_than_root_is_told_who_may_install_files_and_where_it_may_write_them() {
    let ran = on_an_empty_machine(
        "install -m 0755 /root/countersign /usr/bin/countersign\n\
         as_nobody() { setpriv --reuid nobody --regid nogroup --clear-groups -- countersign \"$@\"; }\n\
         install -d -o nobody /tmp/own\n\
         as_nobody init --yes --network testnet --dir /tmp/own/site\n\
         as_nobody init --yes --network testnet || echo \"init: $?\"\n\
         as_nobody render --config /tmp/own/site/countersign.toml || echo \"render: $?\"\n\
         as_nobody render --config /tmp/own/site/countersign.toml --out /tmp/own/files > /dev/null\n\
         countersign init --yes --network testnet\n\
         as_nobody render --diff || echo \"diff: $?\"\n",
    );
    let heard = said(&ran);
    assert!(ran.status.success(), "{heard}");
    for line in ["init: 1\n", "render: 1\n", "diff: 2\n", "with --out DIR", "with --dir DIR"] {
        assert!(heard.contains(line), "{line} is not in\n{heard}");
    }
    assert_eq!(heard.matches("say it with sudo").count(), 3, "{heard}");
}

#[test]
#[ignore = "needs root: it makes an empty machine with unshare and overlay, and a small disk"]
fn on_a_full_disk_nothing_is_half_written_and_the_next_run_goes_on() {
    let ran = on_an_empty_machine(
        "mkdir /full\nmount -t tmpfs -o size=64k none /full\n\
         render() { /root/countersign render --config /root/site/countersign.toml --root /full \"$@\"; }\n\
         /root/countersign init --yes --network testnet --dir /root/site\n\
         code=0; render || code=$?; echo \"code $code\"\n\
         find /full -name '.*.new' -printf 'half %p\\n'\n\
         find /full -type f -empty -printf 'empty %p\\n'\n\
         mount -o remount,size=8m /full\nrender > /dev/null\nrender --check\necho whole\n",
    );
    let heard = said(&ran);
    assert!(ran.status.success(), "{heard}");
    assert!(heard.contains("No space left on device") && heard.contains("code 1\n"), "{heard}");
    assert!(heard.contains("\nwhole\n"), "{heard}");
    assert!(!heard.contains("half /full") && !heard.contains("empty /full"), "{heard}");
}
