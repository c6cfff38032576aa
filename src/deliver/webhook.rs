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

    /// Sends a message, and once more where the server was too busy or did not hear. No redirect is followed: the message would
    /// arrive elsewhere.
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
                    let may_again =
                        matches!(status, 429 | 500 | 502..=504) && told.is_none_or(|told| told <= LONGEST_WAIT);
                    if tried == TRIES || !may_again {
                        return Err(self.refused(status, &response.text().await.unwrap_or_default()));
                    }
                    told
                }
                // What may have arrived is not sent twice.
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
        // An answer may repeat what it was asked.
        let path = reqwest::Url::parse(self.url.expose())
            .map(|url| url.path().to_owned())
            .unwrap_or_default();
        let body = body.replace(self.url.expose(), "…");
        let body = if path.len() > 1 {
            body.replace(&path, "…")
        } else {
            body
        };
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
