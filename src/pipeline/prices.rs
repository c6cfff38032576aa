//! Prices from a source: the same reading as a plan's, of which only the hours of work are kept.

use super::parts::Parted;
use super::{Opened, PipelineError, Source, labels, nothing, open, outline};
use crate::engine::{Judge, Scope, WorkHours};
use crate::model::prices::Prices;
use crate::model::progress::Progress;
use crate::model::reading::Reading;
use crate::model::workload::Workload;
use crate::sources::collect::{Outline, Tally};

/// Reads a source and tells what its GPUs cost; a cluster that is too large for memory, part by part.
///
/// # Errors
/// As [`PipelineError`] says.
pub async fn prices(source: &Source, judge: &Judge, progress: &dyn Progress) -> Result<Prices, PipelineError> {
    match open(source, &Scope::default(), judge.catalog(), progress).await? {
        Opened::Whole(reading) => prices_of(*reading, judge, progress),
        Opened::Parted(cluster) => in_parts(&cluster, judge, progress).await,
    }
}

/// What GPUs cost, from a reading that is in memory as a whole.
///
/// # Errors
/// When there is neither a GPU nor a workload with one in it.
pub fn prices_of(mut reading: Reading, judge: &Judge, progress: &dyn Progress) -> Result<Prices, PipelineError> {
    progress.stage("joining pods, owners and prices", None);
    let series = std::mem::take(&mut reading.series);
    let outline = outline(&reading, labels(&series), judge);
    let (heard, tally) = outline.unheard(series, None).each(|workload| hear(workload, judge));
    nothing(&reading, &outline.snapshot(), heard.len())?;
    Ok(told(heard, &outline, tally, judge))
}

async fn in_parts(cluster: &Parted, judge: &Judge, progress: &dyn Progress) -> Result<Prices, PipelineError> {
    let outline = outline(cluster.reading(), cluster.labels(), judge);
    let skeleton = outline.snapshot();
    let hear = |workload| hear(workload, judge);
    let (outline, heard, tally) = cluster.each(outline, judge.catalog(), progress, hear).await?;
    nothing(cluster.reading(), &skeleton, heard.len())?;
    Ok(told(heard, &outline, tally, judge))
}

/// The hours of work that a workload's history tells, and the workload without it.
fn hear(mut workload: Workload, judge: &Judge) -> (WorkHours, Workload) {
    let work = WorkHours::of(&workload, judge.catalog());
    workload.forget_samples();
    (work, workload)
}

fn told(heard: Vec<(WorkHours, Workload)>, outline: &Outline<'_>, tally: Tally, judge: &Judge) -> Prices {
    let (work, workloads): (Vec<WorkHours>, Vec<Workload>) = heard.into_iter().unzip();
    judge.prices(&outline.whole(workloads, tally), &work.into_iter().sum())
}
