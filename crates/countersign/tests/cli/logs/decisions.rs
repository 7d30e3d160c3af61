//! `logs decisions`.

use super::verify::logged;
use crate::support::{Place, said};

fn ask(place: &Place, args: &[&str]) -> String {
    said(&place.command(args).output().unwrap())
}

#[test]
fn decisions_are_a_line_each_and_votes_only_if_wanted() {
    let place = logged();
    let text = ask(&place, &["logs", "decisions", "--store", "signer.sqlite"]);
    insta::assert_snapshot!(text, @r"
    exit: 0
    --- stdout
    2023-11-14 22:13:20.000 UTC  abababababab  proposed to us
    2023-11-14 22:13:21.000 UTC  abababababab  the node finds it valid (it took 8 ms)
    2023-11-14 22:13:23.000 UTC  abababababab  our signature is published, 1040 ms after the block's timestamp
    ");
    let votes =
        ask(&place, &["logs", "decisions", "--store", "signer.sqlite", "--votes", "-n", "2"]);
    insta::assert_snapshot!(votes, @r"
    exit: 0
    --- stdout
    2023-11-14 22:13:22.000 UTC  abababababab  signer 3: acceptance (weight 20; 40 of 100)
    2023-11-14 22:13:23.000 UTC  abababababab  our signature is published, 1040 ms after the block's timestamp
    ");
}

#[test]
fn a_span_and_a_kind_can_be_chosen_and_machines_get_the_lines_themselves() {
    let place = logged();
    let store = ["logs", "decisions", "--store", "signer.sqlite"];
    let since = ask(&place, &[&store[..], &["--since", "2023-11-14T22:13:21.5Z"]].concat());
    assert_eq!(since.lines().count(), 3, "{since}");
    let until = ask(&place, &[&store[..], &["--until", "2023-11-14T22:13:21Z"]].concat());
    assert!(until.ends_with("proposed to us"), "{until}");
    assert_eq!(ask(&place, &[&store[..], &["--since", "1h"]].concat()), "exit: 0");
    let json = ask(&place, &[&store[..], &["--what", "verdict", "--json"]].concat());
    let line = json.strip_prefix("exit: 0\n--- stdout\n").unwrap();
    let value: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&value["seq"], &value["valid"]), (&1.into(), &true.into()));
}

#[test]
fn what_makes_no_sense_ends_with_code_2() {
    let place = Place::good();
    place.write();
    let rows: [(&[&str], &str); 3] = [
        (&["logs", "decisions"], "name the signer with --config FILE"),
        (&["logs", "decisions", "--store", "signer.sqlite"], "there is no decision log at "),
        (&["logs", "decisions", "--store", "x", "--since", "soon"], "`soon` is neither a time"),
    ];
    for (args, wanted) in rows {
        let text = ask(&place, args);
        assert!(text.starts_with("exit: 2\n--- stderr\nerror: "), "{text}");
        assert!(text.contains(wanted), "{wanted} is not in {text}");
    }
}
