//! A page of metrics in the Prometheus text format.

use std::collections::BTreeSet;

/// Names of the samples.
pub fn names(page: &str) -> Vec<String> {
    let names: BTreeSet<&str> = page.lines().filter_map(|line| Some(sample(line)?.0)).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// The sum of the samples of a counter, whatever their labels; none if there is none.
pub fn sum(page: &str, name: &str) -> Option<u64> {
    let total = format!("{name}_total");
    let values = page.lines().filter_map(sample).filter(|(has, _)| *has == name || *has == total);
    values
        .map(|(_, value)| value)
        .fold(None, |sum, value| Some(sum.unwrap_or(0_u64).saturating_add(value)))
}

/// Name and value of a line. Fractions are cut off.
fn sample(line: &str) -> Option<(&str, u64)> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let end = line.find(['{', ' ', '\t'])?;
    let (name, rest) = line.split_at_checked(end)?;
    // A label's value may hold a brace.
    let value = rest.rsplit_once('}').map_or(rest, |(_, value)| value);
    let value = value.split_whitespace().next()?;
    let whole = value.split('.').next()?;
    Some((name, whole.parse().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_over_their_labels() {
        let page = "# HELP a b\n# TYPE a counter\na{x=\"}1\"} 3\na{x=\"2\"} 4.0\nb_total 5\nab 1\n\nbroken\n";
        assert_eq!(sum(page, "a"), Some(7));
        assert_eq!(sum(page, "b"), Some(5));
        assert_eq!(sum(page, "c"), None);
        assert_eq!(names(page), ["a", "ab", "b_total"]);
    }
}
