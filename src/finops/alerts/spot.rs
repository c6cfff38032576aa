//! Interruptions of spot capacity, by whatever of it the store has: notices that were received, nodes that were taken away, or spot
//! nodes that are gone.

use super::Rule;
use super::ground::{Ground, Lack, Made, Urgency};
use super::promql::{Key, Metric, quoted};
use super::scene::{Of, Scene, steady, up};
use super::words::{Text, WHOLE};
use crate::model::metrics::MetricRole;

const ALERT: &str = "GpuwiseSpotInterrupted";

/// Two hours of values, the last two of which tell.
const AT: (&str, &str) = ("5m", "2h");
const BEFORE: usize = 22;

/// A counter of what happened to nodes.
struct Counter<'g> {
    metric: Metric<'g>,
    /// Matchers of the series that are meant.
    own: String,
    /// Labels of its scrape target, by which it is known whether that was up.
    targets: Vec<&'static str>,
    /// The label that names the kind, a kind that is meant, and one that is not.
    kind: (&'static str, &'static str, &'static str),
}

/// What the names of kinds have in which spot capacity was interrupted.
///
/// Source: karpenter-provider-aws, `pkg/controllers/interruption` (kinds of messages, which are the reasons of disruptions as well).
const OF_SPOT: &str = r#"(?i:.*spot.*)"#;

/// The one action of an event in aws-node-termination-handler, which counts the tasks before and after and the uncordoning as well.
///
/// Source: aws-node-termination-handler, `pkg/interruptionhandler` (`cordonNode`, `cordonAndDrainNode`).
const OF_EVENTS: &str = "cordon|cordon-and-drain";

const NOTICES: (&str, &str, &str) = ("message_type", "SpotInterruptionKind", "StateChangeKind");
const DISRUPTIONS: (&str, &str, &str) = ("reason", "spot_interrupted", "underutilized");
const ACTIONS: (&str, &str, &str) = ("node_action", "cordon-and-drain", "uncordon");

