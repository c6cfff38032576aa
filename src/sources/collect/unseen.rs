//! What the join could not see, each hole with its fix and the money behind it.

use super::Tally;
use crate::model::gap::Gap;
use crate::model::reading::Reading;
use crate::model::snapshot::{GpuNode, PricedGap};
use crate::model::units::Monthly;
use crate::model::workload::Workload;

/// Names shown before "and N more".
const SHOWN: usize = 3;

/// The gaps of the reading and of its parts, of its prices, and those of the join.
pub(super) fn gaps(
    reading: &Reading,
    tally: &Tally,
    nodes: &[GpuNode],
    workloads: &[Workload],
    prices: &[PricedGap],
) -> Vec<PricedGap> {
    let read = reading.gaps.iter().chain(&tally.gaps).map(|gap| PricedGap {
        gap: gap.clone(),
        monthly: None,
    });
    let joined = [
        without_metrics(workloads),
        only_in_metrics(reading, tally.ownerless, workloads),
        without_price(nodes, workloads),
        claims(reading),
    ];
    let mut gaps: Vec<PricedGap> = read
        .chain(joined.into_iter().flatten())
        .chain(prices.iter().cloned())
        .collect();
    gaps.sort_by(|a, b| {
        let money = |gap: &PricedGap| gap.monthly.map_or(-1.0, Monthly::get);
        money(b).total_cmp(&money(a)).then_with(|| a.gap.cmp(&b.gap))
    });
    gaps
}

pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn cost<'a>(workloads: impl Iterator<Item = &'a Workload>) -> Option<Monthly> {
    workloads
        .map(|workload| workload.monthly)
        .try_fold(Monthly::ZERO, |sum, monthly| Some(sum + monthly?))
}

fn without_metrics(workloads: &[Workload]) -> Option<PricedGap> {
    let dark = || {
        let unseen = |w: &&Workload| w.pods.iter().all(|pod| pod.devices.is_empty());
        workloads.iter().filter(unseen)
    };
    let count = dark().count();
    (count > 0).then(|| PricedGap {
        gap: Gap::new(
            "pods-without-metrics",
            format!("GPU metrics of {count} workloads ({})", listed(dark().map(|w| w.name.as_str()))),
            "no series of the GPU exporter names their pods",
            "run dcgm-exporter on their nodes with pod mapping on (DCGM_EXPORTER_KUBERNETES=true), and see that Prometheus \
             scrapes it",
        ),
        monthly: cost(dark()),
    })
}

fn only_in_metrics(reading: &Reading, count: usize, workloads: &[Workload]) -> Option<PricedGap> {
    if count == 0 {
        return None;
    }
    let orphans = || workloads.iter().filter(|w| w.kind == "Pod" && w.group.is_empty());
    let (why, fix) = if reading.inventory.nodes.is_empty() {
        ("the Kubernetes API was not read", "let gpuwise read the Kubernetes API")
    } else {
        (
            "they are gone, and kube-state-metrics' history does not tell whose they were",
            "run kube-state-metrics, so that pods that are gone keep their owner",
        )
    };
    Some(PricedGap {
        gap: Gap::new(
            "pods-without-owner",
            format!("the owner of {count} pods that metrics name"),
            why,
            fix,
        ),
        monthly: cost(orphans()),
    })
}

fn without_price(nodes: &[GpuNode], workloads: &[Workload]) -> Option<PricedGap> {
    let unpriced: Vec<&GpuNode> = nodes.iter().filter(|node| node.hourly.is_none()).collect();
    let count = unpriced.len();
    let workloads_without = workloads.iter().filter(|w| w.monthly.is_none()).count();
    (count > 0 || workloads_without > 0).then(|| PricedGap {
        gap: Gap::new(
            "no-price",
            format!("the price of {count} GPU nodes and {workloads_without} workloads"),
            format!(
                "no cost source bills them and the catalogue has no list price for them{}",
                if count > 0 {
                    format!(" ({})", listed(unpriced.iter().map(|n| n.name.as_str())))
                } else {
                    String::new()
                }
            ),
            "point --costs at OpenCost or Kubecost, or label nodes with node.kubernetes.io/instance-type",
        ),
        monthly: None,
    })
}

fn claims(reading: &Reading) -> Option<PricedGap> {
    let count = reading.inventory.pods.iter().filter(|pod| pod.claims_devices).count();
    (count > 0).then(|| PricedGap {
        gap: Gap::new(
            "device-claims",
            format!("GPUs of {count} pods that claim devices through DRA"),
            "resource claims are not read yet; only extended resources such as nvidia.com/gpu are",
            "nothing to do: their nodes are never counted as empty",
        ),
        monthly: None,
    })
}
