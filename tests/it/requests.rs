//! Requests at scrape interval from a real Prometheus, against every request that was planted: scrapes that come late or not at
//! all, counters that begin anew, pods that come and go, and pods whose names begin alike.

use std::io::Write;
use std::path::Path;

use gpuwise::model::reading::RequestsOf;
use gpuwise::model::requests::{Figure, RequestHistory};
use gpuwise::sources::recording;

use crate::binary;
use crate::generator::random::Rng;
use crate::generator::{END, HOUR, Size, World};
use crate::servers::{self, prometheus_is_installed};
use crate::victoria;

const HOURS: i64 = 24;
const SCRAPE: i64 = 15;
const START: i64 = END - HOURS * HOUR - 600;

/// One scrape of one server, milliseconds.
#[derive(Clone, Copy)]
struct Scrape {
    at: i64,
    finished: u64,
    aborted: u64,
    running: u64,
}

/// A server: its name, when it is there, and how it is scraped.
struct Server {
    name: &'static str,
    from: i64,
    to: i64,
    /// Milliseconds by which a scrape may be late or early.
    jitter: f64,
    /// Share of scrapes that fail.
    lost: f64,
    /// When its container begins anew.
    restart: Option<i64>,
    /// Requests a second.
    rate: f64,
}

const fn server(name: &'static str) -> Server {
    Server {
        name,
        from: START,
        to: END,
        jitter: 0.0,
        lost: 0.0,
        restart: None,
        rate: 1.3,
    }
}

/// What was finished within the window, and what the scraper saw of it.
fn live(server: &Server, rng: &mut Rng) -> (u64, Vec<Scrape>) {
    let (mut finished, mut aborted, mut truth) = (40_000_u64, 7_u64, 0_u64);
    let mut scrapes = Vec::new();
    let offset = rng.whole(0, 14);
    for second in server.from..=server.to {
        if server.restart.is_some_and(|at| (at..at + 90).contains(&second)) {
            (finished, aborted) = (0, 0);
            continue;
        }
        let new = u64::from(rng.range(0.0, 1.0) < server.rate - server.rate.floor()) + server.rate as u64;
        finished += new;
        aborted += u64::from(rng.range(0.0, 1.0) < 0.01);
        truth += if second > END - HOURS * HOUR { new } else { 0 };
        if (second - START) % SCRAPE == offset && rng.range(0.0, 1.0) >= server.lost {
            scrapes.push(Scrape {
                at: second * 1000 + (rng.range(-1.0, 1.0) * server.jitter) as i64,
                finished,
                aborted,
                running: 3,
            });
        }
    }
    (truth, scrapes)
}

/// Family, type, ending of the sample's name, and its values by reason.
type Metric = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, fn(&Scrape) -> u64)],
);

/// Samples of servers, each on a GPU of its own.
fn write(out: &mut impl Write, servers: &[(&Server, Vec<Scrape>)]) -> std::io::Result<()> {
    writeln!(out, "# TYPE DCGM_FI_DEV_FB_USED gauge")?;
    for (server, scrapes) in servers {
        let name = server.name;
        let labels = format!("UUID=\"GPU-{name}\",Hostname=\"n\",namespace=\"ml\",pod=\"{name}\"");
        for scrape in scrapes.iter().step_by(4) {
            writeln!(
                out,
                "DCGM_FI_DEV_FB_USED{{{labels}}} 100 {:.3}",
                scrape.at as f64 / 1000.0
            )?;
        }
    }
    let metrics: [Metric; 4] = [
        ("vllm:num_requests_running", "gauge", "", &[("", |s| s.running)]),
        ("vllm:num_requests_waiting", "gauge", "", &[("", |_| 0)]),
        (
            "vllm:request_success",
            "counter",
            "_total",
            &[("stop", |s| s.finished), ("abort", |s| s.aborted)],
        ),
        (
            "vllm:generation_tokens",
            "counter",
            "_total",
            &[("", |s| s.finished * 100)],
        ),
    ];
    for (family, kind, ending, values) in metrics {
        writeln!(out, "# TYPE {family} {kind}")?;
        for (server, scrapes) in servers {
            for (reason, value) in values {
                let reason = match *reason {
                    "" => String::new(),
                    reason => format!(",finished_reason=\"{reason}\""),
                };
                let labels = format!("namespace=\"ml\",pod=\"{}\",engine=\"0\"{reason}", server.name);
                for scrape in scrapes {
                    let at = scrape.at as f64 / 1000.0;
                    writeln!(out, "{family}{ending}{{{labels}}} {} {at:.3}", value(scrape))?;
                }
            }
        }
    }
    writeln!(out, "# EOF")
}

/// The requests that a recording of these last hours has.
fn recorded(prometheus: &str, folder: &Path, hours: i64) -> Vec<RequestsOf> {
    let path = folder.join("recording");
    let until = jiff::Timestamp::from_second(END).unwrap().to_string();
    let window = format!("{hours}h");
    let sources = [
        ["--prometheus", prometheus],
        ["--until", &until],
        ["--window", &window],
        ["--step", "60"],
        ["--output", path.to_str().unwrap()],
    ];
    let ran = binary::run(&[&["record", "--no-kubernetes"], sources.as_flattened()].concat());
    ran.tells(0, &[]);
    recording::read(&path).unwrap().requests
}

