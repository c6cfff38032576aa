//! Flow collections: `{a: 1}`, `[a, b]`, and whole files of JSON.

use std::ops::Range;

use serde_json::Value;

use super::members::parts;
use super::place::{Holder, Page, Place, Splices, quote_of, quote_of_keys};
use super::scalar::Quote;
use super::tree::{Kind, Node};
use super::write::Flow;
use super::{Step, YamlError, lines};

impl Page<'_> {
    /// How a flow collection is written, `outermost` being the one around it that no other is around.
    pub(super) fn flow_style(&self, node: &Node, outermost: &Node) -> Flow {
        let (mut plain, mut double, mut padded) = (false, false, None);
        outermost.walk(&mut |inner| match &inner.kind {
            Kind::Mapping { entries, .. } if !entries.is_empty() => {
                let keys = quote_of_keys(entries);
                double |= keys == Quote::Double;
                plain |= keys != Quote::Double;
                let line = self.same_line(inner.start, inner.end);
                padded = padded.or(line.then(|| self.text[inner.start + 1..].starts_with(' ')));
            }
            Kind::Scalar { .. } if quote_of(inner) == Quote::Double => double = true,
            Kind::Scalar { .. } if quote_of(inner) == Quote::Single => plain = true,
            _ => {}
        });
        // What is empty in the place of a whole document may be that of a file of JSON.
        let whole = std::ptr::eq(outermost, self.root) && parts(outermost).is_empty();
        let members = parts(node);
        let tall = members.last().filter(|last| self.is_tall(node, last)).map(|last| {
            let column = self.column(last.start);
            let outer = self.indent(node.start);
            (column, column.checked_sub(outer).filter(|step| *step > 0).unwrap_or(2))
        });
        Flow {
            json: whole || double && !plain,
            padded: padded.unwrap_or(false),
            tall,
        }
    }

    /// Columns of indentation of the line of this byte.
    fn indent(&self, at: usize) -> usize {
        let line = &self.text[lines::start(self.text, at)..at];
        let line = line.trim_start_matches('\u{feff}');
        line.len() - line.trim_start_matches(' ').len()
    }

    /// Whether members stand in lines of their own.
    fn is_tall(&self, node: &Node, last: &Range<usize>) -> bool {
        lines::is_first(self.text, last.start) && !self.same_line(node.start, last.start)
    }

    /// Whether it is a single pair in a sequence, as in `[a: 1]`, which has no braces.
    fn is_pair(&self, node: &Node) -> bool {
        !self.text[node.start..].starts_with(['{', '['])
    }

    /// A value in the place of a member's, in a flow collection.
    pub(super) fn replace_in_flow(&self, place: &Place<'_>, outermost: &Node, value: &Value) -> Splices {
        let node = place.node;
        let mut style = self.flow_style(outermost, outermost);
        let column = self.indent(node.start);
        style.tall = style.tall.map(|(_, step)| (column, step));
        let text = style.value(value, quote_of(node), self.newline(node.start));
        let before = match place.holder {
            Holder::Entry(entry) if node.is_blank() => {
                if entry.colon {
                    " "
                } else {
                    ": "
                }
            }
            _ => "",
        };
        vec![(node.start..node.end, format!("{before}{text}"))]
    }

    /// Adds a member to a flow collection that has members.
    pub(super) fn insert_in_flow(
        &self,
        place: &Place<'_>,
        members: &[Range<usize>],
        step: &Step,
        value: &Value,
    ) -> Result<Splices, YamlError> {
        let node = place.node;
        let refused = || YamlError::Refused("it has no such members".to_owned());
        let last = members.last().ok_or_else(refused)?;
        let style = self.flow_style(node, place.flow.unwrap_or(node));
        let newline = self.newline(last.start);
        let (index, new) = match (&node.kind, step) {
            (Kind::Mapping { .. }, Step::Key(key)) => (members.len(), style.entry(key, value, Quote::Plain, newline)),
            (Kind::Sequence { items, .. }, Step::Index(index)) => {
                let sibling = &items[index.saturating_sub(1).min(items.len() - 1)];
                (*index, style.value(value, quote_of(sibling), newline))
            }
            _ => return Err(refused()),
        };
        let tall = self.is_tall(node, last);
        let indent = &self.text[lines::start(self.text, last.start)..last.start];
        if let Some(next) = members.get(index) {
            let between = if tall {
                format!(",{newline}{indent}")
            } else {
                ", ".to_owned()
            };
            return Ok(vec![(next.start..next.start, new + &between)]);
        }
        if self.is_pair(node) {
            return Ok(vec![
                (node.start..node.start, "{".to_owned()),
                (last.end..last.end, format!(", {new}}}")),
            ]);
        }
        if !tall {
            return Ok(vec![(last.end..last.end, format!(", {new}"))]);
        }
        let comma = self.comma(last.end, node.end);
        let behind = comma.map_or(last.end, |comma| comma + 1);
        let closes_here = self.same_line(behind, node.end - 1);
        let at = if closes_here {
            behind
        } else {
            lines::end(self.text, behind)
        };
        let (before, after) = if comma.is_some() { ("", ",") } else { (",", "") };
        Ok(vec![
            (last.end..last.end, before.to_owned()),
            (at..at, format!("{newline}{indent}{new}{after}")),
        ])
    }

    /// The comma behind a member.
    fn comma(&self, from: usize, until: usize) -> Option<usize> {
        let at = lines::skip(self.text, from, until);
        self.text[at..].starts_with(',').then_some(at)
    }

    /// Takes a member of a flow collection away, and its comma.
    pub(super) fn remove_from_flow(&self, node: &Node, members: &[Range<usize>], index: usize) -> Splices {
        let gone = |range: Range<usize>| (range, String::new());
        let member = &members[index];
        if members.len() == 1 {
            return match self.is_pair(node) {
                true => vec![(node.start..node.end, "{}".to_owned())],
                false => vec![gone(node.start + 1..node.end - 1)],
            };
        }
        let comma = self.comma(member.end, node.end);
        let own_line = lines::is_first(self.text, member.start) && !self.same_line(member.end, node.end - 1);
        match members.get(index + 1) {
            Some(next) => {
                let comma_here = comma.is_some_and(|comma| self.same_line(comma, member.end));
                if own_line && comma_here && !self.same_line(next.start, member.end) {
                    return vec![gone(self.cut_lines(member))];
                }
                vec![gone(member.start..next.start)]
            }
            None if comma.is_some() && own_line => vec![gone(self.cut_lines(member))],
            None => {
                let Some(before) = self.comma(members[index - 1].end, node.end) else {
                    return Vec::new();
                };
                if own_line {
                    return vec![gone(before..before + 1), gone(self.cut_lines(member))];
                }
                vec![gone(before..member.end)]
            }
        }
    }
}
