//! Requests at scrape interval, joined to workloads: which are worth reading, and what their pods' lives say of the gaps.

use std::collections::{BTreeMap, BTreeSet};

use super::Outline;
use super::lives;
use super::naming::PodKey;
use super::unseen::listed;
use super::workloads::{self, Key};
use crate::model::gap::Gap;
use crate::model::reading::RequestsOf;
use crate::model::requests::RequestHistory;
use crate::model::snapshot::PricedGap;
use crate::model::units::Monthly;
use crate::model::usage::Column;
use crate::model::workload::{Class, PodUse, Workload};
use crate::sources::prometheus::requests::Asked;

/// Seconds to which the begin and the end of a pod are known.
const EDGE: i64 = 300;

/// Seconds after which a server that has never told anything is not starting any more.
const STARTING: i64 = 1_800;

/// Workloads whose requests are to be read.
#[derive(Debug, Default)]
pub struct Served {
    /// API group, kind, namespace and name of each, the most expensive first.
    pub keys: Vec<Key>,
    /// Their pods, in the same order.
    pub asked: Asked,
    /// Why some are not among them.
    pub gaps: Vec<Gap>,
}

impl Served {
    /// The histories under the names of their workloads.
    pub fn named(self, histories: Vec<Option<RequestHistory>>) -> Vec<RequestsOf> {
        let named = |((group, kind, namespace, name), history): (Key, Option<RequestHistory>)| {
            Some(RequestsOf {
                group,
                kind,
                namespace,
                name,
                history: history?,
            })
        };
        self.keys.into_iter().zip(histories).filter_map(named).collect()
    }
}

impl Outline<'_> {
    /// The workloads with a model server that is scraped whose GPUs cost the most, so many at most.
    pub fn served(&self, limit: usize) -> Served {
        let mut served = Served::default();
        if limit == 0 || self.named.servers.is_empty() {
            return served;
        }
        let mut lives = self.lives.clone();
        lives.extend(lives::only_named(&self.named, &self.known_keys(), self.reading.grid));
        lives::sort(&mut lives);
        let mut workloads = workloads::workloads(&workloads::groups(&lives), self.named.clone(), self.sources());
        let pods = |workload: &Workload| -> BTreeSet<PodKey> {
            let names = workload.pods.iter().map(|pod| pod.name.clone());
            names.map(|name| (workload.namespace.clone(), name)).collect()
        };
        workloads.retain(|workload| pods(workload).iter().any(|pod| self.named.servers.contains_key(pod)));
        let cost = |workload: &Workload| workload.monthly.map_or(0.0, Monthly::get);
        workloads.sort_by(|a, b| {
            let dearer = cost(b).total_cmp(&cost(a));
            let larger = || b.gpus.get().total_cmp(&a.gpus.get());
            dearer.then_with(larger).then_with(|| a.id.cmp(&b.id))
        });
        workloads.truncate(limit);
        served.asked.known = lives.iter().map(|life| life.key.clone()).collect();
        for workload in workloads {
            let pods = pods(&workload);
            let shared: BTreeSet<&PodKey> = pods.iter().filter(|pod| self.reused.contains(*pod)).collect();
            if !shared.is_empty() {
                served.gaps.push(mixed(&workload, &shared));
                continue;
            }
            served
                .keys
                .push((workload.group, workload.kind, workload.namespace, workload.name));
            served.asked.workloads.push(pods);
        }
        served
    }
}

fn mixed(workload: &Workload, shared: &BTreeSet<&PodKey>) -> Gap {
    let Workload {
        kind, namespace, name, ..
    } = workload;
    Gap::new(
        "requests-mixed",
        format!("requests at scrape interval of {kind} {namespace}/{name}"),
        format!(
            "pods of several workloads had the same names, one after the other: {}",
            listed(shared.iter().map(|(_, pod)| pod.as_str()))
        ),
        "give the pods of each workload names of their own, as Deployments do",
    )
}

/// The requests of each workload, by the name that it has.
pub(super) type Requests = BTreeMap<Key, RequestHistory>;

pub(super) fn by_key(all: Vec<RequestsOf>) -> Requests {
    let key = |of: RequestsOf| ((of.group, of.kind, of.namespace, of.name), of.history);
    all.into_iter().map(key).collect()
}

/// Gives a workload its requests. While none of its pods lived it had none, which is known; while one lived whose server never
/// told, what the others told is not all.
pub(super) fn attach(workload: &mut Workload, requests: &Requests) {
    let key = (
        workload.group.clone(),
        workload.kind.clone(),
        workload.namespace.clone(),
        workload.name.clone(),
    );
    let Some(mut history) = requests.get(&key).cloned() else {
        return;
    };
    let grid = history.grid;
    let points = grid.points();
    let mut alive = vec![false; points];
    let mut silent = vec![false; points];
    let mark = |marks: &mut Vec<bool>, from: i64, to: i64| {
        let start = grid.window.start.as_second();
        let step = i64::from(grid.step_seconds.max(1));
        let place = |second: i64| {
            usize::try_from((second - start).div_euclid(step))
                .unwrap_or(0)
                .min(points)
        };
        let (first, last) = (place(from), place(to + step));
        marks[first..last.max(first)].fill(true);
    };
    // Of a group only the leader has a server.
    let leads = workload.kind == "LeaderWorkerSet";
    let told = |pod: &PodUse| !pod.server.is_empty();
    for pod in &workload.pods {
        let (from, to) = (pod.from.as_second(), pod.to.as_second());
        mark(&mut alive, from - EDGE, to + EDGE);
        if !leads && !told(pod) && to - from > STARTING {
            mark(&mut silent, from + STARTING, to);
        }
    }
    for at in 0..points {
        let untold = history.servers.get(at).is_none();
        if silent[at] {
            history.columns_mut().for_each(|(_, column)| column.clear(at));
        } else if untold && !alive[at] {
            history.columns_mut().for_each(|(_, column)| nothing(column, at));
        }
    }
    workload.requests = Some(history);
}

fn nothing(column: &mut Column, at: usize) {
    column.set(at, 0.0);
}

/// That no workload's requests were read, with the spend on what serves with several replicas: nothing tells whether it could do
/// with fewer.
pub(super) fn unread(workloads: &[Workload]) -> Option<PricedGap> {
    let serves = |workload: &&Workload| workload.class.class == Class::Inference && workload.running().count() > 1;
    let behind: Vec<Option<Monthly>> = workloads
        .iter()
        .filter(serves)
        .map(|workload| workload.monthly)
        .collect();
    (!behind.is_empty()).then(|| PricedGap {
        gap: Gap::new(
            "requests-not-read",
            "whether fewer replicas would serve as well",
            "no requests were read at the interval at which servers are scraped, and what arrives is rebuilt from them",
            "read the cluster live, or record it anew, with --replay-limit above zero",
        ),
        monthly: behind.into_iter().sum(),
    })
}

#[cfg(test)]
mod tests;
