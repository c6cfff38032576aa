//! Text that comes from a cluster, made harmless: one line, nothing invisible, and for Markdown nothing that it would read
//! as markup. Escapes are HTML entities, because parsers disagree on a backslash before a pipe inside a table.

use std::fmt::Write as _;

/// First strong isolate: the letters up to its end do not reorder what stands around them.
const ISOLATE: char = '\u{2068}';
const END_OF_ISOLATE: char = '\u{2069}';

/// Characters of a word at most: an id holds four names, and the longest name in Kubernetes has 253.
const LONGEST_WORD: usize = 512;

/// Characters of a text at most; no sentence of ours comes near.
const LONGEST_TEXT: usize = 8000;

/// One line without control or invisible characters: those are spelled out, so that two names never look alike, and no
/// terminal obeys them. Words with right-to-left letters are isolated, so that they do not reorder the figures beside them.
/// What no name or sentence is as long as is cut. Plain text stays as it is.
pub fn plain(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(LONGEST_TEXT));
    let mut length = 0;
    for word in text.split_whitespace() {
        let word = plain_word(word);
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        length += word.chars().count() + 1;
        if length > LONGEST_TEXT {
            line.push('…');
            break;
        }
        line.push_str(&word);
    }
    line
}

fn plain_word(word: &str) -> String {
    let mut spelled = String::with_capacity(word.len().min(LONGEST_WORD));
    // Isolates are dropped and set anew: text passes here once alone and once more in its sentence.
    for c in word.chars().filter(|c| !matches!(*c, ISOLATE | END_OF_ISOLATE)) {
        if is_unseen(c) {
            // Writing to a string does not fail.
            let _ = write!(spelled, "(U+{:04X})", u32::from(c));
        } else {
            spelled.push(c);
        }
    }
    let spelled = short(&spelled, LONGEST_WORD);
    match spelled.chars().any(is_right_to_left) {
        true => format!("{ISOLATE}{spelled}{END_OF_ISOLATE}"),
        false => spelled,
    }
}

/// Lines of our own, each made harmless, with their indent.
pub fn lines(text: &str) -> String {
    let mut all = String::new();
    for line in text.lines() {
        all.push_str(&line[..line.len() - line.trim_start_matches(' ').len()]);
        all.push_str(&plain(line));
        all.push('\n');
    }
    all
}

/// JSON in which what cannot be seen is written as escapes: it says the same, and does nothing to a terminal.
pub fn json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        // Breaks of lines stand between values, and never within a string.
        if is_unseen(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

fn is_unseen(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// Formatting characters that change how text looks and show nothing themselves: Unicode's `Default_Ignorable_Code_Point`,
/// and marks of annotation.
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
            | 0x2028
            | 0x2029
            | 0x3164
            | 0xFE00..=0xFE0F
            | 0xFEFF
            | 0xFFA0
            | 0xFFF0..=0xFFFB
            | 0x1BCA0..=0x1BCA3
            | 0x1D173..=0x1D17A
            | 0xE0000..=0xE0FFF
    )
}

fn is_right_to_left(c: char) -> bool {
    matches!(u32::from(c), 0x590..=0x8FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFE | 0x10800..=0x10FFF | 0x1E800..=0x1EFFF)
}

/// Text for Markdown, for use behind other words on a line or in a table cell.
pub fn markdown(text: &str) -> String {
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
pub fn short(text: &str, limit: usize) -> String {
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
    fn names_that_differ_in_what_cannot_be_seen_do_not_look_alike() {
        for unseen in ['\u{fe0f}', '\u{200b}', '\u{e0041}', '\u{1d173}', '\u{fff0}', '\u{2069}'] {
            let named = plain(&format!("a{unseen}b"));
            assert!(named == "ab" || named.contains("(U+"), "{named:?}");
        }
    }

    #[test]
    fn megabytes_are_cut_and_the_cut_is_seen() {
        let word = plain(&"a".repeat(1 << 20));
        assert!(word.chars().count() == LONGEST_WORD && word.ends_with('…'));
        let text = plain(&"word ".repeat(1 << 18));
        assert!(text.chars().count() <= LONGEST_TEXT + 2 && text.ends_with(" …"));
        assert_eq!((plain(&word), plain(&text)), (word.clone(), text.clone()));
        let id = format!("{0}/{0}/Deployment.apps/{1}", "n".repeat(63), "x".repeat(253));
        assert_eq!(plain(&id), id);
    }

    #[test]
    fn json_says_the_same_without_doing_anything() {
        let hostile = "a\u{1b}[31m\u{7f}\u{9b}0m\u{202e}b\u{feff}\u{e0041}\nש";
        let text = json(&serde_json::to_string_pretty(&[hostile]).unwrap());
        assert!(!text.chars().any(|c| is_unseen(c) && c != '\n'), "{text:?}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&text).unwrap(), [hostile]);
    }

    #[test]
    fn lines_keep_their_indent_and_nothing_else() {
        assert_eq!(
            lines("error: a\u{1b}[2Jb\r\n  because c\td"),
            "error: a(U+001B)[2Jb\n  because c d\n"
        );
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
