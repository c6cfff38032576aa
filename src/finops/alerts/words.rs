//! What alerts say: templates as Prometheus fills them in, and the same filled in here, so that tests know what must come of them.

use std::collections::BTreeMap;

/// A rule's words.
pub(super) struct Text {
    /// One line.
    pub(super) summary: String,
    /// What it means.
    pub(super) means: String,
    /// What to do.
    pub(super) runbook: String,
}

/// The value as a whole number.
pub(super) const WHOLE: &str = r#"{{ printf "%.0f" $value }}"#;

/// The value with one digit behind the point.
pub(super) const TENTHS: &str = r#"{{ printf "%.1f" $value }}"#;

/// A label of the alert.
pub(super) fn label(name: &str) -> String {
    format!("{{{{ $labels.{name} }}}}")
}

/// A text that is not ours, which must not be read as a template.
pub(super) fn literal(text: &str) -> String {
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    one_line.replace("{{", "{ {").replace("}}", "} }")
}

/// The text as Prometheus fills it in.
pub(super) fn filled(text: &str, labels: &BTreeMap<String, String>, value: f64) -> String {
    let mut text = text
        .replace(WHOLE, &format!("{value:.0}"))
        .replace(TENTHS, &format!("{value:.1}"));
    for (name, value) in labels {
        text = text.replace(&label(name), value);
    }
    text
}

/// An amount as thresholds are written: no more digits than it has, and none that only computing has added (`0.57 * 100`).
pub(super) fn amount(value: f64) -> String {
    let rounded = format!("{value:.13e}").parse::<f64>().unwrap_or(value);
    format!("{rounded}")
}

/// A share as a percentage.
pub(super) fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    format!("{} %", text.trim_end_matches(".0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_digits_that_they_were_given() {
        let told = [0.57 * 100.0, 0.1 + 0.2, 500_000.0, 1e12, 0.01, 1234.56].map(amount);
        assert_eq!(told, ["57", "0.3", "500000", "1000000000000", "0.01", "1234.56"]);
    }
}
