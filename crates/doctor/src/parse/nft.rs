//! `nft --json list ruleset`: what the packet filter does by default.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::facts::{Firewall, Policy};

/// Reads a ruleset. A hook refuses by default if some base chain of it does, for IPv4 and for IPv6: by its
/// policy, or by a rule that refuses everything, before which none lets everything through. None if it is no ruleset.
pub fn read(json: &str) -> Option<Firewall> {
    let ruleset: Value = serde_json::from_str(json).ok()?;
    let items = ruleset.get("nftables")?.as_array()?;
    let mut chains: BTreeMap<(String, String, String), (String, bool)> = BTreeMap::new();
    let mut decided = BTreeSet::new();
    for item in items {
        if let Some(chain) = item.get("chain") {
            let Some(hook) = text(chain, "hook") else { continue };
            let is_closed = text(chain, "policy") == Some("drop");
            chains.insert(key(chain, "name"), (hook.to_owned(), is_closed));
        }
    }
    for rule in items.iter().filter_map(|item| item.get("rule")) {
        let key = key(rule, "chain");
        if let Some((_, is_closed)) = chains.get_mut(&key)
            && let Some(refuses) = of_everything(rule)
            // The rules of a chain come in their order: what the first such rule says, no later one changes.
            && decided.insert(key)
        {
            *is_closed = refuses;
        }
    }
    let policy = |hook: &str| {
        let closed = |family: &str| {
            chains.iter().any(|((has, ..), (at, is_closed))| {
                at == hook && *is_closed && (has == family || has == "inet")
            })
        };
        if closed("ip") && closed("ip6") { Policy::Drop } else { Policy::Accept }
    };
    Some(Firewall { input: policy("input"), output: policy("output"), forward: policy("forward") })
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

/// Family, table and name of a chain.
fn key(value: &Value, name: &str) -> (String, String, String) {
    let word = |name| text(value, name).unwrap_or_default().to_owned();
    (word("family"), word("table"), word(name))
}

/// Whether a rule refuses everything that comes to it, or lets it all through; none if it chooses.
fn of_everything(rule: &Value) -> Option<bool> {
    let expressions = rule.get("expr")?.as_array()?;
    let has = |expression: &Value, names: &[&str]| {
        names.iter().any(|name| expression.get(name).is_some())
    };
    let (last, before) = expressions.split_last()?;
    if !before.iter().all(|expression| has(expression, &["counter", "log"])) {
        return None;
    }
    match (has(last, &["drop", "reject"]), has(last, &["accept"])) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn chain(family: &str, hook: &str, policy: &str) -> Value {
        serde_json::json!({ "chain": {
            "family": family, "table": "t", "name": hook, "type": "filter", "hook": hook, "policy": policy
        }})
    }

    fn ruleset(items: &[Value]) -> Firewall {
        read(&serde_json::json!({ "nftables": items }).to_string()).unwrap()
    }

    #[test]
    fn a_hook_refuses_only_if_both_families_do() {
        let inet = ruleset(&[chain("inet", "input", "drop"), chain("inet", "output", "accept")]);
        assert_eq!(
            (inet.input, inet.output, inet.forward),
            (Policy::Drop, Policy::Accept, Policy::Accept)
        );
        assert_eq!(ruleset(&[chain("ip", "input", "drop")]).input, Policy::Accept);
        let both = ruleset(&[chain("ip", "input", "drop"), chain("ip6", "input", "drop")]);
        assert_eq!(both.input, Policy::Drop);
        assert_eq!(ruleset(&[]).input, Policy::Accept);
    }

    #[test]
    fn a_last_rule_that_refuses_everything_counts_as_a_policy() {
        let rule = |expr: Value| serde_json::json!({ "rule": { "family": "inet", "table": "t", "chain": "input", "expr": expr } });
        let all = rule(serde_json::json!([{ "counter": {} }, { "drop": null }]));
        assert_eq!(ruleset(&[chain("inet", "input", "accept"), all]).input, Policy::Drop);
        let some = rule(serde_json::json!([{ "match": {} }, { "drop": null }]));
        assert_eq!(ruleset(&[chain("inet", "input", "accept"), some]).input, Policy::Accept);
        // Nothing comes to the policy, nor to the rule behind.
        let open = rule(serde_json::json!([{ "counter": {} }, { "accept": null }]));
        let all = rule(serde_json::json!([{ "drop": null }]));
        let opened = [chain("inet", "input", "drop"), open.clone(), all.clone()];
        assert_eq!(ruleset(&opened).input, Policy::Accept);
        assert_eq!(ruleset(&[chain("inet", "input", "accept"), all, open]).input, Policy::Drop);
    }

    #[test]
    fn what_is_no_ruleset_is_none() {
        for text in ["", "{}", "[]", "{\"nftables\": 1}", "Operation not permitted"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
