//! Who stacks how much for which signer, and the transactions that do it (PoX-4).

use countersign_wire::clarity::{ClarityName, ClarityValue, ContractName};
use countersign_wire::sip018::{self, Pox4Authorization, Pox4Topic, PoxAddress};
use countersign_wire::transaction::{StacksTransaction, TransactionPayload};
use countersign_wire::{MessageSignature, Network, PrivateKey, RewardCycle, StacksAddress, Weight};

use crate::chain::{Spending, TransactionDomain};

/// One account that stacks for one signer.
#[derive(Debug)]
pub(super) struct Stacker {
    /// The account's key.
    key: PrivateKey,
    /// µSTX that it locks.
    amount: u64,
}

/// Why nobody can be given such weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SharesError {
    /// A signer would get no reward slot.
    #[error(
        "signer {signer} would have none of the {slots} reward slots of a cycle: choose weights \
         that are closer together, fewer signers or longer cycles"
    )]
    NoSlot {
        /// The signer.
        signer: usize,
        /// Reward slots of a cycle.
        slots: u64,
    },
}

/// How much each signer's stacker locks so that the reward slots divide as the weights do.
///
/// A node divides all that is locked by the number of reward slots, rounds that up to a multiple of
/// 10,000 STX, and gives one slot for each multiple of the result. The amounts here divide evenly,
/// so that nothing is lost by the rounding up, and they are most of all STX that there are, so that
/// the minimum, which follows from those, does not matter.
pub(super) fn amounts(weights: &[Weight], slots: u64) -> Result<Vec<u64>, SharesError> {
    let total: u64 = weights.iter().map(|weight| u64::from(weight.get())).sum();
    for (signer, weight) in weights.iter().enumerate() {
        if u64::from(weight.get()).saturating_mul(slots) < total.max(1) {
            return Err(SharesError::NoSlot { signer, slots });
        }
    }
    let even = slots.saturating_mul(STEP_USTX);
    let per_weight = (STACKED_USTX / total.max(1)).div_ceil(even).saturating_mul(even);
    Ok(weights.iter().map(|weight| u64::from(weight.get()).saturating_mul(per_weight)).collect())
}

impl Stacker {
    /// An account that will lock this much.
    pub(super) const fn new(key: PrivateKey, amount: u64) -> Self {
        Self { key, amount }
    }

    /// Its address.
    pub(super) fn address(&self) -> StacksAddress {
        StacksAddress::single_sig(Network::Testnet, &self.key.public_key())
    }

    pub(super) const fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// µSTX that it locks.
    pub(super) const fn amount(&self) -> u64 {
        self.amount
    }

    /// What it must have: the amount and fees.
    pub(super) const fn balance(&self) -> u64 {
        self.amount.saturating_add(FEE_USTX * 100)
    }

    /// The call that locks its tokens for twelve cycles, the most that there is, with the leave of
    /// `signer`. Valid in one reward cycle only: the one of `burn_height`.
    pub(super) fn stack(
        &self,
        domain: TransactionDomain,
        signer: &PrivateKey,
        cycle: RewardCycle,
        burn_height: u64,
    ) -> StacksTransaction {
        let pox_address =
            PoxAddress { version: P2PKH, hash_bytes: self.address().hash().as_bytes().to_vec() };
        let authorization = Pox4Authorization {
            pox_address: pox_address.clone(),
            reward_cycle: cycle.get().into(),
            topic: Pox4Topic::StackStx,
            period: PERIOD,
            max_amount: self.amount.into(),
            auth_id: AUTH_ID,
        };
        let signature = sip018::stacking_pox4(&authorization, domain.chain_id);
        let signature = ClarityValue::Buffer(rsv(&signer.sign(&signature)));
        let pox_address = ClarityValue::tuple([
            ("hashbytes", ClarityValue::Buffer(pox_address.hash_bytes)),
            ("version", ClarityValue::Buffer(vec![pox_address.version])),
        ]);
        let payload = TransactionPayload::ContractCall {
            address: domain.network.boot_address(),
            contract: ContractName::new("pox-4").expect("this is a contract's name"),
            function: ClarityName::new("stack-stx").expect("this is a function's name"),
            arguments: vec![
                ClarityValue::UInt(self.amount.into()),
                pox_address,
                ClarityValue::UInt(burn_height.into()),
                ClarityValue::UInt(PERIOD),
                ClarityValue::Optional(Some(Box::new(signature))),
                ClarityValue::Buffer(signer.public_key().as_bytes().to_vec()),
                ClarityValue::UInt(self.amount.into()),
                ClarityValue::UInt(AUTH_ID),
            ],
        };
        domain.call(&self.key, Spending { nonce: 0, fee: FEE_USTX }, payload)
    }
}

