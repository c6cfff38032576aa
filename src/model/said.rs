//! What owners said of changes, as a plan tells it.

use serde::{Deserialize, Serialize};

/// What an owner decided of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// `accept`, `snooze`, `reject` or `experiment-passed`.
    pub decision: String,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Until when.
    pub until: Option<String>,
    /// On which day.
    pub date: Option<String>,
    /// Where it stands, such as `decisions.yaml:12`.
    #[serde(rename = "where")]
    pub place: String,
}

/// Something an owner said that has no effect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Note {
    /// What was said.
    pub what: String,
    /// Why it has no effect.
    pub why: String,
    /// Where it stands, such as `decisions.yaml:12`.
    #[serde(rename = "where")]
    pub place: String,
}
