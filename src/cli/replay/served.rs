//! `gpuwise replay hpa --service` and `gpuwise replay keda --service`: an autoscaler over a pool that answers to it, and what runs
//! today beside it.

use std::path::{Path, PathBuf};

use clap::Args;

use super::scaling::{refused, text_of, wrong};
use crate::catalog::Catalog;
use crate::cli::exit::Usage;
use crate::replay::fields::{self, Faults};
use crate::replay::given::Subject;
use crate::replay::hpa::{Flags, manifest};
use crate::replay::keda::lint::Finding;
use crate::replay::keda::spec;
use crate::replay::served::arrivals::{self, Arrivals};
use crate::replay::served::binding::{Bound, Columns, Known, all_asked_for, bind};
use crate::replay::served::server::{self, Server};
use crate::replay::served::{self, Outcome, Plan};
use crate::report::replay::served::Compared;

/// Replicas that are simulated at most.
const MOST: i32 = 1_000;

/// What a pool that answers needs.
#[derive(Debug, Args)]
#[command(next_help_heading = "A queue that answers")]
pub(super) struct Served {
    /// One replica of a model server (YAML): the load tells what arrives, and the queue follows from the replicas
    #[arg(long, value_name = "FILE", requires = "load")]
    service: Option<PathBuf>,
    /// What runs today, to compare with: a manifest with a HorizontalPodAutoscaler or a ScaledObject; without it --replicas, always
    #[arg(long, value_name = "SPEC", requires = "service")]
    before: Option<PathBuf>,
    /// What requests are drawn from
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
}

/// What is run.
pub(super) struct Run<'a> {
    pub(super) service: &'a Path,
    pub(super) spec: &'a Path,
    pub(super) subject: &'a Subject,
    pub(super) load: &'a Path,
    pub(super) flags: Flags,
    pub(super) replicas: Option<i32>,
    pub(super) start_seconds: Option<f64>,
    pub(super) usual_start: f64,
}

/// What came of both.
pub(super) struct Answer {
    server: Server,
    span: (i64, i64),
    before: Option<(Plan, Outcome)>,
    after: (Plan, Outcome),
    seed: u64,
}

impl Answer {
    pub(super) fn compared<'a>(&'a self, findings: &'a [Finding], hourly: Option<f64>) -> Compared<'a> {
        Compared {
            before: self.before.as_ref().map(|(plan, outcome)| (plan, outcome)),
            after: (&self.after.0, &self.after.1),
            span: self.span,
            objective: &self.server.objective,
            findings,
            hourly,
            seed: self.seed,
        }
    }
}

/// All of what is wrong, of several files.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn or<T>(&mut self, read: Result<T, Usage>) -> Option<T> {
        read.map_err(|Usage(why)| self.0.push(why)).ok()
    }

    fn all(&self) -> Usage {
        Usage(self.0.join("\n"))
    }

    fn told(&self) -> Result<(), Usage> {
        if self.0.is_empty() { Ok(()) } else { Err(self.all()) }
    }
}

/// The autoscaler of a manifest, of either kind.
fn subject(path: &Path, flags: Flags) -> Result<Subject, Usage> {
    let text = text_of(path)?;
    let read = || -> Result<Subject, Faults> {
        let documents = fields::documents(&text)?;
        let is_scaled = |one: &serde_json::Value| one.get("kind").is_some_and(|kind| kind == "ScaledObject");
        if documents.iter().any(is_scaled) {
            return Ok(Subject::Keda(Box::new(spec::read(&text)?)));
        }
        Ok(Subject::hpa(manifest::read(&text, flags.scale_to_zero)?))
    };
    read().map_err(|faults| refused(path, &faults))
}

/// Nothing is simulated of more replicas than anybody has.
fn bounded(path: &Path, subject: &Subject) -> Result<(), Usage> {
    let why = || {
        format!(
            "{} replicas are more than the {MOST} that are simulated; give a smaller maximum",
            subject.most()
        )
    };
    (subject.most() <= MOST)
        .then_some(())
        .ok_or_else(|| wrong(path, &why()))
}

impl Served {
    pub(super) fn service(&self) -> Option<&Path> {
        self.service.as_deref()
    }

    /// Replays the load under what runs today and under what may.
    pub(super) fn run(&self, run: &Run<'_>) -> Result<Answer, Usage> {
        if let Some(replicas) = run.replicas.filter(|replicas| *replicas > MOST) {
            return Err(Usage(format!(
                "--replicas {replicas}: at most {MOST} replicas are simulated"
            )));
        }
        let mut bad = Wrong::default();
        let file = run.service.display().to_string();
        let server = bad.or(text_of(run.service));
        let server =
            server.and_then(|text| bad.or(server::read(&text, &file).map_err(|faults| refused(run.service, &faults))));
        let before = self.before.as_deref();
        let earlier = before.and_then(|path| bad.or(subject(path, run.flags)));
        bad.or(bounded(run.spec, run.subject));
        if let (Some(path), Some(earlier)) = (before, &earlier) {
            bad.or(bounded(path, earlier));
        }
        let catalog = bad.or(Catalog::shipped().map_err(|error| Usage(error.to_string())));
        let (Some(server), Some(catalog)) = (server, catalog) else {
            return Err(bad.all());
        };
        bad.told()?;
        let subjects: Vec<&Subject> = earlier.iter().chain([run.subject]).collect();
        bad.or(all_asked_for(&server, &subjects).map_err(|faults| refused(run.service, &faults)));
        let (known, mut columns) = (Known::of(&catalog), Columns::default());
        let mut bound = |path: &Path, subject: &Subject| {
            bind(subject, &server, &known, &mut columns).map_err(|faults| refused(path, &faults))
        };
        let after = bad.or(bound(run.spec, run.subject));
        let earlier = before.zip(earlier).and_then(|(path, subject)| {
            let bound = bad.or(bound(path, &subject))?;
            Some((subject, bound))
        });
        bad.told()?;
        let arrivals = arrivals::read(&text_of(run.load)?, server.lengths, &columns.0);
        let arrivals = arrivals.map_err(|bad| refused(run.load, &bad))?;
        let after = plan(run, (run.subject.clone(), after.unwrap_or_default()));
        let before = match earlier {
            Some(earlier) => Some(plan(run, earlier)),
            None => run
                .replicas
                .map(|replicas| Plan::Fixed(u32::try_from(replicas).unwrap_or(0))),
        };
        Ok(self.answer(run, server, &arrivals, (before, after)))
    }

    fn answer(
        &self,
        run: &Run<'_>,
        server: Server,
        arrivals: &Arrivals,
        (before, after): (Option<Plan>, Plan),
    ) -> Answer {
        let starts = match (run.start_seconds, server.start_seconds.as_slice()) {
            (Some(seconds), _) => vec![seconds],
            (None, []) => vec![run.usual_start],
            (None, told) => told.to_vec(),
        };
        let of = |plan: Plan| {
            let outcome = served::run(&server, &starts, arrivals, &plan, self.seed);
            (plan, outcome)
        };
        Answer {
            span: arrivals.span(),
            before: before.map(of),
            after: of(after),
            seed: self.seed,
            server,
        }
    }
}

fn plan(run: &Run<'_>, (subject, bound): (Subject, Vec<Bound>)) -> Plan {
    let first = run.replicas.unwrap_or_else(|| subject.fewest());
    Plan::Scaled {
        first: u32::try_from(first).unwrap_or(0),
        flags: run.flags,
        subject,
        bound,
    }
}
