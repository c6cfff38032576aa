//! A world as raw samples in OpenMetrics text, family by family, as `promtool tsdb create-blocks-from openmetrics` reads it.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::latency;
use super::objects::{self, ksm_between};
use super::physics::TICK;
use super::pods::Owner;
use super::streams::{self, Labels, ServerSample, container_of};
use super::{END, World};

/// The exporter's name of each of a sample's ticks.
const DEVICE_METRICS: [&str; 7] = [
    "DCGM_FI_DEV_GPU_UTIL",
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
    "DCGM_FI_PROF_SM_ACTIVE",
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
    "DCGM_FI_PROF_DRAM_ACTIVE",
    "DCGM_FI_DEV_FB_USED",
    "DCGM_FI_DEV_POWER_USAGE",
];

/// Family, type, ending of the sample's name, and its values with their one further label.
type ServerMetric = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, fn(&ServerSample) -> f64)],
);

const SERVER_METRICS: [ServerMetric; 8] = [
    ("vllm:num_requests_running", "gauge", "", &[("", |s| s.running as f64)]),
    ("vllm:num_requests_waiting", "gauge", "", &[("", |s| s.waiting as f64)]),
    (
        "vllm:kv_cache_usage_perc",
        "gauge",
        "",
        &[("", |s| s.cache as f64 / 1000.0)],
    ),
    (
        "vllm:request_success",
        "counter",
        "_total",
        &[
            ("stop", |s| s.stopped as f64),
            ("length", |s| s.cut as f64),
            ("abort", |_| 0.0),
            ("error", |_| 0.0),
        ],
    ),
    (
        "vllm:generation_tokens",
        "counter",
        "_total",
        &[("", |s| s.tokens as f64)],
    ),
    ("vllm:prompt_tokens", "counter", "_total", &[("", |s| s.prompt as f64)]),
    (
        "vllm:prompt_tokens_cached",
        "counter",
        "_total",
        &[("", |s| s.cached as f64)],
    ),
    (
        "vllm:num_preemptions",
        "counter",
        "_total",
        &[("", |s| s.preempted as f64)],
    ),
];

