//! Prices from a source: the same reading as a plan's, of which only the hours of work are kept.

use super::parts::Parted;
use super::{Opened, PipelineError, Source, labels, nothing, open, outline};
use crate::engine::{Judge, WorkHours};
use crate::model::prices::Prices;
use crate::model::progress::Progress;
use crate::model::reading::Reading;
use crate::model::workload::Workload;

/// Reads a source and tells what its GPUs cost; a cluster that is too large for memory, part by part.
///
/// # Errors
/// As [`PipelineError`] says.
pub async fn prices(source: &Source, judge: &Judge, progress: &dyn Progress) -> Result<Prices, PipelineError> {
    match open(source, judge.catalog(), progress).await? {
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
    let part = outline.part(series, None);
    nothing(&reading, &outline.snapshot(), part.workloads.len())?;
    let mut work = WorkHours::default();
    work.add(&part.workloads, judge.catalog());
    let tally = part.tally();
    Ok(judge.prices(&outline.whole(part.workloads, tally), &work))
}

async fn in_parts(cluster: &Parted, judge: &Judge, progress: &dyn Progress) -> Result<Prices, PipelineError> {
    let outline = outline(cluster.reading(), cluster.labels(), judge);
    let skeleton = outline.snapshot();
    let mut work = WorkHours::default();
    let mut seen: Vec<Workload> = Vec::new();
    let hear = |mut workloads: Vec<Workload>| {
        work.add(&workloads, judge.catalog());
        // Prices need no history of single workloads; those that only metrics name are in no outline.
        workloads.iter_mut().for_each(Workload::forget_samples);
        seen.append(&mut workloads);
    };
    let (outline, tally, heard) = cluster.each(outline, judge.catalog(), progress, hear).await?;
    nothing(cluster.reading(), &skeleton, heard)?;
    Ok(judge.prices(&outline.whole(seen, tally), &work))
}
