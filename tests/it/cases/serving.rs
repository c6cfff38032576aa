//! What the servers of a case counted: requests of a world of [`crate::generator::serving`], which shares no code with what judges it.

use gpuwise::model::reading::{Reading, RequestsOf};
use gpuwise::model::time::Grid;
use gpuwise::model::usage::Signal;
use serde_json::Value;

use super::file::Workload;
use crate::generator::serving::answers::{folded, present};
use crate::generator::serving::autoscaler::{Hpa, Metric, Policy};

impl Workload {
    /// What decided how many replicas there were: the autoscaler that a case gives, where it looks at requests.
    fn ran(&self) -> Policy {
        let fixed = Policy::Fixed(self.pods.iter().map(|pods| pods.count).sum());
        let Some(spec) = &self.hpa_spec else { return fixed };
        let metric = &spec["metrics"][0]["pods"];
        let of = match metric["metric"]["name"].as_str() {
            Some("vllm:num_requests_running") => Metric::Running,
            Some("vllm:num_requests_waiting") => Metric::Waiting,
            _ => return fixed,
        };
        let count = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
        let target = f64::from(count(&metric["target"]["averageValue"]));
        Policy::Hpa(Hpa::new(
            of,
            target,
            count(&spec["minReplicas"]),
            count(&spec["maxReplicas"]),
        ))
    }

    /// Adds what its servers counted, and how long its pods took to start.
    pub(super) fn add_requests(&self, grid: Grid, reading: &mut Reading) {
        let Some(serves) = &self.serves else { return };
        let own = |pod: &&mut gpuwise::model::cluster::PodRecord| {
            pod.namespace == self.namespace && pod.name.starts_with(&self.name)
        };
        let watched = serves.world(self.ran(), grid.window).watched();
        let mut names = Vec::new();
        for (pod, seconds) in reading
            .inventory
            .pod_history
            .iter_mut()
            .filter(own)
            .zip(watched.starts.iter().cycle())
        {
            names.push(pod.name.clone());
            pod.created = Some(pod.first);
            let ready = pod.first.as_second() + seconds.round() as i64;
            pod.ready = jiff::Timestamp::from_second(ready).ok();
        }
        let histograms = [
            (Signal::TimeToFirstToken, watched.ttft),
            (Signal::InterTokenLatency, watched.itl),
            (Signal::RequestLatency, watched.e2e),
            (Signal::PromptTokens, watched.prompt),
            (Signal::AnswerTokens, watched.answer),
        ];
        for (signal, histogram) in histograms {
            let told: Vec<_> = histogram.steps.iter().map(|step| Some((step.as_ref()?, 1.0))).collect();
            let series = &mut reading.series;
            series.extend(folded(signal, (&self.namespace, &self.name), &told));
            let there = || told.iter().map(Option::is_some);
            series.extend(names.iter().map(|pod| present(signal, &self.namespace, pod, there())));
        }
        reading.requests.push(RequestsOf {
            group: "apps".to_owned(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            history: watched.requests,
        });
    }
}
