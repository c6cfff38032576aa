//! Bodies that are packed, mislabelled, cut or endless, and servers that hang: the run ends, says what was wrong with whom,
//! and goes on without a source that the rest can do without.

use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use super::cluster::{cluster, kubeconfig};
use super::*;

const NO_SERIES: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;

/// A server that writes what it likes once it has read a request; its URL.
fn wire(answer: impl Fn(&str, &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || {
                // A client that hangs up is the test's own affair.
                let _ = read_and(stream, &*answer);
            });
        }
    });
    url
}

fn read_and(
    mut stream: TcpStream,
    answer: &dyn Fn(&str, &mut TcpStream) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        match header.trim().to_ascii_lowercase().split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().unwrap(),
            Some(_) => {}
            None => break,
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    answer(first.split(' ').nth(1).unwrap_or_default(), &mut stream)
}

/// A server that answers queries with this body under these headers, and has nothing else.
fn bodies(headers: &'static str, body: Vec<u8>) -> String {
    wire(move |path, stream| {
        let about_itself = path.contains("/status/") || path.ends_with("/stores");
        if (path.starts_with("/api/v1/") && !about_itself) || path.starts_with("/assets") {
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
            )?;
            return stream.write_all(&body);
        }
        let (status, body) = match path.split('?').next() {
            Some("/installInfo") => ("200 OK", r#"{"version":"1.118"}"#),
            Some("/allocation") => ("200 OK", r#"{"code":200,"data":[{}]}"#),
            _ => ("404 Not Found", ""),
        };
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    })
}

/// A gzip file (RFC 1952) with one stored block.
fn gzip(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
        }
    }
    let length = u16::try_from(bytes.len()).unwrap();
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    file.extend(length.to_le_bytes());
    file.extend((!length).to_le_bytes());
    file.extend(bytes);
    file.extend((!crc).to_le_bytes());
    file.extend(u32::from(length).to_le_bytes());
    file
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 3).unwrap()
}

const GZIP: &str = "content-encoding: gzip\r\ncontent-type: application/json\r\n";
const ZSTD: &str = "content-encoding: zstd\r\ncontent-type: application/json\r\n";

#[test]
fn a_body_is_unpacked_and_not_judged_by_its_label() {
    for (headers, body) in [
        (GZIP, gzip(NO_SERIES)),
        (ZSTD, zstd(NO_SERIES)),
        ("content-type: text/html\r\n", NO_SERIES.into()),
        ("content-type: application/octet-stream\r\n", NO_SERIES.into()),
        ("", NO_SERIES.into()),
    ] {
        analyze(&["--prometheus", &bodies(headers, body)], &[]).tells(NOTHING, &["nothing to analyze"]);
    }
    let page = "<!DOCTYPE html><html><body>Sign in</body></html>";
    for (headers, body) in [("content-type: application/json\r\n", page.into()), (GZIP, gzip(page))] {
        let url = bodies(headers, body);
        analyze(&["--prometheus", &url], &[]).tells(SOURCE, &["an HTML page came", &url]);
    }
}

#[test]
fn a_body_that_cannot_be_unpacked_is_no_answer() {
    let half = |mut packed: Vec<u8>| {
        packed.truncate(packed.len() / 2);
        packed
    };
    for (headers, body) in [
        // It says that it is packed, and is not.
        (GZIP, NO_SERIES.into()),
        (ZSTD, NO_SERIES.into()),
        (GZIP, half(gzip(NO_SERIES))),
        (ZSTD, half(zstd(NO_SERIES))),
    ] {
        let url = bodies(headers, body.clone());
        analyze(&["--prometheus", &url], &[]).tells(SOURCE, &[&url, "could not be read to its end"]);
        // Costs are one source of three.
        let prometheus = Server::start(no_series);
        let ran = analyze(
            &["--prometheus", &prometheus.url, "--costs", &bodies(headers, body)],
            &[],
        );
        ran.tells(NOTHING, &["was cut short (", "going on without it"]);
    }
    // It is packed in a way that nobody asked for, or does not say so.
    for headers in ["content-encoding: br\r\n", ""] {
        let url = bodies(headers, gzip(NO_SERIES));
        analyze(&["--prometheus", &url], &[]).tells(SOURCE, &[&url, "not of the Prometheus API"]);
    }
}

