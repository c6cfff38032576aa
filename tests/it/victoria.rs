//! A real VictoriaMetrics on loopback, loaded with a world's samples: what is read from it is what Prometheus would have
//! answered, point for point, although its `rate` means something else.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gpuwise::model::reading::Reading;
use gpuwise::model::usage::Signal;
use gpuwise::sources::recording;

use crate::binary;
use crate::generator::{END, HOUR, Size, World};

const WINDOW_HOURS: i64 = 2;

/// Stops the server when the test ends, however it ends.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One HTTP exchange; the status, or `None` where nobody answers.
fn send(port: u16, method: &str, path: &str, body: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: vm\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// Prometheus text with milliseconds, of what was OpenMetrics with seconds.
pub(crate) fn lines(text: &str) -> Vec<u8> {
    let mut lines = Vec::with_capacity(text.len() + text.len() / 20);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (head, second) = line.rsplit_once(' ').unwrap();
        let milliseconds = second.parse::<f64>().unwrap() * 1000.0;
        writeln!(lines, "{head} {milliseconds:.0}").unwrap();
    }
    lines
}

/// A VictoriaMetrics with these samples, and its port; `None` where it is not installed.
pub(crate) fn victoria(folder: &std::path::Path, samples: &[u8]) -> Option<(Running, u16)> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new("victoria-metrics")
        .arg(format!("-storageDataPath={}", folder.join("data").display()))
        .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        .args(["-retentionPeriod=100y", "-loggerLevel=ERROR"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let running = Running(child);
    let began = Instant::now();
    while send(port, "GET", "/health", b"") != Some(200) {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "VictoriaMetrics did not come up"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(send(port, "POST", "/api/v1/import/prometheus", samples), Some(204));
    assert_eq!(send(port, "GET", "/internal/force_flush", b""), Some(200));
    Some((running, port))
}

/// Values of a signal by labels and second, within the window.
fn values(reading: &Reading, signal: Signal) -> Vec<(String, i64, f64)> {
    let from = END - WINDOW_HOURS * HOUR;
    let mut found = Vec::new();
    for series in reading.series.iter().filter(|series| series.signal == signal) {
        for (index, value) in series.column.samples() {
            let second = signal.grid(reading.grid).second(index);
            if second > from {
                found.push((format!("{:?}", series.labels), second, value));
            }
        }
    }
    found.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    found
}

#[test]
fn what_victoria_metrics_tells_is_what_prometheus_would() {
    let now = jiff::Timestamp::now().as_second();
    if now < END {
        println!("skipped: VictoriaMetrics takes no samples of a time to come");
        return;
    }
    let world = World::generate(4, Size::Small, 2);
    let folder = tempfile::tempdir().unwrap();
    let from = END - WINDOW_HOURS * HOUR - 600;
    let samples = world.openmetrics_text(from, END);
    let Some((_running, port)) = victoria(folder.path(), &lines(&samples)) else {
        println!("skipped: victoria-metrics is not installed");
        return;
    };
    let output = folder.path().join("recording");
    let server = format!("http://127.0.0.1:{port}");
    let window = format!("{WINDOW_HOURS}h");
    let until = jiff::Timestamp::from_second(END).unwrap().to_string();
    let arguments = [
        ["--step", "60"],
        ["--prometheus", &server],
        ["--window", &window],
        ["--until", &until],
        ["--output", output.to_str().unwrap()],
    ];
    binary::run(&[&["record", "--no-kubernetes"], arguments.as_flattened()].concat()).printed();
    let read = recording::read(&output).unwrap();
    let expected = world.to_reading(60);
    for signal in Signal::HISTOGRAMS {
        let (read, expected) = (values(&read, signal), values(&expected, signal));
        let places = |rows: &[(String, i64, f64)]| rows.iter().map(|row| (row.0.clone(), row.1)).collect::<Vec<_>>();
        assert_eq!(places(&read), places(&expected), "points of {signal}");
        for (is, should) in read.iter().zip(&expected) {
            // Prometheus extrapolates to the ends of the hour, by up to a scrape of sixty.
            let near = is.2 <= should.2 + 1e-6 && is.2 >= should.2 * (1.0 - 2.0 / 60.0) - 1e-6;
            assert!(near, "{signal}: {is:?} instead of {should:?}");
        }
    }
    for signal in Signal::ALL {
        let (read, expected) = (values(&read, signal), values(&expected, signal));
        assert!(!expected.is_empty(), "the world has no {signal}");
        assert_eq!(read.len(), expected.len(), "points of {signal}");
        for (is, should) in read.iter().zip(&expected) {
            // The world rounds to a billionth.
            let same = (&is.0, is.1) == (&should.0, should.1) && (is.2 - should.2).abs() < 1e-9;
            assert!(same, "{signal}: {is:?} instead of {should:?}");
        }
    }
}
