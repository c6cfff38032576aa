//! A world as the product's readers would have read it: the one file that speaks the product's nouns.

use std::collections::{BTreeMap, BTreeSet};

use gpuwise::model::budget::DisruptionBudget;
use gpuwise::model::cluster::{
    Container, Controller, CostCategory, CostProduct, Hpa, Inventory, Node, NodeCost, ObjectRef, OtherCost,
    OwnerRecord, Pod as ReadPod, PodRecord,
};
use gpuwise::model::ledger::Ledger;
use gpuwise::model::manifest::{Deployed, Deployer};
use gpuwise::model::node_pool::{NodePool, Removes};
use gpuwise::model::reading::{Reading, Series};
use gpuwise::model::scheduling::{Scheduling, Toleration};
use gpuwise::model::time::{Grid, Window};
use gpuwise::model::usage::{Column, Signal};
use gpuwise::sources::opencost::ledger::ledger_of_answers;
use jiff::Timestamp;

use super::latency;
use super::objects;
use super::physics::TICK;
use super::pods::{Owner, Pod};
use super::reduce::{Steps, rates};
use super::streams::{self, Labels, ServerSample};
use super::{CLUSTER, END, Size, World, opencost};

/// GPU signals in the order of a sample's ticks.
const GPU_SIGNALS: [Signal; 7] = [
    Signal::GpuUtil,
    Signal::EngineActive,
    Signal::SmActive,
    Signal::TensorActive,
    Signal::DramActive,
    Signal::MemoryUsed,
    Signal::Power,
];

impl World {
    /// What Prometheus, Kubernetes and OpenCost answer about this world, on a grid of this step.
    pub fn to_reading(&self, step_seconds: u32) -> Reading {
        let window = Window {
            start: time(self.start),
            end: time(END),
        };
        let mut series = self.device_series(i64::from(step_seconds));
        series.extend(self.server_series(i64::from(step_seconds)));
        series.extend(self.histogram_series());
        let mut inventory = self.inventory(i64::from(step_seconds));
        inventory.metrics = self.metric_facts(&inventory);
        let mut reading = Reading {
            cluster: CLUSTER.to_owned(),
            grid: Grid { window, step_seconds },
            currency: "USD".to_owned(),
            inventory,
            series,
            requests: self.requests(),
            asked: Signal::every().collect(),
            gaps: Vec::new(),
        };
        reading.settle();
        reading
    }

    fn device_series(&self, step: i64) -> Vec<Series> {
        let mut series = Vec::new();
        for stream in streams::devices(self) {
            let mut steps = vec![Steps::new(self.start, END, step); GPU_SIGNALS.len()];
            stream.walk(self, self.start, END, |second, ticks| {
                for (steps, ticks) in steps.iter_mut().zip(ticks) {
                    steps.add(second, ticks);
                }
            });
            for ((signal, steps), tick) in GPU_SIGNALS.into_iter().zip(steps).zip(TICK) {
                let values = match signal {
                    Signal::MemoryUsed => steps.maxima(tick),
                    _ => steps.means(tick),
                };
                series.extend(measured(signal, &stream.labels, values));
            }
        }
        series
    }

    fn server_series(&self, step: i64) -> Vec<Series> {
        let mut series = Vec::new();
        for (pod, server) in streams::servers(self) {
            let samples = streams::server_samples(self, pod, server);
            let labels = streams::server_labels(self, pod, server);
            let gauge = |value: fn(&ServerSample) -> u64, tick| {
                let mut steps = Steps::new(self.start, END, step);
                samples
                    .iter()
                    .for_each(|sample| steps.add(sample.second, value(sample) as u32));
                steps.maxima(tick)
            };
            let counter = |value: fn(&ServerSample) -> u64| {
                let counted: Vec<_> = samples
                    .iter()
                    .map(|sample| (sample.second, value(sample) as f64))
                    .collect();
                rates(&counted, self.start, END, step)
            };
            let stopped = counter(|sample| sample.stopped).into_iter();
            let finished = stopped
                .zip(counter(|sample| sample.cut))
                .map(|(a, b)| Some(a? + b?))
                .collect();
            series.extend(measured(
                Signal::RequestsRunning,
                &labels,
                gauge(|sample| sample.running, 1.0),
            ));
            series.extend(measured(
                Signal::RequestsWaiting,
                &labels,
                gauge(|sample| sample.waiting, 1.0),
            ));
            series.extend(measured(
                Signal::KvCacheUsage,
                &labels,
                gauge(|sample| sample.cache, 0.001),
            ));
            series.extend(measured(Signal::RequestsFinished, &labels, finished));
            series.extend(measured(
                Signal::TokensGenerated,
                &labels,
                counter(|sample| sample.tokens),
            ));
            let constant = gauge(|_| 1, 1.0);
            series.extend(measured(
                Signal::CacheConfig,
                &streams::cache_labels(self, pod, server),
                constant,
            ));
        }
        series
    }

