//! Which texts of an autoscaler's specification a redacted recording keeps, and how the others read.

use serde_json::Value;

use super::names::Text;
use super::redact::quotations;

/// Members of an autoscaler's specification that are words of the API and no names.
const WORDS: [&str; 8] = [
    "apiVersion",
    "kind",
    "metricType",
    "operator",
    "resource",
    "selectPolicy",
    "timezone",
    "type",
];

/// Hands over the texts of a specification that could name something. Of a query that is what stands in quotes; the rest of it, and
/// the names of metrics, say what is measured.
pub(super) fn specification(key: &str, value: &mut Value, visit: &mut impl FnMut(Text, &mut String)) {
    match value {
        Value::Object(members) => members
            .iter_mut()
            .for_each(|(name, member)| specification(name, member, visit)),
        Value::Array(all) => all.iter_mut().for_each(|one| specification(key, one, visit)),
        Value::String(text) => {
            let is_amount = text.starts_with(|c: char| c.is_ascii_digit());
            let is_metric = matches!(key, "name" | "metricName") && text.contains([':', '_']);
            if WORDS.contains(&key) || is_amount {
            } else if matches!(key, "query" | "formula") {
                quotations(text, visit);
                visit(Text::Prose, text);
            } else if is_metric {
                visit(Text::Prose, text);
            } else {
                visit(Text::Name, text);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
