//! A source seen before it is judged: each server asked by itself, so that one that fails hides none of the others.

use jiff::SignedDuration;

use super::live::{self, Kubernetes, Live, Open};
use super::parts::Parted;
use super::{Opened, PipelineError, Source, labels, labels_are_told, open, outline};
use crate::engine::{self, Judge, Scope, Selector};
use crate::model::checkup::{Area, Check, Checkup, State};
use crate::model::plan::API_VERSION;
use crate::model::progress::Progress;
use crate::model::reading::Reading;
use crate::model::workload::Workload;
use crate::sources::kubernetes::KubernetesError;

/// The end of the window that is looked at: what is there now shows within hours, and nobody should wait for weeks of it.
const LOOKED_AT: SignedDuration = SignedDuration::from_hours(6);

/// Looks at a source; of a cluster at its last hours, of workloads at those in scope.
///
/// # Errors
/// When a recording cannot be read. That a server fails is a check.
pub async fn doctor(
    source: &Source,
    judge: &Judge,
    scope: &Scope,
    progress: &dyn Progress,
) -> Result<Checkup, PipelineError> {
    let (mut checks, opened) = match source {
        Source::Live(live) => {
            let (checks, reading) = servers(live, judge, progress).await?;
            (checks, reading.map(|reading| Opened::Whole(Box::new(reading))))
        }
        Source::Demo | Source::Recording { .. } => (
            Vec::new(),
            Some(open(source, &Scope::default(), judge.catalog(), progress).await?),
        ),
    };
    let seen = opened.as_ref().map(|opened| {
        let reading = opened.reading();
        (reading.cluster.clone(), reading.grid.window)
    });
    let mut scope = scope.clone();
    if let Some(Err(why)) = opened.as_ref().map(|opened| labels_are_told(opened.reading(), &scope)) {
        // As every source that fails, it hides nothing else.
        scope.selector = Selector::default();
        let (what, seen) = ("which workloads --selector asks for", "all are looked at");
        checks.push(Check::lacking(State::Hole, Area::Joins, what, seen, why.to_string()));
    }
    let scope = &scope;
    match opened {
        Some(Opened::Whole(reading)) => checks.extend(of_reading(*reading, judge, scope)),
        Some(Opened::Parted(cluster)) => checks.extend(in_parts(&cluster, judge, scope, progress).await?),
        None => {}
    }
    let (cluster, window) = seen.unzip();
    Ok(Checkup {
        api_version: API_VERSION.to_owned(),
        kind: "Checkup".to_owned(),
        cluster,
        window,
        checks,
    })
}

fn of_reading(mut reading: Reading, judge: &Judge, scope: &Scope) -> Vec<Check> {
    let (series, requests) = (
        std::mem::take(&mut reading.series),
        std::mem::take(&mut reading.requests),
    );
    let outline = outline(&reading, labels(&series), judge).with_requests(requests);
    let (seen, tally) = outline.unheard(series, None).each(seen);
    engine::checkup(&outline.whole(seen, tally), scope)
}

async fn in_parts(
    cluster: &Parted,
    judge: &Judge,
    scope: &Scope,
    progress: &dyn Progress,
) -> Result<Vec<Check>, PipelineError> {
    let served = cluster.histograms(judge.catalog(), progress).await?;
    let (requests, untold) = cluster.requests(judge.catalog(), progress).await?;
    let outline = outline(cluster.reading(), cluster.labels(), judge);
    let outline = outline.with_histograms(served.series).with_requests(requests);
    let (outline, seen, mut tally) = cluster.each(outline, judge.catalog(), progress, seen).await?;
    tally.gaps.extend(served.gaps.into_iter().chain(untold));
    Ok(engine::checkup(&outline.whole(seen, tally), scope))
}

/// A workload without its samples; which signals it had is all that is looked at.
fn seen(mut workload: Workload) -> Workload {
    workload.forget_samples();
    workload
}

/// Asks the servers; one that fails is left out, and the others asked again.
async fn servers(
    live: &Live,
    judge: &Judge,
    progress: &dyn Progress,
) -> Result<(Vec<Check>, Option<Reading>), PipelineError> {
    let mut checks = Vec::new();
    let mut live = live.clone();
    live.window = live.window.min(LOOKED_AT);
    let mut down: Option<KubernetesError> = None;
    loop {
        match live::open(&live, down.as_ref(), judge.catalog(), progress).await {
            Ok(open) => {
                let objects = live.kubernetes != Kubernetes::None && down.is_none();
                checks.extend(answered(objects, &open));
                let client = open.client.clone();
                return match open.whole(judge.catalog(), progress).await {
                    Ok(reading) => {
                        let seen = match client.reads_chunks() {
                            true => "raw, by remote read",
                            false => "by range queries",
                        };
                        checks.push(Check::good(Area::Sources, "samples", seen));
                        Ok((checks, Some(reading)))
                    }
                    Err(error) => {
                        checks.push(failed("Prometheus", &error));
                        Ok((checks, None))
                    }
                };
            }
            Err(PipelineError::Kubernetes(error)) if live.prometheus.is_some() && down.is_none() => {
                checks.push(failed("Kubernetes API", &format!("Kubernetes: {error}")));
                down = Some(error);
            }
            Err(error @ PipelineError::Costs(_)) if live.costs.is_some() => {
                checks.push(failed("costs", &error));
                live.costs = None;
            }
            // What was typed is wrong: that is no state of the cluster.
            Err(error @ (PipelineError::Endpoint(_) | PipelineError::Window(_) | PipelineError::Catalog(_))) => {
                return Err(error);
            }
            Err(error) => {
                let what = match &error {
                    PipelineError::Kubernetes(_) => "Kubernetes API",
                    PipelineError::Costs(_) => "costs",
                    _ => "Prometheus",
                };
                checks.push(failed(what, &error));
                return Ok((checks, None));
            }
        }
    }
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> Check {
    Check {
        area: Area::Sources,
        what: what.to_owned(),
        state: State::Failed,
        // What to do stands in the error itself.
        seen: error.to_string(),
        fix: None,
    }
}

fn answered(objects: bool, open: &Open) -> Vec<Check> {
    let inventory = &open.reading.inventory;
    let mut checks = Vec::new();
    if objects {
        let seen = format!(
            "{} nodes, {} pods with GPUs or above them, {} objects that own pods",
            inventory.nodes.len(),
            inventory.pods.len(),
            inventory.controllers.len()
        );
        checks.push(Check::good(Area::Sources, "Kubernetes API", seen));
    }
    let seen = format!(
        "{} ({}), a point every {} s",
        open.client.shown(),
        open.client.flavour(),
        open.reading.grid.step_seconds
    );
    checks.push(Check::good(Area::Sources, "Prometheus", seen));
    if let Some(why) = &open.costs_down {
        checks.push(failed("costs", why));
    }
    if !inventory.node_costs.is_empty() {
        let seen = format!("{} nodes are billed", inventory.node_costs.len());
        checks.push(Check::good(Area::Sources, "costs", seen));
    }
    checks
}
