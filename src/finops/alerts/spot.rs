//! Interruptions of spot capacity, by whatever of it the store has: notices that were received, nodes that were taken away, or spot
//! nodes that are gone.

use super::Rule;
use super::ground::{Ground, Lack, Urgency};
use super::promql::{Key, Metric};
use super::scene::{Of, steady};
use super::words::{Text, WHOLE};
use crate::model::metrics::MetricRole;

const ALERT: &str = "GpuwiseSpotInterrupted";

/// Two hours of values, the last two of which tell.
const AT: (&str, &str) = ("5m", "2h");
const BEFORE: usize = 22;

/// Counters, best first: role, and the label whose value names the kind of interruption; a handler of interruptions has no other.
///
/// Source: karpenter-provider-aws, `pkg/controllers/interruption` (kinds of messages, which are the reasons of disruptions as well).
const COUNTERS: [(MetricRole, Option<&str>); 3] = [
    (MetricRole::SpotNotices, Some("message_type")),
    (MetricRole::NodeDisruptions, Some("reason")),
    (MetricRole::NodeActions, None),
];

/// Labels of nodes that say spot, as kube-state-metrics writes them.
const SPOT: [(&str, &str); 6] = [
    ("label_karpenter_sh_capacity_type", "spot"),
    ("label_eks_amazonaws_com_capacityType", "SPOT"),
    ("label_eks_amazonaws_com_capacity_type", "SPOT"),
    ("label_cloud_google_com_gke_spot", "true"),
    ("label_kubernetes_azure_com_scalesetpriority", "spot"),
    ("label_node_kubernetes_io_lifecycle", "spot"),
];

/// The rule, or why there is none.
pub(super) fn rules(ground: &Ground<'_>) -> Vec<(&'static str, Result<Rule, Lack>)> {
    vec![(ALERT, rule(ground))]
}

fn rule(ground: &Ground<'_>) -> Result<Rule, Lack> {
    for (role, kind) in COUNTERS {
        if let Some(counter) = ground.metric(role).filter(|counter| has(counter, kind)) {
            return Ok(counted(ground, &counter, kind));
        }
    }
    if let Ok(flag) = ground.with(MetricRole::NodeIsSpot, &[Key::Node]) {
        let of_spot = |selector: String| format!("{selector} == 1");
        return Ok(gone(ground, &flag, "", &[], of_spot));
    }
    let labels = ground.with(MetricRole::NodeLabels, &[Key::Node]);
    let spot = |labels: &Metric<'_>| {
        SPOT.iter()
            .find(|(label, _)| labels.fact.labels.contains(*label))
            .copied()
    };
    match labels.as_ref().ok().and_then(|labels| Some((labels, spot(labels)?))) {
        Some((labels, (label, value))) => {
            let own = format!("{label}=\"{value}\"");
            Ok(gone(ground, labels, &own, &[(label, value)], |selector| selector))
        }
        None => Err(Lack::new(
            "no metric in the store tells of interruptions, or which nodes are spot capacity",
            "have Prometheus scrape Karpenter, aws-node-termination-handler or OpenCost, or let kube-state-metrics tell the nodes' \
             capacity type (--metric-labels-allowlist=nodes=[karpenter.sh/capacity-type])",
        )),
    }
}

fn has(counter: &Metric<'_>, kind: Option<&str>) -> bool {
    kind.is_none_or(|kind| counter.fact.labels.contains(kind))
}

const RUNBOOK: &str = "What to do: see that what ran there has come back, and whether its checkpoints and disruption budgets held; \
                       `gpuwise replay spot` tells what such interruptions cost.";

/// A counter has grown, or has come into being: a kind that never happened has no series.
fn counted(ground: &Ground<'_>, counter: &Metric<'_>, kind: Option<&str>) -> Rule {
    let own = kind.map_or_else(String::new, |kind| format!(r#"{kind}=~"(?i:.*spot.*)""#));
    let series = counter.selector(&own);
    let expr =
        format!("sum (\n  ({series} - {series} offset 15m > 0)\n  or ({series} unless {series} offset 15m)\n) > 0");
    let text = Text {
        summary: format!("{WHOLE} interruptions of spot capacity in the last 15 minutes."),
        means: format!("{} has counted them.", counter.fact.name),
        runbook: RUNBOOK.to_owned(),
    };
    let rule = ground.rule(ALERT, (None, Urgency::Ticket), expr, text);
    let also: Vec<(&str, &str)> = kind.map(|kind| (kind, "SpotInterruptionKind")).into_iter().collect();
    let of = Of {
        node: "node-a",
        also: &also,
        ..Of::default()
    };
    let scene = |values: String| ground.scene().with(counter, of, values);
    let (risen, even) = (
        format!("{} {}", steady(4.0, BEFORE), steady(7.0, 12)),
        steady(4.0, BEFORE + 13),
    );
    let (born, other) = (
        format!("_x23 {}", steady(2.0, 12)),
        kind.map(|kind| [(kind, "StateChangeKind")]),
    );
    let rule = rule
        .fires("spot capacity is interrupted", AT, scene(risen.clone()), &[(&[], 3.0)])
        .fires(
            "spot capacity is interrupted for the first time",
            AT,
            scene(born),
            &[(&[], 2.0)],
        )
        .stays_quiet("nothing has happened since", AT, scene(even));
    match &other {
        Some(also) => {
            let of = Of { also, ..of };
            rule.stays_quiet("something else happens", AT, ground.scene().with(counter, of, risen))
        }
        None => rule,
    }
}

/// Spot nodes that were there a quarter of an hour ago and are not now, as long as anything is told of nodes.
fn gone(
    ground: &Ground<'_>,
    nodes: &Metric<'_>,
    own: &str,
    also: &[(&str, &str)],
    of_spot: impl Fn(String) -> String,
) -> Rule {
    let before = nodes.by(&[Key::Node], &of_spot(format!("{} offset 15m", nodes.selector(own))));
    let now = nodes.by(&[Key::Node], &nodes.selector(""));
    let any = nodes.selector("");
    let expr = format!("count ({before} unless on (node) {now}) > 0\nand on () count ({any})");
    let text = Text {
        summary: format!("{WHOLE} spot nodes are gone since 15 minutes ago."),
        means: "They were interrupted, or taken away because nobody needed them: nothing in the store tells which."
            .to_owned(),
        runbook: RUNBOOK.to_owned(),
    };
    let rule = ground.rule(ALERT, (None, Urgency::Ticket), expr, text);
    let of = |node| Of {
        node,
        also,
        ..Of::default()
    };
    let scene = |steps| {
        let scene = ground.scene().with(nodes, of("node-a"), steady(1.0, BEFORE + 13));
        scene.with(nodes, of("node-b"), steady(1.0, steps))
    };
    let rule = rule
        .fires("a spot node is gone", AT, scene(BEFORE), &[(&[], 1.0)])
        .stays_quiet("all spot nodes are there", AT, scene(BEFORE + 13));
    let silent = ground.scene().with(nodes, of("node-a"), steady(1.0, BEFORE));
    rule.stays_quiet("nothing is told of any node", AT, silent)
}
