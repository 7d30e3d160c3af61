//! Bitcoin addresses as the PoX contracts know them (`signer-wire.md` section 9.1).

use std::fmt;
use std::str::FromStr;

use bech32::{Fe32, Hrp, segwit};
use countersign_wire::Network;
use countersign_wire::sip018::PoxAddress;

use crate::base58;

/// A Bitcoin address where rewards are paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitcoinAddress {
    text: String,
    network: BitcoinNetwork,
    pox: PoxAddress,
}

/// Which of Bitcoin's networks an address is for. Regtest shares most forms with testnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitcoinNetwork {
    /// Real coins.
    Mainnet,
    /// Testnet, signet and regtest.
    Test,
}

/// Why text is not a Bitcoin address that rewards can be paid to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BitcoinAddressError {
    /// Not base58check and not bech32.
    #[error("this is not a Bitcoin address; check for a mistyped character")]
    NotAnAddress,
    /// A kind of address that the contracts do not know.
    #[error(
        "the PoX contracts do not know this kind of address; use p2pkh, p2sh, p2wpkh, p2wsh or p2tr"
    )]
    Kind,
}

impl BitcoinAddress {
    /// What the contracts call it.
    pub const fn pox(&self) -> &PoxAddress {
        &self.pox
    }

    /// The network that it is for.
    pub const fn network(&self) -> BitcoinNetwork {
        self.network
    }

    /// Whether rewards of a Stacks network can be paid to it.
    pub fn fits(&self, network: Network) -> bool {
        (self.network == BitcoinNetwork::Mainnet) == (network == Network::Mainnet)
    }
}

impl FromStr for BitcoinAddress {
    type Err = BitcoinAddressError;

    fn from_str(text: &str) -> Result<Self, BitcoinAddressError> {
        // A long text takes long to read as base58.
        if text.len() > MAX_TEXT_LEN {
            return Err(BitcoinAddressError::NotAnAddress);
        }
        if let Ok((prefix, version, program)) = segwit::decode(text) {
            let (network, pox) = witness(&prefix, version, program)?;
            return Ok(Self { text: text.to_ascii_lowercase(), network, pox });
        }
        let payload = base58::decode_checked(text).ok_or(BitcoinAddressError::NotAnAddress)?;
        let (version, hash) = payload.split_first().ok_or(BitcoinAddressError::NotAnAddress)?;
        let (network, version) = match version {
            0 => (BitcoinNetwork::Mainnet, P2PKH),
            5 => (BitcoinNetwork::Mainnet, P2SH),
            111 => (BitcoinNetwork::Test, P2PKH),
            196 => (BitcoinNetwork::Test, P2SH),
            _ => return Err(BitcoinAddressError::Kind),
        };
        if hash.len() != 20 {
            return Err(BitcoinAddressError::NotAnAddress);
        }
        let pox = PoxAddress { version, hash_bytes: hash.to_vec() };
        Ok(Self { text: text.to_owned(), network, pox })
    }
}

/// What a witness program means to the contracts, and the network of its prefix.
fn witness(
    prefix: &Hrp,
    version: Fe32,
    program: Vec<u8>,
) -> Result<(BitcoinNetwork, PoxAddress), BitcoinAddressError> {
    let network = if prefix.is_valid_on_mainnet() {
        BitcoinNetwork::Mainnet
    } else if prefix.is_valid_on_testnet() || prefix.is_valid_on_regtest() {
        BitcoinNetwork::Test
    } else {
        return Err(BitcoinAddressError::NotAnAddress);
    };
    let version = match (version.to_u8(), program.len()) {
        (0, 20) => P2WPKH,
        (0, 32) => P2WSH,
        (1, 32) => P2TR,
        _ => return Err(BitcoinAddressError::Kind),
    };
    Ok((network, PoxAddress { version, hash_bytes: program }))
}

/// The usual text form: base58 as it was written, bech32 in lower case.
impl fmt::Display for BitcoinAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

