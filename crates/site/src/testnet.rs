//! What everybody writes into a node's configuration for the public test network.

/// The peers to begin with.
pub(crate) const BOOTSTRAP: &[&str] = &[
    "0348af7ce1b224476e8f042727af3f84dcf49a69bb3c9dd2a1afaa783acfffb729@seed.testnet.hiro.so:20444",
];

/// The bitcoind (a regtest) that the network runs on.
pub(crate) const BITCOIN: &str = "bitcoin.regtest.hiro.so";
