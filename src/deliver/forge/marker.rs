//! What we write about ourselves: a comment in the body of a pull request, trailers at the end of a commit's message.
//!
//! The comment says what was written and to which commit, so that a run needs no memory of its own. The trailers say which
//! commit ours stands on and what it holds, so that a commit can be told to be ours, unchanged, where a run broke off
//! between the commit and the pull request.

use reqsign_core::hash::hex_sha256;
use serde::{Deserialize, Serialize};

use super::{FileChange, Placed, Topic};

/// What the comment begins with.
const OPEN: &str = "<!-- gpuwise: ";
const CLOSE: &str = " -->";

/// The longest list of files that is kept; it serves servers that cannot rewrite a branch.
const FILES: usize = 4096;

/// The comment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Marker {
    /// The form: 1.
    pub v: u32,
    /// The branch.
    pub topic: String,
    /// SHA-256 of title, body and files.
    pub fingerprint: String,
    /// SHA-256 of the files alone.
    pub edits: String,
    /// The commit that we made.
    pub head: String,
    /// What it saves a month; none where that is no number.
    pub monthly: Option<f64>,
    /// What the commit writes, where that is short.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Why we closed it ourselves, which is no "not now" of anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
}

impl Marker {
    /// What is said of a topic once its commit is there.
    pub(super) fn of(topic: &Topic, branch: &str, head: &str) -> Self {
        let changed: Vec<String> = changed(&topic.files).map(|file| file.path.clone()).collect();
        let short = changed.iter().map(String::len).sum::<usize>() <= FILES;
        Self {
            v: 1,
            topic: branch.to_owned(),
            fingerprint: fingerprint(topic),
            edits: edits(&topic.files),
            head: head.to_owned(),
            monthly: topic.monthly.is_finite().then_some(topic.monthly),
            files: if short { changed } else { Vec::new() },
            closed: None,
        }
    }

    /// The one of a body: the last, because only the end of a body is all ours.
    pub fn read(body: &str) -> Option<Self> {
        let start = body.rfind(OPEN)? + OPEN.len();
        let end = start + body[start..].find(CLOSE)?;
        serde_json::from_str(&body[start..end])
            .ok()
            .filter(|marker: &Self| marker.v == 1)
    }

    /// The comment, in which nothing can end it early.
    pub fn comment(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        format!(
            "{OPEN}{}{CLOSE}",
            json.replace('>', "\\u003e").replace("--", "-\\u002d")
        )
    }

    /// A body with the comment at its end, of at most `most` bytes.
    pub(super) fn body(&self, body: &str, most: usize) -> String {
        let comment = self.comment();
        let own = super::text::bounded(&harmless(body), most.saturating_sub(comment.len() + 2));
        format!("{own}\n\n{comment}")
    }
}

/// A body in which no comment passes for ours: names of workloads are not in our hands.
fn harmless(body: &str) -> String {
    body.replace("<!-- gpuwise", "&lt;!-- gpuwise").replace("\r\n", "\n")
}

/// A body without its marker, as it is written to a pull request that we close.
pub(super) fn without(body: &str) -> &str {
    body.rfind(OPEN).map_or(body, |at| body[..at].trim_end())
}

/// The files that a topic really changes.
pub(super) fn changed(files: &[FileChange]) -> impl Iterator<Item = &FileChange> {
    files.iter().filter(|file| file.before.as_deref() != Some(&file.after))
}

/// SHA-256 of what is written to files.
pub(super) fn edits(files: &[FileChange]) -> String {
    hash(
        changed(files)
            .map(|file| (file.path.as_str(), file.after.as_bytes()))
            .collect(),
    )
}

/// SHA-256 of paths and what they hold, in whatever order they come.
pub(super) fn hash(mut files: Vec<(&str, &[u8])>) -> String {
    files.sort_unstable();
    let mut text = String::new();
    for (path, content) in files {
        // A path holds no line break, so nothing can pass for something else.
        text.push_str(&format!("{path}\n{}\n", hex_sha256(content)));
    }
    hex_sha256(text.as_bytes())
}

/// SHA-256 of all that is written.
pub(super) fn fingerprint(topic: &Topic) -> String {
    let parts = [
        super::text::title(&topic.title),
        hex_sha256(topic.body.as_bytes()),
        edits(&topic.files),
    ];
    hex_sha256(parts.join("\n").as_bytes())
}

