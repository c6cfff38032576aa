//! Lives of pods: their names, their owners and their times, as each kind of controller makes them.

use super::fleet::Slot;
use super::physics::WARM_UP;
use super::random::{self, key, suffix, unit};
use super::workload::{Kind, Life, Workload};
use super::{END, HOUR};

/// A reference to an owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// API version.
    pub api_version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
}

/// A pod.
#[derive(Debug, Clone, PartialEq)]
pub struct Pod {
    /// Index of its workload.
    pub workload: usize,
    /// Which of the replicas.
    pub replica: usize,
    /// Which run or template of its workload.
    pub run: usize,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Where it runs.
    pub slot: Slot,
    /// Its controller first, then its controller's, and so on.
    pub owners: Vec<Owner>,
    /// When it was made and bound.
    pub created: i64,
    /// When its containers began.
    pub started: i64,
    /// When they ended.
    pub ended: Option<i64>,
    /// When the object went away.
    pub deleted: Option<i64>,
}

impl Pod {
    /// Whether its containers run at a second.
    pub fn runs_at(&self, second: i64) -> bool {
        self.started <= second && self.ended.is_none_or(|ended| second < ended)
    }

    /// When it is ready, while it runs: a server loads its model first.
    pub fn ready(&self) -> i64 {
        self.started + WARM_UP
    }

    /// Whether it is ready at a second.
    pub fn is_ready_at(&self, second: i64) -> bool {
        self.ready() <= second && self.runs_at(second)
    }

    /// Whether the object is there at a second.
    pub fn exists_at(&self, second: i64) -> bool {
        self.created <= second && self.deleted.is_none_or(|deleted| second < deleted)
    }

    /// Its phase at a second at which it exists.
    pub fn phase_at(&self, second: i64) -> &'static str {
        match () {
            () if second < self.started => "Pending",
            () if self.runs_at(second) => "Running",
            () => "Succeeded",
        }
    }
}

/// Every pod that lived in the window or a little before, in the order of workloads, runs and replicas.
pub fn live(seed: u64, workloads: &[Workload], slots: &[Vec<Slot>], start: i64) -> Vec<Pod> {
    let mut pods = Vec::new();
    for (index, workload) in workloads.iter().enumerate() {
        let spans = spans(seed, workload, start);
        let finished = spans.iter().filter(|span| span.1.is_some_and(|end| end <= END)).count();
        for (run, &(from, to)) in spans.iter().enumerate() {
            for (replica, slot) in slots[index].iter().enumerate() {
                // A rolling update takes one replica after the other, seven minutes each.
                let rolls = matches!(workload.life, Life::RolledAt(_));
                let shift = if rolls { replica as i64 * 420 } else { 0 };
                let begin = if rolls && run == 0 { from } else { from + shift };
                let owners = owners(seed, workload, run, replica, from);
                let name = pod_name(seed, workload, &owners, run, replica);
                let ended = to.map(|to| to + shift).filter(|ended| *ended <= END);
                // Finished runs are cleaned up, but for the last one.
                let kept = workload.kind.runs() && run + 1 == finished;
                let after = if workload.kind.runs() { 10 * 60 } else { 0 };
                let deleted = ended
                    .map(|ended| ended + after)
                    .filter(|deleted| *deleted <= END && !kept);
                let pod = Pod {
                    workload: index,
                    replica,
                    run,
                    uid: uid(seed, "Pod", &workload.namespace, &format!("{name}#{run}")),
                    name,
                    slot: slot.clone(),
                    owners,
                    created: begin - 45 - (key(seed, &workload.name) % 40) as i64,
                    started: begin,
                    ended,
                    deleted,
                };
                match workload.breaks.filter(|broken| broken.run == run) {
                    Some(broken) => pods.extend(broken_in_two(seed, workload, pod, broken.after)),
                    None => pods.push(pod),
                }
            }
        }
    }
    pods
}

/// A pod that is lost after so many seconds, and the one that its Job makes ten minutes later.
fn broken_in_two(seed: u64, workload: &Workload, pod: Pod, after: i64) -> [Pod; 2] {
    let lost = pod.started + after;
    let again = lost + 600;
    let name = format!(
        "{}-{}",
        pod.owners[0].name,
        suffix(key(seed, &format!("{} again", pod.uid)), 5)
    );
    let second = Pod {
        uid: uid(seed, "Pod", &workload.namespace, &format!("{name}#again")),
        name,
        created: lost + 5,
        started: again,
        ended: pod.ended.map(|ended| ended + 600),
        deleted: pod.deleted.map(|deleted| deleted + 600),
        ..pod.clone()
    };
    let first = Pod {
        ended: Some(lost),
        deleted: Some(lost + 5),
        ..pod
    };
    [first, second]
}

