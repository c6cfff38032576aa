//! What a workload held and did over the window, as a plan keeps it: for charts, and so that a later plan can measure what came
//! of a change.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::units::Money;

/// A workload's history in steps of some hours, and by day.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HistoryRow {
    /// The beginning of the first step; `None` where there are no steps.
    pub start: Option<Timestamp>,
    /// Seconds of a step.
    pub step_seconds: u32,
    /// GPUs held on average in each step; `None` where that is not known.
    pub gpus: Vec<Option<f64>>,
    /// How busy they were on average, 0 to 1; `None` where it was not measured, or nothing was held.
    pub busy_mean: Vec<Option<f64>>,
    /// The busiest sample of any of them in the step.
    pub busy_max: Vec<Option<f64>>,
    /// By day of the plan's time zone.
    pub days: Vec<HistoryDay>,
}

/// A day of a workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryDay {
    /// The day, in the plan's time zone.
    pub day: Date,
    /// The hours of it that lie in the window.
    pub hours: f64,
    /// GPUs held, times hours.
    pub gpu_hours: f64,
    /// The part of them in which work was done: how busy the GPUs were, times hours; `None` where it was not measured.
    pub busy_gpu_hours: Option<f64>,
    /// What they cost at the workload's prices; `None` without a price.
    pub cost: Option<Money>,
    /// Requests that ended; `None` where they were not read.
    pub requests: Option<f64>,
    /// Tokens generated; `None` where they were not read.
    pub tokens: Option<f64>,
}
