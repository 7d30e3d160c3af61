//! Lines about transaction replay after a Bitcoin fork.

use countersign_signer::ReplayChange;

use super::Prefix;

/// Says why there is another set of transactions to be replayed.
pub(super) fn say_replay(change: ReplayChange, transactions: usize, prefix: Prefix) {
    let what = match change {
        ReplayChange::Forked => {
            return tracing::info!(
                transactions,
                "{prefix}Signer State: fork detected. Tx Replay: replay set updated with \
                 {transactions} transactions"
            );
        }
        ReplayChange::NothingToReplay => "fork detected; the lost branch had nothing to replay",
        ReplayChange::CrossesCycle => {
            "fork detected; it reaches into an earlier reward cycle, and nothing is replayed"
        }
        ReplayChange::UnknownBranch => "fork detected; what was lost is not known",
        ReplayChange::Exhausted => "the replay set is exhausted",
        ReplayChange::Bypassed => {
            "the chain has a block that was not validated with the replay set, which is given up"
        }
        ReplayChange::TimedOut => "the replay takes too many burn blocks; its set is given up",
    };
    tracing::info!(change = change.label(), transactions, "{prefix}Tx Replay: {what}");
}
