//! A document as it is written: every value with its place in the text.

use std::ops::Range;

use granit_parser::{Event, ScalarStyle, Span, StructureStyle, Tag};

use super::read::parser;
use super::{YamlError, lines};

/// One value as it is written. Places are bytes of the whole text.
#[derive(Debug)]
pub(super) struct Node {
    /// Behind the colon, the dash or the mark that this value follows.
    pub(super) from: usize,
    /// Anchor, tag and content begin here.
    pub(super) outer: usize,
    /// Content begins here: a block scalar's at its `|` or `>`, that of nothing where it would begin.
    pub(super) start: usize,
    /// Content ends here, a block scalar's in front of its last line break.
    pub(super) end: usize,
    /// The number of its anchor; zero without.
    pub(super) anchor: usize,
    /// Its tag and where that stands.
    pub(super) tag: Option<(Tag, Range<usize>)>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Scalar { style: ScalarStyle, text: String },
    Alias(usize),
    Sequence { flow: bool, items: Vec<Node> },
    Mapping { flow: bool, entries: Vec<Entry> },
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Node,
    pub(super) value: Node,
    /// Whether a colon stands between them; in flow mappings it may be left out.
    pub(super) colon: bool,
}

impl Entry {
    pub(super) fn name(&self) -> Option<&str> {
        match &self.key.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether it merges other mappings into its own.
    pub(super) fn merges(&self) -> bool {
        matches!(&self.key.kind, Kind::Scalar { style: ScalarStyle::Plain, text } if text == "<<")
    }
}

impl Node {
    pub(super) fn is_flow(&self) -> bool {
        matches!(
            self.kind,
            Kind::Sequence { flow: true, .. } | Kind::Mapping { flow: true, .. }
        )
    }

    /// Whether it is a block mapping or sequence.
    pub(super) fn is_block(&self) -> bool {
        matches!(
            self.kind,
            Kind::Sequence { flow: false, .. } | Kind::Mapping { flow: false, .. }
        )
    }

    pub(super) fn is_block_scalar(&self) -> bool {
        matches!(
            self.kind,
            Kind::Scalar {
                style: ScalarStyle::Literal | ScalarStyle::Folded,
                ..
            }
        )
    }

    /// Whether its last lines are those of a block scalar that ends with a line break.
    pub(super) fn ends_in_block_scalar(&self) -> bool {
        match &self.kind {
            Kind::Sequence { flow: false, items } => items.last().is_some_and(Node::ends_in_block_scalar),
            Kind::Mapping { flow: false, entries } => {
                entries.last().is_some_and(|entry| entry.value.ends_in_block_scalar())
            }
            Kind::Scalar { text, .. } => self.is_block_scalar() && text.ends_with('\n'),
            _ => false,
        }
    }

    /// Whether nothing is written.
    pub(super) fn is_blank(&self) -> bool {
        self.start == self.end && matches!(self.kind, Kind::Scalar { .. })
    }

    /// It and all below it.
    pub(super) fn walk<'n>(&'n self, seen: &mut dyn FnMut(&'n Node)) {
        seen(self);
        match &self.kind {
            Kind::Sequence { items, .. } => items.iter().for_each(|item| item.walk(seen)),
            Kind::Mapping { entries, .. } => entries.iter().for_each(|entry| {
                entry.key.walk(seen);
                entry.value.walk(seen);
            }),
            _ => {}
        }
    }
}

/// Whether a text ends without a line break in the lines of a block scalar that would end with one: Go's readers then read
/// it without, and ours with it.
pub(super) fn is_open(text: &str) -> bool {
    if text.ends_with('\n') {
        return false;
    }
    let scalars = parser(text).filter_map(Result::ok).filter(|(event, _)| event.is_node());
    let Some((Event::Scalar(value, ScalarStyle::Literal | ScalarStyle::Folded, ..), span)) = scalars.last() else {
        return false;
    };
    value.ends_with('\n') && span.byte_range().is_some_and(|range| range.end == text.len())
}

type Events<'t> = dyn Iterator<Item = Result<(Event<'t>, Span), granit_parser::ScanError>> + 't;

/// The root of a document of a stream.
pub(super) fn of(text: &str, document: usize) -> Result<Node, YamlError> {
    let mut events = parser(text).skip_while(not_a_start).peekable();
    for _ in 0..document {
        events.next();
        while events.next_if(not_a_start).is_some() {}
    }
    let Some(Ok((Event::DocumentStart(marked, _), span))) = events.next() else {
        return Err(unreadable());
    };
    let range = bytes(&span)?;
    let mut builder = Builder {
        events: Box::new(events),
        given: None,
    };
    let mut root = builder.node()?;
    place(text, &mut root, if marked { range.end } else { range.start })?;
    Ok(root)
}

