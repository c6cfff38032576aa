//! Signals from answers: what becomes a value, what a gap.

use jiff::Timestamp;

use super::*;
use crate::model::progress::Silent;
use crate::model::time::Window;
use crate::sources::loopback::{Ask, Reply, Server};

const START: i64 = 1_760_000_000;

fn grid(points: i64) -> Grid {
    let start = Timestamp::from_second(START).unwrap();
    let end = Timestamp::from_second(START + points * 60).unwrap();
    Grid {
        window: Window { start, end },
        step_seconds: 60,
    }
}

async fn reading(server: &Server, grid: Grid) -> Result<SeriesReading, PrometheusError> {
    series(&server.client(), &Catalog::shipped().unwrap(), grid, None, &Silent).await
}

fn about(ask: &Ask, metric: &str) -> bool {
    ask.field("query").contains(metric)
}

#[tokio::test]
async fn chunks_of_one_series_become_one_column() {
    let server = Server::start(|ask| {
        if about(ask, "DCGM_FI_DEV_GPU_UTIL") {
            let metric = r#"{"__name__":"x","UUID":"GPU-1","pod":""}"#;
            return Reply::matrix(&ask.flat(metric, "42"));
        }
        Reply::matrix("")
    });
    let reading = reading(&server, grid(25_000)).await.unwrap();
    assert_eq!(reading.series.len(), 1);
    let series = &reading.series[0];
    assert_eq!(series.signal, Signal::GpuUtil);
    assert_eq!(series.labels, Labels::from([("UUID".to_owned(), "GPU-1".to_owned())]));
    assert_eq!((series.column.len(), series.column.count()), (25_000, 25_000));
    assert!(reading.gaps.is_empty(), "{:?}", reading.gaps);
}

