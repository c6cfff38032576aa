//! GPUs that do little: those that pods hold, by namespace, and those that nobody holds, with the money behind them.

use super::Rule;
use super::ground::{Ground, Lack, Made, Urgency};
use super::promql::{Key, Metric};
use super::scene::{Of, Scene, steady};
use super::words::{Text, WHOLE, amount, label, percent};
use crate::model::metrics::MetricRole;

const IDLE: &str = "GpuwiseIdleGpus";
const UNHELD: &str = "GpuwiseUnheldGpus";

/// A device and whose it is.
const HOLDING: [Key; 3] = [Key::Device, Key::Namespace, Key::Pod];

const ALL: [Key; 4] = [Key::Node, Key::Device, Key::Namespace, Key::Pod];

/// Three hours of values.
const AT: (&str, &str) = ("5m", "3h");
const STEPS: usize = 36;

/// Rules, or why there are none.
pub(super) fn rules(ground: &Ground<'_>) -> Vec<Made> {
    let stands_on = |metric: Result<Metric<'_>, Lack>, alert| {
        let covered: Vec<Metric<'_>> = metric.ok().into_iter().collect();
        ground.beside(alert, &covered, "")
    };
    let mut made = vec![(IDLE, idle(ground)), (UNHELD, unheld(ground))];
    made.extend(stands_on(ground.busy(&ALL), IDLE));
    made.extend(stands_on(ground.gpus(&ALL), UNHELD));
    made
}

/// What a GPU of each node costs an hour with its share of the node: cost sources price GPUs alone two or three times too low, as a
/// node does not get cheaper by the GPU.
struct Price<'g> {
    cost: Metric<'g>,
    expr: String,
}

impl<'g> Price<'g> {
    fn of(ground: &'g Ground<'_>) -> Option<Self> {
        let cost = ground.with(MetricRole::NodeCost, &[Key::Node]).ok()?;
        let gpus = ground.gpus(&[Key::Node, Key::Device]).ok()?;
        let count = gpus.by(&[Key::Node, Key::Device], &gpus.selector(""));
        let node = cost.by(&[Key::Node], &cost.selector(""));
        Some(Self {
            expr: format!("({node} / on (node) count by (node) ({count}))"),
            cost,
        })
    }
}

/// What tells the pods that hold GPUs from the exporter's own, where both stand in the same labels.
fn holders<'g>(ground: &'g Ground<'_>, gpus: &Metric<'_>) -> Result<Option<Metric<'g>>, Lack> {
    match gpus.fact.pod.as_ref().is_some_and(|pod| pod.others) {
        true => ground
            .with(MetricRole::PodRequests, &[Key::Namespace, Key::Pod])
            .map(Some),
        false => Ok(None),
    }
}

