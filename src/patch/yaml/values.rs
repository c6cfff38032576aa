//! Edits of values, apart from any text: what an edited text must come to.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Change, Edit, Pointer, Step, YamlError};

/// Pointers at which two values differ, at the deepest places that hold the difference.
pub fn changed(before: &Value, after: &Value) -> BTreeSet<Pointer> {
    let mut found = BTreeSet::new();
    compare(&Pointer::default(), before, after, &mut found);
    found
}

fn compare(at: &Pointer, before: &Value, after: &Value, found: &mut BTreeSet<Pointer>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                one(&at.then(key.as_str()), old.get(key), new.get(key), found);
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for index in 0..old.len().max(new.len()) {
                one(&at.then(index), old.get(index), new.get(index), found);
            }
        }
        (old, new) if old == new => {}
        _ => {
            found.insert(at.clone());
        }
    }
}

fn one(at: &Pointer, before: Option<&Value>, after: Option<&Value>, found: &mut BTreeSet<Pointer>) {
    match (before, after) {
        (Some(before), Some(after)) => compare(at, before, after, found),
        _ => {
            found.insert(at.clone());
        }
    }
}

/// What a change of one place comes to: the deepest place that is there already, and what becomes of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// It is so already.
    None,
    /// The value there becomes this one.
    Value(Pointer, Value),
    /// The mapping there gets this key, or the sequence there this element.
    Add(Pointer, Step, Value),
    /// The mapping or sequence there loses this member.
    Drop(Pointer, Step),
}

/// The step as the container has it: a key of a mapping, an index of a sequence.
fn fitting(container: &Value, step: &Step) -> Option<Step> {
    match (container, step) {
        (Value::Array(_), Step::Key(key)) => match format!("/{key}").parse::<Pointer>().ok()?.0.pop()? {
            Step::Index(index) => Some(Step::Index(index)),
            Step::Key(_) => None,
        },
        (Value::Object(_), Step::Index(index)) => Some(Step::Key(index.to_string())),
        _ => Some(step.clone()),
    }
}

fn member<'v>(container: &'v Value, step: &Step) -> Option<&'v Value> {
    match step {
        Step::Key(key) => container.get(key),
        Step::Index(index) => container.get(index),
    }
}

/// What stands there.
pub(super) fn at<'v>(root: &'v Value, path: &Pointer) -> Option<&'v Value> {
    path.0.iter().try_fold(root, member)
}

fn at_mut<'v>(root: &'v mut Value, path: &Pointer) -> Option<&'v mut Value> {
    path.0.iter().try_fold(root, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(index),
    })
}

/// What an edit comes to.
///
/// # Errors
/// Where its path leads through what is neither mapping nor sequence, or past the end of a sequence.
pub(super) fn effect(root: &Value, edit: &Edit) -> Result<Effect, YamlError> {
    let mut here = Pointer::default();
    let mut value = root;
    for (depth, given) in edit.at.0.iter().enumerate() {
        let rest = &edit.at.0[depth + 1..];
        let no_place = |why: &str| YamlError::NoPlace {
            at: edit.at.clone(),
            why: format!("{} {why}", shown(&here)),
        };
        if value.is_null() {
            let built = |wanted: &Value| {
                Ok(Effect::Value(
                    here.clone(),
                    nested(&edit.at.0[depth..], wanted, &edit.at)?,
                ))
            };
            return match &edit.change {
                Change::Set(wanted) => built(wanted),
                Change::Remove => Ok(Effect::None),
            };
        }
        if !value.is_object() && !value.is_array() {
            return match edit.change {
                Change::Set(_) => Err(no_place("is neither a mapping nor a sequence")),
                Change::Remove => Ok(Effect::None),
            };
        }
        let Some(step) = fitting(value, given) else {
            return Err(no_place("is a sequence, whose elements have numbers"));
        };
        match (member(value, &step), &edit.change) {
            (Some(_), Change::Remove) if rest.is_empty() => return Ok(Effect::Drop(here, step)),
            (Some(inner), _) => value = inner,
            (None, Change::Remove) => return Ok(Effect::None),
            (None, Change::Set(wanted)) => {
                if let (Step::Index(index), Some(items)) = (&step, value.as_array())
                    && *index > items.len()
                {
                    return Err(no_place(&format!("has {} elements", items.len())));
                }
                return Ok(Effect::Add(here, step, nested(rest, wanted, &edit.at)?));
            }
        }
        here.0.push(step);
    }
    match &edit.change {
        Change::Set(wanted) if wanted == value => Ok(Effect::None),
        Change::Set(wanted) => Ok(Effect::Value(here, wanted.clone())),
        Change::Remove => Err(YamlError::NoPlace {
            at: here,
            why: "a whole document is not removed".to_owned(),
        }),
    }
}

/// A value with the parents that these steps name.
fn nested(steps: &[Step], value: &Value, at: &Pointer) -> Result<Value, YamlError> {
    steps.iter().rev().try_fold(value.clone(), |inner, step| match step {
        Step::Key(key) => Ok(Value::Object(Map::from_iter([(key.clone(), inner)]))),
        Step::Index(0) => Ok(Value::Array(vec![inner])),
        Step::Index(_) => Err(YamlError::NoPlace {
            at: at.clone(),
            why: "a sequence begins with element 0".to_owned(),
        }),
    })
}

pub(super) fn shown(path: &Pointer) -> String {
    if path.0.is_empty() {
        "the document".to_owned()
    } else {
        path.to_string()
    }
}

/// Brings an effect about.
pub(super) fn apply(root: &mut Value, effect: &Effect) {
    match effect {
        Effect::None => {}
        Effect::Value(path, wanted) => {
            if let Some(value) = at_mut(root, path) {
                *value = wanted.clone();
            }
        }
        Effect::Add(path, step, wanted) => match (at_mut(root, path), step) {
            (Some(Value::Object(members)), Step::Key(key)) => {
                members.insert(key.clone(), wanted.clone());
            }
            (Some(Value::Array(items)), _) => items.push(wanted.clone()),
            _ => {}
        },
        Effect::Drop(path, step) => match (at_mut(root, path), step) {
            (Some(Value::Object(members)), Step::Key(key)) => {
                members.remove(key);
            }
            (Some(Value::Array(items)), Step::Index(index)) if *index < items.len() => {
                items.remove(*index);
            }
            _ => {}
        },
    }
}
