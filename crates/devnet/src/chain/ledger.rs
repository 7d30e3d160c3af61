//! Accounts: nonces and balances after a block, and what a transaction does to them.
//!
//! Only STX transfers and fees move anything. Contracts are not executed: a call or a deployment
//! pays its fee and takes its nonce. There are no mining rewards; fees leave the supply.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_wire::clarity::Principal;
use countersign_wire::transaction::{
    SpendingCondition, SpendingKind, StacksTransaction, TransactionAuth, TransactionPayload,
    VerifyError,
};
use countersign_wire::{Network, StacksAddress};

/// What an account holds and how often it has acted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// µSTX.
    pub balance: u128,
    /// The nonce of its next transaction.
    pub nonce: u64,
}

/// Why a block cannot contain a transaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// Its signatures are not those of its accounts, or have a high s.
    #[error("the transaction is not signed by its accounts")]
    Signature(#[source] VerifyError),
    /// The nonce is not the account's next.
    #[error("the transaction has nonce {found} where the account's next is {expected}")]
    Nonce {
        /// The nonce of the transaction.
        found: u64,
        /// The next nonce of the account.
        expected: u64,
    },
    /// The account cannot pay.
    #[error("the transaction needs {needed} µSTX and the account has {balance}")]
    Balance {
        /// Fee, or fee and amount.
        needed: u128,
        /// What the account holds.
        balance: u128,
    },
    /// A transfer of nothing, or to the account that it comes from.
    #[error("the transfer moves nothing")]
    EmptyTransfer,
    /// A payload that Nakamoto blocks do not contain.
    #[error("a block of this epoch contains no transaction of this kind")]
    Payload,
}

/// All accounts after a block. Cloning is cheap; the first change copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    accounts: Arc<BTreeMap<Principal, Account>>,
}

impl Ledger {
    pub(super) fn account(&self, principal: &Principal) -> Account {
        self.accounts.get(principal).copied().unwrap_or_default()
    }

    /// Adds to an account's balance.
    pub(super) fn fund(&mut self, address: StacksAddress, amount: u128) {
        let account = self.entry(Principal::Standard(address));
        account.balance = account.balance.saturating_add(amount);
    }

    /// Checks a transaction and, if it may stand here, applies it.
    pub(super) fn apply(
        &mut self,
        transaction: &StacksTransaction,
        network: Network,
    ) -> Result<(), TransactionError> {
        transaction.verify().map_err(TransactionError::Signature)?;
        let mut after = self.clone();
        let origin = transaction.auth.origin();
        let acting = Principal::Standard(account_of(origin, network));
        match &transaction.auth {
            TransactionAuth::Standard(_) => after.charge(origin, origin.fee, network)?,
            TransactionAuth::Sponsored { sponsor, .. } => {
                after.charge(origin, 0, network)?;
                after.charge(sponsor, sponsor.fee, network)?;
            }
        }
        match &transaction.payload {
            TransactionPayload::TokenTransfer { recipient, amount, .. } => {
                after.transfer(&acting, recipient, (*amount).into())?;
            }
            TransactionPayload::SmartContract { .. }
            | TransactionPayload::ContractCall { .. }
            | TransactionPayload::TenureChange(_)
            | TransactionPayload::NakamotoCoinbase { .. } => {}
            TransactionPayload::PoisonMicroblock(_)
            | TransactionPayload::Coinbase(_)
            | TransactionPayload::CoinbaseToAltRecipient(..) => {
                return Err(TransactionError::Payload);
            }
        }
        *self = after;
        Ok(())
    }

    fn charge(
        &mut self,
        condition: &SpendingCondition,
        fee: u64,
        network: Network,
    ) -> Result<(), TransactionError> {
        let account = self.entry(Principal::Standard(account_of(condition, network)));
        if condition.nonce != account.nonce {
            return Err(TransactionError::Nonce {
                found: condition.nonce,
                expected: account.nonce,
            });
        }
        account.nonce = account.nonce.saturating_add(1);
        account.take(fee.into())
    }

    fn transfer(
        &mut self,
        from: &Principal,
        to: &Principal,
        amount: u128,
    ) -> Result<(), TransactionError> {
        if amount == 0 || from == to {
            return Err(TransactionError::EmptyTransfer);
        }
        self.entry(from.clone()).take(amount)?;
        let account = self.entry(to.clone());
        account.balance = account.balance.saturating_add(amount);
        Ok(())
    }

    fn entry(&mut self, principal: Principal) -> &mut Account {
        Arc::make_mut(&mut self.accounts).entry(principal).or_default()
    }
}

impl Account {
    fn take(&mut self, amount: u128) -> Result<(), TransactionError> {
        let short = TransactionError::Balance { needed: amount, balance: self.balance };
        self.balance = self.balance.checked_sub(amount).ok_or(short)?;
        Ok(())
    }
}

/// The address of the account that a spending condition names.
fn account_of(condition: &SpendingCondition, network: Network) -> StacksAddress {
    let version = match (&condition.kind, network) {
        (SpendingKind::SingleSig { .. }, _) => network.single_sig_version(),
        (SpendingKind::MultiSig { .. }, Network::Mainnet) => 20,
        (SpendingKind::MultiSig { .. }, Network::Testnet | Network::Mocknet) => 21,
    };
    StacksAddress::new(version, condition.signer).expect("versions of addresses are below 32")
}
