//! What kube-state-metrics saw of GPU pods over the window, so that pods that are gone still have an owner.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::client::{PrometheusClient, Sink};
use super::error::PrometheusError;
use super::kube_state::{Dialect, Owned};
use super::lifetimes::{Lifetimes, PodOwners, told};
use super::read::{refused, warned};
use super::split::chunks;
use super::starts::Starts;
use crate::model::cluster::{OwnerRecord, PodRecord};
use crate::model::gap::Gap;
use crate::model::progress::Progress;
use crate::model::time::{Grid, Window};

/// Seconds between points; billing by the minute is not what history is for.
const STEP_SECONDS: u32 = 300;

/// Seconds between points for owners, which do not change while a pod lives.
const OWNER_STEP_SECONDS: u32 = 3600;

/// Over how many points of the window kube-state-metrics is looked for.
const PROBES: u32 = 48;

/// The code of the gap that stands where kube-state-metrics is not scraped.
pub const NO_STATE: &str = "no-kube-state-metrics";

/// What kube-state-metrics told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// GPU pods that ran within the window.
    pub pods: Vec<PodRecord>,
    /// Owners of their owners.
    pub owners: Vec<OwnerRecord>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// Reads the history of GPU pods over the grid's window.
///
/// # Errors
/// As for [`super::read::series`]: a query that is refused is a gap.
pub async fn read(client: &PrometheusClient, grid: Grid, progress: &dyn Progress) -> Result<History, PrometheusError> {
    progress.stage("reading the history of GPU pods", Some(6));
    let mut reader = Reader {
        client,
        progress,
        gaps: BTreeSet::new(),
    };
    let (pods, owners) = reader.read(grid).await?;
    Ok(History {
        pods,
        owners,
        gaps: reader.gaps.into_iter().collect(),
    })
}

/// The grid over a window whose last point is the window's end; the first step may begin before the window.
pub(super) fn grid_to_end(window: Window, step_seconds: u32) -> Grid {
    let (step, end) = (i64::from(step_seconds), window.end.as_second());
    let steps = ((end - window.start.as_second()).max(0) + step - 1) / step;
    let start = Timestamp::from_second(end - steps * step).unwrap_or(window.start);
    let end = window.end;
    Grid {
        window: Window { start, end },
        step_seconds,
    }
}

struct Reader<'r> {
    client: &'r PrometheusClient,
    progress: &'r dyn Progress,
    gaps: BTreeSet<Gap>,
}

