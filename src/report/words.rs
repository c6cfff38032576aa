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

/// The text as it begins a line of its own: with a capital, but for a name, which stays as it is, and the name of a figure, which
/// reads as words.
pub(super) fn opening(text: &str) -> String {
    let (first, rest) = text
        .split_once(' ')
        .map_or((text, None), |(first, rest)| (first, Some(rest)));
    let is_path = first.contains(['.', '/', '-']);
    let is_name = is_path || first.contains(|c: char| c.is_ascii_digit());
    let first = match (first.contains('_') && !is_path, is_name) {
        (true, _) => capital(&first.replace('_', " ")),
        (false, true) => first.to_owned(),
        (false, false) => capital(first),
    };
    match rest {
        Some(rest) => format!("{first} {rest}"),
        None => first,
    }
}

#[cfg(test)]
mod tests {
    use super::opening;

    #[test]
    fn a_name_stays_as_it_is() {
        assert_eq!(opening("g6e.12xlarge may not be had"), "g6e.12xlarge may not be had");
        assert_eq!(opening("time_to_first_token at p50"), "Time to first token at p50");
        assert_eq!(opening("itl_p95_seconds: 1"), "Itl p95 seconds: 1");
        assert_eq!(opening("its owner"), "Its owner");
        assert_eq!(opening(""), "");
    }
}
