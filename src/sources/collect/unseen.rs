//! What the join could not see, each hole with its fix and the money behind it.

use std::collections::BTreeMap;

use super::Tally;
use super::claims::Claims;
use super::lives::Life;
use super::owners::Owners;
use crate::model::gap::{Gap, unknown_without};
use crate::model::reading::Reading;
use crate::model::snapshot::{GpuNode, PricedGap};
use crate::model::units::Monthly;
use crate::model::workload::Workload;
use crate::sources::kubernetes::kinds;

/// Names shown before "and N more".
const SHOWN: usize = 3;

/// The gaps of the reading and of its parts, of its prices, and those of the join.
pub(super) fn gaps(
    reading: &Reading,
    tally: &Tally,
    (owners, claimed, lives): (&Owners<'_>, &Claims<'_>, &[Life<'_>]),
    (nodes, workloads): (&[GpuNode], &[Workload]),
    prices: &[PricedGap],
) -> Vec<PricedGap> {
    let unread = Unread::of(owners, lives, workloads);
    let read = reading.gaps.iter().chain(&tally.gaps).map(|gap| PricedGap {
        gap: gap.clone(),
        monthly: unread.cost_behind(gap),
    });
    let joined = [
        unread.gap(reading),
        without_metrics(workloads),
        only_in_metrics(reading, tally.ownerless, workloads),
        without_price(nodes, workloads),
        claims(reading, claimed),
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

/// Owners that no object answers for, by kind, with the workloads below them.
#[derive(Default)]
struct Unread<'a> {
    /// All of them.
    by_kind: BTreeMap<String, Vec<&'a Workload>>,
    /// The lowest of each chain, by its name; what is above it was not looked for.
    lowest: BTreeMap<(String, String), Vec<&'a Workload>>,
}

impl<'a> Unread<'a> {
    fn of(owners: &Owners<'_>, lives: &[Life<'_>], workloads: &'a [Workload]) -> Self {
        let mut found = Self::default();
        let place = |namespace: &'a str, pod: &'a str| (namespace, pod);
        let mut of_pod: BTreeMap<(&str, &str), &Workload> = BTreeMap::new();
        for workload in workloads {
            let pods = workload.pods.iter();
            of_pod.extend(pods.map(|pod| (place(&workload.namespace, &pod.name), workload)));
        }
        let add = |below: &mut Vec<&'a Workload>, workload: &'a Workload| {
            if below.iter().all(|other| other.id != workload.id) {
                below.push(workload);
            }
        };
        for pod in lives.iter().filter_map(|life| life.pod) {
            let Some(workload) = of_pod.get(&(pod.namespace.as_str(), pod.name.as_str())).copied() else {
                continue;
            };
            let unread = owners.unread(pod).into_iter();
            let unread = unread.filter(|owner| kinds::is_read(owner.group(), &owner.kind));
            for (height, owner) in unread.enumerate() {
                add(found.by_kind.entry(owner.kind.clone()).or_default(), workload);
                if height == 0 {
                    add(found.lowest.entry((owner.kind, owner.name)).or_default(), workload);
                }
            }
        }
        found
    }

    /// What stands behind a kind that could not be listed: the workloads that lead to it.
    fn cost_behind(&self, gap: &Gap) -> Option<Monthly> {
        let (_, below) = self
            .by_kind
            .iter()
            .find(|(kind, _)| gap.what == unknown_without(kind))?;
        cost(below.iter().copied())
    }

    /// The owners that are gone although their kind was listed.
    fn gap(&self, reading: &Reading) -> Option<PricedGap> {
        let told = |kind: &str| reading.gaps.iter().any(|gap| gap.what == unknown_without(kind));
        let gone = || self.lowest.iter().filter(|((kind, _), _)| !told(kind));
        let mut below: Vec<&Workload> = gone().flat_map(|(_, below)| below.iter().copied()).collect();
        below.sort_by(|a, b| a.id.cmp(&b.id));
        below.dedup_by(|a, b| a.id == b.id);
        let names: Vec<String> = gone().map(|((kind, name), _)| format!("{kind} {name}")).collect();
        (!names.is_empty()).then(|| PricedGap {
            gap: Gap::new(
                "owner-missing",
                format!(
                    "who owns {} workloads, above {}",
                    below.len(),
                    listed(names.iter().map(String::as_str))
                ),
                "their pods name these owners, and the Kubernetes API has no such objects (any more)",
                "see with `kubectl get` whether they are being deleted; until then the workload stands under the highest owner \
                 that is known",
            ),
            monthly: cost(below.iter().copied()),
        })
    }
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

fn claims(reading: &Reading, claims: &Claims<'_>) -> Option<PricedGap> {
    let pods = reading.inventory.pods.iter();
    let count = pods
        .filter(|pod| pod.finished.is_none() && claims.is_unread(pod))
        .count();
    (count > 0).then(|| PricedGap {
        gap: Gap::new(
            "device-claims",
            format!("GPUs of {count} pods that claim devices through DRA"),
            "their resource claims could not be read, or have no devices yet",
            "let gpuwise list resourceclaims and resourceslices of resource.k8s.io; until then their nodes are never counted as \
             empty",
        ),
        monthly: None,
    })
}
