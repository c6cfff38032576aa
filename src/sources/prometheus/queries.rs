//! One bulk query a signal: grouped by the labels that identify a device, a pod or a server, so that replicas of the
//! scraper fall together and a whole cluster is one request.

use super::select::Pods;
use crate::catalog::Catalog;
use crate::model::usage::Signal;

/// Labels that identify a device and what runs on it, in every dialect of the exporter: `Hostname` became `hostname`, and
/// without `honorLabels` the pod stands in `exported_*` while `pod` is the exporter's own.
const DEVICE_LABELS: &str = "UUID, gpu, modelName, Hostname, hostname, GPU_I_ID, GPU_I_PROFILE, namespace, pod, container, \
                             exported_namespace, exported_pod, exported_container";

/// Labels that identify a model server.
const SERVER_LABELS: &str = "namespace, pod, exported_namespace, exported_pod, model_name, engine";

/// Labels of the cache's geometry, on the server's constant gauge.
const CACHE_LABELS: &str = "num_gpu_blocks, block_size, cache_dtype";

/// The PromQL of a signal for a step of this many seconds. Every sample within a step counts: ratios are its mean, which is
/// above zero as soon as anything ran; memory and queues are its maximum, so that a spike of one sample is never lost.
/// Where a signal has several names, the current one wins for a series that has both.
pub fn range_query(catalog: &Catalog, signal: Signal, step_seconds: u32, pods: Option<&Pods>) -> String {
    // Of some pods alone, both places in which a series may name its pod are asked.
    let mut matchers = pods.map_or_else(|| vec![String::new()], |pods| pods.matchers().to_vec());
    if signal.is_gpu() {
        matchers.extend(pods.and_then(Pods::device_matcher));
    }
    let names = catalog.metric_names(signal);
    let parts = names.flat_map(|name| matchers.iter().map(move |matcher| format!("{name}{matcher}")));
    let parts: Vec<String> = parts.map(|metric| one_name(signal, &metric, step_seconds)).collect();
    parts.join(" or ")
}

fn one_name(signal: Signal, metric: &str, step_seconds: u32) -> String {
    match signal {
        Signal::GpuUtil
        | Signal::EngineActive
        | Signal::SmActive
        | Signal::TensorActive
        | Signal::DramActive
        | Signal::Power => format!("max by ({DEVICE_LABELS}) (avg_over_time({metric}[{step_seconds}s]))"),
        Signal::MemoryUsed => format!("max by ({DEVICE_LABELS}) (max_over_time({metric}[{step_seconds}s]))"),
        Signal::KvCacheUsage | Signal::RequestsRunning | Signal::RequestsWaiting => {
            format!("max by ({SERVER_LABELS}) (max_over_time({metric}[{step_seconds}s]))")
        }
        Signal::RequestsFinished | Signal::TokensGenerated => {
            // A rate needs two samples, and the range is open on its left.
            let range = step_seconds.max(120);
            // The inner maximum folds replicas of the scraper; a sum alone would count their requests twice.
            let folded = format!("max by ({SERVER_LABELS}, finished_reason) (rate({metric}[{range}s]))");
            format!("sum by ({SERVER_LABELS}) ({folded})")
        }
        Signal::CacheConfig => {
            format!("max by ({SERVER_LABELS}, {CACHE_LABELS}) (last_over_time({metric}[{step_seconds}s]))")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_has_a_query_that_parses() {
        let catalog = Catalog::shipped().unwrap();
        for signal in Signal::ALL {
            let mut pods = Pods::default();
            pods.add(&[("ml".to_owned(), "chat-0".to_owned())].into());
            let some = range_query(&catalog, signal, 60, Some(&pods));
            assert!(promql_parser::parser::parse(&some).is_ok(), "{signal}: `{some}`");
            let query = range_query(&catalog, signal, 60, None);
            assert!(promql_parser::parser::parse(&query).is_ok(), "{signal}: `{query}`");
        }
    }

    #[test]
    fn a_memory_spike_is_read_as_a_maximum() {
        let catalog = Catalog::shipped().unwrap();
        let query = range_query(&catalog, Signal::MemoryUsed, 300, None);
        assert!(query.contains("max_over_time(DCGM_FI_DEV_FB_USED[300s])"), "{query}");
    }

    #[test]
    fn a_second_scraper_does_not_double_a_rate() {
        let catalog = Catalog::shipped().unwrap();
        for signal in [Signal::RequestsFinished, Signal::TokensGenerated] {
            let query = range_query(&catalog, signal, 60, None);
            let (_, inner) = query.split_once(") (").unwrap();
            assert!(query.starts_with("sum by") && inner.starts_with("max by"), "{query}");
        }
    }

    #[test]
    fn a_former_name_is_read_behind_the_current_one() {
        let catalog = Catalog::shipped().unwrap();
        let query = range_query(&catalog, Signal::KvCacheUsage, 60, None);
        let place = |name: &str| query.find(name).unwrap();
        assert!(
            place("vllm:kv_cache_usage_perc") < place("vllm:gpu_cache_usage_perc"),
            "{query}"
        );
    }
}
