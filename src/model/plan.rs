//! The plan, as `analyze --format json` prints it: every workload with its verdict, what to change, what it saves and what
//! really leaves the bill. The interface of `gpuwise/v1alpha1`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::coverage::{Coverage, GapRow};
use super::finops::Finops;
use super::histogram::ServingRow;
use super::history::HistoryRow;
use super::manifest::{Landing, Live};
use super::objective::ObjectiveRow;
use super::queueing::Queueing;
use super::requests::{RequestsRow, StartsRow};
use super::returns::Returns;
pub use super::said::{Decided, Note};
use super::scenario::{Evidence, Interval, Level, Move, ServiceEffect};
use super::since::Since;
use super::snapshot::{ByCategory, PriceBasis};
use super::time::Window;
use super::units::{GpuCount, Monthly};
use super::workload::{CapacityType, Class, PriceSource};

/// The interface's version, a plan's `apiVersion`.
pub const API_VERSION: &str = "gpuwise/v1alpha1";

/// A plan's `kind`.
pub const KIND: &str = "Plan";

/// The plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// `gpuwise/v1alpha1`.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// `Plan`.
    pub kind: String,
    /// The history it stands on.
    pub window: Window,
    /// The time zone of hours in it.
    pub timezone: String,
    /// The currency of every amount.
    pub currency: String,
    /// What was seen.
    pub coverage: Coverage,
    /// What it costs; `None` where no node has a price.
    pub spend: Option<PlanSpend>,
    /// Every workload with GPUs.
    pub workloads: Vec<WorkloadRow>,
    /// What to do, best first.
    pub accepted: Vec<Row>,
    /// Worth trying; not in the plan's saving.
    pub experiments: Vec<Row>,
    /// What something holds back.
    pub held_back: Vec<Row>,
    /// What is right as it is, by lever.
    pub kept: Vec<Kept>,
    /// What cannot be told, by lever.
    pub unknown: Vec<Unknown>,
    /// What the accepted rows save together.
    pub saving: PlanSaving,
    /// What owners said that has no effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// What has happened since an earlier plan; `None` where none was given.
    #[serde(default)]
    pub since: Option<Since>,
    /// Where money goes, budgets and unusual days; `None` in plans of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finops: Option<Finops>,
    /// Return on investment; `None` in plans of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<Returns>,
}

/// What the cluster costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanSpend {
    /// All of it.
    pub monthly: Monthly,
    /// GPU capacity that no workload held.
    pub unallocated_monthly: Monthly,
    /// Whose prices.
    pub price_basis: PriceBasis,
    /// How many commitments of the policy are in force on its nodes.
    #[serde(default)]
    pub commitments: usize,
    /// By what it is for.
    pub by_category: ByCategory,
}

/// What the levers together say of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// At least one lever has a change for it, held back or not.
    Change,
    /// Every lever finds it right as it is.
    Keep,
    /// No lever has a change, and at least one could not tell.
    Unknown,
}

/// A workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkloadRow {
    /// Opaque, stable from run to run.
    pub id: String,
    /// Its cluster.
    pub cluster: String,
    /// API group of its object.
    pub group: String,
    /// Kind of its object.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its team.
    pub owner: Option<String>,
    /// What says so.
    pub owner_because: Option<String>,
    /// What the levers say of it together.
    pub verdict: Verdict,
    /// The kind of work.
    pub class: Class,
    /// How sure that is.
    pub class_confidence: f64,
    /// What says so.
    pub class_because: Vec<String>,
    /// Runs of its template within the window.
    pub runs: u32,
    /// The queue that admits it, where Kueue does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queueing>,
    /// Names of the InferencePools that its pods are in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inference_pools: Vec<String>,
    /// GPUs it held on average.
    pub gpus: GpuCount,
    /// Their kind.
    pub gpu: Option<String>,
    /// How they are bought.
    pub capacity_type: CapacityType,
    /// What it costs.
    pub monthly: Option<Monthly>,
    /// Where the price comes from.
    pub price: Option<PriceSource>,
    /// How busy its GPUs were, 0 to 1; `None` where it was not measured.
    pub gpu_busy: Option<Busy>,
    /// Memory per GPU.
    pub memory_gib: MemoryRow,
    /// How its model servers served; `None` where no histogram of theirs was read.
    #[serde(default)]
    pub serving: Option<ServingRow>,
    /// How many requests its model servers had; `None` where they were not read at scrape interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<RequestsRow>,
    /// How long its pods took to be ready; `None` where no start was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_seconds: Option<StartsRow>,
    /// What an edit of its manifest must know of it; `None` in plans of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// What its requests may take, as far as anybody said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objectives: Vec<ObjectiveRow>,
    /// What it held and did over the window; `None` where nothing was measured of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<HistoryRow>,
}

