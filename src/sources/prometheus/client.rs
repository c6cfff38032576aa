//! One client for all queries: asks again where that helps, asks for less where that helps, and says what to do where
//! nothing does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use super::body::decode_response;
use super::decode::{DecodeError, Remarks, SeriesRow};
use super::error::PrometheusError;
use super::flavour::Flavour;
use super::matcher::Matchers;
use super::refusal::refusal;
use super::remote_read::RemoteRead;
use super::split::Chunk;
use super::trouble::Trouble;
use crate::model::progress::Load;
use crate::model::time::Window;
use crate::sources::endpoint::Endpoint;
use crate::sources::transport::retry::{BACKOFF, TRIES, retry_after, wait};
use crate::sources::transport::{Transport, TransportError};

/// Where series go as they arrive. A request that broke is made again, so a sink may be handed the same samples twice and
/// must count them once.
pub type Sink<'s> = &'s (dyn Fn(SeriesRow) + Send + Sync);

/// Prometheus gives a query two minutes by default; a client that gave up before would never learn why.
pub const SILENCE: Duration = Duration::from_secs(150);

/// Bytes of a page about the server itself.
const PAGE: usize = 1 << 20;

/// How often an answer may break off or fail to come before the whole range query is given up. Each time half is asked
/// for.
const BREAKS: u32 = 3;

/// A Prometheus, or a cousin that speaks its API.
#[derive(Clone)]
pub struct PrometheusClient {
    transport: Transport,
    flavour: Flavour,
    matchers: Matchers,
    backoff: Duration,
    load: Arc<Counts>,
    /// Raw samples are asked for where this is there and the server offers them.
    remote_read: Option<Arc<RemoteRead>>,
}

/// What was asked so far, over all copies of a client.
#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    samples: AtomicU64,
}

impl std::fmt::Debug for PrometheusClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PrometheusClient").field(&self.shown()).finish()
    }
}

#[derive(Clone, Copy)]
enum Ask {
    Range(Chunk),
    Instant(i64),
    /// Labels of the series of a window, from the server's index.
    Series(Window),
}

impl PrometheusClient {
    /// A client that asks this server straight; nothing is sent yet.
    ///
    /// # Errors
    /// When the endpoint has no usable URL, header, login or certificate.
    pub fn new(endpoint: &Endpoint) -> Result<Self, PrometheusError> {
        Ok(Self::over(Transport::direct(endpoint, SILENCE)?))
    }

    /// A client that asks over this way.
    pub fn over(transport: Transport) -> Self {
        Self {
            transport: transport.without_suffix("/api/v1"),
            flavour: Flavour::Unknown,
            matchers: Matchers::default(),
            backoff: BACKOFF,
            load: Arc::default(),
            remote_read: None,
        }
    }

    /// The same client, which reads raw samples instead of asking queries where the server offers that and it gives the same.
    #[must_use]
    pub fn with_remote_read(mut self) -> Self {
        self.remote_read = Some(Arc::default());
        self
    }

    /// Whether and how raw samples are read.
    pub(super) fn remote_read(&self) -> Option<&RemoteRead> {
        self.remote_read.as_deref()
    }

    /// The way to the server.
    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The same client, of series that these match alone.
    #[must_use]
    pub fn within(mut self, matchers: Matchers) -> Self {
        self.matchers = matchers;
        self
    }

    /// What every selector of its queries must carry.
    pub fn matchers(&self) -> &Matchers {
        &self.matchers
    }

    /// What was asked so far.
    pub fn load(&self) -> Load {
        Load {
            requests: self.load.requests.load(Ordering::Relaxed),
            samples: self.load.samples.load(Ordering::Relaxed),
        }
    }

