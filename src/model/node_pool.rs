//! Karpenter's node pools: which nodes they remove by themselves.

use serde::{Deserialize, Serialize};

/// A NodePool of Karpenter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NodePool {
    /// Its name.
    pub name: String,
    /// Nodes that it removes to save money.
    pub removes: Removes,
    /// Hours for which a node must be empty until it goes, at every hour of the day; `None` where it stays at some hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_hours: Option<f64>,
}

/// Which nodes a pool removes to save money (`spec.disruption`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Removes {
    /// None: it has a fixed size, waits for ever (`consolidateAfter: Never`), or its budget of nodes is none.
    #[default]
    Nothing,
    /// Those on which nothing runs but what runs on every node (`WhenEmpty`).
    Empty,
    /// Also those whose pods fit elsewhere, which it moves (`WhenEmptyOrUnderutilized`).
    Underutilized,
}
