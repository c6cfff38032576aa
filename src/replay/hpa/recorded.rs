//! Pods and samples as the vectors write them.

use serde::Deserialize;

use super::proposal::{Phase, Pod, PodSamples, Ready};

/// `[id, phase, ready, started, transition, terminating]`.
type Row = (i64, String, String, Option<i64>, Option<i64>, u8);

/// A pod, written as a row.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(from = "Row")]
pub(super) struct PodRow(pub(super) Pod);

impl From<Row> for PodRow {
    fn from((_, phase, ready, started, transition, terminating): Row) -> Self {
        Self(Pod {
            phase: match phase.as_str() {
                "R" => Phase::Running,
                "P" => Phase::Pending,
                "F" => Phase::Failed,
                _ => Phase::Other,
            },
            ready: match ready.as_str() {
                "T" => Ready::True,
                "F" => Ready::False,
                "U" => Ready::Unknown,
                _ => Ready::Absent,
            },
            started,
            transition,
            terminating: terminating == 1,
        })
    }
}

/// Samples of one metric.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Samples {
    pub(super) v: Option<Vec<i64>>,
    u: Option<Vec<Option<i64>>>,
    ts: Option<Vec<Option<i64>>>,
    win: i64,
    req: Option<Vec<i64>>,
    x: Option<Vec<i64>>,
}

impl Samples {
    pub(super) fn sum(&self) -> Option<i64> {
        let values = self.v.as_ref()?;
        Some(values.iter().fold(0_i64, |sum, one| sum.wrapping_add(*one)))
    }

    pub(super) fn of_pods(&self) -> PodSamples {
        let requested = |value: &i64| (*value >= 0).then_some(*value);
        PodSamples {
            by_pod: self.u.clone().unwrap_or_default(),
            at: self.ts.clone().unwrap_or_default(),
            window: self.win,
            requests: self.req.iter().flatten().map(requested).collect(),
            others: self.x.clone().unwrap_or_default(),
        }
    }
}

/// Pods that run and are ready, and all.
pub(super) fn ready_of(pods: &[Pod]) -> (usize, usize) {
    let ready = pods
        .iter()
        .filter(|pod| pod.phase == Phase::Running && pod.ready == Ready::True);
    (ready.count(), pods.len())
}
