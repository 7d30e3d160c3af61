//! The Merkle tree over a block's transaction ids.

use crate::fixed::{TxMerkleRoot, Txid};
use crate::hash::sha512_256;

/// The root over `txids`: leaves are tagged 0, inner nodes 1, and a row of odd length, a single
/// leaf included, repeats its last entry. No transactions give 32 zero bytes.
pub fn tx_merkle_root(txids: &[Txid]) -> TxMerkleRoot {
    let mut row: Vec<[u8; 32]> =
        txids.iter().map(|txid| sha512_256(&[&[0], txid.as_bytes()])).collect();
    if row.is_empty() {
        return TxMerkleRoot::ZERO;
    }
    loop {
        row = row
            .chunks(2)
            .filter_map(|pair| Some(sha512_256(&[&[1], pair.first()?, pair.last()?])))
            .collect();
        if let [root] = row.as_slice() {
            return TxMerkleRoot::new(*root);
        }
    }
}
