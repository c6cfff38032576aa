//! A source, kept: read once and written to a folder; a cluster that is too large for memory, part by part.

use std::fs::File;
use std::path::Path;

use super::parts::{Origin, Parted};
use super::{Opened, PipelineError, Source, open};
use crate::catalog::Catalog;
use crate::deliver::Recording;
use crate::engine::Scope;
use crate::model::progress::Progress;
use crate::model::reading::Reading;
use crate::policy::price_sheet::PriceSheet;
use crate::sources::collect::Outline;
use crate::sources::prometheus::read::{Blanks, SeriesReading};
use crate::sources::recording::{self, Writer};

/// Reads a source and writes a recording of it; `redacted`, without the names of its owner's making.
///
/// # Errors
/// As [`PipelineError`] says. An earlier recording in the folder is then still there.
pub async fn record(
    source: &Source,
    redacted: bool,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<(), PipelineError> {
    let catalog = Catalog::shipped()?;
    // Nobody should wait for an hour of metrics to learn that the folder is another's.
    let (folder, samples) = Recording::begin(folder)?;
    let files = match open(source, &Scope::default(), &catalog, progress).await? {
        Opened::Whole(mut reading) => {
            if redacted {
                recording::redact(&mut reading);
            }
            progress.stage("writing", None);
            let mut writer = Writer::new(&reading, samples)?;
            writer.add(&reading.series)?;
            writer.finish(*reading, false)?
        }
        Opened::Parted(cluster) => {
            let mut writer = Writer::new(cluster.reading(), samples)?;
            let reading = parts(&cluster, &mut writer, &catalog, progress).await?;
            writer.finish(reading, redacted)?
        }
    };
    Ok(folder.finish(&files)?)
}

/// Writes the series part by part; all that was read besides.
async fn parts(
    cluster: &Parted,
    writer: &mut Writer<File>,
    catalog: &Catalog,
    progress: &dyn Progress,
) -> Result<Reading, PipelineError> {
    let sheet = PriceSheet::default();
    let (devices, servers) = cluster.labels();
    // Neither teams nor prices tell which pods belong together.
    let outline = Outline::of(
        cluster.reading(),
        devices.iter().copied(),
        servers.iter().copied(),
        catalog,
        &crate::policy::attribution::NOBODY,
        &sheet,
    );
    let (signals, at_once) = (cluster.signals(), cluster.samples_at_once);
    let mut bins = outline.bins(signals, at_once);
    let judged = bins.len();
    let mut others = Vec::new();
    match cluster.origin() {
        Origin::Live(..) => bins.extend(outline.rest((&devices, &servers), &bins, signals, at_once)),
        Origin::Recorded(recorded) => others = recorded.others(&bins, at_once),
    }
    // Written at once, and let go.
    let SeriesReading {
        series, gaps: unserved, ..
    } = cluster.histograms(catalog, progress).await?;
    writer.add(&series)?;
    drop(series);
    let (requests, untold) = cluster.requests(catalog, progress).await?;
    let steps = bins.len() * cluster.steps() + others.len();
    progress.stage("reading and writing, part by part", Some(steps as u64));
    let mut reading = cluster.reading().clone();
    reading.requests = requests;
    reading.gaps.extend(untold);
    let mut blanks = Blanks::default();
    for (at, bin) in bins.iter().enumerate() {
        let read = cluster.read(bin, catalog, progress).await?;
        reading.gaps.extend(read.gaps);
        // Blanks of what nobody is judged by are in no plan.
        if at < judged {
            blanks.add(read.blanks);
        }
        writer.add(&read.series)?;
    }
    if let Origin::Recorded(recorded) = cluster.origin() {
        for portion in &others {
            writer.add(&recorded.series(portion)?)?;
            progress.advance(1);
        }
    }
    reading.gaps.extend(unserved);
    reading.gaps.extend(cluster.end(progress).iter().cloned());
    reading.gaps.extend(blanks.gaps());
    reading.settle();
    Ok(reading)
}