impl<'g> Counter<'g> {
    /// The counter of this role whose label names kinds.
    fn of(
        ground: &'g Ground<'_>,
        role: MetricRole,
        kind: (&'static str, &'static str, &'static str),
        own: &str,
    ) -> Option<Self> {
        let has = |metric: &Metric<'_>, label: &str| metric.fact.labels.contains(label);
        let metric = ground.metrics(&[role]).find(|metric| has(metric, kind.0))?;
        let targets = ["instance", "job"].into_iter().filter(|label| has(&metric, label));
        Some(Self {
            own: format!("{}=~{}", kind.0, quoted(own)),
            targets: targets.collect(),
            metric,
            kind,
        })
    }

    fn series(&self) -> String {
        self.metric.selector(&self.own)
    }

    /// By how much it has grown in a quarter of an hour. A kind that never happened has no series, so one that has come into being counts
    /// as a whole; but only where its target was scraped before, or an outage would be told as all that was ever counted.
    fn grown(&self) -> String {
        let series = self.series();
        let grown = format!("({series} - {series} offset 15m > 0)");
        if self.targets.is_empty() {
            return format!("sum (\n  {grown}\n) > 0");
        }
        let up = match self.metric.within {
            "" => "up".to_owned(),
            within => format!("up{{{within}}}"),
        };
        format!(
            "sum (\n  {grown}\n  or (({series} unless {series} offset 15m) and on ({}) ({up} offset 15m == 1))\n) > 0",
            self.targets.join(", ")
        )
    }

    /// A series of a kind, and whether its target is up.
    fn scene(&self, ground: &Ground<'_>, kind: &str, values: &str, is_up: &str) -> Scene {
        let also = [(self.kind.0, kind)];
        let of = Of {
            node: "node-a",
            also: &also,
            ..Of::default()
        };
        let mut scene = ground.scene().with(&self.metric, of, values);
        scene.input.push((up(&self.metric, &self.targets), is_up.to_owned()));
        scene
    }
}

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
pub(super) fn rules(ground: &Ground<'_>) -> Vec<Made> {
    vec![(ALERT, rule(ground))]
}

fn rule(ground: &Ground<'_>) -> Result<Rule, Lack> {
    let counter = |role, kind, own| Counter::of(ground, role, kind, own);
    let nodes = Nodes::of(ground);
    if let Some(notices) = counter(MetricRole::SpotNotices, NOTICES, OF_SPOT) {
        return Ok(counted(ground, &notices, words_of_notices(&notices)));
    }
    if let Some(disruptions) = counter(MetricRole::NodeDisruptions, DISRUPTIONS, OF_SPOT) {
        return Ok(match &nodes {
            Ok(nodes) => counted_or_gone(ground, &disruptions, nodes),
            Err(_) => {
                let mut text = words_of_notices(&disruptions);
                text.means
                    .push_str(" Karpenter counts them only where it reads a queue of interruptions.");
                counted(ground, &disruptions, text)
            }
        });
    }
    if let Some(actions) = counter(MetricRole::NodeActions, ACTIONS, OF_EVENTS) {
        let text = Text {
            summary: format!("{WHOLE} terminations of nodes were handled in the last 15 minutes."),
            means: format!(
                "{} has counted them: interruptions of spot capacity, and maintenance, rebalancing and scaling in as well, which it does \
                 not tell apart.",
                actions.metric.fact.name
            ),
            runbook: RUNBOOK.to_owned(),
        };
        return Ok(counted(ground, &actions, text));
    }
    nodes.map(|nodes| gone(ground, &nodes))
}

const RUNBOOK: &str = "What to do: see that what ran there has come back, and whether its checkpoints and disruption budgets held; \
                       `gpuwise replay spot` tells what such interruptions cost.";

fn words_of_notices(counter: &Counter<'_>) -> Text {
    Text {
        summary: format!("{WHOLE} interruptions of spot capacity in the last 15 minutes."),
        means: format!("{} has counted them.", counter.metric.fact.name),
        runbook: RUNBOOK.to_owned(),
    }
}

/// Its target was up all the time.
fn always() -> String {
    steady(1.0, BEFORE + 13)
}

fn counted(ground: &Ground<'_>, counter: &Counter<'_>, text: Text) -> Rule {
    let rule = ground.rule(ALERT, (None, Urgency::Ticket), counter.grown(), text);
    tested_counts(ground, counter, rule)
}

/// Tests that hold wherever a counter tells.
fn tested_counts(ground: &Ground<'_>, counter: &Counter<'_>, rule: Rule) -> Rule {
    let (_, meant, other) = counter.kind;
    let scene = |kind: &str, values: &str| counter.scene(ground, kind, values, &always());
    let risen = format!("{} {}", steady(4.0, BEFORE), steady(7.0, 12));
    let rule = rule
        .fires("spot capacity is interrupted", AT, scene(meant, &risen), &[(&[], 3.0)])
        .stays_quiet(
            "nothing has happened since",
            AT,
            scene(meant, &steady(4.0, BEFORE + 13)),
        )
        .stays_quiet("something else happens", AT, scene(other, &risen));
    if counter.targets.is_empty() {
        return rule;
    }
    let born = format!("_x23 {}", steady(2.0, 12));
    // Nothing was scraped from before the quarter of an hour until a moment ago.
    let (back, out) = (
        format!("{} _x12 {}", steady(412.0, 10), steady(412.0, 12)),
        format!("{} {} {}", steady(1.0, 10), steady(0.0, 11), steady(1.0, 12)),
    );
    rule.fires(
        "spot capacity is interrupted for the first time",
        AT,
        scene(meant, &born),
        &[(&[], 2.0)],
    )
    .stays_quiet(
        "what was counted before is scraped again",
        AT,
        counter.scene(ground, meant, &back, &out),
    )
}

/// Where a counter of disruptions has counted none of spot capacity, nothing may ever: Karpenter counts drift and consolidation under the
/// same name without a queue of interruptions. Then nodes that are gone tell.
fn counted_or_gone(ground: &Ground<'_>, counter: &Counter<'_>, nodes: &Nodes<'_>) -> Rule {
    let expr = format!(
        "({})\nor (\n({})\nunless on () count ({})\n)",
        counter.grown(),
        nodes.gone(),
        counter.series()
    );
    let text = Text {
        summary: format!("{WHOLE} spot nodes were interrupted or are gone since 15 minutes ago."),
        means: format!(
            "{} has counted interruptions; where it knows of none at all, nodes are gone, interrupted or taken away because nobody \
             needed them.",
            counter.metric.fact.name
        ),
        runbook: RUNBOOK.to_owned(),
    };
    let rule = ground.rule(ALERT, (None, Urgency::Ticket), expr, text);
    let (_, meant, other) = counter.kind;
    let both = |kind: &str| {
        let mut scene = nodes.scene(ground, BEFORE);
        let counted = counter.scene(ground, kind, &steady(4.0, BEFORE + 13), &always());
        scene.input.extend(counted.input);
        scene
    };
    tested_counts(ground, counter, rule)
        .fires(
            "a spot node is gone, and no interruption was ever counted",
            AT,
            both(other),
            &[(&[], 1.0)],
        )
        .stays_quiet("a spot node is gone without an interruption", AT, both(meant))
}

/// What tells which nodes are spot capacity.
struct Nodes<'g> {
    metric: Metric<'g>,
    /// A label that says so, with its value; `None` where the value of the series does.
    label: Option<(&'static str, &'static str)>,
}

