//! How often the GPU exporter is scraped, so that a step can be chosen that holds a sample.

use jiff::Timestamp;

use super::client::PrometheusClient;
use super::error::PrometheusError;
use super::matcher::Matchers;
use crate::catalog::Catalog;
use crate::model::usage::Signal;

/// Seconds over which samples are counted; the longer one for exporters that are scraped rarely, or just now not.
const SPANS: [u32; 2] = [600, 3600];

/// The seconds between scrapes of the first GPU metric that is there, the median over its series, rounded up to five: a
/// step that long holds a sample. `None` where no GPU metric had a sample in the last hour.
///
/// # Errors
/// When the server cannot be reached or refuses the query.
pub async fn scrape_interval(
    client: &PrometheusClient,
    catalog: &Catalog,
    at: Timestamp,
) -> Result<Option<u32>, PrometheusError> {
    for span in SPANS {
        let (rows, _) = client
            .instant(&count_query(catalog, span, client.matchers()), at)
            .await?;
        let counts = rows.iter().flat_map(|row| &row.samples).map(|(_, count)| *count);
        if let Some(count) = counts.filter(|count| *count >= 1.0).reduce(f64::max) {
            return Ok(Some(seconds_between(span, count)));
        }
    }
    Ok(None)
}

fn count_query(catalog: &Catalog, span: u32, within: &Matchers) -> String {
    let gpu = Signal::ALL.into_iter().filter(|signal| signal.is_gpu());
    let names = gpu.flat_map(|signal| catalog.metric_names(signal));
    let median = |metric: &str| {
        let series = within.selector(metric, &[]);
        format!("quantile(0.5, count_over_time({series}[{span}s]))")
    };
    names.map(median).collect::<Vec<_>>().join(" or ")
}

pub(super) fn seconds_between(span: u32, count: f64) -> u32 {
    let seconds = (f64::from(span) / count).ceil() as u32;
    if seconds > 5 {
        seconds.next_multiple_of(5)
    } else {
        seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::loopback::{Reply, Server};

    #[test]
    fn the_query_parses() {
        let query = count_query(&Catalog::shipped().unwrap(), 600, &Matchers::default());
        assert!(promql_parser::parser::parse(&query).is_ok(), "{query}");
    }

    #[test]
    fn a_missed_scrape_makes_the_interval_longer_and_never_shorter() {
        assert_eq!(seconds_between(600, 40.0), 15);
        assert_eq!(seconds_between(600, 41.0), 15);
        assert_eq!(seconds_between(600, 39.0), 20);
        assert_eq!(seconds_between(600, 10.0), 60);
        assert_eq!(seconds_between(600, 600.0), 1);
        assert_eq!(seconds_between(3600, 1.0), 3600);
    }

    #[tokio::test]
    async fn a_rare_scrape_is_found_over_the_hour_and_none_is_none() {
        let catalog = Catalog::shipped().unwrap();
        let at = Timestamp::from_second(1_760_000_000).unwrap();
        let hourly = Server::start(|ask| {
            assert_eq!((ask.path.as_str(), ask.field("time")), ("/api/v1/query", "1760000000"));
            let found = ask.field("query").contains("[3600s]");
            Reply::vector(if found {
                r#"{"metric":{},"value":[1760000000,"4"]}"#
            } else {
                ""
            })
        });
        assert_eq!(
            scrape_interval(&hourly.client(), &catalog, at).await.unwrap(),
            Some(900)
        );
        let empty = Server::start(|_| Reply::vector(""));
        assert_eq!(scrape_interval(&empty.client(), &catalog, at).await.unwrap(), None);
        assert_eq!(empty.asked().len(), 2);
    }
}
