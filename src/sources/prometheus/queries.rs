//! One bulk query a signal: grouped by the labels that identify a device, a pod or a server, so that replicas of the
//! scraper fall together and a whole cluster is one request.

use super::matcher::{Matcher, MatcherError, Matchers};
use super::remote_read::Fold;
use super::select::Pods;
use crate::catalog::Catalog;
use crate::model::usage::Signal;

/// Labels that identify a device and what runs on it, in every dialect of the exporters: `Hostname` became `hostname`; without
/// `honorLabels` the pod stands in `exported_*` while `pod` is the exporter's own, and with `--use-old-namespace` in `pod_*`; AMD's
/// exporter has names of its own. A resource claim stands beside the pod, and where the kubelet does not tell the pod, alone.
const DEVICE_LABELS: &str = "UUID, gpu, modelName, Hostname, hostname, GPU_I_ID, GPU_I_PROFILE, namespace, pod, container, \
                             exported_namespace, exported_pod, exported_container, pod_namespace, pod_name, container_name, \
                             gpu_uuid, card_series, dra_claim_namespace, dra_claim_name";

/// Labels that identify a model server.
const SERVER_LABELS: &str = "namespace, pod, exported_namespace, exported_pod, model_name, engine";

/// Labels by which a server's counter is split: reasons, Triton's models, Ray Serve's deployments.
const COUNTER_LABELS: &str =
    "finished_reason, model, version, gpu_uuid, application, deployment, replica, route, WorkerId";

/// Labels of the cache's geometry, on the server's constant gauge.
const CACHE_LABELS: &str = "num_gpu_blocks, block_size, num_pages, page_size, cache_dtype";

/// The longest query that is sent. VictoriaMetrics takes 16 KiB (`-search.maxQueryLen`).
const LONGEST_QUERY: usize = 15_000;

/// The PromQL of a signal for a step of this many seconds; more than one query where all names for so many pods would be too long
/// a text. Every sample within a step counts: ratios are its mean, which is above zero as soon as anything ran; memory and queues
/// are its maximum, so that a spike of one sample is never lost. Where a signal has several names, the current one wins for a
/// series that has both.
pub fn range_queries(
    catalog: &Catalog,
    signal: Signal,
    step_seconds: u32,
    pods: Option<&Pods>,
    within: &Matchers,
) -> Vec<String> {
    let places = places(signal, pods);
    // A rate says its series three times in VictoriaMetrics' words.
    let times = if kind(signal) == Kind::Counter { 3 } else { 1 };
    let mut queries: Vec<String> = Vec::new();
    for row in catalog.metrics(signal) {
        for place in &places {
            let metric = within.selector(&row.metric, &[&row.matcher, place]);
            let Some(part) = one_name(signal, &metric, step_seconds) else {
                continue;
            };
            match queries.last_mut() {
                Some(query) if query.len() + part.len() + 4 <= LONGEST_QUERY / times => {
                    query.push_str(" or ");
                    query.push_str(&part);
                }
                _ => queries.push(part),
            }
        }
    }
    queries
}

/// Matchers for each place in which a series may name its pod, of some pods; of everything, one that matches it.
fn places(signal: Signal, pods: Option<&Pods>) -> Vec<String> {
    let mut places = pods.map_or_else(|| vec![String::new()], |pods| pods.matchers(signal.is_gpu()));
    if signal.is_gpu() {
        places.extend(pods.into_iter().flat_map(Pods::device_matchers));
    }
    places
}

/// What a signal's samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Readings, and what becomes of those in a step.
    Gauge(Fold),
    /// Something that is counted.
    Counter,
    /// One, with what is told in its labels.
    Constant,
    /// Counts by size, which are asked for in another way (see [`super::folds`]).
    Histogram,
}

/// What a signal's samples are.
pub(super) fn kind(signal: Signal) -> Kind {
    match signal {
        Signal::GpuUtil
        | Signal::EngineActive
        | Signal::SmActive
        | Signal::TensorActive
        | Signal::DramActive
        | Signal::Power => Kind::Gauge(Fold::Mean),
        Signal::MemoryUsed | Signal::KvCacheUsage | Signal::RequestsRunning | Signal::RequestsWaiting => {
            Kind::Gauge(Fold::Max)
        }
        Signal::RequestsFinished | Signal::TokensGenerated => Kind::Counter,
        Signal::CacheConfig => Kind::Constant,
        Signal::TimeToFirstToken
        | Signal::InterTokenLatency
        | Signal::RequestLatency
        | Signal::PromptTokens
        | Signal::AnswerTokens => Kind::Histogram,
    }
}

/// The labels by which a gauge's series are told apart; those that agree in all of them are one, the larger value winning.
pub(super) fn identity(signal: Signal) -> impl Iterator<Item = &'static str> {
    let labels = if signal.is_gpu() { DEVICE_LABELS } else { SERVER_LABELS };
    labels.split(',').map(str::trim)
}

