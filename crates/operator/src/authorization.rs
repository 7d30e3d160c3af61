//! Signatures that let others use this signer's key in the staking contracts.

use countersign_vault::{SignError, StackingRequest, StakingGrantRequest};
use countersign_wire::sip018::{Pox4Authorization, Pox4Topic};
use countersign_wire::{ChainId, MessageSignature, PublicKey};
use serde::Serialize;

use crate::bitcoin::BitcoinAddress;
use crate::signatory::Signatory;

/// A signature for a staking contract, with what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    key: PublicKey,
    signature: MessageSignature,
    scope: Scope,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    Staking { manager: String, auth_id: u128 },
    Stacking { address: String, authorization: Pox4Authorization },
}

impl Authorization {
    /// Lets a manager register the key (pox-5).
    pub fn staking(key: &mut Signatory, request: &StakingGrantRequest) -> Result<Self, SignError> {
        Ok(Self {
            key: key.public_key(),
            signature: key.sign_staking_grant(request)?,
            scope: Scope::Staking {
                manager: request.manager.to_string(),
                auth_id: request.auth_id,
            },
        })
    }

    /// Lets a stacker whose rewards go to `address` use the key (pox-4). The address replaces the one
    /// in `authorization`.
    pub fn stacking(
        key: &mut Signatory,
        address: &BitcoinAddress,
        mut authorization: Pox4Authorization,
        chain_id: ChainId,
    ) -> Result<Self, StackingError> {
        let Pox4Authorization { topic, period, .. } = authorization;
        let is_aggregate =
            matches!(topic, Pox4Topic::AggregationCommit | Pox4Topic::AggregationIncrease);
        if is_aggregate && period != 1 {
            return Err(PeriodError { method: topic.as_str(), period }.into());
        }
        authorization.pox_address = address.pox().clone();
        let request = StackingRequest { authorization, chain_id };
        let signature = key.sign_stacking(&request)?;
        let StackingRequest { authorization, .. } = request;
        let scope = Scope::Stacking { address: address.to_string(), authorization };
        Ok(Self { key: key.public_key(), signature, scope })
    }

    /// The two lines for people, and two empty ones, as the reference prints them.
    pub fn to_text(&self) -> String {
        let (key, signature) = (self.key, self.signature_hex());
        format!("Signer Public Key: 0x{key}\nSigner Key Signature: 0x{signature}\n\n\n")
    }

    /// One line for machines, without its end. Its keys are in alphabetical order, and amounts and
    /// ids are text, since they may exceed what programs read from a JSON number.
    pub fn to_json(&self) -> String {
        let (signer_key, signer_signature) = (self.key, self.signature_hex());
        let text = match &self.scope {
            Scope::Staking { manager, auth_id } => serde_json::to_string(&StakingJson {
                auth_id: auth_id.to_string(),
                signer_key,
                signer_manager: manager,
                signer_signature,
            }),
            Scope::Stacking { address, authorization } => serde_json::to_string(&StackingJson {
                auth_id: authorization.auth_id.to_string(),
                max_amount: authorization.max_amount.to_string(),
                method: authorization.topic.as_str(),
                period: authorization.period,
                pox_address: address,
                reward_cycle: authorization.reward_cycle,
                signer_key,
                signer_signature,
            }),
        };
        text.expect("text and numbers are JSON")
    }

    /// In the order that the contracts want.
    fn signature_hex(&self) -> String {
        hex::encode(self.signature.to_rsv())
    }
}

/// Why there is no authorization of pox-4.
#[derive(Debug, thiserror::Error)]
pub enum StackingError {
    /// The contract would refuse it.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The key does not sign.
    #[error(transparent)]
    Key(#[from] SignError),
}

/// The period of a signature that an aggregate method would refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the contract accepts a signature for {method} only with --period 1, not {period}")]
pub struct PeriodError {
    /// The method.
    pub method: &'static str,
    /// The period that was asked for.
    pub period: u128,
}

/// The text is not a stacking method.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a stacking method; expected stack-stx, stack-extend, stack-increase, agg-commit or \
     agg-increase"
)]
pub struct MethodError(pub String);

