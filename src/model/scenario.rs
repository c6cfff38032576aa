//! What could be: moves on a subject, and what a lever says about it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::gap::{Gap, Reason};
use super::gpu::GpuKind;
use super::serving::Precision;
use super::units::Hourly;
use super::workload::Workload;

/// What a lever may be asked about.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A workload.
    Workload(&'a Workload),
}

/// Hours of the week, Monday 00:00 first, in the plan's time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeekHours(Vec<u8>);

impl WeekHours {
    /// Hours of a week.
    pub const COUNT: usize = 168;

    /// These hours, each 0 to 167; order and repetition do not matter.
    pub fn new(hours: impl IntoIterator<Item = u8>) -> Self {
        let mut hours: Vec<u8> = hours
            .into_iter()
            .filter(|hour| usize::from(*hour) < Self::COUNT)
            .collect();
        hours.sort_unstable();
        hours.dedup();
        Self(hours)
    }

    /// The hours, in order.
    pub fn hours(&self) -> &[u8] {
        &self.0
    }

    /// Their share of the week.
    pub fn share(&self) -> f64 {
        self.0.len() as f64 / Self::COUNT as f64
    }

    /// The blocks of hours that lie together, as (first hour, one past the last); a block may run over the week's end.
    pub fn blocks(&self) -> Vec<(u8, u8)> {
        let mut blocks: Vec<(u8, u8)> = Vec::new();
        for &hour in &self.0 {
            match blocks.last_mut() {
                Some(block) if block.1 == hour => block.1 = hour + 1,
                _ => blocks.push((hour, hour + 1)),
            }
        }
        if blocks.len() > 1
            && blocks.first().is_some_and(|block| block.0 == 0)
            && blocks.last().is_some_and(|block| usize::from(block.1) == Self::COUNT)
        {
            let first = blocks.remove(0);
            if let Some(last) = blocks.last_mut() {
                last.1 = first.1;
            }
        }
        blocks
    }
}

/// One change of a scenario. Closed, so that the compiler lists every place that a new kind of edit must be taught.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Move {
    /// Hold no GPUs until somebody asks for them again.
    ScaleToZero,
    /// Hold no GPUs in these hours of the week.
    SleepDuring {
        /// The hours, Monday 00:00 first.
        hours: WeekHours,
        /// The time zone in which they are.
        timezone: String,
    },
    /// Hold fewer GPUs, of the same kind.
    RequestGpus {
        /// Devices that one pod requests now.
        from: u32,
        /// Then.
        to: u32,
    },
    /// Run on the same nodes, bought as spot capacity.
    UseSpot {
        /// Their instance type.
        instance_type: String,
        /// What one costs as spot capacity, an hour.
        hourly: Hourly,
        /// GPUs of one.
        gpus: u32,
    },
    /// Keep fewer replicas.
    SetReplicas {
        /// Replicas now.
        from: u32,
        /// Then.
        to: u32,
        /// Replicas fewer on average, as replayed.
        saves: f64,
    },
    /// Let an autoscaler keep as many replicas as requests need; one that is there already, with other settings.
    Autoscale {
        /// What it looks at, summed over replicas: `requests-running` or `requests-in-flight`.
        metric: String,
        /// How much of it each replica is to have.
        target: f64,
        /// Fewest replicas.
        min: u32,
        /// Most replicas: as many as there are now, or as the autoscaler allows that is there already.
        max: u32,
        /// Seconds for which the largest recommendation holds before there are fewer.
        scale_down_window_seconds: u32,
        /// Replicas on average, as replayed.
        mean: f64,
        /// How many fewer that is than there were on average.
        saves: f64,
    },
    /// Store the model's weights in fewer bits.
    Quantize {
        /// Now.
        from: Precision,
        /// Then.
        to: Precision,
        /// Whether only weights are stored so and the GPU computes as before, as where it has no such arithmetic.
        weight_only: bool,
    },
    /// Split each layer over fewer GPUs.
    SetTensorParallel {
        /// GPUs now.
        from: u32,
        /// Then.
        to: u32,
    },
    /// Let a replica execute another number of requests at once.
    SetBatchLimit {
        /// At most, now.
        from: u32,
        /// Then.
        to: u32,
    },
    /// Keep what prompts have in common from one request to the next.
    CachePrefixes {
        /// The share of prompt tokens that was found in a cache of its size, as replayed.
        found: f64,
    },
    /// Write a checkpoint so often, and go on from the newest one.
    SetCheckpointInterval {
        /// Seconds from one to the next now; `None` where nobody knows.
        from_seconds: Option<u32>,
        /// Then.
        to_seconds: u32,
        /// The share of its GPU hours that is not spent again, as computed.
        saves: f64,
    },
    /// Run on another kind of GPU, as many as before.
    UseGpu {
        /// Now.
        from: GpuKind,
        /// Then.
        to: GpuKind,
        /// Devices that one pod holds.
        per_pod: u32,
        /// How many times longer work may take, at worst.
        slowdown: f64,
    },
}

impl Move {
    /// The `type` of every move, as plans write it and rules ask for it.
    pub const KINDS: [&'static str; 12] = [
        "scale-to-zero",
        "sleep-during",
        "request-gpus",
        "use-spot",
        "set-replicas",
        "autoscale",
        "quantize",
        "set-tensor-parallel",
        "set-batch-limit",
        "cache-prefixes",
        "set-checkpoint-interval",
        "use-gpu",
    ];

