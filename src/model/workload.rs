//! A workload: what an owner would change as one thing, with its pods, their history on GPUs and their price.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::budget::DisruptionBudget;
use super::cluster::{Labels, Resources};
use super::gpu::{DeviceId, GpuKind};
use super::histogram::Histogram;
use super::manifest::Deployed;
pub use super::measured::Measured;
use super::queueing::Queueing;
use super::requests::RequestHistory;
use super::scheduling::Scheduling;
use super::serving::Serving;
use super::time::{Grid, Window};
use super::units::{GpuCount, Hourly, Money, Monthly, Share};
use super::usage::{Column, Signal};

/// What kind of work it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Trains a model.
    Training,
    /// Answers requests.
    Inference,
    /// Works through data and ends.
    Batch,
    /// A person works in it.
    Notebook,
    /// Nothing says.
    Unknown,
}

/// The kind of work, and what says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// The kind.
    pub class: Class,
    /// How sure that is, 0 to 1.
    pub confidence: f64,
    /// What says so.
    pub because: Vec<String>,
}

/// How the capacity under it is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CapacityType {
    /// At list price, no promise.
    OnDemand,
    /// May be taken away.
    Spot,
    /// Committed to for a term: it does not leave the bill before.
    Reserved,
    /// Nothing says.
    Unknown,
}

/// Where a price comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceSource {
    /// In words: `OpenCost assets`, `Kubecost assets`, or the catalogue row's source.
    pub source: String,
    /// The day of the price.
    pub as_of: String,
}

/// One device in the hands of one pod.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeviceUse {
    /// Which.
    pub device: Option<DeviceId>,
    /// Its signals while the pod held it.
    pub signals: BTreeMap<Signal, Column>,
}

/// One pod and its history.
#[derive(Debug, Clone, PartialEq)]
pub struct PodUse {
    /// Its name.
    pub name: String,
    /// Where it ran.
    pub node: Option<String>,
    /// The run that it is of, for what ends and is run again.
    pub run: Option<String>,
    /// How the capacity under it was bought.
    pub capacity: CapacityType,
    /// When it began to hold its GPUs; the window's start where it began before.
    pub from: Timestamp,
    /// When it let them go; the window's end where it still holds them.
    pub to: Timestamp,
    /// Whether it holds them at the window's end.
    pub running: bool,
    /// Whether nothing may move it (`karpenter.sh/do-not-disrupt`, `safe-to-evict: false`).
    pub pinned: bool,
    /// Whether others run on the same devices (time-slicing, MPS), so that a device's figures are not its own.
    pub shared: bool,
    /// How many devices it holds, whole GPUs or slices.
    pub gpus: u32,
    /// How much of its devices is its own: one, or less where others have a right to the same devices (a shared claim, time
    /// slices).
    pub share: f64,
    /// Which kind.
    pub gpu: Option<GpuKind>,
    /// What its devices cost together: their share of the node.
    pub hourly: Option<Hourly>,
    /// How many times that they cost from which moment on, the first from its beginning; empty where the price did not change.
    pub price_steps: Vec<(Timestamp, f64)>,
    /// Its devices, as far as metrics name them.
    pub devices: Vec<DeviceUse>,
    /// Signals of the model server in it.
    pub server: BTreeMap<Signal, Column>,
}

impl PodUse {
    /// Hours for which it held its GPUs within the window.
    pub fn hours(&self) -> f64 {
        (self.to.as_second() - self.from.as_second()).max(0) as f64 / 3600.0
    }

    /// Seconds of a span in which it held its GPUs.
    pub fn seconds_within(&self, from: i64, to: i64) -> i64 {
        (self.to.as_second().min(to) - self.from.as_second().max(from)).max(0)
    }

    /// What its devices cost within a span of unix seconds, at the prices of that time; `None` without a price.
    pub fn cost_within(&self, from: i64, to: i64) -> Option<Money> {
        let hour = self.hourly?.get() / 3600.0;
        if self.price_steps.len() < 2 {
            return Some(Money::new(hour * self.seconds_within(from, to) as f64));
        }
        let seconds = self.price_steps.iter().enumerate().map(|(at, (start, times))| {
            let start = if at == 0 { from } else { start.as_second().max(from) };
            let next = self.price_steps.get(at + 1);
            let until = next.map_or(to, |(next, _)| next.as_second().min(to));
            self.seconds_within(start, until) as f64 * times
        });
        Some(Money::new(hour * seconds.sum::<f64>()))
    }

