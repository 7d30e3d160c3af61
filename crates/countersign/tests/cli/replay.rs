use std::fs;

use crate::support::{Place, countersign, said};

#[test]
fn what_is_no_recording_is_refused_with_a_code_of_its_own() {
    let place = Place::good();
    fs::write(place.path().join("letter"), "Dear signer, this is not a recording.").unwrap();
    let text = said(&place.command(&["replay", "letter"]).output().unwrap());
    assert!(text.starts_with("exit: 10\n"), "{text}");
    assert!(
        text.contains("letter is no recording of a signer; name a file of the folder"),
        "{text}"
    );
    let text = said(&place.command(&["replay", "missing"]).output().unwrap());
    assert!(text.starts_with("exit: 10\n"), "{text}");
    assert!(text.contains("the recording missing cannot be read"), "{text}");
}

#[test]
fn a_replay_needs_a_file() {
    let text = said(&countersign(&["replay"]).output().unwrap());
    assert!(text.starts_with("exit: 2\n") && text.contains("<FILE>"), "{text}");
}