    /// What the store has added up over pods whose names are alike but for what follows their last dash, hour by hour. Worlds
    /// that are recorded for the binary have those alone of what is simulated: the others' would be a tenth of it.
    fn histogram_series(&self) -> Vec<Series> {
        let mut folds: BTreeMap<(usize, Labels), Vec<Option<f64>>> = BTreeMap::new();
        let start = latency::first_hour(self.start);
        if self.size == Size::Demo || start >= END {
            return self.served_histograms();
        }
        for (pod, server) in streams::servers(self) {
            let namespace = self.workloads[pod.workload].namespace.clone();
            let fold = pod.name.rsplit_once('-').map_or(pod.name.as_str(), |(fold, _)| fold);
            let of_fold = Labels::from([("namespace", namespace.clone()), ("pods", fold.to_owned())]);
            let of_pod = Labels::from([("namespace", namespace), ("pod", pod.name.clone())]);
            let samples = streams::server_samples(self, pod, server);
            for (family, (_, bounds)) in latency::FAMILIES.iter().enumerate() {
                let hours = latency::hourly(&latency::scrapes(&samples, server, family), start);
                for at in 0..=bounds.len() + 1 {
                    let mut labels = of_fold.clone();
                    // The last is the sum of the observations, which has no bound.
                    if at <= bounds.len() {
                        let bound = bounds.get(at).map_or_else(|| "+Inf".to_owned(), f64::to_string);
                        labels.insert("le", bound);
                    }
                    let there = folds.entry((family, labels)).or_insert_with(|| vec![None; hours.len()]);
                    for (sum, hour) in there.iter_mut().zip(&hours) {
                        *sum = hour.as_ref().map(|rises| rises[at] + sum.unwrap_or(0.0)).or(*sum);
                    }
                }
                let present = hours.iter().map(|hour| hour.as_ref().map(|_| 1.0)).collect();
                folds.insert((family, of_pod.clone()), present);
            }
        }
        let series = |((family, labels), values): ((usize, Labels), Vec<_>)| {
            measured(Signal::HISTOGRAMS[family], &labels, values)
        };
        folds.into_iter().filter_map(series).collect()
    }

    fn inventory(&self, step: i64) -> Inventory {
        let existing = || self.pods.iter().filter(|pod| pod.exists_at(END));
        Inventory {
            nodes: self.nodes.iter().map(|node| node_read(self, node)).collect(),
            pods: existing().map(|pod| pod_read(self, pod)).collect(),
            controllers: objects::controllers(self).iter().map(controller_read).collect(),
            hpas: objects::autoscalers(self)
                .map(|(workload, (least, most))| Hpa {
                    namespace: workload.namespace.clone(),
                    name: workload.name.clone(),
                    target: ObjectRef {
                        api_version: "apps/v1".to_owned(),
                        kind: "Deployment".to_owned(),
                        name: workload.name.clone(),
                        uid: None,
                    },
                    min_replicas: least,
                    max_replicas: most,
                    spec: Some(objects::hpa_spec(&workload.name, (least, most))),
                    scaled_object: None,
                })
                .collect(),
            disruption_budgets: self.workloads.iter().filter_map(budget_read).collect(),
            node_pools: self.pools().map(node_pool_read).collect(),
            pod_history: self.pods.iter().filter_map(|pod| record(self, pod, step)).collect(),
            owner_history: self.owner_history(),
            node_costs: self.nodes.iter().map(|node| cost_read(self, node)).collect(),
            other_costs: self.other_costs(),
            ledger: self.ledger(),
            ..Inventory::default()
        }
    }

