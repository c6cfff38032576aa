//! What rules stand on: metrics by what they tell, or why there is none, and what all rules have in common.

use std::collections::BTreeMap;

use super::promql::{Key, Metric};
use super::scene::Scene;
use super::words::{Text, filled};
use super::{Expected, Rule, RuleTest};
use crate::model::metrics::{MetricFacts, MetricRole};
use crate::policy::alerts::Alerts as Thresholds;

/// Metrics, thresholds and a currency.
pub(super) struct Ground<'g> {
    facts: MetricFacts,
    pub(super) thresholds: &'g Thresholds,
    /// As it stands behind an amount.
    pub(super) currency: String,
    /// Whether anybody told it.
    is_told: bool,
}

/// Why there is no rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lack {
    pub(super) about: Option<String>,
    pub(super) why: String,
    pub(super) fix: String,
}

impl Lack {
    pub(super) fn new(why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            about: None,
            why: why.into(),
            fix: fix.into(),
        }
    }
}

/// How soon somebody must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    Page,
    Ticket,
}

/// A rule by its alert, or why there is none.
pub(super) type Made = (&'static str, Result<Rule, Lack>);

/// What is told of every GPU.
const OF_GPUS: [MetricRole; 2] = [MetricRole::GpuUtil, MetricRole::GpuActivity];

const OPENCOST: &str = "install OpenCost (or Kubecost) and have Prometheus scrape it";
const KUBE_STATE: &str = "install kube-state-metrics and have Prometheus scrape it";
const EXPORTER: &str =
    "install dcgm-exporter (or run `gpuwise sample --listen` on every GPU node) and have Prometheus scrape it";
const SPOT: &str = "have Prometheus scrape Karpenter, aws-node-termination-handler or OpenCost";

impl<'g> Ground<'g> {
    pub(super) fn new(facts: &'g MetricFacts, thresholds: &'g Thresholds, currency: Option<&str>) -> Self {
        let letters = |code: &str| {
            let letters: String = code.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
            Some(letters).filter(|letters| !letters.is_empty())
        };
        let told = currency.and_then(letters);
        let mut facts = facts.clone();
        let pod = facts.of(MetricRole::PodRequests).and_then(|fact| fact.pod.clone());
        // Both come from one exporter, and of all pods that run few may have been looked at.
        for fact in facts
            .metrics
            .iter_mut()
            .filter(|fact| fact.role == MetricRole::PodRunning)
        {
            let has = |label: &String| fact.labels.contains(label);
            fact.pod = fact
                .pod
                .take()
                .or_else(|| pod.clone().filter(|pod| has(&pod.namespace) && has(&pod.name)));
        }
        Self {
            facts,
            thresholds,
            is_told: told.is_some(),
            currency: told.unwrap_or_else(|| "units of the cost source's currency".to_owned()),
        }
    }

    /// The metric of a role, if there is one.
    pub(super) fn metric(&self, role: MetricRole) -> Option<Metric<'_>> {
        let fact = self.facts.of(role)?;
        let within = self.facts.within.as_str();
        Some(Metric { fact, within })
    }

    /// All metrics of these roles.
    pub(super) fn metrics(&self, roles: &[MetricRole]) -> impl Iterator<Item = Metric<'_>> {
        let within = self.facts.within.as_str();
        let facts = self.facts.metrics.iter();
        let facts: Vec<_> = facts.filter(|fact| roles.contains(&fact.role)).collect();
        facts.into_iter().map(move |fact| Metric { fact, within })
    }

    /// The metric of a role whose series can be told apart by these keys.
    pub(super) fn with(&self, role: MetricRole, keys: &[Key]) -> Result<Metric<'_>, Lack> {
        let metric = self.metric(role).ok_or_else(|| absent(role))?;
        held(metric, keys)
    }

    /// How busy GPUs are: by the engine where most GPUs tell that, else by utilization, which calls a GPU busy for any kernel.
    pub(super) fn busy(&self, keys: &[Key]) -> Result<Metric<'_>, Lack> {
        let (engine, util) = (self.metric(MetricRole::GpuActivity), self.metric(MetricRole::GpuUtil));
        let metric = match (engine, util) {
            (Some(engine), Some(util)) if 2 * engine.fact.series >= util.fact.series => engine,
            (engine, util) => util.or(engine).ok_or_else(|| absent(MetricRole::GpuActivity))?,
        };
        held(metric, keys)
    }

    /// Whatever tells of the most GPUs.
    pub(super) fn gpus(&self, keys: &[Key]) -> Result<Metric<'_>, Lack> {
        let all = OF_GPUS.map(|role| self.metric(role));
        let most = all.into_iter().flatten().max_by_key(|metric| metric.fact.series);
        held(most.ok_or_else(|| absent(MetricRole::GpuActivity))?, keys)
    }

    /// Whatever tells of GPUs: exporters of several vendors each tell of their own.
    pub(super) fn all_gpus(&self, keys: &[Key]) -> Result<Vec<Metric<'_>>, Lack> {
        let all = self.metrics(&OF_GPUS).filter(|metric| held(*metric, keys).is_ok());
        let all: Vec<Metric<'_>> = all.collect();
        match all.is_empty() {
            // None has these keys, and why is told of the one with the most series.
            true => self.gpus(keys).map(|metric| vec![metric]),
            false => Ok(all),
        }
    }

    /// Why GPUs that only other exporters tell of have no alert of this name, where some do: its rule stands on `covered`. And what
    /// comes of that.
    pub(super) fn beside(&self, alert: &'static str, covered: &[Metric<'_>], so: &str) -> Vec<Made> {
        let families = || covered.iter().map(|metric| family(&metric.fact.name));
        let others = self.metrics(&OF_GPUS);
        let others = others.filter(|metric| !families().any(|own| own == family(&metric.fact.name)));
        let lack = |metric: Metric<'_>| {
            let own: Vec<&str> = covered.iter().map(|metric| metric.fact.name.as_str()).collect();
            Lack {
                about: Some(format!("GPUs that only {} tells of", metric.fact.name)),
                why: format!("the rule stands on {} alone{so}", own.join(" and ")),
                fix: "see to these with `gpuwise analyze`".to_owned(),
            }
        };
        match covered.is_empty() {
            // The rule itself is left out.
            true => Vec::new(),
            false => others.map(|metric| (alert, Err(lack(metric)))).collect(),
        }
    }

    /// A scene of made-up series.
    pub(super) fn scene(&self) -> Scene {
        Scene::default()
    }

    /// A rule with what all have in common.
    pub(super) fn rule(
        &self,
        alert: &'static str,
        (hold, urgency): (Option<&'static str>, Urgency),
        expr: String,
        text: Text,
    ) -> Rule {
        let severity = match urgency {
            Urgency::Page => &self.thresholds.page,
            Urgency::Ticket => &self.thresholds.ticket,
        };
        let mut labels = self.thresholds.labels.clone();
        labels.insert("severity".to_owned(), severity.clone());
        let mut annotations = BTreeMap::from([
            ("summary".to_owned(), text.summary),
            ("description".to_owned(), format!("{} {}", text.means, text.runbook)),
        ]);
        if let Some(runbooks) = &self.thresholds.runbooks {
            annotations.insert("runbook_url".to_owned(), format!("{runbooks}/{alert}"));
        }
        Rule {
            alert,
            expr,
            hold,
            labels,
            annotations,
            tests: Vec::new(),
        }
    }

    /// What is to be known of the rules.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let cost = self.facts.of(MetricRole::NodeCost);
        if cost.is_some() && !self.is_told {
            notes.push(
                "nothing tells in which currency costs are, and amounts of the policy are taken to be in the same: Kubecost's API \
                 (--costs) tells it, OpenCost's does not"
                    .to_owned(),
            );
        }
        if cost.is_some_and(|fact| fact.week_before == Some(false)) {
            notes.push(
                "the store has no cost of a week ago: GpuwiseCostSpike stays quiet until it has, and keeps a week at least".to_owned(),
            );
        }
        for fact in &self.facts.metrics {
            let unknown = fact.looked_at - fact.on_nodes.min(fact.looked_at);
            if fact.names_nodes() && 10 * unknown > fact.looked_at {
                notes.push(format!(
                    "{}: {unknown} of {} series name no node of this cluster: see that nothing else is in the store, or name what is with --prometheus-matcher",
                    fact.name, fact.looked_at
                ));
            }
        }
        notes
    }
}

