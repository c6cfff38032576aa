//! What each move is in manifests: edits of the workload's own object, of its autoscaler, of pools of nodes, and new objects.

mod made;
mod arguments;
mod autoscale;
mod compute_class;
mod gpus;
mod guard;
mod karpenter;
mod kueue;
mod new_flavor;
mod nodes;
mod own_pool;
mod pods;
mod spot;
mod replicas;
mod sleep;
mod cron;
mod scaled_object;

use serde_json::Value;

pub(super) use gpus::resource;
pub(super) use made::make;

use super::handover::{Handover, Of, hand_over};
use super::index::Spot;
use super::written::Written;
use super::yaml::{Change, Edit, Pointer};
use crate::catalog::Catalog;
use crate::model::manifest::Live;
use crate::model::plan::{Row, WorkloadRow};
use crate::model::scenario::Move;
use crate::policy::patches::Patches;

/// A workload and its manifest.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The row of the plan.
    pub row: &'a Row,
    /// The workload's row.
    pub workload: &'a WorkloadRow,
    /// What is known of the live object.
    pub live: &'a Live,
    /// The object as written down.
    pub object: &'a Value,
    /// `spec.replicas` as the manifests have it, whoever of them sets it.
    pub written: Option<u32>,
    /// Its name and namespace in the cluster.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its autoscaler as written down.
    pub scaler: Option<&'a Value>,
    /// What says which nodes its cluster may have, as far as it is among the files.
    pub nodes_of: &'a [Written],
    /// Whether no other workload with GPUs is in the ClusterQueue that admits it.
    pub alone_in_queue: bool,
    /// The file with a disruption budget that selects its pods.
    pub guarded_by: Option<&'a str>,
    /// When the plan's window ends.
    pub until: jiff::Timestamp,
    /// Metric names.
    pub catalog: &'a Catalog,
    /// What its owner decides.
    pub settings: &'a Patches,
}

impl<'a> About<'a> {
    fn kind(&self) -> &'a str {
        &self.workload.kind
    }

    fn api_version(&self) -> &'a str {
        self.object
            .get("apiVersion")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// How its replicas are handed over to an autoscaler that asks for so many at most.
    fn hands_over(&self, most: u32) -> Handover {
        let of = Of {
            api_version: self.api_version(),
            kind: self.kind(),
            namespace: self.namespace,
            name: self.name,
            written: self.written,
            most,
        };
        hand_over(of, self.live.deployed.as_ref())
    }

    /// Those of a kind.
    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &'a Written> {
        self.nodes_of.iter().filter(move |one| one.kind == kind)
    }

    /// Karpenter's pools.
    fn pools(&self) -> impl Iterator<Item = &'a Written> {
        self.of_kind("NodePool")
    }

    /// `chat/router`.
    fn who(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// What is to be in manifests.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wish {
    /// Edits of the workload's own object.
    pub own: Vec<Edit>,
    /// Edits of its autoscaler's.
    pub scaler: Vec<Edit>,
    /// New objects beside it.
    pub new: Vec<Value>,
    /// New objects beside what they are made after.
    pub beside: Vec<Beside>,
    /// Edits of what says which nodes there are, by where that is written down.
    pub others: Vec<(Spot, Vec<Edit>)>,
    /// What becomes of its replicas, where an autoscaler is to write them.
    pub handover: Option<Handover>,
    /// What whoever merges it should know.
    pub notes: Vec<String>,
}

/// An object that is to be beside another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Beside {
    /// Where that is written down.
    pub after: Spot,
    /// Its name.
    pub name: String,
    /// The object.
    pub object: Value,
}

/// Why a move is no edit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refusal {
    /// A stable code.
    pub code: &'static str,
    /// Why, and what to do instead.
    pub why: String,
}

impl Refusal {
    fn new(code: &'static str, why: impl Into<String>) -> Self {
        Self { code, why: why.into() }
    }
}

fn set(at: Pointer, value: impl Into<Value>) -> Edit {
    Edit {
        at,
        change: Change::Set(value.into()),
    }
}

fn remove(at: Pointer) -> Edit {
    Edit {
        at,
        change: Change::Remove,
    }
}

/// What the moves of a row are in manifests.
///
/// # Errors
/// Where one of them is none: it is for a person, or what is written down is not what the plan saw.
pub fn wish(about: About<'_>) -> Result<Wish, Refusal> {
    if about.workload.kind == "Pod" {
        return Err(Refusal::new(
            "no-manifest",
            "it is a pod that nobody keeps: whoever made it changes how it is made",
        ));
    }
    let mut wish = Wish::default();
    // Each move finds what those before it made.
    let mut object = about.object.clone();
    for change in &about.row.moves {
        let before = wish.own.len();
        one(
            About {
                object: &object,
                ..about
            },
            change,
            &mut wish,
        )?;
        wish.own[before..].iter().for_each(|edit| made::make(&mut object, edit));
    }
    wish.own = made::settled(about.object, &object, wish.own);
    Ok(wish)
}

fn one(about: About<'_>, change: &Move, wish: &mut Wish) -> Result<(), Refusal> {
    match change {
        Move::ScaleToZero => replicas::none(about, wish),
        Move::SetReplicas { from, to, .. } => replicas::other(about, (*from, *to), wish),
        Move::SleepDuring { hours, timezone } => sleep::sleep(about, hours, timezone, wish),
        Move::RequestGpus { from, to } => gpus::fewer(about, (*from, *to), wish),
        Move::UseGpu { from, to, per_pod, .. } => {
            gpus::other(about, (from, to), *per_pod, wish)?;
            nodes::land(about, wish)
        }
        Move::UseSpot { .. } => spot::spot(about, wish),
        Move::Autoscale { min, .. } => {
            autoscale::autoscale(about, change, wish)?;
            guard::while_packed(about, *min, wish);
            Ok(())
        }
        Move::Quantize { to, weight_only, .. } => arguments::quantize(about, *to, *weight_only, wish),
        Move::SetTensorParallel { from, to } => arguments::tensor_parallel(about, (*from, *to), wish),
        Move::SetBatchLimit { from, to } => arguments::batch_limit(about, (*from, *to), wish),
        Move::CachePrefixes { .. } => arguments::cache_prefixes(about, wish),
        Move::SetCheckpointInterval { to_seconds, .. } => Err(Refusal::new(
            "for-its-owner",
            format!(
                "how often it writes a checkpoint stands in its own code or arguments, in steps: about every {to_seconds} s is for its owner to set"
            ),
        )),
    }
}
