//! What budgets are held against: money an hour of all nodes, or of the GPUs that pods of some namespaces hold.

use super::Budget;
use super::cost::total;
use super::ground::{Ground, Lack};
use super::promql::{Key, Metric, any_of};
use super::scene::{Of, Scene, steady};
use crate::model::metrics::MetricRole;

const POD: [Key; 2] = [Key::Namespace, Key::Pod];

const HELD: [Key; 3] = [Key::Node, Key::Namespace, Key::Pod];

/// What a budget's spend is made of.
pub(super) struct Spend<'g> {
    cost: Metric<'g>,
    /// Of a budget for all nodes none.
    held: Option<Held<'g>>,
    /// Money an hour; nothing where it is not known.
    pub(super) expr: String,
    /// What has a value wherever it is known.
    pub(super) known: String,
}

/// What counts GPUs that pods hold.
struct Held<'g> {
    by_pods: Metric<'g>,
    of_nodes: Metric<'g>,
    /// Which pods run, where those that do not are counted as well.
    running: Option<Metric<'g>>,
}

impl<'g> Spend<'g> {
    pub(super) fn of(ground: &'g Ground<'_>, budget: &Budget) -> Result<Self, Lack> {
        let cost = ground.with(MetricRole::NodeCost, &[Key::Node])?;
        if budget.namespaces.is_empty() {
            let expr = total(&cost);
            return Ok(Self {
                cost,
                held: None,
                known: expr.clone(),
                expr,
            });
        }
        let held = Held::as_billed(ground).or_else(|lack| Held::as_requested(ground, lack))?;
        let known = held.known(&cost);
        // Nobody there is nothing spent, as long as the exporters tell: silence is no zero.
        let expr = format!(
            "(\n    sum ({} * on (node) group_left () ({} / on (node) ({} > 0)))\n    or 0 * {known}\n  )",
            held.rows(budget),
            cost.by(&[Key::Node], &cost.selector("")),
            held.of_nodes.by(&[Key::Node], &held.of_nodes.selector(""))
        );
        Ok(Self {
            cost,
            held: Some(held),
            expr,
            known,
        })
    }

    /// A node that costs so much an hour, with one GPU that a pod of this namespace holds; and a pod that is done.
    pub(super) fn scene(&self, ground: &Ground<'_>, namespace: &str, hourly: f64, steps: usize) -> Scene {
        let of = Of {
            node: "node-a",
            ..Of::default()
        };
        let scene = ground.scene().with(&self.cost, of, steady(hourly, steps));
        let Some(held) = &self.held else { return scene };
        let pod = |name| Of {
            pod: Some((namespace, name)),
            ..of
        };
        let scene =
            scene
                .with(&held.by_pods, pod("work-0"), steady(1.0, steps))
                .with(&held.of_nodes, of, steady(1.0, steps));
        let Some(running) = &held.running else { return scene };
        scene
            .with(running, pod("work-0"), steady(1.0, steps))
            .with(&held.by_pods, pod("done-0"), steady(1.0, steps))
            .with(running, pod("done-0"), steady(0.0, steps))
    }
}

impl<'g> Held<'g> {
    fn as_billed(ground: &'g Ground<'_>) -> Result<Self, Lack> {
        Ok(Self {
            by_pods: ground.with(MetricRole::GpuAllocation, &HELD)?,
            of_nodes: ground.with(MetricRole::NodeGpus, &[Key::Node])?,
            running: None,
        })
    }

    /// What running pods ask for is what they hold. Of those that are done kube-state-metrics tells requests until they are deleted.
    fn as_requested(ground: &'g Ground<'_>, lack: Lack) -> Result<Self, Lack> {
        let by_pods = ground.with(MetricRole::PodRequests, &HELD).map_err(|_| lack.clone())?;
        let of_nodes = ground.with(MetricRole::NodeAllocatable, &[Key::Node]);
        Ok(Self {
            by_pods,
            of_nodes: of_nodes.map_err(|_| lack)?,
            running: Some(ground.with(MetricRole::PodRunning, &POD)?),
        })
    }

    /// A row for each container of the budget's namespaces that holds GPUs.
    fn rows(&self, budget: &Budget) -> String {
        let held = &self.by_pods;
        let label = held.labels_of(Key::Namespace).first().copied().unwrap_or("namespace");
        let own = format!("{label}=~{}", any_of(&budget.namespaces));
        let container = ["exported_container", "container"];
        let container = container.into_iter().find(|label| held.fact.labels.contains(*label));
        let rows = held.by_also(&HELD, container, &held.selector(&own));
        match &self.running {
            Some(running) => format!(
                "({rows} and on (namespace, pod) ({} == 1))",
                running.by(&POD, &running.selector(""))
            ),
            None => rows,
        }
    }

    /// What has a value as long as the exporters tell.
    fn known(&self, cost: &Metric<'_>) -> String {
        let costs = total(cost);
        match &self.running {
            Some(running) => format!("({costs} and on () count ({}))", running.selector("")),
            None => costs,
        }
    }
}
