//! Prices from a source: the same reading as a plan's, of which only the hours of work are kept.

use super::{PipelineError, Source, labels, live, nothing, outline, parts, read};
use crate::engine::{Judge, WorkHours};
use crate::model::prices::Prices;
use crate::model::progress::Progress;
use crate::model::reading::Reading;

/// Reads a source and tells what its GPUs cost; a cluster that is too large for memory, part by part.
///
/// # Errors
/// As [`PipelineError`] says.
pub async fn prices(source: &Source, judge: &Judge, progress: &dyn Progress) -> Result<Prices, PipelineError> {
    let reading = match source {
        Source::Live(live) => {
            let open = live::open(live, judge.catalog(), progress).await?;
            if !parts::is_small(&open.reading, live.samples_at_once) {
                return in_parts(&open, live.samples_at_once, judge, progress).await;
            }
            open.whole(judge.catalog(), progress).await?
        }
        Source::Demo | Source::Recording(_) => read(source, progress).await?,
    };
    prices_of(reading, judge, progress)
}

/// What GPUs cost, from a reading that is in memory as a whole.
///
/// # Errors
/// When there is neither a GPU nor a workload with one in it.
pub fn prices_of(mut reading: Reading, judge: &Judge, progress: &dyn Progress) -> Result<Prices, PipelineError> {
    progress.stage("joining pods, owners and prices", None);
    let series = std::mem::take(&mut reading.series);
    let (devices, servers) = labels(&series);
    let outline = outline(&reading, &devices, &servers, judge);
    let part = outline.part(series, None);
    nothing(&reading, &outline.snapshot(), part.workloads.len())?;
    let mut work = WorkHours::default();
    work.add(&part.workloads, judge.catalog());
    let tally = part.tally();
    Ok(judge.prices(&outline.whole(part.workloads, tally), &work))
}

async fn in_parts(
    open: &live::Open,
    samples_at_once: u64,
    judge: &Judge,
    progress: &dyn Progress,
) -> Result<Prices, PipelineError> {
    let found = parts::look(open, judge, progress).await?;
    let outline = outline(&open.reading, &found.devices, &found.servers, judge);
    let mut work = WorkHours::default();
    let hear = |workloads: Vec<_>| work.add(&workloads, judge.catalog());
    let (tally, heard) = parts::each(open, samples_at_once, judge, &found, &outline, progress, hear).await?;
    let skeleton = outline.snapshot();
    nothing(&open.reading, &skeleton, heard)?;
    // Prices need no history of single workloads.
    Ok(judge.prices(&outline.whole(skeleton.workloads, tally), &work))
}
