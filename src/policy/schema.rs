//! The JSON Schema of a policy, from the reading itself: what the reader asks for is written down while a policy with a row of
//! every kind is read, so that there is no second truth.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::located::{Located, Value, parse};
use super::rules::{Kind, VARIABLES};
use super::{DEFAULT, DEFAULT_NAME};

/// A policy in which every list of rows has one, so that their keys are asked for.
pub const EXEMPLAR: &str = "\
attribution:
  codeowners: CODEOWNERS
  manifests: [{path: a}]
objectives:
  latency: [{ttft_p95: 2s}]
patches:
  values: [{names: [a], file: a}]
budgets: [{name: a, monthly: 1}]
permissions:
  freezes: [{name: a, until: 2026-01-01}]
  rules: [{name: a, expression: 'true', message: a}]
prices:
  rows: [{gpu: L40S, hourly: 1}]
  commitments: [{name: a, kind: credits, gpu: L40S, until: 2026-01-01}]
";

/// What the reader asks for at a key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Section,
    Number(f64, f64),
    Bool,
    Text,
    Texts,
    TextMap,
    NumberMap,
    List,
}

/// A key, and whether it must be there.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    shape: Shape,
    required: bool,
}

thread_local! {
    /// Written to while a schema is made, and by nobody else.
    static ASKED: RefCell<Option<BTreeMap<String, Asked>>> = const { RefCell::new(None) };
}

/// Notes that a key is asked for.
pub(super) fn asks(path: &str, shape: Shape, required: bool) {
    ASKED.with_borrow_mut(|asked| {
        if let Some(asked) = asked {
            asked.insert(path.to_owned(), Asked { shape, required });
        }
    });
}

/// The schema of what `read` asks for. It must read [`EXEMPLAR`] on this thread.
pub fn schema_of(read: impl FnOnce()) -> Json {
    ASKED.set(Some(BTreeMap::new()));
    read();
    let asked = ASKED.take().unwrap_or_default();
    let mut root = object("", &asked, &descriptions(), false);
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("A policy of gpuwise");
    root
}

/// The keys right below a path.
fn below<'k>(path: &'k str, asked: &'k BTreeMap<String, Asked>) -> impl Iterator<Item = (&'k str, &'k Asked)> {
    asked.iter().filter_map(move |(key, asked)| {
        let name = if path.is_empty() {
            key.as_str()
        } else {
            key.strip_prefix(path)?.strip_prefix('.')?
        };
        (!name.is_empty() && !name.contains('.')).then_some((name, asked))
    })
}

fn object(path: &str, asked: &BTreeMap<String, Asked>, said: &BTreeMap<String, String>, is_row: bool) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, own) in below(path, asked) {
        let full = if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        };
        let mut node = node(&full, own, asked, said);
        if let Some(description) = said.get(&full) {
            node["description"] = json!(description);
        }
        properties.insert(name.to_owned(), node);
        if is_row && own.required {
            required.push(name);
        }
    }
    let mut object = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn node(path: &str, own: &Asked, asked: &BTreeMap<String, Asked>, said: &BTreeMap<String, String>) -> Json {
    let or_nothing = |kind: &str| {
        if own.required {
            json!(kind)
        } else {
            json!([kind, "null"])
        }
    };
    match own.shape {
        Shape::Section => object(path, asked, said, false),
        Shape::Number(least, most) => json!({"type": or_nothing("number"), "minimum": least, "maximum": most}),
        Shape::Bool => json!({"type": or_nothing("boolean")}),
        Shape::Text => json!({"type": or_nothing("string")}),
        Shape::Texts => json!({"type": ["array", "null"], "items": {"type": "string"}}),
        Shape::TextMap => json!({"type": ["object", "null"], "additionalProperties": {"type": "string"}}),
        Shape::NumberMap => {
            json!({"type": ["object", "null"], "additionalProperties": {"type": "number", "minimum": 0}})
        }
        // Of rows that the exemplar has none of, nothing is known.
        Shape::List if below(path, asked).next().is_none() => json!({"type": ["array", "null"]}),
        Shape::List => json!({"type": ["array", "null"], "items": object(path, asked, said, true)}),
    }
}

/// What the comments above each key of the defaults say, and what a rule may ask about.
fn descriptions() -> BTreeMap<String, String> {
    let mut said = BTreeMap::new();
    if let Ok(root) = parse(DEFAULT_NAME, DEFAULT) {
        let lines: Vec<&str> = DEFAULT.lines().collect();
        describe("", &root, &lines, &mut said);
    }
    said.insert("permissions.rules.expression".to_owned(), variables());
    said
}

fn describe(path: &str, node: &Located, lines: &[&str], said: &mut BTreeMap<String, String>) {
    let Value::Map(entries) = &node.value else { return };
    for (key, place, value) in entries {
        let full = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        let above = lines[..usize::try_from(place.line)
            .unwrap_or(1)
            .saturating_sub(1)
            .min(lines.len())]
            .iter()
            .rev();
        let mut comment: Vec<&str> = above
            .map_while(|line| line.trim_start().strip_prefix('#'))
            .map(str::trim)
            .collect();
        comment.reverse();
        if !comment.is_empty() {
            said.insert(full.clone(), comment.join(" "));
        }
        describe(&full, value, lines, said);
    }
}

fn variables() -> String {
    let kind = |kind: Kind| match kind {
        Kind::Bool => "bool".to_owned(),
        Kind::Whole => "int".to_owned(),
        Kind::Number => "double".to_owned(),
        Kind::Text | Kind::Lever => "string".to_owned(),
        Kind::Word(words) => format!("string, one of {}", words.join(", ")),
        Kind::Words(words) => format!("list of {}", words.join(", ")),
        Kind::Texts => "list of string".to_owned(),
        Kind::Labels => "map of string to string".to_owned(),
    };
    let mut text = "CEL that must be true of a change, over:".to_owned();
    for variable in VARIABLES {
        for field in variable.fields {
            let may = if field.optional {
                "; may be missing, ask has() first"
            } else {
                ""
            };
            let (name, about) = (variable.name, field.about);
            text.push_str(&format!("\n{name}.{} ({}{may}): {about}", field.name, kind(field.kind)));
        }
    }
    text
}
