//! Asking for chunks, and giving it up for the whole run where the server does not offer them or they cannot be read: everything
//! that they tell can be had by range queries, too.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use super::decode::{Folding, RemoteReadError, decode};
use super::request::body;
use super::steps::{Fold, LeftEdge};
use crate::model::time::Grid;
use crate::sources::prometheus::body::streamed;
use crate::sources::prometheus::client::PrometheusClient;
use crate::sources::prometheus::decode::{DecodeError, SeriesRow};
use crate::sources::prometheus::error::PrometheusError;
use crate::sources::prometheus::flavour::Flavour;
use crate::sources::prometheus::matcher::Matchers;
use crate::sources::prometheus::refusal::refusal;
use crate::sources::prometheus::trouble::Trouble;
use crate::sources::transport::retry::{TRIES, retry_after};

/// Two points where a range's left edge is open, three where it is closed; of no data at all.
const EDGE_QUERY: &str = "count_over_time(vector(1)[2m:1m])";

const HEADERS: [(&str, &str); 3] = [
    ("content-encoding", "snappy"),
    ("content-type", "application/x-protobuf"),
    ("x-prometheus-remote-read-version", "0.1.0"),
];

/// What the answer must call itself; others are written differently.
const STREAMED: &str = "application/x-streamed-protobuf";

/// Where series go as they arrive, each with the place of its query.
pub(in crate::sources::prometheus) type PlacedSink<'s> = &'s (dyn Fn((usize, SeriesRow)) + Send + Sync);

/// Whether a server is asked for chunks in this run.
#[derive(Debug, Default)]
pub struct RemoteRead {
    /// Which sample belongs to which step there; `None` inside where it cannot be told.
    left: OnceCell<Option<LeftEdge>>,
    given_up: AtomicBool,
    /// Why it was given up, until somebody is told.
    untold: Mutex<Option<String>>,
}

/// Why there are no chunks.
#[derive(Debug)]
enum Declined {
    /// The server does not offer them.
    NotOffered,
    /// It does, and they are of no use: in words.
    Useless(String),
}

impl RemoteRead {
    /// Why it was given up, once.
    pub(in crate::sources::prometheus) fn take_reason(&self) -> Option<String> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Gives it up because the server has warned: who reads raw samples is told no warning.
    pub(in crate::sources::prometheus) fn warned(&self) {
        let why = "the server warns of missing data, which would not be told with them".to_owned();
        self.give_up(Declined::Useless(why));
    }

    fn give_up(&self, why: Declined) {
        if !self.given_up.swap(true, Ordering::Relaxed)
            && let Declined::Useless(why) = why
        {
            *self.untold.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        }
    }
}

impl PrometheusClient {
    /// Whether chunks are asked for, and came so far.
    pub fn reads_chunks(&self) -> bool {
        let usable = |remote: &RemoteRead| {
            let asked = remote.left.get().is_some_and(Option::is_some);
            asked && !remote.given_up.load(Ordering::Relaxed)
        };
        self.remote_read().is_some_and(usable)
    }

    /// Reads series by their chunks, all queries in one request; whether that was possible. Where it was not, what `sink` was
    /// handed must be thrown away.
    ///
    /// # Errors
    /// Where no query would be answered either.
    pub(in crate::sources::prometheus) async fn chunks(
        &self,
        queries: &[(Fold, &Matchers)],
        grid: Grid,
        sink: PlacedSink<'_>,
    ) -> Result<bool, PrometheusError> {
        let Some(remote) = self.remote_read() else {
            return Ok(false);
        };
        let end = grid.window.end;
        let left = *remote.left.get_or_try_init(|| self.left_edge(end)).await?;
        let Some(left) = left.filter(|_| !remote.given_up.load(Ordering::Relaxed)) else {
            return Ok(false);
        };
        let folds = queries.iter().map(|(fold, _)| *fold).collect();
        let folding = Folding { grid, folds, left };
        let matchers: Vec<&Matchers> = queries.iter().map(|(_, matchers)| *matchers).collect();
        let body = match body(&matchers, grid, left) {
            Ok(body) => Bytes::from(body),
            Err(error) => {
                remote.give_up(Declined::Useless(error.to_string()));
                return Ok(false);
            }
        };
        let mut tries = 1;
        loop {
            self.count_request();
            let why = match self.streamed_chunks(body.clone(), folding.clone(), sink, tries).await {
                Ok(Ok(samples)) => {
                    self.count_samples(samples);
                    return Ok(true);
                }
                Err(Trouble::Busy(told, _)) if tries < TRIES => {
                    self.pause(told, &mut tries).await;
                    continue;
                }
                Ok(Err(why)) => why,
                Err(trouble) => Declined::Useless(trouble.into_error().to_string()),
            };
            remote.give_up(why);
            return Ok(false);
        }
    }

    /// Which sample belongs to which step; asked only of those whose engine is Prometheus' own.
    async fn left_edge(&self, at: Timestamp) -> Result<Option<LeftEdge>, PrometheusError> {
        if !matches!(self.flavour(), Flavour::Prometheus | Flavour::Mimir) || !self.transport().takes_bytes() {
            return Ok(None);
        }
        // On a whole minute, so that the points of the subquery lie on the range's edges.
        let minute = at.as_second().div_euclid(60) * 60;
        let at = Timestamp::from_second(minute).unwrap_or(at);
        let rows = match self.instant(EDGE_QUERY, at).await {
            Ok((rows, _)) => rows,
            Err(PrometheusError::Refused { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let points = rows
            .first()
            .and_then(|row| row.samples.first())
            .map(|(_, count)| *count);
        Ok(match points {
            Some(2.0) => Some(LeftEdge::Open),
            Some(3.0) => Some(LeftEdge::Closed),
            _ => None,
        })
    }

    async fn streamed_chunks(
        &self,
        body: Bytes,
        folding: Folding,
        sink: PlacedSink<'_>,
        tries: u32,
    ) -> Result<Result<u64, Declined>, Trouble> {
        let response = match self.transport().post_bytes("api/v1/read", &HEADERS, &body).await {
            Ok(response) => response,
            // Whoever answers queries answers there, too; a proxy may send this path elsewhere.
            Err(error) => return Ok(Err(Declined::Useless(self.unreachable(error).into_error().to_string()))),
        };
        let status = response.status().as_u16();
        if matches!(status, 429 | 502 | 503) {
            let told = retry_after(response.headers(), Timestamp::now());
            let (cause, said) = refusal(response).await;
            let cause = cause.err().unwrap_or(DecodeError::Truncated);
            return Err(match self.trouble(status, cause, said, tries) {
                Trouble::Busy(_, error) => Trouble::Busy(told, error),
                other => other,
            });
        }
        if matches!(status, 404 | 405 | 501) {
            return Ok(Err(Declined::NotOffered));
        }
        if !(200..300).contains(&status) {
            let (_, said) = refusal(response).await;
            return Ok(Err(Declined::Useless(format!("HTTP {status}: {said}"))));
        }
        let kind = response.headers().get("content-type");
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("nothing");
        if !kind.starts_with(STREAMED) {
            let why = format!(
                "it answers with {}, not with chunks",
                kind.chars().take(60).collect::<String>()
            );
            return Ok(Err(Declined::Useless(why)));
        }
        let decoded = streamed(
            response,
            move |body, push| decode(body, &folding, |query, row| push((query, row))),
            sink,
        );
        let outcome = decoded.await.unwrap_or_else(|error| Err(RemoteReadError::Read(error)));
        Ok(outcome.map_err(|error| Declined::Useless(error.to_string())))
    }
}
