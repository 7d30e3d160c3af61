//! Whether a tenure may be extended (`signer-behaviour` 3.6).

use countersign_wire::NakamotoBlock;
use countersign_wire::transaction::{TenureChange, TenureChangeCause};

use crate::facts::Known;
use crate::rules::Situation;
use crate::rules::idle::{IdleClock, idle_until};

/// Whether a block that extends its tenure may do so; a block that does not is no business of this
/// rule.
///
/// A full extend may follow the burn chain at any time: after a burn block without a winner the miner
/// goes on. All else has to wait until the tenure has been idle for long enough, and a read-count
/// extend may not change the burn view at all. The other dimensions of SIP-034 are not supported.
///
/// While the signers agree on transactions to replay (`is_replaying`), the tenure may be extended at
/// any time, as often as that takes.
pub(crate) fn is_extend_permitted(
    block: &NakamotoBlock,
    is_replaying: impl FnOnce() -> bool,
    at: &Situation<'_>,
) -> Known<bool> {
    let Some(extend) = block.tenure_extend() else { return Ok(true) };
    let clock = match extend.cause {
        TenureChangeCause::Extended => IdleClock::Full,
        TenureChangeCause::ExtendedReadCount => IdleClock::ReadCount,
        _ => return Ok(false),
    };
    Ok(match has_burn_view_changed(extend, at)? {
        None => false,
        Some(true) => clock == IdleClock::Full,
        Some(false) => {
            let idle = clock.idle(&at.params.timeouts);
            let until = idle_until(&extend.tenure, clock, idle, at.ledger, at.now);
            at.now.as_unix() >= until || is_replaying()
        }
    })
}

/// Whether the extend names another burn view than the tenure has at its tip; none if the node does
/// not tell.
fn has_burn_view_changed(extend: &TenureChange, at: &Situation<'_>) -> Known<Option<bool>> {
    let tip = at.facts.tenure_tip(extend.tenure)?;
    let burn_view = tip.ok().flatten().and_then(|tip| tip.burn_view);
    Ok(burn_view.map(|burn_view| burn_view != extend.burn_view))
}
