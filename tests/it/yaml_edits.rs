//! Manifests as people keep them, edited value by value: nothing but what is meant changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use gpuwise::patch::yaml::{Change, Edit, Pointer, Step, YamlError, changed, documents, edit};
use rayon::prelude::*;
use serde_json::{Value, json};

use super::replay::beside;

/// Every file of the repositories that is read, with its documents.
fn manifests() -> Option<Vec<(PathBuf, String, Vec<Value>)>> {
    let folder = beside("GPUWISE_MANIFESTS", "../shared/data")?;
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("gitops-") {
            walk(&path, &mut found);
        }
    }
    found.sort();
    if found.is_empty() {
        println!("not run: {} holds no gitops- repositories", folder.display());
        return None;
    }
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let values = documents(&text);
        (path, text, values)
    };
    let read: Vec<_> = found.into_iter().map(read).collect();
    let refused: Vec<_> = read.iter().filter(|(_, _, values)| values.is_err()).collect();
    for (path, text, values) in &refused {
        let template = matches!(values, Err(YamlError::Template { .. }));
        assert!(template && text.contains("{{"), "{}: {values:?}", path.display());
    }
    println!("{} files, of which {} are templates", read.len(), refused.len());
    let read = read
        .into_iter()
        .filter_map(|(path, text, values)| Some((path, text, values.ok()?)));
    Some(read.collect())
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
            found.push(path);
        }
    }
}

/// Every place of a value.
fn places(at: &Pointer, value: &Value, found: &mut Vec<(Pointer, Value)>) {
    found.push((at.clone(), value.clone()));
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(key, value)| places(&at.then(key.as_str()), value, found)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, value)| places(&at.then(index), value, found)),
        _ => {}
    }
}

type Lines<'t> = (Vec<&'t str>, Vec<&'t str>);

/// Lines that only the one text has, and lines that only the other has, those alike at both ends left out.
fn differing<'t>(before: &'t str, after: &'t str) -> Lines<'t> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.split('\n').collect(), after.split('\n').collect());
    let front = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - front;
    let back = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take(rest)
        .take_while(|(a, b)| a == b)
        .count();
    (
        old[front..old.len() - back].to_vec(),
        new[front..new.len() - back].to_vec(),
    )
}

/// Makes an edit at places of every document that it has one for, evenly spread and no more than `most`, and counts what came
/// of it.
fn each(
    name: &str,
    most: usize,
    made: impl Fn(&Pointer, &Value) -> Option<Edit> + Sync,
    check: impl Fn(&Value, &str, &str) -> Result<(), String> + Sync,
) {
    let Some(files) = manifests() else { return };
    let of_file = |(path, text, values): &(PathBuf, String, Vec<Value>)| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut wrong = Vec::new();
        for (document, root) in values.iter().enumerate() {
            let mut found = Vec::new();
            places(&Pointer::default(), root, &mut found);
            let all: Vec<_> = found
                .into_iter()
                .filter_map(|(at, value)| Some((made(&at, &value)?, value)))
                .collect();
            for (one, value) in all.iter().step_by(all.len().div_ceil(most).max(1)) {
                let (kind, said) = match edit(text, document, std::slice::from_ref(one)) {
                    Ok(after) => {
                        let now = &documents(&after).unwrap()[document];
                        let elsewhere = changed(root, now)
                            .into_iter()
                            .find(|place| !place.0.starts_with(&one.at.0) && !one.at.0.starts_with(&place.0));
                        match (elsewhere, check(value, text, &after)) {
                            (Some(place), _) => ("wrong", format!("{place} changed, too")),
                            (None, Err(why)) => ("wrong", why),
                            (None, Ok(())) => ("made", String::new()),
                        }
                    }
                    Err(YamlError::Shared { .. }) => ("shared", String::new()),
                    Err(error) => ("refused", error.to_string()),
                };
                *counts.entry(kind).or_default() += 1;
                if !said.is_empty() {
                    wrong.push(format!("{} document {document} {}: {said}", path.display(), one.at));
                }
            }
        }
        (counts, wrong)
    };
    let outcomes: Vec<_> = files.par_iter().map(of_file).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (kind, count) in outcomes.iter().flat_map(|(counts, _)| counts) {
        *counts.entry(kind).or_default() += count;
    }
    println!("{name}: {counts:?}");
    let wrong: Vec<String> = outcomes.into_iter().flat_map(|(_, wrong)| wrong).collect();
    assert!(
        wrong.is_empty(),
        "{} edits:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
    assert!(counts.get("made").is_some_and(|made| *made > 100), "{counts:?}");
}

