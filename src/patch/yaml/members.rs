//! Members of mappings and sequences, added and taken away.
//!
//! A member that goes takes its lines and the comment in its last line with it. Comment lines directly above it, in its own
//! column, go too, unless they may be about more than it: where the next member follows in the very next line, they may be a
//! heading of both and stay, as does what stands above the first key of a document.

use std::ops::Range;

use serde_json::Value;

use super::place::{Holder, Page, Place, Splices, quote_of, quote_of_keys};
use super::scalar::Quote;
use super::tree::{Entry, Kind, Node};
use super::write::{Flow, is_filled};
use super::{Pointer, Step, YamlError, lines};

impl Page<'_> {
    /// Adds a member to a mapping or sequence that has members: a key at its end, an element in front of the one that has its
    /// number, or at the end.
    pub(super) fn insert(&self, path: &Pointer, step: &Step, value: &Value) -> Result<Splices, YamlError> {
        let place = self.place(path)?;
        let members = parts(place.node);
        if place.node.is_flow() {
            return self.insert_in_flow(&place, &members, step, value);
        }
        let (Some(first), Some(last)) = (members.first(), members.last()) else {
            return Err(not_block(path));
        };
        let mut layout = self.layout(last.start);
        let column = self.column(first.start);
        let (index, new) = match (&place.node.kind, step) {
            (Kind::Mapping { entries, .. }, Step::Key(key)) => {
                if let Some(merge) = entries.iter().find(|entry| entry.name() == Some(key)) {
                    return Err(YamlError::NoPlace {
                        at: path.clone(),
                        why: format!(
                            "{key} in line {} is no ordinary key",
                            lines::number(self.text, merge.key.start)
                        ),
                    });
                }
                layout.keys = quote_of_keys(entries);
                (members.len(), layout.entry(key, value, column, Quote::Plain))
            }
            (Kind::Sequence { items, .. }, Step::Index(index)) => {
                let sibling = &items[index.saturating_sub(1).min(items.len() - 1)];
                if self.same_line(sibling.from, sibling.outer) && !sibling.is_blank() {
                    layout.gap = sibling.outer - sibling.from;
                }
                if sibling.is_flow() && is_filled(value) {
                    let style = self.flow_style(sibling, sibling);
                    let style = Flow { tall: None, ..style };
                    let flow = style.value(value, Quote::Plain, self.newline(last.start));
                    (
                        *index,
                        vec![format!("{:column$}-{:gap$}{flow}", "", "", gap = layout.gap)],
                    )
                } else {
                    (*index, layout.item(value, column, quote_of(sibling)))
                }
            }
            _ => return Err(not_block(path)),
        };
        if index > 0 {
            let before = members.get(index - 1).ok_or_else(|| not_block(path))?;
            let at = lines::end(self.text, before.end);
            return Ok(vec![(at..at, self.below(&new, before.end))]);
        }
        let newline = self.newline(first.start);
        if lines::is_first(self.text, first.start) {
            let at = lines::comments_above(self.text, lines::start(self.text, first.start), column);
            let text: String = new.iter().flat_map(|line| [line, newline]).collect();
            return Ok(vec![(at..at, text)]);
        }
        let text = new.join(newline);
        let text = format!("{}{newline}{:column$}", &text[column..], "");
        Ok(vec![(first.start..first.start, text)])
    }

    /// Takes a member away.
    pub(super) fn remove(&self, path: &Pointer, step: &Step) -> Result<Splices, YamlError> {
        let place = self.place(path)?;
        let at = path.then(step.clone());
        let members = parts(place.node);
        let index = match (&place.node.kind, step) {
            (Kind::Mapping { entries, .. }, Step::Key(key)) => {
                let entry = self.entry(entries, key, &at)?;
                self.needed_nowhere(&entry.key, &at)?;
                self.needed_nowhere(&entry.value, &at)?;
                entries.iter().position(|other| std::ptr::eq(other, entry))
            }
            (Kind::Sequence { items, .. }, Step::Index(index)) => {
                let item = items.get(*index).ok_or_else(|| not_block(path))?;
                self.needed_nowhere(item, &at)?;
                Some(*index)
            }
            _ => None,
        };
        let index = index.ok_or_else(|| not_block(path))?;
        if place.node.is_flow() {
            return Ok(self.remove_from_flow(place.node, &members, index));
        }
        let member = &members[index];
        let before = &self.text[lines::start(self.text, member.start)..member.start];
        if !before
            .trim_start_matches('\u{feff}')
            .bytes()
            .all(|byte| matches!(byte, b' ' | b'-'))
        {
            return Err(not_block(&at));
        }
        if members.len() == 1 {
            return Ok(self.empty(&place, member));
        }
        if lines::is_first(self.text, member.start) {
            let root = path.0.is_empty() && index == 0;
            let first = self.first_line(member, members.get(index + 1), root);
            // A block scalar above keeps its last line break.
            let above = index.checked_sub(1).and_then(|above| value_of(place.node, above));
            let cut = match above.is_some_and(Node::ends_in_block_scalar) {
                true => first..lines::next(self.text, member.end),
                false => self.cut(first, member.end),
            };
            return Ok(vec![(cut, String::new())]);
        }
        // It shares its line with a dash, which the next member comes behind.
        let rest = &self.text[lines::next(self.text, member.end)..];
        let next = self.text.len() - rest.trim_start().len();
        Ok(vec![(member.start..next, String::new())])
    }

    /// Where the lines of a member begin that go with it.
    fn first_line(&self, member: &Range<usize>, next: Option<&Range<usize>>, file_head: bool) -> usize {
        let line = lines::start(self.text, member.start);
        let below = lines::next(self.text, member.end);
        let heads_more = next.is_some_and(|next| lines::start(self.text, next.start) == below);
        if heads_more || file_head {
            return line;
        }
        lines::comments_above(self.text, line, self.column(member.start))
    }

    /// Whole lines up to that of the byte `last`; of the last lines of a text that ends without a line break, those before them.
    fn cut(&self, first: usize, last: usize) -> Range<usize> {
        let next = lines::next(self.text, last);
        if next == self.text.len() && !self.text.ends_with('\n') && first > 0 {
            let above = self.text[..first].trim_end_matches(['\n', '\r']).len();
            return above..next;
        }
        first..next
    }

    /// A block whose last member goes.
    fn empty(&self, place: &Place<'_>, member: &Range<usize>) -> Splices {
        let node = place.node;
        let nothing = if matches!(node.kind, Kind::Sequence { .. }) {
            "[]"
        } else {
            "{}"
        };
        let behind = self.behind_properties(node);
        if matches!(place.holder, Holder::Document) || self.same_line(behind, node.start) {
            let end = lines::end(self.text, node.end);
            let rest = &self.text[node.end..end];
            let end = if rest.trim_start().starts_with('#') {
                node.end
            } else {
                end
            };
            return vec![(node.start..end, nothing.to_owned())];
        }
        let cut = self.cut(self.first_line(member, None, false), member.end);
        let comment = lines::end(self.text, behind);
        let cut = cut.start.max(comment)..cut.end;
        vec![(behind..behind, format!(" {nothing}")), (cut, String::new())]
    }

    /// Lines without those from here to there.
    pub(super) fn cut_lines(&self, range: &Range<usize>) -> Range<usize> {
        self.cut(lines::start(self.text, range.start), range.end)
    }
}

/// Where the members of a collection stand, with their keys or dashes.
pub(super) fn parts(node: &Node) -> Vec<Range<usize>> {
    match &node.kind {
        Kind::Mapping { entries, .. } => {
            let part = |entry: &Entry| entry.key.outer..entry.value.end;
            entries.iter().map(part).collect()
        }
        Kind::Sequence { flow, items } => {
            let part = |item: &Node| {
                if *flow {
                    item.outer..item.end
                } else {
                    item.from - 1..item.end
                }
            };
            items.iter().map(part).collect()
        }
        _ => Vec::new(),
    }
}

fn value_of(node: &Node, index: usize) -> Option<&Node> {
    match &node.kind {
        Kind::Mapping { entries, .. } => entries.get(index).map(|entry| &entry.value),
        Kind::Sequence { items, .. } => items.get(index),
        _ => None,
    }
}

fn not_block(path: &Pointer) -> YamlError {
    YamlError::Refused(format!("{path} is written in a way that is not edited"))
}
