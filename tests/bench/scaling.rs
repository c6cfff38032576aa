//! Decisions of the autoscaler.

use std::hint::black_box;

use gpuwise::replay::hpa::manifest::read;
use gpuwise::replay::hpa::sample::{Metrics, Pool, Reading};
use gpuwise::replay::hpa::{Controller, Faults, Flags};

use super::answer::best;

/// Syncs of a run: a workload of a year at one every fifteen seconds.
const SYNCS: i64 = 2_102_400;

const SPEC: &str = "
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: llama}
spec:
  minReplicas: 1
  maxReplicas: 40
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: llama}
  metrics:
  - {type: External, external: {metric: {name: queue}, target: {type: AverageValue, averageValue: 16}}}
  behavior:
    scaleUp: {policies: [{type: Pods, value: 4, periodSeconds: 60}, {type: Percent, value: 100, periodSeconds: 60}]}
    scaleDown: {stabilizationWindowSeconds: WINDOW, policies: [{type: Percent, value: 50, periodSeconds: 60}]}
";

/// Measures and prints.
pub(crate) fn measure() {
    for window in ["300", "3600"] {
        let manifest = read(&SPEC.replace("WINDOW", window), false).unwrap();
        let metrics = Metrics::of(&manifest);
        let flags = Flags {
            downscale_stabilization_seconds: 300,
            scale_to_zero: false,
        };
        // A load that goes up and down by day, with noise of minutes, in thousandths.
        let day = |sync: i64| ((sync % 5_760) as f64 / 5_760.0 * std::f64::consts::TAU).sin();
        let load: Vec<i64> = (0..SYNCS)
            .map(|sync| (200_000.0 + 180_000.0 * day(sync)) as i64 + (sync / 7 * 7_919) % 40_000)
            .collect();
        let mut changes = 0;
        let time = best(|| {
            let (mut controller, mut replicas) = (Controller::default(), 4);
            changes = 0;
            for (sync, value) in load.iter().enumerate() {
                let now = sync as i64 * 15_000;
                let pool = Pool {
                    replicas,
                    status: replicas,
                    ready: replicas as usize,
                    pods: replicas as usize,
                };
                let decided = controller.decide(
                    (&manifest.autoscaler, flags),
                    (now, replicas),
                    Faults::default(),
                    || metrics.best(&pool, &[Reading::Whole(*value)]),
                );
                changes += u64::from(decided.written.is_some());
                replicas = decided.written.unwrap_or(replicas);
            }
            black_box(replicas);
        });
        println!(
            "hpa, scale-down window {window} s: {:.1} million decisions a second on one core ({SYNCS} syncs, {changes} changes)",
            SYNCS as f64 / time.as_secs_f64() / 1e6
        );
    }
}
