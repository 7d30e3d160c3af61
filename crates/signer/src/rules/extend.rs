//! Whether a tenure may be extended (`signer-behaviour` 3.6).
//!
//! Judging extends is not implemented yet: every extend is refused with a reason that lets the
//! miner's next proposal be judged again, and never signed. What miners are told about when to
//! extend is exact already ([`super::idle`]).

use countersign_wire::block::TenureRole;

/// Whether a block that plays this role in its tenure may do so.
pub(crate) const fn is_extend_permitted(role: TenureRole) -> bool {
    match role {
        TenureRole::Start | TenureRole::Ordinary => true,
        TenureRole::Extend(_) => false,
    }
}
