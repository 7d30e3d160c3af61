//! `nft --json list ruleset`: what the packet filter does by default.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::facts::{Firewall, Policy};

/// Reads a ruleset. A hook refuses by default if some base chain of it does, for IPv4 and for IPv6: by its
/// policy, or by a last rule that refuses everything. None if it is no ruleset.
pub fn read(json: &str) -> Option<Firewall> {
    let ruleset: Value = serde_json::from_str(json).ok()?;
    let items = ruleset.get("nftables")?.as_array()?;
    let mut chains: BTreeMap<(String, String, String), (String, bool)> = BTreeMap::new();
    for item in items {
        if let Some(chain) = item.get("chain") {
            let Some(hook) = text(chain, "hook") else { continue };
            let is_closed = text(chain, "policy") == Some("drop");
            chains.insert(key(chain, "name"), (hook.to_owned(), is_closed));
        }
    }
    for rule in items.iter().filter_map(|item| item.get("rule")) {
        if let Some((_, is_closed)) = chains.get_mut(&key(rule, "chain")) {
            // The rules of a chain come in their order; only the last one may refuse everything that is left.
            *is_closed |= refuses_everything(rule);
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

fn refuses_everything(rule: &Value) -> bool {
    let Some(expressions) = rule.get("expr").and_then(Value::as_array) else { return false };
    let is_verdict = |expression: &Value| {
        ["drop", "reject"].iter().any(|verdict| expression.get(verdict).is_some())
    };
    let is_silent =
        |expression: &Value| ["counter", "log"].iter().any(|what| expression.get(what).is_some());
    expressions.iter().any(is_verdict)
        && expressions.iter().all(|expression| is_verdict(expression) || is_silent(expression))
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
    }

    #[test]
    fn what_is_no_ruleset_is_none() {
        for text in ["", "{}", "[]", "{\"nftables\": 1}", "Operation not permitted"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
