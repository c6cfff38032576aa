//! What the metrics of a live pool propose in one sync, of readings as a simulation has them: counts of pods and plain numbers,
//! nothing allocated. It proposes what [`proposal`](super::proposal) proposes of the same pods one by one.

use super::Best;
use super::limits::to_i32;
use super::manifest::{Manifest, Target};
use super::proposal::{Tolerance, by_average_value, by_value};

/// The metrics of an autoscaler, ready to be asked at every sync.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    wanted: Vec<Wanted>,
    tolerance: Tolerance,
}

/// A target, and the reason that stands where it cannot be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    target: Target,
    without_pods: bool,
    reason: &'static str,
}

/// A pool at the time of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// `spec.replicas` of the scale.
    pub replicas: i32,
    /// `status.replicas` of the scale.
    pub status: i32,
    /// Pods that run and are ready.
    pub ready: usize,
    /// All pods that the selector finds.
    pub pods: usize,
}

/// What a metric reads in a sync, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Nothing: the query failed, or had no answer.
    Missing,
    /// One value that belongs to no pod.
    Whole(i64),
    /// Values of pods.
    PerPod(PerPod),
}

/// Values of pods that are all alike, as the sums of which alone proposals are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PerPod {
    /// Pods whose value counts. Of metrics other than CPU these are all that run and have a value, ready or not.
    pub counted: usize,
    /// Their values, together.
    pub sum: i64,
    /// Pods that wait for a node or an image, and with CPU those that are not ready yet.
    pub unready: usize,
    /// Pods that run and have no value.
    pub missing: usize,
    /// What each requests; needed where the target is a share of it.
    pub request: Option<i64>,
}

impl Metrics {
    /// Those of an autoscaler.
    pub fn of(manifest: &Manifest) -> Self {
        let wanted = |metric: &super::manifest::Metric| Wanted {
            target: metric.target,
            without_pods: metric.is_without_pods(),
            reason: metric.reason(),
        };
        Self {
            wanted: manifest.metrics.iter().map(wanted).collect(),
            tolerance: manifest.autoscaler.tolerance,
        }
    }

    /// How many there are; a sync gives as many readings, in their order.
    pub fn count(&self) -> usize {
        self.wanted.len()
    }

    /// What all of them together propose. A metric without a reading is one that failed.
    pub fn best(&self, pool: &Pool, readings: &[Reading]) -> Best {
        (0..self.wanted.len())
            .map(|at| self.propose(at, pool, readings.get(at).copied().unwrap_or(Reading::Missing)))
            .collect()
    }

    /// What one of them proposes.
    ///
    /// # Errors
    /// The reason of the condition `ScalingActive` where it proposes nothing.
    pub fn propose(&self, at: usize, pool: &Pool, reading: Reading) -> Result<i32, &'static str> {
        let wanted = self.wanted.get(at).ok_or("InvalidMetricSourceType")?;
        let tolerance = self.tolerance;
        let proposed = match (reading, wanted.target) {
            (Reading::Whole(usage), Target::Value(target)) if wanted.without_pods => {
                let pods = (pool.ready, pool.pods);
                by_value(usage, target, pool.replicas, pods, tolerance)
                    .ok()
                    .map(|proposal| proposal.replicas)
            }
            (Reading::Whole(usage), Target::AverageValue(target)) if wanted.without_pods => {
                Some(by_average_value(usage, target, pool.status, tolerance).replicas)
            }
            (Reading::PerPod(pods), target) if !wanted.without_pods => pods.propose(target, pool.replicas, tolerance),
            _ => None,
        };
        proposed.ok_or(wanted.reason)
    }
}

impl PerPod {
    /// The ratio of what so many pods use to their target.
    fn ratio(&self, target: Target, sum: i64, count: i64) -> Option<f64> {
        match target {
            Target::Value(target) | Target::AverageValue(target) => Some((sum / count) as f64 / target as f64),
            Target::Utilization(target) => {
                let requests = self.request?.wrapping_mul(count);
                let percent = (requests != 0).then(|| (sum.wrapping_mul(100) / requests) as i32)?;
                Some(f64::from(percent) / f64::from(target))
            }
        }
    }

    /// What a pod without a value is taken to use where the others use too little.
    fn of_missing(&self, target: Target) -> i64 {
        match target {
            Target::Value(target) | Target::AverageValue(target) => target,
            Target::Utilization(target) => self.request.unwrap_or(0).wrapping_mul(i64::from(target.max(100))) / 100,
        }
    }

