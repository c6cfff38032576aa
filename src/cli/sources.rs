//! Arguments that reading commands share: where the world is read, what is judged by, and what is asked about.

use std::path::PathBuf;

use clap::Args;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::exit::Usage;
use super::files::{self, judge, texts, zone};
use super::reach::Reach;
use super::when::AskedMonth;
use super::{config, when};
use crate::engine::{Judge, Scope, Selector};
use crate::model::progress::Progress;
use crate::model::time::Window;
use crate::pipeline::{Back, Kubernetes, LedgerSpan, Live, Source, UNNAMED};

/// How much history where nobody says.
pub(super) const DEFAULT_WINDOW: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Where the world is read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
pub(super) struct From {
    /// Use the world inside the binary: nothing to install, nothing is contacted
    #[arg(long, conflicts_with_all = ["recording", "prometheus"])]
    demo: bool,
    /// Use a folder that `gpuwise record` wrote
    #[arg(long, value_name = "DIR", conflicts_with = "prometheus")]
    recording: Option<PathBuf>,
    /// The kubeconfig, where it is not the one that kubectl finds
    #[arg(long, value_name = "FILE", conflicts_with = "no_kubernetes")]
    kubeconfig: Option<PathBuf>,
    /// The context in it
    #[arg(long, value_name = "NAME", conflicts_with = "no_kubernetes")]
    kube_context: Option<String>,
    /// Do without the Kubernetes API: workloads from metrics alone
    #[arg(long)]
    no_kubernetes: bool,
    /// What to call the cluster in the plan
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// How much history, such as 14d or 36h [default: 14d]
    #[arg(long, value_name = "DURATION", value_parser = when::duration)]
    window: Option<SignedDuration>,
    /// Up to when: a date (its beginning), such as 2026-11-16 or 16 Nov 2026, `2026-11-16 09:30`, yesterday [default: now]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The history of a calendar month, such as 2026-10, `this`, or `last` (which `--month` alone means): what was spent; changes
    /// are proposed up to a day after its end
    #[arg(long, value_name = "MONTH", value_parser = when::asked_month, num_args = 0..=1, default_missing_value = "last",
        conflicts_with_all = ["window", "until"])]
    month: Option<AskedMonth>,
    /// The time zone of months, dates and hours, such as Europe/Berlin [default: the policy's, which is UTC if it says none]
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    timezone: Option<TimeZone>,
    /// Seconds from one point to the next [default: 60, or the scrape interval where that is longer]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3600))]
    step: Option<u32>,
    /// Samples held in memory at once, eight bytes each: a cluster or a recording with more is read part by part
    #[arg(long, value_name = "COUNT", default_value = "52000000", value_parser = clap::value_parser!(u64).range(1..))]
    samples_at_once: u64,
    /// Of how many model-serving workloads requests are read at scrape interval, those whose GPUs cost the most; 0 for none
    #[arg(long, value_name = "COUNT", default_value = "50", value_parser = clap::value_parser!(u16).range(0..=1000))]
    replay_limit: u16,
    /// Ask Prometheus range queries even where it offers remote read, which costs it less
    #[arg(long)]
    no_remote_read: bool,
    /// A file that says what is the same in every run, under `sources:` and the names of these flags
    /// [default: gpuwise.yaml, if it is there]
    #[arg(long, value_name = "FILE", env = "GPUWISE_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    reach: Reach,
}

impl From {
    /// The time zone that the arguments name.
    pub(super) fn timezone(&self) -> Option<&str> {
        self.timezone.as_ref().and_then(TimeZone::iana_name)
    }

    /// The source that the arguments name; times are meant in `zone` where they name none.
    pub(super) fn source(&self, zone: &str, progress: &dyn Progress) -> anyhow::Result<Source> {
        let recorded = if self.demo { "--demo" } else { "--recording" };
        if self.is_recorded() && (self.window.is_some() || self.until.is_some() || self.month.is_some()) {
            let what = format!(
                "{recorded} is of its own time: --window, --until and --month cannot be used with it, but for `gpuwise cost` and `gpuwise budget`"
            );
            return Err(Usage(what).into());
        }
        self.source_with(zone, None, progress)
    }

    /// The same with what the days of this month and the one before cost.
    pub(super) fn source_by_day(&self, zone: &str, progress: &dyn Progress) -> anyhow::Result<Source> {
        if self.is_recorded() {
            return self.source(zone, progress);
        }
        self.source_with(zone, Some(Back::Months), progress)
    }

    /// Whether the world was recorded, and is of its own time.
    pub(super) fn is_recorded(&self) -> bool {
        self.demo || self.recording.is_some()
    }

    /// The same with days of cost. A recording has those that it has.
    pub(super) fn source_with(
        &self,
        zone: &str,
        back: Option<Back>,
        progress: &dyn Progress,
    ) -> anyhow::Result<Source> {
        self.source_over(zone, (back, DEFAULT_WINDOW), progress)
    }

