//! The settings that are tried.

use super::Case;
use crate::replay::service::policies::{Scaling, Setting, Watched};

/// All settings that are tried: fewer replicas, and autoscalers between fewer and as many. Where an autoscaler ran it stays, with
/// the most replicas that its owner allowed: what more would have cost is replayed, and what less might break is not known.
pub(super) fn settings(case: &Case<'_>) -> Vec<Setting> {
    let seen = case.present.most().max(1);
    let allowed = case.autoscaled.unwrap_or(seen);
    let most = seen.min(allowed).max(1);
    let least = case.least.min(most);
    let mut minima: Vec<u32> = [
        least,
        least + 1,
        least + 2,
        most / 4,
        most / 3,
        most / 2,
        most * 2 / 3,
        most * 3 / 4,
    ]
    .into_iter()
    .filter(|min| (least..most).contains(min))
    .collect();
    minima.sort_unstable();
    minima.dedup();
    // As many as now are a change where each is a smaller one.
    let fewer = case.variant.devices < 1.0;
    let mut all: Vec<Setting> = (least.max(1)..most + u32::from(fewer)).map(Setting::Fixed).collect();
    let running = case.variant.most_running.unwrap_or(case.service.most_running);
    let top = case.most_batch.0.min(running as f64);
    let mut targets: Vec<i64> = Vec::new();
    let mut target = 1.0;
    while target <= top {
        targets.push((target * 1_000.0) as i64);
        target = (target * 1.3_f64).round().max(target + 1.0);
    }
    if case.autoscaled.is_some() {
        all.clear();
    }
    if !case.scales {
        return all;
    }
    for watched in [Watched::InFlight, Watched::Running] {
        for &min in &minima {
            for &target_milli in &targets {
                for down_window in [300, 900] {
                    all.push(Setting::Scaled(Scaling {
                        watched,
                        target_milli,
                        min,
                        max: allowed.max(1),
                        down_window,
                    }));
                }
            }
        }
    }
    all
}
