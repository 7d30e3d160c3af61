//! Calls of read-only functions of `.signers`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::address::StacksAddress;
use crate::clarity::{ClarityName, ClarityValue, ContractId, Principal};
use crate::codec::{DecodeError, Wire as _};
use crate::hex_bytes;
use crate::keys::PublicKey;
use crate::quantity::RewardCycle;

/// Function of `.signers` that gives the highest cycle whose slots are written.
pub const LAST_SET_CYCLE_FUNCTION: &str = "get-last-set-cycle";

/// Function of `.signers` that gives the slots of the cycles of one parity.
pub const SIGNER_SLOTS_FUNCTION: &str = "stackerdb-get-signer-slots-page";

/// Function of `sbtc-registry` that gives the aggregate key of the sBTC signers.
pub const AGGREGATE_KEY_FUNCTION: &str = "get-current-aggregate-pubkey";

/// Function of `.pox-5` that gives the key that a signer-manager registered.
pub const SIGNER_INFO_FUNCTION: &str = "get-signer-info";

/// Body of `POST /v2/contracts/call-read/…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallReadRequest {
    /// Who calls.
    pub sender: String,
    /// Hex of Clarity values.
    pub arguments: Vec<String>,
}

/// Answer to `POST /v2/contracts/call-read/…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallReadResponse {
    /// Whether the call succeeded.
    pub okay: bool,
    /// Hex of the resulting value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// Why the answer to a call is not the value that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallReadError {
    /// The node could not run the function; it may later.
    #[error("the node cannot run the function: {0}")]
    Refused(String),
    /// The result is missing or is not hex.
    #[error("the result of the call is not hex")]
    NotHex,
    /// The result is not a Clarity value.
    #[error("the result of the call is not a Clarity value")]
    Decode(#[source] DecodeError),
    /// The result is another value than the function gives.
    #[error("the result of the call is not {expected}")]
    Unexpected {
        /// What the function gives.
        expected: &'static str,
    },
}

impl CallReadRequest {
    /// Asks for [`LAST_SET_CYCLE_FUNCTION`].
    pub fn last_set_cycle(sender: &StacksAddress) -> Self {
        Self { sender: sender.to_string(), arguments: Vec::new() }
    }

    /// Asks for [`SIGNER_SLOTS_FUNCTION`] of the parity of `cycle`.
    pub fn signer_slots(sender: &StacksAddress, cycle: RewardCycle) -> Self {
        let parity = ClarityValue::UInt(cycle.parity().into());
        Self { sender: sender.to_string(), arguments: vec![hex::encode(parity.to_bytes())] }
    }

    /// Asks for [`AGGREGATE_KEY_FUNCTION`].
    pub fn aggregate_key(sender: &StacksAddress) -> Self {
        Self { sender: sender.to_string(), arguments: Vec::new() }
    }

    /// Asks for [`SIGNER_INFO_FUNCTION`] of a signer-manager.
    pub fn signer_info(sender: &StacksAddress, manager: &ContractId) -> Self {
        let manager = Principal::Contract(manager.address, manager.name.clone());
        let argument = ClarityValue::Principal(manager).to_bytes();
        Self { sender: sender.to_string(), arguments: vec![hex::encode(argument)] }
    }
}

impl CallReadResponse {
    /// The answer to a call that gives `value`.
    pub fn of(value: &ClarityValue) -> Self {
        let result = format!("0x{}", hex::encode(value.to_bytes()));
        Self { okay: true, result: Some(result), cause: None }
    }

    /// The answer of [`LAST_SET_CYCLE_FUNCTION`].
    pub fn of_last_set_cycle(cycle: RewardCycle) -> Self {
        Self::of(&ok(ClarityValue::UInt(cycle.get().into())))
    }

    /// The answer of [`SIGNER_SLOTS_FUNCTION`] for signers in the order of their slots.
    pub fn of_signer_slots(signers: &[StacksAddress]) -> Self {
        let slot = |signer: &StacksAddress| {
            ClarityValue::tuple([
                (NUM_SLOTS, ClarityValue::UInt(1)),
                (SIGNER, ClarityValue::Principal(Principal::Standard(*signer))),
            ])
        };
        Self::of(&ok(ClarityValue::List(signers.iter().map(slot).collect())))
    }

    /// The answer of [`AGGREGATE_KEY_FUNCTION`].
    pub fn of_aggregate_key(key: Option<&PublicKey>) -> Self {
        let bytes = key.map_or_else(|| NO_KEY.to_vec(), |key| key.as_bytes().to_vec());
        Self::of(&ClarityValue::Buffer(bytes))
    }