/// What metrics of one exporter begin with.
fn family(name: &str) -> &str {
    name.split('_').next().unwrap_or(name)
}

fn held<'g>(metric: Metric<'g>, keys: &[Key]) -> Result<Metric<'g>, Lack> {
    let name = &metric.fact.name;
    for key in keys {
        if metric.labels_of(*key).is_empty() {
            return Err(match key {
                Key::Node => Lack::new(
                    format!("no label of {name} holds names of this cluster's nodes"),
                    "let the exporter or the scrape configuration add the node's name, as `node`",
                ),
                Key::Namespace | Key::Pod => Lack::new(
                    format!("no labels of {name} name this cluster's pods that hold GPUs"),
                    "let dcgm-exporter name pods (DCGM_EXPORTER_KUBERNETES=true, and access to the kubelet's socket)",
                ),
                Key::Device => Lack::new(
                    format!("no label of {name} tells GPUs apart"),
                    "keep the label UUID when metrics are relabelled",
                ),
            });
        }
    }
    Ok(metric)
}

/// Why there is no metric of a role.
fn absent(role: MetricRole) -> Lack {
    let (what, fix) = match role {
        MetricRole::GpuActivity | MetricRole::GpuUtil => ("no metric tells how busy GPUs are", EXPORTER),
        MetricRole::NodeCost => ("no node_total_hourly_cost", OPENCOST),
        MetricRole::NodeGpus => ("no node_gpu_count", OPENCOST),
        MetricRole::NodeIsSpot => ("no kubecost_node_is_spot", OPENCOST),
        MetricRole::GpuAllocation => ("no container_gpu_allocation", OPENCOST),
        MetricRole::NodeAllocatable => ("no kube_node_status_allocatable of GPUs", KUBE_STATE),
        MetricRole::PodRequests => ("no kube_pod_container_resource_requests of GPUs", KUBE_STATE),
        MetricRole::PodRunning => ("no kube_pod_status_phase", KUBE_STATE),
        MetricRole::NodeLabels => ("no kube_node_labels", KUBE_STATE),
        MetricRole::SpotNotices | MetricRole::NodeDisruptions | MetricRole::NodeActions => {
            ("nothing counts interruptions", SPOT)
        }
    };
    Lack::new(format!("{what} in the store for this cluster"), fix)
}

