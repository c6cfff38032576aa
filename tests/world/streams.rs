//! Samples, stream by stream: one for each label set that a scrape would have seen. Nothing is stored; a stream can be
//! walked as often as there are metrics to write.

use std::collections::BTreeMap;

use super::physics::{self, Ticks, WARM_UP};
use super::pods::Pod;
use super::random::{key, mix, unit};
use super::workload::Server;
use super::{END, SCRAPE, Size, World};

/// Labels in their order.
pub type Labels = BTreeMap<&'static str, String>;

/// A device under one label set: idle, or in the hands of one pod, as one exporter pod told it.
#[derive(Debug)]
pub struct DeviceStream {
    /// Its labels.
    pub labels: Labels,
    /// Index of its node.
    pub node: usize,
    /// Index of the device on the node.
    pub device: usize,
    /// Begin, end and pod of each span, in time order.
    pub spans: Vec<(i64, i64, Option<usize>)>,
}

/// Every device stream, in the order of nodes, devices and time.
pub fn devices(world: &World) -> Vec<DeviceStream> {
    let mut holders: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for (index, pod) in world.pods.iter().enumerate() {
        for &device in &pod.slot.devices {
            holders.entry((pod.slot.node, device)).or_default().push(index);
        }
    }
    let mut streams = Vec::new();
    for (node, machine) in world.nodes.iter().enumerate() {
        for device in 0..machine.uuids.len() {
            let mut held = holders.remove(&(node, device)).unwrap_or_default();
            held.sort_by_key(|&pod| world.pods[pod].started);
            let mut by_labels: BTreeMap<Labels, Vec<(i64, i64, Option<usize>)>> = BTreeMap::new();
            for span in cut(spans(world, &held), machine.exporter_restart) {
                let labels = device_labels(world, node, device, span.2, span.0);
                by_labels.entry(labels).or_default().push(span);
            }
            streams.extend(by_labels.into_iter().map(|(labels, spans)| DeviceStream {
                labels,
                node,
                device,
                spans,
            }));
        }
    }
    streams
}

/// Who holds a device when: its pods, and nobody between them. Scrapes fall into `(begin, end]`.
fn spans(world: &World, held: &[usize]) -> Vec<(i64, i64, Option<usize>)> {
    let mut spans = Vec::new();
    let mut reached = world.start;
    for &index in held {
        let pod = &world.pods[index];
        let (from, to) = (pod.started.max(reached), pod.ended.unwrap_or(END).min(END));
        if from > reached {
            spans.push((reached, from, None));
        }
        if to > from {
            spans.push((from, to, Some(index)));
        }
        reached = reached.max(to);
    }
    if reached < END {
        spans.push((reached, END, None));
    }
    spans
}

fn cut(spans: Vec<(i64, i64, Option<usize>)>, restart: Option<i64>) -> Vec<(i64, i64, Option<usize>)> {
    let split = |(from, to, pod): (i64, i64, Option<usize>)| match restart {
        Some(at) if from < at && at < to => vec![(from, at, pod), (at, to, pod)],
        _ => vec![(from, to, pod)],
    };
    spans.into_iter().flat_map(split).collect()
}

fn device_labels(world: &World, node: usize, device: usize, pod: Option<usize>, from: i64) -> Labels {
    let machine = &world.nodes[node];
    let mut labels = Labels::new();
    let mut say = |name: &'static str, value: String| _ = labels.insert(name, value);
    say("UUID", machine.uuids[device].clone());
    say("gpu", device.to_string());
    say("modelName", machine.instance.gpu.product.to_owned());
    let host = if machine.old_dialect { "Hostname" } else { "hostname" };
    say(host, machine.name.clone());
    // What the scraper adds: the exporter's own pod. With `honorLabels` the exporter's word for the pod on the GPU wins;
    // a GPU without a pod keeps the scraper's in both cases.
    say("namespace", "gpu-operator".to_owned());
    say("pod", machine.exporter(from));
    say("container", "nvidia-dcgm-exporter".to_owned());
    if let Some(pod) = pod {
        let pod = &world.pods[pod];
        let workload = &world.workloads[pod.workload];
        let names = if world.honors_labels {
            ["namespace", "pod", "container"]
        } else {
            ["exported_namespace", "exported_pod", "exported_container"]
        };
        say(names[0], workload.namespace.clone());
        say(names[1], pod.name.clone());
        say(names[2], container_of(workload).to_owned());
    }
    labels
}