/// How busy GPUs were, as ratios.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Busy {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Share of expected samples.
    pub coverage: f64,
    /// Which signal.
    pub signal: String,
}

/// GPU memory of a workload, GiB on its fullest GPU.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct MemoryRow {
    /// What it needs at most; `None` where it cannot be told (a server that takes everything at the start).
    pub need_max: Option<f64>,
    /// What it holds at most.
    pub reserved_max: Option<f64>,
}

/// What a row is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SubjectRef {
    /// `Workload` or `NodePool`.
    pub kind: String,
    /// The workload's id, or the pool's name.
    pub id: String,
}

impl SubjectRef {
    /// A workload.
    pub fn workload(id: &str) -> Self {
        Self {
            kind: "Workload".to_owned(),
            id: id.to_owned(),
        }
    }

    /// A pool of nodes.
    pub fn pool(name: &str) -> Self {
        Self {
            kind: "NodePool".to_owned(),
            id: name.to_owned(),
        }
    }
}

/// What something looks like before or after, by field.
pub type Shape = BTreeMap<String, Value>;

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Opaque, stable from run to run.
    pub id: String,
    /// Levers that propose it.
    pub levers: Vec<String>,
    /// What it is about.
    pub subject: SubjectRef,
    /// One line for people.
    pub title: String,
    /// Before.
    pub from: Shape,
    /// After.
    pub to: Shape,
    /// The edits.
    pub moves: Vec<Move>,
    /// The nodes that it moves to; `None` where it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Landing>,
    /// What it saves.
    pub saving: RowSaving,
    /// What users notice; `None` where nothing is claimed.
    pub service: Option<ServiceEffect>,
    /// How it was proved.
    pub proof: Proof,
    /// Figures of the replay ([`super::scenario::Replayed`]); `None` without one.
    pub replay: Option<Value>,
    /// How sure it is.
    pub confidence: Level,
    /// What may go wrong.
    pub risk: Level,
    /// The figures behind it.
    pub evidence: Vec<Evidence>,
    /// What a person must do first.
    pub needs_human: Vec<String>,
    /// How to undo it.
    pub rollback: String,
    /// What its owner decided.
    pub decision: Option<Decided>,
    /// Its pull request.
    pub pull_request: Option<Value>,
    /// What holds it back; only in `held_back`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<HeldBy>,
    /// What to run and what must hold; only in `experiments`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
}

/// The grade of proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// Replayed over the workload's own history.
    Replayed,
    /// Computed from measured figures.
    Arithmetic,
    /// None.
    None,
}

/// What one row saves. `mid = leaves_bill_monthly + frees_capacity_monthly`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RowSaving {
    /// With its interval, which only replay gives.
    pub monthly: Interval,
    /// What leaves the bill, because a node goes away.
    pub leaves_bill_monthly: Monthly,
    /// What is only freed for others.
    pub frees_capacity_monthly: Monthly,
    /// GPUs given back; where a change takes others in their place, those are not held against it.
    pub frees_gpus: GpuCount,
    /// What it would save were it the only one.
    pub alone_monthly: Monthly,
}

/// What the plan saves. `overlap_monthly` is the sum of `alone_monthly` less the plan's `mid`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlanSaving {
    /// With its interval.
    pub monthly: Interval,
    /// What leaves the bill.
    pub leaves_bill_monthly: Monthly,
    /// What is only freed.
    pub frees_capacity_monthly: Monthly,
    /// What the rows count twice when each is taken alone; negative where they save more together.
    pub overlap_monthly: Monthly,
}

/// What holds a row back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBy {
    /// The rule, in words.
    pub rule: String,
    /// Where it stands, such as `policy.yaml:12`.
    #[serde(rename = "where")]
    pub place: String,
    /// Until when.
    pub until: Option<String>,
}

/// What a lever leaves alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Kept {
    /// The lever.
    pub lever: String,
    /// What it is about.
    pub subject: SubjectRef,
    /// A stable code.
    pub reason: String,
    /// The reason in words.
    pub because: String,
}

/// What a lever cannot tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unknown {
    /// The lever.
    pub lever: String,
    /// What it is about.
    pub subject: SubjectRef,
    /// A stable code.
    pub reason: String,
    /// What is missing.
    pub missing: String,
    /// What closes the hole.
    pub fix: String,
}

impl Plan {
    /// The workload of this id.
    pub fn workload(&self, id: &str) -> Option<&WorkloadRow> {
        self.workloads.iter().find(|row| row.id == id)
    }
}
