//! Expressions in Prometheus's language, built from entries of the registry.
//!
//! An expression remembers what it names: a test holds every label and every value against the registry, and
//! `promtool` parses the text.

use crate::registry::Metric;

/// An expression. Its operators bind in the order of the calls: what has an operator at its top gets parentheses.
#[derive(Clone, Debug)]
pub struct Expr {
    text: String,
    named: Vec<Named>,
    /// Whether the text has an operator at its top.
    is_compound: bool,
}

/// What an expression says about a metric.
#[derive(Clone, Debug)]
pub struct Named {
    /// The metric.
    pub metric: &'static Metric,
    /// The label, the operator and the value that it is selected by; none for the metric as a whole.
    pub selector: Option<(&'static str, &'static str, &'static str)>,
}

/// Which series of a metric are meant.
#[derive(Clone, Debug)]
pub struct Series {
    name: String,
    metric: &'static Metric,
    selectors: Vec<(&'static str, &'static str, &'static str)>,
}

/// All series of a metric.
pub fn series(metric: &'static Metric) -> Series {
    Series { name: metric.name.to_owned(), metric, selectors: Vec::new() }
}

/// The buckets of a histogram.
pub fn buckets(histogram: &'static Metric) -> Series {
    Series { name: format!("{}_bucket", histogram.name), ..series(histogram) }
}

/// How much a histogram has counted.
pub fn count(histogram: &'static Metric) -> Series {
    Series { name: format!("{}_count", histogram.name), ..series(histogram) }
}

impl Series {
    /// Only those whose label is this.
    #[must_use]
    pub fn with(mut self, label: &'static str, value: &'static str) -> Self {
        self.selectors.push((label, "=", value));
        self
    }

    /// Only those whose label is one of these, separated by `|`.
    #[must_use]
    pub fn among(mut self, label: &'static str, values: &'static str) -> Self {
        self.selectors.push((label, "=~", values));
        self
    }

    /// Only those whose label is none of these, separated by `|`.
    #[must_use]
    pub fn without(mut self, label: &'static str, values: &'static str) -> Self {
        self.selectors.push((label, "!~", values));
        self
    }

    fn text(&self) -> String {
        let selectors: Vec<String> = self
            .selectors
            .iter()
            .map(|(label, operator, value)| format!("{label}{operator}\"{value}\""))
            .collect();
        if selectors.is_empty() {
            self.name.clone()
        } else {
            format!("{}{{{}}}", self.name, selectors.join(","))
        }
    }

    fn over(self, function: &str, window: &str) -> Expr {
        let text = format!("{function}({}[{window}])", self.text());
        Expr { text, ..self.now() }
    }

    /// The values as they are.
    pub fn now(self) -> Expr {
        let whole = Named { metric: self.metric, selector: None };
        let selected = self
            .selectors
            .iter()
            .map(|selector| Named { metric: self.metric, selector: Some(*selector) });
        let named = std::iter::once(whole).chain(selected).collect();
        Expr { text: self.text(), named, is_compound: false }
    }

    /// The values some time ago.
    pub fn ago(self, offset: &str) -> Expr {
        let text = format!("{} offset {offset}", self.text());
        Expr { text, ..self.now() }
    }

    /// When Prometheus read the values, by its own clock.
    pub fn read_at(self) -> Expr {
        let text = format!("timestamp({})", self.text());
        Expr { text, ..self.now() }
    }

    /// By how much a counter has grown.
    pub fn increase(self, window: &str) -> Expr {
        self.over("increase", window)
    }

    /// How fast a counter grows, a second.
    pub fn rate(self, window: &str) -> Expr {
        self.over("rate", window)
    }

    /// By how much a gauge has changed.
    pub fn delta(self, window: &str) -> Expr {
        self.over("delta", window)
    }

    /// How often a gauge has changed.
    pub fn changes(self, window: &str) -> Expr {
        self.over("changes", window)
    }

    /// What a gauge will be after this many seconds if it goes on as it did.
    pub fn predicted(self, window: &str, seconds: u32) -> Expr {
        let text = format!("predict_linear({}[{window}], {seconds})", self.text());
        Expr { text, ..self.now() }
    }
}

impl Expr {
    /// A number.
    pub fn number(value: f64) -> Self {
        Self { text: value.to_string(), named: Vec::new(), is_compound: false }
    }

    /// What always holds.
    pub fn always() -> Self {
        Self { text: "vector(1)".to_owned(), named: Vec::new(), is_compound: false }
    }

    /// In a function, which needs no parentheses.
    fn within(self, text: impl FnOnce(&str) -> String) -> Self {
        Self { text: text(&self.text), named: self.named, is_compound: false }
    }

    fn join(self, operator: &str, other: Self) -> Self {
        let text = format!("{} {operator} {}", self.operand(), other.operand());
        let named = self.named.into_iter().chain(other.named).collect();
        Self { text, named, is_compound: true }
    }

    fn compare(self, operator: &str, value: f64) -> Self {
        let text = format!("{} {operator} {value}", self.operand());
        Self { text, named: self.named, is_compound: true }
    }

    fn operand(&self) -> String {
        if self.is_compound { format!("({})", self.text) } else { self.text.clone() }
    }

    /// Those that are above.
    #[must_use]
    pub fn above(self, value: f64) -> Self {
        self.compare(">", value)
    }

