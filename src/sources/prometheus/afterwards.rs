//! Whether a store has gone on after a window: what it holds of the time since could overturn what the window says.

use std::sync::atomic::{AtomicBool, Ordering};

use super::client::PrometheusClient;
use super::clusters::{PROBES, SIGNALS};
use super::decode::SeriesRow;
use super::error::PrometheusError;
use super::history::grid_to_end;
use super::kube_state::gpu_requests;
use super::matcher::Matchers;
use super::split::chunks;
use crate::catalog::Catalog;
use crate::model::time::Window;

/// Whether the store holds, or may hold, samples of this cluster's GPUs, of pods that ask for them or of model servers within
/// the time `since` a window. One request, which reads single points; where it is refused or answered in part, what was not
/// told may be there.
///
/// # Errors
/// As for [`super::read::series`].
pub async fn goes_on(client: &PrometheusClient, catalog: &Catalog, since: Window) -> Result<bool, PrometheusError> {
    let span = u32::try_from(since.end.as_second() - since.start.as_second()).unwrap_or(u32::MAX);
    let grid = grid_to_end(since, span.div_ceil(PROBES).max(1));
    let query = query(catalog, client.matchers());
    let seen = AtomicBool::new(false);
    let sink = |row: SeriesRow| _ = seen.fetch_or(!row.samples.is_empty(), Ordering::Relaxed);
    for chunk in chunks(grid) {
        match client.range(&query, chunk, &sink).await {
            Ok(remarks) if remarks.warnings.is_empty() => {}
            Ok(_) | Err(PrometheusError::Refused { .. }) => return Ok(true),
            Err(error) => return Err(error),
        }
    }
    Ok(seen.into_inner())
}

fn query(catalog: &Catalog, within: &Matchers) -> String {
    let names = SIGNALS.into_iter().flat_map(|signal| catalog.metric_names(signal));
    let all = names.map(|metric| within.selector(metric, &[]));
    let all = all.chain([gpu_requests(within, "")]);
    all.map(|series| format!("count({series})"))
        .collect::<Vec<_>>()
        .join(" or ")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::sources::loopback::{Reply, Server};

    const START: i64 = 1_760_000_000;

    async fn told(server: &Server, seconds: i64) -> bool {
        let time = |second| Timestamp::from_second(second).unwrap();
        let since = Window {
            start: time(START),
            end: time(START + seconds),
        };
        let client = server.client().within(r#"cluster="a""#.parse().unwrap());
        goes_on(&client, &Catalog::shipped().unwrap(), since).await.unwrap()
    }

    #[tokio::test]
    async fn one_request_over_the_time_since_tells_whether_the_cluster_went_on() {
        let silent = Server::start(|_| Reply::matrix(""));
        for seconds in [1, 60, 86_400, 400 * 86_400] {
            assert!(!told(&silent, seconds).await);
        }
        let asked = silent.asked();
        assert_eq!(asked.len(), 4, "one request each");
        for ask in &asked {
            let query = ask.field("query");
            assert!(promql_parser::parser::parse(query).is_ok(), "{query}");
            // Another cluster of the store says nothing of this one.
            assert_eq!(query.matches("count(").count(), query.matches(r#"cluster="a""#).count());
            let points = ask.points();
            assert!(points.len() <= 48 && points[0] >= START, "{points:?}");
        }
        // An exporter that died in between was there.
        let died = Server::start(|ask| {
            let first = ask.points()[0];
            Reply::matrix(&format!(r#"{{"metric":{{}},"values":[[{first},"8"]]}}"#))
        });
        assert!(told(&died, 30 * 86_400).await);
    }

    #[tokio::test]
    async fn what_was_not_told_may_be_there() {
        let limited = Server::start(|_| Reply::error(422, "execution", "the query time range exceeds the limit"));
        assert!(told(&limited, 86_400).await);
        let partial = Server::start(|_| Reply::matrix("").warning("store gateway is away"));
        assert!(told(&partial, 86_400).await);
    }
}
