//! A large cluster in a real Prometheus, analyzed as a user would.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::generator::{END, HOUR, Size, World};
use crate::servers;

/// What is read before the window, by ranges that reach back.
const BEFORE: i64 = 600;

/// Loads the world, and tells what an analysis of it asked for, and how long it took.
pub(crate) fn measure(workloads: usize, hours: usize, folder: Option<&String>) {
    if !servers::prometheus_is_installed() {
        return;
    }
    let hours = i64::try_from(hours).unwrap();
    let size = Size::Many(u32::try_from(workloads).unwrap());
    let world = || World::generate(1, size, u32::try_from(hours / 24 + 1).unwrap());
    let own = tempfile::tempdir().unwrap();
    let folder = folder.map_or(own.path().to_owned(), PathBuf::from);
    let (pods, nodes) = (world().pods.len(), world().nodes.len());
    println!("{workloads} workloads, {pods} pods with a GPU each, {nodes} nodes, {hours} hours of minutes");
    if !folder.join("data").exists() {
        let began = Instant::now();
        std::fs::create_dir_all(&folder).unwrap();
        servers::load(&world(), (END - hours * HOUR - BEFORE, END), &folder, |text| text);
        println!("loaded in {:.0} s", began.elapsed().as_secs_f64());
    }
    let api = json!({"server": servers::kubernetes(&world())});
    let config = servers::kubeconfig(&folder.join("kubeconfig"), &api, &json!({}));
    let costs = servers::opencost(world());
    let serving = servers::start_prometheus("prometheus", &[], &folder);
    let (running, prometheus) = tokio::runtime::Runtime::new().unwrap().block_on(serving);
    // The first run finds the samples on the disk, the second in memory.
    for _ in 0..2 {
        let before = processor_seconds(running.id());
        analyze(&prometheus, &costs, &config, hours);
        let spent = processor_seconds(running.id()) - before;
        println!("processor: {spent:.1} s of Prometheus");
    }
}

fn analyze(prometheus: &str, costs: &str, config: &Path, hours: i64) {
    let until = jiff::Timestamp::from_second(END).unwrap().to_string();
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_gpuwise"))
        .args(["analyze", "--stats", "--format", "json", "--until", &until])
        .args(["--window", &format!("{hours}h")])
        .args(["--prometheus", prometheus, "--costs", costs])
        .arg("--kubeconfig")
        .arg(config)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let plan = std::thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).unwrap();
        text
    });
    let (peak, spent) = until_it_ends(&mut child);
    let seconds = began.elapsed().as_secs_f64();
    let plan: Value = serde_json::from_str(&plan.join().unwrap()).unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    println!("{}", said.trim());
    println!(
        "analyzed in {seconds:.1} s, {spent:.1} s of processor, memory at its peak {} MB; {} workloads, {} samples joined, {} of {} GPUs with metrics, {} changes",
        peak / 1024,
        plan["coverage"]["workloads"],
        plan["coverage"]["samples"],
        plan["coverage"]["gpus_with_metrics"],
        plan["coverage"]["gpus"],
        plan["accepted"].as_array().map_or(0, Vec::len)
    );
}

/// Waits, and answers with the most memory that was in use, in KiB, and the seconds of processor; 0 where the system does not
/// tell.
fn until_it_ends(child: &mut Child) -> (u64, f64) {
    let (mut peak, mut spent) = (0, 0.0_f64);
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let told = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = told.and_then(|text| text.trim().split(' ').next()?.parse().ok());
        peak = kib.unwrap_or(peak);
        spent = spent.max(processor_seconds(child.id()));
        std::thread::sleep(Duration::from_millis(50));
    }
    (peak, spent)
}

/// Seconds that a process has had of a processor, in its own code and the system's; a hundred ticks are a second on Linux.
fn processor_seconds(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The name, in parentheses, may have blanks.
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: f64 = fields
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}