    /// Those that are at least this.
    #[must_use]
    pub fn at_least(self, value: f64) -> Self {
        self.compare(">=", value)
    }

    /// Those that are below.
    #[must_use]
    pub fn below(self, value: f64) -> Self {
        self.compare("<", value)
    }

    /// Those that are exactly this.
    #[must_use]
    pub fn is(self, value: f64) -> Self {
        self.compare("==", value)
    }

    /// The sum of the series that agree in these labels.
    #[must_use]
    pub fn sum_by(self, labels: &str) -> Self {
        self.within(|text| format!("sum by ({labels}) ({text})"))
    }

    /// The greatest of the series that agree in these labels.
    #[must_use]
    pub fn max_by(self, labels: &str) -> Self {
        self.within(|text| format!("max by ({labels}) ({text})"))
    }

    /// A quantile of buckets that were made to rates, for each instance.
    #[must_use]
    pub fn quantile(self, of: f64) -> Self {
        self.within(|text| format!("histogram_quantile({of}, sum by (job, instance, le) ({text}))"))
    }

    /// How many seconds ago a timestamp was.
    #[must_use]
    pub fn age(self) -> Self {
        Self { text: format!("time() - {}", self.operand()), named: self.named, is_compound: true }
    }

    /// How many seconds there are until a timestamp.
    #[must_use]
    pub fn left(self) -> Self {
        Self { text: format!("{} - time()", self.operand()), named: self.named, is_compound: true }
    }

    /// Multiplied.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        self.compare("*", factor)
    }

    /// Without the sign.
    #[must_use]
    pub fn magnitude(self) -> Self {
        self.within(|text| format!("abs({text})"))
    }

    /// The quotient of series that agree in all labels.
    #[must_use]
    pub fn per(self, other: Self) -> Self {
        self.join("/", other)
    }

    /// The quotient of series that agree in these labels.
    #[must_use]
    pub fn per_on(self, labels: &str, other: Self) -> Self {
        self.join(&format!("/ on ({labels})"), other)
    }

    /// The quotients of many series by the one that agrees in these labels.
    #[must_use]
    pub fn per_on_left(self, labels: &str, other: Self) -> Self {
        self.join(&format!("/ on ({labels}) group_left ()"), other)
    }

    /// The sum of series that agree in all labels.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.join("+", other)
    }

    /// The difference of series that agree in all labels.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.join("-", other)
    }

    /// Those for which there is one on the other side with the same labels of these.
    #[must_use]
    pub fn and_on(self, labels: &str, other: Self) -> Self {
        self.join(&format!("and on ({labels})"), other)
    }

    /// Those for which there is none on the other side with the same labels of these.
    #[must_use]
    pub fn unless_on(self, labels: &str, other: Self) -> Self {
        self.join(&format!("unless on ({labels})"), other)
    }

    /// These, and those of the other side whose labels are not among them.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.join("or", other)
    }

    /// The text that Prometheus reads.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the expression names.
    pub fn named(&self) -> &[Named] {
        &self.named
    }
}

impl Named {
    /// What is wrong with it by the registry; none if nothing is.
    pub fn fault(&self) -> Option<String> {
        let (label, operator, value) = self.selector?;
        let name = self.metric.name;
        let is_given_to_all = matches!(label, "job" | "instance");
        if !self.metric.has_label(label) {
            return (!is_given_to_all).then(|| format!("{name} has no label {label}"));
        }
        let known = self.metric.values(label);
        let is_pattern = operator != "=";
        let mut words = value.split(|c| is_pattern && c == '|');
        let unknown = words.find(|word| !known.is_empty() && !known.contains(word))?;
        Some(format!("{name}: {label} is never {unknown}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{own, reference};

    #[test]
    fn operators_bind_in_the_order_of_the_calls() {
        let rejected = || series(&reference::RESPONSES_SENT).with("response_type", "rejected");
        let share = rejected().increase("15m").sum_by("job").per(rejected().increase("15m"));
        let many = series(&own::READY).now().is(1.0);
        let expected = "((sum by (job) (increase(stacks_signer_block_responses_sent{response_type=\"rejected\"}[15m])) \
            / increase(stacks_signer_block_responses_sent{response_type=\"rejected\"}[15m])) \
            and on (job) (countersign_ready == 1)) > 0.5";
        assert_eq!(share.and_on("job", many).above(0.5).text(), expected);
        let old = series(&own::BACKUP_TAKEN).now().age().above(60.0);
        assert_eq!(old.text(), "(time() - countersign_backup_timestamp_seconds) > 60");
    }

    #[test]
    fn what_the_registry_lacks_is_found() {
        let fault = |expression: Expr| expression.named().iter().find_map(Named::fault);
        let rung = |value| fault(series(&own::READINESS).with("rung", value).now());
        assert_eq!(rung("deciding"), None);
        assert_eq!(
            rung("dreaming").as_deref(),
            Some("countersign_readiness: rung is never dreaming")
        );
        let states = series(&own::INSTANCE).among("state", "standby|asleep").now();
        assert_eq!(fault(states).as_deref(), Some("countersign_instance: state is never asleep"));
        let label = fault(series(&own::READY).with("rung", "deciding").now());
        assert_eq!(label.as_deref(), Some("countersign_ready has no label rung"));
        assert_eq!(fault(series(&own::READY).with("job", "countersign").now()), None);
    }
}
