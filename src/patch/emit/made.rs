//! Edits made in a value, so that the next move sees them, and brought to a form in which their order does not matter.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::patch::podspec::at;
use crate::patch::yaml::{Change, Edit, Pointer, Step};

/// Makes an edit.
pub(in crate::patch) fn make(object: &mut Value, edit: &Edit) {
    let Some((last, parents)) = edit.at.0.split_last() else {
        return;
    };
    let mut here = object;
    for step in parents {
        if here.is_null() {
            *here = Value::Object(Map::new());
        }
        let next = match (here, step) {
            (Value::Object(fields), Step::Key(key)) => Some(fields.entry(key.clone()).or_insert(Value::Null)),
            (Value::Array(list), Step::Index(index)) => list.get_mut(*index),
            _ => None,
        };
        let Some(next) = next else { return };
        here = next;
    }
    if here.is_null() {
        *here = Value::Object(Map::new());
    }
    match (here, last, &edit.change) {
        (Value::Object(fields), Step::Key(key), Change::Set(value)) => _ = fields.insert(key.clone(), value.clone()),
        (Value::Object(fields), Step::Key(key), Change::Remove) => _ = fields.remove(key),
        (Value::Array(list), Step::Index(index), Change::Set(value)) if *index < list.len() => {
            list[*index] = value.clone()
        }
        (Value::Array(list), Step::Index(_), Change::Set(value)) => list.push(value.clone()),
        (Value::Array(list), Step::Index(index), Change::Remove) if *index < list.len() => _ = list.remove(*index),
        _ => {}
    }
}

/// Lists to which several edits are made, of which one moves elements: they become one edit of the whole list.
pub(super) fn settled(before: &Value, after: &Value, edits: Vec<Edit>) -> Vec<Edit> {
    let length = |list: &Pointer| at(before, list).and_then(Value::as_array).map(Vec::len);
    let list_of = |edit: &Edit| match edit.at.0.split_last() {
        Some((Step::Index(index), list)) => {
            let list = Pointer(list.to_vec());
            let appends = length(&list).is_some_and(|length| *index >= length);
            Some((list, appends))
        }
        _ => length(&edit.at).map(|_| (edit.at.clone(), true)),
    };
    let moved: Vec<(Pointer, bool)> = edits.iter().filter_map(list_of).collect();
    let several = |list: &Pointer| moved.iter().filter(|(own, _)| own == list).count() > 1;
    let lists: BTreeSet<Pointer> = moved
        .iter()
        .filter(|(list, moves)| *moves && several(list))
        .map(|(list, _)| list.clone())
        .collect();
    let within = |edit: &Edit| lists.iter().any(|list| edit.at.0.starts_with(&list.0));
    let mut settled: Vec<Edit> = edits.into_iter().filter(|edit| !within(edit)).collect();
    for list in &lists {
        if let Some(value) = at(after, list) {
            settled.push(Edit {
                at: list.clone(),
                change: Change::Set(value.clone()),
            });
        }
    }
    settled
}
