//! A large cluster, read and judged part by part: memory is that of one part.

use super::live::Open;
use super::{PipelineError, nothing, outline};
use crate::engine::{Judge, Scope};
use crate::model::gpu::gpu_resource;
use crate::model::plan::Plan;
use crate::model::progress::{Progress, Silent};
use crate::model::reading::Reading;
use crate::model::usage::Signal;
use crate::model::workload::Workload;
use crate::sources::collect::bins::Signals;
use crate::sources::collect::{Outline, Tally};
use crate::sources::prometheus::histograms;
use crate::sources::prometheus::probe::{self, Probe};
use crate::sources::prometheus::read::{Blanks, requests, series};

/// Whether all series of this cluster surely fit in memory at once: its nodes are known, and were they all busy for the whole
/// window with every signal there is, it would still be few enough samples.
pub(super) fn is_small(reading: &Reading, samples_at_once: u64) -> bool {
    let inventory = &reading.inventory;
    let on_nodes = inventory.nodes.iter().flat_map(|node| &node.allocatable);
    let devices: f64 = on_nodes
        .filter(|(name, _)| gpu_resource(name).is_some())
        .map(|(_, count)| count)
        .sum();
    // Of devices that DRA hands out, each way to cut one counts: too many are better than too few.
    let devices = devices + inventory.devices.len() as f64;
    // Nodes come and go: pods that are gone say how many devices there were besides.
    let seconds = |record: &crate::model::cluster::PodRecord| record.last.as_second() - record.first.as_second();
    let held = inventory.pod_history.iter();
    let held: f64 = held
        .map(|record| record.requests.values().sum::<f64>() * seconds(record) as f64)
        .sum();
    let window = reading.grid.window.hours() * 3600.0;
    let devices = devices.max(held / window.max(1.0));
    let samples = devices * reading.grid.points() as f64 * Signal::ALL.len() as f64;
    devices > 0.0 && samples <= samples_at_once as f64
}

/// Reads and judges workload by workload.
pub(super) async fn plan(
    open: &Open,
    samples_at_once: u64,
    judge: &Judge,
    scope: &Scope,
    progress: &dyn Progress,
) -> Result<Plan, PipelineError> {
    let found = look(open, judge, progress).await?;
    // The server has added these up over pods, so that those of all workloads are few.
    progress.stage(
        "reading histograms",
        Some(histograms::requests(open.reading.grid) as u64),
    );
    let served = histograms::histograms(&open.client, judge.catalog(), open.reading.grid, progress).await?;
    let outline = outline(&open.reading, &found.devices, &found.servers, judge).with_histograms(served.series);
    let skeleton = outline.snapshot();
    let mut hearing = judge.hearing(&skeleton, scope);
    let hear = |workloads| hearing.hear(workloads, &Silent);
    let (mut tally, heard) = each(open, samples_at_once, judge, &found, &outline, progress, hear).await?;
    tally.gaps.extend(served.gaps);
    nothing(&open.reading, &skeleton, heard)?;
    Ok(hearing.plan(|workloads| outline.whole(workloads, tally)))
}

/// What there is to read.
pub(super) async fn look(open: &Open, judge: &Judge, progress: &dyn Progress) -> Result<Probe, PipelineError> {
    progress.stage("looking for series", None);
    Ok(probe::probe(&open.client, judge.catalog(), open.reading.grid.window).await?)
}

/// Reads the parts one after the other and hands the workloads of each to `hear`; what was read, and how many they were.
pub(super) async fn each(
    open: &Open,
    samples_at_once: u64,
    judge: &Judge,
    found: &Probe,
    outline: &Outline<'_>,
    progress: &dyn Progress,
    mut hear: impl FnMut(Vec<Workload>),
) -> Result<(Tally, usize), PipelineError> {
    let Open { reading, client } = open;
    let signals = Signals {
        gpu: found.gpu_signals,
        server: found.server_signals,
    };
    let bins = outline.bins(signals, samples_at_once);
    let mut tally = Tally::default();
    let mut blanks = Blanks::default();
    let mut heard = 0;
    let requests = bins.len() * requests(reading.grid);
    progress.stage("reading and judging, part by part", Some(requests as u64));
    for bin in &bins {
        let read = series(client, judge.catalog(), reading.grid, Some(bin), progress).await?;
        tally.gaps.extend(read.gaps);
        blanks.add(read.blanks);
        let part = outline.part(read.series, Some(bin));
        tally.add(part.tally());
        heard += part.workloads.len();
        hear(part.workloads);
    }
    progress.asked(client.shown(), client.load());
    tally.gaps.extend(found.gaps.iter().cloned());
    tally.gaps.extend(blanks.gaps());
    Ok((tally, heard))
}