fn of<'r>(all: &'r [RequestsOf], name: &str) -> &'r RequestHistory {
    let found = all.iter().find(|one| one.name == name);
    &found.unwrap_or_else(|| panic!("{name} has none")).history
}

fn sum(history: &RequestHistory, figure: Figure) -> f64 {
    history.column(figure).unwrap().samples().map(|(_, value)| value).sum()
}

#[tokio::test]
async fn a_days_requests_are_neither_lost_nor_invented() {
    if !prometheus_is_installed() {
        return;
    }
    let planted = [
        server("steady"),
        Server {
            jitter: 400.0,
            ..server("unsteady")
        },
        Server {
            jitter: 30.0,
            lost: 0.02,
            ..server("patchy")
        },
        Server {
            restart: Some(END - 7 * HOUR),
            ..server("anew")
        },
        Server {
            rate: 0.02,
            ..server("seldom")
        },
    ];
    let mut rng = Rng::new(11);
    let (truths, scrapes): (Vec<u64>, Vec<_>) = planted.iter().map(|one| live(one, &mut rng)).unzip();
    let said: Vec<_> = planted.iter().zip(scrapes).collect();
    let folder = tempfile::tempdir().unwrap();
    let (_running, url) = servers::prometheus_over(folder.path(), |out| write(out, &said)).await;
    let read = recorded(&url, folder.path(), HOURS);
    for (server, truth) in planted.iter().zip(truths) {
        let history = of(&read, server.name);
        assert_eq!(history.grid.step_seconds, 15, "{}", server.name);
        let known = history.finished.count() as f64 / history.grid.points() as f64;
        let found = sum(history, Figure::Finished);
        println!(
            "{}: {found} of {truth}, {:.2} % of the points",
            server.name,
            known * 100.0
        );
        // Of points that are not known nothing is claimed: what is counted is that of the others.
        let error = found / (truth as f64 * known) - 1.0;
        assert!(error.abs() < 0.01, "{}: {found} of {truth} at {known}", server.name);
        assert!(known > 0.95, "{}: {known}", server.name);
        let tokens = sum(history, Figure::AnswerTokens);
        assert!((tokens - found * 100.0).abs() < 1.0, "{}: {tokens}", server.name);
        let running: Vec<f64> = history.running.samples().map(|(_, value)| value).collect();
        assert!(running.iter().all(|value| (value - 3.0).abs() < 1e-9));
        assert!(sum(history, Figure::Rejected) > 500.0);
        assert!(history.cached_tokens.is_none() && history.preemptions.is_none() && history.cache_used.is_none());
    }
    assert_eq!(of(&read, "steady").finished.count(), 24 * 240);
}

/// Pods of a store on which requests can be compared point for point: what the generator says they were.
fn compared(read: &[RequestsOf], world: &World, hours: i64) {
    let expected = world.requests();
    assert!(read.len() > 2, "{}", read.len());
    let mut compared = 0;
    for one in read {
        let is = &one.history;
        let should = expected
            .iter()
            .find(|other| other.namespace == one.namespace && other.name == one.name);
        let should = &should.unwrap_or_else(|| panic!("{} serves nothing", one.name)).history;
        let points = (hours * HOUR / 60) as usize;
        assert_eq!((is.grid.step_seconds, is.grid.points()), (60, points), "{}", one.name);
        let before = should.grid.points() - points;
        for figure in Figure::ALL {
            let (is, should) = (is.column(figure).unwrap(), should.column(figure).unwrap());
            // Holes are seen from both sides, and at the begin of the window there is one only.
            for at in 10..points {
                let (is, should) = (is.get(at), should.get(before + at));
                let near = is
                    .zip(should)
                    .map_or(is == should, |(is, should)| (is - should).abs() < 1e-6);
                assert!(near, "{} {figure:?} at {at}: {is:?} instead of {should:?}", one.name);
                compared += usize::from(is.is_some());
            }
        }
    }
    assert!(compared > 10_000, "{compared} values");
}

#[tokio::test]
async fn what_servers_answer_is_what_the_generator_says() {
    if !prometheus_is_installed() {
        return;
    }
    let hours = 6;
    let world = World::generate(4, Size::Small, 2);
    let folder = tempfile::tempdir().unwrap();
    let span = (END - hours * HOUR - 600, END);
    let (_running, url) = servers::prometheus(&world, span, folder.path()).await;
    compared(&recorded(&url, folder.path(), hours), &world, hours);
    let folder = tempfile::tempdir().unwrap();
    if jiff::Timestamp::now().as_second() < END {
        println!("skipped: VictoriaMetrics, before the world's end");
        return;
    }
    let samples = victoria::lines(&world.openmetrics_text(span.0, span.1));
    if let Some((_victoria, port)) = victoria::victoria(folder.path(), &samples) {
        let url = format!("http://127.0.0.1:{port}");
        compared(&recorded(&url, folder.path(), hours), &world, hours);
    }
}
