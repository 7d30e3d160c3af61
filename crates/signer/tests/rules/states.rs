//! Which state may follow which (6.2).

use countersign_signer::BlockState::{
    self, GloballyAccepted, GloballyRejected, LocallyAccepted, LocallyRejected, PreCommitted,
    Unprocessed,
};

use crate::support::{record, tenure_start};

/// Rows are from, columns are to, both in the order of [`BlockState::ALL`].
#[rustfmt::skip]
const PERMITTED: [[bool; 6]; 6] = [
    [true,  true,  true,  true,  true,  true ],
    [false, true,  true,  true,  true,  true ],
    [false, false, true,  true,  true,  true ],
    [false, false, true,  true,  true,  true ],
    [false, false, false, false, true,  false],
    [false, false, false, false, false, true ],
];

#[test]
fn all_36_transitions_are_permitted_or_not_as_in_the_table() {
    for (from, row) in BlockState::ALL.into_iter().zip(PERMITTED) {
        for (to, is_permitted) in BlockState::ALL.into_iter().zip(row) {
            assert_eq!(from.may_become(to), is_permitted, "{from:?} to {to:?}");
            let mut block = record(tenure_start(3, 21), from);
            assert_eq!(block.move_to(to), is_permitted, "{from:?} to {to:?}");
            assert_eq!(block.state, if is_permitted { to } else { from });
        }
    }
}

#[test]
fn a_state_keeps_its_name_on_disk() {
    let names = BlockState::ALL.map(BlockState::name);
    let expected = [
        "unprocessed",
        "pre-committed",
        "locally-accepted",
        "locally-rejected",
        "globally-accepted",
        "globally-rejected",
    ];
    assert_eq!(names, expected);
    for state in BlockState::ALL {
        assert_eq!(BlockState::from_name(state.name()), Some(state));
    }
    assert_eq!(BlockState::from_name("accepted"), None);
}

#[test]
fn states_tell_whether_the_network_decided_and_whether_somebody_signed() {
    for state in BlockState::ALL {
        assert_eq!(state.is_global(), matches!(state, GloballyAccepted | GloballyRejected));
        assert_eq!(state.is_accepted(), matches!(state, LocallyAccepted | GloballyAccepted));
    }
    assert!(
        !Unprocessed.is_global() && !PreCommitted.is_accepted() && !LocallyRejected.is_global()
    );
}
