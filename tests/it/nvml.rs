//! `gpuwise sample` against an NVML that the test builds from C.

mod pods;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use gpuwise::catalog::Catalog;
use gpuwise::model::usage::Signal;
use tempfile::TempDir;

use crate::binary;

/// The library of `tests/nvml/stub.c`; `None`, with a word, where there is no C compiler.
fn stub(folder: &Path) -> Option<PathBuf> {
    let library = folder.join("libnvidia-ml.so.1");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nvml/stub.c");
    let built = Command::new("cc")
        .args(["-Wall", "-Werror", "-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status();
    match built {
        Ok(status) => {
            assert!(status.success(), "cc refused tests/nvml/stub.c");
            Some(library)
        }
        Err(_) => {
            _ = writeln!(std::io::stderr(), "skipped: there is no C compiler (cc)");
            None
        }
    }
}

fn sample(library: &Path, arguments: &[&str]) -> Command {
    let mut command = binary::command(&std::env::temp_dir());
    command.args(["sample", "--node", "node-a", "--nvml"]).arg(library);
    command.args(arguments);
    command
}

fn printed(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The value of the one line of this metric with these labels.
fn value(metrics: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let is = |line: &&str| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')) && labels.iter().all(|l| line.contains(l))
    };
    let found: Vec<&str> = metrics.lines().filter(is).collect();
    assert!(
        found.len() <= 1,
        "{name} {labels:?} is there more than once:\n{metrics}"
    );
    Some(found.first()?.rsplit_once(' ').unwrap().1.parse().unwrap())
}

const WHOLE: &str = r#"UUID="GPU-stub-0""#;

#[test]
fn every_gpu_signal_that_is_judged_has_its_metric_and_unit() {
    let folder = TempDir::new().unwrap();
    let Some(library) = stub(folder.path()) else { return };
    let metrics = printed(&sample(&library, &["--format", "metrics"]).output().unwrap());
    let expected = [
        (Signal::GpuUtil, 10.0),      // the mean of the driver's samples
        (Signal::EngineActive, 0.51), // a ratio of NVML's percent
        (Signal::SmActive, 0.52),
        (Signal::TensorActive, 0.55),
        (Signal::DramActive, 0.60),
        (Signal::MemoryUsed, 30000.0), // MiB of NVML's bytes
        (Signal::Power, 350.5),        // W of NVML's mW
    ];
    let catalog = Catalog::shipped().unwrap();
    for signal in Signal::ALL.into_iter().filter(|signal| signal.is_gpu()) {
        let told = catalog
            .metric_names(signal)
            .find_map(|name| value(&metrics, name, &[WHOLE]));
        let wanted = expected.iter().find(|(known, _)| *known == signal).unwrap().1;
        assert!(
            told.is_some_and(|told| (told - wanted).abs() < 1e-9),
            "{signal:?}: {told:?}, not {wanted}"
        );
    }
    let known = catalog.model_named("NVIDIA H100 80GB HBM3").is_some();
    assert!(known && metrics.contains(r#"modelName="NVIDIA H100 80GB HBM3""#));
    assert!(metrics.contains(r#"Hostname="node-a""#));
}

fn first_gpu(metrics: &str, name: &str) -> Option<f64> {
    value(metrics, name, &[WHOLE])
}

#[test]
fn work_that_comes_and_goes_between_two_readings_is_seen() {
    let folder = TempDir::new().unwrap();
    let Some(library) = stub(folder.path()) else { return };
    // Asked for the last sample period alone, NVML would tell 0 at each reading.
    let arguments = ["--format", "metrics", "--interval", "2"];
    let metrics = printed(&sample(&library, &arguments).output().unwrap());
    assert_eq!(first_gpu(&metrics, "DCGM_FI_DEV_GPU_UTIL"), Some(10.0));
    assert_eq!(first_gpu(&metrics, "DCGM_FI_DEV_MEM_COPY_UTIL"), Some(5.0));
    // The first reading alone: the second before it, and nothing of what the buffer holds of earlier.
    let served = Served::start(&library, "300");
    served.healthy();
    let page = served.get("/metrics");
    assert_eq!(first_gpu(&page, "DCGM_FI_DEV_GPU_UTIL"), Some(10.0), "{page}");
    assert_eq!(first_gpu(&page, "DCGM_FI_DEV_MEM_COPY_UTIL"), Some(5.0), "{page}");
}

#[test]
fn where_the_driver_takes_no_samples_its_last_sample_period_is_told() {
    let folder = TempDir::new().unwrap();
    let Some(library) = stub(folder.path()) else { return };
    for how in ["none", "stop"] {
        let mut command = sample(&library, &["--format", "metrics", "--interval", "2"]);
        let metrics = printed(&command.env("STUB_NVML_SAMPLES", how).output().unwrap());
        // The first reading, of 20, is of the time before.
        assert_eq!(first_gpu(&metrics, "DCGM_FI_DEV_GPU_UTIL"), Some(60.0), "{how}");
        assert_eq!(first_gpu(&metrics, "DCGM_FI_DEV_MEM_COPY_UTIL"), Some(10.0), "{how}");
    }
}

#[test]
fn power_over_ten_seconds_is_the_energy_that_they_took() {
    let folder = TempDir::new().unwrap();
    let Some(library) = stub(folder.path()) else { return };
    let arguments = ["--format", "metrics", "--interval", "10"];
    let metrics = printed(&sample(&library, &arguments).output().unwrap());
    let watts = first_gpu(&metrics, "DCGM_FI_DEV_POWER_USAGE").unwrap();
    assert!((watts - 700.0).abs() < 30.0, "{watts}");
    assert_eq!(value(&metrics, "DCGM_FI_DEV_POWER_USAGE", &["GPU-stub-1"]), None);
}

#[test]
fn what_a_gpu_does_not_support_is_left_out_and_never_zero() {
    let folder = TempDir::new().unwrap();
    let Some(library) = stub(folder.path()) else { return };
    let metrics = printed(&sample(&library, &["--format", "metrics"]).output().unwrap());
    for name in [
        "DCGM_FI_DEV_POWER_USAGE",
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL",
        "DCGM_FI_DEV_GPU_UTIL",
    ] {
        assert!(value(&metrics, name, &[WHOLE]).is_some(), "{name} of GPU 0");
        assert_eq!(value(&metrics, name, &["GPU-stub-1"]), None, "{name} of GPU 1");
    }
    // A slice's counters are of its own GPU instance, which is known of slices with a process only.
    let engine = |slice| value(&metrics, "DCGM_FI_PROF_GR_ENGINE_ACTIVE", &["GPU-stub-1", slice]);
    assert_eq!(engine(r#"GPU_I_PROFILE="3g.40gb""#), Some(0.71));
    assert_eq!(engine(r#"GPU_I_PROFILE="1g.10gb""#), None);
    let used = |slice| value(&metrics, "DCGM_FI_DEV_FB_USED", &["GPU-stub-1", slice]);
    assert_eq!(used(r#"GPU_I_PROFILE="3g.40gb""#), Some(1000.0));
    assert_eq!(used(r#"GPU_I_PROFILE="1g.10gb""#), Some(1001.0));

    let json = printed(&sample(&library, &["--format", "json"]).output().unwrap());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["devices"][1]["reading"]["power_watts"], serde_json::Value::Null);
    assert_eq!(json["devices"][0]["processes"][0]["memory_bytes"], 29000_u64 << 20);
    let table = printed(&sample(&library, &[]).output().unwrap());
    assert!(table.contains("1 3g.40gb") && table.contains("unknown"), "{table}");
}

#[test]
fn a_node_without_the_library_or_the_driver_is_told_what_to_do() {
    let folder = TempDir::new().unwrap();
    let missing = sample(&folder.path().join("none.so"), &[]).output().unwrap();
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert_eq!(missing.status.code(), Some(4), "{said}");
    assert!(said.contains("none.so") && said.contains("--nvml"), "{said}");
    let Some(library) = stub(folder.path()) else { return };
    let silent = sample(&library, &[]).env("STUB_NVML_NO_DRIVER", "1").output().unwrap();
    let said = String::from_utf8_lossy(&silent.stderr).into_owned();
    assert_eq!(silent.status.code(), Some(4), "{said}");
    assert!(
        said.contains("driver is not loaded") && said.contains("nvidia-smi"),
        "{said}"
    );
}

#[test]
fn promtool_reads_the_metrics() {
    let folder = TempDir::new().unwrap();
    let Some(library) = stub(folder.path()) else { return };
    let Ok(mut promtool) = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    else {
        _ = writeln!(std::io::stderr(), "skipped: promtool is not installed");
        return;
    };
    let metrics = sample(&library, &["--format", "metrics"]).output().unwrap();
    let mut stdin = promtool.stdin.take().unwrap();
    stdin.write_all(&metrics.stdout).unwrap();
    drop(stdin);
    let said = promtool.wait_with_output().unwrap();
    // 3 says that it was read, and that NVIDIA's names are not to its taste.
    let lines = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(matches!(said.status.code(), Some(0 | 3)), "{lines}");
}

/// A serving process, ended with the test, and where it serves.
struct Served(Child, String);

impl Served {
    fn start(library: &Path, interval: &str) -> Self {
        let mut child = sample(library, &["--listen", "127.0.0.1:0", "--interval", interval])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        // The pipe must stay open for what it says later.
        std::thread::spawn(move || lines.for_each(drop));
        let address = first.strip_prefix("serving http://").unwrap();
        let address = address.strip_suffix("/metrics").unwrap().to_owned();
        Self(child, address)
    }

    /// Waits for the first reading.
    fn healthy(&self) {
        let mut health = self.get("/healthz");
        for _ in 0..600 {
            if health.starts_with("HTTP/1.1 200") {
                return;
            }
            assert!(health.starts_with("HTTP/1.1 503"), "{health}");
            std::thread::sleep(std::time::Duration::from_millis(100));
            health = self.get("/healthz");
        }
        panic!("no reading within a minute: {health}");
    }

    /// Sends these bytes and reads until the server closes.
    fn ask(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.1).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        // A reset after the answer is a way of closing, too.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(&self, path: &str) -> String {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn metrics_are_served_until_it_is_told_to_stop() {
    let folder = TempDir::new().unwrap();
    let Some(library) = stub(folder.path()) else { return };
    let mut served = Served::start(&library, "1");
    served.healthy();
    let metrics = served.get("/metrics");
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
    assert!(metrics.contains("\nDCGM_FI_DEV_FB_USED{"), "{metrics}");
    assert!(served.get("/etc/passwd").starts_with("HTTP/1.1 404"));
    let posted = served.ask(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert!(posted.starts_with("HTTP/1.1 405"), "{posted}");
    let long = [b"GET /".as_slice(), &[b'a'; 1 << 20]].concat();
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"GET\r\n\r\n",
        b"\0\0\r\n\r\n",
        &long,
    ] {
        let answer = served.ask(garbage);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert!(served.get("/metrics").starts_with("HTTP/1.1 200"), "garbage ended it");
    let told = Command::new("kill").arg(served.0.id().to_string()).status().unwrap();
    assert!(told.success());
    assert_eq!(served.0.wait().unwrap().code(), Some(0));
}
