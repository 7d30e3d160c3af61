//! Bitcoin addresses as the PoX contracts know them (`signer-wire.md` section 9.1).

use std::fmt;
use std::str::FromStr;

use countersign_wire::Network;
use countersign_wire::sip018::PoxAddress;

use crate::{base58, bech32};

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
        if let Some(witness) = bech32::decode(text) {
            return segwit(text, witness);
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

fn segwit(text: &str, witness: bech32::Witness) -> Result<BitcoinAddress, BitcoinAddressError> {
    let network = match witness.prefix.as_str() {
        "bc" => BitcoinNetwork::Mainnet,
        "tb" | "bcrt" => BitcoinNetwork::Test,
        _ => return Err(BitcoinAddressError::NotAnAddress),
    };
    let version = match (witness.version, witness.program.len()) {
        (0, 20) => P2WPKH,
        (0, 32) => P2WSH,
        (1, 32) => P2TR,
        _ => return Err(BitcoinAddressError::Kind),
    };
    let pox = PoxAddress { version, hash_bytes: witness.program };
    Ok(BitcoinAddress { text: text.to_ascii_lowercase(), network, pox })
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

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
}
