//! Servers on loopback: a real Prometheus with a world's samples, and fakes of the Kubernetes API and of OpenCost that
//! answer in their real shapes.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::generator::World;

/// A server in a process of its own, stopped when the test ends, however it ends.
pub(crate) struct Running {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Running {
    /// Starts it; what it says goes to `NAME.log` in a folder.
    pub(crate) fn start(command: &mut Command, folder: &Path) -> Self {
        let program = Path::new(command.get_program()).to_owned();
        let name = program.file_name().unwrap().to_str().unwrap().to_owned();
        let log = folder.join(format!("{name}.log"));
        let out = std::fs::File::create(&log).unwrap();
        let child = command
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        Self { child, name, log }
    }

    /// Its process.
    #[allow(dead_code, reason = "the bench asks, and tests do not")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it answers as asked, and fails with its last words where it ends before or takes minutes.
    pub(crate) async fn until(&mut self, ready: impl AsyncFn() -> bool) {
        let began = Instant::now();
        while !ready().await {
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || began.elapsed() > Duration::from_secs(180) {
                let said = std::fs::read_to_string(&self.log).unwrap_or_default();
                let last: Vec<&str> = said.lines().rev().take(20).collect();
                let last: Vec<&str> = last.into_iter().rev().collect();
                panic!(
                    "{} did not answer as asked ({ended:?}):\n{}",
                    self.name,
                    last.join("\n")
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ports that nobody listens on, no two the same.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

/// The status of the answer to a GET request; `None` where nobody answers.
pub(crate) fn get(port: u16, path: &str) -> Option<u16> {
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

pub(crate) fn prometheus_is_installed() -> bool {
    let installed = |tool: &str| {
        let run = Command::new(tool)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        run.is_ok_and(|status| status.success())
    };
    let all = installed("prometheus") && installed("promtool");
    if !all {
        println!("skipped: prometheus and promtool are not installed");
    }
    all
}

/// A Prometheus over what a world said between two seconds, and its URL.
pub(crate) async fn prometheus(world: &World, span: (i64, i64), folder: &Path) -> (Running, String) {
    store(&[(world, span)], folder).await
}

/// The same over what two replicas of a scraper wrote, the second some seconds behind the first.
pub(crate) async fn replicated_prometheus(world: &World, (from, to): (i64, i64), folder: &Path) -> (Running, String) {
    let text = world.openmetrics_text(from, to);
    prometheus_over(folder, |out| {
        for line in text.lines() {
            let Some((series, second)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) else {
                writeln!(out, "{line}")?;
                continue;
            };
            let (name, rest) = series.split_once('{').unwrap();
            for (replica, late) in [("a", 0), ("b", 7)] {
                let at = second.parse::<i64>().unwrap() + late;
                writeln!(out, "{name}{{prometheus_replica=\"{replica}\",{rest} {at}")?;
            }
        }
        Ok(())
    })
    .await
}

/// A Prometheus over what worlds said, each between two seconds, and its URL.
pub(crate) async fn store(said: &[(&World, (i64, i64))], folder: &Path) -> (Running, String) {
    for (world, span) in said {
        load(world, *span, folder, |text| text);
    }
    start_prometheus("prometheus", &[], folder).await
}

/// A Prometheus over what is written as OpenMetrics, and its URL.
pub(crate) async fn prometheus_over(
    folder: &Path,
    write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>,
) -> (Running, String) {
    let mut text = Vec::new();
    write(&mut text).unwrap();
    blocks(&text, folder);
    start_prometheus("prometheus", &[], folder).await
}

/// A Prometheus over what a folder holds, and its URL.
pub(crate) async fn start_prometheus(program: &str, arguments: &[&str], folder: &Path) -> (Running, String) {
    std::fs::write(folder.join("prometheus.yml"), "").unwrap();
    let [port] = free_ports();
    let mut running = Running::start(
        Command::new(program)
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--storage.tsdb.retention.time=100y")
            .args(arguments),
        folder,
    );
    running.until(async || get(port, "/-/ready") == Some(200)).await;
    (running, format!("http://127.0.0.1:{port}"))
}

/// Seconds that a block holds. `promtool` reads its whole input for each block that it writes, so it gets one at a time.
const BLOCK: i64 = 7_200;

/// Samples, in what words `told` makes of OpenMetrics, as blocks of a time series database.
pub(crate) fn load(world: &World, (from, to): (i64, i64), folder: &Path, told: impl Fn(String) -> String) {
    let mut begin = from;
    while begin < to {
        // A block ends before the next one's first second.
        let end = (((begin + 1).div_euclid(BLOCK) + 1) * BLOCK - 1).min(to);
        blocks(told(world.openmetrics_text(begin, end)).as_bytes(), folder);
        begin = end;
    }
}

/// The samples of an OpenMetrics text as blocks.
fn blocks(text: &[u8], folder: &Path) {
    let samples = folder.join("samples.om");
    std::fs::write(&samples, text).unwrap();
    let run = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&samples, &folder.join("data")])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(run.success(), "promtool refused the samples");
}

/// Answers GET requests until the test binary ends; what is not served is a 404 in Kubernetes' shape.
pub(crate) fn serve(answer: impl Fn(&str, &str) -> Option<Value> + Send + Sync + 'static) -> String {
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

/// A fake of the Kubernetes API that serves a world's objects, and its URL.
pub(crate) fn kubernetes(world: &World) -> String {
    let answers = world.kubernetes();
    serve(move |path, _| answers.get(path).cloned())
}

/// A fake of OpenCost that serves a world's costs, and its URL.
pub(crate) fn opencost(world: World) -> String {
    serve(move |path, query| match path {
        "/assets" => span(query).map(|(from, to)| world.opencost_assets(from, to)),
        "/allocation" => {
            span(query).map(|(from, to)| world.opencost_allocation(from, to, query.contains("includeIdle=true")))
        }
        "/healthz" => Some(json!({})),
        _ => None,
    })
}

/// `window=FROM,TO` in unix seconds, as the reader asks.
fn span(query: &str) -> Option<(i64, i64)> {
    let window = query.split('&').find_map(|pair| pair.strip_prefix("window="))?;
    let (from, to) = window.split_once("%2C").or_else(|| window.split_once(','))?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

/// A kubeconfig with one cluster and one user.
pub(crate) fn kubeconfig(path: &Path, cluster: &Value, user: &Value) -> PathBuf {
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "world",
        "clusters": [{"name": "world", "cluster": cluster}],
        "contexts": [{"name": "world", "context": {"cluster": "world", "user": "reader"}}],
        "users": [{"name": "reader", "user": user}],
    });
    std::fs::write(path, text.to_string()).unwrap();
    path.to_owned()
}
