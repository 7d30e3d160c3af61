//! `docs/operator/logs.md`, carried out.

mod as_root {
    use std::fs;

    use super::super::verify::logged;

    #[test]
    #[ignore = "needs root: journalctl of the distribution"]
    fn the_commands_of_the_page_about_logs_do_what_it_says() {
        let place = logged();
        let debug_log = place.path().join("debug.log");
        fs::write(&debug_log, "2026-11-27T18:00:00Z Shutdown: done\n").unwrap();
        let ours = [("DEBUG_LOG=/var/lib/bitcoin/debug.log\n", debug_log)];
        let page = include_str!("../../../../../docs/operator/logs.md");
        let said = crate::page::follow(page, &ours, place.path());
        for wanted in [
            "decisions: it reaches back ",
            "= The node cannot deliver an event.",
            "Shutdown: done",
            "Signer spawned successfully. Waiting for messages to process... (countersign, stacks-signer)",
            "✔ the chain holds from the first line to the last",
            "it would hold:",
            "written: bundle.tar.gz",
            "countersign-support/manifest.json",
            "\"what\": \"countersign-support-bundle\"",
        ] {
            assert!(said.contains(wanted), "{wanted} is not in {said}");
        }
        assert!(place.path().join("records/logs.decisions.json").is_file(), "{said}");
    }
}
