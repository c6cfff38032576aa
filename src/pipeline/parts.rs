//! A large cluster, read and judged part by part: memory is that of one part.

use std::collections::BTreeSet;

use super::finops::finish;
use super::live::Open;
use super::requests::requests as requests_of;
use super::{Books, PipelineError, nothing, outline};
use crate::catalog::Catalog;
use crate::engine::{Judge, Scope};
use crate::model::cluster::Labels;
use crate::model::gap::Gap;
use crate::model::gpu::gpu_resource;
use crate::model::progress::{Progress, Silent};
use crate::model::reading::{Reading, RequestsOf};
use crate::model::time::Grid;
use crate::model::usage::Signal;
use crate::model::workload::Workload;
use crate::policy::price_sheet::PriceSheet;
use crate::sources::collect::bins::Signals;
use crate::sources::collect::devices::Seen;
use crate::sources::collect::{Outline, Tally};
use crate::sources::prometheus::error::PrometheusError;
use crate::sources::prometheus::folds::fold;
use crate::sources::prometheus::histograms;
use crate::sources::prometheus::probe::{self, Probe};
use crate::sources::prometheus::read::{Blanks, SeriesReading, requests, series};
use crate::sources::prometheus::select::{Pods, pod_in};
use crate::sources::recording::Recorded;

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
    let served = served(reading.grid, devices.ceil() as usize, devices.ceil() as usize);
    let samples = devices * reading.grid.points() as f64 * Signal::ALL.len() as f64 + served as f64;
    devices > 0.0 && samples <= samples_at_once as f64
}

