//! What a plan tells finance: what money goes for, whether budgets hold, and which days were unusual.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::scenario::Interval;
use super::time::Window;
use super::units::{Money, Monthly};

/// Where money goes, whether it holds, and what was unusual.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Finops {
    /// Spend by what it is for, beside what is usual; empty where no node has a price.
    #[serde(default)]
    pub composition: Vec<CompositionRow>,
    /// Budgets of the policy, in its order.
    #[serde(default)]
    pub budgets: Vec<BudgetRow>,
    /// Days on which somebody spent far more than was to be expected, the most expensive first.
    #[serde(default)]
    pub anomalies: Vec<Anomaly>,
    /// Days that were looked at for what was unusual: those before which enough whole days are known.
    #[serde(default)]
    pub days_judged: usize,
}

/// A category of spend, beside its usual share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompositionRow {
    /// `gpu`, `storage`, `network` or `other`.
    pub category: String,
    /// What it costs; `None` where nobody told.
    pub monthly: Option<Monthly>,
    /// Its share of what is known, 0 to 1.
    pub share: Option<f64>,
    /// Its usual share on a platform for language models.
    pub usual_share: f64,
    /// What stands out, in words; `None` where nothing does.
    pub stands_out: Option<String>,
}

/// Whether a budget holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum BudgetStatus {
    /// Projected spend is within it.
    Ok,
    /// Projected spend is over it.
    Warning,
    /// Projected spend is over 110 % of it.
    Critical,
    /// What was spent is not known.
    Unknown,
}

/// A budget and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BudgetRow {
    /// Its name in the policy.
    pub name: String,
    /// What it is for, such as `team chat` or `everything`.
    pub scope: String,
    /// Where the policy says so, such as `policy.yaml:12`.
    pub place: String,
    /// The span that it is for: a calendar month in the policy's time zone, or thirty days.
    pub period: Window,
    /// The span in words: `2026-11`.
    pub month: String,
    /// What may be spent, in the plan's currency; `None` where it is in another and nothing tells what that is worth.
    pub amount: Option<Money>,
    /// What was spent so far; `None` where nobody told.
    pub spent: Option<Money>,
    /// Days of the span that are over and told of, fractions included.
    pub elapsed_days: f64,
    /// Days of the span.
    pub days: f64,
    /// Spend per elapsed day times the span's days; the status comes from it.
    pub projected: Option<Money>,
    /// What the span will cost by its weekly pattern, with an interval of 90 %.
    pub forecast: Interval,
    /// Whether it holds.
    pub status: BudgetStatus,
    /// The first day by whose end more is spent than may be, by the projection; `None` where it holds.
    pub runs_out: Option<Date>,
    /// What was spent on each day so far; `None` for a day of which nobody told.
    pub daily: Vec<DayCost>,
    /// What cannot be told of it, in words: days without data, a scope that nothing is in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What a day cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DayCost {
    /// The day, in the policy's time zone.
    pub day: Date,
    /// What it cost; `None` where nobody told.
    pub cost: Option<Money>,
}

/// What made a day unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnomalyKind {
    /// Far more than on such a day of the week before.
    Spike,
    /// Nothing was spent before.
    NewSpender,
}

/// An unusual day, or several in a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// The first day.
    pub first: Date,
    /// The last day.
    pub last: Date,
    /// Whose: `namespace/name` of a workload, or a namespace.
    pub who: String,
    /// What it is.
    pub kind: AnomalyKind,
    /// What these days cost.
    pub cost: Money,
    /// What was to be expected, with an interval.
    pub expected: Interval,
    /// How much more that is than expected.
    pub excess: Money,
    /// What caused it, the largest part first.
    pub causes: Vec<Cause>,
}

/// A part of what is unusual.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// Which workload, or what of it.
    pub who: String,
    /// `quantity` (more was held), `price` (an hour cost more) or `new`.
    pub what: String,
    /// Its part of the excess.
    pub amount: Money,
}