#[test]
fn a_body_without_end_ends_the_run_and_not_the_memory() {
    let head = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"]"#;
    let url = wire(move |path, stream| {
        if !path.starts_with("/api/v1/query") {
            return write!(
                stream,
                "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            );
        }
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\n\r\n{head}"
        )?;
        let more = r#",[1760000000,"3"]"#.repeat(4096);
        loop {
            stream.write_all(more.as_bytes())?;
        }
    });
    analyze(&["--prometheus", &url], &[]).tells(SOURCE, &[&url, "more samples than anybody asked for"]);
    // A page about the server itself, which nobody expects to be long.
    let url = wire(|_, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
        loop {
            stream.write_all(&[b' '; 1 << 16])?;
        }
    });
    analyze(&["--prometheus", &url], &[]).tells(SOURCE, &[&url, "longer than 1048576 bytes"]);
}

/// It takes a request and says nothing, or only that an answer comes.
fn hanging(head: &'static str) -> String {
    wire(move |_, stream| {
        stream.write_all(head.as_bytes())?;
        std::io::copy(stream, &mut std::io::sink()).map(drop)
    })
}

#[test]
fn a_source_that_hangs_is_given_up_and_the_rest_is_read() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"code\":";
    for head in ["", HEAD] {
        let began = Instant::now();
        let hangs = hanging(head);
        analyze(&["--prometheus", &hangs, "--timeout", "1"], &[]).tells(SOURCE, &[&hangs, "not a byte", "--timeout"]);
        let prometheus = Server::start(no_series);
        let both = ["--prometheus", &prometheus.url, "--costs", &hangs, "--timeout", "1"];
        analyze(&both, &[]).tells(NOTHING, &[&hangs, "not a byte", "going on without it"]);
        let (_folder, config) = kubeconfig(&hangs);
        let fixed = ["analyze", "--window", "1h", "--timeout", "1", "--kubeconfig", &config];
        let named = ["--prometheus", &prometheus.url];
        run(&[&fixed[..], &named].concat(), &[]).tells(NOTHING, &["Kubernetes: ", &hangs, "going on without it"]);
        // Where Prometheus was to be found through it, nothing is left.
        run(&fixed, &[]).tells(SOURCE, &[&hangs, "--no-kubernetes"]);
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    }
}

#[test]
fn one_source_of_three_may_be_down() {
    let away = "http://127.0.0.1:1";
    let nothing_there = cluster(serde_json::json!([]), |_, _| plain(404, ""));
    let prometheus = Server::start(no_series);
    let costs = bodies(
        "content-type: application/json\r\n",
        br#"{"code":200,"data":{}}"#.to_vec(),
    );
    let with = |kubernetes: &str, prometheus: &str, costs: &str| {
        let (_folder, config) = kubeconfig(kubernetes);
        let servers = ["--prometheus", prometheus, "--costs", costs, "--kubeconfig", &config];
        run(&[&["analyze", "--window", "1h"][..], &servers].concat(), &[])
    };
    let all = with(&nothing_there.url, &prometheus.url, &costs);
    all.tells(NOTHING, &[]);
    assert!(!all.stderr.contains("going on without"), "{}", all.stderr);
    with(&nothing_there.url, &prometheus.url, away).tells(NOTHING, &["costs: ", away, "going on without it"]);
    with(away, &prometheus.url, &costs).tells(NOTHING, &["Kubernetes: ", away, "going on without it"]);
    let dark = with(&nothing_there.url, away, &costs);
    dark.tells(NOTHING, &["Prometheus: ", away, "going on without it"]);
    // What is asked through the Kubernetes API is not asked without it, and a login that is refused is no outage.
    with(away, "svc:monitoring/prometheus:9090", &costs).tells(SOURCE, &[away]);
    let refused = Server::start(|_| {
        (
            401,
            Vec::new(),
            r#"{"kind":"Status","apiVersion":"v1","code":401}"#.to_owned(),
        )
    });
    with(&refused.url, &prometheus.url, &costs).tells(SOURCE, &[&refused.url, "401"]);
}