/// Asks the server what there is to read; nothing where it is let through to queries only, as some proxies do.
pub(super) async fn look(
    open: &Open,
    catalog: &Catalog,
    progress: &dyn Progress,
) -> Result<Option<Probe>, PipelineError> {
    progress.stage("looking for series", None);
    match probe::probe(&open.client, catalog, open.reading.grid.window).await {
        Ok(found) => Ok(Some(found)),
        // Queries were answered before.
        Err(error @ (PrometheusError::Credentials { .. } | PrometheusError::NotFound { .. })) => {
            progress.note(&format!("{error}; it lists no series, so that all are read at once"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether what was found surely fits in memory, were all of it there with every signal for the whole window.
pub(super) fn is_few(found: &Probe, reading: &Reading, samples_at_once: u64) -> bool {
    let of_gpu = Signal::ALL.into_iter().filter(|signal| signal.is_gpu()).count();
    let series = found.devices.len() * of_gpu + found.servers.len() * (Signal::ALL.len() - of_gpu);
    let pods: BTreeSet<(String, String)> = found.servers.iter().filter_map(pod_in).collect();
    let alike: BTreeSet<(&str, &str)> = pods
        .iter()
        .map(|(namespace, pod)| (&namespace[..], fold(pod)))
        .collect();
    let samples = (series * reading.grid.points()) as u64 + served(reading.grid, alike.len(), pods.len());
    found.gaps.is_empty() && samples <= samples_at_once
}

/// Bounds of a histogram with its sum, of the servers that have most: vLLM's have up to 28.
const BOUNDS: u64 = 32;

/// Values of all the histograms that so many workloads with so many pods may have.
fn served(grid: Grid, workloads: usize, pods: usize) -> u64 {
    let a_signal = (workloads as u64 * BOUNDS + pods as u64) * grid.hourly().points() as u64;
    a_signal * Signal::HISTOGRAMS.len() as u64
}

/// A cluster whose series do not fit in memory at once.
pub(super) struct Parted {
    origin: Origin,
    /// How many samples do.
    pub(super) samples_at_once: u64,
}

/// Where its series are read.
pub(super) enum Origin {
    /// From a server, which told what there is.
    Live(Box<Open>, Probe),
    /// From a folder.
    Recorded(Box<Recorded>),
}

impl Parted {
    pub(super) fn live(open: Open, found: Probe, samples_at_once: u64) -> Self {
        let origin = Origin::Live(Box::new(open), found);
        Self {
            origin,
            samples_at_once,
        }
    }

    pub(super) fn recorded(recorded: Recorded, samples_at_once: u64) -> Self {
        let origin = Origin::Recorded(Box::new(recorded));
        Self {
            origin,
            samples_at_once,
        }
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Everything but the series.
    pub(super) fn reading(&self) -> &Reading {
        match &self.origin {
            Origin::Live(open, _) => &open.reading,
            Origin::Recorded(recorded) => &recorded.reading,
        }
    }

    /// The labels of GPU series, and those of servers.
    pub(super) fn labels(&self) -> (Vec<&Labels>, Vec<&Labels>) {
        match &self.origin {
            Origin::Live(_, found) => (found.devices.iter().collect(), found.servers.iter().collect()),
            Origin::Recorded(recorded) => super::apart(recorded.labels()),
        }
    }

    /// By which parts are measured.
    pub(super) fn signals(&self) -> Signals {
        match &self.origin {
            Origin::Live(_, found) => Signals {
                gpu: found.gpu_signals,
                server: found.server_signals,
            },
            Origin::Recorded(recorded) => {
                let signals: Vec<Signal> = recorded
                    .signals()
                    .into_iter()
                    .filter(|one| !one.is_histogram())
                    .collect();
                let gpu = signals.iter().filter(|signal| signal.is_gpu()).count();
                Signals {
                    gpu: gpu as u64,
                    server: (signals.len() - gpu) as u64,
                }
            }
        }
    }

    /// Steps of progress that a part takes.
    pub(super) fn steps(&self) -> usize {
        match &self.origin {
            Origin::Live(open, _) => requests(open.reading.grid),
            Origin::Recorded(_) => 1,
        }
    }

    /// The series of these pods.
    pub(super) async fn read(
        &self,
        pods: &Pods,
        catalog: &Catalog,
        progress: &dyn Progress,
    ) -> Result<SeriesReading, PipelineError> {
        match &self.origin {
            Origin::Live(open, _) => Ok(series(&open.client, catalog, open.reading.grid, Some(pods), progress).await?),
            Origin::Recorded(recorded) => {
                let series = recorded.of_pods(pods)?;
                progress.advance(1);
                Ok(SeriesReading {
                    series,
                    ..SeriesReading::default()
                })
            }
        }
    }

    /// The histograms of all workloads, which are few: the server has added them up over pods.
    pub(super) async fn histograms(
        &self,
        catalog: &Catalog,
        progress: &dyn Progress,
    ) -> Result<SeriesReading, PipelineError> {
        match &self.origin {
            Origin::Live(open, _) => {
                let grid = open.reading.grid;
                progress.stage("reading histograms", Some(histograms::requests(grid) as u64));
                Ok(histograms::histograms(&open.client, catalog, grid, progress).await?)
            }
            Origin::Recorded(recorded) => Ok(SeriesReading {
                series: recorded.histograms()?,
                ..SeriesReading::default()
            }),
        }
    }

    /// Requests at scrape interval of the workloads whose GPUs cost the most, and what could not be read of them.
    pub(super) async fn requests(
        &self,
        catalog: &Catalog,
        progress: &dyn Progress,
    ) -> Result<(Vec<RequestsOf>, Vec<Gap>), PipelineError> {
        let open = match &self.origin {
            Origin::Live(open, _) => open,
            Origin::Recorded(recorded) => return Ok((recorded.requests()?, Vec::new())),
        };
        let (devices, servers) = self.labels();
        let sheet = PriceSheet::default();
        let nobody = &crate::policy::attribution::NOBODY;
        let (devices, servers) = (devices.into_iter(), servers.into_iter());
        let outline = Outline::of(&open.reading, devices, servers, catalog, nobody, &sheet);
        requests_of(&open.client, catalog, &outline, open.replay_limit, progress).await
    }

    /// Tells what was asked when all is read, and answers with what could not be seen of what there is to read.
    pub(super) fn end(&self, progress: &dyn Progress) -> &[Gap] {
        match &self.origin {
            Origin::Live(open, found) => {
                progress.asked(open.client.shown(), open.client.load());
                &found.gaps
            }
            Origin::Recorded(_) => &[],
        }
    }

    /// The outline that knows what pods of different parts hold together. Labels and lives tell it of most; the others are read
    /// once more, as a part does not see the pods of another.
    async fn seen<'a>(
        &self,
        outline: Outline<'a>,
        bins: &[Pods],
        tally: &mut Tally,
        catalog: &Catalog,
        progress: &dyn Progress,
    ) -> Result<Outline<'a>, PipelineError> {
        let untold = outline.untold(bins, self.signals(), self.samples_at_once);
        if untold.is_empty() {
            return Ok(outline);
        }
        let steps = untold.len() * self.steps();
        progress.stage("looking for pods that share a GPU", Some(steps as u64));
        let mut seen = Seen::default();
        for bin in &untold {
            let read = self.read(bin, catalog, progress).await?;
            tally.gaps.extend(read.gaps);
            outline.see(read.series, &mut seen);
        }
        Ok(outline.with_seen(&seen))
    }

    /// Reads the parts one after the other and hands the workloads of each to `hear`; the outline by which they were read,
    /// what was made of them, and what was read.
    pub(super) async fn each<'a, T: Send>(
        &self,
        outline: Outline<'a>,
        catalog: &Catalog,
        progress: &dyn Progress,
        hear: impl Fn(Workload) -> T + Sync,
    ) -> Result<(Outline<'a>, Vec<T>, Tally), PipelineError> {
        let bins = outline.bins(self.signals(), self.samples_at_once);
        let mut tally = Tally::default();
        let outline = self.seen(outline, &bins, &mut tally, catalog, progress).await?;
        let mut blanks = Blanks::default();
        let mut heard = Vec::new();
        progress.stage(
            "reading and judging, part by part",
            Some((bins.len() * self.steps()) as u64),
        );
        for bin in &bins {
            let read = self.read(bin, catalog, progress).await?;
            tally.gaps.extend(read.gaps);
            blanks.add(read.blanks);
            let (made, of_part) = outline.unheard(read.series, Some(bin)).each(&hear);
            heard.extend(made);
            tally.add(of_part);
        }
        tally.gaps.extend(self.end(progress).iter().cloned());
        tally.gaps.extend(blanks.gaps());
        Ok((outline, heard, tally))
    }
}

/// Reads and judges workload by workload.
pub(super) async fn books(
    cluster: &Parted,
    judge: &Judge,
    scope: &Scope,
    progress: &dyn Progress,
) -> Result<Books, PipelineError> {
    let served = cluster.histograms(judge.catalog(), progress).await?;
    let (requests, untold) = cluster.requests(judge.catalog(), progress).await?;
    let outline = outline(cluster.reading(), cluster.labels(), judge);
    let outline = outline.with_histograms(served.series).with_requests(requests);
    let skeleton = outline.snapshot();
    let hearing = judge.hearing(&skeleton, scope);
    let hear = |workload| hearing.hear(workload, &Silent);
    let (outline, heard, mut tally) = cluster.each(outline, judge.catalog(), progress, hear).await?;
    tally.gaps.extend(served.gaps.into_iter().chain(untold));
    nothing(cluster.reading(), &skeleton, heard.len())?;
    let plan = hearing.plan(heard, |workloads| outline.whole(workloads, tally));
    Ok(finish(plan, skeleton.nodes, outline.ledger(), (judge, scope)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cluster::{Inventory, Node, Resources};
    use crate::model::time::Window;
    use jiff::Timestamp;

    fn reading(inventory: Inventory) -> Reading {
        let at = |hour: i64| Timestamp::from_second(1_760_000_400 + hour * 3600).unwrap();
        Reading {
            cluster: "c".to_owned(),
            grid: Grid {
                window: Window {
                    start: at(0),
                    end: at(100),
                },
                step_seconds: 3600,
            },
            currency: "USD".to_owned(),
            inventory,
            series: Vec::new(),
            requests: Vec::new(),
            asked: Vec::new(),
            gaps: Vec::new(),
        }
    }

    fn server(pod: &str) -> Labels {
        let pairs = [("namespace", "ml"), ("pod", pod)];
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    /// Six signals of a server are 600 points in a hundred hours; five histograms of 32 values 16,000, and 500 for each pod.
    #[test]
    fn histograms_count_where_a_cluster_is_small_enough_to_be_read_at_once() {
        let few = |pods: &[&str], at_once| {
            let found = Probe {
                servers: pods.iter().map(|pod| server(pod)).collect(),
                ..Probe::default()
            };
            is_few(&found, &reading(Inventory::default()), at_once)
        };
        assert!(few(&["chat-0"], 17_100) && !few(&["chat-0"], 17_099));
        // Pods of one workload are added up.
        assert!(few(&["chat-0", "chat-1"], 18_200) && !few(&["chat-0", "chat-1"], 18_199));
        assert!(!few(&["chat-0", "embed-0"], 34_199));
        let node = Node {
            allocatable: Resources::from([("nvidia.com/gpu".to_owned(), 8.0)]),
            ..Node::default()
        };
        let eight = reading(Inventory {
            nodes: vec![node],
            ..Inventory::default()
        });
        let all = 8 * (13 * 100 + 16_500);
        assert!(is_small(&eight, all) && !is_small(&eight, all - 1));
    }
}