    /// Points of the grid at which it surely held its GPUs: where it began or ended within the window, the moment is known
    /// to five minutes only, the step at which its history is read.
    pub fn points(&self, grid: Grid) -> usize {
        let step = i64::from(grid.step_seconds.max(1));
        let edge = (300 + step - 1) / step;
        let held = (self.to.as_second() - self.from.as_second()).max(0) / step;
        let begins_inside = i64::from(self.from > grid.window.start);
        let ends_inside = i64::from(self.to < grid.window.end);
        usize::try_from(held - edge * (begins_inside + ends_inside)).unwrap_or(0)
    }
}

/// Hours in which at least one of these pods held GPUs.
pub fn hours_held<'p>(pods: impl IntoIterator<Item = &'p PodUse>) -> f64 {
    let pods = pods.into_iter();
    let mut spans: Vec<(i64, i64)> = pods.map(|pod| (pod.from.as_second(), pod.to.as_second())).collect();
    spans.sort_unstable();
    let (mut seconds, mut reached) = (0, i64::MIN);
    for (from, to) in spans {
        seconds += (to - from.max(reached)).max(0);
        reached = reached.max(to);
    }
    seconds as f64 / 3600.0
}

/// A horizontal pod autoscaler on a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Autoscaler {
    /// Its name.
    pub name: String,
    /// Fewest replicas.
    pub min_replicas: u32,
    /// Most replicas.
    pub max_replicas: u32,
    /// `spec` of the HorizontalPodAutoscaler, as the API server holds it; `None` where it was not read.
    pub spec: Option<Value>,
    /// `spec` of the ScaledObject that made it, where KEDA did.
    pub scaled_object: Option<Value>,
}

/// A workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Opaque, stable from run to run.
    pub id: String,
    /// The cluster.
    pub cluster: String,
    /// API group of the object that an owner would edit; empty for the core group.
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name; the stem that runs share, for a job family.
    pub name: String,
    /// Labels of the object, completed by those of its pods.
    pub labels: Labels,
    /// Annotations `gpuwise.dev/...` of the object, completed by those of its newest pod.
    pub overrides: Labels,
    /// The team that owns it.
    pub owner: Option<String>,
    /// What says so, such as `label team`.
    pub owner_because: Option<String>,
    /// The kind of work.
    pub class: Classified,
    /// Runs of the template within the window; one for what runs on.
    pub runs: u32,
    /// Whether it ends by itself and is run again (a job family).
    pub family: bool,
    /// `spec.replicas`, where it has one.
    pub replicas: Option<u32>,
    /// How its object came into the cluster; `None` where the API did not tell.
    pub deployed: Option<Deployed>,
    /// The autoscaler on it.
    pub autoscaler: Option<Autoscaler>,
    /// The pod disruption budget that its running pods are in.
    pub budget: Option<DisruptionBudget>,
    /// The queue that admits it, where Kueue does.
    pub queue: Option<Queueing>,
    /// Names of the InferencePools that its running pods are in: an endpoint picker chooses among them.
    pub pools: Vec<String>,
    /// GPUs it held on average over the window; slices by their share of the GPU.
    pub gpus: GpuCount,
    /// The kind of most of its GPU hours.
    pub gpu: Option<GpuKind>,
    /// How the capacity under most of its GPU hours is bought.
    pub capacity: CapacityType,
    /// CPU and memory that one pod requests at most.
    pub pod_requests: Resources,
    /// What its newest living pod requires of where it runs.
    pub scheduling: Scheduling,
    /// What it cost, at the rate of the window; `None` where any of its pods has no price.
    pub monthly: Option<Monthly>,
    /// Where the price comes from.
    pub price: Option<PriceSource>,
    /// What it serves, where it serves.
    pub serving: Option<Serving>,
    /// How it served, an hour each, of all its pods together.
    pub histograms: BTreeMap<Signal, Histogram>,
    /// Its requests at scrape interval, of all its pods together; `None` where they were not read.
    pub requests: Option<RequestHistory>,
    /// Seconds from a pod's creation to its readiness, as often as that was seen within the window.
    pub start_seconds: Vec<f64>,
    /// Its pods, in time order.
    pub pods: Vec<PodUse>,
}

