//! Transactions that a simulated network makes: signed, with valid fields.

use countersign_wire::clarity::Principal;
use countersign_wire::transaction::{
    AnchorMode, PostConditionMode, SpendingCondition, StacksTransaction, TenureChange,
    TransactionAuth, TransactionPayload, VrfProof,
};
use countersign_wire::{ChainId, Network, PrivateKey};

/// The chain that transactions are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionDomain {
    /// Decides the version byte.
    pub network: Network,
    /// The chain id.
    pub chain_id: ChainId,
}

/// The account's next nonce and the fee that a transaction takes from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spending {
    /// The account's next nonce.
    pub nonce: u64,
    /// µSTX.
    pub fee: u64,
}

impl TransactionDomain {
    /// A transfer of `amount` µSTX from the account of `key`.
    pub fn transfer(
        self,
        key: &PrivateKey,
        spending: Spending,
        recipient: Principal,
        amount: u64,
    ) -> StacksTransaction {
        let payload = TransactionPayload::TokenTransfer { recipient, amount, memo: [0; 34] };
        self.sign(key, spending, AnchorMode::Any, payload)
    }

    /// A tenure change. It costs no fee.
    pub fn tenure_change(
        self,
        key: &PrivateKey,
        nonce: u64,
        change: TenureChange,
    ) -> StacksTransaction {
        let payload = TransactionPayload::TenureChange(change);
        self.sign(key, Spending { nonce, fee: 0 }, AnchorMode::OnChainOnly, payload)
    }

    /// A coinbase whose VRF proof is well-formed and derived from `seed`. It costs no fee.
    pub fn coinbase(self, key: &PrivateKey, nonce: u64, seed: &[u8; 32]) -> StacksTransaction {
        let payload = TransactionPayload::NakamotoCoinbase {
            memo: [0; 32],
            recipient: None,
            vrf_proof: VrfProof::well_formed(seed),
        };
        self.sign(key, Spending { nonce, fee: 0 }, AnchorMode::OnChainOnly, payload)
    }

    /// A contract that is published or called, whatever it moves or locks.
    pub fn call(
        self,
        key: &PrivateKey,
        spending: Spending,
        payload: TransactionPayload,
    ) -> StacksTransaction {
        self.sign(key, spending, AnchorMode::Any, payload)
    }

    /// Post-conditions are left to contracts: they may move and lock whatever they do.
    fn sign(
        self,
        key: &PrivateKey,
        spending: Spending,
        anchor_mode: AnchorMode,
        payload: TransactionPayload,
    ) -> StacksTransaction {
        let Spending { nonce, fee } = spending;
        let post_condition_mode = match payload {
            TransactionPayload::SmartContract { .. } | TransactionPayload::ContractCall { .. } => {
                PostConditionMode::Allow
            }
            _ => PostConditionMode::Deny,
        };
        let origin = SpendingCondition::p2pkh(&key.public_key(), nonce, fee);
        let mut transaction = StacksTransaction {
            is_mainnet: self.network == Network::Mainnet,
            chain_id: self.chain_id,
            auth: TransactionAuth::Standard(origin),
            anchor_mode,
            post_condition_mode,
            post_conditions: Vec::new(),
            payload,
        };
        transaction.sign_origin(key).expect("the origin is the ordinary account of this key");
        transaction
    }
}
