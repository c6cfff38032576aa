//! A live run end to end: a world's samples in a real Prometheus on loopback, its objects and costs behind a fake of the
//! Kubernetes API and of OpenCost that answer in their real shapes. The plan of the live run and that of its recording
//! must be the same, byte for byte.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::generator::{END, HOUR, Size, World};

/// Enough for a peak to be believed.
const WINDOW_HOURS: i64 = 24;

/// Stops the server when the test ends, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn installed(tool: &str) -> bool {
    let run = Command::new(tool)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    run.is_ok_and(|status| status.success())
}

/// The world's last day as blocks of a time series database.
fn load(world: &World, folder: &Path) {
    let samples = folder.join("samples.om");
    let mut out = BufWriter::new(std::fs::File::create(&samples).unwrap());
    world
        .openmetrics_between(&mut out, END - WINDOW_HOURS * HOUR - 600, END)
        .unwrap();
    out.flush().unwrap();
    let run = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&samples, &folder.join("data")])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(run.success(), "promtool refused the samples");
    std::fs::remove_file(samples).unwrap();
}

/// A Prometheus over that database, and its URL.
fn prometheus(folder: &Path) -> (Running, String) {
    std::fs::write(folder.join("prometheus.yml"), "").unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--storage.tsdb.retention.time=100y")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let running = Running(child);
    let began = Instant::now();
    while get(port, "/-/ready").is_none_or(|status| status != 200) {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "Prometheus did not become ready"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    (running, format!("http://127.0.0.1:{port}"))
}

fn get(port: u16, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Answers GET requests until the test binary ends; what is not served is a 404 in Kubernetes' shape.
fn serve(answer: impl Fn(&str, &str) -> Option<Value> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || respond(stream, &*answer));
        }
    });
    url
}

fn respond(mut stream: TcpStream, answer: &dyn Fn(&str, &str) -> Option<Value>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    let _ = reader.read_line(&mut request);
    let mut header = String::new();
    while reader.read_line(&mut header).is_ok_and(|read| read > 2) {
        header.clear();
    }
    let target = request.split_whitespace().nth(1).unwrap_or("/").to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (status, body) = match answer(path, query) {
        Some(body) => ("200 OK", body),
        None => {
            let missing = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404, "message": "not found", "metadata": {}});
            ("404 Not Found", missing)
        }
    };
    let body = body.to_string();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}

fn kubernetes(world: &World) -> String {
    let lists = world.kubernetes();
    serve(move |path, _| lists.get(path).cloned())
}

/// `window=FROM,TO` in unix seconds, as the reader asks.
fn span(query: &str) -> Option<(i64, i64)> {
    let window = query.split('&').find_map(|pair| pair.strip_prefix("window="))?;
    let (from, to) = window.split_once("%2C").or_else(|| window.split_once(','))?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

fn opencost(world: World) -> String {
    serve(move |path, query| match path {
        "/assets" => span(query).map(|(from, to)| world.opencost_assets(from, to)),
        "/allocation" => span(query).map(|(from, to)| world.opencost_allocation(from, to)),
        "/healthz" => Some(json!({})),
        _ => None,
    })
}

fn kubeconfig(folder: &Path, server: &str) -> std::path::PathBuf {
    let path = folder.join("kubeconfig");
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "world",
        "clusters": [{"name": "world", "cluster": {"server": server}}],
        "contexts": [{"name": "world", "context": {"cluster": "world", "user": "nobody"}}],
        "users": [{"name": "nobody", "user": {}}],
    });
    std::fs::write(&path, text.to_string()).unwrap();
    path
}

/// Runs the binary and answers with what it printed.
fn gpuwise(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_gpuwise"))
        .args(arguments)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "gpuwise {arguments:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_live_run_and_its_recording_give_the_same_plan() {
    if !installed("prometheus") || !installed("promtool") {
        println!("skipped: prometheus and promtool are not installed");
        return;
    }
    let world = World::generate(4, Size::Small, 2);
    let folder = tempfile::tempdir().unwrap();
    load(&world, folder.path());
    let (_running, url) = prometheus(folder.path());
    let config = kubeconfig(folder.path(), &kubernetes(&world));
    let costs = opencost(World::generate(4, Size::Small, 2));
    let until = jiff::Timestamp::from_second(END).unwrap().to_string();
    let window = format!("{WINDOW_HOURS}h");
    let source = [
        "--prometheus",
        &url,
        "--costs",
        &costs,
        "--kubeconfig",
        config.to_str().unwrap(),
        "--until",
        &until,
        "--window",
        &window,
    ];
    let live = gpuwise(&[&["analyze", "--format", "json"], &source[..]].concat());
    let recording = folder.path().join("recording");
    let recording = recording.to_str().unwrap();
    gpuwise(&[&["record", "--output", recording], &source[..]].concat());
    let recorded = gpuwise(&["analyze", "--format", "json", "--recording", recording]);
    assert!(live == recorded, "the live plan and the recording's differ");
    // Every workload by itself, as a cluster is read that does not fit in memory.
    let parts = gpuwise(&[&["analyze", "--format", "json", "--samples-at-once", "1"], &source[..]].concat());
    assert!(parts == recorded, "the plan made part by part differs");
    let plan: Value = serde_json::from_str(&live).unwrap();
    check(&plan, &world);
}

/// The plan speaks of the world: every workload that runs at the end, every GPU, measured and priced.
fn check(plan: &Value, world: &World) {
    let names: Vec<&str> = plan["workloads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    for truth in world.truths.iter().filter(|truth| truth.kind == "Deployment") {
        assert!(
            names.contains(&truth.name.as_str()),
            "{} is not among {names:?}",
            truth.name
        );
    }
    let gpus: usize = world.nodes.iter().map(|node| node.uuids.len()).sum();
    assert_eq!(plan["coverage"]["gpus"], json!(gpus));
    assert_eq!(plan["coverage"]["gpus_with_metrics"], json!(gpus));
    assert!(plan["spend"]["monthly"].as_f64().unwrap() > 1000.0);
    let without_price: Vec<&Value> = plan["workloads"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["monthly"].is_null())
        .collect();
    assert!(without_price.is_empty(), "{without_price:#?}");
    let shrinks = plan["accepted"]
        .as_array()
        .unwrap()
        .iter()
        .any(|row| row["levers"] == json!(["smaller-gpu"]));
    assert!(shrinks, "no smaller GPU was found: {:#}", plan["unknown"]);
}
