//! What is exported onto a disk without room.

use super::start_page::on_an_empty_machine;
use crate::support::said;

const SIGNER: &str = "node_host = \"127.0.0.1:20443\"\nendpoint = \"127.0.0.1:30000\"\n\
    network = \"mainnet\"\nauth_password = \"word\"\ndb_path = \"/root/state/signer.sqlite\"\n\
    [countersign]\nkey = { age = \"/root/key/signer.age\", identity = \"/root/key/identity\" }\n";

#[test]
#[ignore = "needs root: it makes an empty machine with unshare and overlay, and a small disk; age-keygen"]
fn an_export_that_finds_no_room_leaves_nothing_and_the_same_command_works_later() {
    let script = format!(
        "cd /root\nmkdir full\nmkdir -m 0700 key state\n(umask 077; cat > signer.toml <<'END'\n{SIGNER}END\n)\n\
         (umask 077; age-keygen -o key/identity 2> /dev/null)\n\
         ./countersign keys new --to age:/root/key/signer.age --recipient \"$(age-keygen -y key/identity)\" \\\n\
           --config signer.toml > /dev/null\n\
         mount -t tmpfs -o size=4k none full\nhead -c 4096 /dev/zero > full/fills\n\
         for verb in 'journal export' demote; do\n\
           code=0; ./countersign $verb --config signer.toml --out full/moved.json || code=$?\n\
           echo \"code $code\"; test ! -e full/moved.json\n\
         done\n\
         mount -o remount,size=1m full\n\
         ./countersign demote --config signer.toml --out full/moved.json\n\
         test -s full/moved.json\necho whole\n"
    );
    let ran = on_an_empty_machine(&script);
    let heard = said(&ran);
    assert!(ran.status.success() && heard.contains("\nwhole\n"), "{heard}");
    assert_eq!(heard.matches("No space left on device").count(), 2, "{heard}");
    assert_eq!(heard.matches("code 1\n").count(), 2, "{heard}");
}
