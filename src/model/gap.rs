//! What could not be seen, and why something was left alone.

use serde::{Deserialize, Serialize};

/// A hole in what is known: what is missing, why, and what would close it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// A stable code for scripts, such as `no-gpu-activity`.
    pub code: String,
    /// What is not known, in words.
    pub what: String,
    /// Why it is not known.
    pub why: String,
    /// What to do about it.
    pub fix: String,
}

/// The code of the gap that the Kubernetes API leaves while it is down. Nobody chose to do without it, so that nothing is
/// proposed that it could have overturned.
pub const KUBERNETES_DOWN: &str = "kubernetes-down";

/// The code of the gap that it leaves where somebody chose to do without.
pub const NO_KUBERNETES: &str = "no-kubernetes";

/// The code of the gap that a Prometheus leaves which is down.
pub const PROMETHEUS_DOWN: &str = "prometheus-down";

/// The code of the gap that a window of the past leaves: the cluster has gone on since, and nobody looked at what it does now.
pub const WINDOW_PAST: &str = "window-past";

/// What is not known where a cost source does not tell what days cost, in the words of a gap.
pub const UNKNOWN_WITHOUT_LEDGER: &str = "what each day cost, and whose it was";

/// The beginning of what is not known where it does not tell of some days.
pub const UNKNOWN_OF_FAILED_DAYS: &str = "whose cost it was on ";

/// What is not known without the Kubernetes API, in the words of a gap.
pub const UNKNOWN_WITHOUT_KUBERNETES: &str = "nodes, owners and what runs in pods";

/// What is not known without Prometheus, in the words of a gap.
pub const UNKNOWN_WITHOUT_PROMETHEUS: &str = "what GPUs and model servers did, and which pods there were before";

/// What is not known where objects of this kind cannot be read, in the words of a gap.
pub fn unknown_without(kind: &str) -> String {
    format!("who owns GPU pods through a {kind}, and with how many replicas")
}

/// The code of the gap that stands where series of model servers are left out because they lack the label that names their
/// cluster: who seems to serve nobody may have been asked all the time.
pub const SERVERS_LEFT_OUT: &str = "servers-left-out";

impl Gap {
    /// A gap; the code is for scripts, the rest for people.
    pub fn new(code: &str, what: impl Into<String>, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            what: what.into(),
            why: why.into(),
            fix: fix.into(),
        }
    }

    /// Whether what is missing could overturn any change, so that none is proposed until it is known.
    pub fn overturns(&self) -> bool {
        [KUBERNETES_DOWN, PROMETHEUS_DOWN, WINDOW_PAST].contains(&self.code.as_str())
    }
}

/// Why a workload is right as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// A stable code for scripts, such as `in-use`.
    pub code: String,
    /// The reason in words, with its figures.
    pub because: String,
}

impl Reason {
    /// A reason; the code is for scripts, the words for people.
    pub fn new(code: &str, because: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            because: because.into(),
        }
    }
}