fn not_a_start(event: &Result<(Event<'_>, Span), granit_parser::ScanError>) -> bool {
    matches!(event, Ok((event, _)) if !matches!(event, Event::DocumentStart(..)))
}

fn unreadable() -> YamlError {
    YamlError::Refused("where its values stand cannot be told".to_owned())
}

fn bytes(span: &Span) -> Result<Range<usize>, YamlError> {
    span.byte_range().ok_or_else(unreadable)
}

struct Builder<'t> {
    events: Box<Events<'t>>,
    /// An event that was read ahead.
    given: Option<(Event<'t>, Span)>,
}

impl<'t> Builder<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), YamlError> {
        match self.given.take() {
            Some(event) => Ok(event),
            None => self.events.next().and_then(Result::ok).ok_or_else(unreadable),
        }
    }

    /// Whether the next event is this end, which is then taken.
    fn ends(&mut self, end: &Event<'_>) -> Result<Option<Span>, YamlError> {
        let (event, span) = self.next()?;
        if event == *end {
            return Ok(Some(span));
        }
        self.given = Some((event, span));
        Ok(None)
    }

    fn node(&mut self) -> Result<Node, YamlError> {
        let (event, span) = self.next()?;
        let range = bytes(&span)?;
        let anchor = event.anchor_id().unwrap_or(0);
        let mut outer = range.start;
        if anchor != 0 {
            let (_, span) = self.next()?;
            outer = outer.min(bytes(&span)?.start);
        }
        let mut tag = None;
        if let (Some(found), Some(span)) = (event.tag(), span.tag_span()) {
            let range = bytes(&span)?;
            outer = outer.min(range.start);
            tag = Some((found.clone(), range));
        }
        let mut end = range.end;
        let kind = match event {
            Event::Scalar(text, style, ..) => Kind::Scalar {
                style,
                text: text.into_owned(),
            },
            Event::Alias(target) => Kind::Alias(target),
            Event::SequenceStart(style, ..) => {
                let mut items = Vec::new();
                end = loop {
                    if let Some(span) = self.ends(&Event::SequenceEnd)? {
                        break bytes(&span)?.end;
                    }
                    items.push(self.node()?);
                };
                let flow = style == StructureStyle::Flow;
                Kind::Sequence { flow, items }
            }
            Event::MappingStart(style, ..) => {
                let mut entries = Vec::new();
                end = loop {
                    if let Some(span) = self.ends(&Event::MappingEnd)? {
                        break bytes(&span)?.end;
                    }
                    let (key, value) = (self.node()?, self.node()?);
                    let colon = true;
                    entries.push(Entry { key, value, colon });
                };
                let flow = style == StructureStyle::Flow;
                Kind::Mapping { flow, entries }
            }
            _ => return Err(unreadable()),
        };
        Ok(Node {
            from: outer,
            outer,
            start: range.start,
            end,
            anchor,
            tag,
            kind,
        })
    }
}

/// Corrects the places that the parser gives otherwise than they are needed here: those of what is empty, of block
/// collections and of block scalars.
fn place(text: &str, node: &mut Node, from: usize) -> Result<(), YamlError> {
    node.from = from;
    let bare = node.anchor == 0 && node.tag.is_none();
    match &mut node.kind {
        Kind::Scalar { style, .. } => match style {
            ScalarStyle::Literal | ScalarStyle::Folded => return block_scalar(text, node),
            ScalarStyle::Plain if node.start == node.end && bare => {
                (node.outer, node.start, node.end) = (from, from, from);
            }
            _ => {}
        },
        Kind::Alias(_) => {}
        Kind::Sequence { flow, items } => {
            let mut last = from;
            for (index, item) in items.iter_mut().enumerate() {
                let from = if *flow {
                    item.outer
                } else {
                    dash(text, last, index == 0)?
                };
                place(text, item, from)?;
                last = item.end;
            }
            if let (false, Some(first)) = (*flow, items.first()) {
                (node.start, node.end) = (first.from - 1, last);
            }
        }
        Kind::Mapping { flow, entries } => {
            for entry in entries.iter_mut() {
                let from = entry.key.outer;
                place(text, &mut entry.key, from)?;
                let at = lines::skip(text, entry.key.end, text.len());
                entry.colon = text[at..].starts_with(':');
                let from = if entry.colon { at + 1 } else { entry.key.end };
                place(text, &mut entry.value, from)?;
            }
            if let (false, Some(last)) = (*flow, entries.last()) {
                node.start = entries[0].key.outer;
                node.end = last.value.end;
            }
        }
    }
    node.outer = node.outer.min(node.start);
    Ok(())
}

/// Behind the dash of an item of a block sequence, which is looked for from the end of what is before it.
fn dash(text: &str, from: usize, first: bool) -> Result<usize, YamlError> {
    let at = match first {
        true => lines::skip_properties(text, from, text.len()),
        false => lines::skip(text, from, text.len()),
    };
    match text[at..].starts_with('-') {
        true => Ok(at + 1),
        false => Err(unreadable()),
    }
}

fn block_scalar(text: &str, node: &mut Node) -> Result<(), YamlError> {
    let header = lines::skip_properties(text, node.from, text.len());
    let words = text[header..lines::end(text, header)].split([' ', '\t']).next();
    let Some(words) = words.filter(|words| words.starts_with(['|', '>'])) else {
        return Err(unreadable());
    };
    let body = lines::end(text, header);
    let content = &text[body..node.end.max(body)];
    let kept = if words.contains('+') {
        // The parser has read the indentation of the line below, too.
        let lines = content
            .rfind('\n')
            .filter(|newline| content[newline + 1..].trim().is_empty());
        let content = lines.map_or(content, |newline| &content[..newline]);
        content.strip_suffix('\r').unwrap_or(content)
    } else {
        content.trim_end_matches([' ', '\n', '\r', '\t'])
    };
    node.start = header;
    node.end = body + kept.len();
    node.outer = node.outer.min(header);
    Ok(())
}
