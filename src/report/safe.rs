//! Text that comes from a cluster, made harmless: one line, nothing invisible, and for Markdown nothing that it would read
//! as markup. Escapes are HTML entities, because parsers disagree on a backslash before a pipe inside a table.

use std::fmt::Write as _;

/// First strong isolate: the letters up to its end do not reorder what stands around them.
const ISOLATE: char = '\u{2068}';
const END_OF_ISOLATE: char = '\u{2069}';

/// One line without control or invisible characters: those are spelled out, so that two names never look alike, and no
/// terminal obeys them. Words with right-to-left letters are isolated, so that they do not reorder the figures beside them.
/// Plain text stays as it is.
pub(super) fn plain(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() && !line.ends_with(' ') {
            line.push(' ');
        }
        let isolated = word.chars().any(is_right_to_left);
        line.extend(isolated.then_some(ISOLATE));
        // Isolates are dropped and set anew: text passes here once alone and once more in its sentence.
        for c in word.chars().filter(|c| !matches!(*c, ISOLATE | END_OF_ISOLATE)) {
            if c.is_control() || is_invisible(c) {
                // Writing to a string does not fail.
                let _ = write!(line, "(U+{:04X})", u32::from(c));
            } else {
                line.push(c);
            }
        }
        line.extend(isolated.then_some(END_OF_ISOLATE));
    }
    line.truncate(line.trim_end().len());
    line
}

/// Formatting characters that change how text looks and show nothing themselves.
fn is_invisible(c: char) -> bool {
    matches!(
        u32::from(c),
        0xAD | 0x34F
            | 0x61C
            | 0x115F
            | 0x1160
            | 0x17B4
            | 0x17B5
            | 0x180B..=0x180F
            | 0x200B..=0x200F
            | 0x202A..=0x202E
            | 0x2060..=0x206F
            | 0x3164
            | 0xFEFF
            | 0xFFA0
            | 0xFFF9..=0xFFFB
            | 0xE0000..=0xE0FFF
    )
}

fn is_right_to_left(c: char) -> bool {
    matches!(u32::from(c), 0x590..=0x8FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFE | 0x10800..=0x10FFF | 0x1E800..=0x1EFFF)
}

/// Text for Markdown, for use behind other words on a line or in a table cell.
pub(super) fn markdown(text: &str) -> String {
    let line = plain(text);
    let mut escaped = String::with_capacity(line.len());
    let mut before = ' ';
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let after = rest.peek().copied().unwrap_or(' ');
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '|' | '`' | '\\' | '[' | ']' | '*' | '~' => entity(&mut escaped, c),
            '_' if !(before.is_alphanumeric() && after.is_alphanumeric()) => entity(&mut escaped, c),
            // GitHub sets text between dollar signs as a formula; one before a digit cannot close it.
            '$' if !after.is_ascii_digit() => entity(&mut escaped, c),
            // A mention would call a person or a team.
            '@' if !before.is_alphanumeric() && after.is_alphanumeric() => escaped.push_str("@&#8203;"),
            _ => escaped.push(c),
        }
        before = c;
    }
    escaped
}

fn entity(text: &mut String, c: char) {
    let _ = write!(text, "&#{};", u32::from(c));
}

/// At most `limit` characters, the cut marked.
pub(super) fn short(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(limit.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn plain_text_stays_as_it_is(text in any::<String>()) {
            let once = plain(&text);
            prop_assert_eq!(plain(&once), once);
        }
    }

    #[test]
    fn plain_text_is_one_visible_line() {
        assert_eq!(plain("  a\r\n\tb  "), "a b");
        assert_eq!(plain("\u{1b}[31mred"), "(U+001B)[31mred");
        assert_eq!(plain("gpj.\u{202e}exe"), "gpj.(U+202E)exe");
        assert_eq!(plain("a/ש 7"), "\u{2068}a/ש\u{2069} 7");
        assert_eq!(plain("\u{2069}a \u{2068} b"), "a b");
    }

    #[test]
    fn markdown_reads_no_markup_in_it() {
        assert_eq!(
            markdown("<script>a|b</script>"),
            "&lt;script&gt;a&#124;b&lt;/script&gt;"
        );
        assert_eq!(markdown("](http://x)"), "&#93;(http://x)");
        assert_eq!(
            markdown("`id` *b* ~c~ \\"),
            "&#96;id&#96; &#42;b&#42; &#126;c&#126; &#92;"
        );
        assert_eq!(markdown("GPU_UTIL _x_"), "GPU_UTIL &#95;x&#95;");
        assert_eq!(markdown("$12,345 $x$"), "$12,345 &#36;x&#36;");
        assert_eq!(markdown("@team a@b.c"), "@&#8203;team a@b.c");
    }

    #[test]
    fn a_cut_is_marked() {
        assert_eq!(short("abcdef", 4), "abc…");
        assert_eq!(short("abcd", 4), "abcd");
    }
}