#[tokio::test]
async fn what_dcgm_could_not_read_is_a_gap_and_never_a_value() {
    let sentinels = [
        "9223372036854775794",
        "9.223372036854776e+18",
        "140737488355328",
        // The mean of a step in which one sample of twenty was blank.
        "7036874417766.4",
        "NaN",
        "+Inf",
    ];
    let server = Server::start(move |ask| {
        if !about(ask, "DCGM_FI_DEV_FB_USED") {
            return Reply::matrix("");
        }
        let mut points = ask.points().into_iter();
        let mut samples = vec![format!("[{},\"81559\"]", points.next().unwrap())];
        samples.extend(
            sentinels
                .iter()
                .zip(points)
                .map(|(value, at)| format!("[{at},\"{value}\"]")),
        );
        let blank = ask.flat(r#"{"UUID":"GPU-2"}"#, "9223372036854775794");
        let mixed = format!(r#"{{"metric":{{"UUID":"GPU-1"}},"values":[{}]}}"#, samples.join(","));
        Reply::matrix(&format!("{mixed},{blank}"))
    });
    let reading = reading(&server, grid(7)).await.unwrap();
    assert_eq!(reading.series.len(), 1, "{:?}", reading.series);
    assert_eq!(reading.series[0].column.samples().collect::<Vec<_>>(), [(0, 81_559.0)]);
    let gap = reading.blanks.gaps().next().unwrap();
    assert_eq!(gap.what, "11 values of `memory_used` are blank and were left out");
}

#[tokio::test]
async fn a_warning_is_one_gap_that_names_its_signal() {
    let server = Server::start(|ask| {
        let answer = Reply::matrix("");
        if about(ask, "POWER_USAGE") {
            answer.warning("store eu-1 is down")
        } else {
            answer
        }
    });
    let reading = reading(&server, grid(25_000)).await.unwrap();
    let warned: Vec<&Gap> = reading
        .gaps
        .iter()
        .filter(|gap| gap.code == "prometheus-warning")
        .collect();
    assert_eq!(warned.len(), 1);
    assert!(warned[0].what.contains("`power`") && warned[0].why.contains("store eu-1 is down"));
}

#[tokio::test]
async fn a_refused_signal_is_a_gap_and_the_others_go_on() {
    let server = Server::start(|ask| {
        if about(ask, "kv_cache_usage") {
            return Reply::error(422, "execution", "found duplicate series");
        }
        if about(ask, "num_requests_running") {
            return Reply::matrix(&ask.flat(r#"{"pod":"llama-0"}"#, "3"));
        }
        Reply::matrix("")
    });
    let reading = reading(&server, grid(5)).await.unwrap();
    assert_eq!(reading.series.len(), 1);
    let gap = reading
        .gaps
        .iter()
        .find(|gap| gap.code == "prometheus-refused")
        .unwrap();
    assert!(gap.what.contains("kv_cache_usage") && gap.why.contains("duplicate series"));
}

#[tokio::test]
async fn who_lets_nobody_in_ends_the_reading() {
    let server = Server::start(|_| Reply::new(401, "Unauthorized"));
    let error = reading(&server, grid(5)).await.unwrap_err();
    assert!(matches!(error, PrometheusError::Credentials { .. }), "{error}");
    assert!(server.asked().len() <= AT_ONCE);
}

#[test]
fn a_reading_may_be_made_on_any_thread() {
    fn on_any_thread(_: impl Future + Send) {}
    let client = crate::sources::loopback::client("http://127.0.0.1:1");
    let catalog = Catalog::shipped().unwrap();
    on_any_thread(series(&client, &catalog, grid(1), None, &Silent));
}

#[tokio::test]
async fn a_value_that_a_field_cannot_have_is_no_value() {
    // AMD's library writes 65535 for an activity that it could not read, and a ratio above one is a percentage.
    let server = Server::start(|ask| {
        let value = match ask.field("query") {
            query if query.contains("gpu_gfx_activity") => "65535",
            query if query.contains("GR_ENGINE_ACTIVE") => "37.5",
            query if query.contains("FB_USED") => "65535",
            _ => return Reply::matrix(""),
        };
        Reply::matrix(&ask.flat(r#"{"gpu_uuid":"a"}"#, value))
    });
    let reading = reading(&server, grid(3)).await.unwrap();
    let signals: Vec<Signal> = reading.series.iter().map(|series| series.signal).collect();
    assert_eq!(signals, [Signal::MemoryUsed]);
    assert_eq!(reading.blanks.gaps().count(), 2);
}

#[tokio::test]
async fn points_may_come_in_any_order_twice_and_of_another_time() {
    let server = Server::start(|ask| {
        if !about(ask, "DCGM_FI_DEV_POWER_USAGE") {
            return Reply::matrix("");
        }
        let point = |index: i64| START + index * 60;
        let odd = [
            (point(3), "30"),
            (point(1), "10"),
            (point(2), "20"),
            // Replicas of one scraper that were not folded: the larger counts, once.
            (point(2), "25"),
            (point(2), "15"),
            // Before and behind what was asked for, and in a time to come.
            (point(0), "1"),
            (point(-5), "2"),
            (point(6), "3"),
            (i64::from(u32::MAX), "4"),
        ];
        let odd = odd.map(|(at, value)| format!("[{at},\"{value}\"]")).join(",");
        // No time at all, and one between two points.
        let times = [r#"[1e300,"5"]"#, r#"[-1e300,"6"]"#, r#"[1760000270,"7"]"#].join(",");
        Reply::matrix(&format!(
            r#"{{"metric":{{"UUID":"GPU-1"}},"values":[{odd},{times}]}},{{"metric":{{"UUID":"GPU-1"}},"values":[[{},"40"]]}}"#,
            point(4)
        ))
    });
    let reading = reading(&server, grid(5)).await.unwrap();
    assert_eq!(reading.series.len(), 1, "{:?}", reading.series);
    let samples: Vec<_> = reading.series[0].column.samples().collect();
    assert_eq!(samples[..3], [(0, 10.0), (1, 25.0), (2, 30.0)]);
    // What lies between two points belongs to neither or to the next; never to a time that is over.
    assert!(samples[3..].iter().all(|(at, _)| (3..5).contains(at)), "{samples:?}");
    assert_eq!(samples[3].1, 40.0);
}