    /// The value that the call gives. What follows it in the result is ignored, as by the network.
    pub fn value(&self) -> Result<ClarityValue, CallReadError> {
        if !self.okay {
            return Err(CallReadError::Refused(self.cause.clone().unwrap_or_default()));
        }
        let result = self.result.as_deref().ok_or(CallReadError::NotHex)?;
        let bytes = hex_bytes::parse(result).map_err(|_| CallReadError::NotHex)?;
        ClarityValue::from_prefix(&bytes).map_err(CallReadError::Decode)
    }

    /// Reads the answer of [`LAST_SET_CYCLE_FUNCTION`]: `(ok uint)`. A node that says less than the
    /// cycle that is wanted has not written its slots yet.
    pub fn last_set_cycle(&self) -> Result<RewardCycle, CallReadError> {
        let cycle = match unwrap_ok(self.value()?) {
            Some(ClarityValue::UInt(cycle)) => u64::try_from(cycle).ok(),
            _ => None,
        };
        cycle.map(RewardCycle::new).ok_or(CallReadError::Unexpected { expected: "(ok uint)" })
    }

    /// Reads the answer of [`AGGREGATE_KEY_FUNCTION`]: a buffer of 33 bytes that is a point of the curve, or one
    /// zero byte as long as there is no key. Nothing may follow it.
    pub fn aggregate_key(&self) -> Result<Option<PublicKey>, CallReadError> {
        const UNEXPECTED: CallReadError =
            CallReadError::Unexpected { expected: "(buff 33) with a key" };
        let value = self.value()?;
        let digits = self.result.as_deref().unwrap_or_default().trim_start_matches("0x");
        let ClarityValue::Buffer(bytes) = &value else { return Err(UNEXPECTED) };
        if digits.len() != 2 * value.to_bytes().len() {
            return Err(UNEXPECTED);
        }
        if bytes.as_slice() == NO_KEY {
            return Ok(None);
        }
        let key = bytes.as_slice().try_into().ok().and_then(PublicKey::from_bytes);
        key.map(Some).ok_or(UNEXPECTED)
    }

    /// Reads the answer of [`SIGNER_SLOTS_FUNCTION`]: the signers in the order of their slots. Each has
    /// one slot; an answer that gives one more is refused, since places would not be slots then.
    pub fn signer_slots(&self) -> Result<Vec<StacksAddress>, CallReadError> {
        let Some(ClarityValue::List(slots)) = unwrap_ok(self.value()?) else {
            return Err(UNEXPECTED_SLOTS);
        };
        slots.into_iter().map(slot_owner).map(|slot| slot.ok_or(UNEXPECTED_SLOTS)).collect()
    }

    /// Reads the answer of [`SIGNER_INFO_FUNCTION`]: `(some (buff 33))`, or `none` if pox-5 does not know
    /// the manager.
    pub fn signer_info(&self) -> Result<Option<PublicKey>, CallReadError> {
        let unexpected = CallReadError::Unexpected { expected: "(optional (buff 33))" };
        let ClarityValue::Optional(key) = self.value()? else { return Err(unexpected) };
        match key.map(|key| *key) {
            None => Ok(None),
            Some(ClarityValue::Buffer(bytes)) => {
                let key = bytes.try_into().ok().and_then(PublicKey::from_bytes);
                key.map(Some).ok_or(unexpected)
            }
            Some(_) => Err(unexpected),
        }
    }
}

/// What the registry has before the first key.
const NO_KEY: [u8; 1] = [0];

const NUM_SLOTS: &str = "num-slots";
const SIGNER: &str = "signer";

const UNEXPECTED_SLOTS: CallReadError =
    CallReadError::Unexpected { expected: "(ok (list {num-slots: u1, signer: principal}))" };

fn slot_owner(slot: ClarityValue) -> Option<StacksAddress> {
    let ClarityValue::Tuple(fields) = slot else { return None };
    match (field(&fields, NUM_SLOTS)?, field(&fields, SIGNER)?) {
        (ClarityValue::UInt(1), ClarityValue::Principal(Principal::Standard(owner))) => {
            Some(*owner)
        }
        _ => None,
    }
}

fn field<'a>(
    fields: &'a BTreeMap<ClarityName, ClarityValue>,
    name: &str,
) -> Option<&'a ClarityValue> {
    fields.get(&ClarityName::new(name).ok()?)
}

fn ok(value: ClarityValue) -> ClarityValue {
    ClarityValue::Ok(Box::new(value))
}

