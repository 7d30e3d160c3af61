//! Keys of other programs: hex digits, or what `stx make_keychain` prints.

use countersign_wire::address::StacksAddress;
use countersign_wire::keys::PrivateKeyError;
use countersign_wire::{Network, PrivateKey};
use serde::Deserialize;
use zeroize::Zeroizing;

/// Why a text is no key to import. None of these quotes it.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The digits are no key.
    #[error("that is not a private key: {0}")]
    Key(#[from] PrivateKeyError),
    /// The JSON has no key.
    #[error(
        "that JSON is not what `stx make_keychain` prints: it has no text at keyInfo.privateKey"
    )]
    NoKey,
    /// The JSON names another address than its key has.
    #[error(
        "the key in that JSON has the address {found}, and the JSON says {said}; one of the two is not \
         yours"
    )]
    OtherAddress {
        /// The address that the JSON says.
        said: String,
        /// The address that the key has.
        found: StacksAddress,
    },
}

/// Reads a key: 64 hex digits or 66 that end in 01, or the JSON of `stx make_keychain`, whose address
/// is compared with the key. White space around it is ignored.
pub fn read_source(text: &str) -> Result<PrivateKey, SourceError> {
    let text = text.trim();
    if !text.starts_with('{') {
        return Ok(PrivateKey::from_hex(text)?);
    }
    let keychain: Keychain = serde_json::from_str(text).map_err(|_| SourceError::NoKey)?;
    let KeyInfo { private_key, address } = keychain.key_info;
    let key = PrivateKey::from_hex(private_key.trim())?;
    let Some(said) = address else { return Ok(key) };
    let of = |network| StacksAddress::single_sig(network, &key.public_key());
    let addresses = [of(Network::Mainnet), of(Network::Testnet)];
    if addresses.iter().any(|address| address.to_string() == said) {
        return Ok(key);
    }
    let [mainnet, testnet] = addresses;
    let found = if said.starts_with("SP") { mainnet } else { testnet };
    Err(SourceError::OtherAddress { said, found })
}

#[derive(Deserialize)]
struct Keychain {
    #[serde(rename = "keyInfo")]
    key_info: KeyInfo,
}

#[derive(Deserialize)]
struct KeyInfo {
    #[serde(rename = "privateKey")]
    private_key: Zeroizing<String>,
    address: Option<String>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const DIGITS: &str = "0707070707070707070707070707070707070707070707070707070707070707";

    fn keychain(private_key: &str, address: &str) -> String {
        format!(
            r#"{{"mnemonic":"a b c","keyInfo":{{"privateKey":"{private_key}","address":"{address}",
             "btcAddress":"1x","wif":"y","index":0}}}}"#
        )
    }

    fn address(network: Network) -> String {
        let key = PrivateKey::from_hex(DIGITS).unwrap();
        StacksAddress::single_sig(network, &key.public_key()).to_string()
    }

    #[test]
    fn hex_and_keychains_give_the_key() {
        let expected = PrivateKey::from_hex(DIGITS).unwrap().public_key();
        for text in [
            DIGITS.to_owned(),
            format!("\n {DIGITS}01 \n"),
            keychain(&format!("{DIGITS}01"), &address(Network::Mainnet)),
            keychain(DIGITS, &address(Network::Testnet)),
            format!(r#"{{"keyInfo":{{"privateKey":"{DIGITS}"}}}}"#),
        ] {
            assert_eq!(read_source(&text).unwrap().public_key(), expected, "{text}");
        }
    }

    #[test]
    fn a_keychain_with_the_address_of_another_key_is_refused() {
        let other = "SP000000000000000000002Q6VF78";
        let error = read_source(&keychain(DIGITS, other)).map(drop).unwrap_err();
        assert!(matches!(error, SourceError::OtherAddress { .. }), "{error}");
        let said = format!("{error} {error:?}");
        assert!(said.contains(&address(Network::Mainnet)) && !said.contains("0707"), "{said}");
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_quoted() {
        let spoilt = DIGITS.replace("07", "g7");
        for text in ["", "{", "{}", r#"{"keyInfo":{}}"#, &spoilt, &keychain(&spoilt, "SP1")] {
            let error = read_source(text).map(drop).unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(!said.contains("g7g7"), "{said}");
        }
    }
}
