//! What changes bring and what they take: what is commonly promised beside what this cluster would see, and how soon a change has
//! paid for the work of making it.

use serde::{Deserialize, Serialize};

use super::units::{Money, Monthly};

/// Return on investment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Returns {
    /// What is commonly promised for a strategy, beside what it would bring here.
    pub promised: Vec<Promise>,
    /// Spend by category before and after the plan; the sum of the parts is the plan's, nothing counted twice.
    pub categories: Vec<CategoryReturn>,
    /// The whole of it.
    #[serde(default)]
    pub total: CategoryReturn,
    /// What each accepted change takes and how soon it has paid for it, in the plan's order.
    pub changes: Vec<ChangeReturn>,
    /// Hours of work of all accepted changes.
    pub effort_hours: f64,
    /// What that work costs.
    pub effort_cost: Money,
    /// Days until what leaves the bill has paid for all of it; `None` where nothing leaves it.
    pub payback_days: Option<f64>,
}

/// A promise, and what would come of it here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Promise {
    /// What the strategy is called, such as `spot capacity`.
    pub strategy: String,
    /// Ids of the levers that do it here; empty where none does yet.
    pub levers: Vec<String>,
    /// The share of a workload's cost that is commonly promised, 0 to 1.
    pub promised_share: f64,
    /// Who promises it, with a date.
    pub source: String,
    /// What the workloads cost now that it would change here, all rows of it together.
    pub applies_to_monthly: Option<Monthly>,
    /// What it would save here; `None` where it cannot be told.
    pub here_monthly: Option<Monthly>,
    /// That as a share of what those workloads cost.
    pub here_share: Option<f64>,
    /// How much of that is only worth trying or held back, and not in the plan's saving; `None` where a part of it is not known.
    #[serde(default)]
    pub not_counted_monthly: Option<Monthly>,
    /// Why it is more or less than promised.
    pub because: String,
}

/// Spend of a category before and after.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CategoryReturn {
    /// `gpu`, `storage`, `network` or `other`; `total` for the whole.
    pub category: String,
    /// What it costs now; `None` where nobody told.
    pub before_monthly: Option<Monthly>,
    /// What it costs once what leaves the bill has left it.
    pub after_monthly: Option<Monthly>,
}

/// What a change takes, and how soon it has paid for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeReturn {
    /// Its row's id.
    pub id: String,
    /// Hours of work, by its levers and by what a person must do, as the policy says.
    pub effort_hours: f64,
    /// What that work costs.
    pub effort_cost: Money,
    /// Days until what leaves the bill has paid for it; `None` where nothing leaves it.
    pub payback_days: Option<f64>,
}

/// What a change really saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Saving a month, measured and corrected for load, with an interval of 90 %.
    pub monthly: super::scenario::Interval,
    /// The same without correction.
    pub uncorrected_monthly: Option<Monthly>,
    /// By what load was corrected, such as `tokens generated`; `None` where nothing told of load.
    pub corrected_by: Option<String>,
    /// Load after, as a multiple of load before.
    pub load: Option<f64>,
    /// Days before and after that are compared.
    pub days: (u32, u32),
    /// Why nothing is measured, or what the figure leaves open.
    pub because: Option<String>,
}