    /// Owners of owners as kube-state-metrics saw them in the window.
    fn owner_history(&self) -> Vec<OwnerRecord> {
        let record = |(namespace, owned, owner): (String, Owner, Owner)| OwnerRecord {
            namespace,
            kind: owned.kind.to_owned(),
            name: owned.name,
            owner_kind: owner.kind.to_owned(),
            owner_name: owner.name,
        };
        objects::owned_owners(self).into_iter().map(record).collect()
    }

    /// What each day cost, from what OpenCost answers about it.
    fn ledger(&self) -> Option<Ledger> {
        let days: Vec<(i64, i64)> = (0..(END - self.start) / (24 * super::HOUR))
            .map(|day| {
                (
                    self.start + day * (24 * super::HOUR),
                    self.start + (day + 1) * (24 * super::HOUR),
                )
            })
            .collect();
        let answers = days.iter().map(|(from, to)| {
            let allocations = self.opencost_allocation(*from, *to, true).to_string();
            (*from, *to, allocations, self.opencost_assets(*from, *to).to_string())
        });
        let answers: Vec<_> = answers.collect();
        let shown: Vec<_> = answers
            .iter()
            .map(|(from, to, allocations, assets)| {
                let day = Window {
                    start: time(*from),
                    end: time(*to),
                };
                (day, allocations.as_bytes(), assets.as_bytes())
            })
            .collect();
        ledger_of_answers(&shown).ok()
    }

    fn other_costs(&self) -> Vec<OtherCost> {
        let hours = (END - self.start) as f64 / 3600.0;
        let mut sums: BTreeMap<CostCategory, f64> = BTreeMap::new();
        for (kind, _, hourly) in opencost::others(self) {
            let category = match kind {
                "Disk" => CostCategory::Storage,
                "LoadBalancer" | "Network" => CostCategory::Network,
                _ => CostCategory::Other,
            };
            *sums.entry(category).or_insert(0.0) += hourly * hours;
        }
        let cost = |(category, total_cost)| OtherCost {
            category,
            total_cost,
            hours,
        };
        sums.into_iter().map(cost).collect()
    }
}

