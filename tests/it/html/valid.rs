//! Whether a page is well formed: every element closed in its turn, every id once, every reference to something that is there.

use std::collections::BTreeSet;

/// Elements without an end.
const VOID: [&str; 5] = ["meta", "br", "input", "col", "hr"];

/// Panics where it is not.
pub(super) fn check(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut ids: BTreeSet<&str> = BTreeSet::new();
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap();
    while let Some(at) = rest.find('<') {
        let end = at + rest[at..].find('>').unwrap();
        let (tag, after) = (&rest[at + 1..end], &rest[end + 1..]);
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed out of turn");
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        for (key, value) in parsed(attributes) {
            match key {
                "id" => assert!(ids.insert(value), "{value} stands twice"),
                "href" => wanted.extend(value.strip_prefix('#')),
                "aria-labelledby" | "aria-describedby" | "for" | "data-list" => wanted.extend(value.split(' ')),
                "style" => panic!("a style within an element: {tag}"),
                key => assert!(!key.starts_with("on"), "{tag}"),
            }
        }
        if matches!(name, "style" | "script") {
            let close = format!("</{name}>");
            rest = rest.split_once(&close).unwrap().1;
        } else if !VOID.contains(&name) && !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    let lost: Vec<&&str> = wanted.difference(&ids).collect();
    assert!(lost.is_empty(), "nothing is there for {lost:?}");
    let levels = page
        .split("<h")
        .skip(1)
        .filter_map(|rest| rest.chars().next()?.to_digit(10));
    assert_eq!(levels.filter(|level| *level == 1).count(), 1, "one heading of the page");
}

/// The attributes of a tag, which are all quoted or have no value.
fn parsed(mut text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    text = text.trim_end_matches('/');
    while !text.trim().is_empty() {
        text = text.trim_start();
        let name_ends = text.find(['=', ' ']).unwrap_or(text.len());
        let (name, rest) = text.split_at(name_ends);
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let (value, after) = quoted.split_once('"').unwrap_or_else(|| panic!("not closed: {text}"));
            found.push((name, value));
            text = after;
        } else {
            found.push((name, ""));
            text = rest;
        }
    }
    found
}
