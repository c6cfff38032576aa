//! What edits do to texts: nothing but what is meant.

mod blocks;
mod flows;
mod generated;
mod reading;
mod removals;
mod scalars;
mod shared;

use serde_json::{Value, json};

use super::*;

/// One edit, its path as a JSON pointer; without a value a removal.
fn change(at: &str, value: Option<Value>) -> Edit {
    Edit {
        at: at.parse().unwrap(),
        change: value.map_or(Change::Remove, Change::Set),
    }
}

fn set(text: &str, at: &str, value: Value) -> Result<String, YamlError> {
    edit(text, 0, &[change(at, Some(value))])
}

fn remove(text: &str, at: &str) -> Result<String, YamlError> {
    edit(text, 0, &[change(at, None)])
}

/// Cases of: text, place, value, text as it must be.
#[track_caller]
fn sets(cases: &[(&str, &str, Value, &str)]) {
    for (before, at, value, after) in cases {
        assert_eq!(
            set(before, at, value.clone()).as_deref(),
            Ok(*after),
            "{at} of\n{before}"
        );
        let windows = |text: &str| text.replace('\n', "\r\n");
        let edited = set(&windows(before), at, value.clone());
        if before.contains('\n') {
            assert_eq!(edited, Ok(windows(after)), "{at} with CRLF of\n{before}");
        }
        let marked = format!("\u{feff}{before}");
        assert_eq!(
            set(&marked, at, value.clone()),
            Ok(format!("\u{feff}{after}")),
            "{at} behind a BOM"
        );
        second(before, after, &change(at, Some(value.clone())));
    }
}

/// Cases of: text, place, text as it must be without it.
#[track_caller]
fn removes(cases: &[(&str, &str, &str)]) {
    for (before, at, after) in cases {
        assert_eq!(remove(before, at).as_deref(), Ok(*after), "{at} of\n{before}");
        let windows = |text: &str| text.replace('\n', "\r\n");
        assert_eq!(
            remove(&windows(before), at),
            Ok(windows(after)),
            "{at} with CRLF of\n{before}"
        );
        second(before, after, &change(at, None));
    }
}

/// The same in the second of three documents.
#[track_caller]
fn second(before: &str, after: &str, edit: &Edit) {
    if !before.ends_with('\n') || before.starts_with("%") {
        return;
    }
    let between = |text: &str| format!("# first\nx: {{y: 1}} # one\n---\n{text}---\n# third\nz: |+\n  t\n\n");
    assert_eq!(
        super::edit(&between(before), 1, std::slice::from_ref(edit)),
        Ok(between(after)),
        "{} as second document",
        edit.at
    );
}