impl World {
    /// Every sample of the window.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn to_openmetrics(&self, out: &mut impl Write) -> io::Result<()> {
        self.openmetrics_between(out, self.start, END)
    }

    /// The samples in `(begin, end]`.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn openmetrics_between(&self, out: &mut impl Write, begin: i64, end: i64) -> io::Result<()> {
        self.write_devices(out, begin, end)?;
        self.write_servers(out, begin, end)?;
        self.write_pods(out, begin, end)?;
        self.write_owners(out, begin, end)?;
        self.write_nodes(out, begin, end)?;
        writeln!(out, "# EOF")
    }

    /// What is said of devices, pods and nodes in `(begin, end]`, as text; nothing of what is served.
    pub fn openmetrics_of_hardware(&self, begin: i64, end: i64) -> String {
        let mut text = Vec::new();
        // Writing to a vector cannot fail, and what is written is text.
        _ = self.write_devices(&mut text, begin, end);
        _ = self.write_pods(&mut text, begin, end);
        _ = self.write_nodes(&mut text, begin, end);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The same as text.
    pub fn openmetrics_text(&self, begin: i64, end: i64) -> String {
        let mut text = Vec::new();
        // Writing to a vector cannot fail, and what is written is text.
        _ = self.openmetrics_between(&mut text, begin, end);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// What stands before a sample's value: its name and labels, and those that the scraper gives everything it sends away.
    pub(super) fn line_head(&self, name: &str, labels: &Labels) -> String {
        let mut head = format!("{name}{{");
        for (index, (label, value)) in labels.iter().chain(&self.external).enumerate() {
            let comma = if index > 0 { "," } else { "" };
            // Writing to a string cannot fail.
            _ = write!(head, "{comma}{label}=\"{value}\"");
        }
        head.push_str("} ");
        head
    }

    fn write_devices(&self, out: &mut impl Write, begin: i64, end: i64) -> io::Result<()> {
        let streams = streams::devices(self);
        for (index, metric) in DEVICE_METRICS.into_iter().enumerate() {
            writeln!(out, "# TYPE {metric} gauge")?;
            for stream in &streams {
                let mut labels = stream.labels.clone();
                labels.insert("device", format!("nvidia{}", stream.device));
                labels.insert("job", "nvidia-dcgm-exporter".to_owned());
                let head = self.line_head(metric, &labels);
                let mut failed = Ok(());
                stream.walk(self, begin, end, |second, ticks| {
                    if failed.is_ok() {
                        failed = write_ticks(out, &head, ticks[index], TICK[index], second);
                    }
                });
                failed?;
            }
        }
        Ok(())
    }

    fn write_servers(&self, out: &mut impl Write, begin: i64, end: i64) -> io::Result<()> {
        let all: Vec<_> = streams::servers(self)
            .map(|(pod, server)| {
                let mut samples = streams::server_samples(self, pod, server);
                samples.retain(|sample| begin < sample.second && sample.second <= end);
                let extra = |mut labels: Labels| {
                    labels.insert("container", container_of(&self.workloads[pod.workload]).to_owned());
                    labels.insert("job", "vllm".to_owned());
                    labels
                };
                let labels = extra(streams::server_labels(self, pod, server));
                (labels, extra(streams::cache_labels(self, pod, server)), samples)
            })
            .collect();
        for (family, kind, ending, values) in SERVER_METRICS {
            writeln!(out, "# TYPE {family} {kind}")?;
            for (labels, _, samples) in &all {
                for (reason, value) in values {
                    let mut labels = labels.clone();
                    if !reason.is_empty() {
                        labels.insert("finished_reason", (*reason).to_owned());
                    }
                    let head = self.line_head(&format!("{family}{ending}"), &labels);
                    for sample in samples {
                        writeln!(out, "{head}{} {}", value(sample), sample.second)?;
                    }
                }
            }
        }
        self.write_histograms(out, begin, end)?;
        writeln!(out, "# TYPE vllm:cache_config_info gauge")?;
        for (_, labels, samples) in &all {
            let head = self.line_head("vllm:cache_config_info", labels);
            for sample in samples {
                writeln!(out, "{head}1 {}", sample.second)?;
            }
        }
        Ok(())
    }

    fn write_histograms(&self, out: &mut impl Write, begin: i64, end: i64) -> io::Result<()> {
        for (index, (family, bounds)) in latency::FAMILIES.iter().enumerate() {
            writeln!(out, "# TYPE {family} histogram")?;
            for (pod, server) in streams::servers(self) {
                let mut labels = streams::server_labels(self, pod, server);
                labels.insert("container", container_of(&self.workloads[pod.workload]).to_owned());
                labels.insert("job", "vllm".to_owned());
                let samples = streams::server_samples(self, pod, server);
                let mut scrapes = latency::scrapes(&samples, server, index);
                scrapes.retain(|scrape| begin < scrape.second && scrape.second <= end);
                for at in 0..=bounds.len() {
                    let bound = bounds
                        .get(at)
                        .map_or_else(|| "+Inf".to_owned(), |bound| format!("{bound:?}"));
                    labels.insert("le", bound);
                    let head = self.line_head(&format!("{family}_bucket"), &labels);
                    for scrape in &scrapes {
                        writeln!(out, "{head}{} {}", scrape.buckets[at], scrape.second)?;
                    }
                }
                labels.remove("le");
                let heads = ["count", "sum"].map(|part| self.line_head(&format!("{family}_{part}"), &labels));
                for scrape in &scrapes {
                    writeln!(out, "{}{} {}", heads[0], scrape.buckets[bounds.len()], scrape.second)?;
                }
                for scrape in &scrapes {
                    writeln!(out, "{}{} {}", heads[1], scrape.sum, scrape.second)?;
                }
            }
        }
        Ok(())
    }

    /// kube-state-metrics about pods, its own labels honored.
    fn write_pods(&self, out: &mut impl Write, begin: i64, end: i64) -> io::Result<()> {
        let families = [
            "kube_pod_container_resource_requests",
            "kube_pod_status_phase",
            "kube_pod_owner",
            "kube_pod_created",
            "kube_pod_status_ready_time",
        ];
        for family in families {
            writeln!(out, "# TYPE {family} gauge")?;
            for pod in &self.pods {
                let workload = &self.workloads[pod.workload];
                let mut labels = Labels::from([
                    ("namespace", workload.namespace.clone()),
                    ("pod", pod.name.clone()),
                    ("uid", pod.uid.clone()),
                    ("job", "kube-state-metrics".to_owned()),
                ]);
                let mut constant = 1.0;
                let mut phases = [""].as_slice();
                match family {
                    "kube_pod_container_resource_requests" => {
                        constant = f64::from(workload.gpus);
                        labels.insert("container", container_of(workload).to_owned());
                        labels.insert("node", self.nodes[pod.slot.node].name.clone());
                        labels.insert("resource", "nvidia_com_gpu".to_owned());
                        labels.insert("unit", "integer".to_owned());
                    }
                    "kube_pod_owner" => name_owner(&mut labels, &pod.owners[0]),
                    "kube_pod_created" => constant = pod.created as f64,
                    "kube_pod_status_ready_time" => constant = pod.ready() as f64,
                    _ => phases = &["Pending", "Running", "Succeeded", "Failed", "Unknown"],
                }
                for phase in phases {
                    if !phase.is_empty() {
                        labels.insert("phase", (*phase).to_owned());
                    }
                    let head = self.line_head(family, &labels);
                    let seen = ksm_between(self.start, begin, end).filter(|at| pod.exists_at(*at));
                    let told = |at: &i64| family != "kube_pod_status_ready_time" || pod.is_ready_at(*at);
                    for second in seen.filter(told) {
                        let value = if phase.is_empty() || pod.phase_at(second) == *phase {
                            constant
                        } else {
                            0.0
                        };
                        writeln!(out, "{head}{value} {second}")?;
                    }
                }
            }
        }
        Ok(())
    }

    fn write_owners(&self, out: &mut impl Write, begin: i64, end: i64) -> io::Result<()> {
        for (family, kind, label) in [
            ("kube_replicaset_owner", "ReplicaSet", "replicaset"),
            ("kube_job_owner", "Job", "job_name"),
        ] {
            writeln!(out, "# TYPE {family} gauge")?;
            for (namespace, owned, owner) in objects::owned_owners(self) {
                if owned.kind != kind {
                    continue;
                }
                let mut labels = Labels::from([("namespace", namespace), ("job", "kube-state-metrics".to_owned())]);
                name_owner(&mut labels, &owner);
                labels.insert(label, owned.name.clone());
                let head = self.line_head(family, &labels);
                let (made, gone) = objects::lifetime(self, &owned);
                let there = |at: &i64| made <= *at && *at < gone;
                for second in ksm_between(self.start, begin, end).filter(there) {
                    writeln!(out, "{head}1 {second}")?;
                }
            }
        }
        Ok(())
    }
}

fn name_owner(labels: &mut Labels, owner: &Owner) {
    labels.insert("owner_kind", owner.kind.to_owned());
    labels.insert("owner_name", owner.name.clone());
    labels.insert("owner_is_controller", "true".to_owned());
}

fn write_ticks(out: &mut impl Write, head: &str, ticks: u32, tick: f64, second: i64) -> io::Result<()> {
    if tick < 1.0 {
        writeln!(out, "{head}{:.3} {second}", f64::from(ticks) * tick)
    } else {
        writeln!(out, "{head}{ticks} {second}")
    }
}
