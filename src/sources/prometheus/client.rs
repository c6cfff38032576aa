//! One client for all queries: asks again where that helps, asks for less where that helps, and says what to do where
//! nothing does.

use std::time::Duration;

use jiff::Timestamp;
use prometheus_http_query::Selector;

use super::body::{causes, decode_response};
use super::decode::{DecodeError, Remarks, SeriesRow, decode};
use super::error::PrometheusError;
use super::split::Chunk;
use crate::model::time::Window;
use crate::sources::endpoint::{Endpoint, EndpointError};

/// Where series go as they arrive. A request that broke is made again, so a sink may be handed the same samples twice and
/// must count them once.
pub type Sink<'s> = &'s (dyn Fn(SeriesRow) + Send + Sync);

/// Prometheus gives a query two minutes by default; a client that gave up before would never learn why.
const TIMEOUT: Duration = Duration::from_secs(150);

/// How often a busy server is asked.
const TRIES: u32 = 3;

/// How often an answer may break off or fail to come before the whole range query is given up. Each time half is asked
/// for.
const BREAKS: u32 = 3;

/// The longest that `Retry-After` is obeyed.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How much of an error page is read.
const ERROR_BYTES: usize = 64 << 10;

/// A Prometheus, or a cousin that speaks its API.
#[derive(Clone)]
pub struct PrometheusClient {
    api: prometheus_http_query::Client,
    base: reqwest::Url,
    shown: String,
    backoff: Duration,
}

impl std::fmt::Debug for PrometheusClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PrometheusClient").field(&self.shown).finish()
    }
}

#[derive(Clone, Copy)]
enum Ask {
    Range(Chunk),
    Instant(i64),
    /// Labels of the series of a window, from the server's index.
    Series(Window),
}

/// Why an answer did not come, by what helps.
enum Trouble {
    /// Asking for less.
    TooMuch(PrometheusError),
    /// Asking for less, but not for ever.
    Broken(PrometheusError),
    /// Asking later.
    Busy(Option<Duration>, PrometheusError),
    /// Nothing.
    Failed(PrometheusError),
}

impl Trouble {
    fn into_error(self) -> PrometheusError {
        match self {
            Self::TooMuch(error) | Self::Broken(error) | Self::Busy(_, error) | Self::Failed(error) => error,
        }
    }
}

