//! What a status and a body mean that are no success, in words that say what to do.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, LOCATION};
use serde_json::Value;

use super::error::ForgeError;
use crate::sources::transport::retry::retry_after;

/// Characters of a server's words that are shown.
const WORDS: usize = 300;

/// GitHub asks for a minute where it names no time.
const UNTOLD: Duration = Duration::from_secs(60);

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// How long to wait where the server is too busy for us, which it also says with 403.
    pub(super) fn busy(&self, now: Timestamp) -> Option<Duration> {
        let header = |name: &str| self.headers.get(name)?.to_str().ok();
        let spent = header("x-ratelimit-remaining") == Some("0");
        let told = retry_after(&self.headers, now);
        let said = self.said().to_ascii_lowercase();
        let limited = self.status == 429
            || (self.status == 403
                && (told.is_some() || spent || said.contains("rate limit") || said.contains("abuse")));
        if !limited {
            return None;
        }
        let reset = || {
            let at = header("x-ratelimit-reset").or_else(|| header("ratelimit-reset"))?;
            let at = Timestamp::from_second(at.parse().ok()?).ok()?;
            Duration::try_from(at.duration_since(now)).ok()
        };
        Some(told.or_else(reset).unwrap_or(UNTOLD))
    }

    /// The server's own words, on one line.
    pub(super) fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let words = match serde_json::from_slice::<Value>(&self.body) {
            Ok(value) => words(&value),
            Err(_) if text.trim_start().starts_with('<') => "a page of HTML".to_owned(),
            Err(_) => text.into_owned(),
        };
        let line: Vec<&str> = words
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
            .collect();
        let line: String = line.join(" ").chars().take(WORDS).collect();
        match line.is_empty() {
            true => "nothing more".to_owned(),
            false => line,
        }
    }
}

/// All that is said in the shapes that servers use: `message` as text, list or map, `error`, and a list of `errors`.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(words).collect::<Vec<_>>().join("; "),
        Value::Object(map) => {
            let told = ["message", "error", "error_description", "errors"];
            let told: Vec<String> = told
                .iter()
                .filter_map(|key| map.get(*key))
                .map(words)
                .filter(|words| !words.is_empty())
                .collect();
            if told.is_empty() {
                let pair = |(key, value): (&String, &Value)| format!("{key}: {}", words(value));
                return map.iter().map(pair).collect::<Vec<_>>().join(", ");
            }
            told.join("; ")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// What was tried, where, and what a token there needs.
pub(super) struct Tried<'t> {
    pub(super) what: &'t str,
    pub(super) place: &'t str,
    pub(super) rights: &'static str,
}

/// Why an answer is no success.
pub(super) fn refusal(tried: &Tried<'_>, answer: &Answer, said: String, now: Timestamp) -> ForgeError {
    let (what, place, status) = (tried.what.to_owned(), tried.place.to_owned(), answer.status);
    if let Some(wait) = answer.busy(now) {
        let when = format!("in {} s", wait.as_secs());
        return ForgeError::Busy {
            what,
            place,
            status,
            said,
            when,
        };
    }
    match status {
        300..=399 => {
            let to = target(&answer.headers);
            ForgeError::Moved { what, place, to }
        }
        401 => ForgeError::Unauthorized { what, place, said },
        500.. => ForgeError::Server {
            what,
            place,
            status,
            said,
        },
        _ => no(tried, status, said),
    }
}

/// Why a request is not granted that was understood, and by whom.
fn no(tried: &Tried<'_>, status: u16, said: String) -> ForgeError {
    let (what, place, rights) = (tried.what.to_owned(), tried.place.to_owned(), tried.rights);
    let rule = [
        "protected",
        "rule violation",
        "not allowed to push",
        "not allowed to create",
        "force-push",
        "force push",
    ];
    let lower = said.to_ascii_lowercase();
    match status {
        400 | 403 | 405 | 409 | 422 if rule.iter().any(|word| lower.contains(word)) => ForgeError::Protected {
            what,
            place,
            status,
            said,
        },
        403 => ForgeError::Forbidden {
            what,
            place,
            status,
            said,
            rights,
        },
        404 | 410 => ForgeError::NotFound {
            what,
            place,
            said,
            rights,
        },
        409 => ForgeError::Conflict {
            what,
            place,
            status,
            said,
        },
        _ => ForgeError::Refused {
            what,
            place,
            status,
            said,
        },
    }
}