    /// The same, of so much history where the arguments do not say.
    pub(super) fn source_over(
        &self,
        zone: &str,
        (back, unless_said): (Option<Back>, SignedDuration),
        progress: &dyn Progress,
    ) -> anyhow::Result<Source> {
        if self.demo {
            return Ok(Source::Demo);
        }
        if let Some(folder) = &self.recording {
            return Ok(Source::Recording {
                folder: folder.clone(),
                samples_at_once: self.samples_at_once,
                replay_limit: usize::from(self.replay_limit),
            });
        }
        let config = config::load(self.config.as_deref())?;
        let reach = self.reach.clone().over(config.reach);
        let prometheus = reach.prometheus()?;
        if prometheus.is_none() && self.no_kubernetes {
            return Err(Usage(
                "nothing to read: give --demo, --recording DIR, or --prometheus URL (with --costs URL for real prices); \
                 without the Kubernetes API they cannot be looked for"
                    .to_owned(),
            )
            .into());
        }
        let (window, until) = self.span(zone, unless_said, progress)?;
        Ok(Source::Live(Box::new(Live {
            prometheus,
            within: reach.matchers()?,
            costs: reach.costs()?,
            looked_for: reach.looked_for()?,
            kubernetes: self.api((config.kubeconfig, config.kube_context)),
            cluster: self.cluster.clone().or(config.cluster),
            window,
            until,
            step_seconds: self.step,
            samples_at_once: self.samples_at_once,
            replay_limit: usize::from(self.replay_limit),
            remote_read: !self.no_remote_read,
            ledger: match back {
                Some(back) => Some(LedgerSpan {
                    zone: self.zone_or(zone)?,
                    back,
                }),
                None => None,
            },
            metric_facts: false,
        })))
    }

    /// Whether the arguments say how much history is read.
    pub(super) fn says_window(&self) -> bool {
        self.window.is_some() || self.month.is_some()
    }

    /// The same, of which it is looked at as well which metrics there are, with which labels.
    pub(super) fn source_with_metrics(
        &self,
        zone: &str,
        back: Option<Back>,
        progress: &dyn Progress,
    ) -> anyhow::Result<Source> {
        let mut source = match back {
            Some(_) if !self.is_recorded() => self.source_with(zone, back, progress)?,
            _ => self.source(zone, progress)?,
        };
        if let Source::Live(live) = &mut source {
            live.metric_facts = true;
        }
        Ok(source)
    }
}

impl From {
    fn api(&self, (kubeconfig, context): (Option<PathBuf>, Option<String>)) -> Kubernetes {
        match self.no_kubernetes {
            true => Kubernetes::None,
            false => Kubernetes::Read {
                kubeconfig: self.kubeconfig.clone().or(kubeconfig),
                context: self.kube_context.clone().or(context),
            },
        }
    }

    /// Whether it is the world inside the binary.
    pub(super) fn is_demo(&self) -> bool {
        self.demo
    }

    /// Whether the arguments name a source, and do not leave it to be found.
    pub(super) fn is_named(&self) -> bool {
        let cluster = self.kubeconfig.is_some() || self.kube_context.is_some() || self.reach.prometheus.is_some();
        self.demo || self.recording.is_some() || self.config.is_some() || cluster
    }

    /// The Kubernetes API that the arguments name; `None` where they name a source without one.
    pub(super) fn kubernetes(&self) -> anyhow::Result<Option<Kubernetes>> {
        if self.demo || self.recording.is_some() || self.no_kubernetes {
            return Ok(None);
        }
        let config = config::load(self.config.as_deref())?;
        Ok(Some(self.api((config.kubeconfig, config.kube_context))))
    }

    /// What the cluster behind an API is called where nothing was read yet: as told, or by its context.
    pub(super) fn called(&self, kubernetes: &Kubernetes) -> anyhow::Result<String> {
        let told = self.cluster.clone();
        let told = told.map_or_else(
            || Ok(config::load(self.config.as_deref())?.cluster),
            |name| anyhow::Ok(Some(name)),
        )?;
        let name = told.or_else(|| kubernetes.context());
        Ok(name.unwrap_or_else(|| UNNAMED.to_owned()))
    }

    fn zone_or(&self, zone: &str) -> Result<TimeZone, Usage> {
        match &self.timezone {
            Some(zone) => Ok(zone.clone()),
            None => files::zone(zone).map_err(Usage),
        }
    }

