//! Where an edit is to be made: the value, what holds it, who shares it, and how its surroundings are laid out.

use std::ops::Range;

use granit_parser::ScalarStyle;

use super::scalar::Quote;
use super::tree::{Entry, Kind, Node};
use super::values::shown;
use super::write::Layout;
use super::{Pointer, Step, YamlError, lines};

/// A document that is edited.
pub(super) struct Page<'t> {
    pub(super) text: &'t str,
    pub(super) root: &'t Node,
    /// Whether texts of several lines may be written as lines: not at the end of a text that ends without a line break, where
    /// readers disagree on what such lines say.
    pub(super) literals: bool,
}

/// What holds a value.
#[derive(Clone, Copy)]
pub(super) enum Holder<'t> {
    Document,
    Entry(&'t Entry),
    /// A sequence.
    Item,
}

/// A value and its surroundings.
pub(super) struct Place<'t> {
    pub(super) node: &'t Node,
    pub(super) holder: Holder<'t>,
    /// The outermost flow collection around it, itself not counted.
    pub(super) flow: Option<&'t Node>,
}

/// Parts of the text and what stands there instead; they do not overlap.
pub(super) type Splices = Vec<(Range<usize>, String)>;

impl<'t> Page<'t> {
    /// The value of this path, which must be nobody else's.
    pub(super) fn place(&self, path: &Pointer) -> Result<Place<'t>, YamlError> {
        let mut place = Place {
            node: self.root,
            holder: Holder::Document,
            flow: None,
        };
        self.alone(place.node, path)?;
        for step in &path.0 {
            if place.flow.is_none() && place.node.is_flow() {
                place.flow = Some(place.node);
            }
            match (&place.node.kind, step) {
                (Kind::Mapping { entries, .. }, Step::Key(key)) => {
                    let entry = self.entry(entries, key, path)?;
                    (place.node, place.holder) = (&entry.value, Holder::Entry(entry));
                }
                (Kind::Sequence { items, .. }, Step::Index(index)) => {
                    place.node = items.get(*index).ok_or_else(|| not_found(path))?;
                    place.holder = Holder::Item;
                }
                _ => return Err(not_found(path)),
            }
            self.alone(place.node, path)?;
        }
        Ok(place)
    }

    /// The entry of this key.
    pub(super) fn entry(&self, entries: &'t [Entry], key: &str, path: &Pointer) -> Result<&'t Entry, YamlError> {
        let found = entries
            .iter()
            .find(|entry| entry.name() == Some(key) && !entry.merges());
        if let Some(entry) = found {
            return Ok(entry);
        }
        match entries.iter().find(|entry| entry.merges()) {
            Some(merge) => Err(self.shared(path, merge.key.start, "it comes through a merge key")),
            None => Err(not_found(path)),
        }
    }

    fn shared(&self, path: &Pointer, at: usize, why: &'static str) -> YamlError {
        YamlError::Shared {
            at: path.clone(),
            line: lines::number(self.text, at),
            why,
        }
    }

    /// An alias of this anchor that stands outside of this part of the text.
    fn alias_of(&self, anchor: usize, outside: &Range<usize>) -> Option<usize> {
        let mut found = None;
        self.root.walk(&mut |node| {
            if matches!(node.kind, Kind::Alias(target) if target == anchor) && !outside.contains(&node.start) {
                found = found.or(Some(node.start));
            }
        });
        found
    }

    /// Refuses what is an alias, or what aliases repeat.
    fn alone(&self, node: &Node, path: &Pointer) -> Result<(), YamlError> {
        if matches!(node.kind, Kind::Alias(_)) {
            return Err(self.shared(path, node.start, "it is an alias of what stands elsewhere"));
        }
        if node.anchor != 0 && self.alias_of(node.anchor, &(0..0)).is_some() {
            return Err(self.shared(path, node.outer, "its anchor is used elsewhere"));
        }
        Ok(())
    }

    /// Refuses to take away what aliases outside of it repeat.
    pub(super) fn needed_nowhere(&self, node: &Node, path: &Pointer) -> Result<(), YamlError> {
        let mut anchors = Vec::new();
        node.walk(&mut |inner| {
            if inner.anchor != 0 {
                anchors.push((inner.anchor, inner.outer));
            }
        });
        let inside = node.outer..node.end.max(node.outer + 1);
        let needed = anchors
            .iter()
            .find(|(anchor, _)| self.alias_of(*anchor, &inside).is_some());
        match needed {
            Some((_, at)) => Err(self.shared(path, *at, "an anchor in it is used elsewhere")),
            None => Ok(()),
        }
    }

    /// Behind the anchor and the tag of a value, or where it may begin if it has none.
    pub(super) fn behind_properties(&self, node: &Node) -> usize {
        if node.anchor == 0 && node.tag.is_none() {
            return node.from;
        }
        let mut at = node.outer;
        loop {
            let rest = &self.text[at..node.start.max(at)];
            at += rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
            let next = lines::skip(self.text, at, node.start);
            if next >= node.start || !self.text[next..].starts_with(['&', '!']) {
                return at;
            }
            at = next;
        }
    }

    pub(super) fn column(&self, at: usize) -> usize {
        lines::column(self.text, at)
    }

    /// Whether both stand in one line.
    pub(super) fn same_line(&self, one: usize, other: usize) -> bool {
        lines::start(self.text, one) == lines::start(self.text, other)
    }

    /// The layout that blocks next to this place have.
    pub(super) fn layout(&self, near: usize) -> Layout {
        let (mut steps, mut dashes) = (Vec::new(), Vec::new());
        self.root.walk(&mut |node| {
            let Kind::Mapping { flow: false, entries } = &node.kind else {
                return;
            };
            for Entry { key, value, .. } in entries {
                if self.same_line(key.outer, value.start) || !value.is_block() {
                    continue;
                }
                let inset = self.column(value.start).checked_sub(self.column(key.outer));
                let Some(inset) = inset else { continue };
                let distance = key.outer.abs_diff(near);
                match value.kind {
                    Kind::Sequence { .. } => dashes.push((distance, inset)),
                    _ if inset > 0 => steps.push((distance, inset)),
                    _ => {}
                }
            }
        });
        let nearest = |found: &[(usize, usize)]| found.iter().min().map(|(_, inset)| *inset);
        let step = nearest(&steps).unwrap_or(2);
        Layout {
            step,
            dash: nearest(&dashes).unwrap_or(step),
            gap: 1,
            keys: Quote::Plain,
            literals: self.literals,
        }
    }
}

fn not_found(path: &Pointer) -> YamlError {
    YamlError::Refused(format!("{} is not found as it is written", shown(path)))
}

/// How a value is quoted, if it is text.
pub(super) fn quote_of(node: &Node) -> Quote {
    match node.kind {
        Kind::Scalar {
            style: ScalarStyle::SingleQuoted,
            ..
        } => Quote::Single,
        Kind::Scalar {
            style: ScalarStyle::DoubleQuoted,
            ..
        } => Quote::Double,
        _ => Quote::Plain,
    }
}

/// How all keys of a mapping are quoted, if they are quoted alike.
pub(super) fn quote_of_keys(entries: &[Entry]) -> Quote {
    let mut quotes = entries.iter().map(|entry| quote_of(&entry.key));
    match quotes.next() {
        Some(first) if quotes.all(|quote| quote == first) => first,
        _ => Quote::Plain,
    }
}