impl Rule {
    /// A test under which it fires: labels of the expression's result, and its value.
    pub(super) fn fires(
        mut self,
        name: &str,
        (interval, at): (&'static str, &'static str),
        scene: Scene,
        results: &[(&[(&str, &str)], f64)],
    ) -> Self {
        let expected = results.iter().map(|(own, value)| self.expected(own, *value)).collect();
        self.tests.push(scene.test(name, interval, at, expected));
        self
    }

    /// A test under which it does not.
    pub(super) fn stays_quiet(
        mut self,
        name: &str,
        (interval, at): (&'static str, &'static str),
        scene: Scene,
    ) -> Self {
        self.tests.push(scene.test(name, interval, at, Vec::new()));
        self
    }

    /// What must fire for a result.
    pub(super) fn expected(&self, own: &[(&str, &str)], value: f64) -> Expected {
        let own = own
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let own: BTreeMap<String, String> = own.collect();
        // `$labels` are those of the result.
        let annotations = self.annotations.iter();
        let annotations = annotations.map(|(name, text)| (name.clone(), filled(text, &own, value)));
        // A rule's own labels win.
        let mut labels = own.clone();
        labels.extend(self.labels.clone());
        Expected {
            annotations: annotations.collect(),
            labels,
        }
    }
}

impl Scene {
    pub(super) fn test(
        self,
        name: &str,
        interval: &'static str,
        at: &'static str,
        expected: Vec<Expected>,
    ) -> RuleTest {
        RuleTest {
            name: name.to_owned(),
            interval,
            input: self.input,
            at,
            expected,
        }
    }
}
