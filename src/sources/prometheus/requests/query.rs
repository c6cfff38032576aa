//! The words of the queries.

use std::collections::BTreeSet;

use super::super::matcher::{Matchers, escaped, quoted};
use super::found::{Found, SPAN};
use super::grouping::Group;
use crate::catalog::Catalog;
use crate::catalog::requests::RequestMetric;
use crate::model::requests::Figure;
use crate::model::usage::Signal;

/// The label that tells parts apart.
pub(super) const PART: &str = "part";

/// The label that names a metric that was found.
pub(super) const FOUND: &str = "found";

/// Labels of a pod.
const POD: &str = "namespace, pod, exported_namespace, exported_pod";

/// Labels by which a pod's series of one metric may be split. What is not among them is the scraper's, or a rank of a model that is
/// split over GPUs, each of which tells the same: there the largest counts, where a sum would count requests twice.
const SPLIT: &str = "model_name, engine, engine_type, dp_rank, model, version, gpu_uuid, application, deployment, replica, \
                     route, WorkerId, ReplicaId, finished_reason, reason, source, cache_source, err, handler, method, status";

/// Matchers of a group's pods, in the label that holds them.
fn place(group: &Group, held: bool) -> String {
    let all = |texts: BTreeSet<String>| quoted(&texts.into_iter().collect::<Vec<_>>().join("|"));
    let namespaces = all(group.parts.iter().map(|part| escaped(&part.namespace)).collect());
    let pods = all(group.parts.iter().flat_map(|part| part.names.iter().cloned()).collect());
    match held {
        true => format!("exported_namespace=~{namespaces},exported_pod=~{pods}"),
        false => format!("exported_pod=\"\",namespace=~{namespaces},pod=~{pods}"),
    }
}

/// The signal whose names a figure goes by, where it has no counters of its own.
fn signal(figure: Figure) -> Option<Signal> {
    match figure {
        Figure::Running => Some(Signal::RequestsRunning),
        Figure::Waiting => Some(Signal::RequestsWaiting),
        Figure::AnswerTokens => Some(Signal::TokensGenerated),
        Figure::CacheUsed => Some(Signal::KvCacheUsage),
        _ => None,
    }
}

/// The counters and gauges of a figure.
fn metrics(catalog: &Catalog, figure: Figure) -> Vec<RequestMetric> {
    let of_signal = signal(figure).into_iter().flat_map(|signal| catalog.metrics(signal));
    let of_signal = of_signal.map(|row| RequestMetric {
        figure,
        metric: row.metric.clone(),
        matcher: row.matcher.clone(),
        beside: String::new(),
        anchor: String::new(),
        provenance: row.provenance.clone(),
    });
    of_signal.chain(catalog.request_metrics(figure).cloned()).collect()
}

/// The parts of a query that finds which metrics the pods of a group have, and how often they are scraped.
pub(super) fn probes(within: &Matchers, catalog: &Catalog, group: &Group) -> impl Iterator<Item = String> {
    let all = Figure::ALL.into_iter().flat_map(|figure| metrics(catalog, figure));
    let names: BTreeSet<String> = all
        .flat_map(|row| [row.metric, row.anchor])
        .filter(|name| !name.is_empty())
        .collect();
    let mut parts = Vec::new();
    for name in names {
        for held in [true, false] {
            let series = within.selector(&name, &[&place(group, held)]);
            parts.push(format!(
                "label_replace(max by ({POD}) (count_over_time({series}[{SPAN}s])), \"{FOUND}\", \"{name}\", \"\", \"\")"
            ));
        }
    }
    parts.into_iter()
}

/// What is said of a group.
pub(super) struct Words<'a> {
    within: &'a Matchers,
    group: &'a Group,
    names: BTreeSet<(&'a str, bool)>,
    step: u32,
    /// Seconds for which a scrape counts: half as long again as from one to the next, so that one that comes late is no hole.
    reach: u32,
}

impl<'a> Words<'a> {
    pub(super) fn new(within: &'a Matchers, group: &'a Group, step: u32, found: &'a Found<'_>) -> Self {
        Self {
            within,
            group,
            names: found.names(group),
            step,
            reach: step + step / 2,
        }
    }

    /// The PromQL of a figure, a row a part; `None` where nothing of the group counts it.
    pub(super) fn query(&self, catalog: &Catalog, figure: Figure) -> Option<String> {
        let rows = match figure {
            Figure::Servers => self.servers(catalog)?,
            _ => self.rows(catalog, figure)?,
        };
        let key = format!(
            "label_join({rows}, \"key\", \"/\", \"exported_namespace\", \"exported_pod\", \"namespace\", \"pod\")"
        );
        let parted = self.group.parts.iter().enumerate().fold(key, |rows, (at, part)| {
            let pods = format!("{}/({})", escaped(&part.namespace), part.names.join("|"));
            let pattern = quoted(&format!("/{{0,2}}{pods}(/.*)?"));
            format!("label_replace({rows}, \"{PART}\", \"{at}\", \"key\", {pattern})")
        });
        let fold = if figure == Figure::CacheUsed { "max" } else { "sum" };
        Some(format!("{fold} by ({PART}) ({parted})"))
    }

