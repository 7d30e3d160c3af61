//! `docs/operator/two-hosts.md`, carried out on two hosts with the addresses of the page. The node is a network's of one
//! signer, and what is adopted there was signed on the other host.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::link_page::{Pair, spawn};
use crate::blocks::steps;

const PAGE: &str = include_str!("../../../../../docs/operator/two-hosts.md");

/// The files of the page.
fn files() -> Vec<&'static str> {
    let after = PAGE.split("```toml\n").skip(1);
    after.map(|rest| rest.split_once("```").unwrap().0).collect()
}

/// A network whose signer is somewhere else, and where the page has the node: its RPC, and its callbacks' way to the
/// link.
const NETWORK: &str = r#"
printf '#!/bin/sh\nexec sleep 600\n' > elsewhere
chmod +x elsewhere
countersign devnet --json --signers 1 --signer 0="$PWD/elsewhere" --burn-seconds 3 --block-interval-ms 300 \
    > network.jsonl &
until grep -q '"event":"started"' network.jsonl 2> /dev/null; do sleep 0.02; done
value() { grep -m 1 -o "\"$1\":\"[^\"]*\"" network.jsonl | cut -d '"' -f 4; }
cp "$(value config)" as-told.toml
cat > nginx.conf <<END
daemon off; pid $PWD/nginx.pid; events {}
http {
    access_log off; client_max_body_size 0; proxy_http_version 1.1; proxy_set_header Host \$http_host;
    server { listen 127.0.0.1:20443; location / { proxy_pass http://$(value node); } }
    server { listen $(value endpoint); location / { proxy_pass http://127.0.0.1:30000; } }
}
END
exec nginx -e stderr -c "$PWD/nginx.conf"
"#;

/// What `look` finds, in the end.
fn wait_for<T>(what: &str, folder: &Path, look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        if began.elapsed() > Duration::from_secs(40) {
            let logs = ["network.log", "link.log", "signer.log"]
                .map(|name| fs::read_to_string(folder.join(name)).unwrap_or_default());
            panic!("{what}: {logs:#?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The value of a key in a simple configuration.
fn value<'a>(config: &'a str, key: &str) -> &'a str {
    let line = config.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
    line.unwrap_or_else(|| panic!("{key} is not in {config}")).trim_matches('"')
}

/// Replaces what the page leaves to its reader, which must be there so often.
fn filled(file: &str, (theirs, ours): (&str, &str), times: usize) -> String {
    assert_eq!(file.matches(theirs).count(), times, "{theirs}: {file}");
    file.replace(theirs, ours)
}

/// The signer's file as the page has it, with this network's password, and with what is no matter of the page.
fn signers_file(file: &str, pin: &str, told: &str) -> String {
    let file = filled(file, ("sha256/…", pin), 2);
    let file = filled(&file, ("the node's auth_token", value(told, "auth_password")), 1);
    let file =
        filled(&file, ("[countersign]\n", "[countersign]\nlisten_before_signing_secs = 0\n"), 1);
    let others: Vec<&str> = told
        .lines()
        .take_while(|line| !line.starts_with('['))
        .filter(|line| {
            !["node_host", "endpoint", "auth_password", "metrics_endpoint", "db_path"]
                .iter()
                .any(|key| line.starts_with(key))
        })
        .collect();
    let others = others.join("\n") + "\ndb_path = \"/var/lib/signer.sqlite\"";
    filled(&file, ("# … the other keys …", &others), 1)
}

#[test]
#[ignore = "needs root: namespaces, nginx, curl"]
fn a_newcomer_puts_node_and_signer_on_two_hosts_with_the_commands_of_the_page_alone() {
    let steps = steps(PAGE);
    let [of_link, of_signer, link, run] = steps.as_slice() else { panic!("{steps:?}") };
    let [link_file, _, signer_file] = files().try_into().unwrap();
    let pair = Pair::of_one_network();
    let [signer, node] = &pair.hosts;
    let folder = pair.folder.path();
    for host in &pair.hosts {
        let install = "touch /usr/bin/countersign; mount --bind \"$(command -v countersign)\" /usr/bin/countersign";
        host.run(folder, install);
    }
    let _network = spawn(node, &format!("cd {}\nexec 2> network.log{NETWORK}", folder.display()));
    let told = wait_for("the network", folder, || {
        fs::read_to_string(folder.join("as-told.toml")).ok().filter(|text| !text.is_empty())
    });
    let pins = [(node, of_link), (signer, of_signer)].map(|(host, step)| {
        let said = host.run(folder, step);
        let pin = said.lines().find_map(|line| line.strip_prefix("Pin: "));
        pin.unwrap_or_else(|| panic!("{said}")).to_owned()
    });
    let [pin_of_link, pin_of_signer] = pins.each_ref();
    fs::write(folder.join("link.toml"), filled(link_file, ("sha256/…", pin_of_signer), 1)).unwrap();
    node.run(folder, "install -m 0600 link.toml /etc/countersign/link.toml");
    fs::write(folder.join("signer-config.toml"), signers_file(signer_file, pin_of_link, &told))
        .unwrap();

    let begin = |log: &str| format!("cd {}\nexec > {log} 2>&1\n", folder.display());
    let _link = spawn(node, &(begin("link.log") + link));
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let ready = "Link ready: callbacks at 127.0.0.1:30000, questions at 10.0.0.1:20444\n";
    wait_for("the link", folder, || read("link.log").contains(ready).then_some(()));
    let _signer = spawn(signer, &(begin("signer.log") + run));
    let adopted = || read("network.jsonl").matches("\"event\":\"block_adopted\"").count();
    wait_for("three blocks", folder, || (adopted() >= 3).then_some(()));
    assert!(read("signer.log").contains("Public key: "), "{}", read("signer.log"));
    nothing_else_passes(&pair);
}

/// Neither what the link refuses, nor what does not come through it.
fn nothing_else_passes(pair: &Pair) {
    let asked = pair.hosts[1].run(
        pair.folder.path(),
        "code() { curl --silent --output /dev/null --write-out '%{http_code}\n' \"$@\" || true; }
        code --request POST http://127.0.0.1:30000/shutdown
        code http://10.0.0.1:20444/v2/info
        code http://10.0.0.2:30000/status",
    );
    assert_eq!(asked, "403\n000\n000\n");
}
