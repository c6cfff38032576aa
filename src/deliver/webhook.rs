//! A message sent to a webhook, whose URL is a secret: whoever has it may write to the channel.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::sources::endpoint::{Endpoint, Secret, causes};
use crate::sources::transport::retry::{BACKOFF, LONGEST_WAIT, TRIES, retry_after, wait};

/// A server that says nothing for this long is given up.
const SILENCE: Duration = Duration::from_secs(30);

/// Characters of an answer that are told.
const TOLD: usize = 200;

/// Why a message did not arrive. Of the URL only the host is ever told.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The URL is none, or not safe.
    #[error("the webhook's URL cannot be used: {0}")]
    Url(&'static str),
    /// Nobody answers.
    #[error(
        "the message was not sent: {host} cannot be reached ({cause}); check the webhook's URL, and whether a proxy stands \
         between; the report itself is written"
    )]
    Unreachable {
        /// The server.
        host: String,
        /// Why.
        cause: String,
    },
    /// It was refused.
    #[error("the message was not taken: {host} answered {status}{said}; {fix}; the report itself is written")]
    Refused {
        /// The server.
        host: String,
        /// The HTTP status.
        status: u16,
        /// In its own words, behind a colon.
        said: String,
        /// What to do.
        fix: &'static str,
    },
}

/// Where a message goes.
#[derive(Clone)]
pub struct Webhook {
    url: Secret,
    host: String,
    backoff: Duration,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Webhook").field(&self.host).finish()
    }
}

impl Webhook {
    /// The webhook of a URL; nothing is sent yet.
    ///
    /// # Errors
    /// When it is no URL, or one over which anybody could read the secret in it.
    pub fn new(url: &str) -> Result<Self, WebhookError> {
        let parsed = reqwest::Url::parse(url.trim());
        let parsed = parsed
            .map_err(|_| WebhookError::Url("it is no URL; give the one that Slack or Teams shows, with https://"))?;
        let host = parsed.host_str().unwrap_or_default().to_owned();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_here = bare == "localhost"
            || bare
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        match parsed.scheme() {
            "https" => {}
            "http" if is_here => {}
            "http" => {
                return Err(WebhookError::Url(
                    "over http:// anybody on the way could read it; give it with https://",
                ));
            }
            _ => return Err(WebhookError::Url("its scheme is neither https nor http")),
        }
        Ok(Self {
            url: Secret::new(url.trim()),
            host,
            backoff: BACKOFF,
        })
    }

    /// Its server.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Sends a message, up to `TRIES` times in all: again only where the server says that it was too busy to take it (429, 503) or
    /// was never reached. No redirect is followed: the message would arrive elsewhere.
    ///
    /// # Errors
    /// As [`WebhookError`] says.
    pub async fn send(&self, message: &Value) -> Result<(), WebhookError> {
        let client = Endpoint::new(self.url.expose()).client(SILENCE);
        // Its error would name the URL.
        let client = client.map_err(|_| WebhookError::Url("no connection can be made for it"))?;
        let mut tried = 1;
        loop {
            let sent = client.post(self.url.expose()).json(message).send().await;
            let told = match sent {
                Ok(response) if response.status().is_success() => return Ok(()),
                Ok(response) => {
                    let (status, now) = (response.status().as_u16(), Timestamp::now());
                    let told = retry_after(response.headers(), now);
                    // After a 500, 502 or 504 it may have arrived all the same, and what may have arrived is not sent twice.
                    let may_again = matches!(status, 429 | 503) && told.is_none_or(|told| told <= LONGEST_WAIT);
                    if tried == TRIES || !may_again {
                        return Err(self.refused(status, &response.text().await.unwrap_or_default()));
                    }
                    told
                }
                // Nothing was sent yet.
                Err(error) if error.is_connect() && tried < TRIES => None,
                Err(error) => {
                    return Err(WebhookError::Unreachable {
                        host: self.host.clone(),
                        cause: causes(&error),
                    });
                }
            };
            tokio::time::sleep(wait(told, self.backoff, tried)).await;
            tried += 1;
        }
    }