    /// Its `type`, as plans write it.
    pub fn kind(&self) -> String {
        let written = serde_json::to_value(self).unwrap_or_default();
        written["type"].as_str().unwrap_or_default().to_owned()
    }
}

/// How sure a proposal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

/// One figure behind a proposal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What it says.
    pub what: String,
    /// The signal it was computed from, or the query that shows it.
    pub query: String,
    /// Its value; `None` where it is not a number.
    pub value: Option<f64>,
    /// The share of expected samples behind it.
    pub coverage: Option<f64>,
}

/// Effect on what users of the workload notice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceEffect {
    /// Which figure.
    pub metric: String,
    /// Before, by the replay where there is one; `None` where nobody knows.
    pub before: Option<f64>,
    /// After.
    pub after: Interval,
}

/// A figure with its interval; without replay there is none.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end; `None` where there is no interval.
    pub low: Option<f64>,
    /// The figure itself.
    pub mid: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

/// Days that a replay must have scored to be a proof, and to give an interval.
pub const SCORED_DAYS_AT_LEAST: u32 = 10;

/// What an hour of a node of new capacity comes to, when work that is done again, restarts and what stands in are paid for too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effective {
    /// Money for an hour of the work that one node does now.
    pub hourly: Interval,
    /// Days of history on which a replay scored it; `None` where it is bounded by arithmetic.
    pub scored_days: Option<u32>,
}

impl Effective {
    /// The days, where they are enough for a proof.
    pub fn proved_on(&self) -> Option<u32> {
        self.scored_days.filter(|days| *days >= SCORED_DAYS_AT_LEAST)
    }
}

/// A set of moves worth pricing, with the evidence for them.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The changes, as one scenario.
    pub moves: Vec<Move>,
    /// One line for people.
    pub title: String,
    /// What stands behind it.
    pub evidence: Vec<Evidence>,
    /// Its effect on service, where there is a figure.
    pub service: Option<ServiceEffect>,
    /// How sure it is.
    pub confidence: Level,
    /// What may go wrong, as a level.
    pub risk: Level,
    /// What a person must know, decide or check before.
    pub needs_human: Vec<String>,
    /// How to undo it.
    pub rollback: String,
    /// What must be tried out first, and what must hold then; `None` where nothing must.
    pub experiment: Option<String>,
    /// What a replay of it over the workload's own history found; `None` where it is arithmetic.
    pub replayed: Option<Replayed>,
    /// What an hour of the capacity that it moves to comes to, where that is not its price.
    pub effective: Option<Effective>,
}

impl Proposal {
    /// Days on which a replay scored it, where they are enough for a proof.
    pub fn proved_on(&self) -> Option<u32> {
        self.effective.as_ref()?.proved_on()
    }
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replayed {
    /// Which machine: `service`, `schedule`, `spot`, `checkpoint`.
    pub machine: String,
    /// How far the replay of what really ran is off.
    pub calibration: Calibrated,
    /// Days on which the change was scored, none of which it was tuned on.
    pub scored_days: u32,
    /// Ends of the 90 % interval of what it saves, as shares of the figure itself; `None` with too few days.
    pub saving_share: Option<(f64, f64)>,
    /// Devices fewer on average, as replayed: no more is given back. `None` where its moves say how much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gives_back: Option<f64>,
    /// Whatever else the machine tells. Of model servers `replica_hours_by_day` (each scored day before and after, and between what the
    /// latter lies were the service slower or quicker than it seems) and `frontier` (what was tried: the share that each setting
    /// saves beside the latency that binds, the bound, what else speaks against it, and which was chosen); of schedules
    /// `device_hours_by_day`; of spot capacity `node_hour`, what an hour of a node comes to.
    pub figures: Value,
}

/// How far the replay of what really ran is off, of what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    /// Of its cost; `None` where that proves nothing, as with a fixed number of replicas.
    pub cost_error: Option<f64>,
    /// Of the latency that is furthest off.
    pub latency_error: Option<f64>,
}

/// What a lever says about a subject.
#[derive(Debug, Clone, PartialEq)]
pub enum Candidate {
    /// Worth pricing.
    Move(Box<Proposal>),
    /// Right as it is.
    Keep {
        /// Why.
        because: Reason,
    },
    /// Cannot be told.
    Unknown {
        /// What is missing, and what would close the hole.
        missing: Gap,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_move_is_listed() {
        let stranger = serde_json::json!({"type": "?"});
        let told = serde_json::from_value::<Move>(stranger).unwrap_err().to_string();
        let listed = Move::KINDS.map(|kind| format!("`{kind}`")).join(", ");
        assert!(told.ends_with(&format!("expected one of {listed}")), "{told}");
    }

    #[test]
    fn a_block_may_run_over_the_weeks_end() {
        let nights = WeekHours::new([0, 1, 2, 22, 23, 166, 167]);
        assert_eq!(nights.blocks(), [(22, 24), (166, 3)]);
        assert_eq!(WeekHours::new([5, 5, 6, 200]).blocks(), [(5, 7)]);
        assert!(WeekHours::new([]).blocks().is_empty());
    }
}
