//! A cluster of any size on loopback: a Prometheus that streams its samples, and the Kubernetes API that lists its objects.
//! Values repeat from GPU to GPU, so that writing an answer costs little more than copying it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// Pods of a workload, one GPU each.
const PODS: usize = 20;

/// GPUs of a node.
const PER_NODE: usize = 8;

/// Different courses of values; each GPU has one of them.
const COURSES: usize = 16;

/// Metrics that this exporter has.
const METRICS: [(&str, f64); 6] = [
    ("DCGM_FI_DEV_GPU_UTIL", 100.0),
    ("DCGM_FI_DEV_FB_USED", 60_000.0),
    ("DCGM_FI_DEV_POWER_USAGE", 600.0),
    ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 0.8),
    ("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", 0.5),
    ("DCGM_FI_PROF_DRAM_ACTIVE", 0.4),
];

/// A range query that was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) query: String,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) step: i64,
}

/// The cluster.
pub(crate) struct Cluster {
    pub(crate) gpus: usize,
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

fn pod(gpu: usize) -> String {
    format!("serve-{:04}-7d9f6c-{:05}", gpu / PODS, gpu % PODS)
}

fn node(gpu: usize) -> String {
    format!("node-{:05}", gpu / PER_NODE)
}

fn labels(gpu: usize) -> String {
    format!(
        r#"{{"Hostname":"{}","UUID":"GPU-{gpu:08}","gpu":"{}","modelName":"NVIDIA H100 80GB HBM3","namespace":"ml","pod":"{}","container":"main"}}"#,
        node(gpu),
        gpu % PER_NODE,
        pod(gpu)
    )
}

impl Cluster {
    /// Serves until the process ends.
    pub(crate) fn start(gpus: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let server = Arc::new(Server {
            gpus,
            asked: Arc::clone(&asked),
            objects: objects(gpus),
            courses: Mutex::default(),
        });
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = Arc::clone(&server);
                std::thread::spawn(move || while server.answer(&stream).is_some() {});
            }
        });
        Self { gpus, url, asked }
    }

    /// The range queries that were asked since this was called last.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

type Course = Arc<Vec<u8>>;

struct Server {
    gpus: usize,
    asked: Arc<Mutex<Vec<Asked>>>,
    objects: BTreeMap<&'static str, Value>,
    /// Rendered values by metric, course, start and end.
    courses: Mutex<BTreeMap<(usize, usize, i64, i64), Course>>,
}

impl Server {
    /// One request; `None` at the connection's end.
    fn answer(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let target = line.split_whitespace().nth(1)?.to_owned();
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let header = header.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut form: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in [query.as_bytes(), &body].into_iter().flat_map(pairs) {
            // Several `match[]` are one question.
            form.entry(name)
                .and_modify(|said| said.push_str(&format!(" or {value}")))
                .or_insert(value);
        }
        self.write(stream, path, &form).ok()
    }