    fn propose(&self, target: Target, current: i32, tolerance: Tolerance) -> Option<i32> {
        let ready = i64::try_from(self.counted).ok().filter(|ready| *ready > 0)?;
        let missing = i64::try_from(self.missing).ok()?;
        let mut sum = self.sum;
        let ratio = self.ratio(target, sum, ready)?;
        let up_with_unready = self.unready > 0 && ratio > 1.0;
        if !up_with_unready && missing == 0 {
            let holds = tolerance.holds(ratio);
            return Some(if holds {
                current
            } else {
                to_i32((ratio * ready as f64).ceil())
            });
        }
        let mut count = ready;
        if ratio < 1.0 {
            sum = sum.wrapping_add(self.of_missing(target).wrapping_mul(missing));
            count += missing;
        } else if ratio > 1.0 {
            count += missing;
        }
        if up_with_unready {
            count += i64::try_from(self.unready).ok()?;
        }
        let then = self.ratio(target, sum, count)?;
        let flipped = (ratio < 1.0 && then > 1.0) || (ratio > 1.0 && then < 1.0);
        if tolerance.holds(then) || flipped {
            return Some(current);
        }
        let replicas = to_i32((then * count as f64).ceil());
        let against = (then < 1.0 && replicas > current) || (then > 1.0 && replicas < current);
        Some(if against { current } else { replicas })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::manifest::read;
    use super::super::proposal::{Asked, Phase, Pod, PodSamples, Ready, Warmup};
    use super::*;

    fn metrics(metrics: &str) -> Metrics {
        let text = format!(
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: a}}\nspec:\n  maxReplicas: 50\n  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: a}}\n  metrics:\n{metrics}"
        );
        Metrics::of(&read(&text, false).unwrap())
    }

    const POOL: Pool = Pool {
        replicas: 4,
        status: 4,
        ready: 3,
        pods: 4,
    };

    #[test]
    fn values_of_no_pod_go_by_ready_pods_or_by_the_status() {
        let both = metrics(
            "  - {type: External, external: {metric: {name: a}, target: {type: Value, value: 10}}}\n  - {type: External, external: {metric: {name: b}, target: {type: AverageValue, averageValue: 10}}}\n",
        );
        assert_eq!(both.propose(0, &POOL, Reading::Whole(20_000)), Ok(6));
        assert_eq!(both.propose(1, &POOL, Reading::Whole(90_000)), Ok(9));
        assert_eq!(both.propose(1, &POOL, Reading::Whole(41_000)), Ok(4));
        let readings = [Reading::Whole(20_000), Reading::Whole(90_000)];
        assert_eq!(
            both.best(&POOL, &readings),
            Best {
                most: Some(9),
                failure: None
            }
        );
        let one = both.best(&POOL, &readings[..1]);
        assert_eq!(
            one,
            Best {
                most: Some(6),
                failure: Some("FailedGetExternalMetric")
            }
        );
    }

    #[test]
    fn a_reading_of_another_kind_is_none() {
        let pods =
            metrics("  - {type: Pods, pods: {metric: {name: a}, target: {type: AverageValue, averageValue: 1}}}\n");
        assert_eq!(
            pods.propose(0, &POOL, Reading::Whole(5_000)),
            Err("FailedGetPodsMetric")
        );
        assert_eq!(
            pods.propose(0, &POOL, Reading::PerPod(PerPod::default())),
            Err("FailedGetPodsMetric")
        );
        let of = PerPod {
            counted: 2,
            sum: 4_000,
            ..PerPod::default()
        };
        assert_eq!(pods.propose(0, &POOL, Reading::PerPod(of)), Ok(4));
    }

    /// Pods one by one, as the controller sees those that the counts tell of.
    fn listed(of: &PerPod, counted: &[i64]) -> (Vec<Pod>, PodSamples) {
        let pod = |phase: Phase| Pod {
            phase,
            ready: Ready::True,
            started: Some(0),
            transition: Some(0),
            terminating: false,
        };
        let mut pods = vec![pod(Phase::Running); counted.len()];
        pods.extend(vec![pod(Phase::Pending); of.unready]);
        pods.extend(vec![pod(Phase::Running); of.missing]);
        let mut by_pod: Vec<Option<i64>> = counted.iter().copied().map(Some).collect();
        by_pod.resize(pods.len(), None);
        let samples = PodSamples {
            by_pod,
            requests: vec![of.request; pods.len()],
            ..PodSamples::default()
        };
        (pods, samples)
    }

    proptest! {
        #[test]
        fn counts_propose_what_the_pods_one_by_one_do(
            counted in proptest::collection::vec(0_i64..5_000, 0..12),
            (unready, missing) in (0_usize..5, 0_usize..5),
            (target, percent, request) in (1_i64..4_000, 1_i32..200, proptest::option::of(0_i64..4_000)),
            current in 1_i32..30,
        ) {
            let of = PerPod { counted: counted.len(), sum: counted.iter().sum(), unready, missing, request };
            let (pods, samples) = listed(&of, &counted);
            let tolerance = Tolerance { up: 0.1, down: 0.1 };
            let warmup = Warmup { cpu: 0, readiness: 0 };
            let asked = Asked { pods: &pods, samples: &samples, cpu: false, current, tolerance, warmup, now: 1 };
            let listed = asked.by_average(target).ok().map(|proposal| proposal.replicas);
            prop_assert_eq!(of.propose(Target::AverageValue(target), current, tolerance), listed);
            let listed = asked.by_utilization(percent).ok().map(|proposal| proposal.replicas);
            prop_assert_eq!(of.propose(Target::Utilization(percent), current, tolerance), listed);
        }
    }
}