/// A budget selects what all pods of a workload have in common.
fn budget_read(workload: &super::workload::Workload) -> Option<DisruptionBudget> {
    let allowed = workload.budget?;
    Some(DisruptionBudget {
        namespace: workload.namespace.clone(),
        name: workload.name.clone(),
        match_labels: objects::labels(workload),
        allowed,
        ..DisruptionBudget::default()
    })
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn text(labels: &Labels) -> BTreeMap<String, String> {
    labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

/// A series, unless nothing was measured: a server has no series without a sample.
fn measured(signal: Signal, labels: &Labels, values: Vec<Option<f64>>) -> Option<Series> {
    let column = Column::from_options(values);
    (column.count() > 0).then(|| Series {
        signal,
        labels: text(labels),
        column,
    })
}

fn reference(owner: &Owner) -> ObjectRef {
    ObjectRef {
        api_version: owner.api_version.to_owned(),
        kind: owner.kind.to_owned(),
        name: owner.name.clone(),
        uid: Some(owner.uid.clone()),
    }
}

fn node_pool_read(name: &str) -> NodePool {
    NodePool {
        name: name.to_owned(),
        removes: Removes::Underutilized,
        after_hours: Some(0.0),
    }
}

fn node_read(world: &World, node: &super::fleet::Node) -> Node {
    Node {
        name: node.name.clone(),
        labels: objects::node_labels(node),
        allocatable: objects::allocatable(node)
            .into_iter()
            .map(|(name, amount, _)| (name.to_owned(), amount))
            .collect(),
        taints: vec!["nvidia.com/gpu=true:NoSchedule".to_owned()],
        created: Some(time(node.created.min(world.start))),
        ..Node::default()
    }
}

fn pod_read(world: &World, pod: &Pod) -> ReadPod {
    let workload = &world.workloads[pod.workload];
    let requests = [
        ("cpu", workload.request.cpu),
        ("memory", workload.request.memory_gib * 1_073_741_824.0),
        ("nvidia.com/gpu", f64::from(workload.gpus)),
    ];
    ReadPod {
        namespace: workload.namespace.clone(),
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        node: Some(world.nodes[pod.slot.node].name.clone()),
        phase: pod.phase_at(END).to_owned(),
        labels: objects::pod_labels(world, pod),
        annotations: objects::pod_annotations(workload),
        owner: pod.owners.first().map(reference),
        containers: vec![Container {
            name: streams::container_of(workload).to_owned(),
            image: workload.image.clone(),
            args: workload.args.clone(),
            env: workload.env.iter().cloned().collect(),
            requests: requests
                .map(|(name, amount)| (name.to_owned(), amount))
                .into_iter()
                .collect(),
            ..Container::default()
        }],
        node_selector: objects::node_selector(world, pod),
        scheduling: Scheduling {
            tolerations: vec![Toleration {
                key: "nvidia.com/gpu".to_owned(),
                exists: true,
                value: String::new(),
                effect: "NoSchedule".to_owned(),
            }],
            ..Scheduling::default()
        },
        created: Some(time(pod.created)),
        ready: pod.is_ready_at(END).then(|| time(pod.ready())),
        started: Some(time(pod.started)),
        finished: pod.ended.map(time),
        ..ReadPod::default()
    }
}

fn controller_read(object: &objects::Object) -> Controller {
    Controller {
        this: reference(&object.this),
        namespace: object.namespace.clone(),
        owner: object.owner.as_ref().map(reference),
        labels: object.labels.clone(),
        annotations: object.annotations.clone(),
        replicas: object.replicas,
        deployed: object.is_applied().then(|| Deployed {
            deployer: Some(Deployer::ClientSideApply),
            replicas_owned_by: BTreeSet::from([objects::APPLIED_BY.to_owned()]),
            replicas_applied: Some(true),
            kept: Vec::new(),
        }),
        args: Vec::new(),
    }
}

/// A pod as kube-state-metrics saw it running, sampled once a minute, rounded out to steps.
fn record(world: &World, pod: &Pod, step: i64) -> Option<PodRecord> {
    let mut seen =
        objects::ksm_seconds(world.start, END).filter(|second| pod.exists_at(*second) && pod.runs_at(*second));
    let first = seen.next()?;
    let last = seen.last().unwrap_or(first);
    let index = |second: i64| (second - world.start - 1).div_euclid(step);
    let ready = objects::ksm_seconds(world.start, END).any(|second| pod.exists_at(second) && pod.is_ready_at(second));
    Some(PodRecord {
        namespace: world.workloads[pod.workload].namespace.clone(),
        name: pod.name.clone(),
        uid: Some(pod.uid.clone()),
        node: Some(world.nodes[pod.slot.node].name.clone()),
        owner_kind: pod.owners.first().map(|owner| owner.kind.to_owned()),
        owner_name: pod.owners.first().map(|owner| owner.name.clone()),
        requests: BTreeMap::from([(
            "nvidia.com/gpu".to_owned(),
            f64::from(world.workloads[pod.workload].gpus),
        )]),
        first: time(world.start + index(first) * step),
        last: time(world.start + (index(last) + 1) * step),
        created: Some(time(pod.created)),
        ready: ready.then(|| time(pod.ready())),
    })
}

fn cost_read(world: &World, node: &super::fleet::Node) -> NodeCost {
    let hours = (END - world.start) as f64 / 3600.0;
    NodeCost {
        node: node.name.clone(),
        instance_type: Some(node.instance.name.to_owned()),
        region: None,
        hours,
        total_cost: hours * node.hourly(),
        gpus: Some(f64::from(node.instance.gpus)),
        spot: Some(node.pool.capacity == "spot"),
        adjusted: false,
        by_default: false,
        told_by: CostProduct::default(),
    }
}
