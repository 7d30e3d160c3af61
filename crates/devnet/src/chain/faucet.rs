//! Funded accounts whose keys a simulation holds, for real signed transfers.

use countersign_wire::clarity::Principal;
use countersign_wire::hash::sha256;
use countersign_wire::transaction::StacksTransaction;
use countersign_wire::{Network, PrivateKey, StacksAddress, StacksBlockId};

use super::transactions::{Spending, TransactionDomain};
use super::{Chain, FundedAccount};

/// The keys of a few accounts, derived from a seed.
#[derive(Debug)]
pub struct Faucet {
    keys: Vec<PrivateKey>,
}

impl Faucet {
    /// `count` keys that follow from `seed`.
    pub fn new(seed: &[u8], count: u32) -> Self {
        Self { keys: (0..count).map(|index| derive_key(seed, index)).collect() }
    }

    /// The addresses of the accounts.
    pub fn addresses(&self, network: Network) -> Vec<StacksAddress> {
        let address = |key: &PrivateKey| StacksAddress::single_sig(network, &key.public_key());
        self.keys.iter().map(address).collect()
    }

    /// The accounts for a [`ChainConfig`](super::ChainConfig), each with `balance` µSTX.
    pub fn funded(&self, network: Network, balance: u128) -> Vec<FundedAccount> {
        let funded = |address| FundedAccount { address, balance };
        self.addresses(network).into_iter().map(funded).collect()
    }

    /// `count` transfers of `amount` µSTX for a block on top of `parent`: each account in turn pays
    /// the next one, with the nonces that `parent` leaves. Empty if there are fewer than two
    /// accounts or the chain does not know the parent.
    pub fn transfers(
        &self,
        chain: &Chain,
        parent: &StacksBlockId,
        count: usize,
        amount: u64,
    ) -> Vec<StacksTransaction> {
        let Some(ledger) = chain.ledger_after(parent) else { return Vec::new() };
        let network = chain.config().network;
        let domain = TransactionDomain { network, chain_id: chain.config().chain_id };
        let addresses = self.addresses(network);
        if addresses.len() < 2 {
            return Vec::new();
        }
        let recipients = addresses.iter().cycle().skip(1);
        let payers = self.keys.iter().zip(&addresses).cycle().zip(recipients);
        let mut transfers = Vec::with_capacity(count);
        for (index, ((key, from), to)) in payers.take(count).enumerate() {
            let round = u64::try_from(index / addresses.len()).unwrap_or(u64::MAX);
            let first = ledger.account(&Principal::Standard(*from)).nonce;
            let spending = Spending { nonce: first.saturating_add(round), fee: TRANSFER_FEE };
            transfers.push(domain.transfer(key, spending, Principal::Standard(*to), amount));
        }
        transfers
    }
}

impl Faucet {
    /// A transfer of `amount` µSTX from the account with this number to the next one; none if there
    /// are no accounts.
    pub fn transfer(
        &self,
        domain: TransactionDomain,
        account: usize,
        nonce: u64,
        amount: u64,
    ) -> Option<StacksTransaction> {
        let key = self.keys.get(account)?;
        let recipient = self.keys.get(account + 1).or_else(|| self.keys.first())?;
        let recipient = StacksAddress::single_sig(domain.network, &recipient.public_key());
        let spending = Spending { nonce, fee: TRANSFER_FEE };
        Some(domain.transfer(key, spending, Principal::Standard(recipient), amount))
    }
}

/// What a transfer of the faucet pays, in µSTX.
const TRANSFER_FEE: u64 = 180;

/// The first of a few digests that is a key; practically always the first of all.
pub(super) fn derive_key(seed: &[u8], index: u32) -> PrivateKey {
    (0..=u8::MAX)
        .find_map(|attempt| {
            let digest = sha256(&[b"devnet account", seed, &index.to_be_bytes(), &[attempt]]);
            PrivateKey::from_bytes(digest).ok()
        })
        .expect("256 digests in a row are not all above the order of the curve")
}
