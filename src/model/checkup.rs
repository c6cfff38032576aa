//! What can be seen of a cluster before anything is judged: each check with its state, and the fix for each hole.

use serde::{Deserialize, Serialize};

use super::time::Window;

/// All checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkup {
    /// `gpuwise/v1alpha1`.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// `Checkup`.
    pub kind: String,
    /// The cluster, where it was read.
    pub cluster: Option<String>,
    /// The history that was looked at, where it was read.
    pub window: Option<Window>,
    /// The checks, by area.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Where it belongs.
    pub area: Area,
    /// What was looked at.
    pub what: String,
    /// How it stands.
    pub state: State,
    /// What was seen.
    pub seen: String,
    /// What closes the hole; `None` where there is none.
    pub fix: Option<String>,
}

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// Servers and permissions.
    Sources,
    /// What they measure.
    Signals,
    /// Whether what they tell fits together: GPU to pod to workload to owner.
    Joins,
    /// Where prices come from.
    Prices,
    /// Whatever else could not be read.
    Gaps,
}

/// How a check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// All of it is there.
    Good,
    /// Something that would help is not there, and no verdict needs it.
    Absent,
    /// Verdicts will be unknown for want of it.
    Hole,
    /// A server is not there, or does not answer as it should.
    Failed,
}

impl Check {
    /// A check with nothing to mend.
    pub fn good(area: Area, what: impl Into<String>, seen: impl Into<String>) -> Self {
        Self {
            area,
            what: what.into(),
            state: State::Good,
            seen: seen.into(),
            fix: None,
        }
    }

    /// A check with something to mend.
    pub fn lacking(
        state: State,
        area: Area,
        what: impl Into<String>,
        seen: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            area,
            what: what.into(),
            state,
            seen: seen.into(),
            fix: Some(fix.into()),
        }
    }
}

impl Checkup {
    /// The worst state of any check.
    pub fn worst(&self) -> State {
        self.checks
            .iter()
            .map(|check| check.state)
            .max()
            .unwrap_or(State::Failed)
    }
}
