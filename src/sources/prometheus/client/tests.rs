//! The client against a server that misbehaves in every way that servers do.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::model::time::{Grid, Window};
use crate::sources::loopback::{Ask, Reply, Server, client};
use crate::sources::prometheus::split::chunks;

const START: i64 = 1_760_000_000;

fn chunk(points: i64) -> Chunk {
    let start = Timestamp::from_second(START).unwrap();
    let end = Timestamp::from_second(START + points * 60).unwrap();
    let window = Window { start, end };
    chunks(Grid {
        window,
        step_seconds: 60,
    })[0]
}

fn answer(ask: &Ask) -> Reply {
    Reply::matrix(&ask.flat(r#"{"UUID":"GPU-1"}"#, "0.5"))
}

async fn times(client: &PrometheusClient, chunk: Chunk) -> Result<Vec<i64>, PrometheusError> {
    let times = Mutex::new(Vec::new());
    let sink = |row: SeriesRow| {
        let mut times = times.lock().unwrap();
        times.extend(row.samples.iter().map(|(time, _)| *time as i64));
    };
    client.range("up", chunk, &sink).await?;
    Ok(times.into_inner().unwrap())
}

fn all(points: i64) -> Vec<i64> {
    (1..=points).map(|index| START + index * 60).collect()
}

#[tokio::test]
async fn an_answer_in_many_pieces_is_one_answer() {
    let server = Server::start(|ask| {
        let many: Vec<String> = (0..500)
            .map(|gpu| ask.flat(&format!(r#"{{"gpu":"{gpu}"}}"#), "1"))
            .collect();
        Reply::matrix(&many.join(",")).in_pieces(1_000)
    });
    assert_eq!(times(&server.client(), chunk(10)).await.unwrap(), all(10).repeat(500));
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].path, "/api/v1/query_range");
    assert_eq!((asked[0].field("query"), asked[0].field("nocache")), ("up", "1"));
    assert_eq!(asked[0].authorization.as_deref(), Some("Bearer hush"));
}

#[tokio::test]
async fn too_many_samples_are_asked_for_in_halves() {
    let server = Server::start(|ask| {
        if ask.points().len() > 100 {
            let message = "query processing would load too many samples into memory in query execution";
            return Reply::error(422, "execution", message);
        }
        answer(ask)
    });
    assert_eq!(times(&server.client(), chunk(1_000)).await.unwrap(), all(1_000));
    // Once a size was refused, no larger one is tried: four refusals, sixteen answers.
    assert_eq!(server.asked().len(), 20);
}

#[tokio::test]
async fn what_one_point_is_too_much_for_is_refused() {
    for reply in [
        Reply::error(503, "timeout", "query timed out in expression evaluation"),
        Reply::new(504, "<html>504 Gateway Time-out</html>"),
        Reply::new(413, "too large"),
    ] {
        let server = Server::start(move |_| reply.clone());
        let error = times(&server.client(), chunk(4)).await.unwrap_err();
        assert!(matches!(error, PrometheusError::Refused { .. }), "{error}");
        assert_eq!(server.asked().len(), 3);
    }
}

#[tokio::test]
async fn a_bad_query_is_not_sent_twice() {
    let server = Server::start(|_| Reply::error(400, "bad_data", "1:5: parse error: unexpected end of input"));
    let error = times(&server.client(), chunk(100)).await.unwrap_err();
    assert!(matches!(error, PrometheusError::Refused { .. }), "{error}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_not_for_ever() {
    let tries = AtomicUsize::new(0);
    let server = Server::start(move |ask| match tries.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::new(503, "Service Unavailable"),
        1 => Reply::new(429, "").header("retry-after", "0"),
        _ => answer(ask),
    });
    assert_eq!(times(&server.client(), chunk(3)).await.unwrap(), all(3));
    assert_eq!(server.asked().len(), 3);

    let server = Server::start(|_| Reply::new(429, "slow down").header("retry-after", "0"));
    let error = times(&server.client(), chunk(3)).await.unwrap_err();
    assert!(
        error.to_string().contains("after 3 tries (HTTP 429: slow down)"),
        "{error}"
    );
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_in_halves_and_not_for_ever() {
    let tries = AtomicUsize::new(0);
    let cut = |ask: &Ask| {
        let body = r#"{"status":"success","data":{"resultType":"matrix","result":["#;
        Reply::new(200, &format!("{body}{}", ask.flat("{}", "1")))
    };
    let server = Server::start(move |ask| match tries.fetch_add(1, Ordering::SeqCst) {
        0 => cut(ask),
        _ => answer(ask),
    });
    let mut seen = times(&server.client(), chunk(4)).await.unwrap();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!((seen, server.asked().len()), (all(4), 3));

    let server = Server::start(cut);
    let error = times(&server.client(), chunk(1_000)).await.unwrap_err();
    assert!(error.to_string().contains("cut short"), "{error}");
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn who_is_no_prometheus_is_told_from_who_lets_nobody_in() {
    let page = "<!DOCTYPE html><html>Sign in</html>";
    for (reply, words) in [
        (Reply::new(200, page), "an HTML page came"),
        (Reply::new(500, page), "an HTML page came"),
        (
            Reply::new(401, "no org id"),
            "(HTTP 401: no org id); give a bearer token",
        ),
        (Reply::new(403, ""), "give a bearer token"),
        (Reply::new(404, "404 page not found"), "check the URL's path"),
        (Reply::new(418, "short and stout"), "answered HTTP 418: short and stout"),
        (
            Reply::new(200, r#"{"code":200,"data":[]}"#),
            "not of the Prometheus API",
        ),
    ] {
        let server = Server::start(move |_| reply.clone());
        let error = times(&server.client(), chunk(100)).await.unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(&server.url()), "{error}");
        assert_eq!(server.asked().len(), 1, "{error}");
    }
}

#[tokio::test]
async fn a_redirect_to_a_login_names_where_it_leads() {
    let server = Server::start(|ask| match ask.path.as_str() {
        "/login?back=1" => Reply::new(200, "<html>Sign in</html>"),
        _ => Reply::new(302, "").header("location", "/login?back=1"),
    });
    let error = times(&server.client(), chunk(1)).await.unwrap_err().to_string();
    assert!(
        error.contains(&format!("redirects to `{}/login`", server.url())),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_there_says_where_and_what_to_do() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://me:word@{port}/prom?token=abc");
    let error = times(&client(&url), chunk(1)).await.unwrap_err().to_string();
    assert!(error.contains(&format!("`http://{port}/prom`")), "{error}");
    assert!(
        error.contains("refused") && error.contains("kubectl port-forward"),
        "{error}"
    );
    assert!(!error.contains("word") && !error.contains("abc"), "{error}");
    let error = times(&client("http://prometheus.invalid:9090"), chunk(1))
        .await
        .unwrap_err();
    assert!(matches!(error, PrometheusError::Connect { .. }), "{error}");
}

#[tokio::test]
async fn plain_text_where_tls_is_spoken_is_named() {
    let server = Server::start(answer);
    let url = server.url().replace("http://", "https://");
    let error = times(&client(&url), chunk(1)).await.unwrap_err();
    assert!(matches!(error, PrometheusError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn a_url_with_the_apis_own_path_is_understood() {
    let server = Server::start(|_| Reply::vector(r#"{"metric":{},"value":[5,"7"]}"#));
    let at = Timestamp::from_second(5).unwrap();
    for (given, path) in [("/", ""), ("/prometheus/", "/prometheus"), ("/prom/api/v1/", "/prom")] {
        let client = client(&format!("{}{given}", server.url()));
        let (rows, _) = client.instant("up", at).await.unwrap();
        assert_eq!(rows[0].samples, [(5.0, 7.0)]);
        assert_eq!(server.asked().last().unwrap().path, format!("{path}/api/v1/query"));
    }
}
