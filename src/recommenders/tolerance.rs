//! Whether a workload bears that its node is taken away, as far as that was seen. What was not seen is no promise.

use std::collections::BTreeMap;

use super::evidence::fact;
use crate::model::gap::Reason;
use crate::model::scenario::Evidence;
use crate::model::time::Window;
use crate::model::workload::{Class, PodUse, Workload};

/// Runs that went through at once without which no length is usual.
const LEAST_RUNS: usize = 3;

/// Share by which usual runs may differ in length.
const SPREAD_AT_MOST: f64 = 0.3;

/// Share of the usual length that a run must have done before it was interrupted: what restarts at its beginning shows nothing.
const DONE_BEFORE: f64 = 0.2;

/// What was seen of interruptions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tolerance {
    /// What shows that they are borne.
    pub(super) evidence: Vec<Evidence>,
    /// Hours that a run usually takes; `None` for what runs on.
    pub(super) usual_hours: Option<f64>,
    /// Hours that an interruption cost a run at most.
    pub(super) lost_hours: f64,
}

/// What shows that interruptions are borne.
pub(super) fn seen(workload: &Workload, window: Window) -> Result<Tolerance, Reason> {
    match workload.class.class {
        Class::Inference => of_service(workload),
        _ => of_runs(workload, window),
    }
}

/// Replicas that stand in for each other, and a budget by which Kubernetes drains them one after the other.
fn of_service(workload: &Workload) -> Result<Tolerance, Reason> {
    let replicas = workload.running().count();
    let Some(budget) = &workload.budget else {
        return Err(Reason::new(
            "no-disruption-budget",
            "no PodDisruptionBudget is about its pods, so that nothing holds it up when several nodes are taken away at once",
        ));
    };
    if budget.allowed == 0 {
        let because = format!(
            "its disruption budget {} lets none of its pods be away at present",
            budget.name
        );
        return Err(Reason::new("no-disruption-allowed", because));
    }
    let evidence = vec![
        fact("replicas", "the Kubernetes API", Some(replicas as f64)),
        fact(
            format!("pods that its disruption budget {} lets be away", budget.name),
            "the Kubernetes API",
            Some(f64::from(budget.allowed)),
        ),
    ];
    Ok(Tolerance {
        evidence,
        usual_hours: None,
        lost_hours: 0.0,
    })
}

/// A run that was interrupted and took, both parts together, as long as one that was not: it went on where it had been.
fn of_runs(workload: &Workload, window: Window) -> Result<Tolerance, Reason> {
    let runs = complete_runs(workload, window);
    let mut whole: Vec<f64> = runs
        .iter()
        .filter(|parts| parts.len() == 1)
        .map(|parts| parts[0])
        .collect();
    whole.sort_by(f64::total_cmp);
    let unseen = |why: String| {
        let because = format!("nothing shows that it resumes its progress after an interruption: {why}");
        Err(Reason::new("no-restart-seen", because))
    };
    if runs.iter().all(|parts| parts.len() < 2) {
        return unseen("no run of the window was interrupted and went on".to_owned());
    }
    let usual = whole
        .get(whole.len() / 2)
        .copied()
        .filter(|_| whole.len() >= LEAST_RUNS);
    let Some(usual) = usual.filter(|usual| whole[whole.len() - 1] - whole[0] <= usual * SPREAD_AT_MOST) else {
        return unseen(format!(
            "{} runs that went through at once do not tell how long one usually takes",
            whole.len()
        ));
    };
    let resumed = |parts: &&Vec<f64>| {
        let together: f64 = parts.iter().sum();
        // What begins anew takes a whole run more than it had done.
        parts.len() > 1 && parts[0] >= usual * DONE_BEFORE && together < usual * (1.0 + DONE_BEFORE / 2.0)
    };
    let anew = |parts: &&Vec<f64>| parts.len() > 1 && parts[0] >= usual * DONE_BEFORE && !resumed(parts);
    if let Some(parts) = runs.iter().find(anew) {
        return unseen(format!(
            "a run that was interrupted after {:.1} hours took {:.1} in all, and one usually takes {usual:.1}: it may have begun anew",
            parts[0],
            parts.iter().sum::<f64>()
        ));
    }
    let Some(parts) = runs.iter().find(resumed) else {
        return unseen("runs were interrupted at their beginning only".to_owned());
    };
    let lives = "kube-state-metrics and the Kubernetes API";
    let lost = |parts: &Vec<f64>| (parts.iter().sum::<f64>() - usual) / (parts.len() - 1) as f64;
    let lost_hours = runs.iter().filter(resumed).map(lost).fold(0.0, f64::max);
    let evidence = vec![
        fact("hours that a run usually takes", lives, Some(usual)),
        fact(
            "hours that a run had done when it was interrupted",
            lives,
            Some(parts[0]),
        ),
        fact("hours that it took in all", lives, Some(parts.iter().sum())),
    ];
    Ok(Tolerance {
        evidence,
        usual_hours: Some(usual),
        lost_hours,
    })
}

/// Runs that began and ended within the window, each as the hours of its uninterrupted parts.
fn complete_runs(workload: &Workload, window: Window) -> Vec<Vec<f64>> {
    let mut runs: BTreeMap<&str, Vec<&PodUse>> = BTreeMap::new();
    for pod in &workload.pods {
        if let Some(run) = &pod.run {
            runs.entry(run).or_default().push(pod);
        }
    }
    let complete = runs.into_values().filter(|pods| {
        let inside = |pod: &&&PodUse| pod.from > window.start && pod.to < window.end && !pod.running;
        pods.iter().filter(inside).count() == pods.len()
    });
    complete.map(|pods| parts(&pods)).collect()
}

/// Hours of the spans in which at least one pod was there.
fn parts(pods: &[&PodUse]) -> Vec<f64> {
    let mut spans: Vec<(i64, i64)> = pods
        .iter()
        .map(|pod| (pod.from.as_second(), pod.to.as_second()))
        .collect();
    spans.sort_unstable();
    let mut parts: Vec<(i64, i64)> = Vec::new();
    for (from, to) in spans {
        match parts.last_mut() {
            Some(last) if from < last.1 => last.1 = last.1.max(to),
            _ => parts.push((from, to)),
        }
    }
    parts.iter().map(|(from, to)| (to - from) as f64 / 3600.0).collect()
}