/// The selectors of a signal one by one, each with the rank of its metric's name: of a series that has two names, the name of
/// the lower rank counts.
///
/// # Errors
/// When the catalogue's own matchers do not parse.
pub(super) fn selectors(
    catalog: &Catalog,
    signal: Signal,
    pods: Option<&Pods>,
    within: &Matchers,
) -> Result<Vec<(usize, Matchers)>, MatcherError> {
    let mut all = Vec::new();
    for (rank, row) in catalog.metrics(signal).enumerate() {
        for place in places(signal, pods) {
            let mut matchers = vec![Matcher::equal("__name__", &row.metric)];
            for text in [&row.matcher, &place] {
                if !text.is_empty() {
                    matchers.extend(text.parse::<Matchers>()?.0);
                }
            }
            matchers.extend(within.0.iter().cloned());
            all.push((rank, Matchers(matchers)));
        }
    }
    Ok(all)
}

/// Nothing for a histogram: those of all pods are read at once.
fn one_name(signal: Signal, metric: &str, step_seconds: u32) -> Option<String> {
    let labels = if signal.is_gpu() { DEVICE_LABELS } else { SERVER_LABELS };
    Some(match kind(signal) {
        Kind::Gauge(Fold::Mean) => format!("max by ({labels}) (avg_over_time({metric}[{step_seconds}s]))"),
        Kind::Gauge(Fold::Max) => format!("max by ({labels}) (max_over_time({metric}[{step_seconds}s]))"),
        Kind::Counter => {
            // A rate needs two samples, and the range is open on its left.
            let range = step_seconds.max(120);
            // The inner maximum folds replicas of the scraper; a sum alone would count their requests twice.
            let folded = format!("max by ({SERVER_LABELS}, {COUNTER_LABELS}) (rate({metric}[{range}s]))");
            format!("sum by ({SERVER_LABELS}) ({folded})")
        }
        Kind::Constant => {
            format!("max by ({SERVER_LABELS}, {CACHE_LABELS}) (last_over_time({metric}[{step_seconds}s]))")
        }
        Kind::Histogram => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range_query(signal: Signal) -> String {
        let queries = range_queries(&Catalog::shipped().unwrap(), signal, 60, None, &Matchers::default());
        assert_eq!(queries.len(), 1, "{signal}: of everything one query is enough");
        queries.into_iter().next().unwrap()
    }

    #[test]
    fn every_signal_has_queries_that_parse_and_fit() {
        let catalog = Catalog::shipped().unwrap();
        let mut pods = Pods::default();
        let long = "a-name-as-long-as-a-pod-with-a-long-deployment-7d9f8b6c5d-x2k4";
        pods.add(&(0..6).map(|at| (format!("team-{at}"), format!("{at}{long}"))).collect());
        for at in 0..40 {
            pods.add(&[("ml".to_owned(), format!("{at}-{long}"))].into());
            pods.add_device(&format!("GPU-{at:08}-74d7-3130-46f1-e93ed57f469a"));
        }
        let within: Matchers = r#"cluster="prod-eu",env=~"a|b""#.parse().unwrap();
        for signal in Signal::ALL {
            let of_some = range_queries(&catalog, signal, 60, Some(&pods), &within);
            for query in of_some.iter().chain(&[range_query(signal)]) {
                assert!(promql_parser::parser::parse(query).is_ok(), "{signal}: `{query}`");
                assert!(query.len() <= LONGEST_QUERY, "{signal}: {} characters", query.len());
            }
            for name in catalog.metric_names(signal) {
                assert!(of_some.iter().any(|query| query.contains(name)), "{signal}: {name}");
            }
        }
    }

    #[test]
    fn a_memory_spike_is_read_as_a_maximum() {
        let query = range_query(Signal::MemoryUsed);
        assert!(query.contains("max_over_time(DCGM_FI_DEV_FB_USED[60s])"), "{query}");
    }

    #[test]
    fn a_second_scraper_does_not_double_a_rate() {
        for signal in [Signal::RequestsFinished, Signal::TokensGenerated] {
            let query = range_query(signal);
            for part in query.split(" or ") {
                let (_, inner) = part.split_once(") (").unwrap();
                assert!(part.starts_with("sum by") && inner.starts_with("max by"), "{part}");
            }
        }
    }

    #[test]
    fn a_former_name_is_read_behind_the_current_one() {
        let query = range_query(Signal::KvCacheUsage);
        let place = |name: &str| query.find(name).unwrap();
        assert!(
            place("vllm:kv_cache_usage_perc") < place("vllm:gpu_cache_usage_perc"),
            "{query}"
        );
    }

    #[test]
    fn of_a_metric_that_holds_many_things_only_the_signal_is_read() {
        // The same name carries the limit (`max`), which would read as a queue that is always full.
        let waiting = range_query(Signal::RequestsWaiting);
        assert!(
            waiting.contains(r#"nv_trt_llm_request_metrics{request_type="waiting"}[60s]"#),
            "{waiting}"
        );
        let mut pods = Pods::default();
        pods.add(&[("ml".to_owned(), "triton-0".to_owned())].into());
        let some = range_queries(
            &Catalog::shipped().unwrap(),
            Signal::KvCacheUsage,
            60,
            Some(&pods),
            &Matchers::default(),
        )
        .join(" or ");
        assert_eq!(
            some.matches(r#"{kv_cache_block_type="fraction","#).count(),
            some.matches("nv_trt_llm_kv_cache_block_metrics").count()
        );
    }
}
