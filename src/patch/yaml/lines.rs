//! Places in a text: its lines, its columns, and what stands between two values.

/// Where the line of this byte begins.
pub(super) fn start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Where the line of this byte ends, in front of its line break.
pub(super) fn end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    if end > at && text.as_bytes()[end - 1] == b'\r' {
        end - 1
    } else {
        end
    }
}

/// Where the next line begins, or the text ends.
pub(super) fn next(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

/// The column of this byte, in characters from zero.
pub(super) fn column(text: &str, at: usize) -> usize {
    text[start(text, at)..at].trim_start_matches('\u{feff}').chars().count()
}

/// The line of this byte, from one.
pub(super) fn number(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Whether nothing but indentation stands before this byte in its line.
pub(super) fn is_first(text: &str, at: usize) -> bool {
    let before = text[start(text, at)..at].trim_start_matches('\u{feff}');
    before.bytes().all(|byte| matches!(byte, b' ' | b'\t'))
}

/// The line break that the text has here, else its first, else a line feed.
pub(super) fn newline(text: &str, at: usize) -> &'static str {
    let here = text[..at].rfind('\n').or_else(|| text.find('\n'));
    match here {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// The first byte from here that is neither white nor of a comment, no further than `until`.
pub(super) fn skip(text: &str, from: usize, until: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < until {
        match bytes[at] {
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            b'#' if at == 0 || at > from && bytes[at - 1].is_ascii_whitespace() || is_first(text, at) => {
                at = end(text, at);
            }
            _ => break,
        }
    }
    at.min(until)
}

/// As [`skip`], anchors and tags skipped, too.
pub(super) fn skip_properties(text: &str, from: usize, until: usize) -> usize {
    let mut at = skip(text, from, until);
    while at < until && matches!(text.as_bytes()[at], b'&' | b'!') {
        let rest = &text[at..until];
        at += rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
        at = skip(text, at, until);
    }
    at
}

/// Comment lines directly above this line that stand in its column: where they begin.
pub(super) fn comments_above(text: &str, line: usize, column: usize) -> usize {
    let mut first = line;
    while first > 0 {
        let above = start(text, first - 1);
        let content = text[above..first].trim_start_matches(' ');
        let indent = first - above - content.len();
        if !content.starts_with('#') || indent != column {
            break;
        }
        first = above;
    }
    first
}
