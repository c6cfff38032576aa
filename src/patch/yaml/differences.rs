//! The fewest and smallest changes of a text by which one value becomes another.

use serde_json::Value;

use super::write::is_filled;
use super::{Pointer, Step};

/// One change of the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operation {
    /// Another value is written in the place of this one.
    Replace(Pointer, Value),
    /// A mapping gets a key at its end, or a sequence an element in front of the one of this number.
    Insert(Pointer, Step, Value),
    /// A mapping or a sequence loses a member.
    Remove(Pointer, Step),
}

/// Pairs of elements are looked for in sequences up to this product of their lengths.
const MOST_PAIRS: usize = 1_000_000;

/// What turns `old` into `new`, in the order in which it is to be done.
pub(super) fn between(at: &Pointer, old: &Value, new: &Value, found: &mut Vec<Operation>) {
    match (old, new) {
        (old, new) if old == new => {}
        (Value::Object(before), Value::Object(after)) if is_filled(old) && is_filled(new) => {
            for (key, value) in after {
                match before.get(key) {
                    Some(old) => between(&at.then(key.as_str()), old, value, found),
                    None => found.push(Operation::Insert(at.clone(), key.as_str().into(), value.clone())),
                }
            }
            let gone = before.keys().filter(|key| !after.contains_key(*key));
            found.extend(gone.map(|key| Operation::Remove(at.clone(), key.as_str().into())));
        }
        (Value::Array(before), Value::Array(after)) if is_filled(old) && is_filled(new) => {
            sequence(at, before, after, found);
        }
        _ => found.push(Operation::Replace(at.clone(), new.clone())),
    }
}

/// Elements that stay what they are are left where they stand; what is between them is replaced in pairs, and the rest added
/// or taken away, from the end, so that the numbers of what is still to be changed stay right.
fn sequence(at: &Pointer, old: &[Value], new: &[Value], found: &mut Vec<Operation>) {
    let mut anchors = common(old, new);
    anchors.push((old.len(), new.len()));
    let mut starts = vec![(0, 0)];
    starts.extend(anchors.iter().map(|(o, n)| (o + 1, n + 1)));
    let mut structure = Vec::new();
    for (start, end) in starts.into_iter().zip(&anchors) {
        let (olds, news) = (start.0..end.0, start.1..end.1);
        let pairs = olds.len().min(news.len());
        for (o, n) in olds.clone().zip(news.clone()) {
            between(&at.then(o), &old[o], &new[n], found);
        }
        for n in news.skip(pairs) {
            structure.push(Operation::Insert(at.clone(), Step::Index(end.0), new[n].clone()));
        }
        for o in olds.skip(pairs) {
            structure.push(Operation::Remove(at.clone(), Step::Index(o)));
        }
        if let (Some(o), Some(n)) = (old.get(end.0), new.get(end.1)) {
            between(&at.then(end.0), o, n, found);
        }
    }
    structure.reverse();
    found.extend(structure);
}

/// Whether two elements are one and the same, perhaps changed: Kubernetes merges lists by these names.
fn same(old: &Value, new: &Value) -> bool {
    let name = |value: &Value| value.get("name").and_then(Value::as_str).map(str::to_owned);
    old == new || name(old).is_some_and(|old| name(new) == Some(old))
}

/// The longest common subsequence, as numbers in both.
fn common(old: &[Value], new: &[Value]) -> Vec<(usize, usize)> {
    let front = old.iter().zip(new).take_while(|(o, n)| same(o, n)).count();
    let (old_rest, new_rest) = (&old[front..], &new[front..]);
    let back = old_rest.iter().rev().zip(new_rest.iter().rev());
    let back = back.take_while(|(o, n)| same(o, n)).count();
    let (rows, columns) = (old_rest.len() - back, new_rest.len() - back);
    let mut pairs: Vec<(usize, usize)> = (0..front).map(|at| (at, at)).collect();
    if rows * columns <= MOST_PAIRS {
        let mut lengths = vec![vec![0_usize; columns + 1]; rows + 1];
        for o in (0..rows).rev() {
            for n in (0..columns).rev() {
                lengths[o][n] = match same(&old_rest[o], &new_rest[n]) {
                    true => lengths[o + 1][n + 1] + 1,
                    false => lengths[o + 1][n].max(lengths[o][n + 1]),
                };
            }
        }
        let (mut o, mut n) = (0, 0);
        while o < rows && n < columns {
            if same(&old_rest[o], &new_rest[n]) {
                pairs.push((front + o, front + n));
                (o, n) = (o + 1, n + 1);
            } else if lengths[o + 1][n] >= lengths[o][n + 1] {
                o += 1;
            } else {
                n += 1;
            }
        }
    }
    let ends = (0..back).map(|at| (old.len() - back + at, new.len() - back + at));
    pairs.extend(ends);
    pairs
}