    fn refused(&self, status: u16, body: &str) -> WebhookError {
        let fix = match status {
            300..=399 => "it redirects, and a message is not sent on; give the URL that it leads to",
            401 | 403 => "the webhook or its channel does not let it in; make a new one",
            404 | 410 => "the webhook is gone; make a new one",
            400 | 413 | 422 => "see whether --webhook-format is the one of this server",
            429 => "it is too busy; try again later",
            _ => "try again later, or make a new webhook",
        };
        let body = hidden(self.url.expose(), body);
        let line: String = body
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
            .take(TOLD)
            .collect();
        WebhookError::Refused {
            host: self.host.clone(),
            status,
            said: if line.is_empty() {
                String::new()
            } else {
                format!(" ({line})")
            },
            fix,
        }
    }
}

/// Fewer characters than these are no secret, and hiding them would hide the answer.
const SECRET: usize = 4;

/// An answer without what it may repeat of the URL that it was asked at: the whole, its path and query, each part of its path and
/// each value of its query, in the ways in which servers write them.
fn hidden(url: &str, answer: &str) -> String {
    let mut secrets = vec![url.to_owned()];
    if let Ok(parsed) = reqwest::Url::parse(url) {
        let (path, query) = (parsed.path(), parsed.query().unwrap_or_default());
        secrets.extend([
            parsed.to_string(),
            format!("{path}?{query}"),
            path.to_owned(),
            query.to_owned(),
        ]);
        secrets.extend(path.split('/').map(str::to_owned));
        let values = query.split('&').filter_map(|pair| pair.split_once('='));
        secrets.extend(values.map(|(_, value)| value.to_owned()));
        secrets.extend(parsed.query_pairs().map(|(_, value)| value.into_owned()));
        secrets.extend(parsed.password().map(str::to_owned));
    }
    let mut written: Vec<String> = secrets.iter().flat_map(|secret| ways(secret)).collect();
    written.retain(|way| way.chars().count() >= SECRET);
    // The longest first: a part that is hidden would keep the whole from being found.
    written.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    written.dedup();
    written
        .iter()
        .fold(answer.to_owned(), |text, way| text.replace(way.as_str(), "…"))
}

/// How a text may stand in an answer: as it is and decoded, each of them as HTML and as JSON would have it.
fn ways(text: &str) -> Vec<String> {
    let lower = lower_escapes(text);
    let plain = [text.to_owned(), lower, decoded(text)];
    let ways = plain.iter().flat_map(|text| {
        [
            text.clone(),
            text.replace('&', "&amp;"),
            text.replace('&', "\\u0026"),
            text.replace('/', "\\/"),
        ]
    });
    ways.collect()
}

/// With `%2f` for `%2F`.
fn lower_escapes(text: &str) -> String {
    let mut after = usize::MAX;
    let lower = text.chars().map(|c| {
        after = if c == '%' { 0 } else { after.saturating_add(1) };
        if after <= 2 { c.to_ascii_lowercase() } else { c }
    });
    lower.collect()
}

/// With the characters that are written by their codes.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code = (*byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(code) => {
                plain.push(code);
                at += 3;
            }
            None => {
                plain.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://prod-1.westeurope.logic.azure.com:443/workflows/abc123/triggers/manual/paths/invoke\
                       ?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sig=hush-Hush%2BHush%3d_1";

    #[test]
    fn a_secret_in_the_query_is_hidden_however_it_is_written() {
        let query = URL.split_once('?').unwrap().1;
        let path = "/workflows/abc123/triggers/manual/paths/invoke";
        for repeated in [
            URL.to_owned(),
            format!("{path}?{query}"),
            format!("<a href=\"{}\">", URL.replace('&', "&amp;")),
            query.replace('&', "\\u0026"),
            URL.replace('/', "\\/"),
            decoded(URL),
            "the signature hush-Hush%2BHush%3d_1 is wrong".to_owned(),
            "the signature hush-Hush%2bHush%3d_1 is wrong".to_owned(),
            "the signature hush-Hush+Hush=_1 is wrong".to_owned(),
        ] {
            let told = hidden(URL, &format!("not taken: {repeated}"));
            assert!(told.starts_with("not taken: "), "{told}");
            for secret in ["hush", "Hush", "abc123", "sig="] {
                let is_named = secret == "sig=" && !repeated.contains('&');
                assert!(is_named || !told.contains(secret), "{secret} in {told}");
            }
        }
    }

    #[test]
    fn words_that_are_no_secret_stay() {
        assert_eq!(
            hidden("https://hooks.slack.com/services/T0/B0/xyzw", "no_service"),
            "no_service"
        );
        assert_eq!(hidden("https://chat.example/?v=1&sig=hushhush", "error 1"), "error 1");
    }
}