    /// One for each pod whose server tells.
    fn servers(&self, catalog: &Catalog) -> Option<String> {
        let figures = [Figure::Running, Figure::Finished, Figure::Waiting, Figure::AnswerTokens];
        let all = figures.into_iter().flat_map(|figure| metrics(catalog, figure));
        let mut seen = BTreeSet::new();
        let names: Vec<RequestMetric> = all.filter(|row| seen.insert(row.metric.clone())).collect();
        let rows = self.each(names.iter(), |name, place| {
            Some(format!("group by ({POD}) ({})", self.last(&name.metric, "", place, "")))
        });
        (!rows.is_empty()).then(|| format!("({})", rows.join(" or ")))
    }

    fn rows(&self, catalog: &Catalog, figure: Figure) -> Option<String> {
        let metrics = metrics(catalog, figure);
        let row = |metric: &RequestMetric, place: &str| {
            Some(match figure.is_count() {
                true => self.counted(metric, place),
                false => {
                    let fold = if figure == Figure::CacheUsed { "max" } else { "sum" };
                    let last = self.last(&metric.metric, &metric.matcher, place, "");
                    format!("{fold} by ({POD}) (max by ({POD}, {SPLIT}) ({last}))")
                }
            })
        };
        let (beside, main): (Vec<_>, Vec<_>) = metrics.iter().partition(|metric| metric.beside == "beside");
        let mut rows = self.each(main.into_iter(), row);
        let beside = self.each(beside.into_iter(), row);
        if !beside.is_empty() {
            rows.push(format!(
                "label_replace({}, \"beside\", \"1\", \"\", \"\")",
                beside.join(" or ")
            ));
        }
        (!rows.is_empty()).then(|| format!("({})", rows.join(" or ")))
    }

    /// The rows of metrics that were found, in their order: of a pod that has several names, the first counts.
    fn each<'m>(
        &self,
        metrics: impl Iterator<Item = &'m RequestMetric>,
        row: impl Fn(&RequestMetric, &str) -> Option<String>,
    ) -> Vec<String> {
        let mut rows = Vec::new();
        for metric in metrics {
            for held in [true, false] {
                let name = match metric.anchor.as_str() {
                    "" => metric.metric.as_str(),
                    anchor => anchor,
                };
                if self.names.contains(&(name, held)) {
                    rows.extend(row(metric, &place(self.group, held)));
                }
            }
        }
        rows
    }

    /// By how much a counter rose within a step, a row a pod. Where it fell, or was not there before although its server told
    /// (a reason that had not occurred yet), all of it is new. One that has come back after a hole is not known.
    fn counted(&self, metric: &RequestMetric, place: &str) -> String {
        let before = format!(" offset {}s", self.step);
        let largest = |offset: &str| {
            let last = self.last(&metric.metric, &metric.matcher, place, offset);
            format!("max by ({POD}, {SPLIT}) ({last})")
        };
        let (now, then) = (largest(""), largest(&before));
        let (name, matcher) = match metric.anchor.as_str() {
            "" => (metric.metric.as_str(), metric.matcher.as_str()),
            anchor => (anchor, ""),
        };
        let told = self.last(name, matcher, place, &before);
        let rose = format!("sum by ({POD}) (({now} - {then}) >= 0 or {now} and on ({POD}) {told})");
        match metric.anchor.as_str() {
            "" => rose,
            _ => format!("({rose} or 0 * group by ({POD}) ({told}))"),
        }
    }

    fn last(&self, name: &str, matcher: &str, place: &str, offset: &str) -> String {
        let series = self.within.selector(name, &[matcher, place]);
        format!("last_over_time({series}[{}s]{offset})", self.reach)
    }
}

#[cfg(test)]
mod tests {
    use super::super::grouping::Part;
    use super::*;

    #[test]
    fn every_query_parses_and_fits() {
        let catalog = Catalog::shipped().unwrap();
        let part = |at: usize| Part {
            workload: at,
            namespace: format!("team-{at}"),
            names: vec![
                format!("a-service-of-a-longer-name-{at}-[a-z0-9]{{5}}"),
                "x\"y\\\\".to_owned(),
            ],
        };
        let group = Group {
            parts: (0..8).map(part).collect(),
        };
        let within: Matchers = r#"cluster="prod-eu",env=~"a|b""#.parse().unwrap();
        for probe in probes(&within, &catalog, &group) {
            assert!(promql_parser::parser::parse(&probe).is_ok(), "{probe}");
        }
        let vllm = [
            "vllm:num_requests_running",
            "vllm:num_requests_waiting",
            "vllm:request_success_total",
            "http_requests_total",
            "vllm:prompt_tokens_total",
            "vllm:generation_tokens_total",
            "vllm:num_preemptions_total",
            "vllm:prompt_tokens_cached_total",
            "vllm:kv_cache_usage_perc",
        ];
        let words = Words {
            within: &within,
            group: &group,
            names: vllm.iter().map(|name| (*name, false)).collect(),
            step: 15,
            reach: 22,
        };
        for figure in Figure::ALL {
            let query = words.query(&catalog, figure).unwrap();
            assert!(promql_parser::parser::parse(&query).is_ok(), "{figure:?}: {query}");
            assert!(
                query.len() <= super::super::LONGEST_QUERY,
                "{figure:?}: {}",
                query.len()
            );
        }
    }
}
