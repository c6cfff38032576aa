//! Rules of definitions in CEL. What this interpreter does not know, such as Kubernetes' own functions on quantities, is not told.

use std::collections::HashMap;
use std::sync::Arc;

use cel::objects::{Key, Map as Entries};
use cel::{Context, Value};
use serde_json::Value as Json;

use crate::policy::rules::parse;

/// The longest rule that is looked at, bytes.
const LONGEST: usize = 4_096;

/// Whether a rule holds of a value of a schema; `None` where it cannot be told: one on what the value was before, too.
pub(super) fn holds(rule: &str, schema: &Json, value: &Json) -> Option<bool> {
    if rule.len() > LONGEST || rule.contains("oldSelf") {
        return None;
    }
    let mut context = Context::default();
    context.add_variable_from_value("self", of(Some(schema), value));
    told(rule, &context)
}

/// Whether a text matches a pattern.
pub(super) fn matches(text: &str, pattern: &str) -> Option<bool> {
    let mut context = Context::default();
    context.add_variable_from_value("self", text.to_owned());
    context.add_variable_from_value("pattern", pattern.to_owned());
    told("self.matches(pattern)", &context)
}

fn told(expression: &str, context: &Context<'_>) -> Option<bool> {
    match Value::resolve(&parse(expression).ok()?, context) {
        Ok(Value::Bool(holds)) => Some(holds),
        _ => None,
    }
}

/// A value as rules see it: whole numbers are of one kind, and fields of a schema are named as CEL can name them.
fn of(schema: Option<&Json>, value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number
            .as_i64()
            .map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::Int),
        Json::String(text) => text.clone().into(),
        Json::Array(all) => {
            let items = schema.and_then(|schema| schema.get("items"));
            Value::List(Arc::new(all.iter().map(|one| of(items, one)).collect()))
        }
        Json::Object(fields) => {
            let properties = schema.and_then(|schema| schema.get("properties"));
            let others = schema.and_then(|schema| schema.get("additionalProperties"));
            let entry = |(name, value): (&String, &Json)| {
                let own = properties.and_then(|own| own.get(name));
                let key = match own {
                    Some(_) => escaped(name),
                    None => name.clone(),
                };
                (Key::String(Arc::new(key)), of(own.or(others), value))
            };
            let entries: HashMap<Key, Value> = fields.iter().filter(|(_, value)| !value.is_null()).map(entry).collect();
            Value::Map(Entries { map: Arc::new(entries) })
        }
    }
}

/// A field's name as rules write it (kubernetes.io/docs/reference/using-api/cel, "Escaping").
fn escaped(name: &str) -> String {
    const RESERVED: [&str; 20] = [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
    ];
    if RESERVED.contains(&name) || name == "while" {
        return format!("__{name}__");
    }
    let name = name.replace("__", "__underscores__");
    name.replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__")
}
