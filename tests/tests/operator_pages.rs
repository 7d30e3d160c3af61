//! Every command of the pages in `docs/operator` is carried out by a test: each page with commands is in this list, and
//! no command hides in a block that nobody carries out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use system_tests::sources::{root, texts};

/// The pages with commands, and the tests that carry out every block of them.
const CARRIED_OUT: [(&str, &[&str]); 21] = [
    ("backup-signer", &["the_commands_of_the_page_about_backups_of_a_signer_work"]),
    ("backups", &["a_newcomer_backs_up_proves_and_restores_with_the_commands_of_the_page_alone"]),
    ("chainstate", &["the_commands_of_the_page_about_chainstate_work"]),
    ("control", &["an_installed_signer_is_asked_with_the_commands_of_the_pages_alone"]),
    ("docker", &["a_newcomer_runs_a_signer_in_containers_with_the_commands_of_the_page_alone"]),
    ("doctor", &["the_commands_of_the_page_can_be_pasted"]),
    ("firewall", &["a_newcomer_closes_a_host_with_the_commands_of_the_page_alone"]),
    ("journal", &["a_journal_moves_to_another_host_with_the_commands_of_the_page_alone"]),
    (
        "keys",
        &[
            "a_newcomer_moves_to_an_encrypted_key_and_to_two_processes_with_the_commands_of_the_page_alone",
        ],
    ),
    ("keys-scan", &["the_commands_of_the_page_search_and_its_hook_stops_a_commit_with_the_key"]),
    (
        "link-variants",
        &[
            "a_newcomer_links_two_hosts_by_nginx_with_the_commands_of_the_page_alone",
            "a_newcomer_links_two_hosts_by_haproxy_with_the_commands_of_the_page_alone",
            "a_newcomer_links_two_hosts_by_a_tunnel_with_the_commands_of_the_page_alone",
        ],
    ),
    ("logs", &["the_commands_of_the_page_about_logs_do_what_it_says"]),
    (
        "one-instance",
        &[
            "a_key_moves_to_a_standby_and_comes_back_with_the_commands_of_the_page_alone",
            "an_installed_signer_whose_unit_alone_opens_the_key_moves_to_a_standby_with_the_commands_of_the_page",
        ],
    ),
    ("readiness", &["an_installed_signer_is_asked_with_the_commands_of_the_pages_alone"]),
    (
        "rotation",
        &[
            "an_installed_signer_changes_its_key_with_the_commands_of_the_page_alone",
            "an_installed_vault_hands_over_to_the_next_one_with_the_commands_of_the_page_alone",
        ],
    ),
    (
        "start",
        &[
            "a_newcomer_comes_from_an_empty_machine_to_a_doctor_that_is_well_with_the_commands_of_the_page_alone",
            "a_newcomer_with_a_pool_comes_as_far_and_the_proof_of_the_keys_backup_is_written_down",
        ],
    ),
    (
        "status-page",
        &[
            "the_status_page_of_an_installed_signer_is_seen_from_afar_through_the_tunnel_of_the_page",
            "the_commands_of_the_page_in_the_documentation_do_what_it_says",
        ],
    ),
    (
        "systemd",
        &["the_commands_of_the_page_about_systemd_show_a_unit_with_all_that_the_page_says_of_it"],
    ),
    (
        "two-hosts",
        &["a_newcomer_puts_node_and_signer_on_two_hosts_with_the_commands_of_the_page_alone"],
    ),
    (
        "vault",
        &[
            "an_installed_vault_is_handed_its_key_and_gives_its_journal_with_the_commands_of_the_page_alone",
        ],
    ),
    ("watching", &["the_commands_of_the_page_about_watching_do_what_it_says"]),
];

/// The pages by name; the runbooks are pages of their own kind.
fn pages() -> BTreeMap<String, String> {
    let entries = fs::read_dir(root().join("docs/operator")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let pages = paths.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let named = pages.map(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    named.collect()
}

/// The blocks of a page: what stands behind the three backticks, and the lines.
fn blocks(page: &str) -> Vec<(&str, Vec<&str>)> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, Vec<&str>)> = None;
    for line in page.lines().map(str::trim_start) {
        match (line.strip_prefix("```"), open.take()) {
            (Some(kind), None) => open = Some((kind, Vec::new())),
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some((kind, mut lines))) => {
                lines.push(line);
                open = Some((kind, lines));
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block does not end");
    blocks
}

#[test]
fn every_page_with_commands_is_carried_out_by_a_test_that_exists() {
    let pages = pages();
    let with_commands =
        pages.iter().filter(|(_, page)| blocks(page).iter().any(|(kind, _)| *kind == "sh"));
    let with_commands: BTreeSet<&str> = with_commands.map(|(name, _)| name.as_str()).collect();
    let listed: BTreeSet<&str> = CARRIED_OUT.iter().map(|(name, _)| *name).collect();
    assert_eq!(with_commands, listed);
    // The test stands where the page is read.
    let sources = texts();
    for (page, tests) in CARRIED_OUT {
        assert!(!tests.is_empty(), "{page}");
        for test in tests {
            let function = format!("fn {test}(");
            let read = format!("docs/operator/{page}.md\")");
            let is_there = |text: &String| text.contains(&function) && text.contains(&read);
            assert!(sources.iter().any(is_there), "{page}: no test {test} reads it");
        }
    }
}

/// What a line that is typed begins with.
const PROGRAMS: &str = "adduser age-keygen apt-get cargo cat chmod chown countersign cp curl docker find install \
    journalctl mkdir mv nft rm runuser sed shred ssh sshd sudo systemctl systemd-creds systemd-run systemd-tmpfiles useradd \
    wg wg-quick";

#[test]
fn a_command_is_in_a_block_that_is_carried_out() {
    for (name, page) in pages() {
        for (kind, lines) in blocks(&page) {
            let is_shell = ["", "bash", "console", "shell", "zsh"].contains(&kind);
            assert!(
                !is_shell,
                "{name}: a block that a shell can run is of the kind `sh`, not {kind:?}"
            );
            let hidden = lines.iter().find(|line| {
                let first = line.trim_start_matches(['$', '#', ' ']).split(' ').next();
                kind == "text"
                    && first.is_some_and(|word| PROGRAMS.split(' ').any(|known| known == word))
            });
            assert_eq!(hidden, None, "{name}: a command in a block that nobody carries out");
        }
    }
}