    fn write(&self, stream: &TcpStream, path: &str, form: &BTreeMap<String, String>) -> std::io::Result<()> {
        let mut out = std::io::BufWriter::with_capacity(1 << 20, stream);
        let selector = form
            .get("query")
            .or_else(|| form.get("match[]"))
            .cloned()
            .unwrap_or_default();
        if let Some(list) = self.objects.get(path) {
            return whole(&mut out, &list.to_string());
        }
        match path {
            "/api/v1/series" if selector.contains("DCGM") => {
                let all: Vec<String> = (0..self.gpus).map(labels).collect();
                whole(
                    &mut out,
                    &format!(r#"{{"status":"success","data":[{}]}}"#, all.join(",")),
                )
            }
            "/api/v1/series" => whole(&mut out, r#"{"status":"success","data":[]}"#),
            "/api/v1/query" => {
                let names = METRICS.iter().filter(|(name, _)| selector.contains(name));
                let row = |(name, _): &(&str, f64)| {
                    format!(r#"{{"metric":{{"__name__":"{name}","found":"{name}"}},"value":[1,"40"]}}"#)
                };
                let rows: Vec<String> = names.map(row).collect();
                whole(
                    &mut out,
                    &format!(
                        r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#,
                        rows.join(",")
                    ),
                )
            }
            "/api/v1/query_range" => self.range(&mut out, &selector, form),
            _ => missing(&mut out),
        }
    }

    fn range(&self, out: &mut impl Write, query: &str, form: &BTreeMap<String, String>) -> std::io::Result<()> {
        let number = |name: &str| form.get(name).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0) as i64;
        let asked = Asked {
            query: query.to_owned(),
            start: number("start"),
            end: number("end").min(crate::judging::END),
            step: number("step"),
        };
        self.asked.lock().unwrap().push(asked.clone());
        let metric = METRICS.iter().position(|(name, _)| query.contains(name));
        // Of the time after its last sample it has none.
        let Some(metric) = metric.filter(|_| asked.start <= asked.end) else {
            return whole(
                out,
                r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#,
            );
        };
        out.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        let mut piece = |bytes: &[u8]| {
            write!(out, "{:x}\r\n", bytes.len())?;
            out.write_all(bytes)?;
            out.write_all(b"\r\n")
        };
        piece(br#"{"status":"success","data":{"resultType":"matrix","result":["#)?;
        let mut first = true;
        for gpu in (0..self.gpus).filter(|gpu| selected(query, &pod(*gpu))) {
            let comma = if std::mem::take(&mut first) { "" } else { "," };
            piece(format!(r#"{comma}{{"metric":{},"values":["#, labels(gpu)).as_bytes())?;
            piece(&self.course(metric, gpu % COURSES, &asked))?;
            piece(b"]}")?;
        }
        piece(b"]}}")?;
        out.write_all(b"0\r\n\r\n")?;
        out.flush()
    }

    fn course(&self, metric: usize, course: usize, asked: &Asked) -> Course {
        let key = (metric, course, asked.start, asked.end);
        if let Some(found) = self.courses.lock().unwrap().get(&key) {
            return Arc::clone(found);
        }
        let mut text = Vec::new();
        let (name, scale) = METRICS[metric];
        let mut second = asked.start;
        while second <= asked.end {
            // Mixes its input; any that spreads the bits will do.
            let mixed = (second as u64 ^ (course as u64) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let ratio = (mixed >> 40) as f64 / (1_u64 << 24) as f64;
            let comma = if second > asked.start { "," } else { "" };
            let value = scale * (0.5 + ratio / 2.0);
            // Memory is whole MiB, the others means of four scrapes.
            let _ = match name {
                "DCGM_FI_DEV_FB_USED" => write!(text, "{comma}[{second},\"{value:.0}\"]"),
                _ => write!(text, "{comma}[{second},\"{value:.5}\"]"),
            };
            second += asked.step;
        }
        let course = Arc::new(text);
        self.courses.lock().unwrap().insert(key, Arc::clone(&course));
        course
    }
}

/// Whether the query's pattern names the pod: what this product writes is a list of names and beginnings.
fn selected(query: &str, pod: &str) -> bool {
    let Some((_, rest)) = query.rsplit_once(",pod=~\"") else {
        return true;
    };
    let pattern = rest.split('"').next().unwrap_or_default();
    pattern.split('|').any(|one| match one.strip_suffix(".*") {
        Some(beginning) => pod.starts_with(beginning),
        None => pod == one,
    })
}

fn whole(out: &mut impl Write, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        out,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    out.flush()
}

fn missing(out: &mut impl Write) -> std::io::Result<()> {
    let body = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"message":"not found","metadata":{}}"#;
    let length = body.len();
    write!(
        out,
        "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    out.flush()
}

/// The pairs of a form.
fn pairs(form: &[u8]) -> Vec<(String, String)> {
    let plain = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            match byte {
                b'+' => bytes.push(b' '),
                b'%' => {
                    let digits = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                    let digits = String::from_utf8_lossy(&digits).into_owned();
                    bytes.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
                }
                byte => bytes.push(byte),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let text = String::from_utf8_lossy(form).into_owned();
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (plain(name), plain(value))).collect()
}

/// What the Kubernetes API lists.
fn objects(gpus: usize) -> BTreeMap<&'static str, Value> {
    let list =
        |kind: &str, items: Vec<Value>| json!({"apiVersion": "v1", "kind": kind, "metadata": {}, "items": items});
    let nodes = (0..gpus.div_ceil(PER_NODE)).map(|at| {
        json!({
            "metadata": {"name": node(at * PER_NODE), "uid": format!("n-{at}"), "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {
                "node.kubernetes.io/instance-type": "p5.48xlarge", "topology.kubernetes.io/region": "us-east-1",
                "karpenter.sh/nodepool": "gpu", "karpenter.sh/capacity-type": "on-demand", "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
            }},
            "spec": {"providerID": format!("aws:///us-east-1a/i-{at}")},
            "status": {"allocatable": {"cpu": "190", "memory": "2000Gi", "nvidia.com/gpu": "8"}},
        })
    });
    let owner = |kind: &str, version: &str, name: String| json!([{"apiVersion": version, "kind": kind, "name": name, "uid": name, "controller": true}]);
    let pods = (0..gpus).map(|gpu| {
        let set = format!("serve-{:04}-7d9f6c", gpu / PODS);
        json!({
            "metadata": {"name": pod(gpu), "namespace": "ml", "uid": format!("p-{gpu}"), "ownerReferences": owner("ReplicaSet", "apps/v1", set)},
            "spec": {"nodeName": node(gpu), "containers": [{"name": "main", "image": "example/app:1", "resources": {"limits": {"nvidia.com/gpu": "1"}, "requests": {"cpu": "4", "memory": "40Gi", "nvidia.com/gpu": "1"}}}]},
            "status": {"phase": "Running", "startTime": "2026-01-01T00:00:00Z"},
        })
    });
    let sets = (0..gpus.div_ceil(PODS)).map(|at| {
        let name = format!("serve-{at:04}-7d9f6c");
        json!({"metadata": {"name": name, "namespace": "ml", "uid": name, "ownerReferences": owner("Deployment", "apps/v1", format!("serve-{at:04}"))}})
    });
    let deployments = (0..gpus.div_ceil(PODS)).map(|at| {
        let name = format!("serve-{at:04}");
        json!({"metadata": {"name": name, "namespace": "ml", "uid": name, "labels": {"team": format!("team-{}", at % 12)}}, "spec": {"replicas": PODS}})
    });
    let groups = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [
        {"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}], "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"}},
    ]});
    let resource = |name: &str, kind: &str| json!({"name": name, "singularName": "", "namespaced": true, "kind": kind, "verbs": ["get", "list"]});
    let apps = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "apps/v1", "resources": [
        resource("deployments", "Deployment"), resource("replicasets", "ReplicaSet"),
    ]});
    BTreeMap::from([
        (
            "/version",
            json!({"major": "1", "minor": "35", "gitVersion": "v1.35.2", "platform": "linux/amd64"}),
        ),
        (
            "/api",
            json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
        ),
        ("/apis", groups),
        ("/apis/apps/v1", apps),
        ("/api/v1/nodes", list("NodeList", nodes.collect())),
        ("/api/v1/pods", list("PodList", pods.collect())),
        ("/apis/apps/v1/replicasets", list("ReplicaSetList", sets.collect())),
        (
            "/apis/apps/v1/deployments",
            list("DeploymentList", deployments.collect()),
        ),
    ])
}
