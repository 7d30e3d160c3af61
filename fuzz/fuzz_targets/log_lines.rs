#![no_main]
//! Lines of logs: they are explained and redacted whatever they hold, and a planted key is never left.

use std::io;
use std::sync::LazyLock;

use countersign_logs::bundle::{Known, Redactor};
use countersign_logs::explain::{Corpus, Explainer, Style};
use countersign_logs::retention::FileHeader;
use countersign_logs::time::parse;
use libfuzzer_sys::fuzz_target;

const SECRET: &str = "correct horse battery";

static CORPUS: LazyLock<Corpus> = LazyLock::new(Corpus::new);
static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| {
    let known = Known { name: "auth_password".to_owned(), value: SECRET.to_owned() };
    Redactor::new(&[known], ["abandon", "zoo"])
});

fuzz_target!(|bytes: &[u8]| {
    for is_json in [false, true] {
        let style = Style { is_json, is_every: true, least: None, is_terminal: !is_json, program: None };
        let mut explainer = Explainer::new(&CORPUS, style);
        explainer.run(bytes, &mut io::sink()).expect("memory can be read and nothing is written");
    }
    let planted = [bytes, SECRET.as_bytes(), bytes].concat();
    assert!(!REDACTOR.redact(&planted).text.contains(SECRET));
    let _ = FileHeader::parse(bytes);
    let _ = parse(&String::from_utf8_lossy(bytes));
});
