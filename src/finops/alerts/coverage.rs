//! What is no longer seen: GPUs whose exporter is gone, pods without metrics, and costs.

use super::Rule;
use super::ground::{Ground, Lack, Made, Urgency};
use super::promql::{Key, Metric};
use super::scene::{Of, steady};
use super::words::{Text, WHOLE, amount, label, percent};
use crate::model::metrics::MetricRole;

const GPUS: &str = "GpuwiseGpuMetricsLost";
const PODS: &str = "GpuwisePodMetricsLost";
const COSTS: &str = "GpuwiseCostMetricsLost";

const AT: (&str, &str) = ("5m", "3h");
const STEPS: usize = 36;

const POD: [Key; 2] = [Key::Namespace, Key::Pod];

/// Rules, or why there are none.
pub(super) fn rules(ground: &Ground<'_>) -> Vec<Made> {
    let mut made = vec![(GPUS, gpus(ground)), (PODS, pods(ground)), (COSTS, costs(ground))];
    for (alert, keys) in [(GPUS, &[Key::Node][..]), (PODS, &POD[..])] {
        made.extend(ground.beside(
            alert,
            &ground.all_gpus(keys).unwrap_or_default(),
            ", whose labels name them, and these count as having no metrics",
        ));
    }
    made
}

fn gpus(ground: &Ground<'_>) -> Result<Rule, Lack> {
    let offered = ground.with(MetricRole::NodeAllocatable, &[Key::Node])?;
    let gpus = ground.all_gpus(&[Key::Node])?;
    let expr = format!(
        "({} > 0)\nunless on (node) {}",
        offered.by(&[Key::Node], &offered.selector("")),
        Metric::any_by(&gpus, &[Key::Node])
    );
    let node = label("node");
    let text = Text {
        summary: format!("The {WHOLE} GPUs of node {node} have no metrics."),
        means: "For 15 minutes nothing has told how busy they are: nothing about them can be judged, and no alert about them fires.".to_owned(),
        runbook: format!("What to do: see to the exporter's pod on the node (`kubectl get pods -A --field-selector spec.nodeName={node}`), then to its target in Prometheus."),
    };
    let rule = ground.rule(GPUS, (Some("15m"), Urgency::Ticket), expr, text);
    fn on(node: &str, dialect: usize) -> Of<'_> {
        Of {
            node,
            dialect,
            ..Of::default()
        }
    }
    // Each metric, in each dialect, is enough for a node.
    let scene = |lost_at: Option<usize>| {
        let mut scene = ground.scene().with(&offered, on("node-x", 0), steady(8.0, STEPS));
        for (place, metric) in gpus.iter().enumerate() {
            for dialect in 0..metric.fact.node.len().max(1) {
                let node = format!("node-{place}-{dialect}");
                scene = scene.with(&offered, on(&node, 0), steady(8.0, STEPS));
                scene = scene.with(metric, on(&node, dialect), steady(0.0, STEPS));
            }
        }
        scene.with(&gpus[0], on("node-x", 0), steady(0.0, lost_at.unwrap_or(STEPS)))
    };
    Ok(rule
        .fires(
            "a node's exporter is gone",
            AT,
            scene(Some(12)),
            &[(&[("node", "node-x")], 8.0)],
        )
        .stays_quiet("every node has metrics", AT, scene(None)))
}

fn pods(ground: &Ground<'_>) -> Result<Rule, Lack> {
    let requests = ground.with(MetricRole::PodRequests, &POD)?;
    let running = ground.with(MetricRole::PodRunning, &POD)?;
    let gpus = ground.all_gpus(&POD)?;
    let most = ground.thresholds.unmeasured;
    let holding = format!(
        "({} and on (namespace, pod) ({} == 1))",
        requests.by(&POD, &requests.selector("")),
        running.by(&POD, &running.selector(""))
    );
    let measured = Metric::any_by(&gpus, &POD);
    let expr = format!(
        "count (\n  {holding}\n  unless on (namespace, pod) {measured}\n)\n/ count ({holding}) * 100 > {}",
        amount(most * 100.0)
    );
    let text = Text {
        summary: format!("{WHOLE} % of the running pods with GPUs have no metrics."),
        means: format!(
            "For half an hour no GPU's metrics have named more of them than the {} that the policy allows, not always the same ones.",
            percent(most)
        ),
        runbook: "What to do: `gpuwise doctor` tells which, and whether the exporter, the kubelet's socket or the labels are the cause.".to_owned(),
    };
    let rule = ground.rule(PODS, (Some("30m"), Urgency::Ticket), expr, text);
    fn of(pod: &str) -> Of<'_> {
        Of {
            node: "node-a",
            pod: Some(("team-a", pod)),
            device: Some("GPU-a"),
            ..Of::default()
        }
    }
    let scene = |measured: bool| {
        let mut scene = ground.scene();
        for (place, metric) in gpus.iter().enumerate() {
            let pod = format!("work-{place}");
            let asks = Of {
                device: None,
                ..of(&pod)
            };
            scene = scene
                .with(&requests, asks, steady(1.0, STEPS))
                .with(&running, asks, steady(1.0, STEPS));
            if measured {
                scene = scene.with(metric, of(&pod), steady(0.0, STEPS));
            }
        }
        // One that is done still asks, and need not be measured.
        let done = Of {
            device: None,
            ..of("done-0")
        };
        scene
            .with(&requests, done, steady(1.0, STEPS))
            .with(&running, done, steady(0.0, STEPS))
    };
    Ok(rule
        .fires("pods with GPUs have no metrics", AT, scene(false), &[(&[], 100.0)])
        .stays_quiet("pods with GPUs have metrics", AT, scene(true)))
}

fn costs(ground: &Ground<'_>) -> Result<Rule, Lack> {
    let cost = ground.with(MetricRole::NodeCost, &[])?;
    let expr = format!("(count ({}) or vector(0)) == 0", cost.selector(""));
    let text = Text {
        summary: "Nothing tells what nodes cost.".to_owned(),
        means: format!(
            "For 15 minutes there has been no {}: no alert about costs or budgets fires.",
            cost.fact.name
        ),
        runbook: "What to do: see to the pod of OpenCost or Kubecost, then to its target in Prometheus.".to_owned(),
    };
    let rule = ground.rule(COSTS, (Some("15m"), Urgency::Ticket), expr, text);
    let scene = |steps| {
        let of = Of {
            node: "node-a",
            ..Of::default()
        };
        ground.scene().with(&cost, of, steady(2.0, steps))
    };
    Ok(rule
        .fires("the cost source is gone", AT, scene(12), &[(&[], 0.0)])
        .stays_quiet("the cost source tells", AT, scene(STEPS)))
}
