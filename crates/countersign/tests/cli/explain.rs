use std::fs;

use crate::support::{Place, countersign, said};

const BLOCK: &str = "ab11111111111111111111111111111111111111111111111111111111111111";

/// A signer whose log has one rejected block.
fn logged() -> Place {
    let place = Place::good();
    place.write();
    let lines = format!(
        "{{\"at\":1700000000000,\"block\":\"{BLOCK}\",\"what\":\"received\",\"height\":21,\
         \"tenure\":\"{tenure}\",\"block_id\":\"{id}\"}}\n\
         {{\"at\":1700000000005,\"block\":\"{BLOCK}\",\"what\":\"judged\",\"conclusion\":\"reject\",\
         \"reason\":\"a PoX recipient was not paid\",\"rule\":\"3.3 row 6\",\"asks\":\"all ones\",\
         \"burn_height\":103,\"burn_block\":\"{tenure}\",\"stacks_height\":20,\"version\":2}}\n\
         {{\"at\":1700000000006,\"block\":\"{BLOCK}\",\"what\":\"rejection-sent\",\
         \"reason\":\"invalid_bitvec\",\"text\":\"a PoX recipient was not paid\",\"latency_ms\":6}}\n\
         {{\"at\":1700000001006,\"block\":\"{BLOCK}\",\"what\":\"vote\",\"by\":2,\
         \"vote\":\"rejection\",\"reason\":\"invalid_bitvec\",\"own\":10,\"sum\":10,\"of\":30}}\n",
        tenure = "03".repeat(20),
        id = "cd".repeat(32),
    );
    fs::write(place.path().join("signer.countersign-decisions.jsonl"), lines).unwrap();
    place
}

fn ask(place: &Place, args: &[&str]) -> String {
    said(&place.command(args).output().unwrap())
}

#[test]
fn a_blocks_story_reads_from_top_to_bottom() {
    let text = ask(&logged(), &["explain", "ab11", "--config", "signer-config.toml"]);
    insta::assert_snapshot!(text, @r"
    exit: 0
    --- stdout
    block    ab11111111111111111111111111111111111111111111111111111111111111
    block id cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
    height   21 in tenure 0303030303030303030303030303030303030303
    outcome  we rejected it: a PoX recipient was not paid

    2023-11-14 22:13:20.000 UTC, and how much later:
        +0.000 s proposed to us
        +0.005 s judged: reject: a PoX recipient was not paid
                 rule 3.3 row 6: all ones
                 read at burn block 103 (0303030303030303030303030303030303030303), Stacks height 20
                 the signers agreed on version 2 and no state
        +0.006 s our rejection is published: a PoX recipient was not paid (invalid_bitvec)

    signer  weight  said
         2      10  rejection (invalid_bitvec) +1.006 s
    ");
}

#[test]
fn machines_get_one_object() {
    let text = ask(&logged(), &["explain", "cdcd", "--store", "signer.sqlite", "--json"]);
    let json = text.strip_prefix("exit: 0\n--- stdout\n").unwrap();
    let object: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(object["block"], BLOCK);
    assert_eq!(object["entries"][1]["rule"], "3.3 row 6");
    assert_eq!(object["entries"][3]["own"], 10);
}

#[test]
fn an_unknown_hash_names_what_is_near_and_ends_with_code_1() {
    let text = ask(&logged(), &["explain", "ab12", "--store", "signer.sqlite"]);
    assert!(
        text.starts_with("exit: 1\n--- stderr\nerror: nothing is on file about `ab12`"),
        "{text}"
    );
    assert!(
        text.contains(&format!("\n  {BLOCK}, height 21, 2023-11-14 22:13:21.006 UTC")),
        "{text}"
    );
}

#[test]
fn what_makes_no_sense_ends_with_code_2() {
    let place = Place::good();
    place.write();
    let rows: [(&[&str], &str); 5] = [
        (&["explain", "ab11"], "--config <FILE>"),
        (&["explain", "--config", "signer-config.toml"], "<HASH>"),
        (&["explain", "no", "--store", "signer.sqlite"], "`no` is not the beginning of a hash"),
        (&["explain", "ab11", "--store", "signer.sqlite"], "there is no decision log at "),
        (&["explain", "ab11", "--config", "missing.toml"], "missing.toml"),
    ];
    for (args, wanted) in rows {
        let text = ask(&place, args);
        assert!(text.starts_with("exit: 2\n--- stderr\nerror: "), "{text}");
        assert!(text.contains(wanted), "{wanted} is not in {text}");
    }
    let memory = Place::good().with("db_path", "db_path = \":memory:\"");
    memory.write();
    let text = ask(&memory, &["explain", "ab11", "--config", "signer-config.toml"]);
    assert!(text.contains("keeps its store in memory"), "{text}");
}

#[test]
fn help_says_what_a_hash_may_be() {
    let help = said(&countersign(&["explain", "--help"]).output().unwrap());
    assert!(help.contains("block id"), "{help}");
}
