//! HTTP to OpenCost or Kubecost, and finding out which of them answers.

use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::decode::{self, BodyError};
use super::error::OpenCostError;
use crate::sources::endpoint::Endpoint;
use crate::sources::transport::retry::{BACKOFF, TRIES, retry_after, wait};
use crate::sources::transport::{Transport, TransportError};

/// A day of a large cluster is computed on demand and takes minutes; Kubecost's front end gives up after this, too.
pub const SILENCE: Duration = Duration::from_secs(300);

/// Under which Kubecost, and OpenCost's front end, have the API.
const KUBECOST: &str = "model";

/// Talks to one OpenCost or Kubecost.
#[derive(Debug)]
pub struct OpenCostClient {
    transport: Transport,
    backoff: Duration,
    /// The first segment of every path, empty for OpenCost; found on the first read.
    prefix: OnceLock<&'static str>,
}

impl OpenCostClient {
    /// A client that asks this server straight; nothing is sent yet.
    ///
    /// # Errors
    /// When the endpoint is wrong in itself.
    pub fn new(endpoint: &Endpoint) -> Result<Self, OpenCostError> {
        Ok(Self::over(Transport::direct(endpoint, SILENCE)?))
    }

    /// A client that asks over this way.
    pub fn over(transport: Transport) -> Self {
        Self {
            transport,
            backoff: BACKOFF,
            prefix: OnceLock::new(),
        }
    }

    /// The same client, in no mood to wait.
    #[cfg(test)]
    pub(super) fn hasty(self) -> Self {
        Self {
            backoff: Duration::from_millis(1),
            ..self
        }
    }

    /// The entries of all sets of an answer, nulls left out.
    pub(super) async fn sets<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Vec<(String, T)>, OpenCostError> {
        let prefix = self.prefix.get().copied().unwrap_or_default();
        let body = self.get(prefix, path, query).await?;
        decode::sets(&body).map_err(|error| self.of_body(error, &self.shown_path(prefix, path)))
    }

    /// One member of the `data` of an answer that is worth no error.
    pub(super) async fn text(&self, path: &str, member: &str) -> Option<String> {
        #[derive(Deserialize)]
        struct Envelope {
            data: serde_json::Map<String, Value>,
        }
        let prefix = self.prefix.get().copied().unwrap_or_default();
        let body = self.get(prefix, path, &[]).await.ok()?;
        let envelope: Envelope = serde_json::from_slice(&body).ok()?;
        let text = envelope.data.get(member)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Finds out once under which prefix the API is.
    pub(in crate::sources) async fn detect(&self, window: &str) -> Result<(), OpenCostError> {
        if self.prefix.get().is_some() {
            return Ok(());
        }
        let prefix = self.probe(window).await?;
        // Whoever was first found the same.
        let _ = self.prefix.set(prefix);
        Ok(())
    }

    async fn probe(&self, window: &str) -> Result<&'static str, OpenCostError> {
        let is_nested = self.transport.base().path().trim_end_matches('/').ends_with(KUBECOST);
        let probes = [
            (KUBECOST, "aggregatorEnabled"),
            (KUBECOST, "installInfo"),
            ("", "installInfo"),
            (KUBECOST, "allocation"),
            ("", "allocation"),
        ];
        let mut tried = Vec::new();
        let mut page = None;
        for (prefix, path) in probes {
            if is_nested && !prefix.is_empty() {
                continue;
            }
            let is_data = path == "allocation";
            let query = [("window", window.to_owned()), ("aggregate", "cluster".to_owned())];
            match self.get(prefix, path, if is_data { &query } else { &[] }).await {
                Ok(body) if is_data && decode::has_code(&body) => return Ok(prefix),
                Ok(body) if !is_data && serde_json::from_slice::<Value>(&body).is_ok_and(|v| v.is_object()) => {
                    return Ok(prefix);
                }
                // In words of its own, it failed; only what it says of the costs matters.
                Err(OpenCostError::Failed { .. }) if is_data => return Ok(prefix),
                Err(
                    error @ (OpenCostError::Unreachable { .. }
                    | OpenCostError::Transport { .. }
                    | OpenCostError::Unauthorized { .. }
                    | OpenCostError::Timeout { .. }),
                ) => return Err(error),
                Err(error @ (OpenCostError::Html { .. } | OpenCostError::Redirected { .. })) => page = Some(error),
                Ok(_) | Err(_) => {}
            }
            tried.push(format!("{}/{path}", if prefix.is_empty() { "" } else { "/model" }));
        }
        Err(page.unwrap_or_else(|| OpenCostError::NotOpenCost {
            url: self.transport.shown().to_owned(),
            tried: tried.join(", "),
        }))
    }

    fn shown_path(&self, prefix: &str, path: &str) -> String {
        let segments = [self.transport.shown(), prefix, path];
        segments
            .into_iter()
            .filter(|segment| !segment.is_empty())
            .collect::<Vec<_>>()
            .join("/")
    }

    async fn get(&self, prefix: &str, path: &str, query: &[(&str, String)]) -> Result<Vec<u8>, OpenCostError> {
        let shown = self.shown_path(prefix, path);
        let joined = [prefix, path].into_iter().filter(|segment| !segment.is_empty());
        let joined = joined.collect::<Vec<_>>().join("/");
        let failed = |error| of_transport(error, &shown);
        let mut tried = 1;
        let response = loop {
            let response = self.transport.get(&joined, query).await.map_err(failed)?;
            if !matches!(response.status().as_u16(), 429 | 502 | 503) || tried == TRIES {
                break response;
            }
            let told = retry_after(response.headers(), Timestamp::now());
            tokio::time::sleep(wait(told, self.backoff, tried)).await;
            tried += 1;
        };
        let status = response.status();
        let body = response.bytes().await;
        let body = body.map_err(|error| of_transport(self.transport.broken(&error), &shown))?;
        let is_page = decode::is_html(&body);
        let code = status.as_u16();
        match code {
            200..300 if is_page => Err(OpenCostError::Html { url: shown }),
            200..300 => Ok(body.into()),
            401 | 403 => Err(OpenCostError::Unauthorized { url: shown, code }),
            404 => Err(OpenCostError::NotFound { url: shown }),
            code => {
                let message = if is_page {
                    "an HTML page".to_owned()
                } else {
                    decode::message(&body)
                };
                Err(of_code(shown, code, message))
            }
        }
    }

    fn of_body(&self, error: BodyError, url: &str) -> OpenCostError {
        let url = url.to_owned();
        match error {
            BodyError::Truncated => OpenCostError::Truncated { url },
            BodyError::Malformed(cause) => OpenCostError::Malformed { url, cause },
            BodyError::Code(code, message) => of_code(url, code, message),
        }
    }
}

fn of_code(url: String, code: u16, message: String) -> OpenCostError {
    if (400..500).contains(&code) {
        return OpenCostError::Refused { url, code, message };
    }
    OpenCostError::Failed { url, code, message }
}

fn of_transport(error: TransportError, url: &str) -> OpenCostError {
    let url = url.to_owned();
    match error {
        TransportError::Connect(cause) | TransportError::Tls(cause) => OpenCostError::Unreachable { url, cause },
        TransportError::Silent { seconds } => OpenCostError::Timeout { url, seconds },
        cause @ (TransportError::Signing { .. } | TransportError::Kubernetes { .. }) => {
            OpenCostError::Transport { url, cause }
        }
        TransportError::Redirected { to } => OpenCostError::Redirected { url, to },
        TransportError::Broken(_) => OpenCostError::Truncated { url },
    }
}
