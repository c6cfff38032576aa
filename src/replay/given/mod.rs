//! An autoscaler run over values that are given: what it would have done had its metrics been these. The values do not answer to
//! the replicas, as those of a real workload would; a load that depends on no replica is replayed rightly, a queue is not.

pub mod load;

use load::{Load, Shown, Wanted};

use super::hpa::manifest::{Manifest, Metric, Target};
use super::hpa::sample::{Metrics, PerPod, Pool, Reading};
use super::hpa::{Controller, Decided, Faults, Flags};
use super::keda::triggers::{Scaler, Trigger};
use super::keda::{Answer, Keda, Seen};

/// From one sync to the next: the controller's period, and what a sync itself takes.
pub(in crate::replay) const SYNC: i64 = 15_060;

/// What is run.
#[derive(Debug, Clone)]
pub enum Subject {
    /// An autoscaler.
    Hpa {
        /// As it is read.
        manifest: Box<Manifest>,
        /// Its metrics.
        metrics: Metrics,
    },
    /// A ScaledObject.
    Keda(Box<super::keda::spec::ScaledObject>),
}

/// How it is run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// Milliseconds from a pod's creation until it is ready.
    pub start: i64,
    /// Replicas at first; the fewest where nobody says.
    pub replicas: Option<i32>,
    /// What the controller is told by its flags.
    pub flags: Flags,
}

/// Who wrote replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// The horizontal pod autoscaler.
    Autoscaler,
    /// KEDA's operator.
    Operator,
}

/// Replicas that were written.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// When, in milliseconds of Unix time.
    pub at: i64,
    /// By whom.
    pub by: Writer,
    /// What metrics showed.
    pub values: Vec<Option<f64>>,
    /// The most that one of them proposed.
    pub proposed: Option<i32>,
    /// Before.
    pub from: i32,
    /// After.
    pub to: i32,
}

/// What was there at a sync.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// When, in milliseconds of Unix time.
    pub at: i64,
    /// Replicas.
    pub replicas: i32,
    /// What the first metric showed.
    pub value: Option<f64>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// From when to when, in milliseconds of Unix time.
    pub span: (i64, i64),
    /// Metrics that were given, by name.
    pub names: Vec<String>,
    /// Replicas that were written, in order.
    pub changes: Vec<Change>,
    /// Every sync.
    pub moments: Vec<Moment>,
    /// Syncs in which some metric had no value.
    pub failed_syncs: usize,
    /// Replicas times hours, from a pod's creation on.
    pub replica_hours: f64,
    /// From when to when nothing was given.
    pub holes: Vec<(i64, i64)>,
}

impl Subject {
    /// An autoscaler.
    pub fn hpa(manifest: Manifest) -> Self {
        Self::Hpa {
            metrics: Metrics::of(&manifest),
            manifest: Box::new(manifest),
        }
    }

    /// The metrics that need a column, by the names that it may have.
    pub fn wanted(&self) -> Vec<Wanted> {
        let by_place = |at: usize, name: String| vec![name, format!("s{at}")];
        match self {
            Self::Hpa { manifest, .. } => {
                let metrics = manifest.metrics.iter().enumerate();
                metrics.map(|(at, metric)| by_place(at, metric.name())).collect()
            }
            Self::Keda(object) => {
                let name = |(at, trigger): (usize, &Trigger)| match trigger.name.as_str() {
                    "" => by_place(at, trigger.metric.name()),
                    own => vec![own.to_owned(), format!("s{at}"), trigger.metric.name()],
                };
                given(object).map(name).collect()
            }
        }
    }

    /// The fewest replicas that it allows.
    pub fn fewest(&self) -> i32 {
        match self {
            Self::Hpa { manifest, .. } => manifest.autoscaler.min,
            Self::Keda(object) => object.idle.unwrap_or(object.min),
        }
    }

