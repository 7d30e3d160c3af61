//! Long runs of bytes of one kind, found without looking at most bytes.

use std::ops::Range;

/// The longest runs of bytes that `class` accepts and that have at least `shortest` of them, in order.
///
/// A run of that length covers one of every `shortest` places: all but these are skipped.
pub(super) fn runs<'d>(
    data: &'d [u8],
    shortest: usize,
    class: impl Fn(u8) -> bool + Copy + 'd,
) -> impl Iterator<Item = Range<usize>> + 'd {
    let mut done = 0_usize;
    std::iter::from_fn(move || {
        let mut place = done.checked_add(shortest)?.checked_sub(1)?;
        while let Some(byte) = data.get(place) {
            if !class(*byte) {
                place += shortest;
                continue;
            }
            let (before, after) = data.split_at(place);
            let before = before.get(done..)?.iter().rev().take_while(|byte| class(**byte)).count();
            let after = after.iter().take_while(|byte| class(**byte)).count();
            if before + after >= shortest {
                done = place + after;
                return Some(place - before..place + after);
            }
            place += after + shortest;
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(data: &[u8], shortest: usize) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut start = 0;
        for (place, byte) in data.iter().chain(b" ").enumerate() {
            if *byte == b' ' {
                if place - start >= shortest {
                    found.push(start..place);
                }
                start = place + 1;
            }
        }
        found
    }

    proptest! {
        #[test]
        fn the_runs_are_those_of_a_search_that_looks_at_every_byte(
            text in "[ a]{0,60}|a{0,40}| {3}a{5} a{4} a{6} {7}a{5}",
            shortest in 1..9_usize,
        ) {
            let found: Vec<_> = runs(text.as_bytes(), shortest, |byte| byte != b' ').collect();
            prop_assert_eq!(found, plain(text.as_bytes(), shortest));
        }
    }
}