    /// The same client, knowing who answers. Servers that do not tell are asked as Prometheus is.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn introduced(mut self) -> Result<Self, PrometheusError> {
        let host = self.transport.base().host_str().unwrap_or_default();
        self.flavour = match Flavour::of_host(host) {
            Some(flavour) => flavour,
            None => match Flavour::of_build(&self.page("api/v1/status/buildinfo").await?) {
                Some(flavour) => flavour,
                None if self.page("api/v1/stores").await?.is_empty() => Flavour::Prometheus,
                None => Flavour::Thanos,
            },
        };
        Ok(self)
    }

    /// The kin of the server, as far as it is known.
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// What stands at a path; nothing where the server has or gives nothing there.
    async fn page(&self, path: &str) -> Result<Vec<u8>, PrometheusError> {
        let mut tried = 1;
        loop {
            let outcome = match self.transport.get(path, &[]).await {
                Ok(response) if matches!(response.status().as_u16(), 429 | 502 | 503) && tried < TRIES => {
                    Err(retry_after(response.headers(), Timestamp::now()))
                }
                Ok(response) if response.status().is_success() => match self.transport.whole(response, PAGE).await {
                    Ok(page) => Ok(page),
                    Err(error) => return Err(self.unreachable(error).into_error()),
                },
                Ok(_) | Err(TransportError::Redirected { .. }) => Ok(Vec::new()),
                Err(error) => match self.unreachable(error) {
                    Trouble::Busy(told, _) if tried < TRIES => Err(told),
                    trouble => return Err(trouble.into_error()),
                },
            };
            match outcome {
                Ok(page) => return Ok(page),
                Err(told) => tokio::time::sleep(wait(told, self.backoff, tried)).await,
            }
            tried += 1;
        }
    }

    /// The same client, in no mood to wait.
    #[cfg(test)]
    pub(in crate::sources) fn hasty(self) -> Self {
        Self {
            backoff: Duration::from_millis(1),
            ..self
        }
    }

    /// The server's URL, fit for messages.
    pub fn shown(&self) -> &str {
        self.transport.shown()
    }

    /// Asks for a chunk, in halves where the server finds it too much. See [`Sink`] on samples that come twice.
    ///
    /// # Errors
    /// [`PrometheusError::Refused`] when this query cannot be answered; another one might. Everything else will fail the
    /// next query too.
    pub async fn range(&self, query: &str, chunk: Chunk, sink: Sink<'_>) -> Result<Remarks, PrometheusError> {
        let mut remarks = Remarks::default();
        let mut open = vec![chunk];
        let mut refused_points = usize::MAX;
        let mut breaks = 0;
        while let Some(chunk) = open.pop() {
            if chunk.points() < refused_points {
                match self.ask(query, Ask::Range(chunk), sink).await {
                    Ok(said) => {
                        remarks.warnings.extend(said.warnings);
                        remarks.infos.extend(said.infos);
                        continue;
                    }
                    Err(Trouble::TooMuch(error)) if chunk.points() == 1 => return Err(error),
                    Err(Trouble::Broken(error)) if chunk.points() == 1 || breaks == BREAKS => return Err(error),
                    Err(Trouble::TooMuch(_)) => {}
                    Err(Trouble::Broken(_)) => breaks += 1,
                    Err(Trouble::Busy(_, error) | Trouble::Failed(error)) => return Err(error),
                }
                refused_points = chunk.points();
            }
            // What was refused has two points or more, so it can be halved.
            if let Some((earlier, later)) = chunk.halved() {
                open.extend([later, earlier]);
            }
        }
        Ok(remarks)
    }

    /// Asks for one moment.
    ///
    /// # Errors
    /// As for [`PrometheusClient::range`].
    pub async fn instant(&self, query: &str, time: Timestamp) -> Result<(Vec<SeriesRow>, Remarks), PrometheusError> {
        self.rows(query, Ask::Instant(time.as_second())).await
    }

    /// Asks which series there are of the metrics of these names; the rows have no samples.
    ///
    /// # Errors
    /// As for [`PrometheusClient::range`].
    pub async fn series(&self, names: &[&str], window: Window) -> Result<(Vec<SeriesRow>, Remarks), PrometheusError> {
        self.rows(&names.join(" "), Ask::Series(window)).await
    }

    async fn rows(&self, query: &str, ask: Ask) -> Result<(Vec<SeriesRow>, Remarks), PrometheusError> {
        let rows = std::sync::Mutex::new(Vec::new());
        let sink = |row| rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(row);
        let asked = self.ask(query, ask, &sink).await;
        let remarks = asked.map_err(Trouble::into_error)?;
        let rows = rows.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok((rows, remarks))
    }

    async fn ask(&self, query: &str, ask: Ask, sink: Sink<'_>) -> Result<Remarks, Trouble> {
        let counted = |row: SeriesRow| {
            self.count_samples(row.samples.len() as u64);
            sink(row);
        };
        let mut tries = 1;
        loop {
            self.count_request();
            let outcome = match self.send(query, ask).await {
                Ok(response) => self.judge(response, tries, &counted).await,
                Err(error) => Err(self.unreachable(error)),
            };
            match outcome {
                Err(Trouble::Busy(told, _)) if tries < TRIES => self.pause(told, &mut tries).await,
                other => return other,
            }
        }
    }

    /// Waits until it may be asked again, as the server told or longer each time.
    pub(super) async fn pause(&self, told: Option<Duration>, tries: &mut u32) {
        tokio::time::sleep(wait(told, self.backoff, *tries)).await;
        *tries += 1;
    }

    pub(super) fn count_request(&self) {
        self.load.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_samples(&self, samples: u64) {
        self.load.samples.fetch_add(samples, Ordering::Relaxed);
    }

    async fn send(&self, query: &str, ask: Ask) -> Result<reqwest::Response, TransportError> {
        let own = self.flavour.fields().iter();
        let own = own.map(|(name, value)| (*name, (*value).to_owned()));
        let words = || ("query", self.flavour.words(query).into_owned());
        let (path, asked) = match ask {
            Ask::Range(chunk) => {
                let (start, end) = (chunk.start_second().to_string(), chunk.end_second().to_string());
                let step = chunk.step_seconds().to_string();
                (
                    "api/v1/query_range",
                    vec![words(), ("start", start), ("end", end), ("step", step)],
                )
            }
            Ask::Instant(time) => ("api/v1/query", vec![words(), ("time", time.to_string())]),
            Ask::Series(window) => {
                let (start, end) = (window.start.as_second().to_string(), window.end.as_second().to_string());
                let selectors = self.matchers.each(query.split_whitespace()).into_iter();
                let asked = selectors.map(|selector| ("match[]", selector));
                let fields: Vec<_> = asked.chain([("start", start), ("end", end)]).chain(own).collect();
                return self.transport.get("api/v1/series", &fields).await;
            }
        };
        let fields: Vec<_> = asked.into_iter().chain(own).collect();
        self.transport.post(path, &fields).await
    }

    /// What a response says.
    async fn judge(&self, response: reqwest::Response, tries: u32, sink: Sink<'_>) -> Result<Remarks, Trouble> {
        let status = response.status().as_u16();
        let told = retry_after(response.headers(), Timestamp::now());
        let (outcome, said) = if response.status().is_success() {
            (decode_response(response, sink).await, String::new())
        } else {
            refusal(response).await
        };
        let cause = match outcome {
            Ok(remarks) if (200..300).contains(&status) => return Ok(remarks),
            Ok(_) => DecodeError::Malformed("success beside an error status".to_owned()),
            Err(cause) => cause,
        };
        Err(match self.trouble(status, cause, said, tries) {
            Trouble::Busy(_, error) => Trouble::Busy(told, error),
            other => other,
        })
    }
}

#[cfg(test)]
mod tests;
