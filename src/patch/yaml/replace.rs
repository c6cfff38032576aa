//! One value in the place of another.

use granit_parser::ScalarStyle;
use serde_json::Value;

use super::place::{Holder, Page, Place, Splices, quote_of};
use super::scalar::Quote;
use super::tree::{Kind, Node};
use super::write::{Written, indented, is_filled, is_literal, literal};
use super::{Pointer, YamlError, lines};

impl Page<'_> {
    /// Writes this value where another stands.
    pub(super) fn replace(&self, path: &Pointer, value: &Value) -> Result<Splices, YamlError> {
        let place = self.place(path)?;
        let node = place.node;
        self.needed_nowhere(node, path)?;
        if let Some((tag, _)) = &node.tag
            && !tag.core_suffix().is_some_and(|suffix| fits(suffix, value))
        {
            let why = format!("it is tagged {}, which the new value is not", tag.original());
            return Err(YamlError::NoPlace { at: path.clone(), why });
        }
        if let Some(flow) = place.flow {
            return Ok(self.replace_in_flow(&place, flow, value));
        }
        if node.is_block() {
            return Ok(self.replace_block(&place, value));
        }
        let whole = matches!(place.holder, Holder::Document);
        if is_filled(value)
            && node.is_flow()
            && (whole || self.text.get(node.start + 1..node.end - 1).is_some_and(holds))
        {
            let mut style = self.flow_style(node, node);
            style.tall = style.tall.map(|(column, step)| (column.saturating_sub(step), step));
            let flow = style.value(value, Quote::Plain, self.newline(node.start));
            return Ok(vec![(node.start..node.end, flow)]);
        }
        if let Value::String(text) = value
            && let Some(splices) = self.same_block_style(node, text)
        {
            return Ok(splices);
        }
        Ok(self.replace_inline(&place, value))
    }

    pub(super) fn newline(&self, at: usize) -> &'static str {
        lines::newline(self.text, at)
    }

    /// Lines, each behind a line break.
    pub(super) fn below(&self, lines: &[String], at: usize) -> String {
        let newline = self.newline(at);
        lines.iter().flat_map(|line| [newline, line]).collect()
    }

    /// What is written for a value that follows a key, a dash or the mark of a document.
    fn written(&self, place: &Place<'_>, value: &Value, quote: Quote) -> Written {
        let layout = self.layout(place.node.from);
        match place.holder {
            Holder::Entry(entry) => layout.under_key(value, self.column(entry.key.outer), quote),
            Holder::Item => {
                let column = self.column(place.node.from - 1) + 2;
                match value {
                    Value::String(text) if self.literals && is_literal(text) => {
                        let (head, lines) = literal(text, column);
                        Written { head, lines }
                    }
                    value if is_filled(value) => Written {
                        head: String::new(),
                        lines: layout.block(value, column),
                    },
                    value => layout.under_key(value, column, quote),
                }
            }
            Holder::Document if is_filled(value) => Written {
                head: String::new(),
                lines: layout.block(value, 0),
            },
            Holder::Document => layout.under_key(value, 0, quote),
        }
    }

    /// In the place of a block mapping or sequence.
    fn replace_block(&self, place: &Place<'_>, value: &Value) -> Splices {
        let node = place.node;
        let behind = self.behind_properties(node);
        let last = lines::end(self.text, node.end);
        if self.same_line(behind, node.start) || matches!(place.holder, Holder::Document) {
            let column = self.column(node.start);
            let written = self.beside(value, column, Quote::Plain, node.start);
            let end = if written.lines.is_empty() { node.end } else { last };
            let text = written.head + &self.below(&written.lines, node.start);
            return vec![(node.start..end, text)];
        }
        let written = self.written(place, value, Quote::Plain);
        let first = lines::end(self.text, behind);
        let head = match written.head.as_str() {
            "" => String::new(),
            head => format!(" {head}"),
        };
        vec![
            (behind..behind, head),
            (first..last, self.below(&written.lines, behind)),
        ]
    }

    /// What is written where the first line stands in this column already.
    fn beside(&self, value: &Value, column: usize, quote: Quote, near: usize) -> Written {
        if let Value::String(text) = value
            && self.literals
            && is_literal(text)
        {
            let (head, lines) = literal(text, column.max(1));
            return Written { head, lines };
        }
        let layout = self.layout(near);
        if is_filled(value) {
            let mut lines = layout.block(value, column);
            let head = lines.remove(0)[column..].to_owned();
            return Written { head, lines };
        }
        layout.under_key(value, column, quote)
    }

    /// In the place of a scalar, a flow collection or nothing, which may be followed by a comment.
    fn replace_inline(&self, place: &Place<'_>, value: &Value) -> Splices {
        let node = place.node;
        let behind = self.behind_properties(node);
        let quote = quote_of(node);
        let bare = behind == node.from;
        let own_line = !node.is_blank() && lines::is_first(self.text, node.start);
        let after_dash = matches!(place.holder, Holder::Item) && bare;
        let written = if is_filled(value) && (own_line || after_dash) {
            let column = match after_dash && !own_line {
                true => self.column(node.from - 1) + (node.start - node.from).max(1) + 1,
                false => self.column(node.start),
            };
            self.beside(value, column, quote, node.start)
        } else {
            self.written(place, value, quote)
        };
        let (token, last) = match self.block_style(node) {
            Some((_, header)) => (
                node.start..node.start + header.len(),
                lines::end(self.text, node.start)..node.end,
            ),
            None => {
                let last = lines::end(self.text, node.end);
                (node.start..node.end, last..last)
            }
        };
        let mut splices = vec![match (written.head.as_str(), node.is_blank()) {
            ("", _) => (behind..token.end, String::new()),
            (head, true) => {
                let line = &self.text[token.end..lines::end(self.text, token.end)];
                let white = if line.trim().is_empty() { line.len() } else { 0 };
                (token.start..token.end + white, format!(" {head}"))
            }
            (head, false) => (token, head.to_owned()),
        }];
        if !written.lines.is_empty() || !last.is_empty() {
            splices.push((last, self.below(&written.lines, node.start)));
        }
        splices
    }

    /// A block scalar whose lines are others, its indentation kept, and folded as before where it still can be.
    fn same_block_style(&self, node: &Node, text: &str) -> Option<Splices> {
        let (style, header) = self.block_style(node)?;
        let body = text.strip_suffix('\n').unwrap_or(text);
        // At the end of a text without a last line break, one that ends with a line break cannot begin to.
        let ends =
            !self.literals && node.end == self.text.len() && text.ends_with('\n') && !node.ends_in_block_scalar();
        if !is_literal(&format!("{body}\n")) || header.contains(|c: char| c.is_ascii_digit()) || ends {
            return None;
        }
        let from = lines::end(self.text, node.start);
        let old = self.text[from..node.end].lines().find(|line| !line.trim().is_empty())?;
        let column = old.len() - old.trim_start_matches(' ').len();
        let mark = if style == ScalarStyle::Folded && !body.contains('\n') {
            ">"
        } else {
            "|"
        };
        let chomp = if text.ends_with('\n') { "" } else { "-" };
        Some(vec![
            (node.start..node.start + header.len(), format!("{mark}{chomp}")),
            (from..node.end, self.below(&indented(body, column), node.start)),
        ])
    }

    /// The style of a block scalar, and its header: its mark, its chomping and its indentation.
    fn block_style(&self, node: &Node) -> Option<(ScalarStyle, &str)> {
        let Kind::Scalar { style, .. } = node.kind else {
            return None;
        };
        let line = &self.text[node.start..lines::end(self.text, node.start)];
        let header = line.split([' ', '\t']).next().unwrap_or(line);
        node.is_block_scalar().then_some((style, header))
    }
}

/// Whether something stands between the brackets of a flow collection.
fn holds(inside: &str) -> bool {
    !inside.trim().is_empty()
}

/// Whether a value is what this tag of YAML's core schema says.
fn fits(suffix: &str, value: &Value) -> bool {
    match value {
        Value::Null => suffix == "null",
        Value::Bool(_) => suffix == "bool",
        Value::Number(number) => suffix == if number.is_f64() { "float" } else { "int" },
        Value::String(_) => suffix == "str",
        Value::Array(_) => suffix == "seq",
        Value::Object(_) => suffix == "map",
    }
}