/// Where a redirect leads, without its query.
fn target(headers: &HeaderMap) -> String {
    let to = headers.get(LOCATION).and_then(|location| location.to_str().ok());
    to.map_or("another place", |to| to.split(['?', '#']).next().unwrap_or(to))
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Answer {
            status,
            headers: map,
            body: body.as_bytes().to_vec(),
        }
    }

    fn told(answer: &Answer) -> String {
        let tried = Tried {
            what: "read",
            place: "acme/ml",
            rights: "the scope `repo`",
        };
        let now = "2026-11-16T08:00:00Z".parse().unwrap();
        refusal(&tried, answer, answer.said(), now).to_string()
    }

    #[test]
    fn every_shape_of_words_is_read() {
        for (body, said) in [
            (
                r#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"No commits"}]}"#,
                "Validation Failed; No commits",
            ),
            (
                r#"{"message":"Validation Failed","errors":[{"resource":"Label","code":"missing_field","field":"name"}]}"#,
                "Validation Failed; code: missing_field, field: name, resource: Label",
            ),
            (
                r#"{"message":["Another open merge request already exists for this source branch: !12"]}"#,
                "Another open merge request already exists for this source branch: !12",
            ),
            (r#"{"message":{"title":["is too long"]}}"#, "title: is too long"),
            (
                r#"{"error":"invalid_token","error_description":"Token was revoked"}"#,
                "invalid_token; Token was revoked",
            ),
            ("<html>login</html>", "a page of HTML"),
            ("plain\n  words", "plain words"),
            ("", "nothing more"),
        ] {
            assert_eq!(answer(422, &[], body).said(), said);
        }
    }

    /// A status, headers and a body, and what is said of them.
    type Case = (
        u16,
        &'static [(&'static str, &'static str)],
        &'static str,
        &'static [&'static str],
    );

    const CASES: &[Case] = &[
        (
            401,
            &[],
            r#"{"message":"Bad credentials"}"#,
            &["Bad credentials", "make a new one"],
        ),
        (
            403,
            &[],
            r#"{"message":"Resource not accessible by integration"}"#,
            &["not permitted", "the scope `repo`"],
        ),
        (
            403,
            &[("retry-after", "90")],
            r#"{"message":"slow"}"#,
            &["too many requests", "in 90 s"],
        ),
        (
            403,
            &[],
            r#"{"message":"You have exceeded a secondary rate limit"}"#,
            &["too many requests", "in 60 s"],
        ),
        (
            403,
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1794816120")],
            r#"{"message":"API rate limit exceeded"}"#,
            &["too many requests", "in 120 s"],
        ),
        (429, &[], "", &["too many requests"]),
        (404, &[], r#"{"message":"Not Found"}"#, &["not found", "no right to"]),
        (409, &[], r#"{"message":"stale"}"#, &["conflicts", "run again"]),
        (
            422,
            &[],
            r#"{"message":"Repository rule violations found"}"#,
            &["protects the branch"],
        ),
        (
            400,
            &[],
            r#"{"message":"You are not allowed to push into this branch"}"#,
            &["protects the branch"],
        ),
        (
            422,
            &[],
            r#"{"message":"No commits between main and x"}"#,
            &["refused (422", "No commits"],
        ),
        (502, &[], "<html>", &["the server failed (502: a page of HTML"]),
        (
            301,
            &[("location", "https://host/repositories/7?token=x")],
            "",
            &["moved to https://host/repositories/7;"],
        ),
    ];

    #[test]
    fn each_status_says_what_to_do() {
        for (status, headers, body, parts) in CASES {
            let told = told(&answer(*status, headers, body));
            for part in *parts {
                assert!(told.contains(part), "{status}: {told}");
            }
        }
    }
}
