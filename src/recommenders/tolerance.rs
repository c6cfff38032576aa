//! Whether a workload bears that its node is taken away, as far as that was seen. What was not seen is no promise.

use super::evidence::fact;
use super::runs::{self, Run};
use crate::model::gap::Reason;
use crate::model::scenario::Evidence;
use crate::model::time::Window;
use crate::model::workload::{Class, Workload};

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
    let complete: Vec<Run> = runs::of(workload, window)
        .into_iter()
        .filter(|run| run.complete)
        .collect();
    let runs: Vec<Vec<f64>> = complete.iter().map(Run::hours).collect();
    let unseen = |why: String| {
        let because = format!("nothing shows that it resumes its progress after an interruption: {why}");
        Err(Reason::new("no-restart-seen", because))
    };
    if runs.iter().all(|parts| parts.len() < 2) {
        return unseen("no run of the window was interrupted and went on".to_owned());
    }
    let usual = match runs::usual(&complete) {
        Ok(usual) => usual.median,
        Err(whole) => {
            return unseen(format!(
                "{whole} runs that went through at once do not tell how long one usually takes"
            ));
        }
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