impl Reader<'_> {
    async fn read(&mut self, grid: Grid) -> Result<(Vec<PodRecord>, Vec<OwnerRecord>), PrometheusError> {
        let nothing = Ok((Vec::new(), Vec::new()));
        let step = STEP_SECONDS.max(grid.step_seconds);
        let Some(dialect) = self.dialect(grid.window, step).await? else {
            return nothing;
        };
        self.progress.advance(1);
        let lifetimes = Mutex::new(Lifetimes::new(dialect, step));
        let sink = |row| lifetimes.lock().unwrap_or_else(PoisonError::into_inner).take(&row);
        let steps = grid_to_end(grid.window, step);
        self.ask(
            "the history of GPU pods",
            &dialect.running(step, self.client.matchers()),
            steps,
            &sink,
        )
        .await?;
        let lifetimes = lifetimes.into_inner().unwrap_or_else(PoisonError::into_inner);
        if lifetimes.is_empty() {
            return nothing;
        }
        self.progress.advance(1);
        let step = OWNER_STEP_SECONDS.max(step);
        let steps = grid_to_end(grid.window, step);
        let pod_owners = self.pod_owners(dialect, steps).await?;
        self.progress.advance(1);
        let mut pods = lifetimes.records(grid, &pod_owners);
        self.starts(dialect, steps).await?.tell(&mut pods);
        self.progress.advance(1);
        let mut owners = BTreeSet::new();
        for owned in Owned::ALL {
            let is_owned = |pod: &PodRecord| pod.owner_kind.as_deref() == Some(owned.kind());
            if pods.iter().any(is_owned) {
                owners.extend(self.owner_owners(dialect, steps, owned).await?);
            }
            self.progress.advance(1);
        }
        Ok((pods, owners.into_iter().collect()))
    }

    /// How kube-state-metrics is scraped; a gap where it is not.
    async fn dialect(&mut self, window: Window, step: u32) -> Result<Option<Dialect>, PrometheusError> {
        let span = u32::try_from(window.end.as_second() - window.start.as_second()).unwrap_or(0);
        let grid = grid_to_end(window, step.max(span / PROBES));
        let rows = Mutex::new(Vec::new());
        let sink = |row| rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
        let subject = "whether kube-state-metrics is there";
        let answered = self
            .ask(subject, &Dialect::probe(self.client.matchers()), grid, &sink)
            .await?;
        let rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
        let dialect = Dialect::found(&rows);
        if dialect.is_none() && answered {
            self.gaps.insert(Gap::new(
                NO_STATE,
                "pods that are gone cannot be attributed to a workload; only pods that exist now are",
                "this Prometheus has no `kube_pod_status_phase` within the window",
                "install kube-state-metrics and let this Prometheus scrape it",
            ));
        }
        Ok(dialect)
    }

    async fn pod_owners(&mut self, dialect: Dialect, grid: Grid) -> Result<PodOwners, PrometheusError> {
        // Versions that do not tell controllers from other owners have no such label.
        for matcher in [r#"owner_is_controller="true""#, ""] {
            let owners = Mutex::new(PodOwners::default());
            let sink = |row| {
                let mut owners = owners.lock().unwrap_or_else(PoisonError::into_inner);
                owners.take(dialect, &row);
            };
            let query = dialect.pod_owners(grid.step_seconds, matcher, self.client.matchers());
            self.ask("the owners of GPU pods", &query, grid, &sink).await?;
            let owners = owners.into_inner().unwrap_or_else(PoisonError::into_inner);
            if !owners.is_empty() {
                return Ok(owners);
            }
        }
        Ok(PodOwners::default())
    }

    async fn starts(&mut self, dialect: Dialect, grid: Grid) -> Result<Starts, PrometheusError> {
        let starts = Mutex::new(Starts::default());
        let sink = |row| {
            starts
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(dialect, &row)
        };
        let query = dialect.starts(grid.step_seconds, self.client.matchers());
        self.ask("how long pods took to be ready", &query, grid, &sink).await?;
        Ok(starts.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    async fn owner_owners(
        &mut self,
        dialect: Dialect,
        grid: Grid,
        owned: Owned,
    ) -> Result<BTreeSet<OwnerRecord>, PrometheusError> {
        let records = Mutex::new(BTreeSet::new());
        let sink = |row| {
            let place = (told(&row, dialect.namespace()), told(&row, owned.label()));
            let owner = (told(&row, "owner_kind"), told(&row, "owner_name"));
            if let ((Some(namespace), Some(name)), (Some(owner_kind), Some(owner_name))) = (place, owner) {
                let kind = owned.kind().to_owned();
                records
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(OwnerRecord {
                        namespace,
                        kind,
                        name,
                        owner_kind,
                        owner_name,
                    });
            }
        };
        let subject = format!("the owners of each {}", owned.kind());
        let query = dialect.owner_owners(grid.step_seconds, owned, self.client.matchers());
        self.ask(&subject, &query, grid, &sink).await?;
        Ok(records.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks over the whole grid. False where the server refused, which is then a gap.
    async fn ask(&mut self, subject: &str, query: &str, grid: Grid, sink: Sink<'_>) -> Result<bool, PrometheusError> {
        for chunk in chunks(grid) {
            match self.client.range(query, chunk, sink).await {
                Ok(remarks) => self.gaps.extend(remarks.warnings.iter().map(|w| warned(subject, w))),
                Err(PrometheusError::Refused {
                    error_type, message, ..
                }) => {
                    self.gaps.insert(refused(subject, &error_type, &message));
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
