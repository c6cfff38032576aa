//! The documents of a stream as values, as those who apply them read them.

use granit_parser::{Event, Parser, ScalarStyle, options};
use serde_json::Value;
use serde_saphyr::{budget, options as reading};

use super::YamlError;

/// The largest text that is read, in bytes: a hundred times the largest manifest that Kubernetes takes.
pub const MOST_BYTES: usize = 64 * 1024 * 1024;

/// How the parser reads here: comments are found where they are needed, and there may be many of them.
pub(super) fn parser(text: &str) -> Parser<'_, granit_parser::StrInput<'_>> {
    let mut options = options! { emit_anchor_events: true };
    options.set_emit_comments(false);
    Parser::new_from_str_with_options(text, options)
}

/// The documents of a stream, as values, in order.
///
/// What Kubernetes reads is read: `yes` and `on` are true, `0644` is octal, `<<` is merged. A document without content, or
/// that is null, is [`Value::Null`]; a stream of nothing but comments has no documents.
///
/// # Errors
/// Where it is no YAML, or a key stands twice in a mapping, or a key is no text, or aliases would unfold to more than is
/// bearable, or it is larger than [`MOST_BYTES`]; and where it is a template that Helm has yet to fill in.
pub fn documents(text: &str) -> Result<Vec<Value>, YamlError> {
    if text.len() > MOST_BYTES {
        return Err(YamlError::TooLarge {
            bytes: text.len(),
            most: MOST_BYTES,
        });
    }
    let read: Result<Vec<Value>, _> = serde_saphyr::from_multiple_with_options(text, bounds());
    let values = read.map_err(|error| template(text).unwrap_or_else(|| syntax(&error)))?;
    if text.contains("{{") && values.iter().any(holds_helm) {
        return Err(template(text).unwrap_or(YamlError::Template { line: 1 }));
    }
    match marked(text) {
        Some(documents) if documents == values.len() => Ok(values),
        _ => with_empty(text, values),
    }
}

/// How many documents the marks of a stream make, where that can be told by its lines alone.
fn marked(text: &str) -> Option<usize> {
    let (mut marks, mut bare) = (0, 0);
    for line in text.trim_start_matches('\u{feff}').lines() {
        if line.starts_with("...") || line.starts_with('%') || line.contains('\r') {
            return None;
        }
        let mark = line.strip_prefix("---");
        if mark.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])) {
            marks += 1;
        } else if marks == 0 && bare == 0 && !matches!(line.trim_start().chars().next(), None | Some('#')) {
            bare = 1;
        }
    }
    Some(marks + bare)
}

/// Bounds in which a text is read; they grow no faster than [`MOST_BYTES`] allows.
fn bounds() -> serde_saphyr::Options {
    reading! {
        with_snippet: false,
        emit_comments: false,
        legacy_octal_numbers: true,
        budget: budget! {
            max_events: 16_000_000,
            max_nodes: 8_000_000,
            max_documents: 1_000_000,
            max_total_scalar_bytes: MOST_BYTES,
        },
    }
}

/// Puts back the documents that the reader leaves out: those that are empty or null.
fn with_empty(text: &str, values: Vec<Value>) -> Result<Vec<Value>, YamlError> {
    let mut values = values.into_iter();
    let (mut all, mut fresh) = (Vec::new(), false);
    for event in parser(text) {
        let (event, _) = event.map_err(|error| YamlError::Syntax {
            line: error.marker().line(),
            column: error.marker().col() + 1,
            what: error.info(),
        })?;
        if matches!(event, Event::DocumentStart(..)) {
            fresh = true;
        } else if std::mem::take(&mut fresh) {
            all.push(if is_null(&event) { None } else { values.next() });
        }
    }
    if values.next().is_some() {
        return Err(YamlError::Refused("its documents cannot be told apart".to_owned()));
    }
    Ok(all.into_iter().map(Option::unwrap_or_default).collect())
}

fn is_null(event: &Event<'_>) -> bool {
    match (event, event.tag()) {
        (Event::Scalar(..), Some(tag)) => tag.is_yaml_core_schema_tag("null"),
        (Event::Scalar(text, ScalarStyle::Plain, ..), None) => {
            matches!(&**text, "" | "~" | "null" | "Null" | "NULL")
        }
        _ => false,
    }
}

fn syntax(error: &serde_saphyr::Error) -> YamlError {
    let text = error.to_string();
    let what = text.lines().next().unwrap_or("it is no YAML");
    let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
    let place = format!(" at line {line}, column {column}");
    let count = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    YamlError::Syntax {
        line: count(line),
        column: count(column),
        what: what.replace(&place, ""),
    }
}

/// The first line of a template outside of comments, if there is one.
fn template(text: &str) -> Option<YamlError> {
    let opens = |line: &str| line.find("{{").is_some_and(|at| !line[..at].contains('#'));
    let line = text.lines().position(opens)? + 1;
    Some(YamlError::Template { line })
}

/// Whether a value of one line holds what only Helm fills in. `{{ $labels.pod }}` and `{{inputs.parameters.x}}` are others'.
fn holds_helm(value: &Value) -> bool {
    const HELM: [&str; 6] = [
        ".Values",
        ".Release",
        ".Chart",
        ".Capabilities",
        "include ",
        "template ",
    ];
    match value {
        Value::String(text) => {
            let filled = |rest: &str| {
                let inside = rest.trim_start_matches('-').trim_start();
                let inside = inside.strip_prefix(['(', '$']).unwrap_or(inside);
                HELM.iter().any(|name| inside.starts_with(name))
            };
            !text.contains('\n') && text.split("{{").skip(1).any(filled)
        }
        Value::Array(items) => items.iter().any(holds_helm),
        Value::Object(members) => members.iter().any(|(_, member)| holds_helm(member)),
        _ => false,
    }
}