impl PrometheusClient {
    /// A client for this server; nothing is sent yet.
    ///
    /// # Errors
    /// When the endpoint has no usable URL, header or certificate.
    pub fn new(endpoint: &Endpoint) -> Result<Self, PrometheusError> {
        let http = endpoint.client(TIMEOUT)?;
        let shown = endpoint.shown();
        let bad = |cause: String| EndpointError::Url {
            url: shown.clone(),
            cause,
        };
        let mut base = reqwest::Url::parse(&endpoint.url).map_err(|error| bad(error.to_string()))?;
        let path = base.path().trim_end_matches('/');
        let path = path.strip_suffix("/api/v1").unwrap_or(path).to_owned();
        base.set_path(&path);
        let api = prometheus_http_query::Client::from(http, base.as_str()).map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            api,
            base,
            shown,
            backoff: Duration::from_secs(1),
        })
    }

    /// The same client, in no mood to wait.
    #[cfg(test)]
    pub(super) fn hasty(self) -> Self {
        Self {
            backoff: Duration::from_millis(1),
            ..self
        }
    }

    /// The server's URL, fit for messages.
    pub fn shown(&self) -> &str {
        &self.shown
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

    /// Asks which series there are of the metrics that a pattern names; the rows have no samples.
    ///
    /// # Errors
    /// As for [`PrometheusClient::range`].
    pub async fn series(&self, names: &str, window: Window) -> Result<(Vec<SeriesRow>, Remarks), PrometheusError> {
        self.rows(names, Ask::Series(window)).await
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
        let mut tries = 1;
        loop {
            let outcome = match self.send(query, ask).await {
                Ok(response) => self.judge(response, ask, tries, sink).await,
                Err(error) => Err(self.unreachable(&error)),
            };
            match outcome {
                Err(Trouble::Busy(wait, _)) if tries < TRIES => {
                    let wait = wait.unwrap_or(self.backoff * 2_u32.pow(tries - 1));
                    tokio::time::sleep(wait.min(LONGEST_WAIT)).await;
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    async fn send(&self, query: &str, ask: Ask) -> Result<reqwest::Response, prometheus_http_query::Error> {
        match ask {
            Ask::Range(chunk) => {
                let (start, end) = (chunk.start_second(), chunk.end_second());
                let query = self.api.query_range(query, start, end, f64::from(chunk.step_seconds()));
                // Without it VictoriaMetrics moves start and end to multiples of the step. Prometheus, Thanos and Mimir
                // read the parameters they know and leave others alone.
                query.query("nocache", 1).post_raw().await
            }
            Ask::Instant(time) => self.api.query(query).at(time).query("nocache", 1).post_raw().await,
            Ask::Series(window) => {
                let names = Selector::new().regex_eq("__name__", query);
                let (start, end) = (window.start.as_second(), window.end.as_second());
                self.api.series([names])?.start(start).end(end).get_raw().await
            }
        }
    }

    /// What a request that got no response says.
    fn unreachable(&self, error: &prometheus_http_query::Error) -> Trouble {
        let url = self.shown.clone();
        let inner = match error {
            prometheus_http_query::Error::Client(error) => error.inner(),
            _ => None,
        };
        let Some(error) = inner else {
            let cause = error.to_string();
            return Trouble::Failed(PrometheusError::Connect { url, cause });
        };
        let cause = causes(error);
        if error.is_connect() {
            let tls = ["certificate", "TLS", "tls", "handshake", "InvalidContentType"];
            return Trouble::Failed(if tls.iter().any(|sign| cause.contains(sign)) {
                PrometheusError::Tls { url, cause }
            } else {
                PrometheusError::Connect { url, cause }
            });
        }
        if error.is_timeout() {
            let seconds = TIMEOUT.as_secs();
            return Trouble::Broken(PrometheusError::TimedOut { url, seconds });
        }
        if error.is_builder() || error.is_redirect() {
            return Trouble::Failed(PrometheusError::Connect { url, cause });
        }
        // A connection that was kept alive may be closed just as it is used again.
        Trouble::Busy(None, PrometheusError::Connect { url, cause })
    }

    /// What a response says.
    async fn judge(
        &self,
        response: reqwest::Response,
        ask: Ask,
        tries: u32,
        sink: Sink<'_>,
    ) -> Result<Remarks, Trouble> {
        let status = response.status().as_u16();
        let elsewhere = self.elsewhere(response.url(), ask);
        let wait = retry_after(response.headers());
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
        if let Some(to) = elsewhere
            && matches!(status, 200 | 400 | 404 | 405)
        {
            let url = self.shown.clone();
            return Err(Trouble::Failed(PrometheusError::Redirected { url, to }));
        }
        Err(match self.trouble(status, cause, said, tries) {
            Trouble::Busy(_, error) => Trouble::Busy(wait, error),
            other => other,
        })
    }

    /// What helps against an answer that is none.
    fn trouble(&self, status: u16, cause: DecodeError, said: String, tries: u32) -> Trouble {
        let url = self.shown.clone();
        let refused = |url, error_type, message| PrometheusError::Refused {
            url,
            error_type,
            message,
        };
        match (status, cause) {
            (401 | 403, _) => Trouble::Failed(PrometheusError::Credentials { url, status, said }),
            (404, _) => Trouble::Failed(PrometheusError::NotFound { url, said }),
            (_, DecodeError::Refused { error_type, message }) if asks_for_less(status, &error_type, &message) => {
                Trouble::TooMuch(refused(url, error_type, message))
            }
            (413 | 504, _) => Trouble::TooMuch(refused(url, status.to_string(), said)),
            (429 | 502 | 503, _) => {
                let busy = PrometheusError::Busy {
                    url,
                    status,
                    said,
                    tries,
                };
                Trouble::Busy(None, busy)
            }
            (_, DecodeError::Refused { error_type, message }) => Trouble::Failed(refused(url, error_type, message)),
            (200..300, cause @ (DecodeError::Truncated | DecodeError::Read(_))) => {
                Trouble::Broken(PrometheusError::Answer { url, cause })
            }
            (200..300, cause) | (_, cause @ DecodeError::Html) => {
                Trouble::Failed(PrometheusError::Answer { url, cause })
            }
            _ => Trouble::Failed(PrometheusError::Status { url, status, said }),
        }
    }

    /// Where a response came from, if a redirect led away from the server that was asked.
    fn elsewhere(&self, at: &reqwest::Url, ask: Ask) -> Option<String> {
        let end = match ask {
            Ask::Range(_) => "/api/v1/query_range",
            Ask::Instant(_) => "/api/v1/query",
            Ask::Series(_) => "/api/v1/series",
        };
        let same = at.origin() == self.base.origin() && at.path().ends_with(end);
        (!same).then(|| format!("{}{}", at.origin().ascii_serialization(), at.path()))
    }
}

/// Whether less time at once may be answered: every server words its limits its own way.
fn asks_for_less(status: u16, error_type: &str, message: &str) -> bool {
    const SLOW: [&str; 3] = ["timeout", "timed out", "deadline"];
    const LARGE: [&str; 6] = [
        "too many",
        "exceed",
        "maximum resolution",
        "too long",
        "too large",
        "cannot select more than",
    ];
    let message = message.to_ascii_lowercase();
    let says = |signs: &[&str]| signs.iter().any(|sign| message.contains(sign));
    match status {
        413 | 504 => true,
        // Limits on requests, not on what one request asks for.
        429 | 502 => false,
        503 => error_type == "timeout" || says(&SLOW),
        _ => error_type == "timeout" || says(&SLOW) || says(&LARGE),
    }
}

/// The seconds of `Retry-After`; its other form, a date, is left to the own back-off.
fn retry_after(headers: &reqwest::header::HeaderMap) -> Option<Duration> {
    let value = headers.get(reqwest::header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// The body of an error status, as an answer and in its own words.
async fn refusal(mut response: reqwest::Response) -> (Result<Remarks, DecodeError>, String) {
    let mut body = Vec::new();
    while body.len() < ERROR_BYTES
        && let Ok(Some(piece)) = response.chunk().await
    {
        body.extend_from_slice(&piece);
    }
    let outcome = decode(body.as_slice(), |_| {});
    let said = match &outcome {
        Err(DecodeError::Refused { message, .. }) => message.clone(),
        Err(DecodeError::Html) => "an HTML page".to_owned(),
        _ => {
            let text = String::from_utf8_lossy(&body);
            let words: Vec<&str> = text.split_whitespace().take(40).collect();
            if words.is_empty() {
                "no words".to_owned()
            } else {
                words.join(" ").chars().take(300).collect()
            }
        }
    };
    (outcome, said)
}

#[cfg(test)]
mod tests;
