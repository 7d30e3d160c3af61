//! How the rules that the kernel has differ from those that it should have.

use std::collections::BTreeMap;

/// Lines of a table, in the words of `nft list table`, that only one side has. A rule that stands in another
/// chain than it should is on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// What should be in force and is not.
    pub missing: Vec<String>,
    /// What is in force and should not be.
    pub foreign: Vec<String>,
    /// All lines are there, but not in their order, which decides.
    pub is_disordered: bool,
}

impl Drift {
    /// Compares two listings of a table. What the kernel counts and remembers is left out.
    pub(super) fn between(meant: &str, live: &str) -> Self {
        let (meant, live) = (lines(meant), lines(live));
        let (missing, foreign) = (without(&meant, &live), without(&live, &meant));
        let is_disordered = missing.is_empty() && foreign.is_empty() && meant != live;
        Self { missing, foreign, is_disordered }
    }

    /// Whether both sides are the same.
    pub const fn is_none(&self) -> bool {
        self.missing.is_empty() && self.foreign.is_empty() && !self.is_disordered
    }
}

/// The sets that decide whether the rules refuse at all: their elements are compared, for however long they stay.
const SWITCHES: [&str; 2] = ["set in_force", "set suspended"];

/// The lines, each with the block that it is in, without the elements of sets but of [`SWITCHES`].
fn lines(listing: &str) -> Vec<String> {
    let (mut found, mut block, mut in_elements) = (Vec::new(), String::new(), false);
    for line in listing.lines().map(str::trim).filter(|line| !line.is_empty()) {
        in_elements |= line.starts_with("elements = {");
        if in_elements {
            in_elements = !line.ends_with('}');
            if SWITCHES.contains(&block.as_str()) {
                found.extend(elements(line).map(|element| format!("{block}: {element}")));
            }
            continue;
        }
        if let Some(name) = line.strip_suffix(" {") {
            name.clone_into(&mut block);
        }
        if line != "}" {
            found.push(format!("{block}: {line}"));
        }
    }
    found
}

/// The elements in a line of a set, without their times.
fn elements(line: &str) -> impl Iterator<Item = &str> {
    let line = line.trim_start_matches("elements = {").trim_end_matches('}');
    line.split(',').filter_map(|element| element.split_whitespace().next())
}

/// What `these` have more often than `others`.
fn without(these: &[String], others: &[String]) -> Vec<String> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for line in others {
        *left.entry(line).or_default() += 1;
    }
    let mut is_alone = |line: &str| match left.get_mut(line) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    these.iter().filter(|line| is_alone(line)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "table inet countersign_a {\n\tset in_force {\n\t\ttypeof meta nfproto\n\
        \t\telements = { ipv4 timeout 3s expires 1s,\n\t\t\t     ipv6 timeout 3s expires 1s }\n\t}\n\n\
        \tset suspended {\n\t\ttypeof meta nfproto\n\t}\n\n\
        \tset pace_ssh4 {\n\t\ttypeof ip saddr\n\
        \t\telements = { 192.0.2.1 limit rate over 10/minute expires 9m,\n\t\t\t     192.0.2.2 limit rate over 10/minute expires 8m }\n\t}\n\n\
        \tchain input {\n\t\tct state invalid drop\n\t\ttcp dport 22 accept\n\t\tcounter drop\n\t}\n\
        \tchain output {\n\t\tcounter drop\n\t}\n}\n";

    #[test]
    fn what_the_kernel_remembers_is_no_drift() {
        let later = TABLE
            .replace("expires 1s", "expires 0s")
            .replace("192.0.2.1 limit rate over 10/minute expires 9m,\n\t\t\t     ", "");
        assert!(Drift::between(TABLE, &later).is_none());
        let kept = TABLE
            .replace(" timeout 3s expires 1s,\n\t\t\t    ", ",")
            .replace(" timeout 3s expires 1s", "");
        assert!(Drift::between(&kept, TABLE).is_none());
    }

    #[test]
    fn rules_that_refuse_nothing_in_one_family_are_drift() {
        let kept = TABLE.replace("ipv4 timeout 3s expires 1s,\n\t\t\t     ipv6", "ipv4");
        assert_eq!(Drift::between(TABLE, &kept).missing, ["set in_force: ipv6"]);
        let suspended = TABLE.replace(
            "set suspended {\n\t\ttypeof meta nfproto\n",
            "set suspended {\n\t\ttypeof meta nfproto\n\t\telements = { ipv6 }\n",
        );
        assert_eq!(Drift::between(TABLE, &suspended).foreign, ["set suspended: ipv6"]);
    }

    #[test]
    fn each_change_by_hand_is_named_with_its_chain() {
        let added = TABLE.replace(
            "\t\ttcp dport 22 accept\n",
            "\t\ttcp dport 22 accept\n\t\ttcp dport 23 accept\n",
        );
        let drift = Drift::between(TABLE, &added);
        assert_eq!(drift.foreign, ["chain input: tcp dport 23 accept"]);
        assert!(drift.missing.is_empty() && !drift.is_none());
        let removed = TABLE.replace("\t\ttcp dport 22 accept\n", "");
        assert_eq!(Drift::between(TABLE, &removed).missing, ["chain input: tcp dport 22 accept"]);
        let moved = TABLE.replace(
            "\t\ttcp dport 22 accept\n\t\tcounter drop\n",
            "\t\tcounter drop\n\t\ttcp dport 22 accept\n",
        );
        assert!(Drift::between(TABLE, &moved).is_disordered);
    }
}
