//! Manifests as people keep them, edited value by value: nothing but what is meant changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use gpuwise::patch::yaml::{Change, Edit, Pointer, YamlError, changed, documents, edit};
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
        println!("not run: {} holds no manifests", folder.display());
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

/// Lines that only the one text has, and lines that only the other has, those alike at both ends left out.
fn differing<'t>(before: &'t str, after: &'t str) -> (Vec<&'t str>, Vec<&'t str>) {
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

/// Makes an edit at every place that it has one for, and counts what came of it.
fn each(
    name: &str,
    made: impl Fn(&Pointer, &Value) -> Option<Change> + Sync,
    check: impl Fn(&Value, &str, &str) -> Result<(), String> + Sync,
) {
    let Some(files) = manifests() else { return };
    let of_file = |(path, text, values): &(PathBuf, String, Vec<Value>)| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut wrong = Vec::new();
        for (document, root) in values.iter().enumerate() {
            let mut found = Vec::new();
            places(&Pointer::default(), root, &mut found);
            for (at, value) in found {
                let Some(change) = made(&at, &value) else { continue };
                let one = Edit { at, change };
                let (kind, said) = match edit(text, document, std::slice::from_ref(&one)) {
                    Ok(after) => {
                        let now = &documents(&after).unwrap()[document];
                        let elsewhere = changed(root, now)
                            .into_iter()
                            .find(|place| !place.0.starts_with(&one.at.0) && !one.at.0.starts_with(&place.0));
                        match (elsewhere, check(&value, text, &after)) {
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

#[test]
fn every_scalar_of_a_manifest_is_replaced_in_its_own_line() {
    each(
        "scalars replaced",
        |_, value| another(value).map(Change::Set),
        |_, before, after| match differing(before, after) {
            (old, new) if old.len() == 1 && new.len() == 1 => Ok(()),
            (old, new) => Err(format!("{old:#?} became {new:#?}")),
        },
    );
}

#[test]
fn every_mapping_of_a_manifest_takes_one_more_line() {
    each(
        "keys added",
        |at, value| {
            let new = at.then("gpuwise.io/new").0;
            (value.is_object()).then_some(())?;
            let _ = new;
            None
        },
        |_, _, _| Ok(()),
    );
}
