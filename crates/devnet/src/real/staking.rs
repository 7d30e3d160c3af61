//! Epoch 4.0: what has to be there when it begins, and staking anew through pox-5.
//!
//! What is locked through pox-4 becomes free with epoch 4.0, and the signers of the cycle after the
//! one in which it begins are those whom pox-5 knows. There a signer is a contract, its manager, to
//! which the signer's key has given leave; whoever stakes names the manager.

use countersign_wire::clarity::{ClarityName, ClarityValue, ContractName, Principal};
use countersign_wire::sip018;
use countersign_wire::transaction::{StacksTransaction, TransactionPayload};
use countersign_wire::{Network, PrivateKey, StacksAddress};

use super::stacking::{AUTH_ID, Stacker, rsv};
use crate::chain::{Spending, TransactionDomain};

/// Publishes what pox-5 must find when it is made.
#[derive(Debug)]
pub(super) struct Deployer {
    key: PrivateKey,
}

impl Deployer {
    /// An account that publishes.
    pub(super) const fn new(key: PrivateKey) -> Self {
        Self { key }
    }

    /// Its address.
    pub(super) fn address(&self) -> StacksAddress {
        StacksAddress::single_sig(Network::Testnet, &self.key.public_key())
    }

    /// The contract of the sBTC token, as a node's configuration names it.
    pub(super) fn token_id(&self) -> String {
        format!("{}.{TOKEN}", self.address())
    }

    /// The contract of the sBTC registry.
    pub(super) fn registry_id(&self) -> String {
        format!("{}.{REGISTRY}", self.address())
    }

    /// The transactions that publish both; its first two.
    pub(super) fn publish(&self, domain: TransactionDomain) -> [StacksTransaction; 2] {
        // A node wants some key of sBTC's signers. Nothing is ever paid to it.
        let key = hex::encode(self.key.public_key().as_bytes());
        let registry = format!("(define-read-only (get-current-aggregate-pubkey) 0x{key})\n");
        [
            domain.call(&self.key, spending(0), contract(TOKEN, TOKEN_SOURCE.to_owned())),
            domain.call(&self.key, spending(1), contract(REGISTRY, registry)),
        ]
    }
}

impl Stacker {
    /// The three transactions after [`stack`](Self::stack): they publish the signer's manager,
    /// register it with the signer's leave, and stake. Valid in the cycle of `burn_height`, outside
    /// its prepare phase.
    pub(super) fn stake(
        &self,
        domain: TransactionDomain,
        signer: &PrivateKey,
        burn_height: u64,
    ) -> [StacksTransaction; 3] {
        let manager_name = name(MANAGER);
        let manager = Principal::Contract(self.address(), manager_name.clone());
        let grant = sip018::staking_grant(&manager, AUTH_ID, domain.chain_id);
        let enrol = TransactionPayload::ContractCall {
            address: self.address(),
            contract: manager_name,
            function: function("enrol"),
            arguments: vec![
                ClarityValue::Principal(manager.clone()),
                ClarityValue::Buffer(signer.public_key().as_bytes().to_vec()),
                ClarityValue::UInt(AUTH_ID),
                ClarityValue::Buffer(rsv(&signer.sign(&grant))),
            ],
        };
        let stake = TransactionPayload::ContractCall {
            address: domain.network.boot_address(),
            contract: name("pox-5"),
            function: function("stake"),
            arguments: vec![
                ClarityValue::Principal(manager),
                ClarityValue::UInt(self.amount().into()),
                ClarityValue::UInt(PERIOD),
                ClarityValue::UInt(burn_height.into()),
                ClarityValue::Optional(None),
            ],
        };
        let manager = contract(MANAGER, MANAGER_SOURCE.to_owned());
        let [publish, register, lock] = STAKE_NONCES;
        [
            domain.call(self.key(), spending(publish), manager),
            domain.call(self.key(), spending(register), enrol),
            domain.call(self.key(), spending(lock), stake),
        ]
    }
}

/// The nonces of the three transactions of [`Stacker::stake`].
pub(super) const STAKE_NONCES: [u64; 3] = [1, 2, 3];
/// Nonce of the deployer's account once it has published.
pub(super) const PUBLISHED_NONCE: u64 = 2;

fn contract(contract: &'static str, code: String) -> TransactionPayload {
    TransactionPayload::SmartContract { clarity_version: None, name: name(contract), code }
}

fn name(text: &'static str) -> ContractName {
    ContractName::new(text).expect("names in the source are names")
}

fn function(text: &'static str) -> ClarityName {
    ClarityName::new(text).expect("names in the source are names")
}

const fn spending(nonce: u64) -> Spending {
    Spending { nonce, fee: FEE_USTX }
}

const FEE_USTX: u64 = 100_000;
/// Reward cycles.
const PERIOD: u128 = 12;
const TOKEN: &str = "sbtc-token";
const REGISTRY: &str = "sbtc-registry";
const MANAGER: &str = "signer-manager";
const TOKEN_SOURCE: &str = include_str!("clarity/sbtc-token.clar");
const MANAGER_SOURCE: &str = include_str!("clarity/signer-manager.clar");

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use countersign_wire::ChainId;

    use super::*;
    use crate::seed::Seed;

    const DOMAIN: TransactionDomain =
        TransactionDomain { network: Network::Testnet, chain_id: ChainId::TESTNET };

    #[test]
    fn a_manager_is_enrolled_with_a_leave_that_is_signed_for_it() {
        let seed = Seed::from_text("staking");
        let (stacker, signer) = (Stacker::new(seed.key("stacker", 0), 5), seed.key("signer", 0));
        let transactions = stacker.stake(DOMAIN, &signer, 164);
        for transaction in &transactions {
            assert_eq!(transaction.verify(), Ok(()));
        }
        let [_, enrol, stake] = transactions;
        let TransactionPayload::ContractCall { arguments, address, .. } = &enrol.payload else {
            panic!("{enrol:?}");
        };
        assert_eq!(*address, stacker.address());
        let [ClarityValue::Principal(manager), _, _, ClarityValue::Buffer(leave)] = &arguments[..]
        else {
            panic!("{arguments:?}");
        };
        let digest = sip018::staking_grant(manager, AUTH_ID, DOMAIN.chain_id);
        assert_eq!(*leave, rsv(&signer.sign(&digest)));
        let TransactionPayload::ContractCall { arguments, .. } = &stake.payload else {
            panic!("{stake:?}");
        };
        assert_eq!(arguments.first(), Some(&ClarityValue::Principal(manager.clone())));
    }

    #[test]
    fn the_contracts_that_pox_5_must_find_are_published_under_the_names_that_the_node_is_told() {
        let deployer = Deployer::new(Seed::from_text("staking").key("deployer", 0));
        assert_eq!(deployer.token_id(), format!("{}.sbtc-token", deployer.address()));
        assert_eq!(deployer.registry_id(), format!("{}.sbtc-registry", deployer.address()));
        for transaction in deployer.publish(DOMAIN) {
            assert_eq!(transaction.verify(), Ok(()));
        }
    }
}