/// The name of the container that holds the GPUs.
pub fn container_of(workload: &super::workload::Workload) -> &'static str {
    match (&workload.server, workload.kind) {
        (Some(_), _) => "vllm",
        (None, super::workload::Kind::PyTorchJob) => "pytorch",
        (None, super::workload::Kind::Notebook) => "notebook",
        _ => "main",
    }
}

/// The seconds within `(begin, end]` at which a node was scraped.
pub fn scrapes(world: &World, node: usize, begin: i64, end: i64) -> impl Iterator<Item = i64> + '_ {
    let machine = &world.nodes[node];
    let first = (begin - machine.offset).div_euclid(SCRAPE) * SCRAPE + SCRAPE + machine.offset;
    let last = end.min(END);
    let count = if last >= first { (last - first) / SCRAPE + 1 } else { 0 };
    (0..count)
        .map(move |at| first + at * SCRAPE)
        .filter(|&second| !machine.scrape_failed(second))
}

impl DeviceStream {
    /// Its samples in `(begin, end]`, in time order.
    pub fn walk(&self, world: &World, begin: i64, end: i64, mut each: impl FnMut(i64, Ticks)) {
        let machine = &world.nodes[self.node];
        let gpu = machine.instance.gpu;
        let device_key = mix(machine.key ^ (self.device as u64 + 1));
        for &(from, to, pod) in &self.spans {
            let holder = pod.map(|pod| (&world.pods[pod], &world.workloads[world.pods[pod].workload]));
            let keys = holder.map(|(pod, workload)| (load_key(world, pod), key(device_key, &workload.name)));
            for second in scrapes(world, self.node, from.max(begin), to.min(end)) {
                let ticks = match (holder, keys) {
                    (Some((pod, workload)), _) if is_untouched(pod, workload, self.device) => {
                        physics::idle(gpu, device_key, second)
                    }
                    (Some((pod, workload)), Some(keys)) => {
                        let age = second - last_start(world, pod, second);
                        let server = workload.server.as_ref();
                        if age < WARM_UP {
                            physics::warming(gpu, &workload.behaviour, device_key, second, age)
                        } else {
                            let fine = world.size != Size::Demo;
                            let level = world.served_level(pod, second);
                            let level = level.unwrap_or_else(|| workload.behaviour.pattern.level(keys.0, second));
                            physics::busy(gpu, &workload.behaviour, server, keys, (second, level, fine))
                        }
                    }
                    _ => physics::idle(gpu, device_key, second),
                };
                each(second, ticks);
            }
        }
    }
}

/// Whether nothing of a pod ever runs on this device of its node.
fn is_untouched(pod: &Pod, workload: &super::workload::Workload, device: usize) -> bool {
    let untouched = workload.untouched;
    let touched = (workload.gpus - untouched.gpus) as usize;
    let place = pod.slot.devices.iter().position(|own| *own == device);
    untouched.but_in_run != Some(pod.run) && place.is_some_and(|place| place >= touched)
}

/// The key of a pod's load. A balancer gives replicas of a service nearly the same; runs and nightly workers differ.
fn load_key(world: &World, pod: &Pod) -> u64 {
    let workload = &world.workloads[pod.workload];
    let name = format!("{}/{} load", workload.namespace, workload.name);
    let run = if workload.kind.runs() { pod.run as u64 } else { 0 };
    mix(world.key(&name) ^ run)
}

/// When a server's container was restarted, the pod staying: about one in three, once.
pub fn server_restart(world: &World, pod: &Pod) -> Option<i64> {
    let workload = &world.workloads[pod.workload];
    let chosen = workload.server.is_some()
        && workload.behaviour.peak > 0.0
        && workload.kind != super::workload::Kind::LeaderWorkerSet;
    let draw = unit(world.key(&pod.uid), 51);
    let at = world.start + ((END - world.start) as f64 * (0.15 + draw * 1.8)) as i64;
    (chosen && draw < 0.33 && pod.runs_at(at) && pod.runs_at(at - 3_600)).then_some(at)
}