/// A signature as contracts take it: with the recovery id last.
pub(super) fn rsv(signature: &MessageSignature) -> Vec<u8> {
    let (recovery_id, rest) = signature.as_bytes().split_first().expect("a signature has 65 bytes");
    [rest, &[*recovery_id]].concat()
}

const P2PKH: u8 = 0;
/// Reward cycles.
const PERIOD: u128 = 12;
/// Each key gives its leave once.
pub(super) const AUTH_ID: u128 = 1;
const FEE_USTX: u64 = 10_000;
/// 10,000 STX.
const STEP_USTX: u64 = 10_000_000_000;
/// Four billion STX in all, eight times what the test genesis has.
const STACKED_USTX: u64 = 4_000_000_000_000_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

    use countersign_wire::ChainId;

    use super::*;
    use crate::seed::Seed;

    fn weights(list: &[u32]) -> Vec<Weight> {
        list.iter().copied().map(Weight::new).collect()
    }

    /// The slots that a node gives for these amounts.
    fn slots_of(amounts: &[u64], slots: u64) -> Vec<u64> {
        let threshold = amounts.iter().sum::<u64>().div_ceil(slots).div_ceil(STEP_USTX) * STEP_USTX;
        amounts.iter().map(|amount| amount / threshold).collect()
    }

    #[test]
    fn reward_slots_divide_as_the_weights_do() {
        let rows: [(&[u32], u64, &[u64]); 4] = [
            (&[1, 1, 1, 1, 1], 30, &[6, 6, 6, 6, 6]),
            (&[2, 2, 2, 3, 1], 30, &[6, 6, 6, 9, 3]),
            (&[22, 5], 30, &[24, 5]),
            (&[1], 14, &[14]),
        ];
        for (list, slots, expected) in rows {
            assert_eq!(
                slots_of(&amounts(&weights(list), slots).unwrap(), slots),
                expected,
                "{list:?}"
            );
        }
    }

    #[test]
    fn a_signer_that_would_get_no_slot_is_refused() {
        let refused = amounts(&weights(&[100, 1, 100]), 30);
        assert_eq!(refused, Err(SharesError::NoSlot { signer: 1, slots: 30 }));
        assert!(matches!(amounts(&weights(&[0]), 30), Err(SharesError::NoSlot { signer: 0, .. })));
    }

    #[test]
    fn a_stacking_transaction_shows_the_leave_of_its_signer() {
        let seed = Seed::from_text("stacking");
        let stacker = Stacker::new(seed.key("stacker", 0), 5);
        let signer = seed.key("signer", 0);
        let domain = TransactionDomain { network: Network::Testnet, chain_id: ChainId::TESTNET };
        let transaction = stacker.stack(domain, &signer, RewardCycle::new(6), 122);
        assert_eq!(transaction.verify(), Ok(()));
        let TransactionPayload::ContractCall { arguments, .. } = &transaction.payload else {
            panic!("{transaction:?}");
        };
        let key = ClarityValue::Buffer(signer.public_key().as_bytes().to_vec());
        assert_eq!(arguments.get(5), Some(&key));
    }
}