fn unwrap_ok(value: ClarityValue) -> Option<ClarityValue> {
    match value {
        ClarityValue::Ok(value) => Some(*value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signers() -> Vec<StacksAddress> {
        ["ST185PX4EBXC3QWDN697MJEM13Y8E9JNSRRPZ3ZY0", "ST000000000000000000002AMW42H"]
            .map(|text| text.parse().expect("well-formed by construction"))
            .to_vec()
    }

    #[test]
    fn the_last_set_cycle_is_read_from_what_is_written() {
        let answer = CallReadResponse::of_last_set_cycle(RewardCycle::new(85));
        assert_eq!(answer.result.as_deref(), Some("0x070100000000000000000000000000000055"));
        assert_eq!(
            answer.last_set_cycle().expect("well-formed by construction"),
            RewardCycle::new(85)
        );
    }

    #[test]
    fn the_signers_of_the_slots_are_read_from_what_is_written() {
        let answer = CallReadResponse::of_signer_slots(&signers());
        assert_eq!(answer.signer_slots().expect("well-formed by construction"), signers());
        assert!(matches!(answer.last_set_cycle(), Err(CallReadError::Unexpected { .. })));
    }

    #[test]
    fn a_signer_with_two_slots_is_refused() {
        let mut answer = CallReadResponse::of_signer_slots(&signers());
        let one = "01".to_owned() + &"0".repeat(31) + "1";
        let two = "01".to_owned() + &"0".repeat(31) + "2";
        answer.result = answer.result.map(|result| result.replacen(&one, &two, 1));
        assert_eq!(answer.signer_slots(), Err(UNEXPECTED_SLOTS));
    }

    #[test]
    fn the_aggregate_key_is_read_as_clarity_and_nothing_else_passes_for_it() {
        let text = "03ef42dbb7d3d5df0b864f3137decf546b3daac1aa379e329739c61b52d777bcf3";
        let key: PublicKey = text.parse().expect("well-formed by construction");
        let answer = CallReadResponse::of_aggregate_key(Some(&key));
        assert_eq!(answer.result.as_deref(), Some(&*format!("0x0200000021{text}")));
        assert_eq!(answer.aggregate_key(), Ok(Some(key)));
        assert_eq!(CallReadResponse::of_aggregate_key(None).aggregate_key(), Ok(None));
        for spoilt in [
            format!("0x0200000020{}", &text[..64]),
            format!("0x0200000022{text}00"),
            format!("0x0200000021{text}00"),
            format!("0x0200000021{}", &text[..64]),
            format!("0x070200000021{text}"),
            format!("0x0a0200000021{text}"),
            format!("0x0d00000021{text}"),
            format!("0x0200000021{}", "05".repeat(33)),
            "0x09".to_owned(),
            "0x0200000000".to_owned(),
            "0x".to_owned(),
            text.to_owned(),
        ] {
            let answer = CallReadResponse { okay: true, result: Some(spoilt.clone()), cause: None };
            assert!(answer.aggregate_key().is_err(), "{spoilt}");
        }
    }

    #[test]
    fn a_call_that_failed_keeps_the_cause() {
        let text = r#"{"okay":false,"cause":"Unchecked(NoSuchContract)"}"#;
        let answer: CallReadResponse =
            serde_json::from_str(text).expect("well-formed by construction");
        let cause = "Unchecked(NoSuchContract)".to_owned();
        assert_eq!(answer.last_set_cycle(), Err(CallReadError::Refused(cause)));
    }

    #[test]
    fn a_manager_has_a_key_or_none_and_nothing_else_passes() {
        let text = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
        let answer = |result: &str| {
            let result = Some(result.to_owned());
            CallReadResponse { okay: true, result, cause: None }.signer_info()
        };
        let key = answer(&format!("0x0a0200000021{text}"));
        assert_eq!(key, Ok(Some(text.parse().expect("well-formed by construction"))));
        assert_eq!(answer("0x09"), Ok(None));
        let short = text.get(..64).expect("it has 66 digits");
        let others =
            [format!("0x0a0200000020{short}"), format!("0x0200000021{text}"), "0x0a03".to_owned()];
        for other in others {
            assert!(matches!(answer(&other), Err(CallReadError::Unexpected { .. })), "{other}");
        }
    }

    #[test]
    fn arguments_are_bare_hex_of_clarity_values() {
        let sender = signers().remove(0);
        let request = CallReadRequest::signer_slots(&sender, RewardCycle::new(4));
        assert_eq!(request.arguments, ["0100000000000000000000000000000000"]);
        assert_eq!(request.sender, sender.to_string());
    }
}
