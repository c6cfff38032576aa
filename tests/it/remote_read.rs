//! Remote read against real servers on loopback: its columns are those that range queries give, point for point, whichever major
//! version answers and however it stores floats.

use std::collections::BTreeMap;
use std::path::Path;

use gpuwise::catalog::Catalog;
use gpuwise::model::progress::Silent;
use gpuwise::model::reading::Series;
use gpuwise::model::time::{Grid, Window};
use gpuwise::model::usage::Signal;
use gpuwise::sources::endpoint::Endpoint;
use gpuwise::sources::prometheus::client::PrometheusClient;
use gpuwise::sources::prometheus::read::{SeriesReading, series};
use prost::Message;

use crate::generator::{END, HOUR, Size, World};
use crate::servers::{self, prometheus_is_installed, start_prometheus};

const WINDOW_HOURS: i64 = 3;

/// What the window needs, and a little before it.
const SPAN: (i64, i64) = (END - WINDOW_HOURS * HOUR - 600, END);

fn grid() -> Grid {
    let at = |second| jiff::Timestamp::from_second(second).unwrap();
    let window = Window {
        start: at(END - WINDOW_HOURS * HOUR),
        end: at(END),
    };
    Grid {
        window,
        step_seconds: 60,
    }
}

async fn read(client: &PrometheusClient) -> SeriesReading {
    let catalog = Catalog::shipped().unwrap();
    series(client, &catalog, grid(), None, &Silent).await.unwrap()
}

/// Reads a server both ways.
async fn compare(url: &str) {
    let asked = PrometheusClient::new(&Endpoint::new(url)).unwrap();
    let by_queries = read(&asked).await;
    let streamed = PrometheusClient::new(&Endpoint::new(url)).unwrap();
    let streamed = streamed.introduced().await.unwrap().with_remote_read();
    let by_chunks = read(&streamed).await;
    assert!(streamed.reads_chunks(), "{url} was asked queries instead");
    assert!(
        streamed.load().samples > asked.load().samples,
        "raw samples are more than points"
    );
    let of = |reading: &SeriesReading| -> BTreeMap<(Signal, String), Series> {
        let keyed = |one: &Series| ((one.signal, format!("{:?}", one.labels)), one.clone());
        reading.series.iter().map(keyed).collect()
    };
    let (by_queries, by_chunks) = (of(&by_queries), of(&by_chunks));
    assert_eq!(
        by_queries.keys().collect::<Vec<_>>(),
        by_chunks.keys().collect::<Vec<_>>()
    );
    assert!(by_queries.len() > 100);
    for (key, asked) in &by_queries {
        let streamed = &by_chunks[key];
        let points: Vec<(usize, f64)> = asked.column.samples().collect();
        let others: Vec<(usize, f64)> = streamed.column.samples().collect();
        assert_eq!(points.len(), others.len(), "{key:?}");
        for ((index, value), (other_index, other)) in points.into_iter().zip(others) {
            // Prometheus 2 takes a mean step by step, which may round the last digit the other way.
            let near = (value - other).abs() <= 1e-12 * value.abs();
            assert!(index == other_index && near, "{key:?}: {value} and {other} at {index}");
        }
    }
}

#[tokio::test]
async fn debians_prometheus_gives_the_same_columns_both_ways() {
    if !prometheus_is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let world = World::generate(4, Size::Small, 2);
    let (_running, url) = servers::prometheus(&world, SPAN, folder.path()).await;
    compare(&url).await;
}

#[tokio::test]
async fn prometheus_3_gives_the_same_columns_however_it_stores_floats() {
    let Some(program) = std::env::var("GPUWISE_PROMETHEUS3")
        .ok()
        .filter(|path| !path.is_empty())
    else {
        println!("skipped: GPUWISE_PROMETHEUS3 names no Prometheus 3");
        return;
    };
    let world = World::generate(4, Size::Small, 2);
    for encoding in ["xor", "xor2"] {
        let folder = tempfile::tempdir().unwrap();
        let arguments = ["--web.enable-remote-write-receiver", "--enable-feature=xor2-encoding"];
        let arguments = if encoding == "xor" {
            &arguments[..1]
        } else {
            &arguments[..]
        };
        let (_running, url) = start_prometheus(&program, arguments, folder.path()).await;
        write(&world.openmetrics_text(SPAN.0, SPAN.1), &url).await;
        compare(&url).await;
        said_nothing_wrong(folder.path());
    }
}

/// A Prometheus 3, which no distribution has yet.
pub(crate) fn program_of_3() -> Option<String> {
    let named = std::env::var("GPUWISE_PROMETHEUS3")
        .ok()
        .filter(|path| !path.is_empty());
    if named.is_none() {
        println!("skipped: GPUWISE_PROMETHEUS3 names no Prometheus 3");
    }
    named
}

/// The server stored every sample: one that it refused would be missing both ways.
fn said_nothing_wrong(folder: &Path) {
    let log = std::fs::read_to_string(folder.join("prometheus.log")).unwrap();
    let wrong: Vec<&str> = log.lines().filter(|line| line.contains("level=ERROR")).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// Sends samples, as OpenMetrics text, by remote write, as they would have come: in time order.
pub(crate) async fn write(text: &str, url: &str) {
    let mut slices: BTreeMap<i64, BTreeMap<Vec<Label>, Vec<Sample>>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (head, rest) = line.rsplit_once("} ").unwrap();
        let (value, second) = rest.split_once(' ').unwrap();
        let millisecond = (second.parse::<f64>().unwrap() * 1000.0) as i64;
        let series = slices
            .entry(millisecond / 600_000)
            .or_default()
            .entry(labels(head))
            .or_default();
        series.push(Sample {
            value: value.parse().unwrap(),
            timestamp: millisecond,
        });
    }
    let client = reqwest::Client::new();
    for slice in slices.into_values() {
        let series = |(labels, samples)| TimeSeries { labels, samples };
        let request = WriteRequest {
            timeseries: slice.into_iter().map(series).collect(),
        };
        let body = snap::raw::Encoder::new()
            .compress_vec(&request.encode_to_vec())
            .unwrap();
        let sent = client
            .post(format!("{url}/api/v1/write"))
            .header("Content-Encoding", "snappy")
            .header("Content-Type", "application/x-protobuf")
            .header("X-Prometheus-Remote-Write-Version", "0.1.0")
            .body(body)
            .send()
            .await
            .unwrap();
        let status = sent.status();
        assert!(status.is_success(), "{status}: {}", sent.text().await.unwrap());
    }
}

/// The labels of `name{label="value",...`, ordered as the protocol asks.
fn labels(head: &str) -> Vec<Label> {
    let (name, rest) = head.split_once('{').unwrap();
    let label = |name: &str, value: &str| Label {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let pairs = rest.split("\",").map(|pair| pair.split_once("=\"").unwrap());
    let mut labels: Vec<Label> = pairs
        .map(|(name, value)| label(name, value.trim_end_matches('"')))
        .collect();
    labels.push(label("__name__", name));
    labels.sort();
    labels
}
