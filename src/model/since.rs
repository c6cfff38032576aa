//! What has happened since an earlier plan: what became of each change it planned.

use serde::{Deserialize, Serialize};

use super::plan::SubjectRef;
use super::returns::Measured;
use super::time::Window;
use super::units::Monthly;

/// What has happened since an earlier plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Since {
    /// The history that the earlier plan stood on.
    pub window: Window,
    /// What it saw spent, where it knew.
    pub spend_monthly: Option<Monthly>,
    /// What became of the changes it accepted, in its order.
    pub changes: Vec<Followed>,
    /// Ids of the rows that are accepted now, and that it neither accepted nor held back.
    pub new: Vec<String>,
}

/// A change that the earlier plan accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Followed {
    /// Its row's id then; the same now where it is still proposed.
    pub id: String,
    /// What it is about.
    pub subject: SubjectRef,
    /// What it is about, as `namespace/name`: the workload may be gone.
    pub name: String,
    /// Its title then.
    pub title: String,
    /// What it was to save then; `None` where there was no price.
    pub monthly: Option<Monthly>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, in the words of this plan; `None` where the outcome says all.
    pub because: Option<String>,
    /// What it really saved; `None` where it was not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The workload is now as the change would have it.
    Done,
    /// It is still proposed.
    Open,
    /// It is now held back by a rule.
    Held,
    /// What was measured since no longer supports it.
    Withdrawn,
    /// What it stood on can no longer be told.
    Unknown,
    /// Its workload no longer exists.
    Gone,
    /// Nobody asked this time: another scope, or other levers.
    NotAsked,
}