/// Reads the name of a stacking method: the text that is signed, or `aggregation-` for `agg-`.
pub fn parse_method(text: &str) -> Result<Pox4Topic, MethodError> {
    match text {
        "stack-stx" => Ok(Pox4Topic::StackStx),
        "stack-extend" => Ok(Pox4Topic::StackExtend),
        "stack-increase" => Ok(Pox4Topic::StackIncrease),
        "agg-commit" | "aggregation-commit" => Ok(Pox4Topic::AggregationCommit),
        "agg-increase" | "aggregation-increase" => Ok(Pox4Topic::AggregationIncrease),
        other => Err(MethodError(other.to_owned())),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StakingJson<'a> {
    auth_id: String,
    signer_key: PublicKey,
    signer_manager: &'a str,
    signer_signature: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StackingJson<'a> {
    auth_id: String,
    max_amount: String,
    method: &'static str,
    period: u128,
    pox_address: &'a str,
    reward_cycle: u128,
    signer_key: PublicKey,
    signer_signature: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use countersign_vault::OperatorKey;
    use countersign_wire::PrivateKey;
    use countersign_wire::sip018::{self, PoxAddress};

    use super::*;

    /// Key A of the worked vectors (`signer-wire.md` section 12.1).
    const KEY: &str = "b791c6d39263a2469fbb7378da40e84e89d319e4b5e74f69836ff75b3cd30092";
    /// `signer-wire.md` section 12.5.
    const RSV: &str = "9c6b0b5b98c71da2f1507e24d01893b30f535e0986c2eedb7f1da94ddede2e4878fed51acb740\
                       9657be891e1a9987e0a01803295ac0adbc558bbe00165aff25701";
    const PUBLIC: &str = "028c89d47fcf4cc2e3973f23eb1a7a3af0a6bb437bd866dbc3ee10116483c818b9";
    const MANAGER: &str = "ST185PX4EBXC3QWDN697MJEM13Y8E9JNSRRPZ3ZY0";

    fn operator() -> Signatory {
        OperatorKey::new(PrivateKey::from_hex(KEY).unwrap()).into()
    }

    fn grant() -> StakingGrantRequest {
        let manager = MANAGER.parse().unwrap();
        StakingGrantRequest { manager, auth_id: 7, chain_id: ChainId::TESTNET }
    }

    fn stacking() -> Pox4Authorization {
        Pox4Authorization {
            pox_address: PoxAddress { version: 0, hash_bytes: Vec::new() },
            reward_cycle: 1,
            topic: Pox4Topic::StackStx,
            period: 12,
            max_amount: u128::MAX,
            auth_id: 111,
        }
    }

    /// The p2pkh address of the hash of zeros.
    fn zeros() -> BitcoinAddress {
        "mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8".parse().unwrap()
    }

    #[test]
    fn the_grant_of_the_worked_vectors_has_its_text_and_its_json() {
        let grant = Authorization::staking(&mut operator(), &grant()).unwrap();
        let text = format!("Signer Public Key: 0x{PUBLIC}\nSigner Key Signature: 0x{RSV}\n\n\n");
        assert_eq!(grant.to_text(), text);
        let json = format!(
            r#"{{"authId":"7","signerKey":"{PUBLIC}","signerManager":"{MANAGER}","signerSignature":"{RSV}"}}"#
        );
        assert_eq!(grant.to_json(), json);
    }

    #[test]
    fn the_address_of_a_stacking_signature_is_what_is_signed() {
        let chain = ChainId::TESTNET;
        let signed = Authorization::stacking(&mut operator(), &zeros(), stacking(), chain).unwrap();
        // `signer-wire.md` section 12.5.
        let digest = "ec5b88aa81a96a6983c26cdba537a13d253425348ffc0ba6b07130869b025a2d";
        let digest = <[u8; 32]>::try_from(hex::decode(digest).unwrap()).unwrap();
        assert_eq!(signed.signature.recover(&digest), Some(signed.key));
        let written = Pox4Authorization { pox_address: zeros().pox().clone(), ..stacking() };
        assert_eq!(sip018::stacking_pox4(&written, chain), digest);
    }

    #[test]
    fn a_stacking_signature_for_machines_has_the_keys_that_pages_expect() {
        let chain = ChainId::TESTNET;
        let signed = Authorization::stacking(&mut operator(), &zeros(), stacking(), chain).unwrap();
        let json = signed.to_json();
        let start = format!(
            r#"{{"authId":"111","maxAmount":"{}","method":"stack-stx","period":12,"poxAddress":"{}","rewardCycle":1,"signerKey":"{PUBLIC}","signerSignature":""#,
            u128::MAX,
            zeros()
        );
        assert!(json.starts_with(&start), "{json}");
    }

    #[test]
    fn an_aggregate_method_with_a_longer_period_is_refused() {
        for topic in [Pox4Topic::AggregationCommit, Pox4Topic::AggregationIncrease] {
            let good = Pox4Authorization { topic, period: 1, ..stacking() };
            let signed = |authorization| {
                Authorization::stacking(&mut operator(), &zeros(), authorization, ChainId::TESTNET)
            };
            assert!(signed(good.clone()).is_ok());
            let error = signed(Pox4Authorization { period: 2, ..good }).unwrap_err();
            assert!(error.to_string().contains("--period 1"), "{error}");
        }
    }

    #[test]
    fn every_method_is_read_by_the_text_that_is_signed() {
        for text in ["stack-stx", "stack-extend", "stack-increase", "agg-commit", "agg-increase"] {
            assert_eq!(parse_method(text).unwrap().as_str(), text);
        }
        assert_eq!(parse_method("aggregation-commit").unwrap().as_str(), "agg-commit");
        let error = parse_method("stack-all").unwrap_err().to_string();
        assert!(error.contains("`stack-all`") && error.contains("agg-increase"), "{error}");
    }
}
