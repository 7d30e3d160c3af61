//! What everybody writes into a node's configuration for the public test network.

use crate::render::Put as _;

/// The peers to begin with.
pub(crate) const BOOTSTRAP: &[&str] = &[
    "0348af7ce1b224476e8f042727af3f84dcf49a69bb3c9dd2a1afaa783acfffb729@seed.testnet.hiro.so:20444",
];

/// The bitcoind (a regtest) that the network runs on.
pub(crate) const BITCOIN: &str = "bitcoin.regtest.hiro.so";

/// What its contracts are, in the table `[node]`.
pub(crate) const NODE: &str = "\
pox_5_sbtc_contract = \"SN3VMHXEN64ZZF71JQ5VESXDWTR301XTTXGF4J8F1.sbtc-token\"
pox_5_sbtc_registry_contract = \"SN3VMHXEN64ZZF71JQ5VESXDWTR301XTTXGF4J8F1.sbtc-registry\"
pox_5_bond_admin = \"ST1V2ASRWGR81W7GBN1Z4W2JQKXJWCADPVZG30X45\"
";

/// The lengths of its cycles, in the table `[burnchain]`.
pub(crate) const BURNCHAIN: &str = "pox_prepare_length = 100\npox_reward_length = 900\n";

/// Who had how many µSTX from the start.
const BALANCES: [(&str, u64); 12] = [
    ("ST2QKZ4FKHAH1NQKYKYAYZPY440FEPK7GZ1R5HBP2", 10_000_000_000_000_000),
    ("ST319CF5WV77KYR1H3GT0GZ7B8Q4AQPY42ETP1VPF", 10_000_000_000_000_000),
    ("ST221Z6TDTC5E0BYR2V624Q2ST6R0Q71T78WTAX6H", 10_000_000_000_000_000),
    ("ST2TFVBMRPS5SSNP98DQKQ5JNB2B6NZM91C4K3P7B", 10_000_000_000_000_000),
    ("ST31XHNM0GZ2K978FPP4QA3STNQ73Z8C9G9MJEPK2", 10_000_000_000_000_000),
    ("ST1B38CGQRPXEMRH7B66VXTS22DQTNMSW4YJJ7QK1", 10_000_000_000_000_000),
    ("STDMN71Z0H9EF8CRKAWTGBB5YS0BNV26HZ79QFFP", 1_000_000_000_000_000),
    ("ST1E0PSCH72JMQH9QCH293ZTEEH7BPA40Y3F39XQ", 10_000_000_000_000),
    ("ST3QBTK0Q438YVNX8EG6Z85HN0WKQPXYT25H5SPPK", 10_000_000_000_000),
    ("ST10BX04F9PC6N1WBXKW3H7CG0NS0A3PK650T3P3R", 10_000_000_000_000),
    ("ST3AF1BBQAFSFCM8K4ZBR1FBXP3P8J1CKGSGDHWR5", 100_000_000_000_000),
    ("STHY13V44422NAN6D3NSJPY9CDR3ED1M6HH9WZ6Y", 10_000_000_000_000),
];

/// At which burn block which epoch began.
const EPOCHS: [(&str, u32); 14] = [
    ("1.0", 0),
    ("2.0", 0),
    ("2.05", 1),
    ("2.1", 2),
    ("2.2", 3),
    ("2.3", 4),
    ("2.4", 5),
    ("2.5", 6),
    ("3.0", 1802),
    ("3.1", 1803),
    ("3.2", 1804),
    ("3.3", 1805),
    ("3.4", 1806),
    ("4.0", 2702),
];

/// The balances and epochs, without which a node computes another chain.
pub(crate) fn genesis() -> String {
    let mut out = String::new();
    for (address, amount) in BALANCES {
        out.put(format_args!("\n[[ustx_balance]]\naddress = \"{address}\"\namount = {amount}\n"));
    }
    for (name, height) in EPOCHS {
        out.put(format_args!(
            "\n[[burnchain.epochs]]\nepoch_name = \"{name}\"\nstart_height = {height}\n"
        ));
    }
    out
}
