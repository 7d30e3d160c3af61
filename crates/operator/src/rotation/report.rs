//! Where an operator stands, in words and for machines.

use std::fmt::Write as _;

use countersign_wire::{BurnHeight, PublicKey};
use serde_json::{Value, json};

use super::{CycleSight, Rotation, Stage};

impl Rotation {
    /// What is to be done now, one thing after the other. `config` is the configuration's path as it is
    /// written in commands.
    pub fn steps(&self, config: &str) -> Vec<String> {
        match self.stage() {
            Stage::NotBegun => steps_to_begin(config),
            Stage::ToBeLoaded => vec![
                "restart the signer, which has not loaded the key that `next_key` names".to_owned(),
                "run this command again".to_owned(),
            ],
            Stage::ToBeRegistered => self.steps_to_register(config),
            Stage::Waiting => self.steps_while_waiting(),
            Stage::Changed => self.steps_to_end(),
        }
    }

    fn steps_to_register(&self, config: &str) -> Vec<String> {
        let next = self.next_digits();
        vec![
            format!(
                "sign the grant with the next key: countersign generate-staking-signature --config \
                 {config} --next --signer-manager MANAGER --auth-id NUMBER"
            ),
            format!(
                "have the manager register the key (register-self) with that grant; it must be in the \
                 chain by burn block {} to count for cycle {}; {}",
                self.deadline.height,
                self.deadline.cycle,
                self.blocks_left(self.deadline.height)
            ),
            format!("compare all 66 digits of what is registered with {next}"),
            "run this command again once the prepare phase has begun".to_owned(),
        ]
    }

    fn steps_while_waiting(&self) -> Vec<String> {
        vec![
            format!(
                "wait for burn block {}, with which cycle {} begins; {}",
                self.next.begins,
                self.next.number,
                self.blocks_left(self.next.begins)
            ),
            "keep both keys loaded until then: the signer changes by itself, without a restart"
                .to_owned(),
            "do not revoke the grant of the old key yet".to_owned(),
        ]
    }

    fn steps_to_end(&self) -> Vec<String> {
        let safe = BurnHeight::new(self.current.begins.get().saturating_add(SETTLED));
        let mut steps = Vec::new();
        if self.next.seat_of(&self.keys.first).is_some() {
            steps.push(format!(
                "keep both keys loaded: the old one is registered for cycle {}",
                self.next.number
            ));
            return steps;
        }
        if safe > self.burn_height {
            steps.push(format!(
                "wait for burn block {safe}: the last block of the old cycle may still be under way; {}",
                self.blocks_left(safe)
            ));
        }
        steps.push(
            "in the configuration, name the new key's place as `key` (or `stacks_private_key`), and \
             remove `next_key` (if it is rendered: in countersign.toml [signer.next] becomes [signer], then \
             `countersign render`); restart the signer when it suits"
                .to_owned(),
        );
        steps.push(
            "keep the old key's journal and its backup until nothing is staked to it".to_owned(),
        );
        steps.push(
            "revoke the old key's grant, last of all (revoke-signer-grant, from the key's own account)"
                .to_owned(),
        );
        steps
    }

    fn next_digits(&self) -> String {
        self.keys.next.map_or_else(String::new, |key| key.to_string())
    }

    fn blocks_left(&self, height: BurnHeight) -> String {
        match height.get().saturating_sub(self.burn_height.get()) {
            0 => "that is now".to_owned(),
            1 => "1 block from now".to_owned(),
            left => format!("{left} blocks from now"),
        }
    }

    /// For people.
    pub fn to_text(&self, config: &str) -> String {
        let mut text = String::new();
        let mut line = |words: &str| writeln!(text, "{words}").expect("writing to a string");
        line(&format!(
            "burn block {}, reward cycle {} since {}, cycle {} from {} on",
            self.burn_height,
            self.current.number,
            self.current.begins,
            self.next.number,
            self.next.begins
        ));
        line(&format!("key       {}  {}", self.keys.first, self.whereabouts(&self.keys.first)));
        if let Some(next) = &self.keys.next {
            line(&format!("next key  {next}  {}", self.whereabouts(next)));
        }
        line("");
        line(self.headline());
        for (number, step) in (1..).zip(self.steps(config)) {
            line(&format!("  {number}. {step}"));
        }
        if !matches!(self.stage(), Stage::NotBegun | Stage::Changed) {
            line("");
            line(NEVER);
        }
        for trouble in self.troubles() {
            line("");
            line(&format!("warning: {trouble}"));
        }
        text
    }

    /// For machines; one object.
    pub fn to_json(&self, config: &str) -> Value {
        let troubles = self.troubles();
        let key = |key: &PublicKey| {
            json!({
                "public_key": key.to_string(),
                "current": seat(&self.current, key),
                "next": seat(&self.next, key),
            })
        };
        json!({
            "stage": self.stage().label(),
            "in_order": !troubles.iter().any(super::Trouble::is_serious),
            "burn_height": self.burn_height,
            "key": key(&self.keys.first),
            "next_key": self.keys.next.as_ref().map(key),
            "loaded": self.keys.are_loaded,
            "cycle": cycle(&self.current),
            "next_cycle": cycle(&self.next),
            "register_by": { "burn_height": self.deadline.height, "for_cycle": self.deadline.cycle },
            "steps": self.steps(config),
            "warnings": troubles.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }

    fn headline(&self) -> &'static str {
        match self.stage() {
            Stage::NotBegun => "No change of keys is under way. To begin one:",
            Stage::ToBeLoaded => {
                "The next key is configured, and the running signer does not have it:"
            }
            Stage::ToBeRegistered => "The next key is configured and has no seat yet:",
            Stage::Waiting => "The next key has a seat in the next cycle:",
            Stage::Changed => "The new key has taken the old one's place:",
        }
    }

    fn whereabouts(&self, key: &PublicKey) -> String {
        let of = |cycle: &CycleSight| match (cycle.seat_of(key), &cycle.set) {
            (Some(seat), _) => {
                format!("in cycle {} with weight {} of {}", cycle.number, seat.weight, seat.total)
            }
            (None, Some(_)) => format!("not in cycle {}", cycle.number),
            (None, None) => format!("cycle {} not known yet", cycle.number),
        };
        format!("{}, {}", of(&self.current), of(&self.next))
    }
}

fn steps_to_begin(config: &str) -> Vec<String> {
    vec![
        "make a new key: countersign keys new".to_owned(),
        format!(
            "name its place in {config}, in the table [countersign]: next_key = {{ age = \"…\" }} (if that is \
             rendered: in countersign.toml, as [signer.next], then `countersign render`)"
        ),
        "restart the signer once, at any time before the new key has its first cycle".to_owned(),
        "run this command again".to_owned(),
    ]
}

fn seat(cycle: &CycleSight, key: &PublicKey) -> Value {
    match (cycle.seat_of(key), &cycle.set) {
        (Some(seat), _) => json!({ "weight": seat.weight.get(), "total": seat.total.get() }),
        (None, Some(_)) => json!(false),
        (None, None) => Value::Null,
    }
}

fn cycle(cycle: &CycleSight) -> Value {
    json!({
        "number": cycle.number,
        "begins": cycle.begins,
        "signers": cycle.set.as_ref().map(countersign_wire::SignerSet::count),
    })
}

const NEVER: &str = "Never revoke a grant first: without it every way back is closed (error u17).";
/// After so many burn blocks of a cycle nothing of the cycle before is under way any more.
const SETTLED: u64 = 2;