    /// The most replicas that it allows.
    pub fn most(&self) -> i32 {
        match self {
            Self::Hpa { manifest, .. } => manifest.autoscaler.max,
            Self::Keda(object) => object.max,
        }
    }

    /// Runs it over a load whose metrics are those that are wanted, in their order.
    pub fn run(&self, load: &Load, setting: Setting) -> Run {
        let (from, to) = load.span();
        let names = self.wanted().into_iter().filter_map(|mut names| names.drain(..).next());
        let mut running = Running {
            load,
            setting,
            pods: Pods::of(setting.replicas.unwrap_or_else(|| self.fewest()).max(0)),
            run: Run {
                span: (from, to),
                names: names.collect(),
                changes: Vec::new(),
                moments: Vec::new(),
                failed_syncs: 0,
                replica_hours: 0.0,
                holes: load.holes(),
            },
            last: from,
        };
        match self {
            Self::Hpa { manifest, metrics } => running.hpa(manifest, metrics),
            Self::Keda(object) => running.keda(Keda::new((**object).clone(), from)),
        }
        running.pass(to);
        running.run
    }
}

/// Triggers whose values are given; the clock's are known.
fn given(object: &super::keda::spec::ScaledObject) -> impl Iterator<Item = (usize, &Trigger)> {
    let triggers = object.triggers.iter().enumerate();
    triggers.filter(|(_, trigger)| !matches!(trigger.scaler, Scaler::Cron(_)))
}

/// Pods of a workload: those that are ready, and groups of others with the time at which each will be.
#[derive(Debug, Clone, Default)]
struct Pods {
    ready: i32,
    starting: Vec<(i64, i32)>,
}

impl Pods {
    fn of(replicas: i32) -> Self {
        Self {
            ready: replicas,
            starting: Vec::new(),
        }
    }

    fn starting(&self) -> i32 {
        self.starting.iter().map(|(_, pods)| pods).sum()
    }

    fn replicas(&self) -> i32 {
        self.ready + self.starting()
    }

    fn pass(&mut self, now: i64) {
        let before = self.starting();
        self.starting.retain(|(ready_at, _)| *ready_at > now);
        self.ready += before - self.starting();
    }

    /// Who started last goes first.
    fn scale(&mut self, replicas: i32, ready_at: i64) {
        let more = replicas - self.replicas();
        if more > 0 {
            self.starting.push((ready_at, more));
            return;
        }
        let mut fewer = -more;
        while fewer > 0
            && let Some((_, pods)) = self.starting.last_mut()
        {
            let gone = fewer.min(*pods);
            *pods -= gone;
            fewer -= gone;
            if *pods == 0 {
                self.starting.pop();
            }
        }
        self.ready -= fewer;
    }

    fn pool(&self) -> Pool {
        let count = |pods: i32| usize::try_from(pods).unwrap_or(0);
        Pool {
            replicas: self.replicas(),
            status: self.replicas(),
            ready: count(self.ready),
            pods: count(self.replicas()),
        }
    }
}

struct Running<'a> {
    load: &'a Load,
    setting: Setting,
    pods: Pods,
    run: Run,
    last: i64,
}