    /// How much history, and up to when if not now.
    fn span(
        &self,
        zone: &str,
        unless_said: SignedDuration,
        progress: &dyn Progress,
    ) -> Result<(SignedDuration, Option<Timestamp>), Usage> {
        let (zone, now) = (self.zone_or(zone)?, Timestamp::now());
        let span = self.asked(&zone, now, progress)?;
        let window = |span: &Window| span.end.duration_since(span.start);
        let dated = self.month.is_some() || self.until.is_some();
        Ok(match span {
            // An end alone says nothing of how far back.
            Some(span) if self.window.is_none() && self.month.is_none() => (unless_said, Some(span.end)),
            Some(span) => (window(&span), dated.then_some(span.end)),
            None => (unless_said, None),
        })
    }

    /// The span that is asked for, where `now` is when it ends if nothing else is said; `None` where none is.
    pub(super) fn asked(
        &self,
        zone: &TimeZone,
        now: Timestamp,
        progress: &dyn Progress,
    ) -> Result<Option<Window>, Usage> {
        if let Some(month) = self.month {
            let month = month.of(zone, now);
            let span = month.span(zone, now);
            let span = span.map_err(|why| Usage(format!("--month {month}: {why}")))?;
            if span.unfinished {
                progress.note(&format!("{month} is not over; it is read up to now"));
            }
            let (start, end) = (span.start, span.end);
            return Ok(Some(Window { start, end }));
        }
        if self.window.is_none() && self.until.is_none() {
            return Ok(None);
        }
        let end = self
            .until
            .as_deref()
            .map_or(Ok(now), |text| when::moment(text, zone, now));
        let end = end.map_err(|why| Usage(format!("--until: {why}")))?;
        let window = self.window.unwrap_or(DEFAULT_WINDOW);
        let start = end.checked_sub(window);
        let start = start.map_err(|_| Usage(format!("nothing is known of {window} before {end}")))?;
        Ok(Some(Window { start, end }))
    }
}

/// What is judged by.
#[derive(Debug, Args)]
#[command(next_help_heading = "Judgement")]
pub(super) struct By {
    /// A policy laid over the defaults, a file or `cautious` or `aggressive` (repeatable, later wins); `gpuwise policy show`
    /// prints every key
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// What you pay by contract (YAML), as under `prices` in the policy (repeatable, later wins)
    #[arg(long, value_name = "FILE")]
    price_sheet: Vec<PathBuf>,
    /// What owners decided of changes (YAML): accept, snooze, reject, with reason and term (repeatable)
    #[arg(long, value_name = "FILE")]
    decisions: Vec<PathBuf>,
    /// Prompts that came, as hashes of their blocks: NAMESPACE/WORKLOAD.jsonl in this folder, each line a request with
    /// `hash_ids` and `input_length`
    #[arg(long, value_name = "DIR")]
    prompt_traces: Option<PathBuf>,
}

/// What is asked about.
#[derive(Debug, Args)]
#[command(next_help_heading = "Judgement")]
pub(super) struct About {
    /// Only workloads of this namespace (repeatable)
    #[arg(long, value_name = "NAME")]
    namespace: Vec<String>,
    /// Only workloads of this owner (repeatable)
    #[arg(long, value_name = "TEAM")]
    owner: Vec<String>,
    /// Only workloads with such labels, on themselves or their newest pod, as kubectl's `-l`: team=chat,tier!=test
    #[arg(short = 'l', long, value_name = "LABELS", conflicts_with = "no_kubernetes")]
    selector: Option<Selector>,
}

/// Which levers are asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Judgement")]
pub(super) struct Levers {
    /// Ask only this lever (repeatable)
    #[arg(long, value_name = "ID")]
    lever: Vec<String>,
}

impl By {
    /// The policy with its levers; hours are meant in the time zone that the source's arguments name, if they do.
    pub(super) fn judge(&self, from: &From) -> anyhow::Result<Judge> {
        let judge = judge(&self.policy, &self.price_sheet)?.with_decisions(&texts(&self.decisions)?)?;
        let judge = match &self.prompt_traces {
            Some(folder) => judge.with_prompts(super::prompts::read(folder)?),
            None => judge,
        };
        Ok(match from.timezone() {
            Some(zone) => judge.in_timezone(zone).map_err(Usage)?,
            None => judge,
        })
    }
}

impl Levers {
    /// Whether no lever was chosen.
    pub(super) fn are_all(&self) -> bool {
        self.lever.is_empty()
    }

    /// A judge that asks these alone.
    pub(super) fn of(&self, judge: Judge) -> Result<Judge, Usage> {
        judge.only(&self.lever).map_err(Usage)
    }
}

impl About {
    /// Whether nothing was chosen.
    pub(super) fn is_everything(&self) -> bool {
        self.namespace.is_empty() && self.owner.is_empty() && self.selector.is_none()
    }

    /// Which workloads are asked about.
    pub(super) fn scope(&self) -> Scope {
        Scope {
            namespaces: self.namespace.clone(),
            owners: self.owner.clone(),
            selector: self.selector.clone().unwrap_or_default(),
        }
    }
}
