//! Custom kinds, by the structural schema of their CustomResourceDefinition
//! (kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions): types, bounds, fields, and rules in CEL.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::cel;

/// The schema of one version of a kind.
pub(super) struct Definition<'d> {
    schema: &'d Value,
}

/// How deep schemas and objects may be.
const DEEPEST: usize = 64;

impl<'d> Definition<'d> {
    /// That of an object's kind and version, if this definition is about it.
    pub(super) fn of(definition: &'d Value, object: &Value) -> Option<Self> {
        let text = |value: &'d Value, path: &str| value.pointer(path).and_then(Value::as_str);
        let (group, version) = object.get("apiVersion")?.as_str()?.split_once('/')?;
        let is_kind = text(definition, "/spec/names/kind") == object.get("kind")?.as_str();
        if text(definition, "/spec/group") != Some(group) || !is_kind {
            return None;
        }
        let versions = definition.pointer("/spec/versions")?.as_array()?;
        let own = versions.iter().find(|one| text(one, "/name") == Some(version))?;
        Some(Self {
            schema: own.pointer("/schema/openAPIV3Schema")?,
        })
    }

    /// What the schema does not allow.
    pub(super) fn faults(&self, object: &Value) -> BTreeSet<String> {
        let mut faults = BTreeSet::new();
        let mut walk = Walk {
            faults: &mut faults,
            strict: true,
            depth: 0,
        };
        walk.value(self.schema, object, "");
        faults
    }
}

struct Walk<'f> {
    faults: &'f mut BTreeSet<String>,
    /// Whether fields that the schema does not name are faults: not within `anyOf` and its like, which name a part only.
    strict: bool,
    depth: usize,
}

impl Walk<'_> {
    fn fault(&mut self, path: &str, what: impl std::fmt::Display) {
        let path = path.trim_start_matches('.');
        self.faults
            .insert(format!("{}: {what}", if path.is_empty() { "it" } else { path }));
    }

    fn value(&mut self, schema: &Value, value: &Value, path: &str) {
        // Null is dropped before anything is looked at.
        if value.is_null() || self.depth > DEEPEST {
            return;
        }
        self.depth += 1;
        let is_either = schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true));
        let fits = match schema.get("type").and_then(Value::as_str) {
            _ if is_either => value.is_string() || value.is_i64() || value.is_u64(),
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            _ => true,
        };
        if fits {
            self.plain(schema, value, path);
            match value {
                Value::Object(fields) => self.fields(schema, fields, path),
                Value::Array(all) => {
                    self.size(schema, ("minItems", "maxItems"), all.len(), path);
                    for (index, one) in all.iter().enumerate() {
                        let of = schema.get("items").unwrap_or(&Value::Null);
                        self.value(of, one, &format!("{path}[{index}]"));
                    }
                }
                _ => {}
            }
            self.combined(schema, value, path);
            self.rules(schema, value, path);
        } else {
            let wanted = schema
                .get("type")
                .and_then(Value::as_str)
                .unwrap_or("integer or string");
            self.fault(path, format_args!("must be of type {wanted}"));
        }
        self.depth -= 1;
    }

    fn size(&mut self, schema: &Value, (least, most): (&str, &str), size: usize, path: &str) {
        let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
        if bound(least).is_some_and(|least| (size as u64) < least) {
            self.fault(
                path,
                format_args!("must have {} at least", bound(least).unwrap_or_default()),
            );
        }
        if bound(most).is_some_and(|most| (size as u64) > most) {
            self.fault(
                path,
                format_args!("must have {} at most", bound(most).unwrap_or_default()),
            );
        }
    }

    fn plain(&mut self, schema: &Value, value: &Value, path: &str) {
        let allowed = schema.get("enum").and_then(Value::as_array);
        if allowed.is_some_and(|allowed| !allowed.contains(value)) {
            self.fault(path, format_args!("{value} is none of those that are allowed"));
        }
        if let Some(text) = value.as_str() {
            self.size(schema, ("minLength", "maxLength"), text.chars().count(), path);
            let pattern = schema.get("pattern").and_then(Value::as_str);
            if let Some(pattern) = pattern.filter(|pattern| cel::matches(text, pattern) == Some(false)) {
                self.fault(path, format_args!("must match {pattern}"));
            }
        }
        if let Some(number) = value.as_f64() {
            let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
            let excluded = |name: &str| schema.get(name) == Some(&Value::Bool(true));
            let below = |least: f64| number < least || (excluded("exclusiveMinimum") && number <= least);
            let above = |most: f64| number > most || (excluded("exclusiveMaximum") && number >= most);
            if let Some(least) = bound("minimum").filter(|least| below(*least)) {
                self.fault(path, format_args!("must be {least} or more"));
            }
            if let Some(most) = bound("maximum").filter(|most| above(*most)) {
                self.fault(path, format_args!("must be {most} or less"));
            }
        }
    }

    fn fields(&mut self, schema: &Value, fields: &Map<String, Value>, path: &str) {
        self.size(schema, ("minProperties", "maxProperties"), fields.len(), path);
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if fields.get(name).is_none_or(Value::is_null) {
                self.fault(path, format_args!("{name} is missing"));
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema
            .get("additionalProperties")
            .filter(|others| **others != Value::Bool(false));
        let keeps = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
        for (name, value) in fields {
            // What every object has is not for its definition to say.
            if path.is_empty() && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
                continue;
            }
            let path = format!("{path}.{name}");
            match (properties.and_then(|own| own.get(name)), others) {
                (Some(schema), _) | (None, Some(schema)) => self.value(schema, value, &path),
                (None, None) if self.strict && !keeps && properties.is_some() => self.fault(&path, "is no field of it"),
                (None, None) => {}
            }
        }
    }

    /// How many of these are met.
    fn met(&mut self, schemas: &Value, value: &Value, path: &str) -> usize {
        let all = schemas.as_array().into_iter().flatten();
        all.filter(|schema| self.told(schema, value, path).is_empty()).count()
    }

    fn told(&mut self, schema: &Value, value: &Value, path: &str) -> BTreeSet<String> {
        let mut faults = BTreeSet::new();
        let mut walk = Walk {
            faults: &mut faults,
            strict: false,
            depth: self.depth,
        };
        walk.value(schema, value, path);
        faults
    }

    fn combined(&mut self, schema: &Value, value: &Value, path: &str) {
        for one in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            let faults = self.told(one, value, path);
            self.faults.extend(faults);
        }
        if schema.get("anyOf").is_some_and(|all| self.met(all, value, path) == 0) {
            self.fault(path, "is none of what is allowed");
        }
        if schema.get("oneOf").is_some_and(|all| self.met(all, value, path) != 1) {
            self.fault(path, "must be exactly one of what is allowed");
        }
        if schema
            .get("not")
            .is_some_and(|not| self.told(not, value, path).is_empty())
        {
            self.fault(path, "is what is not allowed");
        }
    }

    fn rules(&mut self, schema: &Value, value: &Value, path: &str) {
        let rules = schema.get("x-kubernetes-validations").and_then(Value::as_array);
        for rule in rules.into_iter().flatten() {
            let Some(text) = rule.get("rule").and_then(Value::as_str) else {
                continue;
            };
            if cel::holds(text, schema, value) == Some(false) {
                let message = rule.get("message").and_then(Value::as_str).unwrap_or(text);
                self.fault(path, message);
            }
        }
    }
}
