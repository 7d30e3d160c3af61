//! Domain values as SQLite columns.

use countersign_signer::{Millis, RejectionVote, Timestamp, Vote};
use countersign_wire::block::TenureRole;
use countersign_wire::message::RejectReason;
use countersign_wire::transaction::TenureChangeCause;
use countersign_wire::{
    BurnBlockHash, BurnHeight, ConsensusHash, MessageSignature, RewardCycle, Sighash, SlotId,
    StacksHeight, Wire,
};
use rusqlite::Row;
use rusqlite::types::Type;

/// A value that fits one column.
///
/// Numbers keep their 64 bits; from 2⁶³ on, which no chain reaches, they read as negative and sort
/// below the others.
pub(super) trait Column: Sized {
    /// What the column holds.
    type Stored: rusqlite::ToSql;
    fn store(&self) -> Self::Stored;
    fn read(row: &Row<'_>, index: usize) -> rusqlite::Result<Self>;
}

macro_rules! number_columns {
    ($($name:ident: $new:ident, $get:ident;)*) => {$(
        impl Column for $name {
            type Stored = i64;
            fn store(&self) -> i64 {
                self.$get().cast_signed()
            }
            fn read(row: &Row<'_>, index: usize) -> rusqlite::Result<Self> {
                row.get(index).map(|value: i64| Self::$new(value.cast_unsigned()))
            }
        }
    )*};
}

number_columns! {
    RewardCycle: new, get;
    BurnHeight: new, get;
    StacksHeight: new, get;
    Millis: new, get;
    Timestamp: from_millis, as_millis;
}

impl Column for SlotId {
    type Stored = u32;
    fn store(&self) -> u32 {
        self.get()
    }
    fn read(row: &Row<'_>, index: usize) -> rusqlite::Result<Self> {
        row.get(index).map(Self::new)
    }
}

macro_rules! hash_columns {
    ($($name:ident),*) => {$(
        impl Column for $name {
            type Stored = [u8; Self::LEN];
            fn store(&self) -> Self::Stored {
                *self.as_bytes()
            }
            fn read(row: &Row<'_>, index: usize) -> rusqlite::Result<Self> {
                row.get(index).map(Self::new)
            }
        }
    )*};
}

hash_columns!(Sighash, ConsensusHash, BurnBlockHash);

/// A column that may be empty.
pub(super) fn read_option<T>(
    row: &Row<'_>,
    index: usize,
    read: impl Fn(&Row<'_>, usize) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    if row.get_ref(index)? == rusqlite::types::ValueRef::Null {
        return Ok(None);
    }
    read(row, index).map(Some)
}

/// A value in its wire form.
pub(super) fn read_wire<T: Wire>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let bytes = row.get_ref(index)?.as_blob()?;
    T::from_bytes(bytes).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(index, Type::Blob, Box::new(error))
    })
}

/// The column `role`: the number of the tenure change's cause, or nothing without one.
pub(super) const fn store_role(role: TenureRole) -> Option<u8> {
    match role {
        TenureRole::Start => Some(TenureChangeCause::BlockFound.as_u8()),
        TenureRole::Extend(cause) => Some(cause.as_u8()),
        TenureRole::Ordinary => None,
    }
}

/// The role of a block whose tenure change has this cause.
pub(super) fn read_role(row: &Row<'_>, index: usize) -> rusqlite::Result<TenureRole> {
    let Some(number) = row.get::<_, Option<u8>>(index)? else { return Ok(TenureRole::Ordinary) };
    match TenureChangeCause::from_u8(number) {
        Some(TenureChangeCause::BlockFound) => Ok(TenureRole::Start),
        Some(cause) => Ok(TenureRole::Extend(cause)),
        None => Err(unknown(index, format!("unknown cause of a tenure change {number}"))),
    }
}

/// The columns `kind` and `content` of a vote.
pub(super) fn store_vote(vote: &Vote) -> (i64, Vec<u8>) {
    match vote {
        Vote::PreCommit => (PRE_COMMIT, Vec::new()),
        Vote::Acceptance(signature) => (ACCEPTANCE, signature.to_bytes()),
        Vote::Rejection(rejection) => (REJECTION, rejection.reason.to_bytes()),
    }
}

/// The vote in the columns `kind`, at `index`, and `content`, after it.
pub(super) fn read_vote(row: &Row<'_>, index: usize) -> rusqlite::Result<Vote> {
    match row.get::<_, i64>(index)? {
        PRE_COMMIT => Ok(Vote::PreCommit),
        ACCEPTANCE => read_wire::<MessageSignature>(row, index + 1).map(Vote::Acceptance),
        REJECTION => read_wire::<RejectReason>(row, index + 1)
            .map(|reason| Vote::Rejection(RejectionVote { reason })),
        other => Err(unknown(index, format!("unknown kind of vote {other}"))),
    }
}

/// A value that no version of this program writes.
pub(super) fn unknown(index: usize, what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, what.into())
}

pub(super) const PRE_COMMIT: i64 = 0;
pub(super) const ACCEPTANCE: i64 = 1;
pub(super) const REJECTION: i64 = 2;
