//! Hostile text in reports: one visible line that no terminal obeys, and nothing that a reader of Markdown takes for
//! markup.

#![no_main]

use std::sync::LazyLock;

use gpuwise::report::safe::{markdown, plain, short};
use libfuzzer_sys::fuzz_target;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use regex::Regex;

/// First strong isolate, and the end of one.
const ISOLATES: [char; 2] = ['\u{2068}', '\u{2069}'];

static UNSEEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_C}\p{Default_Ignorable_Code_Point}]").expect("a pattern"));

fuzz_target!(|text: &str| {
    let line = plain(text);
    let mut open = 0_i32;
    for c in line.chars() {
        open += i32::from(c == ISOLATES[0]) - i32::from(c == ISOLATES[1]);
        assert!(
            (0..=1).contains(&open),
            "an isolate is left open or closed twice: {line:?}"
        );
    }
    assert_eq!(open, 0, "{line:?}");
    let bare: String = line.chars().filter(|c| !ISOLATES.contains(c)).collect();
    assert!(!UNSEEN.is_match(&bare), "{bare:?}");
    assert_eq!(bare.split_whitespace().collect::<Vec<_>>().join(" "), bare);
    assert_eq!(plain(&line), line, "made harmless twice");
    let cut = short(&line, 20);
    assert!(cut.chars().count() <= 20 && (cut == line || cut.ends_with('…')));
    let escaped = markdown(text);
    assert!(
        !escaped.contains(['<', '>', '|', '`', '\\', '[', ']', '*', '~', '\n', '\r']),
        "{escaped:?}"
    );
    for page in [
        format!("Name: {escaped} end\n"),
        format!("- **Name** {escaped} end\n"),
        table(&escaped),
    ] {
        assert_eq!(read(&page), words(&line), "{page}");
    }
});

fn table(cell: &str) -> String {
    format!("| Name | Note |\n|---|---|\n| Name: {cell} end | |\n")
}

/// A page's text between `Name: ` and ` end`, if there is no more markup around it than we wrote.
fn read(page: &str) -> String {
    let mut text = String::new();
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_GFM;
    for event in Parser::new_ext(page, options) {
        match event {
            Event::Text(piece) => text.push_str(&piece),
            Event::Start(
                Tag::Paragraph
                | Tag::List(_)
                | Tag::Item
                | Tag::Strong
                | Tag::Table(_)
                | Tag::TableHead
                | Tag::TableRow
                | Tag::TableCell,
            )
            | Event::End(
                TagEnd::Paragraph
                | TagEnd::List(_)
                | TagEnd::Item
                | TagEnd::Strong
                | TagEnd::Table
                | TagEnd::TableHead
                | TagEnd::TableRow
                | TagEnd::TableCell,
            ) => {}
            other => panic!("{other:?} in {page}"),
        }
    }
    let text = text.strip_prefix("NameNote").unwrap_or(&text);
    let inner = text.strip_prefix("Name").and_then(|rest| rest.strip_suffix(" end"));
    words(
        inner
            .unwrap_or_else(|| panic!("{text:?} of {page}"))
            .trim_start_matches(':'),
    )
}

/// Without what only keeps a mention from calling somebody.
fn words(text: &str) -> String {
    text.replace('\u{200b}', "")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