impl Running<'_> {
    fn hpa(&mut self, manifest: &Manifest, metrics: &Metrics) {
        let mut controller = Controller::default();
        let (mut now, end) = self.run.span;
        while now < end {
            self.pass(now);
            let reading = |(at, metric): (usize, &Metric)| match self.load.shown(at, now) {
                Shown::Value(value) if metric.is_without_pods() => Reading::Whole(milli(value)),
                Shown::Value(value) => Reading::PerPod(self.per_pod(metric, value)),
                Shown::Nothing | Shown::Hole => Reading::Missing,
            };
            let readings: Vec<Reading> = manifest.metrics.iter().enumerate().map(reading).collect();
            let pool = self.pods.pool();
            let settings = (&manifest.autoscaler, self.setting.flags);
            let decided = controller.decide(settings, (now, pool.replicas), Faults::default(), || {
                metrics.best(&pool, &readings)
            });
            self.synced(now, decided);
            now += SYNC;
        }
    }

    fn keda(&mut self, mut keda: Keda) {
        let places: Vec<usize> = given(keda.object()).map(|(at, _)| at).collect();
        let triggers = keda.object().triggers.clone();
        let every = i64::from(keda.object().polling_seconds) * 1_000;
        let (start, end) = self.run.span;
        let (mut poll, mut sync) = (start, start);
        while poll.min(sync) < end {
            let now = poll.min(sync);
            self.pass(now);
            let mut answers = vec![Answer::Failed; triggers.len()];
            for (metric, at) in places.iter().enumerate() {
                answers[*at] = match self.load.shown(metric, now) {
                    Shown::Value(value) => Answer::Value(value),
                    Shown::Nothing => Answer::Nothing,
                    Shown::Hole => Answer::Failed,
                };
            }
            let pool = self.pods.pool();
            let seen = Seen {
                now,
                replicas: pool.replicas,
                ready: pool.ready,
                answers: &answers,
            };
            if poll == now {
                let polled = keda.poll(&seen);
                poll += every;
                if let Some(replicas) = polled.written {
                    self.written(now, (Writer::Operator, None), replicas);
                }
                continue;
            }
            let shown = |(at, trigger): (usize, &Trigger)| {
                let metric = places.iter().position(|place| *place == at)?;
                match self.load.shown(metric, now) {
                    Shown::Value(value) => Some(self.per_pod(&trigger.metric, value)),
                    Shown::Nothing | Shown::Hole => None,
                }
            };
            let pods: Vec<Option<PerPod>> = triggers.iter().enumerate().map(shown).collect();
            let decided = keda.sync(self.setting.flags, &seen, &pool, &pods);
            self.synced(now, decided);
            sync += SYNC;
        }
    }

    /// Time passes: what is there costs, and who starts becomes ready.
    fn pass(&mut self, now: i64) {
        self.run.replica_hours += f64::from(self.pods.replicas()) * (now - self.last) as f64 / 3_600_000.0;
        self.last = now;
        self.pods.pass(now);
    }

    /// Every ready pod shows the value, or that share of a request of one.
    fn per_pod(&self, metric: &Metric, value: f64) -> PerPod {
        let pool = self.pods.pool();
        let each = match metric.target {
            Target::Utilization(_) => (value * 10.0).round() as i64,
            Target::Value(_) | Target::AverageValue(_) => milli(value),
        };
        PerPod {
            counted: pool.ready,
            sum: each.saturating_mul(i64::from(self.pods.ready)),
            unready: pool.pods - pool.ready,
            missing: 0,
            request: Some(1_000),
        }
    }

    fn values(&self, now: i64) -> Vec<Option<f64>> {
        let value = |at: usize| match self.load.shown(at, now) {
            Shown::Value(value) => Some(value),
            Shown::Nothing | Shown::Hole => None,
        };
        (0..self.load.values.len()).map(value).collect()
    }

    fn synced(&mut self, now: i64, decided: Decided) {
        self.run.failed_syncs += usize::from(decided.failed);
        if let Some(replicas) = decided.written {
            self.written(now, (Writer::Autoscaler, decided.proposed), replicas);
        }
        self.run.moments.push(Moment {
            at: now,
            replicas: self.pods.replicas(),
            value: self.values(now).first().copied().flatten(),
        });
    }

    fn written(&mut self, now: i64, (by, proposed): (Writer, Option<i32>), replicas: i32) {
        self.run.changes.push(Change {
            at: now,
            by,
            values: self.values(now),
            proposed,
            from: self.pods.replicas(),
            to: replicas,
        });
        self.pods.scale(replicas, now + self.setting.start);
        self.pods.pass(now);
    }
}

/// In thousandths.
pub(in crate::replay) fn milli(value: f64) -> i64 {
    (value * 1_000.0).round() as i64
}

#[cfg(test)]
mod tests;