/// When the container that runs at this second began.
fn last_start(world: &World, pod: &Pod, second: i64) -> i64 {
    match world.workloads[pod.workload].server {
        Some(_) => server_restart(world, pod)
            .filter(|at| *at <= second)
            .unwrap_or(pod.started),
        None => pod.started,
    }
}

/// One scrape of a model server: gauges, and counters since the container began.
#[derive(Debug, Clone, Copy)]
pub struct ServerSample {
    /// Unix seconds.
    pub second: i64,
    /// Requests in execution.
    pub running: u64,
    /// Requests waiting.
    pub waiting: u64,
    /// Share of the cache in use, thousandths.
    pub cache: u64,
    /// Requests that ended by themselves.
    pub stopped: u64,
    /// Requests that ended at their limit of tokens.
    pub cut: u64,
    /// Tokens generated.
    pub tokens: u64,
    /// Tokens of prompts.
    pub prompt: u64,
    /// Those of them that the cache held.
    pub cached: u64,
    /// Requests that were put back.
    pub preempted: u64,
}

/// Pods that carry a model server's metrics: every vLLM pod, but of a leader and its workers only the leader.
pub fn servers(world: &World) -> impl Iterator<Item = (&Pod, &Server)> {
    let lone =
        |pod: &&Pod| world.workloads[pod.workload].kind != super::workload::Kind::LeaderWorkerSet || pod.replica == 0;
    let with = |pod| {
        Some((
            pod,
            world.workloads[{
                let pod: &Pod = pod;
                pod.workload
            }]
            .server
            .as_ref()?,
        ))
    };
    world.pods.iter().filter(lone).filter_map(with)
}

/// The samples of a pod's server in the window, in time order.
pub fn server_samples(world: &World, pod: &Pod, server: &Server) -> Vec<ServerSample> {
    if let Some(samples) = world.served_samples(pod) {
        return samples;
    }
    let workload = &world.workloads[pod.workload];
    let keys = (load_key(world, pod), world.key(&pod.uid));
    let machine = &world.nodes[pod.slot.node];
    // What had been counted before the window began, as far as it matters.
    let mut finished = if pod.started < world.start {
        key(keys.1, "before") % 4_000_000
    } else {
        0
    };
    if workload.behaviour.peak <= 0.0 {
        finished = 0;
    }
    let prompt = (server.context_tokens - server.answer_tokens).max(16.0) as u64;
    let mut samples = Vec::new();
    let mut began = last_start(world, pod, world.start);
    let first = (pod.started.max(world.start) - machine.offset).div_euclid(SCRAPE) * SCRAPE + machine.offset;
    let last = pod.ended.unwrap_or(END).min(END);
    let mut second = first;
    while second <= last {
        let start = last_start(world, pod, second);
        if start != began {
            (began, finished) = (start, 0);
        }
        let up = second > began + WARM_UP && second > world.start;
        if up {
            // Counters go on while scrapes fail.
            let moment = physics::served(server, &workload.behaviour, keys, second, SCRAPE);
            finished += moment.finished;
            if !machine.scrape_failed(second) {
                samples.push(ServerSample {
                    second,
                    running: moment.running,
                    waiting: moment.waiting,
                    cache: moment.cache,
                    stopped: finished - finished / 10,
                    cut: finished / 10,
                    tokens: finished * server.answer_tokens as u64,
                    prompt: finished * prompt,
                    cached: finished * prompt / 4,
                    preempted: finished / 200,
                });
            }
        }
        second += SCRAPE;
    }
    samples
}

/// Labels of a pod's model server, without those of a single metric.
pub fn server_labels(world: &World, pod: &Pod, server: &Server) -> Labels {
    let workload = &world.workloads[pod.workload];
    Labels::from([
        ("namespace", workload.namespace.clone()),
        ("pod", pod.name.clone()),
        ("model_name", server.served_as.clone()),
        ("engine", "0".to_owned()),
    ])
}

/// Labels of the constant gauge that tells the cache's geometry; vLLM gives it no model name.
pub fn cache_labels(world: &World, pod: &Pod, server: &Server) -> Labels {
    let mut labels = server_labels(world, pod, server);
    labels.remove("model_name");
    labels.insert("num_gpu_blocks", server.blocks.to_string());
    labels.insert("block_size", (super::workload::BLOCK as u64).to_string());
    labels.insert("cache_dtype", server.cache_dtype.to_owned());
    labels
}