const P2PKH: u8 = 0;
/// Also what a script of a wrapped witness looks like: 2 and 3 cannot be told from it.
const P2SH: u8 = 1;
const P2WPKH: u8 = 4;
const P2WSH: u8 = 5;
const P2TR: u8 = 6;
/// The longest witness address (BIP 173); those of base58 are shorter.
const MAX_TEXT_LEN: usize = 90;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    /// Witness addresses of BIP 173 and BIP 350.
    const WITNESS: [&str; 4] = [
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
    ];

    #[test]
    fn each_kind_of_address_has_its_version_and_hash() {
        use BitcoinNetwork::{Mainnet, Test};
        let rows = [
            (
                "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
                Mainnet,
                0,
                "77bff20c60e522dfaa3350c39b030a5d004e839a",
            ),
            (
                "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
                Mainnet,
                1,
                "b472a266d0bd89c13706a4132ccfb16f7c3b9fcb",
            ),
            (
                "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
                Test,
                0,
                "243f1394f44554f4ce3fd68649c19adc483ce924",
            ),
            (
                "2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc",
                Test,
                1,
                "4e9f39ca4688ff102128ea4ccda34105324305b0",
            ),
            (
                "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
                Mainnet,
                4,
                "751e76e8199196d454941c45d1b3a323f1433bd6",
            ),
            (
                "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
                Test,
                5,
                "1863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
            ),
            (
                "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
                Mainnet,
                6,
                "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
            ),
            (
                "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
                Test,
                6,
                "000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
            ),
        ];
        for (text, network, version, hash) in rows {
            let address: BitcoinAddress = text.parse().unwrap();
            assert_eq!(address.network(), network, "{text}");
            assert_eq!(address.pox().version, version, "{text}");
            assert_eq!(hex::encode(&address.pox().hash_bytes), hash, "{text}");
            assert_eq!(address.to_string(), text);
            assert_eq!(address.fits(Network::Mainnet), network == Mainnet, "{text}");
            assert_eq!(address.fits(Network::Testnet), network == Test, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_paid_to_is_refused() {
        let rows = [
            ("", BitcoinAddressError::NotAnAddress),
            ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3", BitcoinAddressError::NotAnAddress),
            // A private key in the form of wallets, and a witness of an unknown version.
            ("5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ", BitcoinAddressError::Kind),
            ("BC1SW50QGDZ25J", BitcoinAddressError::Kind),
        ];
        for (text, error) in rows {
            assert_eq!(text.parse::<BitcoinAddress>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_witness_address_in_capitals_is_the_same_address() {
        for text in WITNESS {
            let address: BitcoinAddress = text.parse().unwrap();
            assert_eq!(text.to_ascii_uppercase().parse(), Ok(address), "{text}");
        }
    }

    #[test]
    fn the_witness_addresses_that_the_bips_refuse_are_refused() {
        let refused = [
            // Bech32 instead of bech32m, and the reverse.
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
            "bc1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq54v2ze",
            // Mixed case, padding, an empty program, an unknown prefix.
            "tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf",
            "bc1gmk9yu",
            "tc1qw508d6qejxtdg4y5r3zarvary0c5xw7kg3g4ty",
            "1",
        ];
        for text in refused {
            let refusal = Err(BitcoinAddressError::NotAnAddress);
            assert_eq!(text.parse::<BitcoinAddress>(), refusal, "{text}");
        }
    }

    #[test]
    fn a_text_that_no_address_is_as_long_as_is_refused_before_it_is_read() {
        let long = "z".repeat(2_000_000);
        assert_eq!(long.parse::<BitcoinAddress>(), Err(BitcoinAddressError::NotAnAddress));
    }

    proptest! {
        #[test]
        fn one_wrong_character_is_noticed(
            good in proptest::sample::select(&WITNESS),
            at in 3..40_usize,
            to in proptest::sample::select(b"qpzry9x8gf2tvdw0s3jn54khce6mua7l".as_slice()),
        ) {
            let mut bytes = good.as_bytes().to_vec();
            *bytes.get_mut(at).unwrap() = to;
            let spoiled = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(spoiled.parse::<BitcoinAddress>().is_ok(), spoiled == good);
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,100}") {
            let _ = text.parse::<BitcoinAddress>();
        }
    }
}