/// Matchers of series that name a pod; all, where those of the exporter's own pod do as well.
fn named(gpus: &Metric<'_>) -> String {
    let pod = gpus.fact.pod.as_ref().filter(|pod| !pod.others);
    pod.map_or_else(String::new, |pod| format!(r#"{}!="""#, pod.name))
}

/// Only rows of pods that ask for GPUs.
fn of_holders(requests: Option<&Metric<'_>>) -> String {
    requests.map_or_else(String::new, |requests| {
        let pods = requests.by(&[Key::Namespace, Key::Pod], &requests.selector(""));
        format!("\n      and on (namespace, pod) {pods}")
    })
}

/// The worth a day of rows that are one GPU each; their number where no price is known.
fn worth(rows: &str, price: Option<&Price<'_>>, by: &str, least: f64) -> String {
    match price {
        Some(price) => format!(
            "sum{by} (\n    ({rows} * 0 + 1)\n    * on (node) group_left () {}\n) * 24 > {}",
            price.expr,
            amount(least)
        ),
        None => format!("count{by} (\n    {rows}\n) > 0"),
    }
}

fn idle(ground: &Ground<'_>) -> Result<Rule, Lack> {
    let busy = ground.busy(&ALL)?;
    let requests = holders(ground, &busy)?;
    let price = Price::of(ground);
    let thresholds = ground.thresholds;
    let limit = busy.of_share(thresholds.busy_below);
    let series = busy.selector(&named(&busy));
    let busiest = busy.by(&ALL, &format!("avg_over_time({series}[1h])"));
    let now = busy.by(&HOLDING, &series);
    let before = busy.by(&HOLDING, &format!("{series} offset 1h"));
    // One row for each GPU, that of its busiest holder: slices and shares of a GPU are not idle while one of them works.
    let rows = format!(
        "(\n      (topk by (UUID) (1, {busiest}) < {})\n      and on (UUID, namespace, pod) {now}\n      \
         and on (UUID, namespace, pod) {before}{}\n    )",
        amount(limit),
        of_holders(requests.as_ref())
    );
    let expr = worth(&rows, price.as_ref(), " by (namespace)", thresholds.idle_daily_cost);
    let namespace = label("namespace");
    let limit_told = percent(thresholds.busy_below);
    let summary = match &price {
        Some(_) => format!(
            "GPUs worth {WHOLE} {} a day are held in {namespace} and hardly used.",
            ground.currency
        ),
        None => format!("{WHOLE} GPUs are held in {namespace} and hardly used."),
    };
    let text = Text {
        summary,
        means: format!(
            "Over the last hour each of them was busy for less than {limit_told} of the time, and a pod held it all along."
        ),
        runbook: format!(
            "What to do: `gpuwise analyze --namespace {namespace}` tells whether to shrink, share, schedule or stop what holds them."
        ),
    };
    let rule = ground.rule(IDLE, (Some("10m"), Urgency::Ticket), expr, text);
    let told = told(&busy, price.as_ref(), thresholds.idle_daily_cost);
    let scene = |values: &str| {
        let held = |scene, device| holding(scene, &busy, requests.as_ref(), device, values);
        let scene = devices(&busy).fold(ground.scene(), held);
        priced(scene, &busy, price.as_ref(), told)
    };
    let low = limit / 2.0;
    let high = busy.of_share((thresholds.busy_below * 1.5).min(1.0));
    Ok(rule
        .fires(
            "GPUs are held and hardly used",
            AT,
            scene(&steady(low, STEPS)),
            &[(&[("namespace", "team-a")], told)],
        )
        .stays_quiet("GPUs are used", AT, scene(&steady(high, STEPS)))
        .stays_quiet(
            "pods have held GPUs for half an hour",
            AT,
            scene(&format!("_x30 {}", steady(low, 6))),
        ))
}

fn unheld(ground: &Ground<'_>) -> Result<Rule, Lack> {
    let gpus = ground.gpus(&ALL)?;
    let requests = holders(ground, &gpus)?;
    let price = Price::of(ground);
    let thresholds = ground.thresholds;
    let all = gpus.by(&[Key::Node, Key::Device], &gpus.selector(""));
    let held = gpus.by(&HOLDING, &gpus.selector(&named(&gpus)));
    let rows = format!(
        "(\n      {all}\n      unless on (UUID) ({held}{})\n    )",
        of_holders(requests.as_ref())
    );
    let expr = worth(&rows, price.as_ref(), "", thresholds.idle_daily_cost);
    let summary = match &price {
        Some(_) => format!("GPUs worth {WHOLE} {} a day are held by nobody.", ground.currency),
        None => format!("{WHOLE} GPUs are held by nobody."),
    };
    let text = Text {
        summary,
        means: "For an hour there have been such GPUs on nodes that are paid, not always the same ones; nodes that wait for work are \
                among them."
            .to_owned(),
        runbook: "What to do: see why the autoscaler keeps their nodes (`gpuwise analyze` names pools that could be smaller).".to_owned(),
    };
    let rule = ground.rule(UNHELD, (Some("1h"), Urgency::Ticket), expr, text);
    let told = told(&gpus, price.as_ref(), thresholds.idle_daily_cost);
    let scene = |with_free: bool| {
        let used = steady(gpus.of_share(1.0), STEPS);
        let held = |scene, device| holding(scene, &gpus, requests.as_ref(), device, &used);
        let mut scene = devices(&gpus).fold(ground.scene(), held);
        for device in devices(&gpus).filter(|_| with_free) {
            let free = format!("{}-free", device.device);
            let of = Of {
                pod: None,
                device: Some(&free),
                ..device.of()
            };
            scene = scene.with(&gpus, of, steady(0.0, STEPS));
        }
        // Half of each node's GPUs are free.
        priced(scene, &gpus, price.as_ref(), 2.0 * told)
    };
    Ok(rule
        .fires("GPUs are held by nobody", AT, scene(true), &[(&[], told)])
        .stays_quiet("pods hold all GPUs", AT, scene(false)))
}

/// A device of a test, and the pod that holds it.
struct Device {
    dialect: usize,
    node: String,
    device: String,
    pod: String,
}

impl Device {
    fn of(&self) -> Of<'_> {
        Of {
            node: &self.node,
            pod: Some(("team-a", &self.pod)),
            device: Some(&self.device),
            dialect: self.dialect,
            ..Of::default()
        }
    }
}

/// A device on a node of each dialect.
fn devices(gpus: &Metric<'_>) -> impl Iterator<Item = Device> {
    (0..gpus.fact.node.len().max(1)).map(|dialect| Device {
        dialect,
        node: format!("node-{dialect}"),
        device: format!("GPU-{dialect}"),
        pod: format!("work-{dialect}"),
    })
}

/// A device that a pod holds, with what it asks for where that tells it apart.
fn holding(scene: Scene, gpus: &Metric<'_>, requests: Option<&Metric<'_>>, device: Device, values: &str) -> Scene {
    let scene = scene.with(gpus, device.of(), values);
    let asks = Of {
        dialect: 0,
        device: None,
        ..device.of()
    };
    requests
        .iter()
        .fold(scene, |scene, requests| scene.with(requests, asks, steady(1.0, STEPS)))
}

/// What is told: money a day, or how many GPUs.
fn told(gpus: &Metric<'_>, price: Option<&Price<'_>>, least: f64) -> f64 {
    match price {
        Some(_) => (2.0 * least).floor() + 48.3,
        None => devices(gpus).count() as f64,
    }
}

/// Nodes that cost so much a day together.
fn priced(scene: Scene, gpus: &Metric<'_>, price: Option<&Price<'_>>, daily: f64) -> Scene {
    let Some(price) = price else { return scene };
    let count = devices(gpus).count() as f64;
    devices(gpus).fold(scene, |scene, device| {
        let of = Of {
            node: &device.node,
            ..Of::default()
        };
        scene.with(&price.cost, of, steady(daily / 24.0 / count, STEPS))
    })
}
