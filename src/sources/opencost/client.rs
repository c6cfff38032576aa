//! HTTP to OpenCost or Kubecost.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::days;
use super::decode::{self, BodyError};
use super::detect::{Dialect, Server, detect};
use super::error::OpenCostError;
use crate::model::cluster::CostProduct;
use crate::model::time::Window;
use crate::sources::endpoint::Endpoint;
use crate::sources::transport::retry::{BACKOFF, TRIES, retry_after, wait};
use crate::sources::transport::{Transport, TransportError};

/// A day of a large cluster is computed on demand and takes minutes; Kubecost's front end gives up after this, too.
pub const SILENCE: Duration = Duration::from_secs(300);

/// Bytes of an answer: a day of a hundred thousand assets has half of it. Tests need not wait for so many.
const LONGEST: usize = if cfg!(test) { 1 << 20 } else { 512 << 20 };

/// Entries of one page, where the server has pages.
const PAGE: usize = 1000;

/// Talks to one OpenCost or Kubecost.
#[derive(Debug)]
pub struct OpenCostClient {
    transport: Transport,
    backoff: Duration,
    /// Found on the first read.
    server: OnceLock<Server>,
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
            server: OnceLock::new(),
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

    /// The entries of all sets of an answer about a day, nulls left out.
    pub(super) async fn sets<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        day: Window,
        query: &[(&str, String)],
    ) -> Result<Vec<(String, T)>, OpenCostError> {
        let Server { prefix, dialect } = self.server();
        let mut all = vec![("window", days::parameter(day, dialect))];
        all.extend(query.iter().cloned());
        let body = self.get(prefix, path, &all).await?;
        decode::sets(&body).map_err(|error| self.of_body(error, &self.shown_path(prefix, path)))
    }

    /// What a day cost, by this aggregate, without what nobody holds.
    pub(super) async fn allocations<T: serde::de::DeserializeOwned>(
        &self,
        day: Window,
        aggregate: &str,
    ) -> Result<Vec<(String, T)>, OpenCostError> {
        self.allocated(day, &[("aggregate", aggregate.to_owned())], "false")
            .await
    }

    /// What a day cost, container by container with all that is known of it, and what nobody holds. Some servers tell that by
    /// node; OpenCost makes one of all nodes, whatever it is asked. Without an aggregate older ones make one of everything. Kubecost
    /// would lay control planes and root disks on those who hold pods, which are assets, too.
    pub(super) async fn allocations_with_idle<T: serde::de::DeserializeOwned>(
        &self,
        day: Window,
    ) -> Result<Vec<(String, T)>, OpenCostError> {
        let yes = || "true".to_owned();
        let query = match self.server().dialect {
            Dialect::OpenCost => vec![("aggregate", "cluster,node,namespace,pod,container".to_owned())],
            Dialect::Kubecost => vec![("splitIdle", yes()), ("shareTenancyCosts", "false".to_owned())],
        };
        let by_node = [("idleByNode", yes())];
        self.allocated(day, &[query, by_node.to_vec()].concat(), "true").await
    }

    async fn allocated<T: serde::de::DeserializeOwned>(
        &self,
        day: Window,
        query: &[(&str, String)],
        idle: &str,
    ) -> Result<Vec<(String, T)>, OpenCostError> {
        let mut query = query.to_vec();
        if self.server().dialect == Dialect::OpenCost {
            query.push(("includeIdle", idle.to_owned()));
            return self.sets("allocation", day, &query).await;
        }
        query.push(("idle", idle.to_owned()));
        // Pages mean something only over sets that were made one. There is no count of them: after the last, nothing is new. A server
        // without pages tells everything again.
        query.push(("accumulate", "true".to_owned()));
        let mut all: Vec<(String, T)> = Vec::new();
        let mut known = BTreeSet::new();
        let mut offset = 0;
        loop {
            let mut page = query.clone();
            page.push(("offset", offset.to_string()));
            page.push(("limit", PAGE.to_string()));
            let entries: Vec<(String, T)> = self.sets("allocation", day, &page).await?;
            // One that was null is none of ours, and the page was full all the same.
            let short = entries.len() < PAGE / 2;
            let new: Vec<(String, T)> = entries
                .into_iter()
                .filter(|(key, _)| known.insert(key.clone()))
                .collect();
            let none = new.is_empty();
            all.extend(new);
            if none || short {
                return Ok(all);
            }
            offset += PAGE;
        }
    }

    /// One member of the `data` of an answer that is worth no error.
    pub(super) async fn text(&self, path: &str, member: &str) -> Option<String> {
        #[derive(Deserialize)]
        struct Envelope {
            data: serde_json::Map<String, Value>,
        }
        let body = self.get(self.server().prefix, path, &[]).await.ok()?;
        let envelope: Envelope = serde_json::from_slice(&body).ok()?;
        let text = envelope.data.get(member)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Finds out once which server it is.
    pub(in crate::sources) async fn detect(&self, day: Window) -> Result<(), OpenCostError> {
        if self.server.get().is_some() {
            return Ok(());
        }
        let server = detect(self, day).await?;
        // Whoever was first found the same.
        let _ = self.server.set(server);
        Ok(())
    }

    /// Which product answers, once it was detected.
    pub(super) fn product(&self) -> CostProduct {
        match self.server().dialect {
            Dialect::OpenCost => CostProduct::OpenCost,
            Dialect::Kubecost => CostProduct::Kubecost,
        }
    }

    fn server(&self) -> Server {
        self.server.get().copied().unwrap_or(Server {
            prefix: "",
            dialect: Dialect::OpenCost,
        })
    }

    /// Whether the URL that was given ends in this segment.
    pub(super) fn ends_with(&self, segment: &str) -> bool {
        self.transport.base().path().trim_end_matches('/').rsplit('/').next() == Some(segment)
    }

    /// The URL that was given, without secrets.
    pub(super) fn shown(&self) -> String {
        self.transport.shown().to_owned()
    }

    fn shown_path(&self, prefix: &str, path: &str) -> String {
        let segments = [self.transport.shown(), prefix, path];
        segments
            .into_iter()
            .filter(|segment| !segment.is_empty())
            .collect::<Vec<_>>()
            .join("/")
    }

    pub(super) async fn get(
        &self,
        prefix: &str,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Vec<u8>, OpenCostError> {
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
        let body = self.transport.whole(response, LONGEST).await.map_err(failed)?;
        let is_page = decode::is_html(&body);
        let code = status.as_u16();
        match code {
            204 => Err(OpenCostError::Disabled { url: shown }),
            200..300 if is_page => Err(OpenCostError::Html { url: shown }),
            200..300 => Ok(body),
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
            cause @ BodyError::Truncated => OpenCostError::Truncated {
                url,
                cause: cause.to_string(),
            },
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
        cause @ (TransportError::Signing { .. }
        | TransportError::TooLong { .. }
        | TransportError::Kubernetes { .. }) => OpenCostError::Transport { url, cause },
        TransportError::Redirected { to } => OpenCostError::Redirected { url, to },
        TransportError::Broken(cause) => OpenCostError::Truncated { url, cause },
    }
}
