//! Arguments of what acts on a plan: one that is made now, or one in a file that is not too old.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::exit::Usage;
use super::files::read;
use super::sources::{About, By, From, Levers};
use crate::model::plan::Plan;
use crate::model::progress::Progress;
use crate::pipeline::Kubernetes;
use crate::policy::patches::Patches;
use crate::{pipeline, report};

/// Which plan.
#[derive(Debug, Args)]
pub(super) struct Planned {
    /// A plan (JSON) that `gpuwise analyze` made, instead of reading and judging now; one that is too old is made again from the
    /// source that is named beside it
    #[arg(long, value_name = "FILE", help_heading = "Source", conflicts_with_all = ["namespace", "owner", "selector", "lever"])]
    plan: Option<PathBuf>,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    about: About,
    #[command(flatten)]
    levers: Levers,
}

impl Planned {
    /// The plan, and how its patches are made; one in a file is refused where it is not of the cluster that patches are laid over.
    pub(super) async fn plan(
        &self,
        over: Option<&Kubernetes>,
        progress: &dyn Progress,
    ) -> anyhow::Result<(Plan, Patches)> {
        let judge = self.levers.of(self.by.judge(&self.from)?)?;
        let settings = judge.policy().patches.clone();
        if let Some(path) = &self.plan {
            match recent(path, &settings)? {
                Aged::Recent(plan) => {
                    if let Some(kubernetes) = over {
                        is_of(&plan, &self.from.called(kubernetes)?)?;
                    }
                    return Ok((*plan, settings));
                }
                Aged::Old(why) if self.from.is_named() => progress.note(&format!("{why}: it is made again")),
                Aged::Old(why) => {
                    return Err(Usage(format!(
                        "{why}: analyze again, name the source beside it (--prometheus, --kubeconfig, --recording) to have that done, or \
                         raise patches.most_plan_age_hours ({}) in the policy",
                        settings.most_plan_age_hours
                    ))
                    .into());
                }
            }
        }
        let source = self.from.source(&judge.policy().objectives.timezone, progress)?;
        let plan = pipeline::plan(&source, &judge, &self.about.scope(), progress).await?;
        Ok((plan, settings))
    }

    /// The Kubernetes API behind it; `None` where there is none.
    pub(super) fn kubernetes(&self) -> anyhow::Result<Option<Kubernetes>> {
        self.from.kubernetes()
    }

    /// Whether all of a cluster was asked about, by all levers.
    pub(super) fn is_whole(&self) -> bool {
        self.about.is_everything() && self.levers.are_all()
    }
}

/// That all that a plan changes is in the cluster of this name.
fn is_of(plan: &Plan, cluster: &str) -> Result<(), Usage> {
    let rows = plan.accepted.iter().filter_map(|row| plan.workload(&row.subject.id));
    let all: BTreeSet<&str> = rows.map(|workload| workload.cluster.as_str()).collect();
    let all: Vec<&str> = all.into_iter().collect();
    match &all[..] {
        [] => Ok(()),
        [one] if *one == cluster => Ok(()),
        [one] => Err(Usage(format!(
            "--plan is of the cluster {one}, and patches would be laid over what {cluster} has: name the one of the plan by \
             --kube-context, or say --cluster {one} if {cluster} is called so there"
        ))),
        several => Err(Usage(format!(
            "--plan is of the clusters {}, and patches would be laid over what {cluster} has: analyze that one alone, or give --manifests",
            several.join(", ")
        ))),
    }
}

/// A plan in a file.
enum Aged {
    /// Of late.
    Recent(Box<Plan>),
    /// What it saw may be otherwise by now, in words.
    Old(String),
}

/// A plan in a file, and whether it is of late.
fn recent(path: &Path, settings: &Patches) -> Result<Aged, Usage> {
    let wrong = |why: String| Usage(format!("--plan {}: {why}", path.display()));
    let text = String::from_utf8(read(path)?).map_err(|_| wrong("it is not UTF-8 text".to_owned()))?;
    let plan = report::json::read(&text).map_err(|why| wrong(why.to_string()))?;
    let hours = (Timestamp::now().as_second() - plan.window.end.as_second()) as f64 / 3600.0;
    if hours > settings.most_plan_age_hours {
        return Ok(Aged::Old(format!(
            "--plan {}: it is {hours:.0} hours old, and what it saw may be otherwise by now",
            path.display()
        )));
    }
    Ok(Aged::Recent(Box::new(plan)))
}
