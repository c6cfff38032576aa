//! Values as text: blocks in the indentation of their surroundings, and flow collections.

use serde_json::{Map, Value};

use super::scalar::{Quote, inline, text};

/// How blocks are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Columns by which the keys of an inner mapping stand in from its own key.
    pub(super) step: usize,
    /// Columns by which the dashes of a sequence stand in from its key.
    pub(super) dash: usize,
    /// Columns from a dash to its element.
    pub(super) gap: usize,
    /// How keys are written.
    pub(super) keys: Quote,
    /// Whether texts of several lines are written as lines.
    pub(super) literals: bool,
}

/// A value behind its key or dash: the rest of that line, and the lines below.
pub(super) struct Written {
    /// What stands in the same line; empty for a block collection.
    pub(super) head: String,
    /// Whole lines, without line breaks.
    pub(super) lines: Vec<String>,
}

impl Layout {
    /// A value under a key of this column.
    pub(super) fn under_key(&self, value: &Value, column: usize, quote: Quote) -> Written {
        let (head, lines) = match value {
            Value::Object(members) if !members.is_empty() => (String::new(), self.block(value, column + self.step)),
            Value::Array(items) if !items.is_empty() => (String::new(), self.block(value, column + self.dash)),
            Value::String(text) if self.literals && is_literal(text) => literal(text, column + self.step),
            other => (inline(other, quote, false), Vec::new()),
        };
        Written { head, lines }
    }

    /// A key and its value: whole lines.
    pub(super) fn entry(&self, key: &str, value: &Value, column: usize, quote: Quote) -> Vec<String> {
        let written = self.under_key(value, column, quote);
        let key = text(key, self.keys, false);
        let space = if written.head.is_empty() { "" } else { " " };
        let first = format!("{:column$}{key}:{space}{}", "", written.head);
        [vec![first], written.lines].concat()
    }

    /// A dash in this column and its element: whole lines.
    pub(super) fn item(&self, value: &Value, column: usize, quote: Quote) -> Vec<String> {
        let inner = column + 1 + self.gap;
        let (head, lines) = match value {
            Value::String(text) if self.literals && is_literal(text) => literal(text, inner),
            value if is_filled(value) => {
                let mut lines = self.block(value, inner);
                let first = lines.remove(0);
                (first[inner..].to_owned(), lines)
            }
            other => (inline(other, quote, false), Vec::new()),
        };
        let first = format!("{:column$}-{:gap$}{head}", "", "", gap = self.gap);
        [vec![first], lines].concat()
    }

    /// A collection that is not empty, as a block in this column: whole lines.
    pub(super) fn block(&self, value: &Value, column: usize) -> Vec<String> {
        match value {
            Value::Object(members) => {
                let entry = |(key, value): (&String, &Value)| self.entry(key, value, column, Quote::Plain);
                named_first(members).flat_map(entry).collect()
            }
            Value::Array(items) => {
                let item = |value: &Value| self.item(value, column, Quote::Plain);
                items.iter().flat_map(item).collect()
            }
            other => vec![format!("{:column$}{}", "", inline(other, Quote::Plain, false))],
        }
    }
}

/// Members as people write them: what tells what a thing is comes first.
fn named_first(members: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    const FIRST: [&str; 11] = [
        "apiVersion",
        "group",
        "version",
        "kind",
        "name",
        "type",
        "metricType",
        "op",
        "path",
        "key",
        "weight",
    ];
    let rank = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    let mut members: Vec<(&String, &Value)> = members.iter().collect();
    members.sort_by_key(|(key, _)| rank(key));
    members.into_iter()
}

pub(super) fn is_filled(value: &Value) -> bool {
    match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

/// Whether a text reads best as lines, and can be written so.
pub(super) fn is_literal(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let printable = |line: &str| {
        !line.ends_with(' ')
            && line.chars().all(|c| c == '\t' || c == ' ' || !c.is_control())
            && !line.contains(['\u{feff}', '\u{85}', '\u{2028}', '\u{2029}', '\u{fffe}', '\u{ffff}'])
    };
    text.contains('\n')
        && !body.is_empty()
        && !body.starts_with([' ', '\t', '\n'])
        && !body.ends_with('\n')
        && body.split('\n').all(printable)
}

/// A text as a literal block in this column: its header and its lines.
pub(super) fn literal(text: &str, column: usize) -> (String, Vec<String>) {
    let header = if text.ends_with('\n') { "|" } else { "|-" };
    let body = text.strip_suffix('\n').unwrap_or(text);
    (header.to_owned(), indented(body, column))
}

/// Lines in this column; empty ones stay empty.
pub(super) fn indented(body: &str, column: usize) -> Vec<String> {
    let line = |line: &str| match line {
        "" => String::new(),
        line => format!("{:column$}{line}", ""),
    };
    body.split('\n').map(line).collect()
}

/// How flow collections are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flow {
    /// Keys and texts in double quotes, as JSON has them.
    pub(super) json: bool,
    /// A space inside the braces of mappings.
    pub(super) padded: bool,
    /// Every member in a line of its own: the column of the surrounding member and of one step, in columns.
    pub(super) tall: Option<(usize, usize)>,
}

impl Flow {
    /// A value in a flow collection, or a flow collection in a block.
    pub(super) fn value(&self, value: &Value, quote: Quote, newline: &str) -> String {
        let quote = if self.json { Quote::Double } else { quote };
        if !is_filled(value) {
            return inline(value, quote, true);
        }
        let inner = Self {
            tall: self.tall.map(|(column, step)| (column + step, step)),
            ..*self
        };
        let (open, close, members): (_, _, Vec<String>) = match value {
            Value::Object(members) => {
                let entry = |(key, value): (&String, &Value)| inner.entry(key, value, Quote::Plain, newline);
                ("{", "}", named_first(members).map(entry).collect())
            }
            Value::Array(items) => {
                let item = |value: &Value| inner.value(value, Quote::Plain, newline);
                ("[", "]", items.iter().map(item).collect())
            }
            _ => return String::new(),
        };
        match self.tall {
            Some((column, step)) => {
                let (outer, column) = (column, column + step);
                let between = format!(",{newline}{:column$}", "");
                let members = members.join(&between);
                format!("{open}{newline}{:column$}{members}{newline}{:outer$}{close}", "", "")
            }
            None => {
                let pad = if self.padded && value.is_object() { " " } else { "" };
                format!("{open}{pad}{}{pad}{close}", members.join(", "))
            }
        }
    }

    /// A key and its value in a flow mapping.
    pub(super) fn entry(&self, key: &str, value: &Value, quote: Quote, newline: &str) -> String {
        let keys = if self.json { Quote::Double } else { Quote::Plain };
        format!("{}: {}", text(key, keys, true), self.value(value, quote, newline))
    }
}