impl<'g> Nodes<'g> {
    fn of(ground: &'g Ground<'_>) -> Result<Self, Lack> {
        if let Ok(metric) = ground.with(MetricRole::NodeIsSpot, &[Key::Node]) {
            return Ok(Self { metric, label: None });
        }
        let metric = ground.with(MetricRole::NodeLabels, &[Key::Node]).ok();
        let labelled = metric.and_then(|metric| {
            let has = |(label, _): &&(&str, &str)| metric.fact.labels.contains(*label);
            let label = SPOT.iter().find(has).copied();
            label.map(|label| Self {
                metric,
                label: Some(label),
            })
        });
        labelled.ok_or_else(|| {
            Lack::new(
                "no metric in the store tells of interruptions, or which nodes are spot capacity",
                "have Prometheus scrape Karpenter, aws-node-termination-handler or OpenCost, or let kube-state-metrics tell the nodes' \
                 capacity type (--metric-labels-allowlist=nodes=[karpenter.sh/capacity-type])",
            )
        })
    }

    /// How many were there a quarter of an hour ago and are not now, as long as anything is told of nodes.
    fn gone(&self) -> String {
        let nodes = &self.metric;
        let before = match self.label {
            Some((label, value)) => format!("{} offset 15m", nodes.selector(&format!("{label}=\"{value}\""))),
            None => format!("{} offset 15m == 1", nodes.selector("")),
        };
        let before = nodes.by(&[Key::Node], &before);
        let any = nodes.selector("");
        let now = nodes.by(&[Key::Node], &any);
        format!("count ({before} unless on (node) {now}) > 0\nand on () count ({any})")
    }

    /// Two of them, the second for so many steps.
    fn scene(&self, ground: &Ground<'_>, steps: usize) -> Scene {
        let scene = ground.scene().with(&self.metric, self.node("node-a"), always());
        scene.with(&self.metric, self.node("node-b"), steady(1.0, steps))
    }

    fn node<'n>(&'n self, node: &'n str) -> Of<'n> {
        Of {
            node,
            also: self.label.as_slice(),
            ..Of::default()
        }
    }
}

fn gone(ground: &Ground<'_>, nodes: &Nodes<'_>) -> Rule {
    let text = Text {
        summary: format!("{WHOLE} spot nodes are gone since 15 minutes ago."),
        means: "They were interrupted, or taken away because nobody needed them: nothing in the store tells which."
            .to_owned(),
        runbook: RUNBOOK.to_owned(),
    };
    let rule = ground.rule(ALERT, (None, Urgency::Ticket), nodes.gone(), text);
    let silent = ground
        .scene()
        .with(&nodes.metric, nodes.node("node-a"), steady(1.0, BEFORE));
    rule.fires("a spot node is gone", AT, nodes.scene(ground, BEFORE), &[(&[], 1.0)])
        .stays_quiet("all spot nodes are there", AT, nodes.scene(ground, BEFORE + 13))
        .stays_quiet("nothing is told of any node", AT, silent)
}
