//! Prices from a source: the same reading as a plan's, of which only the hours of work are kept.

use super::parts::Parted;
use super::{Opened, PipelineError, Source, labels, nothing, open, outline};
use crate::engine::{Judge, Scope, WorkHours};
use crate::model::prices::Prices;
use crate::model::progress::Progress;
use crate::model::reading::Reading;
use crate::model::workload::Workload;

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
    let mut heard = Heard::default();
    let tally = outline
        .unheard(series, None)
        .each(|workload| heard.add(workload, judge));
    nothing(&reading, &outline.snapshot(), heard.workloads.len())?;
    Ok(judge.prices(&outline.whole(heard.workloads, tally), &heard.work))
}

async fn in_parts(cluster: &Parted, judge: &Judge, progress: &dyn Progress) -> Result<Prices, PipelineError> {
    let outline = outline(cluster.reading(), cluster.labels(), judge);
    let skeleton = outline.snapshot();
    let mut heard = Heard::default();
    let hear = |workload| heard.add(workload, judge);
    let (outline, tally, count) = cluster.each(outline, judge.catalog(), progress, hear).await?;
    nothing(cluster.reading(), &skeleton, count)?;
    Ok(judge.prices(&outline.whole(heard.workloads, tally), &heard.work))
}

/// Workloads without their history, and the hours of work that it told.
#[derive(Default)]
struct Heard {
    workloads: Vec<Workload>,
    work: WorkHours,
}

impl Heard {
    fn add(&mut self, mut workload: Workload, judge: &Judge) {
        self.work.add(&workload, judge.catalog());
        workload.forget_samples();
        self.workloads.push(workload);
    }
}
