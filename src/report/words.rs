//! Pieces of text that every report for people is made of.

use super::safe::plain;

/// One line, as text that is not yet escaped for any format.
pub(super) struct Line {
    pub(super) label: &'static str,
    pub(super) text: String,
    /// What a narrow report leaves out.
    pub(super) more: Option<String>,
}

/// The text with one full stop at its end.
pub(super) fn sentence(text: &str) -> String {
    let text = plain(text);
    if text.ends_with(['.', '!', '?']) {
        text
    } else {
        format!("{text}.")
    }
}

/// The text without a full stop, to go on after it.
pub(super) fn bare(text: &str) -> String {
    plain(text).trim_end_matches('.').to_owned()
}

/// The text with a capital at its front.
pub(super) fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}
