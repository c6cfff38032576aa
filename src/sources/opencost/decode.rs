//! The answers of OpenCost: an envelope with a code of its own, and sets of entries with holes in them.
//!
//! Shape: `{"code", "status", "data": {key: entry} | [{key: entry}], "message", "warning"}`. A set, an entry and any figure may
//! be null: the server sends null for NaN and infinity.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::Value;

use super::allocation::Properties;

/// Why a body is no answer.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It ends early.
    #[error("its JSON has no end")]
    Truncated,
    /// It is of another kind.
    #[error("{0}")]
    Malformed(String),
    /// The code and the message within an answer of status 200.
    #[error("it failed ({0}): {1}")]
    Code(u16, String),
}

/// An asset: a node, a volume, a load balancer, ...
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Asset {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) properties: Option<Properties>,
    pub(super) labels: Option<BTreeMap<String, Value>>,
    pub(super) start: Option<String>,
    pub(super) end: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(super) minutes: Option<f64>,
    pub(super) node_type: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(super) gpu_count: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(super) preemptible: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(super) discount: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(super) adjustment: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(super) total_cost: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(super) cpu_core_hours: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(super) ram_byte_hours: Option<f64>,
    #[serde(rename = "GPUHours", deserialize_with = "number")]
    pub(super) gpu_hours: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(super) cpu_cost: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(super) ram_cost: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(super) gpu_cost: Option<f64>,
}

/// A figure, or nothing: what is not finite is no figure, and some versions quote theirs.
pub(super) fn number<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
    let figure = match Value::deserialize(input)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        Value::Bool(yes) => Some(f64::from(u8::from(yes))),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    Ok(figure.filter(|figure: &f64| figure.is_finite()))
}

/// The entries of all sets, nulls left out.
pub(super) fn sets<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<(String, T)>, BodyError> {
    #[derive(Deserialize)]
    struct Answer<T> {
        #[serde(default = "Sets::none")]
        data: Sets<T>,
    }
    let code: Code = serde_json::from_slice(body).map_err(malformed)?;
    let message = code.message.unwrap_or_else(|| "no message".to_owned());
    match code.code {
        Some(200) => {}
        Some(code) => return Err(BodyError::Code(code, brief(&message))),
        None => return Err(BodyError::Malformed("it has no `code`".to_owned())),
    }
    let answer: Answer<T> = serde_json::from_slice(body).map_err(malformed)?;
    Ok(answer.data.0)
}

/// Whether this is OpenCost's envelope, whatever it says.
pub(super) fn has_code(body: &[u8]) -> bool {
    serde_json::from_slice::<Code>(body).is_ok_and(|answer| answer.code.is_some())
}

#[derive(Deserialize)]
struct Code {
    code: Option<u16>,
    message: Option<String>,
}

struct Sets<T>(Vec<(String, T)>);

impl<T> Sets<T> {
    fn none() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sets<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(SetsVisitor(PhantomData))
    }
}

struct SetsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SetsVisitor<T> {
    type Value = Sets<T>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a set, or a list of sets")
    }
    fn visit_unit<E: de::Error>(self) -> Result<Sets<T>, E> {
        Ok(Sets::none())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Sets<T>, A::Error> {
        let mut all = Sets::none();
        while let Some(Sets(mut entries)) = list.next_element()? {
            all.0.append(&mut entries);
        }
        Ok(all)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sets<T>, A::Error> {
        let mut all = Sets::none();
        while let Some((key, entry)) = map.next_entry::<String, Option<T>>()? {
            all.0.extend(entry.map(|entry| (key, entry)));
        }
        Ok(all)
    }
}

fn malformed(error: serde_json::Error) -> BodyError {
    if error.classify() == serde_json::error::Category::Eof {
        return BodyError::Truncated;
    }
    BodyError::Malformed(error.to_string())
}

/// Whether a body is a page rather than an answer.
pub(super) fn is_html(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

/// What a failed answer says, in JSON or plainly.
pub(super) fn message(body: &[u8]) -> String {
    let code: Option<Code> = serde_json::from_slice(body).ok();
    let said = code.and_then(|answer| answer.message);
    brief(&said.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned()))
}

fn brief(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.is_empty() => "no message".to_owned(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_with_holes_are_read_around_them() {
        for data in [
            "null",
            "[]",
            "{}",
            "[null]",
            "[{}]",
            r#"[{"a": null}, null]"#,
            r#"{"a": null}"#,
        ] {
            let body = format!(r#"{{"code": 200, "data": {data}}}"#);
            assert!(sets::<Asset>(body.as_bytes()).unwrap().is_empty(), "{data}");
        }
        let body = br#"{"code": 200, "data": [{"a": {"totalCost": null, "minutes": "NaN", "gpuCount": "8"}}, null]}"#;
        let entries = sets::<Asset>(body).unwrap();
        assert_eq!((entries[0].1.total_cost, entries[0].1.minutes), (None, None));
        assert_eq!(entries[0].1.gpu_count, Some(8.0));
    }

    #[test]
    fn what_is_no_answer_says_why() {
        let error = |body: &str| sets::<Asset>(body.as_bytes()).unwrap_err();
        assert!(matches!(error(r#"{"code": 200, "data": [{"#), BodyError::Truncated));
        assert!(matches!(error(r#"{"data": []}"#), BodyError::Malformed(_)));
        assert!(matches!(error(r#"{"code": 200, "data": 5}"#), BodyError::Malformed(_)));
        let failed = error(r#"{"code": 500, "status": "error", "message": "no\n prometheus", "data": "x"}"#);
        assert!(matches!(failed, BodyError::Code(500, message) if message == "no prometheus"));
    }
}