const BASE: &str = "Gpuwise-Base: ";
const EDITS: &str = "Gpuwise-Edits: ";

/// A commit's message with its trailers.
pub(super) fn message(message: &str, parent: &str, files: &[Placed]) -> String {
    let pairs = files.iter().map(|file| (file.path.as_str(), file.after.as_bytes()));
    let edits = hash(pairs.collect());
    format!("{}\n\n{BASE}{parent}\n{EDITS}{edits}\n", message.trim_end())
}

/// The parent and the hash that the trailers of a message name.
pub(super) fn trailers(message: &str) -> Option<(&str, &str)> {
    let find = |key: &str| message.lines().rev().find_map(|line| line.trim_end().strip_prefix(key));
    Some((find(BASE)?, find(EDITS)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic() -> Topic {
        Topic {
            branch: "gpuwise/prod/chat".to_owned(),
            title: "Scale chat".to_owned(),
            body: "# Why\nIt sleeps.".to_owned(),
            message: "Scale chat".to_owned(),
            labels: Vec::new(),
            reviewers: Vec::new(),
            files: vec![FileChange {
                path: "a--> b.yaml".to_owned(),
                before: None,
                after: "a: 1\n".to_owned(),
            }],
            monthly: 1200.5,
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_nothing_ends_it_early() {
        let marker = Marker::of(&topic(), "gpuwise/prod/chat", "abc");
        let body = marker.body("text", 10_000);
        assert_eq!(body.matches("-->").count(), 1, "{body}");
        assert_eq!(Marker::read(&body).unwrap(), marker);
        assert_eq!(Marker::read(&body.replace('\n', "\r\n")).unwrap(), marker);
        assert_eq!(without(&body), "text");
    }

    #[test]
    fn a_marker_in_the_text_does_not_pass_for_ours() {
        let mut forged = Marker::of(&topic(), "gpuwise/prod/chat", "evil");
        forged.monthly = None;
        let marker = Marker::of(&topic(), "gpuwise/prod/chat", "abc");
        let body = marker.body(&format!("pod {}", forged.comment()), 10_000);
        assert_eq!(Marker::read(&body).unwrap().head, "abc");
        assert_eq!(body.matches("<!-- gpuwise").count(), 1);
        assert!(Marker::read("nothing").is_none() && Marker::read("<!-- gpuwise: {\"v\":2} -->").is_none());
    }

    #[test]
    fn a_body_that_is_too_long_keeps_its_marker() {
        let marker = Marker::of(&topic(), "gpuwise/prod/chat", "abc");
        let body = marker.body(&format!("# A\nshort\n\n# B\n{}", "x".repeat(100_000)), 65_536);
        assert!(body.len() <= 65_536 && body.contains("left out") && body.starts_with("# A\nshort"));
        assert_eq!(Marker::read(&body).unwrap(), marker);
    }

    #[test]
    fn the_fingerprint_is_of_all_that_is_written_and_of_nothing_else() {
        let same = fingerprint(&topic());
        let mut other = topic();
        other.monthly = 1.0;
        other.files.push(FileChange {
            path: "z".to_owned(),
            before: Some("same".to_owned()),
            after: "same".to_owned(),
        });
        assert_eq!(fingerprint(&other), same);
        for change in [
            (|topic: &mut Topic| topic.title.push('!')) as fn(&mut Topic),
            |topic| topic.body.push('!'),
            |topic| topic.files[0].after.push('!'),
            |topic| topic.files[0].path.push('!'),
        ] {
            let mut other = topic();
            change(&mut other);
            assert_ne!(fingerprint(&other), same);
        }
    }

    #[test]
    fn trailers_are_read_back() {
        let files = [Placed {
            path: "a".to_owned(),
            after: "b".to_owned(),
            entry: None,
        }];
        let text = message("Scale chat\n\nBecause.\n", "abc", &files);
        assert!(
            text.starts_with("Scale chat\n\nBecause.\n\nGpuwise-Base: abc\n"),
            "{text}"
        );
        assert_eq!(trailers(&text).unwrap(), ("abc", hash(vec![("a", b"b")]).as_str()));
        assert!(trailers("Merge branch 'main'").is_none());
    }
}
