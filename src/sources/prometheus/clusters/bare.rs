//! Kinds of series that a choice of a cluster leaves out because they lack the label that it is told by.

use std::collections::BTreeSet;

use super::{GPUS, PODS, SERVERS};
use crate::model::gap::{Gap, SERVERS_LEFT_OUT};

/// The code of the gap for the exporter of GPUs.
pub const GPUS_LEFT_OUT: &str = "gpu-metrics-left-out";

/// The code of the gap for kube-state-metrics.
pub const STATE_LEFT_OUT: &str = "kube-state-metrics-left-out";

/// The gaps of labels with the kinds that lack them.
pub(super) fn gaps(bare: &BTreeSet<(String, String)>) -> impl Iterator<Item = Gap> + '_ {
    let kinds = [
        (GPUS, GPUS_LEFT_OUT, "what GPUs did", "the exporter of GPUs"),
        (
            PODS,
            STATE_LEFT_OUT,
            "pods that are gone cannot be attributed to a workload; only pods that exist now are",
            "kube-state-metrics",
        ),
        (
            SERVERS,
            SERVERS_LEFT_OUT,
            "whether a server that shows no requests had any",
            "model servers",
        ),
    ];
    kinds.into_iter().filter_map(|(kind, code, what, whose)| {
        let (label, _) = bare.iter().find(|(_, found)| found == kind)?;
        Some(Gap::new(
            code,
            what,
            format!(
                "series of {whose} in this store lack the label `{label}`, by which this cluster is told from others, and \
                 were left out"
            ),
            format!(
                "let whoever scrapes {whose} send `{label}` (external_labels of Prometheus, a relabeling, a resource \
                 attribute of OpenTelemetry)"
            ),
        ))
    })
}
