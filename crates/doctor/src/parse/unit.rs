//! Units of systemd and their drop-ins.

use std::collections::BTreeMap;

/// The values of `Section.Key`, in their order.
pub type Values = BTreeMap<String, Vec<String>>;

/// Adds what a unit or a drop-in says. A later empty value takes back the ones before, as in systemd.
pub fn read(text: &str, values: &mut Values) {
    let mut section = String::new();
    let mut pending = String::new();
    for line in text.lines() {
        let line = line.trim();
        if pending.is_empty() && (line.is_empty() || line.starts_with(['#', ';'])) {
            continue;
        }
        if let Some(start) = line.strip_suffix('\\') {
            pending.push_str(start);
            pending.push(' ');
            continue;
        }
        pending.push_str(line);
        let whole = std::mem::take(&mut pending);
        if let Some(name) = whole.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = whole.split_once('=') {
            let list = values.entry(format!("{section}.{}", key.trim())).or_default();
            if value.trim().is_empty() {
                list.clear();
            }
            list.push(value.trim().to_owned());
        }
    }
}

/// Reads what `systemd-analyze security` says last: `→ Overall exposure level for x.service: 1.0 OK`.
pub fn exposure(text: &str) -> Option<u64> {
    let line = text.lines().rev().find(|line| line.contains("Overall exposure level"))?;
    let number = line.rsplit_once(": ")?.1.split_whitespace().next()?;
    let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
    let tenth = tenth.get(..1)?.parse::<u64>().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(10)?.checked_add(tenth)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_drop_in_takes_back_and_adds() {
        let mut values = Values::new();
        read(
            "[Unit]\nAfter=a b\n# c\n[Service]\nExecStart=/bin/x \\\n  --y\nRestart=no\n",
            &mut values,
        );
        read("[Service]\nExecStart=\nExecStart=/bin/z\nRestart = always\n", &mut values);
        assert_eq!(values.get("Service.ExecStart").unwrap(), &["", "/bin/z"]);
        assert_eq!(values.get("Service.Restart").unwrap().last().unwrap(), "always");
        assert_eq!(values.get("Unit.After").unwrap(), &["a b"]);
    }

    #[test]
    fn exposure_is_read_in_tenths() {
        let text = "\n✗ UMask= …\n\n→ Overall exposure level for countersign.service: 1.0 OK 🙂\n";
        assert_eq!(exposure(text), Some(10));
        assert_eq!(exposure("→ Overall exposure level for x: 9.5 UNSAFE 😨"), Some(95));
        assert_eq!(exposure("→ Overall exposure level for x: 10 UNSAFE"), Some(100));
        assert_eq!(exposure("Failed to load unit"), None);
    }
}