impl Workload {
    /// All samples of a signal, of its devices or of its servers.
    pub fn measured(&self, signal: Signal, grid: Grid) -> Measured<'_> {
        let mut measured = Measured {
            columns: Vec::new(),
            count: 0,
            expected: 0,
            hole: Share::default(),
        };
        let mut hole: f64 = 0.0;
        for pod in &self.pods {
            let before = (measured.columns.len(), measured.count);
            let devices = if signal.is_gpu() {
                let columns = pod.devices.iter().filter_map(|device| device.signals.get(&signal));
                measured.columns.extend(columns);
                pod.gpus as usize
            } else {
                measured.columns.extend(pod.server.get(&signal));
                // Of a group only the leader answers requests, and has a server's metrics.
                let silent_worker = self.kind == "LeaderWorkerSet" && pod.server.is_empty();
                usize::from(!silent_worker)
            };
            let own = measured.columns.iter().skip(before.0);
            measured.count += own.map(|column| column.count()).sum::<usize>();
            let points = pod.points(grid) * devices;
            measured.expected += points;
            let missing = points.saturating_sub(measured.count - before.1);
            hole = hole.max(missing as f64 / (grid.points() * devices).max(1) as f64);
        }
        measured.hole = Share::new(hole).unwrap_or_default();
        measured
    }

    /// Seconds for which pods of its model servers held GPUs, on each day of this window: those of a pod that starts or ends are among
    /// them. A pod whose server never told anything is none of them.
    pub fn server_seconds(&self, window: Window) -> Vec<f64> {
        const DAY: i64 = 86_400;
        let (start, end) = (window.start.as_second(), window.end.as_second());
        let servers = || self.pods.iter().filter(|pod| !pod.server.is_empty());
        let of_day = |from: i64| -> f64 {
            let to = (from + DAY).min(end);
            let held = |pod: &PodUse| (pod.to.as_second().min(to) - pod.from.as_second().max(from)).max(0);
            servers().map(|pod| held(pod) as f64).sum()
        };
        (start..end).step_by(DAY as usize).map(of_day).collect()
    }

    /// The quantile `q` of a GPU signal on the device for which it is highest: one busy replica among many at rest counts
    /// in full.
    pub fn highest_quantile(&self, signal: Signal, q: f64) -> Option<f64> {
        let devices = self.pods.iter().flat_map(|pod| &pod.devices);
        let columns = devices.filter_map(|device| device.signals.get(&signal));
        columns.filter_map(|column| column.quantile(q)).reduce(f64::max)
    }

    /// Lets go of every column; which devices were measured is still told.
    pub fn forget_history(&mut self) {
        self.histograms.clear();
        self.requests = None;
        for pod in &mut self.pods {
            pod.server.clear();
            for device in &mut pod.devices {
                device.signals.clear();
            }
        }
    }

    /// Lets go of samples, and keeps which signals there were.
    pub fn forget_samples(&mut self) {
        for histogram in self.histograms.values_mut() {
            histogram.steps = Vec::new();
        }
        if let Some(requests) = &mut self.requests {
            requests.forget_values();
        }
        for pod in &mut self.pods {
            let devices = pod.devices.iter_mut().flat_map(|device| device.signals.values_mut());
            for column in devices.chain(pod.server.values_mut()) {
                *column = Column::gaps(column.len());
            }
        }
    }

    /// Hours of the window in which at least one pod held GPUs.
    pub fn hours_held(&self) -> f64 {
        hours_held(&self.pods)
    }

    /// The pods that hold GPUs at the window's end.
    pub fn running(&self) -> impl Iterator<Item = &PodUse> {
        self.pods.iter().filter(|pod| pod.running)
    }

    /// What it is called by those who mean it and no other: its id, and its name with its namespace, and with its cluster.
    pub fn names(&self) -> [String; 3] {
        let short = format!("{}/{}", self.namespace, self.name);
        [self.id.clone(), format!("{}/{short}", self.cluster), short]
    }

    /// Devices that one pod holds at most.
    pub fn gpus_per_pod(&self) -> u32 {
        self.pods.iter().map(|pod| pod.gpus).max().unwrap_or(0)
    }
}