/// Begin and end of each run, or of each template.
fn spans(seed: u64, workload: &Workload, start: i64) -> Vec<(i64, Option<i64>)> {
    let draw = unit(key(seed, &workload.name), 41);
    let before = start - 4 * 24 * HOUR - (draw * 40.0 * 86_400.0) as i64;
    match &workload.life {
        Life::Always => vec![(before, None)],
        Life::Since(second) => vec![((*second).max(start - 48 * HOUR), None)],
        Life::RolledAt(second) => vec![(before, Some(*second)), (second + 150, None)],
        Life::Runs(runs) => {
            let mut spans: Vec<_> = runs
                .iter()
                .map(|&(from, to)| (from, (to <= END).then_some(to)))
                .collect();
            spans.retain(|(from, to)| *from < END && to.is_none_or(|to| to > start));
            spans
        }
    }
}

fn uid(seed: u64, kind: &str, namespace: &str, name: &str) -> String {
    random::uuid(key(seed, &format!("{kind} {namespace}/{name}")))
}

fn owners(seed: u64, workload: &Workload, run: usize, replica: usize, from: i64) -> Vec<Owner> {
    let (name, namespace) = (workload.name.as_str(), workload.namespace.as_str());
    let owner = |api_version, kind: &'static str, name: String| Owner {
        api_version,
        kind,
        uid: uid(seed, kind, namespace, &name),
        name,
    };
    let dated = || {
        let civil = jiff::Timestamp::from_second(from).map(|at| at.strftime("%Y%m%d-%H%M").to_string());
        format!("{name}-{}", civil.unwrap_or_default())
    };
    match workload.kind {
        Kind::Deployment => {
            let hash = suffix(key(seed, &format!("{namespace}/{name} template {run}")), 10);
            vec![
                owner("apps/v1", "ReplicaSet", format!("{name}-{hash}")),
                owner("apps/v1", "Deployment", name.to_owned()),
            ]
        }
        Kind::StatefulSet => vec![owner("apps/v1", "StatefulSet", name.to_owned())],
        Kind::Notebook => vec![
            owner("apps/v1", "StatefulSet", name.to_owned()),
            owner("kubeflow.org/v1", "Notebook", name.to_owned()),
        ],
        Kind::LeaderWorkerSet => {
            let mut chain = vec![
                owner("apps/v1", "StatefulSet", name.to_owned()),
                owner("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", name.to_owned()),
            ];
            if replica > 0 {
                let mut leader = owner("v1", "Pod", format!("{name}-0"));
                leader.uid = uid(seed, "Pod", namespace, &format!("{name}-0#{run}"));
                chain.insert(0, leader);
                chain.insert(0, owner("apps/v1", "StatefulSet", format!("{name}-0")));
            }
            chain
        }
        Kind::CronJob => vec![
            owner("batch/v1", "Job", format!("{name}-{}", from / 60)),
            owner("batch/v1", "CronJob", name.to_owned()),
        ],
        Kind::Job => {
            let run = suffix(key(seed, &format!("{namespace}/{name} run {run}")), 5);
            vec![owner("batch/v1", "Job", format!("{name}-{run}"))]
        }
        Kind::PyTorchJob => vec![owner("kubeflow.org/v1", "PyTorchJob", dated())],
        Kind::JobSet => vec![
            owner("batch/v1", "Job", format!("{}-workers-0", dated())),
            owner("jobset.x-k8s.io/v1alpha2", "JobSet", dated()),
        ],
    }
}

fn pod_name(seed: u64, workload: &Workload, owners: &[Owner], run: usize, replica: usize) -> String {
    let owner = &owners[0].name;
    let random = suffix(
        key(seed, &format!("{}/{owner} pod {run} {replica}", workload.namespace)),
        5,
    );
    match workload.kind {
        Kind::Deployment | Kind::CronJob | Kind::Job => format!("{owner}-{random}"),
        Kind::Notebook => format!("{owner}-0"),
        Kind::StatefulSet => format!("{owner}-{replica}"),
        Kind::LeaderWorkerSet if replica == 0 => format!("{owner}-0"),
        Kind::LeaderWorkerSet => format!("{owner}-{replica}"),
        Kind::PyTorchJob if replica == 0 => format!("{owner}-master-0"),
        Kind::PyTorchJob => format!("{owner}-worker-{}", replica - 1),
        Kind::JobSet => format!("{owner}-{replica}-{random}"),
    }
}
