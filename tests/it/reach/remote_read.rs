//! Remote read that is offered and is of no use, or is not offered: range queries tell everything, too.

use super::{Asked, Ran, Reply, Server, no_series, plain};

const EDGE: &str = "count_over_time(vector(1)[2m:1m])";

/// A Prometheus that answers `/api/v1/read` like this.
fn prometheus(read: impl Fn() -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |asked| answer(asked, &read))
}

fn answer(asked: &Asked, read: &dyn Fn() -> Reply) -> Reply {
    match asked.path() {
        "/api/v1/status/buildinfo" => plain(
            200,
            r#"{"status":"success","data":{"version":"3.16.0","revision":"d15adb9a"}}"#,
        ),
        "/api/v1/read" => read(),
        _ if asked.form.get("query").is_some_and(|query| query == EDGE) => plain(
            200,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[0,"2"]}]}}"#,
        ),
        _ => no_series(asked),
    }
}

fn streamed(body: &str) -> Reply {
    let kind = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
    (200, vec![("content-type", kind.to_owned())], body.to_owned())
}

/// A checkup, which reads all signals however few series there seem to be.
fn run(server: &Server, more: &[&str]) -> Ran {
    let fixed = ["doctor", "--no-kubernetes", "--prometheus", &server.url];
    super::run(&[&fixed[..], more].concat(), &[])
}

/// How often chunks were asked for, and for how many of the gauges a range query was.
fn counts(server: &Server) -> (usize, usize) {
    let asked = server.asked();
    let reads = asked.iter().filter(|asked| asked.path() == "/api/v1/read").count();
    let is_range_of = |asked: &&Asked, metric: &str| {
        asked.path() == "/api/v1/query_range" && asked.form["query"].contains(&format!("{metric}["))
    };
    let gauges = [
        "DCGM_FI_DEV_GPU_UTIL",
        "DCGM_FI_DEV_FB_USED",
        "vllm:kv_cache_usage_perc",
    ];
    let queried = |metric: &&&str| asked.iter().any(|asked| is_range_of(&asked, metric));
    (reads, gauges.iter().filter(queried).count())
}

#[test]
fn an_empty_answer_is_an_answer() {
    let server = prometheus(|| streamed(""));
    let ran = run(&server, &[]);
    assert!(ran.stdout.contains("raw, by remote read"), "{}", ran.stdout);
    let (reads, queried) = counts(&server);
    assert!(reads == 1 && queried == 0, "{reads} reads, {queried} queries");
    let read = server
        .asked()
        .into_iter()
        .find(|asked| asked.path() == "/api/v1/read")
        .unwrap();
    assert_eq!(
        [
            read.method.as_str(),
            read.header("content-encoding"),
            read.header("content-type"),
            read.header("x-prometheus-remote-read-version"),
        ],
        ["POST", "snappy", "application/x-protobuf", "0.1.0"]
    );
}

#[test]
fn what_is_not_offered_is_not_asked_for_again_and_nobody_is_bothered() {
    let server = prometheus(|| plain(404, "404 page not found"));
    let ran = run(&server, &[]);
    assert!(ran.stdout.contains("by range queries"), "{}", ran.stdout);
    assert!(!ran.stderr.contains("remote read"), "{}", ran.stderr);
    let (reads, queried) = counts(&server);
    assert!(reads <= 2 && queried == 3, "{reads} reads, {queried} queries");
}

type Answer = fn() -> Reply;

#[test]
fn what_cannot_be_read_is_said_and_asked_by_queries() {
    let replies: [(Answer, &str); 4] = [
        // What an older Prometheus writes behind its frames when a block cannot be opened.
        (|| streamed("opening block: no space left on device\n"), "the answer"),
        (
            || plain(400, "unsupported response type"),
            "HTTP 400: unsupported response type",
        ),
        (
            || {
                (
                    200,
                    vec![("content-type", "application/x-protobuf".to_owned())],
                    String::new(),
                )
            },
            "application/x-protobuf",
        ),
        (|| plain(403, "writes only"), "HTTP 403: writes only"),
    ];
    for (reply, said) in replies {
        let server = prometheus(reply);
        let ran = run(&server, &[]);
        for words in ["remote read is of no use", said, "asking range queries instead"] {
            assert!(ran.stderr.contains(words), "no `{words}` in: {}", ran.stderr);
        }
        assert_eq!(ran.stderr.matches("remote read").count(), 1, "{}", ran.stderr);
        let (reads, queried) = counts(&server);
        assert!(reads <= 2 && queried == 3, "{said}: {reads} reads, {queried} queries");
    }
}

/// Whoever hands out raw samples tells only its own log that a store behind it was down.
#[test]
fn a_server_that_warns_is_asked_by_queries_which_tell_the_warning() {
    let server = Server::start(|asked| match asked.path() {
        "/api/v1/query_range" => plain(
            200,
            r#"{"status":"success","data":{"resultType":"matrix","result":[]},"warnings":["remote store is down"]}"#,
        ),
        _ => answer(asked, &|| streamed("")),
    });
    let ran = run(&server, &[]);
    for words in ["remote read is of no use", "the server warns of missing data"] {
        assert!(ran.stderr.contains(words), "no `{words}` in: {}", ran.stderr);
    }
    assert!(ran.stdout.contains("remote store is down"), "{}", ran.stdout);
    assert_eq!(counts(&server), (0, 3));
}

#[test]
fn nobody_is_asked_for_chunks_who_must_not_or_might_mean_something_else_by_them() {
    let server = prometheus(|| streamed(""));
    run(&server, &["--no-remote-read"]);
    assert_eq!(counts(&server), (0, 3));
    // Thanos and VictoriaMetrics offer no remote read, or another.
    let victoria = Server::start(|asked| match asked.path() {
        "/api/v1/status/buildinfo" => plain(200, r#"{"status":"success","data":{"version":"2.24.0"}}"#),
        _ => no_series(asked),
    });
    run(&victoria, &[]);
    assert_eq!(counts(&victoria), (0, 3));
}
