//! A metric of the cluster as PromQL uses it: with its matchers, and with its labels under the names by which all metrics are joined.

use crate::model::metrics::{MetricFact, MetricRole};

/// What series are joined and told apart by; each has one name in every expression, whatever the exporter calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Node,
    Namespace,
    Pod,
    Device,
}

impl Key {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Namespace => "namespace",
            Self::Pod => "pod",
            Self::Device => "UUID",
        }
    }
}

/// A window that is looked at in steps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// Range and step, as PromQL writes them.
    pub(super) text: &'static str,
    /// Steps in it.
    pub(super) points: usize,
}

impl Window {
    pub(super) const fn new(text: &'static str, points: usize) -> Self {
        Self { text, points }
    }

    /// The mean of an expression over it, where the store holds nine tenths of its points: `avg_over_time` is the mean of whatever there
    /// is, and minutes are not told as days. `known` has a value whenever the expression has, and is shorter. It is no sum, because a range that ends on a step holds one point more in Prometheus 2 than
    /// in Prometheus 3 and VictoriaMetrics.
    pub(super) fn mean(self, expr: &str, known: &str) -> String {
        let Self { text, points } = self;
        format!(
            "(avg_over_time({expr}[{text}]) and count_over_time({known}[{text}]) >= {})",
            points * 9 / 10
        )
    }
}

/// A metric that has series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metric<'f> {
    pub(super) fact: &'f MetricFact,
    pub(super) within: &'f str,
}

impl<'f> Metric<'f> {
    /// Its series, of this cluster alone, narrowed by matchers of our own.
    pub(super) fn selector(&self, own: &str) -> String {
        let parts = [self.fact.matcher.as_str(), own, self.within];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        match parts.is_empty() {
            true => self.fact.name.clone(),
            false => format!("{}{{{}}}", self.fact.name, parts.join(",")),
        }
    }

    /// Its labels that hold a key, the one that counts first.
    pub(super) fn labels_of(&self, key: Key) -> Vec<&'f str> {
        let pod = self.fact.pod.as_ref();
        match key {
            Key::Node => self.fact.node.iter().map(String::as_str).collect(),
            Key::Namespace => pod.map(|pod| pod.namespace.as_str()).into_iter().collect(),
            Key::Pod => pod.map(|pod| pod.name.as_str()).into_iter().collect(),
            Key::Device => self.fact.device.as_deref().into_iter().collect(),
        }
    }

    /// The largest value by these keys of what is computed of its series: several scrapers, exporters and containers tell the same.
    pub(super) fn by(&self, keys: &[Key], computed: &str) -> String {
        self.by_also(keys, None, computed)
    }

    /// What any of several metrics tells by these keys.
    pub(super) fn any_by(metrics: &[Self], keys: &[Key]) -> String {
        let all = metrics.iter().map(|metric| metric.by(keys, &metric.selector("")));
        let all: Vec<String> = all.collect();
        match &all[..] {
            [one] => one.clone(),
            several => format!("({})", several.join("\n  or ")),
        }
    }

    /// The same by these keys and a further label under its own name.
    pub(super) fn by_also(&self, keys: &[Key], also: Option<&str>, computed: &str) -> String {
        let names = keys.iter().map(|key| key.name()).chain(also);
        let names: Vec<&str> = names.collect();
        format!("max by ({}) ({})", names.join(", "), self.renamed(keys, computed))
    }

    /// With each key under its own name. A label that counts is written last, over the others.
    fn renamed(&self, keys: &[Key], computed: &str) -> String {
        let mut text = computed.to_owned();
        for key in keys {
            let labels = self.labels_of(*key);
            for label in labels.iter().rev().filter(|label| **label != key.name()) {
                text = format!(r#"label_replace({text}, "{}", "$1", "{label}", "(.+)")"#, key.name());
            }
        }
        text
    }

    /// A share (0 to 1) in its unit.
    pub(super) fn of_share(&self, share: f64) -> f64 {
        match self.fact.role {
            MetricRole::GpuUtil => share * 100.0,
            _ => share,
        }
    }
}

/// A text as a string of PromQL.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A pattern (RE2) that matches just these texts.
pub(super) fn any_of(texts: &[String]) -> String {
    let escaped = |text: &String| -> String {
        let mut escaped = String::new();
        for c in text.chars() {
            if c.is_ascii_punctuation() && c != '-' && c != '_' {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        escaped
    };
    let all: Vec<String> = texts.iter().map(escaped).collect();
    quoted(&all.join("|"))
}