fn another(value: &Value) -> Option<Value> {
    Some(match value {
        Value::String(text) if text.contains('\n') => {
            let (first, rest) = text.split_once('\n')?;
            json!(format!("{first}x\n{rest}"))
        }
        Value::String(text) => json!(format!("{text}x")),
        Value::Bool(value) => json!(!value),
        Value::Number(number) => json!(number.as_f64()? * 4.0 + 1.5),
        Value::Null => json!("new"),
        _ => return None,
    })
}

fn set(at: &Pointer, value: Value) -> Edit {
    Edit {
        at: at.clone(),
        change: Change::Set(value),
    }
}

fn unexpected((old, new): &Lines<'_>) -> String {
    format!("{old:#?} became {new:#?}")
}

fn scalars(most: usize) {
    each(
        "scalars replaced",
        most,
        |at, value| Some(set(at, another(value)?)),
        |_, before, after| match differing(before, after) {
            (old, new) if old.len() == 1 && new.len() == 1 => Ok(()),
            // A text that went over several lines is written in one.
            (old, new) if new.len() == 1 && old[0].trim_start().starts_with("description: ") => Ok(()),
            lines => Err(unexpected(&lines)),
        },
    );
}

fn keys(most: usize) {
    each(
        "keys added",
        most,
        |at, value| value.is_object().then(|| set(&at.then("gpuwise.io/new"), json!("yes"))),
        |value, before, after| match differing(before, after) {
            (old, new)
                if old.is_empty() && new.len() == 1 && new[0].trim_end().ends_with("gpuwise.io/new: \"yes\"") =>
            {
                Ok(())
            }
            // What is empty, or a flow mapping, has no line for it.
            (old, new) if value == &json!({}) && old.len() == 1 && new.len() == 2 => Ok(()),
            (old, new) if old.len() == 1 && old[0].contains('{') && new.len() == 1 => Ok(()),
            lines => Err(unexpected(&lines)),
        },
    );
}

fn elements(most: usize) {
    each(
        "elements added",
        most,
        |at, value| Some(set(&at.then(value.as_array()?.len()), json!("--new"))),
        |value, before, after| match differing(before, after) {
            (old, new) if old.is_empty() && new.len() == 1 && new[0].contains("--new") => Ok(()),
            (old, new) if value == &json!([]) && old.len() == 1 && new.len() == 2 => Ok(()),
            (old, new) if old.len() == 1 && new.len() <= 2 && before.contains('[') => Ok(()),
            lines => Err(unexpected(&lines)),
        },
    );
}

fn removals(most: usize) {
    let shares = |old: &str, new: &str| new.trim_start().starts_with("- ") || new.contains("{}") || old.contains('{');
    each(
        "keys removed",
        most,
        |at, _| {
            matches!(at.0.last()?, Step::Key(_)).then(|| Edit {
                at: at.clone(),
                change: Change::Remove,
            })
        },
        |_, before, after| match differing(before, after) {
            (old, new) if new.is_empty() && !old.is_empty() => Ok(()),
            // It shared its line with a dash, with what was around it as its last, or with the rest of a flow mapping.
            (old, new) if new.len() == 1 && !old.is_empty() && shares(old[0], new[0]) => Ok(()),
            lines => Err(unexpected(&lines)),
        },
    );
}

#[test]
fn a_scalar_of_a_manifest_is_replaced_in_its_own_line() {
    scalars(6);
}

#[test]
fn a_mapping_of_a_manifest_takes_one_more_line() {
    keys(6);
}

#[test]
fn a_sequence_of_a_manifest_takes_one_more_line() {
    elements(4);
}

#[test]
fn a_key_of_a_manifest_goes_and_no_other_line_changes() {
    removals(6);
}

#[test]
#[ignore = "every place of every manifest: minutes"]
fn every_place_of_every_manifest_is_edited() {
    scalars(usize::MAX);
    keys(usize::MAX);
    elements(usize::MAX);
    removals(usize::MAX);
}
