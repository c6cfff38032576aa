//! Histograms from answers: what becomes a count, what a gap.

use jiff::Timestamp;

use super::*;
use crate::model::progress::Silent;
use crate::model::time::Window;
use crate::sources::loopback::{Ask, Reply, Server};

const START: i64 = 1_760_000_400;

fn grid(hours: i64) -> Grid {
    let at = |second| Timestamp::from_second(second).unwrap();
    Grid {
        window: Window {
            start: at(START),
            end: at(START + hours * 3_600),
        },
        step_seconds: 60,
    }
}

async fn reading(server: &Server, hours: i64) -> SeriesReading {
    let catalog = Catalog::shipped().unwrap();
    histograms(&server.client(), &catalog, grid(hours), &Silent)
        .await
        .unwrap()
}

fn first(ask: &Ask) -> bool {
    ask.field("query").contains("vllm:time_to_first_token_seconds")
}

fn values(reading: &SeriesReading, wanted: &[(&str, &str)]) -> Vec<(usize, f64)> {
    let wanted: Labels = wanted.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let found = reading.series.iter().find(|series| series.labels == wanted);
    let found = found.unwrap_or_else(|| panic!("{wanted:?} is not in {:#?}", reading.series));
    assert_eq!(found.signal, Signal::TimeToFirstToken);
    found.column.samples().collect()
}

#[tokio::test]
async fn a_classic_histogram_is_an_hour_a_point_and_one_query_a_signal() {
    let server = Server::start(|ask| {
        if !first(ask) {
            return Reply::matrix("");
        }
        assert_eq!((ask.number("step"), ask.number("start")), (3_600, START + 3_600));
        assert!(ask.field("query").contains("[3600s]"));
        let rows = [
            (r#"{"namespace":"ml","pods":"chat-7d9f","le":"0.5"}"#, ["7", "NaN", "3"]),
            (
                r#"{"namespace":"ml","pods":"chat-7d9f","le":"+Inf"}"#,
                ["9", "NaN", "4"],
            ),
            (
                r#"{"namespace":"ml","pods":"chat-7d9f","exported_namespace":""}"#,
                ["2.5", "+Inf", "-1"],
            ),
            (r#"{"namespace":"ml","pod":"chat-7d9f-x2k4p"}"#, ["1", "1", "1"]),
        ];
        let row = |(metric, values): (&str, [&str; 3])| {
            let points = ask.points();
            let samples: Vec<String> = points
                .iter()
                .zip(values)
                .map(|(at, v)| format!("[{at},\"{v}\"]"))
                .collect();
            format!(r#"{{"metric":{metric},"values":[{}]}}"#, samples.join(","))
        };
        Reply::matrix(&rows.map(row).join(","))
    });
    let reading = reading(&server, 3).await;
    let fold = [("namespace", "ml"), ("pods", "chat-7d9f")];
    // An hour without a value is a gap, and so is what no counter can rise by.
    assert_eq!(
        values(&reading, &[&fold[..], &[("le", "0.5")]].concat()),
        [(0, 7.0), (2, 3.0)]
    );
    assert_eq!(values(&reading, &fold), [(0, 2.5)]);
    let pod = [("namespace", "ml"), ("pod", "chat-7d9f-x2k4p")];
    assert_eq!(values(&reading, &pod), [(0, 1.0), (1, 1.0), (2, 1.0)]);
    assert_eq!(server.asked().len(), Signal::HISTOGRAMS.len());
    assert_eq!(requests(grid(3)), Signal::HISTOGRAMS.len());
    assert!(reading.gaps.is_empty(), "{:?}", reading.gaps);
}

#[tokio::test]
async fn a_bound_is_one_however_it_is_written() {
    let server = Server::start(|ask| {
        if !first(ask) {
            return Reply::matrix("");
        }
        // Prometheus 3 came in the second hour.
        let [one, two, three] = ask.points()[..] else {
            panic!("{ask:?}")
        };
        let row =
            |le: &str, samples: String| format!(r#"{{"metric":{{"pods":"chat","le":"{le}"}},"values":[{samples}]}}"#);
        Reply::matrix(
            &[
                row("1", format!("[{one},\"10\"],[{two},\"4\"]")),
                row("1.0", format!("[{two},\"6\"],[{three},\"11\"]")),
                row("1e-05", format!("[{one},\"0\"]")),
            ]
            .join(","),
        )
    });
    let reading = reading(&server, 3).await;
    assert_eq!(
        values(&reading, &[("pods", "chat"), ("le", "1")]),
        [(0, 10.0), (1, 10.0), (2, 11.0)]
    );
    assert_eq!(values(&reading, &[("pods", "chat"), ("le", "0.00001")]), [(0, 0.0)]);
}

#[tokio::test]
async fn a_native_histogram_becomes_a_classic_one() {
    let server = Server::start(|ask| {
        if !first(ask) {
            return Reply::matrix("");
        }
        let [one, two] = ask.points()[..] else {
            panic!("{ask:?}")
        };
        // Finer in the first hour than in the second.
        Reply::matrix(&format!(
            r#"{{"metric":{{"pods":"chat","native":"1"}},"histograms":[
            [{one},{{"count":"7","sum":"3.5","buckets":[[0,"0.5","0.7","3"],[0,"0.7","1","4"]]}}],
            [{two},{{"count":"5","sum":"2","buckets":[[0,"0.5","1","5"]]}}]]}},
            {{"metric":{{"pod":"chat-0","native":"1"}},"values":[[{one},"1"],[{two},"1"]]}}"#
        ))
    });
    let reading = reading(&server, 2).await;
    let with = |le: &'static str| [("pods", "chat"), ("native", "1"), ("le", le)];
    assert_eq!(values(&reading, &with("0.5")), [(0, 0.0), (1, 0.0)]);
    assert_eq!(
        values(&reading, &with("0.7")),
        [(0, 3.0)],
        "within the second hour's bucket nothing is known"
    );
    assert_eq!(values(&reading, &with("1")), [(0, 7.0), (1, 5.0)]);
    assert_eq!(values(&reading, &with("+Inf")), [(0, 7.0), (1, 5.0)]);
    assert_eq!(
        values(&reading, &[("pods", "chat"), ("native", "1")]),
        [(0, 3.5), (1, 2.0)]
    );
    assert_eq!(
        values(&reading, &[("pod", "chat-0"), ("native", "1")]),
        [(0, 1.0), (1, 1.0)]
    );
}

#[tokio::test]
async fn a_refused_query_is_a_gap_and_the_others_are_read() {
    let server = Server::start(|ask| match first(ask) {
        true => Reply::error(422, "execution", "found duplicate series"),
        false if ask.field("query").contains("vllm:e2e") => {
            Reply::matrix(&ask.flat(r#"{"namespace":"ml","pods":"chat","le":"+Inf"}"#, "5"))
        }
        false => Reply::matrix("").warning("store eu-1 is down"),
    });
    let reading = reading(&server, 2).await;
    let told: Vec<&str> = reading.gaps.iter().map(|gap| gap.what.as_str()).collect();
    assert!(
        told.contains(&"the histograms of `time_to_first_token` could not be read, or not to their end"),
        "{told:?}"
    );
    assert!(
        told.contains(&"part of the histograms of `prompt_tokens` may be missing"),
        "{told:?}"
    );
    assert_eq!(reading.series.len(), 1);
}
